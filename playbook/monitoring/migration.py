"""Who moved between segments? This year's customers under last year's unchanged model.

Glossary
--------
frozen model
    Last year's segments applied to this year's customers without estimating anything anew.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.contract import NO_PURCHASE
from playbook.stats import wilson

__all__ = ["frozen_segments", "migration"]

NEW, GONE, FEW = "New this year", "No longer on record", "Several, each under 5"
SMALL = 5
SURE = 0.9
"""Probability from which a customer's segment counts as sure."""


@answers
def frozen_segments(
    assign: Callable[..., pd.DataFrame],
    customers: pd.DataFrame,
    mix: pd.DataFrame,
    model: pd.DataFrame,
    *told: pd.DataFrame,
) -> pd.DataFrame:
    """Return the segment of each customer of this year under last year's model.

    Parameters
    ----------
    assign
        The assignment of step 3: customers, mix and model to customer_id, segment.
    customers, mix
        Queries ``customer_features`` and ``purchase_mix`` of this year.
    model
        Result ``segment_model`` of the year before.
    told
        What else the assignment takes: queries ``buying_habits`` and ``customer_attitudes`` of this year.

    Returns
    -------
    pandas.DataFrame
        customer_id, segment.
    """
    need(model, "centres of last year's segments", "a run of the year before")
    need(customers, "customers", "customers and orders", rows=20)
    return assign(customers, mix, model, *told)


@answers
def migration(
    before: pd.DataFrame, now: pd.DataFrame, memberships: pd.DataFrame | None = None
) -> Answer:
    """Count the customers by segment last year and now, under the same model.

    Parameters
    ----------
    before
        Result ``segments`` of the year before: customer_id, segment.
    now
        The same customers and new ones under last year's model (`frozen_segments`).
    memberships
        Result ``memberships`` of the year before: customer_id, segment, probability. A move of somebody who stood near a
        border tells more of what is known now than of a change.

    Returns
    -------
    Answer
        Table: segment, last_year, stayed, low, high, sure_left (of those placed with a probability of 90 % last year, the
        number who left), most_left_to, share_left_to, joined, now, change. Extra ``flows``: from_segment, to_segment, customers (the result ``migration``; every customer once).
    """
    need(before, "customers with a segment last year", "a run of the year before", rows=20)
    need(now, "customers with a segment now", "orders with a customer number", rows=20)
    both = before[["customer_id", "segment"]].merge(
        now[["customer_id", "segment"]], on="customer_id", how="outer", suffixes=("_before", "_now")
    )
    pairs = pd.DataFrame(
        {
            "from_segment": both["segment_before"].astype("str").fillna(NEW),
            "to_segment": both["segment_now"].astype("str").fillna(GONE),
        }
    )
    flows = pairs.groupby(["from_segment", "to_segment"]).size().rename("customers").reset_index()
    table = pd.DataFrame(
        [_row(str(s), flows) for s in sorted(before["segment"].astype(str).unique())]
    )
    table = table.sort_values(["change", "segment"], ignore_index=True)
    known = flows[flows["from_segment"] != NEW]
    sure = _sure(both, memberships)
    if len(sure):
        left = table["segment"].map(sure["left"]).astype("Int64")
        table.insert(5, "sure_left", left.mask(left.between(1, SMALL - 1)))
    stayed = int(known.loc[known["from_segment"] == known["to_segment"], "customers"].sum())
    all_ = int(known["customers"].sum())
    ends = wilson(stayed, all_)
    down, up = table.iloc[0], table.iloc[-1]
    return Answer(
        table=table,
        headline=f"{format_value(stayed / all_, '%')} of customers are in the segment of last year",
        so_what=(
            f"{_net(up)}; {_net(down)}. "
            f"{_leaving(table)} {_firm(sure, known)}Last year's model is unchanged, so the borders did not move"
            + ("." if len(sure) else "; write to those who leave a valuable segment before the year is out.")
        ),
        kind="diagnostic",
        caption=f"Customers by segment last year and now under last year's model (n = {int(flows['customers'].sum()):,}; stayed with 95 % interval)",
        units={"last_year": "count", "stayed": "%", "low": "%", "high": "%", "share_left_to": "%", "sure_left": "count", "joined": "count",
               "now": "count", "change": "count"},
        source="segments of last year; last year's centres applied to this year's figures",
        metrics=(Metric("stayed_in_segment", stayed / all_, ends.low, ends.high, all_, "%", "diagnostic"),),
        extra={"flows": flows.sort_values(["from_segment", "to_segment"], ignore_index=True)},
    )  # fmt: skip


