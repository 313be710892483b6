"""Step 04: what each segment is offered and why it should choose us, each claim with its evidence.

Glossary
--------
part-worth
    Utility of one level of an attribute, from choices among complete offers; the levels of an
    attribute sum to zero.
willingness to pay
    Extra price at which a feature is worth neither more nor less than it costs.
point of parity, of difference
    Item on which customers rate us as high as a competitor, or clearly higher.
share of preference
    Share of choices an offer gets among the offers named, none included; no market share.
clause
    One claim of a value proposition, bound to the figure that supports it.
"""

from __future__ import annotations

from playbook.proposition.answer_checks import choice_quality, price_check
from playbook.proposition.benefits import (
    benefits,
    preference_differences,
    stated_importance,
    what_decides,
)
from playbook.proposition.canvas import canvas_of, proposition_canvas, proposition_canvases
from playbook.proposition.claims import (
    claims_to_test,
    evidence_ids,
    evidence_of,
    plan_wordings,
)
from playbook.proposition.demand import demand
from playbook.proposition.differentiation import brand_differences, perceptual_map, positions
from playbook.proposition.experiment import choice_experiment
from playbook.proposition.gabor_granger import purchase_at_prices
from playbook.proposition.linked import statements
from playbook.proposition.margin_price import margin_price
from playbook.proposition.next_survey import next_survey, survey_power
from playbook.proposition.offers import best_offers, line_up, price_response
from playbook.proposition.positioning import importance_performance
from playbook.proposition.pricing import acceptable_prices, willingness_to_pay
from playbook.proposition.profile import profile_traits, target_profiles
from playbook.proposition.profile_card import profile_cards, reach
from playbook.proposition.rivals import cannibalisation, exposed_customers
from playbook.proposition.statements import value_propositions
from playbook.proposition.tastes import individual_tastes

__all__ = [
    "acceptable_prices",
    "benefits",
    "best_offers",
    "brand_differences",
    "cannibalisation",
    "canvas_of",
    "choice_experiment",
    "choice_quality",
    "claims_to_test",
    "demand",
    "evidence_ids",
    "evidence_of",
    "exposed_customers",
    "importance_performance",
    "individual_tastes",
    "line_up",
    "margin_price",
    "next_survey",
    "perceptual_map",
    "plan_wordings",
    "positions",
    "preference_differences",
    "price_check",
    "price_response",
    "profile_cards",
    "profile_traits",
    "proposition_canvas",
    "proposition_canvases",
    "purchase_at_prices",
    "reach",
    "stated_importance",
    "statements",
    "survey_power",
    "target_profiles",
    "value_propositions",
    "what_decides",
    "willingness_to_pay",
]
