"""Automation: rules of the plan turn scores and events into tasks with an owner and a date."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.crm.tasks import COMPLAINTS, rests_on_case
from playbook.errors import NotEnough

__all__ = ["automation", "care_days_due", "late_cases", "recent_answers", "rule_conflicts", "trigger_events"]  # fmt: skip

STATES = {
    "closed": "closed", "other_strategy": "other strategy", "held_out": "held out", "blocked": "no channel", "complaint_first": "complaint first",
    "over_cap": "contact cap", "tasks": "task",
}  # fmt: skip
"""Column to state of a met rule, in the order in which they are decided."""
EVENT_COLUMNS = ["trigger", "subject", "customer_id", "owed"]
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
    "competitor offers more": "a choice experiment with the offers of competitors (step 4)",
}
ASKED_FOR = frozenset({"deal without progress", "detractor", "open case late"})
"""Triggers by which the customer began: an answer to them is no contact of ours and needs no consent to advertise."""


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
    exposed: pd.DataFrame | Missing | None = None, exposed_above: float = 0.5,
) -> pd.DataFrame:  # fmt: skip
    """Return whom or what each trigger has met: trigger, subject (id), customer_id, owed.

    ``owed`` says that the customer waits for an answer in a case or a sale of their own; such an answer is no
    action of ours, so the universal holdout gets it too. A survey answer alone is not owed one.

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
    exposed
        Result ``exposed_customers`` of step 04: customer_id, exposure.
    exposed_above
        Chance that a competitor's offer is liked better, above which a customer counts as exposed.
    """
    parts = []

    def add(
        trigger: str, subjects: pd.Series, customers: pd.Series, owed: pd.Series | bool = False
    ) -> None:
        frame = pd.DataFrame(
            {"subject": subjects.astype("str"), "customer_id": customers, "owed": owed}
        )
        parts.append(frame.assign(trigger=trigger)[EVENT_COLUMNS])

    if isinstance(scores, pd.DataFrame):
        active = scores[scores["customer_id"].isin(now.loc[now["orders"] > 0, "customer_id"])]
        risk = active[active["churn_probability"] >= churn_above]
        likely = active[active["purchase_probability"] >= buy_above]
        add("high churn risk", risk["customer_id"], risk["customer_id"])
        add("likely to buy", likely["customer_id"], likely["customer_id"])
    if isinstance(exposed, pd.DataFrame):
        buyers = exposed[exposed["customer_id"].isin(now.loc[now["orders"] > 0, "customer_id"])]
        open_to_leave = buyers[buyers["exposure"] > exposed_above]
        add("competitor offers more", open_to_leave["customer_id"], open_to_leave["customer_id"])
    if isinstance(deals, pd.DataFrame):
        stuck = deals[deals["slow"] | deals["slipped"].fillna(False)]
        add("deal without progress", stuck["opportunity_id"], stuck["customer_id"], True)
    detractors, cases = answered[answered["detractor"]], pd.Series(False, answered.index)
    if isinstance(unhappy, pd.DataFrame) and len(unhappy):
        detractors = unhappy.drop_duplicates("customer_id")
        cases = rests_on_case(detractors["cause"]) if "cause" in detractors else pd.Series(False, detractors.index)  # fmt: skip
    add("detractor", detractors["customer_id"], detractors["customer_id"], cases[detractors.index])
    promoters = answered[answered["promoter"]]
    add("promoter", promoters["customer_id"], promoters["customer_id"])
    birthdays = care_days_due(care, as_of, "birth")
    add("birthday", birthdays["customer_id"], birthdays["customer_id"])
    add("open case late", late["ticket_id"], late["customer_id"], True)
    events = pd.concat([p for p in parts if len(p)] or [pd.DataFrame(columns=EVENT_COLUMNS)])
    return events.sort_values(EVENT_COLUMNS[:3], ignore_index=True)


def _decided(
    rules: Sequence[Any], events: pd.DataFrame, open_to: set[str], closed: set[str], room: pd.Series | None,
    strategy: pd.Series | None, held: set[str],
) -> pd.DataFrame:  # fmt: skip
    """Return every rule that a customer meets, in the plan's order, with what becomes of it.

    ``state`` is task, closed, other strategy, held out, no channel, complaint first, or contact cap.
    """
    met = pd.concat(
        [events[events["trigger"] == rule.trigger].assign(place=place) for place, rule in enumerate(rules)],
        ignore_index=True,
    )  # fmt: skip
    customer = met["customer_id"]
    ours = [rule.area == "marketing" or rule.trigger not in ASKED_FOR for rule in rules]
    if "owed" not in met:
        met["owed"] = met["trigger"].isin(ASKED_FOR - {"detractor"})
    met["contact"] = np.array([ours[place] for place in met["place"]], dtype=bool)
    wanted = [rules[place].strategies for place in met["place"]]
    theirs = customer.map(strategy) if strategy is not None else pd.Series("", index=met.index)
    other = np.array([bool(w) and s not in w for w, s in zip(wanted, theirs, strict=True)], dtype=bool)  # fmt: skip
    left = (theirs == "exit") & met["contact"]
    is_closed = customer.isin(closed)
    owed = met["owed"].astype(bool) & ~met["contact"]
    held_out = customer.isin(held) & ~owed
    complaint = met["trigger"].isin(COMPLAINTS) & ~is_closed & ~held_out
    waits = met["contact"] & customer.isin(set(met.loc[complaint & ~other, "customer_id"]))  # fmt: skip
    met["state"] = np.select(
        [is_closed, other | left, held_out, met["contact"] & ~customer.isin(open_to), waits],
        ["closed", "other strategy", "held out", "no channel", "complaint first"], "task",
    )  # fmt: skip
    if room is not None:
        turn = met[(met["state"] == "task") & met["contact"]]
        order = turn.groupby("customer_id").cumcount()
        over = order >= turn["customer_id"].map(room).astype("float64").fillna(0)
        met.loc[turn.index[over], "state"] = "contact cap"
    return met


@answers
def automation(
    rules: Sequence[Any], events: pd.DataFrame, reachable: pd.DataFrame, as_of: date, *, lists: Answer | Missing | None = None,
    segments: pd.DataFrame | Missing | None = None, strategies: pd.DataFrame | Missing | None = None,
) -> Answer:  # fmt: skip
    """Return the tasks that the plan's rules make of today's scores and events: a dry run.

    Parameters
    ----------
    rules
        ``plan.automation``: id, area, trigger, then, owner, due_days, strategies.
    events
        From `trigger_events`.
    reachable
        Of the target lists. A contact of ours (marketing, or any rule whose trigger the customer did
        not begin) for somebody whom no channel may reach is dropped.
    as_of
        Tasks count from this day.
    lists
        From `target_lists`: nobody dead or wholly opted out gets any task, the universal holdout only the answer to a
        case or sale of its own, and contacts of ours keep the contact cap.
    segments, strategies
        Results of step 03: rules keep to their strategies, and a segment to be left gets no contact.

    Returns
    -------
    Answer
        Table rule, area, when, then, met, closed, other_strategy, held_out (universal holdout), blocked (no channel),
        complaint_first (an open complaint is answered before anything is offered), over_cap, tasks, owner, due.
        Extra ``tasks``: rule, trigger, then, area, subject, customer_id, owner, due, contact; ``met``: every rule a
        customer meets.
    """
    need(
        pd.DataFrame({"rule": [rule.id for rule in rules]}), "automation rules", "rules in the plan"
    )
    channels = [c for c in reachable.columns if c != "customer_id"]
    open_to = set(reachable.loc[reachable[channels].any(axis=1), "customer_id"])
    closed, room, held = _gates(lists)
    met = _decided(rules, events, open_to, closed, room, _strategy_of(segments, strategies), held)
    counts = pd.crosstab(met["place"], met["state"])
    rows = []
    for place, rule in enumerate(rules):
        seen = counts.loc[place] if place in counts.index else pd.Series(dtype="int64")
        row = {
            "rule": rule.id,
            "area": rule.area,
            "when": rule.trigger,
            "then": rule.then,
            "met": int(seen.sum()),
        }
        row |= {name: int(seen.get(state, 0)) for name, state in STATES.items()}
        rows.append(row | {"owner": rule.owner, "due": str(as_of + timedelta(days=rule.due_days))})  # fmt: skip
    table = pd.DataFrame(rows).sort_values(
        ["tasks", "rule"], ascending=[False, True], ignore_index=True
    )
    met["rule"] = [rules[place].id for place in met["place"]]
    said = table.set_index("rule")
    made = met[met["state"] == "task"].copy()
    for column in ("area", "then", "owner", "due"):
        made[column] = made["rule"].map(said[column])
    load = made.groupby("owner").size().sort_values(ascending=False, kind="stable")
    silent = [row["when"] for row in rows if not row["met"]]
    return Answer(
        table=table,
        headline=f"{len(rows)} rules make {len(made):,} tasks from {table['due'].min()} on",
        so_what=_load_advice(load, table, silent),
        kind="prescriptive",
        caption=f"Rules of the plan applied to the scores and events of {as_of} (dry run): what is met, what keeps a task from being made, in this order, and what is left",
        units=dict.fromkeys(["met", *STATES], "count"),
        source="plan, propensity, opportunities, survey_answers, customers, tickets, target lists, strategies",
        metrics=(Metric("automation_tasks", float(len(made)), n=len(events), unit="count", kind="prescriptive"),),
        extra={
            "tasks": made[["rule", "trigger", "then", "area", "subject", "customer_id", "owner", "due", "contact"]].reset_index(drop=True),
            "met": met[["rule", "customer_id", "contact", "state"]],
        },
    )  # fmt: skip


def _gates(lists: Answer | Missing | None) -> tuple[set[str], pd.Series | None, set[str]]:
    """Return who is closed to everybody, the contacts left by customer, and the universal holdout."""
    if not isinstance(lists, Answer):
        return set(), None, set()
    out, holdout = lists["opt_outs"], lists["holdout"]
    shut = set(out.loc[out.filter(like="opted_out_").all(axis=1), "customer_id"])
    held = set(holdout.loc[holdout["holdout"], "customer_id"])
    return shut, lists["contacts"].set_index("customer_id")["room"], held


def _strategy_of(
    segments: pd.DataFrame | Missing | None, strategies: pd.DataFrame | Missing | None
) -> pd.Series | None:
    if not isinstance(segments, pd.DataFrame) or not isinstance(strategies, pd.DataFrame):
        return None
    chosen = strategies.set_index("segment")["strategy"]
    return segments.set_index("customer_id")["segment"].map(chosen).fillna("")


@answers
def rule_conflicts(found: Answer) -> Answer:
    """Return which two rules meet the same customers, and how often only one of them gets its task.

    Parameters
    ----------
    found
        From `automation`.

    Returns
    -------
    Answer
        Table rules (two, the plan's first first), customers (who meet both), both, one, none (how many of
        the two tasks are made for them).
    """
    met = found["met"].drop_duplicates(["rule", "customer_id"]).dropna(subset=["customer_id"])
    met = met[
        ~met["state"].isin([STATES["other_strategy"], STATES["held_out"]])
    ]  # meant for others
    order = {rule: place for place, rule in enumerate(dict.fromkeys(found["met"]["rule"]))}
    pairs = met.merge(met, on="customer_id", suffixes=("", "_other"))
    pairs = pairs[pairs["rule"].map(order) < pairs["rule_other"].map(order)]
    if pairs.empty:
        raise NotEnough("no customer meets two rules today")
    made = (pairs["state"] == "task").astype(int) + (pairs["state_other"] == "task")
    frame = pd.DataFrame({
        "rules": pairs["rule"] + " and " + pairs["rule_other"], "both": made == 2, "one": made == 1, "none": made == 0,
    })  # fmt: skip
    table = frame.groupby("rules", as_index=False).sum()
    table.insert(1, "customers", table[["both", "one", "none"]].sum(axis=1))
    table = table.sort_values(["customers", "rules"], ascending=[False, True], ignore_index=True)
    people, twice = int(pairs["customer_id"].nunique()), int(table["both"].sum())
    first = table.iloc[0]
    return Answer(
        table=table,
        headline=f"{people:,} customers meet two rules or more on the same day",
        so_what=(
            f"Most often '{first.rules}' ({first.customers:,} customers). A complaint is answered before anything is offered, and where the "
            f"contact cap has room for one contact only, the rule that stands first in the plan gets it; {twice:,} pairs leave two tasks: "
            "see that their owners speak with one voice."
        ),
        kind="prescriptive",
        caption=f"Customers who meet two rules at once, and how many of the two tasks are made (n = {people:,} customers)",
        units=dict.fromkeys(["customers", "both", "one", "none"], "count"),
        source="dry run of the plan's rules",
        metrics=(Metric("rule_conflicts", float(people), n=people, unit="count", kind="prescriptive"),),
    )  # fmt: skip


def _load_advice(load: pd.Series, table: pd.DataFrame, silent: list[str]) -> str:
    if load.empty:
        asks = sorted({NEEDS.get(trigger, trigger) for trigger in silent})
        return f"No rule met anything today. What would feed them: {'; '.join(asks)}."
    urgent = table[table["area"] == "service"]["tasks"].sum()
    blocked, held = (
        int(table["blocked"].sum()),
        int(table[["complaint_first", "over_cap"]].sum().sum()),
    )
    nothing = f" Nothing met: {', '.join(silent)}." if silent else ""
    return (
        f"{load.index[0]} gets {format_value(load.iloc[0], 'count')} of them; "
        f"{blocked:,} were not made because nobody may contact the customer, {held:,} because a complaint or the contact cap "
        f"comes first, and {int(table['held_out'].sum()):,} because the customer is in the holdout, which only gets answers to cases and sales of its own. Do the {urgent:,} service tasks first: they answer "
        f"what a customer is already waiting for.{nothing}"
    )
