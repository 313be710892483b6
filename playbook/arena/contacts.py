"""Which contacts are worth most to each customer over a year, by the true law: for the oracle alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.arena.outlook import Outlook
from playbook.arena.schedule import best_months
from playbook.market.planned import Action

__all__ = ["best_contacts"]


def _gain(view: Outlook, action: Action, month: int, kept: float) -> np.ndarray:
    """Expected margin that a contact in a month adds, its cost not yet taken off."""
    usual = view.orders[month]
    more = usual * np.expm1(np.array(action.lift)[view.segment] * kept)
    fewer_left = np.exp(-(usual + more) * view.leaves[month]) - np.exp(-usual * view.leaves[month])
    care = np.array(action.care)[view.segment] * kept
    given = action.cut * view.revenue * (usual + more)
    gain = (
        more * view.lasting[month] * view.margin
        - given
        + fewer_left * view.ahead[month]
        + care * view.moved[month]
    )
    return view.active[month] * gain


def _table(
    view: Outlook, actions: tuple[Action, ...], allowed: np.ndarray, wear: float, price: float
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Best value and action of each month, number of recent contacts and customer."""
    value = np.zeros((12, 4, len(view.segment)))
    which = np.full((12, 4, len(view.segment)), -1)
    for month in range(12):
        for recent in range(4):
            gains = np.array([
                np.where(allowed[:, i], _gain(view, a, month, wear**recent) - price * a.unit_cost, -np.inf)
                for i, a in enumerate(actions)
            ])  # fmt: skip
            which[month, recent] = gains.argmax(axis=0)
            value[month, recent] = gains.max(axis=0)
    return value, which


def best_contacts(
    view: Outlook, actions: tuple[Action, ...], allowed: np.ndarray, *,
    wear: float, most: int, recent: np.ndarray, price: float = 1.0,
) -> pd.DataFrame:  # fmt: skip
    """Return the contacts of a year that are worth most to each customer, by dynamic programming.

    Parameters
    ----------
    allowed
        Customers × actions: consent.
    wear
        Share of an effect left for each contact of the three months before.
    most
        Most contacts a year; at most one a month.
    recent
        Months (last three, oldest first) × customers: contacts that still wear.
    price
        What one unit of money must earn: above 1 where the budget binds.

    Returns
    -------
    DataFrame
        customer_id, action, month, gain (expected margin less ``price`` times cost).
    """
    value, which = _table(view, actions, allowed, wear, price)
    names = np.array([a.action for a in actions], dtype=object)
    chosen = best_months(value, most, recent)
    at = chosen["month"], chosen["recent"], chosen["place"]
    return pd.DataFrame({
        "customer_id": view.customer_id[chosen["place"]], "action": names[which[at]], "month": chosen["month"] + 1, "gain": value[at],
    })  # fmt: skip
