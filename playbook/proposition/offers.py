"""Which offer at which price earns most in each segment, against the offers of competitors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import softmax

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.choice import LogitResult
from playbook.errors import NotEnough
from playbook.proposition.experiment import ASK, Experiment
from playbook.proposition.words import join, money, plural

__all__ = ["Simulation", "best_offers", "line_up", "price_response", "simulate"]

CHANGES = np.round(np.arange(-0.20, 0.2001, 0.05), 2)
"""Price changes tried on each of our offers."""
DRAWS = 1000
SURE = 0.8
"""Chance of being best from which an offer is chosen without a test."""


@dataclass(frozen=True)
class Simulation:
    """Our offers at each price, one row each, with draws of share and margin (rows by draws).

    ``grid`` has ``offer``, ``price``, ``current_price``, ``change``, ``unit_margin``, ``share``,
    ``extrapolated``; ``rivals`` the share of each rival offer beside ours (rows by rivals) with
    draws.
    """

    grid: pd.DataFrame
    shares: np.ndarray
    rivals: pd.DataFrame
    rival_draws: np.ndarray

    @property
    def margins(self) -> np.ndarray:
        """Margin per customer who makes the choice (rows by draws, currency)."""
        return self.shares * self.grid["unit_margin"].to_numpy()[:, None]


def _market(offers: pd.DataFrame, experiment: Experiment) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Our offers and those of competitors, with a row for choosing none."""
    need(
        offers,
        "offers in the market",
        "our offers and those of competitors with price and features",
    )
    if "price" not in experiment.coding.numeric:
        raise NotEnough("the choice tasks have no price", ASK + " with a price in each offer")
    absent = [name for name in experiment.coding.attributes if name not in offers]
    if absent:
        raise NotEnough(
            f"the offers do not say their {join(absent)}", f"{join(absent)} of each offer"
        )
    offers = offers.assign(
        price=pd.to_numeric(offers["price"]).astype(float),
        unit_cost=pd.to_numeric(offers["unit_cost"]).astype(float),
        is_none=False,
    ).sort_values("offer_id")
    ours = offers[offers["is_ours"].astype("boolean").fillna(False)]
    theirs = offers[~offers["is_ours"].astype("boolean").fillna(False)]
    need(ours, "our offers with unit cost", "our offers with unit cost", columns=["unit_cost"])
    need(theirs, "offers of competitors", "the offers of competitors with price and features")
    ours = ours[ours["unit_cost"].notna()]
    if experiment.coding.none:
        nothing = {"offer_id": "none", "brand": "none", "is_none": True}
        theirs = pd.concat([theirs, pd.DataFrame([nothing])], ignore_index=True)
    return ours.reset_index(drop=True), theirs.reset_index(drop=True)


def _design(offers: pd.DataFrame, experiment: Experiment) -> np.ndarray:
    try:
        return experiment.coding.matrix(offers).to_numpy()
    except ValueError as error:
        raise NotEnough(
            f"offers whose features were asked in the choice tasks: {error}",
            "offers described by the levels of the choice experiment",
        ) from error


