"""Re-reads files made for a CRM system, as strictly as the system would; shares no rule with their writer.

The writer cleans and refuses by its own rules (`playbook.crm.files`); this reader decides on the bytes
alone and with the mapping's dialect, so that a fault in one is found by the other.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection
from datetime import date

import pandas as pd
from python_calamine import CalamineError, CalamineWorkbook

from playbook.crm.mapping import Dialect, FieldRule, Mapping

__all__ = ["lint_file", "read_file"]

TRIGGERS = "=+-@\t\r＝＋－＠﹦﹢﹣﹫"
"""Signs that make a spreadsheet calculate a text that begins with them, with their wide and small forms."""
ERASING = re.compile(r"#n/a|#null!|null|nan|nat|<na>|(?-i:None)", re.IGNORECASE)
"""Texts that a system, or a library on the way, takes for nothing; our own word none is not among them."""
MARK = re.compile(r"[*＊]|[（(]必填[）)]|\(required\)")
"""What a template puts beside the name of a required column."""
PATTERN = {
    "decimal": re.compile(r"-?(?:0|[1-9]\d*)\.\d\d"),
    "share": re.compile(r"0\.\d{4}|1\.0000"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
}


def _rows(content: bytes, dialect: Dialect) -> list[list[str]]:
    if dialect.format == "csv":
        text = content.decode(dialect.encoding)
        return list(
            csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter, strict=True)
        )
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    return [[str(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]


def _below_header(
    rows: list[list[str]], header: list[str], template: bool
) -> tuple[int, list[list[str]], str]:
    """Return the number of the first data row, the rows in the order of our header, and what is wrong."""
    if not template:
        found = rows[0] if rows else []
        return 2, rows[1:], "" if found == header else f"header {found} is not {header}"
    for place, marked in enumerate(rows):
        row = [MARK.sub("", name).strip() for name in marked]
        if set(header) <= set(row):
            if any(row.count(name) > 1 for name in header):
                return 0, [], f"a header of {header} stands twice"
            ours = [row.index(name) for name in header]
            data = rows[place + 1 :]
            rest = set(range(len(row))) - set(ours)
            if any(line[i] for line in data for i in rest):
                return 0, [], "a column of the template that is not ours holds text"
            return place + 2, [[line[i] for i in ours] for line in data], ""
    return 0, [], f"no row holds the headers {header}"


def _text_problem(text: str, rule: FieldRule, dialect: Dialect) -> str:
    if text[0] in TRIGGERS or text.lstrip()[:1] in TRIGGERS:
        return "begins like a spreadsheet formula"
    if ERASING.fullmatch(text.strip()):
        return "would erase the field"
    if any(not sign.isprintable() and sign not in "\u00a0\u3000" for sign in text):
        return "holds a control sign"
    if any(sign in text for sign in dialect.forbidden_signs):
        return f"holds one of the signs {dialect.forbidden_signs} the system refuses"
    if len(text) > rule.max:
        return f"is longer than {rule.max} signs"
    return f"is none of {rule.values}" if rule.values and text not in rule.values else ""


def _cell_problem(text: str, rule: FieldRule, dialect: Dialect) -> str:
    if not text:
        return ""
    if rule.kind in ("text", "note"):
        return _text_problem(text, rule, dialect)
    if rule.kind == "opt_out":
        return "" if text == dialect.is_true else "is neither opted out nor empty"
    if not PATTERN[rule.kind].fullmatch(text):
        return f"is no {rule.kind}"
    if rule.kind == "date":
        try:
            date.fromisoformat(text)
        except ValueError:
            return "is no date"
    return ""


def lint_file(
    mapping: Mapping, kind: str, content: bytes, refused: Collection[str] = (), *, template: bool = False,
) -> list[str]:  # fmt: skip
    """Re-read a file with a separate strict reader and return what is wrong with it (nothing: empty list).

    Parameters
    ----------
    mapping, kind
        As in `make_files`.
    content
        Bytes of the file.
    refused
        Customers who must not stand in it, such as people who must not be contacted.
    template
        Whether the file is a tenant's template, filled: its header may stand lower and hold more.
    """
    dialect, rules = mapping.dialect, mapping.files[kind].fields
    try:
        rows = _rows(content, dialect)
    except (UnicodeDecodeError, csv.Error, CalamineError) as error:
        return [f"cannot be read as {dialect.format}: {error}"]
    problems = (
        []
        if len(content) <= dialect.max_bytes
        else [f"{len(content):,} bytes, {dialect.max_bytes:,} allowed"]
    )
    first, data, wrong = _below_header(rows, mapping.header(kind), template)
    if wrong:
        return [*problems, wrong]
    if len(data) > dialect.max_rows:
        problems.append(f"{len(data):,} rows, {dialect.max_rows:,} allowed")
    people = [mapping.files[kind].key_column, *(r.column for r in rules.values())]
    who = people.index("customer_id") if "customer_id" in people else 0
    seen: set[str] = set()
    stop = set(refused)
    key_rule = FieldRule(column="key", kind="text", max=mapping.key_max)
    for number, row in enumerate(data, start=first):
        if len(row) != len(rules) + 1:
            problems.append(f"row {number}: {len(row)} cells, {len(rules) + 1} expected")
            continue
        if not row[0] or row[0] in seen:
            problems.append(f"row {number}: key {row[0]!r} is empty or stands twice")
        elif said := _text_problem(row[0], key_rule, dialect):
            problems.append(f"row {number}: key {row[0][:40]!r} {said}")
        if row[who] in stop:
            problems.append(f"row {number}: this person must not be contacted")
        seen.add(row[0])
        for text, (name, rule) in zip(row[1:], rules.items(), strict=True):
            if said := _cell_problem(text, rule, dialect):
                problems.append(f"row {number}: {name} {text[:40]!r} {said}")
    return problems


def read_file(
    mapping: Mapping, kind: str, content: bytes, *, template: bool = False
) -> pd.DataFrame:
    """Return what a clean file says, in our columns: text, numbers, dates, and true where opted out.

    Raises
    ------
    ValueError
        When the file is not clean.
    """
    problems = lint_file(mapping, kind, content, template=template)
    if problems:
        raise ValueError(f"{mapping.system}, {kind}: {problems[0]}")
    rule = mapping.files[kind]
    _, data, _ = _below_header(_rows(content, mapping.dialect), mapping.header(kind), template)
    frame = pd.DataFrame(
        data, columns=[rule.key_column, *(f.column for f in rule.fields.values())], dtype="str"
    )
    for field in rule.fields.values():
        text = frame[field.column]
        if field.kind in ("decimal", "share"):
            frame[field.column] = pd.to_numeric(text.mask(text == ""))
        elif field.kind == "date":
            frame[field.column] = [date.fromisoformat(t) if t else None for t in text]
        elif field.kind == "opt_out":
            frame[field.column] = text == mapping.dialect.is_true
    return frame
