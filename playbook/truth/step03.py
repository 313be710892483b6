"""Step 3: are the planted segments, rates and values found?"""

from __future__ import annotations

import numpy as np
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from playbook.segmentation.rfm import rfm_segment, score_rfm
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import Progress
from playbook.truth.study import Study


@row("03.segments", "agreement (ARI) with the latent segments", Progress())
def segments(study: Study) -> Found | NotHere:
    """Customers with an order; naive: the RFM rules."""
    sight, truth = study.sight, study.truth["customers"].set_index("customer_id")["segment"]
    buyers = sight.customers[sight.customers["orders"] > 0].sort_values("customer_id")
    ids = buyers["customer_id"]
    ours = sight.solution["segments"].set_index("customer_id")["segment"].loc[ids]
    latent = truth.loc[ids]
    naive = rfm_segment(score_rfm(buyers))
    return Found(
        planted=1.0,
        ours=adjusted_rand_score(latent, ours),
        naive=adjusted_rand_score(latent, naive),
        bayes=0.8,
    )


@row("03.alive", "who is still active (AUC)", Progress())
def alive(study: Study) -> Found:
    """Customers with an order; naive: days since the last order."""
    values = study.sight.values.dropna(subset="p_alive").set_index("customer_id")
    truth = study.truth["customers"].set_index("customer_id")["active_at_end"].loc[values.index]
    recency = study.sight.customers.set_index("customer_id")["recency_days"].loc[values.index]
    naive = roc_auc_score(truth, -recency.astype(float).fillna(9999.0))
    return Found(1.0, roc_auc_score(truth, values["p_alive"]), naive, 0.9)


@row("03.orders_next_year", "orders of the next year (Poisson skill)", Progress())
def orders_next_year(study: Study) -> Found:
    """A year held back; naive: last year's count."""
    return Found(np.nan, np.nan, np.nan, np.nan)
