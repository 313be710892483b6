"""Actions of the menu: what contacts really do, and how they wear off when there are many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from . import campaigns
from .people import People
from .planned import Action, Campaign

if TYPE_CHECKING:
    from .timeline import Events, State

COLUMNS = ("customer_id", "action", "month")


def checked(people: People, actions: pd.DataFrame | None, first: int) -> pd.DataFrame:
    """Return a plan for `timeline.live` from the actions of one year.

    Parameters
    ----------
    people
        The customers at the start of the year.
    actions
        Columns ``customer_id``, ``action`` (of the menu), ``month`` (1 to 12); if wanted ``arm``
        (``treated`` or ``control``) and ``probability`` of being treated.
    first
        Number of the first month of the year, counted from the start of the world.

    Raises
    ------
    ValueError
        For an absent column, an unknown customer or action, a month outside 1 to 12, or the same
        action twice for a customer in a month.
    """
    if actions is None:
        actions = pd.DataFrame(columns=[*COLUMNS])
    absent = [label for label in COLUMNS if label not in actions]
    if absent:
        raise ValueError(f"actions have no column {absent[0]!r}: give {', '.join(COLUMNS)}")
    known = [x.action for x in people.settings.actions]
    customer = pd.Index(people.customer_id).get_indexer(actions["customer_id"])
    wrong = [
        (customer < 0, "customer_id", "a customer at the start of the year"),
        (~actions["action"].isin(known).to_numpy(), "action", f"one of {', '.join(known)}"),
        (~actions["month"].isin(range(1, 13)).to_numpy(), "month", "1 to 12"),
        (actions.duplicated([*COLUMNS]).to_numpy(), "action", "once a month for each customer"),
    ]
    refuse("actions", actions, wrong)
    arm = actions["arm"] if "arm" in actions else pd.Series("treated", actions.index)
    probability = actions.get("probability", np.nan)
    return pd.DataFrame(
        {
            "customer": customer,
            "action": actions["action"].to_numpy(),
            "number": first + actions["month"].to_numpy(dtype=int) - 1,
            "treated": (arm == "treated").to_numpy(),
            "probability": np.asarray(probability, dtype=float),
        }
    )


def refuse(name: str, rows: pd.DataFrame, wrong: list[tuple[np.ndarray, str, str]]) -> None:
    """Raise for the first row that is wrong: a mask, its column and what is wanted there."""
    for bad, label, wanted in wrong:
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            value = rows[label].tolist()[row]
            raise ValueError(f"{name}, row {row}: {label} {value!r} is not {wanted}")


def apply(
    rng: np.random.Generator,
    people: People,
    state: State,
    events: Events,
    month: np.datetime64,
    plan: pd.DataFrame,
) -> tuple[np.ndarray, np.ndarray]:
    """Carry out the plan of one month; return the log lift and the discount per customer."""
    n = len(people)
    lift, cut, contacts = np.zeros(n), np.zeros(n), np.zeros(n)
    kept, annoyance = people.settings.fatigue
    before = state.contacts.sum(axis=0)
    present = set(plan["action"])
    for action in (x for x in people.settings.actions if x.action in present):
        rows = plan[plan["action"] == action.action].sort_values("customer", kind="stable")
        treated = rows.loc[rows["treated"], "customer"].to_numpy()
        segment = people.segment[treated]
        effect = kept ** (before + contacts)[treated]
        lift[treated] += np.array(action.lift)[segment] * effect
        cut[treated] = np.maximum(cut[treated], action.cut)
        state.satisfaction[treated] += np.array(action.care)[segment] * effect
        contacts[treated] += 1
        events.members.append(_members(rng, people, rows, campaign_of(action, month)))
    state.satisfaction -= annoyance * np.maximum(before + contacts - 2, 0) * (contacts > 0)
    state.contacts = np.vstack([state.contacts[1:], contacts])
    return lift, cut


def campaign_of(action: Action, month: np.datetime64) -> Campaign:
    """Return the campaign that an action of one month is recorded as."""
    return Campaign(
        campaign_id=f"A{str(month)[2:4]}{str(month)[5:7]}-{action.action.replace(' ', '-')}",
        name=f"{action.action} {month}",
        objective="plan",
        channel=action.channel,
        month=str(month),
        target="plan",
        treated=(1.0,),
        lift=action.lift,
        offer=action.action,
        cut=action.cut,
        care=action.care,
        fixed_cost=0.0,
        unit_cost=action.unit_cost,
    )


def _members(
    rng: np.random.Generator, people: People, rows: pd.DataFrame, campaign: Campaign
) -> pd.DataFrame:
    member, treated = rows["customer"].to_numpy(), rows["treated"].to_numpy()
    return campaigns.member_rows(
        rng, campaign, people, member, treated, rows["probability"].to_numpy(), None
    )
