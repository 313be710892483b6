"""The charts every step uses: bars, dots with intervals, lines, heat map, scatter, stacked bars, steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from playbook.answer import Answer, format_value
from playbook.display import heading
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
    compact,
    draw,
    short,
    tidy,
    wrapped,
)

__all__ = ["bars", "columns", "dots", "heat", "lines", "scatter", "stacked", "waterfall"]


def _names(values: pd.Series, width: int = 40) -> list[str]:
    return [clean(value, width) for value in values]


@draw
def bars(
    answer: Answer,
    x: str,
    y: str,
    highlight: Any = None,
    rows: int = 12,
    low: str = "",
    high: str = "",
) -> Figure:
    """Horizontal bars of column ``x`` for each name in ``y``, in table order, labelled with their value.

    ``highlight`` names the bar (or bars) in the accent colour; without it all are. ``low`` and
    ``high`` name interval columns, drawn as thin lines.
    """
    table = answer.table.dropna(subset=[x]).head(rows).iloc[::-1]
    figure, axes = canvas(answer)
    marked = {highlight} if isinstance(highlight, str) else set(highlight or table[y])
    colour = [ACCENT if name in marked else GREY for name in table[y]]
    places = np.arange(len(table))
    axes.barh(places, table[x].astype(float), color=colour, height=0.68)
    ends = table[x].astype(float).to_numpy()
    if low and high:
        axes.hlines(places, table[low].astype(float), table[high].astype(float), color=INK, lw=1)
        ends = np.where(
            ends >= 0,
            np.fmax(ends, table[high].astype(float)),
            np.fmin(ends, table[low].astype(float)),
        )
    axes.set_yticks(places, _names(table[y]))
    unit = answer.units.get(x, "")
    for place, end, value in zip(places, ends, table[x], strict=True):
        axes.annotate(
            format_value(value, unit), (end, place), xytext=(4 if end >= 0 else -4, 0),
            textcoords="offset points", va="center", ha="left" if end >= 0 else "right", fontsize=9,
        )  # fmt: skip
    if (ends < 0).any():
        axes.axvline(0, color=MUTED, lw=0.8)
    axes.margins(x=0.13)
    axes.tick_params(axis="y", length=0)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    return figure


@draw
def columns(answer: Answer, x: str, y: str, highlight: Any = None) -> Figure:
    """Vertical bars of ``y`` over ``x``, for few ordered groups such as years or waves."""
    table = answer.table.dropna(subset=[y])
    figure, axes = canvas(answer)
    marked = {highlight} if isinstance(highlight, str) else set(highlight or table[x])
    colour = [ACCENT if name in marked else GREY for name in table[x]]
    places = np.arange(len(table))
    axes.bar(places, table[y].astype(float), color=colour, width=0.68)
    axes.set_xticks(places, _names(table[x], 16))
    for place, value in zip(places, table[y], strict=True):
        axes.annotate(
            format_value(value, answer.units.get(y, "")), (place, value), xytext=(0, 3),
            textcoords="offset points", ha="center", fontsize=9,
        )  # fmt: skip
    axes.margins(y=0.12)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    return figure


@draw
def dots(
    answer: Answer,
    x: str,
    y: str,
    low: str,
    high: str,
    group: str = "",
    zero: bool = False,
    rows: int = 14,
) -> Figure:
    """Points with their intervals, one line per name; ``group`` colours and labels series."""
    table = answer.table.dropna(subset=[x])
    names = list(dict.fromkeys(table[y]))[:rows]
    table = table[table[y].isin(names)]
    figure, axes = canvas(answer, size=(8.0, max(4.5, 1.4 + 0.24 * len(names))))
    place = {name: len(names) - 1 - i for i, name in enumerate(names)}
    groups = sorted(table[group].unique(), key=str) if group else [None]
    several = bool(group) and table.groupby(y)[group].nunique().max() > 1
    shift = np.linspace(0.22, -0.22, len(groups)) if several else np.zeros(len(groups))
    paint = colours_of(groups) if group else {None: ACCENT}
    for name, offset in zip(groups, shift, strict=True):
        part = table if name is None else table[table[group] == name]
        at = part[y].map(place).astype(float) + offset
        axes.hlines(
            at, part[low].astype(float), part[high].astype(float), color=paint[name], lw=1.6
        )
        axes.plot(part[x].astype(float), at, "o", color=paint[name], ms=5.5, label=clean(name, 24))
    axes.set_yticks(list(place.values()), _names(pd.Series(names)))
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(axis_title(x, answer.units.get(x, "")))
    if zero:
        axes.axvline(0, color=MUTED, lw=0.8)
    if len(groups) > 1:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper", fontsize=9)
    tidy(axes, x_unit=answer.units.get(x, ""))
    return figure


@draw
def lines(
    answer: Answer, x: str, y: str | Sequence[str], group: str = "", low: str = "", high: str = "",
    target: float | None = None, highlight: str = "", mark: str = "",
) -> Figure:  # fmt: skip
    """Lines over time or another ordered axis, labelled at their end; ``low``/``high`` shade an interval.

    ``mark`` names a column that is true for the points to mark.
    """
    figure, axes = canvas(answer)
    table = answer.table
    if group:
        series = [
            (name, part, y if isinstance(y, str) else y[0]) for name, part in table.groupby(group)
        ]
    else:
        series = [(name, table, name) for name in ([y] if isinstance(y, str) else list(y))]
    paint = colours_of([name for name, _, _ in series])
    if highlight:
        paint = {name: ACCENT if name == highlight else GREY for name in paint}
    ends = []
    for name, part, column in series:
        part = part.dropna(subset=[column])
        _line(axes, part, x, column, paint[name], (low, high) if low and high else None)
        if mark:
            loud = part[part[mark].astype(bool)]
            axes.plot(loud[x], loud[column].astype(float), "o", color=COLOURS[5], ms=7, zorder=5)
        if len(part):
            ends.append((float(part[column].iloc[-1]), part[x].iloc[-1], name))
    if len(series) > 1:
        _label_ends(axes, ends, paint)
    if target is not None:
        axes.axhline(target, color=COLOURS[5], lw=1, ls="--")
        axes.annotate("target", (0.01, target), xycoords=("axes fraction", "data"), xytext=(0, 3),
                      textcoords="offset points", color=COLOURS[5], fontsize=9)  # fmt: skip
    first = y if isinstance(y, str) else y[0]
    tidy(
        axes,
        x_unit=answer.units.get(x, "") if answer.units.get(x) == "%" else "",
        y_unit=answer.units.get(first, ""),
    )
    if pd.api.types.is_numeric_dtype(table[x]):
        axes.set_xlabel(axis_title(x, answer.units.get(x, "")))
    return figure


def _line(
    axes: Any, part: pd.DataFrame, x: str, y: str, colour: str, ends: tuple[str, str] | None
) -> None:
    """One series, with a dot a point where they are few, and its interval."""
    dot = 3 if len(part) < 40 else 0
    axes.plot(part[x], part[y].astype(float), color=colour, lw=2, marker="o", ms=dot)
    if ends:
        low, high = (part[end].astype(float) for end in ends)
        axes.fill_between(part[x], low, high, color=colour, alpha=0.15, lw=0)


def _label_ends(axes: Any, ends: list[tuple[float, Any, Any]], paint: dict) -> None:
    """Write each series' name at its end, moved apart so that no two overlap."""
    bottom, top = axes.get_ylim()
    gap, last = (top - bottom) * 0.06, -np.inf
    for value, at, name in sorted(ends, key=lambda end: (end[0], str(end[2]))):
        height = max(value, last + gap)
        last = height
        axes.annotate(heading(clean(name, 24)), (at, value), xytext=(1.01, height), textcoords=("axes fraction", "data"),
                      color=paint[name] if paint[name] != GREY else MUTED, fontsize=9, va="center", annotation_clip=False)  # fmt: skip


