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


def collect(
    rng: np.random.Generator, people: People, events: Events, before: Past | None = None
) -> Past:
    """Return the events of a period, added to what happened ``before``."""
    orders = _sorted(pd.concat(events.orders, ignore_index=True))
    if events.members:
        members = pd.concat(events.members, ignore_index=True)
        orders["campaign_id"], members["responded_at"] = campaigns.credit(rng, members, orders)
    else:
        members = pd.DataFrame(columns=campaigns.MEMBER_COLUMNS)
        orders["campaign_id"] = None
    past = Past(
        orders=orders,
        lines=pd.concat(events.lines, ignore_index=True),
        cases=pd.concat(events.cases, ignore_index=True),
        members=members,
        campaigns=_ran(people, members),
        satisfaction=np.array(events.satisfaction),
        active=np.array(events.active),
    )
    return past if before is None else _added(before, past)


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
