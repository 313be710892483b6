"""What a column and a table are, and short ways to write them down."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["SQL_TYPE", "Column", "Table"]

SQL_TYPE = {
    "id": "VARCHAR",
    "text": "VARCHAR",
    "choice": "VARCHAR",
    "money": "DECIMAL(18,2)",
    "price": "DECIMAL(18,4)",
    "number": "DOUBLE",
    "share": "DOUBLE",
    "whole": "BIGINT",
    "flag": "BOOLEAN",
    "time": "TIMESTAMP",
    "day": "DATE",
}
"""SQL type of each column kind. Money is exact, unit prices keep four decimals; ids are text; times are UTC."""


@dataclass(frozen=True)
class Column:
    """One column: its kind (a key of ``SQL_TYPE``), meaning, unit and what is allowed in it."""

    kind: str
    meaning: str
    unit: str = ""
    required: bool = False
    allowed: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Table:
    """One standard table.

    Attributes
    ----------
    row
        What one row is.
    columns
        Column name to `Column`.
    key
        Columns that identify a row.
    known_at
        Column that tells when the row became known; empty where rows have no time.
    later
        Time column to the columns it filled in (itself included).
    attributes
        Whether further columns (attributes of an offer) are kept, as text.
    links
        Column to the table whose key it must be found in.
    """

    row: str
    columns: dict[str, Column]
    key: tuple[str, ...] = ()
    known_at: str = ""
    later: dict[str, tuple[str, ...]] = field(default_factory=dict)
    attributes: bool = False
    links: dict[str, str] = field(default_factory=dict)
    required: bool = False


def identifier(meaning: str, required: bool = False) -> Column:
    """Return a column of identifiers (text)."""
    return Column("id", meaning, required=required)


def text(meaning: str, required: bool = False) -> Column:
    """Return a text column."""
    return Column("text", meaning, required=required)


def one_of(meaning: str, allowed: str, required: bool = False) -> Column:
    """Return a column whose values are among the words of ``allowed``."""
    return Column("choice", meaning, required=required, allowed=tuple(allowed.split()))


def money(meaning: str, required: bool = False, low: float | None = None) -> Column:
    """Return a column of money in the engagement's currency."""
    return Column("money", meaning, "currency", required, low=low)


def number(
    meaning: str,
    unit: str = "",
    required: bool = False,
    low: float | None = None,
    high: float | None = None,
) -> Column:
    """Return a column of numbers."""
    return Column("number", meaning, unit, required, low=low, high=high)


def whole(
    meaning: str, unit: str = "count", required: bool = False, low: float | None = None
) -> Column:
    """Return a column of whole numbers."""
    return Column("whole", meaning, unit, required, low=low)


def share(meaning: str) -> Column:
    """Return a column of shares, 0 to 1."""
    return Column("share", meaning, "0 to 1", low=0, high=1)


def flag(meaning: str, required: bool = False) -> Column:
    """Return a column of true and false."""
    return Column("flag", meaning, "true/false", required)


def time(meaning: str, required: bool = False) -> Column:
    """Return a column of times (UTC)."""
    return Column("time", meaning, "UTC", required)


def day(meaning: str) -> Column:
    """Return a column of dates."""
    return Column("day", meaning, "date")
