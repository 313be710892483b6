"""Step 7: alarms about figures that never change and starts that never were, and last year's values by tenth."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from playbook import monitoring
from playbook.engagement.model import Initiative
from playbook.monitoring.campaigns import NO_CONTROL
from playbook.truth.between import Between
from playbook.truth.rows import Found, row
from playbook.truth.rules import FalseAlarms, Progress
from playbook.truth.sight import given
from playbook.truth.study import END, START, YEARS, Study

SHUFFLES = 40
"""Never-changing clients made of each world."""
FIGURES = {"Orders": "orders", "Revenue": "revenue", "Active customers": "active_customers"}
LEVEL = 0.95


def _unchanging(orders: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, list[pd.DataFrame]]:  # fmt: skip
    """Return the months, and customers of the last two years, of a client for whom every year is like every other.

    Each customer's years change places at random: season, sizes of orders and good and bad years of customers stay, and
    nothing can have changed.
    """
    who = orders["customer_id"].astype("category").cat.codes.to_numpy().astype(int)
    dealt = rng.permuted(np.tile(np.arange(YEARS), (who.max() + 1, 1)), axis=1)
    year = dealt[who, orders["ordered_at"].dt.year.to_numpy() - START]
    frame = pd.DataFrame(
        {"customer_id": who, "year": year, "month": 12 * year + orders["ordered_at"].dt.month.to_numpy() - 1,
         "revenue": orders["revenue"].to_numpy(float), "orders": (orders["revenue"] > 0).to_numpy(int)}
    )  # fmt: skip
    by_month = frame.groupby("month")
    monthly = by_month[["orders", "revenue"]].sum()
    monthly["active_customers"] = frame[frame["orders"] > 0].groupby("month")["customer_id"].nunique()  # fmt: skip
    monthly = monthly.reindex(range(12 * YEARS), fill_value=0).reset_index(drop=True)
    months = pd.date_range(date(START, 1, 1), periods=12 * YEARS, freq="MS")
    blank = {"new_customers": np.nan, "margin": np.nan, "is_partial": False}
    years = [part.groupby("customer_id")[["orders", "revenue"]].sum().reset_index()
             for _, part in frame[frame["year"] >= YEARS - 2].groupby("year")]  # fmt: skip
    return monthly.assign(month=months, first_day=months, **blank), years


@row(
    "07.control_alarms",
    "how often a client that never changes gets a signal, less what the chart states (share of years)",
    Between(-0.05, 0.05),
)
def control_alarms(study: Study) -> Found:
    """Planted: alarms of figures of clients made of this world's orders, for whom every year is like every other.

    Ours is planted less stated, naive planted less what independent months give.
    """
    orders = study.world.tables["orders"].dropna(subset="customer_id")
    rng = np.random.default_rng([study.seed, 7])
    happened, stated, naive = [], [], []
    for _ in range(SHUFFLES):
        monthly, (before, now) = _unchanging(orders, rng)
        chart = given(monitoring.control_charts(monthly, study.seed, before, now)).table
        happened += list(chart["signals"] > 0)
        stated += list(chart["false_alarm"])
    plain = given(monitoring.control_charts(monthly, study.seed)).table
    naive = list(plain["false_alarm"])
    rate = float(np.mean(happened))
    return Found(
        planted=rate, ours=rate - float(np.mean(stated)), naive=rate - float(np.mean(naive)), hits=int(sum(happened)), trials=len(happened)
    )  # fmt: skip


@row(
    "07.placebo_starts",
    "work said to begin in all regions of one country, which never was: said to have gained or lost",
    FalseAlarms(0.05),
)
def placebo_starts(study: Study) -> Found:
    """Regions of a country share whatever happens there, so they are no random choice; naive: before and after of these regions."""
    sight = study.sight
    homes = sight.table("customers").dropna(subset=["region", "country"])
    places = sight.query("sales_by_place", margin_rate=sight.engagement.costs.margin_rate)
    start = date(END.year, 7, 1)
    work = [
        Initiative.model_validate({
            "id": str(country), "name": str(country), "objectives": [], "start": start, "end": END, "budget": 1.0,
            "rollout": {"by": "region", "starts": dict.fromkeys(sorted(part["region"].unique()), start)},
        })
        for country, part in homes.groupby("country")
        if (part["region"].value_counts() >= 40).all()
    ]  # fmt: skip
    numbers = given(monitoring.initiative_effects(work, places, END, study.seed))["numbers"]
    judged = numbers[numbers["verdict"] != NO_CONTROL]
    claims = judged["verdict"].isin(["gained", "lost"])
    return Found(
        planted=0.0,
        ours=float(judged["effect"].abs().mean()) if len(judged) else None,
        naive=float(numbers["before_after"].abs().mean()),
        hits=int(claims.sum()),
        trials=len(judged),
    )


@row(
    "07.value_tenths",
    "tenths of customers by foretold margin whose margin a year later was as foretold (share)",
    Progress(),
    misses="16 development worlds come 80 % of the way: eight tenths of ten are right on average, five where drop-out changes "
    "over time, which a forecast made before the change cannot know",
)
def value_tenths(study: Study) -> Found:
    """Naive: last year's margin as the forecast; benchmark: the level of the interval, as of a forecast that is right."""
    came = study.sight.customers[["customer_id", "margin_12m"]]
    told = study.earlier.values.drop(columns="margin_12m", errors="ignore")
    told = told.merge(study.earlier.customers[["customer_id", "margin_12m"]], on="customer_id")
    trailing = told.assign(expected_margin_12m=told["margin_12m"].astype(float).fillna(0.0))
    ours, naive = (given(monitoring.check_value(f, came)).table["inside"] for f in (told, trailing))
    return Found(planted=LEVEL, ours=float(ours.mean()), naive=float(naive.mean()), bayes=LEVEL)
