"""Who the customers are: latent traits and the customer master data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from . import names
from . import settings as s
from .frames import blank, codes, logistic, pick, table
from .settings import Settings

_CHANNELS = np.array(list(s.ACQUISITION), dtype=object)
_AFFINITY = np.array([v[1] for v in s.ACQUISITION.values()])


@dataclass(frozen=True)
class People:
    """Latent traits of the customers, one array element per customer.

    ``month`` is the month of acquisition counted from the start, negative for the earlier base.
    """

    customer_id: np.ndarray
    segment: np.ndarray
    country: np.ndarray
    city: np.ndarray
    age: np.ndarray
    rate: np.ndarray
    dropout: np.ndarray
    base: np.ndarray
    tier: np.ndarray
    style: np.ndarray
    taste: np.ndarray
    refund: np.ndarray
    month: np.ndarray
    acquired_at: np.ndarray
    channel: np.ndarray
    store: np.ndarray
    member: np.ndarray
    consent_email: np.ndarray
    consent_sms: np.ndarray
    consent_phone: np.ndarray
    peak: np.ndarray
    settings: Settings

    def __len__(self) -> int:
        return len(self.segment)

    def only(self, rows: np.ndarray) -> People:
        """Return the customers ``rows`` (numbers or a mask)."""
        own: dict[str, Any] = {k: v[rows] for k, v in vars(self).items() if k != "settings"}
        return replace(self, **own)

    def joined(self, other: People) -> People:
        """Return these customers and, after them, those of ``other``."""
        both: dict[str, Any] = {
            k: np.concatenate([v, getattr(other, k)])
            for k, v in vars(self).items()
            if k != "settings"
        }
        return replace(self, **both)


def draw_people(
    rng: np.random.Generator,
    customers: int,
    arrivals: pd.DataFrame,
    start: np.datetime64,
    settings: Settings,
    first: int = 0,
) -> People:
    """Draw the latent traits of all customers, the base first, then those won month by month."""
    month, channel, segment = (arrivals[c].to_numpy() for c in ("month", "channel", "segment"))
    wanted = settings.trait("urban", segment)[:, None]
    area = s.CITIES["area_type"].to_numpy()[None, :]
    fit = np.where(area == "urban", wanted, np.where(area == "suburban", 0.6, 0.4) * (1 - wanted))
    city = pick(rng, s.CITIES["weight"].to_numpy()[None, :] * fit)
    rate = rng.gamma(settings.trait("rate_shape", segment)) / settings.trait("rate_shape", segment)
    base_members = month < 0
    dropout = _dropout(rng, settings, segment, channel) * np.where(base_members, 0.45, 1.0)
    returns = rng.random(customers) < settings.returners
    store = s.CITIES["region"].map(s.STORE_OF_REGION).to_numpy()[city]
    return People(
        customer_id=codes(first + rng.permutation(customers) + 1, 6),
        segment=segment,
        country=s.CITIES["country"].to_numpy()[city],
        city=city,
        age=np.clip(
            rng.normal(settings.trait("age", segment), settings.trait("age_sd", segment)), 19, 92
        ),
        # who is still there after years buys more and leaves less
        rate=settings.trait("rate", segment) * rate * np.where(base_members, 1.25, 1.0),
        dropout=dropout,
        base=settings.trait("satisfaction", segment) + rng.normal(0, 0.45, customers),
        tier=settings.trait("tier", segment)
        + settings.spend_frequency * np.log(np.maximum(rate, 0.05))
        + rng.normal(0, 0.55, customers),
        style=rng.integers(0, 3, customers),
        taste=rng.integers(0, 8, (customers, 2)),
        refund=np.where(returns, 0.9, rng.beta(1.2, 1.2 / settings.trait("refund", segment) - 1.2)),
        month=month,
        acquired_at=_acquired_at(rng, month, start),
        channel=channel,
        store=store,
        member=rng.random(customers) < settings.trait("member", segment),
        consent_email=_consent(rng, settings.trait("consent_email", segment), 0.10),
        consent_sms=_consent(rng, 0.55 * settings.trait("consent_email", segment), 0.22),
        consent_phone=_consent(rng, 0.4 + 0.2 * (segment == 2) + 0.2 * (segment == 4), 0.15),
        peak=rng.integers(0, 12, customers),
        settings=settings,
    )


def _dropout(
    rng: np.random.Generator, settings: Settings, segment: np.ndarray, channel: np.ndarray
) -> np.ndarray:
    """Draw the probability of leaving after an order; some channels bring those who leave."""
    mean = settings.trait("dropout", segment)
    drawn = np.clip(rng.beta(3.0 * mean, 3.0 * (1 - mean)), 1e-6, 1 - 1e-6)
    tilt = pd.Series(channel).map(settings.channel_dropout).fillna(0.0).to_numpy()
    return logistic(np.log(drawn / (1 - drawn)) + tilt)


def draw_arrivals(
    rng: np.random.Generator, customers: int, spend: pd.DataFrame, settings: Settings
) -> pd.DataFrame:
    """Draw when, by which channel and in which segment each customer was won.

    42 per cent are the base won before the start; the rest come in proportion to the channels'
    expected wins (spend to the power `settings.SATURATION`, season, growth).
    """
    base = round(customers * 0.42)
    expected = spend["expected"].to_numpy()
    cells = rng.choice(len(spend), size=customers - base, p=expected / expected.sum())
    won = arrivals_of(rng, spend.loc[cells, ["month", "channel"]], settings)
    share = settings.traits["share"].to_numpy()
    segment = pick(rng, np.broadcast_to(share, (base, len(share))))
    lasting = np.array([4, 2, 2, 3, 1, 2, 5, 4])[:, None]
    old = pick(rng, (_AFFINITY * lasting).T[segment])
    months_ago = -1 - np.minimum(rng.geometric(1 / 22.0, base), 47)
    before = pd.DataFrame({"month": months_ago, "channel": _CHANNELS[old], "segment": segment})
    return pd.concat([before, won], ignore_index=True).sort_values("month", kind="stable")


def arrivals_of(rng: np.random.Generator, won: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Draw the segment of customers won in a ``month`` by a ``channel``."""
    number = pd.Index(_CHANNELS).get_indexer(won["channel"])
    weights = _AFFINITY[number] * settings.traits["share"].to_numpy()
    return won.reset_index(drop=True).assign(segment=pick(rng, weights))


