"""Next best action: the plan's actions handed to customers where they are believed to earn most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from playbook.allocation import NONE, Allocation, allocate
from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.crm.beliefs import shrunken_effect
from playbook.crm.effects import Effects, applies, expected_effects, expected_margins
from playbook.errors import NotEnough

__all__ = [
    "EFFECT_DAYS",
    "campaigns_since",
    "candidates",
    "frontier",
    "money_for_contacts",
    "next_best_action",
    "shrunken_effect",
]

DRAWS = 1000
EFFECT_DAYS = 30
"""Days after a contact whose orders say what it did: later ones add noise, as most contacts act at once."""

SELLING = frozenset({"cross-sell", "up-sell"})
ASK = "actions in the plan, with cost and believed effect"


def campaigns_since(as_of: date) -> date:
    """Return the day after which campaigns say what actions of their kind do: three years back."""
    return date(as_of.year - 3, as_of.month, min(as_of.day, 28))


def money_for_contacts(budget: Any) -> float:
    """Return the plan's budget for keeping customers (currency), 0 without one."""
    return float(budget.retention) if budget is not None else 0.0


def _allowed(strategy: str | None, action: Any) -> bool:
    """Whether a segment's strategy leaves room for an action."""
    if strategy == "exit":
        return action.purpose == "service"
    if strategy == "maintain at low cost":
        return action.channel in ("email", "none")
    if strategy in ("appreciate", "win back"):
        return action.purpose not in SELLING
    return True


def candidates(
    now: pd.DataFrame, scores: pd.DataFrame | Missing, values: pd.DataFrame | Missing, segments: pd.DataFrame | Missing,
    strategies: pd.DataFrame | Missing, answered: pd.DataFrame, *, churn_above: float,
) -> pd.DataFrame | Missing:  # fmt: skip
    """Return one row per customer with what the choice of an action needs.

    Parameters
    ----------
    now
        Query ``customer_snapshot`` today: orders.
    scores
        Of the propensity answer.
    values, segments, strategies
        Results ``customer_value``, ``segments``, ``strategies`` of step 03.
    answered
        From `recent_answers`: detractor, promoter.
    churn_above
        Probability from which an active customer is at risk.

    Returns
    -------
    DataFrame
        customer_id, segment, strategy, active, at_risk, lapsed, business, detractor, promoter, purchase_probability,
        margin_given_order (expected margin of the next 12 months if there is at least one order, currency);
        alive (probability), expected_orders, expected_margin, expected_revenue (next 12 months, nothing done), leaves
        (probability that the next order is the last).

    Notes
    -----
    With λ = expected orders given alive, E[orders | at least one] = λ / (1 - e^-λ); times the
    expected margin of an order. Who never bought is expected to order as the propensity says, -ln(1 - p), at the median
    margin. Revenue is the margin times what all customers' revenue of the last 12 months was to their margin. Who
    has no history leaves as somebody with the shortest one does.
    """
    for part in (scores, values, segments):
        if isinstance(part, Missing):
            return part
    assert isinstance(scores, pd.DataFrame) and isinstance(values, pd.DataFrame)
    assert isinstance(segments, pd.DataFrame)
    frame = segments[["customer_id", "segment"]].merge(
        values, on="customer_id", suffixes=("", "_value")
    )
    known = [c for c in ("customer_id", "orders", "is_company") if c in now]
    frame = frame.merge(scores, on="customer_id").merge(now[known], on="customer_id")
    frame = frame.merge(answered, on="customer_id", how="left").sort_values(
        "customer_id", ignore_index=True
    )
    chosen = (
        strategies.set_index("segment")["strategy"]
        if isinstance(strategies, pd.DataFrame)
        else pd.Series(dtype="str")
    )
    active = frame["orders"].astype(float) > 0
    orders = frame["expected_orders_12m"].astype(float)
    alive = frame["p_alive"].astype(float).fillna(0.0)  # none for those who never bought
    rate = (orders / alive.clip(lower=0.01)).clip(lower=1e-6)
    margin = frame["expected_margin_12m"].astype(float) / orders.where(orders > 1e-6)
    middle = float(margin.median()) if margin.notna().any() else 0.0
    never = frame["p_alive"].isna().to_numpy() | ~(orders > 0).to_numpy()
    guess = -np.log1p(-frame["purchase_probability"].astype(float).clip(0, 0.99))
    expected = orders.fillna(0.0).where(~never, guess)
    earned, took = (float(values[c].astype(float).sum()) for c in ("margin_12m", "revenue_12m"))
    worth = expected * margin.fillna(middle)
    return pd.DataFrame({
        "customer_id": frame["customer_id"], "segment": frame["segment"],
        "strategy": frame["segment"].map(chosen), "active": active,
        "at_risk": active & (frame["churn_probability"] >= churn_above), "lapsed": ~active,
        "business": frame["is_company"].fillna(0).astype(bool) if "is_company" in frame else False,
        "detractor": frame["detractor"].fillna(False).astype(bool), "promoter": frame["promoter"].fillna(False).astype(bool),
        "purchase_probability": frame["purchase_probability"],
        "margin_given_order": margin.fillna(middle) * rate / -np.expm1(-rate),
        "alive": alive.where(~never, 1.0), "expected_orders": expected, "expected_margin": worth,
        "expected_revenue": worth * (took / earned if earned > 0 else 1.0), "leaves": _leaves(frame),
    })  # fmt: skip


