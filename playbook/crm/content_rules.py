"""What each segment is shown and how it is served, channel by channel: the strategy's rules on today's lists."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd

from playbook.answer import Answer, Missing, answers, format_value, need
from playbook.crm.actions import _allowed

__all__ = ["content_rules"]

CHANNELS = {"email": "e-mail", "sms": "SMS", "social": "social", "phone": "call"}
QUIET = {
    "appreciate": "thanks and first access, no product", "win back": "one personal offer, once", "exit": "nothing; answer what they ask",
}  # fmt: skip
"""Strategies that are not sold to, and what stands in the first place instead."""
SERVICE = {
    "appreciate": "named contact, first in the queue", "grow share": "named contact, delivery promise", "develop": "help with the second order",
    "win back": "one call by a person who knows the history", "maintain at low cost": "self-service first", "exit": "self-service only",
}  # fmt: skip


@answers
def content_rules(
    recommended: Answer, reachable: pd.DataFrame, segments: pd.DataFrame, strategies: pd.DataFrame,
    callbacks: pd.DataFrame | Missing | None = None,
) -> Answer:  # fmt: skip
    """Return for each segment how many each channel may reach, what stands first in it, and how the segment is served.

    Parameters
    ----------
    recommended
        From `recommendations`: who gets a personal product, who best-sellers.
    reachable
        Of the target lists.
    segments, strategies
        Results of step 03: customer_id, segment; segment, strategy.
    callbacks
        Result ``callbacks`` of step 05: who waits for an answer is shown nothing before it came.

    Returns
    -------
    Answer
        Table segment, strategy, e-mail, SMS, social, call (customers; none where the strategy does not use the
        channel to sell), first_place, service, answer_first (customers who wait for a call back).

    Notes
    -----
    Whether a strategy sells, and through which channel, is the same rule that binds the next best action.
    """
    need(segments, "customers with a segment", "what step 03 needs")
    need(strategies, "segments with a strategy", "what step 03 needs")
    first = recommended["lists"].query("rank == 1").set_index("customer_id")["reason"]
    waits = set(callbacks["customer_id"]) if isinstance(callbacks, pd.DataFrame) else set()
    frame = segments[["customer_id", "segment"]].merge(reachable, on="customer_id")
    frame["reason"] = frame["customer_id"].map(first)
    rows = [
        _row(str(s.segment), str(s.strategy), frame[frame["segment"] == s.segment], waits)
        for s in strategies.sort_values("segment").itertuples()
    ]
    need(frame, "customers of a segment on a list", "consents per channel, with their dates")
    table = pd.DataFrame(rows)
    counted = list(CHANNELS.values())
    table = table.sort_values(["e-mail", "segment"], ascending=[False, True], ignore_index=True)
    top, quiet = table.iloc[0], table[table["strategy"].isin(QUIET)]
    return Answer(
        table=table,
        headline=f"{len(table) - len(quiet)} of {len(table)} segments are shown products, {len(quiet)} are not sold to",
        so_what=(
            f"Begin with '{top.segment}' by e-mail: {top.first_place}; service: {top.service}. "
            f"{int(table['answer_first'].sum()):,} customers wait for an answer and are shown nothing until it came. "
            + _dear(table)
        ),
        kind="prescriptive",
        caption=f"Content and service by segment and channel: customers that may be reached (n = {len(frame):,}) and what they get, by the strategy of the segment",
        units=dict.fromkeys([*counted, "answer_first"], "count"),
        source="recommendations, target lists, segments, strategies, call backs",
    )  # fmt: skip


def _row(segment: str, strategy: str, part: pd.DataFrame, waits: set[str]) -> dict[str, Any]:
    waiting = part["customer_id"].isin(waits)
    free = part[~waiting]
    row: dict[str, Any] = {"segment": segment, "strategy": strategy}
    for channel, name in CHANNELS.items():
        selling = strategy in QUIET or _allowed(strategy, SimpleNamespace(purpose="cross-sell", channel=channel))  # fmt: skip
        used = selling and strategy != "exit"
        row[name] = int(free[channel].sum()) if used and channel in free else 0
    listed = free[free[list(CHANNELS)].any(axis=1)]
    row["first_place"] = QUIET.get(strategy) or _shown(listed["reason"])
    return row | {"service": SERVICE.get(strategy, "as it is"), "answer_first": int(waiting.sum())}


def _shown(reason: pd.Series) -> str:
    """What stands first for most of a segment, with the share, and what the others see."""
    kinds = {"similar": "personal product", "popular": "best-seller not owned"}
    counts = reason.map(kinds).fillna("welcome series").value_counts()
    if counts.empty:
        return "nobody can be reached"
    rest = ", else ".join(counts.index[1:])
    return f"{counts.index[0]} ({format_value(counts.iloc[0] / counts.sum(), '%')})" + (f", else {rest}" if rest else "")  # fmt: skip


def _dear(table: pd.DataFrame) -> str:
    """Say where calls are not used although customers agreed to them."""
    silent = table.loc[(table["call"] == 0) & (table["strategy"] != "exit"), "segment"]
    if silent.empty:
        return "Calls are kept for the segments whose strategy pays for them."
    return f"{len(silent)} segments get no calls and no SMS: their strategy does not pay for them."
