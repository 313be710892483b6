"""Keep, adjust or stop: the yearly decision on each initiative and segment strategy, by the plan's rule table.

Glossary
--------
return
    (Incremental margin - campaign cost) / campaign cost of an initiative, against control groups.
override
    A decision that a person took against the rule (or confirmed), with role, day and reason; the rule's stays beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, Missing, answers, format_value
from playbook.engagement.model import Initiative, Plan, ReviewRules
from playbook.engagement.review import Facts, Kind, Override, Side, first_rule, year_after
from playbook.errors import NotEnough

__all__ = ["NotDue", "annual_review", "decide"]

KEEP, ADJUST, STOP = "keep", "adjust", "stop"
ORDER = {KEEP: 0, ADJUST: 1, STOP: 2}


class NotDue(Missing):
    """There is no review yet: until it is due this is monitoring, and the strategies stand."""


def annual_review(
    plan: Plan | Missing,
    effects: Answer | Missing,
    movement: Answer | Missing,
    scorecard: Answer | Missing,
    as_of: date,
    previous_as_of: date | None,
    force_reason: str = "",
    overrides: Sequence[Override] = (),
    rollouts: Answer | Missing | None = None,
) -> Answer | Missing:
    """Decide keep, adjust or stop for each initiative and segment strategy of the last plan.

    The first line of the plan's rule table (``review``, see `ReviewRules`) that holds decides. A person's decision in
    ``overrides`` goes before it and the rule's stays beside it. For a segment strategy the change of contribution
    stands in for the return.

    Parameters
    ----------
    plan
        Plan of the period before; `Missing` in the first period.
    effects, movement, scorecard
        Answers of `campaign_effects`, `segment_movement` and `scorecard`; each may be missing.
    as_of, previous_as_of
        Last days of this period and the one before; less than 12 months between them is refused (`NotDue`)
        unless ``force_reason`` is given, which is recorded.
    rollouts
        Answer whose extra ``numbers`` has one row per initiative measured by where it began (difference-in-differences):
        initiative_id, return, return_low, return_high, incremental_margin, treated, control, cost, reason (why there is no
        effect; empty where there is one). A random control group goes before it.

    Returns
    -------
    Answer
        Table: the result ``review``: kind, id, name, decision (in force), by_rule, decided_by ("rule" or a role), decided_on,
        reason, line (of the rule table), rule, evidence, value, low, high, n, figures, sentence; with forced_reason when
        forced. Extras ``initiatives`` and ``strategies`` show its two parts.
    """
    if isinstance(plan, Missing):
        return plan
    early = previous_as_of is not None and as_of < year_after(previous_as_of)
    if early and not force_reason.strip():
        return NotDue(
            f"strategies are reviewed once a year: the last review is of {previous_as_of}, less than 12 months before {as_of}",
            "nothing; the strategies stand until the review is due, or is forced with a reason",
        )
    known = [a if isinstance(a, Answer) else None for a in (effects, movement, scorecard, rollouts)]
    reason = force_reason.strip() if early else ""
    return _review(plan, known[0], known[1], known[2], known[3], overrides, reason)


@answers
def _review(
    plan: Plan, effects: Answer | None, movement: Answer | None, card: Answer | None, rollouts: Answer | None,
    overrides: Sequence[Override], forced: str,
) -> Answer:  # fmt: skip
    rules = plan.review
    rows = [_initiative(i, effects, rollouts, card, rules) for i in plan.initiatives]
    if movement is not None:
        rows += [_strategy(row, rules) for row in movement.table.itertuples(index=False)]
    if not rows:
        raise NotEnough(
            "the last plan names no initiatives and no strategies", "a plan with initiatives"
        )
    by_person = {(one.kind, one.id): one for one in overrides}
    rows = [_in_force(row, by_person.get((row["kind"], row["id"]))) for row in rows]
    table = pd.DataFrame(rows)
    table = table.sort_values(
        ["kind", "decision", "id"], key=lambda s: s.map(ORDER) if s.name == "decision" else s, ignore_index=True
    )  # fmt: skip
    if forced:
        table["forced_reason"] = forced
    unknown = sorted(set(by_person) - set(zip(table["kind"], table["id"], strict=True)))
    count = table["decision"].value_counts()
    return Answer(
        table=table,
        headline=f"{count.get(KEEP, 0)} to keep, {count.get(ADJUST, 0)} to adjust, {count.get(STOP, 0)} to stop",
        so_what=_so_what(table, plan.initiatives, unknown, forced),
        kind="prescriptive",
        caption=f"Decision on each initiative and segment strategy of the last plan ({_lines(rules)})",
        source="last plan; campaign effects against control groups; segments under last year's borders",
        metrics=tuple(
            Metric(f"review_{word}", float(count.get(word, 0)), n=len(table), unit="count", kind="prescriptive")
            for word in (KEEP, ADJUST, STOP)
        ),
        extra={
            "forced": bool(forced),
            "initiatives": _part(table, "initiative"),
            "strategies": _part(table, "strategy"),
        },
    )  # fmt: skip


def _lines(rules: ReviewRules) -> str:
    good, bad = rules.lines("initiative")
    up, down = rules.lines("strategy")
    return (
        f"a return is good above {good:g} and bad below {bad:g} of the cost, a change of contribution above {format_value(up, '%')} and below "
        f"{format_value(down, '%')}; at least {rules.minimum_n} customers"
    )


def _part(table: pd.DataFrame, kind: str) -> Answer | Missing:
    """Return the decisions of one kind, to be shown on their own."""
    part = table[table["kind"] == kind]
    if part.empty:
        return Missing(f"there is no {kind} of the last plan to review")
    count = part["decision"].value_counts()
    told = ", ".join(f"{count.get(word, 0)} to {word}" for word in ORDER)
    shown = part[["name", "decision", "by_rule", "rule", "figures"]].assign(decided_by=[
        row["decided_by"] if row["decided_by"] == "rule" else f"{row['decided_by']}, {row['decided_on']}: {row['reason']}"
        for row in part.to_dict("records")
    ])  # fmt: skip
    order = ["name", "decision", "by_rule", "decided_by", "rule", "figures"]
    return Answer(
        table=shown[order].reset_index(drop=True),
        headline=told,
        so_what="",
        kind="prescriptive",
        caption=f"Decision on each {kind} of the last plan (n = {len(part)}; {told})",
    )


def _side(value: float, lines: tuple[float, float]) -> Side:
    good, bad = lines
    return "good" if value > good else "bad" if value < bad else "between"


def decide(
    value: float, low: float, high: float, n: int, rules: ReviewRules, kind: Kind = "initiative", why: str = "",
    gone: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Return the decision, the number of the line that gave it, its words and the evidence.

    Parameters
    ----------
    value, low, high
        Return (or change) with its 95 % interval; none of them a number where nothing was measured.
    n
        Customers in the smaller arm, or in the segment.
    why
        Why nothing was measured.
    gone
        Whether nobody is left in the segment.
    """
    if gone:
        facts: Facts = (kind, "gone", None, None, None)
    elif why or np.isnan([value, low, high]).any():
        facts = (kind, "none", None, None, None)
        why = why or "no figure can be computed"
    elif n < rules.minimum_n:
        facts = (kind, "too few", None, None, None)
        why = f"fewer than {rules.minimum_n} customers"
    else:
        lines = rules.lines(kind)
        facts = (kind, "measured", _side(value, lines), _side(low, lines), _side(high, lines))
    number = first_rule(rules.rules, facts)
    rule = rules.rules[number]
    words = f"{rule.because}: {why}" if why else rule.because
    return {
        "decision": rule.decision,
        "line": number + 1,
        "rule": words,
        "evidence": facts[1],
    }


