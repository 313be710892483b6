"""Pages for whoever loads the files: which fields to create, and a trial in a sandbox with its expected results."""

from __future__ import annotations

from datetime import date

import pandas as pd

from playbook.crm.files import make_files
from playbook.crm.mapping import FieldRule, Mapping

__all__ = ["acceptance_files", "acceptance_page", "setup_page"]

TRIAL = [f"PLAYBOOK-TEST-{number:02d}" for number in range(1, 11)]
"""Keys of the ten records of the trial; no customer has such a key."""
TITLES = {
    "scores": "scores of each customer", "targets": "contacts to make this month", "opt_outs": "consents withdrawn",
    "tasks": "tasks",
}  # fmt: skip
LONG = "Ähnlich gesinnte Käufer 喜欢舒适 " * 10


def _type(rule: FieldRule, mapping: Mapping) -> str:
    kind = mapping.types[rule.kind].format(max=rule.max)
    return f"{kind}; one of {', '.join(rule.values)}" if rule.values else kind


def _fields(mapping: Mapping) -> list[tuple[str, str, str, str]]:
    """Return object, field, type and use of every field to create, each once, the keys first."""
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for kind, file in mapping.files.items():
        if file.key and not file.key_standard:
            found[(file.object, file.key)] = (mapping.key_type, f"upsert key of {kind}")
        if not file.key:
            standing = "upsert key; fill it with our customer number"
            if file.key_standard:
                standing = f"is there already; {standing}"
            found.setdefault((file.object, mapping.key), (mapping.key_type, standing))
        for name, rule in file.fields.items():
            if not rule.standard:
                found[(file.object, name)] = (_type(rule, mapping), TITLES[kind])
    return [(place, name, kind, use) for (place, name), (kind, use) in found.items()]


