"""Values as clients write them: each is read, or named with its mend; none is read by luck."""

from __future__ import annotations

import csv
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from playbook.engagement.model import Engagement
from playbook.errors import DataError
from playbook.intake import Intake, examine, load_intake, take_in

AS_OF = date(2025, 12, 31)
BASE = {
    "customers": {"customer_id": ["c1", "c2"], "name": ["Ada", "Grace"]},
    "orders": {"order_id": ["o1", "o2"], "customer_id": ["c1", "c2"], "ordered_at": ["2025-01-05", "2025-02-06"], "revenue": ["10.10", "20.20"]},
}  # fmt: skip


def _write(inbox: Path, name: str, columns: dict[str, list[str]]) -> None:
    with (inbox / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def _engagement(sources: list[dict], **more: object) -> Engagement:
    free = {"constraints": {"max_quarantined_share": 1.0}}
    return Engagement.model_validate(
        {"client": "A", "brand": "A", "currency": "EUR", "inbox": sources} | free | more
    )


class Delivery:
    """A delivery of customers and orders, one of whose columns a test writes in its own way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inbox = folder / "inbox"
        self.inbox.mkdir(parents=True)
        self.sources: dict[str, dict] = {}
        for table, columns in BASE.items():
            self.put(table, columns)

    def put(self, table: str, columns: dict[str, list[str]], **source: object) -> Delivery:
        """Write the file of a table; ``source`` is what its entry says besides."""
        _write(self.inbox, f"{table}.csv", columns)
        self.sources[table] = {
            "files": f"{table}.csv",
            "table": table,
            "encoding": "utf-8",
        } | source
        return self

    def column(self, table: str, label: str, values: list[str], **source: object) -> Delivery:
        """Write the file of a base table with these values in one column."""
        rows = len(values)
        base = {c: [f"{v[0][:1]}{i}" if c.endswith("_id") else v[0] for i in range(rows)] for c, v in BASE[table].items()}  # fmt: skip
        return self.put(table, base | {label: values}, **source)

    def engagement(self, **more: object) -> Engagement:
        return _engagement(list(self.sources.values()), **more)

    def take(self, **more: object) -> Intake:
        return take_in(self.inbox, self.engagement(**more), self.folder / "run", AS_OF)

    def examine(self, **more: object) -> Intake:
        return examine(self.inbox, self.engagement(**more), self.folder / "run", AS_OF)

    def table(self, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.folder / "run" / "tables" / f"{name}.parquet")

    def values(self, table: str, label: str) -> list:
        column = self.table(table)[label].astype(object)
        return [None if missing else value for value, missing in zip(column, column.isna(), strict=True)]  # fmt: skip

    def quarantined(self, name: str) -> list[str]:
        path = self.folder / "run" / "quarantine" / f"{name}.parquet"
        return pd.read_parquet(path).reason.tolist() if path.is_file() else []


@pytest.fixture
def made(tmp_path: Path) -> Delivery:
    return Delivery(tmp_path)


def _read_as(intake: Intake, column: str) -> tuple[str, str]:
    row = intake.columns.set_index("column").loc[column]
    return row.read_as, row.decided_by


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["1.234,56", "2.000"], ["1234.56", "2000"]),
        (["1,234.56", "2,000"], ["1234.56", "2000"]),
        (["1 234,56", "2 000"], ["1234.56", "2000"]),
        (["1\u00a0234,56", "2\u202f000,5"], ["1234.56", "2000.5"]),
        (["1'234.50", "2’000"], ["1234.50", "2000"]),
        (["€ 12,50", "1.000,00 EUR"], ["12.50", "1000"]),
        (["12,50 kr", "£3,75"], ["12.50", "3.75"]),
        (["¥1,200.00", "3元"], ["1200", "3"]),
        (["12,50-", "(7,25)"], ["-12.50", "-7.25"]),
        (["−12.50", "＋１２．５０"], ["-12.50", "12.50"]),
        (["1.5E+3", "2.25"], ["1500", "2.25"]),
        (["1.234.567", "12"], ["1234567", "12"]),
        (["0,125", "2,5"], ["0.13", "2.50"]),
        ([".5", "7."], ["0.50", "7"]),
        (["12,5", "1.234"], ["12.50", "1234"]),
        (["12", "-3"], ["12", "-3"]),
    ],
)
def test_money_is_read_as_its_column_writes_it(made: Delivery, written: list[str], meant: list[str]) -> None:  # fmt: skip
    made.column("orders", "revenue", written).take()
    assert made.values("orders", "revenue") == [Decimal(m).quantize(Decimal("0.01")) for m in meant]


def test_a_decimal_mark_that_the_column_leaves_open_is_asked_for(made: Delivery) -> None:
    made.column("orders", "revenue", ["1.234", "5.678", "12"])
    intake = made.examine()
    point = intake.undecided[0]
    assert (point["file"], point["column"], point["ask"]) == ("orders.csv", "revenue", 'decimal: ","')  # fmt: skip
    assert "9.999 (2 values)" in point["what"]
    assert intake.ledger.rows_in.sum() == 5
    with pytest.raises(DataError, match=r"orders.csv: column 'revenue'.*add decimal: \",\" under"):
        made.take()
    for mark, first in ((",", Decimal("1234.00")), (".", Decimal("1.23"))):
        made.column("orders", "revenue", ["1.234", "5.678", "12"], decimal=mark).take()
        assert made.values("orders", "revenue")[0] == first


def test_another_column_of_the_file_decides_the_decimal_mark(made: Delivery) -> None:
    made.column("orders", "revenue", ["1.234", "5.678"])
    base = {c: [f"x{i}" if c == "order_id" else v[0] for i in range(2)] for c, v in BASE["orders"].items()}  # fmt: skip
    made.put("orders", base | {"revenue": ["1.234", "5.678"], "cost": ["7,50", "8,25"]})
    intake = made.take()
    assert _read_as(intake, "revenue") == ("decimal comma", "column cost")
    assert made.values("orders", "revenue") == [Decimal("1234.00"), Decimal("5678.00")]


def test_another_file_of_the_entry_decides(made: Delivery) -> None:
    base = {c: v[:1] for c, v in BASE["orders"].items()}
    _write(made.inbox, "orders_1.csv", base | {"order_id": ["a"], "ordered_at": ["02/01/2024"]})
    _write(made.inbox, "orders_2.csv", base | {"order_id": ["b"], "ordered_at": ["13/01/2024"]})
    made.sources["orders"] = {"files": "orders_*.csv", "table": "orders"}
    intake = made.take()
    assert made.values("orders", "ordered_at") == [datetime(2024, 1, 2), datetime(2024, 1, 13)]
    first = intake.columns[(intake.columns.file == "orders_1.csv") & (intake.columns.column == "ordered_at")]  # fmt: skip
    assert first.decided_by.item() == "column ordered_at of orders_2.csv"


def test_a_column_with_both_decimal_marks_contradicts_itself(made: Delivery) -> None:
    intake = made.column("orders", "revenue", ["1.5", "2.25", "3,5"]).examine()
    what = intake.undecided[0]["what"]
    assert "2 values have a decimal point (like 9.99" in what or "2 values have a decimal point (like 9.9," in what  # fmt: skip
    assert "first: row 2" in what and "1 a decimal comma (like 9,9, first: row 4)" in what
    assert intake.undecided[0]["candidates"] == ['decimal: ","', 'decimal: "."']


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (["31.12.2024", "1.2.2024"], ["2024-12-31", "2024-02-01"]),
        (["01.02.2024", "02.01.2024"], ["2024-02-01", "2024-01-02"]),
        (["12/31/2024", "01/02/2024"], ["2024-12-31", "2024-01-02"]),
        (["31/12/2024", "01/02/2024"], ["2024-12-31", "2024-02-01"]),
        (["2024/12/31", "2024/1/2"], ["2024-12-31", "2024-01-02"]),
        (["20240102", "20241231"], ["2024-01-02", "2024-12-31"]),
        (["2024年1月2日", "2024年12月31日 13:05"], ["2024-01-02", "2024-12-31 13:05:00"]),
        (
            ["2024年1月2日 下午3:04", "2024年1月3日 上午03时04分05秒"],
            ["2024-01-02 15:04", "2024-01-03 03:04:05"],
        ),
        (["31.12.24", "01.02.24"], ["2024-12-31", "2024-02-01"]),
        (["31-12-24", "01-02-99"], ["2024-12-31", "1999-02-01"]),
        (["3. Mär 2024", "14. Dezember 2024"], ["2024-03-03", "2024-12-14"]),
        (["02-Jan-24", "3 mars 2024"], ["2024-01-02", "2024-03-03"]),
        (["Mar 3, 2024", "December 14, 2024 5:06 PM"], ["2024-03-03", "2024-12-14 17:06"]),
        (["13/01/2024 3:05 PM", "14/01/2024 12:10 AM"], ["2024-01-13 15:05", "2024-01-14 00:10"]),
        (
            ["2024-01-02T03:04:05Z", "2024-01-02T03:04:05.250+01:00"],
            ["2024-01-02 03:04:05", "2024-01-02 02:04:05.250"],
        ),
        (["20240102T030405Z", "2024-01-02 03:04"], ["2024-01-02 03:04:05", "2024-01-02 03:04"]),
        (["20240102 03:04:05", "20241231 23:59"], ["2024-01-02 03:04:05", "2024-12-31 23:59"]),
        (["45293", "45293.5"], ["2024-01-02", "2024-01-02 12:00"]),
        (["45293,25", "45294"], ["2024-01-02 06:00", "2024-01-03"]),
        (["1704164645", "1704164646"], ["2024-01-02 03:04:05", "2024-01-02 03:04:06"]),
        (["1704164645250", "1704164646000"], ["2024-01-02 03:04:05.250", "2024-01-02 03:04:06"]),
        (["2024-01-02", "13/01/2024"], ["2024-01-02", "2024-01-13"]),
        (["２０２４-０１-０２", "2024-01-03"], ["2024-01-02", "2024-01-03"]),
        (["05/05/2024", "06/06/2024"], ["2024-05-05", "2024-06-06"]),
    ],
)
def test_dates_are_read_as_their_column_writes_them(made: Delivery, written: list[str], meant: list[str]) -> None:  # fmt: skip
    made.column("orders", "ordered_at", written).take()
    assert made.values("orders", "ordered_at") == [pd.Timestamp(m).to_pydatetime() for m in meant]


def test_an_order_of_dates_that_is_left_open_is_asked_for(made: Delivery) -> None:
    values = ["02/01/2024", "03/04/2024 10:30"]
    intake = made.column("orders", "ordered_at", values).examine()
    assert intake.undecided[0]["candidates"] == ['dates: ["%d/%m/%Y"]', 'dates: ["%m/%d/%Y"]']
    assert intake.blocking and "orders.csv: column 'ordered_at'" in intake.blocking[0]
    for order, meant in (("%d/%m/%Y", datetime(2024, 4, 3, 10, 30)), ("%m/%d/%Y", datetime(2024, 3, 4, 10, 30))):  # fmt: skip
        made.column("orders", "ordered_at", values, dates=[order]).take()
        assert made.values("orders", "ordered_at")[1] == meant


def test_a_column_with_both_orders_of_dates_contradicts_itself(made: Delivery) -> None:
    values = ["13/01/2024", "14/01/2024", "01/15/2024", "02/02/2024"]
    intake = made.column("orders", "ordered_at", values).examine()
    what = intake.undecided[0]["what"]
    assert "2 values like 99/99/9999 can only have the day first (first: row 2)" in what
    assert "1 only the month first (first: row 4)" in what
    made.column("orders", "ordered_at", values, dates=["%d/%m/%Y"]).take()
    assert len(made.quarantined("orders")) == 1


def test_all_open_points_are_named_at_once(made: Delivery) -> None:
    base = {c: v[:1] for c, v in BASE["orders"].items()}
    made.put("orders", base | {"ordered_at": ["02/01/2024"], "revenue": ["1.234"]})
    made.column("customers", "income", ["5.678"])
    with pytest.raises(DataError) as stopped:
        made.take()
    assert str(stopped.value).count("\n") == 2
    for name in ("'ordered_at'", "'revenue'", "'income'"):
        assert name in str(stopped.value)


@pytest.mark.parametrize("nothing", ["0000-00-00", "1900-01-00", "1899-12-30", "#N/A", "NULL", "-", "n/a"])  # fmt: skip
def test_placeholders_of_dates_are_nothing_and_counted(made: Delivery, nothing: str) -> None:
    intake = made.column("customers", "acquired_at", ["2024-01-02", nothing, nothing]).take()
    assert made.values("customers", "acquired_at") == [datetime(2024, 1, 2), None, None]
    finding = next(f for f in intake.findings if "stand for nothing" in f["message"])
    assert (finding["count"], finding["row"], finding["level"]) == (2, 3, "note")
    assert nothing in finding["message"]


@pytest.mark.parametrize("name", ["Null", "NA", "None", "nan", "N/A", "TRUE", "-"])
def test_names_that_look_like_nothing_are_names(made: Delivery, name: str) -> None:
    made.column("customers", "name", [name, "Ada"]).take()
    assert made.values("customers", "name") == [name, "Ada"]


def test_spreadsheet_errors_are_nothing_even_in_text(made: Delivery) -> None:
    intake = made.column("customers", "name", ["#N/A", "Ada"]).take()
    assert made.values("customers", "name") == [None, "Ada"]
    assert any("#N/A stand for nothing" in f["message"] for f in intake.findings)


def test_declared_words_for_nothing_are_nothing(made: Delivery) -> None:
    made.column("customers", "name", ["unknown", "Ada"], nulls=["unknown"]).take()
    assert made.values("customers", "name") == [None, "Ada"]


@pytest.mark.parametrize(
    ("yes", "no"),
    [("yes", "no"), ("Ja", "Nein"), ("ja", "nej"), ("WAHR", "FALSCH"), ("sant", "falskt"), ("是", "否"), ("Y", "N"), ("1", "0"), ("TRUE", "FALSE"), ("oui", "non")],
)  # fmt: skip
def test_flags_are_read_in_many_languages(made: Delivery, yes: str, no: str) -> None:
    made.column("customers", "consent_email", [yes, no, ""]).take()
    assert made.values("customers", "consent_email") == [True, False, None]


def test_ids_stay_text(made: Delivery) -> None:
    ids = ["00123", "1234567890123456789", "cafe\u0301", "１２３", " x9 ", "a\u200bb"]
    intake = made.column("customers", "customer_id", ids).take()
    kept = {"00123", "1234567890123456789", "caf\u00e9", "123", "x9", "ab"}
    assert set(made.values("customers", "customer_id")) == kept
    assert any("plain form" in f["message"] for f in intake.findings)


def test_ids_that_are_floats_lose_the_zero_and_exponents_are_refused(made: Delivery) -> None:
    made.column("customers", "customer_id", ["123.0", "45.0"]).take()
    assert made.values("customers", "customer_id") == ["123", "45"]
    made.column("customers", "customer_id", ["5.72577E+18", "45"]).take()
    assert made.values("customers", "customer_id") == ["45"]
    assert "its digits are lost" in made.quarantined("customers")[0]
    made.column("customers", "customer_id", ["1.0", "A.0"]).take()
    assert made.values("customers", "customer_id") == ["1.0", "A.0"]


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        ("Europe/Berlin", "2024-07-01 12:00:00", "2024-07-01 10:00"),
        ("Europe/Berlin", "2024-01-01 00:30", "2023-12-31 23:30"),
        ("Asia/Shanghai", "2024年1月2日 08:00", "2024-01-02 00:00"),
        ("Europe/Berlin", "2024-03-31 02:30:00", "2024-03-31 01:30"),
        ("Europe/Berlin", "2024-10-27 02:30:00", "2024-10-27 01:30"),
        ("Europe/Berlin", "2024-07-01T12:00:00+00:00", "2024-07-01 12:00"),
        ("Europe/Berlin", "01.07.2024", "2024-07-01 00:00"),
        ("Europe/Berlin", "45293.5", "2024-01-02 11:00"),
        ("Europe/Berlin", "1704164645", "2024-01-02 03:04:05"),
    ],
)
def test_local_times_become_utc_and_days_stay_days(made: Delivery, zone: str, local: str, utc: str) -> None:  # fmt: skip
    made.column("orders", "ordered_at", [local], timezone=zone).take()
    assert made.values("orders", "ordered_at") == [pd.Timestamp(utc).to_pydatetime()]


def test_midnights_throughout_are_days(made: Delivery) -> None:
    made.column("orders", "ordered_at", ["2024-01-01 00:00:00", "2024-07-01 00:00:00"], timezone="Europe/Berlin").take()  # fmt: skip
    assert made.values("orders", "ordered_at") == [datetime(2024, 1, 1), datetime(2024, 7, 1)]


def test_birth_dates_before_1970_and_with_two_digits(made: Delivery) -> None:
    made.column("customers", "birth_date", ["31.12.65", "01.02.09"]).take()
    assert made.values("customers", "birth_date") == [date(1965, 12, 31), date(2009, 2, 1)]


TICKETS = {"ticket_id": ["t1", "t2"], "customer_id": ["c1", "c2"], "opened_at": ["2025-01-05", "2025-01-06"]}  # fmt: skip


def test_choices_match_without_case_and_words_are_mapped(made: Delivery) -> None:
    made.put("tickets", TICKETS | {"priority": ["High", "dringend"]}, values={"priority": {"Dringend": "urgent"}}).take()  # fmt: skip
    assert made.values("tickets", "priority") == ["high", "urgent"]
    made.put("tickets", TICKETS | {"priority": ["High", "dringend"]}).take()
    assert "expected one of low, normal, high, urgent" in made.quarantined("tickets")[0]


DEALS = {"opportunity_id": ["d1", "d2", "d3"], "created_at": ["2025-01-05"] * 3}


@pytest.mark.parametrize(
    ("written", "meant"),
    [(["0.5", "1", "0"], [0.5, 1.0, 0.0]), (["50", "100", "0"], [0.5, 1.0, 0.0]), (["50 %", "7,5 %", "100%"], [0.5, 0.075, 1.0])],
)  # fmt: skip
def test_shares_come_as_shares_or_percent(made: Delivery, written: list, meant: list) -> None:
    made.put("opportunities", DEALS | {"probability": written}).take()
    assert made.values("opportunities", "probability") == pytest.approx(meant)


def test_shares_and_percentages_in_one_column_are_asked_about(made: Delivery) -> None:
    intake = made.put("opportunities", DEALS | {"probability": ["0.5", "70", "1"]}).examine()
    assert "shares and percentages are mixed" in intake.undecided[0]["what"]
    assert intake.undecided[0]["ask"] == 'ignore: ["probability"]'
    made.put("opportunities", DEALS | {"probability": ["0.5", "70", "1"]}, ignore=["probability"]).take()  # fmt: skip
    assert made.values("opportunities", "probability") == [None] * 3


@pytest.mark.parametrize(
    ("day", "kept"), [("2026-06-01", True), ("2031-01-01", False), ("1899-06-01", False)]
)
def test_future_rows_are_kept_a_year_and_impossible_ones_not(made: Delivery, day: str, kept: bool) -> None:  # fmt: skip
    intake = made.column("orders", "ordered_at", ["2025-01-05", day]).take()
    assert len(made.table("orders")) == 1 + kept
    assert bool(made.quarantined("orders")) is not kept
    if kept:
        assert any("after the end of the data" in f["message"] and f["level"] == "note" for f in intake.findings)  # fmt: skip


def test_a_file_in_several_currencies_is_refused(made: Delivery) -> None:
    made.column("orders", "Currency", ["EUR", "USD"])
    intake = made.examine()
    assert "more than one currency (EUR, USD)" in intake.blocking[0]
    made.column("orders", "Currency", ["EUR", "EUR"]).take()
    assert len(made.table("orders")) == 2


def test_test_accounts_and_what_belongs_to_them_are_set_apart(made: Delivery) -> None:
    made.put("customers", BASE["customers"] | {"email": ["ada@example.org", "qa@test.example"]})
    intake = made.take(test_accounts=["*@test.example"])
    assert made.values("customers", "customer_id") == ["c1"]
    assert made.values("orders", "order_id") == ["o1"]
    ledger = intake.ledger.set_index("table")
    assert ledger.quarantined.to_dict() == {"customers": 1, "orders": 1}
    assert ledger.loc["orders", "money_quarantined"] == pytest.approx(20.20)


def test_what_looks_like_a_test_account_is_asked_about(made: Delivery) -> None:
    intake = made.put("customers", BASE["customers"] | {"name": ["Max Mustermann", "Grace"]}).take()
    finding = next(f for f in intake.findings if "test account" in f["message"])
    assert (finding["count"], finding["row"]) == (1, 2) and "test_accounts" in finding["mend"]
    assert len(made.table("customers")) == 2 and "Mustermann" not in finding["message"]


def test_orphans_above_a_fifth_are_named_with_their_share(made: Delivery) -> None:
    intake = made.column("orders", "customer_id", ["c1", "zz", "c2", "yy"]).take()
    assert made.values("orders", "customer_id") == ["c1", None, "c2", None]
    finding = next(f for f in intake.findings if "is not in table customers" in f["message"])
    assert finding["level"] == "problem" and "50% of orders" in finding["message"]


def test_answers_off_their_scale_are_quarantined(made: Delivery) -> None:
    made.put("survey_questions", {"question_id": ["q1"], "survey": ["s"], "kind": ["nps"], "scale_min": ["0"], "scale_max": ["10"]})  # fmt: skip
    made.put("survey_answers", {"response_id": ["r1", "r2"], "survey": ["s", "s"], "wave": ["1", "1"], "answered_at": ["2025-01-05"] * 2, "question_id": ["q1"] * 2, "value": ["9", "11"]})  # fmt: skip
    made.take()
    assert made.values("survey_answers", "value") == [9.0]
    assert "11 lies outside the question's scale 0 to 10" in made.quarantined("survey_answers")[0]


def test_refunds_above_purchases_and_free_lines_are_noted(made: Delivery) -> None:
    made.column("orders", "revenue", ["10", "-30", "0"])
    lines = {"order_id": ["o0", "o1"], "line": ["1", "1"], "quantity": ["1", "1"], "unit_price": ["0", "5"]}  # fmt: skip
    intake = made.put("order_lines", lines).take()
    said = " ".join(f["message"] for f in intake.findings)
    assert "refunded more than they bought" in said and "price of zero" in said


def test_salesforce_ids_of_15_and_18_signs_are_one(made: Delivery) -> None:
    ids = ["001D000000IqhSLIAZ", "001D000000IRFmaIAH"]
    made.put("customers", {"customer_id": ids, "name": ["Ada", "Grace"]})
    intake = made.column("orders", "customer_id", ["001D000000IqhSL", "001D000000IRFma"]).take()
    assert made.values("orders", "customer_id") == ids
    assert any("18" in f["message"] for f in intake.findings)


def test_the_account_of_an_intake_can_be_loaded_again(made: Delivery) -> None:
    intake = made.column("orders", "revenue", ["1.234", "5,5"]).take()
    again = load_intake(made.folder / "run" / "quarantine")
    pd.testing.assert_frame_equal(again.columns, intake.columns)
    assert again.findings == intake.findings and again.blocking == ()


@pytest.mark.parametrize(
    ("first", "last", "entry"),
    [
        ("FirstName", "LastName", {}),
        ("Vorname", "Nachname", {}),
        ("a", "b", {"join": {"name": ["a", "b"]}}),
    ],
)
def test_a_name_in_two_columns_is_joined(
    made: Delivery, first: str, last: str, entry: dict
) -> None:
    parts = {first: ["Ada", " Grace ", "#N/A", ""], last: ["Lovelace", "", "Hopper", ""]}
    made.put("customers", {"customer_id": ["c1", "c2", "c3", "c4"], **parts}, **entry).take()
    assert made.values("customers", "name") == ["Ada Lovelace", "Grace", "Hopper", None]


def test_a_part_that_stands_for_nothing_is_left_out_and_a_name_that_looks_like_it_is_not(
    made: Delivery,
) -> None:
    parts = {"FirstName": ["(empty)", "Jo"], "LastName": ["Hopper", "Null"]}
    made.put("customers", {"customer_id": ["c1", "c2"], **parts}, nulls=["(empty)"]).take()
    assert made.values("customers", "name") == ["Hopper", "Jo Null"]


def test_a_name_of_its_own_goes_before_its_parts(made: Delivery) -> None:
    columns = {"customer_id": ["c1"], "name": ["Ada"], "Vorname": ["x"], "Nachname": ["y"]}
    made.put("customers", columns).take()
    assert made.values("customers", "name") == ["Ada"]


def test_a_day_and_a_clock_are_joined_to_a_time(made: Delivery) -> None:
    columns = {"order_id": ["o1"], "customer_id": ["c1"], "day": ["2025-03-04"], "clock": ["12:30:00"], "revenue": ["1"]}  # fmt: skip
    made.put("orders", columns, join={"ordered_at": ["day", "clock"]}).take()
    assert made.values("orders", "ordered_at") == [datetime(2025, 3, 4, 12, 30)]


def test_a_missing_part_and_a_column_named_twice_are_refused(made: Delivery) -> None:
    columns = {"customer_id": ["c1"], "a": ["Ada"]}
    made.put("customers", columns, join={"name": ["a", "b"]})
    with pytest.raises(DataError, match=r"no column 'b' \(part of customers.name\)"):
        made.take()
    made.put("customers", columns, join={"name": ["a", "b"]}, constants={"name": "A"})
    with pytest.raises(ValueError, match="name stands under join and under columns"):
        made.take()
