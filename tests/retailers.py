"""Step 3 on two public retailers, as ``docs/online-retail.md`` quotes it.

``python tests/retailers.py FOLDER`` prints the tables and figures of that page from the folder of the public data sets.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import real_inboxes

from playbook import segmentation as sg
from playbook.engagement import Engagement, Plan, read_model
from playbook.intake import Intake, take_in
from playbook.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[1]
LAST_DAY = {"online_retail": date(2011, 12, 9), "complete_journey": date(2017, 12, 31)}
COLUMNS = [
    "segment", "customers", "% of customers", "% of revenue", "days since order", "orders a year", "revenue a year",
    "found again", "strategy",
]  # fmt: skip


@dataclass(frozen=True)
class Retailer:
    """What the third step tells of a retailer.

    Attributes
    ----------
    segments
        `COLUMNS` of each segment, most revenue per customer first: medians of days since the last order, means of
        orders and revenue of 12 months, overlap in resamples.
    figures
        Key figures by name.
    """

    segments: pd.DataFrame
    figures: dict[str, float]


def intake(name: str, source: Path, target: Path) -> Intake:
    """Take in the data set ``name`` as its engagement reads it."""
    engagement = read_model(ROOT / "data" / name / "engagement.yml", Engagement)
    if name == "online_retail":
        return take_in(source / name, engagement, target, LAST_DAY[name])
    real_inboxes.complete_journey(source / name, target / "inbox")
    return take_in(target / "inbox", engagement, target, LAST_DAY[name])


def third_step(name: str, tables: Path) -> Retailer:
    """Return segments and hold-out of the retailer whose tables were taken in."""
    as_of = LAST_DAY[name]
    engagement = read_model(ROOT / "data" / name / "engagement.yml", Engagement)
    plan = read_model(ROOT / "data" / name / "plans" / f"{as_of.year}.yml", Plan)
    data = Warehouse(tables, as_of)
    since = as_of.replace(year=as_of.year - 1)
    customers = sg.add_contribution(data.query("customer_features", since=since), engagement.costs)
    mix, habits = data.query("purchase_mix", since=since), data.query("buying_habits", since=since)
    attitudes = data.query("customer_attitudes")
    found = sg.choose_segments(customers, mix, seed=engagement.seed, habits=habits, attitudes=attitudes)  # fmt: skip
    segments = found["segments"]
    cut = sg.calibration_end(customers, as_of)
    models = sg.check_purchase_models(
        data.query("purchase_histories", until=cut), as_of, cut, data.query("purchase_months"), seed=engagement.seed
    )  # fmt: skip
    worth = sg.lifetime_value(
        data.query("purchase_histories", until=as_of), customers, models, engagement.costs.discount_rate_year,
        seed=engagement.seed,
    )["values"]  # fmt: skip
    values = sg.set_right(worth, sg.value_by_segment(segments, worth, models))
    market = data.table("market")
    board = sg.portfolio(segments, customers, values, attitudes, market, engagement.brand)
    chosen = sg.strategies(board, values, found["memberships"], plan.strategies)
    described = sg.describe_segments(segments, customers, found["deviations"]).table
    table = _table(described, segments, customers, found["stability"], chosen.table)
    first = segments.loc[segments["segment"] == table["segment"].iloc[0], "customer_id"]
    money = customers.set_index("customer_id").loc[first, "revenue_12m"].astype(float)
    orders, spend = models.table.iloc[0], models["spend"].table
    picked = found.table[found.table["chosen"]].iloc[0]
    return Retailer(
        table,
        {
            "segments": picked["segments"],
            "agreement of resamples (0.80 is asked for)": picked["stability"],
            "separation (silhouette)": picked["separation"],
            "separation that chance gives": picked["separation_by_chance"],
            "weeks held out": round((as_of - cut).days / 7),
            "orders foreseen": orders["predicted_total"],
            "orders that came": orders["actual_total"],
            "deviance of orders beside past rates": orders["poisson_deviance"] / models.table["poisson_deviance"].iloc[-1],
            "deviance of spend beside past spend": spend["poisson_deviance"].iloc[0] / spend["poisson_deviance"].iloc[1],
            "rank correlation of foreseen spend": spend["spearman"].iloc[0],
            "rank correlation of past spend": spend["spearman"].iloc[1],
            "share of spend that our best tenth brought": spend["top_decile_capture"].iloc[0],
            "share that the best tenth by past spend brought": spend["top_decile_capture"].iloc[1],
            "mean probability of being active": values["p_alive"].mean(),
            "median revenue a year in the first segment": money.median(),
            "share of its revenue from its largest customer": money.max() / money.sum(),
        },
    )  # fmt: skip


def _table(
    described: pd.DataFrame, segments: pd.DataFrame, customers: pd.DataFrame, stability: pd.DataFrame,
    strategies: pd.DataFrame,
) -> pd.DataFrame:  # fmt: skip
    groups = segments.merge(customers, on="customer_id").groupby("segment")
    names = described["segment"].astype(str)
    by_name = {
        "days since order": groups["recency_days"].median(), "orders a year": groups["orders_12m"].mean(),
        "revenue a year": groups["revenue_12m"].mean(), "found again": stability.set_index("segment")["stability"],
        "strategy": strategies.set_index("segment")["strategy"],
    }  # fmt: skip
    table = pd.DataFrame(
        {
            "segment": names, "customers": described["customers"], "% of customers": 100 * described["share_customers"],
            "% of revenue": 100 * described["share_revenue"],
        }
    )  # fmt: skip
    for column, figures in by_name.items():
        table[column] = names.map(figures)
    return table[COLUMNS]


def as_markdown(retailer: Retailer) -> str:
    """Return the table and the figures as they stand on the page."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    digits = dict(zip(COLUMNS, [None, 0, 1, 1, 0, 1, 0, 2, None], strict=True))
    for row in retailer.segments.to_dict("records"):
        cells = [_cell(row[column], digits[column]) for column in COLUMNS]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| figure | value |", "|---|---|"]
    lines += [
        f"| {name} | {value:,.{0 if value >= 2 else 3}f} |"
        for name, value in retailer.figures.items()
    ]
    return "\n".join(lines)


def _cell(value: object, digits: int | None) -> str:
    if digits is None:
        return str(value)
    return "–" if pd.isna(value) else f"{value:,.{digits}f}"


if __name__ == "__main__":
    for retailer in LAST_DAY:
        with tempfile.TemporaryDirectory() as folder:
            intake(retailer, Path(sys.argv[1]), Path(folder))
            print(f"{retailer}\n{as_markdown(third_step(retailer, Path(folder) / 'tables'))}\n")
