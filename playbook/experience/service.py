"""Service against what was promised: first response, resolution, reopening, backlog (E6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, need
from playbook.errors import NotEnough
from playbook.experience.common import FEWEST, TICKETS, in_period, per_cent, share, year_to
from playbook.stats import xmr_limits

__all__ = ["BacklogLimits", "against_promise", "backlog", "backlog_limits", "service_levels"]

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
    backwards = (year["first_response_hours"] < 0) | (year["resolution_hours"] < 0)
    year = year[~backwards]
    need(year, "service cases answered after they were opened", TICKETS, rows=FEWEST)
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
    return _told(table, total, promised.share_within, year, int(backwards.sum()), as_of)


def _told(table: pd.DataFrame, total: pd.Series, goal: float, year: pd.DataFrame, backwards: int, as_of: date) -> Answer:  # fmt: skip
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
    odd = f" {backwards:,} cases are answered or resolved before they were opened and do not count: mend their times in the export." if backwards else ""  # fmt: skip
    metrics = [
        Metric(name, float(total[c]), float(total[f"{c}_low"]), float(total[f"{c}_high"]), int(total[f"{c}_n"]), "%")
        for name, c in (("first_response_in_time", "first_in_time"), ("resolution_in_time", "resolved_in_time"), ("reopen_rate", "reopened"))
        if total[f"{c}_n"] > 0
    ]  # fmt: skip
    return Answer(
        table=table,
        headline=f"{per_cent(total['resolved_in_time'])} of cases are resolved in the promised time, {per_cent(goal)} were promised",
        so_what=f"{late:,} of {total['resolved_in_time_n']:,.0f} cases took longer than promised; first answers came in time in "
        f"{per_cent(total['first_in_time'])}. {verdict} {open_now:,} cases of the year are open, {overdue:,} of them beyond the promise.{odd}",
        kind="descriptive",
        caption=f"Share of cases within the promised hours by priority (95 % interval), median hours, share reopened; cases opened in {year_to(as_of)} (n = {len(year):,})",
        units={c: "%" for c in table.columns if c.startswith(("first_in_time", "resolved_in_time", "reopened"))}
        | {"first_in_time_n": "count", "resolved_in_time_n": "count", "reopened_n": "count", "target": "%", "cases": "count"}
        | {c: "hours" for c in table.columns if c.endswith("_hours")},
        source="tickets; promised hours of the engagement; Wilson intervals",
        metrics=(*metrics, Metric("open_cases", float(open_now), n=len(year), unit="count")),
    )  # fmt: skip


JUDGED = 12
"""Months at the end that the limits of the earlier months judge."""
HALF = 0.5
"""Cases beyond a limit that are no signal yet: there are no half cases."""


def _season(roots: np.ndarray, calendar: np.ndarray) -> tuple[np.ndarray, int]:
    """Usual deviation of each calendar month (place 0 is January) from its year, and the whole years behind it.

    Zero with fewer than two whole years: season and change cannot be told apart then.
    """
    years = len(roots) // 12
    if years < 2:
        return np.zeros(12), years
    blocks = roots[len(roots) - 12 * years :].reshape(years, 12)
    season = np.zeros(12)
    season[calendar[len(roots) - 12 : len(roots)] - 1] = (blocks - blocks.mean(axis=1, keepdims=True)).mean(axis=0)  # fmt: skip
    return season, years


@dataclass(frozen=True)
class BacklogLimits:
    """Months with ``center``, ``low``, ``high`` and ``outside``; whole years the season rests on (0: none is taken
    out); whether the level of the last twelve months moved ("up", "down" or empty)."""

    table: pd.DataFrame
    years: int
    moved: str


def backlog_limits(months: pd.DataFrame) -> BacklogLimits:
    """Draw the limits of chance around months of open cases (``month``, ``backlog``).

    Notes
    -----
    XmR chart of square roots (counts spread as their root) without the usual month, from the months before the last
    twelve. The moving range is widened for the season that was fitted to it and for the error of the season. The level
    moved when the mean of the last twelve months lies three standard errors from the center. By simulation an unchanging
    service shows a month outside in one of seven years (limits that ignore the season: one of two to three), and a
    moved level in one of forty.

    References
    ----------
    Wheeler, D. J. (1993). Understanding Variation: The Key to Managing Chaos.
    """
    base = max(JUDGED, len(months) - JUDGED)
    calendar = pd.DatetimeIndex(months["month"]).month.to_numpy()
    roots = np.sqrt(months["backlog"].clip(lower=0).to_numpy(dtype=float))
    season, years = _season(roots[:base], calendar[:base])
    seasonal = years >= 2
    usual = season[calendar - 1]
    chart = xmr_limits(pd.Series(roots[:base] - usual[:base]))
    center = float(chart["center"].iloc[0])
    plain = float(chart["high"].iloc[0]) - center
    plain *= np.sqrt(years / (years - 1)) if seasonal else 1.0
    half = plain * (np.sqrt(1 + 1 / years) if seasonal else 1.0)
    ends = {"center": center + usual, "low": center + usual - half, "high": center + usual + half}
    table = months.assign(**{name: np.maximum(value, 0.0) ** 2 for name, value in ends.items()})
    outside = (table["backlog"] > table["high"] + HALF) | (table["backlog"] < table["low"] - HALF)
    shift = float((roots - usual)[-JUDGED:].mean()) - center
    limit = plain * np.sqrt(1 / JUDGED + 1 / base)
    moved = "" if not seasonal or abs(shift) <= limit else "up" if shift > 0 else "down"
    return BacklogLimits(table.assign(outside=outside), years if seasonal else 0, moved)


@answers
def backlog(months: pd.DataFrame) -> Answer:
    """Return the cases open at the end of each month with the limits of chance for that month of the year.

    Parameters
    ----------
    months
        Query ``service_months``: month, opened, resolved, backlog, first_opened. A first month whose first case came
        after its first week is left out: the data begin within it. Cases opened before the data begin are in no month.
    """
    need(months, "months with service cases", TICKETS, rows=13)
    begun = months["first_opened"].iloc[0] - pd.Timestamp(months["month"].iloc[0])
    whole = months.iloc[1:] if not begun < pd.Timedelta(days=7) else months
    limits = backlog_limits(whole.reset_index(drop=True))
    table, years = limits.table, limits.years
    last = table.tail(JUDGED)
    now = table.iloc[-1]
    base = table.iloc[: max(JUDGED, len(table) - JUDGED)]
    usual = f"would be usual for {now['month']:%B}" if years else "is usual"
    told = f"the usual month taken out ({years} years)" if years else "season not taken out"
    return Answer(
        table=table[["month", "opened", "resolved", "backlog", "center", "low", "high", "outside"]].iloc[::-1].reset_index(drop=True),
        headline=f"{now['backlog']:.0f} cases were open at the end, {now['center']:.0f} {usual}",
        so_what=f"{_backlog_verdict(limits, last)} On average {last['opened'].mean():.0f} cases a month were opened and {last['resolved'].mean():.0f} resolved.",
        kind="descriptive",
        caption=f"Cases open at the end of each month; limits from the {len(base)} months to {pd.Timestamp(base['month'].iloc[-1]):%Y-%m}, {told}",
        units={"backlog": "count", "opened": "count", "resolved": "count", "center": "count", "low": "count", "high": "count", "month": "date"},
        source="tickets; XmR chart of square roots (Wheeler 1993)",
        metrics=(Metric("backlog", float(now["backlog"]), n=len(table), unit="count"),),
        extra={"chart": table},
    )  # fmt: skip


def _backlog_verdict(limits: BacklogLimits, last: pd.DataFrame) -> str:
    years, out = limits.years, last[last["outside"]]
    usual = "for their month of the year" if years else "of chance"
    if len(out):
        far = (out["backlog"] / out["center"].clip(lower=0.5) - 1).abs().idxmax()
        peak = out.loc[far]
        high = peak["backlog"] > peak["center"]
        text = (
            f"{len(out)} of the last {JUDGED} months {'lies' if len(out) == 1 else 'lie'} outside the limits {usual}, {peak['month']:%B} most with "
            f"{peak['backlog']:.0f} open cases (usual {peak['center']:.0f}): find what {'changed before adding staff' if high else 'went well and keep it'}."
        )
    elif limits.moved == "up":
        text = f"No month of the last {JUDGED} stands out {usual}, but their level is surely higher than before: plan capacity for it or find what slows the work down."
    elif limits.moved == "down":
        text = f"No month of the last {JUDGED} stands out {usual}, and their level is surely lower than before: keep what was changed."
    else:
        text = f"All of the last {JUDGED} months lie within the limits {usual}: do not react to single months."
    blind = "" if years else " Two whole years of earlier months are needed to tell season from change: compare with the same month a year before."  # fmt: skip
    return text + blind
