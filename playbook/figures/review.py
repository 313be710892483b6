"""Figures of the yearly review: scorecard, control charts, moves between segments, forecast against outcome."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from playbook.answer import Answer, format_value
from playbook.figures.core import (
    ACCENT,
    COLOURS,
    GREY,
    INK,
    MUTED,
    axis_title,
    canvas,
    clean,
    colours_of,
    draw,
    tidy,
)

__all__ = ["control", "foretold", "migration", "scorecard"]

STATUS = {"reached": COLOURS[2], "not reached": COLOURS[5], "cannot tell": COLOURS[1]}


@draw
def scorecard(answer: Answer) -> Figure:
    """Each objective as a share of its target: the figure now with its chance range, and where it started (ring)."""
    table = answer["numbers"].dropna(subset=["actual"]).iloc[::-1]
    figure, axes = canvas(answer)
    target = table["target"].where(table["target"].abs() > 1e-12, 1.0).abs()
    now, low, high, start = (
        (1 + (table[c] - table["target"]) / target).to_numpy(float)
        for c in ("actual", "low", "high", "baseline")
    )
    places = np.arange(len(table))
    axes.axvline(1, color=INK, lw=1.2)
    for place, x, a, b, begin, row in zip(
        places, now, low, high, start, table.itertuples(), strict=True
    ):
        colour = STATUS.get(row.status, ACCENT)
        axes.hlines(place, a, b, color=colour, lw=2.2)
        axes.plot(begin, place, "o", mfc="white", mec=MUTED, ms=9, zorder=3)
        axes.plot(x, place, "o", color=colour, ms=6.5, zorder=4)
        text = f"{format_value(row.actual, row.unit)} of {format_value(row.target, row.unit)}: {row.status}"
        axes.annotate(text, (1.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=9,
                      color=MUTED, annotation_clip=False)  # fmt: skip
    axes.set_yticks(places, [clean(name, 36) for name in table["name"]])
    axes.set_ylim(-0.6, len(table) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.08)
    axes.set_xlabel("share of the target (ring: baseline)")
    tidy(axes, x_unit="%")
    return figure


@draw
def control(answer: Answer, rows: int = 4) -> Figure:
    """Control charts of the monthly figures, one panel each; months with a signal are marked."""
    points = answer["points"]
    names = list(answer.table.sort_values("signals", ascending=False, kind="stable")["figure"])[
        :rows
    ]
    figure, grid = canvas(answer, rows=(len(names) + 1) // 2, columns=min(2, len(names)), squeeze=False, sharex=True)  # fmt: skip
    for axes, name in zip(grid.ravel(), names, strict=False):
        part = points[points["figure"] == name]
        axes.fill_between(part["month"], part["low"], part["high"], color=GREY, alpha=0.3, lw=0)
        axes.plot(part["month"], part["center"], color=MUTED, lw=0.9)
        axes.plot(part["month"], part["value"], color=ACCENT, lw=1.3)
        loud = part[part["signal"]]
        axes.plot(loud["month"], loud["value"], "o", color=COLOURS[5], ms=5)
        chance = answer.table.loc[answer.table["figure"] == name, "false_alarm"]
        axes.set_title(f"{clean(name, 30)} (by chance alone an alarm in {chance.iloc[0] * 100:.0f} % of years)", loc="left", fontsize=9)  # fmt: skip
        axes.xaxis.set_major_locator(_years())
        axes.xaxis.set_major_formatter(_year_format())
        tidy(axes, y_unit="number")
    for axes in grid.ravel()[len(names) :]:
        axes.set_visible(False)
    return figure


def _years() -> Any:
    from matplotlib.dates import YearLocator

    return YearLocator()


def _year_format() -> Any:
    from matplotlib.dates import DateFormatter

    return DateFormatter("%Y")


def _ribbon(axes: Any, left: tuple[float, float], right: tuple[float, float], colour: str) -> None:
    """Draw a band from the interval ``left`` at x = 0 to the interval ``right`` at x = 1."""
    corners = [(0, left[0]), (0.5, left[0]), (0.5, right[0]), (1, right[0]),
               (1, right[1]), (0.5, right[1]), (0.5, left[1]), (0, left[1]), (0, left[0])]  # fmt: skip
    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.LINETO,
             Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.CLOSEPOLY]  # fmt: skip
    axes.add_patch(PathPatch(Path(corners, codes), facecolor=colour, alpha=0.45, lw=0))


def _stack(names: list[str], sizes: pd.Series, gap: float) -> dict[str, tuple[float, float]]:
    """Return the interval of each name, stacked from the top down."""
    place, found = 0.0, {}
    for name in names:
        found[name] = (place, place - float(sizes[name]))
        place = found[name][1] - gap
    return found


def _apart(heights: list[float], least: float) -> list[float]:
    """Return label heights (from the top down) moved down so that none overlap."""
    moved: list[float] = []
    for height in heights:
        moved.append(min(height, moved[-1] - least) if moved else height)
    return moved


@draw
def migration(answer: Answer, smallest: int = 5) -> Figure:
    """Flows of customers from last year's segments (left) to this year's (right), coloured by where they came from.

    Flows between segments are those the model estimates; by name fewer customers can be said to have moved.
    """
    flows = answer["estimated"]
    left = flows.groupby("from_segment")["customers"].sum().sort_values(ascending=False, kind="stable")  # fmt: skip
    right = flows.groupby("to_segment")["customers"].sum()
    order = [
        *[n for n in left.index if n in right.index],
        *sorted(set(right.index) - set(left.index)),
    ]
    figure, axes = canvas(answer, size=(8.0, 5.4))
    total = float(flows["customers"].sum())
    gap = 0.02 * total
    paint = colours_of(sorted({*left.index, *right.index} - {"New this year"})) | {"New this year": GREY}  # fmt: skip
    sides = (_stack(list(left.index), left, gap), _stack(order, right, gap))
    used: list[dict[str, float]] = [
        {name: ends[0] for name, ends in side.items()} for side in sides
    ]
    ranked = flows.assign(
        a=flows["from_segment"].map(list(left.index).index), b=flows["to_segment"].map(order.index)
    ).sort_values(["a", "b"])
    for row in ranked.itertuples():
        bands = []
        for stack, name in zip(used, (row.from_segment, row.to_segment), strict=True):
            bands.append((stack[name], stack[name] - row.customers))
            stack[name] -= row.customers
        if row.customers >= smallest:
            _ribbon(axes, bands[0], bands[1], paint[row.from_segment])
    for x, side, sizes, align in ((0, sides[0], left, "right"), (1, sides[1], right, "left")):
        middles = [(top + bottom) / 2 for top, bottom in side.values()]
        heights = _apart(middles, 0.05 * (total + 10 * gap))
        for (name, (top, bottom)), height in zip(side.items(), heights, strict=True):
            axes.vlines(x, bottom, top, color=paint.get(name, GREY), lw=7)
            axes.annotate(f"{clean(name, 33)}  {sizes[name]:,.0f}", (x, height), xytext=(-9 if x == 0 else 9, 0),
                          textcoords="offset points", ha=align, va="center", fontsize=9)  # fmt: skip
    axes.set_xlim(-0.75, 1.75)
    axes.annotate("last year", (0, 1), xycoords=("data", "axes fraction"), ha="center", fontsize=9, color=MUTED)  # fmt: skip
    axes.annotate("now", (1, 1), xycoords=("data", "axes fraction"), ha="center", fontsize=9, color=MUTED)  # fmt: skip
    axes.set_axis_off()
    return figure


@draw
def foretold(answer: Answer, x: str, expected: str, actual: str, low: str, high: str) -> Figure:
    """What was expected (bars) beside what came (points with interval), group by group."""
    table = answer.table
    figure, axes = canvas(answer)
    places = np.arange(len(table))
    axes.bar(places, table[expected].astype(float), color=GREY, width=0.66, label="foretold")
    axes.vlines(places, table[low].astype(float), table[high].astype(float), color=ACCENT, lw=1.8)
    axes.plot(places, table[actual].astype(float), "o", color=ACCENT, ms=6, label="happened")
    axes.set_xticks(places, [clean(v, 16) for v in table[x]])
    axes.set_xlabel(axis_title(x, answer.units.get(x, "")))
    axes.axhline(0, color=MUTED, lw=0.8)
    axes.legend(loc="upper right", fontsize=9)
    tidy(axes, y_unit=answer.units.get(actual, ""))
    return figure
