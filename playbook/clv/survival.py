"""Kaplan-Meier: the share of customers still there, by tenure, without a model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

__all__ = ["kaplan_meier"]


def kaplan_meier(
    durations: Sequence[float] | pd.Series | np.ndarray,
    events: Sequence[bool] | pd.Series | np.ndarray,
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Kaplan-Meier estimate of survival with Greenwood's interval on the log-log scale.

    Parameters
    ----------
    durations
        Time each customer was seen, >= 0, shape (n,).
    events
        True if the customer left at that time, false if still there (censored), shape (n,).
    level
        Level of the interval.

    Returns
    -------
    pandas.DataFrame
        One row per time at which someone left: ``time``, ``at_risk``, ``events``, ``survival``, ``low``,
        ``high``. Where survival is 0 the log-log interval does not exist: ``low`` is 0 and ``high`` is
        that of the row before. No rows when nobody left.
    """
    time = np.asarray(durations, dtype=float)
    left = np.asarray(events)
    if len(time) == 0 or len(time) != len(left):
        raise ValueError(
            f"durations and events must be of one length > 0, got {len(time)} and {len(left)}"
        )
    if not np.isfinite(time).all() or (time < 0).any() or pd.isna(left).any():
        raise ValueError("durations must be numbers >= 0 and events must not be missing")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    left = left.astype(bool)
    times, gone = np.unique(time[left], return_counts=True)
    at_risk = len(time) - np.searchsorted(np.sort(time), times, side="left")
    survival = np.cumprod(1 - gone / at_risk)
    table = pd.DataFrame({"time": times, "at_risk": at_risk, "events": gone, "survival": survival})
    low, high = _greenwood(at_risk, gone, survival, level)
    return table.assign(low=low, high=high)


def _greenwood(at_risk, gone, survival, level: float) -> tuple[np.ndarray, np.ndarray]:
    inner = survival > 0
    log_survival = np.log(survival[inner])
    variance = np.cumsum(gone[inner] / (at_risk[inner] * (at_risk[inner] - gone[inner])))
    half = norm.ppf(0.5 + level / 2) * np.sqrt(variance) / np.abs(log_survival)
    last_low, last_high = np.exp(log_survival * np.exp(half)), np.exp(log_survival * np.exp(-half))
    if inner.all():
        return last_low, last_high
    return np.append(last_low, 0.0), np.append(last_high, last_high[-1] if inner.any() else 1.0)
