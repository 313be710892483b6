"""Times the intake of ten million order lines against pandas on the same file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb

from playbook.engagement import ROOT
from playbook.errors import StepError

__all__ = ["bench_intake"]

LINES = 10_000_000
LINES_PER_ORDER = 20
"""About as many as an order of the Online Retail data set has."""
MEMORY = 4.0
"""Gigabytes that the intake may take."""

_REPORT = """
import json, sys, time
started = time.perf_counter()
{work}
seconds = time.perf_counter() - started
from playbook.bench_memory import peak_gigabytes
print(json.dumps({{"seconds": seconds, "gigabytes": peak_gigabytes()}}))
"""
_PANDAS = "import pandas; frame = pandas.read_csv(sys.argv[1] + '/inbox/order_lines.csv'); assert len(frame)"
_PANDAS_ALL = """
import pandas
inbox = sys.argv[1] + "/inbox/"
lines, orders = (pandas.read_csv(inbox + name + ".csv", dtype=str) for name in ("order_lines", "orders"))
for name in ("line", "quantity", "unit_price", "unit_cost"):
    lines[name] = pandas.to_numeric(lines[name])
assert not lines.duplicated(["order_id", "line"]).any()
assert lines["order_id"].isin(orders["order_id"]).all()
lines.to_parquet(sys.argv[1] + "/pandas.parquet", index=False)
"""
_COPY = """
import duckdb
duckdb.sql(f"copy (from read_csv('{sys.argv[1]}/inbox/order_lines.csv')) to '{sys.argv[1]}/copy.parquet' (format parquet)")
"""
_INTAKE = """
from pathlib import Path
from playbook.engagement.model import Engagement
from playbook.intake import take_in
inbox = [{"files": name + ".csv", "table": name} for name in ("customers", "orders", "order_lines")]
engagement = Engagement.model_validate({"client": "bench", "brand": "bench", "currency": "EUR", "inbox": inbox})
folder = Path(sys.argv[1])
intake = take_in(folder / "inbox", engagement, folder / "run")
assert intake.ledger.set_index("table").loc["order_lines", "kept"] == int(sys.argv[2])
"""


def bench_intake(folder: Path, lines: int = LINES) -> list[dict[str, Any]]:
    """Return a row each for pandas, a bare copy and the intake: id, seconds, ratio, peak memory, limit, ok.

    Each runs in a process of its own, imports included, after the file was read once from the disk. The
    intake also reads half a million orders, to which each line must lead, and writes the tables. pandas 3
    reads a file on all cores into floats and whole numbers; nothing that also writes a table is as fast,
    as the bare copy shows. So the intake is held against pandas doing its work: read as text (or leading
    zeros are lost), convert, find repeated keys and lines without order, write.
    """
    _write(folder / "inbox", lines)
    _child(_PANDAS, folder, lines)
    alone, copy = _child(_PANDAS, folder, lines), _child(_COPY, folder, lines)
    same, intake = _child(_PANDAS_ALL, folder, lines), _child(_INTAKE, folder, lines)

    def told(id_: str, measured: dict[str, float], limit: str, ok: bool = True) -> dict[str, Any]:
        return _row(id_, measured, measured["seconds"] / alone["seconds"], ok, limit)

    faster = intake["seconds"] < same["seconds"]
    return [
        told("pandas-read-csv", alone, f"{lines:,} order lines, nothing checked or written"),
        told("copy-to-parquet", copy, "DuckDB, nothing checked"),
        told("pandas-same-work", same, "read as text, converted, checked, written"),
        told("intake-memory", intake, f"at most {MEMORY:g} GB", intake["gigabytes"] <= MEMORY),
        told("intake-speed", intake, "faster than pandas-same-work", faster),
    ]


def _row(id_: str, measured: dict[str, float], ratio: float, ok: bool, limit: str) -> dict[str, Any]:  # fmt: skip
    seconds, memory = round(measured["seconds"], 2), round(measured["gigabytes"], 2)
    return {"id": id_, "seconds": seconds, "ratio_to_pandas": round(ratio, 2), "peak_gigabytes": memory, "limit": limit, "ok": ok}  # fmt: skip


def _write(inbox: Path, lines: int) -> None:
    """Write order lines of about 40 characters with their orders and one customer."""
    inbox.mkdir(parents=True)
    number = "lpad(cast({} as varchar), 10, '0')"
    money = "cast((hash({}) % {}) / 100.0 as decimal(18,2))"
    selects = {
        "order_lines": f"select {number.format(f'i // {LINES_PER_ORDER}')} as order_id, i % {LINES_PER_ORDER} + 1 as line, "
        f"'P-' || lpad(cast(hash(i) % 5000 as varchar), 5, '0') as product_id, 1 + hash(i + 7) % 9 as quantity, "
        f"{money.format('i + 13', 20_000)} as unit_price, {money.format('i + 17', 10_000)} as unit_cost from range({lines}) t(i)",
        "orders": f"select {number.format('i')} as order_id, date '2023-01-01' + cast(i % 1000 as integer) as ordered_at, "
        f"{money.format('i', 20_000)} as revenue from range({-(-lines // LINES_PER_ORDER)}) t(i)",
        "customers": "select 'c1' as customer_id, 'Ada' as name",
    }
    with duckdb.connect(":memory:") as connection:
        connection.execute("set enable_progress_bar = false")
        for name, select in selects.items():
            connection.execute(f"copy ({select}) to '{inbox / name}.csv' (header, delimiter ',')")


def _child(work: str, folder: Path, lines: int) -> dict[str, float]:
    command = [sys.executable, "-c", _REPORT.format(work=work), str(folder), str(lines)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )  # fmt: skip
    if done.returncode:
        raise StepError(f"bench: intake ended with {done.returncode}: {done.stderr[-500:]}")
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured
