"""Which monthly moves are more than noise? Control charts, and how often they alarm when nothing changes.

Glossary
--------
control limits
    Where single months of an unchanging figure fall: mean -+ 2.66 mean moving ranges.
false alarm
    A signal in twelve months of a figure that never changes.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.stats import xmr_limits

__all__ = ["between_years", "control_charts", "deseasonalised", "false_alarms"]

MEASURES = {
    "new_customers": "New customers",
    "active_customers": "Active customers",
    "orders": "Orders",
    "revenue": "Revenue",
    "margin": "Gross margin",
}
"""Columns of ``monthly_figures`` that are watched."""

FEWEST_MONTHS = 24
SERIES = 2000
"""Simulated series behind the false-alarm rate."""


def deseasonalised(values: np.ndarray) -> np.ndarray:
    """Return the last whole years of a monthly series with the month's usual share taken out.

    Parameters
    ----------
    values
        Months in order. Each month is divided by the mean, over the years, of that month's ratio to its year's mean;
        with a year whose mean is not positive the mean difference is subtracted instead.

    Returns
    -------
    numpy.ndarray
        The last ``12 * (len(values) // 12)`` months.
    """
    years = len(values) // 12
    blocks = np.asarray(values, dtype=float)[len(values) - 12 * years :].reshape(years, 12)
    level = blocks.mean(axis=1, keepdims=True)
    if (level > 0).all() and (season := (blocks / level).mean(axis=0)).min() > 0.05:
        return (blocks / season).ravel()
    return (blocks - (blocks - level).mean(axis=0)).ravel()


def false_alarms(months: int, seed: int, between: float = 0.0, series: int = SERIES) -> float:
    """Return how often 12 months of an unchanging figure show a signal, by simulation.

    Parameters
    ----------
    months
        Whole years of months on the chart (normal, 10 % spread), deseasonalised like the real ones.
    between
        Spread of the level from year to year as a share of the spread of months: the same customers buy in a good
        year or a bad one, which moves 12 months together although nothing has changed.
    """
    rng = np.random.default_rng(seed)
    years = months // 12
    level = between * np.repeat(rng.standard_normal((series, years)), 12, axis=1)
    drawn = 100 + 10 * (rng.standard_normal((series, 12 * years)) + level)
    blocks = drawn.reshape(series, years, 12)
    season = (blocks / blocks.mean(axis=2, keepdims=True)).mean(axis=1, keepdims=True)
    return float(_alarms((blocks / season).reshape(series, 12 * years)).mean())


def _alarms(values: np.ndarray) -> np.ndarray:
    """Return for each row whether its chart (`xmr_limits`) shows a signal in the last 12 months."""
    center = values.mean(axis=1, keepdims=True)
    width = 2.66 * np.abs(np.diff(values, axis=1)).mean(axis=1, keepdims=True)
    last = values.shape[1] - 12
    outside = (np.abs(values - center) > width)[:, last:].any(axis=1)
    windows = sliding_window_view(np.sign(values - center), 8, axis=1)
    runs = (np.abs(windows.sum(axis=2)) == 8)[:, max(last - 7, 0) :].any(axis=1)
    return np.asarray(outside | runs)


def between_years(clean: np.ndarray, before: pd.Series | None, now: pd.Series | None) -> float:
    """Return the spread of a figure's level from year to year over that of its months, from the customers.

    Parameters
    ----------
    clean
        Deseasonalised months.
    before, now
        The figure of each customer in the year before and in this year, by customer; without them 0.

    Notes
    -----
    Half the summed squared changes of customers is the variance of a year's sum when customers are independent
    and nothing has changed; what twelve independent months do not explain of it moves the whole year. The
    spread of months is the mean moving range over 1.128, widened for the season that was estimated from few years.
    """
    if before is None or now is None:
        return 0.0
    change = now.subtract(before, fill_value=0.0).to_numpy(float)
    years = len(clean) // 12
    month = (np.abs(np.diff(clean)).mean() / 1.128) ** 2 * years / (years - 1)
    whole = float((change**2).sum()) / 2
    return math.sqrt(max(whole - 12 * month, 0.0) / 144 / month) if month > 0 else 0.0


def _signals(chart: pd.DataFrame) -> pd.Series:
    return chart["outside"] | chart["run"]


@answers
def control_charts(
    monthly: pd.DataFrame,
    seed: int,
    before: pd.DataFrame | None = None,
    now: pd.DataFrame | None = None,
) -> Answer:
    """Tell signal from noise in the monthly figures of the year.

    A signal is a month beyond the control limits or part of eight months in a row on one side of the mean.

    Parameters
    ----------
    monthly
        Query ``monthly_figures``; only whole months count.
    seed
        Seed of the simulated false-alarm rates.
    before, now
        Query ``customer_snapshot`` of the year before and of this year: how much customers differ from year to year,
        which decides how often an unchanging figure alarms. Without them months count as independent.

    Returns
    -------
    Answer
        Table: figure, months, mean_month, last_12_months, change, signals, false_alarm (how often a figure like it that
        never changes shows one, by simulation), verdict. Extra ``points``: figure, month, value
        (deseasonalised), center, low, high, signal.

    References
    ----------
    Wheeler, D. J. (1993). Understanding Variation: The Key to Managing Chaos.
    """
    whole = monthly[~monthly["is_partial"].astype(bool)] if len(monthly) else monthly
    whole = need(whole, "whole months with orders", "orders of two years", rows=FEWEST_MONTHS)
    whole = whole.sort_values("month")
    if pd.Timestamp(whole["first_day"].iloc[0]).day > 5:
        whole = need(whole.iloc[1:], "whole months with orders", "orders of two years", rows=FEWEST_MONTHS)  # fmt: skip
    points = pd.concat(
        [_points(whole, c) for c in MEASURES if _usable(whole, c)], ignore_index=True
    )
    rows = [
        _verdict(name, part) | {"false_alarm": _alarm_rate(str(name), part, seed, before, now)}
        for name, part in points.groupby("figure", sort=False)
    ]
    table = pd.DataFrame(rows)
    table = table[[*table.columns.drop(["verdict"]), "verdict"]]
    months = int(table["months"].max())
    alarm = float(table["false_alarm"].mean())
    chance = 1 - float((1 - table["false_alarm"]).prod())
    loud = table[table["signals"] > 0]
    return Answer(
        table=table,
        headline=(
            f"{len(loud)} of {len(table)} monthly figures moved beyond chance"
            if len(loud)
            else f"None of {len(table)} monthly figures moved beyond chance"
        ),
        so_what=(
            (f"Look for a cause of: {'; '.join(f'{r.figure}, {r.verdict}' for r in loud.itertuples())}. " if len(loud)
             else "Do not explain single months: every one lies where an unchanging figure would put it. ")
            + f"A figure that never changes gives an alarm in {format_value(alarm, '%')} of years on average"
            + (f", one of {len(table)} in up to {format_value(chance, '%')}" if len(table) > 1 else "")
            + ", so act on several signals in one direction, not on one."
        ),
        kind="diagnostic",
        caption=f"Monthly figures without season, {months} months, signals of the last 12 (grey: usual range, mean ± 2.66 mean moving ranges)",
        units={"months": "count", "mean_month": "count", "last_12_months": "count", "change": "%", "signals": "count", "false_alarm": "%"},
        source=f"orders and customers by month; false-alarm rates from {SERIES} simulated series each",
        metrics=(Metric("monthly_figures_with_signal", float(len(loud)), n=len(table), unit="count", kind="diagnostic"),),
        extra={"points": points, "false_alarm": alarm},
    )  # fmt: skip


OF_CUSTOMERS = {
    "Orders": "orders",
    "Active customers": "orders",
    "Revenue": "revenue",
    "Gross margin": "revenue",
}
"""Figures whose level is moved by customers' good and bad years, and the customers' figure that says by how much."""


def _alarm_rate(
    name: str, part: pd.DataFrame, seed: int, before: pd.DataFrame | None, now: pd.DataFrame | None
) -> float:
    column = OF_CUSTOMERS.get(name, "")
    clean = part["value"].to_numpy(float)
    years = [f.set_index("customer_id")[column].astype(float) if f is not None and column in f else None for f in (before, now)]  # fmt: skip
    if years[0] is None or years[1] is None:
        return false_alarms(len(clean), seed)
    scale = clean[-12:].sum() / max(
        float(years[1].sum()), 1e-9
    )  # margin, and months of several orders
    return false_alarms(len(clean), seed, between_years(clean, years[0] * scale, years[1] * scale))


def _usable(whole: pd.DataFrame, column: str) -> bool:
    values = whole[column].astype("float64")
    return bool(values.notna().all() and values.std() > 0)


def _points(whole: pd.DataFrame, column: str) -> pd.DataFrame:
    index = pd.PeriodIndex(whole["month"], freq="M")
    values = pd.Series(whole[column].astype("float64").to_numpy(), index=index)
    values = values.reindex(pd.period_range(index[0], index[-1], freq="M"), fill_value=0.0)
    clean = deseasonalised(values.to_numpy())
    chart = xmr_limits(pd.Series(clean, index=values.index[-len(clean) :]))
    return pd.DataFrame(
        {
            "figure": MEASURES[column],
            "month": chart.index.to_timestamp(),
            **{name: chart[name].to_numpy() for name in ("value", "center", "low", "high")},
            "signal": _signals(chart).to_numpy(),
        }
    )


def _verdict(name: str, part: pd.DataFrame) -> dict:
    year, earlier = part.tail(12), part.iloc[:-12]
    signals = year[year["signal"]]
    above = int((signals["value"] > signals["center"]).sum())
    side = "above" if above * 2 > len(signals) else "below"
    beyond = int((signals["value"] > signals["high"]).sum() + (signals["value"] < signals["low"]).sum())  # fmt: skip
    verdict = "noise"
    if beyond:
        verdict = f"{beyond} {'month' if beyond == 1 else 'months'} beyond its usual range"
    elif len(signals):
        verdict = f"{max(above, len(signals) - above)} months of a run on one side, {side} its mean"
    return {
        "figure": name,
        "months": len(part),
        "mean_month": float(earlier["value"].mean()),
        "last_12_months": float(year["value"].mean()),
        "change": float(year["value"].mean() / earlier["value"].mean() - 1)
        if earlier["value"].mean()
        else math.nan,
        "signals": len(signals),
        "verdict": verdict,
    }
