"""How one column of a file is read."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Reading"]


@dataclass(frozen=True)
class Reading:
    """How a column is read.

    Attributes
    ----------
    read_as, decided_by
        In words, for the delivery report.
    mark
        Decimal mark of numbers.
    easy
        Whether the values need no clearing: a plain number, or an ISO date.
    percent
        Whether shares stand as 0 to 100.
    orders
        Separator and digits of the year (``"/4"``) to the order of day, month and year.
    clock
        Whether any value has a time of day.
    formats
        Declared formats of dates.
    ask, candidates
        The line that would settle an undecided reading, and what is possible.
    """

    read_as: str = "text"
    decided_by: str = ""
    mark: str = "."
    easy: str = ""
    percent: bool = False
    orders: tuple[tuple[str, str], ...] = ()
    clock: bool = False
    formats: tuple[str, ...] = ()
    ask: str = ""
    candidates: tuple[str, ...] = ()
