"""Figures of what customers say: which complaints rose, and the evidence for each need on one page."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from playbook.answer import Answer, format_value
from playbook.figures.core import ACCENT, COLOURS, GREY, INK, MUTED, canvas, clean, draw, tidy

__all__ = ["evidence", "movers"]

RISE = COLOURS[5]
PALE = "#9DB8CC"
FEW = 100
"""Texts of a panel below which its intervals do not set the scale."""


@draw
def movers(answer: Answer, group: str = "language") -> Figure:
    """One panel for all languages and one each: change of the share that complains of each need, with interval; a rise beyond chance in orange."""
    whole = answer.extra.get("all")
    table = answer.table if whole is None else pd.concat([whole.table, answer.table])
    groups = list(dict.fromkeys(table[group]))[:6]
    order = table[table[group] == groups[0]].set_index("need")["change"].sort_values()
    place = {name: i for i, name in enumerate(order.index)}
    figure, axes = canvas(
        answer, size=(8.0, max(4.5, 2.0 + 0.32 * len(place))), columns=len(groups), sharey=True, sharex=True, squeeze=False
    )  # fmt: skip
    many = table[table["texts"] >= FEW] if (table["texts"] >= FEW).any() else table
    reach = 1.25 * float(np.abs(many[["low", "high"]].to_numpy(float)).max())
    for axis, name in zip(axes[0], groups, strict=True):
        part = table[table[group] == name]
        at = part["need"].map(place)
        sure = (part["q"].astype(float) < 0.05).to_numpy()
        rose = (part["change"] > 0).to_numpy()
        calm = INK if name == groups[0] and whole is not None else MUTED
        paint = np.where(sure & rose, RISE, np.where(sure, ACCENT, calm))
        axis.hlines(
            at,
            part["low"].clip(-reach, reach),
            part["high"].clip(-reach, reach),
            color=paint,
            lw=1.4,
        )
        out = (
            part["change"].abs() > reach
        ).to_numpy()  # a dot beyond the scale is an arrow at its edge
        axis.scatter(part["change"][~out], at[~out], c=paint[~out], s=26, zorder=3)
        for value, height, colour in zip(part["change"][out], at[out], paint[out], strict=True):
            axis.plot(
                np.sign(value) * reach, height, marker=">" if value > 0 else "<", color=colour, ms=6
            )
        top = part.sort_values("place").iloc[0]
        axis.annotate("most", (float(np.clip(top["change"], -reach, reach)), place[top["need"]]), xytext=(0, 6), textcoords="offset points", fontsize=8, color=INK, ha="center")  # fmt: skip
        axis.axvline(0, color=MUTED, lw=0.7)
        axis.set_title(f"{clean(name, 20)}\nn = {int(part['texts'].iloc[0]):,}", fontsize=9, loc="left")  # fmt: skip
        axis.tick_params(axis="y", length=0)
        axis.set_xlim(-1.06 * reach, 1.06 * reach)
        axis.xaxis.set_major_locator(_three(reach))
        tidy(axis, x_unit="points")
        axis.tick_params(axis="x", labelsize=8)
    axes[0][0].set_yticks(list(place.values()), [clean(n, 24) for n in place])
    axes[0][0].set_ylim(-0.6, len(place) - 0.2)
    axes[0][0].set_xlabel("points", fontsize=8.5)
    return figure


def _three(reach: float) -> FixedLocator:
    step = float(f"{0.6 * reach:.0e}")
    return FixedLocator([-step, 0.0, step])


@draw
def evidence(answer: Answer, rows: int = 10) -> Figure:
    """Needs in rows, sources in columns: each cell a dot on the source's own scale with interval and value.

    Dark dots are in the upper third of their source, ``▲``/``▼`` mark a change beyond chance; a diamond marks needs that are in the upper third
    of one source and in the lower third of another; the last column says it in words.
    """
    table = answer.table
    needs = list(dict.fromkeys(table["need"]))[:rows]
    sources = list(dict.fromkeys(table.sort_values("need")["source"]))
    order = ["survey importance", "open answers", "reviews", "service cases", "focus groups", "reasons to leave", "behaviour"]  # fmt: skip
    sources = sorted(sources, key=lambda s: order.index(s) if s in order else len(order))
    table = table[table["need"].isin(needs)]
    figure, axes = canvas(answer, size=(13.3, min(7.5, 2.1 + 0.56 * len(needs))))
    left, wide, text = 1.55, 1.22, 4.4
    end = left + wide * len(sources)
    axes.set_xlim(0, end + 0.35 + text)
    axes.set_ylim(len(needs) - 0.45, -0.95)
    axes.axis("off")
    for j, source in enumerate(sources):
        head = "\n".join(textwrap.wrap(clean(source).capitalize(), 12))
        axes.text(left + wide * j + 0.08, -0.55, head, fontsize=9.5, fontweight="bold", va="bottom", color=INK)  # fmt: skip
    axes.text(end + 0.35, -0.55, "What the sources say together", fontsize=9.5, fontweight="bold", va="bottom")  # fmt: skip
    for i, name in enumerate(needs):
        part = table[table["need"] == name].set_index("source")
        axes.axhline(i + 0.5, color="#E6E9EC", lw=0.8)
        axes.text(0.0, i, "\n".join(textwrap.wrap(clean(name).capitalize(), 15)), fontsize=10.5, fontweight="bold", va="center")  # fmt: skip
        for j, source in enumerate(sources):
            top = float(table.loc[table["source"] == source, "high"].max()) or 1.0
            cell = part.loc[source] if source in part.index else None
            _cell(axes, left + wide * j + 0.08, i, wide - 0.26, cell, top)
        if part["place"].min() <= 0.34 and part["place"].max() >= 0.66:
            axes.plot(end + 0.15, i, marker="D", color=RISE, ms=6)
        said = textwrap.wrap(clean(part["reading"].iloc[0]), 62)[:3]
        axes.text(end + 0.35, i, "\n".join(said), fontsize=8.8, va="center", color=INK)
    figure.text(0.988, 0.012, "◆ strong in one source, weak in another", fontsize=8.5, color=RISE, ha="right", va="bottom")  # fmt: skip
    return figure


def _cell(axes: Axes, x: float, y: float, width: float, cell: pd.Series | None, top: float) -> None:
    """Draw one source's strength of one need on a scale from 0 to ``top``."""
    axes.plot([x, x + width], [y + 0.16, y + 0.16], color="#E6E9EC", lw=1.2, solid_capstyle="butt")
    if cell is None:
        axes.text(x, y - 0.12, "–", fontsize=9, color=GREY, va="center")
        return
    low, high, value = (x + width * float(cell[k]) / top for k in ("low", "high", "strength"))
    strong = bool(cell["place"] == cell["place"] and cell["place"] <= 0.34)
    paint = ACCENT if strong else PALE
    axes.plot([low, high], [y + 0.16, y + 0.16], color=paint, lw=2.4, solid_capstyle="round")
    axes.plot(value, y + 0.16, "o", color=paint, ms=8 if strong else 6)
    mark, shade = "", INK if strong else MUTED
    if cell["q"] == cell["q"] and float(cell["q"]) < 0.05:
        mark = " ▲" if cell["change"] > 0 else " ▼"
    label = axes.text(x, y - 0.14, format_value(cell["strength"], "%").replace(" %", "%"), fontsize=9.2, va="center", color=shade, fontweight="bold" if strong else "normal")  # fmt: skip
    if mark:
        axes.annotate(mark, (1, 0.5), xycoords=label, fontsize=8.5, va="center", color=RISE if cell["change"] > 0 else ACCENT)  # fmt: skip
