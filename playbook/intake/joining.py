"""Makes one column of several, such as a name of first and family name, or a time of date and clock."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

import duckdb

from playbook.engagement.delivery import Source
from playbook.intake.delivered import Delivered
from playbook.intake.problems import FileRefused
from playbook.intake.synonyms import match_parts
from playbook.intake.words import ERRORS, any_of
from playbook.tables import TABLES
from playbook.warehouse import quoted

__all__ = ["join_columns", "joint", "joints"]


def joint(parts: Sequence[str]) -> str:
    """Return the header of the joined column, such as ``FirstName + LastName``."""
    return " + ".join(parts)


def joints(source: Source, headers: Sequence[str]) -> dict[str, list[str]]:
    """Return our column to the headers that make it: as declared, else where words for its parts are known.

    A column that is declared, or that one header fills, is not joined.
    """
    known = match_parts(source.table, headers) if source.table in TABLES else {}
    told = {*source.columns, *source.constants}
    return {c: parts for c, parts in known.items() if c not in told} | source.join


def join_columns(db: duckdb.DuckDBPyConnection, source: Source, delivered: Delivered) -> Delivered:
    """Return the opened file with a column for each join: the parts in order, a blank between, empty ones left out.

    Raises
    ------
    FileRefused
        When a declared part is not in the file.
    """
    made = joints(source, delivered.headers)
    if not made:
        return delivered
    for column, parts in made.items():
        for missing in [p for p in parts if p not in delivered.headers]:
            close = difflib.get_close_matches(missing, delivered.headers, n=1, cutoff=0)
            raise FileRefused(
                f"{delivered.path.name}: no column {missing!r} (part of {source.table}.{column}); the nearest "
                f"header is {close[0] if close else 'none'!r}",
                "correct the entry under join in engagement.yml or ask for the column",
            )
    nothing = any_of(("", *source.nulls, *ERRORS))
    columns = []
    for parts in made.values():
        cells = [f"trim({quoted(p)}, ' \t\u00a0')" for p in parts]
        kept = ", ".join(
            f"case when {cell} in ({nothing}) then null else {cell} end" for cell in cells
        )
        columns.append(f"nullif(concat_ws(' ', {kept}), '') as {quoted(joint(parts))}")
    db.execute(f"alter view {delivered.relation} rename to {delivered.relation}_parts")
    db.execute(
        f"create temp view {delivered.relation} as select *, {', '.join(columns)} from {delivered.relation}_parts"
    )
    return replace(delivered, headers=[*delivered.headers, *map(joint, made.values())])
