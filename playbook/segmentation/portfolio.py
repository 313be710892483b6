"""The portfolio of customer relationships and the strategy of each part of it.

Glossary
--------
value
    Mean lifetime value of the segment's customers (currency).
headroom
    What the customers buy elsewhere, as a multiple of what they buy from us.
potential
    Value that could be added per customer by winning a stated share of the headroom, and of the customers
    who have left (currency).
hurdle
    The potential that pays the planned spend per customer with the required return.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.engagement.model import StrategyRule
from playbook.errors import NotEnough
from playbook.segmentation.loyalty import wallet_share
from playbook.stats import yearly_growth

__all__ = ["ACTIVE", "MATERIAL", "first_rule", "portfolio", "strategies"]

SMALL = 5
ACTIVE = 0.5
"""Probability of being a customer still under which somebody counts as lapsed."""
BASIC_SHARE = 0.10
MATERIAL = 0.5
"""Loss (currency) from which a customer, or a segment on average, costs money."""
INVEST = ("appreciate", "grow share", "develop", "win back")


@answers
def portfolio(
    segments: pd.DataFrame,
    customers: pd.DataFrame,
    values: pd.DataFrame,
    attitudes: pd.DataFrame,
    market: pd.DataFrame,
    brand: str,
    winnable_share: float = 0.10,
    retention_budget: float | None = None,
    hurdle_rate: float = 0.15,
) -> Answer:
    """Return value, potential and position of each segment.

    Headroom comes from the stated share of wallet, else from the gap between our market share and the
    leader's, else from the gap of customers to the best quarter of their own segment; ``headroom_from``
    says which.

    Parameters
    ----------
    segments, customers, values, attitudes
        As in `loyalty_by_segment`.
    market
        Table ``market`` up to the year of the period.
    brand
        Our brand in it.
    winnable_share
        Share of the headroom, and of those who left, that good work can win (a belief, 0 to 1).
    retention_budget
        Planned spend on existing customers (currency); without it potential is judged against its mean.
    hurdle_rate
        Return that spend must bring over the horizon of the lifetime value (0.15 is 15 %).

    References
    ----------
    Dhar & Glazer (2003), Hedging customers, Harvard Business Review 81(5).
    """
    need(segments, "customers with a segment", "orders with a customer number")
    worth = values[["customer_id", "clv", "p_alive"]]
    joined = segments.merge(customers, on="customer_id").merge(worth, on="customer_id")
    wallet = joined["customer_id"].map(wallet_share(attitudes))
    place = _market_position(market, brand)
    rows = [
        _row(str(name), part, wallet, place, winnable_share)
        for name, part in joined.groupby("segment")
    ]
    table = pd.DataFrame(rows).sort_values(
        ["value", "segment"], ascending=[False, True], ignore_index=True
    )
    spend = retention_budget / len(joined) if retention_budget else np.nan
    weight = table["customers"] / len(joined)
    value_line = float((table["value"] * weight).sum())
    hurdle = (
        spend * (1 + hurdle_rate)
        if np.isfinite(spend)
        else float((table["potential"] * weight).sum())
    )
    worth_it, grows = table["value"] > 0, table["potential"] > 0
    table["value_level"] = np.where(worth_it & (table["value"] >= value_line), "high", "low")
    table["potential_level"] = np.where(grows & (table["potential"] >= hurdle), "high", "low")
    high = table[table["value_level"] == "high"]
    lapsed = table[table["p_alive"].fillna(0.0) < ACTIVE]
    return Answer(
        table=table[["segment", "customers", "value", "potential", "value_level", "potential_level", "headroom", "headroom_from",
                     "wallet_share", "market_share", "market_growth", "p_alive", "contribution"]],
        headline=_headline(high, table),
        so_what=_move(table, lapsed, hurdle, np.isfinite(spend)),
        kind="diagnostic",
        caption=f"Value (lifetime value) and potential ({format_value(winnable_share, '%')} of what is bought elsewhere or was lost) per customer; lines: mean value and {'hurdle' if np.isfinite(spend) else 'mean potential'}",
        units={"customers": "count", "value": "currency", "potential": "currency", "headroom": "ratio", "wallet_share": "%", "market_share": "%",
               "market_growth": "%", "p_alive": "%", "contribution": "currency"},
        source="lifetime value, survey answers on share of wallet, market data",
        metrics=(Metric("value_share_high_segments", _share(high, table), n=len(joined), unit="%", kind="diagnostic"),) if len(high) else (),
        extra={"value_line": value_line, "hurdle": hurdle, "budgeted": bool(np.isfinite(spend))},
    )  # fmt: skip


def _headline(high: pd.DataFrame, table: pd.DataFrame) -> str:
    if high.empty:
        return f"None of {len(table)} segments is worth anything: purchases earn nothing"
    return f"{len(high)} of {len(table)} segments {'holds' if len(high) == 1 else 'hold'} {format_value(_share(high, table), '%')} of customer value"


def _share(part: pd.DataFrame, whole: pd.DataFrame) -> float:
    total = float((whole["value"] * whole["customers"]).sum())
    return float((part["value"] * part["customers"]).sum()) / total if total else 0.0


def _move(table: pd.DataFrame, lapsed: pd.DataFrame, hurdle: float, budgeted: bool) -> str:
    grow = table[table["potential_level"] == "high"]
    paid = (
        f"the hurdle of {format_value(hurdle, 'currency')} a customer" if budgeted else "the mean"
    )
    named = ", ".join(grow["segment"]) if len(grow) else "no segment"
    share = float(lapsed["customers"].sum() / table["customers"].sum())
    return (
        f"Potential is above {paid} in {named}; {format_value(share, '%')} of customers are in segments that have mostly stopped. "
        + (
            "Move money from the lower left of the map to the upper right, and leave the rest on self-service."
            if len(grow)
            else "Spend on no segment before prices and costs are mended."
        )
    )


def _row(
    name: str, part: pd.DataFrame, wallet: pd.Series, place: pd.DataFrame, winnable: float
) -> dict[str, object]:
    own = wallet.loc[part.index].dropna()
    share = float(own.mean()) if len(own) >= SMALL else np.nan
    found = _weighted_position(part, place)
    headroom, source = _headroom(part, share, found)
    value = float(part["clv"].astype(float).mean())
    return {
        "segment": name,
        "customers": len(part),
        "value": value,
        "potential": value * headroom * winnable + winnable * _lost_value(part),
        "headroom": headroom,
        "headroom_from": source,
        "wallet_share": share,
        "market_share": found["share"],
        "market_growth": found["growth"],
        "p_alive": float(part["p_alive"].mean()),
        "contribution": float(part["contribution_12m"].astype(float).mean()),
    }


def _lost_value(part: pd.DataFrame) -> float:
    """Mean value of the customers if they were active, times the probability that they are not."""
    alive = part["p_alive"].astype(float).clip(lower=0.01)
    return float((part["clv"].astype(float) * (1 - alive) / alive).fillna(0.0).mean())


def _headroom(part: pd.DataFrame, wallet: float, found: pd.Series) -> tuple[float, str]:
    if np.isfinite(wallet) and wallet > 0:
        return 1 / wallet - 1, "share of wallet"
    if np.isfinite(found["share"]) and found["share"] > 0:
        return max(float(found["leader"] / found["share"] - 1), 0.0), "market share of the leader"
    revenue = part["revenue_12m"].astype(float)
    mean = float(revenue.mean())
    if mean <= 0:
        return 0.0, "none known"
    gap = (float(revenue.quantile(0.75)) - revenue).clip(lower=0)
    return float(gap.mean()) / mean, "best quarter of the segment"


def _market_position(market: pd.DataFrame, brand: str) -> pd.DataFrame:
    """Our share, the leading competitor's share latest year, and the growth of each market segment over all years."""
    columns = ["share", "leader", "growth"]
    if market.empty:
        return pd.DataFrame(columns=columns, dtype=float)
    year = int(market["year"].max())
    now = market[market["year"] == year]
    pace = yearly_growth(market)["growth"]
    rows = {}
    for name, part in now.groupby("market_segment"):
        total = float(part["market_revenue"].iloc[0])
        others = part[part["brand"] != brand]["brand_share"].astype(float)
        rows[name] = [
            float(part["our_revenue"].iloc[0]) / total,
            others.max(),
            pace.get(str(name), np.nan),
        ]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).astype(float)


