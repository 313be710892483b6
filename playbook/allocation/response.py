"""Saturating response to spend: fit, optimum, and the split of a budget between purposes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

MINIMUM_POINTS = 8
MINIMUM_LEVELS = 4
BOOTSTRAPS = 500
RATES = np.geomspace(0.1, 50.0, 240)  # curvature × largest spend: nearly straight to a step
WIDEST = 10.0  # upper over lower bound of a parameter beyond which it is not identified


@dataclass(frozen=True)
class ResponseCurve:
    """Blattberg and Deighton's (1996) curve: share responding = ceiling·(1 - exp(-k·spend)).

    Attributes
    ----------
    ceiling
        Share that responds at unlimited spend (0 to 1), or responses per person.
    k
        Curvature, per unit of money spent on a person.
    value
        Margin that one response brings (money).
    people
        Number of people the spend is divided among.
    """

    ceiling: float
    k: float
    value: float
    people: float = 1.0

    def __post_init__(self) -> None:
        """Refuse parameters that are not positive numbers."""
        for name in ("ceiling", "k", "value", "people"):
            number = getattr(self, name)
            if not (np.isfinite(number) and number > 0):
                raise ValueError(f"{name}: expected a number above 0, got {number}")

    def worth(self, spend: float) -> float:
        """Margin brought by a total spend, before that spend is taken off."""
        return self.people * self.value * self.ceiling * -np.expm1(-self.k * spend / self.people)

    def marginal(self, spend: float) -> float:
        """Margin that one more unit of money brings at a total spend."""
        return self.value * self.ceiling * self.k * np.exp(-self.k * spend / self.people)

    def spend_at(self, marginal: float) -> float:
        """Total spend at which the marginal return has fallen to this value (0 if below)."""
        return (
            self.people * max(0.0, np.log(self.ceiling * self.k * self.value / marginal)) / self.k
        )


@dataclass(frozen=True)
class Split:
    """A budget divided where marginal returns are equal.

    Attributes
    ----------
    table
        purpose, spend, worth, marginal_return, sorted by purpose.
    marginal_return
        Margin of one more unit of money for each purpose that gets any; 1 when the
        budget is more than pays.
    unspent
        Money left because any further unit brings back less than itself.
    """

    table: pd.DataFrame
    marginal_return: float
    unspent: float


@dataclass(frozen=True)
class CurveFit:
    """A fitted curve outcome = baseline + ceiling·(1 - exp(-k·spend)).

    Attributes
    ----------
    parameters
        Index baseline, ceiling, k; columns estimate, low, high (95 %, bootstrap).
    r_squared
        Share of the variance of the outcome that the curve accounts for.
    n
        Observations.
    """

    parameters: pd.DataFrame
    r_squared: float
    n: int
    _draws: np.ndarray

    def marginal(self, spend: float) -> tuple[float, float, float]:
        """Outcome that one more unit of spend brings, with 95 % interval."""
        ceiling, k = self.parameters["estimate"][["ceiling", "k"]]
        draws = self._draws[:, 1] * self._draws[:, 2] * np.exp(-self._draws[:, 2] * spend)
        low, high = np.quantile(draws, [0.025, 0.975])
        return float(ceiling * k * np.exp(-k * spend)), float(low), float(high)


def optimal_acquisition_spend(ceiling: float, k: float, value: float) -> float:
    """Spend per prospect that maximises ceiling·(1 - exp(-k·A))·value - A.

    Blattberg and Deighton (1996): A* = ln(ceiling·k·value) / k, and 0 where the first
    unit of money already brings back less than itself.

    Parameters
    ----------
    ceiling
        Share of prospects won at unlimited spend.
    k
        Curvature, per unit of money spent on a prospect.
    value
        Margin of a won customer (money).
    """
    return float(ResponseCurve(ceiling, k, value).spend_at(1.0))


def equal_marginal_split(curves: Mapping[str, ResponseCurve], budget: float) -> Split:
    """Divide a budget among concave curves so that the last unit brings the same everywhere.

    Parameters
    ----------
    curves
        Response curve per purpose or channel.
    budget
        Money to divide; what does not bring back itself stays unspent.

    Raises
    ------
    ValueError
        No curve, or a negative or infinite budget.
    """
    if not curves or not (np.isfinite(budget) and budget >= 0):
        raise ValueError("expected at least one curve and a budget of 0 or more")
    names = sorted(curves)
    steepest = max(curves[name].marginal(0.0) for name in names)
    low, high = 0.0, max(np.log(steepest), 0.0)  # log of the marginal return
    if sum(curves[name].spend_at(1.0) for name in names) > budget:
        for _ in range(200):
            middle = (low + high) / 2
            asked = sum(curves[name].spend_at(np.exp(middle)) for name in names)
            low, high = (middle, high) if asked > budget else (low, middle)
        level = float(np.exp(high))
    else:
        level = 1.0
    spends = [curves[name].spend_at(level) for name in names]
    table = pd.DataFrame({
        "purpose": names, "spend": spends,
        "worth": [curves[n].worth(s) for n, s in zip(names, spends, strict=True)],
        "marginal_return": [curves[n].marginal(s) for n, s in zip(names, spends, strict=True)],
    })  # fmt: skip
    return Split(table, level, max(0.0, float(budget - sum(spends))))


def acquisition_retention_split(
    acquisition: ResponseCurve, retention: ResponseCurve, budget: float
) -> Split:
    """Divide a budget between winning and keeping customers (Blattberg and Deighton 1996).

    Parameters
    ----------
    acquisition
        people = prospects, value = margin of a won customer over the horizon, the
        expected return of later retention included.
    retention
        people = customers, value = margin of a kept customer over the same horizon.
    budget
        Money for both.
    """
    return equal_marginal_split({"acquisition": acquisition, "retention": retention}, budget)


def _profiles(
    weight: np.ndarray, basis: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Squared error, baseline and ceiling for each resample (row) and curvature (column)."""
    total = weight.sum(axis=1, keepdims=True)
    mx, my = weight @ basis / total, (weight @ y)[:, None] / total
    sxx = weight @ basis**2 / total - mx**2
    sxy = weight @ (basis * y[:, None]) / total - mx * my
    syy = (weight @ y**2)[:, None] / total - my**2
    slope = np.divide(sxy, sxx, out=np.zeros_like(sxy), where=sxx > 1e-12)
    return syy - slope * sxy, my - slope * mx, slope


