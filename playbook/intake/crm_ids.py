"""Makes Salesforce ids of 15 signs the 18 signs that the same delivery uses elsewhere.

The three further signs encode which letters are capital, so that the id survives systems that ignore
case; ids of both lengths name the same record.
"""

from __future__ import annotations

import duckdb

from playbook.intake.files import literal
from playbook.intake.result import Findings

__all__ = ["widen_ids"]

_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHORT = "^[a-zA-Z0-9]{15}$"
_LONG = "^[a-zA-Z0-9]{18}$"


def _widened(text: str) -> str:
    """Return the SQL of the 18 signs of an id's first 15."""
    ends = [
        f"'{_SIGNS}'[1 + "
        + " + ".join(
            f"(case when {text}[{5 * part + place + 1}] between 'A' and 'Z' then {1 << place} else 0 end)"
            for place in range(5)
        )
        + "]"
        for part in range(3)
    ]
    return f"left({text}, 15) || {' || '.join(ends)}"


def widen_ids(
    db: duckdb.DuckDBPyConnection,
    columns: dict[tuple[str, str, str], tuple[int, int, int]],
    findings: Findings,
) -> None:
    """Widen the short ids of a delivery that holds both lengths.

    Parameters
    ----------
    columns
        Table, column and file to its ids: all, of 15 signs, of 18 signs.
    """
    whole = {place: counts for place, counts in columns.items() if counts[0] and counts[0] == counts[1] + counts[2]}  # fmt: skip
    if not any(short for _, short, _ in whole.values()) or not any(
        long for _, _, long in whole.values()
    ):
        return
    prefixes: set[str] = set()
    for (table, label, file), (_, _, long) in whole.items():
        if long:
            rows = db.execute(
                f"select left({label}, 3), bool_and({label} = {_widened(label)}) from all_{table} "
                f"where _file = {literal(file)} and regexp_matches({label}, '{_LONG}') group by 1"
            ).fetchall()
            prefixes |= {prefix for prefix, right in rows if right}
    shown = ", ".join(f"'{prefix}'" for prefix in sorted(prefixes))
    for (table, label, file), (_, short, _) in whole.items():
        if short and prefixes:
            where = f"_file = {literal(file)} and regexp_matches({label}, '{_SHORT}') and left({label}, 3) in ({shown})"
            count, row = db.execute(f"select count(*), min(_row) from all_{table} where {where}").fetchone() or (0, None)  # fmt: skip
            if count:
                db.execute(f"update all_{table} set {label} = {_widened(label)} where {where}")
                findings.add(f"{label}: ids of 15 signs are widened to the 18 signs used elsewhere in the delivery",
                             "export the long form of the ids", "note", table, file, row, count)  # fmt: skip