def _acquired_at(rng: np.random.Generator, month: np.ndarray, start: np.datetime64) -> np.ndarray:
    first = start.astype("datetime64[M]") + month
    length = (first + 1).astype("datetime64[D]") - first.astype("datetime64[D]")
    days = np.floor(rng.random(len(month)) * length.astype(float))
    seconds = rng.integers(7 * 3600, 22 * 3600, len(month))
    return (
        first.astype("datetime64[us]")
        + (days * 86_400e6).astype("timedelta64[us]")
        + (seconds * 1_000_000).astype("timedelta64[us]")
    )


def _consent(rng: np.random.Generator, yes: np.ndarray, unknown: float) -> np.ndarray:
    draw = rng.random(len(yes))
    flags = np.where(draw < yes, True, False).astype(object)
    flags[rng.random(len(yes)) < unknown] = None
    return flags


def customer_table(
    rng: np.random.Generator,
    people: People,
    start: np.datetime64,
    end: np.datetime64,
    first: int = 0,
) -> pd.DataFrame:
    """Return the standard table ``customers``; with ``first`` others there, none has a number to call."""
    n, segment = len(people), people.segment
    business = segment == len(s.SEGMENTS) - 1
    city = s.CITIES.iloc[people.city].reset_index()
    female = rng.random(n) < people.settings.trait("female", segment)
    name, company = _names(rng, people, female, business)
    gender = np.where(female, "female", np.where(rng.random(n) < 0.02, "diverse", "male"))
    income = people.settings.trait("income", segment) * np.exp(rng.normal(0, 0.3, n))
    columns = {
        "customer_id": people.customer_id,
        "name": name,
        "email": _emails(rng, name, business, first),
        "phone": np.full(n, None) if first else _phones(rng, people.country),
        "birth_date": _where(_born(people, start), ~business & (rng.random(n) < 0.83)),
        "gender": blank(gender, business | (rng.random(n) < 0.08)),
        "income": np.where(business | (rng.random(n) < 0.42), np.nan, np.round(income, -3)),
        "education": blank(_education(rng, people.age), business | (rng.random(n) < 0.3)),
        "household": _household(rng, people, business),
        "country": people.country,
        "region": city["region"],
        "city": city["city"],
        "postcode": _postcodes(rng, city),
        "latitude": np.round(city["latitude"] + rng.normal(0, 0.05, n), 4),
        "longitude": np.round(city["longitude"] + rng.normal(0, 0.07, n), 4),
        "area_type": city["area_type"],
        "company": company,
        "industry": blank(rng.choice(names.INDUSTRIES, n), ~business),
        "employees": np.where(business, np.ceil(rng.lognormal(2.9, 1.0, n)), np.nan),
        "acquired_at": people.acquired_at,
        "acquisition_channel": people.channel,
        "market_segment": np.array(s.MARKET_SEGMENTS, dtype=object)[
            pick(rng, people.settings.market_of_segment[segment])
        ],
        "consent_email": people.consent_email,
        "consent_sms": people.consent_sms,
        "consent_phone": people.consent_phone,
        "consent_social": _consent(rng, np.full(n, 0.31), 0.35),
        "consent_updated_at": _consent_updated(rng, people, end),
        "is_deceased_or_closed": rng.random(n) < np.where(people.age > 75, 0.02, 0.002),
    }
    return table("customers", columns)


