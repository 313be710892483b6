"""Did the work that no campaign measures pay? Places where it began against places where it had not yet.

Glossary
--------
not attributable
    Nothing to compare with, or places that moved apart before the start: nobody can tell what the work added.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.engagement.model import Initiative
from playbook.errors import NotEnough
from playbook.monitoring.campaigns import judged
from playbook.monitoring.rollout import (
    NEVER,
    Panel,
    RolloutEffect,
    gap_by_month,
    rollout_effect,
    smallest_effect,
)

__all__ = ["initiative_effects"]

SMALLEST_PLACE = 30
"""Fewest customers of a place that counts."""
HALF_YEAR = 6
UNSTATED = "the plan does not say where it began first (rollout)"
FIGURES = ("effect", "low", "high", "standard_error", "naive", "pretrend_p", "p")


@answers
def initiative_effects(
    initiatives: Sequence[Initiative], places: pd.DataFrame, as_of: date, seed: int
) -> Answer:
    """Return what each initiative without a campaign added, from where and when it began.

    Parameters
    ----------
    initiatives
        Those of the plan of the period before; ones with campaigns are measured by `campaign_effects` and left out.
    places
        Query ``sales_by_place``: kind, place, month, margin, revenue, new_customers, customers.
    as_of
        Last day of the period.
    seed
        Seed of the placebos.

    Returns
    -------
    Answer
        Table: name, places_with, places_without, months, effect (margin per customer of the places where it began, over
        the months since), low, high, before_after (the change of these places alone), cost, return, verdict, reason. Extra ``months`` (an `Answer`: the gap month by month), ``numbers`` with all figures, as those of `campaign_effects` (``initiative_id`` in place of
        ``campaign_id``).

    Notes
    -----
    See `rollout_effect`. A pre-trend with p below 0.05 makes an initiative not attributable.
    """
    alone = [i for i in initiatives if not i.campaigns]
    if not alone:
        raise NotEnough(
            "every initiative of the last plan has a campaign that measures it", "nothing"
        )
    paths: dict[str, pd.DataFrame] = {}
    rows = [_row(i, places, as_of, seed, paths) for i in sorted(alone, key=lambda i: i.id)]
    numbers = _judged(pd.DataFrame(rows))
    measured = numbers[numbers["reason"] == ""]
    columns = ["name", "places_with", "places_without", "months", "effect", "low", "high", "before_after",
               "cost", "return", "verdict", "reason"]  # fmt: skip
    return Answer(
        table=numbers[columns],
        headline=_headline(numbers, measured),
        so_what=_so_what(numbers, measured, places, seed),
        kind="diagnostic",
        caption=(
            f"Initiatives of the last plan without a campaign (n = {len(numbers)}): margin per customer of the places "
            f"where they began less that of places without, to {as_of:%Y-%m-%d}, 95 % interval"
        ),
        units={"places_with": "count", "places_without": "count", "months": "number", "return": "ratio",
               **dict.fromkeys(["effect", "low", "high", "before_after", "cost"], "currency")},
        source="plan; orders by place and month; difference-in-differences with staggered starts, placebo intervals",
        metrics=(
            Metric("initiatives_attributable", float(len(measured)), n=len(numbers), unit="count", kind="diagnostic"),
        ),
        extra={"numbers": numbers, "months": _months(paths)},
    )  # fmt: skip


def _months(paths: dict[str, pd.DataFrame]) -> Answer | Missing:
    """Return month by month how far the places that began are from the others, to be drawn."""
    if not paths:
        return Missing("no initiative began in some places before others", "rollout: by and starts, in the plan")  # fmt: skip
    table = pd.concat([part.assign(initiative=name) for name, part in sorted(paths.items())], ignore_index=True)  # fmt: skip
    start = table[table["begun"]].groupby("initiative")["month"].min()
    told = "; ".join(f"{name} from {day:%B %Y}" for name, day in start.items())
    before = table[~table["begun"]]
    inside = float(((before["low"] <= 0) & (before["high"] >= 0)).mean())
    return Answer(
        table=table,
        headline=f"Before the start the places lay within chance in {'every month' if inside == 1 else f'{100 * inside:.0f} % of months'}",
        so_what="",
        kind="diagnostic",
        caption=f"Margin per customer and month: places that began less the others, against the 12 months before ({told}; 95 % by placebos)",
        units={"gap": "currency", "low": "currency", "high": "currency"},
        source="orders by place and month; marked: months with the work",
    )


def _panel(places: pd.DataFrame, kind: str, before: pd.Timestamp) -> Panel:
    """Return the monthly margin per customer won before a month, of places with 30 of them."""
    need(places, "orders by place and month", "orders with dates and customers with a place")
    mine = places[(places["kind"] == kind) & places["place"].notna()]
    sold = mine[(mine["revenue"] != 0) | mine["margin"].notna()]
    need(sold, f"orders by {kind}", f"{kind} of each customer")
    if not sold["margin"].notna().any():
        raise NotEnough(
            "the cost of goods is not known", "the cost of each order, or a margin rate"
        )
    months = pd.date_range(sold["month"].min(), places["month"].max(), freq="MS")
    wide = mine.pivot_table(index="place", columns="month", values="margin", aggfunc="sum")
    wide = wide.reindex(columns=months).fillna(0.0).sort_index()
    known = mine[mine["month"] < before].groupby("place")["customers"].max()
    sizes = known.reindex(wide.index).fillna(0.0)
    large = sizes >= SMALLEST_PLACE
    wide, sizes = wide[large], sizes[large]
    return Panel(
        wide.to_numpy(float) / sizes.to_numpy(float)[:, None],
        sizes.to_numpy(float),
        [str(p) for p in wide.index],
        pd.DatetimeIndex(months),
    )


def _first_whole_month(day: date) -> pd.Timestamp:
    """Return the month from which a place counts as having it: the next one when more than five days are gone."""
    month = pd.Timestamp(day).replace(day=1)
    return month if day.day <= 5 else month + pd.DateOffset(months=1)


def _effect(
    initiative: Initiative, places: pd.DataFrame, as_of: date, seed: int
) -> tuple[RolloutEffect, pd.DataFrame]:
    if initiative.rollout is None:
        raise NotEnough(UNSTATED, "rollout: by and starts, in the plan")
    begun = {p: _first_whole_month(d) for p, d in initiative.rollout.starts.items() if d <= as_of}
    if not begun:
        raise NotEnough(f"it had begun nowhere by {as_of}", "a later run")
    panel = _panel(places, initiative.rollout.by, min(begun.values()))
    unknown = sorted(set(begun) - set(panel.places))
    if unknown:
        raise NotEnough(
            f"{initiative.rollout.by} {', '.join(unknown)}: no such place with {SMALLEST_PLACE} customers",
            f"the spelling of the data ({', '.join(panel.places[:6])} …)",
        )
    first = panel.months[0]
    number = {p: (m.year - first.year) * 12 + m.month - first.month for p, m in begun.items()}
    starts = np.array([number.get(place, NEVER) for place in panel.places])
    starts[starts >= len(panel.months)] = NEVER
    return rollout_effect(panel, starts, seed), gap_by_month(panel, starts, seed)


def _row(
    initiative: Initiative, places: pd.DataFrame, as_of: date, seed: int, paths: dict[str, pd.DataFrame]
) -> dict[str, object]:  # fmt: skip
    """Return the figures of one initiative, and put its months into ``paths``."""
    row: dict[str, object] = {
        "initiative_id": initiative.id, "name": initiative.name, "treated": 0, "control": 0, "places_with": 0,
        "places_without": 0, "months": np.nan, **dict.fromkeys(FIGURES, np.nan), "cost": float(initiative.budget), "reason": "",
    }  # fmt: skip
    try:
        found, paths[initiative.name] = _effect(initiative, places, as_of, seed)
    except NotEnough as missing:
        return row | {"reason": missing.reason}
    row |= {"treated": found.treated, "control": found.control, "places_with": found.places_treated,
            "places_without": found.places_control, "months": found.months_after, "naive": found.naive, "pretrend_p": found.pretrend_p}  # fmt: skip
    if found.pretrend_p < 0.05:
        why = f"the places moved apart before the start (pre-trend, p = {found.pretrend_p:.2f})"
        return row | {"reason": why}
    return row | {"effect": found.effect, "low": found.low, "high": found.high,
                  "standard_error": found.standard_error, "p": found.p_value}  # fmt: skip


def _judged(numbers: pd.DataFrame) -> pd.DataFrame:
    return judged(
        numbers.rename(columns={"naive": "before_after"}), numbers["p"].to_numpy(dtype=float)
    )


def _headline(numbers: pd.DataFrame, measured: pd.DataFrame) -> str:
    if measured.empty:
        return f"None of {len(numbers)} initiatives without a campaign is attributable"
    gained = int((measured["verdict"] == "gained").sum())
    return (
        f"{gained} of {len(measured)} initiatives measured by where they began gained beyond chance"
    )


def _so_what(numbers: pd.DataFrame, measured: pd.DataFrame, places: pd.DataFrame, seed: int) -> str:
    parts = [
        f"{r.name}: {format_value(r.effect, 'currency')} a customer ({format_value(r.low, 'currency')} to "
        f"{format_value(r.high, 'currency')}), {r.verdict}; before and after alone would say {format_value(r.before_after, 'currency')}."
        for r in measured.itertuples(index=False)
    ]  # fmt: skip
    blind = numbers[numbers["reason"] != ""]
    reasons = blind.groupby("reason", sort=True)["name"].agg(", ".join)
    parts += [f"Not attributable, {reason}: {names}." for reason, names in reasons.items()]
    return " ".join([*parts, _advice(places, seed)] if len(blind) else parts)


def _advice(places: pd.DataFrame, seed: int) -> str:
    """Return what a start in half of the regions could show."""
    plain = "Begin the next one in some places first, drawn by lot, and write them in the plan."
    if places.empty:
        return plain
    half_year = places["month"].max() - pd.DateOffset(months=HALF_YEAR - 1)
    try:
        panel = _panel(places, "region", half_year)
    except NotEnough:
        return plain
    least = smallest_effect(panel, HALF_YEAR, seed)
    if math.isnan(least):
        return plain
    return (
        f"Begin the next one in half of the {len(panel.places)} regions, drawn by lot, and write them in the plan: a half-year then "
        f"shows a gain of {format_value(least, 'currency')} margin a customer four times in five."
    )
