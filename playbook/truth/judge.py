"""From figures per world to one line per row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook.truth.rows import Found, NotHere, Row

__all__ = ["Line", "judge", "table"]


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
        passed, way, reason = False, None, f"{len(broken)} worlds broke: {broken[0]}"
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
    return Line(
        row.id, row.quantity, *(_mean(here, name) for name in ("planted", "ours", "naive", "bayes")),
        f"{covers[0]} of {covers[1]}" if covers[1] else "", way, len(here), passed, reason, row.rule.text,
    )  # fmt: skip


def table(lines: Iterable[Line]) -> pd.DataFrame:
    """Return the lines as they are printed."""
    said: Mapping[bool | None, str] = {True: "yes", False: "NO", None: "not judged"}
    return pd.DataFrame(
        [
            {
                "id": line.id, "quantity": line.quantity, "planted": line.planted, "ours": line.ours,
                "naive": line.naive, "bayes": line.bayes, "counted": line.covers, "worlds": line.worlds,
                "pass": said[line.passed], "reason": line.reason,
            }
            for line in lines
        ]
    )  # fmt: skip


def _mean(found: Sequence[Found], name: str) -> float | None:
    values = [getattr(f, name) for f in found if getattr(f, name) is not None]
    return float(np.mean(values)) if values else None
