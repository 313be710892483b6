"""Drivers of satisfaction: adjusted coefficients decide, shares of explained variance rank.

Glossary
--------
driver
    A variable whose adjusted coefficient passes false-discovery control and a minimum effect. It
    goes together with the outcome, other things being equal; only an experiment can show a cause.
adjusted coefficient
    Coefficient beside all other drivers and the confounders, in standard deviations of the outcome
    per standard deviation of the driver.
LMG share
    Share of the outcome's variance that a driver explains, averaged over all orders in which the
    drivers can enter (the Shapley value of R squared). It ranks; it does not decide.
confounder
    A variable that moves both driver and outcome (case type, say); it is partialled out first.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from statsmodels.miscmodels.ordinal_model import OrderedModel
from statsmodels.tools.sm_exceptions import ConvergenceWarning, HessianInversionWarning

from playbook.stats import false_discovery

__all__ = ["driver_analysis", "lmg_shares"]

MOST_PLAYERS = 12
"""Most drivers (or groups) for which all orders are averaged exactly: 2^12 subsets."""

MOST_LEVELS = 11
"""Most levels of an outcome that still counts as ordinal (0 to 10)."""

COLLINEAR = 1e8
"""Largest condition number of the correlation matrix of drivers."""


def lmg_shares(
    correlation: pd.DataFrame, outcome: str, groups: Mapping[str, Sequence[str]] | None = None
) -> pd.Series:
    """Split R squared over the drivers by the Shapley value (LMG).

    Parameters
    ----------
    correlation
        Correlation (or covariance) matrix of the outcome and the drivers, square, labelled.
    outcome
        Label of the outcome; all other labels are drivers.
    groups
        Name -> drivers that enter together; every driver in exactly one. Each alone when absent.

    Returns
    -------
    pandas.Series
        Share of the outcome's variance by driver or group; their sum is R squared.

    Raises
    ------
    ValueError
        More than 12 drivers or groups, groups that do not cover the drivers, or collinear drivers.

    References
    ----------
    Lindeman, R. H., Merenda, P. F. & Gold, R. Z. (1980). Introduction to Bivariate and
    Multivariate Analysis, p. 119; Groemping, U. (2006). Relative importance for linear regression.
    """
    drivers = [name for name in correlation.columns if name != outcome]
    players = {name: [name] for name in drivers} if groups is None else dict(groups)
    if sorted(name for members in players.values() for name in members) != sorted(drivers):
        raise ValueError("every driver must be in exactly one group")
    if len(players) > MOST_PLAYERS:
        raise ValueError(
            f"shares are exact for at most {MOST_PLAYERS} drivers; got {len(players)}: average "
            "questions of one topic into one driver, or name groups that enter together"
        )
    scale = np.sqrt(np.diag(correlation.loc[drivers, drivers]))
    within = correlation.loc[drivers, drivers].to_numpy() / np.outer(scale, scale)
    if not np.isfinite(within).all() or np.linalg.cond(within) > COLLINEAR:
        raise ValueError(f"these drivers never vary or repeat each other: {drivers}; leave one out")
    with_outcome = correlation.loc[drivers, outcome].to_numpy() / scale
    total = float(np.asarray(correlation.loc[outcome, outcome]))
    members = [[drivers.index(name) for name in names] for names in players.values()]
    count = len(members)
    explained = np.zeros(1 << count)
    for size in range(1, count + 1):
        for subset in combinations(range(count), size):
            inside = [i for player in subset for i in members[player]]
            part = np.linalg.solve(within[np.ix_(inside, inside)], with_outcome[inside])
            explained[sum(1 << player for player in subset)] = part @ with_outcome[inside] / total
    sets = np.arange(1 << count)
    sizes = np.array([int(s).bit_count() for s in sets])
    weight = np.array([1 / (count * comb(count - 1, size)) for size in range(count)])
    shares = {}
    for player, name in enumerate(players):
        without = sets[(sets >> player) & 1 == 0]
        gain = explained[without | (1 << player)] - explained[without]
        shares[name] = float((weight[sizes[without]] * gain).sum())
    return pd.Series(shares, name="share")


def _numbers(frame: pd.DataFrame, columns: Sequence[str], dummies: bool) -> pd.DataFrame:
    """Columns as floats; text becomes 0/1 columns (first level left out) where allowed."""
    parts = []
    for column in columns:
        values = frame[column]
        if pd.api.types.is_numeric_dtype(values):
            parts.append(values.astype(float))
        elif dummies:
            counts = values.astype(str).value_counts()
            rare = sorted(counts.index[counts < 2])
            if rare:
                raise ValueError(f"{column}: {rare} have one row each; pool them with other levels")
            coded = pd.get_dummies(values.astype(str), prefix=column, dtype=float)
            parts.append(coded[sorted(coded.columns)[1:]])
        else:
            raise ValueError(f"{column} holds text; turn it into numbers or 0/1 columns first")
    return pd.concat(parts, axis=1) if parts else pd.DataFrame(index=frame.index)


def _complete(
    frame: pd.DataFrame, columns: list[str], clusters: str | None, weights: str | None
) -> pd.DataFrame:
    """Rows with every column known, in an order that depends on their content alone."""
    used = list(dict.fromkeys([*columns, *(c for c in (clusters, weights) if c)]))
    absent = [column for column in used if column not in frame]
    if absent:
        raise ValueError(f"no column {absent} in the frame")
    rows = frame[used].dropna()
    if weights and (rows[weights] <= 0).any():
        raise ValueError(f"{weights}: weights must be positive; leave out rows of weight zero")
    return rows.sort_values(used, ignore_index=True)


def _standardised(values: pd.DataFrame, weight: np.ndarray) -> pd.DataFrame:
    mean = np.average(values, axis=0, weights=weight)
    spread = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))
    flat = [str(c) for c, s in zip(values.columns, spread, strict=True) if s < 1e-12]
    if flat:
        raise ValueError(f"{flat} never vary in the {len(values)} complete rows; leave them out")
    return (values - mean) / spread


def _partial_covariance(
    y: pd.Series, x: pd.DataFrame, held: pd.DataFrame, weight: np.ndarray
) -> pd.DataFrame:
    """Weighted covariance of outcome and drivers after the confounders are partialled out.

    The outcome's own variance is the one before, so that shares are of all variance.
    """
    root = np.sqrt(weight / weight.sum())[:, None]
    joined = pd.concat([y, x], axis=1)
    values = joined.to_numpy() * root
    control = np.column_stack([np.ones(len(y)), held.to_numpy()]) * root
    left = values - control @ np.linalg.lstsq(control, values, rcond=None)[0]
    covariance = left.T @ left
    covariance[0, 0] = 1.0
    return pd.DataFrame(covariance, joined.columns, joined.columns)


def _ordinal_signs(y: pd.Series, x: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """Sign of each driver in a proportional-odds model, unweighted; missing when it has no fit."""
    unknown = pd.Series(np.nan, index=list(names))
    levels, codes = np.unique(y, return_inverse=True)
    if not 2 < len(levels) <= MOST_LEVELS:
        return unknown
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        warnings.simplefilter("ignore", HessianInversionWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            fit = OrderedModel(codes, x.to_numpy(), distr="logit").fit(
                method="bfgs", maxiter=300, disp=0
            )
        except (ConvergenceWarning, np.linalg.LinAlgError):
            return unknown
    return pd.Series(np.sign(fit.params[: len(names)]), index=list(names))


def _fit(y: pd.Series, x: pd.DataFrame, weight: np.ndarray, clusters: pd.Series | None) -> Any:
    model = sm.WLS(y, sm.add_constant(x), weights=weight)
    if clusters is None:
        return model.fit(cov_type="HC3", use_t=True)
    codes = pd.factorize(clusters, sort=True)[0]
    if codes.max() < 10:
        raise ValueError(
            f"cluster-robust errors need more than 10 clusters; got {codes.max() + 1} in "
            f"{clusters.name}"
        )
    return model.fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)


def _judged(
    result: pd.DataFrame, signs: pd.Series, minimum_effect: float, rate: float
) -> pd.DataFrame:
    """Add ``q_value``, ``sign_agrees`` and ``is_driver``."""
    agrees = pd.Series(signs.to_numpy() == np.sign(result["coefficient"]), dtype="boolean")
    agrees = agrees.mask(signs.isna().to_numpy())
    q_value = pd.Series(false_discovery(result["p_value"]), index=result.index)
    passes = (q_value <= rate) & (result["coefficient"].abs() >= minimum_effect)
    judged = result.assign(sign_agrees=agrees, is_driver=passes & agrees.fillna(True).astype(bool))
    judged.insert(5, "q_value", q_value)
    return judged


def _check_names(outcome: str, drivers: Sequence[str], confounders: Sequence[str]) -> None:
    if not drivers or len(set(drivers)) < len(drivers) or outcome in drivers:
        raise ValueError("name at least one driver, each once, and not the outcome itself")
    if set(confounders) & {outcome, *drivers}:
        raise ValueError("a confounder can be neither a driver nor the outcome")


def driver_analysis(
    frame: pd.DataFrame,
    outcome: str,
    drivers: Sequence[str],
    confounders: Sequence[str] = (),
    clusters: str | None = None,
    weights: str | None = None,
    minimum_effect: float = 0.1,
    level: float = 0.95,
    false_discovery_rate: float = 0.05,
) -> pd.DataFrame:
    """Find which variables go together with an outcome, other things being equal.

    Parameters
    ----------
    frame
        One row an answer (or case).
    outcome
        Ordinal or continuous number, such as an answer from 0 to 10.
    drivers
        Numeric columns, at most 12.
    confounders
        Columns held constant; text becomes 0/1 columns.
    clusters
        Column of what rows belong together (customer); errors are robust to it. HC3 when absent.
    weights
        Column of positive survey weights.
    minimum_effect
        Smallest standardised coefficient, without sign, that counts (0.1 is Cohen's small).
    level
        Confidence level of ``low`` and ``high``.
    false_discovery_rate
        Largest q-value of a driver.

    Returns
    -------
    pandas.DataFrame
        Sorted by ``share``, then name: ``driver``, ``coefficient`` (standardised), ``low``,
        ``high``, ``p_value``, ``q_value``, ``share`` (LMG share of all variance of the outcome,
        beyond the confounders), ``sign_agrees`` (with an unweighted proportional-odds model; missing where the
        outcome has 2 or more than 11 levels, or it cannot be fitted), ``is_driver``, ``n`` and
        ``n_missing`` (rows left out because a column was missing).

    Raises
    ------
    ValueError
        Absent, text or constant columns, more than 12 drivers, collinear columns, too few rows.
    """
    _check_names(outcome, drivers, confounders)
    names = sorted(drivers)
    rows = _complete(frame, [outcome, *names, *sorted(confounders)], clusters, weights)
    raw_x = _numbers(rows, names, dummies=False)
    held = _numbers(rows, sorted(confounders), dummies=True)
    raw_y = _numbers(rows, [outcome], dummies=False)
    n, needed = len(rows), 5 * (len(names) + held.shape[1] + 1)
    if n < needed:
        raise ValueError(
            f"{n} complete rows for {len(names)} drivers and {held.shape[1]} confounder columns; "
            f"at least {needed} are needed"
        )
    weight = rows[weights].to_numpy(float) if weights else np.ones(n)
    y = _standardised(raw_y, weight)[outcome]
    x = _standardised(raw_x, weight)
    held = _standardised(held, weight) if held.shape[1] else held
    everything = pd.concat([x, held], axis=1)
    if np.linalg.cond(everything) ** 2 > COLLINEAR:
        raise ValueError(
            f"drivers and confounders repeat each other: {list(everything.columns)}; leave one out"
        )
    shares = lmg_shares(_partial_covariance(y, x, held, weight), outcome)
    fit = _fit(y, everything, weight, rows[clusters] if clusters else None)
    ends = fit.conf_int(alpha=1 - level)
    signs = _ordinal_signs(raw_y[outcome], everything, names)
    result = pd.DataFrame(
        {
            "driver": names,
            "coefficient": fit.params[names].to_numpy(),
            "low": ends.loc[names, 0].to_numpy(),
            "high": ends.loc[names, 1].to_numpy(),
            "p_value": fit.pvalues[names].to_numpy(),
            "share": shares[names].to_numpy(),
        }
    )
    result = _judged(result, signs, minimum_effect, false_discovery_rate)
    result = result.assign(n=n, n_missing=len(frame) - n)
    return result.sort_values(["share", "driver"], ascending=[False, True], ignore_index=True)
