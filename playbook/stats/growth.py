"""Growth of market segments, read off all years delivered."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats as distributions

__all__ = ["yearly_growth"]


def yearly_growth(market: pd.DataFrame) -> pd.DataFrame:
    """Return the yearly growth of each market segment, read off all years delivered, with its 95 % interval.

    The trend of log revenue over the years (least squares), so that one odd figure does not turn it. Three or
    four figures of a segment say little of their own noise: its variance is pooled over all segments,
    the slopes are not (analysis of covariance with a slope for each segment; Snedecor & Cochran 1989, ch. 18).

    Parameters
    ----------
    market
        market_segment, year, market_revenue; one row a brand repeats them. All its years are used.

    Returns
    -------
    pandas.DataFrame
        Index market_segment; years (known), growth, low, high. Growth is missing for a segment known in one year, the
        interval where no segment is known in three.
    """
    known = market.drop_duplicates(["market_segment", "year"])
    known = known[known["market_revenue"].astype(float) > 0]
    trends, rest, freedom = {}, 0.0, 0
    for segment, part in known.groupby("market_segment"):
        year = part["year"].to_numpy(float) - part["year"].mean()
        level = np.log(part["market_revenue"].to_numpy(float))
        spread = float(year @ year)
        slope = float(year @ level) / spread if spread > 0 else np.nan
        trends[str(segment)] = (len(part), slope, spread)
        if len(part) > 2:
            rest += float(((level - level.mean() - slope * year) ** 2).sum())
            freedom += len(part) - 2
    table = pd.DataFrame.from_dict(trends, orient="index", columns=["years", "slope", "spread"])
    table = table.rename_axis("market_segment").astype({"slope": float, "spread": float})
    half = pd.Series(np.nan, table.index)
    if freedom:
        error = np.sqrt(rest / freedom / table["spread"].where(table["spread"] > 0))
        half = float(distributions.t.ppf(0.975, freedom)) * error
    return pd.DataFrame(
        {"years": table["years"].astype("int64"), "growth": np.expm1(table["slope"]),
         "low": np.expm1(table["slope"] - half), "high": np.expm1(table["slope"] + half)}
    )  # fmt: skip
