"""What each campaign really brought: expected margin per treated customer, from the planted rates.

Expected orders without the campaign follow from a customer's planted order rate, the season and
whether the customer was still active; the planted effect multiplies them for a month. What an
order brings is the mean margin of all orders of the customer's segment, less what the campaign gave away.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.truth.study import START, Study

__all__ = ["increment", "orders_a_month"]


def increment(study: Study, campaign_id: str, customers: pd.Series) -> float:
    """Return the mean expected margin (currency) that a campaign adds to these treated customers."""
    truth = study.truth["customers"].set_index("customer_id").loc[customers]
    planted = study.truth["campaign_effects"]
    planted = planted[planted["campaign_id"] == campaign_id].set_index("segment")
    segment = truth["segment"].to_numpy()
    month = _month(study, campaign_id)
    usual = orders_a_month(study, truth, month)
    more = usual * np.expm1(planted["log_lift"].loc[segment].to_numpy())
    value = _per_order(study).loc[segment]
    given_away = planted["cut"].loc[segment].to_numpy() * value["revenue"].to_numpy()
    brings = value["margin"].to_numpy() - given_away
    leaves = truth["dropout"].to_numpy() * usual * 2  # an order may be the last: two months follow
    return float((more * brings - usual * given_away - more * leaves * value["margin"]).mean())


def _month(study: Study, campaign_id: str) -> int:
    campaigns = study.world.tables["campaigns"].set_index("campaign_id")
    started = pd.Timestamp(campaigns.loc[campaign_id, "started_at"])
    return 12 * (started.year - START) + started.month - 1


def orders_a_month(study: Study, truth: pd.DataFrame, month: int) -> np.ndarray:
    """Return the planted orders that customers (rows of the truth) are expected to place in a month, nothing done."""
    active = truth["active_until_month"].to_numpy() >= month
    return truth["order_rate_year"].to_numpy() / 12 * study.season(month) * active


def _per_order(study: Study) -> pd.DataFrame:
    """Return mean revenue and margin per order (refunds taken off) of each latent segment."""
    orders = study.world.tables["orders"].dropna(subset="customer_id")
    segment = orders["customer_id"].map(
        study.truth["customers"].set_index("customer_id")["segment"]
    )
    sums = orders.assign(margin=orders["revenue"] - orders["cost"]).groupby(segment)
    count = (orders["revenue"] > 0).groupby(segment).sum()
    return sums[["revenue", "margin"]].sum().div(count, axis=0)
