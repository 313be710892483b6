"""What a notebook sees of its run: the plan, the tables as of a day, the results, and where to save.

Examples
--------
>>> run = open_run("demo", "2025", step="03")                                   # doctest: +SKIP
>>> rfm = run.query("rfm")                                                      # doctest: +SKIP
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from functools import cached_property, partial
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd

from playbook import results
from playbook.answer import Answer, Metric, Missing
from playbook.atomic import publish, save_json
from playbook.display import Done, Sentence, Shown, Told
from playbook.engagement import Engagement, Folder, Plan, model_text, open_folder
from playbook.errors import PlaybookError
from playbook.figures.core import use_currency
from playbook.runner.baseline import Baseline, open_baseline
from playbook.tables import TABLES
from playbook.warehouse import Warehouse

__all__ = ["Run", "open_run"]

STEPS = {
    "01": "objectives",
    "02": "research",
    "03": "segmentation",
    "04": "proposition",
    "05": "experience",
    "06": "crm",
    "07": "monitoring",
}


class Run:
    """One period of one engagement, seen from one step.

    Attributes
    ----------
    engagement, plan
        The validated files.
    as_of, since
        Last day of the period, and the day a year before it (the period is ``since`` < t <= ``as_of``).
    previous
        Name of the period before (of the last review: monitoring in between does not count), or none.
    review_notes
        What the reviewer added in ``reviews/<period>.yml``.
    """

    def __init__(self, folder: Folder, period: str, step: str) -> None:
        if step not in STEPS:
            raise PlaybookError(f"step {step!r}: one of {', '.join(STEPS)}")
        self.folder = folder
        self.period = period
        self.step = step
        self.engagement: Engagement = folder.engagement()
        self.plan: Plan = folder.plan(period)
        self.as_of: date = self.plan.as_of
        self.since: date = _year_before(self.as_of)
        self.previous = folder.previous(period)
        self.review_notes = folder.review_notes(period)
        self.currency = self.engagement.currency
        use_currency(self.currency)
        self._metrics: dict[str, Metric] = {}
        self._findings: list[dict[str, Any]] = []

    @cached_property
    def warehouse(self) -> Warehouse:
        """The tables of this run as of its day."""
        tables = self.folder.run(self.period) / "tables"
        if self.engagement.engine == "spark":
            from playbook.spark import SparkWarehouse

            return SparkWarehouse(tables, self.as_of)
        return Warehouse(tables, self.as_of)

    def query(self, name: str, **parameters: Any) -> pd.DataFrame:
        """Return the rows of a query; ``$as_of`` and ``$since`` (a year before) are bound."""
        return self.warehouse.query(name, **({"since": self.since} | parameters))

    def table(self, name: str) -> pd.DataFrame:
        """Return a whole standard table as known at ``as_of`` (empty when not delivered)."""
        return self.warehouse.table(name)

    def has(self, name: str) -> bool:
        """Whether the client delivered a table."""
        return self.warehouse.has(name)

    def delivery(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return what intake found: its ledger (one row a table and file) and its findings."""
        folder = self.folder.run(self.period) / "quarantine"
        findings = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
        columns = ["level", "table", "file", "row", "count", "message", "mend"]
        return pd.read_parquet(folder / "ledger.parquet"), pd.DataFrame(findings, columns=columns)

    def coverage(self) -> pd.DataFrame:
        """Return how full each column of each delivered table is (see `Warehouse.table_coverage`)."""
        parts = [self.warehouse.table_coverage(name) for name in TABLES if self.has(name)]
        return pd.concat(parts, ignore_index=True)

    def load(self, name: str, period: str | None = None) -> pd.DataFrame | Missing:
        """Return a result of an earlier step, or of the same step in another period."""
        period = period or self.period
        command = f"make run ENGAGEMENT={self.folder.name} PERIOD={period}"
        return results.load(self.folder.run(period) / "results", name, command)

    def load_previous(self, name: str) -> pd.DataFrame | Missing:
        """Return a result of the period before; `Missing` when this is the first one, or that run cannot be compared.

        It cannot when it is of another engagement, currency, day or version, or damaged (see `playbook.runner.baseline`).
        """
        if self.previous is None:
            return Missing("this is the first period, there is no earlier run to compare with")
        try:
            self._baseline.check_result(name)
            return self.load(name, self.previous)
        except PlaybookError as error:
            return Missing(str(error))

    @cached_property
    def _baseline(self) -> Baseline:
        return open_baseline(self.folder, self.period)

    @property
    def previous_plan(self) -> Plan | Missing:
        """Plan of the period before, or `Missing` when this is the first one."""
        if self.previous is None:
            return Missing("this is the first period, there is no earlier plan to review")
        return self.folder.plan(self.previous)

    def metrics(self, period: str | None = None) -> pd.DataFrame:
        """Return the key figures all steps have written: id, value, low, high, n, unit, kind, step."""
        return results.load_metrics(self.folder.run(period or self.period) / "results")

    def save(self, name: str, frame: pd.DataFrame | Missing) -> None:
        """Hand a result on to later steps; its columns and key are checked."""
        results.save(self.folder.run(self.period) / "results", self.step, name, frame)

    def write_crm(
        self, contents: Mapping[str, pd.DataFrame] | Missing, lists: Answer | Missing
    ) -> pd.DataFrame | Missing:
        """Write the CRM files of every system the engagement names into ``crm/<system>/`` (mode 0700).

        ``data/<engagement>/crm/<system>.yml`` gives the names and limits of the client's own installation,
        ``<system>.xlsx`` beside it the tenant's import template where the system has one.

        Parameters
        ----------
        contents
            From `playbook.crm.crm_contents`: keys and our own columns of each kind of file.
        lists
            From `playbook.crm.target_lists`; nobody outside them may stand on a target list.

        Returns
        -------
        DataFrame
            system, file, kind, object, rows, bytes, sha256, mapping_version of each file, each re-read.
            Beside them lie the pages set-up.md and acceptance.md, the files of the trial, and manifest.json.

        Raises
        ------
        DataError, ConsentError
            When a file breaks a rule; then none of that system is written.
        """
        if isinstance(contents, Missing):
            return contents
        if isinstance(lists, Missing):
            return lists
        folder = self.folder.run(self.period) / "crm"
        known = {"engagement": self.folder.name, "period": self.period, "as_of": str(self.as_of)}
        rows = [
            row
            for system in sorted(set(self.engagement.crm_systems))
            for row in _write_system(folder / system, contents, lists, self.folder.inputs / "crm", known)
        ]  # fmt: skip
        columns = ["system", "file", "kind", "object", "rows", "bytes", "sha256", "mapping_version"]
        return pd.DataFrame(rows, columns=columns)

    def write_records(
        self, cleaning: pd.DataFrame | Missing, pages: Mapping[str, str] | Missing
    ) -> str | Missing:
        """Write the cleaning list and the pages of customers into ``crm/records/`` (for its owner only).

        They name customers, so they stay in this part of the run and out of every report.
        """
        folder = self.folder.run(self.period) / "crm" / "records"
        for old in folder.glob("*"):
            old.unlink()
        if isinstance(cleaning, Missing) or isinstance(pages, Missing):
            return cleaning if isinstance(cleaning, Missing) else Missing("no customers on record")
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        table = _spreadsheet_safe(cleaning)
        _keep(folder / "cleaning_list.csv", table.to_csv(index=False).encode("utf-8-sig"))
        for number, (key, text) in enumerate(pages.items(), 1):
            plain = re.sub(r"[^A-Za-z0-9_-]+", "-", key)[:60]
            _keep(folder / f"{number:02}-{plain}.md", text.encode())
        return f"crm/records: a cleaning list of {len(cleaning):,} lines and pages of {len(pages)} customers"

    def write_lists(self, files: Mapping[str, pd.DataFrame | str] | Missing) -> str | Missing:
        """Write this month's lists with their control groups into ``crm/lists/`` (for its owner only).

        Parameters
        ----------
        files
            From `playbook.crm.list_files`; next year's intake reads them back.
        """
        folder = self.folder.run(self.period) / "crm" / "lists"
        for old in folder.glob("*"):
            old.unlink()
        if isinstance(files, Missing):
            return files
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        for name, content in files.items():
            text = content if isinstance(content, str) else _spreadsheet_safe(content).to_csv(index=False)  # fmt: skip
            _keep(folder / name, text.encode())
        rows = sum(len(content) for name, content in files.items() if name.startswith("campaign_m"))
        return f"crm/lists: {rows:,} members of this month's lists with their arm, in {len(files)} files"

    def write_next_plan(self, draft: Answer | Missing) -> str | Missing:
        """Write the draft of the next plan (``plan`` and ``notes`` of the answer) into the run's folder."""
        path = self.folder.run(self.period) / "next-plan.yml"
        if isinstance(draft, Missing):
            path.unlink(missing_ok=True)
            return draft
        text = model_text(draft["plan"], draft["notes"])
        publish(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
        return f"{path.name}: {len(text.splitlines())} lines, data to {draft['plan'].as_of}"

    def hand_out(self, name: str, answer: Answer | Missing) -> str | Missing:
        """Write an answer's table as ``handouts/<name>.csv`` for people who open it in a spreadsheet."""
        path = self.folder.run(self.period) / "handouts" / f"{name}.csv"
        if isinstance(answer, Missing):
            path.unlink(missing_ok=True)
            return answer
        table = _spreadsheet_safe(answer.table.rename(columns=lambda c: c.replace("_", " ")))
        path.parent.mkdir(parents=True, exist_ok=True)
        publish(path, lambda temporary: table.to_csv(temporary, index=False, encoding="utf-8-sig"))
        return f"{path.parent.name}/{path.name}: {len(table)} rows"

    def hand_out_pictures(
        self, name: str, pictures: Mapping[str, Any] | Missing, dpi: int = 120
    ) -> str | Missing:
        """Write figures as ``handouts/<name>/*.png`` (``dpi`` dots an inch) with a list of them, and remove those of an earlier run."""
        folder = self.folder.run(self.period) / "handouts" / name
        for old in [*folder.glob("*.png"), folder / "index.json"]:
            old.unlink(missing_ok=True)
        if isinstance(pictures, Missing):
            return pictures
        folder.mkdir(parents=True, exist_ok=True)
        listed = []
        for number, (title, picture) in enumerate(pictures.items(), 1):
            plain = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40]
            file = f"{number:02}-{plain or 'picture'}.png"
            publish(folder / file, partial(_write, picture.png(dpi, colours=256)))
            listed.append({"file": file, "name": title, "text": repr(picture).removeprefix("Figure: ")})  # fmt: skip
        save_json(folder / "index.json", listed)
        return f"handouts/{name}: {len(listed)} pictures"

    def show(self, answer: Answer | Missing, rows: int = 10) -> Shown:
        """Show the table of an answer: rounded, units named, at most ``rows`` rows."""
        return Shown(answer, self.currency, rows)

    def say(self, answer: Answer | Missing) -> Sentence:
        """Say what an answer means, labelled by its kind of analytics, and keep its key figures."""
        if isinstance(answer, Answer):
            self._metrics |= {metric.id: metric for metric in map(_known, answer.metrics) if metric}
            self._findings.append(
                {"kind": answer.kind, "headline": answer.headline, "so_what": answer.so_what}
            )
        return Sentence(answer)

    def tell(self, answer: Answer | Missing, rows: int = 10) -> Told:
        """Say what an answer means and show its table below, as one output; see `say` and `show`."""
        return Told(self.say(answer), self.show(answer, rows))

    def done(self) -> Done:
        """Write key figures and findings, check that every declared result is there, and say so."""
        folder = self.folder.run(self.period) / "results"
        results.save_metrics(
            folder / f"{self.step}_metrics.json", self._metrics.values(), self.step, self.period
        )
        save_json(folder / f"{self.step}_findings.json", self._findings)
        files = results.written(folder, self.step)
        return Done(self.step, STEPS[self.step], len(files), len(self._metrics))


