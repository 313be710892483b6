from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from scipy.optimize import approx_fprime

from playbook import clv
from playbook.clv import beta_geometric, gamma_gamma, sbg
from playbook.clv.histories import sufficient
from playbook.validation import Check, forecast_error
from playbook.validation import clv as published

TRUTH = {"r": 0.5, "alpha": 30.0, "a": 0.9, "b": 2.0}
FITS = [clv.fit_bg_nbd, clv.fit_mbg_nbd, clv.fit_pareto_nbd]


def shop(n: int, seed: int) -> pd.DataFrame:
    """Customers who buy as MBG/NBD and Gamma-Gamma say (days), with the following year's purchases."""
    rng = np.random.default_rng(seed)
    age = np.floor(rng.uniform(200, 730, n))
    rate = rng.gamma(TRUTH["r"], 1 / TRUTH["alpha"], n)
    leave = np.clip(rng.beta(TRUTH["a"], TRUTH["b"], n), 1e-9, 1 - 1e-9)
    stays_for = rng.geometric(leave) - 1
    wanted, next_year = rng.poisson(rate * age), rng.poisson(rate * 365)
    x = np.minimum(wanted, stays_for)
    last = rng.beta(np.maximum(x, 1), np.maximum(wanted - x + 1, 1))
    shape, scale = 6 * np.maximum(x, 1), 1 / rng.gamma(3.7, 1 / 15, n)
    frame = {
        "frequency": x,
        "recency": np.where(x > 0, np.maximum(np.ceil(last * age), 1), 0),
        "age": age,
        "monetary": np.where(x > 0, rng.gamma(shape) * scale / np.maximum(x, 1), 0),
        "next_year": np.where(wanted < stays_for, np.minimum(next_year, stays_for - x), 0),
    }
    return pd.DataFrame(frame, index=[f"c{i:06d}" for i in range(n)], dtype=float)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return shop(6000, seed=7)


@pytest.fixture(scope="module")
def model(frame) -> clv.BetaGeometricNbd:
    return clv.fit_mbg_nbd(frame)


@pytest.fixture(scope="module")
def spend(frame) -> clv.GammaGamma:
    return clv.fit_gamma_gamma(frame)


def one(x: float, t_x: float, age: float) -> pd.DataFrame:
    return pd.DataFrame({"frequency": [x], "recency": [t_x], "age": [age]})


def test_every_published_figure_is_reproduced():
    checks = published.rows()
    assert [check.id for check in checks if not check.ok] == []
    assert len({check.id for check in checks}) == len(checks) == 34


def test_the_error_of_a_year_is_that_of_orders_of_customers_already_seen():
    assert [check.ok for check in forecast_error.rows()] == [True]
    lines = published.cdnow_lines()
    error = forecast_error.last_third_error(lines)
    late = lines.tail(400).assign(
        day=lines["day"].max(), customer_id=[f"new{i}" for i in range(400)]
    )
    more = pd.concat([lines, lines, late]).sample(frac=1, random_state=1)
    assert forecast_error.last_third_error(more) == pytest.approx(error, rel=1e-9)
    cut = lines["day"].min() + (lines["day"].max() - lines["day"].min()) * 2 / 3
    half = lines[
        (lines["day"] <= cut) | (lines.index % 2 == 0) | (lines["day"] == lines["day"].max())
    ]
    assert forecast_error.last_third_error(half) == pytest.approx(error + np.log(0.5), abs=0.06)


def test_a_check_compares_absolutely_or_relatively_and_missing_is_not_ok():
    assert Check("a", "", 200.0, 200.1, 1e-3, True, "").ok
    assert not Check("a", "", 200.0, 200.1, 1e-3, False, "").ok
    assert not Check("a", "", 1.0, float("nan"), 1.0, False, "").ok


def test_absent_data_say_what_to_install(monkeypatch):
    monkeypatch.setattr(published, "files", lambda name: [])
    with pytest.raises(FileNotFoundError, match="pip install"):
        published.cdnow_path()


def test_true_parameters_lie_in_the_intervals(model, spend):
    for result, truth in [(model, TRUTH), (spend, {"p": 6, "q": 3.7, "gamma": 15})]:
        interval = result.conf_int(0.999)
        assert (interval["low"] < pd.Series(truth)).all()
        assert (interval["high"] > pd.Series(truth)).all()
        assert result.unidentified == ()
    assert list(model.summary()) == ["estimate", "std_err", "low", "high", "identified"]
    assert model.nobs == 6000


