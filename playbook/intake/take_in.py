"""Runs one intake: reads each mapped file, types and checks its rows, and writes the standard tables."""

from __future__ import annotations

import difflib
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pandas as pd

from playbook.atomic import save_json
from playbook.engagement.model import Engagement, Source
from playbook.errors import DataError, PlanError
from playbook.intake import typing as sql
from playbook.intake.derive import derive, number_lines
from playbook.intake.files import Delivered, find_files, forget, literal, open_file
from playbook.tables import SQL_TYPE, TABLES, Column
from playbook.warehouse import quoted

__all__ = ["Intake", "take_in"]

MONEY = {
    "orders": "revenue",
    "order_lines": "cast(cast(quantity as decimal(18,4)) * unit_price as decimal(18,4))",
    "opportunities": "amount",
    "channel_spend": "spend",
    "subscriptions": "monthly_fee",
}
"""Table to the money that is followed from the files into the tables."""


@dataclass
class Intake:
    """What an intake found.

    Attributes
    ----------
    ledger
        One row per table and file: table, file, rows_in, kept, quarantined, merged, and the same for
        money (none where a table carries none).
    findings
        level (problem or note), table, file, row (first), count, message, mend.
    """

    ledger: pd.DataFrame
    findings: list[dict] = field(default_factory=list)


def take_in(inbox: Path, engagement: Engagement, target: Path) -> Intake:
    """Read the inbox and write ``target/tables``, ``target/quarantine``; return what was found.

    Raises
    ------
    PlanError
        When there is no inbox or the mapping names an unknown table or column.
    DataError
        When a file cannot be read, a needed column or table is missing, or too many rows cannot be used.
    """
    if not inbox.is_dir():
        raise PlanError(f"no inbox: put the client's files into data/{inbox.parent.name}/inbox/")
    work = target / ".intake"
    shutil.rmtree(work, ignore_errors=True)
    (work / "tables").mkdir(parents=True)
    (work / "quarantine").mkdir()
    try:
        with duckdb.connect(":memory:") as connection:
            connection.execute("set autoinstall_known_extensions = false; set timezone = 'UTC'")
            connection.execute("set preserve_insertion_order = true")
            intake = _Taking(connection, inbox, engagement, work).run()
        for name in ("tables", "quarantine"):
            shutil.rmtree(target / name, ignore_errors=True)
            (work / name).rename(target / name)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    (target / "quarantine").chmod(0o700)
    return intake


