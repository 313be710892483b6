"""The engagement: its name, folders, lasting facts and plans, all validated before anything runs.

Glossary
--------
engagement
    One client's folder under ``data/``.
period
    One yearly round; its plan is ``plans/<period>.yml`` and is made with the data up to ``as_of``.
review
    Once a year, what becomes of the strategies; what a person adds stands in ``reviews/<period>.yml``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from playbook.engagement.model import Engagement, Plan
from playbook.engagement.review import ReviewNotes, year_after
from playbook.engagement.yaml_file import model_text, read_model
from playbook.errors import PlanError

__all__ = ["Engagement", "Folder", "Plan", "model_text", "open_folder"]

ROOT = Path(__file__).resolve().parents[2]
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])")


def checked_name(value: str, what: str) -> str:
    """Return ``value`` if it is a safe folder name, else raise `PlanError`."""
    if not _NAME.fullmatch(value) or _RESERVED.fullmatch(value):
        raise PlanError(
            f"{what} {value!r}: expected small letters, digits, - or _ (at most 64), "
            "such as acme or acme-2025"
        )
    return value


@dataclass(frozen=True)
class Folder:
    """The folders of one engagement: where its inputs lie and where its runs go."""

    name: str
    inputs: Path
    runs: Path

    @property
    def inbox(self) -> Path:
        """Folder with the client's files."""
        return self.inputs / "inbox"

    def run(self, period: str) -> Path:
        """Folder of everything one period produces."""
        return self.runs / checked_name(period, "period")

    def plan_file(self, period: str) -> Path:
        """File of one period's plan."""
        return self.inputs / "plans" / f"{checked_name(period, 'period')}.yml"

    def engagement(self) -> Engagement:
        """Read and validate ``engagement.yml``."""
        return read_model(self.inputs / "engagement.yml", Engagement)

    def plan(self, period: str) -> Plan:
        """Read and validate one period's plan and check it against the engagement."""
        path = self.plan_file(period)
        if not path.is_file():
            known = ", ".join(self.periods()) or "none yet"
            raise PlanError(
                f"plans/{period}.yml: no such plan (there are: {known}); "
                f"write one, or copy the draft next-plan.yml of the last review there"
            )
        return read_model(path, Plan)

    def periods(self) -> list[str]:
        """Names of the periods that have a plan, in order of name."""
        return sorted(path.stem for path in (self.inputs / "plans").glob("*.yml"))

    def periods_by_day(self) -> list[str]:
        """Names of the periods that have a plan, the one with the latest data last."""
        return sorted(self.periods(), key=lambda name: (self.plan(name).as_of, name))

    def notes_file(self, period: str) -> Path:
        """File of what the reviewer of one period adds."""
        return self.inputs / "reviews" / f"{checked_name(period, 'period')}.yml"

    def review_notes(self, period: str) -> ReviewNotes:
        """Read and validate ``reviews/<period>.yml``; nothing is added where there is none."""
        path = self.notes_file(period)
        return read_model(path, ReviewNotes) if path.is_file() else ReviewNotes()

    def previous(self, period: str) -> str | None:
        """Return the period whose plan is in force when this one ends, if any: the baseline of its review.

        A plan is in force until the next review. That is the first plan 12 months after it, or an earlier
        one whose review was forced; plans in between are monitoring and change no strategy.
        """
        end = self.plan(period).as_of
        days = {self.plan(name).as_of: name for name in self.periods() if name != period}
        last: date | None = None
        for day in sorted(day for day in days if day < end):
            if last is None or day >= year_after(last) or self.review_notes(days[day]).forced:
                last = day
        return days[last] if last else None


def open_folder(name: str) -> Folder:
    """Return the folders of the engagement ``name``.

    ``PLAYBOOK_DATA`` moves the inputs and ``PLAYBOOK_RUNS`` the runs; both default to the
    project's ``data/`` and ``runs/``.

    Raises
    ------
    PlanError
        When the name is not a plain folder name or there is no such engagement.
    """
    checked_name(name, "engagement")
    data = Path(os.environ.get("PLAYBOOK_DATA") or ROOT / "data")
    runs = Path(os.environ.get("PLAYBOOK_RUNS") or ROOT / "runs")
    inputs = data / name
    if not inputs.resolve().is_relative_to(data.resolve()):
        raise PlanError(f"engagement {name!r} points outside the data folder; use a plain folder")
    if not (inputs / "engagement.yml").is_file():
        known = sorted(path.parent.name for path in data.glob("*/engagement.yml"))
        raise PlanError(
            f"engagement {name!r}: no data/{name}/engagement.yml (there are: "
            f"{', '.join(known) or 'none'}); make new ENGAGEMENT={name} PERIOD=2025 starts one, docs/first-engagement.md shows how"
        )
    return Folder(name, inputs, (runs / name).resolve())
