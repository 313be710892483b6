"""The errors of an .xlsx sheet (``#N/A``, ``#REF!``), which the reader of cells leaves empty."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

__all__ = ["cell_errors", "column_number"]

CHUNK = 1 << 20
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
ERROR_CELL = re.compile(
    rb'<c\s([^<>]*\bt="e"[^<>]*)>(?:<f[^<>]*/>|<f[^<>]*>[^<]*</f>)?<v>([^<]*)</v>'
)
PLACE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')


def column_number(letters: bytes) -> int:
    """Return the number of a column, A being 1."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def cell_errors(path: Path, sheet: str) -> dict[int, dict[int, str]]:
    """Return row to column to error of one sheet of an .xlsx file, both counted from 1."""
    found: dict[int, dict[int, str]] = {}
    with zipfile.ZipFile(path) as archive:
        part = _part_of(archive, sheet)
        if not part:
            return found
        with archive.open(part) as content:
            rest = b""
            while block := content.read(CHUNK):
                window = rest + block
                cut = max(window.rfind(b"<c "), 0) if len(block) == CHUNK else len(window)
                window, rest = window[:cut], window[cut:]
                for attributes, error in ERROR_CELL.findall(window) if b't="e"' in window else ():
                    place = PLACE.search(attributes)
                    if place:
                        row = found.setdefault(int(place.group(2)), {})
                        row[column_number(place.group(1))] = error.decode("utf-8", "replace")
    return found


def _part_of(archive: zipfile.ZipFile, sheet: str) -> str:
    """Return the part that holds a sheet, empty when the workbook does not say."""
    try:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    except (KeyError, ElementTree.ParseError):
        return ""
    targets = {one.get("Id"): one.get("Target", "") for one in relations}
    for one in book.iter(f"{MAIN}sheet"):
        if one.get("name") == sheet:
            target = targets.get(one.get(LINK), "")
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            return part if part in archive.namelist() else ""
    return ""
