"""Word of mouth: who recommends, how many of the recommended buy, what they are worth, when a programme pays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.errors import NotEnough
from playbook.stats import mean_interval, wilson

__all__ = ["ambassadors", "referral_break_even", "referral_value", "who_recommends"]

ASK = "referrals: who recommended us to whom and when, and whether that person bought"
DRAWS = 1000


def _adjusted_difference(frame: pd.DataFrame, column: str, seed: int) -> tuple[float, float, float]:
    """Referred minus others, compared within the year won, weighted by the referred; bootstrap interval."""
    rng = np.random.default_rng(seed)
    total, draws, weight = 0.0, np.zeros(DRAWS), 0.0
    for _, part in frame.groupby("won_in"):
        first = part.loc[part["referred"] == 1, column].to_numpy(float)
        other = part.loc[part["referred"] == 0, column].to_numpy(float)
        if len(first) < 5 or len(other) < 5:
            continue
        weight += len(first)
        total += len(first) * (first.mean() - other.mean())
        again = [rng.choice(x, (DRAWS, len(x))).mean(axis=1) for x in (first, other)]
        draws += len(first) * (again[0] - again[1])
    if weight == 0:
        return np.nan, np.nan, np.nan
    low, high = np.quantile(draws / weight, [0.025, 0.975])
    return total / weight, float(low), float(high)


def _first_years(values: pd.DataFrame, column: str, seed: int) -> pd.DataFrame:
    """Mean of referred and other customers, and their difference within the years they were won."""
    rows: list[dict[str, Any]] = []
    for name, flag in (("referred", 1), ("won otherwise", 0)):
        part = values.loc[values["referred"] == flag, column]
        mean = mean_interval(part)
        rows.append({"group": name, "customers": len(part), "mean": mean.value, "low": mean.low, "high": mean.high})  # fmt: skip
    gap, low, high = _adjusted_difference(values, column, seed)
    rows.append({"group": "difference, same years", "customers": rows[0]["customers"], "mean": gap, "low": low, "high": high})  # fmt: skip
    return pd.DataFrame(rows)


@answers
def referral_value(values: pd.DataFrame, referrals: pd.DataFrame, seed: int) -> Answer:
    """Return what referred customers bring in their first year beside others won in the same years.

    Parameters
    ----------
    values
        Query ``referral_values``: customer_id, won_in, referred (0/1), revenue_first_year,
        margin_first_year (currency), orders_with_cost.
    referrals
        Table ``referrals``: referrer_id, referred_id, converted.
    seed
        Of the bootstrap.

    Returns
    -------
    Answer
        Table group, customers, mean, low, high (first-year margin, or revenue without costs), and the
        difference within the same years.
    """
    need(referrals, "referrals", ASK)
    need(values[values["referred"] == 1], "referred customers with a whole first year", ASK, rows=5)
    need(values[values["referred"] == 0], "other customers with a whole first year", ASK, rows=5)
    column = (
        "margin_first_year" if float(values["orders_with_cost"].sum()) else "revenue_first_year"
    )
    what = column.split("_")[0]
    values = values.sort_values("customer_id").assign(**{column: values[column].astype(float)})
    table = _first_years(values, column, seed)
    gap, low, high = table.loc[2, ["mean", "low", "high"]].astype(float)
    bought = wilson(int(referrals["converted"].fillna(False).sum()), len(referrals))
    clear = low > 0 or high < 0
    return Answer(
        table=table,
        headline=(
            f"A referred customer brings {format_value(abs(gap), 'currency')} {'more' if gap > 0 else 'less'} in the first year" if clear
            else "Referred customers bring neither clearly more nor clearly less than others"
        ),
        so_what=(
            f"{format_value(bought.value, '%')} of {len(referrals):,} people recommended to bought ({format_value(bought.low, '%')} to "
            f"{format_value(bought.high, '%')}). The difference in first-year {what} is {format_value(gap, 'currency')} "
            f"({format_value(low, 'currency')} to {format_value(high, 'currency')}). Who is referred is not random, so pay for a referral at most "
            "what a new customer costs in the cheapest paid channel."
        ),
        kind="diagnostic",
        caption=f"Mean {what} of the first year by how customers were won (95 % intervals; difference compared within the year won)",
        units={"customers": "count", "mean": "currency", "low": "currency", "high": "currency"},
        source="referrals, customers, orders",
        extra={"measured": what},
        metrics=(
            Metric("referral_conversion", bought.value, bought.low, bought.high, len(referrals), "%"),
            Metric("referral_extra_value", gap, low, high, int(table.loc[0, "customers"]), "currency", "diagnostic"),
        ),
    )  # fmt: skip


@answers
def who_recommends(
    referrers: pd.DataFrame, segments: pd.DataFrame | Missing, minimum: int = 5
) -> Answer:
    """Return the share of each segment that recommended us in the last 12 months.

    Parameters
    ----------
    referrers
        Query ``referrers``: customer_id, referrals, converted.
    segments
        Result ``segments``: customer_id, segment.
    minimum
        Smaller segments are left out.

    Returns
    -------
    Answer
        Table segment, customers, recommended (persons), share, low, high, converted (customers they brought).
    """
    assert isinstance(segments, pd.DataFrame)
    need(referrers, "customers who recommended us in the last 12 months", ASK)
    frame = segments[["customer_id", "segment"]].merge(referrers, on="customer_id", how="left")
    frame["did"] = frame["referrals"].fillna(0).astype(float) > 0
    table = frame.groupby("segment").agg(
        customers=("customer_id", "size"),
        recommended=("did", "sum"),
        converted=("converted", "sum"),
    )
    table = table[table["customers"] >= minimum].reset_index()
    need(table, "segments with enough customers", ASK)
    shares = [wilson(r.recommended, r.customers) for r in table.itertuples()]
    table["share"], table["low"], table["high"] = (
        [s.value for s in shares], [s.low for s in shares], [s.high for s in shares],
    )  # fmt: skip
    table = table.sort_values(["share", "segment"], ascending=[False, True], ignore_index=True)
    overall = wilson(int(frame["did"].sum()), len(frame))
    best = table.iloc[0]
    stands_out = best.low > overall.value
    return Answer(
        table=table[["segment", "customers", "recommended", "share", "low", "high", "converted"]],
        headline=(
            f"'{best.segment}' recommends most: {format_value(best.share, '%')} against {format_value(overall.value, '%')} overall"
            if stands_out else f"{format_value(overall.value, '%')} of customers recommended us, in every segment about alike"
        ),
        so_what=(
            (f"Invite '{best.segment}' first. " if stands_out else "Choose whom to invite by their answer on recommendation, not by segment. ")
            + f"{int(table['recommended'].sum()):,} people recommended and brought {int(table['converted'].sum()):,} customers in the year."
        ),
        kind="descriptive",
        caption=f"Share of customers who recommended us in the last 12 months, by segment (n = {len(frame):,}; 95 % intervals)",
        units={"customers": "count", "recommended": "count", "share": "%", "low": "%", "high": "%", "converted": "count"},
        source="referrals, segments",
        metrics=(Metric("recommending_customers", overall.value, overall.low, overall.high, len(frame), "%"),),
    )  # fmt: skip


WHO = ("promoter who recommended", "promoter, not yet", "recommended, no promoter")
REWARDS = (0.0, 0.1, 0.25, 0.5)
"""Rewards for a won customer that are tried, as shares of the customer's first-year margin."""


