"""Importance against performance: which touchpoints matter, and which of those are rated low (E5)."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from scipy.stats import t as student

from playbook.answer import Answer, answers, need
from playbook.experience.common import FEWEST, in_period, joined, year_to
from playbook.experience.drivers import SURVEY, weighted
from playbook.stats import false_discovery

__all__ = ["importance_performance", "performance"]

RATE = 0.05
"""False-discovery rate at which a touchpoint counts as surely off the average."""

ORDER = (
    "mend first",
    "mend its cases",
    "keep up",
    "watch",
    "let be",
    "do not overdo",
    "not decided",
    "importance not known",
)


def performance(rated: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Return the weighted mean satisfaction of each touchpoint, and its difference to the mean of all answers.

    Errors come from linearised sums by customer, because the same customers rate several touchpoints.

    Parameters
    ----------
    rated
        One row an answer: touchpoint, who, value (1 to 5), weight.

    Returns
    -------
    tuple
        Frame ``touchpoint``, ``csat``, ``csat_low``, ``csat_high``, ``difference``, ``low``, ``high``, ``q_value``,
        ``rated`` (customers); and the mean of all answers.

    References
    ----------
    Woodruff, R. S. (1971). A simple method for approximating the variance of a complicated estimate. JASA 66.
    """
    who = pd.factorize(rated["who"], sort=True)[0]
    count = int(who.max()) + 1
    value, weight = rated["value"].to_numpy(float), rated["weight"].to_numpy(float)
    average = float(np.average(value, weights=weight))
    of_all = weight * (value - average) / weight.sum()
    rows = []
    for touchpoint in sorted(set(rated["touchpoint"])):
        here = (rated["touchpoint"] == touchpoint).to_numpy()
        people = len(set(who[here]))
        mean = float(np.average(value[here], weights=weight[here]))
        own = np.where(here, weight * (value - mean), 0.0) / weight[here].sum()
        errors = [_error(part, who, count, people) for part in (own, own - of_all)]
        wide = student.ppf(0.975, people - 1)
        off = mean - average
        rows.append({
            "touchpoint": touchpoint, "csat": mean, "csat_low": max(mean - wide * errors[0], 1.0), "csat_high": min(mean + wide * errors[0], 5.0),
            "difference": off, "low": off - wide * errors[1], "high": off + wide * errors[1],
            "p_value": 2 * student.sf(abs(off) / errors[1], people - 1) if errors[1] > 0 else 1.0, "rated": people,
        })  # fmt: skip
    table = pd.DataFrame(rows)
    return table.assign(q_value=false_discovery(table["p_value"])).drop(columns="p_value"), average


def _error(influence: np.ndarray, who: np.ndarray, count: int, people: int) -> float:
    by_person = np.bincount(who, influence, count)
    return float(np.sqrt(people / max(people - 1, 1) * (by_person**2).sum()))


def _verdict(passes: bool | None, low: float, high: float, q_value: float) -> str:
    """Quadrant by rule; "watch" and "not decided" where the rating is not surely off the average."""
    if passes is None:
        return "importance not known"
    if q_value > RATE or low <= 0 <= high:
        return "watch" if passes else "not decided"
    if high < 0:
        return "mend first" if passes else "let be"
    return "keep up" if passes else "do not overdo"


@answers
def importance_performance(
    moments: Answer, scores: pd.DataFrame, as_of: date, weights: pd.DataFrame | None = None,
    channels: Answer | None = None, outcomes: pd.DataFrame | None = None,
) -> Answer:  # fmt: skip
    """Return for each touchpoint how much it matters and how well it does, and what follows by rule.

    *Mend first*: satisfaction passes as a driver of recommendation, and the rating is surely below the average of all
    touchpoints. *Keep up*: it passes and is surely above. *Watch*: it passes and is not surely off. *Let be* and *do not
    overdo*: it does not pass and is surely below or above. *Not decided*: neither. *Mend its cases* instead of *mend first*:
    the touchpoint is a service channel whose cases, at equal topic and priority, are not surely rated below the others.

    Parameters
    ----------
    moments
        Answer of `touchpoint_drivers`.
    scores
        Query ``touchpoint_answers``; ratings of the last 12 months, touchpoints with at least five customers.
    as_of
        Last day of the period.
    weights
        Result ``survey_weights``; unweighted without.
    channels, outcomes
        Answer of `cases_by_channel` and query ``contact_outcomes`` (which touchpoint is which channel).

    References
    ----------
    Martilla, J. A. & James, J. C. (1977). Importance-performance analysis. Journal of Marketing 41, 77-79 (the rule is
    ours: quadrants by test, not by eye).
    """
    part = scores[(scores["kind"] == "csat") & in_period(scores["answered_at"], as_of) & scores["score"].notna()]  # fmt: skip
    part, words = weighted(part, weights)
    part = part.assign(who=part["customer_id"].fillna(part["response_id"]), value=1 + 4 * part["score"].astype(float))  # fmt: skip
    enough = part.groupby("touchpoint")["who"].nunique()
    part = part[part["touchpoint"].isin(enough.index[enough >= FEWEST])]
    need(part.drop_duplicates("touchpoint"), "touchpoints rated by five customers", SURVEY, rows=2)
    table, average = performance(part)
    known = moments["numbers"].set_index("driver")
    for column, source in (("importance", "share"), ("importance_low", "share_low"), ("importance_high", "share_high")):  # fmt: skip
        table[column] = table["touchpoint"].map(known[source])
    passes = [bool(known.loc[name, "is_driver"]) if name in known.index else None for name in table["touchpoint"]]  # fmt: skip
    table["passes"] = [bool(p) for p in passes]
    table["verdict"] = [_verdict(p, *row) for p, row in zip(passes, table[["low", "high", "q_value"]].to_numpy(), strict=True)]  # fmt: skip
    excused = _excused(channels, outcomes)
    table.loc[(table["verdict"] == "mend first") & table["touchpoint"].isin(excused), "verdict"] = "mend its cases"  # fmt: skip
    order = table["verdict"].map({name: i for i, name in enumerate(ORDER)})
    table = table.assign(order=order).sort_values(["order", "importance", "touchpoint"], ascending=[True, False, True], ignore_index=True)  # fmt: skip
    return _told(table, average, words, as_of)


