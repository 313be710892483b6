"""The arena: does following the playbook earn more than the usual alternatives, on markets whose truth is known?

Every policy plays two years in each drawn world, with the same data, money, menu and luck.

Glossary
--------
policy
    A rule that turns what a client knows at the start of a year into the year's strategy.
gain
    Profit of both years beyond that of doing nothing.
oracle
    The best strategy of somebody who knows the true parameters and hidden states.
lever
    A source of gain: targeting, offer, experience fixes, the split of spend, loyalty.
"""

from __future__ import annotations

import sys
from pathlib import Path

from playbook import figures
from playbook.arena.report import answer_of, as_json, as_text, write_page
from playbook.arena.rounds import CHANCES, CUSTOMERS, SEED_BASE, SEEDS, play
from playbook.arena.score import Score, Verdict, score
from playbook.arena.student import Homework, read_homework
from playbook.errors import PlanError

__all__ = ["CUSTOMERS", "SEEDS", "SEED_BASE", "Homework", "Score", "Verdict", "command", "play", "read_homework", "score"]  # fmt: skip

FEWEST = 500
"""Customers below which a world has too few answers and campaigns for the playbook's steps."""


def command(
    seeds: int = SEEDS, base: int | None = None, customers: int | None = None, processes: int = 2, *, chances: int = CHANCES, strategy: str = "",
    figure: str = "", page: str = "", json: bool = False,
) -> int:  # fmt: skip
    """Play, print the result and return the exit code: 1 where a target is missed.

    Parameters
    ----------
    strategy
        File of a student's own strategy.
    figure
        PNG file to draw the result to.
    page
        Markdown page to put the tables in, between its marks.
    """
    customers = CUSTOMERS if customers is None else customers
    if min(seeds, processes, chances) < 1:
        raise PlanError(
            f"--seeds {seeds}, --processes {processes}, --chances {chances}: expected 1 or more"
        )
    if customers < FEWEST:
        raise PlanError(f"--customers {customers}: expected {FEWEST} or more")
    if figure and not figure.endswith(".png"):
        raise PlanError(f"--figure {figure!r}: expected the name of a PNG file")
    if page and not Path(page).is_file():
        raise PlanError(f"--page {page!r}: expected a page that is there, such as docs/arena.md")
    work = read_homework(strategy)
    rows = play(
        seeds, SEED_BASE if base is None else base, processes, customers=customers, work=work, chances=chances,
        tell=lambda text: print(text, file=sys.stderr, flush=True),
    )  # fmt: skip
    result = score(rows)
    if figure:
        Path(figure).parent.mkdir(parents=True, exist_ok=True)
        Path(figure).write_bytes(figures.arena(answer_of(result, rows)).png())
        print(f"figure written to {Path(figure).name}", file=sys.stderr)
    if page:
        first = SEED_BASE if base is None else base
        made = f"Measured by `python -m playbook arena --seeds {seeds} --seed-base {first} --customers {customers} --chances {chances}`."
        write_page(Path(page), result, rows, made)
    print(as_json(rows) if json else as_text(result))
    return int(not result.passed)
