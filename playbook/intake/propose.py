"""Proposes the entries of ``inbox`` for files that the engagement file does not name yet."""

from __future__ import annotations

import difflib
import fnmatch
import glob
import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pandas as pd

from playbook.engagement.delivery import Limits, Source
from playbook.intake.files import FileReading, open_file
from playbook.intake.problems import FileRefused, Undecided
from playbook.intake.synonyms import (
    Candidate,
    doubtful,
    match,
    match_parts,
    plain,
    recognise,
    system_of,
    words,
)
from playbook.tables import TABLES
from playbook.warehouse import quoted

__all__ = ["Proposal", "proposal", "propose"]

RECOGNISED = 0.40
"""Score from which a table is proposed; below it the entry is left for a person to fill."""
SAMPLE_ROWS = 200
_EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
_CLOSE = 0.88


@dataclass(frozen=True)
class Proposal:
    """One entry to paste under ``inbox``, or what is known of a file that cannot have one.

    Attributes
    ----------
    files
        Pattern of the files it stands for.
    names
        Those files.
    score
        0 to 1, as in `recognise`.
    columns
        Our column to the header, where neither name nor synonym is equal.
    ignore
        Headers that fill none of our columns.
    missing
        Required columns that nothing fills.
    choices
        Our column to the headers among which a person has to choose.
    problem
        Why the file could not be opened.
    lines
        Further lines that the file needs to be read (sheet, encoding).
    open_system
        Whether someone must say which system its customer numbers come from.
    note
        What pasting the entry asks for elsewhere.
    """

    files: str
    names: tuple[str, ...]
    headers: tuple[str, ...] = ()
    table: str = ""
    score: float = 0.0
    system: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problem: str = ""
    lines: tuple[str, ...] = ()
    note: str = ""
    open_system: bool = False

    @property
    def block(self) -> str:
        """The entry as YAML, with comments on what is not sure; empty when no table fits."""
        if not self.table:
            return ""
        known = [c for c in TABLES[self.table].columns if c in match(self.table, self.headers)]
        sure = len(known) + len(self.columns)
        lines = [
            f"  # {', '.join(self.names)}: looks like {self.table} ({self.score:.0%} sure, {sure} of {len(self.headers)} columns known)",
            *([f"  # {self.note}"] if self.note else []),
            f"  - files: {_quote(self.files)}",
            *(f"    {line}" for line in self.lines),
            f"    table: {self.table}",
        ]
        if self.system:
            lines.append(f"    system: {_quote(self.system)}")
        elif self.open_system:
            lines.append(
                "    # missing: system: ?   (the system whose customer numbers stand here)"
            )
        if self.columns:
            lines.append("    columns:")
            lines += [f"      {c}: {_quote(h)}" for c, h in self.columns.items()]
        for column, headers in self.choices.items():
            either = " or ".join(_quote(h) for h in headers)
            lines.append(f"    # choose one, under columns: {column}: {either}")
        for column in [c for c in self.missing if c not in self.choices]:
            meaning = TABLES[self.table].columns[column].meaning
            lines.append(
                f"    # missing, under columns or (one value for all rows) constants: {column}: ?   ({meaning})"
            )
        if self.table == "customer_records" and "system" not in match(self.table, self.headers):
            lines.append(f"    constants: {{system: {_quote(self.system)}}}")
        if self.ignore:
            lines.append(f"    ignore: [{', '.join(_quote(h) for h in self.ignore)}]")
        return "\n".join(lines) + "\n"


def _quote(text: str) -> str:
    """Return a text as a YAML string, quoted so that no sign in it means anything."""
    return json.dumps(text, ensure_ascii=False)


