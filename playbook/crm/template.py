"""Fills a tenant's own Excel import template by its headers; every cell is written as text."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime

import xlsxwriter
from python_calamine import CalamineError, CalamineWorkbook

from playbook.errors import DataError

__all__ = ["fill_template", "xlsx_bytes"]

REQUIRED = ("*", "＊", "（必填）", "(必填)", "(required)")
"""How a template marks a column that must be filled, before or after its name."""


def xlsx_bytes(sheets: Mapping[str, list[list[str]]]) -> bytes:
    """Return an Excel file with the given sheets of text; the same bytes for the same text."""
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    book.set_properties({"created": datetime(2000, 1, 1)})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for place, row in enumerate(rows):
            for column, text in enumerate(row):
                if text:
                    sheet.write_string(place, column, text)
    book.close()
    return stream.getvalue()


def _plain(header: str) -> str:
    """Return a template's header without its mark of a required column."""
    text = header.strip()
    for mark in REQUIRED:
        text = text.removeprefix(mark).removesuffix(mark).strip()
    return text


def _sheets(template: bytes) -> dict[str, list[list[str]]]:
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(template))
        return {
            name: [
                [str(cell) for cell in row]
                for row in book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            ]
            for name in book.sheet_names
        }
    except CalamineError as error:
        raise DataError(
            f"import template: cannot be read as an Excel file ({error}); download it again from the tenant"
        ) from None


def fill_template(template: bytes, head: list[str], rows: list[list[str]]) -> bytes:
    """Return the template with our rows under its header, other columns and sheets left as they are.

    Parameters
    ----------
    template
        The Excel file the tenant's import dialog gives out. Its header is the first row of the first
        sheet that holds our key; rows above it (hints) are kept, example rows below it are not.
    head
        Our headers, the key first.
    rows
        Text under ``head``.

    Raises
    ------
    DataError
        When the template lacks one of our headers or requires a column we do not write.
    """
    sheets = _sheets(template)
    first = next(iter(sheets))
    lines = sheets[first]
    place = next((n for n, line in enumerate(lines) if head[0] in map(_plain, line)), None)
    if place is None:
        raise DataError(
            f"import template: no row of sheet {first!r} holds the key {head[0]!r}; add the field to the template or set key in the engagement's crm file"
        )
    names = [_plain(header) for header in lines[place]]
    missing = [name for name in head if name not in names]
    if missing:
        raise DataError(
            f"import template: no column {missing[0]!r} ({len(missing)} missing); create the field in the tenant and download the template again, "
            "or give its name there under headers in the engagement's crm file"
        )
    needed = [
        name for name, raw in zip(names, lines[place], strict=True) if name != raw.strip() and name not in head
    ]  # fmt: skip
    if needed:
        raise DataError(
            f"import template: column {needed[0]!r} is required there and we do not write it; "
            "download the template of an update, in which only the key is required"
        )
    twice = [name for name in head if names.count(name) > 1]
    if twice:
        raise DataError(f"import template: column {twice[0]!r} stands twice; keep one")
    places = [names.index(name) for name in head]
    filled = [[""] * len(names) for _ in rows]
    for line, row in zip(filled, rows, strict=True):
        for column, text in zip(places, row, strict=True):
            line[column] = text
    sheets[first] = [*lines[: place + 1], *filled]
    return xlsx_bytes(sheets)