@dataclass(frozen=True)
class _Measured:
    """What an initiative returned, with its interval, on how many, by which design; or why nobody knows."""

    why: str = ""
    ends: tuple[float, float, float] = (np.nan, np.nan, np.nan)
    margin: float = np.nan
    n: int = 0
    design: str = ""


def _initiative(
    initiative: Initiative, effects: Answer | None, rollouts: Answer | None, card: Answer | None, rules: ReviewRules
) -> dict[str, Any]:  # fmt: skip
    row: dict[str, Any] = {"kind": "initiative", "id": initiative.id, "name": initiative.name}
    found = _by_campaigns(initiative, effects)
    if found.why:
        second = _by_rollout(initiative, rollouts)
        found = second if not second.why else _Measured(f"{found.why}; {second.why}", margin=found.margin)  # fmt: skip
    if found.why:
        figures = _objectives(initiative.objectives, card)
        if not np.isnan(found.margin):
            figures = f"margin {format_value(found.margin, 'currency')}; {figures}"
    else:
        told = [format_value(end, "points") for end in found.ends]
        figures = (
            f"return {told[0]} ({told[1]} to {told[2]}) times what it cost; margin {format_value(found.margin, 'currency')} of a "
            f"budget of {format_value(initiative.budget, 'currency')}; {found.design}, smaller side {found.n:,}"
        )
    decided = decide(*found.ends, found.n, rules, why=found.why)
    return row | decided | _numbers(found.ends, found.n) | {"figures": figures}


def _numbers(ends: Sequence[float], n: int) -> dict[str, float | int]:
    return dict(zip(("value", "low", "high"), ends, strict=True)) | {"n": n}


def _by_campaigns(initiative: Initiative, effects: Answer | None) -> _Measured:
    """Return what the initiative's campaigns brought together, against their control groups."""
    if not initiative.campaigns:
        return _Measured("no campaign measures it")
    if effects is None:
        return _Measured("its campaigns were not delivered")
    numbers = effects["numbers"]
    mine = numbers[numbers["campaign_id"].isin(initiative.campaigns)]
    found = mine[mine["reason"].fillna("") == ""]
    if found.empty:
        return _Measured("; ".join(sorted(set(mine["reason"]))) or "its campaigns were not delivered")  # fmt: skip
    gain, cost = float(found["incremental_margin"].sum()), float(found["cost"].sum())
    if not cost > 0:
        return _Measured("what its campaigns cost is not known", margin=gain)
    half = 1.96 * float(np.sqrt(((found["standard_error"] * found["treated"]) ** 2).sum()))
    low, value, high = ((g - cost) / cost for g in (gain - half, gain, gain + half))
    n = int(found[["treated", "control"]].min(axis=1).sum())
    return _Measured("", (value, low, high), gain, n, "random control group")


