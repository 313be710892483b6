"""What every view of the journey shares: who reached a stage, how long they can be followed, who moved on."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import need
from playbook.errors import NotEnough
from playbook.experience.common import FEWEST, INTERACTIONS, share

__all__ = ["DAY", "Step", "cohort", "people_of", "step", "steps_of"]

DAY = pd.Timedelta(days=1)

Step = tuple[str, str, int]
"""Stage, the stage before it, and the days in which the move counts."""


def people_of(journeys: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of query ``journeys`` with ``purchase_at``, or say what is missing.

    Raises
    ------
    NotEnough
        Fewer than 30 people begin with a contact of the awareness stage.
    """
    need(journeys, "journeys that begin with a contact of the awareness stage", INTERACTIONS, rows=30)  # fmt: skip
    return journeys.rename(columns={"ordered_at": "purchase_at"})


def steps_of(people: pd.DataFrame, follow_days: int, loyalty_days: int) -> list[Step]:
    """Return the steps that this client's contacts can show, in order.

    A stage without any contact has no step: nobody recorded it, which is not the same as nobody
    reaching it. An order stands for the purchase stage, another order for loyalty.

    Raises
    ------
    NotEnough
        Nobody with a first contact has an order.
    """
    if people["purchase_at"].isna().all():
        raise NotEnough(
            f"no order of the {len(people):,} people whose first contact is known",
            "table orders with the customer numbers that contacts carry",
        )
    considered = people["consideration_at"].notna() & ~(
        people["consideration_at"] == people["purchase_at"]
    )
    steps = [("purchase", "awareness", follow_days)]
    if considered.any():
        steps = [("consideration", "awareness", follow_days), ("purchase", "consideration", follow_days)]  # fmt: skip
    if people["support_at"].notna().any():
        steps.append(("support", "purchase", follow_days))
    return [*steps, ("loyalty", "purchase", loyalty_days)]


def cohort(
    people: pd.DataFrame, stage: str, window: int, as_of: date, years_ago: int = 0
) -> pd.DataFrame:
    """Return who reached ``stage`` in the 12 months that ended ``window`` days before ``as_of`` (or years earlier).

    Who came later cannot be followed for the whole window and must not count as lost.
    """
    end = pd.Timestamp(as_of) + DAY - (window + 365 * years_ago) * DAY
    start = people[f"{stage}_at"]
    return people[(start >= end - 365 * DAY) & (start < end)]


def step(
    people: pd.DataFrame, before: str, after: str, window: int, as_of: date, years_ago: int = 0
) -> dict[str, float]:
    """Return how many of those who reached ``before`` reached ``after`` within ``window`` days.

    Returns
    -------
    dict
        ``entered``, ``moved_on``, ``share`` with ``low`` and ``high`` (Wilson), and the days that half
        and three quarters of the movers took.
    """
    entered = cohort(people, before, window, as_of, years_ago)
    days = (entered[f"{after}_at"] - entered[f"{before}_at"]) / DAY
    moved = days[(days >= 0) & (days <= window)]
    row = {"entered": len(entered), "moved_on": len(moved), **share(len(moved), len(entered))}
    enough = len(moved) >= FEWEST
    middle = float(moved.median()) if enough else np.nan
    slow = float(moved.quantile(0.75)) if enough else np.nan
    return row | {"median_days": middle, "slow_quarter_days": slow, "window_days": window}
