"""One strategy per segment as a card, the rule table as a partition, and where the market deserves investment."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, format_value, need
from playbook.contract import NO_PURCHASE
from playbook.engagement.model import StrategyRule
from playbook.segmentation.portfolio import ACTIVE, MATERIAL, first_rule

__all__ = ["market_strategies", "rule_table", "strategies_within", "strategy_cards"]

FACTS = {
    "contribution": ("positive", "negative"),
    "value": ("high", "low"),
    "potential": ("high", "low"),
    "activity": ("active", "lapsed"),
}
LOW_SHARE = 0.5
"""Our share against the leader's from which on it counts as low."""
NOTICEABLE = 0.2
LOOSE, UNSURE, FEW_TOLD = 0.6, 0.75, 30
INVEST, KEEP, DEFEND = "grow share", "maintain at low cost", "defend"
NEEDS = ("importance: ", "psychographic: ")
QUIET = ("price level: middle", "extra service: none", "returns: kept", "service case: none")


@answers
def rule_table(rules: Sequence[StrategyRule]) -> Answer:
    """Return the strategy of every combination of facts: the plan's rules as the partition they are.

    Parameters
    ----------
    rules
        Rule table of the plan, in order; the plan's own check makes sure each combination has one rule and each
        rule a combination.
    """
    need(pd.DataFrame({"rule": list(rules)}), "rules in the plan", "strategies in the plan: which strategy for which value and potential")  # fmt: skip
    rows = []
    for cell in itertools.product(*FACTS.values()):
        facts = dict(zip(FACTS, cell, strict=True))
        number = first_rule(facts, rules)
        rows.append({**facts, "rule": number + 1, "strategy": rules[number].strategy})
    table = pd.DataFrame(rows)
    used = table["strategy"].value_counts()
    return Answer(
        table=table,
        headline=f"{len(rules)} rules place each of {len(table)} combinations in exactly one strategy",
        so_what=f"{used.index[0].capitalize()} takes most combinations ({int(used.iloc[0])}). Change the rules in the plan and run again; a gap or a rule that can never hold is refused there.",
        kind="prescriptive",
        caption="Strategy of each combination of contribution, value, potential and activity of a segment: the first rule that holds",
        units={"rule": "count"},
        source="rule table of the plan",
    )  # fmt: skip


