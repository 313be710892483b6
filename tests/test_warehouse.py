"""The warehouse: nothing known after ``as_of`` is seen, and every query runs whatever was delivered."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from conftest import QUERY_EXAMPLES

from playbook.errors import DataError
from playbook.tables import SQL_TYPE, TABLES
from playbook.warehouse import QUERIES, Warehouse

NAMES = sorted(path.stem for path in QUERIES.glob("*.sql"))


def _write(folder: Path, name: str, rows: list[dict]) -> None:
    """Write rows as a standard table; columns not given are null."""
    columns = ", ".join(
        f"cast({'$' + c if c in rows[0] else 'null'} as {SQL_TYPE[col.kind]}) as {c}"
        for c, col in TABLES[name].columns.items()
    )
    db = duckdb.connect()
    selects = [db.execute(f"select {columns}", row).df() for row in rows]
    frame = pd.concat(selects)  # noqa: F841 - read by name in the next statement
    types = ", ".join(
        f"cast({c} as {SQL_TYPE[col.kind]}) as {c}" for c, col in TABLES[name].columns.items()
    )
    db.execute(
        f"copy (select {types} from frame) to '{folder / f'{name}.parquet'}' (format parquet)"
    )


def test_later_rows_and_later_outcomes_are_hidden(tmp_path: Path) -> None:
    _write(tmp_path, "orders", [
        {"order_id": "a", "ordered_at": "2024-12-31 23:59:59", "revenue": 1},
        {"order_id": "b", "ordered_at": "2025-01-01 00:00:00", "revenue": 2},
    ])  # fmt: skip
    _write(tmp_path, "opportunities", [
        {"opportunity_id": "x", "created_at": "2024-06-01", "closed_at": "2025-02-01", "is_won": True, "stage": "Won", "amount": 5},
        {"opportunity_id": "y", "created_at": "2024-06-01", "closed_at": "2024-07-01", "is_won": False, "stage": "Lost", "amount": 5},
    ])  # fmt: skip
    then = Warehouse(tmp_path, date(2024, 12, 31))
    assert then.table("orders").order_id.tolist() == ["a"]
    deals = then.table("opportunities")
    assert deals.is_won.isna().tolist() == [True, False]
    assert deals.stage.isna().tolist() == [True, False]
    assert Warehouse(tmp_path, date(2025, 12, 31)).table("opportunities").is_won.tolist() == [
        True,
        False,
    ]


def test_an_absent_table_is_empty_and_not_there(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path, date(2024, 12, 31))
    assert not warehouse.has("tickets")
    assert warehouse.table("tickets").columns.tolist() == list(TABLES["tickets"].columns)


def test_money_is_exact_and_ids_are_text(tmp_path: Path) -> None:
    rows = [
        {"order_id": f"{i:05d}", "ordered_at": "2024-01-01", "revenue": "0.10"} for i in range(3)
    ]
    _write(tmp_path, "orders", rows)
    frame = Warehouse(tmp_path, date(2024, 12, 31)).table("orders")
    assert frame.order_id.tolist() == ["00000", "00001", "00002"]
    assert str(frame.order_id.dtype) == "str" and str(frame.ordered_at.dtype) == "datetime64[us]"


def test_frames_keep_kinds_and_order_and_may_be_written(tmp_path: Path) -> None:
    _write(tmp_path, "customers", [
        {"customer_id": "b", "household": 3, "consent_email": True},
        {"customer_id": "a", "household": None, "consent_email": None},
    ])  # fmt: skip
    _write(tmp_path, "orders", [{"order_id": "1", "customer_id": "a", "ordered_at": "2024-06-01", "revenue": 0.1}])  # fmt: skip
    frame = Warehouse(tmp_path, date(2024, 12, 31)).query("customer_features", since=date(2023, 12, 31))  # fmt: skip
    assert frame["customer_id"].tolist() == ["a", "b"]
    kinds = {"customer_id": "str", "household": "Int64", "orders": "int64", "orders_12m": "float64", "revenue_12m": "float64", "may_be_contacted": "boolean"}  # fmt: skip
    assert {name: str(frame[name].dtype) for name in kinds} == kinds
    assert frame["revenue_12m"].tolist() == [0.1, 0.0]
    assert frame["household"].isna().tolist() == [True, False]
    frame.loc[0, "revenue_12m"] = 7.0
    assert frame["revenue_12m"].tolist() == [7.0, 0.0]


def test_data_cannot_make_the_engine_read_other_files(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "tables", date(2024, 12, 31))
    warehouse.count("orders")
    for statement in (
        "select * from read_csv('/etc/passwd')",
        "install httpfs",
        "set enable_external_access = true",
    ):
        with pytest.raises(duckdb.Error):
            warehouse._connection.execute(statement)


def test_an_unknown_query_or_table_is_named(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path, date(2024, 12, 31))
    with pytest.raises(DataError, match=r"queries/none\.sql"):
        warehouse.query("none")
    with pytest.raises(DataError, match="not a standard table"):
        warehouse.table("orders; drop table orders")


@pytest.mark.parametrize("name", NAMES)
def test_every_query_runs_on_nothing_and_names_its_row(name: str, tmp_path: Path) -> None:
    text = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
    assert re.match(r"--.*\brow\b", text), "the first line says what one row is"
    wanted = set(re.findall(r"\$(\w+)", text)) - {"as_of", "since"}
    parameters = {key: QUERY_EXAMPLES[key] for key in wanted}
    frame = Warehouse(tmp_path, date(2024, 12, 31)).query(
        name, since=date(2023, 12, 31), **parameters
    )
    assert len(frame.columns) > 0
    assert not re.search(
        r"list\s*\([^)]*order by|quantile_cont\(|date_diff\(\s*'(month|year)'", text, re.I
    )
