"""Which experiences go together with recommendation and satisfaction, other things being equal (E5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, need
from playbook.drivers import driver_analysis
from playbook.errors import NotEnough
from playbook.experience.common import TICKETS, capital, in_period, joined, per_cent, varies
from playbook.experience.incidents import counted, incident_events

__all__ = ["SURVEY", "analysed", "incident_drivers", "told", "touchpoint_drivers", "weighted"]

SURVEY = "table survey_answers with survey_questions: recommendation (0 to 10) and satisfaction by touchpoint, with customer numbers"
LIMIT = "A driver goes together with the answer at equal {held}; what a change would bring, only a trial shows."
WHO = "country, age, tenure, orders and wave"
FEWEST = 60
"""Fewest complete answers that drivers are sought in."""
DIFFERENT = 10
"""Fewest rows in which an experience differs from its usual value."""
SAME = 0.999
"""Correlation from which two experiences count as one."""
RATED = 60
"""Fewest respondents who must have rated a touchpoint."""
MOST = 12
"""Most touchpoints that are compared: shares of explained variance are exact up to here."""
COLUMNS = ["driver", "coefficient", "low", "high", "raw_coefficient", "share", "share_low", "share_high", "share_chance",
           "odds_ratio", "q_value", "is_driver", "important"]  # fmt: skip


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


def weighted(respondents: pd.DataFrame, weights: pd.DataFrame | None) -> tuple[pd.DataFrame, str]:
    """Return the answers with their survey weight (one where there is none), and words that say so.

    Parameters
    ----------
    respondents
        Rows with ``customer_id`` and ``wave``.
    weights
        Result ``survey_weights`` (customer_id, wave, weight), or none.
    """
    if weights is None or weights.empty:
        return respondents.assign(weight=1.0), "unweighted, as step 2 made no weights"
    once = weights.drop_duplicates(["customer_id", "wave"])[["customer_id", "wave", "weight"]]
    found = respondents.merge(once, how="left", on=["customer_id", "wave"])
    known = found["weight"] > 0
    words = "weighted to all invited customers"
    if not known.all():
        words += f" ({(~known).sum():,} of {len(found):,} without a weight count one)"
    return found.assign(weight=found["weight"].where(known, 1.0)), words


def _confounders(rows: pd.DataFrame) -> list[str]:
    wanted = ("country", "age_band", "tenure", "orders", "wave", "topic", "priority")
    return [c for c in wanted if c in rows and varies(rows[c])]


def _pooled(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Pool levels of text columns that fewer than five rows have, so that each can be held constant."""
    kept = rows.copy()
    for column in [c for c in columns if not pd.api.types.is_numeric_dtype(rows[c])]:
        names = kept[column].astype("str")
        counts = names.value_counts()
        most = min(counts.index[counts == counts.max()])
        pooled = "other" if counts[counts < 5].sum() >= 5 else most
        kept[column] = names.where(names.map(counts) >= 5, pooled)
    return kept


def _told_apart(rows: pd.DataFrame, drivers: Sequence[str]) -> tuple[list[str], str]:
    """Return the experiences that differ often enough and from each other, and words on those that repeat one."""
    kept: list[str] = []
    words = ""
    for name in drivers:
        values = rows[name].dropna()
        if values.empty or len(values) - values.value_counts().max() < DIFFERENT:
            continue
        strength = {other: abs(rows[name].corr(rows[other])) for other in kept}
        same = [other for other, value in strength.items() if value > SAME]
        if same:
            words += f"; {name} repeats {same[0]} and is left out"
        else:
            kept.append(name)
    return kept, words