def proposal(
    reading: FileReading, headers: Sequence[str], sample: pd.DataFrame | None = None
) -> Proposal:
    """Return the entry for one opened file.

    Parameters
    ----------
    reading
        How the file was opened.
    headers
        Its columns.
    sample
        Some of its rows as text; columns of e-mail addresses are known by them.
    """
    name = f"{reading.sheet} {reading.file}" if reading.sheet else reading.file
    best = recognise(headers, reading.file)[0]
    if reading.sheet:
        best = max(best, recognise(headers, reading.sheet)[0], key=lambda c: c.score)
    made = Proposal(reading.file, (reading.file,), tuple(headers), problem="")
    if best.score < RECOGNISED or not best.mapping:
        return replace(
            made, problem=f"{name.strip()}: no standard table fits its columns ({_few(headers)})"
        )
    return _filled(made, best, sample, system_of(headers))


def _few(headers: Sequence[str]) -> str:
    return ", ".join(headers[:8]) + (f" and {len(headers) - 8} more" if len(headers) > 8 else "")


def _filled(made: Proposal, best: Candidate, sample: pd.DataFrame | None, system: str) -> Proposal:
    definition = TABLES[best.table]
    choices = doubtful(best.table, made.headers)
    taken = {*best.mapping.values(), *(h for names in choices.values() for h in names)}
    joined = match_parts(best.table, made.headers)
    taken |= {header for parts in joined.values() for header in parts}
    left = [h for h in made.headers if h not in taken]
    open_columns = [c for c in definition.columns if c not in {*best.mapping, *choices, *joined}]
    columns = {}
    for column in open_columns:
        header = _close(best.table, column, left) or _by_content(column, left, sample)
        if header:
            columns[column] = header
            left.remove(header)
    return replace(
        made,
        table=best.table,
        score=best.score,
        system=system,
        columns=columns,
        ignore=() if definition.attributes else tuple(left),
        missing=tuple(c for c in best.missing if c not in columns),
        choices=choices,
    )


def _close(table: str, column: str, headers: Sequence[str]) -> str:
    """Return the header that is a word for the column but for a slip of the pen."""
    known = {plain(w) for values in words(table)[column].values() for w in values}
    known = {word for word in known if len(word) >= 7}
    found = [h for h in headers if difflib.get_close_matches(plain(h), known, n=1, cutoff=_CLOSE)]
    return found[0] if len(found) == 1 else ""


def _by_content(column: str, headers: Sequence[str], sample: pd.DataFrame | None) -> str:
    """Return the one header whose values are e-mail addresses."""
    if column != "email" or sample is None:
        return ""
    found = []
    for header in [h for h in headers if h in sample]:
        filled = sample[header].dropna().astype(str).str.strip()
        filled = filled[filled != ""]
        if len(filled) >= 3 and filled.str.fullmatch(_EMAIL).mean() > 0.8:
            found.append(header)
    return found[0] if len(found) == 1 else ""


def propose(
    inbox: Path,
    names: Sequence[str],
    limits: Limits | None = None,
    mapped: Collection[str] = (),
) -> list[Proposal]:
    """Open the inbox files with these names and return one proposal for each group of equal files.

    Files of one shape whose names differ in numbers only become one entry. Customers of several
    shapes become ``customer_records``, one system each, so that identity resolution can join them.

    Parameters
    ----------
    mapped
        Tables that other entries hold already.
    """
    singles: list[Proposal] = []
    with duckdb.connect(":memory:") as connection:
        connection.execute("set autoinstall_known_extensions = false; set timezone = 'UTC'")
        for path in sorted(p for p in inbox.rglob("*") if p.is_file() and p.name in set(names)):
            singles += _opened(connection, path, inbox, limits or Limits())
    every = [p.relative_to(inbox).as_posix() for p in inbox.rglob("*") if p.is_file()]
    return _as_records(_grouped(singles, every), mapped)


