"""How a text file is laid out: delimiter, header row and headers, read off many of its lines."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["DELIMITERS", "Layout", "clean_header", "find_header", "is_total", "layouts", "name_headers", "record", "split"]  # fmt: skip

DELIMITERS = ",;\t|"
SPLIT_EVENLY = 0.8
"""Share of lines that a delimiter must split into the same number of values."""
CLEARLY = 0.02
MANY_MORE = 3
GROUPS = 0.6
"""Share of the cells that a row above the header fills at most, when it groups columns."""
LONGEST_RECORD = 500
LONGEST_FIELD = 1 << 30
INVISIBLE = re.compile("[​-‏‪-‮⁠-⁤⁦-⁩﻿­]")
NUMBER = re.compile(r"[-+(]?[€$£¥]?\s?\d[\d.,'  :/%-]*[)€%]?")
ASIDE = re.compile(r"[(（:=].*", re.DOTALL)
TOTAL = re.compile(
    r"(?:(?:grand|sub|report)[ -]?)?totals?(?: \w+)?|sum|summa|summe[n]?|gesamt(?:summe|betrag|ergebnis)?|insgesamt|totalt|totaal|"
    r"slutsumma|delsumma|zwischensumme|ergebnis|somme|suma|totale|总计|合计|小计|總計|合計|总和|汇总|"
    r"averages?|mean|durchschnitt|mittelwert|genomsnitt|medelvärde|moyenne|平均值?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Layout:
    """One way to split a file.

    Attributes
    ----------
    header
        Position of the header among the sample's records.
    share
        Share of the records from the header on that have as many values as it.
    evidence
        Headers that are known, then columns whose values are numbers below a word.
    """

    delimiter: str
    header: int
    width: int
    share: float
    evidence: tuple[int, int]


def split(lines: list[str], delimiter: str) -> Iterator[list[str]]:
    """Yield the values of each record, empty for a blank line; quotes may span lines."""
    place = 0
    while place < len(lines):
        values, taken = record(lines, place, delimiter)
        yield values
        place += taken


def record(lines: list[str], place: int, delimiter: str) -> tuple[list[str], int]:
    """Return the values of the record that begins at a line, and how many lines it takes.

    A quote that is not closed within `LONGEST_RECORD` lines is taken as a character of its line,
    so that it cannot swallow the rest of the file.
    """
    line = lines[place]
    if not line.strip():
        return [], 1
    if '"' not in line:
        return line.rstrip("\r\n").split(delimiter), 1
    csv.field_size_limit(LONGEST_FIELD)
    ahead = lines[place : place + 1 if line.count('"') % 2 == 0 else place + LONGEST_RECORD]
    reader = csv.reader(ahead, delimiter=delimiter)
    values = next(reader)
    taken = reader.line_num
    if taken > 1 and "".join(ahead[:taken]).count('"') % 2:
        return line.rstrip("\r\n").split(delimiter), 1
    return values, taken


def clean_header(value: str) -> str:
    """Return a header in one line without marks that cannot be seen."""
    plain = INVISIBLE.sub("", unicodedata.normalize("NFC", value))
    return " ".join(plain.split())


def name_headers(cells: list[str]) -> tuple[list[str], list[int], list[str]]:
    """Return usable headers, the numbers of columns without a name, and headers that stood twice.

    A column without a name becomes ``column 7``; a header's second column ``name (column 7)``.
    """
    names: list[str] = []
    unnamed, twice = [], []
    taken: set[str] = set()
    for number, cell in enumerate(cells, 1):
        name = clean_header(cell)
        if not name:
            unnamed.append(number)
            name = f"column {number}"
        elif name.casefold() in taken:
            twice.append(name)
            name = f"{name} (column {number})"
        while name.casefold() in taken or name.casefold() == "_row":
            name += "'"
        taken.add(name.casefold())
        names.append(name)
    return names, unnamed, twice


def find_header(records: list[list[str]], width: int, known: Collection[str] = ()) -> int | None:
    """Return the position of the header row: words in most cells, at the top of the table.

    A row that holds at least two known headers is preferred; titles and notes above it are skipped.
    """
    known = {name.casefold() for name in known}
    best, most = None, 1
    for place, record in enumerate(records[:60]):
        hits = sum(clean_header(cell).casefold() in known for cell in record)
        if hits > most and len(record) <= width + 1:
            best, most = place, hits
    if best is not None:
        return best
    first = next((i for i, r in enumerate(records[:60]) if _is_header(r, width)), None)
    if first is not None and _groups_the_next(records, first, width):
        return first + 1
    return first


def _groups_the_next(records: list[list[str]], place: int, width: int) -> bool:
    """Return whether a row only groups the headers below it, as merged cells above them do."""
    if place + 1 >= len(records):
        return False
    filled, below = (sum(bool(c.strip()) for c in r) for r in records[place : place + 2])
    return filled <= GROUPS * width and below == width and _is_header(records[place + 1], width)


def _is_header(record: list[str], width: int) -> bool:
    cells = [clean_header(cell) for cell in record]
    filled = [cell for cell in cells if cell]
    if not width - 1 <= len(cells) <= width + 1 or not filled:
        return False
    numbers = sum(bool(NUMBER.fullmatch(cell)) for cell in filled)
    return len(filled) >= max(min(2, width), width / 2) and numbers < max(len(filled) / 2, 1)


def _evidence(records: list[list[str]], header: int, known: Collection[str]) -> tuple[int, int]:
    names = [clean_header(cell) for cell in records[header]]
    below = [record for record in records[header + 1 : header + 200] if len(record) == len(names)]
    known = {name.casefold() for name in known}
    numeric = 0
    for number, name in enumerate(names):
        values = [record[number].strip() for record in below if record[number].strip()]
        like_numbers = sum(bool(NUMBER.fullmatch(value)) for value in values)
        numeric += bool(
            values and like_numbers >= SPLIT_EVENLY * len(values) and not NUMBER.fullmatch(name)
        )
    return sum(name.casefold() in known for name in names), numeric


def layouts(lines: list[str], known: Collection[str] = (), delimiter: str = "", header_row: int | None = None) -> list[Layout]:  # fmt: skip
    """Return the ways to split the lines that fit them, the best first.

    More than one is returned only where nothing in the lines tells which is right.
    """
    found = []
    for mark in delimiter or DELIMITERS:
        records = list(split(lines, mark))
        layout = _layout(records, mark, known, header_row)
        if layout and (delimiter or layout.width > 1):
            found.append(layout)
    if not found and not delimiter:
        single = _layout([[line] if line.strip() else [] for line in lines], ",", known, header_row)
        return [single] if single else []
    even = [layout for layout in found if layout.share >= SPLIT_EVENLY] or found
    even.sort(
        key=lambda x: (
            -x.evidence[0],
            -min(x.evidence[1], 1),
            -round(x.share / CLEARLY),
            x.header,
            -x.width,
        )
    )
    return [x for x in even if x is even[0] or _as_good(x, even[0])]


def _as_good(other: Layout, best: Layout) -> bool:
    return (
        other.evidence[0] == best.evidence[0]
        and min(other.evidence[1], 1) == min(best.evidence[1], 1)
        and abs(other.share - best.share) <= CLEARLY
        and other.header == best.header
        and best.width < MANY_MORE * other.width
    )


def _layout(records: list[list[str]], mark: str, known: Collection[str], header_row: int | None) -> Layout | None:  # fmt: skip
    widths = Counter(len(record) for record in records if any(cell.strip() for cell in record))
    if not widths:
        return None
    width = max(widths, key=lambda w: (widths[w] * (w > 1), w))
    header = header_row - 1 if header_row else find_header(records, width, known)
    if header is None or header >= len(records) or not records[header]:
        return None
    body = [record for record in records[header:] if any(cell.strip() for cell in record)]
    if not body:
        return None
    width = max(width, 1) if len(body) > 1 else len(records[header])
    share = sum(len(record) == width for record in body) / len(body)
    above = sum(bool(record) for record in records[:header])
    share *= len(body) / (len(body) + (above if above >= len(body) else 0))
    return Layout(mark, header, width, share, _evidence(records, header, known))


def is_total(cells: Sequence[str | None]) -> bool:
    """Return whether a row's first filled cell says that it sums up the rows above: ``Total (n = 245)``."""
    first = next((cell.strip() for cell in cells if cell and cell.strip()), "")
    return bool(TOTAL.fullmatch(ASIDE.sub("", first).strip(" :.")))
