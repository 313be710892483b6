from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from playbook import stats
from playbook.validation.stats import rows


def test_published_figures():
    assert [check.id for check in rows() if not check.ok] == []


@given(st.integers(1, 500), st.data())
def test_wilson_holds_the_share_and_mirrors(n, data):
    k = data.draw(st.integers(0, n))
    ours, mirrored = stats.wilson(k, n), stats.wilson(n - k, n)
    assert 0 <= ours.low <= ours.value <= ours.high <= 1
    assert ours.low == pytest.approx(1 - mirrored.high, abs=1e-9)


@pytest.mark.parametrize(("k", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(k, n):
    with pytest.raises(ValueError, match="0 <= successes <= n"):
        stats.wilson(k, n)


def test_mean_interval_by_hand():
    ours = stats.mean_interval([1, 2, 3])
    half = 4.302653 / np.sqrt(3)  # t quantile with 2 degrees of freedom, sd 1
    assert ours.value == 2
    assert ours.high - 2 == pytest.approx(half, abs=1e-5)


def test_missing_values_are_named_not_dropped():
    with pytest.raises(ValueError, match="1 of 3 values are missing"):
        stats.mean_interval([1, np.nan, 3])


def test_bootstrap_ignores_row_order_and_needs_no_global_seed():
    values = np.random.default_rng(0).normal(size=60)
    first = stats.bootstrap(values, np.mean, seed=1, draws=200)
    assert first == stats.bootstrap(values[::-1], np.mean, seed=1, draws=200)
    frame = pd.DataFrame({"a": values, "b": np.arange(60)})
    ours = stats.bootstrap(frame, lambda rows: rows["a"].mean(), seed=1, draws=200)
    assert ours.low < ours.value < ours.high
    assert ours == stats.bootstrap(frame.iloc[::-1], lambda r: r["a"].mean(), seed=1, draws=200)


def test_ratio_interval_of_equal_rows_is_exact_and_scales():
    exact = stats.ratio_interval([2, 4, 6], [1, 2, 3])
    assert (exact.value, exact.low, exact.high) == (2, 2, 2)
    rng = np.random.default_rng(2)
    orders = rng.poisson(3, 2000) + 1
    spend = orders * rng.gamma(4, 5, 2000)
    ours = stats.ratio_interval(spend, orders)
    drawn = stats.bootstrap(
        pd.DataFrame({"s": spend, "o": orders}), lambda f: f["s"].sum() / f["o"].sum(), 3, 300
    )
    assert ours.high - ours.low == pytest.approx(drawn.high - drawn.low, rel=0.15)


def test_net_promoter_counts_groups():
    ours = stats.net_promoter([10, 9, 8, 7, 6, 0, 10, 5])
    assert (ours.promoters, ours.passives, ours.detractors) == (3 / 8, 2 / 8, 3 / 8)
    assert ours.score == 0
    assert ours.se == pytest.approx(100 * np.sqrt(0.75 / 8))


def test_net_promoter_weights_count_as_repeated_answers_in_the_score():
    scores, weights = [10, 8, 3], [3, 2, 1]
    ours = stats.net_promoter(scores, weights)
    assert ours.score == pytest.approx(stats.net_promoter([10] * 3 + [8] * 2 + [3]).score)
    assert (ours.n, ours.effective_n) == (3, pytest.approx(36 / 14))


def test_net_promoter_never_claims_certainty():
    ours = stats.net_promoter([10] * 6)
    assert ours.score == 100
    assert ours.low < 90


@pytest.mark.parametrize("scores", [[11], [-1], [7.5], [], [np.nan]])
def test_net_promoter_refuses_what_is_no_answer(scores):
    with pytest.raises(ValueError, match=r"answers must be|missing"):
        stats.net_promoter(scores)


def test_net_promoter_coverage():
    rng = np.random.default_rng(4)
    truth, inside = 100 * (0.5 - 0.2), 0
    for counts in rng.multinomial(150, [0.5, 0.3, 0.2], size=600):
        ours = stats.net_promoter_from_shares(counts[0] / 150, counts[2] / 150, 150)
        inside += ours.low <= truth <= ours.high
    assert inside / 600 == pytest.approx(0.95, abs=0.03)


def test_net_promoter_difference_adds_variances():
    first = stats.net_promoter_from_shares(0.5, 0.2, 400)
    second = stats.net_promoter_from_shares(0.4, 0.3, 400)
    ours = stats.net_promoter_difference(first, second)
    z = 20 / np.hypot(first.se, second.se)
    assert ours.value == pytest.approx(20)
    assert ours.p_value == pytest.approx(2 * scipy_stats.norm.sf(z))


def test_two_proportion_difference_of_nothing():
    ours = stats.two_proportion_difference(0, 10, 0, 10)
    assert (ours.value, ours.p_value) == (0, 1)
    assert ours.low < 0 < ours.high


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_q_values_keep_order_and_are_never_below_p(p):
    q = stats.false_discovery(p)
    order = np.argsort(p, kind="stable")
    assert (q >= np.array(p) - 1e-12).all()
    assert (np.diff(q[order]) >= -1e-12).all()


def test_false_discovery_leaves_missing_tests_out():
    q = stats.false_discovery([0.01, np.nan, 0.04])
    assert q[0] == pytest.approx(0.02)
    assert np.isnan(q[1])


def test_gini_and_lorenz_by_hand():
    assert stats.gini([1, 1, 1]) == pytest.approx(0)
    assert stats.gini([0, 0, 0, 4]) == pytest.approx(0.75)
    curve = stats.lorenz([1, 3], points=3)
    assert curve["share_value"].tolist() == [0, 0.25, 1]
    with pytest.raises(ValueError, match="1 of 2 are negative"):
        stats.gini([-1, 5])


@given(st.lists(st.floats(0.01, 1000), min_size=2, max_size=50), st.floats(0.1, 10))
def test_gini_is_scale_free_and_bounded(values, factor):
    ours = stats.gini(values)
    assert -1e-9 <= ours < 1
    assert stats.gini([v * factor for v in values]) == pytest.approx(ours, abs=1e-9)


def test_population_stability_sees_a_shift_but_not_chance():
    rng = np.random.default_rng(5)
    before, same, later = rng.normal(size=(3, 3000))
    later = later + 0.8
    assert stats.population_stability(before, same).p_value > 0.001
    drift = stats.population_stability(before, later)
    assert drift.value > 0.25
    assert drift.bins["contribution"].sum() == pytest.approx(drift.value)
    assert len(drift.bins) == 10


def test_population_stability_of_categories_with_a_new_one():
    ours = stats.population_stability(["a"] * 50 + ["b"] * 50, ["a"] * 50 + ["c"] * 50)
    assert ours.bins["bin"].tolist() == ["a", "b", "c"]
    assert ours.value > 1


def test_xmr_limits_by_hand():
    series = pd.Series([10.0, 12] * 6, index=range(12))
    chart = stats.xmr_limits(series.iloc[::-1])
    assert chart["high"].iloc[0] == pytest.approx(11 + 2.66 * 2)
    assert chart["moving_range_limit"].iloc[0] == pytest.approx(3.267 * 2)
    assert chart.index.tolist() == list(range(12))
    assert not chart[["outside", "run"]].any(axis=None)


def test_xmr_flags_a_run_and_refuses_few_points():
    steps = pd.Series([0.0, 0.1] * 5 + [1.0, 1.1] * 5)
    assert stats.xmr_limits(steps)["run"].all()
    with pytest.raises(ValueError, match="at least 12 points; got 11"):
        stats.xmr_limits(steps.iloc[:11])


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=50))
def test_effective_sample_size_is_at_most_n(weights):
    ours = stats.effective_sample_size(weights)
    assert 1 - 1e-9 <= ours <= len(weights) + 1e-9


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_raking_meets_the_margins_in_any_row_order(seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"age": rng.choice(list("xyz"), 120), "sex": rng.choice(list("fm"), 120)})
    margins = {"age": {"x": 0.2, "y": 0.3, "z": 0.5}, "sex": {"f": 600, "m": 400}}
    weight = stats.rake(frame, margins)
    assert weight.mean() == pytest.approx(1)
    assert weight[frame["age"] == "z"].sum() / 120 == pytest.approx(0.5, abs=1e-6)
    assert weight[frame["sex"] == "f"].sum() / 120 == pytest.approx(0.6, abs=1e-6)
    shuffled = frame.sample(frac=1, random_state=seed)
    assert stats.rake(shuffled, margins).sort_index().equals(weight)


