"""Times segments and customer value on 10,000 to 1,000,000 customers, and the purchase models against ``lifetimes``.

Every timing runs in a process of its own, without imports, and tells the most memory it held.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from playbook.engagement import ROOT
from playbook.errors import StepError
from playbook.market import write_parquet
from playbook.tables import TABLES

__all__ = ["bench_value"]

SIZES = (10_000, 100_000, 1_000_000)
ORDERS = 10_000_000
MEMORY = 6.0
"""Gigabytes that a million customers may take."""
GROWTH = 1.10
"""Highest exponent of time in the number of customers: linear, and a tenth for what caches do not hold."""
FIT, SUMMARY = 3.0, 6.0
"""How many times faster than ``lifetimes`` the fit and the customer summary must be."""
TURNS = 3
"""How often features are made, and both sides summarise in turn; the least time counts, as others use the machine too."""

_CLOCK = """
import json, sys, time
from datetime import date
from pathlib import Path
from playbook.bench_memory import peak_gigabytes
folder, as_of = Path(sys.argv[1]), date(2025, 12, 31)
said = {}
def lap(name):
    global started
    now = time.perf_counter()
    if name: said[name] = now - started
    started = time.perf_counter()
def end():
    print(json.dumps(said | {"gigabytes": peak_gigabytes()}))
"""
_STEP = """
from playbook import segmentation
from playbook.engagement.model import Costs
from playbook.warehouse import Warehouse
warehouse, since, costs = Warehouse(folder, as_of), date(2024, 12, 31), Costs(cost_per_ticket=9.5)
turns = []
for _ in range(TURNS):
    customers = mix = None
    lap("")
    customers = segmentation.add_contribution(warehouse.query("customer_features", since=since), costs)
    mix = warehouse.query("purchase_mix", since=since)
    lap("features")
    turns.append(said["features"])
said["features"] = min(turns)
solution = segmentation.choose_segments(customers, mix, seed=1)
assert len(solution["segments"]) == len(customers)
lap("segments")
cut = segmentation.calibration_end(customers, as_of)
earlier, now = (warehouse.query("purchase_histories", until=day) for day in (cut, as_of))
lap("histories")
checked = segmentation.check_purchase_models(earlier, as_of, cut)
lap("holdout")
values = segmentation.lifetime_value(now, customers, checked, 0.10, seed=1)["values"]
assert len(values) == len(customers)
lap("value")
end()
"""
_OURS = """
import pandas as pd
from playbook.clv import fit_bg_nbd
frame = pd.read_parquet(folder / "histories.parquet")
lap("")
model = fit_bg_nbd(frame)
lap("fit")
model.expected_purchases(frame, 52.0)
lap("predict")
end()
model.params.to_json(folder / "ours.json")
"""
_LIFETIMES = """
import warnings
warnings.simplefilter("ignore")
import pandas as pd
from lifetimes import BetaGeoFitter
frame = pd.read_parquet(folder / "histories.parquet")
lap("")
model = BetaGeoFitter()
model.fit(frame["frequency"], frame["recency"], frame["age"])
lap("fit")
import numpy as np
ours = json.loads((folder / "ours.json").read_text())
columns = [frame[c].to_numpy() for c in ("frequency", "recency", "age")]
for name, params in (("llf", model.params_), ("llf_ours", ours)):
    logs = np.log([params[p] for p in ("r", "alpha", "a", "b")])
    said[name] = -float(BetaGeoFitter._negative_log_likelihood(logs, *columns, np.ones(len(frame)), 0.0)) * len(frame)
