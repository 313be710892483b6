"""Any standard table, written in any supported way, comes back equal, or intake names what is open."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from playbook.engagement.model import Engagement
from playbook.intake import Intake, examine
from playbook.tables import TABLES, Column

AS_OF = date(2025, 12, 31)
DATES = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y", "%Y%m%d", "%Y年%m月%d日", "%d %B %Y", "%d.%m.%y", "serial")  # fmt: skip
NUMBERS = ((".", ""), (",", ""), (".", ","), (",", "."), (",", " "), (".", "'"), (",", "\u00a0"), (",", "\u202f"))  # fmt: skip
FLAGS = (("true", "false"), ("1", "0"), ("Ja", "Nein"), ("ja", "nej"), ("WAHR", "FALSCH"), ("是", "否"), ("Y", "N"), ("yes", "no"))  # fmt: skip
NEGATIVE = ("-{}", "{}-", "({})", "−{}")


@dataclass(frozen=True)
class Dialect:
    """One way of writing a table down."""

    kind: str
    encoding: str
    delimiter: str
    quoting: int
    number: tuple[str, str]
    negative: str
    date: str
    clock: bool
    flags: tuple[str, str]


dialects = st.builds(
    Dialect,
    kind=st.sampled_from([".csv", ".csv", ".tsv", ".xlsx", ".jsonl"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1", "gb18030"]),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    number=st.sampled_from(NUMBERS),
    negative=st.sampled_from(NEGATIVE),
    date=st.sampled_from(DATES),
    clock=st.booleans(),
    flags=st.sampled_from(FLAGS),
)
_letters = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Co", "Cn", "Cf", "Zl", "Zp"))  # fmt: skip
_latin = st.characters(codec="latin-1", exclude_categories=("Cc", "Cf"))
_hard = st.sampled_from(['"quoted"', "a;b,c|d", "two\nlines", "tab\there", "Müller", "张伟", "NULL", "NA", "-", "1.234", "0012", "'", "=1+1", "100%"])  # fmt: skip


def _text(latin: bool) -> st.SearchStrategy[str]:
    drawn = st.text(_latin if latin else _letters, min_size=1, max_size=12)
    hard = _hard.filter(lambda word: not latin or word.isascii() or word == "Müller")
    return st.one_of(drawn, hard).map(lambda word: word.strip(" \t\u00a0"))


def _cell(column: Column, dialect: Dialect) -> st.SearchStrategy[Any]:
    """Values of a column that its definition allows."""
    kind, latin = column.kind, dialect.encoding == "latin-1" and dialect.kind in (".csv", ".tsv")
    moments = st.datetimes(datetime(1950, 1, 1), datetime(2025, 12, 31, 23, 59, 59)).map(lambda t: t.replace(microsecond=0))  # fmt: skip
    days = moments.map(lambda t: t.replace(hour=0, minute=0, second=0))
    low, high = column.low, column.high
    digits = {"money": 2, "price": 4}.get(kind, 3)
    size = 10 ** (9 - digits)
    numbers = st.decimals(low if low is not None else -size, high if high is not None else size, places=digits)  # fmt: skip
    return {
        "id": st.from_regex(r"\A(?:0[0-9]{1,9}|[0-9]{19}|[A-Z]{2}-[0-9]{1,6}|[a-zA-Z]{1,10})\Z"),
        "text": _text(latin),
        "choice": st.sampled_from(column.allowed or ("",)),
        "money": numbers,
        "price": numbers,
        "number": numbers,
        "share": st.decimals(0, 1, places=3),
        "whole": st.integers(
            int(-9_999_999 if low is None else low), int(9_999_999 if high is None else high)
        ),
        "flag": st.booleans(),
        "time": moments if dialect.clock else days,
        "day": st.dates(date(1930, 1, 1), date(2024, 12, 31)),
    }[kind]


@st.composite
def _delivered(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]], Dialect]:
    name = draw(st.sampled_from(sorted(set(TABLES) - {"customer_records"})))
    table, dialect = TABLES[name], draw(dialects)
    labels = [c for c, column in table.columns.items() if column.required or c in table.key or draw(st.booleans())]  # fmt: skip
    rows = draw(st.lists(st.fixed_dictionaries({label: _optional(table.columns[label], dialect) for label in labels}), min_size=1, max_size=7))  # fmt: skip
    for place, row in enumerate(rows):
        for label in labels:
            column = table.columns[label]
            if label == table.known_at and column.kind == "whole":
                row[label] = 1990 + abs(row[label] or 0) % 30
            if label in table.links:
                row[label] = None if not column.required else row[label]
            if label in table.key and column.kind in ("id", "text"):
                row[label] = f"{row[label]}{place}"
            if label in table.key and column.kind == "whole" and label != table.known_at:
                row[label] = place
    return name, rows, dialect


def _optional(column: Column, dialect: Dialect) -> st.SearchStrategy[Any]:
    cells = _cell(column, dialect)
    return cells if column.required else st.one_of(st.none(), cells)


def _number(value: Any, places: int, dialect: Dialect) -> str:
    mark, thousands = dialect.number
    whole, _, fraction = f"{abs(value):.{places}f}".partition(".")
    groups = re.sub(r"(?<=\d)(?=(?:\d{3})+$)", lambda _: thousands, whole)
    text = groups + (mark + fraction if fraction else "")
    return dialect.negative.format(text) if value < 0 else text


def _moment(value: date, dialect: Dialect, clock: bool) -> str:
    if dialect.date == "serial":
        moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)  # fmt: skip
        past = moment - datetime(1899, 12, 30)
        if past < timedelta(days=10_000):
            return f"{value:%Y-%m-%d}"
        seconds = Decimal(past.seconds) / 86_400
        return str(past.days) if not past.seconds else f"{past.days}{seconds.quantize(Decimal('1e-9')):f}".replace("0.", ".", 1)  # fmt: skip
    written = f"{value:{dialect.date}}"
    return f"{written} {value:%H:%M:%S}" if clock else written


def _written(value: Any, column: Column, dialect: Dialect) -> str:
    if value is None:
        return ""
    kind = column.kind
    if kind in ("money", "price", "number", "share"):
        return _number(value, {"money": 2, "price": 4}.get(kind, 3), dialect)
    if kind == "whole":
        return _number(value, 0, dialect)
    if kind == "flag":
        return dialect.flags[0 if value else 1]
    if kind in ("time", "day"):
        return _moment(value, dialect, dialect.clock and kind == "time")
    return str(value)


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _save(inbox: Path, name: str, header: list[str], cells: list[list[str]], dialect: Dialect) -> dict:  # fmt: skip
    """Write the file and return what its entry must say for it to be opened."""
    path = inbox / f"delivery{dialect.kind}"
    source: dict[str, Any] = {"files": path.name, "table": name}
    if dialect.kind == ".xlsx":
        frame = pd.DataFrame(cells, columns=header, dtype="str")
        with pd.ExcelWriter(path, engine="xlsxwriter", engine_kwargs={"options": {"strings_to_formulas": False, "strings_to_urls": False}}) as book:  # fmt: skip
            frame.to_excel(book, index=False)
    elif dialect.kind == ".jsonl":
        lines = [json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False) for row in cells]  # fmt: skip
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        delimiter = "\t" if dialect.kind == ".tsv" else dialect.delimiter
        text = io.StringIO()
        writer = csv.writer(text, delimiter=delimiter, quoting=dialect.quoting, lineterminator="\n")  # type: ignore[arg-type]
        writer.writerows([header, *cells])
        encoding = dialect.encoding if _fits(text.getvalue(), dialect.encoding) else "utf-8"
        path.write_bytes(text.getvalue().encode(encoding))
        source |= {"delimiter": delimiter, "encoding": encoding}
    return source


def _take(inbox: Path, target: Path, sources: list[dict]) -> Intake:
    engagement = Engagement.model_validate(
        {"client": "A", "brand": "A", "currency": "EUR", "constraints": {"max_quarantined_share": 1.0}, "inbox": sources}
    )  # fmt: skip
    return examine(inbox, engagement, target, AS_OF)


def _plain(value: Any, kind: str) -> Any:
    if value is None or value is pd.NA or value != value:
        return None
    if kind in ("money", "price"):
        return Decimal(str(value)).quantize(Decimal("0.0001"))
    if kind in ("number", "share"):
        return round(float(value), 9)
    if kind == "day":
        return pd.Timestamp(value).date()
    if kind == "time":
        return pd.Timestamp(value).to_pydatetime()
    return value


def _came_back(target: Path, name: str, rows: list[dict[str, Any]], ignoring: set[str]) -> None:
    frame = pd.read_parquet(target / "tables" / f"{name}.parquet").astype(object)
    columns = TABLES[name].columns
    labels = [label for label in rows[0] if label not in ignoring]

    def table(records: list[dict[str, Any]]) -> list[tuple]:
        return sorted((tuple(_plain(r[c], columns[c].kind) for c in labels) for r in records), key=repr)  # fmt: skip

    whole = [row | {c: (row[c] or None) for c in labels if columns[c].kind in ("text", "id")} for row in rows]  # fmt: skip
    assert table(frame.to_dict("records")) == table(whole)


@settings(max_examples=60, deadline=None, derandomize=True, database=None, phases=(Phase.generate,))
@given(_delivered())
def test_what_is_written_comes_back_or_is_asked_about(drawn: tuple) -> None:
    """Rows, cells and cents come back as they were; what the data leave open is named with its line."""
    name, rows, dialect = drawn
    columns = TABLES[name].columns
    header = list(rows[0])
    cells = [[_written(row[label], columns[label], dialect) for label in header] for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        inbox, target = Path(folder) / "inbox", Path(folder) / "run"
        inbox.mkdir()
        source = _save(inbox, name, header, cells, dialect)
        if TABLES[name].attributes:
            header = [label for label in header if label]
        intake = _take(inbox, target, [source])
        rounds = 0
        while intake.undecided and rounds < 4:
            open_ones = {point["column"] for point in intake.undecided}
            assert open_ones <= {c for c in header if columns[c].kind not in ("id", "text", "choice", "flag")}  # fmt: skip
            _came_back(target, name, rows, open_ones)
            for point in intake.undecided:
                source = source | _answer(point, dialect)
            intake = _take(inbox, target, [source])
            rounds += 1
        assert not intake.undecided
        _came_back(target, name, rows, {c for c in header if c in source.get("ignore", [])})
        ledger = intake.ledger.iloc[0]
        assert (ledger.rows_in, ledger.kept, ledger.quarantined) == (len(rows), len(rows), 0)
        if name == "orders":
            assert Decimal(str(ledger.money_kept)) == sum(row["revenue"] for row in rows)


def _answer(point: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    """Return the line, among those proposed, that says how the table was really written."""
    lines = point["candidates"] if point["ask"] in point["candidates"] else [point["ask"]]
    assert point["ask"] in lines
    assert "delivery" in point["what"] and point["column"] in point["what"]
    for line in lines:
        said = yaml.safe_load(line)
        if said.get("decimal") == dialect.number[0] or dialect.date in said.get("dates", []):
            return said
    raise AssertionError(f"none of {lines} says how the file was written: {dialect}")
