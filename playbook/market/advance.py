"""One more year of a world, under given actions and acquisition spend."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import poisson

from . import build, catalogue, people, timeline
from .accounts import Lived, account
from .chances import Chances, Month, possible
from .past import collect, of_events
from .strategy import Strategy
from .terms import Terms, design, of_all, of_customers
from .timeline import Draws, Events, State
from .world import (
    MARKET,
    YEAR,
    Frame,
    Memory,
    World,
    chapter_of,
    customer_truth,
    market_table,
    retention_desk,
    shared_truth,
)

MOST = 2.5
"""How many times the usual newcomers more spend can win."""
CONTACTS, EVENTS, STATE, NEW, TABLES, MEND = range(6)


@dataclass(frozen=True)
class _Life:
    """A year as its customers lived it: both groups of them, as one and apart."""

    frame: Frame
    crowd: people.People
    events: Events
    state: State
    strategy: Strategy


def advance(
    world: World,
    year: int,
    strategy: Strategy | None = None,
    chance: int = 0,
    tables: bool = True,
) -> World:
    """Continue ``world`` by the calendar year ``year``.

    Two strategies for the same year and ``chance`` meet the same chances: every order that could
    happen is drawn once, and a strategy decides which do, so that paired differences have little
    variance.

    Parameters
    ----------
    world
        A world by `simulate` or `advance`; it does not change.
    year
        The year after its last one.
    strategy
        What is done in the year. None: nothing, and acquisition spend is as usual.
    chance
        Other luck for the same year; a mean over several has less luck in it.
    tables
        Whether the tables of the year are written; without them the world can only be lived on.

    Returns
    -------
    World
        With the tables and the truth of all years. New choice experiments, focus groups and
        employee surveys are not held; cookies (``visitor_id``) start anew.

    Raises
    ------
    ValueError
        For a year that is not the next one, a chance below zero, or what the menus, channels and
        customers do not have.
    TypeError
        For anything but a strategy.
    """
    memory, life = _live(world, year, strategy, chance)
    rng = life.frame.luck(TABLES)
    past = collect(rng, life.crowd, life.events, memory.past)
    strategies = memory.strategies | {year: life.strategy}
    then = Memory(life.frame, life.crowd, past, life.state, strategies)
    if not tables:
        return replace(world, memory=then)
    return _told(rng, world, then, len(memory.crowd))


def lived(world: World, year: int, strategy: Strategy | None = None, chance: int = 0) -> Lived:
    """Return what `advance` with the same arguments would earn, without writing the tables.

    The parameters are those of `advance`, and so is the profit, to the cent.
    """
    memory, life = _live(world, year, strategy, chance)
    past = of_events(life.crowd, life.events).after(memory.past, _begin(year))
    return account(life.frame, life.crowd, past, year, life.strategy)


def _live(world: World, year: int, strategy: Strategy | None, chance: int) -> tuple[Memory, _Life]:
    memory, strategy = world.memory, Strategy() if strategy is None else strategy
    if not isinstance(strategy, Strategy):
        given = type(strategy).__name__
        raise TypeError(f"give a Strategy, such as Strategy(actions=...), not a {given}")
    if memory is None or year != memory.frame.start_year + memory.frame.years:
        raise ValueError(f"a world goes on with the year after its last one, not with {year}")
    if chance < 0:
        raise ValueError(f"chance is a whole number from 0, not {chance}")
    terms = of_customers(memory.crowd, strategy, 12 * memory.frame.years)
    frame, usual = _next_frame(memory.frame, strategy.channel_spend, chance)
    state, events = _customers(memory, frame, terms)
    new, newcomers, theirs = _newcomers(memory, frame, usual, events.numbers, strategy)
    both = timeline.merged(events, theirs, len(memory.crowd))
    crowd = memory.crowd.joined(new)
    return memory, _Life(frame, crowd, both, timeline.joined(state, newcomers), strategy)


def _begin(year: int) -> np.datetime64:
    return np.datetime64(f"{year}-01-01", "us")


def _next_frame(
    frame: Frame, wanted: Mapping[str, float] | None, chance: int
) -> tuple[Frame, pd.DataFrame]:
    """Return the frame with one more year, and that year's usual spend."""
    rng = frame.generator(YEAR, frame.years + 1, MARKET)
    months = range(12 * frame.years, 12 * frame.years + 12)
    usual = catalogue.acquisition_spend(rng, frame.settings, frame.customers, months)
    spend = usual.copy()
    for channel, total in (wanted or {}).items():
        here = (spend["channel"] == channel).to_numpy()
        before = spend.loc[here, "spend"].sum()
        if before <= 0 or total < 0:
            raise ValueError(f"channel_spend: {channel!r} with {total} is not a channel with spend")
        spend.loc[here, "spend"] *= total / before
    spend["expected"] = catalogue.expected_wins(frame.settings, spend, frame.customers)
    both = pd.concat([frame.spend, spend], ignore_index=True)
    return replace(frame, years=frame.years + 1, spend=both, chance=chance), usual


