"""Interactions: contacts of visitors and customers with touchpoints, over the five stages."""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import service
from .frames import DAY, blank, codes, pick, share, table
from .people import People

# First contact of a visitor by acquisition channel: touchpoint, channel, cost of one contact.
FIRST_CONTACT = {
    "Search ads": ("search ad", "web", 0.55),
    "Social ads": ("social ad", "social media", 0.40),
    "Affiliates": ("comparison site", "web", 0.30),
    "Catalogue": ("printed catalogue", "mail", 0.90),
    "Trade fairs": ("trade fair", "event", 12.00),
    "Referral": ("recommendation", "social media", 0.0),
    "Organic search": ("organic search", "web", 0.0),
    "Store": ("shop window", "store", 0.0),
}
_CONTACTS = np.array(list(FIRST_CONTACT), dtype=object)
_SERVICE = {"phone": ("call centre", 5.20), "e-mail": ("e-mail service", 3.10)} | {
    "chat": ("live chat", 2.40),
    "store desk": ("store service desk", 3.80),
}
COLUMNS = ["customer", "visitor", "time", "touchpoint", "channel", "stage", "outcome"]
COLUMNS += ["duration_s", "cost"]


def interaction_table(
    rng: np.random.Generator,
    people: People,
    orders: pd.DataFrame,
    cases: pd.DataFrame,
    active: np.ndarray,
    start: np.datetime64,
    end: np.datetime64,
) -> pd.DataFrame:
    """Return the table ``interactions``.

    Visitor numbers below ``2 n`` belong to customers (two devices each), others to visitors who
    never buy. Rows before acquisition know the visitor only; a log-in links both.
    """
    real = orders[~orders["refund"] & ~orders["guest"]]
    parts = [
        _before(rng, people),
        _never(rng, people, start, end),
        _purchases(rng, people, real),
        _browsing(rng, people, active, start),
        _support(rng, cases),
        _loyalty(rng, people, active, start),
    ]
    rows = pd.concat([part[COLUMNS] for part in parts], ignore_index=True)
    time = rows["time"].to_numpy()
    rows = rows[(time >= start) & (time < end)]
    rows = rows.sort_values(["time", "visitor", "customer"], kind="stable", ignore_index=True)
    named, seen = rows["customer"].to_numpy(), rows["visitor"].to_numpy()
    shuffle = rng.permutation(int(seen.max()) + 1)
    columns = {
        **rows[COLUMNS[3:]],
        "interaction_id": codes(np.arange(len(rows)) + 1, 7),
        "customer_id": blank(people.customer_id[named], named < 0),
        "visitor_id": blank(codes(shuffle[seen], 6, "v"), seen < 0),
        "occurred_at": rows["time"],
        "duration_s": np.round(rows["duration_s"]),
    }
    return table("interactions", columns)


def _rows(n: int, **columns: object) -> pd.DataFrame:
    defaults: dict[str, object] = {"customer": -1, "visitor": -1, "outcome": None, "cost": 0.0}
    return pd.DataFrame(defaults | {"duration_s": np.nan} | columns, index=pd.RangeIndex(n))


def _device(rng: np.random.Generator, customer: np.ndarray) -> np.ndarray:
    return 2 * customer + (rng.random(len(customer)) < 0.3)


def _seconds(rng: np.random.Generator, n: int, median: float) -> np.ndarray:
    return np.clip(median * np.exp(rng.normal(0, 0.8, n)), 1, 7200)


def _before(rng: np.random.Generator, people: People) -> pd.DataFrame:
    """Contacts of later customers before their first order, by visitor only."""
    new = np.flatnonzero(people.month >= 0)
    lead = rng.gamma(1.3, 5.0, len(new))
    when = people.acquired_at[new] - (lead * 86_400e6).astype("timedelta64[us]")
    contact = np.array([FIRST_CONTACT[c] for c in _CONTACTS], dtype=object)[
        pd.Index(_CONTACTS).get_indexer(people.channel[new])
    ]
    device = _device(rng, new)
    aware = _rows(
        len(new),
        visitor=device,
        time=when,
        touchpoint=contact[:, 0],
        channel=contact[:, 1],
        cost=contact[:, 2].astype(float),
        stage="awareness",
        outcome="visited",
    )
    views = rng.poisson(1.6, len(new)) + 1
    row = np.repeat(np.arange(len(new)), views)
    at = when[row] + (rng.random(len(row)) * lead[row] * 86_300e6).astype("timedelta64[us]")
    mobile = rng.random(len(row)) < people.settings.trait("app", people.segment[new[row]])
    touch = rng.choice(
        ["product page", "search on site", "advice page"], len(row), p=[0.66, 0.22, 0.12]
    )
    consider = _rows(
        len(row),
        visitor=device[row],
        time=at,
        touchpoint=touch,
        channel=np.where(mobile, "app", "web"),
        stage="consideration",
        outcome=np.where(rng.random(len(row)) < 0.3, "added to basket", "viewed"),
        duration_s=_seconds(rng, len(row), 75),
    )
    return pd.concat([aware, consider])


