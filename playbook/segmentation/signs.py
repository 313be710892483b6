"""What contacts tell of customers who have not bought for a while: signs that they are still there.

Purchase models see days of purchases only. A customer who read a newsletter or looked at a page after the
last purchase had not left by then, and one who did nothing for half a year probably has. What such signs are worth is
learned from the client's own hold-out: the chance to buy at all, by the chance the model gives and the signs; its
ratio to the model's own chance is a factor on the forecast.

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
from threadpoolctl import threadpool_limits

from playbook.segmentation.logit import FOLDS, Logit, folds_of

__all__ = ["WINDOW", "ContactEffect", "contact_signs", "learn_contact_effect"]

WINDOW = 26.0
"""Weeks of contacts that count; the record must hold as many before the day of the forecast."""
LONGEST = 8.0
"""Weeks beyond `WINDOW` to which longer silences are cut, so that a longer record does not mean another scale."""
LEAST_ANSWERS = 200
LEAST_EACH = 30
EDGE = 1e-4


@dataclass(frozen=True)
class ContactEffect:
    """What signs of life say, beside a purchase model, of who buys at all.

    Attributes
    ----------
    buys
        Chance to buy by the model's own chance and the signs.
    """

    buys: Logit

    def factors(self, frame: pd.DataFrame, none: pd.Series, ahead: pd.Series) -> pd.Series:
        """Return each customer's factor on ``ahead``, the purchases expected by the model that gives ``none`` as the chance of none.

        It is the chance to buy with the signs over the chance without them. All together expect what they did: signs
        tell who buys, not how much the client sells.
        """
        signs = contact_signs(frame)
        if signs is None:
            return pd.Series(1.0, frame.index)
        usual = (1 - none).clip(EDGE, 1 - EDGE)
        raw = pd.Series(self.buys.chance(_terms(signs, none)), frame.index) / usual
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
        ``contacts`` (log of 1 + contacts in 26 weeks), ``none`` (1 without any), ``seen`` (1 with a sign since the last purchase)
        and ``later`` (how much nearer that sign is than the last purchase, in logarithms of weeks).
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
    contacts, later = frame["contacts"].astype(float), np.log1p(silent) - np.log1p(np.minimum(last, silent))  # fmt: skip
    return pd.DataFrame(
        {"contacts": np.log1p(contacts), "none": (contacts == 0).astype(float), "seen": (later > 0).astype(float), "later": later}
    )  # fmt: skip


def learn_contact_effect(
    frame: pd.DataFrame, none: pd.Series, ahead: pd.Series, came: pd.Series, seed: int
) -> tuple[ContactEffect, pd.Series] | None:
    """Learn on the hold-out what signs of life are worth beside a purchase model.

    Parameters
    ----------
    frame
        Frame of `comparable` at the start of the hold-out.
    none, ahead, came
        Chance of no purchase and purchases expected by the model, and purchases come, on its index.
    seed
        Seed of the folds.

    Returns
    -------
    tuple or None
        The effect, and forecasts of customers by effects learned on other customers; none without signs of life or with too
        few purchases to learn from.
    """
    signs = contact_signs(frame)
    bought = came.to_numpy() > 0
    buyers = int(bought.sum())
    if signs is None or len(frame) < LEAST_ANSWERS or min(buyers, len(frame) - buyers) < LEAST_EACH:
        return None
    terms = _terms(signs, none)
    told = pd.Series(np.nan, frame.index)
    fold = folds_of(frame.index, seed)
    with threadpool_limits(1):
        for number in range(FOLDS):
            out = fold == number
            effect = ContactEffect(Logit.fit(terms[~out], bought[~out]))
            told[out] = ahead[out] * effect.factors(frame[out], none[out], ahead[out])
        return ContactEffect(Logit.fit(terms, bought)), told


def _terms(signs: pd.DataFrame, none: pd.Series) -> pd.DataFrame:
    """Return the signs and the logit of the model's own chance of a purchase."""
    none = none.clip(EDGE, 1 - EDGE)
    return signs.assign(model=np.log((1 - none) / none))
