"""What the CRM files of a month say: scores, contacts to make, opt-outs and tasks; keys and our own columns only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd

from playbook.allocation import NONE
from playbook.answer import Answer, Missing
from playbook.crm.list_tests import CONTROL, TREATED
from playbook.crm.tasks import callback_tasks, rule_tasks

__all__ = ["crm_contents", "planned_action"]

LIST_DAYS, SCORE_DAYS = 31, 365
SCORES = ["customer_id", "segment", "clv", "churn_probability", "purchase_probability", "action", "valid_until"]  # fmt: skip
TARGETS = ["customer_id", "segment", "channel", "action", "valid_until"]
MEMBERS = ["customer_id", "action", "channel", "segment", "arm", "assignment_probability"]
OPTED_OUT = ("email", "sms", "phone")


def crm_contents(
    choice: pd.DataFrame | Missing, values: pd.DataFrame | Missing, scores: pd.DataFrame | Missing,
    lists: Answer | Missing, actions: Sequence[Any], as_of: date, *, callbacks: pd.DataFrame | Missing | None = None,
    tasks: pd.DataFrame | Missing | None = None,
) -> dict[str, pd.DataFrame] | Missing:  # fmt: skip
    """Return what the CRM files say, and who of this month's lists is treated and who is its control.

    Parameters
    ----------
    choice
        From `list_tests` (the chosen actions with the arm drawn) or result ``next_best_action``. A customer of a
        control group stands on no list, and the scores name no action either: nobody shall make that contact by hand.
    values, scores
        Results ``customer_value`` and ``scores``; without them opt-outs and tasks are still written.
    lists
        From `target_lists`.
    actions
        ``plan.actions``: id, channel.
    as_of
        Lists hold for a month from this day, scores for a year.
    callbacks
        Result ``callbacks`` of step 05, for the tasks; who waits for a call back is called and stands on no list this month.
    tasks
        Of the automation: the tasks of the rules. Their contacts count against the month's contact cap
        before those of the list; who has no room left waits for the next list.

    Returns
    -------
    dict
        ``scores``, ``targets`` (treated only), ``opt_outs``, ``tasks``, and ``members``: customer_id, action, channel,
        segment, arm, assignment_probability of everybody who would stand on a list of this month; no system gets it.
    """
    if isinstance(lists, Missing):
        return lists
    out = lists["opt_outs"]
    gone = out.loc[out.filter(like="opted_out_").all(axis=1), "customer_id"]
    frame = _scored(choice, values, scores, as_of)
    frame = frame[~frame["customer_id"].isin(gone)].reset_index(drop=True)
    chosen = frame[frame["action"].fillna(NONE) != NONE]
    chosen = chosen[chosen["customer_id"].isin(_with_room(lists, tasks))]
    if isinstance(callbacks, pd.DataFrame):  # a complaint is answered before anything is offered
        chosen = chosen[~chosen["customer_id"].isin(callbacks["customer_id"])]
    members = chosen.assign(
        channel=chosen["action"].map({a.id: a.channel for a in actions}),
        valid_until=as_of + timedelta(days=LIST_DAYS),
    )
    targets = members[members["arm"] != CONTROL]
    control = frame["arm"] == CONTROL
    flags = [f"opted_out_{channel}" for channel in OPTED_OUT]
    stopped = out.loc[out[flags].any(axis=1), ["customer_id", *flags]]
    held = lists.extra.get("holdout")
    held = () if held is None else held.loc[held["holdout"], "customer_id"]
    calls = callback_tasks(callbacks, gone, as_of, held)
    return {
        "scores": frame.assign(action=frame["action"].mask(control, NONE))[SCORES],
        "targets": targets[TARGETS].reset_index(drop=True),
        "opt_outs": stopped.reset_index(drop=True),
        "tasks": _by_urgency([calls, rule_tasks(tasks, calls["customer_id"], as_of)]),
        "members": members[MEMBERS].reset_index(drop=True),
    }  # fmt: skip


def planned_action(
    contents: dict[str, pd.DataFrame] | Missing,
) -> pd.DataFrame | Missing:
    """Return the action that may be told for each customer: none for those of a control group."""
    return contents if isinstance(contents, Missing) else contents["scores"][["customer_id", "action"]]  # fmt: skip


def _by_urgency(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return all tasks in one frame, the first due first; call backs and service before the rest of the day."""
    frame = pd.concat([part for part in parts if len(part)] or list(parts[:1]))
    first = (frame["area"] != "service").astype(int)
    order = frame.assign(_first=first).sort_values(["due", "_first", "task_key"])
    return order.drop(columns="_first").reset_index(drop=True)


def _scored(
    choice: pd.DataFrame | Missing, values: pd.DataFrame | Missing, scores: pd.DataFrame | Missing, as_of: date
) -> pd.DataFrame:  # fmt: skip
    """Return the scores of each customer with action and arm; no rows where value or propensity is not known."""
    columns = [*SCORES, "arm", "assignment_probability"]
    if isinstance(values, Missing) or isinstance(scores, Missing):
        return pd.DataFrame(columns=columns)
    frame = scores.merge(values[["customer_id", "clv"]], on="customer_id")
    if isinstance(choice, pd.DataFrame):
        drawn = [c for c in ("arm", "assignment_probability") if c in choice]
        chosen = choice[["customer_id", "segment", "action", *drawn]]
        frame = frame.merge(chosen, on="customer_id", how="left")
    else:
        frame = frame.assign(segment=None, action=NONE)
    if "arm" not in frame:
        frame = frame.assign(arm=TREATED, assignment_probability=float("nan"))
    frame = frame.assign(valid_until=as_of + timedelta(days=SCORE_DAYS))
    return frame.sort_values("customer_id")[columns]


def _with_room(lists: Answer, tasks: pd.DataFrame | Missing | None) -> pd.Series:
    """Return the customers who may get one more contact this month."""
    if "contacts" not in lists.extra:
        return lists["opt_outs"]["customer_id"]
    made = lists["contacts"]
    room = made["room"].astype("float64")
    if isinstance(tasks, pd.DataFrame):
        used = tasks.loc[tasks["contact"], "customer_id"].value_counts()
        room = room - made["customer_id"].map(used).fillna(0)
    return made.loc[room >= 1, "customer_id"]
