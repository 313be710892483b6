"""Reads how the numbers of a column are written, from all of its values, and the SQL that reads them.

Each distinct value gets a class: *whole* (no mark), *point* or *comma* (its decimal mark is certain),
*either point* or *either comma* (``1.234`` may be one and a bit or a thousand and more), or *bad*.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from playbook.intake.files import literal
from playbook.intake.words import plain_digits

__all__ = ["NumberCount", "all_plain", "classify", "decide_mark", "number", "parts_of", "shares"]

_CURRENCY = (
    r"(?i)(?:EUR|USD|GBP|SEK|NOK|DKK|CHF|JPY|CNY|RMB|PLN|CZK|SFr\.?|Fr\.|kr\.?|:-|[€$£¥₹₽元円])"
)
_PARTS = r"^([-+(]?) ?([0-9.,](?:[0-9., '']*[0-9.,])?(?:[eE][-+]?[0-9]+)?) ?([-+)%]?)$"
_PLAIN = r"-?[0-9]+(?:\.[0-9]+)?"
_COMMA = r"-?[0-9]+,[0-9]+"
_WHOLE = r"[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]{1,3}(?:[ ''][0-9]{3})+"
_EITHER = r"[1-9][0-9]{0,2}M[0-9]{3}"
_CERTAIN = (
    r"[0-9]*M[0-9]+(?:[eE][-+]?[0-9]+)?|[0-9]+M|[0-9]{1,3}(?:[ ''][0-9]{3})+M[0-9]+|"
    r"[0-9]{1,3}(?:T[0-9]{2,3})*T[0-9]{3}M[0-9]*|[1-9][0-9]{0,2}(?:T[0-9]{3}){2,}"
)


@dataclass(frozen=True)
class NumberCount:
    """How often a class of number occurs in a column.

    Attributes
    ----------
    cells, row, form
        Number of cells, their first row, and the commonest value with its digits as nines.
    plain, comma, percent
        Cells that are a plain number, the same with a comma, and that end in a percent sign.
    uneven
        Cells that do not end in three zeros.
    deep, deeper
        Cells with more than two, and more than four digits after their last mark.
    """

    kind: str
    cells: int
    row: int
    form: str
    plain: int = 0
    comma: int = 0
    percent: int = 0
    uneven: int = 0
    deep: int = 0
    deeper: int = 0


def _pattern(mark: str, other: str, pattern: str) -> str:
    return "^(?:" + pattern.replace("M", f"[{mark}]").replace("T", f"[{other}]") + ")$"


def parts_of(text: str) -> str:
    """Return the SQL struct of a number's sign ``s``, body ``b`` and end ``e``."""
    cleared = f"trim(regexp_replace({plain_digits(text)}, {literal(_CURRENCY)}, '', 'g'))"
    return f"regexp_extract({cleared}, '{_PARTS}', ['s', 'b', 'e'])"


def _kind(parts: str) -> str:
    body = f"{parts}.b"
    signs = f"({parts}.s || {parts}.e) in ('', '-', '+', '()', '%', '-%', '+%')"
    return (
        f"case when {body} = '' or not {signs} then 'bad' "
        f"when regexp_matches({body}, '^(?:{_WHOLE})$') then 'whole' "
        f"when regexp_matches({body}, '{_pattern('.', ',', _EITHER)}') then 'either point' "
        f"when regexp_matches({body}, '{_pattern(',', '.', _EITHER)}') then 'either comma' "
        f"when regexp_matches({body}, '{_pattern('.', ',', _CERTAIN)}') then 'point' "
        f"when regexp_matches({body}, '{_pattern(',', '.', _CERTAIN)}') then 'comma' else 'bad' end"
    )


def all_plain(seen: str) -> str:
    """Return the SELECT of whether all values are digits with at most a point, which is cheap to see."""
    return f"select coalesce(bool_and(regexp_full_match(value, '{_PLAIN}')), true) from {seen}"


