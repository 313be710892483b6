"""Lagrangian dual of the multiple-choice knapsack: prices of the scarce resources."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack, vstack

TIE = 1e-9  # reduced values (of at most 1) closer than this are equal
KELLEY_TOLERANCE = 1e-5
KELLEY_STEPS = 60
BOX_TOLERANCE = 1e-7
BOX_STEPS = 25
CORE = 2_000  # kinds of customers near indifference in one linear programme
SAMPLE_STEP = 8
JITTER = 5e-4  # relative change of values that tells tied kinds apart (largest loss: twice this)


@dataclass(frozen=True)
class Problem:
    """A scaled problem: values at most 1, actions cheapest first, finite resources only.

    Attributes
    ----------
    values
        actions × kinds of customers (identical rows are one kind); minus infinity: not allowed.
    size
        Customers per kind.
    use
        actions × resources: what one contact takes of each resource.
    limit
        Amount of each resource.
    """

    values: np.ndarray
    size: np.ndarray
    use: np.ndarray
    limit: np.ndarray

    def sample(self, every: int) -> Problem:
        """Return the problem of every k-th kind, with its share of the resources."""
        values, size = np.ascontiguousarray(self.values[:, ::every]), self.size[::every]
        return Problem(values, size, self.use, self.limit * size.sum() / self.size.sum())

    def used(self, choice: np.ndarray) -> np.ndarray:
        """Return what a choice (action number per kind, -1 none) takes of each resource."""
        counts = np.bincount(choice + 1, self.size, len(self.use) + 1)[1:]
        return counts @ self.use

    def total(self, choice: np.ndarray) -> float:
        """Return the summed value of a choice."""
        taken = np.flatnonzero(choice >= 0)
        return float(self.values[choice[taken], taken] @ self.size[taken])

    def leads(self, prices: np.ndarray, choice: np.ndarray) -> np.ndarray:
        """Return by how much each choice beats its best alternative at these prices."""
        price = self.use @ prices
        some = choice >= 0
        own = np.zeros(len(choice))
        own[some] = self.values[choice[some], np.flatnonzero(some)] - price[choice[some]]
        other = np.where(some, 0.0, -np.inf)
        for action in range(len(price)):
            rival = np.where(choice == action, -np.inf, self.values[action] - price[action])
            np.maximum(other, rival, out=other)
        return np.round(own - other, 12)


@dataclass(frozen=True)
class Dual:
    """Prices, the bound they give, and the kinds of customers that they leave undecided.

    Attributes
    ----------
    prices
        Per unit of each scaled resource.
    bound
        Upper bound on the scaled total value.
    choice
        Action per kind at the prices (-1 none).
    core
        Kinds nearest to indifference.
    counts
        core × actions: customers per action in the linear programme, fractional.
    """

    prices: np.ndarray
    bound: float
    choice: np.ndarray
    core: np.ndarray
    counts: np.ndarray


def best_choice(problem: Problem, prices: np.ndarray) -> tuple[np.ndarray, float]:
    """Each kind's best action at these prices (-1 none), and the bound of the Lagrangian dual.

    Ties go to none, then to the cheaper action.
    """
    best = np.zeros(problem.values.shape[1])
    choice = np.full(len(best), -1)
    for action, price in enumerate(problem.use @ prices):
        reduced = problem.values[action] - price
        better = reduced > best + TIE
        best[better], choice[better] = reduced[better], action
    return choice, float(prices @ problem.limit + best @ problem.size)


def _kelley(problem: Problem, start: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Rough prices between low and high by Kelley's (1960) cutting planes."""
    n = max(problem.size.sum(), 1)
    point, best_point, best = start, start, np.inf
    slopes: list[np.ndarray] = []
    offsets: list[float] = []
    for _ in range(KELLEY_STEPS):
        choice, bound = best_choice(problem, point)
        bound /= n
        if bound < best:
            best, best_point = bound, point
        slope = (problem.limit - problem.used(choice)) / n
        slopes.append(np.append(slope, -1.0))
        offsets.append(float(slope @ point) - bound)
        model = linprog(
            np.append(np.zeros(len(point)), 1.0), A_ub=np.array(slopes), b_ub=np.array(offsets),
            bounds=[*zip(low, high, strict=True), (0, None)], method="highs-ds",
        )  # fmt: skip
        if model.x is None or best - model.x[-1] <= KELLEY_TOLERANCE * best:
            break
        point = np.clip(model.x[:-1], low, high)
    return best_point


