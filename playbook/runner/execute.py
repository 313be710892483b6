"""Executes one notebook with papermill: over a private socket, to a temporary file, put in place when whole."""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

from playbook.display import SENTINEL
from playbook.engagement import ROOT, Folder
from playbook.errors import PlanError, StepError
from playbook.runner.graph import Step

__all__ = ["execute"]

CELL_TIMEOUT = 1200
"""Seconds one cell may take."""

QUIET = ["--Application.log_level=CRITICAL"]
"""A kernel that is told to stop says on the terminal that it was interrupted; what fails in a cell comes as a message."""


def execute(folder: Folder, period: str, step: Step) -> tuple[Path, int]:
    """Run a step's notebook; return the executed one and its number of code cells.

    Raises
    ------
    PlanError
        When the plan names a parameter the notebook does not have.
    StepError
        When a cell fails, the kernel dies, or ``run.done()`` did not run; the failed notebook is kept.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    assert step.notebook is not None
    target = folder.run(period) / "notebooks" / step.notebook.name
    failed = target.with_suffix(".failed.ipynb")
    target.parent.mkdir(parents=True, exist_ok=True)
    parameters = _parameters(folder, period, step)
    work = Path(tempfile.mkdtemp(prefix="pb-"))
    output = work / step.notebook.name
    try:
        _run_twice(papermill, step, output, parameters, work)
        _clean(output)
        cells = _check_sentinel(output, step)
        _move(output, target)
        failed.unlink(missing_ok=True)
        return target, cells
    except PapermillExecutionError as error:
        _keep_failed(output, failed)
        raise StepError(
            f"{step.notebook.name}: cell {error.exec_count} failed: {error.ename}: {error.evalue}\n"
            f"the notebook so far is kept as {failed.name}"
        ) from None
    except DeadKernelError:
        _keep_failed(output, failed)
        raise StepError(
            f"{step.notebook.name}: the kernel died, probably memory; close other programs or run on fewer customers"
        ) from None
    except CellTimeoutError:
        _keep_failed(output, failed)
        raise StepError(f"{step.notebook.name}: a cell ran longer than {CELL_TIMEOUT} s") from None
    except StepError:
        _keep_failed(output, failed)
        raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _parameters(folder: Folder, period: str, step: Step) -> dict[str, Any]:
    import papermill

    assert step.notebook is not None
    given: dict[str, Any] = {"engagement": folder.name, "period": period}
    given |= folder.plan(period).parameters.get(step.name, {})
    known = papermill.inspect_notebook(str(step.notebook))
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise PlanError(
            f"plans/{period}.yml: parameters → {step.name} → {unknown[0]}: the notebook has no such "
            f"parameter; it has {', '.join(known)}"
        )
    return given


def _run_twice(
    papermill: Any, step: Step, output: Path, parameters: dict[str, Any], work: Path
) -> None:
    """Execute over IPC; a kernel that does not come up is tried once more."""
    from traitlets.config import Config

    for attempt in (1, 2):
        config = Config({"KernelManager": {"transport": "ipc", "ip": str(work / f"k{attempt}")}})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                papermill.execute_notebook(
                    str(step.notebook), str(output), parameters=parameters, kernel_name="python3", cwd=str(ROOT),
                    progress_bar=False, log_output=False, execution_timeout=CELL_TIMEOUT, start_timeout=60,
                    config=config, extra_arguments=QUIET,
                )  # fmt: skip
            return
        except RuntimeError as error:
            if attempt == 2 or "Kernel" not in str(error):
                raise


def _clean(path: Path) -> None:
    """Take out what differs from run to run (clock, paths) and the injected cell's noise."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["metadata"].pop("papermill", None)
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell-{number:02d}"
        for key in ("papermill", "execution"):
            cell["metadata"].pop(key, None)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _check_sentinel(path: Path, step: Step) -> int:
    cells = [
        c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"
    ]
    last = cells[-1]
    if f"{SENTINEL} {step.id}" not in json.dumps(last["outputs"]):
        raise StepError(
            f"{path.name}: its last cell did not run run.done(); the step does not count as done"
        )
    return len(cells)


def _keep_failed(output: Path, failed: Path) -> None:
    if output.is_file():
        _clean(output)
        _move(output, failed)


def _move(source: Path, target: Path) -> None:
    """Put a file in place atomically, also from another file system."""
    beside = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, beside)
    beside.replace(target)
