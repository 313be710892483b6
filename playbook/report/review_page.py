"""Gathers the annual review on one page: ten lines that say what to keep, adjust and stop, then the figures behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from playbook.answer import format_value
from playbook.engagement import Folder, Plan
from playbook.report.start_page import load_or_empty

__all__ = ["ReviewPage", "read_review_page", "ten_lines"]

MOST = 10
"""Lines of the first page."""
NAMES = 3
"""Names of one line; the rest is counted."""
ORDER = {"stop": 0, "keep": 1, "adjust": 2}
ADVICE = {
    ("initiative", "none"): "Before more money: a control group, or a start in one region first.",
    ("initiative", "too few"): "Go on only with more customers on the smaller side.",
    ("initiative", "measured"): "Larger control groups before more money.",
    ("strategy", "measured"): "Hold back a few customers of each, so that next year tells movement from effect.",
}  # fmt: skip
"""What to do about what is to be adjusted, by kind and evidence."""


@dataclass(frozen=True)
class ReviewPage:
    """What the review's page shows; each table is a list of rows of text."""

    title: str
    forced: str
    lines: list[str]
    initiatives: list[dict[str, str]]
    strategies: list[dict[str, str]]
    goals: list[dict[str, str]]
    log: list[dict[str, str]]
    rules: list[dict[str, str]]


def read_review_page(folder: Folder, period: str) -> ReviewPage | None:
    """Return the review of a period from its results; none where nothing was reviewed."""
    review = load_or_empty(folder, period, "review")
    previous = folder.previous(period)
    if review.empty or previous is None:
        return None
    plan = folder.plan(previous)
    card = load_or_empty(folder, period, "scorecard")
    log = load_or_empty(folder, period, "decision_log")
    count = review["decision"].value_counts()
    told = ", ".join(f"{count.get(word, 0)} to {word}" for word in ("keep", "adjust", "stop"))
    forced = str(review["forced_reason"].iloc[0]) if "forced_reason" in review else ""
    return ReviewPage(
        title=f"Review of {period} against {previous}: {told}",
        forced=forced,
        lines=ten_lines(review, card, plan, folder.engagement().currency, forced),
        initiatives=_decisions(review[review["kind"] == "initiative"]),
        strategies=_decisions(review[review["kind"] == "strategy"]),
        goals=_goals(card),
        log=_log(log),
        rules=_rules(plan),
    )


def ten_lines(
    review: pd.DataFrame, card: pd.DataFrame, plan: Plan, currency: str, forced: str = ""
) -> list[str]:
    """Return the review in at most ten lines: the goals, what to stop, keep and adjust and why, and what that frees.

    Parameters
    ----------
    review, card
        Results ``review`` and ``scorecard``; the latter may be empty.
    plan
        Plan under review: its rule table and budgets.
    forced
        Why the review came before its time.
    """
    first = [f"This review came before twelve months were over: {forced}."] if forced else []
    first += _goal_line(card)
    last = _freed(review, plan, currency)
    groups = [group for _, group in review.groupby(_reasons(review), sort=True)]
    room = MOST - len(first) - len(last)
    if len(groups) > room:
        rest = groups[room - 1 :]
        names = sum(len(group) for group in rest)
        words = ", ".join(sorted({d for group in rest for d in group["decision"]}))
        more = [f"{names} more decisions ({words}) stand in the tables below."]
        groups = groups[: room - 1]
    else:
        more = []
    return [*first, *(_line(group, plan) for group in groups), *more, *last]


def _reasons(review: pd.DataFrame) -> pd.Series:
    """Return what puts decisions on one line: decision, kind, and a person's reason or the line of the rule table."""
    keys = [
        (ORDER[r["decision"]], r["kind"], *((0, f"{r['decided_by']} {r['reason']}") if r["decision"] != r["by_rule"] else (1, f"{r['line']:03d}")))
        for r in review.to_dict("records")
    ]  # fmt: skip
    return pd.Series(keys, index=review.index)


def _line(group: pd.DataFrame, plan: Plan) -> str:
    """Return one line on decisions of one kind that were taken for one reason."""
    first = group.iloc[0].to_dict()
    word = first["decision"].capitalize()
    rule = plan.review.rules[int(first["line"]) - 1].because
    if first["decision"] != first["by_rule"]:
        names = _listed([_name(row) for row in group.to_dict("records")])
        who = f"{first['decided_by']}, {first['decided_on']}; the rule says {first['by_rule']}: {rule}"
        return f"{word} {names}: {first['reason']} ({who})."
    if len(group) == 1:
        return _ended(f"{word} {_name(first)}: {first['rule']}{_figure(first)}") + _advice(first)
    figures = [f"{_name(row)}{_short(row)}" for row in group.to_dict("records")]
    what = "initiatives" if first["kind"] == "initiative" else "segment strategies"
    return _ended(f"{word} {len(group)} {what}, {rule}: {_listed(figures)}") + _advice(first)


