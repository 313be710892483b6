"""SQL that turns text into the types of the standard tables, and says what is wrong where it cannot."""

from __future__ import annotations

from datetime import date

from playbook.engagement.delivery import Source
from playbook.intake import dates, numbers
from playbook.intake.evidence import NUMBERS, TIMES, exponent
from playbook.intake.files import literal
from playbook.intake.mapping import Mapped
from playbook.intake.reading import Reading
from playbook.intake.words import FALSE, TRUE, any_of
from playbook.tables import SQL_TYPE, Column
from playbook.warehouse import quoted

__all__ = ["prepared", "problem", "typed"]

PERSONAL = {"name", "email", "phone", "street", "tax_id", "text", "title", "quote", "birth_date", "postcode", "company"}  # fmt: skip
"""Columns whose values are not repeated in findings."""
EARLIEST = "1900-01-01"
TWO_DIGITS_AHEAD = 10
"""Years after the end of the data that two digits may still mean, such as an expected closing date."""
FURTHEST_DAYS = 366
"""Days after the end of the data up to which a row is kept (views hide it); beyond, it is impossible."""


def prepared(one: Mapped, reading: Reading) -> tuple[str, str] | None:
    """Return the SQL of the further columns that `typed` reads, or none where it reads the text alone.

    The first part makes ``text_<label>`` of ``raw_<label>``, the second ``parts_<label>`` of both.
    """
    raw, text = quoted(f"raw_{one.label}"), quoted(f"text_{one.label}")
    parts = quoted(f"parts_{one.label}")
    if reading.ask or reading.easy in ("plain", "whole", "comma", "iso"):
        return None
    if one.column.kind in NUMBERS:
        return "", f", {numbers.parts_of(raw)} as {parts}"
    if one.column.kind in TIMES:
        return f", {dates.canonical(raw)} as {text}", f", {dates.parts_of(text)} as {parts}"
    return None


def typed(one: Mapped, reading: Reading, source: Source, until: date | None) -> str:
    """Return the SQL that reads the text ``raw_<label>`` as the column's type; null where it cannot be read."""
    text, kind = quoted(f"raw_{one.label}"), one.column.kind
    if reading.ask:
        return f"cast(null as {SQL_TYPE[kind]})"
    if kind == "id":
        return f"case when not {exponent(text)} then {text} end" if reading.easy == "lost" else text
    if kind == "text":
        return text
    if kind == "choice":
        return f"case when lower({text}) in ({any_of(one.column.allowed)}) then lower({text}) end"
    if kind == "flag":
        lowered = f"lower({text})"
        return f"case when {lowered} in ({any_of(TRUE)}) then true when {lowered} in ({any_of(FALSE)}) then false end"
    return _number(text, kind, reading) if kind in NUMBERS else _moment(text, kind, reading, source, until)  # fmt: skip


def _number(text: str, kind: str, reading: Reading) -> str:
    if reading.easy == "comma":
        text = f"replace({text}, ',', '.')"
    elif reading.easy not in ("plain", "whole"):
        parts = text.replace("raw_", "parts_", 1)
        text = numbers.number(parts, reading.mark, "e-2" if kind == "share" else "")
    if kind == "whole" and reading.easy == "whole":
        return f"try_cast({text} as BIGINT)"
    if kind == "whole":
        exact = f"try_cast({text} as DECIMAL(38,6))"
        return f"try_cast(case when {exact} = floor({exact}) then {exact} end as BIGINT)"
    value = f"try_cast({text} as {SQL_TYPE[kind]})"
    return f"{value} / 100" if reading.percent else value


def _moment(text: str, kind: str, reading: Reading, source: Source, until: date | None) -> str:
    if reading.easy == "iso":
        moment, offset, has_clock = f"try_cast({text} as TIMESTAMP)", "", "true"
    else:
        pivot = _pivot(kind, until)
        plain, parts = text.replace("raw_", "text_", 1), text.replace("raw_", "parts_", 1)
        moment, offset, has_clock = dates.day_and_time(plain, parts, reading.orders, pivot)
        if reading.formats:
            moment, offset, has_clock = _declared(text, reading.formats, pivot, moment, offset, has_clock)  # fmt: skip
    if kind == "day":
        return f"cast({moment} as DATE)"
    if not reading.clock:
        return moment
    return dates.local_to_utc(moment, offset, source.timezone, has_clock)


