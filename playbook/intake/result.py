"""What an intake found, and how it is kept beside the tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from playbook.atomic import save_json

__all__ = ["COLUMNS", "READINGS", "Findings", "Intake", "load_intake", "save_intake"]

READINGS = ["file", "kind", "bytes", "encoding", "delimiter", "header_row", "sheet", "table", "system", "notes"]  # fmt: skip
COLUMNS = ["file", "table", "column", "header", "how", "read_as", "decided_by"]
_FRAMES = ("ledger", "readings", "columns", "review")
_LISTS = ("findings", "undecided", "unmapped", "blocking", "unsafe")


@dataclass(frozen=True)
class Intake:
    """What an intake found.

    Attributes
    ----------
    ledger
        One row per table and file: table, file, rows_in, kept, quarantined, merged, and the same for
        money (none where a table carries none).
    findings
        level (problem or note), table, file, row (first), count, message, mend.
    readings
        One row a file: how it was opened (`READINGS`).
    columns
        One row a mapped column: its header, how it was mapped, how it is read and what decided that.
    undecided
        Readings the data leave open: file, table, column, what, ask (the line to add), candidates.
    unmapped
        Files of the inbox that no entry names.
    review
        Pairs of records that a person should look at.
    blocking
        What keeps the tables from being used, in words; empty when nothing does.
    unsafe
        Those of ``blocking`` by which people who must not be contacted would be.
    """

    ledger: pd.DataFrame
    findings: list[dict[str, Any]] = field(default_factory=list)
    readings: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=READINGS))
    columns: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS))
    undecided: list[dict[str, Any]] = field(default_factory=list)
    unmapped: list[str] = field(default_factory=list)
    review: pd.DataFrame = field(default_factory=pd.DataFrame)
    blocking: tuple[str, ...] = ()
    unsafe: tuple[str, ...] = ()


class Findings:
    """The findings so far, in the order they were met."""

    def __init__(self) -> None:
        self.all: list[dict[str, Any]] = []

    def add(self, message: str, mend: str, level: str = "problem", table: str = "", file: str = "",
            row: int | None = None, count: int = 1) -> None:  # fmt: skip
        """Add a finding: what is wrong, how to mend it, where it was first seen and how often."""
        self.all.append(
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

    def sorted(self) -> list[dict[str, Any]]:
        """Return the findings, problems first, then by table, file and row."""
        return sorted(
            self.all,
            key=lambda f: (f["level"] != "problem", f["table"], f["file"], f["row"] or 0),
        )


def save_intake(folder: Path, intake: Intake) -> None:
    """Write an intake's account into the quarantine folder, for the notebooks and the report."""
    for name in _FRAMES:
        getattr(intake, name).to_parquet(folder / f"{name}.parquet", index=False)
    if len(intake.review):
        intake.review.to_csv(folder / "identity_review.csv", index=False)
    save_json(folder / "findings.json", intake.findings)
    save_json(folder / "intake.json", {name: getattr(intake, name) for name in _LISTS})


def load_intake(folder: Path) -> Intake:
    """Return the account that `save_intake` wrote."""
    import json

    lists = json.loads((folder / "intake.json").read_text(encoding="utf-8"))
    frames = {name: pd.read_parquet(folder / f"{name}.parquet") for name in _FRAMES}
    tuples = {name: tuple(lists.get(name, ())) for name in ("blocking", "unsafe")}
    return Intake(**frames, **lists | tuples)
