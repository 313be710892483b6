"""The runner on ``tiny``: what re-runs and what not, faults, attacks, and the same bytes whatever the order."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from conftest import ROOT, YEARS_LATER, run_playbook, tables_later, write_tiny

from playbook.engagement import open_folder
from playbook.market import World
from playbook.runner import graph
from playbook.runner.graph import STEPS, needed, notebook_digest

NOT_SAID = re.compile(
    r"data:image/[^\"]*|\b[0-9a-f]{64}\b|\"bytes\": \d+|(?<=<td>fxiaoke</td>)(<td class=\"number\">[\d,]+</td>)+|[\d,]+ delivered rows"
)
"""Pictures, digests and sizes of packed files, and how many rows were delivered, later ones included."""
YEAR_LATER = re.compile(r"(?<![\d.])20(4[6-9]|5\d)(?!\d|\.\d)")
"""Years that the client of 28 years later speaks of."""


def _text(path: Path) -> str:
    """Return all that a file says: tables and workbooks to the last digit, texts without pictures and digests."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_csv()
    if path.suffix == ".xlsx":
        sheets = pd.read_excel(path, sheet_name=None, dtype="str", engine="calamine")
        return "".join(f"{name}\n{sheet.to_csv()}" for name, sheet in sheets.items())
    return NOT_SAID.sub("", path.read_text(encoding="utf-8"))


def _earlier(text: str) -> str:
    return YEAR_LATER.sub(lambda m: str(int(m[0]) - YEARS_LATER), text)


def _said(run: Path) -> dict[str, Path]:
    """Return the files that a run leaves to its readers, without the audit of what was delivered (step 2)."""
    folders = ("results", "crm", "report", "handouts")
    files = [p for folder in folders for p in sorted((run / folder).rglob("*")) if p.is_file()]
    kept = [p for p in [*files, run / "next-plan.yml"] if p.suffix != ".png"]
    return {str(p.relative_to(run)): p for p in kept if not re.match(r"02_|notebook_02", p.name)}


def test_each_step_waits_for_what_it_reads() -> None:
    assert needed("segmentation") == ["intake", "01", "02", "03"]
    assert needed("report") == list(STEPS)


def test_a_notebooks_digest_knows_its_sources_only(tmp_path: Path) -> None:
    notebook = json.loads((ROOT / "notebooks" / "01_objectives.ipynb").read_text(encoding="utf-8"))
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    before = notebook_digest(path)
    notebook["cells"][-1]["outputs"], notebook["cells"][-1]["execution_count"] = [], None
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert notebook_digest(path) == before
    notebook["cells"][-1]["source"] = "run.done()  # edited"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert notebook_digest(path) != before


def test_a_whole_run_leaves_everything_it_promises(tiny_run: Path) -> None:
    assert len(list((tiny_run / "notebooks").glob("0?_*.ipynb"))) == 7
    assert (tiny_run / "report" / "index.html").is_file()
    manifest = json.loads((tiny_run / "manifest.json").read_text(encoding="utf-8"))
    assert [step["step"] for step in manifest["steps"]] == list(STEPS)
    assert oct((tiny_run / "quarantine").stat().st_mode)[-3:] == "700"
    assert str(ROOT) not in (tiny_run / "manifest.json").read_text(encoding="utf-8")


def test_a_second_run_does_nothing_and_touching_changes_nothing(
    tiny_inputs: Path, tiny_run: Path
) -> None:
    for path in (tiny_inputs / "tiny" / "inbox").iterdir():
        os.utime(path, (1, 1))
    started = time.monotonic()
    done = run_playbook(tiny_inputs, tiny_run.parents[1], "run", "tiny", "--period", "2025")
    assert done.returncode == 0 and "nothing to do" in done.stdout
    assert time.monotonic() - started < 5


LATER = {
    "orders_2053": ("OrderNo", "OrderDate"),
    "reviews": ("review_id", "created_at"),
    "leads": ("lead_id", "created_at"),
    "switching": (None, "moved_at"),
    "loyalty_events": (None, "occurred_at"),
    "opportunities": ("opportunity_id", "created_at"),
    "survey_answers": ("response_id", "answered_at"),
    "campaigns": ("campaign_id", "started_at"),
}
"""Delivered file to its key and time columns, for rows of the year after ``as_of``."""


def _rewrite(path: Path) -> None:
    """Shuffle a delivered file's rows and columns, and add rows of the following year."""
    frame = pd.read_csv(path, dtype="str", keep_default_na=False)
    key, time_column = LATER.get(path.name.split(".")[0], (None, None))
    if time_column:
        later = frame.tail(20).assign(**{time_column: "2054-05-06 07:08:09"})
        if key:
            later[key] = "L" + later[key]
        frame = pd.concat([frame, later])
    frame.sample(frac=1, random_state=3)[sorted(frame.columns)].to_csv(path, index=False)


class Disturbed(NamedTuple):
    """A run 28 years later, over shuffled files in another time zone, locale and hash seed, killed after its first notebook and taken up again."""

    folder: Path
    stamp: dict
    said: str


