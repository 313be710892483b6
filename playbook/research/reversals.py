"""Totals that mislead: a group that looks better than the others in total and is worse among its like.

Glossary
--------
total gap
    Rate of a group minus the rate of all others.
gap among like
    The same difference within the groups of a second attribute, averaged (Mantel–Haenszel weights).
reversal
    The two point in opposite directions (Simpson 1951).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats as distributions

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.stats import false_discovery, wilson

__all__ = ["gaps", "reversals"]

ATTRIBUTES = ("acquisition_channel", "market_segment", "country", "region", "customer_type")
OUTCOME = "order again within a year of being won"
LEAST_GROUP = 50
"""Fewest customers of a group that is compared."""
LEAST_CELL = 20
"""Fewest customers on both sides of a comparison among like."""
OVERLAP = 0.8
"""Share of a group's customers who must have their like among the others."""
VERDICTS = (
    "reversed",
    "reversed, within chance",
    "hidden by the mix",
    "only the mix",
    "holds",
    "no difference",
)

MISLEADING = 4
"""The first so many verdicts say that the total misleads."""


def gaps(cells: pd.DataFrame, attribute: str, group: str, by: str) -> pd.DataFrame:
    """Return the group against all others within each group of ``by``.

    Parameters
    ----------
    cells
        The two attributes, customers, kept.
    attribute, group
        Which customers are compared with all others.
    by
        The attribute within which like is compared with like.

    Returns
    -------
    pandas.DataFrame
        Index ``by``; customers, rate, others, rate_others, gap.
    """
    own = cells[attribute].eq(group)
    sums = cells.groupby([by, own.rename("own")])[["customers", "kept"]].sum().astype(float)
    wide = sums.unstack(fill_value=0.0).reindex(
        columns=pd.MultiIndex.from_product([["customers", "kept"], [True, False]]), fill_value=0.0
    )
    n, m = wide[("customers", True)], wide[("customers", False)]
    rate, other = wide[("kept", True)] / n.where(n > 0), wide[("kept", False)] / m.where(m > 0)
    return pd.DataFrame(
        {"customers": n, "rate": rate, "others": m, "rate_others": other, "gap": rate - other}
    )


def _gap(parts: pd.DataFrame) -> dict[str, float]:
    """Return total gap, gap among like and what mix adds, each with its standard error given the group sizes.

    The gap among like is the Mantel–Haenszel difference of rates (Cochran 1954); all three are weighted sums of
    the same independent rates, so their errors follow from the weights.
    """
    like = parts[(parts["customers"] >= LEAST_CELL) & (parts["others"] >= LEAST_CELL)]
    n, m = parts["customers"], parts["others"]
    weight = (like["customers"] * like["others"] / (like["customers"] + like["others"])).reindex(
        parts.index, fill_value=0.0
    )
    weight = weight / weight.sum() if weight.sum() > 0 else weight
    rate, other = parts["rate"].fillna(0.0), parts["rate_others"].fillna(0.0)
    # a rate of 0 or 1 in a small cell has an error, too (Agresti & Caffo 2000)
    smooth = [(r * k + 1) / (k + 2) for r, k in ((rate, n), (other, m))]
    spread = [p * (1 - p) / k.where(k > 0, np.inf) for p, k in zip(smooth, (n, m), strict=True)]
    shares = {"total": (n / n.sum(), m / m.sum()), "within": (weight, weight)}
    shares["mix"] = tuple(t - w for t, w in zip(shares["total"], shares["within"], strict=True))
    found = {"overlap": float(like["customers"].sum() / n.sum())}
    for name, (own, rest) in shares.items():
        found[name] = float((own * rate).sum() - (rest * other).sum())
        error = np.sqrt(float((own**2 * spread[0]).sum() + (rest**2 * spread[1]).sum()))
        found[f"{name}_se"] = float(error)
    moves = like["gap"].round(12)
    against = np.sign(moves) == -np.sign(round(found["total"], 12))
    found["against"] = float(len(like) > 1 and bool(against.all()))
    return found


def _verdict(row: pd.Series) -> str:
    """Return what the total is worth; only differences beyond chance are called, save where every part points the other way."""
    total, within, mix = row["q_total"] < 0.05, row["q_within"] < 0.05, row["q_mix"] < 0.05
    opposite = row["total"] * row["within"] < 0
    if mix and opposite and within and total:
        return "reversed"
    if mix and total and opposite and row["against"]:
        return "reversed, within chance"
    if mix and within and not total:
        return "hidden by the mix"
    if mix and total and not within:
        return "only the mix"
    return "holds" if total else "no difference"


