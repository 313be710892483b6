"""Proposed entries: valid as they stand, for the right files, and honest about what is open."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from playbook.engagement import Engagement
from playbook.engagement.yaml_file import read_model
from playbook.intake.files import FileReading
from playbook.intake.propose import Proposal, pattern_of, proposal, propose
from playbook.intake.take_in import examine


def _engagement(tmp_path: Path, blocks: str) -> Engagement:
    path = tmp_path / "engagement.yml"
    path.write_text(f"client: A\nbrand: B\ncurrency: EUR\ninbox:\n{blocks}", encoding="utf-8")
    return read_model(path, Engagement)


def _inbox(tmp_path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = tmp_path / "acme" / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "acme" / "inbox"


def _names(inbox: Path) -> list[str]:
    return [path.name for path in inbox.rglob("*") if path.is_file()]


ORDERS = "Bestellnummer;Kundennummer;Bestelldatum;Nettobetrag;Versandart\n1;7;31.12.2024;9,50;DHL\n2;8;30.12.2024;8,25;DHL\n"
CUSTOMERS = "Kundennummer;Name;E-Mail\n7;A;a@example.com\n8;B;b@example.com\n9;C;c@example.com\n"


def test_a_pasted_proposal_lets_the_delivery_be_used(tmp_path: Path) -> None:
    inbox = _inbox(
        tmp_path,
        {"bestellungen_2023.csv": ORDERS.replace("2024", "2023").replace("\n1", "\n3").replace("\n2;", "\n4;"),
         "bestellungen_2024.csv": ORDERS, "kunden.csv": CUSTOMERS},
    )  # fmt: skip
    made = propose(inbox, _names(inbox))
    assert [p.files for p in made] == ["bestellungen_*.csv", "kunden.csv"]
    engagement = _engagement(tmp_path, "".join(p.block for p in made))
    assert engagement.inbox[0].ignore == ["Versandart"]
    intake = examine(inbox, engagement, tmp_path / "run")
    assert intake.blocking == () and intake.unmapped == []
    assert dict(intake.ledger.groupby("table")["kept"].sum()) == {"customers": 3, "orders": 4}


@pytest.mark.parametrize("header", ['a "quoted" header', "with: colon", "- dash", "#hash", "kätze\\", "nein", "客户"])  # fmt: skip
def test_any_header_survives_the_round_trip(tmp_path: Path, header: str) -> None:
    made = proposal(FileReading("orders.csv", "text", 1), ["order_id", "customer_id", "ordered_at", "revenue", header])  # fmt: skip
    assert _engagement(tmp_path, made.block).inbox[0].ignore == [header]


def test_only_what_is_not_known_is_listed() -> None:
    sample = pd.DataFrame({"Kontaktadresse": ["a@b.de", "c@d.de", "e@f.se", ""]})
    made = proposal(
        FileReading("kunden.csv", "text", 1),
        ["Kundennumer", "Name", "Kontaktadresse", "Bonität"],
        sample,
    )
    assert made.table == "customers" and made.missing == ()
    assert made.columns == {"customer_id": "Kundennumer", "email": "Kontaktadresse"}
    assert made.ignore == ("Bonität",)


def test_what_is_open_stands_in_a_comment(tmp_path: Path) -> None:
    headers = ["Bestellnummer", "Order No", "Kundennummer", "Nettobetrag"]
    made = proposal(FileReading("orders.csv", "text", 1), headers)
    assert made.missing == ("order_id", "ordered_at")
    assert '# choose one, under columns: order_id: "Bestellnummer" or "Order No"' in made.block
    assert "constants: ordered_at: ?" in made.block
    assert _engagement(tmp_path, made.block).inbox[0].table == "orders"


def test_a_file_that_fits_no_table_gets_no_entry() -> None:
    made = proposal(FileReading("lager.csv", "text", 1), ["Lagerort", "Fach"])
    assert (
        made.block == "" and "no standard table fits its columns (Lagerort, Fach)" in made.problem
    )


def test_a_pattern_catches_no_other_file() -> None:
    years = ["orders_2023.csv", "orders_2024.csv"]
    assert pattern_of(years, years) == "orders_*.csv"
    assert pattern_of(years, [*years, "orders_items_2023.csv"]) == "orders_[0-9][0-9][0-9][0-9].csv"
    assert pattern_of(years, [*years, "orders_1999.csv"]) == ""
    assert pattern_of(["a[1].csv"], ["a[1].csv"]) == "a[[]1].csv"
    assert pattern_of(["q1_2023.csv", "q1_2024.csv"], []) == ""


def test_customers_of_two_systems_become_records(tmp_path: Path) -> None:
    crm = "Id,Name,Email,MailingCity,OwnerId\n003A,Ann,a@example.com,Kiel,5\n003B,Bo,b@example.com,Ulm,5\n"
    inbox = _inbox(tmp_path, {"crm/Contact.csv": crm, "shop/kunden.csv": CUSTOMERS, "orders.csv": ORDERS})  # fmt: skip
    made = propose(inbox, _names(inbox))
    assert "# missing: system: ?" in next(p for p in made if p.table == "orders").block
    made = [p for p in made if p.table != "orders"]
    assert {(p.table, p.system) for p in made} == {("customer_records", "salesforce"), ("customer_records", "kunden")}  # fmt: skip
    engagement = _engagement(tmp_path, "".join(p.block for p in made))
    assert [s.constants for s in engagement.inbox] == [{"system": "salesforce"}, {"system": "kunden"}]  # fmt: skip
    intake = examine(inbox, engagement, tmp_path / "run")
    assert set(intake.ledger["table"]) >= {"customer_records", "customers"}


def test_a_second_customer_file_does_not_become_the_first_one(tmp_path: Path) -> None:
    inbox = _inbox(tmp_path, {"crm.csv": "Id,Name,Email\n003A,Ann,a@example.com\n"})
    made = propose(inbox, ["crm.csv"], mapped={"customers", "orders"})[0]
    assert made.table == "customer_records" and "make the entry of customers" in made.block
    assert propose(inbox, ["crm.csv"], mapped={"orders"})[0].table == "customers"


def test_a_file_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    inbox = _inbox(tmp_path, {"notes.docx": "x", "empty.csv": ""})
    made = {p.names[0]: p for p in propose(inbox, _names(inbox))}
    assert made["notes.docx"].block == made["empty.csv"].block == ""
    assert "not read" in made["notes.docx"].problem and "empty" in made["empty.csv"].problem


def test_an_undecided_encoding_is_left_to_a_person(tmp_path: Path) -> None:
    inbox = tmp_path / "acme" / "inbox"
    inbox.mkdir(parents=True)
    rows = "customer_id,email,city\n1,a@example.com,北京\n"
    (inbox / "customers.csv").write_bytes(rows.encode("gb18030"))
    made: Proposal = propose(inbox, ["customers.csv"])[0]
    assert made.table == "customers"
    assert made.lines == ('# decide: encoding: "gb18030" or encoding: "euc-kr"',)
    assert _engagement(tmp_path, made.block).inbox[0].encoding == ""
