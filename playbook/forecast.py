"""Business as usual: what a figure will be if nothing new is done, and how sure that is."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.tools.sm_exceptions import ModelWarning
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

__all__ = [
    "AnnualForecast",
    "MonthlyForecast",
    "annual_forecast",
    "monthly_forecast",
    "year_total",
]

SEASON = 12
FEWEST_MONTHS = 24
"""Months below which season and growth cannot be told apart."""
FEWEST_ORIGINS = 3
DRAWS = 4000
TRIAL_DRAWS = 500

Model = Callable[[np.ndarray, int, np.random.Generator, int], np.ndarray]


@dataclass(frozen=True)
class MonthlyForecast:
    """Simulated futures of a monthly series.

    Attributes
    ----------
    method
        Model that was chosen.
    paths
        Draws by months ahead.
    errors
        ``method``, ``error`` (mean absolute rolling-origin error as a share of the mean month), ``error_sum`` (the
        same of the sum of the months ahead), ``bias`` (mean error; above zero: came out higher), ``origins``.
    """

    method: str
    paths: np.ndarray
    errors: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(
            columns=["method", "error", "error_sum", "bias", "origins"]
        )
    )


@dataclass(frozen=True)
class AnnualForecast:
    """Distribution of a 12-month figure at a later day: Student's t with ``df`` degrees of freedom.

    Intervals end at ``floor``, the least value the figure can have.
    """

    method: str
    expected: float
    sd: float
    df: float
    floor: float = -np.inf

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the central interval."""
        half = float(stats.t.ppf((1 + level) / 2, self.df)) * self.sd
        return max(self.expected - half, self.floor), max(self.expected + half, self.floor)

    def chance(self, target: float) -> float:
        """Return the probability that the figure is at least ``target``."""
        if self.sd == 0:
            return float(self.expected >= target)
        return float(stats.t.sf((target - self.expected) / self.sd, self.df))


def monthly_forecast(values: np.ndarray, months: int, seed: int) -> MonthlyForecast:
    """Simulate a monthly series ahead with the model of the smallest rolling-origin error.

    Parameters
    ----------
    values
        Whole months in order, the last one the newest.
    months
        Months ahead.
    seed
        Seed of the draws.

    Notes
    -----
    With 27 months or more, exponential smoothing with level and season, the same with a damped trend (called smoothed trend and season), and
    last year's month (seasonal naive) are each forecast from every month with two years before
    it, up to 12 months ahead. With 24 to 26 months nothing can be compared and last year's month is
    kept; with fewer, the mean month with a drift that may go either way as far as the slope seen. Paths are widened when the
    rolling-origin errors of the sums, or the changes from year to year, were larger than the model says.

    Raises
    ------
    ValueError
        Fewer than 6 months or no month ahead.

    References
    ----------
    Hyndman, R. J. & Athanasopoulos, G. (2021). Forecasting: Principles and Practice, ch. 5.10 and 8.
    """
    series = np.asarray(values, dtype=float)
    if len(series) < 6 or months < 1 or not np.isfinite(series).all():
        raise ValueError(
            f"not enough data to forecast: {len(series)} whole months, 6 needed, {months} months ahead"
        )
    rng = np.random.default_rng(seed)
    if len(series) < FEWEST_MONTHS:
        return MonthlyForecast("level with unknown drift", _level(series, months, rng, DRAWS))
    last_origin = len(series) - FEWEST_ORIGINS
    if last_origin < FEWEST_MONTHS or series.std() == 0:
        return MonthlyForecast("last year's month", _seasonal_naive(series, months, rng, DRAWS))
    origins = range(FEWEST_MONTHS, last_origin + 1)
    scored = {name: _errors(series, model, origins) for name, model in _MODELS.items()}
    size = np.abs(series).mean() or 1.0
    table = pd.DataFrame(
        {
            "method": list(scored),
            "error": [float(np.abs(s.months).mean() / size) for s in scored.values()],
            "error_sum": [float(np.abs(s.sums).mean() / size) for s in scored.values()],
            "bias": [float(s.sums.mean() / size) for s in scored.values()],
            "origins": len(origins),
        }
    ).sort_values(["error", "method"], ignore_index=True)
    best = str(table.loc[0, "method"])
    paths = _MODELS[best](series, months, rng, DRAWS)
    centre = paths.mean(axis=0)
    spread = float(paths[:, :SEASON].mean(axis=1).std())
    seen = _yearly_shift(series) / np.sqrt(2)
    wider = max(
        1.0, float(np.sqrt(np.mean(scored[best].in_spreads ** 2))), seen / spread if spread else 1.0
    )
    return MonthlyForecast(best, centre + wider * (paths - centre), table)


def year_total(
    values: np.ndarray, forecast: MonthlyForecast, months: int, se: float = 0.0
) -> AnnualForecast:
    """Sum the 12 months that end ``months`` ahead; known months count as known.

    Parameters
    ----------
    values
        Whole months in order, the last one the newest.
    forecast
        `monthly_forecast` of them over ``months`` months.
    se
        Sampling standard error of the last year's total: the sum is at least as uncertain.
    """
    known = float(np.sum(values[-(SEASON - months) :])) if months < SEASON else 0.0
    year = forecast.paths[:, -SEASON:].sum(axis=1) + known
    sd = max(float(year.std()), se * np.sqrt(min(months, SEASON) / SEASON))
    floor = 0.0 if np.min(values) >= 0 else -np.inf
    return AnnualForecast(forecast.method, float(year.mean()), sd, 30.0, floor)


def _yearly_shift(series: np.ndarray) -> float:
    """Usual size of the change of a year's mean month on the year before, widened for the few years."""
    change = series[SEASON:] - series[:-SEASON]
    years = len(change) // SEASON
    means = change[len(change) - years * SEASON :].reshape(years, SEASON).mean(axis=1)
    return float(np.sqrt(np.mean(means**2) * (1 + 1 / years)))


@dataclass(frozen=True)
class _Trial:
    """Errors of a model on the past: of each month, of each origin's mean month, and that in units of its own spread."""

    months: np.ndarray
    sums: np.ndarray
    in_spreads: np.ndarray


def _errors(series: np.ndarray, model: Model, origins: range) -> _Trial:
    months, sums, in_spreads = [], [], []
    for origin in origins:
        ahead = min(SEASON, len(series) - origin)
        paths = model(series[:origin], ahead, np.random.default_rng(origin), TRIAL_DRAWS)
        months.append(series[origin : origin + ahead] - paths.mean(axis=0))
        spread = float(paths.sum(axis=1).std())
        in_spreads.append(float(months[-1].sum()) / spread if spread else 0.0)
        sums.append(float(months[-1].mean()))
    return _Trial(np.concatenate(months), np.array(sums), np.array(in_spreads))


def _level(series: np.ndarray, months: int, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Paths around the mean month of the last year; the slope seen counts as uncertainty, not as growth."""
    recent = series[-SEASON:]
    time = np.arange(len(recent)) - (len(recent) - 1) / 2
    slope = float(time @ recent / (time @ time))
    noise = float(np.std(recent - recent.mean() - slope * time, ddof=2))
    drift = rng.normal(0, np.hypot(slope, noise / np.sqrt(time @ time)), (draws, 1))
    paths = recent.mean() + drift * (time[-1] + 1 + np.arange(months))
    paths = paths + rng.normal(0, noise, (draws, months))
    return np.clip(paths, 0.0, 2 * recent.mean()) if series.min() >= 0 else paths


def _seasonal_naive(
    series: np.ndarray, months: int, rng: np.random.Generator, draws: int
) -> np.ndarray:
    """Last year's month, plus a shift of the whole year and noise of the month, as large as those seen."""
    change = series[SEASON:] - series[:-SEASON]
    years = len(change) // SEASON
    blocks = change[len(change) - years * SEASON :].reshape(years, SEASON)
    noise = (blocks - blocks.mean(axis=1, keepdims=True)).std()
    last = np.resize(series[-SEASON:], months)
    wander = max(
        _yearly_shift(series) ** 2 - noise**2 / SEASON, 0.0
    )  # beyond what noise averages to
    common = rng.normal(0, np.sqrt(wander), (draws, 1))
    return last + common + rng.normal(0, noise, (draws, months))


def _smoothing(
    trend: str | None,
) -> Model:
    def paths(series: np.ndarray, months: int, rng: np.random.Generator, draws: int) -> np.ndarray:
        size = np.abs(series).mean()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ModelWarning)
            model = ETSModel(
                series / size,
                error="add",
                trend=trend,
                damped_trend=trend is not None,
                seasonal="add",
                seasonal_periods=SEASON,
                initialization_method="heuristic",
            )
            fit = model.fit(disp=False, maxiter=500)
            drawn = fit.simulate(months, anchor="end", repetitions=draws, rng=rng)
        return np.asarray(drawn).reshape(months, draws).T * size

    return paths


