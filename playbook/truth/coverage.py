"""Do intervals cover as often as they say? The estimators alone, on many independent samples.

Each *design cell* states how one sample is drawn and what the interval should cover. Samples are
drawn here from textbook distributions, not from the simulated client, so that the true value is
known exactly.

References
----------
Brown, L., Cai, T. & DasGupta, A. (2001). Interval estimation for a binomial proportion. Statistical
Science 16 (why shares are drawn from a range).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd

from playbook.propensity import treatment_effect
from playbook.stats import (
    mean_interval,
    net_promoter,
    net_promoter_difference,
    ratio_interval,
    two_proportion_difference,
    wilson,
)
from playbook.truth.judge import Line

__all__ = ["CELLS", "REPLICATIONS", "Cell", "coverage", "holds", "lines"]

REPLICATIONS = 1000
"""Independent samples of each design cell (at least 400)."""

Draw = Callable[[np.random.Generator], tuple[float, ...]]
"""Draws one sample; returns the ends of the interval and the true value, and may add the ends of a naive interval."""


@dataclass(frozen=True)
class Cell:
    """One design cell: the row it belongs to, its words, its nominal level and its draw."""

    id: str
    design: str
    draw: Draw
    level: float = 0.95

    @property
    def tolerance(self) -> float:
        """Three points; five at a level of 80 %."""
        return 0.05 if self.level <= 0.80 else 0.03


def _share(n: int, between: tuple[float, float], level: float = 0.95) -> Draw:
    """A share drawn anew each time: at one share coverage swings with every count that fits in."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        p = rng.uniform(*between)
        found = wilson(rng.binomial(n, p), n, level)
        return found.low, found.high, p

    return draw


def _difference(n: tuple[int, int], p: tuple[float, float]) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        first, second = (int(rng.binomial(m, q)) for m, q in zip(n, p, strict=True))
        found = two_proportion_difference(first, n[0], second, n[1])
        return found.low, found.high, p[0] - p[1]

    return draw


def _answers(rng: np.random.Generator, n: int, shares: tuple[float, float]) -> np.ndarray:
    promoters, detractors = shares
    return rng.choice([10, 3, 8], n, p=[promoters, detractors, 1 - promoters - detractors])


def _promoters(n: int, shares: tuple[float, float]) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        found = net_promoter(_answers(rng, n, shares))
        return found.low, found.high, 100 * (shares[0] - shares[1])

    return draw


def _promoter_change(n: int, before: tuple[float, float], after: tuple[float, float]) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        now, then = (net_promoter(_answers(rng, n, shares)) for shares in (after, before))
        found = net_promoter_difference(now, then)
        truth = 100 * ((after[0] - after[1]) - (before[0] - before[1]))
        return found.low, found.high, truth

    return draw


def _weighted_promoters(n: int) -> Draw:
    """Two groups in equal numbers in the population; the second answers a third as often."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        first = rng.random(n) < 0.75
        scores = np.where(first, _answers(rng, n, (0.5, 0.2)), _answers(rng, n, (0.3, 0.4)))
        found = net_promoter(scores, np.where(first, 0.5 / 0.75, 0.5 / 0.25))
        return found.low, found.high, 10.0

    return draw


def _spend(rng: np.random.Generator, n: int, buys: float) -> np.ndarray:
    """Margin of ``n`` customers: nothing for most, log-normal for who buys (mean about 70)."""
    return (rng.random(n) < buys) * rng.lognormal(4.0, 0.7, n)


MEAN_SPEND = float(np.exp(4.0 + 0.7**2 / 2))


def _mean(n: int, buys: float) -> Draw:
    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        found = mean_interval(_spend(rng, n, buys))
        return found.low, found.high, buys * MEAN_SPEND

    return draw


def _ratio(n: int) -> Draw:
    """Revenue per order over customers whose order counts and order values differ."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        orders = rng.poisson(rng.gamma(1.0, 2.0, n)) + 1
        value = rng.lognormal(4.0, 0.5, n) * np.exp(0.2 * np.log(orders))
        found = ratio_interval(value * orders, orders)
        count = np.arange(1, 400)
        chance = (1 / 3) * (2 / 3) ** (count - 1)  # Poisson mixed over an exponential of mean 2
        truth = np.exp(4.125) * (chance * count**1.2).sum() / (chance * count).sum()
        return found.low, found.high, float(truth)

    return draw


