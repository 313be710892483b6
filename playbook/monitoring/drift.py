"""Are customers still who they were? Moves between last year's segments, and drift of behaviour and preferences.

Glossary
--------
frozen model
    Last year's segments applied to this year's customers without estimating anything anew.
drift
    A difference between two years in how a figure is distributed, beyond chance and large enough to matter.
PSI
    Population stability index: below 0.1 stable, above 0.25 shifted.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
from scipy import stats

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.stats import false_discovery, population_stability, wilson

__all__ = ["drift", "frozen_segments", "migration"]

NEW, GONE, FEW = "New this year", "No longer on record", "Several, each under 5"
SMALL = 5
MATTERS = 0.1
"""Least population stability index that counts as a shift."""

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


@answers
def frozen_segments(
    assign: Callable[..., pd.DataFrame],
    customers: pd.DataFrame,
    mix: pd.DataFrame,
    model: pd.DataFrame,
    *told: pd.DataFrame,
) -> pd.DataFrame:
    """Return the segment of each customer of this year under last year's model.

    Parameters
    ----------
    assign
        The assignment of step 3: customers, mix and model to customer_id, segment.
    customers, mix
        Queries ``customer_features`` and ``purchase_mix`` of this year.
    model
        Result ``segment_model`` of the year before.
    told
        What else the assignment takes: queries ``buying_habits`` and ``customer_attitudes`` of this year.

    Returns
    -------
    pandas.DataFrame
        customer_id, segment.
    """
    need(model, "centres of last year's segments", "a run of the year before")
    need(customers, "customers", "customers and orders", rows=20)
    return assign(customers, mix, model, *told)


@answers
def migration(before: pd.DataFrame, now: pd.DataFrame) -> Answer:
    """Count the customers by segment last year and now, under the same model.

    Parameters
    ----------
    before
        Result ``segments`` of the year before: customer_id, segment.
    now
        The same customers and new ones under last year's model (`frozen_segments`).

    Returns
    -------
    Answer
        Table: segment, last_year, stayed, low, high, most_left_to, share_left_to, joined, now, change. Extra
        ``flows``: from_segment, to_segment, customers (the result ``migration``; every customer once).
    """
    need(before, "customers with a segment last year", "a run of the year before", rows=20)
    need(now, "customers with a segment now", "orders with a customer number", rows=20)
    both = before[["customer_id", "segment"]].merge(
        now[["customer_id", "segment"]], on="customer_id", how="outer", suffixes=("_before", "_now")
    )
    pairs = pd.DataFrame(
        {
            "from_segment": both["segment_before"].astype("str").fillna(NEW),
            "to_segment": both["segment_now"].astype("str").fillna(GONE),
        }
    )
    flows = pairs.groupby(["from_segment", "to_segment"]).size().rename("customers").reset_index()
    table = pd.DataFrame(
        [_row(str(s), flows) for s in sorted(before["segment"].astype(str).unique())]
    )
    table = table.sort_values(["change", "segment"], ignore_index=True)
    known = flows[flows["from_segment"] != NEW]
    stayed = int(known.loc[known["from_segment"] == known["to_segment"], "customers"].sum())
    all_ = int(known["customers"].sum())
    ends = wilson(stayed, all_)
    down, up = table.iloc[0], table.iloc[-1]
    return Answer(
        table=table,
        headline=f"{format_value(stayed / all_, '%')} of customers are in the segment of last year",
        so_what=(
            f"{_net(up)}; {_net(down)}. "
            f"{_leaving(table)} Last year's model is unchanged, so customers moved, not the borders; "
            "write to those who leave a valuable segment before the year is out."
        ),
        kind="diagnostic",
        caption=f"Customers by segment last year and now under last year's model (n = {int(flows['customers'].sum()):,}; stayed with 95 % interval)",
        units={"last_year": "count", "stayed": "%", "low": "%", "high": "%", "share_left_to": "%", "joined": "count",
               "now": "count", "change": "count"},
        source="segments of last year; last year's centres applied to this year's figures",
        metrics=(Metric("stayed_in_segment", stayed / all_, ends.low, ends.high, all_, "%", "diagnostic"),),
        extra={"flows": flows.sort_values(["from_segment", "to_segment"], ignore_index=True)},
    )  # fmt: skip


def _row(segment: str, flows: pd.DataFrame) -> dict[str, object]:
    out = flows[flows["from_segment"] == segment]
    into = flows[flows["to_segment"] == segment]
    size, now = int(out["customers"].sum()), int(into["customers"].sum())
    same = int(out.loc[out["to_segment"] == segment, "customers"].sum())
    left = out[(out["to_segment"] != segment) & (out["customers"] >= SMALL)]
    left = left.sort_values(["customers", "to_segment"], ascending=[False, True])
    ends = wilson(same, size)
    return {
        "segment": segment,
        "last_year": size,
        "stayed": same / size,
        "low": ends.low,
        "high": ends.high,
        "most_left_to": str(left["to_segment"].iloc[0]) if len(left) else "–",
        "share_left_to": float(left["customers"].iloc[0] / size) if len(left) else np.nan,
        "joined": now - same,
        "now": now,
        "change": now - size,
    }


def _net(row: pd.Series) -> str:
    word = "gained" if row["change"] >= 0 else "lost"
    return f"{row['segment']} {word} {abs(int(row['change'])):,} customers net"


def _leaving(table: pd.DataFrame) -> str:
    left = table.dropna(subset=["share_left_to"])
    if left.empty:
        return "No move is larger than four customers."
    worst = left.loc[left["share_left_to"].idxmax()]
    return (
        f"The largest stream: {format_value(worst['share_left_to'], '%')} of {worst['segment']} went to "
        f"{worst['most_left_to']}."
    )


def drift(
    before: pd.DataFrame,
    now: pd.DataFrame,
    favourites: pd.DataFrame,
    ratings: pd.DataFrame,
    span: pd.DataFrame,
    since: date,
    minimum: int = 100,
) -> Answer | Missing:
    """Compare how behaviour, favourite channels and categories, and stated importance are distributed in two years.

    A figure has *shifted* when the difference passes a false-discovery rate of 5 % over all figures and its PSI is at
    least 0.1; *slight* means beyond chance but smaller. The same customers stand in both years, so the tests err
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
        Fewest customers or answers a year needs; with less the verdict is "not enough data".

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
    return _drift(before, now, favourites, ratings, minimum)


