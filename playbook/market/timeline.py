"""The course of events: month by month, from each customer's state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy.stats import poisson

from . import actions as a
from . import campaigns as c
from . import purchases, service
from . import settings as s
from .frames import DAY, logistic
from .people import People

TOP = 1.6
"""Largest log lift that counts in one month, and how many possible orders are drawn for it."""
SPURT = 2.5
"""How much more than usual a regular buyer orders once the usual interval has passed."""


@dataclass
class State:
    """What carries over from month to month, one element per customer.

    ``contacts`` counts the actions of each of the last three months.
    """

    active: np.ndarray
    satisfaction: np.ndarray
    spend: np.ndarray
    last_order: np.ndarray
    last_failure: np.ndarray
    contacts: np.ndarray

    @classmethod
    def new(cls, people: People) -> State:
        """Return the state at the start: the base is active, others are still to come."""
        never = np.full(len(people), np.datetime64("NaT", "us"))
        return cls(
            active=people.month < 0,
            satisfaction=people.base.copy(),
            spend=np.zeros(len(people)),
            last_order=never.copy(),
            last_failure=never.copy(),
            contacts=np.zeros((3, len(people))),
        )

    def copy(self) -> State:
        """Return a state that can change without changing this one."""
        return State(**{label: array.copy() for label, array in vars(self).items()})


@dataclass
class Events:
    """Everything that happened, a list of one frame per month, and monthly snapshots."""

    orders: list[pd.DataFrame] = field(default_factory=list)
    lines: list[pd.DataFrame] = field(default_factory=list)
    cases: list[pd.DataFrame] = field(default_factory=list)
    members: list[pd.DataFrame] = field(default_factory=list)
    satisfaction: list[np.ndarray] = field(default_factory=list)
    active: list[np.ndarray] = field(default_factory=list)
    numbers: int = 0


@dataclass(frozen=True)
class Draws:
    """The generators of one month.

    With ``possible`` every order that any action could cause is drawn with all that would follow,
    and those that do happen are kept: two plans then differ by what they cause, not by chance.
    """

    events: np.random.Generator
    state: np.random.Generator
    contacts: np.random.Generator
    possible: bool = False


def live(
    draws: Callable[[int], Draws],
    people: People,
    products: pd.DataFrame,
    state: State,
    months: range,
    start: np.datetime64,
    plan: pd.DataFrame | None = None,
    numbers: int = 0,
) -> Events:
    """Let the customers live through ``months`` (counted from ``start``), changing ``state``.

    ``plan`` holds actions (columns ``customer``, ``action``, ``number`` of the month, ``treated``,
    ``probability``); ``numbers`` is the first free order number.
    """
    events = Events(numbers=numbers)
    first = start.astype("datetime64[M]")
    for number in months:
        month = first + number
        draw = draws(number)
        lift, cut = _campaigns(draw.contacts, people, state, events, month)
        if plan is not None:
            more, deeper = a.apply(draw.contacts, people, state, events, month, number, plan)
            lift, cut = lift + more, np.maximum(cut, deeper)
        orders = _orders(draw, people, state, month, number, np.minimum(lift, TOP))
        _month(draw, people, products, state, events, month, number, orders, cut)
    return events


def _month(
    draw: Draws,
    people: People,
    products: pd.DataFrame,
    state: State,
    events: Events,
    month: np.datetime64,
    number: int,
    orders: pd.DataFrame,
    cut: np.ndarray,
) -> None:
    rng = draw.events
    orders["number"] = events.numbers + np.arange(len(orders))
    events.numbers += len(orders)
    orders["channel"] = purchases.channels(rng, people, orders["customer"].to_numpy())
    orders["peak"] = int(month.astype(int)) % 12 == 10
    orders["refund"] = False
    is_late = service.late(rng, people, orders, month)
    orders["late"] = is_late
    price_cut = np.where(orders["guest"], 0.0, cut[orders["customer"]])
    lines = purchases.fill(rng, people, products, orders, price_cut).assign(refund=False)
    refund, returned = purchases.refunds(rng, people, orders, lines, is_late)
    returned = returned.assign(refund=True)
    cases = service.cases(rng, people, orders, is_late, state.satisfaction, month)
    if not orders["happens"].all():
        real = orders.loc[orders["happens"], "number"].to_numpy()
        orders, lines, refund, returned, cases = (
            f[f["number"].isin(real)] for f in (orders, lines, refund, returned, cases)
        )
    events.orders += [orders, refund]
    events.lines += [lines, returned]
    events.cases.append(cases)
    _update(draw.state, people, state, orders, lines, cases, month, number)
    events.satisfaction.append(state.satisfaction.astype("float32"))
    events.active.append(state.active.copy())


def _campaigns(
    rng: np.random.Generator, people: People, state: State, events: Events, month: np.datetime64
) -> tuple[np.ndarray, np.ndarray]:
    lift, cut = np.zeros(len(people)), np.zeros(len(people))
    now = month.astype("datetime64[us]")
    ago = [(now - t) / DAY for t in (state.last_order, state.last_failure)]
    ago = [np.where(np.isnan(days), np.inf, days) for days in ago]
    for campaign in people.settings.campaigns:
        if np.datetime64(campaign.month, "M") != month:
            continue
        members = c.assign(rng, campaign, people, state.spend, *ago)
        treated = members.loc[members["treated"], "customer"].to_numpy()
        segment = people.segment[treated]
        lift[treated] += np.array(campaign.lift)[segment]
        cut[treated] = np.maximum(cut[treated], campaign.cut)
        state.satisfaction[treated] += np.array(campaign.care)[segment]
        events.members.append(members)
    return lift, cut


def _rhythm(people: People, state: State, opening: np.datetime64, number: int) -> np.ndarray:
    """Return how much likelier than usual an order is now: the own season and regular buying."""
    settings = people.settings
    factor = np.ones(len(people))
    if settings.own_season:
        turn = 2 * np.pi * (number % 12 - people.peak) / 12
        factor *= 1 + settings.own_season * np.cos(turn)
    if settings.regularity:
        last = np.where(np.isnat(state.last_order), people.acquired_at, state.last_order)
        elapsed = np.maximum((opening - last).astype(float) / 86_400e6, 0.0) / 365.25 * people.rate
        due = np.minimum(SPURT * elapsed, SPURT)
        factor *= 1 - settings.regularity + settings.regularity * due
    return factor


def _orders(
    draw: Draws,
    people: People,
    state: State,
    month: np.datetime64,
    number: int,
    lift: np.ndarray,
) -> pd.DataFrame:
    rng, n, settings = draw.events, len(people), people.settings
    opening = month.astype("datetime64[us]")
    length = ((month + 1).astype("datetime64[us]") - opening) / DAY
    new = people.month == number
    state.active |= new
    since = np.where(new, (people.acquired_at - opening) / DAY, 0.0)
    season = settings.season[int(month.astype(int)) % 12] * settings.growth ** (number / 12)
    usual = people.rate * season / 12 * (1 - since / length) * (people.month <= number)
    mean = usual * _rhythm(people, state, opening, number) * np.exp(lift) * state.active
    count, drawn = _counts(draw, usual * (1 + settings.own_season), mean, settings.regularity)
    again = np.repeat(np.arange(n), drawn)
    rank = np.arange(len(again)) - np.repeat(np.cumsum(drawn) - drawn, drawn)
    day = since[again] + rng.random(len(again)) * (length - since[again])
    moment = opening + _clock(rng, day)
    first = np.flatnonzero(new)
    soon = people.acquired_at[first] + (rng.uniform(60, 900, len(first)) * 1e6).astype(
        "timedelta64[us]"
    )
    customer = np.concatenate([first, again])
    happens = np.concatenate([np.ones(len(first), dtype=bool), rank < count[again]])
    time = np.concatenate([soon, np.maximum(moment, people.acquired_at[again] + DAY // 4)])
    own = pd.DataFrame({"customer": customer, "time": time, "guest": False, "happens": happens})
    usually = usual.sum() * 0.8 + len(first) if draw.possible else len(customer)
    last_moment = (month + 1).astype("datetime64[us]") - np.timedelta64(60_000_000, "us")
    orders = pd.concat([own, _guests(rng, customer, usually, opening, length)], ignore_index=True)
    return orders.assign(time=np.minimum(orders["time"].to_numpy(), last_moment))


def _counts(
    draw: Draws, usual: np.ndarray, mean: np.ndarray, regularity: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return how many orders each customer places, and how many are drawn."""
    if not draw.possible:
        count = draw.events.poisson(mean)
        return count, count
    top = usual * np.exp(TOP) * (1 - regularity + regularity * SPURT)
    quantile = draw.events.random(len(mean))
    return (
        np.nan_to_num(poisson.ppf(quantile, np.minimum(mean, top))).astype(int).clip(0),
        np.nan_to_num(poisson.ppf(quantile, top)).astype(int).clip(0),
    )


