"""The proposition canvas of one segment as a 16:9 slide: offer, competitor and statement against what it wants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from playbook.answer import Answer, Missing
from playbook.figures.core import ACCENT, COLOURS, MUTED, Picture, draw
from playbook.figures.page import Page

__all__ = ["proposition_canvas", "proposition_canvases"]

SLIDE = (40 / 3, 7.5)
"""Inches of a 16:9 slide; text on it is never smaller than `SMALLEST` points."""

SMALLEST = 11
MARGIN, GAP, PAD = 0.45, 0.13, 0.14
LEFT = 4.35
GOOD, BAD = "#00795A", COLOURS[5]


@draw
def proposition_canvas(answer: Answer) -> Figure:
    """Left what we offer and against whom, right what the segment wants, gains and suffers, below the statement.

    The table holds ``box`` (needs, gains, pains, offer), ``text``, ``figure``, ``met``, ``mark``; ``extra``:
    ``offer``, ``numbers`` (each with its meaning), ``statement``, ``against``, ``titles`` (of the boxes).
    """
    page = Page(SLIDE)
    wide = SLIDE[0] - 2 * MARGIN
    y = page.write(MARGIN, 0.3, page.lines(answer.headline, wide, 20, 2, True), 20, bold=True)
    y = page.write(MARGIN, y + 0.02, page.lines(answer.caption, wide, 12, 2), 12, MUTED)
    foot = page.lines(f"Source: {answer.source}", wide, SMALLEST, 1)
    page.write(MARGIN, SLIDE[1] - 0.34, foot, SMALLEST, MUTED)
    said = page.lines(answer["statement"], wide - 2 * PAD, 13, 4) if answer["statement"] else []
    height = 1.32 * 13 / 72 * len(said) + 2 * PAD + 0.27 if said else 0.0
    top, bottom = y + 0.1, SLIDE[1] - 0.45
    if said:
        bottom -= height
        page.box(MARGIN, bottom, wide, height, ACCENT)
        below = page.write(MARGIN + PAD, bottom + PAD, ["What we say"], 13, ACCENT, bold=True)
        page.write(MARGIN + PAD, below + 0.02, said, 13)
        bottom -= GAP
    _left(page, answer, top, bottom)
    _right(page, answer, top, bottom)
    return page.figure


def _left(page: Page, answer: Answer, top: float, bottom: float) -> None:
    """The offer, how much of the feature value it reaches, and the competitor it stands against."""
    x, wide = MARGIN + PAD, LEFT - 2 * PAD
    page.box(MARGIN, top, LEFT, bottom - top, ACCENT)
    y = page.write(x, top + PAD, page.lines(answer["offer"], wide, 14, 2, True), 14, ACCENT, bold=True)  # fmt: skip
    against = page.lines(answer["against"], wide, 12, 3) if answer["against"] else []
    floor = bottom - PAD - 1.32 * 12 / 72 * len(against)
    page.write(x, floor, against, 12, MUTED)
    numbers = answer["numbers"]
    floor -= 0.78 * len(numbers) + (0.06 if numbers else 0.0)
    for place, (number, meaning) in enumerate(numbers):
        at = floor + 0.78 * place
        page.write(x, at, [number], 28, ACCENT, bold=True)
        page.write(x + 1.3, at + 0.05, page.lines(meaning, wide - 1.3, 12, 2), 12, MUTED)
    y += 0.08
    held = answer.table[answer.table["box"] == "offer"]
    for number, row in enumerate(held.itertuples()):
        text = f"{row.text}, {row.figure}" if row.figure else row.text
        lines = page.lines(text, wide - 0.2, 12, 2)
        rest = len(held) - number
        if y + 1.32 * 12 / 72 * (len(lines) + (rest > 1)) > floor:
            page.write(x, y, [f"and {rest} more"], 12, MUTED)
            break
        page.write(x, y, ["•"], 12, ACCENT)
        y = page.write(x + 0.2, y, lines, 12) + 0.02


def _right(page: Page, answer: Answer, top: float, bottom: float) -> None:
    """One box each for needs, gains and pains, as high as its entries need."""
    x = MARGIN + LEFT + GAP
    wide = SLIDE[0] - MARGIN - x
    parts = {b: answer.table[answer.table["box"] == b] for b in answer["titles"]}
    parts = {b: part for b, part in parts.items() if len(part)}
    entries = {b: [_Entry(page, row, wide) for row in part.itertuples()] for b, part in parts.items()}  # fmt: skip
    frame = 0.28 + 2 * PAD
    room = bottom - top - frame * len(parts) - GAP * max(len(parts) - 1, 0)
    kept = _fitting(entries, room)
    spare = max(room - sum(e.height for b in kept for e in kept[b]), 0.0) / max(len(parts), 1)
    for box, shown in kept.items():
        height = frame + sum(e.height for e in shown) + spare
        page.box(x, top, wide, height)
        title = answer["titles"][box]
        more = f" ({len(shown)} of {len(entries[box])})" if len(shown) < len(entries[box]) else ""
        y = page.write(x + PAD, top + PAD, page.lines(title + more, wide - 2 * PAD, 13, 1, True), 13, bold=True)  # fmt: skip
        y += 0.04 + min(spare / 3, 0.15)
        for entry in shown:
            entry.draw(x, y)
            y += entry.height
        top += height + GAP


def _fitting(entries: dict[str, list[_Entry]], room: float) -> dict[str, list[_Entry]]:
    """Return the first entries of each box, the last of the longest box dropped until all fit."""
    kept = {box: list(part) for box, part in entries.items()}
    while sum(e.height for part in kept.values() for e in part) > room:
        longest = max(kept, key=lambda box: (len(kept[box]), box))
        if len(kept[longest]) == 1:
            break
        kept[longest].pop()
    return kept


class _Entry:
    """One line of a box: mark, text, figure and what the mark means."""

    def __init__(self, page: Page, row: Any, wide: float) -> None:
        self.page, self.row, self.wide = page, row, wide
        self.met = None if row.met is None or row.met is pd.NA else bool(row.met)
        self.figure = page.lines(row.figure, 2.6, SMALLEST, 1) if row.figure else []
        label = row.mark if self.met is not None else ""
        self.label = [label] if label else []
        taken = (page.width(self.figure[0], SMALLEST) + 0.2 if self.figure else 0.0) + (1.45 if label else 0.0)  # fmt: skip
        self.text = page.lines(row.text, wide - 2 * PAD - 0.3 - taken, 12, 2)
        self.height = 1.32 * 12 / 72 * len(self.text) + 0.045

    def draw(self, x: float, y: float) -> None:
        """Draw it with its upper edge at ``y``."""
        colour = GOOD if self.met else BAD
        if self.met is not None:
            self.page.axes.plot(x + PAD + 0.09, y + 0.115, "o", ms=9, mfc=colour if self.met else "white",
                                mec=colour, mew=1.7)  # fmt: skip
        self.page.write(x + PAD + 0.3, y, self.text, 12)
        right = x + self.wide - PAD
        self.page.write(right, y + 0.01, self.label, SMALLEST, colour, right=True)
        self.page.write(right - (1.45 if self.label else 0.0), y + 0.01, self.figure, SMALLEST, MUTED, right=True)  # fmt: skip


def proposition_canvases(answer: Answer | Missing) -> dict[str, Picture] | Missing:
    """Return the slide of every segment by name, from `playbook.proposition.proposition_canvases`."""
    if isinstance(answer, Missing):
        return answer
    one: Callable[[Answer], Picture] = proposition_canvas
    return {segment: one(canvas) for segment, canvas in answer["canvases"].items()}
