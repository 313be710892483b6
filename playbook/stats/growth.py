"""Growth of market segments, read off all years delivered."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats as distributions

__all__ = ["yearly_growth"]


def yearly_growth(market: pd.DataFrame) -> pd.DataFrame:
    """Return the yearly growth of each market segment, read off all years delivered, with its 95 % interval.

    The trend of log revenue over the years (least squares), so that one odd figure does not turn it.

    Parameters
    ----------
    market
        market_segment, year, market_revenue; one row a brand repeats them. All its years are used.

    Returns
    -------
    pandas.DataFrame
        Index market_segment; years (known), growth, low, high. Growth is missing for a segment known in one year, the
        interval where no segment is known in three.

    Notes
    -----
    What a year adds by chance stays in the figures of the years after it: markets wander (Nelson & Plosser, 1982, Journal
    of Monetary Economics 10). An interval that takes the figures for a line plus noise of each year is too narrow then, by
    the root of three with three years (Canjels & Watson, 1997, Review of Economics and Statistics 79); so the interval
    rests on how much yearly growth differs from year to year. Two or three yearly growths of a segment say little of
    that: its variance is pooled over all segments. A year that was good for all of them tells of it once, not once a
    segment, so the freedom of the pooled variance is counted from both parts (Satterthwaite, 1946, Biometrics Bulletin 2).
    """
    known = market.drop_duplicates(["market_segment", "year"])
    known = known[known["market_revenue"].astype(float) > 0].sort_values(["market_segment", "year"])
    trends, chance = {}, []
    for segment, part in known.groupby("market_segment"):
        year, level = part["year"].to_numpy(float), np.log(part["market_revenue"].to_numpy(float))
        growth, lever = _trend(year, level)
        trends[str(segment)] = (len(part), growth, lever)
        if len(part) > 2:
            gap = np.diff(year)
            rest = (np.diff(level) - gap * (level[-1] - level[0]) / gap.sum()) / np.sqrt(gap)
            chance.append(pd.DataFrame({"year": year[1:], "rest": rest}))
    table = pd.DataFrame.from_dict(trends, orient="index", columns=["years", "growth", "lever"])
    table = table.rename_axis("market_segment").astype({"growth": float, "lever": float})
    half = pd.Series(np.nan, table.index)
    if chance:
        variance, freedom = _pooled(pd.concat(chance), len(chance))
        half = distributions.t.ppf(0.975, freedom) * np.sqrt(variance * table["lever"])
    return pd.DataFrame(
        {"years": table["years"].astype("int64"), "growth": np.expm1(table["growth"]),
         "low": np.expm1(table["growth"] - half), "high": np.expm1(table["growth"] + half)}
    )  # fmt: skip


def _trend(year: np.ndarray, level: np.ndarray) -> tuple[float, float]:
    """Return the slope, and its variance where each year adds chance of variance one to all later figures."""
    middle = year - year.mean()
    spread = float(middle @ middle)
    if not spread > 0:
        return np.nan, np.nan
    later = np.cumsum((middle / spread)[::-1])[::-1][1:]  # weight of what each step adds
    return float(middle @ level) / spread, float(later**2 @ np.diff(year))


def _pooled(chance: pd.DataFrame, segments: int) -> tuple[float, float]:
    """Return the variance of what a year adds by chance, over all segments, and its degrees of freedom."""
    whole, freedom = float((chance["rest"] ** 2).sum()), len(chance) - segments
    years = chance.groupby("year")["rest"].agg(["mean", "size"])
    common = float((years["size"] * years["mean"] ** 2).sum())
    once, each = len(years) - 1, freedom - len(years) + 1
    if whole <= 0 or each <= 0:
        return whole / freedom, float(freedom)
    return whole / freedom, whole**2 / (common**2 / once + (whole - common) ** 2 / each)