@draw
def heat(
    answer: Answer, x: str, y: str, value: str, diverging: bool = False, labels: bool = True,
    cap: float | None = None,
) -> Figure:  # fmt: skip
    """Heat map of ``value`` over ``x`` and ``y`` (long table), each cell labelled, rows in table order.

    ``cap`` is the value from which the colour is at its fullest, for values with outliers.
    """
    table = answer.table
    rows, cols = list(dict.fromkeys(table[y])), list(dict.fromkeys(table[x]))
    grid = table.pivot_table(
        index=y, columns=x, values=value, aggfunc="first", observed=True, dropna=False
    )
    grid = grid.reindex(index=rows, columns=cols).astype(float)
    figure, axes = canvas(answer, size=(8.0, min(9.0, max(4.5, 1.5 + 0.3 * len(rows)))))
    values = grid.to_numpy()
    finite = values[np.isfinite(values)]
    reach = float(np.abs(finite).max()) if len(finite) else 1.0
    reach = min(reach, cap) if cap else reach
    lowest, highest = (
        (-reach, reach) if diverging else (float(finite.min()) if len(finite) else 0.0, reach)
    )
    mesh = axes.imshow(
        values, cmap="RdBu" if diverging else "Blues", vmin=lowest, vmax=highest or 1, aspect="auto"
    )
    brief = max((len(clean(c)) for c in cols), default=0) <= 4
    flat, width = len(cols) <= 9 or (brief and len(cols) <= 16), max(9, 92 // max(len(cols), 1))
    axes.set_xticks(
        range(len(cols)),
        ["\n".join(wrapped(clean(c, 34), width)) if flat else clean(c, 18) for c in cols],
        rotation=0 if flat else 40,
        ha="center" if flat else "right",
        fontsize=9 if len(cols) <= 6 else 8,
    )
    axes.set_yticks(range(len(rows)), [clean(r, 34) for r in rows])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    if labels and values.size <= 260:
        for i, j in zip(*np.where(np.isfinite(values)), strict=True):
            dark = sum(mesh.cmap(mesh.norm(values[i, j]))[:3]) < 1.5
            axes.text(j, i, format_value(values[i, j], answer.units.get(value, "")).replace(" %", "%"), ha="center", va="center",
                      fontsize=8.5, color="white" if dark else INK)  # fmt: skip
    return figure


@draw
def scatter(
    answer: Answer, x: str, y: str, size: str = "", label: str = "", group: str = "",
    cross: tuple[float, float] | None = None,
) -> Figure:  # fmt: skip
    """Points, sized by ``size`` and named by ``label``; ``cross`` draws the quadrant lines."""
    table = answer.table.dropna(subset=[x, y])
    figure, axes = canvas(answer)
    paint = colours_of(table[group]) if group else {}
    colour = [paint[g] for g in table[group]] if group else ACCENT
    area = (
        40 + 700 * table[size].astype(float) / max(float(table[size].max()), 1e-9) if size else 45
    )
    axes.scatter(
        table[x].astype(float), table[y].astype(float), s=area, c=colour, alpha=0.75, linewidths=0
    )
    if label:
        for row in table[[x, y, label]].itertuples(index=False):
            axes.annotate(
                clean(row[2], 26),
                (row[0], row[1]),
                xytext=(6, 5),
                textcoords="offset points",
                fontsize=8.5,
            )
    if cross:
        axes.axvline(cross[0], color=MUTED, lw=0.8, ls=":")
        axes.axhline(cross[1], color=MUTED, lw=0.8, ls=":")
    axes.set_xlabel(axis_title(x, answer.units.get(x, "")))
    axes.set_ylabel(axis_title(y, answer.units.get(y, "")))
    axes.margins(0.14)
    tidy(axes, answer.units.get(x, ""), answer.units.get(y, ""))
    return figure


@draw
def stacked(answer: Answer, y: str, parts: Sequence[str], rows: int = 12) -> Figure:
    """Horizontal bars cut into shares that sum to one, one bar per name in ``y``."""
    table = answer.table.head(rows).iloc[::-1]
    figure, axes = canvas(answer)
    places, left = np.arange(len(table)), np.zeros(len(table))
    for part, colour in zip(parts, COLOURS, strict=False):
        width = table[part].astype(float).fillna(0).to_numpy()
        axes.barh(
            places, width, left=left, color=colour, height=0.7, label=short(heading(part), 24)
        )
        for place, start, value in zip(places, left, width, strict=True):
            if value >= 0.07:
                axes.text(
                    start + value / 2,
                    place,
                    f"{100 * value:.0f}%",
                    ha="center",
                    va="center",
                    fontsize=8.5,
                    color="white" if colour not in COLOURS[4::4] else INK,
                )
        left = left + width
    axes.set_yticks(places, _names(table[y]))
    axes.tick_params(axis="y", length=0)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=min(len(parts), 4), fontsize=9, borderpad=0.2
    )
    return figure


