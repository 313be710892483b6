"""Conditional logit by maximum likelihood, with errors robust to repeated tasks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from playbook.choice.tasks import maximise, read_tasks, standardise

__all__ = ["LogitResult", "SeparationError", "conditional_logit", "normal_draws"]

SEPARATED = 25.0
"""Largest standardised coefficient that still counts as an estimate, not as separation."""


class SeparationError(ValueError):
    """Columns that separate the choices perfectly: their coefficients would be infinite."""

    def __init__(self, columns: list[str]) -> None:
        super().__init__(f"{columns} separate the choices perfectly; leave them out or pool them")
        self.columns = columns


def normal_draws(center: np.ndarray, cov: np.ndarray, seed: int, size: int) -> np.ndarray:
    """Draws from a normal law whose covariance may be singular (shares sum to one)."""
    values, vectors = np.linalg.eigh(cov)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    return center + np.random.default_rng(seed).standard_normal((size, len(center))) @ root.T


@dataclass(frozen=True)
class LogitResult:
    """Estimates of a conditional logit, named as in statsmodels.

    Attributes
    ----------
    params, bse
        Coefficients and standard errors by design column.
    cov
        Covariance matrix of the coefficients.
    llf, llnull
        Log-likelihood of the model, and with equal shares for all alternatives.
    nobs, n_respondents
        Number of tasks and of respondents.
    cov_type
        ``clustered`` (by respondent) or ``hessian``.
    """

    params: pd.Series
    cov: pd.DataFrame
    llf: float
    llnull: float
    nobs: int
    n_respondents: int
    cov_type: str

    @property
    def bse(self) -> pd.Series:
        """Standard errors."""
        return pd.Series(np.sqrt(np.diag(self.cov)), index=self.params.index)

    @property
    def tvalues(self) -> pd.Series:
        """Coefficients over their standard errors (z)."""
        return self.params / self.bse

    @property
    def pvalues(self) -> pd.Series:
        """Two-sided p-values of the coefficients."""
        return pd.Series(2 * stats.norm.sf(np.abs(self.tvalues)), index=self.params.index)

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return -2 * self.llf + 2 * len(self.params)

    @property
    def bic(self) -> float:
        """Bayes information criterion, on the number of respondents (as `LatentClassResult`)."""
        return -2 * self.llf + len(self.params) * float(np.log(self.n_respondents))

    def cov_params(self) -> pd.DataFrame:
        """Covariance matrix of the coefficients."""
        return self.cov

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Normal intervals: ``low`` and ``high`` by design column."""
        half = stats.norm.ppf((1 + level) / 2) * self.bse
        return pd.DataFrame({"low": self.params - half, "high": self.params + half})

    def summary(self, level: float = 0.95) -> pd.DataFrame:
        """Table of ``coefficient``, ``se``, ``z``, ``p_value``, ``low``, ``high``, ``n``."""
        table = pd.DataFrame({"coefficient": self.params, "se": self.bse, "z": self.tvalues})
        table["p_value"] = self.pvalues
        return table.join(self.conf_int(level)).assign(n=self.nobs).rename_axis("column")

    def draws(self, seed: int, size: int) -> pd.DataFrame:
        """Draws from the normal approximation of the estimates (Krinsky & Robb, 1986)."""
        drawn = normal_draws(self.params.to_numpy(), self.cov.to_numpy(), seed, size)
        return pd.DataFrame(drawn, columns=self.params.index)


def conditional_logit(
    frame: pd.DataFrame,
    design: pd.DataFrame,
    weights: str | None = None,
    clustered: bool = True,
) -> LogitResult:
    """Fit a conditional logit.

    Parameters
    ----------
    frame
        One row an alternative: ``respondent_id``, ``task``, ``alternative``, ``chosen`` (true on
        exactly one row a task), and the weights. Tasks may differ in their alternatives.
    design
        Numeric columns on the frame's index, such as ``Coding.matrix(frame)``.
    weights
        Column of positive weights, equal within a task.
    clustered
        Errors robust to several tasks of one respondent; from the Hessian otherwise.

    Returns
    -------
    LogitResult

    Raises
    ------
    ValueError
        Choices that break the rules above, columns that are not identified, or a column that
        separates the choices (its coefficient would be infinite).

    References
    ----------
    McFadden, D. (1974). Conditional logit analysis of qualitative choice behavior; Train, K.
    (2009). Discrete Choice Methods with Simulation, ch. 3.
    """
    scaled, scale = standardise(read_tasks(frame, design, weights))
    beta, llf = maximise(scaled, scaled.weight, np.zeros(len(scale)))
    _, slope, information = scaled.likelihood(beta, scaled.weight)
    # at a maximum the next Newton step is nothing; where a coefficient runs to infinity it is not
    step = np.linalg.lstsq(information, slope)[0]
    separated = [
        column
        for column, move, value in zip(scaled.columns, step, beta, strict=True)
        if abs(move) > 1e-3 or abs(value) > SEPARATED
    ]
    if separated:
        raise SeparationError(separated)
    cov = np.linalg.inv(information)
    people = len(scaled.people)
    if clustered:
        if people <= len(scale):
            raise ValueError(
                f"clustered errors need more respondents ({people}) than columns ({len(scale)}); "
                "ask more people, use fewer columns or set clustered=False"
            )
        score = scaled.by_person(scaled.weight[:, None] * scaled.score(beta))
        cov = cov @ (score.T @ score) @ cov * people / (people - 1)
    cov = cov / np.outer(scale, scale)
    return LogitResult(
        params=pd.Series(beta / scale, index=scaled.columns),
        cov=pd.DataFrame(cov, index=scaled.columns, columns=scaled.columns),
        llf=llf,
        llnull=float(-(scaled.weight * np.log(scaled.size)).sum()),
        nobs=len(scaled.start),
        n_respondents=people,
        cov_type="clustered" if clustered else "hessian",
    )
