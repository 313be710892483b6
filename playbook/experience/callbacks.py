"""Closing the loop: which customers are called back, for what, by whom and by when (E8)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.experience.common import in_period, joined
from playbook.experience.service import against_promise

__all__ = ["callback_causes", "callbacks", "safe_text"]

FEEDBACK = "tables tickets and survey_answers with customer numbers"
UNKNOWN_PROMISE_HOURS = 72.0
"""Hours after which an open case is overdue when nothing was promised."""

CAUSES = {
    "open case beyond the promise": "open case late",
    "detractor": "detractor",
    "case reopened": "open case late",
    "dissatisfied with a case": "detractor",
}
"""Cause, most urgent first, and the trigger of the plan's rule that names owner, days and what to do."""

LONGEST = 200
"""Signs of a suggested response; CRM systems take no more in the field."""


def _complaints(cases: pd.DataFrame, promised: Any, as_of: date, days: int) -> pd.DataFrame:
    recent = against_promise(cases, promised)
    recent = recent[in_period(recent["opened_at"], as_of, days) & recent["customer_id"].notna()]
    overdue = (
        recent["slow_resolution"].fillna(recent["age_hours"] > UNKNOWN_PROMISE_HOURS).astype(bool)
    )
    marks = {
        "open case beyond the promise": recent["resolution_hours"].isna() & overdue,
        "case reopened": recent["reopened"].fillna(False).astype(bool),
        "dissatisfied with a case": recent["csat"].between(1, 2),
    }
    parts = [
        recent.loc[hit, ["customer_id", "opened_at", "ticket_id", "topic"]].assign(cause=cause)
        for cause, hit in marks.items()
    ]
    return pd.concat(parts, ignore_index=True).rename(columns={"opened_at": "occurred_at", "ticket_id": "reference"})  # fmt: skip


def _detractors(respondents: pd.DataFrame) -> pd.DataFrame:
    columns = ["customer_id", "occurred_at", "reference", "topic"]
    if respondents.empty:
        return respondents.assign(occurred_at=[], reference=[], topic=None, cause=[])[[*columns, "cause"]]  # fmt: skip
    latest = respondents.sort_values(["answered_at", "response_id"])["wave"].iloc[-1]
    low = respondents[(respondents["wave"] == latest) & (respondents["nps"] <= 6)]
    low = low.rename(columns={"answered_at": "occurred_at", "response_id": "reference"})
    return low.assign(topic=None)[columns].assign(cause="detractor")


def _assigned(rules: Sequence[Any], roles: Sequence[Any], as_of: date) -> pd.DataFrame:
    """Owner, due date and what the rule says of each cause: the plan's rule, else the service role and two working days."""
    service = [r.id for r in roles if "service" in r.department.lower()]
    fallback = service[0] if service else "to be named"
    by_trigger = {rule.trigger: rule for rule in reversed(list(rules))}
    rows = []
    for place, (cause, trigger) in enumerate(CAUSES.items()):
        rule = by_trigger.get(trigger)
        days = rule.due_days if rule else 2
        due = np.busday_offset(np.datetime64(as_of, "D"), days, roll="forward")
        rows.append((cause, place, rule.owner if rule else fallback, pd.Timestamp(due), rule.then if rule else ""))  # fmt: skip
    return pd.DataFrame(rows, columns=["cause", "place", "owner", "due", "then"])


def safe_text(text: object) -> str:
    """Return a text that no spreadsheet or CRM system takes for anything but words, at most 200 signs long."""
    signs = (c if unicodedata.category(c)[0] not in "CZ" else " " for c in str(text))
    plain = re.sub(r'["|<>]', " ", "".join(signs))
    return re.sub(r"\s+", " ", plain).lstrip(" '=+-@＝＋－＠").strip()[:LONGEST].strip()


def _suggested(found: pd.DataFrame, responses: Sequence[Any]) -> pd.Series:
    """What to say: the plan's response for the cause and the topic of the case, for the cause, else the rule's words."""
    exact = {(r.cause, _key(r.topic)): r.then for r in reversed(list(responses))}
    said = [
        exact.get((cause, _key(topic)), exact.get((cause, ""), then))
        for cause, topic, then in zip(found["cause"], found["topic"], found["then"], strict=True)
    ]
    return pd.Series([safe_text(text) for text in said], index=found.index, dtype="str")


def _key(topic: Any) -> str:
    return topic.strip().casefold() if isinstance(topic, str) else ""