@answers
def ambassadors(
    referrers: pd.DataFrame, answered: pd.DataFrame, reachable: pd.DataFrame | Missing, values: pd.DataFrame | Missing | None = None,
) -> Answer:  # fmt: skip
    """Return who says they would recommend and who did: the list to invite first.

    Parameters
    ----------
    referrers
        Query ``referrers``: customer_id, referrals, converted of the last 12 months.
    answered
        From `recent_answers`: customer_id, promoter.
    reachable
        Of the target lists.
    values
        Result ``customer_value``: clv settles the order of equals.

    Returns
    -------
    Answer
        Table who, customers, contactable, referrals, converted, per_customer (customers won by each). Extra ``list``:
        customer_id, who, referrals, converted, contactable; promoters who did recommend first, for the files only.
    """
    assert isinstance(reachable, pd.DataFrame)
    promoters = answered.loc[answered["promoter"].fillna(False).astype(bool), ["customer_id"]]
    need(
        promoters,
        "customers who would recommend us",
        "answers to the question on recommendation, by customer",
    )
    frame = promoters.assign(promoter=True).merge(referrers, on="customer_id", how="outer")
    frame["promoter"] = frame["promoter"].astype("boolean").fillna(False).astype(bool)
    frame[["referrals", "converted"]] = frame[["referrals", "converted"]].astype(float).fillna(0)
    did = frame["referrals"] > 0
    frame["who"] = np.select([frame["promoter"] & did, frame["promoter"]], WHO[:2], WHO[2])
    channels = [c for c in reachable.columns if c != "customer_id"]
    open_to = set(reachable.loc[reachable[channels].any(axis=1), "customer_id"])
    frame["contactable"] = frame["customer_id"].isin(open_to)
    frame["clv"] = (
        frame["customer_id"].map(values.set_index("customer_id")["clv"].astype(float)) if isinstance(values, pd.DataFrame) else 0.0
    )  # fmt: skip
    frame["order"] = frame["who"].map({name: i for i, name in enumerate(WHO)})
    frame = frame.sort_values(
        ["order", "converted", "referrals", "clv", "customer_id"], ascending=[True, False, False, False, True], ignore_index=True
    )  # fmt: skip
    table = frame.groupby("who").agg(
        customers=("customer_id", "size"), contactable=("contactable", "sum"), referrals=("referrals", "sum"), converted=("converted", "sum"),
    ).reindex(WHO).fillna(0).astype(int).reset_index()  # fmt: skip
    table["per_customer"] = table["converted"] / table["customers"].where(table["customers"] > 0)
    first, other, rest = (table.iloc[i] for i in range(3))
    return Answer(
        table=table,
        headline=f"{first.contactable:,} promoters recommended us within the year and may be contacted",
        so_what=(
            f"They are the ambassadors: {first.converted:,} customers won by {first.customers:,} of them. Thank them first and ask for a second "
            f"recommendation. {other.contactable:,} more promoters have not recommended yet: invite these. "
            f"{rest.customers:,} people recommended without having said so in a survey; being a promoter alone does not make anybody act."
        ),
        kind="prescriptive",
        caption=f"Customers who would recommend us or did in the last 12 months (n = {len(frame):,})",
        units={"customers": "count", "contactable": "count", "referrals": "count", "converted": "count", "per_customer": "ratio"},
        source="referrals, survey answers, target lists",
        metrics=(Metric("ambassadors", float(first.contactable), n=len(frame), unit="count", kind="prescriptive"),),
        extra={"list": frame[["customer_id", "who", "referrals", "converted", "contactable"]]},
    )  # fmt: skip


