"""The journey map as one A3 page: stages, feeling curve, figures, channels, segments, quotes and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Arc, Circle, Polygon, Rectangle
from scipy.interpolate import PchipInterpolator

from playbook.answer import Answer, Missing, format_value
from playbook.figures.core import ACCENT, GREY, HALO, INK, MUTED, Picture, draw
from playbook.figures.map_bands import (
    BAD,
    LEFT,
    LINE,
    PAPER,
    RIGHT,
    TRUTH,
    Map,
    boxes,
    lanes,
    quotes,
    rows,
    segments,
)
from playbook.figures.page import Page

__all__ = ["journey_map", "journey_maps"]

A3 = (16.54, 11.69)
"""Inches of the printed page."""

MOST = 7
"""Touchpoints shown per stage; the rest are counted."""

WIDE, EMPTY = 3.6, 2.2
"""Slots a stage takes at least, with touchpoints and without, so that its words fit."""

BLUES = ("#0B5A8A", "#2B7BB0")
GOOD_AREA, BAD_AREA = "#CFE4F1", "#F8DCC6"


@draw
def journey_map(answer: Answer) -> Figure:
    """Draw the map of all customers or of one segment.

    Reads an answer of ``experience.journey_map``; parts that are not known are left out and the curve takes their room.
    """
    page = Page(A3)
    wide = RIGHT - 0.4
    y = page.write(0.4, 0.26, page.lines(answer.headline, wide, 20, 1, True), 20, bold=True)
    y = page.write(0.4, y + 0.02, page.lines(answer.caption, wide, 11, 1), 11, MUTED)
    page.write(0.4, A3[1] - 0.34, page.lines(f"Source: {answer.source}", wide, 8.5, 1), 8.5, MUTED)
    here = Map(page, answer, *_slots(answer["points"], answer["stages"]))
    parts: list[Callable[[Map, float, bool], float]] = [rows, lanes, segments, quotes, boxes]
    below = sum(part(here, 0.0, False) for part in parts)
    top = y + 0.12
    _stripes(here, top + 1.05, A3[1] - 0.42 - boxes(here, 0.0, False))
    _chevrons(here, top, 0.98)
    end = A3[1] - 0.42 - below
    _curve(here, top + 1.05, end)
    for part in parts:
        end = end + part(here, end, True)
    return page.figure


def _slots(table: pd.DataFrame, stages: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the shown touchpoints with their place ``x``, and the stages with ``left``, ``right`` and ``hidden`` (inches, count)."""
    kept: list[pd.DataFrame] = []
    slots: list[float] = []
    for stage in stages["stage"]:
        part = table[table["stage"] == stage]
        part = part.assign(first=part["is_pain"] | part["is_moment"] | part["csat"].notna())
        part = part.sort_values(["first", "reach", "touchpoint"], ascending=[False, False, True]).head(MOST)  # fmt: skip
        kept.append(part)
        slots.append(max(WIDE, len(part)) if len(part) else EMPTY)
    unit = (RIGHT - LEFT) / sum(slots)
    edges = LEFT + unit * np.concatenate([[0.0], np.cumsum(slots)])
    for part, left, count in zip(kept, edges, slots, strict=False):
        part["slot"] = unit * count / max(len(part), 1)
        part["x"] = left + (np.arange(len(part)) + 0.5) * unit * count / max(len(part), 1)
    hidden = [int((table["stage"] == s).sum()) - len(p) for s, p in zip(stages["stage"], kept, strict=True)]  # fmt: skip
    spans = stages.assign(left=edges[:-1], right=edges[1:], hidden=hidden)
    return pd.concat(kept, ignore_index=True), spans.reset_index(drop=True)


def _stripes(here: Map, top: float, bottom: float) -> None:
    """Shade every other stage from the curve down to the quotes."""
    for row in here.stages.itertuples():
        if row.Index % 2 == 0:
            here.page.axes.add_patch(Rectangle((row.left, top), row.right - row.left, bottom - top, color=PAPER, lw=0, zorder=0))  # fmt: skip


