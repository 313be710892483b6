"""Recency, frequency, monetary: scores that survive ties, and rules that name every cell.

Glossary
--------
score
    1 (worst fifth) to 5 (best fifth); equal values always have equal scores.
rule
    A named region of the 125 cells; every cell has exactly one name.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.stats import wilson

__all__ = ["RULES", "behavioural", "rfm_segment", "score", "score_rfm"]

RULES = (
    "Champions",
    "Loyal customers",
    "New customers",
    "Promising customers",
    "At risk",
    "Lapsing customers",
    "Lapsed customers",
)


def score(values: pd.Series, best: str = "high") -> pd.Series:
    """Return scores 1 to 5 by fifth of the mean rank; equal values share a score, a constant scores 3.

    Parameters
    ----------
    values
        Numbers; missing ones are scored 1.
    best
        "high" when a high value is good, "low" when a low one is.
    """
    given = values.astype(float) if best == "high" else -values.astype(float)
    share = (given.rank(method="average") - 0.5) / max(int(given.notna().sum()), 1)
    return np.floor(share * 5).add(1).clip(1, 5).fillna(1).astype(int)


def score_rfm(customers: pd.DataFrame) -> pd.DataFrame:
    """Return ``recency``, ``frequency`` and ``monetary`` scores (1 to 5) of customers with an order.

    Parameters
    ----------
    customers
        ``customer_id``, ``recency_days``, ``orders``, ``purchases_value`` (currency).

    References
    ----------
    Hughes (1994), Strategic Database Marketing.
    """
    buyers = customers[customers["orders"] > 0]
    return pd.DataFrame(
        {
            "customer_id": buyers["customer_id"],
            "recency": score(buyers["recency_days"], best="low"),
            "frequency": score(buyers["orders"]),
            "monetary": score(buyers["purchases_value"]),
        }
    )


def rfm_segment(scores: pd.DataFrame) -> pd.Series:
    """Return the name of the rule of each customer: a partition of all cells."""
    recency = scores["recency"]
    worth = (scores["frequency"] + scores["monetary"]) / 2
    names = np.select(
        [
            (recency >= 4) & (worth >= 4),
            (recency >= 3) & (worth >= 3),
            (recency >= 4) & (scores["frequency"] <= 2),
            recency >= 3,
            (recency <= 2) & (worth >= 4),
            recency == 2,
        ],
        list(RULES[:-1]),
        default=RULES[-1],
    )
    return pd.Series(names, index=scores.index, name="rule", dtype="str")


@answers
def behavioural(customers: pd.DataFrame) -> Answer:
    """Return the segments by recency, frequency and monetary value with size, money and return.

    Parameters
    ----------
    customers
        Frame of `add_contribution`.

    Returns
    -------
    Answer
        One row per rule; extra ``shares``: an `Answer` with the share of each rule in customers and money.
    """
    buyers = need(
        customers[customers["orders"] > 0], "customers with an order", "orders with a customer number", rows=20
    ).copy()  # fmt: skip
    buyers["rule"] = rfm_segment(score_rfm(buyers))
    table = _by_rule(buyers)
    risk = table[table["rule"] == "At risk"]
    at_stake = float(risk["revenue_record"].sum())
    share = at_stake / float(buyers["purchases_value"].sum())
    return Answer(
        table=table.drop(columns="revenue_record"),
        headline=_headline(table),
        so_what=(
            f"{int(risk['customers'].sum()):,} customers at risk brought {format_value(share, '%')} of all purchases on record "
            "and have gone quiet. Write to these first; new customers come second, as their second order decides."
        ),
        kind="descriptive",
        caption=f"Segments by recency, frequency and monetary value (n = {len(buyers):,} buyers; revenue of 12 months)",
        units={
            "customers": "count",
            "share_customers": "%",
            "revenue_12m": "currency",
            "share_revenue": "%",
            "days_since_order": "days",
            "orders": "number",
            "margin_12m": "currency",
        },
        source="orders; fifths of mean ranks, so equal values score equally",
        metrics=(_champions(buyers),),
        extra={"shares": _shares(buyers)},
    )


def _headline(table: pd.DataFrame) -> str:
    top = table.iloc[0]
    if np.isnan(top["share_revenue"]):
        top = table.loc[table["revenue_record"].idxmax()]
        return f"{top['rule']}: {format_value(top['share_customers'], '%')} of buyers; no revenue is left in 12 months"
    return f"{top['rule']}: {format_value(top['share_customers'], '%')} of buyers, {format_value(top['share_revenue'], '%')} of revenue"


def _champions(buyers: pd.DataFrame) -> Metric:
    best = int((buyers["rule"] == RULES[0]).sum())
    ends = wilson(best, len(buyers))
    return Metric("champions_share", best / len(buyers), ends.low, ends.high, len(buyers), "%")


def _shares(buyers: pd.DataFrame) -> Answer:
    whole = {
        "customers": buyers.groupby("rule").size().astype(float),
        "purchases on record": buyers.groupby("rule")["purchases_value"].sum().astype(float),
        "revenue of 12 months": buyers.groupby("rule")["revenue_12m"].sum().astype(float),
    }
    table = pd.DataFrame({name: part / part.sum() for name, part in whole.items() if part.sum() > 0}).T  # fmt: skip
    table = table.reindex(columns=list(RULES)).fillna(0.0).rename_axis("share_of").reset_index()
    best = table.iloc[-1]
    of = "revenue" if best["share_of"].startswith("revenue") else best["share_of"]
    return Answer(
        table=table,
        headline=f"{RULES[0]} are {format_value(table[RULES[0]].iloc[0], '%')} of buyers and {format_value(best[RULES[0]], '%')} of {of}",
        so_what="Where a colour is wider in purchases on record than in revenue of the year, customers have gone quiet.",
        kind="descriptive",
        caption=f"Share of each segment in buyers, in all purchases on record and in revenue of 12 months (n = {len(buyers):,})",
        units=dict.fromkeys(RULES, "%"),
        source="orders",
    )  # fmt: skip


def _by_rule(buyers: pd.DataFrame) -> pd.DataFrame:
    groups = buyers.groupby("rule")
    table = pd.DataFrame(
        {
            "customers": groups.size(),
            "revenue_12m": groups["revenue_12m"].sum().astype(float),
            "margin_12m": groups["margin_12m"].sum().astype(float),
            "days_since_order": groups["recency_days"].median().astype(float),
            "orders": groups["orders"].mean().astype(float),
            "revenue_record": groups["purchases_value"].sum().astype(float),
        }
    )
    table.insert(1, "share_customers", table["customers"] / len(buyers))
    total = float(table["revenue_12m"].sum())
    table.insert(3, "share_revenue", table["revenue_12m"] / total if total > 0 else np.nan)
    return table.reset_index().sort_values(["revenue_12m", "rule"], ascending=[False, True], ignore_index=True)  # fmt: skip
