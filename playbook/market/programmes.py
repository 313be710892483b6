"""Programmes: loyalty points, the Refill Club subscription, referrals."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .frames import DAY, blank, codes, later, table
from .people import People

TIERS = (("Blue", 0.0), ("Silver", 400.0), ("Gold", 1000.0))
"""Tier and the spend (EUR in 12 months) from which it holds."""
REDEEM, VOUCHER = 500, 10.0
"""Points of one voucher, and what it is worth (EUR)."""
REDEEMED = 0.6
"""Share of the vouchers that are redeemed."""
PLANS = {"Refill Club Basic": 9.90, "Refill Club Plus": 17.90}


def loyalty_table(
    rng: np.random.Generator,
    people: People,
    orders: pd.DataFrame,
    end: np.datetime64,
    points: float = 1.0,
) -> pd.DataFrame:
    """Return the table ``loyalty_events``; ``orders`` has ``customer``, ``order_id``, ``revenue``.

    ``points`` are earned per euro, with none there are no events. Refunds take points back
    (``adjust``); a voucher is redeemed after every 500 points with probability .6; the balance expires a year after the last order.
    """
    own = orders[~orders["guest"]].reset_index(drop=True)
    own = own[people.member[own["customer"]] & (points > 0)]
    own = own.sort_values(["customer", "time", "order_id"], kind="stable", ignore_index=True)
    own["points"] = np.trunc(own["revenue"] * points)
    own["balance"] = own.groupby("customer")["points"].cumsum()
    high = own.groupby("customer")["balance"].cummax()
    step = (high // REDEEM).groupby(own["customer"]).diff().fillna(high // REDEEM)
    own["tier"] = _tier(own)
    earned = own.assign(kind=np.where(own["points"] >= 0, "earn", "adjust"))
    ready = own[(step > 0) & (rng.random(len(own)) < REDEEMED)]
    at = later(ready["time"].to_numpy(), end, rng.uniform(1, 60, len(ready)))
    spent = ready.assign(kind="redeem", points=-REDEEM * step[ready.index], time=at, order_id=None)
    last = own.drop_duplicates("customer", keep="last")
    left = (
        last["balance"]
        + spent.groupby("customer")["points"]
        .sum()
        .reindex(last["customer"], fill_value=0)
        .to_numpy()
    )
    gone = later(last["time"].to_numpy(), end, np.full(len(last), 365.0))
    expired = last.assign(kind="expire", points=-left, time=gone, order_id=None)[
        left.to_numpy() > 0
    ]
    rows = pd.concat([earned, spent, expired], ignore_index=True).dropna(subset="time")
    columns = {
        **rows[["kind", "points", "order_id", "tier"]],
        "customer_id": people.customer_id[rows["customer"]],
        "occurred_at": rows["time"],
    }
    return table("loyalty_events", columns, ["occurred_at", "customer_id", "kind"])


def _tier(own: pd.DataFrame) -> np.ndarray:
    """Return the tier by the spend of the 365 days up to each order (rows sorted by customer)."""
    spend = own.set_index("time").groupby("customer")["revenue"].rolling("365D").sum().to_numpy()
    limits = np.array([limit for _, limit in TIERS[1:]])
    names = np.array([name for name, _ in TIERS], dtype=object)
    return names[np.searchsorted(limits, spend, side="right")]


def subscription_table(
    rng: np.random.Generator,
    people: People,
    active: np.ndarray,
    start: np.datetime64,
    end: np.datetime64,
    everyone: bool = True,
) -> pd.DataFrame:
    """Return the table ``subscriptions``: monthly renewal with a beta-distributed chance to stop.

    Without ``everyone`` only those join who were won in the period. A spell ends at the latest two months after the customer has left.
    """
    months = len(active)
    joins = np.flatnonzero(
        (rng.random(len(people)) < 1.08 * people.settings.trait("club", people.segment))
        & (everyone | (people.month >= 0))
    )
    wait = rng.gamma(1.2, 80.0, len(joins)) + 2
    begun = np.maximum(people.acquired_at[joins], start - 500 * DAY) + (wait * 86_400e6).astype(
        "timedelta64[us]"
    )
    number = np.clip(
        (begun.astype("datetime64[M]") - start.astype("datetime64[M]")).astype(int), 0, months - 1
    )
    here = (begun < end) & active[number, joins]
    joins, begun, number = joins[here], begun[here], number[here]
    stop = rng.beta(0.9, 9.0, len(joins))
    lasts = rng.geometric(np.maximum(stop, 1e-4)).astype(float)
    left = (active[:, joins] * (np.arange(months)[:, None] >= number)).sum(axis=0) + 1.0
    forced = (left < lasts) & (number + left < months)
    lasts = np.minimum(np.where(forced, left, lasts), 600)
    ended = later(begun, end, lasts * 30.4375)
    basic, plus = PLANS
    plan = np.where(rng.random(len(joins)) < 0.68, basic, plus)
    reason = np.where(
        forced,
        "moved to another brand",
        rng.choice(["too expensive", "not used", "other"], len(joins)),
    )
    columns = {
        "subscription_id": codes(np.arange(len(joins)) + 1, 5, "S"),
        "customer_id": people.customer_id[joins],
        "plan": plan,
        "started_at": begun,
        "ended_at": ended,
        "monthly_fee": pd.Series(plan).map(PLANS).to_numpy(),
        "end_reason": blank(reason, np.isnat(ended)),
    }
    return table("subscriptions", columns)


def referral_table(
    rng: np.random.Generator,
    people: People,
    active: np.ndarray,
    satisfaction: np.ndarray,
    start: np.datetime64,
    end: np.datetime64,
) -> pd.DataFrame:
    """Return the table ``referrals``: happy customers recommend; a third of it becomes a customer."""
    won = np.flatnonzero((people.channel == "Referral") & (people.month >= 1))
    lost = 2 * len(won)
    span = min(1000, int((end - start) / DAY) - 40)
    at = np.concatenate(
        [
            people.acquired_at[won]
            - (rng.exponential(6, len(won)) * 86_400e6).astype("timedelta64[us]"),
            start + ((31 + rng.random(lost) * span) * 86_400e6).astype("timedelta64[us]"),
        ]
    )
    at = np.clip(at, start, end - DAY)
    month = (at.astype("datetime64[M]") - start.astype("datetime64[M]")).astype(int)
    referrer = np.empty(len(at), dtype=int)
    for k in np.unique(month):
        rows = month == k
        pool = np.flatnonzero(active[max(k - 1, 0)] & (people.month < k))
        want = np.exp(1.1 * satisfaction[max(k - 1, 0), pool])
        want = want * people.settings.trait("advocacy", people.segment[pool])
        referrer[rows] = rng.choice(pool, rows.sum(), p=want / want.sum())
    columns = {
        "referrer_id": people.customer_id[referrer],
        "referred_id": np.concatenate(
            [people.customer_id[won], codes(rng.permutation(lost) + 1, 6, "X")]
        ),
        "referred_at": at,
        "converted": np.arange(len(at)) < len(won),
    }
    return table("referrals", columns)
