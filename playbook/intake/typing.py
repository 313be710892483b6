"""SQL that turns text into the types of the standard tables, and says what is wrong where it cannot."""

from __future__ import annotations

from playbook.engagement.model import Source
from playbook.intake.files import literal
from playbook.tables import SQL_TYPE, Column
from playbook.warehouse import quoted

__all__ = ["problem", "typed", "value_text"]

DATES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M")  # fmt: skip
TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")
PERSONAL = {"name", "email", "phone", "street", "tax_id", "text", "title", "quote", "birth_date", "postcode", "company"}  # fmt: skip
"""Columns whose values are not repeated in findings."""


def value_text(header: str, source: Source) -> str:
    """Return the SQL text of a raw cell: trimmed, declared null marks and empty cells as null."""
    trimmed = f"trim({quoted(header)}, ' \t')"
    nulls = ", ".join(literal(mark) for mark in ("", *source.nulls))
    return f"case when {trimmed} in ({nulls}) then null else {trimmed} end"


def typed(column: Column, text: str, source: Source) -> str:
    """Return the SQL that reads ``text`` as the column's type; null where it cannot be read."""
    if column.kind in ("id", "text", "choice"):
        return text
    if column.kind in ("time", "day"):
        formats = ", ".join(literal(f) for f in (source.dates or DATES))
        return f"cast(try_strptime({text}, [{formats}]) as {SQL_TYPE[column.kind]})"
    if column.kind == "flag":
        return (
            f"case when lower({text}) in ({_list(TRUE)}) then true "
            f"when lower({text}) in ({_list(FALSE)}) then false end"
        )
    if source.decimal == ",":
        text = f"replace(replace({text}, '.', ''), ',', '.')"
    if column.kind == "whole":
        return f"cast(case when regexp_full_match({text}, '[-+]?[0-9]+(\\.0+)?') then try_cast({text} as DECIMAL(18,2)) end as BIGINT)"
    return f"try_cast({text} as {SQL_TYPE[column.kind]})"


def problem(name: str, column: Column, source: Source) -> str:
    """Return the SQL that says what is wrong with a cell (text in ``raw_name``), null when nothing is."""
    raw, value = quoted(f"raw_{name}"), quoted(name)
    shown = "''" if name in PERSONAL else f"' ''' || left({raw}, 40) || ''''"
    cases = [
        f"when {raw} is not null and {value} is null then {literal(name)} || {shown} || {literal(_expected(column, source))}"
    ]
    if column.required:
        cases.append(f"when {raw} is null then {literal(f'{name} is empty; every row needs one')}")
    if column.allowed:
        allowed = f": expected one of {', '.join(column.allowed)}"
        cases.append(
            f"when {value} not in ({_list(column.allowed)}) then {literal(name)} || {shown} || {literal(allowed)}"
        )
    if column.low is not None:
        cases.append(
            f"when {value} < {column.low} then {literal(name)} || {shown} || {literal(f': expected at least {column.low:g}')}"
        )
    if column.high is not None:
        cases.append(
            f"when {value} > {column.high} then {literal(name)} || {shown} || {literal(f': expected at most {column.high:g}')}"
        )
    return f"case {' '.join(cases)} end"


def _expected(column: Column, source: Source) -> str:
    if column.kind in ("time", "day"):
        return f" is not a date as expected ({' or '.join(source.dates or ['2025-12-31', '2025-12-31 23:59:59'])})"
    if column.kind == "flag":
        return " is neither true nor false"
    mark = "comma" if source.decimal == "," else "point"
    return f" is not a number (decimal {mark}) as expected"


def _list(values: tuple[str, ...]) -> str:
    return ", ".join(literal(value) for value in values)