def _never(
    rng: np.random.Generator, people: People, start: np.datetime64, end: np.datetime64
) -> pd.DataFrame:
    """Visitors who never buy: most leave after the first contact."""
    n = round(2.1 * len(people) * share(start, end))
    weights = np.array([0.30, 0.27, 0.13, 0.03, 0.01, 0.03, 0.21, 0.02])
    contact = np.array([FIRST_CONTACT[c] for c in _CONTACTS], dtype=object)[
        rng.choice(len(_CONTACTS), n, p=weights)
    ]
    month = rng.choice(int((end - start) / DAY), n)
    when = start + month * DAY + (rng.normal(15.5, 3.5, n) * 3600e6).astype("timedelta64[us]")
    visitor = 2 * len(people) + np.arange(n)
    aware = _rows(
        n,
        visitor=visitor,
        time=when,
        touchpoint=contact[:, 0],
        channel=contact[:, 1],
        cost=contact[:, 2].astype(float),
        stage="awareness",
        outcome=np.where(rng.random(n) < 0.62, "visited", "left"),
    )
    goes = np.flatnonzero(aware["outcome"].to_numpy() == "visited")
    row = np.repeat(goes, 1 + rng.poisson(0.7, len(goes)))
    mobile = rng.random(len(row)) < 0.45
    consider = _rows(
        len(row),
        visitor=visitor[row],
        time=when[row] + (rng.exponential(4.0, len(row)) * 86_400e6).astype("timedelta64[us]"),
        touchpoint=rng.choice(
            ["product page", "search on site", "advice page"], len(row), p=[0.6, 0.3, 0.1]
        ),
        channel=np.where(mobile, "app", "web"),
        stage="consideration",
        outcome=np.where(rng.random(len(row)) < 0.14, "added to basket", "viewed"),
        duration_s=_seconds(rng, len(row), 48),
    )
    basket = consider[consider["outcome"] == "added to basket"]
    minutes = (rng.uniform(1, 40, len(basket)) * 60e6).astype("timedelta64[us]")
    drop = basket.assign(
        touchpoint="checkout",
        stage="purchase",
        outcome="abandoned",
        time=basket["time"].to_numpy() + minutes,
        duration_s=_seconds(rng, len(basket), 110),
    )
    return pd.concat([aware, consider, drop])


def _purchases(rng: np.random.Generator, people: People, orders: pd.DataFrame) -> pd.DataFrame:
    """The purchase itself, the page seen before it, and the delivery of it."""
    who, when = orders["customer"].to_numpy(), orders["time"].to_numpy()
    channel = orders["channel"].to_numpy()
    store = np.array([str(c).startswith("Store") for c in channel])
    online = (channel == "Web shop") | (channel == "App")
    label = np.select([store, online, channel == "Phone"], ["store", "", "phone"], "sales team")
    label = np.where(online, np.where(channel == "App", "app", "web"), label)
    touch = np.select(
        [store, online, channel == "Phone"],
        ["store checkout", "checkout", "order line"],
        "sales meeting",
    )
    device = _device(rng, who)
    cost = np.select([store, online, channel == "Phone"], [2.6, 0.25, 4.4], 38.0)
    bought = _rows(
        len(orders),
        customer=np.where(store & (rng.random(len(who)) < 0.2), -1, who),
        visitor=np.where(online, device, -1),
        time=when,
        touchpoint=touch,
        channel=label,
        stage="purchase",
        outcome="completed",
        cost=cost,
        duration_s=_seconds(rng, len(who), 190),
    )
    bought = bought[(bought["customer"] >= 0) | (bought["visitor"] >= 0)]
    look = online & (rng.random(len(who)) < 0.55) & (when - people.acquired_at[who] > DAY)
    logged = rng.random(look.sum()) < 0.5
    seen = _rows(
        look.sum(),
        customer=np.where(logged, who[look], -1),
        visitor=device[look],
        time=when[look] - (rng.uniform(120, 5000, look.sum()) * 1e6).astype("timedelta64[us]"),
        touchpoint="product page",
        channel=label[look],
        stage="consideration",
        outcome="added to basket",
        duration_s=_seconds(rng, look.sum(), 80),
    )
    return pd.concat([bought, seen, _deliveries(rng, orders[~store])])


