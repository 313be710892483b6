"""D-efficient designs of choice surveys by exchange of offers and levels.

Glossary
--------
D-error
    det(covariance of one respondent's part-worths) ^ (1 / number of part-worths); small is good. It
    compares designs of the same attributes, levels and number of tasks, nothing else.
version
    Block of tasks that one respondent answers; respondents are spread evenly over versions.
overlap
    Share of attributes in which two offers of one task show the same level: such a pair tells
    nothing about that attribute.
dominated
    An offer that is at most as good as another of its task in every attribute: choosing between them
    tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from playbook.choice.coding import NONE, Coding, effects_code
from playbook.choice.search import (
    Problem,
    d_error,
    exchange,
    information,
    log_error,
    random_tasks,
    spread_over_versions,
)

__all__ = ["ChoiceDesign", "d_efficient_design", "model_rows"]

Levels = Mapping[str, Sequence[str] | Sequence[float]]


@dataclass(frozen=True)
class ChoiceDesign:
    """A choice survey ready to be asked.

    Attributes
    ----------
    table
        One row an alternative: ``version``, ``task`` (from 1 in each version), ``alternative``,
        ``is_none``, then one column an attribute.
    d_error, random_d_error
        Of this design, and the median of random designs of the same size.
    balance
        ``attribute``, ``level``, ``shown`` (times in the design), ``most`` and ``fewest`` in a version.
    overlap
        Mean share of attributes with the same level, over pairs of offers of a task.
    dominated
        Tasks with an offer that another one of the task dominates.
    coding, prior
        Coding behind ``d_error`` (numbers by level, so that every level is asked) and part-worths
        expected on its columns.
    """

    table: pd.DataFrame
    d_error: float
    random_d_error: float
    balance: pd.DataFrame
    overlap: float
    dominated: int
    coding: Coding
    prior: np.ndarray


def model_rows(table: pd.DataFrame, coding: Coding) -> np.ndarray:
    """Design rows of a survey under another coding, tasks by alternatives by columns.

    Parameters
    ----------
    table
        Of a `ChoiceDesign`, or a part of it with whole tasks.
    coding
        Coding of the model that will be fitted.
    """
    rows = table.sort_values(["version", "task", "alternative"])
    tasks = rows.drop_duplicates(["version", "task"]).shape[0]
    return coding.matrix(rows).to_numpy().reshape(tasks, -1, len(coding.columns))


def d_efficient_design(
    levels: Levels,
    tasks: int,
    alternatives: int,
    versions: int = 1,
    none: bool = True,
    prior: pd.Series | None = None,
    seed: int = 0,
    starts: int = 4,
    balance: float = 0.0,
) -> ChoiceDesign:
    """Find a choice design with a small D-error.

    Parameters
    ----------
    levels
        Attribute -> its levels, at least two; numbers stay numbers.
    tasks, alternatives, versions
        Tasks a respondent answers, offers in each, and number of versions.
    none
        Add the option of choosing none to each task.
    prior
        Expected part-worths, by column of an effects coding (``attribute: level``; numbers per unit
        by the attribute's name; ``none``); levels not named are worth nothing. Zero when absent.
    seed, starts
        Seed, and number of random designs that the exchange starts from; the best end is kept.
    balance
        What uneven levels cost, in logarithms of D-error for each unit of mean squared unevenness; 1
        keeps levels about even at hardly any loss, 0 looks at the errors only.

    Returns
    -------
    ChoiceDesign
        No task holds a dominated offer where that can be avoided. With no prior of an attribute its
        levels have no order, and only offers that differ in nothing else count.

    Raises
    ------
    ValueError
        Fewer than two levels or alternatives, an unknown column in the prior, or too few tasks to
        tell all part-worths.

    References
    ----------
    Kuhfeld, W. F., Tobias, R. D. & Garratt, M. (1994). Efficient experimental design with marketing
    research applications. Meyer, R. K. & Nachtsheim, C. J. (1995). The coordinate-exchange
    algorithm. Huber & Zwerina (1996), swapping of levels.
    """
    thin = [name for name, found in levels.items() if len(set(found)) < 2]
    if thin or not levels or alternatives < 2 or min(tasks, versions, starts) < 1:
        raise ValueError(f"a design needs two levels of each attribute (not so: {thin}), two alternatives, a task and a version")  # fmt: skip
    problem, coding = _problem(levels, none, prior)
    size = tasks * versions
    if size * (alternatives - 1 + none) < len(coding.columns):
        raise ValueError(f"{size} tasks of {alternatives} offers cannot tell {len(coding.columns)} part-worths; ask more tasks or versions")  # fmt: skip
    rng = np.random.default_rng(seed)
    begins = [random_tasks(problem, size, alternatives, rng) for _ in range(max(starts, 20))]
    plain = [float(log_error(information(problem.design(b), problem.prior))) for b in begins]
    ends = [exchange(problem, begin, balance) for begin in begins[:starts]]
    best = min(ends, key=lambda end: round(end[1], 9))[0]
    if not np.isfinite(log_error(information(problem.design(best), problem.prior))):
        raise ValueError(f"{size} tasks cannot tell {len(coding.columns)} part-worths; ask more tasks or versions")  # fmt: skip
    label = spread_over_versions(best, versions)
    best, label = best[np.argsort(label, kind="stable")], np.sort(label)
    return ChoiceDesign(
        table=_table(levels, best, label, none),
        d_error=d_error(problem.design(best), problem.prior, versions),
        random_d_error=float(np.exp(np.median(plain))) * versions,
        balance=_balance(levels, best, label),
        overlap=_overlap(best),
        dominated=int((problem.dominated(best) > 0).sum()),
        coding=coding,
        prior=problem.prior,
    )


def _problem(levels: Levels, none: bool, prior: pd.Series | None) -> tuple[Problem, Coding]:
    """Code every attribute by level, numbers too, and read the prior of each level."""
    texts = {name: [str(v) for v in found] for name, found in levels.items()}
    longest = max(map(len, texts.values()))
    frame = pd.DataFrame({n: [v[i % len(v)] for i in range(longest)] for n, v in texts.items()})
    coding = effects_code(frame.assign(is_none=False), list(levels), {n: v[-1] for n, v in texts.items()})  # fmt: skip
    coding = Coding(coding.levels, {}, True, "is_none" if none else None)
    rows = coding.level_rows()
    given = pd.Series(dtype=float) if prior is None else prior.astype(float)
    known = {*(f"{n}: {v}" for n, vs in texts.items() for v in vs), *levels, NONE}
    if unknown := sorted(set(given.index) - known):
        raise ValueError(f"the prior names {unknown}, which the design does not have")
    worths = {name: _worth(name, found, texts[name], given) for name, found in levels.items()}
    beta = np.zeros(len(coding.columns))
    for name, worth in worths.items():
        own = dict(zip(texts[name], worth, strict=True))
        for level in coding.levels[name][:-1]:
            beta[coding.columns.index(f"{name}: {level}")] = own[level]
    flag = None
    if none:
        flag = np.zeros(len(beta))
        flag[-1] = 1.0
        # utilities are counted from the mean of the levels, and so must none be
        beta[-1] = float(given.get(NONE, 0.0)) - _middle(levels, given)
    blocks = [rows.loc[name].loc[texts[name]].to_numpy() for name in levels]
    order = [worth if np.ptp(worth) > 1e-12 else None for worth in worths.values()]
    return Problem(blocks, order, flag, beta), coding


def _worth(
    name: str, found: Sequence[str] | Sequence[float], texts: list[str], given: pd.Series
) -> np.ndarray:
    """Prior part-worth of each level, in sum zero."""
    if name in given:
        worth = float(given[name]) * np.array([float(v) for v in found])
    else:
        stated = [given.get(f"{name}: {text}", np.nan) for text in texts]
        worth = np.array(stated, dtype=float)
        if np.isnan(worth).sum() == 1:  # the reference level of an effects coding
            worth[np.isnan(worth)] = -np.nansum(worth)
        worth = np.nan_to_num(worth)
    return worth - worth.mean()


def _middle(levels: Levels, given: pd.Series) -> float:
    """Utility that the mean of numeric levels adds to every offer but none."""
    return sum(
        float(given[n]) * float(np.mean([float(v) for v in found]))
        for n, found in levels.items()
        if n in given
    )


def _table(levels: Levels, best: np.ndarray, label: np.ndarray, none: bool) -> pd.DataFrame:
    tasks, offers, _ = best.shape
    task = np.array([int((label[:i] == v).sum()) + 1 for i, v in enumerate(label)])
    table = pd.DataFrame(
        {
            "version": np.repeat(label + 1, offers),
            "task": np.repeat(task, offers),
            "alternative": np.tile(np.arange(1, offers + 1), tasks),
            "is_none": False,
        }
    )
    for place, (name, found) in enumerate(levels.items()):
        table[name] = pd.Series(list(found))[best[..., place].ravel()].to_numpy()
    if none:
        last = table.drop_duplicates(["version", "task"])[["version", "task"]]
        last = last.assign(alternative=offers + 1, is_none=True)
        table = pd.concat([table, last], ignore_index=True)
    for name, found in levels.items():
        if all(
            isinstance(level, int) for level in found
        ):  # stays whole beside the empty rows of none
            table[name] = table[name].astype("Int64")
    return table.sort_values(["version", "task", "alternative"], ignore_index=True)


def _balance(levels: Levels, best: np.ndarray, label: np.ndarray) -> pd.DataFrame:
    rows = []
    for place, (name, found) in enumerate(levels.items()):
        for number, level in enumerate(found):
            here = (best[..., place] == number).sum(axis=1)
            by = np.bincount(label, weights=here)
            rows.append({"attribute": name, "level": str(level), "shown": int(here.sum()),
                         "fewest": int(by.min()), "most": int(by.max())})  # fmt: skip
    return pd.DataFrame(rows)


def _overlap(best: np.ndarray) -> float:
    pairs = combinations(range(best.shape[1]), 2)
    return float(np.mean([best[:, a] == best[:, b] for a, b in pairs]))
