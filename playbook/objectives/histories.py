"""The histories behind a figure: whole months, 12-month figures month by month, survey waves."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from playbook.order_years import KNOWN_SHARE
from playbook.stats import net_promoter_from_shares

__all__ = ["FLOWS", "ROLLING", "rolling_history", "wave_history", "whole_months"]

FLOWS = {"new_customers": "new_customers", "revenue": "revenue", "gross_margin": "margin"}
"""Figures that are sums of months, and their column in ``monthly_figures``."""

ROLLING = {
    "active_customers": ("active_customers", ""),
    "retention_rate": ("retained_customers", "previous_customers"),
    "repeat_rate": ("repeat_customers", "active_customers"),
    "orders_per_customer": ("orders", "active_customers"),
    "average_order_value": ("revenue", "orders"),
}
"""Figures of 12 months that are no sums, as numerator and denominator in ``rolling_figures``."""


def whole_months(monthly: pd.DataFrame, column: str) -> pd.Series:
    """Return one column by month: only whole months, zero for a month without rows.

    Of new customers the first year is left out where most days of winning are unknown: then everybody's
    first order looks like a start.
    """
    part = monthly[~monthly["is_partial"].astype(bool)].sort_values("month")
    if len(part) and pd.Timestamp(part["first_day"].iloc[0]).day > 5:
        part = part.iloc[1:]
    if column == "new_customers" and "share_acquired_known" in part:
        told = part["share_acquired_known"].dropna().astype(float)
        part = part if told.mean() >= KNOWN_SHARE else part.iloc[12:]
    if part.empty:
        return pd.Series(dtype="float64")
    values = pd.Series(
        part[column].astype("float64").to_numpy(), index=pd.PeriodIndex(part["month"], freq="M")
    )
    months = pd.period_range(values.index[0], values.index[-1], freq="M")
    return values.reindex(months, fill_value=0.0)


def rolling_history(rolling: pd.DataFrame, metric: str) -> np.ndarray:
    """Return a 12-month figure month by month, without months whose span is not whole."""
    above, below = ROLLING[metric]
    part = rolling.sort_values("month")
    part = part.iloc[23 if metric == "retention_rate" else 11 :]
    values = part[above].astype("float64")
    if below:
        values = values / part[below].astype("float64")
    return values.dropna().to_numpy()


def wave_history(waves: pd.DataFrame, metric: str) -> tuple[np.ndarray, float, float]:
    """Return the score of each wave of a survey, its usual standard error, and waves per year."""
    part = waves[waves["kind"] == metric]
    points, errors, days = [], [], []
    for _, wave in part.groupby(["survey", "wave"], sort=True):
        n = float(wave["answers"].sum())
        if n < 5:
            continue
        if metric == "nps":
            promoters = float(wave.loc[wave["value"] >= 9, "answers"].sum()) / n
            detractors = float(wave.loc[wave["value"] <= 6, "answers"].sum()) / n
            score = net_promoter_from_shares(promoters, detractors, int(n))
            points.append(score.score)
            errors.append(score.se)
        else:
            top = wave["value"] >= wave["scale_max"].fillna(5) - 1
            share = float(wave.loc[top, "answers"].sum()) / n
            points.append(share)
            errors.append(math.sqrt(max(share * (1 - share), 1 / n) / n))
        days.append(pd.Timestamp(wave["first_answer"].min()))
    order = np.argsort(np.array(days, dtype="datetime64[us]"), kind="stable")
    span = (max(days) - min(days)).days / 365.25 if len(days) > 1 else 0.0
    per_year = (len(days) - 1) / span if span else 1.0
    return np.array(points)[order], float(np.mean(errors)) if errors else 0.0, per_year
