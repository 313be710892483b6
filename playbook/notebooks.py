"""Copies the demo's executed notebooks back into ``notebooks/``, only where their text changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playbook.engagement import Folder
from playbook.errors import PlanError
from playbook.runner.graph import STEPS

__all__ = ["copy_back"]


def copy_back(folder: Folder, period: str) -> list[str]:
    """Put executed notebooks in place of the committed ones; return the names of those that changed.

    The cell that papermill injects is taken out again. Pictures are not compared.

    Raises
    ------
    PlanError
        When the run has no executed notebook yet.
    """
    changed = []
    for step in STEPS.values():
        if step.notebook is None:
            continue
        executed = folder.run(period) / "notebooks" / step.notebook.name
        if not executed.is_file():
            raise PlanError(f"{executed.name}: not executed yet; run 'make demo' first")
        ours = _without_injected(json.loads(executed.read_text(encoding="utf-8")))
        if _text(ours) != _text(json.loads(step.notebook.read_text(encoding="utf-8"))):
            _write(step.notebook, ours)
            changed.append(step.notebook.name)
    return changed


def _without_injected(notebook: dict[str, Any]) -> dict[str, Any]:
    kept = [
        c for c in notebook["cells"] if "injected-parameters" not in c["metadata"].get("tags", [])
    ]
    count = 0
    for number, cell in enumerate(kept):
        cell["id"] = f"cell-{number:02d}"
        if cell["cell_type"] == "code":
            count += 1
            cell["execution_count"] = count
            for output in cell["outputs"]:
                if "execution_count" in output:
                    output["execution_count"] = count
    return notebook | {"cells": kept}


def _text(notebook: dict[str, Any]) -> str:
    """Return all of a notebook but its pictures, as one comparable text."""
    slim = json.loads(json.dumps(notebook["cells"]))
    for cell in slim:
        cell["source"] = "".join(cell["source"])
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("image/png", None)
            output["data"] = {k: "".join(v) for k, v in output.get("data", {}).items()}
    return json.dumps(slim, sort_keys=True)


def _write(path: Path, notebook: dict[str, Any]) -> None:
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
