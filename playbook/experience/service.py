"""Service against what was promised: first response, resolution, reopening, backlog (E6)."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, need
from playbook.errors import NotEnough
from playbook.experience.common import FEWEST, TICKETS, in_period, per_cent, share, year_to
from playbook.stats import xmr_limits

__all__ = ["against_promise", "backlog", "service_levels"]

PROMISE = "the promised hours by priority (service_levels in engagement.yml)"
ORDER = ("urgent", "high", "normal", "low")


def _late(hours: pd.Series, age: pd.Series, promised: pd.Series) -> pd.Series:
    """Whether the promise was missed; unknown while a case is open and not yet due."""
    late = (hours > promised).astype("boolean")
    unanswered = hours.isna()
    late = late.mask(unanswered & (age > promised), True)
    return late.mask((unanswered & ~(age > promised)) | promised.isna())


def against_promise(cases: pd.DataFrame, promised: Any) -> pd.DataFrame:
    """Add ``slow_first`` and ``slow_resolution``: promise missed, kept, or unknown (not yet due).

    ``promised`` holds ``first_response_hours`` and ``resolution_hours`` by priority; none: all unknown.
    """
    first = promised.first_response_hours if promised else {}
    solved = promised.resolution_hours if promised else {}
    due_first = cases["priority"].map(first).astype(float)
    due_solved = cases["priority"].map(solved).astype(float)
    return cases.assign(
        promised_first_hours=due_first,
        promised_resolution_hours=due_solved,
        slow_first=_late(cases["first_response_hours"], cases["age_hours"], due_first),
        slow_resolution=_late(cases["resolution_hours"], cases["age_hours"], due_solved),
    )


def _row(name: str, group: pd.DataFrame) -> dict:
    row: dict[str, Any] = {"priority": name, "cases": len(group)}
    for column, label in (("slow_first", "first_in_time"), ("slow_resolution", "resolved_in_time")):
        known = group[column].dropna()
        kept = share(int((~known.astype(bool)).sum()), len(known))
        row |= {label: kept["share"], f"{label}_low": kept["low"], f"{label}_high": kept["high"], f"{label}_n": len(known)}  # fmt: skip
    closed = group["reopened"].dropna()
    again = share(int(closed.astype(bool).sum()), len(closed))
    return row | {
        "median_first_hours": group["first_response_hours"].median(),
        "median_resolution_hours": group["resolution_hours"].median(),
        "promised_first_hours": group["promised_first_hours"].iloc[0] if name != "all" else np.nan,
        "promised_resolution_hours": group["promised_resolution_hours"].iloc[0] if name != "all" else np.nan,
        "reopened": again["share"], "reopened_low": again["low"], "reopened_high": again["high"], "reopened_n": len(closed),
    }  # fmt: skip


@answers
def service_levels(cases: pd.DataFrame, promised: Any, as_of: date) -> Answer:
    """Return by priority the share answered and resolved within the promise, and reopened.

    Parameters
    ----------
    cases
        Query ``service_cases``.
    promised
        ``service_levels`` of the engagement: ``first_response_hours``, ``resolution_hours`` by priority and
        ``share_within``.
    as_of
        Last day known. An open case past its promise counts as missed; one not yet due does not count.
    """
    year = cases[in_period(cases["opened_at"], as_of)]
    need(year, "service cases of the period", TICKETS, rows=FEWEST)
    if promised is None:
        raise NotEnough("service levels: no promised hours are known", PROMISE)
    year = against_promise(year, promised)
    groups = [(p, year[year["priority"] == p]) for p in (*ORDER, *sorted(set(year["priority"].dropna()) - set(ORDER)))]  # fmt: skip
    rows = [_row(name, group) for name, group in [*groups, ("all", year)] if len(group) >= FEWEST]
    table = pd.DataFrame(rows)
    table["target"] = promised.share_within
    total = table.iloc[-1]
    if total["first_in_time_n"] == 0 or total["resolved_in_time_n"] == 0:
        raise NotEnough("service levels: no case has a priority with a promise and times", TICKETS)
    return _told(table, total, promised.share_within, year, as_of)


def _told(table: pd.DataFrame, total: pd.Series, goal: float, year: pd.DataFrame, as_of: date) -> Answer:  # fmt: skip
    by = table.iloc[:-1]
    missed = by[by["resolved_in_time_high"] < goal]
    open_now = int(year["resolution_hours"].isna().sum())
    overdue = int((year["resolution_hours"].isna() & year["slow_resolution"].fillna(False)).sum())
    late = int(
        total["resolved_in_time_n"] - round(total["resolved_in_time"] * total["resolved_in_time_n"])
    )
    if missed.empty:
        verdict = f"No priority is surely below the promised {per_cent(goal)}; keep the staffing and watch the backlog."
    else:
        worst = missed.sort_values("resolved_in_time").iloc[0]
        verdict = (
            f"{worst['priority'].capitalize()} cases fall short of the promised {per_cent(goal)} for sure "
            f"({per_cent(worst['resolved_in_time'])}, at most {per_cent(worst['resolved_in_time_high'])}): "
            "put experienced staff on them first, or promise what can be kept."
        )
    metrics = [
        Metric(name, float(total[c]), float(total[f"{c}_low"]), float(total[f"{c}_high"]), int(total[f"{c}_n"]), "%")
        for name, c in (("first_response_in_time", "first_in_time"), ("resolution_in_time", "resolved_in_time"), ("reopen_rate", "reopened"))
        if total[f"{c}_n"] > 0
    ]  # fmt: skip
    return Answer(
        table=table,
        headline=f"{per_cent(total['resolved_in_time'])} of cases are resolved in the promised time, {per_cent(goal)} were promised",
        so_what=f"{late:,} of {total['resolved_in_time_n']:,.0f} cases took longer than promised; first answers came in time in "
        f"{per_cent(total['first_in_time'])}. {verdict} {open_now:,} cases of the year are open, {overdue:,} of them beyond the promise.",
        kind="descriptive",
        caption=f"Share of cases within the promised hours by priority (95 % interval), median hours, share reopened; cases opened in {year_to(as_of)} (n = {len(year):,})",
        units={c: "%" for c in table.columns if c.startswith(("first_in_time", "resolved_in_time", "reopened"))}
        | {"first_in_time_n": "count", "resolved_in_time_n": "count", "reopened_n": "count", "target": "%", "cases": "count"}
        | {c: "hours" for c in table.columns if c.endswith("_hours")},
        source="tickets; promised hours of the engagement; Wilson intervals",
        metrics=(*metrics, Metric("open_cases", float(open_now), n=len(year), unit="count")),
    )  # fmt: skip


@answers
def backlog(months: pd.DataFrame, as_of: date) -> Answer:
    """Return the cases open at the end of each month with the limits of chance (XmR chart).

    Parameters
    ----------
    months
        Query ``service_months``: month, opened, resolved, backlog.
    as_of
        Last day of the period. The first month is left out: cases opened before the data begin are
        not in it.
    """
    need(months, "months with service cases", TICKETS, rows=13)
    table = months.iloc[1:].reset_index(drop=True)
    base = table.iloc[: max(12, len(table) - 12)]
    chart = xmr_limits(base.set_index("month")["backlog"].astype(float))
    center, low, high = (float(chart[c].iloc[0]) for c in ("center", "low", "high"))
    table = table.assign(center=center, low=max(low, 0.0), high=high, outside=lambda t: (t["backlog"] > high) | (t["backlog"] < low))  # fmt: skip
    last = table.tail(12)
    beyond = int(last["outside"].sum())
    above = int((last["backlog"] > center).sum())
    now = table.iloc[-1]
    if beyond:
        peak = last.loc[last["backlog"].idxmax()]
        before = table.loc[table["month"] == peak["month"] - pd.DateOffset(years=1), "backlog"]
        season = f" (the same month a year before: {before.iloc[0]:.0f})" if len(before) else ""
        verdict = (
            f"{beyond} of the last 12 months {'lies' if beyond == 1 else 'lie'} outside the limits of chance, {peak['month']:%B} most with {peak['backlog']:.0f} open cases{season}: "
            "find what changed beyond the season before adding staff."
        )
    elif above >= 11:
        verdict = f"{above} of the last 12 months lie above the earlier average: the level has moved although no month stands out; plan capacity for it."
    else:
        verdict = "All of the last 12 months lie within the limits of chance: do not react to single months."
    return Answer(
        table=table.iloc[::-1].reset_index(drop=True),
        headline=f"{now['backlog']:.0f} cases were open at the end, {center:.1f} is usual",
        so_what=f"{verdict} On average {last['opened'].mean():.0f} cases a month were opened and {last['resolved'].mean():.0f} resolved.",
        kind="descriptive",
        caption=f"Cases open at the end of each month; limits from the {len(base)} months to {pd.Timestamp(base['month'].iloc[-1]):%Y-%m} (average and 2.66 mean moving ranges)",
        units={"backlog": "count", "opened": "count", "resolved": "count", "center": "points", "low": "points", "high": "points", "month": "date"},
        source="tickets; XmR chart (Wheeler 1993)",
        metrics=(Metric("backlog", float(now["backlog"]), n=len(table), unit="count"),),
        extra={"chart": table},
    )  # fmt: skip
