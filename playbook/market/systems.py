"""The same customer in five systems, with changes and typing errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from . import disguises
from .frames import DAY, blank, codes, table
from .people import People
from .persons import NEVER, Persons, draw_persons

__all__ = ["EVENTS", "FAULTS", "SYSTEMS", "Faults", "first_seen", "record_tables"]

SYSTEMS = ("shop", "crm", "service", "survey", "fxiaoke")
EVENTS = {
    "shop": {
        "orders": "ordered_at", "subscriptions": "started_at", "loyalty_events": "occurred_at",
        "interactions": "occurred_at", "reviews": "created_at", "suppressions": "since",
        "referrals": "referred_at",
    },
    "crm": {"campaign_members": "assigned_at", "opportunities": "created_at", "leads": "converted_at"},
    "service": {"tickets": "opened_at"},
    "survey": {
        "survey_invitations": "invited_at", "survey_answers": "answered_at",
        "choice_tasks": "answered_at", "switching": "moved_at",
    },
    "fxiaoke": {},
}  # fmt: skip
"""System to the tables kept in it and the time of their rows; who is in one has a record there."""


@dataclass(frozen=True)
class Faults:
    """How often a system's records go wrong.

    Attributes
    ----------
    typo, swapped, nickname, respelled
        Chance that the name is mistyped, the family name stands first, a nickname or a spelling
        without umlauts is given.
    other_email, no_email, no_phone, no_birth, wrong_birth, no_street
        Chance of another address, and of what is missing or wrong.
    stale
        Chance that a former name, e-mail address or home is still there.
    twice
        Chance that a person is there a second time.
    """

    typo: float
    swapped: float
    nickname: float
    respelled: float
    other_email: float
    no_email: float
    no_phone: float
    no_birth: float
    wrong_birth: float
    no_street: float
    stale: float
    twice: float


FAULTS = {
    "shop": Faults(0.02, 0.01, 0.02, 0.05, 0.03, 0.01, 0.30, 0.20, 0.01, 0.02, 0.50, 0.02),
    "crm": Faults(0.04, 0.02, 0.02, 0.10, 0.22, 0.10, 0.25, 0.15, 0.01, 0.05, 0.60, 0.02),
    "service": Faults(0.06, 0.02, 0.06, 0.15, 0.12, 0.08, 0.25, 1.00, 0.00, 0.10, 0.80, 0.03),
    "survey": Faults(0.03, 0.01, 0.04, 0.05, 0.18, 0.02, 1.00, 0.15, 0.01, 0.30, 0.80, 0.02),
    "fxiaoke": Faults(0.05, 0.08, 0.00, 0.80, 0.20, 0.10, 0.10, 0.30, 0.01, 0.10, 0.80, 0.02),
}
_KEPT = {
    "shop": [
        "country", "region", "city", "postcode", "latitude", "longitude", "area_type", "company",
        "acquisition_channel", "consent_email", "consent_sms", "consent_phone",
        "consent_social", "consent_updated_at",
    ],
    "crm": [
        "country", "region", "city", "postcode", "company", "industry", "employees", "gender",
        "acquisition_channel", "income", "education", "household", "market_segment", "is_deceased_or_closed",
    ],
    "service": ["country", "city", "postcode"],
    "survey": ["country", "city", "postcode", "gender", "household"],
    "fxiaoke": ["country", "region", "city", "postcode", "company"],
}  # fmt: skip
CHANCE = {"shop": 0.90, "crm": 0.85, "fxiaoke": 0.05}
"""Chance to be in a system without ever being active there."""
OPT_OUT_MISSED = 0.01
"""Share of those who agreed in the shop and have opted out in the CRM: the shop does not know."""


def first_seen(tables: dict[str, pd.DataFrame], system: str) -> pd.Series:
    """Return the customers active in a system and when they first were, by customer id."""
    parts = []
    for name, moment in EVENTS[system].items():
        frame = tables.get(name)
        if frame is None:
            continue
        labels = ("referrer_id", "referred_id") if name == "referrals" else ("customer_id",)
        for label in labels:
            known = frame[frame[label].notna()]
            parts.append(pd.Series(known[moment].to_numpy(), index=known[label].to_numpy()))
    if not parts:
        return pd.Series(dtype="datetime64[us]")
    both = pd.concat(parts)
    return both.groupby(both.index).min()


def record_tables(
    rng: np.random.Generator,
    people: People,
    tables: dict[str, pd.DataFrame],
    end: np.datetime64,
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Return ``customer_records`` and ``customer_keys``, and the truth: who each record is.

    Parameters
    ----------
    tables
        ``customers`` and the tables of `EVENTS`.

    Returns
    -------
    tables, truth
        ``customer_keys`` is what the client has linked so far: about nine records in ten. The truth
        names the customer of each record, how many faults it has, and whether it holds a former name.
    """
    customers = tables["customers"].set_index("customer_id", drop=False)
    persons = draw_persons(rng, customers.loc[people.customer_id], end)
    rows = pd.concat(
        [_system(rng, s, persons, since, end) for s, since in _members(rng, persons, tables).items()],
        ignore_index=True,
    )  # fmt: skip
    truth = rows[["system", "system_id", "customer_id", "faults", "former_name"]]
    records = table("customer_records", dict(rows.drop(columns=["customer_id", "faults", "former_name"])))  # fmt: skip
    sure = np.clip(0.995 - 0.09 * rows["faults"] - rng.exponential(0.02, len(rows)), 0.5, 1.0)
    linked = rng.random(len(rows)) < 0.93 - 0.12 * rows["faults"]
    keys = rows.assign(match_probability=np.round(sure, 3))[linked]
    kept = ["customer_id", "system", "system_id", "match_probability"]
    return {
        "customer_records": records,
        "customer_keys": table("customer_keys", dict(keys[kept])),
    }, truth.sort_values(["system", "system_id"], ignore_index=True)


