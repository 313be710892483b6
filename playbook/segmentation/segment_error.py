"""How far the forecast of each segment's total goes astray: its lasting error, seen on the hold-out, and what stays open.

The forecast of a segment is a sum over its customers of forecasts of one model for all customers. With S the sum that
comes and F the sum told, the error of segment g has three sources::

    log(S_g / F_g) = lasting_g + year_g + chance_g

lasting
    The model draws each customer towards the mean of all customers, but segments are made of what the model does not see
    (channel, price tier, needs). Where customers of a segment buy more often, or dearer, than others with the same history,
    the total of that segment is told too low, every year anew (the small-area problem: Fay & Herriot 1979). Groups by what
    the model does see (frequency, recency, value) cannot show this error: there the model is calibrated by construction.
    On the hold-out it is the ratio of came to told in the segment over that of all customers,
    y_g = lasting_g + noise. With noise variance q_g and lasting errors of scale tau, its posterior has mean B_g y_g and
    variance B_g q_g, B_g = tau² / (tau² + q_g). Corrected totals are scaled so that they add up to the total of all customers
    (benchmarking: Rao & Molina 2015, ch. 6): segments share the client's forecast, they do not change it.
year
    The shock of a year, with season and parameter error: part of it is shared by all segments, part is the segment's own.
    One hold-out is one draw of the shared part and tells nothing of the other, which it cannot part from the lasting error.
    Errors of totals published for whole clients hold both parts, and a segment is to the forecast what a small client is:
    one scale stands for the two together.
chance
    Which of its customers happen to buy. Next year's is the posterior-predictive variance of the model, which holds
    Poisson noise, leaving, order values and what is not known of each customer's own rate.

Not counted twice: q_g is the noise of the purchases alone (compound Poisson: the sum of squared order values), not the
variance between customers, as those who buy more than was told will do so again, and the model's variance of next year
has that part already.

One hold-out gives one draw of the year's shock and few of the lasting errors, so their scales are not known: a scaled
inverse chi-squared prior is put on them (`PRIOR_SCALE`, worth `PRIOR_DRAWS` draws), and the interval is of Student's t
(Gelman et al. 2013, ch. 2.6 and 3.2), with degrees of freedom after Satterthwaite (1946). The prior comes from real
clients, none of our own worlds: the models of `playbook.clv` fitted to the first two thirds of three public records miss the
orders of the last third by a logarithm of .02 (CDNOW), .03 (Complete Journey) and .19 (Online Retail, a record of one
year, from which no season can be learned); the root mean square is .11, from three draws
(`playbook.validation.forecast_error` computes them anew).

References
----------
Fay & Herriot (1979), Estimates of income for small places, JASA 74(366). Rao & Molina (2015), Small area estimation.
Gelman et al. (2013), Bayesian data analysis. Satterthwaite (1946), Biometrics Bulletin 2(6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from playbook.contract import NO_PURCHASE

__all__ = ["SegmentError", "segment_error"]

PRIOR_SCALE, PRIOR_DRAWS = 0.11, 3
LEAST_IN_SEGMENT = 30
"""Customers a segment needs in the hold-out; below it nothing is said of its lasting error but the prior."""


@dataclass(frozen=True)
class SegmentError:
    """What the hold-out shows of the error of segments' totals.

    Attributes
    ----------
    lasting
        By segment: factor on the forecast (before totals are made to add up), and ``spread``, the variance of its logarithm.
    year
        Scale of the shock of a year.
    unlike
        Scale (tau) of the lasting errors.
    seen
        Number of segments with a lasting error of their own.
    """

    lasting: pd.DataFrame
    year: float
    unlike: float
    seen: int

    def corrected(self, totals: pd.Series) -> pd.Series:
        """Return totals with the lasting error taken out, adding up to what they did."""
        scaled = totals * self.lasting["factor"].reindex(totals.index)
        whole = float(scaled.sum())
        return scaled * (float(totals.sum()) / whole) if whole != 0 else totals

    def ends(
        self, totals: pd.Series, chance: pd.Series, level: float
    ) -> tuple[pd.Series, pd.Series]:
        """Return by what factors each corrected total may be lower and higher, on the log scale.

        Parameters
        ----------
        totals, chance
            Corrected total of each segment, and the variance of chance in it.
        level
            Level of the interval.
        """
        size = totals.abs().where(totals != 0, 1.0)
        year = self.year**2
        spread = self.lasting["spread"].reindex(totals.index)
        by_chance = np.log1p(chance / size**2)
        variance = by_chance + year + spread
        df = variance**2 / (year**2 / (PRIOR_DRAWS + 1) + spread**2 / (PRIOR_DRAWS + self.seen))
        half = pd.Series(student.ppf(0.5 + level / 2, df) * np.sqrt(variance), totals.index)
        return np.exp(-half), np.exp(half)


def segment_error(segments: pd.DataFrame, by_customer: pd.DataFrame) -> SegmentError:
    """Return the error of segments' totals as the hold-out shows it.

    Parameters
    ----------
    segments
        ``customer_id``, ``segment``. Customers silent at the cut count as "No purchase on record" there whatever they
        bought since: else the segment of those without a purchase would be made of its own outcome.
    by_customer
        Extra of `check_purchase_models`.

    Notes
    -----
    The other segments are those of today, so orders of the hold-out had a part in placing their customers. This takes
    a lasting error for somewhat larger than it is where segments are made of order values.
    """
    joined = by_customer.merge(segments[["customer_id", "segment"]], on="customer_id")
    joined["segment"] = joined["segment"].astype(str).mask(joined["silent"].astype(bool), NO_PURCHASE)  # fmt: skip
    joined["square"] = joined["came"] ** 2 / joined["purchases"].clip(lower=1.0)
    groups = joined.groupby("segment")
    sums = groups[["told", "came", "square"]].sum()
    whole = sums.sum()
    known = (sums["told"] > 0) & (sums["came"] > 0) & (groups.size() >= LEAST_IN_SEGMENT)
    usable = bool(whole["told"] > 0 and whole["came"] > 0)
    shock = float(np.log(whole["came"] / whole["told"])) if usable else 1.0
    seen = sums[known] if usable else sums.iloc[:0]
    y = np.log(seen["came"] / seen["told"]) - shock
    noise = seen["square"] / seen["came"] ** 2
    overall = whole["square"] / max(whole["came"], 1e-9) ** 2
    year = _scale(np.array([shock**2 - overall]))
    unlike = _scale((y**2 - noise).to_numpy(float))
    weight = unlike**2 / (unlike**2 + noise)
    names = pd.Index(sorted(segments["segment"].astype(str).unique()), name="segment")
    factor = np.exp(weight * y).reindex(names).fillna(1.0)
    spread = (weight * noise).reindex(names).fillna(unlike**2)
    return SegmentError(pd.DataFrame({"factor": factor, "spread": spread}), year, unlike, len(seen))  # fmt: skip


def _scale(squares: np.ndarray) -> float:
    """Scale of errors from their squares beyond chance and the prior."""
    beyond = max(float(squares.sum()), 0.0)
    draws = PRIOR_DRAWS + len(squares)
    return float(np.sqrt((PRIOR_DRAWS * PRIOR_SCALE**2 + beyond) / draws))
