"""BG/NBD and MBG/NBD: how often customers buy, and whether they still do.

While alive a customer buys at a Poisson rate; rates are Gamma(r, alpha) over customers. After each
repeat purchase the customer leaves with a probability that is Beta(a, b) over customers. In MBG/NBD the
customer may also leave right after the first purchase; in BG/NBD every one-time buyer is alive.

References
----------
Fader, Hardie & Lee (2005), "Counting your customers" the easy way, Marketing Science 24(2), eq. 6, 9, 10.
Batislam, Denizel & Filiztekin (2007), Int. J. of Research in Marketing 24(3), eq. 2-5.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from scipy.special import betaincinv, gammaln, hyp2f1, psi

from playbook.clv.draws import check_draws, draw_purchases, each_history
from playbook.clv.estimation import FitResult, maximise
from playbook.clv.histories import (
    Histories,
    check_histories,
    check_horizon,
    require_enough,
    sufficient,
)

__all__ = ["BetaGeometricNbd", "fit_bg_nbd", "fit_mbg_nbd"]

NEAR_ONE = 1e-4


@dataclass(frozen=True, eq=False)
class BetaGeometricNbd(FitResult):
    """A fitted BG/NBD or MBG/NBD (``params``: r, alpha, a, b; alpha in time units).

    Attributes
    ----------
    name
        ``"BG/NBD"`` or ``"MBG/NBD"``.
    """

    name: str = "MBG/NBD"

    @property
    def shift(self) -> int:
        """Chances to leave besides the repeat purchases: 1 in MBG/NBD, 0 in BG/NBD."""
        return int(self.name == "MBG/NBD")

    def p_alive(self, frame: pd.DataFrame) -> pd.Series:
        """Probability that each customer is still active at its age T (index of ``frame``)."""
        data = check_histories(frame)
        stay, leave = _log_terms(
            self.params.to_numpy(), data["frequency"], data["recency"], data["age"], self.shift
        )
        alive = np.exp(stay - np.logaddexp(stay, leave))
        return pd.Series(alive, index=frame.index, name="p_alive")

    def p_last(self, frame: pd.DataFrame) -> pd.Series:
        """Probability that the next purchase of a customer who is still active is the last: a / (a + b + x), x one more in MBG/NBD.

        The drop-out probability is Beta(a, b) over customers; who has stayed after x purchases has Beta(a, b + x).
        """
        data = check_histories(frame)
        _, _, a, b = self.params.to_numpy()
        stayed = data["frequency"].astype(float) + self.shift
        return pd.Series(a / (a + b + stayed), index=frame.index, name="p_last")

    def expected_purchases(self, frame: pd.DataFrame, horizon: float) -> pd.Series:
        """Expected purchases of each customer in the next ``horizon`` time units after T."""
        if_alive = self.expected_if_alive(frame, horizon)
        return (if_alive * self.p_alive(frame)).rename("expected_purchases")

    def expected_if_alive(self, frame: pd.DataFrame, horizon: float) -> pd.Series:
        """Expected purchases in ``horizon`` time units, given that the customer is alive at T."""
        check_horizon(horizon)
        data = check_histories(frame)
        key = pd.DataFrame({"x": data["frequency"], "age": data["age"]}).groupby(["x", "age"])
        unique = np.array(list(key.groups), dtype=float)
        r, alpha, a, b = self.params.to_numpy()
        x, age = unique[:, 0], unique[:, 1]
        expected = _expected_alive(r + x, alpha + age, a, b + x + self.shift, horizon)
        return pd.Series(expected[key.ngroup().to_numpy()], index=frame.index, name="if_alive")

    def expected_new_customer(self, horizon: float) -> float:
        """Expected repeat purchases of a new customer within ``horizon`` of the first purchase."""
        check_horizon(horizon)
        r, alpha, a, b = self.params.to_numpy()
        stays = b / (a + b) if self.shift else 1.0
        rate, age = np.array([r]), np.array([alpha])
        return float(stays * _expected_alive(rate, age, a, np.array([b + self.shift]), horizon)[0])

    def simulate(
        self, frame: pd.DataFrame, horizon: float, *, draws: int = 400, seed: int
    ) -> np.ndarray:
        """Draw purchases within ``horizon`` after T for each row of ``frame`` (posterior-predictive).

        Parameters
        ----------
        frame
            Customers with ``frequency``, ``recency``, ``age``; one row is enough.
        horizon
            Time units of the model.
        draws
            Number of draws per customer.
        seed
            Seed of the random numbers.

        Returns
        -------
        numpy.ndarray
            Whole numbers as floats, shape (customers, draws), in the order of ``frame``.
        """
        check_draws(draws)
        check_horizon(horizon)
        rng = np.random.default_rng(seed)
        return draw_purchases(self, each_history(frame), slice(None), horizon, draws, rng).made


def fit_bg_nbd(frame: pd.DataFrame) -> BetaGeometricNbd:
    """Fit BG/NBD by maximum likelihood (Fader, Hardie & Lee 2005).

    Parameters
    ----------
    frame
        One row per customer (or per history, with ``customers``): ``frequency``, ``recency``, ``age``.

    Raises
    ------
    ValueError
        If the frame is malformed, too small, or lacks one-time buyers.
    """
    return _fit(frame, "BG/NBD")


def fit_mbg_nbd(frame: pd.DataFrame) -> BetaGeometricNbd:
    """Fit MBG/NBD by maximum likelihood (Batislam et al. 2007); arguments as `fit_bg_nbd`."""
    return _fit(frame, "MBG/NBD")


def log_likelihood(params: np.ndarray, data: Histories, shift: int) -> tuple[float, np.ndarray]:
    """Log-likelihood and gradient in (r, alpha, a, b); ``shift`` 0 is BG/NBD, 1 is MBG/NBD."""
    r, alpha, a, b = params
    n = data.customers
    stay, leave = _log_terms(params, data.x, data.t_x, data.age, shift)
    total = np.logaddexp(stay, leave)
    alive, gone = np.exp(stay - total), np.exp(leave - total)
    x, per_x = _by_frequency(data)
    trials = x + shift
    value = n @ total + per_x @ (
        gammaln(r + x) - gammaln(r) + r * np.log(alpha)
        + gammaln(a + b) - gammaln(b) + gammaln(b + trials) - gammaln(a + b + trials)
    )  # fmt: skip
    log_age, log_recency = np.log(alpha + data.age), np.log(alpha + data.t_x)
    last_stay = np.where(data.x + shift > 0, b + data.x - 1 + shift, 1.0)
    shared = psi(a + b) - psi(a + b + trials)
    gradient = [
        per_x @ (psi(r + x) - psi(r) + np.log(alpha)) - n @ (alive * log_age + gone * log_recency),
        n @ (r / alpha - (r + data.x) * (alive / (alpha + data.age) + gone / (alpha + data.t_x))),
        per_x @ shared + n @ gone / a,
        per_x @ (shared + psi(b + trials) - psi(b)) - n @ (gone / last_stay),
    ]
    return float(value), np.array(gradient)


def _fit(frame: pd.DataFrame, name: str) -> BetaGeometricNbd:
    data = sufficient(frame)
    require_enough(data, name)
    n, shift = data.customers, int(name == "MBG/NBD")
    time = float(n @ data.age / n.sum())
    start = pd.Series({"r": 1.0, "alpha": n @ data.age / (n @ data.x), "a": 0.5, "b": 2.0})
    scale = pd.Series({"r": 1.0, "alpha": time, "a": 1.0, "b": 1.0})
    result = maximise(
        lambda params: log_likelihood(params, data, shift), start, n.sum(), model=name, scale=scale
    )
    shared = {field.name: getattr(result, field.name) for field in fields(FitResult)}
    return BetaGeometricNbd(**shared, name=name)


def _by_frequency(data: Histories) -> tuple[np.ndarray, np.ndarray]:
    """Return the different frequencies and the customers with each."""
    x, where = np.unique(data.x, return_inverse=True)
    return x, np.bincount(where, weights=data.customers)


def _log_terms(params, x, t_x, age, shift: int) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the likelihood's two parts: alive at T, and left after the last purchase."""
    r, alpha, a, b = params
    could_leave = x + shift > 0
    stays = np.log(np.where(could_leave, b + x - 1 + shift, 1.0))
    leave = np.log(a) - stays - (r + x) * np.log(alpha + t_x)
    return -(r + x) * np.log(alpha + age), np.where(could_leave, leave, -np.inf)


