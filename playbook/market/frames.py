"""Small helpers that turn arrays into standard tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from playbook.tables import TABLES

DTYPE = {
    "id": "str",
    "text": "str",
    "choice": "str",
    "whole": "Int64",
    "flag": "boolean",
    "time": "datetime64[us]",
    "day": "datetime64[us]",
}
DAY = np.timedelta64(86_400_000_000, "us")


def table(name: str, columns: dict[str, Any], sort: list[str] | None = None) -> pd.DataFrame:
    """Return a standard table: every declared column in order, absent ones empty.

    Further columns are kept (as text) when the table has attributes. Money is rounded to cents
    and times to seconds.
    """
    declared = TABLES[name].columns
    frame = pd.DataFrame(columns)
    frame = frame.reindex(columns=[*declared, *(c for c in frame if c not in declared)])
    for label in frame.columns:
        kind = declared[label].kind if label in declared else "text"
        series = frame[label].astype(DTYPE.get(kind, "float64"))
        if kind == "money":
            series = series.round(2)
        elif kind in ("time", "day"):
            series = series.dt.floor("s" if kind == "time" else "D")
        frame[label] = series
    keys = sort or list(TABLES[name].key) or list(declared)
    return frame.sort_values(keys, kind="stable").reset_index(drop=True)


def codes(numbers: np.ndarray, width: int, prefix: str = "") -> np.ndarray:
    """Return identifiers: ``prefix`` and the number with leading zeros."""
    if not len(numbers):
        return np.empty(0, dtype=object)
    text = np.char.zfill(np.asarray(numbers, dtype=np.int64).astype(str), width)
    return np.char.add(prefix, text).astype(object)


def pick(rng: np.random.Generator, weights: np.ndarray) -> np.ndarray:
    """Return one column number per row, drawn with the row's weights."""
    return column(rng.random(len(weights)), weights)


def column(uniform: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the column number per row that a uniform draw means under the row's weights."""
    total = np.cumsum(weights, axis=1)
    draw = uniform * total[:, -1]
    return np.minimum((draw[:, None] >= total).sum(axis=1), weights.shape[1] - 1)


def blank(values: np.ndarray, hide: np.ndarray) -> np.ndarray:
    """Return the values as objects, empty where ``hide``."""
    result = np.asarray(values).astype(object)
    result[hide] = None
    return result


def later(values: np.ndarray, end: np.datetime64, step: np.ndarray) -> np.ndarray:
    """Return ``values + step`` (days), not-a-time where that is not before ``end``."""
    moved = values + (step * 86_400e6).astype("timedelta64[us]")
    return np.where(moved < end, moved, np.datetime64("NaT", "us"))


def share(start: np.datetime64, end: np.datetime64) -> float:
    """Return the length of a period against three years, for what is counted over three years."""
    return round(float((end - start) / DAY) / 365.25) / 3


def logistic(x: np.ndarray) -> np.ndarray:
    """Return the logistic function of ``x``."""
    return 1.0 / (1.0 + np.exp(-x))


def points(values: np.ndarray, low: int, high: int) -> np.ndarray:
    """Return the values rounded to whole points of a scale."""
    return np.clip(np.rint(values), low, high)
