"""Which metrics carry information of their own, and which repeat others."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from playbook.answer import Answer, Metric, answers, format_value, need

__all__ = ["redundancy"]

LEAST_FILLED = 0.1
"""Metrics known for a smaller share of customers are listed but not compared."""


ENOUGH = 0.8
"""Share of the information from which a set of metrics is called enough."""
NAMED = 8
DRAWS = 100
"""Random sets of metrics that the chosen one is compared with."""


@answers
def redundancy(metrics: pd.DataFrame, alike: float = 0.7, seed: int = 0) -> Answer:
    """Return the fewest customer metrics that carry the information of all, and which metrics repeat others.

    Average-linkage clustering of one minus the absolute Spearman correlation (pairs of customers where
    both are known). The metric kept is the one most alike to the others of its group, then the
    better filled one, then the first by name. Kept metrics are then taken in turn, always the one that adds
    most; the information carried is the mean R² of the ranks of all metrics on those taken (principal variables,
    McCabe 1984), beside that of as many metrics drawn at random.

    Parameters
    ----------
    metrics
        One row a customer; every numeric column is a metric.
    alike
        Absolute rank correlation from which metrics count as one (average over the group).
    seed
        Seed of the random sets.

    Returns
    -------
    Answer
        Table in the order taken: keep, repeats (metrics of its group), metrics, closest (the strongest correlation in the group), known (share of customers),
        carried (share of the information with this and all before it). ``extra["short"]`` is an answer with the rows that
        are enough, for a figure.
    """
    need(metrics, "customers with orders or contacts", "orders with a customer number", rows=30)
    numbers = metrics.select_dtypes("number").astype(float)
    filled = numbers.notna().mean()
    spread = numbers.nunique()
    usable = sorted(c for c in numbers if filled[c] >= LEAST_FILLED and spread[c] > 1)
    need(
        pd.DataFrame(index=usable),
        "metrics that vary between customers",
        "more than order dates",
        3,
    )
    correlation = _rank_correlation(numbers[usable])
    table = _groups(correlation, _clusters(correlation, alike), filled)
    table = _taken(table, correlation)
    enough = int((table["carried"] < ENOUGH).sum()) + 1
    enough = min(enough, len(table))
    few, share = table.head(enough), float(table["carried"].iloc[enough - 1])
    chance = _by_chance(correlation, enough, seed)
    repeats = len(usable) - len(table)
    dropped = len(numbers.columns) - len(usable)
    named_few = f"These {enough}" if enough > 1 else "One"
    headline = f"{named_few} of {len(usable)} metrics {'carry' if enough > 1 else 'carries'} {format_value(share, '%')} of the information"
    caption = f"Share of the information on {len(metrics):,} customers (12 months) that metrics carry, each with all before it; (+n): it stands for n metrics alike"
    units = {"closest": "ratio", "known": "%", "metrics": "count", "carried": "%"}
    named = ", ".join(few["keep"].head(NAMED).str.replace("_", " "))
    return Answer(
        table=table,
        headline=headline,
        so_what=f"Watch {named}{' and the others of the table' if enough > NAMED else ''}; as many taken at random carry {format_value(chance, '%')}. "
        f"{repeats} of {len(usable)} metrics repeat another one (rank correlation {alike:.1f} or more), first those of {_largest(table)}: "
        "one metric per group keeps reports short and models stable."
        + (f" {dropped} metrics never vary or are known for fewer than one customer in ten." if dropped else ""),
        kind="descriptive",
        caption=f"Metrics in the order of what they add; metrics whose rank correlation averages {alike:.1f} or more are one group (n = {len(metrics):,} customers)",
        units=units,
        source="orders, order lines, contacts, cases, messages, points and answers by customer; principal variables (McCabe 1984)",
        metrics=(
            Metric("metrics_distinct", len(table), n=len(usable), unit="count"),
            Metric("metrics_repeating", repeats, n=len(usable), unit="count"),
            Metric("metrics_enough", enough, n=len(usable), unit="count"),
        ),
        extra={"short": Answer(
            table=few.assign(metric=[_stands_for(row) for row in few.itertuples()]), headline=headline, so_what="", kind="descriptive",
            caption=caption, units=units, source="mean R² of the ranks of all metrics; metrics by customer, last 12 months",
        )},
    )  # fmt: skip


def _largest(table: pd.DataFrame) -> str:
    """Return the largest group in words."""
    first = table.sort_values(["metrics", "keep"], ascending=[False, True]).iloc[0]
    return f"{first['keep']} ({first['repeats'] or 'none'})".replace("_", " ")


def _stands_for(row: Any) -> str:
    """Return the metric with how many others it stands for."""
    name = str(row.keep).replace("_", " ")
    return name if row.metrics == 1 else f"{name} (+{row.metrics - 1})"


def _carried(correlation: np.ndarray, taken: list[int]) -> float:
    """Return the mean R² of all variables on those taken, from their correlations."""
    inside, across = correlation[np.ix_(taken, taken)], correlation[:, taken]
    fit = np.einsum("ij,jk,ik->i", across, np.linalg.pinv(inside, hermitian=True), across)
    return float(fit.clip(0, 1).mean())


def _taken(table: pd.DataFrame, correlation: pd.DataFrame) -> pd.DataFrame:
    """Return the kept metrics in the order in which each adds most, with what all so far carry."""
    values, place = correlation.to_numpy(), {c: i for i, c in enumerate(correlation.index)}
    left = sorted(table["keep"])
    taken: list[str] = []
    carried: list[float] = []
    while left:
        gains = [round(_carried(values, [*[place[t] for t in taken], place[c]]), 9) for c in left]
        best = int(np.argmax(gains))
        taken.append(left.pop(best))
        carried.append(gains[best])
    order = pd.DataFrame({"keep": taken, "carried": carried})
    return order.merge(table, on="keep")[["keep", "repeats", "metrics", "closest", "known", "carried"]]  # fmt: skip


def _by_chance(correlation: pd.DataFrame, count: int, seed: int) -> float:
    rng, values = np.random.default_rng(seed), correlation.to_numpy()
    draws = [list(rng.choice(len(values), count, replace=False)) for _ in range(DRAWS)]
    return float(np.mean([_carried(values, taken) for taken in draws]))


def _rank_correlation(numbers: pd.DataFrame) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        correlation = numbers.corr(method="spearman", min_periods=10).fillna(0.0)
    values = correlation.to_numpy(copy=True)
    np.fill_diagonal(values, 1.0)
    return pd.DataFrame(values.clip(-1, 1), correlation.index, correlation.columns)


def _clusters(correlation: pd.DataFrame, alike: float) -> np.ndarray:
    distance = (1 - correlation.abs().to_numpy()).round(10)
    tree: Any = linkage(squareform((distance + distance.T) / 2, checks=False), "average")
    return fcluster(tree, 1 - alike, "distance")


def _groups(correlation: pd.DataFrame, groups: np.ndarray, filled: pd.Series) -> pd.DataFrame:
    rows = []
    for group in np.unique(groups):
        names = list(correlation.index[groups == group])
        inside = correlation.loc[names, names].abs()
        alone = inside.to_numpy()[~np.eye(len(names), dtype=bool)]
        center = ((inside.sum() - 1) / max(len(names) - 1, 1)).round(6)
        best = sorted(names, key=lambda n: (-center[n], -filled[n], n))[0]
        rows.append(
            {
                "keep": best,
                "repeats": ", ".join(n for n in names if n != best),
                "metrics": len(names),
                "closest": float(alone.max()) if len(alone) else np.nan,
                "known": float(filled[best]),
            }
        )
    table = pd.DataFrame(rows)
    return table.sort_values(["metrics", "keep"], ascending=[False, True], ignore_index=True)
