"""Opens the client's files and gives their rows as text, with file and row number."""

from __future__ import annotations

import csv
import gzip
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any, cast

import duckdb
import pandas as pd
import python_calamine

from playbook.engagement.model import Limits, Source
from playbook.errors import DataError
from playbook.intake.problems import FileRefused
from playbook.warehouse import quoted

__all__ = ["Delivered", "FileReading", "find_files", "literal", "open_file"]

TEXT = (".csv", ".tsv", ".txt")
BOOKS = (".xlsx", ".xls", ".xlsb", ".ods")
KINDS = (*TEXT, *BOOKS, ".parquet", ".jsonl", ".ndjson")
DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class FileReading:
    """How a file was opened."""

    file: str
    kind: str
    bytes: int
    encoding: str
    delimiter: str
    header_row: int
    sheet: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Delivered:
    """One opened file: a DuckDB table of text columns, its headers, and the lines it could not split."""

    path: Path
    relation: str
    headers: list[str]
    rejected: pd.DataFrame
    reading: FileReading


def kind_of(path: Path) -> str:
    """Return the file's kind by its ending, without ``.gz``; empty when it is not read."""
    name = path.name.lower().removesuffix(".gz")
    return next((kind for kind in KINDS if name.endswith(kind)), "")


def find_files(inbox: Path, pattern: str) -> list[Path]:
    """Return the inbox files that match a pattern, in order of name.

    Raises
    ------
    DataError
        When a file is a link out of the inbox or of a kind that is not read.
    """
    found = sorted(path for path in inbox.glob(pattern) if path.is_file())
    for path in found:
        if not path.resolve().is_relative_to(inbox.resolve()):
            raise DataError(f"{path.name}: links out of the inbox; put a copy of the file there")
        if not kind_of(path):
            raise DataError(
                f"{path.name}: this kind of file is not read; deliver CSV, TSV, Excel, Parquet or JSON lines"
            )
    return found


def literal(value: object) -> str:
    """Return a value as an SQL string."""
    return "'" + str(value).replace("'", "''") + "'"


