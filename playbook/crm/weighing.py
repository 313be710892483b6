"""How beliefs about responses meet what campaigns measured: a normal hierarchical model in closed form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from playbook.crm.measured import spread_between_segments
from playbook.crm.need_fit import NeedWeights

__all__ = ["TOGETHER", "combine", "learnt_needs", "optimism", "repeats", "with_weights"]

TOGETHER = 0.5
"""How far the beliefs of a plan may be off together before campaigns speak (relative standard deviation)."""


def combine(
    belief: float, belief_error: float, measured: pd.DataFrame, segments: Sequence[str], between: float, campaigns: float = 0.0,
    weight: np.ndarray | None = None, doubt: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return mean and covariance of an action's responses by segment, given belief and measurements.

    Parameters
    ----------
    belief, belief_error
        Mean and standard deviation of the response over all segments before anything was measured.
    measured
        campaign_id, segment, response, standard_error of campaigns of the action's kind.
    segments
        Wanted, in this order.
    between, campaigns
        Variance of the responses between segments, and between campaigns of one kind.
    weight, doubt
        How much more than on average the action is expected to work in each segment (mean one), and the covariance of
        these weights; none: alike everywhere.

    Notes
    -----
    Normal hierarchical model: response of segment s θ_s = μ w_s + δ_s with μ ~ N(belief, belief_error²), δ_s ~ N(0, between);
    a measured figure is θ_s + u_c + e with its standard error, u_c ~ N(0, campaigns). The answer is its posterior in closed
    form. A segment nobody measured gets μ w_s, so that what is measured in one segment moves the others too (Efron & Morris
    1975; Gelman & Hill 2007, chapter 12, with the weight as predictor at the level of segments).
    """
    names = list(segments)
    w = np.ones(len(names)) if weight is None else weight
    mean = belief * w
    covariance = belief_error**2 * np.outer(w, w) + between * np.eye(len(names))
    if doubt is not None:
        covariance = covariance + (belief**2 + belief_error**2) * doubt
    rows = measured[measured["segment"].isin(names)].sort_values(["campaign_id", "segment"])
    if rows.empty:
        return mean, covariance
    pick = (rows["segment"].to_numpy()[:, None] == np.array(names)[None, :]).astype(float)
    campaign = rows["campaign_id"].to_numpy()
    noise = np.diag(rows["standard_error"].to_numpy(float) ** 2)
    noise += campaigns * (campaign[:, None] == campaign[None, :])
    gain = np.linalg.solve(pick @ covariance @ pick.T + noise, pick @ covariance).T
    mean = mean + gain @ (rows["response"].to_numpy(float) - pick @ mean)
    left = covariance - gain @ pick @ covariance
    return mean, (left + left.T) / 2


def with_weights(
    measured: pd.DataFrame, segments: Sequence[str], weight: np.ndarray
) -> pd.DataFrame:
    """Return measured figures with the weight of their segment."""
    return measured.assign(weight=measured["segment"].map(dict(zip(segments, weight, strict=True))))


def optimism(
    prior: Mapping[str, np.ndarray], doubt: Mapping[str, float], own: Mapping[str, Sequence[pd.DataFrame]], power: int,
    left_out: str = "",
) -> tuple[float, float]:  # fmt: skip
    """Return by what beliefs of the plan are to be multiplied, and its standard error, from campaigns of the other actions.

    Plans are optimistic together (Kahneman & Tversky 1979), which the class of measured campaigns tells (reference class
    forecasting, Flyvbjerg 2008): what they measured is regressed through the origin on what was believed, with a
    normal prior around one. Never below zero; one, without error, where no campaign tells.
    """
    precision, total, heard = 1 / TOGETHER**2, 1 / TOGETHER**2, False
    for name, measured in own.items():
        rows, believed = measured[power], float(prior[name][power])
        if name == left_out or rows.empty or believed == 0:
            continue
        shape = rows["weight"].to_numpy(float)
        weight = 1 / rows["standard_error"].to_numpy(float) ** 2
        square = float((weight * shape**2).sum())
        seen = float((weight * shape * rows["response"].to_numpy(float)).sum() / square)
        share = 1 / (1 / square + (doubt[name] * believed) ** 2)
        precision += share * believed**2
        total += share * believed * seen
        heard = True
    return (max(total / precision, 0.0), precision**-0.5) if heard else (1.0, 0.0)


def repeats(measured: pd.DataFrame) -> float:
    """Return the variance between campaigns of one kind, from the segments they share."""
    if measured["campaign_id"].nunique() < 2:
        return 0.0
    return spread_between_segments(measured.rename(columns={"campaign_id": "segment", "segment": "campaign_id"}))  # fmt: skip


def learnt_needs(
    needs: NeedWeights, segments: Sequence[str], prior: Mapping[str, np.ndarray], doubt: Mapping[str, float],
    own: Mapping[str, Sequence[pd.DataFrame]], powers: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Return the probability of each exponent of the need weights, given all measured campaigns.

    Under exponent β an action's responses are N(k w_s^β, …) as in `combine`; the normal likelihoods of all actions with
    campaigns multiply (a meta-regression on stated need with a shared exponent; Gelman & Hill 2007, chapter 13). Whether
    customers answer as they say they would is known to differ (Ansari & Mela 2003 learn it from each one's clicks), so
    the data may say β = 0, in which case stated needs say nothing. Each β comes with the variance between segments that it leaves.
    """
    logs = np.zeros((len(powers), len(needs.probability)))
    speaking = [k for k, weight in needs.by_action.items() if np.ptp(weight, axis=0).any()]
    for g in range(len(powers)):
        told = {k: own[k][g] for k in speaking if len(own[k][g]) and prior[k][g]}
        for e in range(len(needs.probability)):
            weighed = {k: with_weights(m, segments, needs.by_action[k][e]) for k, m in told.items()}
            between = spread_between_segments(pd.concat(weighed.values())) if weighed else 0.0
            for name, rows in weighed.items():
                belief = float(prior[name][g])
                spread = abs(belief) * float(np.hypot(doubt[name], TOGETHER))
                logs[g, e] += _likelihood(rows, belief, spread, between)
    part = needs.probability * np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers @ (part / part.sum(axis=1, keepdims=True)))


def _likelihood(rows: pd.DataFrame, belief: float, spread: float, between: float) -> float:
    """Log of the normal likelihood of measured figures with their weights, up to a constant."""
    w, segment = rows["weight"].to_numpy(float), rows["segment"].to_numpy()
    covariance = spread**2 * np.outer(w, w) + between * (segment[:, None] == segment[None, :])
    covariance += np.diag(rows["standard_error"].to_numpy(float) ** 2)
    off = rows["response"].to_numpy(float) - belief * w
    return -0.5 * float(off @ np.linalg.solve(covariance, off) + np.linalg.slogdet(covariance)[1])
