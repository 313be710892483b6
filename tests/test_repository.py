"""The repository's own promises: generated pages, the lock, the Makefile, the imports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from playbook.docs import pages


def _locked() -> dict[str, str]:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    return {m[1].lower(): m[2] for m in re.finditer(r"(?m)^([A-Za-z0-9_.-]+)==([^ ;\\]+)", text)}


def _declared() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    return sorted(re.match(r"[A-Za-z0-9_.-]+", item)[0].lower() for item in wanted)  # type: ignore[index]


@pytest.mark.parametrize("name", sorted(pages()))
def test_generated_pages_are_current(name: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == pages()[name], "run 'make docs'"


def test_the_lock_is_exact_hashed_and_names_no_index() -> None:
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"^--|https?://|file:|find-links", text, re.M)
    assert text.count("==") <= text.count("--hash=sha256:")
    assert set(_declared()) <= set(_locked())


def test_the_conda_environment_holds_the_same_versions() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    pinned = next(item for item in environment["dependencies"] if isinstance(item, dict))["pip"]
    versions = dict(item.split("==") for item in pinned if "==" in item)
    assert versions == {name: _locked()[name] for name in _declared()}


@pytest.mark.parametrize(
    "payload",
    ["x; touch pwned", "$(shell touch pwned)", "`touch pwned`", "../demo", "demo\ntouch pwned"],
)
def test_make_never_runs_what_a_name_contains(payload: str, tmp_path: Path) -> None:
    for argument in (f"ENGAGEMENT={payload}", f"PERIOD={payload}"):
        done = subprocess.run(
            ["make", "-C", str(ROOT), "NO_VENV=1", f"PY={sys.executable}", "run", argument],
            capture_output=True, text=True, check=False, env=os.environ | {"PLAYBOOK_RUNS": str(tmp_path)},
        )  # fmt: skip
        assert done.returncode != 0 and "expected small letters" in done.stderr, done.stderr
    assert not (ROOT / "pwned").exists()


def test_make_help_lists_the_targets() -> None:
    done = subprocess.run(
        ["make", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True
    )
    assert {"demo", "run", "check", "test", "validate"} <= set(
        re.findall(r"make (\S+)", done.stdout)
    )


def test_imports_run_one_way() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "0 broken" in done.stdout, done.stdout


def test_code_is_formatted_and_clean() -> None:
    for arguments in (["format", "--check", "."], ["check", "."]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_types_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_nothing_unsafe_is_loaded_or_evaluated() -> None:
    unsafe = re.compile(
        r"import pickle|from pickle|\bpickle\.|joblib\.load|read_pickle|yaml\.load\(|(?<![.\w])eval\(|(?<![.\w])exec\(|shell=True"
    )
    found = [
        p.name
        for p in (ROOT / "playbook").rglob("*.py")
        if unsafe.search(p.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_a_run_that_is_up_to_date_imports_no_heavy_library() -> None:
    code = "import sys, playbook.runner.run_steps, playbook.cli; print([m for m in ('pandas', 'duckdb', 'papermill', 'matplotlib') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_published_figures_are_met() -> None:
    from playbook.validation import all_checks

    checks = all_checks()
    assert len(checks) >= 30
    assert [f"{c.id}: {c.ours} instead of {c.published}" for c in checks if not c.ok] == []
