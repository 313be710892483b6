"""Figures of a plan: strategy map, targets, forecast, Gantt chart, RACI matrix, risk map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.dates import ConciseDateFormatter, MonthLocator, date2num
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch, Rectangle

from playbook.answer import Answer, format_value
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

__all__ = [
    "forecast",
    "gantt",
    "load",
    "metric_tree",
    "raci",
    "risk_map",
    "spending",
    "strategy_map",
    "targets",
]

TARGET = COLOURS[5]
LETTERS = {"A": ACCENT, "R": COLOURS[4], "C": "#DDE3E8", "I": "#F3F5F7"}


@draw
def strategy_map(answer: Answer) -> Figure:
    """Lines from purpose, mission and vision over the objectives to the initiatives that serve them."""
    links, objectives = answer["links"], answer.table
    columns = [
        [s for s in answer["statements"] if s in set(objectives["serves"])],
        list(objectives["objective"]),
        list(dict.fromkeys(links["initiative"])),
    ]
    figure, axes = canvas(answer, size=(8.0, 4.9))
    places = [dict(zip(names, _spread(len(names)), strict=True)) for names in columns]
    for row in objectives.itertuples(index=False):
        _curve(axes, 0.17, places[0][row.serves], 0.34, places[1][row.objective], MUTED)
    for row in links.itertuples(index=False):
        colour = COLOURS[columns[1].index(row.objective) % len(COLOURS)]
        _curve(axes, 0.60, places[1][row.objective], 0.69, places[2][row.initiative], colour)
    for names, left, width, wide in zip(columns, (0.0, 0.34, 0.69), (0.17, 0.26, 0.31), (12, 24, 29), strict=True):  # fmt: skip
        for name in names:
            y = places[(0.0, 0.34, 0.69).index(left)][name]
            axes.add_patch(_box(left, y - 0.036, width, 0.072))
            shown = clean(name if left else str(name).capitalize(), 2 * wide)
            axes.text(
                left + width / 2, y, _wrapped(shown, wide), ha="center", va="center",
                fontsize=7.8 if left else 9.5, linespacing=1.0,
            )  # fmt: skip
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(0, 1)
    axes.axis("off")
    return figure


def _spread(count: int) -> np.ndarray:
    """Places of ``count`` boxes from top to bottom."""
    return 1 - (np.arange(count) + 0.5) / max(count, 1)


def _box(x: float, y: float, width: float, height: float) -> FancyBboxPatch:
    return FancyBboxPatch(
        (x, y), width, height, boxstyle="round,pad=0,rounding_size=0.012", fc="#F3F5F7", ec=GREY, lw=0.8
    )  # fmt: skip


def _wrapped(text: str, width: int) -> str:
    return "\n".join(wrapped(text, width)[:2])


def _curve(axes: Any, x0: float, y0: float, x1: float, y1: float, colour: str) -> None:
    t = np.linspace(0, 1, 30)
    ease = t * t * (3 - 2 * t)
    axes.plot(x0 + (x1 - x0) * t, y0 + (y1 - y0) * ease, color=colour, lw=1.4, alpha=0.8, zorder=0)


@draw
def metric_tree(answer: Answer) -> Figure:
    """The result, what it is made of, and beside each leaf what it did to the year's change."""
    nodes = answer["nodes"].reset_index(drop=True)
    parents = set(nodes["parent"])
    ends = [id_ for id_ in nodes["id"] if id_ not in parents]
    figure, axes = canvas(answer, size=(8.0, max(4.5, 1.3 + 0.43 * len(ends))))
    y = {id_: float(len(ends) - 1 - i) for i, id_ in enumerate(ends)}
    for row in nodes.iloc[::-1].itertuples(index=False):
        children = [y[id_] for id_ in nodes.loc[nodes["parent"] == row.id, "id"]]
        y[row.id] = (max(children) + min(children)) / 2 if children else y[row.id]
    deepest = int(nodes["depth"].max())
    wide, step = 0.69 / (deepest + 1), 0.76 / (deepest + 1)
    for row in nodes.itertuples(index=False):
        leaf = row.id not in parents
        left = (deepest if leaf else row.depth) * step
        if row.parent:
            start = (nodes.set_index("id").loc[row.parent, "depth"]) * step + wide
            _elbow(axes, start, y[row.parent], left, y[row.id])
        _tree_box(axes, row, left, y[row.id], wide, leaf)
    _tree_bars(axes, nodes[~nodes["id"].isin(parents)], y, deepest * step + wide)
    axes.set_xlim(-0.005, 1.005)
    axes.set_ylim(-0.6, len(ends) - 0.4)
    axes.axis("off")
    return figure


