"""Makes one customer of the records of several systems, and gives every delivered row to its customer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import duckdb
import pandas as pd

from playbook.engagement.model import Engagement
from playbook.errors import DataError
from playbook.identity import Resolution, resolve
from playbook.tables import SQL_TYPE, TABLES
from playbook.warehouse import quoted

__all__ = ["resolve_people"]

MADE = "made by identity"
"""What stands for the file of the tables made here."""
SHOWN_PAIRS = 5
NO_REVIEW = pd.DataFrame(
    {"left": [], "right": [], "probability": [], "why": []}
).astype({"left": "str", "right": "str", "probability": "float64", "why": "str"})  # fmt: skip

Find = Callable[..., None]


def resolve_people(
    db: duckdb.DuckDBPyConnection,
    engagement: Engagement,
    files: dict[str, list[str]],
    find: Find,
    as_of: date | None,
) -> pd.DataFrame:
    """Make ``all_customers`` and ``all_customer_keys`` from ``all_customer_records`` and re-key every staged table.

    Nothing happens when no records were delivered or ``customers`` was. A row whose id no record has
    keeps it as ``system:id``, which is no customer's id, for the check of links to find.

    Parameters
    ----------
    db
        Holds the staged tables.
    engagement
        Its ``identity`` and ``seed``.
    files
        Tables that were delivered; ``customers`` and ``customer_keys`` are added.
    find
        Takes a finding: message, mend, level, table, file, row, count.
    as_of
        Records known later are customers of their own.

    Returns
    -------
    pandas.DataFrame
        Doubtful pairs: ``left, right, probability, why``.
    """
    if "customer_records" not in files or "customers" in files:
        return NO_REVIEW
    columns = _columns(db, "customer_records")
    system = "coalesce(system, _system)" if "_system" in columns else "system"
    records = db.execute(
        f"select * exclude (system, {', '.join(c for c in columns if c.startswith('_'))}), {system} as system "
        "from all_customer_records where _problem is null and not _merged"
    ).df()
    for label in (
        c for c in records if TABLES["customers"].columns.get(c, _NO_COLUMN).kind == "flag"
    ):
        records[label] = records[label].astype("boolean")
    resolution = resolve(records, engagement.identity, as_of=as_of, seed=engagement.seed)
    _check(records, resolution)
    _stage(db, "customers", resolution.customers)
    _replace_keys(db, files, find, resolution.keys)
    for name in [n for n in TABLES if n in files and not n.startswith("customer")]:
        _rekey(db, name, find)
    for name in ("customers", "customer_keys"):
        files.setdefault(name, [])
    _report(resolution, find)
    return resolution.review


_NO_COLUMN = TABLES["customers"].columns["name"]


def _columns(db: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    return [row[0] for row in db.execute(f"describe all_{name}").fetchall()]


def _check(records: pd.DataFrame, resolution: Resolution) -> None:
    """Stop when a record was lost or doubled."""
    keys = resolution.keys
    whole = len(keys) == len(records) and not keys.duplicated(["system", "system_id"]).any()
    if not whole or set(keys["customer_id"]) != set(resolution.customers["customer_id"]):
        raise DataError(
            "identity: records and customers do not add up; this is a defect, please report it"
        )


def _stage(db: duckdb.DuckDBPyConnection, name: str, frame: pd.DataFrame) -> None:
    """Create or extend the staging table ``name`` with the frame's rows."""
    columns = [c for c in TABLES[name].columns if c in frame]
    typed = ", ".join(
        f"cast({quoted(c)} as {SQL_TYPE[TABLES[name].columns[c].kind]}) as {quoted(c)}"
        for c in columns
    )
    select = (
        f"select {typed}, '{MADE}' as _file, row_number() over () as _row, cast(null as varchar) as _problem, "
        "false as _merged, cast(null as varchar) as _system from made"
    )
    db.register("made", frame.reset_index(drop=True))
    exists = db.execute(
        "select count(*) from duckdb_tables() where table_name = ?", [f"all_{name}"]
    ).fetchone() != (0,)
    db.execute(
        f"insert into all_{name} by name {select}"
        if exists
        else f"create temp table all_{name} as {select}"
    )
    db.unregister("made")


def _replace_keys(
    db: duckdb.DuckDBPyConnection, files: dict[str, list[str]], find: Find, keys: pd.DataFrame
) -> None:
    """Put our keys in the place of those the client delivered, which count as merged."""
    if "customer_keys" in files:
        row = db.execute("select count(*), min(_file) from all_customer_keys").fetchone()
        db.execute("update all_customer_keys set _merged = true where _problem is null")
        find(
            "the delivered keys are replaced by those found from the records",
            "name pairs you are sure of under identity: confirm in engagement.yml",
            "note", "customer_keys", row[1] if row else "", None, row[0] if row else 0,
        )  # fmt: skip
    _stage(db, "customer_keys", keys)
    db.execute(
        f"create or replace temp table resolved as select system, system_id, customer_id from all_customer_keys where _file = '{MADE}'"
    )


def _links(name: str, present: list[str]) -> list[str]:
    """Return the columns of a table that name a customer."""
    named = ("customer_id", "referrer_id", "referred_id")
    links = TABLES[name].links
    return [c for c in present if links.get(c) == "customers" or c in named]


