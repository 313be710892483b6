"""Who answers for what, what may go wrong, and who is told: RACI, risks, communication."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value
from playbook.engagement.model import Initiative, Risk, Role, Stakeholder
from playbook.errors import NotEnough
from playbook.objectives.goals import title_of
from playbook.objectives.roadmap import ASK

__all__ = ["communication", "guidance", "responsibilities", "risks"]

CADENCE = {
    "daily": 250,
    "weekly": 52,
    "every two weeks": 26,
    "monthly": 12,
    "quarterly": 4,
    "twice a year": 2,
    "yearly": 1,
    "once a year": 1,
}
"""Contacts a year by cadence, in the words of the engagement file."""

HIGH_RISK = 9
"""Likelihood × impact (1 to 25) from which a risk needs the board's eye."""


@answers
def responsibilities(initiatives: Sequence[Initiative], roles: Sequence[Role]) -> Answer:
    """Return the RACI matrix: one row per initiative, one column per role, and whether it holds.

    Returns
    -------
    Answer
        initiative, one column per role (its title) with R, A, C, I or nothing, check;
        ``answer["matrix"]`` is long: initiative, role, letter.
    """
    if len(initiatives) == 0:
        raise NotEnough("the plan names no initiatives to answer for", ASK)
    named = {role for i in initiatives for role in i.raci}
    if not named:
        raise NotEnough("no initiative says who is responsible", "a RACI letter per role")
    order = [r.id for r in roles if r.id in named] + sorted(named - {r.id for r in roles})
    title = {role: title_of(role, roles) for role in order}
    rows = [
        {"initiative": i.name}
        | {title[role]: i.raci.get(role, "") for role in order}
        | {"check": raci_check(i)}
        for i in initiatives
    ]
    table = pd.DataFrame(rows)
    matrix = table.melt("initiative", list(title.values()), "role", "letter")
    matrix = matrix[matrix["letter"] != ""].reset_index(drop=True)
    wrong = table[table["check"] != "holds"]
    load = matrix[matrix["letter"] == "A"]["role"].value_counts()
    return Answer(
        table=table,
        headline=f"Every initiative has exactly one accountable; {len(load)} roles share {len(table)}"
        if wrong.empty
        else f"{len(wrong)} of {len(table)} initiatives lack a clear owner or someone who does the work",
        so_what=_raci_words(wrong, matrix),
        kind="descriptive",
        caption="R does it, A answers for it, C is asked before, I is told after",
        source="plan",
        metrics=(Metric("initiatives_without_owner", len(wrong), unit="count"),),
        extra={"matrix": matrix},
    )


def raci_check(initiative: Initiative) -> str:
    """Return "holds", or what is wrong with the RACI entries of one initiative, in words."""
    letters = list(initiative.raci.values())
    accountable = letters.count("A")
    if accountable != 1:
        return f"{accountable or 'no'} accountable"
    idle = [
        role
        for role, days in initiative.person_days.items()
        if days > 0 and initiative.raci.get(role) not in ("R", "A", "C")
    ]
    if idle:
        return f"{', '.join(sorted(idle))} works without a letter"
    return "holds" if "R" in letters else "nobody responsible"


def _raci_words(wrong: pd.DataFrame, matrix: pd.DataFrame) -> str:
    if len(wrong):
        first = wrong.iloc[0]
        return (
            f"{first['initiative']}: {first['check']}. Name one person who answers for each of the "
            f"{len(wrong)} before money is released."
        )
    hands = matrix[matrix["letter"].isin(["R", "A"])]["role"].value_counts()
    most = sorted(hands[hands == hands.max()].index)[0]
    return (
        f"{most} carries or does {hands.max()} initiatives and is the first bottleneck: agree now which of them "
        "waits when two collide."
    )


@answers
def risks(register: Sequence[Risk], roles: Sequence[Role]) -> Answer:
    """Return the risk register, worst first, before and after mitigation.

    Returns
    -------
    Answer
        risk, likelihood, impact, score (1 to 25), after (score left), mitigation, owner;
        ``answer["cells"]`` has id, stage (before, after), likelihood, impact.
    """
    if len(register) == 0:
        raise NotEnough(
            "the plan names no risks",
            "five to ten risks with likelihood, impact, mitigation and owner",
        )
    frame = pd.DataFrame([r.model_dump() for r in register])
    frame["score"] = frame["likelihood"] * frame["impact"]
    frame["after"] = frame["residual_likelihood"] * frame["residual_impact"]
    frame = frame.sort_values(
        ["score", "after", "id"], ascending=[False, False, True], ignore_index=True
    )
    cells = pd.concat(
        [
            frame[["id", "likelihood", "impact"]].assign(stage="before mitigation"),
            frame[["id", "residual_likelihood", "residual_impact"]]
            .set_axis(["id", "likelihood", "impact"], axis=1)
            .assign(stage="after mitigation"),
        ],
        ignore_index=True,
    )
    table = pd.DataFrame(
        {
            "risk": frame["description"],
            "likelihood": frame["likelihood"],
            "impact": frame["impact"],
            "score": frame["score"],
            "after": frame["after"],
            "mitigation": frame["mitigation"],
            "owner": [title_of(o, roles) or "nobody" for o in frame["owner"]],
        }
    )
    high, left = int((frame["score"] >= HIGH_RISK).sum()), int((frame["after"] >= HIGH_RISK).sum())
    return Answer(
        table=table,
        headline=f"{high} of {len(frame)} risks are high today; {left} stay high after mitigation",
        so_what=_risk_words(frame),
        kind="descriptive",
        caption=f"Risks by likelihood × impact (each 1 to 5; high from {HIGH_RISK}), and what is left after mitigation",
        source="plan; scores are judgements of the people who know, not measurements",
        metrics=(
            Metric("high_risks", high, unit="count"),
            Metric("high_risks_after_mitigation", left, unit="count"),
        ),
        extra={"cells": cells, "high": HIGH_RISK},
    )


