"""Loads delimited text: by DuckDB in parallel where the file is regular, record by record where it is not."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import duckdb

from playbook.intake.delivered import TOTALS_ROW, Opening, literal
from playbook.intake.dialect import DELIMITERS, Layout, is_total, layouts, record
from playbook.intake.encoding import Text, as_utf8
from playbook.intake.tidy import known_headers, name_columns

__all__ = ["load_text"]

SAMPLE = 1 << 18
BATCH = 20_000
MARGIN = 500
MOSTLY = 0.5
FEW_REJECTED = 50
SEPARATOR_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)
NAMES = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "pipe"}


def load_text(opening: Opening, path: Path) -> None:
    """Load a delimited text file into the opening's table of text.

    Raises
    ------
    FileRefused
        When there is no header row, or too many columns.
    Undecided
        When two delimiters split the lines equally well.
    """
    text = as_utf8(opening, path)
    opening.encoding = text.encoding
    lines = _sample(text)
    said = SEPARATOR_LINE.fullmatch(lines[0]) if lines else None
    if said:
        lines[0] = "\n"
    layout = _choose(opening, lines, said.group(1) if said else "")
    opening.delimiter = layout.delimiter
    header, width, start, single = _header(lines, layout)
    opening.header_row = header[1]
    names = name_columns(opening, header[0] + [""] * (width - len(header[0])))
    if width == 1 and opening.path.name.lower().endswith(
        (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
    ):
        raise opening.refused(
            "cannot be read: it is neither a workbook nor a table in text",
            "save it as .xlsx and send it again",
        )
    first = text.start + len("".join(lines[:start]).encode()) if not said else None
    blank = [p for p in text.blank_lines if p >= (first or 0)] and _blank_inside(text, first or 0)
    if said or not single or blank or not _in_parallel(opening, text, names, start):
        _one_by_one(opening, text, names, start)


def _sample(text: Text) -> list[str]:
    """Return the first lines, with their line ends; the last one only when it is whole."""
    with text.path.open("rb") as file:
        file.seek(text.start)
        content = file.read(SAMPLE)
        more = bool(file.read(1))
    if more:
        cut = max(content.rfind(b"\n"), content.rfind(b"\r"))
        content = content[: cut + 1] if cut >= 0 else content
    return list(io.StringIO(content.decode("utf-8", "ignore"), newline=""))


def _choose(opening: Opening, lines: list[str], said: str) -> Layout:
    source, known = opening.source, known_headers(opening)
    delimiter = source.delimiter.replace("\\t", "\t") or said
    if len(delimiter) > 1:
        raise opening.refused(
            f"the delimiter {delimiter!r} is longer than one character", "declare one character"
        )
    found = layouts(lines, known, delimiter, source.header_row)
    if not found:
        raise opening.refused(
            f"no header row in its first {min(len(lines), 60)} lines; expected a line of column names above the values",
            "name its line as header_row in engagement.yml, or send it with headers",
        )
    if not delimiter and found[0].share < MOSTLY:
        marks = tuple(DELIMITERS)
        raise opening.undecided(
            f"no delimiter splits its lines evenly (the best, {NAMES[found[0].delimiter]}, only {found[0].share:.0%} of them)",
            f"delimiter: {_quote(found[0].delimiter)}",
            marks,
        )
    if len(found) > 1:
        marks = tuple(layout.delimiter for layout in found)
        raise opening.undecided(
            f"its lines split equally well at {' and at '.join(NAMES.get(m, m) for m in marks)}",
            f"delimiter: {_quote(marks[0])}",
            marks,
        )
    return found[0]


def _quote(mark: str) -> str:
    return '"\\t"' if mark == "\t" else f'"{mark}"'


def _header(lines: list[str], layout: Layout) -> tuple[tuple[list[str], int], int, int, bool]:
    """Return header cells with row number, the table's width, the line after it, and whether records are lines."""
    place, number, single = 0, 0, True
    cells: list[str] = []
    while number <= layout.header:
        cells, taken = record(lines, place, layout.delimiter)
        single = single and taken == 1
        place, number = place + taken, number + 1
    width = len(cells)
    while width > 1 and width > layout.width and not cells[width - 1].strip():
        width -= 1  # a trailing delimiter in the header only
    return (cells[:width], number), max(width, min(layout.width, width + 1)), place, single


