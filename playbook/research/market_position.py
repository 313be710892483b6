"""Market research: size, growth and share by market segment, against named competitors."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from scipy import stats as distributions

from playbook.answer import Answer, Metric, answers, format_value, need

__all__ = ["brand_shares", "growth", "position"]

ASK = "a market report by segment and year: revenue of all brands and share of each brand"


def _known(market: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Return the years that had ended by ``as_of``."""
    last = as_of.year if (as_of.month, as_of.day) == (12, 31) else as_of.year - 1
    return market[market["year"] <= last].sort_values(["market_segment", "year", "brand"])


def growth(market: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Return the yearly growth of each market segment, read off all years delivered, with its 95 % interval.

    The trend of log revenue over the years (least squares), so that one odd figure does not turn it. Three or
    four figures of a segment say little of their own noise: its variance is pooled over all segments,
    the slopes are not (analysis of covariance with a slope for each segment; Snedecor & Cochran 1989, ch. 18).

    Parameters
    ----------
    market
        market_segment, year, market_revenue; one row a brand repeats them.
    as_of
        Years ending later are not used.

    Returns
    -------
    pandas.DataFrame
        Index market_segment; years (known), growth, low, high. Growth is missing for a segment known in one year, the
        interval where no segment is known in three.
    """
    known = _known(market, as_of).drop_duplicates(["market_segment", "year"])
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


@answers
def position(market: pd.DataFrame, customers: pd.DataFrame, brand: str, as_of: date) -> Answer:
    """Return size, growth and our share of each market segment, with the strongest competitor.

    Parameters
    ----------
    market
        market_segment, year, market_revenue, our_revenue, customers_in_market, brand, brand_share.
    customers
        market_segment, buying_customers (12 months).
    brand
        Our brand, as the table names it.
    as_of
        Years ending later are not used.

    Returns
    -------
    Answer
        Table: market_segment, market_revenue, growth (yearly, with its interval growth_low, growth_high), share, share_change (points, since the first year),
        competitor, competitor_share, relative_share (ours ÷ theirs), reach (our buying customers ÷ customers in the
        market); biggest segment first. A total row closes it.
    """
    need(market, "market figures", ASK)
    frame = need(_known(market, as_of), "market figures of years that have ended", ASK)
    first, last = int(frame["year"].min()), int(frame["year"].max())
    rows = []
    for segment, part in frame.groupby("market_segment"):
        row = _segment(str(segment), part, brand, first, last)
        if row:
            rows.append(row)
    need(pd.DataFrame(rows), f"market segments with figures for {last}", ASK)
    buyers = customers.set_index("market_segment")["buying_customers"].astype(float)
    table = pd.DataFrame(rows)
    table["reach"] = table["market_segment"].map(buyers) / table["in_market"]
    trend = growth(market, as_of).rename(columns={"low": "growth_low", "high": "growth_high"})
    table = table.join(trend.drop(columns="years"), on="market_segment")
    table = table.sort_values(
        ["market_revenue", "market_segment"], ascending=[False, True], ignore_index=True
    )
    total, ours = table["market_revenue"].sum(), (table["share"] * table["market_revenue"]).sum()
    before = (table["first_share"] * table["first_revenue"]).sum() / table["first_revenue"].sum()
    lost = table.round({"share_change": 6}).sort_values(["share_change", "market_segment"]).iloc[0]
    strong = (
        table.round({"relative_share": 6})
        .sort_values(["relative_share", "market_segment"])
        .iloc[-1]
    )
    shown = ["market_segment", "market_revenue", "growth", "growth_low", "growth_high", "share", "share_change", "competitor", "competitor_share", "relative_share", "reach"]  # fmt: skip
    return Answer(
        table=table[shown],
        headline=f"{brand} holds {format_value(ours / total, '%')} of a market of {format_value(total / 1e6, 'points')} million",
        so_what=f"Since {first} the share moved by {format_value(100 * (ours / total - before), 'points')} points; the largest "
        f"{'loss' if lost['share_change'] < 0 else 'lag'} is in {lost['market_segment']} ({format_value(lost['share_change'], 'points')} points, "
        f"against {lost['competitor']} with {format_value(lost['competitor_share'], '%')}). Defend {strong['market_segment']}, where "
        f"{brand} stands best against its strongest competitor, and decide for the others whether to invest or to hold.",
        kind="descriptive",
        caption=f"Market segments in {last}, growth a year and change of share since {first}; market figures carry no interval",
        units={"market_revenue": "currency", "growth": "%", "growth_low": "%", "growth_high": "%", "share": "%", "share_change": "points", "competitor_share": "%",
               "relative_share": "ratio", "reach": "%"},
        source="market report of the client; customers with an order in the last 12 months",
        metrics=(Metric("market_share", ours / total, unit="%"), Metric("market_size", total, unit="currency")),
    )  # fmt: skip


def _segment(segment: str, part: pd.DataFrame, brand: str, first: int, last: int) -> dict | None:
    now, then = part[part["year"] == last], part[part["year"] == first]
    if now.empty or then.empty:
        return None
    own, past = _share(now, brand), _share(then, brand)
    rivals = now[now["brand"] != brand].sort_values(
        ["brand_share", "brand"], ascending=[False, True]
    )
    size, old = float(now["market_revenue"].iloc[0]), float(then["market_revenue"].iloc[0])
    rival = float(rivals["brand_share"].iloc[0]) if len(rivals) else np.nan
    return {
        "market_segment": segment,
        "market_revenue": size,
        "share": own,
        "share_change": 100 * (own - past) if last > first else np.nan,
        "competitor": str(rivals["brand"].iloc[0]) if len(rivals) else "none named",
        "competitor_share": rival,
        "relative_share": own / rival if rival > 0 else np.nan,
        "in_market": float(now["customers_in_market"].astype(float).iloc[0]),
        "first_share": past,
        "first_revenue": old,
    }


def _share(rows: pd.DataFrame, brand: str) -> float:
    own = rows.loc[rows["brand"] == brand, "brand_share"]
    if len(own) and pd.notna(own.iloc[0]):
        return float(own.iloc[0])
    return float(rows["our_revenue"].iloc[0]) / float(rows["market_revenue"].iloc[0])


@answers
def brand_shares(market: pd.DataFrame, brand: str, as_of: date) -> Answer:
    """Return the share of each brand in each market segment and its change since the first year.

    Returns
    -------
    Answer
        Table: market_segment, brand, share, change; our brand first, then by share in the whole market.
    """
    need(market, "market figures", ASK)
    frame = need(_known(market, as_of), "market figures of years that have ended", ASK)
    first, last = int(frame["year"].min()), int(frame["year"].max())
    wide = frame.pivot_table(
        index=["market_segment", "brand"], columns="year", values="brand_share"
    )
    need(wide, "brand shares", ASK)
    table = (
        pd.DataFrame({"share": wide[last], "change": wide[last] - wide[first]})
        .dropna(subset=["share"])
        .reset_index()
    )
    size = (
        frame[frame["year"] == last].drop_duplicates("market_segment").set_index("market_segment")
    )
    table["revenue"] = table["share"] * table["market_segment"].map(size["market_revenue"])
    total = table.groupby("brand")["revenue"].sum()
    table["ours"] = table["brand"].ne(brand)
    table["rank"] = table["brand"].map(total)
    table = table.sort_values(
        ["ours", "rank", "brand", "market_segment"], ascending=[True, False, True, True]
    )
    gains = frame.drop_duplicates(["market_segment", "year", "brand"]).assign(
        revenue=lambda f: f["brand_share"] * f["market_revenue"]
    )
    sums = gains.pivot_table(index="brand", columns="year", values="revenue", aggfunc="sum")
    moves = (sums[last] / gains[gains["year"] == last].drop_duplicates("market_segment")["market_revenue"].sum()
             - sums[first] / gains[gains["year"] == first].drop_duplicates("market_segment")["market_revenue"].sum())  # fmt: skip
    winner = moves.round(6).sort_index().idxmax()
    where = (
        table[table["brand"] == winner]
        .round({"change": 6})
        .sort_values(["change", "market_segment"])
        .iloc[-1]
    )
    return Answer(
        table=table[["market_segment", "brand", "share", "change"]].reset_index(drop=True),
        headline=f"{winner} gained most since {first}: {format_value(100 * moves[winner], 'points')} points of the whole market",
        so_what=f"{winner} grew most in {where['market_segment']} ({format_value(100 * where['change'], 'points')} points, to "
        f"{format_value(where['share'], '%')}). "
        + (
            f"Find out what {winner} offers there and who leaves for it before prices are touched."
            if winner != brand
            else "Learn what worked there and repeat it in the next segment."
        ),
        kind="descriptive",
        caption=f"Share of each brand in the revenue of each market segment, {last}",
        units={"share": "%", "change": "%"},
        source="market report of the client; shares do not sum to one, other brands are not named",
    )
