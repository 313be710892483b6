"""Competition for customers: who comes, who goes, to whom, how good they are, and what share is ours."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.stats import wilson, yearly_growth

__all__ = ["customer_competition", "market_position"]

SMALL = 5


@answers
def customer_competition(
    moves: pd.DataFrame,
    brand: str,
    segments: pd.DataFrame | None = None,
    values: pd.DataFrame | None = None,
) -> Answer:
    """Return customers won from and lost to each competitor in 12 months, what they spend and why they move.

    Parameters
    ----------
    moves
        Query ``brand_moves``: ``from_brand``, ``to_brand``, ``reason``, ``revenue_before`` (with us in the
        year before the move), ``revenue_since``.
    brand
        Our brand.
    segments, values
        ``customer_id`` and ``segment``; result ``customer_value``. With them extra ``who`` tells it by segment.

    Returns
    -------
    Answer
        One row per competitor; extras ``flows`` (brand, direction, worth, customers) and ``who`` (an `Answer`).
        Worth is revenue with us in the year before leaving, or since coming, against the median of known movers
        of that direction; there is no worth of the future in it, as who has left has none with us.
    """
    need(moves, "moves between brands", "a panel or survey of brand switching")
    lost, won = moves[moves["from_brand"] == brand], moves[moves["to_brand"] == brand]
    need(
        pd.concat([lost, won]),
        "moves to or from us",
        "a panel or survey of brand switching",
        rows=20,
    )
    table = _by_competitor(lost, won)
    net = len(won) - len(lost)
    test = binomtest(len(won), len(won) + len(lost))
    ends = test.proportion_ci(0.95, method="wilson")
    certain = test.pvalue < 0.05
    threat = table.iloc[0]
    known_lost, known_won = _known(lost), _known(won)
    lost_worth = (
        float(known_lost["revenue_before"].astype(float).mean()) if len(known_lost) else 0.0
    )
    won_worth = float(known_won["revenue_since"].astype(float).mean()) if len(known_won) else 0.0
    verdict = (
        f"{'More came than went' if net > 0 else 'More went than came'}: {len(won):,} won, {len(lost):,} lost"
        if certain
        else f"Won and lost about balance: {len(won):,} won, {len(lost):,} lost"
    )
    return Answer(
        table=table,
        headline=verdict,
        so_what=(
            f"{threat['competitor']} is the first rival: {int(threat['lost'])} left for it, mostly for {threat['why_lost']}. "
            f"Those lost had spent {format_value(lost_worth, 'currency')} with us in the year before, those won "
            f"{format_value(won_worth, 'currency')} since they came. Answer {threat['competitor']} on {threat['why_lost']} first."
        ),
        kind="descriptive",
        caption=f"Observed moves between us and competitors in 12 months (n = {len(won) + len(lost):,}; revenue with us, known customers)",
        units={"won": "count", "lost": "count", "net": "count", "revenue_lost": "currency", "revenue_won": "currency"},
        source="switching records and orders; observed moves only, not every move",
        metrics=(
            Metric("net_switching", float(net), n=len(won) + len(lost), unit="count"),
            Metric("switching_share_won", len(won) / (len(won) + len(lost)), float(ends.low), float(ends.high), len(won) + len(lost), "%"),
        ),
        extra={"flows": _flows(lost, won), "who": _who(lost, won, segments, values)},
    )  # fmt: skip


def _flows(lost: pd.DataFrame, won: pd.DataFrame) -> pd.DataFrame:
    """Return customers by competitor, direction and worth (above or below the median of that direction; unknown)."""
    parts = []
    for side, moves, money, other in (("lost", lost, "revenue_before", "to_brand"), ("won", won, "revenue_since", "from_brand")):  # fmt: skip
        worth = pd.Series("not known", index=moves.index, dtype=object)
        known = _known(moves)
        amount = known[money].astype(float)
        if len(known):
            worth.loc[known.index] = np.where(amount > amount.median(), "spend more", "spend less")
        parts.append(pd.DataFrame({"competitor": moves[other], "direction": side, "worth": worth, "revenue": moves[money].astype(float)}))  # fmt: skip
    groups = pd.concat(parts).groupby(["competitor", "direction", "worth"])
    return groups.agg(customers=("revenue", "size"), revenue=("revenue", "sum")).reset_index()


@answers
def _who(
    lost: pd.DataFrame,
    won: pd.DataFrame,
    segments: pd.DataFrame | None,
    values: pd.DataFrame | None,
) -> Answer:
    """Return won and lost by segment, as a share of its customers, and what they are worth."""
    if segments is None:
        raise NotEnough("no segments are given", "orders with a customer number")
    size = segments.groupby("segment").size()
    of = segments.set_index("customer_id")["segment"]
    rows = []
    gone, come = _known(lost).assign(segment=lambda d: d["customer_id"].map(of)), _known(won).assign(segment=lambda d: d["customer_id"].map(of))  # fmt: skip
    need(pd.concat([gone, come]).dropna(subset="segment"), "moves of known customers", "switching records with a customer number", rows=20)  # fmt: skip
    worth = None if values is None else values.set_index("customer_id")["clv"].astype(float)
    for name, n in size.items():
        left, came = gone[gone["segment"] == name], come[come["segment"] == name]
        if len(left) + len(came) < SMALL:
            continue
        share = wilson(min(len(left), int(n)), int(n))
        rows.append(
            {
                "segment": str(name), "customers": int(n), "lost": len(left), "lost_share": share.value, "low": share.low, "high": share.high,
                "won": len(came), "spent_before": float(left["revenue_before"].astype(float).mean()) if len(left) >= SMALL else np.nan,
                "spent_since": float(came["revenue_since"].astype(float).mean()) if len(came) >= SMALL else np.nan,
                "value_of_won": float(came["customer_id"].map(worth).mean()) if worth is not None and len(came) >= SMALL else np.nan,
            }
        )  # fmt: skip
    need(pd.DataFrame(rows), "segments with moves", "switching records with a customer number")
    table = pd.DataFrame(rows).sort_values(["lost_share", "segment"], ascending=[False, True], ignore_index=True)  # fmt: skip
    worst, calm = table.iloc[0], table.iloc[-1]
    apart = len(table) > 1 and worst["low"] > calm["high"]
    return Answer(
        table=table,
        headline=(
            f"{worst['segment']} lose most to competitors: {format_value(worst['lost_share'], '%')} in the year"
            if apart else f"No segment loses clearly more to competitors than another (up to {format_value(worst['lost_share'], '%')})"
        ),
        so_what=(
            f"{worst['lost']:,} of them were seen leaving, {worst['won']:,} coming. "
            + ("Defend this segment first, on what they leave for." if apart else "Answer competitors for all customers alike.")
        ),
        kind="diagnostic",
        caption="Known customers seen leaving for and coming from competitors in 12 months, by segment of today (95 % interval of the share lost; segments with 5 moves or more)",
        units={"customers": "count", "lost": "count", "lost_share": "%", "low": "%", "high": "%", "won": "count", "spent_before": "currency", "spent_since": "currency", "value_of_won": "currency"},
        source="switching records, orders, segments",
    )  # fmt: skip


def _known(moves: pd.DataFrame) -> pd.DataFrame:
    return moves[moves["customer_id"].notna()]


def _by_competitor(lost: pd.DataFrame, won: pd.DataFrame) -> pd.DataFrame:
    names = sorted(set(lost["to_brand"]) | set(won["from_brand"]))
    rows = []
    for name in names:
        gone, come = lost[lost["to_brand"] == name], won[won["from_brand"] == name]
        rows.append(
            {
                "competitor": name,
                "won": len(come),
                "lost": len(gone),
                "net": len(come) - len(gone),
                "revenue_lost": float(gone["revenue_before"].astype(float).sum()),
                "revenue_won": float(come["revenue_since"].astype(float).sum()),
                "why_lost": _first(gone["reason"]),
                "why_won": _first(come["reason"]),
            }
        )
    return pd.DataFrame(rows).sort_values(["lost", "competitor"], ascending=[False, True], ignore_index=True)  # fmt: skip


def _first(reasons: pd.Series) -> str:
    counts = reasons.dropna().value_counts().rename_axis("reason").reset_index(name="n")
    if counts.empty:
        return "unknown reasons"
    counts = counts.sort_values(["n", "reason"], ascending=[False, True])
    return str(counts["reason"].iloc[0])


@answers
def market_position(market: pd.DataFrame, brand: str, year: int) -> Answer:
    """Return our share and that of the strongest competitor in each segment of the market, and the change.

    Parameters
    ----------
    market
        Table ``market``; years after ``year`` are not used.
    brand
        Our brand.
    year
        Year of the period.
    """
    known = market[market["year"] <= year]
    need(known, "market data", "market size and brand shares by segment and year")
    last = int(known["year"].max())
    now, before = known[known["year"] == last], known[known["year"] == last - 1]
    rows = []
    for name, part in now.groupby("market_segment"):
        rivals = part[part["brand"] != brand].sort_values(["brand_share", "brand"], ascending=[False, True])  # fmt: skip
        total = float(part["market_revenue"].iloc[0])
        old = before[before["market_segment"] == name]
        had = float(old["our_revenue"].iloc[0]) / float(old["market_revenue"].iloc[0]) if len(old) else float("nan")  # fmt: skip
        ours = float(part["our_revenue"].iloc[0]) / total if total else float("nan")
        rows.append(
            {
                "market_segment": str(name),
                "our_share": ours,
                "change": 100 * (ours - had),
                "leader": str(rivals["brand"].iloc[0]) if len(rivals) else "none known",
                "leader_share": float(rivals["brand_share"].iloc[0])
                if len(rivals)
                else float("nan"),
                "market_revenue": total,
            }
        )
    trend = yearly_growth(known).drop(columns="years")
    table = pd.DataFrame(rows).join(trend, on="market_segment").sort_values(["our_share", "market_segment"], ascending=[False, True], ignore_index=True)  # fmt: skip
    best, falling = table.iloc[0], table[table["change"] < 0]
    return Answer(
        table=table,
        headline=f"Our share is highest in {best['market_segment']} ({format_value(best['our_share'], '%')}) and fell in {len(falling)} of {len(table)}",
        so_what=_market_words(table, falling),
        kind="descriptive",
        caption=f"Share of market revenue {last}, ours and the strongest competitor's, by segment of the market; growth a year over all years, with 95 % interval",
        units={"our_share": "%", "change": "points", "leader_share": "%", "growth": "%", "low": "%", "high": "%", "market_revenue": "currency"},
        source="market data of the client",
    )  # fmt: skip


def _market_words(table: pd.DataFrame, falling: pd.DataFrame) -> str:
    gap = (table["leader_share"] - table["our_share"]).fillna(0.0)
    widest = table.loc[gap.idxmax()]
    first = (
        f"The widest gap is in {widest['market_segment']}: {widest['leader']} has {format_value(widest['leader_share'], '%')}, "
        f"we have {format_value(widest['our_share'], '%')}. "
    )
    if falling.empty:
        return first + "No share was lost: invest where the market grows."
    worst = falling.loc[falling["change"].idxmin()]
    return (
        first
        + f"Most share was lost in {worst['market_segment']} ({format_value(worst['change'], 'points')} points): find out there what the competitor does better."
    )
