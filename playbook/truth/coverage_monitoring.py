"""Design cells of step 7: what campaigns and staggered starts added, beside the naive before and after.

Samples are drawn here from textbook laws, not from the simulated client.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.monitoring import campaign_effects
from playbook.monitoring.rollout import NEVER, Panel, rollout_effect
from playbook.truth.coverage import Cell, Draw
from playbook.truth.sight import given

__all__ = ["CELLS", "campaign", "staggered"]

MONTHS, START = 36, 24
NO_COSTS = pd.DataFrame({"campaign_id": ["A"], "name": ["A"], "fixed_cost": [0.0], "unit_cost": [0.0]})  # fmt: skip


def campaign(customers: int, effect: float, stratified: bool) -> Draw:
    """Margin before and after a campaign sent in spring, a better season: everybody buys more afterwards.

    Four in five are treated, or more of the best where it is stratified; before and after compares the treated alone.
    """

    def draw(rng: np.random.Generator) -> tuple[float, ...]:
        good = rng.random(customers) < 0.4
        chance = np.where(good, 0.9, 0.5) if stratified else np.full(customers, 0.8)
        treated = rng.random(customers) < chance
        taste = rng.gamma(2.0, 0.5, customers) * np.where(good, 2.0, 1.0)
        spent, before, after = (rng.poisson(rate * taste) * rng.lognormal(3.0, 0.5, customers) for rate in (4.0, 0.6, 1.0))  # fmt: skip
        after = after + treated * effect * rng.exponential(1.0, customers)
        frame = pd.DataFrame(
            {"campaign_id": "A", "customer_id": [f"{i:05d}" for i in range(customers)], "arm": np.where(treated, "treated", "control"),
             "assignment_probability": chance, "stratum": "", "assigned_at": pd.Timestamp("2025-04-01"), "window_days": 90,
             "margin_after": after, "margin_before": before, "revenue_year_before": spent, "bought": (after > 0).astype(int)}
        )  # fmt: skip
        found = given(campaign_effects(frame, NO_COSTS))["numbers"].iloc[0]
        return found["low"], found["high"], effect, found["before_after_low"], found["before_after_high"]  # fmt: skip

    return draw


def staggered(places: int, begun: int, effect: float, shock: float) -> Draw:
    """Places of unequal size whose months go together (autocorrelation .5); half of those begun begin three months later."""

    def draw(rng: np.random.Generator) -> tuple[float, ...]:
        sizes = np.round(rng.lognormal(5.3, 0.7, places)) + 30
        noise = rng.normal(size=(places, MONTHS))
        for month in range(1, MONTHS):
            noise[:, month] += 0.5 * noise[:, month - 1]
        season = 3 * np.sin(np.arange(MONTHS) / 12 * 2 * np.pi)
        values = 10 + 2 * rng.normal(size=(places, 1)) + season + 0.05 * np.arange(MONTHS) + shock * noise  # fmt: skip
        values = values + 60 / np.sqrt(sizes)[:, None] * rng.normal(size=values.shape)
        starts = np.full(places, NEVER)
        starts[:begun], starts[: begun // 2] = START + 3, START
        treated = np.arange(MONTHS)[None, :] >= starts[:, None]
        months = pd.date_range("2023-01-01", periods=MONTHS, freq="MS")
        panel = Panel(values + effect * treated, sizes, [f"{i}" for i in range(places)], months)
        found = rollout_effect(panel, starts, int(rng.integers(2**31)))
        return found.low, found.high, effect * found.months_after

    return draw


CELLS = (
    Cell("07.coverage_increment", "campaign to 1,200 customers in a better season, no effect (naive: before and after)", campaign(1200, 0.0, False)),
    Cell("07.coverage_increment", "campaign that leaves out more of the others, effect of 4 (naive: before and after)", campaign(1200, 4.0, True)),
    Cell("07.coverage_start", "3 of 8 places begin, effect of 1 a month", staggered(8, 3, 1.0, 0.5)),
    Cell("07.coverage_start", "6 of 14 places begin at two times, no effect", staggered(14, 6, 0.0, 0.5)),
)  # fmt: skip
