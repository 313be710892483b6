"""The page a sales lead starts with: what to do first and by whom, and which lists go out at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.crm.list_tests import CONTROL

__all__ = ["lists_today", "tasks_today"]

SOON = 7  # days within which a task counts as urgent
AREA_OF = {"sales": "C3", "service": "C6", "marketing": "C6"}
"""Area of a task to the section of the notebook that explains it."""


@answers
def tasks_today(
    contents: Mapping[str, pd.DataFrame], roles: Sequence[Any], as_of: date,
    values: pd.DataFrame | Missing | None = None, deals: pd.DataFrame | Missing | None = None,
) -> Answer:  # fmt: skip
    """Return the tasks by owner, what is due first on top, with the money at stake and the record to start with.

    Parameters
    ----------
    contents
        From `crm_contents`: ``tasks``.
    roles
        ``roles`` of the engagement, for the owners' titles.
    as_of
        Day of the run.
    values
        Result ``customer_value``: the clv of a customer is at stake in a task about that customer.
    deals
        Of the pipeline forecast: the expected amount of a deal is at stake in a task about it, and its seller is named.

    Returns
    -------
    Answer
        Table owner, task, tasks, due, at_stake, start_with (record with most at stake), see (section).
    """
    tasks = need(contents["tasks"], "tasks", "automation rules in the plan, scores, cases or deals")
    titles = {role.id: role.title for role in roles}
    frame = tasks.assign(
        task=tasks["subject"].where(~tasks["subject"].str.startswith("Call back"), "Call back"),
        role=[titles.get(owner, owner) for owner in tasks["owner"]], seller=_sellers(tasks, deals), at_stake=_at_stake(tasks, values, deals),
        record=_record(tasks),
    )  # fmt: skip
    frame["owner"] = frame["role"] + frame["seller"]
    frame = frame.sort_values(["at_stake", "task_key"], ascending=[False, True])
    table = frame.groupby(["owner", "area", "task"], as_index=False).agg(
        tasks=("task_key", "size"), due=("due", "min"), at_stake=("at_stake", "sum"), start_with=("record", "first")
    )  # fmt: skip
    table = table.sort_values(
        ["due", "at_stake", "task", "owner"], ascending=[True, False, True, True], ignore_index=True
    )
    table["see"] = table["area"].map(AREA_OF)
    table["due"] = table["due"].dt.strftime("%Y-%m-%d")
    soon = frame[frame["due"] <= pd.Timestamp(as_of + timedelta(days=SOON))]
    return Answer(
        table=table[["owner", "task", "tasks", "due", "at_stake", "start_with", "see"]],
        headline=f"{len(soon):,} of {len(frame):,} tasks are due within {SOON} days",
        so_what=_by_owner(frame, soon),
        kind="prescriptive",
        caption=(
            f"Tasks by owner, first due on top (n = {len(frame):,}, from {as_of}); at stake: lifetime value of the customers, "
            "expected amount of the deals; one customer may stand in several lines"
        ),
        units={"tasks": "count", "at_stake": "currency"},
        source="call backs, automation rules, customer value, pipeline forecast",
        metrics=(Metric("tasks_due_week", float(len(soon)), n=len(frame), unit="count", kind="prescriptive"),),
    )  # fmt: skip


def _sellers(tasks: pd.DataFrame, deals: pd.DataFrame | None) -> pd.Series:
    """Name behind the role of whoever has the deal a task is about; nothing for other tasks."""
    if not isinstance(deals, pd.DataFrame):
        return pd.Series("", index=tasks.index)
    has = deals.dropna(subset=["owner"]).set_index("opportunity_id")["owner"].astype("str")
    return pd.Series([f": {has[key]}" if key in has.index else "" for key in tasks["related"]], tasks.index)  # fmt: skip


def _record(tasks: pd.DataFrame) -> pd.Series:
    """What a task is about: the deal in sales, else the customer, else the case."""
    about, who = tasks["related"].astype("object"), tasks["customer_id"].astype("object")
    first = about.where((tasks["area"] == "sales") | who.isna())
    return first.where(first.notna(), who)


def _at_stake(
    tasks: pd.DataFrame, values: pd.DataFrame | None, deals: pd.DataFrame | None
) -> pd.Series:
    """Money behind each task: what the deal should bring, else the customer's lifetime value (not below nothing)."""
    stake = pd.Series(float("nan"), index=tasks.index)
    if isinstance(deals, pd.DataFrame):
        expected = deals.set_index("opportunity_id")["expected"].astype("float64")
        stake = tasks["related"].map(expected).astype("float64")
    if isinstance(values, pd.DataFrame):
        worth = values.set_index("customer_id")["clv"].astype("float64").clip(lower=0)
        stake = stake.fillna(tasks["customer_id"].map(worth).astype("float64"))
    return stake.fillna(0.0)


