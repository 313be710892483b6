"""Intake: every row and every cent is accounted for; what cannot be used is named with its mend."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from conftest import write_gzip

from playbook.engagement.delivery import Source
from playbook.engagement.model import Engagement
from playbook.engagement.yaml_file import read_model
from playbook.errors import DataError, PlanError
from playbook.intake import Intake, take_in
from playbook.tables import TABLES, validate


def _take(data: Path, **mapping: object) -> tuple[Intake, Path]:
    folder, target = data / "acme", data / "run"
    engagement = read_model(folder / "engagement.yml", Engagement)
    if mapping:
        engagement = engagement.model_copy(update=mapping)
    return take_in(folder / "inbox", engagement, target), target


def _write(data: Path, name: str, text: str) -> None:
    (data / "acme" / "inbox" / name).write_text(text, encoding="utf-8")


def _orders(target: Path) -> pd.DataFrame:
    return pd.read_parquet(target / "tables" / "orders.parquet")


def test_a_good_delivery_is_kept_whole(delivery: Path) -> None:
    intake, target = _take(delivery)
    orders = _orders(target)
    assert orders.order_id.tolist() == ["0001", "0002", "0003"]
    assert orders.revenue.tolist() == [Decimal("10.10"), Decimal("20.20"), Decimal("-5.05")]
    assert orders.customer_id.isna().tolist() == [False, False, True]
    assert intake.ledger.set_index("table").loc["orders", ["rows_in", "kept"]].tolist() == [3, 3]
    assert not [f for f in intake.findings if f["level"] == "problem"]


@pytest.mark.parametrize(
    "kind", ["csv", "bom", "semicolon", "tsv", "gz", "xlsx", "parquet", "jsonl"]
)
def test_every_kind_of_file_gives_the_same_table(delivery: Path, kind: str) -> None:
    _, target = _take(delivery)
    wanted = _orders(target)
    path = delivery / "acme" / "inbox" / "orders.csv"
    text = path.read_text(encoding="utf-8")
    frame = pd.read_csv(path, dtype="str", keep_default_na=False)
    path.unlink()
    inbox = path.parent
    if kind == "csv":
        path.write_text(text, encoding="utf-8")
    elif kind == "bom":
        path.write_text(text, encoding="utf-8-sig")
    elif kind == "semicolon":
        path.write_text(text.replace(",", ";"), encoding="utf-8")
    elif kind == "tsv":
        (inbox / "orders.tsv").write_text(text.replace(",", "\t"), encoding="utf-8")
    elif kind == "gz":
        write_gzip(inbox / "orders.csv.gz", text)
    elif kind == "xlsx":
        frame.to_excel(inbox / "orders.xlsx", index=False, engine="xlsxwriter")
    elif kind == "parquet":
        typed = frame.assign(
            revenue=frame.revenue.astype(float),
            ordered_at=pd.to_datetime(frame.ordered_at, format="mixed"),
        )
        typed.to_parquet(inbox / "orders.parquet", index=False)
    else:
        rows = [
            {k: (float(v) if k == "revenue" else v or None) for k, v in row.items()}
            for row in frame.to_dict("records")
        ]
        (inbox / "orders.jsonl").write_text(
            "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
        )
    _, target = _take(delivery)
    pd.testing.assert_frame_equal(_orders(target), wanted)


def test_a_date_that_is_none_goes_to_quarantine_with_its_row(delivery: Path) -> None:
    _write(
        delivery,
        "orders.csv",
        "order_id,customer_id,ordered_at,revenue\n1,001,2025-01-05,1\n2,001,2025-13-45,2\n3,002,2025-01-07,3\n",
    )
    intake, target = _take(delivery)
    finding = intake.findings[0]
    assert (finding["file"], finding["row"], finding["count"]) == ("orders.csv", 3, 1)
    assert "ordered_at '2025-13-45' is not a date" in finding["message"]
    assert "export again" in finding["mend"]
    assert _orders(target).order_id.tolist() == ["1", "3"]
    assert pd.read_parquet(target / "quarantine" / "orders.parquet").row.tolist() == [3]


def test_exact_repeats_are_merged_and_conflicts_quarantined(delivery: Path) -> None:
    rows = [
        "1,001,2025-01-05,1",
        "1,001,2025-01-05,1",
        "2,001,2025-01-06,2",
        "2,001,2025-01-06,9",
        "3,002,2025-01-07,3",
        "4,002,2025-01-08,4",
    ]
    _write(
        delivery, "orders.csv", "order_id,customer_id,ordered_at,revenue\n" + "\n".join(rows) + "\n"
    )
    intake, target = _take(delivery)
    ledger = intake.ledger.set_index("table").loc["orders"]
    assert ledger[["rows_in", "kept", "quarantined", "merged"]].tolist() == [6, 3, 2, 1]
    assert ledger.money_in == pytest.approx(20) and ledger.money_quarantined == pytest.approx(11)
    assert any(
        "order_id 2 stands more than once with different content" in f["message"]
        for f in intake.findings
    )
    assert _orders(target).order_id.tolist() == ["1", "3", "4"]


def test_an_order_of_an_unknown_customer_stays_in_the_totals_as_a_guest(delivery: Path) -> None:
    _write(
        delivery,
        "orders.csv",
        "order_id,customer_id,ordered_at,revenue\n1,001,2025-01-05,1\n2,999,2025-01-06,2\n",
    )
    intake, target = _take(delivery)
    assert _orders(target).customer_id.isna().tolist() == [False, True]
    finding = next(f for f in intake.findings if f["level"] == "problem")
    assert "customer_id is not in table customers" in finding["message"] and finding["row"] == 3


def test_a_line_with_too_few_or_too_many_values_is_quarantined(delivery: Path) -> None:
    _write(
        delivery,
        "orders.csv",
        "order_id,customer_id,ordered_at,revenue\n1,001,2025-01-05,1\n2,001,2025-01-06\n3,002,2025-01-07,3,x\n4,002,2025-01-08,4\n",
    )
    intake, target = _take(delivery)
    assert _orders(target).order_id.tolist() == ["1", "4"]
    assert intake.ledger.set_index("table").loc["orders", "quarantined"] == 2


def test_too_much_quarantined_stops_the_run_and_leaves_the_earlier_tables(delivery: Path) -> None:
    _, target = _take(delivery)
    before = (target / "tables" / "orders.parquet").read_bytes()
    _write(
        delivery,
        "orders.csv",
        "order_id,customer_id,ordered_at,revenue\n1,001,never,1\n2,001,never,2\n3,002,2025-01-07,3\n",
    )
    with pytest.raises(
        DataError, match=r"orders.csv row 2: ordered_at 'never' is not a date.*2 of 3 rows"
    ):
        _take(delivery)
    assert (target / "tables" / "orders.parquet").read_bytes() == before
    assert not (target / ".intake").exists()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "orders.csv",
            "order_id,customer_id,ordered_at\n1,001,2025-01-05\n",
            "no column for orders.revenue",
        ),
        ("orders.csv", "", "the file is empty"),
        (
            "orders.csv",
            "order_id,order_id,ordered_at,revenue\n",
            "the header 'order_id' stands twice",
        ),
        ("orders.xlsx", "this is no workbook", "cannot be read"),
        ("orders.parquet", "this is no parquet", "cannot be read"),
        ("orders.pkl", "x", "this kind of file is not read"),
        ("orders.jsonl", "[1]\n", "no JSON object"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    delivery: Path, name: str, text: str, said: str
) -> None:
    (delivery / "acme" / "inbox" / "orders.csv").unlink()
    _write(delivery, name, text)
    with pytest.raises(DataError, match=said) as error:
        _take(delivery)
    assert name in str(error.value)


def test_a_link_out_of_the_inbox_is_refused(delivery: Path) -> None:
    secret = delivery / "secret.csv"
    secret.write_text("order_id\n", encoding="utf-8")
    (delivery / "acme" / "inbox" / "orders_link.csv").symlink_to(secret)
    with pytest.raises(DataError, match="links out of the inbox"):
        _take(delivery)


def test_tables_cannot_be_derived_from_lines_that_were_refused(delivery: Path) -> None:
    inbox = delivery / "acme" / "inbox"
    (inbox / "orders.csv").rename(delivery / "elsewhere.csv")
    (inbox / "orders.csv").symlink_to(delivery / "elsewhere.csv")
    lines = Source(files="orders.csv", table="order_lines", derive=["orders", "customers"])
    with pytest.raises(DataError, match="links out of the inbox"):
        _take(delivery, inbox=[lines])


def test_a_missing_inbox_or_table_is_named(delivery: Path) -> None:
    (delivery / "acme" / "inbox" / "orders.csv").unlink()
    with pytest.raises(DataError, match=r"no file matches 'orders\*'"):
        _take(delivery)
    (delivery / "acme" / "inbox" / "customers.csv").unlink()
    (delivery / "acme" / "inbox").rmdir()
    with pytest.raises(PlanError, match="no inbox"):
        _take(delivery)


def test_hostile_headers_and_values_are_only_data(delivery: Path) -> None:
    _write(
        delivery,
        "customers.csv",
        'customer_id,name,"x""); drop table y; --"\n001,"\'; drop table x; --",1\n002,"=cmd()",2\n',
    )
    _, target = _take(delivery)
    assert pd.read_parquet(target / "tables" / "customers.parquet").name.tolist() == [
        "'; drop table x; --",
        "=cmd()",
    ]


def test_names_that_look_like_null_are_kept(delivery: Path) -> None:
    _write(delivery, "customers.csv", "customer_id,name\n001,Null\n002,NA\n")
    _, target = _take(delivery)
    assert pd.read_parquet(target / "tables" / "customers.parquet").name.tolist() == ["Null", "NA"]


def test_personal_values_are_not_repeated_in_findings(delivery: Path) -> None:
    _write(
        delivery,
        "customers.csv",
        "customer_id,name,birth_date\n001,Ada,1815-secret\n002,Grace,1906-12-09\n",
    )
    intake, _ = _take(delivery)
    assert "secret" not in json.dumps(intake.findings)


def test_a_value_in_the_wrong_column_is_not_repeated_where_it_may_name_a_person(
    delivery: Path,
) -> None:
    orders = delivery / "acme" / "inbox" / "orders.csv"
    wrong = "9,001,2025-02-01,ada@example.com\n10,001,2025-02-01,Ada Lovelace\n"
    orders.write_text(orders.read_text(encoding="utf-8") + wrong, encoding="utf-8")
    intake, _ = _take(delivery)
    found = json.dumps(intake.findings)
    assert "example.com" not in found and "Lovelace" not in found
    assert "revenue 'x@x.x'" in found


def test_orders_customers_and_products_can_be_derived_from_lines(delivery: Path) -> None:
    _write(
        delivery,
        "lines.csv",
        "InvoiceNo,Stock,Qty,Price,Cust,Date\nA,x,2,1.25,7,2025-01-01\nA,y,1,3,7,2025-01-01\nB,x,-1,1.25,,2025-01-02\n",
    )
    source = {"files": "lines.csv", "table": "order_lines", "derive": ["orders", "customers", "products"], "columns": {
        "order_id": "InvoiceNo", "product_id": "Stock", "quantity": "Qty", "unit_price": "Price", "orders.customer_id": "Cust", "orders.ordered_at": "Date"}}  # fmt: skip
    engagement = Engagement.model_validate(
        {"client": "A", "brand": "A", "currency": "EUR", "inbox": [source]}
    )
    intake = take_in(delivery / "acme" / "inbox", engagement, delivery / "run")
    orders = _orders(delivery / "run")
    assert orders.revenue.tolist() == [Decimal("5.50"), Decimal("-1.25")]
    assert orders.customer_id.isna().tolist() == [False, True]
    assert intake.ledger.set_index("table").loc["customers", "kept"] == 1


def test_every_table_of_the_demo_keeps_its_contract(demo: Path) -> None:
    tables = demo / "2025" / "tables"
    for name in TABLES:
        frame = duckdb.sql(f"select * from read_parquet('{tables / f'{name}.parquet'}')").df()
        validate(name, frame)
    assert {path.stem for path in tables.glob("*.parquet")} == set(TABLES)
