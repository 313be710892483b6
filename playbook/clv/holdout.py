"""Does the model predict? Hold-out comparison with the trailing baseline, and calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

from playbook.clv.gamma_gamma import GammaGamma, monetary_of
from playbook.clv.histories import check_histories

__all__ = [
    "FrequencySpend",
    "calibration_by_decile",
    "frequency_spend_correlation",
    "holdout_check",
    "top_decile_capture",
]

FLOOR_SHARE = 0.01
SMALL_CELL = 5


class PurchaseModel(Protocol):
    """Anything that predicts purchases per customer."""

    def expected_purchases(self, frame: pd.DataFrame, horizon: float) -> pd.Series:
        """Expected purchases per customer within ``horizon``."""


@dataclass(frozen=True)
class FrequencySpend:
    """Do repeat buyers who buy more often also spend more per purchase?

    Attributes
    ----------
    rho, low, high
        Spearman correlation of frequency and mean spend, with its interval.
    rho_independent
        The correlation to expect when the two are independent. It is above 0, because the mean of few
        purchases is skewed: 0 is only used when no spend model is given.
    p_value
        Two-sided, of the difference between ``rho`` and ``rho_independent``.
    n
        Repeat buyers.
    """

    rho: float
    low: float
    high: float
    rho_independent: float
    p_value: float
    n: int


def holdout_check(
    calibration_frame: pd.DataFrame,
    actual_holdout: pd.Series,
    models: Mapping[str, PurchaseModel],
    *,
    horizon: float,
    spend_model: GammaGamma | None = None,
) -> pd.DataFrame:
    """Compare models and the trailing baseline with what customers did after the calibration period.

    Parameters
    ----------
    calibration_frame
        Customers as of the end of calibration: ``frequency``, ``recency``, ``age`` (and ``monetary``
        with ``spend_model``), indexed by customer.
    actual_holdout
        Purchases of each customer in the hold-out (spend, with ``spend_model``), on the same index;
        0 for those who bought nothing.
    models
        Name -> fitted model.
    horizon
        Length of the hold-out in time units.
    spend_model
        If given, spend is compared: expected purchases times expected spend per purchase.

    Returns
    -------
    pandas.DataFrame
        One row per model, then the baseline (``trailing frequency``: frequency / age * horizon, or
        ``trailing spend``: that times monetary): ``model``, ``predicted_total``, ``actual_total``,
        ``rmse``, ``poisson_deviance`` (mean per customer; predictions below 1 % of the mean actual are
        raised to it, as the deviance of 0 is infinite), ``spearman``, ``top_decile_capture`` (share of
        the actual total bought by the tenth of customers predicted highest) and ``n``.
    """
    actual = _aligned(calibration_frame, actual_holdout)
    frame = calibration_frame.loc[actual.index]
    spend = 1.0 if spend_model is None else spend_model.expected_spend(frame)
    predictions = {
        name: model.expected_purchases(frame, horizon) * spend for name, model in models.items()
    }
    baseline = "trailing frequency" if spend_model is None else "trailing spend"
    predictions[baseline] = _trailing(frame, horizon, with_spend=spend_model is not None)
    return pd.DataFrame([_score(name, given, actual) for name, given in predictions.items()])


def calibration_by_decile(
    predicted: pd.Series, actual: pd.Series, *, bins: int = 10, level: float = 0.95
) -> pd.DataFrame:
    """Mean prediction against mean outcome in groups of equal size, highest predictions first.

    Parameters
    ----------
    predicted, actual
        Per customer, on the same index. Equal predictions are ordered by the index.
    bins
        Number of groups; fewer are made when a group would have under 5 customers.
    level
        Level of the interval of the mean outcome.

    Returns
    -------
    pandas.DataFrame
        ``decile`` (1 = highest), ``n``, ``predicted_mean``, ``actual_mean``, ``low``, ``high``.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    actual = _aligned(predicted.to_frame(), actual)
    if len(actual) < 2 * SMALL_CELL:
        raise ValueError(
            f"calibration needs at least {2 * SMALL_CELL} customers, got {len(actual)}"
        )
    bins = max(1, min(bins, len(actual) // SMALL_CELL))
    decile = _descending(predicted.loc[actual.index]) * bins // len(actual) + 1
    table = pd.DataFrame(
        {"decile": decile, "predicted": predicted.loc[actual.index], "actual": actual}
    )
    groups = table.groupby("decile")
    mean, n = groups["actual"].mean(), groups.size()
    half = norm.ppf(0.5 + level / 2) * groups["actual"].std() / np.sqrt(n)
    result = pd.DataFrame(
        {"n": n, "predicted_mean": groups["predicted"].mean(), "actual_mean": mean}
    )
    return result.assign(low=(mean - half).clip(lower=0), high=mean + half).reset_index()


def frequency_spend_correlation(
    frame: pd.DataFrame,
    spend_model: GammaGamma | None = None,
    *,
    level: float = 0.95,
    draws: int = 50,
    seed: int = 0,
) -> FrequencySpend:
    """Test the assumption of Gamma-Gamma that frequency and spend are unrelated.

    The interval is Fisher's z with the standard error of Bonett & Wright (2000),
    sqrt((1 + rho**2 / 2) / (n - 3)).

    Parameters
    ----------
    frame
        Customers: ``frequency``, ``monetary``.
    spend_model
        The fitted Gamma-Gamma model, from which the correlation under independence is simulated.
        Without it the test is against 0, which is too strict: small positive values are no evidence.
    level
        Level of the interval.
    draws, seed
        Simulated data sets, and their seed.

    Raises
    ------
    ValueError
        If there are fewer than 10 repeat buyers, or all have one frequency or one value.
    """
    x, monetary = monetary_of(frame)
    x, monetary = x[x > 0], monetary[x > 0]
    if len(x) < 10 or np.ptp(x) == 0 or np.ptp(monetary) == 0:
        raise ValueError(
            "not enough data to correlate frequency and spend: need at least 10 repeat buyers with "
            f"different frequencies and values, got {len(x)}"
        )
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    rho = _spearman(x, monetary)
    null = 0.0 if spend_model is None else _independent_rho(np.sort(x), spend_model, draws, seed)
    centre, error = _fisher(rho, len(x))
    centre_null, error_null = _fisher(null, len(x))
    half = norm.ppf(0.5 + level / 2) * error
    p_value = 2 * norm.sf(abs(centre - centre_null) / error_null)
    low, high = float(np.tanh(centre - half)), float(np.tanh(centre + half))
    return FrequencySpend(rho, low, high, null, float(p_value), len(x))


def top_decile_capture(predicted: pd.Series, actual: pd.Series) -> float:
    """Share of the actual total that the tenth of customers with the highest predictions brings.

    Equal predictions are ordered by the index; 0 when nothing was bought at all.
    """
    top = (_descending(predicted) < np.ceil(len(predicted) / 10)).to_numpy()
    total = float(actual.sum())
    return float(actual.to_numpy()[top].sum() / total) if total > 0 else 0.0


def _independent_rho(x: np.ndarray, spend_model: GammaGamma, draws: int, seed: int) -> float:
    """Mean Spearman correlation in data simulated from Gamma-Gamma for these frequencies."""
    p, q, gamma = spend_model.params.to_numpy()
    rng = np.random.default_rng(seed)
    simulated = (rng.gamma(p * x) / x * gamma / rng.gamma(q, size=len(x)) for _ in range(draws))
    return float(np.mean([_spearman(x, monetary) for monetary in simulated]))


def _fisher(rho: float, n: int) -> tuple[float, float]:
    """Fisher's z of a rank correlation, and its standard error."""
    return float(np.arctanh(np.clip(rho, -1 + 1e-12, 1 - 1e-12))), (
        (1 + rho**2 / 2) / (n - 3)
    ) ** 0.5


def _spearman(one: np.ndarray, other: np.ndarray) -> float:
    """Rank correlation; 0 when one of the two does not vary."""
    ranks = rankdata(one), rankdata(other)
    return float(np.corrcoef(*ranks)[0, 1]) if min(map(np.ptp, ranks)) > 0 else 0.0


def _score(name: str, predicted: pd.Series, actual: pd.Series) -> dict[str, object]:
    mean = np.maximum(predicted, max(FLOOR_SHARE * float(actual.mean()), 1e-12))
    log_part = np.where(actual > 0, actual * np.log(np.maximum(actual, 1e-300) / mean), 0.0)
    return {
        "model": name,
        "predicted_total": float(predicted.sum()),
        "actual_total": float(actual.sum()),
        "rmse": float(np.sqrt(((predicted - actual) ** 2).mean())),
        "poisson_deviance": float(2 * (log_part - (actual - mean)).mean()),
        "spearman": _spearman(predicted.to_numpy(), actual.to_numpy()),
        "top_decile_capture": top_decile_capture(predicted, actual),
        "n": len(actual),
    }


def _trailing(frame: pd.DataFrame, horizon: float, *, with_spend: bool) -> pd.Series:
    data = check_histories(frame)
    rate = data["frequency"] / np.where(data["age"] > 0, data["age"], 1.0)
    value = monetary_of(frame)[1] if with_spend else 1.0
    return pd.Series(rate * horizon * value, index=frame.index)


def _descending(values: pd.Series) -> pd.Series:
    """Rank from 0 (highest); ties by key."""
    order = values.sort_index().sort_values(ascending=False, kind="stable").index
    return pd.Series(np.arange(len(values)), index=order).loc[values.index]


def _aligned(frame: pd.DataFrame, actual: pd.Series) -> pd.Series:
    """Return the actuals sorted by customer, after checking that customers agree."""
    if not (frame.index.is_unique and actual.index.is_unique):
        raise ValueError("customers must be unique: index the frame and the actuals by customer")
    missing = frame.index.difference(actual.index)
    unknown = actual.index.difference(frame.index)
    if len(missing) or len(unknown):
        raise ValueError(
            f"the actuals lack {len(missing)} customers of the calibration frame and have {len(unknown)} "
            "others; pass one value per calibration customer, 0 for those who bought nothing"
        )
    if not np.isfinite(actual.to_numpy(dtype=float)).all() or (actual < 0).any():
        raise ValueError(
            "actual hold-out values must be numbers >= 0, 0 for those who bought nothing"
        )
    return actual.sort_index().astype(float)
