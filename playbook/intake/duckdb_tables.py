"""Writes one table of a DuckDB file as Parquet of text; run as a process of its own, so that a hostile file can only end that.

Only base tables are read: a view is a query of the sender's, which could read other files. Beside that the
engine may open nothing but the file itself, load no extension, and have its settings changed by nobody.
This script knows only the standard library, DuckDB and PyArrow.
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["list_tables", "write_table"]

MEGABYTE = 1_000_000
BATCH = 50_000
DIGITS_KEPT = 2**53
NOT_OPENED, NO_TABLE, TOO_LARGE, NOT_READ = 3, 4, 5, 6
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
           "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL")  # fmt: skip


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _opened(file: Path, spill: Path, memory: int) -> duckdb.DuckDBPyConnection:
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "threads": "1",
        "memory_limit": f"{memory}MB",
        "temp_directory": str(spill),
    }
    connection = duckdb.connect(":memory:", config=settings)
    path = str(file).replace("'", "''")
    connection.execute(f"attach '{path}' as client (type duckdb, read_only)")
    connection.execute("set timezone = 'UTC'; set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection


def list_tables(connection: duckdb.DuckDBPyConnection) -> list[dict]:
    """Return schema, name and whether it is a view, for every table and view of the file."""
    found = connection.execute(
        "select schema_name, table_name, false from duckdb_tables() where database_name = 'client' union all "
        "select schema_name, view_name, true from duckdb_views() where database_name = 'client' and not internal order by all"
    ).fetchall()
    return [{"schema": schema, "name": name, "view": view} for schema, name, view in found]


def _text(name: str, kind: str) -> str:
    column = _quoted(name)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"replace(cast({column} at time zone 'UTC' as varchar), ' ', 'T') || 'Z'"
    if kind in ("DOUBLE", "FLOAT"):
        whole = f"{column} = trunc({column}) and abs({column}) < {DIGITS_KEPT}"
        return f"case when isnan({column}) then null when {whole} then cast(cast({column} as bigint) as varchar) else cast({column} as varchar) end"
    return f"cast({column} as varchar)"


def write_table(
    connection: duckdb.DuckDBPyConnection, schema: str, name: str, target: Path, limit: int
) -> dict:
    """Write a table's rows, in order of its key or of all its values, and return what it is.

    Columns stand in order of name, as ``c0``, ``c1`` and so on; the names are in the result.
    """
    relation = f"client.{_quoted(schema)}.{_quoted(name)}"
    described = connection.execute(f"describe {relation}").fetchall()
    columns = sorted((row[0], str(row[1])) for row in described)
    keys = connection.execute(
        "select constraint_column_names from duckdb_constraints() where database_name = 'client' and schema_name = ? "
        "and table_name = ? and constraint_type = 'PRIMARY KEY'", [schema, name]
    ).fetchall()  # fmt: skip
    rows = connection.execute(f"select count(*) from {relation}").fetchall()[0][0]
    if rows * len(columns) > limit:
        sys.exit(TOO_LARGE)
    shown = ", ".join(f"{_text(n, kind)} as c{i}" for i, (n, kind) in enumerate(columns))
    order = ", ".join(f"rows_of.{_quoted(n)}" for n in keys[0][0]) if keys else ", ".join(f"c{i}" for i in range(len(columns)))  # fmt: skip
    found = connection.sql(f"select {shown} from {relation} as rows_of order by {order}")
    fields = pa.schema([(f"c{i}", pa.string()) for i in range(len(columns))])
    size = 0
    with pq.ParquetWriter(target, fields) as file:
        for batch in found.fetch_arrow_reader(BATCH):
            size += batch.nbytes
            if size > limit:
                sys.exit(TOO_LARGE)
            file.write_batch(batch.cast(fields))
    kinds = {n: kind.split("(")[0] for n, kind in columns}
    nested = [n for n, kind in columns if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "BLOB", "UNION"))]  # fmt: skip
    numbers = [n for n, kind in kinds.items() if kind in NUMBERS]
    return {"columns": [n for n, _ in columns], "rows": rows, "nested": nested, "numbers": numbers}


def main(file: str, folder: str, wanted: str, limit: str, memory: str, seconds: str) -> None:
    """Write ``tables.json``, and ``table.json`` and ``table.parquet`` where exactly one table is named as wanted."""
    most = 4 * int(memory) * MEGABYTE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        connection = _opened(Path(file), Path(folder) / "spill", int(memory))
        tables = list_tables(connection)
    except duckdb.Error:
        sys.exit(NOT_OPENED)
    (Path(folder) / "tables.json").write_text(json.dumps(tables), encoding="utf-8")
    named = [t for t in tables if wanted in (f"{t['schema']}.{t['name']}", t["name"])]
    if len(named) != 1 or named[0]["view"]:
        sys.exit(NO_TABLE)
    try:
        table = write_table(
            connection, named[0]["schema"], named[0]["name"], Path(folder) / "table.parquet", int(limit)
        )  # fmt: skip
    except duckdb.Error:
        sys.exit(NOT_READ)
    (Path(folder) / "table.json").write_text(json.dumps(table), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
