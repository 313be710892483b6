"""Rearrange the customers near indifference: branch and bound on the counts of the actions."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack, vstack

from playbook.allocation.dual import TIE, Dual, Problem

CORE = 300  # customers rearranged together
NODES = 150
ACCURACY = 1e-5  # of the whole value, at which the search stops
WHOLE = 1e-6


@dataclass(frozen=True)
class _Programme:
    """LP of the core: who gets what (x), how many get each action (counts), limits on the latter.

    With whole counts the rest is a transportation problem, whose corners are whole: it is
    enough to branch on the counts.
    """

    values: np.ndarray
    kind: np.ndarray
    action: np.ndarray
    objective: np.ndarray
    rows: csr_array
    limits: np.ndarray
    link: csr_array

    @classmethod
    def of(cls, values: np.ndarray, use: np.ndarray, limit: np.ndarray) -> _Programme:
        """Build it from values (customers × actions), use and limit of the resources."""
        people, actions = values.shape
        kind, action = np.nonzero(np.isfinite(values))
        columns = np.arange(len(kind))
        ones = np.ones(len(kind))
        once = csr_array((ones, (kind, columns)), (people, len(kind)))
        empty = csr_array((len(limit), len(kind)))
        rows = vstack([
            hstack([once, csr_array((people, actions))]), hstack([empty, csr_array(use.T)]),
        ])  # fmt: skip
        link = hstack([
            csr_array((ones, (action, columns)), (actions, len(kind))),
            -csr_array(np.eye(actions)),
        ])  # fmt: skip
        return cls(
            values, kind, action, np.append(-values[kind, action], np.zeros(actions)),
            csr_array(rows), np.append(np.ones(people), limit), csr_array(link),
        )  # fmt: skip

    def solve(self, low: np.ndarray, high: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Value, counts and x with the counts held between low and high; value -inf if none."""
        bounds = np.vstack([
            np.tile([0.0, np.inf], (len(self.kind), 1)), np.column_stack([low, high]),
        ])  # fmt: skip
        solved = linprog(
            self.objective, A_ub=self.rows, b_ub=self.limits, A_eq=self.link,
            b_eq=np.zeros(len(low)), bounds=bounds, method="highs-ds",
        )  # fmt: skip
        if solved.x is None:
            return -np.inf, low, np.empty(0)
        return -solved.fun, solved.x[len(self.kind) :], solved.x[: len(self.kind)]


def _core(problem: Problem, prices: np.ndarray, choice: np.ndarray) -> np.ndarray:
    """Customers whose choice costs most at the prices, and those nearest to indifference."""
    lead = problem.leads(prices, choice)
    worst = np.argsort(lead, kind="stable")[: CORE // 2]
    near = np.argsort(np.abs(lead), kind="stable")
    core = np.union1d(worst[lead[worst] < 0], near[: CORE - (lead[worst] < 0).sum()])
    return np.union1d(core, near[:CORE]) if len(lead) <= CORE else core


def _search(
    programme: _Programme, value: float, accuracy: float
) -> tuple[np.ndarray | None, float, float]:
    """Best-first branch and bound: the best x found (None: not above `value`), value, bound."""
    actions = programme.link.shape[0]
    best = None
    low, high = np.zeros(actions), np.full(actions, float(len(programme.limits)))
    bound, counts, _ = programme.solve(low, high)
    heap = [(-bound, 0, low, high, counts)]
    made = 0
    while heap and made < NODES:
        if -heap[0][0] <= value + accuracy:
            break
        _, _, low, high, counts = heapq.heappop(heap)
        down = np.floor(counts + WHOLE)
        found, _, x = programme.solve(down, down)
        if found > value + TIE:
            value, best = found, x
        part = counts - down
        if part.max() <= WHOLE:
            continue
        axis = int(np.abs(part - 0.5).argmin())
        for side in (0, 1):
            lower, upper = low.copy(), high.copy()
            (upper if side == 0 else lower)[axis] = down[axis] + side
            bound, counts, _ = programme.solve(lower, upper)
            made += 1
            if bound > value + accuracy:
                heapq.heappush(heap, (-bound, made, lower, upper, counts))
    return best, value, max(-heap[0][0] if heap else value, value)


def rearrange(problem: Problem, dual: Dual, choice: np.ndarray) -> tuple[np.ndarray, float]:
    """Choose anew for the core within what the others leave.

    Parameters
    ----------
    problem
        With one column per customer.
    dual
        Prices and bound.
    choice
        A feasible action per customer.

    Returns
    -------
    choice, bound
        Never worth less than before; the smallest proven bound on the total value.
    """
    core = _core(problem, dual.prices, choice)
    values = problem.values[:, core].T
    total = problem.total(choice)
    if not np.isfinite(values).any() or dual.bound - total <= ACCURACY * dual.bound:
        return choice, dual.bound
    rest = choice.copy()
    rest[core] = -1
    programme = _Programme.of(values, problem.use, problem.limit - problem.used(rest))
    others = problem.total(rest)
    accuracy = ACCURACY * dual.bound
    x, _, bound = _search(programme, total - others, accuracy)
    proven = min(dual.bound, bound + accuracy) if len(core) == len(choice) else dual.bound
    if x is None:
        return choice, proven
    taken = x > 0.5
    rest[core[programme.kind[taken]]] = programme.action[taken]
    fits = (problem.used(rest) <= problem.limit + TIE * np.maximum(problem.limit, 1)).all()
    return (rest, proven) if fits and problem.total(rest) > total else (choice, proven)