def open_run(engagement: str, period: str, step: str) -> Run:
    """Open one period of an engagement for a step; the first call of every notebook.

    Raises
    ------
    PlanError
        When the engagement or plan is unknown or not valid.
    """
    return Run(open_folder(engagement), period, step)


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # 29 February
        return day.replace(year=day.year - 1, day=28)


def _write_system(
    folder: Path, contents: Mapping[str, pd.DataFrame], lists: Answer, inputs: Path, known: dict[str, str]
) -> list[dict]:  # fmt: skip
    """Write one system's files, pages and manifest; the folder and files are for the owner only."""
    from playbook import crm

    mapping = crm.tenant_mapping(folder.name, inputs)
    place = inputs / f"{folder.name}.xlsx"
    template = place.read_bytes() if mapping.template and place.is_file() else None
    refused = crm.refused_contacts(contents["targets"], lists["reachable"]) | crm.held_back(
        contents
    )
    out = lists.extra.get("opt_outs")
    closed = set() if out is None else set(out.loc[out.filter(like="opted_out_").all(axis=1), "customer_id"])  # fmt: skip
    files = crm.checked_files(mapping, contents, refused, closed=closed, template=template)
    as_of = date.fromisoformat(known["as_of"])
    trial = crm.acceptance_files(mapping, as_of, template)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    rows = []
    for kind, name, count, content in files:
        _keep(folder / name, content)
        rows.append({
            "system": mapping.system, "file": name, "kind": kind, "object": mapping.files[kind].object, "rows": count,
            "bytes": len(content), "sha256": sha256(content).hexdigest(), "mapping_version": mapping.version,
        })  # fmt: skip
    for name, _, content in trial:
        _keep(folder / name, content)
    _keep(folder / "set-up.md", crm.setup_page(mapping).encode())
    _keep(folder / "acceptance.md", crm.acceptance_page(mapping, as_of).encode())
    said: dict[str, Any] = {"run": known, "checked": mapping.checked, "rules_of": mapping.rules_of}
    said |= {
        "key": mapping.key,
        "dialect": mapping.dialect.model_dump(),
        "template_filled": template is not None,
    }
    said |= {"setup": mapping.setup, "loading": mapping.loading, "unconfirmed": mapping.unconfirmed, "files": rows}  # fmt: skip
    save_json(folder / "manifest.json", said)
    (folder / "manifest.json").chmod(0o600)
    return rows


def _spreadsheet_safe(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table in which no text is taken for a formula, in plain or wide form."""
    table = table.copy()
    for column in table.select_dtypes(["object", "str"]):
        text = table[column].astype("str")
        table[column] = text.str.replace(r"^(?=[=+\-@\t\r＝＋－＠])", "'", regex=True)
    return table


def _keep(path: Path, content: bytes) -> None:
    """Write a file only its owner may read."""
    publish(path, partial(_write, content))
    path.chmod(0o600)


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _known(metric: Metric) -> Metric | None:
    """Return a key figure with absent ends of its interval as none; no figure where there is no value."""
    if not isfinite(metric.value):
        return None
    low, high = (
        None if end is None or not isfinite(end) else end for end in (metric.low, metric.high)
    )
    return replace(metric, low=low, high=high)