def test_standard_errors_match_the_spread_of_estimates():
    fits = [clv.fit_mbg_nbd(shop(1500, seed)) for seed in range(40)]
    spread = pd.DataFrame([np.log(fit.params) for fit in fits]).std()
    stated = pd.DataFrame([fit.bse / fit.params for fit in fits]).median()
    assert (spread / stated).between(0.7, 1.45).all()


@pytest.mark.parametrize("shift", [0, 1])
def test_gradient_of_beta_geometric_is_the_finite_difference(frame, shift):
    data, at = sufficient(frame.head(300)), np.array([0.4, 25.0, 0.7, 0.6])
    slope = beta_geometric.log_likelihood(at, data, shift)[1]
    near = approx_fprime(at, lambda p: beta_geometric.log_likelihood(p, data, shift)[0], 1e-7)
    np.testing.assert_allclose(slope, near, rtol=1e-4)


def test_gradients_of_gamma_gamma_and_sbg_are_the_finite_differences():
    x, value, n = np.array([1.0, 3, 8]), np.array([20.0, 5, 70]), np.array([2.0, 1, 4])
    at = np.array([2.0, 3.0, 15.0])
    near = approx_fprime(at, lambda p: gamma_gamma.log_likelihood(p, x, value, n)[0], 1e-7)
    np.testing.assert_allclose(gamma_gamma.log_likelihood(at, x, value, n)[1], near, rtol=1e-4)
    spells = (np.array([1.0, 2]), np.array([30.0, 9]), np.array([0.0, 3]), np.array([5.0, 50]))
    near = approx_fprime(at[:2], lambda p: sbg.log_likelihood(p, *spells)[0], 1e-7)
    np.testing.assert_allclose(sbg.log_likelihood(at[:2], *spells)[1], near, rtol=1e-4)


@pytest.mark.parametrize("fit", FITS)
def test_counts_and_row_order_do_not_matter(frame, fit):
    rounded = frame.assign(
        recency=np.ceil(frame["recency"] / 30), age=np.ceil(frame["age"] / 30), monetary=0
    ).head(2000)
    columns = ["frequency", "recency", "age"]
    counted = rounded.groupby(columns).size().rename("customers").reset_index()
    plain, shuffled = fit(rounded), fit(rounded.sample(frac=1, random_state=1))
    assert len(counted) < len(rounded)
    assert fit(counted).nobs == 2000
    pd.testing.assert_series_equal(plain.params, shuffled.params, check_exact=True)
    pd.testing.assert_series_equal(plain.params, fit(counted).params, check_exact=True)


def test_gamma_gamma_counts_and_row_order_do_not_matter(frame, spend):
    shuffled = frame.sample(frac=1, random_state=1).assign(customers=1)
    pd.testing.assert_series_equal(spend.params, clv.fit_gamma_gamma(shuffled).params)
    doubled = clv.fit_gamma_gamma(frame.assign(customers=2))
    np.testing.assert_allclose(doubled.params, spend.params, rtol=1e-4)
    np.testing.assert_allclose(doubled.bse * 2**0.5, spend.bse, rtol=1e-3)


@settings(max_examples=60, deadline=None)
@given(
    x=st.integers(1, 300), t_x=st.floats(0.5, 700), wait=st.floats(0, 700), more=st.floats(0.1, 99)
)
def test_alive_falls_with_silence_and_purchases_rise_with_horizon(model, x, t_x, wait, more):
    silence = pd.concat([one(x, t_x, t_x + wait), one(x, t_x, t_x + wait + more)])
    early, late = model.p_alive(silence)
    assert 0 <= late < early <= 1 or late == early == 0
    near, far = (
        model.expected_purchases(one(x, t_x, t_x + wait), horizon).iloc[0]
        for horizon in (more, 2 * more)
    )
    assert 0 <= near <= far < np.inf


@pytest.mark.parametrize("name", ["BG/NBD", "MBG/NBD"])
def test_the_next_purchase_is_the_last_with_the_chance_of_those_just_seen(model, name):
    """Right after a purchase nothing but leaving with it stands between customer and activity."""
    named = replace(model, name=name)
    x = np.arange(1.0, 12.0)
    just = pd.DataFrame({"frequency": x, "recency": 40.0, "age": 40.0})
    before = just.assign(frequency=x - 1, recency=np.where(x > 1, 40.0, 0.0))
    assert named.p_last(before).to_numpy() == pytest.approx(1 - named.p_alive(just).to_numpy())
    assert (np.diff(named.p_last(just)) < 0).all()


