"""What went wrong for which customer and when: the pain points that drivers and improvements count."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, need
from playbook.experience.common import INTERACTIONS, in_period, per_cent, year_to
from playbook.experience.service import against_promise

__all__ = ["CASE_PAINS", "MOST", "OPINIONS", "counted", "customer_incidents", "incident_events"]

MOST = 3
"""Incidents of one kind that count per customer; more are rare and would rule a linear fit."""

CASE_PAINS = {
    "slow_first": "slow first response",
    "slow_resolution": "slow resolution",
    "reopened": "case reopened",
    "dissatisfied": "dissatisfied with case",
}
OPINIONS = frozenset({"dissatisfied with case"})
"""Pains that are a customer's opinion: it follows from incidents and from mood, so it is no incident of its own."""


def incident_events(failed: pd.DataFrame, cases: pd.DataFrame, promised: Any) -> pd.DataFrame:
    """Return every incident of a known customer: customer_id, occurred_at, pain, touchpoint.

    Parameters
    ----------
    failed
        Query ``failed_contacts``. An outcome that occurs at several touchpoints is one pain of their stage.
    cases
        Query ``service_cases``.
    promised
        ``service_levels`` of the engagement, or none.
    """
    place = _places(failed)
    parts = [failed[["customer_id", "occurred_at"]].assign(pain=failed["outcome"] + " at " + place, touchpoint=place)]  # fmt: skip
    known = against_promise(cases, promised) if len(cases) else cases.assign(slow_first=False, slow_resolution=False)  # fmt: skip
    known = known.assign(dissatisfied=(known["csat"] <= 2))
    for column, pain in CASE_PAINS.items():
        rows = known[known[column].fillna(False).astype(bool) & known["customer_id"].notna()]
        parts.append(
            rows[["customer_id", "opened_at"]]
            .rename(columns={"opened_at": "occurred_at"})
            .assign(pain=pain, touchpoint="service")
        )
    events = pd.concat([p for p in parts if len(p)], ignore_index=True) if any(map(len, parts)) else parts[0]  # fmt: skip
    return events.sort_values(["customer_id", "occurred_at", "pain"], ignore_index=True)


def _places(failed: pd.DataFrame) -> pd.Series:
    """Touchpoint of each failure; the stage where its outcome occurs at several touchpoints."""
    places = failed.groupby("outcome")["touchpoint"].agg(["nunique", "first"])
    stage = failed.groupby("outcome")["stage"].first().replace("support", "service")
    names = places["first"].where(places["nunique"] == 1, stage).to_dict()
    return failed["outcome"].map(names).astype("str")


def counted(
    rows: pd.DataFrame, events: pd.DataFrame, key: str, until: str, days: int = 365
) -> pd.DataFrame:
    """Count each pain of a customer in the ``days`` before the time in column ``until``.

    Returns
    -------
    pandas.DataFrame
        ``key`` and one column a pain, for every row of ``rows``, at most `MOST` each.
    """
    pairs = rows[[key, "customer_id", until]].merge(events[["customer_id", "occurred_at", "pain"]], on="customer_id")  # fmt: skip
    gap = pairs[until] - pairs["occurred_at"]
    inside = pairs[(gap > pd.Timedelta(0)) & (gap <= pd.Timedelta(days=days))]
    wide = inside.groupby([key, "pain"]).size().unstack(fill_value=0)
    pains = sorted(set(events["pain"]))
    wide = wide.reindex(index=rows[key], columns=pains, fill_value=0).clip(upper=MOST)
    wide.columns.name = None
    return wide.reset_index()


@answers
def customer_incidents(
    years: pd.DataFrame, failed: pd.DataFrame, cases: pd.DataFrame, promised: Any, as_of: date
) -> Answer:
    """Return each pain point with the customers it met in the period.

    Parameters
    ----------
    years
        Query ``customer_years``: customers who ordered in earlier years and whether they came back.
    failed, cases, promised
        As in `incident_events`.
    as_of
        Last day of the period.

    Returns
    -------
    Answer
        Table: pain, touchpoint, incidents, customers, ordered_again (share of customers with the pain
        in an earlier year who ordered in the year after), others_again. ``answer["events"]``: every incident;
        ``answer["affected"]``: customer_id, pain, count in the period; ``answer["places"]``: touchpoints that
        ever failed and the place whose pain they share; ``answer["shopping"]``: pains met before an order is made.
    """
    events = incident_events(failed, cases, promised)
    need(events, "failed contacts and failed cases of known customers", INTERACTIONS, rows=30)
    recent = events[in_period(events["occurred_at"], as_of)]
    affected = recent.groupby(["customer_id", "pain"]).size().clip(upper=MOST).rename("count").reset_index()  # fmt: skip
    rows = years.assign(row=np.arange(len(years)), until=years["landmark"] + pd.Timedelta(days=1))
    panel = rows.merge(counted(rows, events, "row", "until"), on="row") if len(rows) else rows
    table = recent.groupby(["pain", "touchpoint"]).agg(incidents=("pain", "size"), customers=("customer_id", "nunique")).reset_index()  # fmt: skip
    need(table, "pain points of the period", INTERACTIONS)
    back = panel["orders_after"] > 0 if len(panel) else pd.Series(dtype=bool)
    for column, hit in (("ordered_again", True), ("others_again", False)):
        table[column] = [_again(panel, back, pain, hit) for pain in table["pain"]]
    table = table.sort_values(["customers", "pain"], ascending=[False, True], ignore_index=True)
    top = table.iloc[0]
    touched = affected["customer_id"].nunique()
    worst = table.assign(gap=table["others_again"] - table["ordered_again"]).dropna(subset=["gap"])
    worst = worst[worst["gap"] > 0].sort_values(["gap", "pain"], ascending=[False, True])
    shopping = set((failed["outcome"] + " at " + _places(failed))[failed["stage"] == "purchase"])
    tail = (
        f"The widest raw gap is at {worst['pain'].iloc[0]}: {per_cent(worst['ordered_again'].iloc[0])} ordered again, {per_cent(worst['others_again'].iloc[0])} of the others. "
        if len(worst)
        else "Before controls those with a pain point order again no less than the others. "
    )
    return Answer(
        table=table,
        headline=f"{touched:,} customers met at least one pain point in the year",
        so_what=f"Most met {top['pain']} ({top['customers']:,} customers). {tail}Busy customers meet more failures and also return more, "
        "so these raw shares rank nothing: the next table compares like with like.",
        kind="descriptive",
        caption=f"Incidents and customers by pain point, {year_to(as_of)}; share ordering again in the year after, with and without the pain in an earlier year",
        units={"incidents": "count", "customers": "count", "ordered_again": "%", "others_again": "%"},
        source="interactions, tickets, orders",
        extra={"affected": affected, "events": events, "shopping": shopping, "places": dict(zip(failed["touchpoint"], _places(failed), strict=True))},
    )  # fmt: skip


def _again(panel: pd.DataFrame, back: pd.Series, pain: str, hit: bool) -> float:
    if pain not in panel:
        return float("nan")
    group = back[(panel[pain] > 0) == hit]
    return float(group.mean()) if len(group) >= 30 else float("nan")