def _draws(frame: Frame, group: int) -> Callable[[int], Draws]:
    def of(number: int) -> Draws:
        return Draws(
            contacts=frame.luck(group, number, CONTACTS), state=frame.luck(group, number, STATE)
        )

    return of


def _months(frame: Frame) -> range:
    return range(12 * (frame.years - 1), 12 * frame.years)


def _chances(
    memory: Memory, frame: Frame, group: int, crowd: people.People, numbers: int
) -> dict[int, Chances]:
    """Return the chances of each month of the year, which are drawn once."""
    key = (frame.chance, group)
    if key not in memory.drawn:
        first, drawn = frame.start.astype("datetime64[M]"), {}
        for number in _months(frame):
            month = Month(crowd, frame.products, first + number, number, numbers)
            events, mend = (frame.luck(group, number, purpose) for purpose in (EVENTS, MEND))
            drawn[number] = possible(events, mend, month)
            numbers += len(drawn[number].orders)
        memory.drawn[key] = drawn
    return memory.drawn[key]


def _customers(memory: Memory, frame: Frame, terms: Terms) -> tuple[State, Events]:
    """Let those who are customers already live through the year."""
    state = memory.state.copy()
    numbers = int(memory.past.orders["number"].max()) + 1
    drawn = _chances(memory, frame, 0, memory.crowd, numbers)
    events = timeline.live(
        _draws(frame, 0), memory.crowd, frame.products, state, _months(frame), frame.start,
        lambda month, _: drawn[month.number], terms,
    )  # fmt: skip
    return state, replace(events, numbers=events.numbers + numbers)


@dataclass(frozen=True)
class _Possible:
    """All who could be won in a year, and how they live.

    ``cell`` is the row of the spend (month and channel) that each comes by and ``rank`` the place
    among those; ``quantile`` that of the number won, for each row.
    """

    crowd: people.People
    state: State
    events: Events
    cell: np.ndarray
    rank: np.ndarray
    quantile: np.ndarray


def _newcomers(
    memory: Memory, frame: Frame, usual: pd.DataFrame, numbers: int, strategy: Strategy
) -> tuple[people.People, State, Events]:
    """Let all who could be won live, and keep those whom the spend wins.

    How they live depends only on fixes and programme, so that it is found once for these.
    """
    first = memory.frame.spend
    scale = 0.58 * frame.customers / first["expected"][first["month"] < 36].sum()
    scale *= min(memory.frame.years, 3) / 3
    key = (frame.chance, strategy.fixes, strategy.programme)
    if key not in memory.lives:
        most = MOST * scale * usual["expected"].to_numpy()
        memory.lives[key] = _possible(memory, frame, usual, most, numbers, strategy)
    could = memory.lives[key]
    spend = frame.spend[frame.spend["month"] >= _months(frame)[0]]
    count = poisson.ppf(could.quantile, scale * spend["expected"].to_numpy()).astype(int)
    kept = np.flatnonzero(could.rank < count[could.cell])
    events = _events_of(could.events, kept, len(could.crowd))
    return could.crowd.only(kept), _state_of(could.state, kept), events


