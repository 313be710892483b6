"""The best strategy of somebody who knows the true parameters and hidden states, with the same menu and money.

Contacts by dynamic programming over each customer's year (cap, wear-off), spend on channels and contacts at equal
marginal return, fixes, offers and programme where the expected course earns more with them than without.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd

from playbook import market
from playbook.arena.contacts import best_contacts
from playbook.arena.game import CONTACTS, MOST_WON, Client
from playbook.arena.outlook import (
    Change,
    Group,
    Outlook,
    customers_of,
    newcomer_value,
    newcomers_of,
    outlook,
)
from playbook.market import Strategy, catalogue, programmes, terms
from playbook.market import settings as planted

__all__ = ["oracle"]

LEAST = 0.1
"""Smallest part of its usual spend that a channel keeps."""
ROUNDS = 30
POINT = programmes.VOUCHER / programmes.REDEEM * programmes.REDEEMED
"""Cost of a point when it is issued."""


class _Truth:
    """What the oracle knows of one world at the start of a year."""

    def __init__(self, world: market.World, client: Client) -> None:
        memory = world.memory
        assert memory is not None
        self.client, self.frame, self.settings = client, memory.frame, memory.frame.settings
        self.first, self.months = 12 * memory.frame.years, 12 * client.years_left
        self.group = customers_of(world)
        self.recent = memory.state.contacts
        self.new: dict[str, Group] = {c: newcomers_of(world, c) for c in _channels_of(self.frame)}
        self.wins = self._wins()
        allowed = client.permitted.reindex(self.group.crowd.customer_id).fillna(False)
        self.allowed = allowed[[a.action for a in self.settings.actions]].to_numpy(bool)

    def _wins(self) -> pd.DataFrame:
        """Customers whom the usual spend wins, by channel and month of the year."""
        frame, season = self.frame, self.settings.season**0.5
        before = frame.spend[frame.spend["month"] < 36]
        scale = 0.58 * frame.customers / before["expected"].sum() * min(frame.years, 3) / 3
        months = range(self.first, self.first + 12)
        rows = pd.DataFrame(
            [(m, c, self.client.usual.get(c, 0.0) * season[m % 12] / season.sum()) for c in self.new for m in months],
            columns=["month", "channel", "spend"],
        )  # fmt: skip
        rows["wins"] = scale * catalogue.expected_wins(self.settings, rows, frame.customers)
        return rows.pivot_table(index="channel", columns="month", values="wins")

    def change(self, group: Group, strategy: Strategy) -> Change:
        """What a programme and fixes change for a group of customers."""
        all_of = terms.of_all(group.crowd, strategy)
        design = terms.design(self.settings, strategy.programme)
        member = group.crowd.member
        return Change(
            lift=all_of.lift, level=all_of.level, mends=all_of.mends, care=member * design.unit_cost / 12,
            cost=member * POINT * (design.points - 1.0) * group.revenue,
        )  # fmt: skip

    def offered(self, change: Change, offer: market.levers.Offer) -> Change:
        """The same, and an offer to each customer."""
        lift = terms.log_lift(self.settings, offer)[self.group.crowd.segment]
        return replace(
            change, lift=change.lift + lift, price=offer.price_change, cost=change.cost + offer.order_cost
        )  # fmt: skip

    def look(self, change: Change) -> Outlook:
        """Expected course of the customers."""
        return outlook(self.group, self.settings, self.first, self.months, change)

    @cache  # noqa: B019
    def of_newcomers(self, programme: str, fixes: tuple[str, ...]) -> pd.Series:
        """Margin of the customers whom the usual spend wins, by channel."""
        strategy = Strategy(programme=programme, fixes=fixes)
        return pd.Series({
            c: float(self.wins.loc[c] @ newcomer_value(g, self.settings, self.first, self.months, self.change(g, strategy)))
            for c, g in self.new.items()
        })  # fmt: skip

    @cache  # noqa: B019
    def worth(self, programme: str, fixes: tuple[str, ...]) -> float:
        """Expected margin of customers and newcomers under a programme and fixes."""
        own = self.look(self.change(self.group, Strategy(programme=programme, fixes=fixes)))
        return float(own.worth.sum() + self.of_newcomers(programme, fixes).sum())

    @cache  # noqa: B019
    def sold(self, programme: str, fixes: tuple[str, ...]) -> tuple[pd.DataFrame, Outlook]:
        """The best offers, and the course of the customers with them."""
        rows, change = _offers(
            self, self.change(self.group, Strategy(programme=programme, fixes=fixes))
        )
        return rows, self.look(change)


def _channels_of(frame: market.world.Frame) -> list[str]:
    return sorted(frame.spend["channel"].unique())


def _terms(truth: _Truth, price: float) -> tuple[str, tuple[str, ...]]:
    """Programme and fixes that earn more than they cost at a price of money."""
    designs = {name: truth.worth(name, ()) for name in ["", *(p.programme for p in truth.settings.programmes)]}  # fmt: skip
    programme = max(designs, key=lambda name: designs[name])
    chosen: tuple[str, ...] = ()
    base = designs[programme]
    for fix, cost in truth.client.fix_cost.items():
        worth = truth.worth(programme, (*chosen, fix))
        if worth - base > price * cost:
            chosen, base = (*chosen, fix), worth
    return programme, chosen


def _offers(truth: _Truth, change: Change) -> tuple[pd.DataFrame, Change]:
    """The offer that earns most with each customer, and the change with it."""
    looks = [change, *(truth.offered(change, offer) for offer in truth.settings.offers)]
    worth = np.array([truth.look(c).worth for c in looks])
    worth[1:] -= 1e-6
    best = worth.argmax(axis=0)

    def chosen(name: str) -> np.ndarray:
        values = [np.broadcast_to(getattr(c, name), best.shape) for c in looks]
        return np.choose(best, values)

    has = np.flatnonzero(best > 0)
    names = np.array([offer.offer for offer in truth.settings.offers], dtype=object)
    rows = pd.DataFrame(
        {"customer_id": truth.group.crowd.customer_id[has], "offer": names[best[has] - 1]}
    )
    return rows, replace(change, lift=chosen("lift"), price=chosen("price"), cost=chosen("cost"))


def _spend(truth: _Truth, worth: pd.Series, price: float) -> dict[str, float]:
    """Spend by channel at which the last unit of money brings ``price``."""
    e = planted.SATURATION
    factor = {
        c: (e * max(float(worth[c]), 0.0) / usual / price) ** (1 / (1 - e))
        for c, usual in truth.client.usual.items()
    }
    return {c: u * float(np.clip(factor[c], LEAST, MOST_WON ** (1 / e))) for c, u in truth.client.usual.items()}  # fmt: skip


def _at(truth: _Truth, price: float) -> tuple[Strategy, float]:
    """The best strategy when the last unit of money must bring ``price``, and what it costs."""
    programme, chosen = _terms(truth, price)
    offers, view = truth.sold(programme, chosen)
    rows = best_contacts(
        view, truth.settings.actions, truth.allowed, wear=truth.settings.fatigue[0], most=CONTACTS,
        recent=truth.recent, price=price,
    )  # fmt: skip
    spend = _spend(truth, truth.of_newcomers(programme, chosen), price)
    cost = float(rows["action"].map(truth.client.unit_cost).sum()) + sum(spend.values())
    strategy = Strategy(
        rows[["customer_id", "action", "month"]], spend, chosen, offers if len(offers) else None, programme
    )  # fmt: skip
    return strategy, cost + sum(truth.client.fix_cost[name] for name in chosen)


def oracle(world: market.World, client: Client) -> Strategy:
    """Return the best strategy of the year, given everything but luck."""
    truth = _Truth(world, client)
    low, high = 1.0, 16.0
    strategy, cost = _at(truth, low)
    if cost <= client.budget:
        return strategy
    strategy, cost = _at(truth, high)
    for _ in range(ROUNDS):
        if high / low < 1.002:
            break
        middle = float(np.sqrt(low * high))
        tried, cost = _at(truth, middle)
        if cost > client.budget:
            low = middle
        else:
            high, strategy = middle, tried
    return strategy
