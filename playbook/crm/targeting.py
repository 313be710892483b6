"""Target lists: who may be contacted in which channel, gate by gate, with a holdout nobody touches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.stats import smallest_detectable_effect

__all__ = [
    "CHANNELS",
    "gate_shares",
    "is_mapped",
    "list_sizes",
    "target_lists",
    "universal_holdout",
    "unread_suppressions",
]

CHANNELS = {
    "email": (("has_email",), "consent_email"),
    "sms": (("has_phone",), "consent_sms"),
    "phone": (("has_phone",), "consent_phone"),
    "social": (("has_email", "has_phone"), "consent_social"),
    "letter": (("has_address",), None),
}
"""Channel to the addresses of which one is needed and the consent; letters rest on suppressions alone."""

SAME_CHANNEL = {
    "e-mail": "email", "mail": "letter", "post": "letter", "postal": "letter", "call": "phone", "telephone": "phone",
    "text": "sms", "social media": "social",
}  # fmt: skip
GATES = ["gone", "no_address", "no_consent", "contacted_enough", "holdout", "suppressed"]
"""In the order they are applied; suppression comes last, so that nothing after it can let anybody back in."""
ASK = "consents per channel, with their dates"


def is_mapped(inbox: Iterable[Any], table: str) -> bool:
    """Return whether the engagement names a file for a table."""
    return any(source.table == table for source in inbox)


def unread_suppressions(ledger: pd.DataFrame) -> int:
    """Return how many rows of the suppressions intake set aside, from its ledger (`run.delivery`)."""
    rows = ledger.loc[ledger["table"] == "suppressions", "quarantined"]
    return int(rows.sum())


def universal_holdout(customers: Iterable[str], seed: int, share: float) -> np.ndarray:
    """Return for each customer whether no action ever touches them, by hash of the id and the seed.

    The draw of a customer does not depend on who else is there, so it stays the same from list to
    list and from year to year.
    """
    limit = int(share * 2**64)
    draws = [
        int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:8], "big") < limit
        for key in customers
    ]
    return np.array(draws, dtype=bool)


def _suppressed(flags: pd.DataFrame, suppressed: pd.DataFrame) -> dict[str, np.ndarray]:
    """Customers suppressed per channel; a channel nobody knows counts for all channels."""
    named = suppressed.dropna(subset=["customer_id"])
    channel = named["channel"].fillna("all").replace(SAME_CHANNEL)
    everywhere = ~channel.isin(CHANNELS)
    return {
        name: flags["customer_id"].isin(named.loc[everywhere | (channel == name), "customer_id"]).to_numpy()
        for name in CHANNELS
    }  # fmt: skip


@answers
def target_lists(
    flags: pd.DataFrame,
    suppressed: pd.DataFrame,
    recent: pd.DataFrame,
    *,
    contact_cap: int,
    holdout_share: float,
    seed: int,
    suppressions_promised: bool = False,
    suppressions_unread: int = 0,
) -> Answer:
    """Return how many customers each channel may reach, and what each gate takes out.

    Parameters
    ----------
    flags
        Query ``contact_flags``: customer_id, is_gone, has_email, has_phone, has_address, consent_*.
    suppressed
        Query ``suppressed_contacts``: customer_id, channel (a channel or all).
    recent
        Query ``recent_contacts``: customer_id, contacts of the last 30 days.
    contact_cap
        Most contacts a month.
    holdout_share, seed
        Share that is never contacted, drawn by hash.
    suppressions_promised
        Whether the engagement maps a file of suppressions; an empty one is then said aloud.
    suppressions_unread
        Rows of that file that intake set aside (`unread_suppressions`); they stop nobody.

    Returns
    -------
    Answer
        Table channel, customers, gone, no_address, no_consent, contacted_enough, holdout, suppressed
        (taken out at each gate, in this order), target. Extra ``reachable``: customer_id, one boolean
        per channel; ``holdout``: customer_id, holdout; ``opt_outs``: customer_id, opted_out_<channel>;
        ``contacts``: customer_id, contacts of the last 30 days, room (contacts left this month), gone.

    Notes
    -----
    An unknown consent is no consent. The least permissive of consents, suppressions and records holds.
    """
    need(flags, "customers", "an export of the customer master data")
    flags = flags.sort_values("customer_id", ignore_index=True)
    out = _suppressed(flags, suppressed)
    times = recent.set_index("customer_id")["contacts"] if len(recent) else pd.Series(dtype=float)
    made = flags["customer_id"].map(times).fillna(0).to_numpy(float)
    often = made >= contact_cap
    held = universal_holdout(flags["customer_id"], seed, holdout_share)
    gone = flags["is_gone"].fillna(True).to_numpy(bool)
    table, reachable, opted = _through_gates(flags, out, gone, often, held)
    keys = flags[["customer_id"]]
    asked = [name for name, (_, consent) in CHANNELS.items() if consent]
    anyone = int(np.logical_or.reduce([reachable[name] for name in asked]).sum())
    return Answer(
        table=table,
        headline=(
            f"{anyone:,} of {len(flags):,} customers agreed to a channel that can reach them" if anyone
            else "Nobody can be contacted: no consent is on record" if not _any_consent(flags)
            else "Nobody is left to be contacted after all gates"
        ),
        so_what=_targets_advice(table, suppressed, held, suppressions_promised, suppressions_unread),
        kind="prescriptive",
        caption=f"Customers taken out at each gate, in order (n = {len(flags):,}); cap {contact_cap} contacts a month, holdout {format_value(holdout_share, '%')}",
        units=dict.fromkeys(table.columns[1:], "count"),
        source="customers, customer_records, suppressions, campaign_members",
        metrics=(
            Metric("contactable_customers", float(anyone), n=len(flags), unit="count", kind="prescriptive"),
            Metric("holdout_customers", float(held.sum()), n=len(flags), unit="count", kind="prescriptive"),
        ),
        extra={
            "reachable": keys.assign(**reachable), "holdout": keys.assign(holdout=held),
            "opt_outs": keys.assign(**opted),
            "contacts": keys.assign(contacts=made, room=np.maximum(contact_cap - made, 0), gone=gone),
        },
    )  # fmt: skip


def _through_gates(
    flags: pd.DataFrame, out: dict[str, np.ndarray], gone: np.ndarray, often: np.ndarray, held: np.ndarray
) -> tuple[pd.DataFrame, dict[str, np.ndarray], dict[str, np.ndarray]]:  # fmt: skip
    """Return what each gate takes out by channel, who is left, and who has opted out of it (``opted_out_<channel>``)."""
    rows: list[dict[str, object]] = []
    reachable: dict[str, np.ndarray] = {}
    opted: dict[str, np.ndarray] = {}
    for channel, (addresses, consent) in CHANNELS.items():
        address = flags[list(addresses)].fillna(False).any(axis=1).to_numpy(bool)
        agreed = (
            flags[consent].fillna(False).to_numpy(bool) if consent else np.ones(len(flags), bool)
        )
        left = np.ones(len(flags), bool)
        row: dict[str, object] = {"channel": channel, "customers": len(flags)}
        for gate, stopped in zip(
            GATES, (gone, ~address, ~agreed, often, held, out[channel]), strict=True
        ):
            row[gate] = int((left & stopped).sum())
            left &= ~stopped
        rows.append(row | {"target": int(left.sum())})
        reachable[channel] = left
        refused = (
            flags[consent].eq(False).fillna(False).to_numpy(bool)
            if consent
            else np.zeros(len(flags), bool)
        )
        opted[f"opted_out_{channel}"] = gone | out[channel] | refused
    table = pd.DataFrame(rows)
    table = table.sort_values(["target", "channel"], ascending=[False, True], ignore_index=True)
    return table, reachable, opted


def _any_consent(flags: pd.DataFrame) -> bool:
    return any(flags[c].fillna(False).any() for _, c in CHANNELS.values() if c)


def _targets_advice(
    table: pd.DataFrame,
    suppressed: pd.DataFrame,
    held: np.ndarray,
    promised: bool,
    unread: int,
) -> str:
    said = []
    if unread:
        said.append(
            f"{unread:,} rows of the list of suppressions were set aside by intake and stop nobody: mend them before any list is used."
        )
    if not len(suppressed):
        said.append(
            "The file of suppressions is mapped but empty or missing: find out why before anyone is contacted."
            if promised else "No suppressions were delivered: ask who must not be contacted before using any list."
        )  # fmt: skip
    unknown = int(suppressed["customer_id"].isna().sum()) if len(suppressed) else 0
    if unknown:
        said.append(
            f"{unknown:,} suppressions name a key that no customer has; resolve them by hand."
        )
    if int(table["target"].sum()) == 0:
        said.append(
            "Ask customers for their consent at the next purchase or visit; until then no list is written."
        )
        return " ".join(said)
    gate = table.set_index("channel")[[g for g in GATES if g != "holdout"]].sum().idxmax()
    said.append(
        f"The gate that costs most is '{gate.replace('_', ' ')}'. Contact only through these lists, and ask for consent where "
        "customers are in contact anyway."
    )
    free, kept = int((~held).sum()), int(held.sum())
    if kept >= 2 and free >= 2:
        points = 100 * smallest_detectable_effect(0.5, free, kept)
        said.append(
            f"The holdout of {kept:,} customers shows effects of all actions together from about {points:.1f} percentage points "
            "of repurchase upwards; nothing smaller will be proven."
        )
    return " ".join(said)


@answers
def list_sizes(lists: Answer, segments: pd.DataFrame | Missing, minimum: int = 5) -> Answer:
    """Return the size of each target list by segment.

    Parameters
    ----------
    lists
        From `target_lists`.
    segments
        Result ``segments``: customer_id, segment.
    minimum
        Smaller cells are not shown.

    Returns
    -------
    Answer
        Table segment, channel, target, share (of the segment).
    """
    assert isinstance(segments, pd.DataFrame)
    need(segments, "customers with a segment", "what step 03 needs")
    channels = list(CHANNELS)
    frame = segments[["customer_id", "segment"]].merge(lists["reachable"], on="customer_id")
    need(frame[frame[channels].any(axis=1)], "customers whom a channel may reach", ASK)
    size = frame.groupby("segment").size()
    counts = frame.groupby("segment")[channels].sum()
    long = counts.stack().rename("target").rename_axis(["segment", "channel"]).reset_index()
    long["share"] = long["target"] / long["segment"].map(size)
    table = long[(long["target"] >= minimum) | (long["target"] == 0)].reset_index(drop=True)
    asked = [name for name in channels if CHANNELS[name][1]]
    best = frame[asked].any(axis=1).groupby(frame["segment"]).mean().sort_values(kind="stable")
    return Answer(
        table=table,
        headline=f"'{best.index[0]}' is hardest to reach: {format_value(best.iloc[0], '%')} by a channel they agreed to",
        so_what=(
            f"Easiest is '{best.index[-1]}' ({format_value(best.iloc[-1], '%')}). A strategy that needs contact cannot work on "
            f"people who cannot be reached: for '{best.index[0]}' collect consents in shop and service first."
        ),
        kind="descriptive",
        caption=f"Share of each segment that a channel may reach (n = {len(frame):,} customers)",
        units={"target": "count", "share": "%"},
        source="target lists by segment",
    )


@answers
def gate_shares(lists: Answer) -> Answer:
    """Return the share of customers each gate takes out of each channel, and the share left.

    Parameters
    ----------
    lists
        From `target_lists`.
    """
    counts = lists.table
    parts = ["target", *GATES]
    table = counts[["channel"]].copy()
    for part in parts:
        table[part] = counts[part] / counts["customers"]
    open_to = table[table["target"] > 0]
    need(open_to, "channels that may reach anybody", ASK)
    asked = open_to[open_to["channel"].map(lambda name: CHANNELS[name][1] is not None)]
    best = (asked if len(asked) else open_to).iloc[0]
    return Answer(
        table=table,
        headline=f"With consent, {best.channel} reaches most: {format_value(best.target, '%')} of customers",
        so_what=(
            f"Without consent stand {format_value(best.no_consent, '%')}, without address {format_value(best.no_address, '%')}. Letters need no "
            "consent in this list; have your lawyer confirm that for each country before printing."
        ),
        kind="descriptive",
        caption=f"What becomes of all customers in each channel (n = {int(counts['customers'].iloc[0]):,})",
        units=dict.fromkeys(parts, "%"),
        source="target lists",
    )
