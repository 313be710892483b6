"""The steps, what each waits for, and the fingerprints that say whether it must run again.

Imports only the standard library, pydantic and yaml, so that finding nothing to do is quick; only where
an engagement reads from PostgreSQL is the server asked for a digest of what it holds.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from playbook.engagement import ROOT, Folder
from playbook.errors import PlanError

__all__ = ["STEPS", "Step", "fingerprint", "fresh", "needed", "outputs_of", "stamp_path"]

PACKAGE = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"


@dataclass(frozen=True)
class Step:
    """One node of the graph: its id, name, what it waits for, and its notebook (none for intake, report)."""

    id: str
    name: str
    after: tuple[str, ...] = ()

    @property
    def notebook(self) -> Path | None:
        """The notebook's source."""
        return NOTEBOOKS / f"{self.id}_{self.name}.ipynb" if self.id.isdigit() else None


STEPS = {
    step.id: step
    for step in (
        Step("intake", "intake"),
        Step("01", "objectives", ("intake",)),
        Step("02", "research", ("intake",)),
        Step("03", "segmentation", ("01", "02")),
        Step("04", "proposition", ("03",)),
        Step("05", "experience", ("03",)),
        Step("06", "crm", ("04", "05")),
        Step("07", "monitoring", ("06",)),
        Step("report", "report", ("07",)),
    )
}


def needed(target: str) -> list[str]:
    """Return the ids of a step (by id or name) and all it waits for, in order.

    Raises
    ------
    PlanError
        When there is no such step.
    """
    found = [step for step in STEPS.values() if target in (step.id, step.name)]
    if not found:
        names = ", ".join(step.name for step in STEPS.values())
        raise PlanError(f"step {target!r}: expected one of {names}")
    wanted = {found[0].id}
    for step in reversed(STEPS.values()):
        if step.id in wanted:
            wanted |= set(step.after)
    return [id_ for id_ in STEPS if id_ in wanted]


def _digest(*parts: bytes) -> str:
    sha = hashlib.sha256()
    for part in parts:
        sha.update(len(part).to_bytes(8, "big") + part)
    return sha.hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def _package_digest() -> str:
    files = sorted(
        p for p in PACKAGE.rglob("*")
        if p.is_file() and p.suffix in (".py", ".sql", ".yml", ".otf", ".html", ".css", ".json", ".txt")
    )  # fmt: skip
    return _digest(*(f"{p.relative_to(PACKAGE)}:{file_digest(p)}".encode() for p in files))


def notebook_digest(path: Path) -> str:
    """Return the digest of a notebook's sources and tags; outputs and counts do not matter."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    kept = [(c["cell_type"], "".join(c["source"]), c["metadata"].get("tags", [])) for c in cells]
    return _digest(json.dumps(kept).encode())


def _inputs_digest(folder: Folder) -> str:
    files = (
        sorted(p for p in folder.inbox.rglob("*") if p.is_file()) if folder.inbox.is_dir() else []
    )
    parts = [f"{p.relative_to(folder.inbox)}:{file_digest(p)}".encode() for p in files]
    engagement = folder.engagement()
    if any(database.kind == "postgresql" for database in engagement.databases.values()):
        from playbook.intake.databases import content_digest

        parts.append(content_digest(engagement).encode())
    return _digest(*parts)


def fingerprint(folder: Folder, period: str, step: Step, done: dict[str, str]) -> str:
    """Return the digest of all that can influence a step.

    That is the package, the engagement file, the plan, the step's notebook, the fingerprints of the
    steps it waits for (``done``), the inbox and the databases for intake, the client's names of CRM fields for step 06, and the
    previous period's last step and, for step 07, what the reviewer noted.
    """
    parts = [
        step.id,
        _package_digest(),
        file_digest(folder.inputs / "engagement.yml"),
        file_digest(folder.plan_file(period)),
    ]
    if step.id == "intake":
        parts.append(_inputs_digest(folder))
    if step.id == "06":
        parts += [
            f"{path.name}:{file_digest(path)}"
            for path in sorted((folder.inputs / "crm").glob("*"))
            if path.is_file()
        ]
    if step.notebook:
        parts.append(notebook_digest(step.notebook))
    if step.id in ("01", "02", "07"):
        previous = folder.previous(period)
        stamp = _read_stamp(folder, previous, "07") if previous else None
        parts.append(stamp["fingerprint"] if stamp else "no earlier period")
    if step.id == "07":
        notes = folder.notes_file(period)
        parts.append(file_digest(notes) if notes.is_file() else "no reviewer's notes")
    parts += [done[id_] for id_ in step.after]
    return _digest(*(part.encode() for part in parts))


def stamp_path(folder: Folder, period: str, step: str) -> Path:
    """Return the file that says a step is done."""
    return folder.run(period) / ".stamps" / f"{step}.json"


def _read_stamp(folder: Folder, period: str, step: str) -> dict | None:
    try:
        return json.loads(stamp_path(folder, period, step).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def outputs_of(folder: Folder, period: str, files: list[Path]) -> dict[str, str]:
    """Return relative path to digest for the files a step has made."""
    root = folder.run(period)
    return {str(p.relative_to(root)): file_digest(p) for p in sorted(files)}


def fresh(folder: Folder, period: str, step: Step, wanted: str) -> bool:
    """Whether a step's stamp agrees with ``wanted`` and all its files are there unchanged."""
    stamp = _read_stamp(folder, period, step.id)
    if not stamp or stamp["fingerprint"] != wanted:
        return False
    root = folder.run(period)
    return all(
        (root / name).is_file() and file_digest(root / name) == digest
        for name, digest in stamp["outputs"].items()
    )
