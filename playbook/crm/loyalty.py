"""The loyalty programme: points, breakage, liability, what it costs and must bring, tiers, care days."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.errors import NotEnough
from playbook.stats import ratio_interval

__all__ = ["care_calendar", "programme_return", "tier_changes"]

ASK = "movements of loyalty points by customer, and the programme's rules in the plan"
NEW = "not a member a year ago"


def _ready(members: pd.DataFrame, programme: Any) -> pd.DataFrame:
    need(members, "members of a loyalty programme", ASK)
    if programme is None:
        raise NotEnough("the plan has no rules of a loyalty programme", ASK)
    return members.sort_values("customer_id", ignore_index=True)


def _breakage(members: pd.DataFrame) -> tuple[float, float, float]:
    """Share of points leaving an account that expire unused, with its interval over members."""
    gone = (members["expired"] + members["redeemed"]).to_numpy(float)
    if gone.sum() <= 0:
        return 0.0, 0.0, 1.0
    share = ratio_interval(members["expired"].to_numpy(float), gone)
    return share.value, max(share.low, 0.0), min(share.high, 1.0)


@answers
def programme_return(members: pd.DataFrame, programme: Any) -> Answer:
    """Return what the programme issued, what it owes and costs, and what it must bring.

    Parameters
    ----------
    members
        Query ``loyalty_members``: balance, earned, redeemed, expired (points), the same of the last
        12 months, revenue_12m and margin_12m (currency).
    programme
        ``plan.loyalty_programme``: point_value (currency), believed_lift with range (share by which
        members' purchases are higher because of the programme; a belief).

    Returns
    -------
    Answer
        Table figure, points, amount, low, high. Cost of the year's points = points issued × share that will be redeemed ×
        value of a point; the tiers' offers cost ``offer_cost`` for each member who bought in the year, in the tier that
        revenue of the year before gave; extra margin = margin × lift / (1 + lift).
    """
    members = _ready(members, programme)
    value, (lost, lost_low, lost_high) = programme.point_value, _breakage(members)
    total = (
        members[["earned_12m", "redeemed_12m", "expired_12m", "revenue_12m"]].astype(float).sum()
    )
    balance = float(members["balance"].clip(lower=0).sum())
    margin = (
        float(members["margin_12m"].sum()) if members["margin_12m"].notna().any() else float("nan")
    )
    lifts = (programme.believed_lift, programme.believed_lift_low, programme.believed_lift_high)
    extra, extra_low, extra_high = (margin * lift / (1 + lift) for lift in lifts)
    cost = total["earned_12m"] * (1 - lost) * value
    cost_low, cost_high = (total["earned_12m"] * (1 - x) * value for x in (lost_high, lost_low))
    worth, missing = balance * (1 - lost) * value, float("nan")
    offers = _offers(members, programme)
    rows = [
        ("issued in the year", total["earned_12m"], total["earned_12m"] * value, missing, missing),
        ("redeemed in the year", total["redeemed_12m"], total["redeemed_12m"] * value, missing, missing),
        ("expired in the year", total["expired_12m"], total["expired_12m"] * value, missing, missing),
        ("owed to members (liability)", balance, worth, balance * (1 - lost_high) * value, balance * (1 - lost_low) * value),
        ("cost of the year's points", missing, cost, cost_low, cost_high),
        *([("cost of the tiers' offers", missing, offers, missing, missing)] if offers else []),
        ("extra margin, as believed", missing, extra, extra_low, extra_high),
    ]  # fmt: skip
    cost, cost_low, cost_high = cost + offers, cost_low + offers, cost_high + offers
    rows.append(("net return of the year", missing, extra - cost, extra_low - cost_high, extra_high - cost_low))  # fmt: skip
    table = pd.DataFrame(rows, columns=["figure", "points", "amount", "low", "high"])
    needed = cost / (margin - cost) if margin > cost else float("nan")
    return Answer(
        table=table,
        headline=_return_headline(extra - cost, extra_low - cost_high, extra_high - cost_low),
        so_what=_return_advice(needed, lost, (lost_low, lost_high), lifts, worth, total["revenue_12m"]),
        kind="predictive",
        caption=f"The programme in the last 12 months (n = {len(members):,} members); the extra margin is a belief of the plan, not measured",
        units={"points": "count", "amount": "currency", "low": "currency", "high": "currency"},
        source="loyalty_events, orders, plan",
        metrics=(
            Metric("loyalty_members", float(len(members)), n=len(members), unit="count"),
            Metric("loyalty_breakage", lost, lost_low, lost_high, len(members), "%"),
            Metric("loyalty_liability", worth, float(table.loc[3, "low"]), float(table.loc[3, "high"]), len(members), "currency"),
            Metric("loyalty_cost", cost, cost_low, cost_high, len(members), "currency"),
        ),
    )  # fmt: skip


def uses_offers(members: pd.DataFrame) -> pd.Series:
    """Return which members use the offers of a tier: those who bought in the year. Half of all members may have left."""
    return members["revenue_12m"].fillna(0.0).astype(float) > 0


def _offers(members: pd.DataFrame, programme: Any) -> float:
    """What the offers of the tiers cost in a year (currency), by the tier that revenue of the year before gave."""
    if not programme.tiers:
        return 0.0
    each = {tier.name: float(tier.offer_cost) for tier in programme.tiers}
    tier = _tier(members["revenue_year_before"].fillna(0.0), programme.tiers)
    return float(tier[uses_offers(members)].map(each).sum())


def _return_headline(net: float, low: float, high: float) -> str:
    if net != net:
        return "What the programme returns cannot be said without the cost of goods"
    if low > 0:
        return f"The programme pays for itself: {format_value(net, 'currency')} net if the belief holds"
    if high < 0:
        return f"The programme costs more than it is believed to bring: {format_value(net, 'currency')} net"
    return f"Whether the programme pays is open: {format_value(low, 'currency')} to {format_value(high, 'currency')}"


def _return_advice(
    needed: float, lost: float, lost_range: tuple[float, float], lifts: tuple[float, float, float], worth: float, revenue: float,
) -> str:  # fmt: skip
    even = (
        f"It breaks even when members buy {format_value(needed, '%')} more because of it; believed are "
        f"{format_value(lifts[0], '%')} ({format_value(lifts[1], '%')} to {format_value(lifts[2], '%')}). "
        if needed == needed else ""
    )  # fmt: skip
    return (
        f"{even}{format_value(lost, '%')} of points that leave an account expire unused "
        f"({format_value(lost_range[0], '%')} to {format_value(lost_range[1], '%')}); book {format_value(worth, 'currency')} as owed. "
        f"Members bring {format_value(revenue, 'currency')} of revenue, but that members buy more proves nothing: enrol a random part of new "
        "customers a year later and compare."
    )


def _tier(revenue: pd.Series, tiers: list[Any]) -> pd.Series:
    ordered = sorted(tiers, key=lambda tier: tier.from_revenue)
    named = pd.Series(ordered[0].name, revenue.index, dtype="str")
    for tier in ordered:
        named = named.mask(revenue.astype(float) >= tier.from_revenue, tier.name)
    return named


@answers
def tier_changes(members: pd.DataFrame, programme: Any, since: date) -> Answer:
    """Return who moves between tiers under the plan's rules, from last year's to this year's revenue.

    Parameters
    ----------
    members
        Query ``loyalty_members`` with revenue_12m, revenue_year_before, joined_at.
    programme
        With ``tiers``: name, from_revenue (yearly, currency).
    since
        First day of the year; who joined after it had no tier before.

    Returns
    -------
    Answer
        Table from_tier, to_tier, members, share (of from_tier).
    """
    members = _ready(members, programme)
    if not programme.tiers:
        raise NotEnough("the programme has no tiers", ASK)
    names = [t.name for t in sorted(programme.tiers, key=lambda tier: tier.from_revenue)]
    now = _tier(members["revenue_12m"], programme.tiers)
    joined = members["joined_at"] > pd.Timestamp(since)
    before = _tier(members["revenue_year_before"], programme.tiers).mask(joined, NEW)
    counts = pd.crosstab(before, now).reindex(index=[*names, NEW], columns=names, fill_value=0)
    table = counts.stack().rename("members").rename_axis(["from_tier", "to_tier"]).reset_index()
    size = counts.sum(axis=1)
    table["share"] = table["members"] / table["from_tier"].map(size.where(size > 0))
    rank = {name: place for place, name in enumerate(names)}
    old, new = before[~joined].map(rank), now[~joined].map(rank)
    up, down = int((new > old).sum()), int((new < old).sum())
    top = counts[names[-1]].sum()
    lost = int(counts.loc[names[-1]].sum() - counts.loc[names[-1], names[-1]])
    return Answer(
        table=table,
        headline=f"{up:,} members rise a tier and {down:,} fall by this year's revenue",
        so_what=(
            f"{lost:,} of {int(counts.loc[names[-1]].sum()):,} '{names[-1]}' members would lose their tier; {top:,} hold it now. Tell those "
            "close below a threshold what is missing, and give a falling member a year of grace rather than a letter of demotion."
        ),
        kind="descriptive",
        caption=f"Members by tier under the plan's thresholds: down by revenue of the year before, across by that of the last 12 months (n = {len(members):,})",
        units={"members": "count", "share": "%"},
        source="loyalty_events, orders, plan",
        metrics=(Metric("tier_falls", float(down), n=len(old), unit="count"),),
    )


@answers
def care_calendar(care: pd.DataFrame, programme: Any, reachable: pd.DataFrame | Missing) -> Answer:
    """Return the care calendar: each occasion, what is done, and how many customers may be greeted.

    Parameters
    ----------
    care
        Query ``care_days``: month and day of birth and first order.
    programme
        With ``care_calendar``: occasion (birthday, first order day, or a month's name) to what is done.
    reachable
        Of the target lists.
    """
    if programme is None or not programme.care_calendar:
        raise NotEnough("the plan has no care calendar", "greetings the client sends, by occasion")
    need(care, "customers", "an export of the customer master data")
    assert isinstance(reachable, pd.DataFrame)
    channels = [c for c in reachable.columns if c != "customer_id"]
    free = care["customer_id"].isin(reachable.loc[reachable[channels].any(axis=1), "customer_id"])
    rows = []
    for occasion, what in programme.care_calendar.items():
        day = {"birthday": "birth_month", "first order day": "first_order_month"}.get(occasion)
        known = care[day].notna() if day else pd.Series(True, index=care.index)
        month = (
            care.loc[known & free, day].astype(int).value_counts() if day else pd.Series(dtype=int)
        )
        busiest = (
            f"{date(2000, int(month.sort_index().idxmax()), 1):%B}"
            if len(month)
            else occasion.capitalize()
        )
        rows.append({"occasion": occasion, "what": what, "known": int(known.sum()), "may_be_greeted": int((known & free).sum()),
                     "busiest_month": busiest, "most_in_a_month": int(month.max()) if len(month) else int((known & free).sum())})  # fmt: skip
    table = pd.DataFrame(rows).sort_values(
        ["may_be_greeted", "occasion"], ascending=[False, True], ignore_index=True
    )
    birthday = table[table["occasion"] == "birthday"]
    gap = (
        f" {len(care) - int(birthday['known'].iloc[0]):,} dates of birth are not known."
        if len(birthday)
        else ""
    )
    total = int(table["may_be_greeted"].sum())
    return Answer(
        table=table,
        headline=f"The care calendar means {total:,} greetings a year to those who may be contacted",
        so_what=f"Greet without selling: care works because it asks for nothing. Print for the busiest month, not for the average.{gap}",
        kind="prescriptive",
        caption=f"Occasions of the care calendar and customers who may be greeted (n = {len(care):,} customers)",
        units={"known": "count", "may_be_greeted": "count", "most_in_a_month": "count"},
        source="customers, orders, plan",
    )
