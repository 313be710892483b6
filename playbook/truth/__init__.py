"""Does the playbook find what is there? Its own estimates against worlds whose truth is known.

Worlds are drawn from wide, committed ranges, one for each seed. Nothing is implemented anew here:
rows call the queries and functions that the notebooks call. Only this package reads the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from playbook.truth.judge import Line, judge, table
from playbook.truth.rows import Found, NotHere, rows_of
from playbook.truth.study import open_study

__all__ = ["CUSTOMERS", "SEED_BASE", "SEEDS", "Line", "run", "table"]

STEPS = ("step02", "step03", "step04", "step05", "step06", "step07")
SEEDS, SEED_BASE, CUSTOMERS = 10, 7000, 4000


def run(
    step: str = "", seeds: int = SEEDS, base: int = SEED_BASE, customers: int = CUSTOMERS,
    tell: Callable[[str], None] = lambda text: None,
) -> list[Line]:  # fmt: skip
    """Return one line per row, judged over ``seeds`` worlds drawn from ``base`` on.

    Parameters
    ----------
    step
        Number of one step ("03"); all steps by default.
    customers
        Customers of each world.
    tell
        Called with a line of progress after each world.
    """
    load()
    rows = rows_of(step)
    found: dict[str, list[Found | NotHere | Exception]] = {row.id: [] for row in rows}
    for seed in range(base, base + seeds):
        with open_study(seed, customers) as study:
            for row in rows:
                try:
                    found[row.id].append(row.find(study))
                except Exception as error:
                    found[row.id].append(error)
            tell(f"seed {seed}: {study.kind}")
    return [judge(row, found[row.id]) for row in rows]


def load() -> None:
    """Import the modules that hold the rows."""
    for name in STEPS:
        import_module(f"playbook.truth.{name}")
