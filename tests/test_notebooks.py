"""The notebooks are documents: their shape, their length, and that the demo covers the method."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from playbook.coverage import coverage, method
from playbook.engagement import open_folder
from playbook.runner.graph import STEPS

NOTEBOOKS = [step.notebook for step in STEPS.values() if step.notebook]
FORBIDDEN = (ast.For, ast.While, ast.FunctionDef, ast.ClassDef, ast.Try, ast.With, ast.Lambda)


def _cells(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def _code(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in _cells(path) if cell["cell_type"] == "code"]


def _tags(cell: dict[str, Any]) -> list[str]:
    return cell["metadata"].get("tags", [])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_the_notebook_reads_as_a_document(path: Path) -> None:
    cells = _cells(path)
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    assert len(re.findall(r"^# ", text, re.M)) == 1
    assert "".join(cells[0]["source"]).startswith("# ")
    assert [c for c in cells if "parameters" in _tags(c)], "a cell tagged parameters"
    assert any("exercises" in _tags(c) for c in cells) and "## References" in text
    assert "".join(_code(path)[-1]["source"]).strip() == "run.done()"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_code_cells_are_short_and_choose_nothing_but_calls(path: Path) -> None:
    for cell in _code(path):
        source = "".join(cell["source"])
        assert 1 <= source.count("\n") + 1 <= 12, source
        assert not re.search(
            r"^\s*[%!]|;\s*$|(?<![\w.])/(?:home|tmp|root|work)/|\bMarkdown\(|\bHTML\(|sys\.exit",
            source,
            re.M,
        ), source
        assert not [n for n in ast.walk(ast.parse(source)) if isinstance(n, FORBIDDEN)], source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_outputs_are_whole_small_and_without_error(path: Path) -> None:
    cells = _code(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        for output in cell["outputs"]:
            assert output["output_type"] in ("execute_result", "display_data"), output
            text = "".join(output["data"].get("text/plain", ""))
            assert text.count("\n") <= 30 and len(text) < 100_000, text[:200]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_sections_are_those_of_the_method(path: Path) -> None:
    named = [
        tag.removeprefix("section:")
        for cell in _cells(path)
        for tag in _tags(cell)
        if tag.startswith("section:")
    ]
    wanted = [part["section"] for part in method() if part["step"] == path.name[:2]]
    assert sorted(named) == sorted(wanted)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_no_personal_data_is_committed(path: Path) -> None:
    outputs = json.dumps([cell["outputs"] for cell in _code(path)], ensure_ascii=False)
    outputs = re.sub(r'"image/png": "[^"]*"', "", outputs)
    assert not re.findall(r"[\w.+-]+@[\w-]+\.\w+|\+(?:44|46|49)[ \d]{8,}", outputs)


def test_every_part_of_the_method_has_output_in_the_demo(demo: Path) -> None:
    rows = coverage(open_folder("demo"), "2025")
    assert len(rows) == len(method())
    assert [f"{row['id']}: {row['state']}" for row in rows if row["state"] != "output"] == []