def test_one_time_buyers_are_alive_in_bg_nbd_only(frame, model):
    once = frame[frame["frequency"] == 0]
    assert (clv.fit_bg_nbd(frame).p_alive(once) == 1).all()
    assert (model.p_alive(once) < 0.9).all()


def test_alive_is_bayes_rule_by_hand():
    # r = alpha = a = b = 1, x = 1, t_x = 1, T = 3: (1/4)^2 * 2 alive against (1/2)^2 * 1 gone
    alive, gone = beta_geometric._log_terms(np.ones(4), *np.array([[1.0], [1], [3]]), 1)
    assert np.exp(gone - alive)[0] == pytest.approx((1 / 4) / (2 / 16))


@pytest.mark.parametrize("a", [0.05, 0.99995, 1.0, 1.5, 40.0])
@pytest.mark.parametrize(("x", "age"), [(0, 5.0), (3, 50.0), (400, 500.0)])
def test_expected_purchases_equal_numerical_integration(a, x, age):
    rate, b, horizon = 0.5 + x, 2.5 + x, 80.0

    def bought(share: float) -> float:
        leave = max(stats.beta.ppf(share, a, b), 1e-300)
        return -np.expm1(-rate * np.log1p(leave * horizon / age)) / leave

    ours = beta_geometric._expected_alive(
        np.array([rate]), np.array([age]), a, np.array([b]), horizon
    )
    assert ours[0] == pytest.approx(integrate.quad(bought, 0, 1, limit=300)[0], rel=1e-6)


def test_fallback_for_huge_parameters_is_close():
    at = np.array([3.0]), np.array([60.0]), 700.0, np.array([900.0]), 90.0
    fallback = beta_geometric._quantile_mean(*at)
    np.testing.assert_allclose(fallback, beta_geometric._closed_form(*at), rtol=1e-3)


def test_a_new_customer_is_a_one_time_buyer_just_seen(model):
    for fitted in (model, clv.fit_pareto_nbd(shop(1500, 3))):
        now = fitted.expected_purchases(one(0, 0, 0), 100).iloc[0]
        assert fitted.expected_new_customer(100) == pytest.approx(now, rel=1e-9)


def test_draws_agree_with_the_expectation_and_with_what_happened(frame, model):
    draws = model.simulate(frame, 365, draws=200, seed=1)
    expected = model.expected_purchases(frame, 365)
    assert draws.mean() == pytest.approx(expected.mean(), rel=0.02)
    pit = clv.randomised_pit(draws, frame["next_year"], seed=2)
    assert stats.kstest(pit, "uniform").pvalue > 0.01
    np.testing.assert_array_equal(draws, model.simulate(frame, 365, draws=200, seed=1))


def test_purchase_interval_covers_and_ignores_row_order(frame, model):
    interval = clv.purchase_interval(model, frame, 365, level=0.8, draws=200, seed=1)
    assert frame["next_year"].between(interval["low"], interval["high"]).mean() > 0.78
    shuffled = clv.purchase_interval(model, frame[::-1], 365, level=0.8, draws=200, seed=1)
    pd.testing.assert_frame_equal(shuffled[::-1], interval)


def value(model, spend, frame, **changes) -> pd.DataFrame:
    choices = {
        "margin_rate": 0.4, "horizon": 730, "discount_rate_year": 0.1, "periods_per_year": 365.25,
        "seed": 1,
    }  # fmt: skip
    return clv.customer_lifetime_value(model, spend, frame, **{**choices, **changes})


def test_value_is_margin_times_spend_times_purchases_when_not_discounted(frame, model, spend):
    table = value(model, spend, frame, discount_rate_year=0)
    product = 0.4 * table["expected_purchases"] * table["expected_spend"]
    np.testing.assert_allclose(table["clv"], product)
    assert list(table.index) == list(frame.index)
    assert np.isfinite(table).all(axis=None)
    assert (table["low"] <= table["high"]).all()
    pd.testing.assert_frame_equal(table, value(model, spend, frame, discount_rate_year=0))


