"""Design cells of promises: do intervals of what contacts change cover it?

Campaigns are drawn here from textbook customers, not from the simulated client: Poisson orders with
log-normal margins, a contact that brings so many more, arms drawn at random.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook import crm
from playbook.crm.delivered import FOLDS, mean_delivery, robust_effects
from playbook.crm.effects import combine
from playbook.truth.coverage import Cell, Draw

__all__ = ["CELLS"]

ORDERS, MARGIN = 0.2, 40.0


def _members(rng: np.random.Generator, n: int, chance: float, more: float) -> pd.DataFrame:
    """Members with gamma-distributed rates, and ``more`` expected orders for each who is treated."""
    rate = ORDERS * rng.gamma(1.0, 1.0, n)
    treated = (rng.random(n) < chance).astype(int)
    orders = rng.poisson(rate + more * treated)
    worth = rng.lognormal(np.log(MARGIN) - 0.32, 0.8, (n, max(int(orders.max()), 1)))
    margin = (worth * (np.arange(worth.shape[1]) < orders[:, None])).sum(axis=1)
    return pd.DataFrame({
        "customer_id": np.arange(n), "is_treated": treated, "chance": chance, "assignment_probability": chance,
        "arm": np.where(treated == 1, "treated", "control"), "margin_after": margin, "bought": (orders > 0).astype(int),
        "orders_year_before": rng.poisson(12 * rate), "revenue_year_before": 100.0 * rng.poisson(12 * rate), "rate": rate,
    })  # fmt: skip


def delivery(n: int, chance: float) -> Draw:
    """Doubly robust margin per contact of ``n`` chosen members."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        members = _members(rng, n, chance, more=0.05)
        delivered = robust_effects(members, rng.permutation(n) % FOLDS)
        found = mean_delivery(members.assign(delivered=delivered, promised=0.0))
        return found["low"], found["high"], 0.05 * MARGIN

    return draw


def group_effect(n: int) -> Draw:
    """Change of the share that buys in one of four groups of ``n``, adjusted for habit."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        members = _members(rng, 4 * n, 0.7, more=0.05).assign(group=np.arange(4 * n) % 4)
        found = crm.group_effects(members).set_index("group").loc[0]
        own = members.loc[members["group"] == 0, "rate"]
        return found["low"], found["high"], float((np.exp(-own) * -np.expm1(-0.05)).mean())

    return draw


def response(segments: int, between: float) -> Draw:
    """One segment's response after belief and campaign met, where the belief's range and the spread are true."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        truth = rng.normal(0.05, 0.02) + rng.normal(0, np.sqrt(between), segments)
        error = rng.uniform(0.01, 0.05, segments)
        names = [f"s{i}" for i in range(segments)]
        measured = pd.DataFrame({"campaign_id": "C1", "segment": names, "response": rng.normal(truth, error), "standard_error": error})  # fmt: skip
        mean, covariance = combine(0.05, 0.02, measured, names, between)
        half = 1.959964 * float(np.sqrt(covariance[0, 0]))
        return mean[0] - half, mean[0] + half, float(truth[0])

    return draw


CELLS = (
    Cell("06.coverage_delivery", "600 chosen members, 70 % treated, skewed margins", delivery(600, 0.7)),
    Cell("06.coverage_delivery", "600 chosen members, half treated, skewed margins", delivery(600, 0.5)),
    Cell("06.coverage_group_effect", "4 groups of 150 members, 70 % treated", group_effect(150)),
    Cell("06.coverage_response", "5 segments, belief and spread true", response(5, 0.0004)),
)  # fmt: skip
