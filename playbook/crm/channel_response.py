"""How channels answer to spend and what their newcomers bring: the reading from which money is moved between channels.

One function reads it (`channel_response`), for the notebook and for the arena.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook.allocation import ElasticResponse, fit_elasticity, split_by_elasticity
from playbook.crm.newcomers import newcomer_values
from playbook.errors import NotEnough

__all__ = ["ChannelResponse", "channel_response"]

ASK = "spend and customers won per channel and month over two years, and the channel by which each customer was won"
DRAWS = 2000
HALVINGS = 60
Z95 = 1.959964
STEEPEST = 0.95
"""An elasticity of one or more would say that all money belongs into one channel."""
FURTHEST = 4.0
"""Most times the usual spend, and least part of it, that any reading is trusted for."""


@dataclass(frozen=True)
class ChannelResponse:
    """Customers won by spend, over all channels together, and the margin that one of each channel brings.

    Attributes
    ----------
    response
        One elasticity, a level for each channel.
    values
        From `newcomer_values`: channel, value, low, high (margin of a customer won, currency).
    """

    response: ElasticResponse
    values: pd.DataFrame

    @property
    def usual(self) -> pd.Series:
        """Spend of the last 12 months by channel."""
        return self.response.channels.set_index("channel")["usual"]

    @property
    def worth(self) -> pd.Series:
        """Expected margin of a customer won, by channel."""
        return self.values.set_index("channel")["value"]

    def spend(self, price: float, least: pd.Series, most: pd.Series) -> pd.Series:
        """Return the yearly spend by channel at which the last unit of money brings ``price``, within bounds (currency)."""
        best = split_by_elasticity(self.response, self.worth, price, most / self.usual)
        return np.maximum(best, least)

    def spend_of(self, money: float, least: pd.Series, most: pd.Series) -> tuple[pd.Series, float]:
        """Return the spend by channel that uses ``money`` at equal marginal return, as far as the bounds let it, and that return."""
        far = most * 0 + np.inf
        free = split_by_elasticity(self.response, self.worth, 1.0, far).to_numpy(float)
        power = -1 / (1 - min(self.response.elasticity, STEEPEST))
        floor, top = least.to_numpy(float), most.to_numpy(float)
        low, high = 1e-6, 1e6
        for _ in range(HALVINGS):
            middle = float(np.sqrt(low * high))
            asked = np.clip(free * middle**power, floor, top).sum()
            low, high = (middle, high) if asked > money else (low, middle)
        return self.spend(high, least, most), high

    def drawn(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Return draws of the elasticity (draws × 1) and of the yearly margin at the usual spend (draws × channels)."""
        rng = np.random.default_rng(seed)
        channels = self.response.channels.set_index("channel")
        value = self.values.set_index("channel").reindex(channels.index)
        error = ((value["high"] - value["low"]) / 2 / Z95).to_numpy(float)
        elasticity = rng.normal(self.response.elasticity, self.response.error, (DRAWS, 1))
        each = value["value"].to_numpy(float) + error * rng.standard_normal((DRAWS, len(channels)))
        level = channels["level"].to_numpy(float)
        counted = channels["counted"].to_numpy(float)
        won = level * np.exp(rng.standard_normal(each.shape) / np.sqrt(counted))
        return elasticity.clip(0, STEEPEST), won * each

    def marginal(self, spend: pd.Series) -> pd.Series:
        """Return the margin that one more unit of money brings in each channel at this spend."""
        channels = self.response.channels.set_index("channel")
        e, x = min(self.response.elasticity, STEEPEST), spend.reindex(channels.index) / self.usual
        margin = e * channels["level"] * self.worth.reindex(channels.index)
        return (margin * x ** (e - 1) / self.usual).rename("marginal_return")

    def drawn_marginal(self, spend: pd.Series, seed: int) -> np.ndarray:
        """Return draws × channels of what one more unit of money brings at this spend."""
        e, margin = self.drawn(seed)
        usual = self.usual.to_numpy(float)
        x = spend.reindex(self.usual.index).to_numpy(float) / usual
        return np.asarray(e * margin * x ** (e - 1) / usual)

    def brings(self, spend: pd.Series) -> float:
        """Return the margin that all customers whom this yearly spend wins bring (currency)."""
        channels = self.response.channels.set_index("channel")
        usual = channels["level"] * self.worth.reindex(channels.index)
        return float((usual + self.gain(spend)).sum())

    def gain(self, spend: pd.Series) -> pd.Series:
        """Return the yearly margin that this spend brings beyond the usual one, by channel, before the money itself."""
        channels = self.response.channels.set_index("channel")
        e, x = min(self.response.elasticity, STEEPEST), spend.reindex(channels.index) / self.usual
        margin = channels["level"] * self.worth.reindex(channels.index)
        return (margin * (x**e - 1)).rename("gain")

    def drawn_gain(self, spend: pd.Series, seed: int) -> np.ndarray:
        """Return draws × channels of that gain."""
        e, margin = self.drawn(seed)
        x = (spend.reindex(self.usual.index) / self.usual).to_numpy(float)
        return np.asarray(margin * (x**e - 1))

    def seen(self) -> tuple[pd.Series, pd.Series]:
        """Return the least and the most yearly spend of each channel of which its months tell something.

        Its smallest and its largest month, a whole year long, and within a quarter and four times the usual; a channel whose
        newcomers' value is not known stays as it is.
        """
        channels = self.response.channels.set_index("channel")
        least = (channels["narrowest"].clip(lower=1 / FURTHEST, upper=1.0) * self.usual).rename("least")  # fmt: skip
        most = (channels["widest"].clip(lower=1.0, upper=FURTHEST) * self.usual).rename("most")
        known = self.worth.reindex(channels.index).notna()
        return least.where(known, self.usual), most.where(known, self.usual)


def channel_response(
    spend: pd.DataFrame, newcomers: pd.DataFrame, segments: pd.DataFrame | None
) -> ChannelResponse:
    """Read how customers won answer to spend, and what those of each channel bring.

    Parameters
    ----------
    spend
        Table ``channel_spend``.
    newcomers
        Query ``newcomer_margins``: customer_id, channel, margin of the first days.
    segments
        Result ``segments`` of step 03, if it is there.

    Raises
    ------
    NotEnough
        The months do not tell what more spend wins, or the newcomers' channels are not known.
    """
    try:
        response = fit_elasticity(spend)
    except ValueError as error:
        raise NotEnough(str(error), ASK) from error
    values = newcomer_values(newcomers, segments)
    if not set(values["channel"]) & set(response.channels["channel"]):
        raise NotEnough("no channel with spend is named by ten of the customers won", ASK)
    return ChannelResponse(response, values)
