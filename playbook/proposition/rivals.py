"""Offers against offers: what ours take from each other, and whom a competitor's better offer may win."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.proposition.experiment import ASK, Experiment
from playbook.proposition.simulation import design_of, ends, market
from playbook.proposition.tastes import Taste, segment_tastes
from playbook.proposition.words import fitting, join, money, plural

__all__ = ["cannibalisation", "exposed_customers"]

CUT = 0.10
"""Price cut that is tried on each of our offers."""
SOURCES = ("from_ours", "from_competitors", "from_none")


def _market_of(experiment: Answer, offers: pd.DataFrame) -> tuple[Experiment, pd.DataFrame]:
    """Return the experiment and all offers with ``side``: from_ours, from_competitors, from_none."""
    read: Experiment = experiment["experiment"]
    need(pd.DataFrame({"model": list(read.models)}), "segments", "orders with a customer number")
    ours, rivals = market(offers, read)
    every = pd.concat([ours, rivals], ignore_index=True)
    side = np.where(every["is_none"].astype(bool), SOURCES[2], SOURCES[1])
    side[: len(ours)] = SOURCES[0]
    return read, every.assign(side=side)


def _sizes(segments: pd.DataFrame, names: list[str]) -> pd.Series:
    need(segments, "customers with a segment", "orders with a customer number", columns=["segment"])
    counts = segments["segment"].value_counts().reindex(names).fillna(0.0)
    return counts / max(float(counts.sum()), 1.0)


def _pooled(tastes: dict[str, Taste], sizes: pd.Series, design: np.ndarray) -> np.ndarray:
    """Shares over all customers (draw by offer): the mean of segments by their size."""
    return np.sum([sizes[name] * taste.shares(design)[1] for name, taste in tastes.items()], axis=0)


@answers
def cannibalisation(
    experiment: Answer,
    offers: pd.DataFrame,
    segments: pd.DataFrame,
    currency: str = "",
    seed: int = 1,
    tastes: Answer | None = None,
) -> Answer:
    """Return from whom each of our offers takes its choices: from our others, competitors or none.

    Parameters
    ----------
    experiment
        From `choice_experiment`.
    offers
        Standard table ``offers`` with the attributes of the experiment.
    segments
        ``customer_id``, ``segment``: segments count by their customers.
    currency
        Written before amounts.
    seed
        Seed of the draws.
    tastes
        From `individual_tastes`; without it each segment is one taste.

    Returns
    -------
    Answer
        One row an offer and ``change`` (*on sale*: against a market without it; *10 % cheaper*:
        against today): ``share`` won (of all choices), ``from_ours`` with ``low`` and ``high``,
        ``from_competitors``, ``from_none`` (parts of the share won, sum 1), ``in_proportion`` (what
        would come from ours if it took from all in proportion to their shares), ``margin`` that
        we gain in all with ``margin_low`` and ``margin_high`` (currency per 100 choices).

    Notes
    -----
    All offers stand side by side, known to everybody. The share that comes from our other offers is
    gained choices of theirs over all gained choices, as in a source-of-volume analysis (Orme, 2014,
    Getting Started with Conjoint Analysis).
    """
    read, every = _market_of(experiment, offers)
    ours = every[every["side"] == SOURCES[0]]
    if len(ours) < 2:
        raise NotEnough(
            "one offer of ours with a unit cost: it has no other to take from",
            "all our offers with price, unit cost and features",
        )
    found = segment_tastes(read, tastes, seed)
    sizes = _sizes(segments, list(found))
    unit = (every["price"] - every["unit_cost"]).where(every["side"] == SOURCES[0], 0.0).to_numpy()
    design = design_of(every, read)
    today = _pooled(found, sizes, design)
    rows = []
    for place in ours.index:
        rest = np.delete(np.arange(len(every)), place)
        without = np.zeros_like(today)
        without[:, rest] = _pooled(found, sizes, design[rest])
        rows.append(_row(every, place, "on sale", without, today, unit, unit))
        cut = every.astype({"price": float})
        cut.loc[place, "price"] *= 1 - CUT
        changed = _pooled(found, sizes, design_of(cut, read))
        dearer = unit.copy()
        dearer[place] -= CUT * every.loc[place, "price"]
        rows.append(_row(every, place, f"{100 * CUT:.0f} % cheaper", today, changed, unit, dearer))
    table = pd.DataFrame(rows).sort_values(["change", "offer"], ascending=[False, True])
    n = read.everybody.n_respondents
    if tastes is not None and tastes["use"]:
        n = len(tastes["people"])
    return _told(table.reset_index(drop=True), n, currency)


def _row(
    every: pd.DataFrame, place: int, change: str, before: np.ndarray, after: np.ndarray,
    unit_before: np.ndarray, unit_after: np.ndarray,
) -> dict[str, object]:  # fmt: skip
    """One offer's gain by where it comes from; ``before`` and ``after`` are draws of shares."""
    won = after[:, place] - before[:, place]
    lost = before - after
    rest = np.arange(len(every)) != place
    parts = {
        name: lost[:, rest & (every["side"] == name).to_numpy()].sum(axis=1) / won
        for name in SOURCES
    }
    stated = {name: float(part.mean()) for name, part in parts.items()}
    low, high = ends(parts[SOURCES[0]], stated[SOURCES[0]])
    margin = 100 * (after @ unit_after - before @ unit_before)
    margin_low, margin_high = ends(margin, float(margin.mean()))
    others = before[:, rest].mean(axis=0)
    alike = others[(every["side"] == SOURCES[0]).to_numpy()[rest]].sum() / others.sum()
    return {
        "offer": str(every.loc[place, "offer_id"]), "change": change, "share": float(won.mean()),
        "from_ours": stated["from_ours"], "low": low, "high": high,
        "from_competitors": stated["from_competitors"], "from_none": stated["from_none"],
        "in_proportion": float(alike), "margin": float(margin.mean()),
        "margin_low": margin_low, "margin_high": margin_high,
    }  # fmt: skip


