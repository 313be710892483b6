"""The target customer of each segment as cards, two in a row."""

from __future__ import annotations

import textwrap
from typing import Any

from matplotlib.figure import Figure

from playbook.answer import Answer
from playbook.figures.cards import framed, two_in_a_row
from playbook.figures.core import MUTED, clean, draw, short

__all__ = ["profile_cards"]

LINES = (("Size", "size", 2), ("Value", "value", 2), ("Who", "who", 4), ("Where met", "where", 4),
         ("Reach", "reach", 3), ("They need", "needs", 2))  # fmt: skip
WIDTH, SIZE = 71, 9.5


@draw
def profile_cards(answer: Answer, most: int = 8) -> Figure:
    """Draw one card per segment: size, value, who they are, where they are met, who may be contacted, what they need.

    Needs the columns of `playbook.proposition.profile_cards`.
    """
    return two_in_a_row(answer, most, 3.55, _card)


def _card(axes: Any, row: Any, colour: str) -> None:
    framed(axes, row.segment, colour)
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
