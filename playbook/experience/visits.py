"""Visits by browser and device: sessions, how long they are, and how many end with an order."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, need
from playbook.experience.common import INTERACTIONS, per_cent, share, year_to

__all__ = ["visits"]


@answers
def visits(sessions: pd.DataFrame, as_of: date) -> Answer:
    """Return sessions by channel: contacts and minutes of each, share of one contact only, orders per 100.

    A session is what one person does in one channel by browser or device without a gap of more than 30
    minutes; midnight does not end it. Times are stored in UTC, so a change of the clock is nothing special.

    Parameters
    ----------
    sessions
        Query ``sessions``.
    as_of
        Last day of the period.

    Notes
    -----
    The interval of orders is that of a ratio over persons, as visits of one person go together
    (Cochran 1977, eq. 6.13).
    """
    known = sessions.assign(channel=sessions["channel"].astype("str").fillna("not known"))
    known = known[known["persons"] >= 30]
    need(known, "channels in which at least 30 persons were seen by browser or device", INTERACTIONS)  # fmt: skip
    rows = []
    for row in known.itertuples():
        single = share(row.single, row.sessions)
        low, high = _ratio_ends(row)
        rows.append({
            "channel": row.channel, "sessions": row.sessions, "persons": row.persons, "contacts_each": row.contacts / row.sessions,
            "minutes_each": row.minutes / row.sessions, "single": single["share"],
            "orders_per_session": row.orders / row.sessions, "low": low, "high": high,
        })  # fmt: skip
    table = pd.DataFrame(rows).sort_values(["sessions", "channel"], ascending=[False, True], ignore_index=True)  # fmt: skip
    most, total = table.iloc[0], int(table["sessions"].sum())
    orders = int(known["orders"].sum())
    alone = float((table["single"] * table["sessions"]).sum() / total)
    return Answer(
        table=table,
        headline=f"{per_cent(alone)} of sessions are a single contact; {100 * orders / total:.1f} orders come from 100 sessions",
        so_what=f"Most sessions are by {most['channel']} ({most['sessions']:,}; {per_cent(most['orders_per_session'])} end with an order, 95 % interval "
        f"{per_cent(most['low'])} to {per_cent(most['high'])}). Count journeys by persons, not by sessions: a person has "
        f"{total / int(table['persons'].sum()):.1f} sessions a channel and year.",
        kind="descriptive",
        caption=f"Sessions by browser or device (a gap of 30 minutes ends one), contacts and minutes of each, share of a single contact, orders placed "
        f"within 30 minutes of a contact (95 % interval); {year_to(as_of)} (n = {total:,})",
        units=dict.fromkeys(("sessions", "persons"), "count") | dict.fromkeys(("single", "orders_per_session", "low", "high"), "%"),
        source="interactions with a visitor number, orders; ratio over persons",
    )  # fmt: skip


def _ratio_ends(row: object) -> tuple[float, float]:
    """Ends of orders per session over persons, from sums of squares."""
    n, s, o = float(row.persons), float(row.sessions), float(row.orders)  # type: ignore[attr-defined]
    ratio = o / s
    squares = row.orders_sq - 2 * ratio * row.sessions_orders + ratio**2 * row.sessions_sq  # type: ignore[attr-defined]
    half = 1.959964 * np.sqrt(n / (n - 1) * max(squares, 0.0)) / s
    return max(ratio - half, 0.0), ratio + half
