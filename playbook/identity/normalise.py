"""Brings names, addresses and identifiers of records to one form, so that they can be compared."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import numpy as np
import pandas as pd
import phonenumbers

__all__ = ["COMPARED", "fold", "normalise"]

COMPARED = [
    "name", "first", "last", "email", "phone", "tax_id", "birth", "street", "house", "postcode", "city",
]  # fmt: skip
"""Columns of a normalised record, besides ``uid``, ``system``, ``country`` and ``company``."""

TITLES = frozenset(
    [
        "dr",
        "drs",
        "prof",
        "professor",
        "mr",
        "mrs",
        "ms",
        "miss",
        "sir",
        "madam",
        "herr",
        "herrn",
        "frau",
        "hr",
        "fr",
        "herre",
        "fru",
        "mag",
        "dipl",
        "ing",
        "med",
        "phd",
        "msc",
        "bsc",
        "mba",
    ]
)
LEGAL_FORMS = frozenset(
    [
        "gmbh",
        "ag",
        "kg",
        "ohg",
        "ug",
        "gbr",
        "co",
        "ltd",
        "limited",
        "llp",
        "llc",
        "inc",
        "corp",
        "plc",
        "ab",
        "hb",
        "handelsbolag",
        "aktiebolag",
        "sa",
        "srl",
        "bv",
    ]
)
STREET_WORDS = {
    "strasse": "str", "street": "st", "road": "rd", "avenue": "ave", "lane": "ln", "drive": "dr",
    "place": "pl", "court": "ct", "crescent": "cres", "close": "cl", "platz": "pl", "gatan": "g",
    "vagen": "v", "gata": "g", "vag": "v",
}  # fmt: skip
PLACEHOLDER_BIRTHS = frozenset({"19000101", "19010101", "19700101", "18991230", "18991231"})
_CJK = re.compile(r"[㐀-鿿豈-﫿぀-ヿ가-힯]")
_DOUBLE_FAMILY_NAMES = frozenset(
    ["欧阳", "司马", "上官", "诸葛", "东方", "皇甫", "尉迟", "公孙", "慕容", "令狐", "夏侯", "司徒"]
)
_BLANK = (None, None, None)


def fold(text: str) -> str:
    """Return text in lower case without accents, with ä, ae and a (and the like) made equal."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("ø", "o").replace("ł", "l"))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = plain.replace("æ", "ae").replace("œ", "oe").replace("đ", "d")
    return re.sub(r"([aou])e", r"\1", plain).replace("aa", "a")


def normalise(records: pd.DataFrame) -> pd.DataFrame:
    """Return one row per record: ``uid`` (``system:id``), ``system``, ``country``, ``company`` and the columns of `COMPARED`.

    What is absent, empty or a placeholder is missing. Shared e-mails and telephone numbers are kept;
    `playbook.identity.keys` decides whether they identify anyone.

    Parameters
    ----------
    records
        Rows of the standard table ``customer_records``.
    """
    text = {
        label: _texts(records, label)
        for label in (
            "name", "company", "email", "phone", "tax_id", "street", "postcode", "city", "country",
        )
    }  # fmt: skip
    named = text["name"].where(
        text["name"].notna(), text["company"].map(_company, na_action="ignore")
    )
    names = _ordered(_each(named, _name_parts, _BLANK))
    street = _each(text["street"], _street, (None, None))
    return pd.DataFrame(
        {
            "uid": records["system"].astype(str) + ":" + records["system_id"].astype(str),
            "system": records["system"].astype(str),
            "country": text["country"].map(fold, na_action="ignore"),
            "company": text["company"],
            "name": names["name"],
            "first": names["first"],
            "last": names["last"],
            "email": text["email"].map(_email, na_action="ignore"),
            "phone": _phones(text["phone"], text["country"]),
            "tax_id": text["tax_id"].map(_tax_id, na_action="ignore"),
            "birth": _births(records),
            "street": [part[0] for part in street],
            "house": [part[1] for part in street],
            "postcode": text["postcode"].map(_code, na_action="ignore"),
            "city": text["city"].map(_city, na_action="ignore"),
        },
        index=records.index,
    ).astype(dict.fromkeys(COMPARED, "str"))


def _texts(records: pd.DataFrame, label: str) -> pd.Series:
    if label not in records:
        return pd.Series(None, index=records.index, dtype="str")
    values = records[label].astype("str").str.strip()
    return values.where(values.notna() & (values != ""), None)


