"""What contacts tell of customers who have not bought for a while: signs that they are still there.

Purchase models see days of purchases only. A customer who read a newsletter or looked at a page after the
last purchase had not left by then, and one who did nothing for half a year probably has. What such signs are worth is
learned from the client's own hold-out, as a factor on the forecast of the purchase model.

Glossary
--------
sign of life
    A contact the customer sought (a visit, a newsletter opened, a basket), not service and not a delivery.

References
----------
Schweidel & Knox (2013), Incorporating direct marketing activity into latent attrition models, Marketing Science 32(3);
Bachmann, Meierer & Näf (2021), The role of time-varying contextual factors in latent attrition models for customer
base analysis, Marketing Science 40(4): attrition models with what is known of customers beside their purchases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import PoissonRegressor
from threadpoolctl import threadpool_limits

__all__ = ["WINDOW", "ContactEffect", "contact_signs", "folds_of", "learn_contact_effect"]

WINDOW = 26.0
"""Weeks of contacts that count; the record must hold as many before the day of the forecast."""
LONGEST = 8.0
"""Weeks beyond `WINDOW` to which longer silences are cut, so that a longer record does not mean another scale."""
FOLDS = 5
LEAST_ANSWERS = 200
LEAST_EACH = 30
RIDGE = 1e-3
FLOOR = 1e-3


@dataclass(frozen=True)
class ContactEffect:
    """Factor on expected purchases by signs of life (log-linear).

    Attributes
    ----------
    weights
        One row a term: ``weight`` (of the standardised term), ``mean``, ``spread``, ``low`` and ``high`` as seen when learned.
    """

    weights: pd.DataFrame

    def factors(self, frame: pd.DataFrame, ahead: pd.Series, weeks: float) -> pd.Series:
        """Return each customer's factor on ``ahead``, the purchases expected in ``weeks``.

        All together expect what they did: signs tell who buys, not how much the client sells.
        """
        signs = contact_signs(frame)
        if signs is None:
            return pd.Series(1.0, frame.index)
        terms = _terms(signs, ahead, weeks)[self.weights.index]
        terms = terms.clip(self.weights["low"], self.weights["high"], axis=1)
        score = ((terms - self.weights["mean"]) / self.weights["spread"]) @ self.weights["weight"]
        raw = np.exp(score - score.max())
        whole = float((raw * ahead).sum())
        return raw * (float(ahead.sum()) / whole) if whole > 0 else pd.Series(1.0, frame.index)


def contact_signs(frame: pd.DataFrame) -> pd.DataFrame | None:
    """Return the signs of life of each customer; none where the record of contacts is too short or missing.

    Parameters
    ----------
    frame
        Frame of `comparable`, of query ``purchase_histories``.

    Returns
    -------
    pandas.DataFrame or None
        ``contacts`` (log of 1 + contacts in 26 weeks), ``none`` (1 without any) and ``later`` (how much nearer the last sign
        is than the last purchase, in logarithms of weeks).
    """
    if "weeks_of_contacts" not in frame or not len(frame):
        return None
    reach = frame["weeks_of_contacts"].iloc[0]
    if pd.isna(reach) or float(reach) < WINDOW:
        return None
    age, most = frame["age"].astype(float), WINDOW + LONGEST
    bought = frame["frequency"].astype(float) > 0
    silent = (age - frame["recency"].astype(float)).where(bought, age).clip(0.0, most)
    last = frame["weeks_since_contact"].astype(float).fillna(most).clip(0.0, most)
    contacts = frame["contacts"].astype(float)
    return pd.DataFrame(
        {
            "contacts": np.log1p(contacts),
            "none": (contacts == 0).astype(float),
            "later": np.log1p(silent) - np.log1p(np.minimum(last, silent)),
        }
    )


def learn_contact_effect(
    frame: pd.DataFrame, ahead: pd.Series, came: pd.Series, weeks: float, seed: int
) -> tuple[ContactEffect, pd.Series] | None:
    """Learn what signs of life are worth beside the forecast of a purchase model.

    Poisson regression of the purchases that came, with the forecast as exposure and its logarithm among the terms: where
    the model draws customers too little or too much to the mean, that is set right too.

    Parameters
    ----------
    frame
        Frame of `comparable` at the start of the hold-out.
    ahead, came
        Purchases expected by the model and come, on its index.
    weeks
        Length of the hold-out.
    seed
        Seed of the folds.

    Returns
    -------
    tuple or None
        The effect, and forecasts of customers by effects learned on other customers; none without signs of life or with too
        few purchases to learn from.
    """
    signs = contact_signs(frame)
    buyers = int((came > 0).sum())
    if signs is None or len(frame) < LEAST_ANSWERS or min(buyers, len(frame) - buyers) < LEAST_EACH:
        return None
    ahead = ahead.clip(lower=FLOOR)
    terms = _terms(signs, ahead, weeks)
    terms = terms.loc[:, terms.max() > terms.min()]
    if terms.shape[1] < 2:
        return None
    told = pd.Series(np.nan, frame.index)
    fold = folds_of(frame.index, seed)
    for number in range(FOLDS):
        out = fold == number
        effect = _fitted(terms[~out], ahead[~out], came[~out])
        told[out] = ahead[out] * effect.factors(frame[out], ahead[out], weeks)
    return _fitted(terms, ahead, came), told * (float(ahead.sum()) / float(told.sum()))


def folds_of(ids: pd.Index, seed: int) -> np.ndarray:
    """Return the fold (0 to 4) of each customer; the order of rows does not matter."""
    place = np.random.default_rng(seed).permutation(len(ids)) % FOLDS
    return place[np.argsort(np.argsort(ids.astype(str), kind="stable"), kind="stable")]


def _terms(signs: pd.DataFrame, ahead: pd.Series, weeks: float) -> pd.DataFrame:
    """Return the signs and the logarithm of the yearly forecast."""
    return signs.assign(forecast=np.log(ahead.clip(lower=FLOOR) * 52 / weeks))


def _fitted(terms: pd.DataFrame, ahead: pd.Series, came: pd.Series) -> ContactEffect:
    mean, spread = terms.mean(), terms.std().replace(0.0, 1.0)
    model = PoissonRegressor(alpha=RIDGE, max_iter=500)
    with threadpool_limits(1):
        model.fit(((terms - mean) / spread).to_numpy(), (came / ahead).to_numpy(), sample_weight=ahead.to_numpy())  # fmt: skip
    return ContactEffect(
        pd.DataFrame({"weight": model.coef_, "mean": mean, "spread": spread, "low": terms.min(), "high": terms.max()})
    )  # fmt: skip
