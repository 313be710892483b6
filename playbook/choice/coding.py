"""Attribute tables turned into design matrices with named columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["Coding", "dummy_code", "effects_code"]

NONE = "none"
"""Column of the option of choosing none: 1 there, and every attribute column 0."""


@dataclass(frozen=True)
class Coding:
    """How attributes become columns; made by `effects_code` or `dummy_code`.

    Attributes
    ----------
    levels
        Text attribute -> its levels; the last one is the reference.
    numeric
        Numeric attribute -> lowest and highest value seen.
    effects
        Reference level is minus the sum of the others (effects) or zero (dummy).
    none
        Flag column that marks the option of choosing none; ``None`` when there is no such option.
    """

    levels: Mapping[str, tuple[str, ...]]
    numeric: Mapping[str, tuple[float, float]]
    effects: bool
    none: str | None = None

    @property
    def columns(self) -> list[str]:
        """Names of the design columns: ``attribute: level``, numeric names, then ``none``."""
        coded = [f"{name}: {level}" for name, all_ in self.levels.items() for level in all_[:-1]]
        return [*coded, *self.numeric, *([NONE] if self.none else [])]

    @property
    def attributes(self) -> list[str]:
        """Names of the attributes, text first."""
        return [*self.levels, *self.numeric]

    def level_rows(self) -> pd.DataFrame:
        """Design row of every level, and of the lowest and highest value of numbers.

        Returns
        -------
        pandas.DataFrame
            Indexed by ``attribute`` and ``level``, columns as ``columns``.
        """
        rows, keys = [], []
        for name, levels in self.levels.items():
            for level in levels:
                row = dict.fromkeys(self.columns, 0.0)
                if level != levels[-1]:
                    row[f"{name}: {level}"] = 1.0
                elif self.effects:
                    row.update({f"{name}: {other}": -1.0 for other in levels[:-1]})
                rows.append(row)
                keys.append((name, level))
        for name, ends in self.numeric.items():
            for end in ends:
                rows.append(dict.fromkeys(self.columns, 0.0) | {name: end})
                keys.append((name, f"{end:g}"))
        index = pd.MultiIndex.from_tuples(keys, names=["attribute", "level"])
        return pd.DataFrame(rows, index=index, columns=self.columns)

    def matrix(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Design matrix of alternatives or offers.

        Parameters
        ----------
        frame
            One row an alternative, with the attribute columns (and the none flag where there is
            one; absent means no row is none). Attributes of none may be missing.

        Returns
        -------
        pandas.DataFrame
            Floats on the frame's index, columns as ``columns``.

        Raises
        ------
        ValueError
            An attribute column is absent, missing in a row, or holds a level not coded.
        """
        absent = [name for name in self.attributes if name not in frame]
        if absent:
            raise ValueError(f"no column {absent} in the table of alternatives")
        none = _flag(frame, self.none)
        design = pd.DataFrame(0.0, index=frame.index, columns=self.columns)
        rows = self.level_rows()
        for name, levels in self.levels.items():
            code = pd.Index(levels).get_indexer(frame[name].astype("str"))
            _refuse_unknown(frame, name, (code < 0) & ~none, f"expected one of {list(levels)}")
            columns = [f"{name}: {level}" for level in levels[:-1]]
            block = rows.loc[name, columns].to_numpy()
            design[columns] = np.where(none[:, None], 0.0, block[code])
        for name in self.numeric:
            values = pd.to_numeric(frame[name], errors="coerce").to_numpy(float, na_value=np.nan)
            _refuse_unknown(frame, name, ~np.isfinite(values) & ~none, "expected a number")
            design[name] = np.where(none, 0.0, values)
        if self.none:
            design[NONE] = none.astype(float)
        return design


def _flag(frame: pd.DataFrame, column: str | None) -> np.ndarray:
    if column is None or column not in frame:
        return np.zeros(len(frame), dtype=bool)
    return frame[column].astype("boolean").fillna(False).to_numpy(bool)


def _refuse_unknown(frame: pd.DataFrame, name: str, bad: np.ndarray, expected: str) -> None:
    if bad.any():
        seen = sorted(frame.loc[bad, name].astype("string").fillna("(missing)").unique())[:5]
        raise ValueError(f"{name}: {int(bad.sum())} rows hold {seen}; {expected}")


def _code(
    frame: pd.DataFrame,
    attributes: Sequence[str],
    reference: Mapping[str, str] | None,
    none: str | None,
    effects: bool,
) -> Coding:
    absent = [name for name in [*attributes, *([none] if none else [])] if name not in frame]
    if absent or not attributes:
        raise ValueError(f"no column {absent} in the table" if absent else "name an attribute")
    shown = frame[~_flag(frame, none)]
    levels: dict[str, tuple[str, ...]] = {}
    numeric: dict[str, tuple[float, float]] = {}
    for name in attributes:
        values = shown[name]
        _refuse_unknown(shown, name, values.isna().to_numpy(), "fill them in or mark them as none")
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            numeric[name] = (float(values.min()), float(values.max()))
            continue
        found = sorted(values.astype("str").unique())
        last = (reference or {}).get(name, found[0])
        if last not in found or len(found) < 2:
            raise ValueError(f"{name}: reference {last!r} and at least 2 levels of {found} needed")
        levels[name] = (*(level for level in found if level != last), last)
    return Coding(levels, numeric, effects, none)


def effects_code(
    frame: pd.DataFrame,
    attributes: Sequence[str],
    reference: Mapping[str, str] | None = None,
    none: str | None = None,
) -> Coding:
    """Effects coding: the part-worths of an attribute's levels sum to zero.

    Parameters
    ----------
    frame
        One row an alternative.
    attributes
        Columns to code; text and flags by level, numbers as they are.
    reference
        Attribute -> level left out; the first in alphabetical order when absent.
    none
        Flag column of the option of choosing none.

    Returns
    -------
    Coding
        Whose ``matrix(frame)`` is the design matrix.

    Raises
    ------
    ValueError
        An absent column, missing values, or an attribute of one level.
    """
    return _code(frame, attributes, reference, none, effects=True)


def dummy_code(
    frame: pd.DataFrame,
    attributes: Sequence[str],
    reference: Mapping[str, str] | None = None,
    none: str | None = None,
) -> Coding:
    """Dummy coding: part-worths relative to the reference level. See `effects_code`."""
    return _code(frame, attributes, reference, none, effects=False)
