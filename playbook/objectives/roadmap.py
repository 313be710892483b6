"""The roadmap: initiatives in time, what waits for what, and the chain that decides the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import networkx as nx
import pandas as pd

from playbook.answer import Answer, Metric, answers
from playbook.engagement.model import Initiative, Objective, Role
from playbook.errors import NotEnough
from playbook.objectives.goals import title_of

__all__ = ["dependencies", "roadmap", "schedule"]

ASK = "initiatives with start, end, budget, person-days, dependencies and responsibilities"


def dependencies(initiatives: Sequence[Initiative]) -> nx.DiGraph:
    """Return the graph of who waits for whom; an unknown dependency is left to the plan checks.

    Raises
    ------
    NotEnough
        When initiatives wait for each other in a circle.
    """
    known = {i.id for i in initiatives}
    graph = nx.DiGraph()
    graph.add_nodes_from(sorted(known))
    graph.add_edges_from((d, i.id) for i in initiatives for d in i.depends_on if d in known)
    if not nx.is_directed_acyclic_graph(graph):
        circle = [edge[0] for edge in nx.find_cycle(graph)]
        raise NotEnough(
            f"initiatives wait for each other in a circle: {' → '.join([*circle, circle[0]])}",
            "a plan in which one of them comes first",
        )
    return graph


def schedule(initiatives: Sequence[Initiative]) -> pd.DataFrame:
    """Return when each initiative can run if none starts before those it waits for have ended.

    Returns
    -------
    pandas.DataFrame
        id, name, owner, start, end (as planned), days, earliest_start, earliest_end, slip_days (later than planned),
        slack_days (how much later it may end without moving the last end), critical; in order of earliest start.

    References
    ----------
    Kelley, J. E. & Walker, M. R. (1959). Critical-path planning and scheduling.
    """
    graph = dependencies(initiatives)
    by_id = {i.id: i for i in initiatives}
    order = list(nx.lexicographical_topological_sort(graph))
    day = pd.Timedelta(days=1)
    start: dict[str, pd.Timestamp] = {}
    end: dict[str, pd.Timestamp] = {}
    for id_ in order:
        item = by_id[id_]
        waits = [end[d] + day for d in graph.predecessors(id_)]
        start[id_] = max([pd.Timestamp(item.start), *waits])
        end[id_] = start[id_] + (pd.Timestamp(item.end) - pd.Timestamp(item.start))
    last = max(end.values())
    latest: dict[str, pd.Timestamp] = {}
    for id_ in reversed(order):
        after = [latest[s] - (end[s] - start[s]) - day for s in graph.successors(id_)]
        latest[id_] = min([last, *after])
    rows = [
        {
            "id": id_,
            "name": by_id[id_].name,
            "owner": owner_of(by_id[id_]),
            "start": pd.Timestamp(by_id[id_].start),
            "end": pd.Timestamp(by_id[id_].end),
            "days": (end[id_] - start[id_]).days + 1,
            "earliest_start": start[id_],
            "earliest_end": end[id_],
            "slip_days": (start[id_] - pd.Timestamp(by_id[id_].start)).days,
            "slack_days": (latest[id_] - end[id_]).days,
            "critical": latest[id_] == end[id_],
            "budget": by_id[id_].budget,
        }
        for id_ in order
    ]
    return pd.DataFrame(rows).sort_values(
        ["earliest_start", "earliest_end", "id"], ignore_index=True
    )


def owner_of(initiative: Initiative) -> str:
    """Return the role that is accountable for an initiative, or its named owner."""
    accountable = sorted(role for role, letter in initiative.raci.items() if letter == "A")
    return accountable[0] if len(accountable) == 1 else initiative.owner


@answers
def roadmap(
    initiatives: Sequence[Initiative], objectives: Sequence[Objective], roles: Sequence[Role]
) -> Answer:
    """Return the initiatives in time with their critical path.

    Returns
    -------
    Answer
        initiative, owner, start, end, budget, possible_start, possible_end, slip, slack, critical;
        ``answer["schedule"]`` in full, ``answer["links"]`` the dependencies (before, after), ``answer["due"]`` the
        objectives' last due date.
    """
    if len(initiatives) == 0:
        raise NotEnough("the plan names no initiatives", ASK)
    plan = schedule(initiatives)
    graph = dependencies(initiatives)
    due = max((pd.Timestamp(o.due) for o in objectives), default=pd.NaT)
    table = pd.DataFrame(
        {
            "initiative": plan["name"],
            "owner": [title_of(o, roles) or "nobody" for o in plan["owner"]],
            "start": plan["start"],
            "end": plan["end"],
            "possible_start": plan["earliest_start"],
            "possible_end": plan["earliest_end"],
            "slip": plan["slip_days"],
            "slack": plan["slack_days"],
            "critical": plan["critical"],
        }
    )
    late = plan[plan["earliest_end"] > due] if due is not pd.NaT else plan.iloc[:0]
    return Answer(
        table=table,
        headline=_headline(plan, late),
        so_what=_so_what(plan, late, graph, due),
        kind="descriptive",
        caption=f"{len(plan)} initiatives: planned dates, dates possible when each waits for what it depends on, days of slip and slack",
        units={"slip": "days", "slack": "days"},
        source="plan; critical path over finish-to-start dependencies",
        metrics=(
            Metric("initiatives", len(plan), unit="count"),
            Metric("initiatives_after_due", len(late), unit="count"),
        ),
        extra={
            "schedule": plan,
            "links": pd.DataFrame(sorted(graph.edges), columns=["before", "after"]),
            "due": due,
        },
    )


def _chain(plan: pd.DataFrame) -> list[str]:
    return list(plan.loc[plan["critical"]].sort_values("earliest_start")["name"])


def _headline(plan: pd.DataFrame, late: pd.DataFrame) -> str:
    if len(late):
        ends = "ends" if len(late) == 1 else "end"
        return f"{len(late)} of {len(plan)} initiatives {ends} after the objectives are due, if dependencies hold"
    if (plan["slip_days"] > 0).any():
        return f"{int((plan['slip_days'] > 0).sum())} initiatives start before what they wait for has ended"
    return f"All {len(plan)} initiatives fit their dependencies and end by {plan['end'].max():%Y-%m-%d}"


def _so_what(
    plan: pd.DataFrame, late: pd.DataFrame, graph: nx.DiGraph, due: date | pd.Timestamp
) -> str:
    chain = _chain(plan)
    path = " → ".join(chain)
    text = f"The last day hangs on: {path}. "
    slipping = plan[plan["slip_days"] > 0].sort_values(["slip_days", "id"], ascending=[False, True])
    if slipping.empty:
        return text + "Watch these first; the others have slack."
    worst = slipping.iloc[0]
    waits = ", ".join(plan.set_index("id").loc[sorted(graph.predecessors(worst["id"])), "name"])
    text += (
        f"{worst['name']} is planned to start {worst['slip_days']:,.0f} days before {waits} has ended. "
        "Either drop the dependency, because the work really can overlap, or move the start"
    )
    if len(late):
        text += f" and cut its length, or it ends on {late['earliest_end'].max():%Y-%m-%d}, after {due:%Y-%m-%d}"
    return text + "."
