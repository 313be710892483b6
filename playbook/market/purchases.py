"""Orders, their lines and their refunds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from . import catalogue
from . import settings as s
from .frames import blank, codes, pick, table
from .people import People


def fill(
    rng: np.random.Generator, people: People, products: pd.DataFrame, orders: pd.DataFrame
) -> pd.DataFrame:
    """Return the lines of ``orders`` (columns ``customer``, ``number``, ``peak``), not yet priced.

    ``row`` is the place of a line's order, ``depth`` the usual discount (share) on it.
    """
    who, segment = orders["customer"].to_numpy(), people.segment[orders["customer"]]
    count = 1 + rng.poisson(people.settings.trait("lines", segment) - 1)
    row = np.repeat(np.arange(len(orders)), count)
    buyer, kind = who[row], segment[row]
    product = _choose(rng, people, buyer)
    cut = (
        rng.random(len(orders)) < people.settings.trait("discount", segment) + 0.12 * orders["peak"]
    )
    depth = np.where(cut, rng.choice([0.10, 0.15, 0.20], len(orders), p=[0.5, 0.3, 0.2]), 0.0)
    lines = pd.DataFrame(
        {
            "row": row,
            "number": orders["number"].to_numpy()[row],
            "product": product,
            "quantity": 1.0 + rng.poisson(people.settings.trait("units", kind)),
            "depth": depth[row],
        }
    ).drop_duplicates(["number", "product"])
    large = product // 15 == 0
    wants = large & (rng.random(len(row)) < people.settings.trait("assembly", kind))
    extra = pd.DataFrame(
        {
            "row": row[wants],
            "number": orders["number"].to_numpy()[row[wants]],
            "product": np.where(rng.random(wants.sum()) < 0.7, catalogue.ASSEMBLY, catalogue.SLOT),
            "quantity": 1.0,
            "depth": 0.0,
        }
    ).drop_duplicates("number")
    lines = pd.concat([lines, extra], ignore_index=True).sort_values("number", kind="stable")
    cost = products["unit_cost"].to_numpy()[lines["product"]]
    return lines.assign(unit_cost=cost, refund=False).reset_index(drop=True)


def _choose(rng: np.random.Generator, people: People, buyer: np.ndarray) -> np.ndarray:
    n = len(buyer)
    where = rng.random(n)
    taste = people.taste[buyer]
    any_category = rng.choice(8, n, p=[0.10, 0.11, 0.17, 0.17, 0.12, 0.16, 0.11, 0.06])
    category = np.where(
        where < 0.38, taste[:, 0], np.where(where < 0.58, taste[:, 1], any_category)
    )
    style = np.where(rng.random(n) < 0.72, people.style[buyer], rng.integers(0, 3, n))
    tier = np.clip(np.rint(rng.normal(people.tier[buyer], 0.8)), 0, 4).astype(int)
    return category * 15 + style * 5 + tier


def priced(
    lines: pd.DataFrame, products: pd.DataFrame, cut: np.ndarray, change: np.ndarray
) -> pd.DataFrame:
    """Return the lines with prices.

    ``cut`` is the further discount (share) of each line's order, ``change`` that of its price;
    services keep theirs.
    """
    product = lines["product"].to_numpy()
    goods = product < catalogue.ASSEMBLY
    usual = lines["depth"].to_numpy()
    depth = np.where(goods, np.minimum(usual + cut, 0.35), usual)
    listed = products["list_price"].to_numpy()[product] * np.where(goods, 1 + change, 1.0)
    price = np.round(listed * (1 - depth), 2)
    return lines.assign(unit_price=price, cut=np.round(listed - price, 2))


def channels(rng: np.random.Generator, people: People, customer: np.ndarray) -> np.ndarray:
    """Return the sales channel of each order."""
    segment = people.segment[customer]
    store = people.store[customer]
    near = pd.notna(store)
    business = segment == len(s.SEGMENTS) - 1
    app, phone = people.settings.trait("app", segment), people.settings.trait("phone", segment)
    shop = people.settings.trait("store", segment) * np.where(near, 1.6, 0.0)
    team = 0.45 * business
    weights = np.stack([np.maximum(1 - app - phone - shop - team, 0.05), app, phone, shop, team])
    label = np.array(["Web shop", "App", "Phone", "Store", "Sales team"], dtype=object)
    drawn = label[pick(rng, weights.T)]
    return np.where(drawn == "Store", store, drawn)


def back(people: People, orders: pd.DataFrame, late: np.ndarray) -> np.ndarray:
    """Return the probability that goods of each order come back: more often when they were late."""
    chance: np.ndarray = people.refund[orders["customer"]] + 0.05 * late
    return chance


def refunds(
    rng: np.random.Generator, people: People, orders: pd.DataFrame, lines: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return refund orders and their (negative) lines; goods come back at 80 % of their cost.

    ``row`` is the place of the order, ``draw`` what was drawn against the probability of `back`.
    """
    draw = rng.random(len(orders))
    comes = (draw < back(people, orders, orders["late"].to_numpy())) & ~orders["guest"].to_numpy()
    days = rng.uniform(5, 28, len(orders))
    moment = orders["time"].to_numpy() + (days * 86_400e6).astype("timedelta64[us]")
    row = np.flatnonzero(comes)
    refund = orders[comes].assign(time=moment[comes], refund=True, row=row, draw=draw[comes])
    returned = lines[comes[lines["row"].to_numpy()] & (lines["product"] < catalogue.ASSEMBLY)]
    kept = (rng.random(len(returned)) < 0.4) & returned["number"].duplicated().to_numpy()
    returned = returned[~kept]
    refund = refund[refund["number"].isin(returned["number"])]
    returned = returned.assign(
        quantity=-returned["quantity"],
        unit_cost=np.round(returned["unit_cost"] * 0.8, 2),
        refund=True,
    )
    return refund, returned


def order_tables(
    people: People, orders: pd.DataFrame, lines: pd.DataFrame, products: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Return ``orders`` and ``order_lines`` with identifiers in order of time.

    Both inputs carry ``number`` (order) and ``refund``; revenue, discount and cost of an order
    are the sums of its lines, in whole cents.
    """
    orders = orders.sort_values(["time", "refund", "number"], kind="stable", ignore_index=True)
    orders["order_id"] = codes(np.arange(len(orders)) + 100_001, 8)
    lines = lines.merge(orders[["number", "refund", "order_id"]], on=["number", "refund"])
    lines["line"] = lines.groupby("order_id").cumcount() + 1
    cents: dict[str, Any] = {
        label: (lines["quantity"] * (lines[column] * 100).round()).round()
        for label, column in (("revenue", "unit_price"), ("cost", "unit_cost"), ("discount", "cut"))
    }
    sums = pd.DataFrame(cents).groupby(lines["order_id"]).sum().reindex(orders["order_id"]) / 100
    columns = {
        "order_id": orders["order_id"],
        "customer_id": blank(
            people.customer_id[orders["customer"]], orders["guest"].to_numpy(dtype=bool)
        ),
        "ordered_at": orders["time"],
        "channel": orders["channel"],
        "campaign_id": orders["campaign_id"],
        **{label: sums[label].to_numpy() for label in ("revenue", "discount", "cost")},
    }
    product_id = products["product_id"].to_numpy()[lines["product"]]
    return {
        "orders": table("orders", columns),
        "order_lines": table("order_lines", {**lines, "product_id": product_id}).loc[
            :, ["order_id", "line", "product_id", "quantity", "unit_price", "unit_cost"]
        ],
    }
