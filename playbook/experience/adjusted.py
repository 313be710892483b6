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
from scipy.special import expit
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.tools.numdiff import approx_fprime
from statsmodels.tools.sm_exceptions import PerfectSeparationError

from playbook.stats import false_discovery

__all__ = ["Adjusted", "adjusted_means"]

FEWEST = 5
MOST_LEVELS = 11
"""Most different answers that still count as a scale."""
MOST_NAMES = 20
"""Most levels of a control that are told apart; rarer ones are taken together."""
LEAST_CELL = 10
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
        One row a pair: ``lower``, ``upper``, ``difference`` (above zero), ``low``, ``high``, ``p_value`` of a true
        difference of at most ``smallest``, ``q_value`` (false discovery rate over the pairs).
    p_value
        Of all groups being equal (Wald test).
    parallel_p
        Of the groups being equally far apart all along the scale, as proportional odds ask (missing: not tested).
    method, note
        Model that was fitted, and what had to be left out; empty where nothing had.
    """

    table: pd.DataFrame
    pairs: pd.DataFrame
    p_value: float
    method: str
    note: str = ""
    parallel_p: float = np.nan


@dataclass(frozen=True)
class _Fit:
    means: np.ndarray
    covariance: np.ndarray
    p_value: float
    method: str
    note: str = ""
    parallel_p: float = np.nan


def adjusted_means(
    frame: pd.DataFrame, outcome: str, group: str, controls: Sequence[str], cluster: str, smallest: float = 0.0
) -> Adjusted:  # fmt: skip
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
    smallest
        Difference that does not matter yet: pairs are tested against it, not against zero.

    Notes
    -----
    Proportional odds (cumulative logit). Where it cannot be fitted (a group with the best answer only, more than 11
    different answers), a linear model takes its place and ``note`` says so. A control that only tells the groups apart
    once more is left out, with a note.

    References
    ----------
    McCullagh, P. (1980). Regression models for ordinal data. Journal of the Royal Statistical Society B 42.
    Agresti, A. & Kateri, M. (2017). Ordinal probability effect measures. Biometrics 73 (averages over the mix of cases).
    Brant, R. (1990). Assessing proportionality in the proportional odds model for ordinal logistic regression.
    Biometrics 46 (here with errors clustered by customer).
    Murphy, K. R. & Myors, B. (1999). Testing the hypothesis that treatments have negligible effects: minimum-effect
    tests in the general linear model. Journal of Applied Psychology 84.
    """
    names = sorted(frame[group].astype(str).unique())
    if len(names) < 2:
        raise ValueError(f"nothing to compare: one group in {group}")
    member = pd.get_dummies(frame[group].astype(str), dtype=float)[names].to_numpy()
    mix, note = _mix(frame, controls, member)
    clusters = frame[cluster].astype("object").where(frame[cluster].notna(), pd.Series([f"row {i}" for i in range(len(frame))], index=frame.index))  # fmt: skip
    fit = _fitted(frame[outcome].to_numpy(dtype=float), member, mix, pd.factorize(clusters)[0])
    fit = replace(fit, note=" ".join(part for part in (fit.note, note) if part))
    return _compared(fit, names, member.sum(axis=0), frame[outcome], smallest)


def _pooled(values: pd.Series) -> pd.Series:
    """Levels with fewer than five rows, and those beyond the twenty most frequent, become one level: other."""
    names = values.fillna("unknown").astype(str)
    counts = names.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return names.where(names.isin(counts.index[counts >= FEWEST][:MOST_NAMES]), "other")


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
        return _Fit(np.full(k, levels[0]), np.zeros((k, k)), 1.0, "no", "All answers are the same.")
    if len(levels) > MOST_LEVELS:
        why = f"{len(levels)} different answers are no scale"
        return _linear(answers, member, mix, why, clusters)
    ends = [np.unique(codes[column > 0]) for column in member.T]
    if any(len(end) == 1 and end[0] in (0, len(levels) - 1) for end in ends):
        return _linear(answers, member, mix, "a group has only the best or the worst answer")
    try:
        return _ordinal(levels, codes, member, mix, clusters)
    except (ValueError, np.linalg.LinAlgError, PerfectSeparationError) as error:
        return _linear(answers, member, mix, str(error), clusters)


