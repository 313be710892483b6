"""What has happened so far: events as one frame each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from . import actions, campaigns
from .people import People
from .planned import Campaign
from .timeline import Events


@dataclass(frozen=True)
class Past:
    """Events as one frame each, with customer numbers; monthly snapshots as matrices.

    Orders may lie after the present: goods that will come back.
    """

    orders: pd.DataFrame
    lines: pd.DataFrame
    cases: pd.DataFrame
    members: pd.DataFrame
    campaigns: tuple[Campaign, ...]
    satisfaction: np.ndarray
    active: np.ndarray

    def until(self, end: np.datetime64) -> Past:
        """Return what is known before ``end``."""
        orders = self.orders[self.orders["time"].to_numpy() < end].reset_index(drop=True)
        back = orders.loc[orders["refund"], "number"]
        kept = ~self.lines["refund"].to_numpy(dtype=bool) | self.lines["number"].isin(back)
        return replace(self, orders=orders, lines=self.lines[kept].reset_index(drop=True))

    def after(self, before: Past, begin: np.datetime64) -> Past:
        """Return this period with what of the one ``before`` falls into it: refunds and cases."""
        orders = before.orders[before.orders["time"].to_numpy() >= begin]
        cases = before.cases[before.cases["time"].to_numpy() >= begin]
        lines = before.lines[before.lines["number"].isin(orders["number"])]
        return replace(
            self,
            orders=pd.concat([orders, self.orders], ignore_index=True),
            lines=pd.concat([lines, self.lines], ignore_index=True),
            cases=pd.concat([cases, self.cases], ignore_index=True),
        )


def collect(
    rng: np.random.Generator, people: People, events: Events, before: Past | None = None
) -> Past:
    """Return the events of a period, credited to campaigns and added to what was ``before``."""
    past = of_events(people, events)
    if events.members:
        credit = campaigns.credit(rng, past.members, past.orders)
        past.orders["campaign_id"], past.members["responded_at"] = credit
    return past if before is None else _added(before, past)


def of_events(people: People, events: Events) -> Past:
    """Return the events of a period as one frame each, not credited to campaigns."""
    members = pd.DataFrame(columns=campaigns.MEMBER_COLUMNS)
    if events.members:
        members = pd.concat(events.members, ignore_index=True)
    return Past(
        orders=_sorted(pd.concat(events.orders, ignore_index=True)).assign(campaign_id=None),
        lines=pd.concat(events.lines, ignore_index=True),
        cases=pd.concat(events.cases, ignore_index=True),
        members=members,
        campaigns=_ran(people, members),
        satisfaction=np.array(events.satisfaction),
        active=np.array(events.active),
    )


def _sorted(orders: pd.DataFrame) -> pd.DataFrame:
    return orders.sort_values(["time", "refund", "number"], kind="stable", ignore_index=True)


def _ran(people: People, members: pd.DataFrame) -> tuple[Campaign, ...]:
    ran = set(members["campaign_id"])
    months = sorted({str(m)[:7] for m in members["assigned_at"]}) if ran else []
    planned = [
        actions.campaign_of(action, np.datetime64(month, "M"))
        for month in months
        for action in people.settings.actions
    ]
    return tuple(c for c in (*people.settings.campaigns, *planned) if c.campaign_id in ran)


def _added(before: Past, new: Past) -> Past:
    """Join two periods; customers of the second who were not yet there were never active."""
    width = new.active.shape[1] - before.active.shape[1]
    frames = {
        label: pd.concat(
            [f for f in (getattr(before, label), getattr(new, label)) if len(f)], ignore_index=True
        )
        for label in ("lines", "cases", "members")
        if len(getattr(new, label))
    }
    return replace(
        before,
        **frames,
        orders=_sorted(pd.concat([before.orders, new.orders], ignore_index=True)),
        campaigns=before.campaigns + new.campaigns,
        satisfaction=np.vstack(
            [np.pad(before.satisfaction, ((0, 0), (0, width))), new.satisfaction]
        ),
        active=np.vstack([np.pad(before.active, ((0, 0), (0, width))), new.active]),
    )
