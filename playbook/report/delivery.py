"""Gathers what a check found into the delivery report, and writes it with the questions to the client."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from playbook.answer import format_value
from playbook.atomic import publish
from playbook.engagement import Engagement
from playbook.intake.propose import Proposal
from playbook.intake.result import Intake
from playbook.report.dependence import parts_of
from playbook.report.effects import (
    NOT_DELIVERED,
    Problem,
    amount,
    counted,
    problems_of,
    without_values,
)
from playbook.report.page import render
from playbook.report.questions import OPENING, Question, as_text, questions_of
from playbook.tables import TABLES

__all__ = ["Delivery", "gather", "write_delivery"]

SHOWN_COLUMNS = 400
_KINDS = {"text": "delimited text", "xlsx": "Excel workbook", "xls": "old Excel workbook", "xlsb": "binary Excel workbook",
          "ods": "OpenDocument sheet", "json": "JSON", "parquet": "Parquet"}  # fmt: skip
_MARKS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_HOW = {"declared": "engagement.yml", "same name": "same name", "synonym": "known word", "constant": "constant"}  # fmt: skip


@dataclass(frozen=True)
class Delivery:
    """All that the delivery report shows.

    Attributes
    ----------
    verdict
        Three sentences: can the analysis run, how much is usable, what decides the most.
    totals
        One row a table: rows and money in, kept, set aside, repeats, and whether they add up.
    files
        One entry a file: how it was read, and its columns.
    problems
        With their effect, the largest first.
    absent
        One row a standard table that was not delivered, with the questions that rest on it.
    """

    client: str
    currency: str
    usable: bool
    verdict: tuple[str, str, str]
    totals: list[dict[str, Any]]
    files: list[dict[str, Any]]
    problems: list[Problem]
    absent: list[dict[str, Any]]
    pairs: str
    questions: list[Question]
    undecided: list[dict[str, Any]]
    proposals: list[Proposal]
    blocking: tuple[str, ...]
    other_blocking: tuple[str, ...]


def gather(
    intake: Intake, aside: pd.DataFrame, proposals: Sequence[Proposal], engagement: Engagement
) -> Delivery:
    """Return the delivery report's content.

    Parameters
    ----------
    aside
        Rows set aside, from `playbook.report.effects.set_aside`.
    proposals
        Entries for the files that are not mapped.
    """
    currency = engagement.currency
    problems = problems_of(intake, aside)
    delivered = {source.table for source in engagement.inbox} - _undelivered(problems)
    delivered |= set(intake.ledger["table"])
    systems = dict(zip(intake.readings["file"], intake.readings["system"], strict=True))
    shown = [p for p in problems if p.kind not in ("unmapped", "pairs")]
    return Delivery(
        engagement.client,
        currency,
        not intake.blocking,
        _verdict(intake, shown, currency),
        _totals(intake.ledger),
        _files(intake),
        shown,
        _absent(delivered),
        _pairs(intake.review),
        questions_of(problems, proposals, delivered, systems, currency),
        [point | {"lines": _lines(point)} for point in intake.undecided],
        list(proposals),
        tuple(without_values(message) for message in intake.blocking),
        tuple(
            without_values(message)
            for message in intake.blocking
            if not any(message.startswith(point["what"]) for point in intake.undecided)
        ),
    )


def _lines(point: dict[str, Any]) -> list[str]:
    """Return the lines of the engagement file that would settle an open point, one for each reading."""
    key = point["ask"].partition(":")[0]
    candidates = list(point["candidates"])
    if candidates and all(c.startswith(f"{key}:") for c in candidates):
        return candidates
    if key in ("encoding", "sheet", "delimiter"):
        return [f"{key}: {json.dumps(c, ensure_ascii=False)}" for c in candidates] or [point["ask"]]
    return [point["ask"]]


def _undelivered(problems: Sequence[Problem]) -> set[str]:
    """Return the tables that an entry names though no file is there."""
    return {p.table for p in problems if p.kind == "no file"}


def _verdict(intake: Intake, problems: list[Problem], currency: str) -> tuple[str, str, str]:
    ledger = intake.ledger[~intake.ledger["file"].isin(NOT_DELIVERED)]
    waiting = len(intake.blocking)
    unread = sorted({p.file for p in problems if p.score and p.file and p.file not in {*ledger["file"], *NOT_DELIVERED}})  # fmt: skip
    if not waiting:
        first = "The analysis can run on this delivery."
    else:
        first = f"The analysis cannot run yet: {_settle(waiting)}."
    rows, kept = int(ledger["rows_in"].sum()), int((ledger["kept"] + ledger["merged"]).sum())
    second = "No row could be read so far."
    if rows:
        second = f"Of {rows:,} rows read so far, {format_value(kept / rows, '%')} can be used"
        orders = ledger[ledger["table"] == "orders"]
        money, usable = orders["money_in"].sum(), orders["money_kept"].sum() + orders["money_merged"].sum()  # fmt: skip
        if money:
            second += f", and of {amount(money, currency)} of order revenue {format_value(usable / money, '%')} ({amount(usable, currency)})"
        second += f"; {_unread(unread)}."
    worst = next((p for p in problems if p.score > 0), None)
    third = "Nothing that was found changes a result."
    if waiting:
        third = "What decides the most is to say which file holds which table; the entries proposed below are a start."  # fmt: skip
    if worst is not None:
        effect = worst.effect(currency)
        third = f"What decides the most is {_named(worst)}: {effect}."
    return first, second, third


def _unread(files: list[str]) -> str:
    if not files:
        return "every file named in engagement.yml was read"
    return (
        f"{' and '.join(files[:2])}{' and others' if len(files) > 2 else ''} could not be read yet"
    )


def _settle(count: int) -> str:
    return "one point must be settled first" if count == 1 else f"{count} points must be settled first"  # fmt: skip


def _named(problem: Problem) -> str:
    """Return what a problem is about in a few words."""
    where = f"column “{problem.headers[0]}”" if problem.headers else "the reading"
    files = " and ".join(problem.files[:2]) + (" and more" if len(problem.files) > 2 else "")
    return f"{where} of {files}" if files else f"the table {problem.table}"


def _totals(ledger: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    for name in [n for n in TABLES if n in set(ledger["table"])]:
        own = ledger[ledger["table"] == name]
        counts = own[["rows_in", "kept", "quarantined", "merged"]].sum().astype(int)
        money = own[["money_in", "money_kept", "money_quarantined", "money_merged"]].fillna(0).sum()
        has_money = bool(own["money_in"].notna().any())
        rows.append(
            {
                "table": name.replace("_", " "),
                "files": "made" if set(own["file"]) <= NOT_DELIVERED else f"{len(own):,}",
                "rows": [f"{n:,}" for n in counts],
                "rows_add_up": counts.iloc[0] == counts.iloc[1:].sum(),
                "money": [format_value(v, "currency") for v in money] if has_money else [""] * 4,
                "money_adds_up": abs(money.iloc[0] - money.iloc[1:].sum()) < 0.01 if has_money else None,
            }
        )  # fmt: skip
    return rows


def _files(intake: Intake) -> list[dict[str, Any]]:
    shown = 0
    files = []
    for reading in intake.readings.to_dict("records"):
        columns = intake.columns
        own = columns[(columns["file"] == reading["file"]) & (columns["table"] == reading["table"])]
        shown += len(own)
        files.append(
            {
                "name": reading["file"],
                "table": str(reading["table"]).replace("_", " "),
                "facts": _facts(reading),
                "notes": str(reading["notes"]),
                "columns": [_column(c) for c in own.to_dict("records")] if shown <= SHOWN_COLUMNS else [],
                "mapped": len(own),
            }
        )  # fmt: skip
    return files


def _facts(reading: dict[str, Any]) -> str:
    """Return in one line how a file was opened."""
    header = reading["header_row"]
    parts = [
        _KINDS.get(reading["kind"], reading["kind"]),
        f"{reading['bytes'] / 1e6:,.1f} MB" if reading["bytes"] >= 1e5 else f"{reading['bytes'] / 1e3:,.1f} kB",
        f"encoding {reading['encoding']}" if reading["encoding"] else "",
        f"columns split at {_MARKS.get(reading['delimiter'], reading['delimiter'])}" if reading["delimiter"] else "",
        f"headers in row {int(header)}" if header == header and header else "",
        f"sheet “{reading['sheet']}”" if reading["sheet"] else "",
        f"system {reading['system']}" if reading["system"] else "",
    ]  # fmt: skip
    return " · ".join(part for part in parts if part)


def _column(column: dict[str, Any]) -> dict[str, str]:
    return {
        "header": column["header"] or "–",
        "column": column["column"],
        "how": _HOW.get(column["how"], column["how"]),
        "read_as": column["read_as"],
        "decided_by": column["decided_by"] or ("to be settled" if column["read_as"] == "undecided" else "–"),
    }  # fmt: skip


def _absent(delivered: set[str]) -> list[dict[str, Any]]:
    """Return the tables that were not delivered, those that most parts rest on first."""
    width = {id_: sum(id_ in parts for parts in parts_of().values()) for t in parts_of().values() for id_ in t}  # fmt: skip
    made = {"customers"} if "customer_records" in delivered else set()
    skipped = delivered | made | {"customer_keys"} | ({"customer_records"} if "customers" in delivered else set())  # fmt: skip
    rows = []
    for name in [n for n in TABLES if n not in skipped]:
        parts = parts_of()[name]
        closest = sorted(parts, key=lambda id_: (width[id_], list(parts).index(id_)))[:3]
        told = [f"{parts[id_].split(':')[0].split(',')[0]} ({id_})" for id_ in closest]
        more = f" and {len(parts) - len(told)} more" if len(parts) > len(told) else ""
        rows.append(
            {
                "table": name.replace("_", " "),
                "row": TABLES[name].row,
                "needed": TABLES[name].required,
                "parts": len(parts),
                "open": "; ".join(told) + more if told else "none",
            }
        )
    return sorted(rows, key=lambda r: (not r["needed"], -r["parts"]))


def _pairs(review: pd.DataFrame) -> str:
    if review.empty:
        return ""
    one = len(review) == 1
    return (
        f"{len(review):,} {'pair' if one else 'pairs'} of customer records may be the same person and "
        f"{'was' if one else 'were'} not linked; until someone decides, they count as different customers. "
        "The list is written by a run, into the folder of rows set aside."
    )


def write_delivery(target: Path, delivery: Delivery, data_until: str, period: str) -> list[Path]:
    """Write ``delivery.html``, ``questions.md`` and ``questions.txt`` into a folder only the owner may open.

    Parameters
    ----------
    data_until
        Last day of the data, where it is known.
    period
        The plan's period; empty without a plan.
    """
    target.mkdir(parents=True, exist_ok=True)
    target.chmod(0o700)
    page = render(
        "delivery.html",
        "delivery.html",
        "map fewer files at a time",
        title="What was delivered",
        client=delivery.client,
        period=period,
        as_of=data_until,
        delivery=delivery,
        groups=_groups(delivery.questions),
        opening=OPENING,
        counted=counted,
    )
    texts = {
        "delivery.html": page,
        "questions.md": as_text(delivery.questions, markdown=True),
        "questions.txt": as_text(delivery.questions, markdown=False),
    }
    for name, text in texts.items():
        _publish(target / name, text)
    return [target / name for name in texts]


def _publish(path: Path, text: str) -> None:
    publish(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _groups(questions: Sequence[Question]) -> list[tuple[str, list[str], int]]:
    """Return the questions by whom to ask, with the number of the first of each group."""
    groups: list[tuple[str, list[str], int]] = []
    start = 1
    for whom in dict.fromkeys(q.whom for q in questions):
        texts = [q.text for q in questions if q.whom == whom]
        groups.append((whom, texts, start))
        start += len(texts)
    return groups
