"""Step 7, monitoring and review: did it work, were we right, and what is kept, adjusted or stopped.

Glossary
--------
frozen
    As last year's run left it: its segments, scores and forecasts are applied or judged, never fitted again.
review
    Once a year, the decision on each initiative and segment strategy by the plan's rule or a person.
"""

from playbook.monitoring.campaigns import campaign_effects
from playbook.monitoring.capability_progress import capability_progress
from playbook.monitoring.choice_shift import choice_shift
from playbook.monitoring.control import control_charts
from playbook.monitoring.decision_log import decision_log
from playbook.monitoring.drift import drift
from playbook.monitoring.equity import equity_bridge
from playbook.monitoring.feedback import feedback_by_wave, feedback_by_year
from playbook.monitoring.forecasts import (
    check_chances,
    check_churn,
    check_pipeline,
    check_value,
    forecasts_checked,
)
from playbook.monitoring.initiatives import initiative_effects
from playbook.monitoring.migration import frozen_segments, migration
from playbook.monitoring.movement import segment_movement
from playbook.monitoring.next_plan import next_plan
from playbook.monitoring.review import annual_review
from playbook.monitoring.scorecard import scorecard
from playbook.monitoring.then_and_now import then_and_now

__all__ = [
    "annual_review", "campaign_effects", "capability_progress", "check_chances", "check_churn",
    "check_pipeline", "check_value", "choice_shift", "control_charts", "decision_log", "drift",
    "equity_bridge", "feedback_by_wave", "feedback_by_year", "forecasts_checked",
    "frozen_segments", "initiative_effects", "migration", "next_plan", "scorecard",
    "segment_movement", "then_and_now",
]  # fmt: skip