def analysed(
    rows: pd.DataFrame, outcome: str, drivers: list[str], ask: str = SURVEY, weights: str | None = None, seed: int = 0,
    partial: Sequence[str] = (),
) -> tuple[pd.DataFrame, str]:  # fmt: skip
    """Return `driver_analysis` of those drivers that vary, with the confounders the rows hold; or say what is missing.

    The second part names drivers that repeat another one.
    """
    rows = rows.dropna(subset=[outcome, *[d for d in drivers if d not in partial]])
    if len(rows) < FEWEST:
        raise NotEnough(f"drivers: {len(rows):,} complete answers, {FEWEST} needed", ask)
    if not varies(rows[outcome]):
        raise NotEnough(f"drivers: all {len(rows):,} answers are the same, nothing can explain them", ask)  # fmt: skip
    drivers, words = _told_apart(rows, drivers)
    if not drivers:
        raise NotEnough(f"drivers: no experience differs in {DIFFERENT} of the {len(rows):,} rows", ask)  # fmt: skip
    rows = _pooled(rows, _confounders(rows))
    twice = rows["customer_id"].duplicated().any() and rows["customer_id"].nunique() > 10
    cluster = "customer_id" if twice else None
    try:
        found = driver_analysis(rows, outcome, drivers, _confounders(rows), cluster, weights, seed=seed, partial=partial)  # fmt: skip
    except ValueError as error:
        raise NotEnough(f"drivers: {error}", ask) from error
    names = {(True, True): "yes", (True, False): "after only", (False, True): "before only"}
    pairs = zip(found["is_driver"], found["raw_driver"], strict=True)
    return found.assign(important=[names.get(pair, "no") for pair in pairs]), words


def _several(names: Sequence[str], most: int = 4) -> str:
    """Names as words, the first few of them."""
    if len(names) <= most:
        return joined(names)
    return joined([*names[: most - 1], f"{len(names) - most + 1} more"])


def _changed(table: pd.DataFrame) -> str:
    """Sentence on who looked important before adjustment and is not after, and the other way round."""
    before, after = (list(table.loc[table["important"] == word, "driver"]) for word in ("before only", "after only"))  # fmt: skip
    parts = []
    if before:
        parts.append(f"alone, {_several(before)} would have been named too, and beside the others {'is' if len(before) == 1 else 'are'} not")  # fmt: skip
    if after:
        parts.append(f"{_several(after)} {'shows' if len(after) == 1 else 'show'} only beside the others")  # fmt: skip
    return f" {capital('; '.join(parts))}." if parts else ""


def _scaled(table: pd.DataFrame) -> str:
    """Sentence on the ordinal model: do its signs agree, is the effect the same along the scale."""
    if table["odds_ratio"].isna().all():
        return ""
    against = list(table.loc[~table["sign_agrees"].fillna(True).astype(bool) & (table["q_value"] <= 0.05), "driver"])  # fmt: skip
    if against:
        return f" An ordinal model gives {_several(against)} the other sign, so it is not named."
    uneven = list(table.loc[table["is_driver"] & (table["parallel_q"] <= 0.05), "driver"])
    if uneven:
        return f" An ordinal model gives the same signs; {_several(uneven)} {'does' if len(uneven) == 1 else 'do'} not count alike over the whole scale, so read {'its' if len(uneven) == 1 else 'their'} effect as an average."
    return ""


def told(table: pd.DataFrame, what: str, todo: str, caption: str, source: str, held: str) -> Answer:
    """Return the answer that reads a table of `analysed`."""
    found = table[table["is_driver"]]
    n = int(table["n"].iloc[0])
    if found.empty:
        headline = f"No driver of {what} passes the checks"
        text = (
            f"Among {n:,} complete answers no experience goes together with {what} beyond chance and the smallest effect that matters. "
            f"Do not invest on the strength of raw correlations.{_changed(table)}"
        )  # fmt: skip
    else:
        first = found.iloc[0]
        headline = f"{capital(first['driver'])} goes most with {'lower' if first['coefficient'] < 0 else 'higher'} {what}"
        text = (
            (
                f"{capital(_several(list(found['driver'])))} {'passes' if len(found) == 1 else 'pass'} false-discovery control and the smallest effect that matters; {first['driver']} "
                f"explains {per_cent(first['share'])} of the variance ({per_cent(first['share_low'])} to {per_cent(first['share_high'])}; {per_cent(first['share_chance'])} by chance) "
                f"and comes with {first['coefficient']:+.2f} standard deviations of {what} per standard deviation ({first['low']:+.2f} to {first['high']:+.2f}). "
                f"{todo}{_changed(table)}{_scaled(table)} {LIMIT.format(held=held)}"
            )
            .replace(" -0.", " −0.")
            .replace("(-0.", "(−0.")
        )
    return Answer(
        table=table[COLUMNS].round(3).assign(q_value=table["q_value"].clip(lower=0.001).round(4)),
        headline=headline,
        so_what=text,
        kind="diagnostic",
        caption=f"{caption} (n = {n:,})",
        units={"n": "count", **dict.fromkeys(("share", "share_low", "share_high", "share_chance"), "%")},
        source=source,
        extra={"numbers": table, "outcome": what},
    )  # fmt: skip


