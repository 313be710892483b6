"""A drawn page (a slide, a map to print) measured in inches, with text that is broken to fit its place."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache, lru_cache, partial
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch

from playbook.figures.core import INK, STYLE, clean

__all__ = ["Page"]

CLOSING = "，。！？、；：）》」』”’…,.!?;:)"
"""Signs that do not begin a line."""


DPI = 120


@cache
def _renderer() -> Any:
    return FigureCanvasAgg(Figure(dpi=DPI)).get_renderer()


@lru_cache(50_000)
def _width(text: str, size: float, bold: bool) -> float:
    """Width of a line in inches: the same lines come on the page of every segment."""
    font = FontProperties(family=STYLE["font.family"], size=size, weight="bold" if bold else "normal")  # fmt: skip
    wide, _, _ = _renderer().get_text_width_height_descent(text, font, False)
    return float(wide) / DPI


class Page:
    """A page measured in inches from its upper left corner.

    Parameters
    ----------
    size
        Width and height in inches.
    """

    def __init__(self, size: tuple[float, float]) -> None:
        self.size = size
        self.figure = Figure(figsize=size, dpi=DPI)
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_xlim(0, size[0])
        self.axes.set_ylim(size[1], 0)
        self.axes.axis("off")

    def width(self, text: str, size: float, bold: bool = False) -> float:
        """Return the width of a line in inches."""
        return _width(text, size, bold)

    def lines(
        self, text: object, width: float, size: float, most: int, bold: bool = False
    ) -> list[str]:
        """Return client text in at most so many lines of that width; what is cut ends with an ellipsis."""
        lines = [""]
        for word in self._words(
            clean(re.sub(r"[ \t\r\n]+", " ", str(text)).strip()), width, size, bold
        ):
            longer = f"{lines[-1]} {word}".strip()
            if not lines[-1] or self.width(longer, size, bold) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        if len(lines) > most:
            lines = lines[:most]
            while lines[-1] and self.width(lines[-1] + " …", size, bold) > width:
                lines[-1] = lines[-1].rpartition(" ")[0] or lines[-1][:-1]
            lines[-1] = lines[-1].rstrip(" ,;(") + " …"
        return lines

    def _words(self, text: str, width: float, size: float, bold: bool) -> list[str]:
        """Words of a text; one longer than the line (or a script without spaces) is broken between signs."""
        words = []
        for word in text.split(" "):
            while word and self.width(word, size, bold) > width:
                wide = partial(self._start, word, size=size, bold=bold)
                kept = max(bisect_right(range(1, len(word)), width, key=wide), 1)
                if kept > 1 and word[kept] in CLOSING:
                    kept -= 1
                words.append(word[:kept])
                word = word[kept:]
            words.append(word)
        return words

    def _start(self, word: str, signs: int, size: float, bold: bool) -> float:
        return self.width(word[:signs], size, bold)

    def write(
        self, x: float, y: float, lines: list[str], size: float, colour: str = INK, bold: bool = False, right: bool = False,
    ) -> float:  # fmt: skip
        """Write lines below ``y`` and return where the next may begin."""
        step = 1.32 * size / 72
        for number, line in enumerate(lines):
            self.axes.text(x, y + number * step, line, fontsize=size, color=colour, va="top", ha="right" if right else "left",
                           fontweight="bold" if bold else "normal")  # fmt: skip
        return y + step * len(lines)

    def box(self, x: float, y: float, width: float, height: float, colour: str = INK) -> None:
        """Draw a frame."""
        self.axes.add_patch(FancyBboxPatch((x + 0.05, y + 0.05), width - 0.1, height - 0.1, boxstyle="round,pad=0.05",
                                           fc="#F5F7F9", ec=colour, lw=1.1))  # fmt: skip