def _expected_alive(
    rate: np.ndarray, age: np.ndarray, a: float, b: np.ndarray, horizon: float
) -> np.ndarray:
    """E[(1 - exp(-lambda p t)) / p] with lambda ~ Gamma(rate, age) and p ~ Beta(a, b).

    Eq. 9 of Fader, Hardie & Lee (2005) for a customer who is alive. Its singularity at a = 1 is
    removable: next to it the values on both sides are interpolated.
    """
    if horizon == 0:
        return np.zeros_like(rate)
    if abs(a - 1) < NEAR_ONE:
        below = _closed_form(rate, age, 1 - NEAR_ONE, b, horizon)
        above = _closed_form(rate, age, 1 + NEAR_ONE, b, horizon)
        return below + (above - below) * (a - 1 + NEAR_ONE) / (2 * NEAR_ONE)
    return _closed_form(rate, age, a, b, horizon)


def _closed_form(rate, age, a: float, b: np.ndarray, horizon: float) -> np.ndarray:
    """Closed form after Euler's transformation, which does not overflow for heavy buyers.

    Where it fails, Pfaff's transformation is used; where that fails too (parameters in the hundreds
    on both sides), the mean over 256 quantiles of p.
    """
    c, share = a + b - 1, age / (age + horizon)
    with np.errstate(all="ignore"):
        rest = share ** (a - 1) * hyp2f1(c - rate, a - 1, c, 1 - share)
        expected = c / (a - 1) * (1 - rest)
        failed = _impossible(expected, rate, age, horizon)
        if failed.any():
            rest = hyp2f1(rate[failed], a - 1, c[failed], -horizon / age[failed])
            expected[failed] = c[failed] / (a - 1) * (1 - rest)
            failed = _impossible(expected, rate, age, horizon)
    if failed.any():
        expected[failed] = _quantile_mean(rate[failed], age[failed], a, b[failed], horizon)
    return expected


def _impossible(expected: np.ndarray, rate, age, horizon: float) -> np.ndarray:
    """Whether a value is not a number, negative, or above the expectation without drop-out."""
    most = rate * horizon / age * (1 + 1e-9)
    return ~np.isfinite(expected) | (expected < 0) | (expected > most)


def _quantile_mean(rate, age, a: float, b: np.ndarray, horizon: float) -> np.ndarray:
    share = (np.arange(256) + 0.5) / 256
    leave = np.maximum(betaincinv(a, b[:, None], share), 1e-12)
    bought = -np.expm1(-rate[:, None] * np.log1p(leave * horizon / age[:, None]))
    return (bought / leave).mean(axis=1)
