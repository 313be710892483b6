"""Reads the relations of databases that an engagement names: PostgreSQL by address, or a DuckDB file of the inbox."""

from __future__ import annotations

import difflib
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd

from playbook.engagement.delivery import Source
from playbook.engagement.model import Engagement
from playbook.intake import duckdb_tables
from playbook.intake.delivered import Delivered, FileReading, Opening, literal
from playbook.intake.guard import check_size
from playbook.intake.problems import FileRefused
from playbook.intake.tidy import name_columns
from playbook.warehouse import quoted

if TYPE_CHECKING:
    from playbook.intake.postgresql import Relation, Session

__all__ = ["Databases", "content_digest", "label"]

MEGABYTE = 1_000_000
MEMORY_MEGABYTES = 2000
SECONDS = 1200


def label(source: Source) -> str:
    """Return the name that stands for a relation where a file's name would stand."""
    return f"{source.database}.{source.relation}".replace("/", "_")


class Databases:
    """The databases of one intake: each PostgreSQL server is asked in one snapshot, opened when first needed.

    A connection is closed once the last relation of its database is read, and at the end at the latest.
    """

    def __init__(self, engagement: Engagement, inbox: Path) -> None:
        self._engagement = engagement
        self._inbox = inbox
        self._sessions: dict[str, Session] = {}
        self._waiting = Counter(source.database for source in engagement.inbox if source.database)

    def __enter__(self) -> Databases:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._sessions):
            self._sessions.pop(name).close()

    @property
    def files(self) -> set[Path]:
        """The files of the inbox that entries read as databases, with what DuckDB keeps beside them."""
        named = [self._engagement.databases[name].file for name in self._waiting]
        return {self._inbox / f"{file}{end}" for file in named if file for end in ("", ".wal")}

    def open_relation(self, connection: duckdb.DuckDBPyConnection, source: Source) -> Delivered:
        """Load a relation's rows as text, numbered from 1 in order of its key or, without one, of all values.

        Raises
        ------
        PlanError
            When the environment does not hold the database's address.
        DataError
            When the server cannot be reached: nothing is said of its tables then.
        FileRefused
            When the relation or the DuckDB file cannot be used.
        """
        database = self._engagement.databases[source.database]
        with tempfile.TemporaryDirectory(prefix="playbook-") as scratch:
            path = self._inbox / database.file if database.file else Path(label(source))
            opening = Opening(connection, path, source, self._engagement.limits, Path(scratch))
            opening.kind = database.kind
            try:
                if database.kind == "duckdb":
                    numbers, size = _load_duckdb(opening, self._inbox)
                else:
                    numbers, size = _load_postgresql(opening, self._session(source.database))
            except BaseException:
                connection.execute(f"drop table if exists {opening.table}")
                raise
            finally:
                self._waiting[source.database] -= 1
                if source.database in self._sessions and not self._waiting[source.database]:
                    self._sessions.pop(source.database).close()
        return _delivered(opening, numbers, size)

    def _session(self, name: str) -> Session:
        if name not in self._sessions:
            self._sessions[name] = _start(self._engagement, name)
        return self._sessions[name]


def content_digest(engagement: Engagement) -> str:
    """Return a text that changes when the content of a relation in PostgreSQL changes; empty where none is named.

    A relation that is not there or cannot be read has a digest of its own, so that intake says what is wrong.

    Raises
    ------
    PlanError, DataError
        When a database cannot be reached: whether something is up to date is then not known.
    """
    from playbook.intake.postgresql import Failed

    digests = []
    wanted = sorted({(source.database, source.relation) for source in engagement.inbox if source.database})  # fmt: skip
    for name in sorted({database for database, _ in wanted}):
        if engagement.databases[name].kind != "postgresql":
            continue
        session = _start(engagement, name)
        try:
            known = session.relations()
            for relation in [relation for database, relation in wanted if database == name]:
                try:
                    found = [session.digest(one) for one in _named(known, relation)]
                except Failed as failed:
                    found = [failed.what]
                digests.append(f"{name} {relation}: {found}")
        finally:
            session.close()
    return "\n".join(digests)


def _start(engagement: Engagement, name: str) -> Session:
    from playbook.intake.postgresql import Session

    return Session(name, engagement.databases[name].url_env)


