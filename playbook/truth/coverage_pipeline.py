"""Design cells of the pipeline: does what open deals bring lie within the forecast's 80 % interval?

Deals are drawn here from a textbook sale of three stages, not from the simulated client: each stage is
passed with a chance and takes a gamma-distributed time; amounts are log-normal. The figure to be covered
is what the open deals bring in the end, which the drawn outcomes tell.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from playbook import crm
from playbook.truth.coverage import Cell, Draw
from playbook.truth.sight import given

__all__ = ["CELLS", "open_deals"]

AS_OF = date(2025, 12, 31)
PASS, DAYS = np.array([0.7, 0.65, 0.75]), np.array([20.0, 35.0, 30.0])
STAGES = np.array(["Contact", "Offer", "Terms", "Won", "Lost"], dtype=object)
SPAN = 730
"""Days in which deals were opened."""


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _sale(
    rng: np.random.Generator, n: int, longer: float, spread: float
) -> tuple[pd.DataFrame, pd.DataFrame, float]:
    """Draw deals: history and opportunities as known at the day, and what the open ones bring in the end."""
    created = rng.uniform(0, SPAN, n)
    tilt = spread * rng.standard_normal((n, 1))
    passed = rng.random((n, 3)) < _logistic(np.log(PASS / (1 - PASS)) + tilt)
    spent = rng.gamma(2.0, DAYS / 2, (n, 3)) * np.where(passed, 1.0, longer)
    reached = np.cumprod(passed, axis=1)
    there = np.column_stack([np.ones(n, int), reached[:, :2]]) == 1
    left = created[:, None] + np.cumsum(spent, axis=1)
    to = np.where(passed, np.arange(1, 4), 4)
    day = pd.Timestamp(AS_OF) - pd.Timedelta(days=SPAN - 1)
    key = np.array([f"D{i:05d}" for i in range(n)], dtype=object)
    who, stage = np.nonzero(there & (left <= SPAN))
    moves = pd.DataFrame({
        "opportunity_id": np.append(key, key[who]), "changed_at": day + pd.to_timedelta(np.append(created, left[who, stage]), unit="D"),
        "from_stage": np.append(np.full(n, None, dtype=object), STAGES[stage]), "to_stage": STAGES[np.append(np.zeros(n, int), to[who, stage])],
    })  # fmt: skip
    end = np.where(there, left, -np.inf).max(axis=1)
    won = reached[:, 2] == 1
    closed = end <= SPAN
    amount = rng.lognormal(8.0, 0.75, n)
    deals = pd.DataFrame({
        "opportunity_id": key, "customer_id": None, "owner": "A", "amount": amount,
        "created_at": day + pd.to_timedelta(created, unit="D"), "expected_close": day + pd.to_timedelta(created + 90, unit="D"),
        "closed_at": (day + pd.to_timedelta(pd.Series(end), unit="D")).where(closed),
        "is_won": pd.Series(won, dtype="boolean").where(closed),
    })  # fmt: skip
    return moves, deals, float(amount[won & ~closed].sum())


def open_deals(n: int, longer: float = 1.0, spread: float = 0.0) -> Draw:
    """``n`` deals of two years; lost ones stay ``longer`` times as long; chances differ by ``spread`` (log odds)."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        moves, deals, brought = _sale(rng, n, longer, spread)
        answer = given(crm.pipeline_forecast(moves, deals, AS_OF, int(rng.integers(2**31))))
        low, high = answer["total"].set_index("level").loc[0.8, ["low", "high"]]
        return float(low), float(high), brought

    return draw


CELLS = (
    Cell("06.coverage_pipeline", "400 deals in two years, equal chances", open_deals(400), 0.80),
    Cell("06.coverage_pipeline", "400 deals, lost ones stay half as long again", open_deals(400, longer=1.5), 0.80),
    Cell("06.coverage_pipeline", "150 deals whose chances differ", open_deals(150, spread=0.7), 0.80),
)  # fmt: skip
"""Each sample is a whole forecast: some minutes in all."""
