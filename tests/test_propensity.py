from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import ttest_ind

from playbook.propensity import fit_propensity, leakage_check, treatment_effect, uplift

FEATURES = ["recency_days", "spend_12m", "orders_12m", "region"]


def snapshot(n: int, seed: int, signal: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer_id": [f"{i:06d}" for i in range(n)],
            "recency_days": rng.exponential(90, n).round(),
            "spend_12m": rng.lognormal(4, 1, n).round(2),
            "orders_12m": rng.poisson(3, n),
            "region": rng.choice(["north", "south", "west"], n),
        }
    )
    logit = 0.012 * (frame["recency_days"] - 90) - 0.4 * (frame["orders_12m"] - 3)
    logit += np.where(frame["region"] == "west", 0.8, 0.0) - 1
    truth = expit(signal * logit + (1 - signal) * -1)
    return frame.assign(truth=truth, churned=rng.random(n) < truth)


def test_a_planted_propensity_is_recovered_and_calibrated_out_of_time():
    test = snapshot(4_000, 2)
    model = fit_propensity(snapshot(3_000, 1), test, "churned", FEATURES, seed=1)
    table = model.comparison.set_index("model")
    assert list(table.index) == ["base rate", "recency only", "logistic", "boosting"]
    assert model.chosen == "logistic"
    assert model.beats_base_rate
    assert table.loc["base rate", "auc"] == 0.5
    assert table.loc["base rate", "top_decile_lift"] == pytest.approx(1.0)
    assert table.loc["logistic", "auc"] > table.loc["recency only", "auc"] + 0.02
    best = ((test["truth"] - test["churned"]) ** 2).mean()
    assert table.loc["logistic", "brier"] < best + 0.003
    inside = model.calibration["predicted"].between(
        model.calibration["low"], model.calibration["high"]
    )
    assert inside.mean() >= 0.7
    assert model.calibration["n"].sum() == 4_000
    effects = model.effects.set_index("feature")
    assert effects.loc["recency_days", "standardised_effect"] > 0
    assert effects.loc["orders_12m", "standardised_effect"] < 0
    assert effects.loc["spend_12m", "low"] < 0.001


def test_scores_do_not_depend_on_row_order_and_survive_new_levels_and_gaps():
    train, test = snapshot(600, 3), snapshot(600, 4)
    model = fit_propensity(train, test, "churned", FEATURES, seed=1)
    shuffled = train.sample(frac=1, random_state=1)
    again = fit_propensity(shuffled, test[::-1], "churned", FEATURES, seed=1)
    pd.testing.assert_frame_equal(model.comparison, again.comparison)
    pd.testing.assert_series_equal(model.score(test), again.score(test[::-1]))
    odd = test.assign(region="island", spend_12m=np.nan)
    assert model.score(odd).between(0, 1).all()
    with pytest.raises(ValueError, match="region"):
        model.score(test.drop(columns="region"))


def test_where_nothing_predicts_the_base_rate_stays():
    models = [
        fit_propensity(
            snapshot(400, seed, 0.0), snapshot(400, seed + 1, 0.0), "churned", FEATURES, seed=1
        )
        for seed in (10, 20, 30, 40)
    ]
    assert not any(model.beats_base_rate for model in models)
    assert sum(model.chosen == "base rate" for model in models) >= 3
    flat = next(model for model in models if model.chosen == "base rate")
    assert np.ptp(flat.score(snapshot(5, 1))) == 0


def test_too_little_data_is_refused():
    train, test = snapshot(300, 1), snapshot(300, 2)
    with pytest.raises(ValueError, match="not enough data"):
        fit_propensity(train.iloc[:99], test, "churned", FEATURES, seed=1)
    with pytest.raises(ValueError, match="not enough data"):
        fit_propensity(train.assign(churned=0), test, "churned", FEATURES, seed=1)
    with pytest.raises(ValueError, match="only 0/1"):
        fit_propensity(train.assign(churned=None), test, "churned", FEATURES, seed=1)
    with pytest.raises(ValueError, match="one row per customer"):
        fit_propensity(pd.concat([train, train]), test, "churned", FEATURES, seed=1)


def test_leakage_is_refused_by_name_and_flagged_by_size():
    frame = snapshot(500, 1)
    frame["end_reason"] = np.where(frame["churned"], "price", None)
    with pytest.raises(ValueError, match="end_reason"):
        leakage_check(frame, "churned", [*FEATURES, "end_reason"])
    with pytest.raises(ValueError, match="'churned'"):
        leakage_check(frame, "churned", ["churned"])
    frame["last_mail"] = frame["end_reason"]
    frame["account_state"] = frame["churned"] * 1.0 + 0.01 * frame["orders_12m"]
    flags = leakage_check(frame, "churned", [*FEATURES, "last_mail", "account_state"])
    assert set(flags.loc[flags["suspicious"], "feature"]) == {"last_mail", "account_state"}


