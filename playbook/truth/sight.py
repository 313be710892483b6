"""What estimators see of a world, and the calls of the notebooks that several rows need."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from playbook import crm, monitoring, proposition, segmentation
from playbook.answer import Answer, Missing
from playbook.engagement import Engagement
from playbook.identity import Resolution, resolve
from playbook.warehouse import Warehouse

__all__ = ["Sight", "given"]

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
    def resolution(self) -> Resolution:
        """Who is behind the records of the systems (intake)."""
        return resolve(
            self.table("customer_records"), self.engagement.identity,
            as_of=self.as_of, seed=self.engagement.seed,
        )  # fmt: skip

    @cached_property
    def customers(self) -> pd.DataFrame:
        """Customers with what they brought and cost (step 3)."""
        return segmentation.add_contribution(self.query("customer_features"), self.engagement.costs)

    @cached_property
    def mix(self) -> pd.DataFrame:
        """What each customer buys (step 3)."""
        return self.query("purchase_mix")

    @cached_property
    def attitudes(self) -> pd.DataFrame:
        """What each customer answered last (step 3)."""
        return self.query("customer_attitudes")

    @cached_property
    def solution(self) -> Answer:
        """The strategic segmentation (step 3)."""
        return given(
            segmentation.choose_segments(
                self.customers,
                self.mix,
                seed=self.engagement.seed,
                habits=self.query("buying_habits"),
                attitudes=self.attitudes,
            )
        )

    @cached_property
    def models(self) -> Any:
        """How well purchase models predict on a hold-out (step 3)."""
        cut = segmentation.calibration_end(self.customers, self.as_of)
        return segmentation.check_purchase_models(
            self.query("purchase_histories", until=cut),
            self.as_of,
            cut,
            self.query("purchase_months"),
        )

    @cached_property
    def lifetime(self) -> Any:
        """Lifetime value by the model that predicts best (step 3)."""
        return segmentation.lifetime_value(
            self.query("purchase_histories", until=self.as_of),
            self.customers,
            self.models,
            self.engagement.costs.discount_rate_year,
            seed=self.engagement.seed,
        )

    @cached_property
    def totals(self) -> Answer:
        """Value of the segments, set right by the hold-out (step 3)."""
        told = given(self.lifetime)["values"]
        return given(segmentation.value_by_segment(self.solution["segments"], told, self.models))

    @cached_property
    def values(self) -> pd.DataFrame:
        """Lifetime value, probability of being active and expected orders of each customer (step 3)."""
        return segmentation.set_right(given(self.lifetime)["values"], self.totals)

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
    def tastes(self) -> Answer:
        """Part-worths of each respondent (step 4)."""
        return given(
            proposition.individual_tastes(
                self.experiment, self.solution["segments"], self.table("choice_tasks"),
                self.solution["memberships"], self.engagement.seed,
            )
        )  # fmt: skip

    @cached_property
    def propensity(self) -> Answer:
        """Who is likely to leave (step 6)."""
        days = crm.snapshot_days(self.query("order_history_span"), self.as_of)
        train, test, now = (
            self.query("customer_snapshot", **part) for part in (days.train, days.test, days.now)
        )
        return given(crm.propensity(train, test, now, days, self.engagement.seed))

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
