"""Who the customers of each segment are, and what sets them apart from all others."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.proposition.words import fitting, join, plural, with_segment
from playbook.stats import false_discovery, two_proportion_difference

__all__ = ["profile_traits", "target_profiles"]

SMALLEST = 5
"""Fewest customers behind a figure that is shown."""

TRAITS = {
    "age": "age",
    "gender": "gender",
    "household": "household",
    "customer_type": "customer",
    "country": "country",
    "area_type": "area",
    "market_segment": "market",
    "acquisition_channel": "won by",
    "main_channel": "buys by",
}
"""Columns that describe a customer, and the word a reader sees; none of them is a name or address."""


def _levels(customers: pd.DataFrame) -> pd.DataFrame:
    """Return the describing columns as text, numbers in bands."""
    levels = pd.DataFrame(index=customers.index)
    for column, word in TRAITS.items():
        if column not in customers:
            continue
        values = customers[column]
        if column == "age":
            edges, names = [0, 35, 50, 65, 120], ["under 35", "35–49", "50–64", "65 and over"]
            banded = pd.cut(values.astype(float), edges, right=False, labels=names)
            levels[word] = banded.astype("object")
        elif column == "household":
            people = pd.to_numeric(values, errors="coerce").astype(float)
            banded = pd.cut(people, [0, 1, 2, 99], labels=["1 person", "2 people", "3 or more"])
            levels[word] = banded.astype("object")
        else:
            levels[word] = values.astype("object").where(values.notna(), None)
    return levels


def _trait_table(customers: pd.DataFrame, smallest_difference: float) -> pd.DataFrame:
    """Share of each trait in each segment against all other customers, with interval and q-value."""
    levels = _levels(customers)
    rows = []
    for word in levels:
        known = levels[word].notna()
        counts = pd.crosstab(levels.loc[known, word], customers.loc[known, "segment"])
        if len(counts) < 2:
            continue
        totals, everyone = counts.sum(), counts.sum(axis=1)
        for level in counts.index:
            for segment in counts.columns:
                inside, n = int(counts.loc[level, segment]), int(totals[segment])
                others, m = int(everyone[level]) - inside, int(totals.sum()) - n
                if min(n, m) < 30 or inside < SMALLEST:
                    continue
                gap = two_proportion_difference(inside, n, others, m)
                share_all = float(everyone[level]) / float(totals.sum())
                rows.append(
                    {"segment": segment, "trait": f"{word}: {level}", "share": inside / n,
                     "share_all": share_all, "index": 100 * inside / n / share_all,
                     "difference": gap.value, "low": gap.low, "high": gap.high,
                     "p_value": gap.p_value, "n": n}
                )  # fmt: skip
    columns = ["segment", "trait", "share", "share_all", "index", "difference", "low", "high"]
    table = pd.DataFrame(rows, columns=[*columns, "p_value", "n"])
    table["q_value"] = false_discovery(table["p_value"])
    table["distinct"] = (table["q_value"] <= 0.05) & (table["difference"] >= smallest_difference)
    return table


def _known(customers: pd.DataFrame, segments: pd.DataFrame) -> pd.DataFrame:
    joined = with_segment(need(customers, "customers", "the customer list"), segments)
    return need(joined, "customers with a segment", "orders with a customer number", rows=30)


@answers
def profile_traits(
    customers: pd.DataFrame, segments: pd.DataFrame, smallest_difference: float = 0.05
) -> Answer:
    """Return the traits that set each segment apart.

    Parameters
    ----------
    customers
        ``customer_id`` and any of the describing columns (age, gender, household, customer_type,
        country, area_type, market_segment, acquisition_channel, main_channel).
    segments
        ``customer_id``, ``segment``.
    smallest_difference
        Smallest difference of shares worth naming (0 to 1).

    Returns
    -------
    Answer
        ``segment``, ``trait``, ``share``, ``share_all``, ``index`` (100 = all customers),
        ``difference`` from all other customers with ``low`` and ``high``, ``n``, ``q_value``
        (false discovery rate, Benjamini & Hochberg, 1995), ``distinct``; most telling traits
        first. Cells with fewer than five customers are left out.
    """
    joined = _known(customers, segments)
    table = _trait_table(joined, smallest_difference)
    need(table, "describing columns of customers", "age, region, channel or company of customers")
    telling = table[table["distinct"]]
    reach = table.assign(size=table["difference"].abs()).groupby("trait")["size"].max()
    shown = reach.sort_values(ascending=False, kind="stable").index[:12]
    order = {trait: place for place, trait in enumerate(shown)}
    picked = table[table["trait"].isin(shown)].assign(place=lambda t: t["trait"].map(order))
    picked = picked.sort_values(["place", "segment"]).drop(columns="place")
    if telling.empty:
        headline = "No trait on record sets a segment apart from the other customers"
        so_what = (
            "The segments differ in what they do and value, not in who they are: target by "
            "behaviour, not by age or region."
        )
    else:
        top = telling.sort_values(["difference", "segment"], ascending=[False, True]).iloc[0]
        headline = fitting(
            f"{top['segment']} stand out most: {100 * top['share']:.0f} % "
            f"{top['trait']}, {100 * top['share_all']:.0f} % of all",
            f"{top['segment']} stand out most, by {top['trait']}",
        )
        without = sorted(set(joined["segment"]) - set(telling["segment"]))
        so_what = (
            f"{len(telling):,} of {len(table):,} traits tested set a segment apart by at least "
            f"{100 * smallest_difference:.0f} points. "
            + (f"{join(without)} cannot be told by any of them: " if without else "")
            + ("target those by behaviour. " if without else "")
            + "Use the traits above to choose media and pictures, not to exclude people."
        )
    return Answer(
        table=picked.drop(columns="p_value").reset_index(drop=True),
        headline=headline,
        so_what=so_what,
        kind="descriptive",
        caption=f"Share of each trait per segment against all customers: index, 100 = average (n = {len(joined):,})",
        units={"share": "%", "share_all": "%", "index": "count", "difference": "%", "low": "%",
               "high": "%", "n": "count"},
        source="customers, orders; traits with the largest differences, cells with fewer than 5 left out",
        extra={"all": table},
    )  # fmt: skip


def _sizes(joined: pd.DataFrame) -> pd.DataFrame:
    groups = joined.groupby("segment", sort=True)
    size = pd.DataFrame({"customers": groups.size()})
    size["share_customers"] = size["customers"] / size["customers"].sum()
    size["revenue_12m"] = groups["revenue_12m"].sum()
    total = float(size["revenue_12m"].sum())
    size["share_revenue"] = size["revenue_12m"] / total if total > 0 else np.nan
    buyers = joined[joined["orders_12m"] > 0].groupby("segment")
    size["buyers"] = buyers.size().reindex(size.index).fillna(0).astype(int)
    orders = buyers["orders_12m"].sum().reindex(size.index)
    enough = size["buyers"] >= SMALLEST
    size["orders_per_buyer"] = (orders / size["buyers"].where(enough)).astype(float)
    size["average_order"] = buyers["ordered_12m"].sum().reindex(size.index) / orders.where(enough)
    if "age" in joined and joined["age"].notna().sum() >= 30:
        known = groups["age"].count() >= SMALLEST
        size["median_age"] = groups["age"].median().where(known)
    return size.reset_index()


@answers
def target_profiles(
    customers: pd.DataFrame,
    segments: pd.DataFrame,
    strategies: pd.DataFrame | None = None,
    smallest_difference: float = 0.05,
) -> Answer:
    """Return the target profile of each segment: size, buying, and what sets its customers apart.

    Parameters
    ----------
    customers
        ``customer_id``, ``orders_12m``, ``revenue_12m`` (after refunds), ``ordered_12m`` (before refunds,
        currency) and describing columns.
    segments
        ``customer_id``, ``segment``.
    strategies
        ``segment``, ``strategy``, where there are some.
    smallest_difference
        Smallest difference of shares worth naming (0 to 1).

    Returns
    -------
    Answer
        One row a segment, largest revenue first: ``customers``, ``share_customers``,
        ``revenue_12m``, ``share_revenue``, ``buyers``, ``orders_per_buyer``, ``average_order``,
        ``median_age``, ``stands_out_by``; ``strategy`` where given. ``extra["traits"]`` holds the
        distinct traits.
    """
    joined = _known(customers, segments)
    if not joined["revenue_12m"].gt(0).any():
        raise NotEnough("no customer bought in the year", "orders of the last twelve months")
    table = _sizes(joined)
    traits = _trait_table(joined, smallest_difference)
    distinct = traits[traits["distinct"]].sort_values(
        ["segment", "difference", "trait"], ascending=[True, False, True]
    )
    top = distinct.groupby("segment").head(3)
    words = top.assign(text=[_trait_words(row) for row in top.itertuples()])
    said = words.groupby("segment")["text"].agg("; ".join).to_dict()
    table["stands_out_by"] = [said.get(name, "nothing on record") for name in table["segment"]]
    if strategies is not None and len(strategies):
        chosen = dict(zip(strategies["segment"], strategies["strategy"], strict=True))
        table.insert(1, "strategy", [chosen.get(name, "–") for name in table["segment"]])
    table = table.sort_values(["revenue_12m", "segment"], ascending=[False, True])
    first = table.iloc[0]
    small = table[table["customers"] < 0.02 * table["customers"].sum()]["segment"]
    return Answer(
        table=table.reset_index(drop=True),
        headline=(
            f"{first['segment']} bring {format_value(first['share_revenue'], '%')} of revenue with "
            f"{format_value(first['share_customers'], '%')} of customers"
        ),
        so_what=(
            f"{plural(len(table), 'segment')} to write a proposition for. "
            + (f"{join(small)} hold less than 2 % of customers: serve them without an own offer. "
               if len(small) else "")
            + f"Start with {first['segment']}: an order of theirs is worth "
            f"{format_value(first['average_order'], 'currency')}, and "
            f"{first['buyers']:,} of {first['customers']:,} bought in the year."
        ),
        kind="descriptive",
        caption=f"Target profile of each segment (n = {len(joined):,} customers, 12 months)",
        units={"customers": "count", "share_customers": "%", "revenue_12m": "currency",
               "share_revenue": "%", "buyers": "count", "average_order": "currency",
               "median_age": "count"},
        source="customers, orders and segments; traits with false discovery rate of 5 %",
        metrics=(Metric("largest_segment_revenue_share", float(first["share_revenue"]), n=len(joined), unit="%"),),
        extra={"traits": distinct.reset_index(drop=True)},
    )  # fmt: skip


def _trait_words(row) -> str:
    return f"{row.trait} {100 * row.share:.0f} % (all: {100 * row.share_all:.0f} %)"
