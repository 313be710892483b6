"""Files for CRM systems: made from a mapping, and re-read by a separate strict reader.

A file holds the upsert key and our own computed columns, nothing else: no name, address or free text.
Consent goes one way: a file can say "opted out", never "opted in".
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Sequence
from collections.abc import Mapping as Columns
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import xlsxwriter
from python_calamine import CalamineWorkbook

from playbook.allocation import NONE
from playbook.answer import Answer, Metric, Missing, answers, need
from playbook.crm.mapping import Dialect, FieldRule, Mapping
from playbook.errors import ConsentError, DataError

__all__ = ["crm_contents", "crm_files", "lint_file", "make_files"]

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
LINE_END = {"lf": "\n", "crlf": "\r\n"}
LIST_DAYS, SCORE_DAYS = 31, 365
OPTED_OUT = ("email", "sms", "phone")
NULLS = {"#N/A", "NULL", "null", "nan", "None", "<NA>"}


def crm_contents(
    choice: pd.DataFrame | Missing, values: pd.DataFrame | Missing, scores: pd.DataFrame | Missing,
    lists: Answer | Missing, actions: Sequence[Any], as_of: date, callbacks: pd.DataFrame | Missing | None = None,
) -> dict[str, pd.DataFrame] | Missing:  # fmt: skip
    """Return what the CRM files say: ``scores``, ``targets``, ``opt_outs``, ``callbacks``; keys and our columns only.

    Parameters
    ----------
    choice
        Result ``next_best_action``.
    values, scores
        Results ``customer_value`` and ``scores``.
    lists
        From `target_lists`.
    actions
        ``plan.actions``: id, channel.
    as_of
        Lists hold for a month from this day, scores for a year.
    callbacks
        Result ``callbacks`` of step 05; no file of them without it.
    """
    for part in (values, scores, lists):
        if isinstance(part, Missing):
            return part
    assert isinstance(values, pd.DataFrame) and isinstance(scores, pd.DataFrame)
    assert isinstance(lists, Answer)
    out = lists["opt_outs"]
    gone = out.loc[out.filter(like="opted_out_").all(axis=1), "customer_id"]
    frame = scores[~scores["customer_id"].isin(gone)].merge(
        values[["customer_id", "clv"]], on="customer_id"
    )
    if isinstance(choice, pd.DataFrame):
        frame = frame.merge(
            choice[["customer_id", "segment", "action"]], on="customer_id", how="left"
        )
    else:
        frame = frame.assign(segment=None, action=NONE)
    frame = frame.assign(valid_until=as_of + timedelta(days=SCORE_DAYS)).sort_values(
        "customer_id", ignore_index=True
    )
    targets = frame[frame["action"].fillna(NONE) != NONE]
    targets = targets.assign(
        channel=targets["action"].map({a.id: a.channel for a in actions}),
        valid_until=as_of + timedelta(days=LIST_DAYS),
    )
    flags = [f"opted_out_{channel}" for channel in OPTED_OUT]
    stopped = out.loc[out[flags].any(axis=1), ["customer_id", *flags]]
    columns = [
        "customer_id",
        "segment",
        "clv",
        "churn_probability",
        "purchase_probability",
        "action",
        "valid_until",
    ]
    contents = {
        "scores": frame[columns],
        "targets": targets[["customer_id", "segment", "channel", "action", "valid_until"]].reset_index(drop=True),
        "opt_outs": stopped.reset_index(drop=True),
    }  # fmt: skip
    if isinstance(callbacks, pd.DataFrame):
        queue = ["customer_id", "cause", "owner", "due", "by", "value_at_risk", "response"]
        contents["callbacks"] = callbacks.reindex(columns=queue)
    return contents


def _cell(value: object, rule: FieldRule, dialect: Dialect, where: str) -> str:
    """Return the text of a cell; an empty one leaves the system's value as it is."""
    if rule.kind == "opt_out":
        return dialect.is_true if value is not None and value == value and bool(value) else ""
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    if rule.kind == "decimal":
        return f"{float(value):.2f}"  # type: ignore[arg-type]
    if rule.kind == "share":
        return f"{float(value):.4f}"  # type: ignore[arg-type]
    if rule.kind == "date":
        return f"{value:%Y-%m-%d}"
    text = str(value)
    problem = _text_problem(text, rule, dialect)
    if problem:
        raise DataError(f"{where}: {text[:40]!r} {problem}; rename it in the plan")
    return text


