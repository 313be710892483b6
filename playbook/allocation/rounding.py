"""From the prices of the dual to one whole action per customer."""

from __future__ import annotations

import numpy as np

from playbook.allocation.counts import rearrange
from playbook.allocation.dual import TIE, Dual, Problem

ROUNDS = 60
SLACK = 1e-9


def whole(problem: Problem, dual: Dual, kind: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the action per customer (rounded, repaired, filled, rearranged) and a bound.

    Parameters
    ----------
    problem
        With one column per customer, sorted by key.
    dual
        Solution for the kinds of customers.
    kind
        Kind of each customer.
    """
    choice = _expand(dual, kind)
    choice = _within_limits(problem, dual.prices, choice)
    choice = _fill(problem, dual.prices, choice)
    choice, bound = rearrange(problem, dual, choice)
    return _by_key(choice, kind), bound


def _expand(dual: Dual, kind: np.ndarray) -> np.ndarray:
    """Hand the counts of each undecided kind, rounded down, to its customers by key."""
    choice = dual.choice[kind]
    if not len(dual.core):
        return choice
    counts = np.floor(dual.counts + 1e-6).astype(int)
    order = np.argsort(kind, kind="stable")
    first = np.searchsorted(kind[order], dual.core, side="left")
    last = np.searchsorted(kind[order], dual.core, side="right")
    for start, end, row in zip(first, last, counts, strict=True):
        members = order[start:end]
        handed = np.repeat(np.arange(len(row)), row)[: len(members)]
        choice[members] = -1
        choice[members[: len(handed)]] = handed
    return choice


def _fits(take: np.ndarray, slack: np.ndarray) -> int:
    """How many of the rows, in order, can be taken before a resource is overdrawn."""
    over = (np.cumsum(take, axis=0) > slack + SLACK).any(axis=1)
    return int(over.argmax()) if over.any() else len(take)


def _within_limits(problem: Problem, prices: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """Where too much is asked for, keep the choices with the largest lead."""
    if (problem.used(choice) <= problem.limit + SLACK).all():
        return choice
    choice = choice.copy()
    wanting = np.flatnonzero(choice >= 0)
    lead = np.round(problem.leads(prices, choice)[wanting], 9)
    order = wanting[np.argsort(-lead, kind="stable")]
    choice[order[_fits(problem.use[choice[order]], problem.limit) :]] = -1
    return choice


def _worth(problem: Problem, choice: np.ndarray) -> np.ndarray:
    return np.where(choice >= 0, problem.values[choice, np.arange(len(choice))], 0.0)


def _fill(problem: Problem, prices: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """Use up slack: again and again the changes that gain most at the prices and still fit."""
    choice = choice.copy()
    price = np.append(problem.use @ prices, 0.0)  # the last entry stands for none
    use = np.vstack([problem.use, np.zeros(len(prices))])
    for _ in range(ROUNDS):
        slack = problem.limit - problem.used(choice)
        now = _worth(problem, choice)
        best, target = np.full(len(choice), -np.inf), np.full(len(choice), -1)
        for action in range(len(problem.use)):
            possible = (use[action] - use <= slack + SLACK).all(axis=1)[choice]
            gain = problem.values[action] - now
            score = gain - price[action] + price[choice]
            better = possible & (gain > TIE) & (score > best + TIE)
            best[better], target[better] = score[better], action
        movers = np.flatnonzero(target >= 0)
        order = movers[np.argsort(-np.round(best[movers], 9), kind="stable")]
        taken = order[: _fits(use[target[order]] - use[choice[order]], slack)]
        if not len(taken):
            break
        choice[taken] = target[taken]
    return choice


def _by_key(choice: np.ndarray, kind: np.ndarray) -> np.ndarray:
    """Among customers of one kind give the dearest actions to the smallest keys, none last."""
    wish = np.where(choice >= 0, -choice, 1)
    result = np.empty_like(choice)
    result[np.argsort(kind, kind="stable")] = choice[np.lexsort((wish, kind))]
    return result
