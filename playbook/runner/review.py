"""The annual review as a command: checks that it is due and comparable, runs the period, says what was decided."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from playbook.atomic import publish
from playbook.engagement import Folder
from playbook.engagement.review import ReviewNotes, one_line, year_after
from playbook.engagement.yaml_file import read_model
from playbook.errors import DataError, PlanError
from playbook.runner.baseline import open_baseline
from playbook.runner.notes import check_notes
from playbook.runner.run_steps import run_periods

__all__ = ["review"]


def review(folder: Folder, period: str, force: str | None = None) -> list[str]:
    """Review a period against the run before it and return what to say of it, ten lines and where the rest stands.

    Parameters
    ----------
    force
        Why a review within 12 months of the last cannot wait; it is kept in ``reviews/<period>.yml`` and shown.

    Raises
    ------
    PlanError
        When there is nothing to compare with, the review is not due and not forced, or the reviewer's notes are wrong.
    DataError
        When the earlier run cannot be compared, or nothing could be decided.
    """
    folder.plan(period)
    baseline = open_baseline(folder, period)
    baseline.check_whole(folder)
    _check_due(folder, period, baseline.period, force)
    check_notes(folder, period)
    run_periods(folder, [period])

    from playbook import results
    from playbook.answer import Missing
    from playbook.report.review_page import read_review_page

    found = results.load(folder.run(period) / "results", "review")
    if isinstance(found, Missing):
        ask = f"; ask the client for {found.ask}" if found.ask else ""
        raise DataError(f"review of {period}: nothing could be decided: {found.reason}{ask}")
    page = read_review_page(folder, period)
    assert page is not None
    root = folder.run(period)
    where = [f"The review: {root}/report/review.html", f"The draft of the next plan: {root}/next-plan.yml"]  # fmt: skip
    lines = [f"{number:2}. {line}" for number, line in enumerate(page.lines, 1)]
    return ["", page.title, *lines, "", *where]


def _check_due(folder: Folder, period: str, previous: str, force: str | None) -> None:
    """Raise `PlanError` unless 12 months are over or there is a reason; keep a reason that is needed."""
    reason = None
    if force is not None:
        try:
            reason = one_line(force, "--force")
        except ValueError as error:
            raise PlanError(str(error)) from None
    last, as_of = folder.plan(previous).as_of, folder.plan(period).as_of
    if as_of >= year_after(last):
        if reason:
            print(f"--force was not needed: 12 months lie between {last} and {as_of}; the reason is not recorded")  # fmt: skip
        return
    noted = folder.review_notes(period).forced
    if reason and noted and reason != noted:
        raise PlanError(
            f"reviews/{period}.yml: forced says {noted!r} already; change it there, so that one reason stands"
        )
    if reason and not noted:
        _note_forced(folder.notes_file(period), reason)
    elif not noted:
        raise PlanError(_too_early(folder.name, period, last, as_of))


def _too_early(name: str, period: str, last: date, as_of: date) -> str:
    return (
        f"period {period} has data up to {as_of}, and the last review is of {last}: strategies are reviewed once a year, next with data up to "
        f"{year_after(last)}. Monitoring may run any time and changes no strategy: 'make run ENGAGEMENT={name} PERIOD={period}'. If it cannot "
        f"wait, say why: 'make review ENGAGEMENT={name} PERIOD={period} FORCE=\"the reason\"'; the report will show it"
    )


def _note_forced(path: Path, reason: str) -> None:
    """Add the reason to the reviewer's file and leave the rest as it is."""
    there = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    kept = [line for line in there.splitlines() if not line.startswith("forced:")]
    line = f"forced: {json.dumps(reason, ensure_ascii=False)}"

    def write(temporary: Path) -> None:
        temporary.write_text("\n".join([line, *kept]) + "\n", encoding="utf-8")
        read_model(temporary, ReviewNotes)

    try:
        publish(path, write)
    except PlanError:
        raise PlanError(f"reviews/{path.name}: the reason cannot be added to it; put this line into it: {line}") from None  # fmt: skip
    except OSError as error:
        raise PlanError(f"reviews/{path.name}: the reason cannot be kept there ({error.strerror})") from None  # fmt: skip
