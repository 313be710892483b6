"""Tasks for a CRM system: the call-back queue of step 5 and what the plan's automation rules ask for.

The universal holdout gets no marketing contact, no task of ours and no call that rests on a survey answer
alone. It does get the answer to a service case of its own: leaving a complaint open to keep a comparison
clean would be wrong, and an answer to what the customer began is no marketing action.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import pandas as pd

from playbook.answer import Missing

__all__ = ["callback_tasks", "rests_on_case", "rule_tasks"]

COLUMNS = ["task_key", "customer_id", "area", "subject", "title", "reason", "response", "owner", "due", "related", "note"]  # fmt: skip
LONGEST = 100  # signs of a title
RESPONSES = {
    "open case beyond the promise": "Say by when the case is solved and who has it, and keep that day",
    "detractor": "Listen, ask what would have to change, log the cause; offer nothing yet",
    "case reopened": "Name one person who stays with the case until the customer agrees it is solved",
    "dissatisfied with a case": "Ask what was missing, mend it, and say what has changed",
}
"""What to say first, by cause, where step 5 suggests nothing."""
CASE_CAUSES = frozenset(
    {"open case beyond the promise", "case reopened", "dissatisfied with a case"}
)
"""Causes of a call back that are a case the customer opened."""
COMPLAINTS = frozenset({"detractor", "open case late"})
"""Triggers that a call back already answers."""


def rests_on_case(cause: pd.Series) -> pd.Series:
    """Return whether a call back answers a service case of the customer, and not a survey answer alone."""
    parts = cause.astype("str").str.split("; ")
    return parts.map(lambda causes: bool(CASE_CAUSES & set(causes))).astype(bool)


def callback_tasks(
    callbacks: pd.DataFrame | Missing | None,
    closed: Collection[str],
    as_of: date,
    held: Collection[str] = (),
) -> pd.DataFrame:
    """Return the call backs as tasks for a CRM system, the most urgent of a customer only.

    Parameters
    ----------
    callbacks
        Result ``callbacks`` of step 05: customer_id, cause, owner, due, and where given ``by``,
        ``response`` and ``reference``; none gives no tasks.
    closed
        Customers nobody may turn to, the deceased among them; they get no task.
    as_of
        Stands in the task's key, so that next year's task is another one.
    held
        The universal holdout: called only where a case of their own waits for an answer.

    Returns
    -------
    DataFrame
        task_key (unique), customer_id, area, subject, title (subject and key, unique), reason, response, owner, due,
        related (case, answer or deal), note (all in one text, for systems without fields of ours on tasks).
    """
    if not isinstance(callbacks, pd.DataFrame) or callbacks.empty:
        return pd.DataFrame(columns=COLUMNS)
    rows = callbacks[~callbacks["customer_id"].isin(list(closed))].dropna(subset=["customer_id"])
    rows = rows[~rows["customer_id"].isin(list(held)) | rests_on_case(rows["cause"])]
    rows = rows.sort_values(["customer_id", "due"]).drop_duplicates("customer_id")
    first = rows["cause"].str.split("; ").str[0]
    response = first.map(RESPONSES).fillna("Ask what happened and log the cause")
    if "response" in rows:
        said = rows["response"].astype("str").str.strip()
        response = said.where(rows["response"].notna() & (said != ""), response)
    by = rows["by"] if "by" in rows else pd.Series("phone", index=rows.index)
    key = f"callback {as_of} " + rows["customer_id"].astype("str")
    frame = rows.assign(
        task_key=key, area="service", subject="Call back (" + by.astype("str") + "): " + first, reason=rows["cause"],
        response=response, related=rows.get("reference"),
    )  # fmt: skip
    return _finished(frame)


def rule_tasks(
    tasks: pd.DataFrame | Missing | None, called: Collection[str], as_of: date
) -> pd.DataFrame:
    """Return the tasks of the automation rules in the same form.

    Parameters
    ----------
    tasks
        Of `automation`: rule, trigger, then, area, subject, customer_id, owner, due; none gives no tasks.
    called
        Customers with a call back, which answers their complaint already.
    as_of
        As in `callback_tasks`.
    """
    if not isinstance(tasks, pd.DataFrame) or tasks.empty:
        return pd.DataFrame(columns=COLUMNS)
    answered = tasks["trigger"].isin(COMPLAINTS) & tasks["customer_id"].isin(list(called))
    rows = tasks[~answered].drop_duplicates(["rule", "subject"])
    about_person = rows["subject"] == rows["customer_id"].astype("str")
    frame = rows.assign(
        task_key=rows["rule"] + f" {as_of} " + rows["subject"].astype("str"), reason=rows["trigger"], response=rows["then"],
        related=rows["subject"].astype("object").where(~about_person, None), subject=rows["then"],
    )  # fmt: skip
    return _finished(frame)


def _title(area: str, subject: str, key: str) -> str:
    """Return a task's title: readable, unique by its key, and never read as a formula."""
    words = "".join(sign if sign.isprintable() else " " for sign in str(subject)).split()
    room = max(LONGEST - len(area) - len(key) - 5, 0)
    return f"{area.capitalize()}: {' '.join(words)[:room].rstrip()} ({key})"


def _finished(frame: pd.DataFrame) -> pd.DataFrame:
    """Return tasks in one form, most urgent first: title, note, and a due date."""
    frame = frame.assign(due=pd.to_datetime(frame["due"]), owner=frame["owner"].astype("str"))
    frame["title"] = [
        _title(*row) for row in frame[["area", "subject", "task_key"]].itertuples(index=False)
    ]
    related = frame["related"].map(lambda key: f" About: {key}." if isinstance(key, str) else "")
    frame["note"] = frame["response"].astype("str") + ". Reason: " + frame["reason"].astype("str") + "." + related + " Owner: " + frame["owner"]  # fmt: skip
    return frame.sort_values(["due", "task_key"])[COLUMNS].reset_index(drop=True)
