"""What became of each segment and its strategy: contribution under last year's borders.

Glossary
--------
movement
    Change of a segment's contribution since last year, segment borders unchanged; no proof of cause.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, format_value, need
from playbook.errors import NotEnough

__all__ = ["segment_movement"]

MATERIAL = 0.5
"""Least contribution per customer and year (currency) from which a change can be judged."""


@answers
def segment_movement(
    strategies: pd.DataFrame, before: pd.DataFrame, value_before: pd.DataFrame, now: pd.DataFrame, value_now: pd.DataFrame
) -> Answer:  # fmt: skip
    """Return what became of each segment and its strategy: customers and contribution under last year's borders.

    Parameters
    ----------
    strategies
        Result ``strategies`` of the year before: segment, strategy.
    before, value_before
        Results ``segments`` and ``customer_value`` of the year before.
    now
        This year's customers under last year's model (`frozen_segments`).
    value_now
        Result ``customer_value`` of this year.

    Returns
    -------
    Answer
        Table: segment, strategy, customers_before, customers_now, contribution_before, contribution_now, change, low, high
        (relative to last year's contribution; compound Poisson range; none where that was under half a currency unit
        per customer); largest gain first.
    """
    need(strategies, "strategies of last year", "a run of the year before")
    table = _moved(strategies, _contribution(before, value_before), _contribution(now, value_now))
    known = table.dropna(subset=["change"])
    if known.empty:
        raise NotEnough("no segment had a contribution last year", "orders with costs of last year")
    best, worst = known.iloc[0], known.iloc[-1]
    sure = known[(known["low"] > 0) | (known["high"] < 0)]
    return Answer(
        table=table,
        headline=f"Contribution rose most in {best['segment']} ({format_value(best['change'], '%')})"
        if best["change"] > 0
        else f"Contribution fell in every segment, least in {best['segment']}",
        so_what=(
            f"{worst['segment']} ({worst['strategy']}) went {format_value(worst['change'], '%')}. "
            + (f"Beyond chance: {', '.join(sure['segment'])}. " if len(sure) else "No move is beyond chance. ")
            + "This is movement, not effect: a strategy without a control group cannot claim it. Hold back a few customers of each segment."
        ),
        kind="diagnostic",
        caption="Contribution of each segment in 12 months, last year and now, under last year's borders (95 % range)",
        units={"customers_before": "count", "customers_now": "count", "contribution_before": "currency",
               "contribution_now": "currency", "change": "%", "low": "%", "high": "%"},
        source="strategies and segments of last year; contribution of both years",
    )  # fmt: skip


def _moved(strategies: pd.DataFrame, old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return customers and contribution of each segment in both years, largest gain first."""
    rows = []
    for row in strategies.sort_values("segment").itertuples(index=False):
        a, b = (frame[frame["segment"] == row.segment]["contribution_12m"] for frame in (old, new))
        first, second = float(a.sum()), float(b.sum())
        half = 1.96 * float(np.sqrt((a**2).sum() + (b**2).sum()))
        scale = abs(first) if abs(first) >= MATERIAL * max(len(a), 1) else np.nan
        rows.append(
            {"segment": row.segment, "strategy": row.strategy, "customers_before": len(a), "customers_now": len(b),
             "contribution_before": first, "contribution_now": second, "change": (second - first) / scale,
             "low": (second - first - half) / scale, "high": (second - first + half) / scale}
        )  # fmt: skip
    table = pd.DataFrame(rows)
    return table.sort_values(["change", "segment"], ascending=[False, True], ignore_index=True)


def _contribution(segments: pd.DataFrame, value: pd.DataFrame) -> pd.DataFrame:
    frame = segments[["customer_id", "segment"]].merge(
        value[["customer_id", "contribution_12m"]], on="customer_id", how="left"
    )
    return frame.fillna({"contribution_12m": 0.0}).sort_values("customer_id", ignore_index=True)
