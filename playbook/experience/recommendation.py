"""What incidents take off the net promoter score: adjusted points per incident times how often it is met (E7)."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, need
from playbook.experience.common import in_period
from playbook.experience.effects import adjusted, by_kind, independent, kinds_of
from playbook.experience.incidents import OPINIONS, counted
from playbook.stats import false_discovery

__all__ = ["incident_nps"]

SURVEY = (
    "table survey_answers with survey_questions: recommendation (0 to 10), with customer numbers"
)
FEWEST_HIT = 10
"""Answers after the pain that an adjusted difference needs."""


def _controls(rows: pd.DataFrame) -> pd.DataFrame:
    numbers = pd.DataFrame({
        "tenure": np.log1p(rows["tenure_days"].astype(float).fillna(0).clip(lower=0)),
        "orders": np.log1p(rows["orders_before"].astype(float)),
    })  # fmt: skip
    age = pd.cut(rows["age"].astype(float), [0, 35, 55, 130], labels=["young", "middle", "old"], right=False)  # fmt: skip
    groups = {"age": age.astype("str"), "country": rows["country"].fillna("unknown").astype("str"), "wave": rows["wave"].astype("str")}  # fmt: skip
    parts = [
        pd.get_dummies(values, prefix=name, dtype=float).iloc[:, 1:]
        for name, values in groups.items()
    ]
    return pd.concat([numbers, *parts], axis=1)


def _shared(rows: pd.DataFrame, terms: pd.DataFrame, kind: dict[str, str]) -> pd.DataFrame:
    """Incidents per respondent of each pain; names of one kind share its incidents by their counts."""
    counts = rows[list(kind)].sum()
    own = pd.Series(kind)
    whole = counts.groupby(own).transform("sum").replace(0, np.nan)
    per = counts / whole * terms.mean().reindex(own).to_numpy()
    return pd.DataFrame({"pain": list(kind), "kind": own.to_numpy(), "per_respondent": per.to_numpy()})  # fmt: skip


@answers
def incident_nps(respondents: pd.DataFrame, pains: Answer, as_of: date) -> Answer:
    """Return by how many points each pain point lowers the net promoter score.

    Every answer counts +100 (promoter), 0 or -100 (detractor), so that the mean is the score (Reichheld,
    2003); a linear model gives the points per incident of the 12 months before, at equal customer and
    wave. Times the incidents per respondent, that is what the score would gain without the pain, if the
    association is causal.

    Parameters
    ----------
    respondents
        Query ``respondents``; answers of 24 months.
    pains
        Answer of `customer_incidents`.
    as_of
        Last day of the period.

    Returns
    -------
    Answer
        Table: pain, points (per incident), points_low, points_high, per_respondent (incidents), nps, nps_low,
        nps_high (expected gain), q_value, n.
    """
    need(respondents, "answers on recommendation", SURVEY, rows=60)
    events = pains["events"]
    begins = events["occurred_at"].min() + pd.Timedelta(days=365 - 31)
    rows = respondents[in_period(respondents["answered_at"], as_of, 730) & (respondents["answered_at"] >= begins)]  # fmt: skip
    need(rows, "answers with a full year of events before", SURVEY, rows=60)
    rows = rows.merge(counted(rows, events, "response_id", "answered_at"), on="response_id")
    rows = rows.sort_values("response_id", ignore_index=True)
    kind = kinds_of(rows, [p for p in pains.table["pain"] if p not in OPINIONS])
    terms = by_kind(rows, kind)
    terms = terms[[k for k in terms if (terms[k] > 0).sum() >= FEWEST_HIT]]
    need(rows if len(terms.columns) else rows.head(0), "answers after a pain point", SURVEY, rows=60)  # fmt: skip
    score = 100.0 * ((rows["nps"] >= 9).astype(float) - (rows["nps"] <= 6).astype(float))
    found, _ = adjusted(score, independent(terms, _controls(rows)), list(terms), rows["customer_id"])  # fmt: skip
    need(found, "pain points that the answers can tell apart", SURVEY)
    found["q_value"] = false_discovery(found["p_value"])
    table = _shared(rows, terms, kind).join(found, on="kind").dropna(subset=["estimate"])
    for end, by in (("nps", "estimate"), ("nps_low", "high"), ("nps_high", "low")):
        table[end] = -table[by] * table["per_respondent"]
    table = table.rename(columns={"estimate": "points", "low": "points_low", "high": "points_high"}).assign(n=len(rows))  # fmt: skip
    table = table.sort_values(["nps", "pain"], ascending=[False, True], ignore_index=True)
    first = table.iloc[0]
    sure = bool(first["nps_low"] > 0 and first["q_value"] <= 0.10)
    return Answer(
        table=table[["pain", "points", "points_low", "points_high", "per_respondent", "nps", "nps_low", "nps_high", "q_value", "n"]],
        headline=f"Without {first['pain']} the score would be {first['nps']:.1f} points higher"
        if sure
        else "No pain point surely lowers the net promoter score",
        so_what=f"Each incident of {first['pain']} goes with {first['points']:+.0f} points ({first['points_low']:+.0f} to {first['points_high']:+.0f}) in the year after it; 100 respondents met {100 * first['per_respondent']:.0f} of them. "
        "Those who answer are not all customers, and an answer may come from a mood that was there before.".replace(" -", " −").replace("(-", "(−"),
        kind="diagnostic",
        caption=f"Net promoter points per incident of the 12 months before, and over all respondents, 95 % interval; {len(rows):,} answers of 24 months to {as_of:%Y-%m-%d}",
        units={"points": "points", "points_low": "points", "points_high": "points", "nps": "points", "nps_low": "points", "nps_high": "points", "n": "count"},
        source="survey answers, interactions, tickets; linear model, errors clustered by customer",
    )  # fmt: skip