def _by_owner(frame: pd.DataFrame, soon: pd.DataFrame) -> str:
    """Say what each owner begins with, whoever has something due first."""
    if soon.empty:
        return f"Nothing is urgent; the first is due on {frame['due'].min():%Y-%m-%d}."
    said = []
    for owner, mine in soon.groupby("role", sort=False):
        first = mine.sort_values(["due", "at_stake"], ascending=[True, False]).iloc[0]
        money = (
            f", {format_value(first['at_stake'], 'currency')} at stake"
            if first["at_stake"] > 0
            else ""
        )
        said.append(
            (
                first["due"],
                str(owner),
                f"{owner}: {len(mine):,}, the first by {first['due']:%Y-%m-%d} ('{first['task']}', {first['record']}{money})",
            )
        )
    return "; ".join(text for *_, text in sorted(said)[:4]) + "."


@answers
def lists_today(plan: Answer, contents: Mapping[str, pd.DataFrame], actions: Sequence[Any]) -> Answer:  # fmt: skip
    """Return which contact lists go out this month, to how many, what they cost and are believed to return.

    Parameters
    ----------
    plan
        From `next_best_action`: believed margin by action and segment, with its range.
    contents
        From `crm_contents`: ``members`` of this month's lists.
    actions
        ``plan.actions``: name, channel, unit cost.

    Returns
    -------
    Answer
        Table list, channel, send, hold_back (control group), chance (of being sent), cost, returns (believed margin of
        those sent to, before cost), low, high (95 % of the beliefs), see (section).

    Notes
    -----
    The range of a list is that of the plan for its action and segments, at the share of the margin that is sent. Ranges
    are added up as if all beliefs erred together, so those of a list and of all lists are rather too wide than too narrow.
    """
    members = need(contents["members"], "customers on a list of this month", "actions that earn more than they cost")  # fmt: skip
    margin = plan["choice"].set_index("customer_id")["expected_margin"].astype("float64")
    members = members.assign(margin=members["customer_id"].map(margin).fillna(0.0))
    sent = members[members["arm"] != CONTROL]
    by = ["action_id", "segment"]
    whole = plan.table.set_index(by)[["expected_margin", "low", "high"]].astype("float64")
    part = sent.rename(columns={"action": "action_id"}).groupby(by)["margin"].sum()
    share = part / whole["expected_margin"].where(whole["expected_margin"] > 0).reindex(part.index)
    scaled = whole.reindex(part.index).mul(share.fillna(0.0), axis=0)
    scaled = scaled.groupby(level="action_id").sum()
    rows = [_list_row(a, members[members["action"] == a.id], scaled) for a in actions if (members["action"] == a.id).any()]  # fmt: skip
    table = pd.DataFrame(rows).sort_values(
        ["returns", "list"], ascending=[False, True], ignore_index=True
    )
    cost, back = float(table["cost"].sum()), float(table["returns"].sum())
    low, high = float(table["low"].sum()), float(table["high"].sum())
    return Answer(
        table=table,
        headline=f"{len(sent):,} contacts on {len(table)} lists cost {format_value(cost, 'currency')} and may return {format_value(back, 'currency')}",
        so_what=_worth(table, cost, low, high, len(members) - len(sent)),
        kind="prescriptive",
        caption=f"Contact lists of this month (n = {len(members):,} customers): sent and held back by lot, cost, and believed margin before cost (95 % of the beliefs)",
        units={"send": "count", "hold_back": "count", "chance": "%", "cost": "currency", "returns": "currency", "low": "currency", "high": "currency"},
        source="next best action, control groups, contact cap, call backs; plan",
        metrics=(Metric("list_contacts_month", float(len(sent)), n=len(members), unit="count", kind="prescriptive"),),
    )  # fmt: skip


def _list_row(action: Any, mine: pd.DataFrame, scaled: pd.DataFrame) -> dict[str, object]:
    send = int((mine["arm"] != CONTROL).sum())
    worth = scaled.loc[action.id] if action.id in scaled.index else pd.Series(0.0, scaled.columns)
    return {
        "list": action.name, "channel": action.channel, "send": send, "hold_back": len(mine) - send,
        "chance": float(mine["assignment_probability"].iloc[0]), "cost": send * float(action.unit_cost),
        "returns": float(worth["expected_margin"]), "low": float(worth["low"]), "high": float(worth["high"]), "see": "C12",
    }  # fmt: skip


def _worth(table: pd.DataFrame, cost: float, low: float, high: float, held: int) -> str:
    first = table.iloc[0]
    doubt = (
        "Even the lower end pays the contacts."
        if low > cost
        else "At the lower end they do not pay themselves back: start with the first list."
    )
    return (
        f"The return is what the plan believes, {format_value(low, 'currency')} to {format_value(high, 'currency')}; it is not measured. {doubt} "
        f"Most of it is '{first['list']}': {first['send']:,} contacts by {first['channel']}. "
        f"{held:,} customers are held back by lot: leave them alone, or the year will have taught nothing."
    )
