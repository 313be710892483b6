"""Which experiences go together with recommendation and satisfaction, other things being equal (E5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, need
from playbook.drivers import driver_analysis
from playbook.errors import NotEnough
from playbook.experience.common import TICKETS, in_period, joined, per_cent, varies
from playbook.experience.incidents import counted, incident_events

__all__ = ["case_drivers", "incident_drivers", "touchpoint_drivers"]

SURVEY = "table survey_answers with survey_questions: recommendation (0 to 10) and satisfaction by touchpoint, with customer numbers"
LIMIT = "A driver goes together with the answer at equal {held}; what a change would bring, only a trial shows."
WHO = "country, age, tenure, orders and wave"
COVERAGE = 0.35
"""Smallest share of respondents that must have rated a touchpoint."""


def _age_band(age: pd.Series) -> pd.Series:
    bands = pd.cut(
        age, [0, 35, 55, 130], labels=["under 35", "35 to 54", "55 and over"], right=False
    )
    return bands.astype("str").fillna("unknown").replace("nan", "unknown")


def _described(respondents: pd.DataFrame) -> pd.DataFrame:
    """Respondents with confounders: age band, log tenure, log orders; small countries pooled."""
    country = respondents["country"].fillna("unknown").astype("str")
    country = country.where(country.map(country.value_counts()) >= 10, "other")
    return respondents.assign(
        country=country,
        age_band=_age_band(respondents["age"]),
        tenure=np.log1p(respondents["tenure_days"].astype(float).clip(lower=0)),
        orders=np.log1p(respondents["orders_before"].astype(float)),
    )


def _confounders(rows: pd.DataFrame) -> list[str]:
    wanted = ("country", "age_band", "tenure", "orders", "wave", "topic", "priority", "channel")
    return [c for c in wanted if c in rows and varies(rows[c])]


def _analysed(
    rows: pd.DataFrame, outcome: str, drivers: list[str], ask: str = SURVEY
) -> pd.DataFrame:
    drivers = [d for d in drivers if varies(rows[d])]
    if not drivers:
        raise NotEnough("drivers: no experience varies among the rows", ask)
    twice = rows["customer_id"].duplicated().any() and rows["customer_id"].nunique() > 10
    try:
        return driver_analysis(rows, outcome, drivers, _confounders(rows), "customer_id" if twice else None)  # fmt: skip
    except ValueError as error:
        raise NotEnough(f"drivers: {error}", ask) from error


def _answer(
    table: pd.DataFrame, what: str, todo: str, caption: str, source: str, held: str
) -> Answer:
    found = table[table["is_driver"]]
    n = int(table["n"].iloc[0])
    if found.empty:
        headline = f"No driver of {what} passes the checks"
        text = f"Among {n:,} complete answers no experience goes together with {what} beyond chance and the smallest effect that matters. Do not invest on the strength of raw correlations."
    else:
        first = found.iloc[0]
        names = joined(list(found["driver"].head(3)))
        headline = f"{_capital(first['driver'])} goes most with {'lower' if first['coefficient'] < 0 else 'higher'} {what}"
        text = (
            (
                f"{_capital(names)} {'passes' if len(found) == 1 else 'pass'} false-discovery control and the smallest effect that matters; {first['driver']} "
                f"explains {per_cent(first['share'])} of the variance alone ({first['coefficient']:+.2f} standard deviations of {what} per standard deviation, {first['low']:+.2f} to {first['high']:+.2f}). "
                f"{todo} {LIMIT.format(held=held)}"
            )
            .replace(" -0.", " −0.")
            .replace("(-0.", "(−0.")
        )
    return Answer(
        table=table[["driver", "coefficient", "low", "high", "share", "q_value", "sign_agrees", "is_driver", "n"]],
        headline=headline,
        so_what=text,
        kind="diagnostic",
        caption=f"{caption} (n = {n:,})",
        units={"share": "%", "n": "count"},
        source=source,
    )  # fmt: skip


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


@answers
def incident_drivers(
    respondents: pd.DataFrame, failed: pd.DataFrame, cases: pd.DataFrame, promised: Any, as_of: date
) -> Answer:
    """Return which incidents of the year before go together with the answer on recommendation.

    Parameters
    ----------
    respondents
        Query ``respondents``. Answers of the last 24 months that come at least a year after the first
        incident known, so that the year before is complete.
    failed, cases, promised
        As in `incident_events`.
    as_of
        Last day of the period.
    """
    need(respondents, "answers on recommendation", SURVEY, rows=60)
    events = incident_events(failed, cases, promised)
    need(events, "incidents before the answers", TICKETS, rows=30)
    begins = events["occurred_at"].min() + pd.Timedelta(days=365 - 31)
    rows = respondents[in_period(respondents["answered_at"], as_of, 730) & (respondents["answered_at"] >= begins)]  # fmt: skip
    need(rows, "answers with a full year of events before", SURVEY, rows=60)
    described = _described(rows).merge(counted(rows, events, "response_id", "answered_at"), on="response_id")  # fmt: skip
    opened = cases[["customer_id", "opened_at"]].rename(columns={"opened_at": "occurred_at"})
    had = counted(rows, opened.dropna().assign(pain="case opened"), "response_id", "answered_at")  # fmt: skip
    described = described.merge(had, on="response_id")
    pains = [p for p in [*sorted(set(events["pain"])), "case opened"] if p in described]
    common = [p for p in pains if (described[p] > 0).sum() >= 10]
    table = _analysed(described, "nps", common)
    places = events.drop_duplicates("pain").set_index("pain")["touchpoint"]
    found = _answer(table, "recommendation", "Mend the first before polishing the others.",
                     f"Change in recommendation (standard deviations) with each incident of the 12 months before, 95 % interval; answers of 24 months to {as_of:%Y-%m-%d}",
                     "survey answers, interactions, tickets; linear model with controls", WHO)  # fmt: skip
    return replace(found, extra={"places": places})


@answers
def touchpoint_drivers(respondents: pd.DataFrame, scores: pd.DataFrame, as_of: date) -> Answer:
    """Return satisfaction with which touchpoint goes together with recommendation: moments of truth.

    Parameters
    ----------
    respondents
        Query ``respondents``.
    scores
        Query ``touchpoint_answers``; touchpoints rated by at least 35 % of respondents are compared,
        among those who rated all of them.
    as_of
        Last day of the period; answers of the 36 months before.
    """
    need(respondents, "answers on recommendation", SURVEY, rows=60)
    rows = respondents[in_period(respondents["answered_at"], as_of, 1095)]
    part = scores[(scores["kind"] == "csat") & scores["response_id"].isin(rows["response_id"])]
    wide = part.groupby(["response_id", "touchpoint"])["score"].mean().unstack()
    names = [t for t in sorted(wide.columns) if wide[t].notna().sum() >= COVERAGE * len(rows)]
    if not names:
        raise NotEnough("drivers: no touchpoint is rated by enough respondents", SURVEY)
    wide.columns.name = None
    table = _analysed(
        _described(rows).merge(wide[names].reset_index(), on="response_id"), "nps", names
    )
    left = sorted(set(wide.columns) - set(names))
    more = f"; {len(left)} touchpoints more are rated by too few" if left else ""
    return _answer(table, "recommendation", "It is a moment of truth: staff and budget go there first.",
                   f"Change in recommendation (standard deviations) with satisfaction at each touchpoint, 95 % interval; answers of 36 months to {as_of:%Y-%m-%d}{more}",
                   "survey answers; linear model with controls", WHO)  # fmt: skip


@answers
def case_drivers(cases: pd.DataFrame, as_of: date) -> Answer:
    """Return what in the handling of a case goes together with satisfaction, at equal type of case.

    Parameters
    ----------
    cases
        Query ``service_cases``; rated cases of 24 months. Topic, priority, channel and country are held
        constant, so that what merely marks a hard type of case is not named.
    as_of
        Last day of the period.
    """
    rows = cases[in_period(cases["opened_at"], as_of, 730) & cases["csat"].notna()]
    need(rows, "rated service cases", TICKETS, rows=60)
    rows = rows.assign(**{
        "hours to first response (log)": np.log1p(rows["first_response_hours"].astype(float).clip(lower=0)),
        "hours to resolution (log)": np.log1p(rows["resolution_hours"].astype(float).clip(lower=0)),
        "case reopened": rows["reopened"].fillna(False).astype(float),
        "further contacts": rows["further_contacts"].astype(float).clip(upper=3),
        "change of channel": rows["elsewhere"].astype(float),
        **{c: rows[c].fillna("unknown").astype("str") for c in ("topic", "priority", "channel", "country")},
        "customer_id": rows["customer_id"].fillna(rows["ticket_id"]),
    })  # fmt: skip
    drivers = ["hours to first response (log)", "hours to resolution (log)", "case reopened", "further contacts", "change of channel"]  # fmt: skip
    table = _analysed(rows, "csat", drivers, TICKETS)
    return _answer(table, "satisfaction with a case", "Set the service desk's targets on it.",
                   f"Change in satisfaction (standard deviations) with each part of the handling, 95 % interval; cases of 24 months to {as_of:%Y-%m-%d}",
                   "tickets; linear model with topic, priority, channel, country", "topic, priority, channel and country")  # fmt: skip
