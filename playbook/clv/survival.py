"""Kaplan-Meier: the share of customers still there, by tenure, without a model.

References
----------
Kaplan & Meier (1958), Nonparametric estimation from incomplete observations, JASA 53(282).
Greenwood (1926), The natural duration of cancer; log-log interval as in Kalbfleisch & Prentice (2002), ch. 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

__all__ = ["KaplanMeier", "fit_kaplan_meier"]


@dataclass(frozen=True, eq=False)
class KaplanMeier:
    """An estimated survival curve. It has no parameters: the curve itself is the estimate.

    Attributes
    ----------
    table
        One row per time at which someone left: ``time``, ``at_risk``, ``events``, ``survival`` and its
        standard error ``std_err`` (Greenwood; 0 where nobody is left). No rows when nobody left.
    nobs
        Customers seen.
    last_seen
        Longest time anyone was seen. What happens later is not known unless all had left.
    """

    table: pd.DataFrame
    nobs: int
    last_seen: float

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Interval of survival at each time (``low``, ``high``), Greenwood's on the log-log scale.

        Where survival is 0 that interval does not exist: ``low`` is 0 and ``high`` is that of the row before.
        """
        if not 0 < level < 1:
            raise ValueError(f"level must lie between 0 and 1, got {level}")
        survival = self.table["survival"].to_numpy()
        inner = survival > 0
        alive = survival[inner]
        log_alive = np.log(alive)
        error = self.table["std_err"].to_numpy()[inner] / alive
        half = norm.ppf(0.5 + level / 2) * error / np.abs(log_alive)
        low, high = np.exp(log_alive * np.exp(half)), np.exp(log_alive * np.exp(-half))
        if not inner.all():
            low, high = np.append(low, 0.0), np.append(high, high[-1] if inner.any() else 1.0)
        return pd.DataFrame({"low": low, "high": high}, index=self.table.index)

    def summary(self, level: float = 0.95) -> pd.DataFrame:
        """Return ``table`` with the interval of survival (``low``, ``high``)."""
        return self.table.join(self.conf_int(level))

    def predict(self, times: Sequence[float] | pd.Series | np.ndarray) -> pd.Series:
        """Share still there after each of ``times`` (index); not a number beyond what was seen."""
        asked = np.atleast_1d(np.asarray(times, dtype=float))
        if not np.isfinite(asked).all() or (asked < 0).any():
            raise ValueError("times must be numbers >= 0")
        steps = np.append(1.0, self.table["survival"].to_numpy())
        share = steps[np.searchsorted(self.table["time"].to_numpy(), asked, side="right")]
        share = np.where((asked > self.last_seen) & (steps[-1] > 0), np.nan, share)
        return pd.Series(share, index=pd.Index(asked, name="time"), name="survival")

    def quantile(self, share_left: float = 0.5) -> float:
        """First time by which so large a share has left (the median by default); not a number if never."""
        if not 0 < share_left < 1:
            raise ValueError(f"share_left must lie between 0 and 1, got {share_left}")
        reached = self.table["survival"] <= 1 - share_left + 1e-12
        return float(self.table.loc[reached, "time"].min())

    def simulate(self, size: int, *, seed: int) -> pd.DataFrame:
        """Draw customers from the curve.

        Returns
        -------
        pandas.DataFrame
            ``duration`` and ``event``, one row a customer, as `fit_kaplan_meier` reads them. Those who
            outlast the record are still there (``event`` false) at the longest time seen.
        """
        if size < 1:
            raise ValueError(f"size must be at least 1, got {size}")
        stays = np.random.default_rng(seed).random(size)
        times = np.append(self.table["time"].to_numpy(), self.last_seen)
        which = np.searchsorted(-self.table["survival"].to_numpy(), -stays, side="left")
        return pd.DataFrame({"duration": times[which], "event": which < len(self.table)})


def fit_kaplan_meier(
    durations: Sequence[float] | pd.Series | np.ndarray,
    events: Sequence[bool] | pd.Series | np.ndarray,
) -> KaplanMeier:
    """Estimate survival from durations, some of them cut by the end of the record.

    Parameters
    ----------
    durations
        Time each customer was seen, >= 0, shape (n,).
    events
        True if the customer left at that time, false if still there (censored), shape (n,).
    """
    time = np.asarray(durations, dtype=float)
    left = np.asarray(events)
    if len(time) == 0 or len(time) != len(left):
        raise ValueError(
            f"durations and events must be of one length > 0, got {len(time)} and {len(left)}"
        )
    if not np.isfinite(time).all() or (time < 0).any() or pd.isna(left).any():
        raise ValueError("durations must be numbers >= 0 and events must not be missing")
    left = left.astype(bool)
    times, gone = np.unique(time[left], return_counts=True)
    at_risk = len(time) - np.searchsorted(np.sort(time), times, side="left")
    survival = np.cumprod(1 - gone / at_risk)
    stay = np.maximum(at_risk - gone, 1)  # where all leave survival is 0, and so is its error
    error = survival * np.sqrt(np.cumsum(gone / (at_risk * stay)))
    columns = {
        "time": times, "at_risk": at_risk, "events": gone, "survival": survival, "std_err": error,
    }  # fmt: skip
    return KaplanMeier(pd.DataFrame(columns), len(time), float(time.max()))
