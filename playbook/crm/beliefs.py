"""What the plan believes of its actions, pulled together by how unsure it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from playbook.crm.measured import excess_variance

__all__ = ["Belief", "shrunken_beliefs", "shrunken_effect", "staying_of"]


@dataclass(frozen=True)
class Belief:
    """A belief of the plan with its plausible range, as an action states it."""

    id: str
    believed_effect: float
    believed_effect_low: float
    believed_effect_high: float


Z95 = 1.959964
FEWEST = 3
"""Fewest positive beliefs of a plan that have a common middle."""


def shrunken_effect(action: Any) -> tuple[float, float]:
    """Return a belief pulled towards zero by its own uncertainty, and its standard deviation.

    The stated range is read as a 95 % interval, s = (high - low) / 3.92; mean and variance shrink by
    w = m² / (m² + s²), the factor of an empirical Bayes estimate with prior mean zero (James and
    Stein 1961). A belief whose range reaches zero keeps about four fifths, a vague one almost nothing.
    """
    mean = float(action.believed_effect)
    spread = (float(action.believed_effect_high) - float(action.believed_effect_low)) / (2 * Z95)
    size = float(np.hypot(mean, spread))
    factor = (mean / size) ** 2 if size else 0.0
    return factor * mean, float(np.sqrt(factor)) * spread


def shrunken_beliefs(actions: Sequence[Any]) -> dict[str, tuple[float, float]]:
    """Return for each action the belief pulled towards the plan's other beliefs, and its standard deviation (points).

    Whoever picks the action with the highest of several uncertain beliefs is disappointed (winner's curse), unless
    each is first pulled towards their common middle by its own uncertainty (Efron & Morris 1975). A range is read as
    a 95 % interval of a relative error: with s = (high - low) / 3.92, ln belief = ln effect + error of variance
    σ² = ln(1 + (s / belief)²). The ln effects of a menu are normal with mean and variance T² estimated from its beliefs
    (DerSimonian & Laird 1986); the posterior is log-normal with weight T² / (T² + σ²) on the belief. Fewer than three
    positive beliefs have no common middle; those, and beliefs not above zero, are treated by `shrunken_effect`.
    """
    found = {a.id: shrunken_effect(a) for a in actions}
    menu = sorted((a for a in actions if a.believed_effect > 0), key=lambda a: a.id)
    if len(menu) < FEWEST:
        return found
    mean = np.array([float(a.believed_effect) for a in menu])
    width = np.array([float(a.believed_effect_high) - float(a.believed_effect_low) for a in menu])
    noise = np.maximum(np.log1p((width / (2 * Z95) / mean) ** 2), 1e-12)
    level = np.log(mean)
    excess, scale = excess_variance(level, noise)
    spread = max(excess / scale, 0.0) if scale > 0 else 0.0
    weight = 1 / (noise + spread)
    centre = float((weight * level).sum() / weight.sum())
    kept = spread / (spread + noise)
    variance = kept * noise
    effect = np.exp(kept * level + (1 - kept) * centre + variance / 2)
    error = effect * np.sqrt(np.expm1(variance))
    return found | {a.id: (float(e), float(s)) for a, e, s in zip(menu, effect, error, strict=True)}


def staying_of(actions: Sequence[Any]) -> list[Belief]:
    """Return what the actions are believed to change by keeping customers, where they say so."""
    return [
        Belief(a.id, a.believed_staying, a.believed_staying_low, a.believed_staying_high)
        for a in actions
        if getattr(a, "believed_staying", 0.0)
    ]