def test_discounting_equals_a_sum_over_days(frame, model, spend):
    some = frame.head(40)
    ends = np.cumsum(np.full(365, 2.0))
    total = np.array([model.expected_purchases(some, end) for end in ends])
    daily = np.diff(total, axis=0, prepend=0) * 1.1 ** -((ends - 1) / 365.25)[:, None]
    expected = 0.4 * spend.expected_spend(some) * daily.sum(axis=0)
    np.testing.assert_allclose(value(model, spend, some)["clv"], expected, rtol=1e-5)


def test_value_interval_covers_a_simulated_future(frame, model, spend):
    rng, margin = np.random.default_rng(3), 0.4
    p, q, gamma = spend.params
    x, mean = frame["frequency"], frame["monetary"]
    precision = rng.gamma(p * x + q) / (gamma + x * mean)
    earned = margin * rng.gamma(np.maximum(p * frame["next_year"], 1e-12)) / precision
    table = value(model, spend, frame, horizon=365, discount_rate_year=0)
    inside = earned.where(frame["next_year"] > 0, 0).between(table["low"], table["high"])
    assert 0.78 < inside.mean() < 0.95
    assert 0.05 < (earned > table["high"]).mean() < 0.13


def test_spend_of_a_customer_lies_between_own_and_population_mean(spend):
    rows = pd.DataFrame({"frequency": [0, 1, 50], "monetary": [np.nan, 100.0, 100.0]})
    first, few, many = spend.expected_spend(rows)
    assert first == pytest.approx(spend.population_mean)
    assert first < few < many < 100


def test_money_may_be_decimal(frame, spend):
    exact = frame.head(5).assign(monetary=[Decimal("12.50")] * 5)
    assert np.isfinite(spend.expected_spend(exact)).all()


def test_models_beat_the_trailing_baseline(frame, model, spend):
    models = {"MBG/NBD": model, "BG/NBD": clv.fit_bg_nbd(frame)}
    table = clv.holdout_check(frame, frame["next_year"], models, horizon=365).set_index("model")
    ours, baseline = table.loc["MBG/NBD"], table.loc["trailing frequency"]
    assert ours["poisson_deviance"] < baseline["poisson_deviance"]
    assert ours["rmse"] < baseline["rmse"]
    assert ours["predicted_total"] == pytest.approx(frame["next_year"].sum(), rel=0.1)
    money = frame["next_year"] * frame["monetary"]
    in_money = clv.holdout_check(frame, money, models, horizon=365, spend_model=spend)
    assert list(in_money["model"]) == ["MBG/NBD", "BG/NBD", "trailing spend"]
    shuffled = frame.sample(frac=1, random_state=2)
    again = clv.holdout_check(shuffled, frame["next_year"], models, horizon=365)
    pd.testing.assert_frame_equal(again.set_index("model"), table)


def test_capture_and_deciles_by_hand():
    keys = [f"k{i:02d}" for i in range(20)]
    actual = pd.Series([10.0, 5, 4, 1] + [0.0] * 16, index=keys)
    predicted = pd.Series(np.arange(20.0)[::-1], index=keys)
    assert clv.top_decile_capture(predicted, actual) == pytest.approx(15 / 20)
    table = clv.calibration_by_decile(predicted, actual)
    assert list(table["decile"]) == [1, 2, 3, 4]
    assert list(table["n"]) == [5, 5, 5, 5]
    assert list(table["actual_mean"]) == [4.0, 0.0, 0.0, 0.0]
    assert list(table["predicted_mean"]) == [17.0, 12.0, 7.0, 2.0]
    tied = clv.top_decile_capture(predicted * 0, actual)
    assert tied == clv.top_decile_capture(predicted[::-1] * 0, actual[::-1]) == 15 / 20


def test_calibration_intervals_contain_the_prediction(frame, model):
    table = clv.calibration_by_decile(
        model.expected_purchases(frame, 365), frame["next_year"], level=0.99
    )
    assert table["n"].sum() == len(frame)
    assert (table["predicted_mean"].between(table["low"], table["high"])).sum() >= 9


def test_frequency_and_spend_are_unrelated_here_and_related_when_planted(frame, spend):
    none = clv.frequency_spend_correlation(frame, spend)
    assert none.low < none.rho_independent < none.high
    assert none.p_value > 0.05
    assert none.n == (frame["frequency"] > 0).sum()
    planted = clv.frequency_spend_correlation(frame.assign(monetary=frame["frequency"] + 1), spend)
    assert planted.rho == pytest.approx(1)
    assert planted.p_value < 0.001