def _elbow(axes: Any, x0: float, y0: float, x1: float, y1: float) -> None:
    middle = x1 - 0.012
    axes.plot([x0, middle, middle, x1], [y0, y0, y1, y1], color=GREY, lw=1.1, zorder=0)


def _tree_box(axes: Any, row: Any, left: float, y: float, wide: float, leaf: bool) -> None:
    """A box with name, level and change; an inner node also says what it did to the result."""
    half = 0.40 if leaf else 0.66
    axes.add_patch(
        FancyBboxPatch(
            (left, y - half), wide, 2 * half, boxstyle="round,pad=0,rounding_size=0.010", mutation_aspect=30,
            fc="#F3F5F7" if row.depth else "#DDE9F2", ec=GREY, lw=0.8,
        )
    )  # fmt: skip
    level = format_value(row.now, row.unit)
    if row.unit == "%":
        level = f"{format_value(row.before, '%')} → {level}"
    elif row.change == row.change:
        level += f" ({100 * row.change:+.1f} %)".replace("-", "−")
    lines = [(clean(row.name), INK, "normal" if leaf else "bold"), (level, MUTED, "normal")]
    if not leaf:
        sign = "+" if row.effect >= 0 else "−"
        colour = ACCENT if row.effect >= 0 else TARGET
        lines.append((f"effect {sign}{format_value(abs(row.effect), 'currency')}", colour, "bold"))
    for i, (text, colour, weight) in enumerate(lines):
        place = y + half * (1 - (2 * i + 1) / len(lines)) * 0.92
        axes.text(left + 0.008, place, text, va="center", fontsize=7.9, color=colour, fontweight=weight)  # fmt: skip


def _tree_bars(axes: Any, leaves: pd.DataFrame, y: dict[str, float], left: float) -> None:
    """Bars of the leaves' effects around a common zero, at the right."""
    low, high = min(leaves["effect"].min(), 0.0), max(leaves["effect"].max(), 0.0)
    size = (1 - left - 0.17) / max(high - low, 1e-9)
    zero = left + 0.085 - size * low
    for row in leaves.itertuples(index=False):
        up = row.effect >= 0
        axes.barh(
            y[row.id], size * row.effect, left=zero, height=0.5, color=ACCENT if up else TARGET
        )
        text = ("+" if up else "−") + format_value(abs(row.effect), "currency")
        axes.text(zero + size * row.effect + (0.006 if up else -0.006), y[row.id], text, va="center",
                  ha="left" if up else "right", fontsize=8, color=INK)  # fmt: skip
    places = [y[id_] for id_ in leaves["id"]]
    axes.plot([zero, zero], [min(places) - 0.4, max(places) + 0.4], color=MUTED, lw=0.8)


