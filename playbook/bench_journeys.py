"""Times 20,000,000 contacts of a million customers to journeys, moves and the table of touchpoints, beside plain scans.

One simulated world; its first shards are the smaller size. Every size runs in a process of its own. Seconds are those of the
processor: all runs on one thread, so they are those of the clock when nobody else uses the machine.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb

from playbook.engagement import ROOT
from playbook.errors import StepError
from playbook.market import write_parquet

__all__ = ["bench_journeys"]

CUSTOMERS = 1_010_000
"""Of the simulated world: at least 20,000,000 contacts."""
SMALL_SHARDS = 2
"""Parts of the world (50,000 customers each) that make the smaller size."""
MEMORY = 6.0
"""Gigabytes the larger size may take."""
GROWTH = 1.10
"""Highest exponent of time in the number of contacts."""
SCANS = 15.0
"""How many times a scan of every column of the contacts all queries together should take."""

_WORK = """
import json, sys, time
from datetime import date
from pathlib import Path
from playbook.bench_memory import peak_gigabytes
from playbook.tables import TABLES
from playbook.warehouse import Warehouse
folder, as_of, since = Path(sys.argv[1]), date(2025, 12, 31), date(2024, 12, 31)
sums = ", ".join(
    f"sum({name})" if column.kind in ("number", "money") else f"sum(length(cast({name} as varchar)))" if column.kind != "time" else f"max({name})"
    for name, column in TABLES["interactions"].columns.items()
)
def timed(call):
    started = time.process_time()
    call()
    return time.process_time() - started
scans = Warehouse(folder, as_of)
scans.count("orders")
said = {"rows": scans.count("interactions")}
said["sum"] = min(timed(lambda: scans._frame("select count(*), sum(cost) from interactions", {})) for _ in range(3))
said["scan"] = min(timed(lambda: scans._frame(f"select count(*), {sums} from interactions", {})) for _ in range(2))
warehouse = Warehouse(folder, as_of)
warehouse.count("orders")
began = time.perf_counter()
said["linked"] = timed(lambda: warehouse._prepare_for("first_contacts"))
for name in ("journeys", "touch_transitions", "touch_credit", "stage_volumes", "touchpoint_contacts", "sessions"):
    more = {"follow_days": 60} if name in ("touch_transitions", "touch_credit") else {}
    said[name] = timed(lambda: warehouse.query(name, since=since, **more))
said["wall"] = time.perf_counter() - began
print(json.dumps(said | {"gigabytes": peak_gigabytes()}))
"""


def bench_journeys(folder: Path, customers: int = CUSTOMERS) -> list[dict[str, Any]]:
    """Return rows of id, seconds, ratio, peak memory, the limit and ok.

    Parameters
    ----------
    folder
        Gets the simulated world; it is removed once measured.
    customers
        Of the larger size; the smaller is its first 100,000.
    """
    write_parquet(folder / "parts", customers)
    measured = []
    for name, shards in (("small", SMALL_SHARDS), ("large", None)):
        _world(folder / "parts" / "tables", folder / name, shards)
        measured.append(_child(folder / name))
        shutil.rmtree(folder / name)
    shutil.rmtree(folder / "parts")
    return _rows(*measured)


def _world(source: Path, folder: Path, shards: int | None) -> None:
    """Put the first shards of the tables that journeys read into one file each, as intake leaves them."""
    folder.mkdir(parents=True)
    with duckdb.connect(":memory:") as connection:
        for name in ("interactions", "orders", "tickets"):
            parts = [str(path) for path in sorted((source / name).glob("*.parquet"))[:shards]]
            connection.execute("set enable_progress_bar = false")
            connection.execute(
                f"copy (select * from read_parquet({parts})) to '{folder / name}.parquet'"
            )


def _rows(small: dict[str, float], large: dict[str, float]) -> list[dict[str, Any]]:
    """Return one row a part of the larger size with its growth, and the whole beside the scans."""
    more = math.log(large["rows"] / small["rows"])
    parts = [name for name in large if name not in ("rows", "sum", "scan", "wall", "gigabytes")]
    whole = {"small": sum(small[p] for p in parts), "large": sum(large[p] for p in parts)}
    growth = math.log(whole["large"] / whole["small"]) / more
    size = f"{large['rows']:,.0f} contacts"
    rows = [
        _row("contacts-sum", large["sum"], None, large, True, f"SELECT count(*), sum(cost) of {size}"),
        _row("contacts-scan", large["scan"], large["scan"] / large["sum"], large, True,
             "SELECT count(*), sum(...) of every column, the same file (ratio: to the sum of one)"),
    ]  # fmt: skip
    rows += [
        _row(f"journeys-{part}", large[part], math.log(large[part] / small[part]) / more, large, True, "power of growth (ratio)")
        for part in parts
    ]  # fmt: skip
    ratio = whole["large"] / large["scan"]
    return [
        *rows,
        _row("journeys-growth", whole["large"], growth, large, growth <= GROWTH,
             f"all of them from {small['rows']:,.0f} contacts grow to the power of at most {GROWTH:g} (ratio)"),
        _row("journeys-memory", whole["large"], None, large, large["gigabytes"] <= MEMORY, f"at most {MEMORY:g} GB"),
        _row("journeys-scans", whole["large"], ratio, large, ratio <= SCANS,
             f"at most {SCANS:g} times the scan of every column (ratio); {whole['large'] / large['sum']:.0f} times the sum of one; {large['wall']:.0f} s by the clock"),
    ]  # fmt: skip


def _row(id_: str, seconds: float, ratio: float | None, found: dict[str, float], ok: bool, limit: str) -> dict[str, Any]:  # fmt: skip
    return {
        "id": id_, "seconds": round(seconds, 2), "ratio": None if ratio is None else round(ratio, 2),
        "peak_gigabytes": round(found["gigabytes"], 2), "limit": limit, "ok": bool(ok),
    }  # fmt: skip


def _child(folder: Path) -> dict[str, float]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", _WORK, str(folder)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode:
        raise StepError(f"bench: journeys ended with {done.returncode}: {done.stderr[-500:]}")
    # a long query draws its progress on the same output, even on the same line
    measured: dict[str, float] = json.loads(done.stdout[done.stdout.rindex("{") :])
    return measured
