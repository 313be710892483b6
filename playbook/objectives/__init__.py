"""Step 01: what the client wants to reach, where it stands, whether it will get there, and by what plan.

Glossary
--------
baseline
    A figure over the 12 months up to ``as_of``, with the range that chance alone would give it.
objective
    A figure, the value it should have, by when, and who answers for it.
initiative
    A piece of work that serves objectives.
gap
    Target minus what the figure is expected to be without new action.
RACI
    Who is responsible (does it), accountable (answers for it, exactly one), consulted, informed.
critical path
    The chain of initiatives that wait for each other and together decide when the plan ends.
"""

from __future__ import annotations

from playbook.forecast import (
    AnnualForecast,
    annual_forecast,
    monthly_forecast,
    year_total,
)
from playbook.objectives.backtest import backtest
from playbook.objectives.baselines import baselines
from playbook.objectives.capability import capability, capability_gaps
from playbook.objectives.checks import plan_findings
from playbook.objectives.goals import objectives_result, targets, tracing
from playbook.objectives.governance import communication, guidance, responsibilities, risks
from playbook.objectives.levers import levers
from playbook.objectives.metric_tree import metric_tree
from playbook.objectives.reach import business_as_usual, reachability
from playbook.objectives.resources import budget, workload
from playbook.objectives.roadmap import roadmap
from playbook.objectives.tree import what_moved

__all__ = [
    "AnnualForecast",
    "annual_forecast",
    "backtest",
    "baselines",
    "budget",
    "business_as_usual",
    "capability",
    "capability_gaps",
    "communication",
    "guidance",
    "levers",
    "metric_tree",
    "monthly_forecast",
    "objectives_result",
    "plan_findings",
    "reachability",
    "responsibilities",
    "risks",
    "roadmap",
    "targets",
    "tracing",
    "what_moved",
    "workload",
    "year_total",
]
