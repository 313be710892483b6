"""The menu of contacts as a plan would hold it: costs, discounts, beliefs, and the campaigns that measured them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from playbook import crm
from playbook.answer import Missing
from playbook.arena.game import CHANNELS, Client
from playbook.arena.incidents import care_pays
from playbook.engagement.model import Action
from playbook.truth.sight import Sight

__all__ = ["believed_worth", "campaigns_of", "planned_actions", "prospects"]

FOR_BUSINESSES = frozenset({"account visit"})
BELIEF = 0.5
"""Log error that beliefs have: a plan states their range as mean ± 1.96 · 0.5 · mean."""
CHURN_ABOVE = 0.6
Z95 = 1.96


def prospects(client: Client) -> pd.DataFrame:
    """Customers with all that the choice of an action needs (step 6)."""
    return _prospects(client.sight)


@lru_cache(maxsize=4)
def _prospects(sight: Sight) -> pd.DataFrame:
    days = crm.snapshot_days(sight.query("order_history_span"), sight.as_of)
    people = crm.candidates(
        sight.query("customer_snapshot", **days.now), sight.propensity["scores"], sight.values,
        sight.solution["segments"], Missing("no strategies", ""),
        crm.recent_answers(sight.query("latest_recommendation"), sight.as_of), churn_above=CHURN_ABOVE,
    )  # fmt: skip
    assert isinstance(people, pd.DataFrame)
    return people


def campaigns_of(client: Client, action: str) -> list[str]:
    """Campaigns before the game that were of an action's kind; contacts of the game leave nobody out, so that they measure nothing."""
    return sorted(client.menu.actions.set_index("action").loc[action, "past_campaigns"])


SPEAKS_TO = {
    "voucher": "price",
    "early access": "price",
    "clearance text": "price",
    "lookbook": "style",
    "delivery promise": "delivery",
    "refill reminder": "delivery",
    "care call": "service",
}
"""Need that each action of the menu speaks to, as its author would state it."""


def _half(believed: float) -> float:
    """Half the 95 % range of a belief."""
    return Z95 * BELIEF * abs(believed)


def planned_actions(client: Client) -> list[Action]:
    """The menu as actions of a plan.

    A belief is the mean over all customers. Visits are for businesses and do nothing for others, so that all of it is theirs.
    """
    people = prospects(client)
    actions = []
    for entry in client.menu.actions.itertuples():
        only = "businesses" if entry.action in FOR_BUSINESSES else "active"
        share = float(people["business"].mean()) or 1.0 if only == "businesses" else 1.0
        more = float(np.expm1(entry.log_lift)) / share
        stays = care_pays(client) * float(entry.care) / share
        actions.append(Action.model_validate({
            "id": entry.action.replace(" ", "-"), "name": entry.action, "channel": CHANNELS.get(entry.channel, entry.channel),
            "purpose": "retention", "applies_to": only, "need": SPEAKS_TO.get(entry.action, ""), "unit_cost": entry.unit_cost,
            "discount": entry.discount, "effect_on": "orders", "believed_effect": more, "believed_effect_low": more - _half(more),
            "believed_effect_high": more + _half(more), "believed_staying": stays,
            "believed_staying_low": stays - _half(stays), "believed_staying_high": stays + _half(stays),
            "measured_by": campaigns_of(client, entry.action),
        }))  # fmt: skip
    return actions


def believed_worth(client: Client) -> pd.Series:
    """What a contact is believed to bring with an average active customer after discount and cost, by action.

    The sum of a manager without models: last year's margin and revenue of an active customer, a twelfth of it for the
    month of the contact, raised by the believed effect.
    """
    year = client.customers[["margin_12m", "revenue_12m"]].astype(float).mean() / 12
    menu = client.menu.actions.set_index("action")
    more = np.exp(menu["log_lift"])
    given = menu["discount"] * more * year["revenue_12m"]
    return (more - 1) * year["margin_12m"] - given - menu["unit_cost"]