def _told(table: pd.DataFrame, n: int, currency: str) -> Answer:
    sale = table[table["change"] == "on sale"].sort_values(["from_ours", "offer"])
    best, worst = sale.iloc[0], sale.iloc[-1]
    idle = sale[sale["margin_high"] < 0]["offer"].tolist()
    cut = table[table["change"] != "on sale"]
    pays = cut[cut["margin_low"] > 0]["offer"].tolist()
    shown = table.assign(label=table["offer"] + ", " + table["change"])
    order = ["label", "share", "from_ours", "low", "high", "from_competitors", "from_none",
             "in_proportion", "margin", "margin_low", "margin_high"]  # fmt: skip
    return Answer(
        table=shown[order].rename(columns={"label": "offer"}),
        headline=(
            f"Of 100 choices that {worst['offer']} wins, {100 * worst['from_ours']:.0f} come from our own other offers"
        ),
        so_what=(
            f"{best['offer']} takes least from ours ({format_value(best['from_ours'], '%')}, 95 % interval "
            f"{100 * best['low']:.0f} to {100 * best['high']:.0f} %). "
            + (f"{join(idle)} cost{'s' if len(idle) == 1 else ''} us margin in all: take {'it' if len(idle) == 1 else 'them'} "
               "off sale. " if idle else "None of ours costs us margin in all: each keeps its place. ")
            + (f"A cut of {100 * CUT:.0f} % surely pays for {join(pays)}, what it takes from our others included."
               if pays else f"A cut of {100 * CUT:.0f} % surely pays for none, what it takes from our others included.")
        ),
        kind="predictive",
        caption=f"Where the choices come from that an offer of ours wins, all offers side by side (n = {n:,} respondents)",
        units={"share": "%", "from_ours": "%", "low": "%", "high": "%", "from_competitors": "%", "from_none": "%",
               "in_proportion": "%", "margin": "currency", "margin_low": "currency", "margin_high": "currency"},
        source=f"choice experiment and offers; margin {currency + ' ' if currency else ''}per 100 choices",
        metrics=(
            Metric("taken_from_ours", float(worst["from_ours"]), float(worst["low"]), float(worst["high"]),
                   n, "%", "predictive"),
        ),
        extra={"all": table},
    )  # fmt: skip