@answers
def incident_drivers(
    respondents: pd.DataFrame, failed: pd.DataFrame, cases: pd.DataFrame, promised: Any, as_of: date,
    weights: pd.DataFrame | None = None, seed: int = 0,
) -> Answer:  # fmt: skip
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
    weights
        Result ``survey_weights``; unweighted without.
    seed
        For the bootstrap of the shares.
    """
    need(respondents, "answers on recommendation", SURVEY, rows=FEWEST)
    events = incident_events(failed, cases, promised)
    need(events, "incidents before the answers", TICKETS, rows=30)
    begins = events["occurred_at"].min() + pd.Timedelta(days=365 - 31)
    rows = respondents[in_period(respondents["answered_at"], as_of, 730) & (respondents["answered_at"] >= begins)]  # fmt: skip
    need(rows, "answers with a full year of events before", SURVEY, rows=FEWEST)
    rows, words = weighted(rows, weights)
    described = _described(rows).merge(counted(rows, events, "response_id", "answered_at"), on="response_id")  # fmt: skip
    opened = cases[["customer_id", "opened_at"]].rename(columns={"opened_at": "occurred_at"})
    had = counted(rows, opened.dropna().assign(pain="case opened"), "response_id", "answered_at")  # fmt: skip
    described = described.merge(had, on="response_id")
    pains = [p for p in [*sorted(set(events["pain"])), "case opened"] if p in described]
    common = [p for p in pains if (described[p] > 0).sum() >= 10]
    table, same = analysed(described, "nps", common, weights="weight", seed=seed)
    places = events.drop_duplicates("pain").set_index("pain")["touchpoint"]
    found = told(table, "recommendation", "Mend the first before polishing the others.",
                 f"Change in recommendation (standard deviations) with each incident of the 12 months before, 95 % interval; answers of 24 months to {as_of:%Y-%m-%d}{same}",
                 f"survey answers {words}, interactions, tickets; linear and ordinal model with controls", WHO)  # fmt: skip
    return replace(found, extra={**found.extra, "places": places})


@answers
def touchpoint_drivers(
    respondents: pd.DataFrame, scores: pd.DataFrame, as_of: date, weights: pd.DataFrame | None = None, seed: int = 0
) -> Answer:  # fmt: skip
    """Return satisfaction with which touchpoint goes together with recommendation: moments of truth.

    Parameters
    ----------
    respondents
        Query ``respondents``.
    scores
        Query ``touchpoint_answers``; touchpoints rated by at least 60 respondents are compared (at most 12, the
        most rated first). Whoever did not rate one counts as not having met it, which is held constant.
    as_of
        Last day of the period; answers of the 36 months before.
    weights, seed
        As in `incident_drivers`.
    """
    need(respondents, "answers on recommendation", SURVEY, rows=FEWEST)
    rows, words = weighted(respondents[in_period(respondents["answered_at"], as_of, 1095)], weights)
    part = scores[(scores["kind"] == "csat") & scores["response_id"].isin(rows["response_id"])]
    wide = part.groupby(["response_id", "touchpoint"])["score"].mean().unstack()
    rated = wide.notna().sum().rename_axis("touchpoint").reset_index(name="n")
    rated = rated.sort_values(["n", "touchpoint"], ascending=[False, True])
    names = sorted(rated.loc[rated["n"] >= RATED, "touchpoint"].head(MOST))
    if not names:
        raise NotEnough(f"drivers: no touchpoint is rated by {RATED} respondents", SURVEY)
    wide.columns.name = None
    described = _described(rows).merge(wide[names].reset_index(), how="left", on="response_id")
    described = described[described[names].notna().any(axis=1)]
    table, same = analysed(described, "nps", names, weights="weight", seed=seed, partial=names)
    left = len(rated) - len(names)
    more = f"; {left} touchpoints more are rated by {'too few' if len(names) < MOST else 'fewer'}" if left else ""  # fmt: skip
    return told(table, "recommendation", "It is a moment of truth: staff and budget go there first.",
                f"Change in recommendation (standard deviations) with satisfaction at each touchpoint met, 95 % interval; answers of 36 months to {as_of:%Y-%m-%d}{more}{same}",
                f"survey answers {words}; linear and ordinal model with controls", WHO)  # fmt: skip
