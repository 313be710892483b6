"""Writes the files that no library writes any more, or none should: byte by byte."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from typing import Any

import xlsxwriter

TYPES = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def zipped(parts: dict[str, bytes | str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def book(sheets: dict[str, list[list[Any]]], *, hidden: tuple[str, ...] = (), **options: Any) -> bytes:  # fmt: skip
    """Return an .xlsx of sheets given row by row; strings stay strings."""
    target = io.BytesIO()
    workbook = xlsxwriter.Workbook(target, {"in_memory": True, **options})
    day = workbook.add_format({"num_format": "yyyy-mm-dd"})
    for name, rows in sheets.items():
        sheet = workbook.add_worksheet(name)
        for row, cells in enumerate(rows):
            for column, value in enumerate(cells):
                if hasattr(value, "year"):
                    sheet.write_datetime(row, column, value, day)
                elif isinstance(value, str) and value.startswith("="):
                    sheet.write_formula(row, column, value, None, "#N/A" if "NA" in value else 0)
                elif isinstance(value, str):
                    sheet.write_string(row, column, value)
                elif value is not None:
                    sheet.write(row, column, value)
        if name in hidden:
            sheet.hide()
    workbook.close()
    return target.getvalue()


def with_parts(content: bytes, parts: dict[str, bytes | str]) -> bytes:
    """Return a zip file with parts added or replaced."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        old = {name: archive.read(name) for name in archive.namelist()}
    return zipped({**old, **parts})


def bare_book(sheet: str, before: str = "") -> bytes:
    """Return an .xlsx with one sheet given as XML; ``before`` stands in front of its root."""
    return zipped(
        {
            "[Content_Types].xml": TYPES,
            "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
            "xl/worksheets/sheet1.xml": f'<?xml version="1.0"?>{before}<worksheet xmlns="{MAIN}"><sheetData>{sheet}</sheetData></worksheet>',
        }
    )


def open_document(rows: str) -> bytes:
    """Return an .ods whose only table holds rows given as XML."""
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    content = f'<office:document-content {spaces}><office:body><office:spreadsheet><table:table table:name="T">{rows}</table:table></office:spreadsheet></office:body></office:document-content>'
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    )
    return zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content, "META-INF/manifest.xml": manifest})  # fmt: skip


def open_document_rows(rows: list[list[str]]) -> str:
    cells = [
        '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'.format
    ]
    return "".join("<table:table-row>" + "".join(cells[0](value) for value in row) + "</table:table-row>" for row in rows)  # fmt: skip


