"""Step 5, customer experience: the journey, its touchpoints and pain points, and what to mend first.

Glossary
--------
stage
    Awareness, consideration, purchase, support, loyalty: the five parts of a customer's journey.
touchpoint
    A place where customer and client meet, such as a product page, the delivery or the call centre.
person
    A customer, or a visitor never seen as one. A visitor number is a customer's when one customer only
    was seen with it; a device that several share is given to none of them.
under way
    Has reached a stage and not the next by the last day known: neither lost nor left out.
session
    What a person does in one channel by browser or device without a gap of more than 30 minutes.
failure
    A contact whose outcome is in the client's list of bad outcomes (late, not solved, abandoned).
moment of truth
    A touchpoint whose satisfaction goes together with recommendation, other things being equal.
value at risk
    What affected customers are worth, times the lower share of them who order again. It is an
    association with controls; only an experiment shows what mending it would bring.
"""

from __future__ import annotations

from playbook.experience.by_segment import experience_by_segment
from playbook.experience.callbacks import callback_causes, callbacks
from playbook.experience.case_drivers import case_drivers
from playbook.experience.channels import cases_by_channel, failures_by_channel
from playbook.experience.drivers import incident_drivers, touchpoint_drivers
from playbook.experience.effects import incident_effects
from playbook.experience.importance import importance_performance
from playbook.experience.improvements import improvement_trials, improvements
from playbook.experience.incidents import customer_incidents
from playbook.experience.journey import journey, journey_by_channel, journey_by_segment
from playbook.experience.journey_change import entry_mix, journey_change
from playbook.experience.journey_map import journey_map, journey_maps
from playbook.experience.journey_times import journey_times
from playbook.experience.paths import loops_and_dead_ends, removal_effects, typical_paths
from playbook.experience.recommendation import incident_nps
from playbook.experience.repeats import repeated_contacts
from playbook.experience.satisfaction import satisfaction_effects
from playbook.experience.service import backlog, service_levels
from playbook.experience.touchpoints import touchpoint_table
from playbook.experience.visits import visits
from playbook.experience.volume import case_forecast

__all__ = [
    "backlog",
    "callback_causes",
    "callbacks",
    "case_drivers",
    "case_forecast",
    "cases_by_channel",
    "customer_incidents",
    "experience_by_segment",
    "entry_mix",
    "failures_by_channel",
    "importance_performance",
    "improvement_trials",
    "improvements",
    "incident_drivers",
    "incident_effects",
    "incident_nps",
    "journey",
    "journey_by_channel",
    "journey_by_segment",
    "journey_change",
    "journey_map",
    "journey_maps",
    "journey_times",
    "loops_and_dead_ends",
    "removal_effects",
    "repeated_contacts",
    "satisfaction_effects",
    "service_levels",
    "touchpoint_drivers",
    "touchpoint_table",
    "typical_paths",
    "visits",
]
