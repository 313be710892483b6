from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook.drivers import driver_analysis, lmg_shares
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
        ours = driver_analysis(survey(seed, n=1500), "answer", ["cause", "shadow", "other"])
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
