"""Step 01: baselines, the exact split of the change, forecasts, the plan's contradictions."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook import figures
from playbook import objectives as step
from playbook.answer import Answer, Missing
from playbook.engagement.model import (
    Budget,
    Engagement,
    Initiative,
    Objective,
    Plan,
    Risk,
    Role,
    Stakeholder,
)
from playbook.objectives.histories import rolling_history, wave_history, whole_months
from playbook.objectives.resources import monthly_days
from playbook.objectives.roadmap import schedule
from playbook.objectives.tree import branch_leaves
from playbook.stats import ratio_interval, shapley_change

EMPTY = pd.DataFrame()
UNIT = st.floats(-10, 10, allow_nan=False).map(lambda v: round(v, 3))
LEVEL = st.floats(-1e6, 1e6, allow_nan=False).map(lambda v: round(v, 3))


def _window(years_ago: int, **changed: Any) -> dict[str, Any]:
    """Three customers with 1, 2 and 3 orders of 10 each at a cost of 6, and one guest order of 20."""
    last = pd.Timestamp(2025 - years_ago, 12, 31)
    row = {
        "years_ago": years_ago, "after_day": pd.Timestamp(last.year - 1, 12, 31), "last_day": last,
        "first_order": pd.Timestamp(2023, 1, 2), "new_customers": 1, "previous_customers": 4,
        "retained_customers": 2, "active_customers": 3, "repeat_customers": 2, "orders": 6, "guest_orders": 1,
        "revenue": 80.0, "customer_revenue": 60.0, "margin": 32.0, "priced_revenue": 80.0,
        "revenue_squared": 100.0 + 400 + 900 + 400, "margin_squared": 16.0 + 64 + 144 + 64,
        "orders_squared": 14, "customer_revenue_squared": 1400.0, "orders_times_revenue": 140.0,
    }  # fmt: skip
    return row | changed


def _figures() -> pd.DataFrame:
    answer = step.baselines(pd.DataFrame([_window(0), _window(1), _window(2)]), EMPTY)
    return answer["figures"]


def _branches(factor: float = 1.0) -> pd.DataFrame:
    rows = []
    for years_ago, size in ((0, factor), (1, 1.0)):
        for branch, customers in (("existing customers", 50), ("new customers", 20), ("guests", 0)):
            revenue = 1000.0 * size * (1 + customers)
            rows.append(
                {"years_ago": years_ago, "after_day": pd.Timestamp(2024 - years_ago, 12, 31),
                 "first_order": pd.Timestamp(2023, 1, 2), "branch": branch, "customers": customers,
                 "orders": 2 * customers + 10, "revenue": revenue, "margin": 0.4 * revenue, "priced_revenue": revenue}
            )  # fmt: skip
    return pd.DataFrame(rows)


def _monthly(months: int, first: str = "2023-01") -> pd.DataFrame:
    month = pd.period_range(first, periods=months, freq="M").to_timestamp()
    season = 1 + 0.3 * np.sin(np.arange(months) * np.pi / 6)
    revenue = 1000 * season + np.random.default_rng(1).normal(0, 20, months)
    return pd.DataFrame(
        {"month": month, "first_day": month, "is_partial": False, "new_customers": 10, "orders": 90,
         "guest_orders": 3, "active_customers": 60, "revenue": revenue, "margin": 0.4 * revenue, "priced_revenue": revenue}
    )  # fmt: skip


def _objective(id_: str, metric: str, target: float, **changed: Any) -> Objective:
    return Objective(
        **{"id": id_, "name": f"Objective {id_}", "area": "value", "metric": metric, "target": target,
           "due": date(2026, 12, 31), "owner": "boss", "serves": "purpose", "because": "why"} | changed
    )  # fmt: skip


def _initiative(id_: str, **changed: Any) -> Initiative:
    return Initiative(
        **{"id": id_, "name": f"Initiative {id_}", "objectives": ["a"], "start": date(2026, 1, 1),
           "end": date(2026, 3, 31), "budget": 100.0, "person_days": {"boss": 6.0}, "raci": {"boss": "A", "team": "R"}} | changed
    )  # fmt: skip


def _engagement(**changed: Any) -> Engagement:
    roles = [
        Role(id="boss", title="Boss", department="Top", person_days_per_month=4, guidance="Lead"),
        Role(id="team", title="Team", department="Shop", person_days_per_month=9, guidance="Do"),
    ]
    return Engagement(
        **{"client": "c", "brand": "b", "currency": "EUR", "purpose": "p", "mission": "m", "vision": "v",
           "roles": roles, "inbox": [{"files": "x.csv", "table": "orders"}]} | changed
    )  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [
        lambda: step.baselines(EMPTY, EMPTY),
        lambda: step.what_moved(EMPTY),
        lambda: step.metric_tree(step.what_moved(EMPTY), EMPTY),
        lambda: step.business_as_usual(EMPTY, EMPTY, seed=1),
        lambda: step.backtest(step.business_as_usual(EMPTY, EMPTY, seed=1)),
        lambda: step.reachability([], EMPTY, EMPTY, EMPTY, EMPTY, date(2025, 12, 31), 1),
        lambda: step.levers(Missing("no year before"), Missing("no objectives")),
        lambda: step.tracing([], [], "p", "m", "v"),
        lambda: step.targets([], EMPTY, []),
        lambda: step.roadmap([], [], []),
        lambda: step.budget([], [], None),
        lambda: step.workload([], []),
        lambda: step.responsibilities([], []),
        lambda: step.risks([], []),
        lambda: step.communication([], []),
        lambda: step.guidance([], []),
        lambda: step.capability(EMPTY),
        lambda: step.capability_gaps(step.capability(EMPTY)),
        lambda: step.plan_findings(Plan(as_of=date(2025, 12, 31)), _engagement(), EMPTY),
        lambda: step.objectives_result(Missing("none"), Missing("none")),
    ],
)
def test_nothing_to_go_by_gives_a_missing_answer(answer: Any) -> None:
    assert isinstance(answer(), Missing)


def test_baselines_of_three_customers_are_those_counted_by_hand() -> None:
    figures = _figures().set_index("metric")
    assert figures.loc["orders_per_customer", "value"] == 2
    assert figures.loc["average_order_value", "value"] == 10
    assert figures.loc["repeat_rate", "value"] == pytest.approx(2 / 3)
    assert figures.loc["retention_rate", "value"] == 0.5
    assert figures.loc["gross_margin", "value"] == 32
    assert math.isnan(figures.loc["nps", "value"])
    by_rows = ratio_interval([1, 2, 3], [1, 1, 1])
    assert figures.loc["orders_per_customer", "low"] == pytest.approx(by_rows.low, abs=1e-4)


def test_a_change_from_nothing_or_from_a_loss_is_told_in_money() -> None:
    for before, told in ((0.0, "by 32"), (-20.0, "by 52")):
        then = _window(1, revenue=80.0, margin=before)
        answer = step.baselines(pd.DataFrame([_window(0), then, _window(2)]), EMPTY)
        assert told in answer.headline and "%" not in answer.headline


def test_a_year_that_is_not_whole_is_no_year() -> None:
    late = {"first_order": pd.Timestamp(2025, 6, 1)}
    assert isinstance(step.baselines(pd.DataFrame([_window(0, **late)]), EMPTY), Missing)
    second = {"first_order": pd.Timestamp(2024, 6, 1)}
    rows = pd.DataFrame([_window(0, **second), _window(1, **second)])
    figures = step.baselines(rows, EMPTY)["figures"].set_index("metric")
    assert figures["before_value"].isna().all() and math.isnan(
        figures.loc["retention_rate", "value"]
    )


def test_where_orders_begin_with_the_year_everybody_looks_new_and_it_is_said() -> None:
    """No day of winning and no orders before: a first order in the window is no start."""
    begins = {"first_order": pd.Timestamp(2025, 1, 2)}
    answer = step.baselines(pd.DataFrame([_window(0, share_acquired_known=0.0, **begins)]), EMPTY)
    assert math.isnan(answer["figures"].set_index("metric").loc["new_customers", "value"])
    assert "ask when each customer was won" in answer.so_what
    told = step.baselines(pd.DataFrame([_window(0, share_acquired_known=1.0, **begins)]), EMPTY)
    assert told["figures"].set_index("metric").loc["new_customers", "value"] == 1


def test_new_and_old_customers_are_one_branch_where_they_cannot_be_told_apart() -> None:
    frame = _branches(1.2).assign(first_order=pd.Timestamp(2024, 1, 2), share_acquired_known=0.0)
    moved = step.what_moved(frame)
    assert set(moved["leaves"]["branch"]) == {"customers", "guests"}
    assert "ask when each was won" in moved.so_what
    assert math.fsum(moved.table["effect"]) == pytest.approx(moved["end"] - moved["start"])
    tree = step.metric_tree(moved, frame)
    assert "Customers" in set(tree["nodes"]["name"]) and figures.metric_tree(tree).png()
    apart = step.what_moved(frame.assign(share_acquired_known=0.95))
    assert "new customers" in set(apart["leaves"]["branch"])


def test_one_order_a_customer_is_said() -> None:
    once = dict.fromkeys(("orders", "active_customers", "orders_squared"), 40)
    rows = pd.DataFrame([_window(0, **once, repeat_customers=0, orders_times_revenue=60.0)])
    assert "exactly one order" in step.baselines(rows, EMPTY).so_what


def test_the_first_year_of_new_customers_is_left_out_where_days_of_winning_are_unknown() -> None:
    monthly = _monthly(30).assign(share_acquired_known=0.0)
    assert len(whole_months(monthly, "new_customers")) == 18
    assert len(whole_months(monthly, "revenue")) == 30
    assert len(whole_months(monthly.assign(share_acquired_known=1.0), "new_customers")) == 30


def test_ranges_of_money_that_was_never_negative_end_at_zero() -> None:
    monthly = _monthly(12, "2025-01")
    monthly["margin"] = [1.0, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233]
    table = step.business_as_usual(monthly, _figures(), seed=1).table
    assert (table["low"] >= 0).all() and (table["high"] > table["expected"]).all()
    monthly["margin"] -= 50
    assert step.business_as_usual(monthly, _figures(), seed=1).table["low"].min() < 0


def test_margin_needs_nine_tenths_of_the_costs() -> None:
    rows = pd.DataFrame([_window(0, priced_revenue=76.0, margin=38.0)])
    figures = step.baselines(rows, EMPTY)["figures"].set_index("metric")
    assert figures.loc["gross_margin", "value"] == pytest.approx(40)
    rows = pd.DataFrame([_window(0, priced_revenue=60.0)])
    figures = step.baselines(rows, EMPTY)["figures"].set_index("metric")
    assert math.isnan(figures.loc["gross_margin", "value"])


def test_nps_and_satisfaction_come_from_the_answers() -> None:
    answers = pd.DataFrame(
        {"years_ago": 0, "kind": ["nps"] * 3 + ["csat"] * 2, "value": [9.0, 8, 3, 5, 2],
         "scale_max": [10.0] * 3 + [5.0] * 2, "answers": [180, 140, 80, 30, 10]}
    )  # fmt: skip
    figures = step.baselines(pd.DataFrame([_window(0)]), answers)["figures"].set_index("metric")
    assert figures.loc["nps", "value"] == pytest.approx(25)
    assert figures.loc["nps", "high"] - 25 == pytest.approx(7.51, abs=0.01)  # 45 %, 20 %, n = 400
    assert figures.loc["csat", "value"] == 0.75


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(LEVEL, LEVEL), min_size=1, max_size=5))
def test_the_parts_of_a_change_sum_to_the_change(levels: list[tuple[float, float]]) -> None:
    before = {f"leaf{i}": a for i, (a, _) in enumerate(levels)}
    after = {f"leaf{i}": b for i, (_, b) in enumerate(levels)}

    def value(leaves: Any) -> float:
        return math.prod(v / 1e6 for v in leaves.values()) + sum(leaves.values()) / 1e6

    parts = shapley_change(value, before, after)
    assert abs(math.fsum(parts.values()) - (value(after) - value(before))) < 1e-9
    assert all(parts[k] == 0 for k in parts if before[k] == after[k])


def test_two_leaves_share_their_common_change_equally() -> None:
    parts = shapley_change(lambda v: v["a"] * v["b"], {"a": 2, "b": 3}, {"a": 4, "b": 5})
    assert parts == {"a": 8, "b": 6}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 99), st.integers(-9999, 99999), st.integers(-999, 9999)),
        min_size=6, max_size=6,
    )
)  # fmt: skip
def test_the_metric_tree_leaves_no_residual(cells: list[tuple[int, int, int, int]]) -> None:
    frame = _branches()
    names = ["customers", "orders", "revenue", "margin"]
    frame[names] = np.array(cells, dtype=float)
    frame.loc[frame["orders"] == 0, "customers"] = 0
    frame["priced_revenue"] = frame["revenue"]
    moved = step.what_moved(frame)
    size = max(1.0, float(frame["revenue"].abs().max()), float(frame["margin"].abs().max()))
    change = moved["end"] - moved["start"]
    assert abs(math.fsum(moved.table["effect"]) - change) / size < 1e-9
    measure = {"gross margin": "margin", "revenue": "revenue"}[moved["measure"]]
    by_year = frame.groupby("years_ago")[measure].sum()
    assert change == pytest.approx(by_year[0] - by_year[1], abs=1e-6 * size)


def _random_tree(draw: Any, depth: int, leaves: dict[str, tuple[float, float]]) -> Any:
    if depth == 0 or len(leaves) >= 5 or draw(st.booleans()):
        name = f"leaf{len(leaves)}"
        leaves[name] = draw(st.tuples(UNIT, UNIT))
        return lambda at: at[name]
    parts = [_random_tree(draw, depth - 1, leaves) for _ in range(draw(st.integers(1, 3)))]
    join = draw(st.sampled_from([math.prod, math.fsum, lambda v: v[0] - math.fsum(v[1:])]))
    return lambda at: join([part(at) for part in parts])


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_random_trees_of_sums_differences_and_products_leave_no_residual(data: Any) -> None:
    leaves: dict[str, tuple[float, float]] = {}
    value = _random_tree(data.draw, 3, leaves)
    before, after = ({k: v[i] for k, v in leaves.items()} for i in (0, 1))
    parts = shapley_change(value, before, after)
    assert abs(math.fsum(parts.values()) - (value(after) - value(before))) < 1e-9


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 50), st.integers(0, 99), st.integers(-9999, 99999), st.integers(-999, 9999)),
        min_size=6, max_size=6,
    )
)  # fmt: skip
def test_every_node_of_the_tree_is_the_sum_of_its_parts(cells: Any) -> None:
    frame = _branches()
    frame[["customers", "orders", "revenue", "margin"]] = np.array(cells, dtype=float)
    frame.loc[frame["orders"] == 0, "customers"] = 0
    frame["priced_revenue"] = frame["revenue"]
    moved = step.what_moved(frame)
    nodes = step.metric_tree(moved, frame)["nodes"]
    size = max(1.0, float(frame[["revenue", "margin"]].abs().max().max()))
    assert abs(nodes["effect"].iloc[0] - (moved["end"] - moved["start"])) / size < 1e-9
    for node in nodes.itertuples():
        children = nodes[nodes["parent"] == node.id]
        if len(children):
            assert abs(children["effect"].sum() - node.effect) / size < 1e-9
    if moved["measure"] == "gross margin":
        by_id = nodes.set_index("id")["now"].reindex(["revenue", "cost", "result"]).fillna(0.0)
        assert by_id["revenue"] - by_id["cost"] == pytest.approx(by_id["result"], abs=1e-6 * size)


def test_the_tree_draws_also_where_nothing_is_there() -> None:
    frame = _branches()
    frame[["customers", "orders", "revenue", "margin", "priced_revenue"]] = 0.0
    for tree in (step.metric_tree(step.what_moved(frame), frame), step.metric_tree(step.what_moved(_branches(1.2)), _branches(1.2))):  # fmt: skip
        assert isinstance(tree, Answer) and len(tree.headline) <= 90
        assert figures.metric_tree(tree).png()


def test_guests_have_a_branch_of_their_own_and_doubling_prices_is_all_order_value() -> None:
    table = step.what_moved(_branches(factor=2.0)).table.set_index("name")
    assert {"guests: orders", "guests: order value", "guests: margin rate"} < set(table.index)
    moved = table[table["effect"].abs() > 1e-9]
    assert all(name.endswith("order value") for name in moved.index)


def test_refunds_without_an_order_are_one_leaf() -> None:
    row = {"branch": "guests", "customers": 0.0, "orders": 0.0, "revenue": -5.0, "margin": -2.0, "priced_revenue": -5.0}  # fmt: skip
    before, after = branch_leaves(pd.Series(row), pd.Series(row | {"revenue": 0.0}), "revenue")
    assert (before, after) == ({"amount": -5.0}, {"amount": 0.0})


def test_months_that_are_not_whole_are_left_out_and_gaps_are_zero() -> None:
    monthly = _monthly(6)
    monthly.loc[0, "first_day"] = pd.Timestamp(2023, 1, 20)
    monthly.loc[5, "is_partial"] = True
    values = whole_months(monthly.drop(index=2), "orders")
    assert list(values) == [90, 0, 90, 90]


def test_a_flat_series_is_forecast_flat_and_a_trend_is_not_taken_for_sure() -> None:
    rng = np.random.default_rng(3)
    series = 100 + 20 * np.sin(np.arange(48) * np.pi / 6) + rng.normal(0, 1, 48)
    forecast = step.monthly_forecast(series, 12, seed=1)
    assert forecast.paths.mean(axis=0) == pytest.approx(series[-12:], abs=5)
    short = step.monthly_forecast(np.linspace(10, 30, 12), 12, seed=1)
    assert short.method == "level with unknown drift"
    low, high = np.quantile(short.paths.sum(axis=1), [0.025, 0.975])
    assert low < 12 * 10 and high > 12 * 30


def test_the_same_seed_gives_the_same_forecast_and_too_little_is_refused() -> None:
    series = _monthly(36)["revenue"].to_numpy()
    first, second = (step.monthly_forecast(series, 6, seed=5).paths for _ in range(2))
    assert (first == second).all()
    with pytest.raises(ValueError, match="not enough data"):
        step.monthly_forecast(series[:5], 6, seed=1)


@pytest.mark.parametrize("months", [24, 36])
def test_the_95_percent_range_of_a_year_holds_most_years(months: int) -> None:
    inside = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        season = 20 * np.sin(np.arange(months + 12) * np.pi / 6)
        series = 100 + season + rng.normal(0, 6, months + 12)
        year = step.monthly_forecast(series[:months], 12, seed).paths.sum(axis=1)
        low, high = np.quantile(year, [0.025, 0.975])
        inside += low <= series[months:].sum() <= high
    assert inside >= 17


def test_models_are_tried_on_the_past_against_last_years_month() -> None:
    usual = step.business_as_usual(_monthly(36), _figures(), seed=1)
    tried = step.backtest(usual)
    assert set(tried.table["method"]) >= {"last year's month"} and len(tried.table) == 3
    best = tried.table.iloc[0]
    assert best["chosen"] and best["error"] == tried.table["error"].min()
    assert best["method"] in usual.source and (tried.table["origins"] == 10).all()
    assert len(tried.headline) <= 90


def test_errors_of_the_past_are_those_counted_by_hand() -> None:
    """A series that rises by 12 a year: last year's month is always 12 too low."""
    series = 100 + np.arange(40.0)
    table = step.monthly_forecast(series, 12, seed=1).errors.set_index("method")
    naive = table.loc["last year's month"]
    assert naive["error"] * series.mean() == pytest.approx(12, abs=0.5)
    assert naive["bias"] == pytest.approx(naive["error_sum"]) and naive["error_sum"] > 0


