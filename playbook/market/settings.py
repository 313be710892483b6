"""What is planted: segments, places, channels, seasons. Numbers only, no random draw.

The constants are the demo client's; `Settings` carries them, or a drawn world's, through a run.

Glossary
--------
segment
    The latent segment of a customer, which no delivered file names.
trait
    A number per segment, such as the mean order rate.
satisfaction
    A latent standard score per customer that service moves and that drives everything attitudinal.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from .levers import CARRY_OVER, FIXES, OFFERS, PROGRAMMES, Fix, Offer, Programme
from .planned import ACTIONS, CAMPAIGNS, Action, Campaign

OUR_BRAND = "Larkfield"
BRANDS = ("Larkfield", "Nordhus", "CasaViva", "Homely Direct")
SEGMENTS = (
    "Price-driven families",
    "Style seekers",
    "Service-sensitive seniors",
    "Convenience urbanites",
    "Business buyers",
)

TRAITS = pd.DataFrame(
    {
        "share": [0.28, 0.20, 0.18, 0.26, 0.08],
        # orders per year while active (mean and gamma shape)
        "rate": [1.6, 2.3, 1.8, 3.1, 3.6],
        "rate_shape": [0.9, 0.9, 1.0, 0.9, 1.1],
        # probability of leaving after an order (beta mean), first order included
        "dropout": [0.30, 0.23, 0.17, 0.22, 0.13],
        # what is bought: lines per order, price tier 0 to 4, units per line beyond one
        "lines": [2.1, 1.8, 1.6, 1.9, 2.6],
        "tier": [0.9, 2.8, 2.1, 1.8, 2.2],
        "units": [0.5, 0.2, 0.2, 0.25, 1.5],
        "discount": [0.52, 0.22, 0.18, 0.22, 0.35],
        "refund": [0.07, 0.15, 0.05, 0.08, 0.04],
        "assembly": [0.06, 0.07, 0.34, 0.18, 0.32],
        # service: cases per order, weight of a failure, level of satisfaction
        "cases": [0.15, 0.15, 0.30, 0.17, 0.22],
        "sensitivity": [0.7, 0.7, 1.5, 1.2, 1.0],
        "satisfaction": [0.00, 0.10, 0.30, 0.00, 0.15],
        # who they are: two of them (style, convenience) look alike
        "age": [41.0, 34.0, 67.0, 34.0, 46.0],
        "age_sd": [7.0, 7.5, 7.0, 7.5, 9.0],
        "urban": [0.35, 0.72, 0.38, 0.76, 0.60],
        "household": [3.7, 1.8, 1.8, 1.8, 1.0],
        "income": [46000.0, 58000.0, 43000.0, 59000.0, np.nan],
        "female": [0.58, 0.60, 0.55, 0.54, 0.42],
        # channel habits of orders
        "app": [0.22, 0.34, 0.05, 0.50, 0.08],
        "store": [0.18, 0.24, 0.34, 0.10, 0.05],
        "phone": [0.02, 0.01, 0.20, 0.01, 0.10],
        # relationship
        "club": [0.17, 0.06, 0.10, 0.26, 0.04],
        "member": [0.74, 0.62, 0.55, 0.66, 0.20],
        "advocacy": [0.9, 1.5, 0.9, 1.0, 0.6],
        "consent_email": [0.70, 0.66, 0.52, 0.64, 0.72],
        "wallet": [34.0, 41.0, 52.0, 38.0, 47.0],
        "answering": [-0.80, -0.80, -0.60, -0.95, -0.95],
    },
    index=pd.Index(SEGMENTS, name="segment"),
)


COUNTRIES = ("DE", "SE", "GB")
# How far a country's answers sit from the same opinion elsewhere (response style, in sd).
RESPONSE_STYLE = {"DE": -0.20, "SE": 0.0, "GB": 0.15}
LATE = {"DE": 0.075, "SE": 0.055, "GB": 0.095}
"""Probability that a delivery is late, before season and the carrier change of 2025."""

# Homely Direct's same-day delivery in the cities: who it concerns, how many it takes a month, and
# how much satisfaction a month it costs us because it raises what people expect.
RIVAL_FROM = np.datetime64("2025-02", "M")
RIVAL_SEGMENT = np.array([0.0, 0.0, 0.0, 1.0, 0.0])
RIVAL_PULL = 0.030
RIVAL_EXPECTATION = 0.035

CITIES = pd.DataFrame(
    [
        ("DE", "Hamburg", "Hamburg", 53.551, 9.994, "20", "urban", 9.0),
        ("DE", "Berlin", "Berlin", 52.520, 13.405, "10", "urban", 8.0),
        ("DE", "Bavaria", "Munich", 48.137, 11.575, "80", "urban", 5.0),
        ("DE", "North Rhine-Westphalia", "Cologne", 50.938, 6.960, "50", "urban", 5.0),
        ("DE", "Lower Saxony", "Lüneburg", 53.249, 10.411, "21", "suburban", 6.0),
        ("DE", "Schleswig-Holstein", "Itzehoe", 53.925, 9.516, "25", "rural", 5.0),
        ("DE", "Saxony", "Leipzig", 51.340, 12.375, "04", "suburban", 4.0),
        ("DE", "Bavaria", "Straubing", 48.881, 12.574, "94", "rural", 3.0),
        ("SE", "Stockholm", "Stockholm", 59.329, 18.069, "11", "urban", 9.0),
        ("SE", "Västra Götaland", "Göteborg", 57.709, 11.975, "41", "urban", 4.0),
        ("SE", "Skåne", "Malmö", 55.605, 13.004, "21", "urban", 3.0),
        ("SE", "Stockholm", "Täby", 59.444, 18.069, "18", "suburban", 5.0),
        ("SE", "Uppsala", "Uppsala", 59.859, 17.639, "75", "suburban", 3.0),
        ("SE", "Kalmar", "Kalmar", 56.663, 16.357, "39", "rural", 3.0),
        ("GB", "Greater London", "London", 51.507, -0.128, "SE", "urban", 9.0),
        ("GB", "Greater Manchester", "Manchester", 53.481, -2.242, "M", "urban", 4.0),
        ("GB", "West Yorkshire", "Leeds", 53.801, -1.549, "LS", "suburban", 4.0),
        ("GB", "Surrey", "Guildford", 51.236, -0.570, "GU", "suburban", 5.0),
        ("GB", "Devon", "Exeter", 50.718, -3.534, "EX", "rural", 3.0),
        ("GB", "Scotland", "Edinburgh", 55.953, -3.188, "EH", "urban", 3.0),
    ],
    columns=[
        "country",
        "region",
        "city",
        "latitude",
        "longitude",
        "postcode",
        "area_type",
        "weight",
    ],
)
STORE_OF_REGION = {
    "Hamburg": "Store Hamburg",
    "Lower Saxony": "Store Hamburg",
    "Schleswig-Holstein": "Store Hamburg",
    "Stockholm": "Store Stockholm",
    "Uppsala": "Store Stockholm",
}

SEASON = np.array([0.95, 0.85, 0.92, 0.95, 0.97, 0.92, 0.82, 0.88, 1.00, 1.05, 1.36, 1.33])
"""Relative order rate of each month of a year; its mean is one."""
GROWTH = 1.04
"""Growth of the order rate per year."""

# Acquisition channels: monthly budget (EUR, at 6,000 customers), and how strongly each segment
# comes by them. Customers won rise with the power SATURATION of the spend.
ACQUISITION = {
    "Search ads": (1600.0, (1.2, 0.7, 0.8, 1.3, 0.7)),
    "Social ads": (1200.0, (0.8, 1.8, 0.2, 1.1, 0.1)),
    "Affiliates": (500.0, (1.5, 0.5, 0.3, 0.7, 0.2)),
    "Catalogue": (420.0, (0.4, 0.3, 1.5, 0.1, 0.3)),
    "Trade fairs": (320.0, (0.1, 0.1, 0.1, 0.1, 3.6)),
    "Referral": (200.0, (0.6, 0.9, 0.6, 0.6, 0.4)),
    "Organic search": (0.0, (1.0, 0.9, 0.6, 1.1, 0.9)),
    "Store": (0.0, (0.5, 0.6, 1.3, 0.4, 0.2)),
}
SATURATION = 0.55
RETENTION_SPEND = {"E-mail": 650.0, "SMS": 250.0, "App push": 180.0, "Catalogue": 500.0}

MARKET_SEGMENTS = (
    "Family homes",
    "Design-led homes",
    "Mature households",
    "City apartments",
    "Small offices",
    "Hospitality",
)
# Probability of each market segment given the latent segment.
MARKET_OF_SEGMENT = np.array(
    [
        [0.78, 0.04, 0.08, 0.10, 0.00, 0.00],
        [0.05, 0.66, 0.03, 0.26, 0.00, 0.00],
        [0.08, 0.05, 0.82, 0.05, 0.00, 0.00],
        [0.06, 0.22, 0.03, 0.69, 0.00, 0.00],
        [0.00, 0.00, 0.00, 0.00, 0.64, 0.36],
    ]
)
# Share of Larkfield, Nordhus, CasaViva, Homely Direct in 2023, and their yearly change.
MARKET_SHARE = {
    "Family homes": ((0.062, 0.25, 0.12, 0.31), (-0.002, 0.000, 0.000, 0.012)),
    "Design-led homes": ((0.128, 0.18, 0.29, 0.11), (0.007, -0.003, 0.004, 0.002)),
    "Mature households": ((0.171, 0.34, 0.14, 0.06), (0.004, -0.004, 0.000, 0.003)),
    "City apartments": ((0.104, 0.21, 0.13, 0.24), (-0.007, -0.002, 0.001, 0.021)),
    "Small offices": ((0.083, 0.30, 0.05, 0.17), (0.009, -0.003, 0.000, 0.002)),
    "Hospitality": ((0.031, 0.22, 0.24, 0.09), (0.002, 0.001, 0.003, 0.000)),
}

ATTRIBUTES = ("price", "quality", "delivery", "service", "style", "sustainability", "range")
# Importance (points on 1 to 7) of each attribute per segment.
IMPORTANCE = np.array(
    [
        [6.4, 4.9, 4.6, 3.9, 3.8, 3.2, 4.8],
        [3.9, 5.7, 4.0, 4.0, 6.4, 5.4, 5.0],
        [4.6, 5.8, 4.9, 6.5, 4.1, 3.8, 4.2],
        [4.2, 5.0, 6.5, 4.9, 4.4, 3.9, 4.6],
        [4.7, 5.6, 5.8, 5.9, 3.6, 4.2, 5.6],
    ]
)
IMPORTANCE_DRIFT = np.zeros((5, 7))
IMPORTANCE_DRIFT[3, 2] = 0.25
IMPORTANCE_DRIFT[0, 0] = 0.20
"""Change of importance per year: delivery for the urbanites, price for the families."""
# How each brand is seen (rows: brands; columns: attributes), points on 1 to 7.
BRAND_IMAGE = np.array(
    [
        [4.3, 5.3, 4.7, 5.2, 5.2, 5.1, 4.6],
        [4.5, 5.4, 4.4, 5.1, 4.3, 4.6, 5.3],
        [3.6, 5.1, 4.0, 4.2, 5.7, 4.3, 4.4],
        [5.7, 3.9, 5.7, 3.6, 3.7, 3.2, 5.1],
    ]
)

# Mean of each psychographic construct per segment (standard score).
CONSTRUCTS = ("design interest", "convenience orientation", "price consciousness")
PSYCHOGRAPHICS = np.array(
    [
        [-0.6, 0.0, 1.3],
        [1.4, -0.6, -0.6],
        [-0.2, -0.5, -0.1],
        [-0.3, 1.3, -0.4],
        [-0.4, 0.6, -0.2],
    ]
)

# Part-worths of the choice experiment per segment: price per EUR, then level against the first.
PART_WORTHS = pd.DataFrame(
    {
        ("price", "per EUR"): [-0.0300, -0.0120, -0.0130, -0.0145, -0.0095],
        ("delivery", "next day"): [0.15, 0.20, 0.10, 1.20, 0.60],
        ("delivery", "slot"): [0.20, 0.10, 0.90, 0.65, 0.70],
        ("returns_window", "30 days"): [0.20, 0.45, 0.15, 0.20, 0.05],
        ("returns_window", "100 days"): [0.35, 1.00, 0.30, 0.35, 0.10],
        ("assembly_service", "paid"): [0.00, 0.10, 0.45, 0.25, 0.40],
        ("assembly_service", "free"): [0.40, 0.25, 1.50, 0.60, 1.20],
        ("sustainability", "certified"): [0.05, 0.95, 0.30, 0.15, 0.30],
        ("none", "none"): [-5.60, -1.75, -1.35, -1.75, -1.00],
    },
    index=pd.Index(SEGMENTS, name="segment"),
)
PART_WORTH_SD = 0.35
"""Spread of part-worths within a segment (relative for price, absolute for levels)."""

WORTH_SHIFT = pd.DataFrame(0.0, index=PART_WORTHS.index, columns=PART_WORTHS.columns)
WORTH_SHIFT.loc["Convenience urbanites", ("delivery", "next day")] = 0.40
"""What part-worths gained in the last year: those asked a year earlier had less of it."""

# Class per segment: A attractive, O one-dimensional, M must-be, I indifferent.
KANO_CLASS = pd.DataFrame(
    {
        "next_day": list("IAIOO"),
        "slot": list("IIOAO"),
        "assembly": list("AIMAO"),
        "returns": list("IOIAI"),
        "certified": list("IOAII"),
    },
    index=pd.Index(SEGMENTS, name="segment"),
)
ARMCHAIR = np.array([172.0, 238.0, 221.0, 226.0, 243.0])
"""Acceptable price (EUR) of the armchair per segment."""
CARRIER = 2.1
"""Late deliveries in cities since the new carrier of February 2025, against before."""
CHANNEL_DROPOUT = {"Trade fairs": 0.70}
"""What an acquisition channel adds to the logit of leaving, in every group of customers."""
MARKET_GROWTH = {"Hospitality": 1.09, "Family homes": 0.98}
"""Yearly growth of a market segment where it is not 1.03."""


@dataclass(frozen=True)
class Settings:
    """Everything that makes one world; the defaults are the demo client.

    Attributes
    ----------
    kind
        ``regular``, one that breaks the models (``no segments``, ``seasonal``,
        ``spend with frequency``, ``changing drop-out``) or ``null`` (no effect of any campaign or
        of service, no drift, no difference in needs).
    service_effect
        Scale of everything that a late delivery or a failed case changes in opinions and loyalty.
    regularity
        Zero: Poisson purchases; one: an order becomes likely only as the usual interval passes.
    own_season
        How strongly each customer buys around a month of the year of their own (0 to 1).
    spend_frequency
        Change of the price tier per log order rate.
    dropout_trend
        Change of the logit of leaving per year.
    returners
        Share of customers who send most of what they buy back, whatever their segment.
    fatigue
        Share of an action's effect left per contact of the three months before, and satisfaction
        lost per contact beyond two.
    channel_effect
        Points of opinion that a case's service channel adds, whatever the case is about; none: all
        channels answer alike.
    fixes, offers, programmes
        Menus of the levers besides contacts and spend.
    carry_over
        Share of a change of the log choice share that comes through in the order rate.
    """

    kind: str = "regular"
    traits: pd.DataFrame = field(default_factory=TRAITS.copy)
    season: np.ndarray = field(default_factory=SEASON.copy)
    growth: float = GROWTH
    late: dict[str, float] = field(default_factory=LATE.copy)
    carrier: float = CARRIER
    rival_pull: float = RIVAL_PULL
    rival_expectation: float = RIVAL_EXPECTATION
    market_of_segment: np.ndarray = field(default_factory=MARKET_OF_SEGMENT.copy)
    market_growth: dict[str, float] = field(default_factory=MARKET_GROWTH.copy)
    share_drift: float = 1.0
    importance: np.ndarray = field(default_factory=IMPORTANCE.copy)
    importance_drift: np.ndarray = field(default_factory=IMPORTANCE_DRIFT.copy)
    importance_sd: float = 1.3
    brand_image: np.ndarray = field(default_factory=BRAND_IMAGE.copy)
    psychographics: np.ndarray = field(default_factory=PSYCHOGRAPHICS.copy)
    psychographic_sd: float = 1.15
    part_worths: pd.DataFrame = field(default_factory=PART_WORTHS.copy)
    part_worth_sd: float = PART_WORTH_SD
    worth_shift: pd.DataFrame = field(default_factory=WORTH_SHIFT.copy)
    kano: pd.DataFrame = field(default_factory=KANO_CLASS.copy)
    armchair: np.ndarray = field(default_factory=ARMCHAIR.copy)
    channel_dropout: dict[str, float] = field(default_factory=CHANNEL_DROPOUT.copy)
    campaigns: tuple[Campaign, ...] = CAMPAIGNS
    actions: tuple[Action, ...] = ACTIONS
    returners: float = 0.02
    fatigue: tuple[float, float] = (0.75, 0.05)
    service_effect: float = 1.0
    regularity: float = 0.0
    own_season: float = 0.0
    spend_frequency: float = 0.0
    dropout_trend: float = 0.0
    channel_effect: dict[str, float] = field(default_factory=dict)
    fixes: tuple[Fix, ...] = FIXES
    offers: tuple[Offer, ...] = OFFERS
    programmes: tuple[Programme, ...] = PROGRAMMES
    carry_over: float = CARRY_OVER

    def trait(self, name: str, segment: np.ndarray) -> np.ndarray:
        """Return the trait ``name`` of every segment number in ``segment``."""
        return self.traits[name].to_numpy()[segment]