def _search(cells: pd.DataFrame, attributes: Sequence[str]) -> pd.DataFrame:
    """Return every group compared with all others, once within each other attribute."""
    rows = []
    for attribute in attributes:
        sizes = cells.groupby(attribute)["customers"].sum()
        every = sizes.sum()
        large = [g for g in sizes.index if g != "not known" and LEAST_GROUP <= sizes[g] <= every - LEAST_GROUP]  # fmt: skip
        if len(sizes) == 2:  # the two groups tell the same comparison twice
            large = large[:1]
        for by in attributes:
            if by == attribute:
                continue
            for group in large:
                found = _gap(gaps(cells, attribute, group, by))
                if found["overlap"] >= OVERLAP:
                    rows.append({"attribute": attribute, "group": group, "by": by, "customers": int(sizes[group])} | found)  # fmt: skip
    table = pd.DataFrame(rows)
    for name in ("total", "within", "mix") if len(table) else ():
        z = table[name].abs() / table[f"{name}_se"].where(table[f"{name}_se"] > 0)
        table[f"q_{name}"] = false_discovery(2 * distributions.norm.sf(z.fillna(0.0)))
    return table


@answers
def reversals(
    cells: pd.DataFrame, attributes: Sequence[str] = ATTRIBUTES, outcome: str = OUTCOME
) -> Answer:
    """Return the groups whose total misleads: it says something else than the comparison of like with like.

    Each group of each attribute is compared with all others, in total and within the groups of each other
    attribute; p-values are adjusted over all comparisons (Benjamini & Hochberg 1995).

    Parameters
    ----------
    cells
        The attributes, customers, kept; of several windows the last (``after``) counts.
    attributes
        Columns to compare by; absent or constant ones are left out.
    outcome
        What those kept did, in words.

    Returns
    -------
    Answer
        Table: group, attribute, within (the second attribute), customers, total_gap, like_gap with low and high (points), verdict (reversed; reversed,
        within chance: every part points the other way; hidden by the mix; only the mix; holds; no difference); what misleads most first. ``extra["detail"]`` is an answer with the
        groups of the first row: within, customers, rate, others, rate_others, gap; the total closes it.

    References
    ----------
    Simpson, E. H. (1951). The interpretation of interaction in contingency tables.
    Cochran, W. G. (1954). Some methods for strengthening the common chi-square tests.
    """
    ask = "customers with the day and channel they were won by, and two years of orders"
    if "window_name" in cells:
        cells = cells[cells["window_name"] == "after"]
    need(cells, "groups of customers with a year behind them", ask)
    used = [a for a in attributes if a in cells and len(cells[a].unique()) > 1]
    found = need(_search(cells, used), f"groups of {LEAST_GROUP} customers with their like among the others", ask)  # fmt: skip
    found["verdict"] = found.apply(_verdict, axis=1)
    found["place"] = found["verdict"].map(VERDICTS.index)
    found["size"] = found["mix"].abs().round(9)
    found = found.sort_values(
        ["place", "size", "attribute", "group", "by"],
        ascending=[True, False, True, True, True],
        ignore_index=True,
    )
    first, half = found.iloc[0], 1.96 * found["within_se"]
    table = pd.DataFrame(
        {"group": found["group"], "attribute": found["attribute"].str.replace("_", " "), "within": found["by"].str.replace("_", " "),
         "customers": found["customers"], "total_gap": 100 * found["total"], "like_gap": 100 * found["within"],
         "low": 100 * (found["within"] - half), "high": 100 * (found["within"] + half), "verdict": found["verdict"]}
    )  # fmt: skip
    parts = gaps(cells, first["attribute"], first["group"], first["by"])
    headline, told = _words(first, parts, found)
    n = int(cells["customers"].sum())
    return Answer(
        table=table,
        headline=headline,
        so_what=told,
        kind="diagnostic",
        caption=f"Share who {outcome}: a group minus all others in points, in total and among like, 95 % interval (n = {n:,} customers)",
        units={"customers": "count", "total_gap": "points", "like_gap": "points", "low": "points", "high": "points"},
        source="customers and orders with a customer number; Mantel–Haenszel difference of rates",
        metrics=(Metric("misleading_totals", int((found["place"] < MISLEADING).sum()), n=len(found), unit="count", kind="diagnostic"),)
        if outcome == OUTCOME
        else (),
        extra={"detail": _detail(first, parts, headline, cells, outcome)},
    )  # fmt: skip


PARTS = {"acquisition_channel": "customers won by {}", "customer_type": "{} customers"}
"""How a sentence names the members of a group; other attributes are places: customers in …"""


def _named(attribute: str, group: object) -> str:
    return PARTS.get(attribute, "customers in {}").format(group)


