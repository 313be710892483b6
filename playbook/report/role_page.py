"""A page of guidance for each role, to be handed to the person: made from the plan and the results of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from playbook.answer import format_value
from playbook.engagement import Engagement, Folder, Plan
from playbook.engagement.model import Initiative, Role
from playbook.errors import NotEnough
from playbook.objectives.resources import monthly_days
from playbook.objectives.roadmap import schedule
from playbook.report.start_page import load_or_empty

__all__ = ["RolePage", "read_role_pages", "role_page"]

Rows = list[dict[str, str]]

PARTS = {"A": "You answer for it", "R": "You do it", "C": "You are asked before", "I": "You are told after"}  # fmt: skip
NEEDED = ("objectives", "strategies", "action_plan", "improvements", "review")


@dataclass(frozen=True)
class RolePage:
    """What one role is handed: sentences, and tables as lists of rows of text."""

    id: str
    title: str
    department: str
    guidance: str
    meaning: list[str]
    goals: Rows
    work: Rows
    actions: Rows
    improvements: Rows
    days: Rows
    stop: list[str]
    segments: Rows
    risks: Rows
    tell: Rows

    @property
    def href(self) -> str:
        """Name of the page's file."""
        return f"role_{self.id}.html"


def read_role_pages(folder: Folder, period: str) -> list[RolePage]:
    """Return the page of every role of the engagement; absent results leave their part out."""
    tables = {name: load_or_empty(folder, period, name) for name in NEEDED}
    engagement, plan = folder.engagement(), folder.plan(period)
    return [role_page(role, plan, engagement, tables) for role in engagement.roles]


def role_page(
    role: Role, plan: Plan, engagement: Engagement, tables: Mapping[str, pd.DataFrame]
) -> RolePage:
    """Return what the strategy means for one role.

    Parameters
    ----------
    tables
        Results ``objectives``, ``strategies``, ``action_plan``, ``improvements``, ``review``; empty where absent.
    """
    own = [
        i for i in plan.initiatives if role.id in i.raci or role.id in i.person_days or role.id == i.owner
    ]  # fmt: skip
    goals = _goals(role, own, plan, tables["objectives"])
    actions = _actions(role, tables["action_plan"], engagement.currency)
    days = _days(role, plan.initiatives)
    touched = _touched(role, own, tables)
    return RolePage(
        id=role.id,
        title=role.title,
        department=role.department,
        guidance=role.guidance,
        meaning=_meaning(role, own, plan, engagement, actions),
        goals=goals,
        work=_work(role, own, plan),
        actions=actions,
        improvements=_improvements(own, tables["improvements"], engagement.currency),
        days=days,
        stop=_stop(own, days, touched, tables["review"]),
        segments=_segments(touched),
        risks=_risks(role, plan),
        tell=[
            {"Whom": s.name, "What": s.message, "How": s.channel, "How often": s.cadence}
            for s in engagement.stakeholders
            if s.owner == role.id
        ],
    )


def _answers_for(role: Role, initiative: Initiative) -> bool:
    return initiative.raci.get(role.id) == "A" or ("A" not in initiative.raci.values() and initiative.owner == role.id)  # fmt: skip


def _meaning(
    role: Role, own: Sequence[Initiative], plan: Plan, engagement: Engagement, actions: Rows
) -> list[str]:
    """Two to four computed sentences."""
    led = [i for i in own if _answers_for(role, i)]
    does = [i for i in own if i.raci.get(role.id) == "R"]
    said = []
    if led or does:
        total = sum(i.person_days.get(role.id, 0.0) for i in own)
        money = sum(i.budget for i in led)
        said.append(
            f"You answer for {_count(led, 'initiative')} "
            f"({format_value(money, 'currency')} {engagement.currency} of budget) and do the work in "
            f"{_count(does, 'initiative')}; all that you are part of asks {format_value(total, 'days')} of your days."
        )
        starts = sorted((i.start, i.name) for i in [*led, *does] if i.start > plan.as_of)
        if starts:
            said.append(f"First start: “{starts[0][1]}” on {starts[0][0]}.")
    elif own:
        said.append(
            f"You do none of the work yourself; you are asked or told in {_count(own, 'initiative')}. "
            "Answer within a week, or the work waits for you."
        )
    else:
        said.append("The plan gives you no initiative; ask what you are to decide.")
    if actions:
        said.append(f"{_count(actions, 'kind')} of contact with customers run under your name.")
    if not role.guidance:
        said.append("Nobody has yet written down what is expected of this role in one sentence.")
    return said


def _count(items: Sequence[object], one: str, many: str = "") -> str:
    return f"{len(items)} {one if len(items) == 1 else many or one + 's'}"


def _goals(role: Role, own: Sequence[Initiative], plan: Plan, objectives: pd.DataFrame) -> Rows:
    """Objectives the role owns, then those its work serves."""
    served = {o for i in own if i.raci.get(role.id) in ("A", "R") for o in i.objectives}
    known = objectives.set_index("id") if len(objectives) else pd.DataFrame()
    rows = []
    for goal in sorted(plan.objectives, key=lambda o: (o.owner != role.id, o.due, o.id)):
        if goal.owner != role.id and goal.id not in served:
            continue
        row = known.loc[goal.id] if goal.id in known.index else pd.Series(dtype=object)
        unit = str(row.get("unit", ""))
        rows.append(
            {
                "Objective": goal.name,
                "Your part": "you own it" if goal.owner == role.id else "your work serves it",
                "Today": format_value(row.get("baseline"), unit),
                "Expected without new action": format_value(row.get("expected"), unit),
                "Target": format_value(goal.target, unit),
                "Chance without new action": format_value(row.get("probability"), "%"),
                "Due": str(goal.due),
            }
        )
    return rows


