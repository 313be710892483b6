"""The journey map: stages, touchpoints, pain points and moments of truth on one page (E3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, need
from playbook.experience.common import (
    INTERACTIONS,
    STAGES,
    joined,
    year_to,
)
from playbook.experience.map_parts import actions, lanes, placed, stages, truths

__all__ = ["journey_map", "journey_maps"]

FAILING = 0.10
"""Share of failed contacts from which a touchpoint is a pain point."""


@answers
def journey_map(
    touchpoints: Answer,
    as_of: date,
    journey: Answer | None = None,
    moments: Answer | None = None,
    incidents: Answer | None = None,
    improvements: Answer | None = None,
    outcomes: pd.DataFrame | None = None,
    by_segment: Answer | None = None,
    quotes: pd.DataFrame | None = None,
    failures: str = "late,not solved,abandoned",
    importance: Answer | None = None,
) -> Answer:
    """Return what the map shows, touchpoint by touchpoint.

    A *pain point* is a touchpoint whose satisfaction lies surely below the average of all rated ones,
    or at which at least one contact in ten fails. A *moment of truth* is a touchpoint whose satisfaction,
    or whose failure, passes as a driver of recommendation.

    Parameters
    ----------
    touchpoints
        Answer of `touchpoint_table`.
    as_of
        Last day of the period.
    journey, moments, incidents, improvements, by_segment
        Answers of `journey`, `touchpoint_drivers`, `incident_drivers`, `improvements` and `experience_by_segment`, where
        there are any; the map leaves out what is not known.
    outcomes, failures
        Query ``contact_outcomes`` and the outcomes that count as failures: the lanes of the channels.
    quotes
        Result ``customer_quotes``: masked sentences chosen by rule in step 2.
    importance
        Answer of `importance_performance`: a touchpoint that is only rated low for the cases it gets is not where to begin.

    Returns
    -------
    Answer
        Table: stage, touchpoint, reach, csat, failure_share, repeat_7d, is_pain, is_moment. ``extra`` holds what the figure
        draws: points, stages, lanes, segments, quotes, moments, actions, average, failing (share of contacts).
    """
    table = touchpoints["inventory"].copy()
    table = table[table["stage"].isin(STAGES)]
    need(table, "touchpoints of the five stages", INTERACTIONS)
    average = _average(table)
    table = _marked(table, average, truths(moments, incidents)["touchpoint"])
    pains, decisive = table[table["is_pain"]], table[table["is_moment"]]
    shown = table.sort_values(
        ["is_moment", "is_pain", "reach", "touchpoint"], ascending=[False, False, False, True], ignore_index=True
    )  # fmt: skip
    columns = ["stage", "touchpoint", "reach", "csat", "failure_share", "repeat_7d", "is_pain", "is_moment"]  # fmt: skip
    headline, so_what = _words(table, pains, decisive, importance)
    return Answer(
        table=shown[columns],
        headline=headline,
        so_what=so_what,
        kind="diagnostic",
        caption=f"All customers: satisfaction (1 to 5, 95 % interval), people reached and failed contacts; {year_to(as_of)}",
        units={"reach": "count", "csat": "points", "failure_share": "%", "repeat_7d": "%"},
        source="interactions, survey answers, tickets, orders, reviews; moments of truth are drivers in a linear model with controls, not proven causes",
        extra={
            "points": table, "average": average, "stages": stages(table, journey), "lanes": lanes(outcomes, failures),
            "segments": by_segment["cells"] if by_segment else None, "quotes": placed(quotes),
            "moments": truths(moments, incidents), "actions": actions(improvements), "size": by_segment["size"] if by_segment else None,
            "reference": None, "failing": FAILING,
        },
    )  # fmt: skip


def _average(table: pd.DataFrame) -> float:
    rated = table.dropna(subset=["csat"])
    return float(np.average(rated["csat"], weights=rated["csat_n"])) if len(rated) else float("nan")


def _marked(table: pd.DataFrame, average: float, moments: pd.Series) -> pd.DataFrame:
    """Add is_low, is_pain, is_moment and the number of each pain point, counted along the journey."""
    low = (table["csat_high"] < average).fillna(False).astype(bool)
    failing = (table["failure_share"].fillna(0) >= FAILING).astype(bool)
    place = {stage: i for i, stage in enumerate(STAGES)}
    table = table.assign(
        is_low=low, is_failing=failing, is_pain=low | failing, is_moment=table["touchpoint"].isin(moments),
        order=table["stage"].map(place),
    )  # fmt: skip
    table = table.sort_values(["order", "reach", "touchpoint"], ascending=[True, False, True], ignore_index=True)  # fmt: skip
    return table.assign(pain_number=table["is_pain"].cumsum().where(table["is_pain"]))


def _words(
    table: pd.DataFrame, pains: pd.DataFrame, decisive: pd.DataFrame, importance: Answer | None
) -> tuple[str, str]:
    both = list(table.loc[table["is_pain"] & table["is_moment"], "touchpoint"])
    if importance is not None:
        verdicts = importance.table.set_index("touchpoint")["verdict"]
        first = [name for name in verdicts.index[verdicts == "mend first"] if name in both]
        cases = set(verdicts.index[verdicts == "mend its cases"])
        both = first + [name for name in both if name not in first and name not in cases]
    if both:
        headline = f"Where it matters and hurts at once: {joined(both)}"
        begin = f"Begin with {both[0]}, which is both"
    else:
        headline = f"{len(pains)} of {len(table)} touchpoints hurt, {len(decisive)} decide on recommendation"  # fmt: skip
        begin = "No moment of truth hurts now: protect them while mending the pains"
    text = (
        f"{_number(len(pains), 'pain point')}{_list(pains)}; {_number(len(decisive), 'moment')} of truth{_list(decisive)}. "
        f"{begin}. Hang the map where departments meet and give each stage an owner."
    )
    return headline[:90], text


def _number(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _list(rows: pd.DataFrame) -> str:
    """Names in brackets, at most five."""
    names = list(rows["touchpoint"])
    shown = joined(names) if len(names) <= 5 else ", ".join(names[:5]) + " and others"
    return f" ({shown})" if names else ""


@answers
def journey_maps(whole: Answer) -> dict[str, Answer]:
    """Return the map of all customers and one of each segment, by name.

    A segment's map shows its own reach, failures and satisfaction, beside the satisfaction of all
    customers; effort, cost, return to service and moments of truth are those of all customers.

    Parameters
    ----------
    whole
        Answer of `journey_map`.
    """
    maps = {"All customers": whole}
    cells, size = whole["segments"], whole["size"]
    if cells is None:
        return maps
    for segment in sorted(size.index):
        own = cells[cells["segment"] == segment]
        if len(own):
            maps[segment] = _of_segment(whole, segment, own, int(size[segment]))
    return maps


def _of_segment(whole: Answer, segment: str, own: pd.DataFrame, size: int) -> Answer:
    """The map of one segment: a touchpoint is a pain point by the same rule against the average of all."""
    base = whole["points"]
    measured = ["csat", "csat_low", "csat_high", "csat_n", "failure_share"]
    kept = base.drop(columns=[*measured, "volume", "reach"], errors="ignore")
    columns = ["touchpoint", *measured, "customers", "contacts", "difference", "differs"]
    points = kept.merge(own[columns].rename(columns={"customers": "reach", "contacts": "volume"}), on="touchpoint")  # fmt: skip
    points = _marked(points, whole["average"], base.loc[base["is_moment"], "touchpoint"])
    told = points[points["differs"].fillna(False).astype(bool)].sort_values("difference")
    pains = points[points["is_pain"]]
    if len(told):
        row = told.iloc[0] if told["difference"].iloc[0] < 0 else told.iloc[-1]
        headline = f"{segment}: {row['touchpoint']} is rated {abs(row['difference']):.1f} points {'below' if row['difference'] < 0 else 'above'} the other segments"
    else:
        headline = f"{segment}: {_number(len(pains), 'pain point')}, no touchpoint rated surely otherwise than by others"
    facts = whole["stages"].assign(persons=np.nan, way="")
    reached = points.groupby("stage")["volume"].sum()
    facts["contacts"] = facts["stage"].map(reached)
    caption = whole.caption.replace("All customers:", f"{segment} ({size:,} customers; dashed grey: all customers):")  # fmt: skip
    extra = dict(whole.extra) | {
        "points": points, "stages": facts, "lanes": None, "reference": base[["touchpoint", "csat"]],
        "segments": None,
    }  # fmt: skip
    return replace(whole, headline=headline[:110], caption=caption, extra=extra, metrics=())
