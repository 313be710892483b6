"""The whole world: all tables and the truth behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from . import build, campaigns, catalogue, people, surveys, terms, timeline, voices
from . import settings as s
from .chances import Chances, certain
from .past import Past, collect
from .planned import Campaign
from .settings import Settings
from .strategy import Strategy

SHARD = 50_000
"""Most customers that are simulated at a time."""
RESPONDENTS = 560
"""Respondents of the choice experiment."""


@dataclass(frozen=True)
class Frame:
    """What all customers of a world have in common."""

    settings: Settings
    seed: int
    customers: int
    start_year: int
    years: int
    products: pd.DataFrame
    quality: np.ndarray
    spend: pd.DataFrame
    chance: int = 0

    @property
    def start(self) -> np.datetime64:
        """First moment of the world."""
        return np.datetime64(f"{self.start_year}-01-01", "us")

    @property
    def end(self) -> np.datetime64:
        """First moment after the years simulated so far."""
        return np.datetime64(f"{self.start_year + self.years}-01-01", "us")

    @property
    def calendar(self) -> range:
        """Calendar years simulated so far."""
        return range(self.start_year, self.start_year + self.years)

    def generator(self, *key: int) -> np.random.Generator:
        """Return the generator of one purpose, independent of all others."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def luck(self, *key: int) -> np.random.Generator:
        """Return the generator of one purpose of the last year, other luck for another chance."""
        other = (CHANCE, self.chance) if self.chance else ()
        return self.generator(YEAR, self.years, *key, *other)


# Purposes of generators.
COMMON, SHARDS, MARKET, YEAR, CHANCE = 1, 2, 3, 4, 5


@dataclass(frozen=True)
class Memory:
    """What `advance` needs to continue a world, and the strategies of the years it continued.

    ``drawn`` keeps the chances of the year to come once drawn, by chance and group of customers,
    as all strategies meet the same, and ``lives`` the lives of those who could be won.
    """

    frame: Frame
    crowd: people.People
    past: Past
    state: timeline.State
    strategies: dict[int, Strategy] = field(default_factory=dict)
    drawn: dict[tuple[int, int], dict[int, Chances]] = field(default_factory=dict, repr=False)
    lives: dict[tuple[object, ...], Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class World:
    """A simulated client.

    Attributes
    ----------
    tables
        Every standard table by name, with the columns `playbook.tables` declares.
    truth
        What was planted and no run may read: latent segments, rates, part-worths, effects.
    settings
        The parameters of the world.
    extra
        Columns that single systems hold beside the standard tables: ``crm_contacts`` has
        ``customer_id`` and ``retention_status``, which the retention desk fills in *after* a
        customer has left (the planted leak).
    memory
        State of the customers, from which `advance` continues.
    """

    tables: dict[str, pd.DataFrame]
    truth: dict[str, pd.DataFrame]
    settings: Settings = field(default_factory=Settings, repr=False)
    extra: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    memory: Memory | None = field(default=None, repr=False)


def simulate(
    customers: int = 6000,
    start_year: int = 2023,
    years: int = 3,
    seed: int = 2025,
    settings: Settings | None = None,
) -> World:
    """Simulate Larkfield Home, a home and living retailer in three countries.

    Parameters
    ----------
    customers
        Customers in the master data; 42 % of them were won before the start.
    start_year, years
        Calendar years simulated; times are UTC.
    seed
        Seed of all random generators.
    settings
        Parameters of the world (`draw_settings`); the demo client's if absent.

    Returns
    -------
    World
        The same for the same arguments.

    Raises
    ------
    ValueError
        With fewer than 100 customers, more than 50,000 (`write_parquet` takes more), or less than
        one year.
    """
    if customers > SHARD:
        raise ValueError(
            f"simulate() holds at most {SHARD:,} customers in memory, got {customers:,}; "
            "write_parquet() writes more"
        )
    frame = common(customers, start_year, years, seed, settings or Settings())
    part = shard(frame, 0, customers)
    tables = part.tables | shared_tables(frame, part.won, part.sold)
    truth = part.truth | shared_truth(frame, part.past.campaigns)
    memory = Memory(frame, part.crowd, part.past, part.state)
    tables = {name: tables[name] for name in sorted(tables)}
    return World(tables, truth, frame.settings, part.extra, memory)


def common(customers: int, start_year: int, years: int, seed: int, settings: Settings) -> Frame:
    """Draw what all customers have in common."""
    if customers < 100 or years < 1:
        raise ValueError(
            f"simulate() needs at least 100 customers and 1 year, got {customers} and {years}"
        )
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(COMMON,)))
    products, quality = catalogue.products(rng)
    spend = catalogue.acquisition_spend(rng, settings, customers, range(12 * years))
    return Frame(settings, seed, customers, start_year, years, products, quality, spend)


