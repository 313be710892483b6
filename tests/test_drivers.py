from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from playbook.drivers import driver_analysis, lmg_shares, proportional_odds, share_intervals
from playbook.drivers.ordinal import parallel_test
from playbook.drivers.resampling import share_draws
from playbook.drivers.shares import shares_of
from playbook.truth.coverage import Cell
from playbook.truth.coverage_drivers import CELLS, EFFECTS, WITHIN, population_shares
from playbook.validation.drivers import rows, swiss_correlation


def survey(seed: int, n: int = 600, effect: float = 0.6) -> pd.DataFrame:
    """Answers 0 to 10 that a cause moves; ``shadow`` correlates .7 with it and does nothing."""
    rng = np.random.default_rng(seed)
    cause, other = rng.normal(size=(2, n))
    shadow = 0.7 * cause + np.sqrt(0.51) * rng.normal(size=n)
    score = 7 + 2 * (effect * cause + 0.3 * other + rng.normal(size=n))
    answer = np.clip(np.round(score), 0, 10)
    return pd.DataFrame({"answer": answer, "cause": cause, "shadow": shadow, "other": other})


def test_published_shares():
    assert [check.id for check in rows() if not check.ok] == []


def test_published_r_squared_through_the_whole_analysis():
    wanted = swiss_correlation()
    noise = np.random.default_rng(0).normal(size=(47, 6))
    white = np.linalg.qr(noise - noise.mean(axis=0))[0]
    frame = pd.DataFrame(white @ np.linalg.cholesky(wanted).T, columns=wanted.columns)
    ours = driver_analysis(frame, "Fertility", list(wanted.columns[1:]))
    assert ours["share"].sum() == pytest.approx(0.7067, abs=5e-5)
    assert ours["driver"].iloc[0] == "Education"


@given(st.integers(0, 10**6), st.integers(1, 5))
@settings(max_examples=30)
def test_shares_sum_to_r_squared_and_are_never_negative(seed, count):
    values = np.random.default_rng(seed).normal(size=(40, count + 1)).cumsum(axis=1)
    names = ["y", *(f"x{i}" for i in range(count))]
    correlation = pd.DataFrame(np.corrcoef(values, rowvar=False), names, names)
    inside, with_y = correlation.to_numpy()[1:, 1:], correlation.to_numpy()[1:, 0]
    shares = lmg_shares(correlation, "y")
    assert shares.sum() == pytest.approx(with_y @ np.linalg.solve(inside, with_y))
    assert (shares > -1e-9).all()


def test_groups_enter_together():
    shares = lmg_shares(
        swiss_correlation(),
        "Fertility",
        {
            "school": ["Education", "Examination"],
            "rest": ["Agriculture", "Catholic", "Infant.Mortality"],
        },
    )
    assert shares.sum() == pytest.approx(0.7067, abs=5e-5)


def test_too_many_drivers_and_repeated_ones_are_refused():
    names = [f"x{i}" for i in range(14)]
    with pytest.raises(ValueError, match="at most 12 drivers; got 13"):
        lmg_shares(pd.DataFrame(np.eye(14), names, names), "x0")
    frame = survey(0).assign(copy=lambda f: f["cause"] * 2)
    with pytest.raises(ValueError, match="repeat each other"):
        driver_analysis(frame, "answer", ["cause", "copy"])


def test_a_shadow_of_the_cause_is_no_driver():
    named = 0
    for seed in range(8):
        ours = driver_analysis(
            survey(seed, n=1500), "answer", ["cause", "shadow", "other"], draws=2
        )
        ours = ours.set_index("driver")
        assert ours.loc["cause", "is_driver"]
        assert ours.loc["shadow", "share"] > 0.02  # LMG alone would have named it
        named += ours.loc["shadow", "is_driver"]
    assert named == 0


