"""What each segment is worth, with an interval: chance among its customers, and the error of forecasts of segments."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from playbook.answer import Answer, Missing, answers, format_value, need
from playbook.segmentation.segment_error import SegmentError, segment_error

__all__ = ["set_right", "value_by_segment"]


MONEY = ("margin_12m", "expected_margin_12m", "margin_low", "margin_high", "clv_mean", "clv_total", "clv_low", "clv_high")  # fmt: skip


def value_by_segment(
    segments: pd.DataFrame, values: pd.DataFrame, check: Answer | Missing, level: float = 0.80
) -> Answer | Missing:
    """Return the expected margin of 12 months and the lifetime value of each segment, with intervals.

    Totals are forecasts of customers added up, with the lasting error of each segment on the hold-out taken out; all
    segments together add up to the forecast of all customers. `segment_error` derives the interval. Fees of running
    contracts are no purchases: they are added as they stand.

    Parameters
    ----------
    segments
        ``customer_id``, ``segment``.
    values
        Result ``customer_value``, as `lifetime_value` gives it.
    check
        Answer of `check_purchase_models`: what came in the hold-out beside what was told. Without it totals are
        not corrected and intervals hold chance alone, and the text says so.
    level
        Level of the intervals.
    """
    told = check["by_customer"] if isinstance(check, Answer) else None
    return _value_by_segment(segments, values, told, level)


@answers
def _value_by_segment(
    segments: pd.DataFrame, values: pd.DataFrame, told: pd.DataFrame | None, level: float
) -> Answer:
    need(segments, "customers with a segment", "orders with a customer number")
    table = _summed(segments, values)
    error = None if told is None else segment_error(segments, told)
    factors = {}
    for total, fees, variance, name in (
        ("expected_margin_12m", "fees_12m", "margin_var", "margin"), ("clv_total", "fees", "clv_var", "clv"),
    ):  # fmt: skip
        low, middle, high = _interval(table[total] - table[fees], table[variance], error, level)
        factors[total] = (middle / (table[total] - table[fees])).where(middle != 0, 1.0)
        table[total] = middle + table[fees]
        table[f"{name}_low"], table[f"{name}_high"] = low + table[fees], high + table[fees]
    table["clv_mean"] = table["clv_total"] / table["customers"]
    table = table.reset_index().sort_values(["clv_total", "segment"], ascending=[False, True], ignore_index=True)  # fmt: skip
    top, whole = table.iloc[0], float(table["clv_total"].sum())
    share = f" ({format_value(top['clv_total'] / whole, '%')} of all)" if whole > 0 else ""
    return Answer(
        table=table[["segment", "customers", *MONEY]],
        headline=f"Most value lies with {top['segment']}: {format_value(top['clv_total'], 'currency')}{share}"
        if top["clv_total"] > 0 else "No segment is worth more than it costs",
        so_what=_words(table, error),
        kind="predictive",
        caption=f"Expected margin of the next 12 months and value by segment, with {format_value(level, '%')} interval "
        + ("(chance only: there was no hold-out)" if error is None else f"(chance, a year's error of {format_value(error.year, '%')} and the segment's own error on the hold-out)"),
        units={"customers": "count"} | dict.fromkeys(MONEY, "currency"),
        source="orders; purchase model, Gamma-Gamma, margin" + ("" if error is None else "; segments set right by the hold-out"),
        extra={"error": error, "factors": pd.DataFrame(factors), "segments": segments},
    )  # fmt: skip


def set_right(values: pd.DataFrame | Missing, totals: Answer | Missing) -> pd.DataFrame | Missing:
    """Return the values of customers with the lasting error of their segment taken out, as in its total.

    Money of purchases is multiplied by the factor of the segment: segments then add up to their totals, all customers to
    what they did, and ranks within a segment stay. Fees, orders and the chance of being active are left as they are.

    Parameters
    ----------
    values
        Result ``customer_value``, as `lifetime_value` gives it.
    totals
        Answer of `value_by_segment`; without it values are returned as they are.
    """
    if isinstance(values, Missing) or isinstance(totals, Missing):
        return values
    segment = totals["segments"].set_index("customer_id")["segment"].astype(str)
    own = totals["factors"].reindex(values["customer_id"].map(segment)).fillna(1.0)
    right = values.copy()
    for column, total, spread, fees, ends in (
        ("clv", "clv_total", "clv_sd", "contract_value", ("clv_low", "clv_high")),
        ("expected_margin_12m", "expected_margin_12m", "expected_margin_sd", "contract_margin_12m", ()),
    ):  # fmt: skip
        factor, fixed = own[total].to_numpy(), values.get(fees, 0.0)
        right[column] = fixed + (values[column] - fixed) * factor
        right[spread] = values[spread] * factor
        for end in ends:
            right[end] = right[column] + (values[end] - values[column]) * factor
    return right


def _summed(segments: pd.DataFrame, values: pd.DataFrame) -> pd.DataFrame:
    """Return the forecasts of customers and their variances, added up by segment."""
    joined = segments[["customer_id", "segment"]].merge(values, on="customer_id")
    joined["segment"] = joined["segment"].astype(str)
    joined["margin_var"] = joined["expected_margin_sd"] ** 2
    joined["clv_var"] = joined["clv_sd"] ** 2
    for name, column in (("fees", "contract_value"), ("fees_12m", "contract_margin_12m")):
        joined[name] = joined.get(column, 0.0)
    return joined.groupby("segment").agg(
        customers=("customer_id", "size"), margin_12m=("margin_12m", "sum"), expected_margin_12m=("expected_margin_12m", "sum"),
        clv_total=("clv", "sum"), margin_var=("margin_var", "sum"), clv_var=("clv_var", "sum"),
        fees=("fees", "sum"), fees_12m=("fees_12m", "sum"),
    )  # fmt: skip


def _interval(
    total: pd.Series, variance: pd.Series, error: SegmentError | None, level: float
) -> tuple[pd.Series, pd.Series, pd.Series]:
    """Return low end, total and high end of each segment's purchases: corrected, or as told with chance alone."""
    half = float(norm.ppf(0.5 + level / 2)) * np.sqrt(variance)
    if error is None:
        return total - half, total, total + half
    middle = error.corrected(total)
    bought = middle != 0
    grown = (middle / total.where(bought, 1.0)) ** 2
    lower, higher = error.ends(middle, (variance * grown).where(bought, 0.0), level)
    one, other = middle * lower, middle * higher
    low = np.minimum(one, other).where(bought, -half)
    return low, middle, np.maximum(one, other).where(bought, half)