def simulate(
    result: LogitResult, experiment: Experiment, offers: pd.DataFrame, seed: int = 1
) -> Simulation:
    """Simulate each of our offers alone, at each price, against all offers of competitors and none.

    Shares are those of a conditional logit; each draw takes part-worths from their sampling
    distribution, the same for all offers and prices, so that differences are fair.
    """
    ours, rivals = _market(offers, experiment)
    columns = experiment.coding.columns
    center = result.params[columns].to_numpy()[None]
    betas = np.vstack([center, result.draws(seed, DRAWS)[columns].to_numpy()])
    grid = ours.loc[ours.index.repeat(len(CHANGES))].reset_index(drop=True)
    grid = grid.assign(current_price=grid["price"], change=np.tile(CHANGES, len(ours)))
    grid["price"] = (grid["current_price"] * (1 + grid["change"])).round(2)
    mine = betas @ _design(grid, experiment).T
    others = betas @ _design(rivals, experiment).T
    alone = np.empty((len(grid), len(betas)))
    beside = np.empty((len(grid), len(betas), others.shape[1]))
    for place in range(len(grid)):
        shares = softmax(np.column_stack([mine[:, place], others]), axis=1)
        alone[place], beside[place] = shares[:, 0], shares[:, 1:]
    lowest, highest = experiment.coding.numeric["price"]
    table = pd.DataFrame(
        {
            "offer": grid["offer_id"].astype("str"),
            "price": grid["price"],
            "current_price": grid["current_price"],
            "change": grid["change"],
            "unit_margin": grid["price"] - grid["unit_cost"],
            "share": alone[:, 0],
            "extrapolated": (grid["price"] < lowest) | (grid["price"] > highest),
        }
    )
    table["margin"] = table["share"] * table["unit_margin"]
    return Simulation(table, alone[:, 1:], rivals, beside[:, 1:])


def _ends(draws: np.ndarray, center: float) -> tuple[float, float]:
    low, high = np.quantile(draws, [0.025, 0.975])
    return min(float(low), center), max(float(high), center)


def _best(simulation: Simulation) -> dict[str, object]:
    """Best offer and price of one segment, with what is known about it."""
    grid, margins = simulation.grid, simulation.margins
    allowed = ~grid["extrapolated"].to_numpy(bool)
    if not allowed.any():
        raise NotEnough("prices of our offers within those asked in the experiment", ASK)
    ranked = grid[allowed].sort_values(["margin", "offer", "price"], ascending=[False, True, True])
    place = ranked.index[0]
    best = grid.loc[place]
    names = sorted(grid["offer"][allowed].unique())
    tops = np.column_stack(
        [margins[allowed & (grid["offer"] == name)].max(axis=0) for name in names]
    )
    own = np.flatnonzero(allowed & (grid["offer"] == best["offer"]))
    prices = grid["price"].to_numpy()[own][margins[own].argmax(axis=0)]
    today = grid[(grid["change"] == 0)].sort_values(["margin", "offer"], ascending=[False, True])
    gain = margins[place] - margins[today.index[0]]
    rival = _strongest(simulation, place)
    mine = names.index(best["offer"])
    other = np.delete(tops, mine, axis=1)
    lead = tops[:, mine] - (other.max(axis=1) if other.size else 0.0)
    edge = abs(best["change"]) == CHANGES.max() or bool(ranked["price"].max() == best["price"])
    low, high = _ends(simulation.shares[place], best["share"])
    margin_low, margin_high = _ends(margins[place], best["margin"])
    gain_low, gain_high = _ends(gain, best["margin"] - today.iloc[0]["margin"])
    return {
        "offer": best["offer"], "price": float(best["price"]),
        "price_low": float(np.quantile(prices, 0.025)), "price_high": float(np.quantile(prices, 0.975)),
        "current_price": float(best["current_price"]), "share": float(best["share"]),
        "low": low, "high": high, "margin_per_customer": float(best["margin"]),
        "margin_low": margin_low, "margin_high": margin_high,
        "chance_best": float((tops.argmax(axis=1) == mine).mean()),
        "lead": float(lead.mean()), "lead_low": float(np.quantile(lead, 0.025)),
        "lead_high": float(np.quantile(lead, 0.975)), "at_edge": edge,
        "offer_today": today.iloc[0]["offer"],
        "gain": float(best["margin"] - today.iloc[0]["margin"]), "gain_low": gain_low, "gain_high": gain_high,
        **rival,
    }  # fmt: skip


