"""Sets test accounts and what belongs to them apart, and asks about what looks like one."""

from __future__ import annotations

import duckdb

from playbook.intake.duplicates import columns_of
from playbook.intake.files import literal
from playbook.intake.result import Findings

__all__ = ["ask_about_accounts", "set_accounts_apart"]

_OWNERS = {"customers": "customer_id", "customer_records": "system_id"}
_MATCHED = ("customer_id", "system_id", "name", "email", "company")
_BELONGING = ("customer_id", "referrer_id", "referred_id")
_SUSPICIOUS = r"(?i)\btest(?:er|kunde|konto|user|account)?\b|^test[-_.0-9]*@|@test\.|muster(?:mann|frau)|\bdummy\b|asdf|qwert[yz]|lorem ipsum|do not use|测试|テスト"
_TEST = "test account (listed under test_accounts in engagement.yml)"
_OF_TEST = "belongs to a test account (listed under test_accounts in engagement.yml)"


def set_accounts_apart(
    db: duckdb.DuckDBPyConnection, patterns: list[str], staged: list[str]
) -> None:
    """Mark customers and records that match a pattern, and the rows of other tables that are theirs.

    A pattern's ``*`` stands for any text and ``?`` for one sign; case does not matter.
    """
    owners = [name for name in _OWNERS if name in staged]
    if not patterns or not owners:
        return
    for owner in owners:
        columns = [c for c in _MATCHED if c in columns_of(db, owner)]
        tests = " or ".join(f"{c} ilike {literal(_like(p))} escape '!'" for c in columns for p in patterns)  # fmt: skip
        db.execute(f"update all_{owner} set _problem = '{_TEST}' where _problem is null and not _merged and ({tests})")  # fmt: skip
    theirs = " union ".join(
        f"select {_OWNERS[owner]} as id, "
        f"{'coalesce(_system, system)' if owner == 'customer_records' else '_system'} as system "
        f"from all_{owner} where _problem = '{_TEST}'"
        for owner in owners
    )
    db.execute(f"create or replace temp table test_accounts as {theirs}")
    for name in [n for n in staged if n not in _OWNERS]:
        for column in [c for c in _BELONGING if c in columns_of(db, name)]:
            db.execute(
                f"update all_{name} as a set _problem = '{_OF_TEST}' from test_accounts t where a._problem is null "
                f"and not a._merged and a.{column} = t.id and (t.system is null or a._system is null or t.system = a._system)"
            )
    db.execute("drop table test_accounts")


def _like(pattern: str) -> str:
    for sign in "!%_":
        pattern = pattern.replace(sign, "!" + sign)
    return pattern.replace("*", "%").replace("?", "_")


def ask_about_accounts(
    db: duckdb.DuckDBPyConnection, staged: list[str], findings: Findings
) -> None:
    """Add a finding for each table whose names or e-mails look like test accounts that are not listed."""
    for owner in [name for name in _OWNERS if name in staged]:
        columns = [c for c in ("name", "email", "company") if c in columns_of(db, owner)]
        if not columns:
            continue
        tests = " or ".join(f"regexp_matches({c}, {literal(_SUSPICIOUS)})" for c in columns)
        rows = db.execute(
            f"select _file, count(*), min(_row) from all_{owner} where _problem is null and not _merged and ({tests}) "
            "group by _file order by _file"
        ).fetchall()
        for file, count, row in rows:
            findings.add("names or e-mails look like a test account; the rows are kept",
                         "list such accounts under test_accounts in engagement.yml, or confirm they are customers",
                         "note", owner, file, row, count)  # fmt: skip