def _text_problem(text: str, rule: FieldRule, dialect: Dialect) -> str:
    if text.startswith(FORMULA):
        return "begins like a spreadsheet formula"
    if text in NULLS:
        return "would erase the field"
    if any(ord(sign) < 32 for sign in text):
        return "holds a control sign"
    if set(text) & set(dialect.forbidden_signs):
        return f"holds one of the signs {dialect.forbidden_signs} the system refuses"
    if len(text) > rule.max:
        return f"is longer than {rule.max} signs"
    return ""


def make_files(mapping: Mapping, kind: str, frame: pd.DataFrame) -> list[tuple[str, bytes]]:
    """Return the files of one kind for a system, split at its limit; the same bytes for the same rows.

    Parameters
    ----------
    mapping
        From `read_mapping`.
    kind
        ``scores``, ``targets``, ``opt_outs`` or ``callbacks``.
    frame
        customer_id (the upsert key) and the columns the mapping asks for.

    Raises
    ------
    DataError
        When a text would be read as a formula or is refused by the system.
    """
    rules = mapping.files[kind].fields
    frame = frame.sort_values("customer_id")
    head = [mapping.key, *rules]
    cells = [
        [_cell(key, FieldRule(column="customer_id", kind="text"), mapping.dialect, f"{kind}, key"),
         *(_cell(v, r, mapping.dialect, f"{kind}, {n}") for v, (n, r) in zip(row, rules.items(), strict=True))]
        for key, *row in frame[["customer_id", *(r.column for r in rules.values())]].itertuples(index=False, name=None)
    ]  # fmt: skip
    size = mapping.dialect.max_rows
    parts = [cells[start : start + size] for start in range(0, len(cells), size)]
    names = [f"{kind}.{mapping.dialect.format}"] if len(parts) == 1 else [
        f"{kind}_{number:03d}.{mapping.dialect.format}" for number in range(1, len(parts) + 1)
    ]  # fmt: skip
    write = _csv_bytes if mapping.dialect.format == "csv" else _xlsx_bytes
    return [
        (name, write([head, *part], mapping.dialect))
        for name, part in zip(names, parts, strict=True)
    ]


def _csv_bytes(rows: list[list[str]], dialect: Dialect) -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(
        stream, delimiter=dialect.delimiter, lineterminator=LINE_END[dialect.line_end]
    ).writerows(rows)
    return stream.getvalue().encode(dialect.encoding)


def _xlsx_bytes(rows: list[list[str]], dialect: Dialect) -> bytes:
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True})
    book.set_properties({"created": datetime(2000, 1, 1)})
    sheet = book.add_worksheet("import")
    for place, row in enumerate(rows):
        for column, text in enumerate(row):
            if text:
                sheet.write_string(place, column, text)
    book.close()
    return stream.getvalue()


