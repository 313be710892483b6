"""What a year earned: profit by part and margin by customer, from what happened in it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from .past import Past
from .people import People
from .planned import Campaign
from .strategy import Strategy
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
    n = len(crowd)
    begin, end = (np.datetime64(f"{y}-01-01", "us") for y in (year, year + 1))
    orders = past.orders[_within(past.orders["time"], begin, end)]
    margin = _margins(orders, past.lines)
    own = ~orders["guest"].to_numpy(dtype=bool)
    who = orders["customer"].to_numpy(dtype=int)
    cases = past.cases.loc[_within(past.cases["time"], begin, end), "customer"]
    members = past.members[_within(past.members["assigned_at"], begin, end)]
    members = members[members["treated"].to_numpy(dtype=bool)]
    unit = members["campaign_id"].map({c.campaign_id: c.unit_cost for c in past.campaigns})
    customers = pd.DataFrame(
        {
            "customer_id": crowd.customer_id,
            "goods": np.bincount(who[own], weights=margin[own], minlength=n),
            "service": CASE_COST * np.bincount(cases.to_numpy(dtype=int), minlength=n),
            "contacts": np.bincount(
                members["customer"].to_numpy(dtype=int), weights=unit.astype(float), minlength=n
            ),
        }
    )
    customers["margin"] = customers["goods"] - customers[["service", "contacts"]].sum(axis=1)
    months = 12 * (year - frame.start_year) + np.arange(12)
    spend = frame.spend.loc[frame.spend["month"].isin(months), "spend"]
    of_year = Profit(
        year=year,
        goods=float(margin.sum()),
        service=float(customers["service"].sum()),
        contacts=float(customers["contacts"].sum()) + _fixed(past.campaigns, year),
        acquisition=float(spend.sum()),
    )
    return Lived(of_year, customers.sort_values("customer_id", ignore_index=True))


def _within(time: pd.Series, begin: np.datetime64, end: np.datetime64) -> np.ndarray:
    values = time.to_numpy(dtype="datetime64[us]")
    return (values >= begin) & (values < end)


def _margins(orders: pd.DataFrame, lines: pd.DataFrame) -> np.ndarray:
    """Return revenue less cost of each order or refund, in whole cents."""
    price, cost = ((lines[c].to_numpy() * 100).round() for c in ("unit_price", "unit_cost"))
    cents = pd.Series(lines["quantity"].to_numpy() * (price - cost)).groupby(
        [lines["number"].to_numpy(), lines["refund"].to_numpy(dtype=bool)]
    )
    keys = pd.MultiIndex.from_arrays([orders["number"], orders["refund"].to_numpy(dtype=bool)])
    result: np.ndarray = cents.sum().reindex(keys, fill_value=0.0).to_numpy() / 100
    return result


def _fixed(campaigns: tuple[Campaign, ...], year: int) -> float:
    return float(sum(c.fixed_cost for c in campaigns if c.month.startswith(str(year))))
