"""Which part of the method has output in a run: read from the executed notebooks, never assumed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from playbook.engagement import ROOT, Folder
from playbook.runner.graph import STEPS

__all__ = ["coverage", "method", "sections"]

CHALLENGES = {
    "data overload": "R4",
    "changing preferences": "M3",
    "integration of systems": "R3",
    "resources between acquisition and retention": "C13",
    "diverse needs": "V2",
    "stronger competition": "V4",
    "complex data": "R2",
}
KINDS = ("descriptive", "diagnostic", "predictive", "prescriptive")


def method() -> list[dict[str, str]]:
    """Return every part of the method: id, step, section, part."""
    return yaml.safe_load((Path(__file__).parent / "method.yml").read_text(encoding="utf-8"))


def sections(notebook: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the code cells of each section of an executed notebook, by section name.

    A section begins at a Markdown cell with the tag ``section:<name>`` and ends at the next one, or
    at a cell with the tag ``closing``.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    current: str | None = None
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        tags = cell["metadata"].get("tags", [])
        named = [tag.removeprefix("section:") for tag in tags if tag.startswith("section:")]
        if named or "closing" in tags:
            current = named[0] if named else None
            if current:
                found[current] = []
        if current and cell["cell_type"] == "code":
            found[current].append(cell)
    return found


def _state(cells: list[dict[str, Any]]) -> str:
    """Return output, not provided (by the client) or open for a section's code cells."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    texts = ["".join(output.get("data", {}).get("text/plain", "")) for output in outputs]
    tables = any("<table" in "".join(o.get("data", {}).get("text/html", "")) for o in outputs)
    pictures = any("image/png" in o.get("data", {}) for o in outputs)
    said = any(text.startswith(tuple(f"[{kind}]" for kind in KINDS)) for text in texts)
    if said and (tables or pictures):
        return "output"
    if any(text.startswith("Not answered") for text in texts):
        return "not provided"
    return "open"


def coverage(folder: Folder, period: str) -> list[dict[str, Any]]:
    """Return one row per part of the method: id, ok, state, notebook, section, part."""
    notebooks = {
        step.id: folder.run(period) / "notebooks" / step.notebook.name
        for step in STEPS.values()
        if step.notebook
    }
    read = {id_: sections(path) for id_, path in notebooks.items() if path.is_file()}
    rows = []
    for part in method():
        if part["step"] == "all":
            continue
        cells = read.get(part["step"], {}).get(part["section"])
        state = "open" if cells is None else _state(cells)
        rows.append(_row(part, state, notebooks[part["step"]].stem))
    by_id = {row["id"]: row for row in rows}
    for part in [p for p in method() if p["step"] == "all"]:
        rows.append(_row(part, _overall(part["id"], by_id, notebooks), "all"))
    return rows


def _row(part: dict[str, str], state: str, notebook: str) -> dict[str, Any]:
    return {
        "id": part["id"],
        "ok": state != "open",
        "state": state,
        "notebook": notebook,
        "section": part["section"],
        "part": part["part"],
    }


def _overall(id_: str, rows: dict[str, dict[str, Any]], notebooks: dict[str, Path]) -> str:
    """Return the state of a part that belongs to all notebooks."""
    present = [path for path in notebooks.values() if path.is_file()]
    if len(present) < len(notebooks):
        return "open"
    if id_ == "A1":
        text = "".join(path.read_text(encoding="utf-8") for path in present)
        return "output" if all(f"[{kind}]" in text for kind in KINDS) else "open"
    if id_ == "A2":
        taught = all("exercises" in _tags(path) for path in present)
        case = (ROOT / "docs" / "case-amazon.md").is_file() and (
            ROOT / "docs" / "answers.md"
        ).is_file()
        return "output" if taught and case else "open"
    answered = [rows[part]["state"] for part in CHALLENGES.values()]
    return "open" if "open" in answered else "output"


def _tags(path: Path) -> set[str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return {tag for cell in cells for tag in cell["metadata"].get("tags", [])}
