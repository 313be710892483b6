"""The course of events: month by month, from each customer's state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd

from . import actions as a
from . import campaigns as c
from . import chances, purchases, service
from . import settings as s
from .chances import Chances, Month
from .frames import DAY, logistic
from .people import People
from .terms import Terms


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
    """The generators of one month."""

    contacts: np.random.Generator
    state: np.random.Generator


def live(
    draws: Callable[[int], Draws],
    people: People,
    products: pd.DataFrame,
    state: State,
    months: range,
    start: np.datetime64,
    store: Callable[[Month, np.ndarray], Chances],
    terms: Terms | None = None,
) -> Events:
    """Let the customers live through ``months`` (counted from ``start``), changing ``state``.

    Parameters
    ----------
    store
        Returns the chances of a month, given the mean count of orders of each customer.
    terms
        What a strategy means for them; none: nothing is done.
    """
    terms, events = terms or Terms(), Events()
    first = start.astype("datetime64[M]")
    for number in months:
        month = Month(people, products, first + number, number, events.numbers)
        draw = draws(number)
        lift, cut = _campaigns(draw.contacts, people, state, events, month.month)
        if terms.actions is not None:
            plan = terms.actions[terms.actions["number"] == number]
            more, deeper = a.apply(draw.contacts, people, state, events, month.month, plan)
            lift, cut = lift + more, np.maximum(cut, deeper)
        state.active |= month.new
        rhythm = _rhythm(people, state, month.opening, number)
        mean = (
            month.usual()
            * rhythm
            * np.exp(np.minimum(lift + terms.lift, chances.TOP))
            * state.active
        )
        given = store(month, mean)
        events.numbers += len(given.orders)
        happened = _happen(month, state, given, given.happens(mean), terms, cut)
        happened.told(events)
        _update(draw.state, month, state, happened, terms)
        events.satisfaction.append(state.satisfaction.astype("float32"))
        events.active.append(state.active.copy())
    return events


@dataclass(frozen=True)
class Happened:
    """What of the chances of one month came about."""

    orders: pd.DataFrame
    lines: pd.DataFrame
    refunds: pd.DataFrame
    returned: pd.DataFrame
    cases: pd.DataFrame

    def told(self, events: Events) -> None:
        """Add it to the events."""
        events.orders += [self.orders, self.refunds]
        events.lines += [self.lines, self.returned]
        events.cases.append(self.cases)


def _happen(
    month: Month, state: State, given: Chances, real: np.ndarray, terms: Terms, cut: np.ndarray
) -> Happened:
    """Return what follows of the orders that are ``real``."""
    people, orders = month.people, given.orders
    mended = {kind: given.mend[kind] < terms.mends.get(kind, 0.0) for kind in chances.MENDS}
    late = orders["late"].to_numpy(dtype=bool) & ~mended["late"]
    who, own = orders["customer"].to_numpy(), ~orders["guest"].to_numpy(dtype=bool)
    change = np.broadcast_to(terms.price, len(people))[who] * own
    price = partial(_priced, month, np.where(own, cut[who], 0.0), change)
    refunds, cases = (
        rows[real[rows["row"]] & (rows["draw"].to_numpy() < chance[rows["row"]])]
        for rows, chance in (
            (given.refunds, purchases.back(people, orders, late)),
            (given.cases, service.asking(people, orders, late)),
        )
    )
    comes = np.zeros(len(orders), dtype=bool)
    comes[refunds["row"]] = True
    row = cases["row"].to_numpy()
    mended = {kind: those[row] for kind, those in mended.items()}
    cases = cases.assign(late=late[row])
    return Happened(
        orders=orders.assign(late=late)[real],
        lines=price(given.lines, real),
        refunds=refunds,
        returned=price(given.returned, comes),
        cases=service.cases(people, cases, mended, state.satisfaction, month.month),
    )


def _priced(
    month: Month, cut: np.ndarray, change: np.ndarray, lines: pd.DataFrame, chosen: np.ndarray
) -> pd.DataFrame:
    lines = lines[chosen[lines["row"]]]
    row = lines["row"].to_numpy()
    return purchases.priced(lines, month.products, cut[row], change[row])


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
        due = np.minimum(chances.SPURT * elapsed, chances.SPURT)
        factor *= 1 - settings.regularity + settings.regularity * due
    return factor


def _update(
    rng: np.random.Generator, month: Month, state: State, happened: Happened, terms: Terms
) -> None:
    people, cases, lines = month.people, happened.cases, happened.lines
    n, settings = len(people), people.settings
    own = happened.orders[~happened.orders["guest"].to_numpy(dtype=bool)]
    who = own["customer"].to_numpy()
    count = np.bincount(who, minlength=n)
    value = (lines["quantity"] * lines["unit_price"]).groupby(lines["number"]).sum()
    revenue = np.bincount(who, weights=value.reindex(own["number"], fill_value=0.0), minlength=n)
    delays = np.bincount(who[own["late"]], minlength=n)
    failures = np.bincount(cases["customer"][cases["failed"]], minlength=n)
    solved = np.bincount(cases["customer"][~cases["failed"]], minlength=n)
    shock = settings.trait("sensitivity", people.segment) * (-0.70 * delays - 0.85 * failures)
    shock = settings.service_effect * (shock + 0.10 * solved)
    state.satisfaction += 0.12 * (people.base + terms.level - state.satisfaction) + shock
    state.satisfaction += 0.05 * (count > 0) + rng.normal(0, 0.08, n)
    if month.month >= s.RIVAL_FROM:
        state.satisfaction -= settings.rival_expectation * s.RIVAL_SEGMENT[people.segment]
    state.satisfaction = np.clip(state.satisfaction, -3.0, 3.0)
    state.spend = state.spend * (11 / 12) + revenue
    latest = own.groupby("customer")["time"].max()
    state.last_order[latest.index.to_numpy()] = latest.to_numpy()
    state.last_failure[(delays + failures) > 0] = (month.month + 1).astype("datetime64[us]")
    trend = settings.dropout_trend * month.number / 12
    odds = np.log(people.dropout / (1 - people.dropout)) + trend
    stay = (1 - logistic(odds - 0.75 * state.satisfaction)) ** count
    drift = 0.0045 * np.exp(trend - 0.8 * state.satisfaction)
    if month.month >= s.RIVAL_FROM:
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
