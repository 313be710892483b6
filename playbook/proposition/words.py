"""Words the sections share: lists, levels, and the sample a claim needs."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd
from scipy import stats

from playbook.answer import format_value
from playbook.choice.screening import named

__all__ = [
    "feature",
    "fitting",
    "join",
    "money",
    "named",
    "people_needed",
    "plural",
    "with_segment",
]


def join(words: Iterable[object], most: int = 3) -> str:
    """Return "a, b and c"; more than ``most`` words are counted instead of named."""
    names = [str(word) for word in words]
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def plural(count: int, one: str) -> str:
    """Return "1 segment", "3 segments"."""
    return f"{count:,} {one}" + ("" if count == 1 else "s")


def feature(attribute: str, level: str) -> str:
    """Return an attribute and its level as a label: "delivery: next day"."""
    return f"{attribute.replace('_', ' ')}: {level}"


def fitting(*headlines: str) -> str:
    """Return the first headline of at most 90 characters, the last one when none is short enough."""
    return next((text for text in headlines if len(text) <= 90), headlines[-1])


def money(value: float, currency: str = "") -> str:
    """Return an amount with its currency, whole units from 10 on: "EUR 38"."""
    amount = format_value(float(value), "count" if abs(value) >= 10 else "currency")
    return f"{currency} {amount}".strip()


def people_needed(
    value: float, low: float, high: float, n: int, least: float, fewest: int = 0
) -> int:
    """Return how many people must be asked so that an effect of this size is told from zero.

    Parameters
    ----------
    value, low, high
        Estimate and its 95 % interval from ``n`` people.
    least
        Smallest effect worth claiming; used when the estimate is smaller.
    fewest
        Never fewer people than this.

    Notes
    -----
    The error shrinks with the root of the number of people, so for a two-sided test at 5 % with 80 %
    power n' = n ((z_0.975 + z_0.8) SE / effect)^2 (Cochran, 1977, Sampling Techniques, ch. 4).
    """
    error = (high - low) / (2 * stats.norm.ppf(0.975))
    effect = max(value, least, 1e-9)
    wanted = n * ((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * error / effect) ** 2
    return int(min(max(math.ceil(wanted), fewest), 10**6))


def with_segment(frame: pd.DataFrame, segments: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose customer has a segment, with column ``segment``."""
    known = segments[["customer_id", "segment"]].dropna()
    return frame.merge(known, on="customer_id", how="inner", validate="many_to_one")
