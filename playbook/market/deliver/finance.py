"""The finance department's workbook: dates as spreadsheets count them, titles above, a totals row."""

from __future__ import annotations

import pandas as pd

from .delivery import Delivery
from .writing import Sheet, write_workbook

__all__ = ["write_finance"]

ABOVE = ("Larkfield Home, controlling", "All amounts in EUR, net", "")


def write_finance(delivery: Delivery) -> None:
    """Write spend by channel, the market and the offers in it."""
    tables = delivery.tables
    spend = tables["channel_spend"]
    months = pd.DataFrame(
        {
            "Month": (spend["month"] - pd.Timestamp("1899-12-30")).dt.days,
            "Channel": spend["channel"],
            "Purpose": spend["purpose"],
            "Spend": spend["spend"],
            "New customers": spend["new_customers"].astype("Float64"),
        }
    )
    total = ("Total", None, None, float(spend["spend"].sum()), float(spend["new_customers"].sum()))
    market = tables["market"]
    text = {c: market[c] for c in market if c != "brand_share"}
    sheets = {
        "Channel spend": Sheet(months, ABOVE, total),
        "Market": Sheet(pd.DataFrame(text | {"brand_share": market["brand_share"]}), ABOVE),
        "Offers": Sheet(_offers(tables["offers"]), ABOVE),
    }
    name = "finance.xlsx"
    write_workbook(delivery.folder / name, sheets)
    delivery.plant("totals row", name, 1)


def _offers(offers: pd.DataFrame) -> pd.DataFrame:
    return offers.assign(is_ours=offers["is_ours"].map({True: "yes", False: "no"}).astype("str"))
