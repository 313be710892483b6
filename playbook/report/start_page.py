"""Gathers the strategy on one page from the results of a run; everything shown is computed or planned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from playbook import results
from playbook.answer import Missing, format_value
from playbook.engagement import Folder, Plan
from playbook.errors import PlaybookError

__all__ = ["StartPage", "load_or_empty", "read_start_page"]


@dataclass(frozen=True)
class StartPage:
    """What the first page shows; each table is a list of rows of text."""

    lead: str
    value_is: str
    goals: list[dict[str, str]]
    segments: list[dict[str, str]]
    actions: list[dict[str, str]]
    budget: list[dict[str, Any]]
    unknowns: list[str]


def read_start_page(folder: Folder, period: str) -> StartPage:
    """Return the start page of a period from its results; absent results leave their part out."""
    tables = {name: load_or_empty(folder, period, name) for name in _NEEDED}
    metrics = results.load_metrics(folder.run(period) / "results").set_index("id")
    engagement = folder.engagement()
    titles = {role.id: role.title for role in engagement.roles}
    return StartPage(
        lead=_lead(engagement.client, engagement.currency, metrics, tables),
        value_is="margin"
        if "gross_margin" in metrics.index
        else "revenue (no costs were delivered)",
        goals=_goals(tables["objectives"], titles),
        segments=_segments(tables, engagement.currency),
        actions=_actions(tables, folder.plan(period), titles, engagement.currency),
        budget=_budget(tables["budget_split"]),
        unknowns=_unknowns(folder, period, tables["propositions"]),
    )


_NEEDED = (
    "objectives", "segment_profiles", "strategies", "propositions", "improvements", "action_plan", "budget_split",
)  # fmt: skip


def load_or_empty(folder: Folder, period: str, name: str) -> pd.DataFrame:
    """Return a result of the run; an empty frame where it is absent or could not be computed."""
    try:
        found = results.load(folder.run(period) / "results", name)
    except PlaybookError:
        return pd.DataFrame()
    return pd.DataFrame() if isinstance(found, Missing) else found


def _interval(row: Any, low: str, high: str, unit: str) -> str:
    if pd.isna(row[low]) or pd.isna(row[high]):
        return ""
    return f"{format_value(row[low], unit)} to {format_value(row[high], unit)}"


def _lead(
    client: str, currency: str, metrics: pd.DataFrame, tables: dict[str, pd.DataFrame]
) -> str:
    """Return the strategy in three or four computed sentences."""
    said = []
    if {"revenue", "active_customers"} <= set(metrics.index):
        margin = metrics.value.get("gross_margin")
        earned = (
            f" and a gross margin of {format_value(margin, 'currency')} {currency}"
            if margin is not None
            else ""
        )
        said.append(
            f"{client} had {format_value(metrics.value['active_customers'], 'count')} active customers in the last twelve months, "
            f"who with guests brought {format_value(metrics.value['revenue'], 'currency')} {currency} of revenue{earned}."
        )
    if len(tables["strategies"]):
        groups = tables["strategies"].groupby("strategy", sort=False)["segment"].apply(", ".join)
        said.append(
            "The plan: "
            + "; ".join(f"{strategy}: {names}" for strategy, names in groups.items())
            + "."
        )
    plan = tables["action_plan"]
    if len(plan):
        total = plan[["expected_margin", "low", "high", "cost"]].sum()
        said.append(
            f"The actions sent to customers cost {format_value(total.cost, 'currency')} {currency} and are believed to add "
            f"{format_value(total.expected_margin, 'currency')} {currency} of margin; each keeps a control group, so that "
            "next year's review can say what they really added."
        )
    return " ".join(said)


def _goals(objectives: pd.DataFrame, titles: dict[str, str]) -> list[dict[str, str]]:
    return [
        {
            "Goal": row["name"],
            "Today": format_value(row["baseline"], row["unit"]),
            "Interval": _interval(row, "low", "high", row["unit"]),
            "Target": format_value(row["target"], row["unit"]),
            "Chance without new action": format_value(row["probability"], "%"),
            "Due": str(row["due"])[:10],
            "Owner": titles.get(row["owner"], str(row["owner"])),
        }
        for _, row in objectives.iterrows()
    ]


def _segments(tables: dict[str, pd.DataFrame], currency: str) -> list[dict[str, str]]:
    profiles = tables["segment_profiles"]
    if profiles.empty:
        return []
    rows = profiles.sort_values("clv_total", ascending=False).set_index("segment")
    told = _by_segment(tables["strategies"], ["strategy", "do", "avoid"])
    promises = tables["propositions"]
    if len(promises):
        kept = promises[(promises["status"] == "supported") & (promises["clause"] == "gives")]
        told = told.join(_by_segment(kept, ["text"]), how="outer")
    labels = {"strategy": "Strategy", "do": "Do", "avoid": "Do not", "text": "Promise with proof"}
    return [
        {
            "Segment": str(segment),
            "Customers": format_value(row["customers"], "count"),
            "Share of revenue": format_value(row["share_revenue"], "%"),
            f"Value each ({currency})": format_value(row["clv_mean"], "count"),
        }
        | {labels[c]: _told(told, segment, c) for c in told.columns}
        for segment, row in rows.iterrows()
    ]


def _by_segment(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    if table.empty:
        return pd.DataFrame()
    return table.drop_duplicates("segment").set_index("segment")[columns]


def _told(told: pd.DataFrame, segment: Any, column: str) -> str:
    value = told[column].get(segment)
    return "–" if value is None or pd.isna(value) else str(value)


def _actions(
    tables: dict[str, pd.DataFrame], plan: Plan, titles: dict[str, str], currency: str
) -> list[dict[str, str]]:
    """Return the ten actions of largest expected effect: what is sent to customers, and what is mended."""
    rows = _sent(tables["action_plan"]) + _mended(tables["improvements"], plan)
    rows.sort(key=lambda row: (-row["effect"], row["action"]))
    return [
        {
            "Action": row["action"],
            "For": row["whom"],
            "Customers": format_value(row["customers"], "count"),
            f"Expected a year ({currency})": format_value(row["effect"], "count"),
            "Interval": f"{format_value(row['low'], 'count')} to {format_value(row['high'], 'count')}",
            f"Cost ({currency})": format_value(row["cost"], "count"),
            "Rests on": row["basis"],
            "Owner": titles.get(row["owner"], row["owner"]),
            "Due": row["due"],
        }
        for row in rows[:10]
    ]


def _sent(plan: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one row per action, its segments together: a belief is right or wrong for all of them."""
    rows = []
    for action, part in plan.groupby("action") if len(plan) else []:
        part = part.sort_values("expected_margin", ascending=False)
        names = ", ".join(part["segment"].head(2)) + (
            f" and {len(part) - 2} more" if len(part) > 2 else ""
        )
        total = part[["customers", "expected_margin", "low", "high", "cost"]].sum()
        rows.append(
            {"action": str(action), "whom": names, "customers": total.customers, "effect": total.expected_margin, "low": total.low,
             "high": total.high, "cost": total.cost, "basis": "the plan’s belief", "owner": str(part["owner"].iloc[0]), "due": str(part["due"].iloc[0])[:10]}
        )  # fmt: skip
    return rows


