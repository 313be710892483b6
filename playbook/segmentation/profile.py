"""What the segments are like, and whether each passes the five checks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.segmentation.naming import NEEDS, SILENT, label_of

__all__ = ["check_segments", "describe_segments"]

FOUND_AGAIN = 0.6
REACHABLE = 0.5
NOTICEABLE = 0.5
LEAST_SHARE = 0.05


@answers
def describe_segments(
    segments: pd.DataFrame, customers: pd.DataFrame, deviations: pd.DataFrame
) -> Answer:
    """Return size, money and character of each segment, most valuable customers first.

    Parameters
    ----------
    segments
        ``customer_id``, ``segment``.
    customers
        Frame of `add_contribution`.
    deviations
        ``segment``, ``feature``, ``deviation`` (standard deviations from the mean of all buyers).

    Returns
    -------
    Answer
        One row per segment; extra ``character``: an `Answer` with the ten figures that differ most.
    """
    joined = need(segments, "customers with a segment", "orders with a customer number").merge(customers, on="customer_id")  # fmt: skip
    groups = joined.groupby("segment")
    table = pd.DataFrame(
        {
            "customers": groups.size(),
            "share_customers": groups.size() / len(joined),
            "revenue_12m": groups["revenue_12m"].sum().astype(float),
            "contribution_12m": groups["contribution_12m"].sum().astype(float),
        }
    )
    total = float(table["revenue_12m"].sum())
    table.insert(3, "share_revenue", table["revenue_12m"] / total if total > 0 else np.nan)
    table["margin_per_customer"] = groups["margin_12m"].mean().astype(float)
    table["description"] = _descriptions(deviations).reindex(table.index).fillna("no order in the data delivered")  # fmt: skip
    table = table.reset_index().sort_values(["margin_per_customer", "segment"], ascending=[False, True], ignore_index=True)  # fmt: skip
    best = table.iloc[0]
    word = "revenue" if str(joined["margin_basis"].iloc[0]) == "revenue" else "margin"
    return Answer(
        table=table,
        headline=_headline(table, total),
        so_what=(
            f"Most {word} per customer and year: {format_value(best['margin_per_customer'], 'currency')} in the segment {best['segment']}. "
            + _other_end(table, total)
        ),
        kind="descriptive",
        caption=f"Segments by margin per customer (n = {len(joined):,} customers, 12 months)",
        units={"customers": "count", "share_customers": "%", "revenue_12m": "currency", "share_revenue": "%",
               "contribution_12m": "currency", "margin_per_customer": "currency"},
        source="segments chosen above; orders, tickets, interactions",
        extra={"character": _character(deviations, table["segment"])},
    )  # fmt: skip


def _headline(table: pd.DataFrame, total: float) -> str:
    if total <= 0:
        return f"No revenue is left in 12 months: refunds reach purchases, {format_value(total, 'currency')} in all"
    top = table.loc[table["share_revenue"].idxmax()]
    return f"{top['segment']}: {format_value(top['share_customers'], '%')} of customers, {format_value(top['share_revenue'], '%')} of revenue"


def _other_end(table: pd.DataFrame, total: float) -> str:
    if total <= 0:
        return "Shares of revenue mean nothing here: find out why goods come back before a segment is favoured."
    low = table.loc[table["share_revenue"].idxmin()]
    return (
        f"The other end, {low['segment']}: {format_value(low['share_customers'], '%')} of customers and "
        f"{format_value(low['share_revenue'], '%')} of revenue. Let budget and service follow value and not head count."
    )


def _descriptions(deviations: pd.DataFrame) -> pd.Series:
    ordered = deviations[~deviations["feature"].isin(SILENT)].assign(size=deviations["deviation"].abs()).sort_values(["segment", "size", "feature"], ascending=[True, False, True])  # fmt: skip
    strong = ordered.groupby("segment").head(4)
    often = strong["feature"].str.contains(": ") & ~strong["feature"].str.startswith(NEEDS)
    side = np.where(strong["deviation"] > 0, np.where(often, " often", " high"), np.where(often, " rarely", " low"))  # fmt: skip
    words = strong["feature"].map(label_of) + side
    return words.groupby(strong["segment"]).agg(", ".join)


def _character(deviations: pd.DataFrame, order: pd.Series) -> Answer:
    table = _heat(deviations, order)
    strong = table.loc[table["deviation"].abs().idxmax()]
    side = "above" if strong["deviation"] > 0 else "below"
    return Answer(
        table=table,
        headline=f"{strong['segment']} stand out most: {strong['feature']} far {side} average",
        so_what="Read a row to see what to offer a segment and where; pale cells are no reason to treat it differently.",
        kind="descriptive",
        caption="Difference from the average buyer in standard deviations, the figures that differ most between segments",
        units={"deviation": "points"},
        source="survey answers where given, orders, order lines, tickets; shrunken shares",
    )  # fmt: skip


def _heat(deviations: pd.DataFrame, order: pd.Series) -> pd.DataFrame:
    deviations = deviations[~deviations["feature"].isin(SILENT)]
    spread = deviations.groupby("feature")["deviation"].agg(lambda d: d.max() - d.min())
    keep = list(spread.sort_values(ascending=False, kind="stable").head(12).index)
    shown = deviations[deviations["feature"].isin(keep)]
    rank = {name: i for i, name in enumerate(order)}
    columns = {name: i for i, name in enumerate(keep)}
    shown = shown.assign(r=shown["segment"].map(rank), c=shown["feature"].map(columns))
    shown = shown.sort_values(["r", "c"]).drop(columns=["r", "c"]).reset_index(drop=True)
    return shown.assign(feature=shown["feature"].map(label_of))


@answers
def check_segments(
    segments: pd.DataFrame, customers: pd.DataFrame, deviations: pd.DataFrame, stability: pd.DataFrame
) -> Answer:  # fmt: skip
    """Return the five checks of each segment, each with the figure that decides it.

    *Measurable*: found again in resamples (mean best Jaccard overlap at least 0.6). *Substantial*: at
    least 5 % of customers or of revenue. *Accessible*: at least half may be contacted. *Differentiable*:
    its strongest difference from the average is at least 0.5 standard deviations. *Actionable*:
    so is a difference the client can act on: price terms, channel, category, basket or service.

    Parameters
    ----------
    segments, customers, deviations
        As in `describe_segments`.
    stability
        ``segment``, ``stability``.

    References
    ----------
    Kotler & Keller (2016), Marketing Management, 15th ed., ch. 9 (the five criteria).
    """
    need(stability, "segments with an order", "orders with a customer number")
    table = _check_figures(segments, customers, deviations, stability)
    passes = pd.DataFrame(
        {
            "measurable": table["found_again"] >= FOUND_AGAIN,
            "substantial": table["share"] >= LEAST_SHARE,
            "accessible": table["reachable"] >= REACHABLE,
            "differentiable": table["strongest"] >= NOTICEABLE,
            "actionable": table["lever"] >= NOTICEABLE,
        }
    )  # fmt: skip
    known = pd.DataFrame({"accessible": table["reachable"].notna()}).reindex(
        columns=passes.columns, fill_value=True
    )
    table["passed"] = (
        (passes & known).sum(axis=1).astype(str) + " of " + known.sum(axis=1).astype(str)
    )
    table["fails"] = [
        ", ".join(name for name in passes if known.loc[i, name] and not passes.loc[i, name]) or "nothing" for i in passes.index
    ]  # fmt: skip
    whole = int((table["fails"] == "nothing").sum())
    failing = table[table["fails"] != "nothing"]
    named = "; ".join(f"{row.segment} (not {row.fails})" for row in failing.itertuples())
    unknown = (
        ""
        if known.to_numpy().all()
        else " Contact permissions are not delivered, so access is not judged."
    )
    return Answer(
        table=table,
        headline=f"{whole} of {len(table)} segments pass every check",
        so_what=(
            ("Each segment can carry a strategy of its own." if failing.empty else f"Watch {named}: keep what is aimed at them simple and test it first.")
            + unknown
        ),
        kind="diagnostic",
        caption="Five checks per segment; found again = overlap in resamples, strongest and lever = standard deviations from the average",
        units={"found_again": "ratio", "share": "%", "reachable": "%", "strongest": "ratio", "lever": "ratio"},
        source="resamples of the solution, orders, consents; thresholds 0.6, 5 %, 50 %, 0.5, 0.5",
        metrics=(Metric("segments_passing_checks", float(whole), n=len(table), unit="count", kind="diagnostic"),),
    )  # fmt: skip


def _check_figures(
    segments: pd.DataFrame,
    customers: pd.DataFrame,
    deviations: pd.DataFrame,
    stability: pd.DataFrame,
) -> pd.DataFrame:
    """One row per segment with the figure behind each check."""
    joined = segments.merge(customers, on="customer_id")
    groups = joined.groupby("segment")
    revenue = groups["revenue_12m"].sum().astype(float)
    size = np.maximum(groups.size() / len(joined), revenue / max(float(revenue.sum()), 1e-9))
    strongest = (
        deviations.assign(size=deviations["deviation"].abs()).groupby("segment")["size"].max()
    )
    levers = deviations[
        ~deviations["feature"].isin(["days since last order", "orders per year", "order value"])
    ]
    levers = levers[~levers["feature"].str.startswith(NEEDS)]
    lever = levers.assign(size=levers["deviation"].abs()).groupby("segment")["size"].max()
    reach = groups["may_be_contacted"].mean()
    table = pd.DataFrame({"segment": sorted(stability["segment"])})
    table["found_again"] = table["segment"].map(stability.set_index("segment")["stability"])
    for column, values in (
        ("share", size),
        ("reachable", reach),
        ("strongest", strongest),
        ("lever", lever),
    ):
        table[column] = table["segment"].map(values).astype(float)
    return table
