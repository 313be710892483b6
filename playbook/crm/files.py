"""Files for CRM systems: made from a mapping, and re-read by a separate strict reader.

A file holds the upsert key and our own computed columns, nothing else: no name, address or free text.
Consent goes one way: a file can say "opted out", never "opted in".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from collections.abc import Mapping as Columns
from typing import Any
from unicodedata import normalize

import pandas as pd

from playbook.allocation import NONE
from playbook.answer import Answer, Metric, Missing, answers, need
from playbook.crm.lint import lint_file, read_file
from playbook.crm.list_tests import CONTROL
from playbook.crm.mapping import KINDS, Dialect, FieldRule, Mapping
from playbook.crm.template import fill_template, xlsx_bytes
from playbook.errors import ConsentError, DataError

__all__ = ["checked_files", "crm_files", "held_back", "make_files", "refused_contacts"]

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
BLANKS = {0xA0: " ", 0x3000: " "}  # the blank that does not break and the wide one of Chinese text
LINE_END = {"lf": "\n", "crlf": "\r\n"}
NULLS = {"#n/a", "#null!", "null", "nan", "<na>", "nat"}


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
    """Leave out rows that would say nothing to this system, or that it has no place for.

    An opt-out must be one this system knows. Where tasks are fields of the customer, the most urgent stands.
    """
    file = mapping.files[kind]
    flags = [r.column for r in file.fields.values() if r.kind == "opt_out"]
    if kind == "tasks" and file.key_column == "customer_id":
        known = frame.dropna(subset=["customer_id"]).sort_values("due", kind="stable")
        return known.drop_duplicates("customer_id")
    return frame[frame[flags].any(axis=1)] if flags else frame


def refused_contacts(targets: pd.DataFrame, reachable: pd.DataFrame) -> set[str]:
    """Return who must not stand on a target list: whom no channel may reach, or not the one meant."""
    flags = reachable.set_index("customer_id")
    some = flags.any(axis=1)
    meant = targets.loc[targets["channel"].isin(flags.columns), ["customer_id", "channel"]]
    open_to = flags.stack()
    asked = open_to.reindex(pd.MultiIndex.from_frame(meant)).fillna(False).to_numpy(bool)
    return set(some.index[~some]) | set(meant.loc[~asked, "customer_id"])


def held_back(contents: Columns[str, pd.DataFrame]) -> set[str]:
    """Return the control groups of this month's lists, who must not stand on a target list either."""
    members = contents.get("members")
    return set() if members is None else set(members.loc[members["arm"] == CONTROL, "customer_id"])


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
        _came_back(
            mapping,
            kind,
            _told(mapping, kind, frame),
            [c for k, *_, c in made if k == kind],
            template,
        )
    return made


def _came_back(
    mapping: Mapping, kind: str, sent: pd.DataFrame, files: list[bytes], template: bytes | None
) -> None:
    """Refuse files from which the strict reader does not get the keys that were sent, each once."""
    key = mapping.files[kind].key_column
    back = [k for content in files for k in read_file(mapping, kind, content, template=template is not None)[key]]  # fmt: skip
    if sorted(back) != sorted(sent[key].astype("str")):
        raise DataError(
            f"{mapping.system}, {kind}: {len(back):,} rows can be read back of {len(sent):,}; no file was written"
        )


@answers
def crm_files(
    written: pd.DataFrame, contents: Columns[str, pd.DataFrame] | Missing, choice: pd.DataFrame | Missing | None = None
) -> Answer:  # fmt: skip
    """Return which files were written for which CRM system and what must be set up before loading.

    Parameters
    ----------
    written
        From ``run.write_crm``: system, file, kind, object, rows, bytes, sha256, mapping_version.
    contents
        From `crm_contents`: the members of this month's lists, with the control groups.
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
    people, tasks = int(table["targets"].max()), int(table["tasks"].max())
    return Answer(
        table=table[["system", "files", *KINDS, "bytes"]],
        headline=f"{len(written)} files for {len(table)} CRM systems hold {people:,} contacts to make and {tasks:,} tasks",
        so_what=(
            "Create the fields listed in set-up.md beside the files, follow acceptance.md in a sandbox, then load all. The files carry "
            "the key and our own columns only, empty cells change nothing, and consent can only be withdrawn. All files passed a strict "
            f"re-reading against the vendors' published rules; they were not loaded into a live system.{_left_out(contents, choice)}"
        ),
        kind="prescriptive",
        caption="Rows written to the run's folder crm/ by system; manifest.json there holds checksums and the rules of the system",
        units=dict.fromkeys(["files", *KINDS, "bytes"], "count"),
        source="next best action, scores, target lists, call backs, automation rules; mappings of the systems",
        metrics=(Metric("crm_contacts", float(people), n=people, unit="count", kind="prescriptive"),),
    )  # fmt: skip


def _left_out(contents: Any, choice: pd.DataFrame | None) -> str:
    """Say who of the plan stands on no list of this month, and why."""
    members = contents["members"]
    held = int((members["arm"] == CONTROL).sum())
    said = (
        f" {held:,} customers are the lists' control groups and stand in no file." if held else ""
    )
    if isinstance(choice, pd.DataFrame) and len(members):
        waiting = int((choice["action"] != NONE).sum()) - len(members)
        if waiting > 0:
            said += f" {waiting:,} wait for the next list: they are called back first, or this month's contact cap is used up."
    return said
