"""What campaigns with random control changed: extra orders by segment, and whether they go with how often customers buy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.propensity import treatment_effect

__all__ = ["excess_variance", "measured_responses", "power_weights", "spread_between_segments"]

YEAR = 365.0
FEWEST = 10
"""Fewest customers of each arm in a segment."""

RARE = 0.05
"""Smallest usual number of orders a year."""

COLUMNS = ["campaign_id", "segment", "customers", "response", "standard_error"]


def excess_variance(
    values: np.ndarray, noise: np.ndarray, shape: np.ndarray | float = 1.0
) -> tuple[float, float]:
    """Return excess of the squared deviations over chance, and the scale that makes it a variance (DerSimonian & Laird 1986).

    Values are expected in proportion to ``shape``: the method of moments for a meta-regression on it, without a constant.
    """
    weight = 1 / noise
    square = (weight * shape**2).sum()
    slope = (weight * shape * values).sum() / square
    excess = float((weight * (values - slope * shape) ** 2).sum()) - (len(values) - 1)
    return excess, float(weight.sum() - (weight**2 * shape**2).sum() / square)


def spread_between_segments(measured: pd.DataFrame) -> float:
    """Return the variance of true responses between segments beyond chance, pooled over campaigns; at least zero.

    Where ``measured`` has a column ``weight``, beyond what goes with it as well.
    """
    values, noise = measured["response"].to_numpy(float), measured["standard_error"].to_numpy(float) ** 2  # fmt: skip
    shape = measured["weight"].to_numpy(float) if "weight" in measured else np.ones(len(measured))
    rows = measured.groupby("campaign_id").indices.values()
    parts = [excess_variance(values[r], noise[r], shape[r]) for r in rows]
    scale = sum(p[1] for p in parts)
    return max(sum(p[0] for p in parts) / scale, 0.0) if scale > 0 else 0.0


def _members(outcomes: pd.DataFrame | None) -> pd.DataFrame:
    """Members drawn at random, with the orders a year that would be usual for them.

    Usual is the control group's regression of the orders within the window on those of the year before.
    """
    if outcomes is None or outcomes.empty:
        return pd.DataFrame(columns=["campaign_id", "customer_id", "is_treated", "chance", "after", "before", "usual", "years"])  # fmt: skip
    chance = outcomes["assignment_probability"].astype(float)
    drawn = (chance > 0) & (chance < 1) & outcomes["arm"].isin(["treated", "control"])
    random = outcomes[drawn & (outcomes["window_days"] > 0)].copy()
    random = random.assign(
        is_treated=(random["arm"] == "treated").astype(int), chance=chance, after=random["orders_after"].astype(float),
        before=random["orders_year_before"].astype(float), years=random["window_days"].astype(float) / YEAR,
    ).sort_values(["campaign_id", "customer_id"], ignore_index=True)  # fmt: skip
    random["usual"] = RARE
    for _, part in random.groupby("campaign_id"):
        control = part[part["is_treated"] == 0]
        if len(control) < FEWEST or len(part) - len(control) < FEWEST:
            random = random.drop(part.index)
            continue
        weight = np.sqrt(1 / (1 - control["chance"]))
        design = np.column_stack([np.ones(len(control)), control["before"]])
        target = control["after"] / control["years"]
        fit = np.linalg.lstsq(design * weight.to_numpy()[:, None], target * weight, rcond=None)[0]
        random.loc[part.index, "usual"] = np.maximum(fit[0] + fit[1] * part["before"], RARE)
    return random


def measured_responses(
    outcomes: pd.DataFrame | None, segments: pd.DataFrame, powers: Sequence[float]
) -> list[pd.DataFrame]:
    """Return, for each power, what each campaign with random control changed in each segment.

    Parameters
    ----------
    outcomes
        Query ``campaign_outcomes``.
    segments
        customer_id, segment.
    powers
        Of a customer's usual orders that the extra ones go with.

    Returns
    -------
    list of DataFrame
        campaign_id, segment, customers, response (extra orders of a customer with one order a year), standard_error.

    Notes
    -----
    Orders within the window, treated less control, weighted by the inverse of the assignment probability and
    adjusted for the orders of the year before (CUPED; Deng, Xu, Kohavi & Walker 2013), over the mean of usual^power.
    """
    random = _members(outcomes)
    random["segment"] = random["customer_id"].map(segments.set_index("customer_id")["segment"])
    rows: list[list[tuple[str, str, int, float, float]]] = [[] for _ in powers]
    for (key, segment), group in random.groupby(["campaign_id", "segment"]):
        if group["is_treated"].value_counts().reindex([0, 1], fill_value=0).min() < FEWEST:
            continue
        covariate = "before" if group["before"].std() > 0 else None
        found = treatment_effect(group, "is_treated", "after", "chance", covariate)
        if not found.standard_error > 0:
            continue
        for power, told in zip(powers, rows, strict=True):
            scale = 1 / float((group["usual"] ** power).mean())
            error = scale * found.standard_error
            told.append((str(key), str(segment), len(group), scale * found.effect, error))
    return [pd.DataFrame(told, columns=COLUMNS) for told in rows]


def power_weights(outcomes: pd.DataFrame | None, powers: Sequence[float]) -> np.ndarray:
    """Return the probability of each power, equally likely before the campaigns with random control are looked at.

    Extra orders of campaign c are k_c usual^power. Orders less usual ones are regressed on (treated - p) usual^power with
    variances in proportion to the usual orders (Poisson); the weights are the normal likelihoods with k_c ~ N(0, τ²) integrated
    out, scaled to the average member, τ² by moments over campaigns and powers (an empirical Bayes factor; Kass & Raftery 1995).
    So campaigns that changed nothing beyond chance tell nothing. All campaigns count, whatever they were about.
    """
    found = []
    for _, part in _members(outcomes).groupby("campaign_id"):
        usual, years = part["usual"].to_numpy(), part["years"].to_numpy()
        left = part["after"].to_numpy() - usual * years
        noise = usual * years
        noise = noise * float(np.mean(left**2 / noise))
        turn = part["is_treated"].to_numpy() - part["chance"].to_numpy()
        for power in powers:
            shape = turn * usual**power / float((usual**power).mean())
            precision = float((shape**2 / noise).sum())
            found.append((float((shape * left / noise).sum()) / precision, precision))
    size, known = np.array(found).reshape(-1, len(powers), 2).transpose(2, 0, 1)
    excess = float((size**2 * known - 1).sum())
    spread = max(excess / float(known.sum()), 0.0) if known.size else 0.0
    gain = spread * known
    score = (size**2 * known * gain / (1 + gain) - np.log1p(gain)).sum(axis=0) / 2
    weight = np.exp(score - score.max())
    return np.asarray(weight / weight.sum())
