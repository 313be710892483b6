"""The Bayes benchmark of the choice experiment: true law of tastes, weighted by each respondent's own answers.

Particles are drawn from the true law of part-worths of every latent segment. A respondent's weight on each is the
chance of the segment, from all that the segmentation is given, times the likelihood of the tasks that the models
were fitted on. Predictions average over particles: no estimate from the same answers can be expected to do better.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.special import softmax

from playbook.truth.segment_benchmark import segment_chances
from playbook.truth.study import Study

__all__ = ["Tastes", "design", "law", "tastes"]

PRICE_SD, MIDDLE_PRICE = 0.25, 179.0
"""Log-normal spread of price sensitivity within a segment; price at which *none* keeps its attraction."""
PARTICLES = 800


@dataclass(frozen=True)
class Tastes:
    """Particles (rows) of part-worths on the planted columns, and each respondent's weight on them."""

    people: pd.Index
    particles: np.ndarray
    weights: np.ndarray
    own: np.ndarray
    """The planted part-worths of each respondent."""

    def chance(self, offers: pd.DataFrame, columns: list[str]) -> np.ndarray:
        """Return the benchmark's share of each offer for each respondent (rows)."""
        return self.weights @ softmax(self.particles @ design(offers, columns).T, axis=1)

    def true(self, offers: pd.DataFrame, columns: list[str]) -> np.ndarray:
        """Return the true chance of each offer for each respondent (rows)."""
        return softmax(self.own @ design(offers, columns).T, axis=1)


def design(offers: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Return offers on the planted columns: ``price: per EUR``, each level against the first, and none."""
    none = offers["is_none"].astype("boolean").fillna(False).to_numpy(bool)
    rows = []
    for column in columns:
        attribute, level = column.split(": ")
        if attribute == "price":
            rows.append(pd.to_numeric(offers["price"]).fillna(0.0).to_numpy(float) * ~none)
        elif attribute == "none":
            rows.append(none.astype(float))
        else:
            rows.append((offers[attribute].astype("string").fillna("") == level).to_numpy(float) * ~none)  # fmt: skip
    return np.column_stack(rows)


def law(study: Study, size: int = PARTICLES) -> pd.DataFrame:
    """Return part-worths drawn from the true law: ``size`` rows of each latent segment (index)."""
    planted = study.truth["segment_part_worths"].set_index("segment")
    rng = np.random.default_rng([study.seed, 4])
    parts = []
    for segment, worth in planted.iterrows():
        drawn = worth.to_numpy(float) + study.settings.part_worth_sd * rng.standard_normal((size, len(worth)))  # fmt: skip
        price, none = planted.columns.get_loc("price: per EUR"), planted.columns.get_loc("none: none")  # fmt: skip
        drawn[:, price] = worth.iloc[price] * np.exp(PRICE_SD * rng.standard_normal(size))
        drawn[:, none] += MIDDLE_PRICE * (drawn[:, price] - worth.iloc[price])
        parts.append(pd.DataFrame(drawn, columns=planted.columns, index=[segment] * size))
    return pd.concat(parts)


@lru_cache(maxsize=1)
def tastes(study: Study) -> Tastes:
    """Return the benchmark's tastes of the respondents that the models were fitted on."""
    train = study.sight.experiment["experiment"].train
    train = train.sort_values(["respondent_id", "task", "alternative"])
    drawn = law(study)
    columns = list(drawn.columns)
    tasks = train.groupby(["respondent_id", "task"], sort=True).ngroup().to_numpy()
    utility = design(train, columns) @ drawn.to_numpy().T
    first = np.flatnonzero(np.r_[True, np.diff(tasks) != 0])
    utility -= np.maximum.reduceat(utility, first, axis=0)[tasks]
    log = utility - np.log(np.add.reduceat(np.exp(utility), first, axis=0))[tasks]
    chosen = train["chosen"].astype(bool).to_numpy()
    who, people = pd.factorize(train.loc[chosen, "respondent_id"], sort=True)
    starts = np.flatnonzero(np.r_[True, np.diff(who) != 0])
    told = np.add.reduceat(log[chosen], starts, axis=0)
    customers = train.drop_duplicates("respondent_id").set_index("respondent_id").loc[people]
    chances = segment_chances(study)
    prior = chances.reindex(customers["customer_id"]).fillna(chances.mean())
    told += np.log(prior[drawn.index].to_numpy())
    truth = study.truth["choice_part_worths"].set_index("respondent_id").loc[people, columns]
    return Tastes(pd.Index(people), drawn.to_numpy(), softmax(told, axis=1), truth.to_numpy(float))