def test_raking_names_empty_unknown_and_contradicting_categories():
    frame = pd.DataFrame({"age": ["x", "y"], "sex": ["f", "m"]})
    with pytest.raises(ValueError, match=r"nobody answered in \['z'\]"):
        stats.rake(frame, {"age": {"x": 1, "y": 1, "z": 1}})
    with pytest.raises(ValueError, match=r"\['y'\] are in the frame but not in the margin"):
        stats.rake(frame, {"age": {"x": 1}})
    with pytest.raises(ValueError, match="contradict each other"):
        stats.rake(frame, {"age": {"x": 3, "y": 1}, "sex": {"f": 1, "m": 3}})


def test_raking_removes_the_bias_of_response():
    rng = np.random.default_rng(6)
    young = rng.random(20000) < 0.5
    score = np.where(young, 6, 8) + rng.normal(size=20000)
    answered = rng.random(20000) < np.where(young, 0.1, 0.4)
    frame = pd.DataFrame({"young": young[answered].astype(str)})
    weight = stats.rake(frame, {"young": {"True": young.mean(), "False": 1 - young.mean()}})
    raw, weighted = score[answered].mean(), np.average(score[answered], weights=weight)
    assert abs(weighted - score.mean()) < 0.1 * abs(raw - score.mean())


def test_alpha_of_identical_items_is_one_and_missing_rows_are_counted():
    items = pd.DataFrame({"a": [1, 2, 3, None, 5], "b": [1, 2, 3, 4, 5], "c": [1, 2, 3, 4, 5]})
    ours = stats.cronbach_alpha(items)
    assert ours.value == pytest.approx(1)
    assert (ours.n, ours.n_missing) == (4, 1)
    with pytest.raises(ValueError, match="2 items"):
        stats.cronbach_alpha(items[["a"]])


@given(st.floats(0.02, 0.5), st.integers(100, 5000))
@settings(max_examples=30)
def test_smallest_effect_and_sample_size_agree(base, n):
    effect = stats.smallest_detectable_effect(base, n, n)
    if np.isfinite(effect) and base + effect < 1:
        assert stats.sample_size_two_proportions(base, base + effect) == pytest.approx(n, abs=1)


def test_no_effect_is_detectable_in_a_tiny_group():
    assert np.isnan(stats.smallest_detectable_effect(0.5, 2, 2))
