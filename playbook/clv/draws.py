"""Posterior-predictive purchases: what a customer with this history may still do, draw by draw.

The draws vary with chance and with the customer's unknown rate and drop-out, at the estimated
parameters of the model. The error of those estimates is not in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from playbook.clv.histories import Histories, check_histories, check_horizon, sufficient

if TYPE_CHECKING:
    from playbook.clv.beta_geometric import BetaGeometricNbd

__all__ = ["purchase_interval", "randomised_pit"]

CELLS = 2_000_000


class Draws(NamedTuple):
    """Purchases made and purchases possible (had the customer stayed), each (customers, draws)."""

    made: np.ndarray
    possible: np.ndarray


def purchase_interval(
    model: BetaGeometricNbd,
    frame: pd.DataFrame,
    horizon: float,
    *,
    level: float = 0.80,
    draws: int = 400,
    seed: int,
) -> pd.DataFrame:
    """Posterior-predictive interval of each customer's purchases (``low``, ``high``), and their spread (``sd``).

    Customers with equal histories get equal intervals, and row order does not matter.
    """
    check_draws(draws)
    check_horizon(horizon)
    tails = interval_tails(level)
    history = sufficient(frame)
    rng = np.random.default_rng(seed)
    bounds = np.empty((3, len(history.x)))
    for rows in chunks(len(history.x), draws):
        made = draw_purchases(model, history, rows, horizon, draws, rng).made
        bounds[:2, rows] = np.quantile(made, tails, axis=1)
        bounds[2, rows] = made.std(axis=1, ddof=1)
    low, high, sd = bounds[:, history.position]
    return pd.DataFrame({"low": low, "high": high, "sd": sd}, index=frame.index)


def each_history(frame: pd.DataFrame) -> Histories:
    """Return the history of every row of ``frame``, in its order and not collapsed."""
    x, t_x, age = check_histories(frame).values()
    return Histories(x, t_x, age, np.ones(len(x)), np.arange(len(x)))


def draw_purchases(
    model: BetaGeometricNbd,
    history: Histories,
    rows: slice,
    horizon: float,
    draws: int,
    rng: np.random.Generator,
) -> Draws:
    """Draw purchases for the histories in ``rows``.

    Given alive, the rate is Gamma(r + x, alpha + T) and the chance to leave after each purchase is
    Beta(a, b + x) (MBG/NBD: b + x + 1); a geometric number of purchases is made before leaving.
    """
    r, alpha, a, b = model.params.to_numpy()
    x, t_x, age = history.x[rows, None], history.t_x[rows, None], history.age[rows, None]
    shape = (len(x), draws)
    frame = pd.DataFrame({"frequency": x[:, 0], "recency": t_x[:, 0], "age": age[:, 0]})
    alive = rng.random(shape) < model.p_alive(frame).to_numpy()[:, None]
    rate = rng.standard_gamma(np.broadcast_to(r + x, shape)) / (alpha + age)
    leave = np.clip(rng.beta(a, np.broadcast_to(b + x + model.shift, shape)), 1e-12, 1 - 1e-12)
    possible = rng.poisson(np.minimum(rate * horizon, 1e9)).astype(float)
    before_leaving = np.ceil(rng.standard_exponential(shape) / -np.log1p(-leave))
    made = np.where(alive, np.minimum(possible, np.maximum(before_leaving, 1.0)), 0.0)
    return Draws(made, possible)


def randomised_pit(draws: np.ndarray, actual: np.ndarray, *, seed: int) -> np.ndarray:
    """Randomised probability integral transform of each actual count among its draws.

    Uniform on (0, 1) when the predictive distributions are right (Czado, Gneiting & Held 2009).

    Parameters
    ----------
    draws
        Posterior-predictive draws, shape (customers, draws).
    actual
        What happened, shape (customers,).
    seed
        Seed of the random numbers that break ties.
    """
    actual = np.asarray(actual, dtype=float)[:, None]
    below, equal = (draws < actual).mean(axis=1), (draws == actual).mean(axis=1)
    return below + np.random.default_rng(seed).random(len(draws)) * equal


def chunks(rows: int, draws: int) -> Iterator[slice]:
    """Slices of ``rows`` that keep a chunk of draws at a few million cells."""
    size = max(1, CELLS // draws)
    return (slice(first, min(first + size, rows)) for first in range(0, rows, size))


def interval_tails(level: float) -> list[float]:
    """Lower and upper probability of a central interval."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    return [(1 - level) / 2, (1 + level) / 2]


def check_draws(draws: int) -> None:
    """Refuse fewer draws than an interval needs."""
    if draws < 20:
        raise ValueError(f"draws must be at least 20 for an interval, got {draws}")
