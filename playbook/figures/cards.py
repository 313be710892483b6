"""The strategy card of each segment, as one designed page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from playbook.answer import Answer, format_value
from playbook.figures.core import (
    ACCENT,
    COLOURS,
    GREY,
    INK,
    MUTED,
    canvas,
    clean,
    colours_of,
    compact,
    draw,
    wrapped,
)

__all__ = ["framed", "strategy_cards", "two_in_a_row"]

PAINT = {"appreciate": COLOURS[2], "grow share": ACCENT, "develop": ACCENT, "win back": COLOURS[5]}
LINES = (("Who", "who", 2), ("Wants", "needs", 2), ("Buys", "buys", 2), ("Why", "why", 2),
         ("Do", "do", 2), ("Do not", "avoid", 2), ("Risks", "risks", 2))  # fmt: skip
WIDTH = 78


@draw
def strategy_cards(answer: Answer, most: int = 8) -> Figure:
    """Draw one card per segment, two in a row: size, value, strategy, needs, what to do and not, budget, risks.

    Needs the columns of `playbook.segmentation.strategy_cards`.
    """
    return two_in_a_row(answer, most, 3.45, _card)


def two_in_a_row(
    answer: Answer, most: int, height: float, card: Callable[[Any, Any, str], None]
) -> Figure:
    """Draw the first ``most`` rows of the table by ``card`` (axes, row, colour of the segment), ``height`` inches each."""
    table = answer.table.head(most)
    rows = int(np.ceil(len(table) / 2))
    figure, grid = canvas(answer, size=(12.0, 0.9 + height * rows), rows=rows, columns=2)
    paint = colours_of(list(table["segment"]))
    places = np.atleast_1d(grid).ravel()
    for axes, row in zip(places, table.itertuples(index=False), strict=False):
        card(axes, row, paint[row.segment])
    for axes in places[len(table) :]:
        axes.axis("off")
    return figure


def framed(axes: Any, segment: str, colour: str) -> None:
    """Draw the frame of a card: 100 by 100 units, a bar in the colour of the segment, its name at the top."""
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.axis("off")
    axes.add_patch(FancyBboxPatch((0.8, 0.8), 98.4, 98.4, boxstyle="round,pad=0.3", fc="#F7F8FA", ec=GREY, lw=0.9))  # fmt: skip
    axes.add_patch(Rectangle((0.8, 3), 1.2, 94, fc=colour, ec="none"))
    axes.text(4, 95, clean(segment, 42), fontsize=12, fontweight="bold", color=INK, va="top")


def _card(axes: Any, row: Any, colour: str) -> None:
    framed(axes, row.segment, colour)
    label = row.strategy[:1].upper() + row.strategy[1:]
    axes.text(97, 95, label, fontsize=10, fontweight="bold", color="white", va="top", ha="right",
              bbox={"boxstyle": "round,pad=0.35", "fc": PAINT.get(row.strategy, MUTED), "ec": "none"})  # fmt: skip
    share = "" if np.isnan(row.share_value) else f", {format_value(row.share_value, '%')} of value"
    said = f"{row.expected_customers:,.0f} customers expected ({row.customers:,} named), value {compact(row.value)}{share}"
    axes.text(4, 86, said, fontsize=9, color=MUTED, va="top")
    y = 78.5
    for title, column, most in LINES:
        lines = wrapped(getattr(row, column), WIDTH)
        if len(lines) > most:
            lines = [*lines[: most - 1], lines[most - 1][: WIDTH - 2].rstrip() + "…"]
        axes.text(4, y, title, fontsize=8.6, fontweight="bold", color=MUTED, va="top")
        axes.text(17, y, "\n".join(lines), fontsize=8.6, va="top", linespacing=1.15)
        y -= 4.9 * max(len(lines), 1) + 2.6
    axes.add_patch(Rectangle((17, 3.2), 62, 2.4, fc="#E3E6EA", ec="none"))
    axes.add_patch(Rectangle((17, 3.2), 62 * float(row.budget_share), 2.4, fc=colour, ec="none"))
    axes.text(4, 4.4, "Budget", fontsize=8.6, fontweight="bold", color=MUTED, va="center")
    axes.text(81, 4.4, format_value(row.budget_share, "%"), fontsize=8.6, va="center")
