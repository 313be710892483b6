"""Campaigns: who is chosen from what was known then, who is treated, and what it really does."""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import settings as s
from .frames import blank, table
from .people import People
from .planned import Campaign

MEMBER_COLUMNS = ["campaign_id", "customer", "assigned_at", "treated", "probability", "stratum"]
MEMBER_COLUMNS += ["opened", "clicked", "unsubscribed", "responded_at"]


def assign(
    rng: np.random.Generator,
    campaign: Campaign,
    people: People,
    spend: np.ndarray,
    last_order: np.ndarray,
    last_failure: np.ndarray,
) -> pd.DataFrame:
    """Draw the members and arms of one campaign from what is known at its start.

    ``spend`` is the trailing spend, ``last_order`` and ``last_failure`` are in days before the
    start (infinite when there was none).
    """
    member = _eligible(campaign, people, spend, last_order, last_failure)
    limit = max(20, round(campaign.size * len(people)))
    if len(member) > limit:
        member = np.sort(rng.choice(member, limit, replace=False))
    rank = np.argsort(np.argsort(-spend[member], kind="stable"), kind="stable")
    stratum = rank * len(campaign.treated) // max(len(member), 1)
    probability = np.array(campaign.treated)[stratum]
    treated = rng.random(len(member)) < probability
    labels = np.array([f"value {i + 1}" for i in range(len(campaign.treated))], dtype=object)
    return member_rows(
        rng,
        campaign,
        people,
        member,
        treated,
        probability if min(campaign.treated) < 1 else np.full(len(member), np.nan),
        labels[stratum] if len(labels) > 1 else None,
    )


def member_rows(
    rng: np.random.Generator,
    campaign: Campaign,
    people: People,
    member: np.ndarray,
    treated: np.ndarray,
    probability: np.ndarray,
    stratum: np.ndarray | None,
) -> pd.DataFrame:
    """Return one row per member, with what those treated did with the message."""
    opened = treated & (rng.random(len(member)) < _opening(campaign.channel, people, member))
    clicked = opened & (rng.random(len(member)) < 0.17)
    when = np.datetime64(campaign.month, "M").astype("datetime64[us]") + np.timedelta64(
        6 * 3_600_000_000, "us"
    )
    return pd.DataFrame(
        {
            "campaign_id": campaign.campaign_id,
            "customer": member,
            "assigned_at": when,
            "treated": treated,
            "probability": probability,
            "stratum": stratum,
            "opened": opened,
            "clicked": clicked,
            "unsubscribed": treated & (rng.random(len(member)) < 0.006),
        }
    )


def _eligible(
    campaign: Campaign,
    people: People,
    spend: np.ndarray,
    last_order: np.ndarray,
    last_failure: np.ndarray,
) -> np.ndarray:
    consent = people.consent_phone if campaign.channel == "phone" else people.consent_email
    consent = people.consent_sms if campaign.channel == "sms" else consent
    known = np.isfinite(last_order) & ((consent == True) | (campaign.channel == "mail"))  # noqa: E712
    if campaign.target == "recent":
        known &= last_order <= 365
    elif campaign.target == "lapsed":
        known &= last_order > 180
    elif campaign.target == "unhappy":
        known &= last_failure <= 180
    elif campaign.target == "best":
        known &= spend >= np.quantile(spend[np.isfinite(last_order)], 0.88)
    return np.flatnonzero(known)


def _opening(channel: str, people: People, member: np.ndarray) -> np.ndarray:
    base = {"email": 0.34, "sms": 0.8, "phone": 0.62, "mail": 0.55, "sales team": 0.9}[channel]
    return np.clip(base + 0.06 * people.base[member], 0.02, 0.97)


def credit(
    rng: np.random.Generator, members: pd.DataFrame, orders: pd.DataFrame
) -> tuple[np.ndarray, np.ndarray]:
    """Return the campaign each order is credited to and when each member responded.

    The client credits the last message that a treated customer clicked within 30 days before
    the order, or opened with one chance in three: more than the message caused.
    """
    shown = members["clicked"] | (members["opened"] & (rng.random(len(members)) < 0.33))
    touched = members.loc[shown, ["campaign_id", "customer", "assigned_at"]].reset_index()
    touched = touched.rename(columns={"index": "member"})
    real = orders[~orders["refund"] & ~orders["guest"]].reset_index(names="order")
    pairs = real[["order", "customer", "time"]].merge(touched, on="customer")
    gap = (pairs["time"] - pairs["assigned_at"]).dt.total_seconds() / 86_400
    pairs = pairs[(gap >= 0) & (gap <= 30)].sort_values(["order", "assigned_at"], kind="stable")
    last = pairs.drop_duplicates("order", keep="last")
    credited = np.full(len(orders), None, dtype=object)
    credited[last["order"].to_numpy()] = last["campaign_id"].to_numpy()
    responded = np.full(len(members), np.datetime64("NaT", "us"))
    first = last.sort_values("time", kind="stable").drop_duplicates("member")
    responded[first["member"].to_numpy()] = first["time"].to_numpy()
    return credited, responded


def campaign_tables(
    people: People, members: pd.DataFrame, chosen: tuple[Campaign, ...]
) -> dict[str, pd.DataFrame]:
    """Return the tables ``campaigns`` and ``campaign_members``."""
    month = np.array([c.month for c in chosen], dtype="datetime64[M]")
    start = month.astype("datetime64[us]") + np.timedelta64(6 * 3_600_000_000, "us")
    columns = {
        label: [getattr(c, label) for c in chosen]
        for label in (
            "campaign_id",
            "name",
            "objective",
            "channel",
            "offer",
            "fixed_cost",
            "unit_cost",
        )
    }
    frame = {**columns, "started_at": start, "ended_at": (month + 1).astype("datetime64[us]")}
    treated = members["treated"].to_numpy(dtype=bool)
    rows = {
        "campaign_id": members["campaign_id"],
        "customer_id": people.customer_id[members["customer"]],
        "assigned_at": members["assigned_at"],
        "arm": np.where(treated, "treated", "control"),
        "assignment_probability": members["probability"],
        "stratum": members["stratum"],
        "opened": blank(members["opened"].to_numpy(), ~treated),
        "clicked": blank(members["clicked"].to_numpy(), ~treated),
        "responded_at": members["responded_at"],
        "unsubscribed": blank(members["unsubscribed"].to_numpy(), ~treated),
    }
    return {
        "campaigns": table("campaigns", frame),
        "campaign_members": table("campaign_members", rows),
    }


def effects(chosen: tuple[Campaign, ...]) -> pd.DataFrame:
    """Return the planted effect of each campaign per segment."""
    return pd.DataFrame(
        [
            {
                "campaign_id": c.campaign_id,
                "segment": name,
                "log_lift": lift,
                "care": care,
                "cut": c.cut,
            }
            for c in chosen
            for name, lift, care in zip(s.SEGMENTS, c.lift, c.care, strict=True)
        ]
    )
