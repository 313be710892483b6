"""Step 6: does the margin promised for the chosen actions come, and does uplift say so where there is none?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook import crm, market
from playbook.answer import Answer, Missing
from playbook.engagement.model import Action
from playbook.truth.between import PooledRatio
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import FalseAlarms, Share
from playbook.truth.sight import Sight, given
from playbook.truth.step06 import NEGATIVE
from playbook.truth.study import Study

MENU = {
    "voucher": ("C2506", "email", "win-back", "lapsed"),
    "early access": ("C2508", "email", "retention", "everyone"),
    "clearance text": ("C2501", "sms", "retention", "active"),
    "lookbook": ("C2504", "letter", "cross-sell", "active"),
    "delivery promise": ("C2503", "email", "service", "everyone"),
    "care call": ("C2505", "phone", "service", "detractors"),
}
"""Action of the simulator's menu: the campaign that tried it last year, channel, purpose, whom it is for."""
COST = {"voucher": 0.02, "early access": 0.02, "clearance text": 0.08, "lookbook": 1.10, "delivery promise": 0.60, "care call": 4.50}  # fmt: skip
BUDGET, CALLS, MONTH = 5_000.0, 20, 4


def _measured_actions(sight: Sight) -> list[Action]:
    """The menu with the effects that last year's campaigns with a random control showed."""
    numbers = sight.effects["numbers"].set_index("campaign_id")
    actions = []
    for name, (campaign, channel, purpose, whom) in MENU.items():
        if campaign not in numbers.index or not np.isfinite(numbers.loc[campaign, "bought_effect"]):
            continue
        seen = numbers.loc[campaign]
        actions.append(
            Action.model_validate({
                "id": name.replace(" ", "-"), "name": name, "channel": channel, "purpose": purpose, "applies_to": whom,
                "unit_cost": COST[name], "believed_effect": float(seen["bought_effect"]),
                "believed_effect_low": float(seen["bought_low"]), "believed_effect_high": float(seen["bought_high"]),
            })
        )  # fmt: skip
    return actions


def _plan(sight: Sight, actions: list[Action]) -> Answer:
    """The notebook's choice of actions, all customers reachable."""
    days = crm.snapshot_days(sight.query("order_history_span"), sight.as_of)
    people = crm.candidates(
        sight.query("customer_snapshot", **days.now), sight.propensity["scores"], sight.values, sight.solution["segments"],
        Missing("no strategies", ""), crm.recent_answers(sight.query("latest_recommendation"), sight.as_of), churn_above=0.6,
    )  # fmt: skip
    everyone = people[["customer_id"]]
    reach = everyone.assign(email=True, sms=True, letter=True, phone=True)
    return given(
        crm.next_best_action(
            people, actions, reach, everyone.assign(holdout=False), budget=BUDGET,
            capacity_per_month={"phone": CALLS}, months=12, seed=1,
        )
    )  # fmt: skip


def _margin(world: market.World, customers: pd.Series, year: int) -> float:
    orders = world.tables["orders"]
    here = orders["customer_id"].isin(set(customers)) & (orders["ordered_at"].dt.year == year)
    return float(
        (orders.loc[here, "revenue"].astype(float) - orders.loc[here, "cost"].astype(float)).sum()
    )


@row(
    "06.promise",
    "margin promised for the chosen actions before their cost (EUR); planted: what the next year yields beyond no action",
    PooledRatio(0.9, 1.1),
)
def promise(study: Study) -> Found | NotHere:
    """Effects measured in last year's campaigns, shrunken; the same year is lived twice, with and without the actions.

    Naive: the promise had the measured effects not been shrunken.
    """
    actions = _measured_actions(study.sight)
    if not actions:
        return NotHere("no campaign with a control group")
    choice = _plan(study.sight, actions)["choice"]
    taken = choice[choice["action"] != "none"]
    if taken.empty:
        return Found(planted=0.0, ours=0.0)
    year = study.sight.as_of.year + 1
    orders = taken[["customer_id"]].assign(
        action=taken["action"].str.replace("-", " "), month=MONTH
    )
    acted, idle = (market.advance(study.world, year, plan) for plan in (orders, None))
    came = _margin(acted, taken["customer_id"], year) - _margin(idle, taken["customer_id"], year)
    shrunk = {a.id: crm.shrunken_effect(a)[0] for a in actions}
    raw = {a.id: a.believed_effect for a in actions}
    factor = taken["action"].map(raw) / taken["action"].map(shrunk)
    return Found(
        planted=came,
        ours=float(taken["expected_margin"].sum()),
        naive=float((taken["expected_margin"] * factor).sum()),
        note=f"{len(taken):,} customers with an action in the first world",
    )


def _uplift(study: Study) -> Answer:
    sight = study.sight
    days = crm.snapshot_days(sight.query("order_history_span"), sight.as_of)
    return given(
        crm.campaign_uplift(
            sight.outcomes, sight.query("customer_snapshot", **days.test), sight.table("customers"), sight.table("campaigns"), 1
        )
    )  # fmt: skip


@row(
    "06.uplift_null",
    "ranking said to beat everybody and nobody where no contact has an effect",
    FalseAlarms(0.05),
)
def uplift_null(study: Study) -> Found | NotHere:
    """Campaigns of the last year with a random control group, in null worlds."""
    if not study.null:
        return NotHere("contacts have effects in this world")
    verdicts = _uplift(study)["verdicts"]
    return Found(hits=int((verdicts == "target by ranking").sum()), trials=len(verdicts))


@row(
    "06.uplift_last",
    "share of customers who buy after a campaign, by market segment: the group that it drives away is last",
    Share(0.90, "ranked last"),
    misses="a group has about 130 customers, so that its share is known to 16 points; the harm is about 5",
)
def uplift_last(study: Study) -> Found | NotHere:
    """Judged on buying: in margin other groups lose more, as they are given a discount on dearer orders."""
    planted = study.truth["campaign_effects"].set_index("campaign_id").loc[NEGATIVE]
    if planted["log_lift"].min() >= 0:
        return NotHere("no group is driven away")
    harmed = planted.set_index("segment")["log_lift"].idxmin()
    customers = study.world.tables["customers"].set_index("customer_id")["market_segment"]
    market_of = customers[study.people["segment"].reindex(customers.index) == harmed].mode().iloc[0]
    groups = given(
        crm.effect_by_group(study.sight.outcomes, study.sight.table("customers"), NEGATIVE)
    ).table.set_index("group")["effect"]
    if market_of not in groups.index:
        return NotHere("the group is too small to be shown")
    others = groups.drop(market_of)
    return Found(
        ours=float(groups[market_of]),
        naive=float(others.mean()),
        hits=int(groups.idxmin() == market_of),
        trials=1,
    )