def _possible(
    memory: Memory,
    frame: Frame,
    usual: pd.DataFrame,
    mean: np.ndarray,
    numbers: int,
    strategy: Strategy,
) -> _Possible:
    rng = frame.luck(NEW)
    quantile = rng.random(len(usual))
    most = poisson.ppf(quantile, mean).astype(int)
    cell = np.repeat(np.arange(len(usual)), most)
    rank = np.arange(len(cell)) - np.repeat(np.cumsum(most) - most, most)
    arrivals = people.arrivals_of(rng, usual.loc[cell, ["month", "channel"]], frame.settings)
    highest = max(int(number) for number in memory.crowd.customer_id)
    crowd = people.draw_people(rng, len(cell), arrivals, frame.start, frame.settings, highest)
    state = State.new(crowd)
    quiet = replace(crowd, settings=replace(crowd.settings, campaigns=()))
    drawn = _chances(memory, frame, 1, quiet, numbers)
    events = timeline.live(
        _draws(frame, 1), quiet, frame.products, state, _months(frame), frame.start,
        lambda month, _: drawn[month.number], of_all(quiet, strategy),
    )  # fmt: skip
    orders, lines, cases = (
        [pd.concat(frames, ignore_index=True)]
        for frames in (events.orders, events.lines, events.cases)
    )
    events = replace(events, orders=orders, lines=lines, cases=cases)
    return _Possible(crowd, state, events, cell, rank, quantile)


def _state_of(state: State, kept: np.ndarray) -> State:
    return State(**{label: array[..., kept] for label, array in vars(state).items()})


def _events_of(events: Events, kept: np.ndarray, total: int) -> Events:
    number = np.full(total, -1)
    number[kept] = np.arange(len(kept))

    def of(frames: list[pd.DataFrame]) -> list[pd.DataFrame]:
        moved = [f.assign(customer=number[f["customer"].to_numpy(dtype=int)]) for f in frames]
        return [f[f["customer"] >= 0] for f in moved]

    orders = of(events.orders)
    real = np.concatenate([f["number"].to_numpy() for f in orders])
    return replace(
        events,
        orders=orders,
        lines=[f[f["number"].isin(real)] for f in events.lines],
        cases=of(events.cases),
        satisfaction=[x[kept] for x in events.satisfaction],
        active=[x[kept] for x in events.active],
    )


def _told(rng: np.random.Generator, world: World, memory: Memory, before: int) -> World:
    """Return the world with the tables of the new year added."""
    frame, crowd = memory.frame, memory.crowd
    year = frame.calendar[-1]
    points = design(frame.settings, memory.strategies[year].programme).points
    chapter = chapter_of(frame, crowd, memory.past, _begin(year), before, points)
    ledgers = build.ledgers(chapter)
    more, truth = build.period(rng, chapter, ledgers["orders"])
    who = np.arange(before, len(crowd))
    own = build.master(rng, chapter, who)
    records, identities = build.records(rng, chapter, ledgers | more | own, who)
    own |= records
    # orders keep their numbers over the years; whatever is counted anew gets the year
    added = build.named(more | own, f"{year}-")
    added["loyalty_events"] = more["loyalty_events"]
    tables = world.tables | ledgers
    for label, rows in added.items():
        tables[label] = pd.concat([world.tables[label], rows], ignore_index=True)
    sold = catalogue.sold(tables["customers"], tables["orders"])
    tables["market"] = market_table(frame, sold)
    tables["channel_spend"] = _spend(world, frame, crowd)
    told = {
        label: pd.concat([world.truth[label], rows], ignore_index=True)
        for label, rows in build.named(truth | identities, f"{year}-").items()
    }
    told |= customer_truth(frame, crowd, memory.past, tables) | shared_truth(
        frame, memory.past.campaigns
    )
    extra = {"crm_contacts": retention_desk(rng, crowd, memory.past)}
    tables = {label: tables[label] for label in sorted(tables)}
    return World(tables, world.truth | told, world.settings, extra, memory)


def _spend(world: World, frame: Frame, crowd: people.People) -> pd.DataFrame:
    new = frame.spend[frame.spend["month"] >= _months(frame)[0]].reset_index(drop=True)
    won = pd.DataFrame({"month": crowd.month, "channel": crowd.channel}).value_counts()
    rng = frame.generator(YEAR, frame.years, MARKET, 2)
    rows = catalogue.channel_spend(rng, frame.settings, new, won, frame.customers, frame.start)
    return pd.concat([world.tables["channel_spend"], rows], ignore_index=True)
