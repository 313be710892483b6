"""The journey map: stages, touchpoints, pain points and moments of truth on one page (E3)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from playbook.answer import Answer, answers, format_value, need
from playbook.experience.common import (
    INTERACTIONS,
    STAGES,
    days_in_words,
    joined,
    per_cent,
    year_to,
)

__all__ = ["journey_map"]

FAILING = 0.10
"""Share of failed contacts from which a touchpoint is a pain point."""


@answers
def journey_map(
    journey: Answer,
    touchpoints: Answer,
    as_of: date,
    moments: Answer | None = None,
    incidents: Answer | None = None,
    improvements: Answer | None = None,
) -> Answer:
    """Return what the map shows, touchpoint by touchpoint.

    A *pain point* is a touchpoint whose satisfaction lies surely below the average of all rated ones,
    or at which at least one contact in ten fails. A *moment of truth* is a touchpoint whose satisfaction,
    or whose failure, passes as a driver of recommendation.

    Parameters
    ----------
    journey, touchpoints
        Answers of `journey` and `touchpoint_table`.
    as_of
        Last day of the period.
    moments, incidents, improvements
        Answers of `touchpoint_drivers`, `incident_drivers` and `improvements`, where there are any.
    """
    table = touchpoints["inventory"].copy()
    need(table, "touchpoints", INTERACTIONS)
    rated = table.dropna(subset=["csat"])
    average = float((rated["csat"] * rated["csat_n"]).sum() / rated["csat_n"].sum()) if len(rated) else float("nan")  # fmt: skip
    low = table["csat_high"] < average if "csat_high" in table else table["csat"] < average
    table["is_low"] = low.fillna(False)
    table["is_pain"] = table["is_low"] | (table["failure_share"].fillna(0) >= FAILING)
    table["is_moment"] = table["touchpoint"].isin(_moments(moments, incidents))
    stages = _stages(journey, table, improvements)
    pains, truths = table[table["is_pain"]], table[table["is_moment"]]
    both = table[table["is_pain"] & table["is_moment"]]
    if len(both):
        headline = f"Where it matters and hurts at once: {joined(list(both['touchpoint']))}"
    else:
        headline = (
            f"{len(pains)} of {len(table)} touchpoints hurt, {len(truths)} decide on recommendation"
        )
    so_what = (
        f"{_number(len(pains), 'pain point')}{_list(pains)}; {_number(len(truths), 'moment')} of truth{_list(truths)}. "
        f"{'Begin with ' + both['touchpoint'].iloc[0] + ', which is both' if len(both) else 'No moment of truth hurts now: protect them while mending the pains'}. "
        "Hang the map where departments meet and give each stage an owner."
    )
    table = table.sort_values(
        ["is_moment", "is_pain", "reach", "touchpoint"],
        ascending=[False, False, False, True],
        ignore_index=True,
    )
    columns = [
        "stage",
        "touchpoint",
        "reach",
        "csat",
        "failure_share",
        "repeat_7d",
        "is_pain",
        "is_moment",
    ]
    return Answer(
        table=table[columns],
        headline=headline[:90],
        so_what=so_what,
        kind="diagnostic",
        caption=f"Five stages with their touchpoints: satisfaction (1 to 5, 95 % interval), reach, failed contacts and cost; {year_to(as_of)}",
        units={"reach": "count", "csat": "points", "failure_share": "%", "repeat_7d": "%"},
        source="interactions, survey answers, tickets, orders; drivers from a linear model with controls",
        extra={"touchpoints": table, "stages": stages, "average": average},
    )  # fmt: skip


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _list(rows: pd.DataFrame) -> str:
    """Names in brackets, at most five."""
    names = list(rows["touchpoint"])
    shown = joined(names) if len(names) <= 5 else ", ".join(names[:5]) + " and others"
    return f" ({shown})" if names else ""


def _moments(moments: Answer | None, incidents: Answer | None) -> set[str]:
    names = set(moments.table.loc[moments.table["is_driver"], "driver"]) if moments else set()
    if incidents is not None:
        found = incidents.table.loc[incidents.table["is_driver"], "driver"]
        names |= set(incidents["places"].reindex(found).dropna())
    return names


def _stages(journey: Answer, table: pd.DataFrame, improvements: Answer | None) -> pd.DataFrame:
    """One row a stage: people, cost, the way in, what hurts, what decides, what to do."""
    facts = journey["stages"].set_index("stage")
    steps = journey.table.set_index("stage")
    rows: list[dict[str, Any]] = []
    for stage in STAGES:
        here = table[table["stage"] == stage]
        row = {name: facts[name].get(stage) for name in ("persons", "contacts", "cost", "per_1000")}
        way = ""
        if stage in steps.index and steps.loc[stage, "entered"] > 0:
            step = steps.loc[stage]
            way = f"{per_cent(step['share'])} of those at {step['of']}, half within {days_in_words(step['median_days'])}"
        pains = [_pain(r) for r in here[here["is_pain"]].itertuples()]
        rows.append(row | {
            "stage": stage, "way": way, "pains": pains, "moments": list(here.loc[here["is_moment"], "touchpoint"]),
            "actions": _actions(improvements, {stage, *here["touchpoint"]} | ({"service"} if stage == "support" else set())),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _pain(row: Any) -> str:
    parts = []
    if row.is_low:
        parts.append(f"rated {row.csat:.1f}")
    if row.failure_share == row.failure_share and row.failure_share >= FAILING:
        parts.append(f"{per_cent(row.failure_share)} fail")
    return f"{row.touchpoint}: {', '.join(parts)}"


def _actions(improvements: Answer | None, places: set[str]) -> list[str]:
    if improvements is None:
        return []
    rows = improvements.table
    rows = rows[rows["touchpoint"].isin(places) & (rows["confidence"] != "none found")]
    return [
        f"{r.improvement}: {format_value(r.effect, 'currency') + ' at risk, ' if r.effect == r.effect else ''}{r.confidence}"
        for r in rows.head(3).itertuples()
    ]
