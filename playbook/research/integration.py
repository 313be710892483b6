"""One customer across systems: what exact keys link, how that agrees with the links in use.

Glossary
--------
record
    One person or company in one system.
link
    Two records said to be the same customer.
key
    A value that, once normalised, only one customer has: e-mail, telephone, tax number, name with
    date of birth, name with postal code.
"""

from __future__ import annotations

import unicodedata

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from playbook.answer import Answer, Metric, answers, format_value, need

__all__ = ["duplicate_effect", "integration", "link_records", "normalised_keys"]

LARGEST_GROUP = 10
"""A key that more records share (a switchboard, an info@ address) links nothing."""


def _folded(values: pd.Series, keep: str) -> pd.Series:
    """Return lower-case text without accents and without signs outside ``keep``; empty is missing."""
    known = values.notna()
    text = values.fillna("").map(lambda v: unicodedata.normalize("NFKD", str(v)).casefold())
    text = text.str.replace(keep, "", regex=True)
    return text.where(known & text.ne(""))


def normalised_keys(records: pd.DataFrame) -> pd.DataFrame:
    """Return the keys of each record, missing where they cannot be made.

    Parameters
    ----------
    records
        email, phone, tax_id, name, birth_date, postcode.

    Returns
    -------
    pandas.DataFrame
        ``email`` (lower case, without +tag), ``phone`` (last nine digits, at least eight), ``tax_id``,
        ``name_birth`` and ``name_postcode``, on the index of ``records``.
    """
    email = records["email"].fillna("").str.strip().str.lower()
    email = email.str.replace(r"\+[^@]*@", "@", regex=True)
    phone = _folded(records["phone"], r"[^0-9]")
    name = _folded(records["name"], r"[^\w]|_")
    postcode = _folded(records["postcode"], r"[^\w]|_")
    born = pd.to_datetime(records["birth_date"]).dt.strftime("%Y-%m-%d")
    return pd.DataFrame(
        {
            "email": email.where(email.str.contains(r"^[^@]+@[^@]+\.[^@]+$")),
            "phone": phone.str[-9:].where(phone.str.len() >= 8),
            "tax_id": _folded(records["tax_id"], r"[^\w]|_"),
            "name_birth": (name + " " + born).where(name.notna() & born.notna()),
            "name_postcode": (name + " " + postcode).where(name.notna() & postcode.notna()),
        }
    )


def link_records(records: pd.DataFrame) -> pd.Series:
    """Return a group number for each record; records joined by a chain of equal keys share it.

    Keys that more than `LARGEST_GROUP` records share are ignored.
    """
    keys = normalised_keys(records).reset_index(drop=True)
    left, right = [], []
    for column in keys:
        known = keys[column].dropna()
        sizes = known.map(known.value_counts())
        known = known[(sizes > 1) & (sizes <= LARGEST_GROUP)]
        first = known.groupby(known).transform(lambda group: group.index[0])
        left.append(known.index.to_numpy())
        right.append(first.to_numpy(dtype=int))
    rows, columns = np.concatenate(left).astype(int), np.concatenate(right).astype(int)
    size = len(keys)
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    groups = connected_components(graph, directed=False)[1]
    return pd.Series(groups, index=records.index, name="group")


def _pairs(counts: pd.Series) -> float:
    return float((counts * (counts - 1) / 2).sum())