def _guests(
    rng: np.random.Generator,
    customer: np.ndarray,
    usually: float,
    opening: np.datetime64,
    length: float,
) -> pd.DataFrame:
    """Return orders without a customer number: about four in a hundred."""
    guests = rng.binomial(int(usually), 0.042) if len(customer) else 0
    like = rng.choice(customer, guests) if guests else np.empty(0, dtype=int)
    time = opening + _clock(rng, rng.random(guests) * length)
    return pd.DataFrame({"customer": like, "time": time, "guest": True, "happens": True})


def _clock(rng: np.random.Generator, day: np.ndarray) -> np.ndarray:
    """Return time spans for days counted with fraction, moved to a plausible hour of the day."""
    hour = np.clip(rng.normal(15.5, 4.0, len(day)), 6.0, 23.5)
    return ((np.floor(day) * 24 + hour) * 3600e6).astype("timedelta64[us]")


def _update(
    rng: np.random.Generator,
    people: People,
    state: State,
    orders: pd.DataFrame,
    lines: pd.DataFrame,
    cases: pd.DataFrame,
    month: np.datetime64,
    number: int,
) -> None:
    n, settings = len(people), people.settings
    own = orders[~orders["guest"]]
    who = own["customer"].to_numpy()
    count = np.bincount(who, minlength=n)
    value = (lines["quantity"] * lines["unit_price"]).groupby(lines["number"]).sum()
    revenue = np.bincount(who, weights=value.reindex(own["number"], fill_value=0.0), minlength=n)
    delays = np.bincount(who[own["late"]], minlength=n)
    failures = np.bincount(cases["customer"][cases["failed"]], minlength=n)
    solved = np.bincount(cases["customer"][~cases["failed"]], minlength=n)
    shock = settings.trait("sensitivity", people.segment) * (-0.70 * delays - 0.85 * failures)
    shock = settings.service_effect * (shock + 0.10 * solved)
    state.satisfaction += 0.12 * (people.base - state.satisfaction) + shock
    state.satisfaction += 0.05 * (count > 0) + rng.normal(0, 0.08, n)
    if month >= s.RIVAL_FROM:
        state.satisfaction -= settings.rival_expectation * s.RIVAL_SEGMENT[people.segment]
    state.satisfaction = np.clip(state.satisfaction, -3.0, 3.0)
    state.spend = state.spend * (11 / 12) + revenue
    latest = own.groupby("customer")["time"].max()
    state.last_order[latest.index.to_numpy()] = latest.to_numpy()
    state.last_failure[(delays + failures) > 0] = (month + 1).astype("datetime64[us]")
    trend = settings.dropout_trend * number / 12
    odds = np.log(people.dropout / (1 - people.dropout)) + trend
    stay = (1 - logistic(odds - 0.75 * state.satisfaction)) ** count
    drift = 0.0045 * np.exp(trend - 0.8 * state.satisfaction)
    if month >= s.RIVAL_FROM:
        drift = drift + settings.rival_pull * s.RIVAL_SEGMENT[people.segment]
    state.active &= rng.random(n) < stay * (1 - np.clip(drift, 0, 0.5))


def joined(left: State, right: State) -> State:
    """Return the state of two groups of customers as one."""
    parts = {
        label: np.concatenate([array, getattr(right, label)], axis=-1)
        for label, array in vars(left).items()
    }
    return State(**parts)


def merged(events: Events, other: Events, offset: int) -> Events:
    """Return the events of two groups; customers of ``other`` are counted from ``offset``."""
    shift = {
        label: [f.assign(customer=f["customer"] + offset) for f in getattr(other, label)]
        for label in ("orders", "cases", "members")
    }
    return replace(
        events,
        orders=events.orders + shift["orders"],
        lines=events.lines + other.lines,
        cases=events.cases + shift["cases"],
        members=events.members + shift["members"],
        satisfaction=[
            np.concatenate(p) for p in zip(events.satisfaction, other.satisfaction, strict=True)
        ],
        active=[np.concatenate(p) for p in zip(events.active, other.active, strict=True)],
        numbers=max(events.numbers, other.numbers),
    )