def _strongest(simulation: Simulation, place: int) -> dict[str, object]:
    """Competitor that wins the most choices beside our best offer, and how sure that is."""
    brands = simulation.rivals["brand"].astype(str)
    real = ~simulation.rivals["is_none"].to_numpy(bool)
    names = sorted(set(brands[real]))
    draws = np.column_stack(
        [simulation.rival_draws[place][:, real & (brands == name)].sum(axis=1) for name in names]
    )
    mean = draws.mean(axis=0)
    first = int(np.argmax(mean))
    low, high = np.quantile(draws[:, first], [0.025, 0.975])
    others = np.delete(draws, first, axis=1)
    lead = draws[:, first] - (others.max(axis=1) if others.size else 0.0)
    return {"rival_lead": float(lead.mean()), "rival_lead_low": float(np.quantile(lead, 0.025)),
            "rival_lead_high": float(np.quantile(lead, 0.975)), "rival": names[first], "rival_share": float(mean[first]), "rival_low": float(low),
            "rival_high": float(high), "rival_chance": float((draws.argmax(axis=1) == first).mean())}  # fmt: skip


@answers
def best_offers(
    experiment: Answer, offers: pd.DataFrame, currency: str = "", seed: int = 1
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

    Returns
    -------
    Answer
        One row a segment: ``offer``, ``price`` (best of ±20 % within the prices asked) with
        ``price_low`` and ``price_high``, ``current_price``, ``share`` of preference with ``low`` and
        ``high``, ``margin_per_customer`` (currency per customer who makes this choice) with
        ``margin_low`` and ``margin_high``, ``chance_best`` (against our other offers at their best
        prices), ``gain`` over today's best offer at today's price with ``gain_low`` and
        ``gain_high``, ``rival`` and its share, ``n``, ``own_model``. ``extra["simulations"]``: a
        `Simulation` per segment.
    """
    read: Experiment = experiment["experiment"]
    need(pd.DataFrame({"model": list(read.models)}), "segments", "orders with a customer number")
    rows, simulations = [], {}
    for name, model in read.models.items():
        simulations[name] = simulate(model.result, read, offers, seed)
        rows.append(
            {"segment": name} | _best(simulations[name]) | {"n": model.n, "own_model": model.own}
        )
    table = pd.DataFrame(rows)
    table = table.sort_values(["margin_per_customer", "segment"], ascending=[False, True])
    order = ["segment", "offer", "price", "current_price", "share", "low", "high", "margin_per_customer", "chance_best", "gain"]  # fmt: skip
    table = table[[*order, *[c for c in table if c not in order]]].reset_index(drop=True)
    sure = table[(table["chance_best"] >= SURE) & table["own_model"]]
    pays = table[table["gain_low"] > 0]
    edge = table[table["at_edge"]]["segment"]
    common = table["offer"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
    n = read.everybody.n_respondents
    return Answer(
        table=table,
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
        ),
        kind="prescriptive",
        caption=f"Best of our offers per segment against competitors, none included; prices ±20 % within those asked (n = {n:,})",
        units={"price": "currency", "current_price": "currency", "share": "%", "low": "%", "high": "%",
               "margin_per_customer": "currency", "chance_best": "%", "gain": "currency",
               "price_low": "currency", "price_high": "currency", "margin_low": "currency",
               "margin_high": "currency", "gain_low": "currency", "gain_high": "currency",
               "rival_share": "%", "rival_low": "%", "rival_high": "%", "rival_chance": "%", "n": "count"},
        source="choice experiment and offers; conditional logit, 1,000 draws of the part-worths",
        metrics=(
            Metric("segments_with_sure_offer", float(len(sure)), n=n, unit="count", kind="prescriptive"),
        ),
        extra={"simulations": simulations},
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
    for chosen in best.table.sort_values("segment").itertuples():
        simulation = best["simulations"][chosen.segment]
        grid, margins = simulation.grid, simulation.margins
        for place in np.flatnonzero(grid["offer"] == chosen.offer):
            cell = grid.loc[place]
            share_low, share_high = _ends(simulation.shares[place], cell["share"])
            low, high = _ends(margins[place], cell["margin"])
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
            f"{keen['segment']} react most to price: 10 % off wins "
            f"{format_value(keen['won'], '%')} more of their choices"
        ),
        so_what=(
            f"{calm['segment']} react least ({format_value(calm['won'], '%')}). "
            + (f"The simulated margin rises with a higher price in {join(up, 6)}. " if up else "")
            + (f"It rises with a lower price in {join(down, 6)}. " if down else "")
            + "Where the band is flat, the price hardly matters for margin: take the lower one and the share."
        ),
        kind="predictive",
        caption="Margin per choice of each segment's best offer over its price, 95 % interval",
        units={"price": "currency", "change": "%", "share": "%", "margin": "currency",
               "low": "currency", "high": "currency", "share_low": "%", "share_high": "%"},
        source="choice experiment and offers; competitors' prices held; dotted: beyond the prices asked",
        metrics=(
            Metric("price_elasticity", float(each["elasticity"].mean()), n=int(best.table["n"].sum()),
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
def line_up(experiment: Answer, offers: pd.DataFrame, seed: int = 1) -> Answer:
    """Return the share of preference of every offer in the market today, per segment.

    Returns
    -------
    Answer
        ``offer``, ``brand``, ``price``, ``segment``, ``share`` with ``low`` and ``high``, ``n``; ours first.
    """
    read: Experiment = experiment["experiment"]
    need(pd.DataFrame({"model": list(read.models)}), "segments", "orders with a customer number")
    ours, rivals = _market(offers, read)
    market = pd.concat([ours.assign(ours=True), rivals.assign(ours=False)], ignore_index=True)
    design, columns = _design(market, read), read.coding.columns
    rows = []
    for name, model in read.models.items():
        center = softmax(design @ model.result.params[columns].to_numpy())
        drawn = softmax(model.result.draws(seed, DRAWS)[columns].to_numpy() @ design.T, axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
        part = market[["offer_id", "brand", "price", "ours"]].rename(columns={"offer_id": "offer"})
        total = drawn[:, market["ours"]].sum(axis=1)
        rows.append(part.assign(segment=name, share=center, low=np.minimum(low, center), high=np.maximum(high, center),
                                n=model.n, our_share=float(center[market["ours"]].sum()),
                                our_low=float(np.quantile(total, 0.025)), our_high=float(np.quantile(total, 0.975))))  # fmt: skip
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
    everybody = _own_share(read, design, market["ours"].to_numpy(bool), seed)
    threat = (
        table[(table["rank"] == 1)].sort_values(["share", "offer"], ascending=[False, True]).iloc[0]
    )
    return Answer(
        table=table[["offer", "segment", "share", "low", "high", "price", "n"]].reset_index(drop=True),
        headline=(
            f"Our offers win {format_value(first['our_share'], '%')} of choices among {first['segment']}, "
            f"{format_value(last['our_share'], '%')} among {last['segment']}"
        ),
        so_what=(
            f"The strongest rival offer is {threat['offer']} with {format_value(threat['share'], '%')} among "
            f"{threat['segment']}. Defend first where our share is high and margin follows; elsewhere enter only with a better offer."
        ),
        kind="predictive",
        caption=f"Share of preference of the offers in the market today (n = {read.everybody.n_respondents:,})",
        units={"share": "%", "low": "%", "high": "%", "price": "currency", "n": "count"},
        source="choice experiment and offers; no market share: awareness and availability are left out",
        metrics=(Metric("preference_share", *everybody, read.everybody.n_respondents, "%", "predictive"),),
    )  # fmt: skip


def _own_share(
    read: Experiment, design: np.ndarray, ours: np.ndarray, seed: int
) -> tuple[float, float, float]:
    columns = read.coding.columns
    center = softmax(design @ read.everybody.params[columns].to_numpy())[ours].sum()
    drawn = softmax(read.everybody.draws(seed, DRAWS)[columns].to_numpy() @ design.T, axis=1)
    return float(center), *_ends(drawn[:, ours].sum(axis=1), float(center))