def test_correlation_test_keeps_its_level_under_independence():
    worlds = [shop(500, seed) for seed in range(60)]
    tests = [clv.frequency_spend_correlation(w, clv.fit_gamma_gamma(w), draws=20) for w in worlds]
    assert sum(test.p_value < 0.05 for test in tests) <= 8


def test_dropped_one_time_buyers_are_refused(frame):
    repeat = frame[frame["frequency"] > 0]
    for fit in [*FITS, clv.fit_gamma_gamma]:
        with pytest.raises(ValueError, match=r"one-time buyers.*2\.88"):
            fit(repeat)


@pytest.mark.parametrize("fit", FITS)
def test_too_little_data_is_refused(frame, fit):
    equal = pd.concat([one(3, 10, 20)] * 100, ignore_index=True)
    never = frame.assign(frequency=0, recency=0)
    for few in (frame.head(20), equal, never):
        with pytest.raises(ValueError, match="not enough data to fit"):
            fit(few)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frequency": 1.5}, "whole"),
        ({"frequency": -1}, "negative"),
        ({"age": np.nan}, "missing"),
        ({"age": 0.5, "recency": 1}, "recency exceeds age"),
        ({"frequency": 0, "recency": 1}, "recency must be 0"),
        ({"frequency": 1, "recency": 0}, "merge purchases"),
        ({"age": "old"}, "numbers"),
    ],
)
def test_bad_rows_are_named(frame, change, message):
    with pytest.raises(ValueError, match=message):
        clv.fit_bg_nbd(frame.assign(**change))


def test_bad_choices_are_refused(frame, model, spend):
    for change in (
        {"margin_rate": 40}, {"discount_rate_year": 10}, {"periods_per_year": 0}, {"horizon": -1},
        {"draws": 2}, {"level": 80},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=next(iter(change))):
            value(model, spend, frame.head(5), **change)
    with pytest.raises(ValueError, match="lacks"):
        clv.fit_bg_nbd(frame.drop(columns="recency"))
    with pytest.raises(ValueError, match="monetary 0"):
        clv.fit_gamma_gamma(frame.assign(monetary=0.0))
    with pytest.raises(ValueError, match="the actuals lack"):
        clv.holdout_check(frame, frame["next_year"].head(9), {"m": model}, horizon=365)


def test_customers_who_never_leave_are_fitted_and_said_to_be_unidentified():
    rng = np.random.default_rng(1)
    x = np.r_[np.zeros(100), rng.poisson(12, 200) + 1]
    steady = pd.DataFrame({"frequency": x, "recency": np.where(x > 0, 360, 0), "age": 365})
    fitted = clv.fit_mbg_nbd(steady)
    assert "a" in fitted.unidentified
    assert np.isfinite(fitted.summary().astype(float)).all(axis=None)
    assert np.isfinite(fitted.expected_purchases(steady, 365)).all()


def test_contracts_survivors_and_spells_agree():
    survivors = [1000, 869, 743, 653]
    lost = np.repeat([1, 2, 3], -np.diff(survivors))
    spells = pd.DataFrame({"duration": np.r_[lost, np.full(653, 3)]})
    spells["lost"] = spells.index < len(lost)
    fitted, by_spell = clv.fit_sbg(survivors), clv.fit_sbg_spells(spells)
    np.testing.assert_allclose(fitted.params, by_spell.params, rtol=1e-9)
    survival = fitted.survival(range(13))
    np.testing.assert_allclose(survival.iloc[:4], np.array(survivors) / 1000, atol=0.01)
    rates = fitted.retention_rate(range(1, 13))
    np.testing.assert_allclose(rates.cumprod(), survival.iloc[1:].to_numpy())
    assert rates.is_monotonic_increasing


def test_residual_periods_are_the_discounted_sum_of_survival():
    fitted = clv.fit_sbg([1000, 869, 743, 653, 593, 551, 517, 491])
    survival = fitted.survival(range(3000)).to_numpy()
    after_two = survival[3:] / survival[2]
    expected = (after_two * 1.1 ** -np.arange(len(after_two))).sum()
    assert fitted.residual_periods([2], 0.1).iloc[0] == pytest.approx(expected, rel=1e-6)


def test_bad_contracts_are_refused():
    with pytest.raises(ValueError, match="must not rise"):
        clv.fit_sbg([100, 90, 95])
    with pytest.raises(ValueError, match="not enough data"):
        clv.fit_sbg([100, 100, 100])
    with pytest.raises(ValueError, match="from 1"):
        clv.fit_sbg_spells(pd.DataFrame({"duration": [0, 2], "lost": [True, False]}))


