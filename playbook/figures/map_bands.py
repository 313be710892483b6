"""The bands of the journey map below its curve: figures, channel lanes, segments, quotes, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.patches import Circle, FancyBboxPatch, Rectangle

from playbook.answer import Answer, format_value
from playbook.figures.core import ACCENT, COLOURS, GREY, INK, MONEY, MUTED, clean
from playbook.figures.page import Page

__all__ = ["BAD", "LEFT", "LINE", "PAPER", "RIGHT", "TRUTH", "Map", "boxes", "lanes", "quotes", "rows", "segments"]  # fmt: skip

LEFT, RIGHT = 2.2, 16.2
"""Inches between which the stages lie; names of bands stand left of them."""

BAD, TRUTH = COLOURS[5], COLOURS[1]
GOOD = "#00795A"
LINE, PAPER = "#DDE2E7", "#F4F6F8"
SHARED = 6
"""Most channels with a lane of their own."""


@dataclass(frozen=True)
class Map:
    """What every band needs: the page, the answer, the touchpoints with their place, and the stages with their ends."""

    page: Page
    answer: Answer
    points: pd.DataFrame
    stages: pd.DataFrame

    @property
    def slot(self) -> float:
        """Inches that the name of a touchpoint may take."""
        return float(self.points["slot"].min()) - 0.05

    def label(self, text: str, y: float, size: float = 10.5) -> None:
        """Name a band at the left."""
        self.page.axes.text(0.4, y, clean(text), fontsize=size, fontweight="bold", va="center")

    def centre(self, x: float, y: float, lines: list[str], size: float, colour: str = INK, bold: bool = False) -> float:  # fmt: skip
        """Write centred lines below ``y`` and return where the next may begin."""
        step = 1.25 * size / 72
        for number, line in enumerate(lines):
            self.page.axes.text(x, y + number * step, line, fontsize=size, color=colour, va="top", ha="center",
                                fontweight="bold" if bold else "normal", zorder=7)  # fmt: skip
        return y + step * len(lines)

    def name(self, touchpoint: str, bold: bool) -> list[str]:
        """Return the name of a touchpoint in at most three lines of its slot; a long word is hyphenated."""
        words: list[str] = []
        for word in clean(touchpoint).split():
            while self.page.width(word, 8.5, bold) > self.slot and len(word) > 5:
                kept = len(word) - 3
                while self.page.width(word[:kept] + "-", 8.5, bold) > self.slot and kept > 3:
                    kept -= 1
                words.append(word[:kept] + "-")
                word = word[kept:]
            words.append(word)
        return self.page.lines(" ".join(words), self.slot, 8.5, 3, bold)

    def rule(self, y: float) -> None:
        """Draw the line above a band."""
        self.page.axes.plot([0.4, RIGHT], [y, y], color=LINE, lw=0.8, zorder=1)


FIGURES = (
    ("Ease (1 to 7)", "ces", "points"),
    ("Failed contacts", "failure_share", "%"),
    ("To service in 7 days", "repeat_7d", "%"),
    ("Cost per contact", "unit_cost", "currency"),
)


def rows(here: Map, top: float, paint: bool) -> float:
    """People reached as bubbles, then one row of numbers each; failures of one in ten or more are shaded. Return the height."""
    step, bubbles = 0.205, 0.6
    height = bubbles + step * len(FIGURES) + 0.08
    if not paint:
        return height
    here.rule(top)
    here.label("People reached", top + 0.24)
    most = here.points["reach"].max()
    for row in here.points.itertuples():
        radius = 0.2 * float(np.sqrt(row.reach / most))
        here.page.axes.add_patch(Circle((row.x, top + 0.24), radius, color="#9FC6DF", lw=0, zorder=2))  # fmt: skip
        here.centre(row.x, top + 0.45, [format_value(row.reach, "count")], 8.5, INK)
    for place, (title, column, unit) in enumerate(FIGURES):
        name = f"{title} ({MONEY['unit']})" if unit == "currency" else title
        y = top + bubbles + step * (place + 0.5)
        here.page.axes.text(0.4, y, name, fontsize=9.5, fontweight="bold", va="center")
        for row in here.points.itertuples():
            _number(here, row.x, y, getattr(row, column, np.nan), unit, column == "failure_share")
    return height


def _number(here: Map, x: float, y: float, value: float, unit: str, shade: bool) -> None:
    if value is None or value != value:
        here.page.axes.text(x, y, "·", fontsize=9, color=GREY, ha="center", va="center")
        return
    if shade and value >= here.answer["failing"]:
        here.page.axes.add_patch(Rectangle((x - 0.24, y - 0.09), 0.48, 0.18, color="#F8DCC6", lw=0, zorder=2))  # fmt: skip
    text = f"{100 * value:.0f} %" if unit == "%" else format_value(value, unit)
    here.page.axes.text(x, y, text, fontsize=9, ha="center", va="center", zorder=3)


def lanes(here: Map, top: float, paint: bool) -> float:
    """One line a channel that serves several touchpoints; channels of a single one are named under it. Return the height."""
    table = here.answer["lanes"]
    if table is None:
        return 0.0
    table = table.merge(here.points[["touchpoint", "x"]], on="touchpoint").sort_values("x")
    spread = table.groupby("channel").agg(
        stops=("touchpoint", "nunique"), contacts=("contacts", "sum")
    )
    shared = spread[spread["stops"] > 1].sort_values(["contacts"], ascending=False, kind="stable").index[:SHARED]  # fmt: skip
    single = table[~table["channel"].isin(shared)]
    step = 0.195
    height = step * (len(shared) + (len(single) > 0)) + 0.14
    if not paint or table.empty:
        return height if len(table) else 0.0
    here.rule(top)
    y = top + 0.06 + step / 2
    most = table["contacts"].max()
    for channel in shared:
        stops = table[table["channel"] == channel]
        here.page.axes.text(0.4, y, f"Channel: {clean(channel, 20)}", fontsize=9.5, fontweight="bold", va="center")  # fmt: skip
        here.page.axes.plot([stops["x"].min(), stops["x"].max()], [y, y], color="#9FC6DF", lw=4, zorder=2, solid_capstyle="round")  # fmt: skip
        for row in stops.itertuples():
            failing = (
                row.failure_share == row.failure_share
                and row.failure_share >= here.answer["failing"]
            )
            here.page.axes.plot(row.x, y, "o", ms=5 + 7 * float(np.sqrt(row.contacts / most)), mfc=BAD if failing else "white",
                                mec=BAD if failing else ACCENT, mew=1.6, zorder=4)  # fmt: skip
        y += step
    if len(single):
        here.page.axes.text(0.4, y, "Channel of its own", fontsize=9.5, fontweight="bold", va="center")  # fmt: skip
        for _, part in single.groupby("touchpoint"):
            names = ", ".join(clean(c) for c in part["channel"].unique())
            here.page.axes.text(part["x"].iloc[0], y, here.page.lines(names, 0.62, 8, 1)[0], fontsize=8, color=MUTED, ha="center", va="center")  # fmt: skip
    return height


def segments(here: Map, top: float, paint: bool) -> float:
    """One row a segment: its satisfaction at each touchpoint, shaded by the difference from the others. Return the height."""
    table = here.answer["segments"]
    if table is None or table["csat"].notna().sum() == 0:
        return 0.0
    names = sorted(table["segment"].unique())
    step = 0.195
    height = step * len(names) + 0.3
    if not paint:
        return height
    here.rule(top)
    page = here.page
    page.write(0.4, top + 0.04, ["Satisfaction by segment"], 9.5, bold=True)
    page.write(LEFT + 0.06, top + 0.05, ["blue above, orange below the other segments; bold where the difference is sure (false-discovery control)"], 8.5, MUTED)  # fmt: skip
    at = here.points.set_index("touchpoint")["x"]
    for place, name in enumerate(names):
        y = top + 0.26 + step * (place + 0.5)
        page.axes.text(0.4, y, page.lines(name, LEFT - 0.42, 8, 1)[0], fontsize=8, va="center")
        for row in table[(table["segment"] == name) & table["touchpoint"].isin(at.index)].itertuples():  # fmt: skip
            _cell(here, float(at[row.touchpoint]), y, row)
    return height


def _cell(here: Map, x: float, y: float, row: Any) -> None:
    if row.csat != row.csat:
        return
    gap = row.difference if row.difference == row.difference else 0.0
    strength = min(abs(gap) / 0.8, 1.0)
    target = np.array([0.35, 0.66, 0.84]) if gap > 0 else np.array([0.93, 0.62, 0.36])
    colour = 1 - strength * (1 - target)
    here.page.axes.add_patch(Rectangle((x - 0.26, y - 0.09), 0.52, 0.18, color=tuple(colour), lw=0, zorder=2))  # fmt: skip
    here.page.axes.text(x, y, f"{row.csat:.1f}", fontsize=9, ha="center", va="center", zorder=3,
                        fontweight="bold" if row.differs else "normal")  # fmt: skip


def quotes(here: Map, top: float, paint: bool) -> float:
    """A bubble with a typical sentence for each stage that has one, two where the stage is wide. Return the height."""
    table = here.answer["quotes"]
    height = 1.0
    if table is None:
        return 0.0
    if not paint:
        return height
    here.rule(top)
    here.label("In their words", top + 0.2)
    here.page.write(0.4, top + 0.32, here.page.lines("typical sentences, chosen by rule", LEFT - 0.5, 8.5, 2), 8.5, MUTED)  # fmt: skip
    hurt = set(here.points.loc[here.points["is_pain"], "stage"])
    for row in here.stages.itertuples():
        told = table[table["stage"] == row.stage]
        want = ["critical", "approving"] if row.stage in hurt else ["approving", "critical"]
        told = told.assign(turn=told["side"].map({side: i for i, side in enumerate(want)}))
        told = told.sort_values(["turn", "stands_for", "quote"], ascending=[True, False, True])
        room = 2 if row.right - row.left > 2.9 else 1
        told = told.drop_duplicates("side").head(room) if room > 1 else told.head(1)
        wide = (row.right - row.left - 0.12) / max(len(told), 1)
        for place, said in enumerate(told.itertuples()):
            _bubble(here, row.left + 0.06 + place * wide, top + 0.08, wide - 0.06, height - 0.16, said)  # fmt: skip
    return height


def _bubble(here: Map, x: float, y: float, width: float, height: float, said: Any) -> None:
    colour = BAD if said.side == "critical" else GOOD
    here.page.axes.add_patch(FancyBboxPatch((x + 0.05, y + 0.05), width - 0.1, height - 0.1, boxstyle="round,pad=0.05",
                                            fc="white", ec=colour, lw=1.1, zorder=3))  # fmt: skip
    stars = f"{said.stars:.0f} of 5 stars, " if said.stars == said.stars else ""
    foot = here.page.lines(f"{stars}{said.language}", width - 0.2, 8, 1)
    body = here.page.lines(f"“{said.quote}”", width - 0.2, 9, int((height - 0.33) / (1.32 * 9 / 72)))  # fmt: skip
    for text, size, at, paint in ((body, 9, y + 0.09, INK), (foot, 8, y + height - 0.22, colour)):
        for number, line in enumerate(text):
            here.page.axes.text(x + 0.1, at + number * 1.32 * size / 72, line, fontsize=size, color=paint, va="top", zorder=4)  # fmt: skip


def boxes(here: Map, top: float, paint: bool) -> float:
    """At the foot: what hurts, what decides, and what to do first. Return the height."""
    height = 1.5
    if not paint:
        return height
    hurts = [(f"{row.pain_number:.0f}", _pain(row)) for row in here.points[here.points["is_pain"]].sort_values("pain_number").itertuples()]  # fmt: skip
    truths = [("★", text) for text in here.answer["moments"]["text"]]
    todo = here.answer["actions"]
    plans = [] if todo is None else [(f"{i}", f"{r.improvement}: {r.worth}; {r.confidence}{', ' + r.owner if r.owner else ''}") for i, r in enumerate(todo.itertuples(), 1)]  # fmt: skip
    wide = RIGHT - 0.4
    whose = "" if here.answer["reference"] is None else ", all customers"
    parts = (
        (0.29, "What hurts (rating, failed contacts)", BAD, hurts, "no touchpoint is a pain point"),
        (0.29, f"Goes with recommendation (SD{whose})", "#8A6100", truths, "no driver of recommendation passes the checks"),
        (0.42, f"What to do first ({MONEY['unit']}, confidence, owner{whose})", ACCENT, plans, "no improvement is ranked yet"),
    )  # fmt: skip
    x = 0.4
    for share, title, colour, items, nothing in parts:
        _box(here, x, top + 0.08, wide * share - 0.1, height - 0.1, title, colour, items, nothing)
        x += wide * share
    return height


def _pain(row: Any) -> str:
    parts = []
    if row.is_low:
        parts.append(f"{row.csat:.1f} of 5")
    if row.is_failing:
        parts.append(f"{100 * row.failure_share:.0f} % fail")
    return f"{row.touchpoint}: {', '.join(parts)}"


def _box(
    here: Map, x: float, y: float, width: float, height: float, title: str, colour: str,
    items: list[tuple[str, str]], nothing: str,
) -> None:  # fmt: skip
    """Write numbered items in one column, or two where they would not fit in one."""
    page = here.page
    page.box(x, y, width, height, colour)
    page.write(x + 0.12, y + 0.09, page.lines(title, width - 0.24, 10.5, 1, True), 10.5, colour, bold=True)  # fmt: skip
    if not items:
        page.write(x + 0.12, y + 0.36, [nothing], 9, MUTED)
        return
    step, room = 1.32 * 9 / 72, int((height - 0.38) / (1.32 * 9 / 72))
    short = max((page.width(text, 9) for _, text in items), default=0.0) < width / 2 - 0.4
    columns = 2 if len(items) > room and short else 1
    each = (width - 0.24) / columns
    shown = items[: columns * room]
    for number, (mark, text) in enumerate(shown):
        at = x + 0.12 + (number // room) * each
        line = y + 0.35 + (number % room) * step
        page.axes.text(at, line, mark, fontsize=9, color=colour, fontweight="bold", va="top")
        page.write(at + 0.17, line, page.lines(text, each - 0.25, 9, 1), 9)
    if len(items) > len(shown):
        page.write(x + width - 0.12, y + 0.11, [f"{len(items) - len(shown)} more"], 8.5, MUTED, right=True)  # fmt: skip
