"""Worlds drawn from wide ranges, some of which break the models that the playbook uses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from . import settings as s
from .levers import Programme
from .settings import Settings

KINDS = {
    "regular": 7 / 15,
    "no segments": 1 / 12,
    "seasonal": 1 / 12,
    "spend with frequency": 1 / 12,
    "changing drop-out": 1 / 12,
    "null": 1 / 5,
}
"""Kinds of worlds and their chance: a third break the models, a fifth are null."""

RANGES: dict[str, tuple[float, float, str]] = {
    "rate": (0.8, 1.3, "order rates, against the demo client"),
    "dropout": (0.8, 1.2, "probability of leaving after an order, against the demo client"),
    "lines": (0.85, 1.2, "lines of an order, against the demo client"),
    "sensitivity": (0.7, 1.3, "weight of a failure, against the demo client"),
    "refund": (0.7, 1.3, "refunds, against the demo client"),
    "cases": (0.8, 1.25, "service cases, against the demo client"),
    "rate_shape": (1.3, 2.0, "shape of the gamma distribution of rates, against the demo client"),
    "late": (0.7, 1.4, "late deliveries, against the demo client"),
    "segment": (0.9, 1.1, "each of these traits once more, for each segment by itself"),
    "carrier": (1.3, 2.6, "late deliveries in cities since the new carrier, against before"),
    "season": (0.5, 1.5, "exponent of the season"),
    "growth": (0.98, 1.08, "growth of order rates a year"),
    "rival_pull": (0.010, 0.045, "share of the active urbanites that the competitor takes a month"),
    "rival_expectation": (0.015, 0.050, "satisfaction it costs them a month"),
    "drift": (0.5, 1.5, "drift of importance, and shift of part-worths, against the demo client"),
    "worths": (0.8, 1.2, "part-worths besides price, against the demo client"),
    "part_worth_sd": (0.25, 0.45, "spread of part-worths within a segment"),
    "psychographic_sd": (1.15, 1.45, "spread of psychographic traits within a segment"),
    "importance_sd": (1.25, 1.60, "spread of stated importance within a segment"),
    "lift": (0.6, 1.4, "effect of each campaign and action, against the demo client"),
    "lift_error": (-0.06, 0.06, "what is added to each effect by segment that is not zero"),
    "own_season": (0.55, 0.90, "seasonal: strength of each customer's own season"),
    "regularity": (0.50, 0.95, "seasonal: regularity of purchases"),
    "spend_frequency": (0.35, 0.80, "spend with frequency: price tier per log order rate"),
    "dropout_trend": (0.35, 0.80, "changing drop-out: change of the logit a year, up or down"),
    "channel_effect": (
        -0.80,
        -0.35,
        "half of the worlds with effects: points of opinion that one worse channel costs",
    ),
    "fix_share": (0.5, 1.4, "share of incidents that each fix mends, against the demo client"),
    "fix_cost": (0.3, 2.0, "yearly cost of each fix, against the demo client"),
    "order_cost": (0.6, 1.6, "cost per order of each offer, against the demo client"),
    "price_change": (0.0, 2.0, "change of price of each offer, against the demo client"),
    "carry_over": (0.15, 0.45, "share of a change of the log choice share seen in the order rate"),
    "programme_lift": (0.4, 1.6, "effect of each loyalty programme, against the demo client"),
    "programme_error": (-0.02, 0.02, "what is added to each of its effects on the log order rate"),
    "programme_cost": (0.6, 1.6, "cost of care for each member, against the demo client"),
}
"""Ranges that parameters are drawn from (uniformly), and what they mean."""

WORSE_CHANNELS = ("e-mail", "store desk")
"""Channels of which one may be worse; telephone and chat answer alike in every world."""

_SCALED = ("rate", "dropout", "lines", "sensitivity", "refund", "cases", "rate_shape")


def draw_settings(seed: int) -> Settings:
    """Draw the parameters of a world.

    Parameters
    ----------
    seed
        The same seed gives the same world; ``kind`` says of which kind it is.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(9,)))
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    settings = _regular(rng)
    if kind == "no segments":
        settings = _pooled(settings)
    elif kind == "seasonal":
        settings = replace(
            settings, own_season=_draw(rng, "own_season"), regularity=_draw(rng, "regularity")
        )
    elif kind == "spend with frequency":
        settings = replace(settings, spend_frequency=_draw(rng, "spend_frequency"))
    elif kind == "changing drop-out":
        sign = rng.choice([-1.0, 1.0])
        settings = replace(settings, dropout_trend=sign * _draw(rng, "dropout_trend"))
    elif kind == "null":
        settings = _null(settings)
    settings = replace(settings, kind=kind, channel_effect=_channel_effect(seed, kind))
    return replace(settings, **_levers(seed, kind))


def _draw(rng: np.random.Generator, name: str) -> float:
    low, high, _ = RANGES[name]
    return float(rng.uniform(low, high))


