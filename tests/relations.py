"""Engagements that read relations, and what one of them brings: shared by the tests of databases."""

from __future__ import annotations

from pathlib import Path

import duckdb

from playbook.engagement.delivery import Database, Source
from playbook.engagement.model import Engagement
from playbook.intake.databases import Databases
from playbook.intake.delivered import Delivered

VARIABLE = "SHOP_DATABASE"
Rows = list[tuple]


def engagement_of(*relations: str, table: str = "customers", **more: object) -> Engagement:
    sources = [Source(database="shop", relation=relation, table=table) for relation in relations]
    databases = {"shop": Database(kind="postgresql", url_env=VARIABLE)}
    given = {"client": "A", "brand": "A", "currency": "EUR", "inbox": sources, "databases": databases}  # fmt: skip
    return Engagement(**given | more)  # type: ignore[arg-type]


def duckdb_engagement(relation: str, file: str = "shop.duckdb", **more: object) -> Engagement:
    return engagement_of(relation, databases={"shop": Database(kind="duckdb", file=file)}, **more)


def read_relation(engagement: Engagement, inbox: Path = Path("inbox")) -> tuple[Delivered, Rows]:
    """Open the first relation of an engagement; return it with its rows, ``_row`` last."""
    with duckdb.connect() as connection, Databases(engagement, inbox) as databases:
        delivered = databases.open_relation(connection, engagement.inbox[0])
        return delivered, connection.execute(f"select * from {delivered.relation} order by _row").fetchall()  # fmt: skip
