"""Loads Parquet: each typed column as the text that says the same."""

from __future__ import annotations

from pathlib import Path

import duckdb

from playbook.intake.delivered import Opening, literal
from playbook.warehouse import quoted

__all__ = ["load_parquet"]

MEGABYTE = 1_000_000
DIGITS_KEPT = 2**53


def load_parquet(opening: Opening, path: Path) -> None:
    """Load a Parquet file into the opening's table of text.

    Raises
    ------
    FileRefused
        When it is damaged, or would unpack to more than the limits allow.
    """
    file = f"read_parquet({literal(path)}, hive_partitioning = false)"
    try:
        _check_size(opening, path)
        described = opening.connection.execute(f"describe select * from {file}").fetchall()
        columns = [(row[0], row[1]) for row in described]
        if len(columns) > opening.limits.columns:
            raise opening.refused(
                f"{len(columns):,} columns are more than the {opening.limits.columns:,} allowed",
                "send only what is needed, or raise columns under limits in engagement.yml",
            )
        texts = ", ".join(f"{_text(quoted(n), kind)} as {quoted(n)}" for n, kind in columns)
        opening.connection.execute(
            f"create or replace temp table {opening.table} as select {texts} from {file}"
        )
        _note_lost_digits(opening, file, columns)
    except duckdb.Error:
        raise opening.refused(
            "cannot be read: the Parquet file is cut off or damaged", "send it again, whole"
        ) from None
    opening.headers = [name for name, _ in columns]
    opening.row_number = "rowid + 2"
    for name, kind in columns:
        if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "BLOB")):
            opening.note(
                f"column {name!r} holds {kind.split('(')[0].lower()} values; they are kept as text",
                "nothing to do, or send them as columns of their own",
            )


def _check_size(opening: Opening, path: Path) -> None:
    """Refuse a file whose few bytes stand for far more: equal values are written once."""
    rows, size = opening.connection.execute(
        f"select (select sum(num_rows) from parquet_file_metadata({literal(path)})), "
        f"(select sum(greatest(total_uncompressed_size, num_values)) from parquet_metadata({literal(path)}))"
    ).fetchall()[0]
    limit = opening.limits.unpacked_megabytes
    if max(size or 0, rows or 0) > limit * MEGABYTE:
        raise opening.refused(
            f"unpacks to more than the {limit:,g} MB allowed",
            "split the file, or raise unpacked_megabytes under limits in engagement.yml",
        )


def _text(name: str, kind: str) -> str:
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"replace(cast({name} at time zone 'UTC' as varchar), ' ', 'T') || 'Z'"
    if kind in ("DOUBLE", "FLOAT"):
        whole = f"{name} = trunc({name}) and abs({name}) < {DIGITS_KEPT}"
        return f"case when isnan({name}) then null when {whole} then cast(cast({name} as bigint) as varchar) else cast({name} as varchar) end"
    return f"cast({name} as varchar)"


def _note_lost_digits(opening: Opening, file: str, columns: list[tuple[str, str]]) -> None:
    for name in [name for name, kind in columns if kind in ("DOUBLE", "FLOAT")]:
        count = opening.connection.execute(
            f"select count(*) from {file} where isfinite({quoted(name)}) and abs({quoted(name)}) >= {DIGITS_KEPT}"
        ).fetchall()[0][0]
        if count:
            opening.note(
                f"column {name!r} holds numbers of more than 15 digits, whose last digits are lost",
                "write the column as text or as whole numbers",
                "problem",
                count=count,
            )