def _opened(
    connection: duckdb.DuckDBPyConnection, path: Path, inbox: Path, limits: Limits
) -> Iterator[Proposal]:
    """Open one file (each sheet of a workbook that holds several tables) and propose its entry."""
    place = path.relative_to(inbox).as_posix()
    waiting: list[tuple[dict, tuple[str, ...]]] = [({}, ())]
    for settings, lines in waiting:
        try:
            source = Source(files=re.sub(r"[:\\]", "?", place), table="customers", **settings)
            opened = open_file(connection, path, source, limits)
        except Undecided as point:
            key = point.ask.partition(":")[0]
            if key == "sheet" and not settings:
                waiting += [({"sheet": s}, (f"sheet: {_quote(s)}",)) for s in point.candidates]
                continue
            if key in ("encoding", "delimiter") and key not in settings and point.candidates:
                either = " or ".join(f"{key}: {_quote(c)}" for c in point.candidates)
                waiting.append(
                    ({**settings, key: point.candidates[0]}, (*lines, f"# decide: {either}"))
                )
                continue
            asked = f"{point.what}; add one line to its entry, such as {point.ask}"
            yield Proposal(place, (path.name,), problem=asked, lines=lines)
            continue
        except FileRefused as refused:
            yield Proposal(place, (path.name,), problem=str(refused), lines=lines)
            continue
        shown = ", ".join(quoted(h) for h in opened.headers)
        sample = connection.execute(
            f"select {shown} from {opened.relation} limit {SAMPLE_ROWS}"
        ).df()
        made = proposal(opened.reading, opened.headers, sample)
        yield replace(made, files=place, lines=lines)


def _grouped(singles: list[Proposal], every: Sequence[str]) -> list[Proposal]:
    """Join proposals of one shape whose files differ in the digits of their names only."""
    groups: dict[tuple, list[Proposal]] = {}
    for one in singles:
        key = (re.sub(r"\d+", "*", one.files), one.lines, one.headers or one.names, one.table)
        groups.setdefault(key, []).append(one)
    joined = []
    for alike in groups.values():
        pattern = pattern_of([one.files for one in alike], every)
        names = tuple(name for one in alike for name in one.names)
        if pattern:
            joined.append(replace(alike[0], files=pattern, names=names))
        else:
            joined += [replace(one, files=glob.escape(one.files)) for one in alike]
    return joined


def pattern_of(files: Sequence[str], every: Sequence[str]) -> str:
    """Return the pattern of files whose names differ in numbers only; empty when there is none.

    Numbers that differ become ``*``, or their digits ``[0-9]`` where ``*`` would also catch another
    file of the inbox.

    Examples
    --------
    >>> pattern_of(["orders_2023.csv", "orders_2024.csv"], ["orders_2023.csv", "orders_2024.csv"])
    'orders_*.csv'
    """
    if len(files) == 1:
        return glob.escape(files[0])
    parts = [re.split(r"(\d+)", name) for name in files]
    others = set(every) - set(files)
    for open_part in ("*", "[0-9]" * max(len(p) for row in parts for p in row if p.isdigit())):
        same = [row[0] if len(set(row)) == 1 else None for row in zip(*parts, strict=True)]
        pattern = "".join(open_part if part is None else glob.escape(part) for part in same)
        caught = {name for name in every if fnmatch.fnmatchcase(name, pattern)}
        if set(files) <= caught and not caught & others:
            return pattern
    return ""


def _as_records(proposals: list[Proposal], mapped: Collection[str]) -> list[Proposal]:
    """Return proposals in which customers of several shapes are records of their systems."""
    people = [one for one in proposals if one.table == "customers"]
    if len(people) < 2 and not {"customers", "customer_records"} & set(mapped):
        return proposals
    note = "make the entry of customers customer_records too, with its system, so that the same person is found in both"  # fmt: skip
    result = []
    for one in proposals:
        owned = {c for c, other in TABLES[one.table].links.items() if other == "customers"} if one.table else set()  # fmt: skip
        if owned and not one.system:
            one = replace(one, open_system=True)
        if one in people:
            stem = re.split(r"[._\-\s\d]", Path(one.files).name)[0].lower() or "system"
            found = next(c for c in recognise(one.headers) if c.table == "customer_records")
            missing = tuple(c for c in found.missing if c != "system")
            one = _filled(one, replace(found, missing=missing), None, one.system or stem)
            one = replace(one, note=note if "customers" in mapped else "")
        result.append(one)
    return result
