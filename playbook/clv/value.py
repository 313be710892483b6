"""Customer lifetime value: discounted contribution margin of the purchases still to come."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.clv.beta_geometric import BetaGeometricNbd
from playbook.clv.draws import check_draws, chunks, draw_purchases, interval_tails
from playbook.clv.gamma_gamma import GammaGamma, monetary_of
from playbook.clv.histories import Histories, check_horizon, sufficient

__all__ = ["customer_lifetime_value", "discounted_purchases"]

NODES = 8


def customer_lifetime_value(
    model: BetaGeometricNbd,
    spend_model: GammaGamma,
    frame: pd.DataFrame,
    *,
    margin_rate: float,
    horizon: float,
    discount_rate_year: float,
    periods_per_year: float,
    level: float = 0.80,
    draws: int = 200,
    seed: int,
) -> pd.DataFrame:
    """Value of each customer's purchases within the horizon, on contribution margin, discounted.

    Parameters
    ----------
    model
        A fitted BG/NBD or MBG/NBD; MBG/NBD is advised, BG/NBD calls every one-time buyer alive.
    spend_model
        A fitted Gamma-Gamma model.
    frame
        Customers: ``frequency``, ``recency``, ``age``, ``monetary``. Its index is kept.
    margin_rate
        Contribution margin as a share of spend, 0 to 1.
    horizon
        How far ahead purchases count, in the time units of the model.
    discount_rate_year
        Yearly discount rate, e.g. 0.10.
    periods_per_year
        Time units per year: 365.25 for days, 52.18 for weeks.
    level
        Level of the interval; 0.80 is the default.
    draws, seed
        Draws per different history, and their seed.

    Returns
    -------
    pandas.DataFrame
        ``p_alive``, ``expected_purchases`` (undiscounted), ``expected_spend`` (money per purchase),
        ``clv`` (money), ``low`` and ``high`` (posterior-predictive interval of that customer's value, at
        the estimated parameters), ``sd`` (its standard deviation) and ``level``. The intervals of customers must not be summed: a
        segment's total is much surer than its members.

    Notes
    -----
    ``clv`` is exact up to quadrature. In the draws, purchases are discounted at their mean time given
    their number. A customer's value is (gamma + x * monetary) times a quantity that depends on the
    purchase history only, so draws are made once per different history, in chunks.
    """
    _check_rates(margin_rate, discount_rate_year, periods_per_year)
    check_horizon(horizon)
    check_draws(draws)
    discount = float(np.log1p(discount_rate_year) / periods_per_year)
    spend = spend_model.expected_spend(frame)
    present = discounted_purchases(model, frame, horizon, discount)
    history = sufficient(frame)
    unit = _unit_interval(model, spend_model, history, horizon, discount, level, draws, seed)
    x, monetary = monetary_of(frame)
    scale = margin_rate * (spend_model.params["gamma"] + x * monetary)
    low, high, sd = scale * unit[:, history.position]
    return pd.DataFrame(
        {
            "p_alive": model.p_alive(frame),
            "expected_purchases": model.expected_purchases(frame, horizon),
            "expected_spend": spend,
            "clv": margin_rate * spend * present,
            "low": low,
            "high": high,
            "sd": sd,
            "level": level,
        }
    )


def discounted_purchases(
    model: BetaGeometricNbd, frame: pd.DataFrame, horizon: float, discount: float
) -> pd.Series:
    """Expected purchases within ``horizon``, each discounted continuously at ``discount`` per time unit.

    By parts: the integral of exp(-d t) dE(t) is exp(-d h) E(h) + d * integral of exp(-d t) E(t), the
    latter by Gauss-Legendre quadrature with 8 nodes.
    """
    present = np.exp(-discount * horizon) * model.expected_if_alive(frame, horizon)
    if discount > 0 and horizon > 0:
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        for time, weight in zip((nodes + 1) * horizon / 2, weights * horizon / 2, strict=True):
            at_time = model.expected_if_alive(frame, float(time))
            present = present + discount * weight * np.exp(-discount * time) * at_time
    return (present * model.p_alive(frame)).rename("discounted_purchases")


def _unit_interval(
    model: BetaGeometricNbd,
    spend_model: GammaGamma,
    history: Histories,
    horizon: float,
    discount: float,
    level: float,
    draws: int,
    seed: int,
) -> np.ndarray:
    """Two quantiles and spread of discounted spend per unit of (gamma + x * monetary), shape (3, histories)."""
    p, q, _ = spend_model.params.to_numpy()
    tails, rng = interval_tails(level), np.random.default_rng(seed)
    bounds = np.empty((3, len(history.x)))
    for rows in chunks(len(history.x), draws):
        made, possible = draw_purchases(model, history, rows, horizon, draws, rng)
        shape = np.broadcast_to(p * history.x[rows, None] + q, made.shape)
        spend = rng.standard_gamma(p * made) / rng.standard_gamma(shape)
        mean_time = horizon * (made + 1) / (2 * (possible + 1))
        value = np.where(made > 0, spend * np.exp(-discount * mean_time), 0.0)
        bounds[:2, rows] = np.quantile(value, tails, axis=1)
        bounds[2, rows] = value.std(axis=1, ddof=1)
    return bounds


def _check_rates(margin_rate: float, discount_rate_year: float, periods_per_year: float) -> None:
    if not 0 <= margin_rate <= 1:
        raise ValueError(f"margin_rate is a share of spend between 0 and 1, got {margin_rate}")
    if not 0 <= discount_rate_year < 1:
        raise ValueError(
            f"discount_rate_year is a yearly rate between 0 and 1 (0.10 is 10 %), got {discount_rate_year}"
        )
    if not (np.isfinite(periods_per_year) and periods_per_year > 0):
        raise ValueError(
            "periods_per_year must be positive (365.25 when age counts days, 52.18 for weeks), "
            f"got {periods_per_year}"
        )
