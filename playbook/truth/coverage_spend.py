"""Design cells of channels read together: do the intervals of elasticity and of the last unit's margin cover?

Spend and customers won are drawn here from textbook distributions: log-normal spend, counts more spread than a
Poisson's, a demand that moves all channels and that spend may follow, gamma margins.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook import crm
from playbook.allocation import fit_elasticity
from playbook.truth.coverage import Cell, Draw

__all__ = ["CELLS", "elasticity", "last_unit"]


def _spend(
    rng: np.random.Generator, channels: int, months: int, planted: float, follows: float, extra: float
) -> tuple[pd.DataFrame, np.ndarray]:  # fmt: skip
    """Table ``channel_spend``, and the expected customers won by channel and month."""
    month = pd.date_range("2023-01-01", periods=months, freq="MS")
    demand = rng.normal(0, 0.25, months) + 0.3 * np.sin(2 * np.pi * np.arange(months) / 12)
    level = rng.lognormal(np.log(25), 0.6, channels)
    spend = np.exp(rng.normal(0, 0.35, (channels, months)) + follows * demand)
    mean = level[:, None] * spend**planted * np.exp(demand)
    won = rng.poisson(mean * (rng.gamma(1 / extra, extra, mean.shape) if extra else 1.0))
    table = pd.DataFrame({
        "month": np.tile(month, channels), "channel": np.repeat([f"c{i}" for i in range(channels)], months),
        "purpose": "acquisition", "spend": spend.ravel() * 1000, "new_customers": won.ravel(),
    })  # fmt: skip
    return table, mean


def elasticity(channels: int, months: int, follows: float = 0.0, extra: float = 0.0) -> Draw:
    """Elasticity of customers won to spend; ``follows``: spend goes with demand; ``extra``: variance beyond Poisson."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        while True:
            try:
                found = fit_elasticity(_spend(rng, channels, months, 0.5, follows, extra)[0])
            except ValueError:
                continue  # the rare sample that gives no answer has no interval to judge
            return found.low, found.high, 0.5

    return draw


def last_unit(channels: int, months: int) -> Draw:
    """Margin within a year that one more unit of money brings in the first channel."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        table, mean = _spend(rng, channels, months, 0.5, 0.0, 0.0)
        business = rng.uniform(0.05, 0.6, channels)
        count = table.groupby("channel")["new_customers"].sum().to_numpy()
        channel = np.repeat(np.arange(channels), count)
        big = rng.random(len(channel)) < business[channel]
        margin = np.where(big, 400.0, 80.0) * rng.gamma(1.0, 1.0, len(channel))
        keys = np.arange(len(channel)).astype(str)
        newcomers = pd.DataFrame({"customer_id": keys, "channel": np.char.add("c", channel.astype(str)), "margin": margin})  # fmt: skip
        reading = crm.channel_response(
            table, newcomers, pd.DataFrame({"customer_id": keys, "segment": big.astype(str)})
        )
        usual = reading.usual
        low, high = np.quantile(reading.drawn_marginal(usual, 1)[:, 0], [0.025, 0.975])
        worth = 80.0 + 320.0 * business[0]
        return (
            float(low),
            float(high),
            0.5 * float(mean[0, -12:].sum()) * worth / float(usual["c0"]),
        )

    return draw


CELLS = (
    Cell("06.coverage_elasticity", "6 channels, 36 months", elasticity(6, 36)),
    Cell("06.coverage_elasticity", "4 channels, 24 months, spend follows a demand common to all", elasticity(4, 24, 1.0)),
    Cell("06.coverage_elasticity", "5 channels, 36 months, counts spread beyond chance", elasticity(5, 36, 0.0, 0.05)),
    Cell("06.coverage_last_unit", "margin of the last unit of money, 5 channels, 36 months", last_unit(5, 36)),
)  # fmt: skip