def _excused(channels: Answer | None, outcomes: pd.DataFrame | None) -> set[str]:
    """Service touchpoints whose cases are not surely rated below all cases at equal topic and priority."""
    if channels is None or outcomes is None or outcomes.empty:
        return set()
    support = outcomes[outcomes["stage"] == "support"].dropna(subset=["channel"])
    size = support.groupby(["touchpoint", "channel"], as_index=False)["contacts"].sum()
    main = size.sort_values(["contacts", "channel"], ascending=[False, True]).drop_duplicates("touchpoint")  # fmt: skip
    table = channels.table
    mean = float(np.average(table["adjusted_csat"], weights=table["rated"]))
    alike = set(table.loc[table["adjusted_high"] >= mean, "channel"])
    return set(main.loc[main["channel"].isin(alike), "touchpoint"])


def _told(table: pd.DataFrame, average: float, words: str, as_of: date) -> Answer:
    groups = {name: list(table.loc[table["verdict"] == name, "touchpoint"]) for name in ORDER}
    first = groups["mend first"]
    if first:
        worst = table.iloc[0]
        names = joined(first)
        headline = f"Mend first: {names}" if len(names) <= 75 else f"Mend first: {first[0]} and {len(first) - 1} more"  # fmt: skip
        verdict = (
            f"{names[:1].upper() + names[1:]} {'matters' if len(first) == 1 else 'matter'} for recommendation and {'is' if len(first) == 1 else 'are'} rated surely below the "
            f"average of {average:.1f} ({worst['touchpoint'] + ' ' if len(first) > 1 else ''}{worst['csat']:.1f}, {worst['csat_low']:.1f} to {worst['csat_high']:.1f})."
        )  # fmt: skip
    else:
        headline = "No touchpoint that matters is rated surely below average"
        verdict = f"None of the touchpoints that matter is surely below the average of {average:.1f}: mend by value at risk instead."
    cases = groups["mend its cases"]
    if cases:
        verdict += f" {joined(cases)[:1].upper() + joined(cases)[1:]} {'is' if len(cases) == 1 else 'are'} rated low too, but at equal topic and priority the cases are rated like others: mend what customers come with, not the channel."  # fmt: skip
    kept = f" Keep up {joined(groups['keep up'])}, which {'matters and is' if len(groups['keep up']) == 1 else 'matter and are'} surely above it." if groups["keep up"] else ""  # fmt: skip
    watch = f" Watch {joined(groups['watch'])}: important, not surely off." if groups["watch"] else ""  # fmt: skip
    unknown = len(groups["importance not known"])
    rest = f" Too few rate {unknown} more to say how much they matter." if unknown else ""
    return Answer(
        table=table[["touchpoint", "importance", "importance_low", "importance_high", "passes", "csat", "csat_low", "csat_high",
                     "difference", "low", "high", "rated", "verdict"]],
        headline=headline,
        so_what=f"{verdict}{kept}{watch}{rest}",
        kind="diagnostic",
        caption=f"Share of variance of recommendation explained against satisfaction (1 to 5), 95 % intervals; quadrants by test; ratings of {year_to(as_of)}",
        units={"rated": "count", **dict.fromkeys(("importance", "importance_low", "importance_high"), "%"),
               **dict.fromkeys(("csat", "csat_low", "csat_high", "difference", "low", "high"), "points")},
        source=f"survey answers {words}; importance from the drivers",
        extra={"average": average},
    )  # fmt: skip
