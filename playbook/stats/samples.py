"""Survey weights and sample sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, stats

from playbook.stats.intervals import finite, normal_quantile

__all__ = [
    "effective_sample_size",
    "power_two_proportions",
    "rake",
    "sample_size_two_proportions",
    "smallest_detectable_effect",
]


def effective_sample_size(weights: Any) -> float:
    """Kish's effective sample size, (sum w)^2 / sum w^2.

    Raises
    ------
    ValueError
        No weights, a negative one, or all zero.

    References
    ----------
    Kish, L. (1965). Survey Sampling, ch. 11.7.
    """
    weight = np.sort(finite(weights, "weights"))
    if weight.size == 0 or weight[0] < 0 or weight[-1] == 0:
        raise ValueError("weights must be zero or more, and at least one must be positive")
    scaled = weight / weight[-1]
    return float(scaled.sum() ** 2 / (scaled**2).sum())


def _margin(frame: pd.DataFrame, column: str, margin: Any) -> tuple[np.ndarray, np.ndarray]:
    """Category code of each row and target share of each category; refuses what cannot be met."""
    if column not in frame:
        raise ValueError(f"margin {column!r} is no column of the frame")
    target = pd.Series(margin, dtype=float).sort_index()
    values = frame[column]
    if values.isna().any():
        raise ValueError(f"{column}: {int(values.isna().sum())} rows are missing; give them a name")
    unknown = sorted(map(str, set(values) - set(target.index)))
    if unknown:
        raise ValueError(f"{column}: {unknown} are in the frame but not in the margin; add them")
    if not np.isfinite(target).all() or (target <= 0).any():
        raise ValueError(f"{column}: every category of the margin must have a positive share")
    empty = sorted(map(str, set(target.index) - set(values)))
    if empty:
        raise ValueError(
            f"{column}: nobody answered in {empty}, so no weight can represent them; "
            "pool these categories with others, in frame and margin"
        )
    return target.index.get_indexer(values), (target / target.sum()).to_numpy()


def rake(
    frame: pd.DataFrame,
    margins: Mapping[str, Mapping[Any, float]],
    max_iter: int = 200,
    tol: float = 1e-8,
    start: Any = None,
) -> pd.Series:
    """Weights with mean one that make the sample's margins equal the known ones.

    Parameters
    ----------
    frame
        One row a respondent, with a column for each margin.
    margins
        Column -> category -> share or count in the population.
    max_iter
        Most rounds over all margins.
    tol
        Largest allowed difference between a weighted and a known share.
    start
        One weight a respondent to begin from, such as design weights; equal when absent. Raking
        changes them by a factor for each cell of the margins.

    Returns
    -------
    pandas.Series
        ``weight``, on the frame's index.

    Raises
    ------
    ValueError
        A category without respondents, a category without a known share, or margins that
        contradict each other (no convergence).

    References
    ----------
    Deming, W. E. & Stephan, F. F. (1940). On a least squares adjustment of a sampled frequency
    table when the expected marginal totals are known.
    """
    if not margins or frame.empty:
        raise ValueError("raking needs at least one respondent and one margin")
    parts = [_margin(frame, column, margins[column]) for column in sorted(margins)]
    codes = np.column_stack([code for code, _ in parts])
    cells, cell = np.unique(codes, axis=0, return_inverse=True)
    base = np.ones(len(frame)) if start is None else finite(start, "starting weights")
    if base.size != len(frame) or (base <= 0).any():
        raise ValueError("starting weights must be positive, one a respondent")
    before = np.bincount(cell.ravel(), base / base.sum(), len(cells))
    share = before.copy()
    for _ in range(max_iter):
        for position, (_code, target) in enumerate(parts):
            inside = cells[:, position]
            share = share * (target / np.bincount(inside, share, target.size))[inside]
        gap = max(
            np.abs(np.bincount(cells[:, position], share, target.size) - target).max()
            for position, (_code, target) in enumerate(parts)
        )
        if gap <= tol:
            weight = base * (share / before)[cell.ravel()] * len(frame) / base.sum()
            return pd.Series(weight, index=frame.index, name="weight")
    raise ValueError(
        f"the margins are not met after {max_iter} rounds (largest gap {gap:.2g}); "
        "they contradict each other in these respondents: pool categories or leave a margin out"
    )


def sample_size_two_proportions(
    first: float, second: float, power: float = 0.8, level: float = 0.95
) -> int:
    """Rows needed in each of two groups to tell two shares apart (two-sided test).

    Raises
    ------
    ValueError
        Shares that are equal or not strictly between 0 and 1, or a power outside 0 to 1.

    References
    ----------
    Fleiss, J. L. (1981). Statistical Methods for Rates and Proportions, eq. 3.14.
    """
    if not (0 < first < 1 and 0 < second < 1) or first == second:
        raise ValueError(f"two different shares between 0 and 1 are needed; got {first}, {second}")
    if not 0 < power < 1:
        raise ValueError(f"power must lie between 0 and 1, such as 0.8; got {power}")
    mean = (first + second) / 2
    under_null = normal_quantile(level) * np.sqrt(2 * mean * (1 - mean))
    apart = stats.norm.ppf(power) * np.sqrt(first * (1 - first) + second * (1 - second))
    return int(np.ceil(((under_null + apart) / (first - second)) ** 2))


def smallest_detectable_effect(
    base_rate: float, n_treated: int, n_control: int, power: float = 0.8, level: float = 0.95
) -> float:
    """Smallest rise over ``base_rate`` that two groups of these sizes find with ``power``.

    Returns
    -------
    float
        Difference of shares, in 0 to 1; ``nan`` when no rise below 1 - ``base_rate`` would be
        found.

    Raises
    ------
    ValueError
        A base rate outside 0 to 1 or an empty group.
    """
    if not 0 < base_rate < 1 or min(n_treated, n_control) < 1:
        raise ValueError(
            f"a base rate in 0 to 1 and two groups are needed; got {base_rate}, "
            f"{n_treated} treated, {n_control} control"
        )
    critical, wanted = normal_quantile(level), stats.norm.ppf(power)

    def surplus(effect: float) -> float:
        treated = base_rate + effect
        pooled = (n_treated * treated + n_control * base_rate) / (n_treated + n_control)
        null = np.sqrt(pooled * (1 - pooled) * (1 / n_treated + 1 / n_control))
        apart = treated * (1 - treated) / n_treated + base_rate * (1 - base_rate) / n_control
        return effect - critical * null - wanted * np.sqrt(apart)

    most = 1 - base_rate
    return float(optimize.brentq(surplus, 0, most)) if surplus(most) > 0 else float("nan")


def power_two_proportions(
    base_rate: float, effect: float, n_treated: int, n_control: int, level: float = 0.95
) -> float:
    """Probability that two groups of these sizes show a rise of ``effect`` over ``base_rate`` (two-sided test).

    Returns
    -------
    float
        ``nan`` without a rise, above one, or with an empty group.

    References
    ----------
    Fleiss, J. L. (1981). Statistical Methods for Rates and Proportions, section 3.2.
    """
    treated = base_rate + effect
    if not (0 < base_rate < treated < 1) or min(n_treated, n_control) < 1:
        return float("nan")
    pooled = (n_treated * treated + n_control * base_rate) / (n_treated + n_control)
    null = np.sqrt(pooled * (1 - pooled) * (1 / n_treated + 1 / n_control))
    apart = treated * (1 - treated) / n_treated + base_rate * (1 - base_rate) / n_control
    return float(stats.norm.cdf((effect - normal_quantile(level) * null) / np.sqrt(apart)))