def _blank_inside(text: Text, first: int) -> bool:
    """Return whether a blank line stands between rows, rather than after the last one."""
    size = text.path.stat().st_size
    with text.path.open("rb") as file:
        file.seek(max(size - 4096, 0))
        tail = file.read()
    end = size - (len(tail) - len(tail.rstrip(b"\r\n")))
    return any(first <= place < end for place in text.blank_lines)


def _in_parallel(opening: Opening, text: Text, names: list[str], start: int) -> bool:
    """Load by DuckDB; return whether every line was read or has a place of its own among the rejected."""
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    longest = int(opening.limits.line_kilobytes * 1000) + 2
    options = (
        f"delim = {literal(opening.delimiter)}, quote = '\"', escape = '\"', header = false, skip = {start}, "
        f"auto_detect = false, null_padding = false, compression = 'none', hive_partitioning = false, store_rejects = true, rejects_limit = 0, "
        f"max_line_size = {longest}, columns = {{{columns}}}"
    )
    connection = opening.connection
    opening.headers = names
    try:
        connection.execute(
            f"create or replace temp table {opening.table} as select * from read_csv({literal(text.path)}, {options})"
        )
        rejected = connection.execute(
            f"select line, min(error_type), min(csv_line) from reject_errors group by line order by line limit {FEW_REJECTED + 1}"
        ).fetchall()
    except duckdb.Error:
        return False  # mixed line ends and the like, which the slow way reads
    finally:
        _forget_rejects(connection)
    known = {"MISSING COLUMNS", "TOO MANY COLUMNS"}
    if len(rejected) > FEW_REJECTED or any(kind not in known for _, kind, _ in rejected):
        return False
    opening.row_number = _row_number([line for line, _, _ in rejected], start)
    for line, _, content in rejected:
        _reject(opening, line, record([content], 0, opening.delimiter)[0])
    return True


def _reject(opening: Opening, number: int, values: list[str]) -> None:
    if is_total(values):
        opening.reject(number, TOTALS_ROW, "note")
        return
    expected = len(opening.headers)
    opening.reject(
        number, f"the line holds {len(values)} values; {expected} expected, one for each header"
    )


def _forget_rejects(connection: duckdb.DuckDBPyConnection) -> None:
    for table in ("reject_errors", "reject_scans"):
        connection.execute(f"drop table if exists {table}")


def _row_number(rejected: list[int], start: int) -> str:
    """Return the SQL of a row's number in the file, rejected lines before it counted."""
    cases = "".join(
        f"when rowid >= {line - start - 1 - place} then {place + 1} "
        for place, line in reversed(list(enumerate(rejected)))
    )
    shift = f" + case {cases}else 0 end" if cases else ""
    return f"rowid + {start + 1}{shift}"


def _one_by_one(opening: Opening, text: Text, names: list[str], start: int) -> None:
    """Load record by record: slower, but nothing in the file can hide a row."""
    opening.rejected.clear()
    opening.start_table(names)
    width, blank, first_blank = len(names), 0, None
    rows: list[list[str | None]] = []
    numbers: list[int] = []
    number = opening.header_row or 1
    for values in _records(text, opening.delimiter, start):
        number += 1
        if not values:
            blank, first_blank = blank + 1, first_blank or number
            continue
        if len(values) == width + 1 and not values[-1].strip():
            values.pop()
        if len(values) != width:
            _reject(opening, number, values)
            continue
        rows.append([value or None for value in values])
        numbers.append(number)
        if len(rows) == BATCH:
            opening.add_rows(rows, numbers)
            rows, numbers = [], []
    opening.add_rows(rows, numbers)
    if blank:
        opening.note(f"{blank:,} blank lines were skipped", "nothing to do", "note", first_blank, blank)  # fmt: skip


def _records(text: Text, delimiter: str, skip: int) -> Iterator[list[str]]:
    """Yield the records below the header; ``skip`` lines stand above."""
    with text.path.open(encoding=text.encoding if text.start else "utf-8", newline="") as file:
        for _ in islice(file, skip):
            pass
        lines: list[str] = []
        place = 0
        while True:
            more = list(islice(file, BATCH))
            lines, place = lines[place:] + more, 0
            if not lines:
                return
            stop = len(lines) - MARGIN if more else len(lines)
            while place < stop:
                values, taken = record(lines, place, delimiter)
                place += taken
                yield values