def test_with_too_few_months_no_model_is_tried_and_the_range_is_wide() -> None:
    figures = _figures()
    short = step.business_as_usual(_monthly(18, "2024-07"), figures, seed=1)
    assert "season and growth cannot be told apart" in short.so_what
    refused = step.backtest(short)
    assert isinstance(refused, Missing) and "18 whole months" in refused.reason
    whole = step.business_as_usual(_monthly(36), figures, seed=1)
    wide = [a.table.iloc[-1]["high"] - a.table.iloc[-1]["low"] for a in (short, whole)]
    assert wide[0] > 1.5 * wide[1]


def test_drift_counts_only_beyond_its_noise() -> None:
    waves = step.annual_forecast(np.linspace(0.5, 0.6, 11), 10, 0.6, se=0.01, se_each=1e-6)
    assert waves.expected == pytest.approx(0.7, abs=1e-4)
    noisy = np.array([1.0, -1, 1, -1, 1, -1, 1.1])
    assert step.annual_forecast(noisy, 6, baseline=1.1, se=0.1, se_each=1.0).expected == 1.1
    alone = step.annual_forecast(np.array([0.5]), 12, baseline=0.5, se=0.02)
    assert alone.sd == pytest.approx(0.02 * math.sqrt(2)) and alone.chance(0.5) == 0.5


