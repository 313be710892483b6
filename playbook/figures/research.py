"""Figures of research: a group within its like and in total, the Lorenz curve, brands by market segment."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from playbook.answer import Answer, format_value
from playbook.figures.core import (  # fmt: skip
    ACCENT,
    COLOURS,
    GREY,
    INK,
    MUTED,
    canvas,
    clean,
    compact,
    draw,
    tidy,
)

__all__ = ["brand_moves", "lorenz", "side_by_side"]

BETTER, WORSE = COLOURS[2], COLOURS[5]


@draw
def side_by_side(answer: Answer, y: str, unit_gap: str = "points") -> Figure:
    """A group against all others within each row of ``y`` and, in the last row, in total.

    Takes columns rate, rate_others (with _low and _high), customers, others and gap; the name of the group is
    ``answer["group"]``. The size of a point follows the number of customers, so that the mix shows.
    """
    table = answer.table.reset_index(drop=True)
    figure, axes = canvas(answer)
    places = np.arange(len(table))[::-1].astype(float)
    places[-1] -= 0.25
    axes.axhspan(places[-1] - 0.5, places[-1] + 0.5, color=GREY, alpha=0.22, lw=0)
    most = float(table[["customers", "others"]].to_numpy().max())
    sides = (("rate", "customers", 0.17, ACCENT, str(answer["group"])), ("rate_others", "others", -0.17, MUTED, "all others"))  # fmt: skip
    for rate, n, shift, colour, name in sides:
        at = places + shift
        axes.hlines(at, table[f"{rate}_low"], table[f"{rate}_high"], color=colour, lw=1.4)
        axes.scatter(table[rate], at, s=28 + 240 * table[n] / most, color=colour, zorder=3)
        for place, high, value, count in zip(at, table[f"{rate}_high"], table[rate], table[n], strict=True):  # fmt: skip
            axes.annotate(f"{format_value(value, '%')}  n = {count:,}", (high, place), xytext=(6, 0), textcoords="offset points",
                          va="center", fontsize=8.5, color=colour)  # fmt: skip
        axes.annotate(clean(name, 30), (table[f"{rate}_low"].iloc[0], at[0]), xytext=(-6, 0), textcoords="offset points", va="center",
                      ha="right", fontsize=9.5, fontweight="bold", color=colour)  # fmt: skip
    for place, gap in zip(places, table["gap"], strict=True):
        flat = abs(gap) < 0.05
        sign = "+" if gap > 0 and not flat else ""
        axes.annotate(f"{sign}{format_value(gap, unit_gap)} points", (1.0, place), xycoords=("axes fraction", "data"), va="center", ha="right",
                      fontsize=10.5, fontweight="bold", color=MUTED if flat else BETTER if gap > 0 else WORSE)  # fmt: skip
    mix = table[["customers", "others"]] / table[["customers", "others"]].iloc[-1]
    names = [
        f"{clean(name, 26)}\n{100 * own:.0f} % of them, {100 * rest:.0f} % of others"
        for name, own, rest in zip(table[y], mix["customers"], mix["others"], strict=True)
    ]
    axes.set_yticks(places, [*names[:-1], clean(table[y].iloc[-1], 26)])
    axes.set_ylim(places[-1] - 0.55, places[0] + 0.5)
    low, high = float(table[["rate_low", "rate_others_low"]].min().min()), float(table[["rate_high", "rate_others_high"]].max().max())  # fmt: skip
    axes.set_xlim(low - 0.25 * (high - low), high + 0.62 * (high - low))
    axes.tick_params(axis="y", length=0)
    tidy(axes, "%")
    axes.set_xticks([t for t in axes.get_xticks() if low - 0.1 < t < min(high + 0.08, 1.0001)])
    return figure


@draw
def lorenz(answer: Answer, x: str, y: str, best: float = 0.2) -> Figure:
    """Cumulative share of value over units, least valuable first, with what the ``best`` share brings."""
    table = answer.table
    figure, axes = canvas(answer)
    across, up = table[x].to_numpy(float), table[y].to_numpy(float)
    axes.plot(across, across, color=GREY, lw=1.6)
    axes.fill_between(across, up, across, color=ACCENT, alpha=0.10, lw=0)
    axes.plot(across, up, color=ACCENT, lw=2.4)
    level = float(np.interp(1 - best, across, up))
    axes.vlines(1 - best, level, 1.0, color=INK, lw=1)
    axes.hlines([level, 1.0], 1 - best, 1.0, color=INK, lw=1, linestyles=["-", ":"])
    axes.annotate(f"the best {100 * best:.0f} % bring {format_value(1 - level, '%')}", (1 - best, 0.94), xytext=(-8, 0),
                  textcoords="offset points", ha="right", va="center", fontsize=10.5, fontweight="bold", color=INK)  # fmt: skip
    half = float(np.interp(0.5, across, up))
    axes.plot([0.5], [half], "o", color=ACCENT, ms=6)
    axes.annotate(f"the lower half brings {format_value(half, '%')}", (0.5, half), xytext=(-4, 7), textcoords="offset points",
                  fontsize=9.5, color=ACCENT, ha="right")  # fmt: skip
    axes.annotate("if all brought the same", (0.28, 0.28), xytext=(-6, 4), textcoords="offset points", ha="right", fontsize=9.5, color=MUTED)  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(x.replace("_", " ") + ", least valuable first")
    tidy(axes, "%", "%")
    return figure


@draw
def brand_moves(answer: Answer, brand: str) -> Figure:
    """Share of each brand in each market segment: a line from the first year to a point now, ours in the accent colour.

    Takes columns market_segment, brand, share, change, market_revenue and growth; segments by size.
    """
    table = answer.table
    sizes = table.drop_duplicates("market_segment").sort_values(["market_revenue", "market_segment"], ascending=[False, True])  # fmt: skip
    others = [b for b in dict.fromkeys(table["brand"]) if b != brand]
    paint = {brand: ACCENT} | dict(zip(others, COLOURS[1:], strict=False))
    figure, axes = canvas(answer, size=(8.0, max(4.5, 1.7 + 0.52 * len(sizes))))
    place = {name: len(sizes) - 1 - i for i, name in enumerate(sizes["market_segment"])}
    for name, part in table.groupby("brand", sort=False):
        colour, strong = paint.get(name, GREY), name == brand
        at = part["market_segment"].map(place).astype(float)
        now, before = part["share"].astype(float), (part["share"] - part["change"]).astype(float)
        axes.hlines(at, before, now, color=colour, lw=3.2 if strong else 2, alpha=0.55)
        axes.plot(now, at, "o", color=colour, ms=9 if strong else 6.5, label=clean(name, 20))
        if strong:
            for x, y in zip(now, at, strict=True):
                axes.annotate(format_value(x, "%"), (x, y), xytext=(0, 8), textcoords="offset points", ha="center", fontsize=8.5, color=colour)  # fmt: skip
    labels = [
        f"{clean(row.market_segment, 26)}\n{compact(row.market_revenue)}"
        + (f", {'+' if row.growth >= 0.0005 else ''}{format_value(row.growth, '%')} a year" if row.growth == row.growth else "")
        for row in sizes.itertuples()
    ]  # fmt: skip
    axes.set_yticks(list(place.values()), labels, fontsize=9)
    axes.set_ylim(-0.6, len(sizes) - 0.3)
    axes.set_xlim(left=0)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color=GREY, lw=0.5, alpha=0.6)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=min(len(paint), 5), fontsize=9, borderpad=0.2)  # fmt: skip
    axes.set_xlabel("share of the segment's revenue; line: from the first year")
    tidy(axes, "%")
    return figure
