"""The shop's exports: semicolons, decimal comma, German headers and words, local time, cp1252."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .delivery import Delivery, decimal_comma, german_time, mark, of_none
from .writing import csv_bytes, write_bytes, write_packed, write_parquet

__all__ = ["CHANNELS", "SOURCES", "write_shop"]

CHANNELS = {
    "Web shop": "Webshop", "App": "App", "Sales team": "Außendienst", "Phone": "Telefon",
    "Store Stockholm": "Filiale Stockholm", "Store Hamburg": "Filiale Hamburg",
}  # fmt: skip
SOURCES = {
    "Search ads": "Suchanzeigen", "Organic search": "Organische Suche", "Store": "Filiale",
    "Social ads": "Social-Media-Anzeigen", "Affiliates": "Partnerseiten", "Catalogue": "Katalog",
    "Referral": "Empfehlung", "Trade fairs": "Messen",
}  # fmt: skip
AREAS = {"urban": "Stadt", "suburban": "Vorort", "rural": "Land"}
MOVEMENTS = {
    "earn": "Gutschrift",
    "redeem": "Einlösung",
    "expire": "Verfall",
    "adjust": "Korrektur",
}
ENDINGS = {
    "too expensive": "zu teuer", "moved to another brand": "Wechsel zu anderem Anbieter",
    "not used": "nicht genutzt", "other": "Sonstiges",
}  # fmt: skip
BLOCKED = {"all": "alle", "email": "E-Mail", "sms": "SMS", "phone": "Telefon"}
WHY = {
    "unsubscribed": "abgemeldet", "legal dispute": "Rechtsstreit", "staff": "Mitarbeiter",
    "objection": "Widerspruch", "bounced": "unzustellbar",
}  # fmt: skip
ORPHANS, CONFLICTS, FUTURE, TESTS, TEST_ACCOUNTS = 14, 6, 4, 18, 5
REPEATED_ORDERS, REPEATED_LINES, REPEATED_CUSTOMERS, LOST_LINES = 30, 40, 12, 5
UNKNOWN_FROM, TEST_FROM = 90_000_001, 99_000_001
"""First customer numbers that nobody has, and those of test accounts."""
ADDED_FROM = 990_001
"""First number of the orders added to the world's."""


def write_shop(delivery: Delivery) -> None:
    """Write orders and their lines by half-year, and the shop's other tables."""
    _customers(delivery)
    _orders(delivery)
    _others(delivery)
    _blocked(delivery)
    interactions = delivery.tables["interactions"]
    own = delivery.ids("shop", interactions["customer_id"], interactions["occurred_at"])
    path = delivery.folder / "interactions.parquet"
    write_parquet(path, "interactions", interactions.assign(customer_id=own))


def _german(frame: pd.DataFrame) -> bytes:
    return csv_bytes(frame, sep=";", encoding="cp1252", end="\r\n")


def _customers(delivery: Delivery) -> None:
    own = delivery.records("shop")
    frame = pd.DataFrame(
        {
            "Kundennummer": own["system_id"],
            "Name": own["name"],
            "E-Mail": own["email"],
            "Telefon": own["phone"],
            "Geburtsdatum": own["birth_date"].dt.strftime("%d.%m.%Y"),
            "Firma": own["company"],
            "USt-IdNr": own["tax_id"],
            "Straße": own["street"],
            "PLZ": own["postcode"],
            "Ort": own["city"],
            "Bundesland": own["region"],
            "Land": own["country"],
            "Breitengrad": decimal_comma(own["latitude"], 4),
            "Längengrad": decimal_comma(own["longitude"], 4),
            "Gebietstyp": own["area_type"].map(AREAS),
            "Kunde seit": german_time(own["acquired_at"]),
            "Herkunft": own["acquisition_channel"].map(SOURCES),
            "Einwilligung E-Mail": mark(own["consent_email"], "ja", "nein"),
            "Einwilligung SMS": mark(own["consent_sms"], "ja", "nein"),
            "Einwilligung Telefon": mark(own["consent_phone"], "ja", "nein"),
            "Einwilligung Social Media": mark(own["consent_social"], "ja", "nein"),
            "Einwilligung geändert am": german_time(own["consent_updated_at"]),
        }
    )
    test = frame.sample(TEST_ACCOUNTS, random_state=7).assign(**{
        "Kundennummer": [str(TEST_FROM + i) for i in range(TEST_ACCOUNTS)],
        "Name": [f"Test Kunde {i + 1}" for i in range(TEST_ACCOUNTS)],
        "E-Mail": [f"qa{i + 1}@test.larkfield.example" for i in range(TEST_ACCOUNTS)],
        "Telefon": "", "Geburtsdatum": "", "Firma": "", "USt-IdNr": "",
    })  # fmt: skip
    name = "Kunden.csv.gz"
    delivery.plant("test account", name, TEST_ACCOUNTS)
    frame = _repeat(delivery, pd.concat([frame, test]), REPEATED_CUSTOMERS, name)
    write_packed(delivery.folder / name, _german(frame))