def test_what_acts_through_case_type_only_is_no_driver():
    rng = np.random.default_rng(3)
    n = 800
    case = rng.choice(["complaint", "question", "return"], n)
    hard = (case == "complaint").astype(float)
    wait, kind = 2 * hard + rng.normal(size=n), rng.normal(size=n)
    score = np.clip(np.round(7 - 2 * hard + 0.8 * kind + rng.normal(size=n)), 0, 10)
    frame = pd.DataFrame({"csat": score, "wait": wait, "kind": kind, "case": case})
    naive = driver_analysis(frame, "csat", ["wait", "kind"]).set_index("driver")
    ours = driver_analysis(frame, "csat", ["wait", "kind"], ["case"]).set_index("driver")
    assert naive["is_driver"].tolist() == [True, True]
    assert not ours.loc["wait", "is_driver"]
    assert ours.loc["kind", "is_driver"]


def test_nothing_is_found_where_nothing_is():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(rng.normal(size=(500, 9)), columns=[f"x{i}" for i in range(9)])
    assert not driver_analysis(frame, "x0", list(frame.columns[1:]))["is_driver"].any()


def test_row_order_does_not_matter_and_missing_rows_are_counted():
    frame = survey(5)
    frame.loc[:9, "other"] = np.nan
    ours = driver_analysis(frame, "answer", ["cause", "other"])
    shuffled = driver_analysis(frame.sample(frac=1, random_state=1), "answer", ["other", "cause"])
    assert ours.equals(shuffled)
    assert (ours["n"].iloc[0], ours["n_missing"].iloc[0]) == (590, 10)


def test_repeated_rows_of_a_customer_do_not_add_certainty():
    once = survey(6, n=200).assign(customer_id=[f"c{i:03d}" for i in range(200)])
    tripled = pd.concat([once] * 3)
    names = ["cause", "other"]
    alone = driver_analysis(once, "answer", names)
    fooled = driver_analysis(tripled, "answer", names)
    ours = driver_analysis(tripled, "answer", names, clusters="customer_id")
    width = [float((f["high"] - f["low"]).iloc[0]) for f in (alone, fooled, ours)]
    assert width[1] < 0.65 * width[0]
    assert width[2] == pytest.approx(width[0], rel=0.05)


def test_whole_weights_count_as_repeated_rows():
    frame = survey(7, n=300).assign(weight=np.tile([1.0, 2.0], 150))
    doubled = frame.loc[frame.index.repeat(frame["weight"].astype(int))]
    names = ["cause", "other"]
    ours = driver_analysis(frame, "answer", names, weights="weight")
    plain = driver_analysis(doubled, "answer", names)
    assert ours["coefficient"].tolist() == pytest.approx(plain["coefficient"].tolist())
    assert ours["share"].tolist() == pytest.approx(plain["share"].tolist())


def test_bad_input_is_named():
    frame = survey(8, n=60).assign(text="a", flat=1.0)
    with pytest.raises(ValueError, match=r"no column \['absent'\]"):
        driver_analysis(frame, "answer", ["absent"])
    with pytest.raises(ValueError, match="text holds text"):
        driver_analysis(frame, "answer", ["text"])
    with pytest.raises(ValueError, match=r"\['flat'\] never vary"):
        driver_analysis(frame, "answer", ["cause", "flat"])
    with pytest.raises(ValueError, match="8 complete rows"):
        driver_analysis(frame.head(8), "answer", ["cause"])
    with pytest.raises(ValueError, match="neither a driver"):
        driver_analysis(frame, "answer", ["cause"], ["cause"])


def alone(n: int) -> tuple[np.ndarray, np.ndarray]:
    """No confounder, every row its own unit."""
    return np.empty((n, 0)), np.arange(n)


def test_shares_of_many_draws_are_those_of_the_definition():
    rng = np.random.default_rng(1)
    mixed = rng.normal(size=(3, 60, 5)) @ rng.normal(size=(5, 5))
    matrices = np.array([np.corrcoef(values.T) for values in mixed])
    ours = shares_of(matrices, [1] * 4)
    for matrix, found in zip(matrices, ours, strict=True):
        assert found == pytest.approx(population_shares(matrix[1:, 1:], matrix[1:, 0]))