@draw
def targets(answer: Answer) -> Figure:
    """For each objective today, what to expect without action (95 % range), all as a share of its target."""
    rows = answer["forecasts"].dropna(subset=["expected"]).iloc[::-1]
    figure, axes = canvas(answer)
    places = np.arange(len(rows))
    target = rows["target"].astype(float)
    low, high = rows["low"] / target, rows["high"] / target
    axes.hlines(places, low, high, color=ACCENT, lw=2.2)
    axes.plot(
        rows["expected"] / target, places, "o", color=ACCENT, ms=7, label="expected without action"
    )
    axes.plot(rows["value"] / target, places, "|", color=INK, ms=13, mew=1.8, label="today")
    axes.axvline(1, color=TARGET, lw=1.4, ls="--", label="target")
    end = float(max(high.max(), 1.0))
    for place, row in zip(places, rows.itertuples(index=False), strict=True):
        unit = str(row.unit)
        axes.annotate(
            f"target {format_value(row.target, unit)}", (1.02, place),
            xycoords=("axes fraction", "data"), va="center", fontsize=9, color=TARGET, annotation_clip=False,
        )  # fmt: skip
    axes.set_xlim(right=end + 0.04)
    axes.set_yticks(places, [clean(name, 36) for name in rows["name"]])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("share of target")
    tidy(axes, x_unit="%")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=9)
    return figure


@draw
def forecast(
    answer: Answer, unit: str = "currency", note: str = "expected without new action"
) -> Figure:
    """Monthly history and expected months with their range; ``last_year``, where there, is dotted."""
    series = answer["series"]
    figure, axes = canvas(answer)
    past, ahead = series.dropna(subset=["actual"]), series.dropna(subset=["expected"])
    axes.plot(past["month"], past["actual"], color=INK, lw=1.8)
    joined_x = pd.concat([past["month"].tail(1), ahead["month"]])
    joined_y = pd.concat([past["actual"].tail(1), ahead["expected"]])
    axes.plot(joined_x, joined_y, color=ACCENT, lw=2)
    axes.fill_between(ahead["month"], ahead["low"], ahead["high"], color=ACCENT, alpha=0.16, lw=0)
    if "last_year" in series:
        dotted = {"color": MUTED, "lw": 1.2, "ls": ":", "label": "same month a year before"}
        axes.plot(ahead["month"], ahead["last_year"], **dotted)
        axes.legend(loc="upper left", fontsize=9, frameon=False)
    axes.axvline(past["month"].iloc[-1], color=MUTED, lw=0.8, ls=":")
    axes.annotate(
        note, (ahead["month"].iloc[0], 0.97),
        xycoords=("data", "axes fraction"), color=ACCENT, fontsize=9, va="top",
    )  # fmt: skip
    top = series[["actual", "high"]].max().max()
    axes.set_ylim(0 if series["low"].min() >= 0 else None, 1.14 * top)
    axes.xaxis.set_major_locator(MonthLocator(bymonth=(1, 4, 7, 10)))
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    tidy(axes, y_unit=unit)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    return figure


