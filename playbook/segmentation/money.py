"""What each customer brought and cost in 12 months."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.engagement.model import Costs

__all__ = ["add_contribution", "profit_contribution", "tells_kept"]

COST_KNOWN = 0.9
TWO_YEARS = 545
BASIS = {
    "cost": "margin after cost of goods",
    "rate": "margin at the client's margin rate",
    "revenue": "revenue, as neither cost nor margin rate is known",
}


def add_contribution(features: pd.DataFrame, costs: Costs) -> pd.DataFrame:
    """Return the customers with ``margin_12m``, ``service_cost_12m``, ``contribution_12m`` and ``margin_basis``.

    Margin is revenue minus cost of goods where at least 90 % of the turnover has a cost (scaled up to
    the rest), else revenue times ``costs.margin_rate``, else revenue itself; ``margin_basis`` says
    which (cost, rate, revenue). Contribution is margin minus service cases, contacts and campaigns.

    Parameters
    ----------
    features
        Query ``customer_features``.
    costs
        Unit costs of the engagement.
    """
    table = features
    turnover = float(table["turnover_12m"].sum())
    known = float(table["revenue_with_cost_12m"].sum()) / turnover if turnover else 0.0
    revenue = table["revenue_12m"].astype(float)
    if known >= COST_KNOWN:
        basis, margin = "cost", table["margin_12m"].astype(float).fillna(0.0) / known
    elif costs.margin_rate is not None:
        basis, margin = "rate", revenue * costs.margin_rate
    else:
        basis, margin = "revenue", revenue
    service = table["tickets_12m"].astype(float) * (costs.cost_per_ticket or 0.0)
    contacts = table["interaction_cost_12m"].astype(float)
    campaigns = table["campaign_cost_12m"].astype(float)
    return table.assign(
        margin_12m=margin,
        service_cost_12m=service,
        contact_cost_12m=contacts + campaigns,
        contribution_12m=margin - service - contacts - campaigns,
        margin_basis=basis,
    )


def tells_kept(customers: pd.DataFrame) -> bool:
    """Whether the record is long enough (18 months) to tell who bought again after a year."""
    longest = customers["days_since_first_order"].astype(float).max()
    return bool(pd.notna(longest) and longest >= TWO_YEARS)


@answers
def profit_contribution(customers: pd.DataFrame) -> Answer:
    """Return what each tenth of customers contributes, and who costs more than they bring.

    Parameters
    ----------
    customers
        Frame of `add_contribution`.

    Returns
    -------
    Answer
        One row per tenth of the customers with revenue or cost in the year, best first; extra
        ``curve`` (the whale curve: ``share_customers``, ``cumulative``) and ``losers`` (ids).

    References
    ----------
    Cooper & Kaplan (1991), Profit priorities from activity-based costing, Harvard Business Review 69(3).
    """
    moved = (customers["turnover_12m"] > 0) | (customers["contribution_12m"] != 0)
    active = customers[moved]
    need(active, "customers with revenue or cost in 12 months", "orders of the last year", rows=20)
    active = active.sort_values(["contribution_12m", "customer_id"], ascending=[False, True])
    contribution = active["contribution_12m"].astype(float)
    total, losers = float(contribution.sum()), active[contribution < 0]
    bought = losers[losers["orders_12m"] > 0]
    loss = -float(losers["contribution_12m"].sum())
    peak = float(contribution[contribution > 0].sum())
    fifth = float(contribution.head(int(np.ceil(len(active) / 5))).sum())
    share = fifth / total if total > 0 else np.nan
    basis = BASIS[str(active["margin_basis"].iloc[0])]
    return Answer(
        table=_by_tenth(active),
        headline=_headline(share, len(losers), len(active)),
        so_what=_words(loss, peak, len(bought), len(losers)),
        kind="descriptive",
        caption=f"Contribution by tenth of customers, best first (n = {len(active):,}, 12 months; {basis}, less service and contacts)",
        units={
            "customers": "count", "revenue_12m": "currency", "margin_12m": "currency", "service_cost_12m": "currency",
            "contact_cost_12m": "currency", "contribution_12m": "currency", "cumulative": "%",
        },
        source="orders, tickets, interactions, campaigns; acquisition cost is not included",
        metrics=(
            Metric("contribution", total, n=len(active), unit="currency"),
            Metric("unprofitable_customers", float(len(losers)), n=len(active), unit="count"),
            Metric("loss_on_unprofitable", loss, n=len(losers), unit="currency"),
            *((Metric("contribution_share_top_fifth", share, n=len(active), unit="%"),) if total > 0 else ()),
        ),
        extra={"curve": _whale(contribution), "losers": losers[["customer_id", "contribution_12m"]]},
    )  # fmt: skip


def _words(loss: float, peak: float, bought: int, losers: int) -> str:
    if not losers:
        return "Nobody costs more than they bring, as far as costs are known: ask for the cost of service, contacts and campaigns before relying on it."
    return (
        f"They lose {format_value(loss, 'currency')} a year ({_beside(loss, peak)}): "
        f"{bought:,} bought and still cost more, {losers - bought:,} bought nothing and caused contact cost or refunds. "
        + (
            "Too little for a programme: take the dearest few case by case and protect the best fifth."
            if loss < 0.05 * peak
            else "Cut the cost of serving them first, then look at prices."
        )
    )


def _beside(loss: float, peak: float) -> str:
    return f"{format_value(loss / peak, '%')} of what the others bring" if peak > 0 else "nobody brings more than they cost"  # fmt: skip


def _headline(share: float, losers: int, customers: int) -> str:
    part = f"{losers:,} of {customers:,} customers cost more than they bring"
    if not np.isfinite(share):
        return part
    return f"The best fifth brings {format_value(share, '%')} of contribution; {losers:,} of {customers:,} cost more than they bring"


def _by_tenth(active: pd.DataFrame) -> pd.DataFrame:
    money = ["revenue_12m", "margin_12m", "service_cost_12m", "contact_cost_12m", "contribution_12m"]  # fmt: skip
    tenth = np.arange(len(active)) * 10 // len(active) + 1
    groups = active[money].astype(float).groupby(tenth)
    table = groups.sum()
    table.insert(0, "customers", groups.size())
    total = float(table["contribution_12m"].sum())
    cumulative = table["contribution_12m"].cumsum() / total if total else np.nan
    return table.assign(cumulative=cumulative).rename_axis("tenth").reset_index()


def _whale(contribution: pd.Series) -> pd.DataFrame:
    total = float(contribution.sum())
    share = np.arange(1, len(contribution) + 1) / len(contribution)
    cumulative = contribution.cumsum().to_numpy() / total if total > 0 else np.full(len(share), np.nan)  # fmt: skip
    curve = pd.DataFrame({"share_customers": share, "cumulative": cumulative})
    keep = np.unique(np.linspace(0, len(curve) - 1, 201).astype(int))
    return pd.concat([pd.DataFrame({"share_customers": [0.0], "cumulative": [0.0]}), curve.iloc[keep]], ignore_index=True)  # fmt: skip
