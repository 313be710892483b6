"""The objectives themselves: how they trace to the purpose, and each with its baseline and target."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from playbook.answer import Answer, Missing, answers, format_value
from playbook.engagement.model import Initiative, Objective, Role
from playbook.errors import NotEnough
from playbook.objectives.baselines import FIGURES

__all__ = ["objectives_result", "targets", "title_of", "tracing"]

AREAS = ("acquisition", "engagement", "satisfaction", "retention", "value")
STATEMENTS = ("purpose", "mission", "vision")
ASK = "two to five objectives, each with metric, target, due date and owner"


def title_of(role: str, roles: Sequence[Role]) -> str:
    """Return the title of a role, or its id when the engagement does not know it."""
    return {r.id: r.title for r in roles}.get(role, role)


@answers
def tracing(
    objectives: Sequence[Objective],
    initiatives: Sequence[Initiative],
    purpose: str,
    mission: str,
    vision: str,
) -> Answer:
    """Trace every objective up to the statement it serves and down to the initiatives that serve it.

    Returns
    -------
    Answer
        statement, objective, area, because, initiatives (number); one row per objective.
        ``answer["links"]`` has objective and initiative names, ``answer["statements"]`` the three texts.
    """
    if len(objectives) == 0:
        raise NotEnough("the plan names no objectives to trace to the purpose", ASK)
    said = dict(zip(STATEMENTS, (purpose, mission, vision), strict=True))
    served_by = {o.id: [i for i in initiatives if o.id in i.objectives] for o in objectives}
    ordered = sorted(objectives, key=lambda o: (STATEMENTS.index(o.serves), o.id))
    table = pd.DataFrame([
        {"serves": o.serves, "objective": o.name, "area": o.area, "because": o.because, "initiatives": len(served_by[o.id])}
        for o in ordered
    ])  # fmt: skip
    links = pd.DataFrame(
        [
            {"serves": o.serves, "objective": o.name, "initiative": i.name}
            for o in objectives
            for i in served_by[o.id]
        ],
        columns=["serves", "objective", "initiative"],
    )
    unserved = [s for s in STATEMENTS if s not in set(table["serves"])]
    unwritten = [s for s in STATEMENTS if not said[s].strip()]
    idle = list(table.loc[table["initiatives"] == 0, "objective"])
    open_areas = [a for a in AREAS if a not in set(table["area"])]
    whole = not (unserved or unwritten or idle)
    headline = (
        f"All {len(table)} objectives trace to the purpose and have initiatives"
        if whole
        else f"The thread from purpose to work breaks in {len(unserved + unwritten + idle)} places"
    )
    return Answer(
        table=table,
        headline=headline,
        so_what=_thread_words(unserved, unwritten, idle, open_areas, table),
        kind="descriptive",
        caption="Each objective, the statement it serves, why, and the number of initiatives that serve it",
        units={"initiatives": "count"},
        source="engagement file and plan",
        extra={"links": links, "statements": said},
    )


def _thread_words(
    unserved: list[str],
    unwritten: list[str],
    idle: list[str],
    open_areas: list[str],
    table: pd.DataFrame,
) -> str:
    parts = []
    if unwritten:
        parts.append(f"write down the {' and '.join(unwritten)}")
    if unserved:
        parts.append(
            f"no objective serves the {' or the '.join(unserved)}: add one or drop the claim"
        )
    if idle:
        parts.append(f"nothing is being done for: {', '.join(idle)}")
    if open_areas:
        parts.append(f"no objective covers {', '.join(open_areas)}; check that this is meant")
    thin = table.loc[table["initiatives"].idxmin()]
    if not parts:
        few = int(thin["initiatives"])
        rests = "a single initiative" if few == 1 else f"{few} initiatives"
        parts.append(
            f"purpose, mission, vision and all five areas are served; the thinnest thread is "
            f"“{thin['objective']}”, which rests on {rests}: protect it first when money is cut"
        )
    return ". ".join(p[0].upper() + p[1:] for p in parts) + "."


@answers
def targets(
    objectives: Sequence[Objective],
    figures: pd.DataFrame | None = None,
    roles: Sequence[Role] = (),
) -> Answer:
    """Put each objective's target beside its baseline.

    Parameters
    ----------
    objectives
        Objectives of the plan.
    figures
        ``figures`` of `baselines`; without them the targets stand alone.
    roles
        Roles of the engagement, for the owner's title.

    Returns
    -------
    Answer
        objective, metric, baseline with its chance range, target, lift, due, owner;
        ``answer["numbers"]`` the same in numbers, with share_now (baseline as a share of the target) and its ends.
    """
    if len(objectives) == 0:
        raise NotEnough("the plan names no objectives", ASK)
    known = pd.DataFrame() if figures is None else figures.set_index("metric")
    numbers = pd.DataFrame([_target_row(o, known) for o in objectives])
    words = pd.DataFrame(
        [
            {
                "objective": r.name,
                "metric": r.metric_name,
                "baseline": format_value(r.baseline, r.unit),
                "chance_range": f"{format_value(r.low, r.unit)} to {format_value(r.high, r.unit)}"
                if r.low == r.low
                else "–",
                "target": format_value(r.target, r.unit),
                "lift": r.lift,
                "due": pd.Timestamp(r.due),
                "owner": title_of(r.owner, roles),
            }
            for r in numbers.itertuples(index=False)
        ]
    )
    below = numbers[numbers["target"] < numbers["baseline"]]
    inside = numbers[(numbers["target"] <= numbers["high"]) & (numbers["target"] >= numbers["low"])]
    unknown = numbers[numbers["baseline"].isna()]
    stretching = int((numbers["target"] > numbers["high"]).sum())
    return Answer(
        table=words,
        headline=f"{stretching} of {len(numbers)} targets ask for more than chance could bring"
        if len(unknown) < len(numbers)
        else f"None of the {len(numbers)} targets has a baseline yet",
        so_what=_target_words(below, inside, unknown, numbers),
        kind="descriptive",
        caption="Objectives: baseline of the last 12 months with 95 % chance range, target, lift asked, due date and owner",
        units={"lift": "%"},
        source="plan; baselines from orders and survey answers",
        extra={"numbers": numbers},
    )


def _target_row(objective: Objective, known: pd.DataFrame) -> dict:
    there = objective.metric in known.index
    row = known.loc[objective.metric] if there else {}
    name, unit = FIGURES.get(objective.metric, (objective.metric, ""))
    value, low, high = (float(row[k]) if there else math.nan for k in ("value", "low", "high"))
    target = objective.target
    return {
        "id": objective.id,
        "name": objective.name,
        "area": objective.area,
        "metric": objective.metric,
        "metric_name": name,
        "target": target,
        "due": pd.Timestamp(objective.due),
        "owner": objective.owner,
        "baseline": value,
        "low": low,
        "high": high,
        "n": int(row["n"]) if there else 0,
        "unit": unit,
        "lift": target / value - 1 if value and value == value else math.nan,
    }


def _target_words(
    below: pd.DataFrame, inside: pd.DataFrame, unknown: pd.DataFrame, numbers: pd.DataFrame
) -> str:
    parts = []
    if len(unknown):
        parts.append(
            f"{', '.join(unknown['name'])}: without a baseline it cannot be reviewed; deliver the data behind it "
            "or choose another figure"
        )
    if len(below):
        parts.append(f"{', '.join(below['name'])}: already above target; raise it or drop it")
    quiet = inside[~inside["id"].isin(below["id"])]
    if len(quiet):
        parts.append(
            f"{', '.join(quiet['name'])}: the target lies within chance, so reaching it would prove nothing"
        )
    far = numbers.dropna(subset=["lift"])
    if not parts and len(far):
        most = far.loc[far["lift"].idxmax()]
        parts.append(
            f"every target stretches; the widest is {most['name']} with {format_value(most['lift'], '%')} more, "
            "so agree first what it may cost"
        )
    return ". ".join(p[0].upper() + p[1:] for p in parts) + "."


def objectives_result(goals: Answer | Missing, reach: Answer | Missing) -> pd.DataFrame | Missing:
    """Return the result ``objectives``: each objective with baseline, target, expectation, gap and chance.

    Without a forecast the expectation, gap and chance are not known; without objectives the result is missing.
    """
    if isinstance(goals, Missing):
        return goals
    columns = ["id", "expected", "low", "high", "gap", "probability", "method"]
    forecasts = pd.DataFrame(columns=columns) if isinstance(reach, Missing) else reach["forecasts"]
    forecasts = forecasts[columns].rename(columns={"low": "expected_low", "high": "expected_high"})
    frame = goals["numbers"].drop(columns=["metric_name", "lift"])
    merged = frame.merge(forecasts, on="id", how="left").sort_values("id", ignore_index=True)
    numeric = ["expected", "expected_low", "expected_high", "gap", "probability"]
    return merged.astype(dict.fromkeys(numeric, "float64") | {"method": "str"})
