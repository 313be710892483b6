"""Stages the rows of each file: read as their columns are written, typed, with their first problem."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import date

import duckdb

from playbook.engagement.model import Source
from playbook.intake import typing as sql
from playbook.intake.files import Delivered, literal
from playbook.intake.mapping import Mapped
from playbook.intake.result import Findings
from playbook.warehouse import quoted

__all__ = ["Staging"]


class Staging:
    """The staged tables of one intake, and how each of their files and columns was read."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, findings: Findings, until: date | None
    ) -> None:
        self.db = connection
        self.findings = findings
        self.until = until
        self.stages: dict[str, list[str]] = {}
        self.readings: list[dict] = []
        self.columns: list[dict] = []
        self.undecided: list[dict] = []
        self._kept = 0

    def keep(self, delivered: Delivered) -> Delivered:
        """Give an opened file's relation a name of its own, so that the next one can be opened."""
        name = f"kept_{self._kept}"
        self._kept += 1
        self.db.execute(f"alter table {delivered.relation} rename to {name}")
        return replace(delivered, relation=name)

    def stage(self, source: Source, delivered: list[tuple[Delivered, list[Mapped]]]) -> None:
        """Stage the rows of an entry's files."""
        for opened, mapped in delivered:
            reading = asdict(opened.reading)
            notes = "; ".join(reading.pop("notes"))
            self.readings.append(reading | {"table": source.table, "system": source.system, "notes": notes})  # fmt: skip
            self._type(source, opened, mapped)

    def _type(self, source: Source, delivered: Delivered, mapped: list[Mapped]) -> None:
        raws, values, problems = [], [], []
        for one in mapped:
            text = sql.value_text(one.header, source) if one.header else literal(one.constant)
            raws.append(f"{text} as {quoted(f'raw_{one.label}')}")
            values.append(
                f"{sql.typed(one.column, quoted(f'raw_{one.label}'), source)} as {quoted(one.label)}"
            )
            problems.append(sql.problem(one.label, one.column, source))
            self.columns.append({"file": delivered.path.name, "table": source.table, "column": one.label,
                                 "header": one.header, "how": one.how, "read_as": "", "decided_by": ""})  # fmt: skip
        stage = f"stage_{source.table}_{len(self.stages.get(source.table, []))}"
        name, system = (
            literal(delivered.path.name),
            literal(source.system) if source.system else "null",
        )
        self.db.execute(
            f"create temp table {stage} as with raw as (select {', '.join(raws)}, _row from {delivered.relation}), "
            f"read as (select *, {', '.join(values)} from raw) "
            f"select {', '.join(quoted(m.label) for m in mapped)}, {name} as _file, _row, "
            f"coalesce({', '.join(problems)}) as _problem, false as _merged, cast({system} as varchar) as _system from read"
        )
        self.db.execute(f"drop table {delivered.relation}")
        if len(delivered.rejected):
            self.db.register("rejected", delivered.rejected)
            self.db.execute(
                f"insert into {stage} by name select {name} as _file, cast(row as bigint) as _row, reason as _problem, false as _merged from rejected"
            )
            self.db.unregister("rejected")
        self.stages.setdefault(source.table, []).append(stage)