@pytest.fixture(scope="module")
def disturbed(tiny_world: World, tmp_path_factory: pytest.TempPathFactory) -> Disturbed:
    data, runs = tmp_path_factory.mktemp("other"), tmp_path_factory.mktemp("other-runs")
    write_tiny(data, replace(tiny_world, tables=tables_later(tiny_world.tables)), YEARS_LATER)
    for path in sorted((data / "tiny" / "inbox").glob("*.csv*")):
        _rewrite(path)
    other = {"TZ": "Pacific/Auckland", "PYTHONHASHSEED": "7", "LC_ALL": "C"}
    process = subprocess.Popen(
        [sys.executable, "-m", "playbook", "run", "tiny", "--period", "2025"], cwd=ROOT, start_new_session=True,
        stdout=subprocess.DEVNULL, env=os.environ | {"PLAYBOOK_DATA": str(data), "PLAYBOOK_RUNS": str(runs)} | other,
    )  # fmt: skip
    stamp = runs / "tiny" / "2025" / ".stamps" / "01.json"
    _until(stamp.is_file, 120)
    kernels = _children(process.pid)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _until(lambda: not any(_alive(pid) for pid in kernels), 20)
    kept = json.loads(stamp.read_text(encoding="utf-8"))
    done = run_playbook(data, runs, "run", "tiny", "--period", "2025", **other)
    assert done.returncode == 0, done.stdout + done.stderr
    return Disturbed(runs / "tiny" / "2025", kept, done.stdout)


def test_a_killed_run_goes_on_where_it_was_and_leaves_no_kernel(disturbed: Disturbed) -> None:
    assert disturbed.stamp["step"] == "01"
    assert "01 objectives" not in disturbed.said and "02 research" in disturbed.said


def test_calendar_order_clock_hash_seed_later_rows_and_a_kill_do_not_matter(
    disturbed: Disturbed, tiny_run: Path
) -> None:
    """All days 28 years later, rows and columns shuffled, rows of the year after added, another time zone, locale and hash seed.

    Every table, list, page and sentence is the same, but for its dates. The audit of what was delivered (step 2) is left
    out: it counts later rows, and finds records that are alike by the digits of their birth dates.
    """
    ours, theirs = _said(tiny_run), _said(disturbed.folder)
    assert ours.keys() == theirs.keys() and len(ours) > 100
    assert [
        name for name, path in ours.items() if _text(path) != _earlier(_text(theirs[name]))
    ] == []


def test_an_edited_notebook_runs_again_with_what_depends_on_it_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def prints() -> dict[str, str]:
        done: dict[str, str] = {}
        for id_, step in STEPS.items():
            done[id_] = graph.fingerprint(open_folder("demo"), "2025", step, done)
        return done

    before, digest = prints(), graph.notebook_digest
    monkeypatch.setattr(
        graph,
        "notebook_digest",
        lambda p: digest(p) + ("edited" if p.stem.startswith("05") else ""),
    )
    after = prints()
    assert [id_ for id_ in STEPS if before[id_] != after[id_]] == ["05", "06", "07", "report"]


def _until(holds, seconds: float) -> None:
    """Wait for a condition of another process, which has no event to wait on."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    found = subprocess.run(
        ["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    return [int(p) for p in found]


def _alive(pid: int) -> bool:
    try:
        return (
            Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
            if Path("/proc").is_dir()
            else os.kill(pid, 0) is None
        )
    except (OSError, IndexError):
        return False


def test_a_second_run_of_the_same_engagement_is_turned_away(
    tiny_inputs: Path, tmp_path: Path
) -> None:
    from filelock import FileLock

    (tmp_path / "tiny").mkdir()
    with FileLock(tmp_path / "tiny" / ".lock"):
        done = run_playbook(tiny_inputs, tmp_path, "run", "tiny", "--period", "2025")
    assert done.returncode == 75 and "a run is under way" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run", "../x"), 2, "engagement '../x'"),
        (("run", "x; touch p"), 2, "engagement 'x; touch p'"),
        (("run", "nobody"), 2, "no data/nobody/engagement.yml"),
        (("run", "tiny", "--period", "1999"), 2, "plans/1999.yml: no such plan"),
        (("run", "tiny", "--step", "sevenths"), 2, "expected one of intake"),
    ],
)
def test_wrong_use_is_named(
    tiny_inputs: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = run_playbook(tiny_inputs, tmp_path, *arguments)
    assert done.returncode == code and said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_plan_with_an_unknown_notebook_parameter_is_refused(
    delivery: Path, tmp_path: Path
) -> None:
    (delivery / "acme" / "plans" / "2025.yml").write_text(
        "as_of: 2025-12-31\nparameters: {objectives: {horizn: 3}}\n", encoding="utf-8"
    )
    done = run_playbook(delivery, tmp_path / "runs", "run", "acme", "--step", "objectives")
    assert done.returncode == 2 and "the notebook has no such parameter" in done.stderr


def test_a_folder_that_cannot_be_written_is_named_before_any_work(
    delivery: Path, tmp_path: Path
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, no folder", encoding="utf-8")
    done = run_playbook(delivery, blocked, "run", "acme")
    assert done.returncode == 1 and "cannot write there" in done.stderr


def test_customers_and_orders_alone_are_enough(delivery: Path, tmp_path: Path) -> None:
    """Two customers, three orders: every step says what is missing, and the run ends well."""
    done = run_playbook(delivery, tmp_path / "runs", "run", "acme")
    assert done.returncode == 0, done.stdout + done.stderr
    start = (tmp_path / "runs" / "acme" / "2025" / "report" / "index.html").read_text(
        encoding="utf-8"
    )
    assert "What we do not know yet" in start
