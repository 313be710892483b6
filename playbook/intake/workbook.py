"""Loads a sheet of a workbook: which one, where its header is, and each cell as text without loss."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import python_calamine

from playbook.intake.delivered import Opening
from playbook.intake.dialect import find_header
from playbook.intake.tidy import known_headers, name_columns

__all__ = ["load_workbook"]

BATCH = 20_000
SAMPLE = 200
DIGITS_KEPT = 2**53
"""Above it a number of Excel has lost digits: such ids must be text cells."""


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
    try:
        with python_calamine.CalamineWorkbook.from_path(named) as book:
            sheet = _sheet(opening, book)
            opening.sheet = sheet.name
            _load(opening, sheet)
    except python_calamine.PasswordError:
        raise opening.refused(
            "is protected by a password, so that nothing can be read",
            "ask for a copy without password",
        ) from None
    except (python_calamine.CalamineError, OSError, ValueError):
        raise opening.refused(
            "cannot be read: the workbook is cut off or damaged",
            "open it, save it as .xlsx and send it again",
        ) from None


def _sheet(opening: Opening, book: python_calamine.CalamineWorkbook) -> python_calamine.CalamineSheet:  # fmt: skip
    """Return the declared sheet, or the only one that holds a table."""
    listed = [s for s in book.sheets_metadata if s.typ == python_calamine.SheetTypeEnum.WorkSheet]
    shown = python_calamine.SheetVisibleEnum.Visible
    wanted = opening.source.sheet
    names = [sheet.name for sheet in listed]
    if wanted and wanted not in names:
        raise opening.refused(
            f"no sheet {wanted!r}; it has {', '.join(names)}",
            "correct sheet in its entry in engagement.yml",
        )
    for sheet in listed:
        if sheet.visible != shown:
            done = "read, as declared" if sheet.name == wanted else "not read"
            opening.note(
                f"sheet {sheet.name!r} is hidden; it was {done}",
                "ask whether it belongs to the delivery",
            )
    if wanted:
        return book.get_sheet_by_name(wanted)
    visible = [book.get_sheet_by_name(sheet.name) for sheet in listed if sheet.visible == shown]
    tables = [sheet for sheet in visible if _holds_table(opening, sheet)]
    if len(tables) > 1:
        known = [sheet for sheet in tables if _has_declared_headers(opening, sheet)]
        tables = known if len(known) == 1 else tables
    if len(tables) > 1:
        titles = tuple(sheet.name for sheet in tables)
        raise opening.undecided(
            f"{len(tables)} sheets hold a table: {', '.join(titles)}",
            f'sheet: "{titles[0]}"',
            titles,
        )
    if not tables:
        raise opening.refused(
            "no sheet holds a table; expected a row of column names above the values",
            "name its row as header_row in engagement.yml, or send the right workbook",
        )
    return tables[0]


def _top(sheet: python_calamine.CalamineSheet) -> list[list[str]]:
    """Return the first rows of a sheet as text."""
    rows = sheet.to_python(skip_empty_area=False, nrows=SAMPLE)
    return [[_text(value) or "" for value in row] for row in rows]


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


def _holds_table(opening: Opening, sheet: python_calamine.CalamineSheet) -> bool:
    rows = _top(sheet)
    place = _place_of_header(opening, rows)
    return place is not None and any(any(row) for row in rows[place + 1 :])


def _has_declared_headers(opening: Opening, sheet: python_calamine.CalamineSheet) -> bool:
    """Return whether the header row holds every header that the entry names, at least one."""
    declared = {header.casefold() for header in opening.source.columns.values()}
    rows = _top(sheet)
    place = _place_of_header(opening, rows)
    cells = {cell.strip().casefold() for cell in rows[place]} if place is not None else set()
    return bool(declared) and declared <= cells


def _load(opening: Opening, sheet: python_calamine.CalamineSheet) -> None:
    top = _top(sheet)
    place = _place_of_header(opening, top)
    if place is None:
        raise opening.refused(
            f"sheet {opening.sheet!r} holds no header row; expected column names above the values",
            "name its row as header_row in engagement.yml, or send it with headers",
        )
    opening.header_row = place + 1
    filled = max((number for number, cell in enumerate(top[place], 1) if cell), default=0)
    width = max(filled, _width(top[place:]))
    opening.start_table(name_columns(opening, top[place][:width]))
    _add(opening, sheet, place)


def _add(opening: Opening, sheet: python_calamine.CalamineSheet, header: int) -> None:
    rows: list[list[str | None]] = []
    numbers: list[int] = []
    cut: dict[int, list[int]] = {}
    width = len(opening.headers)
    for number, row in enumerate(sheet.iter_rows(), 1):
        if number <= header + 1:
            continue
        texts = [_text(value) for value in row]
        for place, value in enumerate(row):
            if isinstance(value, (int, float)) and abs(value) >= DIGITS_KEPT:
                cut.setdefault(place, []).append(number)
        rows.append((texts + [None] * width)[:width])
        numbers.append(number)
        if len(rows) == BATCH:
            opening.add_rows(rows, numbers)
            rows, numbers = [], []
    opening.add_rows(rows, numbers)
    for place, places in sorted(cut.items()):
        opening.note(
            f"column {opening.headers[place]!r} holds numbers of more than 15 digits, whose last digits Excel has lost",
            "export the column as text (format the cells as text before filling them), or send CSV",
            "problem",
            places[0],
            len(places),
        )


def _text(value: Any) -> str | None:
    """Return a cell as text; none when it is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    return None if value in ("", None) else str(value)
