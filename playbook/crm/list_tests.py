"""How large a control each contact list needs before its effect can be told from chance, and the draw of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from math import ceil, isfinite
from typing import Any

import numpy as np
import pandas as pd

from playbook.allocation import NONE
from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.crm.effects import POWERS
from playbook.crm.targeting import universal_holdout
from playbook.stats import (
    power_two_proportions,
    sample_size_two_proportions,
    smallest_detectable_effect,
)

__all__ = [
    "CONTROL",
    "TREATED",
    "draw_arms",
    "drawn_choice",
    "list_id",
    "list_tests",
    "smallest_control",
]

TREATED, CONTROL = "treated", "control"
POOLED = 0.10
"""Share held back of a list too small to prove its effect alone: its waves are pooled at the review."""

SMALLEST, LARGEST = 0.01, 0.99  # base rates outside leave no room for an effect
GROUP = 2  # fewer than this in a group is no comparison


def smallest_control(base_rate: float, listed: int, effect: float) -> int | None:
    """Return the fewest customers to hold back at random so that ``effect`` would be found.

    Parameters
    ----------
    base_rate
        Share that buys without the contact (0 to 1).
    listed
        Customers of the list, those held back included.
    effect
        Rise of that share which must be found with 80 % power at the 5 % level (two-sided).

    Returns
    -------
    int or None
        At most half of the list; none where even that is too few.
    """
    if not 0 < effect < 1 - base_rate or listed < 2 * GROUP:
        return None

    def found(control: int) -> bool:
        least = smallest_detectable_effect(base_rate, listed - control, control)
        return isfinite(least) and least <= effect

    low, high = GROUP, listed // 2
    if not found(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle + 1, high)
    return low


def list_id(action_id: str, as_of: date) -> str:
    """Return the name of a list, which next year is the id of its campaign."""
    return f"{action_id}-{as_of}"


def _share(hold_back: float, listed: int) -> float:
    """Share of a list to hold back: whole per cents that suffice, at most half; a list that cannot prove anything gives a tenth."""
    if not isfinite(hold_back):
        return POOLED
    return min(ceil(100 * hold_back / listed - 1e-9) / 100, 0.5)


def draw_arms(choice: pd.DataFrame, held: dict[str, float], seed: int, period: str) -> pd.DataFrame:
    """Return the chosen actions with the arm of each customer, drawn by hash.

    Parameters
    ----------
    choice
        customer_id, action.
    held
        Action to the share of its list that is held back.
    seed, period
        With the action they name the draw. A customer's arm depends on nobody else and stays the same in all waves of
        a period's list. The universal holdout is drawn from another hash and stands on no list, so neither tells of the other.

    Returns
    -------
    DataFrame
        ``choice`` with arm and assignment_probability (of being contacted; none where no action is meant).

    Notes
    -----
    One probability holds for a whole list, so no strata are needed: treated less control is unbiased as it is.
    """
    drawn = choice.assign(
        arm=pd.Series(pd.NA, choice.index, dtype="str"), assignment_probability=np.nan
    )
    for action, share in held.items():
        mine = (choice["action"] == action).to_numpy()
        names = [f"{action}:{period}:{key}" for key in choice.loc[mine, "customer_id"]]
        out = universal_holdout(names, seed, share)
        drawn.loc[mine, "arm"] = np.where(out, CONTROL, TREATED)
        drawn.loc[mine, "assignment_probability"] = 1 - share
    return drawn


def drawn_choice(plan: Answer | Missing, tests: Answer | Missing) -> pd.DataFrame | Missing:
    """Return the plan's choice with the arm of each customer; without a single list, all are without an arm."""
    if isinstance(plan, Missing) or isinstance(tests, Answer):
        return tests["choice"] if isinstance(plan, Answer) else plan
    return draw_arms(plan["choice"], {}, 0, "")


def _points(people: pd.DataFrame, effects: pd.DataFrame) -> pd.Series:
    """Rise of each customer's chance of an order by the chosen action: what the plan expects, in points of repurchase.

    The plan's effects are relative changes of a segment's orders. Extra orders go with a power of a customer's rate r, as in
    `expected_effects`; the share of those who buy nothing, a e^-r with a the probability of still being a customer, falls by 1 - e^-extra;
    averaged over the powers.
    """
    alive = people["alive"].astype(float)
    orders = people["expected_orders"].astype(float).clip(lower=0)
    rate = orders / alive.clip(lower=0.01)
    segment = people["segment"]
    effect = effects.set_index(["action_id", "segment"])["effect"].reindex(pd.MultiIndex.from_frame(people[["action", "segment"]]))  # fmt: skip
    extra = effect.fillna(0.0).to_numpy(float) * orders.groupby(segment).transform("sum")
    points = pd.Series(0.0, people.index)
    for power in POWERS:
        shape = alive * rate**power
        each = extra / shape.groupby(segment).transform("sum").clip(lower=1e-9) * rate**power
        points += alive * np.exp(-rate) * -np.expm1(-each) / len(POWERS)
    return points


