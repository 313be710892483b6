"""What in the handling of a service case goes together with satisfaction, at equal type of case (E5)."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, need
from playbook.experience.common import TICKETS, in_period
from playbook.experience.drivers import analysed, told
from playbook.experience.service import against_promise

__all__ = ["case_drivers"]

FEWEST = 60
"""Fewest rated cases."""
CHANNEL = 30
"""Fewest rated cases of a channel that is a candidate of its own."""
MOST_CHANNELS = 6
KNOWN = 0.9
"""Share of rated cases whose promise is known, from which it is used."""


def _speed(rows: pd.DataFrame) -> dict[str, pd.Series]:
    """Answer and resolution against the promise where it is known, else their hours."""
    columns = {}
    for promise, hours, late, plain in (
        ("slow_first", "first_response_hours", "first answer later than promised", "hours to first answer (log)"),
        ("slow_resolution", "resolution_hours", "solved later than promised", "hours to resolution (log)"),
    ):  # fmt: skip
        if rows[promise].notna().mean() >= KNOWN:
            columns[late] = rows[promise].astype("Float64").astype(float)
        else:
            columns[plain] = np.log1p(rows[hours].astype(float).clip(lower=0))
    return columns


def _channels(rows: pd.DataFrame) -> tuple[dict[str, pd.Series], str]:
    """0/1 columns of the channels but the most used one, and the name of that one."""
    names = rows["channel"].fillna("unknown").astype("str")
    counts = names.value_counts().rename_axis("channel").reset_index(name="n")
    counts = counts.sort_values(["n", "channel"], ascending=[False, True])
    usual = str(counts["channel"].iloc[0])
    kept = counts[(counts["channel"] != usual) & (counts["n"] >= CHANNEL)].head(MOST_CHANNELS)
    return {f"asked by {name}": (names == name).astype(float) for name in kept["channel"]}, usual


@answers
def case_drivers(cases: pd.DataFrame, as_of: date, promised: Any = None, seed: int = 0) -> Answer:
    """Return what in the handling of a case goes together with satisfaction, at equal type of case.

    The channel is a candidate too: it gets cases of its own kind and so may look like a driver without being one.

    Parameters
    ----------
    cases
        Query ``service_cases``; rated cases of 24 months. Topic, priority and country are held constant, so
        that what merely marks a hard type of case is not named.
    as_of
        Last day of the period.
    promised
        ``service_levels`` of the engagement: slow is what is later than promised; hours where none is known.
    seed
        For the bootstrap of the shares.
    """
    rows = cases[in_period(cases["opened_at"], as_of, 730) & cases["csat"].notna()]
    need(rows, "rated service cases", TICKETS, rows=FEWEST)
    rows = against_promise(rows, promised)
    channels, usual = _channels(rows)
    handled = _speed(rows) | {
        "case reopened": rows["reopened"].fillna(False).astype(float),
        "further contacts": rows["further_contacts"].astype(float).clip(upper=3),
        "change of channel": rows["elsewhere"].astype(float),
    }
    rows = rows.assign(**handled, **channels, **{
        **{c: rows[c].fillna("unknown").astype("str") for c in ("topic", "priority", "country")},
        "customer_id": rows["customer_id"].fillna(rows["ticket_id"]),
    })  # fmt: skip
    table, same = analysed(rows, "csat", [*handled, *channels], TICKETS, seed=seed)
    against = f"; channels against {usual}" if channels else ""
    return told(table, "satisfaction with a case", "Set the service desk's targets on it.",
                f"Change in satisfaction (standard deviations) with each part of the handling, 95 % interval; cases of 24 months to {as_of:%Y-%m-%d}{against}{same}",
                "tickets; linear and ordinal model with topic, priority and country", "topic, priority and country")  # fmt: skip