@draw
def spending(answer: Answer) -> Figure:
    """Budget of each initiative as a bar, its parts for winning and for keeping customers in two shades."""
    table = answer.table.iloc[::-1].reset_index(drop=True)
    figure, axes = canvas(answer, size=(8.0, max(4.5, 1.5 + 0.36 * len(table))))
    kept, won = table["retention"].astype(float), table["acquisition"].astype(float)
    axes.barh(table.index, kept, height=0.6, color=ACCENT, label="keeping customers")
    axes.barh(table.index, won, left=kept, height=0.6, color=COLOURS[4], hatch="////",
              edgecolor="white", lw=0, label="winning customers")  # fmt: skip
    top = float(table["budget"].max()) or 1.0
    for place, amount in enumerate(table["budget"]):
        axes.text(
            amount + 0.01 * top, place, format_value(amount, "currency"), va="center", fontsize=9
        )
    axes.set_yticks(list(table.index), [_wrapped(clean(n, 76), 38) for n in table["initiative"]])
    axes.set_xlim(0, 1.1 * top)
    axes.set_ylim(-0.6, len(table) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.legend(loc="lower right", fontsize=9)
    return figure


@draw
def gantt(answer: Answer) -> Figure:
    """Planned bars, the dates possible when dependencies hold, arrows for who waits, critical path in colour."""
    plan, due = answer["schedule"], answer["due"]
    figure, axes = canvas(answer, size=(8.0, max(4.5, 1.6 + 0.42 * len(plan))))
    place = {id_: len(plan) - 1 - i for i, id_ in enumerate(plan["id"])}
    for row in plan.itertuples(index=False):
        y, colour = place[row.id], ACCENT if row.critical else GREY
        start, end = date2num(row.start), date2num(row.end)
        axes.barh(y, end - start, left=start, height=0.42, color=colour)
        if row.slip_days > 0:
            first, last = date2num(row.earliest_start), date2num(row.earliest_end)
            axes.barh(
                y - 0.31, last - first, left=first, height=0.16, color="white",
                edgecolor=TARGET, hatch="////", lw=0.8,
            )  # fmt: skip
    for link in answer["links"].itertuples(index=False):
        before, after = plan.set_index("id").loc[[link.before, link.after]].itertuples()
        slips = after.slip_days > 0
        axes.annotate(
            "", (date2num(after.earliest_start), place[link.after] - (0.31 if slips else 0)),
            xytext=(date2num(before.earliest_end), place[link.before]),
            arrowprops={"arrowstyle": "-|>", "color": MUTED, "lw": 0.9, "shrinkA": 0, "shrinkB": 1,
                        "connectionstyle": "angle,angleA=0,angleB=90,rad=3"},
        )  # fmt: skip
    if due is not pd.NaT:
        axes.axvline(date2num(due), color=TARGET, lw=1.2, ls="--")
        axes.annotate("objectives due", (date2num(due), 1.0), xycoords=("data", "axes fraction"),
                      xytext=(-4, 2), textcoords="offset points", ha="right", color=TARGET, fontsize=8.5)  # fmt: skip
    axes.set_yticks(list(place.values()), [_wrapped(clean(n, 64), 32) for n in plan["name"]])
    axes.set_ylim(-0.7, len(plan) - 0.4)
    axes.tick_params(axis="y", length=0)
    first = plan["start"].min().to_period("M").start_time
    last = plan["earliest_end"].max()
    axes.set_xlim(date2num(first), date2num(last if due is pd.NaT else max(last, due)) + 8)
    axes.xaxis_date()
    axes.xaxis.set_major_locator(MonthLocator(bymonth=(1, 4, 7, 10)))
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.grid(axis="x", color="#EEF0F2", lw=0.8)
    axes.set_axisbelow(True)
    _legend(
        figure,
        [
            ("planned", GREY, ""),
            ("planned, critical path", ACCENT, ""),
            ("possible if it waits", "white", "////"),
        ],
    )
    return figure


def _legend(figure: Figure, entries: list[tuple[str, str, str]]) -> None:
    handles = [
        Patch(facecolor=colour, edgecolor=TARGET if hatch else colour, hatch=hatch, label=name)
        for name, colour, hatch in entries
    ]
    figure.legend(handles=handles, loc="outside lower right", ncols=len(entries), fontsize=8.5)


@draw
def raci(answer: Answer) -> Figure:
    """The RACI matrix: a lettered cell for each role in each initiative."""
    matrix = answer["matrix"]
    initiatives = list(answer.table["initiative"])
    roles = [c for c in answer.table.columns if c in set(matrix["role"])]
    figure, axes = canvas(answer, size=(8.0, max(4.5, 2.4 + 0.34 * len(initiatives))))
    for row in matrix.itertuples(index=False):
        x, y = roles.index(row.role), initiatives.index(row.initiative)
        axes.add_patch(
            FancyBboxPatch((x - 0.4, y - 0.36), 0.8, 0.72, boxstyle="round,pad=0,rounding_size=0.08",
                           fc=LETTERS.get(row.letter, "white"), ec="none")
        )  # fmt: skip
        axes.text(x, y, row.letter, ha="center", va="center", fontsize=9.5,
                  fontweight="bold" if row.letter == "A" else "normal",
                  color="white" if row.letter == "A" else INK)  # fmt: skip
    axes.set_xlim(-0.6, len(roles) - 0.4)
    axes.set_ylim(len(initiatives) - 0.4, -0.6)
    axes.set_yticks(range(len(initiatives)), [_wrapped(clean(n, 64), 32) for n in initiatives])
    axes.set_xticks(range(len(roles)), [clean(r, 26) for r in roles], rotation=38, ha="left")
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    return figure


@draw
def risk_map(answer: Answer) -> Figure:
    """Two maps of likelihood by impact, before and after mitigation, each risk named in its cell."""
    cells = answer["cells"]
    stages = list(dict.fromkeys(cells["stage"]))
    figure, both = canvas(answer, columns=len(stages), sharey=True)
    score = np.outer(np.arange(1, 6), np.arange(1, 6))
    for axes, stage in zip(np.atleast_1d(both), stages, strict=True):
        axes.imshow(
            score, cmap="OrRd", vmin=0, vmax=32, origin="lower", extent=(0.5, 5.5, 0.5, 5.5), aspect="auto"
        )  # fmt: skip
        part = cells[cells["stage"] == stage]
        for (likelihood, impact), here in part.groupby(["likelihood", "impact"], sort=True):
            names = "\n".join(clean(i, 12) for i in sorted(here["id"]))
            axes.text(impact, likelihood, names, ha="center", va="center", fontsize=8.5, color=INK)
        axes.set_title(stage, loc="left")
        axes.set_xlabel("impact")
        axes.set_xticks(range(1, 6))
        axes.set_yticks(range(1, 6))
        axes.set_xticks(np.arange(0.5, 6), minor=True)
        axes.set_yticks(np.arange(0.5, 6), minor=True)
        axes.grid(which="minor", color="white", lw=1.5)
        for y, x in zip(*np.nonzero(score >= answer["high"]), strict=True):
            axes.add_patch(Rectangle((x + 0.53, y + 0.53), 0.94, 0.94, fill=False, ec=INK, lw=0.8))
        axes.tick_params(which="both", length=0)
    np.atleast_1d(both)[0].set_ylabel("likelihood")
    return figure


@draw
def load(answer: Answer) -> Figure:
    """Load of each role by month as a share of its capacity; above 100 % stands out."""
    table = answer["load"]
    roles, months = list(dict.fromkeys(table["role"])), list(dict.fromkeys(table["month"]))
    grid = table.pivot(index="role", columns="month", values="load").reindex(
        index=roles, columns=months
    )
    values = grid.to_numpy(dtype=float)
    figure, axes = canvas(answer, size=(8.0, max(4.5, 1.6 + 0.34 * len(roles))))
    for y, x in np.ndindex(values.shape):
        share = values[y, x]
        over = not share <= 1 + 1e-9
        colour = TARGET if over else ACCENT
        strength = 0.75 if over else 0.65 * min(share, 1) ** 1.5
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fc=colour, alpha=strength, ec="none"))
        if over:  # also without colour
            axes.add_patch(Rectangle((x - 0.46, y - 0.44), 0.92, 0.88, fill=False, ec=INK, lw=1.1))
        text = "no days" if share != share else f"{100 * share:.0f}%" if share >= 0.005 else ""
        axes.text(x, y, text, ha="center", va="center", fontsize=8.5, color=INK,
                  fontweight="bold" if over else "normal")  # fmt: skip
    axes.set_xlim(-0.5, len(months) - 0.5)
    axes.set_ylim(len(roles) - 0.5, -0.5)
    axes.set_xticks(range(len(months)), months, rotation=0 if len(months) <= 8 else 40)
    axes.set_yticks(range(len(roles)), [clean(r, 30) for r in roles])
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    return figure
