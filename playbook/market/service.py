"""Late deliveries and service cases: what goes wrong and how it is handled."""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import settings as s
from .frames import blank, codes, column, later, points, table
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
PRIORITIES = ("low", "normal", "high", "urgent")
_URGENCY = np.array([1.8, 1.0, 0.6, 0.35])


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


def asking(people: People, orders: pd.DataFrame, late: np.ndarray) -> np.ndarray:
    """Return the probability that each order causes a case: higher when it was late."""
    segment = people.segment[orders["customer"]]
    chance: np.ndarray = people.settings.trait("cases", segment) * 0.9 + 0.42 * late
    return chance


def case_draws(rng: np.random.Generator, people: People, orders: pd.DataFrame) -> pd.DataFrame:
    """Return all that is drawn for the cases that the orders of one month could cause.

    One row per case, ``row`` is the place of its order; what the draws mean follows from `cases`.
    """
    draw, is_late = rng.random(len(orders)), orders["late"].to_numpy()
    asks = (draw < asking(people, orders, is_late)) & ~orders["guest"].to_numpy()
    n, delayed, row = int(asks.sum()), is_late[asks], np.flatnonzero(asks)
    on_delivery = rng.random(n)
    other = rng.choice(6, n, p=[0.10, 0.21, 0.24, 0.11, 0.14, 0.20])
    columns = {
        "row": row,
        "customer": orders["customer"].to_numpy()[row],
        "number": orders["number"].to_numpy()[row],
        "ordered": orders["time"].to_numpy()[row],
        "draw": draw[row],
        "late": delayed,
        "on_delivery": on_delivery,
        "other": other,
        "priority": rng.random(n),
        "wait": rng.gamma(2.0, 2.6, n),
        "channel": rng.random(n),
        "answer": rng.normal(0, 1.0, n),
        "effort": rng.normal(0, 0.85, n),
        "again": rng.random(n),
        "opinion": rng.normal(0, 0.75, n),
        "told": rng.random(n),
    }
    return pd.DataFrame(columns)


def cases(
    people: People,
    draws: pd.DataFrame,
    mended: dict[str, np.ndarray],
    satisfaction: np.ndarray,
    month: np.datetime64,
) -> pd.DataFrame:
    """Return the service cases that are meant by ``draws``, with latent ``failed``.

    ``mended`` says of which a fix mends the slowness (``slow``) or the failure (``failed``).
    """
    topic = np.where(
        draws["late"].to_numpy() & (draws["on_delivery"].to_numpy() < 0.85), 0, draws["other"]
    )
    urgent = np.where((topic <= 1)[:, None], [0.05, 0.5, 0.35, 0.1], [0.3, 0.6, 0.08, 0.02])
    priority = column(draws["priority"].to_numpy(), urgent)
    wait = (draws["wait"].to_numpy() * 86_400e6).astype("timedelta64[us]")
    frame = pd.DataFrame(
        {
            "customer": draws["customer"].to_numpy(),
            "number": draws["number"].to_numpy(),
            "time": draws["ordered"].to_numpy() + wait,
            "topic": topic,
            "channel": column(draws["channel"].to_numpy(), _CHANNEL[topic]),
            "priority": np.array(PRIORITIES, dtype=object)[priority],
        }
    )
    mood = satisfaction[draws["customer"].to_numpy()]
    return _handled(people, frame, priority, draws, mended, mood, month)


def _handled(
    people: People,
    frame: pd.DataFrame,
    priority: np.ndarray,
    draws: pd.DataFrame,
    mended: dict[str, np.ndarray],
    mood: np.ndarray,
    month: np.datetime64,
) -> pd.DataFrame:
    topic, channel = frame["topic"].to_numpy(), frame["channel"].to_numpy()
    answer, hours = _times(frame, _URGENCY[priority], draws, month)
    first, promise = (
        np.array([promised[label] for label in PRIORITIES])[priority]
        for promised in (PROMISE_RESPONSE, PROMISE_RESOLUTION)
    )
    answer = np.where(mended["slow"], np.minimum(answer, first), answer)
    hours = np.where(mended["slow"], np.minimum(hours, promise), hours)
    reopened = draws["again"].to_numpy() < 0.06 + 0.10 * (hours > promise) + 0.05 * (topic == 1)
    failed = reopened | (hours > 1.25 * promise)
    solved = failed & mended["failed"]
    hours = np.where(solved, np.minimum(hours, promise), hours)
    reopened, failed = reopened & ~solved, failed & ~solved
    slow = answer > first
    effect = people.settings.service_effect
    opinion = 4.15 - effect * (1.25 * failed + 0.45 * slow) - 0.30 * (topic == 0) + 0.30 * mood
    opinion += _of_channel(people.settings.channel_effect)[channel]
    csat = points(opinion + draws["opinion"].to_numpy(), 1, 5)
    return frame.assign(
        answer_hours=answer,
        hours=hours,
        reopened=reopened,
        failed=failed,
        csat=np.where(draws["told"].to_numpy() < 0.46, csat, np.nan),
    )


def _times(
    frame: pd.DataFrame, urgency: np.ndarray, draws: pd.DataFrame, month: np.datetime64
) -> tuple[np.ndarray, np.ndarray]:
    """Return the hours to the first answer and to the resolution of each case."""
    load = 1.55 if int(month.astype(int)) % 12 in (0, 10, 11) else 1.0
    load *= 1.25 if month >= np.datetime64("2025-07", "M") else 1.0
    quick = np.array([0.08, 3.6, 0.15, 0.1])[frame["channel"].to_numpy()]
    answer = quick * load * urgency * np.exp(draws["answer"].to_numpy())
    effort = np.array([26.0, 34.0, 30.0, 24.0, 16.0, 7.0])[frame["topic"].to_numpy()]
    hours = answer + effort * load * urgency**0.6 * np.exp(draws["effort"].to_numpy())
    return answer, hours


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
