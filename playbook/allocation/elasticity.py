"""How customers won answer to spend, over all channels together: one elasticity, a level for each channel.

A channel's own months are too few to fit a curve to each; together they hold enough. The model is the usual
one of advertising response: customers won = level · season · spend^elasticity (Poisson, log link).

References
----------
Cameron, A. C. & Trivedi, P. K. (2013). Regression Analysis of Count Data, ch. 3.
Sethuraman, R., Tellis, G. J. & Briesch, R. A. (2011). How well does advertising work? Journal of Marketing Research 48.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import statsmodels.api as sm

__all__ = ["ElasticResponse", "fit_elasticity", "split_by_elasticity"]

MONTHS = 12
"""Fewest months of spend that a fit needs."""
Z95 = 1.959964


@dataclass(frozen=True)
class ElasticResponse:
    """Customers won = ``level`` · (spend / usual spend)^``elasticity``, for a year.

    Attributes
    ----------
    elasticity, low, high
        Per cent more customers for one per cent more spend, with 95 % interval (robust to overdispersion).
    channels
        channel; usual (spend of the last 12 months), level (customers won in a year at the usual spend, fitted), widest
        (largest month over the mean month: how far spend was ever varied).
    n
        Channel months.
    """

    elasticity: float
    low: float
    high: float
    channels: pd.DataFrame
    n: int


def fit_elasticity(spend: pd.DataFrame) -> ElasticResponse:
    """Fit the response of customers won to spend.

    Parameters
    ----------
    spend
        Table ``channel_spend``: month, channel, purpose, spend (currency), new_customers. Channels without spend
        are left out.

    Raises
    ------
    ValueError
        Fewer than 12 months, no variation of spend, or an elasticity whose interval is wider than one or reaches zero:
        the months do not tell what more spend wins.
    """
    paid = spend[(spend["purpose"] == "acquisition") & (spend["spend"].astype(float) > 0)]
    paid = paid.assign(spend=paid["spend"].astype(float), won=paid["new_customers"].astype(float))
    paid = paid.dropna(subset=["won"]).sort_values(["channel", "month"], ignore_index=True)
    if paid["month"].nunique() < MONTHS or paid["won"].sum() == 0:
        raise ValueError(f"spend and customers won of fewer than {MONTHS} months")
    place = pd.get_dummies(paid["channel"], prefix="channel", dtype=float)
    season = pd.get_dummies(paid["month"].dt.month, prefix="month", dtype=float).iloc[:, 1:]
    first = paid["month"].min()
    years = (paid["month"].dt.year - first.year) + (paid["month"].dt.month - first.month) / 12
    season = season if paid["month"].nunique() >= 2 * MONTHS else season.iloc[:, :0]
    design = pd.concat([place, season, years.rename("years")], axis=1)
    design["log_spend"] = np.log(paid["spend"])
    if np.linalg.matrix_rank(design.to_numpy()) < design.shape[1]:
        raise ValueError("spend did not vary within channels")
    fit = sm.GLM(paid["won"], design, family=sm.families.Poisson()).fit(cov_type="HC1")
    value, error = float(fit.params["log_spend"]), float(fit.bse["log_spend"])
    low, high = value - Z95 * error, value + Z95 * error
    if not (np.isfinite(error) and low > 0 and high - low < 1):
        raise ValueError("the months do not tell what more spend wins")
    last = paid["month"].max() - pd.DateOffset(months=MONTHS - 1)
    year = paid.assign(fitted=fit.fittedvalues)[paid["month"] >= last]
    groups = year.groupby("channel")
    usual = groups["spend"].sum()
    level = groups["fitted"].sum()
    widest = paid.groupby("channel")["spend"].max() / (usual / MONTHS)
    channels = pd.DataFrame({"usual": usual, "level": level, "widest": widest}).dropna()
    return ElasticResponse(value, low, high, channels.reset_index(), len(paid))


def split_by_elasticity(
    response: ElasticResponse, value: pd.Series, price: float, widest: pd.Series
) -> pd.Series:
    """Return the yearly spend by channel at which one more unit of money brings ``price``.

    Parameters
    ----------
    value
        Margin of a customer won, by channel (currency).
    price
        Margin that the last unit of money must bring: 1 or more.
    widest
        Most times the usual spend that a channel may get.

    Notes
    -----
    level · value · e · x^(e-1) / usual = price, with x = spend over the usual spend (Dorfman & Steiner 1954).
    """
    table = response.channels.set_index("channel")
    e = min(response.elasticity, 0.95)
    worth = value.reindex(table.index).clip(lower=0).fillna(0.0)
    factor = (e * table["level"] * worth / table["usual"] / price) ** (1 / (1 - e))
    factor = np.minimum(factor, widest.reindex(table.index).fillna(1.0))
    return (factor * table["usual"]).rename("spend")
