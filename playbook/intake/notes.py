"""What the readings of a column tell the client: marks for nothing, cleared ids, rounded money."""

from __future__ import annotations

from playbook.engagement.delivery import Source
from playbook.intake.evidence import Evidence
from playbook.intake.mapping import Mapped
from playbook.intake.reading import Reading
from playbook.intake.result import Findings

__all__ = ["note_column"]


def note_column(
    findings: Findings, source: Source, file: str, one: Mapped, found: Evidence, reading: Reading
) -> None:
    """Add the findings on how a column of a file is written."""

    def note(message: str, mend: str, row: int | None, count: int) -> None:
        findings.add(f"{one.label}: {message}", mend, "note", source.table, file, row, count)

    if found.nothing:
        words = ", ".join(dict.fromkeys(f"{word}" for word, _, _ in found.nothing[:4]))
        cells, row = sum(n for _, n, _ in found.nothing), min(r for _, _, r in found.nothing)
        note(f"{words} stand for nothing and are read as empty", "leave such cells empty, or say what they mean", row, cells)  # fmt: skip
    _note_ids(note, one, found)
    if reading.percent:
        note("percentages (0 to 100) are read as shares (0 to 1)", "nothing to do if that is right", None, sum(c.cells for c in found.numbers))  # fmt: skip
    deep = sum(c.deeper if one.column.kind == "price" else c.deep for c in found.numbers if c.kind in ("point", "comma"))  # fmt: skip
    if one.column.kind in ("money", "price") and deep and not reading.ask:
        digits = 4 if one.column.kind == "price" else 2
        note(f"values with more than {digits} decimals are rounded to {digits}", "export money without binary rounding", None, deep)  # fmt: skip
    forms = [count for count in found.dates if count.form != "bad"]
    if len(forms) > 1 and not reading.ask:
        parts = ", ".join(f"{count.cells:,} like {count.shape}" for count in forms)
        serial = any(count.form == "serial" for count in forms)
        hint = "; a spreadsheet may have turned some dates round before it stored them" if serial else ""  # fmt: skip
        note(f"dates are written in {len(forms)} ways ({parts}){hint}", "export dates as 2025-12-31", min(c.row for c in forms[1:]), sum(c.cells for c in forms))  # fmt: skip


def _note_ids(note, one: Mapped, found: Evidence) -> None:
    counts = found.ids
    if one.column.kind != "id":
        return
    if counts.floats and counts.floats == counts.filled - counts.errors:
        note("ids end in .0 as a spreadsheet or program stored them as numbers; they are read without it",
             "export ids as text", None, counts.floats)  # fmt: skip
    if counts.edges or counts.wide:
        note("ids carry blanks at their ends, invisible or full-width signs; they are read in their plain form",
             "export ids as they stand in the system", counts.odd_row, max(counts.edges, counts.wide))  # fmt: skip
