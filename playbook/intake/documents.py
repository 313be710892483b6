"""Loads JSON, one object a line or one list of objects, with numbers as they were written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playbook.intake.delivered import Opening
from playbook.intake.dialect import name_headers
from playbook.intake.encoding import as_utf8

__all__ = ["load_json"]

BATCH = 10_000
CHUNK = 1 << 18
LIST_OF_OBJECTS = re.compile(r"\s*\[\s*(?=[{\]])")
WRAPPED = re.compile(r'\s*\{\s*"([^"\\]*)"\s*:\s*\[\s*(?=\{)')
NEXT = re.compile(r"[\s,]*")


class _Broken(Exception):
    """An object that cannot be used; its text is the reason."""


def load_json(opening: Opening, path: Path) -> None:
    """Load JSON into the opening's table of text; nested objects become columns such as ``customer.id``.

    Raises
    ------
    FileRefused
        When it holds no object, or a list of objects is broken so that the rest cannot be found.
    """
    text = as_utf8(opening, path)
    opening.encoding = text.encoding
    with text.path.open(encoding="utf-8-sig", newline="\n") as file:
        start = file.read(CHUNK)
    listed, wrapped = LIST_OF_OBJECTS.match(start), WRAPPED.match(start)
    single_line = _is_object(start.split("\n", 1)[0])
    if listed:
        objects = _listed(opening, text.path, listed.end())
    elif wrapped and not single_line:
        opening.note(f"the list under {wrapped.group(1)!r} was read", "nothing to do")
        objects = _listed(opening, text.path, wrapped.end())
    else:
        objects = _lines(opening, text.path)
    _fill(opening, objects)
    if not opening.headers:
        raise opening.refused(
            "no JSON object with keys in it", "send one object a line, or one list of objects"
        )


def _is_object(line: str) -> bool:
    """Return whether a line is a whole object by itself, and no wrapper around a list of objects."""
    try:
        found = _decoder().decode(line)
    except (ValueError, _Broken, RecursionError):
        return False
    return isinstance(found, dict) and not any(
        isinstance(v, list) and v and isinstance(v[0], dict) for v in found.values()
    )


def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(
        object_pairs_hook=_unique, parse_int=str, parse_float=str, parse_constant=str
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Broken("a key stands twice in the object; each once expected")
    return found


def _lines(opening: Opening, path: Path) -> Iterator[tuple[int, dict]]:
    """Yield the object of each line; a line that holds none is set aside."""
    decoder, blank, first = _decoder(), 0, None
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                blank, first = blank + 1, first or number
                continue
            try:
                found = decoder.decode(line)
                if not isinstance(found, dict):
                    raise _Broken("the line holds no JSON object; one object a line expected")
                yield number, found
            except _Broken as broken:
                opening.reject(number, str(broken))
            except (ValueError, RecursionError):
                opening.reject(number, "the line is broken JSON; one whole object a line expected")
    if blank:
        opening.note(f"{blank:,} blank lines were skipped", "nothing to do", "note", first, blank)


def _listed(opening: Opening, path: Path, start: int) -> Iterator[tuple[int, dict]]:
    """Yield the objects of one list, never holding more than one object and a block of text."""
    decoder, number = _decoder(), 0
    longest = opening.limits.line_kilobytes * 1000
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        file.read(start)
        rest = ""
        while True:
            rest = rest[NEXT.match(rest).end() :]  # type: ignore[union-attr]
            if rest.startswith("]"):
                return
            try:
                found, end = decoder.raw_decode(rest)
            except (ValueError, RecursionError):
                more = file.read(max(CHUNK, len(rest)))
                if not more or len(rest) > longest:
                    raise opening.refused(
                        f"the JSON list is broken or cut off after object {number:,}",
                        "send it again, whole, or as one object a line",
                    ) from None
                rest += more
                continue
            except _Broken as broken:
                raise opening.refused(f"object {number + 1:,}: {broken}", "export it again") from None  # fmt: skip
            number += 1
            rest = rest[end:]
            if isinstance(found, dict):
                yield number, found
            else:
                opening.reject(number, "the entry is no JSON object; a list of objects expected")


def _flat(found: dict, before: str = "") -> Iterator[tuple[str, str | None]]:
    for key, value in found.items():
        name = f"{before}{key}"
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{name}.")
        elif isinstance(value, bool):
            yield name, "true" if value else "false"
        elif isinstance(value, (dict, list)):
            yield name, json.dumps(value, ensure_ascii=False) if value else None
        else:
            yield name, value or None


def _fill(opening: Opening, objects: Iterator[tuple[int, dict]]) -> None:
    batch: list[tuple[int, dict[str, str | None]]] = []
    names: dict[str, str] = {}
    lists: set[str] = set()
    opening.start_table([])
    for number, found in objects:
        lists.update(key for key, value in found.items() if isinstance(value, list) and value)
        batch.append((number, dict(_flat(found))))
        if len(batch) == BATCH:
            _add(opening, batch, names)
            batch = []
    _add(opening, batch, names)
    for name in sorted(lists):
        opening.note(
            f"{name!r} holds lists; they are kept as JSON text",
            "nothing to do, or send them as rows of a file of their own",
        )


def _add(opening: Opening, batch: list[tuple[int, dict[str, str | None]]], names: dict[str, str]) -> None:  # fmt: skip
    """Append rows; a key that is new becomes a column."""
    kept = [(number, row) for number, row in batch if _can_be_written(opening, number, row)]
    for key in dict.fromkeys(key for _, row in kept for key in row):
        if key not in names:
            names[key] = name_headers([*opening.headers, key])[0][-1]
            opening.add_column(names[key])
    if len(names) > opening.limits.columns:
        raise opening.refused(
            f"{len(names):,} keys are more than the {opening.limits.columns:,} columns allowed",
            "send only what is needed, or raise columns under limits in engagement.yml",
        )
    opening.add_rows([[row.get(key) for key in names] for _, row in kept], [n for n, _ in kept])


def _can_be_written(opening: Opening, number: int, row: dict[str, str | None]) -> bool:
    """Return whether every text is whole: JSON can name half of a character (a lone surrogate)."""
    try:
        "".join([*row, *(value for value in row.values() if value)]).encode()
    except UnicodeEncodeError:
        opening.reject(number, "the object holds half a character; whole Unicode text expected")
        return False
    return True
