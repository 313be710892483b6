"""The usual alternatives: what a manager without the playbook would do with the same data, money and menu.

None of them moves money between channels, changes an offer or a programme, or pays for a fix, except *even spend*,
which gives every item that money buys the same. Contacts go out in three waves a year.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook import market, monitoring
from playbook.answer import Missing
from playbook.arena.game import WAVES, Client
from playbook.arena.worth import believed_worth, campaigns_of
from playbook.segmentation import rfm
from playbook.truth.sight import given

__all__ = ["SIMPLE"]

TOP = 0.2
"""Share of the active customers whom *top spenders*, *random* and *churn scores* pick."""
RULE_BOOK = {
    "Champions": "early access",
    "Loyal customers": "refill reminder",
    "New customers": "refill reminder",
    "Promising customers": "delivery promise",
    "At risk": "care call",
    "Lapsing customers": "voucher",
    "Lapsed customers": "voucher",
}
"""What the books advise: recognise the best, bring new ones to a second order, call those at risk, win back by price."""


def _waves(wanted: pd.DataFrame, client: Client, money: float) -> market.Strategy:
    """Send each customer the wanted action in every wave, in the given order, as far as money goes.

    ``wanted`` has customer_id and action, the most important first; who may not be contacted is left out.
    """
    allowed = client.permitted.stack()
    keys = pd.MultiIndex.from_frame(wanted[["customer_id", "action"]])
    wanted = wanted[allowed.reindex(keys, fill_value=False).to_numpy(bool)]
    wanted = wanted.drop_duplicates("customer_id")
    cost = wanted["action"].map(client.unit_cost)
    wanted = wanted[(len(WAVES) * cost).cumsum() <= money]
    rows = pd.concat([wanted.assign(month=month) for month in WAVES], ignore_index=True)
    return market.Strategy(actions=rows[["customer_id", "action", "month"]])


def nothing(client: Client) -> market.Strategy:
    """Let everything go on as it is."""
    return market.Strategy()


def even(client: Client) -> market.Strategy:
    """Give every channel, fix and action the same part of the spare money."""
    names = list(client.unit_cost)
    part = client.spare / (len(names) + len(client.usual) + len(client.fix_cost))
    spend = {channel: usual + part for channel, usual in client.usual.items()}
    fixes = tuple(name for name, cost in client.fix_cost.items() if cost <= part)
    left = client.customers["customer_id"]
    rng = np.random.default_rng([client.seed, client.year, 1])
    order = left.to_numpy()[rng.permutation(len(left))]
    rows, taken = [], set[str]()
    room = len(order) // len(names)
    for name in names:
        allowed = client.permitted[name]
        free = [c for c in order if c not in taken and allowed.get(c, False)]
        some = free[: min(room, int(part / len(WAVES) / client.unit_cost[name]))]
        taken |= set(some)
        rows += [(c, name, month) for c in some for month in WAVES]
    actions = pd.DataFrame(rows, columns=["customer_id", "action", "month"])
    return market.Strategy(actions=actions, channel_spend=spend, fixes=fixes)


def _best_believed(client: Client) -> str:
    """Action of the menu that is believed to earn most with an average customer."""
    worth = believed_worth(client)
    return str(worth.sort_index().idxmax())


def _some(client: Client) -> int:
    return round(TOP * len(client.customers))


def top_spenders(client: Client) -> market.Strategy:
    """Contact the fifth who spent most with the action that is believed to earn most."""
    best = client.customers.head(_some(client))[["customer_id"]]
    return _waves(best.assign(action=_best_believed(client)), client, client.spare)


def at_random(client: Client) -> market.Strategy:
    """Contact a fifth drawn at random with an action drawn at random."""
    rng = np.random.default_rng([client.seed, client.year, 2])
    people = client.customers["customer_id"].to_numpy()
    chosen = people[rng.permutation(len(people))[: _some(client)]]
    names = np.array(list(client.unit_cost), dtype=object)
    drawn = names[rng.integers(0, len(names), len(chosen))]
    return _waves(pd.DataFrame({"customer_id": chosen, "action": drawn}), client, client.spare)


def rule_book(client: Client) -> market.Strategy:
    """Give each segment by recency, frequency and monetary value the action that books advise."""
    known = client.sight.query("customer_features")
    scores = rfm.score_rfm(known)
    scores["action"] = rfm.rfm_segment(scores).map(RULE_BOOK)
    worth = scores.sort_values(
        ["monetary", "frequency", "recency", "customer_id"], ascending=[False, False, False, True]
    )
    return _waves(worth[["customer_id", "action"]], client, client.spare)


def best_average(client: Client) -> market.Strategy:
    """Send everybody the action whose experiment of last year gained most for each customer, if one gained at all."""
    kinds = {c: action for action in client.unit_cost for c in campaigns_of(client, action)}
    effects = monitoring.campaign_effects(client.sight.outcomes, client.sight.table("campaigns"))
    if isinstance(effects, Missing):
        return market.Strategy()
    table = given(effects).table.dropna(subset="effect")
    table = table[table["campaign_id"].isin(list(kinds))]
    table = table.assign(action=[kinds[c] for c in table["campaign_id"]])
    cost = table["action"].map(client.unit_cost)
    weight = table["treated"].astype(float)
    gain = (weight * (table["effect"] - cost)).groupby(table["action"]).sum()
    gain = gain / weight.groupby(table["action"]).sum()
    if gain.empty or gain.max() <= 0:
        return market.Strategy()
    people = client.customers[["customer_id"]]
    return _waves(people.assign(action=str(gain.idxmax())), client, client.spare)


def churn_scores(client: Client) -> market.Strategy:
    """Contact the fifth of active customers most likely to leave with the action believed to earn most."""
    scores = client.sight.propensity["scores"]
    active = scores[scores["customer_id"].isin(client.customers["customer_id"])]
    worst = active.sort_values(["churn_probability", "customer_id"], ascending=[False, True])
    people = worst.head(_some(client))[["customer_id"]]
    return _waves(people.assign(action=_best_believed(client)), client, client.spare)


SIMPLE = {
    "nothing": nothing,
    "even spend": even,
    "top spenders": top_spenders,
    "random": at_random,
    "RFM rule-book": rule_book,
    "best average action": best_average,
    "churn scores": churn_scores,
}
"""Policies by name; each takes a `Client` and returns the strategy of the year."""
