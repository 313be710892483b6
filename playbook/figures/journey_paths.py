"""Figures of the journey's course: how long each step takes."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from playbook.answer import Answer
from playbook.figures.core import COLOURS, INK, MUTED, canvas, draw, tidy

__all__ = ["waiting"]

DAYS = 90
"""Days shown; the table has what lies beyond."""


@draw
def waiting(answer: Answer, days: int = DAYS) -> Figure:
    """Share that has moved on by days since the stage was reached, one panel a step, with its interval.

    Reads an answer of ``experience.journey_times``: table (step, quarter_days, median_days,
    movers_median_days) and ``curves`` (step, time, share, low, high).
    """
    table, curves = answer.table, answer["curves"]
    figure, axes = canvas(answer, rows=1, columns=len(table), sharey=True, squeeze=False)
    for place, (panel, row) in enumerate(zip(axes[0], table.itertuples(), strict=True)):
        curve = curves[(curves["step"] == row.step) & (curves["time"] <= days)]
        if len(curve) > 400:  # more steps than a screen can show
            curve = curve.iloc[np.unique(np.linspace(0, len(curve) - 1, 400).astype(int))]
        time = np.concatenate([[0.0], curve["time"], [days]])
        line = {name: np.concatenate([[0.0], curve[name], curve[name].tail(1)]) for name in ("share", "low", "high")}  # fmt: skip
        panel.fill_between(time, line["low"], line["high"], step="post", color=COLOURS[0], alpha=0.18, lw=0)  # fmt: skip
        panel.step(time, line["share"], where="post", color=COLOURS[0], lw=1.8)
        panel.axhline(0.5, color=MUTED, lw=0.8, ls=":")
        panel.axvline(row.movers_median_days, color=COLOURS[5], lw=1, ls="--")
        panel.set_title(row.step.replace(" to ", "\nto "), fontsize=9.5, color=INK, loc="left")
        panel.set_xlim(0, days)
        panel.set_ylim(0, 1)
        panel.set_xticks([0, 30, 60, 90] if days == DAYS else [0, days])
        panel.set_xlabel("days" if place == 0 else "")
        tidy(panel, y_unit="%")
    axes[0][0].annotate("half", (0.98, 0.5), xycoords=("axes fraction", "data"), xytext=(0, 3), textcoords="offset points",
                        ha="right", fontsize=8.5, color=MUTED)  # fmt: skip
    first = table.iloc[0]
    axes[0][0].annotate("half of those\nwho moved", (first["movers_median_days"], 0.05), xytext=(4, 0), textcoords="offset points",
                        fontsize=8.5, color=COLOURS[5])  # fmt: skip
    return figure
