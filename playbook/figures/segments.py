"""Figures of segments and value: region map, whale curve, portfolio, won and lost."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.scale import LogScale, SymmetricalLogScale

from playbook.answer import Answer, format_value
from playbook.figures.core import (  # fmt: skip
    ACCENT,
    COLOURS,
    GREY,
    HALO,
    INK,
    MUTED,
    axis_title,
    canvas,
    clean,
    colours_of,
    compact,
    draw,
    tidy,
)

__all__ = ["portfolio_map", "region_map", "whale_curve"]


@draw
def region_map(
    answer: Answer, name: str, size: str, colour: str, named: int = 12, highlight: int = 3
) -> Figure:
    """Circles at the mean place of each region's customers, sized by ``size``; without places, bars.

    The ``highlight`` regions with most of ``size`` are in the accent colour; ``colour`` is written at the
    ``named`` largest.
    """
    table = answer.table
    if "latitude" not in table or table["latitude"].notna().sum() < 2:
        return _region_bars(answer, name, size)
    table = table.dropna(subset=["latitude", "longitude"]).reset_index(drop=True)
    figure, axes = canvas(answer, size=(8.0, 5.6))
    share = table[size].astype(float)
    paint = [ACCENT if i < highlight else GREY for i in range(len(table))]
    axes.scatter(table["longitude"], table["latitude"], s=60 + 700 * share / share.max(), c=paint, alpha=0.8, linewidths=0)  # fmt: skip
    low, high = float(table["latitude"].min()), float(table["latitude"].max())
    width = float(table["longitude"].max() - table["longitude"].min())
    shown = table.head(named)
    texts = [
        f"{clean(row[name], 22)}  {format_value(row[colour], answer.units.get(colour, ''))}"
        for row in shown.to_dict("records")
    ]
    places = _spread(shown["longitude"], shown["latitude"], width, (high - low) or 1.0)
    for text, (x, y), at in zip(
        texts, places, shown[["longitude", "latitude"]].to_numpy(), strict=True
    ):
        axes.annotate(text, tuple(at), xytext=(x, y), textcoords="data", fontsize=8.5, va="center", color=INK, path_effects=[HALO],
                      arrowprops={"arrowstyle": "-", "color": GREY, "lw": 0.6, "shrinkA": 0, "shrinkB": 2})  # fmt: skip
    stretch = 1 / np.cos(np.radians((low + high) / 2))
    left = float(table["longitude"].min()) - 0.08 * width
    axes.set_xlim(left, left + 1.4 * width)
    axes.set_ylim(low - 0.10 * (high - low), high + 0.10 * (high - low))
    axes.set_aspect(stretch, adjustable="box")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    return figure


def _spread(x: pd.Series, y: pd.Series, width: float, height: float) -> list[tuple[float, float]]:
    """Return places for labels right of their points, pushed apart vertically where they would touch."""
    gap, reach, near = 0.055 * height, 0.30 * width, 0.045 * width
    placed: list[tuple[float, float]] = []
    for at_x, at_y in zip(x, y, strict=True):
        tries = sorted((k * gap for k in range(-12, 13)), key=abs)
        spot = (at_x + near, at_y)
        for shift in tries:
            spot = (at_x + near, at_y + shift)
            if all(abs(spot[1] - other[1]) >= gap or abs(spot[0] - other[0]) > reach for other in placed):  # fmt: skip
                break
        placed.append(spot)
    return placed


def _region_bars(answer: Answer, name: str, size: str) -> Figure:
    table = answer.table.head(12).iloc[::-1]
    figure, axes = canvas(answer)
    places = np.arange(len(table))
    axes.barh(places, table[size].astype(float), color=ACCENT, height=0.68)
    axes.set_yticks(places, [clean(v, 30) for v in table[name]])
    for place, value in zip(places, table[size].astype(float), strict=True):
        axes.annotate(format_value(value, answer.units.get(size, "")), (value, place), xytext=(4, 0),
                      textcoords="offset points", va="center", fontsize=9)  # fmt: skip
    axes.margins(x=0.13)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return figure


@draw
def whale_curve(answer: Answer) -> Figure:
    """Cumulative share of contribution over customers from best to worst (extra ``curve``)."""
    curve = answer["curve"].dropna()
    figure, axes = canvas(answer)
    x, y = curve["share_customers"].to_numpy(), curve["cumulative"].to_numpy()
    axes.plot(x, y, color=ACCENT, lw=2)
    axes.axhline(1, color=MUTED, lw=0.8, ls=":")
    if len(curve):
        axes.fill_between(x, 1, y, where=y > 1, color=COLOURS[5], alpha=0.25, lw=0)
        fifth, peak = float(np.interp(0.2, x, y)), int(y.argmax())
        axes.plot([0.2, x[peak]], [fifth, y[peak]], "o", color=ACCENT, ms=6)
        axes.annotate(f"best fifth of customers: {format_value(fifth, '%')}", (0.2, fifth), xytext=(10, -12),
                      textcoords="offset points", fontsize=9.5)  # fmt: skip
        axes.annotate(f"highest point {format_value(y[peak], '%')}: what follows only costs", (x[peak], y[peak]), xytext=(0, 9),
                      textcoords="offset points", ha="right" if x[peak] > 0.6 else "center", fontsize=9.5)  # fmt: skip
    axes.set_xlabel("share of customers, best first")
    axes.set_ylabel("cumulative share of contribution")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(bottom=0)
    axes.margins(y=0.15)
    tidy(axes, "%", "%")
    return figure


@draw
def portfolio_map(answer: Answer) -> Figure:
    """Segments by value and potential per customer, sized by customers, with mean value and hurdle as lines."""
    table = answer.table.sort_values("value", ignore_index=True)
    figure, axes = canvas(answer, size=(8.0, 5.2))
    paint = colours_of(table["segment"])
    x, y = table["potential"].astype(float), table["value"].astype(float)
    area = 60 + 900 * table["customers"].astype(float) / float(table["customers"].max())
    axes.scatter(x, y, s=area, c=[paint[s] for s in table["segment"]], alpha=0.8, linewidths=0)
    limit, line = float(answer["hurdle"]), float(answer["value_line"])
    axes.axvline(limit, color=MUTED, lw=0.8, ls=":")
    axes.axhline(line, color=MUTED, lw=0.8, ls=":")
    right, top = max(float(x.max()), limit) or 1.0, max(float(y.max()), line) or 1.0
    left, foot = min(float(x.min()), limit), min(float(y.min()), line)
    _log_axis(axes, "x", left, right, room=4.0)
    _log_axis(axes, "y", foot, top, room=1.6)
    axes.minorticks_off()
    tidy(axes, "currency", "currency")
    figure.draw_without_rendering()
    _name_bubbles(axes, [clean(n, 32) for n in table["segment"]], np.column_stack([x, y]), area)
    word = "hurdle" if answer["budgeted"] else "mean"
    axes.annotate(f"{word} {compact(limit)}", (limit, 1), xycoords=("data", "axes fraction"), xytext=(3, -2), textcoords="offset points", va="top", fontsize=8.5, color=MUTED)  # fmt: skip
    axes.annotate(f"mean value {compact(line)}", (0, line), xycoords=("axes fraction", "data"), xytext=(4, 3), textcoords="offset points", fontsize=8.5, color=MUTED)  # fmt: skip
    axes.set_xlabel(axis_title("potential per customer", "currency"))
    axes.set_ylabel(axis_title("lifetime value per customer", "currency"))
    return figure


def _name_bubbles(axes: Axes, names: list[str], places: np.ndarray, area: pd.Series) -> None:
    """Write each name right of, left of, above or below its bubble, where it covers least of what is drawn."""
    spots = axes.transData.transform(places) * 72 / axes.figure.dpi
    edge = axes.transAxes.transform([(0, 0), (1, 1)]) * 72 / axes.figure.dpi
    radius = np.sqrt(area.to_numpy(float)) / 2
    drawn = np.column_stack([spots - radius[:, None], spots + radius[:, None]])
    for name, place, (x, y), r in zip(names, places, spots, radius, strict=True):
        wide, high, off = 5.4 * len(name), 12.0, r + 5
        corners = np.array([(x + off, y - 6), (x - off - wide, y - 6), (x - wide / 2, y + r + 1), (x - wide / 2, y - r - 1 - high)])  # fmt: skip
        boxes = np.column_stack([corners, corners + np.array([wide, high])])
        outside = wide * high * ((boxes[:, :2] < edge[0]) | (boxes[:, 2:] > edge[1])).any(axis=1)
        best = boxes[int(np.argmin([_covered(box, drawn) for box in boxes] + outside))]
        drawn = np.vstack([drawn, best])
        axes.annotate(name, tuple(place), xytext=(best[0] - x, best[1] - y + 6), va="center",
                      textcoords="offset points", fontsize=9, path_effects=[HALO])  # fmt: skip


def _covered(box: np.ndarray, others: np.ndarray) -> float:
    """Return the area of a box (left, foot, right, top) that lies on others."""
    shared = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    return float(np.prod(np.clip(shared, 0, None), axis=1).sum())


def _log_axis(axes: Axes, side: str, lowest: float, largest: float, room: float) -> None:
    """Set a logarithmic axis from the data, with ticks at 1-2-5 steps; zero and less lie on a linear foot."""
    low = largest / 20 if lowest <= 0 else min(lowest / 1.6, largest / 4)
    scale = LogScale(None) if lowest > 0 else SymmetricalLogScale(None, linthresh=low)
    ten = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(largest)) + 1)
    steps = np.sort(np.outer(ten, [1, 2, 5]).ravel())
    steps = steps[(steps >= low) & (steps <= largest * 1.5)]
    axes.set(**{
        f"{side}scale": scale,
        f"{side}lim": (low if lowest > 0 else lowest - low * (lowest < 0), largest * room),
        f"{side}ticks": steps if lowest > 0 else [0.0, *steps],
    })  # fmt: skip