def _pivot(kind: str, until: date | None) -> int:
    """Return the last two-digit year that belongs to this century: births lie before the data's end."""
    if until is None:
        return 68
    return until.year % 100 + (0 if kind == "day" else TWO_DIGITS_AHEAD)


def _declared(
    text: str, formats: tuple[str, ...], pivot: int, moment: str, offset: str, has_clock: str
) -> tuple[str, str, str]:
    """Put the declared formats before what the values say by themselves."""
    naive = [f for f in formats if "%z" not in f.lower()]
    full, short = [f for f in naive if "%y" not in f], [f for f in naive if "%y" in f]
    aware = [f for f in formats if "%z" in f.lower()]
    if short:
        read = f"try_strptime({text}, [{any_of(short)}])"
        moment = f"coalesce(case when year({read}) > {2000 + pivot} then {read} - interval 100 year else {read} end, {moment})"
    if full:
        moment = f"coalesce(try_strptime({text}, [{any_of(full)}]), {moment})"
    has_clock = f"({has_clock} or {any('%H' in f or '%I' in f for f in naive)})"
    if aware:
        instant = f"timezone('UTC', try_strptime({text}, [{any_of(aware)}]))"
        moment = f"coalesce({instant}, {moment})"
        offset = f"case when {instant} is not null then 0 else {offset} end"
    return moment, offset, has_clock


def problem(
    one: Mapped, reading: Reading, source: Source, known_at: str, until: date | None
) -> str:
    """Return the SQL that says what is wrong with a cell (text in ``raw_name``), null when nothing is."""
    name, column = one.label, one.column
    raw, value = quoted(f"raw_{name}"), quoted(name)
    shown = "''" if name.rpartition(".")[2] in PERSONAL else _shown(raw)
    cases = []
    if reading.ask:
        return ""
    if column.kind not in ("text", "id") or reading.easy == "lost":
        cases.append(f"when {raw} is not null and {value} is null then {literal(name)} || {shown} || {literal(_expected(column, reading, source))}")  # fmt: skip
    if column.required:
        cases.append(f"when {raw} is null then {literal(f'{name} is empty; every row needs one')}")
    for limit, sign, words in ((column.low, "<", "at least"), (column.high, ">", "at most")):
        if limit is not None:
            cases.append(f"when {value} {sign} {limit} then {literal(name)} || {shown} || {literal(f': expected {words} {limit:g}')}")  # fmt: skip
    if name == known_at:
        cases += _impossible(name, column.kind, value, shown, until)
    return f"case {' '.join(cases)} end" if cases else ""


def _shown(raw: str) -> str:
    """Return the SQL that quotes a cell; of an address or two words, which may name a person, only the form."""
    personal, words = literal(r"@|\p{L}{2,}[ ,.]+\p{L}{2,}"), literal(r"\p{L}+")
    form = f"regexp_replace(regexp_replace(left({raw}, 40), {words}, 'x', 'g'), '[0-9]', '9', 'g')"
    return (
        f"' ''' || case when regexp_matches({raw}, {personal}) then {form} "
        f"else left({raw}, 40) end || ''''"
    )


def _impossible(name: str, kind: str, value: str, shown: str, until: date | None) -> list[str]:
    if kind == "whole":
        limit = f"when {value} > {until.year + 1}" if until else ""
        early = f"when {value} < {EARLIEST[:4]}"
    else:
        limit = f"when {value} >= date '{until}' + {FURTHEST_DAYS + 1}" if until else ""
        early = f"when {value} < date '{EARLIEST}'"
    late = f" lies more than a year after the end of the data ({until})"
    cases = [f"{early} then {literal(name)} || {shown} || ' lies before {EARLIEST[:4]}'"]
    return (
        [*cases, f"{limit} then {literal(name)} || {shown} || {literal(late)}"] if limit else cases
    )


def _expected(column: Column, reading: Reading, source: Source) -> str:
    if column.kind in TIMES:
        wanted = reading.read_as if reading.orders else "such as 2025-12-31 or 2025-12-31 23:59:59"
        return f" is not a date as expected ({' or '.join(source.dates) or wanted})"
    if column.kind == "flag":
        return " is neither true nor false"
    if column.kind == "choice":
        return f": expected one of {', '.join(column.allowed)}; map the word under values in engagement.yml"
    if column.kind == "id":
        return " was written by a spreadsheet as a number with exponent, its digits are lost"
    mark = "comma" if reading.mark == "," else "point"
    what = "whole number" if column.kind == "whole" else "number"
    return f" is not a {what} (decimal {mark}) as expected"
