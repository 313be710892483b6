"""Allocation: which customer gets which action, and how much each channel may spend.

Glossary
--------
shadow price
    What one more unit of a scarce resource (money, call, letter) would add to the margin.
duality gap
    How far the allocation can at most be from the best possible one.
response curve
    Share of people who respond, as a function of spend per person; it saturates.
"""

from playbook.allocation.elasticity import (
    ElasticResponse,
    fit_elasticity,
    split_by_elasticity,
)
from playbook.allocation.knapsack import NONE, Allocation, allocate
from playbook.allocation.response import (
    CurveFit,
    ResponseCurve,
    Split,
    acquisition_retention_split,
    equal_marginal_split,
    fit_response_curve,
    optimal_acquisition_spend,
)

__all__ = [
    "NONE",
    "Allocation",
    "CurveFit",
    "ElasticResponse",
    "ResponseCurve",
    "Split",
    "acquisition_retention_split",
    "allocate",
    "equal_marginal_split",
    "fit_elasticity",
    "fit_response_curve",
    "optimal_acquisition_spend",
    "split_by_elasticity",
]
