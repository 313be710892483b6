"""Late deliveries and service cases: what goes wrong and how it is handled."""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import settings as s
from .frames import blank, codes, later, pick, points, table
from .people import People

TOPICS = np.array(
    ["delivery", "damaged goods", "return", "assembly", "invoice", "product question"],
    dtype=object,
)
CHANNELS = np.array(["phone", "e-mail", "chat", "store desk"], dtype=object)
# Channel of a case by topic: what customers use, which does not change how good the answer is.
_CHANNEL = np.array(
    [
        [0.25, 0.20, 0.52, 0.03],
        [0.30, 0.45, 0.20, 0.05],
        [0.15, 0.45, 0.25, 0.15],
        [0.55, 0.25, 0.10, 0.10],
        [0.25, 0.60, 0.12, 0.03],
        [0.30, 0.25, 0.30, 0.15],
    ]
)
PROMISE_RESPONSE = {"urgent": 2.0, "high": 4.0, "normal": 8.0, "low": 24.0}
"""Promised hours to the first answer, by priority."""
PROMISE_RESOLUTION = {"urgent": 24.0, "high": 48.0, "normal": 72.0, "low": 120.0}
"""Promised hours to the resolution, by priority."""


def late(
    rng: np.random.Generator, people: People, orders: pd.DataFrame, month: np.datetime64
) -> np.ndarray:
    """Return which orders arrive late: more at Christmas, and in cities since the 2025 carrier."""
    who = orders["customer"].to_numpy()
    chance = pd.Series(people.country[who]).map(people.settings.late).to_numpy()
    if int(month.astype(int)) % 12 >= 10:
        chance = chance * 1.7
    if month >= np.datetime64("2025-02", "M"):
        city = s.CITIES["area_type"].to_numpy()[people.city[who]] == "urban"
        chance = chance * np.where(city, people.settings.carrier, 1.0)
    delivered = ~pd.Series(orders["channel"]).str.startswith("Store").to_numpy(dtype=bool)
    return (rng.random(len(who)) < chance) & delivered & ~orders["guest"].to_numpy()


def cases(
    rng: np.random.Generator,
    people: People,
    orders: pd.DataFrame,
    is_late: np.ndarray,
    satisfaction: np.ndarray,
    month: np.datetime64,
) -> pd.DataFrame:
    """Return the service cases that the orders of one month cause, with latent ``failed``."""
    who = orders["customer"].to_numpy()
    chance = people.settings.trait("cases", people.segment[who]) * 0.9 + 0.42 * is_late
    asks = (rng.random(len(who)) < chance) & ~orders["guest"].to_numpy()
    who, delayed = who[asks], is_late[asks]
    n = len(who)
    topic = np.where(
        delayed & (rng.random(n) < 0.85),
        0,
        rng.choice(6, n, p=[0.10, 0.21, 0.24, 0.11, 0.14, 0.20]),
    )
    priority = pick(
        rng, np.where((topic <= 1)[:, None], [0.05, 0.5, 0.35, 0.1], [0.3, 0.6, 0.08, 0.02])
    )
    opened = orders["time"].to_numpy()[asks] + (rng.gamma(2.0, 2.6, n) * 86_400e6).astype(
        "timedelta64[us]"
    )
    frame = pd.DataFrame(
        {
            "customer": who,
            "number": orders["number"].to_numpy()[asks],
            "time": opened,
            "topic": topic,
            "channel": pick(rng, _CHANNEL[topic]),
            "priority": np.array(["low", "normal", "high", "urgent"], dtype=object)[priority],
        }
    )
    return _handled(rng, people, frame, satisfaction[who], month)


def _handled(
    rng: np.random.Generator,
    people: People,
    frame: pd.DataFrame,
    mood: np.ndarray,
    month: np.datetime64,
) -> pd.DataFrame:
    n, topic = len(frame), frame["topic"].to_numpy()
    load = 1.55 if int(month.astype(int)) % 12 in (0, 10, 11) else 1.0
    load *= 1.25 if month >= np.datetime64("2025-07", "M") else 1.0
    quick = np.array([0.08, 3.6, 0.15, 0.1])[frame["channel"].to_numpy()]
    urgency = frame["priority"].map({"low": 1.8, "normal": 1.0, "high": 0.6, "urgent": 0.35})
    answer = quick * load * urgency.to_numpy() * np.exp(rng.normal(0, 1.0, n))
    effort = np.array([26.0, 34.0, 30.0, 24.0, 16.0, 7.0])[topic]
    hours = answer + effort * load * urgency.to_numpy() ** 0.6 * np.exp(rng.normal(0, 0.85, n))
    promise = frame["priority"].map(PROMISE_RESOLUTION).to_numpy()
    reopened = rng.random(n) < 0.06 + 0.10 * (hours > promise) + 0.05 * (topic == 1)
    failed = reopened | (hours > 1.25 * promise)
    slow = answer > frame["priority"].map(PROMISE_RESPONSE).to_numpy()
    effect = people.settings.service_effect
    opinion = 4.15 - effect * (1.25 * failed + 0.45 * slow) - 0.30 * (topic == 0) + 0.30 * mood
    opinion += _of_channel(people.settings.channel_effect)[frame["channel"].to_numpy()]
    csat = points(opinion + rng.normal(0, 0.75, n), 1, 5)
    return frame.assign(
        answer_hours=answer,
        hours=hours,
        reopened=reopened,
        failed=failed,
        csat=np.where(rng.random(n) < 0.46, csat, np.nan),
    )


def _of_channel(effect: dict[str, float]) -> np.ndarray:
    return np.array([effect.get(str(name), 0.0) for name in CHANNELS])


def ticket_table(people: People, cases: pd.DataFrame, end: np.datetime64) -> pd.DataFrame:
    """Return the table ``tickets``; what happens after ``end`` is not yet known."""
    known = cases[cases["time"].to_numpy() < end]
    known = known.sort_values(["time", "customer"], kind="stable", ignore_index=True)
    opened = known["time"].to_numpy()
    resolved = later(opened, end, known["hours"].to_numpy() / 24)
    still_open = np.isnat(resolved)
    columns = {
        "ticket_id": codes(np.arange(len(known)) + 1, 7, "T"),
        "customer_id": people.customer_id[known["customer"]],
        "opened_at": opened,
        "first_response_at": later(opened, end, known["answer_hours"].to_numpy() / 24),
        "resolved_at": resolved,
        "channel": CHANNELS[known["channel"]],
        "topic": TOPICS[known["topic"]],
        "priority": known["priority"],
        "reopened": blank(known["reopened"].to_numpy(), still_open),
        "csat": np.where(still_open, np.nan, known["csat"]),
    }
    return table("tickets", columns)
