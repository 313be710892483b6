"""What a client knows of the levers: the menu with its costs, and beliefs about the effects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from . import conjoint, programmes
from .levers import CARRY_OVER, FIXES, PROGRAMMES, TODAY
from .planned import ACTIONS
from .settings import Settings
from .terms import log_lift

BELIEF = 0.5
"""Standard deviation of the log error of a belief."""
MOST = 0.95
"""Largest share of incidents that anybody believes a fix to mend."""


@dataclass(frozen=True)
class Menu:
    """What can be done, one row per lever.

    Attributes
    ----------
    actions
        ``action``, ``channel``, ``unit_cost`` (EUR a contact), ``discount`` (share, on the orders
        of the month) and ``past_campaigns``: ids of past campaigns of the same kind.
    fixes
        ``fix``, ``pain`` (pain point in the words of step 5), ``unit_cost`` (EUR a year for each
        customer in the master data when the year starts) and ``yearly_cost`` (EUR).
    offers
        ``offer``, its level of each attribute of the choice experiment (missing: as today),
        ``order_cost`` (EUR an order) and ``price_change`` (share).
    programmes
        ``programme`` (the empty one is today's), ``points`` (a euro), ``points_cost`` (EUR per euro
        of members' revenue, for points that will be redeemed) and ``unit_cost`` (EUR a year for
        each active member).
    """

    actions: pd.DataFrame
    fixes: pd.DataFrame
    offers: pd.DataFrame
    programmes: pd.DataFrame


def menu(settings: Settings, customers: int) -> Menu:
    """Return what can be done in a world and what it costs; the effects are not in it.

    Parameters
    ----------
    settings
        Those of the world.
    customers
        Customers in the master data when the year starts: the cost of a fix grows with them.
    """
    worth = programmes.VOUCHER / programmes.REDEEM * programmes.REDEEMED
    actions = [(a.action, a.channel, a.unit_cost, a.cut, a.past) for a in settings.actions]
    fixes = [(f.fix, f.pain, f.unit_cost, f.unit_cost * customers) for f in settings.fixes]
    offers = [
        {"offer": o.offer, **dict.fromkeys(list(conjoint.LEVELS)[1:]), **dict(o.levels)}
        | {"order_cost": o.order_cost, "price_change": o.price_change}
        for o in settings.offers
    ]
    designs = [
        (p.programme, p.points, worth * p.points, p.unit_cost)
        for p in (TODAY, *settings.programmes)
    ]
    return Menu(
        pd.DataFrame(
            actions, columns=["action", "channel", "unit_cost", "discount", "past_campaigns"]
        ),
        pd.DataFrame(fixes, columns=["fix", "pain", "unit_cost", "yearly_cost"]),
        pd.DataFrame(offers),
        pd.DataFrame(designs, columns=["programme", "points", "points_cost", "unit_cost"]),
    )


def beliefs(settings: Settings, seed: int, customers: int = 1000) -> Menu:
    """Return the menu with what a client believes of the effects.

    A belief is the true mean over all customers times exp(.5 z). In a null world every lever is
    believed to do what it does for the demo client: nobody there knows that nothing works.

    Parameters
    ----------
    settings, customers
        As for `menu`.
    seed
        Of the errors of the beliefs.

    Returns
    -------
    Menu
        With further columns: ``log_lift``, the believed log change of the order rate (of actions
        in the month of the contact, of offers and programmes all year; for programmes of members
        against today's design), ``care``, that of satisfaction (standard score), and of fixes
        ``share``, that of the incidents that they mend.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(9, 3)))
    weight = settings.traits["share"].to_numpy()
    known = menu(settings, customers)
    thought = _thought_of(settings)
    actions, designs = thought.actions, (TODAY, *thought.programmes)

    def believed(truth: list[float]) -> np.ndarray:
        error = np.exp(BELIEF * rng.standard_normal(len(truth)))
        return np.array(truth) * error

    def mean(effects: Iterable[tuple[float, ...] | np.ndarray]) -> np.ndarray:
        return believed([float(np.dot(effect, weight)) for effect in effects])

    return replace(
        known,
        actions=known.actions.assign(
            log_lift=mean(a.lift for a in actions), care=mean(a.care for a in actions)
        ),
        fixes=known.fixes.assign(
            share=np.minimum(believed([f.share for f in thought.fixes]), MOST)
        ),
        offers=known.offers.assign(log_lift=mean(log_lift(thought, o) for o in settings.offers)),
        programmes=known.programmes.assign(
            log_lift=mean(p.lift for p in designs), care=mean(p.care for p in designs)
        ),
    )


def _thought_of(settings: Settings) -> Settings:
    """Return what levers do as a client thinks of them, but for the error."""
    if settings.kind != "null":
        return settings
    return replace(
        settings, actions=ACTIONS, fixes=FIXES, programmes=PROGRAMMES, carry_over=CARRY_OVER
    )
