"""Standard tables of a period of a world, from the people and what happened."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from . import (
    campaigns,
    conjoint,
    journeys,
    people,
    programmes,
    purchases,
    sales,
    service,
    surveys,
    systems,
    voices,
)
from .frames import DAY, table
from .past import Past

Tables = dict[str, pd.DataFrame]

OWN_IDS = {
    "orders": ("order_id",),
    "order_lines": ("order_id",),
    "loyalty_events": ("order_id",),
    "tickets": ("ticket_id",),
    "interactions": ("interaction_id", "visitor_id"),
    "survey_answers": ("response_id",),
    "choice_tasks": ("respondent_id",),
    "subscriptions": ("subscription_id",),
    "reviews": ("review_id",),
    "leads": ("lead_id",),
    "opportunities": ("opportunity_id",),
    "opportunity_history": ("opportunity_id",),
    "customer_records": ("system_id",),
    "customer_keys": ("system_id",),
    "identities": ("system_id",),
    "choice_part_worths": ("respondent_id",),
}
"""Identifiers that are counted anew in every shard and chapter."""


@dataclass(frozen=True)
class Chapter:
    """A period of a world (or of a shard of it) whose tables are to be built.

    Attributes
    ----------
    crowd, past
        All customers and everything that happened, counted from ``start``.
    begin, end
        The period; the first one begins at ``start``.
    points
        Points of the loyalty programme for each euro.
    """

    crowd: people.People
    past: Past
    products: pd.DataFrame
    quality: np.ndarray
    start: np.datetime64
    begin: np.datetime64
    end: np.datetime64
    first: int = 0
    points: float = 1.0

    @property
    def month(self) -> int:
        """Number of the first month of the period."""
        return int((self.begin.astype("datetime64[M]") - self.start.astype("datetime64[M]")) / 1)

    @property
    def opening(self) -> bool:
        """Whether it is the first period."""
        return self.begin == self.start


def ledgers(chapter: Chapter) -> Tables:
    """Return orders, campaigns and tickets from the start to the end of the period."""
    crowd, past = chapter.crowd, chapter.past.until(chapter.end)
    return {
        **purchases.order_tables(crowd, past.orders, past.lines, chapter.products),
        **campaigns.campaign_tables(crowd, past.members, past.campaigns),
        "tickets": service.ticket_table(crowd, past.cases, chapter.end),
    }


def period(
    rng: np.random.Generator, chapter: Chapter, orders: pd.DataFrame
) -> tuple[Tables, Tables]:
    """Return the tables of what happened in the period besides the ledgers, and their truth."""
    past = chapter.past.until(chapter.end)
    numbered = past.orders.assign(
        order_id=orders["order_id"].to_numpy(), revenue=orders["revenue"].to_numpy()
    )
    recent = numbered["time"].to_numpy() >= chapter.begin - (0 if chapter.opening else 12) * DAY
    crowd = replace(chapter.crowd, month=chapter.crowd.month - chapter.month)
    now = replace(
        past,
        orders=numbered[recent].reset_index(drop=True),
        cases=past.cases[past.cases["time"].to_numpy() >= chapter.begin - 12 * DAY],
        active=past.active[chapter.month :],
        satisfaction=past.satisfaction[chapter.month :],
    )
    tables = _relations(rng, crowd, now, chapter) | _voices(rng, crowd, now, chapter)
    year = int(str(chapter.begin)[:4])
    answers, scores, invited = surveys.survey_tables(
        rng, crowd, past.orders, past.cases, now.satisfaction, now.active, year, chapter.end
    )
    return tables | answers, {"survey_scores": scores, "invited_scores": invited}


def _relations(
    rng: np.random.Generator, crowd: people.People, past: Past, chapter: Chapter
) -> Tables:
    begin, end = chapter.begin, chapter.end
    orders = past.orders[past.orders["time"].to_numpy() >= begin]
    return {
        "interactions": journeys.interaction_table(
            rng, crowd, past.orders, past.cases, past.active, begin, end
        ),
        "loyalty_events": programmes.loyalty_table(rng, crowd, orders, end, chapter.points),
        "subscriptions": programmes.subscription_table(
            rng, crowd, past.active, begin, end, everyone=chapter.opening
        ),
        "referrals": programmes.referral_table(
            rng, crowd, past.active, past.satisfaction, begin, end
        ),
        "suppressions": _suppressions(rng, crowd, past, chapter),
        "leads": sales.lead_table(rng, crowd, begin, end),
        **sales.pipeline_tables(rng, crowd, begin, end),
    }


def _suppressions(
    rng: np.random.Generator, crowd: people.People, past: Past, chapter: Chapter
) -> pd.DataFrame:
    gone = past.members["unsubscribed"].astype(bool).to_numpy()
    recent = past.members["assigned_at"].to_numpy() >= chapter.begin
    leavers = past.members[gone & recent]
    columns = {
        "customer_id": crowd.customer_id[leavers["customer"].to_numpy(dtype=int)],
        "channel": "email",
        "reason": "unsubscribed",
        "since": leavers["assigned_at"] + DAY,
    }
    parts = [table("suppressions", columns, ["since", "customer_id"])]
    if chapter.opening:
        parts.insert(0, people.suppression_table(rng, crowd, chapter.end))
    return pd.concat(parts, ignore_index=True).sort_values(
        ["since", "customer_id"], kind="stable", ignore_index=True
    )


def _voices(rng: np.random.Generator, crowd: people.People, past: Past, chapter: Chapter) -> Tables:
    begin, end = chapter.begin, chapter.end
    orders = past.orders[past.orders["time"].to_numpy() >= begin]
    return {
        "reviews": voices.review_table(
            rng,
            crowd,
            orders,
            past.lines,
            past.cases,
            chapter.quality,
            chapter.products,
            past.satisfaction,
            begin,
            end,
        ),
        "switching": voices.switching_table(rng, crowd, past.active, begin, end),
    }


def master(rng: np.random.Generator, chapter: Chapter, who: np.ndarray) -> Tables:
    """Return the master data of the customers ``who`` (numbers)."""
    crowd = chapter.crowd.only(who)
    return {
        "customers": people.customer_table(rng, crowd, chapter.start, chapter.end, chapter.first)
    }


def records(
    rng: np.random.Generator, chapter: Chapter, tables: Tables, who: np.ndarray
) -> tuple[Tables, Tables]:
    """Return the records of the customers ``who`` in each system, and the truth of them.

    They are drawn apart, so that the noise in them changes nothing else of the world.
    """
    apart = rng.spawn(1)[0]
    made, identities = systems.record_tables(apart, chapter.crowd.only(who), tables, chapter.end)
    return made, {"identities": identities}


def choices(rng: np.random.Generator, chapter: Chapter, respondents: int) -> tuple[Tables, Tables]:
    """Return the choice experiment and the part-worths of those who took part."""
    tasks, worths = conjoint.choice_table(
        rng, chapter.crowd, chapter.past.active[-1], respondents, chapter.end
    )
    return {"choice_tasks": tasks}, {"choice_part_worths": worths}


def named(tables: Tables, prefix: str) -> Tables:
    """Return the tables with ``prefix`` before identifiers that are counted anew."""
    if not prefix:
        return tables
    result = dict(tables)
    for name, frame in tables.items():
        if name in OWN_IDS:
            result[name] = frame.assign(**{c: prefix + frame[c] for c in OWN_IDS[name]})
        elif name == "referrals":
            outsider = ~frame["converted"].astype(bool)
            label = frame["referred_id"].where(~outsider, prefix + frame["referred_id"])
            result[name] = frame.assign(referred_id=label)
    return result