def test_one_year_of_overlapping_figures_is_too_little_to_call_a_rise_a_trend() -> None:
    """Twelve-month figures rise smoothly also when their months wander; years decide, not points."""
    rise = [
        step.annual_forecast(np.linspace(0, 1, n), 12, baseline=1.0, se=0.001).expected - 1.0
        for n in (12, 61)
    ]
    assert rise[0] < 0.35 * 12 / 11 and 0.7 * 12 / 60 < rise[1] < 12 / 60


def test_a_wandering_month_widens_the_range_of_a_12_month_figure() -> None:
    rng = np.random.default_rng(7)
    walk = 100 + np.cumsum(rng.normal(0, 1, 60))
    noise = 100 + rng.normal(0, 1, 60)
    sd = [
        step.annual_forecast(np.convolve(x, np.ones(12) / 12, "valid"), 12, 100.0, 0.01).sd
        for x in (walk, noise)
    ]
    assert sd[0] > 1.5 and sd[1] < 1.0  # truth: 2.8 and 0.4


def test_histories_leave_out_spans_that_are_not_whole() -> None:
    rolling = pd.DataFrame(
        {"month": pd.date_range("2023-01-01", periods=30, freq="MS"), "active_customers": 10.0, "repeat_customers": 4.0,
         "orders": 20.0, "revenue": 99.0, "previous_customers": 8.0, "retained_customers": 4.0}
    )  # fmt: skip
    assert len(rolling_history(rolling, "repeat_rate")) == 19
    assert list(rolling_history(rolling, "retention_rate")) == [0.5] * 7
    waves = pd.DataFrame(
        {"survey": "s", "wave": ["1", "1", "2", "2"], "kind": "nps", "value": [10.0, 0, 10, 0], "scale_max": 10.0,
         "first_answer": pd.to_datetime(["2024-05-01"] * 2 + ["2024-11-01"] * 2), "answers": [30, 10, 20, 20]}
    )  # fmt: skip
    points, _, per_year = wave_history(waves, "nps")
    assert list(points) == [50, 0] and per_year == pytest.approx(2, abs=0.05)


