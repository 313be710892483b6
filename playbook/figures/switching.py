"""Customers who come from and go to competitors, drawn as bands through our own brand."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from playbook.answer import Answer
from playbook.figures.core import COLOURS, GREY, INK, MUTED, canvas, clean, draw

__all__ = ["switching_flows"]

WORTH = {"spend more": COLOURS[0], "spend less": COLOURS[1], "not known": GREY}
"""Colour of the movers by what they spend with us."""


@draw
def switching_flows(answer: Answer, brand: str, competitors: int = 6) -> Figure:
    """Bands from competitors (left: won) to us and from us to competitors (right: lost), as thick as customers moved.

    Colours tell what the movers spent with us, against the median of known movers in that direction.
    """
    flows = answer["flows"]
    order = (
        flows.groupby("competitor")["customers"].sum().sort_values(ascending=False, kind="stable")
    )
    kept = list(order.index[:competitors])
    flows = flows.assign(
        competitor=flows["competitor"].where(flows["competitor"].isin(kept), "Others")
    )
    names = [*kept, *(["Others"] if len(order) > competitors else [])]
    figure, axes = canvas(answer, size=(8.0, 4.9))
    sums = flows.groupby("direction")["customers"].sum()
    most = float(sums.max())
    gap = 0.09 * most
    for side, direction in ((0, "won"), (2, "lost")):
        _side(axes, flows[flows["direction"] == direction], names, side, gap)
        total = int(sums.get(direction, 0))
        axes.text(side, 1.0, f"{total:,} {direction}", ha="center", va="bottom", fontsize=10, color=INK, transform=axes.get_xaxis_transform())  # fmt: skip
    axes.vlines(1, -most / 2, most / 2, color=INK, lw=16, zorder=3)
    axes.text(1, 0, clean(brand, 16), rotation=90, ha="center", va="center", color="white", fontsize=9, fontweight="bold", zorder=4)  # fmt: skip
    height = most / 2 + gap * len(names) / 2
    axes.set_ylim(-1.05 * height, 1.02 * height)
    axes.set_xlim(-0.75, 2.75)
    axes.set_axis_off()
    here = [k for k in WORTH if k in set(flows["worth"])]
    axes.legend(
        handles=[Patch(color=WORTH[k], alpha=0.6, label=k) for k in here], loc="lower center",
        ncols=len(here), fontsize=9, frameon=False, title="With us they …" if len(here) > 1 else None,
        title_fontsize=9, bbox_to_anchor=(0.5, -0.1),
    )  # fmt: skip
    return figure


def _side(axes: Any, flows: pd.DataFrame, names: list[str], side: int, gap: float) -> None:
    """Draw one side: the competitors' bars, and a band for each worth to or from us."""
    total = float(flows["customers"].sum())
    here = [name for name in names if (flows["competitor"] == name).any()]
    outer = (total + gap * (len(here) - 1)) / 2
    inner = total / 2
    for name in here:
        part = flows[flows["competitor"] == name].groupby("worth")["customers"].sum()
        top = outer
        for worth in [k for k in WORTH if k in part.index]:
            size = float(part[worth])
            _band(axes, (side, outer, outer - size), (1, inner, inner - size), WORTH[worth])
            outer, inner = outer - size, inner - size
        axes.vlines(side, outer, top, color=MUTED, lw=6)
        axes.annotate(f"{clean(name, 24)}  {int(part.sum()):,}", (side, (top + outer) / 2), xytext=(-9 if side == 0 else 9, 0),
                      textcoords="offset points", ha="right" if side == 0 else "left", va="center", fontsize=9)  # fmt: skip
        outer -= gap


def _band(
    axes: Any, far: tuple[float, float, float], near: tuple[float, float, float], colour: str
) -> None:
    """Draw a band between two vertical intervals, each (x, top, bottom)."""
    (x, a, b), (z, c, d), m = far, near, (far[0] + near[0]) / 2
    corners = [(x, a), (m, a), (m, c), (z, c), (z, d), (m, d), (m, b), (x, b), (x, a)]
    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.LINETO,
             Path.CURVE4, Path.CURVE4, Path.CURVE4, Path.CLOSEPOLY]  # fmt: skip
    axes.add_patch(PathPatch(Path(corners, codes), facecolor=colour, alpha=0.6, lw=0))
