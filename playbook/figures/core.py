"""The house style: one typeface, one palette, finding as title, what is shown below it, source at the foot."""

from __future__ import annotations

import io
import re
import textwrap
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import seaborn as sns
from cycler import cycler
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from PIL import Image

from playbook.answer import Answer, Missing
from playbook.display import heading

__all__ = [
    "ACCENT",
    "COLOURS",
    "GREY",
    "INK",
    "MONEY",
    "Picture",
    "axis_title",
    "canvas",
    "clean",
    "colours_of",
    "draw",
    "short",
    "use_currency",
    "wrapped",
]

ACCENT = "#0072B2"
GREY = "#B8BDC4"
INK = "#22272E"
MUTED = "#5C6670"
COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#8C6BB1",
    "#7F7F7F",
    "#F0E442",
)
"""Okabe–Ito, told apart by colour-blind readers; the first is the accent."""

HALO = withStroke(linewidth=2.5, foreground="white")
"""White edge of text that lies on lines."""

SIZE = (8.0, 4.5)
WIDE = (16.5, 11.7)
"""Inches: half a slide, and A3 landscape for a map that is printed."""

_FONTS = Path(__file__).parent / "fonts"
for _file in sorted(_FONTS.glob("*.otf")):
    font_manager.fontManager.addfont(_file)
for _entry in [e for e in font_manager.fontManager.ttflist if e.name == "Playbook CJK"]:
    font_manager.fontManager.ttflist.append(replace(_entry, weight=700))  # one weight serves both

STYLE: Any = {
    **sns.axes_style("ticks"),
    "font.family": ["Playbook Sans", "Playbook CJK", "DejaVu Sans"],
    "font.size": 10,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 9.5,
    "axes.titlesize": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.prop_cycle": cycler(color=COLOURS),
    "xtick.color": MUTED,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9.5,
    "text.color": INK,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "figure.dpi": 110,
    "svg.hashsalt": "playbook",
}


class Picture:
    """A finished figure: its title is its text, its PNG is shown by the notebook and the report."""

    def __init__(self, figure: Figure | None, text: str) -> None:
        self._figure = figure
        self._text = text

    def png(self, dpi: int = 110, colours: int = 0) -> bytes:
        """Return the figure as PNG bytes, the same for the same figure; a third as large with few ``colours``."""
        assert self._figure is not None
        with mpl.rc_context(STYLE):
            buffer = io.BytesIO()
            FigureCanvasAgg(self._figure)
            packed = {"compress_level": 0} if colours else {}
            self._figure.savefig(
                buffer, format="png", dpi=dpi, metadata={"Software": None}, pil_kwargs=packed
            )
        if colours:
            whole, buffer = Image.open(buffer).convert("RGB"), io.BytesIO()
            whole.quantize(colours, dither=Image.Dither.NONE).save(buffer, "png")
        return buffer.getvalue()

    def _repr_png_(self) -> bytes | None:
        return self.png() if self._figure is not None else None

    def __repr__(self) -> str:
        return self._text


def clean(text: object, width: int | None = None) -> str:
    """Return client text safe to draw: no control, bidirectional or zero-width signs, no ``$`` mathematics."""
    kept = "".join(
        c for c in str(text) if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    kept = unicodedata.normalize("NFC", kept)
    kept = re.sub(r"(?<!\\)\$", r"\\$", kept)
    return short(kept, width) if width else kept


def short(text: object, width: int = 28) -> str:
    """Return text cut to ``width`` characters with an ellipsis."""
    text = str(text)
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def wrapped(text: object, width: int) -> list[str]:
    """Return client text in lines safe to draw; a number and its unit, and ``n = 20``, stay on one line."""
    kept = re.sub(r"(?<=\d) (?=%)|(?<==) (?=\d)|(?<=\bn) (?==)", "\u00a0", clean(text))
    return textwrap.wrap(kept, width, break_on_hyphens=width < 30)


MONEY = {"unit": "currency"}


def use_currency(code: str) -> None:
    """Name the currency that axes and subtitles of money are drawn in."""
    MONEY["unit"] = code


def axis_title(column: str, unit: str = "") -> str:
    """Return the title of an axis: what it shows, and its unit where the numbers do not carry it."""
    units = {"currency": MONEY["unit"], "points": "points", "hours": "hours", "days": "days"}
    shown = units.get(unit)
    return f"{heading(column)} ({shown})" if shown else heading(column)


def colours_of(names: Sequence[Any]) -> dict[Any, str]:
    """Return a colour for each name, by its place in the sorted list: a segment keeps its colour."""
    return {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(sorted(set(names), key=str))}


def canvas(
    answer: Answer, size: tuple[float, float] = SIZE, rows: int = 1, columns: int = 1, **grid: Any
) -> tuple[Figure, Any]:
    """Return a figure and its axes with title, subtitle and source of the answer already placed."""
    figure = Figure(figsize=size)
    width = int(11.2 * size[0])
    title = wrapped(answer.headline, width)[:2]
    subtitle = wrapped(
        answer.caption.replace("(currency)", f"({MONEY['unit']})"), int(14.0 * size[0])
    )[:2]
    inch = 1 / size[1]
    y = 1 - 0.10 * inch
    for line in title:
        figure.text(0.012, y, line, fontsize=12.5, fontweight="bold", va="top")
        y -= 0.235 * inch
    for line in subtitle:
        figure.text(0.012, y - 0.02 * inch, line, fontsize=9.5, color=MUTED, va="top")
        y -= 0.185 * inch
    foot = wrapped(f"Source: {answer.source}", int(16.0 * size[0]))[:2] if answer.source else []
    bottom = 0.06 * inch
    for line in reversed(foot):
        figure.text(0.012, bottom, line, fontsize=8, color=MUTED, va="bottom")
        bottom += 0.16 * inch
    top = y - 0.06 * inch
    figure.set_layout_engine("constrained", rect=(0.005, bottom + 0.02, 0.985, top - bottom - 0.02))
    axes = figure.subplots(rows, columns, **grid)
    return figure, axes


def draw(function: Callable[..., Figure]) -> Callable[..., Picture]:
    """Make a chart: a missing answer gives no picture, everything is drawn in the house style."""

    def chart(answer: Answer | Missing, *args: Any, **kwargs: Any) -> Picture:
        if isinstance(answer, Missing):
            return Picture(None, "No figure: " + repr(answer))
        with mpl.rc_context(STYLE):
            return Picture(function(answer, *args, **kwargs), f"Figure: {answer.headline}")

    chart.__doc__ = function.__doc__
    chart.__name__ = function.__name__
    return chart


def tidy(axes: Axes, x_unit: str = "", y_unit: str = "") -> None:
    """Format the number axes by unit and thin out the ticks."""
    for axis, unit in ((axes.xaxis, x_unit), (axes.yaxis, y_unit)):
        if unit == "%":
            axis.set_major_formatter(lambda v, _: f"{round(100 * v, 1):,g} %".replace("-", "−"))
        elif unit in ("currency", "count", "points", "number"):
            axis.set_major_formatter(lambda v, _: compact(v))


def compact(value: float) -> str:
    """Return a number for an axis: 1,200 → 1,200; 25,000 → 25k; 3,400,000 → 3.4m."""
    size = abs(value)
    if size >= 1e6:
        text = f"{value / 1e6:,.3g}m"
    elif size >= 1e4:
        text = f"{value / 1e3:,.3g}k"
    elif size >= 10 or value == int(value):
        text = f"{value:,.0f}"
    else:
        text = f"{value:.2g}"
    return text.replace("-", "−")
