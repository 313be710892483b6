"""What the parts of this step share: the words of a period, shares with intervals, list of names."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from playbook.stats import wilson

__all__ = [
    "FEWEST",
    "INTERACTIONS",
    "STAGES",
    "TICKETS",
    "capital",
    "days_in_words",
    "in_period",
    "joined",
    "per_cent",
    "share",
    "varies",
    "year_to",
]

STAGES = ("awareness", "consideration", "purchase", "support", "loyalty")
FEWEST = 5
"""Smallest group that is shown."""

INTERACTIONS = (
    "table interactions: contacts with touchpoint, stage, outcome, visitor and customer number"
)
TICKETS = "table tickets: service cases with times of opening, first response and resolution"


def year_to(as_of: date) -> str:
    """Return the words for the period."""
    return f"12 months to {as_of:%Y-%m-%d}"


def in_period(times: pd.Series, as_of: date, days: int = 365) -> pd.Series:
    """Return which times lie in the ``days`` days that end with ``as_of``."""
    end = pd.Timestamp(as_of) + pd.Timedelta(days=1)
    return (times >= end - pd.Timedelta(days=days)) & (times < end)


def share(successes: float, n: float) -> dict[str, float]:
    """Return ``share``, ``low`` and ``high`` (Wilson, 95 %); missing where there are no rows."""
    if n <= 0:
        return {"share": np.nan, "low": np.nan, "high": np.nan}
    interval = wilson(successes, n)
    return {"share": interval.value, "low": interval.low, "high": interval.high}


def per_cent(value: float) -> str:
    """Return a share as whole per cent for a sentence (one decimal below ten per cent)."""
    return f"{100 * value:.0f} %" if abs(value) >= 0.0995 else f"{100 * value:.1f} %"


def joined(names: Sequence[str]) -> str:
    """Return names as words: a, b and c."""
    names = [str(name) for name in names]
    return (
        names[0]
        if len(names) == 1
        else ""
        if not names
        else f"{', '.join(names[:-1])} and {names[-1]}"
    )


def capital(text: str) -> str:
    """Return a text with its first letter as a capital, the others as they are."""
    return text[:1].upper() + text[1:]


def days_in_words(days: float) -> str:
    """Return days for a sentence: one decimal below ten, else whole."""
    return f"{days:.1f} days" if days < 9.95 else f"{days:.0f} days"


def varies(values: pd.Series) -> bool:
    """Return whether a column holds more than one value."""
    known = values.dropna()
    return len(known) > 0 and bool((known != known.iloc[0]).any())
