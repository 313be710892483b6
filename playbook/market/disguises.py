"""How one person is written differently: typing errors, nicknames, other spellings and formats."""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import names
from .frames import blank, codes

__all__ = [
    "aliases",
    "birth_dates",
    "family_emails",
    "local_phones",
    "maiden_emails",
    "mistyped",
    "nicknamed",
    "other_streets",
    "respelled",
    "second_emails",
    "swapped",
]

NICKNAMES = {
    "Alice": "Ally", "Andreas": "Andi", "Birgitta": "Gittan", "Charlotte": "Lotte", "Daniel": "Dan",
    "David": "Dave", "Eleanor": "Ellie", "Fredrik": "Fredde", "Franziska": "Franzi", "Gunilla": "Nilla",
    "Hannah": "Hanni", "Imogen": "Immy", "James": "Jim", "Johanna": "Hanna", "Joseph": "Joe",
    "Jürgen": "Jürg", "Katrin": "Kati", "Kerstin": "Kia", "Margaret": "Maggie", "Margareta": "Greta",
    "Matthias": "Matze", "Mikael": "Micke", "Monika": "Moni", "Oliver": "Olli", "Oskar": "Ossi",
    "Rachel": "Rach", "Samuel": "Sam", "Sebastian": "Basti", "Stefan": "Steff", "Susan": "Sue",
    "Theresa": "Resi", "Thomas": "Tom", "Ursula": "Uschi", "Viktor": "Vicke", "William": "Bill",
    "Wolfgang": "Wolf",
}  # fmt: skip
"""First names and what friends make of them."""
_SPELLINGS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "aa", "Ö": "Oe", "Å": "Aa", "Ä": "Ae"}
)
_BARE = str.maketrans({"ä": "a", "ö": "o", "ü": "u", "ß": "ss", "å": "a", "Ö": "O", "Å": "A"})
_TRUNK = {"DE": "+49 ", "SE": "+46 ", "GB": "+44 "}
_FAMILY = {"DE": "familie.", "SE": "familjen.", "GB": "the."}
_SHORT = {"Straße": "Str.", "straße": "str.", "Road": "Rd", "Street": "St", "Avenue": "Ave", "gatan": "g."}  # fmt: skip


def mistyped(rng: np.random.Generator, words: np.ndarray) -> np.ndarray:
    """Return the names with two letters swapped, one lost, or one doubled."""
    kind = rng.integers(0, 3, len(words))
    place = rng.random(len(words))
    result = []
    for word, k, where in zip(words, kind, place, strict=True):
        i = 1 + int(where * (len(word) - 3))
        if k == 0:
            result.append(word[:i] + word[i + 1] + word[i] + word[i + 2 :])
        else:
            result.append(word[:i] + word[i + 1 :] if k == 1 else word[: i + 1] + word[i:])
    return np.array(result, dtype=object)


def swapped(words: np.ndarray) -> np.ndarray:
    """Return the names with the family name first."""
    parts = (word.split(" ", 1) for word in words)
    return np.array([f"{last} {first}" for first, last in parts], dtype=object)


def nicknamed(words: np.ndarray) -> np.ndarray:
    """Return the names with a nickname for the first name, where there is a usual one."""
    parts = (word.split(" ", 1) for word in words)
    return np.array(
        [f"{NICKNAMES.get(first, first)} {last}" for first, last in parts], dtype=object
    )


def respelled(rng: np.random.Generator, words: np.ndarray) -> np.ndarray:
    """Return words without umlauts: ``ö`` as ``oe`` or as ``o``."""
    bare = rng.random(len(words)) < 0.4
    return np.array(
        [
            w.translate(_BARE if b else _SPELLINGS) if isinstance(w, str) else w
            for w, b in zip(words, bare, strict=True)
        ],
        dtype=object,
    )


def aliases(first: np.ndarray, last: np.ndarray, number: np.ndarray, host: str) -> np.ndarray:
    """Return e-mail addresses such as ``a.becker17@example.com``."""
    if not len(first):
        return np.array([], dtype=object)
    start = names.plain(first).astype(str).astype("U1").astype(object)
    return start + "." + names.plain(last) + codes(number, 2) + host


def second_emails(rng: np.random.Generator, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return another address of each person."""
    return aliases(first, last, rng.integers(10, 10_000, len(first)), "@example.org")


def maiden_emails(rng: np.random.Generator, first: np.ndarray, maiden: np.ndarray) -> np.ndarray:
    """Return the address of each person under the former family name."""
    if not len(first):
        return np.array([], dtype=object)
    number = codes(rng.integers(10, 10_000, len(first)), 2)
    return names.plain(first) + "." + names.plain(maiden) + number + "@example.org"


def family_emails(rng: np.random.Generator, country: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Return addresses that a whole family uses."""
    if not len(last):
        return np.array([], dtype=object)
    start = pd.Series(country).map(_FAMILY).to_numpy(dtype=object)
    return (
        start + names.plain(last) + codes(rng.integers(10, 10_000, len(last)), 2) + "@example.com"
    )


def local_phones(rng: np.random.Generator, phone: np.ndarray, country: np.ndarray) -> np.ndarray:
    """Return the numbers in one of the ways people write them; the same number as before."""
    text = pd.Series(phone, dtype="str")
    prefix = pd.Series(country).map(_TRUNK)
    rest = text.str.replace(r"^\+\d\d ", "", regex=True)
    form = rng.integers(0, 5, len(text))
    area = rest.str.extract(r"^(\S+) (.*)$")
    local, own = area[0], area[1].str.replace(" ", "")
    ways = [
        text,
        "0" + local + " " + own,
        "0" + local + "/" + own,
        prefix.str.replace("+", "00").str.strip() + " " + rest,
        prefix.str.strip() + " (0)" + rest,
    ]
    result = np.choose(form, [way.to_numpy(dtype=object) for way in ways])
    return blank(result, text.isna().to_numpy())


def birth_dates(rng: np.random.Generator, born: pd.Series, wrong: np.ndarray) -> pd.Series:
    """Return the dates of birth, those that are ``wrong`` with a digit mistyped or day and month turned."""
    days = pd.to_datetime(born).reset_index(drop=True)
    turned = (days.dt.day <= 12).to_numpy() & (rng.random(len(days)) < 0.5)
    year = days.dt.year + np.where(turned, 0, rng.choice([-10, -1, 1, 10], len(days)))
    month, day = (
        days.dt.month.where(~turned, days.dt.day),
        days.dt.day.where(~turned, days.dt.month),
    )
    parts = {"year": year, "month": month, "day": np.minimum(day, 28)}
    other = pd.to_datetime(pd.DataFrame(parts)[days.notna()])
    return days.mask(wrong & days.notna(), other.reindex(days.index)).astype("datetime64[us]")


def other_streets(rng: np.random.Generator, street: np.ndarray) -> np.ndarray:
    """Return the streets with the usual abbreviations in one of three."""
    short = rng.random(len(street)) < 0.35
    text = pd.Series(street, dtype="str")
    brief = text
    for word, sign in _SHORT.items():
        brief = brief.str.replace(word, sign)
    return blank(text.mask(short, brief).to_numpy(dtype=object), text.isna().to_numpy())