@answers
def callbacks(
    respondents: pd.DataFrame,
    cases: pd.DataFrame,
    permissions: pd.DataFrame,
    as_of: date,
    value: pd.DataFrame | None = None,
    rules: Sequence[Any] = (),
    roles: Sequence[Any] = (),
    promised: Any = None,
    days: int = 60,
    responses: Sequence[Any] = (),
) -> Answer:
    """Return the customers to call back, one row each, with cause, owner, due date and a suggested response.

    Parameters
    ----------
    respondents, cases
        Queries ``respondents`` (detractors of the last wave) and ``service_cases`` (cases of the last ``days`` days
        that are open beyond the promise, were reopened or rated 2 or less).
    permissions
        Query ``contact_permissions``. Closed, deceased and wholly suppressed customers are left out;
        so are detractors who may neither be called nor written to.
    as_of
        Last day of the period; due dates count working days (Monday to Friday) after it.
    value
        Result ``customer_value``; its ``clv`` is the value at risk (what is lost when the customer leaves).
    rules, roles, promised
        Automation rules of the plan, roles and service levels of the engagement.
    responses
        ``plan.responses``: what to say by cause and topic of the case; without one, what the rule says.
    """
    need(respondents if len(respondents) else cases, "feedback and service cases", FEEDBACK)
    found = pd.concat([_detractors(respondents), _complaints(cases, promised, as_of, days)], ignore_index=True)  # fmt: skip
    found = found.merge(_assigned(rules, roles, as_of), on="cause").merge(permissions, how="left", on="customer_id")  # fmt: skip
    reachable = found["may_phone"].fillna(False).astype(bool) | found["may_email"].fillna(False).astype(bool)  # fmt: skip
    barred = found["is_closed"].fillna(False).astype(bool) | ((found["cause"] == "detractor") & ~reachable)  # fmt: skip
    left_out = found.loc[barred, "customer_id"].nunique()
    found["response"] = _suggested(found, responses)
    found = found[~barred].sort_values(["customer_id", "place", "occurred_at", "reference"])
    table = found.drop_duplicates("customer_id", ignore_index=True)
    others = found.groupby("customer_id")["cause"].agg(lambda c: "; ".join(dict.fromkeys(c)))
    table["cause"] = table["customer_id"].map(others).astype("str")
    phone = table["may_phone"].fillna(False).astype(bool)
    written = np.where(table["reference"].isin(cases["ticket_id"]), "answer in the case", "e-mail")
    table["by"] = pd.Series(np.where(phone, "phone", written), index=table.index).astype("str")
    table["value_at_risk"] = np.nan
    if value is not None:
        table["value_at_risk"] = table["customer_id"].map(value.set_index("customer_id")["clv"])
    table = table.sort_values(["due", "value_at_risk", "customer_id"], ascending=[True, False, True], ignore_index=True)  # fmt: skip
    table = table[
        [
            "customer_id",
            "cause",
            "topic",
            "occurred_at",
            "owner",
            "due",
            "by",
            "response",
            "value_at_risk",
            "reference",
        ]
    ]
    return _told(table, left_out, as_of, days)


def _told(table: pd.DataFrame, left_out: int, as_of: date, days: int) -> Answer:
    if table.empty:
        headline, text = (
            "Nobody waits for a call back",
            "No detractor of the last wave and no complaint is open; keep asking after each case.",
        )
    else:
        total = table["value_at_risk"].sum()
        owners = table["owner"].value_counts().sort_index()
        load = ", ".join(f"{owner} {count}" for owner, count in owners.items())
        soon = table["due"].min()
        first = int((table["due"] == soon).sum())
        headline = f"{len(table):,} customers wait for a call back"
        text = (
            f"They are worth {format_value(total, 'currency')} of lifetime value if all of it stays; {first:,} are due on {soon:%Y-%m-%d}. Owners: {load}. "
            f"Call in the order of the list, log the cause, and close the case only when the customer agrees.{_unsaid(table)}"
        )
    causes = table["cause"].str.split("; ").explode().value_counts().rename_axis("cause").reset_index(name="customers")  # fmt: skip
    return Answer(
        table=table,
        headline=headline,
        so_what=text,
        kind="prescriptive",
        caption=f"Customers to call back, by due date and value: detractors of the last wave and cases of the {days} days to {as_of:%Y-%m-%d} that are overdue, reopened or rated 1 or 2; "
        f"{left_out:,} left out because they may not be contacted",
        units={"value_at_risk": "currency", "customers": "count"},
        source="survey answers, tickets, consents and suppressions; rules of the plan",
        metrics=(Metric("callbacks_due", float(len(table)), n=len(table), unit="count", kind="prescriptive"),),
        extra={"causes": causes.sort_values(["customers", "cause"], ascending=[False, True], ignore_index=True)},
    )  # fmt: skip


def _unsaid(table: pd.DataFrame) -> str:
    silent = table.loc[table["response"] == "", "cause"].str.split("; ").str[0]
    if silent.empty:
        return ""
    return f" No response is planned for {joined(sorted(silent.unique()))}: write one under responses in the plan."


@answers
def callback_causes(found: Answer) -> Answer:
    """Return how many customers wait for a call back by cause, from an answer of `callbacks`."""
    causes = found["causes"]
    if causes.empty:
        raise NotEnough("call backs: nobody waits for one")
    return replace(found, table=causes, units={"customers": "count"}, metrics=())
