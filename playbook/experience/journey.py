"""The journey in five stages: who moves on, how fast, and where people are lost (E1)."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, need
from playbook.experience.common import (
    FEWEST,
    INTERACTIONS,
    STAGES,
    joined,
    per_cent,
    share,
    year_to,
)
from playbook.experience.stages import DAY, people_of, step, steps_of

__all__ = ["journey", "journey_by_channel", "journey_by_segment"]


@answers
def journey(
    journeys: pd.DataFrame,
    volumes: pd.DataFrame,
    as_of: date,
    follow_days: int = 60,
    loyalty_days: int = 180,
    links: pd.DataFrame | None = None,
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
    links
        Query ``contact_links``: how contacts are known; says what was left out and why.

    Notes
    -----
    A stage that no contact names has no row: it was not recorded, which is not the same as not reached.
    """
    people = people_of(journeys)
    steps = steps_of(people, follow_days, loyalty_days)
    rows: list[dict[str, Any]] = [
        {"stage": stage, "of": before, **step(people, before, stage, window, as_of)}
        for stage, before, window in steps
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
    return _told(table, stages, people, as_of, follow_days, _left_out(table, volumes, links))


def _left_out(table: pd.DataFrame, volumes: pd.DataFrame, links: pd.DataFrame | None) -> str:
    """Sentences on what the count leaves out: stages nobody recorded, repeated rows, contacts of nobody."""
    said = []
    unknown = [stage for stage in STAGES[1:] if stage not in set(table["stage"])]
    if unknown:
        said.append(
            f"No contact is recorded for {joined(unknown)}: that is left out, not counted as zero."
        )
    repeated = int(volumes["repeated"].sum()) if "repeated" in volumes else 0
    if repeated:
        said.append(
            f"{repeated:,} rows repeat a contact (same person, touchpoint and time) and count once."
        )
    if links is None or links.empty:
        return " ".join(said)
    row = links.iloc[0]
    if row["of_shared_devices"]:
        said.append(
            f"{row['of_shared_devices']:,.0f} contacts come from {row['shared_devices']:,.0f} devices that several customers "
            "share: they are given to none of them and start no journey."
        )
    if row["of_nobody"]:
        said.append(
            f"{row['of_nobody']:,.0f} contacts carry no number at all and belong to no journey."
        )
    if row["without_touchpoint"]:
        said.append(f"{row['without_touchpoint']:,.0f} name no touchpoint.")
    if row["contacts"] > row["in_stages"]:
        said.append(
            f"{row['contacts'] - row['in_stages']:,.0f} name a stage outside the five and are left out."
        )
    return " ".join(said)


def _metrics(by: pd.DataFrame, overall: Any) -> tuple[Metric, ...]:
    """Conversion of the whole way and of its steps, as far as somebody entered them."""
    steps = {
        "awareness_to_consideration": "consideration",
        "consideration_to_order": "purchase",
        "first_order_to_loyalty": "loyalty",
    }
    found = [("first_contact_to_order", overall)]
    for name, stage in steps.items():
        if stage in by.index and (stage != "purchase" or by.loc[stage, "of"] == "consideration"):
            found.append((name, by.loc[stage]))
    return tuple(
        Metric(name, float(r["share"]), float(r["low"]), float(r["high"]), int(r["entered"]), "%")
        for name, r in found
        if r["entered"] > 0
    )


def _told(
    table: pd.DataFrame, stages: pd.DataFrame, people: pd.DataFrame, as_of: date, follow_days: int, left_out: str
) -> Answer:  # fmt: skip
    overall = step(people, "awareness", "purchase", follow_days, as_of)
    core = table[table["stage"].isin(["consideration", "purchase", "loyalty"]) & table["share"].notna()]  # fmt: skip
    worst = core.loc[core["share"].idxmin()]
    lost = int(worst["entered"] - worst["moved_on"])
    by = table.set_index("stage")
    linked = people["customer_id"].notna().mean()
    order = by.loc["purchase"]
    pace = (
        f"Half of those who order do so within {order['median_days']:.1f} days of {'considering' if order['of'] == 'consideration' else 'the first contact'}, "
        "so remind within that time; "
        if order["median_days"] == order["median_days"]
        else ""
    )
    text = (
        f"The narrowest step is from {worst['of']} to {worst['stage']}: {lost:,} of {worst['entered']:,} people "
        f"stopped there ({per_cent(1 - worst['share'])}, 95 % interval {per_cent(1 - worst['high'])} to "
        f"{per_cent(1 - worst['low'])}). {pace}{'test' if pace else 'Test'} one change at this step before any other. {left_out}"
    )
    return Answer(
        table=table,
        headline=f"Of 1,000 people who meet the brand, {1000 * overall['share']:.0f} order within {follow_days} days",
        so_what=text.rstrip(),
        kind="descriptive",
        caption=f"People by furthest stage, each followed for the window of the step; {year_to(as_of)} less the window "
        f"({per_cent(linked)} of {len(people):,} people are linked to a customer number)",
        units={"share": "%", "low": "%", "high": "%",
               "entered": "count", "moved_on": "count", "per_1000": "count", "window_days": "count"},
        source="interactions, orders; visitors linked by contacts that carry both numbers; Wilson intervals",
        metrics=_metrics(by, overall),
        extra={"stages": stages, "overall": overall},
    )  # fmt: skip


@answers
def journey_by_channel(journeys: pd.DataFrame, as_of: date, follow_days: int = 60) -> Answer:
    """Return the share who consider, who order once they consider, and who order at all, by channel of the first contact.

    Parameters as in `journey`. Channels with fewer than 30 people are left out.
    """
    people = people_of(journeys)
    steps = steps_of(people, follow_days, follow_days)
    looked = steps[0][0] == "consideration"
    rows = []
    for channel, group in people.groupby("entry_channel"):
        ordered = step(group, "awareness", "purchase", follow_days, as_of)
        if ordered["entered"] < 30:
            continue
        row = {"first_channel": channel, "people": ordered["entered"]}
        if looked:
            first = step(group, "awareness", "consideration", follow_days, as_of)
            then = step(group, "consideration", "purchase", follow_days, as_of)
            row |= {
                "considered": first["share"],
                "considered_low": first["low"],
                "considered_high": first["high"],
            }
            row |= {
                "ordered_after": then["share"],
                "after_low": then["low"],
                "after_high": then["high"],
            }
        rows.append(row | {
            "ordered": ordered["share"], "low": ordered["low"], "high": ordered["high"],
            "days_to_order": ordered["median_days"],
        })  # fmt: skip
    need(pd.DataFrame(rows), "channels with at least 30 first contacts", INTERACTIONS)
    table = pd.DataFrame(rows).sort_values(["ordered", "first_channel"], ascending=[False, True], ignore_index=True)  # fmt: skip
    return _told_by_channel(table, as_of, follow_days)


def _told_by_channel(table: pd.DataFrame, as_of: date, follow_days: int) -> Answer:
    best, worst = table.iloc[0], table.iloc[-1]
    most = table.loc[table["people"].idxmax()]
    if len(table) == 1:
        headline = f"{per_cent(best['ordered'])} order after first contact by {best['first_channel']}, the only channel"
        text = (
            f"All {best['people']:,} first contacts that can be followed come by {best['first_channel']}; there is no other channel to compare. "
            "Ask whether contacts of stores, telephone or advertisements are recorded elsewhere."
        )
    else:
        headline = (
            f"{per_cent(best['ordered'])} order after first contact by {best['first_channel']}, "
            f"{per_cent(worst['ordered'])} by {worst['first_channel']}"
        )
        verdict = (
            "The intervals do not touch, so the difference is no accident of this sample; it may still lie in who comes, not in the channel."
            if best["low"] > worst["high"]
            else "The intervals overlap: treat the channels alike until more people were seen."
        )
        text = (
            f"{verdict} {_stops(table)}Most first contacts come by {most['first_channel']} ({most['people']:,} people, "
            f"{per_cent(most['ordered'])} order): compare cost per order there before shifting money."
        )
    return Answer(
        table=table,
        headline=headline,
        so_what=text,
        kind="descriptive",
        caption=f"Share ordering within {follow_days} days of the first contact, 95 % interval, by channel of first contact; "
        f"people first met in the 12 months that ended {follow_days} days before {as_of:%Y-%m-%d} (n = {table['people'].sum():,})",
        units=dict.fromkeys(("considered", "considered_low", "considered_high", "ordered_after", "after_low", "after_high",
                             "ordered", "low", "high"), "%") | {"people": "count"},
        source="interactions, orders; Wilson intervals",
    )  # fmt: skip


def _stops(table: pd.DataFrame) -> str:
    """Sentence on the step at which the channels differ most."""
    if "considered" not in table:
        return ""
    spread = {
        name: table[name].max() - table[name].min() for name in ("considered", "ordered_after")
    }
    return (
        "They differ more in who looks at all than in who orders after looking. "
        if spread["considered"] > spread["ordered_after"]
        else "They differ more in who orders after looking than in who looks at all. "
    )


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
            "segment": segment, "customers": len(group), "n_considered": len(looking),
            **_named("considered", "considered_", len(looking), len(group)),
            **_named("ordered", "", int((looking["orders"] > 0).sum()), len(looking)),
            **_named("in_touch", "in_touch_", int((buyers["loyalty"] > 0).sum()), len(buyers) if len(buyers) >= FEWEST else 0),
            "days_to_first_order": took.median() if len(took) >= FEWEST else np.nan,
        })  # fmt: skip
    table = pd.DataFrame(rows).sort_values(["ordered", "segment"], ascending=[True, True], ignore_index=True)  # fmt: skip
    need(table, "segments with customers seen considering", INTERACTIONS, rows=2)
    first, last = table.iloc[0], table.iloc[-1]
    unsold = round((1 - first["ordered"]) * first["n_considered"])
    return Answer(
        table=table,
        headline=f"Of customers who look, {per_cent(first['ordered'])} to {per_cent(last['ordered'])} order, by segment",
        so_what=f"{_apart(first, last)} {unsold:,} customers in {first['segment']} looked during the year and did not order; ask a handful of them "
        "why before changing the shop. Segments are partly built on buying, so read the order of segments "
        "as a picture of where people stop, not as its reason.",
        kind="descriptive",
        caption=f"Customers who had ordered before the period: share seen considering, share of those who ordered (95 % interval), "
        f"share of buyers with a loyalty contact; {year_to(as_of)} (n = {table['customers'].sum():,})",
        units={"considered": "%", "considered_low": "%", "considered_high": "%", "ordered": "%", "low": "%", "high": "%",
               "in_touch": "%", "in_touch_low": "%", "in_touch_high": "%", "customers": "count",
               "n_considered": "count"},
        source="interactions, orders, segments of step 3; Wilson intervals",
    )  # fmt: skip


def _apart(first: pd.Series, last: pd.Series) -> str:
    ends = f"{first['segment']} {per_cent(first['low'])} to {per_cent(first['high'])}, {last['segment']} {per_cent(last['low'])} to {per_cent(last['high'])}"
    word = "do not touch" if first["high"] < last["low"] else "overlap"
    return f"The 95 % intervals of lowest and highest {word} ({ends})."


def _named(name: str, ends: str, successes: int, n: int) -> dict[str, float]:
    interval = share(successes, n)
    return {name: interval["share"], f"{ends}low": interval["low"], f"{ends}high": interval["high"]}
