"""Shared runs and rules: the demo is run once, in the background, while the unit tests run."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

if TYPE_CHECKING:
    from playbook.market import World

ROOT = Path(__file__).resolve().parents[1]
_IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
if not _IS_WORKER:
    os.environ["PLAYBOOK_RUNS"] = tempfile.mkdtemp(prefix="playbook-test-")
_DEMO_RUNS = Path(
    os.environ["PLAYBOOK_RUNS"]
)  # one folder for all test processes; the kernels of nbval read it too
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["PYTHONHASHSEED"] = "0"
os.environ["TZ"] = "UTC"
os.environ.pop("ENGAGEMENT", None)
os.environ.pop("PERIOD", None)

_DAY = date(2024, 6, 30)
QUERY_EXAMPLES = {
    **dict.fromkeys(
        ["bought_after", "bought_to", "cut", "cutoff", "landmark", "lookback_from", "outcome_to", "since", "start", "until"], _DAY
    ),
    "customer": "000067", "kinds": "csat,ces", "days": 90, "follow_days": 90, "kind": "nps", "margin_rate": 0.4, "failures": "late,not solved",
}  # fmt: skip
"""A value for each parameter that some query takes beyond ``$as_of``."""

REQUIRED = {name for name in os.environ.get("PLAYBOOK_REQUIRE", "").split(",") if name}


class DemoRun:
    """The demo's two periods, run once by a process of its own, whichever test process starts it."""

    process: subprocess.Popen | None = None
    started, ended = _DEMO_RUNS / "started", _DEMO_RUNS / "ended"
    command = (
        "import os, subprocess, sys; from pathlib import Path; "
        "done = subprocess.run([sys.executable, '-m', 'playbook', 'run', 'demo', '--all-periods'], "
        "stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False); "
        "Path(sys.argv[1] + '.new').write_text(f'{done.returncode}\\n{done.stdout}', encoding='utf-8'); "
        "os.replace(sys.argv[1] + '.new', sys.argv[1])"
    )

    @classmethod
    def start(cls) -> None:
        with contextlib.suppress(FileExistsError):
            cls.started.touch(exist_ok=False)
            cls.process = subprocess.Popen(
                [sys.executable, "-c", cls.command, str(cls.ended)],
                cwd=ROOT,
                start_new_session=True,
            )

    @classmethod
    def wait(cls) -> str:
        """Return what the run printed, once it has ended well."""
        until = time.monotonic() + 600
        while not cls.ended.exists() and time.monotonic() < until:
            time.sleep(0.1)
        if not cls.ended.exists():
            pytest.exit("the demo's run did not end within ten minutes", returncode=1)
        code, output = cls.ended.read_text(encoding="utf-8").split("\n", 1)
        if code != "0":
            pytest.exit(f"the demo's run failed:\n{output}", returncode=1)
        return output


def _needs_demo(item: pytest.Item) -> bool:
    return type(item).__name__ == "IPyNbCell" or "demo" in getattr(item, "fixturenames", ())


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Leave HTML out of nbval's comparison: the plain text holds the same numbers."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("text/html",)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files that need the demo's run last, notebooks at the very end, and the longest file first.

    Whole files, as test processes share the work file by file.
    """
    demo = {item.path for item in items if _needs_demo(item)}
    for item in items:
        if _needs_demo(item):
            item.add_marker(pytest.mark.timeout(900))  # the run may not have ended yet
    items.sort(
        key=lambda item: (
            item.path in demo,
            item.path.suffix == ".ipynb",
            item.path.name != "test_runner.py",
        )
    )


def pytest_collection_finish(session: pytest.Session) -> None:
    if not session.config.option.collectonly and any(map(_needs_demo, session.items)):
        DemoRun.start()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if _needs_demo(item):
        DemoRun.wait()


def pytest_sessionfinish(session: pytest.Session) -> None:
    if DemoRun.process is not None and DemoRun.process.poll() is None:
        os.killpg(DemoRun.process.pid, signal.SIGKILL)
        DemoRun.process.wait()
    if not _IS_WORKER:
        shutil.rmtree(_DEMO_RUNS, ignore_errors=True)


def skip_or_fail(what: str, message: str) -> None:
    """Skip a check the machine cannot do, unless PLAYBOOK_REQUIRE names it."""
    (pytest.fail if what in REQUIRED else pytest.skip)(message)


@pytest.fixture(scope="session")
def demo() -> Path:
    """Folder of the demo's runs, both periods done."""
    return _DEMO_RUNS / "demo"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the public data sets."""
    if not os.environ.get("PLAYBOOK_REAL_DATA"):
        skip_or_fail(
            "real_data", "PLAYBOOK_REAL_DATA is not set: the public data sets are not here"
        )
    return Path(os.environ["PLAYBOOK_REAL_DATA"])


YEARS_LATER = 28
"""The calendar repeats: the same days of the week, the same leap years."""
DAYS_LATER = timedelta(days=10_227)
_DAY_OF_PLAN = re.compile(r"\b(20\d\d)(?=-\d\d-\d\d\b)")


def tables_later(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the standard tables as if all had happened 28 years later."""
    moved = {}
    for name, frame in tables.items():
        days = frame.select_dtypes("datetime").columns
        moved[name] = frame.assign(**{day: frame[day] + DAYS_LATER for day in days})
        if "year" in frame:
            moved[name]["year"] += YEARS_LATER
    return moved


