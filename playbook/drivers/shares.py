"""Shares of explained variance by driver, for one correlation matrix or for many draws at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import comb

import numpy as np
import pandas as pd

__all__ = ["COLLINEAR", "MOST_PLAYERS", "lmg_shares", "shares_of", "swept"]

MOST_PLAYERS = 12
"""Most drivers (or groups) for which all orders are averaged exactly: 2^12 subsets."""

COLLINEAR = 1e8
"""Largest condition number of the correlation matrix of drivers."""

AT_ONCE = 50
"""Matrices worked on at once: what fits near the processor is three times as fast."""

REPEATED = 1e-9
"""A variable keeps at least this share of its variance beside the others, or it explains nothing more."""


def swept(covariance: np.ndarray, place: int, scale: np.ndarray) -> np.ndarray:
    """Return covariances left after one variable is partialled out; its row and column go.

    Parameters
    ----------
    covariance
        Shape (..., k, k).
    place
        Row and column of the variable.
    scale
        Its variance before anything was partialled out, shape (...); where almost nothing of that
        is left the variable repeats the ones before it and takes nothing away.
    """
    pivot = covariance[..., place, place]
    usable = pivot > REPEATED * scale
    others = np.delete(np.arange(covariance.shape[-1]), place)
    rest = covariance[..., others[:, None], others]
    column = covariance[..., others, place]
    factor = np.where(usable, 1 / np.where(usable, pivot, 1.0), 0.0)
    return rest - (factor[..., None] * column)[..., :, None] * column[..., None, :]


def shares_of(covariance: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Split the explained variance over players for many covariance matrices at once.

    Every player doubles the number of subsets: without it, and with its variables partialled out.

    Parameters
    ----------
    covariance
        Shape (draws, 1 + p, 1 + p): the outcome first, then the drivers, player by player.
    sizes
        Number of drivers of each player; their sum is p.

    Returns
    -------
    numpy.ndarray
        Explained variance by draw and player (divide by the outcome's variance for shares).

    References
    ----------
    Lindeman, R. H., Merenda, P. F. & Gold, R. Z. (1980). Introduction to Bivariate and
    Multivariate Analysis, p. 119.
    """
    parts = range(0, len(covariance), AT_ONCE)
    return np.concatenate([_shares(covariance[i : i + AT_ONCE], sizes) for i in parts])


def _shares(covariance: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    variance = np.diagonal(covariance, axis1=-2, axis2=-1)
    left, at = covariance[:, None], 1
    for size in sizes:
        inside = left
        for member in range(size):
            inside = swept(inside, 1, variance[:, None, at + member])
        left = np.concatenate([np.delete(np.delete(left, np.s_[1 : 1 + size], -1), np.s_[1 : 1 + size], -2), inside], axis=1)  # fmt: skip
        at += size
    explained = variance[:, :1] - left[..., 0, 0]
    count = len(sizes)
    sets = np.arange(1 << count)
    bits = np.array([int(s).bit_count() for s in sets])
    weight = np.array([1 / (count * comb(count - 1, size)) for size in range(count)])
    gains = []
    for player in range(count):
        without = sets[(sets >> player) & 1 == 0]
        gains.append((explained[:, without | (1 << player)] - explained[:, without]) @ weight[bits[without]])  # fmt: skip
    return np.column_stack(gains)


def lmg_shares(
    correlation: pd.DataFrame, outcome: str, groups: Mapping[str, Sequence[str]] | None = None
) -> pd.Series:
    """Split R squared over the drivers by the Shapley value (LMG).

    Parameters
    ----------
    correlation
        Correlation (or covariance) matrix of the outcome and the drivers, square, labelled.
    outcome
        Label of the outcome; all other labels are drivers.
    groups
        Name -> drivers that enter together; every driver in exactly one. Each alone when absent.

    Returns
    -------
    pandas.Series
        Share of the outcome's variance by driver or group; their sum is R squared.

    Raises
    ------
    ValueError
        More than 12 drivers or groups, groups that do not cover the drivers, or collinear drivers.

    References
    ----------
    Lindeman, R. H., Merenda, P. F. & Gold, R. Z. (1980). Introduction to Bivariate and
    Multivariate Analysis, p. 119; Groemping, U. (2006). Relative importance for linear regression.
    """
    drivers = [name for name in correlation.columns if name != outcome]
    players = {name: [name] for name in drivers} if groups is None else dict(groups)
    ordered = [name for members in players.values() for name in members]
    if sorted(ordered) != sorted(drivers):
        raise ValueError("every driver must be in exactly one group")
    if len(players) > MOST_PLAYERS:
        raise ValueError(
            f"shares are exact for at most {MOST_PLAYERS} drivers; got {len(players)}: average "
            "questions of one topic into one driver, or name groups that enter together"
        )
    scale = np.sqrt(np.diag(correlation.loc[drivers, drivers]))
    within = correlation.loc[drivers, drivers].to_numpy() / np.outer(scale, scale)
    if not np.isfinite(within).all() or np.linalg.cond(within) > COLLINEAR:
        raise ValueError(f"these drivers never vary or repeat each other: {drivers}; leave one out")
    matrix = correlation.loc[[outcome, *ordered], [outcome, *ordered]].to_numpy(float)
    found = shares_of(matrix[None], [len(members) for members in players.values()])[0]
    return pd.Series(found / matrix[0, 0], index=list(players), name="share")
