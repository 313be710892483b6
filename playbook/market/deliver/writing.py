"""Writes frames as files, the same bytes for the same frame."""

from __future__ import annotations

import datetime
import gzip
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from playbook.tables import TABLES

__all__ = ["Sheet", "as_text", "csv_bytes", "write_bytes", "write_packed", "write_parquet", "write_workbook"]  # fmt: skip

SAVED = datetime.datetime(2026, 1, 5, 9, 0)
"""When the workbooks say they were made."""


@dataclass(frozen=True)
class Sheet:
    """A sheet of a workbook.

    Attributes
    ----------
    frame
        Numbers and texts; what is missing stays empty.
    above
        Lines above the header.
    total
        Last row, empty for none.
    """

    frame: pd.DataFrame
    above: tuple[str, ...] = ()
    total: tuple[object, ...] = ()


def as_text(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a standard table as text, in the form each kind of column is delivered in."""
    columns = TABLES[name].columns
    result = {}
    for label in frame.columns:
        kind = columns[label].kind if label in columns else "text"
        series = frame[label]
        if kind == "time":
            series = series.dt.strftime("%Y-%m-%d %H:%M:%S")
        elif kind == "day":
            series = series.dt.strftime("%Y-%m-%d")
        elif kind == "flag":
            series = series.map({True: "true", False: "false"})
        elif kind == "money":
            series = series.map("{:.2f}".format, na_action="ignore")
        elif kind in ("number", "share"):
            series = series.map("{:.10g}".format, na_action="ignore")
        result[label] = series
    return pd.DataFrame(result)


def csv_bytes(
    frame: pd.DataFrame, sep: str = ",", encoding: str = "utf-8", end: str = "\n"
) -> bytes:
    """Return the frame as delimited text."""
    return frame.to_csv(index=False, sep=sep, lineterminator=end).encode(encoding)


def write_bytes(path: Path, content: bytes) -> None:
    """Put a file in place once it is whole."""
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(content)
    partial.replace(path)


def write_packed(path: Path, content: bytes) -> None:
    """Write a gzip file without time stamp."""
    write_bytes(path, gzip.compress(content, mtime=0))


def write_workbook(path: Path, sheets: dict[str, Sheet]) -> None:
    """Write an Excel workbook, numbers as numbers and all else as text."""
    with xlsxwriter.Workbook(str(path), {"in_memory": True}) as book:
        book.set_properties({"created": SAVED})
        for name, sheet in sheets.items():
            page = book.add_worksheet(name)
            for row, line in enumerate(sheet.above):
                page.write_string(row, 0, line)
            first = len(sheet.above)
            page.write_row(first, 0, list(sheet.frame.columns))
            for column, label in enumerate(sheet.frame.columns):
                _write_column(page, first + 1, column, sheet.frame[label])
            for column, value in enumerate(sheet.total):
                if value is not None:
                    page.write(first + 1 + len(sheet.frame), column, value)


def _write_column(page: Worksheet, first: int, column: int, values: pd.Series) -> None:
    for row, value in enumerate(values.astype(object), start=first):
        if pd.isna(value):
            continue
        if isinstance(value, str):
            page.write_string(row, column, value)
        else:
            page.write_number(row, column, float(value))


def write_parquet(path: Path, name: str, frame: pd.DataFrame) -> None:
    """Write the standard table ``name`` as Parquet."""
    declared = TABLES[name].columns
    arrays = {}
    for label in frame.columns:
        array = pa.array(frame[label], from_pandas=True)
        if declared[label].kind == "time":
            array = array.cast(pa.timestamp("us"))
        elif declared[label].kind in ("id", "text", "choice"):
            array = array.cast(pa.string())
        arrays[label] = array
    partial = path.with_name(path.name + ".part")
    pq.write_table(pa.table(arrays), partial, compression="zstd", compression_level=15)
    partial.replace(path)
