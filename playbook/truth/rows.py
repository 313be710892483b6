"""What one line of the truth table is: a quantity, a function that finds it in one world, and its rule.

Glossary
--------
planted
    The value the world was made with.
naive
    What a reasonable person without the method would report from the same files.
Bayes benchmark
    The best anybody could do from the same files who knew the true parameters, but not the hidden states.
way
    How far ours is on the way from naive to the Bayes benchmark (1: there).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playbook.truth.rules import Rule

if TYPE_CHECKING:
    from playbook.truth.study import Study

__all__ = ["Found", "NotHere", "Row", "row", "rows_of"]


@dataclass(frozen=True)
class Found:
    """What one row found in one world.

    Attributes
    ----------
    planted, ours, naive, bayes
        The four figures; none where the row has no such figure.
    hits, trials
        For rows that count: intervals that cover, right calls or false alarms, and of how many.
    note
        A short remark for the table.
    """

    planted: float | None = None
    ours: float | None = None
    naive: float | None = None
    bayes: float | None = None
    hits: int | None = None
    trials: int | None = None
    note: str = ""


@dataclass(frozen=True)
class NotHere:
    """A row does not apply to this world; the reason says why."""

    reason: str


@dataclass(frozen=True)
class Row:
    """One line of the truth table.

    Attributes
    ----------
    id
        The step's number, a point and a name.
    quantity
        What is measured, in words, with its unit.
    rule
        When it passes.
    find
        Function of one world.
    misses
        Why the row is known to miss its bar; empty for rows that hold. It still counts as failed.
    """

    id: str
    quantity: str
    rule: Rule
    find: Callable[[Study], Found | NotHere]
    misses: str = ""

    @property
    def step(self) -> str:
        """Number of the step."""
        return self.id.partition(".")[0]


_ROWS: dict[str, Row] = {}


def row(
    id: str, quantity: str, rule: Rule, misses: str = ""
) -> Callable[[Callable[[Study], Found | NotHere]], Callable[[Study], Found | NotHere]]:
    """Register a function of one world as the row ``id``."""

    def register(find: Callable[[Study], Found | NotHere]) -> Callable[[Study], Found | NotHere]:
        if id in _ROWS:
            raise ValueError(f"row {id} is there twice")
        _ROWS[id] = Row(id, quantity, rule, find, misses)
        return find

    return register


def rows_of(step: str = "") -> list[Row]:
    """Return the rows of a step (of all steps by default), in order of their ids."""
    return [_ROWS[key] for key in sorted(_ROWS) if not step or _ROWS[key].step == step]
