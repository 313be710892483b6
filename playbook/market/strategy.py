"""What is done in one year: the strategy that `advance` and `lived` carry out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Strategy:
    """What is done in one year of a world; what is not named stays as it is today.

    Attributes
    ----------
    actions
        Contacts: columns ``customer_id``, ``action`` (of ``settings.actions``) and ``month``
        (1 to 12); if wanted ``arm`` (``treated``, ``control``) and ``probability``.
    channel_spend
        Acquisition spend of the whole year by channel, where it is not as usual.
    fixes
        Names of the fixes (of ``settings.fixes``) that are paid for in this year.
    offers
        Columns ``customer_id`` and ``offer`` (of ``settings.offers``): who is sold to under other
        terms, the whole year.
    programme
        Design of the loyalty programme (of ``settings.programmes``); empty: today's.
    """

    actions: pd.DataFrame | None = None
    channel_spend: Mapping[str, float] | None = None
    fixes: tuple[str, ...] = ()
    offers: pd.DataFrame | None = None
    programme: str = ""
