"""Columns that are filled in as time passes: what an export of today says about a day long ago."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

__all__ = ["filled_in_later"]

FADES = 0.10
"""By how much the share of a value must differ between the oldest and the newest snapshot."""
CLEAR, TELLS = 4.0, 2.0
"""Standard errors by which it must differ, and by which customers with the value must fare differently: less, as what
is written down over all the years since tells ever less of the one year after an old snapshot."""
MISSING = "(missing)"
COMMON = 0.01


def filled_in_later(
    oldest: pd.DataFrame, newest: pd.DataFrame, outcome: str, features: Sequence[str], between: pd.DataFrame | None = None
) -> pd.DataFrame:  # fmt: skip
    """Tell columns that were recorded after the snapshot from those that were known at it.

    What is known at a snapshot is about as common among the customers of an old snapshot as among those of a
    recent one. What is written down once a customer has left is common among the old ones, about whom the
    outcome is known by now, and rarer the more recent the snapshot is. A numeric column is judged by
    whether it is filled.

    Parameters
    ----------
    oldest, newest, between
        Snapshots of comparable customers; ``oldest`` has the outcome.
    outcome
        Name of the 0/1 outcome.
    features
        Columns to judge.

    Returns
    -------
    DataFrame
        feature, value (whose share moves most), share_oldest, share_newest, refused.
    """
    known = oldest[oldest[outcome].notna()]
    y = known[outcome].astype(float).to_numpy()
    rows = []
    for name in features:
        frames = [_values(frame[name]) for frame in (known, newest)]
        middle = _values(between[name]) if between is not None else None
        shares = [f.value_counts(normalize=True) for f in frames]
        both = pd.concat(shares, axis=1, keys=["oldest", "newest"]).fillna(0.0)
        both = both[both.max(axis=1) >= COMMON]
        value = str((both["oldest"] - both["newest"]).abs().idxmax())
        old, new = both.loc[value]
        refused = _fades(old, new, len(known), len(newest)) and _tells(frames[0] == value, y)
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


def _tells(has: pd.Series, y: np.ndarray) -> bool:
    """Whether customers with the value had another outcome rate than the others, clearly."""
    with_it = has.to_numpy()
    n, m = int(with_it.sum()), int((~with_it).sum())
    if min(n, m) < 10:
        return False
    a, b = y[with_it].mean(), y[~with_it].mean()
    rate = y.mean()
    error = np.sqrt(rate * (1 - rate) * (1 / n + 1 / m))
    return bool(error > 0 and abs(a - b) > TELLS * error)
