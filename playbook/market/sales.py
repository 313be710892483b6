"""Business-to-business sales: leads, opportunities and their stages."""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import settings as s
from .frames import blank, codes, later, logistic, share, table
from .people import People

STAGES = ("Qualification", "Needs analysis", "Proposal", "Negotiation", "Won", "Lost")
OWNERS = ("Hanna Berg", "Oliver Grant", "Martin Vogel", "Sofia Lind")
_SKILL = np.array([0.35, -0.35, 0.0, 0.1])
_STATED = np.array([0.15, 0.35, 0.6, 0.8, 1.0, 0.0])
"""Probability the CRM states per stage: higher than what really happens."""
_PASS = np.array([0.76, 0.74, 0.68, 0.72])
_DAYS = np.array([20.0, 34.0, 40.0, 30.0])
SOURCES = ("Trade fairs", "Referral", "Web form", "Cold call")
_WARM = np.array([0.15, 0.6, -0.05, -0.6])


def pipeline_tables(
    rng: np.random.Generator, people: People, start: np.datetime64, end: np.datetime64
) -> dict[str, pd.DataFrame]:
    """Return ``opportunities`` and ``opportunity_history``.

    An opportunity passes four stages, each with a probability that depends on owner, source and
    competitor; what would happen after ``end`` is still open.
    """
    n = max(12, round(len(people) * 0.058 * share(start, end)))
    span = (end - start).astype(float)
    created = np.sort(start + (rng.random(n) ** 0.9 * span).astype("timedelta64[us]"))
    owner, source = rng.integers(0, 4, n), rng.choice(4, n, p=[0.3, 0.2, 0.3, 0.2])
    rival = rng.choice(5, n, p=[0.40, 0.24, 0.10, 0.14, 0.12])
    tilt = _SKILL[owner] + _WARM[source] - 0.7 * (rival == 3) + 0.1 * (rival == 0)
    chance = logistic(np.log(_PASS / (1 - _PASS))[None, :] + tilt[:, None])
    passed = rng.random((n, 4)) < chance
    spent = rng.gamma(2.0, _DAYS / 2, (n, 4)) * np.where(passed, 1.0, 1.5)
    code = codes(np.arange(n) + 1, 4, "OP-")
    rows = _history(code, created, passed, spent, end)
    last = rows.sort_values(["opportunity_id", "changed_at"], kind="stable")
    last = last.drop_duplicates("opportunity_id", keep="last").set_index("opportunity_id")
    stage = last["to"].reindex(code).to_numpy()
    closed = stage >= 4
    labels = np.array(STAGES, dtype=object)
    reasons = rng.choice(["price", "delivery time", "no decision", "competitor"], n)
    columns = {
        "opportunity_id": code,
        "customer_id": _accounts(rng, people, created),
        "owner": np.array(OWNERS, dtype=object)[owner],
        "product": rng.choice(
            ["Office fit-out", "Guest rooms", "Meeting area", "Service contract"], n
        ),
        "source": np.array(SOURCES, dtype=object)[source],
        "created_at": created,
        "stage": labels[stage],
        "amount": np.round(rng.lognormal(8.1, 0.75, n), -1),
        "probability": _STATED[stage],
        "expected_close": created
        + ((90 + rng.normal(0, 20, n)) * 86_400e6).astype("timedelta64[us]"),
        "closed_at": np.where(closed, last["changed_at"].reindex(code), np.datetime64("NaT", "us")),
        "is_won": blank(stage == 4, ~closed),
        "loss_reason": blank(reasons, stage != 5),
        "competitor": np.array([None, *s.BRANDS[1:], "local dealer"], dtype=object)[rival],
    }
    return {
        "opportunities": table("opportunities", columns),
        "opportunity_history": _moves(rows),
    }


def _history(
    code: np.ndarray,
    created: np.ndarray,
    passed: np.ndarray,
    spent: np.ndarray,
    end: np.datetime64,
) -> pd.DataFrame:
    """Return the changes of stage (numbers) before ``end``, creation first."""
    n = len(code)
    begin = np.concatenate([np.ones((n, 1), dtype=int), np.cumprod(passed, axis=1)], axis=1)
    moment = np.cumsum(spent, axis=1)
    parts = [_step(code, np.full(n, -1), np.zeros(n, dtype=int), created, begin[:, 0] == 1)]
    for k in range(4):
        at = later(created, end, moment[:, k])
        there = begin[:, k] == 1
        target = np.where(there & passed[:, k], k + 1, 5)
        parts.append(_step(code, np.full(n, k), target, at, there & ~np.isnat(at)))
    return pd.concat(parts, ignore_index=True)


def _moves(rows: pd.DataFrame) -> pd.DataFrame:
    labels = np.array(STAGES, dtype=object)
    columns = {
        "opportunity_id": rows["opportunity_id"],
        "changed_at": rows["changed_at"],
        "from_stage": blank(labels[rows["from"]], (rows["from"] < 0).to_numpy()),
        "to_stage": labels[rows["to"]],
    }
    return table("opportunity_history", columns)


def _step(
    code: np.ndarray, before: np.ndarray, after: np.ndarray, at: np.ndarray, keep: np.ndarray
) -> pd.DataFrame:
    frame = pd.DataFrame({"opportunity_id": code, "from": before, "to": after, "changed_at": at})
    return frame[keep]


def _accounts(rng: np.random.Generator, people: People, created: np.ndarray) -> np.ndarray:
    """Return a business customer for six in ten opportunities, one that existed by then."""
    firms = np.flatnonzero(people.segment == len(s.SEGMENTS) - 1)
    firms = firms[np.argsort(people.acquired_at[firms], kind="stable")]
    ready = np.searchsorted(people.acquired_at[firms], created)
    chosen = firms[np.minimum((rng.random(len(created)) * ready).astype(int), len(firms) - 1)]
    return blank(people.customer_id[chosen], (ready == 0) | (rng.random(len(created)) < 0.4))


def lead_table(
    rng: np.random.Generator, people: People, start: np.datetime64, end: np.datetime64
) -> pd.DataFrame:
    """Return the table ``leads``: those that became business customers, and those that did not."""
    won = np.flatnonzero((people.segment == len(s.SEGMENTS) - 1) & (people.month >= 1))
    won = won[rng.random(len(won)) < 0.45]
    total = max(len(won) + 5, round(len(people) * 0.15 * share(start, end)))
    cold = total - len(won)
    before = (rng.gamma(2.0, 12.0, len(won)).clip(1, 30) * 86_400e6).astype("timedelta64[us]")
    at = start + (rng.random(cold) * (end - start).astype(float)).astype("timedelta64[us]")
    fresh = (end - at) < np.timedelta64(60 * 86_400_000_000, "us")
    status = np.where(
        fresh & (rng.random(cold) < 0.7), "open", rng.choice(["disqualified", "no answer"], cold)
    )
    score = np.concatenate([rng.normal(64, 14, len(won)), rng.normal(47, 16, cold)])
    columns = {
        "lead_id": codes(rng.permutation(total) + 1, 5, "L"),
        "source": rng.choice(SOURCES, total, p=[0.25, 0.15, 0.42, 0.18]),
        "created_at": np.concatenate([people.acquired_at[won] - before, at]),
        "score": np.clip(np.round(score), 0, 100),
        "status": np.concatenate([np.full(len(won), "converted"), status]),
        "converted_at": np.concatenate(
            [people.acquired_at[won], np.full(cold, np.datetime64("NaT", "us"))]
        ),
        "customer_id": np.concatenate([people.customer_id[won], np.full(cold, None, dtype=object)]),
    }
    return table("leads", columns)
