"""One drawn world, as the playbook sees it (`Sight`) and as the judge knows it (`Study`).

The standard tables go to a folder of their own; the truth stays in memory, where no query reaches it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from playbook import crm, market, monitoring, proposition, segmentation
from playbook.answer import Answer, Missing
from playbook.engagement import Engagement, open_folder
from playbook.warehouse import Warehouse

__all__ = ["Sight", "Study", "given", "open_study"]

START, YEARS = 2023, 3
DAYS_AFTER_CONTACT = 90


class Unanswered(Exception):
    """An estimator answered that it cannot answer."""


def given(answer: Any) -> Answer:
    """Return an answer; raise `Unanswered` with its reason where the playbook gave none."""
    if isinstance(answer, Missing):
        raise Unanswered(repr(answer))
    return answer


class Sight:
    """All that estimators may see of a world: tables as of a day, and the engagement file.

    The cached properties are the calls of the notebooks that several rows need.
    """

    def __init__(self, tables: Path, as_of: date, engagement: Engagement) -> None:
        self.as_of = as_of
        self.since = date(as_of.year - 1, as_of.month, as_of.day)
        self.engagement = engagement
        self.warehouse = Warehouse(tables, as_of)

    def query(self, name: str, **parameters: Any) -> pd.DataFrame:
        """Return the rows of a query, as a notebook's ``run.query`` does."""
        return self.warehouse.query(name, **({"since": self.since} | parameters))

    def table(self, name: str) -> pd.DataFrame:
        """Return a standard table as known at ``as_of``."""
        return self.warehouse.table(name)

    @cached_property
    def customers(self) -> pd.DataFrame:
        """Customers with what they brought and cost (step 3)."""
        return segmentation.add_contribution(
            self.query("customer_features"), self.engagement.costs
        )

    @cached_property
    def mix(self) -> pd.DataFrame:
        """What each customer buys (step 3)."""
        return self.query("purchase_mix")

    @cached_property
    def solution(self) -> Answer:
        """The strategic segmentation (step 3)."""
        return given(
            segmentation.choose_segments(self.customers, self.mix, seed=self.engagement.seed)
        )

    @cached_property
    def values(self) -> pd.DataFrame:
        """Lifetime value, probability of being active and expected orders of each customer (step 3)."""
        cut = segmentation.calibration_end(self.customers, self.as_of)
        checked = segmentation.check_purchase_models(
            self.query("purchase_histories", until=cut), self.as_of, cut
        )
        found = segmentation.lifetime_value(
            self.query("purchase_histories", until=self.as_of),
            self.customers,
            checked,
            self.engagement.costs.discount_rate_year,
            seed=self.engagement.seed,
        )
        return given(found)["values"]

    @cached_property
    def experiment(self) -> Answer:
        """The choice experiment by found segment (step 4)."""
        return given(
            proposition.choice_experiment(
                self.table("choice_tasks"),
                self.solution["segments"],
                since=self.since,
                seed=self.engagement.seed,
            )
        )

    @cached_property
    def propensity(self) -> Answer:
        """Who is likely to leave (step 6)."""
        days = crm.snapshot_days(self.query("order_history_span"), self.as_of)
        frames = (
            self.query("customer_snapshot", **part) for part in (days.train, days.test, days.now)
        )
        return given(crm.propensity(*frames, days, self.engagement.seed))

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """Orders before and after each campaign's contact, one row a campaign and customer (step 7)."""
        return self.query(
            "campaign_outcomes",
            days=DAYS_AFTER_CONTACT,
            margin_rate=self.engagement.costs.margin_rate,
        )

    @cached_property
    def effects(self) -> Answer:
        """What each campaign of the last year added (step 7)."""
        return given(monitoring.campaign_effects(self.outcomes, self.table("campaigns")))


@dataclass(frozen=True)
class Study:
    """A drawn world: what estimators see, and the truth.

    Attributes
    ----------
    seed, kind
        Seed the world was drawn with, and the kind of world that came out.
    sight
        For the estimators.
    world
        For the judge: ``truth``, ``tables``, ``settings``.
    """

    seed: int
    kind: str
    sight: Sight
    world: market.World

    @property
    def truth(self) -> dict[str, pd.DataFrame]:
        """The planted frames."""
        return self.world.truth

    @property
    def null(self) -> bool:
        """Whether this world has no effect, no drift and no difference in needs."""
        return self.kind == "null"


@contextmanager
def open_study(seed: int, customers: int) -> Iterator[Study]:
    """Draw the world of a seed, write its tables to a temporary folder, and open both views of it."""
    world = market.simulate(customers, START, YEARS, seed)
    with tempfile.TemporaryDirectory(prefix="playbook-truth-") as folder:
        for name, frame in world.tables.items():
            frame.to_parquet(Path(folder) / f"{name}.parquet", index=False)
        sight = Sight(Path(folder), date(START + YEARS - 1, 12, 31), open_folder("demo").engagement())
        yield Study(seed, "regular", sight, world)
