"""Writes the generated pages of ``docs/`` from their one source, so that they cannot go stale."""

from __future__ import annotations

from pathlib import Path

from playbook.contract import CONTRACT
from playbook.coverage import method
from playbook.engagement import ROOT
from playbook.tables import dictionary
from playbook.truth import CUSTOMERS, SEED_BASE, SEEDS, all_rows
from playbook.truth.coverage import CELLS, REPLICATIONS
from playbook.truth.coverage_choices import CELLS as CHOICE_CELLS
from playbook.truth.coverage_growth import CELLS as GROWTH_CELLS
from playbook.truth.futures import DESIGNS, LARGEST_ERROR, LEVEL, SERIES, in_words

__all__ = ["pages", "write_docs"]


def pages() -> dict[str, str]:
    """Return file name to text of every generated page."""
    return {
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
        f"| {c.id} | {c.design} | {c.level:.0%} | {100 * c.tolerance:.0f} points |"
        for c in (*CELLS, *CHOICE_CELLS, *GROWTH_CELLS)
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