@answers
def exposed_customers(
    experiment: Answer,
    offers: pd.DataFrame,
    segments: pd.DataFrame,
    values: pd.DataFrame | None = None,
    memberships: pd.DataFrame | None = None,
    currency: str = "",
    seed: int = 1,
    tastes: Answer | None = None,
) -> Answer:
    """Return how many customers of each segment like a competitor's current offer better than our best.

    Parameters
    ----------
    experiment, offers, currency, seed, tastes
        As for `cannibalisation`.
    segments
        ``customer_id``, ``segment``.
    values
        Result ``customer_value``: ``customer_id``, ``expected_margin_12m``; what is at stake.
    memberships
        Result ``memberships``: a customer's chance is the mean over the segments it may belong to.

    Returns
    -------
    Answer
        ``segment``, ``customers``, ``exposed_customers`` with ``low`` and ``high``, ``exposure``
        (share), ``competitor`` and ``offer`` that most of them like best, ``at_stake`` (expected
        margin of the next 12 months, currency) with ``stake_low`` and ``stake_high``;
        ``extra["customers"]``: ``customer_id``, ``segment``, ``exposure``, ``competitor``,
        ``offer``, ``value_at_stake``.

    Notes
    -----
    A customer counts as exposed when the predicted preference for some competitor's offer is above
    that for the best of ours, at today's prices; choosing none is left out. Without individual
    tastes the chance that a competitor's offer is the best liked is taken from the logit.
    """
    read, every = _market_of(experiment, offers)
    every = every[every["side"] != SOURCES[2]].reset_index(drop=True)
    placed = need(
        segments.dropna(subset=["segment"]),
        "customers with a segment",
        "orders with a customer number",
    )
    found = segment_tastes(read, tastes, seed)
    design, mine = design_of(every, read), (every["side"] == SOURCES[0]).to_numpy()
    wins = {name: _wins(taste, design, mine) for name, taste in found.items()}
    draws = {name: won[:, ~mine].sum(axis=1) for name, won in wins.items()}
    customers = _by_customer(placed, wins, every, mine, values, memberships)
    rows = [
        _segment_row(name, customers[customers["segment"] == name], draws[name])
        for name in sorted(found)
        if (customers["segment"] == name).any()
    ]
    need(pd.DataFrame(rows), "customers in a segment of the experiment", ASK)
    table = pd.DataFrame(rows).sort_values(
        ["exposed_customers", "segment"], ascending=[False, True]
    )
    return _exposure_told(
        table.reset_index(drop=True), customers, read, currency, values is not None
    )


