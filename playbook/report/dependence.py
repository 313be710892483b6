"""Which parts of the method draw on which standard table, read from the notebooks and the queries."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

from playbook.coverage import method
from playbook.runner.graph import STEPS
from playbook.tables import TABLES
from playbook.warehouse import PREPARED, QUERIES, prepared_for

__all__ = ["parts_of", "tables_of_query"]

_READ = re.compile(r"\b(?:from|join)\s+([a-z_]+)", re.IGNORECASE)


def tables_of_query(name: str) -> set[str]:
    """Return the standard tables that a query reads."""
    return _tables_of((QUERIES / f"{name}.sql").read_text(encoding="utf-8"))


def _tables_of(text: str) -> set[str]:
    found = {name for name in _READ.findall(text) if name in TABLES}
    prepared = (PREPARED[name].read_text(encoding="utf-8") for name in prepared_for(text))
    return found.union(*map(_tables_of, prepared))


@cache
def parts_of() -> dict[str, dict[str, str]]:
    """Return table to the parts of the method that draw on it: id to what the part covers.

    A part draws on a table when a cell of its section uses a frame that a query made from that
    table, in the same step or handed on by an earlier one.
    """
    wanted = {(part["step"], part["section"]): part for part in method()}
    found: dict[str, dict[str, str]] = {name: {} for name in TABLES}
    saved: dict[str, set[str]] = {}
    for step in STEPS.values():
        if step.notebook is None:
            continue
        for section, tables in _sections(step.notebook, saved):
            part = wanted.get((step.id, section))
            for table in sorted(tables) if part else ():
                found[table][part["id"]] = part["part"]  # type: ignore[index]
    order = [part["id"] for part in method()]
    return {t: dict(sorted(p.items(), key=lambda i: order.index(i[0]))) for t, p in found.items()}


def _sections(notebook: Path, saved: dict[str, set[str]]) -> list[tuple[str, set[str]]]:
    """Return the sections of a notebook with the tables their cells draw on."""
    names: dict[str, set[str]] = {}
    found: list[tuple[str, set[str]]] = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        tags = cell["metadata"].get("tags", [])
        found += [(tag.removeprefix("section:"), set()) for tag in tags if tag.startswith("section:")]  # fmt: skip
        if cell["cell_type"] == "code":
            used = _follow("".join(cell["source"]), names, saved)
            if found:
                found[-1][1].update(used)
    return found


def _follow(source: str, names: dict[str, set[str]], saved: dict[str, set[str]]) -> set[str]:
    """Return the tables that a cell draws on, and note which of its names carry them on."""
    every: set[str] = set()
    for statement in ast.parse(source).body:
        used: set[str] = set()
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                used |= names.get(node.id, set())
            elif isinstance(node, ast.Call):
                used |= _called(node, saved)
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names[node.id] = used
            elif isinstance(node, ast.Call) and _method(node) == "save" and _text(node):
                saved[_text(node)] = used
        every |= used
    return every


def _called(node: ast.Call, saved: dict[str, set[str]]) -> set[str]:
    name = _text(node)
    if _method(node) == "query" and name:
        return tables_of_query(name)
    if _method(node) == "table" and name in TABLES:
        return {name}
    return saved.get(name, set()) if _method(node) == "load" else set()


def _method(node: ast.Call) -> str:
    """Return the method called on ``run``."""
    on_run = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "run"
    return node.func.attr if on_run and isinstance(node.func, ast.Attribute) else ""


def _text(node: ast.Call) -> str:
    first = node.args[0] if node.args else None
    return str(first.value) if isinstance(first, ast.Constant) else ""
