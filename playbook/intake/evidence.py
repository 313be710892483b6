"""Counts how the values of each column of a file are written: all of them, never a sample."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from playbook.engagement.delivery import Source
from playbook.intake import dates, numbers
from playbook.intake.files import Delivered
from playbook.intake.mapping import Mapped
from playbook.intake.words import ERRORS, NOTHING, PLACEHOLDERS, any_of
from playbook.warehouse import quoted

__all__ = ["Evidence", "IdCount", "NUMBERS", "TIMES", "gather", "value_text"]

NUMBERS = ("money", "price", "number", "share", "whole")
TIMES = ("time", "day")
_SIMPLE = r"[!-\"$-~](?:[ -~]*[!-~])?"
_ODD_ID = "contains({x}, '.') or contains({x}, '+') or strlen({x}) in (15, 18)"


@dataclass(frozen=True)
class IdCount:
    """What stands in a column of ids or text, in cells: see the SELECT of `_survey`."""

    filled: int = 0
    edges: int = 0
    wide: int = 0
    floats: int = 0
    exponents: int = 0
    errors: int = 0
    short: int = 0
    long: int = 0
    odd_row: int | None = None
    error_row: int | None = None
    simple: bool = False


@dataclass
class Evidence:
    """All that is known of how one column of one file is written.

    Attributes
    ----------
    nothing
        Implicit marks for nothing to their cells and first row.
    clean
        Whether every cell is its value already: no edges to trim, no marks, no words to map.
    shares
        By decimal mark: cells between 0 and 1, cells above 1.5, and first rows of both, of shares.
    """

    numbers: list[numbers.NumberCount] = field(default_factory=list)
    dates: list[dates.DateCount] = field(default_factory=list)
    ids: IdCount = IdCount()
    clean: bool = False
    nothing: list[tuple[str, int, int]] = field(default_factory=list)
    shares: dict[str, tuple[int, int, int | None, int | None]] = field(default_factory=dict)


def value_text(one: Mapped, source: Source, trim: bool = True) -> str:
    """Return the SQL text of a raw cell: trimmed, marks for nothing as null, the client's words as ours."""
    raw = f"trim({quoted(one.header)}, ' \t\u00a0')" if trim else quoted(one.header)
    nulls = any_of(("", *source.nulls, *_marks(one)))
    text = f"case when {raw} in ({nulls}) then null else {raw} end"
    words = source.values.get(one.label)
    if words:
        exact = " ".join(f"when {any_of((theirs,))} then {any_of((ours,))}" for theirs, ours in words.items())  # fmt: skip
        loose = " ".join(f"when {any_of((theirs.lower().strip(),))} then {any_of((ours,))}" for theirs, ours in words.items())  # fmt: skip
        text = f"case when {raw} in ({nulls}) then null else case {raw} {exact} else case lower({raw}) {loose} else {raw} end end end"
    return text


def _marks(one: Mapped) -> tuple[str, ...]:
    """Return the implicit marks for nothing in a column of this kind."""
    if one.column.kind in ("id", "text"):
        return ERRORS
    marks = tuple(m for m in NOTHING if m.lower() not in one.column.allowed)
    return ERRORS + marks + (PLACEHOLDERS if one.column.kind in TIMES else ())


def gather(
    db: duckdb.DuckDBPyConnection, source: Source, delivered: Delivered, mapped: list[Mapped]
) -> dict[str, Evidence]:
    """Return our column to the evidence of its header, for every column that a header fills."""
    found = {one.label: Evidence() for one in mapped if one.header}
    texts = [one for one in mapped if one.header and one.column.kind in ("id", "text")]
    for one, count in zip(texts, _survey(db, delivered.relation, texts), strict=True):
        found[one.label].ids = count
        if count.errors:
            found[one.label].nothing = [("spreadsheet errors such as #N/A", count.errors, count.error_row or 0)]  # fmt: skip
    for one in mapped:
        if one.header and one.column.kind not in ("id", "text"):
            _count(db, source, delivered.relation, one, found[one.label])
    return found