def _each(values: pd.Series, function: Callable[[str], tuple], missing: tuple) -> list[tuple]:
    """Return the function's result for every value, computed once per distinct value."""
    results = {value: function(value) for value in values.dropna().unique()}
    return [results.get(value, missing) for value in values]


def _name_parts(text: str) -> tuple[str | None, str | None, str | None]:
    """Return the name with sorted words, its first and its last name."""
    if "," in text:
        family, _, given = text.partition(",")
        text = f"{given} {family}"
    words = [re.sub(r"[^\w-]", "", word).strip("-_") for word in re.split(r"[\s.]+", fold(text))]
    words = [word for word in words if word and word not in TITLES]
    if not words:
        return _BLANK
    if len(words) == 1 and _CJK.search(words[0]):
        cut = 2 if words[0][:2] in _DOUBLE_FAMILY_NAMES and len(words[0]) > 2 else 1
        return words[0], words[0][cut:] or None, words[0][:cut]
    first = words[0] if len(words) > 1 else None
    return " ".join(sorted(words)), first, words[-1]


def _ordered(parts: list[tuple]) -> pd.DataFrame:
    """Return names with first and family name in place, where the other names show which is which."""
    frame = pd.DataFrame(parts, columns=["name", "first", "last"], dtype="str")
    as_first = frame["first"].value_counts()
    as_last = frame["last"][frame["first"].notna()].value_counts()

    def seen(counts: pd.Series, words: pd.Series) -> np.ndarray:
        return words.map(counts).fillna(0).to_numpy(float)

    first_is_last = seen(as_last, frame["first"]) > 2 * seen(as_first, frame["first"])
    last_is_first = seen(as_first, frame["last"]) > 2 * seen(as_last, frame["last"])
    swap = first_is_last & last_is_first | (frame["first"].isna() & last_is_first)
    given, family = frame["first"].copy(), frame["last"].copy()
    frame["first"] = given.where(~swap, family)
    frame["last"] = family.where(~swap, given)
    return frame


def _company(text: str) -> str:
    words = [w for w in re.split(r"[\s.,&+]+", text) if fold(w) not in LEGAL_FORMS]
    return " ".join(words)


def _email(text: str) -> str | None:
    local, at, host = text.casefold().strip("<>;, ").rpartition("@")
    if not at or not local or "." not in host:
        return None
    local = local.split("+", 1)[0]
    if host in ("gmail.com", "googlemail.com"):
        local, host = local.replace(".", ""), "gmail.com"
    return f"{local}@{host}"


def _phones(phones: pd.Series, countries: pd.Series) -> list[str | None]:
    pairs = list(zip(phones, countries, strict=True))
    known = {pair: _phone(*pair) for pair in set(pairs) if isinstance(pair[0], str)}
    return [known.get(pair) for pair in pairs]


def _phone(text: str, country: str | float | None) -> str | None:
    """Return the number in E.164, or its digits when the country is unknown."""
    region = country.upper() if isinstance(country, str) and len(country) == 2 else None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        digits = re.sub(r"\D", "", text)
        return digits if len(digits) >= 7 and len(set(digits)) > 2 else None
    plain = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return plain if len(plain) >= 7 and len(set(plain[-6:])) > 1 else None


def _tax_id(text: str) -> str | None:
    plain = re.sub(r"[\W_]", "", text.upper())
    return plain if len(plain) >= 5 and len(set(plain)) > 2 else None


def _births(records: pd.DataFrame) -> pd.Series:
    if "birth_date" not in records:
        return pd.Series(None, index=records.index, dtype="str")
    days = (
        pd.to_datetime(records["birth_date"], errors="coerce").dt.strftime("%Y%m%d").astype("str")
    )
    return days.where(~days.isin(PLACEHOLDER_BIRTHS), None)


def _street(text: str) -> tuple[str | None, str | None]:
    """Return the street in short form and the house number."""
    plain = re.sub(r"str\b\.?", "strasse", fold(text))
    house = "".join(re.findall(r"\d+", plain))
    words = [w for w in re.split(r"[^\w]+", re.sub(r"\d+\w?\b", " ", plain)) if w]
    short = [STREET_WORDS.get(word, word) for word in words]
    short = [re.sub(r"(strasse|gatan|vagen)$", lambda m: STREET_WORDS[m[0]], w) for w in short]
    return "".join(short) or None, house.lstrip("0") or None


def _code(text: str) -> str | None:
    return re.sub(r"[\W_]", "", text.upper()) or None


def _city(text: str) -> str | None:
    return re.sub(r"[\W\d_]", "", fold(text)) or None
