"""How a belief about an action spreads over segments: where the need it speaks to is held, it works more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Missing

__all__ = ["EXPONENTS", "NeedWeights", "need_weights", "weigh_needs"]

EXPONENTS = (0.0, 0.5, 1.0, 1.5, 2.0)
"""Powers of the need weights that responses may follow: 0 the need says nothing, 1 as assumed."""

AROUND_ONE = 0.5
"""Standard deviation of the exponent around one before campaigns speak."""

FEWEST = 20
"""Fewest answers of a segment that say anything about its needs."""
WIDEST = 2.0
"""Largest distance from the mean that counts, in standard deviations."""


def need_weights(attitudes: pd.DataFrame, segments: pd.DataFrame | Missing) -> pd.DataFrame:
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
        Segments × constructs; weights whose mean over customers is one. Empty without answers or segments.

    Notes
    -----
    An answer counts against the same person's mean over all constructs (ipsative scores, Cattell 1944), which takes the
    habit of answering high or low out. d is the segment's mean in standard deviations within segments (Cohen 1988),
    shrunken by its own error, so that segments that do not differ all weigh one. The weight is exp(d): a segment one
    standard deviation above the mean holds e times as much. That is an assumption of the plan, as the belief is; where
    experiments measured segments, their figures are weighed against it.
    """
    if isinstance(segments, Missing):
        return pd.DataFrame()
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


@dataclass(frozen=True)
class NeedWeights:
    """By how much more than on average each action is expected to work in each segment, under each of `EXPONENTS`.

    Attributes
    ----------
    by_action
        action_id: exponents × segments; each row's mean over the customers whom the action is for is one.
    probability
        Of each exponent.
    unasked
        Needs that actions name and no survey asked for, with the ids of the actions; those work alike everywhere.
    asked
        Needs that a survey asked for.
    """

    by_action: dict[str, np.ndarray]
    probability: np.ndarray
    unasked: dict[str, list[str]] = field(default_factory=dict)
    asked: tuple[str, ...] = ()

    @property
    def exponent(self) -> float:
        """How far responses are expected to follow stated needs: 0 not at all, 1 as assumed."""
        return float(self.probability @ np.array(EXPONENTS))

    def told(self) -> str:
        """Return a sentence on needs that nobody asked for, empty where all are known."""
        if not self.unasked:
            return ""
        where = "; ".join(
            f"need {need!r} of {', '.join(ids)}" for need, ids in self.unasked.items()
        )
        known = (
            f"write one of {', '.join(self.asked)}"
            if self.asked
            else "ask for the importance of needs in a survey"
        )
        return f" No survey asks for {where} (plan, actions): taken to work alike in all segments; {known}."

    def mean(self, action_id: str) -> np.ndarray:
        """Return the expected weight of each segment."""
        return np.asarray(self.probability @ self.by_action[action_id])

    def covariance(self, action_id: str) -> np.ndarray:
        """Return how the weights of the segments vary together, as the exponent is not known."""
        off = self.by_action[action_id] - self.mean(action_id)
        return np.asarray(off.T @ (self.probability[:, None] * off))


def weigh_needs(
    actions: Sequence[Any], segments: Sequence[str], needs: pd.DataFrame | None, customers: Mapping[str, np.ndarray]
) -> NeedWeights:  # fmt: skip
    """Return the weights of the needs that actions name, before any campaign is looked at.

    Parameters
    ----------
    actions
        With ``need`` where they speak to one.
    segments
        In the order of the weights.
    needs
        From `need_weights`; none or empty: no survey.
    customers
        By action, the number of customers of each segment whom it is for.
    """
    known = needs if needs is not None else pd.DataFrame()
    wanted = {a.id: str(getattr(a, "need", "")) for a in actions}
    found = {}
    for name, need in wanted.items():
        raw = known[need].reindex(segments).fillna(1.0) if need in known else np.ones(len(segments))
        powers = np.asarray(raw, dtype=float) ** np.array(EXPONENTS)[:, None]
        count = customers[name] if customers[name].sum() > 0 else np.ones(len(segments))
        found[name] = powers / (powers @ count / count.sum())[:, None]
    prior = np.exp(-(((np.array(EXPONENTS) - 1) / AROUND_ONE) ** 2) / 2)
    unasked = {
        need: sorted(k for k, v in wanted.items() if v == need)
        for need in sorted(set(wanted.values()) - {""} - set(known.columns))
    }
    return NeedWeights(found, prior / prior.sum(), unasked, tuple(map(str, known.columns)))