def _born(people: People, start: np.datetime64) -> np.ndarray:
    return start - (people.age * 365.25 * 86_400e6).astype("timedelta64[us]")


def _consent_updated(rng: np.random.Generator, people: People, end: np.datetime64) -> np.ndarray:
    passed = rng.random(len(people)) ** 2 * (end - people.acquired_at).astype(float)
    asked = (people.consent_email != None) | (people.consent_sms != None)  # noqa: E711
    return _where(people.acquired_at + passed.astype("timedelta64[us]"), asked)


def _where(times: np.ndarray, known: np.ndarray) -> np.ndarray:
    return np.where(known, times, np.datetime64("NaT", "us"))


def _names(
    rng: np.random.Generator, people: People, female: np.ndarray, business: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    n = len(people)
    first, last = np.empty(n, dtype=object), np.empty(n, dtype=object)
    ending = np.empty(n, dtype=object)
    for country in s.COUNTRIES:
        here = people.country == country
        last[here] = rng.choice(names.LAST[country], here.sum())
        ending[here] = rng.choice(names.COMPANY_ENDING[country], here.sum())
        for is_female in (True, False):
            these = here & (female == is_female)
            first[these] = rng.choice(names.FIRST[country, is_female], these.sum())
    trade = rng.choice(names.INDUSTRIES, n)
    return first + " " + last, blank(last + " " + trade + " " + ending, ~business)


def _emails(
    rng: np.random.Generator,
    name: np.ndarray,
    business: np.ndarray,
    first: int,
) -> np.ndarray:
    n = len(name)
    local = np.char.replace(names.plain(name).astype(str), " ", ".").astype(object)
    number = codes(first + rng.permutation(n) + 10, 2)
    host = np.where(rng.random(n) < 0.6, "@example.com", "@example.org").astype(object)
    emails = local + number + host
    emails[business] = ("office" + number + "@example.com")[business]
    return blank(emails, rng.random(n) < 0.04)


def _phones(rng: np.random.Generator, country: np.ndarray) -> np.ndarray:
    phones = np.full(len(country), None, dtype=object)
    for code in s.COUNTRIES:
        here = np.flatnonzero((country == code) & (rng.random(len(country)) < 0.72))
        phones[rng.permutation(here)] = names.phones(code, len(here))
    return phones


def _education(rng: np.random.Generator, age: np.ndarray) -> np.ndarray:
    levels = np.array(["secondary", "vocational", "bachelor", "master or higher"], dtype=object)
    young = logistic((45 - age) / 12)
    weights = np.stack([0.22 + 0 * young, 0.40 - 0.15 * young, 0.24 + 0.1 * young, 0.14 + 0 * age])
    return levels[pick(rng, weights.T)]


def _household(rng: np.random.Generator, people: People, business: np.ndarray) -> np.ndarray:
    usual = people.settings.trait("household", people.segment)
    size = np.clip(1 + rng.poisson(np.maximum(usual - 1, 0)), 1, 7)
    return np.where(business | (rng.random(len(people)) < 0.35), np.nan, size)


def _postcodes(rng: np.random.Generator, city: pd.DataFrame) -> np.ndarray:
    n = len(city)
    british = city["country"].to_numpy() == "GB"
    digits = codes(rng.integers(0, 1000, n), 3)
    spot = rng.choice(np.array(list("ABDEFGHJLN"), dtype=object), n)
    outer = codes(rng.integers(1, 20, n), 1)
    inner = codes(rng.integers(1, 10, n), 1) + spot + spot[::-1]
    prefix = city["postcode"].to_numpy().astype(object)
    return np.where(british, prefix + outer + " " + inner, prefix + digits)


def suppression_table(rng: np.random.Generator, people: People, end: np.datetime64) -> pd.DataFrame:
    """Return the standard table ``suppressions`` apart from campaign unsubscribes."""
    count = max(5, len(people) // 120)
    rows = rng.choice(len(people), count, replace=False)
    span = (end - people.acquired_at[rows]).astype(float)
    columns = {
        "customer_id": people.customer_id[rows],
        "channel": rng.choice(["all", "email", "sms", "phone"], count, p=[0.35, 0.4, 0.1, 0.15]),
        "reason": rng.choice(["objection", "bounced", "legal dispute", "staff"], count),
        "since": people.acquired_at[rows] + (rng.random(count) * span).astype("timedelta64[us]"),
    }
    return table("suppressions", columns, ["since", "customer_id"])
