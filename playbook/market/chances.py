"""What chance has in store for a month: every order that could happen, and all that could follow.

Nothing here depends on what is decided, so that all strategies meet the same chances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import pdtr

from . import purchases, service
from .frames import DAY
from .people import People

TOP = 1.6
"""Largest log lift that counts in one month, and how many possible orders are drawn for it."""
SPURT = 2.5
"""How much more than usual a regular buyer orders once the usual interval has passed."""
MENDS = ("late", "slow", "failed")
"""Kinds of incidents that a fix can mend."""


@dataclass(frozen=True)
class Month:
    """A month (the ``number``th of the world) of a group of customers.

    ``numbers`` is the first free order number.
    """

    people: People
    products: pd.DataFrame
    month: np.datetime64
    number: int
    numbers: int

    @property
    def opening(self) -> np.datetime64:
        """First moment of the month."""
        return self.month.astype("datetime64[us]")

    @property
    def length(self) -> float:
        """Days of the month."""
        return float(((self.month + 1).astype("datetime64[us]") - self.opening) / DAY)

    @property
    def new(self) -> np.ndarray:
        """Who is won in this month."""
        return self.people.month == self.number

    @property
    def since(self) -> np.ndarray:
        """Day of the month from which each customer is one."""
        return np.where(self.new, (self.people.acquired_at - self.opening) / DAY, 0.0)

    def usual(self) -> np.ndarray:
        """Return the orders to expect of each customer, season and growth included."""
        people, settings = self.people, self.people.settings
        season = settings.season[int(self.month.astype(int)) % 12]
        season = season * settings.growth ** (self.number / 12)
        share = 1 - self.since / self.length
        result: np.ndarray = people.rate * season / 12 * share * (people.month <= self.number)
        return result


@dataclass(frozen=True)
class Chances:
    """All that is drawn for one month.

    Attributes
    ----------
    quantile, top
        Per customer: which quantile of the count of orders comes about, and the largest mean
        that can be asked for.
    orders
        Possible orders; ``rank`` counts those of one customer (-1: happens anyway).
    lines, refunds, returned, cases
        What the orders could lead to; ``row`` is the place of the order.
    mend
        Per order and kind of incident: what is drawn against the share that a fix mends.
    """

    quantile: np.ndarray
    top: np.ndarray
    orders: pd.DataFrame
    lines: pd.DataFrame
    refunds: pd.DataFrame
    returned: pd.DataFrame
    cases: pd.DataFrame
    mend: dict[str, np.ndarray]

    def happens(self, mean: np.ndarray) -> np.ndarray:
        """Return which orders happen when each customer's mean count is ``mean``."""
        count = quantiles(self.quantile, np.minimum(mean, self.top))
        real: np.ndarray = self.orders["rank"].to_numpy() < count[self.orders["customer"]]
        return real


def quantiles(quantile: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return the quantiles of Poisson distributions with these means."""
    result = np.zeros(len(mean), dtype=int)
    left = np.flatnonzero(pdtr(0, mean) < quantile)
    while len(left):
        result[left] += 1
        left = left[pdtr(result[left], mean[left]) < quantile[left]]
    return result


def possible(rng: np.random.Generator, mend: np.random.Generator, month: Month) -> Chances:
    """Draw every order of a month that any strategy could cause, with all that would follow."""
    settings, usual = month.people.settings, month.usual()
    spurt = 1 - settings.regularity + settings.regularity * SPURT
    top = usual * (1 + settings.own_season) * np.exp(TOP) * spurt
    quantile = rng.random(len(usual))
    guests_of = usual.sum() * 0.8 + month.new.sum()
    parts = _drawn(rng, month, quantiles(quantile, top), int(guests_of))
    uniform = {kind: mend.random(len(parts["orders"])) for kind in MENDS}
    return Chances(quantile, top, **parts, mend=uniform)


def certain(rng: np.random.Generator, month: Month, mean: np.ndarray) -> Chances:
    """Draw only the orders of a month that do happen at these means."""
    count = rng.poisson(mean)
    parts = _drawn(rng, month, count, int(count.sum() + month.new.sum()))
    nothing = {kind: np.ones(len(parts["orders"])) for kind in MENDS}
    return Chances(np.ones(len(mean)), np.full(len(mean), np.inf), **parts, mend=nothing)


def _drawn(
    rng: np.random.Generator, month: Month, count: np.ndarray, guests_of: int
) -> dict[str, pd.DataFrame]:
    """Return the orders of a month and what could follow of them."""
    people = month.people
    orders = _orders(rng, month, count, guests_of)
    orders["number"] = month.numbers + np.arange(len(orders))
    orders["channel"] = purchases.channels(rng, people, orders["customer"].to_numpy())
    orders["peak"] = int(month.month.astype(int)) % 12 == 10
    orders["refund"] = False
    orders["late"] = service.late(rng, people, orders, month.month)
    lines = purchases.fill(rng, people, month.products, orders)
    refunds, returned = purchases.refunds(rng, people, orders, lines)
    cases = service.case_draws(rng, people, orders)
    return {
        "orders": orders,
        "lines": lines,
        "refunds": refunds,
        "returned": returned,
        "cases": cases,
    }


def _orders(
    rng: np.random.Generator, month: Month, count: np.ndarray, guests_of: int
) -> pd.DataFrame:
    people, since = month.people, month.since
    again = np.repeat(np.arange(len(people)), count)
    rank = np.arange(len(again)) - np.repeat(np.cumsum(count) - count, count)
    day = since[again] + rng.random(len(again)) * (month.length - since[again])
    moment = month.opening + _clock(rng, day)
    first = np.flatnonzero(month.new)
    soon = people.acquired_at[first] + (rng.uniform(60, 900, len(first)) * 1e6).astype(
        "timedelta64[us]"
    )
    customer = np.concatenate([first, again])
    anyway = np.full(len(first), -1)
    time = np.concatenate([soon, np.maximum(moment, people.acquired_at[again] + DAY // 4)])
    own = pd.DataFrame(
        {
            "customer": customer,
            "time": time,
            "guest": False,
            "rank": np.concatenate([anyway, rank]),
        }
    )
    last = (month.month + 1).astype("datetime64[us]") - np.timedelta64(60_000_000, "us")
    orders = pd.concat([own, _guests(rng, month, customer, guests_of)], ignore_index=True)
    return orders.assign(time=np.minimum(orders["time"].to_numpy(), last))


def _guests(
    rng: np.random.Generator, month: Month, customer: np.ndarray, guests_of: int
) -> pd.DataFrame:
    """Return orders without a customer number: about four in a hundred."""
    guests = rng.binomial(guests_of, 0.042) if len(customer) else 0
    like = rng.choice(customer, guests) if guests else np.empty(0, dtype=int)
    time = month.opening + _clock(rng, rng.random(guests) * month.length)
    return pd.DataFrame({"customer": like, "time": time, "guest": True, "rank": -1})


def _clock(rng: np.random.Generator, day: np.ndarray) -> np.ndarray:
    """Return time spans for days counted with fraction, moved to a plausible hour of the day."""
    hour = np.clip(rng.normal(15.5, 4.0, len(day)), 6.0, 23.5)
    return ((np.floor(day) * 24 + hour) * 3600e6).astype("timedelta64[us]")
