"""Logistic regression on a few standardised terms, held to the range in which it was learned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

__all__ = ["FOLDS", "Logit", "folds_of"]

FOLDS = 5
LEAST_EACH = 5


@dataclass(frozen=True)
class Logit:
    """Logistic regression; a share alone where nothing varies or hardly anything happened.

    Attributes
    ----------
    model
        The regression on standardised terms; none is the share.
    terms
        One row a term: ``mean``, ``spread``, ``low`` and ``high`` as seen when learned. Values beyond are taken as the end.
    share
        Share of those it happened to.
    """

    model: LogisticRegression | None
    terms: pd.DataFrame
    share: float

    @classmethod
    def fit(cls, terms: pd.DataFrame, y: np.ndarray) -> Logit:
        """Learn the chance of ``y`` from terms; rows are customers."""
        kept = terms.loc[:, terms.max() > terms.min()]
        seen = pd.DataFrame({"mean": kept.mean(), "spread": kept.std(), "low": kept.min(), "high": kept.max()})  # fmt: skip
        share = float((y.sum() + 0.5) / (len(y) + 1))
        if not len(seen) or min(y.sum(), (~y).sum()) < LEAST_EACH:
            return cls(None, seen, share)
        scaled = ((kept - seen["mean"]) / seen["spread"]).to_numpy()
        return cls(LogisticRegression(max_iter=2000).fit(scaled, y), seen, share)

    def chance(self, terms: pd.DataFrame) -> np.ndarray:
        """Return the probability of each row."""
        if self.model is None:
            return np.full(len(terms), self.share)
        seen = self.terms
        kept = terms[seen.index].clip(seen["low"], seen["high"], axis=1)
        scaled = ((kept - seen["mean"]) / seen["spread"]).to_numpy()
        return np.asarray(self.model.predict_proba(scaled)[:, 1])


def folds_of(ids: pd.Index, seed: int) -> np.ndarray:
    """Return the fold (0 to 4) of each customer; the order of rows does not matter."""
    place = np.random.default_rng(seed).permutation(len(ids)) % FOLDS
    return place[np.argsort(np.argsort(ids.astype(str), kind="stable"), kind="stable")]
