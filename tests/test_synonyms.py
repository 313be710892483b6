"""Header synonyms: four languages and four systems, and no word that could mean two columns."""

from __future__ import annotations

from collections import defaultdict

import pytest

from playbook.intake.synonyms import doubtful, match, plain, recognise, system_of, words
from playbook.tables import TABLES

EVERY = [(table, column) for table, t in TABLES.items() for column in t.columns]


@pytest.mark.parametrize("table", TABLES)
def test_no_word_stands_for_two_columns_of_a_table(table: str) -> None:
    columns = defaultdict(set)
    for column, by_language in words(table).items():
        for word in [w for values in by_language.values() for w in values]:
            columns[plain(word)].add(column)
    assert {word: c for word, c in columns.items() if len(c) > 1} == {}


@pytest.mark.parametrize("language", ["en", "de", "sv", "zh"])
def test_every_column_has_words_in_every_language(language: str) -> None:
    without = [(t, c) for t, c in EVERY if not set(words(t)[c].get(language, ())) - {c}]
    assert without == [(t, c) for t, c in without if not TABLES[t].columns[c].required]
    assert len(without) < 0.05 * len(EVERY), without


@pytest.mark.parametrize("table", TABLES)
def test_every_word_alone_finds_its_column(table: str) -> None:
    for column, by_language in words(table).items():
        for word in [w for values in by_language.values() for w in values]:
            assert match(table, [word]) == {column: word}


def test_spelling_of_a_header_does_not_matter() -> None:
    for header in ("Kunden-Nr.", "KUNDEN NR", "kunden_nr", "Ｋｕｎｄｅｎ＿Ｎｒ", " Kunden Nr "):
        assert match("orders", [header]) == {"customer_id": header}
    assert plain("Währung") == plain("Waehrung") == plain("WÄHRUNG") == plain("Wa\u0308hrung")
    assert plain("Straße") == plain("Strasse")


def test_a_unit_at_the_end_of_a_header_does_not_matter() -> None:
    for header in ("Nettobetrag (EUR)", "Nettobetrag in EUR", "Nettobetrag [€]", "净额（元）"):
        assert match("orders", [header]) == {"revenue": header}
    assert match("tickets", ["Login"]) == {}


def test_two_headers_for_a_column_are_left_to_a_person() -> None:
    headers = ["Kundennummer", "Customer ID", "Bestellnummer"]
    assert match("orders", headers) == {"order_id": "Bestellnummer"}
    assert doubtful("orders", headers) == {"customer_id": ("Kundennummer", "Customer ID")}


def test_our_own_name_comes_before_synonyms_and_weak_words_come_last() -> None:
    assert match("orders", ["Order No", "order_id"])["order_id"] == "order_id"
    assert match("tickets", ["CaseNumber", "Id"]) == {"ticket_id": "Id"}, "links use the Id"
    assert match("tickets", ["Ticket ID", "Id"]) == {"ticket_id": "Ticket ID"}


@pytest.mark.parametrize("header", ["HasOptedOutOfEmail", "hs_email_optout", "Email_Opt_Out", "Email Opt Out", "DoNotCall", "Unsubscribed from all email"])  # fmt: skip
def test_an_opt_out_is_never_read_as_consent(header: str) -> None:
    consents = {"consent_email", "consent_sms", "consent_phone", "consent_social"}
    for table in ("customers", "customer_records"):
        assert not consents & set(match(table, [header]))


@pytest.mark.parametrize("header", ["Bruttobetrag", "Brutto", "Gross amount", "Total incl. VAT", "MwSt", "含税金额"])  # fmt: skip
def test_gross_money_is_never_read_as_net(header: str) -> None:
    assert match("orders", [header]) == {}


DELIVERIES = [
    ("orders", "export_bestellungen_2024.csv", ["Bestellnummer", "Kundennummer", "Bestelldatum", "Nettobetrag", "Rabatt", "Versandart"], ""),
    ("order_lines", "positionen.csv", ["Bestellnummer", "Position", "Artikelnummer", "Menge", "Einzelpreis"], ""),
    ("customers", "kunder.csv", ["Kundnummer", "Namn", "E-post", "Postnummer", "Ort", "Kund sedan"], ""),
    ("customers", "客户.csv", ["客户编号", "客户名称", "邮件", "电话", "省", "市", "所属公海", "生命状态", "创建时间"], "fxiaoke"),
    ("opportunities", "Opportunity.csv", ["Id", "AccountId", "Name", "StageName", "CloseDate", "Amount", "Probability", "IsWon", "OwnerId", "CreatedDate", "LeadSource"], "salesforce"),
    ("opportunities", "hubspot-crm-exports-all-deals.csv", ["hs_object_id", "dealname", "dealstage", "amount", "closedate", "createdate", "hubspot_owner_id"], "hubspot"),
    ("leads", "Leads.csv", ["Id", "FirstName", "LastName", "Company", "Email", "Status", "LeadSource", "IsConverted", "ConvertedDate", "ConvertedAccountId", "CreatedDate"], "salesforce"),
    ("leads", "export.csv", ["id", "Last_Name", "Lead_Source", "Lead_Status", "Created_Time", "Converted_Date_Time"], "zoho"),
    ("tickets", "cases.csv", ["Id", "AccountId", "CreatedDate", "ClosedDate", "Origin", "Reason", "Priority", "Status"], "salesforce"),
    ("products", "artikelstamm.csv", ["Artikelnummer", "Bezeichnung", "Warengruppe", "Marke", "Listenpreis", "Einstandspreis"], ""),
    ("campaign_members", "CampaignMember.csv", ["CampaignId", "ContactId", "Status", "HasResponded", "FirstRespondedDate", "CreatedDate"], "salesforce"),
    ("reviews", "reviews.csv", ["review id", "date", "site", "stars", "title", "body", "lang"], ""),
    ("subscriptions", "Verträge.csv", ["Vertragsnummer", "Kundennummer", "Tarif", "Vertragsbeginn", "Vertragsende", "Monatsbeitrag", "Kündigungsgrund"], ""),
    ("survey_answers", "Befragung.xlsx", ["Antwort-ID", "Kundennummer", "Umfrage", "Welle", "Beantwortet am", "Frage", "Wert", "Kommentar"], ""),
    ("channel_spend", "marketing.csv", ["Month", "Channel", "Purpose", "Media cost", "Customers won"], ""),
    ("loyalty_events", "积分明细.csv", ["会员编号", "发生时间", "类型", "积分", "会员等级"], ""),
]  # fmt: skip


@pytest.mark.parametrize("table, name, headers, system", DELIVERIES, ids=[d[1] for d in DELIVERIES])
def test_a_delivery_is_recognised(table: str, name: str, headers: list[str], system: str) -> None:
    best = recognise(headers, name)[0]
    assert best.table == table and best.score >= 0.5, recognise(headers, name)[:3]
    assert system_of(headers) == system


def test_every_table_is_recognised_by_its_own_columns() -> None:
    for table, definition in TABLES.items():
        best = recognise(list(definition.columns))[0]
        assert best.table == table and best.missing == ()


def test_what_is_missing_is_named() -> None:
    best = recognise(["Bestellnummer", "Kundennummer", "Nettobetrag"], "orders.csv")[0]
    assert best.table == "orders" and best.missing == ("ordered_at",)
    assert recognise(["foo", "bar"])[0].score < 0.3
