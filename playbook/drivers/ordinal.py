"""Ordinal outcomes: proportional-odds coefficients with weights and clusters, and a test of the model."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import statsmodels.api as sm
from scipy.stats import chi2, norm
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.tools.sm_exceptions import (
    ConvergenceWarning,
    HessianInversionWarning,
    PerfectSeparationWarning,
)

__all__ = ["MOST_LEVELS", "ProportionalOdds", "parallel_test", "proportional_odds"]

MOST_LEVELS = 11
"""Most levels of an outcome that still counts as ordinal (0 to 10)."""

SEPARATED = 10.0
"""Log odds for one standard deviation from which a column parts the levels perfectly: there is no fit then."""

MOST_CUTS = 4
"""Most cuts of the scale that the test of proportional odds compares."""

ROWS_PER_COLUMN = 5
"""Rows on each side of a cut, for each column, that a logit at that cut needs."""


@dataclass(frozen=True)
class ProportionalOdds:
    """Fitted proportional-odds model; arrays in column order.

    Attributes
    ----------
    coefficient
        Change of the log odds of a higher answer for one unit of each column.
    error, low, high
        Standard error (model-based, or robust to clusters) and interval.
    thresholds
        Cut points between neighbouring levels.
    loglike
        Weighted log-likelihood.
    """

    coefficient: np.ndarray
    error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    thresholds: np.ndarray
    loglike: float


class _Weighted(OrderedModel):
    """Cumulative logit with a weight for each row, and its exact gradient."""

    def __init__(self, endog: np.ndarray, exog: np.ndarray, weight: np.ndarray) -> None:
        self._weight = weight
        super().__init__(endog, exog, distr="logit")

    def loglikeobs(self, params: np.ndarray) -> np.ndarray:
        return self._weight * super().loglikeobs(params)

    def score_obs(self, params: np.ndarray) -> np.ndarray:
        low, upp = self._bounds(params)
        chance = self.prob(low, upp) + 1e-20
        at_upp, at_low = self.pdf(upp) / chance, self.pdf(low) / chance
        cuts = np.arange(self.k_levels - 1)
        by_cut = at_upp[:, None] * (self.endog[:, None] == cuts) - at_low[:, None] * (
            self.endog[:, None] == cuts + 1
        )
        from_here = by_cut[:, ::-1].cumsum(axis=1)[:, ::-1]  # each step moves all cuts after it
        step = np.concatenate([[1.0], np.exp(params[-(self.k_levels - 1) :][1:])])
        slope = -(at_upp - at_low)[:, None] * self.exog
        return self._weight[:, None] * np.column_stack([slope, from_here * step])

    def score(self, params: np.ndarray) -> np.ndarray:
        return self.score_obs(params).sum(axis=0)

    def hessian(self, params: np.ndarray) -> np.ndarray:
        step = 1e-5 * np.maximum(np.abs(params), 1.0)
        moved = [(self.score(params + h) - self.score(params - h)) for h in np.diag(step)]
        found = np.array(moved) / (2 * step[:, None])
        return (found + found.T) / 2


def _clustered(influence: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Covariance from the influence of each row, summed by cluster."""
    count = int(codes.max()) + 1
    sums = np.zeros((count, influence.shape[1]))
    np.add.at(sums, codes, influence)
    return count / max(count - 1, 1) * sums.T @ sums


