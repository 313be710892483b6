"""The average effect of a contact, from customers assigned to it at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest, norm, t

from playbook.propensity.features import binary, keyed, numbers, require


@dataclass(frozen=True)
class TreatmentEffect:
    """Mean outcome of treated minus control.

    Attributes
    ----------
    effect, low, high, standard_error
        Per customer, in units of the outcome, with 95 % interval.
    mean_treated, mean_control
        (Weighted, adjusted) means.
    n_treated, n_control
        Customers.
    unadjusted, unadjusted_low, unadjusted_high
        The same without the pre-period covariate.
    variance_reduction
        Share of the squared standard error that CUPED removed; 0 without a covariate.
    ratio_p
        p-value that as many were treated as the assignment probabilities say (sample ratio
        mismatch); below .001 the assignment did not work as recorded. None if no
        probabilities were given.
    """

    effect: float
    low: float
    high: float
    standard_error: float
    mean_treated: float
    mean_control: float
    n_treated: int
    n_control: int
    unadjusted: float
    unadjusted_low: float
    unadjusted_high: float
    variance_reduction: float
    ratio_p: float | None


def numeric_outcome(frame: pd.DataFrame, column: str) -> np.ndarray:
    """Return a complete numeric column as float; refuse missing values or text."""
    require(frame, [column])
    try:
        values = numbers(frame[column])
    except (TypeError, ValueError):
        raise ValueError(f"{column}: expected numbers, found text") from None
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise ValueError(f"{column}: {count} customers have no value; fill in 0 or leave them out")
    return values


def assignment_probability(frame: pd.DataFrame, column: str | None, arm: np.ndarray) -> np.ndarray:
    """Return each customer's probability of treatment; the share treated when none is recorded.

    Raises
    ------
    ValueError
        Fewer than two customers in an arm, or probabilities outside 0 to 1.
    """
    counts = int(arm.sum()), int(len(arm) - arm.sum())
    if min(counts) < 2:
        raise ValueError(
            f"not enough data: {counts[0]} treated and {counts[1]} control customers; an effect"
            " needs a random control group of at least two"
        )
    if column is None:
        return np.full(len(arm), arm.mean())
    values = numeric_outcome(frame, column)
    if not ((values > 0) & (values < 1)).all():
        raise ValueError(
            f"{column}: probabilities must lie between 0 and 1, both excluded; leave out customers"
            " who were certain to be treated or not, they have no comparison"
        )
    return values


def _difference(
    outcome: np.ndarray, arm: np.ndarray, weight: np.ndarray
) -> tuple[float, float, float, float, float, float]:
    """Weighted means by arm, difference, its standard error and interval.

    The standard error is the larger of Welch's and the one with a common variance: in a small arm of
    skewed figures, Welch's is small just when the arm happens to lack large buyers.
    """
    means, variances, sizes = [], [], []
    squares, shares = 0.0, 0.0
    for side in (1.0, 0.0):
        y, w = outcome[arm == side], weight[arm == side]
        mean = np.average(y, weights=w)
        means.append(mean)
        variances.append((w**2 * (y - mean) ** 2).sum() / w.sum() ** 2 * len(y) / (len(y) - 1))
        sizes.append(w.sum() ** 2 / (w**2).sum())
        squares += (w * (y - mean) ** 2).sum()
        shares += 1 / sizes[-1]
    common = squares / weight.sum() * len(outcome) / max(len(outcome) - 2, 1)
    error = float(np.sqrt(max(sum(variances), common * shares)))
    spread = sum(v**2 / max(n - 1, 1) for v, n in zip(variances, sizes, strict=True))
    freedom = error**4 / spread if spread > 0 else np.inf
    half = float(t.ppf(0.975, freedom)) * error
    effect = float(means[0] - means[1])
    return float(means[0]), float(means[1]), effect, error, effect - half, effect + half


def _ratio_p(arm: np.ndarray, probability: np.ndarray) -> float:
    if np.ptp(probability) == 0:
        return float(binomtest(int(arm.sum()), len(arm), float(probability[0])).pvalue)
    spread = np.sqrt((probability * (1 - probability)).sum())
    return float(2 * norm.sf(abs(arm.sum() - probability.sum()) / spread))


def treatment_effect(
    frame: pd.DataFrame,
    treated: str,
    outcome: str,
    probability: str | None = None,
    covariate: str | None = None,
) -> TreatmentEffect:
    """Estimate the average effect of a randomly assigned contact, with 95 % interval.

    Parameters
    ----------
    frame
        One row per customer of the campaign, treated and control, `customer_id` as column or
        index. Count everybody as assigned, whether or not the contact arrived.
    treated
        Name of the 0/1 column of the assigned arm.
    outcome
        Name of the numeric or 0/1 outcome, complete (no purchase is 0).
    probability
        Name of the column with each customer's probability of being assigned to treatment.
        Needed where it differs between customers; those are weighted by its inverse (Hájek).
    covariate
        Name of a figure from before the assignment, for instance spend in the year before.

    Raises
    ------
    ValueError
        No control group, missing values, probabilities outside 0 to 1.

    Notes
    -----
    Weights are 1/p and 1/(1-p), normalised per arm. CUPED (Deng, Xu, Kohavi, Walker 2013, eq. 3):
    y - θ(x - mean x), θ the pooled within-arm regression slope; the variance falls by the squared
    correlation of outcome and covariate. The interval has Welch's degrees of freedom and the larger of
    Welch's and the common-variance standard error (Angrist & Pischke 2009, section 8.1).
    """
    frame = keyed(frame)
    arm, y = binary(frame, treated), numeric_outcome(frame, outcome)
    chance = assignment_probability(frame, probability, arm)
    weight = np.where(arm == 1, 1 / chance, 1 / (1 - chance))
    raw = plain = _difference(y, arm, weight)
    if covariate is not None:
        x = numeric_outcome(frame, covariate)
        xs, ys = x.copy(), y.copy()
        for side in (arm == 1, arm == 0):
            xs[side] -= np.average(x[side], weights=weight[side])
            ys[side] -= np.average(y[side], weights=weight[side])
        spread = (weight * xs**2).sum()
        theta = (weight * xs * ys).sum() / spread if spread > 0 else 0.0
        raw = _difference(y - theta * (x - np.average(x, weights=weight)), arm, weight)
    reduction = 1 - (raw[3] / plain[3]) ** 2 if plain[3] > 0 else 0.0
    return TreatmentEffect(
        effect=raw[2], low=raw[4], high=raw[5], standard_error=raw[3], mean_treated=raw[0],
        mean_control=raw[1], n_treated=int(arm.sum()), n_control=int(len(arm) - arm.sum()),
        unadjusted=plain[2], unadjusted_low=plain[4], unadjusted_high=plain[5],
        variance_reduction=float(reduction),
        ratio_p=None if probability is None else _ratio_p(arm, chance),
    )  # fmt: skip
