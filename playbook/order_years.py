"""Years of orders: whether one is whole, whether it tells new customers from old ones, and its margin."""

from __future__ import annotations

import math

import pandas as pd

__all__ = ["KNOWN_SHARE", "is_whole_year", "margin_of", "tells_new_from_old"]

DAYS_LATE = 31
"""A year counts as whole when its first order comes at most this many days after its start."""

KNOWN_SHARE = 0.9
"""Least share of revenue whose cost must be known for a margin, and of customers whose day of winning must be."""


def is_whole_year(window: pd.Series) -> bool:
    """Whether the orders reach back to the start of a window (columns ``first_order``, ``after_day``)."""
    late = pd.Timestamp(window["first_order"]) - pd.Timestamp(window["after_day"])
    return bool(late <= pd.Timedelta(days=DAYS_LATE))


def tells_new_from_old(window: pd.Series) -> bool:
    """Whether customers won in a window can be told from those who came back after the orders began.

    Columns ``first_order``, ``after_day``, ``share_acquired_known``: either the day of winning is known for
    90 %, or the orders reach back a year before the window. Else everybody's first order looks like a start.
    """
    if window.get("share_acquired_known", 0.0) >= KNOWN_SHARE:
        return True
    before = pd.Timestamp(window["after_day"]) - pd.Timestamp(window["first_order"])
    return bool(before >= pd.Timedelta(days=365 - DAYS_LATE))


def margin_of(window: pd.Series) -> float:
    """Gross margin of a window or branch; orders without a known cost earn the rate of the others.

    Not a number when cost is known for less than 90 % of revenue.
    """
    revenue, priced = float(window["revenue"]), float(window["priced_revenue"])
    if not revenue or not priced / revenue >= KNOWN_SHARE:
        return math.nan
    return float(window["margin"]) * revenue / priced
