"""Segmentation and value: who the customers are, what they are worth, and what to do with each segment."""

from __future__ import annotations

from playbook.segmentation.acquisition import acquisition_ceiling
from playbook.segmentation.competition import customer_competition, market_position
from playbook.segmentation.contracts import add_contract_value, contract_value
from playbook.segmentation.criteria import demographic, geographic, psychographic
from playbook.segmentation.frozen import assign_segments
from playbook.segmentation.holdout import calibration_end, check_purchase_models
from playbook.segmentation.lifetime import lifetime_value
from playbook.segmentation.losses import foresee_losses
from playbook.segmentation.loyalty import loyalty_by_segment, loyalty_cells
from playbook.segmentation.money import add_contribution, profit_contribution
from playbook.segmentation.portfolio import portfolio, strategies
from playbook.segmentation.profile import check_segments, describe_segments
from playbook.segmentation.results import segment_profiles
from playbook.segmentation.rfm import behavioural
from playbook.segmentation.solution import choose_segments
from playbook.segmentation.strategy import (
    market_strategies,
    rule_table,
    strategies_within,
    strategy_cards,
)
from playbook.segmentation.totals import set_right, value_by_segment
from playbook.segmentation.trace import basis_table, trace_customer
from playbook.segmentation.typing_tool import typing_table, typing_tool
from playbook.segmentation.year_evidence import year_evidence

__all__ = [
    "acquisition_ceiling",
    "add_contract_value",
    "add_contribution",
    "assign_segments",
    "basis_table",
    "behavioural",
    "calibration_end",
    "check_purchase_models",
    "check_segments",
    "choose_segments",
    "contract_value",
    "customer_competition",
    "demographic",
    "describe_segments",
    "foresee_losses",
    "geographic",
    "lifetime_value",
    "loyalty_by_segment",
    "loyalty_cells",
    "market_position",
    "market_strategies",
    "portfolio",
    "profit_contribution",
    "psychographic",
    "rule_table",
    "segment_profiles",
    "strategies",
    "strategies_within",
    "strategy_cards",
    "trace_customer",
    "typing_table",
    "typing_tool",
    "set_right",
    "value_by_segment",
    "year_evidence",
]
