"""The small tables that do not grow with the customers: products, offers, market, spend."""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import settings as s
from .frames import codes, table

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


def acquisition_spend(rng: np.random.Generator, customers: int, months: int) -> pd.DataFrame:
    """Return spend and expected wins per acquisition channel and month (``month`` counted)."""
    frames = []
    season = np.resize(s.SEASON, months)
    growth = s.GROWTH ** (np.arange(months) / 12)
    for channel, (budget, _) in s.ACQUISITION.items():
        wiggle = np.exp(rng.normal(0, 0.38, months))
        spend = budget * customers / 6000 * season**0.5 * wiggle
        relative = np.where(budget > 0, (spend / max(budget, 1e-9) * 6000 / customers), 1.0)
        level = 0.55 * budget**s.SATURATION if budget else 22.0
        expected = level * relative**s.SATURATION * season**0.7 * growth
        frames.append(
            pd.DataFrame({"month": np.arange(months), "channel": channel, "spend": spend}).assign(
                expected=expected
            )
        )
    return pd.concat(frames, ignore_index=True)


def channel_spend(
    rng: np.random.Generator,
    spend: pd.DataFrame,
    arrivals: pd.DataFrame,
    customers: int,
    start: np.datetime64,
) -> pd.DataFrame:
    """Return the table ``channel_spend`` by month, channel and purpose."""
    won = arrivals[arrivals["month"] >= 0].groupby(["month", "channel"]).size()
    cells = pd.MultiIndex.from_frame(spend[["month", "channel"]])
    acquisition = spend.assign(
        purpose="acquisition", new_customers=won.reindex(cells, fill_value=0).to_numpy()
    )
    months = int(spend["month"].max()) + 1
    season = np.resize(s.SEASON, months)
    retention = pd.concat(
        [
            pd.DataFrame(
                {
                    "month": np.arange(months),
                    "channel": channel,
                    "purpose": "retention",
                    "spend": budget
                    * customers
                    / 6000
                    * season
                    * np.exp(rng.normal(0, 0.2, months)),
                }
            )
            for channel, budget in s.RETENTION_SPEND.items()
        ]
    )
    both = pd.concat([acquisition, retention], ignore_index=True)
    first = (start.astype("datetime64[M]") + both["month"].to_numpy()).astype("datetime64[us]")
    return table("channel_spend", {**both.drop(columns="expected"), "month": first})


def market(
    rng: np.random.Generator, customers: pd.DataFrame, orders: pd.DataFrame, start_year: int
) -> pd.DataFrame:
    """Return the table ``market``; our revenue there is the revenue of our orders."""
    segment = orders["customer_id"].map(customers.set_index("customer_id")["market_segment"])
    sold = orders.groupby([segment, orders["ordered_at"].dt.year])["revenue"].sum()
    years = int(orders["ordered_at"].dt.year.max()) - start_year + 1
    rows = []
    for name, (share, change) in s.MARKET_SHARE.items():
        size = rng.normal(1.0, 0.02)
        start_revenue = max(float(sold.get((name, start_year), 0.0)), 1.0)
        total = start_revenue / share[0] * size
        for year in range(years):
            ours = max(float(sold.get((name, start_year + year), 0.0)), 0.0)
            planned = np.array(share) + year * np.array(change)
            # our share follows from our own orders; the market grows so that it is near the plan
            revenue = 0.35 * ours / planned[0] + 0.65 * total * 1.03**year
            planned[0] = ours / revenue
            for brand, part in zip(s.BRANDS, planned, strict=True):
                rows.append(
                    {
                        "market_segment": name,
                        "year": start_year + year,
                        "market_revenue": round(revenue, -2),
                        "our_revenue": ours,
                        "customers_in_market": round(revenue / 420),
                        "brand": brand,
                        "brand_share": round(float(part), 4),
                    }
                )
    return table("market", dict(pd.DataFrame(rows)))