def _deliveries(rng: np.random.Generator, orders: pd.DataFrame) -> pd.DataFrame:
    sent = orders[rng.random(len(orders)) < 0.75]
    is_late, n = sent["late"].to_numpy(dtype=bool), len(sent)
    days = rng.uniform(1.5, 4.5, n) + np.where(is_late, rng.uniform(2, 7, n), 0)
    return _rows(
        n,
        customer=sent["customer"].to_numpy(),
        time=sent["time"].to_numpy() + (days * 86_400e6).astype("timedelta64[us]"),
        touchpoint="delivery",
        channel="carrier",
        stage="support",
        outcome=np.where(is_late, "late", "on time"),
        cost=4.9,
    )


def _browsing(
    rng: np.random.Generator, people: People, active: np.ndarray, start: np.datetime64
) -> pd.DataFrame:
    """Visits of customers without an order; some end with an abandoned basket."""
    month, who = np.nonzero(active)
    some = rng.random(len(who)) < 0.16
    month, who = month[some], who[some]
    first = (start.astype("datetime64[M]") + month).astype("datetime64[us]")
    when = first + (rng.random(len(who)) * 27.5 * 86_400e6).astype("timedelta64[us]")
    keep = when > people.acquired_at[who]
    who, when = who[keep], when[keep]
    mobile = rng.random(len(who)) < people.settings.trait("app", people.segment[who])
    end = pick(rng, np.broadcast_to([0.64, 0.24, 0.12], (len(who), 3)))
    known = (rng.random(len(who)) < 0.45) | (end == 2)
    return _rows(
        len(who),
        customer=np.where(known, who, -1),
        visitor=_device(rng, who),
        time=when,
        touchpoint=np.array(["product page", "search on site", "checkout"], dtype=object)[end],
        channel=np.where(mobile, "app", "web"),
        stage=np.array(["consideration", "consideration", "purchase"], dtype=object)[end],
        outcome=np.array(["viewed", "viewed", "abandoned"], dtype=object)[end],
        duration_s=_seconds(rng, len(who), 70),
    )


def _support(rng: np.random.Generator, cases: pd.DataFrame) -> pd.DataFrame:
    """Contacts with the service desk: one for each case and more when it goes wrong."""
    times = 1 + rng.poisson(0.12 + 0.75 * cases["failed"].to_numpy())
    row = np.repeat(np.arange(len(cases)), times)
    again = pd.Series(row).duplicated().to_numpy()
    channel = service.CHANNELS[cases["channel"].to_numpy()][row]
    switch = again & (rng.random(len(row)) < 0.4)
    channel = np.where(switch, rng.choice(service.CHANNELS, len(row)), channel)
    wait = np.where(again, rng.uniform(0.1, 1.2, len(row)), 0.0) * cases["hours"].to_numpy()[row]
    failed = cases["failed"].to_numpy()[row]
    desk = np.array([_SERVICE[c] for c in channel], dtype=object).reshape(-1, 2)
    return _rows(
        len(row),
        customer=cases["customer"].to_numpy()[row],
        time=cases["time"].to_numpy()[row] + (wait * 3600e6).astype("timedelta64[us]"),
        touchpoint=desk[:, 0],
        channel=channel,
        stage="support",
        outcome=np.where(again, "repeat contact", np.where(failed, "not solved", "solved")),
        duration_s=_seconds(rng, len(row), 420),
        cost=np.round(desk[:, 1].astype(float) * np.exp(rng.normal(0, 0.25, len(row))), 2),
    )


def _loyalty(
    rng: np.random.Generator,
    people: People,
    active: np.ndarray,
    start: np.datetime64,
) -> pd.DataFrame:
    """Newsletter, loyalty account and recommendations of customers."""
    month, who = np.nonzero(active)
    reads = (people.consent_email[who] == True) & (rng.random(len(who)) < 0.13)  # noqa: E712
    points = people.member[who] & (rng.random(len(who)) < 0.055)
    shares = rng.random(len(who)) < 0.004 * people.settings.trait("advocacy", people.segment[who])
    parts = []
    for which, touch, channel, outcome, cost in (
        (reads, "newsletter", "email", "opened", 0.02),
        (points, "loyalty account", "app", "viewed", 0.0),
        (shares, "recommendation link", "social media", "shared", 0.0),
    ):
        first = (start.astype("datetime64[M]") + month[which]).astype("datetime64[us]")
        when = first + (rng.random(which.sum()) * 27.5 * 86_400e6).astype("timedelta64[us]")
        keep = when > people.acquired_at[who[which]]
        parts.append(
            _rows(
                int(keep.sum()),
                customer=who[which][keep],
                time=when[keep],
                touchpoint=touch,
                channel=channel,
                stage="loyalty",
                outcome=outcome,
                cost=cost,
            )
        )
    return pd.concat(parts)
