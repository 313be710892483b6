"""Stages the rows of each file: read as their columns are written, typed, with their first problem."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import date

import duckdb

from playbook.engagement.delivery import Source
from playbook.intake.decide import Known, decide, known_of
from playbook.intake.evidence import NUMBERS, Evidence, gather, value_text
from playbook.intake.files import Delivered, forget, literal
from playbook.intake.mapping import Mapped
from playbook.intake.notes import note_column
from playbook.intake.problems import Undecided
from playbook.intake.reading import Reading
from playbook.intake.result import Findings
from playbook.intake.typing import prepared, problem, typed
from playbook.intake.words import plain_id
from playbook.tables import TABLES
from playbook.warehouse import quoted

__all__ = ["Staging"]


@dataclass
class _File:
    """One opened file with what its columns hold and how they are read."""

    delivered: Delivered
    mapped: list[Mapped]
    evidence: dict[str, Evidence]
    readings: dict[str, Reading] = field(default_factory=dict)

    def known(self, where: str = "") -> Known:
        """Return what its columns of text prove; a typed one says nothing of how the client writes."""
        texts = [one for one in self.mapped if one.header not in self.delivered.typed]
        return known_of(texts, self.evidence, where)


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
        self.ids: dict[tuple[str, str, str], tuple[int, int, int]] = {}

    def leave_open(self, source: Source, name: str, point: Undecided) -> None:
        """Note a file whose content does not decide how it is opened."""
        entry = {"file": name, "table": source.table, "column": "", "what": point.what}
        self.undecided.append(entry | {"ask": point.ask, "candidates": list(point.candidates)})

    def stage(self, source: Source, delivered: list[tuple[Delivered, list[Mapped]]]) -> None:
        """Stage the rows of an entry's files, whose columns may decide each other's readings."""
        files = [
            _File(opened, mapped, gather(self.db, source, opened, mapped))
            for opened, mapped in delivered
        ]
        own = [file.known() for file in files]
        for file, known in zip(files, own, strict=True):
            others = [
                other.known(f" of {other.delivered.path.name}")
                for other in files
                if other is not file
            ]
            self._read(source, file, [known, *others])
            self._type(source, file)
            forget(self.db, file.delivered)

    def _read(self, source: Source, file: _File, known: list[Known]) -> None:
        """Decide how each column is read and note it."""
        opened = asdict(file.delivered.reading)
        notes = "; ".join(opened.pop("notes"))
        self.readings.append(opened | {"table": source.table, "system": source.system, "notes": notes})  # fmt: skip
        name = file.delivered.path.name
        for one in file.mapped:
            found = file.evidence.get(one.label, Evidence())
            if one.header in file.delivered.typed and one.column.kind in NUMBERS:
                reading = decide(source.model_copy(update={"decimal": "."}), name, one, found, known)  # fmt: skip
                if not reading.ask:
                    reading = replace(reading, decided_by="type of the column")
            elif one.header:
                reading = decide(source, name, one, found, known)
            else:
                reading = Reading("constant", "declared", orders=(), clock=True)
            file.readings[one.label] = reading
            entry = {"file": name, "table": source.table, "column": one.label}
            if reading.ask:
                point = {"what": reading.decided_by, "ask": reading.ask, "candidates": list(reading.candidates)}  # fmt: skip
                self.undecided.append(entry | point)
            shown = {"read_as": reading.read_as, "decided_by": "" if reading.ask else reading.decided_by}  # fmt: skip
            self.columns.append(entry | {"header": one.header, "how": one.how} | shown)
            if one.column.kind == "id" and "." not in one.label:
                counts = (found.ids.filled - found.ids.errors, found.ids.short, found.ids.long)
                self.ids[source.table, one.label, name] = counts
            note_column(self.findings, source, name, one, found, reading)

    def _type(self, source: Source, file: _File) -> None:
        """Stage a file's rows: the text of each cell, its value, the first problem of the row."""
        raws, values, problems, joins = [], [], [], ""
        known_at = TABLES[source.table].known_at
        for number, one in enumerate(file.mapped):
            reading, label = file.readings[one.label], quoted(one.label)
            raw, text = quoted(f"raw_{one.label}"), self._text(source, one, file.evidence.get(one.label))  # fmt: skip
            raws.append(f"{text} as {raw}")
            value = typed(one, reading, source, self.until)
            if prepared(one, reading):
                self._say(f"said_{number}", text, one, reading, value, file.delivered.relation)
                joins += f" left join said_{number} on raw.{raw} = said_{number}.{raw}"
                value = f"said_{number}.value"
            values.append(f"{value} as {label}")
            problems.append(problem(one, reading, source, known_at, self.until))
        wrong = ", ".join(p for p in problems if p)
        stage = f"stage_{source.table}_{len(self.stages.get(source.table, []))}"
        name = literal(file.delivered.path.name)
        system = literal(source.system) if source.system else "null"
        self.db.execute(
            f"create temp table {stage} as with raw as (select {', '.join(raws)}, _row from {file.delivered.relation}), "
            f"read as (select raw.*, {', '.join(values)} from raw{joins}) "
            f"select {', '.join(quoted(m.label) for m in file.mapped)}, {name} as _file, _row, "
            f"cast({f'coalesce({wrong})' if wrong else 'null'} as varchar) as _problem, false as _merged, "
            f"cast({system} as varchar) as _system from read"
        )
        for number in range(len(file.mapped)):
            self.db.execute(f"drop table if exists said_{number}")
        if len(file.delivered.rejected):
            self.db.register("rejected", file.delivered.rejected)
            self.db.execute(
                f"insert into {stage} by name select {name} as _file, cast(row as bigint) as _row, reason as _problem, "
                f"false as _merged, cast({system} as varchar) as _system from rejected"
            )
            self.db.unregister("rejected")
        self.stages.setdefault(source.table, []).append(stage)

    def _say(self, name: str, text: str, one: Mapped, reading: Reading, value: str, relation: str) -> None:  # fmt: skip
        """Make the table of a column's distinct texts with what each of them says, where that takes long."""
        raw = quoted(f"raw_{one.label}")
        canonical, parts = prepared(one, reading) or ("", "")
        self.db.execute(
            f"create or replace temp table {name} as with raw as (select distinct {text} as {raw} from {relation}), "
            f"texts as materialized (select *{canonical} from raw where {raw} is not null), "
            f"parts as materialized (select *{parts} from texts) select {raw}, {value} as value from parts"
        )

    def _text(self, source: Source, one: Mapped, found: Evidence | None) -> str:
        """Return the SQL of a cell's text, cleared only as far as its column needs it."""
        if not one.header:
            return literal(one.constant)
        if found is None:
            return value_text(one, source)
        if one.column.kind not in ("id", "text"):
            return quoted(one.header) if found.clean else value_text(one, source)
        counts = found.ids
        if counts.simple and not source.nulls and one.label not in source.values:
            return quoted(one.header)
        text = value_text(one, source, trim=bool(counts.edges or counts.wide or counts.errors))
        if one.column.kind == "id":
            if counts.wide:
                text = plain_id(text)
            if counts.floats and counts.floats == counts.filled - counts.errors:
                text = f"regexp_replace({text}, '\\.0+$', '')"
        return text
