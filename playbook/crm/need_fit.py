"""How a belief about an action spreads over segments: where the need it speaks to is held, it works more."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["need_weights"]

FEWEST = 20
"""Fewest answers of a segment that say anything about its needs."""
WIDEST = 2.0
"""Largest distance from the mean that counts, in standard deviations."""


def need_weights(attitudes: pd.DataFrame, segments: pd.DataFrame) -> pd.DataFrame:
    """Return by how much more than average an action works in each segment, by the need it speaks to.

    Parameters
    ----------
    attitudes
        Query ``customer_attitudes``: answers of kind ``importance``, one row a customer and construct.
    segments
        customer_id, segment.

    Returns
    -------
    DataFrame
        Segments × constructs; weights whose mean over customers is one. Empty without answers.

    Notes
    -----
    An answer counts against the same person's mean over all constructs (ipsative scores, Cattell 1944), which takes the
    habit of answering high or low out. d is the segment's mean in standard deviations within segments (Cohen 1988),
    shrunken by its own error, so that segments that do not differ all weigh one. The weight is exp(d): a segment one
    standard deviation above the mean holds e times as much. That is an assumption of the plan, as the belief is; where
    experiments measured segments, their figures are weighed against it.
    """
    asked = attitudes[attitudes["kind"] == "importance"]
    wide = asked.pivot_table(index="customer_id", columns="construct", values="value").dropna()
    placed = segments.set_index("customer_id")["segment"]
    own = wide.sub(wide.mean(axis=1), axis=0)
    group = placed.reindex(own.index)
    own, group = own[group.notna()], group.dropna()
    if own.empty:
        return pd.DataFrame()
    count = group.value_counts()
    mean = own.groupby(group).mean()
    within = np.sqrt((own - mean.reindex(group).set_axis(own.index)).pow(2).sum() / max(len(own) - len(mean), 1))  # fmt: skip
    share = placed.value_counts(normalize=True).reindex(mean.index).fillna(0.0)
    d = (mean - (share @ mean) / share.sum()) / within.where(within > 0, np.inf)
    noise = pd.DataFrame(1.0, d.index, d.columns).div(count.reindex(d.index), axis=0)
    between = (d**2 - noise).mul(share, axis=0).sum().clip(lower=0) / share.sum()
    kept = between / (noise + between).replace(0.0, np.inf)
    d = (kept * d).where(count.reindex(d.index).ge(FEWEST), 0.0, axis=0).clip(-WIDEST, WIDEST)
    everyone = np.exp(d).reindex(placed.unique()).fillna(1.0).sort_index()
    weight = placed.value_counts(normalize=True).reindex(everyone.index)
    return everyone / (weight @ everyone)