def test_reachability_tells_easy_from_hard_targets() -> None:
    monthly, known = _monthly(36), _figures()
    year = float(monthly["margin"].tail(12).sum())
    known.loc[known["metric"] == "gross_margin", ["value", "low", "high"]] = [
        year,
        year - 90,
        year + 90,
    ]
    goals = [_objective("low", "gross_margin", 0.5 * year), _objective("up", "gross_margin", 2 * year),
             _objective("odd", "fame", 1.0)]  # fmt: skip
    reach = step.reachability(goals, known, monthly, EMPTY, EMPTY, date(2025, 12, 31), 1)
    chance = reach["forecasts"].set_index("id")["probability"]
    assert chance["low"] > 0.99 and chance["up"] < 0.01 and math.isnan(chance["odd"])
    assert reach["forecasts"].set_index("id").loc["up", "gap"] == pytest.approx(year, rel=0.05)
    levers = step.levers(step.what_moved(_branches()), reach)
    assert isinstance(levers, Answer)
    result = step.objectives_result(step.targets(goals, known, []), reach)
    assert isinstance(result, pd.DataFrame) and list(result["id"]) == ["low", "odd", "up"]


def test_levers_close_the_gap_exactly() -> None:
    moved = step.what_moved(_branches())
    forecasts = pd.DataFrame({"metric": ["gross_margin"], "gap": [510.0]})
    table = step.levers(moved, Answer(EMPTY, "h", "s", "predictive", extra={"forecasts": forecasts})).table  # fmt: skip
    first = table.iloc[0]
    assert first["lift"] * 100 * first["worth_of_1_percent"] == pytest.approx(510)
    assert first["needed"] == pytest.approx(first["now"] * (1 + first["lift"]))


