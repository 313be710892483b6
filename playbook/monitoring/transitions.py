"""Who has truly moved between segments, and who is only known better: a latent Markov model of two years.

A customer was in segment a last year with probability p(a), known from everything until then; the year since speaks
for segment b with likelihood l(a, b), which for those who stay (a = b) knows their own habits of before. With T(a, b) the
chance to go from a to b within the year, the two years together have the likelihood sum over a, b of p(a) T(a, b) l(a, b).
T is estimated over all customers by the EM algorithm, with segments held as they were measured last year (two-step
estimation). So the uncertainty of both years, the error of classification, is taken out of the shares of moves; counting
the customers whose most probable segment differs would take it for moves, and overlook most who truly move.

A customer is said to have moved when that is more likely than not. Staying is the rule of the prior: in each segment it
is as if one more customer had been seen to stay.

Shares of moves are mostly near zero, where no normal law holds: how many may have moved at most is told by the profile of
the likelihood; how many at least by its curvature, which near zero says less and elsewhere the same.

References
----------
Collins & Lanza (2010), Latent class and latent transition analysis, ch. 7. Bakk, Tekle & Vermunt (2013), Estimating the
association between latent class membership and external variables using bias-adjusted three-step approaches, Sociological
Methodology 43. Bakk & Kuha (2018), Two-step estimation of models between latent classes and external variables,
Psychometrika 83(4). Venzon & Moolgavkar (1988), A method for computing profile-likelihood-based confidence intervals, Applied
Statistics 37(1). Berndt, Hall, Hall & Hausman (1974), Estimation and inference in nonlinear structural models, Annals of
Economic and Social Measurement 3, for the curvature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

__all__ = ["LIKELY", "SURE", "Moves", "latent_moves"]

LIKELY, SURE = 0.5, 0.9
"""A move is said where it is more likely than not, and sure from nine in ten."""
LEAST_CHANCE = 5e-4
"""Chance of a segment that last year's memberships leave out because it was under one in a thousand."""
STAYERS, UNIFORM = 1.0, 12.0
"""Prior: customers seen to stay in each segment, and the precision of a share of which nothing is known."""
FIRST_GUESS, STEPS, STEADY = 0.05, 400, 1e-5
DROP, NEAR, TRIES = 1.92, 0.2, 10
"""What the log-likelihood loses at the end of a 95 % interval, how nearly it is met, and in how many tries."""
MOST_ROWS = 20_000


@dataclass(frozen=True)
class Moves:
    """What two years tell of moves between the segments of a frozen model.

    Attributes
    ----------
    transitions
        from_segment, to_segment, share (of those in the segment last year), low, high (95 %).
    customers
        customer_id, moved (probability of any move), to_segment (the most probable place if moved).
    share, low, high
        Share of all these customers who moved, with 95 % interval.
    """

    transitions: pd.DataFrame
    customers: pd.DataFrame
    share: float
    low: float
    high: float


def latent_moves(memberships: pd.DataFrame, year: pd.DataFrame, seed: int) -> Moves | None:
    """Return the moves between last year and this one; none where no customer has both.

    Parameters
    ----------
    memberships
        Result ``memberships`` of the year before: customer_id, segment, probability.
    year
        What this year alone tells: customer_id, segment, stayed, came (log-likelihood if already in the segment, and if
        new to it).
    seed
        Draws the customers who are enough to estimate the shares where there are very many.
    """
    names = sorted(year["segment"].astype(str).unique())
    wide = year.pivot_table(index="customer_id", columns="segment", values=["stayed", "came"])
    held = memberships[memberships["segment"].isin(names)]
    start = held.pivot_table(index="customer_id", columns="segment", values="probability")
    ids = start.index.intersection(wide.index).sort_values()
    if not len(ids):
        return None
    last = np.maximum(start.reindex(index=ids, columns=names).fillna(0.0).to_numpy(float), LEAST_CHANCE)  # fmt: skip
    last /= last.sum(axis=1, keepdims=True)
    stayed, came = (wide[kind].reindex(index=ids, columns=names).to_numpy(float) for kind in ("stayed", "came"))  # fmt: skip
    top = np.maximum(stayed, came).max(axis=1, keepdims=True)
    stayed, came = np.exp(stayed - top), np.exp(came - top)
    rows = np.sort(np.random.default_rng(seed).permutation(len(ids))[:MOST_ROWS])
    joint = _joint(last[rows], stayed[rows], came[rows])
    sizes = last.mean(axis=0)
    with threadpool_limits(1):
        matrix = _climb(joint, len(names))
        low, high, (least, most) = _ends(joint, matrix, sizes)
    place = pd.MultiIndex.from_product([names, names], names=["from_segment", "to_segment"])
    table = pd.DataFrame({"share": matrix.ravel(), "low": low.ravel(), "high": high.ravel()}, place)
    return Moves(table.reset_index(), _customers(last, stayed, came, matrix, ids, names), float(1 - sizes @ np.diag(matrix)),
                 least, most)  # fmt: skip


def _joint(last: np.ndarray, stayed: np.ndarray, came: np.ndarray) -> np.ndarray:
    """Return for each customer (rows) the likelihood of each way from a segment to a segment, but for its share."""
    k = last.shape[1]
    joint = np.einsum("na,nb->nab", last, came)
    joint[:, np.arange(k), np.arange(k)] = last * stayed
    return joint.reshape(len(last), k * k)