@answers
def strategies_within(
    strategies: Answer, board: Answer, segments: pd.DataFrame, values: pd.DataFrame, customers: pd.DataFrame,
    rules: Sequence[StrategyRule],
) -> Answer:  # fmt: skip
    """Return how many customers of each segment the same rules send another way: a segment is not all alike.

    Each customer has an own lifetime value (against the mean of all), contribution and activity; potential is that of the
    segment. So those worth winning back, and those who cost more than they bring, are counted in every segment.

    Parameters
    ----------
    strategies, board
        Answers of `strategies` and `portfolio`.
    segments, values
        Results ``segments`` and ``customer_value``.
    customers
        Frame of `add_contribution`.
    rules
        Rule table of the plan.

    Returns
    -------
    Answer
        One row per segment: ``strategy`` of the segment, ``own_way`` (share of customers sent another way), then the share of
        each strategy; extra ``customers``: customer_id, segment, strategy.
    """
    joined = segments.merge(values[["customer_id", "clv", "p_alive"]], on="customer_id")
    joined = joined.merge(customers[["customer_id", "contribution_12m"]], on="customer_id")
    level = board.table.set_index("segment")["potential_level"]
    facts = pd.DataFrame({
        "contribution": np.where(joined["contribution_12m"].astype(float) <= -MATERIAL, "negative", "positive"),
        "value": np.where(joined["clv"].astype(float) >= board["value_line"], "high", "low"),
        "potential": joined["segment"].map(level).fillna("low"),
        "activity": np.where(joined["p_alive"].fillna(0.0) < ACTIVE, "lapsed", "active"),
    })  # fmt: skip
    cells = facts.drop_duplicates()
    sent = {tuple(row): rules[first_rule(dict(zip(facts.columns, row, strict=True)), rules)].strategy for row in cells.itertuples(index=False)}  # fmt: skip
    joined["strategy"] = [sent[tuple(row)] for row in facts.itertuples(index=False)]
    need(joined, "customers with a value", "orders with a customer number")
    wide = pd.crosstab(joined["segment"], joined["strategy"], normalize="index")
    wide = wide.reindex(columns=list(dict.fromkeys(r.strategy for r in rules)), fill_value=0.0)
    order = list(strategies.table["segment"])
    named = strategies.table.set_index("segment")["strategy"]
    table = wide.reindex(order).fillna(0.0).rename_axis("segment").reset_index()
    own = [1 - float(wide.loc[s, named[s]]) if s in wide.index else 0.0 for s in order]
    table.insert(1, "strategy", [named[s] for s in order])
    table.insert(2, "own_way", own)
    counts = joined["strategy"].value_counts()
    back, leave = int(counts.get("win back", 0)), int(counts.get("exit", 0))
    other = float((joined["strategy"] != joined["segment"].map(named)).mean())
    return Answer(
        table=table,
        headline=f"{back:,} customers are worth winning back and {leave:,} cost more than they bring, in whatever segment",
        so_what=(
            f"The rules send {format_value(other, '%')} of the customers another way than their segment. The segment decides what to say and offer, "
            "the customer's own state whether to thank, win back or stop paying: let the lists follow the state."
        ),
        kind="prescriptive",
        caption=f"Share of each segment's customers by the strategy that the rules give them one by one (n = {len(joined):,})",
        units={"own_way": "%", **dict.fromkeys(wide.columns, "%")},
        source="rule table of the plan; lifetime value, contribution and activity of each customer, potential of the segment",
        extra={"customers": joined[["customer_id", "segment", "strategy"]], "parts": tuple(wide.columns)},
    )  # fmt: skip


@answers
def market_strategies(
    position: Answer, margin_rate: float | None, discount_rate: float, winnable_share: float = 0.10
) -> Answer:  # fmt: skip
    """Return what to do in each segment of the market where our share is low, and where it is not.

    A low share (under half of the leader's) is an investment case only where the market grows, and faster than all
    markets together; where it does not, the segment is maintained at low cost. ``certain`` says whether the 95 %
    interval of growth leaves out that of all markets.

    Parameters
    ----------
    position
        Answer of `market_position`.
    margin_rate
        Contribution margin as a share of revenue; without it the stake is counted in revenue.
    discount_rate
        Per year.
    winnable_share
        Share of the gap to the leader that good work wins in three years (a belief).
    """
    table = position.table.drop(columns="change")
    known = table.dropna(subset=["growth", "leader_share"])
    need(known, "market segments with two years of figures", "market size and brand shares by segment and year")  # fmt: skip
    whole = float(np.average(known["growth"], weights=known["market_revenue"].astype(float)))
    low_share = table["our_share"] < LOW_SHARE * table["leader_share"]
    faster = table["growth"] > max(whole, 0.0)
    table["strategy"] = np.select([~low_share, faster], [DEFEND, INVEST], default=KEEP)
    certain = (table["low"] > whole) | (table["high"] < whole)
    table["certain"] = np.where(certain, "yes", "not yet")
    pace = (1 + table["growth"].fillna(0.0)) / (1 + discount_rate)
    years = pace + pace**2 + pace**3
    gap = (table["leader_share"] - table["our_share"]).clip(lower=0.0)
    rate = 1.0 if margin_rate is None else margin_rate
    table["at_stake"] = winnable_share * gap * table["market_revenue"].astype(float) * rate * years
    table = table.sort_values(["at_stake", "market_segment"], ascending=[False, True], ignore_index=True)  # fmt: skip
    grow, keep = table[table["strategy"] == INVEST], table[table["strategy"] == KEEP]
    return Answer(
        table=table[["market_segment", "strategy", "our_share", "leader", "leader_share", "growth", "low", "high", "certain", "at_stake"]],
        headline=f"Low share pays for growth in {len(grow)} of {len(grow) + len(keep)} market segments where we are small",
        so_what=_market_words(grow, keep, whole),
        kind="prescriptive",
        caption=f"Market segments: yearly growth with 95 % interval (all markets {format_value(whole, '%')}); at stake: {'revenue' if margin_rate is None else 'margin'} of three years if {format_value(winnable_share, '%')} of the gap to the leader is won",
        units={"our_share": "%", "leader_share": "%", "growth": "%", "low": "%", "high": "%", "at_stake": "currency"},
        source="market data of the client, growth off all years delivered",
        extra={"growth_of_all": whole, "invest": tuple(grow["market_segment"])},
    )  # fmt: skip


