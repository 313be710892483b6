"""The review as a command, on runs that are made up file by file: what is refused with which mend, what is written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT
from reviews import BEFORE, DAY, NONE, effects_of, plan_of

from playbook import cli, contract, monitoring, results
from playbook.answer import Missing
from playbook.atomic import save_json
from playbook.engagement import Folder, model_text, open_folder
from playbook.report.review_page import read_review_page
from playbook.run import open_run
from playbook.runner import review as review_module
from playbook.runner.graph import STEPS, outputs_of, stamp_path
from playbook.runner.run_steps import _Period


@pytest.fixture
def acme(delivery: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Folder:
    """Engagement ``acme`` with plans of 2024 to 2026 and a whole run of 2024."""
    monkeypatch.setenv("PLAYBOOK_DATA", str(delivery))
    monkeypatch.setenv("PLAYBOOK_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("FORCE", raising=False)
    folder = open_folder("acme")
    for year in (2024, 2025):
        text = model_text(plan_of(date(year, 12, 31)))
        folder.plan_file(str(year)).write_text(text, encoding="utf-8")
    run_of(folder, "2024")
    return folder


def run_of(folder: Folder, period: str) -> Path:
    """Write a run in which every step is done and every result is missing for a reason, except the strategies."""
    root = folder.run(period)
    done: dict[str, str] = {}
    for name, result in contract.CONTRACT.items():
        results.save(root / "results", result.step, name, NONE)
    frame = pd.DataFrame([{"segment": "a", "strategy": "exit"}])
    columns = contract.CONTRACT["strategies"].columns
    results.save(root / "results", "03", "strategies", frame.reindex(columns=columns))
    period_ = _Period(folder, period, "Acme")
    for step in STEPS.values():
        made = [p for n, c in contract.CONTRACT.items() if c.step == step.id for p in (root / "results").glob(f"{n}.*")]  # fmt: skip
        versions = {n: c.version for n, c in contract.CONTRACT.items() if c.step == step.id}
        stamp = {"step": step.id, "fingerprint": step.id, "after": {i: i for i in step.after}, "outputs": outputs_of(folder, period, made), "results": versions, "metrics": {}}  # fmt: skip
        save_json(stamp_path(folder, period, step.id), stamp)
        done[step.id] = step.id
    period_._manifest(True)
    return root


def refused(capsys: pytest.CaptureFixture, *arguments: str) -> tuple[int, str]:
    code = cli.main(["review", "acme", *arguments])
    return code, capsys.readouterr().err


def change(path: Path, edit: Callable[[dict], object]) -> None:
    said = json.loads(path.read_text(encoding="utf-8"))
    edit(said)
    path.write_text(json.dumps(said), encoding="utf-8")


def other_currency(folder: Folder) -> None:
    path = folder.inputs / "engagement.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("EUR", "SEK"), encoding="utf-8")


def later_plan(folder: Folder) -> None:
    path = folder.plan_file("2024")
    path.write_text(path.read_text(encoding="utf-8").replace("2024-12-31", "2024-12-30"))


AGAIN = "make run ENGAGEMENT=acme PERIOD=2024"
MANIFEST = "manifest.json"
FAULTS: dict[str, tuple[Callable[[Folder, Path], object], int, str]] = {
    "no run": (lambda f, r: shutil.rmtree(r), 3, "there is none"),
    "another engagement": (lambda f, r: change(r / MANIFEST, lambda m: m.update(engagement="other")), 3, "another client's run"),
    "another currency": (lambda f, r: other_currency(f), 3, "amounts are in EUR, engagement.yml now says SEK"),
    "unreadable": (lambda f, r: (r / MANIFEST).write_text("{"), 3, "cannot be read"),
    "no manifest but a list": (lambda f, r: (r / MANIFEST).write_text("[1]"), 3, "cannot be read"),
    "changed result": (lambda f, r: (r / "results" / "strategies.parquet").write_bytes(b"x"), 3, "strategies.parquet is not as the run left it"),
    "lost result": (lambda f, r: (r / "results" / "segments.missing.json").unlink(), 3, "segments.missing.json is gone"),
    "failed step": (lambda f, r: stamp_path(f, "2024", "05").unlink(), 3, "step 05 experience is not done"),
    "half run again": (lambda f, r: change(r / MANIFEST, lambda m: m["steps"][3].update(fingerprint="new")), 3, "step 03 segmentation ran again after"),
    "result of older playbook": (lambda f, r: change(r / MANIFEST, lambda m: m["steps"][7]["outputs"].pop("results/decision_log.missing.json")), 3, "no result decision_log"),
    "other version": (lambda f, r: change(r / MANIFEST, lambda m: m["steps"][3]["results"].update(segments=9)), 3, "result segments is of version 9, this playbook makes version 1"),
    "other figure": (lambda f, r: change(r / MANIFEST, lambda m: m["steps"][1].update(metrics={"nps": 2})), 3, "key figure nps is of version 2"),
    "plan moved": (lambda f, r: later_plan(f), 3, "has data up to 2024-12-31, plans/2024.yml now says 2024-12-30"),
    "earlier than the baseline": (lambda f, r: change(r / MANIFEST, lambda m: m.update(as_of="2026-01-01")), 2, "not after its baseline 2024"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_run_that_cannot_be_compared_is_refused_with_the_mend(
    acme: Folder, capsys: pytest.CaptureFixture, fault: str
) -> None:
    spoil, code, said = FAULTS[fault]
    spoil(acme, acme.run("2024"))
    found, error = refused(capsys, "--period", "2025")
    assert (found, said in error, AGAIN in error) == (code, True, True), error
    loaded = open_run("acme", "2025", "07").load_previous("strategies")
    harmless = {"failed step", "half run again", "lost result", "result of older playbook"}
    assert isinstance(loaded, Missing) == (fault not in harmless), "no notebook compares it either"


def test_the_first_period_has_nothing_to_review(
    acme: Folder, capsys: pytest.CaptureFixture
) -> None:
    code, error = refused(capsys, "--period", "2024")
    assert code == 2 and "no earlier plan" in error


def test_a_changed_definition_is_refused_with_the_command(
    acme: Folder, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(contract.METRIC_VERSIONS, "retention_rate", 2)
    code, error = refused(capsys, "--period", "2025")
    assert code == 3 and "key figure retention_rate is of version 1" in error and AGAIN in error


def test_a_manifest_of_the_first_shape_is_still_read(acme: Folder) -> None:
    def plain(manifest: dict) -> None:
        manifest.pop("currency")
        for step in manifest["steps"]:
            step.pop("after"), step.pop("metrics")

    change(acme.run("2024") / MANIFEST, plain)
    assert isinstance(open_run("acme", "2025", "07").load_previous("strategies"), pd.DataFrame)


@pytest.fixture
def reviewed(acme: Folder, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """``acme``, where running a period writes the review that its notes ask for."""

    def run(folder: Folder, periods: list[str]) -> None:
        period = periods[0]
        notes = folder.review_notes(period)
        previous = folder.plan(folder.previous(period))
        review = monitoring.annual_review(
            previous, effects_of(), NONE, NONE, folder.plan(period).as_of, previous.as_of, notes.forced, notes.overrides,
        )  # fmt: skip
        run_of(folder, period)
        where = folder.run(period) / "results"
        results.save(where, "07", "review", review if isinstance(review, Missing) else review.table)

    monkeypatch.setattr(review_module, "run_periods", run)
    return acme


def test_the_review_prints_its_ten_lines_and_where_the_page_is(
    reviewed: Folder, capsys: pytest.CaptureFixture
) -> None:
    assert cli.main(["review", "acme", "--period", "2025"]) == 0
    said = capsys.readouterr().out
    assert "Review of 2025 against 2024: 1 to keep, 1 to adjust, 1 to stop" in said
    assert "report/review.html" in said and "next-plan.yml" in said


def test_an_early_review_needs_a_reason_which_is_kept_and_shown(
    reviewed: Folder, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = model_text(plan_of(date(2025, 6, 30)))
    reviewed.plan_file("2025-06").write_text(text, encoding="utf-8")
    early = "--period", "2025-06"
    code, error = refused(capsys, *early)
    assert code == 2 and "strategies are reviewed once a year" in error and "FORCE=" in error
    for empty in ("", " \t"):
        code, error = refused(capsys, *early, "--force", empty)
        assert code == 2 and "--force is empty" in error
    assert not reviewed.notes_file("2025-06").exists()
    assert reviewed.previous("2025") == "2024", "monitoring in between changes no strategy"
    assert reviewed.periods_by_day() == ["2024", "2025-06", "2025"]
    monkeypatch.setenv("FORCE", "Sale of the shop: $(touch pwned) <b>\x1b[31m")
    assert cli.main(["review", "acme", *early]) == 0
    assert "Sale of the shop: $(touch pwned) <b> [31m" in capsys.readouterr().out
    assert reviewed.review_notes("2025-06").forced.startswith("Sale of the shop")
    page = read_review_page(reviewed, "2025-06")
    assert page is not None and page.forced.startswith("Sale of the shop")
    assert reviewed.previous("2025") == "2025-06", "a forced review counts as the last one"
    monkeypatch.delenv("FORCE")
    assert cli.main(["review", "acme", *early]) == 0, "the same period again is no new review"
    capsys.readouterr()
    code, error = refused(capsys, *early, "--force", "Another reason")
    assert code == 2 and "says 'Sale of the shop" in error


def test_a_reason_that_is_not_needed_is_not_recorded(
    reviewed: Folder, capsys: pytest.CaptureFixture
) -> None:
    assert cli.main(["review", "acme", "--period", "2025", "--force", "just so"]) == 0
    assert "was not needed" in capsys.readouterr().out
    assert not reviewed.notes_file("2025").exists()


def test_a_plan_without_anything_to_review_says_so(
    reviewed: Folder, capsys: pytest.CaptureFixture
) -> None:
    reviewed.plan_file("2024").write_text("as_of: 2024-12-31\n", encoding="utf-8")
    code, error = refused(capsys, "--period", "2025")
    assert code == 3 and "names no initiatives and no strategies" in error


@pytest.mark.parametrize("payload", ["x; touch pwned", "$(shell touch pwned)", "`touch pwned`"])
def test_make_hands_the_reason_on_as_text(payload: str, tmp_path: Path) -> None:
    command = ["make", "-C", str(ROOT), "NO_VENV=1", f"PY={sys.executable}", "review"]
    done = subprocess.run(
        [*command, "ENGAGEMENT=nobody", "PERIOD=2025", f"FORCE={payload}"],
        capture_output=True, text=True, check=False, env=os.environ | {"PLAYBOOK_RUNS": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode != 0 and "no data/nobody/engagement.yml" in done.stderr
    assert not (ROOT / "pwned").exists()


GIVEN = {"kind": "initiative", "id": "bad", "decision": "keep", "by": "ceo", "day": "2026-01-20", "reason": "x"}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "nobody"}, "override 1 (initiative nobody): not under review; under review are: bad, blind, good"),
        ({"kind": "strategy", "id": "zzz"}, "not under review; under review are: a"),
        ({"day": "2025-06-01"}, "before the data end (2025-12-31)"),
        ({"reason": '" "'}, "is empty"),
        ({"decision": "maybe"}, "'keep', 'adjust' or 'stop'"),
        ({"by": "janitor"}, "is no role of engagement.yml"),
        ({"because": "x"}, "unknown key"),
    ],
)  # fmt: skip
def test_wrong_notes_of_the_reviewer_are_named(
    reviewed: Folder, capsys: pytest.CaptureFixture, changes: dict, said: str
) -> None:
    engagement = reviewed.inputs / "engagement.yml"
    roles = "roles:\n  - {id: ceo, title: CEO, department: Board, person_days_per_month: 5}\n"
    engagement.write_text(engagement.read_text(encoding="utf-8") + roles, encoding="utf-8")
    path = reviewed.notes_file("2025")
    path.parent.mkdir()
    line = ", ".join(f"{key}: {value}" for key, value in (GIVEN | changes).items())
    path.write_text(f"overrides:\n  - {{{line}}}\n", encoding="utf-8")
    code, error = refused(capsys, "--period", "2025")
    assert code == 2 and said in error and "2025.yml" in error, error


def test_the_draft_validates_and_runs_once_it_is_moved_to_the_plans(
    acme: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The draft of 2025 becomes plans/2026.yml; intake and the whole first notebook run on it, cell by cell."""
    from playbook.intake import take_in

    goal = {"id": "more", "name": "More", "area": "acquisition", "metric": "new_customers", "target": 5.0, "due": DAY,
            "owner": "ceo", "serves": "vision", "because": "growth"}  # fmt: skip
    plan = plan_of(DAY, objectives=[goal])
    acme.plan_file("2025").write_text(model_text(plan), encoding="utf-8")
    review = monitoring.annual_review(plan_of(), effects_of(), NONE, NONE, DAY, BEFORE)
    open_run("acme", "2025", "07").write_next_plan(monitoring.next_plan(plan, NONE, review))
    shutil.move(acme.run("2025") / "next-plan.yml", acme.plan_file("2026"))
    moved = acme.plan("2026")
    assert moved.as_of == date(2026, 12, 31) and acme.previous("2026") == "2025"
    assert [i.id for i in moved.initiatives] == ["good", "blind"]
    take_in(acme.inbox, acme.engagement(), acme.run("2026"), moved.as_of)
    book = json.loads((ROOT / "notebooks" / "01_objectives.ipynb").read_text(encoding="utf-8"))  # fmt: skip
    space: dict = {}
    for cell in (c for c in book["cells"] if c["cell_type"] == "code"):
        exec("".join(cell["source"]), space)
        if "parameters" in cell["metadata"].get("tags", []):
            space |= {"engagement": "acme", "period": "2026"}
    objectives = results.load(acme.run("2026") / "results", "objectives")
    assert isinstance(objectives, Missing) or list(objectives["id"]) == ["more"]
    assert (acme.run("2026") / "results" / "01_metrics.json").is_file()