def test_the_schedule_waits_for_what_it_depends_on() -> None:
    plan = [
        _initiative("one", end=date(2026, 4, 30)),
        _initiative("two", start=date(2026, 3, 1), end=date(2026, 3, 10), depends_on=["one"]),
        _initiative("free", end=date(2026, 2, 1)),
    ]
    table = schedule(plan).set_index("id")
    assert table.loc["two", "earliest_start"] == pd.Timestamp(2026, 5, 1)
    assert table.loc["two", "slip_days"] == 61
    assert list(table.index[table["critical"]]) == ["one", "two"]
    assert table.loc["free", "slack_days"] == (pd.Timestamp(2026, 5, 10) - pd.Timestamp(2026, 2, 1)).days  # fmt: skip
    assert isinstance(step.roadmap(plan, [], []), Answer)


def test_a_circle_of_dependencies_is_said_so() -> None:
    plan = [_initiative("a", depends_on=["b"]), _initiative("b", depends_on=["a"])]
    missing = step.roadmap(plan, [], [])
    assert isinstance(missing, Missing) and "circle" in missing.reason


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 300), st.integers(0, 400), st.floats(0, 500))
def test_person_days_are_neither_lost_nor_made(start: int, length: int, days: float) -> None:
    first = date.fromordinal(date(2026, 1, 1).toordinal() + start)
    item = _initiative(
        "a",
        start=first,
        end=date.fromordinal(first.toordinal() + length),
        person_days={"boss": days},
    )
    assert monthly_days([item])["days"].sum() == pytest.approx(days)


