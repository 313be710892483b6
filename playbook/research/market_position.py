"""Market research: size, growth and share by market segment, against named competitors."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.stats import yearly_growth

__all__ = ["brand_shares", "growth", "position"]

ASK = "a market report by segment and year: revenue of all brands and share of each brand"


def _known(market: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Return the years that had ended by ``as_of``."""
    last = as_of.year if (as_of.month, as_of.day) == (12, 31) else as_of.year - 1
    return market[market["year"] <= last].sort_values(["market_segment", "year", "brand"])


def growth(market: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Return the yearly growth of each market segment over the years that had ended (`stats.yearly_growth`)."""
    return yearly_growth(_known(market, as_of))


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
        Our brand, as the table names it. Where it does not, our share is our revenue ÷ that of the market.
    as_of
        Years ending later are not used.

    Returns
    -------
    Answer
        Table: market_segment, market_revenue, growth (yearly, see `growth`, with growth_low, growth_high), share, share_change (points,
        since the first year), competitor, competitor_share, relative_share (ours ÷ theirs), reach (our buying customers ÷
        customers in the market); biggest segment first.
    """
    need(market, "market figures", ASK)
    frame = need(_known(market, as_of), "market figures of years that have ended", ASK)
    first, last = int(frame["year"].min()), int(frame["year"].max())
    parts = [
        _segment(str(segment), part, brand, first, last)
        for segment, part in frame.groupby("market_segment")
        if (part["year"] == last).any()
    ]
    table = need(pd.DataFrame(parts), f"market segments with figures for {last}", ASK)
    buyers = customers.set_index("market_segment")["buying_customers"].astype(float)
    table["reach"] = table["market_segment"].map(buyers) / table["in_market"].where(table["in_market"] > 0)  # fmt: skip
    trend = growth(market, as_of).rename(columns={"low": "growth_low", "high": "growth_high"})
    table = table.join(trend.drop(columns="years"), on="market_segment")
    table = table.sort_values(["market_revenue", "market_segment"], ascending=[False, True], ignore_index=True)  # fmt: skip
    total, known = float(table["market_revenue"].sum()), table.dropna(subset=["share"])
    shown = ["market_segment", "market_revenue", "growth", "growth_low", "growth_high", "share", "share_change", "competitor",
             "competitor_share", "relative_share", "reach"]  # fmt: skip
    ours = float((known["share"] * known["market_revenue"]).sum())
    covered = float(known["market_revenue"].sum())
    metrics: tuple[Metric, ...] = (Metric("market_size", total, n=len(table), unit="currency"),)
    if covered:
        metrics = (Metric("market_share", ours / covered, n=len(known), unit="%"), *metrics)
    return Answer(
        table=table[shown],
        headline=_headline(brand, ours, covered, total),
        so_what=f"{_standing(table, frame, brand, first)} {_growing(table)}",
        kind="descriptive",
        caption=f"Market segments in {last}; growth a year over {first} to {last} with 95 % interval, change of share since {first}",
        units={"market_revenue": "currency", "growth": "%", "growth_low": "%", "growth_high": "%", "share": "%", "share_change": "points",
               "competitor_share": "%", "relative_share": "ratio", "reach": "%"},
        source="market report of the client; customers with an order in the last 12 months; log-linear trend, noise pooled over segments",
        metrics=metrics,
        extra={"growth": _growth_answer(table, first, last)},
    )  # fmt: skip


def _growth_answer(table: pd.DataFrame, first: int, last: int) -> Answer | Missing:
    """Return the growth of each segment with its interval, fastest first, for a figure."""
    known = table.dropna(subset=["growth"]).assign(place=lambda t: t["growth"].round(9))
    if known.empty:
        return Missing("growth of market segments: one year is known", ASK)
    known = known.sort_values(["place", "market_segment"], ascending=[False, True], ignore_index=True)  # fmt: skip
    sure = known[(known["growth_low"] > 0) | (known["growth_high"] < 0)]
    top = known.iloc[0]
    return Answer(
        table=known[["market_segment", "growth", "growth_low", "growth_high", "market_revenue"]],
        headline=(
            f"{sure.iloc[0]['market_segment']} grows beyond chance: {format_value(sure.iloc[0]['growth'], '%')} a year"
            if len(sure) and sure.iloc[0]["growth"] > 0
            else f"{top['market_segment']} seems to grow fastest, but no growth is beyond chance"
        ),
        so_what="",
        kind="descriptive",
        caption=f"Growth of market segments a year, {first} to {last}, 95 % interval (n = {last - first + 1} yearly figures a segment)",
        units={"growth": "%", "growth_low": "%", "growth_high": "%", "market_revenue": "currency"},
        source="market report of the client; log-linear trend over all years, noise pooled over segments",
    )  # fmt: skip


def _headline(brand: str, ours: float, covered: float, total: float) -> str:
    size = format_value(total / 1e6, "points")
    if not covered:
        return f"The market is worth {size} million; the share of {brand} in it is not known"
    part = "" if covered > 0.999 * total else f" (known for {format_value(covered / 1e6, 'points')})"  # fmt: skip
    return f"{brand} holds {format_value(ours / covered, '%')} of a market of {size} million{part}"


def _standing(table: pd.DataFrame, frame: pd.DataFrame, brand: str, first: int) -> str:
    """Return where we lost and where we stand best, or why that cannot be said."""
    named = brand in set(frame["brand"])
    known = table.dropna(subset=["share"])
    if known.empty:
        rivals = ", ".join(sorted(set(frame["brand"]))[:4])
        return (
            f"The report names {rivals} but not {brand}, and gives no revenue of ours: only the market and the competitors can be read. "
            f"Ask for our revenue by market segment, or set `brand` in engagement.yml if one of them is ours."
        )
    own = "" if named else f"The report does not name {brand}; its share is our revenue divided by that of the market. "  # fmt: skip
    whole = known.dropna(subset=["first_share"])
    moved = ""
    if len(whole) and known["share_change"].notna().any():
        now = (whole["share"] * whole["market_revenue"]).sum() / whole["market_revenue"].sum()
        then = (whole["first_share"] * whole["first_revenue"]).sum() / whole["first_revenue"].sum()
        lost = whole.round({"share_change": 6}).sort_values(["share_change", "market_segment"]).iloc[0]  # fmt: skip
        moved = (
            f"Since {first} the share moved by {format_value(100 * (now - then), 'points')} points; the largest "
            f"{'loss' if lost['share_change'] < 0 else 'lag'} is in {lost['market_segment']} ({format_value(lost['share_change'], 'points')} points"
            f"{_against(lost)}). "
        )
    strong = known.dropna(subset=["relative_share"]).round({"relative_share": 6})
    if strong.empty:
        return own + moved + "No competitor is named, so relative share is not known."
    best = strong.sort_values(["relative_share", "market_segment"]).iloc[-1]
    return (
        f"{own}{moved}Defend {best['market_segment']}, where {brand} stands best against its strongest competitor "
        f"({format_value(best['relative_share'], '%')} of the share of {best['competitor']})."
    )


def _against(row: pd.Series) -> str:
    share = row["competitor_share"]
    return (
        f", against {row['competitor']} with {format_value(share, '%')}" if share == share else ""
    )


def _growing(table: pd.DataFrame) -> str:
    """Return in which segments growth is beyond chance, and what its interval allows."""
    if table["growth"].isna().all():
        return "One year is known, so growth is not: ask for the report of earlier years."
    if table["growth_low"].isna().all():
        return "Growth rests on two years and has no interval: ask for a third before money follows it."
    sure = table[(table["growth_low"] > 0) | (table["growth_high"] < 0)]
    if sure.empty:
        top = table.round({"growth": 6}).sort_values(["growth", "market_segment"]).iloc[-1]
        return (
            f"No segment's growth is beyond the noise of so few years; fastest looks {top['market_segment']} "
            f"({format_value(top['growth'], '%')} a year, {format_value(top['growth_low'], '%')} to {format_value(top['growth_high'], '%')})."
        )
    told = ", ".join(f"{r.market_segment} {format_value(r.growth, '%')} a year" for r in sure.itertuples())  # fmt: skip
    return f"Growth beyond chance: {told}."


def _segment(segment: str, part: pd.DataFrame, brand: str, first: int, last: int) -> dict:
    now, then = part[part["year"] == last], part[part["year"] == first]
    own = _share(now, brand)
    past = _share(then, brand) if len(then) and last > first else np.nan
    rivals = now[now["brand"].ne(brand) & now["brand_share"].notna()].sort_values(
        ["brand_share", "brand"], ascending=[False, True]
    )
    rival = float(rivals["brand_share"].iloc[0]) if len(rivals) else np.nan
    return {
        "market_segment": segment,
        "market_revenue": float(now["market_revenue"].iloc[0]),
        "share": own,
        "share_change": 100 * (own - past),
        "competitor": str(rivals["brand"].iloc[0]) if len(rivals) else "none named",
        "competitor_share": rival,
        "relative_share": own / rival if rival > 0 else np.nan,
        "in_market": float(now["customers_in_market"].astype(float).iloc[0]),
        "first_share": past,
        "first_revenue": float(then["market_revenue"].iloc[0]) if len(then) else np.nan,
    }


def _share(rows: pd.DataFrame, brand: str) -> float:
    """Return our share: as the report says, else our revenue ÷ that of the market, else missing."""
    own = rows.loc[rows["brand"] == brand, "brand_share"].dropna()
    if len(own):
        return float(own.iloc[0])
    ours, size = float(rows["our_revenue"].astype(float).iloc[0]), float(rows["market_revenue"].iloc[0])  # fmt: skip
    return ours / size if size > 0 else np.nan


@answers
def brand_shares(market: pd.DataFrame, brand: str, as_of: date) -> Answer:
    """Return the share of each brand in each market segment and its change since the first year.

    Returns
    -------
    Answer
        Table: market_segment, brand, share, change (since the first year), market_revenue, growth; our brand first, then by share in
        the whole market. A brand that the report does not name has no row; ours follows from our revenue then.
    """
    need(market, "market figures", ASK)
    frame = need(_known(market, as_of), "market figures of years that have ended", ASK)
    frame = _with_ours(frame.drop_duplicates(["market_segment", "year", "brand"]), brand)
    need(frame.dropna(subset=["brand_share"]), "brand shares", ASK)
    first, last = int(frame["year"].min()), int(frame["year"].max())
    wide = frame.pivot_table(index=["market_segment", "brand"], columns="year", values="brand_share")  # fmt: skip
    wide = wide.reindex(columns=range(first, last + 1))
    table = pd.DataFrame({"share": wide[last], "change": wide[last] - wide[first]})
    table = need(table.dropna(subset=["share"]).reset_index(), f"brand shares in {last}", ASK)
    size = frame[frame["year"] == last].drop_duplicates("market_segment").set_index("market_segment")["market_revenue"].astype(float)  # fmt: skip
    table["market_revenue"] = table["market_segment"].map(size)
    table["growth"] = table["market_segment"].map(growth(market, as_of)["growth"])
    table["ours"] = table["brand"].ne(brand)
    table["rank"] = (table["share"] * table["market_revenue"]).groupby(table["brand"]).transform("sum").round(6)  # fmt: skip
    table = table.sort_values(["ours", "rank", "brand", "market_segment"], ascending=[True, False, True, True])  # fmt: skip
    headline, told = _winner(frame, table, brand, first, last)
    return Answer(
        table=table[["market_segment", "brand", "share", "change", "market_revenue", "growth"]].reset_index(drop=True),
        headline=headline,
        so_what=told,
        kind="descriptive",
        caption=f"Share of each brand in the revenue of each market segment, {last}"
        + (f" (point) and since {first} (line)" if last > first else "")
        + "; below its name the segment's revenue and growth",
        units={"share": "%", "change": "%", "market_revenue": "currency", "growth": "%"},
        source="market report of the client; shares do not sum to one, other brands are not named",
    )  # fmt: skip


def _with_ours(frame: pd.DataFrame, brand: str) -> pd.DataFrame:
    """Return the brands with ours added from our revenue where the report does not name it."""
    ours = frame["brand"].eq(brand) & frame["brand_share"].notna()
    named = frame.loc[ours, ["market_segment", "year"]].assign(named=True)
    rest = frame.drop_duplicates(["market_segment", "year"]).merge(named, on=["market_segment", "year"], how="left")  # fmt: skip
    rest = rest[rest["named"].isna()].drop(columns="named")
    share = rest["our_revenue"].astype(float) / rest["market_revenue"].astype(float).where(rest["market_revenue"] > 0)  # fmt: skip
    own = rest.assign(brand=brand, brand_share=share).dropna(subset=["brand_share"])
    return pd.concat([frame, own], ignore_index=True) if len(own) else frame


def _winner(
    frame: pd.DataFrame, table: pd.DataFrame, brand: str, first: int, last: int
) -> tuple[str, str]:
    """Return headline and reading: who gained most of the whole market, and where."""
    if last == first:
        leader = table.sort_values(["rank", "brand", "share", "market_segment"], ascending=[False, True, False, True]).iloc[0]  # fmt: skip
        return (
            f"{leader['brand']} is the largest named brand in {last}",
            f"It is strongest in {leader['market_segment']} ({format_value(leader['share'], '%')}). One year is known, so no share can have moved.",
        )
    sold = frame.assign(sold=frame["brand_share"].astype(float) * frame["market_revenue"].astype(float))  # fmt: skip
    sums = sold.pivot_table(index="brand", columns="year", values="sold", aggfunc="sum")
    total = frame.drop_duplicates(["market_segment", "year"]).groupby("year")["market_revenue"].sum().astype(float)  # fmt: skip
    moves = (sums[last].fillna(0) / total[last] - sums[first].fillna(0) / total[first]).round(6)
    winner = moves.sort_index().idxmax()
    where = table[table["brand"] == winner].round({"change": 6}).sort_values(["change", "market_segment"], na_position="first")  # fmt: skip
    if where.empty or pd.isna(where.iloc[-1]["change"]):
        return f"{winner} gained most since {first}", f"{winner} is new in the report of {last}."
    place = where.iloc[-1]
    advice = (
        f"Find out what {winner} offers there and who leaves for it before prices are touched."
        if winner != brand
        else "Learn what worked there and repeat it in the next segment."
    )
    return (
        f"{winner} gained most since {first}: {format_value(100 * moves[winner], 'points')} points of the whole market",
        f"{winner} grew most in {place['market_segment']} ({format_value(100 * place['change'], 'points')} points, to "
        f"{format_value(place['share'], '%')}). {advice}",
    )
