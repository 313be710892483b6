"""What an opened file is, and the notes taken while it was opened."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from playbook.engagement.delivery import Limits, Source
from playbook.intake.problems import FileRefused, Undecided
from playbook.warehouse import quoted

__all__ = [
    "HEADER_AGAIN",
    "NO_ROWS",
    "TOTALS_ROW",
    "Delivered",
    "FileFinding",
    "FileReading",
    "Opening",
    "forget",
    "literal",
]

TOTALS_ROW = "a totals row, which sums up the rows above and is none itself"
HEADER_AGAIN = "the header line again, which is no row"
NO_ROWS = (TOTALS_ROW, HEADER_AGAIN)
"""Reasons for which a line is set aside without anything being wrong."""
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class FileFinding:
    """Something seen while a file was opened: level (problem or note), first row and count."""

    level: str
    message: str
    mend: str
    row: int | None = None
    count: int = 1


@dataclass(frozen=True)
class FileReading:
    """How a file was opened; what does not apply to its kind is empty or none."""

    file: str
    kind: str
    bytes: int
    encoding: str = ""
    delimiter: str = ""
    header_row: int | None = None
    sheet: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Delivered:
    """One opened file.

    Attributes
    ----------
    relation
        Name of a DuckDB view of text columns, with the row number a person counts in ``_row``.
    headers
        Its columns besides ``_row``.
    rejected
        Lines that are no rows of the table: row, reason, level (problem or note).
    reading
        How the file was opened.
    findings
        What was seen on the way.
    typed
        Headers whose type makes the decimal mark a point, whatever other columns hold.
    """

    path: Path
    relation: str
    headers: list[str]
    rejected: pd.DataFrame
    reading: FileReading
    findings: tuple[FileFinding, ...] = ()
    typed: frozenset[str] = frozenset()


def literal(value: object) -> str:
    """Return a value as an SQL string."""
    return "'" + str(value).replace("'", "''") + "'"


def forget(connection: duckdb.DuckDBPyConnection, delivered: Delivered) -> None:
    """Drop an opened file's relation and the table behind it."""
    connection.execute(f"drop view {delivered.relation}")
    connection.execute(f"drop view if exists {delivered.relation}_parts")
    connection.execute(f"drop table {delivered.relation}_text")


@dataclass
class Opening:
    """A file being opened: what was asked for, and what was seen so far.

    Attributes
    ----------
    path
        The file of the inbox; messages name it, whatever copy is read.
    scratch
        Folder for unpacked and decoded copies.
    rejected
        Row number to reason and level.
    row_number
        SQL of a row's number in the table of text.
    cells
        How many cells a sheet may span: as measured, or as an old workbook can at most.
    """

    connection: duckdb.DuckDBPyConnection
    path: Path
    source: Source
    limits: Limits
    scratch: Path
    kind: str = ""
    encoding: str = ""
    delimiter: str = ""
    header_row: int | None = None
    sheet: str = ""
    headers: list[str] = field(default_factory=list)
    findings: list[FileFinding] = field(default_factory=list)
    rejected: dict[int, tuple[str, str]] = field(default_factory=dict)
    relation: str = field(default_factory=lambda: f"delivered_{next(_NUMBERS)}")
    row_number: str = "_row"
    cells: int = 1 << 24

    def note(
        self, message: str, mend: str, level: str = "note", row: int | None = None, count: int = 1
    ) -> None:
        """Add a finding."""
        self.findings.append(FileFinding(level, message, mend, row, count))

    def reject(self, row: int, reason: str, level: str = "problem") -> None:
        """Set a line aside with the reason."""
        self.rejected.setdefault(row, (reason, level))

    def refused(self, what: str, mend: str) -> FileRefused:
        """Return the error that refuses the whole file."""
        return FileRefused(f"{self.path.name}: {what}", mend)

    def undecided(self, what: str, ask: str, candidates: tuple[str, ...]) -> Undecided:
        """Return the error that asks for one line of the engagement file."""
        return Undecided(f"{self.path.name}: {what}", ask, candidates)

    @property
    def table(self) -> str:
        """Name of the DuckDB table of text that the relation shows."""
        return f"{self.relation}_text"

    def start_table(self, headers: list[str]) -> None:
        """Make the empty table of text that `add_rows` fills."""
        self.connection.execute(f"drop table if exists {self.table}")
        columns = "".join(f"{quoted(header)} varchar, " for header in headers)
        self.connection.execute(f"create temp table {self.table} ({columns}_row bigint)")
        self.headers = list(headers)
        self.row_number = "_row"

    def add_rows(self, rows: list[list[str | None]], numbers: list[int]) -> None:
        """Append rows, as wide as the table, with their row numbers."""
        columns = zip(*rows, strict=True) if rows else [()] * len(self.headers)
        arrays = [pa.array(values, pa.string()) for values in columns]
        batch = pa.table([*arrays, pa.array(numbers, pa.int64())], [*self.headers, "_row"])
        self.connection.register("batch_of_rows", batch)
        self.connection.execute(f"insert into {self.table} by name select * from batch_of_rows")
        self.connection.unregister("batch_of_rows")

    def add_column(self, header: str) -> None:
        """Add a column that only later rows hold."""
        self.connection.execute(f"alter table {self.table} add column {quoted(header)} varchar")
        self.headers.append(header)
