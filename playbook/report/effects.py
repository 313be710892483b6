"""Ranks what an intake found by its effect on the analysis: rows or money touched, times the parts that use them.

Nothing here shows a value of a customer: values in messages are replaced by their form, except dates
and words that many rows share.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from playbook.answer import format_value
from playbook.intake.derive import FROM
from playbook.intake.ledger import MONEY
from playbook.intake.people import MADE
from playbook.intake.result import Intake
from playbook.report.dependence import parts_of
from playbook.tables import TABLES

__all__ = [
    "NOT_DELIVERED",
    "NOUNS",
    "Problem",
    "amount",
    "counted",
    "problems_of",
    "set_aside",
    "without_values",
]

NOUNS = {
    "interactions": "contacts", "tickets": "service cases", "employee_survey": "employee answers", "market": "market figures",
    "switching": "brand switches", "suppressions": "do-not-contact entries", "channel_spend": "figures of channel spend",
    "opportunity_history": "changes of stage", "loyalty_events": "movements of points",
}  # fmt: skip
"""What the rows of a table are called, where the table's name does not say it."""
_VALUE = re.compile(
    r"^(?P<column>[a-z_][\w.]*)(?: '(?P<value>.*)')?(?P<rest>(?: is not a| is neither| is empty| lies | was written|: expected).*)$",
    re.DOTALL,
)
KINDS = (
    ("conflict", r"stands more than once with different content"),
    ("orphan", r"is not in table (?P<other>\w+); send"),
    ("unlinked", r"is not in table (?P<other>\w+); the row is kept|is in no customer record of its system"),
    ("no system", r"names customers, but not of which system"),
    ("empty", r" is empty; every row needs one"),
    ("date", r" is not a date as expected"),
    ("number", r" is not a (?:whole )?number"),
    ("exponent", r"written by a spreadsheet as a number with exponent"),
    ("flag", r" is neither true nor false"),
    ("word", r": expected one of (?P<other>[^;]+)"),
    ("future", r" lies more than a year after"),
    ("early", r" lies before "),
    ("later", r" lies after the end of the data"),
    ("range", r": expected at (?:least|most)|lies outside the question"),
    ("is test", r"^(?:test account|belongs to a test account)"),
    ("looks test", r"look like a test account"),
    ("no column", r"no column for (?P<other>[\w.]+) \((?P<meaning>[^)]*)\)"),
    ("refunds", r"refunded more than they bought"),
    ("free", r"price of zero"),
    ("negative price", r"negative price"),
    ("mixed dates", r"dates are written in \d+ ways"),
    ("unused", r"^column '.*' is not used"),
    ("unmapped", r"the file is not mapped"),
    ("nothing", r"stand for nothing and are read as empty"),
    ("totals", r"a totals row|the header line again"),
    ("broken", r"is broken JSON|is no JSON object|half a character|the line holds \d+ values; \d+ expected"),
    ("characters", r"characters were (?:lost|encoded twice)"),
    ("no file", r"^no file matches"),
    ("pairs", r"pairs of records may be one person"),
    ("widened", r"are widened to the 18 signs"),
)  # fmt: skip
"""Kinds of finding by what their message says; what fits none is told in its own words."""
NOT_DELIVERED = {FROM, MADE}
"""What stands for the file of a table that the intake makes itself."""
_OF_THE_TABLE = {"unlinked", "no system"}
"""Kinds whose finding counts the whole table and names the first file only."""
INTERNAL = {"unused", "unmapped", "totals", "is test", "pairs", "reading", "made", "widened"}
"""Kinds that cost the analysis nothing or that the consultant settles."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, over all files that have it in one column.

    Attributes
    ----------
    headers
        The client's names of the column.
    count, rows
        Rows touched, and rows delivered for the table.
    money
        Money in the rows touched, where they lie outside the analysis; none where unknown.
    share
        Of rows or of money, whichever is larger.
    lost
        Whether the rows lie outside the analysis.
    score
        Share times the parts of the method that use the table; less for rows that stay.
    """

    kind: str
    table: str
    column: str
    files: tuple[str, ...]
    headers: tuple[str, ...]
    count: int
    rows: int
    money: float | None
    share: float
    lost: bool
    score: float
    file: str
    row: int | None
    message: str
    mend: str
    example: str = ""
    other: str = ""
    ask: str = ""

    def effect(self, currency: str) -> str:
        """Say what the problem does to the analysis."""
        return _effect(self, currency)

    @property
    def what(self) -> str:
        """What was found, with the client's name of the column beside ours."""
        names = " and ".join(f"“{h}”" for h in self.headers)
        if not names or not self.column or not self.message.startswith(self.column):
            return self.message
        if self.kind == "conflict":
            return f"{names}: the same key stands more than once with different content"
        ours = "" if self.headers == (self.column,) else f" ({self.column})"
        rest = self.message.removeprefix(self.column)
        return f"{names}{ours}{':' if rest.startswith(' “') else ''}{rest}"


