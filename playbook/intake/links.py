"""Checks that rows point at rows that are there."""

from __future__ import annotations

import duckdb

from playbook.intake.duplicates import columns_of
from playbook.intake.result import Findings
from playbook.tables import TABLES

__all__ = ["check_links"]

MANY = 0.2
"""Share of a table's rows that may lead nowhere before the share itself is named."""


def check_links(
    db: duckdb.DuckDBPyConnection, table: str, staged: set[str], findings: Findings
) -> None:
    """Blank an optional link that leads nowhere, with a finding; quarantine on a needed one."""
    columns = columns_of(db, table)
    for label, other in TABLES[table].links.items():
        if other in staged and label in columns:
            _check_link(db, table, label, other, findings)


def _check_link(
    db: duckdb.DuckDBPyConnection, table: str, label: str, other: str, findings: Findings
) -> None:
    target = TABLES[other].key[0] if label not in TABLES[other].columns else label
    lost = (
        f"_problem is null and not _merged and {label} is not null and {label} not in "
        f"(select {target} from all_{other} where _problem is null and not _merged and {target} is not null)"
    )
    found = db.execute(
        f"select count(*), arg_min(_file, row(_file, _row)), arg_min(_row, row(_file, _row)), "
        f"(select count(*) from all_{table} where _problem is null and not _merged) from all_{table} where {lost}"
    ).fetchall()
    count, file, row, every = found[0]
    if not count:
        return
    share = f"{count / every:.0%} of {table}: " if count > MANY * every else ""
    if TABLES[table].columns[label].required:
        db.execute(
            f"update all_{table} set _problem = '{label} is not in table {other}; send that row or the right id' where {lost}"
        )
        return
    findings.add(f"{share}{label} is not in table {other}; the row is kept without it (as a guest in all totals)",
                 f"send the missing {other} or the right {label}", "problem", table, file, row, count)  # fmt: skip
    db.execute(f"update all_{table} set {label} = null where {lost}")
