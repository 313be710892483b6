"""Loads a sheet of a workbook: which one, where its header is, and each cell as text without loss."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from playbook.intake import cells
from playbook.intake.cell_errors import cell_errors
from playbook.intake.delivered import Opening
from playbook.intake.dialect import LONGEST_FIELD, find_header
from playbook.intake.tidy import known_headers, name_columns

__all__ = ["load_workbook"]

BATCH = 20_000
SAMPLE = 200
SECONDS = 1200
BYTES_A_CELL = 64
BYTES_AT_LEAST = 1_000_000_000
PASSWORD = 3


@dataclass(frozen=True)
class _Sheet:
    """One sheet, its rows written as text; ``cut`` is column to first row and count of cut numbers."""

    name: str
    hidden: bool
    path: Path
    cut: dict[int, tuple[int, int]]

    def rows(self) -> Iterator[list[str]]:
        csv.field_size_limit(LONGEST_FIELD)
        with self.path.open(encoding="utf-8", newline="") as file:
            yield from csv.reader(file)

    def top(self) -> list[list[str]]:
        return list(islice(self.rows(), SAMPLE))


def load_workbook(opening: Opening, path: Path, kind: str) -> None:
    """Load one sheet into the opening's table of text.

    Raises
    ------
    FileRefused
        When it cannot be opened or holds no table.
    Undecided
        When several sheets could be meant.
    """
    named = opening.scratch / f"book.{kind}"
    named.symlink_to(path.resolve())
    sheet = _choose(opening, _read(opening, named))
    opening.sheet = sheet.name
    errors = cell_errors(path, sheet.name) if kind == "xlsx" else {}
    if kind in ("xls", "xlsb"):
        opening.note(
            "in this kind of workbook an error such as #N/A cannot be told from an empty cell",
            "if formulas matter, save it as .xlsx and send that",
        )
    _load(opening, sheet, errors)


def _read(opening: Opening, path: Path) -> list[_Sheet]:
    """Write the sheets as text in a process of its own, which a hostile file may end."""
    memory = BYTES_AT_LEAST + BYTES_A_CELL * opening.cells
    command = [sys.executable, "-I", cells.__file__, str(path), str(opening.scratch), opening.source.sheet, str(memory), str(SECONDS)]  # fmt: skip
    try:
        code = subprocess.run(command, capture_output=True, check=False, timeout=2 * SECONDS).returncode  # fmt: skip
    except subprocess.TimeoutExpired:
        code = -1
    if code == PASSWORD:
        raise opening.refused(
            "is protected by a password, so that nothing can be read",
            "ask for a copy without password",
        )
    if code:
        raise opening.refused(
            "cannot be read: the workbook is cut off or damaged",
            "open it, save it as .xlsx and send it again",
        )
    found = json.loads((opening.scratch / "sheets.json").read_text(encoding="utf-8"))
    return [
        _Sheet(
            one["name"],
            one["hidden"],
            opening.scratch / one["file"],
            {int(column): (first, count) for column, (first, count) in one["cut"].items()},
        )
        for one in found
    ]


def _choose(opening: Opening, sheets: list[_Sheet]) -> _Sheet:
    """Return the declared sheet, or the only one that holds a table."""
    wanted = opening.source.sheet
    named = [sheet for sheet in sheets if sheet.name == wanted]
    if wanted and not named:
        raise opening.refused(
            f"no sheet {wanted!r}; it has {', '.join(sheet.name for sheet in sheets)}",
            "correct sheet in its entry in engagement.yml",
        )
    for sheet in sheets:
        if sheet.hidden:
            done = "read, as declared" if sheet.name == wanted else "not read"
            opening.note(
                f"sheet {sheet.name!r} is hidden; it was {done}",
                "ask whether it belongs to the delivery",
            )
    tables = named or [s for s in sheets if not s.hidden and _holds_table(opening, s)]
    if len(tables) > 1:
        known = [sheet for sheet in tables if _has_declared_headers(opening, sheet)]
        tables = known if len(known) == 1 else tables
    if len(tables) > 1:
        titles = tuple(sheet.name for sheet in tables)
        raise opening.undecided(
            f"{len(tables)} sheets hold a table: {', '.join(titles)}",
            f"sheet: {json.dumps(titles[0], ensure_ascii=False)}",
            titles,
        )
    if not tables:
        raise opening.refused(
            "no sheet holds a table; expected a row of column names above the values",
            "name its row as header_row in engagement.yml, or send the right workbook",
        )
    return tables[0]


def _width(rows: list[list[str]]) -> int:
    """Return the number of columns up to the last one that is filled in at least two rows."""
    filled = [number for row in rows for number, cell in enumerate(row, 1) if cell.strip()]
    often = [number for number in set(filled) if filled.count(number) > 1]
    return max(often or filled, default=0)


def _place_of_header(opening: Opening, rows: list[list[str]]) -> int | None:
    if opening.source.header_row:
        place = opening.source.header_row - 1
        return place if place < len(rows) and any(rows[place]) else None
    first = min((n for row in rows for n, cell in enumerate(row) if cell.strip()), default=0)
    width = _width(rows)
    return find_header([row[first:width] for row in rows], width - first, known_headers(opening))


def _holds_table(opening: Opening, sheet: _Sheet) -> bool:
    rows = sheet.top()
    place = _place_of_header(opening, rows)
    return place is not None and any(any(row) for row in rows[place + 1 :])


def _has_declared_headers(opening: Opening, sheet: _Sheet) -> bool:
    """Return whether the header row holds every header that the entry names, at least one."""
    declared = {header.casefold() for header in opening.source.columns.values()}
    rows = sheet.top()
    place = _place_of_header(opening, rows)
    found = {cell.strip().casefold() for cell in rows[place]} if place is not None else set()
    return bool(declared) and declared <= found


def _load(opening: Opening, sheet: _Sheet, errors: dict[int, dict[int, str]]) -> None:
    top = sheet.top()
    place = _place_of_header(opening, top)
    if place is None:
        raise opening.refused(
            f"sheet {sheet.name!r} holds no header row; expected column names above the values",
            "name its row as header_row in engagement.yml, or send it with headers",
        )
    opening.header_row = place + 1
    filled = max((number for number, cell in enumerate(top[place], 1) if cell), default=0)
    width = max(filled, _width(top[place:]))
    opening.start_table(name_columns(opening, top[place][:width]))
    _add(opening, sheet, place, errors)


def _add(opening: Opening, sheet: _Sheet, header: int, errors: dict[int, dict[int, str]]) -> None:
    """Append the rows below the header, with the number each has in the sheet."""
    rows: list[list[str | None]] = []
    numbers: list[int] = []
    width = len(opening.headers)
    for number, row in enumerate(islice(sheet.rows(), header + 1, None), header + 2):
        texts: list[str | None] = [cell or None for cell in row[:width]]
        texts += [None] * (width - len(texts))
        for column, error in errors.get(number, {}).items():
            if column <= width:
                texts[column - 1] = error
        rows.append(texts)
        numbers.append(number)
        if len(rows) == BATCH:
            opening.add_rows(rows, numbers)
            rows, numbers = [], []
    opening.add_rows(rows, numbers)
    _note_cells(opening, sheet, {row: e for row, e in errors.items() if row > header + 1})


def _note_cells(opening: Opening, sheet: _Sheet, errors: dict[int, dict[int, str]]) -> None:
    for place, (first, count) in sorted(sheet.cut.items()):
        if place < len(opening.headers):
            opening.note(
                f"column {opening.headers[place]!r} holds numbers of more than 15 digits, whose last digits Excel has lost",
                "export the column as text (format the cells as text before filling them), or send CSV",
                "problem",
                first,
                count,
            )
    if errors:
        first = min(errors)
        count = sum(map(len, errors.values()))
        opening.note(
            f"{count:,} cells hold an error of Excel such as {next(iter(errors[first].values()))}; they are kept as that text",
            "mend the formulas, or name the error under nulls in engagement.yml",
            "note",
            first,
            count,
        )
