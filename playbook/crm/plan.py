"""The plan of actions: its limits and what less money would earn, owners and dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd

from playbook.allocation import Allocation
from playbook.answer import Answer, Missing, answers, format_value
from playbook.errors import NotEnough

__all__ = ["action_plan", "limits", "money_and_margin"]

ASK = "actions in the plan, with cost and believed effect"
TRIGGER_OF = {
    "retention": "high churn risk", "cross-sell": "likely to buy", "up-sell": "likely to buy", "service": "detractor",
    "advocacy": "promoter",
}  # fmt: skip


@answers
def limits(plan: Answer) -> Answer:
    """Return how far each limit is used and what one more unit of it would be believed to earn.

    Parameters
    ----------
    plan
        From `next_best_action`.

    Returns
    -------
    Answer
        Table limit, available, used, share_used, shadow_price (margin per unit of money or per contact).
    """
    result: Allocation = plan["allocation"]
    rows = [
        {
            "limit": "money",
            "available": plan["budget"],
            "used": result.spent,
            "shadow_price": result.shadow_prices["budget"],
        }
    ]
    for channel, room in sorted(plan["capacity"].items()):
        if channel in result.shadow_prices.index:
            rows.append({"limit": f"contacts by {channel}", "available": room, "used": float(result.used.get(channel, 0)),
                         "shadow_price": result.shadow_prices[channel]})  # fmt: skip
    table = pd.DataFrame(rows)
    table.insert(3, "share_used", table["used"] / table["available"].where(table["available"] > 0))
    table = table.sort_values(["shadow_price", "limit"], ascending=[False, True], ignore_index=True)
    tight = table.iloc[0]
    return Answer(
        table=table,
        headline=(
            f"The tightest limit is {tight.limit}: one more would earn {format_value(tight.shadow_price, 'currency')}"
            if tight.shadow_price > 0 else "No limit binds: every action worth its cost fits"
        ),
        so_what=(
            (f"Pay for more {tight.limit} as long as a unit costs less than {format_value(tight.shadow_price, 'currency')} on top of the action itself. "
             if tight.shadow_price > 0 else
             "More money or more contacts would add nothing under these beliefs; what limits the plan is consent and how few customers an action fits. ")
            + f"No other choice of actions could earn more than {format_value(result.gap, '%')} beyond this one."
        ),
        kind="prescriptive",
        caption=f"Limits of the plan over {plan['months']} months, how far they are used, and the believed margin of one more unit",
        units={"available": "count", "used": "count", "share_used": "%", "shadow_price": "currency"},
        source="Lagrangian dual of the allocation",
    )  # fmt: skip


@answers
def money_and_margin(plan: Answer) -> Answer:
    """Return what the actions would be believed to earn with less money, best ones first.

    Parameters
    ----------
    plan
        From `next_best_action`.

    Returns
    -------
    Answer
        Table budget, net (margin after cost), marginal (margin after cost of one more unit of money), share (of the net).
    """
    table = plan["frontier"].copy()
    full = float(table["net"].iloc[-1])
    if full <= 0:
        raise NotEnough("no action is believed to earn more than it costs", ASK)
    table["share"] = table["net"] / full
    spent = float(table["budget"].iloc[-1])
    early = table[table["budget"] <= 0.26 * spent].iloc[-1]
    return Answer(
        table=table,
        headline=f"The first {format_value(early.budget, 'currency')} spent bring {format_value(early.share, '%')} of what the actions may earn",
        so_what=(
            f"The last step earns {format_value(table['marginal'].iloc[-1], 'currency')} after cost per unit of money, the first "
            f"{format_value(table['marginal'].iloc[1], 'currency')}. If money is short, cut from the end of the list, not evenly across segments."
        ),
        kind="prescriptive",
        caption="Believed margin after cost by money spent on contacts, the best choice of customers at each budget",
        units={"budget": "currency", "net": "currency", "marginal": "currency", "share": "%"},
        source="allocation solved at several budgets",
    )


def action_plan(
    plan: Answer | Missing, actions: Sequence[Any], rules: Sequence[Any], initiatives: Sequence[Any], roles: Sequence[Any],
    as_of: date,
) -> pd.DataFrame | Missing:  # fmt: skip
    """Return the result ``action_plan``: the table of the plan with an owner and the day it starts.

    The owner is that of the automation rule with the action's purpose, else who is accountable for the
    initiative of the same name, else the first role of marketing or sales.
    """
    if isinstance(plan, Missing):
        return plan
    table = plan.table.copy()
    owners = {a.id: _owner(a, rules, initiatives, roles) for a in actions}
    table["owner"] = table["action_id"].map({key: owner for key, (owner, _) in owners.items()})
    days = table["action_id"].map({key: days for key, (_, days) in owners.items()})
    table["due"] = [str(as_of + timedelta(days=int(d))) for d in days]
    return table


def _owner(
    action: Any, rules: Sequence[Any], initiatives: Sequence[Any], roles: Sequence[Any]
) -> tuple[str, int]:
    for rule in rules:
        if rule.trigger == TRIGGER_OF.get(action.purpose):
            return rule.owner, max(rule.due_days, 1)
    for initiative in initiatives:
        if initiative.id == action.purpose:
            accountable = [
                role for role, letter in sorted(initiative.raci.items()) if letter == "A"
            ]
            return initiative.owner or (accountable[0] if accountable else "not named"), 30
    for role in roles:
        if role.department.lower() in ("marketing", "sales"):
            return role.id, 30
    return (roles[0].id if roles else "not named"), 30
