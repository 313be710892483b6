"""Allocation: which customer gets which action, and how much each channel may spend.

Glossary
--------
shadow price
    What one more unit of a scarce resource (money, call, letter) would add to the margin.
duality gap
    How far the allocation can at most be from the best possible one.
response curve
    Share of people who respond, as a function of spend per person; it saturates.
elasticity
    Per cent more customers won for one per cent more spend.
"""

from playbook.allocation.elasticity import (
    ElasticResponse,
    fit_elasticity,
    split_by_elasticity,
)
from playbook.allocation.knapsack import NONE, Allocation, allocate
from playbook.allocation.response import ResponseCurve, optimal_acquisition_spend

__all__ = [
    "NONE",
    "Allocation",
    "ElasticResponse",
    "ResponseCurve",
    "allocate",
    "fit_elasticity",
    "optimal_acquisition_spend",
    "split_by_elasticity",
]