def _risk_words(frame: pd.DataFrame) -> str:
    worst = frame.iloc[0]
    text = f"Worst is “{worst['description']}” ({worst['score']} of 25, {worst['after']} after mitigation). "
    unowned = frame[frame["owner"] == ""]
    if len(unowned):
        return text + f"Name an owner for: {', '.join(unowned['id'])}."
    most = frame.sort_values(["after", "id"], ascending=[False, True]).iloc[0]
    least = frame.assign(gain=frame["score"] - frame["after"]).sort_values(["gain", "id"]).iloc[0]
    if most["id"] != worst["id"]:
        text += f"Most risk stays with “{most['description']}” ({most['after']}). "
    return text + (
        f"Mitigation changes least for “{least['description']}” ({least['score']} to {least['after']}): look for a "
        "better answer there, and score the register again each quarter."
    )


@answers
def communication(stakeholders: Sequence[Stakeholder], roles: Sequence[Role]) -> Answer:
    """Return who is told what, how and how often, with the contacts a year that the owners owe.

    Returns
    -------
    Answer
        stakeholder, message, channel, cadence, times_a_year, owner; most frequent first.
    """
    if len(stakeholders) == 0:
        raise NotEnough(
            "the engagement names no stakeholders",
            "stakeholders with message, channel, cadence and owner",
        )
    table = pd.DataFrame(
        [
            {
                "stakeholder": s.name,
                "message": s.message,
                "channel": s.channel,
                "cadence": s.cadence,
                "times_a_year": CADENCE.get(s.cadence.strip().lower()),
                "owner": title_of(s.owner, roles),
            }
            for s in stakeholders
        ]
    ).astype({"times_a_year": "Int64"})
    table = table.sort_values(
        ["times_a_year", "stakeholder"], ascending=[False, True], ignore_index=True
    )
    unclear = table[table["times_a_year"].isna()]
    owed = table.groupby("owner", sort=True)["times_a_year"].sum().astype("int64")
    total = int(table["times_a_year"].fillna(0).sum())
    busiest = owed.idxmax()
    text = f"{busiest} owes {owed.max():,} of the {total:,} contacts a year: put them in the calendar now. "
    customers = table["stakeholder"].str.contains("customer", case=False)
    text += (
        "Customers are told what was changed because of what they said, which keeps them answering."
        if customers.any()
        else "Customers are not among the stakeholders: tell them what was changed because of what they said."
    )
    if len(unclear):
        text += f" Say how often for: {', '.join(unclear['stakeholder'])}."
    return Answer(
        table=table,
        headline=f"{len(table)} groups hear of the strategy in {total:,} planned contacts a year",
        so_what=text,
        kind="descriptive",
        caption="Communication plan: who is told what, by which channel, how often, by whom",
        units={"times_a_year": "count"},
        source="engagement file",
        metrics=(Metric("contacts_planned", total, unit="count"),),
    )


@answers
def guidance(roles: Sequence[Role], initiatives: Sequence[Initiative]) -> Answer:
    """Return what the strategy means for each role: its guidance, and what it answers for and does.

    Returns
    -------
    Answer
        role, department, guidance, answers_for, works_on (numbers of initiatives), days_per_month.
    """
    if len(roles) == 0:
        raise NotEnough("the engagement names no roles", "roles with department and guidance")
    count = {
        letter: {r.id: sum(i.raci.get(r.id) == letter for i in initiatives) for r in roles}
        for letter in "AR"
    }
    table = pd.DataFrame(
        [
            {
                "role": r.title,
                "department": r.department,
                "guidance": r.guidance or "–",
                "answers_for": count["A"][r.id],
                "works_on": count["R"][r.id],
                "days_per_month": r.person_days_per_month,
            }
            for r in roles
        ]
    ).sort_values(["answers_for", "works_on", "role"], ascending=[False, False, True])
    silent = table[table["guidance"] == "–"]
    idle = table[(table["answers_for"] == 0) & (table["works_on"] == 0)]
    if len(silent):
        text = f"Write one sentence of guidance for: {', '.join(silent['role'])}."
    elif len(idle):
        text = (
            f"No initiative is led or done by: {', '.join(idle['role'])}. Say what they are asked to decide, "
            "or they will not feel bound by the plan."
        )
    else:
        text = "Everyone has guidance and a part in the plan; read the sentence aloud in the first team meeting."
    days = format_value(float(table["days_per_month"].sum()), "days")
    return Answer(
        table=table.reset_index(drop=True),
        headline=f"{len(table) - len(silent)} of {len(table)} roles have guidance; together {days} days a month",
        so_what=text,
        kind="prescriptive",
        caption="What the strategy asks of each role, and the initiatives it answers for and works on",
        units={"answers_for": "count", "works_on": "count", "days_per_month": "days"},
        source="engagement file and plan",
    )
