"""Step 02: what is known of customers and the market, and how sure it is.

Each module answers one part of the method; all take frames and give answers.
"""

from __future__ import annotations

from playbook.research import (
    audit,
    behaviour,
    diagnosis,
    focus_groups,
    integration,
    market_position,
    needs,
    preferences,
    promoters,
    quoting,
    redundancy,
    reviews,
    scales,
    surveys,
    voices,
)

__all__ = [
    "audit",
    "behaviour",
    "diagnosis",
    "focus_groups",
    "integration",
    "market_position",
    "needs",
    "preferences",
    "promoters",
    "quoting",
    "redundancy",
    "reviews",
    "scales",
    "surveys",
    "voices",
]