@pytest.fixture(scope="session")
def tiny_world() -> World:
    """The simulated client of 300 customers."""
    from playbook.market import simulate

    return simulate(customers=300, seed=7)


def write_tiny(data: Path, world: World, years: int = 0) -> Path:
    """Write the engagement ``tiny``: the demo's plans over a world in standard tables, so many years later.

    Periods keep their names.
    """
    from playbook.market import write_inbox

    folder = data / "tiny"
    shutil.copytree(ROOT / "data" / "demo", folder, ignore=shutil.ignore_patterns("inbox"))
    lasting = (folder / "engagement.yml").read_text(encoding="utf-8").split("\ninbox:")[0]
    mapping = (ROOT / "tests" / "plain_inbox.yml").read_text(encoding="utf-8")
    (folder / "engagement.yml").write_text(f"{lasting}\n{mapping}", encoding="utf-8")
    write_inbox(world, folder / "inbox")
    for path in [*folder.glob("*/20??.yml"), folder / "engagement.yml"]:
        text = path.read_text(encoding="utf-8")
        text = _DAY_OF_PLAN.sub(lambda m: str(int(m[1]) + years), text)
        path.write_text(text, encoding="utf-8")
    return data


@pytest.fixture(scope="session")
def tiny_inputs(tiny_world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the engagement ``tiny``."""
    return write_tiny(tmp_path_factory.mktemp("data"), tiny_world)


def run_playbook(
    data: Path, runs: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess:
    """Run ``python -m playbook`` over a data folder and return what it said."""
    return subprocess.run(
        [sys.executable, "-m", "playbook", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | {"PLAYBOOK_DATA": str(data), "PLAYBOOK_RUNS": str(runs)} | environment,
    )  # fmt: skip


@pytest.fixture(scope="session")
def tiny_run(tiny_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of one whole run of ``tiny``, period 2025."""
    runs = tmp_path_factory.mktemp("runs")
    done = run_playbook(tiny_inputs, runs, "run", "tiny", "--period", "2025")
    assert done.returncode == 0, done.stdout + done.stderr
    return runs / "tiny" / "2025"


@pytest.fixture
def delivery(tmp_path: Path) -> Iterator[Path]:
    """A well-formed engagement ``acme`` of two customers and three orders, to be broken by a test."""
    folder = tmp_path / "acme"
    (folder / "inbox").mkdir(parents=True)
    (folder / "plans").mkdir()
    (folder / "engagement.yml").write_text(
        'client: Acme\nbrand: Acme\ncurrency: EUR\nconstraints: {max_quarantined_share: 0.5}\ninbox:\n  - {files: "customers.csv", table: customers}\n'
        '  - {files: "orders*", table: orders}\n',
        encoding="utf-8",
    )
    (folder / "plans" / "2025.yml").write_text("as_of: 2025-12-31\n", encoding="utf-8")
    (folder / "inbox" / "customers.csv").write_text(
        "customer_id,name\n001,Ada\n002,Grace\n", encoding="utf-8"
    )
    (folder / "inbox" / "orders.csv").write_text(
        "order_id,customer_id,ordered_at,revenue\n0001,001,2025-01-05,10.10\n0002,002,2025-02-06 12:00:00,20.20\n0003,,2025-03-07,-5.05\n",
        encoding="utf-8",
    )
    yield tmp_path


def write_gzip(path: Path, text: str) -> None:
    """Write text as a gzip file without time stamp."""
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) as packed:
        packed.write(text.encode())