def _leaves(frame: pd.DataFrame) -> pd.Series:
    """Probability that the next order is the last one (step 3); 0 where values do not say."""
    if "p_last_order" not in frame:
        return pd.Series(0.0, index=frame.index)
    told = frame["p_last_order"].astype(float)
    return told.fillna(told.max()).fillna(0.0)


def _eligible(
    people: pd.DataFrame, actions: Sequence[Any], reachable: pd.DataFrame
) -> pd.DataFrame:
    """Customers × actions: consent, holdout and cap (through the lists), state, strategy."""
    lists = reachable.set_index("customer_id").reindex(people["customer_id"])
    columns = {}
    for action in actions:
        if action.channel in lists:
            open_to = lists[action.channel].fillna(False).to_numpy(bool)
        else:
            open_to = lists.fillna(False).any(axis=1).to_numpy(bool)
        fits = applies(people, action)
        strategy = people["strategy"].map(
            lambda s, a=action: _allowed(None if pd.isna(s) else s, a)
        )
        columns[action.id] = open_to & fits & strategy.to_numpy(bool)
    return pd.DataFrame(columns, index=pd.Index(people["customer_id"], name="customer_id"))


def _choose(
    gains: pd.DataFrame, actions: Sequence[Any], eligible: pd.DataFrame, budget: float, capacity: Mapping[str, float],
) -> Allocation:  # fmt: skip
    cost = pd.Series({a.id: float(a.unit_cost) for a in actions})
    group = pd.Series({a.id: a.channel for a in actions})
    room = {name: int(limit) for name, limit in capacity.items() if name in set(group)}
    return allocate(gains - cost, cost, budget, room, group, eligible)


def _table(
    chosen: pd.DataFrame, people: pd.DataFrame, actions: Sequence[Any], seed: int, effects: Effects
) -> tuple[pd.DataFrame, np.ndarray]:
    """Per action × segment: customers, expected margin with interval, cost; and draws of the total."""
    rng = np.random.default_rng(seed)
    powers = effects.drawn_powers(DRAWS, rng)
    rows, total = [], np.zeros(DRAWS)
    people = people.set_index("customer_id", drop=False)
    for action in sorted(actions, key=lambda a: a.id):
        own = chosen[chosen["action"] == action.id]
        margins = effects.drawn_margins(people.loc[own["customer_id"]], action, powers, rng)
        for segment, part in own.groupby("segment"):
            drawn = margins[segment].to_numpy()
            total += drawn
            low, high = np.quantile(drawn, [0.025, 0.975])
            rows.append({
                "action": action.name, "segment": segment, "customers": len(part), "expected_margin": float(part["expected_margin"].sum()),
                "low": float(low), "high": float(high), "cost": float(part["cost"].sum()), "action_id": action.id,
            })  # fmt: skip
    columns = [
        "action",
        "segment",
        "customers",
        "expected_margin",
        "low",
        "high",
        "cost",
        "action_id",
    ]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(
        ["expected_margin", "action", "segment"], ascending=[False, True, True], ignore_index=True
    ), total


