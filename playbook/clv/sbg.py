"""Shifted-beta-geometric: how long customers under contract stay.

At each renewal a customer leaves with a probability that is Beta(alpha, beta) over customers. Retention
rises with tenure because those likely to leave go first.

References
----------
Fader & Hardie (2007), How to project customer retention, J. of Interactive Marketing 21(1), eq. 5-7.
Fader & Hardie (2010), Customer-base valuation in a contractual setting, Marketing Science 29(1), eq. 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from scipy.special import betaln, hyp2f1, psi

from playbook.clv.estimation import FitResult, maximise
from playbook.clv.histories import check_columns

__all__ = ["ShiftedBetaGeometric", "fit_sbg", "fit_sbg_spells"]

MIN_CONTRACTS = 30
MIN_LOST = 5


@dataclass(frozen=True, eq=False)
class ShiftedBetaGeometric(FitResult):
    """A fitted shifted-beta-geometric model (``params``: alpha, beta)."""

    name: str = "sBG"

    def survival(self, renewals: Sequence[int] | np.ndarray) -> pd.Series:
        """Share of a cohort still there after so many renewals (index: ``renewals``)."""
        t = _whole(renewals)
        alpha, beta = self.params.to_numpy()
        share = np.exp(betaln(alpha, beta + t) - betaln(alpha, beta))
        return pd.Series(share, index=pd.Index(t.astype(int), name="renewals"), name="survival")

    def retention_rate(self, renewals: Sequence[int] | np.ndarray) -> pd.Series:
        """Chance that a customer who is there before the t-th renewal stays (t = 1, 2, ...)."""
        t = _whole(renewals)
        if (t < 1).any():
            raise ValueError("retention_rate counts renewals from 1")
        alpha, beta = self.params.to_numpy()
        rate = (beta + t - 1) / (alpha + beta + t - 1)
        return pd.Series(
            rate, index=pd.Index(t.astype(int), name="renewals"), name="retention_rate"
        )

    def residual_periods(
        self, renewals: Sequence[int] | np.ndarray, discount_rate_period: float
    ) -> pd.Series:
        """Discounted renewals still to come, for customers who renewed so often (DERL, eq. 6).

        Times margin per period this is the residual value just before the next renewal, which itself
        is not discounted. ``discount_rate_period`` must be above 0: undiscounted, the sum may be
        infinite.
        """
        if not 0 < discount_rate_period < 1:
            raise ValueError(
                f"discount_rate_period must lie between 0 and 1, got {discount_rate_period}"
            )
        n = _whole(renewals)
        alpha, beta = self.params.to_numpy()
        series = hyp2f1(1, beta + n + 1, alpha + beta + n + 1, 1 / (1 + discount_rate_period))
        periods = (beta + n) / (alpha + beta + n) * series
        index = pd.Index(n.astype(int), name="renewals")
        return pd.Series(periods, index=index, name="residual_periods")

    def simulate(self, size: int, *, periods: int, seed: int) -> pd.DataFrame:
        """Draw contracts and watch each for ``periods`` renewals.

        Returns
        -------
        pandas.DataFrame
            ``duration`` and ``lost``, one row a contract, as `fit_sbg_spells` reads them.
        """
        if size < 1 or periods < 1:
            raise ValueError(f"size and periods must be at least 1, got {size} and {periods}")
        rng = np.random.default_rng(seed)
        alpha, beta = self.params.to_numpy()
        leave = np.clip(rng.beta(alpha, beta, size), 1e-12, 1.0)
        ends = rng.geometric(leave)
        return pd.DataFrame({"duration": np.minimum(ends, periods), "lost": ends <= periods})


def fit_sbg(survivors: Sequence[float] | np.ndarray) -> ShiftedBetaGeometric:
    """Fit on the survivors of one cohort: customers at the start, after 1 period, after 2, ...

    Raises
    ------
    ValueError
        If counts rise or are negative, or too few customers or losses are seen.
    """
    counts = np.asarray(survivors, dtype=float)
    if counts.ndim != 1 or len(counts) < 2 or not np.isfinite(counts).all() or counts.min() < 0:
        raise ValueError(
            "survivors needs at least two counts >= 0: at the start, after 1 period, ..."
        )
    if (np.diff(counts) > 0).any():
        raise ValueError("survivors must not rise; count one cohort, without customers won later")
    periods = np.arange(1, len(counts))
    return _fit(periods, -np.diff(counts), periods[-1:], counts[-1:])


def fit_sbg_spells(spells: pd.DataFrame) -> ShiftedBetaGeometric:
    """Fit on one row per contract, cohorts of any start mixed.

    Parameters
    ----------
    spells
        ``duration``: whole periods. For a lost contract the period in which it ended (1 = at the first
        renewal); for a running one the renewals seen so far. ``lost``: true if it ended.
    """
    duration = check_columns(spells, ["duration"])["duration"]
    if "lost" not in spells.columns or spells["lost"].isna().any():
        raise ValueError(
            "the spells need a column 'lost' (true if the contract ended), without blanks"
        )
    lost = spells["lost"].to_numpy(dtype=bool)
    if (duration != np.floor(duration)).any() or (duration[lost] < 1).any():
        raise ValueError("duration counts whole periods, from 1 for a lost contract")
    ended, n_ended = np.unique(duration[lost], return_counts=True)
    running, n_running = np.unique(duration[~lost], return_counts=True)
    return _fit(ended, n_ended, running, n_running)


def log_likelihood(params: np.ndarray, ended, n_ended, running, n_running):
    """Log-likelihood and gradient in (alpha, beta), of losses in a period and of running contracts."""
    alpha, beta = params
    base, psi_both = betaln(alpha, beta), psi(alpha + beta)
    value = n_ended @ (betaln(alpha + 1, beta + ended - 1) - base)
    value += n_running @ (betaln(alpha, beta + running) - base)
    shared_ended = psi_both - psi(alpha + beta + ended)
    shared_running = psi_both - psi(alpha + beta + running)
    by_alpha = n_ended @ (1 / alpha + shared_ended) + n_running @ shared_running
    by_beta = n_ended @ (psi(beta + ended - 1) - psi(beta) + shared_ended)
    by_beta += n_running @ (psi(beta + running) - psi(beta) + shared_running)
    return float(value), np.array([by_alpha, by_beta])


def _fit(ended, n_ended, running, n_running) -> ShiftedBetaGeometric:
    lost, total = float(n_ended.sum()), float(n_ended.sum() + n_running.sum())
    seen = np.r_[ended, running]
    if total < MIN_CONTRACTS or lost < MIN_LOST or seen.max(initial=0) < 2:
        raise ValueError(
            f"not enough data to fit sBG: need at least {MIN_CONTRACTS} contracts, {MIN_LOST} losses and "
            f"2 periods, got {total:.0f}, {lost:.0f} and {seen.max(initial=0):.0f}"
        )
    data = tuple(np.asarray(part, dtype=float) for part in (ended, n_ended, running, n_running))
    start = pd.Series({"alpha": 1.0, "beta": 2.0})
    result = maximise(lambda params: log_likelihood(params, *data), start, total, model="sBG")
    shared = {field.name: getattr(result, field.name) for field in fields(FitResult)}
    return ShiftedBetaGeometric(**shared)


def _whole(values: Sequence[int] | np.ndarray) -> np.ndarray:
    array = np.atleast_1d(np.asarray(values, dtype=float))
    if not np.isfinite(array).all() or (array < 0).any() or (array != np.floor(array)).any():
        raise ValueError("renewals must be whole numbers >= 0")
    return array
