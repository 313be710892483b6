"""Money and people: what the initiatives ask against what there is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value
from playbook.engagement.model import Budget, Initiative, Objective, Role
from playbook.errors import NotEnough
from playbook.objectives.roadmap import ASK

__all__ = ["budget", "monthly_days", "workload"]


@answers
def budget(
    initiatives: Sequence[Initiative], objectives: Sequence[Objective], money: Budget | None
) -> Answer:
    """Return what each initiative costs, for which purpose, against the budget.

    Returns
    -------
    Answer
        initiative, budget, share, acquisition, retention (currency); the money of an initiative that serves several
        objectives is shared equally among them, and objectives of the area acquisition count as acquisition.
        ``answer["purposes"]`` compares the sums with the plan's budget.
    """
    if len(initiatives) == 0:
        raise NotEnough("the plan names no initiatives to pay for", ASK)
    winning = {o.id for o in objectives if o.area == "acquisition"}
    rows = []
    for item in initiatives:
        part = np.mean([o in winning for o in item.objectives]) if item.objectives else 0.0
        rows.append(
            {
                "initiative": item.name,
                "budget": item.budget,
                "acquisition": item.budget * part,
                "retention": item.budget * (1 - part),
            }
        )
    table = pd.DataFrame(rows).sort_values(
        ["budget", "initiative"], ascending=[False, True], ignore_index=True
    )
    asked = float(table["budget"].sum())
    table.insert(2, "share", table["budget"] / asked if asked else 0.0)
    purposes = pd.DataFrame(
        {
            "purpose": ["acquisition", "retention", "total"],
            "asked": [table["acquisition"].sum(), table["retention"].sum(), asked],
            "budget": [money.acquisition, money.retention, money.total] if money else [np.nan] * 3,
        }
    )
    purposes["left"] = purposes["budget"] - purposes["asked"]
    return Answer(
        table=table,
        headline=_budget_headline(asked, money, purposes),
        so_what=_budget_words(table, purposes, money),
        kind="descriptive",
        caption="Budget of each initiative (currency), and its part for winning and for keeping customers",
        units={
            "budget": "currency",
            "share": "%",
            "acquisition": "currency",
            "retention": "currency",
        },
        source="plan",
        metrics=(Metric("budget_asked", asked, unit="currency"),),
        extra={"purposes": purposes},
    )


def _budget_headline(asked: float, money: Budget | None, purposes: pd.DataFrame) -> str:
    if money is None:
        return f"The initiatives ask for {format_value(asked, 'currency')}; no budget is set"
    if asked > money.total:
        over = format_value(asked - money.total, "currency")
        return f"The initiatives ask for {over} more than the budget holds"
    over = purposes[(purposes["purpose"] != "total") & (purposes["left"] < 0)]
    if len(over):
        most = over.sort_values("left").iloc[0]
        return (
            f"The initiatives fit the budget, but {most['purpose']} asks for "
            f"{format_value(-most['left'], 'currency')} more than its part"
        )
    left = format_value(money.total - asked, "currency")
    return f"The initiatives fit the budget and leave {left} of {format_value(money.total, 'currency')}"


def _budget_words(table: pd.DataFrame, purposes: pd.DataFrame, money: Budget | None) -> str:
    first = table.iloc[0]
    text = f"{first['initiative']} takes {format_value(first['share'], '%')} of the money. "
    if money is None:
        return (
            text + "Ask for a budget, split into winning and keeping customers, before any start."
        )
    by_purpose = purposes.set_index("purpose")
    over = [p for p in ("acquisition", "retention") if by_purpose.loc[p, "left"] < 0]
    if not over:
        return (
            text
            + "Winning and keeping customers both stay within their part; keep the rest for what the review shows."
        )
    purpose = over[0]
    other = "retention" if purpose == "acquisition" else "acquisition"
    return (
        f"{text}{purpose.capitalize()} asks for {format_value(-by_purpose.loc[purpose, 'left'], 'currency')} more than its part "
        f"while {other} leaves {format_value(by_purpose.loc[other, 'left'], 'currency')}: move money between the two openly, "
        "or cut an initiative; step 6 tells which use earns more."
    )


def monthly_days(initiatives: Sequence[Initiative]) -> pd.DataFrame:
    """Return the person-days each role owes each month, spread evenly over the working days of each initiative.

    Returns
    -------
    pandas.DataFrame
        role, month (first day), initiative, days.
    """
    rows = []
    for item in initiatives:
        months = pd.period_range(item.start, item.end, freq="M")
        first = np.maximum(
            months.start_time.to_numpy().astype("datetime64[D]"), np.datetime64(item.start)
        )
        last = np.minimum(
            months.end_time.to_numpy().astype("datetime64[D]"), np.datetime64(item.end)
        )
        working = np.busday_count(first, last + np.timedelta64(1, "D")).astype(float)
        if working.sum() == 0:
            working[:] = 1.0
        for role, days in sorted(item.person_days.items()):
            rows += [
                {"role": role, "month": m.to_timestamp(), "initiative": item.name, "days": days * w}
                for m, w in zip(months, working / working.sum(), strict=True)
            ]
    return pd.DataFrame(rows, columns=["role", "month", "initiative", "days"])


@answers
def workload(initiatives: Sequence[Initiative], roles: Sequence[Role]) -> Answer:
    """Return how busy each role is each month, as a share of the days it has for the strategy.

    Returns
    -------
    Answer
        role, capacity_per_month, days_asked, busiest_month, peak_load (share of capacity), months_over;
        ``answer["load"]`` is long: role, month (text), load.
    """
    if len(initiatives) == 0:
        raise NotEnough("the plan names no initiatives to staff", ASK)
    if len(roles) == 0:
        raise NotEnough("the engagement names no roles", "roles with their days per month")
    days = monthly_days(initiatives)
    if days.empty:
        raise NotEnough("no initiative names person-days", "person-days by role")
    capacity = {r.id: r.person_days_per_month for r in roles}
    title = {r.id: r.title for r in roles}
    sums = days.groupby(["role", "month"], as_index=False)["days"].sum()
    sums["capacity"] = sums["role"].map(capacity).fillna(0.0)
    sums["load"] = np.where(
        sums["capacity"] > 0, sums["days"] / sums["capacity"].clip(1e-9), np.inf
    )
    table = _busiest(sums, title)
    load = _grid(sums, title, list(table["role"]))
    over = table[table["months_over"] > 0]
    first = table.iloc[0]
    return Answer(
        table=table,
        headline=f"{len(over)} of {len(table)} roles are asked for more days than they have in some month"
        if len(over)
        else f"No role is over its capacity; the busiest is {first['role']}",
        so_what=_load_words(over, first, days, title),
        kind="descriptive",
        caption="Person-days asked of each role against the days it has, month by month",
        units={
            "capacity_per_month": "days",
            "days_asked": "days",
            "peak_load": "%",
            "months_over": "count",
            "load": "%",
        },
        source="plan and engagement file; days spread evenly over working days",
        metrics=(Metric("roles_over_capacity", len(over), unit="count"),),
        extra={"load": load},
    )


def _busiest(sums: pd.DataFrame, title: dict[str, str]) -> pd.DataFrame:
    """Return each role's days, its busiest month and the months over its capacity, the busiest role first."""
    rows = []
    for role, part in sums.groupby("role", sort=True):
        peak = part.loc[part["load"].idxmax()]
        rows.append(
            {
                "role": title.get(str(role), str(role)),
                "capacity_per_month": float(peak["capacity"]),
                "days_asked": float(part["days"].sum()),
                "busiest_month": f"{peak['month']:%Y-%m}",
                "peak_load": float(peak["load"]) if np.isfinite(peak["load"]) else np.nan,
                "months_over": int((part["load"] > 1 + 1e-9).sum()),
            }
        )
    return pd.DataFrame(rows).sort_values(
        ["peak_load", "role"], ascending=[False, True], na_position="first", ignore_index=True
    )


