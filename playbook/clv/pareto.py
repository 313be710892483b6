"""Pareto/NBD, for validation: purchases at a Gamma-mixed Poisson rate until a Gamma-mixed lifetime ends.

References
----------
Schmittlein, Morrison & Colombo (1987), Management Science 33(1).
Fader & Hardie (2005), A note on deriving the Pareto/NBD model, eq. 20, 32, 41. The hypergeometric terms
are written after Euler's transformation, which keeps them between 1 and a small number.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from scipy.special import gammaln, hyp2f1

from playbook.clv.draws import check_draws, each_history
from playbook.clv.estimation import FitResult, maximise
from playbook.clv.histories import (
    Histories,
    check_histories,
    check_horizon,
    require_enough,
    sufficient,
)

__all__ = ["ParetoNbd", "fit_pareto_nbd"]


@dataclass(frozen=True, eq=False)
class ParetoNbd(FitResult):
    """A fitted Pareto/NBD (``params``: r, alpha, s, beta; alpha and beta in time units)."""

    name: str = "Pareto/NBD"

    def p_alive(self, frame: pd.DataFrame) -> pd.Series:
        """Probability that each customer is still active at its age T (index of ``frame``)."""
        data = check_histories(frame)
        r, alpha, s, beta = self.params.to_numpy()
        x, age = data["frequency"], data["age"]
        stay = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
        alive = np.exp(stay - _log_kernel(self.params.to_numpy(), x, data["recency"], age))
        return pd.Series(np.minimum(alive, 1.0), index=frame.index, name="p_alive")

    def expected_purchases(self, frame: pd.DataFrame, horizon: float) -> pd.Series:
        """Expected purchases of each customer in the next ``horizon`` time units after T."""
        check_horizon(horizon)
        r, alpha, s, beta = self.params.to_numpy()
        alive = self.p_alive(frame)
        x = frame["frequency"].to_numpy(dtype=float)
        age = frame["age"].to_numpy(dtype=float)
        time = (beta + age) * _active_time(s, (beta + age + horizon) / (beta + age))
        return (alive * (r + x) / (alpha + age) * time).rename("expected_purchases")

    def expected_new_customer(self, horizon: float) -> float:
        """Expected repeat purchases of a new customer within ``horizon`` of the first purchase."""
        check_horizon(horizon)
        r, alpha, s, beta = self.params.to_numpy()
        return float(r / alpha * beta * _active_time(s, np.array((beta + horizon) / beta)))

    def simulate(
        self, frame: pd.DataFrame, horizon: float, *, draws: int = 400, seed: int
    ) -> np.ndarray:
        """Draw purchases within ``horizon`` after T, shape (customers, draws), in the order of ``frame``.

        Given alive, the rate is Gamma(r + x, alpha + T) and the rate of leaving Gamma(s, beta + T).
        """
        check_draws(draws)
        check_horizon(horizon)
        history, rng = each_history(frame), np.random.default_rng(seed)
        r, alpha, s, beta = self.params.to_numpy()
        x, age, shape = history.x[:, None], history.age[:, None], (len(history.x), draws)
        alive = rng.random(shape) < self.p_alive(frame).to_numpy()[:, None]
        rate = rng.standard_gamma(np.broadcast_to(r + x, shape)) / (alpha + age)
        leaving = np.maximum(rng.standard_gamma(s, shape) / (beta + age), 1e-300)
        active = np.minimum(rng.standard_exponential(shape) / leaving, horizon)
        return np.where(alive, rng.poisson(np.minimum(rate * active, 1e9)), 0).astype(float)


def fit_pareto_nbd(frame: pd.DataFrame) -> ParetoNbd:
    """Fit Pareto/NBD by maximum likelihood, gradient by central differences.

    Parameters
    ----------
    frame
        One row per customer: ``frequency``, ``recency``, ``age``.

    Raises
    ------
    ValueError
        If the frame is malformed, too small, or lacks one-time buyers.
    """
    data = sufficient(frame)
    require_enough(data, "Pareto/NBD")
    n = data.customers
    time = float(n @ data.age / n.sum())
    start = pd.Series({"r": 1.0, "alpha": n @ data.age / (n @ data.x), "s": 0.8, "beta": time / 2})
    scale = pd.Series({"r": 1.0, "alpha": time, "s": 1.0, "beta": time})

    def with_gradient(params: np.ndarray) -> tuple[float, np.ndarray]:
        steps = np.diag(params * 1e-5)
        slopes = [
            (_log_likelihood(params + step, data) - _log_likelihood(params - step, data))
            / (2 * step[i])
            for i, step in enumerate(steps)
        ]
        return _log_likelihood(params, data), np.array(slopes)

    result = maximise(with_gradient, start, n.sum(), model="Pareto/NBD", scale=scale)
    return ParetoNbd(**{field.name: getattr(result, field.name) for field in fields(FitResult)})


def _log_likelihood(params: np.ndarray, data: Histories) -> float:
    r, alpha, s, beta = params
    constant = gammaln(r + data.x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    return float(data.customers @ (constant + _log_kernel(params, data.x, data.t_x, data.age)))


def _log_kernel(params, x, t_x, age) -> np.ndarray:
    """Logarithm of the bracket of the likelihood (left before T, plus alive at T)."""
    r, _, s, _ = params
    at_recency = _log_integral(params, x, t_x, last=1)
    at_age = _log_integral(params, x, age, last=0)
    total = np.log(r + s + x)
    return np.logaddexp(np.log(s) - total + at_recency, np.log(r + x) - total + at_age)


def _log_integral(params, x, time, *, last: int) -> np.ndarray:
    """Gauss hypergeometric term at ``time``; ``last`` is 1 for t_x and 0 for T."""
    r, alpha, s, beta = params
    log_alpha, log_beta = np.log(alpha + time), np.log(beta + time)
    if alpha >= beta:
        z = (alpha - beta) / (alpha + time)
        series = hyp2f1(1, r + x + 1 - last, r + s + x + 1, z)
        return np.log(series) - (r + x + 1 - last) * log_alpha - (s - 1 + last) * log_beta
    z = (beta - alpha) / (beta + time)
    series = hyp2f1(1, s + last, r + s + x + 1, z)
    return np.log(series) - (s + last) * log_beta - (r + x - last) * log_alpha


def _active_time(s: float, growth: np.ndarray) -> np.ndarray:
    """Integral of u**-s from 1 to ``growth``."""
    if abs(s - 1) < 1e-9:
        return np.log(growth)
    return -np.expm1(-(s - 1) * np.log(growth)) / (s - 1)