def test_a_repeated_variable_in_a_draw_explains_nothing_twice():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(50, 1))
    values = np.column_stack([x[:, 0] + rng.normal(size=50), x, x])
    shares = shares_of(np.cov(values.T)[None], [1, 1])[0]
    assert shares[0] == pytest.approx(shares[1])
    assert shares.sum() / np.var(values[:, 0], ddof=1) == pytest.approx(np.corrcoef(values[:, :2].T)[0, 1] ** 2)  # fmt: skip


def test_the_bootstrap_agrees_with_an_independent_one_and_with_the_closed_form():
    law = np.array([(576, 3.39), (635, 3.30), (558, 2.81), (578, 3.03), (666, 3.44), (580, 3.07), (555, 3.00), (661, 3.43),
                    (651, 3.36), (605, 3.13), (653, 3.12), (575, 2.74), (545, 2.76), (572, 2.88), (594, 2.96)])  # fmt: skip
    held, codes = alone(15)
    ours = np.sqrt(share_draws(law[:, 1], law[:, :1], held, np.ones(15), codes, 10_000, 1)[:, 0])
    theirs = stats.bootstrap(
        (law[:, 0], law[:, 1]), lambda a, b, axis: np.array([np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)]),
        paired=True, vectorized=True, n_resamples=3000, method="percentile", rng=np.random.default_rng(2), axis=-1,
    )  # fmt: skip
    assert ours.std(ddof=1) == pytest.approx(theirs.standard_error, abs=0.01)
    assert np.quantile(ours, [0.025, 0.975]) == pytest.approx(list(theirs.confidence_interval), abs=0.03)  # fmt: skip
    n, r = 4000, 0.5
    x = np.random.default_rng(3).standard_normal((n, 2))
    y = r * x[:, 0] + np.sqrt(1 - r**2) * x[:, 1]
    drawn = share_draws(y, x[:, :1], *alone(n)[:1], np.ones(n), alone(n)[1], 600, 4)
    assert drawn.std() == pytest.approx(2 * r * (1 - r**2) / np.sqrt(n), rel=0.12)


def test_rows_of_one_customer_are_drawn_together():
    rng = np.random.default_rng(5)
    x, e = rng.normal(size=(2, 100))
    once = (x * 0.6 + e, x[:, None], np.empty((100, 0)), np.ones(100), np.arange(100))
    thrice = tuple(np.concatenate([part] * 3) for part in once)
    fooled = (*thrice[:4], np.arange(300))
    spread = [share_draws(*part, 800, 1).std() for part in (once, thrice, fooled)]
    assert spread[1] == pytest.approx(spread[0], rel=1e-9)
    assert spread[2] < 0.7 * spread[0]


def test_a_driver_that_explains_no_more_than_chance_has_a_share_from_zero():
    frame = survey(9, n=400).assign(noise=np.random.default_rng(99).normal(size=400))
    ours = driver_analysis(frame, "answer", ["cause", "noise"], seed=3).set_index("driver")
    assert ours.loc["noise", "share_low"] == 0
    assert ours.loc["cause", "share_low"] > 0.1
    assert ours["share_chance"].tolist() == pytest.approx([1 / 400, 1 / 400], rel=0.5)
    assert (ours["share"] <= ours["share_high"]).all()
    again = driver_analysis(frame, "answer", ["cause", "noise"], seed=3).set_index("driver")
    other = driver_analysis(frame, "answer", ["cause", "noise"], seed=4).set_index("driver")
    assert again.equals(ours)
    assert not other.equals(ours)


def test_very_many_units_are_drawn_in_blocks(monkeypatch):
    rng = np.random.default_rng(6)
    x, e = rng.normal(size=(2, 3000))
    part = (x + e, x[:, None], *alone(3000)[:1], np.ones(3000), alone(3000)[1])
    whole = share_draws(*part, 400, 1).std()
    monkeypatch.setattr("playbook.drivers.resampling.MOST_UNITS", 300)
    assert share_draws(*part, 400, 1).std() == pytest.approx(whole, rel=0.2)


