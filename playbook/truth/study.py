"""One drawn world, as the playbook sees it (`Sight`) and as the judge knows it (`Study`).

The standard tables go to a folder of their own; the truth stays in memory, where no query reaches it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import pandas as pd

from playbook import market
from playbook.engagement import open_folder
from playbook.truth import benchmarks
from playbook.truth.sight import Sight

__all__ = ["START", "Study", "Twin", "open_study"]

START, YEARS = 2023, 3
END = date(START + YEARS - 1, 12, 31)
YEAR_BEFORE = date(START + YEARS - 2, 12, 31)
TWIN = 2
"""How many times larger the twin is."""


class Study:
    """A drawn world: what estimators see, the truth, and a twin for the benchmark.

    Attributes
    ----------
    seed, kind
        Seed the world was drawn with, and the kind of world that came out.
    world
        For the judge: ``truth``, ``tables``, ``settings``.
    sight, earlier
        For the estimators, as of the last day and as of a year before.
    """

    def __init__(self, seed: int, customers: int, folder: Path) -> None:
        self.seed = seed
        self.customers = customers
        self.folder = folder
        self.settings = market.draw_settings(seed)
        self.kind = self.settings.kind
        self.world = self._draw(customers, seed)
        self.sight = self._sight("tables", self.world, END)
        self.earlier = Sight(folder / "tables", YEAR_BEFORE, self.sight.engagement)

    def _draw(self, customers: int, seed: int) -> market.World:
        return market.simulate(customers, START, YEARS, seed, self.settings)

    def _sight(self, name: str, world: market.World, as_of: date) -> Sight:
        (self.folder / name).mkdir()
        for table, frame in world.tables.items():
            frame.to_parquet(self.folder / name / f"{table}.parquet", index=False)
        return Sight(self.folder / name, as_of, open_folder("demo").engagement())

    @property
    def truth(self) -> dict[str, pd.DataFrame]:
        """The planted frames."""
        return self.world.truth

    @property
    def people(self) -> pd.DataFrame:
        """The planted state of each customer, indexed by ``customer_id``."""
        return self.truth["customers"].set_index("customer_id")

    @property
    def null(self) -> bool:
        """Whether this world has no effect, no drift and no difference in needs."""
        return self.kind == "null"

    @property
    def alike(self) -> bool:
        """Whether customers of this world differ in what they want by no segment."""
        return self.kind in ("null", "no segments")

    def season(self, month: int) -> float:
        """Return the planted season and growth of a month, counted from the first one (0)."""
        planted = self.settings
        return float(planted.season[month % 12] * planted.growth ** (month / 12))

    @cached_property
    def twin(self) -> Twin:
        """A larger world of the same settings and another seed, open to the benchmark."""
        world = self._draw(TWIN * self.customers, self.seed + 1_000_003)
        now = self._sight("twin", world, END)
        earlier = Sight(self.folder / "twin", YEAR_BEFORE, now.engagement)
        return Twin(world.truth["customers"].set_index("customer_id"), now, earlier)

    @cached_property
    def seen_earlier(self) -> pd.DataFrame:
        """What step 3 is given of customers with an order, as of a year before."""
        return benchmarks.observed(self.earlier)


@dataclass(frozen=True)
class Twin:
    """The twin's hidden states and frames."""

    people: pd.DataFrame
    sight: Sight
    earlier: Sight


@contextmanager
def open_study(seed: int, customers: int) -> Iterator[Study]:
    """Draw the world of a seed and write its tables to a temporary folder for as long as it is judged."""
    with tempfile.TemporaryDirectory(prefix="playbook-truth-") as folder:
        yield Study(seed, customers, Path(folder))