def _linked(records: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """Return the records, sorted, with ``group`` (by exact keys) and ``customer_id`` (the link in use)."""
    ordered = records.sort_values(["system", "system_id"], ignore_index=True)
    ordered["group"] = link_records(ordered)
    links = keys[["system", "system_id", "customer_id"]]
    return ordered[["system", "system_id", "group"]].merge(
        links, on=["system", "system_id"], how="left"
    )


@answers
def integration(records: pd.DataFrame, keys: pd.DataFrame) -> Answer:
    """Return how the records of each system are linked to one customer, and what exact keys alone would find.

    The links in use are those that intake resolved, or the client's own where it delivered customers.
    They are not the truth: agreement says that both ways find the same, not that both are right.

    Parameters
    ----------
    records
        system, system_id and the personal columns of `normalised_keys`.
    keys
        customer_id, system, system_id: the links in use.

    Returns
    -------
    Answer
        Table by system: records, linked (share of records whose customer has another record, too),
        linked_by_keys (share that an exact key joins with another record), unlinked (records of no
        customer), repeated (records beyond the first of one customer in the same system).
        ``extra["linked"]`` has system, system_id, group, customer_id.
    """
    ask = "the customer records of each system before they were joined, and the links between them"
    need(records, "customer records by system", ask, rows=20)
    need(keys, "links between systems", ask, rows=20)
    linked = _linked(records, keys)
    both = linked[linked["customer_id"].notna()]
    found, agree, pairs = _agreement(both)
    table = _by_system(linked)
    unlinked = len(linked) - len(both)
    shared = float((table["linked"] * table["records"]).sum() / len(linked))
    return Answer(
        table=table,
        headline=f"{len(both):,} records are {both['customer_id'].nunique():,} customers; exact keys alone find {format_value(found, '%')} of the links",
        so_what=f"{format_value(shared, '%')} of records share their customer with another record. Of the pairs of records linked, "
        f"exact keys find {format_value(found, '%')}; of the pairs they find, {format_value(agree, '%')} are linked. "
        + (f"{unlinked:,} records have no link: have them looked at. " if unlinked else "")
        + "Look at the doubtful pairs that intake lists, the most valuable customers first, and confirm or reject them in "
        "engagement.yml. What both ways miss is not measured here.",
        kind="descriptive",
        caption=f"Records by system (n = {len(linked):,}); keys: e-mail, telephone, tax number, name with birth date or postal code",
        units={
            "records": "count",
            "linked": "%",
            "linked_by_keys": "%",
            "unlinked": "count",
            "repeated": "count",
        },
        source="customer records and the links between systems",
        metrics=(
            Metric("records_linked", shared, n=len(linked), unit="%"),
            Metric("links_found_by_keys", found, n=pairs, unit="%"),
        ),
        extra={"linked": linked[["system", "system_id", "group", "customer_id"]]},
    )


def _by_system(linked: pd.DataFrame) -> pd.DataFrame:
    known = linked["customer_id"].notna()
    sizes = linked["customer_id"].map(linked["customer_id"].value_counts())
    table = (
        linked.assign(
            linked=sizes > 1,
            linked_by_keys=linked.groupby("group")["group"].transform("size") > 1,
            unlinked=~known,
            repeated=known & linked.duplicated(["system", "customer_id"]),
        )
        .groupby("system", sort=True)
        .agg(
            records=("system_id", "size"),
            linked=("linked", "mean"),
            linked_by_keys=("linked_by_keys", "mean"),
            unlinked=("unlinked", "sum"),
            repeated=("repeated", "sum"),
        )
    )
    return table.reset_index().sort_values(["linked", "system"], ignore_index=True)


def _agreement(both: pd.DataFrame) -> tuple[float, float, int]:
    """Return the share of linked pairs that keys find, of key pairs that are linked, and the linked pairs."""
    same = _pairs(both.groupby(["group", "customer_id"]).size())
    by_keys = _pairs(both.groupby("group").size())
    in_use = _pairs(both.groupby("customer_id").size())
    return same / max(in_use, 1), same / max(by_keys, 1), int(in_use)


@answers
def duplicate_effect(linked: pd.DataFrame, customers: pd.DataFrame) -> Answer:
    """Return what revenue per customer would be at each level of integration.

    Parameters
    ----------
    linked
        system, system_id, group, customer_id, from `integration`.
    customers
        customer_id, revenue (12 months, currency).

    Returns
    -------
    Answer
        Table: counting, customers, revenue_per_customer, difference (from the links in use).
    """
    buyers = need(
        customers[customers["revenue"] > 0],
        "customers with revenue",
        "orders with a customer number",
        20,
    )
    own = linked[linked["customer_id"].isin(buyers["customer_id"])]
    need(own, "records of buying customers", "links between systems", 20)
    groups = own.drop_duplicates(["customer_id", "group"])
    merged = len(buyers) - (own["customer_id"].nunique() - _components(groups))
    systems = own.groupby("system").size().sort_values(ascending=False)
    without = len(buyers) - own["customer_id"].nunique()
    counts = {
        "every record of every system": len(own) + without,
        f"every record of the {systems.index[0]} system": int(systems.iloc[0])
        + len(buyers)
        - own.loc[own["system"] == systems.index[0], "customer_id"].nunique(),
        "the links in use": len(buyers),
        "links in use, shared keys merged": merged,
    }
    revenue = float(buyers["revenue"].sort_values().sum())
    table = pd.DataFrame({"counting": list(counts), "customers": list(counts.values())})
    table["revenue_per_customer"] = revenue / table["customers"]
    table["difference"] = table["revenue_per_customer"] / (revenue / len(buyers)) - 1
    first, last = table.iloc[0], table.iloc[-1]
    return Answer(
        table=table,
        headline=f"Counting records as customers would hide {format_value(-first['difference'], '%')} of revenue per customer",
        so_what=f"One record per customer shows {format_value(revenue / len(buyers), 'currency')} a buying customer instead of "
        f"{format_value(first['revenue_per_customer'], 'currency')}. "
        + (
            f"Shared keys point at {len(buyers) - merged:,} customers that may still be counted twice; merging them would move "
            f"the figure by {format_value(last['difference'], '%')}. "
            if merged < len(buyers)
            else "No two customers share a key, so the links in use leave no duplicate that exact keys can see. "
        )
        + "Resolve identities before counting, budgeting or mailing.",
        kind="diagnostic",
        caption=f"Revenue per buying customer, 12 months, by way of counting (n = {len(buyers):,} customers)",
        units={"customers": "count", "revenue_per_customer": "currency", "difference": "%"},
        source="orders of the last 12 months; customer records and links",
        metrics=(
            Metric("suspected_duplicates", len(buyers) - merged, n=len(buyers), unit="count"),
        ),
    )


def _components(groups: pd.DataFrame) -> int:
    """Return how many customers remain when those that share a group of records are one."""
    people = groups["customer_id"].astype("category").cat.codes.to_numpy()
    places = groups["group"].astype("category").cat.codes.to_numpy()
    size = int(people.max()) + 1
    graph = coo_matrix(
        (np.ones(len(groups)), (people, size + places)), shape=(size + places.max() + 1,) * 2
    )
    return int(connected_components(graph, directed=False)[0])
