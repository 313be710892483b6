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

BUSINESS = "business"
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
    """Campaigns on record that were of an action's kind: earlier ones, and those of the plan's own contacts."""
    known = client.sight.table("campaigns")
    own = known.loc[known["offer"] == action, "campaign_id"]
    menu = client.menu.actions.set_index("action")
    earlier = menu.loc[action, "past_campaigns"]
    return sorted({*earlier, *own})


SPEAKS_TO = {
    "voucher": "price",
    "early access": "price",
    "clearance text": "price",
    "lookbook": "style",
    "delivery promise": "delivery",
    "refill reminder": "delivery",
    "care call": "service",
    "account visit": BUSINESS,
}
"""Need that each action of the menu speaks to, as its author would state it."""


def _weights(client: Client) -> pd.DataFrame:
    """Segments × needs: how much more than average an action works there (step 3's segments, their stated needs)."""
    sight = client.sight
    segments = sight.solution["segments"]
    weights = crm.need_weights(sight.attitudes, segments)
    kind = sight.customers.set_index("customer_id")["customer_type"]
    business = (kind.reindex(segments["customer_id"]) == "business").to_numpy(float)
    share = pd.Series(business).groupby(segments["segment"].to_numpy()).mean()
    weights = weights.reindex(share.index).fillna(1.0)
    weights[BUSINESS] = share / business.mean() if business.any() else 1.0
    return weights


def planned_actions(client: Client, segment: str = "") -> list[Action]:
    """The menu as actions of a plan, as they are believed to work in a segment (none: on average)."""
    weights = _weights(client).loc[segment] if segment else pd.Series(dtype=float)
    return [
        Action.model_validate({
            "id": entry.action.replace(" ", "-"), "name": entry.action, "channel": CHANNELS.get(entry.channel, entry.channel), "purpose": "retention",
            "applies_to": "active", "unit_cost": entry.unit_cost, "discount": entry.discount,
            "believed_effect": believed, "believed_effect_low": believed - half, "believed_effect_high": believed + half,
            "measured_by": campaigns_of(client, entry.action),
        })
        for entry in client.menu.actions.itertuples()
        for weight in [float(weights.get(SPEAKS_TO.get(entry.action, ""), 1.0))]
        for believed, half in [_believed(client, segment, weight * float(entry.log_lift), weight * float(entry.care))]
    ]  # fmt: skip


def _believed(client: Client, segment: str, log_lift: float, care: float) -> tuple[float, float]:
    """Belief as points of the share of active customers with an order in the year, and half its 95 % range."""
    people = prospects(client)
    people = people[people["active"] & ((people["segment"] == segment) | (segment == ""))]
    change = float(np.expm1(log_lift)) / 12  # the contact works for a month
    change += care_pays(client) * care
    alive = people["alive"].to_numpy(float)
    rate = people["expected_orders"].to_numpy(float) / np.maximum(alive, 0.01)
    points = float((alive * (np.exp(-rate) - np.exp(-rate * (1 + change)))).mean()) if len(people) else 0.0  # fmt: skip
    return points, Z95 * 0.5 * abs(points)


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
