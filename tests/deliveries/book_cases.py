"""Workbooks, packed files, JSON and Parquet as they should not be, and files that are no tables at all."""

from __future__ import annotations

import io
import json
import pickle
from datetime import UTC, date, datetime
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from deliveries import HEADERS, ORDERS, ROWS, Case, changed
from deliveries.writers import (
    bare_book,
    binary_book,
    book,
    compound,
    old_book,
    open_document,
    open_document_rows,
    packed,
    with_parts,
    zipped,
)

GRID = [HEADERS, *(list(cells) for _, *cells in ROWS)]
BOOK = book({"Sheet1": GRID})
DIGITS = "numbers of more than 15 digits, whose last digits"
TOTALS = "a totals row"
READ_AS = "it was read as that"
OLD = ("note", None, 1, "cannot be told from an empty cell")


def parquet(table: pa.Table | pd.DataFrame) -> bytes:
    target = io.BytesIO()
    pq.write_table(table if isinstance(table, pa.Table) else pa.Table.from_pandas(table), target)
    return target.getvalue()


def lines(*objects: object) -> bytes:
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects).encode()


BOOKS = [
    Case("a plain workbook", "a.xlsx", BOOK, reading={"kind": "xlsx", "sheet": "Sheet1", "header_row": 1}),
    Case("a workbook named .csv", "a.csv", BOOK, findings=[("note", None, 1, READ_AS)], reading={"kind": "xlsx"}),
    Case("text named .xlsx", "a.xlsx", ORDERS.encode(), findings=[("note", None, 1, READ_AS)], reading={"kind": "text"}),
    Case("words named .xlsx", "a.xlsx", b"this is no workbook", refused="cannot be read"),
    Case("an old workbook", "a.xls", lambda: old_book(GRID), findings=[OLD], reading={"kind": "xls"}),
    Case("an old workbook named .xlsx", "a.xlsx", lambda: old_book(GRID), findings=[("note", None, 1, READ_AS), OLD]),
    Case("a binary workbook", "a.xlsb", lambda: binary_book(GRID), findings=[OLD], reading={"kind": "xlsb"}),
    Case("an OpenDocument sheet", "a.ods", lambda: open_document(open_document_rows(GRID)), reading={"kind": "ods"}),
    Case("a workbook packed with gzip", "a.xlsx.gz", lambda: packed(BOOK)),
    Case("header on row 4 and a totals row", "a.xlsx", lambda: book({"S": [["Survey 2025"], [], ["as of", "31.12."], *GRID, ["Total", None, None, "60.60"]]}), rows=changed(ROWS, 3), rejected={8: TOTALS}, reading={"header_row": 4}),
    Case("averages at the end", "a.xlsx", lambda: book({"S": [*GRID, ["Average (n = 3)", None, None, 20.2]]}), rejected={5: TOTALS}),
    Case("a table that begins at C3", "a.xlsx", lambda: book({"S": [[], [], *([None, None, *row] for row in GRID)]}), rows=changed(ROWS, 2), findings=[("note", None, 1, "column 1 has no name"), ("note", None, 1, "column 2 has no name")], reading={"header_row": 3}),
    Case("one sheet of notes beside the table", "a.xlsx", lambda: book({"Notes": [["Made by the shop"]], "Data": GRID}), reading={"sheet": "Data"}),
    Case("two sheets with tables", "a.xlsx", lambda: book({"2024": GRID, "2025": GRID}), undecided=('sheet: "2024"', ("2024", "2025"))),
    Case("two sheets, one declared", "a.xlsx", lambda: book({"2024": GRID[:2], "2025": GRID}), source={"sheet": "2025"}),
    Case("two sheets, headers decide", "a.xlsx", lambda: book({"Lookup": [["code", "name"], ["x", "y"]], "Data": GRID}), source={"columns": {"order_id": "order_id", "revenue": "revenue"}}, reading={"sheet": "Data"}),
    Case("a sheet that is not there", "a.xlsx", BOOK, refused="no sheet 'Data'; it has Sheet1", source={"sheet": "Data"}),
    Case("a hidden sheet", "a.xlsx", lambda: book({"Data": GRID, "Old": GRID}, hidden=("Old",)), findings=[("note", None, 1, "sheet 'Old' is hidden; it was not read")]),
    Case("an empty workbook", "a.xlsx", lambda: book({"S": []}), refused="no sheet holds a table"),
    Case("numbers, dates, truth and errors", "a.xlsx", lambda: book({"S": [["id", "day", "flag", "value"], ["00123", date(2025, 1, 5), True, 10.1], ["7", date(1900, 1, 1), False, "=NA()"], ["8", None, None, 3]]}), headers=["id", "day", "flag", "value"], rows=[(2, "00123", "2025-01-05", "true", "10.1"), (3, "7", "1900-01-01", "false", "#N/A"), (4, "8", None, None, "3")], findings=[("note", 3, 1, "1 cells hold an error of Excel such as #N/A")]),
    Case("the epoch of 1904", "a.xlsx", lambda: book({"S": [["id", "day"], ["x", date(2025, 1, 5)]]}, date_1904=True), headers=["id", "day"], rows=[(2, "x", "2025-01-05")]),
    Case("ids given as numbers have lost digits", "a.xlsx", lambda: book({"S": [["id", "name"], [1234567890123456789, "x"], [12, "y"]]}), headers=["id", "name"], rows=[(2, "1234567890123457024", "x"), (3, "12", "y")], findings=[("problem", 2, 1, DIGITS)]),
    Case("ids given as text keep all digits", "a.xlsx", lambda: book({"S": [["id", "name"], ["1234567890123456789", "x"], ["0012", "y"]]}), headers=["id", "name"], rows=[(2, "1234567890123456789", "x"), (3, "0012", "y")]),
    Case("an empty row in the table", "a.xlsx", lambda: book({"S": [*GRID[:3], [], GRID[3]]}), rows=[*ROWS[:2], (5, *ROWS[2][1:])], findings=[("note", 4, 1, "1 rows without any value")]),
    Case("a workbook with macros", "a.xlsm", lambda: with_parts(BOOK, {"xl/vbaProject.bin": b"macro"}), findings=[("note", None, 1, "the workbook holds macros; they were ignored")]),
    Case("links to other workbooks", "a.xlsx", lambda: with_parts(BOOK, {"xl/externalLinks/externalLink1.xml": "<x/>"}), findings=[("note", None, 1, "points at other workbooks")]),
    Case("external entity", "a.xlsx", lambda: bare_book('<row r="1"><c r="A1" t="inlineStr"><is><t>&x;</t></is></c></row>', '<!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), refused="defines entities in its XML"),
    Case("entity in the strings", "a.xlsx", lambda: with_parts(BOOK, {"xl/sharedStrings.xml": "<!-- " + "x" * 2_000_000 + ' --><!DOCTYPE s [<!ENTITY a "aaaa">]><sst/>'}), refused="defines entities in its XML"),
    Case("password", "a.xlsx", lambda: compound({"EncryptionInfo": b"x", "EncryptedPackage": b"y"}), refused="is protected by a password"),
    Case("password of an old workbook", "a.xls", lambda: old_book(GRID, password=True), refused="is protected by a password"),
    Case("another office document", "a.xls", lambda: compound({"WordDocument": b"x"}), refused="an office document without a sheet"),
    Case("a workbook cut off", "a.xlsx", BOOK[: len(BOOK) // 2], refused="the workbook is cut off or damaged"),
    Case("a workbook without its sheet", "a.xlsx", lambda: with_parts(BOOK, {"xl/worksheets/sheet1.xml": "<worksheet"}), refused="the workbook is cut off or damaged"),
    Case("zip bomb", "a.xlsx", lambda: with_parts(BOOK, {"xl/media/image1.xml": b"\0" * 12_000_000}), refused="unpacks to more than 200 times its size"),
    Case("a workbook that unpacks too large", "a.xlsx", BOOK, refused="unpacks to more than the 0.001 MB allowed", limits={"unpacked_megabytes": 0.001}),
    Case("a workbook of too many parts", "a.xlsx", lambda: with_parts(BOOK, {f"xl/media/{n}": b"" for n in range(10_001)}), refused="more than any workbook needs"),
    Case("a part that points out of the file", "a.xlsx", lambda: with_parts(BOOK, {"../../etc/cron.d/x": b"x"}), refused="point out of the file"),
    Case("one cell far out", "a.xlsx", lambda: bare_book('<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'), refused="reaches over 1,048,576 rows and 16,384 columns"),
    Case("one cell far out in a part of another name", "a.xlsx", lambda: with_parts(BOOK, {"xl/hidden.xml": '<x:row r="1048576"><x:c r="XFD1048576"/></x:row>'}), refused="reaches over 1,048,576 rows and 16,384 columns"),
    Case("one cell far out in a binary workbook", "a.xlsb", lambda: binary_book(GRID, 1_000_000), refused="reaches over 1,000,001 rows", limits={"workbook_cells": 100_000}),
    Case("a cell repeated without end", "a.ods", lambda: open_document(open_document_rows(GRID) + '<table:table-row table:number-rows-repeated="1048000"><table:table-cell office:value-type="string" table:number-columns-repeated="16000"/></table:table-row>'), refused="reaches over 1,048,004 rows and 16,000 columns"),
    Case("too many columns in a sheet", "a.xlsx", lambda: book({"S": [[f"c{n}" for n in range(40)], ["x"] * 40]}), refused="40 columns are more than the 30 allowed", limits={"columns": 30}),
    Case("merged groups over the headers", "a.xlsx", lambda: book({"S": [["Order", None, "Facts", None], *GRID]}), rows=changed(ROWS, 1), reading={"header_row": 2}),
    Case("merged groups over headers nobody knows", "a.xlsx", lambda: book({"S": [["Kunde", None, "Auftrag", None], ["Nr", "Name", "Tag", "Wert"], ["1", "Ada", "5.1.", "7"]]}), headers=["Nr", "Name", "Tag", "Wert"], rows=[(3, "1", "Ada", "5.1.", "7")], reading={"header_row": 2}),
    Case("a merged title over the header", "a.xlsx", lambda: book({"S": [["Orders of 2025", None, None, None], *GRID]}), rows=changed(ROWS, 1), reading={"header_row": 2}),
]  # fmt: skip

OBJECTS = [dict(zip(HEADERS, cells, strict=True)) for _, *cells in ROWS]
LISTED = [(n, *cells) for n, (_, *cells) in enumerate(ROWS, 1)]
JSON = [
    Case("one object a line", "a.jsonl", lines(*OBJECTS), rows=LISTED, reading={"kind": "json"}),
    Case("one object a line, packed", "a.ndjson.gz", packed(lines(*OBJECTS)), rows=LISTED),
    Case("one list of objects", "a.json", json.dumps(OBJECTS, indent=1).encode(), rows=LISTED),
    Case("a list under a key", "a.json", json.dumps({"records": OBJECTS}).encode(), rows=LISTED, findings=[("note", None, 1, "the list under 'records' was read")]),
    Case("JSON named .csv", "a.csv", lines(*OBJECTS), rows=LISTED, findings=[("note", None, 1, READ_AS)]),
    Case("JSON with a byte order mark", "a.jsonl", b"\xef\xbb\xbf" + lines(*OBJECTS), rows=LISTED),
    Case("JSON in UTF-16", "a.json", json.dumps(OBJECTS).encode("utf-16"), rows=LISTED),
    Case("nested objects and lists", "a.jsonl", lines({"id": "1", "customer": {"id": "7", "address": {"city": "Köln"}}, "tags": ["a", "b"]}, {"id": "2", "ok": True, "customer": None}), headers=["id", "customer.id", "customer.address.city", "tags", "ok", "customer"], rows=[(1, "1", "7", "Köln", '["a", "b"]', None, None), (2, "2", None, None, None, "true", None)], findings=[("note", None, 1, "'tags' holds lists")]),
    Case("numbers as they were written", "a.jsonl", b'{"id": 1234567890123456789, "price": 10.10, "big": 123456789012345678901234567890.5}\n', headers=["id", "price", "big"], rows=[(1, "1234567890123456789", "10.10", "123456789012345678901234567890.5")]),
    Case("broken lines", "a.jsonl", b'{"id": "1"}\n{"id": "2"\n\n[3]\n{"id": "4"}\n', headers=["id"], rows=[(1, "1"), (5, "4")], rejected={2: "broken JSON", 4: "holds no JSON object"}, findings=[("note", 3, 1, "1 blank lines")]),
    Case("a key twice in an object", "a.jsonl", b'{"id": "1", "id": "2"}\n{"id": "3"}\n', headers=["id"], rows=[(2, "3")], rejected={1: "a key stands twice"}),
    Case("keys that differ by case only", "a.jsonl", b'{"id": "1", "ID": "2", "_row": "9"}\n', headers=["id", "ID (column 2)", "_row'"], rows=[(1, "1", "2", "9")]),
    Case("half a character", "a.jsonl", b'{"id": "1", "name": "\\ud800"}\n{"id": "2", "name": "\\u00fc"}\n', headers=["id", "name"], rows=[(2, "2", "ü")], rejected={1: "half a character"}),
    Case("nested too deeply", "a.jsonl", b'{"id": "1"}\n{"a":' + b"[" * 100_000 + b"\n", headers=["id"], rows=[(1, "1")], rejected={2: "broken JSON"}),
    Case("a list cut off", "a.json", json.dumps(OBJECTS).encode()[:-20], refused="broken or cut off after object 2"),
    Case("a list of no objects", "a.json", b"[1, 2, 3]", refused="no JSON object"),
    Case("no object at all", "a.jsonl", b"hello\n", refused="no JSON object"),
    Case("an empty list", "a.json", b"[]", refused="no JSON object"),
    Case("too many keys", "a.jsonl", lines({f"k{n}": "x" for n in range(40)}), refused="40 keys are more than the 30 columns allowed", limits={"columns": 30}),
]  # fmt: skip

STAMP = datetime(2025, 1, 5, 12, 0, tzinfo=UTC)
TYPED = pa.table(
    {
        "id": pa.array([1234567890123456789, 7]),
        "price": pa.array([Decimal("10.10"), None], pa.decimal128(10, 2)),
        "at": pa.array([STAMP, None], pa.timestamp("us", tz="America/New_York")),
        "number": pa.array([1.0, float("nan")]),
        "flag": pa.array([True, False]),
    }
)
PARQUET = [
    Case("Parquet of typed columns", "a.parquet", parquet(TYPED), headers=["id", "price", "at", "number", "flag"], rows=[(2, "1234567890123456789", "10.10", "2025-01-05T12:00:00Z", "1", "true"), (3, "7", None, None, None, "false")]),
    Case("Parquet with nested columns", "a.parquet", parquet(pa.table({"id": ["1"], "tags": [["a", "b"]]})), headers=["id", "tags"], rows=[(2, "1", "[a, b]")], findings=[("note", None, 1, "column 'tags' holds")]),
    Case("Parquet whose ids became numbers", "a.parquet", parquet(pd.DataFrame({"id": [1234567890123456789.0, 2.0]})), headers=["id"], rows=[(2, "1.2345678901234568e+18"), (3, "2")], findings=[("problem", None, 1, DIGITS)]),
    Case("Parquet named .csv", "a.csv", parquet(pa.table({"id": ["1"]})), headers=["id"], rows=[(2, "1")], findings=[("note", None, 1, READ_AS)]),
    Case("Parquet cut off", "a.parquet", parquet(TYPED)[:200], refused="the Parquet file is cut off or damaged"),
    Case("text named .parquet", "a.parquet", ORDERS.encode(), refused="it is no Parquet file"),
    Case("Parquet that unpacks too large", "a.parquet", lambda: parquet(pa.table({"id": ["x"] * 2_000_000})), refused="unpacks to more than the 1 MB allowed", limits={"unpacked_megabytes": 1}),
]  # fmt: skip

PACKED = [
    Case("packed with gzip", "a.csv.gz", packed(ORDERS.encode())),
    Case("packed though its name does not say so", "a.csv", packed(ORDERS.encode()), findings=[("note", None, 1, "packed with gzip though its name does not say so")]),
    Case("named .gz though it is not packed", "a.csv.gz", ORDERS.encode()),
    Case("two packed pieces in a row", "a.csv.gz", packed(ORDERS[:60].encode()) + packed(ORDERS[60:].encode())),
    Case("a packed file cut off", "a.csv.gz", packed(ORDERS.encode() * 50)[:-30], refused="the packed file is cut off or damaged"),
    Case("a packed file damaged", "a.csv.gz", packed(ORDERS.encode())[:12] + b"\xff" * 40, refused="the packed file is cut off or damaged"),
    Case("gzip bomb by ratio", "a.csv.gz", lambda: packed(b"0" * 15_000_000), refused="unpacks to more than 200 times its size"),
    Case("gzip bomb by size", "a.csv.gz", lambda: packed(b"0,1\n" * 500_000), refused="unpacks to more than the 1 MB allowed", limits={"unpacked_megabytes": 1}),
    Case("packed twice", "a.csv.gz", packed(packed(ORDERS.encode())), refused="is packed twice"),
    Case("an empty file, packed", "a.csv.gz", packed(b""), refused="the file is empty"),
]  # fmt: skip

STRANGERS = [
    Case("a pickle named .csv", "a.csv", pickle.dumps({"a": 1}), refused="is a Python pickle"),
    Case("a frame's pickle named .csv", "a.csv", pickle.dumps(pd.DataFrame({"a": [1]}), 4), refused="is a Python pickle"),
    Case("an old pickle named .csv", "a.csv", pickle.dumps([1, 2], 0), refused="is a Python pickle"),
    Case("a pickle that would run a command", "a.csv", b"cos\nsystem\n(S'touch /tmp/harm'\ntR.", refused="is a Python pickle"),
    Case("a pickle under its own name", "a.pkl", b"\x80\x04.", refused="this kind of file is not read"),
    Case("a login page", "a.csv", b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", refused="is a web page"),
    Case("a table in HTML named .xls", "a.xls", b"<html><table><tr><td>1</td></tr></table></html>", refused="is a web page"),
    Case("an XML document", "a.csv", b'<?xml version="1.0"?><rows/>', refused="is an XML document"),
    Case("a PDF", "a.csv", b"%PDF-1.7\n", refused="is a PDF document"),
    Case("an image", "a.csv", b"\x89PNG\r\n\x1a\n" + bytes(20), refused="is an image"),
    Case("a Windows program", "a.csv", b"MZ\x90\x00\x03\x00", refused="is a program"),
    Case("a Linux program", "a.csv", b"\x7fELF\x02\x01", refused="is a program"),
    Case("a script", "a.csv", b"#!/bin/sh\nrm -r x\n", refused="is a script"),
    Case("a column that begins like a program", "a.csv", b"MZ,b\n1,x\n", headers=["MZ", "b"], rows=[(2, "1", "x")]),
    Case("a notebook", "a.json", b'{"cells": [{"cell_type": "code"}], "nbformat": 4}', refused="is a notebook"),
    Case("a zip archive", "a.csv", zipped({"orders.csv": ORDERS}), refused="is an archive (zip)"),
    Case("a Word document", "a.xlsx", zipped({"[Content_Types].xml": "<x/>", "word/document.xml": "<x/>"}), refused="is an archive (zip) or a document"),
    Case("an archive of another kind", "a.csv", b"7z\xbc\xaf\x27\x1c", refused="is an archive (7z)"),
    Case("a SQLite database", "a.csv", b"SQLite format 3\x00", refused="is a SQLite database"),
    Case("a DuckDB database", "a.csv", bytes(8) + b"DUCK" + bytes(20), refused="is a DuckDB database"),
    Case("an array", "a.csv", b"\x93NUMPY\x01\x00", refused="is a NumPy array"),
    Case("a pointer to a large file", "a.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", refused="only a pointer"),
    Case("a rich text document", "a.txt", b"{\\rtf1 hello}", refused="is a text document (RTF)"),
    Case("an unknown kind", "a.dat", ORDERS.encode(), refused="this kind of file is not read"),
    Case("random bytes", "a.csv", bytes((n * 7919) % 251 + 1 for n in range(4000)), undecided=("encoding: cp1252", ("cp1252", "gb18030", "shift_jis", "cp1250", "cp1251", "mac-roman"))),
]  # fmt: skip
