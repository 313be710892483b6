"""The playbook as a policy: what a careful consultant does with what the notebooks say.

Nothing is estimated here; each rule reads an answer of the playbook's steps (docs/arena.md lists the rules).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook import crm
from playbook.arena.game import CONTACTS, Client
from playbook.arena.readings import Channels, channels, fixes, programme
from playbook.arena.schedule import BEFORE, best_months
from playbook.arena.sold_terms import offers
from playbook.arena.worth import planned_actions, prospects
from playbook.market import Strategy
from playbook.truth.sight import given

__all__ = ["playbook"]

WEAR = 0.75
"""Part of an effect that is left for each contact of the three months before."""
ROUNDS = 20


@dataclass(frozen=True)
class _Menu:
    """Customers × actions (names): margin that a contact adds, the part of it because customers stay, its cost, if allowed.

    ``season`` is the orders of each month of the year against an average one, ``recent`` who was contacted in each of the last
    three months (oldest first × customers).
    """

    gains: pd.DataFrame
    staying: pd.DataFrame
    cost: np.ndarray
    allowed: np.ndarray
    season: np.ndarray
    recent: np.ndarray


def _menu(client: Client) -> _Menu:
    """What each action is expected to bring with each customer: step 6, measured effects weighed in."""
    sight, actions = client.sight, planned_actions(client)
    holdout = client.lists[["customer_id"]].assign(holdout=False)
    plan = given(crm.next_best_action(
        prospects(client), actions, client.lists, holdout, budget=client.budget, capacity_per_month={}, months=12,
        seed=sight.engagement.seed, outcomes=client.outcomes,
        needs=crm.need_weights(sight.attitudes, sight.solution["segments"]),
    ))  # fmt: skip
    names = {a.id: a.name for a in actions}
    gains = plan["gains"].rename(columns=names)
    return _Menu(
        gains, plan["staying"].rename(columns=names), np.array([float(a.unit_cost) for a in actions]),
        plan["eligible"].reindex(gains.index)[list(names)].to_numpy(bool), _season(client), _recent(client, gains.index),
    )  # fmt: skip


def _season(client: Client) -> np.ndarray:
    """Orders of each month of the year against an average one, from all years on record."""
    sight = client.sight
    orders = sight.query("monthly_figures", margin_rate=sight.engagement.costs.margin_rate)
    month = pd.to_datetime(orders["month"]).dt.month
    usual = orders["orders"].astype(float).groupby(month).mean().reindex(range(1, 13)).fillna(0)
    return np.asarray(usual / usual.mean())


def _recent(client: Client, people: pd.Index) -> np.ndarray:
    """Who was contacted in each of the last three months, oldest first × customers."""
    if client.last is None or client.last[1].actions is None:
        return np.zeros((BEFORE, len(people)), dtype=bool)
    sent = client.last[1].actions
    return np.array([people.isin(sent.loc[sent["month"] == m, "customer_id"]) for m in range(13 - BEFORE, 13)])  # fmt: skip


def _sent(client: Client, menu: _Menu, price: float) -> pd.DataFrame:
    """Contacts of the year: each customer's months and actions that earn most at the price of money.

    What comes by staying goes with the time left after the month, the rest with the month's season; what contacts of the
    three months before have worn off counts.
    """
    stay = menu.staying.to_numpy()
    at_once = menu.gains.to_numpy() - stay
    value = np.zeros((12, BEFORE + 1, len(stay)))
    which = np.zeros(value.shape, dtype=int)
    for month in range(12):
        left = (client.years_left - (month + 0.5) / 12) / (client.years_left - 0.5)
        for before in range(BEFORE + 1):
            worth = WEAR**before * (menu.season[month] * at_once + left * stay) - price * menu.cost
            worth = np.where(menu.allowed, worth, -np.inf)
            value[month, before], which[month, before] = worth.max(axis=1), worth.argmax(axis=1)
    chosen = best_months(value, CONTACTS, menu.recent)
    action = which[chosen["month"], chosen["recent"], chosen["place"]]
    return pd.DataFrame({
        "customer_id": menu.gains.index[chosen["place"]], "action": menu.gains.columns[action],
        "month": chosen["month"] + 1, "cost": menu.cost[action],
    })  # fmt: skip


def _price(client: Client, menu: _Menu, paths: Channels, fixed: float) -> float:
    """What the last unit of money must bring, in contacts as in channels, for the year's money to reach."""

    def fits(price: float) -> bool:
        contacts = float(_sent(client, menu, price)["cost"].sum())
        return contacts + sum(paths.spend(price).values()) + fixed <= client.budget

    low, high = 1.0, 64.0
    if fits(low):
        return low
    for _ in range(ROUNDS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def playbook(client: Client) -> Strategy:
    """Return the year's strategy as the playbook's steps tell it."""
    menu, paths = _menu(client), channels(client)
    picked = fixes(client, paths, _price(client, menu, paths, 0.0))
    price = _price(client, menu, paths, sum(client.fix_cost[name] for name in picked))
    sent = _sent(client, menu, price)
    return Strategy(
        sent[["customer_id", "action", "month"]], paths.spend(price), picked, offers(client), programme(client)
    )  # fmt: skip
