"""The playbook as a policy: what a careful consultant does with what the notebooks say.

Nothing is estimated here; each rule reads an answer of the playbook's steps (docs/arena.md lists the rules).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook import crm
from playbook.arena.game import Client
from playbook.arena.readings import Channels, channels, fixes, programme
from playbook.arena.sold_terms import offers
from playbook.arena.worth import planned_actions, prospects
from playbook.market import Strategy
from playbook.truth.sight import given

__all__ = ["CONTROL", "playbook"]

CONTROL = 0.05
"""Share of a month's contacts left out at random, to measure the actions by. Nobody is held out of all contacts: a twentieth
of some thousand customers is too few to show what contacts bring together, and costs a twentieth of it."""
APART = 4
"""Months between the first three contacts of a year, as the ones before wear an action off for three."""
WORN = 0.75
"""What a fourth contact is taken to do when it follows another at once."""
ROUNDS = 20


@dataclass(frozen=True)
class _Menu:
    """Customers × actions (names): margin that a contact adds, the part of it because customers stay, its cost, if allowed."""

    gains: pd.DataFrame
    staying: pd.DataFrame
    cost: np.ndarray
    allowed: np.ndarray


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
        plan["eligible"].reindex(gains.index)[list(names)].to_numpy(bool),
    )  # fmt: skip


def _waves(client: Client) -> dict[int, float]:
    """Months of contact and what one does there against an average month: three apart in the best season, one more."""
    sight = client.sight
    orders = sight.query("monthly_figures", margin_rate=sight.engagement.costs.margin_rate)
    month = pd.to_datetime(orders["month"])
    usual = (
        orders["orders"]
        .astype(float)
        .groupby(month.dt.month)
        .mean()
        .reindex(range(1, 13))
        .fillna(0)
    )
    season = usual / usual.mean()
    sets = [
        (a, b, c) for a in range(1, 13 - 2 * APART) for b in range(a + APART, 13 - APART) for c in range(b + APART, 13)
    ]  # fmt: skip
    best = max(sets, key=lambda s: (float(season[list(s)].sum()), s))
    fourth = int(season.drop(list(best)).idxmax())
    return {m: float(season[m]) for m in best} | {fourth: WORN * float(season[fourth])}


def _month(client: Client, menu: _Menu, month: int, strength: float, price: float) -> pd.DataFrame:
    """Contacts of a month: each customer's action that earns most at the price of money there, if one earns it.

    What comes by staying goes with the time left after the month, the rest with the month's season.
    """
    left = (client.years_left - (month - 0.5) / 12) / (client.years_left - 0.5)
    stay = menu.staying.to_numpy()
    net = strength * (menu.gains.to_numpy() - stay) + left * stay - price * menu.cost
    net = np.where(menu.allowed, net, -np.inf)
    best, place = net.max(axis=1) > 0, net.argmax(axis=1)
    return pd.DataFrame({
        "customer_id": menu.gains.index[best], "action": menu.gains.columns[place[best]], "month": month, "cost": menu.cost[place[best]],
    })  # fmt: skip


def _sent(client: Client, menu: _Menu, price: float) -> pd.DataFrame:
    """Contacts of the year."""
    waves = _waves(client).items()
    return pd.concat([_month(client, menu, m, s, price) for m, s in waves], ignore_index=True)


def _contacts(client: Client, sent: pd.DataFrame) -> pd.DataFrame:
    """The contacts with a part of each month's left out at random, to measure the actions by."""
    rng = np.random.default_rng([client.seed, client.year, 7])
    control = rng.random(len(sent)) < CONTROL
    sent = sent.assign(arm=np.where(control, "control", "treated"), probability=1 - CONTROL)
    return sent[["customer_id", "action", "month", "arm", "probability"]]


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
    picked = fixes(client, _price(client, menu, paths, 0.0))
    price = _price(client, menu, paths, sum(client.fix_cost[name] for name in picked))
    sent = _sent(client, menu, price)
    return Strategy(
        _contacts(client, sent), paths.spend(price), picked, offers(client), programme(client)
    )  # fmt: skip
