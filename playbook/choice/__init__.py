"""Choice models: what people choose tells what they need and what they pay for it.

Glossary
--------
task
    One question in which one of several alternatives is chosen.
part-worth
    Utility of an attribute level (or of one unit of a number such as price).
conditional logit
    P(alternative) is proportional to exp(utility), one set of part-worths for all.
latent class
    A segment with part-worths of its own, to which each respondent belongs with a probability.
willingness to pay
    Price change that offsets a change of attribute: minus part-worth over price coefficient.
share of preference
    Share of choices an offer would get among the offers named, none included. It is no forecast of
    market share, which also depends on awareness and availability; calibrate it where that matters.
D-efficient design
    Choice tasks that tell the part-worths with the smallest errors that the number of tasks allows.
"""

from __future__ import annotations

from playbook.choice.classes import choose_classes
from playbook.choice.coding import Coding, dummy_code, effects_code
from playbook.choice.design import ChoiceDesign, d_efficient_design
from playbook.choice.holdout import choice_probabilities, counts_model, evaluate_holdout
from playbook.choice.latent import LatentClassResult, latent_class_logit
from playbook.choice.logit import LogitResult, conditional_logit
from playbook.choice.search import d_error
from playbook.choice.simulate import (
    attribute_importance,
    calibrate_offsets,
    preference_shares,
    willingness_to_pay,
)

__all__ = [
    "ChoiceDesign",
    "Coding",
    "LatentClassResult",
    "LogitResult",
    "attribute_importance",
    "calibrate_offsets",
    "choice_probabilities",
    "choose_classes",
    "conditional_logit",
    "counts_model",
    "d_efficient_design",
    "d_error",
    "dummy_code",
    "effects_code",
    "evaluate_holdout",
    "latent_class_logit",
    "preference_shares",
    "willingness_to_pay",
]
