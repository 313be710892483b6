"""Design cells of what an incident costs: do intervals of the adjusted difference per incident cover?

Customers and orders are drawn here from textbook distributions: order rates are gamma distributed, heavy
buyers meet more incidents *and* stay more, and years of one customer hang together by a lasting liking.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.experience.effects import next_year
from playbook.truth.coverage import Cell, Draw

__all__ = ["CELLS", "per_incident"]

PAIN, OTHER = "late", "failed"


def _occasions(
    rng: np.random.Generator, people: int, effect: float, harder: bool
) -> tuple[pd.DataFrame, np.ndarray]:
    """Orders of two years with their incidents and the chance to order again."""
    rate = rng.gamma(1.2, 1.5, people)
    liking = rng.normal(0, 0.08, people)
    abroad = rng.random(people) < 0.4
    count = 1 + rng.poisson(rate)
    who = np.repeat(np.arange(people), count)
    day = rng.integers(0, 600, len(who))
    met = np.where(abroad[who], 0.14, 0.07)
    more = rng.random(len(who)) < np.minimum(
        0.03 * rate[who], 0.3
    )  # a second order in the month after
    late = rng.binomial(1 + more, met * np.where(day > 400, 1.5, 1.0))
    asks = rng.random(len(who)) < 0.12 + 0.35 * (late > 0)
    failed = (asks & (rng.random(len(who)) < 0.25)).astype(int)
    base = 0.45 + 0.3 * (1 - np.exp(-0.6 * rate[who])) - 0.08 * abroad[who] + liking[who]
    harm = effect * late + (0.08 if harder else 0.0) * failed
    chance = np.clip(base, 0.25, 0.98) - harm
    frame = pd.DataFrame({
        "customer_id": who, "ordered_at": pd.Timestamp("2022-01-01") + pd.to_timedelta(day, unit="D"),
        "month": day // 30, "channel": "web", "country": np.where(abroad[who], "b", "a"), "area_type": "urban", "age": 40.0,
        "tenure_days": rng.uniform(50, 2000, people)[who], "days_since_order": 365 / (rate[who] + 0.5) * rng.exponential(1, len(who)),
        "orders_before": rng.poisson(rate[who]), "revenue_before": 80.0 * rng.poisson(rate[who]), "revenue": rng.lognormal(4, 0.6, len(who)),
        "orders_within": more.astype(int), PAIN: late, OTHER: failed, "met delivery": 1.0, "met service": asks.astype(float),
    })  # fmt: skip
    return frame, chance


def per_incident(people: int, effect: float, harder: bool = False) -> Draw:
    """Points of the share ordering again that one incident costs; every order is followed."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        frame, chance = _occasions(rng, people, effect, harder)
        # one year of a customer: orders of the same time share their fate
        fate = rng.random(people)[frame["customer_id"]]
        own = rng.random(len(frame)) < 0.5
        back = np.where(own, rng.random(len(frame)), fate) < chance
        spend = back * rng.lognormal(4.0, 0.7, len(frame))
        found = next_year(frame.assign(orders_after=back.astype(int), revenue_after=spend), [PAIN, OTHER])  # fmt: skip
        row = found.table.set_index("pain").loc[PAIN]
        return float(row["difference_low"]), float(row["difference_high"]), -effect

    return draw


CELLS = (
    Cell("05.coverage_incident", "700 customers, an incident costs 8 points; heavy buyers meet more and stay more", per_incident(700, 0.08)),
    Cell("05.coverage_incident", "700 customers, no effect; heavy buyers meet more and stay more", per_incident(700, 0.0)),
    Cell("05.coverage_incident", "1,200 customers, 6 points, beside failed cases of which late deliveries cause many", per_incident(1200, 0.06, True)),
)  # fmt: skip
