"""Figures of the value proposition: panels by segment, perceptual map, price curves."""

from __future__ import annotations

import math
import textwrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from playbook.answer import Answer
from playbook.figures.core import ACCENT, COLOURS, GREY, HALO, INK, MUTED, canvas, clean, draw, tidy

__all__ = ["importance_grid", "panels", "perceptual_map", "price_curves"]


@draw
def panels(
    answer: Answer, x: str, y: str, low: str, high: str, group: str, faded: str = "", most: int = 9
) -> Figure:
    """One narrow panel per ``group`` with points and intervals; grey where ``faded`` is false.

    A point is in the accent colour when its interval lies above zero, in orange when below.
    """
    table = answer.table.dropna(subset=[x])
    names, groups = list(dict.fromkeys(table[y])), sorted(table[group].unique(), key=str)[:most]
    height = min(7.5, max(4.2, 1.7 + 0.27 * len(names)))
    figure, axes = canvas(
        answer, size=(8.0, height), columns=len(groups), sharey=True, sharex=True, squeeze=False
    )
    place = {name: len(names) - 1 - i for i, name in enumerate(names)}
    reach = 1.8 * float(table[x].abs().max() or 1.0)  # a very long line leaves its panel
    left, right = max(float(table[low].min()), -reach), min(float(table[high].max()), reach)
    tick = float(f"{0.6 * max(right, -left):.0e}")
    for axis, name in zip(axes[0], groups, strict=True):
        part = table[table[group] == name]
        at = part[y].map(place)
        solid = part[faded].astype(bool) if faded else pd.Series(True, index=part.index)
        paint = np.select(
            [~solid, part[low] > 0, part[high] < 0], [GREY, ACCENT, COLOURS[5]], MUTED
        )
        axis.hlines(at, part[low], part[high], color=paint, lw=1.4)
        axis.scatter(part[x], at, c=paint, s=20, zorder=3)
        axis.axvline(0, color=MUTED, lw=0.7)
        axis.set_title("\n".join(textwrap.wrap(clean(name, 40), 13)), fontsize=8, loc="left")
        axis.tick_params(axis="y", length=0)
        axis.set_xlim(left - 0.05 * (right - left), right + 0.05 * (right - left))
        axis.set_xticks([t for t in (-tick, 0.0, tick) if left <= t <= right])
        axis.tick_params(axis="x", labelsize=8 if len(groups) < 8 else 7)
        tidy(axis, x_unit=answer.units.get(x, "") or "number")
    axes[0][0].set_yticks(list(place.values()), [clean(name, 30) for name in names])
    axes[0][0].set_ylim(-0.6, len(names) - 0.4)
    return figure


def _apart(heights: np.ndarray, gap: float) -> np.ndarray:
    """Move label heights apart until each two differ by ``gap``, keeping their order and middle."""
    order = np.argsort(heights, kind="stable")
    placed = heights[order].astype(float)
    for _ in range(200):
        steps = np.diff(placed)
        close = np.flatnonzero(steps < gap - 1e-9)
        if not len(close):
            break
        for i in close:
            push = (gap - (placed[i + 1] - placed[i])) / 2
            placed[i] -= push
            placed[i + 1] += push
    result = np.empty_like(placed)
    result[order] = placed
    return result


@draw
def perceptual_map(answer: Answer) -> Figure:
    """Brands as discs (ours in the accent colour), items as small marks, on two axes.

    The table holds ``name``, ``kind``, ``axis_1`` and ``axis_2``; both axes have one scale.
    """
    table = answer.table[answer.table["kind"] != "segment"].reset_index(drop=True)
    figure, axes = canvas(answer, size=(8.0, 5.4))
    x, y = table["axis_1"].to_numpy(float), table["axis_2"].to_numpy(float)
    reach_x, reach_y = np.ptp(x) or 1.0, np.ptp(y) or 1.0
    axes.axhline(0, color=GREY, lw=0.8)
    axes.axvline(0, color=GREY, lw=0.8)
    _one_scale(axes, (x.min() - 0.10 * reach_x, x.max() + 0.26 * reach_x),
               (y.min() - 0.12 * reach_y, y.max() + 0.12 * reach_y))  # fmt: skip
    label_y = y.copy()
    near = np.digitize(x, np.linspace(x.min(), x.max(), 5)[1:-1])
    for column in np.unique(near):
        label_y[near == column] = _apart(y[near == column], 0.062 * reach_y)
    for i, row in enumerate(table.itertuples()):
        ours, item = row.kind == "our brand", row.kind == "item"
        colour = ACCENT if ours else MUTED if item else INK
        axes.plot(
            x[i], y[i], "D" if item else "o", ms=5 if item else 13, color=GREY if item else colour
        )
        axes.annotate(
            clean(row.name, 24), (x[i], y[i]), xytext=(x[i] + 0.022 * reach_x, label_y[i]),
            color=colour, fontsize=9 if item else 11, fontweight="normal" if item else "bold", va="center",
            path_effects=[HALO], zorder=5,
        )  # fmt: skip
    _arrows(axes, answer.table[answer.table["kind"] == "segment"])
    axes.set_xticks([])
    axes.set_yticks([])
    shares = answer["inertia"]
    axes.set_xlabel(f"axis 1: {100 * shares[0]:.0f} % of the differences between profiles")
    axes.set_ylabel(f"axis 2: {100 * shares[1]:.0f} %")
    for side in axes.spines.values():
        side.set_visible(False)
    return figure


