"""Design cells of service: do intervals of adjusted differences between channels, and of volumes to come, cover?

Answers are drawn here from the textbook law (proportional odds), counts from a Poisson law with a season;
neither from the simulated client.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import logistic

from playbook.experience.adjusted import adjusted_means
from playbook.experience.volume import months_ahead
from playbook.truth.coverage import Cell, Draw

__all__ = ["CELLS", "channel_difference", "month_to_come"]

CUTS = np.array([-2.6, -1.6, -0.4, 1.2])
CHANNEL = {"counter": 0.3, "letter": -0.6, "wire": 0.0}
TOPIC = {"easy": 0.5, "middling": 0.0, "hard": -0.9}
MIX = {"counter": (0.6, 0.3, 0.1), "letter": (0.2, 0.4, 0.4), "wire": (0.1, 0.3, 0.6)}
"""Share of the topics in each channel: the hard ones come by wire."""
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(15)


def _mean(score: np.ndarray, mood: float) -> float:
    """Mean answer (1 to 5) of these scores, over customers whose mood has this spread."""
    share = WEIGHTS / WEIGHTS.sum()
    above = [logistic.sf(CUTS - score[:, None] - mood * node).sum(axis=1) for node in NODES]
    return 1 + float(share @ np.array(above).mean(axis=1))


def channel_difference(cases: int, shares: tuple[float, float, float], mood: float = 0.0) -> Draw:
    """Adjusted difference of two channels drawn at random; ``mood`` lets the cases of a customer go together."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        names = list(CHANNEL)
        channel = rng.choice(names, cases, p=shares)
        topic = np.array([rng.choice(list(TOPIC), p=MIX[name]) for name in channel])
        customer = rng.integers(0, cases // 2, cases)
        of_topic = np.array([TOPIC[name] for name in topic])
        score = np.array([CHANNEL[name] for name in channel]) + of_topic
        felt = score + mood * rng.standard_normal(cases // 2)[customer] + rng.logistic(size=cases)
        frame = pd.DataFrame({"channel": channel, "topic": topic, "customer_id": customer.astype(str)})  # fmt: skip
        frame["csat"] = 1.0 + np.digitize(felt, CUTS)
        found = adjusted_means(frame, "csat", "channel", ("topic",), "customer_id")
        pair = found.pairs.iloc[int(rng.integers(len(found.pairs)))]
        ends = [_mean(CHANNEL[name] + of_topic, mood) for name in (pair["upper"], pair["lower"])]
        return float(pair["low"]), float(pair["high"]), ends[0] - ends[1]

    return draw


def month_to_come(months: int) -> Draw:
    """One of the twelve months after a history of seasonal counts, drawn at random (80 %)."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        whole = np.arange(months + 12)
        season = np.exp(rng.normal(0, 0.2, 12))[whole % 12]
        growth = (1 + rng.uniform(-0.10, 0.15)) ** (whole / 12)
        busy = rng.gamma(60, 1 / 60, len(whole))
        counts = rng.poisson(rng.uniform(30, 250) * season * growth * busy).astype(float)
        found = months_ahead(counts[:months], 12, seed=int(rng.integers(2**31)))
        place = int(rng.integers(12))
        row = found.table.iloc[place]
        return float(row["low"]), float(row["high"]), float(counts[months + place])

    return draw


CELLS = (
    Cell("05.coverage_channels", "300 cases, topics differ by channel", channel_difference(300, (0.35, 0.3, 0.35))),
    Cell("05.coverage_channels", "400 cases, one in ten by the first channel", channel_difference(400, (0.1, 0.45, 0.45))),
    Cell("05.coverage_channels", "300 cases of customers with a mood of their own", channel_difference(300, (0.35, 0.3, 0.35), 1.0)),
    Cell("05.coverage_case_volume", "a month after 24 months of counts, at 80 %", month_to_come(24), 0.80),
    Cell("05.coverage_case_volume", "a month after 30 months of counts, at 80 %", month_to_come(30), 0.80),
)  # fmt: skip
"""Each sample is a fit or several: some minutes in all."""
