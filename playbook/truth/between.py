"""Rules for figures that must lie around one: a mean over worlds, and a ratio of sums over worlds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playbook.truth.rules import Verdict

if TYPE_CHECKING:
    from playbook.truth.rows import Found

__all__ = ["Between", "PooledRatio"]


@dataclass(frozen=True)
class Between:
    """The mean of ours over worlds must lie within ``low`` and ``high``."""

    low: float
    high: float

    @property
    def text(self) -> str:
        """What is asked, in words."""
        return f"mean over worlds within {self.low:g} and {self.high:g}"

    def judge(self, found: Sequence[Found]) -> Verdict:
        """Return the verdict on the mean; its standard error is told beside it."""
        values = np.array([f.ours for f in found if f.ours is not None])
        if not len(values):
            return Verdict(None, None, "nothing to judge")
        mean = float(values.mean())
        error = (
            f", standard error {values.std(ddof=1) / np.sqrt(len(values)):.3f}"
            if len(values) > 1
            else ""
        )
        return Verdict(bool(self.low <= mean <= self.high), None, f"{mean:.3f}{error}")


@dataclass(frozen=True)
class PooledRatio:
    """What came over what was promised, each summed over all worlds, must lie within ``low`` and ``high``."""

    low: float
    high: float

    @property
    def text(self) -> str:
        """What is asked, in words."""
        return f"planted over ours, summed over worlds, within {self.low:g} and {self.high:g}"

    def judge(self, found: Sequence[Found]) -> Verdict:
        """Return the verdict on the ratio of sums."""
        both = [(f.planted, f.ours) for f in found if f.planted is not None and f.ours is not None]
        came, promised = (float(sum(pair[i] for pair in both)) for i in (0, 1))
        if not promised > 0:
            return Verdict(None, None, "nothing was promised")
        ratio = came / promised
        miss = np.array([planted - ratio * ours for planted, ours in both])
        error = float(np.sqrt(len(miss)) * miss.std() / promised)
        said = f"{ratio:.2f}, standard error {error:.2f}"
        return Verdict(bool(self.low <= ratio <= self.high), None, said)
