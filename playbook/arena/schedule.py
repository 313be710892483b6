"""When to contact each customer in a year, at most once a month, when contacts wear each other off: dynamic programming."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["BEFORE", "best_months"]

BEFORE = 3
"""Months before whose contacts wear a contact off."""
STATES = 2**BEFORE
RECENT = np.array([int(state).bit_count() for state in range(STATES)])
"""Contacts of the last three months, by state; a state's bits are those months, the last one first."""


def best_months(value: np.ndarray, most: int, recent: np.ndarray) -> pd.DataFrame:
    """Return the contacts of a year that are worth most to each customer.

    Parameters
    ----------
    value
        Months × number of contacts in the three months before (0 to 3) × customers: worth of the best contact there.
    most
        Most contacts a year.
    recent
        Months (last three, oldest first) × customers: contacts before the year that still wear.

    Returns
    -------
    DataFrame
        place (of the customer), month (from 0), recent (contacts of the three months before); by month and place.

    References
    ----------
    Bellman (1957), Dynamic Programming: backwards from the last month.
    """
    goes = _program(value, most)
    people = np.arange(value.shape[2])
    state = np.array([4, 2, 1]) @ (recent > 0)
    left = np.full(len(people), most)
    rows = []
    for month in range(len(value)):
        here = goes[month, state, left, people]
        chosen = np.flatnonzero(here)
        rows.append(
            pd.DataFrame({"place": chosen, "month": month, "recent": RECENT[state[chosen]]})
        )
        state, left = ((state << 1) | here) & (STATES - 1), left - here
    return pd.concat(rows, ignore_index=True)


def _program(value: np.ndarray, most: int) -> np.ndarray:
    """Whether to contact, by month, state, contacts left and customer."""
    months, _, people = value.shape
    future = np.zeros((STATES, most + 1, people))
    goes = np.zeros((months, STATES, most + 1, people), dtype=bool)
    for month in range(months - 1, -1, -1):
        now = np.empty_like(future)
        for state in range(STATES):
            rest = (state << 1) & (STATES - 1)
            bonus = value[month, RECENT[state]]
            for left in range(most + 1):
                wait = future[rest, left]
                go = bonus + future[rest | 1, left - 1] if left else np.full(people, -np.inf)
                goes[month, state, left] = go > wait + 1e-9
                now[state, left] = np.maximum(go, wait)
        future = now
    return goes
