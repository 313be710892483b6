"""Means of groups for the same mix of cases: an ordinal model with intervals, and which groups differ.

Glossary
--------
adjusted mean
    Mean the group would have if its cases had the topics and priorities of all cases: predicted for
    every case in turn, then averaged.
proportional odds
    The odds of a better answer than any given one are multiplied by the same factor along the scale.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy import stats
from statsmodels.miscmodels.ordinal_model import OrderedModel

from playbook.stats import false_discovery

__all__ = ["Adjusted", "adjusted_means"]

FEWEST = 5
MOST_LEVELS = 11
"""Most different answers that still count as a scale."""
SEPARATED = 15.0
"""A coefficient beyond this (log odds) says that a group has only the best or the worst answer."""
Z = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class Adjusted:
    """Adjusted means of the groups.

    Attributes
    ----------
    table
        ``group``, ``n``, ``adjusted``, ``low``, ``high`` (95 %, delta method, clustered), ``rest_p``: p-value of the
        group against all other cases.
    pairs
        One row a pair: ``lower``, ``upper``, ``difference`` (above zero), ``low``, ``high``, ``p_value``, ``q_value``.
    p_value
        Of all groups being equal (Wald test).
    method, note
        Model that was fitted, and what had to be left out; empty where nothing had.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    p_value: float
    method: str
    note: str = ""


@dataclass(frozen=True)
class _Fit:
    means: np.ndarray
    covariance: np.ndarray
    p_value: float
    method: str
    note: str = ""


def adjusted_means(
    frame: pd.DataFrame, outcome: str, group: str, controls: Sequence[str], cluster: str
) -> Adjusted:
    """Compare the groups of a frame for the same mix of controls.

    Parameters
    ----------
    frame
        One row a case, without missing values in ``outcome`` and ``group``, in an order that is always the same.
    outcome
        Answers on an ordered scale, or 0 and 1.
    group, controls
        Columns of names; levels of a control with fewer than five rows are taken together.
    cluster
        Column whose equal values depend on each other (the customer); a missing one stands alone.

    Notes
    -----
    Proportional odds (cumulative logit). Where it cannot be fitted (a group with the best answer only, more than 11
    different answers), a linear model takes its place and ``note`` says so. A control that only tells the groups apart
    once more is left out, with a note.

    References
    ----------
    McCullagh, P. (1980). Regression models for ordinal data. Journal of the Royal Statistical Society B 42.
    Agresti, A. & Kateri, M. (2017). Ordinal probability effect measures. Biometrics 73 (averages over the mix of cases).
    """
    names = sorted(frame[group].astype(str).unique())
    if len(names) < 2:
        raise ValueError(f"nothing to compare: one group in {group}")
    member = pd.get_dummies(frame[group].astype(str), dtype=float)[names].to_numpy()
    mix, note = _mix(frame, controls, member)
    clusters = frame[cluster].astype("object").where(frame[cluster].notna(), pd.Series([f"row {i}" for i in range(len(frame))], index=frame.index))  # fmt: skip
    fit = _fitted(frame[outcome].to_numpy(dtype=float), member, mix, pd.factorize(clusters)[0])
    fit = replace(fit, note=" ".join(part for part in (fit.note, note) if part))
    return _compared(fit, names, member.sum(axis=0), frame[outcome])


def _pooled(values: pd.Series) -> pd.Series:
    """Levels with fewer than five rows become one level: other."""
    names = values.fillna("unknown").astype(str)
    return names.where(names.map(names.value_counts()) >= FEWEST, "other")


def _mix(frame: pd.DataFrame, controls: Sequence[str], member: np.ndarray) -> tuple[np.ndarray, str]:  # fmt: skip
    """Columns of the controls that can be told apart from the groups and from each other."""
    kept, left = np.empty((len(frame), 0)), []
    for name in controls:
        columns = pd.get_dummies(_pooled(frame[name]), dtype=float).sort_index(axis=1).iloc[:, 1:]
        wider = np.hstack([kept, columns.to_numpy()])
        if np.linalg.matrix_rank(np.hstack([member, wider])) < member.shape[1] + wider.shape[1]:
            left.append(name)
        else:
            kept = wider
    note = f"The {' and '.join(left)} cannot be held equal: it goes hand in hand with what is compared." if left else ""  # fmt: skip
    return kept, note


def _fitted(answers: np.ndarray, member: np.ndarray, mix: np.ndarray, clusters: np.ndarray) -> _Fit:
    levels, codes = np.unique(answers, return_inverse=True)
    if len(levels) == 1:
        k = member.shape[1]
        return _Fit(np.full(k, levels[0]), np.zeros((k, k)), 1.0, "none", "All answers are the same.")  # fmt: skip
    if len(levels) > MOST_LEVELS:
        return _linear(
            answers, member, mix, clusters, f"{len(levels)} different answers are no scale"
        )
    try:
        return _ordinal(levels, codes, member, mix, clusters)
    except (ValueError, np.linalg.LinAlgError) as error:
        return _linear(answers, member, mix, clusters, str(error))


