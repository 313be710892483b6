"""Step 3 on orders as odd as clients deliver them: only refunds, refunds above purchases, no margin or a negative one."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from playbook import segmentation as sg
from playbook.answer import Answer, Missing
from playbook.contract import NO_PURCHASE
from playbook.engagement.model import Costs, StrategyRule
from playbook.segmentation import candidates, solution
from playbook.tables import SQL_TYPE, TABLES
from playbook.warehouse import Warehouse

AS_OF = dt.date(2025, 12, 31)
SINCE = dt.date(2024, 12, 31)
RULES = [
    StrategyRule(strategy="exit", contribution="negative", do="Stop paid contacts.", avoid="Discounts."),
    StrategyRule(strategy="maintain at low cost", do="Self-service.", avoid="Calls."),
]  # fmt: skip
REFUNDER = "K0007"


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Few resamples and numbers of segments: what is tested here does not rest on them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solution, "NUMBERS", range(3, 4))
        patch.setattr(candidates, "RESAMPLES", 3)
        patch.setattr(candidates, "CLASS_RESAMPLES", 2)
        yield


def shop(customers: int = 150) -> pd.DataFrame:
    """Orders of two and a half years at own rates; half of what is paid is cost."""
    rng = np.random.default_rng(8)
    number = np.repeat(np.arange(customers), rng.poisson(rng.gamma(1.2, 4.0, customers)) + 1)
    revenue = np.round(rng.gamma(3.0, 20.0, len(number)) + 1, 2)
    day = pd.Timestamp(AS_OF) - pd.to_timedelta(rng.integers(0, 900, len(number)), unit="D")
    ids = [f"K{i:04d}" for i in number]
    return pd.DataFrame(
        {"customer_id": ids, "ordered_at": day, "revenue": revenue, "cost": revenue / 2}
    )


def refunded(orders: pd.DataFrame, times: float) -> pd.DataFrame:
    """Every order and, a day later, a refund of ``times`` its value."""
    later = orders["ordered_at"] + pd.Timedelta(days=1)
    back = orders.assign(
        revenue=-times * orders["revenue"], cost=-times * orders["cost"], ordered_at=later
    )
    return pd.concat([orders, back[back["ordered_at"] <= pd.Timestamp(AS_OF)]], ignore_index=True)


def only_refunds(orders: pd.DataFrame) -> pd.DataFrame:
    return orders.assign(revenue=-orders["revenue"], cost=-orders["cost"])


def one_only_refunds(orders: pd.DataFrame) -> pd.DataFrame:
    his = orders["customer_id"] == REFUNDER
    return pd.concat([orders[~his], only_refunds(orders[his])], ignore_index=True)


ORDERS = {
    "a client with only refunds": only_refunds(shop()),
    "a customer with only refunds": one_only_refunds(shop()),
    "refunds above purchases": refunded(shop(), 1.5),
    "no margin": shop().assign(cost=lambda d: d["revenue"]),
    "negative margin": shop().assign(cost=lambda d: 1.5 * d["revenue"]),
    "one customer": shop().query("customer_id == 'K0003'"),
    "one order each": shop().groupby("customer_id", as_index=False).first(),
}


def warehouse(folder: Path, orders: pd.DataFrame) -> Warehouse:
    """Write orders and their customers as intake does, all columns typed and those not given null."""
    orders = orders.assign(order_id=[f"O{i:06d}" for i in range(len(orders))])
    customers = orders.groupby("customer_id", as_index=False)["ordered_at"].min()
    frames = {
        "orders": orders,
        "customers": customers.rename(columns={"ordered_at": "acquired_at"}),
    }
    folder.mkdir()
    with duckdb.connect() as db:
        for name, frame in frames.items():
            db.register("given", frame)
            columns = ", ".join(
                f"cast({label if label in frame else 'null'} as {SQL_TYPE[column.kind]}) as {label}"
                for label, column in TABLES[name].columns.items()
            )
            db.execute(f"copy (select {columns} from given) to '{folder / name}.parquet'")
    return Warehouse(folder, AS_OF)


def third_step(house: Warehouse) -> dict[str, Any]:
    """Return what each section of the third notebook gets from these tables."""
    customers = sg.add_contribution(house.query("customer_features", since=SINCE), Costs())
    mix, habits = (
        house.query("purchase_mix", since=SINCE),
        house.query("buying_habits", since=SINCE),
    )
    attitudes, market = house.query("customer_attitudes", since=SINCE), house.table("market")
    chosen = sg.choose_segments(customers, mix, seed=1, habits=habits, attitudes=attitudes)
    segments, deviations = chosen["segments"], chosen["deviations"]
    described = sg.describe_segments(segments, customers, deviations)
    cut = sg.calibration_end(customers, AS_OF)
    models = sg.check_purchase_models(house.query("purchase_histories", until=cut), AS_OF, cut)
    histories = house.query("purchase_histories", until=AS_OF)
    lifetime = sg.lifetime_value(histories, customers, models, 0.10, seed=1)
    raw = lifetime["values"]
    totals = sg.value_by_segment(segments, raw, models)
    values = sg.set_right(raw, totals)
    board = sg.portfolio(segments, customers, values, attitudes, market, "us")
    strategies = sg.strategies(board, values, chosen["memberships"], RULES)
    return {
        "customers": customers,
        "views": sg.behavioural(customers),
        "demographic": sg.demographic(customers),
        "segments": chosen,
        "described": described,
        "checks": sg.check_segments(segments, customers, deviations, chosen["stability"]),
        "typing": sg.typing_tool(segments, customers, mix, attitudes, seed=1),
        "models": models,
        "lifetime": lifetime,
        "totals": totals,
        "ceiling": sg.acquisition_ceiling(customers, values, house.table("channel_spend"), 0.25, lifetime["basis"]),
        "contribution": sg.profit_contribution(customers),
        "losses": sg.foresee_losses(house.query("contribution_years"), Costs(), 1),
        "loyalty": sg.loyalty_by_segment(segments, customers, values, attitudes),
        "board": board,
        "strategies": strategies,
        "cards": sg.strategy_cards(strategies, described, chosen["memberships"], values, chosen, customers),
        "profiles": sg.segment_profiles(described, segments, values),
    }  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("odd")
    return {
        name: third_step(warehouse(folder / str(i), orders))
        for i, (name, orders) in enumerate(ORDERS.items())
    }


@pytest.mark.parametrize("name", ORDERS)
def test_every_section_answers_soundly_or_says_what_it_needs(
    name: str, found: dict[str, dict[str, Any]]
) -> None:
    for section, answer in found[name].items():
        if isinstance(answer, Missing):
            assert len(answer.reason) > 10 and answer.ask, section
        elif isinstance(answer, Answer):
            said = f"{answer.headline} {answer.so_what} {answer.caption}"
            assert not re.search(r"\b(nan|inf)\b|– ?%", said), (section, said)
            assert not np.isinf(answer.table.select_dtypes("number").to_numpy(float)).any(), section
            assert all(math.isfinite(metric.value) for metric in answer.metrics), section


def test_a_client_with_only_refunds_is_asked_for_orders(found: dict[str, dict[str, Any]]) -> None:
    step = found["a client with only refunds"]
    for section in ("views", "segments", "lifetime", "board", "strategies"):
        assert isinstance(step[section], Missing) and "orders" in step[section].ask
    assert len(step["contribution"]["losers"]) == step["contribution"].metrics[0].n
    assert "nobody brings more than they cost" in step["contribution"].so_what


def test_a_customer_with_only_refunds_has_a_cost_and_no_value(
    found: dict[str, dict[str, Any]],
) -> None:
    step = found["a customer with only refunds"]
    place = step["segments"]["segments"].set_index("customer_id")["segment"]
    assert place.index.is_unique and (place == NO_PURCHASE).sum() == 1
    assert place[REFUNDER] == NO_PURCHASE
    assert step["lifetime"]["values"].set_index("customer_id")["clv"][REFUNDER] == 0
    assert REFUNDER in set(step["contribution"]["losers"]["customer_id"])
    assert step["described"].table["share_revenue"].sum() == pytest.approx(1)


def test_where_refunds_take_all_revenue_no_share_of_it_is_told(
    found: dict[str, dict[str, Any]],
) -> None:
    step = found["refunds above purchases"]
    assert step["described"].table["share_revenue"].isna().all()
    assert "refunds reach purchases" in step["described"].headline
    assert step["views"].table["share_revenue"].isna().all()
    assert "no revenue is left" in step["views"].headline
    assert "purchases on record" in step["views"]["shares"].headline


@pytest.mark.parametrize("name", ["refunds above purchases", "no margin", "negative margin"])
def test_nothing_is_spent_where_purchases_earn_nothing(
    name: str, found: dict[str, dict[str, Any]]
) -> None:
    step = found[name]
    clv = step["lifetime"]["values"]["clv"]
    assert (clv == 0).all() if name == "no margin" else (clv.max() <= 0 and clv.sum() < 0)
    assert "Mend prices" in step["lifetime"].so_what
    board = step["board"].table
    assert set(board["value_level"]) == set(board["potential_level"]) == {"low"}
    assert "None of" in step["board"].headline and step["board"].metrics == ()
    rules = step["strategies"].table
    assert (rules["budget_share"] == 0).all() and "none earns a budget" in step[
        "strategies"
    ].headline
    wanted = "maintain at low cost" if name == "no margin" else "exit"
    assert set(rules["strategy"]) == {wanted}
    assert "no segment is worth anything" in step["cards"].headline