def _members(
    rng: np.random.Generator, persons: Persons, tables: dict[str, pd.DataFrame]
) -> dict[str, np.ndarray]:
    """Return for each system since when each customer is in it; never for those who are not.

    Everybody is in the shop or in the CRM from the day they were won.
    """
    n, won = len(persons), persons.master["acquired_at"].to_numpy()
    members: dict[str, np.ndarray] = {}
    for system in SYSTEMS:
        first = first_seen(tables, system).reindex(persons.master["customer_id"]).to_numpy()
        inside = ~np.isnat(first) | (rng.random(n) < CHANCE.get(system, 0.0))
        lag = rng.exponential(40, n) * (system != "shop")
        if system == "crm":
            lag[np.isnat(members["shop"])] = 0.0
            inside |= persons.business | np.isnat(members["shop"])
        since = won + (lag * 86_400e6).astype("timedelta64[us]")
        members[system] = np.where(inside, np.maximum(np.fmin(first, since), won), NEVER)
    return members


def _system(
    rng: np.random.Generator, system: str, persons: Persons, since: np.ndarray, end: np.datetime64
) -> pd.DataFrame:
    """Return the records of one system; a company stands in the CRM as account and as contact."""
    who = np.flatnonzero(~np.isnat(since))
    at = np.minimum(since[who], end - DAY)
    again = rng.random(len(who)) < FAULTS[system].twice
    later = at[again] + (rng.random(again.sum()) * (end - DAY - at[again]).astype(float)).astype("timedelta64[us]")  # fmt: skip
    who, at = np.concatenate([who, who[again]]), np.concatenate([at, later])
    frame = _records(rng, system, who, at, persons)
    if system != "crm":
        return frame.assign(system_id=_ids(rng, system, len(frame), at))
    firm = persons.business[who]
    frame.loc[firm, "birth_date"] = pd.NaT
    accounts = frame[firm].assign(system_id=_salesforce("001", rng.permutation(firm.sum())))
    account_mail = rng.random(firm.sum()) < 0.5
    accounts["email"] = accounts["email"].where(account_mail, None)
    contacts = frame.assign(system_id=_salesforce("003", rng.permutation(len(frame))))
    contacts.loc[firm, "tax_id"] = None
    contacts.loc[firm, ["industry", "employees"]] = np.nan
    return pd.concat([accounts, contacts], ignore_index=True)


