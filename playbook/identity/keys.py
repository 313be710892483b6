"""Links by exact keys: what identifies a person by itself, when the names do not speak against it."""

from __future__ import annotations

import duckdb
import pandas as pd

__all__ = ["KEYS", "MAXIMUM_NAMES", "define_comparisons", "drop_shared", "exact_links"]

MAXIMUM_NAMES = 4
"""A key held by more different first names than this (office@, a switchboard) identifies nobody."""

_MACROS = """
create or replace macro alike(a, b) as a = b or jaro_winkler_similarity(a, b) >= 0.9
    or (length(a) >= 4 and length(b) >= 4 and damerau_levenshtein(a, b) <= 1)
    or starts_with(a, b || '-') or starts_with(b, a || '-') or ends_with(a, '-' || b) or ends_with(b, '-' || a);
create or replace macro alike_first(a, b) as alike(a, b) or ((length(a) = 1 or length(b) = 1) and a[1] = b[1]);
create or replace macro near_birth(a, b) as damerau_levenshtein(a, b) <= 2 or (a[1:4] = b[1:4] and a[5:6] = b[7:8] and a[7:8] = b[5:6]);
create or replace macro same_name(l, r) as l.name = r.name or (alike_first(l.first, r.first) and alike(l.last, r.last))
    or (alike_first(l.first, r.last) and alike_first(l.last, r.first));
create or replace macro other_first(l, r) as coalesce(jaro_winkler_similarity(l.first, r.first) < 0.75 and not alike_first(l.first, r.first)
    and not alike(l.first, r.last) and not alike(l.last, r.first), false);
create or replace macro vouched(l, r) as coalesce(damerau_levenshtein(l.birth, r.birth) <= 1, false)
    or coalesce(l.tax_id = r.tax_id and l.company is null and r.company is null, false);
create or replace macro other_birth(l, r) as coalesce(not near_birth(l.birth, r.birth), false);
"""

_NOT_AGAINST = "not other_birth(l, r) and not other_first(l, r)"
_MARRIED = (
    "(l.first = r.first and length(l.first) >= 3 and (l.birth = r.birth or l.phone = r.phone "
    "or (l.street = r.street and l.house is not distinct from r.house)))"
)
_COMPATIBLE = (
    f"(l.name is null or r.name is null or same_name(l, r) or {_MARRIED}) and {_NOT_AGAINST}"
)

KEYS = {
    "tax id": ("l.tax_id = r.tax_id", _COMPATIBLE),
    "e-mail and name": ("l.email = r.email", _COMPATIBLE),
    "telephone and name": (
        "l.phone = r.phone",
        f"(same_name(l, r) or (l.first = r.first and l.birth = r.birth)) and {_NOT_AGAINST}",
    ),
    "name, birth date and place": (
        "l.name = r.name and l.birth = r.birth and (l.postcode = r.postcode or l.city = r.city)",
        "contains(l.name, ' ') or length(l.name) <> strlen(l.name)",
    ),
}
"""Name of a key to the equality that finds its pairs and the condition that they fulfil."""


def define_comparisons(db: duckdb.DuckDBPyConnection) -> None:
    """Define the comparisons of names and birth dates that keys and clusters share."""
    db.execute(_MACROS)


def drop_shared(db: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Blank e-mails, telephone numbers and tax ids of table ``record`` that many different people hold.

    Returns
    -------
    dict
        Column to the number of values that identify nobody.
    """
    dropped = {}
    for column in ("email", "phone", "tax_id"):
        shared = (
            f"select {column} from record where {column} is not null group by {column} "
            f"having count(distinct coalesce(first, name)[1:2]) > {MAXIMUM_NAMES}"
        )
        count = db.execute(f"select count(*) from ({shared})").fetchone()
        dropped[column] = count[0] if count else 0
        db.execute(f"update record set {column} = null where {column} in ({shared})")
    return {column: count for column, count in dropped.items() if count}


def exact_links(db: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Return pairs of table ``record`` that an exact key links: left, right, kind; the first key counts."""
    parts = [
        f'select l.uid as "left", r.uid as "right", {rank} as rank, \'{kind}\' as kind '
        f"from record l join record r on {equal} and l.uid < r.uid where {also}"
        for rank, (kind, (equal, also)) in enumerate(KEYS.items())
    ]
    return db.execute(
        f'select "left", "right", arg_min(kind, rank) as kind from ({" union all ".join(parts)}) '
        'group by "left", "right" order by "left", "right"'
    ).df()