def compound(streams: dict[str, bytes]) -> bytes:
    """Return a compound file (OLE) of streams, each padded to at least 4,096 bytes."""
    sectors: list[bytes] = []
    table: list[int] = []
    starts = {}
    for name, content in streams.items():
        content = content.ljust(4096, b"\0")
        starts[name] = (len(sectors), len(content))
        pieces = [content[i : i + 512].ljust(512, b"\0") for i in range(0, len(content), 512)]
        table += [len(sectors) + i + 1 for i in range(len(pieces) - 1)] + [0xFFFFFFFE]
        sectors += pieces
    entries = [_entry("Root Entry", 5, 0xFFFFFFFE, 0, 1)]
    for number, (name, (start, size)) in enumerate(starts.items(), 1):
        entries.append(_entry(name, 2, start, size, 0xFFFFFFFF, number + 1 if number < len(starts) else 0xFFFFFFFF))  # fmt: skip
    directory = b"".join(entries).ljust(-(-len(entries) // 4) * 512, b"\0")
    first = len(sectors)
    count = len(directory) // 512
    table += [first + i + 1 for i in range(count - 1)] + [0xFFFFFFFE]
    sectors += [directory[i : i + 512] for i in range(0, len(directory), 512)]
    allocation = len(sectors)
    table.append(0xFFFFFFFD)
    sectors.append(struct.pack("<128I", *(table + [0xFFFFFFFF] * (128 - len(table)))))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)  # fmt: skip
    head += struct.pack("<IIIIIIIII", 0, 1, first, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    head += struct.pack("<109I", allocation, *([0xFFFFFFFF] * 108))
    return head + b"".join(sectors)


def _entry(name: str, kind: int, start: int, size: int, child: int, right: int = 0xFFFFFFFF) -> bytes:  # fmt: skip
    text = name.encode("utf-16-le") + b"\0\0"
    return (
        text.ljust(64, b"\0")
        + struct.pack("<HBBIII", len(text), kind, 1, 0xFFFFFFFF, right, child if kind == 5 else 0xFFFFFFFF)
        + bytes(36)
        + struct.pack("<IQ", start, size)
    )  # fmt: skip


def old_book(rows: list[list[Any]], *, password: bool = False) -> bytes:
    """Return an .xls (BIFF8) with one sheet."""

    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    begin = struct.pack("<HHHHII", 0x0600, 0x0005, 0x0DBB, 0x07CC, 0, 6)
    lock = record(0x2F, struct.pack("<HHH", 1, 1, 1) + bytes(48)) if password else b""
    opening = record(0x809, begin) + lock
    after = len(opening) + 13 + 4  # the sheet begins behind its own entry and the end mark
    workbook = opening + record(0x85, struct.pack("<IBBBB", after, 0, 0, 1, 0) + b"S") + record(0x0A, b"")  # fmt: skip
    cells = b""
    for row, values in enumerate(rows):
        for column, value in enumerate(values):
            if isinstance(value, str):
                text = value.encode("utf-16-le")
                cells += record(0x204, struct.pack("<HHHHB", row, column, 0, len(value), 1) + text)
            else:
                cells += record(0x203, struct.pack("<HHHd", row, column, 0, value))
    size = struct.pack("<IIHHH", 0, len(rows), 0, len(rows[0]), 0)
    begin_sheet = struct.pack("<HHHHII", 0x0600, 0x0010, 0x0DBB, 0x07CC, 0, 6)
    return compound({"Workbook": workbook + record(0x809, begin_sheet) + record(0x200, size) + cells + record(0x0A, b"")})  # fmt: skip


def binary_book(rows: list[list[Any]], last_row: int = 0) -> bytes:
    """Return an .xlsb with one sheet; ``last_row`` adds one cell far below."""

    def record(kind: int, body: bytes = b"") -> bytes:
        number = bytes([kind]) if kind < 128 else bytes([(kind & 0x7F) | 0x80, kind >> 7])
        size, length = b"", len(body)
        while True:
            size += bytes([(length & 0x7F) | (0x80 if length > 127 else 0)])
            length >>= 7
            if not length:
                return number + size + body

    def text(value: str) -> bytes:
        return struct.pack("<I", len(value)) + value.encode("utf-16-le")

    sheet = record(129) + record(148, struct.pack("<IIII", 0, max(len(rows) - 1, last_row), 0, len(rows[0]) - 1)) + record(145)  # fmt: skip
    for number, row in [*enumerate(rows), *([(last_row, ["x"])] if last_row else [])]:
        sheet += record(0, struct.pack("<IIHHBI", number, 0, 300, 0, 0, 0))
        for column, value in enumerate(row):
            cell = struct.pack("<II", column, 0)
            sheet += record(6, cell + text(value)) if isinstance(value, str) else record(5, cell + struct.pack("<d", value))  # fmt: skip
    sheet += record(146) + record(130)
    workbook = record(131) + record(143) + record(156, struct.pack("<II", 0, 1) + text("rId1") + text("S")) + record(144) + record(132)  # fmt: skip
    return zipped(
        {
            "[Content_Types].xml": TYPES,
            "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{RELATIONS}/officeDocument" Target="xl/workbook.bin"/></Relationships>',
            "xl/workbook.bin": workbook,
            "xl/_rels/workbook.bin.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="rId1" Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.bin"/></Relationships>',
            "xl/worksheets/sheet1.bin": sheet,
        }
    )
