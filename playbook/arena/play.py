"""Plays the game in drawn worlds: two years under each policy, the same luck for all."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits

from playbook import market
from playbook.arena.consultant import playbook
from playbook.arena.game import LEVERS, START, YEARS, Client, checked, only, sight_of
from playbook.arena.oracle import oracle
from playbook.arena.policies import SIMPLE
from playbook.arena.score import ALL, ORACLE, OURS
from playbook.arena.student import Homework, homework
from playbook.engagement import open_folder

__all__ = ["CHANCES", "CUSTOMERS", "SEEDS", "SEED_BASE", "play", "play_world"]

SEEDS, SEED_BASE, CUSTOMERS = 20, 8000, 3000
CHANCES = 2
"""How often each policy lives the two years, every time with other luck; profits are means over them."""
YOURS = "yours"
FIRST = START + YEARS
Policy = Callable[[Client], market.Strategy]


@dataclass
class _Table:
    """The game in one world: what stays the same for all policies."""

    seed: int
    world: market.World
    folder: Path
    budget: float
    usual: dict[str, float]
    files: int = 0

    def client(self, world: market.World, last: tuple[Client, market.Strategy] | None = None) -> Client:
        """Return what a policy knows when it continues ``world``."""
        self.files += 1
        year = FIRST if last is None else FIRST + 1
        sight = sight_of(world, self.folder / str(self.files), date(year - 1, 12, 31), open_folder("demo").engagement())  # fmt: skip
        menu = market.beliefs(world.settings, self.seed, len(_known(world)))
        return Client(sight, year, 1 + FIRST + 1 - year, self.budget, self.usual, menu, self.seed, last)


def _budget(world: market.World) -> tuple[float, dict[str, float]]:
    """All that the last year's spend table holds, and the acquisition part by channel."""
    spend = world.tables["channel_spend"]
    spend = spend[spend["month"].dt.year == FIRST - 1]
    paid = spend[spend["purpose"] == "acquisition"].groupby("channel")["spend"].sum()
    usual = {str(channel): float(money) for channel, money in paid.items() if money > 0}
    return float(spend["spend"].sum()), usual


def _two_years(
    table: _Table, first: market.Strategy, policy: Callable[[market.World, Client | None], market.Strategy], chance: int,
    start: Client | None,
) -> tuple[list[float], market.Strategy]:  # fmt: skip
    """Live both years; ``policy`` plans the second one. Return both profits and the second strategy."""
    after = market.advance(table.world, FIRST, first, chance)
    second = policy(after, table.client(after, (start, first)) if start is not None else None)
    later = market.lived(after, FIRST + 1, second, chance)
    return [market.profit(after, FIRST).total, later.profit.total], second


def _known(world: market.World) -> Any:
    assert world.memory is not None
    return world.memory.crowd.customer_id


def _levers(table: _Table, plans: list[tuple[market.Strategy, market.Strategy]], policy: str) -> list[dict[str, Any]]:  # fmt: skip
    """Profit of each lever alone: the same strategies with all else left as it is."""
    rows = []
    for lever in LEVERS:
        years: list[list[float]] = []
        for chance, (first, second) in enumerate(plans):
            part = only(first, lever, _known(table.world))
            profits, _ = _two_years(
                table, part, lambda world, _, s=second, lever=lever: only(s, lever, _known(world)), chance, None,
            )  # fmt: skip
            years.append(profits)
        rows += _rows(table, policy, lever, years)
    return rows


def _rows(table: _Table, policy: str, source: str, years: list[list[float]]) -> list[dict[str, Any]]:  # fmt: skip
    mean = pd.DataFrame(years).mean()
    return [
        {"seed": table.seed, "kind": table.world.settings.kind, "policy": policy, "source": source, "year": FIRST + k,
         "profit": round(float(mean[k]), 2), "budget": round(table.budget, 2)}
        for k in range(2)
    ]  # fmt: skip


def play_world(
    seed: int, customers: int = CUSTOMERS, work: Homework | None = None, chances: int = CHANCES, levers: bool = True,
    policies: tuple[str, ...] = (),
) -> list[dict[str, Any]]:  # fmt: skip
    """Return profit by policy, source and year in the world of one seed.

    Parameters
    ----------
    work
        A student's own strategy, which plays as ``yours``.
    policies
        Names of those that play; all by default.
    """
    every: dict[str, Policy] = {**SIMPLE, OURS: playbook}
    if work is not None:
        every[YOURS] = partial(homework, work)
    with warnings.catch_warnings(), threadpool_limits(1), tempfile.TemporaryDirectory(prefix="playbook-arena-") as folder:  # fmt: skip
        warnings.simplefilter("ignore")
        settings = market.draw_settings(seed)
        world = market.simulate(customers, START, YEARS, seed, settings)
        budget, usual = _budget(world)
        table = _Table(seed, world, Path(folder), budget, usual)
        start = table.client(world)
        rows: list[dict[str, Any]] = []
        for name in [n for n in (*every, ORACLE) if not policies or n in policies]:
            plans, years = [], []
            if name == ORACLE:
                first = checked(oracle(world, start), start, name)
            else:
                first = checked(every[name](start), start, name)
            for chance in range(chances):

                def second(after: market.World, seen: Client | None, name: str = name) -> market.Strategy:
                    assert seen is not None
                    plan = oracle(after, seen) if name == ORACLE else every[name](seen)
                    return checked(plan, seen, name)

                profits, then = _two_years(table, first, second, chance, start)
                plans.append((first, then))
                years.append(profits)
            rows += _rows(table, name, ALL, years)
            if levers and name in (OURS, ORACLE):
                rows += _levers(table, plans, name)
    return rows


def play(
    seeds: int = SEEDS, base: int = SEED_BASE, customers: int = CUSTOMERS, work: Homework | None = None, processes: int = 2,
    tell: Callable[[str], None] = lambda text: None, **options: Any,
) -> pd.DataFrame:  # fmt: skip
    """Return one row a world, policy, source and year; the same for any number of processes.

    Parameters
    ----------
    seeds, base
        Number of worlds, and the seed of the first.
    processes
        Worlds played at a time.
    tell
        Called with a line of progress after each world.
    """
    one = partial(play_world, customers=customers, work=work, **options)
    chosen = range(base, base + seeds)
    rows: list[dict[str, Any]] = []

    def note(seed: int, found: list[dict[str, Any]]) -> None:
        rows.extend(found)
        tell(f"seed {seed}: {found[0]['kind']}")

    if processes < 2 or seeds < 2:
        for seed in chosen:
            note(seed, one(seed))
    else:
        with ProcessPoolExecutor(min(processes, seeds), mp_context=get_context("spawn")) as pool:
            for seed, found in zip(chosen, pool.map(one, chosen), strict=True):
                note(seed, found)
    return pd.DataFrame(rows)