def _chevrons(here: Map, top: float, height: float) -> None:
    page, tip = here.page, 0.2
    here.label("Stage", top + height / 2)
    for row in here.stages.itertuples():
        left, right = row.left, row.right
        first = 0.0 if row.Index == 0 else tip
        shape = [(left, top), (right - tip, top), (right, top + height / 2), (right - tip, top + height), (left, top + height), (left + first, top + height / 2)]  # fmt: skip
        page.axes.add_patch(Polygon(shape, closed=True, color=BLUES[row.Index % 2], lw=0))
        middle, wide = (left + right) / 2 + 0.04, right - left - 2 * tip - 0.06
        here.centre(middle, top + 0.09, [row.stage.capitalize()], 15, "white", bold=True)
        known = [
            f"{format_value(value, 'count')} {word}" for value, word in ((row.persons, "people"), (row.contacts, "contacts"))
            if value == value and value is not None
        ]  # fmt: skip
        facts = ", ".join(known) or "no contact is recorded"
        at = here.centre(middle, top + 0.36, page.lines(facts, wide + 0.1, 8.5, 1), 8.5, "white")
        here.centre(middle, at, page.lines(row.way, wide, 8.5, 3), 8.5, "white")


def _range(points: pd.DataFrame, reference: pd.DataFrame | None) -> tuple[float, float]:
    """Return the ends of the scale: half points around all intervals."""
    seen = [points["csat_low"], points["csat_high"]]
    if reference is not None:
        seen.append(reference["csat"])
    values = pd.concat(seen).dropna().astype(float)
    if values.empty:
        return 1.0, 5.0
    low, high = np.floor(2 * values.min() - 0.1) / 2, np.ceil(2 * values.max() + 0.1) / 2
    return max(float(low), 1.0), min(float(high), 5.0)


def _curve(here: Map, top: float, bottom: float) -> None:
    """Draw the feeling curve with intervals, the average, pain points, moments of truth, and the names of the touchpoints."""
    page, points = here.page, here.points
    floor, ceiling = bottom - 0.62, top + 0.42
    low, high = _range(points, here.answer["reference"])

    def height(score: Any) -> Any:
        return floor - (np.asarray(score, dtype=float) - low) / (high - low) * (floor - ceiling)

    here.label("How it feels", top + 0.2)
    page.write(0.4, top + 0.34, page.lines("satisfaction from 1 to 5: dot mean, line 95 % interval", LEFT - 0.95, 8.5, 4), 8.5, MUTED)  # fmt: skip
    _legend(here, top + 1.0, floor)
    for level in np.arange(low, high + 0.01, 0.5):
        page.axes.plot([LEFT, RIGHT], [height(level)] * 2, color=LINE, lw=0.7, zorder=1)
        page.write(LEFT - 0.08, float(height(level)) - 0.08, [f"{level:.1f}"], 8.5, MUTED, right=True)  # fmt: skip
    _face(here, (LEFT - 0.46, float(height(high)) + 0.02), 0.11, 1)
    _face(here, (LEFT - 0.46, float(height(low)) - 0.02), 0.11, -1)
    average = here.answer["average"]
    if average == average:
        page.axes.plot([LEFT, RIGHT], [height(average)] * 2, color=MUTED, lw=1, ls=(0, (4, 3)), zorder=2)  # fmt: skip
        page.write(LEFT + 0.06, float(height(average)) - 0.2, [f"average of all {average:.1f}"], 8.5, MUTED)  # fmt: skip
        _area(here, height, average)
    _reference(here, height)
    for row in points.itertuples():
        _station(here, row, height, floor)
        here.centre(row.x, floor + 0.1, here.name(row.touchpoint, row.is_pain), 8.5, BAD if row.is_pain else INK, bold=row.is_pain)  # fmt: skip
    for row in here.stages.itertuples():
        if row.hidden:
            page.write(row.right - 0.08, top + 0.03, [f"{row.hidden} smaller not drawn"], 8, MUTED, right=True)  # fmt: skip


def _area(here: Map, height: Callable[[Any], Any], average: float) -> None:
    """Draw the curve and fill it towards the average; dotted and not filled where a touchpoint between was not asked about."""
    ordered = here.points.sort_values("x").reset_index(drop=True)
    rated = ordered[ordered["csat"].notna()]
    if len(rated) < 2:
        return
    smooth = PchipInterpolator(rated["x"], rated["csat"].astype(float))
    for left, right in zip(rated.index[:-1], rated.index[1:], strict=True):
        x = np.linspace(ordered.loc[left, "x"], ordered.loc[right, "x"], 60)
        score = smooth(x)
        if right - left > 1:
            here.page.axes.plot(x, height(score), color=ACCENT, lw=1.2, ls=":", zorder=3)
            continue
        here.page.axes.plot(x, height(score), color=ACCENT, lw=2.2, zorder=3, solid_capstyle="round")  # fmt: skip
        for part, colour in ((score >= average, GOOD_AREA), (score <= average, BAD_AREA)):
            here.page.axes.fill_between(x, height(score), height(average), where=part, color=colour, lw=0, zorder=1.5)  # fmt: skip


