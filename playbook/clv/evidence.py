"""What other evidence than purchases does to the forecast of a customer: a factor, split into staying and buying.

Evidence (signs of life, silence) multiplies the expected purchases by a factor f. It speaks of activity first: the
probability of being active p becomes k p with k = min(f, 1 / p), and only what is left, c = f / k, changes the rate. With D
the purchases (or their value) told without the evidence, the new distribution is a mixture, and exactly so::

    P(D' > x) = k P(D > x)            E[D'] = k E[D]            E[D'^2] = k E[D^2]

so its quantile at t is that of D at 1 - (1 - t) / k, or 0 where that is negative. The rate's factor c scales values.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.clv.beta_geometric import BetaGeometricNbd
from playbook.clv.draws import check_draws, chunks, draw_purchases, interval_tails
from playbook.clv.gamma_gamma import GammaGamma, monetary_of
from playbook.clv.histories import sufficient

__all__ = ["chance_of_none", "evidence_intervals", "evidence_sd", "split_factor"]


def split_factor(p_alive: pd.Series, factor: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return by what each factor changes the probability of being active, and by what the rate."""
    stays = np.minimum(factor, 1 / p_alive.clip(lower=1e-12))
    return stays, factor / stays


def evidence_sd(mean: pd.Series, sd: pd.Series, stays: pd.Series, rate: pd.Series) -> pd.Series:
    """Return the standard deviation after the evidence, from mean and standard deviation before it."""
    variance = stays * (sd**2 + mean**2) - (stays * mean) ** 2
    return rate * np.sqrt(variance.clip(lower=0.0))


def chance_of_none(model: BetaGeometricNbd, frame: pd.DataFrame, horizon: float) -> pd.Series:
    """Return the probability that each customer buys nothing in the next ``horizon``.

    A customer leaves only after a purchase, so one active at T buys nothing with probability
    ((alpha + T) / (alpha + T + h)) ** (r + x), in BG/NBD as in MBG/NBD.
    """
    r, alpha = model.params["r"], model.params["alpha"]
    age, x = alpha + frame["age"].astype(float), frame["frequency"].astype(float)
    return 1 - model.p_alive(frame) * (1 - (age / (age + horizon)) ** (r + x))


def evidence_intervals(
    model: BetaGeometricNbd, spend_model: GammaGamma, frame: pd.DataFrame, factor: pd.Series, *,
    margin_rate: float, horizon: float, year: float, discount: float, level: float = 0.80, draws: int = 200, seed: int,
) -> pd.DataFrame:  # fmt: skip
    """Return the posterior-predictive intervals of each customer after the evidence.

    Parameters
    ----------
    model, spend_model
        Fitted purchase model and Gamma-Gamma model.
    frame
        Customers: ``frequency``, ``recency``, ``age``, ``monetary``.
    factor
        Factor on the expected purchases of each customer.
    margin_rate, horizon, discount
        Share of spend that stays, how far ahead value counts, and the continuous discount rate per time unit.
    year
        How far ahead orders count.
    level, draws, seed
        Level of the intervals; draws per different history, and their seed.

    Returns
    -------
    pandas.DataFrame
        ``low`` and ``high`` (value), ``orders_low`` and ``orders_high``.
    """
    check_draws(draws)
    tails, rng = interval_tails(level), np.random.default_rng(seed)
    p, q, gamma = spend_model.params.to_numpy()
    history = sufficient(frame)
    stays, rate = (s.to_numpy() for s in split_factor(model.p_alive(frame), factor))
    x, monetary = monetary_of(frame)
    found = np.zeros((4, len(frame)))
    for rows in chunks(len(history.x), draws):
        who = np.flatnonzero((history.position >= rows.start) & (history.position < rows.stop))
        place = history.position[who] - rows.start
        orders = draw_purchases(model, history, rows, year, draws, rng).made
        made, possible = draw_purchases(model, history, rows, horizon, draws, rng)
        shape = np.broadcast_to(p * history.x[rows, None] + q, made.shape)
        unit = rng.standard_gamma(p * made) / rng.standard_gamma(shape)
        worth = np.where(made > 0, unit * np.exp(-discount * horizon * (made + 1) / (2 * (possible + 1))), 0.0)  # fmt: skip
        scale = rate[who] * margin_rate * (gamma + x[who] * monetary[who])
        found[:2, who] = scale * _quantiles(worth, place, stays[who], tails)
        found[2:, who] = np.round(rate[who] * _quantiles(orders, place, stays[who], tails))
    return pd.DataFrame(found.T, frame.index, ["low", "high", "orders_low", "orders_high"])


def _quantiles(
    drawn: np.ndarray, place: np.ndarray, stays: np.ndarray, tails: list[float]
) -> np.ndarray:
    """Quantiles of draws of which a share ``stays`` remains and the rest is 0; one row a tail."""
    ordered, last = np.sort(drawn, axis=1), drawn.shape[1] - 1
    rows = []
    for tail in tails:
        at = (1 - (1 - tail) / np.maximum(stays, 1e-12)) * last
        below = np.clip(np.floor(at), 0, last).astype(int)
        above = np.minimum(below + 1, last)
        share = np.clip(at - below, 0.0, 1.0)
        value = ordered[place, below] * (1 - share) + ordered[place, above] * share
        rows.append(np.where(at < 0, 0.0, value))
    return np.array(rows)
