"""Knows the usual header names of our columns in four languages and four CRM systems.

The words stand in ``synonyms.yml``. A header is compared in plain form: case, blanks, underscores,
umlauts and accents, full-width signs, custom-field endings and a unit in brackets do not matter.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from playbook.tables import TABLES

__all__ = [
    "Candidate",
    "doubtful",
    "match",
    "match_parts",
    "plain",
    "recognise",
    "system_of",
    "words",
]

LANGUAGES = ("en", "de", "sv", "zh")
_WEAK = "also"
_MONEY = r"(?:€|\$|£|¥|元|%|\b(?:EUR|USD|GBP|SEK|CHF|CNY|RMB|DKK|NOK)\b)"
_UNIT = re.compile(rf"\s*(?:[(（\[【].*[)）\]】]|(?:\bin\s+)?{_MONEY})\s*$")
_ENDING = re.compile(r"__(?:c|pc|r|s)$", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """A standard table that a file may hold.

    Attributes
    ----------
    score
        0 to 1: how much of what is needed is there, and how much of the file the table explains.
    mapping
        Our column to the file's header.
    missing
        Required columns that no header fills.
    """

    table: str
    score: float
    mapping: dict[str, str]
    missing: tuple[str, ...]


@cache
def _file() -> dict[str, Any]:
    path = Path(__file__).parent / "synonyms.yml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@cache
def plain(header: str) -> str:
    """Return a header in the form in which headers are compared.

    Two spellings of an umlaut become one (``Straße``, ``Strasse``; ``Währung``, ``Waehrung``).
    """
    text = unicodedata.normalize("NFKC", _ENDING.sub("", header.strip())).casefold()
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    text = "".join(c for c in text if c.isalnum())
    return re.sub(r"(?<=[aou])e", "", text) or header.strip()


def _forms(header: str) -> tuple[str, ...]:
    """Return the plain header and, where it ends in a unit or a bracket, the plain header without it."""
    return tuple(dict.fromkeys((plain(header), plain(_UNIT.sub("", header)))))


@cache
def words(table: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return each column of a table with its words by language (``crm`` and ``also`` besides)."""
    found: dict[str, dict[str, list[str]]] = {c: defaultdict(list) for c in TABLES[table].columns}
    own = _file()["tables"][table]
    for block in (_file()["shared"], _file()["tables"].get(own.get("as"), {}), own):
        for column in [c for c in block if c in found]:
            for language, values in block[column].items():
                found[column][language] += values
    for column, by_language in found.items():
        by_language["en"].insert(0, column)
    return {c: {k: tuple(dict.fromkeys(v)) for k, v in w.items()} for c, w in found.items()}


@cache
def _index(table: str) -> dict[str, tuple[frozenset[str], int]]:
    """Return plain word to the columns it stands for and its level: 1, or 2 and more for weak words."""
    index: dict[str, tuple[frozenset[str], int]] = {}
    for column, by_language in words(table).items():
        for language, values in by_language.items():
            for place, value in enumerate(values):
                level = 2 + place if language == _WEAK else 1
                columns, before = index.get(plain(value), (frozenset(), level))
                index[plain(value)] = (columns | {column}, min(level, before))
    return index


def _candidates(table: str, headers: Sequence[str]) -> dict[str, list[str]]:
    """Return our column to the headers that may fill it: equal names, else strong words, else weak ones."""
    levels: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    index = _index(table)
    for header in headers:
        if header in TABLES[table].columns:
            levels[header][0].append(header)
            continue
        known = next((index[form] for form in _forms(header) if form in index), None)
        if known:
            for column in known[0]:
                levels[column][known[1]].append(header)
    return {column: found[min(found)] for column, found in levels.items()}


def match_parts(table: str, headers: Sequence[str]) -> dict[str, list[str]]:
    """Return our column to the headers that make it together, where no header is a word for it alone."""
    found = {}
    for column, parts in _file()["parts"].items():
        if column in TABLES[table].columns and column not in match(table, headers):
            known = [{plain(word) for word in words_} for words_ in parts]
            named = [[h for h in headers if plain(h) in words_] for words_ in known]
            if all(len(one) == 1 for one in named):
                found[column] = [one[0] for one in named]
    return found


def match(table: str, headers: Sequence[str]) -> dict[str, str]:
    """Return our column to the one header of the file that is a word for it.

    A column that two headers may fill, and a header that may fill two columns, stay out; `doubtful`
    names them.
    """
    found = _candidates(table, headers)
    doubts = doubtful(table, headers)
    return {
        column: found[column][0]
        for column in TABLES[table].columns
        if column in found and column not in doubts
    }


def doubtful(table: str, headers: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return our column to the headers among which a person has to choose."""
    found = _candidates(table, headers)
    wanted = defaultdict(list)
    for column, names in found.items():
        for name in names:
            wanted[name].append(column)
    return {
        column: tuple(names)
        for column, names in found.items()
        if len(names) > 1 or any(len(wanted[name]) > 1 for name in names)
    }


@cache
def _rarity() -> dict[str, float]:
    """Return plain word to its weight: one over the number of tables that know it."""
    tables: dict[str, int] = defaultdict(int)
    for table in TABLES:
        for word in _index(table):
            tables[word] += 1
    return {word: 1 / count for word, count in tables.items()}


def _weight(header: str) -> float:
    return next((_rarity()[form] for form in _forms(header) if form in _rarity()), 0.05)


def recognise(headers: Sequence[str], name: str = "") -> list[Candidate]:
    """Return the standard tables that a file with these headers may hold, likeliest first.

    A header counts by how few tables know it, a required column that is missing counts against its
    table, and a ``name`` (of file or sheet) that is a word for a table speaks for it.
    """
    weights = {header: _weight(header) for header in headers}
    total = sum(weights.values()) or 1.0
    candidates = []
    for table, definition in TABLES.items():
        mapping = match(table, headers)
        required = [c for c, d in definition.columns.items() if d.required and c != "line"]
        missing = tuple(c for c in required if c not in mapping)
        there = 1 - len(missing) / len(required) if required else 1.0
        explained = sum(weights[header] for header in mapping.values()) / total
        score = 0.45 * there * bool(mapping) + 0.35 * explained + 0.20 * _named(table, name)
        candidates.append(Candidate(table, round(score, 3), mapping, missing))
    return sorted(candidates, key=lambda c: (-c.score, len(c.missing), list(TABLES).index(c.table)))


def _named(table: str, name: str) -> float:
    """Return 1 when a file's name is a word for the table, less when it only holds one."""
    parts = re.split(r"[\W_\d]+", unicodedata.normalize("NFKC", name.split(".")[0]))
    whole = plain("".join(parts))
    if not whole:
        return 0.0
    known = {plain(word) for word in (table, *_file()["tables"][table]["names"])}
    if whole in known:
        return 1.0
    inside = [word for word in known if len(word) > 1 and word in whole and (len(word) > 3 or not word.isascii())]  # fmt: skip
    return max((0.9 * len(word) / len(whole) for word in inside), default=0.0)


def system_of(headers: Sequence[str]) -> str:
    """Return the CRM system whose own field names the file carries, or nothing."""
    hits = {
        system: len({h for h in headers if h in names})
        for system, names in _file()["systems"].items()
    }
    best = sorted(hits.items(), key=lambda item: -item[1])
    return best[0][0] if best[0][1] >= 2 and best[0][1] > best[1][1] else ""
