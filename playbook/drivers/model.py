"""Which variables go together with an outcome: raw and adjusted coefficients, shares, the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm

from playbook.drivers.ordinal import parallel_test, proportional_odds
from playbook.drivers.resampling import share_intervals
from playbook.drivers.shares import COLLINEAR, lmg_shares
from playbook.stats import false_discovery

__all__ = ["driver_analysis"]


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
    frame: pd.DataFrame, columns: list[str], clusters: str | None, weights: str | None, partial: Sequence[str]
) -> pd.DataFrame:  # fmt: skip
    """Rows with every column known but the ``partial`` ones, in an order that depends on their content alone."""
    used = list(dict.fromkeys([*columns, *(c for c in (clusters, weights) if c)]))
    absent = [column for column in used if column not in frame]
    if absent:
        raise ValueError(f"no column {absent} in the frame")
    rows = frame[used].dropna(subset=[column for column in used if column not in partial])
    if weights and (rows[weights] <= 0).any():
        raise ValueError(f"{weights}: weights must be positive; leave out rows of weight zero")
    return rows.sort_values(used, ignore_index=True)


def _standardised(values: pd.DataFrame, weight: np.ndarray) -> pd.DataFrame:
    """Columns with mean zero and variance one over the rows where they are known; zero elsewhere."""
    known = values.notna().to_numpy() * weight[:, None]
    mean = (values.fillna(0.0) * known).sum() / known.sum(axis=0)
    spread = np.sqrt((((values - mean) ** 2).fillna(0.0) * known).sum() / known.sum(axis=0))
    flat = [str(c) for c, s in spread.items() if not s > 1e-12]
    if flat:
        raise ValueError(f"{flat} never vary in the {len(values)} complete rows; leave them out")
    return ((values - mean) / spread).fillna(0.0)


def _repeating(values: pd.DataFrame) -> list[str]:
    """Columns that take part in the strongest linear dependence."""
    direction = np.abs(np.linalg.svd(values.to_numpy(), full_matrices=False)[2][-1])
    return [str(c) for c, part in zip(values.columns, direction, strict=True) if part > 0.1 * direction.max()]  # fmt: skip


def _applies(raw_x: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """0/1 columns of the rows that each driver applies to, without those that others repeat.

    Where fewer than five rows are missing they simply count as average.
    """
    partial = raw_x.columns[raw_x.isna().any()]
    kept = np.column_stack([np.ones(len(raw_x)), held.to_numpy(float)])
    found = {}
    for name in partial:
        column = raw_x[name].notna().to_numpy(float)
        if len(column) - column.sum() < 5:
            continue
        rest = column - kept @ np.linalg.lstsq(kept, column, rcond=None)[0]
        if rest @ rest > 1e-6 * len(column):
            found[f"{name} applies"] = column
            kept = np.column_stack([kept, column])
    return pd.DataFrame(found, index=raw_x.index)


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


def _fit(
    y: np.ndarray, x: np.ndarray, weight: np.ndarray, codes: np.ndarray | None, name: str
) -> Any:
    model = sm.WLS(y, np.column_stack([np.ones(len(y)), x]), weights=weight)
    if codes is None:
        return model.fit(cov_type="HC3", use_t=True)
    if codes.max() < 10:
        raise ValueError(
            f"cluster-robust errors need more than 10 clusters; got {codes.max() + 1} in {name}"
        )
    return model.fit(cov_type="cluster", cov_kwds={"groups": codes}, use_t=True)


def _coefficients(fit: Any, count: int, level: float) -> np.ndarray:
    """Coefficient, low, high and p-value of the first ``count`` columns after the constant."""
    here = slice(1, count + 1)
    ends = fit.conf_int(alpha=1 - level)[here]
    return np.column_stack([fit.params[here], ends, fit.pvalues[here]])


def _raw(
    y: np.ndarray, x: pd.DataFrame, applies: pd.DataFrame, weight: np.ndarray,
    codes: np.ndarray | None, name: str, level: float,
) -> np.ndarray:  # fmt: skip
    """Coefficient of each driver alone: no other driver, no confounder, but where it applies."""
    parts = []
    for driver in x.columns:
        own = [applies[c].to_numpy() for c in applies if c == f"{driver} applies"]
        columns = np.column_stack([x[driver].to_numpy(), *own])
        parts.append(_coefficients(_fit(y, columns, weight, codes, name), 1, level))
    return np.vstack(parts)


def _ordinal(
    y: np.ndarray, x: np.ndarray, count: int, weight: np.ndarray, codes: np.ndarray, level: float
) -> pd.DataFrame:
    """Odds ratio of each of the first columns in a proportional-odds model, and the test of that model."""
    columns = ["odds_ratio", "odds_low", "odds_high"]
    fit = proportional_odds(y, x, weight, codes, level)
    if fit is None:
        return pd.DataFrame(np.nan, range(count), [*columns, "parallel_q"])
    odds = np.exp(np.column_stack([fit.coefficient, fit.low, fit.high])[:count])
    p_values = parallel_test(y, x, count, weight, codes)
    q_values = false_discovery(p_values) if np.isfinite(p_values).all() else p_values
    return pd.DataFrame(odds, columns=columns).assign(parallel_q=q_values)


def _judged(result: pd.DataFrame, minimum_effect: float, rate: float) -> pd.DataFrame:
    """Add ``q_value``, ``sign_agrees``, ``is_driver`` and ``raw_driver``."""
    signs = np.sign(np.log(result["odds_ratio"]))
    agrees = pd.Series(signs == np.sign(result["coefficient"]), dtype="boolean")
    agrees = agrees.mask(signs.isna())
    q_value = pd.Series(false_discovery(result["p_value"]), index=result.index)
    raw_q = pd.Series(false_discovery(result["raw_p_value"]), index=result.index)
    passes = (q_value <= rate) & (result["coefficient"].abs() >= minimum_effect)
    before = (raw_q <= rate) & (result["raw_coefficient"].abs() >= minimum_effect)
    judged = result.drop(columns="raw_p_value").assign(
        raw_q=raw_q, raw_driver=before,
        sign_agrees=agrees, is_driver=passes & agrees.fillna(True).astype(bool),
    )  # fmt: skip
    judged.insert(5, "q_value", q_value)
    return judged


def _check_names(outcome: str, drivers: Sequence[str], confounders: Sequence[str]) -> None:
    if not drivers or len(set(drivers)) < len(drivers) or outcome in drivers:
        raise ValueError("name at least one driver, each once, and not the outcome itself")
    if set(confounders) & {outcome, *drivers}:
        raise ValueError("a confounder can be neither a driver nor the outcome")


def _check_rows(n: int, drivers: int, confounders: int) -> None:
    needed = 5 * (drivers + confounders + 1)
    if n < needed:
        raise ValueError(
            f"{n} complete rows for {drivers} drivers and {confounders} confounder columns; "
            f"at least {needed} are needed"
        )


def _check_apart(values: pd.DataFrame) -> None:
    if np.linalg.cond(values) ** 2 > COLLINEAR:
        raise ValueError(
            f"drivers and confounders repeat each other: {_repeating(values)}; leave one out"
        )


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
    draws: int = 500,
    seed: int = 0,
    partial: Sequence[str] = (),
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
        Column of positive survey weights; every part of the analysis uses them.
    minimum_effect
        Smallest standardised coefficient, without sign, that counts (0.1 is Cohen's small).
    level
        Confidence level of ``low`` and ``high``.
    false_discovery_rate
        Largest q-value of a driver.
    draws, seed
        Resamples for the intervals of the shares, and the seed of their random numbers.
    partial
        Drivers that apply to some rows only (satisfaction with a touchpoint that not all have met): missing says
        that it does not apply. Whether it applies is held constant, the coefficient is that of a standard deviation
        among the rows it applies to, and the share is of the variance of all rows. Use it for what is missing
        because it does not apply, not for answers refused (Jones 1996).

    Returns
    -------
    pandas.DataFrame
        Sorted by ``share``, then name:

        - ``driver``, ``coefficient`` (standardised, beside all others), ``low``, ``high``, ``p_value``, ``q_value``;
        - ``share`` (LMG share of all variance of the outcome, beyond the confounders), ``share_low``,
          ``share_high`` (bootstrap; from zero where the share is within what chance gives),
          ``share_chance`` (mean share if no driver mattered);
        - ``raw_coefficient``, ``raw_low``, ``raw_high``, ``raw_q``, ``raw_driver``: the same, each driver alone;
        - ``odds_ratio``, ``odds_low``, ``odds_high`` (of a higher answer, proportional-odds model),
          ``parallel_q`` (test that the ratio is the same along the scale, adjusted for the number of drivers);
          missing where the outcome has 2 or more than 11 levels, or it cannot be fitted or tested;
        - ``sign_agrees`` (of linear and ordinal coefficient; missing where there is none), ``is_driver``;
        - ``n`` and ``n_missing`` (rows left out because a column was missing).

    Raises
    ------
    ValueError
        Absent, text or constant columns, more than 12 drivers, collinear columns, too few rows.

    References
    ----------
    Jones, M. P. (1996). Indicator and stratification methods for missing explanatory variables in multiple linear
    regression. JASA 91, 222-230.
    """
    _check_names(outcome, drivers, confounders)
    names = sorted(drivers)
    rows = _complete(frame, [outcome, *names, *sorted(confounders)], clusters, weights, partial)
    raw_x = _numbers(rows, names, dummies=False)
    held = _numbers(rows, sorted(confounders), dummies=True)
    applies = _applies(raw_x, held)
    held = pd.concat([held, applies], axis=1)
    raw_y = _numbers(rows, [outcome], dummies=False)
    n = len(rows)
    _check_rows(n, len(names), held.shape[1])
    weight = rows[weights].to_numpy(float) if weights else np.ones(n)
    y = _standardised(raw_y, weight)[outcome]
    x = _standardised(raw_x, weight)
    held = _standardised(held, weight) if held.shape[1] else held
    everything = pd.concat([x, held], axis=1)
    _check_apart(everything)
    groups = pd.factorize(rows[clusters], sort=True)[0] if clusters else None
    codes = np.arange(n) if groups is None else groups
    values, whole = y.to_numpy(), everything.to_numpy()
    shares = lmg_shares(_partial_covariance(y, x, held, weight), outcome)[names].to_numpy()
    found = share_intervals(
        values, x.to_numpy(), held.to_numpy(), weight, codes, shares, draws, seed, level
    )
    fit = _fit(values, whole, weight, groups, str(clusters))
    four = ["coefficient", "low", "high", "p_value"]
    result = pd.concat([
        pd.DataFrame({"driver": names}),
        pd.DataFrame(_coefficients(fit, len(names), level), columns=four),
        pd.DataFrame({"share": shares, "share_low": found.low, "share_high": found.high, "share_chance": found.chance}),
        pd.DataFrame(_raw(values, x, applies, weight, groups, str(clusters), level), columns=[f"raw_{c}" for c in four]),
        _ordinal(raw_y[outcome].to_numpy(), whole, len(names), weight, codes, level),
    ], axis=1)  # fmt: skip
    result = _judged(result, minimum_effect, false_discovery_rate)
    result = result.assign(n=n, n_missing=len(frame) - n)
    return result.sort_values(["share", "driver"], ascending=[False, True], ignore_index=True)
