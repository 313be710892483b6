"""What a year earned: profit by part and margin by customer, from what happened in it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from . import programmes
from .past import Past
from .people import People
from .planned import Campaign
from .strategy import Strategy
from .terms import chosen_fixes, design, offered
from .world import CASE_COST, Frame, World


@dataclass(frozen=True)
class Profit:
    """Profit (EUR) of one calendar year, by part; costs are positive.

    Attributes
    ----------
    goods
        Revenue after discounts and refunds less the cost of the goods, guests included.
    service
        Cost of the service cases opened in the year.
    contacts
        Unit costs of all contacts, and the fixed costs of campaigns.
    acquisition
        Spend on acquisition channels.
    fixes, offers
        Cost of the fixes and of the offers' terms (their change of price is in ``goods``).
    programme
        Value of the points issued in the year that will be redeemed, and care for members.
    """

    year: int
    goods: float
    service: float = 0.0
    contacts: float = 0.0
    acquisition: float = 0.0
    fixes: float = 0.0
    offers: float = 0.0
    programme: float = 0.0

    @property
    def total(self) -> float:
        """Return goods less all costs."""
        return self.goods - sum(getattr(self, f.name) for f in fields(self)[2:])


@dataclass(frozen=True)
class Lived:
    """A year that was lived through without its tables.

    Attributes
    ----------
    profit
        What the year earned.
    customers
        One row per customer, newcomers included: ``customer_id``, ``goods``, ``service``,
        ``contacts``, ``offers``, ``programme`` and ``margin``, the first less the others.
    """

    profit: Profit
    customers: pd.DataFrame


def profit(world: World, year: int) -> Profit:
    """Return what ``year`` of a world earned.

    Parameters
    ----------
    world
        A world by `simulate` or `advance`.
    year
        One of its calendar years.

    Raises
    ------
    ValueError
        For a year that the world does not have.
    """
    memory = world.memory
    if memory is None or year not in memory.frame.calendar:
        raise ValueError(f"profit() is of a year that the world has lived, not of {year}")
    strategy = memory.strategies.get(year, Strategy())
    return account(memory.frame, memory.crowd, memory.past, year, strategy).profit


def account(frame: Frame, crowd: People, past: Past, year: int, strategy: Strategy) -> Lived:
    """Return what ``year`` earned, from what happened in it."""
    first = 12 * (year - frame.start_year)
    begin, end = (np.datetime64(f"{y}-01-01", "us") for y in (year, year + 1))
    orders = past.orders[_within(past.orders["time"], begin, end)]
    orders = orders.assign(**_sums(orders, past.lines))
    cases = past.cases.loc[_within(past.cases["time"], begin, end), "customer"]
    months = len(past.active) - 12 * frame.years + first + np.arange(12)
    own = orders[~orders["guest"].to_numpy(dtype=bool)]
    parts = {
        "goods": _by(crowd, own["customer"], own["revenue"] - own["cost"]),
        "service": CASE_COST * _by(crowd, cases),
        "contacts": _contacts(crowd, past, begin, end),
        "offers": _offers(crowd, own, strategy),
        "programme": _programme(crowd, own, past.active[months], strategy),
    }
    customers = pd.DataFrame({"customer_id": crowd.customer_id, **parts})
    customers["margin"] = customers["goods"] - customers[list(parts)[1:]].sum(axis=1)
    spend = frame.spend.loc[frame.spend["month"].isin(first + np.arange(12)), "spend"]
    fixes = sum(fix.unit_cost for fix in chosen_fixes(frame.settings, strategy.fixes))
    whole = {
        **{label: values.sum() for label, values in parts.items()},
        "goods": (orders["revenue"] - orders["cost"]).sum(),
        "contacts": parts["contacts"].sum() + _fixed(past.campaigns, year),
        "acquisition": spend.sum(),
        "fixes": fixes * (crowd.month < first).sum(),
    }
    of_year = Profit(year, **{label: round(float(total), 2) for label, total in whole.items()})
    return Lived(of_year, customers.sort_values("customer_id", ignore_index=True))


def _by(crowd: People, customer: pd.Series, value: pd.Series | None = None) -> np.ndarray:
    """Return the sum of a value, or the count, by customer."""
    weights = None if value is None else value.to_numpy(dtype=float)
    return np.bincount(customer.to_numpy(dtype=int), weights, len(crowd)).astype(float)


def _contacts(crowd: People, past: Past, begin: np.datetime64, end: np.datetime64) -> np.ndarray:
    members = past.members[_within(past.members["assigned_at"], begin, end)]
    members = members[members["treated"].to_numpy(dtype=bool)]
    unit = members["campaign_id"].map({c.campaign_id: c.unit_cost for c in past.campaigns})
    return _by(crowd, members["customer"], unit)


def _offers(crowd: People, own: pd.DataFrame, strategy: Strategy) -> np.ndarray:
    """Return what the terms of the offers cost: for each purchase, whether it comes back or not."""
    cost = np.array([*(offer.order_cost for offer in crowd.settings.offers), 0.0])
    bought = own.loc[~own["refund"].to_numpy(dtype=bool), "customer"]
    return cost[offered(crowd, strategy.offers)] * _by(crowd, bought)


def _programme(
    crowd: People, own: pd.DataFrame, active: np.ndarray, strategy: Strategy
) -> np.ndarray:
    """Return the cost of the loyalty programme for each member.

    Points are a cost when they are issued, at the value of those that will be redeemed (deferral
    as in IFRS 15); refunds take them back.
    """
    programme = design(crowd.settings, strategy.programme)
    points = _by(crowd, own["customer"], np.trunc(own["revenue"] * programme.points))
    value = programmes.VOUCHER / programmes.REDEEM * programmes.REDEEMED
    care = programme.unit_cost / 12 * active.sum(axis=0)
    cost: np.ndarray = crowd.member * (value * points + care)
    return cost


def _within(time: pd.Series, begin: np.datetime64, end: np.datetime64) -> np.ndarray:
    values = time.to_numpy(dtype="datetime64[us]")
    return (values >= begin) & (values < end)


def _sums(orders: pd.DataFrame, lines: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return revenue and cost of each order or refund, in whole cents."""
    here = lines[lines["number"].isin(orders["number"])]
    by = [here["number"].to_numpy(), here["refund"].to_numpy(dtype=bool)]
    keys = pd.MultiIndex.from_arrays([orders["number"], orders["refund"].to_numpy(dtype=bool)])
    sums = {}
    for label, column in (("revenue", "unit_price"), ("cost", "unit_cost")):
        cents = here["quantity"].to_numpy() * (here[column].to_numpy() * 100).round()
        sums[label] = pd.Series(cents).groupby(by).sum().reindex(keys, fill_value=0.0) / 100
    return {label: total.to_numpy() for label, total in sums.items()}


def _fixed(campaigns: tuple[Campaign, ...], year: int) -> float:
    return sum(c.fixed_cost for c in campaigns if c.month.startswith(str(year)))
