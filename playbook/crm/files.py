"""Files for CRM systems: made from a mapping, and re-read by a separate strict reader.

A file holds the upsert key and our own computed columns, nothing else: no name, address or free text.
Consent goes one way: a file can say "opted out", never "opted in".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Mapping as Columns
from datetime import date, timedelta
from typing import Any
from unicodedata import normalize

import pandas as pd

from playbook.allocation import NONE
from playbook.answer import Answer, Metric, Missing, answers, need
from playbook.crm.lint import lint_file
from playbook.crm.mapping import KINDS, Dialect, FieldRule, Mapping
from playbook.crm.tasks import callback_tasks
from playbook.crm.template import fill_template, xlsx_bytes
from playbook.errors import ConsentError, DataError

__all__ = ["crm_contents", "crm_files", "make_files"]

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
BLANKS = {0xA0: " ", 0x3000: " "}  # the blank that does not break and the wide one of Chinese text
LINE_END = {"lf": "\n", "crlf": "\r\n"}
LIST_DAYS, SCORE_DAYS = 31, 365
SCORES = ["customer_id", "segment", "clv", "churn_probability", "purchase_probability", "action", "valid_until"]  # fmt: skip
OPTED_OUT = ("email", "sms", "phone")
NULLS = {"#n/a", "#null!", "null", "nan", "<na>", "nat"}


def crm_contents(
    choice: pd.DataFrame | Missing, values: pd.DataFrame | Missing, scores: pd.DataFrame | Missing,
    lists: Answer | Missing, actions: Sequence[Any], as_of: date, *, callbacks: pd.DataFrame | Missing | None = None,
    tasks: pd.DataFrame | Missing | None = None,
) -> dict[str, pd.DataFrame] | Missing:  # fmt: skip
    """Return what the CRM files say: ``scores``, ``targets``, ``opt_outs``, ``tasks``; keys and our columns only.

    Parameters
    ----------
    choice
        Result ``next_best_action``.
    values, scores
        Results ``customer_value`` and ``scores``; without them opt-outs and tasks are still written.
    lists
        From `target_lists`.
    actions
        ``plan.actions``: id, channel.
    as_of
        Lists hold for a month from this day, scores for a year.
    callbacks
        Result ``callbacks`` of step 05, for the tasks; who waits for a call back gets no offer this month.
    tasks
        Of the automation: customer_id, contact. Its contacts count against the month's contact cap
        before those of the list; who has no room left waits for the next list.
    """
    if isinstance(lists, Missing):
        return lists
    out = lists["opt_outs"]
    gone = out.loc[out.filter(like="opted_out_").all(axis=1), "customer_id"]
    frame = _scored(choice, values, scores, as_of)
    frame = frame[~frame["customer_id"].isin(gone)].reset_index(drop=True)
    targets = frame[frame["action"].fillna(NONE) != NONE]
    targets = targets.assign(
        channel=targets["action"].map({a.id: a.channel for a in actions}),
        valid_until=as_of + timedelta(days=LIST_DAYS),
    )
    targets = targets[targets["customer_id"].isin(_with_room(lists, tasks))]
    if isinstance(callbacks, pd.DataFrame):  # a complaint is answered before anything is offered
        care = [action.id for action in actions if action.purpose == "service"]
        called = targets["customer_id"].isin(callbacks["customer_id"])
        targets = targets[~called | targets["action"].isin(care)]
    flags = [f"opted_out_{channel}" for channel in OPTED_OUT]
    stopped = out.loc[out[flags].any(axis=1), ["customer_id", *flags]]
    return {
        "scores": frame,
        "targets": targets[["customer_id", "segment", "channel", "action", "valid_until"]].reset_index(drop=True),
        "opt_outs": stopped.reset_index(drop=True),
        "tasks": callback_tasks(callbacks, gone, as_of),
    }  # fmt: skip


def _scored(
    choice: pd.DataFrame | Missing, values: pd.DataFrame | Missing, scores: pd.DataFrame | Missing, as_of: date
) -> pd.DataFrame:  # fmt: skip
    """Return the scores of each customer; no rows where value or propensity is not known."""
    if isinstance(values, Missing) or isinstance(scores, Missing):
        return pd.DataFrame(columns=SCORES)
    frame = scores.merge(values[["customer_id", "clv"]], on="customer_id")
    if isinstance(choice, pd.DataFrame):
        chosen = choice[["customer_id", "segment", "action"]]
        frame = frame.merge(chosen, on="customer_id", how="left")
    else:
        frame = frame.assign(segment=None, action=NONE)
    frame = frame.assign(valid_until=as_of + timedelta(days=SCORE_DAYS))
    return frame.sort_values("customer_id")[SCORES]


def _with_room(lists: Answer, tasks: pd.DataFrame | Missing | None) -> pd.Series:
    """Return the customers who may get one more contact this month."""
    if "contacts" not in lists.extra:
        return lists["opt_outs"]["customer_id"]
    made = lists["contacts"]
    room = made["room"].astype("float64")
    if isinstance(tasks, pd.DataFrame):
        used = tasks.loc[tasks["contact"], "customer_id"].value_counts()
        room = room - made["customer_id"].map(used).fillna(0)
    return made.loc[room >= 1, "customer_id"]


def _cell(value: object, rule: FieldRule, dialect: Dialect, where: str) -> str:
    """Return the text of a cell; an empty one leaves the system's value as it is."""
    if rule.kind == "opt_out":
        return dialect.is_true if value is not None and value == value and bool(value) else ""
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    if rule.kind in ("decimal", "share"):
        text = f"{float(value):.{2 if rule.kind == 'decimal' else 4}f}"  # type: ignore[arg-type]
        return text.removeprefix("-") if float(text) == 0 else text
    if rule.kind == "date":
        return f"{value:%Y-%m-%d}"
    text = str(value)
    if rule.kind == "note":
        return _note(text, rule, dialect)
    problem = _text_problem(text, rule, dialect)
    if problem:
        raise DataError(f"{where}: {text[:40]!r} {problem}; rename it in the plan")
    return text


