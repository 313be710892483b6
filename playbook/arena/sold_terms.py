"""Which terms each found segment is sold under: the choice experiment's pattern at the believed strength (steps 4 and 6)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from playbook import crm
from playbook.arena.game import Client
from playbook.arena.record import WORKS, beliefs_held
from playbook.arena.worth import prospects
from playbook.propensity import treatment_effect
from playbook.proposition.experiment import Experiment
from playbook.proposition.simulation import design_of, market
from playbook.proposition.tastes import Taste, segment_tastes

__all__ = ["best_offers", "offers"]

BELIEF = 0.5


@lru_cache(maxsize=2)
def _changes(client: Client) -> pd.DataFrame:
    """Found segment × offer: change of the log of our share of preference (step 4)."""
    sight = client.sight
    read: Experiment = sight.experiment["experiment"]
    tastes = segment_tastes(read, sight.tastes, sight.engagement.seed)
    ours, rivals = market(sight.table("offers"), read)
    names = list(read.coding.levels)
    columns = {}
    for entry in client.menu.offers.itertuples():
        wanted = {
            name: getattr(entry, name) for name in names if isinstance(getattr(entry, name), str)
        }
        changed = ours.assign(price=ours["price"] * (1 + entry.price_change))
        better = changed.assign(**wanted)
        columns[entry.offer] = {
            segment: _log_change(taste, ours, changed, better, rivals, read)
            for segment, taste in tastes.items()
        }
    return pd.DataFrame(columns)


def _log_change(
    taste: Taste, ours: pd.DataFrame, changed: pd.DataFrame, better: pd.DataFrame, rivals: pd.DataFrame, read: Experiment
) -> float:  # fmt: skip
    """Log change of our share when each of our offers gets the level, unless people like its present one more."""

    def share(offers: pd.DataFrame) -> float:
        both = pd.concat([offers, rivals], ignore_index=True)
        return float(taste.shares(design_of(both, read))[0][: len(offers)].sum())

    with_level = []
    for place in range(len(ours)):
        pair = [pd.concat([f.iloc[[place]], rivals], ignore_index=True) for f in (better, changed)]
        first, second = (float(taste.shares(design_of(p, read))[0][0]) for p in pair)
        with_level.append((better if first >= second else changed).iloc[[place]])
    return float(np.log(share(pd.concat(with_level)) / share(ours)))


def _people(client: Client, changes: pd.DataFrame) -> pd.DataFrame:
    people = prospects(client)
    return people[people["segment"].isin(changes.index) & (people["expected_orders"] > 0)]


def _strength(client: Client) -> tuple[float, float]:
    """Share of a change of preference that comes through in orders, and its error: the beliefs over the experiment's mean.

    One strength for all offers: five beliefs with errors of their own tell it better than each its own offer. They count as
    far as the client's other beliefs held where campaigns measured them.
    """
    changes = _changes(client)
    people = _people(client, changes)
    mean = changes.reindex(people["segment"]).mean()
    believed = client.menu.offers.set_index("offer")["log_lift"].reindex(mean.index)
    held = beliefs_held(client)
    strength = WORKS * float((believed * mean).sum() / (mean**2).sum())
    strength *= 1.0 if held is None else held
    return strength, BELIEF * abs(strength)


def _measured(client: Client) -> tuple[float, float] | None:
    """The strength as last year's roll-out with random control measured it, and its error."""
    if client.last is None or client.last[1].offers is None or client.last[1].offers.empty:
        return None
    before = client.last[0]
    planned = _planned(before)
    if not planned["control"].any():
        return None
    changes = _changes(before).stack()
    days = {
        "cutoff": client.sight.as_of,
        "lookback_from": before.sight.as_of,
        "outcome_to": client.sight.as_of,
    }
    after = client.sight.query("customer_snapshot", **days).set_index("customer_id")["orders"]
    old = prospects(before).set_index("customer_id")["expected_orders"]
    frame = planned.assign(
        is_treated=(~planned["control"]).astype(int), chance=1 - planned["share"],
        after=planned["customer_id"].map(after).fillna(0.0).astype(float), before=planned["customer_id"].map(old).astype(float),
    ).dropna()  # fmt: skip
    if frame["is_treated"].sum() < 30 or (1 - frame["is_treated"]).sum() < 30:
        return None
    found = treatment_effect(frame, "is_treated", "after", "chance", "before")
    base = float(frame.loc[frame["is_treated"] == 0, "after"].mean())
    promised = float(changes.reindex(pd.MultiIndex.from_frame(frame[["segment", "offer"]])).mean())
    if base <= 0 or promised <= 0.01 or not found.standard_error > 0:
        return None
    return found.effect / base / promised, found.standard_error / base / promised