def _repeat(delivery: Delivery, frame: pd.DataFrame, count: int, file: str) -> pd.DataFrame:
    """Return the frame with ``count`` of its rows a second time, at the end."""
    count = min(count, len(frame))
    again = frame.iloc[np.sort(delivery.rng.choice(len(frame), count, replace=False))]
    delivery.plant("exact duplicate", file, count)
    return pd.concat([frame, again], ignore_index=True)


def _orders(delivery: Delivery) -> None:
    """Write the world's orders and those added to them: orphans, conflicts, future dates, tests."""
    tables = delivery.tables
    orders = tables["orders"].assign(fault="", world=True)
    orders["customer_id"] = delivery.ids("shop", orders["customer_id"], orders["ordered_at"])
    added, lines = _added(delivery, orders, tables["order_lines"])
    orders = pd.concat([orders, added], ignore_index=True)
    local = orders["ordered_at"].dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin")
    orders["half"] = local.dt.strftime("%Y_H") + ((local.dt.month > 6) + 1).astype(str)
    half_of = orders.drop_duplicates("order_id").set_index("order_id")["half"]
    lines = pd.concat([tables["order_lines"], lines], ignore_index=True)
    lost = lines.sample(LOST_LINES, random_state=11).assign(
        order_id=[f"{ADDED_FROM + 5000 + i:08d}" for i in range(LOST_LINES)]
    )
    halves = [*lines["order_id"].map(half_of), *[sorted(half_of.unique())[0]] * LOST_LINES]
    lines = pd.concat([lines, lost], ignore_index=True).assign(half=halves)
    for half, part in orders.groupby("half"):
        _write_half(delivery, str(half), part, lines[lines["half"] == half])


