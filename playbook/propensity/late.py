"""Columns that are filled in as time passes: what an export of today says about a day long ago."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

__all__ = ["filled_in_later"]

FADES = 0.10
"""By how much the share of a value must differ between the oldest and the newest snapshot."""
CLEAR = 4.0
"""Standard errors by which it must differ."""
MISSING = "(missing)"
COMMON = 0.01


def filled_in_later(
    oldest: pd.DataFrame, newest: pd.DataFrame, features: Sequence[str], between: pd.DataFrame | None = None
) -> pd.DataFrame:  # fmt: skip
    """Tell columns that were recorded after the snapshot from those that were known at it.

    What is known at a snapshot is about as common among the customers of an old snapshot as among those of a
    recent one. What is written down once a customer has left is common among the old ones, of whom many
    have left by now, and rarer the more recent the snapshot is. How well the column foretells the outcome does not matter:
    written over years, it may tell little of the one year after an old snapshot. A numeric column is judged by
    whether it is filled. A column that becomes more common is left alone: a system that began to record it.

    Parameters
    ----------
    oldest, newest, between
        Snapshots of comparable customers, taken at days far apart.
    features
        Columns to judge.

    Returns
    -------
    DataFrame
        feature, value (whose share moves most), share_oldest, share_newest, refused.
    """
    rows = []
    for name in features:
        frames = [_values(frame[name]) for frame in (oldest, newest)]
        middle = _values(between[name]) if between is not None else None
        shares = [f.value_counts(normalize=True) for f in frames]
        both = pd.concat(shares, axis=1, keys=["oldest", "newest"]).fillna(0.0)
        both = both[both.max(axis=1) >= COMMON]
        if both.empty:  # every value is rare: a key or free text
            continue
        value = str((both["oldest"] - both["newest"]).abs().idxmax())
        old, new = both.loc[value]
        filled_less = new > old if value == MISSING else old > new
        refused = filled_less and _fades(old, new, len(oldest), len(newest))
        if refused and middle is not None:
            low, high = sorted((old, new))
            refused = low <= float((middle == value).mean()) <= high
        rows.append({"feature": name, "value": value, "share_oldest": old, "share_newest": new, "refused": bool(refused)})  # fmt: skip
    return pd.DataFrame(
        rows, columns=["feature", "value", "share_oldest", "share_newest", "refused"]
    )


def _values(column: pd.Series) -> pd.Series:
    """Levels of a category; of a number only whether it is there."""
    if (
        pd.api.types.is_numeric_dtype(column)
        or pd.api.types.infer_dtype(column.dropna()) == "decimal"
    ):
        return column.isna().map({True: MISSING, False: "(filled)"})
    return column.astype(object).where(column.notna(), MISSING).map(str)


def _fades(old: float, new: float, n_old: int, n_new: int) -> bool:
    if min(n_old, n_new) == 0 or abs(old - new) < FADES:
        return False
    error = np.sqrt(old * (1 - old) / n_old + new * (1 - new) / n_new)
    return abs(old - new) > CLEAR * error
