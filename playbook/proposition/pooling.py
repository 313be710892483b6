"""Partial pooling: a segment's part-worths are pulled toward everybody's, the more the less is known."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.choice import LogitResult

__all__ = ["partly_pooled", "spread_between"]


def spread_between(estimates: np.ndarray, errors: np.ndarray, center: np.ndarray) -> np.ndarray:
    """Return how much segments truly differ in each coefficient, as a standard deviation.

    Parameters
    ----------
    estimates, errors
        Coefficients of each segment alone and their standard errors, segments by columns.
    center
        Coefficients of everybody.

    Notes
    -----
    Estimates are normal with variance error^2 + spread^2 around the center. The result is the
    root of the posterior mean of spread^2 under a flat prior (Gelman, 2006, Bayesian Analysis 1),
    which is never zero: few segments leave room for differences that were not seen.
    """
    gaps = estimates - center
    spreads = np.empty(estimates.shape[1])
    for column in range(estimates.shape[1]):
        gap, variance = gaps[:, column], errors[:, column] ** 2
        top = 3 * max(float(np.sqrt((gap**2).mean())), float(np.sqrt(variance.mean())))
        grid = np.linspace(0, top, 301)
        total = variance[:, None] + grid**2
        log = -0.5 * (np.log(total) + gap[:, None] ** 2 / total).sum(axis=0)
        weight = np.exp(log - log.max())
        spreads[column] = float(np.sqrt((grid**2 * weight).sum() / weight.sum()))
    return spreads


def partly_pooled(
    alone: dict[str, LogitResult], everybody: LogitResult, people: dict[str, int]
) -> dict[str, LogitResult]:
    """Return each segment's part-worths, partly pooled with everybody's.

    Parameters
    ----------
    alone
        Segment to its own estimates, for segments with enough respondents to have some.
    everybody
        Estimates from all respondents.
    people
        Every segment to its number of respondents.

    Returns
    -------
    dict
        Segment to estimates whose covariance holds both errors. A segment without estimates of its
        own gets everybody's, its covariance widened by how much segments differ.

    Notes
    -----
    Normal model: b_s | data has precision V_s^-1 + T^-1 and mean weighted accordingly, with T the
    diagonal matrix of squared spreads (Rossi, Allenby & McCulloch, 2005, ch. 5, two-stage form).
    """
    columns = list(everybody.params.index)
    center = everybody.params.to_numpy(float)
    common = everybody.cov.loc[columns, columns].to_numpy(float)
    if alone:
        estimates = np.array(
            [alone[name].params[columns].to_numpy(float) for name in sorted(alone)]
        )
        covs = [alone[name].cov.loc[columns, columns].to_numpy(float) for name in sorted(alone)]
        errors = np.sqrt(np.array([np.diag(cov) for cov in covs]))
        spread = spread_between(estimates, errors, center)
    else:
        spread = np.abs(center)
    prior = np.diag(1 / np.maximum(spread, 1e-9) ** 2)
    # everybody is the mean of these segments, not of all segments there could be
    common = common + np.diag(spread**2) / max(len(alone), 1)
    pooled = {}
    for name in sorted(people):
        if name in alone:
            own = np.linalg.inv(alone[name].cov.loc[columns, columns].to_numpy(float))
            cov = np.linalg.inv(own + prior)
            mean = cov @ (own @ alone[name].params[columns].to_numpy(float) + prior @ center)
            pull = cov @ prior
            cov = cov + pull @ common @ pull.T
        else:
            mean, cov = center, common + np.diag(spread**2)
        source = alone.get(name, everybody)
        pooled[name] = LogitResult(
            params=pd.Series(mean, index=columns),
            cov=pd.DataFrame((cov + cov.T) / 2, index=columns, columns=columns),
            llf=source.llf,
            llnull=source.llnull,
            nobs=source.nobs,
            n_respondents=people[name],
            cov_type="partly pooled",
        )
    return pooled