def test_kaplan_meier_by_hand():
    curve = clv.fit_kaplan_meier([1, 2, 2, 3, 4, 4], [True, True, False, False, True, True])
    table = curve.summary()
    assert list(table["time"]) == [1, 2, 4]
    assert list(table["at_risk"]) == [6, 5, 2]
    np.testing.assert_allclose(table["survival"], [5 / 6, 2 / 3, 0], atol=1e-12)
    errors = [5 / 6 * np.sqrt(1 / 30), 2 / 3 * np.sqrt(1 / 30 + 1 / 20), 0]
    np.testing.assert_allclose(table["std_err"], errors, atol=1e-12)
    assert (table["low"] <= table["survival"]).all()
    assert (table["survival"] <= table["high"]).all()
    # log-log interval at the first time: S**exp(+-1.96 * sqrt(1/30) / |ln S|)
    low = (5 / 6) ** np.exp(1.959964 * np.sqrt(1 / 30) / np.log(6 / 5))
    assert table["low"].iloc[0] == pytest.approx(low, rel=1e-6)
    assert curve.nobs == 6 and curve.quantile(0.3) == 2 and curve.quantile(0.5) == 4
    np.testing.assert_allclose(
        curve.predict([0, 1, 3.9, 4, 9]), [1, 5 / 6, 2 / 3, 0, 0], atol=1e-12
    )


def test_survival_beyond_the_record_is_not_known():
    nobody = clv.fit_kaplan_meier([3, 5], [False, False])
    assert nobody.summary().empty and np.isnan(nobody.quantile())
    assert nobody.predict([5]).tolist() == [1] and np.isnan(nobody.predict([6]).iloc[0])
    drawn = nobody.simulate(3, seed=1)
    assert drawn["duration"].tolist() == [5, 5, 5] and not drawn["event"].any()
    for wrong in (lambda: nobody.predict([-1]), lambda: nobody.quantile(1), lambda: nobody.simulate(0, seed=1), lambda: nobody.conf_int(95)):  # fmt: skip
        with pytest.raises(ValueError, match="must"):
            wrong()


def test_customers_drawn_from_a_curve_give_that_curve_back():
    rng = np.random.default_rng(4)
    stays, seen = np.ceil(rng.exponential(6, 800)), rng.integers(2, 12, 800)
    curve = clv.fit_kaplan_meier(np.minimum(stays, seen), stays <= seen)
    drawn = curve.simulate(60_000, seed=5)
    pd.testing.assert_frame_equal(drawn, curve.simulate(60_000, seed=5))
    again = clv.fit_kaplan_meier(drawn["duration"], drawn["event"])
    times = np.arange(13)
    np.testing.assert_allclose(again.predict(times), curve.predict(times), atol=0.01)


def test_contracts_drawn_from_a_model_give_its_parameters_back():
    truth = clv.fit_sbg([1000, 869, 743, 653, 593, 551, 517, 491])
    spells = truth.simulate(40_000, periods=7, seed=2)
    pd.testing.assert_frame_equal(spells, truth.simulate(40_000, periods=7, seed=2))
    kept = 1 - spells["lost"].mean()
    assert kept == pytest.approx(truth.survival([7]).iloc[0], abs=0.01)
    interval = clv.fit_sbg_spells(spells).conf_int(0.999)
    assert truth.params.between(interval["low"], interval["high"]).all()


def test_draws_of_spend_and_of_pareto_agree_with_the_expectation(frame, spend):
    money = spend.simulate(frame, draws=400, seed=1)
    assert money.shape == (len(frame), 400) and (money > 0).all()
    assert money.mean() == pytest.approx(spend.expected_spend(frame).mean(), rel=0.02)
    heavy = (frame["frequency"] > 8).to_numpy()
    assert money[heavy].mean() == pytest.approx(spend.expected_spend(frame)[heavy].mean(), rel=0.03)
    few = frame.head(1500)
    pareto = clv.fit_pareto_nbd(few)
    draws = pareto.simulate(few, 365, draws=200, seed=1)
    assert draws.mean() == pytest.approx(pareto.expected_purchases(few, 365).mean(), rel=0.02)
    np.testing.assert_array_equal(draws, pareto.simulate(few, 365, draws=200, seed=1))
