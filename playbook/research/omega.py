"""Reliability of a scale whose questions do not all load alike: McDonald's omega."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from statsmodels.multivariate.factor import Factor

__all__ = ["omega"]


def omega(items: pd.DataFrame) -> float:
    """Return McDonald's omega of a scale with one common factor; missing where it cannot be found.

    With loadings λ and unique variances ψ of a one-factor model fitted by principal axes (statsmodels) to the
    correlations, in the units of the items: (Σλ)² ÷ ((Σλ)² + Σψ). Alpha equals it only when all items load alike, else
    alpha is too low. (The maximum likelihood search fails now and then on a change of the last digit.)

    Parameters
    ----------
    items
        One row a respondent, one numeric column an item that varies, no missing answer; at least three items.

    References
    ----------
    McDonald, R. P. (1999). Test Theory: A Unified Treatment, ch. 6.
    """
    if items.shape[1] < 3:
        return float("nan")
    spread = items.std(ddof=1).to_numpy(float)
    correlation = np.corrcoef(items.to_numpy(float), rowvar=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fit = Factor(corr=correlation, n_factor=1, method="pa").fit(maxiter=1000, tol=1e-10)
        except (ValueError, np.linalg.LinAlgError):
            return float("nan")
    loading = np.asarray(fit.loadings)[:, 0]
    loading = loading * (1.0 if loading.sum() >= 0 else -1.0)
    if not np.isfinite(loading).all() or (np.abs(loading) > 1).any():
        return float("nan")
    common = float((loading * spread).sum() ** 2)
    unique = float(((1 - loading**2) * spread**2).sum())
    return common / (common + unique)