def kind_of(message: str) -> tuple[str, str]:
    """Return the kind of a finding and what else its message names."""
    for kind, pattern in KINDS:
        found = re.search(pattern, message)
        if found:
            return kind, found.groupdict().get("other") or ""
    return "other", ""


def amount(value: float, currency: str) -> str:
    """Return money as a reader wants it."""
    return f"{currency} {format_value(value, 'currency')}"


def counted(count: int, table: str) -> str:
    """Return a count of a table's rows in words: 1 order, 2 orders."""
    noun = NOUNS.get(table, table.replace("_", " ")) if table else "rows"
    if count == 1:
        noun = re.sub(r"ies$", "y", noun) if noun.endswith("ies") else noun.removesuffix("s")
        noun = noun.replace("figures of", "figure of").replace("changes of", "change of").replace("movements of", "movement of")  # fmt: skip
    return f"{count:,} {noun}"


def set_aside(folder: Path) -> pd.DataFrame:
    """Return the rows set aside: table, file, kind, column, rows and the money in them.

    Parameters
    ----------
    folder
        ``quarantine/`` of an intake.
    """
    found: dict[tuple, list] = defaultdict(lambda: [0, 0.0])
    for path in sorted(folder.glob("*.parquet")):
        if path.stem not in TABLES:
            continue
        with duckdb.connect(":memory:") as db:
            relation = db.read_parquet(str(path))
            money = MONEY.get(path.stem, "")
            known = money and set(re.findall(r"revenue|quantity|unit_price|amount|spend|monthly_fee", money)) <= set(relation.columns)  # fmt: skip
            value = f"cast(sum({money}) as double)" if known else "null"
            groups = relation.aggregate(f"file, reason, count(*) as n, {value} as money").fetchall()
        for file, reason, n, money_in in groups:
            kind, _ = kind_of(reason)
            entry = found[path.stem, file, kind, _column(reason, path.stem)]
            entry[0] += n
            entry[1] += money_in or 0.0
    rows = [(*key, n, money if key[0] in MONEY else None) for key, (n, money) in found.items()]
    return pd.DataFrame(rows, columns=["table", "file", "kind", "column", "rows", "money"])


def _column(message: str, table: str) -> str:
    """Return our column that a message is about, if it is about one."""
    first = re.match(r"(?:\d+% of \w+: )?([a-z_][\w.]*)", message)
    name = first.group(1) if first else ""
    owner, _, column = name.rpartition(".")
    return name if column in getattr(TABLES.get(owner or table), "columns", {}) else ""


