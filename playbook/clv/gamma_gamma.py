"""Gamma-Gamma: the mean value of a customer's purchases.

Single purchases are Gamma(p, nu) around the customer's mean; nu is Gamma(q, gamma) over customers, and
independent of how often the customer buys (`frequency_spend_correlation` tests that).

References
----------
Fader, Hardie & Lee (2005), RFM and CLV, Journal of Marketing Research 42(4).
Fader & Hardie (2013), The Gamma-Gamma model of monetary value, eq. 1a, 5.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from scipy.special import gammaln, psi

from playbook.clv.draws import check_draws
from playbook.clv.estimation import FitResult, maximise
from playbook.clv.histories import (
    MIN_DIFFERENT,
    MIN_REPEAT_BUYERS,
    check_columns,
    require_one_time_buyers,
    sufficient,
)

__all__ = ["GammaGamma", "fit_gamma_gamma", "monetary_of"]


@dataclass(frozen=True, eq=False)
class GammaGamma(FitResult):
    """A fitted Gamma-Gamma model (``params``: p, q, gamma; gamma in money)."""

    name: str = "Gamma-Gamma"

    @property
    def population_mean(self) -> float:
        """Mean purchase value over all customers, p * gamma / (q - 1)."""
        p, q, gamma = self.params.to_numpy()
        return float(p * gamma / (q - 1))

    def expected_spend(self, frame: pd.DataFrame) -> pd.Series:
        """Expected value of a customer's purchase, given the mean of its repeat purchases.

        A one-time buyer gets the population mean; the more repeat purchases, the more weight its own
        mean has. Columns read: ``frequency``, ``monetary``.
        """
        p, q, gamma = self.params.to_numpy()
        x, monetary = monetary_of(frame)
        expected = p * (gamma + x * monetary) / (p * x + q - 1)
        return pd.Series(expected, index=frame.index, name="expected_spend")

    def simulate(self, frame: pd.DataFrame, *, draws: int = 400, seed: int) -> np.ndarray:
        """Draw the value of each customer's next purchase (posterior-predictive).

        Parameters
        ----------
        frame
            Customers with ``frequency`` and ``monetary``; one-time buyers are drawn from all customers.
        draws
            Number of draws per customer.
        seed
            Seed of the random numbers.

        Returns
        -------
        numpy.ndarray
            Money, shape (customers, draws), in the order of ``frame``.
        """
        check_draws(draws)
        p, q, gamma = self.params.to_numpy()
        x, monetary = monetary_of(frame)
        rng, size = np.random.default_rng(seed), (len(x), draws)
        rate = rng.standard_gamma(np.broadcast_to((p * x + q)[:, None], size))
        return rng.standard_gamma(p, size) * (gamma + x * monetary)[:, None] / rate


def fit_gamma_gamma(frame: pd.DataFrame) -> GammaGamma:
    """Fit the Gamma-Gamma model on the repeat buyers by maximum likelihood.

    Parameters
    ----------
    frame
        All customers: ``frequency``, ``recency``, ``age``, ``monetary`` (positive for repeat buyers).

    Raises
    ------
    ValueError
        If the frame is malformed, lacks one-time buyers, has fewer than 10 repeat buyers or 5 different
        values, a repeat buyer's value is not positive, or q <= 1 (the mean would be infinite).
    """
    require_one_time_buyers(sufficient(frame))
    x, monetary, n = _repeat_values(frame)
    start = pd.Series({"p": 2.0, "q": 3.0, "gamma": n @ monetary / n.sum()})
    scale = pd.Series({"p": 1.0, "q": 1.0, "gamma": start["gamma"]})
    result = maximise(
        lambda params: log_likelihood(params, x, monetary, n),
        start,
        n.sum(),
        model="Gamma-Gamma",
        scale=scale,
    )
    if result.params["q"] <= 1:
        raise ValueError(
            f"Gamma-Gamma: q = {result.params['q']:.3f} <= 1, so the mean purchase value is not finite; "
            "look for outliers in monetary (wholesale customers, wrong currency) and treat them apart"
        )
    return GammaGamma(**{field.name: getattr(result, field.name) for field in fields(FitResult)})


def log_likelihood(
    params: np.ndarray, x: np.ndarray, monetary: np.ndarray, customers: np.ndarray
) -> tuple[float, np.ndarray]:
    """Log-likelihood and gradient in (p, q, gamma) (Fader & Hardie 2013, eq. 1a)."""
    p, q, gamma = params
    n, total = customers, x * monetary
    log_rate = np.log(gamma + total)
    value = n @ (
        gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(gamma)
        + p * x * np.log(total) - np.log(monetary) - (p * x + q) * log_rate
    )  # fmt: skip
    shape = psi(p * x + q)
    gradient = [
        n @ (x * (shape - psi(p * x) + np.log(total) - log_rate)),
        n @ (shape - psi(q) + np.log(gamma) - log_rate),
        n @ (q / gamma - (p * x + q) / (gamma + total)),
    ]
    return float(value), np.array(gradient)


def monetary_of(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return frequency and monetary as arrays, monetary 0 for one-time buyers (where not read).

    Raises
    ------
    ValueError
        If a column is absent or a repeat buyer's value is missing, infinite or negative.
    """
    x = check_columns(frame, ["frequency"])["frequency"]
    if "monetary" not in frame.columns:
        raise ValueError(
            "the customer frame lacks ['monetary'], the mean value of repeat purchases"
        )
    monetary = np.zeros(len(x))
    if (x > 0).any():
        monetary[x > 0] = check_columns(frame[x > 0], ["monetary"])["monetary"]
    return x, monetary


def _repeat_values(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Different (frequency, monetary) of the repeat buyers, sorted, and the customers with each."""
    x, monetary = monetary_of(frame)
    customers = (
        frame["customers"].to_numpy(dtype=float) if "customers" in frame else np.ones(len(x))
    )
    free = (x > 0) & (monetary == 0)
    if free.any():
        raise ValueError(
            f"{int(free.sum())} repeat buyers have monetary 0 (first: {min(map(str, frame.index[free]))}); "
            "Gamma-Gamma needs positive values: leave free orders out of frequency and monetary"
        )
    stats = pd.DataFrame({"x": x, "monetary": monetary, "n": customers})[x > 0]
    unique = stats.groupby(["x", "monetary"], sort=True)["n"].sum().reset_index()
    if unique["n"].sum() < MIN_REPEAT_BUYERS or unique["monetary"].nunique() < MIN_DIFFERENT:
        raise ValueError(
            f"not enough data to fit Gamma-Gamma: need at least {MIN_REPEAT_BUYERS} repeat buyers with "
            f"{MIN_DIFFERENT} different values, got {unique['n'].sum():.0f} with "
            f"{unique['monetary'].nunique()}"
        )
    return unique["x"].to_numpy(), unique["monetary"].to_numpy(), unique["n"].to_numpy()
