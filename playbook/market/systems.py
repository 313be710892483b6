"""The same customer in four systems, with changes and typing errors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import names
from . import settings as s
from .frames import DAY, blank, codes, table
from .people import People

SYSTEMS = ("shop", "crm", "service", "survey")
# Chance of: a typing error in the name, another e-mail, no e-mail, no phone, no date of birth.
FAULTS = {
    "shop": (0.03, 0.03, 0.01, 0.35, 0.55),
    "crm": (0.07, 0.14, 0.12, 0.25, 0.30),
    "service": (0.15, 0.12, 0.28, 0.20, 0.90),
    "survey": (0.06, 0.12, 0.03, 0.95, 0.40),
}
_KEPT = {
    "shop": ["country", "city", "postcode", "consent_email", "consent_updated_at"],
    "crm": [
        "country", "region", "city", "postcode", "company", "industry", "employees",
        "consent_email", "consent_phone", "gender",
    ],
    "service": ["country", "city"],
    "survey": ["country", "gender", "household", "consent_email"],
}  # fmt: skip


def record_tables(
    rng: np.random.Generator,
    people: People,
    customers: pd.DataFrame,
    seen: dict[str, np.ndarray],
    end: np.datetime64,
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Return ``customer_records`` and ``customer_keys``, and the truth: who each record is.

    ``seen`` names for each system the customers (numbers) it holds; two in a hundred are there
    twice. ``customer_keys`` is what the client has linked so far: 85 % of the records.
    """
    master = customers.set_index("customer_id").loc[people.customer_id].reset_index()
    street = _streets(rng, master)
    parts = []
    for system in SYSTEMS:
        once = seen[system]
        twice = once[rng.random(len(once)) < 0.02]
        parts.append(_records(rng, system, np.concatenate([once, twice]), master, street, end))
    rows = pd.concat(parts, ignore_index=True)
    truth = rows[["system", "system_id", "customer_id", "faults"]]
    records = table("customer_records", dict(rows.drop(columns=["customer_id", "faults"])))
    sure = np.clip(0.995 - 0.09 * rows["faults"] - rng.exponential(0.02, len(rows)), 0.5, 1.0)
    linked = rng.random(len(rows)) < 0.93 - 0.12 * rows["faults"]
    keys = rows.assign(match_probability=np.round(sure, 3))[linked]
    kept = ["customer_id", "system", "system_id", "match_probability"]
    return {
        "customer_records": records,
        "customer_keys": table("customer_keys", dict(keys[kept])),
    }, truth.sort_values(["system", "system_id"], ignore_index=True)


def _records(
    rng: np.random.Generator,
    system: str,
    who: np.ndarray,
    master: pd.DataFrame,
    street: np.ndarray,
    end: np.datetime64,
) -> pd.DataFrame:
    n = len(who)
    typo, moved, no_mail, no_phone, no_birth = (rng.random(n) < p for p in FAULTS[system])
    own = master.iloc[who].reset_index(drop=True)
    frame = own[_KEPT[system]].copy()
    name = own["name"].to_numpy(dtype=object).copy()
    name[typo] = _mistyped(rng, name[typo])
    email = own["email"].to_numpy(dtype=object).copy()
    email[moved] = _other_emails(rng, name[moved])
    phone = own["phone"].to_numpy(dtype=object)
    compact = pd.Series(phone).str.replace(" ", "").to_numpy(dtype=object)
    prefix = {"shop": "S", "crm": "C-", "service": "", "survey": "Q"}[system]
    lag = rng.exponential(40, n) * (system != "shop")
    since = own["acquired_at"].to_numpy() + (lag * 86_400e6).astype("timedelta64[us]")
    business = own["company"].notna().to_numpy()
    tax = codes(rng.permutation(900_000)[:n] + 100_000, 9, "TX") if system == "crm" else None
    return frame.assign(
        system=system,
        system_id=codes(rng.permutation(10 * len(master))[:n] + 1, 7, prefix),
        customer_id=own["customer_id"],
        name=name,
        email=blank(email, no_mail | pd.isna(email)),
        phone=blank(compact if system == "service" else phone, no_phone | pd.isna(phone)),
        birth_date=own["birth_date"].mask(no_birth),
        street=blank(street[who], np.full(n, system == "survey") | (rng.random(n) < 0.1)),
        tax_id=None if tax is None else blank(tax, ~business),
        acquired_at=np.minimum(since, end - DAY),
        faults=typo.astype(int) + moved + no_mail + 0,
    )


def _streets(rng: np.random.Generator, master: pd.DataFrame) -> np.ndarray:
    street = np.empty(len(master), dtype=object)
    country = master["country"].to_numpy()
    for code in s.COUNTRIES:
        here = country == code
        street[here] = rng.choice(names.STREETS[code], here.sum())
    number = codes(rng.integers(1, 140, len(master)), 1)
    return np.where(country == "GB", number + " " + street, street + " " + number)


def _mistyped(rng: np.random.Generator, words: np.ndarray) -> np.ndarray:
    """Return the names with two letters swapped, one lost, or family name first."""
    kind = rng.integers(0, 3, len(words))
    place = rng.random(len(words))
    result = []
    for word, k, where in zip(words, kind, place, strict=True):
        i = 1 + int(where * (len(word) - 3))
        if k == 0:
            result.append(word[:i] + word[i + 1] + word[i] + word[i + 2 :])
        elif k == 1:
            result.append(word[:i] + word[i + 1 :])
        else:
            first, last = word.split(" ", 1)
            result.append(f"{last} {first}")
    return np.array(result, dtype=object)


def _other_emails(rng: np.random.Generator, name: np.ndarray) -> np.ndarray:
    if not len(name):
        return name
    local = np.char.replace(names.plain(name).astype(str), " ", "_").astype(object)
    return local + codes(rng.integers(1, 10_000, len(name)), 1) + "@example.org"
