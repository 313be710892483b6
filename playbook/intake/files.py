"""Opens what the client sent: one file in, one DuckDB relation of text with row numbers out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd

from playbook.engagement.delivery import Limits, Source
from playbook.intake.columnar import load_parquet
from playbook.intake.delimited import load_text
from playbook.intake.delivered import Delivered, FileFinding, FileReading, Opening, forget, literal
from playbook.intake.documents import load_json
from playbook.intake.guard import check_size, is_gzip, recognise, unpack
from playbook.intake.problems import FileRefused, Undecided
from playbook.intake.tidy import show
from playbook.intake.workbook import load_workbook

__all__ = ["Delivered", "FileFinding", "FileReading", "find_files", "forget", "kind_of", "literal", "open_file"]  # fmt: skip

NAMED = {
    ".csv": "text", ".tsv": "text", ".txt": "text", ".xlsx": "xlsx", ".xlsm": "xlsx", ".xls": "xls", ".xlsb": "xlsb",
    ".ods": "ods", ".parquet": "parquet", ".jsonl": "json", ".ndjson": "json", ".json": "json",
}  # fmt: skip
"""Ending to what a file of that name should hold."""
WORDS = {"text": "delimited text", "xlsx": "an Excel workbook", "xls": "an old Excel workbook", "xlsb": "a binary Excel workbook",
         "ods": "an OpenDocument sheet", "parquet": "Parquet", "json": "JSON"}  # fmt: skip
GLOB = set("*?[]{}")
LOADERS: dict[str, Callable[[Opening, Path], None]] = {
    "text": load_text,
    "json": load_json,
    "parquet": load_parquet,
}


def kind_of(path: Path) -> str:
    """Return the file's ending, without ``.gz``; empty when that kind is not read."""
    name = path.name.lower().removesuffix(".gz")
    return next((ending for ending in NAMED if name.endswith(ending)), "")


def find_files(inbox: Path, pattern: str) -> list[Path]:
    """Return the inbox files that match a pattern, in order of name.

    Raises
    ------
    FileRefused
        When a folder or file is a link out of the inbox.
    """
    found = sorted(path for path in inbox.glob(pattern) if path.is_file())
    for path in found:
        if not path.resolve().is_relative_to(inbox.resolve()):
            raise FileRefused(
                f"{path.name}: links out of the inbox", "put a copy of the file there"
            )
    return found


def open_file(
    connection: duckdb.DuckDBPyConnection, path: Path, source: Source, limits: Limits
) -> Delivered:
    """Load a file's rows as text, with the row number a person counts in ``_row``.

    Its content is checked before anything parses it. `forget` drops what was loaded.

    Raises
    ------
    FileRefused
        When the file cannot be used, naming it and how to mend it.
    Undecided
        When its content does not decide how it is read, naming the line to add.
    """
    ending = kind_of(path)
    if not ending:
        raise FileRefused(
            f"{path.name}: this kind of file is not read",
            "deliver CSV, TSV, Excel, OpenDocument, Parquet or JSON",
        )
    with tempfile.TemporaryDirectory(prefix="playbook-") as scratch:
        opening = Opening(connection, path, source, limits, Path(scratch))
        try:
            _load(opening, NAMED[ending])
            show(opening)
        except (FileRefused, Undecided, duckdb.Error, OSError) as error:
            connection.execute(f"drop table if exists {opening.table}")
            if isinstance(error, (FileRefused, Undecided)):
                raise
            raise opening.refused(
                "cannot be read: its content is damaged or of no kind known here",
                "send it again, whole, or as CSV in UTF-8",
            ) from error
    return _delivered(opening)


def _load(opening: Opening, named: str) -> None:
    check_size(opening)
    plain = opening.path
    packed = is_gzip(plain)
    if packed:
        plain = unpack(opening)
        if not opening.path.name.lower().endswith(".gz"):
            opening.note("the file is packed with gzip though its name does not say so; it was unpacked", "nothing to do")  # fmt: skip
    if GLOB & set(str(plain)):  # a reader would take such a name as a pattern, and read other files
        link = opening.scratch / "plain"
        link.symlink_to(plain.resolve())
        plain = link
    kind = recognise(opening, plain, named)
    if kind != named:
        _note_other_kind(opening, named, kind)
    opening.kind = kind
    if kind in LOADERS:
        LOADERS[kind](opening, plain)
    else:
        load_workbook(opening, plain, kind)


def _note_other_kind(opening: Opening, named: str, kind: str) -> None:
    if kind == "text" and named == "parquet":
        raise opening.refused(
            "cannot be read: it is no Parquet file", "send it again, whole, or as CSV in UTF-8"
        )
    opening.note(
        f"the name says {WORDS[named]}, but the file holds {WORDS[kind]}; it was read as that",
        "give it the right ending next time",
    )


def _delivered(opening: Opening) -> Delivered:
    rejected = pd.DataFrame(
        [(row, reason, level) for row, (reason, level) in sorted(opening.rejected.items())],
        columns=["row", "reason", "level"],
    ).astype({"row": "int64", "reason": "str", "level": "str"})
    path = opening.path
    reading = FileReading(
        path.name,
        opening.kind,
        path.stat().st_size,
        opening.encoding,
        opening.delimiter,
        opening.header_row,
        opening.sheet,
        tuple(finding.message for finding in opening.findings),
    )
    return Delivered(
        path, opening.relation, opening.headers, rejected, reading, tuple(opening.findings)
    )
