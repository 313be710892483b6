"""Last year's run as the baseline of this one: found by its manifest, refused when it cannot be compared.

Imports only what the up-to-date check may (no pandas): both the command line and every notebook ask it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playbook.contract import CONTRACT, METRIC_VERSIONS
from playbook.engagement import Folder
from playbook.errors import DataError, PlanError
from playbook.runner.graph import STEPS, file_digest, stamp_path

__all__ = ["Baseline", "open_baseline"]


@dataclass(frozen=True)
class Baseline:
    """The run of the period before: same engagement, same currency, same definitions, up to the day its plan says.

    Attributes
    ----------
    period
        Its name.
    root
        Its folder.
    manifest
        What it says of itself.
    command
        What makes it again.
    """

    period: str
    root: Path
    manifest: dict[str, Any]
    command: str

    @property
    def _outputs(self) -> dict[str, str]:
        return {
            name: digest
            for step in self.manifest["steps"]
            for name, digest in step["outputs"].items()
        }

    def check_result(self, name: str) -> None:
        """Raise `DataError` unless a result is as the run left it."""
        self._check_files([f"results/{name}.parquet", f"results/{name}.missing.json"], any_of=True)

    def check_whole(self, folder: Folder) -> None:
        """Raise `DataError` unless every step is done and every result is there as the run left it."""
        listed = {step["step"]: step for step in self.manifest["steps"]}
        for step in STEPS.values():
            if step.notebook is None:
                continue
            stamped = stamp_path(folder, self.period, step.id).is_file()
            built_on = listed.get(step.id, {}).get("after", {})
            if step.id not in listed or not stamped:
                raise DataError(
                    f"run of {self.period}: step {step.id} {step.name} is not done, so the run is incomplete; run '{self.command}' first"
                )
            for id_, fingerprint in built_on.items():
                if listed.get(id_, {}).get("fingerprint") != fingerprint:
                    raise DataError(
                        f"run of {self.period}: step {id_} {STEPS[id_].name} ran again after step {step.id} {step.name}, so they do not "
                        f"belong together; run '{self.command}' first"
                    )
        for name in CONTRACT:
            self.check_result(name)
        self._check_files([name for name in self._outputs if name.startswith("results/")])

    def _check_files(self, names: list[str], any_of: bool = False) -> None:
        outputs = self._outputs
        known = [name for name in names if name in outputs]
        if any_of and not known:
            raise DataError(
                f"run of {self.period}: it holds no result {Path(names[0]).stem}; its step is not done, or it was made by an older "
                f"playbook; run '{self.command}' first"
            )
        for name in known:
            path = self.root / name
            if not path.is_file() or file_digest(path) != outputs[name]:
                told = "is not as the run left it" if path.is_file() else "is gone"
                raise DataError(
                    f"run of {self.period}: {name} {told} (the manifest holds its checksum), so the run is damaged; run '{self.command}' first"
                )


def open_baseline(folder: Folder, period: str) -> Baseline:
    """Return the run that a period is compared with.

    Raises
    ------
    PlanError
        When there is no earlier plan, or the run before has data up to the same day or later.
    DataError
        When there is no such run, it cannot be read, or it is of another engagement, currency, day or version.
    """
    previous = folder.previous(period)
    if previous is None:
        raise PlanError(
            f"plans/{period}.yml: there is no earlier plan in plans/, so nothing to review yet; the first review is due a year after it"
        )
    command = f"make run ENGAGEMENT={folder.name} PERIOD={previous}"
    root = folder.run(previous)
    baseline = Baseline(previous, root, _read(root / "manifest.json", previous, command), command)
    _check_origin(baseline, folder, period)
    _check_versions(baseline)
    return baseline


def _read(path: Path, period: str, command: str) -> dict[str, Any]:
    """Return a manifest, of this or an earlier shape: what an earlier one does not say is as it was then."""
    if not path.is_file():
        raise DataError(
            f"run of {period}: there is none (no manifest.json), and the review compares with it; run '{command}' first"
        )
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        whole = all(isinstance(s["outputs"], dict) and s["step"] for s in manifest["steps"])
        day = str(manifest["as_of"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        whole, day = False, ""
    if not (whole and day):
        raise DataError(
            f"run of {period}: its manifest.json cannot be read, so the run is damaged; run '{command}' first"
        )
    return manifest


def _check_origin(baseline: Baseline, folder: Folder, period: str) -> None:
    manifest, name = baseline.manifest, baseline.period
    if manifest.get("engagement") != folder.name:
        raise DataError(
            f"run of {name}: its manifest says engagement {manifest.get('engagement')!r}, not {folder.name!r}; another client's run is "
            f"no baseline; run '{baseline.command}' first"
        )
    currency = folder.engagement().currency
    if manifest.get("currency", currency) != currency:
        raise DataError(
            f"run of {name}: its amounts are in {manifest['currency']}, engagement.yml now says {currency}; two currencies are not "
            f"compared; run '{baseline.command}' first, with files in {currency}"
        )
    as_of, then = folder.plan(period).as_of, str(manifest["as_of"])
    if then >= str(as_of):
        raise PlanError(
            f"period {period} has data up to {as_of}, not after its baseline {name} ({then}); a review looks back from a later day: "
            f"mend as_of in plans/{period}.yml, or run '{baseline.command}' again if plans/{name}.yml changed"
        )
    planned = folder.plan(name).as_of
    if then != str(planned):
        raise DataError(
            f"run of {name}: it has data up to {then}, plans/{name}.yml now says {planned}; run '{baseline.command}' first"
        )


def _check_versions(baseline: Baseline) -> None:
    made: dict[str, int] = {}
    figures: dict[str, int] = {}
    for step in baseline.manifest["steps"]:
        made |= step.get("results", {})
        figures |= step.get("metrics", {})
    changed = [
        (f"result {name}", made.get(name, 1), contract.version)
        for name, contract in CONTRACT.items()
        if made.get(name, 1) != contract.version
    ]
    changed += [
        (f"key figure {name}", figures.get(name, 1), METRIC_VERSIONS.get(name, 1))
        for name in sorted({*figures, *METRIC_VERSIONS})
        if figures.get(name, 1) != METRIC_VERSIONS.get(name, 1)
    ]
    if changed:
        what, then, now = changed[0]
        more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
        raise DataError(
            f"run of {baseline.period}: {what} is of version {then}, this playbook makes version {now}{more}; a changed definition is "
            f"not compared; run '{baseline.command}' first"
        )
