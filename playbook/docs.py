"""Writes the generated pages of ``docs/`` from their one source, so that they cannot go stale."""

from __future__ import annotations

from pathlib import Path

from playbook.contract import CONTRACT
from playbook.coverage import method
from playbook.crm.mapping import KINDS, SYSTEMS, Mapping, read_mapping
from playbook.engagement import ROOT
from playbook.tables import dictionary
from playbook.truth import CELLS, CUSTOMERS, SEED_BASE, SEEDS, all_rows
from playbook.truth.coverage import REPLICATIONS
from playbook.truth.futures import DESIGNS, LARGEST_ERROR, LEVEL, SERIES, in_words

__all__ = ["pages", "write_docs"]


def pages() -> dict[str, str]:
    """Return file name to text of every generated page."""
    return {
        "crm.md": _crm(),
        "data-dictionary.md": dictionary(),
        "method.md": _method(),
        "results.md": _results(),
        "truth.md": _truth(),
    }


def write_docs(folder: Path = ROOT / "docs") -> list[Path]:
    """Write the generated pages and return their paths."""
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in pages()]


def _method() -> str:
    lines = [
        "# The method, part by part",
        "",
        "Made from `playbook/method.yml` by `make docs`. Each part has a section in the notebook of its step;",
        "`python -m playbook coverage demo` checks on the executed notebooks that it holds output.",
        "",
        "| id | part | notebook | section |",
        "|---|---|---|---|",
    ]
    lines += [f"| {p['id']} | {p['part']} | {p['step']} | {p['section']} |" for p in method()]
    return "\n".join(lines) + "\n"


SURE = {"documented": "vendor's documentation", "secondary": "others' reports", "unconfirmed": "**not confirmed**"}  # fmt: skip


CRM_HEAD = (
    "# Files for CRM systems",
    "",
    "Made from `playbook/crm/*.yml` by `make docs`. Step 6 writes the files of every system under `crm_systems` in engagement.yml into",
    "the run's folder `crm/<system>/`, readable by its owner only, with `set-up.md` (fields to create), `acceptance.md` (a trial in a",
    "sandbox with ten invented records) and `manifest.json` (rows, checksums, dialect). A file holds the upsert key and our own columns only.",
    "",
    "**What was tried.** Each file is re-read by a strict reader that shares no rule with the writer, and tests bring every file back to what",
    "went in. **No file was loaded into a live system of any of the four vendors**; `acceptance.md` is how to do that first.",
    "",
    "What holds for all: an empty cell changes nothing; `#N/A` and its like are refused; consent can be withdrawn by a file, never given; no",
    "text begins with a sign that a spreadsheet calculates (`= + - @` tab, return, or their wide forms); numbers may begin with a minus, and no",
    "telephone number is written; the same rows give the same bytes.",
    "",
    "A client's own names and limits stand in `data/<engagement>/crm/<system>.yml`; unknown words in it are refused:",
    "",
    "```yaml",
    "key: Customer_No__c                                  # the field that holds our customer number",
    "headers: {Playbook_Segment__c: Kundensegment__c}     # our header: the name in this installation",
    "leave_out: [tasks]                                   # kinds of files that are not wanted",
    "max_rows: 50000",
    "```",
    "",
    "**Reading their exports.** Intake knows the API names and the report labels of the four systems (`playbook/intake/synonyms.yml`), so most",
    "columns of an export need no entry. Columns of refusals (HasOptedOutOfEmail, Do Not Call, Unsubscribed from all email, Email Opt Out) mean",
    "the opposite of consent: they are named as a problem until they are mapped like this, and refused where the values are left out.",
    "",
    "```yaml",
    "- files: Contact.csv",
    "  table: customer_records",
    "  system: crm",
    "  columns: {consent_email: HasOptedOutOfEmail, consent_phone: DoNotCall}",
    '  values: {consent_email: {"TRUE": "false"}, consent_phone: {"TRUE": "false"}}',
    '  nulls: ["FALSE"]      # not refused is no consent: unknown, and unknown is no',
    "```",
    "",
    "**Who stands in no file.** Each list of contacts has a control group, drawn by hash: it is sent nothing, the scores name no action for it,",
    "and it stands with its arm and probability in the run's folder `crm/lists/` (for its owner only), as campaigns and members that next year's",
    "intake reads back. The universal holdout stands on no list and in no task of ours, with one exception: the answer to a service case or a",
    "sale of its own. That is owed to the customer and no marketing action, and a complaint is not left open for the sake of a comparison.",
    "",
    "**Opened and checked.** Each kind of file of each system is opened by the tests with a plain reader of its format and held against the",
    "rules of the system below: header, encoding, line ends, types, lengths, values, rows, bytes, keys, opt-outs. What was not found in the",
    "vendor's words is marked in the tables that follow.",
    "",
    "| system | rules of | files opened and checked | rules: documented, others' reports, not confirmed | a file holds at most | upsert key |",
    "|---|---|---|---|---|---|",
)  # fmt: skip
"""What holds for all systems, above the table of them."""


