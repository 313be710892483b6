"""The customer record: its hygiene, one customer's history, and the contacts tracked."""

from __future__ import annotations

import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.stats import wilson

__all__ = ["CHECKS", "cleaning_list", "contacts_tracked", "customer_record", "example_customer", "timeline"]  # fmt: skip

CHECKS = {
    "no_email_or_phone": ("missing", "neither e-mail nor telephone"),
    "no_address": ("missing", "no postcode or city"),
    "no_consent_answer": ("missing", "no answer on any consent"),
    "consent_older_than_3_years": ("stale", "consent over 3 years old or undated"),
    "shared_email": ("duplicate", "e-mail of another customer"),
    "shared_phone": ("duplicate", "telephone of another customer"),
    "same_name_and_postcode": ("duplicate", "name and postcode of another"),
    "consent_without_contact": ("contradictory", "consent without an address for it"),
    "systems_disagree_on_consent": ("contradictory", "systems disagree on e-mail consent"),
    "ordered_before_won": ("contradictory", "ordered before recorded as won"),
    "impossible_age": ("contradictory", "age below 16 or above 110"),
}
MEND = {
    "no_email_or_phone": "ask for an e-mail address or a telephone number at the next contact",
    "no_address": "ask for postcode and city at the next order",
    "no_consent_answer": "ask for consent for each channel; until then nobody writes",
    "consent_older_than_3_years": "ask for the consent again and record the day",
    "shared_email": "find out whose e-mail it is; merge if one person, else correct one of them",
    "shared_phone": "find out whose telephone it is; merge if one household or person, else correct one of them",
    "same_name_and_postcode": "compare birth date and orders; merge if one person",
    "consent_without_contact": "add the address that the consent is for, or take the consent back",
    "systems_disagree_on_consent": "set all systems to no, then ask",
    "ordered_before_won": "correct the day the customer was won",
    "impossible_age": "correct the birth date or empty it",
}
TYPICAL_EVENTS = 20  # of the example shown
EVENTS = ["orders", "interactions", "tickets", "campaigns", "surveys"]


@answers
def customer_record(record: pd.DataFrame) -> Answer:
    """Return how good the customer records are: what each check finds and the revenue behind it.

    Parameters
    ----------
    record
        Query ``customer_record``: one row per customer, a column per check (1 fails, 0 passes, none
        when it cannot be checked), ``revenue_12m`` (currency) and counts of linked events.

    Returns
    -------
    Answer
        Table check, problem, checked, failing, share, revenue_12m of those failing. Extra ``hygiene``:
        customer_id, hygiene (share of checkable checks passed, 0 to 1).
    """
    need(record, "customers on record", "an export of the customer master data")
    flags = record[list(CHECKS)].astype("float64")
    score = 1 - flags.mean(axis=1).fillna(0.0)
    clean = int((flags.fillna(0.0).sum(axis=1) == 0).sum())
    rows = [
        {"check": label, "problem": kind, "checked": int(flags[column].notna().sum()),
         "failing": int(flags[column].sum()), "share": flags[column].mean(),
         "revenue_12m": float(record.loc[flags[column] == 1, "revenue_12m"].sum())}
        for column, (kind, label) in CHECKS.items()
    ]  # fmt: skip
    table = pd.DataFrame(rows).sort_values(["failing", "check"], ascending=[False, True])
    worst = table[table["failing"] > 0].sort_values(
        ["revenue_12m", "check"], ascending=[False, True]
    )
    interval = wilson(clean, len(record))
    return Answer(
        table=table.reset_index(drop=True),
        headline=f"{format_value(interval.value, '%')} of customer records pass every check",
        so_what=_record_advice(worst, record),
        kind="descriptive",
        caption=f"Hygiene checks of the customer record (n = {len(record):,} customers; revenue of the last 12 months)",
        units={
            "checked": "count",
            "failing": "count",
            "share": "%",
            "revenue_12m": "currency",
        },
        source="customers, customer_keys, customer_records, orders",
        metrics=(
            Metric("clean_records", interval.value, interval.low, interval.high, len(record), "%"),
            Metric("record_hygiene", float(score.mean()), n=len(record), unit="%"),
        ),
        extra={"hygiene": pd.DataFrame({"customer_id": record["customer_id"], "hygiene": score})},
    )


def _record_advice(worst: pd.DataFrame, record: pd.DataFrame) -> str:
    if worst.empty:
        return "No check fails; keep the entry rules as they are."
    first, total = worst.iloc[0], float(record["revenue_12m"].sum())
    share = f" ({format_value(first.revenue_12m / total, '%')} of revenue)" if total > 0 else ""
    return (
        f"By revenue the dearest gap is '{first.check}': {first.failing:,} customers who bring "
        f"{format_value(first.revenue_12m, 'currency')}{share}. Mend that one first, where customers are in contact "
        "anyway, and make the field required from now on."
    )


def cleaning_list(record: pd.DataFrame) -> pd.DataFrame:
    """Return which record needs what: one row per customer and failed check, dearest customers first.

    Parameters
    ----------
    record
        Query ``customer_record``.

    Returns
    -------
    DataFrame
        customer_id, check, problem, mend, revenue_12m (currency). It names customers: for the restricted
        part of a run, never for the report.
    """
    flags = record.set_index("customer_id")[list(CHECKS)].astype("float64").eq(1.0)
    found = flags.stack()
    rows = found[found].index.to_frame(index=False)
    rows.columns = pd.Index(["customer_id", "column"])
    revenue = record.set_index("customer_id")["revenue_12m"]
    return pd.DataFrame({
        "customer_id": rows["customer_id"], "check": rows["column"].map({c: label for c, (_, label) in CHECKS.items()}),
        "problem": rows["column"].map({c: kind for c, (kind, _) in CHECKS.items()}), "mend": rows["column"].map(MEND),
        "revenue_12m": rows["customer_id"].map(revenue).astype("float64"),
    }).sort_values(["revenue_12m", "customer_id", "check"], ascending=[False, True, True], ignore_index=True)  # fmt: skip


