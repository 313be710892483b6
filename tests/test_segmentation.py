"""Segments are a partition, survive odd data, keep their names; money adds up; every step function degrades."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook import segmentation as sg
from playbook.answer import Answer, Missing
from playbook.contract import NO_PURCHASE
from playbook.engagement.model import Costs, StrategyRule
from playbook.segmentation.basis import basis_of, fit_basis, standardise
from playbook.segmentation.naming import kept_names, name_segments
from playbook.segmentation.purchase_models import comparable
from playbook.segmentation.rfm import RULES, rfm_segment, score

AS_OF = dt.date(2025, 12, 31)
MIX = ["customer_id", "dimension", "name", "amount"]
ATTITUDES = ["customer_id", "kind", "construct", "value", "answered_at", "scale_min", "scale_max"]
MARKET = ["market_segment", "year", "market_revenue", "our_revenue", "brand", "brand_share"]
MOVES = ["customer_id", "moved_at", "from_brand", "to_brand", "reason", "revenue_before", "revenue_since"]  # fmt: skip
HISTORY = ["customer_id", "won_before_record", "frequency", "recency", "age", "monetary", "weeks_to_first",
           "later_purchases", "later_spend"]  # fmt: skip


def clients(n: int, seed: int = 1) -> pd.DataFrame:
    """Two kinds of customers: frequent small orders, and rare big ones with discount; every tenth never bought."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n) % 2
    orders = np.where(np.arange(n) % 10 == 9, 0, np.where(kind == 0, 8, 2) + rng.integers(0, 3, n))
    value = orders * np.where(kind == 0, 30.0, 300.0) * rng.uniform(0.8, 1.2, n)
    bought = orders > 0
    text, none = pd.Series(["x"] * n, dtype="str"), pd.Series([None] * n, dtype="str")
    return pd.DataFrame(
        {
            "customer_id": [f"{i:05d}" for i in range(n)],
            "tenure_days": 900, "age": rng.integers(20, 80, n).astype(float), "gender": none, "income": np.nan,
            "education": none, "household": pd.array([None] * n, dtype="Int64"), "country": text, "region": none,
            "area_type": none, "latitude": np.nan, "longitude": np.nan,
            "customer_type": np.where(kind == 0, "private", "business"), "industry": none,
            "acquisition_channel": none, "market_segment": none,
            "may_be_contacted": pd.array([True] * n, dtype="boolean"), "is_closed": False, "orders": orders,
            "days_since_first_order": pd.array(np.where(bought, 800, None), dtype="Int64"),
            "recency_days": pd.array(np.where(bought, rng.integers(0, 700, n), None), dtype="Int64"),
            "purchases_value": value, "discount": value * np.where(kind == 0, 0.0, 0.2),
            "orders_12m": orders // 2, "orders_before": orders - orders // 2, "refunds_12m": 0,
            "revenue_12m": value / 2, "margin_12m": value / 5, "revenue_with_cost_12m": value / 2,
            "turnover_12m": value / 2, "units": np.where(bought, orders * 2.0, np.nan), "tickets": 0,
            "tickets_12m": kind, "interactions_12m": 0, "interaction_cost_12m": 1.0, "campaign_cost_12m": 0.5,
            "running_contracts": 0,
        }
    )  # fmt: skip


def mix_of(customers: pd.DataFrame) -> pd.DataFrame:
    buyers = customers[customers["orders"] > 0]
    return pd.DataFrame(
        {
            "customer_id": buyers["customer_id"],
            "dimension": "category",
            "name": np.where(buyers["customer_type"] == "private", "Books", "Desks"),
            "amount": buyers["purchases_value"],
        }
    )


@pytest.fixture(scope="module")
def solved() -> dict:
    customers = sg.add_contribution(clients(300), Costs(cost_per_ticket=5.0))
    mix = mix_of(customers)
    solution = sg.choose_segments(customers, mix, seed=1)
    assert isinstance(solution, Answer)
    return {"customers": customers, "mix": mix, "solution": solution}


