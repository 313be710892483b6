"""What is true of the customers beyond the master data: former names and homes, families, second addresses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from . import disguises, names
from . import settings as s
from .frames import codes

__all__ = ["Persons", "draw_persons"]

MARRY = 0.22
"""Share of women who take another family name, from a year before they are won to the end."""
MOVE = 0.10
"""Share of customers who move house within their city between being won and the end."""
FAMILY = 0.22
"""Chance of a family among those of one family name in one city: two customers of one household."""
FAMILY_PHONE, FAMILY_EMAIL = 0.6, 0.4
"""Share of families in which both give the same telephone number, and the same e-mail address."""
NEVER = np.datetime64("NaT", "us")


@dataclass(frozen=True)
class Persons:
    """One array element per customer, in the order of ``master``.

    Attributes
    ----------
    maiden, maiden_email, married_at
        Family name and e-mail address until then; never for most.
    second_email
        Another address of the same person.
    street, former_street, former_postcode, moved_at
        Home now, and until then.
    family_email
        Address that the household shares; none for most.
    tax_id
        Of companies.
    """

    master: pd.DataFrame
    first: np.ndarray
    last: np.ndarray
    business: np.ndarray
    maiden: np.ndarray
    maiden_email: np.ndarray
    married_at: np.ndarray
    second_email: np.ndarray
    street: np.ndarray
    former_street: np.ndarray
    former_postcode: np.ndarray
    moved_at: np.ndarray
    family_email: np.ndarray
    tax_id: np.ndarray

    def __len__(self) -> int:
        return len(self.master)


def draw_persons(rng: np.random.Generator, master: pd.DataFrame, end: np.datetime64) -> Persons:
    """Draw it for the customers of ``master`` (a table ``customers``, in any order).

    Members of a household get one street and postcode, and some of them one telephone number.
    """
    n = len(master)
    master = master.reset_index(drop=True).copy()
    parts = master["name"].str.split(" ", n=1)
    first, last = (parts.str[i].to_numpy(dtype=object) for i in (0, 1))
    business = master["company"].notna().to_numpy()
    country = master["country"].to_numpy(dtype=object)
    won = master["acquired_at"].to_numpy()
    married_at, maiden = _marriages(rng, master, business, last, end)
    street = _streets(rng, country)
    head, member = _families(rng, master, first, last, business)
    street[member] = street[head]
    master.loc[member, "postcode"] = master["postcode"].to_numpy()[head]
    shares = rng.random(len(head)) < FAMILY_PHONE
    master.loc[member[shares], "phone"] = master["phone"].to_numpy()[head[shares]]
    family_email = np.full(n, None, dtype=object)
    shares = rng.random(len(head)) < FAMILY_EMAIL
    address = disguises.family_emails(rng, country[head[shares]], last[head[shares]])
    family_email[head[shares]] = family_email[member[shares]] = address
    moved = won + (rng.random(n) * (end - won).astype(float)).astype("timedelta64[us]")
    return Persons(
        master=master,
        first=first,
        last=last,
        business=business,
        maiden=maiden,
        maiden_email=disguises.maiden_emails(rng, first, maiden),
        married_at=married_at,
        second_email=disguises.second_emails(rng, first, last),
        street=street,
        former_street=_streets(rng, country),
        former_postcode=_another_postcode(rng, master),
        moved_at=np.where(rng.random(n) < MOVE, moved, NEVER),
        family_email=family_email,
        tax_id=codes(rng.permutation(9 * n)[:n] + 100_000_000, 9, "TX"),
    )


def _marriages(
    rng: np.random.Generator,
    master: pd.DataFrame,
    business: np.ndarray,
    last: np.ndarray,
    end: np.datetime64,
) -> tuple[np.ndarray, np.ndarray]:
    """Return when women took their present family name, and the one before."""
    n = len(master)
    begin = master["acquired_at"].to_numpy() - np.timedelta64(365, "D").astype("timedelta64[us]")
    at = begin + (rng.random(n) * (end - begin).astype(float)).astype("timedelta64[us]")
    bride = (master["gender"] == "female").fillna(False).to_numpy(dtype=bool) & ~business
    bride &= rng.random(n) < MARRY
    maiden = np.empty(n, dtype=object)
    for country in s.COUNTRIES:
        here = (master["country"] == country).to_numpy()
        maiden[here] = rng.choice(names.LAST[country], here.sum())
    return np.where(bride & (maiden != last), at, NEVER), maiden


def _families(
    rng: np.random.Generator,
    master: pd.DataFrame,
    first: np.ndarray,
    last: np.ndarray,
    business: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of two members of each household, of different first names."""
    private = pd.DataFrame({"city": master["city"], "last": last, "first": first})[~business]
    private = private.iloc[rng.permutation(len(private))]
    place = private.groupby(["city", "last"]).cumcount()
    pairs = pd.DataFrame(
        {"head": private[place == 0].reset_index().set_index(["city", "last"])["index"]}
    ).join(private[place == 1].reset_index().set_index(["city", "last"])["index"], how="inner")
    pairs = pairs.sort_index()
    head, member = pairs["head"].to_numpy(), pairs["index"].to_numpy()
    kept = (rng.random(len(pairs)) < FAMILY) & (first[head] != first[member])
    return head[kept], member[kept]


def _streets(rng: np.random.Generator, country: np.ndarray) -> np.ndarray:
    street = np.empty(len(country), dtype=object)
    for code in s.COUNTRIES:
        here = country == code
        street[here] = rng.choice(names.STREETS[code], here.sum())
    number = codes(rng.integers(1, 140, len(country)), 1)
    return np.where(country == "GB", number + " " + street, street + " " + number)


def _another_postcode(rng: np.random.Generator, master: pd.DataFrame) -> np.ndarray:
    """Return the postcode of somebody of the same city."""
    mixed = master["postcode"].iloc[rng.permutation(len(master))]
    city = master["city"].loc[mixed.index]
    order = pd.DataFrame({"city": city, "postcode": mixed}).sort_values("city", kind="stable")
    own = master.sort_values("city", kind="stable").index
    return pd.Series(order["postcode"].to_numpy(), index=own).sort_index().to_numpy(dtype=object)
