"""Figure of then and now: what the change of each headline figure is made of."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from playbook.answer import Answer, format_value
from playbook.figures.core import COLOURS, GREY, INK, MUTED, canvas, clean, draw, tidy

__all__ = ["then_and_now"]

LEAST = 0.0005
"""Share of the figure then, below which a part is not drawn."""


def _panel(axes: Axes, part: pd.DataFrame) -> None:
    """One figure: its net change with chance range on top, its parts below, all in percent of the figure then."""
    first = part.iloc[0]
    size = abs(first["then"]) or 1.0
    shown = part[part["share_of_then"].abs() >= LEAST].head(4)
    values = [first["change"] / size, *shown["share_of_then"]]
    at = np.arange(len(values))[::-1].astype(float)
    paint = [COLOURS[2] if v >= 0 else COLOURS[5] for v in values[1:]]
    axes.barh(at[0], values[0], color=MUTED, height=0.5)
    axes.barh(at[1:], values[1:], color=paint, height=0.66)
    axes.hlines(at[0], first["low"] / size, first["high"] / size, color=INK, lw=1.2)
    axes.axvline(0, color=MUTED, lw=0.8)
    axes.set_yticks(at, ["all in all", *[clean(c, 28) for c in shown["cause"]]], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_ylim(len(values) - 5.6, len(values) - 0.4)
    ends = f"{format_value(first['then'], first['unit'])} to {format_value(first['now'], first['unit'])}"
    axes.set_title(f"{first['metric']}: {ends}", loc="left", fontsize=9)
    axes.margins(x=0.08)
    axes.grid(axis="x", color=GREY, lw=0.3)
    tidy(axes, x_unit="%")


@draw
def then_and_now(answer: Answer) -> Figure:
    """A panel for each headline figure: its change (grey, with chance range) and the parts it is made of, in percent of the figure then."""
    parts = answer["parts"]
    names = list(dict.fromkeys(parts["metric"]))
    rows = (len(names) + 1) // 2
    figure, grid = canvas(answer, size=(8.0, 1.3 + 1.45 * rows), rows=rows, columns=min(2, len(names)), squeeze=False)  # fmt: skip
    for axes, name in zip(grid.ravel(), names, strict=False):
        _panel(axes, parts[parts["metric"] == name])
    for axes in grid.ravel()[len(names) :]:
        axes.set_visible(False)
    return figure
