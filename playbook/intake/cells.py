"""Writes the cells of a workbook as text; run as a process of its own, so that a hostile file can only end that.

A damaged or forged workbook can make its reader loop or ask for any amount of memory. This script knows
only the standard library and the reader, and sets itself limits before it opens anything.
"""

from __future__ import annotations

import contextlib
import csv
import json
import resource
import sys
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import python_calamine

__all__ = ["text_of", "write_cells"]

DIGITS_KEPT = 2**53
"""Above it a number of Excel has lost digits: such ids must be text cells."""


def text_of(value: Any) -> str:
    """Return a cell as text, empty when it holds nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    return "" if value is None else str(value)


def write_cells(book: python_calamine.CalamineWorkbook, folder: Path, wanted: str) -> None:
    """Write ``sheets.json`` and, for each sheet that is shown or wanted, its rows as ``<number>.csv``.

    The entry of a sheet: name, hidden, rows file (empty when it is not written), and per column with
    numbers that lost digits its first row and their count.
    """
    sheets = []
    for number, sheet in enumerate(book.sheets_metadata):
        if sheet.typ != python_calamine.SheetTypeEnum.WorkSheet:
            continue
        hidden = sheet.visible != python_calamine.SheetVisibleEnum.Visible
        entry = {"name": sheet.name, "hidden": hidden, "file": "", "cut": {}}
        if sheet.name == wanted or not (hidden or wanted):
            entry["file"] = f"{number}.csv"
            entry["cut"] = _write_rows(book.get_sheet_by_name(sheet.name), folder / f"{number}.csv")
        sheets.append(entry)
    (folder / "sheets.json").write_text(json.dumps(sheets), encoding="utf-8")


def _write_rows(sheet: python_calamine.CalamineSheet, path: Path) -> dict[int, list[int]]:
    before = [""] * (sheet.start[1] if sheet.start else 0)
    cut: dict[int, list[int]] = {}
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        rows = csv.writer(file)
        for number, cells in enumerate(sheet.iter_rows(), 1):
            rows.writerow([*before, *map(text_of, cells)])
            for place, value in enumerate(cells, len(before)):
                if isinstance(value, (int, float)) and abs(value) >= DIGITS_KEPT:
                    found = cut.setdefault(place, [number, 0])
                    found[1] += 1
    return cut


def _main(path: str, folder: str, wanted: str, memory: str, seconds: str) -> int:
    for limit, value in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_CORE, "0")):  # fmt: skip
        with contextlib.suppress(
            ValueError, OSError
        ):  # a system may know no such limit, or a lower one
            resource.setrlimit(limit, (int(value), int(value)))
    try:
        write_cells(python_calamine.CalamineWorkbook.from_path(path), Path(folder), wanted)
    except python_calamine.PasswordError:
        return 3
    except (python_calamine.CalamineError, OSError, ValueError, MemoryError):
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