def _one_scale(axes, across: tuple[float, float], up: tuple[float, float]) -> None:
    """Widen one of two ranges so that a unit is as long on both axes (they are 0.48 as high as wide)."""
    wide, high = across[1] - across[0], up[1] - up[0]
    more_up, more_across = max(0.48 * wide - high, 0) / 2, max(high / 0.48 - wide, 0) / 2
    axes.set_xlim(across[0] - more_across, across[1] + more_across)
    axes.set_ylim(up[0] - more_up, up[1] + more_up)


def _arrows(axes, segments: pd.DataFrame) -> None:
    """Directions of segments from the centre, to the edge of the map; numbered, named below it."""
    left, right = axes.get_xlim()
    low, high = axes.get_ylim()
    for number, row in enumerate(segments.itertuples(), 1):
        # axes of the figure differ in scale: keep the direction of the data, end inside the frame
        room = [(right if row.axis_1 > 0 else left) / row.axis_1 if row.axis_1 else np.inf,
                (high if row.axis_2 > 0 else low) / row.axis_2 if row.axis_2 else np.inf]  # fmt: skip
        reach = 0.92 * min(room)
        tip = (row.axis_1 * reach, row.axis_2 * reach)
        axes.annotate(
            "", tip, (0, 0), arrowprops={"arrowstyle": "-|>", "color": COLOURS[5], "lw": 1.3}
        )
        axes.text(
            0.5 * tip[0], 0.5 * tip[1], str(number), color=COLOURS[5], fontsize=9, fontweight="bold",
            ha="center", va="center", bbox={"boxstyle": "circle,pad=0.15", "fc": "white", "ec": COLOURS[5], "lw": 0.8},
        )  # fmt: skip
    if len(segments):
        names = [
            f"{i} {clean(row.name, 34)} (R² {row.fit:.2f})"
            for i, row in enumerate(segments.itertuples(), 1)
        ]
        axes.text(
            0.0, -0.10, "\n".join(textwrap.wrap("Segments lean toward: " + ";  ".join(names), 118)),
            transform=axes.transAxes, fontsize=8, color=COLOURS[5], va="top",
        )  # fmt: skip


