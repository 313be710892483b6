"""A strategy of one's own for the arena: a small strict YAML file, who gets what and when, that plays beside the others."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from playbook import market
from playbook.arena.game import CONTACTS, Client
from playbook.engagement.strict import Strict
from playbook.engagement.yaml_file import read_model
from playbook.errors import PlanError
from playbook.market.settings import ACQUISITION
from playbook.segmentation import rfm

__all__ = ["Homework", "homework", "read_homework"]

Month = Annotated[int, Field(ge=1, le=12)]
Decile = Annotated[int, Field(ge=1, le=10)]
Rank = Annotated[int, Field(ge=1, le=9)]
RfmClass = Literal[
    "Champions", "Loyal customers", "New customers", "Promising customers", "At risk", "Lapsing customers",
    "Lapsed customers",
]  # fmt: skip
RISKS = ("low", "middle", "high")
"""Thirds of the active customers by their probability of leaving; lapsed ones have none."""


class Audience(Strict):
    """Customers who meet all conditions given; without any, all who ever ordered.

    ``segment`` counts the segments that step 3 finds, from the one whose customers are worth most; ``value_decile``
    is 1 for the tenth of customers who are worth most.
    """

    rfm: list[RfmClass] = Field(default_factory=list)
    segment: list[Rank] = Field(default_factory=list)
    churn_risk: list[Literal["low", "middle", "high"]] = Field(default_factory=list)
    value_decile: list[Decile] = Field(default_factory=list)
    customer_type: list[Literal["private", "business"]] = Field(default_factory=list)


class Contact(Strict):
    """Which action goes to whom in which months."""

    to: Audience = Audience()
    action: str
    months: Annotated[list[Month], Field(min_length=1)]


class OfferTo(Strict):
    """Under which terms customers are sold to, the whole year."""

    to: Audience = Audience()
    offer: str


class Homework(Strict):
    """A strategy for both years; what is not named stays as it is.

    ``channels`` holds factors on the usual spend (2.0 doubles it). Money goes to fixes first, then to channels, then
    to contacts in the order of the list; what the budget does not reach is left out. Of contacts of one customer in a
    month, the first of the list counts, and the first four of a year.
    """

    name: str = "yours"
    contacts: list[Contact] = Field(default_factory=list)
    channels: dict[str, Annotated[float, Field(ge=0, le=10)]] = Field(default_factory=dict)
    fixes: list[str] = Field(default_factory=list)
    offers: list[OfferTo] = Field(default_factory=list)
    programme: str = ""

    @model_validator(mode="after")
    def _only_what_is_on_the_menu(self) -> Homework:
        menu = market.menu(market.Settings(), 1000)
        actions, fixes, offers = (
            list(frame[label])
            for frame, label in (
                (menu.actions, "action"),
                (menu.fixes, "fix"),
                (menu.offers, "offer"),
            )
        )
        paid = [c for c, (budget, _) in ACQUISITION.items() if budget > 0]
        programmes = [name for name in menu.programmes["programme"] if name]
        for what, asked, known in (
            ("contacts: action", [c.action for c in self.contacts], actions),
            ("channels:", list(self.channels), paid),
            ("fixes:", self.fixes, fixes),
            ("offers: offer", [o.offer for o in self.offers], offers),
            ("programme:", [self.programme] if self.programme else [], programmes),
        ):
            for name in asked:
                if name not in known:
                    raise ValueError(
                        f"{what} {name!r} is not on the menu; expected one of {', '.join(known)}"
                    )
        return self


def read_homework(path: str) -> Homework | None:
    """Return the strategy in a file, none for an empty name.

    Raises
    ------
    PlanError
        Naming file, line, key and what was expected.
    """
    if not path:
        return None
    if not path.endswith((".yml", ".yaml")) or any(ord(c) < 32 for c in path):
        raise PlanError(f"strategy {path!r}: expected the name of a YAML file, such as mine.yml")
    return read_model(Path(path).absolute(), Homework)


def _traits(work: Homework, client: Client) -> pd.DataFrame:
    """All that audiences ask for, by customer; found segments and scores only where some audience asks."""
    audiences = [c.to for c in work.contacts] + [o.to for o in work.offers]
    sight = client.sight
    known = sight.query("customer_features").set_index("customer_id", drop=False)
    scores = rfm.score_rfm(known)
    traits = pd.DataFrame({"customer_type": known["customer_type"]})
    traits["rfm"] = pd.Series(rfm.rfm_segment(scores).to_numpy(), scores["customer_id"])
    traits["revenue"] = known["revenue_12m"].astype(float)
    traits = traits.dropna(subset="rfm")
    if any(a.segment or a.value_decile for a in audiences):
        values = sight.values.set_index("customer_id")["clv"].astype(float)
        traits["clv"] = values.reindex(traits.index).fillna(0.0)
        place = traits["clv"].rank(ascending=False, method="first")
        traits["value_decile"] = np.ceil(10 * place / len(traits)).astype(int)
        segment = (
            sight.solution["segments"].set_index("customer_id")["segment"].reindex(traits.index)
        )
        worth = traits["clv"].groupby(segment).mean().sort_values(ascending=False, kind="stable")
        traits["segment"] = segment.map({name: i + 1 for i, name in enumerate(worth.index)})
    if any(a.churn_risk for a in audiences):
        chance = sight.propensity["scores"].set_index("customer_id")["churn_probability"]
        active = known.index[known["orders_12m"] > 0]
        chance = chance.reindex(traits.index)[traits.index.isin(active)].astype(float)
        third = np.ceil(3 * chance.rank(method="first") / len(chance)).astype(int) - 1
        traits["churn_risk"] = third.map(dict(enumerate(RISKS)))
    return traits.sort_values("revenue", ascending=False, kind="stable")


def _members(traits: pd.DataFrame, to: Audience) -> pd.Index:
    here = np.ones(len(traits), bool)
    for name, wanted in to.model_dump().items():
        if wanted:
            here &= traits[name].isin(wanted).to_numpy(bool)
    return traits.index[here]


def _contacts(
    parts: Iterable[tuple[Contact, pd.Index]], client: Client, money: float
) -> pd.DataFrame:
    rows = [
        (customer, contact.action, month)
        for contact, people in parts
        for month in contact.months
        for customer in people
        if client.permitted[contact.action].get(customer, False)
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "action", "month"])
    frame = frame.drop_duplicates(["customer_id", "month"])
    frame = frame[frame.groupby("customer_id").cumcount() < CONTACTS]
    return frame[frame["action"].map(client.unit_cost).astype(float).cumsum() <= money].reset_index(
        drop=True
    )


def homework(work: Homework, client: Client) -> market.Strategy:
    """Return the year's strategy of a student, cut to what the budget reaches."""
    traits = _traits(work, client)
    left = client.spare
    fixes: list[str] = []
    for name in dict.fromkeys(work.fixes):
        if client.fix_cost[name] <= left:
            fixes.append(name)
            left -= client.fix_cost[name]
    spend = {c: work.channels.get(c, 1.0) * usual for c, usual in client.usual.items()}
    more = {c: spend[c] - usual for c, usual in client.usual.items()}
    asked, freed = (sum(max(sign * m, 0.0) for m in more.values()) for sign in (1, -1))
    part = min(1.0, (left + freed) / asked) if asked > 0 else 1.0
    spend = {c: client.usual[c] + (part * m if m > 0 else m) for c, m in more.items()}
    left += freed - part * asked
    actions = _contacts(((c, _members(traits, c.to)) for c in work.contacts), client, left)
    offers = [
        pd.DataFrame({"customer_id": _members(traits, o.to), "offer": o.offer}) for o in work.offers
    ]
    joined = pd.concat(offers).drop_duplicates("customer_id") if offers else None
    return market.Strategy(
        actions, spend if work.channels else None, tuple(fixes), joined, work.programme
    )
