"""Channels read together: what the next unit of money brings, where the money should go, and when nothing can be told."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from playbook import crm
from playbook.allocation import fit_elasticity
from playbook.answer import Answer, Missing
from playbook.engagement.model import Budget
from playbook.errors import NotEnough
from playbook.tables import TABLES
from playbook.warehouse import Warehouse

LEVEL = {"Fairs": 30.0, "Ads": 300.0, "Post": 80.0, "Friends": 40.0}
WORTH = {"Fairs": 500.0, "Ads": 60.0, "Post": 120.0, "Friends": 120.0}
ELASTICITY = 0.5


@cache
def spend_table(seed: int = 4, months: int = 36, follows: float = 0.0) -> pd.DataFrame:
    """Spend and customers won; ``follows`` lets spend go with a demand that nobody recorded."""
    rng = np.random.default_rng(seed)
    month = pd.date_range("2023-01-01", periods=months, freq="MS")
    demand = rng.normal(0, 0.3, months) if follows else np.zeros(months)
    parts = []
    for channel, level in LEVEL.items():
        x = np.exp(rng.normal(0, 0.4, months) + follows * demand)
        won = rng.poisson(level * x**ELASTICITY * np.exp(demand))
        parts.append(pd.DataFrame({"month": month, "channel": channel, "purpose": "acquisition", "spend": 1000 * x, "new_customers": won}))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


@cache
def won_by(
    names: tuple[str, ...] = tuple(WORTH), each: int = 300
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Newcomers of each channel with their margin, and the segment they belong to."""
    rng = np.random.default_rng(8)
    channel = np.repeat(names, each)
    keys = [f"{i:05d}" for i in range(len(channel))]
    margin = pd.Series(channel).map(WORTH) * rng.gamma(4, 0.25, len(channel))
    newcomers = pd.DataFrame({"customer_id": keys, "channel": channel, "won_on": pd.Timestamp("2024-06-01"), "margin": margin})  # fmt: skip
    big = pd.Series(channel).eq("Fairs") & (rng.random(len(channel)) < 0.9)
    return newcomers, pd.DataFrame(
        {"customer_id": keys, "segment": np.where(big, "Business", "Homes")}
    )


def winning(money: float) -> Budget:
    return Budget(total=money + 1, acquisition=money, retention=1)


def read(**changes: Any) -> Answer:
    newcomers, segments = won_by()
    values = newcomers[["customer_id"]].assign(clv=100.0)
    given = {"spend": spend_table(), "newcomers": newcomers, "segments": segments, "values": values}
    answer = crm.acquisition_channels(**(given | changes))
    assert isinstance(answer, Answer)
    return answer


def test_what_the_last_unit_brings_is_found_and_the_money_goes_there() -> None:
    channels = read()
    plan = crm.channel_plan(channels, None, 1)
    assert isinstance(plan, Answer)
    table = plan.table.set_index("channel")
    reading = channels["reading"]
    usual = reading.usual
    x = usual / 12_000
    true = pd.Series({c: ELASTICITY * LEVEL[c] * WORTH[c] * x[c] ** (ELASTICITY - 1) / 1000 for c in LEVEL})  # fmt: skip
    assert (table["low"] < true.reindex(table.index)).all()
    assert (true.reindex(table.index) < table["high"]).all()
    assert table["at_same_money"].sum() == pytest.approx(usual.sum(), rel=0.02)
    free = reading.marginal(reading.spend_of(float(usual.sum()), *reading.seen())[0])
    least, most = reading.seen()
    table = table.loc[usual.index]
    inner = (table["at_same_money"] > 1.01 * least) & (table["at_same_money"] < 0.99 * most)
    assert inner.sum() >= 2 and np.ptp(free[inner]) < 1e-6
    moved = table["at_same_money"] / usual
    gain = sum(LEVEL[c] * 12 * WORTH[c] * x[c] ** ELASTICITY * (moved[c] ** ELASTICITY - 1) for c in LEVEL)  # fmt: skip
    point, low, high, sure = plan["total"]
    assert 0 < low < gain < high and sure > 0.97 and low < point < high


def test_no_other_split_within_what_was_seen_brings_more() -> None:
    reading = read()["reading"]
    least, most = reading.seen()
    money = 1.2 * float(reading.usual.sum())
    best, price = reading.spend_of(money, least, most)
    assert best.sum() == pytest.approx(money) and price > 0
    rng = np.random.default_rng(3)
    for _ in range(50):
        a, b = rng.choice(list(LEVEL), 2, replace=False)
        step = min(0.2 * rng.random() * best[a], most[b] - best[b], best[a] - least[a])
        other = best.copy()
        other[a], other[b] = best[a] - step, best[b] + step
        assert reading.gain(other).sum() <= reading.gain(best).sum() + 1e-6


def test_spend_that_follows_demand_flatters_nothing_where_channels_are_several() -> None:
    found = [fit_elasticity(spend_table(seed, follows=1.5)) for seed in range(8)]
    assert abs(np.mean([f.elasticity for f in found]) - ELASTICITY) < 0.04
    assert np.mean([f.low < ELASTICITY < f.high for f in found]) >= 7 / 8
    alone = [
        fit_elasticity(t[t["channel"] == "Ads"])
        for t in (spend_table(seed, follows=1.5) for seed in range(8))
    ]
    assert np.mean([f.elasticity for f in alone]) > ELASTICITY + 0.2


