"""Bayes benchmarks: what the true parameters of a world tell from what a client can see.

They use the population's parameters (`Settings`) and delivered tables, never a latent state of a
customer. No estimator of the playbook can be expected to do better on the same observables.
"""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
from scipy.special import logsumexp
from scipy.stats import norm, poisson

from . import settings as s
from . import surveys
from .frames import DAY, logistic
from .world import World

PARTICLES = 700
NODES = np.linspace(-4.0, 4.0, 33)


def bayes_segments(world: World) -> pd.DataFrame:
    """Return the probability of each segment for everyone who answered a long survey.

    Observables: importance and psychographic answers of the latest long wave that the customer
    answered (with the wave's year), country, year of birth, area type, household size and whether
    there is a company.

    Returns
    -------
    pandas.DataFrame
        ``customer_id`` and a column per segment.
    """
    answers = world.tables["survey_answers"].dropna(subset=["customer_id", "value"])
    wanted = answers["question_id"].str.startswith(("imp_", "psy_"))
    wide = answers[wanted].pivot_table(
        index=["customer_id", "wave"], columns="question_id", values="value", aggfunc="first"
    )
    wide = (
        wide.reset_index()
        .sort_values("wave", kind="stable")
        .drop_duplicates("customer_id", keep="last")
    )
    people = world.tables["customers"].set_index("customer_id").loc[wide["customer_id"]]
    style = people["country"].map(s.RESPONSE_STYLE).to_numpy()
    year = wide["wave"].str[:4].astype(int).to_numpy() - 2023
    total = np.log(world.settings.traits["share"].to_numpy())[None, :]
    total = total + _importance(world, wide, style, year) + _psychographics(world, wide, style)
    total = total + _demographics(world, people)
    chance = np.exp(total - logsumexp(total, axis=1, keepdims=True))
    result = pd.DataFrame(chance, columns=list(s.SEGMENTS))
    result.insert(0, "customer_id", wide["customer_id"].to_numpy())
    return result


def _scale(value: np.ndarray, mean: np.ndarray, sd: float) -> np.ndarray:
    """Return the log probability of a rounded answer on 1 to 7; zero where it is missing."""
    upper = np.where(value >= 7, np.inf, value + 0.5)
    lower = np.where(value <= 1, -np.inf, value - 0.5)
    mass = norm.cdf((upper - mean) / sd) - norm.cdf((lower - mean) / sd)
    return np.where(np.isnan(value), 0.0, np.log(np.maximum(mass, 1e-12)))


def _importance(
    world: World, wide: pd.DataFrame, style: np.ndarray, year: np.ndarray
) -> np.ndarray:
    settings = world.settings
    total = np.zeros((len(wide), len(s.SEGMENTS)))
    for j, attribute in enumerate(s.ATTRIBUTES):
        level = settings.importance[:, j] + year[:, None] * settings.importance_drift[:, j]
        value = wide[f"imp_{attribute}"].to_numpy(dtype=float)[:, None]
        total += _scale(value, level + 0.5 * style[:, None], settings.importance_sd)
    return total


def _psychographics(world: World, wide: pd.DataFrame, style: np.ndarray) -> np.ndarray:
    """Integrate over each construct's trait, which its items share."""
    settings = world.settings
    total = np.zeros((len(wide), len(s.SEGMENTS)))
    for construct in range(len(s.CONSTRUCTS)):
        items = [(k, load) for k, c, load, _ in surveys.PSYCHOGRAPHIC if c == construct]
        given = np.zeros((len(wide), len(NODES)))
        for key, load in items:
            value = wide[f"psy_{key}"].to_numpy(dtype=float)[:, None]
            given += _scale(value, 4.2 + 1.15 * load * NODES + 0.5 * style[:, None], 0.7)
        mean = settings.psychographics[:, construct]
        weight = norm.pdf(NODES[None, :], mean[:, None], settings.psychographic_sd)
        weight = np.log(np.maximum(weight / weight.sum(axis=1, keepdims=True), 1e-300))
        total += logsumexp(given[:, None, :] + weight[None, :, :], axis=2)
    return total


