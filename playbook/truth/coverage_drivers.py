"""Design cells of drivers: do intervals of adjusted coefficients and of shares of variance cover?

Samples are drawn here from normal laws with a stated covariance, so that the true coefficients and the true
shares of explained variance follow from it; not from the simulated client.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd

from playbook.drivers import driver_analysis, lmg_shares, proportional_odds, share_intervals
from playbook.truth.coverage import Cell, Draw

__all__ = ["CELLS", "coefficient", "log_odds", "met_by_some", "population_shares", "share"]

NAMES = ("price", "speed", "staff", "unrelated")
WITHIN = np.array([[1.0, 0.5, 0.3, 0.0], [0.5, 1.0, 0.2, 0.0], [0.3, 0.2, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])  # fmt: skip
"""Correlations of the drivers."""
EFFECTS = np.array([0.40, 0.0, 0.20, 0.0])
"""Standardised coefficients: speed has none of its own but is tied to price; the last has nothing at all."""


def population_shares(within: np.ndarray, with_outcome: np.ndarray) -> np.ndarray:
    """Return the LMG shares of a standardised outcome from the definition: averaged over all orders."""
    count = len(with_outcome)
    total, orders = np.zeros(count), list(permutations(range(count)))
    for order in orders:
        before = 0.0
        for size in range(1, count + 1):
            inside = list(order[:size])
            fit = np.linalg.solve(within[np.ix_(inside, inside)], with_outcome[inside])
            after = float(fit @ with_outcome[inside])
            total[inside[-1]] += after - before
            before = after
    return total / len(orders)


def _sample(
    rng: np.random.Generator, n: int, effects: np.ndarray, repeats: int = 1
) -> pd.DataFrame:
    """Answers of ``n / repeats`` customers; what a customer's answers share is half of drivers and of the rest."""
    root = np.linalg.cholesky(WITHIN).T

    def normal(columns: int) -> np.ndarray:
        own, shared = (
            rng.standard_normal((n, columns)),
            rng.standard_normal((n // repeats, columns)),
        )
        return own if repeats == 1 else np.sqrt(0.5) * (own + np.repeat(shared, repeats, axis=0))

    x = normal(len(NAMES)) @ root
    y = x @ effects + np.sqrt(1 - effects @ WITHIN @ effects) * normal(1)[:, 0]
    frame = pd.DataFrame(x, columns=list(NAMES))
    return frame.assign(answer=y, customer=np.repeat(np.arange(n // repeats), repeats))


def _weighted(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Two groups in equal numbers in the population, three in four answers from the first; effects differ."""
    first = rng.random(n) < 0.75
    frames = _sample(rng, n, 1.5 * EFFECTS), _sample(rng, n, 0.5 * EFFECTS)
    frame = frames[0].where(pd.Series(first), frames[1])
    return frame.assign(weight=np.where(first, 0.5 / 0.75, 0.5 / 0.25), customer=np.arange(n))


def _drawn(rng: np.random.Generator, n: int, kind: str) -> pd.DataFrame:
    """One sample; ``kind``: plain, weighted or clustered."""
    if kind == "weighted":
        return _weighted(rng, n)
    return _sample(rng, n, EFFECTS, 3 if kind == "clustered" else 1).assign(weight=1.0)


def coefficient(n: int, kind: str = "plain") -> Draw:
    """The adjusted coefficient of a driver drawn at random."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        found = driver_analysis(
            _drawn(rng, n, kind), "answer", list(NAMES), weights="weight", draws=2,
            clusters="customer" if kind == "clustered" else None,
        ).set_index("driver")  # fmt: skip
        place = int(rng.integers(len(NAMES)))
        row = found.loc[NAMES[place]]
        return float(row["low"]), float(row["high"]), float(EFFECTS[place])

    return draw


def met_by_some(n: int) -> Draw:
    """The coefficient of a touchpoint that three in ten have met; whether they have moves the answer too."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        met = rng.random(n) < 0.3
        rating, other = rng.standard_normal((2, n))
        y = met * (0.4 * rating - 0.5) + 0.3 * other + rng.standard_normal(n)
        spread = np.sqrt(0.3 * 0.4**2 + 0.21 * 0.5**2 + 0.3**2 + 1.0)
        frame = pd.DataFrame({"answer": y, "met": np.where(met, rating, np.nan), "other": other})
        found = driver_analysis(frame, "answer", ["met", "other"], partial=["met"], draws=2)
        row = found.set_index("driver").loc["met"]
        return float(row["low"]), float(row["high"]), float(0.4 / spread)

    return draw


def log_odds(people: int, repeats: int) -> Draw:
    """A coefficient of the proportional-odds model, five levels; a customer's answers share half of the drivers."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        n = people * repeats
        x = _sample(rng, n, EFFECTS, repeats)[list(NAMES)].to_numpy()
        answer = np.digitize(x @ (2 * EFFECTS) + rng.logistic(size=n), [-2.0, -0.5, 0.5, 2.0])
        weight = rng.choice([0.5, 1.0, 2.0], n)
        found = proportional_odds(answer, x, weight, np.repeat(np.arange(people), repeats))
        if found is None:
            return np.nan, np.nan, np.nan  # counts as not covered
        place = int(rng.integers(len(NAMES)))
        return float(found.low[place]), float(found.high[place]), float(2 * EFFECTS[place])

    return draw


def share(n: int, kind: str = "plain", name: str = "") -> Draw:
    """The share of a driver drawn at random (of those that have one), or of the one named."""
    truth = population_shares(WITHIN, WITHIN @ EFFECTS)

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        frame = _drawn(rng, n, kind)
        values, weight = frame[["answer", *NAMES]].to_numpy(), frame["weight"].to_numpy()
        covariance = pd.DataFrame(np.cov(values.T, aweights=weight), ["answer", *NAMES], ["answer", *NAMES])  # fmt: skip
        found = share_intervals(
            values[:, 0], values[:, 1:], np.empty((n, 0)), weight, frame["customer"].to_numpy(),
            lmg_shares(covariance, "answer").to_numpy(), seed=int(rng.integers(2**31)),
        )  # fmt: skip
        place = NAMES.index(name) if name else int(rng.integers(3))
        return float(found.low[place]), float(found.high[place]), float(truth[place])

    return draw


CELLS = (
    Cell("05.coverage_drivers", "300 answers, four drivers, two of them tied", coefficient(300)),
    Cell("05.coverage_drivers", "450 answers of 150 customers, errors by customer", coefficient(450, "clustered")),
    Cell("05.coverage_drivers", "400 answers with weights, effects differ by group", coefficient(400, "weighted")),
    Cell("05.coverage_drivers", "500 answers, a touchpoint that three in ten have met", met_by_some(500)),
    Cell("05.coverage_odds", "400 answers of 200 customers on five levels, with weights", log_odds(200, 2)),
    Cell("05.coverage_shares", "300 answers, shares of variance", share(300)),
    Cell("05.coverage_shares", "450 answers of 150 customers, shares of variance", share(450, "clustered")),
    Cell("05.coverage_shares", "400 answers with weights, shares of variance", share(400, "weighted")),
    Cell("05.coverage_shares", "300 answers, the share of a driver that has none", share(300, name="unrelated")),
)  # fmt: skip