class _ProportionalOdds(OrderedModel):
    """The ordered logit of statsmodels with its score written out: numeric derivatives take ten times as long."""

    def _law(self, params: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Probability of each answer, densities at its upper and lower cut, derivative of the cuts."""
        size = self.exog.shape[1]
        cuts, by_rest = _cut_points(params[size:])
        score = self.exog @ params[:size]
        ends = np.concatenate([[-np.inf], cuts, [np.inf]])
        upper, lower = expit(ends[self.endog + 1] - score), expit(ends[self.endog] - score)
        chance = np.maximum(upper - lower, 1e-300)
        return chance, upper * (1 - upper), lower * (1 - lower), by_rest

    def loglikeobs(self, params: np.ndarray) -> np.ndarray:
        return np.log(self._law(np.asarray(params))[0])

    def score_obs(self, params: np.ndarray) -> np.ndarray:
        chance, upper, lower, by_rest = self._law(np.asarray(params))
        count, row = len(by_rest), np.arange(len(chance))
        by_cut = np.zeros((len(chance), count + 2))
        by_cut[row, self.endog + 1] = upper / chance
        by_cut[row, self.endog] -= lower / chance
        by_score = ((lower - upper) / chance)[:, None] * self.exog
        return np.hstack([by_score, by_cut[:, 1:-1] @ by_rest])

    def score(self, params: np.ndarray) -> np.ndarray:
        return self.score_obs(params).sum(axis=0)

    def hessian(self, params: np.ndarray) -> np.ndarray:
        slope = approx_fprime(np.asarray(params), self.score, centered=True)
        return (slope + slope.T) / 2


def _cut_points(rest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut points from a first one and log steps (as statsmodels keeps them), and their derivatives."""
    steps = np.concatenate([rest[:1], np.exp(rest[1:])])
    by_rest = np.tril(np.tile(np.concatenate([[1.0], steps[1:]]), (len(steps), 1)))
    return np.cumsum(steps), by_rest


def _estimates(
    codes: np.ndarray, design: np.ndarray, clusters: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Slopes, cut points, derivative of the cut points by the parameters after the slopes, covariance of all."""
    kind = {"disp": False, "cov_type": "cluster", "cov_kwds": {"groups": clusters}}
    size, binary = design.shape[1], codes.max() == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if binary:
            fit = sm.Logit(codes, np.hstack([design, np.ones((len(codes), 1))])).fit(**kind)
        else:
            model = _ProportionalOdds(codes, design, distr="logit")
            fit = model.fit(method="bfgs", maxiter=300, **kind)
        covariance = np.asarray(fit.cov_params())
    slopes, rest = np.asarray(fit.params)[:size], np.asarray(fit.params)[size:]
    if not np.isfinite(covariance).all() or np.abs(slopes).max(initial=0) > SEPARATED:
        raise ValueError("some cases have only the best or only the worst answer")
    if not fit.mle_retvals["converged"] and np.abs(fit.model.score(fit.params)).max() > 1e-2:
        raise ValueError("the ordinal model did not converge")
    if binary:
        return slopes, -rest, np.array([[-1.0]]), covariance
    return slopes, *_cut_points(rest), covariance


def _ordinal(
    levels: np.ndarray, codes: np.ndarray, member: np.ndarray, mix: np.ndarray, clusters: np.ndarray
) -> _Fit:
    k = member.shape[1]
    found = _estimates(codes, np.hstack([member[:, 1:], mix]), clusters)
    slopes, cuts, by_rest, covariance = found
    rise, means, gradients = np.diff(levels), [], []
    for own in np.eye(k)[:, 1:]:
        score = own @ slopes[: k - 1] + mix @ slopes[k - 1 :]
        below = expit(cuts - score[:, None])
        density = below * (1 - below) * rise
        means.append(levels[0] + float(((1 - below) @ rise).mean()))
        by_score = density.sum(axis=1)
        parts = own * by_score.mean(), by_score @ mix / len(mix), -density.mean(axis=0) @ by_rest
        gradients.append(np.concatenate(parts))
    gradient = np.array(gradients)
    tested = slopes[: k - 1]
    wald = float(tested @ np.linalg.solve(covariance[: k - 1, : k - 1], tested))
    p_value, method = float(stats.chi2.sf(wald, k - 1)), "logit" if len(levels) == 2 else "proportional-odds"  # fmt: skip
    parallel = _parallel(codes, member, mix, clusters) if len(levels) > 2 else np.nan
    return _Fit(
        np.array(means), gradient @ covariance @ gradient.T, p_value, method, parallel_p=parallel
    )


def _parallel(
    codes: np.ndarray, member: np.ndarray, mix: np.ndarray, clusters: np.ndarray
) -> float:
    """P-value of equal slopes of the groups at every cut (Brant's test); cuts with fewer than ten cases in a cell are left out."""
    k, design = member.shape[1], np.hstack([member[:, 1:], mix, np.ones((len(codes), 1))])
    slopes, influence = [], []
    for cut in range(codes.max()):
        above = codes > cut
        if min((member[side].sum(axis=0)).min() for side in (above, ~above)) < LEAST_CELL:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = sm.Logit(above.astype(float), design).fit(disp=False)
        if fit.mle_retvals["converged"]:
            scores = (above - fit.predict())[:, None] * design
            slopes.append(np.asarray(fit.params)[: k - 1])
            influence.append((scores @ np.asarray(fit.cov_params()))[:, : k - 1])
    if len(slopes) < 2:
        return float("nan")
    sums = np.zeros((clusters.max() + 1, (k - 1) * len(slopes)))
    np.add.at(sums, clusters, np.hstack(influence))
    rest = (len(slopes) - 1) * (k - 1)
    contrast = np.hstack([-np.tile(np.eye(k - 1), (len(slopes) - 1, 1)), np.eye(rest)])
    gap = contrast @ np.concatenate(slopes)
    wald = float(gap @ np.linalg.pinv(contrast @ (sums.T @ sums) @ contrast.T) @ gap)
    return float(stats.chi2.sf(wald, rest))


def _linear(
    answers: np.ndarray, member: np.ndarray, mix: np.ndarray, why: str, clusters: np.ndarray | None = None
) -> _Fit:  # fmt: skip
    """Linear model; without clusters its errors are those of equal spread, which small groups need."""
    k = member.shape[1]
    kind = {} if clusters is None else {"cov_type": "cluster", "cov_kwds": {"groups": clusters}}
    fit = sm.OLS(answers, np.hstack([member, mix - mix.mean(axis=0)])).fit(**kind)
    covariance = np.asarray(fit.cov_params())[:k, :k]
    contrast = np.hstack([-np.ones((k - 1, 1)), np.eye(k - 1)])
    gap = contrast @ fit.params[:k]
    wald = float(gap @ np.linalg.pinv(contrast @ covariance @ contrast.T) @ gap)
    note = f"A linear model is used instead of the ordinal one: {why}."
    return _Fit(np.asarray(fit.params)[:k], covariance, float(stats.chi2.sf(wald, k - 1)), "linear", note)  # fmt: skip


def _test(fit: _Fit, weights: np.ndarray, smallest: float = 0.0) -> tuple[float, float, float]:
    """Weighted sum of means, its standard error, and the p-value of a true one of at most ``smallest`` in size."""
    value = float(weights @ fit.means)
    error = float(np.sqrt(max(weights @ fit.covariance @ weights, 0.0)))
    if error == 0:
        return value, error, 1.0
    near, far = (stats.norm.sf((abs(value) + side * smallest) / error) for side in (-1, 1))
    return value, error, float(min(near + far, 1.0))


def _compared(
    fit: _Fit, names: list[str], sizes: np.ndarray, answers: pd.Series, smallest: float
) -> Adjusted:
    lowest, highest = float(answers.min()), float(answers.max())
    errors = np.sqrt(np.clip(np.diag(fit.covariance), 0, None))
    table = pd.DataFrame({
        "group": names, "n": sizes.astype(int), "adjusted": fit.means,
        "low": np.clip(fit.means - Z * errors, lowest, highest), "high": np.clip(fit.means + Z * errors, lowest, highest),
    })  # fmt: skip
    against_rest, rows, one = [], [], np.eye(len(names))
    for place, size in enumerate(sizes):
        weights = one[place] - np.where(one[place], 0, sizes) / (sizes.sum() - size)
        against_rest.append(_test(fit, weights)[2])
    for i, j in combinations(np.argsort(fit.means, kind="stable"), 2):
        difference, error, p_value = _test(fit, one[j] - one[i], smallest)
        rows.append((names[i], names[j], difference, difference - Z * error, difference + Z * error, p_value))  # fmt: skip
    pairs = pd.DataFrame(rows, columns=["lower", "upper", "difference", "low", "high", "p_value"])
    pairs["q_value"] = false_discovery(pairs["p_value"])
    pairs = pairs.sort_values(
        ["q_value", "difference", "lower", "upper"],
        ascending=[True, False, True, True],
        ignore_index=True,
    )
    return Adjusted(
        table.assign(rest_p=against_rest), pairs, fit.p_value, fit.method, fit.note, fit.parallel_p
    )
