"""The whole world: all tables and the truth behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from . import (
    campaigns,
    catalogue,
    conjoint,
    journeys,
    people,
    programmes,
    purchases,
    sales,
    service,
    settings,
    surveys,
    systems,
    timeline,
    voices,
)
from .frames import DAY, table


@dataclass(frozen=True)
class World:
    """A simulated client.

    Attributes
    ----------
    tables
        Every standard table by name, with the columns `playbook.tables` declares.
    truth
        What was planted and no run may read: latent segments, rates, part-worths, effects.
    """

    tables: dict[str, pd.DataFrame]
    truth: dict[str, pd.DataFrame]


def simulate(
    customers: int = 6000, start_year: int = 2023, years: int = 3, seed: int = 2025
) -> World:
    """Simulate Larkfield Home, a home and living retailer in three countries.

    Parameters
    ----------
    customers
        Customers in the master data; 42 % of them were won before the start.
    start_year, years
        Calendar years simulated; times are UTC.
    seed
        Seed of the only random generator.

    Returns
    -------
    World
        The same for the same arguments.

    Raises
    ------
    ValueError
        With fewer than 100 customers or less than one year.
    """
    if customers < 100 or years < 1:
        raise ValueError(
            f"simulate() needs at least 100 customers and 1 year, got {customers} and {years}"
        )
    rng = np.random.default_rng(seed)
    start = np.datetime64(f"{start_year}-01-01", "us")
    end = np.datetime64(f"{start_year + years}-01-01", "us")
    spend = catalogue.acquisition_spend(rng, customers, 12 * years)
    arrivals = people.draw_arrivals(rng, customers, spend)
    crowd = people.draw_people(rng, customers, arrivals, start)
    products, quality = catalogue.products(rng)
    past = _collect(rng, crowd, timeline.live(rng, crowd, products, start, 12 * years))
    tables = {
        "channel_spend": catalogue.channel_spend(rng, spend, arrivals, customers, start),
        "customers": people.customer_table(rng, crowd, start, end),
        "offers": catalogue.offers(),
        "products": products,
        **purchases.order_tables(crowd, past.orders, past.lines, products),
        **campaigns.campaign_tables(crowd, past.members, past.campaigns),
        "tickets": service.ticket_table(crowd, past.cases, end),
    }
    tables |= _relations(rng, crowd, past, tables, start, end)
    tables |= _voices(rng, crowd, past, tables, quality, start, end)
    truth = _customer_truth(crowd, past) | _research(rng, crowd, past, tables, start_year, end)
    return World({name: tables[name] for name in sorted(tables)}, truth)


@dataclass(frozen=True)
class Past:
    """Events as one frame each, with customer numbers; monthly snapshots as matrices."""

    orders: pd.DataFrame
    lines: pd.DataFrame
    cases: pd.DataFrame
    members: pd.DataFrame
    campaigns: tuple[campaigns.Campaign, ...]
    satisfaction: np.ndarray
    active: np.ndarray


def _collect(rng: np.random.Generator, crowd: people.People, events: timeline.Events) -> Past:
    orders = pd.concat(events.orders, ignore_index=True)
    orders = orders.sort_values(["time", "refund", "number"], kind="stable", ignore_index=True)
    ran = {str(frame["campaign_id"].iloc[0]) for frame in events.members if len(frame)}
    if events.members:
        members = pd.concat(events.members, ignore_index=True)
        orders["campaign_id"], members["responded_at"] = campaigns.credit(rng, members, orders)
    else:
        members = pd.DataFrame(columns=campaigns.MEMBER_COLUMNS)
        orders["campaign_id"] = None
    return Past(
        orders=orders,
        lines=pd.concat(events.lines, ignore_index=True),
        cases=pd.concat(events.cases, ignore_index=True),
        members=members,
        campaigns=tuple(c for c in campaigns.CAMPAIGNS if c.campaign_id in ran),
        satisfaction=np.array(events.satisfaction),
        active=np.array(events.active),
    )


def _relations(
    rng: np.random.Generator,
    crowd: people.People,
    past: Past,
    tables: dict[str, pd.DataFrame],
    start: np.datetime64,
    end: np.datetime64,
) -> dict[str, pd.DataFrame]:
    numbered = past.orders.assign(
        order_id=tables["orders"]["order_id"].to_numpy(),
        revenue=tables["orders"]["revenue"].to_numpy(),
    )
    leavers = past.members[past.members["unsubscribed"].astype(bool)]
    unsubscribed = table(
        "suppressions",
        {
            "customer_id": crowd.customer_id[leavers["customer"].to_numpy(dtype=int)],
            "channel": "email",
            "reason": "unsubscribed",
            "since": leavers["assigned_at"] + DAY,
        },
        ["since", "customer_id"],
    )
    suppressed = people.suppression_table(rng, crowd, end)
    return {
        "interactions": journeys.interaction_table(
            rng, crowd, past.orders, past.cases, past.active, start, end
        ),
        "loyalty_events": programmes.loyalty_table(rng, crowd, numbered, end),
        "subscriptions": programmes.subscription_table(rng, crowd, past.active, start, end),
        "referrals": programmes.referral_table(
            rng, crowd, past.active, past.satisfaction, start, end
        ),
        "suppressions": pd.concat([suppressed, unsubscribed], ignore_index=True).sort_values(
            ["since", "customer_id"], kind="stable", ignore_index=True
        ),
        "leads": sales.lead_table(rng, crowd, start, end),
        **sales.pipeline_tables(rng, crowd, start, end),
    }


def _voices(
    rng: np.random.Generator,
    crowd: people.People,
    past: Past,
    tables: dict[str, pd.DataFrame],
    quality: np.ndarray,
    start: np.datetime64,
    end: np.datetime64,
) -> dict[str, pd.DataFrame]:
    first, last = int(str(start)[:4]), int(str(end)[:4]) - 1
    return {
        "market": catalogue.market(rng, tables["customers"], tables["orders"], first),
        "reviews": voices.review_table(
            rng,
            crowd,
            past.orders,
            past.lines,
            past.cases,
            quality,
            tables["products"],
            past.satisfaction,
            start,
            end,
        ),
        "switching": voices.switching_table(rng, crowd, past.active, start, end),
        "focus_group_quotes": voices.focus_group_table(rng),
        "employee_survey": voices.employee_table(rng, [last - 1, last]),
    }


def _research(
    rng: np.random.Generator,
    crowd: people.People,
    past: Past,
    tables: dict[str, pd.DataFrame],
    start_year: int,
    end: np.datetime64,
) -> dict[str, pd.DataFrame]:
    """Add the survey, the choice experiment and the systems' records; return their truth."""
    answers, scores, invited = surveys.survey_tables(
        rng, crowd, past.orders, past.cases, past.satisfaction, past.active, start_year, end
    )
    tables |= answers
    tables["choice_tasks"], worths = conjoint.choice_table(rng, crowd, past.active[-1], 560, end)
    everyone = np.arange(len(crowd))
    seen = {
        "shop": everyone[rng.random(len(crowd)) < 0.9],
        "crm": everyone[(crowd.segment == 4) | (rng.random(len(crowd)) < 0.45)],
        "service": np.unique(past.cases["customer"].to_numpy()),
        "survey": _numbers(crowd, answers["survey_answers"]["customer_id"].dropna().unique()),
    }
    records, identities = systems.record_tables(rng, crowd, tables["customers"], seen, end)
    tables |= records
    return {
        "survey_scores": scores,
        "invited_scores": invited,
        "choice_part_worths": worths,
        "identities": identities,
    }


def _numbers(crowd: people.People, customer_id: np.ndarray) -> np.ndarray:
    return np.sort(pd.Index(crowd.customer_id).get_indexer(customer_id))


def _customer_truth(crowd: people.People, past: Past) -> dict[str, pd.DataFrame]:
    left = past.active.shape[0] - past.active[::-1].argmax(axis=0)
    customers = pd.DataFrame(
        {
            "customer_id": crowd.customer_id,
            "segment": np.array(settings.SEGMENTS)[crowd.segment],
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
    worths = settings.PART_WORTHS.copy()
    worths.columns = pd.Index([f"{a}: {b}" for a, b in worths.columns])
    return {
        "customers": customers,
        "segments": settings.TRAITS.reset_index(),
        "segment_part_worths": worths.reset_index(),
        "campaign_effects": campaigns.effects(past.campaigns),
        "kano_classes": surveys.KANO_CLASS.reset_index(),
    }
