"""Service by channel: the ordinal model, who repeats the story, the volume to come, and odd files."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.miscmodels.ordinal_model import OrderedModel

from playbook import experience, market
from playbook.answer import Answer, Missing
from playbook.experience.adjusted import _ProportionalOdds, adjusted_means
from playbook.experience.volume import months_ahead, whole_months
from playbook.market import service, worlds

AS_OF = date(2025, 12, 31)


def cases(n: int = 900, seed: int = 1, letter: float = 0.0, hard: float = -1.5) -> pd.DataFrame:
    """Cases of three channels; the hard topic comes by phone; ``letter`` moves the opinion of letters (log odds)."""
    rng = np.random.default_rng(seed)
    channel = rng.choice(["chat", "letter", "phone"], n)
    topic = np.where(rng.random(n) < np.where(channel == "phone", 0.8, 0.2), "hard", "easy")
    felt = hard * (topic == "hard") + letter * (channel == "letter") + rng.logistic(size=n)
    opened = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(1, 330, n), unit="D")
    again = rng.random(n) < np.where(topic == "hard", 0.45, 0.15)
    return pd.DataFrame({
        "ticket_id": [f"T{i:05d}" for i in range(n)], "customer_id": [f"c{i}" for i in rng.integers(0, n // 2, n)],
        "opened_at": opened, "channel": channel, "topic": topic, "priority": rng.choice(["low", "normal"], n),
        "csat": 1.0 + np.digitize(felt, [-3, -2, -0.5, 1]), "further_contacts": again.astype(int),
        "elsewhere": (again & (rng.random(n) < 0.4)).astype(int), "age_hours": 24.0 * (pd.Timestamp("2026-01-01") - opened).days,
        "first_response_hours": rng.exponential(4, n), "resolution_hours": rng.exponential(30, n), "reopened": False,
    })  # fmt: skip


def test_the_written_out_score_is_that_of_statsmodels() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(300, 3)), rng.integers(0, 4, 300)
    theirs, ours = (model(y, x, distr="logit") for model in (OrderedModel, _ProportionalOdds))
    at = np.array([0.2, -0.4, 0.1, -1.0, 0.3, -0.2])
    np.testing.assert_allclose(ours.loglikeobs(at), theirs.loglikeobs(at), rtol=1e-10)
    np.testing.assert_allclose(ours.score(at), theirs.score(at), atol=1e-4)
    fits = [model.fit(method="bfgs", disp=False) for model in (theirs, ours)]
    np.testing.assert_allclose(fits[1].params, fits[0].params, atol=1e-3)
    np.testing.assert_allclose(fits[1].cov_params(), fits[0].cov_params(), atol=1e-3)


def test_without_a_mix_shares_are_the_plain_ones_with_their_usual_error() -> None:
    frame = pd.DataFrame({"who": ["a"] * 40 + ["b"] * 60, "y": [1.0] * 10 + [0.0] * 30 + [1.0] * 30 + [0.0] * 30})  # fmt: skip
    frame["id"] = [str(i) for i in range(100)]
    found = adjusted_means(frame, "y", "who", (), "id")
    assert found.table["adjusted"].tolist() == pytest.approx([0.25, 0.5], abs=1e-6)
    half = 1.96 * np.sqrt(0.25 * 0.75 / 40)
    assert found.table["high"].iloc[0] - 0.25 == pytest.approx(half, rel=0.03)
    assert found.method == "logit" and found.note == ""


def test_gaps_that_change_along_the_scale_are_told() -> None:
    table = cases(1500)
    still = experience.cases_by_channel(table, AS_OF)
    assert still["parallel_p"] > 0.01 and "along the scale" not in still.so_what
    rng = np.random.default_rng(8)
    extreme = (table["channel"] == "letter") & (rng.random(1500) < 0.4)
    table.loc[extreme, "csat"] = rng.choice([1.0, 5.0], int(extreme.sum()))
    odd = experience.cases_by_channel(table, AS_OF)
    assert odd["parallel_p"] < 0.001 and "not the same along the scale" in odd.so_what


def test_hard_topics_do_not_make_a_channel_worse() -> None:
    found = experience.cases_by_channel(cases(1500), AS_OF)
    by = found.table.set_index("channel")
    assert by.loc["chat", "csat"] - by.loc["phone", "csat"] > 0.4
    assert abs(by.loc["chat", "adjusted_csat"] - by.loc["phone", "adjusted_csat"]) < 0.2
    assert found["worse"] == "" and found["method"] == "proportional-odds"
    assert "alike in every channel" in found.headline


def test_a_worse_channel_is_named_and_a_trifle_is_not() -> None:
    found = experience.cases_by_channel(cases(1500, letter=-0.9), AS_OF)
    assert found["worse"] == "letter" and set(found["named"]["lower"]) == {"letter"}
    assert found.headline.startswith("Not the same in each channel: letter is rated")
    trifle = experience.cases_by_channel(cases(9000, letter=-0.15), AS_OF)
    assert trifle["p_value"] < 0.05 and trifle["worse"] == ""
    assert "no two of them surely differ" in trifle.so_what


def test_few_ratings_are_not_shown_and_odd_ones_do_not_count() -> None:
    table = cases(400)
    table.loc[:3, "channel"] = "fax"
    table.loc[4:6, "csat"] = [0.0, 11.0, -2.0]
    found = experience.cases_by_channel(table, AS_OF)
    assert "fax" not in set(found.table["channel"])
    assert "fewer than 5 rated cases: fax" in found.caption
    assert "3 ratings outside 1 to 5" in found.caption
    assert found.table["csat"].between(1, 5).all()


def test_a_channel_with_the_best_answer_only_gets_a_linear_model_and_a_note() -> None:
    table = cases(400)
    table.loc[:7, "channel"] = "counter"
    table.loc[:7, "csat"] = 5.0
    found = experience.cases_by_channel(table, AS_OF)
    assert found["method"] == "linear" and "linear model is used" in found.so_what
    width = found.table.set_index("channel")["adjusted_high"] - found.table.set_index("channel")["adjusted_low"]  # fmt: skip
    assert width["counter"] > width["chat"]


def test_topics_that_only_one_channel_has_cannot_be_held_equal() -> None:
    table = cases(400).assign(topic=lambda t: "of " + t["channel"])
    found = experience.cases_by_channel(table, AS_OF)
    assert "topic cannot be held equal" in found.so_what


@pytest.mark.parametrize(
    "odd",
    [
        lambda t: t.head(0),
        lambda t: t.assign(channel="phone"),
        lambda t: t.assign(channel=None),
        lambda t: t.assign(csat=np.nan, resolution_hours=np.nan),
        lambda t: t.assign(csat=7.0),
    ],
    ids=["no tickets", "one channel", "no channel", "all open", "no rating in range"],
)
def test_what_cannot_be_compared_is_asked_for(odd) -> None:
    found = experience.cases_by_channel(odd(cases(200)), AS_OF)
    assert isinstance(found, Missing) and found.ask


@pytest.mark.parametrize("column", ["priority", "topic", "customer_id", "first_response_hours"])
def test_a_column_without_values_is_no_obstacle(column: str) -> None:
    table = cases(300).assign(**{column: pd.Series([None] * 300, dtype="str")})
    if column == "first_response_hours":
        table[column] = np.nan
    assert isinstance(experience.cases_by_channel(table, AS_OF), Answer)
    assert isinstance(experience.repeated_contacts(table, AS_OF), Answer)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 50), st.integers(1, 40))
def test_a_channel_nobody_uses_changes_nothing(seed: int, unused: int) -> None:
    table = cases(250, seed)
    before = table.head(unused).assign(channel="fax", opened_at=pd.Timestamp("2023-05-01"), ticket_id=[f"X{i}" for i in range(unused)])  # fmt: skip
    both = pd.concat([table, before], ignore_index=True).astype({"channel": "category"})
    one, two = (experience.cases_by_channel(t, AS_OF) for t in (table, both))
    pd.testing.assert_frame_equal(one.table, two.table, check_dtype=False)
    assert (one.headline, one.so_what) == (two.headline, two.so_what)


def test_who_comes_again_is_found_with_the_rest_held_equal() -> None:
    people = pd.DataFrame({"customer_id": [f"c{i}" for i in range(400)], "segment": ["x", "y"] * 200})  # fmt: skip
    found = experience.repeated_contacts(cases(1500), AS_OF, people)
    named = found["named"]
    assert list(zip(named["by"], named["group"], strict=True)) == [("topic", "hard")]
    assert found.headline.startswith("Topic hard comes again most often")
    table = found.table.set_index("where")
    assert table.loc["topic hard", "came_again"] > table.loc["topic easy", "came_again"] + 0.2
    assert abs(table.loc["channel phone", "came_again"] - table.loc["channel chat", "came_again"]) < 0.1  # fmt: skip
    shares = ["came_again", "low", "high", "switched", "switched_low", "switched_high"]
    assert found.table[shares].apply(lambda c: c.between(0, 1)).all(axis=None)
    assert {"segment x", "segment y"} <= set(table.index)


def test_a_group_of_which_nobody_came_again_has_wilsons_interval() -> None:
    table = cases(300)
    table.loc[:11, "topic"] = "rare"
    table.loc[:11, ["further_contacts", "elsewhere"]] = 0
    table.loc[12:14, "topic"] = "once"
    found = experience.repeated_contacts(table, AS_OF)
    rare = found.table.set_index("where").loc["topic rare"]
    assert (rare["came_again"], rare["low"]) == (0, 0) and 0.1 < rare["high"] < 0.4
    assert rare["q_value"] > 0.01
    assert "topic once" not in set(found.table["where"]) and "1 groups of fewer" in found.caption


def test_no_old_case_no_repeat() -> None:
    young = cases(100).assign(age_hours=12.0)
    assert isinstance(experience.repeated_contacts(young, AS_OF), Missing)


def months(count: int = 36, first: str = "2023-01-01", last_day: int = 2) -> pd.DataFrame:
    month = pd.date_range(first, periods=count, freq="MS")
    opened = 100 + 30 * np.sin(np.arange(count) * np.pi / 6) + np.arange(count) % 5
    return pd.DataFrame({"month": month, "opened": opened.round(), "resolved": 100.0, "backlog": 5.0,
                         "first_opened": month + pd.Timedelta(days=last_day)})  # fmt: skip


def test_the_volume_to_come_follows_the_season() -> None:
    found = experience.case_forecast(months(), AS_OF, seed=1, ahead=6)
    table = found.table
    assert list(table["month"]) == list(pd.date_range("2026-01-01", periods=6, freq="MS"))
    assert (table["low"] <= table["expected"]).all() and (table["expected"] <= table["high"]).all()
    assert np.abs(table["expected"] - table["last_year"]).max() < 15
    assert "missed a month by" in found.so_what and "capacity" not in found.so_what
    assert len(found["errors"]) == 3


def test_months_that_are_not_whole_are_left_out() -> None:
    part = whole_months(months(36, last_day=12), date(2025, 12, 15))
    assert (part.index[0], part.index[-1]) == (pd.Timestamp("2023-02-01"), pd.Timestamp("2025-11-01"))  # fmt: skip
    gap = months(36).drop(index=20)
    assert whole_months(gap, AS_OF).iloc[20] == 0
    longer = whole_months(months(30), AS_OF)
    assert len(longer) == 36 and longer.tail(6).tolist() == [0.0] * 6


def test_short_histories_say_so() -> None:
    short = experience.case_forecast(months(14, "2024-11-01"), AS_OF, seed=1)
    assert "14 whole months no season can be told apart" in short.so_what
    assert isinstance(experience.case_forecast(months(8, "2025-05-01"), AS_OF, seed=1), Missing)
    assert isinstance(experience.case_forecast(months(36).head(0), AS_OF, seed=1), Missing)


def test_capacity_is_spoken_of_only_where_it_is_known() -> None:
    enough = experience.case_forecast(
        months(), AS_OF, seed=1, promised=SimpleNamespace(cases_per_month=500.0), cost=10
    )
    assert "500 cases a month are enough" in enough.so_what and "At 10.00 a case" in enough.so_what
    short = experience.case_forecast(
        months(), AS_OF, seed=1, promised=SimpleNamespace(cases_per_month=60.0)
    )
    assert "will not do" in short.so_what


def test_counts_vary_at_least_as_poisson_numbers() -> None:
    found = months_ahead(np.full(24, 25.0), 3, seed=1)
    width = (found.table["high"] - found.table["low"]).to_numpy()
    assert width == pytest.approx(2 * 1.2816 * 5, rel=0.1)


def test_half_of_the_worlds_with_effects_have_a_worse_channel_that_is_worse() -> None:
    effects = [worlds._channel_effect(seed, "regular") for seed in range(400)]
    assert not any(worlds._channel_effect(seed, "null") for seed in range(50))
    assert market.draw_settings(101).channel_effect == effects[101]
    assert abs(np.mean([bool(e) for e in effects]) - 0.5) < 0.08
    low, high, _ = worlds.RANGES["channel_effect"]
    assert all(set(e) <= {"e-mail", "store desk"} and all(low <= v <= high for v in e.values()) for e in effects)  # fmt: skip
    rng, n = np.random.default_rng(3), 2000
    uniform, normal = ("on_delivery", "priority", "channel", "again", "told"), ("answer", "effort", "opinion")  # fmt: skip
    draws = pd.DataFrame({
        "customer": 0, "number": range(n), "ordered": np.datetime64("2025-03-01", "us"), "late": False,
        "other": rng.integers(0, 6, n), "wait": rng.gamma(2.0, 2.6, n),
        **{label: rng.random(n) for label in uniform}, **{label: rng.normal(0, 0.8, n) for label in normal},
    })  # fmt: skip
    nothing = {"slow": np.zeros(n, bool), "failed": np.zeros(n, bool)}
    plain, worse = (
        service.cases(
            SimpleNamespace(settings=market.Settings(channel_effect=effect)), draws, nothing, np.zeros(1),
            np.datetime64("2025-03", "M"),
        )
        for effect in ({}, {"e-mail": -0.8})
    )  # fmt: skip
    pd.testing.assert_frame_equal(plain.drop(columns="csat"), worse.drop(columns="csat"))
    change = (worse["csat"] - plain["csat"]).groupby(plain["channel"]).mean()
    by_name = change.rename(lambda number: service.CHANNELS[number])
    assert by_name["e-mail"] < -0.5 and (by_name.drop("e-mail") == 0).all()