def classify(seen: str, plain: bool = False) -> str:
    """Return the SELECT of the classes of a table ``seen`` of distinct values: value, n, row.

    Its rows are `NumberCount`. With ``plain`` all values are known to be plain numbers.
    """
    if plain:
        kinds = (
            "select *, replace(value, '-', '') as body, '' as e, case when not contains(value, '.') then 'whole' "
            f"when regexp_matches(value, '^-?{_EITHER.replace('M', '[.]')}$') then 'either point' else 'point' end as kind from {seen}"
        )
    else:
        kinds = f"select *, p.b as body, p.e as e, {_kind('p')} as kind from parts"

    def cells(condition: str) -> str:
        return f"cast(coalesce(sum(n) filter ({condition}), 0) as bigint)"

    parts = (
        f"parts as materialized (select *, {parts_of('value')} as p from {seen}), "
        if not plain
        else ""
    )
    tests = [
        "true" if plain else f"regexp_full_match(value, '{_PLAIN}')",
        "false" if plain else f"regexp_full_match(value, '{_COMMA}')",
        "e = '%'",
        "not suffix(body, '000')",
        "regexp_matches(body, '[.,][0-9]{3,}$')",
        "regexp_matches(body, '[.,][0-9]{5,}$')",
    ]
    return (
        f"with {parts}kinds as ({kinds}) "
        "select kind, cast(sum(n) as bigint), min(row), regexp_replace(arg_max(value, (n, -row)), '[0-9]', '9', 'g'), "
        f"{', '.join(cells(test) for test in tests)} from kinds group by kind order by kind"
    )


def decide_mark(counts: Iterable[NumberCount], whole: bool) -> tuple[str, str]:
    """Return the decimal mark that a column's classes prove, and why; the mark is empty when they do not.

    Parameters
    ----------
    whole
        Whether the column holds whole numbers only, so that ``1.234`` can only be a thousand and more.
    """
    by = {count.kind: count for count in counts}
    every = sum(count.cells for count in by.values())
    point, comma = by.get("point"), by.get("comma")
    if point and comma:
        return "", (
            f"{point.cells:,} values have a decimal point (like {point.form}, first: row {point.row}) and "
            f"{comma.cells:,} a decimal comma (like {comma.form}, first: row {comma.row})"
        )
    if point or comma:
        sure = point or comma
        assert sure is not None
        return "." if point else ",", f"{sure.cells:,} of {every:,} values"
    either = [by[kind] for kind in ("either point", "either comma") if kind in by]
    if not either:
        return ".", f"{every:,} of {every:,} values, none with a mark"
    if whole and len(either) == 1 and either[0].uneven:
        return ("," if either[0].kind == "either point" else "."), "whole numbers only"
    forms = " and ".join(f"{count.form} ({count.cells:,} values)" for count in either)
    return "", f"values like {forms} may have a decimal mark or a thousands separator"


def number(parts: str, mark: str, percent: str = "") -> str:
    """Return the SQL text of a number with a decimal point, null where it is not written with ``mark``.

    Parameters
    ----------
    parts
        SQL of the struct that `parts_of` makes.
    percent
        What a percent sign makes of the number; empty where a percent sign is not expected.
    """
    body = f"{parts}.b"
    fits = f"{_kind(parts)} in ('whole', 'either point', 'either comma', '{'point' if mark == '.' else 'comma'}')"
    bare = f"regexp_replace({body}, '[ ''{',' if mark == '.' else '.'}]', '', 'g')"
    if mark == ",":
        bare = f"replace({bare}, ',', '.')"
    sign = f"case when {parts}.s in ('-', '(') or {parts}.e = '-' then '-' else '' end"
    shift = f" || case when {parts}.e = '%' then '{percent}' else '' end" if percent else ""
    allowed = "" if percent else f" and {parts}.e <> '%'"
    return f"case when {fits}{allowed} then {sign} || {bare}{shift} end"


def shares(seen: str, mark: str) -> str:
    """Return the SELECT of the cells strictly between 0 and 1, above 1.5, and the first rows of both."""
    value = f"try_cast({number('p', mark)} as double)"
    return (
        f"with parts as materialized (select *, {parts_of('value')} as p from {seen}), read as (select *, {value} as x from parts) select "
        "cast(coalesce(sum(n) filter (x > 0 and x < 1), 0) as bigint), cast(coalesce(sum(n) filter (x > 1.5), 0) as bigint), "
        "min(row) filter (x > 0 and x < 1), min(row) filter (x > 1.5) from read"
    )