def test_people_and_money_over_the_limit_are_named() -> None:
    roles = _engagement().roles
    busy = [_initiative("a", person_days={"boss": 30.0})]
    assert step.workload(busy, roles).table.loc[0, "months_over"] == 3
    over = step.budget(busy, [], Budget(total=90.0, acquisition=0.0, retention=90.0))
    assert "10.00 more" in over.headline
    part = step.budget(busy, [], Budget(total=150.0, acquisition=60.0, retention=90.0))
    assert part.headline.endswith("retention asks for 10.00 more than its part")
    fits = step.budget(busy, [], Budget(total=150.0, acquisition=0.0, retention=150.0))
    assert "leave 50.00 of 150" in fits.headline


def test_the_budget_of_an_initiative_is_shared_among_its_objectives() -> None:
    goals = [_objective("a", "revenue", 1), _objective("new", "new_customers", 1, area="acquisition")]  # fmt: skip
    table = step.budget([_initiative("x", objectives=["a", "new"])], goals, None).table
    assert table.loc[0, "acquisition"] == table.loc[0, "retention"] == 50


def test_responsibilities_want_exactly_one_accountable() -> None:
    plan = [
        _initiative("good"),
        _initiative("two", raci={"boss": "A", "team": "A"}),
        _initiative("none", raci={"boss": "R"}),
        _initiative("idle", raci={"boss": "A", "team": "I"}, person_days={"team": 3.0}),
    ]
    checks = step.responsibilities(plan, _engagement().roles).table["check"]
    assert list(checks) == ["holds", "2 accountable", "no accountable", "team works without a letter"]  # fmt: skip


