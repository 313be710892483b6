"""Times one demo period, bare papermill, the intake of a large file, a million customers and their contacts, in one go."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playbook.bench_choice import bench_choice
from playbook.bench_crm import bench_crm
from playbook.bench_intake import bench_intake
from playbook.bench_journeys import bench_journeys
from playbook.bench_value import bench_value
from playbook.engagement import ROOT
from playbook.errors import StepError
from playbook.runner.graph import STEPS

__all__ = ["bench"]

NOTHING_TO_DO = 2.0
"""Seconds a run with nothing to do may take."""
OVER_BARE = 8.0
"""How many times the bare import notebooks a whole period may take."""

_BARE = """
import sys, papermill
for source in sys.argv[2:]:
    papermill.execute_notebook(source, sys.argv[1] + "/out.ipynb", progress_bar=False, kernel_name="python3")
"""


def bench() -> list[dict[str, Any]]:
    """Return one row per timing: id, seconds, its ratio to what it is compared with, the limit, ok."""
    with tempfile.TemporaryDirectory() as folder:
        runs = os.environ | {"PLAYBOOK_RUNS": str(Path(folder) / "runs")}
        command = [sys.executable, "-m", "playbook", "run", "demo", "--period", "2025"]
        period = _seconds(command, runs)
        nothing = _seconds(command, runs)
        sources = [str(path) for path in _bare_notebooks(Path(folder))]
        bare = _seconds([sys.executable, "-c", _BARE, folder, *sources], runs)
        intake = bench_intake(Path(folder) / "intake")
        value = bench_value(Path(folder) / "value")
        journeys = bench_journeys(Path(folder) / "journeys")
    return [
        *intake,
        *value,
        *journeys,
        *bench_choice(),
        *bench_crm(),
        _row(
            "demo-period",
            period,
            bare,
            period <= OVER_BARE * bare,
            f"at most {OVER_BARE:g} times bare papermill",
        ),
        _row(
            "nothing-to-do", nothing, bare, nothing <= NOTHING_TO_DO, f"at most {NOTHING_TO_DO:g} s"
        ),
        _row(
            "bare-papermill",
            bare,
            bare,
            True,
            "seven notebooks that import the same libraries, one after the other",
        ),
    ]


def _row(id_: str, seconds: float, bare: float, ok: bool, limit: str) -> dict[str, Any]:
    return {
        "id": id_,
        "seconds": round(seconds, 2),
        "ratio_to_bare": round(seconds / bare, 2),
        "limit": limit,
        "ok": ok,
    }


def _seconds(command: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise StepError(
            f"bench: {' '.join(command[1:5])} ended with {done.returncode}: {done.stderr[-500:]}"
        )
    return time.perf_counter() - started


def _bare_notebooks(folder: Path) -> list[Path]:
    """Write one notebook per step that only imports what the step's notebook imports."""
    written = []
    for step in [step for step in STEPS.values() if step.notebook]:
        assert step.notebook is not None
        notebook = json.loads(step.notebook.read_text(encoding="utf-8"))
        lines = [
            line
            for cell in notebook["cells"]
            if cell["cell_type"] == "code"
            for line in "".join(cell["source"]).splitlines()
            if line.startswith(("import ", "from "))
        ]
        cell: dict[str, Any] = {
            "cell_type": "code",
            "id": "imports",
            "metadata": {},
            "source": "\n".join(lines),
            "outputs": [],
            "execution_count": None,
        }
        path = folder / step.notebook.name
        path.write_text(json.dumps(notebook | {"cells": [cell]}), encoding="utf-8")
        written.append(path)
    return written
