"""Finds which header of a file fills which of our columns."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

import duckdb

from playbook.engagement.delivery import Source
from playbook.errors import PlanError
from playbook.intake.files import Delivered
from playbook.intake.joining import joint, joints
from playbook.intake.problems import FileRefused
from playbook.intake.result import Findings
from playbook.intake.synonyms import match
from playbook.tables import TABLES, Column
from playbook.warehouse import quoted

__all__ = ["Mapped", "column_of", "map_headers", "refuse_currencies", "table_of"]

CURRENCY = {"currency", "currencycode", "currencyisocode", "isocurrency", "währung", "waehrung", "währungscode", "valuta", "valutakod", "币种", "货币"}  # fmt: skip
"""Headers of a column that names the currency of a row's money."""

REFUSAL = re.compile(
    r"opt(?:ed)?out|donot(?:call|contact|mail|email|sms)|unsubscribed|widerspr|werbesperre|abgemeldet|avregistrerad|nixad|退订|拒收|拒接|拒访"
)
"""What a header says that holds true where a person refused: the opposite of a consent."""
MEND_REFUSAL = (
    'map it to the consent of its channel with values {"TRUE": "false"} and nulls ["FALSE"] (not refused is no consent), '
    "or list it under ignore"
)


@dataclass(frozen=True)
class Mapped:
    """One of our columns and what fills it: a header of the file, or a constant."""

    label: str
    column: Column
    header: str = ""
    constant: str | None = None
    how: str = "declared"


def table_of(name: str) -> None:
    """Refuse a table name that is not a standard table, with the nearest one."""
    if name not in TABLES:
        close = difflib.get_close_matches(name, TABLES, n=1, cutoff=0)[0]
        raise PlanError(f"engagement.yml: inbox: unknown table {name!r}; did you mean {close!r}?")


def column_of(table: str, label: str) -> Column:
    """Return the definition of a mapped column; ``orders.channel`` names a column of a derived table."""
    owner, _, name = label.rpartition(".")
    columns = TABLES[owner or table].columns if (owner or table) in TABLES else {}
    if name in columns:
        return columns[name]
    if TABLES[table].attributes and not owner:
        return Column("text", "attribute")
    close = difflib.get_close_matches(name, columns or TABLES[table].columns, n=1, cutoff=0)
    raise PlanError(
        f"engagement.yml: inbox: table {owner or table} has no column {name!r}; did you mean {close[0]!r}?"
    )


def map_headers(source: Source, delivered: Delivered, findings: Findings) -> list[Mapped]:
    """Return what fills our columns: declared headers first, then equal names, then synonyms.

    Raises
    ------
    FileRefused
        When a declared header is not in the file, or nothing fills a required column.
    """
    file, headers = delivered.path.name, delivered.headers
    _keep_refusals(source)
    mapped = {label: _declared(source, file, headers, label) for label in source.columns}
    joined = joints(source, headers)
    for label, parts in joined.items():
        how = "declared" if label in source.join else "synonym"
        mapped[label] = Mapped(label, column_of(source.table, label), joint(parts), how=how)
    used = {header for parts in joined.values() for header in (*parts, joint(parts))}
    left = [h for h in headers if h not in {*source.columns.values(), *source.ignore, *used}]
    for header in [h for h in left if h in TABLES[source.table].columns and h not in mapped]:
        column = column_of(source.table, header)
        mapped[header] = Mapped(header, column, header, how="same name")
    left = [h for h in left if h not in mapped]
    for label, header in match(source.table, left).items():
        if label not in mapped and label not in source.constants:
            column = column_of(source.table, label)
            mapped[label] = Mapped(label, column, header, how="synonym")
            left.remove(header)
    for header in left:
        if TABLES[source.table].attributes:
            mapped[header] = Mapped(header, Column("text", "attribute"), header, how="same name")
        elif says_refused(header) and "consent_email" in TABLES[source.table].columns:
            findings.add(f"column {header!r} is not used, and seems to say who refused contact", MEND_REFUSAL,
                         "problem", source.table, file)  # fmt: skip
        elif not is_currency(header):
            findings.add(f"column {header!r} is not used", "map it in engagement.yml or list it under ignore",
                         "note", source.table, file)  # fmt: skip
    constants = dict(source.constants)
    system = TABLES[source.table].columns.get("system")
    if source.system and system and system.required and "system" not in mapped:
        constants.setdefault("system", source.system)
    for label, value in constants.items():
        column = column_of(source.table, label)
        mapped[label] = Mapped(label, column, constant=value, how="constant")
    _needed(source.table, file, headers, mapped)
    return list(mapped.values())


def says_refused(header: str) -> bool:
    """Whether a header names a column that is true where a person refused contact."""
    return bool(REFUSAL.search(re.sub(r"[\W_]+", "", header.lower())))


def _keep_refusals(source: Source) -> None:
    """Refuse a consent that is filled from a column of refusals as it stands: every no would be a yes."""
    for label, header in source.columns.items():
        if label.startswith("consent_") and says_refused(header) and not source.values.get(label):
            raise PlanError(
                f"engagement.yml: {label} is filled from {header!r}, which is true for those who refused; "
                f'add values: {{{label}: {{"TRUE": "false"}}}} and nulls: ["FALSE"] to that entry'
            )


def is_currency(header: str) -> bool:
    """Whether a header names the currency of the row's money."""
    return header.strip().lower().replace(" ", "").replace("_", "") in CURRENCY


def refuse_currencies(db: duckdb.DuckDBPyConnection, source: Source, delivered: Delivered) -> None:
    """Refuse a file whose money is in more than one currency: adding it up would be wrong.

    Raises
    ------
    FileRefused
        With the currencies found.
    """
    for header in [h for h in delivered.headers if is_currency(h) and h not in source.ignore]:
        text = f"upper(trim({quoted(header)}))"
        found = db.execute(
            f"select {text} as code from {delivered.relation} where {text} <> '' group by code order by count(*) desc, code"
        ).fetchall()
        if len(found) > 1:
            codes = ", ".join(code for (code,) in found[:6])
            raise FileRefused(
                f"{delivered.path.name}: column {header!r} holds more than one currency ({codes})",
                f"export the money in one currency, or convert it before and list {header!r} under ignore in engagement.yml",
            )


def _declared(source: Source, file: str, headers: list[str], label: str) -> Mapped:
    header = source.columns[label]
    column = column_of(source.table, label)
    if header not in headers:
        close = difflib.get_close_matches(header, headers, n=1, cutoff=0)
        raise FileRefused(
            f"{file}: no column {header!r} (for {source.table}.{label}); the nearest header is "
            f"{close[0] if close else 'none'!r}",
            "correct the entry in engagement.yml or ask for the column",
        )
    return Mapped(label, column, header)


def _needed(table: str, file: str, headers: list[str], mapped: dict[str, Mapped]) -> None:
    for label, column in TABLES[table].columns.items():
        if column.required and label not in mapped and label != "line":
            raise FileRefused(
                f"{file}: no column for {table}.{label} ({column.meaning}); the file has {', '.join(headers[:12])}",
                "name it under columns in engagement.yml",
            )