def test_whole_weights_count_as_repeated_rows_in_the_ordinal_model_too():
    frame = survey(10, n=200)
    x, y = frame[["cause", "other"]].to_numpy(), frame["answer"].to_numpy()
    weight = np.tile([1.0, 2.0], 100)
    again = np.repeat(np.arange(200), weight.astype(int))
    ours = proportional_odds(y, x, weight, np.arange(200))
    plain = proportional_odds(y[again], x[again])
    fooled = proportional_odds(y[again], x[again], codes=np.arange(len(again)))
    by_person = proportional_odds(y[again], x[again], codes=again)
    assert ours.coefficient == pytest.approx(plain.coefficient, abs=1e-4)
    assert ours.error == pytest.approx(by_person.error, rel=1e-3)
    assert (fooled.error < ours.error).all()


def test_the_test_of_proportional_odds_finds_an_effect_on_low_answers_only():
    rng = np.random.default_rng(11)
    x = rng.normal(size=(1500, 2))
    even = x[:, 0] + rng.logistic(size=1500)
    answer = np.digitize(even, [-1.5, 0, 1.5]).astype(float)
    answer[(answer > 0) & (x[:, 1] > 1) & (rng.random(1500) < 0.6)] = (
        0.0  # drives to the bottom only
    )
    p_values = parallel_test(answer, x, 2, np.ones(1500), np.arange(1500))
    assert p_values[1] < 0.001
    few = parallel_test(answer[:12], x[:12], 2, np.ones(12), np.arange(12))
    assert np.isnan(few).all()


def test_the_test_of_proportional_odds_is_not_alarmed_where_they_hold():
    alarms = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(300, 1))
        answer = np.digitize(x[:, 0] + rng.logistic(size=300), [-1, 0, 1])
        alarms += parallel_test(answer, x, 1, np.ones(300), np.arange(300))[0] < 0.05
    assert alarms <= 6  # 40 trials at 5 %: more than 6 has a chance below 1 %


def test_a_touchpoint_that_few_met_counts_where_it_was_met():
    rng = np.random.default_rng(12)
    met = rng.random(900) < 0.3
    rating, other = rng.normal(size=(2, 900))
    score = np.where(met, 0.6 * rating - 1.0, 0.0) + 0.5 * other + rng.normal(size=900)
    frame = pd.DataFrame({"score": score, "chat": np.where(met, rating, np.nan), "shop": other})
    ours = driver_analysis(frame, "score", ["chat", "shop"], partial=["chat"]).set_index("driver")
    users = driver_analysis(frame.dropna(), "score", ["chat"], draws=2)
    spread = np.std(score), np.std(score[met])
    assert ours["n"].tolist() == [900, 900]
    assert ours.loc["chat", "coefficient"] * spread[0] == pytest.approx(users["coefficient"].iloc[0] * spread[1], rel=0.1)  # fmt: skip
    assert ours["is_driver"].all()
    assert ours.loc["chat", "share"] < ours.loc["shop", "share"]
    whole = driver_analysis(frame.fillna({"chat": 0.0}), "score", ["chat", "shop"], partial=["chat"])  # fmt: skip
    assert len(whole) == 2


def test_population_shares_of_the_design_cells_sum_to_r_squared():
    assert population_shares(WITHIN, WITHIN @ EFFECTS).sum() == pytest.approx(EFFECTS @ WITHIN @ EFFECTS)  # fmt: skip


def test_intervals_of_shares_are_fast():
    rng = np.random.default_rng(13)
    x, y = rng.normal(size=(1500, 8)), rng.normal(size=1500)
    started = time.process_time()
    share_intervals(y, x, np.empty((1500, 0)), np.ones(1500), np.arange(1500), np.full(8, 0.01))
    assert time.process_time() - started < 2.0


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.design)
def test_designs_of_drivers_draw_sound_intervals(cell: Cell) -> None:
    rng = np.random.default_rng(4)
    low, high, truth = np.array([cell.draw(rng) for _ in range(10)]).T
    assert (low < high).all()
    assert ((low <= truth) & (truth <= high)).mean() >= 0.6


def test_a_column_that_parts_the_levels_has_no_odds_ratio():
    x = np.linspace(-2, 2, 90)[:, None]
    assert proportional_odds(np.digitize(x[:, 0], [-0.7, 0.7]), x) is None
