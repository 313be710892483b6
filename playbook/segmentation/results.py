"""What the step hands on, joined from its parts."""

from __future__ import annotations

import pandas as pd

from playbook.answer import Answer, Missing

__all__ = ["segment_profiles"]


def segment_profiles(described: Answer | Missing, segments: pd.DataFrame | Missing, values: pd.DataFrame | Missing) -> pd.DataFrame | Missing:  # fmt: skip
    """Return the result ``segment_profiles``: size, money, lifetime value and character of each segment.

    Parameters
    ----------
    described
        Answer of `describe_segments`.
    segments, values
        Results ``segments`` and ``customer_value``; without values the value columns are empty.
    """
    if isinstance(described, Missing):
        return described
    if isinstance(segments, Missing):
        return segments
    table = described.table.copy()
    if isinstance(values, Missing):
        return table.assign(clv_mean=float("nan"), clv_total=float("nan"), p_alive=float("nan"))
    groups = segments.merge(values, on="customer_id").groupby("segment")
    table["clv_mean"] = table["segment"].map(groups["clv"].mean()).astype(float)
    table["clv_total"] = table["segment"].map(groups["clv"].sum()).astype(float)
    table["p_alive"] = table["segment"].map(groups["p_alive"].mean()).astype(float)
    return table.sort_values(["clv_mean", "segment"], ascending=[False, True], ignore_index=True)
