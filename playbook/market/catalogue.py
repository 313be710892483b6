"""The small tables that do not grow with the customers: products, offers, market, spend."""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import settings as s
from .frames import codes, table
from .settings import Settings

CATEGORIES = (
    "Furniture",
    "Lighting",
    "Textiles",
    "Kitchen",
    "Bath",
    "Decoration",
    "Storage",
    "Garden",
)
_PRICE = (219.0, 79.0, 44.0, 36.0, 27.0, 31.0, 62.0, 95.0)
_TIER = (0.42, 0.68, 1.0, 1.5, 2.3)
STYLES = ("Nordic", "Classic", "Modern")
_ITEMS = (
    ("Side Table", "Bookshelf", "Armchair", "Sideboard", "Dining Table"),
    ("Clip Light", "Table Lamp", "Pendant", "Floor Lamp", "Chandelier"),
    ("Cushion", "Throw", "Curtain", "Duvet Set", "Wool Rug"),
    ("Mug Set", "Chopping Board", "Pan", "Cutlery Set", "Dinner Set"),
    ("Soap Dispenser", "Bath Mat", "Towel Set", "Mirror", "Vanity Shelf"),
    ("Candle", "Vase", "Picture Frame", "Wall Clock", "Art Print"),
    ("Basket", "Shoe Rack", "Shelf Unit", "Chest", "Wardrobe System"),
    ("Planter", "Lantern", "Bench", "Parasol", "Outdoor Table"),
)
_SERVICES = (("Assembly at home", 49.0), ("Delivery in a booked slot", 19.0))
ASSEMBLY, SLOT = 120, 121
"""Product numbers of the two services."""


