"""Next year's plan as a starting point: targets set anew from what was measured, stopped work left out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import pandas as pd

from playbook.answer import Answer, Missing, answers, format_value
from playbook.engagement.model import Initiative, Objective, Plan
from playbook.engagement.review import year_after
from playbook.monitoring.review import NotDue

__all__ = ["next_plan"]


def rounded(value: float) -> float:
    """Return a target as people write one: three significant digits."""
    if value == 0 or not math.isfinite(value):
        return value
    return float(round(value, 2 - math.floor(math.log10(abs(value)))))


def next_plan(
    plan: Plan, scorecard: Answer | Missing, review: Answer | Missing
) -> Answer | Missing:
    """Draft the next period's plan from this one, what was measured and what the review decided.

    A target that was reached is set anew from today's measured figure: the yearly step the last plan asked for (target minus
    baseline, never negative) for each year until the new due date, at least the top of today's chance range and
    never below this plan's target. All other targets stand until they are reached. Initiatives that were stopped are left out, the others start and end a year later, without campaigns.
    Budget, strategies, actions, risks and rules are carried on.

    Parameters
    ----------
    plan
        Plan of this period.
    scorecard, review
        Answers of `scorecard` and `annual_review`; each may be missing. While no review is due nothing is drafted: monitoring
        changes no strategy.

    Returns
    -------
    Answer
        Table: what, id, name, this_plan, next_plan, reason. ``answer["plan"]`` is the draft (a `Plan`), ``answer["notes"]``
        the lines that head its file.
    """
    if isinstance(review, NotDue):
        return review
    card = scorecard if isinstance(scorecard, Answer) else None
    decided = review if isinstance(review, Answer) else None
    return _next_plan(plan, card, decided)


@answers
def _next_plan(plan: Plan, card: Answer | None, review: Answer | None) -> Answer:
    decisions = _decisions(review)
    due = {o.id: year_after(o.due) for o in plan.objectives}
    goals = [_objective(o, due[o.id], plan, card) for o in plan.objectives]
    stopped = [i for i in plan.initiatives if decisions.get(i.id) == "stop"]
    kept = [i for i in plan.initiatives if i not in stopped]
    draft = Plan.model_validate(
        plan.model_dump()
        | {
            "as_of": year_after(plan.as_of),
            "objectives": [goal.model_dump() for goal, _ in goals],
            "initiatives": [_shifted(i, {k.id for k in kept}).model_dump() for i in kept],
        }
    )
    told = _told(review)
    table = _table(plan, goals, kept, stopped, told)
    free = sum(i.budget for i in stopped)
    notes = _notes(plan, goals, told, stopped, review)
    changed = int((table["this_plan"] != table["next_plan"]).sum())
    return Answer(
        table=table,
        headline=f"Draft for the year after {draft.as_of}: {len(draft.objectives)} objectives, {len(draft.initiatives)} initiatives",
        so_what=(
            f"{changed} lines differ from this year's plan. "
            + (f"Stopping frees {format_value(free, 'currency')}: assign it. " if free else "")
            + ("Read the targets first: reached ones are raised, the others stand. " if goals else "")
            + "Copy next-plan.yml to plans/ under the next period's name, change what you decide otherwise, and run it."
        ),
        kind="prescriptive",
        caption="What the draft carries on from this plan, and why",
        source="this plan, the scorecard and the review",
        extra={"plan": draft, "notes": notes},
    )  # fmt: skip


def _decisions(review: Answer | None) -> dict[str, str]:
    if review is None:
        return {}
    rows = review.table[review.table["kind"] == "initiative"]
    return dict(zip(rows["id"], rows["decision"], strict=True))


def _told(review: Answer | None) -> dict[tuple[str, str], str]:
    """Return the decision on each initiative and strategy in words; where a person took it, who and against what."""
    if review is None:
        return {}
    return {
        (row["kind"], row["id"]): row["decision"]
        if row["decided_by"] == "rule"
        else f"{row['decision']}, decided by {row['decided_by']} (the rule: {row['by_rule']})"
        for row in review.table.to_dict("records")
    }


def _objective(
    objective: Objective, due: date, plan: Plan, card: Answer | None
) -> tuple[Objective, str]:
    """Return the objective with its new target, and the reason."""
    numbers = card["numbers"].set_index("id") if card is not None else pd.DataFrame()
    if objective.id not in numbers.index or math.isnan(float(numbers.loc[objective.id, "actual"])):
        return objective.model_copy(update={"due": due}), "not measured: target stands"
    row = numbers.loc[objective.id]
    if row["status"] != "reached":
        return objective.model_copy(update={"due": due}), f"{row['status']}: target stands"
    actual, unit, baseline = float(row["actual"]), str(row["unit"]), float(row["baseline"])
    step = 0.0 if math.isnan(baseline) else max(float(row["target"]) - baseline, 0.0)
    years = due.year - plan.as_of.year
    target = rounded(max(actual + years * step, float(row["high"]), objective.target))
    why = (
        f"reached, {format_value(actual, unit)} now: raised by the pace asked so far"
        if step
        else f"reached, {format_value(actual, unit)} now: raised to where chance alone would not get"
    )
    if target == objective.target:
        why = f"reached, {format_value(actual, unit)} now: this year's target asks for more already"
    return objective.model_copy(update={"due": due, "target": target}), why


def _shifted(initiative: Initiative, kept: set[str]) -> Initiative:
    return initiative.model_copy(
        update={
            "start": year_after(initiative.start),
            "end": year_after(initiative.end),
            "depends_on": [i for i in initiative.depends_on if i in kept],
            "campaigns": [],
        }
    )


def _table(
    plan: Plan, goals: Sequence[tuple[Objective, str]], kept: Sequence[Initiative], stopped: Sequence[Initiative],
    told: dict[tuple[str, str], str],
) -> pd.DataFrame:  # fmt: skip
    now = {o.id: o for o in plan.objectives}
    rows = [
        {"what": "objective", "id": o.id, "name": o.name, "this_plan": f"{now[o.id].target:g} by {now[o.id].due}",
         "next_plan": f"{o.target:g} by {o.due}", "reason": why}
        for o, why in goals
    ]  # fmt: skip
    for initiative in (*kept, *stopped):
        gone = initiative in stopped
        decision = told.get(("initiative", initiative.id), "not reviewed yet")
        rows.append(
            {"what": "initiative", "id": initiative.id, "name": initiative.name,
             "this_plan": f"{initiative.start} to {initiative.end}",
             "next_plan": "left out" if gone else f"{year_after(initiative.start)} to {year_after(initiative.end)}", "reason": decision}
        )  # fmt: skip
    if plan.budget:
        total = format_value(plan.budget.total, "currency")
        rows.append({"what": "budget", "id": "budget", "name": "Budget", "this_plan": total, "next_plan": total,
                     "reason": "carried on"})  # fmt: skip
    if plan.strategies:
        names = ", ".join(dict.fromkeys(rule.strategy for rule in plan.strategies))
        rows.append({"what": "strategies", "id": "strategies", "name": "Strategy rules", "this_plan": names,
                     "next_plan": names, "reason": _strategies(told)})  # fmt: skip
    if not rows:
        rows = [{"what": "period", "id": "as_of", "name": "Last day of data", "this_plan": str(plan.as_of),
                 "next_plan": str(year_after(plan.as_of)), "reason": "the plan names nothing else"}]  # fmt: skip
    return pd.DataFrame(rows)


def _strategies(told: dict[tuple[str, str], str]) -> str:
    """Return what the review asks of the strategy rules."""
    stopped = [id_ for (kind, id_), words in told.items() if kind == "strategy" and words.startswith("stop")]  # fmt: skip
    return f"carried on; choose another for {', '.join(stopped)}" if stopped else "carried on"


def _notes(
    plan: Plan, goals: Sequence[tuple[Objective, str]], told: dict[tuple[str, str], str], stopped: Sequence[Initiative],
    review: Answer | None,
) -> list[str]:  # fmt: skip
    lines = [
        f"Draft made by the review with data to {plan.as_of}. Change what you decide otherwise.",
        "Copy it to plans/ under the next period's name.",
    ]
    lines += [f"objective {o.id}: {why}" for o, why in goals]
    lines += [f"{kind} {id_}: {words}" for (kind, id_), words in sorted(told.items())]
    lines += [f"left out: {i.id} ({format_value(i.budget, 'currency')})" for i in stopped]
    if review is not None and review["forced"]:
        lines.append(f"review forced: {review.table['forced_reason'].iloc[0]}")
    return lines
