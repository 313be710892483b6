"""Keep, adjust or stop: the yearly decision on each initiative and segment strategy, by the plan's rule.

Glossary
--------
return
    (Incremental margin - campaign cost) / campaign cost of an initiative's campaigns, against control groups.
movement
    Change of a segment's contribution since last year, segment borders unchanged; no proof of cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.engagement.model import Initiative, Plan, ReviewRules
from playbook.errors import NotEnough

__all__ = ["annual_review", "segment_movement"]

MATERIAL = 0.5
"""Least contribution per customer and year (currency) from which a change can be judged."""

KEEP, ADJUST, STOP = "keep", "adjust", "stop"


@answers
def segment_movement(
    strategies: pd.DataFrame, before: pd.DataFrame, value_before: pd.DataFrame, now: pd.DataFrame, value_now: pd.DataFrame
) -> Answer:  # fmt: skip
    """Return what became of each segment and its strategy: customers and contribution under last year's borders.

    Parameters
    ----------
    strategies
        Result ``strategies`` of the year before: segment, strategy.
    before, value_before
        Results ``segments`` and ``customer_value`` of the year before.
    now
        This year's customers under last year's model (`frozen_segments`).
    value_now
        Result ``customer_value`` of this year.

    Returns
    -------
    Answer
        Table: segment, strategy, customers_before, customers_now, contribution_before, contribution_now, change, low, high
        (relative to last year's contribution; compound Poisson range; none where that was under half a currency unit
        per customer); largest gain first.
    """
    need(strategies, "strategies of last year", "a run of the year before")
    old, new = _contribution(before, value_before), _contribution(now, value_now)
    rows = []
    for row in strategies.sort_values("segment").itertuples(index=False):
        a, b = (frame[frame["segment"] == row.segment]["contribution_12m"] for frame in (old, new))
        first, second = float(a.sum()), float(b.sum())
        half = 1.96 * float(np.sqrt((a**2).sum() + (b**2).sum()))
        scale = abs(first) if abs(first) >= MATERIAL * max(len(a), 1) else np.nan
        rows.append(
            {"segment": row.segment, "strategy": row.strategy, "customers_before": len(a), "customers_now": len(b),
             "contribution_before": first, "contribution_now": second, "change": (second - first) / scale,
             "low": (second - first - half) / scale, "high": (second - first + half) / scale}
        )  # fmt: skip
    table = pd.DataFrame(rows).sort_values(["change", "segment"], ascending=[False, True], ignore_index=True)  # fmt: skip
    known = table.dropna(subset=["change"])
    if known.empty:
        raise NotEnough("no segment had a contribution last year", "orders with costs of last year")
    best, worst = known.iloc[0], known.iloc[-1]
    sure = known[(known["low"] > 0) | (known["high"] < 0)]
    return Answer(
        table=table,
        headline=f"Contribution rose most in {best['segment']} ({format_value(best['change'], '%')})"
        if best["change"] > 0
        else f"Contribution fell in every segment, least in {best['segment']}",
        so_what=(
            f"{worst['segment']} ({worst['strategy']}) went {format_value(worst['change'], '%')}. "
            + (f"Beyond chance: {', '.join(sure['segment'])}. " if len(sure) else "No move is beyond chance. ")
            + "This is movement, not effect: a strategy without a control group cannot claim it. Hold back a few customers of each segment."
        ),
        kind="diagnostic",
        caption="Contribution of each segment in 12 months, last year and now, under last year's borders (95 % range)",
        units={"customers_before": "count", "customers_now": "count", "contribution_before": "currency",
               "contribution_now": "currency", "change": "%", "low": "%", "high": "%"},
        source="strategies and segments of last year; contribution of both years",
    )  # fmt: skip


def _contribution(segments: pd.DataFrame, value: pd.DataFrame) -> pd.DataFrame:
    frame = segments[["customer_id", "segment"]].merge(
        value[["customer_id", "contribution_12m"]], on="customer_id", how="left"
    )
    return frame.fillna({"contribution_12m": 0.0}).sort_values("customer_id", ignore_index=True)


def annual_review(
    plan: Plan | Missing,
    effects: Answer | Missing,
    movement: Answer | Missing,
    scorecard: Answer | Missing,
    as_of: date,
    previous_as_of: date | None,
    force_reason: str = "",
) -> Answer | Missing:
    """Decide keep, adjust or stop for each initiative and segment strategy of the last plan.

    The rule (``review`` of the plan): *keep* when the return lies above ``keep_if_return_above`` and chance does not
    reach down to ``stop_if_return_below``; *stop* when it lies below ``stop_if_return_below`` and chance does not reach
    up to ``keep_if_return_above``; else *adjust*. Fewer than ``minimum_n`` customers in the smaller arm (or segment),
    and everything without a control group: adjust. For a segment strategy the change of contribution stands
    in for the return.

    Parameters
    ----------
    plan
        Plan of the period before; `Missing` in the first period.
    effects, movement, scorecard
        Answers of `campaign_effects`, `segment_movement` and `scorecard`; each may be missing.
    as_of, previous_as_of
        Last days of this period and the one before. Strategies are reviewed once a year: less than 12 months
        between them is refused (the answer is missing) unless ``force_reason`` is given, which is recorded.

    Returns
    -------
    Answer
        Table: the result ``review`` (kind, id, name, decision, rule, figures) with forced_reason when forced. Extras
        ``initiatives`` and ``strategies`` show its two parts.
    """
    if isinstance(plan, Missing):
        return plan
    given = [a if isinstance(a, Answer) else None for a in (effects, movement, scorecard)]
    return _review(plan, given[0], given[1], given[2], as_of, previous_as_of, force_reason.strip())


@answers
def _review(
    plan: Plan, effects: Answer | None, movement: Answer | None, card: Answer | None, as_of: date,
    previous_as_of: date | None, force_reason: str,
) -> Answer:  # fmt: skip
    early = previous_as_of is not None and as_of < _year_after(previous_as_of)
    if early and not force_reason:
        raise NotEnough(
            f"the last review is of {previous_as_of}, less than 12 months before {as_of}: strategies are reviewed once a year",
            "nothing; wait, or run with force_reason saying why this cannot wait",
        )
    rules = plan.review
    rows = [_initiative(i, effects, card, rules) for i in plan.initiatives]
    if movement is not None:
        rows += [_strategy(row, rules) for row in movement.table.itertuples(index=False)]
    if not rows:
        raise NotEnough(
            "the last plan names no initiatives and no strategies", "a plan with initiatives"
        )
    table = pd.DataFrame(rows)
    order = {KEEP: 0, ADJUST: 1, STOP: 2}
    table = table.sort_values(
        ["kind", "decision", "id"], key=lambda s: s.map(order) if s.name == "decision" else s
    )
    table = table.reset_index(drop=True)
    if early:
        table["forced_reason"] = force_reason
    count = table["decision"].value_counts()
    return Answer(
        table=table,
        headline=f"{count.get(KEEP, 0)} to keep, {count.get(ADJUST, 0)} to adjust, {count.get(STOP, 0)} to stop",
        so_what=_so_what(table, plan.initiatives, early, force_reason),
        kind="prescriptive",
        caption=(
            f"Decision on each initiative and segment strategy of the last plan (keep above {rules.keep_if_return_above:g} of the cost returned, "
            f"stop below {rules.stop_if_return_below:g}, at least {rules.minimum_n} customers)"
        ),
        source="last plan; campaign effects against control groups; segments under last year's borders",
        metrics=tuple(
            Metric(f"review_{word}", float(count.get(word, 0)), n=len(table), unit="count", kind="prescriptive")
            for word in (KEEP, ADJUST, STOP)
        ),
        extra={
            "forced": bool(early),
            "initiatives": _part(table, "initiative"),
            "strategies": _part(table, "strategy"),
        },
    )  # fmt: skip


def _part(table: pd.DataFrame, kind: str) -> Answer | Missing:
    """Return the decisions of one kind, to be shown on their own."""
    part = table[table["kind"] == kind].drop(columns=["kind", "id"]).reset_index(drop=True)
    if part.empty:
        return Missing(f"there is no {kind} of the last plan to review")
    count = part["decision"].value_counts()
    told = ", ".join(f"{count.get(word, 0)} to {word}" for word in (KEEP, ADJUST, STOP))
    return Answer(
        table=part,
        headline=told,
        so_what="",
        kind="prescriptive",
        caption=f"Decision on each {kind} of the last plan (n = {len(part)}; {told})",
    )


def _year_after(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:  # 29 February
        return day.replace(year=day.year + 1, day=28)


def decide(value: float, low: float, high: float, n: int, rules: ReviewRules) -> tuple[str, str]:
    """Return the decision and the rule that gave it.

    Parameters
    ----------
    value, low, high
        Return with its 95 % interval.
    n
        Customers in the smaller arm, or in the segment.
    """
    if n < rules.minimum_n:
        return ADJUST, f"fewer than {rules.minimum_n} customers: not enough data"
    if np.isnan(value):
        return ADJUST, "no return can be computed"
    keep, stop = rules.keep_if_return_above, rules.stop_if_return_below
    if value > keep and low > stop:
        return (
            KEEP,
            f"above {keep:g}, and chance does not reach down to {stop:g}",
        )
    if value < stop and high < keep:
        return (
            STOP,
            f"below {stop:g}, and chance does not reach up to {keep:g}",
        )
    return ADJUST, "between the lines, or chance decides"


def _initiative(
    initiative: Initiative, effects: Answer | None, card: Answer | None, rules: ReviewRules
) -> dict[str, str]:
    row = {"kind": "initiative", "id": initiative.id, "name": initiative.name}
    numbers = effects["numbers"] if effects is not None else pd.DataFrame({"campaign_id": []})
    mine = numbers[numbers["campaign_id"].isin(initiative.campaigns)]
    measured = mine[mine["reason"] == ""] if len(mine) else mine
    if measured.empty:
        why = "; ".join(mine["reason"]) if len(mine) else "no campaign measures it"
        return row | {
            "decision": ADJUST,
            "rule": f"not attributable: {why}",
            "figures": _objectives(initiative.objectives, card),
        }
    gain, cost = float(measured["incremental_margin"].sum()), float(measured["cost"].sum())
    half = 1.96 * float(np.sqrt(((measured["standard_error"] * measured["treated"]) ** 2).sum()))
    n = int(measured[["treated", "control"]].min(axis=1).sum())
    if cost <= 0:
        return row | {
            "decision": ADJUST,
            "rule": "cost not known",
            "figures": f"margin {format_value(gain, 'currency')}",
        }
    ends = [(g - cost) / cost for g in (gain, gain - half, gain + half)]
    decision, rule = decide(ends[0], ends[1], ends[2], n, rules)
    value, low, high = (format_value(end, "points") for end in ends)
    figures = (
        f"return {value} ({low} to {high}) times the campaign cost; margin "
        f"{format_value(gain, 'currency')} of a budget of {format_value(initiative.budget, 'currency')}; smaller arm {n:,}"
    )
    return row | {"decision": decision, "rule": rule, "figures": figures}


def _objectives(ids: Sequence[str], card: Answer | None) -> str:
    if card is None:
        return "objectives not measured"
    numbers = card["numbers"]
    mine = numbers[numbers["id"].isin(ids)]
    return "; ".join(
        f"{r.name}: {format_value(r.actual, r.unit)} of {format_value(r.target, r.unit)}, {r.status}"
        for r in mine.itertuples(index=False)
    )


def _strategy(row, rules: ReviewRules) -> dict[str, str]:
    decision, rule = decide(row.change, row.low, row.high, int(row.customers_before), rules)
    figures = (
        f"contribution {format_value(row.contribution_before, 'currency')} to {format_value(row.contribution_now, 'currency')} "
        f"({format_value(row.low, '%')} to {format_value(row.high, '%')}); customers {row.customers_before:,} to {row.customers_now:,}"
    )  # fmt: skip
    return {"kind": "strategy", "id": row.segment, "name": f"{row.strategy}: {row.segment}", "decision": decision,
            "rule": f"movement {rule}" if not rule.startswith(("fewer", "no ")) else rule, "figures": figures}  # fmt: skip


def _so_what(
    table: pd.DataFrame, initiatives: Sequence[Initiative], early: bool, reason: str
) -> str:
    stop = table[table["decision"] == STOP]
    work = table[table["kind"] == "initiative"]
    blind = work[work["rule"].str.startswith("not attributable")]
    freed = sum(i.budget for i in initiatives if i.id in set(stop["id"]))
    parts = [
        f"Stop {', '.join(stop['name'])}" + (f" and free {format_value(freed, 'currency')}" if freed else "") + "."
        if len(stop)
        else "Nothing is bad enough beyond chance to stop."
    ]  # fmt: skip
    if len(blind):
        parts.append(
            f"{len(blind)} of {len(work)} initiatives cannot be judged: give each a campaign with a control group, or start it in one region first."
        )
    open_ = work[(work["decision"] == ADJUST) & ~work["id"].isin(blind["id"])]
    if len(open_):
        parts.append(
            f"{len(open_)} were measured, but chance decides or too few took part: larger control groups before more money."
        )
    if early:
        parts.append(f"Forced before 12 months were over: {reason}.")
    return " ".join(parts)
