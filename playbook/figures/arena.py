"""The arena's figure: what each policy earns as a share of the oracle's gain, in all and by source."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from playbook.answer import Answer
from playbook.figures.core import ACCENT, COLOURS, GREY, HALO, INK, MUTED, canvas, clean, draw, tidy

__all__ = ["arena"]

MARKED = {"playbook": ACCENT, "yours": COLOURS[1]}


def _shares(axes: Any, table: pd.DataFrame, names: pd.Series, colours: list[str]) -> None:
    """Points with intervals from the top down, each with its share written beside it."""
    places = np.arange(len(table))[::-1]
    axes.axvline(0, color=INK, lw=0.9)
    axes.axvline(1, color=MUTED, lw=0.8, ls=(0, (4, 3)))
    axes.hlines(places, table["low"], table["high"], color=colours, lw=2.0)
    axes.scatter(table["share"], places, color=colours, s=42, zorder=3)
    axes.set_yticks(places, [clean(name, 24) for name in names])
    axes.set_ylim(-0.6, len(table) - 0.4)
    axes.tick_params(axis="y", length=0)
    left = min(0.0, float(table["low"].min()))
    right = max(1.0, float(table["high"].max()))
    axes.set_xlim(left - 0.06, right + 0.30 * (right - left))
    for place, row in zip(places, table.itertuples(), strict=True):
        axes.annotate(
            f"{0.0 if abs(row.share) < 0.005 else row.share:.0%}".replace("%", " %").replace("-", "−"), (max(row.high, row.share, 0.0), place),
            xytext=(6, 0), textcoords="offset points", va="center", fontsize=9, path_effects=[HALO],
        )  # fmt: skip
    tidy(axes, x_unit="%")


@draw
def arena(answer: Answer) -> Figure:
    """Policies on the left, levers alone (the playbook's share of what the oracle earns with them) on the right."""
    policies = answer["policies"]
    sources = answer["sources"].dropna(subset="share")
    panels = 2 if len(sources) else 1
    figure, axes = canvas(
        answer, size=(9.6, 4.8), columns=panels, squeeze=False, width_ratios=[1.25, 1][:panels]
    )
    rest = policies[policies["policy"] != "oracle"]
    colours = [MARKED.get(name, GREY) for name in rest["policy"]]
    _shares(axes[0, 0], rest, rest["policy"], colours)
    axes[0, 0].set_title("Every lever together", loc="left")
    if panels > 1:
        _shares(axes[0, 1], sources, sources["lever"], [ACCENT] * len(sources))
        axes[0, 1].set_title("The playbook, one lever alone", loc="left")
    for panel in axes[0]:
        panel.set_xlabel("share of the oracle's gain over doing nothing")
    return figure
