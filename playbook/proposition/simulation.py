"""Simulated choices: our offers at every price, one at a time, against the offers of competitors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from playbook.answer import need
from playbook.errors import NotEnough
from playbook.proposition.experiment import ASK, Experiment
from playbook.proposition.tastes import Taste
from playbook.proposition.words import join

__all__ = ["CHANGES", "Simulation", "best_of", "design_of", "ends", "market", "simulate"]

CHANGES = np.round(np.arange(-0.20, 0.2001, 0.05), 2)
"""Price changes tried on each of our offers."""


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


def market(offers: pd.DataFrame, experiment: Experiment) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return our offers and those of competitors, the latter with a row for choosing none."""
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


def design_of(offers: pd.DataFrame, experiment: Experiment) -> np.ndarray:
    """Return the design rows of offers, columns as the experiment's coding."""
    try:
        return experiment.coding.matrix(offers).to_numpy()
    except ValueError as error:
        raise NotEnough(
            f"offers whose features were asked in the choice tasks: {error}",
            "offers described by the levels of the choice experiment",
        ) from error


def simulate(taste: Taste, experiment: Experiment, offers: pd.DataFrame) -> Simulation:
    """Simulate each of our offers alone, at each price, against all offers of competitors and none.

    The draws of tastes are the same for all offers and prices, so that differences are fair.
    """
    ours, rivals = market(offers, experiment)
    grid = ours.loc[ours.index.repeat(len(CHANGES))].reset_index(drop=True)
    grid = grid.assign(current_price=grid["price"], change=np.tile(CHANGES, len(ours)))
    grid["price"] = (grid["current_price"] * (1 + grid["change"])).round(2)
    mine, others = design_of(grid, experiment), design_of(rivals, experiment)
    draws = len(taste.betas)
    stated, alone = np.empty(len(grid)), np.empty((len(grid), draws))
    beside = np.empty((len(grid), draws, len(others)))
    for place in range(len(grid)):
        center, shares = taste.shares(np.vstack([mine[place], others]))
        stated[place], alone[place], beside[place] = center[0], shares[:, 0], shares[:, 1:]
    lowest, highest = experiment.coding.numeric["price"]
    table = pd.DataFrame(
        {
            "offer": grid["offer_id"].astype("str"),
            "price": grid["price"],
            "current_price": grid["current_price"],
            "change": grid["change"],
            "unit_margin": grid["price"] - grid["unit_cost"],
            "share": stated,
            "extrapolated": (grid["price"] < lowest) | (grid["price"] > highest),
        }
    )
    table["margin"] = table["share"] * table["unit_margin"]
    return Simulation(table, alone, rivals, beside)


def ends(draws: np.ndarray, center: float) -> tuple[float, float]:
    """Return the 95 % interval of draws; it always holds ``center``."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return min(float(low), center), max(float(high), center)


def best_of(simulation: Simulation) -> dict[str, object]:
    """Return the best offer and price of one segment, with what is known about it."""
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
    low, high = ends(simulation.shares[place], best["share"])
    margin_low, margin_high = ends(margins[place], best["margin"])
    gain_low, gain_high = ends(gain, best["margin"] - today.iloc[0]["margin"])
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
