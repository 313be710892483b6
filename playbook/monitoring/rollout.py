"""What a staggered roll-out added: places where it had begun against places where it had not yet.

Glossary
--------
cohort
    Places where the work began in the same month.
not yet treated
    Places where it begins later or never; only they are compared with, so that no place that already
    has the effect stands for "without".
placebo
    The same start months given to other places at random: what chance alone makes of them.
pre-trend
    Whether the places already moved apart before the start.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook.errors import NotEnough

__all__ = [
    "BASE",
    "NEVER",
    "Panel",
    "RolloutEffect",
    "gap_by_month",
    "rollout_effect",
    "smallest_effect",
]

BASE = 12
"""Whole months before the start that a place is compared with itself."""
FEWEST_AFTER = 3
FEWEST_PLACEBOS = 20
"""Different placebos from which a level of 5 % can be tested."""
PLACEBOS = 499
NEVER = 10**6
GRID = 1201


@dataclass(frozen=True)
class Panel:
    """Monthly figure per customer (places by months), customers of each place, names and first days of months."""

    values: np.ndarray
    sizes: np.ndarray
    places: list[str]
    months: pd.DatetimeIndex


@dataclass(frozen=True)
class RolloutEffect:
    """Effect per customer of the treated places, summed over the months measured, with its 95 % interval.

    ``naive`` is the change of the treated places alone, after against before; ``pretrend_p`` tests whether places moved apart before.
    """

    effect: float
    low: float
    high: float
    p_value: float
    pretrend_p: float
    naive: float
    treated: int
    control: int
    places_treated: int
    places_control: int
    months_before: int
    months_after: float
    placebos: int

    @property
    def standard_error(self) -> float:
        """Half of the interval over 1.96: what sums of several effects are made of."""
        return (self.high - self.low) / (2 * 1.96)


def _sums(panel: Panel, series: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the estimate for each row of ``starts`` (first month with the work, by place): effect per customer, summed.

    Group-time effects of Callaway and Sant'Anna: change of a cohort since its base months less the change of the
    places not yet treated, weighted by customers.
    """
    total = np.zeros(len(starts))
    treated = (starts < NEVER) @ panel.sizes
    for start in np.unique(starts[starts < NEVER]):
        change = series - series[:, start - BASE : start].mean(axis=1, keepdims=True)
        cohort = (starts == start) * panel.sizes
        weight = cohort.sum(axis=1)
        own = np.divide(cohort @ change, weight[:, None], out=np.zeros((len(starts), series.shape[1])), where=weight[:, None] > 0)  # fmt: skip
        for month in range(int(start), series.shape[1]):
            later = (starts > month) * panel.sizes
            without = later.sum(axis=1)
            other = np.divide(later @ change[:, month], without, out=np.zeros(len(starts)), where=without > 0)  # fmt: skip
            total += np.where(without > 0, weight * (own[:, month] - other), 0.0)
    return total / np.where(treated > 0, treated, 1.0)


def _scale(panel: Panel, starts: np.ndarray) -> np.ndarray:
    """Return what chance does to each estimate up to a factor: small places move more."""
    treated = (starts < NEVER) @ panel.sizes
    return np.sqrt(1 / treated + 1 / (panel.sizes.sum() - treated + panel.sizes.min()))


def _drift_before(panel: Panel, treated: np.ndarray, first: int) -> np.ndarray:
    """Return the slope a month of treated less other places before the start, for each row of ``treated``."""
    months = np.arange(first) - (first - 1) / 2
    slope = panel.values[:, :first] @ months / (months @ months)
    own, other = treated * panel.sizes, ~treated * panel.sizes
    return (own @ slope) / own.sum(axis=1) - (other @ slope) / other.sum(axis=1)


def _placebos(starts: np.ndarray, seed: int) -> np.ndarray:
    """Return the start months dealt to places at random, the real deal first, each deal once."""
    rng = np.random.default_rng(seed)
    dealt = np.vstack([starts, *(rng.permutation(starts) for _ in range(PLACEBOS))])
    _, place = np.unique(dealt, axis=0, return_index=True)
    return dealt[np.sort(place)]


def _deals(starts: np.ndarray) -> float:
    """Return how many different deals of the start months there are."""
    counts = np.unique(starts, return_counts=True)[1]
    log = math.lgamma(len(starts) + 1) - sum(math.lgamma(c + 1) for c in counts)
    return math.exp(min(log, 50.0))


def _checked(panel: Panel, starts: np.ndarray) -> None:
    begun = starts[starts < NEVER]
    ask = "the first day of each place where it began, in the plan, and orders of 12 months before"
    if not len(begun):
        raise NotEnough("none of the places named has 30 customers and orders", ask)
    if begun.min() < BASE:
        raise NotEnough(
            f"{begun.min()} whole months of orders before the start, {BASE} needed", ask
        )
    if not (starts > begun.min()).any():
        raise NotEnough("it began everywhere at once, so no place shows what happens without", "a start in some places first")  # fmt: skip
    last = starts.max() if starts.max() < NEVER else len(panel.months)
    if min(last, len(panel.months)) - begun.min() < FEWEST_AFTER:
        raise NotEnough(f"fewer than {FEWEST_AFTER} whole months with places that have it and places that do not", "a later run")  # fmt: skip
    deals = _deals(starts)
    if round(deals) < FEWEST_PLACEBOS:
        raise NotEnough(
            f"{len(begun)} of {len(starts)} places: chance cannot be judged from {round(deals)} ways of choosing them",
            "a start in three of six places or more, such as regions instead of countries",
        )


