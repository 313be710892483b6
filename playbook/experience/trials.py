"""Who mends a pain point, and the trial that would prove that mending pays (E7)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from playbook.stats import sample_size_two_proportions

__all__ = ["answers_needed", "owner_of", "planned_trials"]

SMALLEST = 0.02
"""Least difference in the share ordering again that a trial looks for, where the cost asks for no more."""
LONGEST = 52.0
"""Weeks of intake after which a trial on orders is said to take too long."""
NEAR, SPREAD = 0.5, 1.2
"""Difference in satisfaction (points of five) that a quicker trial looks for, and the usual spread of answers."""

DEPARTMENTS = (
    (("delivery", "carrier", "shipping"), ("logistic", "supply", "operation", "delivery")),
    (("service", "call", "chat", "mail", "desk", "support"), ("service", "care", "support")),
    (("checkout", "page", "search", "app", "web", "consideration"), ("digital", "commerce", "product", "it")),
    (("store", "shop"), ("store", "retail", "sales")),
    (("purchase", "order", "sales"), ("sales", "commerce", "product")),
    (("loyalty", "newsletter", "recommendation"), ("crm", "marketing")),
)  # fmt: skip
"""Words of a touchpoint, and words of the department that owns it."""


def owner_of(
    touchpoint: str, initiative: str, initiatives: Sequence[Any], roles: Sequence[Any]
) -> str:
    """Return who owns a mend: the initiative's owner, else the first role of the touchpoint's department.

    Parameters
    ----------
    touchpoint, initiative
        Where it hurts, and the id of the initiative that mends it (any other text: none).
    initiatives, roles
        Of the plan and of the engagement. An initiative's owner is its ``owner``, else who is accountable.
    """
    for item in initiatives:
        if item.id == initiative:
            named = getattr(item, "owner", "") or next((r for r, part in getattr(item, "raci", {}).items() if part == "A"), "")  # fmt: skip
            if named:
                return str(named)
    for words, departments in DEPARTMENTS:
        if any(word in touchpoint.lower() for word in words):
            for department in departments:
                owners = [r.id for r in roles if _is(r.department, department)]
                if owners:
                    return str(owners[0])
    return "to be named"


def _is(department: str, wanted: str) -> bool:
    """Whether a word of the department begins with the wanted one (short ones only as a whole)."""
    words = re.findall(r"\w+", department.lower())
    return any(w == wanted or (len(wanted) > 3 and w.startswith(wanted)) for w in words)


def _design(row: Any) -> str:
    if row.kind_of_row == "shopping":
        return f"Show a better {row.touchpoint} to half of its visitors, drawn by lot"
    if row.kind_of_row == "step":
        return f"Show the new way to half of those at {row.improvement.split(' from ')[-1].split(' to ')[0]}, drawn by lot"
    if row.confidence != "none found" and row.touchpoint == "service" and row.kind_of_row == "pain":
        return "Handle half of the new cases the new way, drawn by lot"
    if row.confidence == "none found":
        return "–"
    if row.kind_of_row == "pain":
        return f"Start in some regions first, the order drawn by lot; compare those who use {row.touchpoint}"
    return f"Offer the better {row.touchpoint} to half of its users, drawn by lot"


def planned_trials(table: pd.DataFrame, base: float) -> pd.DataFrame:
    """Return the trial of each improvement: design, base_rate, smallest, n_per_arm, weeks.

    Parameters
    ----------
    table
        Improvements, with touchpoint, kind_of_row, difference, incidents (a year), saved_per_cost, and for steps of
        the journey step_share and step_people (a year).
    base
        Share ordering again in the year after an order without a pain point.

    Notes
    -----
    Smallest effect worth finding: the part of the difference that pays the cost, where the cost is known and a
    year can pay it, else half of the difference measured, at least two points (one for a step). Size: two proportions, 80 % power, two-sided 5 % (Fleiss, 1981), among people who meet
    the pain; weeks: both arms at last year's inflow.
    """
    rows = []
    for row in table.itertuples():
        rate, people, smallest = np.nan, np.nan, np.nan
        if row.kind_of_row == "step":
            rate, people, smallest = row.step_share, row.step_people, 0.01
        elif row.difference < 0 and base == base:
            rate, people = base + row.difference, row.incidents
            pays = 1 / row.saved_per_cost if row.saved_per_cost >= 1 else 0.5
            smallest = max(-row.difference * pays, SMALLEST)
        n, weeks = np.nan, np.nan
        if 0 < rate < rate + smallest < 1:
            n = float(sample_size_two_proportions(rate, rate + smallest))
            weeks = 2 * n / people * 52 if people > 0 else np.nan
        rows.append((_design(row), rate, smallest, n, weeks, _reads(row, n, weeks)))
    return pd.DataFrame(rows, columns=["test", "base_rate", "smallest", "n_per_arm", "weeks", "judged_by"])  # fmt: skip


def _reads(row: Any, n: float, weeks: float) -> str:
    if row.confidence == "none found":
        return "nothing to prove: those who meet it return no less"
    if row.kind_of_row == "shopping":
        return "share who complete there"
    if n != n:
        return "satisfaction there; a base rate comes first"
    if row.kind_of_row == "step":
        return "share taking the step"
    if weeks > LONGEST:
        near = answers_needed()
        return f"satisfaction first: {near} in each arm, {2 * near / row.incidents * 52:.0f} weeks"
    return "share ordering again in the year after"


def answers_needed() -> int:
    """People in each arm to tell half a point of satisfaction from chance (80 % power, two-sided 5 %).

    References
    ----------
    Fleiss, J. L. (1981). Statistical Methods for Rates and Proportions; Cohen, J. (1988), ch. 2, for means.
    """
    return int(np.ceil(2 * ((norm.ppf(0.975) + norm.ppf(0.8)) * SPREAD / NEAR) ** 2))