def _read(content: bytes, dialect: Dialect) -> list[list[str]]:
    """Read a file as strictly as the system would."""
    if dialect.format == "csv":
        text = content.decode(dialect.encoding)
        return list(
            csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter, strict=True)
        )
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    return [[str(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]


PATTERN = {
    "decimal": re.compile(r"-?\d+\.\d\d"),
    "share": re.compile(r"0\.\d{4}|1\.0000"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
}


def _cell_problem(text: str, rule: FieldRule, dialect: Dialect) -> str:
    if not text:
        return ""
    if rule.kind == "text":
        return _text_problem(text, rule, dialect)
    if rule.kind == "opt_out":
        return "" if text == dialect.is_true else "is neither opted out nor empty"
    return "" if PATTERN[rule.kind].fullmatch(text) else f"is no {rule.kind}"


def lint_file(
    mapping: Mapping, kind: str, content: bytes, refused: Collection[str] = ()
) -> list[str]:
    """Re-read a file with a separate strict reader and return what is wrong with it (nothing: empty list).

    Parameters
    ----------
    mapping, kind
        As in `make_files`.
    content
        Bytes of the file.
    refused
        Keys that must not stand in it, such as people who must not be contacted.
    """
    dialect, rules = mapping.dialect, mapping.files[kind].fields
    try:
        rows = _read(content, dialect)
    except (UnicodeDecodeError, csv.Error) as error:
        return [f"cannot be read as {dialect.format}: {error}"]
    problems = (
        []
        if len(content) <= dialect.max_bytes
        else [f"{len(content):,} bytes, {dialect.max_bytes:,} allowed"]
    )
    if not rows or rows[0] != [mapping.key, *rules]:
        return [*problems, f"header {rows[0] if rows else []} is not {[mapping.key, *rules]}"]
    if len(rows) - 1 > dialect.max_rows:
        problems.append(f"{len(rows) - 1:,} rows, {dialect.max_rows:,} allowed")
    seen: set[str] = set()
    stop = set(refused)
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(rules) + 1:
            problems.append(f"row {number}: {len(row)} cells, {len(rules) + 1} expected")
            continue
        if not row[0] or row[0] in seen:
            problems.append(f"row {number}: key {row[0]!r} is empty or stands twice")
        if row[0] in stop:
            problems.append(f"row {number}: this person must not be contacted")
        seen.add(row[0])
        for text, (name, rule) in zip(row[1:], rules.items(), strict=True):
            problem = _cell_problem(text, rule, dialect)
            if problem:
                problems.append(f"row {number}: {name} {text[:40]!r} {problem}")
    return problems


def _told(mapping: Mapping, kind: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out the rows of an opt-out file that would say nothing to this system."""
    flags = [r.column for r in mapping.files[kind].fields.values() if r.kind == "opt_out"]
    return frame[frame[flags].any(axis=1)] if flags else frame


def refused_contacts(targets: pd.DataFrame, reachable: pd.DataFrame) -> set[str]:
    """Return who must not stand on a target list: whom no channel may reach, or not the one meant."""
    flags = reachable.set_index("customer_id")
    some = flags.any(axis=1)
    meant = targets.loc[targets["channel"].isin(flags.columns), ["customer_id", "channel"]]
    open_to = flags.stack()
    asked = open_to.reindex(pd.MultiIndex.from_frame(meant)).fillna(False).to_numpy(bool)
    return set(some.index[~some]) | set(meant.loc[~asked, "customer_id"])


def checked_files(
    mapping: Mapping, contents: Columns[str, pd.DataFrame], refused: Collection[str]
) -> list[tuple[str, str, int, bytes]]:
    """Return kind, name, rows and bytes of every file of a system, each re-read and found clean.

    Raises
    ------
    ConsentError
        When somebody who must not be contacted is on a target list.
    DataError
        When a file breaks another rule of the system.
    """
    made = []
    for kind, frame in contents.items():
        frame = _told(mapping, kind, frame)
        start = 0
        for name, content in make_files(mapping, kind, frame):
            problems = lint_file(mapping, kind, content, refused if kind == "targets" else ())
            if problems:
                error = ConsentError if "must not be contacted" in problems[0] else DataError
                raise error(
                    f"{mapping.system}/{name}: {problems[0]} ({len(problems)} problems); no file was written"
                )
            rows = min(mapping.dialect.max_rows, len(frame) - start)
            start += rows
            made.append((kind, name, rows, content))
    return made


@answers
def crm_files(written: pd.DataFrame, lists: Answer | Missing) -> Answer:
    """Return which files were written for which CRM system and what must be set up before loading.

    Parameters
    ----------
    written
        From ``run.write_crm``: system, file, object, rows, bytes, sha256, mapping_version.
    lists
        From `target_lists`.
    """
    need(written, "CRM systems with files", "crm_systems in engagement.yml, and consents")
    kind = written["file"].str.extract(r"^(scores|targets|opt_outs|callbacks)", expand=False)
    table = (
        written.assign(kind=kind)
        .pivot_table(index="system", columns="kind", values="rows", aggfunc="sum", fill_value=0)
        .reindex(columns=["scores", "targets", "opt_outs", "callbacks"], fill_value=0)
        .reset_index()
    )
    table.columns.name = None
    files = written.groupby("system").agg(
        files=("file", "size"), bytes=("bytes", "sum"), object=("object", "first")
    )
    table = table.merge(files.reset_index(), on="system")
    people = int(table["targets"].max())
    return Answer(
        table=table[["system", "object", "files", "scores", "targets", "opt_outs", "callbacks", "bytes"]],
        headline=f"{len(written)} files for {len(table)} CRM systems hold {people:,} contacts to make",
        so_what=(
            "Create the fields that manifest.json lists, load ten rows into a sandbox, compare, then load all. The files carry the "
            "key and our own columns only, empty cells change nothing, and consent can only be withdrawn. All files passed a strict "
            "re-reading against the vendors' published rules; they were not loaded into a live system."
        ),
        kind="prescriptive",
        caption="Rows written to the run's folder crm/ by system; manifest.json there holds checksums and what to set up",
        units={"files": "count", "scores": "count", "targets": "count", "opt_outs": "count", "callbacks": "count", "bytes": "count"},
        source="next best action, scores, target lists; mappings of the systems",
        metrics=(Metric("crm_contacts", float(people), n=people, unit="count", kind="prescriptive"),),
    )  # fmt: skip