def _reference(here: Map, height: Callable[[Any], Any]) -> None:
    """On a segment's map, the satisfaction of all customers in dashed grey."""
    reference = here.answer["reference"]
    if reference is None:
        return
    at = here.points[["touchpoint", "x"]].merge(reference.dropna(), on="touchpoint").sort_values("x")  # fmt: skip
    here.page.axes.plot(at["x"], height(at["csat"]), color=GREY, lw=1.4, ls="--", marker="o", ms=4, zorder=2.5)  # fmt: skip


def _station(here: Map, row: Any, height: Callable[[Any], Any], floor: float) -> None:
    axes = here.page.axes
    colour = BAD if row.is_pain else ACCENT
    if row.csat == row.csat:
        y, top = float(height(row.csat)), float(height(row.csat_high))
        axes.plot([row.x, row.x], [float(height(row.csat_low)), top], color=colour, lw=2.4, zorder=4, solid_capstyle="round")  # fmt: skip
        axes.plot(row.x, y, "o", color=colour, mec="white", mew=1.2, ms=11, zorder=5)
        axes.text(row.x + 0.11, y - 0.2, f"{row.csat:.1f}", fontsize=10.5, color=colour, fontweight="bold", va="top", path_effects=[HALO], zorder=6)  # fmt: skip
    else:
        top = floor - 0.12
        axes.plot(row.x, top, "o", mfc="white", mec=colour, ms=7, zorder=5)
    if row.is_pain:
        _badge(here, row.x, top - 0.17, int(row.pain_number))
        top -= 0.24
    if row.is_moment:
        axes.plot(row.x, top - 0.17, "*", color=TRUTH, mec=INK, mew=0.6, ms=16, zorder=6)


def _badge(here: Map, x: float, y: float, number: int) -> None:
    here.page.axes.add_patch(Circle((x, y), 0.105, color=BAD, zorder=6, lw=0))
    here.page.axes.text(x, y + 0.005, str(number), fontsize=8.5, color="white", fontweight="bold", ha="center", va="center", zorder=7)  # fmt: skip


def _legend(here: Map, top: float, floor: float) -> None:
    if floor - top < 0.75:
        return
    axes, page = here.page.axes, here.page
    axes.plot(0.5, top + 0.09, "*", color=TRUTH, mec=INK, mew=0.5, ms=12)
    page.write(0.68, top, ["moment of truth"], 8.5)
    _badge(here, 0.5, top + 0.31, 1)
    page.write(0.68, top + 0.22, ["pain point"], 8.5)
    axes.plot(0.5, top + 0.53, "o", mfc="white", mec=ACCENT, ms=6)
    page.write(0.68, top + 0.44, ["nobody was asked"], 8.5)


def _face(here: Map, at: tuple[float, float], size: float, mood: int) -> None:
    """Draw a smiling (1) or a frowning (-1) face."""
    axes, (x, y) = here.page.axes, at
    colour = ACCENT if mood > 0 else BAD
    axes.add_patch(Circle(at, size, fc="white", ec=colour, lw=1.3))
    for side in (-1, 1):
        axes.add_patch(Circle((x + side * 0.4 * size, y - 0.25 * size), 0.11 * size, color=colour, lw=0))  # fmt: skip
    ends, drop = ((20, 160), 0.05) if mood > 0 else ((200, 340), 0.6)
    axes.add_patch(Arc((x, y + drop * size), size, size, theta1=ends[0], theta2=ends[1], ec=colour, lw=1.3))  # fmt: skip


def journey_maps(maps: dict[str, Answer] | Missing) -> dict[str, Picture] | Missing:
    """Return the drawn map of all customers and of each segment by name, from `playbook.experience.journey_maps`."""
    if isinstance(maps, Missing):
        return maps
    one: Callable[[Answer], Picture] = journey_map
    return {name: one(answer) for name, answer in maps.items()}