def _row(action: Any, group: pd.DataFrame) -> dict[str, object]:
    n = len(group)
    base = float(np.clip(group["purchase_probability"].mean(), SMALLEST, LARGEST))
    margin = float(group["margin_given_order"].clip(lower=0).mean())
    pays = float(action.unit_cost) / margin if margin > 0 else np.nan
    expected = float(group["points"].mean())
    room = 0 < pays < 1 - base
    half = smallest_detectable_effect(base, n - n // 2, n // 2) if n >= 2 * GROUP else np.nan
    control = smallest_control(base, n, expected)
    return {
        "list": action.name, "channel": action.channel, "customers": n, "base_rate": base, "pays_from": pays, "expected": expected,
        "found_at_best": half, "needed": 2 * sample_size_two_proportions(base, base + pays) if room else np.nan,
        "hold_back": np.nan if control is None else control, "action_id": action.id,
    }  # fmt: skip


@answers
def list_tests(
    plan: Answer, people: pd.DataFrame, actions: Sequence[Any], *, seed: int, period: str
) -> Answer:
    """Return for each contact list the smallest effect worth finding, the control that would find it, and who is in it.

    Parameters
    ----------
    plan
        From `next_best_action`: who gets which action, and what effect the plan expects (beliefs set right by campaigns).
    people
        From `candidates`: segment, alive, expected_orders, purchase_probability and margin_given_order of each customer.
    actions
        ``plan.actions``: unit cost.
    seed, period
        Of the draw of the control groups (see `draw_arms`).

    Returns
    -------
    Answer
        Table list, channel, customers, base_rate, pays_from (effect at which the contact pays for
        itself: the smallest worth finding), expected (the plan's effect, in the same points), found_at_best (smallest effect that
        half against half would show), needed (customers in both halves to find ``pays_from``),
        hold_back (fewest to hold back at random so that the expected effect is found; none where the
        list is too small), held_back (drawn), chance (probability that those held back show the expected effect),
        action_id. Extra ``choice``: the plan's with arm and assignment_probability.

    References
    ----------
    Fleiss, J. L. (1981). Statistical Methods for Rates and Proportions; 80 % power, 5 % two-sided.
    """
    choice = plan["choice"]
    told = people.drop(columns="action", errors="ignore").merge(choice[["customer_id", "action"]], on="customer_id")  # fmt: skip
    told["points"] = _points(told, plan["effects"].table)
    chosen = told[told["action"] != NONE]
    need(chosen, "customers on a contact list", "actions that earn more than they cost")
    by_id = {action.id: action for action in actions}
    rows = [_row(by_id[name], group) for name, group in chosen.groupby("action")]
    table = pd.DataFrame(rows)
    held = {row.action_id: _share(row.hold_back, row.customers) for row in table.itertuples()}
    drawn = draw_arms(choice, held, seed, period)
    controls = drawn[drawn["arm"] == CONTROL].groupby("action").size()
    count = table["action_id"].map(controls).fillna(0).astype("int64")
    table.insert(table.columns.get_loc("hold_back") + 1, "held_back", count)
    table.insert(table.columns.get_loc("held_back") + 1, "chance", [
        power_two_proportions(r.base_rate, r.expected, r.customers - r.held_back, r.held_back) for r in table.itertuples()
    ])  # fmt: skip
    table = table.sort_values(["customers", "list"], ascending=[False, True], ignore_index=True)
    able = table[table["hold_back"].notna()]
    return Answer(
        table=table,
        headline=f"{len(able)} of {len(table)} contact lists can show the effect the plan expects of them",
        so_what=_advice(table, able, held),
        kind="prescriptive",
        caption=(
            f"Contact lists of the plan (n = {len(chosen):,} customers): repurchase without contact, effect at which a contact pays, "
            "and the control needed (80 % power, 5 % level, two-sided)"
        ),
        units={
            "customers": "count", "base_rate": "%", "pays_from": "%", "expected": "%", "found_at_best": "%",
            "needed": "count", "hold_back": "count", "held_back": "count", "chance": "%",
        },
        source="next best action, propensity, customer value; plan",
        metrics=(
            Metric("lists_that_can_show", float(len(able)), n=len(table), unit="count", kind="prescriptive"),
            Metric("control_customers", float(table["held_back"].sum()), n=len(chosen), unit="count", kind="prescriptive"),
        ),
        extra={"choice": drawn},
    )  # fmt: skip


def _advice(table: pd.DataFrame, able: pd.DataFrame, held: dict[str, float]) -> str:
    said = []
    if len(able):
        first = able.iloc[0]
        said.append(
            f"{first.held_back:,} of the {first.customers:,} customers of '{first.list}' are held back by lot ({format_value(held[first.action_id], '%')}), so that "
            f"its expected effect of {100 * first.expected:.1f} percentage points can be confirmed or refuted by the next review."
        )
    small = table[table["hold_back"].isna()]
    if len(small):
        said.append(_too_small(small.iloc[0]))
    dear = table[table["needed"] > table["customers"]]
    if len(dear):
        ratio = dear.iloc[0]
        said.append(
            f"To show that '{ratio.list}' just pays ({format_value(ratio.pays_from, '%')}) would take {format_value(ratio.needed, 'count')} customers."
        )
    return " ".join(said)


def _too_small(worst: Any) -> str:
    """What a list that cannot show its effect can still show."""
    if not worst.expected > 0:
        return f"The plan expects no rise of '{worst.list}': there is nothing to show."
    best = worst.found_at_best
    shown = (
        f"half against half shows effects from {100 * best:.1f} points only"
        if isfinite(best)
        else "it is too small for any comparison"
    )
    chance = (
        f", which show it with a chance of {format_value(worst.chance, '%')}"
        if isfinite(worst.chance)
        else ""
    )
    return (
        f"'{worst.list}' ({worst.customers:,} customers) cannot prove an effect of {100 * worst.expected:.1f} points: {shown}. "
        f"Of such lists {format_value(POOLED, '%')} are held back{chance}; pool several waves before their result is read."
    )
