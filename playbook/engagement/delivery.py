"""What an engagement file says of a delivery: where tables lie, how they are written, who is one customer."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from playbook.engagement.strict import Positive, Share, Strict

__all__ = ["Database", "Identity", "Limits", "Source", "inside_inbox"]


def inside_inbox(value: str) -> str:
    """Return a path that stays inside the inbox, or raise `ValueError`."""
    if value.startswith(("/", "~")) or ".." in re.split(r"[/\\]", value) or ":" in value:
        raise ValueError("a path inside the inbox folder, without .. or a leading /")
    return value


class Source(Strict):
    """Which inbox files, or which relation of a database, hold which standard table, and how they are written.

    What is left empty is read off the data (encoding, delimiter, header row, decimal mark, order of
    dates); what is said here is believed.

    Attributes
    ----------
    files, relation
        Pattern of inbox files, or ``schema.table`` of the entry ``database`` under ``databases``.
    system
        The client's system that the rows come from; their customer ids are that system's own.
    columns
        Our column to the file's header; columns of equal name or a known synonym may be left out.
    join
        Our column to the headers that make it together, such as ``name: [FirstName, LastName]``.
    values
        Our column to the client's word to ours, such as ``arm: {Kontrolle: control}``.
    derive
        Tables that are made from the lines of this one.
    dates, timezone
        Formats of dates (strptime), tried in order; time zone of times that carry no offset.
    nulls
        Words that stand for nothing, besides the empty cell.
    """

    files: str = ""
    database: str = ""
    relation: str = ""
    table: str
    system: str = ""
    columns: dict[str, str] = {}
    join: dict[str, Annotated[list[str], Field(min_length=2)]] = {}
    constants: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    ignore: list[str] = []
    derive: list[Literal["orders", "customers", "products"]] = []
    sheet: str = ""
    header_row: Annotated[int, Field(ge=1)] | None = None
    delimiter: str = ""
    encoding: str = ""
    decimal: Literal["", ".", ","] = ""
    dates: list[str] = []
    timezone: str = "UTC"
    nulls: list[str] = []

    @field_validator("files")
    @classmethod
    def _inside_inbox(cls, value: str) -> str:
        return inside_inbox(value)

    @model_validator(mode="after")
    def _one_origin(self) -> Source:
        if bool(self.files) == bool(self.database and self.relation):
            raise ValueError("either files, or database and relation")
        both = sorted({*self.join} & {*self.columns, *self.constants})
        if both:
            raise ValueError(
                f"{both[0]} stands under join and under columns or constants; keep one"
            )
        return self


class Database(Strict):
    """A database that tables are read from; its address or password stands in the environment only.

    ``url_env`` names the environment variable that holds a PostgreSQL address; ``file`` is a DuckDB
    file inside the inbox.
    """

    kind: Literal["postgresql", "duckdb"]
    url_env: str = ""
    file: str = ""

    @model_validator(mode="after")
    def _address_stays_outside(self) -> Database:
        variable = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.url_env)
        if self.kind == "postgresql" and (self.file or not variable):
            raise ValueError(
                "url_env is the name of an environment variable, such as SHOP_DATABASE; "
                "the address itself is set there and never stands in this file"
            )
        if self.kind == "duckdb" and (self.url_env or not self.file):
            raise ValueError("file is the DuckDB file in the inbox, such as shop.duckdb")
        if self.file:
            inside_inbox(self.file)
        return self


class Identity(Strict):
    """How records of several systems become one customer.

    Attributes
    ----------
    systems
        Systems in order of trust; the first that has a field gives it.
    trust
        Field to the systems in order of trust, where a field has an order of its own.
    link_above, review_above
        Probabilities above which two records are linked, and above which a person should look.
    confirm, reject
        Pairs decided by hand: ``system:id = system:id``.
    """

    systems: list[str] = []
    trust: dict[str, list[str]] = {}
    link_above: Share = 0.95
    review_above: Share = 0.50
    confirm: list[str] = []
    reject: list[str] = []


class Limits(Strict):
    """How large a delivered file may be before it is refused."""

    file_megabytes: Positive = 4000
    unpacked_megabytes: Positive = 8000
    unpacked_ratio: Positive = 200
    line_kilobytes: Positive = 4096
    columns: Annotated[int, Field(ge=1)] = 2000
    workbook_cells: Annotated[int, Field(ge=1)] = 50_000_000