def _rekey(db: duckdb.DuckDBPyConnection, name: str, find: Find) -> None:
    """Give the rows of one staged table to their customers."""
    present = _columns(db, name)
    labels = _links(name, present)
    if not labels or "_system" not in present:
        return
    replaced, joins = [], []
    for number, label in enumerate(labels):
        replaced.append(
            f"case when t._problem is not null or t._system is null or t.{label} is null then t.{label} "
            f"else coalesce(r{number}.customer_id, t._system || ':' || t.{label}) end as {label}"
        )
        joins.append(f"left join resolved r{number} on r{number}.system = t._system and r{number}.system_id = t.{label}")  # fmt: skip
    db.execute(
        f"create or replace temp table rekeyed as select t.* replace ({', '.join(replaced)}) from all_{name} t {' '.join(joins)}"
    )
    db.execute(f"drop table all_{name}")
    db.execute(f"alter table rekeyed rename to all_{name}")
    if name == "suppressions" and {"system", "system_id"} <= set(present):
        db.execute(
            "update all_suppressions as s set customer_id = r.customer_id from resolved r "
            "where s.customer_id is null and s.system = r.system and s.system_id = r.system_id"
        )
    _find_unresolved(db, name, labels, find)
    if set(labels) & set(TABLES[name].key):
        _merge_repeats(db, name, present, find)
    if name == "referrals":
        db.execute(
            "update all_referrals set _problem = 'referrer_id and referred_id are one person; a referral needs two' "
            "where referrer_id = referred_id and _problem is null and not _merged"
        )


def _find_unresolved(
    db: duckdb.DuckDBPyConnection, name: str, labels: list[str], find: Find
) -> None:
    """Report ids that no record has, where the check of links does not, and rows of no system."""
    usable = "_problem is null and not _merged"
    for label in labels:
        first = "count(*), arg_min(_file, _row), min(_row)"
        count, file, row = db.execute(
            f"select {first} from all_{name} where {usable} and {label} is not null and _system is null"
        ).fetchone() or (0, "", None)
        if count:
            find(f"{label} names customers, but not of which system",
                 "add system: to the file's entry in engagement.yml", "problem", name, file, row, count)  # fmt: skip
        if label in TABLES[name].links:
            continue
        count, file, row = db.execute(
            f"select {first} from all_{name} anti join (select distinct customer_id as {label} from resolved) using ({label}) "
            f"where {usable} and {label} is not null and _system is not null"
        ).fetchone() or (0, "", None)
        if count:
            find(f"{label} is in no customer record of its system; the row is kept but belongs to no customer",
                 "send the missing customer records or the right id", "problem", name, file, row, count)  # fmt: skip


def _merge_repeats(
    db: duckdb.DuckDBPyConnection, name: str, present: list[str], find: Find
) -> None:
    """Keep one row where a customer now stands twice under one key: the treated one, then the earliest.

    What happened in any of the rows (a click, an unsubscription) is kept in the row that stays.
    """
    table = TABLES[name]
    key = ", ".join(table.key)
    first = [
        "case when arm = 'treated' then 0 else 1 end" if "arm" in present else "",
        table.known_at if table.known_at in present else "",
        "_file",
        "_row",
    ]
    usable = "_problem is null and not _merged and " + " and ".join(
        f"{c} is not null" for c in table.key
    )
    order = ", ".join(part for part in first if part)
    db.execute(
        f"create or replace temp table repeated as select *, row_number() over (partition by {key} order by {order}) as _place, "
        f"count(*) over (partition by {key}) as _times from all_{name} where {usable} qualify _times > 1"
    )
    count, file, row = db.execute(
        "select count(*), arg_min(_file, _row), min(_row) from repeated where _place > 1"
    ).fetchone() or (0, "", None)
    if count:
        db.execute(
            f"update all_{name} as a set _merged = true from repeated r where r._place > 1 and a._file = r._file and a._row = r._row"
        )
        _keep_what_happened(db, name, present)
        find(f"one customer stands more than once under one {key}, with ids of several records; one row of each is kept",
             "none: the row of a treated customer is kept before a control, then the earliest", "note", name, file, row, count)  # fmt: skip
    db.execute("drop table repeated")


def _keep_what_happened(db: duckdb.DuckDBPyConnection, name: str, present: list[str]) -> None:
    table = TABLES[name]
    flags = [c for c, column in table.columns.items() if column.kind == "flag" and c in present]
    times = [c for c in table.later if c in present]
    parts = [f"bool_or({c}) as {c}" for c in flags] + [f"min({c}) as {c}" for c in times]
    if not parts:
        return
    key = ", ".join(table.key)
    set_to = ", ".join(f"{c} = e.{c}" for c in flags + times)
    same = " and ".join(f"a.{c} = e.{c}" for c in table.key)
    db.execute(
        f"update all_{name} as a set {set_to} from (select {key}, {', '.join(parts)} from repeated group by {key}) e "
        f"where {same} and a._problem is null and not a._merged"
    )


def _report(resolution: Resolution, find: Find) -> None:
    keys, review = resolution.keys, resolution.review
    links = ", ".join(
        f"{row.links:,} by {row.kind}" for row in resolution.evidence.itertuples(index=False)
    )
    systems = keys["system"].nunique()
    find(
        f"{len(resolution.customers):,} customers were found in {len(keys):,} records of {systems} system{'s' * (systems != 1)}; "
        f"links: {links or 'none'}",
        "look at a sample of customers with several records; reject a wrong link under identity in engagement.yml",
        "note", "customers", MADE, None, len(resolution.customers),
    )  # fmt: skip
    for note in resolution.notes:
        find(note, "none needed, unless you expected otherwise", "note", "customer_records", MADE)
    if len(review):
        shown = ", ".join(
            f'"{row.left} = {row.right}"'
            for row in review.head(SHOWN_PAIRS).itertuples(index=False)
        )
        find(
            f"{len(review):,} pairs of records may be one person, and were not linked (quarantine/identity_review.csv)",
            f"decide the most important and add them to engagement.yml, under identity: confirm: [{shown}] or reject: [...]",
            "note", "customer_records", MADE, None, len(review),
        )  # fmt: skip