def _refuse(why: str) -> ValueError:
    return ValueError(
        f"the data do not identify a response curve: {why}; vary the spend on purpose"
        " (an experiment), or state the curve in the plan"
    )


def fit_response_curve(spend: pd.Series, outcome: pd.Series, seed: int) -> CurveFit:
    """Fit outcome = baseline + ceiling·(1 - exp(-k·spend)) by least squares.

    Parameters
    ----------
    spend
        Spend per period, region or campaign (money, 0 or more); the order of rows is immaterial.
    outcome
        Responses in the same rows, seasonality taken out beforehand.
    seed
        Of the bootstrap.

    Raises
    ------
    ValueError
        Fewer than 8 rows or 4 different spends, no response to spend, a curve that
        cannot be told from a straight line or from a step, or a parameter whose 95 % interval
        spans more than a factor of ten.

    Notes
    -----
    Separable least squares (Golub and Pereyra 1973): baseline and ceiling are linear given k. The
    interval is a case bootstrap of 500. Spend that followed demand biases the curve;
    only spend that was varied at random shows what spend does.
    """
    if len(spend) != len(outcome):
        raise ValueError(
            f"expected equal lengths, got {len(spend)} spends, {len(outcome)} outcomes"
        )
    x, y = np.asarray(spend, float), np.asarray(outcome, float)
    if not (np.isfinite(x).all() and np.isfinite(y).all() and (x >= 0).all()):
        raise ValueError("expected spends of 0 or more and outcomes, without missing values")
    if len(x) < MINIMUM_POINTS or len(np.unique(x)) < MINIMUM_LEVELS:
        raise _refuse(f"{len(x)} rows with {len(np.unique(x))} different spends")
    order = np.lexsort((y, x))
    x, y = x[order] / x.max(), y[order]
    centre, size = y.mean(), y.std()
    if size == 0:
        raise _refuse("the outcome never changes")
    point, draws = _bootstrap(x, (y - centre) / size, seed)
    bounds = np.quantile(draws, [0.025, 0.975], axis=0)
    _check_identified(bounds)
    top = float(np.max(np.asarray(spend, float)))
    change = np.array([size, size, 1 / top])
    shift = np.array([centre, 0.0, 0.0])
    fitted = point[0] + point[1] * -np.expm1(-point[2] * x)
    residual = (y - centre) / size - fitted
    table = pd.DataFrame(
        {"estimate": point * change + shift, "low": bounds[0] * change + shift,
         "high": bounds[1] * change + shift},
        index=["baseline", "ceiling", "k"],
    )  # fmt: skip
    return CurveFit(table, float(1 - residual @ residual / len(y)), len(y), draws * change + shift)


def _bootstrap(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Baseline, ceiling and k of the data (k refined) and of 500 resamples (k on the grid)."""
    basis = -np.expm1(-np.outer(x, RATES))
    rng = np.random.default_rng(seed)
    weight = np.vstack(
        [np.ones(len(x)), rng.multinomial(len(x), np.full(len(x), 1 / len(x)), BOOTSTRAPS)]
    )
    error, baseline, ceiling = _profiles(weight, basis, y)
    best = error.argmin(axis=1)
    rows = np.arange(len(best))
    draws = np.column_stack([baseline[rows, best], ceiling[rows, best], RATES[best]])

    def profile(log_k: float) -> tuple[float, float, float]:
        parts = _profiles(weight[:1], -np.expm1(-np.exp(log_k) * x)[:, None], y)
        return float(parts[0][0, 0]), float(parts[1][0, 0]), float(parts[2][0, 0])

    around = np.log(RATES[[max(best[0] - 1, 0), min(best[0] + 1, len(RATES) - 1)]])
    log_k = float(minimize_scalar(lambda z: profile(z)[0], bounds=around, method="bounded").x)
    return np.array([*profile(log_k)[1:], np.exp(log_k)]), draws[1:]


def _check_identified(bounds: np.ndarray) -> None:
    """Refuse when the bootstrap interval of ceiling or k says nothing."""
    (_, ceiling_low, k_low), (_, ceiling_high, k_high) = bounds
    if ceiling_low <= 0:
        raise _refuse("no response to spend can be told from chance")
    if k_low <= RATES[1]:
        raise _refuse("within the spends seen it cannot be told from a straight line")
    if k_high >= RATES[-2]:
        raise _refuse("it may already be saturated at the smallest spend seen")
    if ceiling_high / ceiling_low > WIDEST or k_high / k_low > WIDEST:
        raise _refuse("the intervals of ceiling or curvature span more than a factor of ten")
