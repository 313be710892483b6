"""Which offer at which price earns most in each segment, against the offers of competitors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.proposition.experiment import ASK, Experiment
from playbook.proposition.simulation import (
    best_of,
    design_of,
    ends,
    market,
    simulate,
)
from playbook.proposition.tastes import Taste, segment_tastes
from playbook.proposition.words import fitting, join, money, plural

__all__ = ["best_offers", "line_up", "price_response"]

SURE = 0.8
"""Chance of being best from which an offer is chosen without a test."""


SHOWN = ["segment", "offer", "price", "current_price", "share", "low", "high", "margin_per_customer", "chance_best", "gain", "own_answers"]  # fmt: skip


@answers
def best_offers(
    experiment: Answer,
    offers: pd.DataFrame,
    currency: str = "",
    seed: int = 1,
    tastes: Answer | None = None,
) -> Answer:
    """Return the offer and price that earn most in each segment.

    Parameters
    ----------
    experiment
        From `choice_experiment`.
    offers
        Standard table ``offers``: ``offer_id``, ``brand``, ``is_ours``, ``price``, ``unit_cost`` and
        the attributes of the experiment.
    currency
        Written before amounts.
    seed
        Seed of the draws of part-worths.
    tastes
        From `individual_tastes`; without it all members of a segment choose alike.

    Returns
    -------
    Answer
        One row a segment: ``offer``, ``price`` (best of ±20 % within the prices asked),
        ``current_price``, ``share`` of preference with ``low`` and ``high``, ``margin_per_customer``
        (currency per customer who makes this choice), ``chance_best`` (against our other offers at
        their best prices), ``gain`` over today's best offer at today's price, ``own_answers``.
        ``extra["all"]`` adds ``price_low``, ``price_high``, ``margin_low``, ``margin_high``, ``lead``
        over our next offer, ``gain_low``, ``gain_high``, ``at_edge``, ``offer_today``, ``rival`` with its
        share, lead and chance, ``n``; ``extra["simulations"]`` a `Simulation` per segment; ``extra["refused"]`` segments
        whose price coefficient's interval includes zero: no price can be recommended to them.
    """
    read: Experiment = experiment["experiment"]
    need(pd.DataFrame({"model": list(read.models)}), "segments", "orders with a customer number")
    market(offers, read)
    rows, simulations, refused = [], {}, []
    found = segment_tastes(read, tastes, seed)
    for name, model in read.models.items():
        if not found[name].sure_of_price:
            refused.append(name)
            continue
        simulations[name] = simulate(found[name], read, offers)
        rows.append(
            {"segment": name}
            | best_of(simulations[name])
            | {"n": model.n, "own_answers": model.own}
        )
    if not rows:
        raise NotEnough("in no segment do the choices surely react to price", ASK)
    table = pd.DataFrame(rows).sort_values(
        ["margin_per_customer", "segment"], ascending=[False, True]
    )
    table = table.reset_index(drop=True)
    told = _told(table, read.everybody.n_respondents, currency, refused)
    return replace(told, extra={"simulations": simulations, "all": table, "refused": refused})


def _told(table: pd.DataFrame, n: int, currency: str, refused: list[str]) -> Answer:
    sure = table[(table["chance_best"] >= SURE) & table["own_answers"]]
    pays = table[table["gain_low"] > 0]
    edge = table[table["at_edge"]]["segment"]
    common = table["offer"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return Answer(
        table=table[SHOWN],
        headline=(
            f"{common.index[0]} is the best offer in {common.iloc[0]} of {plural(len(table), 'segment')}"
            if len(common) > 1
            else f"{common.index[0]} is the best offer in every segment"
        ),
        so_what=(
            f"Sure enough to act ({100 * SURE:.0f} % chance of being best): "
            + (f"{join([f'{r.segment} ({r.offer})' for r in sure.itertuples()], 6)}. " if len(sure)
               else "none; test two offers side by side first. ")
            + (f"A change from today's best surely pays in {join(pays['segment'])}, by "
               f"{money(pays['gain'].max(), currency)} per choice at most. " if len(pays)
               else "No change of offer and price surely beats today's best. ")
            + (f"The best price of {join(edge)} lies at the edge of those tried: test further in the shop."
               if len(edge) else "Confirm a price in the shop before it is set.")
            + (f" Refused, as their choices do not surely react to price: {join(refused)}." if refused else "")
        ),
        kind="prescriptive",
        caption=f"Best of our offers per segment against competitors, none included; prices ±20 % within those asked (n = {n:,})",
        units={"price": "currency", "current_price": "currency", "share": "%", "low": "%", "high": "%",
               "margin_per_customer": "currency", "chance_best": "%", "gain": "currency",
               "price_low": "currency", "price_high": "currency", "margin_low": "currency",
               "margin_high": "currency", "gain_low": "currency", "gain_high": "currency",
               "rival_share": "%", "rival_low": "%", "rival_high": "%", "rival_chance": "%", "n": "count"},
        source="choice experiment and offers; draws of the part-worths",
        metrics=(
            Metric("segments_with_sure_offer", float(len(sure)), n=n, unit="count", kind="prescriptive"),
        ),
    )  # fmt: skip


@answers
def price_response(best: Answer) -> Answer:
    """Return share and margin of each segment's best offer over price.

    Returns
    -------
    Answer
        ``segment``, ``offer``, ``price``, ``change``, ``share`` with ``share_low`` and ``share_high``,
        ``margin`` with ``low`` and ``high`` (currency per choice), ``extrapolated``, ``is_current``,
        ``is_best``, and ``elasticity`` (change of share over change of price around today's price).
    """
    rows = []
    for chosen in best["all"].sort_values("segment").itertuples():
        simulation = best["simulations"][chosen.segment]
        grid, margins = simulation.grid, simulation.margins
        for place in np.flatnonzero(grid["offer"] == chosen.offer):
            cell = grid.loc[place]
            share_low, share_high = ends(simulation.shares[place], cell["share"])
            low, high = ends(margins[place], cell["margin"])
            rows.append({"segment": chosen.segment, "offer": chosen.offer, "price": cell["price"],
                         "change": cell["change"], "share": cell["share"], "share_low": share_low,
                         "share_high": share_high, "margin": cell["margin"], "low": low, "high": high,
                         "extrapolated": bool(cell["extrapolated"]), "is_current": cell["change"] == 0,
                         "is_best": cell["price"] == chosen.price})  # fmt: skip
    table = pd.DataFrame(rows)
    table["elasticity"] = table["segment"].map(_elasticities(table))
    base = table[table["is_current"]].set_index("segment")["share"]
    each = table[table["change"] == -0.10].assign(
        won=lambda t: t["share"] / t["segment"].map(base) - 1
    )
    each = each.sort_values(["won", "segment"], ascending=[False, True])
    keen, calm = each.iloc[0], each.iloc[-1]
    up = table[table["is_best"] & (table["change"] > 0)]["segment"].tolist()
    down = table[table["is_best"] & (table["change"] < 0)]["segment"].tolist()
    return Answer(
        table=table,
        headline=(
            f"{keen['segment']} react most to price: 10 % off wins {100 * keen['won']:.0f} % more choices"
        ),
        so_what=(
            f"{calm['segment']} react least ({format_value(calm['won'], '%')}). "
            + (f"A higher price raises the simulated margin in {join(up, 6)}. " if up else "")
            + (f"A lower price raises the simulated margin in {join(down, 6)}. " if down else "")
            + "Where the band is flat, the price hardly matters for margin: take the lower one and the share."
        ),
        kind="predictive",
        caption="Margin per choice of each segment's best offer over its price, 95 % interval; orange: best price, grey: today",
        units={"price": "currency", "change": "%", "share": "%", "margin": "currency",
               "low": "currency", "high": "currency", "share_low": "%", "share_high": "%"},
        source="choice experiment and offers; competitors' prices held; dotted: beyond the prices asked",
        metrics=(
            Metric("price_elasticity", float(each["elasticity"].mean()), n=int(best["all"]["n"].sum()),
                   unit="ratio", kind="predictive"),
        ),
    )  # fmt: skip


def _elasticities(table: pd.DataFrame) -> pd.Series:
    """Log change of share over log change of price, five per cent either side of today's price."""
    near = table[table["change"].abs() == 0.05].sort_values(["segment", "change"])
    logs = np.log(near[["share", "price"]]).assign(segment=near["segment"])
    step = logs.groupby("segment").last() - logs.groupby("segment").first()
    return step["share"] / step["price"]


@answers
def line_up(
    experiment: Answer, offers: pd.DataFrame, seed: int = 1, tastes: Answer | None = None
) -> Answer:
    """Return the share of preference of every offer in the market today, per segment.

    ``tastes`` (from `individual_tastes`) lets each respondent choose by an own taste.

    Returns
    -------
    Answer
        ``offer``, ``segment``, ``share`` with ``low`` and ``high``, ``first_choice`` (share of people
        who like it best, without the error of a choice; with individual tastes only), ``price``,
        ``n``; ours first.
    """
    read: Experiment = experiment["experiment"]
    need(pd.DataFrame({"model": list(read.models)}), "segments", "orders with a customer number")
    ours, rivals = market(offers, read)
    every = pd.concat([ours.assign(ours=True), rivals.assign(ours=False)], ignore_index=True)
    design, found = design_of(every, read), segment_tastes(read, tastes, seed)
    rows = [_shelf(every, name, m.n, found[name], design) for name, m in read.models.items()]
    table = pd.concat(rows, ignore_index=True)
    table["offer"] = table["offer"].where(
        table["offer"] == "none", table["offer"] + " " + table["brand"]
    )
    table["rank"] = np.where(table["ours"], 0, np.where(table["offer"] == "none", 2, 1))
    table = table.sort_values(["rank", "offer", "segment"])
    each = table.drop_duplicates("segment").sort_values(
        ["our_share", "segment"], ascending=[False, True]
    )
    first, last = each.iloc[0], each.iloc[-1]
    people = {name: model.n for name, model in read.models.items()}
    everybody = _own_share(found, people, design, every["ours"].to_numpy(bool))
    threat = (
        table[(table["rank"] == 1)].sort_values(["share", "offer"], ascending=[False, True]).iloc[0]
    )
    return Answer(
        table=table[["offer", "segment", "share", "low", "high", "first_choice", "price", "n"]].reset_index(drop=True),
        headline=fitting(
            f"Our offers win {100 * first['our_share']:.0f} % of choices among {first['segment']}, "
            f"{100 * last['our_share']:.0f} % among {last['segment']}",
            f"Our offers win {100 * last['our_share']:.0f} to {100 * first['our_share']:.0f} % of choices by segment",
        ),
        so_what=(
            f"The strongest rival offer is {threat['offer']} with {format_value(threat['share'], '%')} among "
            f"{threat['segment']}. Defend first where our share is high and margin follows; elsewhere enter only with a better offer."
        ),
        kind="predictive",
        caption=f"Share of preference of the offers in the market today (n = {read.everybody.n_respondents:,})",
        units={"share": "%", "low": "%", "high": "%", "first_choice": "%", "price": "currency", "n": "count"},
        source="choice experiment and offers; no market share: awareness and availability are left out",
        metrics=(Metric("preference_share", *everybody, read.everybody.n_respondents, "%", "predictive"),),
    )  # fmt: skip


def _shelf(
    every: pd.DataFrame, segment: str, n: int, taste: Taste, design: np.ndarray
) -> pd.DataFrame:
    """Share of every offer in one segment, and of ours together."""
    center, drawn = taste.shares(design)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    part = every[["offer_id", "brand", "price", "ours"]].rename(columns={"offer_id": "offer"})
    first = np.nan if taste.center is not None else taste.first_choice(design).mean(axis=0)
    return part.assign(
        segment=segment, share=center, first_choice=first, low=np.minimum(low, center),
        high=np.maximum(high, center), n=n, our_share=float(center[every["ours"]].sum()),
    )  # fmt: skip


def _own_share(
    tastes: dict[str, Taste], people: dict[str, int], design: np.ndarray, ours: np.ndarray
) -> tuple[float, float, float]:
    """Share of our offers over all segments, each by its number of respondents."""
    total = max(sum(people.values()), 1)
    center, drawn = 0.0, np.zeros(len(next(iter(tastes.values())).betas))
    for name, taste in tastes.items():
        stated, draws = taste.shares(design)
        center += people[name] / total * float(stated[ours].sum())
        drawn += people[name] / total * draws[:, ours].sum(axis=1)
    return center, *ends(drawn, center)
