"""Did each objective get where it should?

Glossary
--------
baseline
    The figure when the plan was made, a year before.
cannot tell
    The interval of the figure holds the target, so chance alone could decide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import pandas as pd

from playbook.answer import Answer, Metric, Missing, answers, format_value
from playbook.engagement.model import Objective
from playbook.errors import NotEnough

__all__ = ["scorecard"]

REACHED, MISSED, UNCLEAR = "reached", "not reached", "cannot tell"
STARTS, NOT_DUE, UNKNOWN = "starts now", "not due yet", "not measured"


def scorecard(
    plan: Sequence[Objective] | Missing,
    reviewed: Sequence[Objective] | Missing,
    metrics: pd.DataFrame,
    before: pd.DataFrame | Missing,
    as_of: date,
) -> Answer | Missing:
    """Put each objective of the last plan beside what happened.

    A target counts as reached when the whole 95 % interval lies at or above it, as not reached when all of it
    lies below; more is better for every metric. In the first period there is nothing to judge and the
    baselines of the present plan are shown.

    Parameters
    ----------
    plan
        Objectives of this period's plan.
    reviewed
        Objectives of the plan of the period before; `Missing` in the first period.
    metrics
        Key figures of this run: id, value, low, high, n, unit.
    before
        Result ``objectives`` of the period before, for the baselines.
    as_of
        Last day of the period; an objective due later is not judged.

    Returns
    -------
    Answer
        In words: objective, baseline, target, now, chance_range, since_baseline, status. Extra ``numbers``: the
        result ``scorecard``, with before_low, before_high, moved, due, owner.
    """
    first = isinstance(reviewed, Missing)
    chosen = plan if first else reviewed
    if isinstance(chosen, Missing):
        return chosen
    old = None if isinstance(before, Missing) else before
    return _scorecard(chosen, metrics, old, as_of, first)


@answers
def _scorecard(
    objectives: Sequence[Objective], metrics: pd.DataFrame, before: pd.DataFrame | None, as_of: date, first: bool
) -> Answer:  # fmt: skip
    if len(objectives) == 0:
        raise NotEnough(
            "the plan names no objectives", "two to five objectives with metric and target"
        )
    now = metrics.drop_duplicates("id").set_index("id")
    old = before.drop_duplicates("id").set_index("id") if before is not None else pd.DataFrame()
    rows = [_row(o, now, old, as_of, first) for o in objectives]
    numbers = pd.DataFrame(rows).sort_values("id", ignore_index=True)
    known = numbers[numbers["status"] != UNKNOWN]
    if known.empty:
        raise NotEnough("no objective's metric is computed", "orders or surveys that hold it")
    order = {REACHED: 0, UNCLEAR: 1, MISSED: 2, NOT_DUE: 3, STARTS: 4, UNKNOWN: 5}
    shown = numbers.sort_values("status", key=lambda s: s.map(order), kind="stable")
    judged = numbers[numbers["status"].isin([REACHED, UNCLEAR, MISSED])]
    return Answer(
        table=pd.DataFrame([_words(row) for row in shown.itertuples(index=False)]),
        headline=_headline(numbers, judged),
        so_what=_so_what(numbers, judged),
        kind="descriptive",
        caption=(
            f"Objectives {'of this plan at their start' if first else 'of the last plan'}: target and figure of the "
            f"12 months to {as_of:%Y-%m-%d}, 95 % chance range"
        ),
        source="plan; key figures of step 1",
        metrics=(
            Metric("objectives_reached", float((judged["status"] == REACHED).sum()), n=len(judged), unit="count"),
        ) if len(judged) else (),
        extra={"numbers": numbers, "first": first},
    )  # fmt: skip


def _row(
    objective: Objective, now: pd.DataFrame, old: pd.DataFrame, as_of: date, first: bool
) -> dict:
    actual, low, high, n, unit = _figure(now, objective.metric, "value")
    baseline, old_low, old_high, _, _ = _figure(old, objective.id, "baseline")
    if first:
        baseline, old_low, old_high = actual, low, high
    status = _status(actual, low, high, objective.target)
    if status != UNKNOWN and (first or objective.due > as_of):
        status = STARTS if first else NOT_DUE
    return {
        "id": objective.id, "name": objective.name, "metric": objective.metric, "baseline": baseline,
        "target": objective.target, "actual": actual, "low": low, "high": high, "n": n, "unit": unit,
        "status": status, "before_low": old_low, "before_high": old_high,
        "moved": _moved(actual, low, high, baseline, old_low, old_high) if not first else "–",
        "due": pd.Timestamp(objective.due), "owner": objective.owner,
    }  # fmt: skip


def _figure(frame: pd.DataFrame, key: str, column: str) -> tuple[float, float, float, int, str]:
    if key not in frame.index:
        return math.nan, math.nan, math.nan, 0, ""
    row = frame.loc[key]
    value = float(row[column])
    ends = [float(row[e]) if pd.notna(row[e]) else value for e in ("low", "high")]
    return value, ends[0], ends[1], int(row["n"]) if pd.notna(row["n"]) else 0, str(row["unit"])


def _status(value: float, low: float, high: float, target: float) -> str:
    if math.isnan(value):
        return UNKNOWN
    if low >= target:
        return REACHED
    return MISSED if high < target else UNCLEAR


def _moved(
    value: float, low: float, high: float, baseline: float, old_low: float, old_high: float
) -> str:
    change = value - baseline
    if math.isnan(change):
        return "–"
    chance = math.hypot(high - low, old_high - old_low) / 2
    if abs(change) <= chance:
        return "within chance"
    return "up" if change > 0 else "down"


def _words(row) -> dict:
    return {
        "objective": row.name,
        "baseline": format_value(row.baseline, row.unit),
        "target": format_value(row.target, row.unit),
        "now": format_value(row.actual, row.unit),
        "chance_range": "–"
        if math.isnan(row.low)
        else f"{format_value(row.low, row.unit)} to {format_value(row.high, row.unit)}",
        "since_baseline": row.moved,
        "status": row.status,
    }


def _headline(numbers: pd.DataFrame, judged: pd.DataFrame) -> str:
    if judged.empty:
        measured = int((numbers["status"] != UNKNOWN).sum())
        return f"{measured} of {len(numbers)} objectives have a measured start; the first review is next year"
    count = judged["status"].value_counts()
    return (
        f"{count.get(REACHED, 0)} of {len(judged)} targets reached, {count.get(MISSED, 0)} missed, "
        f"{count.get(UNCLEAR, 0)} too close to tell from chance"
    )


def _so_what(numbers: pd.DataFrame, judged: pd.DataFrame) -> str:
    if judged.empty:
        far = numbers.assign(gap=(numbers["target"] / numbers["actual"] - 1).abs()).dropna(
            subset=["gap"]
        )
        widest = far.loc[far["gap"].idxmax()] if len(far) else None
        ask = (
            f"The widest step is {widest['name']}, {format_value(widest['target'] / widest['actual'] - 1, '%')} "
            "from today. " if widest is not None else ""
        )  # fmt: skip
        easy = numbers[numbers["actual"] >= numbers["target"]]
        if len(easy):
            ask += f"{', '.join(easy['name'])}: today's figure is at the target already, so raise it or reaching it proves nothing. "
        return ask + "Keep these baselines unchanged: next year's review is measured against them."
    parts = [
        f"{label}: {', '.join(judged.loc[judged['status'] == status, 'name'])}."
        for status, label in ((REACHED, "Reached"), (MISSED, "Missed"), (UNCLEAR, "Open"))
        if (judged["status"] == status).any()
    ]
    still = judged[judged["moved"] == "within chance"]
    advice = (
        "Ask the owners of missed targets what they would change before raising any target"
        if (judged["status"] == MISSED).any()
        else "Raise what is reached and let the open ones run on"
    )
    easy = judged[(judged["status"] == REACHED) & (judged["baseline"] >= judged["target"])]
    if len(easy):
        advice += f"; {', '.join(easy['name'])}: the target lay at or below the baseline, so reaching it proves nothing"
    if len(still):
        advice += f"; {len(still)} of {len(judged)} figures have not moved beyond chance since the plan was made"
    return " ".join(parts) + f" {advice}."