@draw
def waterfall(
    answer: Answer, y: str, x: str, start: float, start_name: str, end_name: str, unit: str = ""
) -> Figure:
    """From one level to another in steps: how the parts in ``x`` add up to the change; ``unit`` sets the decimals."""
    steps = answer.table[x].astype(float).to_numpy()
    names = [start_name, *_names(answer.table[y], 22), end_name]
    tops = np.concatenate([[start], start + np.cumsum(steps), [start + steps.sum()]])
    bottoms = np.concatenate([[0.0], tops[:-2], [0.0]])
    figure, axes = canvas(answer)
    colour = [MUTED, *[COLOURS[2] if step >= 0 else COLOURS[5] for step in steps], MUTED]
    places = np.arange(len(names))[::-1]
    axes.barh(places, tops - bottoms, left=bottoms, color=colour, height=0.66)
    shown = [start, *steps, tops[-1]]
    for i, (place, value) in enumerate(zip(places, shown, strict=True)):
        inner = 0 < i < len(shown) - 1
        number = format_value(float(value), unit) if unit else compact(float(value))
        text = ("+" if inner and value > 0 else "") + number
        axes.annotate(
            text,
            (max(tops[i], bottoms[i]), place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    reach = np.concatenate([tops, bottoms[1:-1]])
    lowest = min(reach) - 1.2 * (max(reach) - min(reach))
    if 0 < lowest < min(reach):
        axes.set_xlim(left=lowest)
    axes.margins(x=0.12)
    axes.set_yticks(places, names)
    axes.tick_params(axis="y", length=0)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    return figure
