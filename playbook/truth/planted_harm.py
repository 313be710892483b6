"""What an incident really costs: each customer's chances with and without the dissatisfaction it planted.

In the simulated world a late delivery or a failed case lowers a customer's satisfaction; that raises the chance
to leave with the orders of the same month, and with those of the next months until satisfaction has
recovered. For a given incident these chances follow from the planted parameters: month by month, the
customer may order (Poisson), may leave with each order and may drift away, once from the satisfaction the
customer had and once from the satisfaction without the incident. Nothing is estimated here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from playbook.truth.study import START, Study

__all__ = ["HARM", "Harm", "PlantedHarm"]

HARM = {"late": 0.70, "failed": 0.95}
"""Satisfaction lost by an incident, before the segment's weight: late; failed instead of solved (.85 + .10)."""
MONTHS = 14
"""Months followed: the rest of the incident's month and the year of the outcome."""
RECOVERY, PER_ORDER, LEAVING, DRIFT = 0.12, 0.05, 0.75, 0.0045
RIVAL_MONTH = 25
URBANITES = "Convenience urbanites"


@dataclass(frozen=True)
class Harm:
    """Means over incidents: change in the chance to order again within the year, and in orders."""

    again: float
    orders: np.ndarray


class PlantedHarm:
    """The planted course of satisfaction and loyalty of one world."""

    def __init__(self, study: Study) -> None:
        memory = study.world.memory
        if memory is None:
            raise ValueError("this world does not remember its state")
        self.settings, self.past, self.crowd = study.settings, memory.past, memory.crowd
        self.numbers = pd.Series(np.arange(len(memory.crowd)), index=memory.crowd.customer_id)

    @cached_property
    def orders(self) -> pd.DataFrame:
        """Orders of customers: customer, number, time, late, month (counted from the start)."""
        past = self.past.orders
        own = past[~past["refund"].astype(bool) & ~past["guest"].astype(bool)]
        return own.assign(month=12 * (own["time"].dt.year - START) + own["time"].dt.month - 1)

    @cached_property
    def incidents(self) -> pd.DataFrame:
        """Planted incidents: customer, kind (late, failed), time and month of the order, opened (the case)."""
        late = self.orders[self.orders["late"].astype(bool)][["customer", "time", "month"]].assign(kind="late")  # fmt: skip
        cases = self.past.cases[self.past.cases["failed"].astype(bool)]
        ordered = self.orders[["number", "time", "month"]].rename(columns={"time": "ordered"})
        failed = cases.merge(ordered, on="number").assign(kind="failed")
        failed = failed[["customer", "ordered", "month", "kind", "time"]].rename(columns={"time": "opened", "ordered": "time"})  # fmt: skip
        return pd.concat([late.assign(opened=late["time"]), failed], ignore_index=True)

    @cached_property
    def _counts(self) -> pd.Series:
        return self.orders.groupby(["customer", "month"]).size()

    def _means(self, rate: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Mean satisfaction lost a month by what else may go wrong."""
        n, cases = len(self.orders), self.past.cases
        failed = float(cases["failed"].sum()) / n
        solved = len(cases) / n - failed
        late = float(self.orders["late"].mean())
        return rate / 12 * weight * (0.70 * late + 0.85 * failed - 0.10 * solved)

    def of(self, rows: pd.DataFrame, share_of_month: np.ndarray, kind: str) -> Harm:
        """Return the harm of incidents: rows with customer and month, and when the outcome begins in the next month."""
        who, month = rows["customer"].to_numpy(dtype=int), rows["month"].to_numpy(dtype=int)
        weight = self.settings.trait("sensitivity", self.crowd.segment[who]) * self.settings.service_effect  # fmt: skip
        had = self.past.satisfaction[month, who].astype(float)
        with_it = self._course(who, month, had, share_of_month)
        without = self._course(who, month, np.minimum(had + HARM[kind] * weight, 3.0), share_of_month)  # fmt: skip
        again = float((with_it[0] - without[0]).mean()) if len(rows) else 0.0
        return Harm(again, with_it[1] - without[1])

    def _course(
        self, who: np.ndarray, month: np.ndarray, mood: np.ndarray, share: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Chance of an order in the outcome's year, and expected orders in it."""
        planted, crowd = self.settings, self.crowd
        rate, base = crowd.rate[who], crowd.base[who]
        urban = (planted.traits.index.to_numpy()[crowd.segment[who]] == URBANITES).astype(float)
        weight = planted.trait("sensitivity", crowd.segment[who]) * planted.service_effect
        usual = self._means(rate, weight)
        odds = np.log(crowd.dropout[who] / (1 - crowd.dropout[who]))

        def leaves(now: np.ndarray, mood: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            trend = planted.dropout_trend * now / 12
            rival = np.where(now >= RIVAL_MONTH, planted.rival_pull * urban, 0.0)
            drift = DRIFT * np.exp(trend - 0.8 * mood) + rival
            return 1 / (1 + np.exp(LEAVING * mood - odds - trend)), np.clip(drift, 0, 0.5)

        placed = self._counts.reindex(pd.MultiIndex.from_arrays([who, month])).fillna(0).to_numpy()
        by_order, drift = leaves(month, mood)
        here = (1 - by_order) ** placed * (1 - drift)
        waiting, again, orders = here.copy(), np.zeros(len(who)), np.zeros(len(who))
        for step in range(1, MONTHS):
            now = month + step
            mean = rate / 12 * planted.season[now % 12] * planted.growth ** (now / 12)
            if planted.own_season:
                mean = mean * (1 + planted.own_season * np.cos(2 * np.pi * (now % 12 - crowd.peak[who]) / 12))  # fmt: skip
            rival = np.where(now >= RIVAL_MONTH, planted.rival_expectation * urban, 0.0)
            mood = mood + RECOVERY * (base - mood) + PER_ORDER * (1 - np.exp(-mean)) - usual - rival
            mood = np.clip(mood, -3.0, 3.0)
            inside = share if step == 1 else 1 - share if step == MONTHS - 1 else 1.0
            again += waiting * (1 - np.exp(-mean * inside))
            orders += here * mean * inside
            by_order, drift = leaves(now, mood)
            waiting = (
                waiting * np.exp(-mean * inside - mean * (1 - inside) * by_order) * (1 - drift)
            )
            here = here * np.exp(-mean * by_order) * (1 - drift)
        return again, orders
