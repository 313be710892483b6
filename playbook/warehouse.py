"""Runs the queries of ``playbook/queries`` over one run's tables, as of a day.

The tables are seen through views that hide every row known after ``as_of`` and blank every
outcome filled in later; no query can look into the future. A table the client did not deliver is
an empty view of the same columns. What several queries build on is prepared once, when one of
them first asks for it (``queries/prepared``).
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from playbook.errors import DataError
from playbook.tables import SQL_TYPE, TABLES

__all__ = ["PREPARED", "QUERIES", "Warehouse", "prepared_for", "view_sql"]

QUERIES = Path(__file__).parent / "queries"
PREPARED = {path.stem: path for path in sorted((QUERIES / "prepared").glob("*.sql"))}
"""Tables that several queries read: each a query of its own over the standard tables, without parameters."""

WORDS = ("touchpoint", "channel", "stage")
"""Columns of contacts with few different words."""

PLAIN = ("VARCHAR", "BOOLEAN", "DOUBLE", "BIGINT", "INTEGER", "HUGEINT", "DECIMAL", "ENUM")
"""Kinds that Arrow hands to pandas without an object for each value (and times without a zone)."""
READ_AS = {"HUGEINT": "double", "DECIMAL": "double", "ENUM": "varchar"}
"""Kinds among them that pandas does not know, and what they are read as."""


def quoted(name: str) -> str:
    """Return an SQL identifier, safe whatever it contains."""
    return '"' + name.replace('"', '""') + '"'


def end_of(day: date) -> datetime:
    """Return the last instant of a day (UTC)."""
    return datetime.combine(day, time(23, 59, 59, 999999))


def view_sql(name: str, columns: list[str], source: str, as_of: date) -> str:
    """Return the SELECT that shows table ``name`` as it was known at the end of ``as_of``.

    Parameters
    ----------
    columns
        Columns the source holds, standard ones and attributes.
    source
        What stands after FROM.
    """
    table = TABLES[name]
    instant = f"timestamp '{end_of(as_of):%Y-%m-%d %H:%M:%S.%f}'"
    blanked = {column: at for at, filled in table.later.items() for column in filled}
    shown = [
        f"case when {blanked[c]} <= {instant} then {quoted(c)} end as {quoted(c)}"
        if c in blanked
        else quoted(c)
        for c in columns
    ]
    limit = str(as_of.year) if table.known_at == "year" else instant
    known = (
        f" where {table.known_at} is null or {table.known_at} <= {limit}" if table.known_at else ""
    )
    return f"select {', '.join(shown)} from {source}{known}"


def prepared_for(text: str) -> list[str]:
    """Return the prepared tables that a query's text names."""
    return [name for name in PREPARED if re.search(rf"\b{name}\b", text)]


