"""A new engagement: valid files, nothing overwritten, the year asked for and never guessed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from playbook.cli import main
from playbook.engagement import Engagement, Plan, open_folder
from playbook.errors import PlanError
from playbook.intake import take_in
from playbook.scaffold import scaffold

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAYBOOK_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PLAYBOOK_RUNS", str(tmp_path / "runs"))


@pytest.mark.parametrize("client", ["Acme Ltd", 'Acme "Tools" & Söhne: #1 {x}', "null", "客户", ""])
def test_the_files_are_valid_and_say_what_was_asked(client: str) -> None:
    said = scaffold("acme", "2025", client, "SEK")
    folder = open_folder("acme")
    engagement, plan = folder.engagement(), folder.plan("2025")
    assert engagement.client == (client or "Acme") and engagement.currency == "SEK"
    assert engagement.inbox == [] and str(plan.as_of) == "2025-12-31"
    assert folder.inbox.is_dir() and "make check ENGAGEMENT=acme" in said


def test_every_key_of_the_files_is_explained(tmp_path: Path) -> None:
    scaffold("acme", "2025")
    for path, model in (("engagement.yml", Engagement), ("plans/2025.yml", Plan)):
        lines = (tmp_path / "data" / "acme" / path).read_text(encoding="utf-8").splitlines()
        keys = [i for i, line in enumerate(lines) if line[:1].isalpha()]
        assert {lines[i].split(":")[0] for i in keys} <= set(model.model_fields)
        for block in "\n".join(lines).split("\n\n"):
            assert "#" in block, block


def test_the_commented_examples_are_valid_too(tmp_path: Path) -> None:
    scaffold("acme", "2025")
    text = (tmp_path / "data" / "acme" / "engagement.yml").read_text(encoding="utf-8")
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("#  - files"))
    end = next(i for i in range(start, len(lines)) if not lines[i].startswith("# "))
    example = yaml.safe_load("\n".join(line[1:] for line in lines[start:end]))
    engagement = Engagement(client="A", brand="B", currency="EUR", inbox=example)
    assert engagement.inbox[0].columns["order_id"] == "Invoice No"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "data" / "acme").mkdir(parents=True)
    (tmp_path / "data" / "acme" / "mine.txt").write_text("x")
    with pytest.raises(PlanError, match="exists already"):
        scaffold("acme", "2025")
    assert [p.name for p in (tmp_path / "data" / "acme").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("period", ["", "25", "next", "2025-h1", "20255"])
def test_the_year_is_asked_for(period: str, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="such as PERIOD=2025"):
        scaffold("acme", period)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["../acme", "Acme", "a b", "con", "a/b", ""])
def test_a_name_that_is_no_folder_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PlanError):
        scaffold(name, "2025")
    assert not (tmp_path / "data").exists()


def test_an_empty_inbox_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    scaffold("acme", "2025")
    folder = open_folder("acme")
    with pytest.raises(PlanError, match="make check proposes the entries"):
        take_in(folder.inbox, folder.engagement(), tmp_path / "run")
    assert main(["check", "acme"]) == 3
    assert "The analysis cannot run yet" in capsys.readouterr().out


def test_make_passes_names_on_without_running_them(tmp_path: Path) -> None:
    made = subprocess.run(
        ["make", "-s", "new", "NO_VENV=1", "ENGAGEMENT=acme", "PERIOD=2025", "CLIENT=A $(shell touch hit) `touch hit` \"q\" Ltd"],
        cwd=ROOT, env={**os.environ, "PATH": f"{Path(os.sys.executable).parent}:{os.environ['PATH']}"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert not (ROOT / "hit").exists()
    assert open_folder("acme").engagement().client == 'A $(shell touch hit) `touch hit` "q" Ltd'
