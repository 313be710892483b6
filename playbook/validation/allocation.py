"""Published check of the acquisition spend."""

from __future__ import annotations

from playbook.allocation import optimal_acquisition_spend
from playbook.validation import Check


def rows() -> list[Check]:
    """Return Blattberg and Deighton's closed form at c = .4, k = .25, V = 50."""
    return [
        Check(
            id="acquisition_spend.blattberg_deighton.a_star",
            quantity="optimal acquisition spend per prospect, A* = ln(ckV)/k",
            published=6.43775,
            ours=optimal_acquisition_spend(ceiling=0.4, k=0.25, value=50.0),
            tolerance=1e-5,
            relative=False,
            source="Blattberg and Deighton (1996), Manage marketing by the customer equity test,"
            " Harvard Business Review 74(4)",
        )
    ]