def _named(known: list[Relation], wanted: str) -> list[Relation]:
    """Return the relations that a text names: ``schema.table``, or ``table`` alone."""
    return [one for one in known if wanted in (f"{one.schema}.{one.name}", one.name)]


def _unknown(opening: Opening, wanted: str, found: list[str], known: list[str]) -> FileRefused:
    """Return the refusal of a name that fits no relation or several, with those that are near."""
    if len(found) > 1:
        several = ", ".join(found)
        return opening.refused(
            f"{wanted!r} stands in several schemas ({several})",
            "name one of them with its schema as relation in engagement.yml",
        )
    near = difflib.get_close_matches(wanted, known, n=3, cutoff=0)
    return opening.refused(
        f"no table {wanted!r}; " + (f"near: {', '.join(near)}" if near else "there is none at all"),
        "correct relation in engagement.yml, or ask for the right to see that schema",
    )


def _load_postgresql(opening: Opening, session: Session) -> tuple[list[str], int]:
    """Load a relation into the opening's table of text; return its headers that hold numbers, and its bytes."""
    from playbook.intake.postgresql import Failed

    try:
        return _copy(opening, session)
    except Failed as error:
        failed = error
    raise opening.refused(failed.what, failed.mend)


def _copy(opening: Opening, session: Session) -> tuple[list[str], int]:
    from playbook.intake.postgresql import NESTED, NUMBERS

    wanted, known = opening.source.relation, session.relations()
    found = _named(known, wanted)
    if len(found) != 1:
        names = [f"{one.schema}.{one.name}" for one in known if one.readable]
        raise _unknown(opening, wanted, [f"{one.schema}.{one.name}" for one in found], names)
    relation = found[0]
    if not relation.readable:
        raise opening.refused("the user may not read it", "ask for the right to select from it")
    if relation.filtered:
        opening.note(
            "the server shows this user only some of its rows (row security)",
            "ask whether all rows were meant to be read",
        )
    columns = session.columns(relation)
    if not columns:
        raise opening.refused("it has no columns", "correct relation in engagement.yml")
    headers = name_columns(opening, [column.name for column in columns])
    expected, file = session.count(relation), opening.scratch / "rows.csv"
    session.copy(relation, columns, file, lambda size: _check_size(opening, size))
    _read_csv(opening, file, headers)
    _check_rows(opening, expected)
    kinds = {header: column.kind for header, column in zip(headers, columns, strict=True)}
    _note_nested(opening, [h for h, kind in kinds.items() if kind in NESTED or kind.endswith("[]")])
    return [h for h, kind in kinds.items() if kind in NUMBERS], file.stat().st_size


def _check_size(opening: Opening, size: int) -> None:
    limit = opening.limits.unpacked_megabytes
    if size > limit * MEGABYTE:
        raise opening.refused(
            f"its rows are more than the {limit:,g} MB allowed",
            "name a view of what is needed, or raise unpacked_megabytes under limits in engagement.yml",
        )


def _read_csv(opening: Opening, file: Path, headers: list[str]) -> None:
    """Read what COPY wrote: each value in quotes but NULL, so that the empty text stays one."""
    longest = int(opening.limits.line_kilobytes * 1000)
    columns = "{" + ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(headers))) + "}"
    shown = ", ".join(f"c{i} as {quoted(header)}" for i, header in enumerate(headers))
    try:
        opening.connection.execute(
            f"create or replace temp table {opening.table} as select {shown} from read_csv({literal(file)}, columns = {columns}, "
            "auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"', nullstr = '\\N', new_line = '\\n', "
            f"allow_quoted_nulls = false, parallel = false, max_line_size = {longest}, buffer_size = {8 * longest})"
        )
    except duckdb.Error:
        raise opening.refused(
            f"a row is longer than the {longest // 1000:,} kB allowed, or its text is not in the database's encoding",
            "name a view without that column, or raise line_kilobytes under limits in engagement.yml",
        ) from None
    opening.headers, opening.row_number = headers, "rowid + 1"


def _check_rows(opening: Opening, expected: int) -> None:
    found = opening.connection.execute(f"select count(*) from {opening.table}").fetchall()[0][0]
    if found != expected:
        raise opening.refused(
            f"the database counts {expected:,} rows and {found:,} arrived",
            "run again; where it is a view, ask for a table, since its rows change while it is read",
        )


