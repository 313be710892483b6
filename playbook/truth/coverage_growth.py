"""Design cells of the growth of market segments: do its intervals cover where markets wander?

What each year adds by chance is drawn here from normal distributions, by segment and, in one cell, for all segments at once.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.stats import yearly_growth
from playbook.truth.coverage import Cell, Draw

__all__ = ["CELLS", "market_growth"]


def market_growth(segments: int, years: int, own: float, common: float) -> Draw:
    """Markets that grow each at its own pace, and by chance (sd) of a segment's year and of everybody's; one segment at random."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        pace = rng.normal(0.03, 0.04, (segments, 1))
        steps = pace + rng.normal(0, own, (segments, years - 1)) + rng.normal(0, common, (1, years - 1))  # fmt: skip
        logs = np.hstack([np.zeros((segments, 1)), steps.cumsum(axis=1)])
        names = np.array([f"segment {i}" for i in range(segments)])
        market = pd.DataFrame({
            "market_segment": np.repeat(names, years), "year": np.tile(np.arange(years), segments),
            "market_revenue": np.exp(logs).ravel(),
        })  # fmt: skip
        place = int(rng.integers(segments))
        found = yearly_growth(market).loc[names[place]]
        return float(found["low"]), float(found["high"]), float(np.expm1(pace[place, 0]))

    return draw


CELLS = (
    Cell("02.coverage_growth", "growth of six markets over three years", market_growth(6, 3, 0.03, 0.0)),
    Cell("02.coverage_growth", "growth of six markets over three years, some good for all", market_growth(6, 3, 0.02, 0.02)),
    Cell("02.coverage_growth", "growth of one market over four years", market_growth(1, 4, 0.03, 0.0)),
)  # fmt: skip
