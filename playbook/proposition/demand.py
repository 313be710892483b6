"""What each segment buys: products and services by revenue, share and index."""

from __future__ import annotations

import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.proposition.words import with_segment

__all__ = ["demand"]

SMALLEST = 5


def _cells(joined: pd.DataFrame) -> pd.DataFrame:
    """Revenue of each group in each segment, its share of the segment and index against all."""
    keys = ["product_group", "segment"]
    cells = joined.groupby(keys, sort=True).agg(
        kind=("kind", "min"),
        revenue=("revenue", "sum"),
        quantity=("quantity", "sum"),
        margin=("margin", lambda values: values.sum(min_count=1)),
        buyers=("customer_id", "nunique"),
    )
    cells = cells.reset_index()
    by_segment = cells.groupby("segment")["revenue"].transform("sum")
    by_group = cells.groupby("product_group")["revenue"].transform("sum")
    total = float(cells["revenue"].sum())
    cells["share"] = cells["revenue"] / by_segment.where(by_segment > 0)
    cells["index"] = 100 * cells["share"] / (by_group / total).where(by_group > 0)
    few = cells["buyers"] < SMALLEST
    figures = ["revenue", "quantity", "margin", "share", "index"]
    cells[figures] = cells[figures].mask(few)
    return cells.assign(suppressed=few, group_revenue=by_group)


@answers
def demand(lines: pd.DataFrame, segments: pd.DataFrame) -> Answer:
    """Return the demand of each segment for each group of products or services.

    Parameters
    ----------
    lines
        ``customer_id``, ``product_group``, ``kind``, ``quantity``, ``revenue``, ``margin``
        (currency): one row a customer and group.
    segments
        ``customer_id``, ``segment``.

    Returns
    -------
    Answer
        ``product_group``, ``segment``, ``kind``, ``revenue``, ``quantity``, ``margin``, ``buyers``,
        ``share`` (of the segment's revenue), ``index`` (share against all customers, 100 =
        average), ``suppressed``; largest groups first. Cells with fewer than five buyers keep
        their count of buyers only.
    """
    need(lines, "order lines with a product", "order lines with product and customer number")
    joined = need(with_segment(lines, segments), "order lines of customers with a segment",
                  "order lines with a customer number", rows=10)  # fmt: skip
    cells = _cells(joined)
    cells["rest"] = cells["product_group"] == "all others"
    cells = cells.sort_values(
        ["rest", "group_revenue", "product_group", "segment"], ascending=[True, False, True, True]
    ).drop(columns="rest")
    shown = cells[~cells["suppressed"]]
    shown = shown[shown["index"] > 0]
    need(shown, "groups of products with five buyers and revenue", "a longer history of orders")
    groups = cells.drop_duplicates("product_group").set_index("product_group")["group_revenue"]
    top_share = float(groups.iloc[0] / groups.sum())
    named = shown[(shown["product_group"] != "all others") & (shown["buyers"] >= 30)]
    named = (named if len(named) else shown).assign(
        excess=lambda t: t["revenue"] * (1 - 100 / t["index"])
    )
    named = named.sort_values(["excess", "product_group", "segment"], ascending=[False, True, True])
    peak, under = named.iloc[0], named.iloc[-1]
    rest = float(groups.get("all others", 0.0) / groups.sum())
    services = cells[cells["kind"] == "service"]["revenue"].sum() / cells["revenue"].sum()
    return Answer(
        table=cells.drop(columns="group_revenue").reset_index(drop=True),
        headline=(
            f"{peak['segment']} spend {peak['index'] / 100:.1f} times the average share on "
            f"{peak['product_group']}"
        ),
        so_what=(
            f"{groups.index[0]} is the largest group with {format_value(top_share, '%')} of revenue"
            + (f"; all but {len(groups) - 1} groups together bring {format_value(rest, '%')}" if rest > 0 else "")
            + (f"; services bring {format_value(services, '%')}" if services > 0 else "")
            + f". The widest gap in money is {under['product_group']} among {under['segment']}: "
            f"{format_value(-under['excess'], 'currency')} a year below an average share. "
            "Lead each segment's offer with what it over-buys and ask why it leaves the gap before filling it."
        ),
        kind="descriptive",
        caption=(
            f"Revenue by group and segment: index 100 = same share of spend as all customers "
            f"(n = {joined['customer_id'].nunique():,} buyers, 12 months)"
        ),
        units={"revenue": "currency", "margin": "currency", "quantity": "count", "buyers": "count",
               "share": "%", "index": "count"},
        source="order lines, products, subscriptions, segments; cells with fewer than 5 buyers left out",
        metrics=(
            Metric("largest_group_share", top_share, n=int(joined["customer_id"].nunique()), unit="%"),
        ),
    )  # fmt: skip