_MODELS: dict[str, Model] = {
    "last year's month": _seasonal_naive,
    "smoothed level and season": _smoothing(None),
    "smoothed trend and season": _smoothing("add"),
}


def annual_forecast(
    history: np.ndarray, steps: float, baseline: float, se: float, se_each: float = 0.0
) -> AnnualForecast:
    """Carry a 12-month figure ahead with a drift model.

    Parameters
    ----------
    history
        Earlier values at equal distances, oldest first (12-month figures month by month, or survey waves).
    steps
        How many of these distances ahead.
    baseline, se
        The figure now and its sampling standard error.
    se_each
        Sampling standard error of one point of ``history`` when the points share no data (waves);
        zero when each overlaps with the next (12-month figures month by month).

    Notes
    -----
    The drift is the mean change per step, counted only as far as it exceeds its own error (factor
    ``max(0, 1 - 1/t²)``). Survey waves: a random walk, as far as the changes exceed
    sampling, with the drift's error. Figures of 12 months that
    overlap: month by month such a figure changes by a twelfth of the difference of two months a year
    apart, so a wandering level shows in the autocovariance of the changes (up to lag 11) and noise of
    single months does not; both are estimated by moments and summed over the steps ahead. The variance
    is at least the sampling variance of both years. With fewer than four points only that is known.
    """
    floor = np.sqrt(2) * se
    points = np.asarray(history, dtype=float)
    if len(points) < 4:
        return AnnualForecast("level only, chance of sampling", baseline, float(floor), 30.0)
    change = np.diff(points)
    drift, n = float(change.mean()), len(change)
    if se_each:
        sampled = 2 * se_each**2
        beyond = max(float(change.var(ddof=1)) - sampled, 0.0)
        noise = beyond * _kept(beyond, sampled * np.sqrt(2 / n))
        error = float(np.sqrt((noise + sampled / n) / n))
        kept = _kept(drift, error)
        variance = steps * noise + _risk(kept) * (steps * error) ** 2 + floor**2
    else:
        kept = _kept(drift, _overlapping_sd(change, n) / n)
        around = change - kept * drift
        error = _overlapping_sd(around, n) / n
        variance = _overlapping_sd(around, round(steps)) ** 2 + _risk(kept) * (steps * error) ** 2
    sd = float(np.sqrt(max(variance, floor**2)))
    return AnnualForecast("drift", baseline + steps * drift * kept, sd, 30.0)


def _kept(found: float, error: float) -> float:
    """Share of an estimate that counts: nothing within its error, nearly all of it far beyond."""
    return max(0.0, 1 - (error / found) ** 2) if found else 0.0


def _risk(kept: float) -> float:
    """Squared error of a drift counted by `_kept`, in units of its own: a third where none is counted."""
    return (1 + 2 * kept) / 3


def _overlapping_sd(change: np.ndarray, steps: int) -> float:
    """Standard deviation of the sum of ``steps`` changes of a mean of 12 months that moves on by one month.

    Each change is (x[t] - x[t-12]) / 12. With x a random walk (variance q a month) plus noise (variance s),
    the autocovariance at lag k < 12 is q (12 - k) / 144, at lag 0 2 s / 144 more, at lag 12 -s / 144.
    """
    n, lags = len(change), min(6, len(change) - 1)
    moment = [float(change[k:] @ change[: n - k]) / (n - k) for k in range(lags + 1)]
    weight = sum((SEASON - k) / SEASON**2 for k in range(1, lags + 1))
    walk = min(max(sum(moment[1:]) / weight, 0.0), moment[0] * SEASON)
    noise = max(moment[0] - walk / SEASON, 0.0) * SEASON**2 / 2
    lag = np.arange(min(steps, SEASON + 1))
    covariance = walk * np.maximum(SEASON - lag, 0) / SEASON**2
    covariance = covariance + noise / SEASON**2 * (2.0 * (lag == 0) - (lag == SEASON))
    times = np.where(lag == 0, steps, 2 * (steps - lag))
    return float(np.sqrt(max(float(times @ covariance), 0.0)))
