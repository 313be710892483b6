"""Concentration, drift, control limits, reliability, false discoveries, small cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

from playbook.stats.intervals import finite, normal_quantile

__all__ = [
    "SMALLEST_CELL",
    "Reliability",
    "Stability",
    "cronbach_alpha",
    "false_discovery",
    "gini",
    "lorenz",
    "population_stability",
    "xmr_limits",
]

FEWEST_POINTS = 12
"""Fewest points from which control limits are drawn."""

SMALLEST_CELL = 5
"""People a cell needs for its figures to be shown."""


@dataclass(frozen=True)
class Stability:
    """Population stability index, its p-value under no drift, and the bins it sums over.

    ``bins`` has ``bin``, ``expected`` and ``actual`` (shares) and ``contribution``.
    """

    value: float
    p_value: float
    n_expected: int
    n_actual: int
    bins: pd.DataFrame


@dataclass(frozen=True)
class Reliability:
    """Cronbach's alpha with interval, rows used and left out, and a frame of the items.

    ``items`` has ``item``, ``rest_correlation`` and ``alpha_if_dropped``.
    """

    value: float
    low: float
    high: float
    n: int
    n_missing: int
    items: pd.DataFrame


def false_discovery(p_values: Any) -> np.ndarray:
    """Adjusted p-values (q-values) that control the false discovery rate.

    Parameters
    ----------
    p_values
        Numbers in 0 to 1; a missing one stays missing and does not count as a test.

    References
    ----------
    Benjamini, Y. & Hochberg, Y. (1995). Controlling the false discovery rate.
    """
    p = np.asarray(p_values, dtype=float)
    known = ~np.isnan(p)
    if ((p[known] < 0) | (p[known] > 1)).any():
        raise ValueError("p-values must lie in 0 to 1")
    q = np.full(p.shape, np.nan)
    if known.any():
        q[known] = multipletests(p[known], method="fdr_bh")[1]
    return q


def _not_negative(values: Any, what: str) -> np.ndarray:
    array = np.sort(finite(values, what))
    if array.size == 0 or array[0] < 0 or array[-1] <= 0:
        raise ValueError(
            f"{what} needs values of zero or more with a positive sum; "
            f"{int((array < 0).sum())} of {array.size} are negative"
        )
    return array


def gini(values: Any) -> float:
    """Gini coefficient: 0 when all are equal, near 1 when one has everything.

    Raises
    ------
    ValueError
        Negative values (the coefficient has no upper bound then) or a sum of zero.
    """
    array = _not_negative(values, "the Gini coefficient")
    ranks = np.arange(1, array.size + 1)
    return float(2 * (ranks * array).sum() / (array.size * array.sum()) - 1 - 1 / array.size)


def lorenz(values: Any, points: int = 101) -> pd.DataFrame:
    """Lorenz curve at equally spaced shares of the units, smallest first.

    Returns
    -------
    pandas.DataFrame
        ``share_units`` and ``share_value``, both from 0 to 1, ``points`` rows.
    """
    array = _not_negative(values, "the Lorenz curve")
    reached = np.concatenate([[0.0], array.cumsum() / array.sum()])
    grid = np.linspace(0, 1, points)
    share = np.interp(grid, np.linspace(0, 1, reached.size), reached)
    return pd.DataFrame({"share_units": grid, "share_value": share})


def _binned(expected: pd.Series, actual: pd.Series, bins: int) -> tuple[pd.Series, pd.Series]:
    """Bin labels of both samples: quantiles of the expected one, or categories."""
    if not pd.api.types.is_numeric_dtype(expected) or pd.api.types.is_bool_dtype(expected):
        return expected.astype(str), actual.astype(str)
    edges = np.unique(np.quantile(expected, np.linspace(0, 1, bins + 1)[1:-1]))
    outer = np.concatenate([[-np.inf], edges, [np.inf]])
    return pd.cut(expected, outer), pd.cut(actual, outer)


def population_stability(expected: Any, actual: Any, bins: int = 10) -> Stability:
    """Population stability index of a column between two periods.

    Parameters
    ----------
    expected, actual
        Numbers (binned at the quantiles of ``expected``) or categories.
    bins
        Number of bins for numbers; fewer where values tie.

    Returns
    -------
    Stability
        Half a row is added to every bin, so that empty ones count. The customary reading is below
        0.1 stable, above 0.25 shifted; the p-value says whether it exceeds chance at these sizes.

    Raises
    ------
    ValueError
        Missing values or fewer than 2 rows.

    References
    ----------
    Yurdakul, B. (2018). Statistical properties of population stability index (chi-square law).
    """
    first, second = pd.Series(expected).reset_index(drop=True), pd.Series(actual)
    if first.isna().any() or second.isna().any() or min(len(first), len(second)) < 2:
        raise ValueError("both samples need at least 2 values and none missing; name the missing")
    left, right = _binned(first, second.reset_index(drop=True), bins)
    counts = pd.concat(
        [left.value_counts().rename("expected"), right.value_counts().rename("actual")], axis=1
    )
    counts = counts.fillna(0).sort_index() + 0.5
    shares = counts / counts.sum()
    part = (shares["actual"] - shares["expected"]) * np.log(shares["actual"] / shares["expected"])
    value = float(part.sum())
    spread = 1 / len(first) + 1 / len(second)
    p_value = float(stats.chi2.sf(value / spread, len(part) - 1)) if len(part) > 1 else 1.0
    table = shares.assign(contribution=part).rename_axis("bin").reset_index()
    table["bin"] = table["bin"].astype(str)
    return Stability(value, p_value, len(first), len(second), table)


def xmr_limits(series: pd.Series) -> pd.DataFrame:
    """Individuals and moving-range chart (XmR).

    Parameters
    ----------
    series
        One value a period, indexed by period (unique); sorted here by its index. Take seasonality
        out first.

    Returns
    -------
    pandas.DataFrame
        On the series' index: ``value``, ``center``, ``low``, ``high`` (mean -+ 2.66 mean moving
        range), ``moving_range``, ``moving_range_limit`` (3.267 times its mean), ``outside`` (beyond
        a limit) and ``run`` (part of eight or more in a row on one side of the centre).

    Raises
    ------
    ValueError
        Fewer than 12 points, a missing value, or a period twice.

    References
    ----------
    Wheeler, D. J. (1993). Understanding Variation: The Key to Managing Chaos.
    """
    if series.index.has_duplicates:
        raise ValueError("a control chart needs one value a period; some periods are there twice")
    ordered = series.sort_index()
    value = finite(ordered, "control chart")
    if value.size < FEWEST_POINTS:
        raise ValueError(
            f"a control chart needs at least {FEWEST_POINTS} points; got {value.size}: no verdict"
        )
    moving = np.abs(np.diff(value))
    center, width = value.mean(), 2.66 * moving.mean()
    side = pd.Series(np.sign(value - center))
    length = side.groupby((side != side.shift()).cumsum()).transform("size")
    return pd.DataFrame(
        {
            "value": value,
            "center": center,
            "low": center - width,
            "high": center + width,
            "moving_range": np.concatenate([[np.nan], moving]),
            "moving_range_limit": 3.267 * moving.mean(),
            "outside": np.abs(value - center) > width,
            "run": ((length >= 8) & (side != 0)).to_numpy(),
        },
        index=ordered.index,
    )


def _alpha(covariance: np.ndarray) -> float:
    k = len(covariance)
    return float(k / (k - 1) * (1 - np.trace(covariance) / covariance.sum())) if k > 1 else np.nan


def cronbach_alpha(items: pd.DataFrame, level: float = 0.95) -> Reliability:
    """Cronbach's alpha of a scale, and what each item does to it.

    Parameters
    ----------
    items
        One row a respondent, one numeric column an item, all scored in one direction. Rows with a
        missing answer are left out and counted in ``n_missing``.
    level
        Confidence level of Feldt's interval.

    Raises
    ------
    ValueError
        Fewer than 2 items or 3 complete rows, or a total that never varies.

    References
    ----------
    Cronbach, L. J. (1951). Coefficient alpha and the internal structure of tests.
    Feldt, L. S. (1965). The approximate sampling distribution of Kuder-Richardson reliability
    coefficient twenty.
    """
    complete = items.dropna().astype(float)
    n, k = complete.shape
    if k < 2 or n < 3:
        raise ValueError(f"alpha needs 2 items and 3 complete rows; got {k} items and {n} rows")
    normal_quantile(level)
    values = complete.sort_values(list(complete.columns)).to_numpy()
    covariance = np.cov(values, rowvar=False)
    if covariance.sum() <= 1e-12:
        raise ValueError("the items' total never varies, so alpha is not defined")
    alpha, freedom = _alpha(covariance), (n - 1, (n - 1) * (k - 1))
    low, high = 1 - (1 - alpha) * stats.f.ppf([(1 + level) / 2, (1 - level) / 2], *freedom)
    rows = []
    for position, item in enumerate(items.columns):
        others = np.delete(np.arange(k), position)
        with_rest = covariance[position, others].sum()
        spread = np.sqrt(covariance[position, position] * covariance[np.ix_(others, others)].sum())
        rows.append(
            {
                "item": item,
                "rest_correlation": with_rest / spread if spread > 0 else np.nan,
                "alpha_if_dropped": _alpha(covariance[np.ix_(others, others)]),
            }
        )
    return Reliability(alpha, float(low), float(high), n, len(items) - n, pd.DataFrame(rows))