def _row(segment: str, flows: pd.DataFrame) -> dict[str, object]:
    out = flows[flows["from_segment"] == segment]
    into = flows[flows["to_segment"] == segment]
    size, now = int(out["customers"].sum()), int(into["customers"].sum())
    same = int(out.loc[out["to_segment"] == segment, "customers"].sum())
    left = out[(out["to_segment"] != segment) & (out["customers"] >= SMALL)]
    left = left.sort_values(["customers", "to_segment"], ascending=[False, True])
    ends = wilson(same, size)
    return {
        "segment": segment,
        "last_year": size,
        "stayed": same / size,
        "low": ends.low,
        "high": ends.high,
        "most_left_to": str(left["to_segment"].iloc[0]) if len(left) else "–",
        "share_left_to": float(left["customers"].iloc[0] / size) if len(left) else np.nan,
        "joined": now - same,
        "now": now,
        "change": now - size,
    }


def _sure(both: pd.DataFrame, memberships: pd.DataFrame | None) -> pd.DataFrame:
    """Return by segment the customers placed for sure last year and still on record, and how many of them left."""
    if memberships is None or memberships.empty:
        return pd.DataFrame({"sure": [], "left": []}, dtype=int)
    held = both.merge(
        memberships.rename(columns={"segment": "segment_before"})[["customer_id", "segment_before", "probability"]],
        on=["customer_id", "segment_before"],
    )  # fmt: skip
    held = held[(held["probability"] >= SURE) & held["segment_now"].notna()]
    left = held["segment_before"] != held["segment_now"]
    return pd.DataFrame({"sure": held.groupby("segment_before").size(), "left": left.groupby(held["segment_before"]).sum()})  # fmt: skip


def _firm(sure: pd.DataFrame, known: pd.DataFrame) -> str:
    """Say how many moves are by customers of whom last year was sure; who bought for the first time has truly moved."""
    moved = known[known["from_segment"] != known["to_segment"]]
    first = int(moved.loc[moved["from_segment"] == NO_PURCHASE, "customers"].sum())
    rest = int(moved["customers"].sum()) - first
    if sure.empty or not rest:
        return ""
    placed = sure.drop(NO_PURCHASE, errors="ignore")
    left, all_ = int(placed["left"].sum()), int(placed["sure"].sum())
    told = f"{first:,} bought for the first time on record. " if first else ""
    return told + (
        f"Of the {rest:,} other moves {left if left >= SMALL or not left else f'fewer than {SMALL}'} are by the {all_:,} customers "
        "placed with 90 % certainty: the rest stood near a border, where one more order decides, so read theirs as better knowledge, "
        "not as change. "
    )


def _net(row: pd.Series) -> str:
    word = "gained" if row["change"] >= 0 else "lost"
    return f"{row['segment']} {word} {abs(int(row['change'])):,} customers net"


def _leaving(table: pd.DataFrame) -> str:
    left = table.dropna(subset=["share_left_to"])
    if left.empty:
        return "No move is larger than four customers."
    worst = left.loc[left["share_left_to"].idxmax()]
    return (
        f"The largest stream: {format_value(worst['share_left_to'], '%')} of {worst['segment']} went to "
        f"{worst['most_left_to']}."
    )
