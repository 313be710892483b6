"""Conditional logit by maximum likelihood, with errors robust to repeated tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, stats

__all__ = ["LogitResult", "SeparationError", "Tasks", "conditional_logit", "read_tasks"]

KEYS = ["respondent_id", "task", "alternative"]
SEPARATED = 25.0
"""Largest standardised coefficient that still counts as an estimate, not as separation."""


class SeparationError(ValueError):
    """Columns that separate the choices perfectly: their coefficients would be infinite."""

    def __init__(self, columns: list[str]) -> None:
        super().__init__(f"{columns} separate the choices perfectly; leave them out or pool them")
        self.columns = columns


@dataclass(frozen=True)
class Tasks:
    """Choices sorted by respondent, task and alternative, ready for the likelihood.

    Attributes
    ----------
    x
        Design, rows by columns.
    chosen
        1.0 on the chosen row.
    start
        First row of each task.
    task
        Task number of each row, from 0.
    person
        Respondent number of each task, from 0.
    weight
        Weight of each task.
    """

    columns: list[str]
    x: np.ndarray
    chosen: np.ndarray
    start: np.ndarray
    task: np.ndarray
    person: np.ndarray
    people: pd.Index
    weight: np.ndarray

    def by_task(self, values: np.ndarray) -> np.ndarray:
        """Sum of row values (or rows of values) by task."""
        if len(values) % len(self.start) == 0:
            width = len(values) // len(self.start)
            if self.start[-1] == len(values) - width and (np.diff(self.start) == width).all():
                return values.reshape(len(self.start), width, *values.shape[1:]).sum(axis=1)
        return np.add.reduceat(values, self.start)

    def log_probability(self, beta: np.ndarray) -> np.ndarray:
        """Log choice probability of each row."""
        utility = self.x @ beta
        utility = utility - np.maximum.reduceat(utility, self.start)[self.task]
        return utility - np.log(self.by_task(np.exp(utility)))[self.task]

    def score(self, probability: np.ndarray) -> np.ndarray:
        """Gradient of each task's log-likelihood (tasks by columns), unweighted."""
        return self.by_task((self.chosen - probability)[:, None] * self.x)

    def information(self, probability: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Minus the Hessian, tasks weighted."""
        shared = self.x * probability[:, None]
        mean = self.by_task(shared)
        return (shared * weight[self.task][:, None]).T @ self.x - (mean * weight[:, None]).T @ mean

    def by_person(self, values: np.ndarray) -> np.ndarray:
        """Sum of task values (or rows of values) by respondent."""
        first = np.flatnonzero(np.r_[True, np.diff(self.person) != 0])
        return np.add.reduceat(values, first)


def read_tasks(frame: pd.DataFrame, design: pd.DataFrame, weights: str | None = None) -> Tasks:
    """Check and sort choices.

    Raises
    ------
    ValueError
        Absent or missing keys, one alternative twice, a task without exactly one choice or with
        one alternative only, a design that does not fit, or weights that differ within a task.
    """
    needed = [*KEYS, "chosen", *([weights] if weights else [])]
    absent = [column for column in needed if column not in frame]
    if absent:
        raise ValueError(f"the choices have no column {absent}")
    if frame.empty or frame[needed].isna().any(axis=None):
        raise ValueError(f"the choices must not be empty or miss a value in {needed}")
    if not frame.index.equals(design.index):
        raise ValueError("choices and design must have the same index; make one from the other")
    if not np.isfinite(design.to_numpy(float)).all():
        raise ValueError("the design holds missing or infinite values")
    position = np.arange(len(frame))
    order = frame[KEYS].assign(position=position).sort_values(KEYS)["position"].to_numpy()
    rows = frame.iloc[order].reset_index(drop=True)
    if rows.duplicated(KEYS).any():
        raise ValueError(f"{int(rows.duplicated(KEYS).sum())} alternatives are there twice")
    first = ~rows.duplicated(KEYS[:2]).to_numpy()
    start, task = np.flatnonzero(first), np.cumsum(first) - 1
    chosen = rows["chosen"].astype(bool).to_numpy(float)
    wrong = rows.loc[start[np.add.reduceat(chosen, start) != 1], KEYS[:2]]
    if len(wrong):
        example = "/".join(map(str, wrong.iloc[0]))
        raise ValueError(f"{len(wrong)} tasks do not have exactly one choice (first: {example})")
    if (np.bincount(task) < 2).any():
        raise ValueError(f"{int((np.bincount(task) < 2).sum())} tasks have one alternative only")
    person, people = pd.factorize(rows["respondent_id"].iloc[start], sort=True)
    weight = np.ones(len(start))
    if weights:
        each = rows[weights].to_numpy(float)
        weight = each[start]
        if (weight <= 0).any() or (each != weight[task]).any():
            raise ValueError(f"{weights}: weights must be positive and equal within a task")
    x = design.to_numpy(float)[order]
    columns = [str(column) for column in design.columns]
    return Tasks(columns, x, chosen, start, task, person, pd.Index(people), weight)


def standardise(tasks: Tasks) -> tuple[Tasks, np.ndarray]:
    """Divide each column by its spread within tasks; refuse columns that are not identified."""
    size = np.bincount(tasks.task)
    inside = tasks.x - (np.add.reduceat(tasks.x, tasks.start) / size[:, None])[tasks.task]
    scale = np.sqrt((inside**2).mean(axis=0))
    flat = [c for c, s in zip(tasks.columns, scale, strict=True) if s < 1e-12]
    if flat:
        raise ValueError(
            f"{flat} never differ between the alternatives of a task, so they cannot be estimated; "
            "leave them out or let them interact with an alternative"
        )
    relation = (inside / scale).T @ (inside / scale) / len(inside)
    if np.linalg.cond(relation) > 1e10:
        raise ValueError(f"the columns {tasks.columns} repeat each other; leave one out")
    values = tasks.__dict__ | {"x": tasks.x / scale}
    return Tasks(**values), scale


def maximise(
    tasks: Tasks, weight: np.ndarray, begin: np.ndarray, ridge: float = 0.0
) -> tuple[np.ndarray, float]:
    """Newton trust-region maximum of the weighted log-likelihood (minus half ridge beta^2)."""

    def loss(beta: np.ndarray) -> float:
        chosen = tasks.log_probability(beta)[tasks.chosen == 1]
        return float(-(weight * chosen).sum() + 0.5 * ridge * beta @ beta)

    def gradient(beta: np.ndarray) -> np.ndarray:
        return -weight @ tasks.score(np.exp(tasks.log_probability(beta))) + ridge * beta

    def hessian(beta: np.ndarray) -> np.ndarray:
        probability = np.exp(tasks.log_probability(beta))
        return tasks.information(probability, weight) + ridge * np.eye(len(beta))

    fit: Any = optimize.minimize(
        loss,
        begin,
        method="trust-exact",
        jac=gradient,
        hess=hessian,
        options={"gtol": 1e-6 * max(weight.sum(), 1) ** 0.5, "maxiter": 200},
    )
    beta = fit.x
    for _ in range(2):  # two plain Newton steps take the optimum to machine precision
        step = np.linalg.solve(hessian(beta), -gradient(beta))
        if loss(beta + step) <= loss(beta):
            beta = beta + step
    return beta, -loss(beta)


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
    def pseudo_rsquared(self) -> float:
        """McFadden's 1 - llf / llnull."""
        return 1 - self.llf / self.llnull

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Normal intervals: ``low`` and ``high`` by design column."""
        half = stats.norm.ppf((1 + level) / 2) * self.bse
        return pd.DataFrame({"low": self.params - half, "high": self.params + half})

    def summary(self, level: float = 0.95) -> pd.DataFrame:
        """Table of ``coefficient``, ``se``, ``z``, ``p_value``, ``low``, ``high``, ``n``."""
        z = self.params / self.bse
        table = pd.DataFrame({"coefficient": self.params, "se": self.bse, "z": z})
        table["p_value"] = 2 * stats.norm.sf(np.abs(z))
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
    probability = np.exp(scaled.log_probability(beta))
    information = scaled.information(probability, scaled.weight)
    # at a maximum the next Newton step is nothing; where a coefficient runs to infinity it is not
    step = np.linalg.lstsq(information, scaled.weight @ scaled.score(probability))[0]
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
        score = scaled.by_person(scaled.weight[:, None] * scaled.score(probability))
        cov = cov @ (score.T @ score) @ cov * people / (people - 1)
    cov = cov / np.outer(scale, scale)
    return LogitResult(
        params=pd.Series(beta / scale, index=scaled.columns),
        cov=pd.DataFrame(cov, index=scaled.columns, columns=scaled.columns),
        llf=llf,
        llnull=float(-(scaled.weight * np.log(np.bincount(scaled.task))).sum()),
        nobs=len(scaled.start),
        n_respondents=people,
        cov_type="clustered" if clustered else "hessian",
    )
