"""Figures of drivers: before and after adjustment, and importance against performance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from playbook.answer import Answer
from playbook.figures.core import (
    ACCENT,
    COLOURS,
    GREY,
    INK,
    MUTED,
    canvas,
    clean,
    draw,
    tidy,
    wrapped,
)
from playbook.figures.proposition import _apart

__all__ = ["before_after", "importance_performance"]

ALERT = COLOURS[5]
_VERDICTS = {"yes": ACCENT, "after only": ACCENT, "before only": ALERT, "no": MUTED}
"""Colour of a driver by whether it passes before and after adjustment."""


def _effects(axes: Axes, table: pd.DataFrame, at: np.ndarray, paint: list[str]) -> None:
    """Raw coefficient (hollow, above) and adjusted one (filled, below) with intervals, joined by a line."""
    up, down = at + 0.13, at - 0.13
    axes.hlines(up, table["raw_low"], table["raw_high"], color=GREY, lw=1.4)
    axes.hlines(down, table["low"], table["high"], color=paint, lw=2.0)
    for row, y, colour in zip(table.itertuples(), at, paint, strict=True):
        axes.plot([row.raw_coefficient, row.coefficient], [y + 0.13, y - 0.13], color=GREY, lw=0.8, ls=":")  # fmt: skip
        filled = colour if row.is_driver else "white"
        axes.plot(row.coefficient, y - 0.13, "o", ms=6, mfc=filled, mec=colour, mew=1.4)
        axes.plot(row.raw_coefficient, y + 0.13, "o", ms=5, mfc="white", mec=MUTED, mew=1.2)
    axes.axvline(0, color=MUTED, lw=0.8)
    axes.set_xlabel("standard deviations of the answer per standard deviation")
    tidy(axes, x_unit="number")


@draw
def before_after(answer: Answer, rows: int = 12) -> Figure:
    """Raw and adjusted coefficient of each candidate, and the share of variance it explains, with intervals.

    Reads ``extra["numbers"]`` of an answer on drivers: raw_coefficient, coefficient, share and their ends, share_chance,
    is_driver, important. A filled point passes the checks.
    """
    table = answer["numbers"].head(rows)
    figure, (left, right) = canvas(
        answer, size=(8.0, max(4.2, 1.9 + 0.36 * len(table))), columns=2, sharey=True, width_ratios=[2.1, 1.0]
    )  # fmt: skip
    at = np.arange(len(table))[::-1].astype(float)
    paint = [_VERDICTS[word] for word in table["important"]]
    _effects(left, table, at, paint)
    left.set_yticks(at, ["\n".join(wrapped(clean(name, 44), 24)) for name in table["driver"]])
    left.set_ylim(-0.6, len(table) - 0.4)
    left.set_title("○ alone   ● beside the others", fontsize=9, loc="left", color=MUTED)
    right.hlines(at, table["share_low"], table["share_high"], color=paint, lw=2.0)
    for row, y, colour in zip(table.itertuples(), at, paint, strict=True):
        right.plot(row.share, y, "o", ms=6, mfc=colour if row.is_driver else "white", mec=colour, mew=1.4)  # fmt: skip
    right.plot(table["share_chance"], at, "|", color=MUTED, ms=11, mew=1.2)
    right.set_title("share of variance  | by chance", fontsize=9, loc="left", color=MUTED)
    right.set_xlim(left=min(-0.02 * float(table["share_high"].max()), -1e-4))
    right.set_xlabel("of all variance of the answer")
    right.locator_params(axis="x", nbins=4)
    tidy(right, x_unit="%")
    for axes in (left, right):
        axes.tick_params(axis="y", length=0)
    for row, y in zip(table.itertuples(), at, strict=True):
        if row.important in ("before only", "after only"):
            left.annotate(row.important, (max(row.raw_high, row.high), y), xytext=(7, 0), textcoords="offset points",
                          va="center", fontsize=8.5, style="italic", color=_VERDICTS[row.important])  # fmt: skip
    if table["important"].isin(["before only", "after only"]).any():
        x0, x1 = left.get_xlim()
        left.set_xlim(x0, x1 + 0.16 * (x1 - x0))
    return figure


@draw
def importance_performance(answer: Answer) -> Figure:
    """Importance to the right, satisfaction upward, both with intervals; the line is the average of all touchpoints.

    Table: touchpoint, importance, csat and their ends, passes (filled), verdict; ``extra["average"]``.
    """
    table = answer.table.dropna(subset=["importance", "csat"]).sort_values("csat", kind="stable")
    figure, axes = canvas(answer, size=(8.0, 5.0))
    colours = {"mend first": ALERT, "mend its cases": COLOURS[1], "keep up": ACCENT}
    paint = [colours.get(verdict, MUTED) for verdict in table["verdict"]]
    axes.axhline(float(answer["average"]), color=MUTED, lw=0.9)
    axes.hlines(table["csat"], table["importance_low"], table["importance_high"], color=paint, lw=1.0, alpha=0.7)  # fmt: skip
    axes.vlines(table["importance"], table["csat_low"], table["csat_high"], color=paint, lw=1.8)
    y0, y1 = float(table["csat_low"].min()), float(table["csat_high"].max())
    pad = 0.16 * (y1 - y0)
    heights = _apart(table["csat"].to_numpy(float), 0.055 * (y1 - y0 + 2 * pad))
    right = float(table["importance_high"].max())
    for row, height, colour in zip(table.itertuples(), heights, paint, strict=True):
        axes.plot([row.importance_high, 1.05 * right], [row.csat, height], color=GREY, lw=0.6, zorder=0)  # fmt: skip
        axes.plot(row.importance, row.csat, "o", ms=7, mfc=colour if row.passes else "white", mec=colour, mew=1.5, zorder=3)  # fmt: skip
        axes.annotate(clean(row.touchpoint, 28), (1.06 * right, height), va="center", fontsize=9, color=colour if colour != MUTED else INK)  # fmt: skip
    axes.set_ylim(y0 - pad, y1 + pad)
    axes.set_xlim(-0.02 * right, 1.32 * right)
    corners = [(0.98, "top", "surely above: ● keep up   ○ do not overdo"), (0.02, "bottom", "surely below: ● mend first   ○ let be")]  # fmt: skip
    for y, va, text in corners:
        axes.text(0.015, y, text, transform=axes.transAxes, ha="left", va=va, fontsize=8.5, color=MUTED)  # fmt: skip
    axes.annotate("average", (1.0, float(answer["average"])), xycoords=("axes fraction", "data"), xytext=(-2, 3),
                  textcoords="offset points", ha="right", fontsize=8, color=MUTED)  # fmt: skip
    axes.set_xlabel(
        "importance: share of variance of recommendation explained (● passes as a driver, ○ does not)"
    )
    axes.set_ylabel("satisfaction (1 to 5)")
    tidy(axes, x_unit="%", y_unit="points")
    return figure
