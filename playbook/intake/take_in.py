"""Runs one intake: opens each mapped file, types and checks its rows, and writes the standard tables."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd

from playbook.engagement.delivery import Source
from playbook.engagement.model import Engagement
from playbook.errors import ConsentError, DataError, PlanError
from playbook.intake.accounts import ask_about_accounts, set_accounts_apart
from playbook.intake.crm_ids import widen_ids
from playbook.intake.databases import Databases, label
from playbook.intake.derive import derive
from playbook.intake.duplicates import join_files, mark_duplicates
from playbook.intake.files import Delivered, find_files, open_file
from playbook.intake.joining import join_columns
from playbook.intake.ledger import LEDGER, account, too_much_quarantined, write_table
from playbook.intake.links import check_links
from playbook.intake.mapping import map_headers, refuse_currencies, table_of
from playbook.intake.people import resolve_people
from playbook.intake.plausible import check_plausible
from playbook.intake.problems import FileRefused, Undecided
from playbook.intake.result import COLUMNS, READINGS, Findings, Intake, save_intake
from playbook.intake.stage import Staging
from playbook.tables import TABLES

__all__ = ["examine", "take_in"]

MEMORY_LIMIT = "3GB"
SUPPRESSIONS = "suppressions"


def take_in(inbox: Path, engagement: Engagement, target: Path, as_of: date | None = None) -> Intake:
    """Read the inbox and write ``target/tables``, ``target/quarantine``; return what was found.

    Parameters
    ----------
    as_of
        Last day of the period: records of people known later change no earlier customer, and it is the
        last day of the data where the engagement does not say ``data_until``.

    Raises
    ------
    PlanError
        When there is no inbox or the mapping names an unknown table or column.
    DataError
        When a needed table is missing, a reading is undecided, or too many rows cannot be used. The
        tables of an earlier intake are then left as they were.
    ConsentError
        When the engagement names a file of suppressions that did not come or cannot be read: people
        who must not be contacted would be.
    """
    if not engagement.inbox:
        raise PlanError(
            "engagement.yml: inbox is empty, so no file has a table; make check proposes the entries to paste there"
        )
    with _work_folder(inbox, target) as work:
        intake = _examined(inbox, engagement, work, as_of)
        if intake.unsafe:
            raise ConsentError("\n".join(intake.unsafe))
        if intake.blocking:
            raise DataError("\n".join(intake.blocking))
        _publish(work, target)
    return intake


def examine(inbox: Path, engagement: Engagement, target: Path, as_of: date | None = None) -> Intake:
    """Do the work of `take_in` and return all that was found, also where the tables cannot be used."""
    with _work_folder(inbox, target) as work:
        intake = _examined(inbox, engagement, work, as_of)
        _publish(work, target)
    return intake


@contextmanager
def _work_folder(inbox: Path, target: Path) -> Iterator[Path]:
    if not inbox.is_dir():
        raise PlanError(f"no inbox: put the client's files into data/{inbox.parent.name}/inbox/")
    work = target / ".intake"
    shutil.rmtree(work, ignore_errors=True)
    for name in ("tables", "quarantine", "spill"):
        (work / name).mkdir(parents=True)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _publish(work: Path, target: Path) -> None:
    for name in ("tables", "quarantine"):
        shutil.rmtree(target / name, ignore_errors=True)
        (work / name).rename(target / name)
    (target / "quarantine").chmod(0o700)


def _examined(inbox: Path, engagement: Engagement, work: Path, as_of: date | None) -> Intake:
    with duckdb.connect(":memory:") as connection, Databases(engagement, inbox) as databases:
        connection.execute("set autoinstall_known_extensions = false; set timezone = 'UTC'")
        connection.execute("set preserve_insertion_order = true; set enable_progress_bar = false")
        connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'; set threads = {os.cpu_count()}")
        connection.execute("set temp_directory = $folder", {"folder": str(work / "spill")})
        intake = _Taking(connection, inbox, engagement, work, as_of, databases).run()
    save_intake(work / "quarantine", intake)
    return intake


class _Taking:
    """One intake under way: the connection, the engagement, and what was found so far."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        inbox: Path,
        engagement: Engagement,
        work: Path,
        as_of: date | None,
        databases: Databases,
    ) -> None:
        self.db = connection
        self.databases = databases
        self.inbox = inbox
        self.engagement = engagement
        self.work = work
        self.as_of = as_of
        self.until = engagement.data_until or as_of
        self.findings = Findings()
        self.staging = Staging(connection, self.findings, self.until)
        self.opened: set[Path] = databases.files
        self.blocking: list[str] = []
        self.unsafe: list[str] = []

    def run(self) -> Intake:
        """Take the delivery through all stages and return what was found."""
        for source in self.engagement.inbox:
            self._load(source)
        files = self.staging.stages
        for name in sorted(files):
            join_files(self.db, name, files[name])
        widen_ids(self.db, self.staging.ids, self.findings)
        for name in sorted(files):
            mark_duplicates(self.db, name)
        derive(self.db, self.engagement, files, self.findings.add)
        tests = self.engagement.test_accounts
        set_accounts_apart(self.db, tests, list(files))
        review = resolve_people(
            self.db, self.engagement, files, self.findings.add, as_of=self.as_of
        )
        names = [n for n in TABLES if n in files]
        set_accounts_apart(self.db, tests, names)
        ask_about_accounts(self.db, names, self.findings)
        check_plausible(self.db, names, self.until, self.findings)
        for name in names:
            check_links(self.db, name, set(files), self.findings)
        for name in names:
            write_table(self.db, name, self.work, self.findings)
        unmapped = self._unmapped()
        ledger = self._ledger(names)
        found = self.findings.sorted()
        self._judge(ledger, found)
        return Intake(
            ledger,
            found,
            pd.DataFrame(self.staging.readings, columns=READINGS),
            pd.DataFrame(self.staging.columns, columns=COLUMNS),
            self.staging.undecided,
            unmapped,
            review,
            tuple(self.blocking),
            tuple(self.unsafe),
        )

    def _load(self, source: Source) -> None:
        """Open what one entry of the inbox names and stage its rows; a refused file is a finding."""
        table_of(source.table)
        delivered = []
        for place in self._places(source):
            name = place.name if isinstance(place, Path) else place
            try:
                opened = self._open(source, place)
                for seen in opened.findings:
                    self.findings.add(seen.message, seen.mend, seen.level, source.table, name, seen.row, seen.count)  # fmt: skip
                refuse_currencies(self.db, source, opened)
                opened = join_columns(self.db, source, opened)
                delivered.append((opened, map_headers(source, opened, self.findings)))
            except FileRefused as refused:
                self._refuse(source, name, refused)
            except Undecided as open_point:
                self.staging.leave_open(source, name, open_point)
        self.staging.stage(source, delivered)

    def _refuse(self, source: Source, name: str, refused: FileRefused) -> None:
        self.findings.add(refused.what, refused.mend, "problem", source.table, name)
        if source.table == SUPPRESSIONS:
            self._unsafe(str(refused))
        elif TABLES[source.table].required or source.derive:
            self.blocking.append(str(refused))

    def _unsafe(self, what: str) -> None:
        """Keep the run from starting: without this list people who said no would be contacted."""
        said = (
            f"inbox: {what}. The engagement names this list of people who must not be contacted; send the file "
            "(a header alone if nobody is on it), or take its entry out of engagement.yml if there is no such list"
        )
        self.unsafe.append(said)
        self.blocking.append(said)

    def _places(self, source: Source) -> list[Path] | list[str]:
        if source.database:
            return [label(source)]
        try:
            paths = find_files(self.inbox, source.files)
        except FileRefused as refused:
            self._refuse(source, source.files, refused)
            return []
        if not paths:
            what = f"no file matches {source.files!r}"
            self.findings.add(what, f"send the {source.table} or take the entry out", "note", source.table)  # fmt: skip
            if source.table == SUPPRESSIONS:
                self._unsafe(what)
            elif TABLES[source.table].required:
                self.blocking.append(f"inbox: {what}, which holds the needed table {source.table}")
        self.opened |= set(paths)
        return paths

    def _open(self, source: Source, place: Path | str) -> Delivered:
        if isinstance(place, Path):
            return open_file(self.db, place, source, self.engagement.limits)
        return self.databases.open_relation(self.db, source)

    def _ledger(self, names: list[str]) -> pd.DataFrame:
        parts = [account(self.db, name) for name in names]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=LEDGER)

    def _judge(self, ledger: pd.DataFrame, found: list[dict]) -> None:
        """Collect what keeps the tables from being used."""
        self.blocking += [
            f"{point['what']}; add {point['ask']} under its entry in engagement.yml"
            for point in self.staging.undecided
        ]
        staged = set(ledger["table"])
        self.blocking += [
            f"inbox: the needed table {name} is missing; add its file and an entry under inbox in engagement.yml"
            for name, table in TABLES.items()
            if table.required and name not in staged and not self.blocking
        ]
        limit = self.engagement.constraints.max_quarantined_share
        self.blocking += too_much_quarantined(ledger, limit, found)

    def _unmapped(self) -> list[str]:
        every = sorted(p for p in self.inbox.rglob("*") if p.is_file() and p.name[0] != ".")
        unmapped = [path.name for path in every if path not in self.opened]
        for name in unmapped:
            self.findings.add("the file is not mapped and was not read", "add an entry under inbox in engagement.yml", "note", "", name)  # fmt: skip
        return unmapped
