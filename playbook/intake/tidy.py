"""Sets aside what stands between the rows of a table: empty rows and columns, repeated headers, totals."""

from __future__ import annotations

import re

from playbook.intake.delivered import HEADER_AGAIN, TOTALS_ROW, Opening, literal
from playbook.intake.dialect import is_total, name_headers
from playbook.tables import TABLES
from playbook.warehouse import quoted

__all__ = ["known_headers", "name_columns", "show"]

UNNAMED = re.compile(r"column \d+")
LAST_ROWS = 4
USUALLY_FILLED = 0.9
FEW = 1000


def known_headers(opening: Opening) -> set[str]:
    """Return the headers that the entry names, and the columns of its table."""
    source = opening.source
    ours = TABLES[source.table].columns if source.table in TABLES else ()
    parts = {header for headers in source.join.values() for header in headers}
    return {*source.columns.values(), *parts, *ours}


def name_columns(opening: Opening, cells: list[str]) -> list[str]:
    """Return one name for each column; a header that stands twice may only be used when it is told apart.

    Raises
    ------
    FileRefused
        When there are too many columns, or a header that is mapped stands twice.
    """
    if len(cells) > opening.limits.columns:
        raise opening.refused(
            f"{len(cells):,} columns are more than the {opening.limits.columns:,} allowed",
            "send only the columns that are needed, or raise columns under limits in engagement.yml",
        )
    names, _, twice = name_headers(cells)
    used = {name.casefold() for name in known_headers(opening) - set(opening.source.ignore)}
    for name in sorted(set(twice)):
        others = [n for n in names if n.startswith(f"{name} (column ")]
        if name.casefold() in used and not used & {n.casefold() for n in others}:
            raise opening.refused(
                f"the header {name!r} stands twice, and both columns could be meant",
                f"give each column its own name, or map {others[0]!r} to one of ours and {name!r} to another (or under ignore)",
            )
        opening.note(
            f"the header {name!r} stands {twice.count(name) + 1} times; it names the first of the columns, the others are "
            f"{', '.join(map(repr, others))}",
            "give each column its own name",
            row=opening.header_row,
            count=twice.count(name) + 1,
        )
    return names


def show(opening: Opening) -> None:
    """Make the relation that shows the table of text with row numbers, without what is no row."""
    rows = _one(opening, "count(*)")[0]
    _drop_empty_columns(opening)
    hidden = [*_empty_rows(opening), *_repeated_headers(opening), *_totals(opening, rows)]
    where = f" where rowid not in ({', '.join(map(str, sorted(set(hidden))))})" if hidden else ""
    if len(hidden) > FEW:
        texts = " and ".join(f"{quoted(header)} is null" for header in opening.headers)
        where = f" where not ({texts})"
    names = ", ".join(map(quoted, opening.headers))
    opening.connection.execute(
        f"create temp view {opening.relation} as select {names}, {opening.row_number} as _row from {opening.table}{where}"
    )


def _one(opening: Opening, what: str, where: str = "true") -> tuple:
    return opening.connection.execute(
        f"select {what} from {opening.table} where {where}"
    ).fetchall()[0]


def _drop_empty_columns(opening: Opening) -> None:
    """Leave out columns without a name that hold nothing."""
    unnamed = [header for header in opening.headers if UNNAMED.fullmatch(header)]
    if not unnamed:
        return
    counts = _one(opening, ", ".join(f"count({quoted(header)})" for header in unnamed))
    empty = [header for header, count in zip(unnamed, counts, strict=True) if not count]
    opening.headers = [header for header in opening.headers if header not in empty]
    for header in empty:
        opening.note(
            f"{header} has no name and no values; it was left out",
            "nothing to do (a delimiter at the end of each line)",
        )
    for header in [header for header in unnamed if header not in empty]:
        opening.note(
            f"the header of {header} is empty though it holds values; it is named {header!r}",
            "give the column a name, or map it by this one",
            row=opening.header_row,
        )


def _empty_rows(opening: Opening) -> list[int]:
    nothing = " and ".join(f"{quoted(header)} is null" for header in opening.headers)
    count, first = _one(opening, f"count(*), min({opening.row_number})", nothing)
    if not count:
        return []
    opening.note(
        f"{count:,} rows without any value were skipped", "nothing to do", "note", first, count
    )
    found = opening.connection.execute(f"select rowid from {opening.table} where {nothing}")
    return [row for (row,) in found.fetchall()]


def _repeated_headers(opening: Opening) -> list[int]:
    named = [header for header in opening.headers if not UNNAMED.fullmatch(header)]
    if not named:
        return []
    again = " and ".join(f"trim({quoted(header)}) = {literal(header)}" for header in named)
    found = opening.connection.execute(
        f"select rowid, {opening.row_number} from {opening.table} where {again}"
    ).fetchall()
    for _, number in found:
        opening.reject(number, HEADER_AGAIN, "note")
    return [row for row, _ in found]


def _totals(opening: Opening, rows: int) -> list[int]:
    """Find the totals row: last, begins with such a word, and empty where rows are usually filled."""
    names = ", ".join(map(quoted, opening.headers))
    last = opening.connection.execute(
        f"select rowid, {opening.row_number}, {names} from {opening.table} where rowid >= {rows - LAST_ROWS} order by rowid desc"
    ).fetchall()
    found = []
    for row, number, *cells in last:
        if is_total(cells) and _lacks_what_rows_have(opening, cells, row):
            opening.reject(number, TOTALS_ROW, "note")
            found.append(row)
    return found


def _lacks_what_rows_have(opening: Opening, cells: list[str | None], row: int) -> bool:
    empty = [header for header, cell in zip(opening.headers, cells, strict=True) if not cell]
    if not empty:
        return False
    counts = _one(
        opening,
        f"count(*), {', '.join(f'count({quoted(h)})' for h in empty)}",
        f"rowid < {row} and rowid >= {row - 10_000}",
    )
    return any(count >= USUALLY_FILLED * counts[0] > 0 for count in counts[1:])