@answers
def next_best_action(
    people: pd.DataFrame, actions: Sequence[Any], reachable: pd.DataFrame, holdout: pd.DataFrame, *, budget: float,
    capacity_per_month: Mapping[str, float], months: int, seed: int, outcomes: pd.DataFrame | None = None,
    needs: pd.DataFrame | None = None,
) -> Answer:  # fmt: skip
    """Return which action each customer gets for the highest believed margin within the limits.

    Parameters
    ----------
    people
        From `candidates`.
    actions
        ``plan.actions``; their effects are beliefs, weighed against measured campaigns (`expected_effects`).
    reachable, holdout
        Of the target lists: consent, suppression, contact cap; customers never to be touched.
    budget
        Money for contacts over ``months`` (currency).
    capacity_per_month
        Contacts a month by channel.
    months
        How long the plan lasts; one action per customer in that time.
    seed
        Of the draws of effects.
    outcomes
        Query ``campaign_outcomes``; without it, beliefs only.
    needs
        From `need_weights`; without it, actions are expected to work alike in all segments.

    Returns
    -------
    Answer
        Table action, segment, customers, expected_margin (before the contact's cost), low, high, cost, action_id.
        Extra ``choice`` (result next_best_action), ``allocation``, ``actions`` (as given), ``effects`` (`Effects`),
        ``eligible``, ``gains`` and the part of it from ``staying`` (customers × actions).
    """
    need(pd.DataFrame({"action": [a.id for a in actions]}), "actions in the plan", ASK)
    need(people, "customers with value and score", "order histories of two years or more")
    capacity = {name: months * float(limit) for name, limit in capacity_per_month.items()}
    eligible = _eligible(people, actions, reachable)
    if not eligible.to_numpy().any():
        raise NotEnough(
            "no action of the plan may be used on any customer",
            "consents per channel, with their dates",
        )
    effects = expected_effects(people, actions, outcomes, needs)
    gains = expected_margins(people, actions, effects)
    staying = pd.DataFrame({a.id: effects.staying(people, a) for a in actions}, index=gains.index)
    result = _choose(gains, actions, eligible, budget, capacity)
    cost = {a.id: float(a.unit_cost) for a in actions} | {NONE: 0.0}
    choice = people[["customer_id", "segment"]].merge(holdout, on="customer_id", how="left")
    choice["action"] = choice["customer_id"].map(result.choice)
    margins = gains.assign(**{NONE: 0.0}).stack()
    keys = pd.MultiIndex.from_frame(choice[["customer_id", "action"]])
    choice["expected_margin"] = margins.reindex(keys).to_numpy(float)
    choice["cost"] = choice["action"].map(cost)
    table, draws = _table(choice, people, actions, seed, effects)
    net = float(choice["expected_margin"].sum() - choice["cost"].sum())
    low, high = (float(q) for q in np.quantile(draws - result.spent, [0.025, 0.975]))
    touched = int((choice["action"] != NONE).sum())
    return Answer(
        table=table,
        headline=f"{touched:,} customers get an action believed to earn {format_value(net, 'currency')} after its cost",
        so_what=_nba_advice(table, net, low, high, result, effects),
        kind="prescriptive",
        caption=f"Believed margin before cost by action and segment, {months} months (95 % of the beliefs)",
        units={"customers": "count", "expected_margin": "currency", "low": "currency", "high": "currency", "cost": "currency"},
        source="plan, customer value, propensity, target lists; multiple-choice knapsack by its Lagrangian dual",
        metrics=(
            Metric("action_margin_expected", net, low, high, touched, "currency", "prescriptive"),
            Metric("action_cost", result.spent, n=touched, unit="currency", kind="prescriptive"),
            Metric("action_duality_gap", result.gap, n=len(choice), unit="%", kind="prescriptive"),
        ),
        extra={
            "choice": choice[["customer_id", "segment", "action", "expected_margin", "cost", "holdout"]],
            "allocation": result, "effects": effects, "eligible": eligible, "gains": gains, "staying": staying, "actions": tuple(actions), "capacity": capacity, "budget": budget, "months": months,
        },
    )  # fmt: skip


def _nba_advice(
    table: pd.DataFrame, net: float, low: float, high: float, result: Allocation, effects: Effects
) -> str:
    campaigns = int(effects.table.groupby("action_id")["campaigns"].first().sum())
    source = "These are beliefs of the plan, not measurements: if they hold, "
    if effects.held is not None and campaigns:
        source = (
            f"These are beliefs of the plan, set right by {campaigns} past campaigns with a random control, which brought "
            f"{format_value(effects.held, '%')} of what was believed of their kind: expect "
        )
    if table.empty:
        return "No action is believed to earn more than it costs for anybody it may be used on. Do nothing, and test one on a random part."
    sure = table[table["low"] > 0]
    best = (sure if len(sure) else table).iloc[0]
    ratio = result.spent and net / result.spent
    return (
        f"{source}{format_value(net, 'currency')} net "
        f"({format_value(low, 'currency')} to {format_value(high, 'currency')}) for {format_value(result.spent, 'currency')} of contacts, "
        f"{ratio:.1f} per unit of money. Start with '{best.action}' for '{best.segment}', and keep a random control in each action, "
        "so that the review can replace the belief by a figure."
        + (" The range reaches below zero: start small." if low < 0 else "")
        + (
            f" Nothing with a random control is known of {', '.join(effects.unheard)}, which the plan names."
            if effects.unheard
            else ""
        )
        + effects.needs.told()
    )


def frontier(plan: Answer, shares: Sequence[float]) -> pd.DataFrame:
    """Return what the plan would be believed to earn with less money than it uses.

    Parameters
    ----------
    plan
        From `next_best_action`.
    shares
        Of the money that the plan uses, rising, each chosen for anew.

    Returns
    -------
    DataFrame
        budget, net (margin after cost), marginal (margin after cost of one more unit of money since the row before); from
        nothing to all of it.
    """
    result = plan["allocation"]
    rows = [{"budget": 0.0, "net": 0.0}]
    for money in (share * result.spent for share in shares if result.spent > 0):
        part = _choose(plan["gains"], plan["actions"], plan["eligible"], money, plan["capacity"])
        rows.append({"budget": money, "net": part.value})
    rows.append({"budget": result.spent, "net": result.value})
    table = pd.DataFrame(rows).drop_duplicates("budget", ignore_index=True)
    table["marginal"] = table["net"].diff() / table["budget"].diff()
    return table