def test_the_split_falls_on_segments_by_the_channels_and_says_up_to_where_winning_pays() -> None:
    channels = read()
    newcomers, segments = won_by()
    values = newcomers[["customer_id"]].assign(clv=100.0, expected_margin_12m=50.0)
    now = newcomers[["customer_id"]].assign(tenure_days=100)
    budget = Budget(total=80_000, acquisition=60_000, retention=20_000)
    split = crm.budget_split(budget, values, segments, now, channels, seed=1)
    assert isinstance(split, Answer)
    amounts = split.table.set_index(["purpose", "segment"])["amount"]
    assert amounts["acquisition"].sum() == pytest.approx(60_000)
    planned, _ = channels["reading"].spend_of(60_000, *channels["reading"].seen())
    business = planned["Fairs"] / planned.sum()
    assert amounts["acquisition", "Business"] / 60_000 == pytest.approx(0.9 * business, abs=0.02)
    returns = split["returns"].set_index("purpose")
    assert returns.loc["acquisition", "basis"] == "at the margin, from all channels together"
    first, whole = returns["marginal_return"][["acquisition", "acquisition over the lifetime"]]
    assert first < whole
    assert (returns["low"] < returns["marginal_return"]).all()
    assert "pay back within a year up to" in split.so_what
    assert "not come back" not in split.so_what
    poor = newcomers.assign(margin=newcomers["margin"] / 20)
    dear = read(newcomers=poor, values=values.assign(clv=1.0))
    much = crm.budget_split(budget, values, segments, now, dear, seed=1)
    assert "of that would not come back" in much.so_what


TABLE = spend_table()


@pytest.mark.parametrize(("spend", "why"), [
    (TABLE[TABLE["month"] < "2023-09-01"], "fewer than 12 months"),
    (TABLE.assign(spend=1000.0), "vary"),
    (TABLE.assign(spend=TABLE["month"].dt.month * 100.0), "vary"),
    (TABLE.assign(new_customers=0), "12 months"),
    (TABLE.assign(new_customers=7), "same number in all months"),
    (TABLE.assign(new_customers=TABLE["month"].dt.day + TABLE.index % 5), "do not tell"),
    (TABLE[TABLE["channel"].eq("Ads")].assign(spend=1000.0), "vary"),
    (TABLE.assign(channel=TABLE["channel"] + " (new name)"), "no channel with spend is named"),
])  # fmt: skip
def test_what_cannot_be_told_is_said_and_costs_are_still_shown(spend: pd.DataFrame, why: str) -> None:  # fmt: skip
    channels = read(spend=spend)
    assert channels["reading"] is None and why in channels.so_what
    assert len(channels.table) == spend["channel"].nunique() and channels.table["first_year"].isna().all()  # fmt: skip
    plan = crm.channel_plan(channels, winning(1000.0), 1)
    assert isinstance(plan, Missing) and why in plan.reason and plan.ask


def test_one_channel_and_months_without_spend_give_a_sound_answer() -> None:
    alone = read(spend=TABLE[TABLE["channel"] == "Ads"])
    plan = crm.channel_plan(alone, winning(15_000.0), 1)
    assert isinstance(plan, Answer)
    assert "stay as they are" in plan.so_what and plan.table["at_planned_money"].sum() == pytest.approx(15_000)  # fmt: skip
    gaps = TABLE.assign(spend=TABLE["spend"].where(TABLE.index % 7 != 0, 0.0))
    assert read(spend=gaps)["reading"].response.n == len(TABLE) - (TABLE.index % 7 == 0).sum()
    far = crm.channel_plan(read(), winning(1e7), 1)
    assert far["unplaced"] > 9e6 and "beyond any spend seen" in far.so_what


def test_a_channel_whose_customers_are_not_known_stays_as_it_is() -> None:
    newcomers, segments = won_by(("Fairs", "Ads", "Post"))
    plan = crm.channel_plan(read(newcomers=newcomers, segments=segments), None, 1)
    row = plan.table.set_index("channel").loc["Friends"]
    assert row["at_same_money"] == row["spend"] and np.isnan(row["marginal_return"])
    with pytest.raises(NotEnough, match="no channel with 10"):
        crm.channel_response(TABLE, newcomers.head(5), None)
    nobody = read(newcomers=newcomers.head(0))
    assert nobody["reading"] is None
    assert isinstance(crm.acquisition_channels(TABLE.head(0)), Missing)
    assert isinstance(crm.acquisition_channels(TABLE, Missing("no orders"), Missing("none")), Answer)  # fmt: skip


def test_an_old_customer_seen_for_the_first_time_is_no_newcomer(tmp_path: Path) -> None:
    """Without a day of acquisition a first order counts only once the record is as old as the margin's days."""
    kinds = {"id": "str", "text": "str", "choice": "str", "flag": "boolean", "whole": "Int64", "day": "datetime64[us]", "time": "datetime64[us]"}  # fmt: skip
    customers = pd.DataFrame({
        "customer_id": ["old", "new", "dated", "late"], "acquisition_channel": "Ads",
        "acquired_at": [None, None, "2023-02-01", "2025-06-01"],
    })  # fmt: skip
    orders = pd.DataFrame({
        "order_id": list("abcde"), "customer_id": ["old", "new", "dated", "late", "new"], "revenue": 100.0, "cost": 60.0,
        "ordered_at": ["2023-01-10", "2024-03-01", "2023-02-05", "2025-06-02", "2025-03-02"],
    })  # fmt: skip
    for name, frame in {"customers": customers, "orders": orders}.items():
        columns = TABLES[name].columns
        frame = frame.reindex(columns=list(columns))
        frame = frame.astype({c: kinds.get(columns[c].kind, "float64") for c in columns})
        frame.to_parquet(tmp_path / f"{name}.parquet", index=False)
    rows = Warehouse(tmp_path, date(2025, 12, 31)).query(
        "newcomer_margins", days=365, start=date(2023, 1, 1), margin_rate=0.3
    )
    assert dict(zip(rows["customer_id"], rows["margin"], strict=True)) == {"dated": 40.0, "new": 40.0}  # fmt: skip