def _believed(client: Client) -> float:
    """The strength to plan with: belief and measurement weighed by their precision."""
    belief, error = _strength(client)
    measured = _measured(client)
    if measured is None or not error > 0:
        return belief
    weights = np.array([1 / error**2, 1 / measured[1] ** 2])
    return float(np.array([belief, measured[0]]) @ weights / weights.sum())


@lru_cache(maxsize=2)
def _planned(client: Client) -> pd.DataFrame:
    """customer_id, segment, offer, share (kept on today's terms), control: the offer that earns most in each segment, where one earns anything."""
    changes = _changes(client)
    people = _people(client, changes)
    strength = _believed(client)
    best = best_offers(people, strength * changes, client.menu.offers.set_index("offer"))
    rows = people.loc[people["segment"].isin(best.index), ["customer_id", "segment"]]
    rows = rows.assign(offer=rows["segment"].map(best)).sort_values(
        "customer_id", ignore_index=True
    )
    share = _left_out(rows, people, strength * changes.stack())
    held = crm.universal_holdout(
        rows["customer_id"], client.sight.engagement.seed + client.year, share
    )
    return rows.assign(share=share, control=held)


def best_offers(people: pd.DataFrame, lift: pd.DataFrame, menu: pd.DataFrame) -> pd.Series:
    """Return the offer that earns most in each segment where one earns anything.

    Parameters
    ----------
    people
        segment, expected_margin, expected_revenue, expected_orders of the year (prospects).
    lift
        Segment × offer: log change of the orders.
    menu
        Index offer; order_cost (currency), price_change (share).
    """
    money = people.groupby("segment")[["expected_margin", "expected_revenue", "expected_orders"]].sum()  # fmt: skip
    lift = lift.reindex(money.index)
    gains = pd.DataFrame({
        name: money["expected_margin"] * np.expm1(lift[name])
        + np.exp(lift[name]) * (row.price_change * money["expected_revenue"] - row.order_cost * money["expected_orders"])
        for name, row in menu.iterrows()
    })  # fmt: skip
    return gains.idxmax(axis=1)[gains.max(axis=1) > 0]


def _left_out(rows: pd.DataFrame, people: pd.DataFrame, lift: pd.Series) -> float:
    """Share of those with an offer who keep today's terms, so that the review can measure it; none where no share could.

    The control is the smallest that tells the believed rise of the share with an order in the year from chance (step 6's
    `smallest_control`). Where even half of all would not, holding anybody back costs what the offer earns and answers nothing.
    """
    if rows.empty:
        return 0.0
    one = people.set_index("customer_id").loc[rows["customer_id"]]
    alive = one["alive"].to_numpy(float)
    rate = one["expected_orders"].to_numpy(float) / np.maximum(alive, 0.01)
    more = np.exp(lift.reindex(pd.MultiIndex.from_frame(rows[["segment", "offer"]])).to_numpy(float))  # fmt: skip
    base, then = (float((alive * -np.expm1(-rate * k)).mean()) for k in (1.0, more))
    control = crm.smallest_control(base, len(rows), then - base)
    return 0.0 if control is None else control / len(rows)


def offers(client: Client) -> pd.DataFrame | None:
    """Read which offer each customer is sold under, some of each segment left out at random."""
    rows = _planned(client)
    rows = rows[~rows["control"]]
    return rows[["customer_id", "offer"]].reset_index(drop=True) if len(rows) else None
