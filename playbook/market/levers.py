"""The levers besides contacts and spend, and what each really does. Numbers only.

The menus are the demo client's; `worlds` draws those of other worlds around them (`worlds.RANGES`:
shares that fixes mend at .5 to 1.4 times these, their costs at .3 to 2, costs of an order at .6 to
1.6, changes of price at 0 to 2, what carries over of the choice share .15 to .45, effects of
programmes at .4 to 1.6 and up to .02 more or less, care for members at .6 to 1.6).

Gain (EUR per 1,000 customers, mean and range of the eight worlds with effects of the seeds 100 to
109, 1,500 customers, two chances each) in the first year: all fixes 420 (-1,520 to 2,340), one
offer in the segments that gain by it 330 (100 days) to 2,950 (free assembly), care tiers 810 (-490
to 2,550), double points 50 (-960 to 1,310), no programme 310 (-510 to 1,450), half as much
acquisition again 590 (-1,530 to 3,020), one contact of the segments that gain by it 480 to 700
(delivery promise, care call, lookbook, refill reminder). What keeps customers pays later: in a
second year fixes earn 3,560 and care tiers 2,250 (six of these worlds).
"""

from __future__ import annotations

from dataclasses import dataclass

Segments = tuple[float, float, float, float, float]
NOTHING: Segments = (0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Fix:
    """A fix of the experience that is paid for by the year.

    Attributes
    ----------
    pain
        The pain point it is meant for, in the words of step 5.
    mends
        Kind of incident: ``late`` deliveries, ``slow`` answers and resolutions (they come as
        promised), ``failed`` cases (they are solved at the first attempt).
    share
        True share of these incidents that it mends.
    unit_cost
        EUR a year for each customer in the master data at its start.
    """

    fix: str
    pain: str
    mends: str
    share: float
    unit_cost: float


@dataclass(frozen=True)
class Offer:
    """Other terms for chosen customers, in levels of the choice experiment.

    Attributes
    ----------
    levels
        Attribute and level; those of our offers that have a higher level keep it.
    order_cost
        EUR for each order placed under these terms.
    price_change
        Change (share) of the prices of goods.
    """

    offer: str
    levels: tuple[tuple[str, str], ...]
    order_cost: float
    price_change: float


@dataclass(frozen=True)
class Programme:
    """A design of the loyalty programme; it works on members only.

    Attributes
    ----------
    points
        Points for each euro (one today).
    lift
        Log change of the order rate against today's design, per segment.
    care
        Change of the level that satisfaction returns to (standard score), per segment.
    unit_cost
        EUR a year for each active member.
    """

    programme: str
    points: float
    lift: Segments = NOTHING
    care: Segments = NOTHING
    unit_cost: float = 0.0


FIXES = (
    Fix("second carrier", "late at delivery", "late", 0.60, 1.00),
    Fix("faster answers", "slow first response", "slow", 0.60, 0.15),
    Fix("first-contact resolution", "not solved at service", "failed", 0.60, 0.35),
)
OFFERS = (
    Offer("next day", (("delivery", "next day"),), 2.00, 0.005),
    Offer("booked slot", (("delivery", "slot"),), 2.00, 0.005),
    Offer("100 days", (("returns_window", "100 days"),), 1.50, 0.0),
    Offer("free assembly", (("assembly_service", "free"),), 4.50, 0.005),
    Offer("certified", (("sustainability", "certified"),), 3.00, 0.01),
)
TODAY = Programme("", 1.0)
"""Today's design: a point for each euro, vouchers for points."""
PROGRAMMES = (
    Programme("none", 0.0, (-0.06, -0.02, -0.02, -0.04, 0.0), (-0.1, -0.05, -0.05, -0.1, 0.0)),
    Programme("double points", 2.0, (0.09, 0.02, 0.03, 0.05, 0.01)),
    Programme("care tiers", 0.5, (-0.03, 0.03, 0.04, 0.02, 0.05), (0.0, 0.15, 0.35, 0.20, 0.25),
              4.00),
)  # fmt: skip
CARRY_OVER = 0.3
"""Share of a change of the log choice share that comes through in the order rate."""
