"""Step 3: are the planted segments, rates and values found?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from playbook.segmentation.rfm import rfm_segment, score_rfm
from playbook.truth import benchmarks
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import Progress
from playbook.truth.sight import Sight
from playbook.truth.study import YEAR_BEFORE, Study

NO_SEGMENTS = "this world has no segments"


@row(
    "03.segments",
    "agreement with the latent segments (adjusted Rand index)",
    Progress(),
    misses="customers differ more in activity and favourite categories than between latent segments, and groups follow the larger differences",
)
def segments(study: Study) -> Found | NotHere:
    """Customers with an order; naive: the rules on recency, frequency and money."""
    if study.kind in ("no segments", "null"):
        return NotHere(NO_SEGMENTS)
    customers = study.sight.customers
    buyers = customers[customers["orders"] > 0].sort_values("customer_id")
    ids = buyers["customer_id"]
    ours = study.sight.solution["segments"].set_index("customer_id")["segment"]
    best = study.segment_chances.idxmax(axis=1)
    latent = study.people["segment"].loc[ids]
    return Found(
        planted=1.0,
        ours=adjusted_rand_score(latent, ours.loc[ids]),
        naive=adjusted_rand_score(latent, rfm_segment(score_rfm(buyers))),
        bayes=adjusted_rand_score(latent, best.loc[ids]),
    )


@row("03.alive", "who is still active at the end (AUC)", Progress())
def alive(study: Study) -> Found:
    """Customers with an order; naive: days since the last order."""
    seen, twin = _histories(study.sight), _histories(study.twin.sight)
    best = benchmarks.chances(seen, twin, study.twin.people["active_at_end"])[True]
    values = study.sight.values.dropna(subset="p_alive").set_index("customer_id")
    ids = values.index.intersection(seen.index)
    recency = study.sight.customers.set_index("customer_id")["recency_days"].loc[ids]
    truth = study.people["active_at_end"].loc[ids]
    return Found(
        planted=1.0,
        ours=roc_auc_score(truth, values.loc[ids, "p_alive"]),
        naive=roc_auc_score(truth, -recency.astype(float).fillna(9999.0)),
        bayes=roc_auc_score(truth, best.loc[ids]),
    )


def _histories(sight: Sight) -> pd.DataFrame:
    """Return the purchase histories that the purchase models are fitted to, as numbers."""
    frame = sight.query("purchase_histories", until=sight.as_of).set_index("customer_id")
    names = ["frequency", "recency", "age", "won_before_record", "weeks_to_first"]
    return frame[names].astype(float)


@row(
    "03.orders_next_year",
    "error of the orders of the next year (Poisson deviance per customer)",
    Progress(higher_is_better=False),
)
def orders_next_year(study: Study) -> Found:
    """As of a year before the end; naive: the count of the last year, as the next one's."""
    seen, twin = _histories(study.earlier), _histories(study.twin.earlier)
    ours = study.earlier.values.set_index("customer_id")["expected_orders_12m"].loc[seen.index]
    usual = study.earlier.customers.set_index("customer_id")["orders_12m"].astype(float)
    actual = _orders_after(study.sight, seen.index)
    best = benchmarks.expected(seen, twin, _orders_after(study.twin.sight, study.twin.people.index))
    return Found(
        planted=0.0,
        ours=_deviance(ours, actual),
        naive=_deviance(usual.loc[seen.index], actual),
        bayes=_deviance(best, actual),
    )


def _orders_after(sight: Sight, ids: pd.Index) -> pd.Series:
    """Return each customer's days with a purchase in the last year, as the purchase models count them."""
    orders = sight.table("orders")
    orders = orders[(orders["revenue"] > 0) & (orders["ordered_at"] > pd.Timestamp(YEAR_BEFORE) + pd.Timedelta(days=1))]  # fmt: skip
    days = orders.assign(day=orders["ordered_at"].dt.date).drop_duplicates(["customer_id", "day"])
    return days.groupby("customer_id").size().reindex(ids, fill_value=0)


def _deviance(guess: pd.Series, actual: pd.Series) -> float:
    """Mean Poisson deviance; guesses under 1 % of the mean are raised to it, as that of 0 is infinite."""
    y = actual.to_numpy(float)
    mean = np.maximum(guess.to_numpy(float), 0.01 * y.mean())
    logs = np.where(y > 0, y * np.log(np.where(y > 0, y, 1.0) / mean), 0.0)
    return float(2 * (logs - y + mean).mean())
