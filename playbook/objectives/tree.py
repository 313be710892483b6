"""What moved the result: the year's change split exactly over the leaves of the metric tree."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, format_value, need
from playbook.errors import NotEnough
from playbook.order_years import is_whole_year, margin_of, tells_new_from_old
from playbook.stats import shapley_change

__all__ = ["branch_leaves", "together", "what_moved"]

BRANCHES = ("existing customers", "new customers", "guests")
TOGETHER = "customers"
"""Branch of all customers, where new ones cannot be told from old ones."""
SHORT = {
    "existing customers": "existing",
    "new customers": "new",
    "guests": "guests",
    TOGETHER: "all",
}
PHRASES = {
    "customers": "number of",
    "orders each": "orders per head of",
    "order value": "order value of",
    "margin rate": "margin rate of",
    "orders": "number of orders of",
    "amount": "result of",
}


def branch_leaves(
    before: pd.Series, after: pd.Series, measure: str
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the leaves of one branch in both periods; their product is the branch's result.

    Parameters
    ----------
    before, after
        ``customers``, ``orders``, ``revenue``, ``margin``, ``priced_revenue`` of the branch.
    measure
        ``gross margin`` or ``revenue``.

    Notes
    -----
    A rate that is not defined (no orders, say) takes its level of the other period, so that the count
    carries the change. Where the product cannot give the result (refunds without orders), the branch has
    one leaf, its amount.
    """
    first, second = _levels(before, measure), _levels(after, measure)
    for name in first:
        if math.isnan(first[name]):
            first[name] = second[name]
        if math.isnan(second[name]):
            second[name] = first[name]
        if math.isnan(first[name]):
            first[name] = second[name] = 0.0
    results = [_result(row, measure) for row in (before, after)]
    for levels, result in zip((first, second), results, strict=True):
        if not math.isclose(math.prod(levels.values()), result, rel_tol=1e-9, abs_tol=1e-9):
            return {"amount": results[0]}, {"amount": results[1]}
    return first, second


def _levels(row: pd.Series, measure: str) -> dict[str, float]:
    customers, orders = float(row["customers"]), float(row["orders"])
    revenue = float(row["revenue"])
    levels = {}
    if row["branch"] == "guests":
        levels["orders"] = orders
    else:
        levels["customers"] = customers
        levels["orders each"] = orders / customers if customers else math.nan
    levels["order value"] = revenue / orders if orders else math.nan
    if measure == "gross margin":
        levels["margin rate"] = _result(row, measure) / revenue if revenue else math.nan
    return levels


def _result(row: pd.Series, measure: str) -> float:
    if measure == "revenue":
        return float(row["revenue"])
    return margin_of(row) if row["revenue"] else float(row["margin"])


def together(branches: pd.DataFrame) -> pd.DataFrame:
    """Return the branches, with new and existing customers as one where they cannot be told apart in both years."""
    if all(tells_new_from_old(row) for _, row in branches[branches["years_ago"] == 1].iterrows()):
        return branches
    sums = ["customers", "orders", "revenue", "margin", "priced_revenue"]
    one = branches.assign(branch=branches["branch"].where(branches["branch"] == "guests", TOGETHER))
    keys = [c for c in branches.columns if c not in sums]
    return one.groupby(keys, as_index=False, dropna=False)[sums].sum(min_count=1)