def _core_programme(
    problem: Problem, prices: np.ndarray, choice: np.ndarray, core: np.ndarray, radius: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Exact prices within a box around `prices`, and the counts of the core, by one LP.

    The others keep their choice. Resources may be sold at the lower and bought at the
    upper edge of the box, which keeps the prices inside and the programme feasible.
    """
    resources = len(prices)
    rest = problem.limit - (problem.used(choice) - _used_by(problem, choice, core))
    values = problem.values[:, core].T
    kind, action = np.nonzero(np.isfinite(values))
    columns = np.arange(len(kind))
    once = csr_array((np.ones(len(kind)), (kind, columns)), (len(core), len(kind)))
    trade = csr_array(np.hstack([np.eye(resources), -np.eye(resources)]))
    rows = vstack([
        hstack([once, csr_array((len(core), 2 * resources))]),
        hstack([csr_array(problem.use[action].T), trade]),
    ])  # fmt: skip
    low, high = np.maximum(prices - radius, 0), prices + radius
    solved = linprog(
        -np.concatenate([values[kind, action], low, -high]), A_ub=csr_array(rows),
        b_ub=np.concatenate([problem.size[core], rest]), bounds=(0, None), method="highs-ds",
    )  # fmt: skip
    if solved.x is None:
        return None
    counts = np.zeros(values.shape)
    counts[kind, action] = solved.x[: len(kind)]
    return np.clip(-solved.ineqlin.marginals[-resources:], low, high), counts


def _used_by(problem: Problem, choice: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    counts = np.bincount(choice[kinds] + 1, problem.size[kinds], len(problem.use) + 1)[1:]
    return counts @ problem.use


def _boxstep(problem: Problem, prices: np.ndarray, upper: np.ndarray) -> Dual:
    """Move a box of prices downhill (Marsten, Hogan, Blankenship 1975).

    The box is so small that only kinds in the core can change their choice inside it, so that
    each linear programme solves the dual exactly within the box.
    """
    choice, bound = best_choice(problem, prices)
    top = problem.use.max(axis=0)
    shrink = 1.0
    for _ in range(BOX_STEPS):
        core, reach = _nearest(problem, prices, choice)
        with np.errstate(divide="ignore", invalid="ignore"):
            radius = np.where(top > 0, reach / (len(top) * top), 0.0)
        radius = shrink * np.minimum(np.maximum(radius, 1e-3 * upper), 2 * upper)
        solved = _core_programme(problem, prices, choice, core, radius)
        if solved is None:
            break
        moved, moved_bound = best_choice(problem, solved[0])
        if moved_bound > bound * (1 + BOX_TOLERANCE):
            shrink /= 4
            continue
        done = moved_bound >= bound * (1 - BOX_TOLERANCE)
        prices, choice, bound = solved[0], moved, moved_bound
        if done:
            break
    core, _ = _nearest(problem, prices, choice)
    solved = _core_programme(problem, prices, choice, core, 10 * upper)
    if solved is None:
        return Dual(prices, bound, choice, core[:0], np.empty((0, len(problem.use))))
    return Dual(prices, bound, choice, core, solved[1])


def _nearest(problem: Problem, prices: np.ndarray, choice: np.ndarray) -> tuple[np.ndarray, float]:
    """Kinds nearest to indifference, and the largest lead among them (infinite: all kinds)."""
    lead = problem.leads(prices, choice)
    core = np.sort(np.argsort(lead, kind="stable")[:CORE])
    return core, np.inf if len(core) == len(lead) else float(lead[core].max())


def solve_dual(problem: Problem) -> Dual:
    """Return the prices that minimise the Lagrangian dual.

    Large problems are solved on growing samples of customers first, so that few passes over all
    of them are needed.
    """
    resources = len(problem.limit)
    choice, bound = best_choice(problem, np.zeros(resources))
    if (problem.used(choice) <= problem.limit).all():
        nobody = np.empty(0, dtype=int)
        none = np.empty((0, len(problem.use)))
        return Dual(np.zeros(resources), bound, choice, nobody, none)
    largest = problem.values.max(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(problem.use > 0, np.maximum(largest, 0)[:, None] / problem.use, 0.0)
    upper = ratio.max(axis=0) + TIE
    exact = problem
    if problem.values.shape[1] > CORE:
        noise = np.random.default_rng(0).uniform(-JITTER, JITTER, problem.values.shape)
        problem = replace(problem, values=problem.values * (1 + noise))
    every = 1
    while problem.values.shape[1] // (every * SAMPLE_STEP) >= 2 * CORE:
        every *= SAMPLE_STEP
    prices, radius = upper / 2, upper
    while every > 1:
        part = problem.sample(every)
        prices = _kelley(part, prices, np.maximum(prices - radius, 0), prices + radius)
        prices = _boxstep(part, prices, upper).prices
        radius = np.maximum(prices, upper / 50) * 4 / np.sqrt(part.size.sum())
        every //= SAMPLE_STEP
    prices = _kelley(problem, prices, np.maximum(prices - radius, 0), prices + radius)
    dual = _boxstep(problem, prices, upper)
    return replace(dual, bound=best_choice(exact, dual.prices)[1])
