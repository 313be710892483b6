"""Gathers the strategy on one page from the results of a run; everything shown is computed or planned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pandas as pd

from playbook import results
from playbook.answer import Missing, format_value
from playbook.engagement import Folder
from playbook.errors import PlaybookError

__all__ = ["StartPage", "read_start_page"]


@dataclass(frozen=True)
class StartPage:
    """What the first page shows; each table is a list of rows of text."""

    lead: str
    goals: list[dict[str, str]]
    segments: list[dict[str, str]]
    actions: list[dict[str, str]]
    budget: list[dict[str, Any]]
    reviews: list[dict[str, str]]
    unknowns: list[str]


def read_start_page(folder: Folder, period: str) -> StartPage:
    """Return the start page of a period from its results; absent results leave their part out."""
    tables = {name: _load(folder, period, name) for name in _NEEDED}
    metrics = results.load_metrics(folder.run(period) / "results").set_index("id")
    engagement = folder.engagement()
    titles = {role.id: role.title for role in engagement.roles}
    return StartPage(
        lead=_lead(engagement.client, engagement.currency, metrics, tables),
        goals=_goals(tables["objectives"], titles),
        segments=_segments(tables, engagement.currency),
        actions=_actions(tables["action_plan"], titles, engagement.currency),
        budget=_budget(tables["budget_split"]),
        reviews=_reviews(tables["review"]),
        unknowns=_unknowns(folder, period, tables["propositions"]),
    )


_NEEDED = (
    "objectives", "segment_profiles", "strategies", "best_offers", "propositions", "action_plan", "budget_split", "review",
)  # fmt: skip


def _load(folder: Folder, period: str, name: str) -> pd.DataFrame:
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
            f"The actions below cost {format_value(total.cost, 'currency')} {currency} and are believed to add "
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
    profiles, strategies = tables["segment_profiles"], tables["strategies"]
    if profiles.empty:
        return []
    rows = profiles.sort_values("clv_total", ascending=False)
    if len(strategies):
        rows = rows.merge(strategies, on="segment", how="left", suffixes=("", "_of_strategy"))
    if len(tables["best_offers"]):
        rows = rows.merge(tables["best_offers"][["segment", "offer"]], on="segment", how="left")
    shown = []
    for _, row in rows.iterrows():
        cells = {
            "Segment": row["segment"],
            "Customers": format_value(row["customers"], "count"),
            "Share of revenue": format_value(row["share_revenue"], "%"),
            f"Value each ({currency})": format_value(row["clv_mean"], "currency"),
        }
        for label, column in (
            ("Strategy", "strategy"),
            ("Do", "do"),
            ("Do not", "avoid"),
            ("Best offer", "offer"),
        ):
            if column in row and not pd.isna(row[column]):
                cells[label] = str(row[column])
            elif column in rows:
                cells[label] = "–"
        shown.append(cells)
    return shown


def _actions(plan: pd.DataFrame, titles: dict[str, str], currency: str) -> list[dict[str, str]]:
    if plan.empty:
        return []
    best = plan.sort_values(
        ["expected_margin", "action", "segment"], ascending=[False, True, True]
    ).head(10)
    return [
        {
            "Action": row["action"],
            "For": row["segment"],
            "Customers": format_value(row["customers"], "count"),
            f"Expected margin ({currency})": format_value(row["expected_margin"], "currency"),
            "Interval": _interval(row, "low", "high", "currency"),
            f"Cost ({currency})": format_value(row["cost"], "currency"),
            "Owner": titles.get(row["owner"], str(row["owner"])),
            "Due": str(row["due"])[:10],
        }
        for _, row in best.iterrows()
    ]


def _budget(split: pd.DataFrame) -> list[dict[str, Any]]:
    if split.empty or split["amount"].sum() <= 0:
        return []
    total = float(split["amount"].sum())
    return [
        {
            "name": f"{row['purpose']}: {row['segment']}",
            "amount": format_value(row["amount"], "currency"),
            "share": format_value(row["amount"] / total, "%"),
            "width": round(100 * float(row["amount"]) / total, 1),
            "reason": str(row["reason"]),
        }
        for _, row in split.sort_values("amount", ascending=False).iterrows()
    ]


def _reviews(review: pd.DataFrame) -> list[dict[str, str]]:
    return [
        {
            "What": row["name"],
            "Kind": row["kind"],
            "Decision": row["decision"],
            "Rule": row["rule"],
            "Figures": row["figures"],
        }
        for _, row in review.iterrows()
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
            f"{row['segment']}: “{row['text']}” is a claim to test; {row['evidence']}"
            for _, row in waiting.head(6).iterrows()
        ]
    return said
