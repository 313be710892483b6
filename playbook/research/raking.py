"""Weights of one wave: raked to the invited customers, cut where large, with what could not be met."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from playbook.stats import rake

__all__ = ["MARGINS", "Raked", "rake_wave"]

MARGINS = ("country", "age_band", "customer_type", "activity")
"""What is known of invited customers whether they answer or not."""
LEAST_CELL = 5
"""Groups with fewer respondents are pooled."""


def _pooled(frame: pd.DataFrame, column: str) -> pd.Series:
    """Return the column with groups of fewer than five respondents put together."""
    counts = frame.loc[frame["answered"].astype(bool), column].value_counts()
    small = [g for g in frame[column].unique() if counts.get(g, 0) < LEAST_CELL]
    values = frame[column].where(~frame[column].isin(small), "other")
    left = int(counts.reindex(small).fillna(0).sum())
    if small and left < LEAST_CELL and len(counts):
        values = values.where(
            values.ne("other"), sorted(counts.index, key=lambda g: (-counts[g], g))[0]
        )
    return values


@dataclass(frozen=True)
class Raked:
    """Weights of one wave, the margins that could not be met, how many weights were cut, and the largest gap left."""

    weights: pd.DataFrame
    left_out: tuple[str, ...]
    trimmed: int
    gap: float


def rake_wave(part: pd.DataFrame, largest: float) -> Raked:
    """Return weights of at most ``largest``: raked, cut, and raked again until both hold (Potter 1990)."""
    pooled = pd.DataFrame({c: _pooled(part, c) for c in MARGINS}, index=part.index)
    answered = part["answered"].astype(bool)
    margins = {
        c: pooled[c].value_counts(normalize=True).to_dict()
        for c in MARGINS
        if len(pooled.loc[answered, c].unique()) > 1
    }
    who, own = part.loc[answered, ["customer_id", "wave"]], pooled[answered]
    margins, left_out = _feasible(own, margins)
    if not margins:
        return Raked(who.assign(weight=1.0), left_out, 0, 0.0)
    weight = rake(own, margins)
    trimmed = int((weight > largest).sum())
    for _ in range(25):
        if float(weight.max()) <= largest * (1 + 1e-9):
            break
        try:
            weight = rake(own, margins, start=weight.clip(upper=largest))
        except ValueError:  # the cut weights cannot meet the margins: the gap says by how much
            break
    weight = _cut(weight, largest)
    gap = max(
        float((weight.groupby(own[c]).sum() / weight.sum() - pd.Series(target)).abs().max())
        for c, target in margins.items()
    )
    return Raked(who.assign(weight=weight), left_out, trimmed, round(gap, 6))


def _cut(weight: pd.Series, largest: float) -> pd.Series:
    """Return the weights cut at ``largest`` times their mean of one; what is cut goes to the others in proportion."""
    while float(weight.max()) > largest * (1 + 1e-9):
        over = weight >= largest * (1 - 1e-12)
        rest = len(weight) - largest * int(over.sum())
        if over.all() or rest <= 0:
            return pd.Series(1.0, weight.index)
        weight = weight.where(over, weight * rest / float(weight[~over].sum())).clip(upper=largest)
    return weight


def _feasible(own: pd.DataFrame, margins: dict) -> tuple[dict, tuple[str, ...]]:
    """Return the margins without the fewest that must go for raking to converge, the last named ones first."""
    for count in range(len(margins) + 1):
        for dropped in combinations(reversed(list(margins)), count):
            kept = {c: target for c, target in margins.items() if c not in dropped}
            if not kept:
                continue
            try:
                rake(own, kept)
            except ValueError:
                continue
            return kept, dropped
    return {}, tuple(margins)