def _load_duckdb(opening: Opening, inbox: Path) -> tuple[list[str], int]:
    """Load a table of a DuckDB file into the opening's table of text; return its headers that hold numbers, and its bytes."""
    file = opening.path
    if not file.resolve().is_relative_to(inbox.resolve()):
        raise opening.refused("links out of the inbox", "put a copy of the file there")
    if not file.is_file():
        raise opening.refused(
            "no such file in the inbox", "put it there, or correct file under databases"
        )
    check_size(opening)
    size = file.stat().st_size
    opening.path = Path(label(opening.source))
    table = _in_own_process(opening, file)
    headers = name_columns(opening, table["columns"])
    shown = ", ".join(f"c{i} as {quoted(header)}" for i, header in enumerate(headers))
    written = literal(opening.scratch / "table.parquet")
    opening.connection.execute(
        f"create or replace temp table {opening.table} as select {shown} from read_parquet({written})"
    )
    opening.headers, opening.row_number = headers, "rowid + 1"
    _check_rows(opening, table["rows"])
    named = dict(zip(table["columns"], headers, strict=True))
    _note_nested(opening, [named[column] for column in table["nested"]])
    return [named[column] for column in table["numbers"]], size


def _note_nested(opening: Opening, headers: list[str]) -> None:
    for header in headers:
        opening.note(
            f"column {header!r} holds nested or binary values; they are kept as text",
            "nothing to do, or send them as columns of their own",
        )


def _in_own_process(opening: Opening, file: Path) -> dict[str, Any]:
    """Write the table as Parquet in a process of its own, which a hostile file may end; return what it is."""
    wanted, limit = opening.source.relation, int(opening.limits.unpacked_megabytes * MEGABYTE)
    command = [sys.executable, "-I", duckdb_tables.__file__, str(file.resolve()), str(opening.scratch), wanted,
               str(limit), str(MEMORY_MEGABYTES), str(SECONDS)]  # fmt: skip
    try:
        code = subprocess.run(command, capture_output=True, check=False, timeout=2 * SECONDS, env={}).returncode  # fmt: skip
    except subprocess.TimeoutExpired:
        code = -1
    if code == 0:
        found: dict[str, Any] = json.loads((opening.scratch / "table.json").read_text("utf-8"))
        return found
    if code == duckdb_tables.NO_TABLE:
        raise _no_table(opening, wanted)
    if code == duckdb_tables.TOO_LARGE:
        _check_size(opening, limit + 1)
    if code == duckdb_tables.NOT_OPENED:
        raise opening.refused(
            f"{file.name} cannot be opened: it is no DuckDB database, is damaged, or was written by a newer DuckDB than {duckdb.__version__}",
            "send it again, whole, or export its tables as Parquet",
        )
    raise opening.refused(
        f"{file.name}: the table cannot be read", "send it again, whole, or export it as Parquet"
    )


def _no_table(opening: Opening, wanted: str) -> FileRefused:
    tables = json.loads((opening.scratch / "tables.json").read_text(encoding="utf-8"))
    names = {f"{t['schema']}.{t['name']}": t for t in tables}
    found = [name for name, t in names.items() if wanted in (name, t["name"])]
    if len(found) == 1:
        return opening.refused(
            "it is a view, which is not read since it could read other files",
            "send its rows as a table (create table ... as select * from the view)",
        )
    return _unknown(opening, wanted, found, [n for n, t in names.items() if not t["view"]])


def _delivered(opening: Opening, numbers: list[str], size: int) -> Delivered:
    names = ", ".join(map(quoted, opening.headers))
    opening.connection.execute(
        f"create temp view {opening.relation} as select {names}, {opening.row_number} as _row from {opening.table}"
    )
    rejected = pd.DataFrame({"row": [], "reason": [], "level": []}).astype(
        {"row": "int64", "reason": "str", "level": "str"}
    )
    notes = tuple(finding.message for finding in opening.findings)
    reading = FileReading(opening.path.name, opening.kind, size, notes=notes)
    return Delivered(
        opening.path, opening.relation, opening.headers, rejected, reading,
        tuple(opening.findings), frozenset(numbers),
    )  # fmt: skip