@draw
def importance_grid(answer: Answer) -> Figure:
    """One panel per competitor: importance to the right, our lead upward, with intervals and quadrants.

    The table holds ``competitor``, ``item``, ``importance``, ``difference`` and their intervals,
    ``sure``; ``extra["middle"]``: importance that parts the quadrants.
    """
    table, middle = answer.table, float(answer["middle"])
    names = sorted(table["competitor"].unique(), key=str)[:6]
    columns = min(3, len(names))
    rows = math.ceil(len(names) / columns)
    figure, axes = canvas(
        answer, size=(8.0, 1.2 + 3.5 * rows), rows=rows, columns=columns, sharex=True, sharey=True, squeeze=False
    )  # fmt: skip
    for axis in axes.ravel()[len(names) :]:
        axis.set_visible(False)
    x0, x1 = table["importance_low"].min(), table["importance_high"].max()
    y0, y1 = min(table["low"].min(), -0.3), max(table["high"].max(), 0.3)
    pad_x, pad_y = 0.12 * (x1 - x0), 0.14 * (y1 - y0)
    for axis, name in zip(axes.ravel(), names, strict=False):
        part = table[table["competitor"] == name].sort_values("difference", kind="stable")
        paint = np.select([~part["sure"], part["difference"] > 0], [MUTED, ACCENT], COLOURS[5])
        axis.axhline(0, color=MUTED, lw=0.8)
        axis.axvline(middle, color=GREY, lw=0.8)
        axis.vlines(part["importance"], part["low"], part["high"], color=paint, lw=1.2)
        axis.hlines(part["difference"], part["importance_low"], part["importance_high"], color=paint, lw=0.8, alpha=0.6)  # fmt: skip
        axis.scatter(part["importance"], part["difference"], c=paint, s=22, zorder=3)
        heights = _apart(part["difference"].to_numpy(float), 0.055 * (y1 - y0 + 2 * pad_y))
        for row, height, colour in zip(part.itertuples(), heights, paint, strict=True):
            right = row.importance > middle
            end = row.importance_low if right else row.importance_high
            axis.annotate(clean(row.item, 18), (end, row.difference),
                          xytext=(end + (-0.02 if right else 0.02) * (x1 - x0), height), fontsize=7.5,
                          color=colour, ha="right" if right else "left", va="center")  # fmt: skip
        axis.set_xlim(x0 - pad_x, x1 + pad_x)
        axis.set_ylim(y0 - pad_y, y1 + pad_y)
        corners = [(0.98, 0.985, "right", "top", "claim it"), (0.98, 0.015, "right", "bottom", "mend first"),
                   (0.02, 0.985, "left", "top", "do not overdo"), (0.02, 0.015, "left", "bottom", "let be")]  # fmt: skip
        for x, y, ha, va, text in corners:
            axis.text(x, y, text, transform=axis.transAxes, ha=ha, va=va, fontsize=7.5, color=MUTED, style="italic")  # fmt: skip
        axis.set_title(f"against {clean(name, 26)}", fontsize=9, loc="left")
        axis.locator_params(nbins=5)
        tidy(axis, "points", "points")
    for axis in axes[-1]:
        axis.set_xlabel("stated importance (points)", fontsize=8)
    for axis in axes[:, 0]:
        axis.set_ylabel("we lead (+) or lag (-), points", fontsize=8)
    return figure


@draw
def price_curves(answer: Answer, currency: str = "") -> Figure:
    """One panel per segment: margin over price with its band; today's price grey, the best one marked."""
    table = answer.table
    names = sorted(table["segment"].unique(), key=str)[:9]
    columns = min(3, len(names))
    rows = math.ceil(len(names) / columns)
    figure, axes = canvas(
        answer, size=(8.0, 1.9 + 1.75 * rows), rows=rows, columns=columns, sharey=True, squeeze=False
    )  # fmt: skip
    for axis in axes.ravel()[len(names) :]:
        axis.set_visible(False)
    for axis, name in zip(axes.ravel(), names, strict=False):
        part = table[table["segment"] == name].sort_values("price")
        axis.fill_between(part["price"], part["low"], part["high"], color=ACCENT, alpha=0.14, lw=0)
        asked = part[~part["extrapolated"]]
        axis.plot(part["price"], part["margin"], color=ACCENT, lw=1.2, ls=":")
        axis.plot(asked["price"], asked["margin"], color=ACCENT, lw=2)
        today, best = part[part["is_current"]], part[part["is_best"]]
        axis.plot(today["price"], today["margin"], "o", color=MUTED, ms=6)
        axis.plot(best["price"], best["margin"], "o", color=COLOURS[5], ms=6)
        for _, point in best.head(1).iterrows():
            axis.annotate(f"{point['price']:,.0f}", (point["price"], point["margin"]), xytext=(0, 7),
                          textcoords="offset points", ha="center", fontsize=9, color=COLOURS[5], fontweight="bold")  # fmt: skip
        title = "\n".join(textwrap.wrap(clean(f"{name}: {part['offer'].iloc[0]}", 60), 30))
        axis.set_title(title, fontsize=9, loc="left")
        axis.locator_params(nbins=4)
        tidy(axis, "currency", "currency")
    unit = f" ({currency})" if currency else ""
    for axis in axes[-1]:
        axis.set_xlabel(f"price{unit}", fontsize=8)
    for axis in axes[:, 0]:
        axis.set_ylabel(f"margin per choice{unit}", fontsize=8)
    axes[0][0].set_ylim(bottom=0)
    return figure
