"""A saturating response to spend as a plan believes in it, and the spend at which it still pays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ResponseCurve:
    """Blattberg and Deighton's (1996) curve: share responding = ceiling·(1 - exp(-k·spend)).

    Attributes
    ----------
    ceiling
        Share that responds at unlimited spend (0 to 1), or responses per person.
    k
        Curvature, per unit of money spent on a person.
    value
        Margin that one response brings (money).
    people
        Number of people the spend is divided among.
    """

    ceiling: float
    k: float
    value: float
    people: float = 1.0

    def __post_init__(self) -> None:
        """Refuse parameters that are not positive numbers."""
        for name in ("ceiling", "k", "value", "people"):
            number = getattr(self, name)
            if not (np.isfinite(number) and number > 0):
                raise ValueError(f"{name}: expected a number above 0, got {number}")

    def marginal(self, spend: float) -> float:
        """Margin that one more unit of money brings at a total spend."""
        return self.value * self.ceiling * self.k * np.exp(-self.k * spend / self.people)

    def spend_at(self, marginal: float) -> float:
        """Total spend at which the marginal return has fallen to this value (0 if below)."""
        return (
            self.people * max(0.0, np.log(self.ceiling * self.k * self.value / marginal)) / self.k
        )


def optimal_acquisition_spend(ceiling: float, k: float, value: float) -> float:
    """Spend per prospect that maximises ceiling·(1 - exp(-k·A))·value - A.

    Blattberg and Deighton (1996): A* = ln(ceiling·k·value) / k, and 0 where the first
    unit of money already brings back less than itself.

    Parameters
    ----------
    ceiling
        Share of prospects won at unlimited spend.
    k
        Curvature, per unit of money spent on a prospect.
    value
        Margin of a won customer (money).
    """
    return float(ResponseCurve(ceiling, k, value).spend_at(1.0))