def _market_words(grow: pd.DataFrame, keep: pd.DataFrame, whole: float) -> str:
    parts = []
    if len(grow):
        top = grow.iloc[0]
        sure = "surely" if top["certain"] == "yes" else "by what is known so far"
        parts.append(
            f"{top['market_segment']} is small for us and grows by {format_value(top['growth'], '%')} a year, {sure} faster than all markets "
            f"together ({format_value(whole, '%')}): invest there while the stake of {format_value(top['at_stake'], 'currency')} exceeds what it costs."
        )
    if len(keep):
        names = ", ".join(keep["market_segment"])
        parts.append(
            f"Keep {names} at low cost: share is low and the market gives no tailwind to win it."
        )
    return " ".join(parts) or "Our share is low nowhere: defend it where competitors grow."


@answers
def strategy_cards(
    strategies: Answer, described: Answer, memberships: pd.DataFrame, values: pd.DataFrame, solution: Answer, customers: pd.DataFrame
) -> Answer:  # fmt: skip
    """Return one card per segment: who, size, value, needs, strategy, why, what to do and what not, budget share, risks.

    Size and value count each customer by the probability of being in the segment.

    Parameters
    ----------
    strategies, described, solution
        Answers of `strategies`, `describe_segments` and `choose_segments`.
    memberships
        Result ``memberships``.
    values
        Result ``customer_value``.
    customers
        Frame of `add_contribution`.
    """
    place = memberships.merge(values[["customer_id", "clv"]], on="customer_id", how="left")
    place["value"] = place["clv"].fillna(0.0) * place["probability"]
    sums = place.groupby("segment").agg(expected=("probability", "sum"), value=("value", "sum"))
    total = float(sums["value"].sum())
    sizes = described.table.set_index("segment")["customers"]
    who = _who(solution["model"])
    character = solution["deviations"]
    rows = []
    for row in strategies.table.itertuples(index=False):
        name = str(row.segment)
        part = character[character["segment"] == name].set_index("feature")["deviation"]
        rows.append({
            "segment": name,
            "strategy": row.strategy,
            "customers": int(sizes.get(name, 0)),
            "expected_customers": float(sums["expected"].get(name, 0.0)),
            "value": float(sums["value"].get(name, 0.0)),
            "share_value": float(sums["value"].get(name, 0.0)) / total if total > 0 else np.nan,
            "who": who.get(name, "no descriptor stands out"),
            "needs": _words(part[part.index.str.startswith(NEEDS)]) or "not known from answers",
            "buys": _words(part[~part.index.str.startswith(NEEDS)]) or "like the average",
            "why": row.reason,
            "do": row.do,
            "avoid": row.avoid,
            "budget_share": row.budget_share,
            "risks": _risks(name, memberships, solution, customers),
        })  # fmt: skip
    table = pd.DataFrame(rows)
    top = table.loc[table["share_value"].fillna(0.0).idxmax()]
    return Answer(
        table=table,
        headline=f"{len(table)} strategy cards: "
        + (f"{top['segment']} hold {format_value(top['share_value'], '%')} of customer value" if total > 0 else "no segment is worth anything yet"),
        so_what=f"{top['segment']}: {top['strategy']}. {top['do']} Put one card on each desk, and read its risks before money is spent.",
        kind="prescriptive",
        caption=f"One card per segment; customers and value counted by probability of membership (n = {memberships['customer_id'].nunique():,})",
        units={"customers": "count", "expected_customers": "count", "value": "currency", "share_value": "%", "budget_share": "%"},
        source="segments, memberships, lifetime value, portfolio, rule table of the plan",
    )  # fmt: skip


