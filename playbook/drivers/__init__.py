"""Drivers of satisfaction: adjusted coefficients decide, shares of explained variance rank.

Glossary
--------
driver
    A variable whose adjusted coefficient passes false-discovery control and a minimum effect. It
    goes together with the outcome, other things being equal; only an experiment can show a cause.
adjusted coefficient
    Coefficient beside all other drivers and the confounders, in standard deviations of the outcome
    per standard deviation of the driver. The raw coefficient stands alone, before any adjustment.
LMG share
    Share of the outcome's variance that a driver explains, averaged over all orders in which the
    drivers can enter (the Shapley value of R squared). It ranks; it does not decide.
chance share
    Share that a driver would get on average if no driver had anything to do with the outcome.
confounder
    A variable that moves both driver and outcome (case type, say); it is partialled out first.
proportional odds
    Model of an ordinal outcome in which a driver multiplies the odds of a higher answer by the same
    factor at every step of the scale.
"""

from __future__ import annotations

from playbook.drivers.model import driver_analysis
from playbook.drivers.ordinal import ProportionalOdds, proportional_odds
from playbook.drivers.resampling import ShareIntervals, share_intervals
from playbook.drivers.shares import lmg_shares

__all__ = [
    "ProportionalOdds",
    "ShareIntervals",
    "driver_analysis",
    "lmg_shares",
    "proportional_odds",
    "share_intervals",
]
