"""What customers won by each channel bring: the figure that says which channel is worth more money."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.errors import NotEnough

__all__ = ["newcomer_values"]

FEWEST = 10
"""Fewest customers that a channel's own mean needs."""
Z95 = 1.959964


def newcomer_values(margins: pd.DataFrame, segments: pd.DataFrame | None) -> pd.DataFrame:
    """Return the margin that a customer won by each channel brings, shrunken towards what its mix of segments brings.

    Parameters
    ----------
    margins
        Query ``newcomer_margins``: customer_id, channel, margin of the first days.
    segments
        Result ``segments`` of step 03: customer_id, segment. Without it a channel leans on all newcomers alike.

    Returns
    -------
    DataFrame
        channel, customers, mean (plain), by_mix (what its segments bring over all channels), value (expected), low, high
        (95 %, of the expected value).

    Notes
    -----
    Small area estimation (Fay & Herriot 1979): a channel's own mean is noisy where few customers were won and a few large
    orders decide; the segments it brings are known well. The variance of channels around their mix comes by
    moments (DerSimonian & Laird 1986); as far as chance explains the distance, the mix counts.
    """
    rows = margins.astype({"margin": float}).assign(segment="none")
    if segments is not None:
        placed = segments.set_index("customer_id")["segment"]
        rows["segment"] = rows["customer_id"].map(placed).fillna("none")
    rows["by_mix"] = rows.groupby("segment")["margin"].transform("mean")
    rows["apart"] = rows["margin"] - rows["by_mix"]
    groups = rows.groupby("channel")
    table = groups.agg(
        customers=("margin", "size"), mean=("margin", "mean"), by_mix=("by_mix", "mean"), sd=("apart", "std")
    ).reset_index()  # fmt: skip
    table = table[table["customers"] >= FEWEST].reset_index(drop=True)
    if table.empty:
        raise NotEnough(
            f"no channel with {FEWEST} customers won",
            "the channel by which each customer was won",
        )
    variance = table["sd"] ** 2 / table["customers"]
    weight = 1 / variance.clip(lower=1e-9)
    apart = table["mean"] - table["by_mix"]
    excess = float((weight * apart**2).sum()) - len(table)
    between = max(excess / float(weight.sum()), 0.0)
    kept = between / (between + variance).clip(lower=1e-9)
    table["value"] = table["by_mix"] + kept * apart
    error = np.sqrt(kept * variance + ((1 - kept) * _mix_error(rows, table["channel"])) ** 2)
    table["low"], table["high"] = table["value"] - Z95 * error, table["value"] + Z95 * error
    return table[["channel", "customers", "mean", "by_mix", "value", "low", "high"]]


def _mix_error(rows: pd.DataFrame, channels: pd.Series) -> np.ndarray:
    """Standard error of what a channel's mix brings: of its shares, and of the segments' own means."""
    shares = pd.crosstab(rows["channel"], rows["segment"], normalize="index").reindex(channels)
    own = rows.groupby("segment")["margin"].sem().reindex(shares.columns).fillna(0.0)
    drawn = rows.groupby("channel")["by_mix"].sem().reindex(channels).fillna(0.0)
    error: np.ndarray = np.sqrt(
        (shares**2) @ (own**2) + drawn.set_axis(shares.index) ** 2
    ).to_numpy(float)
    return error