def _crm() -> str:
    systems = [read_mapping(name) for name in SYSTEMS]
    lines = [
        *CRM_HEAD,
        *(
            f"| {m.title} | {m.rules_of} | {', '.join(k for k in KINDS if k in m.files)} ({m.dialect.format}) | {_counted(m)} "
            f"| {m.dialect.max_rows:,} rows, {m.dialect.max_bytes / 1e6:,.0f} MB | `{m.key}`: {m.key_type} |"
            for m in systems
        ),
    ]  # fmt: skip
    for mapping in systems:
        lines += _crm_system(mapping)
    return "\n".join(lines) + "\n"


def _counted(mapping: Mapping) -> str:
    """Numbers of a system's rules by how sure they are."""
    return ", ".join(str(sum(rule.evidence == sure for rule in mapping.rules)) for sure in SURE)


def _crm_system(mapping: Mapping) -> list[str]:
    return [
        "",
        f"## {mapping.title}",
        "",
        f"Mapping version {mapping.version}: {mapping.checked}.",
        "",
        "| file | object | fields |",
        "|---|---|---|",
        *(
            f"| {kind} | {mapping.files[kind].object} | {', '.join(f'`{name}`' for name in mapping.header(kind))} |"
            for kind in KINDS if kind in mapping.files
        ),
        "",
        "| rule | what the files do | where it stands | known from |",
        "|---|---|---|---|",
        *(f"| {_cell(r.rule)} | {_cell(r.ours)} | {r.source} | {SURE[r.evidence]} |" for r in mapping.rules),
        "",
        "Not confirmed: " + "; ".join(mapping.unconfirmed) + ".",
    ]  # fmt: skip


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _results() -> str:
    lines = [
        "# What each step hands on",
        "",
        "Made from `playbook/contract.py` by `make docs`. Results are Parquet files in a run's `results/`.",
        "",
        "| result | step | one row per | columns | meaning |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {c.step} | {', '.join(c.key)} | {', '.join(c.columns)} | {c.meaning} |"
        for name, c in CONTRACT.items()
    ]
    return "\n".join(lines) + "\n"


def _truth() -> str:
    text = (Path(__file__).parent / "truth" / "page.md").read_text(encoding="utf-8")
    rows = [f"| {r.id} | {r.quantity} | {r.rule.text} | {r.misses} |" for r in all_rows()]
    cells = [
        f"| {c.id} | {c.design} | {c.level:.0%} | {100 * c.tolerance:.0f} points |" for c in CELLS
    ]
    cells += [
        f"| {id_} | {in_words(id_)}, {SERIES} simulated series | {LEVEL:.0%} | 5 points |" for id_ in DESIGNS
    ]  # fmt: skip
    cells.append(
        "| 01.chance_calibration | stated chance of reaching a target against the share that did, by bin | – "
        f"| mean error at most {LARGEST_ERROR:.0%}; each bin 5 points |"
    )
    return text.format(
        seeds=SEEDS, base=SEED_BASE, customers=f"{CUSTOMERS:,}", replications=f"{REPLICATIONS:,}",
        rows="\n".join(rows), cells="\n".join(cells),
    )  # fmt: skip