def test_every_score_cell_has_one_rule_and_every_rule_a_cell() -> None:
    cells = pd.DataFrame(list(itertools.product(range(1, 6), repeat=3)), columns=["recency", "frequency", "monetary"])  # fmt: skip
    names = rfm_segment(cells)
    assert len(names) == 125
    assert set(names) == set(RULES)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 6) | st.none(), min_size=1, max_size=60))
def test_scores_survive_ties_constants_and_gaps(values: list) -> None:
    given_values = pd.Series(values, dtype="Float64")
    scores = score(given_values)
    assert scores.between(1, 5).all()
    by_value = scores.groupby(given_values.to_numpy(dtype=float, na_value=-1.0))
    assert (by_value.min() == by_value.max()).all()
    assert by_value.first().is_monotonic_increasing


def test_a_constant_scores_in_the_middle() -> None:
    assert (score(pd.Series([7, 7, 7, 7])) == 3).all()
    assert list(score(pd.Series([1, 2, 3, 4, 5]), best="low")) == [5, 4, 3, 2, 1]


def test_contribution_takes_service_contacts_and_campaigns_off_the_margin() -> None:
    frame = clients(4).iloc[:2]
    cost = sg.add_contribution(frame, Costs(cost_per_ticket=5.0))
    margin = frame["purchases_value"] / 5
    assert np.allclose(cost["contribution_12m"], margin - [0, 5] - 1.5)
    assert set(cost["margin_basis"]) == {"cost"}


def test_margin_falls_back_to_the_rate_and_then_to_revenue() -> None:
    unknown = clients(20).assign(margin_12m=np.nan, revenue_with_cost_12m=0.0)
    rate = sg.add_contribution(unknown, Costs(margin_rate=0.25))
    assert np.allclose(rate["margin_12m"], unknown["revenue_12m"] * 0.25)
    revenue = sg.add_contribution(unknown, Costs())
    assert np.allclose(revenue["margin_12m"], unknown["revenue_12m"])
    assert "neither cost nor margin rate" in sg.profit_contribution(revenue).caption


def test_contribution_adds_up_and_the_curve_ends_at_one() -> None:
    customers = sg.add_contribution(clients(60), Costs(cost_per_ticket=500.0))
    found = sg.profit_contribution(customers)
    assert found.table["contribution_12m"].sum() == pytest.approx(
        customers["contribution_12m"].sum()
    )
    assert len(found["losers"]) == (customers["contribution_12m"] < 0).sum()
    positive = sg.profit_contribution(sg.add_contribution(clients(60), Costs()))
    assert positive["curve"]["cumulative"].iloc[-1] == pytest.approx(1.0)


def test_a_single_order_does_not_make_a_whole_share() -> None:
    customers = clients(40)
    model = fit_basis(customers, mix_of(customers))
    desks = model[model["feature"] == "category: Desks"].iloc[0]
    values = basis_of(customers, mix_of(customers), model)["category: Desks"]
    assert 0 < values.max() < 1
    assert desks["prior"] < values.max()


def test_every_block_has_the_same_weight() -> None:
    customers = clients(200)
    model = fit_basis(customers, mix_of(customers))
    space = standardise(basis_of(customers, mix_of(customers), model), model)
    by_block = space.var(ddof=0).groupby(model.set_index("feature")["block"]).sum()
    assert np.allclose(by_block, 1.0)


def test_segments_cover_every_customer_once(solved: dict) -> None:
    segments = solved["solution"]["segments"]
    assert sorted(segments["customer_id"]) == sorted(solved["customers"]["customer_id"])
    none = solved["customers"]["orders"] == 0
    assert (segments["segment"] == NO_PURCHASE).sum() == none.sum()
    assert solved["solution"].table["chosen"].sum() == 1


def test_the_saved_model_gives_the_same_segments(solved: dict) -> None:
    again = sg.assign_segments(solved["customers"], solved["mix"], solved["solution"]["model"])
    pd.testing.assert_frame_equal(again, solved["solution"]["segments"])


def test_segments_do_not_depend_on_the_order_of_rows(solved: dict) -> None:
    shuffled = solved["customers"].sample(frac=1, random_state=3)
    mix = solved["mix"].sample(frac=1, random_state=4)
    again = sg.choose_segments(shuffled, mix, seed=1)
    pd.testing.assert_frame_equal(again["segments"], solved["solution"]["segments"])


