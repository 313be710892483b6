"""The standard tables: their only definition, from which intake, checks and the data dictionary read.

Glossary
--------
table
    One kind of row a client delivers, in our names and units.
key
    The columns that identify a row; two rows with one key are duplicates.
known_at
    The column that tells when a row became known (a time, or the year). A row known after ``as_of``
    is not visible.
later
    Columns that were filled in after the row was created, by the time that filled them. They are
    blanked when that time lies after ``as_of``, so that no outcome leaks into the past.
"""

from __future__ import annotations

import pandas as pd
import pandera.pandas as pa

from playbook.tables.contacts import CONTACTS
from playbook.tables.customers_orders import CUSTOMERS_ORDERS
from playbook.tables.definition import SQL_TYPE, Column, Table
from playbook.tables.marketing_sales import MARKETING_SALES
from playbook.tables.voice import VOICE

__all__ = ["SQL_TYPE", "TABLES", "Column", "Table", "dictionary", "schema", "validate"]

TABLES: dict[str, Table] = CUSTOMERS_ORDERS | CONTACTS | VOICE | MARKETING_SALES

_PANDAS_TYPE = {
    "id": "str",
    "text": "str",
    "choice": "str",
    "money": "float64",
    "price": "float64",
    "number": "float64",
    "share": "float64",
    "whole": "Int64",
    "flag": "boolean",
    "time": "datetime64[us]",
    "day": "datetime64[us]",
}


def schema(name: str) -> pa.DataFrameSchema:
    """Return the pandera schema of a standard table, as its frame looks in pandas.

    Money is float64 in a frame (exact in the Parquet file), whole numbers are ``Int64``,
    flags ``boolean``, times ``datetime64[us]`` in UTC without zone.
    """
    table = TABLES[name]
    columns = {
        name: pa.Column(
            _PANDAS_TYPE[column.kind],
            checks=_checks(column),
            nullable=not column.required,
            required=column.required,
            coerce=True,
            description=column.meaning,
            metadata={"unit": column.unit},
        )
        for name, column in table.columns.items()
    }
    unique = list(table.key) or None
    return pa.DataFrameSchema(columns, unique=unique, strict=not table.attributes, name=name)


def _checks(column: Column) -> list[pa.Check]:
    checks = []
    if column.allowed:
        checks.append(pa.Check.isin(column.allowed))
    if column.low is not None:
        checks.append(pa.Check.ge(column.low))
    if column.high is not None:
        checks.append(pa.Check.le(column.high))
    return checks


def validate(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame as the standard table ``name``, typed and checked.

    Raises
    ------
    pandera.errors.SchemaErrors
        With one row per violation in ``failure_cases``.
    """
    return schema(name).validate(frame, lazy=True)


def dictionary() -> str:
    """Return the data dictionary as Markdown: every table, column, unit and meaning."""
    lines = [
        "# Data dictionary",
        "",
        "Made from `playbook/tables/` by `make docs`; a test keeps it current. Only `customers` and `orders`",
        "are required. Times are UTC, money is in the engagement's currency, shares are 0 to 1.",
    ]
    for name, table in TABLES.items():
        lines += ["", f"## {name}", "", f"One row is {table.row}."]
        if table.key:
            lines += [f"Key: {', '.join(f'`{c}`' for c in table.key)}."]
        if table.attributes:
            lines += ["Further columns, one per attribute of the offer, are kept as text."]
        lines += ["", "| column | kind | unit | needed | meaning |", "|---|---|---|---|---|"]
        for label, column in table.columns.items():
            meaning = column.meaning + (f" ({', '.join(column.allowed)})" if column.allowed else "")
            needed = "yes" if column.required else ""
            lines.append(f"| {label} | {column.kind} | {column.unit} | {needed} | {meaning} |")
    return "\n".join(lines) + "\n"
