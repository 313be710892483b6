"""How sure are shares of explained variance: intervals by the bootstrap, and the share by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from playbook.drivers.shares import shares_of, swept

__all__ = ["MOST_UNITS", "ShareIntervals", "share_draws", "share_intervals"]

MOST_UNITS = 4000
"""Most units that are resampled one by one; more are first thrown together at random into this many."""

CHANCE = 0.95
"""An unrelated driver stays below the limit this often."""


@dataclass(frozen=True)
class ShareIntervals:
    """Share of each driver with its interval and what chance would give; arrays in driver order.

    Attributes
    ----------
    share
        LMG share of all variance of the outcome.
    low, high
        Ends of the interval; ``low`` is zero where the share is within what chance gives.
    chance, limit
        Mean and 95 % quantile of the share if no driver had anything to do with the outcome.
    """

    share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    chance: np.ndarray
    limit: np.ndarray


def _units(codes: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """Return the unit of each row, at most `MOST_UNITS`, and their number."""
    count = int(codes.max()) + 1
    if count <= MOST_UNITS:
        return codes, count
    return (rng.permutation(count) % MOST_UNITS)[codes], MOST_UNITS


def _summed(rows: np.ndarray, units: np.ndarray, count: int) -> np.ndarray:
    """Sum rows by unit."""
    order = np.argsort(units, kind="stable")
    starts = np.searchsorted(units[order], np.arange(count))
    return np.add.reduceat(rows[order], starts, axis=0)


def share_draws(
    y: np.ndarray, x: np.ndarray, held: np.ndarray, weight: np.ndarray, codes: np.ndarray,
    draws: int, seed: int,
) -> np.ndarray:  # fmt: skip
    """Return the LMG shares of resampled data, one row a draw.

    Whole units (customers) are drawn with replacement. Each unit enters by its weighted sums of squares and
    products, so that a draw is one product of matrices; confounders are partialled out within each draw.

    Parameters
    ----------
    y, x, held
        Outcome (n,), drivers (n, p) and confounders (n, k).
    weight
        Positive weights (n,).
    codes
        Unit of each row, numbered from 0 without gaps.
    draws, seed
        Number of draws, and the seed of the random numbers.
    """
    rng = np.random.default_rng(seed)
    units, count = _units(codes, rng)
    z = np.column_stack([np.ones(len(y)), held, y, x])
    above = np.triu_indices(z.shape[1])
    sums = np.zeros((count, len(above[0])))
    for place, (i, j) in enumerate(zip(*above, strict=True)):
        sums[:, place] = np.bincount(units, weight * z[:, i] * z[:, j], count)
    times = rng.multinomial(count, np.full(count, 1 / count), size=draws).astype(float)
    left = np.zeros((draws, z.shape[1], z.shape[1]))
    left[:, above[0], above[1]] = left[:, above[1], above[0]] = times @ sums
    left = swept(left, 0, left[:, 0, 0])
    scale = np.diagonal(left, axis1=-2, axis2=-1)
    for k in range(held.shape[1]):
        left = swept(left, 0, scale[:, k])
    total = scale[:, held.shape[1]]
    return shares_of(left, [1] * x.shape[1]) / total[:, None]


def _chance_draws(
    y: np.ndarray, x: np.ndarray, held: np.ndarray, weight: np.ndarray, codes: np.ndarray,
    draws: int, seed: int,
) -> np.ndarray:  # fmt: skip
    """Return shares where no driver matters: what the confounders leave of the outcome changes its sign by unit.

    Wild bootstrap under the null (Liu 1988; by cluster: Cameron, Gelbach & Miller 2008).
    """
    rng = np.random.default_rng([seed, 1])
    units, count = _units(codes, rng)
    root = np.sqrt(weight / weight.sum())[:, None]
    control = np.column_stack([np.ones(len(y)), held]) * root
    values = np.column_stack([y, x]) * root
    total = float(np.var(y) if np.ptp(weight) == 0 else np.cov(y, aweights=weight, ddof=0))
    left = values - control @ np.linalg.lstsq(control, values, rcond=None)[0]
    cross = _summed(left[:, :1] * left[:, 1:], units, count)
    drawn = rng.choice([-1.0, 1.0], size=(draws, count)) @ cross
    matrix = np.broadcast_to(left.T @ left, (draws, *2 * (left.shape[1],))).copy()
    matrix[:, 0, 1:] = matrix[:, 1:, 0] = drawn
    return shares_of(matrix, [1] * x.shape[1]) / total


def share_intervals(
    y: np.ndarray, x: np.ndarray, held: np.ndarray, weight: np.ndarray, codes: np.ndarray,
    share: np.ndarray, draws: int = 500, seed: int = 0, level: float = 0.95,
) -> ShareIntervals:  # fmt: skip
    """Return percentile intervals of LMG shares and the shares that chance gives.

    Plain percentiles cover better here than bias-corrected ones: a share cannot be negative.

    Parameters
    ----------
    y, x, held, weight, codes, draws, seed
        As in `share_draws`.
    share
        The shares found (p,).
    level
        Confidence level.

    References
    ----------
    Groemping, U. (2006). Relative importance for linear regression in R: the package relaimpo.
    """
    drawn = share_draws(y, x, held, weight, codes, draws, seed)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    by_chance = _chance_draws(y, x, held, weight, codes, draws, seed)
    limit = np.quantile(by_chance, CHANCE, axis=0)
    low = np.where(share <= limit, 0.0, low)
    return ShareIntervals(share, low, high, by_chance.mean(axis=0), limit)