def rollout_effect(panel: Panel, starts: np.ndarray, seed: int) -> RolloutEffect:
    """Estimate what a staggered roll-out added, with an interval that holds for few places.

    Parameters
    ----------
    panel
        Whole months only.
    starts
        Number of the first month with the work, by place; `NEVER` where it did not begin.
    seed
        Seed of the placebos.

    Notes
    -----
    Each cohort's change since the mean of its 12 months before is compared with that of the places not yet treated
    (Callaway & Sant'Anna 2021; with one start date this is difference-in-differences). Months of one place go
    together, and places are few, so errors are not taken from months (Bertrand, Duflo & Mullainathan 2004): the
    start months are dealt to places at random up to 499 times, and the interval holds every effect per month that
    such placebos do not refute at 5 % (inversion of the permutation test; MacKinnon & Webb 2020), each estimate
    divided by what the size of its places lets chance do. A pre-trend that is not found is no proof that
    there is none (Roth 2022).

    References
    ----------
    Bertrand, M., Duflo, E. & Mullainathan, S. (2004). How much should we trust differences-in-differences
    estimates? Quarterly Journal of Economics 119. Callaway, B. & Sant'Anna, P. (2021). Difference-in-differences
    with multiple time periods. Journal of Econometrics 225. MacKinnon, J. & Webb, M. (2020). Randomization
    inference for difference-in-differences with few treated clusters. Journal of Econometrics 218. Roth, J.
    (2022). Pretest with caution. American Economic Review: Insights 4.
    """
    _checked(panel, starts)
    first = int(starts.min())
    last = len(panel.months)
    end = min(last, int(starts.max())) if (starts < NEVER).all() else last
    panel = Panel(panel.values[:, :end], panel.sizes, panel.places, panel.months[:end])
    deals = _placebos(starts, seed)
    exposed = (np.arange(end)[None, :] >= starts[:, None]).astype(float)
    scale = _scale(panel, deals)
    found, moved = (_sums(panel, series, deals) for series in (panel.values, exposed))
    low, high = _interval(found / scale, moved / scale)
    months = float(moved[0])
    before = _drift_before(panel, deals < NEVER, first) / scale
    begun = starts < NEVER
    after = panel.values - np.array([row[max(s - BASE, 0) : s].mean() if s < NEVER else 0.0 for row, s in zip(panel.values, starts, strict=True)])[:, None]  # fmt: skip
    weight = panel.sizes * begun
    return RolloutEffect(
        effect=float(found[0]),
        low=low * months,
        high=high * months,
        p_value=float((np.abs(found / scale) >= abs(found[0] / scale[0]) - 1e-12).mean()),
        pretrend_p=float((np.abs(before) >= abs(before[0]) - 1e-12).mean()),
        naive=float(weight @ (after * exposed).sum(axis=1) / weight.sum()),
        treated=int(panel.sizes[begun].sum()),
        control=int(panel.sizes[starts > first].sum()),
        places_treated=int(begun.sum()),
        places_control=int((starts > first).sum()),
        months_before=first,
        months_after=months,
        placebos=len(deals),
    )


def _interval(found: np.ndarray, moved: np.ndarray) -> tuple[float, float]:
    """Return the effects a month that the placebos do not refute at 5 %: ``found`` and ``moved`` are scaled, the real deal first."""
    center = found[0] / moved[0]
    width = 12 * float(np.std(found)) / abs(moved[0]) + 1e-12
    grid = center + np.linspace(-width, width, GRID)
    own = np.abs(found[0] - grid * moved[0])
    beyond = np.abs(found[:, None] - grid * moved[:, None]) >= own - 1e-9 * width
    kept = grid[beyond.mean(axis=0) > 0.05]
    return float(kept.min()), float(kept.max())


def gap_by_month(panel: Panel, starts: np.ndarray, seed: int) -> pd.DataFrame:
    """Return month by month how far the places that begin are from those that never or last do, against the 12 months before.

    Returns
    -------
    pandas.DataFrame
        month, gap (per customer), low, high (95 %, from placebos, each month by itself), begun. Before the start the gap should
        lie around zero.
    """
    first, last = int(starts.min()), int(starts.max())
    end = len(panel.months) if last >= NEVER else min(last, len(panel.months))
    own = _placebos(starts, seed) < last
    gaps = _gaps(panel, own)[:, :end] - _gaps(panel, own)[:, first - BASE : first].mean(
        axis=1, keepdims=True
    )
    scale = _scale(panel, np.where(own, 0, NEVER))[:, None]
    half = 1.96 * (gaps / scale)[1:].std(axis=0) * scale[0]
    return pd.DataFrame(
        {"month": panel.months[:end], "gap": gaps[0], "low": gaps[0] - half, "high": gaps[0] + half,
         "begun": np.arange(end) >= first}
    )  # fmt: skip


def _gaps(panel: Panel, own: np.ndarray) -> np.ndarray:
    """Return the mean of the places in each row of ``own`` less that of the others, by month."""
    mine, others = own * panel.sizes, ~own * panel.sizes
    first, second = (
        w @ panel.values / w.sum(axis=1, keepdims=True).clip(min=1e-9) for w in (mine, others)
    )
    return first - second


def smallest_effect(panel: Panel, months: int, seed: int) -> float:
    """Return the effect per customer over ``months`` that a start in half of the places would show four times in five.

    From placebos in the last months on record: 2.8 times their standard deviation (Bloom 1995).
    """
    start = len(panel.months) - months
    if start < BASE or len(panel.places) < 6:
        return math.nan
    starts = np.full(len(panel.places), NEVER)
    starts[: len(starts) // 2] = start
    rng = np.random.default_rng(seed)
    deals = np.vstack([rng.permutation(starts) for _ in range(300)])
    return 2.8 * float(np.std(_sums(panel, panel.values, deals)))