def _simple(db: duckdb.DuckDBPyConnection, relation: str, texts: list[Mapped]) -> set[str]:
    """Return the columns whose cells are all printable ASCII without blanks at their ends, errors or odd ids.

    This is one cheap look at each cell, which settles most columns of a large file.
    """
    tests = []
    for one in texts:
        x = quoted(one.header)
        odd = f" and not bool_or({_ODD_ID.format(x=x)})" if one.column.kind == "id" else ""
        tests.append(f"coalesce(bool_and(regexp_full_match({x}, '{_SIMPLE}')){odd}, true)")
    row = db.execute(f"select {', '.join(tests)} from {relation}").fetchall()[0]
    return {one.label for one, simple in zip(texts, row, strict=True) if simple}


def _survey(db: duckdb.DuckDBPyConnection, relation: str, texts: list[Mapped]) -> list[IdCount]:
    """Return the counts of the columns of ids and text, in one scan of the file."""
    if not texts:
        return []
    simple = _simple(db, relation, texts)
    parts = []
    for one in [one for one in texts if one.label not in simple]:
        x = quoted(one.header)
        odd = f"(strlen({x}) <> length({x}) or trim({x}, ' \t') <> {x})"
        error = f"{x}[1] = '#' and trim({x}) in ({any_of(ERRORS)})"
        tests = ["true", f"trim({x}, ' \t') <> {x}", f"strlen({x}) <> length({x})"]
        if one.column.kind == "id":
            tests += [f"regexp_matches({x}, '^[0-9]+\\.0+$')", exponent(x), error]
            tests += [f"regexp_matches({x}, '^[a-zA-Z0-9]{{{size}}}$')" for size in (15, 18)]
        else:
            tests += ["false", "false", error, "false", "false"]
        parts += [f"count(*) filter ({x} <> '' and {test})" for test in tests]
        parts += [f"min(_row) filter ({odd})", f"min(_row) filter ({error})"]
    row: tuple = ()
    if parts:  # without any, a file of no rows would give no row at all
        row = db.execute(f"select {', '.join(parts)} from {relation}").fetchall()[0]
    counts = iter([IdCount(*row[start : start + 10]) for start in range(0, len(row) - 9, 10)])
    return [IdCount(simple=True) if one.label in simple else next(counts) for one in texts]


def exponent(text: str) -> str:
    """Return the SQL test of an id that a spreadsheet wrote as a number with exponent: digits are lost."""
    return f"regexp_matches({text}, '^\\s*[0-9](?:[.,][0-9]+)?[eE]\\+[0-9]+\\s*$')"


def _count(
    db: duckdb.DuckDBPyConnection, source: Source, relation: str, one: Mapped, found: Evidence
) -> None:
    """Count the distinct values of a column and, from them, the classes of number or forms of date."""
    x, raw = quoted(one.header), f"trim({quoted(one.header)}, ' \t\u00a0')"
    db.execute(
        f"create or replace temp table seen as select {raw} as cell, {value_text(one, source)} as value, {x} as written, n, row "
        f"from (select {x}, count(*) as n, min(_row) as row from {relation} where {x} is not null group by {x})"
    )
    found.clean = db.execute("select coalesce(bool_and(written is not distinct from value), true) from seen").fetchall()[0][0]  # fmt: skip
    declared = any_of(("", *source.nulls))
    marks = any_of(_marks(one))
    found.nothing = db.execute(
        f"select cell, n, row from seen where cell in ({marks}) and cell not in ({declared}) order by n desc, cell"
    ).fetchall()
    values = "(select value, n, row from seen where value is not null)"
    if one.column.kind in NUMBERS:
        plain = db.execute(numbers.all_plain(values)).fetchall()[0][0]
        rows = db.execute(numbers.classify(values, plain)).fetchall()
        found.numbers = [numbers.NumberCount(*row) for row in rows]
        if one.column.kind == "share":
            found.shares = {m: db.execute(numbers.shares(values, m)).fetchall()[0] for m in ".,"}
    elif one.column.kind in TIMES:
        iso = db.execute(dates.all_iso(values)).fetchall()[0][0]
        rows = db.execute((dates.classify_iso if iso else dates.classify)(values)).fetchall()
        found.dates = [dates.DateCount(*row) for row in rows]
    db.execute("drop table seen")
