"""Figures of probabilities: predicted against observed."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from playbook.answer import Answer
from playbook.display import heading
from playbook.figures.core import ACCENT, GREY, MUTED, canvas, draw, tidy

__all__ = ["calibration"]


@draw
def calibration(
    answer: Answer, predicted: str = "predicted", observed: str = "observed", low: str = "low", high: str = "high",
) -> Figure:  # fmt: skip
    """Observed share with its interval over the predicted one, group by group, beside perfect agreement."""
    table = answer.table.dropna(subset=[predicted, observed])
    figure, axes = canvas(answer)
    x, y = table[predicted].to_numpy(float), table[observed].to_numpy(float)
    ends = np.concatenate([x, table[low].to_numpy(float), table[high].to_numpy(float)])
    edge = (max(0.0, float(ends.min()) - 0.03), min(1.0, float(ends.max()) + 0.03))
    axes.plot(edge, edge, color=GREY, lw=1.2, ls="--")
    axes.text(
        0.98,
        0.04,
        "dashed: as predicted",
        transform=axes.transAxes,
        ha="right",
        fontsize=9,
        color=MUTED,
    )
    axes.vlines(x, table[low].to_numpy(float), table[high].to_numpy(float), color=ACCENT, lw=1.6)
    axes.plot(x, y, "o", color=ACCENT, ms=6)
    axes.set_xlim(edge)
    axes.set_ylim(edge)
    axes.set_xlabel(heading(predicted))
    axes.set_ylabel(heading(observed))
    tidy(axes, "%", "%")
    return figure