def _weighted_position(part: pd.DataFrame, place: pd.DataFrame) -> pd.Series:
    known = part["market_segment"][part["market_segment"].isin(place.index)]
    if len(known) < SMALL:
        return pd.Series({"share": np.nan, "leader": np.nan, "growth": np.nan})
    return place.loc[known].mean()


@answers
def strategies(
    board: Answer, values: pd.DataFrame, segments: pd.DataFrame, rules: Sequence[StrategyRule]
) -> Answer:
    """Return one strategy per segment: the first rule of the plan whose conditions all hold.

    The retention budget is split by the margin at stake: value that may leave (value times probability
    of having left) where customers are appreciated, potential where they are grown, developed or won
    back, a tenth of the potential for those kept at low cost, nothing for exits. Contribution counts as
    negative from a loss of half a currency unit per customer and year.

    Parameters
    ----------
    board
        Answer of `portfolio`.
    values, segments
        Results ``customer_value`` and ``segments``, or ``memberships``: then each customer counts by probability.
    rules
        Rule table of the plan, in order.
    """
    if not rules:
        raise NotEnough("the plan has no rule table", "strategies in the plan: which strategy for which value and potential")  # fmt: skip
    table = board.table.copy()
    facts = pd.DataFrame(
        {
            "value": table["value_level"],
            "potential": table["potential_level"],
            "contribution": np.where(table["contribution"] <= -MATERIAL, "negative", "positive"),
            "activity": np.where(table["p_alive"].fillna(0.0) < ACTIVE, "lapsed", "active"),
        }
    )
    chosen = [rules[first_rule(row, rules)] for row in facts.to_dict("records")]
    picked = facts.assign(segment=table["segment"], strategy=[r.strategy for r in chosen])
    picked["do"], picked["avoid"] = [r.do for r in chosen], [r.avoid for r in chosen]
    stake = _stake(table, picked["strategy"], values, segments)
    picked["at_stake"] = stake
    picked["budget_share"] = stake / stake.sum() if stake.sum() > 0 else 0.0
    picked["reason"] = [_reason(row, board) for row in table.to_dict("records")]
    picked = picked.sort_values(
        ["budget_share", "segment"], ascending=[False, True], ignore_index=True
    )
    top, used = picked.iloc[0], picked["strategy"].nunique()
    none = picked[picked["budget_share"] < 0.05]
    return Answer(
        table=picked[["segment", "strategy", "budget_share", "value", "potential", "contribution", "activity", "at_stake", "do", "avoid", "reason"]],
        headline=f"{used} {'strategy' if used == 1 else 'strategies'} for {len(picked)} segments; "
        + (f"most budget goes to {top['segment']}" if top["budget_share"] > 0 else "none earns a budget"),
        so_what=(
            f"{top['segment']} ({top['strategy']}): {top['do']} "
            + (f"Spend next to nothing on {', '.join(none['segment'])}. " if len(none) else "")
            + "Put an owner behind each line and keep to it for a year."
        ),
        kind="prescriptive",
        caption="First rule of the plan that holds for each segment, and share of the retention budget by margin at stake",
        units={"budget_share": "%", "at_stake": "currency"},
        source="rule table of the plan; lifetime value, potential, contribution, activity",
        extra={"invest": tuple(picked.loc[picked["strategy"].isin(INVEST), "segment"])},
    )  # fmt: skip


