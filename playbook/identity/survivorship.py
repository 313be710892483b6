"""Which value of a customer's records survives, and how a customer is named.

Rules
-----
anchor
    The record won first (then by the order of systems, then by id) names the customer.
order of systems
    ``identity: systems``; systems not named there follow, those with the most filled fields first.
most fields
    The first system in order that has a value, or the field's own order under ``identity: trust``; within
    a system the newest record.
e-mail, telephone
    The newest record that has one, unless ``trust`` names an order.
place
    Country, region, city, postcode and coordinates come from one record, so that they fit together.
consents
    False when any record says no; true only when one says yes and none says no.
acquired_at, acquisition_channel
    The earliest; ``consent_updated_at`` the latest; ``is_deceased_or_closed`` when any record says so.
"""

from __future__ import annotations

import re

import pandas as pd

from playbook.errors import PlanError
from playbook.tables import TABLES

__all__ = ["anchor_ids", "survivors", "system_order"]

FIELDS = list(TABLES["customers"].columns)
NEWEST = ("email", "phone")
PLACE = ("country", "region", "city", "postcode", "latitude", "longitude", "area_type")
CONSENTS = tuple(
    label for label in FIELDS if label.startswith("consent_") and label != "consent_updated_at"
)


def system_order(records: pd.DataFrame, named: list[str]) -> dict[str, int]:
    """Return the rank of each system: as named, then by share of filled fields, then by name."""
    present = [label for label in FIELDS if label in records]
    filled = records[present].notna().mean(axis=1).groupby(records["system"].astype(str)).mean()
    rest = sorted(filled.index, key=lambda system: (-round(float(filled[system]), 9), system))
    ordered = list(dict.fromkeys([*named, *rest]))
    return {system: rank for rank, system in enumerate(ordered)}


def anchor_ids(records: pd.DataFrame, group: pd.Series, order: dict[str, int]) -> pd.Series:
    """Return each record's customer id: system and id of its group's anchor, such as ``shop-S0001234``."""
    frame = pd.DataFrame(
        {
            "group": group,
            "won": _times(records, "acquired_at"),
            "rank": records["system"].map(order).fillna(len(order)),
            "system": records["system"].astype(str),
            "system_id": records["system_id"].astype(str),
        }
    )
    first = frame.sort_values(["won", "rank", "system", "system_id"], na_position="last")
    first = first.drop_duplicates("group").set_index("group")
    names = {system: re.sub(r"[^A-Za-z0-9_]", "_", system) for system in frame["system"].unique()}
    twice = [system for system in names if list(names.values()).count(names[system]) > 1]
    if twice:
        raise PlanError(
            f"engagement.yml: inbox: the systems {', '.join(sorted(twice))} differ only in signs; give them names of letters and digits"
        )
    ids = first["system"].map(names) + "-" + first["system_id"]
    return frame["group"].map(ids).astype("str")


def survivors(
    records: pd.DataFrame, ids: pd.Series, trust: dict[str, list[str]], order: dict[str, int]
) -> pd.DataFrame:
    """Return one row per customer, by the rules above, sorted by id."""
    unknown = sorted(set(trust) - set(FIELDS))
    if unknown:
        raise PlanError(f"engagement.yml: identity: trust: customers have no field {unknown[0]!r}")
    frame = records.assign(customer_id=ids.to_numpy(), _won=_times(records, "acquired_at"))
    frame["_rank"] = frame["system"].map(order).fillna(len(order))
    newest = frame.sort_values(
        ["_won", "_rank", "system", "system_id"],
        ascending=[False, True, True, True],
        na_position="last",
    )
    trusted = newest.sort_values("_rank", kind="stable")
    plain = [label for label in FIELDS if label in frame and label != "customer_id"]
    result = trusted.groupby("customer_id", sort=True)[plain].first()
    for label in (label for label in NEWEST if label in frame):
        result[label] = newest.groupby("customer_id")[label].first()
    place = [label for label in PLACE if label in frame]
    if place:
        result[place] = _one_place(trusted, place)
    for label, systems in trust.items():
        if label in frame:
            own = {system: rank for rank, system in enumerate(systems)}
            ranked = trusted.assign(_own=trusted["system"].map(own).fillna(len(own)))
            ranked = ranked.sort_values("_own", kind="stable")
            result[label] = ranked.groupby("customer_id")[label].first()
    return _by_rule(frame, result).reset_index()[[label for label in FIELDS if label in frame]]


def _by_rule(frame: pd.DataFrame, result: pd.DataFrame) -> pd.DataFrame:
    """Set what is combined from all records: consents, dates, and whether the customer is gone."""
    group = frame["customer_id"]
    for label in (label for label in CONSENTS if label in frame):
        no = (frame[label] == False).fillna(False).astype(bool).groupby(group).any()  # noqa: E712
        yes = (frame[label] == True).fillna(False).astype(bool).groupby(group).any()  # noqa: E712
        consent = pd.Series(pd.NA, index=result.index, dtype="boolean")
        result[label] = consent.mask(yes, True).mask(no, False)
    if "is_deceased_or_closed" in frame:
        result["is_deceased_or_closed"] = (
            frame["is_deceased_or_closed"].astype("boolean").groupby(group).max()
        )
    if "acquired_at" in frame:
        result["acquired_at"] = frame.groupby(group)["acquired_at"].min()
    if "consent_updated_at" in frame:
        result["consent_updated_at"] = frame.groupby(group)["consent_updated_at"].max()
    if "acquisition_channel" in frame:
        oldest = frame.sort_values(["_won", "_rank", "system", "system_id"], na_position="last")
        result["acquisition_channel"] = oldest.groupby("customer_id")["acquisition_channel"].first()
    return result


def _one_place(trusted: pd.DataFrame, place: list[str]) -> pd.DataFrame:
    """Return the place of the first record that has a city or postcode, completed by records of that place only."""
    exact = [label for label in ("postcode", "city") if label in place]
    if not exact:
        return trusted.groupby("customer_id")[place].first()
    located = trusted[trusted[exact].notna().any(axis=1)]
    chosen = located.drop_duplicates("customer_id").set_index("customer_id")[exact]
    agrees = pd.Series(True, index=trusted.index)
    for label in exact:
        own, other = trusted["customer_id"].map(chosen[label]), trusted[label]
        agrees &= (own == other).fillna(False) | own.isna() | other.isna()
    nowhere = ~trusted["customer_id"].isin(chosen.index)
    somewhere = trusted[exact].notna().any(axis=1)
    return trusted[(agrees & somewhere) | nowhere].groupby("customer_id")[place].first()


def _times(records: pd.DataFrame, label: str) -> pd.Series:
    if label not in records:
        return pd.Series(pd.NaT, index=records.index, dtype="datetime64[us]")
    return pd.to_datetime(records[label])