def _who(model: pd.DataFrame) -> dict[str, str]:
    """Return the three descriptor levels that are most over-represented in each segment (a fifth of it at least)."""
    if not isinstance(model, pd.DataFrame) or "kind" not in model:
        return {}
    levels, size = model[model["kind"] == "level"], model[model["kind"] == "size"]
    weight = size.set_index("segment")["center"]
    usual = (levels["center"] * levels["segment"].map(weight)).groupby(levels["feature"]).sum()
    lift = levels["center"] / levels["feature"].map(usual)
    strong = levels.assign(lift=lift)[(levels["center"] >= 0.2) & (lift >= 1.2)]
    strong = strong.sort_values(["lift", "feature"], ascending=[False, True])
    found = {}
    for name, part in strong.groupby("segment"):
        best = part.drop_duplicates("descriptor").head(3)
        found[str(name)] = "; ".join(
            f"{str(r.feature).replace('_', ' ')} ({format_value(r.center, '%')})" for r in best.itertuples()
        )  # fmt: skip
    return found


def _words(part: pd.Series) -> str:
    """Return what stands out: up to three figures above the average, and the one furthest below."""
    part = part[~part.index.isin(QUIET)].dropna()
    ordered = part.sort_values(ascending=False, kind="stable")
    high = [f for f, z in ordered.items() if z >= NOTICEABLE][:3]
    low = [f for f, z in ordered.items() if z <= -2 * NOTICEABLE][-1:]
    said = ", ".join(_plain(str(f)) for f in high)
    less = f"less: {_plain(str(low[0]))}" if low else ""
    return "; ".join(text for text in (said, less) if text)


def _plain(feature: str) -> str:
    kind, _, name = feature.partition(": ")
    if kind in ("importance", "psychographic", "category") or not name:
        return name or kind
    return f"{kind} {name}"


def _risks(name: str, memberships: pd.DataFrame, solution: Answer, customers: pd.DataFrame) -> str:
    own = memberships.sort_values("probability", ascending=False, kind="stable").drop_duplicates("customer_id")  # fmt: skip
    own = own[own["segment"] == name]
    found = []
    sure = float(own["probability"].mean()) if len(own) else 1.0
    if sure < UNSURE:
        found.append(f"placed with {format_value(sure, '%')} probability on average: ask before costly offers")  # fmt: skip
    told = int((own["known_from"] == "answers and purchases").sum())
    if name != NO_PURCHASE and told < FEW_TOLD and solution["method"] == "latent class":
        found.append(f"only {told} members told their needs")
    stability = solution["stability"].set_index("segment")["stability"].get(name, np.nan)
    if stability < LOOSE:
        found.append(f"found again only loosely in resamples ({format_value(stability, 'ratio')})")
    members = customers[customers["customer_id"].isin(own["customer_id"])]
    reach = members["may_be_contacted"].dropna().astype(float).mean()
    if reach < LOOSE + 0.2:
        found.append(f"{format_value(1 - reach, '%')} may not be contacted")
    loss = (
        float((members["contribution_12m"].astype(float) <= -MATERIAL).mean())
        if len(members)
        else 0.0
    )
    if loss > 0.1:
        found.append(f"{format_value(loss, '%')} cost more than they brought this year")
    return "; ".join(found) or "none beyond chance"
