"""Maximum likelihood for models with positive parameters, and the result they share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import norm

__all__ = ["FitResult", "maximise"]

LOG_BOUND = float(np.log(1e4))
LogLikelihood = Callable[[np.ndarray], tuple[float, np.ndarray]]


@dataclass(frozen=True, eq=False)
class FitResult:
    """A model fitted by maximum likelihood.

    Attributes
    ----------
    params
        Estimates, indexed by parameter name.
    bse
        Standard errors by the delta method, from the Hessian in the logarithms of the parameters.
    llf
        Log-likelihood at the maximum.
    nobs
        Customers the model was fitted on.
    bounds
        Search range of each parameter (columns ``low``, ``high``).
    unidentified
        Parameters the data do not pin down (at the edge of the range, or a flat likelihood). What the
        model predicts is still usable; these parameters on their own are not.
    """

    params: pd.Series
    bse: pd.Series
    llf: float
    nobs: int
    bounds: pd.DataFrame
    unidentified: tuple[str, ...]

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Intervals of the parameters (columns ``low``, ``high``).

        They are symmetric in the logarithm, hence always positive, and clipped to ``bounds``.
        """
        if not 0 < level < 1:
            raise ValueError(f"level must lie between 0 and 1, got {level}")
        log_width = norm.ppf(0.5 + level / 2) * self.bse / self.params
        width = np.exp(np.minimum(log_width, 4 * LOG_BOUND))
        low = np.maximum(self.params / width, self.bounds["low"])
        high = np.minimum(self.params * width, self.bounds["high"])
        return pd.DataFrame({"low": low, "high": high})

    def summary(self, level: float = 0.95) -> pd.DataFrame:
        """One row per parameter: ``estimate``, ``std_err``, ``low``, ``high``, ``identified``."""
        table = pd.DataFrame({"estimate": self.params, "std_err": self.bse})
        table = table.join(self.conf_int(level))
        table["identified"] = ~table.index.isin(self.unidentified)
        return table


def maximise(
    log_likelihood: LogLikelihood,
    start: pd.Series,
    nobs: float,
    *,
    model: str,
    scale: pd.Series | None = None,
) -> FitResult:
    """Maximise over positive parameters, searching their logarithms.

    Parameters
    ----------
    log_likelihood
        Parameters of shape (p,) -> log-likelihood and its gradient of shape (p,).
    start
        Start values, indexed by parameter name.
    nobs
        Customers in the data.
    model
        Name for messages.
    scale
        Natural size of each parameter (1 when absent); a parameter is sought within 1e-4 to 1e4 times
        its scale.

    Raises
    ------
    ValueError
        If the search does not converge.
    """
    centre = np.zeros(len(start)) if scale is None else np.log(scale.to_numpy(dtype=float))
    low, high = centre - LOG_BOUND, centre + LOG_BOUND

    def objective(log_params: np.ndarray) -> tuple[float, np.ndarray]:
        params = np.exp(log_params)
        value, gradient = log_likelihood(params)
        return -value / nobs, -gradient * params / nobs

    first = np.clip(np.log(start.to_numpy(dtype=float)), low, high)
    options = {"maxiter": 500, "ftol": 1e-15, "gtol": 1e-8}
    found = minimize(
        objective, first, jac=True, method="L-BFGS-B", bounds=np.c_[low, high], options=options
    )
    log_params = found.x
    free = (log_params > low + 1e-6) & (log_params < high - 1e-6)
    slope = np.abs(objective(log_params)[1])[free]
    if not np.isfinite(found.fun) or (slope > 1e-3).any():
        raise ValueError(
            f"{model} did not converge ({found.message}); check the customer frame for outliers"
        )
    std_log = _standard_errors(objective, log_params, free, nobs)
    names, params = start.index, np.exp(log_params)
    vague = ~free | (std_log > LOG_BOUND / 2)
    return FitResult(
        params=pd.Series(params, index=names, name="estimate"),
        bse=pd.Series(params * std_log, index=names, name="std_err"),
        llf=float(-found.fun * nobs),
        nobs=round(nobs),
        bounds=pd.DataFrame({"low": np.exp(low), "high": np.exp(high)}, index=names),
        unidentified=tuple(str(name) for name in names[vague]),
    )


def _standard_errors(
    objective, log_params: np.ndarray, free: np.ndarray, nobs: float
) -> np.ndarray:
    """Standard errors of the logarithms; directions without curvature get a large finite one."""
    step, size = 1e-4, len(log_params)
    hessian = np.empty((size, size))
    for i in range(size):
        move = np.eye(size)[i] * step
        hessian[i] = (objective(log_params + move)[1] - objective(log_params - move)[1]) / (
            2 * step
        )
    hessian = (hessian + hessian.T)[np.ix_(free, free)] / 2 * nobs
    errors = np.full(size, LOG_BOUND)
    if free.any():
        values, vectors = np.linalg.eigh(hessian)
        values = np.maximum(values, LOG_BOUND**-2)
        errors[free] = np.sqrt((vectors**2 / values).sum(axis=1))
    return errors
