"""Runs the steps of one or more periods and keeps their stamps and the manifest."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from playbook.atomic import save_json
from playbook.contract import CONTRACT, METRIC_VERSIONS
from playbook.engagement import Folder
from playbook.errors import LockedError, PlaybookError, StepError
from playbook.runner.graph import (
    STEPS,
    Step,
    fingerprint,
    fresh,
    needed,
    outputs_of,
    stamp_path,
)
from playbook.runner.notes import check_notes

__all__ = ["run_periods"]

AT_ONCE = 2
KERNEL_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
    "JUPYTER_PREFER_ENV_PATH": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


def run_periods(folder: Folder, periods: list[str], target: str = "report") -> None:
    """Bring ``target`` and all it needs up to date for each period, in order.

    Raises
    ------
    PlaybookError
        With the exit code of what went wrong; steps finished before it stay done.
    """
    started = time.monotonic()
    engagement = folder.engagement()
    with _lock(folder):
        ran = sum(_Period(folder, period, engagement.client).run(target) for period in periods)
    where = f"{folder.run(periods[-1])}/report/index.html"
    seconds = time.monotonic() - started
    if ran:
        print(
            f"done: {ran} steps in {seconds:,.0f} s"
            + (f"; open {where}" if target == "report" else "")
        )
    else:
        print(
            f"nothing to do: {folder.name} {', '.join(periods)} is up to date ({seconds:.1f} s); {where}"
        )


@contextlib.contextmanager
def _lock(folder: Folder) -> Iterator[None]:
    from filelock import FileLock, Timeout

    try:
        folder.runs.mkdir(parents=True, exist_ok=True)
        (folder.runs / ".lock-holder").touch()
    except OSError as error:
        raise StepError(
            f"{folder.runs}: cannot write there ({error.strerror}); free the folder or set PLAYBOOK_RUNS"
        ) from None
    lock = FileLock(folder.runs / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        holder = (folder.runs / ".lock-holder").read_text(encoding="utf-8") or "another process"
        raise LockedError(
            f"{folder.name}: a run is under way ({holder}); wait for it or stop it"
        ) from None
    try:
        (folder.runs / ".lock-holder").write_text(f"process {os.getpid()}", encoding="utf-8")
        yield
    finally:
        lock.release()


class _Period:
    """One period's run under way."""

    def __init__(self, folder: Folder, period: str, client: str) -> None:
        folder.plan(period)
        check_notes(folder, period)
        self.folder = folder
        self.period = period
        self.client = client
        self.prints: dict[str, str] = {}
        self.wanted: dict[str, str] = {}
        self.timings: dict[str, float] = {}

    def run(self, target: str) -> int:
        """Run what is not up to date; return the number of steps run."""
        waiting = needed(target)
        ran = 0
        running: dict[Future, Step] = {}
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while waiting or running:
                for id_ in [i for i in waiting if all(a in self.prints for a in STEPS[i].after)]:
                    step = STEPS[id_]
                    wanted = fingerprint(self.folder, self.period, step, self.prints)
                    if fresh(self.folder, self.period, step, wanted):
                        waiting.remove(id_)
                        self.prints[id_] = wanted
                    elif len(running) < AT_ONCE:
                        waiting.remove(id_)
                        self.wanted[id_] = wanted
                        stamp_path(self.folder, self.period, id_).unlink(missing_ok=True)
                        running[pool.submit(self._timed, step)] = step
                if not running:
                    continue
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    step = running.pop(future)
                    self._finish(step, future, waiting, list(running.values()))
                    ran += 1
        self._manifest(ran > 0)
        return ran

    def _timed(self, step: Step) -> tuple[list[Path], str, float]:
        started = time.monotonic()
        files, said = self._do(step)
        return files, said, time.monotonic() - started

    def _do(self, step: Step) -> tuple[list[Path], str]:
        """Do one step; return its output files and what to say of it."""
        root = self.folder.run(self.period)
        if step.id == "intake":
            from playbook.intake import take_in

            as_of = self.folder.plan(self.period).as_of
            intake = take_in(self.folder.inbox, self.folder.engagement(), root, as_of)
            rows = intake.ledger[["rows_in", "kept", "quarantined", "merged"]].sum()
            files = [*(root / "tables").glob("*"), *(root / "quarantine").glob("*")]
            problems = sum(f["level"] == "problem" for f in intake.findings)
            return files, (
                f"{rows.rows_in:,} rows in = {rows.kept:,} kept + {rows.quarantined:,} quarantined + "
                f"{rows.merged:,} merged; {problems} problems"
            )
        if step.id == "report":
            from playbook.report import write_report

            return write_report(self.folder, self.period), "start page and seven step pages"
        from playbook import results
        from playbook.runner.execute import execute

        os.environ.update(KERNEL_ENVIRONMENT)
        notebook, cells = execute(self.folder, self.period, step)
        written = results.written(root / "results", step.id)
        kept = [root / "results" / f"{step.id}_{kind}.json" for kind in ("metrics", "findings")]
        also = {"06": (root / "crm").rglob("*"), "07": root.glob("next-plan.yml")}.get(step.id, ())
        kept += [path for path in also if path.is_file()]
        return [notebook, *written, *kept], f"{cells} cells"

    def _finish(self, step: Step, future: Future, waiting: list[str], others: list[Step]) -> None:
        try:
            files, said, seconds = future.result()
        except PlaybookError:
            raise
        except OSError as error:
            raise StepError(
                f"step {step.name}: cannot write ({error.strerror}: {error.filename}); free space or set PLAYBOOK_RUNS, then run again"
            ) from None
        wanted = self.wanted[step.id]  # of before the step: what changes while it runs is run again
        outputs = outputs_of(self.folder, self.period, files)
        save_json(
            stamp_path(self.folder, self.period, step.id),
            {
                "step": step.id,
                "fingerprint": wanted,
                "after": {id_: self.prints[id_] for id_ in step.after},
                "outputs": outputs,
                "results": {n: c.version for n, c in CONTRACT.items() if c.step == step.id},
                "metrics": METRIC_VERSIONS,
                "seconds": round(seconds, 1),
            },
        )
        self.prints[step.id] = wanted
        next_up = ", ".join(STEPS[i].name for i in waiting[:2]) or "nothing"
        also = f" (running: {', '.join(s.name for s in others)})" if others else ""
        print(
            f"{self.period} {step.id:>6} {step.name:<13} {seconds:5.1f} s  {said}; next: {next_up}{also}"
        )
        sys.stdout.flush()

    def _manifest(self, ran: bool) -> None:
        """Write what went in and came out: hashes, versions, parameters, seed, timings; mend it where nothing ran."""
        from importlib.metadata import version

        import playbook

        stamps = [
            json.loads(path.read_text(encoding="utf-8"))
            for id_ in STEPS
            if (path := stamp_path(self.folder, self.period, id_)).is_file()
        ]
        engagement = self.folder.engagement()
        plan = self.folder.plan(self.period)
        libraries = ("duckdb", "numpy", "pandas", "scikit-learn", "scipy", "statsmodels")
        manifest = {
            "manifest": 2,
            "engagement": self.folder.name,
            "client": engagement.client,
            "currency": engagement.currency,
            "period": self.period,
            "as_of": str(plan.as_of),
            "seed": engagement.seed,
            "parameters": plan.parameters,
            "playbook": playbook.__version__,
            "libraries": {name: version(name) for name in libraries},
            "steps": stamps,
        }
        path = self.folder.run(self.period) / "manifest.json"
        if ran or not _agrees(path, manifest):
            save_json(path, manifest)


def _agrees(path: Path, manifest: dict) -> bool:
    """Whether the manifest there is of the same run (it keeps the versions of the day the steps ran)."""
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
        return all(
            there[name] == manifest[name] for name in ("engagement", "period", "as_of", "steps")
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False