def _ordinal(
    levels: np.ndarray, codes: np.ndarray, member: np.ndarray, mix: np.ndarray, clusters: np.ndarray
) -> _Fit:
    k = member.shape[1]
    design = np.hstack([member[:, 1:], mix])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = OrderedModel(codes, design, distr="logit").fit(
            method="bfgs", maxiter=300, disp=False, cov_type="cluster", cov_kwds={"groups": clusters}
        )  # fmt: skip
        covariance = np.asarray(fit.cov_params())
    size = design.shape[1]
    slopes = np.asarray(fit.params)[:size]
    if not np.isfinite(covariance).all() or np.abs(slopes).max() > SEPARATED:
        raise ValueError("a group has only the best or only the worst answer")
    if not fit.mle_retvals["converged"] and np.abs(fit.model.score(fit.params)).max() > 1e-2:
        raise ValueError("the ordinal model did not converge")
    steps = np.asarray(fit.params)[size:]
    cuts = np.cumsum(np.concatenate([steps[:1], np.exp(steps[1:])]))
    slope_of_cuts = np.tril(
        np.column_stack([np.ones(len(cuts)), *(np.full(len(cuts), w) for w in np.exp(steps[1:]))])
    )
    rise, means, gradients = np.diff(levels), [], []
    for place in range(k):
        own = np.eye(k)[place, 1:]
        score = own @ slopes[: k - 1] + mix @ slopes[k - 1 :]
        below = stats.logistic.cdf(cuts - score[:, None])
        density = below * (1 - below) * rise
        means.append(levels[0] + float(((1 - below) @ rise).mean()))
        by_score = density.sum(axis=1)
        gradients.append(
            np.concatenate([own * by_score.mean(), by_score @ mix / len(mix), -density.mean(axis=0) @ slope_of_cuts])
        )  # fmt: skip
    gradient = np.array(gradients)
    tested = slopes[: k - 1]
    wald = float(tested @ np.linalg.solve(covariance[: k - 1, : k - 1], tested))
    return _Fit(np.array(means), gradient @ covariance @ gradient.T, float(stats.chi2.sf(wald, k - 1)), "proportional odds")  # fmt: skip


def _linear(
    answers: np.ndarray, member: np.ndarray, mix: np.ndarray, clusters: np.ndarray, why: str
) -> _Fit:
    k = member.shape[1]
    fit = sm.OLS(answers, np.hstack([member, mix - mix.mean(axis=0)])).fit(
        cov_type="cluster", cov_kwds={"groups": clusters}
    )
    contrast = np.hstack([-np.ones((k - 1, 1)), np.eye(k - 1), np.zeros((k - 1, mix.shape[1]))])
    covariance = np.asarray(fit.cov_params())
    gap = contrast @ fit.params
    wald = float(gap @ np.linalg.pinv(contrast @ covariance @ contrast.T) @ gap)
    note = f"A linear model is used instead of the ordinal one: {why}."
    return _Fit(np.asarray(fit.params)[:k], covariance[:k, :k], float(stats.chi2.sf(wald, k - 1)), "linear", note)  # fmt: skip


def _test(difference: float, weights: np.ndarray, covariance: np.ndarray) -> tuple[float, float]:
    """Standard error and p-value of a weighted sum of means."""
    error = float(np.sqrt(max(weights @ covariance @ weights, 0.0)))
    return error, float(2 * stats.norm.sf(abs(difference) / error)) if error > 0 else 1.0


def _compared(fit: _Fit, names: list[str], sizes: np.ndarray, answers: pd.Series) -> Adjusted:
    lowest, highest = float(answers.min()), float(answers.max())
    errors = np.sqrt(np.clip(np.diag(fit.covariance), 0, None))
    table = pd.DataFrame({
        "group": names, "n": sizes.astype(int), "adjusted": fit.means,
        "low": np.clip(fit.means - Z * errors, lowest, highest), "high": np.clip(fit.means + Z * errors, lowest, highest),
    })  # fmt: skip
    against_rest, rows, one = [], [], np.eye(len(names))
    for place, size in enumerate(sizes):
        weights = one[place] - np.where(one[place], 0, sizes) / (sizes.sum() - size)
        against_rest.append(_test(float(weights @ fit.means), weights, fit.covariance)[1])
    for i, j in combinations(np.argsort(fit.means, kind="stable"), 2):
        difference = float(fit.means[j] - fit.means[i])
        error, p_value = _test(difference, one[j] - one[i], fit.covariance)
        rows.append((names[i], names[j], difference, difference - Z * error, difference + Z * error, p_value))  # fmt: skip
    pairs = pd.DataFrame(rows, columns=["lower", "upper", "difference", "low", "high", "p_value"])
    pairs["q_value"] = false_discovery(pairs["p_value"])
    pairs = pairs.sort_values(
        ["q_value", "difference", "lower", "upper"],
        ascending=[True, False, True, True],
        ignore_index=True,
    )
    return Adjusted(table.assign(rest_p=against_rest), pairs, fit.p_value, fit.method, fit.note)