def campaign(n: int, seed: int, effect: float, spread: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer_id": [f"{i:06d}" for i in range(n)],
            "age": rng.uniform(20, 70, n),
            "club": rng.choice(["yes", "no"], n),
            "before": rng.gamma(2, 20, n),
        }
    )
    frame["treated"] = rng.random(n) < 0.5
    frame["lift"] = effect + spread * np.where(frame["club"] == "yes", 1.0, -1.0)
    noise = rng.normal(0, 10, n)
    frame["spend"] = 0.8 * frame["before"] + frame["lift"] * frame["treated"] + noise
    return frame


def test_uplift_finds_a_planted_subgroup_and_targets_it():
    frame = campaign(4_000, 1, effect=0.0, spread=4.0)
    found = uplift(frame, ["age", "club", "before"], "treated", "spend", seed=1)
    assert found.verdict == "target by ranking"
    assert found.qini_low > 0
    assert found.qini == pytest.approx(1.0, abs=0.35)  # ±4, halves: area of a triangle of height 2
    scores = found.score(frame)
    club = frame.set_index("customer_id")["club"] == "yes"
    assert scores[club].mean() == pytest.approx(4, abs=1.2)
    assert scores[~club].mean() == pytest.approx(-4, abs=1.2)
    assert found.curve["gain"].iloc[-1] == pytest.approx(found.effect)


@pytest.mark.parametrize(
    ("effect", "cost", "verdict"),
    [(5.0, 1.0, "treat all"), (0.0, 0.0, "no effect shown"), (0.0, 5.0, "treat none")],
)
def test_without_differences_ranking_is_not_called_better(effect, cost, verdict):
    frame = campaign(2_000, 3, effect, spread=0.0)
    found = uplift(frame, ["age", "club"], "treated", "spend", seed=1, cost=cost)
    assert found.verdict == verdict
    assert found.shrinkage < 0.5


def test_uplift_of_a_yes_no_outcome_and_its_refusals():
    frame = campaign(1_000, 2, 0, 0)
    frame["bought"] = frame["spend"] > 40
    found = uplift(frame, ["age", "club"], "treated", "bought", seed=1)
    assert found.qini_low <= found.qini <= found.qini_high
    with pytest.raises(ValueError, match="not enough data"):
        uplift(frame.iloc[:150], ["age"], "treated", "bought", seed=1)


def test_effect_and_interval_agree_with_welch():
    rows = [(1, 12.0), (1, 15.0), (1, 9.0), (1, 14.0), (0, 8.0), (0, 11.0), (0, 7.0), (0, 9.0)]
    frame = pd.DataFrame(rows, columns=["treated", "spend"]).rename_axis("customer_id")
    found = treatment_effect(frame, "treated", "spend")
    arms = [frame.loc[frame["treated"] == side, "spend"] for side in (1, 0)]
    welch = ttest_ind(*arms, equal_var=False)
    assert found.effect == pytest.approx(3.75)
    assert found.standard_error == pytest.approx(3.75 / welch.statistic)
    assert (found.low, found.high) == pytest.approx(welch.confidence_interval())


def test_cuped_removes_the_share_of_variance_that_the_past_explains():
    frame = campaign(5_000, 4, effect=2.0, spread=0.0)
    found = treatment_effect(frame, "treated", "spend", covariate="before")
    share = np.corrcoef(frame["before"], frame["spend"])[0, 1] ** 2
    assert found.variance_reduction == pytest.approx(share, abs=0.02)
    assert abs(found.effect - 2.0) < 3 * found.standard_error
    assert found.high - found.low < 0.7 * (found.unadjusted_high - found.unadjusted_low)


def test_weights_undo_unequal_assignment():
    rng = np.random.default_rng(6)
    frame = campaign(20_000, 6, effect=2.0, spread=0.0)
    frame["chance"] = np.where(frame["before"] > 40, 0.8, 0.2)
    frame["treated"] = rng.random(len(frame)) < frame["chance"]
    frame["spend"] = 0.8 * frame["before"] + 2.0 * frame["treated"] + rng.normal(0, 10, len(frame))
    naive = treatment_effect(frame, "treated", "spend")
    assert naive.low > 10
    found = treatment_effect(frame, "treated", "spend", probability="chance")
    assert found.low < 2.0 < found.high
    assert found.ratio_p > 0.001
    wrong = treatment_effect(frame.assign(chance=0.4), "treated", "spend", probability="chance")
    assert wrong.ratio_p < 0.001


def test_intervals_cover_as_often_as_they_say():
    inside = 0
    for seed in range(400):
        frame = campaign(60, 1_000 + seed, effect=2.0, spread=0.0)
        found = treatment_effect(frame, "treated", "spend", covariate="before")
        inside += found.low < 2.0 < found.high
    assert 0.92 <= inside / 400 <= 0.98


def test_an_effect_needs_a_control_group_and_complete_data():
    frame = campaign(50, 1, 0, 0)
    with pytest.raises(ValueError, match="random control"):
        treatment_effect(frame.assign(treated=1), "treated", "spend")
    with pytest.raises(ValueError, match="have no value"):
        treatment_effect(frame.assign(spend=np.nan), "treated", "spend")
    with pytest.raises(ValueError, match="between 0 and 1"):
        treatment_effect(frame.assign(p=1.0), "treated", "spend", probability="p")
