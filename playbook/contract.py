"""What each step hands on: the one registry of results (name, step, columns, meaning, version)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CONTRACT", "METRIC_VERSIONS", "NO_PURCHASE", "Contract"]

NO_PURCHASE = "No purchase on record"
"""Segment of customers without an order, in every result that has segments."""

METRIC_VERSIONS: dict[str, int] = {}
"""Key figures whose definition changed: id to version (1 where it is not named). Raise it with the definition: years are compared."""


@dataclass(frozen=True)
class Contract:
    """One result: the step that makes it, its columns, the key that is unique, and its meaning.

    ``version`` rises when a column comes to mean something else: a review refuses to compare two versions.
    A new column needs no new version.
    """

    step: str
    meaning: str
    columns: tuple[str, ...]
    key: tuple[str, ...] = ()
    version: int = 1


def _contract(step: str, meaning: str, columns: str, key: str = "", version: int = 1) -> Contract:
    return Contract(step, meaning, tuple(columns.split()), tuple(key.split()), version)


CONTRACT: dict[str, Contract] = {
    # 01 objectives
    "objectives": _contract(
        "01",
        "each objective with its baseline, target and chance of being reached",
        "id name area metric target due owner baseline low high n unit expected expected_low "
        "expected_high gap probability method",
        "id",
    ),
    # 02 research
    "survey_weights": _contract(
        "02", "weight of each respondent", "customer_id wave weight", "customer_id wave"
    ),
    "customer_needs": _contract(
        "02",
        "what customers need, with the sources that say so",
        "need source strength low high n",
    ),
    "customer_quotes": _contract(
        "02",
        "sentences of customers, masked and chosen by rule",
        "need side stars language quote stands_for",
    ),
    # 03 segmentation
    "segments": _contract("03", "segment of each customer", "customer_id segment", "customer_id"),
    "memberships": _contract(
        "03",
        "probability of each segment for each customer, and what it rests on",
        "customer_id segment probability known_from",
        "customer_id segment",
    ),
    "customer_value": _contract(
        "03",
        "value of each customer, 12 months back and ahead (currency)",
        "customer_id revenue_12m margin_12m contribution_12m p_alive expected_orders_12m "
        "expected_margin_12m clv clv_low clv_high",
        "customer_id",
    ),
    "segment_profiles": _contract(
        "03",
        "size, value and character of each segment",
        "segment customers share_customers revenue_12m share_revenue contribution_12m clv_mean "
        "clv_total p_alive description",
        "segment",
    ),
    "segment_model": _contract(
        "03",
        "what assigns a customer to a segment, so that next year can apply it unchanged",
        "segment feature center scale",
        "segment feature",
    ),
    "typing_table": _contract(
        "03",
        "decision table that places a new customer by at most six questions",
        "rule segment customers right",
        "rule",
    ),
    "strategies": _contract(
        "03",
        "strategy of each segment with its reasons",
        "segment strategy value potential contribution activity do avoid budget_share reason",
        "segment",
    ),
    # 04 value proposition
    "part_worths": _contract(
        "04",
        "what each level of each attribute is worth to each segment",
        "segment attribute level part_worth low high n",
        "segment attribute level",
    ),
    "best_offers": _contract(
        "04",
        "best offer for each segment by simulated margin",
        "segment offer price share low high margin_per_customer",
        "segment",
    ),
    "exposed_customers": _contract(
        "04",
        "chance that a customer likes a competitor's current offer better than our best, and value at stake",
        "customer_id segment exposure competitor offer value_at_stake",
        "customer_id",
    ),
    "propositions": _contract(
        "04",
        "value proposition of each segment, clause by clause with its evidence",
        "segment clause text evidence n status",
        "segment clause",
    ),
    # 05 customer experience
    "touchpoints": _contract(
        "05",
        "each touchpoint with reach, volume, satisfaction, effort and cost",
        "touchpoint stage volume reach reach_share csat ces repeat_7d switch_7d cost",
        "touchpoint",
    ),
    "improvements": _contract(
        "05",
        "ranked improvements of the experience",
        "id improvement touchpoint effect low high cost confidence rank",
        "id",
    ),
    "callbacks": _contract(
        "05",
        "customers to call back, by whom and by when",
        "customer_id cause occurred_at owner due by response value_at_risk",
    ),
    # 06 CRM usage
    "scores": _contract(
        "06",
        "churn and purchase propensity of each customer",
        "customer_id churn_probability purchase_probability",
        "customer_id",
    ),
    "next_best_action": _contract(
        "06",
        "action chosen for each customer",
        "customer_id segment action expected_margin cost holdout",
        "customer_id",
    ),
    "action_plan": _contract(
        "06",
        "the actions that matter, with expected effect, cost, owner and date",
        "action segment customers expected_margin low high cost owner due",
        "action segment",
    ),
    "budget_split": _contract(
        "06",
        "budget by purpose and segment, with marginal return",
        "purpose segment amount low high reason",
        "purpose segment",
    ),
    "pipeline_forecast": _contract(
        "06",
        "expected wins of open opportunities",
        "opportunity_id stage amount win_probability expected",
        "opportunity_id",
    ),
    # 07 monitoring
    "scorecard": _contract(
        "07",
        "each objective of the last plan against what happened",
        "id name metric baseline target actual low high n unit status",
        "id",
    ),
    "migration": _contract(
        "07",
        "customers by segment last year and now, under last year's frozen model",
        "from_segment to_segment customers",
        "from_segment to_segment",
    ),
    "campaign_effects": _contract(
        "07",
        "what each campaign added, treated against control",
        "campaign_id name treated control effect low high incremental_margin cost return",
        "campaign_id",
    ),
    "review": _contract(
        "07",
        "keep, adjust or stop for each initiative and segment strategy, by the plan's rule or a person",
        "kind id name decision by_rule decided_by decided_on reason line rule evidence value low high n figures sentence",
        "kind id",
        version=2,
    ),
    "decision_log": _contract(
        "07",
        "decisions of all reviews, and what became of each a year later",
        "period kind id name decision by_rule decided_by reason figures outcome a_year_later",
        "period kind id",
    ),
}
