"""Figures of the customer journey: the funnel, and the journey map for printing on A3 landscape."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from playbook.answer import Answer, format_value
from playbook.figures.core import (
    ACCENT,
    COLOURS,
    GREY,
    INK,
    MUTED,
    WIDE,
    canvas,
    clean,
    draw,
    wrapped,
)

__all__ = ["funnel", "journey_map"]

PAIN, TRUTH = COLOURS[5], COLOURS[1]
MOST = 8
"""Touchpoints shown per stage; the rest are counted."""

LEAST = 4
"""Slots a stage takes at least, so that its words fit."""


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


def _slots(table: pd.DataFrame, stages: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Place of each shown touchpoint and the ends of each stage, in slots from the left."""
    shown, ends, left = [], [], 0.0
    for stage in stages["stage"]:
        here = table[table["stage"] == stage]
        keep = here.sort_values(["volume", "touchpoint"], ascending=[False, True]).head(MOST)
        width = max(LEAST, len(keep))
        shown.append(keep.assign(x=left + (np.arange(len(keep)) + 0.5) * width / max(len(keep), 1)))
        ends.append((left, left + width, len(here) - len(keep)))
        left += width
    spans = pd.DataFrame(ends, columns=["left", "right", "hidden"], index=stages.index)
    return pd.concat(shown, ignore_index=True), pd.concat([stages, spans], axis=1)


@draw
def journey_map(answer: Answer) -> Figure:
    """Journey map on one A3 page: stages, satisfaction curve, figures of each touchpoint, what hurts and what to do.

    Reads an answer of ``experience.journey_map``: extras ``touchpoints``, ``stages``, ``average``.
    """
    points, stages = _slots(answer["touchpoints"], answer["stages"])
    figure, axes = canvas(answer, WIDE, 4, 1, gridspec_kw={"height_ratios": [1.2, 3.6, 2.5, 2.9]})
    right = float(stages["right"].iloc[-1])
    for axis in axes:
        axis.set_xlim(-2.6, right)
        axis.set_xticks([])
        axis.tick_params(axis="y", length=0)
        for side in axis.spines.values():
            side.set_visible(False)
    for row in stages.itertuples():
        for axis in axes[1:]:
            if row.Index % 2 == 0:
                axis.axvspan(row.left, row.right, color="#F3F5F7", zorder=0, lw=0)
    _chevrons(axes[0], stages)
    _curve(axes[1], points, answer["average"], right)
    _figures(axes[2], points)
    _words(axes[3], stages, right)
    return figure


def _chevrons(axes: Axes, stages: pd.DataFrame) -> None:
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    tip = 0.35
    for row in stages.itertuples():
        shape = [(row.left, 0), (row.right - tip, 0), (row.right, 0.5), (row.right - tip, 1), (row.left, 1), (row.left + tip, 0.5)]  # fmt: skip
        axes.add_patch(Polygon(shape, closed=True, color=ACCENT if row.Index % 2 == 0 else "#3C86B8", lw=0))  # fmt: skip
        middle = (row.left + row.right) / 2
        axes.text(middle, 0.78, row.stage.capitalize(), color="white", fontsize=15, fontweight="bold", ha="center", va="center")  # fmt: skip
        facts = f"{format_value(row.persons, 'count')} people, {format_value(row.contacts, 'count')} contacts"
        axes.text(middle, 0.5, facts, color="white", fontsize=10, ha="center", va="center")
        width = int((row.right - row.left) * 8)
        axes.text(middle, 0.23, "\n".join(wrapped(row.way, max(width, 20))[:2]), color="white", fontsize=9, ha="center", va="center")  # fmt: skip
    axes.text(-2.55, 0.5, "Stage", fontsize=11, fontweight="bold", va="center")


