"""Purchase histories: what every non-contractual model reads, checked and made compact.

Glossary
--------
frequency
    Repeat purchase occasions x; the first purchase is not counted.
recency
    Age t_x of the customer at the last purchase; 0 for a one-time buyer.
age
    Time T from the first purchase to the end of observation, in the unit of ``recency``.
monetary
    Mean value of the repeat purchases; not read where ``frequency`` is 0.
customers
    How many customers a row stands for (optional, 1 when the column is absent).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = [
    "Histories", "check_columns", "check_histories", "check_horizon", "require_one_time_buyers", "sufficient",
]  # fmt: skip

MIN_CUSTOMERS = 50
MIN_REPEAT_BUYERS = 10
MIN_DIFFERENT = 5
ONE_TIME_BUYERS_EXPECTED = 200


@dataclass(frozen=True)
class Histories:
    """Different purchase histories (sorted) and how many customers have each.

    Attributes
    ----------
    x, t_x, age
        Repeat purchases, time of the last one and age, each of shape (u,).
    customers
        Number of customers with that history, shape (u,).
    position
        Row of the frame -> row of the unique histories, shape (n,).
    """

    x: np.ndarray
    t_x: np.ndarray
    age: np.ndarray
    customers: np.ndarray
    position: np.ndarray


def check_columns(frame: pd.DataFrame, columns: list[str]) -> dict[str, np.ndarray]:
    """Return the named columns as float arrays.

    Raises
    ------
    ValueError
        If there are no rows, a column is absent, or a value is missing, infinite or negative.
    """
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        raise ValueError(
            f"the customer frame lacks {absent}; it needs one row per customer with {columns}"
        )
    if frame.empty:
        raise ValueError("the customer frame has no rows; it needs one row per customer")
    arrays = {name: _numbers(frame[name]) for name in columns}
    for name, values in arrays.items():
        _refuse(
            frame, ~np.isfinite(values) | (values < 0), f"{name} is missing, infinite or negative"
        )
    return arrays


def check_histories(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return ``frequency``, ``recency`` and ``age`` as float arrays after checking them.

    Raises
    ------
    ValueError
        Also if a frequency is not whole, recency exceeds age, or recency is 0 for a repeat buyer or
        above 0 for a one-time buyer. The message counts the rows and names the first.
    """
    data = check_columns(frame, ["frequency", "recency", "age"])
    x, t_x, age = data["frequency"], data["recency"], data["age"]
    _refuse(frame, x != np.floor(x), "frequency is not a whole number")
    _refuse(frame, t_x > age, "recency exceeds age (both count from the first purchase)")
    _refuse(frame, (x == 0) & (t_x > 0), "recency must be 0 where frequency is 0")
    _refuse(
        frame, (x > 0) & (t_x == 0), "recency is 0 for a repeat buyer; merge purchases of one day"
    )
    return data


def check_horizon(horizon: float) -> None:
    """Refuse a horizon that is negative or not a number."""
    if not (np.isfinite(horizon) and horizon >= 0):
        raise ValueError(f"horizon must be a number of time units >= 0, got {horizon}")


def sufficient(frame: pd.DataFrame) -> Histories:
    """Collapse customers to their different (x, t_x, T), sorted, with counts."""
    data = check_histories(frame)
    stats = pd.DataFrame(data)
    stats["customers"] = _customers(frame)
    groups = stats.groupby(["frequency", "recency", "age"], sort=True)
    unique = groups["customers"].sum().reset_index()
    x, t_x, age, customers = (unique[name].to_numpy(dtype=float) for name in unique.columns)
    return Histories(x, t_x, age, customers, position=groups.ngroup().to_numpy())


def require_enough(histories: Histories, model: str) -> None:
    """Refuse to fit ``model`` on too few customers, repeat buyers or different histories."""
    total = float(histories.customers.sum())
    repeat = float(histories.customers[histories.x > 0].sum())
    different = len(histories.x)
    enough = total >= MIN_CUSTOMERS and repeat >= MIN_REPEAT_BUYERS and different >= MIN_DIFFERENT
    if not enough:
        raise ValueError(
            f"not enough data to fit {model}: need at least {MIN_CUSTOMERS} customers, "
            f"{MIN_REPEAT_BUYERS} repeat buyers and {MIN_DIFFERENT} different purchase histories, "
            f"got {total:.0f}, {repeat:.0f} and {different}"
        )
    require_one_time_buyers(histories)


def require_one_time_buyers(histories: Histories) -> None:
    """Refuse a frame from which one-time buyers were dropped.

    Real customer bases of this size always have some. Without them the models see only loyal
    customers: on the CDNOW sample r becomes 2.88 where it should be 0.24.
    """
    total = float(histories.customers.sum())
    if total >= ONE_TIME_BUYERS_EXPECTED and not (histories.x == 0).any():
        raise ValueError(
            f"none of the {total:.0f} customers has frequency 0: one-time buyers seem to have been "
            "dropped, which biases every parameter (on the CDNOW sample r would become 2.88 instead "
            "of 0.24); pass all customers, one-time buyers with frequency 0 and recency 0"
        )


def _numbers(values: pd.Series) -> np.ndarray:
    try:
        return values.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{values.name} must hold numbers: {error}") from error


def _customers(frame: pd.DataFrame) -> np.ndarray:
    if "customers" not in frame.columns:
        return np.ones(len(frame))
    customers = check_columns(frame, ["customers"])["customers"]
    _refuse(frame, customers == 0, "customers must be at least 1")
    return customers


def _refuse(frame: pd.DataFrame, bad: np.ndarray, problem: str) -> None:
    if bad.any():
        first = min(str(key) for key in frame.index[bad])
        raise ValueError(
            f"{int(bad.sum())} rows: {problem} (first: {first}); correct them and fit again"
        )
