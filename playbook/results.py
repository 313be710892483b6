"""The hand-over between steps: one registry of named results, saved atomically and checked.

Glossary
--------
result
    A frame one step makes and later steps (or next year's review) read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from playbook.answer import Metric, Missing
from playbook.atomic import publish, save_json
from playbook.contract import CONTRACT, Contract
from playbook.errors import DataError, PlaybookError

__all__ = ["load", "load_metrics", "save", "save_metrics", "written"]


def _checked(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    contract = CONTRACT[name]
    missing = [column for column in contract.columns if column not in frame.columns]
    if missing:
        raise DataError(f"result {name}: no column {missing[0]}; it holds {contract.meaning}")
    if contract.key and frame.duplicated(list(contract.key)).any():
        row = frame.loc[frame.duplicated(list(contract.key)), list(contract.key)].iloc[0].to_dict()
        raise DataError(f"result {name}: {row} stands twice; one row per {', '.join(contract.key)}")
    return frame


def _contract(name: str) -> Contract:
    if name not in CONTRACT:
        raise PlaybookError(f"result {name}: not in playbook/contract.py; declare it there first")
    return CONTRACT[name]


def save(folder: Path, step: str, name: str, frame: pd.DataFrame | Missing) -> None:
    """Write a result of a step as Parquet, checked and atomically; a missing answer leaves a note.

    Raises
    ------
    DataError
        When a declared column is missing or the key is not unique.
    """
    if _contract(name).step != step:
        raise PlaybookError(f"result {name} is made by step {CONTRACT[name].step}, not {step}")
    note, path = folder / f"{name}.missing.json", folder / f"{name}.parquet"
    if isinstance(frame, Missing):
        path.unlink(missing_ok=True)
        save_json(note, {"reason": frame.reason, "ask": frame.ask})
        return
    frame = _checked(name, frame.reset_index(drop=True))
    publish(path, lambda temporary: frame.to_parquet(temporary, index=False))
    note.unlink(missing_ok=True)


def load(folder: Path, name: str, command: str = "make run") -> pd.DataFrame | Missing:
    """Read a result; a result whose step could not make it comes back as `Missing`.

    Raises
    ------
    DataError
        When the producing step has not run or its file cannot be read, with the command to run.
    """
    contract = _contract(name)
    note, path = folder / f"{name}.missing.json", folder / f"{name}.parquet"
    if note.is_file():
        said = json.loads(note.read_text(encoding="utf-8"))
        return Missing(said["reason"], said["ask"])
    if not path.is_file():
        raise DataError(
            f"result {name} ({contract.meaning}) is not there: step {contract.step} makes it; "
            f"run '{command}' first"
        )
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"result {name}: {path.name} is damaged ({type(error).__name__}); run '{command}' to make it again"
        ) from None
    return _checked(name, frame)


def written(folder: Path, step: str) -> list[Path]:
    """Return the files of a step's declared results; raises `DataError` when one is absent."""
    files = []
    for name, contract in CONTRACT.items():
        if contract.step != step:
            continue
        found = [
            p for p in (folder / f"{name}.parquet", folder / f"{name}.missing.json") if p.is_file()
        ]
        if not found:
            raise DataError(
                f"step {step} ended without saving its result {name}; save it in the notebook"
            )
        files += found
    return files


def save_metrics(path: Path, metrics: Iterable[Metric], step: str, period: str) -> None:
    """Write the key figures of one step, in order of id."""
    rows = [asdict(m) | {"step": step, "period": period} for m in metrics]
    save_json(path, sorted(rows, key=lambda row: row["id"]))


def load_metrics(folder: Path) -> pd.DataFrame:
    """Return every key figure of a run: id, value, low, high, n, unit, kind, step, period."""
    rows = [
        row
        for path in sorted(folder.glob("*_metrics.json"))
        for row in json.loads(path.read_text(encoding="utf-8"))
    ]
    columns = ["id", "value", "low", "high", "n", "unit", "kind", "step", "period"]
    return pd.DataFrame(rows, columns=columns)