def _covers(span: pd.DataFrame, since: date) -> bool:
    """Whether orders reach back to the start of the year before (a month late at most)."""
    first = pd.Timestamp(span["first_day"].iloc[0]) if len(span) else pd.NaT
    start = pd.Timestamp(since) - pd.DateOffset(years=1)
    return bool(pd.notna(first) and first <= start + pd.Timedelta(days=31))


@answers
def _drift(
    before: pd.DataFrame, now: pd.DataFrame, favourites: pd.DataFrame, ratings: pd.DataFrame, minimum: int
) -> Answer:  # fmt: skip
    rows = _behaviour(before, now, minimum)
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
    table["verdict"] = np.select(
        [~tested, real & (table["psi"] >= MATTERS), real],
        ["not enough data", "shifted", "slight"],
        "stable",
    )
    table["psi"] = table["psi"].round(3)
    table["q"] = table["q"].clip(lower=0.001).round(3)
    table = table.sort_values(["psi", "figure"], ascending=[False, True], ignore_index=True)
    shifted, slight = (table[table["verdict"] == v] for v in ("shifted", "slight"))
    return Answer(
        table=table.drop(columns="p"),
        headline=f"{len(shifted)} of {int(tested.sum())} figures of behaviour and preference shifted since last year",
        so_what=_drift_words(table, shifted, slight),
        kind="diagnostic",
        caption="Distribution of each figure this year against last year: population stability index (below 0.1 stable) and test",
        units={"before": "ratio", "now": "ratio", "n_before": "count", "n_now": "count", "psi": "ratio",
               "distance": "ratio", "q": "ratio"},
        source="customers with an order in the year; importance ratings; q is adjusted for the number of figures (0.001: or less)",
        extra={"shifted": list(shifted["figure"]) or [""]},
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


def _drift_words(table: pd.DataFrame, shifted: pd.DataFrame, slight: pd.DataFrame) -> str:
    few = int((table["verdict"] == "not enough data").sum())
    tail = f" Not enough data for {few} figures." if few else ""
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
    return "Nothing moved beyond chance: keep last year's segments and offers." + tail


def _from_to(row) -> str:
    return (
        f"{row.figure} from {format_value(row.before, 'ratio')} to {format_value(row.now, 'ratio')}"
    )