class _Taking:
    """One intake under way: a DuckDB connection, the mapping, the ledger and the findings so far."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, inbox: Path, engagement: Engagement, work: Path
    ) -> None:
        self.db = connection
        self.inbox = inbox
        self.engagement = engagement
        self.work = work
        self.findings: list[dict] = []
        self.files: dict[str, list[str]] = {}
        self.opened: set[Path] = set()

    def run(self) -> Intake:
        for source in self.engagement.inbox:
            self._load(source)
        for name in sorted(self.files):
            self._mark_duplicates(name)
        derive(self.db, self.engagement, self.files, self.find)
        for name in [n for n in TABLES if n in self.files]:
            self._check_links(name)
        ledger = pd.concat([self._write(name) for name in TABLES if name in self.files])
        self._check(ledger)
        self._note_unmapped()
        self.findings.sort(
            key=lambda f: (f["level"] != "problem", f["table"], f["file"], f["row"] or 0)
        )
        save_json(self.work / "quarantine" / "findings.json", self.findings)
        ledger.to_parquet(self.work / "quarantine" / "ledger.parquet", index=False)
        return Intake(ledger, self.findings)

    def find(self, message: str, mend: str, level: str = "problem", table: str = "", file: str = "",
             row: int | None = None, count: int = 1) -> None:  # fmt: skip
        """Add a finding."""
        self.findings.append(
            {
                "level": level,
                "table": table,
                "file": file,
                "row": row,
                "count": count,
                "message": message,
                "mend": mend,
            }
        )

    def _columns(self, name: str) -> list[str]:
        return [row[0] for row in self.db.execute(f"describe all_{name}").fetchall()]

    def _load(self, source: Source) -> None:
        if source.table not in TABLES:
            close = difflib.get_close_matches(source.table, TABLES, n=1, cutoff=0)[0]
            raise PlanError(
                f"engagement.yml: inbox: unknown table {source.table!r}; did you mean {close!r}?"
            )
        paths = find_files(self.inbox, source.files)
        if not paths and TABLES[source.table].required:
            raise DataError(
                f"inbox: no file matches {source.files!r}, which holds the needed table {source.table}"
            )
        if not paths:
            self.find(
                f"no file matches {source.files!r}",
                f"send the {source.table} or take the entry out",
                "note",
                source.table,
            )
        for path in paths:
            self.opened.add(path)
            self._type(source, open_file(self.db, path, source, self.engagement.limits))

    def _type(self, source: Source, delivered: Delivered) -> None:
        """Add one file's rows, typed and with their first problem, to the table's staging relation."""
        name = delivered.path.name
        mapped = self._mapped(source, delivered)
        raws, values, problems = [], [], []
        for label, text in mapped.items():
            column = _column_of(source.table, label)
            raws.append(f"{text} as {quoted(f'raw_{label}')}")
            values.append(f"{sql.typed(column, quoted(f'raw_{label}'), source)} as {quoted(label)}")
            problems.append(sql.problem(label, column, source))
        stage = f"stage_{source.table}_{len(self.files.get(source.table, []))}"
        self.db.execute(
            f"create temp table {stage} as with raw as (select {', '.join(raws)}, _row from {delivered.relation}), "
            f"read as (select *, {', '.join(values)} from raw) "
            f"select {', '.join(quoted(m) for m in mapped)}, {literal(name)} as _file, _row, "
            f"coalesce({', '.join(problems)}) as _problem, false as _merged from read"
        )
        forget(self.db, delivered)
        if len(delivered.rejected):
            rejected = delivered.rejected
            self.db.register("rejected", rejected)
            self.db.execute(
                f"insert into {stage} by name select row as _row, reason as _problem, {literal(name)} as _file, false as _merged from rejected"
            )
            self.db.unregister("rejected")
        self.files.setdefault(source.table, []).append(stage)

    def _mapped(self, source: Source, delivered: Delivered) -> dict[str, str]:
        """Return our column to the SQL text of its raw cell, for every column this file can fill."""
        table = TABLES[source.table]
        mapped: dict[str, str] = {}
        for label, header in source.columns.items():
            if header not in delivered.headers:
                close = difflib.get_close_matches(header, delivered.headers, n=1, cutoff=0)
                raise DataError(
                    f"{delivered.path.name}: no column {header!r} (for {source.table}.{label}); the nearest header is "
                    f"{close[0] if close else 'none'!r}; correct the entry in engagement.yml or ask for the column"
                )
            _column_of(source.table, label)
            mapped[label] = sql.value_text(header, source)
        used = set(source.columns.values()) | set(source.ignore)
        for header in delivered.headers:
            if header in mapped or header in used:
                continue
            if header in table.columns or table.attributes:
                mapped[header] = sql.value_text(header, source)
            else:
                self.find(f"column {header!r} is not used", "map it in engagement.yml or list it under ignore",
                          "note", source.table, delivered.path.name)  # fmt: skip
        for label, value in source.constants.items():
            mapped[label] = literal(value)
        for label, column in table.columns.items():
            if column.required and label not in mapped and label != "line":
                raise DataError(
                    f"{delivered.path.name}: no column for {source.table}.{label} ({column.meaning}); the file has "
                    f"{', '.join(delivered.headers[:12])}; name it under columns in engagement.yml"
                )
        return mapped

    def _mark_duplicates(self, name: str) -> None:
        """Join the table's files; mark exact repeats as merged and conflicting ones as problems."""
        stages = self.files[name]
        union = " union all by name ".join(f"select * from {stage}" for stage in stages)
        self.db.execute(f"create temp table all_{name} as {union}")
        for stage in stages:
            self.db.execute(f"drop table {stage}")
        key = TABLES[name].key
        content = [c for c in self._columns(name) if not c.startswith("_")]
        if name == "order_lines" and "line" not in content:
            number_lines(self.db)
        elif key:
            self._compare(name, key, content)

    def _compare(self, name: str, key: tuple[str, ...], content: list[str]) -> None:
        keys = ", ".join(key)
        row = "row(" + ", ".join(quoted(c) for c in content) + ")"
        self.db.execute(
            f"create temp table twice as select {keys}, count(distinct cast({row} as varchar)) as versions, "
            f"min(_file || ' row ' || _row) as place from all_{name} where _problem is null group by all having count(*) > 1"
        )
        same = " and ".join(f"a.{k} is not distinct from t.{k}" for k in key)
        shown = " || ', ' || ".join(f"coalesce(cast(a.{k} as varchar), '')" for k in key)
        self.db.execute(
            f"update all_{name} as a set _problem = '{', '.join(key)} ' || {shown} || ' stands more than once with different "
            f"content (first: ' || t.place || '); one row per {', '.join(key)} expected' "
            f"from twice t where {same} and t.versions > 1 and a._problem is null"
        )
        self.db.execute(
            f"update all_{name} as a set _merged = true from (select _file, _row, row_number() over (partition by "
            f"{', '.join('b.' + k for k in key)} order by _file, _row) as place from all_{name} b join twice t on "
            f"{same.replace('a.', 'b.')} where t.versions = 1 and b._problem is null) d "
            f"where a._file = d._file and a._row = d._row and d.place > 1"
        )
        self.db.execute("drop table twice")

    def _check_links(self, name: str) -> None:
        """Rows that point at nothing: blank an optional link with a finding, quarantine on a needed one."""
        for label, other in TABLES[name].links.items():
            if other not in self.files or label not in self._columns(name):
                continue
            target = TABLES[other].key[0] if label not in TABLES[other].columns else label
            lost = (
                f"_problem is null and not _merged and {label} is not null and {label} not in "
                f"(select {target} from all_{other} where _problem is null and not _merged and {target} is not null)"
            )
            found = self.db.execute(
                f"select count(*), arg_min(_file, _row), min(_row) from all_{name} where {lost}"
            ).fetchone()
            if not found or not found[0]:
                continue
            count, file, row = found
            if TABLES[name].columns[label].required:
                self.db.execute(
                    f"update all_{name} set _problem = '{label} is not in table {other}; send that row or the right id' where {lost}"
                )
            else:
                self.find(f"{label} is not in table {other}; the row is kept without it (as a guest in all totals)",
                          f"send the missing {other} or the right {label}", "problem", name, file, row, count)  # fmt: skip
                self.db.execute(f"update all_{name} set {label} = null where {lost}")

    def _write(self, name: str) -> pd.DataFrame:
        """Write the kept rows, sorted by key, and the quarantined ones; return the table's ledger."""
        table = TABLES[name]
        present = self._columns(name)
        extra = (
            [c for c in present if not c.startswith("_") and c not in table.columns]
            if table.attributes
            else []
        )
        shown = [
            f"{quoted(label) if label in present else 'null'}::{SQL_TYPE[column.kind]} as {quoted(label)}"
            for label, column in table.columns.items()
        ] + [quoted(c) for c in extra]
        order = ", ".join(table.key) or "all"
        self.db.execute(
            f"copy (select {', '.join(shown)} from all_{name} where _problem is null and not _merged order by {order}) "
            f"to {literal(self.work / 'tables' / f'{name}.parquet')} (format parquet)"
        )
        if self.db.execute(
            f"select count(*) from all_{name} where _problem is not null"
        ).fetchone() != (0,):
            hidden = ", ".join(c for c in present if c.startswith("_"))
            self.db.execute(
                f"copy (select _file as file, _row as row, _problem as reason, * exclude ({hidden}) from all_{name} where _problem is not null "
                f"order by _file, _row) to {literal(self.work / 'quarantine' / f'{name}.parquet')} (format parquet)"
            )
            self._find_quarantined(name)
        money = (
            f"cast({MONEY[name]} as decimal(38,4))"
            if name in MONEY
            else "cast(null as decimal(38,4))"
        )
        return self.db.execute(
            f"select '{name}' as \"table\", _file as file, count(*) as rows_in, "
            "count(*) filter (_problem is null and not _merged) as kept, count(*) filter (_problem is not null) as quarantined, "
            f"count(*) filter (_merged) as merged, sum({money}) as money_in, "
            f"sum({money}) filter (_problem is null and not _merged) as money_kept, "
            f"sum({money}) filter (_problem is not null) as money_quarantined, sum({money}) filter (_merged) as money_merged "
            f"from all_{name} group by _file order by _file"
        ).df()

    def _find_quarantined(self, name: str) -> None:
        groups = self.db.execute(
            f"select _file, regexp_replace(_problem, '''[^'']*''', '…', 'g') as what, count(*) as n, min(_row) as row, "
            f"arg_min(_problem, _row) as first from all_{name} where _problem is not null group by 1, 2 order by 1, 4"
        ).fetchall()
        kept: dict[tuple, list] = {}
        for file, what, n, row, first in groups:
            entry = kept.setdefault((file, what.split(" ")[0], what[-30:]), [0, row, first])
            entry[0] += n
        for (file, _, _), (n, row, first) in kept.items():
            self.find(
                first,
                "correct it in the source system and export again; the rows are in quarantine",
                "problem",
                name,
                file,
                row,
                n,
            )

    def _check(self, ledger: pd.DataFrame) -> None:
        """Stop when rows or money do not add up, or when too much had to be quarantined."""
        if (ledger.rows_in != ledger.kept + ledger.quarantined + ledger.merged).any():
            raise DataError(
                "intake: rows in differ from rows kept, quarantined and merged; this is a defect, please report it"
            )
        money = ledger[["money_kept", "money_quarantined", "money_merged"]].fillna(0).sum(axis=1)
        if ((ledger.money_in.fillna(0) - money).abs() > 0.005).any():
            raise DataError(
                "intake: money in differs from money kept, quarantined and merged; this is a defect, please report it"
            )
        limit = self.engagement.constraints.max_quarantined_share
        totals = ledger.groupby("table")[["rows_in", "quarantined"]].sum()
        for name in [n for n in TABLES if n in totals.index]:
            rows, bad = int(totals.loc[name, "rows_in"]), int(totals.loc[name, "quarantined"])
            if TABLES[name].required and bad > limit * rows:
                first = next(f for f in self.findings if f["table"] == name)
                raise DataError(
                    f"{first['file']} row {first['row']}: {first['message']} ({bad:,} of {rows:,} rows of {name} cannot be used, "
                    f"more than the {limit:.0%} allowed); correct it in the source system and export again, or raise max_quarantined_share in engagement.yml"
                )

    def _note_unmapped(self) -> None:
        for path in sorted(
            p for p in self.inbox.rglob("*") if p.is_file() and not p.name.startswith(".")
        ):
            if path not in self.opened:
                self.find(
                    "the file is not mapped and was not read",
                    "add an entry under inbox in engagement.yml",
                    "note",
                    "",
                    path.name,
                )


def _column_of(table: str, label: str) -> Column:
    """Return the definition of a mapped column; ``orders.channel`` names a column of a derived table."""
    owner, _, name = label.rpartition(".")
    columns = TABLES[owner or table].columns if (owner or table) in TABLES else {}
    if name in columns:
        return columns[name]
    if TABLES[table].attributes and not owner:
        return Column("text", "attribute")
    close = difflib.get_close_matches(name, columns or TABLES[table].columns, n=1, cutoff=0)
    raise PlanError(
        f"engagement.yml: inbox: table {owner or table} has no column {name!r}; did you mean {close[0]!r}?"
    )
