"""Does the playbook find what is there? Its own estimates against worlds whose truth is known.

Worlds are drawn from wide, committed ranges, one for each seed. Nothing is implemented anew here:
rows call the queries and functions that the notebooks call. Only this package reads the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from threadpoolctl import threadpool_limits

from playbook.errors import PlanError
from playbook.truth import (
    coverage,
    coverage_channels,
    coverage_choices,
    coverage_drivers,
    coverage_growth,
    coverage_journeys,
    coverage_money,
    coverage_monitoring,
    coverage_pipeline,
    coverage_promises,
    coverage_spend,
    futures,
)
from playbook.truth.judge import Line, as_json, as_records, as_text, judge
from playbook.truth.rows import Found, NotHere, Row, rows_of
from playbook.truth.study import Study, open_study

__all__ = [
    "CELLS",
    "CUSTOMERS",
    "SEEDS",
    "SEED_BASE",
    "Line",
    "all_rows",
    "as_json",
    "as_records",
    "as_text",
    "known_step",
    "run",
]

CELLS = (
    *coverage.CELLS,
    *coverage_channels.CELLS,
    *coverage_choices.CELLS,
    *coverage_drivers.CELLS,
    *coverage_growth.CELLS,
    *coverage_journeys.CELLS,
    *coverage_money.CELLS,
    *coverage_monitoring.CELLS,
    *coverage_pipeline.CELLS,
    *coverage_promises.CELLS,
    *coverage_spend.CELLS,
)
"""Designs of samples on which intervals are judged."""

STEPS = ("01", "02", "03", "04", "05", "06", "07")
SEEDS, SEED_BASE, CUSTOMERS = 10, 7000, 4000


def known_step(step: str) -> str:
    """Return the number of a step as rows name it ("3" is "03"; empty: all steps)."""
    number = step.zfill(2) if step else ""
    if number and number not in STEPS:
        raise PlanError(f"step {step!r}: one of {', '.join(STEPS)}")
    return number


def all_rows(step: str = "") -> list[Row]:
    """Return the rows of a step, or of all steps, in order of their ids."""
    for module in iter_modules(__path__):
        if module.name.startswith("step"):
            import_module(f"{__name__}.{module.name}")
    return rows_of(step)


def run(
    step: str = "", seeds: int = SEEDS, base: int = SEED_BASE, customers: int = CUSTOMERS,
    tell: Callable[[str], None] = lambda text: None, designs: tuple[str, ...] = tuple(futures.DESIGNS),
    cells: tuple[coverage.Cell, ...] = CELLS,
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
    designs
        Designs of simulated series on which the forecasts of step 1 are judged.
    cells
        Designs of samples on which intervals are judged.
    """
    rows = all_rows(step)
    found: dict[str, list[Found | NotHere | Exception]] = {row.id: [] for row in rows}
    with threadpool_limits(1):
        for seed in range(base, base + seeds):
            with open_study(seed, customers) as study:
                for row in rows:
                    found[row.id].append(_find(row, study))
                tell(f"seed {seed}: {study.kind}")
        lines = [judge(row, found[row.id]) for row in rows]
        lines += coverage.lines(step, seed=base, cells=cells) + futures.lines(
            step, seed=base, designs=designs
        )
    return sorted(lines, key=lambda line: line.id)


def _find(row: Row, study: Study) -> Found | NotHere | Exception:
    """Return what a row finds; a row that breaks fails with its error, and the others go on."""
    try:
        return row.find(study)
    except Exception as error:
        return error
