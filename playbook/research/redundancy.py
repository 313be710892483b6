"""Which metrics carry information of their own, and which repeat others."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage
from scipy.spatial.distance import squareform

from playbook.answer import Answer, Metric, answers, need

__all__ = ["redundancy"]

LEAST_FILLED = 0.1
"""Metrics known for a smaller share of customers are listed but not compared."""


@answers
def redundancy(metrics: pd.DataFrame, alike: float = 0.7) -> Answer:
    """Return groups of customer metrics that say the same, and one to keep of each.

    Average-linkage clustering of one minus the absolute Spearman correlation (pairs of customers where
    both are known). The metric kept is the one most alike to the others of its group, then the
    better filled one, then the first by name.

    Parameters
    ----------
    metrics
        One row a customer; every numeric column is a metric.
    alike
        Absolute rank correlation from which metrics count as one (average over the group).

    Returns
    -------
    Answer
        Table: group, keep, repeats, closest (the strongest correlation in the group), known (share of customers).
        ``extra["correlation"]`` is the long matrix in the order of the clustering: metric, other, correlation.
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
    groups, order = _clusters(correlation, alike)
    table = _groups(correlation, groups, filled)
    repeats = int(len(usable) - len(table))
    biggest = table.iloc[0]
    dropped = len(numbers.columns) - len(usable)
    return Answer(
        table=table,
        headline=f"{len(usable)} customer metrics say {len(table)} different things",
        so_what=f"{repeats} metrics repeat another one. Watch {biggest['keep'].replace('_', ' ')} and leave out "
        f"{biggest['repeats'].replace('_', ' ') or 'nothing'}; one metric per group keeps reports short and models stable."
        + (f" {dropped} metrics never vary or are known for too few customers." if dropped else ""),
        kind="descriptive",
        caption=f"Metrics whose rank correlation averages {alike:.1f} or more are one group (n = {len(metrics):,} customers, 12 months)",
        units={"closest": "ratio", "known": "%", "metrics": "count"},
        source="orders, order lines, interactions, tickets and loyalty events by customer",
        metrics=(
            Metric("metrics_distinct", len(table), n=len(usable), unit="count"),
            Metric("metrics_repeating", repeats, n=len(usable), unit="count"),
        ),
        extra={"correlation": Answer(
            table=_long(correlation, order), headline=f"{repeats} of {len(usable)} metrics repeat what another one says",
            so_what="", kind="descriptive", units={"correlation": "ratio"},
            caption="Rank correlation of customer metrics, neighbours alike", source="metrics by customer, last 12 months",
        )},
    )  # fmt: skip


def _rank_correlation(numbers: pd.DataFrame) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        correlation = numbers.corr(method="spearman", min_periods=10).fillna(0.0)
    values = correlation.to_numpy(copy=True)
    np.fill_diagonal(values, 1.0)
    return pd.DataFrame(values.clip(-1, 1), correlation.index, correlation.columns)


def _clusters(correlation: pd.DataFrame, alike: float) -> tuple[np.ndarray, np.ndarray]:
    distance = (1 - correlation.abs().to_numpy()).round(10)
    tree: Any = linkage(squareform((distance + distance.T) / 2, checks=False), "average")
    return fcluster(tree, 1 - alike, "distance"), leaves_list(tree)


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


def _long(correlation: pd.DataFrame, order: np.ndarray) -> pd.DataFrame:
    names = [str(correlation.index[i]) for i in order]
    ordered = correlation.loc[names, names]
    long = (
        ordered.rename_axis("metric")
        .reset_index()
        .melt("metric", var_name="other", value_name="correlation")
    )
    long[["metric", "other"]] = long[["metric", "other"]].replace("_", " ", regex=True)
    return long.astype({"other": "str"})
