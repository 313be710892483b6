"""Writes files whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["publish", "save_json"]


def save_json(path: Path, value: Any) -> None:
    """Write JSON atomically with stable formatting."""
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False, default=str) + "\n"
    publish(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def publish(path: Path, write: Callable[[Path], Any]) -> None:
    """Call ``write`` with a temporary path and move the file into place when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=path.parent, prefix=f".{path.name[:40]}.", suffix=path.suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
