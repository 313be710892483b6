"""Choice tasks laid out for speed: likelihood, gradient and information of a conditional logit in one pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

__all__ = ["Tasks", "maximise", "read_tasks", "standardise"]

KEYS = ["respondent_id", "task", "alternative"]
PART = 8192
"""Tasks that are worked on at once, so that they stay in the processor's cache."""


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