def _words(first: pd.Series, parts: pd.DataFrame, found: pd.DataFrame) -> tuple[str, str]:
    """Return headline and reading of the first row."""
    who, by = _named(first["attribute"], first["group"]), str(first["by"]).replace("_", " ")
    total, like, half = 100 * first["total"], 100 * first["within"], 196 * first["within_se"]
    low, value, high = (format_value(v, "points") for v in (like - half, like, like + half))
    way = (
        f"{format_value(abs(total), 'points')} points {'more' if total > 0 else 'less'} often than"
    )
    gap = f"{way if abs(total) >= 0.05 else 'as often as'} the others"
    chance = ", within chance by itself" if abs(like) < half else ""
    start, why = f"In total {who} order again {gap}", _why(parts, str(first["by"]))
    upper = who[:1].upper() + who[1:]
    if first["verdict"].startswith("reversed"):
        turned = "it is the other way round" if first["verdict"] == "reversed" else "they are not"
        return (
            f"{upper} seem {'loyal' if total > 0 else 'disloyal'}; among like {turned}",
            f"{start}; within the same {by} it is the reverse ({_each(parts)}; together {value} points, {low} to {high}{chance}). {why} "
            f"Judge {first['group']} by the comparison among like: the total is no reason to spend more or less there.",
        )
    if first["verdict"] == "only the mix":
        return (
            f"{upper} differ by their mix of {by}, not by themselves",
            f"{start}; within the same {by} the gap is {value} points ({low} to {high}). {why} "
            f"Do not spend on {first['group']} because of the total.",
        )
    if first["verdict"] == "hidden by the mix":
        return (
            f"The total hides that {who} order again {'more' if like > 0 else 'less'} often",
            f"{start}{', within chance' if abs(total) >= 0.05 else ''}; within the same {by} the gap is {value} points ({low} to {high}). {why} Set targets within {by}.",
        )
    return (
        "No total misleads: groups differ among like as they differ in total",
        f"{len(found)} comparisons of a group with all others keep their direction within every other attribute, or are within chance. "
        "Totals may be reported as they are.",
    )


def _large(parts: pd.DataFrame) -> pd.DataFrame:
    return parts[(parts["customers"] >= LEAST_CELL) & (parts["others"] >= LEAST_CELL)].sort_values(
        "customers", ascending=False, kind="stable"
    )


def _each(parts: pd.DataFrame) -> str:
    """Return how the group compares within each part, the largest first."""
    large = _large(parts).head(3)
    return "; ".join(
        f"{name} {format_value(row.rate, '%')} against {format_value(row.rate_others, '%')}"
        for name, row in zip(large.index, large.itertuples(), strict=True)
    )


def _why(parts: pd.DataFrame, by: str) -> str:
    """Return which part the group has more of than the others, and how that part behaves."""
    kept = parts["rate"].fillna(0) * parts["customers"] + parts["rate_others"].fillna(0) * parts["others"]  # fmt: skip
    every = parts["customers"] + parts["others"]
    own, rest = parts["customers"] / parts["customers"].sum(), parts["others"] / parts["others"].sum()  # fmt: skip
    name = (own - rest).round(9).sort_index().idxmax()
    many = _named(by, name)
    return (
        f"The reason: {format_value(own[name], '%')} of them are {many}, of the others {format_value(rest[name], '%')}, and {many} "
        f"order again in {format_value(kept[name] / every[name], '%')} of cases, against {format_value(kept.sum() / every.sum(), '%')} overall."
    )


def _detail(
    first: pd.Series, parts: pd.DataFrame, headline: str, cells: pd.DataFrame, outcome: str
) -> Answer:
    """Return the first row's groups and the total, with intervals, for a figure."""
    own = cells[first["attribute"]].eq(first["group"])
    total = [cells.loc[side, ["customers", "kept"]].sum() for side in (own, ~own)]
    rows = [
        {"within": str(name), "customers": int(row.customers), "rate": row.rate, "others": int(row.others), "rate_others": row.rate_others}
        for name, row in zip(_large(parts).index, _large(parts).itertuples(), strict=True)
    ]  # fmt: skip
    rows.append(
        {"within": "all customers", "customers": int(total[0]["customers"]), "rate": total[0]["kept"] / total[0]["customers"],
         "others": int(total[1]["customers"]), "rate_others": total[1]["kept"] / total[1]["customers"]}
    )  # fmt: skip
    for row in rows:
        for rate, n in (("rate", "customers"), ("rate_others", "others")):
            share = wilson(row[rate] * row[n], row[n])
            row |= {f"{rate}_low": share.low, f"{rate}_high": share.high}
    table = pd.DataFrame(rows)
    table["gap"] = 100 * (table["rate"] - table["rate_others"])
    return Answer(
        table=table,
        headline=headline,
        so_what="",
        kind="diagnostic",
        caption=f"Share who {outcome}, {first['group']} against all others, by {str(first['by']).replace('_', ' ')} and in "
        f"total; size of a point: customers; 95 % interval (n = {int(table['customers'].iloc[-1] + table['others'].iloc[-1]):,})",
        units={"customers": "count", "others": "count", "rate": "%", "rate_others": "%", "gap": "points"},
        source="customers and orders with a customer number",
        extra={"group": str(first["group"])},
    )  # fmt: skip