def proportional_odds(
    y: np.ndarray, x: np.ndarray, weight: np.ndarray | None = None,
    codes: np.ndarray | None = None, level: float = 0.95,
) -> ProportionalOdds | None:  # fmt: skip
    """Fit a weighted proportional-odds model.

    Parameters
    ----------
    y
        Outcome with 3 to 11 levels (n,).
    x
        Columns (n, k), without a constant.
    weight
        Positive weights; ones when absent.
    codes
        Cluster of each row, numbered from 0 without gaps: the covariance is then the sandwich over clusters
        (rows that are clusters of their own make it robust to weights). From the Hessian when absent, which
        is right for weights that count rows.
    level
        Confidence level.

    Returns
    -------
    ProportionalOdds or None
        None where the outcome has fewer or more levels, a column parts them perfectly, or the model has no fit.

    References
    ----------
    McCullagh, P. (1980). Regression models for ordinal data. JRSS B 42, 109-142.
    """
    levels, place = np.unique(y, return_inverse=True)
    if not 2 < len(levels) <= MOST_LEVELS:
        return None
    weight = np.ones(len(y)) if weight is None else np.asarray(weight, float)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        warnings.simplefilter("ignore", HessianInversionWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            model = _Weighted(place, np.asarray(x, float), weight)
            fit = model.fit(method="bfgs", maxiter=300, disp=0)
            params = np.asarray(fit.params)
            bread = np.linalg.inv(-model.hessian(params))
        except (ConvergenceWarning, np.linalg.LinAlgError):
            return None
    covariance = bread if codes is None else _clustered(model.score_obs(params) @ bread, codes)
    k = x.shape[1]
    variance = np.diag(covariance)[:k]
    if not (np.isfinite(variance).all() and (variance > 0).all()):
        return None
    error, b = np.sqrt(variance), params[:k]
    if np.abs(b * np.std(x, axis=0)).max() > SEPARATED:
        return None
    half = norm.ppf((1 + level) / 2) * error
    cuts = model.transform_threshold_params(params)[1:-1]
    return ProportionalOdds(b, error, b - half, b + half, cuts, float(model.loglike(params)))


def _cuts(y: np.ndarray, columns: int) -> list[float]:
    """Cuts with enough rows on both sides, at most `MOST_CUTS`, spread over the scale."""
    least = ROWS_PER_COLUMN * (columns + 1)
    fit = [c for c in np.unique(y)[:-1] if min((y <= c).sum(), (y > c).sum()) >= least]
    if len(fit) <= MOST_CUTS:
        return fit
    return [fit[round(i)] for i in np.linspace(0, len(fit) - 1, MOST_CUTS)]


def _logit(above: np.ndarray, x: np.ndarray, weight: np.ndarray) -> tuple[Any, np.ndarray]:
    """Coefficients of a weighted logit, and the influence of each row on them."""
    fit = sm.GLM(above.astype(float), x, family=sm.families.Binomial(), var_weights=weight).fit(
        maxiter=50
    )
    chance = np.asarray(fit.fittedvalues)
    bread = np.linalg.inv((x * (weight * chance * (1 - chance))[:, None]).T @ x)
    return np.asarray(fit.params), (x * (weight * (above - chance))[:, None]) @ bread


def parallel_test(
    y: np.ndarray, x: np.ndarray, columns: int, weight: np.ndarray, codes: np.ndarray
) -> np.ndarray:
    """Test for each of the first ``columns`` of ``x`` whether its effect is the same along the scale.

    Logits at several cuts of the scale are compared (Wald), with a covariance robust to weights and clusters.

    Parameters
    ----------
    y, x, weight, codes
        As in `proportional_odds`.
    columns
        Number of columns to test.

    Returns
    -------
    numpy.ndarray
        p-values; missing where fewer than two cuts have enough rows on both sides or a logit has no fit.

    References
    ----------
    Brant, R. (1990). Assessing proportionality in the proportional odds model. Biometrics 46, 1171-1178.
    """
    unknown = np.full(columns, np.nan)
    if not 2 < len(np.unique(y)) <= MOST_LEVELS:
        return unknown
    cuts = _cuts(y, x.shape[1])
    if len(cuts) < 2:
        return unknown
    full = np.column_stack([np.ones(len(y)), x])
    with warnings.catch_warnings():
        warnings.simplefilter("error", PerfectSeparationWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            fits = [_logit(y > cut, full, weight) for cut in cuts]
        except (PerfectSeparationWarning, np.linalg.LinAlgError, ValueError):
            return unknown
    values = np.column_stack([b for b, _ in fits])[1 : columns + 1]
    p_values = unknown.copy()
    for j in range(columns):
        influence = np.column_stack([part[:, j + 1] for _, part in fits])
        change = values[j, 1:] - values[j, 0]
        spread = _clustered(influence[:, 1:] - influence[:, :1], codes)
        statistic = float(change @ np.linalg.pinv(spread) @ change)
        p_values[j] = chi2.sf(statistic, len(change))
    return p_values
