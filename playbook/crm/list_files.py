"""This month's lists with their control groups, in the form in which next year's intake reads them back. Restricted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import pandas as pd

from playbook.answer import Missing
from playbook.crm.list_tests import list_id

__all__ = ["list_files"]

MEMBERS = ["campaign_id", "customer_id", "assigned_at", "arm", "assignment_probability"]
PAGE = """# Lists of {day}, with their control groups

Restricted: do not load this folder into a CRM system, and do not show it to those who make the contacts. Whoever is
`control` here stands in no export; if a seller contacts such a customer by hand with the same offer, the comparison is lost.

`assignment_probability` is the chance with which a customer was drawn to be contacted. Put the files into next year's
inbox, add the entries below to engagement.yml, set `started_at` and `assigned_at` to the day of sending where it was
another, and name the campaign under the initiative it belongs to (`campaigns: [...]`). Opens and answers may be added as
columns. The review then sets treated against control.

```yaml
inbox:
{entries}
```
"""


def list_files(
    contents: Mapping[str, pd.DataFrame] | Missing, actions: Sequence[Any], keys: pd.DataFrame, as_of: date
) -> dict[str, pd.DataFrame | str] | Missing:  # fmt: skip
    """Return name to content of the files that keep who was on which list, and in which arm.

    Parameters
    ----------
    contents
        From `crm_contents`: ``members``.
    actions
        ``plan.actions``: id, name, purpose, channel, unit_cost.
    keys
        Table ``customer_keys``: a customer is named by the system its id comes from, as that is how next
        year's delivery names them. Without keys our id is the client's own.
    as_of
        The lists count from the day after.

    Returns
    -------
    dict
        ``campaigns.csv``, ``campaign_members_<system>.csv`` (without a system: ``campaign_members.csv``) in the columns
        of the tables ``campaigns`` and ``campaign_members``, and ``read-me.md``.
    """
    if isinstance(contents, Missing):
        return contents
    members = contents["members"]
    day = as_of + timedelta(days=1)
    rows = members.assign(
        campaign_id=[list_id(action, as_of) for action in members["action"]], assigned_at=str(day)
    )
    rows = _own_ids(rows, keys)
    files: dict[str, pd.DataFrame | str] = {
        "campaigns.csv": _campaigns(members, actions, as_of, day)
    }
    entries = ["  - {files: campaigns.csv, table: campaigns, system: crm}"]
    for system, part in rows.groupby("system", sort=True):
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", system)
        name = f"campaign_members_{plain}.csv" if system else "campaign_members.csv"
        files[name] = part.sort_values(["campaign_id", "customer_id"])[MEMBERS]
        of = f", system: {system}" if system else ""
        entries.append(f"  - {{files: {name}, table: campaign_members{of}}}")
    return files | {"read-me.md": PAGE.format(day=day, entries="\n".join(entries))}


def _campaigns(
    members: pd.DataFrame, actions: Sequence[Any], as_of: date, day: date
) -> pd.DataFrame:
    used = [action for action in actions if (members["action"] == action.id).any()]
    return pd.DataFrame({
        "campaign_id": [list_id(a.id, as_of) for a in used], "name": [a.name for a in used], "objective": [a.purpose for a in used],
        "channel": [a.channel for a in used], "started_at": str(day), "unit_cost": [a.unit_cost for a in used],
    })  # fmt: skip


def _own_ids(rows: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """Give each customer the id of the system ours was made from, and name that system ('' without one)."""
    if keys.empty:
        return rows.assign(system="")
    own = keys.assign(
        made=keys["system"].astype("str") + "-" + keys["system_id"].astype("str")
        != keys["customer_id"]
    )
    own = own.sort_values(["customer_id", "made", "system", "system_id"])
    own = own.drop_duplicates("customer_id").set_index("customer_id")
    system = rows["customer_id"].map(own["system"]).fillna("").astype("str")
    named = rows["customer_id"].map(own["system_id"]).fillna(rows["customer_id"])
    return rows.assign(system=system, customer_id=named)