def _curve(axes: Axes, points: pd.DataFrame, average: float, right: float) -> None:
    """Satisfaction by touchpoint with intervals; what nobody was asked about stands at the foot."""
    axes.set_ylim(0.55, 5.25)
    axes.set_yticks([])
    for level, word in ((1, "1 bad"), (2, "2"), (3, "3"), (4, "4"), (5, "5 good")):
        axes.plot([0, right], [level, level], color=GREY, lw=0.5, ls=":", zorder=1)
        axes.text(-0.1, level, word, fontsize=9, color=MUTED, ha="right", va="center")
    axes.text(-2.55, 4.75, "Satisfaction", fontsize=11, fontweight="bold", va="center")
    axes.text(-2.55, 4.35, "dot: mean,\nline: 95 % interval", fontsize=9, color=MUTED, va="top")
    rated = points.dropna(subset=["csat"])
    axes.plot(rated["x"], rated["csat"], color=ACCENT, lw=1.2, alpha=0.5, zorder=2)
    if average == average:
        axes.plot([0, right], [average, average], color=MUTED, lw=1, ls="--", zorder=1)
        axes.text(0.1, average + 0.06, f"average {average:.1f}", fontsize=9, color=MUTED, va="bottom")  # fmt: skip
    for row in points.itertuples():
        colour = PAIN if row.is_pain else ACCENT
        if row.csat == row.csat:
            axes.plot([row.x, row.x], [row.csat_low, row.csat_high], color=colour, lw=2.2, zorder=3)
            axes.plot(row.x, row.csat, "o", color=colour, ms=10, zorder=4)
            axes.text(row.x + 0.16, row.csat + 0.06, f"{row.csat:.1f}", fontsize=10.5, color=colour, va="bottom")  # fmt: skip
            top = row.csat_high
        else:
            axes.plot(row.x, 1.45, "o", mfc="white", mec=colour, ms=8, zorder=4)
            top = 1.5
        if row.is_moment:
            axes.plot(row.x, top + 0.38, "*", color=TRUTH, mec=INK, mew=0.5, ms=16, zorder=5)
        words = "\n".join(_narrow(clean(row.touchpoint), 9)[:3])
        axes.text(row.x, 1.22, words, fontsize=8.5, ha="center", va="top", color=colour if row.is_pain else INK, fontweight="bold" if row.is_pain else "normal", linespacing=0.95)  # fmt: skip
    axes.text(-2.55, 3.4, "★", fontsize=13, color=TRUTH, va="center", family="DejaVu Sans")
    axes.text(-2.2, 3.4, "moment of truth", fontsize=9.5, va="center")
    axes.plot(-2.4, 3.0, "o", color=PAIN, ms=8)
    axes.text(-2.2, 3.0, "pain point", fontsize=9.5, va="center")
    axes.plot(-2.4, 2.6, "o", mfc="white", mec=ACCENT, ms=8)
    axes.text(-2.2, 2.6, "nobody was asked", fontsize=9.5, va="center")


ROWS = (
    ("People reached", "reach", "count"),
    ("Ease (1 to 7)", "ces", "points"),
    ("Failed contacts", "failure_share", "%"),
    ("To service in 7 days", "repeat_7d", "%"),
    ("Cost per contact", "unit_cost", "currency"),
)


def _figures(axes: Axes, points: pd.DataFrame) -> None:
    axes.set_ylim(len(ROWS) - 0.45, -0.55)
    axes.set_yticks([])
    for place, (name, column, unit) in enumerate(ROWS):
        axes.text(-2.55, place, name, fontsize=10, fontweight="bold", va="center")
        values = points[column].astype(float)
        top = values.max()
        for x, value in zip(points["x"], values, strict=True):
            if value != value:
                axes.text(x, place, "·", fontsize=10, color=GREY, ha="center", va="center")
                continue
            size = value / top if top > 0 and column != "ces" else 0
            axes.add_patch(Rectangle((x - 0.42, place + 0.24), 0.84 * size, 0.12, color=PAIN if unit == "%" else GREY, lw=0))  # fmt: skip
            axes.text(x, place - 0.02, format_value(value, unit).replace(".0 %", " %"), fontsize=10, ha="center", va="center")  # fmt: skip
        axes.axhline(place + 0.5, color="#E3E6EA", lw=0.8, xmin=0.0)


def _words(axes: Axes, stages: pd.DataFrame, right: float) -> None:
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    heads = (("Pain points", "pains", PAIN, 1.0), ("Moments of truth", "moments", "#9A6A00", 0.6), ("What to do", "actions", INK, 0.4))  # fmt: skip
    for name, column, colour, top in heads:
        axes.text(-2.55, top - 0.04, name, fontsize=11, fontweight="bold", va="top", color=colour)
        axes.plot([-2.6, right], [top, top], color="#E3E6EA", lw=0.8)
        for row in stages.itertuples():
            width = max(16, int((row.right - row.left) * 8.2))
            room = {"pains": 7, "moments": 3, "actions": 6}[column]
            axes.text(row.left + 0.12, top - 0.04, _bullets(getattr(row, column), width, room), fontsize=9.5, va="top", color=colour, linespacing=1.15)  # fmt: skip
    for row in stages.itertuples():
        if row.hidden:
            axes.text(row.left + 0.12, 0.0, f"{row.hidden} smaller touchpoints are not drawn", fontsize=8, color=MUTED, va="bottom")  # fmt: skip


def _narrow(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` characters; a longer word is hyphenated."""
    words = []
    for word in text.split():
        half = (len(word) + 1) // 2 + 1
        words += [word] if len(word) <= width + 1 else [word[:half] + "-", word[half:]]
    return textwrap.wrap(" ".join(words), width + 1, break_on_hyphens=False)


def _bullets(items: Any, width: int, room: int) -> str:
    """Items as wrapped lines with bullets, at most ``room`` lines."""
    lines: list[str] = []
    for item in items:
        parts = wrapped(item, width - 2)
        lines += [("• " if i == 0 else "  ") + line for i, line in enumerate(parts)]
    if len(lines) > room:
        lines = [*lines[: room - 1], "  …"]
    return "\n".join(lines) if lines else "–"