def _records(
    rng: np.random.Generator, system: str, who: np.ndarray, since: np.ndarray, persons: Persons
) -> pd.DataFrame:
    faults, n = FAULTS[system], len(who)
    own = persons.master.iloc[who].reset_index(drop=True)
    frame = own[_KEPT[system]].copy()
    stale = rng.random(n) < faults.stale
    maiden = stale & (since < persons.married_at[who])
    name, written = _names(rng, faults, who, maiden, persons)
    email, other = _emails(rng, faults, who, maiden, persons)
    phone = disguises.local_phones(rng, own["phone"].to_numpy(dtype=object), own["country"].to_numpy())  # fmt: skip
    wrong = rng.random(n) < faults.wrong_birth
    born = disguises.birth_dates(rng, own["birth_date"], wrong)
    before = stale & (since < persons.moved_at[who])
    street = np.where(before, persons.former_street[who], persons.street[who])
    if "postcode" in frame:
        frame["postcode"] = np.where(before, persons.former_postcode[who], frame["postcode"])
    consents = _opted_out(rng, own) if system == "crm" else {}
    taxed = persons.business[who] & (rng.random(n) < {"crm": 1.0, "shop": 0.7}.get(system, 0.0))
    return frame.assign(
        system=system,
        customer_id=own["customer_id"],
        name=name,
        email=email,
        phone=blank(phone, (rng.random(n) < faults.no_phone) | pd.isna(phone)),
        birth_date=born.mask(rng.random(n) < faults.no_birth),
        street=blank(disguises.other_streets(rng, street), rng.random(n) < faults.no_street),
        tax_id=blank(persons.tax_id[who], ~taxed),
        acquired_at=since,
        faults=written + other + (wrong & born.notna().to_numpy()) + before.astype(int),
        former_name=maiden,
        **consents,
    )


def _names(
    rng: np.random.Generator, faults: Faults, who: np.ndarray, maiden: np.ndarray, persons: Persons
) -> tuple[np.ndarray, np.ndarray]:
    """Return the names as a system has them, and how many faults each has."""
    last = np.where(maiden, persons.maiden[who], persons.last[who])
    name = persons.first[who] + " " + last
    count = maiden.astype(int)
    for chance, change in (
        (faults.nickname, disguises.nicknamed),
        (faults.respelled, lambda words: disguises.respelled(rng, words)),
        (faults.swapped, disguises.swapped),
        (faults.typo, lambda words: disguises.mistyped(rng, words)),
    ):
        here = rng.random(len(who)) < chance
        changed = change(name[here])
        count[here] += (changed != name[here]).astype(int)
        name[here] = changed
    return name, count


def _emails(
    rng: np.random.Generator, faults: Faults, who: np.ndarray, maiden: np.ndarray, persons: Persons
) -> tuple[np.ndarray, np.ndarray]:
    """Return the e-mail addresses as a system has them, and how many faults each has."""
    n = len(who)
    email = persons.master["email"].to_numpy(dtype=object)[who]
    other = (rng.random(n) < faults.other_email) & ~pd.isna(email)
    email = np.where(other, persons.second_email[who], email)
    old = maiden & (rng.random(n) < 0.7)
    email = np.where(old, persons.maiden_email[who], email)
    family = ~pd.isna(persons.family_email[who]) & (rng.random(n) < 0.5)
    email = np.where(family, persons.family_email[who], email)
    none = (rng.random(n) < faults.no_email) | pd.isna(email)
    return blank(email, none), other.astype(int) + old + family + none


def _opted_out(rng: np.random.Generator, own: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return what the CRM knows of consents: only who has opted out."""
    result = {}
    for label in ("consent_email", "consent_phone"):
        agreed = own[label].astype("boolean")
        no = (~agreed.fillna(True)).to_numpy(bool) & (rng.random(len(own)) < 0.9)
        if label == "consent_email":
            yes = agreed.fillna(False).to_numpy(bool)
            no |= yes & (rng.random(len(own)) < OPT_OUT_MISSED)
        result[label] = blank(np.zeros(len(own), dtype=bool), ~no)
    return result


def _ids(rng: np.random.Generator, system: str, count: int, since: np.ndarray) -> np.ndarray:
    numbers = rng.permutation(10 * count)[:count] + 1
    if system == "fxiaoke":
        seconds = since.astype("datetime64[s]").astype(np.int64)
        pairs = zip(seconds, numbers, strict=True)
        return np.array([f"{second:08x}c3a7e1{n:010x}" for second, n in pairs], dtype=object)
    prefix, width = {"shop": ("", 8), "service": ("3600", 7), "survey": ("Q", 7)}[system]
    return codes(numbers, width, prefix)


_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def _salesforce(prefix: str, numbers: np.ndarray) -> np.ndarray:
    """Return ids of 18 signs: 15 of which case matters, and three that say which are capital."""
    result = []
    for number in numbers:
        left, tail = int(number) * 7919 + 62**4, ""
        while left:
            left, digit = divmod(left, 62)
            tail = _DIGITS[digit] + tail
        short = prefix + "5g00000" + tail.rjust(5, "0")
        check = ""
        for start in (0, 5, 10):
            bits = sum(
                1 << place for place, sign in enumerate(short[start : start + 5]) if sign.isupper()
            )
            check += _CHECK[bits]
        result.append(short + check)
    return np.array(result, dtype=object)