def _climb(joint: np.ndarray, k: int, tilt: np.ndarray | None = None, start: np.ndarray | None = None) -> np.ndarray:  # fmt: skip
    """Return the transitions of highest posterior (rows: from) by the EM algorithm.

    ``tilt`` is added to the log posterior for each share: so the profile is followed.
    """
    matrix = np.full((k, k), FIRST_GUESS / max(k - 1, 1)) if start is None else start
    if start is None:
        np.fill_diagonal(matrix, 1 - FIRST_GUESS if k > 1 else 1.0)
    for _ in range(STEPS):
        total = np.maximum(joint @ matrix.ravel(), 1e-300)
        counts = matrix * ((1 / total) @ joint).reshape(k, k) + STAYERS * np.eye(k)
        new = _shares(counts, tilt)
        change = float(np.abs(new - matrix).max())
        matrix = new
        if change < STEADY:
            break
    return matrix


def _shares(counts: np.ndarray, tilt: np.ndarray | None) -> np.ndarray:
    """Return the shares of each row that maximise the sum of counts × log share + tilt × share (Newton steps)."""
    if tilt is None:
        return counts / counts.sum(axis=1, keepdims=True)
    multiplier = (counts + tilt).max(axis=1, keepdims=True)
    for _ in range(5):
        room = np.maximum(multiplier - tilt, 1e-12)
        excess = (counts / room).sum(axis=1, keepdims=True) - 1
        multiplier = multiplier + excess / (counts / room**2).sum(axis=1, keepdims=True)
    found = counts / np.maximum(multiplier - tilt, 1e-12)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _ends(
    joint: np.ndarray, matrix: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Return the 95 % ends of each transition, and of the share of all who moved."""
    k = len(matrix)
    if k < 2:
        return matrix, matrix, (0.0, 0.0)
    error, of_all = _errors(joint, matrix, sizes)
    low, high = (np.clip(matrix + sign * 1.96 * error, 0.0, 1.0) for sign in (-1, 1))
    left = [_most(joint, matrix, np.eye(k)[a]) for a in range(k)]
    for a, most in enumerate(left):
        low[a, a] = min(1 - most, matrix[a, a])
        high[a] = np.minimum(high[a], np.where(np.arange(k) == a, 1.0, most))
    share = float(1 - sizes @ np.diag(matrix))
    return low, np.maximum(high, matrix), (max(share - 1.96 * of_all, 0.0), max(_most(joint, matrix, sizes), share))  # fmt: skip


def _most(joint: np.ndarray, matrix: np.ndarray, weight: np.ndarray) -> float:
    """Return the upper end of the share who left their segment, segments weighted, by the profile likelihood.

    The profile is reached by rewarding moves; its loss grows like the square of the reward.
    """
    k = len(matrix)
    reward = weight[:, None] * (1 - np.eye(k))
    best, found, strength = _height(joint, matrix), matrix, 50.0
    inside, outside, most = 0.0, np.inf, 1.0
    for _ in range(TRIES):
        start = 0.99 * found + 0.01 / k  # a share of 0 would stay there
        found = _climb(joint, k, strength * reward, start)
        loss = best - _height(joint, found)
        if loss > DROP - NEAR:
            outside, most = strength, float((reward * found).sum())
            if loss < DROP + NEAR:
                break
        else:
            inside = strength
        further = strength * float(np.sqrt(DROP / max(loss, 0.1)))
        strength = further if np.isinf(outside) else (inside + outside) / 2
    return most


def _height(joint: np.ndarray, matrix: np.ndarray) -> float:
    """Return the log posterior, up to a constant."""
    total = np.maximum(joint @ matrix.ravel(), 1e-300)
    return float(np.log(total).sum() + STAYERS * np.log(np.maximum(np.diag(matrix), 1e-300)).sum())


def _errors(joint: np.ndarray, matrix: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the standard errors of the transitions and of the share of all who moved (outer product of gradients).

    The likelihood is linear in each share, so that this is its curvature exactly.
    """
    k = len(matrix)
    away = ~np.eye(k, dtype=bool)
    if k < 2:
        return np.zeros((1, 1)), 0.0
    total = np.maximum(joint @ matrix.ravel(), 1e-300)
    ways = joint.reshape(-1, k, k)
    slope = (ways - np.einsum("naa->na", ways)[:, :, None])[:, away] / total[:, None]
    origin = np.repeat(np.arange(k), k - 1)
    prior = STAYERS / np.diag(matrix)[origin] ** 2 * (origin[:, None] == origin[None, :])
    spread = np.linalg.inv(slope.T @ slope + prior + UNIFORM * np.eye(len(origin)))
    error = np.zeros((k, k))
    error[away] = np.sqrt(np.diag(spread))
    for a in range(k):
        error[a, a] = np.sqrt(spread[np.ix_(origin == a, origin == a)].sum())
    weight = sizes[origin]
    return error, float(np.sqrt(weight @ spread @ weight))


def _customers(
    last: np.ndarray, stayed: np.ndarray, came: np.ndarray, matrix: np.ndarray, ids: pd.Index, names: list[str]
) -> pd.DataFrame:  # fmt: skip
    """Return the probability that each customer moved, given both years, and where to."""
    same = (last * np.diag(matrix) * stayed).sum(axis=1)
    moved = (last @ (matrix * (1 - np.eye(len(names))))) * came
    chance = moved.sum(axis=1) / np.maximum(same + moved.sum(axis=1), 1e-300)
    return pd.DataFrame({"customer_id": ids, "moved": chance, "to_segment": np.array(names)[moved.argmax(axis=1)]})  # fmt: skip
