"""What a consultant reads out of the playbook's answers for each lever besides contacts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from playbook import crm
from playbook.answer import Missing
from playbook.arena.game import MOST_WON, Client
from playbook.arena.incidents import care_pays, kinds_mended, saved_by_kind
from playbook.arena.record import WORKS, beliefs_held
from playbook.engagement.model import LoyaltyDesign, LoyaltyProgramme, Tier
from playbook.errors import NotEnough

__all__ = ["Channels", "best_fixes", "channels", "fixes", "programme"]

LEAST, FURTHEST = 0.25, 12.0
"""A channel keeps a quarter of its usual spend, as further down nothing is known; beyond twelve times it nobody looks."""
ARRIVAL = 182
"""Days of the year left for customers won in its middle."""
BELIEF = 0.5
"""Log error that beliefs have: a plan states their range as mean ± 1.96 · 0.5 · mean."""
Z95 = 1.96
MOST_ON_FIXES = 0.5
"""Largest part of the year's money for fixes."""


@dataclass(frozen=True)
class Channels:
    """How customers won answer to spend, and what one of each channel brings until the end of the years that count."""

    response: crm.ChannelResponse | None
    usual: dict[str, float]

    def spend(self, price: float) -> dict[str, float]:
        """Yearly spend by channel at which the last unit of money brings ``price``; as usual where nothing tells."""
        if self.response is None:
            return dict(self.usual)
        last = self.response.usual
        usual = pd.Series(self.usual).reindex(last.index).fillna(last)
        best = self.response.spend(price, LEAST * np.minimum(usual, last), self._most(price, usual))
        return {c: float(best.get(c, usual)) for c, usual in self.usual.items()}

    def _most(self, price: float, usual: pd.Series) -> pd.Series:
        """The spend by channel beyond which the last unit is not expected to bring ``price``, as the channel may be full.

        A channel that wins `MOST_WON` times its usual customers is full: at x times the usual spend it is not yet with the
        chance that the elasticity is below ln `MOST_WON` / ln x.
        """
        assert self.response is not None
        e, error = self.response.response.elasticity, max(self.response.response.error, 1e-6)
        times = np.linspace(1.0, FURTHEST, 221)[1:]
        room = norm.cdf((np.log(MOST_WON) / np.log(times) - e) / error)
        brings = np.outer(self.response.marginal(usual), times ** (e - 1) * room)
        enough = (brings >= price).sum(axis=1)
        return usual * np.append(1.0, times)[enough]

    def brings(self, price: float) -> float:
        """Margin of all customers won by that spend until the end of the years that count; 0 where nothing tells."""
        if self.response is None:
            return 0.0
        spend = pd.Series(self.spend(price)).reindex(self.response.usual.index)
        return self.response.brings(spend.fillna(self.response.usual))


def channels(client: Client) -> Channels:
    """Read response and value of channels (step 6)."""
    sight = client.sight
    days = 365 * (client.years_left - 1) + ARRIVAL
    first = sight.table("orders")["ordered_at"].min()
    rows = sight.query(
        "newcomer_margins", days=days, start=date(first.year, first.month, 1), margin_rate=sight.engagement.costs.margin_rate
    )  # fmt: skip
    try:
        response = crm.channel_response(sight.table("channel_spend"), rows, sight.solution["segments"])  # fmt: skip
    except NotEnough:
        response = None
    return Channels(response, dict(client.usual))


def fixes(client: Client, paths: Channels, price: float) -> tuple[str, ...]:
    """Read which fixes save more than they cost (step 5), the highest saving for its cost first.

    A fix saves its believed share of the value that the kinds of incident it mends put at risk, of what the fixes before
    it have left. It is bought where that pays for its cost at the price of money, and the money for fixes reaches. Step 5
    values the customers of today; things go wrong as often with the orders of customers yet to be won, whose part is added.
    """
    known = float(client.sight.values["expected_margin_12m"].astype(float).sum()) * client.years_left  # fmt: skip
    yet_to_come = max(paths.brings(price), 0.0) / known if known > 0 else 0.0
    return best_fixes(
        client.menu.fixes,
        (1 + yet_to_come) * saved_by_kind(client),
        kinds_mended(client),
        price,
        MOST_ON_FIXES * client.budget,
    )


def best_fixes(
    menu: pd.DataFrame, saved: pd.Series, mends: Mapping[str, Collection[str]], price: float, money: float
) -> tuple[str, ...]:  # fmt: skip
    """Return the fixes that pay, the highest saving for its cost first.

    Parameters
    ----------
    menu
        fix, share (of its incidents that it is believed to mend), yearly_cost.
    saved
        Value at risk by kind of incident (currency).
    mends
        Kinds of incident that each fix mends.
    price
        What a unit of money must bring.
    money
        Most that all may cost.
    """
    left, chosen = saved.clip(lower=0.0), []
    rest = menu.sort_values("fix").set_index("fix")
    while len(rest):
        brings = pd.Series({f: rest.loc[f, "share"] * left.reindex(list(mends[f])).sum() for f in rest.index})  # fmt: skip
        ratio = brings / rest["yearly_cost"].clip(lower=1e-9)
        rest = rest[(ratio > price) & (rest["yearly_cost"] <= money)]
        if rest.empty:
            break
        best = str(ratio.reindex(rest.index).idxmax())
        chosen.append(best)
        money -= float(rest.loc[best, "yearly_cost"])
        left = left.where(~left.index.isin(list(mends[best])), left * (1 - rest.loc[best, "share"]))
        rest = rest.drop(index=best)
    return tuple(chosen)


def programme(client: Client) -> str:
    """Read which design of the loyalty programme is expected to bring most (step 6); today's where none brings more.

    There is no trial before the year, so the expected value decides; beliefs are shrunken by their own error, as who picks the
    best of several uncertain ones is disappointed, and count as far as the client's others held.
    """
    menu = client.menu.programmes.set_index("programme")
    if "none" not in menu.index:
        return ""
    today = -float(menu.loc["none", "log_lift"]) - care_pays(client) * float(menu.loc["none", "care"])  # fmt: skip
    value = float(menu.loc["", "points_cost"]) / float(menu.loc["", "points"])

    def rules(name: str) -> dict[str, Any]:
        row = menu.loc[name]
        tier = Tier(name="member", from_revenue=0.0, points_per_unit=float(row.points), offer="care", offer_cost=float(row.unit_cost))  # fmt: skip
        change = float(row.log_lift) + care_pays(client) * float(row.care) if name else 0.0
        half = Z95 * BELIEF * (abs(change) if name else abs(today))
        lift = WORKS * (today + change)
        return {"point_value": value, "tiers": [tier], "believed_lift": lift, "believed_lift_low": lift - half, "believed_lift_high": lift + half}  # fmt: skip

    designs = [LoyaltyDesign(name=name, **rules(name)) for name in menu.index if name]
    plan = LoyaltyProgramme(**rules(""), designs=designs)
    members = client.sight.query("loyalty_members").assign(redeemed=1.0, expired=0.0)
    answer = crm.compare_designs(members, plan, client.sight.engagement.seed, beliefs_held(client))
    if isinstance(answer, Missing):
        return ""
    best = str(answer["expected_best"])
    return best if best in menu.index else ""
