"""One customer across systems: which links exact keys prove, which rest on likeness, and what hangs on it.

Glossary
--------
record
    One person or company in one system.
link
    Two records said to be the same customer.
exact key
    Something that identifies a person by itself when the names do not speak against it: tax number, e-mail,
    telephone, or name with birth date and place. The rule is that of `playbook.identity.keys`, for intake and for this.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.engagement.delivery import Identity
from playbook.identity import exact_groups

__all__ = ["duplicate_effect", "integration"]

SURE = 0.99
"""Links below this probability are counted as less sure."""


def _pairs(counts: pd.Series) -> float:
    return float((counts * (counts - 1) / 2).sum())


def _linked(records: pd.DataFrame, keys: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the records with ``group`` (by exact keys) and ``customer_id`` (the link in use), and the exact pairs."""
    ordered = records.sort_values(["system", "system_id"], ignore_index=True)
    ordered["group"], pairs = exact_groups(ordered, Identity())
    links = keys[["system", "system_id", "customer_id", "match_probability"]]
    on = ["system", "system_id"]
    return ordered[[*on, "group"]].merge(links, on=on, how="left"), pairs


@answers
def integration(records: pd.DataFrame, keys: pd.DataFrame) -> Answer:
    """Return how the records of each system are linked to one customer, and how much of that exact keys prove.

    The links in use are those that intake resolved, or the client's own where it delivered customers.
    They are not the truth: a key agrees with them or not, and what both miss is not seen here.

    Parameters
    ----------
    records
        Rows of ``customer_records``: system, system_id and what is known of the person.
    keys
        customer_id, system, system_id, match_probability: the links in use.

    Returns
    -------
    Answer
        Table by system: records, linked (share of records whose customer has another record, too),
        linked_by_keys (share that an exact key joins with another record), unlinked (records of no
        customer), repeated (records beyond the first of one customer in the same system).
        ``extra["linked"]`` has system, system_id, group, customer_id; ``extra["evidence"]`` is an answer: evidence, pairs, share (of the
        linked pairs), in_use (share of the pairs found that are linked).
    """
    ask = "the customer records of each system before they were joined, and the links between them"
    need(records, "customer records by system", ask, rows=20)
    need(keys, "links between systems", ask, rows=20)
    linked, pairs = _linked(records, keys)
    both = linked[linked["customer_id"].notna()]
    in_use = int(_pairs(both.groupby("customer_id").size()))
    need(pd.DataFrame(index=range(in_use)), "linked pairs of records", ask)
    evidence = _evidence(both, pairs, in_use)
    table, n = _by_system(linked), len(linked)
    chained = evidence["evidence"].eq(CHAIN)
    direct = float(evidence.loc[~chained & evidence["evidence"].ne(OTHER), "share"].sum())
    closed = direct + float(evidence.loc[chained, "share"].sum())
    shared = float((table["linked"] * table["records"]).sum() / n)
    headline = (
        f"{len(both):,} records are {both['customer_id'].nunique():,} customers; exact keys alone find "
        f"{format_value(direct, '%')} of the links"
    )
    return Answer(
        table=table,
        headline=headline,
        so_what=f"{format_value(shared, '%')} of records share their customer with another record. Exact keys link {format_value(direct, '%')} of the "
        f"pairs directly and {format_value(closed, '%')} when followed from record to record; the rest has other evidence (names, dates and "
        f"addresses that are alike, or the client's own link). {_doubt(linked)}",
        kind="descriptive",
        caption=f"Records by system (n = {n:,}); exact keys: tax number, e-mail or telephone with a name that fits, name with birth date and place",
        units={"records": "count", "linked": "%", "linked_by_keys": "%", "unlinked": "count", "repeated": "count"},
        source="customer records and the links between systems",
        metrics=(
            Metric("records_linked", shared, n=n, unit="%"),
            Metric("links_found_by_keys", direct, n=in_use, unit="%"),
            Metric("links_found_by_keys_chained", closed, n=in_use, unit="%"),
        ),
        extra={"linked": linked[["system", "system_id", "group", "customer_id"]], "evidence": Answer(
            table=evidence, headline=headline, so_what="", kind="descriptive",
            caption=f"What proves the links between two records of one customer, first evidence counts (n = {in_use:,} pairs)",
            units={"pairs": "count", "share": "%", "in_use": "%"}, source="customer records and the links between systems",
        )},
    )  # fmt: skip


CHAIN, OTHER = "exact keys over a third record", "likeness, or the client's own link"


def _evidence(both: pd.DataFrame, pairs: pd.DataFrame, in_use: int) -> pd.DataFrame:
    """Return for each kind of evidence the pairs it links; the shares sum to one."""
    customer = both.set_index(both["system"] + ":" + both["system_id"])["customer_id"]
    agree = pairs["left"].map(customer).eq(pairs["right"].map(customer))
    rows = [
        {"evidence": str(kind), "pairs": int(part.sum()), "share": part.sum() / in_use, "in_use": part.mean()}
        for kind, part in agree.groupby(pairs["kind"])
    ]  # fmt: skip
    closed = _pairs(both.groupby(["group", "customer_id"]).size())
    found = _pairs(both.groupby("group").size())
    direct = float(agree.sum())
    others = max(found - len(pairs), 1.0)
    rows.append({"evidence": CHAIN, "pairs": int(closed - direct), "share": (closed - direct) / in_use,
                 "in_use": min((closed - direct) / others, 1.0)})  # fmt: skip
    rows.append({"evidence": OTHER, "pairs": int(in_use - closed), "share": 1 - closed / in_use, "in_use": np.nan})  # fmt: skip
    table = pd.DataFrame(rows)
    table = table[table["pairs"] > 0]
    last = table["evidence"].map({CHAIN: 1, OTHER: 2}).fillna(0)
    table = table.assign(last=last, round=table["share"].round(9))
    table = table.sort_values(["last", "round", "evidence"], ascending=[True, False, True])
    return table.drop(columns=["last", "round"]).reset_index(drop=True)


def _doubt(linked: pd.DataFrame) -> str:
    """Return what is not sure: records without a link and links below `SURE`."""
    unlinked = int(linked["customer_id"].isna().sum())
    weak = int((linked["match_probability"].astype(float) < SURE).sum())
    told = f"{unlinked:,} records have no link: have them looked at. " if unlinked else ""
    if weak:
        told += (
            f"{weak:,} records hang on a link less sure than {SURE:.0%}".replace("%", " %") + ": "
        )
        return told + "confirm or reject the doubtful pairs that intake lists in engagement.yml, the most valuable customers first."  # fmt: skip
    return told + f"No link is less sure than {format_value(SURE, '%')}."


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
        "customers by exact keys alone": own["group"].nunique() + without,
        "the links in use": len(buyers),
    }
    if merged < len(buyers):
        counts["links in use, shared keys merged"] = merged
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
