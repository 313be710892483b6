"""The world as files: what the client's systems would export, byte for byte repeatable."""

from __future__ import annotations

import datetime
import gzip
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

from playbook.tables import TABLES

from .world import World, simulate

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
    _bytes(folder / "tickets.jsonl", _json_lines(tables["tickets"]))
    _workbook(folder / "surveys.xlsx", {SHEETS[n]: (n, tables[n]) for n in SHEETS})
    _parquet(folder / "interactions.parquet", tables["interactions"])
    employees = _csv(_text("employee_survey", tables["employee_survey"]), sep="\t")
    _bytes(folder / "employee_survey.tsv", b"\xef\xbb\xbf" + employees)
    own_form = {"orders", "order_lines", "tickets", "interactions", "employee_survey", *SHEETS}
    for name in sorted(set(tables) - own_form):
        content = _csv(_text(name, tables[name]))
        if name in COMPRESSED:
            _bytes(folder / f"{name}.csv.gz", gzip.compress(content, mtime=0))
        else:
            _bytes(folder / f"{name}.csv", content)
    return {name: len(frame) for name, frame in tables.items()}


def write_truth(world: World, folder: Path) -> None:
    """Write what was planted as CSV files; no run reads them."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in world.truth.items():
        rounded = frame.round(dict.fromkeys(frame.select_dtypes("number"), 6))
        _bytes(folder / f"{name}.csv", _csv(rounded))


def write_demo(inbox: Path, customers: int = 6000, seed: int = 2025) -> World:
    """Write the demo client's delivery into the folder ``inbox`` and return its world."""
    world = simulate(customers=customers, seed=seed)
    write_inbox(world, inbox)
    return world


def _yearly(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    orders, lines = tables["orders"], tables["order_lines"]
    year_of = orders.set_index("order_id")["ordered_at"].dt.year
    for year in sorted(year_of.unique()):
        for name, frame, years, headers in (
            ("orders", orders, year_of.to_numpy(), ORDER_HEADERS),
            ("order_lines", lines, lines["order_id"].map(year_of).to_numpy(), LINE_HEADERS),
        ):
            part = _text(name, frame[years == year]).rename(columns=headers)
            _bytes(folder / f"{name}_{year}.csv.gz", gzip.compress(_csv(part), mtime=0))


def _text(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame as text, in the form each kind of column is delivered in."""
    columns = TABLES[name].columns
    result = {}
    for label in frame.columns:
        kind = columns[label].kind if label in columns else "text"
        series = frame[label]
        if kind == "time":
            series = series.dt.strftime("%Y-%m-%d %H:%M:%S")
        elif kind == "day":
            series = series.dt.strftime("%Y-%m-%d")
        elif kind == "flag":
            series = series.map({True: "true", False: "false"})
        elif kind == "money":
            series = series.map("{:.2f}".format, na_action="ignore")
        elif kind in ("number", "share"):
            series = series.map("{:.10g}".format, na_action="ignore")
        result[label] = series
    return pd.DataFrame(result)


def _csv(frame: pd.DataFrame, sep: str = ",") -> bytes:
    return frame.to_csv(index=False, sep=sep, lineterminator="\n").encode()


def _json_lines(frame: pd.DataFrame) -> bytes:
    text = _text("tickets", frame).astype(object)
    text["reopened"] = frame["reopened"].astype(object)
    text["csat"] = frame["csat"].astype(object)
    rows = text.where(text.notna(), None).to_dict("records")
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _workbook(path: Path, sheets: dict[str, tuple[str, pd.DataFrame]]) -> None:
    with xlsxwriter.Workbook(str(path), {"in_memory": True}) as book:
        book.set_properties({"created": datetime.datetime(2026, 1, 5, 9, 0)})
        for sheet, (name, frame) in sheets.items():
            page = book.add_worksheet(sheet)
            page.write_row(0, 0, list(frame.columns))
            text = _text(name, frame).astype(object)
            numeric = [c for c in text if TABLES[name].columns[c].kind == "number"]
            for j, label in enumerate(text.columns):
                for i, value in enumerate(text[label], start=1):
                    if pd.isna(value):
                        continue
                    if label in numeric:
                        page.write_number(i, j, float(value))
                    else:
                        page.write_string(i, j, str(value))


def _parquet(path: Path, frame: pd.DataFrame) -> None:
    declared = TABLES["interactions"].columns
    arrays = {}
    for label in frame.columns:
        array = pa.array(frame[label], from_pandas=True)
        if declared[label].kind == "time":
            array = array.cast(pa.timestamp("us"))
        elif declared[label].kind in ("id", "text", "choice"):
            array = array.cast(pa.string())
        arrays[label] = array
    partial = path.with_name(path.name + ".part")
    pq.write_table(pa.table(arrays), partial, compression="zstd", compression_level=15)
    partial.replace(path)


def _bytes(path: Path, content: bytes) -> None:
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(content)
    partial.replace(path)
