"""When a row passes, judged over all worlds at once; pure functions of the figures found.

A rule never sees a single world: one lucky or unlucky draw decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.stats import binom

if TYPE_CHECKING:
    from playbook.truth.rows import Found

__all__ = ["Covers", "FalseAlarms", "Progress", "Reaches", "Rule", "Share", "Verdict"]

CHANCE = 0.01
"""Counts this unlikely under the nominal rate are called wrong."""


@dataclass(frozen=True)
class Verdict:
    """Whether a row passes (none: not judged), how far it came, and why."""

    passed: bool | None
    way: float | None
    reason: str


class Rule(Protocol):
    """A rule says what it asks (`text`) and judges the figures of all worlds."""

    @property
    def text(self) -> str:
        """What is asked, in words."""
        ...

    def judge(self, found: Sequence[Found]) -> Verdict:
        """Return the verdict over the worlds the row applies to (at least one)."""
        ...


@dataclass(frozen=True)
class Progress:
    """Ours must be ``bar`` of the way from naive to the Bayes benchmark, on the mean over worlds.

    ``why`` states the reason where the bar is not 0.85.
    """

    bar: float = 0.85
    why: str = ""
    higher_is_better: bool = True

    def __post_init__(self) -> None:
        if self.bar != 0.85 and not self.why:
            raise ValueError("a bar other than 0.85 needs its reason")

    @property
    def text(self) -> str:
        """What is asked, in words."""
        return f"at least {self.bar:.0%} of the way from naive to Bayes" + _because(self.why)

    def judge(self, found: Sequence[Found]) -> Verdict:
        """Return the verdict: one ratio of mean gaps, so that worlds with a narrow gap do not rule it."""
        ours, naive, bayes = (
            float(np.mean([getattr(f, name) for f in found])) for name in ("ours", "naive", "bayes")
        )
        gap = bayes - naive if self.higher_is_better else naive - bayes
        gain = ours - naive if self.higher_is_better else naive - ours
        if not gap > 0:
            return Verdict(False, None, "the benchmark is no better than naive: no room to judge")
        way = gain / gap
        return Verdict(bool(way >= self.bar), way, f"{way:.0%} of the way")


@dataclass(frozen=True)
class Share:
    """At least ``bar`` of the calls must be right; ``why`` says what the bar rests on."""

    bar: float
    why: str

    @property
    def text(self) -> str:
        """What is asked, in words."""
        return f"at least {self.bar:.0%}" + _because(self.why)

    def judge(self, found: Sequence[Found]) -> Verdict:
        """Return the verdict on the pooled count, or on the mean of ours where nothing is counted."""
        if found[0].trials is None:
            value = float(np.mean([f.ours for f in found if f.ours is not None]))
            return Verdict(bool(value >= self.bar), None, f"{value:.0%}")
        hits, trials = _pooled(found)
        if not trials:
            return Verdict(None, None, "nothing to count")
        return Verdict(hits / trials >= self.bar, None, f"{hits} of {trials}")


@dataclass(frozen=True)
class Reaches:
    """Ours, a share of the best there is, must be ``median`` in the median world and ``worst`` in the worst."""

    median: float
    worst: float

    @property
    def text(self) -> str:
        """What is asked, in words."""
        return f"at least {self.median:.0%} of the best in the median world and {self.worst:.0%} in the worst"

    def judge(self, found: Sequence[Found]) -> Verdict:
        """Return the verdict on the shares that ours reaches in each world."""
        values = [f.ours for f in found if f.ours is not None]
        if not values:
            return Verdict(None, None, "nothing to judge")
        middle, least = float(np.median(values)), float(min(values))
        passed = middle >= self.median and least >= self.worst
        return Verdict(bool(passed), None, f"median {middle:.1%}, worst {least:.1%}")


@dataclass(frozen=True)
class Covers:
    """Intervals of ``level`` must cover: the pooled count may not be improbably low under it."""

    level: float = 0.95

    @property
    def text(self) -> str:
        """What is asked, in words."""
        return f"{self.level:.0%} intervals cover (not fewer than chance allows, {CHANCE:.0%})"

    def judge(self, found: Sequence[Found]) -> Verdict:
        """Return the verdict on the pooled count."""
        hits, trials = _pooled(found)
        if not trials:
            return Verdict(None, None, "no interval to judge")
        likely = float(binom.cdf(hits, trials, self.level))
        return Verdict(likely >= CHANCE, None, f"{hits} of {trials} cover")


@dataclass(frozen=True)
class FalseAlarms:
    """Where nothing is there, something may be found at the nominal rate only."""

    level: float = 0.05

    @property
    def text(self) -> str:
        """What is asked, in words."""
        return f"false alarms at most {self.level:.0%} (not more than chance allows, {CHANCE:.0%})"

    def judge(self, found: Sequence[Found]) -> Verdict:
        """Return the verdict on the pooled count."""
        hits, trials = _pooled(found)
        if not trials:
            return Verdict(None, None, "nothing to count")
        likely = float(binom.sf(hits - 1, trials, self.level))
        return Verdict(likely >= CHANCE, None, f"{hits} of {trials} false")


def _pooled(found: Sequence[Found]) -> tuple[int, int]:
    return sum(f.hits or 0 for f in found), sum(f.trials or 0 for f in found)


def _because(why: str) -> str:
    return f" ({why})" if why else ""