def _demographics(world: World, people: pd.DataFrame) -> np.ndarray:
    traits = world.settings.traits
    start = world.tables["orders"]["ordered_at"].min()
    age = ((start - people["birth_date"]).dt.days / 365.25).to_numpy()[:, None]
    log_age = norm.logpdf(age, traits["age"].to_numpy(), traits["age_sd"].to_numpy())
    size = people["household"].to_numpy(dtype=float)[:, None]
    usual = np.maximum(traits["household"].to_numpy() - 1, 0)
    top = poisson.sf(5, usual)
    log_size = np.log(np.maximum(np.where(size >= 7, top, poisson.pmf(size - 1, usual)), 1e-12))
    urban = traits["urban"].to_numpy()
    area = people["area_type"].to_numpy()[:, None]
    cities = s.CITIES.groupby("area_type")["weight"].sum()
    raw = {"urban": urban, "suburban": 0.6 * (1 - urban), "rural": 0.4 * (1 - urban)}
    weight = {k: cities[k] * v for k, v in raw.items()}
    whole = np.add.reduce(list(weight.values()))
    log_area = np.select([area == k for k in weight], [np.log(v / whole) for v in weight.values()])
    firm = people["company"].notna().to_numpy()[:, None]
    business = np.arange(len(s.SEGMENTS)) == len(s.SEGMENTS) - 1
    log_firm = np.where(firm == business, 0.0, -50.0)
    return np.nan_to_num(log_age) + np.nan_to_num(log_size) + log_area + log_firm


def bayes_activity(world: World, as_of: datetime.date, seed: int = 0) -> pd.DataFrame:
    """Return the probability that each customer orders in the year after ``as_of``.

    Observables: date of acquisition and dates of orders (not refunds) up to ``as_of``. Rates and
    drop-out are integrated over the population's true distribution (Monte Carlo), with season,
    growth and the competitor's pull; regular buying, own seasons and a trend of drop-out are left
    out, as they are what breaks the models.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``active`` (probability of being active at ``as_of``), ``orders_again``
        (probability of an order within a year), of all customers acquired by then.
    """
    start = np.datetime64(f"{world.tables['orders']['ordered_at'].min().year}-01-01", "D")
    now = _months(np.array([np.datetime64(as_of, "D") + 1]), start)[0]
    history = _history(world, as_of, start)
    rng = np.random.default_rng(seed)
    results = []
    for is_base in (True, False):
        rows = history[history["base"] == is_base]
        if len(rows):
            prior = _prior(rng, world, is_base)
            results.append(_posterior(world, rows, prior, now))
    return pd.concat(results).sort_values("customer_id", ignore_index=True)


def _months(day: np.ndarray, start: np.datetime64) -> np.ndarray:
    """Return calendar months since ``start``, with fraction."""
    month = day.astype("datetime64[M]")
    length = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(float)
    whole = (month - start.astype("datetime64[M]")).astype(float)
    return (
        whole + (day.astype("datetime64[D]") - month.astype("datetime64[D]")).astype(float) / length
    )


def _history(world: World, as_of: datetime.date, start: np.datetime64) -> pd.DataFrame:
    """Return number of orders, time of the last one and time of acquisition (months)."""
    customers = world.tables["customers"]
    limit = pd.Timestamp(as_of) + pd.Timedelta(days=1)
    known = customers[customers["acquired_at"] < limit].set_index("customer_id")
    orders = world.tables["orders"]
    orders = orders[(orders["ordered_at"] < limit) & (orders["revenue"] > 0)]
    by = orders.groupby("customer_id")["ordered_at"]
    begun = _months(known["acquired_at"].to_numpy(), start)
    last = by.max().reindex(known.index)
    frame = pd.DataFrame({"customer_id": known.index, "begun": np.maximum(begun, 0.0)})
    frame["base"] = begun < 0
    frame["orders"] = by.size().reindex(known.index).fillna(0).to_numpy()
    seen = last.notna().to_numpy()
    frame["last"] = frame["begun"]
    frame.loc[seen, "last"] = _months(last[seen].to_numpy(), start)
    return frame


