"""The world as files in the standard tables' own form, byte for byte repeatable."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from playbook.tables import TABLES

from ..world import World
from .writing import (
    Sheet,
    as_text,
    csv_bytes,
    write_bytes,
    write_packed,
    write_parquet,
    write_workbook,
)

__all__ = ["write_inbox"]

ORDER_HEADERS = {
    "order_id": "OrderNo",
    "customer_id": "CustomerNo",
    "ordered_at": "OrderDate",
    "channel": "SalesChannel",
    "revenue": "NetAmount",
    "discount": "DiscountAmount",
    "cost": "CostOfGoods",
    "campaign_id": "CampaignCode",
}
LINE_HEADERS = {
    "order_id": "OrderNo",
    "line": "LineNo",
    "product_id": "ArticleNo",
    "quantity": "Qty",
    "unit_price": "UnitPriceNet",
    "unit_cost": "UnitCost",
}
COMPRESSED = (
    "customers",
    "customer_records",
    "customer_keys",
    "survey_answers",
    "choice_tasks",
    "loyalty_events",
    "campaign_members",
)
SHEETS = {"survey_questions": "Questions", "survey_invitations": "Invitations"}


def write_inbox(world: World, folder: Path) -> dict[str, int]:
    """Write the deliveries and return rows per table; existing files are replaced."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tables = world.tables
    _yearly(tables, folder)
    write_bytes(folder / "tickets.jsonl", _json_lines(tables["tickets"]))
    write_workbook(folder / "surveys.xlsx", {SHEETS[n]: _sheet(n, tables[n]) for n in SHEETS})
    write_parquet(folder / "interactions.parquet", "interactions", tables["interactions"])
    employees = csv_bytes(as_text("employee_survey", tables["employee_survey"]), sep="\t")
    write_bytes(folder / "employee_survey.tsv", b"\xef\xbb\xbf" + employees)
    own_form = {"orders", "order_lines", "tickets", "interactions", "employee_survey", *SHEETS}
    for name in sorted(set(tables) - own_form):
        content = csv_bytes(as_text(name, tables[name]))
        if name in COMPRESSED:
            write_packed(folder / f"{name}.csv.gz", content)
        else:
            write_bytes(folder / f"{name}.csv", content)
    return {name: len(frame) for name, frame in tables.items()}


def _yearly(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    orders, lines = tables["orders"], tables["order_lines"]
    year_of = orders.set_index("order_id")["ordered_at"].dt.year
    for year in sorted(year_of.unique()):
        for name, frame, years, headers in (
            ("orders", orders, year_of.to_numpy(), ORDER_HEADERS),
            ("order_lines", lines, lines["order_id"].map(year_of).to_numpy(), LINE_HEADERS),
        ):
            part = as_text(name, frame[years == year]).rename(columns=headers)
            write_packed(folder / f"{name}_{year}.csv.gz", csv_bytes(part))


def _json_lines(frame: pd.DataFrame) -> bytes:
    text = as_text("tickets", frame).astype(object)
    text["reopened"] = frame["reopened"].astype(object)
    text["csat"] = frame["csat"].astype(object)
    rows = text.where(text.notna(), None).to_dict("records")
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _sheet(name: str, frame: pd.DataFrame) -> Sheet:
    numeric = [c for c in frame if TABLES[name].columns[c].kind == "number"]
    text = as_text(name, frame).astype(object)
    text[numeric] = frame[numeric].astype(object)
    return Sheet(text)
