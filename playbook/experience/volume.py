"""How many service cases will come: the months ahead, how far off past forecasts were, what it asks of the team (E6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.experience.common import TICKETS, per_cent
from playbook.forecast import monthly_forecast

__all__ = ["Ahead", "case_forecast", "months_ahead", "whole_months"]

LEVEL = 0.80
FEWEST = 12
"""Whole months below which nothing is forecast."""
SEASON = 12
HALF = 0.5
"""Added to counts before taking logarithms, so that a month without a case has one."""
BENCHMARK = "last year's month"
FIRST_DAYS = 7
"""The first month counts as whole when its first case came within so many days."""


@dataclass(frozen=True)
class Ahead:
    """The months ahead.

    Attributes
    ----------
    table
        ``expected``, ``low``, ``high`` (80 %), ``last_year`` (same month a year before; none where there is none).
    total
        Expected sum with its ends.
    method, errors
        Model and its errors on the past (`monthly_forecast`).
    """

    table: pd.DataFrame
    total: tuple[float, float, float]
    method: str
    errors: pd.DataFrame


def months_ahead(counts: np.ndarray, months: int, seed: int) -> Ahead:
    """Forecast monthly counts with the model of the smallest error on the past (`monthly_forecast`).

    Parameters
    ----------
    counts
        Whole months in order, the last one the newest.
    months
        Months ahead, at most twelve.
    seed
        Seed of the simulated futures.

    Notes
    -----
    Logarithms are forecast, so that a busy season is a share of the level and no month falls below zero; expected is the
    middle of the simulated futures, intervals are theirs. A month of counts varies at least as a Poisson number:
    futures that vary less are spread until they do. ``error`` is the mean size of the miss of a month, a share of it.
    """
    if not 1 <= months <= SEASON:
        raise ValueError(f"months ahead: {months}, from 1 to {SEASON}")
    logs = np.log(np.asarray(counts, dtype=float) + HALF)
    found = monthly_forecast(logs, months, seed)
    errors = found.errors.copy()
    errors[["error", "error_sum", "bias"]] *= np.abs(logs).mean()
    paths = np.maximum(np.exp(found.paths) - HALF, 0.0)
    centre = np.median(paths, axis=0)
    lacking = np.sqrt(np.maximum(centre - paths.var(axis=0), 0.0))
    drawn = np.random.default_rng([seed, 1]).standard_normal(paths.shape)
    paths = np.maximum(paths + lacking * drawn, 0.0)
    ends = [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2]
    low, middle, high = np.quantile(paths, ends, axis=0)
    least, most = (float(end) for end in np.quantile(paths.sum(axis=1), ends)[[0, 2]])
    before = counts[-SEASON:][:months] if len(counts) >= SEASON else np.full(months, np.nan)
    table = pd.DataFrame({"expected": middle, "low": low, "high": high, "last_year": before})
    return Ahead(table, (float(middle.sum()), least, most), found.method, errors)


def whole_months(months: pd.DataFrame, as_of: date) -> pd.Series:
    """Return the cases opened in each whole month up to ``as_of``, indexed by month; months without one count as 0.

    A last month that has not ended is left out, and so is a first month whose first case came after its first week.
    """
    months = months[months["opened"].cumsum() > 0]
    if months.empty:
        return pd.Series(dtype=float)
    series = months.set_index(pd.DatetimeIndex(months["month"]))["opened"].astype(float)
    first = series.index[0]
    if (months["first_opened"].iloc[0] - first).days >= FIRST_DAYS:
        first = first + pd.DateOffset(months=1)
    end = (pd.Timestamp(as_of) + pd.Timedelta(days=1)).replace(day=1) - pd.DateOffset(months=1)
    return series.reindex(pd.date_range(first, end, freq="MS"), fill_value=0.0)


@answers
def case_forecast(
    months: pd.DataFrame,
    as_of: date,
    seed: int,
    ahead: int = 6,
    promised: Any = None,
    cost: float | None = None,
) -> Answer:
    """Forecast the service cases of the coming months.

    Parameters
    ----------
    months
        Query ``service_months``: month, opened, resolved, first_opened.
    as_of, seed
        Last day known; seed of the simulated futures.
    ahead
        Months to forecast (1 to 12).
    promised
        ``service_levels`` of the engagement; its ``cases_per_month`` is what the desk can take. Nothing on staffing is
        said without.
    cost
        Cost of a case, where the engagement holds it.

    Returns
    -------
    Answer
        month, expected, low, high (80 %), last_year. Extra ``series``: the
        months known and those ahead; ``errors``: of each model on the past.
    """
    need(months, "months with service cases", TICKETS)
    known = whole_months(months, as_of)
    if len(known) < FEWEST:
        raise NotEnough(f"volume of cases: {len(known)} whole months are known, {FEWEST} needed", TICKETS)  # fmt: skip
    found = months_ahead(known.to_numpy(), ahead, seed)
    table = found.table.copy()
    table.insert(0, "month", pd.date_range(known.index[-1], periods=ahead + 1, freq="MS")[1:])
    series = pd.concat([
        pd.DataFrame({"month": known.index, "actual": known.to_numpy()}), table,
    ], ignore_index=True)  # fmt: skip
    capacity = promised.cases_per_month if promised else None
    return _told(table, series, known, found, capacity, cost)


def _told(
    table: pd.DataFrame, series: pd.DataFrame, known: pd.Series, found: Ahead, capacity: float | None,
    cost: float | None,
) -> Answer:  # fmt: skip
    total, low, high = found.total
    ahead = len(table)
    before = float(table["last_year"].sum(min_count=ahead)) if len(known) >= SEASON else np.nan
    change = f" (the middle is {_beside(total / before - 1)} the same months a year before)" if before > 0 else ""  # fmt: skip
    busiest = table.loc[table["expected"].idxmax()]
    text = (
        f"With 80 % certainty it will be {low:,.0f} to {high:,.0f}{change}; {busiest['month']:%B} alone brings "
        f"{busiest['expected']:,.0f} ({busiest['low']:,.0f} to {busiest['high']:,.0f}). {_trust(found, len(known))} {_means(table, total, capacity, cost)}"
    )
    return Answer(
        table=table,
        headline=f"{total:,.0f} service cases are expected in the next {ahead} months, {busiest['month']:%B} the busiest",
        so_what=text.strip(),
        kind="predictive",
        caption=f"Service cases opened a month and expected ({found.method}) with the 80 % interval, beside the same month a year before; "
        f"from {len(known)} whole months to {known.index[-1]:%Y-%m}",
        units={"expected": "count", "low": "count", "high": "count", "last_year": "count", "month": "date"},
        source="tickets; exponential smoothing or last year's month, whichever erred less on the past",
        metrics=(Metric("cases_expected", total, low, high, len(known), "count", "predictive"),),
        extra={"series": series, "errors": found.errors},
    )  # fmt: skip


def _beside(change: float) -> str:
    if abs(change) < 0.005:
        return "equal to"
    return f"{per_cent(abs(change))} {'above' if change > 0 else 'below'}"


def _trust(found: Ahead, months: int) -> str:
    """How far off the model was on months it had not seen, beside the benchmark."""
    if found.errors.empty:
        why = "no season can be told apart" if months < 2 * SEASON else "no forecast can be tried on the past"  # fmt: skip
        return f"With {months} whole months {why}: the interval is wide, and the error is not known until {2 * SEASON + 3} months are there."
    errors = found.errors.set_index("method")["error"]
    naive, own = float(errors[BENCHMARK]), float(errors[found.method])
    origins = int(found.errors["origins"].iloc[0])
    if found.method == BENCHMARK:
        return f"Tried on {origins} past months, nothing beat repeating last year's month, which missed a month by {per_cent(naive)}."
    return f"Tried on {origins} past months, the model missed a month by {per_cent(own)}, repeating last year's month by {per_cent(naive)}."


def _means(table: pd.DataFrame, total: float, capacity: float | None, cost: float | None) -> str:
    parts = []
    if capacity is not None:
        over = table[table["high"] > capacity]
        surely = table[table["low"] > capacity]
        if surely.empty and over.empty:
            parts.append(
                f"The team's {capacity:,.0f} cases a month are enough for every one of them."
            )
        else:
            which = surely if len(surely) else over
            word = "will not do" if len(surely) else "may not do"
            parts.append(f"The team's {capacity:,.0f} cases a month {word} in {', '.join(f'{m:%B}' for m in which['month'])}: "
                         f"plan for up to {which['high'].max() / capacity - 1:.0%} more.".replace("%", " %"))  # fmt: skip
    if cost is not None:
        parts.append(
            f"At {format_value(cost, 'currency')} a case that is {format_value(total * cost, 'currency')}."
        )
    return " ".join(parts)