def test_names_stay_with_their_segment_and_the_plan_may_rename(solved: dict) -> None:
    model = solved["solution"]["model"]
    old = model["segment"].iloc[0]
    wished = sg.choose_segments(solved["customers"], solved["mix"], names={old: "Our best"}, seed=1)
    assert "Our best" in set(wished["segments"]["segment"])
    kept = sg.choose_segments(solved["customers"], solved["mix"], previous=wished["model"], seed=1)
    pd.testing.assert_frame_equal(kept["segments"], wished["segments"])


def test_a_segment_that_moved_far_gets_no_old_name() -> None:
    previous = pd.DataFrame({"segment": ["a", "b"], "feature": "f", "center": [0.0, 1.0], "scale": 1.0})  # fmt: skip
    now = pd.DataFrame({"f": [1.1, 9.0]}, index=[0, 1])
    assert kept_names(now, previous) == {0: "b"}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.floats(-3, 3), min_size=4, max_size=4), min_size=1, max_size=7))
def test_names_are_unique_and_short(rows: list) -> None:
    columns = ["orders per year", "order value", "discount share", "channel: " + "Long " * 12]
    names = name_segments(pd.DataFrame(rows, columns=columns))
    assert len(set(names.values())) == len(rows)
    assert max(map(len, names.values())) <= 40


def test_too_few_and_constant_customers_are_not_segmented() -> None:
    few = sg.add_contribution(clients(30), Costs())
    assert isinstance(sg.choose_segments(few, mix_of(few), seed=1), Missing)
    same = pd.concat([clients(1)] * 150, ignore_index=True)
    same["customer_id"] = [f"{i:04d}" for i in range(150)]
    same = sg.add_contribution(same, Costs())
    assert isinstance(sg.choose_segments(same, mix_of(same), seed=1), Missing)


def test_profile_checks_and_typing(solved: dict) -> None:
    solution, customers = solved["solution"], solved["customers"]
    described = sg.describe_segments(solution["segments"], customers, solution["deviations"])
    assert described.table["customers"].sum() == len(customers)
    assert described.table["share_revenue"].sum() == pytest.approx(1.0)
    checks = sg.check_segments(solution["segments"], customers, solution["deviations"], solution["stability"])  # fmt: skip
    assert set(checks.table["passed"].str[-4:]) == {"of 5"}
    unknown = customers.assign(may_be_contacted=pd.array([None] * len(customers), dtype="boolean"))
    unasked = sg.check_segments(solution["segments"], unknown, solution["deviations"], solution["stability"])  # fmt: skip
    assert set(unasked.table["passed"].str[-4:]) == {"of 4"}
    tool = sg.typing_tool(solution["segments"], customers, solved["mix"], seed=1)
    assert tool.table["accuracy"].iloc[0] > tool.table["accuracy"].iloc[-1]
    assert tool["rules"].table["customers"].sum() == (customers["orders"] > 0).sum()


