"""Writes the standard tables and accounts for every row and cent."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

from playbook.errors import DataError
from playbook.intake.delivered import NO_ROWS
from playbook.intake.duplicates import columns_of
from playbook.intake.files import literal
from playbook.intake.result import Findings
from playbook.tables import SQL_TYPE, TABLES
from playbook.warehouse import quoted

__all__ = ["LEDGER", "account", "check_sums", "too_much_quarantined", "write_table"]

MONEY = {
    "orders": "revenue",
    "order_lines": "cast(cast(quantity as decimal(18,4)) * unit_price as decimal(18,4))",
    "opportunities": "amount",
    "channel_spend": "spend",
    "subscriptions": "monthly_fee",
}
"""Table to the money that is followed from the files into the tables."""
_MONEY_OF = {name: [c for c in TABLES[name].columns if c in MONEY[name]] for name in MONEY}
LEDGER = ["table", "file", "rows_in", "kept", "quarantined", "merged", "money_in", "money_kept", "money_quarantined", "money_merged"]  # fmt: skip


def write_table(db: duckdb.DuckDBPyConnection, table: str, work: Path, findings: Findings) -> None:
    """Write the kept rows, sorted by key, and the quarantined ones."""
    definition = TABLES[table]
    present = columns_of(db, table)
    shown = [
        f"{quoted(label) if label in present else 'null'}::{SQL_TYPE[column.kind]} as {quoted(label)}"
        for label, column in definition.columns.items()
    ]
    if definition.attributes:
        shown += [quoted(c) for c in present if c[0] != "_" and c not in definition.columns]
    order = "" if _in_order(db, table) else f"order by {', '.join(definition.key) or 'all'}"
    db.execute(
        f"copy (select {', '.join(shown)} from all_{table} where _problem is null and not _merged {order}) "
        f"to {literal(work / 'tables' / f'{table}.parquet')} (format parquet)"
    )
    bad = db.execute(f"select count(*) from all_{table} where _problem is not null").fetchone()
    if bad and bad[0]:
        hidden = ", ".join(c for c in present if c.startswith("_"))
        db.execute(
            f"copy (select _file as file, _row as row, _problem as reason, * exclude ({hidden}) from all_{table} where _problem is not null "
            f"order by _file, _row) to {literal(work / 'quarantine' / f'{table}.parquet')} (format parquet)"
        )
        _find_quarantined(db, table, findings)


def _in_order(db: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Return whether the staged rows stand in the order of their key already, as exports mostly do."""
    key = TABLES[table].key
    if not key:
        return False
    before = ", ".join(f"lag({k}) over () as before_{k}" for k in key)
    later = ""
    for k in reversed(key):
        tie = f" or (before_{k} = {k} and ({later}))" if later else ""
        later = f"before_{k} > {k} or before_{k} is null or {k} is null{tie}"
    found = db.execute(
        f"select count(*) from (select {', '.join(key)}, {before}, _row_of_all from "
        f"(select {', '.join(key)}, rowid as _row_of_all from all_{table})) where _row_of_all > 0 and ({later})"
    ).fetchall()
    return bool(found[0][0] == 0)


def account(db: duckdb.DuckDBPyConnection, table: str) -> pd.DataFrame:
    """Return the table's ledger, one row a file; raise when rows or money do not add up."""
    given = set(columns_of(db, table))
    counted = table in MONEY and all(c in given for c in _MONEY_OF[table])
    money = f"cast({MONEY[table] if counted else 'null'} as decimal(38,4))"
    rows = db.execute(
        f"select '{table}', _file, count(*), count(*) filter (_problem is null and not _merged), "
        f"count(*) filter (_problem is not null), count(*) filter (_merged), sum({money}), "
        f"sum({money}) filter (_problem is null and not _merged), sum({money}) filter (_problem is not null), "
        f"sum({money}) filter (_merged) from all_{table} group by _file order by _file"
    ).fetchall()
    check_sums(rows)
    frame = pd.DataFrame(rows, columns=LEDGER)
    return frame.astype(dict.fromkeys(LEDGER[6:], "float64"))


def check_sums(rows: list[tuple]) -> None:
    """Raise when the exact rows or money of a ledger do not add up."""
    for _, file, rows_in, kept, quarantined, merged, money_in, *money in rows:
        if rows_in != kept + quarantined + merged:
            raise DataError(
                f"{file}: rows in differ from rows kept, quarantined and merged; this is a defect, please report it"
            )
        if (money_in or 0) != sum(part or 0 for part in money):
            raise DataError(
                f"{file}: money in differs from money kept, quarantined and merged; this is a defect, please report it"
            )


def _find_quarantined(db: duckdb.DuckDBPyConnection, table: str, findings: Findings) -> None:
    groups = db.execute(
        f"select _file, regexp_replace(_problem, '''[^'']*''', '…', 'g') as what, count(*) as n, min(_row) as row, "
        f"arg_min(_problem, _row) as first from all_{table} where _problem is not null group by 1, 2 order by 1, 4"
    ).fetchall()
    kept: dict[tuple, list] = {}
    for file, what, n, row, first in groups:
        entry = kept.setdefault((file, what.split(" ")[0], what[-30:]), [0, row, first])
        entry[0] += n
    mend = "correct it in the source system and export again; the rows are in quarantine"
    for (file, _, _), (n, row, first) in kept.items():
        nothing_wrong = first in NO_ROWS
        findings.add(first, "nothing to do" if nothing_wrong else mend, "note" if nothing_wrong else "problem", table, file, row, n)  # fmt: skip


def too_much_quarantined(ledger: pd.DataFrame, limit: float, findings: list[dict]) -> list[str]:
    """Return a message for each required table of which too much cannot be used."""
    messages = []
    totals = ledger.groupby("table")[["rows_in", "quarantined"]].sum()
    for name in [n for n in TABLES if n in totals.index and TABLES[n].required]:
        rows, bad = int(totals.loc[name, "rows_in"]), int(totals.loc[name, "quarantined"])
        if bad > limit * rows:
            first = next(f for f in findings if f["table"] == name and f["row"])
            messages.append(
                f"{first['file']} row {first['row']}: {first['message']} ({bad:,} of {rows:,} rows of {name} cannot be used, "
                f"more than the {limit:.0%} allowed); correct it in the source system and export again, or raise max_quarantined_share in engagement.yml"
            )
    return messages