@answers
def what_moved(branches: pd.DataFrame) -> Answer:
    """Split the change of gross margin (revenue, where costs are unknown) over the metric tree.

    Parameters
    ----------
    branches
        One row per 12-month window and branch, as query ``branch_figures``.

    Returns
    -------
    Answer
        One row per leaf, largest effect first: name, before, after, change, effect (currency);
        ``answer["leaves"]`` adds branch and leaf; ``answer["start"]`` and ``answer["end"]`` are the two levels.
    """
    ask = "orders of at least 24 months"
    need(branches, "orders by branch of customers", ask)
    first = branches[branches["years_ago"] == 1]
    if first.empty or not is_whole_year(first.iloc[0]):
        raise NotEnough("there is no whole year before this one to compare with", ask)
    branches = together(branches)
    names = [
        name
        for name in (*BRANCHES, TOGETHER)
        if name in set(branches["branch"]) or name == "guests"
    ]
    measure = "gross margin" if _costs_known(branches) else "revenue"
    now, then = _by_branch(branches, 0, names), _by_branch(branches, 1, names)
    rows = []
    for name in names:
        before, after = branch_leaves(then.loc[name], now.loc[name], measure)
        parts = shapley_change(lambda leaves: math.prod(leaves.values()), before, after)
        rows += [
            {
                "branch": name,
                "leaf": leaf,
                "name": f"{SHORT[name]}: {leaf}",
                "phrase": f"{PHRASES[leaf]} {name}",
                "before": before[leaf],
                "after": after[leaf],
                "change": after[leaf] / before[leaf] - 1 if before[leaf] else math.nan,
                "effect": parts[leaf],
            }
            for leaf in before
        ]
    leaves = pd.DataFrame(rows)
    start = sum(_result(then.loc[name], measure) for name in names)
    end = sum(_result(now.loc[name], measure) for name in names)
    size = leaves["effect"].abs()
    table = leaves.iloc[np.lexsort((leaves["name"], -size))].reset_index(drop=True)
    return Answer(
        table=table.drop(columns=["branch", "leaf", "phrase"]),
        headline=_headline(table, measure, start, end),
        so_what=_so_what(table, end - start, TOGETHER in names),
        kind="diagnostic",
        caption=f"Change of {measure} on the year before by leaf of the metric tree (currency); "
        "new = won in the 12 months",
        units={"before": "number", "after": "number", "change": "%", "effect": "currency"},
        source="orders; Shapley values over customers × orders × revenue per order × margin rate",
        extra={"leaves": leaves, "start": start, "end": end, "measure": measure},
    )


def _costs_known(branches: pd.DataFrame) -> bool:
    recent = branches[(branches["revenue"] != 0) & branches["years_ago"].isin([0, 1])]
    return not any(math.isnan(margin_of(row)) for _, row in recent.iterrows())


def _by_branch(branches: pd.DataFrame, years_ago: int, names: list[str]) -> pd.DataFrame:
    """Figures by branch, zero where a branch has no order in that window."""
    columns = ["customers", "orders", "revenue", "margin", "priced_revenue"]
    part = branches[branches["years_ago"] == years_ago].set_index("branch")[columns]
    part = part.astype("float64").reindex(names).fillna(0.0)
    return part.assign(branch=part.index)


def _headline(table: pd.DataFrame, measure: str, start: float, end: float) -> str:
    way = "rose" if end >= start else "fell"
    same = table[(table["effect"] >= 0) == (end >= start)]
    most = same.loc[same["effect"].abs().idxmax()]
    amount = format_value(abs(end - start), "currency")
    return f"{measure.capitalize()} {way} by {amount}, mostly through the {most['phrase']}"


def _so_what(table: pd.DataFrame, change: float, joined: bool) -> str:
    ordered = table.sort_values(["effect", "name"])
    worst, best = ordered.iloc[0], ordered.iloc[-1]
    told = []
    if worst["effect"] < 0:
        told.append(f"the {worst['phrase']} took {format_value(-worst['effect'], 'currency')}")
    if best["effect"] > 0:
        told.append(f"the {best['phrase']} brought {format_value(best['effect'], 'currency')}")
    by_branch = table.groupby("branch", sort=True)["effect"].sum()
    main = by_branch.abs().idxmax()
    unknown = (
        "New customers cannot be told from old ones in the year before, so they are one branch: ask when each was won. "
        if joined
        else ""
    )
    return (
        f"{_first_capital(' and '.join(told)) or 'Nothing moved'}; {main} as a whole account for "
        f"{_signed(by_branch[main])} of {_signed(change)}. {unknown}"
        "This splits the arithmetic and does not say why: look for the reason of the largest leaf in step 2."
    )


def _first_capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _signed(value: float) -> str:
    return ("+" if value >= 0 else "−") + format_value(abs(value), "currency")
