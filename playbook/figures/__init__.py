"""Figures in one house style. Each takes an answer and names its columns; none computes a result."""

from __future__ import annotations

from playbook.figures.charts import (
    bars,
    columns,
    dots,
    heat,
    lines,
    scatter,
    stacked,
    waterfall,
)
from playbook.figures.journey import funnel, journey_map

__all__ = [
    "bars",
    "columns",
    "dots",
    "funnel",
    "heat",
    "journey_map",
    "lines",
    "scatter",
    "stacked",
    "waterfall",
]
