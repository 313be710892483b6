"""Joins the files of a table; marks exact repeats as merged and conflicting rows as problems."""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from playbook.intake.derive import number_lines
from playbook.tables import TABLES
from playbook.warehouse import quoted

__all__ = ["columns_of", "join_files", "mark_duplicates"]


def columns_of(db: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """Return the names of the columns of a staged table, hidden ones included."""
    return [row[0] for row in db.execute(f"describe all_{table}").fetchall()]


def join_files(db: duckdb.DuckDBPyConnection, table: str, stages: list[str]) -> None:
    """Make ``all_<table>`` of the stages of its files."""
    if len(stages) == 1:
        db.execute(f"alter table {stages[0]} rename to all_{table}")
        return
    union = " union all by name ".join(f"select * from {stage}" for stage in stages)
    db.execute(f"create temp table all_{table} as {union}")
    for stage in stages:
        db.execute(f"drop table {stage}")


def mark_duplicates(db: duckdb.DuckDBPyConnection, table: str) -> None:
    """Mark rows of one key: exact repeats of the first one as merged, others as problems."""
    content = [c for c in columns_of(db, table) if not c.startswith("_")]
    if table == "order_lines" and "line" not in content:
        number_lines(db)
    elif TABLES[table].key:
        _compare(db, table, TABLES[table].key, content)


def _compare(
    db: duckdb.DuckDBPyConnection, name: str, key: tuple[str, ...], content: list[str]
) -> None:
    keys = ", ".join(key)
    if not _keys_repeat(db, name, keys):
        return
    row = "row(" + ", ".join(quoted(c) for c in content) + ")"
    db.execute(
        f"create temp table twice as select {keys}, count(distinct cast({row} as varchar)) as versions, "
        f"min(_file || ' row ' || _row) as place from all_{name} where _problem is null "
        f"and hash({keys}) in (select h from again) group by all having count(*) > 1"
    )
    same = " and ".join(f"a.{k} is not distinct from t.{k}" for k in key)
    shown = " || ', ' || ".join(f"coalesce(cast(a.{k} as varchar), '')" for k in key)
    db.execute(
        f"update all_{name} as a set _problem = '{', '.join(key)} ' || {shown} || ' stands more than once with different "
        f"content (first: ' || t.place || '); one row per {', '.join(key)} expected' "
        f"from twice t where {same} and t.versions > 1 and a._problem is null"
    )
    db.execute(
        f"update all_{name} as a set _merged = true from (select _file, _row, row_number() over (partition by "
        f"{', '.join('b.' + k for k in key)} order by _file, _row) as place from all_{name} b join twice t on "
        f"{same.replace('a.', 'b.')} where t.versions = 1 and b._problem is null) d "
        f"where a._file = d._file and a._row = d._row and d.place > 1"
    )
    db.execute("drop table twice; drop table again")


def _keys_repeat(db: duckdb.DuckDBPyConnection, name: str, keys: str) -> bool:
    """Return whether keys stand twice; table ``again`` then holds the hashes that do.

    Sorting the hashes in one array takes a fraction of the time and memory of grouping the keys.
    """
    hashes = db.execute(f"select hash({keys}) as h from all_{name} where _problem is null").fetchnumpy()["h"]  # fmt: skip
    ordered = np.sort(np.asarray(hashes, dtype="uint64"))
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(repeated):
        return False
    db.register("repeated", pa.table({"h": repeated}))
    db.execute("create or replace temp table again as select h from repeated")
    db.unregister("repeated")
    return True