def _wins(taste: Taste, design: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """Chance (draw by offer) that a rival's offer is liked best and better than all of ours; 0 for ours.

    With one taste for a whole segment its members differ by the error of the logit only.
    """
    if taste.center is not None:
        return np.where(mine, 0.0, taste.shares(design)[1])
    return np.where(mine, 0.0, taste.first_choice(design))


def _by_customer(
    placed: pd.DataFrame, wins: dict[str, np.ndarray], every: pd.DataFrame, mine: np.ndarray,
    values: pd.DataFrame | None, memberships: pd.DataFrame | None,
) -> pd.DataFrame:  # fmt: skip
    """Chance of each customer to be exposed, the offer that exposes most, and the value at stake."""
    chance = pd.DataFrame({name: won.mean(axis=0) for name, won in wins.items()}).T
    people = placed[["customer_id", "segment"]].drop_duplicates("customer_id")
    people = people[people["segment"].isin(list(wins))].sort_values(
        "customer_id", ignore_index=True
    )
    each = chance.loc[people["segment"]].to_numpy()
    if memberships is not None and not memberships.empty:
        part = memberships[memberships["segment"].isin(list(wins))]
        wide = part.pivot_table(index="customer_id", columns="segment", values="probability", aggfunc="sum", fill_value=0.0)  # fmt: skip
        wide = wide.div(wide.sum(axis=1), axis=0).reindex(people["customer_id"])
        mixed = wide.to_numpy() @ chance.loc[wide.columns].to_numpy()
        each = np.where(np.isnan(mixed), each, mixed)
    people["exposure"] = each[:, ~mine].sum(axis=1)
    rival = np.where(mine, -1.0, each).argmax(axis=1)
    people["competitor"] = every["brand"].astype(str).to_numpy()[rival]
    people["offer"] = every["offer_id"].astype(str).to_numpy()[rival]
    worth = pd.Series(np.nan, index=people.index)
    if values is not None and "expected_margin_12m" in values:
        known = values.drop_duplicates("customer_id").set_index("customer_id")[
            "expected_margin_12m"
        ]
        worth = people["customer_id"].map(known).astype(float).clip(lower=0)
    people["value"] = worth
    return people.assign(value_at_stake=people["exposure"] * worth)


def _segment_row(name: str, part: pd.DataFrame, draws: np.ndarray) -> dict[str, object]:
    """One segment: the interval of its share is that of the draws, moved to the customers' mean."""
    share = float(part["exposure"].mean())
    moved = np.clip(draws + share - draws.mean(), 0, 1)
    low, high = ends(moved, share)
    stake = float(part["value_at_stake"].sum(min_count=1))
    top = part.groupby(["competitor", "offer"])["exposure"].sum().sort_values(kind="stable").index[-1]  # fmt: skip
    scale = stake / share if share > 0 else 0.0
    return {
        "segment": name, "customers": len(part), "exposure": share, "exposed_customers": len(part) * share,
        "low": len(part) * low, "high": len(part) * high, "competitor": top[0], "offer": top[1],
        "at_stake": stake, "stake_low": scale * low, "stake_high": scale * high,
    }  # fmt: skip


def _exposure_told(
    table: pd.DataFrame, customers: pd.DataFrame, read: Experiment, currency: str, valued: bool
) -> Answer:
    total, n = float(table["exposed_customers"].sum()), len(customers)
    low, high = (
        float(table[end].sum()) for end in ("low", "high")
    )  # segments' errors may share a cause
    rank = table.sort_values(["exposure", "segment"], ascending=[False, True])
    most, least = rank.iloc[0], rank.iloc[-1]
    stake = table["at_stake"].sum(min_count=1)
    dear = table.sort_values(["at_stake", "segment"], ascending=[False, True]).iloc[0]
    return Answer(
        table=table,
        headline=fitting(
            f"{100 * total / n:.0f} % of customers would like a competitor's offer better than our best",
        ),
        so_what=(
            f"Most exposed are {most['segment']} ({format_value(most['exposure'], '%')}, to {most['competitor']} {most['offer']}), "
            f"least {least['segment']} ({format_value(least['exposure'], '%')}). "
            + (f"At stake are {money(stake, currency)} of the next 12 months' margin, most of it among {dear['segment']} "
               f"({money(dear['at_stake'], currency)}, 95 % interval {money(dear['stake_low'])} to {money(dear['stake_high'])}): "
               "hold these first, before the competitor asks them. " if valued and pd.notna(stake) else
               "What is at stake is not known: no customer value. ")
            + "This is preference if they know the offer, no forecast of who leaves."
        ),
        kind="predictive",
        caption=f"Customers who would like a competitor's current offer better than our best, 95 % interval ({plural(n, 'customer')})",
        units={"customers": "count", "exposed_customers": "count", "low": "count", "high": "count", "exposure": "%",
               "at_stake": "currency", "stake_low": "currency", "stake_high": "currency"},
        source="choice experiment, offers, segments and customer value; all offers known to everybody",
        metrics=(
            Metric("exposed_to_competitors", total / n, low / n, high / n, read.everybody.n_respondents, "%", "predictive"),
        ),
        extra={"customers": customers.drop(columns="value")},
    )  # fmt: skip
