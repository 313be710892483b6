"""Reads relations of a PostgreSQL database: one read-only snapshot, every value as text, rows in a fixed order.

No message of the server or of the client library is passed on: it may hold parts of the address, the
password among them, or a person's data. What went wrong is said in words of our own.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from playbook.errors import DataError, PlanError

__all__ = ["Failed", "Relation", "Session"]

EXAMPLE = "postgresql://user:password@host:5432/database"
CONNECT_SECONDS = 15
SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "3",
    "statement_timeout": "30min",
    "lock_timeout": "30s",
    "idle_in_transaction_session_timeout": "0",
}
"""How values are written, and how long a statement and a lock may take; for our transaction only."""
NUMBERS = ("numeric", "money", "real", "double precision", "smallint", "integer", "bigint")
NESTED = ("json", "jsonb", "xml", "bytea", "hstore", "record")
REASONS = (
    ("password authentication failed", "user or password is wrong"),
    ("no password supplied", "the address holds no password"),
    ("does not exist", "there is no such database or user"),
    ("no pg_hba.conf entry", "the server does not let this user in from here"),
    ("connection refused", "nothing answers at that host and port"),
    ("no such file or directory", "nothing answers at that socket"),
    ("could not translate host name", "the host's name is not known"),
    ("failed to resolve host", "the host's name is not known"),
    ("timeout expired", "the server did not answer in time"),
    ("ssl", "the encrypted connection failed"),
    ("certificate", "the encrypted connection failed"),
    ("too many clients", "the server has no free connection"),
    ("starting up", "the server is starting"),
)  # fmt: skip
"""What the client library says, in small letters, to our words."""
LISTED: LiteralString = """
select n.nspname, c.relname, c.oid,
       has_schema_privilege(n.oid, 'usage') and (has_table_privilege(c.oid, 'select') or has_any_column_privilege(c.oid, 'select')),
       row_security_active(c.oid)
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname not like 'pg\\_t%' order by 1, 2"""
COLUMNS: LiteralString = """
select a.attname, format_type(case t.typtype when 'd' then t.typbasetype else t.oid end, null), a.attcollation <> 0
from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid
where a.attrelid = %s and a.attnum > 0 and not a.attisdropped order by a.attname collate "C" """
PRIMARY_KEY: LiteralString = """
select a.attname from pg_catalog.pg_index i, unnest(i.indkey::smallint[]) with ordinality as k(number, place)
join pg_catalog.pg_attribute a on a.attnum = k.number
where i.indrelid = %s and i.indisprimary and a.attrelid = i.indrelid order by k.place"""


class Failed(Exception):
    """A statement that the server did not finish; ``what`` and ``mend`` are in words of our own."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(what)
        self.what = what
        self.mend = mend


@dataclass(frozen=True)
class Relation:
    """A table or view: its name, whether the user may read it, and whether rows of it are hidden from the user."""

    schema: str
    name: str
    oid: int
    readable: bool
    filtered: bool


@dataclass(frozen=True)
class Column:
    """A column: its name, the name of its type (of a domain's base), and whether its order depends on a collation."""

    name: str
    kind: str
    collated: bool


