"""Purchase models for customers won during the record of orders and for those won before it began.

The first purchase of a customer won earlier is not in the record. Its clock starts with the record, and
a customer who bought nothing since is a history too; leaving those out would make the others look
more loyal than they are, and pooling both kinds makes new customers look like the survivors.

Glossary
--------
season clock
    Time that passes faster in months in which customers buy more. Silence in a slow month then says little, and a
    hold-out of half a year is told from the right half.
trailing rate
    Each customer's own past rate, going on for ever: the baseline.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pandas as pd

from playbook.clv import BetaGeometricNbd, fit_bg_nbd, fit_mbg_nbd
from playbook.clv.evidence import chance_of_none

__all__ = [
    "FITS", "SEASONAL", "TRAILING", "PurchaseModels", "SeasonClock", "TrailingRates", "candidates", "comparable",
    "fit_models", "season_clock",
]  # fmt: skip

FITS: dict[str, Callable[[pd.DataFrame], BetaGeometricNbd]] = {
    "BG/NBD": fit_bg_nbd,
    "MBG/NBD": fit_mbg_nbd,
}
SEASONAL = ", seasonal"
TRAILING = "trailing frequency"
LEAST_EACH = 100
SHORTEST = 1e-3
"""Weeks between two purchases of a customer at least; a slow season may not shrink them to nothing."""


@dataclass(frozen=True)
class SeasonClock:
    """Weeks of usual buying that pass in the weeks of the calendar before and after ``until``.

    Attributes
    ----------
    until
        End of observation.
    season
        Purchases a day in each calendar month (January first) as a multiple of the mean.
    """

    until: date
    season: tuple[float, ...]

    def ahead(self, weeks: float) -> float:
        """Clock weeks in the next ``weeks`` calendar weeks."""
        return float(self._passed(np.array([weeks]))[0])

    def warp(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the histories with ``recency`` and ``age`` on this clock."""
        age = frame["age"].to_numpy(float)
        bought = frame["frequency"].to_numpy(float) > 0
        begun = -self._passed(-age)
        last = np.where(bought, begun + self._passed(frame["recency"].to_numpy(float) - age), 0.0)
        last = np.where(bought, np.clip(last, SHORTEST, None), 0.0)
        return frame.assign(recency=last, age=np.maximum(begun, last))

    def _passed(self, weeks: np.ndarray) -> np.ndarray:
        """Clock weeks from ``until`` to so many weeks after it (before it: negative)."""
        days = 7.0 * np.asarray(weeks, dtype=float)
        first, last = int(np.floor(min(days.min(initial=0), 0))) - 1, int(np.ceil(max(days.max(initial=0), 0))) + 1  # fmt: skip
        months = pd.date_range(self.until + timedelta(days=first + 1), periods=last - first, freq="D").month  # fmt: skip
        clock = np.concatenate([[0.0], np.cumsum(np.array(self.season)[months - 1])])
        clock -= clock[-first]
        return np.interp(days, np.arange(first, last + 1), clock) / 7.0


@dataclass(frozen=True)
class PurchaseModels:
    """One model for each kind of history: won before the record (True) or during it (False).

    ``clock`` is the season clock the models were fitted on; none is the calendar.
    """

    by_kind: dict[bool, BetaGeometricNbd]
    clock: SeasonClock | None = None

    def parts(self, frame: pd.DataFrame) -> list[tuple[BetaGeometricNbd, pd.DataFrame]]:
        """Each model with its customers, on the clock of the models."""
        timed = frame if self.clock is None else self.clock.warp(frame)
        kind = frame["won_before_record"].astype(bool)
        return [
            (model, timed[kind == k])
            for k, model in sorted(self.by_kind.items())
            if (kind == k).any()
        ]

    def weeks(self, horizon: float) -> float:
        """The next ``horizon`` calendar weeks on the clock of the models."""
        return horizon if self.clock is None else self.clock.ahead(horizon)

    def expected_purchases(self, frame: pd.DataFrame, horizon: float) -> pd.Series:
        """Expected purchases of each customer in ``horizon`` weeks, on the index of ``frame``."""
        weeks = self.weeks(horizon)
        said = [model.expected_purchases(part, weeks) for model, part in self.parts(frame)]
        return pd.concat(said).loc[frame.index]

    def chance_of_none(self, frame: pd.DataFrame, horizon: float) -> pd.Series:
        """Probability that each customer buys nothing in ``horizon`` weeks, on the index of ``frame``."""
        weeks = self.weeks(horizon)
        said = [chance_of_none(model, part, weeks) for model, part in self.parts(frame)]
        return pd.concat(said).loc[frame.index]

    def p_alive(self, frame: pd.DataFrame) -> pd.Series:
        """Probability that each customer is still active, on the index of ``frame``."""
        said = [model.p_alive(part) for model, part in self.parts(frame)]
        return pd.concat(said).loc[frame.index]

    def p_last(self, frame: pd.DataFrame) -> pd.Series:
        """Probability that the next purchase of each customer still active is the last, on the index of ``frame``."""
        said = [model.p_last(part) for model, part in self.parts(frame)]
        return pd.concat(said).loc[frame.index]


