"""Whether segments live through the same touchpoints differently (E1, E3)."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from scipy import stats

from playbook.answer import Answer, answers, need
from playbook.experience.common import FEWEST, INTERACTIONS, in_period, year_to
from playbook.stats import false_discovery, mean_interval

__all__ = ["experience_by_segment"]

MATTERS = 0.25
"""Smallest difference of mean satisfaction (points of 1 to 5) that is named."""


@answers
def experience_by_segment(
    visited: pd.DataFrame, scores: pd.DataFrame, segments: pd.DataFrame, as_of: date
) -> Answer:
    """Return reach, failures and satisfaction of each touchpoint in each segment.

    Parameters
    ----------
    visited
        Query ``customer_touchpoints``: customer_id, touchpoint, contacts, told, failed.
    scores
        Query ``touchpoint_answers``; each customer counts once with the mean of the period's answers.
    segments
        Result ``segments``.
    as_of
        Last day of the period.

    Returns
    -------
    Answer
        Table: segment, touchpoint, customers (reached), reach_share (of the segment), contacts, failed, failure_share,
        csat with interval and n (five customers at least), others (mean of all other segments), difference,
        q_value (Welch's test, false-discovery control over all cells) and differs (q at most 5 % and a
        difference of 0.25 points or more).
    """
    need(visited, "contacts of known customers", INTERACTIONS, rows=30)
    who = segments[["customer_id", "segment"]]
    seen = visited.merge(who, on="customer_id")
    need(seen, "contacts of customers with a segment", INTERACTIONS, rows=30)
    size = who["segment"].value_counts()
    table = seen.groupby(["segment", "touchpoint"], as_index=False).agg(
        customers=("customer_id", "nunique"), contacts=("contacts", "sum"), told=("told", "sum"), failed=("failed", "sum")
    )  # fmt: skip
    table = table[table["customers"] >= FEWEST]
    table["reach_share"] = table["customers"] / table["segment"].map(size)
    table["failure_share"] = (table["failed"] / table["told"]).where(table["told"] >= FEWEST)
    rated = _rated(scores, who, as_of)
    table = table.merge(rated, how="left", on=["segment", "touchpoint"])
    table["differs"] = (table["q_value"] <= 0.05) & (table["difference"].abs() >= MATTERS)
    order = table["difference"].abs().fillna(-1)
    table = table.assign(order=order).sort_values(
        ["differs", "order", "segment", "touchpoint"], ascending=[False, False, True, True], ignore_index=True
    )  # fmt: skip
    return _told(table, size, as_of)


def _rated(scores: pd.DataFrame, who: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Mean satisfaction by segment and touchpoint beside that of all other segments."""
    part = scores[(scores["kind"] == "csat") & in_period(scores["answered_at"], as_of)]
    part = part.assign(points=1 + 4 * part["score"])[["touchpoint", "customer_id", "points"]]
    part = part.merge(who, on="customer_id")
    person = part.groupby(["touchpoint", "segment", "customer_id"], as_index=False)["points"].mean()
    rows = []
    for touchpoint, here in person.groupby("touchpoint"):
        for segment, own in here.groupby("segment"):
            rest = here.loc[here["segment"] != segment, "points"]
            if len(own) < FEWEST:
                continue
            i = mean_interval(own["points"])
            enough = len(rest) >= FEWEST
            p = stats.ttest_ind(own["points"], rest, equal_var=False).pvalue if enough else np.nan
            rows.append({
                "segment": segment, "touchpoint": touchpoint, "csat": i.value, "csat_low": max(i.low, 1.0),
                "csat_high": min(i.high, 5.0), "csat_n": len(own), "others": rest.mean() if enough else np.nan, "p": p,
            })  # fmt: skip
    columns = ["segment", "touchpoint", "csat", "csat_low", "csat_high", "csat_n", "others", "p"]
    table = pd.DataFrame(rows, columns=columns).astype({"segment": "str", "touchpoint": "str"})
    table["difference"] = table["csat"] - table["others"]
    tested = table["p"].notna()
    table["q_value"] = np.nan
    if tested.any():
        table.loc[tested, "q_value"] = false_discovery(table.loc[tested, "p"])
    return table.drop(columns="p")


def _told(table: pd.DataFrame, size: pd.Series, as_of: date) -> Answer:
    found = table[table["differs"]]
    tested = int(table["q_value"].notna().sum())
    if found.empty:
        headline = "No segment rates a touchpoint surely otherwise than the others do"
        text = f"Of {tested} comparisons none passes false-discovery control and a difference of {MATTERS:g} points: mend touchpoints for all, and do not tell segments apart here."
    else:
        first = found.iloc[0]
        way = "below" if first["difference"] < 0 else "above"
        headline = f"{first['segment']} rate {first['touchpoint']} {abs(first['difference']):.1f} points {way} the others"
        text = (
            f"{len(found)} of {tested} comparisons pass false-discovery control and a difference of {MATTERS:g} points. {first['segment']} give {first['touchpoint']} "
            f"{first['csat']:.1f} ({first['csat_low']:.1f} to {first['csat_high']:.1f}, n = {first['csat_n']:.0f}), all others {first['others']:.1f}; the segment's own map shows what else it lives through."
        )
    columns = ["segment", "touchpoint", "reach_share", "failure_share", "csat", "csat_low", "csat_high", "csat_n", "difference", "q_value"]  # fmt: skip
    return Answer(
        table=table[columns],
        headline=headline,
        so_what=text,
        kind="descriptive",
        caption=f"Share of the segment's customers reached, failed contacts, satisfaction (1 to 5, 95 % interval) and its difference from all other segments; {year_to(as_of)} (n = {int(size.sum()):,} customers)",
        units={"reach_share": "%", "failure_share": "%", "csat": "points", "csat_low": "points", "csat_high": "points", "csat_n": "count", "difference": "points"},
        source="interactions, survey answers, segments of step 3; Welch's test",
        extra={"cells": table, "size": size},
    )  # fmt: skip