class Warehouse:
    """The tables of one run, as of a day, on DuckDB in this process.

    Parameters
    ----------
    tables
        Folder of the standard tables (Parquet).
    as_of
        Last day whose rows may be seen.
    """

    def __init__(self, tables: Path, as_of: date) -> None:
        self.as_of = as_of
        self._tables = tables
        self._prepared: set[str] = set()

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(":memory:")
        connection.execute("set threads = 1")
        connection.execute("set autoinstall_known_extensions = false")
        connection.execute("set timezone = 'UTC'")
        connection.execute(
            "set allowed_directories = [$folder]".replace("$folder", _literal(self._tables))
        )
        connection.execute("set enable_external_access = false")
        for name in TABLES:
            connection.execute(f"create view {name} as {self._view(connection, name)}")
        connection.execute("set lock_configuration = true")
        return connection

    def _view(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        path = self._tables / f"{name}.parquet"
        if not path.is_file():
            typed = (
                f"cast(null as {SQL_TYPE[column.kind]}) as {quoted(label)}"
                for label, column in TABLES[name].columns.items()
            )
            return f"select {', '.join(typed)} where false"
        source = f"read_parquet({_literal(path)})"
        columns = [
            row[0] for row in connection.execute(f"describe select * from {source}").fetchall()
        ]
        return view_sql(name, columns, source, self.as_of)

    def has(self, name: str) -> bool:
        """Whether the client delivered table ``name`` (with at least one row visible)."""
        path = self._tables / f"{name}.parquet"
        return path.is_file() and self.count(name) > 0

    def count(self, name: str) -> int:
        """Return the number of visible rows of a standard table."""
        row = self._connection.execute(f"select count(*) from {_known(name)}").fetchall()[0]
        return int(row[0]) if row else 0

    def table_coverage(self, name: str) -> pd.DataFrame:
        """Return how full each column of a standard table is.

        Returns
        -------
        pandas.DataFrame
            One row a column: ``table``, ``column``, ``required``, ``rows``, ``filled`` (rows with a value)
            and ``latest``, the time of the table's last visible row (none where rows have no time).
        """
        table = TABLES[_known(name)]
        columns = list(table.columns)
        counts = ", ".join(f"count({quoted(column)}) as {quoted(column)}" for column in columns)
        timed = bool(table.known_at) and table.columns[table.known_at].kind == "time"
        latest = f"max({quoted(table.known_at)})" if timed else "null"
        sql = f"select count(*) as all_rows, {latest} as latest_known, {counts} from {name}"
        row = self._frame(sql, {}).iloc[0]
        return pd.DataFrame(
            {
                "table": name,
                "column": columns,
                "required": [table.columns[column].required for column in columns],
                "rows": int(row["all_rows"]),
                "filled": [int(row[column]) for column in columns],
                "latest": pd.Series([row["latest_known"]] * len(columns), dtype="datetime64[us]"),
            }
        )

    def table(self, name: str) -> pd.DataFrame:
        """Return a whole standard table, for the small ones a model receives by row."""
        key = ", ".join(TABLES[_known(name)].key) or "all"
        return self._frame(f"select * from {_known(name)} order by {key}", {})

    def query(self, name: str, **parameters: Any) -> pd.DataFrame:
        """Return the rows of ``queries/<name>.sql``; ``$as_of`` is always bound.

        Raises
        ------
        DataError
            When there is no such query or the query fails, naming it.
        """
        path = QUERIES / f"{name}.sql"
        if not path.is_file():
            raise DataError(f"query {name}: no file playbook/queries/{name}.sql")
        text = path.read_text(encoding="utf-8")
        bound = {"as_of": self.as_of} | parameters
        try:
            self._prepare_for(text)
            return self._frame(text, {k: v for k, v in bound.items() if f"${k}" in text})
        except duckdb.Error as error:
            raise DataError(f"query {name}: {error}") from error

    def _prepare_for(self, text: str) -> None:
        """Make the prepared tables a query names, and those they build on, unless they are there."""
        for name in prepared_for(text):
            if name not in self._prepared:
                made_from = PREPARED[name].read_text(encoding="utf-8")
                self._prepare_for(made_from)
                self._prepare(name, made_from)
                self._prepared.add(name)

    def _prepare(self, name: str, sql: str) -> None:
        """Make a prepared table; the words of contacts are numbered, which halves the time to group by them."""
        if not self._prepared:
            words = " union ".join(
                f"select {column} as word from interactions"
                for column in (*WORDS, "trim(touchpoint)")
            )
            self._connection.execute(
                f"create type word as enum (select word from ({words} union select 'unknown') where word is not null order by word)"
            )
        columns = [row[0] for row in self._connection.execute(f"describe {sql}").fetchall()]
        numbered = ", ".join(f"cast({c} as word) as {c}" for c in columns if c in WORDS)
        self._connection.execute(f"create table {name} as select * replace ({numbered}) from ({sql})")  # fmt: skip

    def _frame(self, sql: str, parameters: dict[str, Any]) -> pd.DataFrame:
        relation = self._connection.sql(sql, params=parameters)
        kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
        if all(kind == "TIMESTAMP" or (kind.startswith(PLAIN) and not kind.endswith("]")) for kind in kinds.values()):  # fmt: skip
            return _by_arrow(relation, kinds)
        frame = relation.df()
        for label, kind in kinds.items():
            frame[label] = _typed(frame[label], kind)
        return frame


def _by_arrow(relation: duckdb.DuckDBPyRelation, kinds: dict[str, str]) -> pd.DataFrame:
    """Return rows of plain kinds through Arrow: objects for the texts of a million customers cost as much as finding them."""
    read_as = {label: READ_AS[k] for label, kind in kinds.items() for k in READ_AS if kind.startswith(k)}  # fmt: skip
    if read_as:
        shown = (
            f"cast({quoted(label)} as {read_as[label]}) as {quoted(label)}"
            if label in read_as
            else quoted(label)
            for label in kinds
        )
        relation = relation.project(", ".join(shown))
    table = relation.to_arrow_table()
    types: dict[pa.DataType, Any] = {pa.bool_(): pd.BooleanDtype()}
    frame = table.to_pandas(types_mapper=types.get)
    types |= {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype()}
    for label in table.column_names:
        column = table[label]
        if column.null_count and column.type in types:
            frame[label] = column.to_pandas(types_mapper=types.get)
    return frame


def _typed(values: pd.Series, kind: str) -> pd.Series:
    if kind.startswith(("VARCHAR", "STRING", "str")):
        return values.astype("str")
    if kind.startswith("BOOL") or kind == "bool":
        return values.astype("boolean")
    if kind.startswith(("TIMESTAMP", "DATE")):
        return values.astype("datetime64[us]")
    if kind.startswith("DECIMAL"):
        return values.astype("float64")
    return values


def _known(name: str) -> str:
    if name not in TABLES:
        raise DataError(f"table {name}: not a standard table (see docs/data-dictionary.md)")
    return name


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