def _channel_effect(seed: int, kind: str) -> dict[str, float]:
    """Return what one channel costs in about half of the worlds that are not null.

    Drawn from a stream of its own, so that the rest of a seed's world does not depend on it.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(9, 1)))
    if kind == "null" or rng.random() < 0.5:
        return {}
    return {str(rng.choice(WORSE_CHANNELS)): _draw(rng, "channel_effect")}


def _levers(seed: int, kind: str) -> dict[str, Any]:
    """Return the menus of fixes, offers and programmes, from a stream of their own as well.

    In a null world their costs remain, but nothing that they are meant to do comes about, and no
    price changes.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(9, 2)))
    works = kind != "null"
    fixes = tuple(
        replace(
            fix,
            share=works * round(fix.share * _draw(rng, "fix_share"), 4),
            unit_cost=round(fix.unit_cost * _draw(rng, "fix_cost"), 4),
        )
        for fix in s.FIXES
    )
    offers = tuple(
        replace(
            offer,
            order_cost=round(offer.order_cost * _draw(rng, "order_cost"), 2),
            price_change=works * round(offer.price_change * _draw(rng, "price_change"), 4),
        )
        for offer in s.OFFERS
    )
    programmes = tuple(_reshaped(rng, programme, works) for programme in s.PROGRAMMES)
    carry_over = works * _draw(rng, "carry_over")
    return {"fixes": fixes, "offers": offers, "programmes": programmes, "carry_over": carry_over}


def _reshaped(rng: np.random.Generator, programme: Programme, works: bool) -> Programme:
    """Return a programme with effects and a cost of its own in this world."""
    scale, (low, high, _) = _draw(rng, "programme_lift"), RANGES["programme_error"]
    error = rng.uniform(low, high, len(programme.lift))
    lift = np.round(works * (np.array(programme.lift) * scale + error), 4)
    care = np.round(works * np.array(programme.care) * scale, 4)
    return replace(
        programme,
        lift=tuple(lift.tolist()),
        care=tuple(care.tolist()),
        unit_cost=round(programme.unit_cost * _draw(rng, "programme_cost"), 2),
    )


def _regular(rng: np.random.Generator) -> Settings:
    low, high, _ = RANGES["segment"]
    traits = s.TRAITS.copy()
    for name in _SCALED:
        traits[name] *= _draw(rng, name) * rng.uniform(low, high, len(traits))
    traits["lines"] = traits["lines"].clip(lower=1.2)
    late = _draw(rng, "late")
    worths = s.PART_WORTHS.copy()
    worths.iloc[:, 1:-1] *= _draw(rng, "worths")
    drift = _draw(rng, "drift")
    season = s.SEASON ** _draw(rng, "season")
    return Settings(
        traits=traits,
        season=season / season.mean(),
        growth=_draw(rng, "growth"),
        late={country: chance * late for country, chance in s.LATE.items()},
        carrier=_draw(rng, "carrier"),
        rival_pull=_draw(rng, "rival_pull"),
        rival_expectation=_draw(rng, "rival_expectation"),
        importance_drift=s.IMPORTANCE_DRIFT * drift,
        importance_sd=_draw(rng, "importance_sd"),
        psychographic_sd=_draw(rng, "psychographic_sd"),
        part_worths=worths,
        part_worth_sd=_draw(rng, "part_worth_sd"),
        worth_shift=s.WORTH_SHIFT * drift,
        campaigns=tuple(_shaken(rng, c) for c in s.CAMPAIGNS),
        actions=tuple(_shaken(rng, a) for a in s.ACTIONS),
    )


def _shaken(rng: np.random.Generator, item: Any) -> Any:
    """Return a campaign or action with an effect of its own in this world."""
    scale = _draw(rng, "lift")
    low, high, _ = RANGES["lift_error"]
    error = rng.uniform(low, high, len(item.lift))
    lift = tuple(
        round(x * scale + e, 4) if x else 0.0 for x, e in zip(item.lift, error, strict=True)
    )
    return replace(item, lift=lift, care=tuple(round(x * scale, 4) for x in item.care))


def _alike(settings: Settings) -> dict[str, Any]:
    """Return settings of needs that are the same in every segment."""
    share = settings.traits["share"].to_numpy()
    worths = settings.part_worths.copy()
    worths[:] = share @ worths.to_numpy()
    kano = settings.kano.copy()
    kano[:] = "O"
    return {
        "importance": np.tile(share @ settings.importance, (len(share), 1)),
        "psychographics": np.zeros_like(settings.psychographics),
        "part_worths": worths,
        "worth_shift": settings.worth_shift * 0.0,
        "importance_drift": settings.importance_drift * 0.0,
        "kano": kano,
        "armchair": np.full(len(share), float(share @ settings.armchair)),
    }


def _pooled(settings: Settings) -> Settings:
    """Return a world where customers differ, but not in groups."""
    traits = settings.traits.copy()
    share = traits["share"].to_numpy()
    for name in traits.columns.drop(["share", "income"]):
        traits[name] = float(share @ traits[name].to_numpy())
    traits["income"] = float(traits["income"].mean())
    traits["age_sd"] = 14.0
    return replace(
        settings,
        traits=traits,
        market_of_segment=np.tile(share @ settings.market_of_segment, (len(share), 1)),
        part_worth_sd=2 * settings.part_worth_sd,
        psychographic_sd=1.3,
        **_alike(settings),
    )


def _null(settings: Settings) -> Settings:
    """Return a world where nothing that is done has an effect and nothing changes."""
    idle: dict[str, Any] = {"lift": (0.0,) * 5, "care": (0.0,) * 5, "cut": 0.0}
    return replace(
        settings,
        growth=1.0,
        share_drift=0.0,
        carrier=1.0,
        rival_pull=0.0,
        rival_expectation=0.0,
        service_effect=0.0,
        fatigue=(1.0, 0.0),
        market_growth=dict.fromkeys(s.MARKET_SEGMENTS, 1.0),
        channel_dropout={},
        campaigns=tuple(replace(c, **idle) for c in settings.campaigns),
        actions=tuple(replace(a, **idle) for a in settings.actions),
        **_alike(settings),
    )
