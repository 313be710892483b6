"""Step 02: what is known of customers and the market, and how sure it is.

Each module answers one part of the method; all take frames and give answers.
"""

from __future__ import annotations

from playbook.research import (
    answer_scales,
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
    reversals,
    reviews,
    satisfaction,
    scales,
    surveys,
    voices,
)

__all__ = [
    "answer_scales",
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
    "reversals",
    "reviews",
    "satisfaction",
    "scales",
    "surveys",
    "voices",
]