def _write_half(delivery: Delivery, half: str, orders: pd.DataFrame, lines: pd.DataFrame) -> None:
    name = f"Bestellungen_{half}.csv.gz"
    for what, count in orders.loc[orders["fault"] != "", "fault"].value_counts().items():
        delivery.plant(str(what), name, count)
    frame = pd.DataFrame(
        {
            "Bestellnummer": orders["order_id"],
            "Kundennummer": of_none(orders["customer_id"]),
            "Bestelldatum": german_time(orders["ordered_at"]),
            "Vertriebskanal": orders["channel"].map(CHANNELS),
            "Nettobetrag": decimal_comma(orders["revenue"]),
            "Rabatt": decimal_comma(orders["discount"]),
            "Wareneinsatz": decimal_comma(orders["cost"]),
            "Aktionscode": of_none(orders["campaign_id"]),
        }
    )
    late = (orders["fault"] == "future date").to_numpy()
    frame.loc[late, "Bestelldatum"] = frame.loc[late, "Bestelldatum"].str.replace(r"\.20\d\d ", ".2062 ", regex=True)  # fmt: skip
    plain = frame[orders["world"].to_numpy()]
    repeated = _repeat(delivery, plain, REPEATED_ORDERS // 6, name).iloc[len(plain) :]
    write_packed(delivery.folder / name, _german(pd.concat([frame, repeated])))
    name = f"Bestellpositionen_{half}.csv.gz"
    known = set(orders.loc[~orders["fault"].isin(_NOT_KEPT), "order_id"])
    delivery.plant("line of no order", name, (~lines["order_id"].isin(known)).sum())
    frame = pd.DataFrame(
        {
            "Bestellnummer": lines["order_id"],
            "Position": lines["line"],
            "Artikelnummer": lines["product_id"],
            "Menge": lines["quantity"].map("{:g}".format).str.replace(".", ","),
            "Einzelpreis": decimal_comma(lines["unit_price"]),
            "Einstandspreis": decimal_comma(lines["unit_cost"]),
        }
    )
    of_world = frame[lines["order_id"].isin(orders.loc[orders["world"], "order_id"]).to_numpy()]
    repeated = _repeat(delivery, of_world, REPEATED_LINES // 6, name).iloc[len(of_world) :]
    write_packed(delivery.folder / name, _german(pd.concat([frame, repeated])))


_NOT_KEPT = ("conflicting duplicate", "future date", "test account's order")


def _added(
    delivery: Delivery, orders: pd.DataFrame, lines: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return orders modelled on the world's, each with a fault, and their lines."""
    count = ORPHANS + CONFLICTS + FUTURE + TESTS
    likely = orders[(orders["revenue"] > 0) & orders["customer_id"].notna()]
    model = likely.iloc[np.sort(delivery.rng.choice(len(likely), count, replace=False))]
    kinds = ["orphan"] * ORPHANS + ["conflicting duplicate"] * CONFLICTS
    kinds += ["future date"] * FUTURE + ["test account's order"] * TESTS
    number = pd.Series([f"{ADDED_FROM + i:08d}" for i in range(count)], index=model.index)
    new = model.assign(order_id=number, fault=delivery.rng.permutation(kinds), world=False)
    orphan, test = (new["fault"] == kind for kind in ("orphan", "test account's order"))
    new.loc[orphan, "customer_id"] = [str(UNKNOWN_FROM + i) for i in range(ORPHANS)]
    new.loc[test, "customer_id"] = [str(TEST_FROM + i % TEST_ACCOUNTS) for i in range(TESTS)]
    theirs = lines.merge(model[["order_id"]].assign(new=number), on="order_id")
    theirs = theirs.assign(order_id=theirs["new"]).drop(columns="new")
    other = new[new["fault"] == "conflicting duplicate"]
    other = other.assign(revenue=(other["revenue"] * 0.9).round(2))
    return pd.concat([new, other], ignore_index=True), theirs


def _others(delivery: Delivery) -> None:
    tables, folder = delivery.tables, delivery.folder
    products = tables["products"]
    frame = pd.DataFrame(
        {
            "Artikelnummer": products["product_id"],
            "Bezeichnung": products["name"],
            "Warengruppe": products["category"],
            "Marke": products["brand"],
            "Artikelart": products["kind"].map({"product": "Ware", "service": "Dienstleistung"}),
            "Listenpreis": decimal_comma(products["list_price"]),
            "Einstandspreis": decimal_comma(products["unit_cost"]),
        }
    )
    write_bytes(folder / "Artikel.csv", _german(frame))
    points = tables["loyalty_events"]
    frame = pd.DataFrame(
        {
            "Kundennummer": delivery.ids("shop", points["customer_id"], points["occurred_at"]),
            "Buchungsdatum": german_time(points["occurred_at"]),
            "Buchungsart": points["kind"].map(MOVEMENTS),
            "Punkte": points["points"].map("{:.0f}".format),
            "Bestellnummer": of_none(points["order_id"]),
            "Statusstufe": points["tier"],
        }
    )
    write_packed(folder / "Punktekonto.csv.gz", _german(frame))
    contracts = tables["subscriptions"]
    frame = pd.DataFrame(
        {
            "Vertragsnummer": contracts["subscription_id"],
            "Kundennummer": delivery.ids("shop", contracts["customer_id"], contracts["started_at"]),
            "Tarif": contracts["plan"],
            "Vertragsbeginn": german_time(contracts["started_at"]),
            "Vertragsende": german_time(contracts["ended_at"]),
            "Monatsbeitrag": decimal_comma(contracts["monthly_fee"]),
            "Kündigungsgrund": of_none(contracts["end_reason"].map(ENDINGS)),
        }
    )
    write_bytes(folder / "Vertraege.csv", _german(frame))
    _referrals(delivery)


def _referrals(delivery: Delivery) -> None:
    referrals = delivery.tables["referrals"]
    at = referrals["referred_at"]
    customers = set(delivery.tables["customers"]["customer_id"])
    ours = referrals["referred_id"].isin(customers)
    referred = delivery.ids("shop", referrals["referred_id"].where(ours), at)
    frame = pd.DataFrame(
        {
            "Werber": delivery.ids("shop", referrals["referrer_id"], at),
            "Geworbener": referred.where(ours, referrals["referred_id"]),
            "Empfohlen am": german_time(at),
            "gekauft": mark(referrals["converted"], "ja", "nein"),
        }
    )
    write_bytes(delivery.folder / "Empfehlungen.csv", _german(frame))


def _blocked(delivery: Delivery) -> None:
    blocked = delivery.tables["suppressions"]
    frame = pd.DataFrame(
        {
            "Kundennummer": delivery.ids("shop", blocked["customer_id"], blocked["since"]),
            "Kanal": blocked["channel"].map(BLOCKED),
            "Grund": blocked["reason"].map(WHY),
            "gesperrt seit": german_time(blocked["since"]),
        }
    )
    write_bytes(delivery.folder / "Sperrliste.csv", _german(frame))
