"""Search for choice tasks with a small D-error: exchange of offers and levels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

__all__ = [
    "Problem",
    "d_error",
    "exchange",
    "information",
    "log_error",
    "random_tasks",
    "spread_over_versions",
]

DOMINATED = 10.0
"""Logarithms of D-error that one dominated offer costs in the search: more than any exchange gains."""

MOST_PROFILES = 100
"""Offers there can be, up to which whole offers are exchanged and not only their levels."""


def information(rows: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Fisher information of tasks under a conditional logit, summed over the tasks.

    Parameters
    ----------
    rows
        Design, tasks by alternatives by columns.
    prior
        Part-worth of each column.
    """
    return _each_information(rows, prior).sum(axis=0)


def _each_information(rows: np.ndarray, prior: np.ndarray) -> np.ndarray:
    utility = rows @ prior
    share = np.exp(utility - utility.max(axis=-1, keepdims=True))
    share = share / share.sum(axis=-1, keepdims=True)
    weighted = rows * share[..., None]
    mean = weighted.sum(axis=-2)
    return np.swapaxes(weighted, -1, -2) @ rows - mean[..., :, None] * mean[..., None, :]


def d_error(rows: np.ndarray, prior: np.ndarray, versions: int = 1) -> float:
    """D-error of a design for one respondent; infinite when a part-worth cannot be told.

    References
    ----------
    Huber, J. & Zwerina, K. (1996). The importance of utility balance in efficient choice designs.
    Journal of Marketing Research 33, 307-317.
    """
    return float(np.exp(log_error(information(rows, prior) / versions)))


def log_error(info: np.ndarray) -> np.ndarray:
    """Logarithm of the D-error of one or many information matrices."""
    sign, log = np.linalg.slogdet(info)
    k = info.shape[-1]
    return np.where((sign > 0) & (log > -30 * k), -log / k, np.inf)


@dataclass(frozen=True)
class Problem:
    """Levels as numbers: ``rows[a][v]`` is the design row of level v of attribute a."""

    rows: list[np.ndarray]
    order: list[np.ndarray | None]
    none: np.ndarray | None
    prior: np.ndarray

    def design(self, levels: np.ndarray) -> np.ndarray:
        """Design of tasks (.., alternatives, attributes of level numbers), none appended."""
        found = sum(self.rows[a][levels[..., a]] for a in range(levels.shape[-1]))
        if self.none is None:
            return np.asarray(found)
        none = np.broadcast_to(self.none, (*levels.shape[:-2], 1, len(self.none)))
        return np.concatenate([found, none], axis=-2)

    def shown(self, levels: np.ndarray) -> np.ndarray:
        """How often each task shows each level, as a share of an even spread (levels last)."""
        counts = [
            (levels[..., a, None] == np.arange(len(rows))).sum(axis=-2) * len(rows)
            for a, rows in enumerate(self.rows)
        ]
        return np.concatenate(counts, axis=-1) / levels.shape[-2]

    def dominated(self, levels: np.ndarray) -> np.ndarray:
        """Number of dominated pairs of offers in each task, equal offers included."""
        count = np.zeros(levels.shape[:-2])
        for first, second in combinations(range(levels.shape[-2]), 2):
            one, two = levels[..., first, :], levels[..., second, :]
            up = down = np.ones(levels.shape[:-2], dtype=bool)
            for a, worth in enumerate(self.order):
                if worth is None:
                    same = one[..., a] == two[..., a]
                    up, down = up & same, down & same
                else:
                    gap = worth[one[..., a]] - worth[two[..., a]]
                    up, down = up & (gap >= -1e-12), down & (gap <= 1e-12)
            count += up | down
        return count


@dataclass(frozen=True)
class _Moves:
    """Changes of one offer (``offer``, its ``new`` levels, -1: as before), and swaps of one level."""

    offer: np.ndarray
    new: np.ndarray
    swap: np.ndarray

    def tried(self, task: np.ndarray) -> np.ndarray:
        """The task after each of the moves."""
        change, (first, second, attribute) = len(self.offer), self.swap.T
        tried = np.repeat(task[None], change + len(self.swap), axis=0)
        before = task[self.offer]
        tried[np.arange(change), self.offer] = np.where(self.new < 0, before, self.new)
        place = np.arange(change, len(tried))
        tried[place, first, attribute] = task[second, attribute]
        tried[place, second, attribute] = task[first, attribute]
        return tried


