"""How far the cells of a workbook reach, before a reader sets memory aside for them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from typing import IO
from xml.etree import ElementTree

from playbook.intake.cell_errors import column_number
from playbook.intake.delivered import Opening

__all__ = ["check_extent"]

CHUNK = 1 << 20
CELL = re.compile(rb'<(?:\w+:)?c\s[^<>]*?r="([A-Z]{1,3})([0-9]{1,7})"')
ROW = re.compile(rb'<(?:\w+:)?row\s[^<>]*?r="([0-9]{1,7})"')
PARTS = {
    "xlsx": re.compile(r"xl/.*\.xml"),
    "xlsb": re.compile(r"xl/worksheets/.*\.bin"),
    "ods": re.compile(r"content\.xml"),
}
"""Where the cells may stand; the relations of an .xlsx can name any part a sheet."""
MOST_COLUMNS = 16_384
REPEATED = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}number-%s-repeated"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}value-type"


def check_extent(opening: Opening, archive: zipfile.ZipFile, kind: str) -> None:
    """Refuse a workbook whose cells span more than ``workbook_cells``: one cell far out is enough."""
    measure = {"xlsx": _xlsx, "xlsb": _xlsb, "ods": _ods}[kind]
    for name in archive.namelist():
        if PARTS[kind].fullmatch(name):
            with archive.open(name) as part:
                rows, columns = measure(part)
            opening.cells = max(opening.cells, rows * columns)
            if rows * columns > opening.limits.workbook_cells:
                raise opening.refused(
                    f"a sheet reaches over {rows:,} rows and {columns:,} columns, more than the "
                    f"{opening.limits.workbook_cells:,} cells allowed",
                    "delete what stands far out of the table, send CSV, or raise workbook_cells under limits in engagement.yml",
                )


def _xlsx(part: IO[bytes]) -> tuple[int, int]:
    rows = widest = without_place = 0
    tail = b""
    while block := part.read(CHUNK):
        window = tail + block
        cut = window.rfind(b"<c") if len(block) == CHUNK else len(window)
        window, tail = (window[:cut], window[cut:]) if cut > 0 else (window, b"")
        cells = CELL.findall(window)
        rows = max([rows, *(int(row) for _, row in cells), *map(int, ROW.findall(window))])
        widest = max([widest, *map(column_number, {letters for letters, _ in cells})])
        without_place += window.count(b"<c ") + window.count(b"<c>") - len(cells)
    return rows, max(widest, min(without_place, MOST_COLUMNS))


def _xlsb(part: IO[bytes]) -> tuple[int, int]:
    """Walk the records: type 0 begins a row, types 1 to 11 are cells."""
    rows = columns = 0
    for kind, body in _records(part):
        if kind == 0 and len(body) >= 4:
            rows = max(rows, int.from_bytes(body[:4], "little") + 1)
        elif 1 <= kind <= 11 and len(body) >= 4:
            columns = max(columns, int.from_bytes(body[:4], "little") + 1)
    return rows, columns


def _records(part: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    while first := part.read(1):
        kind = first[0]
        if kind & 0x80:
            second = part.read(1)
            kind = (kind & 0x7F) | ((second[0] & 0x7F) << 7 if second else 0)
        size = 0
        for place in range(4):
            piece = part.read(1)
            if not piece:
                return
            size |= (piece[0] & 0x7F) << (7 * place)
            if not piece[0] & 0x80:
                break
        yield kind, part.read(size)


def _ods(part: IO[bytes]) -> tuple[int, int]:
    """Count rows and columns up to the last cell that holds something, repeats included."""
    rows = last_row = columns = column = last_column = 0
    try:
        for event, element in ElementTree.iterparse(part, events=("start", "end")):
            name = element.tag.rpartition("}")[2]
            if name == "table-row" and event == "start":
                column = last_column = 0
            elif name in ("table-cell", "covered-table-cell") and event == "end":
                column += int(element.get(REPEATED % "columns", "1"))
                last_column = column if element.get(OFFICE) else last_column
                element.clear()
            elif name == "table-row" and event == "end":
                rows += int(element.get(REPEATED % "rows", "1"))
                if last_column:
                    last_row, columns = rows, max(columns, last_column)
                element.clear()
            elif name == "table" and event == "end":
                rows = 0
    except (ElementTree.ParseError, ValueError):
        return 0, 0  # the reader will say what is wrong with it
    return last_row, columns
