"""What each CRM system takes: its field names, limits and signs, as validated package data.

Glossary
--------
upsert key
    The field by which the system finds the record to update.
dialect
    How a file must be written for a system.
tenant
    One client's installation of a system, with names and limits of its own.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from playbook.errors import PlanError

__all__ = ["KINDS", "SYSTEMS", "Dialect", "FieldRule", "FileRule", "Mapping", "read_mapping", "tenant_mapping"]  # fmt: skip

SYSTEMS = ("fxiaoke", "hubspot", "salesforce", "zoho")
KINDS = ("scores", "targets", "opt_outs", "tasks")


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

    ``opt_out`` may only hold the system's true or nothing: consent is never given by a file. A ``note``
    is text we compose; it is cut and cleaned to fit, where other text that does not fit is refused.
    ``standard`` fields exist in every installation, the others must be created.
    """

    column: str
    kind: Literal["text", "note", "decimal", "share", "date", "opt_out"]
    max: int = 80
    values: list[str] = []
    standard: bool = False


class FileRule(Strict):
    """One kind of file: the system's object and its fields by header; a key of its own where it has one."""

    object: str
    key: str = ""
    key_column: str = "customer_id"
    key_standard: bool = False
    fields: dict[str, FieldRule]


class Rule(Strict):
    """One rule of the system: what it says, how we keep it, where it stands, and how sure that is."""

    rule: str
    ours: str
    source: str
    evidence: Literal["documented", "secondary", "unconfirmed"]


class Mapping(Strict):
    """One system. ``unconfirmed`` lists what was not checked against the vendor's documentation."""

    system: Literal["salesforce", "hubspot", "zoho", "fxiaoke"]
    title: str
    version: str
    checked: str
    rules_of: str
    dialect: Dialect
    key: str
    key_max: int = 100
    key_type: str
    types: dict[Literal["text", "note", "decimal", "share", "date", "opt_out"], str]
    template: bool = False
    files: dict[str, FileRule]
    setup: list[str]
    loading: list[str]
    rules: list[Rule]
    unconfirmed: list[str] = []

    @field_validator("files")
    @classmethod
    def _known_kinds(cls, value: dict[str, FileRule]) -> dict[str, FileRule]:
        unknown = sorted(set(value) - set(KINDS))
        if unknown:
            raise ValueError(f"{unknown[0]!r} is no kind of file; these are: {', '.join(KINDS)}")
        return value

    def key_of(self, kind: str) -> str:
        """Return the header of the upsert key of a kind of file."""
        return self.files[kind].key or self.key

    def header(self, kind: str) -> list[str]:
        """Return the header row of a kind of file."""
        return [self.key_of(kind), *self.files[kind].fields]


class Tenant(Strict):
    """``data/<engagement>/crm/<system>.yml``: names and limits of one client's installation.

    ``headers`` gives our header the tenant's name of that field; ``leave_out`` names kinds of files
    that are not wanted.
    """

    key: str = ""
    headers: dict[str, str] = {}
    leave_out: list[Literal["scores", "targets", "opt_outs", "tasks"]] = []
    max_rows: int | None = Field(default=None, ge=1)
    max_bytes: int | None = Field(default=None, ge=1)
    is_true: str = ""


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


def tenant_mapping(system: str, folder: Path) -> Mapping:
    """Return the mapping of a system with the names and limits of the client's own installation.

    Parameters
    ----------
    folder
        ``data/<engagement>/crm``; without ``<system>.yml`` there the shipped mapping holds.

    Raises
    ------
    PlanError
        When the client's file is not valid or renames a field we do not write.
    """
    mapping, path = read_mapping(system), folder / f"{system}.yml"
    if not path.is_file():
        return mapping
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        tenant = Tenant.model_validate(said)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PlanError(f"crm/{path.name}: not valid YAML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise PlanError(
            f"crm/{path.name}: {place}: {first['msg']}; expected key, headers, leave_out, max_rows, max_bytes or is_true"
        ) from None
    return _renamed(mapping, tenant, path.name)


def _renamed(mapping: Mapping, tenant: Tenant, name: str) -> Mapping:
    ours = {header for kind in mapping.files for header in mapping.header(kind)}
    unknown = sorted(set(tenant.headers) - ours)
    if unknown:
        raise PlanError(
            f"crm/{name}: headers: we write no field {unknown[0]!r}; ours are {', '.join(sorted(ours))}"
        )
    new = tenant.headers.get
    files: dict[str, FileRule] = {}
    for kind, rule in mapping.files.items():
        if kind in tenant.leave_out:
            continue
        fields = {new(header, header): field for header, field in rule.fields.items()}
        if len(fields) < len(rule.fields):
            raise PlanError(f"crm/{name}: headers: two fields of {kind} get one name")
        files[kind] = rule.model_copy(
            update={"fields": fields, "key": new(rule.key, rule.key) if rule.key else ""}
        )
    limits = {
        key: value
        for key in ("max_rows", "max_bytes", "is_true")
        if (value := getattr(tenant, key))
    }
    return mapping.model_copy(
        update={
            "key": tenant.key or new(mapping.key, mapping.key), "files": files,
            "dialect": mapping.dialect.model_copy(update=limits),
        }
    )  # fmt: skip