def test_plan_findings_list_every_contradiction() -> None:
    figures = _figures()
    plan = Plan(
        as_of=date(2025, 12, 31),
        objectives=[
            _objective("a", "gross_margin", 10.0),
            _objective("b", "fame", 1.0, owner="nobody"),
        ],
        initiatives=[
            _initiative("one", end=date(2027, 3, 1), person_days={"boss": 90.0}),
            _initiative("two", raci={"team": "R"}, depends_on=["one", "lost"]),
        ],
        risks=[
            Risk(
                id="r",
                description="d",
                likelihood=1,
                impact=1,
                mitigation="m",
                residual_likelihood=2,
                residual_impact=1,
            )
        ],
        budget=Budget(total=150.0, acquisition=100.0, retention=100.0),
    )
    rules = set(step.plan_findings(plan, _engagement(), figures).table["rule"])
    assert rules == {
        "every objective has an initiative",
        "every objective has a known owner",
        "every objective is measured",
        "every target is above its baseline",
        "initiatives wait for known ones",
        "one accountable per initiative",
        "nothing starts before what it waits for",
        "initiatives end before their objective is due",
        "spending stays within the budget",
        "the budget's parts fit its total",
        "nobody is over capacity",
        "every risk has an owner",
        "mitigation lowers a risk",
    }


BROKEN: list[tuple[str, dict[str, Any]]] = [
    ("every objective has an initiative", {"objectives": [_objective("a", "revenue", 1e6), _objective("b", "nps", 50.0)]}),
    ("every objective has a known owner", {"objectives": [_objective("a", "revenue", 1e6, owner="ghost")]}),
    ("every objective traces to the purpose", {"objectives": [_objective("a", "revenue", 1e6, serves="vision")]}),
    ("every objective lies ahead", {"objectives": [_objective("a", "revenue", 1e6, due=date(2025, 12, 31))]}),
    ("every objective is measured", {"objectives": [_objective("a", "fame", 1e6)]}),
    ("every objective has a baseline", {"objectives": [_objective("a", "nps", 50.0)]}),
    ("every target is above its baseline", {"objectives": [_objective("a", "gross_margin", 31.0)]}),
    ("every target is possible", {"objectives": [_objective("a", "retention_rate", 55.0)]}),
    ("one target for one figure and day", {"objectives": [_objective("a", "revenue", 1e6), _objective("b", "revenue", 2e6)],
                                           "initiatives": [_initiative("one", objectives=["a", "b"])]}),
    ("every initiative serves an objective", {"initiatives": [_initiative("one"), _initiative("two", objectives=[])]}),
    ("every initiative lies ahead", {"initiatives": [_initiative("one", start=date(2025, 1, 1), end=date(2025, 6, 1))]}),
    ("initiatives serve known objectives", {"initiatives": [_initiative("one", objectives=["a", "lost"])]}),
    ("initiatives wait for known ones", {"initiatives": [_initiative("one", depends_on=["lost"])]}),
    ("work is given to known roles", {"initiatives": [_initiative("one", person_days={"ghost": 1.0}, raci={"boss": "A", "ghost": "R"})]}),
    ("one accountable per initiative", {"initiatives": [_initiative("one", raci={"boss": "A", "team": "A"})]}),
    ("one accountable per initiative", {"initiatives": [_initiative("one", raci={"team": "R"}, person_days={})]}),
    ("no circle of dependencies", {"initiatives": [_initiative("one", depends_on=["two"]), _initiative("two", depends_on=["one"], budget=0.0)]}),
    ("nothing starts before what it waits for", {"initiatives": [_initiative("one"), _initiative("two", depends_on=["one"], budget=0.0)]}),
    ("initiatives end before their objective is due", {"initiatives": [_initiative("one", end=date(2027, 1, 31))]}),
    ("there is a budget", {"budget": None}),
    ("spending stays within the budget", {"budget": Budget(total=99.0, acquisition=0.0, retention=99.0)}),
    ("spending stays within each part of the budget", {"budget": Budget(total=150.0, acquisition=100.0, retention=50.0)}),
    ("the budget's parts fit its total", {"budget": Budget(total=150.0, acquisition=100.0, retention=100.0)}),
    ("nobody is over capacity", {"initiatives": [_initiative("one", person_days={"boss": 40.0})]}),
    ("every risk has an owner", {"risks": [Risk(id="r", description="d", likelihood=2, impact=2, mitigation="m", owner="ghost", residual_likelihood=1, residual_impact=1)]}),
    ("mitigation lowers a risk", {"risks": [Risk(id="r", description="d", likelihood=1, impact=1, mitigation="m", owner="boss", residual_likelihood=2, residual_impact=1)]}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "changed"), BROKEN)
