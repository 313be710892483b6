"""What contacts are worth to each customer, from true parameters and hidden states: for the oracle alone.

Expected orders follow the planted law of the simulated market, month by month, at the mean course of
satisfaction. An order may be the last; satisfaction moves who stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from playbook import market
from playbook.market import people
from playbook.market import settings as planted
from playbook.market.people import People

__all__ = [
    "Change", "Group", "Outlook", "customers_of", "newcomer_value", "newcomers_of", "outlook",
]  # fmt: skip

TIERS = np.array([0.42, 0.68, 1.0, 1.5, 2.3])
"""Relative price of the five price tiers of the simulated range."""
FAILED = 0.30
"""Share of service cases that fail, roughly; it only moves the mean course of satisfaction."""
SPURT = 2.5
"""How much likelier an order of a regular buyer is once the usual interval has passed."""
CASES = 1.8
"""Cost of the service cases of an order: three orders in ten have one, at 6."""
SAMPLE = 800
"""Possible newcomers drawn to value a channel."""
RETURN, LOYALTY, QUIET = 0.12, 0.75, 0.0045
"""Planted laws: return of satisfaction to its base, its weight in leaving, leaving without an order."""


@dataclass(frozen=True)
class Change:
    """What a strategy changes for a group of customers over the first twelve months.

    Attributes
    ----------
    lift
        Log change of the order rate.
    price
        Change of the price (share).
    cost, care
        Cost of the terms of an order, and of a month as an active customer.
    level
        Change of the level that satisfaction returns to.
    mends
        Share of incidents mended by kind (``late``, ``slow``, ``failed``).
    """

    lift: np.ndarray | float = 0.0
    price: np.ndarray | float = 0.0
    cost: np.ndarray | float = 0.0
    care: np.ndarray | float = 0.0
    level: np.ndarray | float = 0.0
    mends: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Customers with their hidden states at the start.

    ``margin`` and ``revenue`` are of one order, refunds and service cases taken off.
    """

    crowd: People
    active: np.ndarray
    mood: np.ndarray
    margin: np.ndarray
    revenue: np.ndarray


@dataclass(frozen=True)
class Outlook:
    """Expected course of each customer over the months left, without any contact.

    Attributes
    ----------
    customer_id, segment
        Of the customers at the start, in the market's order.
    active
        Probability of being active at the start of each month (months × customers).
    orders
        Expected orders of a month, given active.
    lasting
        Share of an added order that does not only come earlier.
    leaves
        Probability that an order is the last.
    ahead
        Expected margin after the month, given active at its end.
    moved
        Margin ahead that one point of satisfaction adds when given in the month.
    margin, revenue
        Of one order.
    worth
        Expected margin of all months.
    """

    customer_id: np.ndarray
    segment: np.ndarray
    active: np.ndarray
    orders: np.ndarray
    lasting: np.ndarray
    leaves: np.ndarray
    ahead: np.ndarray
    moved: np.ndarray
    margin: np.ndarray
    revenue: np.ndarray
    worth: np.ndarray


def _dearness(crowd: People) -> np.ndarray:
    """Relative price of what a customer buys, by the price tier."""
    spread = np.exp(-0.5 * ((np.arange(5) - crowd.tier[:, None]) / 0.8) ** 2)
    dear: np.ndarray = (spread / spread.sum(axis=1, keepdims=True)) @ TIERS
    return dear


def _per_segment(world: market.World) -> tuple[np.ndarray, np.ndarray]:
    """Margin and revenue of an order at relative price 1, by latent segment, from all orders so far."""
    assert world.memory is not None
    crowd = world.memory.crowd
    orders = world.tables["orders"].dropna(subset="customer_id")
    number = pd.Index(crowd.customer_id).get_indexer(orders["customer_id"])
    segment, paid = crowd.segment[number], (orders["revenue"] > 0).to_numpy()
    size = len(planted.SEGMENTS)
    dear = np.bincount(segment[paid], _dearness(crowd)[number[paid]], size)
    gain = (orders["revenue"] - orders["cost"]).to_numpy(float)
    margin, revenue = (
        np.bincount(segment, v, size) / np.maximum(dear, 1e-9)
        for v in (gain, orders["revenue"].to_numpy(float))
    )
    return margin, revenue


def customers_of(world: market.World) -> Group:
    """Return all customers of a world as they are at its end."""
    memory = world.memory
    assert memory is not None
    margin, revenue = _per_segment(world)
    crowd, dear = memory.crowd, _dearness(memory.crowd)
    return Group(
        crowd, memory.state.active.astype(float), memory.state.satisfaction.copy(),
        margin[crowd.segment] * dear - CASES, revenue[crowd.segment] * dear,
    )  # fmt: skip


def newcomers_of(world: market.World, channel: str) -> Group:
    """Return customers as a channel may win them, drawn from the planted law."""
    memory = world.memory
    assert memory is not None
    rng = np.random.default_rng([memory.frame.seed, 77])
    arrivals = pd.DataFrame({"month": 0, "channel": [channel] * SAMPLE})
    arrivals = people.arrivals_of(rng, arrivals, memory.frame.settings)
    crowd = people.draw_people(rng, SAMPLE, arrivals, memory.frame.start, memory.frame.settings)
    margin, revenue = _per_segment(world)
    dear = _dearness(crowd)
    return Group(
        crowd, np.ones(SAMPLE), crowd.base.copy(), margin[crowd.segment] * dear - CASES,
        revenue[crowd.segment] * dear,
    )  # fmt: skip