def products(rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the table ``products`` and a latent quality per product.

    Product number = 15 × category + 5 × style + price tier; services follow.
    """
    price = np.repeat(_PRICE, 15) * np.tile(_TIER, 24) * np.exp(rng.normal(0, 0.06, 120))
    price = np.append(np.floor(price) + 0.90, [p for _, p in _SERVICES])
    name = [f"{style} {item}" for items in _ITEMS for style in STYLES for item in items]
    brand = np.where(rng.random(122) < 0.62, "Larkfield", "Alderwick").astype(object)
    brand[rng.random(122) < 0.14] = "Brennholt"
    brand[120:] = "Larkfield"
    share = np.clip(rng.normal(0.545, 0.04, 122), 0.4, 0.68)
    share[120:] = 0.72
    columns = {
        "product_id": codes(np.arange(122) + 101, 5),
        "name": name + [label for label, _ in _SERVICES],
        "category": list(np.repeat(CATEGORIES, 15)) + ["Services"] * 2,
        "brand": brand,
        "kind": ["product"] * 120 + ["service"] * 2,
        "list_price": price,
        "unit_cost": np.round(price * share, 2),
    }
    return table("products", columns), rng.normal(0, 0.35, 122)


def offers() -> pd.DataFrame:
    """Return the table ``offers``: the armchair of the choice experiment as sold today."""
    rows = [
        ("L1", "Larkfield", True, 199.0, 112.0, "standard", "30 days", "paid", "none"),
        ("L2", "Larkfield", True, 239.0, 131.0, "slot", "30 days", "free", "none"),
        ("L3", "Larkfield", True, 229.0, 129.0, "next day", "100 days", "none", "certified"),
        ("N1", "Nordhus", False, 209.0, None, "slot", "30 days", "paid", "none"),
        ("C1", "CasaViva", False, 249.0, None, "standard", "100 days", "none", "certified"),
        ("H1", "Homely Direct", False, 159.0, None, "next day", "14 days", "none", "none"),
    ]
    labels = ["offer_id", "brand", "is_ours", "price", "unit_cost"]
    labels += ["delivery", "returns_window", "assembly_service", "sustainability"]
    return table("offers", dict(zip(labels, zip(*rows, strict=True), strict=True)))


def acquisition_spend(
    rng: np.random.Generator, settings: Settings, customers: int, months: range
) -> pd.DataFrame:
    """Return spend and expected wins per acquisition channel and month (counted)."""
    frames = []
    number = np.array(months)
    for channel, (budget, _) in s.ACQUISITION.items():
        wiggle = np.exp(rng.normal(0, 0.38, len(number)))
        spend = budget * customers / 6000 * settings.season[number % 12] ** 0.5 * wiggle
        frames.append(pd.DataFrame({"month": number, "channel": channel, "spend": spend}))
    spend = pd.concat(frames, ignore_index=True)
    return spend.assign(expected=expected_wins(settings, spend, customers))


def expected_wins(settings: Settings, spend: pd.DataFrame, customers: int) -> np.ndarray:
    """Return what ``spend`` (columns ``month``, ``channel``, ``spend``) wins, on a common scale."""
    budget = spend["channel"].map({c: b for c, (b, _) in s.ACQUISITION.items()}).to_numpy()
    number = spend["month"].to_numpy()
    free = budget == 0
    usual = np.where(free, 1.0, budget) * customers / 6000
    relative = np.where(free, 1.0, spend["spend"].to_numpy() / usual)
    level = np.where(free, 22.0, 0.55 * budget**s.SATURATION)
    season = settings.season[number % 12] ** 0.7 * settings.growth ** (number / 12)
    return level * relative**s.SATURATION * season


def channel_spend(
    rng: np.random.Generator,
    settings: Settings,
    spend: pd.DataFrame,
    won: pd.Series,
    customers: int,
    start: np.datetime64,
) -> pd.DataFrame:
    """Return the table ``channel_spend``; ``won`` counts customers by month and channel."""
    cells = pd.MultiIndex.from_frame(spend[["month", "channel"]])
    acquisition = spend.assign(
        purpose="acquisition", new_customers=won.reindex(cells, fill_value=0).to_numpy()
    )
    months = np.unique(spend["month"])
    season = settings.season[months % 12]
    retention = pd.concat(
        [
            pd.DataFrame(
                {
                    "month": months,
                    "channel": channel,
                    "purpose": "retention",
                    "spend": budget
                    * customers
                    / 6000
                    * season
                    * np.exp(rng.normal(0, 0.2, len(months))),
                }
            )
            for channel, budget in s.RETENTION_SPEND.items()
        ]
    )
    both = pd.concat([acquisition, retention], ignore_index=True)
    first = (start.astype("datetime64[M]") + both["month"].to_numpy()).astype("datetime64[us]")
    return table("channel_spend", {**both.drop(columns="expected"), "month": first})


def sold(customers: pd.DataFrame, orders: pd.DataFrame) -> pd.Series:
    """Return our revenue by market segment and year."""
    segment = orders["customer_id"].map(customers.set_index("customer_id")["market_segment"])
    return orders.groupby([segment.rename("segment"), orders["ordered_at"].dt.year.rename("year")])[
        "revenue"
    ].sum()


def market(
    rng: np.random.Generator, settings: Settings, ours_by_year: pd.Series, years: range
) -> pd.DataFrame:
    """Return the table ``market``; our revenue there is the revenue of our orders (`sold`)."""
    rows = []
    for name, (share, change) in s.MARKET_SHARE.items():
        size = rng.normal(1.0, 0.02)
        growth = settings.market_growth.get(name, 1.03)
        start_revenue = max(float(ours_by_year.get((name, years[0]), 0.0)), 1.0)
        total = start_revenue / share[0] * size
        for year in years:
            passed = year - years[0]
            ours = max(float(ours_by_year.get((name, year), 0.0)), 0.0)
            planned = np.array(share) + passed * settings.share_drift * np.array(change)
            # our share follows from our own orders; the market grows so that it is near the plan
            revenue = 0.35 * ours / planned[0] + 0.65 * total * growth**passed
            planned[0] = ours / revenue
            for brand, part in zip(s.BRANDS, planned, strict=True):
                rows.append(
                    {
                        "market_segment": name,
                        "year": year,
                        "market_revenue": round(revenue, -2),
                        "our_revenue": ours,
                        "customers_in_market": round(revenue / 420),
                        "brand": brand,
                        "brand_share": round(float(part), 4),
                    }
                )
    return table("market", dict(pd.DataFrame(rows)))