end()
"""
_OUR_SUMMARY = """
from playbook.warehouse import Warehouse
warehouse = Warehouse(folder, as_of)
lap("")
frame = warehouse.query("purchase_histories", until=as_of)
lap("summary")
end()
frame = frame.set_index("customer_id")[["frequency", "recency", "age", "monetary"]].astype(float)
frame[["recency", "age"]] = (frame[["recency", "age"]] * 7).round(6)
frame.to_parquet(folder / "ours.parquet")
"""
_THEIR_SUMMARY = """
import warnings
warnings.simplefilter("ignore")
import pandas as pd, pyarrow as pa, pyarrow.parquet as pq
from lifetimes.utils import summary_data_from_transaction_data
lap("")
orders = pq.read_table(folder / "orders.parquet", columns=["customer_id", "ordered_at", "revenue"])
orders = orders.set_column(2, "revenue", orders["revenue"].cast(pa.float64())).to_pandas()  # a pass of decimals in Python costs more
lap("read")
frame = summary_data_from_transaction_data(orders, "customer_id", "ordered_at", "revenue", observation_period_end=as_of)
lap("summary")
end()
ours = pd.read_parquet(folder / "ours.parquet").loc[frame.index]
pairs = zip(ours.columns, ["frequency", "recency", "T", "monetary_value"])
assert len(ours) == len(frame) and all((ours[a] - frame[b]).abs().max() < 1e-6 for a, b in pairs), "not the same"
"""


def bench_value(
    folder: Path, sizes: Sequence[int] = SIZES, orders: int = ORDERS
) -> list[dict[str, Any]]:
    """Return rows of id, seconds, ratio, peak memory, the limit and ok.

    Parameters
    ----------
    folder
        Gets the simulated worlds; each is removed once it is measured.
    sizes
        Customers, rising; the last two are also fitted by ``lifetimes``.
    orders
        Orders of the customer summary.
    """
    rows, measured = [], {}
    for customers in sizes:
        world = folder / str(customers)
        _world(world, customers)
        measured[customers] = _child(_STEP, world)
        if customers in sizes[-2:]:
            _fit_frame(world)
            rows += _fits(customers, _child(_OURS, world), _child(_LIFETIMES, world))
        shutil.rmtree(world)
    return [*_steps(measured), *rows, *_summaries(folder / "orders", orders)]


def _steps(measured: dict[int, dict[str, float]]) -> list[dict[str, Any]]:
    """Return one row a part and size, with its growth over the size before, and the memory of each size."""
    rows, sizes = [], list(measured)
    for small, size in zip([None, *sizes], sizes, strict=False):
        found = measured[size]
        for part in [name for name in found if name != "gigabytes"]:
            growth = None
            if small:
                growth = math.log(found[part] / measured[small][part]) / math.log(size / small)
            rows.append(
                _row(f"value-{part}-{size}", found[part], growth, found["gigabytes"], growth is None or growth <= GROWTH,
                     f"time grows with customers to the power of at most {GROWTH:g} (ratio)")
            )  # fmt: skip
        whole = sum(found.values()) - found["gigabytes"]
        rows.append(_row(f"value-memory-{size}", whole, None, found["gigabytes"], found["gigabytes"] <= MEMORY, f"at most {MEMORY:g} GB"))  # fmt: skip
    return rows


def _fits(customers: int, ours: dict[str, float], theirs: dict[str, float]) -> list[dict[str, Any]]:
    """Return the rows of one fit; both likelihoods are taken by the formula of ``lifetimes``."""
    ratio = theirs["fit"] / ours["fit"]
    gain = theirs["llf_ours"] - theirs["llf"]
    better = gain >= -1e-6 * abs(theirs["llf"])
    return [
        _row(f"lifetimes-fit-{customers}", theirs["fit"], 1.0, theirs["gigabytes"], True, f"BG/NBD, log-likelihood {theirs['llf']:,.2f}"),
        _row(f"clv-fit-{customers}", ours["fit"], ratio, ours["gigabytes"], ratio >= FIT, f"at least {FIT:g} times as fast as lifetimes (ratio)"),
        _row(f"clv-fit-likelihood-{customers}", ours["fit"], gain, ours["gigabytes"], better, "log-likelihood not below that of lifetimes (ratio: difference)"),
        _row(f"clv-predict-{customers}", ours["predict"], None, ours["gigabytes"], True, "expected orders of every customer"),
    ]  # fmt: skip


def _summaries(folder: Path, orders: int) -> list[dict[str, Any]]:
    """Return the rows of the customer summary: both sides start from one Parquet file, each at its best of some turns."""
    _orders(folder, orders)
    turns = [(_child(_OUR_SUMMARY, folder), _child(_THEIR_SUMMARY, folder)) for _ in range(TURNS)]
    shutil.rmtree(folder)
    ours = min((turn[0] for turn in turns), key=lambda said: said["summary"])
    theirs = min((turn[1] for turn in turns), key=lambda said: said["read"] + said["summary"])
    whole = theirs["read"] + theirs["summary"]
    ratio, in_memory = whole / ours["summary"], theirs["summary"] / ours["summary"]
    return [
        _row("lifetimes-summary", whole, 1.0, theirs["gigabytes"], True,
             f"{orders:,} orders from a Parquet file ({theirs['read']:.1f} s to read it by Arrow), best of {TURNS}"),
        _row("customer-summary", ours["summary"], ratio, ours["gigabytes"], ratio >= SUMMARY,
             f"at least {SUMMARY:g} times as fast as lifetimes (ratio), equal values, from the same file, best of {TURNS}; "
             f"{in_memory:.1f} times were lifetimes given its orders in memory"),
    ]  # fmt: skip


def _row(id_: str, seconds: float, ratio: float | None, gigabytes: float, ok: bool, limit: str) -> dict[str, Any]:  # fmt: skip
    return {
        "id": id_, "seconds": round(seconds, 2), "ratio": None if ratio is None else round(ratio, 2),
        "peak_gigabytes": round(gigabytes, 2), "limit": limit, "ok": bool(ok),
    }  # fmt: skip


def _world(folder: Path, customers: int) -> None:
    """Simulate a world and put the parts of each table into one file, as intake leaves them."""
    write_parquet(folder / "parts", customers)
    with duckdb.connect(":memory:") as connection:
        for source in sorted((folder / "parts" / "tables").iterdir()):
            if source.name in TABLES:
                connection.execute(
                    f"copy (select * from read_parquet('{source}/*.parquet')) to '{folder / source.name}.parquet'"
                )
    shutil.rmtree(folder / "parts")


def _fit_frame(folder: Path) -> None:
    """Write the histories of those who bought, clock at the first purchase: what ``lifetimes`` can fit."""
    from datetime import date

    from playbook.segmentation.purchase_models import comparable
    from playbook.warehouse import Warehouse

    found = Warehouse(folder, date(2025, 12, 31)).query("purchase_histories", until=date(2025, 12, 31))  # fmt: skip
    found = found[~found["won_before_record"].astype(bool)]
    columns = ["frequency", "recency", "age"]
    comparable(found)[columns].astype(float).to_parquet(folder / "histories.parquet")


def _orders(folder: Path, orders: int) -> None:
    """Write orders over three years, of a tenth as many customers, some of them on one day."""
    folder.mkdir(parents=True)
    customers = max(orders // 10, 1)
    with duckdb.connect(":memory:") as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(
            f"""copy (select lpad(cast(i as varchar), 9, '0') as order_id,
                   'C' || lpad(cast(hash(i) % {customers} as varchar), 8, '0') as customer_id,
                   timestamp '2023-01-01' + to_minutes(cast(hash(i + 7) % 1570000 as bigint)) as ordered_at,
                   cast(1 + (hash(i + 13) % 20000) / 100.0 as decimal(18,2)) as revenue
               from range({orders}) t(i)) to '{folder / "orders.parquet"}'"""
        )
        connection.execute(
            f"""copy (select distinct customer_id, cast(null as timestamp) as acquired_at
               from '{folder / "orders.parquet"}') to '{folder / "customers.parquet"}'"""
        )


def _child(work: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-c", f"TURNS = {TURNS}{_CLOCK}{work}", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode:
        raise StepError(f"bench: customer value ended with {done.returncode}: {done.stderr[-500:]}")
    # a long query draws its progress on the same output, even on the same line
    measured: dict[str, float] = json.loads(done.stdout[done.stdout.rindex("{") :])
    return measured