def _name(row: dict[str, Any]) -> str:
    """Return how a line calls a thing: an initiative by its name, a strategy with the segment it is for."""
    if row["kind"] == "initiative":
        return str(row["name"])
    return f"“{str(row['name']).removesuffix(': ' + str(row['id']))}” for {row['id']}"


def _figure(row: dict[str, Any]) -> str:
    """Return figure, interval and number of customers, behind a semicolon."""
    if pd.isna(row["value"]):
        return ""
    if row["kind"] == "initiative":
        value, low, high = (format_value(row[name], "points") for name in ("value", "low", "high"))
        return f"; returned {value} times what it cost ({low} to {high}; n = {row['n']:,} on the smaller side)"
    value, low, high = (format_value(row[name], "%") for name in ("value", "low", "high"))
    return f"; contribution changed by {value} ({low} to {high}; n = {row['n']:,})"


def _ended(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _advice(row: dict[str, Any]) -> str:
    if row["decision"] != "adjust":
        return ""
    told = ADVICE.get((row["kind"], row["evidence"]))
    return f" {told}" if told else ""


def _listed(names: Sequence[str]) -> str:
    more = len(names) - NAMES
    return "; ".join(names[:NAMES]) + (f"; and {more} more" if more > 0 else "")


def _short(row: dict[str, Any]) -> str:
    """Return the figure in brackets: a return in times of the cost, a change with its sign."""
    if pd.isna(row["value"]):
        return ""
    if row["kind"] == "initiative":
        return f" (returned {format_value(row['value'], 'points')} times its cost)"
    sign = "+" if row["value"] > 0 else ""
    return f" ({sign}{format_value(row['value'], '%')})"


def _goal_line(card: pd.DataFrame) -> list[str]:
    judged = card[card["status"].isin(["reached", "not reached", "cannot tell"])] if len(card) else card  # fmt: skip
    if judged.empty:
        return []
    count = judged["status"].value_counts()
    missed = judged[judged["status"] == "not reached"]
    names = [
        f"{r.name_} {format_value(r.actual, r.unit)} of {format_value(r.target, r.unit)}"
        for r in missed.rename(columns={"name": "name_"}).itertuples(index=False)
    ]
    told = f" Missed: {_listed(names)}." if names else ""
    words = {"reached": "reached", "not reached": "missed", "cannot tell": "within chance of the target, so not to be told"}  # fmt: skip
    counts = ", ".join(
        f"{count[status]} {word}" for status, word in words.items() if status in count
    )
    return [f"Of {len(judged)} goals: {counts}.{told}"]


def _freed(review: pd.DataFrame, plan: Plan, currency: str) -> list[str]:
    stopped = review[(review["kind"] == "initiative") & (review["decision"] == "stop")]
    budgets = {initiative.id: initiative.budget for initiative in plan.initiatives}
    free = sum(budgets.get(id_, 0.0) for id_ in stopped["id"])
    if not free:
        return ["Nothing that was stopped frees money; the draft of the next plan carries the rest on a year later."]  # fmt: skip
    return [f"Stopping frees the {format_value(free, 'currency')} {currency} that were planned for it; the draft of the next plan leaves it unassigned."]  # fmt: skip


def _decisions(rows: pd.DataFrame) -> list[dict[str, str]]:
    return [
        {
            "What": row["name"],
            "Decision": row["decision"],
            "By the rule": row["by_rule"],
            "Why": row["rule"] if row["decided_by"] == "rule"
            else f"{row['reason']} ({row['decided_by']}, {row['decided_on']}); the rule: {row['rule']}",
            "Figures": row["figures"],
        }
        for row in rows.to_dict("records")
    ]  # fmt: skip


def _goals(card: pd.DataFrame) -> list[dict[str, str]]:
    return [
        {
            "Goal": row["name"],
            "Year before": format_value(row["baseline"], row["unit"]),
            "Target": format_value(row["target"], row["unit"]),
            "Now": format_value(row["actual"], row["unit"]),
            "Chance range": f"{format_value(row['low'], row['unit'])} to {format_value(row['high'], row['unit'])}",
            "Verdict": str(row["status"]),
        }
        for row in card.to_dict("records")
    ]


def _log(log: pd.DataFrame) -> list[dict[str, str]]:
    return [
        {
            "Review": str(row["period"]),
            "What": row["name"],
            "Decision": row["decision"],
            "By": "rule"
            if row["decided_by"] == "rule"
            else f"{row['decided_by']} (rule: {row['by_rule']})",
            "A year later": row["a_year_later"],
        }
        for row in log.to_dict("records")
    ]


def _rules(plan: Plan) -> list[dict[str, str]]:
    return [
        {
            "Line": f"{number}",
            "Decision": rule.decision,
            "For": " or ".join(rule.kind) or "both",
            "Evidence": " or ".join(rule.evidence) or "any",
            "Figure is": " or ".join(rule.value) or "any",
            "Lower end is": " or ".join(rule.low) or "any",
            "Upper end is": " or ".join(rule.high) or "any",
            "Because": rule.because,
        }
        for number, rule in enumerate(plan.review.rules, 1)
    ]