def _note(text: str, rule: FieldRule, dialect: Dialect) -> str:
    """Return composed text that no system or spreadsheet can misread: cleaned, in one line, cut to fit."""
    plain = "".join(s if s.isprintable() else " " for s in text)
    plain = " ".join("".join(s for s in plain if s not in dialect.forbidden_signs).split())
    if plain.casefold() in NULLS or plain == "None":
        return ""
    if _like_formula(plain):
        plain = f"'{plain}"
    return plain[: rule.max].rstrip()


def _like_formula(text: str) -> bool:
    """Whether a text begins like a formula, in its plain, wide or small form, blanks before it or not."""
    return normalize("NFKC", text.lstrip(" \u00a0\u3000") or text).startswith(FORMULA)


def _text_problem(text: str, rule: FieldRule, dialect: Dialect) -> str:
    if _like_formula(text):
        return "begins like a spreadsheet formula"
    if text.strip().casefold() in NULLS or text.strip() == "None":
        return "would erase the field"
    if not text.translate(BLANKS).isprintable():
        return "holds a control sign"
    if set(text) & set(dialect.forbidden_signs):
        return f"holds one of the signs {dialect.forbidden_signs} the system refuses"
    if len(text) > rule.max:
        return f"is longer than {rule.max} signs"
    if rule.values and text not in rule.values:
        return f"is none of {', '.join(rule.values)}"
    return ""


def _cells(mapping: Mapping, kind: str, frame: pd.DataFrame) -> list[list[str]]:
    """Return the rows of a kind of file as text, in order of their key."""
    file, dialect = mapping.files[kind], mapping.dialect
    names = [f"{kind}, {name}" for name in file.fields]
    rules = list(file.fields.values())
    head = FieldRule(column=file.key_column, kind="text", max=mapping.key_max)
    frame = frame.sort_values(file.key_column)
    wanted = frame[[file.key_column, *(rule.column for rule in rules)]]
    return [
        [_cell(key, head, dialect, f"{kind}, key"),
         *(_cell(v, rule, dialect, name) for v, rule, name in zip(row, rules, names, strict=True))]
        for key, *row in wanted.itertuples(index=False, name=None)
    ]  # fmt: skip


def _parts(head: list[str], cells: list[list[str]], dialect: Dialect) -> Iterator[list[list[str]]]:
    """Yield the rows of each file: as many as the system takes, by rows and (for CSV) by bytes."""
    room = dialect.max_bytes - len(_csv_bytes([head], dialect))
    part: list[list[str]] = []
    used = 0
    for row in cells:
        size = len(_csv_bytes([row], dialect)) if dialect.format == "csv" else 0
        if part and (len(part) >= dialect.max_rows or used + size > room):
            yield part
            part, used = [], 0
        part.append(row)
        used += size
    if part:
        yield part


def make_files(
    mapping: Mapping, kind: str, frame: pd.DataFrame, template: bytes | None = None
) -> list[tuple[str, bytes]]:
    """Return the files of one kind for a system, split at its limit; the same bytes for the same rows.

    Parameters
    ----------
    mapping
        From `tenant_mapping`.
    kind
        ``scores``, ``targets``, ``opt_outs`` or ``tasks``.
    frame
        The key and the columns the mapping asks for.
    template
        The tenant's own import template (bytes of an Excel file), to be filled by header.

    Raises
    ------
    DataError
        When a text would be read as a formula or is refused by the system, or the template does not fit.
    """
    return [(name, content) for name, _, content in _made(mapping, kind, frame, template)]


