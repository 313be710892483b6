"""Do forecasts without new action come true as often as they say? Simulated series with a known next year.

A series is drawn, its last year hidden, the rest forecast as step 1 does, and a target asked about.

Kinds of monthly series (drawn evenly; level, season, noise and the numbers below are drawn for each)
-----------------------------------------------------------------------------------------------------
steady
    Level times season, plus noise.
wandering
    The level is a random walk of 1 to 3 % a month.
growing
    From 10 % less to 15 % more each year.
swinging
    The level swings back to its mean (autoregressive, 0.7 to 0.95 a month).
counted
    Poisson counts of 4 to 60 a month.
shifted
    One lasting step of 5 to 15 % in a month nobody knows, which may lie in the hidden year.

12-month figures (customers kept, orders each) are means of 12 months of a steady, wandering or growing
monthly figure; waves of a survey are sampled from a score that wanders or drifts.

References
----------
Bröcker, J. & Smith, L. A. (2007). Increasing the reliability of reliability diagrams. Weather and
Forecasting 22 (the share reached in a bin against what chance allows at the stated probability).
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import numpy as np
import pandas as pd
from scipy.stats import binom

from playbook.objectives import AnnualForecast, annual_forecast, monthly_forecast, year_total
from playbook.truth.coverage import Cell, holds
from playbook.truth.judge import Line

__all__ = [
    "LENGTHS",
    "SERIES",
    "calibration_lines",
    "coverage_lines",
    "drawn_futures",
    "in_words",
    "lines",
]

SERIES = 420
"""Simulated series of each design cell (at least 400)."""

LENGTHS = (24, 36, 60)
"""Months of history."""

LEVEL = 0.80
BINS = 5
LARGEST_ERROR = 0.05
TOLERANCE = 0.05
CHANCE = 0.01

Forecast = tuple[str, AnnualForecast, float, float]
"""Kind, forecast, what came, last year's figure."""

KINDS = ("steady", "wandering", "growing", "swinging", "counted", "shifted")


def _monthly_series(kind: str, rng: np.random.Generator, months: int) -> np.ndarray:
    profile = rng.normal(0, 1, 12)
    profile = (profile - profile.mean()) / profile.std() * rng.uniform(0.05, 0.25)
    season = np.clip(1 + profile[np.arange(months) % 12], 0.1, None)
    if kind == "counted":
        return rng.poisson(rng.uniform(4, 60) * season).astype(float)
    level = np.ones(months)
    if kind == "wandering":
        level = np.exp(np.cumsum(rng.normal(0, rng.uniform(0.01, 0.03), months)))
    elif kind == "growing":
        level = (1 + rng.uniform(-0.10, 0.15)) ** (np.arange(months) / 12)
    elif kind == "swinging":
        back, sd = rng.uniform(0.7, 0.95), rng.uniform(0.05, 0.12)
        swing = [rng.normal(0, sd)]
        for shock in rng.normal(0, sd * np.sqrt(1 - back**2), months - 1):
            swing.append(back * swing[-1] + shock)
        level = np.exp(swing)
    elif kind == "shifted":
        level[rng.integers(months) :] += rng.choice([-1, 1]) * rng.uniform(0.05, 0.15)
    noise = 1 + rng.normal(0, rng.uniform(0.03, 0.12), months)
    return rng.uniform(200, 2000) * level * season * noise


def _year(months: int) -> Callable[[int, np.random.Generator], Forecast]:
    """The total of the year after ``months`` of a monthly series."""

    def draw(number: int, rng: np.random.Generator) -> Forecast:
        kind = KINDS[number % len(KINDS)]
        series = _monthly_series(kind, rng, months + 12)
        known, ahead = series[:months], series[months:]
        found = year_total(known, monthly_forecast(known, 12, number), 12)
        return kind, found, float(ahead.sum()), float(known[-12:].sum())

    return draw