def histories(n: int = 400, seed: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frequency = rng.negative_binomial(1, 0.35, n).astype(float)
    age = rng.uniform(30, 100, n)
    recency = np.where(frequency > 0, age * rng.beta(3, 2, n), 0.0)
    return pd.DataFrame(
        {
            "customer_id": [f"{i:05d}" for i in range(n)], "won_before_record": False, "frequency": frequency,
            "recency": recency, "age": age, "monetary": np.where(frequency > 0, rng.gamma(4, 25, n), 0.0),
            "weeks_to_first": 0.0, "later_purchases": rng.poisson(0.2 * (1 + frequency)).astype(float), "later_spend": 0.0,
        }
    )  # fmt: skip


def test_lifetime_value_has_every_customer_and_ordered_ends() -> None:
    customers = sg.add_contribution(clients(450), Costs())
    check = sg.check_purchase_models(histories(), AS_OF, dt.date(2025, 6, 30))
    assert list(check.table["model"]) == ["BG/NBD", "MBG/NBD", "trailing frequency"]
    found = sg.lifetime_value(histories(), customers, check, 0.10, 36, seed=1)
    values = found["values"]
    assert list(values["customer_id"]) == sorted(customers["customer_id"])
    assert (values["clv_low"] <= values["clv_high"]).all()
    assert (values.loc[values["p_alive"].isna(), "clv"] == 0).all()
    assert values["p_alive"].dropna().between(0, 1).all()
    shorter = sg.lifetime_value(histories(), customers, check, 0.10, 12, seed=1)["values"]
    assert (shorter["clv"] <= values["clv"] + 1e-9).all()
    alone = sg.lifetime_value(histories(), customers, Missing("too short"), 0.10, 36, seed=1)
    assert isinstance(alone, Answer)


def test_without_silent_customers_the_clock_starts_at_the_first_purchase() -> None:
    row = {
        "won_before_record": True,
        "frequency": 2.0,
        "recency": 30.0,
        "age": 50.0,
        "weeks_to_first": 10.0,
    }
    frame = pd.DataFrame([row | {"customer_id": "a"}, row | {"customer_id": "b", "frequency": 0.0}])
    found = comparable(frame.reindex(columns=HISTORY))
    assert list(found.index) == ["a"]
    assert found.loc["a", ["frequency", "recency", "age"]].tolist() == [1.0, 20.0, 40.0]


def test_the_calibration_leaves_a_third_of_a_short_record() -> None:
    customers = clients(5).assign(days_since_first_order=90)
    assert sg.calibration_end(customers, AS_OF) == AS_OF - dt.timedelta(days=30)
    assert sg.calibration_end(customers.assign(days_since_first_order=2000), AS_OF) == AS_OF - dt.timedelta(days=364)  # fmt: skip


def board_parts() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    customers = sg.add_contribution(clients(40), Costs())
    ids = customers["customer_id"]
    segments = pd.DataFrame({"customer_id": ids, "segment": np.where(np.arange(40) % 2, "B", "A")})
    values = pd.DataFrame({"customer_id": ids, "clv": np.where(np.arange(40) % 2, 300.0, 100.0), "p_alive": 0.5})  # fmt: skip
    return segments, customers, values


def wallets(share: float) -> pd.DataFrame:
    rows = [[f"{i:05d}", "wallet", "wallet", 100 * share, AS_OF, 0.0, 100.0] for i in range(40)]
    rows += [[f"{i:05d}", "nps", "recommendation", 10.0 if i % 4 == 0 else 3.0, AS_OF, 0.0, 10.0] for i in range(40)]  # fmt: skip
    return pd.DataFrame(rows, columns=ATTITUDES)


def test_potential_is_what_is_bought_elsewhere_and_what_was_lost() -> None:
    segments, customers, values = board_parts()
    market = pd.DataFrame(columns=MARKET)
    board = sg.portfolio(segments, customers, values, wallets(0.25), market, "us", 0.10)
    row = board.table.set_index("segment").loc["B"]
    assert row["headroom"] == pytest.approx(3.0)
    assert row["potential"] == pytest.approx(0.1 * 300 * 3 + 0.1 * 300)
    assert row["headroom_from"] == "share of wallet"
    assert list(board.table["segment"]) == ["B", "A"]


def rule(strategy: str, **conditions: str) -> StrategyRule:
    return StrategyRule(strategy=strategy, do="do it", avoid="the rest", **conditions)


def test_the_first_rule_that_holds_gives_the_strategy() -> None:
    segments, customers, values = board_parts()
    board = sg.portfolio(segments, customers, values, wallets(0.25), pd.DataFrame(columns=MARKET), "us", 0.10)  # fmt: skip
    rules = [rule("grow share", value="high", potential="high"), rule("develop", potential="high"), rule("maintain at low cost")]  # fmt: skip
    found = sg.strategies(board, values, segments, rules).table.set_index("segment")
    assert found["strategy"].to_dict() == {"B": "grow share", "A": "maintain at low cost"}
    assert found["budget_share"].sum() == pytest.approx(1.0)
    assert found.loc["B", "budget_share"] > found.loc["A", "budget_share"]


def test_loyalty_cells_share_out_all_respondents() -> None:
    segments, _, values = board_parts()
    cells = sg.loyalty_cells(segments, values, wallets(0.6)).table
    parts = ["loyal", "willing, not buying", "buying, not attached", "detached"]
    assert np.allclose(cells[parts].sum(axis=1), 1.0)
    assert cells["respondents"].sum() == 40


def test_competition_counts_both_directions() -> None:
    moves = pd.DataFrame([["c", AS_OF, "us", "them", "price", 50.0, 0.0]] * 15
                         + [["d", AS_OF, "them", "us", "style", 0.0, 20.0]] * 10
                         + [["e", AS_OF, "them", "others", "style", 0.0, 0.0]], columns=MOVES)  # fmt: skip
    row = sg.customer_competition(moves, "us").table.iloc[0]
    assert (row["won"], row["lost"], row["net"], row["why_lost"]) == (10, 15, -5, "price")
    assert (row["revenue_lost"], row["revenue_won"]) == (750.0, 200.0)


def test_market_position_reads_no_later_year() -> None:
    rows = [["m", year, 1000.0, ours, brand, share] for year, ours in ((2024, 100.0), (2025, 150.0), (2026, 999.0))
            for brand, share in (("us", ours / 1000), ("them", 0.4))]  # fmt: skip
    row = sg.market_position(pd.DataFrame(rows, columns=MARKET), "us", 2025).table.iloc[0]
    assert (row["our_share"], row["leader"]) == (0.15, "them")
    assert row["change"] == pytest.approx(5.0)


def test_views_by_one_criterion() -> None:
    customers = sg.add_contribution(clients(300), Costs())
    business = customers["customer_type"] == "business"
    customers["revenue_12m"] *= np.where(business, 10.0, 1.0)
    demographic = sg.demographic(customers)
    assert demographic.headline.startswith("Customer type")
    assert isinstance(sg.geographic(customers), Answer)
    rows = [[f"{i:05d}", "psychographic", c, float((i + j) % 7), AS_OF, 1.0, 7.0]
            for i in range(100) for j, c in enumerate(("thrift", "style"))]  # fmt: skip
    found = sg.psychographic(pd.DataFrame(rows, columns=ATTITUDES), customers)
    assert found.table["customers"].sum() == 100
    assert sg.behavioural(customers).table["customers"].sum() == (customers["orders"] > 0).sum()


def test_every_function_says_what_is_missing_when_there_is_nothing() -> None:
    customers = sg.add_contribution(clients(10).iloc[:0], Costs())
    mix, attitudes = pd.DataFrame(columns=MIX), pd.DataFrame(columns=ATTITUDES)
    segments = pd.DataFrame(columns=["customer_id", "segment"])
    values = pd.DataFrame(columns=["customer_id", "clv", "p_alive"])
    deviations = pd.DataFrame(columns=["segment", "feature", "deviation"])
    stability = pd.DataFrame(columns=["segment", "stability"])
    history, market = pd.DataFrame(columns=HISTORY), pd.DataFrame(columns=MARKET)
    check = sg.check_purchase_models(history, AS_OF, AS_OF)
    board = sg.portfolio(segments, customers, values, attitudes, market, "us")
    assert sg.calibration_end(customers, AS_OF) == AS_OF
    for found in (
        sg.demographic(customers), sg.geographic(customers), sg.psychographic(attitudes, customers),
        sg.behavioural(customers), sg.choose_segments(customers, mix, previous=Missing("first year"), seed=1),
        sg.describe_segments(segments, customers, deviations), sg.typing_tool(segments, customers, mix, seed=1),
        sg.check_segments(segments, customers, deviations, stability), check, board,
        sg.lifetime_value(history, customers, check, 0.1, seed=1), sg.profit_contribution(customers),
        sg.loyalty_by_segment(segments, customers, values, attitudes), sg.loyalty_cells(segments, values, attitudes),
        sg.strategies(board, values, segments, []), sg.customer_competition(pd.DataFrame(columns=MOVES), "us"),
        sg.market_position(market, "us", 2025), sg.segment_profiles(Missing("none"), segments, values),
    ):  # fmt: skip
        assert isinstance(found, Missing)
