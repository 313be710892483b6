"""The course of events: month by month, from each customer's state."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from . import campaigns as c
from . import purchases, service
from . import settings as s
from .frames import DAY, logistic
from .people import People


@dataclass
class State:
    """What carries over from month to month, one element per customer."""

    active: np.ndarray
    satisfaction: np.ndarray
    spend: np.ndarray
    last_order: np.ndarray
    last_failure: np.ndarray

    @classmethod
    def new(cls, people: People, start: np.datetime64) -> State:
        """Return the state at the start: the base is active, others are still to come."""
        never = np.full(len(people), np.datetime64("NaT", "us"))
        return cls(
            active=people.month < 0,
            satisfaction=people.base.copy(),
            spend=np.zeros(len(people)),
            last_order=never.copy(),
            last_failure=never.copy(),
        )


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


def live(
    rng: np.random.Generator,
    people: People,
    products: pd.DataFrame,
    start: np.datetime64,
    months: int,
    chosen: tuple[c.Campaign, ...] = c.CAMPAIGNS,
) -> Events:
    """Let the customers live for ``months`` months from ``start``."""
    state, events = State.new(people, start), Events()
    first = start.astype("datetime64[M]")
    end = (first + months).astype("datetime64[us]")
    for number in range(months):
        running = [x for x in chosen if np.datetime64(x.month, "M") == first + number]
        _month(rng, people, products, state, events, first + number, number, running, end)
    return events


def _month(
    rng: np.random.Generator,
    people: People,
    products: pd.DataFrame,
    state: State,
    events: Events,
    month: np.datetime64,
    number: int,
    running: list[c.Campaign],
    end: np.datetime64,
) -> None:
    lift, cut = _campaigns(rng, people, state, events, month, running)
    orders = _orders(rng, people, state, month, number, lift)
    orders["number"] = events.numbers + np.arange(len(orders))
    events.numbers += len(orders)
    orders["channel"] = purchases.channels(rng, people, orders["customer"].to_numpy())
    orders["peak"] = int(month.astype(int)) % 12 == 10
    orders["refund"] = False
    is_late = service.late(rng, people, orders, month)
    orders["late"] = is_late
    price_cut = np.where(orders["guest"], 0.0, cut[orders["customer"]])
    lines = purchases.fill(rng, people, products, orders, price_cut).assign(refund=False)
    refund, returned = purchases.refunds(rng, people, orders, lines, is_late, end)
    cases = service.cases(rng, people, orders, is_late, state.satisfaction, month)
    events.orders += [orders, refund]
    events.lines += [lines, returned.assign(refund=True)]
    events.cases.append(cases)
    _update(rng, people, state, orders, lines, cases, month)
    events.satisfaction.append(state.satisfaction.astype("float32"))
    events.active.append(state.active.copy())


def _campaigns(
    rng: np.random.Generator,
    people: People,
    state: State,
    events: Events,
    month: np.datetime64,
    running: list[c.Campaign],
) -> tuple[np.ndarray, np.ndarray]:
    lift, cut = np.zeros(len(people)), np.zeros(len(people))
    now = month.astype("datetime64[us]")
    ago = [(now - t) / DAY for t in (state.last_order, state.last_failure)]
    ago = [np.where(np.isnan(days), np.inf, days) for days in ago]
    for campaign in running:
        members = c.assign(rng, campaign, people, state.spend, *ago)
        treated = members.loc[members["treated"], "customer"].to_numpy()
        segment = people.segment[treated]
        lift[treated] += np.array(campaign.lift)[segment]
        cut[treated] = np.maximum(cut[treated], campaign.cut)
        state.satisfaction[treated] += np.array(campaign.care)[segment]
        events.members.append(members)
    return lift, cut


def _orders(
    rng: np.random.Generator,
    people: People,
    state: State,
    month: np.datetime64,
    number: int,
    lift: np.ndarray,
) -> pd.DataFrame:
    opening = month.astype("datetime64[us]")
    length = ((month + 1).astype("datetime64[us]") - opening) / DAY
    new = people.month == number
    state.active |= new
    since = np.where(new, (people.acquired_at - opening) / DAY, 0.0)
    season = s.SEASON[int(month.astype(int)) % 12] * s.GROWTH ** (number / 12)
    mean = people.rate * season / 12 * np.exp(lift) * state.active * (1 - since / length)
    again = np.repeat(np.arange(len(people)), rng.poisson(mean))
    day = since[again] + rng.random(len(again)) * (length - since[again])
    moment = opening + _clock(rng, day)
    first = np.flatnonzero(new)
    soon = people.acquired_at[first] + (rng.uniform(60, 900, len(first)) * 1e6).astype(
        "timedelta64[us]"
    )
    customer = np.concatenate([first, again])
    time = np.concatenate([soon, np.maximum(moment, people.acquired_at[again] + DAY // 4)])
    guests = rng.binomial(len(customer), 0.042)
    if len(customer):
        like = rng.choice(customer, guests)
        customer = np.concatenate([customer, like])
        time = np.concatenate([time, opening + _clock(rng, rng.random(guests) * length)])
    last_moment = (month + 1).astype("datetime64[us]") - np.timedelta64(60_000_000, "us")
    guest = np.zeros(len(customer), dtype=bool)
    guest[len(customer) - guests :] = True
    return pd.DataFrame(
        {"customer": customer, "time": np.minimum(time, last_moment), "guest": guest}
    )


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
) -> None:
    n = len(people)
    own = orders[~orders["guest"]]
    who = own["customer"].to_numpy()
    count = np.bincount(who, minlength=n)
    value = (lines["quantity"] * lines["unit_price"]).groupby(lines["number"]).sum()
    revenue = np.bincount(who, weights=value.reindex(own["number"], fill_value=0.0), minlength=n)
    delays = np.bincount(who[own["late"]], minlength=n)
    failures = np.bincount(cases["customer"][cases["failed"]], minlength=n)
    solved = np.bincount(cases["customer"][~cases["failed"]], minlength=n)
    shock = s.trait("sensitivity", people.segment) * (-0.70 * delays - 0.85 * failures)
    state.satisfaction += 0.12 * (people.base - state.satisfaction) + shock
    state.satisfaction += 0.10 * solved + 0.05 * (count > 0) + rng.normal(0, 0.08, n)
    if month >= s.RIVAL_FROM:
        state.satisfaction -= s.RIVAL_EXPECTATION * s.RIVAL_SEGMENT[people.segment]
    state.satisfaction = np.clip(state.satisfaction, -3.0, 3.0)
    state.spend = state.spend * (11 / 12) + revenue
    latest = own.groupby("customer")["time"].max()
    state.last_order[latest.index.to_numpy()] = latest.to_numpy()
    state.last_failure[(delays + failures) > 0] = (month + 1).astype("datetime64[us]")
    leave = logistic(np.log(people.dropout / (1 - people.dropout)) - 0.75 * state.satisfaction)
    stay = (1 - leave) ** count
    drift = 0.0045 * np.exp(-0.8 * state.satisfaction)
    if month >= s.RIVAL_FROM:
        drift = drift + s.RIVAL_PULL * s.RIVAL_SEGMENT[people.segment]
    state.active &= rng.random(n) < stay * (1 - np.clip(drift, 0, 0.5))
