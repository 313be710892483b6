"""What each segment is worth, with an interval: chance among its customers and the error seen on the hold-out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from playbook.answer import Answer, Missing, answers, format_value, need

__all__ = ["value_by_segment"]


def value_by_segment(
    segments: pd.DataFrame, values: pd.DataFrame, check: Answer | Missing, level: float = 0.80
) -> Answer | Missing:
    """Return the expected margin of 12 months and the lifetime value of each segment, with intervals.

    Parameters
    ----------
    segments
        ``customer_id``, ``segment``.
    values
        Result ``customer_value``, as `lifetime_value` gives it.
    check
        Answer of `check_purchase_models`: how far the total of a group was off beyond chance. Without it
        intervals hold chance alone, and the caption says so.
    level
        Level of the intervals.
    """
    error = float(check["spread_error"]) if isinstance(check, Answer) else float("nan")
    return _value_by_segment(segments, values, error, level)


@answers
def _value_by_segment(
    segments: pd.DataFrame, values: pd.DataFrame, error: float, level: float
) -> Answer:
    need(segments, "customers with a segment", "orders with a customer number")
    joined = segments[["customer_id", "segment"]].merge(values, on="customer_id")
    joined["margin_var"], joined["clv_var"] = (
        joined["expected_margin_sd"] ** 2,
        joined["clv_sd"] ** 2,
    )
    groups = joined.groupby("segment")
    table = groups.agg(
        customers=("customer_id", "size"), margin_12m=("margin_12m", "sum"), expected_margin_12m=("expected_margin_12m", "sum"),
        clv_total=("clv", "sum"), clv_mean=("clv", "mean"), margin_var=("margin_var", "sum"), clv_var=("clv_var", "sum"),
    )  # fmt: skip
    known = 0.0 if np.isnan(error) else error
    z = float(norm.ppf(0.5 + level / 2))
    for total, variance, name in (("expected_margin_12m", "margin_var", "margin"), ("clv_total", "clv_var", "clv")):  # fmt: skip
        half = z * np.sqrt(table[variance] + (known * table[total]) ** 2)
        table[f"{name}_low"], table[f"{name}_high"] = table[total] - half, table[total] + half
    table = table.reset_index().sort_values(["clv_total", "segment"], ascending=[False, True], ignore_index=True)  # fmt: skip
    top, whole = table.iloc[0], float(table["clv_total"].sum())
    share = f" ({format_value(top['clv_total'] / whole, '%')} of all)" if whole > 0 else ""
    falls = table[table["expected_margin_12m"] < 0.9 * table["margin_12m"]]
    return Answer(
        table=table[["segment", "customers", "margin_12m", "expected_margin_12m", "margin_low", "margin_high", "clv_mean", "clv_total", "clv_low", "clv_high"]],
        headline=f"Most value lies with {top['segment']}: {format_value(top['clv_total'], 'currency')}{share}",
        so_what=(
            f"By chance and forecast error it may be {format_value(top['clv_low'], 'currency')} to {format_value(top['clv_high'], 'currency')}. "
            + (f"Next year's margin is expected at least a tenth below this year's in {', '.join(falls['segment'])}: buyers of the year include some who have left. " if len(falls) else "")
            + "Compare a programme's cost with the segment's low end, not with its middle."
        ),
        kind="predictive",
        caption=f"Expected margin of the next 12 months and value by segment, with {format_value(level, '%')} interval "
        + ("(chance only: there was no hold-out)" if np.isnan(error) else f"(chance, and {format_value(error, '%')} error of groups on the hold-out)"),
        units={"customers": "count"} | dict.fromkeys(["margin_12m", "expected_margin_12m", "margin_low", "margin_high", "clv_mean", "clv_total", "clv_low", "clv_high"], "currency"),
        source="orders; purchase model, Gamma-Gamma, margin",
    )  # fmt: skip
