"""The ways people take through touchpoints: typical paths, loops, dead ends, and what orders owe to each touchpoint."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, need
from playbook.experience.common import FEWEST, INTERACTIONS, capital, joined, per_cent, share
from playbook.stats import false_discovery, two_proportion_difference

__all__ = ["loops_and_dead_ends", "removal_effects", "typical_paths"]

START, ORDER, LOST = "(start)", "(order)", "(no order)"
PLACES = ("first_touchpoint", "second_touchpoint", "third_touchpoint", "fourth_touchpoint", "fifth_touchpoint")  # fmt: skip
EACH = 5
"""Ways shown to an order, and to none."""
SURE = 0.05
LIFT = 1.10
"""Least lift over touchpoints of the same stage that is called a dead end."""


def _period(as_of: date, follow_days: int) -> str:
    until = pd.Timestamp(as_of) - pd.Timedelta(days=follow_days)
    return f"first contacts of the 12 months to {until:%Y-%m-%d}, followed for {follow_days} days"


def _order_probability(moves: np.ndarray, states: list[str], removed: int | None = None) -> float:
    """Probability of an order from the start, when visits to ``removed`` end the journey."""
    start, order, lost = states.index(START), states.index(ORDER), states.index(LOST)
    open_states = [i for i in range(len(states)) if i not in (order, lost, removed)]
    rows = moves[open_states]
    rates = rows / np.where(rows.sum(axis=1) > 0, rows.sum(axis=1), 1)[:, None]
    within = np.eye(len(open_states)) - rates[:, open_states]
    return float(np.linalg.solve(within, rates[:, order])[open_states.index(start)])


def _removals(moves: np.ndarray, states: list[str], touchpoints: list[str]) -> np.ndarray:
    base = _order_probability(moves, states)
    left = [_order_probability(moves, states, states.index(name)) for name in touchpoints]
    return np.clip(1 - np.array(left) / base, 0.0, 1.0)  # rounding alone leaves 0 to 1


@answers
def removal_effects(
    transitions: pd.DataFrame,
    credit: pd.DataFrame,
    as_of: date,
    seed: int,
    follow_days: int = 60,
    draws: int = 200,
) -> Answer:
    """Return the credit of touchpoints for first orders: first touch, last touch and removal effect.

    The removal effect is the share of orders that a first-order Markov chain of the journeys loses
    when every visit to the touchpoint ends the journey. It lies in 0 to 1.

    Parameters
    ----------
    transitions
        Query ``touch_transitions``: from_touchpoint, to_touchpoint, moves.
    credit
        Query ``touch_credit``: journeys and orders by touchpoint.
    as_of, follow_days
        Last day of the period; days in which an order counts.
    seed, draws
        Of the interval: each row of the chain is drawn anew from its Dirichlet distribution.

    References
    ----------
    Anderl, E., Becker, I., von Wangenheim, F. & Schumann, J. H. (2016). Mapping the customer journey.
    International Journal of Research in Marketing 33, 457-474, eq. 3.
    """
    transitions = transitions[transitions["moves"] > 0]
    credit = credit[credit["journeys"] > 0]
    need(credit[credit["orders"] > 0], "touchpoints on the way to an order", INTERACTIONS, rows=2)
    names = sorted({*transitions["from_touchpoint"], *transitions["to_touchpoint"]} - {START, ORDER, LOST})  # fmt: skip
    states = [START, *names, ORDER, LOST]
    grid = transitions.pivot_table(index="from_touchpoint", columns="to_touchpoint", values="moves", aggfunc="sum")  # fmt: skip
    moves = grid.reindex(index=states, columns=states).fillna(0.0).to_numpy(dtype=float)
    rng = np.random.default_rng(seed)
    drawn = [_removals(np.where(moves > 0, rng.gamma(np.maximum(moves, 1e-9)), 0), states, names) for _ in range(draws)]  # fmt: skip
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    found = pd.DataFrame({"touchpoint": names, "removal_effect": _removals(moves, states, names), "low": low, "high": high})  # fmt: skip
    table = credit.merge(found, on="touchpoint")
    orders = table["orders_first"].sum()
    table["first_touch"] = table["orders_first"] / orders
    table["last_touch"] = table["orders_last"] / table["orders_last"].sum()
    table = table.sort_values(["removal_effect", "touchpoint"], ascending=[False, True], ignore_index=True)  # fmt: skip
    table = table[["touchpoint", "stage", "journeys", "orders", "first_touch", "last_touch", "removal_effect", "low", "high"]]  # fmt: skip
    return _credited(table, float(orders), as_of, follow_days)


def _credited(table: pd.DataFrame, orders: float, as_of: date, follow_days: int) -> Answer:
    opens = table[table["first_touch"] > 0].sort_values(
        ["first_touch", "touchpoint"], ascending=[False, True]
    )
    began = opens.iloc[0]
    gap = (opens["first_touch"] / opens["first_touch"].sum()) - (
        opens["removal_effect"] / opens["removal_effect"].sum()
    )
    under = opens.loc[gap.idxmax()]
    page = table.iloc[0]
    return Answer(
        table=table,
        headline=f"{capital(began['touchpoint'])} begins {per_cent(began['first_touch'])} of first orders and carries {per_cent(began['removal_effect'])} by removal",
        so_what=f"{capital(page['touchpoint'])} is on nearly every way ({per_cent(page['removal_effect'])} by removal): it is the road, not the reason. {capital(under['touchpoint'])} "
        f"looks smallest by removal beside what it begins ({per_cent(under['removal_effect'])} against {per_cent(under['first_touch'])}), because the chain forgets who came from where. Judge what opens "
        "a journey by first touch and cost, what closes it by removal, and switch a touchpoint off in one region before moving its money.",
        kind="diagnostic",
        caption=f"Share of first orders lost when the touchpoint ends the journey (95 % interval of the chain); {orders:,.0f} orders within "
        f"{follow_days} days of a first contact; 12 months of first contacts to {pd.Timestamp(as_of) - pd.Timedelta(days=follow_days):%Y-%m-%d}",
        units={"journeys": "count", "orders": "count", "first_touch": "%", "last_touch": "%", "removal_effect": "%", "low": "%", "high": "%"},
        source="interactions, orders; first-order Markov chain over touchpoints of awareness and consideration",
    )  # fmt: skip


@answers
def typical_paths(paths: pd.DataFrame, as_of: date, follow_days: int = 60) -> Answer:
    """Return the most frequent ways to an order and to none, how many take them and how many of those order.

    Contacts in a row at one touchpoint count as one. Ways of more than five touchpoints that begin and
    end alike are taken together. Ways that fewer than five people took are in the row of all others.

    Parameters
    ----------
    paths
        Query ``touch_paths``.
    as_of, follow_days
        Last day of the period; days in which an order counts.
    """
    need(paths, "journeys through touchpoints", INTERACTIONS)
    named = paths.assign(path=_names(paths)).groupby("path", as_index=False)[["journeys", "orders"]].sum()  # fmt: skip
    named["steps"] = named["path"].map(paths.assign(path=_names(paths)).groupby("path")["steps"].max())  # fmt: skip
    named = named.sort_values(["journeys", "path"], ascending=[False, True], ignore_index=True)
    journeys, orders = int(named["journeys"].sum()), int(named["orders"].sum())
    if orders == 0:
        need(named.head(0), "journeys that end with an order", "table orders with the customer numbers that contacts carry")  # fmt: skip
    frequent = named[named["journeys"] >= FEWEST]
    lost = frequent["journeys"] - frequent["orders"]
    either = {*frequent["orders"].sort_values(ascending=False, kind="stable").index[:EACH], *lost.sort_values(ascending=False, kind="stable").index[:EACH]}  # fmt: skip
    shown = frequent.loc[sorted(either)]
    need(shown, "ways that at least five people took", INTERACTIONS, rows=2)
    rest = named.drop(shown.index)
    other = pd.DataFrame({"path": f"all {len(rest):,} other ways", "journeys": [rest["journeys"].sum()], "orders": [rest["orders"].sum()], "steps": [np.nan]})  # fmt: skip
    table = pd.concat([shown, other[other["journeys"] > 0]], ignore_index=True)
    ways = [share(n, journeys) for n in table["journeys"]]
    rates = [share(x, n) for x, n in zip(table["orders"], table["journeys"], strict=True)]
    table = pd.DataFrame({
        "path": table["path"], "journeys": table["journeys"], "share": [w["share"] for w in ways],
        "share_low": [w["low"] for w in ways], "share_high": [w["high"] for w in ways], "orders": table["orders"],
        "order_rate": [r["share"] for r in rates], "low": [r["low"] for r in rates], "high": [r["high"] for r in rates],
        "share_of_orders": table["orders"] / orders,
        "share_of_losses": (table["journeys"] - table["orders"]) / max(journeys - orders, 1),
    })  # fmt: skip
    return _told_paths(table, journeys, orders, as_of, follow_days)


def _names(paths: pd.DataFrame) -> pd.Series:
    """A way as words: its touchpoints with arrows; what lies between the fifth and the last is an ellipsis."""
    parts = paths[list(PLACES)].astype("object")
    words = pd.Series(
        [" → ".join(str(p) for p in row if isinstance(p, str)) for row in parts.itertuples(index=False)],
        index=paths.index,
    )  # fmt: skip
    longer = paths["steps"] > len(PLACES)
    tail = " → … → " + paths["last_touchpoint"].astype("str")
    direct = " → " + paths["last_touchpoint"].astype("str")
    return words + np.where(
        longer, np.where(paths["steps"] == len(PLACES) + 1, direct, tail), ""
    ).astype(object)


def _told_paths(
    ways: pd.DataFrame, journeys: int, orders: int, as_of: date, follow_days: int
) -> Answer:
    named = ways[~ways["path"].str.startswith("all ")]
    table = ways.drop(columns=["share_low", "share_high"])
    lost, won = named.loc[named["share_of_losses"].idxmax()], named.loc[named["share_of_orders"].idxmax()]  # fmt: skip
    overall = orders / journeys
    above = named[named["low"] > overall]
    text = (
        f"Most orders come by {won['path']} ({per_cent(won['share_of_orders'])} of orders, {per_cent(won['order_rate'])} order, 95 % interval "
        f"{per_cent(won['low'])} to {per_cent(won['high'])}); most losses by {lost['path']} ({per_cent(lost['share_of_losses'])} of losses). "
    )
    text += (
        f"Above the {per_cent(overall)} of all: {joined(list(above['path'].head(3)))}. Look at what these people saw; the way itself is not shown to be the reason."
        if len(above)
        else f"No frequent way is for sure above the {per_cent(overall)} of all."
    )
    return Answer(
        table=table,
        headline=f"The {len(named)} most frequent ways carry {per_cent(named['share_of_orders'].sum())} of orders and {per_cent(named['share_of_losses'].sum())} of losses",
        so_what=text,
        kind="descriptive",
        caption=f"Share of each way that orders, 95 % interval; {_period(as_of, follow_days)} (n = {journeys:,}); "
        "contacts in a row at one touchpoint count as one",
        units={"journeys": "count", "orders": "count"}
        | dict.fromkeys(("share", "share_low", "share_high", "order_rate", "low", "high", "share_of_orders", "share_of_losses"), "%"),
        source="interactions, orders; touchpoints of awareness and consideration up to the first order; Wilson intervals",
        extra={"ways": ways},
    )  # fmt: skip


@answers
def loops_and_dead_ends(credit: pd.DataFrame, as_of: date, follow_days: int = 60) -> Answer:
    """Return touchpoints that people come back to without ordering, and those at which lost journeys end.

    Each journey has one last touchpoint in each stage it reached; it is lost there when nothing follows. A
    *dead end* loses more than the other touchpoints of its stage, by a tenth at least; a *loop* is a touchpoint whose returners order less often than who met it once. Both need a q-value of
    at most 5 % (Benjamini-Hochberg over all touchpoints).

    Parameters
    ----------
    credit
        Query ``touch_credit``.
    as_of, follow_days
        Last day of the period; days in which an order counts.
    """
    known = credit[credit["journeys"] >= FEWEST].sort_values("touchpoint", ignore_index=True)
    need(known, "touchpoints that at least five journeys met", INTERACTIONS, rows=2)
    rows = [_ends(row, known) | _returns(row) for _, row in known.iterrows()]
    table = pd.DataFrame(rows)
    table["q"], table["q_back"] = false_discovery(table["p_end"]), false_discovery(table["p_back"])  # fmt: skip
    dead = (table["q"] <= SURE) & (table["lift"] >= LIFT)
    loop = (table["q_back"] <= SURE) & (table["back_high"] < 0)
    table["verdict"] = np.select([dead & loop, dead, loop], ["dead end and loop", "dead end", "loop"], "–")  # fmt: skip
    table = table.sort_values(["lift", "touchpoint"], ascending=[False, True], na_position="last", ignore_index=True)  # fmt: skip
    return _told_ends(table, as_of, follow_days)


def _ends(row: pd.Series, known: pd.DataFrame) -> dict[str, object]:
    """How often a journey goes no further than here, beside those whose stage ended at other touchpoints."""
    others = known[(known["stage"] == row["stage"]) & (known["touchpoint"] != row["touchpoint"])]
    ended, lost = int(row["last_of_stage"]), int(row["lost_last"])
    all_ended, all_lost = int(others["last_of_stage"].sum()), int(others["lost_last"].sum())
    found = {"touchpoint": row["touchpoint"], "stage": row["stage"], "journeys": int(row["journeys"]), "last_of_stage": ended, "lost": lost}  # fmt: skip
    if min(ended, all_ended) < FEWEST or all_lost == 0:
        return found | {"lost_share": np.nan, "expected": np.nan, "lift": np.nan, "p_end": np.nan}
    gap = two_proportion_difference(lost, ended, all_lost, all_ended)
    expected = all_lost / all_ended
    return found | {"lost_share": lost / ended, "expected": expected, "lift": lost / ended / expected, "p_end": gap.p_value}  # fmt: skip


def _returns(row: pd.Series) -> dict[str, float]:
    """Order rate of those who came back less that of those who met it in one visit."""
    back, once = int(row["came_back"]), int(row["journeys"] - row["came_back"])
    found = {"came_back": back / row["journeys"]}
    if min(back, once) < FEWEST:
        return found | dict.fromkeys(("back_order_rate", "back_difference", "back_low", "back_high", "p_back"), np.nan)  # fmt: skip
    gap = two_proportion_difference(int(row["came_back_orders"]), back, int(row["orders"] - row["came_back_orders"]), once)  # fmt: skip
    return found | {
        "back_order_rate": row["came_back_orders"] / back, "back_difference": gap.value, "back_low": gap.low,
        "back_high": gap.high, "p_back": gap.p_value,
    }  # fmt: skip


def _told_ends(table: pd.DataFrame, as_of: date, follow_days: int) -> Answer:
    dead = table[table["verdict"].str.contains("dead end")]
    loops = table[table["verdict"].str.contains("loop")]
    most = table.loc[table["came_back"].idxmax()]
    if dead.empty:
        headline = "No touchpoint loses more journeys than others of its stage"
        first = "Lost journeys end where journeys end: no single touchpoint stands out, so look at the step, not at a page."
    else:
        top = dead.iloc[0]
        headline = f"{capital(top['touchpoint'])} loses {per_cent(top['lost_share'])} of journeys, {top['lift']:.2f} times the rest of its stage"
        first = (
            f"{top['lost']:,} of {top['last_of_stage']:,} journeys whose {top['stage']} ended at {top['touchpoint']} went no further ({per_cent(top['expected'])} at others of its stage): "
            f"{'check whom it brings and what it promises' if top['stage'] == 'awareness' else 'ask what people look for there and do not find'}."
        )
    back = (
        f"People come back most to {most['touchpoint']} ({per_cent(most['came_back'])} of those who meet it)"
        if most["came_back"] > 0
        else "Nobody comes back to a touchpoint"
    )
    then = (
        f", and returners order less at {joined(list(loops['touchpoint']))}: mend what sends them round."
        if len(loops)
        else "; nowhere do returners order less than who came once, so coming back is comparing, not being lost."
    )
    shown = [
        "touchpoint",
        "stage",
        "last_of_stage",
        "lost_share",
        "expected",
        "lift",
        "q",
        "came_back",
        "back_difference",
        "back_low",
        "back_high",
        "verdict",
    ]
    return Answer(
        table=table[shown],
        headline=headline,
        so_what=f"{first} {back}{then}",
        kind="diagnostic",
        caption=f"Journeys that go no further than a touchpoint, of those whose stage ended there, against the rest of the stage; {_period(as_of, follow_days)}",
        units=dict.fromkeys(("last_of_stage",), "count")
        | dict.fromkeys(("lost_share", "expected", "came_back", "back_difference", "back_low", "back_high"), "%"),
        source="interactions, orders; differences of shares, Benjamini-Hochberg over touchpoints",
        extra={"details": table},
    )  # fmt: skip
