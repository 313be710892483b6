"""Intervals of shares, means, ratios and any statistic, and the difference of two shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

__all__ = [
    "Difference",
    "Interval",
    "bootstrap",
    "mean_interval",
    "ratio_interval",
    "two_proportion_difference",
    "wilson",
]


@dataclass(frozen=True)
class Interval:
    """A figure with its confidence interval and the number of rows behind it."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Difference:
    """First minus second, with interval, two-sided p-value and both numbers of rows."""

    value: float
    low: float
    high: float
    p_value: float
    n_first: int
    n_second: int


def finite(values: Any, what: str) -> np.ndarray:
    """Return ``values`` as a float array.

    Raises
    ------
    ValueError
        A value is missing or infinite. Rows are never dropped here: drop them before, and say so.
    """
    array = np.asarray(values, dtype=float).ravel()
    bad = int((~np.isfinite(array)).sum())
    if bad:
        raise ValueError(
            f"{what}: {bad} of {array.size} values are missing or infinite; "
            "leave them out before the call and report how many"
        )
    return array


def normal_quantile(level: float) -> float:
    """Two-sided normal quantile of a confidence level, such as 1.96 for 0.95.

    Raises
    ------
    ValueError
        ``level`` is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, such as 0.95; got {level}")
    return float(stats.norm.ppf((1 + level) / 2))


def wilson(successes: float, n: float, level: float = 0.95) -> Interval:
    """Score interval of a share.

    Parameters
    ----------
    successes
        Number of rows that have the property (may be fractional when rows are weighted).
    n
        Number of rows, or the effective sample size when they are weighted.
    level
        Confidence level.

    Returns
    -------
    Interval
        Share and its ends, in 0 to 1.

    Raises
    ------
    ValueError
        ``n`` is not positive or ``successes`` lies outside 0 to ``n``.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference.
    """
    normal_quantile(level)
    if not n > 0 or not 0 <= successes <= n:
        raise ValueError(f"a share needs 0 <= successes <= n and n > 0; got {successes} of {n}")
    low, high = proportion_confint(successes, n, alpha=1 - level, method="wilson")
    share = successes / n
    # the score interval always holds the share; rounding may push an end past it by 1e-17
    return Interval(share, max(0.0, min(low, share)), min(1.0, max(high, share)), round(n))


def mean_interval(values: Any, level: float = 0.95) -> Interval:
    """Mean with Student's t interval.

    Raises
    ------
    ValueError
        Fewer than two values, or a missing one.
    """
    array = np.sort(finite(values, "mean"))
    if array.size < 2:
        raise ValueError(f"a mean with an interval needs at least 2 values; got {array.size}")
    normal_quantile(level)
    mean = float(array.mean())
    half = float(stats.t.ppf((1 + level) / 2, array.size - 1) * stats.sem(array))
    return Interval(mean, mean - half, mean + half, array.size)


def bootstrap(
    values: Any,
    statistic: Callable[[Any], float],
    seed: int,
    draws: int = 1000,
    level: float = 0.95,
) -> Interval:
    """Percentile bootstrap interval of any statistic of independent rows.

    Parameters
    ----------
    values
        One-dimensional numbers, or a DataFrame of which whole rows are drawn.
    statistic
        Takes what ``values`` is (array or DataFrame) and returns one number.
    seed
        Seed of the draws. Rows are sorted first, so their order does not matter.
    draws
        Number of resamples, at least 100.
    level
        Confidence level.

    Raises
    ------
    ValueError
        Too few rows or draws, a missing value in an array, or a resample without a finite result.

    References
    ----------
    Efron, B. & Tibshirani, R. (1993). An Introduction to the Bootstrap, ch. 13.
    """
    normal_quantile(level)
    rows: Any
    if isinstance(values, pd.DataFrame):
        rows = values.sort_values(list(values.columns), ignore_index=True)
    else:
        rows = np.sort(finite(values, "bootstrap"))
    n = len(rows)
    if n < 2 or draws < 100:
        raise ValueError(f"a bootstrap needs 2 rows and 100 draws; got {n} rows, {draws} draws")
    rng = np.random.default_rng(seed)
    results = np.empty(draws)
    for draw in range(draws):
        picked = rng.integers(0, n, n)
        results[draw] = statistic(rows.iloc[picked] if hasattr(rows, "iloc") else rows[picked])
    if not np.isfinite(results).all():
        lost = int((~np.isfinite(results)).sum())
        raise ValueError(f"the statistic is not finite in {lost} of {draws} resamples of {n} rows")
    low, high = np.quantile(results, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(statistic(rows)), float(low), float(high), n)


def ratio_interval(numerator: Any, denominator: Any, level: float = 0.95) -> Interval:
    """Ratio of two sums over the same rows (revenue per order, say), by the delta method.

    Parameters
    ----------
    numerator, denominator
        Numbers of equal length, one pair a row; rows are independent (one a customer, say).
    level
        Confidence level.

    Raises
    ------
    ValueError
        Unequal lengths, fewer than two rows, or a denominator that sums to zero.

    References
    ----------
    Cochran, W. G. (1977). Sampling Techniques, 3rd ed., eq. 6.13.
    """
    above, below = finite(numerator, "numerator"), finite(denominator, "denominator")
    if above.size != below.size or above.size < 2:
        raise ValueError(
            f"a ratio needs two columns of equal length >= 2; got {above.size} and {below.size}"
        )
    order = np.lexsort((above, below))
    above, below = above[order], below[order]
    total, n = below.sum(), below.size
    if total == 0:
        raise ValueError("the denominator sums to zero: the ratio is not defined")
    ratio = float(above.sum() / total)
    se = np.sqrt(n / (n - 1) * np.sum((above - ratio * below) ** 2)) / abs(total)
    half = float(normal_quantile(level) * se)
    return Interval(ratio, ratio - half, ratio + half, n)


def two_proportion_difference(
    successes_first: float,
    n_first: int,
    successes_second: float,
    n_second: int,
    level: float = 0.95,
) -> Difference:
    """Difference of two independent shares, first minus second.

    The interval is Newcombe's hybrid score interval, the p-value that of the pooled z test.

    Raises
    ------
    ValueError
        A share is not defined (see `wilson`).

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent
    proportions, method 10.
    """
    normal_quantile(level)
    first, second = wilson(successes_first, n_first), wilson(successes_second, n_second)
    low, high = confint_proportions_2indep(
        successes_first,
        n_first,
        successes_second,
        n_second,
        method="newcomb",
        compare="diff",
        alpha=1 - level,
    )
    value = first.value - second.value
    pooled = (successes_first + successes_second) / (n_first + n_second)
    se = np.sqrt(pooled * (1 - pooled) * (1 / n_first + 1 / n_second))
    p_value = float(2 * stats.norm.sf(abs(value) / se)) if se > 0 else 1.0
    return Difference(value, float(low), float(high), p_value, n_first, n_second)
