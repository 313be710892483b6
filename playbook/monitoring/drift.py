"""Are customers still who they were? Drift of behaviour, preferences and outcomes of service.

Glossary
--------
drift
    A difference between two years in how a figure is distributed, beyond chance and large enough to matter.
PSI
    Population stability index: below 0.1 stable, above 0.25 shifted.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from scipy import stats

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.stats import false_discovery, population_stability

__all__ = ["drift"]

MATTERS = 0.1
"""Least population stability index that counts as a shift."""
POINTS = 0.05
"""Least change of a share of outcomes that counts as a shift: the index hardly sees a rare outcome double."""

BEHAVIOUR = {
    "orders": "Orders",
    "revenue": "Revenue",
    "order_value": "Revenue per order",
    "recency_days": "Days since last order",
    "active_quarters": "Quarters with an order",
    "sales_channels": "Sales channels used",
    "categories": "Categories bought",
    "refunds": "Refunds",
    "tickets": "Service cases",
    "contacts": "Contacts",
    "visits": "Visits before buying",
}


def drift(
    before: pd.DataFrame,
    now: pd.DataFrame,
    favourites: pd.DataFrame,
    ratings: pd.DataFrame,
    span: pd.DataFrame,
    since: date,
    minimum: int = 100,
    outcomes: pd.DataFrame | Missing | None = None,
) -> Answer | Missing:
    """Compare how behaviour, favourites, stated importance and outcomes of service are distributed in two years.

    A figure has *shifted* when the difference passes a false-discovery rate of 5 % over all figures and its PSI is at
    least 0.1 (of outcomes: the share of the most common one moved by five points); *slight* means beyond chance but smaller. The same customers stand in both years, so the tests err
    towards "stable".

    Parameters
    ----------
    before, now
        Query ``customer_snapshot`` at the end of either year with a year of look-back; customers with an order
        in that year are compared.
    favourites
        Query ``favourites_by_year``: customer_id, years_ago, dimension, name.
    ratings
        Query ``ratings_by_year`` (importance): years_ago, respondent, item, value.
    span
        Query ``order_history_span`` (first_day): behaviour is compared only when orders cover both years.
    since
        Last day before this year.
    minimum
        Fewest customers, answers or contacts a year needs; with less the verdict is "not enough data".
    outcomes
        Query ``outcomes_by_year``: years_ago, touchpoint, area_type, outcome, contacts.

    Returns
    -------
    Answer
        Table: figure, topic, before, now (means; for favourites the share of last year's most common one), n_before,
        n_now, psi, distance (Kolmogorov–Smirnov), q, verdict; largest PSI first.

    References
    ----------
    Yurdakul, B. (2018). Statistical properties of population stability index. Massey, F. J. (1951). The
    Kolmogorov-Smirnov test for goodness of fit.
    """
    if not _covers(span, since):
        before, favourites = before.iloc[:0], favourites.iloc[:0]
    known = outcomes if isinstance(outcomes, pd.DataFrame) else pd.DataFrame()
    return _drift(before, now, favourites, ratings, minimum, known)


def _covers(span: pd.DataFrame, since: date) -> bool:
    """Whether orders reach back to the start of the year before (a month late at most)."""
    first = pd.Timestamp(span["first_day"].iloc[0]) if len(span) else pd.NaT
    start = pd.Timestamp(since) - pd.DateOffset(years=1)
    return bool(pd.notna(first) and first <= start + pd.Timedelta(days=31))


@answers
def _drift(
    before: pd.DataFrame, now: pd.DataFrame, favourites: pd.DataFrame, ratings: pd.DataFrame, minimum: int,
    outcomes: pd.DataFrame,
) -> Answer:  # fmt: skip
    rows = _behaviour(before, now, minimum) + _outcomes(outcomes, minimum)
    for name, part in favourites.groupby("dimension") if len(favourites) else ():
        old, new = (part.loc[part["years_ago"] == y, "name"] for y in (1, 0))
        rows.append(_named(f"Favourite {name}", old, new, minimum))
    for item, part in ratings.groupby("item") if len(ratings) else ():
        old, new = (part.loc[part["years_ago"] == y, "value"].astype(float) for y in (1, 0))
        rows.append(_numeric(f"Importance of {item}", "importance", old, new, minimum))
    table = need(
        pd.DataFrame(rows), "figures known of both years", "orders or ratings of two years"
    )
    tested = table["p"].notna()
    need(
        table[tested], f"figures of {minimum} customers in both years", "orders of two whole years"
    )
    table["q"] = false_discovery(table["p"].to_numpy(dtype=float))
    real = table["q"] < 0.05
    matters = (table["psi"] >= MATTERS) | (
        (table["topic"] == "outcome") & ((table["now"] - table["before"]).abs() >= POINTS)
    )
    table["verdict"] = np.select(
        [~tested, real & matters, real],
        ["not enough data", "shifted", "slight"],
        "stable",
    )
    table["psi"] = table["psi"].round(3)
    table["q"] = table["q"].clip(lower=0.001).round(3)
    table = table.sort_values(["psi", "figure"], ascending=[False, True], ignore_index=True)
    shifted, slight = (table[table["verdict"] == v] for v in ("shifted", "slight"))
    return Answer(
        table=table.drop(columns="p"),
        headline=f"{len(shifted)} of {int(tested.sum())} figures of behaviour, preference and service shifted since last year",
        so_what=_drift_words(table, shifted, slight),
        kind="diagnostic",
        caption="Distribution of each figure this year against last year: population stability index (below 0.1 stable) and test",
        units={"before": "ratio", "now": "ratio", "n_before": "count", "n_now": "count", "psi": "ratio",
               "distance": "ratio", "q": "ratio"},
        source="customers with an order in the year; importance ratings; contacts after the purchase; q is adjusted for the number of figures (0.001: or less)",
        extra={
            "shifted": list(shifted["figure"]) or [""],
            "found": [*shifted["figure"], *slight["figure"]] or [""],
        },
        metrics=(Metric("figures_shifted", float(len(shifted)), n=int(tested.sum()), unit="count", kind="diagnostic"),),
    )  # fmt: skip


def _behaviour(before: pd.DataFrame, now: pd.DataFrame, minimum: int) -> list[dict[str, object]]:
    if before.empty or now.empty:
        return []
    old, new = (
        f[f["orders"] > 0].assign(order_value=lambda d: d["revenue"] / d["orders"])
        for f in (before, now)
    )
    return [
        _numeric(label, "behaviour", old[name].dropna(), new[name].dropna(), minimum)
        for name, label in BEHAVIOUR.items()
        if name in old and len(set(old[name].dropna()) | set(new[name].dropna())) > 1
    ]


def _empty(figure: str, topic: str, old: pd.Series, new: pd.Series) -> dict[str, object]:
    return {"figure": figure, "topic": topic, "before": np.nan, "now": np.nan, "n_before": len(old), "n_now": len(new),
            "psi": np.nan, "distance": np.nan, "p": np.nan}  # fmt: skip


def _numeric(
    figure: str, topic: str, old: pd.Series, new: pd.Series, minimum: int
) -> dict[str, object]:
    row = _empty(figure, topic, old, new)
    if min(len(old), len(new)) < minimum:
        return row
    first, second = old.astype(float), new.astype(float)
    test = stats.ks_2samp(first, second, method="asymp")
    return row | {
        "before": float(first.mean()),
        "now": float(second.mean()),
        "psi": population_stability(first, second).value,
        "distance": float(test.statistic),
        "p": float(test.pvalue),
    }


def _named(figure: str, old: pd.Series, new: pd.Series, minimum: int) -> dict[str, object]:
    row = _empty(figure, "preference", old, new)
    if min(len(old), len(new)) < minimum:
        return row
    top = str(old.value_counts().sort_index().sort_values(ascending=False, kind="stable").index[0])
    found = population_stability(old, new)
    return row | {
        "figure": f"{figure} ({top})",
        "before": float((old == top).mean()),
        "now": float((new == top).mean()),
        "psi": found.value,
        "p": found.p_value,
    }


def _outcomes(outcomes: pd.DataFrame, minimum: int) -> list[dict[str, object]]:
    """Return how contacts after the purchase ended, by touchpoint and kind of area."""
    rows = []
    for key, part in outcomes.groupby(["touchpoint", "area_type"]) if len(outcomes) else ():
        touchpoint, area = (str(k) for k in key)
        if part["outcome"].nunique() < 2:
            continue
        old, new = (
            mine["outcome"].repeat(mine["contacts"].astype(int)).reset_index(drop=True)
            for mine in (part[part["years_ago"] == y] for y in (1, 0))
        )
        rows.append(_named(f"{touchpoint}, {area}", old, new, minimum) | {"topic": "outcome"})
    return rows


def _drift_words(table: pd.DataFrame, shifted: pd.DataFrame, slight: pd.DataFrame) -> str:
    few = int((table["verdict"] == "not enough data").sum())
    tail = f" Not enough data for {few} figures." if few else ""
    served = shifted["topic"] == "outcome"
    if served.any():
        named = "; ".join(_from_to(r) for r in shifted[served].head(3).itertuples())
        told = (
            f"{named}. That is service, not taste: find what changed there before anything else. "
        )
        return told + _drift_words(table, shifted[~served], slight)
    if len(shifted):
        named = "; ".join(_from_to(r) for r in shifted.head(3).itertuples())
        return (
            f"{named}. Segments and offers built on these rest on last year's customers: build them anew before "
            "the next plan." + tail
        )
    if len(slight):
        named = "; ".join(_from_to(r) for r in slight.head(3).itertuples())
        return (
            f"Beyond chance but small: {named}. Last year's segments and offers still describe these customers; keep "
            "them and look again next year." + tail
        )
    more = "else " if (table["verdict"] == "shifted").any() else ""
    return f"Nothing {more}moved beyond chance: keep last year's segments and offers." + tail


def _from_to(row) -> str:
    unit = "%" if row.topic in ("outcome", "preference") else "ratio"
    return f"{row.figure} from {format_value(row.before, unit)} to {format_value(row.now, unit)}"
