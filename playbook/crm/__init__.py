"""CRM usage: the customer record, pipeline, propensity, target lists, automation, files and next best action.

Glossary
--------
propensity
    Calibrated probability of an outcome, here no order within the horizon (churn) or one (purchase).
target list
    Customers a channel may reach: consent, no suppression, below the contact cap, not held out.
universal holdout
    Customers drawn by hash whom no action ever touches; against them all actions together are judged. An answer to
    a service case of their own is no action of ours, so they get it.
control group
    Customers of one list drawn by hash whom that list does not reach; against them its effect is judged.
belief
    An effect stated in the plan and not yet measured.
breakage
    Share of loyalty points that expire unused.
shadow price
    What one more unit of a limit would be believed to earn.
"""

from playbook.crm.acquisition import (
    NEWCOMER_DAYS,
    acquisition_channels,
    channel_plan,
    newcomers_since,
)
from playbook.crm.actions import (
    EFFECT_DAYS,
    campaigns_since,
    candidates,
    money_for_contacts,
    next_best_action,
)
from playbook.crm.automation import (
    automation,
    late_cases,
    recent_answers,
    rule_conflicts,
    trigger_events,
)
from playbook.crm.behaviour import (
    Snapshots,
    calibration,
    lapsed_customers,
    late_columns,
    propensity,
    snapshot_days,
    what_predicts,
)
from playbook.crm.beliefs import shrunken_effect
from playbook.crm.budget import budget_split
from playbook.crm.channel_response import ChannelResponse, channel_response
from playbook.crm.content_rules import content_rules
from playbook.crm.contents import crm_contents, planned_action
from playbook.crm.customer_pages import chosen_customers, customer_page
from playbook.crm.delivered import promise_and_delivery
from playbook.crm.effects import expected_effects, expected_margins
from playbook.crm.files import checked_files, crm_files, held_back, make_files, refused_contacts
from playbook.crm.handover import acceptance_files, acceptance_page, setup_page
from playbook.crm.lint import lint_file, read_file
from playbook.crm.list_files import list_files
from playbook.crm.list_tests import draw_arms, drawn_choice, list_tests, smallest_control
from playbook.crm.loyalty import care_calendar, programme_return, tier_changes
from playbook.crm.loyalty_design import compare_designs
from playbook.crm.mapping import SYSTEMS, read_mapping, tenant_mapping
from playbook.crm.model_card import model_card
from playbook.crm.need_answer import needs_of_actions
from playbook.crm.need_fit import need_weights
from playbook.crm.newcomers import newcomer_values
from playbook.crm.personalisation import (
    bought_between,
    cross_selling,
    personal_content,
    recommendations,
    up_selling,
)
from playbook.crm.pipeline import pipeline_forecast, stage_conversion, win_rates
from playbook.crm.plan import action_plan, budget_what_if, limits, money_and_margin
from playbook.crm.record import (
    cleaning_list,
    contacts_tracked,
    customer_record,
    example_customer,
    timeline,
)
from playbook.crm.referral import ambassadors, referral_break_even, referral_value, who_recommends
from playbook.crm.response import campaign_uplift, effect_by_group, group_effects
from playbook.crm.sales import ageing_deals, loss_reasons, sales_coverage
from playbook.crm.targeting import (
    gate_shares,
    is_mapped,
    list_sizes,
    target_lists,
    universal_holdout,
    unread_suppressions,
)
from playbook.crm.tasks import callback_tasks, rule_tasks
from playbook.crm.template import fill_template
from playbook.crm.today import lists_today, tasks_today

__all__ = [
    "EFFECT_DAYS", "NEWCOMER_DAYS", "SYSTEMS", "ChannelResponse", "Snapshots", "acceptance_files", "acceptance_page",
    "acquisition_channels", "action_plan", "ageing_deals", "ambassadors", "automation",
    "bought_between", "budget_split", "budget_what_if", "calibration", "callback_tasks",
    "campaign_uplift", "campaigns_since", "candidates", "care_calendar", "channel_plan",
    "channel_response", "checked_files",
    "chosen_customers", "cleaning_list", "compare_designs", "contacts_tracked", "content_rules",
    "crm_contents", "crm_files", "cross_selling", "customer_page", "customer_record",
    "draw_arms", "drawn_choice", "effect_by_group", "example_customer", "expected_effects",
    "expected_margins", "fill_template", "gate_shares", "group_effects", "held_back",
    "is_mapped", "lapsed_customers", "late_cases", "late_columns", "limits", "lint_file",
    "list_files", "list_sizes", "list_tests", "lists_today", "loss_reasons", "make_files",
    "model_card", "money_and_margin", "money_for_contacts", "need_weights", "needs_of_actions",
    "newcomer_values", "newcomers_since",
    "next_best_action", "personal_content", "pipeline_forecast", "planned_action",
    "programme_return", "promise_and_delivery", "propensity", "read_file", "read_mapping",
    "recent_answers", "recommendations", "referral_break_even", "referral_value",
    "refused_contacts", "rule_conflicts", "rule_tasks", "sales_coverage", "setup_page",
    "shrunken_effect", "smallest_control", "snapshot_days", "stage_conversion", "target_lists",
    "tasks_today", "tenant_mapping", "tier_changes", "timeline", "trigger_events",
    "universal_holdout", "unread_suppressions", "up_selling", "what_predicts", "who_recommends",
    "win_rates",
]  # fmt: skip
