"""Prices: planted demand is found, the best price has an interval, and no price is set on thin ice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.isotonic import IsotonicRegression

from playbook import proposition as step
from playbook.answer import Answer, Missing
from playbook.choice import LogitResult, effects_code
from playbook.proposition.experiment import Experiment, SegmentModel
from playbook.proposition.gabor_granger import demand_shares
from playbook.proposition.margin_price import verdict

PRICES = [90.0, 120.0, 150.0, 180.0, 210.0, 240.0]


def asked(worth: np.ndarray, ladder: bool = False, prices: list[float] = PRICES) -> pd.DataFrame:
    """Answers of people with these reservation prices, up the ladder until they refuse or at all prices."""
    rows = []
    for person, most in enumerate(worth):
        for price in prices:
            rows.append({"respondent": f"r{person}", "customer_id": f"c{person}", "item": "chair", "scale_max": 1.0,
                         "question_id": f"chair_buy_at_{price:g}", "value": float(most >= price)})  # fmt: skip
            if ladder and most < price:
                break
    return pd.DataFrame(rows)


# --- asked directly ---------------------------------------------------------------------------


def test_shares_are_plain_where_all_prices_were_asked() -> None:
    rng = np.random.default_rng(1)
    worth = rng.normal(160, 40, 200)
    plain = [(worth >= p).mean() for p in PRICES]
    for ladder in (False, True):
        table = step.purchase_at_prices(asked(worth, ladder)).table
        assert table["share"].tolist() == pytest.approx(plain, abs=1e-6)
        assert ((table["low"] <= table["share"]) & (table["share"] <= table["high"])).all()


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 8)), min_size=3, max_size=6))
@settings(max_examples=15, deadline=None)
def test_one_price_a_person_gives_isotonic_regression(cells: list[tuple[int, int]]) -> None:
    bought, refused = np.array([c[0] for c in cells]), np.array([c[1] for c in cells])
    k, place = len(cells), np.arange(len(cells))
    lowest = np.concatenate([place + 1, np.zeros(k, dtype=int)])
    highest = np.concatenate([np.full(k, k), place])
    ours = demand_shares(lowest, highest, np.concatenate([bought, refused]), k)[0]
    n = bought + refused
    theirs = IsotonicRegression(increasing=False).fit(place, bought / n, n).predict(place)
    assert ours == pytest.approx(theirs, abs=5e-3)
    assert (np.diff(ours) <= 1e-9).all()


def test_the_best_price_of_a_planted_demand_is_inside_its_interval() -> None:
    worth = np.random.default_rng(2).normal(165, 40, 400)
    truth = PRICES[int(np.argmax([p * stats.norm.sf(p, 165, 40) for p in PRICES]))]
    answer = step.purchase_at_prices(asked(worth, ladder=True))
    top = answer["best"].iloc[0]
    assert top["low"] <= truth <= top["high"] and top["basis"] == "revenue"
    assert not top["at_edge"] and 0 < top["chance_best"] <= 1
    costs = pd.DataFrame({"offer_id": ["Chair"], "unit_cost": [110.0]})
    dear = step.purchase_at_prices(asked(worth), offers=costs)["best"].iloc[0]
    assert dear["basis"] == "margin" and dear["price"] > top["price"]


def test_a_best_price_at_the_end_of_those_asked_is_not_to_be_set() -> None:
    answer = step.purchase_at_prices(asked(np.random.default_rng(3).normal(400, 30, 60)))
    top = answer["best"].iloc[0]
    assert top["price"] == 240 and top["at_edge"]
    assert "may lie outside those asked" in answer.so_what


def test_backward_answers_are_left_out_and_counted() -> None:
    ratings = asked(np.random.default_rng(4).normal(160, 40, 60))
    backward = asked(np.full(5, 500.0)).assign(respondent=lambda t: "x" + t["respondent"])
    backward.loc[backward["question_id"] == "chair_buy_at_90", "value"] = 0.0
    answer = step.purchase_at_prices(pd.concat([ratings, backward], ignore_index=True))
    assert "5 respondents left out" in answer.caption
    assert answer.table["n"].unique().tolist() == [60]


def test_only_the_top_of_a_likelihood_scale_is_a_purchase() -> None:
    worth = np.random.default_rng(5).normal(160, 40, 60)
    yes = asked(worth)
    scale = yes.assign(value=np.where(yes["value"] == 1, 5, 4), scale_max=5.0)
    pd.testing.assert_frame_equal(step.purchase_at_prices(scale).table, step.purchase_at_prices(yes).table)  # fmt: skip


def test_segments_and_thin_answers() -> None:
    ratings = asked(np.random.default_rng(6).normal(160, 40, 80))
    segments = pd.DataFrame({"customer_id": [f"c{i}" for i in range(80)], "segment": ["A"] * 60 + ["B"] * 20})  # fmt: skip
    answer = step.purchase_at_prices(ratings, segments)
    assert answer["best"]["segment"].tolist() == ["everybody", "A"]  # B: fewer than 30
    few = step.purchase_at_prices(ratings[ratings["respondent"].isin([f"r{i}" for i in range(12)])])
    assert isinstance(few, Missing) and "30 respondents" in few.reason
    two = ratings[ratings["question_id"].isin(["chair_buy_at_90", "chair_buy_at_240"])]
    assert isinstance(step.purchase_at_prices(two), Missing)


def test_the_two_kinds_of_price_questions_do_not_mix() -> None:
    direct = asked(np.random.default_rng(7).normal(160, 40, 60))
    steps = {"vw_too_cheap": 0, "vw_bargain": 10, "vw_expensive": 20, "vw_too_expensive": 30}
    meter = pd.DataFrame(
        [{"respondent": f"m{i}", "customer_id": f"m{i}", "question_id": q, "item": "sofa", "value": 80.0 + i + add}
         for i in range(41) for q, add in steps.items()]
    )  # fmt: skip
    both = pd.concat([direct, meter], ignore_index=True)
    pd.testing.assert_frame_equal(step.acceptable_prices(both).table, step.acceptable_prices(meter).table)  # fmt: skip
    assert "0 left out" in step.acceptable_prices(both).caption
    assert "sofa" in step.acceptable_prices(both).headline
    pd.testing.assert_frame_equal(step.purchase_at_prices(both).table, step.purchase_at_prices(direct).table)  # fmt: skip
    assert isinstance(step.purchase_at_prices(meter), Missing)


# --- from choices -----------------------------------------------------------------------------

OFFERS = pd.DataFrame(
    {
        "offer_id": ["A", "X"],
        "brand": ["Us", "Cheap"],
        "is_ours": [True, False],
        "price": [150.0, 120.0],
        "unit_cost": [90.0, np.nan],
        "delivery": ["slot", "standard"],
    }
)


def fitted(slope: float, error: float = 0.001, own: bool = True, lowest: float = 80.0, highest: float = 260.0) -> Answer:  # fmt: skip
    """An experiment whose part-worths are known, with their errors."""
    shown = pd.DataFrame({"delivery": ["slot", "standard", None], "price": [lowest, highest, np.nan], "is_none": [False, False, True], "segment": "All"})  # fmt: skip
    coding = effects_code(shown, ["delivery", "price"], {"delivery": "standard"}, none="is_none")
    beta = pd.Series({"delivery: slot": 0.5, "price": slope, "none": 120 * slope})[coding.columns]
    scale = pd.Series({"delivery: slot": 0.05, "price": error, "none": 0.1})[coding.columns]
    cov = pd.DataFrame(np.diag(scale**2), index=coding.columns, columns=coding.columns)
    result = LogitResult(beta, cov, -1.0, -2.0, 100, 100, "clustered")
    model = SegmentModel("All", result, 100, result if own else None)
    experiment = Experiment(coding, shown, shown, {"All": model}, result)
    return Answer(shown, "", "", "predictive", extra={"experiment": experiment})


def best_true(slope: float) -> float:
    prices = np.arange(80.0, 260.1, 0.5)
    other = np.exp(-0.5 + 120 * slope) + np.exp(120 * slope)
    share = np.exp(0.5 + slope * prices) / (np.exp(0.5 + slope * prices) + other)
    return float(prices[np.argmax(share * (prices - 90))])


def priced(experiment: Answer, **change: Any) -> Answer:
    offers = OFFERS.assign(**change)
    return step.margin_price(step.best_offers(experiment, offers), experiment, offers)


@pytest.mark.parametrize(("slope", "current", "word"), [(-0.03, 170.0, "lower"), (-0.018, 168.0, "keep"), (-0.018, 115.0, "raise")])  # fmt: skip
def test_the_true_best_price_is_inside_the_interval(slope: float, current: float, word: str) -> None:  # fmt: skip
    answer = priced(fitted(slope, 0.0006), price=[current, 120.0])
    row = answer["all"].iloc[0]
    assert row["low"] - 1 <= best_true(slope) <= row["high"] + 1
    assert row["best_price"] == pytest.approx(best_true(slope), abs=3)
    assert row["verdict"] == word, row.to_dict()
    assert row["gain"] >= -1e-9 and row["gain_low"] <= row["gain"] <= row["gain_high"]


def test_a_wide_interval_and_the_edge_of_prices_are_no_ground_to_act_on() -> None:
    assert priced(fitted(-0.018, 0.004)).table["verdict"].iloc[0] == "too wide to act on"
    short = priced(fitted(-0.018, 0.0006, highest=140.0), price=[130.0, 120.0])
    assert short.table["verdict"].iloc[0] == "ask wider prices"
    assert "ask wider prices" in short.so_what
    assert priced(fitted(-0.018, 0.0006, own=False)).table["verdict"].iloc[0] == "too few asked"


def test_a_segment_that_likes_high_prices_is_refused() -> None:
    refused = priced(fitted(0.01))
    assert isinstance(refused, Missing) and "surely react to price" in refused.reason


def test_direct_questions_come_first_and_are_named() -> None:
    experiment = fitted(-0.018, 0.0006)
    direct = step.purchase_at_prices(asked(np.random.default_rng(2).normal(165, 40, 400)))
    table = step.margin_price(
        step.best_offers(experiment, OFFERS), experiment, OFFERS, direct
    ).table
    assert table["source"].tolist() == ["asked (revenue)", "choices"]
    missing = step.margin_price(step.best_offers(experiment, OFFERS), experiment, OFFERS, Missing("not asked"))  # fmt: skip
    assert missing.table["source"].tolist() == ["choices"]


def test_verdicts_by_hand() -> None:
    assert verdict(100, 95, 105, 100, False, True, -1.0) == "keep"
    assert verdict(100, 95, 105, 120, False, True, 0.5) == "lower"
    assert verdict(100, 95, 105, 90, False, True, 0.5) == "raise"
    assert verdict(100, 95, 105, 90, False, True, -0.1) == "keep"  # no sure gain
    assert verdict(100, 80, 110, 100, False, True, 0.5) == "too wide to act on"
    assert verdict(100, 95, 105, 90, True, True, 0.5) == "ask wider prices"
    assert verdict(100, 95, 105, 90, False, False, 0.5) == "too few asked"
    assert verdict(100, 95, 105, np.nan, False, True, np.nan) == "set"
