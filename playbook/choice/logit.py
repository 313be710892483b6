"""Conditional logit by maximum likelihood, with errors robust to repeated tasks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import stats

__all__ = ["LogitResult", "SeparationError", "Tasks", "conditional_logit", "read_tasks"]

KEYS = ["respondent_id", "task", "alternative"]
SEPARATED = 25.0
"""Largest standardised coefficient that still counts as an estimate, not as separation."""
PART = 8192
"""Tasks that are worked on at once, so that they stay in the processor's cache."""


class SeparationError(ValueError):
    """Columns that separate the choices perfectly: their coefficients would be infinite."""

    def __init__(self, columns: list[str]) -> None:
        super().__init__(f"{columns} separate the choices perfectly; leave them out or pool them")
        self.columns = columns


@dataclass(frozen=True)
class _Part:
    """Some tasks of one width, laid out so that sums over alternatives are sums of whole arrays.

    ``task`` numbers (n), ``row`` (alternatives by n), ``x`` (alternatives by columns by n), ``won``
    (place of the chosen alternative, n) and ``best`` (its columns, columns by n).
    """

    task: np.ndarray
    row: np.ndarray
    x: np.ndarray
    won: np.ndarray
    best: np.ndarray

    def shares(self, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Choice probabilities (alternatives by n), and the logarithm of that of the choice."""
        utility = np.stack([beta @ block for block in self.x])
        utility -= utility.max(axis=0)
        won = utility[self.won, np.arange(len(self.won))]
        np.exp(utility, out=utility)
        total = utility.sum(axis=0)
        return utility / total, won - np.log(total)


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

    @cached_property
    def size(self) -> np.ndarray:
        """Number of alternatives of each task."""
        return np.diff(np.append(self.start, len(self.x)))

    @cached_property
    def parts(self) -> list[_Part]:
        """The tasks by width, in parts that fit the cache."""
        found = []
        won = np.flatnonzero(self.chosen) - self.start
        for width in np.unique(self.size):
            tasks = np.flatnonzero(self.size == width)
            for begin in range(0, len(tasks), PART):
                task = tasks[begin : begin + PART]
                row = self.start[task] + np.arange(width)[:, None]
                x = np.ascontiguousarray(self.x[row].transpose(0, 2, 1))
                best = np.ascontiguousarray(self.x[self.start[task] + won[task]].T)
                found.append(_Part(task, row, x, won[task], best))
        return found

    def divided(self, scale: np.ndarray) -> Tasks:
        """The same tasks with each column divided."""
        tasks = replace(self, x=self.x / scale)
        by = scale[:, None]
        tasks.__dict__["parts"] = [replace(p, x=p.x / by, best=p.best / by) for p in self.parts]
        return tasks

    def log_probability(self, beta: np.ndarray) -> np.ndarray:
        """Log choice probability of each row."""
        logs = np.empty(len(self.x))
        for part in self.parts:
            logs[part.row] = np.log(np.clip(part.shares(beta)[0], 1e-300, None))
        return logs

    def log_chosen(self, beta: np.ndarray) -> np.ndarray:
        """Log probability of the choice made in each task."""
        logs = np.empty(len(self.start))
        for part in self.parts:
            logs[part.task] = part.shares(beta)[1]
        return logs

    def score(self, beta: np.ndarray) -> np.ndarray:
        """Gradient of each task's log-likelihood (tasks by columns), unweighted."""
        score = np.empty((len(self.start), self.x.shape[1]))
        for part in self.parts:
            share = part.shares(beta)[0]
            mean = sum(block * s for block, s in zip(part.x, share, strict=True))
            score[part.task] = (part.best - mean).T
        return score

    def likelihood(
        self, beta: np.ndarray, weight: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Log-likelihood, its gradient and the information (minus the Hessian), tasks weighted."""
        k = self.x.shape[1]
        value, gradient, information = 0.0, np.zeros(k), np.zeros((k, k))
        for part in self.parts:
            share, chosen = part.shares(beta)
            w = weight[part.task]
            value += float(w @ chosen)
            mean = np.zeros_like(part.best)
            for block, s in zip(part.x, share, strict=True):
                shared = block * s
                mean += shared
                shared *= w
                information += shared @ block.T
            gradient += (part.best - mean) @ w
            information -= (mean * w) @ mean.T
        return value, gradient, information

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
    if frame.empty or any(frame[column].hasnans for column in needed):
        raise ValueError(f"the choices must not be empty or miss a value in {needed}")
    if not frame.index.equals(design.index):
        raise ValueError("choices and design must have the same index; make one from the other")
    x = design.to_numpy(float)
    if not np.isfinite(x).all():
        raise ValueError("the design holds missing or infinite values")
    order, first, twice, people, who = _sorted(frame)
    if twice:
        raise ValueError(f"{twice} alternatives are there twice")
    start, task = np.flatnonzero(first), np.cumsum(first) - 1
    chosen = frame["chosen"].astype(bool).to_numpy(float)[order]
    wrong = start[np.add.reduceat(chosen, start) != 1]
    if len(wrong):
        example = "/".join(map(str, frame[KEYS[:2]].iloc[order[wrong[0]]]))
        raise ValueError(f"{len(wrong)} tasks do not have exactly one choice (first: {example})")
    alone = int((np.diff(np.append(start, len(frame))) < 2).sum())
    if alone:
        raise ValueError(f"{alone} tasks have one alternative only")
    weight = np.ones(len(start))
    if weights:
        each = frame[weights].to_numpy(float)[order]
        weight = each[start]
        if (weight <= 0).any() or (each != weight[task]).any():
            raise ValueError(f"{weights}: weights must be positive and equal within a task")
    columns = [str(column) for column in design.columns]
    return Tasks(columns, x[order], chosen, start, task, who[order][start], people, weight)


def _sorted(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, int, pd.Index, np.ndarray]:
    """Order by the keys, first row of each task, rows that are there twice, people and their numbers."""
    who, people = pd.factorize(frame["respondent_id"], sort=True)
    codes = [who, *(pd.factorize(frame[key], sort=True)[0] for key in KEYS[1:])]
    order = np.arange(len(frame))
    for attempt in range(2):
        steps = [np.diff(code[order]) for code in codes]
        same_person, same_task = steps[0] == 0, steps[1] == 0
        rising = (steps[0] > 0) | same_person & ((steps[1] > 0) | same_task & (steps[2] >= 0))
        if rising.all() or attempt:
            break
        order = np.lexsort(codes[::-1])
    first = np.append(True, ~(same_person & same_task))
    twice = int((same_person & same_task & (steps[2] == 0)).sum())
    return order, first, twice, pd.Index(people), who


def standardise(tasks: Tasks) -> tuple[Tasks, np.ndarray]:
    """Divide each column by its spread within tasks; refuse columns that are not identified."""
    k = tasks.x.shape[1]
    product = np.zeros((k, k))
    for part in tasks.parts:
        middle = part.x.mean(axis=0)
        for block in part.x:
            inside = block - middle
            product += inside @ inside.T
    scale = np.sqrt(np.diag(product) / len(tasks.x))
    flat = [c for c, s in zip(tasks.columns, scale, strict=True) if s < 1e-12]
    if flat:
        raise ValueError(
            f"{flat} never differ between the alternatives of a task, so they cannot be estimated; "
            "leave them out or let them interact with an alternative"
        )
    relation = product / np.outer(scale, scale) / len(tasks.x)
    if np.linalg.cond(relation) > 1e10:
        raise ValueError(f"the columns {tasks.columns} repeat each other; leave one out")
    return tasks.divided(scale), scale


def maximise(
    tasks: Tasks, weight: np.ndarray, begin: np.ndarray, ridge: float = 0.0
) -> tuple[np.ndarray, float]:
    """Newton maximum of the weighted log-likelihood (minus half ridge beta^2), which is concave."""
    limit = 1e-6 * max(weight.sum(), 1) ** 0.5

    def at(beta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        value, slope, bend = tasks.likelihood(beta, weight)
        loss = value - 0.5 * ridge * beta @ beta
        return loss, slope - ridge * beta, bend + ridge * np.eye(len(beta))

    beta, polish = begin, 0
    value, slope, bend = at(beta)
    for _ in range(200):
        polish += bool(np.linalg.norm(slope) <= limit)
        step = np.linalg.lstsq(bend, slope)[0]
        for _ in range(30):
            tried = at(beta + step)
            if tried[0] >= value - 1e-9 * abs(value) * (not polish):
                break
            step = step / 2
        else:
            break
        if polish and tried[0] < value:
            break
        beta, (value, slope, bend) = beta + step, tried
        if polish:
            break
    return beta, value


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