def _words(table: pd.DataFrame, error: SegmentError | None) -> str:
    """Return what the totals mean, what was set right, and what to do with the interval."""
    top = table.iloc[0]
    falls = list(table.loc[table["expected_margin_12m"] < 0.9 * table["margin_12m"], "segment"])
    range_ = f"{format_value(top['clv_low'], 'currency')} to {format_value(top['clv_high'], 'currency')}. "
    said = ("By chance alone it may be " if error is None else "By chance and forecast error it may be ") + range_  # fmt: skip
    if error is None:
        said += "There was no hold-out, so the error of the forecast is not in it: the intervals are too narrow. "  # fmt: skip
    else:
        said += _set_right(error)
    if falls:
        said += f"Next year's margin is expected at least a tenth below this year's in {', '.join(falls)}: buyers of the year include some who have left. "
    return said + "Compare a programme's cost with the segment's low end, not with its middle."


def _set_right(error: SegmentError) -> str:
    """Return which segment the model told furthest off in the hold-out, beside all customers."""
    factor = error.lasting["factor"]
    far = str(np.log(factor).abs().idxmax())
    off = float(factor[far]) - 1
    if abs(off) < 0.1:
        return ""
    return (
        f"In the hold-out {far} brought {format_value(abs(off), '%')} {'more' if off > 0 else 'less'} than told, beside all customers; "
        "such errors last, and the totals are set right for them. "
    )