@dataclass(frozen=True)
class TrailingRates:
    """The baseline: everyone goes on with the own past rate, and nobody leaves."""

    clock: SeasonClock | None = field(default=None)

    def expected_purchases(self, frame: pd.DataFrame, horizon: float) -> pd.Series:
        """Past purchases per week times ``horizon`` weeks, on the index of ``frame``."""
        age = frame["age"].astype(float)
        rate = frame["frequency"].astype(float) / age.where(age > 0, 1.0)
        return (rate * horizon).rename("expected_purchases")


def comparable(histories: pd.DataFrame) -> pd.DataFrame:
    """Return histories (index ``customer_id``) that models can be fitted to.

    Customers won before the record keep their own clock where there are at least 100 of them, some
    without a purchase since, and 100 others. Else their clock starts at the first purchase seen, as for
    everyone, and those without any are left out: nothing tells how many there are.
    """
    frame = histories.set_index("customer_id")
    early = frame["won_before_record"].astype(bool)
    silent = early & (frame["frequency"] == 0)
    if early.sum() >= LEAST_EACH and silent.any() and (~early).sum() >= LEAST_EACH:
        return frame
    frame = frame[~silent].copy()
    shift = frame["won_before_record"].astype(bool)
    frame.loc[shift, ["recency", "age"]] = frame.loc[shift, ["recency", "age"]].sub(
        frame.loc[shift, "weeks_to_first"], axis=0
    )
    frame.loc[shift, "frequency"] -= 1
    return frame.assign(recency=frame["recency"].clip(lower=0.0), won_before_record=False)


def season_clock(months: pd.DataFrame, until: date) -> SeasonClock | None:
    """Return the season clock learned from the whole months that ended by ``until``; none without 12 of them.

    Parameters
    ----------
    months
        Query ``purchase_months``; months after ``until`` and the first month of the record, which may be
        cut, are not used.
    until
        End of observation.

    Notes
    -----
    With two years or more the trend over whole years is taken out. Each month's figure is drawn towards 1 by
    the chance in its count, so that a small client gets no season out of noise.
    """
    months = months.assign(month=pd.to_datetime(months["month"]))
    whole = months["month"] + pd.offsets.MonthEnd(0) <= pd.Timestamp(until)
    known = months[whole].sort_values("month").iloc[1:] if whole.sum() > 12 else months[whole].sort_values("month")  # fmt: skip
    years = len(known) // 12
    if not years:
        return None
    known = known.tail(12 * years)
    per_day = known["purchases"].to_numpy(float) / known["month"].dt.days_in_month.to_numpy()
    if years > 1:
        yearly = pd.Series(per_day).groupby(np.arange(len(known)) // 12).mean().to_numpy()
        growth = (yearly[-1] / max(yearly[0], 1e-9)) ** (1 / (years - 1))
        per_day = per_day / max(growth, 1e-9) ** (np.arange(len(known)) / 12)
    month = known["month"].dt.month.to_numpy()
    mean = pd.Series(per_day).groupby(month).mean().reindex(range(1, 13))
    if mean.isna().any() or mean.mean() <= 0:
        return None
    count = known["purchases"].astype(float).groupby(month).sum().clip(lower=1.0)
    index = (mean / mean.mean()).to_numpy()
    noise = float((1 / count).mean())
    weight = max(0.0, 1 - noise / max(float(index.var()), 1e-12))
    return SeasonClock(until, tuple(float(v) for v in 1 + weight * (index - 1)))


def candidates(clock: SeasonClock | None) -> list[str]:
    """Return the names of the models to compare: each on the calendar, and on the season clock if there is one."""
    return [*FITS, *(f"{name}{SEASONAL}" for name in FITS if clock is not None)]


def fit_models(name: str, frame: pd.DataFrame, clock: SeasonClock | None = None) -> PurchaseModels:
    """Fit model ``name`` of `candidates` to each kind of history of `comparable`.

    Raises ValueError as the models do.
    """
    used = clock if name.endswith(SEASONAL) else None
    timed = frame if used is None else used.warp(frame)
    kinds = timed.groupby(frame["won_before_record"].astype(bool))
    fit = FITS[name.removesuffix(SEASONAL)]
    return PurchaseModels({bool(kind): fit(part) for kind, part in kinds}, used)
