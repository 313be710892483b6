"""What customers do: cohorts that stay or leave, concentration of revenue, seasons."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.tsa.seasonal import STL

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.stats import gini, lorenz, two_proportion_difference

__all__ = ["cohorts", "concentration", "gini_interval", "seasonality"]

ASK = "orders with date and customer number"
MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]  # fmt: skip
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def _quarter_name(quarter: int) -> str:
    return f"{quarter // 4} Q{quarter % 4 + 1}"


@answers
def cohorts(activity: pd.DataFrame, as_of: date) -> Answer:
    """Return the share of each quarter's new customers who order in later quarters.

    Parameters
    ----------
    activity
        cohort and quarter (year × 4 + quarter − 1), age (quarters), customers (in the cohort), active (who ordered),
        won_before (customers known to be won before the first quarter).
    as_of
        Last day of the period; a quarter that ends later is left out.

    Returns
    -------
    Answer
        Table: cohort, customers, quarters_later (1, 2, ...), active, share; oldest cohort first; cells of cohorts below
        five customers are left out.
    """
    need(activity, "customers with orders", ASK)
    ends = pd.Timestamp(as_of) == pd.Timestamp(as_of) + pd.offsets.QuarterEnd(0)
    last = as_of.year * 4 + (as_of.month - 1) // 3 - (0 if ends else 1)
    full = activity[(activity["quarter"] <= last) & (activity["customers"] >= 5)]
    sizes = full.drop_duplicates("cohort").set_index("cohort")["customers"].sort_index()
    cells = [(c, age) for c in sizes.index for age in range(1, last - int(c) + 1)]
    need(pd.DataFrame(cells), "cohorts with a later full quarter", "at least half a year of orders")
    table = pd.DataFrame(cells, columns=["number", "quarters_later"]).merge(
        full[["cohort", "age", "active"]],
        left_on=["number", "quarters_later"],
        right_on=["cohort", "age"],
        how="left",
    )
    table["customers"] = table["number"].map(sizes).astype("int64")
    table["active"] = table["active"].fillna(0).astype("int64")
    table["share"] = table["active"] / table["customers"]
    table["cohort"] = table["number"].map(_quarter_name).astype("str")
    if not table["active"].any():
        raise NotEnough(
            f"repeat orders: none of {int(sizes.sum()):,} newly won customers ordered in a later quarter",
            "the whole order history (or is it that each customer buys once?)",
        )
    next_quarter = table[table["quarters_later"] == 1].reset_index(drop=True)
    now, before = next_quarter.tail(4), next_quarter.iloc[:-4].tail(4)
    rate = now["active"].sum() / now["customers"].sum()
    told, metric = _cohort_change(now, before)
    inflated = not activity["won_before"].any() if "won_before" in activity else False
    return Answer(
        table=table[["cohort", "customers", "quarters_later", "active", "share"]],
        headline=f"{format_value(rate, '%')} of newly won customers order again in the next quarter",
        so_what=f"{told} {_fading(table)}",
        kind="descriptive",
        caption="Share of the customers won in a quarter who order so many quarters later"
        + (
            "; the first cohort may hold customers won before the data began (no day of acquisition is earlier)"
            if inflated
            else ""
        ),
        units={"customers": "count", "active": "count", "share": "%"},
        source="orders with a customer number, complete quarters",
        metrics=metric,
    )


def _fading(table: pd.DataFrame) -> str:
    """Return how the share of active customers changes with the age of the cohort."""
    sums = table.groupby("quarters_later")[["active", "customers"]].sum()
    rate = sums["active"] / sums["customers"]
    if len(rate) < 4:
        return "Follow the newest cohort for a year before judging it."
    return (
        f"Over all cohorts {format_value(rate.loc[1], '%')} order in the first quarter after they were won and "
        f"{format_value(rate.loc[4], '%')} in the fourth: "
        + (
            "place the second-order offer early, while return is likely."
            if rate.loc[1] > rate.loc[4]
            else "customers return late, so keep contact over the whole first year."
        )
    )


def _cohort_change(now: pd.DataFrame, before: pd.DataFrame) -> tuple[str, tuple[Metric, ...]]:
    size, active = int(now["customers"].sum()), int(now["active"].sum())
    plain = (Metric("next_quarter_repeat_rate", active / size, n=size, unit="%"),)
    if len(before) < 2 or len(now) < 4:
        return (
            "The history is too short to say whether newer customers come back more often.",
            plain,
        )
    past = (int(before["active"].sum()), int(before["customers"].sum()))
    change = two_proportion_difference(active, size, *past)
    low, value, high = (
        format_value(100 * v, "points") for v in (change.low, change.value, change.high)
    )
    moved = f"{value} points ({low} to {high})"
    if change.p_value >= 0.05:
        return (f"The last four cohorts come back as often as the {len(before)} before: {moved} is within chance.", plain)  # fmt: skip
    way = "more" if change.value > 0 else "less"
    return (
        f"The last four cohorts come back {way} often than the {len(before)} before: {moved}.",
        plain,
    )


def gini_interval(values: pd.Series) -> tuple[float, float, float]:
    """Return the Gini coefficient and its 95 % interval by linearisation.

    References
    ----------
    Langel, M. & Tillé, Y. (2013). Variance estimation of the Gini index: revisiting a result several times published,
    eq. 14 (simple random sampling, equal weights).
    """
    y = np.sort(values.to_numpy(float))
    n, total = len(y), float(y.sum())
    coefficient = gini(y)
    rank = np.arange(1, n + 1)
    below = np.cumsum(y) / rank
    z = (2 * rank * (y - below) + total - n * y - coefficient * (total + n * y)) / (n * total)
    half = 1.96 * float(np.sqrt(n * z.var(ddof=1)))
    return coefficient, coefficient - half, coefficient + half


@answers
def concentration(customers: pd.DataFrame) -> Answer:
    """Return how much of the revenue the best customers bring, by tenths, with the Gini coefficient.

    Parameters
    ----------
    customers
        customer_id, revenue (12 months, net of refunds, currency).

    Returns
    -------
    Answer
        Table: tenth (1 = best customers), customers, revenue, share, cumulative. ``extra["curve"]`` is an answer with
        share_of_customers, revenue (cumulative share, worst first) and equal. Customers below zero (refunds above orders) count
        as zero.
    """
    bought = customers.dropna(subset=["revenue"])
    need(bought[bought["revenue"] > 0], "customers with revenue", ASK, rows=50)
    if float(np.ptp(bought["revenue"].to_numpy(float))) < 1e-6:
        raise NotEnough(
            f"revenue by customer: each of {len(bought):,} customers brings {format_value(bought['revenue'].iloc[0], 'currency')}",
            "the value of each order",
        )
    below = int((bought["revenue"] < 0).sum())
    ranked = bought.assign(revenue=bought["revenue"].clip(lower=0)).sort_values(
        ["revenue", "customer_id"], ascending=[False, True], ignore_index=True
    )
    ranked["tenth"] = np.arange(len(ranked)) * 10 // len(ranked) + 1
    table = (
        ranked.groupby("tenth")
        .agg(customers=("customer_id", "size"), revenue=("revenue", "sum"))
        .reset_index()
    )
    table["share"] = table["revenue"] / table["revenue"].sum()
    table["cumulative"] = table["share"].cumsum()
    value, low, high = gini_interval(ranked["revenue"])
    fifth, best = float(table["cumulative"].iloc[1]), int(table["customers"].iloc[:2].sum())
    curve = lorenz(ranked["revenue"], 101).rename(
        columns={"share_units": "share_of_customers", "share_value": "revenue"}
    )
    headline = f"The best fifth of customers brings {format_value(fifth, '%')} of revenue"
    caption = f"Revenue of customers with an order in the last 12 months (n = {len(ranked):,}); Gini {value:.2f} ({low:.2f} to {high:.2f})"
    units = {"customers": "count", "revenue": "currency", "share": "%", "cumulative": "%"}
    return Answer(
        table=table,
        headline=headline,
        so_what=f"{best:,} customers carry {format_value(fifth, '%')} of revenue, the lower half only {format_value(1 - table['cumulative'].iloc[4], '%')}. "
        "Know the best by name and measure their retention on its own; an average hides the loss of a few of them."
        + (f" {below} customers returned more than they bought and count as zero." if below else ""),
        kind="descriptive",
        caption=caption,
        units=units,
        source="orders net of refunds, customers with a number",
        metrics=(
            Metric("gini_revenue", value, low, high, len(ranked), "ratio"),
            Metric("revenue_share_best_fifth", fifth, n=len(ranked), unit="%"),
        ),
        extra={"curve": Answer(
            table=curve.assign(equal=curve["share_of_customers"]), headline=headline, so_what="", kind="descriptive",
            caption=caption.replace("Revenue of", "Cumulative share of revenue, least valuable first;"),
            units={"share_of_customers": "%", "revenue": "%", "equal": "%"}, source="orders net of refunds",
        )},
    )  # fmt: skip


@answers
def seasonality(days: pd.DataFrame, as_of: date) -> Answer:
    """Return how much each month lies above or below the trend (weekdays where history is under two years).

    STL decomposition (Cleveland et al. 1990) of monthly revenue, robust; strength of season
    max(0, 1 − var(rest) / var(season + rest)) (Wang, Smith & Hyndman 2006).

    Parameters
    ----------
    days
        day, revenue (currency).
    as_of
        Last day of the period; incomplete months are left out.

    Returns
    -------
    Answer
        Table: month (or weekday), factor (mean distance from the trend ÷ trend), lowest, highest (over the years;
        for weekdays the middle 80 % of weeks).
    """
    need(days, "days with orders", ASK, rows=60)
    daily = days.set_index("day")["revenue"].sort_index()
    daily = daily.reindex(pd.date_range(daily.index[0], pd.Timestamp(as_of)), fill_value=0.0)
    monthly = daily.groupby(daily.index.to_period("M")).agg(["sum", "size"])
    monthly = monthly[monthly["size"] >= monthly.index.days_in_month - 2]["sum"]
    yearly = len(monthly) >= 24
    unit = "month" if yearly else "weekday"
    table, strength = _pattern(monthly if yearly else daily, yearly)
    top = table.iloc[int(table["factor"].round(9).argmax())]
    bottom = table.iloc[int(table["factor"].round(9).argmin())]
    span = f"{len(monthly) / 12:.1f} years" if yearly else f"{len(daily) / 7:.0f} weeks"
    return Answer(
        table=table,
        headline=f"{top[unit]} lies {format_value(top['factor'], '%')} above trend, {bottom[unit]} "
        f"{format_value(-bottom['factor'], '%')} below",
        so_what=f"The {unit} explains {format_value(strength, '%')} of the movement around the trend (seen over {span}). "
        + (
            f"Compare with the same month a year before, staff service for {top[unit]}, and place offers to lapsed customers before "
            f"{bottom[unit]}."
            if yearly
            else f"Plan staff and deliveries for {top[unit]}; for the seasons of the year the history is too short."
        ),
        kind="descriptive",
        caption=f"Revenue of a {unit} against the trend, mean with lowest and highest ({span})",
        units={"factor": "%", "lowest": "%", "highest": "%"},
        source=f"orders net of refunds, STL decomposition of {'monthly' if yearly else 'daily'} revenue",
        metrics=(
            Metric("season_strength", strength, n=len(monthly if yearly else daily), unit="%"),
        ),
    )


def _pattern(series: pd.Series, yearly: bool) -> tuple[pd.DataFrame, float]:
    """Return the pattern of months (or weekdays) and the strength of the season."""
    parts: Any = STL(series.to_numpy(float), period=12 if yearly else 7, robust=True).fit()
    trend = np.maximum(parts.trend, max(1e-9, 0.05 * float(np.mean(np.abs(parts.trend)))))
    if yearly:
        names, order = [MONTHS[p.month - 1] for p in series.index], MONTHS
        factor, ends = parts.seasonal / trend, (0.0, 1.0)
    else:
        names, order = [WEEKDAYS[d.day_of_week] for d in series.index], WEEKDAYS
        factor, ends = series.to_numpy(float) / trend - 1, (0.1, 0.9)
    groups = pd.DataFrame({"name": names, "factor": factor}).groupby("name")["factor"]
    table = pd.DataFrame(
        {
            "factor": groups.mean(),
            "lowest": groups.quantile(ends[0]),
            "highest": groups.quantile(ends[1]),
        }
    )
    table = table.reindex(order).rename_axis("month" if yearly else "weekday").reset_index()
    spread = float(np.var(parts.seasonal + parts.resid))
    return table, max(0.0, 1 - float(np.var(parts.resid)) / spread) if spread > 0 else 0.0
