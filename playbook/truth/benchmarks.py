"""The Bayes benchmark: the best that can be told from the same frames by someone who knows the world.

It is learned from a *twin*: another, larger client drawn with the very same parameters, whose
hidden states are open. A flexible classifier taught on them approaches the rule of Bayes for those parameters;
it sees only what the playbook's own functions receive, and never a hidden state of the judged world. Having
seen finitely many customers it is, if anything, a little below the true optimum.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from playbook.truth.sight import Sight

__all__ = ["chances", "expected", "observed"]

LEARNER = {"max_iter": 60, "learning_rate": 0.12, "l2_regularization": 1.0, "random_state": 0}


def observed(sight: Sight, first: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return what step 3 is given of customers with an order: one numeric row each, index ``customer_id``.

    ``first`` is the same frame of another world: its columns are kept.
    """
    customers = sight.customers[sight.customers["orders"] > 0].set_index("customer_id").sort_index()
    mix = sight.mix.assign(name=lambda d: d["dimension"] + ": " + d["name"])
    wide = mix.pivot_table(index="customer_id", columns="name", values="amount", aggfunc="sum")
    wide = wide.reindex(customers.index).fillna(0.0).astype(float).sort_index(axis=1)
    frame = pd.concat([customers.select_dtypes("number").astype(float), wide], axis=1)
    return frame if first is None else frame.reindex(columns=first.columns, fill_value=0.0)


def chances(seen: pd.DataFrame, twin: pd.DataFrame, states: pd.Series) -> pd.DataFrame:
    """Return the probability of each state (columns) for each customer of ``seen``.

    Parameters
    ----------
    seen, twin
        Frames with the same columns: the judged world's customers and the twin's.
    states
        Hidden state of each customer of the twin.
    """
    with threadpool_limits(1):
        model = HistGradientBoostingClassifier(**LEARNER)
        model.fit(twin.to_numpy(), states.loc[twin.index])
        found = model.predict_proba(seen.to_numpy())
    return pd.DataFrame(found, index=seen.index, columns=model.classes_)


def expected(seen: pd.DataFrame, twin: pd.DataFrame, counts: pd.Series) -> pd.Series:
    """Return the expected count (orders) of each customer of ``seen``; arguments as for `chances`."""
    target = counts.reindex(twin.index).fillna(0.0).astype(float)
    with threadpool_limits(1):
        model = HistGradientBoostingRegressor(loss="poisson", **LEARNER).fit(
            twin.to_numpy(), target
        )
        found = np.asarray(model.predict(seen.to_numpy()))
    return pd.Series(found, seen.index)