def _moves(problem: Problem, offers: int) -> _Moves:
    """Any other offer where there are few (Fedorov exchange), any other level of an offer otherwise."""
    sizes = [len(rows) for rows in problem.rows]
    if np.prod(sizes) <= MOST_PROFILES:
        new = np.array(list(product(*map(range, sizes))))
    else:
        new = np.concatenate(
            [np.where(np.arange(len(sizes)) == a, np.arange(size)[:, None], -1)
             for a, size in enumerate(sizes)]
        )  # fmt: skip
    swap = [(i, j, a) for i, j in combinations(range(offers), 2) for a in range(len(sizes))]
    return _Moves(np.repeat(np.arange(offers), len(new)), np.tile(new, (offers, 1)), np.array(swap))


def exchange(
    problem: Problem, levels: np.ndarray, balance: float = 0.0, rounds: int = 40
) -> tuple[np.ndarray, float]:
    """Take the best change of an offer or swap of levels, task by task, until none helps.

    Parameters
    ----------
    balance
        Logarithms of D-error that the mean squared unevenness of the levels costs.
    """
    levels, moves = levels.copy(), _moves(problem, levels.shape[1])
    each = _each_information(problem.design(levels), problem.prior)
    total, bad, shown = each.sum(axis=0), problem.dominated(levels), problem.shown(levels)

    def cost(info: np.ndarray, dominated: np.ndarray, even: np.ndarray) -> np.ndarray:
        uneven = ((even / len(levels) - 1) ** 2).mean(axis=-1)
        return log_error(info) + DOMINATED * dominated + balance * uneven

    value = float(cost(total, bad.sum(), shown.sum(axis=0)))
    for _ in range(rounds):
        before = value
        for task in range(len(levels)):
            while True:
                tried = moves.tried(levels[task])
                infos = _each_information(problem.design(tried), problem.prior)
                worse, even = problem.dominated(tried), problem.shown(tried)
                values = cost(
                    total - each[task] + infos, bad.sum() - bad[task] + worse,
                    shown.sum(axis=0) - shown[task] + even,
                )  # fmt: skip
                best = int(np.argmin(np.round(values, 10)))
                if not values[best] < value - 1e-9:
                    break
                value, levels[task] = float(values[best]), tried[best]
                total = total - each[task] + infos[best]
                each[task], bad[task], shown[task] = infos[best], worse[best], even[best]
        if not value < before - 1e-9:
            break
    return levels, value


def random_tasks(problem: Problem, tasks: int, offers: int, rng: np.random.Generator) -> np.ndarray:
    """Tasks whose levels are drawn in balance: each attribute runs through its levels, shuffled."""
    columns = []
    for rows in problem.rows:
        drawn = np.arange(tasks * offers) % len(rows)
        columns.append(rng.permutation(drawn).reshape(tasks, offers))
    return np.stack(columns, axis=-1)


def spread_over_versions(levels: np.ndarray, versions: int) -> np.ndarray:
    """Assign tasks to versions so that each level is shown about equally often in every version.

    Parameters
    ----------
    levels
        Level numbers, tasks by offers by attributes.

    Returns
    -------
    numpy.ndarray
        Version of each task, from 0; all versions are of the same size.
    """
    tasks = len(levels)
    label = np.arange(tasks) % versions
    if versions == 1:
        return label
    most = int(levels.max()) + 1
    shown = np.stack([(levels == v).sum(axis=1) for v in range(most)], axis=-1).reshape(tasks, -1)
    shown = shown - shown.mean(axis=0)
    sums = np.stack([shown[label == v].sum(axis=0) for v in range(versions)])
    for _ in range(50):
        moved = False
        for one, two in combinations(range(tasks), 2):
            a, b = label[one], label[two]
            if a == b:
                continue
            step = shown[two] - shown[one]
            gain = 2 * step @ (sums[a] - sums[b]) + 2 * step @ step
            if gain < -1e-9:
                sums[a], sums[b] = sums[a] + step, sums[b] - step
                label[one], label[two] = b, a
                moved = True
        if not moved:
            break
    return label
