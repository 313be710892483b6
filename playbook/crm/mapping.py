"""What each CRM system takes: its field names, limits and signs, as validated package data.

Glossary
--------
upsert key
    The field by which the system finds the record to update.
dialect
    How a file must be written for a system.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

__all__ = ["SYSTEMS", "Dialect", "FieldRule", "FileRule", "Mapping", "read_mapping"]

SYSTEMS = ("fxiaoke", "hubspot", "salesforce", "zoho")


class Strict(BaseModel):
    """A block of a mapping: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Dialect(Strict):
    """How a file is written: text of true (``is_true``), limits of one file, signs no text may hold."""

    format: Literal["csv", "xlsx"]
    encoding: Literal["utf-8", "utf-8-sig"] = "utf-8"
    delimiter: str = ","
    line_end: Literal["lf", "crlf"] = "lf"
    is_true: str = "TRUE"
    max_rows: int = Field(ge=1)
    max_bytes: int = Field(ge=1)
    forbidden_signs: str = ""


class FieldRule(Strict):
    """One field: the column it comes from and what may stand in it.

    ``opt_out`` may only hold the system's true or nothing: consent is never given by a file.
    """

    column: str
    kind: Literal["text", "decimal", "share", "date", "opt_out"]
    max: int = 80


class FileRule(Strict):
    """One kind of file: the system's object and its fields by header."""

    object: str
    fields: dict[str, FieldRule]


class Mapping(Strict):
    """One system. ``unconfirmed`` lists what was not checked against the vendor's documentation."""

    system: Literal["salesforce", "hubspot", "zoho", "fxiaoke"]
    version: str
    checked: str
    dialect: Dialect
    key: str
    files: dict[str, FileRule]
    setup: list[str]
    unconfirmed: list[str] = []


@cache
def read_mapping(system: str) -> Mapping:
    """Return the mapping of a CRM system, shipped as ``playbook/crm/<system>.yml``.

    Raises
    ------
    ValueError
        When there is no such system, or the mapping is not valid.
    """
    if system not in SYSTEMS:
        raise ValueError(f"CRM system {system!r}: expected one of {', '.join(SYSTEMS)}")
    text = (Path(__file__).parent / f"{system}.yml").read_text(encoding="utf-8")
    return Mapping.model_validate(yaml.safe_load(text))