def open_file(
    connection: duckdb.DuckDBPyConnection, path: Path, source: Source, limits: Limits
) -> Delivered:
    """Load a file's rows as text into table ``delivered``, with their row number in ``_row``.

    Raises
    ------
    DataError
        When the file cannot be read, naming it and how to mend it.
    """
    relation = "delivered"
    rejected = pd.DataFrame({"row": pd.Series(dtype="int64"), "reason": pd.Series(dtype="str")})
    kind = kind_of(path)
    try:
        if kind in TEXT:
            rejected = _load_text(connection, path, source, relation)
        elif kind in BOOKS:
            connection.register("book", _sheet(path, source.sheet))
            _as_text(connection, relation, "select * from book")
            connection.unregister("book")
        elif kind == ".parquet":
            _as_text(connection, relation, f"select * from read_parquet({literal(path)})")
        else:
            _as_text(connection, relation, _json_lines(connection, path), first=1)
    except (duckdb.Error, python_calamine.CalamineError, OSError, EOFError, UnicodeError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise FileRefused(
            f"{path.name}: cannot be read ({said.replace(str(path.parent), '…')}); expected a whole {kind} file",
            "send it again or correct its entry under inbox in engagement.yml",
        ) from None
    except DataError as error:
        raise FileRefused(*str(error).split("; ", 1)) from None
    described = connection.execute(f"describe {relation}").fetchall()
    headers = [row[0] for row in described if row[0] != "_row"]
    reading = FileReading(
        path.name,
        kind,
        path.stat().st_size,
        source.encoding or "utf-8",
        source.delimiter,
        1,
        source.sheet,
    )
    return Delivered(path, relation, headers, rejected, reading)


def _as_text(
    connection: duckdb.DuckDBPyConnection, relation: str, select: str, first: int = 2
) -> None:
    """Make the table of text columns; ``first`` is the number of the first row in the file."""
    headers = [row[0] for row in connection.execute(f"describe {select}").fetchall()]
    texts = ", ".join(
        f"cast({quoted(header)} as varchar) as {quoted(header)}" for header in headers
    )
    connection.execute(
        f"create temp table {relation} as select {texts}, "
        f"row_number() over () + {first - 1} as _row from ({select})"
    )


def _json_lines(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    """Return the SELECT of a JSON lines file: each scalar as the text it was written as."""
    lines = f"read_json_objects({literal(path)}, format = 'newline_delimited')"
    keys = connection.execute(
        f"select key from (select unnest(json_keys(json)) as key from {lines}) group by key order by key"
    ).fetchall()
    if not keys:
        raise DataError(f"{path.name}: no JSON object with keys in it; expected one object a line")
    texts = ", ".join(f"json ->> {literal('$.' + quoted(key))} as {quoted(key)}" for (key,) in keys)
    return f"select {texts} from {lines}"


def _load_text(
    connection: duckdb.DuckDBPyConnection, path: Path, source: Source, relation: str
) -> pd.DataFrame:
    with _utf8(path, source.encoding) as plain:
        delimiter, headers = _header(plain, source.delimiter)
        columns = ", ".join(f"{literal(header)}: 'VARCHAR'" for header in headers)
        options = (
            f"delim = {literal(delimiter)}, quote = '\"', escape = '\"', header = true, "
            f"auto_detect = false, null_padding = false, store_rejects = true, columns = {{{columns}}}"
        )
        connection.execute(
            f"create temp table {relation} as select *, row_number() over () + 1 as _row "
            f"from read_csv({literal(plain)}, {options})"
        )
    rejected = connection.execute("select distinct line as row from reject_errors order by 1").df()
    connection.execute("delete from reject_errors")
    rejected["reason"] = f"the line does not hold {len(headers)} values, one for each header"
    return rejected


@contextmanager
def _utf8(path: Path, encoding: str) -> Iterator[Path]:
    """Give a path to the file in UTF-8: itself, or a decoded copy when another encoding is declared."""
    if encoding.lower().replace("_", "-") in ("", "utf-8", "utf-8-sig"):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / (path.name.removesuffix(".gz"))
        with (
            _opened(path, encoding) as source,
            copy.open("w", encoding="utf-8", newline="") as target,
        ):
            shutil.copyfileobj(source, target)
        yield copy


def _opened(path: Path, encoding: str) -> IO[str]:
    try:
        if path.name.lower().endswith(".gz"):
            return cast(IO[str], gzip.open(path, "rt", encoding=encoding, newline=""))
        return path.open(encoding=encoding, newline="")
    except LookupError:
        raise DataError(
            f"{path.name}: there is no encoding {encoding!r}; such as utf-8 or latin-1"
        ) from None


def _header(path: Path, delimiter: str) -> tuple[str, list[str]]:
    with _opened(path, "utf-8-sig") as lines:
        first = next(lines, "")
    if not first.strip():
        raise DataError(f"{path.name}: the file is empty; expected a header line")
    delimiter = delimiter or max(
        DELIMITERS, key=lambda mark: (first.count(mark), -DELIMITERS.index(mark))
    )
    headers = [name.strip() for name in next(csv.reader([first], delimiter=delimiter))]
    twice = sorted({name for name in headers if headers.count(name) > 1})
    if twice:
        raise DataError(
            f"{path.name}: the header {twice[0]!r} stands twice; give each column its own name"
        )
    return delimiter, headers


def _sheet(path: Path, name: str) -> pd.DataFrame:
    book = python_calamine.CalamineWorkbook.from_path(path)
    if name and name not in book.sheet_names:
        raise DataError(f"{path.name}: no sheet {name!r}; it has {', '.join(book.sheet_names)}")
    rows = book.get_sheet_by_name(name or book.sheet_names[0]).to_python(skip_empty_area=True)
    if not rows:
        raise DataError(f"{path.name}: the sheet is empty; expected a header row")
    headers = [str(value).strip() for value in rows[0]]
    cells = [[_cell(value) for value in row] for row in rows[1:]]
    return pd.DataFrame(cells, columns=headers, dtype="str")


def _cell(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (datetime, date)):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    return None if value == "" else str(value)