def first_rule(facts: dict, rules: Sequence[StrategyRule]) -> int:
    """Return the number (from 0) of the first rule whose conditions all hold."""
    for number, rule in enumerate(rules):
        wanted = {name: getattr(rule, name) for name in facts}
        if all(value is None or value == facts[name] for name, value in wanted.items()):
            return number
    raise NotEnough("no rule of the plan holds for some segment", "a last rule without conditions")


def _stake(
    table: pd.DataFrame, strategy: pd.Series, values: pd.DataFrame, segments: pd.DataFrame
) -> pd.Series:
    joined = segments.merge(values, on="customer_id")
    chance = joined.get("probability", 1.0)
    leaving = joined["clv"] * (1 - joined["p_alive"].fillna(1.0)) * chance
    at_risk = table["segment"].map(leaving.groupby(joined["segment"]).sum()).astype(float)
    gain = (table["potential"] * table["customers"]).astype(float)
    stake = np.select(
        [strategy == "appreciate", strategy.isin(["grow share", "develop", "win back"]), strategy == "exit"],
        [at_risk, gain, 0.0],
        default=BASIC_SHARE * gain,
    )  # fmt: skip
    return pd.Series(stake, index=table.index)


def _reason(row: dict, board: Answer) -> str:
    limit = "hurdle" if board["budgeted"] else "mean"
    return (
        f"value {format_value(row['value'], 'currency')} (mean {format_value(board['value_line'], 'currency')}), "
        f"potential {format_value(row['potential'], 'currency')} ({limit} {format_value(board['hurdle'], 'currency')}), "
        f"contribution {format_value(row['contribution'], 'currency')} a customer, active {format_value(row['p_alive'], '%')}"
    )
