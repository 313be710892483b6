"""The Bayes benchmark of the strategic segments, on all that the segmentation is given.

Answers count by their exact likelihood under the true parameters (`bayes_segments`); how customers buy and
who they are by what the open twin teaches: a linear and a tree-based learner, averaged on the log scale. Given the
latent segment the two sources are independent, so their evidence multiplies.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.special import logsumexp
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from playbook.market.benchmarks import bayes_segments
from playbook.truth.sight import Sight
from playbook.truth.study import Study

__all__ = ["segment_benchmark", "segment_chances"]

PERSON = ["age", "household", "income"]
NAMED = ["gender", "education", "country", "area_type", "customer_type", "acquisition_channel", "market_segment"]  # fmt: skip
TOLD = ["age", "household", "country", "area_type", "customer_type"]
"""What `bayes_segments` uses of the person itself."""


def segment_benchmark(study: Study) -> tuple[pd.Series, pd.Series]:
    """Return the most probable latent segment of respondents of a long survey, and of all other customers with an order."""
    answered, others = _chances(study)
    return answered.idxmax(axis=1), others.idxmax(axis=1)


def segment_chances(study: Study) -> pd.DataFrame:
    """Return the chance of each latent segment (columns) for each customer with an order."""
    return pd.concat(_chances(study)).sort_index()


@lru_cache(maxsize=1)
def _chances(study: Study) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the chances of respondents of a long survey, and of all other customers with an order."""
    seen, twin = _seen(study.sight), _seen(study.twin.sight)
    seen, twin = seen.align(twin, join="outer", axis=1, fill_value=0.0)
    states = study.twin.people["segment"].loc[twin.index]
    prior = np.log(states.value_counts(normalize=True).sort_index())
    survey = bayes_segments(study.world).set_index("customer_id")
    answered = seen.index.intersection(survey.index)
    told = [c for c in seen if any(c == t or c.startswith(f"{t}: ") for t in TOLD)]
    beside = _log_chances(seen.loc[answered].drop(columns=told), twin.drop(columns=told), states)
    exact = np.log(survey.loc[answered, list(prior.index)].clip(lower=1e-12))
    others = _log_chances(seen.drop(index=answered), twin, states)
    return _shares(exact + beside - prior), _shares(others)


def _shares(logs: pd.DataFrame) -> pd.DataFrame:
    """Return log evidence as chances that add up to 1."""
    return logs.sub(logsumexp(logs.to_numpy(), axis=1), axis=0).pipe(np.exp)


def _seen(sight: Sight) -> pd.DataFrame:
    """Return what the segmentation is given of customers with an order, apart from answers, as numbers."""
    customers = sight.customers[sight.customers["orders"] > 0].set_index("customer_id").sort_index()
    orders = customers["orders"].astype(float)
    habits = sight.query("buying_habits")
    frame = pd.DataFrame(index=customers.index)
    for habit, rows in habits.groupby("habit"):
        wide = rows.pivot_table(index="customer_id", columns="way", values="amount", aggfunc="sum")
        wide = wide.reindex(customers.index).fillna(0.0)
        usual = wide.sum() / wide.to_numpy().sum()
        share = (wide + 2 * usual).div(wide.sum(axis=1) + 2, axis=0)
        frame = frame.join(share.add_prefix(f"share {habit} ")).join(
            wide.add_prefix(f"count {habit} ")
        )
    frame["units"] = np.log1p(customers["units"].astype(float).fillna(0.0) / orders)
    frame["orders"] = np.log(orders)
    frame["value"] = np.log(customers["purchases_value"].astype(float).clip(lower=0.01) / orders)
    for name in ("recency_days", "days_since_first_order"):
        frame[name] = customers[name].astype(float)
    person = customers[PERSON].astype(float)
    frame = frame.join(person.fillna(person.median()))
    unknown = person.isna().astype(float)
    unknown.columns = [f"{c}: unknown" for c in PERSON]
    named = pd.get_dummies(customers[NAMED].astype("str"), prefix_sep=": ").astype(float)
    return frame.join(unknown).join(named)


def _log_chances(seen: pd.DataFrame, twin: pd.DataFrame, states: pd.Series) -> pd.DataFrame:
    linear = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=300))
    trees = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.12, l2_regularization=1.0, random_state=0)  # fmt: skip
    with threadpool_limits(1):
        both = [m.fit(twin.to_numpy(), states).predict_proba(seen.to_numpy()) for m in (linear, trees)]  # fmt: skip
    logs = np.mean([np.log(np.maximum(p, 1e-12)) for p in both], axis=0)
    return pd.DataFrame(logs, index=seen.index, columns=sorted(states.unique()))
