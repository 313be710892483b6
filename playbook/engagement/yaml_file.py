"""Reads a YAML file strictly: no duplicate keys, no aliases, no values that change type on their own."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from playbook.errors import PlanError

__all__ = ["model_text", "read_model"]

MAX_BYTES = 1_000_000
_SURPRISING = re.compile(r"^(?:yes|no|on|off|true|false)$", re.IGNORECASE)
_SECRET = re.compile(r"://|@|password|passwd|pwd", re.IGNORECASE)
_RESOLVERS = [
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", "tf"),
    ("tag:yaml.org,2002:int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"^[-+]?[0-9]+\.[0-9]+(?:e[-+]?[0-9]+)?$", "-+0123456789"),
    ("tag:yaml.org,2002:null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("tag:yaml.org,2002:timestamp", r"^\d{4}-\d\d-\d\d$", "0123456789"),
]

Model = TypeVar("Model", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """Safe loader that refuses what YAML 1.1 would silently change."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark
            raise PlanError(f"line {mark.line + 1}: aliases (*name) are not allowed; write it out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise PlanError(
                    f"line {key.start_mark.line + 1}: the key '{key.value}' stands twice; keep one"
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)

    def construct_scalar(self, node: Any) -> Any:
        plain = node.style is None and isinstance(node.value, str)
        if plain and node.value not in ("true", "false") and _SURPRISING.match(node.value):
            raise PlanError(
                f"line {node.start_mark.line + 1}: {node.value} could mean a word or true/false; "
                f'write "{node.value}" in quotes, or true or false'
            )
        return super().construct_scalar(node)


_Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in _RESOLVERS:
    _Loader.add_implicit_resolver(tag, re.compile(pattern), list(first))


def read_model(path: Path, model: type[Model]) -> Model:
    """Return the YAML file at ``path`` as a validated ``model``.

    Raises
    ------
    PlanError
        Naming file, line, key, what was expected and the nearest known key.
    """
    text = _text(path)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        data = loader.construct_document(node) if node else {}
    except PlanError as error:
        raise PlanError(f"{path.name}: {error}") from None
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", "")
        line = f"line {mark.line + 1}: " if mark else ""
        raise PlanError(f"{path.name}: {line}not valid YAML: {problem}") from None
    if not isinstance(data, dict):
        raise PlanError(f"{path.name}: expected keys and values, found {type(data).__name__}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [_explain(problem, node, model) for problem in error.errors()]
        raise PlanError(f"{path.name}: " + f"\n{path.name}: ".join(problems)) from None


class _Dumper(yaml.SafeDumper):
    """Safe dumper that writes out what stands twice, as the reader refuses aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def model_text(model: BaseModel, notes: Sequence[str] = ()) -> str:
    """Return a model as YAML that `read_model` reads back equal; ``notes`` head it as comments."""
    head = "".join(f"# {' '.join(note.split())}\n" for note in notes)
    data = model.model_dump(exclude_defaults=True)
    return head + yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PlanError(f"{path.name}: larger than {MAX_BYTES:,} bytes; plans are short files")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise PlanError(f"{path.name}: no such file in {path.parent.name}/") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path.name}: cannot be read as UTF-8 text ({error})") from None


def _explain(problem: Any, node: Any, model: type[BaseModel]) -> str:
    where = " → ".join(str(part) for part in problem["loc"]) or "file"
    line = _line(node, problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _known_keys(model, problem["loc"][:-1])
        close = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0)
        return f"line {line}: {where}: unknown key; did you mean '{close[0] if close else ''}'?"
    message = problem["msg"].removeprefix("Value error, ")
    return f"line {line}: {where}: {message}{_found(problem)}"


def _found(problem: Any) -> str:
    """Return what stood there, unless it is a whole block or may hold a password."""
    value = repr(problem["input"])
    if problem["type"] == "missing" or isinstance(problem["input"], dict):
        return ""
    return " (an address, not shown)" if _SECRET.search(value) else f" (found {value:.60})"


def _line(node: Any, location: tuple) -> int:
    for part in location:
        child = None
        if isinstance(node, yaml.MappingNode):
            pairs = [pair for pair in node.value if pair[0].value == str(part)]
            child = pairs[0][1] if pairs else None
            if pairs and part == location[-1]:
                return pairs[0][0].start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            child = node.value[part] if part < len(node.value) else None
        if child is None:
            break
        node = child
    return node.start_mark.line + 1 if node else 1


def _known_keys(model: type[BaseModel], location: tuple) -> list[str]:
    current: Any = model
    for part in location:
        fields = getattr(current, "model_fields", {})
        annotation = fields[part].annotation if part in fields else current
        current = _model_in(annotation) or current
    return list(getattr(current, "model_fields", {}))


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if found := _model_in(inner):
            return found
    return None