def _work(role: Role, own: Sequence[Initiative], plan: Plan) -> Rows:
    names = {i.id: i.name for i in plan.initiatives}
    try:
        dates = schedule(plan.initiatives).set_index("id")
    except (NotEnough, ValueError):  # a circle of dependencies; the plan checks name it
        dates = pd.DataFrame()
    order = {letter: place for place, letter in enumerate("ARCI")}
    rows = []
    for item in sorted(own, key=lambda i: (order.get(i.raci.get(role.id, ""), 4), i.start, i.id)):
        letter = "A" if _answers_for(role, item) else item.raci.get(role.id, "")
        row = dates.loc[item.id] if item.id in dates.index else None
        rows.append(
            {
                "Initiative": item.name,
                "Your part": PARTS.get(letter, "you give days to it"),
                "Start": str(item.start),
                "End": str(item.end),
                "Your days": format_value(item.person_days.get(role.id, 0.0), "days"),
                "Waits for": ", ".join(names.get(d, d) for d in item.depends_on) or "–",
                "Time to spare": "–" if row is None
                else "none: decides the last day" if row["critical"]
                else f"{row['slack_days']:,} days",
            }
        )  # fmt: skip
    return rows


def _actions(role: Role, plan: pd.DataFrame, currency: str) -> Rows:
    if plan.empty:
        return []
    rows = []
    for action, part in plan[plan["owner"] == role.id].groupby("action", sort=True):
        total = part[["customers", "expected_margin", "low", "high", "cost"]].sum()
        names = part.sort_values(["customers", "segment"], ascending=[False, True])["segment"].astype(str)  # fmt: skip
        rest = f" and {len(names) - 2} more" if len(names) > 2 else ""
        rows.append(
            {
                "Contact": str(action),
                "To": ", ".join(names.head(2)) + rest,
                "Customers": format_value(total.customers, "count"),
                f"Believed to add ({currency})": f"{format_value(total.expected_margin, 'count')} "
                f"({format_value(total.low, 'count')} to {format_value(total.high, 'count')})",
                f"Cost ({currency})": format_value(total.cost, "count"),
                "By": str(part["due"].min())[:10],
            }
        )
    return sorted(rows, key=lambda row: (row["By"], row["Contact"]))


def _improvements(own: Sequence[Initiative], table: pd.DataFrame, currency: str) -> Rows:
    if table.empty or "initiative" not in table:
        return []
    mine = table[table["initiative"].isin([i.id for i in own])].sort_values("rank")
    return [
        {
            "What is mended": str(r.improvement),
            "Where": str(r.touchpoint),
            f"Margin at stake a year ({currency})": f"{format_value(r.effect, 'count')} "
            f"({format_value(r.low, 'count')} to {format_value(r.high, 'count')})",
            "How sure": str(r.confidence),
        }
        for r in mine.itertuples(index=False)
    ]


def _days(role: Role, initiatives: Sequence[Initiative]) -> Rows:
    days = monthly_days(initiatives)
    mine = days[days["role"] == role.id].groupby("month")["days"].sum()
    has = role.person_days_per_month
    return [
        {
            "Month": f"{pd.Timestamp(str(month)):%B %Y}",
            "Days asked": f"{asked:.1f}",
            "Days you have": format_value(has, "days"),
            "Room": "over by " + f"{asked - has:.1f}" if asked > has + 1e-9 else f"{has - asked:.1f}",
        }
        for month, asked in mine.items()
    ]  # fmt: skip


def _touched(
    role: Role, own: Sequence[Initiative], tables: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    """Strategies of the segments that the role's contacts or initiatives name; of all where none is named."""
    strategies, actions = tables["strategies"], tables["action_plan"]
    if strategies.empty:
        return strategies
    named = {segment for item in own for segment in item.segments}
    if len(actions):
        named |= set(actions.loc[actions["owner"] == role.id, "segment"].astype(str))
    mine = strategies[strategies["segment"].astype(str).isin(named)]
    return strategies if mine.empty else mine


def _segments(strategies: pd.DataFrame) -> Rows:
    return [
        {"Segment": str(r.segment), "Strategy": str(r.strategy), "Do": str(r.do)}
        for r in strategies.itertuples(index=False)
    ]


def _stop(
    own: Sequence[Initiative], days: Rows, strategies: pd.DataFrame, review: pd.DataFrame
) -> list[str]:
    """What to stop: stopped by the review, what each strategy avoids, months that promise too many days."""
    said = []
    if len(review):
        names = [i.id for i in own] + [i.name for i in own]
        stopped = review[
            (review["decision"] == "stop") & (review["id"].isin(names) | review["name"].isin(names))
        ]
        said += [
            f"{r.name}: the review says stop ({r.rule}), the plan goes on with it; settle which holds before you start."
            for r in stopped.itertuples(index=False)
        ]
    for avoid, part in strategies.groupby("avoid", sort=True) if len(strategies) else ():
        said.append(f"{str(avoid).rstrip('.')} ({', '.join(sorted(part['segment'].astype(str)))}).")
    over = [row["Month"] for row in days if row["Room"].startswith("over")]
    if over:
        said.append(
            f"Promising days you do not have in {', '.join(over)}: agree now which work waits."
        )
    return said


def _risks(role: Role, plan: Plan) -> Rows:
    mine = [r for r in plan.risks if r.owner == role.id]
    return [
        {
            "Risk": r.description,
            "Score of 25": str(r.likelihood * r.impact),
            "What you do about it": r.mitigation,
            "Left after it": str(r.residual_likelihood * r.residual_impact),
        }
        for r in sorted(mine, key=lambda r: (-r.likelihood * r.impact, r.id))
    ]
