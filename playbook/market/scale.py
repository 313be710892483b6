"""Worlds too large for memory: shards of customers, written as Parquet one after another."""

from __future__ import annotations

import gc
import multiprocessing
import resource
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from . import build
from .planned import Campaign
from .settings import Settings
from .world import SHARD, Frame, common, shard, shared_tables, shared_truth

SHARED = ("campaigns",)
"""Tables that every shard has alike, written once."""


@dataclass(frozen=True)
class Written:
    """What `write_parquet` did.

    Attributes
    ----------
    rows
        Rows of every table.
    seconds
        Time it took.
    peak_bytes
        Most memory held at once, summed over the processes.
    """

    rows: dict[str, int]
    seconds: float
    peak_bytes: int


def write_parquet(
    folder: Path,
    customers: int,
    years: int = 3,
    seed: int = 2025,
    start_year: int = 2023,
    settings: Settings | None = None,
    processes: int = 2,
) -> Written:
    """Simulate a world of any size and write it to ``folder``.

    Parameters
    ----------
    folder
        Gets ``tables/<table>/part-000.parquet``, ``part-001.parquet`` and so on, one file for
        each 50,000 customers, and ``truth/`` likewise. Former content of both is removed.
    customers, years, seed, start_year, settings
        As for `simulate`, which gives the same tables where there is one shard.
    processes
        Shards simulated at the same time; the files do not depend on it.

    Returns
    -------
    Written
        Rows per table, time and peak memory.
    """
    began = time.perf_counter()
    frame = common(customers, start_year, years, seed, settings or Settings())
    folder = Path(folder)
    for part in ("tables", "truth", "extra"):
        shutil.rmtree(folder / part, ignore_errors=True)
    rows: dict[str, int] = {}
    won, sold = pd.Series(dtype=float), pd.Series(dtype=float)
    campaigns, peak = pd.DataFrame(), 0
    ran: tuple[Campaign, ...] = ()
    for result in _results(frame, folder, min(processes, len(_sizes(customers)))):
        won = won.add(result.won, fill_value=0) if len(won) else result.won
        sold = sold.add(result.sold, fill_value=0) if len(sold) else result.sold
        if len(result.ran) >= len(ran):
            ran, campaigns = result.ran, result.campaigns
        peak = max(peak, result.peak_bytes)
        for name, count in result.rows.items():
            rows[name] = rows.get(name, 0) + count
    shared = shared_tables(frame, won.astype(int), sold) | {"campaigns": campaigns}
    _write(folder / "tables", shared, 0)
    _write(folder / "truth", shared_truth(frame, ran), 0)
    rows |= {name: len(table) for name, table in shared.items()}
    used = peak * min(processes, len(_sizes(customers))) + _peak()
    return Written(dict(sorted(rows.items())), time.perf_counter() - began, used)


@dataclass(frozen=True)
class _Result:
    """What the whole world needs to know of a shard."""

    rows: dict[str, int]
    won: pd.Series
    sold: pd.Series
    campaigns: pd.DataFrame
    ran: tuple[Campaign, ...]
    peak_bytes: int


def _sizes(customers: int) -> list[int]:
    """Return the customers of each shard: full ones, and the rest in the last.

    A rest too small to be a world of its own makes the last two equal.
    """
    full, rest = divmod(customers, SHARD)
    sizes = [SHARD] * full + ([rest] if rest else [])
    if full and 0 < rest < 1000:
        sizes[-2:] = [SHARD - 1000, rest + 1000]
    return sizes


def _results(frame: Frame, folder: Path, processes: int) -> Iterator[_Result]:
    work = partial(_one, frame, folder)
    sizes = _sizes(frame.customers)
    if processes == 1:
        yield from map(work, range(len(sizes)), sizes)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        yield from pool.map(work, range(len(sizes)), sizes)


def _one(frame: Frame, folder: Path, number: int, customers: int) -> _Result:
    part = shard(frame, number, customers)
    tables = {name: table for name, table in part.tables.items() if name not in SHARED}
    _write(folder / "tables", tables, number)
    _write(folder / "truth", part.truth, number)
    _write(folder / "extra", part.extra, number)
    result = _Result(
        {name: len(table) for name, table in tables.items()},
        part.won,
        part.sold,
        part.tables["campaigns"],
        part.past.campaigns,
        _peak(),
    )
    del part, tables
    gc.collect()
    return result


def _write(folder: Path, tables: build.Tables, number: int) -> None:
    for name, frame in tables.items():
        path = folder / name / f"part-{number:03d}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        pq.write_table(table, path, compression="zstd", compression_level=1)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
