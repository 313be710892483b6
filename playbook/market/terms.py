"""What a strategy means for each customer of a group in one year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Terms:
    """What a strategy means for each customer of a group in one year.

    Attributes
    ----------
    actions
        Contacts (`actions.checked`).
    lift
        Log change of the order rate, by the terms of an offer and the loyalty programme.
    price
        Change of the price (share), by the terms of an offer.
    level
        Change of the level that satisfaction returns to (standard score).
    mends
        Share of the incidents of a kind (``late``, ``slow``, ``failed``) that are mended.
    """

    actions: pd.DataFrame | None = None
    lift: np.ndarray | float = 0.0
    price: np.ndarray | float = 0.0
    level: np.ndarray | float = 0.0
    mends: Mapping[str, float] = field(default_factory=dict)