def test_each_rule_is_broken_by_one_change_of_a_sound_plan(rule: str, changed: Any) -> None:
    """And the finding says what to do about it."""
    sound = {
        "as_of": date(2025, 12, 31),
        "objectives": [_objective("a", "gross_margin", 1e6)],
        "initiatives": [_initiative("one")],
        "budget": Budget(total=150.0, acquisition=0.0, retention=150.0),
    }
    engagement = _engagement(vision="")
    before = step.plan_findings(Plan(**sound), engagement, _figures()).table
    after = step.plan_findings(Plan(**(sound | changed)), engagement, _figures()).table
    assert before.empty and rule in set(after["rule"])
    assert (after.loc[after["rule"] == rule, "mend"].str.len() > 5).all()


def test_a_plan_is_checked_also_without_any_data() -> None:
    plan = Plan(as_of=date(2025, 12, 31), objectives=[_objective("a", "revenue", 1e6)])
    rules = set(step.plan_findings(plan, _engagement(), Missing("no orders")).table["rule"])
    assert rules == {"every objective has an initiative", "every objective has a baseline"}


def test_a_sound_plan_has_no_findings() -> None:
    plan = Plan(
        as_of=date(2025, 12, 31),
        objectives=[_objective("a", "gross_margin", 1e6)],
        initiatives=[_initiative("one")],
        budget=Budget(total=150.0, acquisition=50.0, retention=100.0),
    )
    answer = step.plan_findings(plan, _engagement(), _figures())
    assert answer.table.empty and answer.so_what.endswith("sign it.")


def test_tracing_names_the_broken_thread() -> None:
    goals = [_objective("a", "revenue", 1.0), _objective("b", "nps", 1.0, serves="vision")]
    answer = step.tracing(goals, [_initiative("x")], "p", "", "v")
    assert "breaks in 3 places" in answer.headline
    assert "Objective b" in answer.so_what and "mission" in answer.so_what


def test_communication_counts_contacts_and_asks_for_an_unclear_cadence() -> None:
    people = [
        Stakeholder(name="Board", message="m", channel="c", cadence="quarterly", owner="boss"),
        Stakeholder(name="Shops", message="m", channel="c", cadence="now and then", owner="team"),
    ]
    answer = step.communication(people, _engagement().roles)
    assert answer.metrics[0].value == 4 and "Shops" in answer.so_what


def test_capability_leaves_out_small_cells_and_orders_departments() -> None:
    scores = pd.DataFrame(
        {"years_ago": 0, "department": ["A", "A", "B", "C"], "capability": ["x", "y", "x", "x"],
         "answers": [20, 20, 20, 4], "score": [2.0, 3.0, 4.0, 5.0], "deviation": 1.0}
    )  # fmt: skip
    answer = step.capability(scores)
    assert list(answer.table["department"]) == ["A", "B"]
    assert answer.table.loc[0, "weakest"] == "x" and answer.table.loc[0, "score"] == 2.5
    assert "A, x" in step.capability_gaps(answer).headline


def test_headlines_fit_a_title() -> None:
    answers = [step.baselines(pd.DataFrame([_window(0), _window(1), _window(2)]), EMPTY), step.what_moved(_branches(1.3)),
               step.business_as_usual(_monthly(36), _figures(), seed=1)]  # fmt: skip
    assert all(len(a.headline) <= 90 and not a.headline.endswith(".") for a in answers)