def setup_page(mapping: Mapping) -> str:
    """Return the page that lists what must be created in the system before the first file is loaded."""
    lines = [
        f"# {mapping.title}: what to set up before loading",
        "",
        f"Rules of the vendor as of {mapping.rules_of}; mapping version {mapping.version}. {mapping.checked.capitalize()}.",
        "",
        "## Fields to create",
        "",
        "| object | field | type | for |",
        "|---|---|---|---|",
        *(f"| {place} | `{name}` | {kind} | {use} |" for place, name, kind, use in _fields(mapping)),
        "",
        "Fields that exist already and are written: "
        + (", ".join(f"`{name}`" for name in _standing(mapping)) or "none")
        + ".",
        "",
        "## Once, before the first load",
        "",
        *(f"{number}. {step}" for number, step in enumerate(mapping.setup, 1)),
        "",
        "## Each time",
        "",
        *(f"{number}. {step}" for number, step in enumerate(mapping.loading, 1)),
        "",
        "## Not confirmed; look before you rely on it",
        "",
        *(f"- {point}" for point in mapping.unconfirmed),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _standing(mapping: Mapping) -> list[str]:
    names = [
        name for file in mapping.files.values() for name, rule in file.fields.items() if rule.standard
    ]  # fmt: skip
    keys = [file.key for file in mapping.files.values() if file.key and file.key_standard]
    return [name for name in dict.fromkeys([*keys, *names]) if name != mapping.key]


def _trial(mapping: Mapping, as_of: date) -> dict[str, tuple[str, pd.DataFrame]]:
    """Return name to kind and rows of the trial's files; invented records that try every edge of the rules."""
    rules = mapping.files["scores"].fields.values()
    longest = next((rule.max for rule in rules if rule.column == "segment"), 80)
    scores = pd.DataFrame({
        "customer_id": TRIAL, "segment": ["Plain", "Äldre kunder", "喜欢舒适", LONG[:longest].strip(), None, *["Plain"] * 5],
        "clv": [1234.5, -3.25, 0.0, 9999999.99, 10.0, *[10.0] * 5], "churn_probability": [0.25, 1.0, 0.0, 0.5, 0.1, *[0.1] * 5],
        "purchase_probability": [0.75, 0.0, 1.0, 0.5, 0.9, *[0.9] * 5], "action": ["mail", *["none"] * 9], "valid_until": as_of,
    })  # fmt: skip
    empty = scores.assign(segment=None, clv=None, churn_probability=None, purchase_probability=None, action=None, valid_until=None)  # fmt: skip
    stopped = pd.DataFrame({
        "customer_id": TRIAL[:2], "opted_out_email": [True, False], "opted_out_phone": [False, True], "opted_out_sms": [True, True],
    })  # fmt: skip
    return {
        "acceptance_1_scores": ("scores", scores),
        "acceptance_2_empty": ("scores", empty.head(2)),
        "acceptance_3_opt_outs": ("opt_outs", stopped),
    }


def acceptance_files(
    mapping: Mapping, as_of: date, template: bytes | None = None
) -> list[tuple[str, str, bytes]]:
    """Return name, kind and bytes of the files of the trial (ten invented records, no customer's)."""
    made = []
    for name, (kind, frame) in _trial(mapping, as_of).items():
        if kind in mapping.files:
            [(file, content)] = make_files(mapping, kind, frame, template)
            made.append((f"{name}.{file.rsplit('.', 1)[1]}", kind, content))
    return made


def acceptance_page(mapping: Mapping, as_of: date) -> str:
    """Return the trial a consultant follows in a sandbox: what to load, and what must be seen after each step."""
    segment = _header(mapping, "scores", "segment")
    value = _header(mapping, "scores", "clv")
    until = _header(mapping, "scores", "valid_until")
    ending = mapping.dialect.format
    email = next((n for n, r in mapping.files["opt_outs"].fields.items() if r.column == "opted_out_email"), "") if "opt_outs" in mapping.files else ""  # fmt: skip
    where = mapping.files["scores"].object if "scores" in mapping.files else "the object"
    steps = [
        ("Do all of set-up.md in a sandbox, never in the live system.", "all fields are there"),
        (f"Create ten records of {where} by hand or import, with `{mapping.key}` {TRIAL[0]} to {TRIAL[-1]} and invented names.", "ten records, no other field filled"),
        (f"Load `acceptance_1_scores.{ending}` as an update by `{mapping.key}`.", f"10 updated, 0 created, 0 failed; {TRIAL[1]} shows `{segment}` Äldre kunder and `{value}` -3.25; {TRIAL[2]} shows 喜欢舒适; "
         f"`{until}` is {as_of:%Y-%m-%d} on all; `{segment}` of {TRIAL[4]} is empty"),
        ("Load the same file again.", "10 updated, 0 created: the key finds the records"),
        (f"Load `acceptance_2_empty.{ending}`.", f"nothing changes: {TRIAL[1]} still shows Äldre kunder and -3.25. If fields were emptied, stop: this installation reads empty cells as erase"),
        (f"Load `acceptance_3_opt_outs.{ending}`.", f"`{email}` is set on {TRIAL[0]} and untouched on {TRIAL[1]}"),
        (f"Load `acceptance_3_opt_outs.{ending}` after setting `{email}` of {TRIAL[1]} by hand.", "it stays set: a file never gives consent back"),
        ("Change one key in a copy of a file to one that no record has, and load it.", "that row fails or creates one record, which you delete; note which, and tell whoever loads the real files"),
        ("Delete the ten records.", "none is left"),
    ]  # fmt: skip
    lines = [
        f"# {mapping.title}: acceptance in a sandbox",
        "",
        "Half an hour, by the consultant together with the client's administrator. The records are invented. Write the result beside each step; "
        "the real files are loaded only when all of them came out as expected.",
        "",
        "| step | do | expected | seen |",
        "|---|---|---|---|",
        *(f"| {number} | {do} | {seen} | |" for number, (do, seen) in enumerate(steps, 1)),
        "",
        "Tried by: ____________  System and edition: ____________  Date: ____________",
    ]
    return "\n".join(lines) + "\n"


def _header(mapping: Mapping, kind: str, column: str) -> str:
    if kind not in mapping.files:
        return column
    fields = mapping.files[kind].fields
    return next((name for name, rule in fields.items() if rule.column == column), column)
