"""The target customer of each segment on a card: who, how many, worth what, where to be reached, wanting what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.proposition.benefits import stated_importance
from playbook.proposition.profile import SMALLEST
from playbook.proposition.words import join, money, with_segment
from playbook.stats import wilson

__all__ = ["profile_cards", "reach"]

WAYS = {"e-mail": ("has_email", "consent_email", ("email", "e-mail")), "SMS": ("has_phone", "consent_sms", ("sms", "text")),
        "phone": ("has_phone", "consent_phone", ("phone", "call", "telephone")), "letter": ("has_address", "", ("letter", "post", "postal", "mail"))}  # fmt: skip
"""Way to the address it needs, the consent (a letter needs none) and the names it has in suppressions."""

PLACES = ("buys by: ", "won by: ", "country: ", "area: ")
"""Traits that say where a segment is met; the others say who it is."""


@answers
def reach(
    flags: pd.DataFrame, segments: pd.DataFrame, suppressed: pd.DataFrame | None = None
) -> Answer:
    """Return the share of each segment that may be contacted, by way.

    Parameters
    ----------
    flags
        Query ``contact_flags``: ``customer_id``, ``is_gone``, ``has_email``, ``has_phone``, ``has_address``, ``consent_*``.
    segments
        ``customer_id``, ``segment``.
    suppressed
        Query ``suppressed_contacts``: ``customer_id``, ``channel``.

    Returns
    -------
    Answer
        ``segment``, ``way`` (e-mail, SMS, phone, letter, any but a letter), ``share`` with ``low`` and ``high``
        (Wilson), ``n``. An unknown consent is no consent; a suppression of an unknown channel holds for all.
    """
    need(flags, "customers with consents", "an export of the customer master data")
    joined = with_segment(flags, segments)
    stopped = pd.DataFrame(columns=["customer_id", "channel"]) if suppressed is None else suppressed.dropna(subset=["customer_id"])  # fmt: skip
    channel = stopped["channel"].fillna("all").astype(str).str.lower()
    named = {name for _, _, names in WAYS.values() for name in names} | {"social", "social media"}
    here = ~joined["is_gone"].astype("boolean").fillna(True).to_numpy(bool)
    able: dict[str, np.ndarray] = {}
    for way, (address, consent, names) in WAYS.items():
        out = stopped.loc[channel.isin(names) | ~channel.isin(named), "customer_id"]
        able[way] = here & joined[address].astype("boolean").fillna(False).to_numpy(bool)
        able[way] &= ~joined["customer_id"].isin(out).to_numpy(bool)
        if consent:
            able[way] &= joined[consent].astype("boolean").fillna(False).to_numpy(bool)
    able["any but a letter"] = able["e-mail"] | able["SMS"] | able["phone"]
    rows = []
    for segment, places in joined.groupby("segment", sort=True).indices.items():
        for way, allowed in able.items():
            share = wilson(int(allowed[places].sum()), len(places))
            rows.append({"segment": segment, "way": way, "share": share.value, "low": share.low, "high": share.high, "n": share.n})  # fmt: skip
    table = pd.DataFrame(rows, columns=["segment", "way", "share", "low", "high", "n"])
    consented = table[table["way"] == "any but a letter"].sort_values(["share", "segment"])
    if not (table["share"] > 0).any():
        raise NotEnough("no customer has an address and a consent on record", "addresses and consents of customers by channel, with their dates")  # fmt: skip
    least, most = consented.iloc[0], consented.iloc[-1]
    headline = f"{format_value(least['share'], '%')} to {format_value(most['share'], '%')} of a segment agreed to be contacted"
    so_what = f"Hardest to reach by e-mail, SMS or phone: {least['segment']}; ask for consent at the next order."  # fmt: skip
    return Answer(
        table, headline, so_what, "descriptive", f"Share of customers who may be contacted, by way (n = {len(joined):,})",
        {"share": "%", "low": "%", "high": "%", "n": "count"}, "customers, customer_records, suppressions",
    )  # fmt: skip


@answers
def profile_cards(
    profiles: Answer, traits: Answer | None = None, contacts: Answer | None = None, importance: pd.DataFrame | None = None,
    segments: pd.DataFrame | None = None, values: pd.DataFrame | None = None, currency: str = "",
) -> Answer:  # fmt: skip
    """Return the target customer of each segment in words: all that the sections found about it.

    Parameters
    ----------
    profiles, traits, contacts
        From `target_profiles`, `profile_traits`, `reach`.
    importance
        Query ``survey_ratings`` of importance.
    segments
        ``customer_id``, ``segment``.
    values
        Result ``segment_profiles`` of step 3: ``segment``, ``clv_mean``, ``clv_total``.
    currency
        Written before amounts.

    Returns
    -------
    Answer
        ``segment``, ``strategy``, ``size``, ``value``, ``who``, ``where``, ``reach``, ``needs``: text with figures, index
        (100 = all customers) and 95 % intervals; "not known" where the data do not tell. Largest revenue first.
    """
    needs = None
    if importance is not None and segments is not None:
        needs = stated_importance(importance, segments)
    marks = traits["all"] if traits is not None else profiles["traits"].assign(distinct=True)
    rows = []
    for row in profiles.table.itertuples():
        own = marks[(marks["segment"] == row.segment) & marks["distinct"]].sort_values(
            ["difference", "trait"], ascending=[False, True]
        )
        placed = own["trait"].str.startswith(PLACES)
        rows.append(
            {"segment": row.segment, "strategy": getattr(row, "strategy", "–"), "size": _size(row),
             "value": _value(row, values, currency), "who": _traits(own[~placed]), "where": _traits(own[placed]),
             "reach": _reach(row.segment, contacts), "needs": _needs(row.segment, needs)}
        )  # fmt: skip
    table = pd.DataFrame(rows)
    facts = table[["value", "who", "where", "reach", "needs"]]
    known = int((facts != "not known").all(axis=1).sum())
    gaps = [column for column in facts if (facts[column] == "not known").any()]
    return Answer(
        table=table,
        headline=f"{known:,} of {len(table):,} target customers are known in full: who, where, worth what, wanting what",
        so_what=(
            (f"Not known of some: {join(gaps, 5)}. " if gaps else "")
            + "Choose media and channel by what stands out, write to those who agreed, and keep who they are apart from what they need."
        ),
        kind="descriptive",
        caption="Target customer of each segment; index 100 = all customers, in brackets the 95 % interval of the lead or share",
        source="customers, orders, consents, survey, value of step 3; traits with a false discovery rate of 5 %",
        metrics=(Metric("profiles_known_in_full", known / len(table), n=len(table), unit="%"),),
    )  # fmt: skip


def _size(row: Any) -> str:
    said = f"{row.customers:,} customers, {format_value(row.share_customers, '%')} of all; {row.buyers:,} bought in the year"
    if row.orders_per_buyer != row.orders_per_buyer:
        return said
    return f"{said}, {format_value(row.orders_per_buyer)} orders each"


def _value(row: Any, values: pd.DataFrame | None, currency: str) -> str:
    said = f"{format_value(row.share_revenue, '%')} of revenue ({money(row.revenue_12m, currency)})"
    if row.average_order == row.average_order:
        said += f"; {money(row.average_order, currency)} an order"
    if values is None or "clv_mean" not in values or row.segment not in set(values["segment"]):
        return said
    own = values.set_index("segment").loc[row.segment]
    return f"{said}; {money(own['clv_mean'], currency)} value ahead each, {money(own['clv_total'], currency)} in all"


def _traits(own: pd.DataFrame, most: int = 3) -> str:
    """The traits that lead other segments most: share, index and the interval of the lead in points."""
    told = [
        f"{row.trait} {100 * row.share:.0f} % (index {row.index:.0f}; +{100 * row.low:.0f} to +{100 * row.high:.0f} points)"
        for row in own.head(most).itertuples(index=False)
    ]
    return "; ".join(told) or "not known"


def _reach(segment: str, contacts: Answer | None) -> str:
    if contacts is None:
        return "not known"
    own = contacts.table[(contacts.table["segment"] == segment) & (contacts.table["n"] >= SMALLEST)]
    told = [f"{row.way} {100 * row.share:.0f} % ({100 * row.low:.0f} to {100 * row.high:.0f})" for row in own.itertuples() if row.share > 0]  # fmt: skip
    return "; ".join(told) or ("nobody agreed" if len(own) else "not known")


def _needs(segment: str, needs: Any) -> str:
    if not isinstance(needs, Answer):
        return "not known"
    own = needs.table[needs.table["segment"] == segment]
    own = own.sort_values(["importance", "item"], ascending=[False, True]).head(3)
    return "; ".join(f"{row.item} {row.importance:.1f} ({row.low:.1f} to {row.high:.1f})" for row in own.itertuples()) or "not known"  # fmt: skip