def _displaced(regularity: float) -> float:
    """Share of an order brought forward that would have come later anyway, by renewal theory.

    A regular buyer's clock starts anew with each order: one at age x delays the next by the mean interval
    less the rest of the present one. Ages in units of the usual interval.
    """
    if not regularity:
        return 0.0
    age = np.linspace(0.0, 12.0, 2401)
    step = age[1]
    hazard = 1 - regularity + regularity * SPURT * np.minimum(age, 1.0)
    lasts = np.exp(-np.cumsum(hazard) * step)
    mean = float(lasts.sum() * step)
    rest = lasts[::-1].cumsum()[::-1] * step / lasts
    density = hazard * lasts
    return float(1 - (density * rest).sum() / density.sum() / mean)


def _harm(crowd: People, settings: market.Settings, mends: Mapping[str, float]) -> np.ndarray:
    """Mean change of satisfaction by what goes wrong with one order."""
    late = pd.Series(crowd.country).map(settings.late).to_numpy(float)
    city = planted.CITIES["area_type"].to_numpy()[crowd.city] == "urban"
    late = late * np.where(city, settings.carrier, 1.0) * (1 - mends.get("late", 0.0))
    cases = settings.trait("cases", crowd.segment) * 0.9 + 0.42 * late
    failed = FAILED * (1 - 0.65 * mends.get("slow", 0.0)) * (1 - mends.get("failed", 0.0))
    shock = settings.trait("sensitivity", crowd.segment) * (-0.70 * late - 0.85 * failed * cases)
    harm: np.ndarray = settings.service_effect * (shock + 0.10 * (1 - failed) * cases)
    return harm


def outlook(
    group: Group, settings: market.Settings, first: int, months: int, change: Change | None = None
) -> Outlook:
    """Return the expected course of a group, by the planted law.

    Parameters
    ----------
    first
        Number of the first month, counted from the start of the world.
    months
        Months that count.
    change
        What a strategy changes in the first twelve months; none: nothing.
    """
    crowd, change = group.crowd, change or Change()
    usual_harm, better = _harm(crowd, settings, {}), _harm(crowd, settings, change.mends)
    rival = planted.RIVAL_SEGMENT[crowd.segment]
    odds = np.log(crowd.dropout / (1 - crowd.dropout))
    active, mood = group.active, group.mood
    rows: dict[str, list[np.ndarray]] = {
        k: [] for k in ("active", "orders", "leaves", "stay", "slope")
    }
    for number in range(first, first + months):
        now = number < first + 12
        season = settings.season[number % 12] * settings.growth ** (number / 12)
        turn = 2 * np.pi * (number % 12 - crowd.peak) / 12
        orders = crowd.rate * season / 12 * (1 + settings.own_season * np.cos(turn))
        orders = orders * np.exp(change.lift if now else 0.0)
        base = crowd.base + (change.level if now else 0.0)
        mood = mood + RETURN * (base - mood) + (better if now else usual_harm) * orders
        mood = mood + 0.05 * np.minimum(orders, 1) - settings.rival_expectation * rival
        mood = np.clip(mood, -3, 3)
        trend = settings.dropout_trend * number / 12
        last = 1 / (1 + np.exp(-(odds + trend - LOYALTY * mood)))
        drift = QUIET * np.exp(trend - 0.8 * mood) + settings.rival_pull * rival
        stay = np.exp(-orders * last) * (1 - np.clip(drift, 0, 0.5))
        slope = orders * LOYALTY * last * (1 - last) + 0.8 * QUIET * np.exp(trend - 0.8 * mood)
        for name, value in zip(rows, (active, orders, last, stay, stay * slope), strict=True):
            rows[name].append(value)
        active = active * stay
    changed = group.margin + np.asarray(change.price) * group.revenue - change.cost
    ahead, moved = np.zeros((months, len(crowd))), np.zeros((months, len(crowd)))
    worth, care = np.zeros(len(crowd)), np.zeros(len(crowd))
    for k in range(months - 1, -1, -1):
        ahead[k] = worth
        care = rows["slope"][k] * worth + rows["stay"][k] * (1 - RETURN) * care
        moved[k] = care
        earned = rows["orders"][k] * (changed if k < 12 else group.margin)
        worth = earned - (change.care if k < 12 else 0.0) + rows["stay"][k] * worth
    left = np.arange(months, 0, -1)[:, None] / 12
    lasting = 1 - _displaced(settings.regularity) * -np.expm1(-1.5 * crowd.rate * left)
    taken = {name: np.array(rows[name]) for name in ("active", "orders", "leaves")}
    return Outlook(
        crowd.customer_id, crowd.segment, taken["active"], taken["orders"], lasting, taken["leaves"],
        ahead, moved, changed * np.ones(len(crowd)), group.revenue, group.active * worth,
    )  # fmt: skip


def newcomer_value(
    group: Group, settings: market.Settings, first: int, months: int, change: Change | None = None
) -> np.ndarray:
    """Return the expected margin of a customer won in each of the first twelve months, until the end."""
    view = outlook(group, settings, first, months, change)
    soon = 0.5 * view.orders[:12] * view.margin
    value = view.margin + (1 - view.leaves[:12]) * (soon + view.ahead[:12])
    mean: np.ndarray = value.mean(axis=1)
    return mean
