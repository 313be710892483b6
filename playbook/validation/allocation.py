"""Checks of the acquisition spend (published) and of the allocation (every possible choice tried)."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from playbook.allocation import allocate, optimal_acquisition_spend
from playbook.validation import Check

SMALL_CASES, PEOPLE, ACTIONS = 12, 6, 3


def rows() -> list[Check]:
    """Return Blattberg and Deighton's closed form, and the allocation against brute force."""
    return [
        Check(
            id="acquisition_spend.blattberg_deighton.a_star",
            quantity="optimal acquisition spend per prospect, A* = ln(ckV)/k",
            published=6.43775,
            ours=optimal_acquisition_spend(ceiling=0.4, k=0.25, value=50.0),
            tolerance=1e-5,
            relative=False,
            source="Blattberg and Deighton (1996), Manage marketing by the customer equity test,"
            " Harvard Business Review 74(4)",
        ),
        _against_every_choice(),
    ]


def _against_every_choice() -> Check:
    """Margin of all small cases together: by the Lagrangian with branch and bound, and by trying all."""
    cases = [_case(seed) for seed in range(SMALL_CASES)]
    return Check(
        id="allocation.small_cases.value",
        quantity=f"margin of the best allocation, {SMALL_CASES} cases of {PEOPLE} customers × {ACTIONS} actions",
        published=sum(_best_of_all(*case) for case in cases),
        ours=sum(allocate(*case).value for case in cases),
        tolerance=1e-9,
        relative=True,
        source=f"all {(ACTIONS + 1) ** PEOPLE:,} choices of each case tried, the best one within the limits",
    )


def _case(
    seed: int,
) -> tuple[pd.DataFrame, pd.Series, float, dict[str, int], pd.Series, pd.DataFrame]:
    """Draw a case whose money, calls and letters are all too few."""
    rng = np.random.default_rng(seed)
    names = ["call", "letter", "visit"][:ACTIONS]
    keys = [f"c{i}" for i in range(PEOPLE)]
    cost = pd.Series(rng.choice([0.5, 1.0, 3.0, 5.0], ACTIONS), names)
    value = pd.DataFrame(rng.lognormal(1, 1, (PEOPLE, ACTIONS)) - 1.5, keys, names)
    group = pd.Series(["phone", "post", "phone"][:ACTIONS], names)
    consent = pd.DataFrame(rng.random((PEOPLE, ACTIONS)) < 0.85, keys, names)
    return value, cost, float(rng.uniform(2, 10)), {"phone": 2, "post": 2}, group, consent


def _best_of_all(
    value: pd.DataFrame, cost: pd.Series, budget: float, capacity: dict[str, int], group: pd.Series, eligible: pd.DataFrame,
) -> float:  # fmt: skip
    people, actions = value.shape
    choices = np.array(list(product(range(actions + 1), repeat=people)))  # the last is no action
    worth = np.column_stack([value.where(eligible, -np.inf).to_numpy(), np.zeros(people)])
    price = np.append(cost.to_numpy(float), 0.0)
    fits = price[choices].sum(axis=1) <= budget + 1e-9
    for name, room in capacity.items():
        fits &= np.isin(choices, np.flatnonzero(group == name)).sum(axis=1) <= room
    return float(worth[np.arange(people), choices[fits]].sum(axis=1).max())