def problems_of(intake: Intake, aside: pd.DataFrame) -> list[Problem]:
    """Return the problems of an intake, those with the largest effect on the analysis first."""
    groups: dict[tuple, list[dict[str, Any]]] = defaultdict(list)
    for finding in intake.findings:
        kind, other = kind_of(finding["message"])
        column = _column(finding["message"], finding["table"])
        key = (kind, finding["table"], column, other or ("" if kind != "other" else finding["message"][:60]))  # fmt: skip
        groups[key].append(finding)
    open_systems = {(table, column) for kind, table, column, _ in groups if kind == "no system"}
    problems = [
        _problem(intake, aside, key, found)
        for key, found in groups.items()
        if not (key[0] == "unlinked" and key[1:3] in open_systems)
    ]
    problems += [_undecided(intake, point) for point in intake.undecided]
    return sorted(problems, key=lambda p: (-p.score, -p.count, p.table, p.file, p.column))


def _headers(
    intake: Intake, table: str, column: str, files: tuple[str, ...], kind: str = ""
) -> tuple[str, ...]:
    mapped = intake.columns
    columns = TABLES[table].key if kind == "conflict" else (column,)
    chosen = mapped[(mapped["table"] == table) & mapped["column"].isin(columns) & mapped["file"].isin(files)]  # fmt: skip
    return tuple(dict.fromkeys(h for h in chosen["header"] if h))


def _problem(
    intake: Intake, aside: pd.DataFrame, key: tuple, found: list[dict[str, Any]]
) -> Problem:
    kind, table, column, other = key
    files = tuple(dict.fromkeys(f["file"] for f in found if f["file"]))
    own = intake.ledger[intake.ledger["table"] == table]
    rows = int(own["rows_in"].sum())
    if kind in _OF_THE_TABLE:
        files = (*files, *(f for f in own["file"] if f not in files))
    here = aside[(aside["table"] == table) & (aside["kind"] == kind) & (aside["column"] == column) & aside["file"].isin(files)]  # fmt: skip
    lost = len(here) > 0
    count = int(here["rows"].sum()) if lost and kind != "other" else sum(f["count"] for f in found)
    money = float(here["money"].sum()) if lost and table in MONEY else None
    total = own["money_in"].abs().sum()
    share = count / rows if rows else 0.0
    if money is not None and total:
        share = max(share, abs(money) / total)
    refused = found[0]["level"] == "problem" and all(f["row"] is None for f in found) and not lost
    if refused and kind not in ("unlinked", "no system"):
        share = len(files) / max(len(files) + own["file"].nunique(), 1)
    if kind == "other" and found[0]["level"] == "note" and not lost:
        kind = "noted" if any(f["row"] for f in found) else "reading"
    if kind != "pairs" and files[:1] == (MADE,):
        kind = "made"
    weight = 1.0 if lost or refused else 0.5 if found[0]["level"] == "problem" else 0.05
    if kind in INTERNAL:
        weight = 0.0
    first = found[0]
    example = _example(first["message"], kind, count)
    return Problem(
        kind if not (refused and kind == "other") else "refused",
        table, column, files, _headers(intake, table, column, files, kind), count, rows, money, min(share, 1.0), lost,
        weight * min(share, 1.0) * len(parts_of().get(table, ())), first["file"], first["row"],
        masked(first["message"].removeprefix(f"{first['file']}: "), table, example), _mend(kind, column, example, other, first["mend"]), example, other,
    )  # fmt: skip


def _undecided(intake: Intake, point: dict[str, Any]) -> Problem:
    table, column, files = point["table"], point["column"], (point["file"],)
    rows = int(intake.ledger.loc[intake.ledger["table"] == table, "rows_in"].sum())
    here = int(intake.ledger.loc[(intake.ledger["table"] == table) & (intake.ledger["file"] == point["file"]), "rows_in"].sum())  # fmt: skip
    example = re.search(r"values like (\S+) \(([\d,]+) values\)|all ([\d,]+) values like (\S+)", point["what"])  # fmt: skip
    shown = (example.group(1) or example.group(4)) if example else ""
    what = point["what"].removeprefix(f"{point['file']}: ")
    return Problem(
        "undecided", table, column, files, _headers(intake, table, column, files), here, rows, None, 1.0, True,
        2.0 * len(parts_of().get(table, ())), point["file"], None, what, f"add {point['ask']} under the file’s entry",
        shown, "", point["ask"],
    )  # fmt: skip


