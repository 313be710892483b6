"""The funnel of the customer journey."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from playbook.answer import Answer
from playbook.figures.core import (
    ACCENT,
    COLOURS,
    canvas,
    draw,
)

__all__ = ["funnel"]

PAIN = COLOURS[5]


@draw
def funnel(answer: Answer) -> Figure:
    """Funnel of the stages per 1,000 people, with the share that moves on and the days it takes.

    Reads an answer of ``experience.journey``: table (stage, of, share, low, high, median_days, per_1000).
    """
    figure, axes = canvas(answer)
    table = answer.table
    names = ["awareness", *table["stage"]]
    widths = [1000.0, *table["per_1000"].astype(float).fillna(0)]
    places = np.arange(len(names))[::-1]
    narrowest = table["share"].where(table["stage"] != "support").idxmin() + 1
    colours = [PAIN if i == narrowest else ACCENT for i in range(len(names))]
    axes.barh(places, widths, color=colours, height=0.62)
    for i, (place, width) in enumerate(zip(places, widths, strict=True)):
        text = f"{width:,.0f}"
        if i:
            row = table.iloc[i - 1]
            days = f", half within {row['median_days']:.2g} days" if row["median_days"] == row["median_days"] else ""  # fmt: skip
            text += f"   {100 * row['share']:.0f} % of those at {row['of']} ({100 * row['low']:.0f} to {100 * row['high']:.0f} %){days}"  # fmt: skip
        axes.annotate(text, (width, place), xytext=(6, 0), textcoords="offset points", va="center", fontsize=9.5)  # fmt: skip
    axes.set_yticks(places, [n.capitalize() for n in names])
    axes.set_xlim(0, 1400)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0)
    axes.spines["bottom"].set_visible(False)
    return figure
