"""What contacts are worth to each customer, from true parameters and hidden states: for the oracle alone.

Expected orders follow the planted law of the simulated market, month by month, at the mean course of
satisfaction. A contact in a month adds orders at once, gives its discount to those who would have bought
anyway, makes some leave earlier (an order may be the last), and moves satisfaction and so who stays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook import market
from playbook.market import settings as planted

__all__ = ["Outlook", "best_contacts", "outlook"]

TIERS = np.array([0.42, 0.68, 1.0, 1.5, 2.3])
"""Relative price of the five price tiers of the simulated range."""
FAILED = 0.30
"""Share of service cases that fail, roughly; it only moves the mean course of satisfaction."""
SPURT = 2.5
"""How much likelier an order of a regular buyer is once the usual interval has passed."""
RETURN, LOYALTY, QUIET = 0.12, 0.75, 0.0045
"""Planted laws: return of satisfaction to its base, its weight in leaving, leaving without an order."""


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


def _per_order(world: market.World) -> tuple[np.ndarray, np.ndarray]:
    """Margin (refunds and cases taken off) and revenue of an order of each customer."""
    assert world.memory is not None
    crowd = world.memory.crowd
    orders = world.tables["orders"].dropna(subset="customer_id")
    number = pd.Index(crowd.customer_id).get_indexer(orders["customer_id"])
    segment = crowd.segment[number]
    gain = (orders["revenue"] - orders["cost"]).to_numpy(float)
    paid = (orders["revenue"] > 0).to_numpy()
    level = np.arange(5)
    spread = np.exp(-0.5 * ((level - crowd.tier[:, None]) / 0.8) ** 2)
    dear = (spread / spread.sum(axis=1, keepdims=True)) @ TIERS
    size = len(planted.SEGMENTS)
    count = np.maximum(np.bincount(segment[paid], minlength=size), 1)
    usual = np.bincount(segment[paid], dear[number[paid]], size) / count
    each = [
        np.bincount(segment, v, size) / count for v in (gain, orders["revenue"].to_numpy(float))
    ]
    relative = dear / usual[crowd.segment]
    margin, revenue = (v[crowd.segment] * relative for v in each)
    return margin - 1.8, revenue  # a case costs 6, three orders in ten have one


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


def outlook(world: market.World, months: int) -> Outlook:
    """Return the expected course of the next ``months`` months, from the hidden states."""
    memory = world.memory
    assert memory is not None
    crowd, state, settings = memory.crowd, memory.state, memory.frame.settings
    first = 12 * memory.frame.years
    margin, revenue = _per_order(world)
    late = pd.Series(crowd.country).map(settings.late).to_numpy(float)
    city = planted.CITIES["area_type"].to_numpy()[crowd.city] == "urban"
    late = late * np.where(city, settings.carrier, 1.0)
    cases = settings.trait("cases", crowd.segment) * 0.9 + 0.42 * late
    harm = settings.trait("sensitivity", crowd.segment) * (-0.70 * late - 0.85 * FAILED * cases)
    harm = settings.service_effect * (harm + 0.10 * (1 - FAILED) * cases)
    rival = planted.RIVAL_SEGMENT[crowd.segment]
    odds = np.log(crowd.dropout / (1 - crowd.dropout))
    active, mood = state.active.astype(float), state.satisfaction.copy()
    rows: dict[str, list[np.ndarray]] = {
        k: [] for k in ("active", "orders", "leaves", "stay", "slope")
    }
    for number in range(first, first + months):
        season = settings.season[number % 12] * settings.growth ** (number / 12)
        turn = 2 * np.pi * (number % 12 - crowd.peak) / 12
        orders = crowd.rate * season / 12 * (1 + settings.own_season * np.cos(turn))
        mood = mood + RETURN * (crowd.base - mood) + harm * orders + 0.05 * np.minimum(orders, 1)
        mood = np.clip(mood - settings.rival_expectation * rival, -3, 3)
        trend = settings.dropout_trend * number / 12
        last = 1 / (1 + np.exp(-(odds + trend - LOYALTY * mood)))
        drift = QUIET * np.exp(trend - 0.8 * mood) + settings.rival_pull * rival
        stay = np.exp(-orders * last) * (1 - np.clip(drift, 0, 0.5))
        slope = orders * LOYALTY * last * (1 - last) + 0.8 * QUIET * np.exp(trend - 0.8 * mood)
        for name, value in zip(
            rows, (active.copy(), orders, last, stay, stay * slope), strict=True
        ):
            rows[name].append(value)
        active = active * stay
    ahead, moved = np.zeros((months, len(crowd))), np.zeros((months, len(crowd)))
    worth, care = np.zeros(len(crowd)), np.zeros(len(crowd))
    for k in range(months - 1, -1, -1):
        ahead[k] = worth
        care = rows["slope"][k] * worth + rows["stay"][k] * (1 - RETURN) * care
        moved[k] = care
        worth = rows["orders"][k] * margin + rows["stay"][k] * worth
    left = np.arange(months, 0, -1)[:, None] / 12
    lasting = 1 - _displaced(settings.regularity) * -np.expm1(-1.5 * crowd.rate * left)
    taken = {name: np.array(rows[name]) for name in ("active", "orders", "leaves")}
    return Outlook(
        crowd.customer_id, crowd.segment, taken["active"], taken["orders"], lasting, taken["leaves"],
        ahead, moved, margin, revenue,
    )  # fmt: skip


def _gain(
    view: Outlook, action: market.planned.Action, month: int, kept: float
) -> np.ndarray:
    """Expected margin that a contact in a month adds, its cost not yet taken off."""
    usual = view.orders[month]
    more = usual * np.expm1(np.array(action.lift)[view.segment] * kept)
    fewer_left = np.exp(-(usual + more) * view.leaves[month]) - np.exp(-usual * view.leaves[month])
    care = np.array(action.care)[view.segment] * kept
    given = action.cut * view.revenue * (usual + more)
    gain = more * view.lasting[month] * view.margin - given + fewer_left * view.ahead[month] + care * view.moved[month]
    return view.active[month] * gain


def _table(
    view: Outlook, actions: tuple[market.planned.Action, ...], allowed: np.ndarray, wear: float, price: float
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
    view: Outlook, actions: tuple[market.planned.Action, ...], allowed: np.ndarray, *,
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
    people = len(view.segment)
    patterns, counts = 8, most + 1  # bit 0: contact in the month before
    future = np.zeros((patterns, counts, people))
    act = np.zeros((12, patterns, counts, people), dtype=bool)
    for month in range(11, -1, -1):
        now = np.empty_like(future)
        for pattern in range(patterns):
            rest, after = (pattern << 1) & 7, ((pattern << 1) | 1) & 7
            bonus = value[month, int(pattern).bit_count()]
            for left in range(counts):
                wait = future[rest, left]
                go = bonus + future[after, left - 1] if left else np.full(people, -np.inf)
                act[month, pattern, left] = go > wait + 1e-9
                now[pattern, left] = np.maximum(go, wait)
        future = now
    place = np.arange(people)
    before = recent > 0
    pattern = (before[2] * 1 + before[1] * 2 + before[0] * 4).astype(int)
    left = np.full(people, most)
    rows = []
    for month in range(12):
        goes = act[month, pattern, left, place]
        chosen = np.flatnonzero(goes)
        worn = np.array([int(p).bit_count() for p in pattern[chosen]], dtype=int)
        rows.append(pd.DataFrame({
            "customer_id": view.customer_id[chosen],
            "action": np.array([a.action for a in actions], dtype=object)[which[month, worn, chosen]],
            "month": month + 1, "gain": value[month, worn, chosen],
        }))  # fmt: skip
        pattern, left = ((pattern << 1) | goes) & 7, left - goes
    return pd.concat(rows, ignore_index=True)