def _mend(kind: str, column: str, example: str, other: str, mend: str) -> str:
    """Return how to mend a problem: the line to add where a word is not ours, else what the finding says."""
    if kind == "word" and example:
        return f"add values: {{{column}: {{{example}: …}}}} under the file’s entry, with {' or '.join(other.split(', '))}"
    return mend.split("; the rows are in quarantine")[0]


_DATE = r"\d{1,4}[-./]\d{1,2}(?:[-./]\d{1,4})?"
_SHOWN = {"date": _DATE, "future": _DATE, "early": _DATE, "range": r"-?\d{1,4}(?:[.,]\d{1,4})?"}
"""Values that say nothing of a person, by kind: a date that is none, a score off its scale."""


def _example(message: str, kind: str, count: int) -> str:
    """Return the form of the value a message shows; dates and words that many rows share as they are."""
    found = _VALUE.match(message)
    value = (found.group("value") or "") if found else ""
    if kind in _SHOWN and re.fullmatch(_SHOWN[kind], value):
        return value
    if kind == "word" and count >= 5 and re.fullmatch(r"[^\W\d_]{1,20}", value):
        return value
    return re.sub(r"[^\W\d_]+", "x", re.sub(r"\d", "9", value))[:20]


def masked(message: str, table: str, example: str) -> str:
    """Return a finding's message without any value of a customer."""
    found = _VALUE.match(message)
    if found:
        shown = f" “{example}”" if example else ""
        rest = found.group("rest").split("; map the word under")[0]
        return f"{found.group('column')}{shown}{rest}"
    if "stands more than once with different content" in message:
        key = ", ".join(TABLES[table].key) if table else "the same key"
        return f"{key} stands more than once with different content"
    return message


def without_values(blocking: str) -> str:
    """Return what blocks an intake without the customer's value that it may quote."""
    place, row, rest = blocking.partition(" row ")
    found = re.match(r"(\d+: )(.*)( \([\d,]+ of [\d,]+ rows of .*)", rest, re.DOTALL)
    if not found:
        return blocking
    kind, _ = kind_of(found.group(2))
    shown = masked(found.group(2), "", _example(found.group(2), kind, 0))
    return f"{place}{row}{found.group(1)}{shown}{found.group(3)}"


_HARMLESS = {
    "unused": "nothing else depends on it",
    "unmapped": "nothing of it is in the analysis",
    "no file": "nothing of it is in the analysis",
    "totals": "rightly left out, since it is no row of its own",
    "is test": "rightly left out, as listed",
    "pairs": "the records count as different customers until someone decides",
    "reading": "no row is lost if this reading is right",
    "made": "a sample of it is worth a look",
    "widened": "the long form says the same",
}


def _effect(problem: Problem, currency: str) -> str:
    if problem.kind in _HARMLESS:
        return _HARMLESS[problem.kind]
    if problem.kind in ("refused", "no column"):
        return f"{' and '.join(problem.files)} could not be used at all"
    if problem.kind == "characters":
        return f"{problem.count:,} characters are damaged; the rows stay in the analysis"
    if problem.kind == "undecided":
        what = counted(problem.count, problem.table) if problem.count else "the whole file"
        return f"{what} cannot be used until this is settled; the analysis waits for it"
    told = counted(problem.count, problem.table)
    if problem.rows:
        told += f" ({format_value(problem.count / problem.rows, '%')}"
        told += f", {amount(problem.money, currency)})" if problem.money else ")"
    verb = "lies" if problem.count == 1 else "lie"
    if problem.lost:
        return f"{told} {verb} outside the analysis"
    if problem.kind in ("unlinked", "no system"):
        return f"{told} count in totals but belong to no known customer"
    return f"{told} {'is' if problem.count == 1 else 'are'} affected and stay{'s' if problem.count == 1 else ''} in the analysis"
