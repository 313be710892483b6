"""One action per customer under budget, capacities and consent: multiple-choice knapsack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook.allocation.dual import Problem, solve_dual
from playbook.allocation.rounding import whole

NONE = "none"
BUDGET = "budget"


@dataclass(frozen=True)
class Allocation:
    """The chosen action per customer.

    Attributes
    ----------
    choice
        Action per customer_id ('none' for no action), sorted by customer_id.
    value
        Summed expected incremental margin.
    spent
        Cost of the chosen actions.
    used
        Contacts per capacity group.
    shadow_prices
        Margin that one more unit would add: of 'budget' per unit of money, of each
        capacity group per contact. 0 where the limit does not bind.
    bound
        No allocation can be worth more than this.
    gap
        Duality gap (bound - value) / bound: at most this share is lost. Up to 300 customers
        the bound is that of the branch and bound, above that of the Lagrangian dual.
    """

    choice: pd.Series
    value: float
    spent: float
    used: pd.Series
    shadow_prices: pd.Series
    bound: float
    gap: float


def allocate(
    value: pd.DataFrame,
    cost: pd.Series,
    budget: float,
    capacity: Mapping[str, int],
    group: pd.Series,
    eligible: pd.DataFrame | None = None,
) -> Allocation:
    """Choose at most one action per customer for the highest expected margin within the limits.

    Parameters
    ----------
    value
        customers × actions: expected incremental margin of the action for the customer, net
        of its cost where the budget need not be spent. Only positive values are ever chosen.
    cost
        Cost per contact, index the actions (money).
    budget
        Money for all contacts together; infinity for no limit.
    capacity
        Contacts that each capacity group (channel, team) can make; others are unlimited.
    group
        Capacity group per action, index the actions.
    eligible
        customers × actions, False where consent, suppression, holdout or the customer's contact
        cap forbid the action. None: everything is allowed.

    Raises
    ------
    ValueError
        Repeated customers, an action called 'none', missing or infinite numbers, negative costs
        or limits, actions or customers that do not match, unknown groups.

    Notes
    -----
    Multiple-choice knapsack. Prices of the resources minimise the Lagrangian dual (Fisher
    1981), each customer takes the best action at these prices, conflicts are settled
    by smallest regret, slack is filled by best gain, and the 300 customers nearest to
    indifference (the core, Pisinger 1995) are rearranged together by branch and bound. Between customers
    with equal values the smaller key goes first, between equal actions the cheaper one.
    """
    value, allowed = _checked(value, cost, budget, capacity, group, eligible)
    actions = sorted(value.columns, key=lambda name: (float(cost[name]), name))
    worth = np.where(allowed[actions], value[actions], -np.inf).T
    groups = sorted(capacity)
    room = np.array([capacity.get(group[a], 1) for a in actions])
    beyond = (cost[actions].to_numpy(float) > budget) | (room < 1)
    worth[(worth <= 0) | beyond[:, None]] = -np.inf
    scale = max(float(worth.max(initial=0.0)), 0.0) or 1.0
    money = max(float(cost.max()), 0.0) or 1.0
    names = ([BUDGET] if np.isfinite(budget) else []) + groups
    use = np.array([
        [cost[a] / money if name == BUDGET else float(group[a] == name) for name in names]
        for a in actions
    ]).reshape(len(actions), len(names))  # fmt: skip
    limit = np.array(
        [budget / money if name == BUDGET else np.floor(capacity[name]) for name in names]
    )
    every = Problem(np.ascontiguousarray(worth) / scale, np.ones(len(value)), use, limit)
    kind, kinds = _kinds(every)
    dual = solve_dual(kinds)
    choice, bound = whole(every, dual, kind)
    labels = np.array([NONE, *actions], dtype=object)[choice + 1]
    counts = pd.Series(labels).value_counts().reindex(actions, fill_value=0)
    total, bound = every.total(choice) * scale, bound * scale
    units = np.array([money if name == BUDGET else 1.0 for name in names])
    shadow = pd.Series(dual.prices * scale / units, names, float).reindex([BUDGET, *groups])
    return Allocation(
        choice=pd.Series(labels, value.index, dtype="str", name="action"),
        value=total,
        spent=float((counts * cost[actions]).sum()),
        used=counts.groupby(group[actions]).sum().rename_axis("group").rename("contacts"),
        shadow_prices=shadow.fillna(0.0).rename("shadow_price"),
        bound=max(bound, total),
        gap=max(0.0, (bound - total) / bound) if bound > 0 else 0.0,
    )


def _kinds(problem: Problem) -> tuple[np.ndarray, Problem]:
    """Kind of each customer (identical values are one kind) and the problem of the kinds."""
    rows = pd.DataFrame(problem.values.T)
    groups = rows.groupby(list(rows.columns), sort=False)
    kind = groups.ngroup().to_numpy()
    first = np.flatnonzero(~pd.Series(kind).duplicated().to_numpy())
    size = np.bincount(kind, minlength=len(first)).astype(float)
    values = np.ascontiguousarray(problem.values[:, first])
    return kind, Problem(values, size, problem.use, problem.limit)


def _by_customer(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    frame = frame.set_axis(frame.index.astype(str).rename("customer_id"), axis=0)
    if not frame.index.is_unique:
        key = frame.index[frame.index.duplicated()].min()
        raise ValueError(f"{what}: customer {key!r} is there more than once; give one row each")
    return frame.sort_index()


def _checked(
    value: pd.DataFrame,
    cost: pd.Series,
    budget: float,
    capacity: Mapping[str, int],
    group: pd.Series,
    eligible: pd.DataFrame | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Values and permissions sorted by customer, or a message about what does not fit."""
    actions = set(value.columns)
    if not actions or len(actions) != value.shape[1] or NONE in actions:
        raise ValueError(f"value: expected distinct actions, none called 'none'; got {list(value)}")
    for name, series in (("cost", cost), ("group", group)):
        if set(series.index) != actions or not series.index.is_unique:
            raise ValueError(f"{name}: expected one entry per action {sorted(actions)}")
    value = _by_customer(value.astype(float), "value")
    if not np.isfinite(value.to_numpy()).all():
        raise ValueError("value: has missing or infinite numbers; use eligible=False to forbid")
    if not (np.isfinite(cost.to_numpy(float)) & (cost.to_numpy(float) >= 0)).all():
        raise ValueError("cost: expected money of 0 or more per contact for each action")
    if not budget >= 0 or any(not limit >= 0 for limit in capacity.values()):
        raise ValueError("budget and capacities must be 0 or more")
    unknown = sorted(set(capacity) - set(group))
    if unknown or BUDGET in capacity:
        raise ValueError(f"capacity: {unknown or [BUDGET]} is no group of any action")
    if eligible is None:
        return value, pd.DataFrame(True, value.index, value.columns)
    eligible = _by_customer(eligible, "eligible")
    if set(eligible.columns) != actions or not eligible.index.equals(value.index):
        raise ValueError("eligible: expected the same customers and actions as value")
    if not all(pd.api.types.is_bool_dtype(kind) for kind in eligible.dtypes):
        raise ValueError("eligible: expected true or false; say what an unknown consent means")
    if eligible.isna().to_numpy().any():
        raise ValueError("eligible: has missing entries; an unknown consent is no consent")
    return value, eligible.astype(bool)
