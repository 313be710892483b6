"""Customer lifetime value: purchase models, spend, discounted margin, contracts and their checks.

Frames have one row per customer: ``frequency`` (repeat purchase occasions), ``recency`` (age at the last
purchase), ``age`` (time since the first purchase) and ``monetary`` (mean value of repeat purchases).
"""

from __future__ import annotations

from playbook.clv.beta_geometric import BetaGeometricNbd, fit_bg_nbd, fit_mbg_nbd
from playbook.clv.draws import purchase_interval, randomised_pit
from playbook.clv.estimation import FitResult
from playbook.clv.gamma_gamma import GammaGamma, fit_gamma_gamma
from playbook.clv.holdout import (
    FrequencySpend,
    calibration_by_decile,
    frequency_spend_correlation,
    holdout_check,
    top_decile_capture,
)
from playbook.clv.pareto import ParetoNbd, fit_pareto_nbd
from playbook.clv.sbg import ShiftedBetaGeometric, fit_sbg, fit_sbg_spells
from playbook.clv.survival import KaplanMeier, fit_kaplan_meier
from playbook.clv.value import customer_lifetime_value, discounted_purchases

__all__ = [
    "BetaGeometricNbd",
    "FitResult",
    "FrequencySpend",
    "GammaGamma",
    "KaplanMeier",
    "ParetoNbd",
    "ShiftedBetaGeometric",
    "calibration_by_decile",
    "customer_lifetime_value",
    "discounted_purchases",
    "fit_bg_nbd",
    "fit_gamma_gamma",
    "fit_kaplan_meier",
    "fit_mbg_nbd",
    "fit_pareto_nbd",
    "fit_sbg",
    "fit_sbg_spells",
    "frequency_spend_correlation",
    "holdout_check",
    "purchase_interval",
    "randomised_pit",
    "top_decile_capture",
]
