"""The call-back queue of step 5 as tasks: one per customer, with reason, owner, due date and suggested response."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import pandas as pd

from playbook.answer import Missing

__all__ = ["callback_tasks"]

COLUMNS = ["task_key", "customer_id", "subject", "reason", "response", "owner", "due", "note"]
RESPONSES = {
    "open case beyond the promise": "Say by when the case is solved and who has it, and keep that day",
    "detractor": "Listen, ask what would have to change, log the cause; offer nothing yet",
    "case reopened": "Name one person who stays with the case until the customer agrees it is solved",
    "dissatisfied with a case": "Ask what was missing, mend it, and say what has changed",
}
"""What to say first, by cause, where step 5 suggests nothing."""


def callback_tasks(
    callbacks: pd.DataFrame | Missing | None, closed: Collection[str], as_of: date
) -> pd.DataFrame:
    """Return the call backs as tasks for a CRM system, the most urgent of a customer only.

    Parameters
    ----------
    callbacks
        Result ``callbacks`` of step 05: customer_id, cause, owner, due, and where given ``by`` and
        ``response``; none gives no tasks.
    closed
        Customers nobody may turn to, the deceased among them; they get no task.
    as_of
        Stands in the task's key, so that next year's task is another one.

    Returns
    -------
    DataFrame
        task_key (unique), customer_id, subject, reason, response, owner, due, note (reason, response
        and owner in one text, for systems without fields of ours on tasks).
    """
    if not isinstance(callbacks, pd.DataFrame) or callbacks.empty:
        return pd.DataFrame(columns=COLUMNS)
    rows = callbacks[~callbacks["customer_id"].isin(list(closed))].dropna(subset=["customer_id"])
    rows = rows.sort_values(["customer_id", "due"]).drop_duplicates("customer_id")
    first = rows["cause"].str.split("; ").str[0]
    response = first.map(RESPONSES).fillna("Ask what happened and log the cause")
    if "response" in rows:
        said = rows["response"].astype("str").str.strip()
        response = said.where(rows["response"].notna() & (said != ""), response)
    by = rows["by"] if "by" in rows else pd.Series("phone", index=rows.index)
    owner = rows["owner"].astype("str")
    frame = pd.DataFrame({
        "task_key": f"callback {as_of} " + rows["customer_id"].astype("str"), "customer_id": rows["customer_id"],
        "subject": "Call back (" + by.astype("str") + "): " + first, "reason": rows["cause"], "response": response, "owner": owner,
        "due": pd.to_datetime(rows["due"]),
    })  # fmt: skip
    frame["note"] = frame["response"] + ". Reason: " + frame["reason"] + ". Owner: " + owner
    return frame[COLUMNS].reset_index(drop=True)