def _campaign(n: int, effect: float, stratified: bool) -> Draw:
    """Margin after a campaign; better customers are treated more often where it is stratified."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        good = rng.random(n) < 0.5
        before = _spend(rng, n, 0.5) * np.where(good, 2, 1)
        chance = np.where(good, 0.8, 0.4) if stratified else np.full(n, 0.7)
        treated = rng.random(n) < chance
        base = 0.2 + 0.2 * good + 0.1 * (before > 0)
        after = _spend(rng, n, 0) + (rng.random(n) < base + effect * treated) * rng.lognormal(
            4.0, 0.7, n
        )
        frame = pd.DataFrame(
            {"customer_id": np.arange(n), "treated": treated.astype(int), "after": after,
             "before": before, "chance": chance}
        )  # fmt: skip
        found = treatment_effect(frame, "treated", "after", "chance", "before")
        return found.low, found.high, effect * MEAN_SPEND

    return draw


def _lapsed(n: int) -> Draw:
    """A campaign without effect that leaves one in ten of the best customers out, and few buy much."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        good = rng.random(n) < 0.5
        chance = np.where(good, 0.9, 0.5)
        margin = (rng.random(n) < 0.12) * rng.lognormal(3.5, 1.2, n) * np.where(good, 2, 1)
        before = (rng.random(n) < 0.5) * rng.lognormal(4.0, 0.7, n) * np.where(good, 2, 1)
        frame = pd.DataFrame(
            {"customer_id": np.arange(n), "treated": (rng.random(n) < chance).astype(int),
             "after": margin, "before": before, "chance": chance}
        )  # fmt: skip
        found = treatment_effect(frame, "treated", "after", "chance", "before")
        return found.low, found.high, 0.0

    return draw


CELLS = (
    Cell("02.coverage_share", "share of 10 to 30 % among 300", _share(300, (0.1, 0.3))),
    Cell("02.coverage_share", "share of 1 to 5 % among 150", _share(150, (0.01, 0.05))),
    Cell("02.coverage_share", "share of 40 to 60 % among 60, at 80 %", _share(60, (0.4, 0.6), 0.80), 0.80),
    Cell("02.coverage_difference", "30 % of 200 less 20 % of 300", _difference((200, 300), (0.3, 0.2))),
    Cell("02.coverage_difference", "5 % of 80 less 5 % of 400", _difference((80, 400), (0.05, 0.05))),
    Cell("02.coverage_nps", "45 % and 20 % among 400", _promoters(400, (0.45, 0.20))),
    Cell("02.coverage_nps", "30 % and 35 % among 60", _promoters(60, (0.30, 0.35))),
    Cell("02.coverage_nps_weighted", "two groups, one answers a third as often, 400 answers", _weighted_promoters(400)),
    Cell("02.coverage_nps_change", "from 40/20 to 35/25 among 300 each", _promoter_change(300, (0.40, 0.20), (0.35, 0.25))),
    Cell("03.coverage_mean", "margin of 400 customers, 35 % buy", _mean(400, 0.35)),
    Cell("03.coverage_ratio", "revenue per order of 400 customers", _ratio(400)),
    Cell("06.coverage_campaign", "1,500 customers, no effect", _campaign(1500, 0.0, False)),
    Cell("06.coverage_campaign", "1,500 customers, effect of 5 points", _campaign(1500, 0.05, False)),
    Cell("06.coverage_campaign", "800 customers in two strata, effect of 5 points", _campaign(800, 0.05, True)),
    Cell("06.coverage_campaign", "900 lapsed customers, few buy, one in ten of the best left out", _lapsed(900)),
)  # fmt: skip


def coverage(cell: Cell, replications: int = REPLICATIONS, seed: int = 1) -> float:
    """Return the share of independent samples whose interval covers the true value."""
    return both_coverages(cell, replications, seed)[0]


def both_coverages(cell: Cell, replications: int, seed: int) -> tuple[float, float | None]:
    """Return the shares of samples whose interval, and whose naive interval where there is one, covers the true value."""
    if replications < 400:
        raise ValueError(f"coverage is judged on at least 400 samples, not {replications}")
    rng = np.random.default_rng([seed, crc32(f"{cell.id} {cell.design}".encode())])
    ends = np.array([cell.draw(rng) for _ in range(replications)])
    truth = ends[:, 2]
    ours = float(((ends[:, 0] <= truth) & (truth <= ends[:, 1])).mean())
    if ends.shape[1] < 5:
        return ours, None
    return ours, float(((ends[:, 3] <= truth) & (truth <= ends[:, 4])).mean())


def holds(cell: Cell, share: float) -> bool:
    """Whether a share of covering intervals is within the cell's tolerance."""
    return bool(round(abs(share - cell.level), 9) <= cell.tolerance)


def lines(
    step: str = "", replications: int = REPLICATIONS, seed: int = 1, cells: Sequence[Cell] = CELLS
) -> list[Line]:
    """Return one line per design cell (of one step, or of all)."""
    return [_line(c, replications, seed) for c in cells if not step or c.id.startswith(f"{step}.")]


def _line(cell: Cell, replications: int, seed: int) -> Line:
    share, naive = both_coverages(cell, replications, seed)
    return Line(
        cell.id, f"coverage: {cell.design}", cell.level, share, naive, None,
        f"{round(share * replications)} of {replications}", None, 0,
        holds(cell, share), f"{share:.1%}",
        f"{cell.level:.0%} within {100 * cell.tolerance:.0f} points on {replications} independent samples",
    )  # fmt: skip
