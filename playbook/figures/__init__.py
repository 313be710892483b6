"""Figures in one house style. Each takes an answer and names its columns; none computes a result."""

from __future__ import annotations

from playbook.figures.arena import arena
from playbook.figures.cards import strategy_cards
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
from playbook.figures.drivers import before_after, importance_performance
from playbook.figures.journey import funnel
from playbook.figures.journey_map import journey_map, journey_maps
from playbook.figures.journey_paths import waiting
from playbook.figures.planning import (
    forecast,
    gantt,
    load,
    metric_tree,
    raci,
    risk_map,
    spending,
    strategy_map,
    targets,
)
from playbook.figures.probability import calibration
from playbook.figures.profile_cards import profile_cards
from playbook.figures.proposition import (
    importance_grid,
    panels,
    perceptual_map,
    price_curves,
)
from playbook.figures.research import brand_moves, lorenz, side_by_side
from playbook.figures.review import control, foretold, migration, scorecard
from playbook.figures.segments import portfolio_map, region_map, whale_curve
from playbook.figures.switching import switching_flows
from playbook.figures.then_and_now import then_and_now
from playbook.figures.value_canvas import proposition_canvas, proposition_canvases
from playbook.figures.voices import evidence, movers

__all__ = [
    "arena",
    "bars",
    "before_after",
    "brand_moves",
    "calibration",
    "columns",
    "control",
    "dots",
    "evidence",
    "forecast",
    "foretold",
    "funnel",
    "gantt",
    "heat",
    "importance_grid",
    "importance_performance",
    "journey_map",
    "journey_maps",
    "lines",
    "lorenz",
    "panels",
    "perceptual_map",
    "price_curves",
    "profile_cards",
    "proposition_canvas",
    "proposition_canvases",
    "load",
    "metric_tree",
    "migration",
    "movers",
    "portfolio_map",
    "raci",
    "region_map",
    "risk_map",
    "scatter",
    "scorecard",
    "side_by_side",
    "stacked",
    "spending",
    "strategy_cards",
    "strategy_map",
    "switching_flows",
    "targets",
    "then_and_now",
    "waiting",
    "waterfall",
    "whale_curve",
]
