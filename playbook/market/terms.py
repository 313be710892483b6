"""What a strategy means for each customer: the effects of offers, fixes and the programme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from . import actions, catalogue, conjoint
from .levers import TODAY, Fix, Offer, Programme
from .people import People
from .settings import Settings
from .strategy import Strategy

OFFER_COLUMNS = ("customer_id", "offer")


@dataclass(frozen=True)
class Terms:
    """What a strategy means for each customer of a group in one year.

    Attributes
    ----------
    actions
        Contacts (`actions.checked`).
    lift
        Log change of the order rate, by an offer and the loyalty programme.
    price
        Change of the price (share), by an offer.
    level
        Change of the level that satisfaction returns to (standard score).
    mends
        Share of the incidents of a kind (``late``, ``slow``, ``failed``) that are mended.
    """

    actions: pd.DataFrame | None = None
    lift: np.ndarray | float = 0.0
    price: np.ndarray | float = 0.0
    level: np.ndarray | float = 0.0
    mends: Mapping[str, float] = field(default_factory=dict)


def of_customers(people: People, strategy: Strategy, first: int) -> Terms:
    """Return what a strategy means for those who are customers when the year starts.

    Parameters
    ----------
    people
        The customers at the start of the year.
    strategy
        What is done in the year.
    first
        Number of the first month of the year, counted from the start of the world.

    Raises
    ------
    ValueError
        For anything that the menus or the customers do not know.
    """
    terms = of_all(people, strategy)
    number = offered(people, strategy.offers)
    lift, price = np.zeros(len(people)), np.zeros(len(people))
    for k in np.unique(number[number >= 0]):
        offer, has = people.settings.offers[k], number == k
        lift[has] = log_lift(people.settings, offer)[people.segment[has]]
        price[has] = offer.price_change
    return Terms(
        actions=actions.checked(people, strategy.actions, first),
        lift=terms.lift + lift,
        price=price,
        level=terms.level,
        mends=terms.mends,
    )


def of_all(people: People, strategy: Strategy) -> Terms:
    """Return what a strategy means for whoever is a customer, later ones too."""
    fixes = chosen_fixes(people.settings, strategy.fixes)
    programme = design(people.settings, strategy.programme)
    mends: dict[str, float] = {}
    for fix in fixes:
        mends[fix.mends] = max(fix.share, mends.get(fix.mends, 0.0))
    return Terms(
        lift=np.array(programme.lift)[people.segment] * people.member,
        level=np.array(programme.care)[people.segment] * people.member,
        mends=mends,
    )


def chosen_fixes(settings: Settings, names: tuple[str, ...]) -> list[Fix]:
    """Return the fixes with these names."""
    menu = {fix.fix: fix for fix in settings.fixes}
    for name in names:
        _known("fixes", name, menu)
    if len(set(names)) < len(names):
        raise ValueError(f"fixes: {', '.join(names)} names one twice; name each once")
    return [menu[name] for name in names]


def design(settings: Settings, name: str) -> Programme:
    """Return the programme with this name; the empty one is today's."""
    menu = {p.programme: p for p in (TODAY, *settings.programmes)}
    _known("programme", name, menu)
    return menu[name]


def offered(people: People, offers: pd.DataFrame | None) -> np.ndarray:
    """Return the number of the offer (of the menu) that each customer has, -1 for none."""
    number = np.full(len(people), -1)
    if offers is None or not len(offers):
        return number
    for label in OFFER_COLUMNS:
        if label not in offers:
            raise ValueError(f"offers have no column {label!r}: give {', '.join(OFFER_COLUMNS)}")
    menu = [offer.offer for offer in people.settings.offers]
    customer = pd.Index(people.customer_id).get_indexer(offers["customer_id"])
    which = pd.Index(menu).get_indexer(offers["offer"])
    wrong = [
        (customer < 0, "customer_id", "a customer at the start of the year"),
        (which < 0, "offer", f"one of {', '.join(menu)}"),
        (offers["customer_id"].duplicated().to_numpy(), "customer_id", "there once"),
    ]
    actions.refuse("offers", offers, wrong)
    number[customer] = which
    return number


def _known(label: str, name: str, menu: Mapping[str, object]) -> None:
    if name not in menu:
        raise ValueError(f"{label}: {name!r} is not one of {', '.join(n for n in menu if n)}")


def log_lift(settings: Settings, offer: Offer) -> np.ndarray:
    """Return what an offer changes in the log order rate of each segment.

    It is the change of the log of our choice share among all offers of the market and none, times
    ``settings.carry_over``: the multinomial logit of McFadden (1974) at the segment's part-worths.
    """
    today = catalogue.offers()
    change: np.ndarray = np.log(_share(settings, _changed(today, offer)) / _share(settings, today))
    return settings.carry_over * change


def effects(settings: Settings) -> dict[str, pd.DataFrame]:
    """Return what fixes, offers and programmes really do, for the truth of a world."""
    segments = settings.part_worths.index
    offers = [
        (offer.offer, segment, lift)
        for offer in settings.offers
        for segment, lift in zip(segments, log_lift(settings, offer), strict=True)
    ]
    designs = [
        (design.programme, *row)
        for design in settings.programmes
        for row in zip(segments, design.lift, design.care, strict=True)
    ]
    fixes = [(fix.fix, fix.mends, fix.share) for fix in settings.fixes]
    return {
        "fix_effects": pd.DataFrame(fixes, columns=["fix", "mends", "share"]),
        "offer_effects": pd.DataFrame(offers, columns=["offer", "segment", "log_lift"]),
        "programme_effects": pd.DataFrame(
            designs, columns=["programme", "segment", "log_lift", "care"]
        ),
    }


def _changed(offers: pd.DataFrame, offer: Offer) -> pd.DataFrame:
    """Return the market with our offers at these terms."""
    ours = offers["is_ours"].to_numpy(dtype=bool)
    changed = offers.copy()
    changed.loc[ours, "price"] *= 1 + offer.price_change
    for attribute, level in offer.levels:
        rank = {name: k for k, name in enumerate(conjoint.LEVELS[attribute])}
        lower = offers[attribute].map(rank).to_numpy() < rank[level]
        changed.loc[ours & lower, attribute] = level
    return changed


def _share(settings: Settings, offers: pd.DataFrame) -> np.ndarray:
    """Return our share of choices in each segment."""
    worths = settings.part_worths
    price = worths["price", "per EUR"].to_numpy()
    utility = price[:, None] * offers["price"].to_numpy()
    for attribute, level in worths.columns[1:-1]:
        here = (offers[attribute] == level).to_numpy(dtype=float)
        utility += worths[attribute, level].to_numpy()[:, None] * here
    weight = np.exp(np.column_stack([utility, worths["none", "none"].to_numpy()]))
    ours = np.append(offers["is_ours"].to_numpy(dtype=bool), False)
    share: np.ndarray = weight[:, ours].sum(axis=1) / weight.sum(axis=1)
    return share
