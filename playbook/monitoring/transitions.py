"""Who has truly moved between segments, and who is only known better: a latent Markov model of two years.

A customer was in segment a last year with probability p(a), known from everything until then; the year since speaks
for segment b with likelihood l(a, b), which for those who stay (a = b) knows their own habits of before. With T(a, b) the
chance to go from a to b within the year, the two years together have the likelihood sum over a, b of p(a) T(a, b) l(a, b). T is estimated over all customers by the EM algorithm with segments held as
they were measured last year (two-step estimation). So the uncertainty of both years, the error of classification, is taken
out of the shares of moves; counting the customers whose most probable segment differs would take it for moves.

A customer is said to have moved when that is more likely than not. Staying is the rule of the prior: in each segment it
is as if one more customer had been seen to stay.

References
----------
Collins & Lanza (2010), Latent class and latent transition analysis, ch. 7. Bakk, Tekle & Vermunt (2013), Estimating the
association between latent class membership and external variables using bias-adjusted three-step approaches, Sociological
Methodology 43. Bakk & Kuha (2018), Two-step estimation of models between latent classes and external variables,
Psychometrika 83(4). Berndt, Hall, Hall & Hausman (1974), Estimation and inference in nonlinear structural models, Annals of
Economic and Social Measurement 3, for the intervals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["LIKELY", "SURE", "Moves", "latent_moves"]

LIKELY, SURE = 0.5, 0.9
"""A move is said where it is more likely than not, and sure from nine in ten."""
LEAST_CHANCE = 5e-4
"""Chance of a segment that last year's memberships leave out because it was under one in a thousand."""
STAYERS, UNIFORM = 1.0, 12.0
"""Prior: customers seen to stay in each segment, and the precision of a share of which nothing is known."""
FIRST_GUESS, STEPS, STEADY = 0.05, 1000, 1e-6
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
    matrix = _climb(joint, len(names))
    error, of_all = _errors(joint, matrix, last.mean(axis=0))
    place = pd.MultiIndex.from_product([names, names], names=["from_segment", "to_segment"])
    table = pd.DataFrame({"share": matrix.ravel(), "low": _within(matrix - 1.96 * error).ravel(), "high": _within(matrix + 1.96 * error).ravel()}, place)  # fmt: skip
    share = float(1 - last.mean(axis=0) @ np.diag(matrix))
    return Moves(table.reset_index(), _customers(last, stayed, came, matrix, ids, names), share,
                 float(_within(share - 1.96 * of_all)), float(_within(share + 1.96 * of_all)))  # fmt: skip


def _within(shares: np.ndarray | float) -> np.ndarray:
    return np.clip(shares, 0.0, 1.0)


def _joint(last: np.ndarray, stayed: np.ndarray, came: np.ndarray) -> np.ndarray:
    """Return for each customer (rows) the likelihood of each way from a segment to a segment, but for its share."""
    k = last.shape[1]
    joint = np.einsum("na,nb->nab", last, came)
    joint[:, np.arange(k), np.arange(k)] = last * stayed
    return joint.reshape(len(last), k * k)


def _climb(joint: np.ndarray, k: int) -> np.ndarray:
    """Return the transitions of highest posterior (rows: from) by the EM algorithm."""
    matrix = np.full((k, k), FIRST_GUESS / max(k - 1, 1))
    np.fill_diagonal(matrix, 1 - FIRST_GUESS if k > 1 else 1.0)
    for _ in range(STEPS):
        total = np.maximum(joint @ matrix.ravel(), 1e-300)
        counts = matrix * ((1 / total) @ joint).reshape(k, k) + STAYERS * np.eye(k)
        new = counts / counts.sum(axis=1, keepdims=True)
        change = float(np.abs(new - matrix).max())
        matrix = new
        if change < STEADY:
            break
    return matrix


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