@dataclass(frozen=True)
class Shard:
    """Some of the customers of a world, with their tables and their truth."""

    tables: build.Tables
    truth: build.Tables
    extra: build.Tables
    won: pd.Series
    sold: pd.Series
    crowd: people.People
    past: Past
    state: timeline.State


def shard(frame: Frame, number: int, customers: int) -> Shard:
    """Simulate the customers of one shard; identifiers differ from those of all others."""
    rng = frame.generator(SHARDS, number)
    first = number * SHARD
    arrivals = people.draw_arrivals(rng, customers, frame.spend, frame.settings)
    crowd = people.draw_people(rng, customers, arrivals, frame.start, frame.settings, first)
    state = timeline.State.new(crowd)
    draws, store = timeline.Draws(contacts=rng, state=rng), partial(certain, rng)
    months = range(12 * frame.years)
    events = timeline.live(
        lambda _: draws, crowd, frame.products, state, months, frame.start, store
    )
    past = collect(rng, crowd, events)
    chapter = chapter_of(frame, crowd, past, frame.start, first)
    tables = build.ledgers(chapter)
    more, truth = build.period(rng, chapter, tables["orders"])
    who = np.arange(len(crowd))
    own = build.master(rng, chapter, who)
    asked = max(40, round(RESPONDENTS * customers / max(frame.customers, SHARD)))
    asked = RESPONDENTS if frame.customers <= SHARD else asked
    picked, worths = build.choices(rng, chapter, asked)
    tables |= more | own | picked
    records, identities = build.records(rng, chapter, tables, who)
    tables |= records
    truth |= identities | worths | customer_truth(frame, crowd, past, tables)
    prefix = f"{number:02d}-" if number else ""
    won = arrivals[arrivals["month"] >= 0].groupby(["month", "channel"]).size()
    return Shard(
        build.named(tables, prefix),
        build.named(truth, prefix),
        {"crm_contacts": retention_desk(rng, crowd, past)},
        won,
        catalogue.sold(tables["customers"], tables["orders"]),
        crowd,
        past,
        state,
    )


def chapter_of(
    frame: Frame,
    crowd: people.People,
    past: Past,
    begin: np.datetime64,
    first: int = 0,
    points: float = 1.0,
) -> build.Chapter:
    """Return the period from ``begin`` to the end of the years simulated so far."""
    return build.Chapter(
        crowd, past, frame.products, frame.quality, frame.start, begin, frame.end, first, points
    )


def shared_tables(frame: Frame, won: pd.Series, sold: pd.Series) -> build.Tables:
    """Return the tables that do not grow with the customers."""
    rng = frame.generator(MARKET)
    last = frame.calendar[-1]
    return {
        "channel_spend": catalogue.channel_spend(
            rng, frame.settings, frame.spend, won, frame.customers, frame.start
        ),
        "products": frame.products,
        "offers": catalogue.offers(),
        "focus_group_quotes": voices.focus_group_table(rng),
        "employee_survey": voices.employee_table(rng, [last - 1, last]),
        "market": market_table(frame, sold),
        "survey_questions": surveys.question_table(),
    }


def market_table(frame: Frame, sold: pd.Series) -> pd.DataFrame:
    """Return the table ``market`` of all years simulated so far."""
    return catalogue.market(frame.generator(MARKET, 1), frame.settings, sold, frame.calendar)


