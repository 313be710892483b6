"""The plan of actions: its limits and what less money would earn, owners and dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from playbook.allocation import NONE, Allocation
from playbook.answer import Answer, Metric, Missing, answers, format_value
from playbook.crm.actions import _choose, _eligible, _table, frontier
from playbook.errors import NotEnough

__all__ = ["action_plan", "budget_what_if", "limits", "money_and_margin"]

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
        Table limit, available, used, share_used, shadow_price (margin per unit of money or per contact,
        after the cost of the action), in_words.
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
    table["in_words"] = [_in_words(row) for row in table.itertuples()]
    table = table.sort_values(["shadow_price", "limit"], ascending=[False, True], ignore_index=True)
    tight = table.iloc[0]
    return Answer(
        table=table,
        headline=(
            f"The tightest limit is {tight.limit}: one more would earn {format_value(tight.shadow_price, 'currency')}"
            if tight.shadow_price > 0 else "No limit binds: every action worth its cost fits"
        ),
        so_what=(
            (f"{tight.limit.capitalize()}: {tight.in_words}. "
             if tight.shadow_price > 0 else
             "More money or more contacts would add nothing under these beliefs; what limits the plan is consent and how few customers an action fits. ")
            + f"No other choice of actions could earn more than {format_value(result.gap, '%')} beyond this one."
        ),
        kind="prescriptive",
        caption=f"Limits of the plan over {plan['months']} months, how far they are used, and the believed margin of one more unit",
        units={"available": "count", "used": "count", "share_used": "%", "shadow_price": "currency"},
        source="Lagrangian dual of the allocation",
    )  # fmt: skip


def _in_words(row: Any) -> str:
    """What one more unit of a limit returns, as one would say it."""
    if row.shadow_price <= 0:
        return (
            "not used up: one more would add nothing"
            if row.used < row.available
            else "used up, but one more would add nothing"
        )
    price = format_value(row.shadow_price, "currency")
    if row.limit == "money":
        return f"one more unit of money returns {format_value(1 + row.shadow_price, 'currency')}, {price} after paying itself back"
    return f"one more contact returns {price} after its own cost; buy more for less than that"


CASES = (-0.5, -0.25, 0.0, 0.25, 0.5)
"""Changes of the budget that are tried (share of it)."""


@answers
def budget_what_if(
    plan: Answer, people: pd.DataFrame, actions: Sequence[Any], reachable: pd.DataFrame, seed: int
) -> Answer:
    """Return what the actions would be believed to earn with half the money, half as much again, and between.

    Parameters
    ----------
    plan
        From `next_best_action`, which chose with the plan's budget.
    people, actions, reachable
        What the plan was made from.
    seed
        Of the draws of beliefs.

    Returns
    -------
    Answer
        Table change (of the money, share), budget, spent, customers, net (margin after cost), low, high (95 % of the
        beliefs), difference (net against the budget as it is), shadow_price (one more unit of money, after it paid
        itself back), gap. The choice is made anew at each budget.

    Notes
    -----
    A budget that is not used up says nothing about less money. Then the money in use is varied: ``extra["base"]``
    is "money in use" instead of "budget".
    """
    result: Allocation = plan["allocation"]
    if result.spent <= 0:
        raise NotEnough("no action that costs money is believed to earn more than it costs", ASK)
    slack = not result.spent >= 0.95 * plan["budget"]
    base = result.spent if slack else float(plan["budget"])
    eligible = _eligible(people, actions, reachable)
    rows = [
        {"change": change, "budget": base * (1 + change)}
        | _outcome(plan, people, actions, eligible, base * (1 + change), seed)
        for change in CASES
    ]
    table = pd.DataFrame(rows)
    table.insert(
        7, "difference", table["net"] - float(table.loc[table["change"] == 0, "net"].iloc[0])
    )
    half, more = table.iloc[0], table.iloc[-1]
    what = "money in use" if slack else "budget"
    return Answer(
        table=table,
        headline=(
            f"Half the {what} would cost {format_value(-half.difference, 'currency')} of margin, half as much again would add "
            + (format_value(more.difference, "currency") if more.difference > 0 else "nothing")
        ),
        so_what=(
            (f"The budget of {format_value(plan['budget'], 'currency')} is far from used up, so the {format_value(result.spent, 'currency')} in use are varied. "
             if slack else "")
            + f"With half of it {int(half.customers):,} customers would still get an action and {format_value(half.net, 'currency')} would be earned after cost; "
            f"the last unit there would return {format_value(1 + half.shadow_price, 'currency')}. "
            + (f"More money is worth asking for: at {format_value(more.budget, 'currency')} one more unit still returns {format_value(1 + more.shadow_price, 'currency')}."
               if more.shadow_price > 0 else "More money finds nobody for whom an action pays within the other limits: do not ask for it.")
        ),
        kind="prescriptive",
        caption=f"Believed margin after cost if the {what} were up to half lower or higher, customers chosen anew each time (95 % of the beliefs)",
        units={"change": "%", "budget": "currency", "spent": "currency", "customers": "count", "net": "currency", "low": "currency",
               "high": "currency", "difference": "currency", "shadow_price": "currency", "gap": "%"},
        source="allocation solved at five budgets",
        metrics=(Metric("net_at_half_money", float(half.net), float(half.low), float(half.high), int(half.customers), "currency", "prescriptive"),),
        extra={"base": what},
    )  # fmt: skip


def _outcome(
    plan: Answer, people: pd.DataFrame, actions: Sequence[Any], eligible: pd.DataFrame, budget: float, seed: int
) -> dict[str, Any]:  # fmt: skip
    """What the best choice at one budget spends and is believed to earn, with the range of the beliefs."""
    gains = plan["gains"]
    result = _choose(gains, actions, eligible, budget, plan["capacity"])
    cost = {a.id: float(a.unit_cost) for a in actions} | {NONE: 0.0}
    choice = people[["customer_id", "segment"]].assign(
        action=lambda f: f["customer_id"].map(result.choice)
    )
    keys = pd.MultiIndex.from_frame(choice[["customer_id", "action"]])
    choice["expected_margin"] = gains.assign(**{NONE: 0.0}).stack().reindex(keys).to_numpy(float)
    choice["cost"] = choice["action"].map(cost)
    low, high = np.quantile(
        _table(choice, people, actions, seed, plan["effects"])[1] - result.spent, [0.025, 0.975]
    )
    return {
        "spent": result.spent, "customers": int((choice["action"] != NONE).sum()),
        "net": float(choice["expected_margin"].sum()) - result.spent, "low": float(low), "high": float(high),
        "shadow_price": float(result.shadow_prices["budget"]), "gap": result.gap,
    }  # fmt: skip


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
    table = frontier(plan, (0.02, 0.05, 0.1, 0.25, 0.5, 0.75))
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