def _prior(rng: np.random.Generator, world: World, is_base: bool) -> dict[str, np.ndarray]:
    """Draw rates and drop-outs as the population has them."""
    settings = world.settings
    share = settings.traits["share"].to_numpy()
    segment = rng.choice(len(share), PARTICLES, p=share / share.sum())
    shape, mean = settings.trait("rate_shape", segment), settings.trait("dropout", segment)
    rate = settings.trait("rate", segment) * rng.gamma(shape) / shape
    dropout = np.clip(rng.beta(3 * mean, 3 * (1 - mean)), 1e-6, 1 - 1e-6)
    if is_base:
        rate, dropout = rate * 1.25, dropout * 0.45
    mood = settings.trait("satisfaction", segment) + rng.normal(0, 0.45, PARTICLES)
    return {
        "rate": rate / 12,
        "leave": logistic(np.log(dropout / (1 - dropout)) - 0.75 * mood),
        "drift": 0.0045 * np.exp(-0.8 * mood),
        "rival": settings.rival_pull * s.RIVAL_SEGMENT[segment],
    }


def _posterior(
    world: World, rows: pd.DataFrame, prior: dict[str, np.ndarray], now: float
) -> pd.DataFrame:
    months = np.arange(int(now) + 14)
    season = world.settings.season[months % 12] * world.settings.growth ** (months / 12)
    clock = np.concatenate([[0.0], np.cumsum(season)])

    def passed(month: np.ndarray | float) -> np.ndarray:
        return np.interp(month, np.arange(len(clock)), clock)

    year = int(str(world.tables["orders"]["ordered_at"].min())[:4])
    rival_from = (s.RIVAL_FROM - np.datetime64(f"{year}-01", "M")).astype(float)

    def pulled(month: np.ndarray | float) -> np.ndarray:
        return np.maximum(np.asarray(month) - rival_from, 0.0)

    rate, leave = prior["rate"][None, :], np.minimum(prior["leave"][None, :], 1 - 1e-9)
    begun, last = rows["begun"].to_numpy()[:, None], rows["last"].to_numpy()[:, None]
    count = rows["orders"].to_numpy()[:, None]
    first = (~rows["base"].to_numpy())[:, None].astype(float)
    repeat = np.maximum(count - first, 0.0)
    lived = rate * (passed(last) - passed(begun)) + prior["drift"] * (last - begun)
    lived = lived + prior["rival"] * (pulled(last) - pulled(begun))
    log_lived = repeat * np.log(rate) - lived + np.maximum(count - 1, 0) * np.log(1 - leave)
    quiet = rate * (passed(now) - passed(last)) + prior["drift"] * (now - last)
    quiet = quiet + prior["rival"] * (pulled(now) - pulled(last))
    stays = np.where(count > 0, 1 - leave, 1.0)
    away = prior["drift"] * (now - last) + prior["rival"] * (pulled(now) - pulled(last))
    still = stays * np.exp(-quiet)
    # left after the last order, or drifted away in the quiet time since
    gone = (1 - stays) + stays * np.where(
        quiet > 0, away / np.maximum(quiet, 1e-12) * -np.expm1(-quiet), 0.0
    )
    weight = np.exp(log_lived - log_lived.max(axis=1, keepdims=True))
    total = (weight * (still + gone)).sum(axis=1)
    ahead = rate * (passed(now + 12) - passed(now))
    leaving = prior["drift"] * 12 + prior["rival"] * (pulled(now + 12) - pulled(now))
    buys = ahead / (ahead + leaving) * -np.expm1(-(ahead + leaving))
    return pd.DataFrame(
        {
            "customer_id": rows["customer_id"].to_numpy(),
            "active": (weight * still).sum(axis=1) / total,
            "orders_again": (weight * still * buys).sum(axis=1) / total,
        }
    )


def orders_again(world: World, as_of: datetime.date) -> pd.Series:
    """Return who did order in the year after ``as_of`` (index ``customer_id``)."""
    orders = world.tables["orders"]
    begin = pd.Timestamp(as_of) + DAY
    here = (orders["ordered_at"] >= begin) & (orders["ordered_at"] < begin + 365 * DAY)
    buyers = orders.loc[here & (orders["revenue"] > 0), "customer_id"].dropna().unique()
    customers = world.tables["customers"]
    known = customers.loc[customers["acquired_at"] < begin, "customer_id"]
    return pd.Series(known.isin(buyers).to_numpy(), index=known.to_numpy())
