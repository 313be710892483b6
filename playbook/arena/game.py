"""The game that all policies play: what a client knows at the start of a year, and the rules of spending it.

A policy is given a `Client` and answers a `market.Strategy` for the year. It sees the delivered tables as of
the last day before, the menu with its prices, beliefs about effects, the money and who may be contacted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from playbook import crm, market
from playbook.engagement import Engagement
from playbook.market.advance import MOST
from playbook.truth.sight import Sight, given

__all__ = [
    "CONTACTS", "LEVERS", "MOST_WON", "START", "WAVES", "YEARS", "Client", "checked", "money_spent", "only", "sight_of",
]  # fmt: skip

START, YEARS = 2023, 3
"""First year and number of years that the client has lived before the first strategy."""
CONTACTS = 4
"""Most contacts of a customer in a year; never two in a month."""
WAVES = (3, 7, 11)
"""Months in which simple policies contact: four months apart, so that no contact wears the next one off."""
CHANNELS = {"mail": "letter", "sales team": "letter"}
"""Names of the market's channels that the target lists call otherwise; visits need an address, like letters."""
LEVERS = ("targeting", "offer", "experience", "acquisition", "loyalty")
"""Sources of gain, each a part of a strategy."""
MOST_WON = MOST
"""How many times the customers that a channel usually wins any spend can win: a rule that everybody knows."""
PARTS = {
    "targeting": ("actions",), "offer": ("offers",), "experience": ("fixes",),
    "acquisition": ("channel_spend",), "loyalty": ("programme",),
}  # fmt: skip
OUTCOME_DAYS = 30
"""Days after a contact in which it is measured: the time of the discounts."""
CENT = 0.01


def sight_of(world: market.World, folder: Path, as_of: date, engagement: Engagement) -> Sight:
    """Write the tables of a world to a folder and return what estimators see of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, frame in world.tables.items():
        frame.to_parquet(folder / f"{table}.parquet", index=False)
    return Sight(folder, as_of, engagement)


@dataclass(frozen=True, eq=False)
class Client:
    """What every policy knows at the start of a year.

    Attributes
    ----------
    sight
        The client's tables as of the last day before the year.
    year, years_left
        The calendar year planned for, and the years that count, this one included.
    budget
        Money of the year: what channels and the care of customers cost in the last year before the game.
    usual
        Yearly spend by acquisition channel as it goes on where a strategy names none.
    menu
        What can be bought at which price, and what is believed of its effects (`market.beliefs`).
    seed
        For policies that draw.
    last
        What the same policy knew and did a year ago, none in the first year.
    """

    sight: Sight
    year: int
    years_left: int
    budget: float
    usual: Mapping[str, float]
    menu: market.Menu
    seed: int
    last: tuple[Client, market.Strategy] | None = None

    @property
    def spare(self) -> float:
        """Money beyond the usual spend on channels."""
        return self.budget - sum(self.usual.values())

    @cached_property
    def unit_cost(self) -> dict[str, float]:
        """Cost of a contact, by action."""
        return dict(zip(self.menu.actions["action"], self.menu.actions["unit_cost"], strict=True))

    @cached_property
    def fix_cost(self) -> dict[str, float]:
        """Cost of the year, by fix."""
        return dict(zip(self.menu.fixes["fix"], self.menu.fixes["yearly_cost"], strict=True))

    @cached_property
    def lists(self) -> pd.DataFrame:
        """Customers and the channels they may be reached by: consents, addresses and suppressions."""
        sight = self.sight
        answer = given(
            crm.target_lists(
                sight.query("contact_flags"), sight.query("suppressed_contacts"),
                pd.DataFrame({"customer_id": [], "contacts": []}),
                contact_cap=1, holdout_share=0.0, seed=self.seed,
            )
        )  # fmt: skip
        return answer["reachable"]

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """Orders before and in the 30 days after each contact of all campaigns on record (step 7)."""
        sight = self.sight
        return sight.query(
            "campaign_outcomes", days=OUTCOME_DAYS, since=date(START, 1, 1), margin_rate=sight.engagement.costs.margin_rate
        )  # fmt: skip

    @cached_property
    def permitted(self) -> pd.DataFrame:
        """Customers × actions of the menu: whether the contact is allowed."""
        lists = self.lists.set_index("customer_id")
        columns = {
            a.action: lists[CHANNELS.get(a.channel, a.channel)]
            for a in self.menu.actions.itertuples()
        }
        return pd.DataFrame(columns).sort_index()

    @cached_property
    def customers(self) -> pd.DataFrame:
        """Customers who ordered in the last 12 months, best first by revenue of that time."""
        known = self.sight.query("customer_features").astype({"revenue_12m": float})
        known = known[known["orders_12m"] > 0]
        return known.sort_values(
            ["revenue_12m", "customer_id"], ascending=[False, True], ignore_index=True
        )


def money_spent(strategy: market.Strategy, client: Client) -> float:
    """Return what a strategy takes from the budget: channels, contacts and fixes.

    Discounts and the terms of offers and of the programme are paid from margin, not from the budget.
    """
    spend = dict(client.usual) | dict(strategy.channel_spend or {})
    total = sum(spend.values())
    if strategy.actions is not None and len(strategy.actions):
        cost = strategy.actions["action"].map(client.unit_cost)
        arm = strategy.actions.get("arm", pd.Series("treated", strategy.actions.index))
        total += float(cost[arm == "treated"].sum())
    return float(total + sum(client.fix_cost[name] for name in strategy.fixes))


def checked(strategy: market.Strategy, client: Client, policy: str) -> market.Strategy:
    """Return the strategy if it keeps to the rules.

    Raises
    ------
    ValueError
        Naming the policy and the rule: money, consent, contacts a year or a month.
    """
    spent = money_spent(strategy, client)
    if spent > client.budget + CENT:
        raise ValueError(f"{policy}: spends {spent:,.2f}, the budget is {client.budget:,.2f}")
    actions = strategy.actions
    if actions is None or actions.empty:
        return strategy
    if "arm" in actions:
        actions = actions[actions["arm"] == "treated"]
    allowed = client.permitted.stack()
    asked = pd.MultiIndex.from_frame(actions[["customer_id", "action"]])
    if not allowed.reindex(asked, fill_value=False).to_numpy(bool).all():
        raise ValueError(f"{policy}: contacts somebody without consent")
    if actions.duplicated(["customer_id", "month"]).any():
        raise ValueError(f"{policy}: two contacts of a customer in a month")
    most = int(actions.groupby("customer_id").size().max()) if len(actions) else 0
    if most > CONTACTS:
        raise ValueError(f"{policy}: {most} contacts of a customer, {CONTACTS} are allowed")
    return strategy


def only(strategy: market.Strategy, lever: str, known: np.ndarray) -> market.Strategy:
    """Return one part of a strategy, for the customers who are ``known`` where nothing else is done."""
    part = market.Strategy(**{name: getattr(strategy, name) for name in PARTS[lever]})

    def here(rows: pd.DataFrame | None) -> pd.DataFrame | None:
        return None if rows is None else rows[rows["customer_id"].isin(known)]

    return replace(part, actions=here(part.actions), offers=here(part.offers))
