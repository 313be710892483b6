"""Word of mouth: who recommends, how many of the recommended buy, and what they are worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.stats import mean_interval, wilson

__all__ = ["referral_value", "who_recommends"]

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
    rows: list[dict[str, Any]] = []
    for name, flag in (("referred", 1), ("won otherwise", 0)):
        part = values.loc[values["referred"] == flag, column]
        mean = mean_interval(part)
        rows.append(
            {
                "group": name,
                "customers": len(part),
                "mean": mean.value,
                "low": mean.low,
                "high": mean.high,
            }
        )
    gap, low, high = _adjusted_difference(values, column, seed)
    rows.append(
        {
            "group": "difference, same years",
            "customers": rows[0]["customers"],
            "mean": gap,
            "low": low,
            "high": high,
        }
    )
    bought = wilson(int(referrals["converted"].fillna(False).sum()), len(referrals))
    clear = low > 0 or high < 0
    return Answer(
        table=pd.DataFrame(rows),
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
        metrics=(
            Metric("referral_conversion", bought.value, bought.low, bought.high, len(referrals), "%"),
            Metric("referral_extra_value", gap, low, high, int(rows[0]["customers"]), "currency", "diagnostic"),
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
