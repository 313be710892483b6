"""Automation: rules of the plan turn scores and events into tasks with an owner and a date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import pandas as pd

from playbook.answer import Answer, Metric, Missing, answers, format_value, need

__all__ = ["automation", "care_days_due", "late_cases", "recent_answers", "trigger_events"]

EVENT_COLUMNS = ["trigger", "subject", "customer_id"]
RECENT = 365  # days an answer on recommendation stays news
COMING = 30  # days ahead that birthdays are listed
PROMOTER, DETRACTOR = 9, 6
NEEDS = {
    "high churn risk": "order histories of two years or more",
    "likely to buy": "order histories of two years or more",
    "deal without progress": "opportunities with the history of their stages",
    "detractor": "survey answers on recommendation",
    "promoter": "survey answers on recommendation",
    "birthday": "dates of birth",
    "open case late": "service cases, and promised hours in engagement.yml",
}


def recent_answers(recommend: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Return the answers on recommendation of the last year as customer_id, detractor, promoter."""
    since = pd.Timestamp(as_of) - pd.Timedelta(days=RECENT)
    fresh = recommend[recommend["answered_at"] > since]
    return pd.DataFrame({
        "customer_id": fresh["customer_id"], "detractor": fresh["recommend"] <= DETRACTOR,
        "promoter": fresh["recommend"] >= PROMOTER,
    }).reset_index(drop=True)  # fmt: skip


def late_cases(cases: pd.DataFrame, levels: Any, as_of: date) -> pd.DataFrame:
    """Return the open service cases beyond the promised hours of their priority.

    Parameters
    ----------
    cases
        Query ``open_cases``: ticket_id, customer_id, priority, opened_at.
    levels
        ``service_levels`` of the engagement, or none: then no case is late.
    """
    if levels is None or cases.empty:
        return cases.head(0)
    end = datetime.combine(as_of, time(23, 59, 59))
    hours = (pd.Timestamp(end) - cases["opened_at"]).dt.total_seconds() / 3600
    promised = cases["priority"].map(levels.resolution_hours).astype("float64")
    return cases[hours > promised].assign(hours_open=hours)


def care_days_due(care: pd.DataFrame, as_of: date, occasion: str) -> pd.DataFrame:
    """Return the customers whose ``birth`` or ``first_order`` day comes in the next 30 days."""
    month, day = (
        care[f"{occasion}_month"].astype("float64"),
        care[f"{occasion}_day"].astype("float64"),
    )
    coming = {(d.month, d.day) for d in (as_of + timedelta(days=n) for n in range(1, COMING + 1))}
    if (2, 28) in coming:
        coming.add((2, 29))
    places = pd.Series(list(zip(month, day, strict=True)), index=care.index)
    return care[places.isin(coming)]


def trigger_events(
    scores: pd.DataFrame | Missing, now: pd.DataFrame, deals: pd.DataFrame | Missing, unhappy: pd.DataFrame | Missing,
    answered: pd.DataFrame, care: pd.DataFrame, late: pd.DataFrame, *, churn_above: float, buy_above: float, as_of: date,
) -> pd.DataFrame:  # fmt: skip
    """Return whom or what each trigger has met: trigger, subject (id), customer_id.

    Parameters
    ----------
    scores
        Of the propensity answer: customer_id, churn_probability, purchase_probability.
    now
        Query ``customer_snapshot`` today; only customers with an order can be at risk.
    deals
        Of the pipeline forecast, with ``slow`` and ``slipped``.
    unhappy
        Result ``callbacks`` of step 05; without it detractors of the survey.
    answered, care, late
        From `recent_answers`, query ``care_days``, `late_cases`.
    churn_above, buy_above
        Probability from which a customer counts as at risk or likely to buy.
    """
    parts = []

    def add(trigger: str, subjects: pd.Series, customers: pd.Series) -> None:
        frame = pd.DataFrame({"subject": subjects.astype("str"), "customer_id": customers})
        parts.append(frame.assign(trigger=trigger)[EVENT_COLUMNS])

    if isinstance(scores, pd.DataFrame):
        active = scores[scores["customer_id"].isin(now.loc[now["orders"] > 0, "customer_id"])]
        risk = active[active["churn_probability"] >= churn_above]
        likely = active[active["purchase_probability"] >= buy_above]
        add("high churn risk", risk["customer_id"], risk["customer_id"])
        add("likely to buy", likely["customer_id"], likely["customer_id"])
    if isinstance(deals, pd.DataFrame):
        stuck = deals[deals["slow"] | deals["slipped"].fillna(False)]
        add("deal without progress", stuck["opportunity_id"], stuck["customer_id"])
    detractors = answered[answered["detractor"]]
    if isinstance(unhappy, pd.DataFrame) and len(unhappy):
        detractors = unhappy.drop_duplicates("customer_id")
    add("detractor", detractors["customer_id"], detractors["customer_id"])
    promoters = answered[answered["promoter"]]
    add("promoter", promoters["customer_id"], promoters["customer_id"])
    birthdays = care_days_due(care, as_of, "birth")
    add("birthday", birthdays["customer_id"], birthdays["customer_id"])
    add("open case late", late["ticket_id"], late["customer_id"])
    events = pd.concat([p for p in parts if len(p)] or [pd.DataFrame(columns=EVENT_COLUMNS)])
    return events.sort_values(EVENT_COLUMNS, ignore_index=True)


