"""The target customer of each segment as cards, two in a row."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from playbook.answer import Answer
from playbook.figures.core import GREY, INK, MUTED, canvas, clean, colours_of, draw, short

__all__ = ["profile_cards"]

LINES = (("Size", "size", 2), ("Value", "value", 2), ("Who", "who", 4), ("Where met", "where", 4),
         ("Reach", "reach", 3), ("They need", "needs", 2))  # fmt: skip
WIDTH, SIZE = 71, 9.5


@draw
def profile_cards(answer: Answer, most: int = 8) -> Figure:
    """Draw one card per segment: size, value, who they are, where they are met, who may be contacted, what they need.

    Needs the columns of `playbook.proposition.profile_cards`.
    """
    table = answer.table.head(most)
    rows = int(np.ceil(len(table) / 2))
    figure, grid = canvas(answer, size=(12.0, 0.9 + 3.55 * rows), rows=rows, columns=2)
    paint = colours_of(list(table["segment"]))
    places = np.atleast_1d(grid).ravel()
    for axes, row in zip(places, table.itertuples(index=False), strict=False):
        _card(axes, row, paint[row.segment])
    for axes in places[len(table) :]:
        axes.axis("off")
    return figure


def _card(axes: Any, row: Any, colour: str) -> None:
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.axis("off")
    axes.add_patch(FancyBboxPatch((0.8, 0.8), 98.4, 98.4, boxstyle="round,pad=0.3", fc="#F7F8FA", ec=GREY, lw=0.9))  # fmt: skip
    axes.add_patch(Rectangle((0.8, 3), 1.2, 94, fc=colour, ec="none"))
    axes.text(4, 95, clean(row.segment, 42), fontsize=12, fontweight="bold", color=INK, va="top")
    axes.text(97, 95, clean(row.strategy, 24), fontsize=10, color=MUTED, va="top", ha="right")
    y = 84.0
    for title, column, most in LINES:
        text = clean(getattr(row, column)).replace(" %", "\u00a0%")
        width = WIDTH // 2 if any(ord(sign) >= 0x2E80 for sign in text) else WIDTH  # wide signs
        lines = textwrap.wrap(text, width)
        if len(lines) > most:
            lines = [*lines[: most - 1], short(" ".join(lines[most - 1 :]), width)]
        axes.text(4, y, title, fontsize=SIZE, fontweight="bold", color=MUTED, va="top")
        told = axes.text(21, y, "\n".join(lines), fontsize=SIZE, va="top", linespacing=1.15)
        told.set_in_layout(False)  # long words must not shrink the card
        y -= 4.35 * max(len(lines), 1) + 2.4
