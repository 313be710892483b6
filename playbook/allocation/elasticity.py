"""How customers won answer to spend, over all channels together: one elasticity, a level for each channel.

A channel's own months are too few to fit a curve to each; together they hold enough. The model is the usual
one of advertising response: customers won = level of the channel · demand of the month · spend^elasticity (counts, log link).
From three channels on each month has a level of its own, so that spend which follows demand common to all channels
flatters nothing (two-way fixed effects); with fewer the months' demand is a season and a growth.

References
----------
Cameron, A. C. & Trivedi, P. K. (2013). Regression Analysis of Count Data, ch. 3 and 9.
Sethuraman, R., Tellis, G. J. & Briesch, R. A. (2011). How well does advertising work? Journal of Marketing Research 48.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.optimize import brentq
from scipy.stats import t

__all__ = ["ElasticResponse", "fit_elasticity", "split_by_elasticity"]

SEVERAL = 3
"""Channels from which a level for each month leaves enough to learn from."""
MONTHS = 12
"""Fewest months of spend that a fit needs."""
WIDEST = 10.0
"""Largest variance beyond Poisson's that is looked for."""


@dataclass(frozen=True)
class ElasticResponse:
    """Customers won = ``level`` · (spend / usual spend)^``elasticity``, for a year.

    Attributes
    ----------
    elasticity, low, high
        Per cent more customers for one per cent more spend, with 95 % interval (Student's t; counts may be overdispersed).
    error
        Standard error of the elasticity.
    channels
        channel; usual (spend of the last 12 months), level (customers won in a year at the usual spend, fitted), counted (customers won in all months), narrowest and
        widest (smallest and largest month over the mean month: how far spend was ever varied).
    n
        Channel months.
    held
        What the months do to all channels alike, which is not put down to spend.
    """

    elasticity: float
    low: float
    high: float
    error: float
    channels: pd.DataFrame
    n: int
    held: str


def _demand(paid: pd.DataFrame) -> pd.DataFrame:
    """What the months do to all channels: a level each, or where channels are few a season and a growth."""
    if paid["channel"].nunique() >= SEVERAL:
        return pd.get_dummies(paid["month"], prefix="month", dtype=float).iloc[:, 1:]
    season = pd.get_dummies(paid["month"].dt.month, prefix="month", dtype=float).iloc[:, 1:]
    season = season if paid["month"].nunique() >= 2 * MONTHS else season.iloc[:, :0]
    first = paid["month"].min()
    years = (paid["month"].dt.year - first.year) + (paid["month"].dt.month - first.month) / 12
    return pd.concat([season, years.rename("years")], axis=1)


def _counts(won: pd.Series, design: pd.DataFrame) -> Any:
    """Negative binomial regression; the variance beyond Poisson's, α in μ + αμ², makes Pearson's statistic meet its degrees of freedom."""

    def model(family: Any, start: Any = None) -> Any:
        return sm.GLM(won, design, family=family).fit(wls_method="qr", start_params=start)

    fit = model(sm.families.Poisson())
    mean, free = fit.fittedvalues.to_numpy(), len(design) - design.shape[1]

    def beyond(alpha: float) -> float:
        return float(((won - mean) ** 2 / (mean + alpha * mean**2)).sum()) - free

    if not beyond(0.0) > 0:
        return fit
    alpha = brentq(beyond, 0.0, WIDEST) if beyond(WIDEST) < 0 else WIDEST
    return model(sm.families.NegativeBinomial(alpha=alpha), fit.params)


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
        Fewer than 12 months, no variation of spend (or only in all channels together), or an elasticity whose interval is
        wider than one or reaches zero: the months do not tell what more spend wins.
    """
    paid = spend[(spend["purpose"] == "acquisition") & (spend["spend"].astype(float) > 0)]
    paid = paid.assign(spend=paid["spend"].astype(float), won=paid["new_customers"].astype(float))
    paid = paid.dropna(subset=["won"]).sort_values(["channel", "month"], ignore_index=True)
    paid = paid[paid.groupby("channel")["won"].transform("sum") > 0]
    if paid["month"].nunique() < MONTHS:
        raise ValueError(f"spend and customers won of fewer than {MONTHS} months")
    if paid.groupby("channel")["won"].nunique().max() == 1:
        raise ValueError("the customers won of a channel are the same number in all months")
    paid = paid[paid.groupby("month")["won"].transform("sum") > 0].reset_index(drop=True)
    place = pd.get_dummies(paid["channel"], prefix="channel", dtype=float)
    design = pd.concat([place, _demand(paid)], axis=1)
    design["log_spend"] = np.log(paid["spend"])
    if np.linalg.matrix_rank(design.to_numpy()) < design.shape[1] or len(paid) <= design.shape[1]:
        raise ValueError("spend did not vary within channels, or only in all of them together")
    fit = _counts(paid["won"], design)
    value, error = float(fit.params["log_spend"]), float(fit.bse["log_spend"])
    half = float(t.ppf(0.975, len(paid) - design.shape[1])) * error
    low, high = value - half, value + half
    if not (np.isfinite(error) and low > 0 and high - low < 1):
        raise ValueError("the months do not tell what more spend wins")
    last = paid["month"].max() - pd.DateOffset(months=MONTHS - 1)
    year = paid.assign(fitted=fit.fittedvalues)[paid["month"] >= last]
    groups = year.groupby("channel")
    usual = groups["spend"].sum()
    level = groups["fitted"].sum()
    held = (
        "What moves all channels in a month is"
        if place.shape[1] >= SEVERAL
        else "Season and growth are"
    )
    mean, ends = usual / groups.size(), paid.groupby("channel")["spend"].agg(["min", "max"])
    channels = pd.DataFrame({
        "usual": usual, "level": level, "counted": paid.groupby("channel")["won"].sum(), "narrowest": ends["min"] / mean, "widest": ends["max"] / mean,
    }).dropna()  # fmt: skip
    return ElasticResponse(value, low, high, error, channels.reset_index(), len(paid), held)


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
