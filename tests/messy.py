"""A delivery as a client would send it: four systems, German and English, with what goes wrong in real life."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from pathlib import Path

import xlsxwriter

CANARY_NAME = "Canaria Geheimnis"
CANARY_MAIL = "canaria.geheimnis@privat.example"
CANARY_PHONE = "0049 171 5550199"

ENGAGEMENT = """\
client: Nordholz Möbel GmbH
brand: Nordholz
currency: EUR
data_until: 2024-12-31
constraints:
  max_quarantined_share: 0.1
inbox:
  - files: "shop/bestellungen_*.csv"
    table: orders
    system: shop
  - files: "shop/positionen_2024.csv"
    table: order_lines
    system: shop
  - files: "shop/kunden.csv"
    table: customers
    ignore: [Anrede]
  - files: "shop/artikel.csv"
    table: products
  - files: "service/tickets.jsonl"
    table: tickets
  - files: "umfrage/Zufriedenheit.xlsx"
    table: survey_answers
    constants: {survey: Zufriedenheit, wave: "2024"}
  - files: "marketing/kampagnen.csv"
    table: campaigns
  - files: "marketing/mitglieder.csv"
    table: campaign_members
  - files: "finanzen/werbekosten.csv"
    table: channel_spend
"""


def write_messy(engagement: Path, orders: int = 4000) -> None:
    """Write ``engagement.yml`` and the inbox of the client."""
    draw = random.Random(7)
    inbox = engagement / "inbox"
    for name in ("shop", "service", "umfrage", "marketing", "finanzen", "crm", "sonstiges"):
        (inbox / name).mkdir(parents=True)
    (engagement / "engagement.yml").write_text(ENGAGEMENT, encoding="utf-8")
    people = [f"{n:06d}" for n in range(1, 1201)]
    _customers(inbox / "shop", people, draw)
    _orders(inbox / "shop", people, orders, draw)
    _tickets(inbox / "service", people, draw)
    _survey(inbox / "umfrage" / "Zufriedenheit.xlsx", people, draw)
    _marketing(inbox, people, draw)
    _unmapped(inbox, people, draw)


def _money(value: float) -> str:
    whole, cents = f"{value:,.2f}".split(".")
    return whole.replace(",", ".") + "," + cents


def _customers(folder: Path, people: list[str], draw: random.Random) -> None:
    first, last = ["Anna", "Jörg", "Lena", "Åsa", "Uwe"], ["Müller", "Groß", "Schäfer", "Lund"]
    lines = [
        "Kundennummer;Name;E-Mail;Telefon;PLZ;Ort;Land;Kunde seit;Einwilligung E-Mail;Anrede;Bonität"
    ]
    for n, person in enumerate(people):
        name = f"{draw.choice(first)} {draw.choice(last)}"
        since = date(2021, 1, 1) + timedelta(days=draw.randrange(1200))
        mail = f"kunde{n}@example.com"
        birth = since.strftime("%d.%m.%Y")
        if n in (17, 404):
            name, mail = "Test Testmann", f"test{n}@test.example"
        if n in (50, 51, 52, 53, 54):
            birth = CANARY_MAIL
        lines.append(
            f"{person};{name if n != 60 else CANARY_NAME};{mail if n != 61 else CANARY_MAIL};{CANARY_PHONE if n == 62 else ''};"
            f"{draw.randrange(10000, 99999)};Hamburg;DE;{birth};{draw.choice(['ja', 'nein', ''])};Frau;{draw.choice('ABC')}"
        )
    lines.append(lines[10])
    (folder / "kunden.csv").write_bytes("\r\n".join(lines).encode("cp1252"))
    rows = ["Artikelnummer;Bezeichnung;Warengruppe;Listenpreis"]
    rows += [f"00{n};Regal Größe {n};Wohnen;{n % 9 + 1}.{n * 37 % 900 + 100}" for n in range(1, 61)]
    (folder / "artikel.csv").write_bytes("\n".join(rows).encode("cp1252"))


def _orders(folder: Path, people: list[str], orders: int, draw: random.Random) -> None:
    positions = ["Bestellnummer;Position;Artikelnummer;Menge;Einzelpreis"]
    for year, count in ((2023, orders // 2), (2024, orders - orders // 2)):
        lines = [
            "Bestellnummer;Kundennummer;Bestelldatum;Kanal;Nettobetrag (EUR);Rabatt;Wareneinsatz;Versandart;Gutscheincode"
        ]
        for n in range(count):
            number = f"{year % 100}-{n:05d}"
            day = date(year, 1, 1) + timedelta(days=draw.randrange(365))
            amount = draw.lognormvariate(5, 0.8)
            who, when = draw.choice(people), day.strftime("%d.%m.%Y")
            shown = _money(-amount if n % 41 == 0 else amount)
            if n % 33 == 5:
                who = f"9{draw.randrange(10**5):05d}"
            if n % 57 == 3:
                when = draw.choice(["00.00.2024", "31.02.2024", ""])
            if n % 211 == 9:
                shown = "#N/A"
            if n in (700, 701):
                shown = CANARY_MAIL
            if year == 2024 and n % 310 == 8:
                when = "14.03.2052"
            cost = _money(amount * 0.55) if n % 5 else ""
            lines.append(
                f"{number};{who};{when};{draw.choice(['Web', 'Filiale', 'Telefon'])};{shown};{_money(0 if n % 3 else 5)};{cost};DHL;"
            )
            if year == 2024:
                positions += [
                    f"{number};{k};00{draw.randrange(1, 64)};{draw.choice([1, 1, 2, 3])};{_money(amount / 2)}"
                    for k in (1, 2)
                ]
            if n % 97 == 11:
                lines.append(lines[-1])
            if n % 401 == 21:
                lines.append(lines[-1].replace(f";{shown};", f";{_money(amount + 10)};"))
        (folder / f"bestellungen_{year}.csv").write_bytes("\r\n".join(lines).encode("cp1252"))
    (folder / "positionen_2024.csv").write_bytes("\r\n".join(positions).encode("utf-8-sig"))


def _tickets(folder: Path, people: list[str], draw: random.Random) -> None:
    rows = []
    for n in range(300):
        opened = (
            f"2024-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}T09:{n % 60:02d}:00+01:00"
        )
        priority = draw.choice(["low", "normal", "hoch", "high"])
        rows.append({"ticket_id": f"T{n}", "customer_id": draw.choice(people), "created": opened, "priority": priority,
                     "csat": draw.choice([1, 2, 3, 4, 5, 5, 9 if n % 50 == 0 else 4]), "agent_note": "called back"})  # fmt: skip
    text = "\n".join(json.dumps(row) for row in rows) + '\n{"ticket_id": "T9'
    (folder / "tickets.jsonl").write_text(text, encoding="utf-8")


def _survey(path: Path, people: list[str], draw: random.Random) -> None:
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("Antworten")
        sheet.write(0, 0, "Kundenzufriedenheit 2024, Auswertung")
        sheet.write_row(
            3, 0, ["Antwort-ID", "Kundennummer", "Beantwortet am", "Frage", "Wert", "Kommentar"]
        )
        for n in range(220):
            sheet.write_row(
                4 + n, 0, [f"R{n}", draw.choice(people), 45300 + n, "Q1", draw.randrange(0, 11), ""]
            )
        sheet.write_row(224, 0, ["Summe", "", "", "", 1180])


def _marketing(inbox: Path, people: list[str], draw: random.Random) -> None:
    rows = ["campaign id,campaign name,channel,start date,actual cost"]
    rows += [f"C{n},Spring {n},email,0{n}/0{n % 5 + 1}/2024,{n * 100}.50" for n in range(1, 8)]
    (inbox / "marketing" / "kampagnen.csv").write_text("\n".join(rows), encoding="utf-8")
    members = ["campaign id,customer no,date added,group,opened"]
    for n in range(500):
        members.append(
            f"C{n % 7 + 1},{draw.choice(people)},2024-04-{n % 28 + 1:02d},{'Kontrolle' if n % 10 == 0 else 'treated'},{n % 2}"
        )
    (inbox / "marketing" / "mitglieder.csv").write_text("\n".join(members), encoding="utf-8")
    (inbox / "finanzen" / "werbekosten.csv").write_text(
        "Monat;Kanal;Betrag\n2024-01;Google;1200,50\n2024-02;Google;900,00\n", encoding="utf-8"
    )


def _unmapped(inbox: Path, people: list[str], draw: random.Random) -> None:
    for year in (2023, 2024):
        rows = [
            "Id,AccountId,Name,StageName,CloseDate,Amount,Probability,IsWon,OwnerId,CreatedDate,LeadSource,Region__c"
        ]
        rows += [
            f"0065g0000{year}{n:05d},{draw.choice(people)},Deal,Closed Won,{year}-05-01,1000.00,100,true,005,{year}-01-01T08:00:00Z,Web,Nord"
            for n in range(20)
        ]
        (inbox / "crm" / f"Opportunity_{year}.csv").write_text("\n".join(rows), encoding="utf-8")
    contact = ["Id,Name,Mailadress,MailingCity,HasOptedOutOfEmail"]
    contact += [f"0035g00000B{n:04d},Person {n},p{n}@example.org,Kiel,FALSE" for n in range(20)]
    (inbox / "crm" / "Contact.csv").write_text("\n".join(contact), encoding="utf-8")
    (inbox / "sonstiges" / "lager.csv").write_text(
        "Lagerort;Regalfach;Bestand\nA;1;5\nB;2;7\n", encoding="utf-8"
    )
    (inbox / "sonstiges" / "Notizen.docx").write_bytes(b"PK\x03\x04 not a table")