def _by_rollout(initiative: Initiative, rollouts: Answer | None) -> _Measured:
    """Return what the initiative brought where it began, against places where it had not."""
    numbers = rollouts["numbers"] if rollouts is not None else pd.DataFrame({"initiative_id": []})
    mine = numbers[numbers["initiative_id"] == initiative.id].to_dict("records")
    if not mine:
        return _Measured("no roll-out measures it")
    row = mine[0]
    if row["reason"] or not row["cost"] > 0:
        return _Measured(row["reason"] or "what it cost is not known")
    ends = (float(row["return"]), float(row["return_low"]), float(row["return_high"]))
    n = int(min(row["treated"], row["control"]))
    return _Measured("", ends, float(row["incremental_margin"]), n, "difference-in-differences")


def _objectives(ids: Sequence[str], card: Answer | None) -> str:
    if card is None:
        return "objectives not measured"
    numbers = card["numbers"]
    mine = numbers[numbers["id"].isin(ids)]
    return "; ".join(
        f"{r.name}: {format_value(r.actual, r.unit)} of {format_value(r.target, r.unit)}, {r.status}"
        for r in mine.itertuples(index=False)
    )


def _strategy(row: Any, rules: ReviewRules) -> dict[str, Any]:
    ends = (row.change, row.low, row.high)
    n, gone = int(row.customers_before), row.customers_now == 0 and row.customers_before > 0
    found = decide(*ends, n, rules, "strategy", gone=gone)
    if found["evidence"] == "measured":
        found["rule"] = f"movement {found['rule']}"
    interval = "" if np.isnan(row.change) else f" ({format_value(row.low, '%')} to {format_value(row.high, '%')})"  # fmt: skip
    figures = (
        f"contribution {format_value(row.contribution_before, 'currency')} to {format_value(row.contribution_now, 'currency')}"
        f"{interval}; customers {row.customers_before:,} to {row.customers_now:,}"
    )
    named = {"kind": "strategy", "id": row.segment, "name": f"{row.strategy}: {row.segment}"}
    return named | found | _numbers(ends, n) | {"figures": figures}


def _in_force(row: Mapping[str, Any], override: Override | None) -> dict[str, Any]:
    """Return a row with the decision in force, the rule's beside it, and the sentence that says both."""
    by_rule = row["decision"]
    decision = override.decision if override else by_rule
    sentence = f"{decision.capitalize()} {row['name']}: "
    if override and decision != by_rule:
        sentence += f"{override.reason} ({override.by}, {override.day}; the rule says {by_rule}: {row['rule']})"
    else:
        sentence += row["rule"] + (f" (confirmed by {override.by}, {override.day}: {override.reason})" if override else "")  # fmt: skip
    named = {name: row[name] for name in ("kind", "id", "name")}
    decided = {
        "decision": decision,
        "by_rule": by_rule,
        "decided_by": override.by if override else "rule",
        "decided_on": str(override.day) if override else "",
        "reason": override.reason if override else "",
    }
    rest = {name: row[name] for name in ("line", "rule", "evidence", "value", "low", "high", "n", "figures")}  # fmt: skip
    return named | decided | rest | {"sentence": f"{sentence}; {row['figures']}."}


def _so_what(
    table: pd.DataFrame, initiatives: Sequence[Initiative], unknown: Sequence[tuple[str, str]], forced: str
) -> str:  # fmt: skip
    stop = table[table["decision"] == STOP]
    work = table[table["kind"] == "initiative"]
    blind = work[work["evidence"] == "none"]
    freed = sum(i.budget for i in initiatives if i.id in set(stop["id"]))
    parts = [
        f"Stop {', '.join(stop['name'])}" + (f" and free {format_value(freed, 'currency')}" if freed else "") + "."
        if len(stop)
        else "Nothing is bad enough beyond chance to stop."
    ]  # fmt: skip
    against = table[table["decision"] != table["by_rule"]]
    if len(against):
        parts.append(f"{len(against)} of {len(table)} were decided by a person against the rule: {', '.join(against['name'])}.")  # fmt: skip
    if len(blind):
        parts.append(
            f"{len(blind)} of {len(work)} initiatives cannot be judged: give each a campaign with a control group, or start it in one region first."
        )
    open_ = work[(work["by_rule"] == ADJUST) & (work["evidence"] != "none")]
    if len(open_):
        parts.append(
            f"{len(open_)} were measured, but chance decides or too few took part: larger control groups before more money."
        )
    if unknown:
        names = ", ".join(f"{kind} {id_}" for kind, id_ in unknown)
        parts.append(f"Decided by a person, but not under review, so not used: {names}.")
    if forced:
        parts.append(f"Forced before 12 months were over: {forced}.")
    return " ".join(parts)