def _rolling(number: int, rng: np.random.Generator) -> Forecast:
    """A mean of 12 months, a year after 24, 36 or 60 months."""
    kind, months = KINDS[number % 3], LENGTHS[number // 3 % 3]
    level = np.ones(months + 12)
    if kind == "wandering":
        level = np.exp(np.cumsum(rng.normal(0, rng.uniform(0.005, 0.02), months + 12)))
    elif kind == "growing":
        level = (1 + rng.uniform(-0.08, 0.08)) ** (np.arange(months + 12) / 12)
    spread = rng.uniform(0.03, 0.10)
    series = rng.uniform(1.5, 4) * level * (1 + rng.normal(0, spread, months + 12))
    means = np.convolve(series, np.ones(12) / 12, "valid")
    known = means[: months - 11]
    se = float(known[-1]) * spread / np.sqrt(12)
    found = annual_forecast(known, 12, float(known[-1]), se)
    return kind, found, float(means[-1]), float(known[-1])


def _waves(number: int, rng: np.random.Generator) -> Forecast:
    """The score of the next year of a survey twice a year, after 6 to 10 waves of 80 to 300 answers."""
    kind, waves, n = ("steady", "wandering", "growing")[number % 3], int(rng.integers(6, 11)), 0
    sd = rng.uniform(1, 4) if kind == "wandering" else 0.0
    drift = rng.uniform(-2.5, 2.5) if kind == "growing" else 0.0
    walk = np.cumsum(rng.normal(0, sd, waves + 2)) + drift * np.arange(waves + 2)
    share = np.clip((rng.uniform(5, 40) + walk) / 100 + 0.15, 0.01, 0.84)
    n = int(rng.integers(80, 300))
    answers = np.array([rng.multinomial(n, [p, 0.15, 0.85 - p]) for p in share]) / n
    scores = 100 * (answers[:, 0] - answers[:, 1])
    errors = 100 * np.sqrt((answers[:, 0] + answers[:, 1] - (scores / 100) ** 2) / n)
    now = float(scores[waves - 2 : waves].mean())
    se = float(errors[waves - 2 : waves].mean()) / np.sqrt(2)
    found = annual_forecast(scores[:waves], 2, now, se, float(errors[:waves].mean()))
    return kind, found, float(scores[waves:].mean()), now


DESIGNS: dict[str, Callable[[int, np.random.Generator], Forecast]] = {
    f"01.coverage_year_{months}_months": _year(months) for months in LENGTHS
} | {"01.coverage_12_month_figure": _rolling, "01.coverage_survey_waves": _waves}


def in_words(design: str) -> str:
    """Return what a design forecasts."""
    name = design.removeprefix("01.coverage_")
    if name.startswith("year_"):
        return f"total of the year after {name.split('_')[1]} months of history"
    return f"{name.replace('_', ' ')} a year ahead"


def drawn_futures(design: str, series: int = SERIES, seed: int = 1) -> pd.DataFrame:
    """Return one row per simulated series: kind, low and high (80 %), came, chance (stated), reached.

    The target asked about lies between 15 % below and 20 % above the last year's figure (for surveys
    10 points to either side).
    """
    rows = []
    for number in range(series):
        rng = np.random.default_rng([seed, crc32(design.encode()), number])
        kind, found, came, last = DESIGNS[design](number, rng)
        waves = design == "01.coverage_survey_waves"
        target = last + rng.uniform(-10, 10) if waves else last * rng.uniform(0.85, 1.20)
        low, high = found.interval(LEVEL)
        rows.append((kind, low, high, came, found.chance(target), came >= target))
    return pd.DataFrame(rows, columns=["kind", "low", "high", "came", "chance", "reached"])


def coverage_lines(design: str, futures: pd.DataFrame) -> Line:
    """Judge how often the 80 % interval held what came, all kinds together; each kind is told."""
    covers = (futures["low"] <= futures["came"]) & (futures["came"] <= futures["high"])
    share, n = float(covers.mean()), len(covers)
    cell = Cell(design, "", lambda rng: (0.0, 0.0, 0.0), LEVEL)
    by_kind = covers.groupby(futures["kind"], sort=True).mean()
    told = ", ".join(f"{kind} {value:.0%}" for kind, value in by_kind.items())
    return Line(
        design, f"coverage: {in_words(design)}", LEVEL, share, None, None, f"{int(covers.sum())} of {n}",
        None, 0, holds(cell, share), f"{share:.1%} ({told})",
        f"80% within 5 points on {n} simulated series of {len(by_kind)} kinds",
    )  # fmt: skip


def calibration_lines(futures: pd.DataFrame) -> list[Line]:
    """Return the reliability table of the chance to reach a target: one line a bin, and the error over all.

    A bin fails when the share that reached their target is further than 5 points from the mean chance
    stated, the tolerance of coverage at 80 %, by more than sampling explains (1 %).
    """
    place = np.minimum((futures["chance"] * BINS).astype(int), BINS - 1)
    found, error = [], 0.0
    for number in range(BINS):
        part = futures[place == number]
        if part.empty:
            continue
        n, reached = len(part), int(part["reached"].sum())
        said = float(part["chance"].mean())
        error += abs(reached - n * said) / len(futures)
        near = np.clip(reached / n, max(said - TOLERANCE, 0.0), min(said + TOLERANCE, 1.0))
        tail = min(binom.cdf(reached, n, near), binom.sf(reached - 1, n, near))
        found.append(
            Line(
                f"01.chance_bin_{number + 1}",
                f"targets said to be reached with {number / BINS:.0%} to {(number + 1) / BINS:.0%}: share reached",
                said, reached / n, None, None, f"{reached} of {n}", None, 0, bool(tail >= CHANCE),
                f"said {said:.1%}, reached {reached / n:.1%}", "within 5 points of the chance stated, or no further than sampling explains (1%)",
            )
        )  # fmt: skip
    rule = f"at most {LARGEST_ERROR:.0%} over {BINS} bins"
    whole = Line(
        "01.chance_calibration", "expected calibration error of the chance to reach a target", 0.0, error,
        None, None, "", None, 0, error <= LARGEST_ERROR, f"{error:.1%} on {len(futures)} targets", rule,
    )  # fmt: skip
    return [*found, whole]


def lines(step: str = "", series: int = SERIES, seed: int = 1, designs: tuple[str, ...] = tuple(DESIGNS)) -> list[Line]:  # fmt: skip
    """Return one line per design cell, and the reliability table over all of them."""
    if step not in ("", "01"):
        return []
    if series < 400:
        raise ValueError(f"forecasts are judged on at least 400 simulated series, not {series}")
    futures = {design: drawn_futures(design, series, seed) for design in designs}
    pooled = pd.concat(futures.values(), ignore_index=True)
    return [*(coverage_lines(*item) for item in futures.items()), *calibration_lines(pooled)]
