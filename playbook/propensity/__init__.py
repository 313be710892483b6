"""Propensity: who will buy, leave or respond, and whom a contact changes.

Glossary
--------
propensity
    Calibrated probability that a customer shows an outcome in the next period.
out of time
    Fitted on an earlier snapshot of the customers, judged on a later one.
leakage
    A feature that is only known after the outcome; it makes a useless model look perfect.
uplift
    Outcome with the contact minus outcome without it, per customer; needs a random control.
CUPED
    Control Using Pre-Experiment Data: the outcome is adjusted by the same customer's
    pre-period figure, which narrows the interval and leaves the effect unbiased.
"""

from playbook.propensity.effect import TreatmentEffect, treatment_effect
from playbook.propensity.features import KNOWN_AFTER_OUTCOME, leakage_check
from playbook.propensity.late import filled_in_later
from playbook.propensity.model import Propensity, fit_propensity
from playbook.propensity.uplift import Uplift, uplift

__all__ = [
    "KNOWN_AFTER_OUTCOME",
    "Propensity",
    "TreatmentEffect",
    "Uplift",
    "filled_in_later",
    "fit_propensity",
    "leakage_check",
    "treatment_effect",
    "uplift",
]