def retention_desk(rng: np.random.Generator, crowd: people.People, past: Past) -> pd.DataFrame:
    """Return what the CRM says of customers who left: filled in after the outcome."""
    gone = past.active.any(axis=0) & ~past.active[-1]
    draw = rng.random(len(crowd))
    status = np.full(len(crowd), None, dtype=object)
    status[gone & (draw < 0.85)] = "closed: lost"
    status[~gone & (draw < 0.03)] = "closed: kept"
    frame = pd.DataFrame({"customer_id": crowd.customer_id, "retention_status": status})
    return frame.sort_values("customer_id", ignore_index=True)


def customer_truth(
    frame: Frame, crowd: people.People, past: Past, tables: build.Tables
) -> build.Tables:
    """Return the latent state and the margin of every customer."""
    left = past.active.shape[0] - past.active[::-1].argmax(axis=0)
    customers = pd.DataFrame(
        {
            "customer_id": crowd.customer_id,
            "segment": np.array(s.SEGMENTS)[crowd.segment],
            "order_rate_year": crowd.rate,
            "dropout": crowd.dropout,
            "base_satisfaction": crowd.base,
            "satisfaction": past.satisfaction[-1],
            "active_at_end": past.active[-1],
            "active_until_month": np.where(past.active.any(axis=0), left, 0),
            "refund_probability": crowd.refund,
            "price_tier": crowd.tier,
        }
    ).sort_values("customer_id", ignore_index=True)
    return {"customers": customers, "margin": margins(frame, crowd, past, tables)}


CASE_COST = 6.0
"""Cost (EUR) of handling one service case."""


def margins(frame: Frame, crowd: people.People, past: Past, tables: build.Tables) -> pd.DataFrame:
    """Return realised revenue, costs and margin per customer and calendar year.

    What offers and the loyalty programme cost is not in it: see `accounts.profit`.
    """
    orders = tables["orders"].dropna(subset="customer_id")
    year = orders["ordered_at"].dt.year.rename("year")
    sums = orders.groupby(["customer_id", year])[["revenue", "cost"]].sum()
    members = past.members[past.members["treated"].astype(bool)]
    price = {c.campaign_id: c.unit_cost for c in past.campaigns}
    contacts = pd.DataFrame(
        {
            "customer_id": crowd.customer_id[members["customer"].to_numpy(dtype=int)],
            "year": pd.to_datetime(members["assigned_at"]).dt.year.to_numpy(),
            "contact_cost": members["campaign_id"].map(price).to_numpy(dtype=float),
        }
    )
    tickets = tables["tickets"]
    cases = tickets.groupby(["customer_id", tickets["opened_at"].dt.year.rename("year")]).size()
    index = pd.MultiIndex.from_product(
        [np.sort(crowd.customer_id), list(frame.calendar)], names=["customer_id", "year"]
    )
    result = sums.reindex(index).fillna(0.0)
    spent = contacts.groupby(["customer_id", "year"])["contact_cost"].sum()
    result["contact_cost"] = spent.reindex(index).fillna(0.0)
    result["service_cost"] = CASE_COST * cases.reindex(index).fillna(0.0)
    result["margin"] = result["revenue"] - result[["cost", "contact_cost", "service_cost"]].sum(
        axis=1
    )
    return result.round(2).reset_index()


def shared_truth(frame: Frame, ran: tuple[Campaign, ...]) -> build.Tables:
    """Return what was planted for all customers alike."""
    settings = frame.settings
    worths = settings.part_worths.copy()
    worths.columns = pd.Index([f"{a}: {b}" for a, b in worths.columns])
    menu = pd.DataFrame(
        [
            {"action": a.action, "segment": name, "log_lift": lift, "care": care}
            | {"cut": a.cut, "unit_cost": a.unit_cost}
            for a in settings.actions
            for name, lift, care in zip(s.SEGMENTS, a.lift, a.care, strict=True)
        ]
    )
    growth = {m: settings.market_growth.get(m, 1.03) for m in s.MARKET_SEGMENTS}
    return {
        "segments": settings.traits.reset_index(),
        "segment_part_worths": worths.reset_index(),
        "campaign_effects": campaigns.effects(ran),
        "action_effects": menu,
        **terms.effects(settings),
        "kano_classes": settings.kano.reset_index(),
        "market_growth": pd.DataFrame(growth.items(), columns=["market_segment", "growth"]),
    }
