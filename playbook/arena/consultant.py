"""The playbook as a policy: what a careful consultant does with what the notebooks say.

Nothing is estimated here; each rule reads an answer of the playbook's steps (docs/arena.md lists the rules).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook import crm
from playbook.allocation import NONE
from playbook.answer import Missing
from playbook.arena.game import Client
from playbook.arena.readings import Channels, channels, fixes, programme
from playbook.arena.sold_terms import offers
from playbook.arena.worth import planned_actions, prospects
from playbook.market import Strategy

__all__ = ["CONTROL", "HOLDOUT", "playbook"]

HOLDOUT, CONTROL = 0.05, 0.05
"""Shares of customers: never contacted; of those chosen for an action, left out at random to measure it."""
APART = 4
"""Months between the first three contacts of a year, as the ones before wear an action off for three."""
WORN = 0.75
"""What a fourth contact is taken to do when it follows another at once."""
ROUNDS = 20


def _holdout(client: Client) -> pd.DataFrame:
    people = client.lists[["customer_id"]]
    return people.assign(
        holdout=crm.universal_holdout(people["customer_id"], client.sight.engagement.seed, HOLDOUT)
    )


def _choice(client: Client, budget: float) -> pd.DataFrame:
    """Who gets which action in a wave: the next best action of step 6, measured effects weighed in."""
    holdout = _holdout(client)
    held = client.lists["customer_id"].isin(holdout.loc[holdout["holdout"], "customer_id"])
    reach = client.lists.copy()
    reach.loc[held, [c for c in reach if c != "customer_id"]] = False
    people = prospects(client)
    parts = []
    for segment, group in people.groupby("segment"):
        actions = planned_actions(client, str(segment))
        plan = crm.next_best_action(
            group.reset_index(drop=True), actions, reach, holdout, budget=budget, capacity_per_month={}, months=12,
            seed=client.sight.engagement.seed, outcomes=client.outcomes,
        )  # fmt: skip
        if isinstance(plan, Missing):
            continue  # nobody of the segment may be contacted
        chosen = plan["choice"]
        names = {a.id: a.name for a in actions}
        parts.append(
            chosen[chosen["action"] != NONE].assign(action=lambda c, n=names: c["action"].map(n))
        )
    return pd.concat(parts).sort_values("customer_id", ignore_index=True)


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


def _month(chosen: pd.DataFrame, strength: float, price: float) -> pd.DataFrame:
    """Contacts of a month: those whose action earns the price of its money there."""
    return chosen[strength * chosen["expected_margin"] >= price * chosen["cost"]]


def _sent(client: Client, chosen: pd.DataFrame, price: float) -> pd.DataFrame:
    """Contacts of the year."""
    waves = _waves(client).items()
    return pd.concat([_month(chosen, strength, price).assign(month=m) for m, strength in waves])


def _contacts(client: Client, sent: pd.DataFrame) -> pd.DataFrame:
    """The contacts with a part of each month's left out at random, to measure the actions by."""
    rng = np.random.default_rng([client.seed, client.year, 7])
    control = rng.random(len(sent)) < CONTROL
    sent = sent.assign(arm=np.where(control, "control", "treated"), probability=1 - CONTROL)
    return sent[["customer_id", "action", "month", "arm", "probability"]]


def _price(client: Client, chosen: pd.DataFrame, paths: Channels, fixed: float) -> float:
    """What the last unit of money must bring, in contacts as in channels, for the year's money to reach."""

    def fits(price: float) -> bool:
        contacts = float(sum(float(_month(chosen, s, price)["cost"].sum()) for s in waves.values()))
        return contacts + sum(paths.spend(price).values()) + fixed <= client.budget

    waves = _waves(client)

    low, high = 1.0, 64.0
    if fits(low):
        return low
    for _ in range(ROUNDS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def playbook(client: Client) -> Strategy:
    """Return the year's strategy as the playbook's steps tell it."""
    chosen, paths = _choice(client, client.budget), channels(client)
    picked = fixes(client, _price(client, chosen, paths, 0.0))
    price = _price(client, chosen, paths, sum(client.fix_cost[name] for name in picked))
    sent = _sent(client, chosen, price)
    return Strategy(
        _contacts(client, sent), paths.spend(price), picked, offers(client), programme(client)
    )  # fmt: skip
