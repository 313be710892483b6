"""Broken and odd files as clients send them, each with what must be said about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["HEADERS", "ORDERS", "ROWS", "Case", "changed"]

HEADERS = ["order_id", "customer_id", "ordered_at", "revenue"]
ORDERS = "order_id,customer_id,ordered_at,revenue\n1,001,2025-01-05,10.10\n2,002,2025-01-06,20.20\n3,003,2025-01-07,30.30\n"
ROWS = [
    (2, "1", "001", "2025-01-05", "10.10"),
    (3, "2", "002", "2025-01-06", "20.20"),
    (4, "3", "003", "2025-01-07", "30.30"),
]


@dataclass(frozen=True)
class Case:
    """One file and what opening it must give.

    Attributes
    ----------
    refused
        What the refusal says; nothing else is then expected.
    undecided
        The line to add and the candidates.
    rows
        Every row as row number and cells, in order.
    rejected
        Row number to words of the reason.
    findings
        Each finding: level, row, count, words of its message; no other may be made.
    """

    name: str
    file: str
    content: bytes | Callable[[], bytes]
    refused: str = ""
    undecided: tuple[str, tuple[str, ...]] | None = None
    headers: list[str] = field(default_factory=lambda: list(HEADERS))
    rows: list[tuple] = field(default_factory=lambda: list(ROWS))
    rejected: dict[int, str] = field(default_factory=dict)
    findings: list[tuple[str, int | None, int, str]] = field(default_factory=list)
    source: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    reading: dict[str, Any] = field(default_factory=dict)

    def bytes(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content()


def changed(rows: list[tuple], by: int) -> list[tuple]:
    """Return the rows with their numbers moved down."""
    return [(number + by, *cells) for number, *cells in rows]