def _mended(improvements: pd.DataFrame, plan: Plan) -> list[dict[str, Any]]:
    """Return the improvements whose effect is more than a guess, with the initiative that does them."""
    if improvements.empty:
        return []
    initiatives = {initiative.id: initiative for initiative in plan.initiatives}
    rows = []
    for _, row in improvements[improvements["confidence"].isin(["high", "medium"])].iterrows():
        initiative = initiatives.get(row.get("initiative"))
        accountable = (
            [role for role, part in initiative.raci.items() if part == "A"] if initiative else []
        )
        rows.append(
            {"action": row["improvement"], "whom": f"everyone who meets it ({row['touchpoint']})", "customers": row.get("customers"), "effect": row["effect"],
             "low": row["low"], "high": row["high"], "cost": row["cost"], "basis": "adjusted association", "owner": (accountable or ["to be named"])[0],
             "due": str(initiative.end) if initiative else "to be set"}
        )  # fmt: skip
    return rows


def _budget(split: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the budget's parts; those below one percent are put together."""
    if split.empty or split["amount"].sum() <= 0:
        return []
    total = float(split["amount"].sum())
    big = split[split["amount"] >= 0.01 * total].sort_values("amount", ascending=False)
    rows = [
        (f"{r['purpose']}: {r['segment']}", float(r["amount"]), str(r["reason"]))
        for _, r in big.iterrows()
    ]
    small = split[split["amount"] < 0.01 * total]
    if len(small):
        rows.append(
            (
                f"{len(small)} smaller parts",
                float(small["amount"].sum()),
                "; ".join(sorted(set(small["reason"].astype(str)))),
            )
        )
    return [
        {
            "name": name,
            "amount": format_value(amount, "count"),
            "share": format_value(amount / total, "%"),
            "width": round(100 * amount / total, 1),
            "reason": reason,
        }
        for name, amount, reason in rows
    ]


def _unknowns(folder: Folder, period: str, propositions: pd.DataFrame) -> list[str]:
    """Return what could not be answered and which claims wait for a test."""
    said = []
    for path in sorted((folder.run(period) / "results").glob("*.missing.json")):
        note = json.loads(path.read_text(encoding="utf-8"))
        ask = f" Ask the client for {note['ask']}." if note["ask"] else ""
        said.append(
            f"{path.name.split('.')[0].replace('_', ' ').capitalize()}: {note['reason']}.{ask}"
        )
    if len(propositions):
        waiting = propositions[propositions["status"] != "supported"]
        said += [
            f"{row['segment']}: “{str(row['clause']).split(' ')[0]} {row['text']}” {_refusal(row)} ({row['evidence']})"
            for _, row in waiting.head(6).iterrows()
        ]
    return said


def _refusal(row: pd.Series) -> str:
    """Say whether a claim waits for a test or is shown false."""
    return (
        "is shown false, do not say it" if row.get("shown_false", False) else "is a claim to test"
    )
