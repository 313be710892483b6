"""From figures per world to one line per row."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from playbook.truth.rows import Found, NotHere, Row

__all__ = ["Line", "as_json", "as_records", "as_text", "judge"]

FIGURES = ("planted", "ours", "naive", "bayes")


@dataclass(frozen=True)
class Line:
    """One line of the printed table: means over the worlds the row applies to."""

    id: str
    quantity: str
    planted: float | None
    ours: float | None
    naive: float | None
    bayes: float | None
    covers: str
    way: float | None
    worlds: int
    passed: bool | None
    reason: str
    rule: str


def judge(row: Row, found: Sequence[Found | NotHere | Exception]) -> Line:
    """Return the line of a row from what it found in each world.

    An estimator that raises, or answers nothing where it should, fails its row: the reason names the
    first such world.
    """
    here = [f for f in found if isinstance(f, Found)]
    broken = [f for f in found if isinstance(f, Exception)]
    covers = sum(f.hits or 0 for f in here), sum(f.trials or 0 for f in here)
    if broken:
        passed, way, reason = (
            False,
            None,
            f"{len(broken)} worlds broke: {type(broken[0]).__name__}: {broken[0]}",
        )
    elif not here:
        reasons = sorted({f.reason for f in found if isinstance(f, NotHere)})
        passed, way, reason = None, None, "; ".join(reasons) or "no world"
    else:
        verdict = row.rule.judge(here)
        notes = sorted({f.note for f in here if f.note})
        passed, way = verdict.passed, verdict.way
        reason = "; ".join([verdict.reason, *notes[:1]])
    if passed is False and row.misses:
        reason += f" (known: {row.misses})"
    planted, ours, naive, bayes = (_mean(here, name) for name in FIGURES)
    return Line(
        row.id, row.quantity, planted, ours, naive, bayes,
        f"{covers[0]} of {covers[1]}" if covers[1] else "", way, len(here), passed, reason, row.rule.text,
    )  # fmt: skip


def as_records(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """Return the lines as plain records; ``pass`` is none where a row is not judged."""
    records = []
    for line in lines:
        record = asdict(line)
        record["pass"] = record.pop("passed")
        records.append(record)
    return records


def as_json(lines: Iterable[Line]) -> str:
    """Return the lines as JSON."""
    return json.dumps(as_records(lines), indent=1, ensure_ascii=False)


def as_text(lines: Iterable[Line]) -> str:
    """Return the printed table, and a last line that counts rows."""
    lines = list(lines)
    said = {True: "yes", False: "NO", None: "not judged"}
    rows = [("id", "quantity", *FIGURES, "covers", "worlds", "pass", "reason")] + [
        (line.id, line.quantity, *(_shown(getattr(line, name)) for name in FIGURES), line.covers,
         f"{line.worlds or ''}", said[line.passed], line.reason)
        for line in lines
    ]  # fmt: skip
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    printed = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    passed, failed = (sum(line.passed is value for line in lines) for value in (True, False))
    rest = len(lines) - passed - failed
    return "\n".join([*printed, f"{passed} rows pass, {failed} fail, {rest} are not judged"])


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _mean(found: Sequence[Found], name: str) -> float | None:
    values = [getattr(f, name) for f in found if getattr(f, name) is not None]
    return float(np.mean(values)) if values else None
