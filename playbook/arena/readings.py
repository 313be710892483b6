"""What a consultant reads out of the playbook's answers for each lever besides contacts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from playbook import crm
from playbook.allocation import ElasticResponse, fit_elasticity, split_by_elasticity
from playbook.arena.game import Client
from playbook.errors import NotEnough

__all__ = ["Channels", "channels", "fixes", "offers", "programme"]

STEP = 3.0
"""A channel's spend is at most tripled from one year to the next, and at least a third of it stays."""
ARRIVAL = 182
"""Days of the year left for customers won in its middle."""


@dataclass(frozen=True)
class Channels:
    """How customers won answer to spend, and what one of each channel brings until the end of the years that count."""

    response: ElasticResponse | None
    values: pd.Series
    usual: dict[str, float]

    def spend(self, price: float) -> dict[str, float]:
        """Yearly spend by channel at which the last unit of money brings ``price``; as usual where nothing tells."""
        if self.response is None or self.values.empty:
            return dict(self.usual)
        last = self.response.channels.set_index("channel")["usual"]
        best = split_by_elasticity(self.response, self.values, price, pd.Series(STEP, last.index))
        best = np.maximum(best, last / STEP)
        return {c: float(best.get(c, usual)) for c, usual in self.usual.items()}


def channels(client: Client) -> Channels:
    """Read response and value of channels (step 6)."""
    sight = client.sight
    days = 365 * (client.years_left - 1) + ARRIVAL
    first = sight.table("orders")["ordered_at"].min()
    rows = sight.query(
        "newcomer_margins", days=days, start=date(first.year, first.month, 1), margin_rate=sight.engagement.costs.margin_rate
    )  # fmt: skip
    try:
        response = fit_elasticity(sight.table("channel_spend"))
        values = crm.newcomer_values(rows).set_index("channel")["value"]
    except (ValueError, NotEnough):
        return Channels(None, pd.Series(dtype=float), dict(client.usual))
    return Channels(response, values, dict(client.usual))


def fixes(client: Client) -> tuple[tuple[str, ...], float]:
    """Read which fixes save more than they cost (step 5), and their cost."""
    return (), 0.0


def offers(client: Client) -> pd.DataFrame | None:
    """Read which offer earns most in each found segment (step 4)."""
    return None


def programme(client: Client) -> str:
    """Read whether another design of the loyalty programme surely brings more (step 6)."""
    return ""