class Session:
    """One connection and one REPEATABLE READ, read-only transaction, in which all relations are read.

    Parameters
    ----------
    name
        The database's name in the engagement file.
    variable
        The environment variable that holds its address.

    Raises
    ------
    PlanError
        When the variable is not set or holds no address.
    DataError
        When the server cannot be reached or does not let the user in.
    """

    def __init__(self, name: str, variable: str) -> None:
        self.name = name
        self._connection = _connect(name, variable)
        try:
            with self._connection.cursor() as cursor:
                for setting, value in SETTINGS.items():
                    cursor.execute("select set_config(%s, %s, true)", (setting, value))
        except psycopg.Error as error:
            failed = _failure(error)
        else:
            return
        self.close()
        raise DataError(f"database {name}: {failed.what}; {failed.mend}")

    def close(self) -> None:
        """End the transaction and the connection."""
        self._connection.close()

    def relations(self) -> list[Relation]:
        """Return the tables and views of all schemas but the system's own."""
        return [Relation(*row) for row in self._rows(LISTED)]

    def columns(self, relation: Relation) -> list[Column]:
        """Return a relation's columns in order of name: how a table was made must not matter."""
        return [Column(*row) for row in self._rows(COLUMNS, (relation.oid,))]

    def count(self, relation: Relation) -> int:
        """Return the number of a relation's rows."""
        found = self._rows(sql.SQL("select count(*) from {}").format(_identifier(relation)))
        return int(found[0][0])

    def copy(
        self, relation: Relation, columns: list[Column], path: Path, check: Callable[[int], None]
    ) -> None:
        r"""Write a relation's rows as CSV without header: values quoted, NULL as ``\N`` without quotes.

        Rows stand in order of the primary key or, where there is none, of the text of the row, so that the
        same rows give the same bytes. ``check`` is called with the bytes so far and may raise.
        """
        fields = sql.SQL(", ").join(map(_text, columns))
        statement = sql.SQL(
            "copy (select {} from {} as rows_of order by {}) to stdout (format csv, force_quote *, null '\\N', encoding 'utf8')"
        ).format(fields, _identifier(relation), self._order(relation, columns))
        written = 0
        try:
            with (
                path.open("wb") as file,
                self._connection.transaction(),
                self._connection.cursor() as cursor,
                cursor.copy(statement) as rows,
            ):
                for block in rows:
                    written += file.write(block)
                    check(written)
            return
        except psycopg.Error as error:
            failed = _failure(error)
        raise failed

    def digest(self, relation: Relation) -> str:
        """Return a text that changes when a relation's rows, columns or types change; the order of rows does not matter.

        The server adds up two 64-bit hashes of each row, so that nothing but one line is sent.
        """
        columns = self.columns(relation)
        row = _row(columns)
        found = self._rows(
            sql.SQL(
                "select count(*), coalesce(sum(hashtextextended(r, 0)), 0), coalesce(sum(hashtextextended(r, 1)), 0) "
                'from (select {} collate "C" as r from {}) as rows_as_text'
            ).format(row, _identifier(relation))
        )
        kinds = [(column.name, column.kind) for column in columns]
        return f"{relation.schema}.{relation.name} {kinds} {' '.join(map(str, found[0]))}"

    def _order(self, relation: Relation, columns: list[Column]) -> sql.Composable:
        named = {column.name: column for column in columns}
        key = [named[name] for (name,) in self._rows(PRIMARY_KEY, (relation.oid,))]
        plain = sql.SQL(' collate "C"')
        names = [sql.Identifier("rows_of", column.name) for column in key]
        parts = [name + plain if c.collated else name for name, c in zip(names, key, strict=True)]
        return sql.SQL(", ").join(parts) if parts else _row(columns) + plain

    def _rows(
        self, statement: LiteralString | sql.Composed, values: tuple | None = None
    ) -> list[tuple]:
        """Return a statement's rows; a failed one leaves the snapshot usable."""
        try:
            with self._connection.transaction(), self._connection.cursor() as cursor:
                return cursor.execute(statement, values).fetchall()
        except psycopg.Error as error:
            failed = _failure(error)
        raise failed


def _connect(name: str, variable: str) -> psycopg.Connection:
    address = os.environ.get(variable, "").strip()
    if not address:
        raise PlanError(
            f"database {name}: the environment variable {variable} is not set; set it to the address, such as "
            f"export {variable}='{EXAMPLE}'"
        )
    reason = ""
    try:
        given = conninfo_to_dict(address)
        ours: dict[str, str | int] = {
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "playbook",
        }
        added = {key: value for key, value in ours.items() if key not in given}
        complete = make_conninfo(address, client_encoding="utf8", **added)
        connection = psycopg.connect(complete, prepare_threshold=None)
    except psycopg.ProgrammingError:
        pass
    except psycopg.Error as error:
        said = str(error).lower()
        words = (ours for theirs, ours in REASONS if theirs in said)
        reason = next(words, "the server could not be reached or did not let the user in")
    else:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        return connection
    if not reason:
        raise PlanError(
            f"database {name}: the environment variable {variable} holds no valid address; expected "
            f"{EXAMPLE}, with signs such as @ / : # % in the password written as %40 %2F %3A %23 %25"
        )
    raise DataError(
        f"database {name}: {reason}; check the address in {variable}: psql \"${variable}\" -c 'select 1' says more"
    )


def _failure(error: psycopg.Error) -> Failed:
    """Return what went wrong, by its code and never by the server's text, which may hold data."""
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return Failed("the user may not read it", "ask for the right to select from it")
    if isinstance(error, psycopg.errors.QueryCanceled):
        limit = SETTINGS["statement_timeout"]
        return Failed(f"reading it took longer than {limit}", "ask for a table in place of the view, or for an export")  # fmt: skip
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return Failed("another user is changing it", "run again when the change is done")
    if error.sqlstate:
        kind = type(error).__name__
        return Failed(f"the server reports {kind} (code {error.sqlstate})", "ask the database's owner to select all of it once")  # fmt: skip
    return Failed("the connection was lost", "run again")


def _identifier(relation: Relation) -> sql.Identifier:
    return sql.Identifier(relation.schema, relation.name)


def _text(column: Column) -> sql.Composed:
    """Return a value's text: money without its sign, whole numbers without exponent, times in UTC."""
    name = sql.Identifier(column.name)
    if column.kind == "money":
        return sql.SQL("{}::numeric::text").format(name)
    if column.kind in ("real", "double precision"):
        return sql.SQL(
            "case when {0} = trunc({0}) and abs({0}) < 9007199254740992 then {0}::bigint::text else {0}::text end"
        ).format(name)
    return sql.SQL("{}::text").format(name)


def _row(columns: list[Column]) -> sql.Composed:
    """Return a whole row as text; NULL and the empty text differ in it."""
    return sql.SQL("row({})::text").format(sql.SQL(", ").join(map(_text, columns)))
