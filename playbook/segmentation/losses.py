"""Who will cost more than they bring next year: foreseen from what customers brought and cost before."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.engagement.model import Costs
from playbook.errors import NotEnough
from playbook.segmentation.money import add_contribution

__all__ = ["foresee_losses"]

PRECISION = 0.80
LEAST = 200
FIT_ON = 100_000
LEARNER = {
    "max_iter": 80, "learning_rate": 0.08, "max_leaf_nodes": 12, "min_samples_leaf": 40, "l2_regularization": 1.0,
    "early_stopping": False,
}  # fmt: skip
MONEY = ["revenue", "margin", "orders", "tickets", "contact_cost", "campaign_cost", "contribution"]


@answers
def foresee_losses(
    years: pd.DataFrame, costs: Costs, seed: int, precision: float = PRECISION
) -> Answer:
    """Return the customers who will probably cost more than they bring in the next 12 months.

    What customers brought and cost in one year is set against whether they cost more than they brought in the
    next; that is learned on the years of the record and applied to the last one. So many are named
    that, on customers the model had not seen, ``precision`` of those named did cost more.

    Parameters
    ----------
    years
        Query ``contribution_years``.
    costs
        Unit costs of the engagement.
    seed
        Seed of the folds.
    precision
        Share of those named who must have cost more than they brought.

    Returns
    -------
    Answer
        One row per group of equal probability; extra ``losers`` (``customer_id``, ``probability``, money of the last
        year). The baseline names everyone who lost money this year.
    """
    need(years, "customers with orders or contacts", "orders and contacts with a customer number", rows=LEAST)  # fmt: skip
    money = _by_year(years, costs)
    whole = sorted(year for year in money if year + 1 in money and _whole(years, year + 1))
    if not whole:
        raise NotEnough("the record has no two whole years", "orders and contacts of two years or more")  # fmt: skip
    pairs = [(_seen(money, year + 1), money[year]) for year in whole]
    told = [frame for frame, _ in pairs]
    lost = [after["contribution"].reindex(frame.index).fillna(0.0) < 0 for frame, after in pairs]
    x, y = pd.concat(told), pd.concat(lost).to_numpy()
    if min(y.sum(), (~y).sum()) < 30:
        raise NotEnough(f"{int(y.sum()):,} of {len(y):,} customers cost more than they brought in the years before; 30 of each kind are needed", "costs of service, contacts and campaigns")  # fmt: skip
    model = HistGradientBoostingClassifier(**LEARNER, random_state=seed)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(x))[:FIT_ON])
    x, y = x.iloc[chosen], y[chosen]
    x = x.dropna(axis=1, how="all")  # a client with refunds only has no day of a last order
    now = _seen(money, 0)[x.columns]
    with threadpool_limits(1):
        folds = StratifiedKFold(5, shuffle=True, random_state=seed)
        tried = cross_val_predict(model, x.to_numpy(), y, cv=folds, method="predict_proba")[:, 1]
        chance = model.fit(x.to_numpy(), y).predict_proba(now.to_numpy())[:, 1]
    line, right, found = _threshold(tried, y, precision)
    already = x["contribution"].to_numpy() < 0
    named = now.assign(probability=np.round(chance, 6)).rename_axis("customer_id").reset_index()
    named = named[named["probability"] >= line].sort_values(["probability", "customer_id"], ascending=[False, True])  # fmt: skip
    base = float(y[already].mean()) if already.any() else np.nan
    return Answer(
        table=_groups(tried, y),
        headline=f"{len(named):,} of {len(now):,} customers will probably cost more than they bring next year",
        so_what=_words(len(named), right, found, base, precision),
        kind="predictive",
        caption=f"Customers by foreseen probability of a loss, and how many made one (n = {len(y):,} customer years, cross-validated)",
        units={"customers": "count", "foreseen": "%", "lost": "%"},
        source="orders, tickets, interactions, campaigns of each year; gradient boosting; baseline: a loss this year",
        metrics=(Metric("losses_foreseen", float(len(named)), n=len(now), unit="count", kind="predictive"),),
        extra={
            "losers": named[["customer_id", "probability", "revenue", "contribution"]].reset_index(drop=True),
            "precision": right, "found": found, "baseline": base,
        },
    )  # fmt: skip


def _words(named: int, right: float, found: float, base: float, precision: float) -> str:
    if not named:
        return f"Nobody can be named with {format_value(precision, '%')} certainty; cut the cost of contact for all who bought nothing."
    return (
        f"In the years before, {format_value(right, '%')} of those named so did, and {format_value(found, '%')} of all such customers were among them "
        f"(naming everyone with a loss this year: {format_value(base, '%')} right). "
        "Take them out of paid mailings and calls before the money is spent; keep what they may ask for themselves."
    )  # fmt: skip


def _by_year(years: pd.DataFrame, costs: Costs) -> dict[int, pd.DataFrame]:
    """Return the money of each year by customer, costs and margin booked as `add_contribution` does."""
    found = {}
    for year, part in years.groupby("year"):
        frame = part.rename(
            columns={
                "revenue": "revenue_12m", "turnover": "turnover_12m", "revenue_with_cost": "revenue_with_cost_12m",
                "margin": "margin_12m", "tickets": "tickets_12m", "contact_cost": "interaction_cost_12m",
                "campaign_cost": "campaign_cost_12m",
            }
        )  # fmt: skip
        booked = add_contribution(frame.sort_values("customer_id"), costs)
        found[int(year)] = pd.DataFrame(
            {
                "revenue": booked["revenue_12m"], "margin": booked["margin_12m"], "orders": booked["orders"],
                "tickets": booked["tickets_12m"], "contact_cost": booked["interaction_cost_12m"],
                "campaign_cost": booked["campaign_cost_12m"], "contribution": booked["contribution_12m"],
                "days_since_order": booked["days_since_order"] - 365 * int(year),
            }
        ).astype(float).set_axis(booked["customer_id"])  # fmt: skip
    return found


def _whole(years: pd.DataFrame, year: int) -> bool:
    """Whether orders go back to within a month of the start of the year."""
    first = years.loc[years["year"] == year, "days_since_order"].max()
    oldest = years["year"].max()
    return bool(oldest > year or (pd.notna(first) and first >= 365 * (year + 1) - 60))


def _seen(money: dict[int, pd.DataFrame], year: int) -> pd.DataFrame:
    """Return what is known at the end of a year: that year, orders and money of the one before."""
    now = money[year]
    before = money.get(year + 1, now.iloc[:0])[
        ["orders", "contribution", "contact_cost", "days_since_order"]
    ]
    ids = now.index.union(before.index).sort_values()
    frame = now.reindex(ids)
    frame[MONEY] = frame[MONEY].fillna(0.0)
    earlier = before.reindex(ids)
    frame["days_since_order"] = frame["days_since_order"].fillna(earlier["days_since_order"] + 365)
    frame["orders_before"] = earlier["orders"].fillna(0.0)
    frame["contribution_before"] = earlier["contribution"].fillna(0.0)
    frame["contact_cost_before"] = earlier["contact_cost"].fillna(0.0)
    return frame


def _threshold(
    chance: np.ndarray, lost: np.ndarray, precision: float
) -> tuple[float, float, float]:
    """Return the lowest probability above which ``precision`` is kept, less a standard error, the precision there and the share found."""
    order = np.argsort(-chance, kind="stable")
    hits = np.cumsum(lost[order])
    right = hits / np.arange(1, len(order) + 1)
    error = np.sqrt(right * (1 - right) / np.arange(1, len(order) + 1))
    enough = np.flatnonzero((right - error >= precision) & (np.arange(len(order)) >= 19))
    if not len(enough):
        return np.inf, np.nan, 0.0
    last = int(enough[-1])
    return float(chance[order][last]), float(right[last]), float(hits[last] / lost.sum())


def _groups(chance: np.ndarray, lost: np.ndarray) -> pd.DataFrame:
    tenth = pd.Series(np.argsort(np.argsort(-chance, kind="stable")) * 10 // len(chance) + 1)
    groups = pd.DataFrame({"foreseen": chance, "lost": lost.astype(float)}).groupby(tenth)
    table = groups.mean()
    table.insert(0, "customers", groups.size())
    return table.rename_axis("tenth").reset_index()
