"""Does the plan hold together: every contradiction in it, with the mend."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date

import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value
from playbook.engagement.model import Engagement, Initiative, Objective, Plan
from playbook.errors import NotEnough
from playbook.objectives.baselines import FIGURES
from playbook.objectives.governance import raci_check
from playbook.objectives.resources import monthly_days
from playbook.objectives.roadmap import dependencies, schedule

__all__ = ["plan_findings"]

Finding = tuple[str, str, str, str]


@answers
def plan_findings(
    plan: Plan, engagement: Engagement, figures: pd.DataFrame | None = None
) -> Answer:
    """Return every contradiction in the plan: rule, where, finding, mend; an empty table when it holds.

    Parameters
    ----------
    figures
        ``figures`` of `baselines`; without them the plan is checked against itself only.
    """
    if not plan.objectives and not plan.initiatives:
        raise NotEnough("the plan holds no objectives and no initiatives", "a plan for the year")
    found = [
        *_objective_findings(plan, engagement),
        *_target_findings(plan.objectives, figures),
        *_initiative_findings(plan, engagement),
        *_time_findings(plan.initiatives, plan.objectives),
        *_money_findings(plan),
        *_people_findings(plan, engagement),
        *_risk_findings(plan, engagement),
    ]
    table = pd.DataFrame(found, columns=["rule", "where", "finding", "mend"])
    by_rule = table["rule"].value_counts()
    return Answer(
        table=table,
        headline=f"{len(table)} contradictions in the plan need an answer before it is signed"
        if len(table) != 1
        else "One contradiction in the plan needs an answer before it is signed",
        so_what=f"Most frequent: {by_rule.index[0]} ({by_rule.iloc[0]}). First mend: {table['mend'].iloc[0].rstrip('.')}."
        if len(table)
        else "The plan holds together: sign it.",
        kind="diagnostic",
        caption="Plan checks: the rule, where it is broken, and how to mend it",
        source="plan, engagement file and baselines",
        metrics=(Metric("plan_contradictions", len(table), unit="count"),),
    )


def _objective_findings(plan: Plan, engagement: Engagement) -> Iterator[Finding]:
    served = {o for i in plan.initiatives for o in i.objectives}
    roles = {r.id for r in engagement.roles}
    for o in plan.objectives:
        if o.id not in served:
            yield (
                "every objective has an initiative",
                o.name,
                "no initiative serves it",
                "Add an initiative or drop the objective",
            )
        if roles and o.owner not in roles:
            yield (
                "every objective has a known owner",
                o.name,
                f"{o.owner} is no role",
                "Name a role of the engagement",
            )
        if not getattr(engagement, o.serves).strip():
            yield (
                "every objective traces to the purpose",
                o.name,
                f"the {o.serves} is not written",
                f"Write the {o.serves}",
            )
        if o.due <= plan.as_of:
            yield (
                "every objective lies ahead",
                o.name,
                f"due {o.due}, data to {plan.as_of}",
                "Move the due date",
            )
        if o.metric not in FIGURES:
            yield (
                "every objective is measured",
                o.name,
                f"{o.metric} is not computed",
                f"Choose one of {', '.join(FIGURES)}",
            )


def _target_findings(
    objectives: Sequence[Objective], figures: pd.DataFrame | None
) -> Iterator[Finding]:
    known = pd.DataFrame() if figures is None else figures.set_index("metric")
    seen: dict[tuple[str, date], Objective] = {}
    for o in objectives:
        unit = FIGURES.get(o.metric, ("", ""))[1]
        floor, ceiling = {"%": (0, 1), "points": (-100, 100)}.get(unit, (0, math.inf))
        if not floor <= o.target <= ceiling:
            said = "0 to 1 (55 % is 0.55)" if unit == "%" else f"{floor} to {ceiling:g}"
            yield (
                "every target is possible",
                o.name,
                f"target {o.target:g}, {o.metric} goes from {said}",
                "Correct the target",
            )
        twin = seen.setdefault((o.metric, o.due), o)
        if twin.target != o.target:
            yield (
                "one target for one figure and day",
                o.name,
                f"{o.target:g}, but “{twin.name}” wants {twin.target:g} by {o.due}",
                "Keep one of the two",
            )
        if o.metric not in FIGURES:
            continue
        value = known.loc[o.metric, "value"] if o.metric in known.index else math.nan
        if value != value:
            yield (
                "every objective has a baseline",
                o.name,
                f"{o.metric} cannot be computed from what was delivered",
                "Ask for the data behind it or choose another figure",
            )
        elif o.target < value:
            yield (
                "every target is above its baseline",
                o.name,
                f"target {format_value(o.target, unit)}, today {format_value(value, unit)}",
                f"Raise the target of “{o.name}” above {format_value(known.loc[o.metric, 'high'], unit)}",
            )


def _initiative_findings(plan: Plan, engagement: Engagement) -> Iterator[Finding]:
    objectives, ids = {o.id for o in plan.objectives}, {i.id for i in plan.initiatives}
    roles = {r.id for r in engagement.roles}
    for i in plan.initiatives:
        if not i.objectives:
            yield (
                "every initiative serves an objective",
                i.name,
                "it names none",
                "Name the objective it serves or drop it",
            )
        if i.end <= plan.as_of:
            yield (
                "every initiative lies ahead",
                i.name,
                f"ended {i.end}, data to {plan.as_of}",
                "Move its dates or take it out",
            )
        for unknown in sorted(set(i.objectives) - objectives):
            yield (
                "initiatives serve known objectives",
                i.name,
                f"{unknown} is no objective",
                "Correct the id",
            )
        for unknown in sorted(set(i.depends_on) - ids):
            yield (
                "initiatives wait for known ones",
                i.name,
                f"{unknown} is no initiative",
                "Correct the id",
            )
        for unknown in sorted((set(i.raci) | set(i.person_days)) - roles) if roles else ():
            yield "work is given to known roles", i.name, f"{unknown} is no role", "Correct the id"
        check = raci_check(i)
        if check != "holds":
            yield (
                "one accountable per initiative",
                i.name,
                check,
                f"Give “{i.name}” exactly one A and at least one R",
            )


def _time_findings(
    initiatives: Sequence[Initiative], objectives: Sequence[Objective]
) -> Iterator[Finding]:
    if not initiatives:
        return
    try:
        dates = schedule(initiatives)
    except NotEnough as error:
        yield "no circle of dependencies", "roadmap", error.reason, "Let one of them come first"
        return
    names = dates.set_index("id")["name"]
    graph = dependencies(initiatives)
    due = {o.id: o.due for o in objectives}
    by_id = {i.id: i for i in initiatives}
    for row in dates[dates["slip_days"] > 0].itertuples(index=False):
        waits = ", ".join(names.loc[sorted(graph.predecessors(row.id))])
        yield (
            "nothing starts before what it waits for",
            row.name,
            f"starts {row.slip_days} days before {waits} has ended",
            "Move the start or drop the dependency",
        )
    for row in dates.itertuples(index=False):
        last = max((due[o] for o in by_id[row.id].objectives if o in due), default=None)
        if last is not None and row.earliest_end > pd.Timestamp(last):
            yield (
                "initiatives end before their objective is due",
                row.name,
                f"ends {row.earliest_end:%Y-%m-%d} at the earliest, due {last}",
                "Start earlier or shorten it",
            )


def _money_findings(plan: Plan) -> Iterator[Finding]:
    asked = sum(i.budget for i in plan.initiatives)
    if plan.budget is None:
        if asked:
            yield (
                "there is a budget",
                "budget",
                f"{format_value(asked, 'currency')} asked, none set",
                "Set a budget",
            )
        return
    money = plan.budget
    if asked > money.total:
        yield (
            "spending stays within the budget",
            "budget",
            f"{format_value(asked, 'currency')} asked, {format_value(money.total, 'currency')} there",
            "Cut or postpone an initiative",
        )
    winning = {o.id for o in plan.objectives if o.area == "acquisition"}
    parts = {"acquisition": 0.0, "retention": 0.0}
    for i in plan.initiatives:
        share = sum(o in winning for o in i.objectives) / len(i.objectives) if i.objectives else 0.0
        parts["acquisition"] += share * i.budget
        parts["retention"] += (1 - share) * i.budget
    for part, spent in parts.items():
        if asked <= money.total and spent > getattr(money, part) + 0.005:
            yield (
                "spending stays within each part of the budget",
                part,
                f"{format_value(spent, 'currency')} asked, {format_value(getattr(money, part), 'currency')} there",
                "Move money between the parts openly, or cut an initiative",
            )
    if money.acquisition + money.retention > money.total:
        yield (
            "the budget's parts fit its total",
            "budget",
            "acquisition and retention exceed the total",
            "Correct the parts",
        )


def _people_findings(plan: Plan, engagement: Engagement) -> Iterator[Finding]:
    capacity = {r.id: (r.title, r.person_days_per_month) for r in engagement.roles}
    days = monthly_days(plan.initiatives)
    sums = days.groupby(["role", "month"], as_index=False)["days"].sum()
    for role, part in sums.groupby("role", sort=True):
        title, has = capacity.get(str(role), (str(role), 0.0))
        over = part[part["days"] > has + 1e-9]
        if len(over) and role in capacity:
            peak = over.loc[over["days"].idxmax()]
            yield (
                "nobody is over capacity",
                title,
                f"{len(over)} months over; {peak['days']:.1f} of {has:.0f} days in {peak['month']:%Y-%m}",
                "Stagger the starts or give days to another role",
            )


def _risk_findings(plan: Plan, engagement: Engagement) -> Iterator[Finding]:
    roles = {r.id for r in engagement.roles}
    for r in plan.risks:
        if r.owner and roles and r.owner not in roles:
            yield "every risk has an owner", r.id, f"{r.owner} is no role", "Name a known role"
        if not r.owner:
            yield "every risk has an owner", r.id, "no owner", "Name one"
        if r.residual_likelihood * r.residual_impact > r.likelihood * r.impact:
            yield (
                "mitigation lowers a risk",
                r.id,
                "scored higher after mitigation",
                "Correct the scores",
            )
