"""What customers won by each channel bring: the figure that says which channel is worth more money."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.errors import NotEnough

__all__ = ["newcomer_values"]

FEWEST = 10
"""Fewest customers that a channel's own mean needs."""
Z95 = 1.959964


def newcomer_values(margins: pd.DataFrame) -> pd.DataFrame:
    """Return the margin that a customer won by each channel brings, shrunken towards the mean of all channels.

    Parameters
    ----------
    margins
        Query ``newcomer_margins``: customer_id, channel, margin of the first days.

    Returns
    -------
    DataFrame
        channel, customers, mean (plain), value (expected), low, high (95 %, of the expected value).

    Notes
    -----
    Empirical Bayes: the variance between channels by moments (DerSimonian & Laird 1986); each mean is pulled towards
    the precision-weighted mean of all as far as chance explains its distance (Efron & Morris 1975). The few customers
    of a dear channel say less about it than the many of a cheap one.
    """
    groups = margins.astype({"margin": float}).groupby("channel")["margin"]
    table = groups.agg(customers="size", mean="mean", sd="std").reset_index()
    table = table[table["customers"] >= FEWEST].reset_index(drop=True)
    if len(table) < 2:
        raise NotEnough(
            f"fewer than two channels with {FEWEST} customers won",
            "the channel by which each customer was won",
        )
    pooled = float(np.sqrt((table["sd"] ** 2 * (table["customers"] - 1)).sum() / (table["customers"] - 1).sum()))  # fmt: skip
    # the variance of few customers is itself a guess: half of it is that of all channels
    variance = (0.5 * table["sd"] ** 2 + 0.5 * pooled**2) / table["customers"]
    weight = 1 / variance
    mean = float((weight * table["mean"]).sum() / weight.sum())
    excess = float((weight * (table["mean"] - mean) ** 2).sum()) - (len(table) - 1)
    between = max(excess / float(weight.sum() - (weight**2).sum() / weight.sum()), 0.0)
    kept = between / (between + variance)
    mean = float((table["mean"] / (between + variance)).sum() / (1 / (between + variance)).sum())
    table["value"] = mean + kept * (table["mean"] - mean)
    error = np.sqrt(kept * variance)
    table["low"], table["high"] = table["value"] - Z95 * error, table["value"] + Z95 * error
    return table[["channel", "customers", "mean", "value", "low", "high"]]