def example_customer(record: pd.DataFrame) -> str:
    """Return the id of a customer whose record shows most kinds of events (empty when none)."""
    if record.empty:
        return ""
    kinds = (record[EVENTS].astype("float64") > 0).sum(axis=1)
    order = pd.DataFrame({
        "id": record["customer_id"], "kinds": -kinds,
        "far": (record[EVENTS].astype("float64").sum(axis=1) - TYPICAL_EVENTS).abs(),
        "last": -record["last_order_at"].astype("int64").where(record["last_order_at"].notna(), 0),
    })  # fmt: skip
    return str(order.sort_values(["kinds", "far", "last", "id"])["id"].iloc[0])


@answers
def timeline(events: pd.DataFrame, record: pd.DataFrame) -> Answer:
    """Return one customer's history, latest event first, as the record links it from all systems.

    Parameters
    ----------
    events
        Query ``customer_timeline``: happened_at, kind, what, channel, amount (currency).
    record
        Query ``customer_record``.
    """
    need(events, "events of one customer", "orders with a customer number")
    counts = record[EVENTS].astype("float64").sum()
    linked = {name: int(counts[name]) for name in EVENTS if counts[name] > 0}
    widest = record[EVENTS].gt(0).sum(axis=1)
    share = float((widest >= 2).mean())
    return Answer(
        table=events.reset_index(drop=True),
        headline=f"{format_value(share, '%')} of customers have a history from two or more kinds of events",
        so_what=(
            f"The record links {', '.join(f'{n:,} {name}' for name, n in linked.items())} to customers. "
            "Before any contact look at the last open or bad event first; who meets a complaint with an offer loses both."
        ),
        kind="descriptive",
        caption=f"History of one customer as an example ({len(events):,} events, latest first)",
        units={"amount": "currency"},
        source="orders, interactions, tickets, campaign_members, survey_answers, loyalty_events",
        metrics=(Metric("customers_with_history", share, n=len(record), unit="%"),),
    )


@answers
def contacts_tracked(contacts: pd.DataFrame) -> Answer:
    """Return how well contacts are tracked in each channel: volume, customers known, cost.

    Parameters
    ----------
    contacts
        Query ``contacts_by_channel``: channel, stage, contacts, contacts_year_before, linked,
        customers, cost (currency), last_contact_at.
    """
    need(contacts, "contacts of customers", "an export of visits, calls, mails and meetings")
    contacts = contacts.assign(channel=contacts["channel"].replace({"e-mail": "email"}))
    table = contacts.groupby("channel", as_index=False).agg(
        contacts=("contacts", "sum"), contacts_year_before=("contacts_year_before", "sum"),
        linked=("linked", "sum"), cost=("cost", lambda c: c.sum(min_count=1)),
        last_contact_at=("last_contact_at", "max"),
    )  # fmt: skip
    need(table[table["contacts"] > 0], "contacts in the last 12 months", "the contact log")
    before = table["contacts_year_before"].astype(float)
    table["change"] = (table["contacts"] / before.where(before > 0)) - 1
    table["share_linked"] = table["linked"] / table["contacts"].where(table["contacts"] > 0)
    table["cost_per_contact"] = table["cost"] / table["contacts"].where(table["contacts"] > 0)
    table = table.sort_values(["contacts", "channel"], ascending=[False, True], ignore_index=True)
    total, linked = float(table["contacts"].sum()), float(table["linked"].sum())
    table["contacts"] = table["contacts"].astype("int64")
    columns = ["channel", "contacts", "change", "share_linked", "cost", "cost_per_contact"]
    return Answer(
        table=table[[*columns, "last_contact_at"]],
        headline=f"{format_value(linked / total, '%')} of {total:,.0f} contacts can be tied to a customer",
        so_what=_contacts_advice(table, total - linked),
        kind="descriptive",
        caption="Contacts by channel, last 12 months against the 12 before; share tied to a known customer",
        units={
            "contacts": "count",
            "change": "%",
            "share_linked": "%",
            "cost": "currency",
            "cost_per_contact": "currency",
        },
        source="interactions",
        metrics=(
            Metric("contacts", total, n=int(total), unit="count"),
            Metric("contacts_linked", linked / total, n=int(total), unit="%"),
        ),
    )


def _contacts_advice(table: pd.DataFrame, unlinked: float) -> str:
    gap = (table["contacts"] * (1 - table["share_linked"].fillna(0))).round(6)
    worst = table.loc[gap.sort_values(ascending=False, kind="stable").index[0]]
    without = table.loc[table["cost"].isna(), "channel"].tolist()
    cost = f" No cost is recorded for {', '.join(without)}." if without else ""
    return (
        f"{unlinked:,.0f} contacts are anonymous, most of them in channel '{worst.channel}' "
        f"({format_value(1 - worst.share_linked, '%')} of its contacts); a log-in or a code at that point would add them to the "
        f"record.{cost}"
    )
