"""The parts of the journey map that come from other answers: stages, lanes, quotes, moments, actions."""

from __future__ import annotations

from typing import Any

import pandas as pd

from playbook.answer import Answer, format_value
from playbook.experience.common import STAGES, days_in_words, per_cent
from playbook.experience.touchpoints import failure_shares

__all__ = ["SPOKEN", "actions", "lanes", "placed", "stages", "truths"]

SPOKEN = {
    "range": "consideration",
    "style": "consideration",
    "app and web shop": "consideration",
    "price": "purchase",
    "invoice": "purchase",
    "delivery": "support",
    "service": "support",
    "assembly": "support",
    "returns": "support",
    "quality": "loyalty",
    "sustainability": "loyalty",
    "loyalty programme": "loyalty",
}
"""Stage at which a sentence about a need of step 2 is shown."""

MOST_ACTIONS = 5


def stages(points: pd.DataFrame, journey: Answer | None) -> pd.DataFrame:
    """Return stage, contacts, persons and the way in (words), for all five stages."""
    table = pd.DataFrame({"stage": STAGES})
    table["contacts"] = table["stage"].map(points.groupby("stage")["volume"].sum())
    table["persons"], table["way"] = float("nan"), ""
    if journey is None:
        return table
    facts = journey["stages"].set_index("stage")
    table["persons"] = table["stage"].map(facts["persons"])
    ways = {row.stage: _way(row) for row in journey.table.itertuples() if row.entered > 0}
    return table.assign(way=table["stage"].map(ways).fillna(""))


def _way(row: Any) -> str:
    half = f"; half in {days_in_words(row.median_days)}" if row.median_days == row.median_days else ""  # fmt: skip
    return f"{per_cent(row.share)} of those at {row.of} ({100 * row.low:.0f} to {100 * row.high:.0f} %){half}"


def lanes(outcomes: pd.DataFrame | None, failures: str) -> pd.DataFrame | None:
    """Return channel, touchpoint, contacts and failure_share of every channel with a name."""
    if outcomes is None or outcomes.empty:
        return None
    named = outcomes.dropna(subset=["channel", "touchpoint"])
    total = named.groupby(["channel", "touchpoint"], as_index=False)["contacts"].sum()
    failed = failure_shares(named, failures, ("channel", "touchpoint"))
    return total.merge(failed[["channel", "touchpoint", "failure_share"]], how="left", on=["channel", "touchpoint"])  # fmt: skip


def placed(quotes: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return the quotes with the stage they belong to; a need that no stage owns is left out."""
    if quotes is None or quotes.empty:
        return None
    known = quotes.assign(stage=quotes["need"].map(SPOKEN)).dropna(subset=["stage"])
    return known.reset_index(drop=True) if len(known) else None


def truths(moments: Answer | None, incidents: Answer | None) -> pd.DataFrame:
    """Return the drivers of recommendation that are moments of truth: touchpoint, text."""
    rows = []
    if moments is not None:
        for row in moments.table[moments.table["is_driver"]].itertuples():
            rows.append((row.driver, f"{row.driver}, satisfaction", row.coefficient, row.low, row.high))  # fmt: skip
    if incidents is not None:
        places = incidents["places"]
        for row in incidents.table[incidents.table["is_driver"]].itertuples():
            if row.driver in places.index:
                rows.append((places[row.driver], row.driver, row.coefficient, row.low, row.high))
    table = pd.DataFrame(rows, columns=["touchpoint", "driver", "coefficient", "low", "high"])
    return table.assign(text=[_effect(row) for row in table.itertuples()])


def _effect(row: Any) -> str:
    figures = f"{row.coefficient:+.2f} ({row.low:+.2f} to {row.high:+.2f})".replace("-", "−")
    return f"{row.driver}: {figures}"


def actions(improvements: Answer | None) -> pd.DataFrame | None:
    """Return the first improvements: improvement, worth (words), confidence, owner where it is known."""
    if improvements is None:
        return None
    rows = improvements.table[improvements.table["confidence"] != "none found"].head(MOST_ACTIONS)
    worth = [
        f"{format_value(r.effect, 'currency')} at risk ({format_value(r.low, 'currency')} to {format_value(r.high, 'currency')})"
        if r.effect == r.effect
        else "value not measured yet"
        for r in rows.itertuples()
    ]
    table = rows[["improvement", "touchpoint", "confidence"]].assign(worth=worth)
    return table.assign(owner=rows.get("owner", "")).reset_index(drop=True)