@answers
def automation(
    rules: Sequence[Any], events: pd.DataFrame, reachable: pd.DataFrame, as_of: date
) -> Answer:
    """Return the tasks that the plan's rules make of today's scores and events.

    Parameters
    ----------
    rules
        ``plan.automation``: id, area, trigger, then, owner, due_days.
    events
        From `trigger_events`.
    reachable
        Of the target lists. A marketing task for somebody whom no channel may reach is dropped;
        sales and service answer what the customer began.
    as_of
        Tasks count from this day.

    Returns
    -------
    Answer
        Table rule, area, when, then, met, blocked, tasks, owner, due. Extra ``tasks``: rule, area,
        subject, customer_id, owner, due.
    """
    need(
        pd.DataFrame({"rule": [rule.id for rule in rules]}), "automation rules", "rules in the plan"
    )
    channels = [c for c in reachable.columns if c != "customer_id"]
    open_to = set(reachable.loc[reachable[channels].any(axis=1), "customer_id"])
    rows, tasks = [], []
    for rule in rules:
        met = events[events["trigger"] == rule.trigger]
        kept = met[met["customer_id"].isin(open_to)] if rule.area == "marketing" else met
        due = as_of + timedelta(days=rule.due_days)
        rows.append({
            "rule": rule.id, "area": rule.area, "when": rule.trigger, "then": rule.then, "met": len(met),
            "blocked": len(met) - len(kept), "tasks": len(kept), "owner": rule.owner, "due": str(due),
        })  # fmt: skip
        tasks.append(
            kept[["subject", "customer_id"]].assign(
                rule=rule.id, area=rule.area, owner=rule.owner, due=str(due)
            )
        )
    table = pd.DataFrame(rows).sort_values(
        ["tasks", "rule"], ascending=[False, True], ignore_index=True
    )
    made = pd.concat(tasks, ignore_index=True)
    load = made.groupby("owner").size().sort_values(ascending=False, kind="stable")
    silent = [row["when"] for row in rows if not row["met"]]
    return Answer(
        table=table,
        headline=f"{len(rows)} rules make {len(made):,} tasks from {table['due'].min()} on",
        so_what=_load_advice(load, table, silent),
        kind="prescriptive",
        caption=f"Rules of the plan applied to the scores and events of {as_of}; blocked: no channel may reach the customer",
        units={"met": "count", "blocked": "count", "tasks": "count"},
        source="plan, propensity, opportunities, survey_answers, customers, tickets",
        metrics=(Metric("automation_tasks", float(len(made)), n=len(events), unit="count", kind="prescriptive"),),
        extra={"tasks": made[["rule", "area", "subject", "customer_id", "owner", "due"]]},
    )  # fmt: skip


def _load_advice(load: pd.Series, table: pd.DataFrame, silent: list[str]) -> str:
    if load.empty:
        asks = sorted({NEEDS.get(trigger, trigger) for trigger in silent})
        return f"No rule met anything today. What would feed them: {'; '.join(asks)}."
    urgent = table[table["area"] == "service"]["tasks"].sum()
    blocked = int(table["blocked"].sum())
    nothing = f" Nothing met: {', '.join(silent)}." if silent else ""
    return (
        f"{load.index[0]} gets {format_value(load.iloc[0], 'count')} of them; "
        f"{blocked:,} were not made because nobody may contact the customer. Do the {urgent:,} service tasks first: they answer "
        f"what a customer is already waiting for.{nothing}"
    )
