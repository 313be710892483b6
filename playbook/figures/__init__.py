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

__all__ = ["bars", "columns", "dots", "heat", "lines", "scatter", "stacked", "waterfall"]
