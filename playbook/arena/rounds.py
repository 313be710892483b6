"""Plays the game in drawn worlds: two years under each policy, the same luck for all."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
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

SEEDS, SEED_BASE, CUSTOMERS = 20, 11_000, 3000
CHANCES = 1
"""How often each policy lives the two years, every time with other luck, the same for all; profits are means over them."""
YOURS = "yours"
FIRST = START + YEARS
Policy = Callable[[market.World, Client], market.Strategy]
Plan = tuple[market.Strategy, market.Strategy]


@dataclass
class _Table:
    """The game in one world: what stays the same for all policies."""

    seed: int
    world: market.World
    folder: Path
    budget: float
    usual: dict[str, float]
    files: int = 0

    def client(
        self, world: market.World, last: tuple[Client, market.Strategy] | None = None
    ) -> Client:
        """Return what a policy knows when it continues ``world``."""
        self.files += 1
        year = FIRST if last is None else FIRST + 1
        sight = sight_of(world, self.folder / str(self.files), date(year - 1, 12, 31), open_folder("demo").engagement())  # fmt: skip
        menu = market.beliefs(world.settings, self.seed, len(_known(world)))
        return Client(
            sight, year, 1 + FIRST + 1 - year, self.budget, self.usual, menu, self.seed, last
        )


def _budget(world: market.World) -> tuple[float, dict[str, float]]:
    """All that the last year's spend table holds, and the acquisition part by channel."""
    spend = world.tables["channel_spend"]
    spend = spend[spend["month"].dt.year == FIRST - 1]
    paid = spend[spend["purpose"] == "acquisition"].groupby("channel")["spend"].sum()
    usual = {str(channel): float(money) for channel, money in paid.items() if money > 0}
    return float(spend["spend"].sum()), usual


def _known(world: market.World) -> Any:
    assert world.memory is not None
    return world.memory.crowd.customer_id


def _later(after: market.World, second: market.Strategy, chance: int) -> list[float]:
    """Profit of the first year, lived, and of the second under its strategy."""
    year = market.lived(after, FIRST + 1, second, chance)
    return [market.profit(after, FIRST).total, year.profit.total]


def _policy(table: _Table, start: Client, name: str, policy: Policy, chances: int) -> tuple[list[list[float]], list[Plan]]:  # fmt: skip
    """Let a policy plan and live both years under each chance: profits and strategies, by chance."""
    first = checked(policy(table.world, start), start, name)
    years, plans = [], []
    for chance in range(chances):
        after = market.advance(table.world, FIRST, first, chance)
        seen = table.client(after, (start, first))
        second = checked(policy(after, seen), seen, name)
        years.append(_later(after, second, chance))
        plans.append((first, second))
    return years, plans


def _lever(table: _Table, lever: str, plans: list[Plan]) -> list[list[float]]:
    """Profits of one lever alone: the same strategies, with all else left as it is."""
    years = []
    for chance, (first, second) in enumerate(plans):
        part = only(first, lever, _known(table.world))
        after = market.advance(table.world, FIRST, part, chance, tables=False)
        years.append(_later(after, only(second, lever, _known(after)), chance))
    return years


def _rows(table: _Table, policy: str, source: str, years: list[list[float]]) -> list[dict[str, Any]]:  # fmt: skip
    mean = pd.DataFrame(years).mean()
    return [
        {"seed": table.seed, "kind": table.world.settings.kind, "policy": policy, "source": source, "year": FIRST + k,
         "profit": round(float(mean[k]), 2), "budget": round(table.budget, 2)}
        for k in range(2)
    ]  # fmt: skip


def _sees_only(policy: Callable[[Client], market.Strategy]) -> Policy:
    """A policy that is never given the world itself."""
    return lambda _, client: policy(client)


def _players(work: Homework | None, wanted: tuple[str, ...]) -> dict[str, Policy]:
    every = {name: _sees_only(policy) for name, policy in (SIMPLE | {OURS: playbook}).items()}
    every[ORACLE] = oracle
    if work is not None:
        every[YOURS] = _sees_only(partial(homework, work))
    return {name: policy for name, policy in every.items() if not wanted or name in wanted}


def play_world(
    seed: int, *, customers: int = CUSTOMERS, work: Homework | None = None, chances: int = CHANCES, levers: bool = True,
    policies: tuple[str, ...] = (),
) -> list[dict[str, Any]]:  # fmt: skip
    """Return profit by policy, source and year in the world of one seed.

    Parameters
    ----------
    work
        A student's own strategy, which plays as ``yours``.
    chances
        How often the two years are lived, each time with other luck.
    levers
        Whether the playbook's and the oracle's levers are also judged alone.
    policies
        Names of those that play; all by default.
    """
    with warnings.catch_warnings(), threadpool_limits(1), tempfile.TemporaryDirectory(prefix="playbook-arena-") as folder:  # fmt: skip
        warnings.simplefilter("ignore")
        world = market.simulate(customers, START, YEARS, seed, market.draw_settings(seed))
        table = _Table(seed, world, Path(folder), *_budget(world))
        start = table.client(world)
        rows: list[dict[str, Any]] = []
        for name, policy in _players(work, policies).items():
            years, plans = _policy(table, start, name, policy, chances)
            rows += _rows(table, name, ALL, years)
            for lever in LEVERS if levers and name in (OURS, ORACLE) else ():
                rows += _rows(table, name, lever, _lever(table, lever, plans))
    return rows


def _numbered(seed: int, options: dict[str, Any]) -> list[dict[str, Any]]:
    return play_world(seed, **options)


def play(
    seeds: int = SEEDS, base: int = SEED_BASE, processes: int = 2, tell: Callable[[str], None] = lambda text: None,
    **options: Any,
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
    options
        Of `play_world`.
    """
    one = partial(_numbered, options=options)
    chosen = range(base, base + seeds)
    rows: list[dict[str, Any]] = []
    with ExitStack() as stack:
        results: Iterator[list[dict[str, Any]]] = map(one, chosen)
        if min(processes, seeds) > 1:
            pool = ProcessPoolExecutor(min(processes, seeds), mp_context=get_context("spawn"))
            results = stack.enter_context(pool).map(one, chosen)
        for seed, found in zip(chosen, results, strict=True):
            rows += found
            tell(f"seed {seed}: {found[0]['kind']}")
    return pd.DataFrame(rows)
