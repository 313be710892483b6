"""The journey in five stages: who moves on, how fast, and where people are lost (E1)."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, need
from playbook.experience.common import FEWEST, INTERACTIONS, STAGES, per_cent, share, year_to

__all__ = ["journey", "journey_by_channel", "journey_by_segment"]

DAY = pd.Timedelta(days=1)


def _step(people: pd.DataFrame, before: str, after: str, window: int, as_of: date) -> dict:
    """People who reached ``before`` in the last 12 months that can be followed for ``window`` days."""
    end = pd.Timestamp(as_of) + DAY - window * DAY
    start = people[f"{before}_at"]
    entered = people[(start >= end - 365 * DAY) & (start < end)]
    days = (entered[f"{after}_at"] - entered[f"{before}_at"]) / DAY
    moved = days[(days >= 0) & (days <= window)]
    row = {"entered": len(entered), "moved_on": len(moved), **share(len(moved), len(entered))}
    middle = float(moved.median()) if len(moved) >= FEWEST else np.nan
    slow = float(moved.quantile(0.75)) if len(moved) >= FEWEST else np.nan
    return row | {"median_days": middle, "slow_quarter_days": slow, "window_days": window}


def _stamps(journeys: pd.DataFrame) -> pd.DataFrame:
    need(journeys, "journeys that begin with a first contact", INTERACTIONS, rows=30)
    return journeys.rename(columns={"ordered_at": "purchase_at"})


@answers
def journey(
    journeys: pd.DataFrame,
    volumes: pd.DataFrame,
    as_of: date,
    follow_days: int = 60,
    loyalty_days: int = 180,
) -> Answer:
    """Return how many people move from stage to stage, how fast, and where most are lost.

    Parameters
    ----------
    journeys
        Query ``journeys``: one row a person with the time each stage was first reached.
    volumes
        Query ``stage_volumes``: contacts, persons and cost by stage.
    as_of
        Last day known. Each step counts the 12 months of people who can be followed for the whole
        window, so that late entrants do not pass for lost ones.
    follow_days, loyalty_days
        Window of each step, and of the step to loyalty (days).
    """
    people = _stamps(journeys)
    plan = (
        ("consideration", "awareness", follow_days),
        ("purchase", "consideration", follow_days),
        ("support", "purchase", follow_days),
        ("loyalty", "purchase", loyalty_days),
    )
    rows = [
        {"stage": stage, "of": before, **_step(people, before, stage, window, as_of)}
        for stage, before, window in plan
    ]
    table = pd.DataFrame(rows)
    if table["entered"].iloc[0] < 30:
        need(people.head(0), "people whose journey can be followed", INTERACTIONS, rows=30)
    reached = {"awareness": 1000.0}
    for row in rows:
        reached[row["stage"]] = reached[row["of"]] * row["share"]
    table["per_1000"] = table["stage"].map(reached)
    stages = pd.DataFrame({"stage": STAGES}).merge(volumes, how="left", on="stage")
    stages["per_1000"] = stages["stage"].map(reached)
    return _told(table, stages, people, as_of, follow_days)


def _told(
    table: pd.DataFrame, stages: pd.DataFrame, people: pd.DataFrame, as_of: date, follow_days: int
) -> Answer:
    overall = _step(people, "awareness", "purchase", follow_days, as_of)
    core = table[table["stage"].isin(["consideration", "purchase", "loyalty"])]
    worst = core.loc[core["share"].idxmin()]
    lost = int(worst["entered"] - worst["moved_on"])
    by = table.set_index("stage")
    linked = people["customer_id"].notna().mean()
    text = (
        f"The narrowest step is from {worst['of']} to {worst['stage']}: {lost:,} of {worst['entered']:,} people "
        f"stopped there ({per_cent(1 - worst['share'])}, 95 % interval {per_cent(1 - worst['high'])} to "
        f"{per_cent(1 - worst['low'])}). Half of those who order do so within {by.loc['purchase', 'median_days']:.1f} days "
        f"of considering, so remind within that time; test one change at this step before any other."
    )
    metrics = tuple(
        Metric(name, float(r["share"]), float(r["low"]), float(r["high"]), int(r["entered"]), "%")
        for name, r in (
            ("first_contact_to_order", overall),
            ("awareness_to_consideration", by.loc["consideration"]),
            ("consideration_to_order", by.loc["purchase"]),
            ("first_order_to_loyalty", by.loc["loyalty"]),
        )
        if r["entered"] > 0
    )
    return Answer(
        table=table,
        headline=f"Of 1,000 people who meet the brand, {1000 * overall['share']:.0f} order within {follow_days} days",
        so_what=text,
        kind="descriptive",
        caption=f"People by furthest stage, each followed for the window of the step; {year_to(as_of)} less the window "
        f"({per_cent(linked)} of {len(people):,} people are linked to a customer number)",
        units={"share": "%", "low": "%", "high": "%",
               "entered": "count", "moved_on": "count", "per_1000": "count", "window_days": "count"},
        source="interactions, orders; visitors linked by contacts that carry both numbers; Wilson intervals",
        metrics=metrics,
        extra={"stages": stages, "overall": overall},
    )  # fmt: skip


@answers
def journey_by_channel(journeys: pd.DataFrame, as_of: date, follow_days: int = 60) -> Answer:
    """Return the share who consider and who order, by the channel of the first contact.

    Parameters as in `journey`. Channels with fewer than 30 people are left out.
    """
    people = _stamps(journeys)
    rows = []
    for channel, group in people.groupby("entry_channel"):
        considered = _step(group, "awareness", "consideration", follow_days, as_of)
        ordered = _step(group, "awareness", "purchase", follow_days, as_of)
        if ordered["entered"] >= 30:
            rows.append({
                "first_channel": channel, "people": ordered["entered"], "considered": considered["share"],
                "ordered": ordered["share"], "low": ordered["low"], "high": ordered["high"],
                "days_to_order": ordered["median_days"],
            })  # fmt: skip
    need(pd.DataFrame(rows), "channels with at least 30 first contacts", INTERACTIONS, rows=2)
    table = pd.DataFrame(rows).sort_values(["ordered", "first_channel"], ascending=[False, True], ignore_index=True)  # fmt: skip
    best, worst = table.iloc[0], table.iloc[-1]
    most = table.loc[table["people"].idxmax()]
    apart = best["low"] > worst["high"]
    verdict = (
        "The intervals do not touch, so the difference is no accident of this sample; it may still lie in who comes, not in the channel."
        if apart
        else "The intervals overlap: treat the channels alike until more people were seen."
    )
    return Answer(
        table=table,
        headline=f"{per_cent(best['ordered'])} order after first contact by {best['first_channel']}, "
        f"{per_cent(worst['ordered'])} by {worst['first_channel']}",
        so_what=f"{verdict} Most first contacts come by {most['first_channel']} ({most['people']:,} people, "
        f"{per_cent(most['ordered'])} order): compare cost per order there before shifting money.",
        kind="descriptive",
        caption=f"Share ordering within {follow_days} days of the first contact, 95 % interval, by channel of first contact; "
        f"people first met in the 12 months that ended {follow_days} days before {as_of:%Y-%m-%d} (n = {table['people'].sum():,})",
        units={"considered": "%", "ordered": "%", "low": "%", "high": "%", "people": "count"},
        source="interactions, orders; Wilson intervals",
    )  # fmt: skip


@answers
def journey_by_segment(
    stages: pd.DataFrame, journeys: pd.DataFrame, segments: pd.DataFrame, as_of: date
) -> Answer:
    """Return by segment how many existing customers considered, ordered and stayed in touch.

    Parameters
    ----------
    stages
        Query ``customer_stages``: customers who had ordered before the period, with their contacts
        of each stage and their orders in the period.
    journeys
        Query ``journeys``, for the days from first contact to first order.
    segments
        Result ``segments``.
    as_of
        Last day of the period.
    """
    need(stages, "customers who ordered before the period", INTERACTIONS, rows=30)
    known = stages.merge(segments[["customer_id", "segment"]], on="customer_id")
    need(known[known["consideration"] > 0], "customers seen considering", INTERACTIONS, rows=30)
    speed = journeys.merge(segments[["customer_id", "segment"]], on="customer_id")
    speed = speed.assign(days=(speed["ordered_at"] - speed["awareness_at"]) / DAY).dropna(
        subset=["days"]
    )
    rows = []
    for segment, group in known.groupby("segment"):
        looking = group[group["consideration"] > 0]
        if len(looking) < FEWEST:
            continue
        took = speed.loc[speed["segment"] == segment, "days"]
        buyers = group[group["orders"] > 0]
        rows.append({
            "segment": segment, "customers": len(group), "considered": len(looking) / len(group),
            "n_considered": len(looking), **_renamed(share((looking["orders"] > 0).sum(), len(looking))),
            "in_touch": (buyers["loyalty"] > 0).mean() if len(buyers) >= FEWEST else np.nan,
            "days_to_first_order": took.median() if len(took) >= FEWEST else np.nan,
        })  # fmt: skip
    table = pd.DataFrame(rows).sort_values(["ordered", "segment"], ascending=[True, True], ignore_index=True)  # fmt: skip
    need(table, "segments with customers seen considering", INTERACTIONS, rows=2)
    first, last = table.iloc[0], table.iloc[-1]
    unsold = round((1 - first["ordered"]) * first["n_considered"])
    return Answer(
        table=table,
        headline=f"Of customers who look, {per_cent(first['ordered'])} to {per_cent(last['ordered'])} order, by segment",
        so_what=f"{unsold:,} customers in {first['segment']} looked during the year and did not order; ask a handful of them "
        "why before changing the shop. Segments are partly built on buying, so read the order of segments "
        "as a picture of where people stop, not as its reason.",
        kind="descriptive",
        caption=f"Customers who had ordered before the period: share seen considering, share of those who ordered (95 % interval), "
        f"share of buyers with a loyalty contact; {year_to(as_of)} (n = {table['customers'].sum():,})",
        units={"considered": "%", "ordered": "%", "low": "%", "high": "%", "in_touch": "%", "customers": "count",
               "n_considered": "count"},
        source="interactions, orders, segments of step 3; Wilson intervals",
    )  # fmt: skip


def _renamed(interval: dict[str, float]) -> dict[str, float]:
    return {"ordered": interval["share"], "low": interval["low"], "high": interval["high"]}
