"""Examines a delivery without running anything: prints what was found and writes the delivery report."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from playbook.engagement import Folder
from playbook.errors import ConsentError, DataError
from playbook.intake import examine
from playbook.intake.propose import propose
from playbook.report.delivery import Delivery, gather, write_delivery
from playbook.report.effects import set_aside

__all__ = ["check"]

SHOWN = 15


def check(folder: Folder, period: str, as_json: bool = False) -> int:
    """Read the inbox, print a summary, write the delivery report; return 0 when usable, 3 when not.

    4 stands for a list of people who must not be contacted that is named and did not come.

    Parameters
    ----------
    period
        Its plan gives the last day of the data; empty when there is no plan yet.
    """
    engagement = folder.engagement()
    as_of = folder.plan(period).as_of if period else None
    with tempfile.TemporaryDirectory(prefix="playbook-") as scratch:
        target = Path(scratch)
        intake = examine(folder.inbox, engagement, target, as_of)
        aside = set_aside(target / "quarantine")
    mapped = {source.table for source in engagement.inbox}
    proposals = propose(folder.inbox, intake.unmapped, engagement.limits, mapped)
    delivery = gather(intake, aside, proposals, engagement)
    until = engagement.data_until or as_of
    place = (folder.run(period) if period else folder.runs) / "check"
    written = write_delivery(place, delivery, str(until or ""), period)
    if as_json:
        print(json.dumps(_as_data(delivery, written), indent=1, ensure_ascii=False, default=str))
    else:
        print("\n".join([*_summary(delivery), "", *(f"wrote {path}" for path in written)]))
    if intake.unsafe:
        return ConsentError.exit_code
    return 0 if delivery.usable else DataError.exit_code


def _as_data(delivery: Delivery, written: list[Path]) -> dict[str, Any]:
    """Return what a program that calls the check wants to know."""
    return {
        "usable": delivery.usable,
        "verdict": delivery.verdict,
        "blocking": delivery.blocking,
        "undecided": delivery.undecided,
        "totals": delivery.totals,
        "problems": [
            asdict(p) | {"effect": p.effect(delivery.currency)} for p in delivery.problems
        ],
        "files": delivery.files,
        "proposals": [asdict(p) | {"block": p.block} for p in delivery.proposals],
        "absent": delivery.absent,
        "questions": [asdict(q) for q in delivery.questions],
        "written": [str(path) for path in written],
    }


def _summary(delivery: Delivery) -> list[str]:
    lines = [*delivery.verdict, ""]
    lines += [f"{file['name']} → {file['table']}: {file['facts']}" for file in delivery.files]
    lines += ["", *_totals(delivery)] if delivery.totals else []
    shown = [p for p in delivery.problems if p.score > 0][:SHOWN]
    if shown:
        lines += ["", "Problems, the largest effect first:"]
        for problem in shown:
            place = ", ".join(problem.files) + (f" row {problem.row:,}" if problem.row else "")
            lines += [
                f"- {problem.effect(delivery.currency)}",
                f"  {place}: {problem.what}; {problem.mend}",
            ]
    rest = len(delivery.problems) - len(shown)
    lines += [f"  … and {rest} smaller points in the report"] if rest else []
    if delivery.undecided:
        lines += ["", "Undecided; add one line under the file's entry in engagement.yml:"]
        for point in delivery.undecided:
            lines += [f"- {point['what']}", "    " + "   or   ".join(point["lines"])]
    if delivery.other_blocking:
        lines += ["", "The analysis also waits for:", *(f"- {m}" for m in delivery.other_blocking)]
    if delivery.proposals:
        lines += ["", "Not mapped yet; paste under inbox in engagement.yml what is right:", ""]
        lines += [(p.block or f"  # {p.problem}\n").rstrip("\n") + "\n" for p in delivery.proposals]
    count = len(delivery.questions)
    lines += ["", f"{count} question{'s' * (count != 1)} for the client, ready to send: questions.txt"] if count else []  # fmt: skip
    return lines


def _totals(delivery: Delivery) -> list[str]:
    lines = [f"{'rows':<22}{'in':>12} ={'kept':>12} +{'set aside':>12} +{'repeats':>12}"]
    for row in delivery.totals:
        for label, values, right in (
            (row["table"], row["rows"], row["rows_add_up"]),
            (f"  {delivery.currency}", row["money"], row["money_adds_up"]),
        ):
            if right is not None:
                total, *parts = values
                told = f"{label:<22}{total:>12} =" + " +".join(f"{part:>12}" for part in parts)
                lines.append(told + ("" if right else "   does not add up"))
    return lines