def _grid(sums: pd.DataFrame, title: dict[str, str], order: list[str]) -> pd.DataFrame:
    """Load by role and month, zero where nothing is asked, in the order of the table."""
    named = sums.assign(role=[title.get(r, r) for r in sums["role"]])
    months = pd.period_range(named["month"].min(), named["month"].max(), freq="M").to_timestamp()
    wide = named.pivot_table(index="role", columns="month", values="load", aggfunc="sum")
    wide = wide.reindex(index=order, columns=months).fillna(0.0).replace(np.inf, np.nan)
    long = wide.rename_axis(columns="month").stack(future_stack=True).rename("load").reset_index()
    return long.assign(month=long["month"].dt.strftime("%b %y"))


def _load_words(
    over: pd.DataFrame, first: pd.Series, days: pd.DataFrame, title: dict[str, str]
) -> str:
    if over.empty:
        return (
            f"{first['role']} needs {format_value(first['peak_load'], '%')} of its days in {first['busiest_month']}; "
            "the plan can be staffed as it stands, but leaves that role little room if a start slips."
        )
    named = days.assign(role=[title.get(r, r) for r in days["role"]])
    part = named[
        (named["role"] == first["role"])
        & (named["month"].dt.strftime("%Y-%m") == first["busiest_month"])
    ]
    most = part.sort_values(["days", "initiative"], ascending=[False, True])["initiative"].iloc[0]
    names = ", ".join(over["role"])
    return (
        f"Over capacity: {names}. Worst is {first['role']} in {first['busiest_month']} with "
        f"{format_value(first['peak_load'], '%')} of its days, most of them for “{most}”: start it later, "
        "give days to someone else, or hire for those months before the plan is signed."
    )
