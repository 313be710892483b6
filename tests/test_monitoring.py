"""Step 7: verdicts, bridges, effects and decisions on frames one can check by hand."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook import figures, monitoring
from playbook.answer import Answer, Missing
from playbook.engagement import Plan, model_text, open_folder
from playbook.engagement.yaml_file import read_model
from playbook.monitoring.control import (
    _alarms,
    _signals,
    between_years,
    deseasonalised,
    false_alarms,
)
from playbook.results import _checked
from playbook.run import open_run
from playbook.stats import xmr_limits

DAY, BEFORE = date(2025, 12, 31), date(2024, 12, 31)
EMPTY = pd.DataFrame()
NONE = Missing("not there")


def _plan(**changes) -> Plan:
    goal = {
        "id": "win", "name": "Win", "area": "acquisition", "metric": "new_customers", "target": 100.0,
        "due": DAY, "owner": "ceo", "serves": "vision", "because": "growth",
    }  # fmt: skip
    work = {"start": date(2025, 2, 1), "end": date(2025, 6, 30), "objectives": ["win"]}
    initiatives = [
        work | {"id": "good", "name": "Good", "budget": 10.0, "campaigns": ["A"]},
        work | {"id": "bad", "name": "Bad", "budget": 20.0, "campaigns": ["B"]},
        work | {"id": "blind", "name": "Blind", "budget": 30.0, "depends_on": ["bad"]},
    ]
    data = {"as_of": BEFORE, "objectives": [goal], "initiatives": initiatives}
    return Plan.model_validate(data | changes)


def _metrics(value: float, low: float, high: float) -> pd.DataFrame:
    row = {"id": "new_customers", "value": value, "low": low, "high": high, "n": 9, "unit": "count"}
    return pd.DataFrame([row])


def _baseline(value: float) -> pd.DataFrame:
    return pd.DataFrame(
        [{"id": "win", "baseline": value, "low": value, "high": value, "n": 9, "unit": "count"}]
    )


@pytest.mark.parametrize(
    ("low", "high", "status"),
    [(100, 120, "reached"), (80, 99, "not reached"), (90, 110, "cannot tell")],
)
def test_a_target_is_judged_by_the_whole_interval(low: float, high: float, status: str) -> None:
    plan = _plan()
    card = monitoring.scorecard(
        plan.objectives, plan.objectives, _metrics((low + high) / 2, low, high), _baseline(50), DAY
    )
    numbers = card["numbers"]
    assert list(numbers["status"]) == [status] and list(numbers["baseline"]) == [50]
    _checked("scorecard", numbers)


def test_the_first_period_shows_baselines_and_an_objective_not_due_is_not_judged() -> None:
    plan = _plan()
    now = _metrics(120, 110, 130)
    first = monitoring.scorecard(plan.objectives, NONE, now, NONE, BEFORE)
    assert list(first["numbers"]["status"]) == ["starts now"]
    early = monitoring.scorecard(plan.objectives, plan.objectives, now, NONE, date(2025, 6, 30))
    assert list(early["numbers"]["status"]) == ["not due yet"]
    other = _metrics(1, 1, 1).assign(id="csat")
    assert isinstance(monitoring.scorecard(plan.objectives, NONE, other, NONE, DAY), Missing)


def test_season_is_taken_out_and_a_stable_figure_rarely_alarms() -> None:
    season = np.tile([80, 90, 100, 110, 120, 100, 100, 90, 110, 100, 90, 110], 3)
    assert np.allclose(deseasonalised(season.astype(float)), 100)
    assert np.allclose(deseasonalised(np.tile(season[:12] - 100.0, 2)), 0)
    assert 0.02 < false_alarms(36, seed=1, series=200) < 0.25


def _monthly(values: np.ndarray) -> pd.DataFrame:
    month = pd.date_range("2023-01-01", periods=len(values), freq="MS")
    blank = dict.fromkeys(["active_customers", "orders", "new_customers", "margin"], np.nan)
    return pd.DataFrame({"month": month, "first_day": month, "is_partial": False, "revenue": values, **blank})  # fmt: skip


def test_a_shift_of_the_level_is_a_signal_and_short_series_get_no_verdict() -> None:
    noise = np.random.default_rng(3).normal(0, 1, 36)
    charts = monitoring.control_charts(_monthly(100 + noise + 20 * (np.arange(36) >= 24)), seed=1)
    assert list(charts.table["figure"]) == ["Revenue"] and charts.table["signals"].iloc[0] >= 8
    assert "false" in charts.source or "simulated" in charts.source
    assert isinstance(monitoring.control_charts(_monthly(noise[:20]), seed=1), Missing)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(*[st.floats(0, 1e5)] * 2, *[st.floats(0, 1)] * 2, st.floats(0, 9), st.integers(0, 2)), min_size=60, max_size=80))  # fmt: skip
def test_the_parts_of_the_equity_bridge_add_up_exactly(rows: list[tuple]) -> None:
    frame = pd.DataFrame(rows, columns=["old", "new", "alive_old", "alive", "revenue", "where"])
    frame["customer_id"] = [f"{i:03d}" for i in range(len(frame))]
    frame.loc[:24, "where"] = 0
    both = frame[["customer_id", "revenue"]].rename(columns={"revenue": "revenue_12m"})
    before = both.assign(clv=frame["old"], p_alive=frame["alive_old"])[frame["where"] != 1]
    now = both.assign(clv=frame["new"], p_alive=frame["alive"])[frame["where"] != 2]
    bridge = monitoring.equity_bridge(before, now)
    if isinstance(bridge, Missing):
        assert min(len(before), len(now)) < 20
        return
    assert math.isclose(bridge["start"] + bridge.table["change"].sum(), bridge["end"], abs_tol=1e-6)
    assert bridge.table["customers"].sum() == len(set(before["customer_id"]) | set(now["customer_id"]))  # fmt: skip


def test_customers_fall_into_the_part_that_happened_to_them() -> None:
    ids = [f"{i:02d}" for i in range(25)]
    old = pd.DataFrame({"customer_id": ids[1:], "revenue_12m": 1.0, "p_alive": 0.9, "clv": 10.0})
    new = pd.DataFrame({"customer_id": ids, "revenue_12m": 1.0, "p_alive": 0.9, "clv": 10.0})
    new.loc[1, "clv"], new.loc[2, "clv"] = 15.0, 4.0
    new.loc[3, ["revenue_12m", "p_alive", "clv"]] = 0.0, 0.2, 1.0
    new.loc[4, ["revenue_12m", "clv"]] = 0.0, 8.0
    bridge = monitoring.equity_bridge(old, new)
    parts = bridge["customers"].set_index("customer_id")["part"]
    assert list(parts[ids[:5]]) == ["won", "grown", "shrunk", "lost", "revalued"]
    assert list(bridge.table["change"]) == [10.0, 5.0, -6.0, -2.0, -9.0]


def _feedback(before: list[int], now: list[int], kind: str = "nps") -> pd.DataFrame:
    parts = [("2024", "2024-06-01", before), ("2025", "2025-06-01", now)]
    rows = [
        {"response_id": f"{wave}{i:03d}", "customer_id": f"{i:03d}", "wave": wave, "answered_at": pd.Timestamp(day),
         "kind": kind, "value": float(v), "scale_max": 10.0 if kind == "nps" else 5.0}
        for wave, day, values in parts
        for i, v in enumerate(values)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_feedback_is_compared_with_the_year_before_and_tested() -> None:
    frame = _feedback([10] * 40 + [0] * 60, [10] * 80 + [0] * 20)
    year = monitoring.feedback_by_year(frame, NONE, BEFORE)
    row = year["numbers"].iloc[0]
    assert np.allclose(row[["score", "before", "change"]].astype(float), [60, -20, 80])
    assert row["q"] < 0.001
    same = monitoring.feedback_by_year(_feedback([10, 5] * 50, [10, 5] * 50), NONE, BEFORE)
    assert "not move beyond chance" in same.headline
    waves = monitoring.feedback_by_wave(frame, NONE, "nps")
    assert list(waves.table["wave"]) == ["2024", "2025"]
    assert math.isclose(waves.table["change"].iloc[1], 80)


def test_survey_weights_are_used_where_they_are_known() -> None:
    frame = _feedback([5] * 100, [5] * 50 + [1] * 50, kind="csat")
    ids = [f"{i:03d}" for i in range(100)]
    weights = pd.DataFrame({"customer_id": ids, "wave": "2025", "weight": [3.0] * 50 + [1.0] * 50})
    year = monitoring.feedback_by_year(frame, weights, BEFORE)
    assert math.isclose(year["numbers"]["score"].iloc[0], 0.75)


def test_migration_counts_every_customer_once() -> None:
    ids = [f"{i:03d}" for i in range(100)]
    before = pd.DataFrame({"customer_id": ids[:90], "segment": ["a"] * 60 + ["b"] * 30})
    now = pd.DataFrame({"customer_id": ids[10:], "segment": ["a"] * 40 + ["b"] * 50})
    moves = monitoring.migration(before, now)
    flows = moves["flows"].set_index(["from_segment", "to_segment"])["customers"]
    assert flows.sum() == 100 and flows[("a", "b")] == 10 and flows[("New this year", "b")] == 10
    assert flows[("a", "No longer on record")] == 10
    table = moves.table.set_index("segment")
    assert table.loc["b", "stayed"] == 1 and table.loc["b", "joined"] == 20
    _checked("migration", moves["flows"])
    assert figures.migration(moves)._repr_png_()


def test_frozen_segments_apply_the_given_assignment() -> None:
    customers = pd.DataFrame({"customer_id": [f"{i}" for i in range(20)]})
    model = pd.DataFrame({"segment": ["a"]})
    found = monitoring.frozen_segments(lambda c, x, m: c.assign(segment=m["segment"].iloc[0]), customers, EMPTY, model)  # fmt: skip
    assert set(found["segment"]) == {"a"}
    assert monitoring.frozen_segments(lambda *_: 1, customers, EMPTY, NONE) is NONE


def _snapshots(shift: float, n: int = 400) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(5)
    first, second = (
        pd.DataFrame({"customer_id": [f"{i}" for i in range(n)], "orders": 1 + rng.poisson(2, n),
                      "revenue": rng.gamma(2, 100, n) * factor})
        for factor in (1, 1 + shift)
    )  # fmt: skip
    return first, second


def test_drift_is_told_from_noise_and_small_samples_get_no_verdict() -> None:
    span = pd.DataFrame({"first_day": [pd.Timestamp("2023-01-02")]})
    args = EMPTY, EMPTY, span, BEFORE
    still = monitoring.drift(*_snapshots(0), *args)
    assert set(still.table["verdict"]) == {"stable"}
    moved = monitoring.drift(*_snapshots(1.5), *args).table.set_index("figure")
    assert (
        moved.loc["Revenue", "verdict"] == "shifted" and moved.loc["Orders", "verdict"] == "stable"
    )
    assert isinstance(monitoring.drift(*_snapshots(0, n=60), *args), Missing)
    late = pd.DataFrame({"first_day": [pd.Timestamp("2024-12-01")]})
    assert isinstance(monitoring.drift(*_snapshots(0), EMPTY, EMPTY, late, BEFORE), Missing)


def _members(effect: float, campaign: str = "A", n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    treated = np.arange(n) % 4 != 0
    margin = rng.normal(20, 5, n) + effect * treated
    return pd.DataFrame(
        {"campaign_id": campaign, "customer_id": [f"{i:04d}" for i in range(n)],
         "arm": np.where(treated, "treated", "control"), "assignment_probability": 0.75, "stratum": None,
         "assigned_at": pd.Timestamp("2025-03-01"), "window_days": 90, "margin_after": margin,
         "margin_before": 40.0, "revenue_year_before": rng.gamma(2, 50, n), "bought": 1}
    )  # fmt: skip


CAMPAIGNS = pd.DataFrame(
    {"campaign_id": ["A", "B"], "name": ["Alpha", "Beta"], "fixed_cost": [100.0, 900.0], "unit_cost": [1.0, 0.0]}
)  # fmt: skip


def test_a_campaign_is_measured_against_its_control_group() -> None:
    effects = monitoring.campaign_effects(_members(10), CAMPAIGNS)
    row = effects.table.iloc[0]
    assert row["low"] < 10 < row["high"] and row["verdict"] == "gained"
    assert row["cost"] == 100 + 300 and math.isclose(row["incremental_margin"], row["effect"] * 300)
    assert math.isclose(row["return"], row["incremental_margin"] / 400 - 1)
    naive = effects["comparison"].table.set_index("measure")["change"]
    assert naive["before and after"] < 0 < naive["against control"]
    _checked("campaign_effects", effects.table)


def test_the_order_of_rows_does_not_matter() -> None:
    members = pd.concat([_members(3), _members(-3, "B")])
    first = monitoring.campaign_effects(members, CAMPAIGNS)
    second = monitoring.campaign_effects(members.sample(frac=1, random_state=1), CAMPAIGNS[::-1])
    pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)


def test_without_a_random_control_group_nothing_is_attributable() -> None:
    chosen = _members(10).assign(assignment_probability=np.nan)
    alone = _members(10, "B").query("arm == 'treated'").assign(assignment_probability=np.nan)
    broken = _members(10, "C").assign(assignment_probability=0.2)
    effects = monitoring.campaign_effects(pd.concat([chosen, alone, broken]), CAMPAIGNS)
    assert set(effects.table["verdict"]) == {"not attributable"}
    reasons = effects["numbers"].set_index("campaign_id")["reason"]
    assert (
        "random" in reasons["A"] and reasons["B"] == "no control group" and "size" in reasons["C"]
    )
    assert effects.table["effect"].isna().all() and not effects.metrics


def _forecast(scale: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(11)
    expected = rng.gamma(2, 50, 500)
    ids = [f"{i:03d}" for i in range(500)]
    before = pd.DataFrame(
        {"customer_id": ids, "expected_margin_12m": expected * scale, "margin_12m": expected}
    )
    now = pd.DataFrame({"customer_id": ids, "margin_12m": expected + rng.normal(0, 20, 500)})
    return before, now


def test_forecasts_are_judged_and_never_fitted_again() -> None:
    right, high = (monitoring.check_value(*_forecast(s)) for s in (1.0, 1.5))
    assert right["line"]["verdict"] == "right" and high["line"]["verdict"] == "too high"
    assert high.metrics[0].value > 0.4
    p = np.repeat([0.1, 0.9], 200)
    ids = [f"{i:03d}" for i in range(400)]
    scores = pd.DataFrame({"customer_id": ids, "churn_probability": p})
    left = pd.DataFrame({"customer_id": ids, "churned": np.r_[np.arange(200) < 20, np.arange(200) < 180].astype(int)})  # fmt: skip
    churn = monitoring.check_churn(scores, left)
    assert churn["line"]["verdict"] == "right" and math.isclose(churn["brier"], 0.09)
    summary = monitoring.forecasts_checked(right, NONE, churn)
    assert list(summary.table["verdict"]) == ["right", "right"]
    assert monitoring.forecasts_checked(NONE, NONE) is NONE


def test_a_risk_that_few_share_is_shown_with_the_nearest_group() -> None:
    ids = [f"{i:03d}" for i in range(203)]
    p = np.r_[np.full(100, 0.9), [0.5] * 3, np.full(100, 0.1)]
    scores = pd.DataFrame({"customer_id": ids, "churn_probability": p})
    left = pd.DataFrame({"customer_id": ids, "churned": (p > 0.4).astype(int)})
    table = monitoring.check_churn(scores, left).table
    assert sorted(table["customers"]) == [100, 103]


def test_the_pipeline_forecast_is_judged_by_its_own_range() -> None:
    ids = [f"o{i}" for i in range(20)]
    before = pd.DataFrame({"opportunity_id": ids, "stage": "Proposal", "amount": 100.0, "win_probability": 0.5, "expected": 50.0})  # fmt: skip
    now = pd.DataFrame({"opportunity_id": ids, "is_won": [True] * 10 + [False] * 9 + [None], "closed_at": [DAY] * 19 + [None]})  # fmt: skip
    check = monitoring.check_pipeline(before, now)
    row = check.table.iloc[0]
    assert (row["won"], row["still_open"], row["wins_foretold"]) == (10, 1, 10)
    assert check["line"]["verdict"] == "right"


def _effects() -> Answer:
    rows = [_members(10, "A", 800), _members(-10, "B", 800)]
    return monitoring.campaign_effects(pd.concat(rows), CAMPAIGNS)


def test_initiatives_are_decided_by_return_and_blind_ones_are_adjusted() -> None:
    review = monitoring.annual_review(_plan(), _effects(), NONE, NONE, DAY, BEFORE)
    decided = review.table.set_index("id")["decision"]
    assert dict(decided) == {"good": "keep", "bad": "stop", "blind": "adjust"}
    assert review.table.set_index("id").loc["blind", "rule"].startswith("not attributable")
    _checked("review", review.table)


def test_a_second_review_within_twelve_months_needs_a_reason_that_is_recorded() -> None:
    early = date(2025, 12, 30)
    refused = monitoring.annual_review(_plan(), _effects(), NONE, NONE, early, BEFORE, "  ")
    assert isinstance(refused, Missing) and "once a year" in refused.reason
    forced = monitoring.annual_review(_plan(), _effects(), NONE, NONE, early, BEFORE, "merger")
    assert set(forced.table["forced_reason"]) == {"merger"} and "merger" in forced.so_what
    assert isinstance(
        monitoring.annual_review(_plan(), _effects(), NONE, NONE, DAY, BEFORE), Answer
    )


def test_segment_movement_compares_contribution_under_the_same_borders() -> None:
    ids = [f"{i:03d}" for i in range(200)]
    segments = pd.DataFrame({"customer_id": ids, "segment": ["a"] * 100 + ["b"] * 100})
    old = pd.DataFrame({"customer_id": ids, "contribution_12m": 10.0})
    new = pd.DataFrame({"customer_id": ids, "contribution_12m": [15.0] * 100 + [2.0] * 100})
    strategies = pd.DataFrame({"segment": ["a", "b"], "strategy": ["appreciate", "exit"]})
    found = monitoring.segment_movement(strategies, segments, old, segments, new)
    assert list(found.table["change"]) == [0.5, -0.8]
    review = monitoring.annual_review(_plan(), NONE, found, NONE, DAY, BEFORE)
    assert dict(review["strategies"].table.set_index("name")["decision"]) == {
        "appreciate: a": "keep",
        "exit: b": "stop",
    }


def test_the_draft_leaves_out_what_was_stopped_and_reads_back_equal(tmp_path: Path) -> None:
    plan = _plan(parameters={"monitoring": {"minimum_n": 50}})
    card = monitoring.scorecard(plan.objectives, plan.objectives, _metrics(130, 120, 140), _baseline(90), DAY)  # fmt: skip
    review = monitoring.annual_review(plan, _effects(), NONE, card, DAY, BEFORE)
    draft = monitoring.next_plan(plan, card, review)
    new = draft["plan"]
    assert new.as_of == DAY and [i.id for i in new.initiatives] == ["good", "blind"]
    assert new.initiatives[1].depends_on == [] and new.initiatives[0].start == date(2026, 2, 1)
    assert new.initiatives[0].campaigns == [] and new.parameters == {
        "monitoring": {"minimum_n": 50}
    }
    assert new.objectives[0].target == 150.0 and new.objectives[0].due == date(2026, 12, 31)
    path = tmp_path / "next-plan.yml"
    path.write_text(model_text(new, [*draft["notes"], "two\nlines: [x"]), encoding="utf-8")
    assert read_model(path, Plan) == new


def test_targets_that_were_not_reached_stand() -> None:
    plan = _plan()
    for metrics in (_metrics(95, 80, 110), _metrics(50, 40, 60), EMPTY.reindex(columns=["id"])):
        card = monitoring.scorecard(plan.objectives, plan.objectives, metrics, _baseline(90), DAY)
        assert monitoring.next_plan(plan, card, NONE)["plan"].objectives[0].target == 100


@pytest.mark.parametrize("period", ["2024", "2025"])
def test_a_draft_from_the_demo_plan_is_a_valid_plan(period: str, tmp_path: Path) -> None:
    plan = open_folder("demo").plan(period)
    draft = monitoring.next_plan(plan, NONE, NONE)
    path = tmp_path / "2099.yml"
    path.write_text(model_text(draft["plan"], draft["notes"]), encoding="utf-8")
    assert read_model(path, Plan) == draft["plan"]
    assert [i.id for i in draft["plan"].initiatives] == [i.id for i in plan.initiatives]


def test_the_run_knows_the_plan_before_and_writes_the_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLAYBOOK_RUNS", str(tmp_path))
    first, run = open_run("demo", "2024", "07"), open_run("demo", "2025", "07")
    assert isinstance(first.previous_plan, Missing) and run.previous_plan == first.plan
    run.write_next_plan(monitoring.next_plan(run.plan, NONE, NONE))
    path = tmp_path / "demo" / "2025" / "next-plan.yml"
    assert read_model(path, Plan).as_of == date(2026, 12, 31)
    assert run.write_next_plan(NONE) is NONE and not path.exists()


def test_figures_draw_without_warnings() -> None:
    plan = _plan()
    card = monitoring.scorecard(plan.objectives, plan.objectives, _metrics(95, 80, 110), _baseline(90), DAY)  # fmt: skip
    charts = monitoring.control_charts(_monthly(100 + np.arange(36) % 7), seed=1)
    check = monitoring.check_value(*_forecast(1.0))
    pictures = [
        figures.scorecard(card),
        figures.control(charts),
        figures.foretold(check, x="tenth", expected="expected", actual="actual", low="low", high="high"),
    ]  # fmt: skip
    assert all(picture._repr_png_() for picture in pictures)


def test_every_function_answers_empty_data_with_missing() -> None:
    plan = _plan()
    given = {
        "scorecard": (plan.objectives, plan.objectives, EMPTY.reindex(columns=["id"]), NONE, DAY),
        "control_charts": (EMPTY, 1),
        "equity_bridge": (EMPTY, EMPTY),
        "feedback_by_year": (EMPTY, EMPTY, BEFORE),
        "feedback_by_wave": (EMPTY, NONE, "nps"),
        "frozen_segments": (lambda *_: EMPTY, EMPTY, EMPTY, EMPTY),
        "migration": (EMPTY, EMPTY),
        "capability_progress": (EMPTY,),
        "choice_shift": (EMPTY, EMPTY, BEFORE),
        "drift": (EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, BEFORE),
        "initiative_effects": ((), EMPTY, DAY, 1),
        "then_and_now": (EMPTY, EMPTY, BEFORE),
        "campaign_effects": (EMPTY, EMPTY),
        "check_value": (EMPTY, EMPTY),
        "check_churn": (EMPTY, EMPTY),
        "check_pipeline": (EMPTY, EMPTY),
        "check_chances": (EMPTY, EMPTY),
        "segment_movement": (EMPTY, EMPTY, EMPTY, EMPTY, EMPTY),
        "decision_log": ("2025", NONE, NONE),
        "annual_review": (Plan(as_of=BEFORE), NONE, NONE, NONE, DAY, BEFORE),
    }
    assert set(given) == set(monitoring.__all__) - {"forecasts_checked", "next_plan"}
    for name, values in given.items():
        assert isinstance(getattr(monitoring, name)(*values), Missing), name
    assert isinstance(monitoring.next_plan(Plan(as_of=BEFORE), NONE, NONE), Answer)


def test_the_fast_simulation_of_alarms_agrees_with_the_chart() -> None:
    rng = np.random.default_rng(0)
    series = 100 + rng.normal(size=(60, 36)) + 0.4 * rng.normal(size=(60, 36)).cumsum(axis=1)
    charts = [_signals(xmr_limits(pd.Series(row))).tail(12).any() for row in series]
    assert list(_alarms(series)) == charts and 0 < np.mean(charts) < 1


def test_good_and_bad_years_of_customers_raise_the_stated_false_alarms() -> None:
    clean = 100 + np.random.default_rng(1).normal(0, 1, 36)
    still = pd.Series([10.0, 20.0], ["a", "b"])
    assert between_years(clean, still, still) == 0.0 and between_years(clean, None, still) == 0.0
    moved = pd.Series([110.0, -80.0], ["a", "b"])
    assert between_years(clean, still, moved) > 1
    assert false_alarms(36, 1, 1.0) > 2 * false_alarms(36, 1)


def test_where_outcomes_of_service_turned_worse_is_found_and_elsewhere_is_quiet() -> None:
    rows = [
        {"years_ago": ago, "touchpoint": "delivery", "area_type": area, "outcome": outcome, "contacts": n}
        for ago in (0, 1) for area in ("urban", "rural")
        for outcome, n in (("on time", 800 if (ago, area) == (0, "urban") else 900), ("late", 200 if (ago, area) == (0, "urban") else 100))
    ]  # fmt: skip
    span = pd.DataFrame({"first_day": [pd.Timestamp("2023-01-02")]})
    found = monitoring.drift(
        *_snapshots(0), EMPTY, EMPTY, span, BEFORE, outcomes=pd.DataFrame(rows)
    )
    verdict = found.table.set_index("figure")["verdict"]
    assert verdict["delivery, urban (on time)"] == "shifted"
    assert (
        verdict["delivery, rural (on time)"] == "stable" and "service, not taste" in found.so_what
    )
