"""The metric tree itself: the result, what it is made of, and what each part did to the year's change."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from playbook.answer import Answer, answers, format_value
from playbook.objectives.tree import together

__all__ = ["metric_tree"]

BRANCHES = {
    "existing customers": "Customers kept",
    "new customers": "Customers won",
    "customers": "Customers",
    "guests": "Guest orders",
}
SHORT = {
    "existing customers": "Kept",
    "new customers": "Won",
    "customers": "All",
    "guests": "Guests",
}
LEAVES = {
    "customers": ("Customers", "count"),
    "orders": ("Orders", "count"),
    "orders each": ("Orders each", "ratio"),
    "order value": ("Revenue per order", "currency"),
    "amount": ("Amount", "currency"),
}
ROOT = "result"


@answers
def metric_tree(moved: Answer, branches: pd.DataFrame) -> Answer:
    """Return every node of the metric tree with its level in both years and its part of the change.

    Parameters
    ----------
    moved
        `what_moved`.
    branches
        One row per 12-month window and branch, as query ``branch_figures``.

    Returns
    -------
    Answer
        part (indented by depth), before, now, change (share), effect on the result (currency);
        ``answer["nodes"]`` in numbers: id, parent, depth, name, unit, before, now, change, effect. The
        effects of a node's children sum to its own, those of all leaves to the change of the year.

    Notes
    -----
    Gross margin = revenue − cost; revenue = customers kept + customers won + guest orders, each customers ×
    orders each × revenue per order. The effect of cost is that of its share of revenue: what cost moved because more
    was sold belongs to revenue. Effects are those of `what_moved` (Shapley values).
    """
    leaves, measure = moved["leaves"], moved["measure"]
    branches = together(branches)
    whole = measure == "gross margin"
    nodes = [_node(ROOT, "", 0, measure.capitalize(), "currency", moved["start"], moved["end"])]
    revenue = _sums(branches, "revenue")
    if whole:
        cost = {name: revenue[name] - _margins(leaves, revenue, name) for name in revenue}
        nodes += [
            _node("revenue", ROOT, 1, "Revenue", "currency", *sum(revenue.values())),
            *_sales(leaves, revenue, "revenue", 2),
            _node("cost", ROOT, 1, "Cost of goods", "currency", *sum(cost.values())),
            *_costs(leaves, revenue),
        ]
    else:
        nodes += _sales(leaves, revenue, ROOT, 1)
    table = _with_effects(pd.DataFrame(nodes))
    inner = (table["depth"] == 0) | table["id"].isin(["revenue", "cost"])
    shown = table[inner | (table[["before", "now", "effect"]] != 0).any(axis=1)]
    return Answer(
        table=_in_words(shown),
        headline=_headline(shown, measure),
        so_what=_so_what(shown, measure),
        kind="diagnostic",
        caption=f"{measure.capitalize()} of 12 months and of the year before, its parts, and what each did to the change (currency)",
        units={"change": "%", "effect": "currency"},
        source="orders; Shapley values, which sum to the change at every node",
        extra={"nodes": shown.reset_index(drop=True), "measure": measure},
    )


def _node(
    id_: str, parent: str, depth: int, name: str, unit: str, before: float, now: float,
    effect: float = math.nan,
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": id_, "parent": parent, "depth": depth, "name": name, "unit": unit, "before": before, "now": now,
        "change": now / before - 1 if before > 0 and unit != "%" else math.nan, "effect": effect,
    }  # fmt: skip


def _sums(branches: pd.DataFrame, column: str) -> dict[str, pd.Series]:
    """A column by branch: the year before, then the year."""
    wide = branches.pivot_table(index="branch", columns="years_ago", values=column, aggfunc="sum")
    wide = wide.astype("float64").reindex(columns=[1, 0]).fillna(0.0)
    wide = wide.reindex([name for name in BRANCHES if name in wide.index])
    return {str(name): row for name, row in wide.iterrows()}


def _margins(leaves: pd.DataFrame, revenue: dict[str, pd.Series], branch: str) -> pd.Series:
    own = leaves[leaves["branch"] == branch].set_index("leaf")
    if "margin rate" in own.index:
        rates = own.loc["margin rate"]
        return revenue[branch] * [rates["before"], rates["after"]]
    return pd.Series([own["before"].prod(), own["after"].prod()], index=revenue[branch].index)


def _sales(
    leaves: pd.DataFrame, revenue: dict[str, pd.Series], parent: str, depth: int
) -> list[dict[str, Any]]:
    found = []
    for branch in revenue:
        found.append(_node(branch, parent, depth, BRANCHES[branch], "currency", *revenue[branch]))
        own = leaves[(leaves["branch"] == branch) & (leaves["leaf"] != "margin rate")]
        for leaf in own.itertuples(index=False):
            title, unit = LEAVES[leaf.leaf]
            found.append(
                _node(f"{branch}, {leaf.leaf}", branch, depth + 1, title, unit, leaf.before, leaf.after, leaf.effect)
            )  # fmt: skip
    return found


def _costs(leaves: pd.DataFrame, revenue: dict[str, pd.Series]) -> list[dict[str, Any]]:
    """The share of revenue that goods cost, for each branch that has revenue."""
    return [
        _node(
            f"{leaf.branch}, cost", "cost", 2, f"{SHORT[leaf.branch]}: cost share", "%",
            1 - leaf.before, 1 - leaf.after, leaf.effect,
        )
        for leaf in leaves[leaves["leaf"] == "margin rate"].itertuples(index=False)
        if leaf.branch in revenue and revenue[leaf.branch].any()
    ]  # fmt: skip


def _with_effects(nodes: pd.DataFrame) -> pd.DataFrame:
    """Sum the effects of the leaves upwards."""
    effect = nodes.set_index("id")["effect"].copy()
    for depth in sorted(set(nodes["depth"]), reverse=True):
        for node in nodes[nodes["depth"] == depth].itertuples(index=False):
            children = list(nodes.loc[nodes["parent"] == node.id, "id"])
            if children or effect[node.id] != effect[node.id]:
                effect[node.id] = math.fsum(effect[children])
    return nodes.assign(effect=effect.to_numpy())


def _in_words(nodes: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "part": ["– " * r.depth + r.name for r in nodes.itertuples()],
            "before": [format_value(r.before, r.unit) for r in nodes.itertuples()],
            "now": [format_value(r.now, r.unit) for r in nodes.itertuples()],
            "change": nodes["change"].to_numpy(),
            "effect": nodes["effect"].to_numpy(),
        }
    )


def _main_parts(nodes: pd.DataFrame) -> pd.DataFrame:
    """The three branches, and cost where it is known; largest effect first."""
    parts = nodes[nodes["id"].isin([*BRANCHES, "cost"])]
    return parts.sort_values(["effect", "id"], key=lambda c: -c.abs() if c.name == "effect" else c)


def _signed(value: float) -> str:
    return ("+" if value >= 0 else "−") + format_value(abs(value), "currency")


def _headline(nodes: pd.DataFrame, measure: str) -> str:
    root, parts = nodes.iloc[0], _main_parts(nodes)
    way = "rose" if root["effect"] >= 0 else "fell"
    said = f"{measure.capitalize()} {way} by {format_value(abs(root['effect']), 'currency')}"
    if parts.empty:
        return said
    first = parts.iloc[0]
    return f"{said}; the largest part is {first['name'].lower()} ({_signed(first['effect'])})"


def _so_what(nodes: pd.DataFrame, measure: str) -> str:
    parts = _main_parts(nodes)
    told = ", ".join(f"{r.name.lower()} {_signed(r.effect)}" for r in parts.itertuples())
    inner = set(nodes["parent"])
    leaves = nodes[~nodes["id"].isin(inner)]
    worst = leaves.sort_values(["effect", "id"]).iloc[0]
    above = nodes.set_index("id")["name"].get(worst["parent"], "")
    text = f"The change of {measure} is made of: {told or 'nothing'}."
    if worst["effect"] < 0:
        name = (
            worst["name"] if worst["id"].endswith("cost") else f"{above}: {worst['name'].lower()}"
        )
        text += f" The branch to look at first is the one that pulls down most: {name} ({_signed(worst['effect'])})."
    else:
        text += " No leaf pulls the result down."
    return text