@answers
def referral_break_even(
    referral: Answer, who: Answer, actions: Sequence[Any] = (), channels: Answer | None = None
) -> Answer:
    """Return how many more customers an invited promoter must bring for a referral programme to pay.

    Parameters
    ----------
    referral
        From `referral_value`: first-year margin of referred customers.
    who
        From `ambassadors`: how many customers promoters bring without any programme.
    actions
        ``plan.actions``: the cost of a contact is that of the cheapest with purpose advocacy.
    channels
        From `acquisition_channels`: what a new customer costs otherwise.

    Returns
    -------
    Answer
        Table reward (for each customer won), extra_needed (customers per 100 invited, beyond those who come anyway), low,
        high (at the upper and lower end of the margin).

    Notes
    -----
    Net margin of inviting one promoter = δ·V - (r + δ)·R - c with V the margin of a referred customer, r customers
    brought anyway, δ those beyond, R the reward, paid for both, and c the contact; zero at δ = (c + r·R) / (V - R).
    """
    if referral["measured"] != "margin":
        raise NotEnough(
            "the cost of goods of referred customers' orders is not known",
            "the cost of goods of each order line",
        )
    value, least, most = referral.table.loc[0, ["mean", "low", "high"]].astype(float)
    if value <= 0:
        raise NotEnough("referred customers bring no margin in their first year", ASK)
    people = who.table.iloc[:2][["customers", "converted"]].sum()
    usual = float(people["converted"] / people["customers"])
    costs = [float(a.unit_cost) for a in actions if a.purpose == "advocacy"]
    contact = min(costs) if costs else 0.0
    rewards = np.array(REWARDS) * value

    def needed(worth: float) -> np.ndarray:
        room = worth - rewards
        return np.where(
            room > 0, 100 * (contact + usual * rewards) / np.where(room > 0, room, 1.0), np.inf
        )

    table = pd.DataFrame(
        {
            "reward": rewards,
            "extra_needed": needed(value),
            "low": needed(most),
            "high": needed(least),
        }
    )
    quarter = table.iloc[2]
    cheapest = channels.table["cost_each"].min() if isinstance(channels, Answer) else np.nan
    return Answer(
        table=table,
        headline=f"At a reward of {format_value(quarter.reward, 'currency')} 100 invited must bring {quarter.extra_needed:.1f} more customers",
        so_what=(
            f"100 promoters bring {100 * usual:.1f} customers a year anyway, and the reward is paid for those too. "
            f"A referred customer is worth {format_value(value, 'currency')} of margin in the first year ({format_value(least, 'currency')} to "
            f"{format_value(most, 'currency')}); never pay more than that. "
            + (f"The cheapest paid channel wins one for {format_value(cheapest, 'currency')}. " if cheapest == cheapest else "")
            + "Invite a random half of the promoters for a quarter, and go on only if they bring that many more than the other half."
        ),
        kind="prescriptive",
        caption="Extra customers per 100 promoters invited at which a referral programme breaks even within the first year, by reward (ends: 95 % of the margin)",
        units={"reward": "currency", "extra_needed": "points", "low": "points", "high": "points"},
        source="referrals, orders, survey answers, plan",
        metrics=(Metric("referral_break_even", float(quarter.extra_needed), float(quarter.low), float(quarter.high) if np.isfinite(quarter.high) else None, int(people["customers"]), "points", "prescriptive"),),
    )  # fmt: skip