def _made(
    mapping: Mapping, kind: str, frame: pd.DataFrame, template: bytes | None
) -> list[tuple[str, int, bytes]]:
    dialect, head = mapping.dialect, mapping.header(kind)
    parts = list(_parts(head, _cells(mapping, kind, frame), dialect))
    names = [f"{kind}.{dialect.format}"] if len(parts) == 1 else [
        f"{kind}_{number:03d}.{dialect.format}" for number in range(1, len(parts) + 1)
    ]  # fmt: skip

    def write(rows: list[list[str]]) -> bytes:
        if dialect.format == "csv":
            return _csv_bytes([head, *rows], dialect)
        return (
            fill_template(template, head, rows)
            if template
            else xlsx_bytes({"import": [head, *rows]})
        )

    return [(name, len(part), write(part)) for name, part in zip(names, parts, strict=True)]


def _csv_bytes(rows: list[list[str]], dialect: Dialect) -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(
        stream, delimiter=dialect.delimiter, lineterminator=LINE_END[dialect.line_end]
    ).writerows(rows)
    return stream.getvalue().encode(dialect.encoding)


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
    mapping: Mapping, contents: Columns[str, pd.DataFrame], refused: Collection[str], *, closed: Collection[str] = (),
    template: bytes | None = None,
) -> list[tuple[str, str, int, bytes]]:  # fmt: skip
    """Return kind, name, rows and bytes of every file of a system, each re-read and found clean.

    Parameters
    ----------
    refused
        Customers who must not stand on a target list.
    closed
        Customers nobody may turn to at all; they must stand on no list of tasks either.

    Raises
    ------
    ConsentError
        When somebody who must not be contacted is on a target list or among the tasks.
    DataError
        When a file breaks another rule of the system.
    """
    made = []
    barred = {"targets": refused, "tasks": closed}
    for kind, frame in contents.items():
        if kind not in mapping.files:
            continue
        for name, rows, content in _made(mapping, kind, _told(mapping, kind, frame), template):
            stop = barred.get(kind, ())
            problems = lint_file(mapping, kind, content, stop, template=template is not None)
            if problems:
                error = ConsentError if "must not be contacted" in problems[0] else DataError
                raise error(
                    f"{mapping.system}/{name}: {problems[0]} ({len(problems)} problems); no file was written"
                )
            made.append((kind, name, rows, content))
    return made


@answers
def crm_files(
    written: pd.DataFrame, lists: Answer | Missing, choice: pd.DataFrame | Missing | None = None
) -> Answer:
    """Return which files were written for which CRM system and what must be set up before loading.

    Parameters
    ----------
    written
        From ``run.write_crm``: system, file, kind, object, rows, bytes, sha256, mapping_version.
    lists
        From `target_lists`.
    choice
        Result ``next_best_action``; who of it waits for the next list is then said.
    """
    need(written, "CRM systems with files", "crm_systems in engagement.yml, and consents")
    table = (
        written.pivot_table(index="system", columns="kind", values="rows", aggfunc="sum", fill_value=0)
        .reindex(columns=list(KINDS), fill_value=0)
        .reset_index()
    )  # fmt: skip
    table.columns.name = None
    files = written.groupby("system").agg(files=("file", "size"), bytes=("bytes", "sum"))
    table = table.merge(files.reset_index(), on="system")
    people, calls = int(table["targets"].max()), int(table["tasks"].max())
    waiting = 0
    if isinstance(choice, pd.DataFrame):
        waiting = max(int((choice["action"] != NONE).sum()) - people, 0)
    wait = (
        f" {waiting:,} customers of the plan wait for the next list: they are called back first, or this month's contact cap is used up."
        if waiting and people
        else ""
    )
    return Answer(
        table=table[["system", "files", *KINDS, "bytes"]],
        headline=f"{len(written)} files for {len(table)} CRM systems hold {people:,} contacts to make and {calls:,} call backs",
        so_what=(
            "Create the fields listed in set-up.md beside the files, follow acceptance.md in a sandbox, then load all. The files carry "
            "the key and our own columns only, empty cells change nothing, and consent can only be withdrawn. All files passed a strict "
            f"re-reading against the vendors' published rules; they were not loaded into a live system.{wait}"
        ),
        kind="prescriptive",
        caption="Rows written to the run's folder crm/ by system; manifest.json there holds checksums and the rules of the system",
        units=dict.fromkeys(["files", *KINDS, "bytes"], "count"),
        source="next best action, scores, target lists, call backs; mappings of the systems",
        metrics=(Metric("crm_contacts", float(people), n=people, unit="count", kind="prescriptive"),),
    )  # fmt: skip
