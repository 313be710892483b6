"""Step 2: audit, links between systems, weights, promoters, topics, cohorts, and mix against rate."""

from __future__ import annotations

import inspect
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from playbook import research as r
from playbook.answer import Answer, Missing
from playbook.research import texts
from playbook.research.behaviour import gini_interval
from playbook.research.coding import code, need_of, sentences
from playbook.research.diagnosis import decompose, windows
from playbook.research.sentiment import sentiment
from playbook.research.surveys import weighted_mean
from playbook.stats import bootstrap, gini
from playbook.warehouse import Warehouse

AS_OF, SINCE = date(2025, 12, 31), date(2024, 12, 31)
QUERIES = "survey_panel survey_scores opinion_answers customer_metrics daily_sales cohort_activity sales_by_group kept_by_group stayed_by_group rows_by_quarter customers_by_market_segment case_topics open_answers purchase_mix".split()  # noqa: SIM905
TABLES = "customer_records customer_keys reviews focus_group_quotes market switching choice_tasks".split()  # noqa: SIM905


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Every input of this step for a client without a single table."""
    empty = Warehouse(tmp_path_factory.mktemp("tables"), AS_OF)
    given_ = {"since": SINCE, "start": SINCE, "cut": date(2025, 6, 30), "kinds": "nps,csat,ces"}
    frames: dict[str, Any] = {name: empty.query(name, **given_) for name in QUERIES}
    frames |= {name: empty.table(name) for name in TABLES}
    frames["coverage"] = empty.table_coverage("customers").iloc[:0]
    columns = ["table", "file", "rows_in", "kept", "quarantined", "merged"]
    frames["ledger"] = pd.DataFrame(columns=columns)
    columns = ["level", "table", "file", "row", "count", "message", "mend"]
    frames["findings"] = pd.DataFrame(columns=columns)
    return frames


def _inputs(nothing: dict[str, Any]) -> dict[str, Any]:
    quotes, weights = nothing["focus_group_quotes"], r.surveys.weights_of(Missing("none"))
    written = r.voices.gather(
        nothing["reviews"], nothing["open_answers"], nothing["customer_records"]
    )
    return {
        "panel": nothing["survey_panel"], "weights": weights, "quotes": quotes, "records": nothing["customer_records"],
        "keys": nothing["customer_keys"], "linked": nothing["customer_keys"].assign(group=0), "metrics": nothing["customer_metrics"],
        "days": nothing["daily_sales"], "activity": nothing["cohort_activity"], "findings": nothing["findings"],
        "texts": written, "said": r.voices.heard(written), "tasks": nothing["choice_tasks"], "mix": nothing["purchase_mix"],
        "brand": "Larkfield", "as_of": AS_OF, "since": SINCE, "start": SINCE, "cut": date(2025, 6, 30),
        "strength": pd.DataFrame(columns=["need", "source", "strength", "low", "high", "n"]),
    } | nothing  # fmt: skip


OWN = {
    ("promoters", "scores"): "opinion_answers", ("surveys", "scores"): "survey_scores", ("scales", "scores"): "survey_scores",
    ("diagnosis.order_value", "cells"): "sales_by_group", ("diagnosis.retention", "cells"): "kept_by_group", ("reversals", "cells"): "stayed_by_group",
    ("satisfaction", "scores"): "opinion_answers", ("promoters.by_touchpoint", "touched"): "opinion_answers", ("answer_scales", "scores"): "opinion_answers",
    ("market_position", "customers"): "customers_by_market_segment", ("integration", "customers"): "customer_metrics",
    ("behaviour", "customers"): "customer_metrics",
}  # fmt: skip
STEPS = sorted(
    f"{module}.{name}"
    for module in r.__all__
    for name in getattr(r, module).__all__
    if "-> Answer" in inspect.getsource(getattr(getattr(r, module), name)).split('"""')[0]
)


@pytest.mark.parametrize("step", STEPS)
def test_absent_data_give_a_missing_answer(step: str, nothing: dict[str, Any]) -> None:
    module, name = step.split(".")
    function, inputs = getattr(getattr(r, module), name), _inputs(nothing)
    wanted = {
        argument: inputs[OWN.get((step, argument), OWN.get((module, argument), argument))]
        for argument, parameter in inspect.signature(function).parameters.items()
        if parameter.default is parameter.empty
    }
    answer = function(**wanted)
    assert isinstance(answer, Missing) or (name == "intake_findings" and answer.table.empty)


def test_needs_without_a_source_are_missing(nothing: dict[str, Any]) -> None:
    found = _inputs(nothing)
    strength = r.needs.strengths(
        found["survey_scores"], found["weights"], found["reviews"], found["case_topics"], found["quotes"],
        found["switching"], "Larkfield", SINCE,
    )  # fmt: skip
    assert strength.empty and isinstance(r.needs.needs(strength), Missing)


def test_the_audit_adds_up_and_puts_the_weakest_table_first() -> None:
    ledger = pd.DataFrame({"table": ["orders", "orders", "customers"], "rows_in": [60, 40, 10], "kept": [55, 40, 9],
                           "quarantined": [5, 0, 0], "merged": [0, 0, 1]})  # fmt: skip
    coverage = pd.DataFrame({"table": ["orders", "customers", "customers"], "column": ["cost", "name", "email"], "required": False,
                             "rows": [95, 9, 9], "filled": [95, 9, 0], "latest": pd.to_datetime(["2025-12-30"] * 3)})  # fmt: skip
    table = r.audit.audit(ledger, coverage, AS_OF).table.set_index("table")
    assert list(table.index) == ["orders", "customers"]
    assert table.loc["orders", ["valid", "complete", "days_behind"]].tolist() == [0.95, 1.0, 1]
    assert table.loc["customers", ["valid", "repeated", "complete"]].tolist() == [1.0, 0.1, 0.5]


def test_findings_are_shown_without_raw_values() -> None:
    findings = pd.DataFrame([["problem", "customers", "c.csv", 3, 2, "email 'ada@example.org' of Ada@x.se", "mend"]],
                            columns=["level", "table", "file", "row", "count", "message", "mend"])  # fmt: skip
    shown = r.audit.intake_findings(findings).table.loc[0, "finding"]
    assert "@" not in shown and "ada" not in shown.lower()


def _quarters(name: str, counts: list[int]) -> pd.DataFrame:
    first = pd.date_range("2024-01-01", periods=len(counts), freq="QS")
    frame = pd.DataFrame({"table_name": name, "quarter": first, "row_count": counts})
    return frame[frame["row_count"] > 0]


def test_a_gap_is_named_and_a_table_in_waves_is_not_a_gap() -> None:
    rows = pd.concat(
        [_quarters("orders", [9, 9, 0, 9, 9, 9, 9, 9]), _quarters("survey_answers", [5, 0] * 4)]
    )
    answer = r.audit.continuity(rows, AS_OF)
    assert "orders 2024 Q3" in answer.so_what and "survey answers 2" not in answer.so_what
    assert "Gathered in waves: survey answers" in answer.so_what


def test_repeated_metrics_form_one_group() -> None:
    rng = np.random.default_rng(1)
    base = rng.normal(size=200)
    frame = pd.DataFrame(
        {
            "orders": base,
            "units": base * 3,
            "revenue": np.exp(base),
            "age": rng.normal(size=200),
            "fixed": 1.0,
        }
    )
    answer = r.redundancy.redundancy(frame)
    table = answer.table
    assert answer.headline == "These 2 of 4 metrics carry 100.0 % of the information"
    assert table.loc[0, ["keep", "repeats", "metrics"]].tolist() == ["orders", "revenue, units", 3]
    assert len(table) == 2


def _panel(answered: dict[str, tuple[int, int]], wave: str = "2025") -> pd.DataFrame:
    rows = [
        {"customer_id": f"{band}{i:03d}", "survey": "s", "wave": wave, "invited_at": pd.Timestamp("2025-05-01"), "answered": i < yes,
         "answered_at": pd.Timestamp("2025-05-02") + pd.Timedelta(hours=i), "country": "SE", "age_band": band, "customer_type": "private",
         "activity": "one order", "cases_12m": 0, "case_csat": np.nan}
        for band, (yes, invited) in answered.items() for i in range(invited)
    ]  # fmt: skip
    return pd.DataFrame(rows).astype({"answered": "boolean"})


def test_weights_give_respondents_the_make_up_of_the_invited() -> None:
    panel = _panel({"old": (60, 100), "young": (20, 100)})
    weights = r.surveys.weighting(panel)["weights"]
    share = (
        weights.groupby(weights["customer_id"].str[:3])["weight"].sum() / weights["weight"].sum()
    )
    assert share["old"] == pytest.approx(0.5) and weights["weight"].mean() == pytest.approx(1.0)
    rates = r.surveys.nonresponse(panel).table
    assert set(rates.loc[rates["q"] < 0.05, "group"]) == {"old", "young"}
    assert r.surveys.response(panel).table.loc[0, "rate"] == pytest.approx(0.4)


def test_a_margin_nobody_answered_in_is_pooled() -> None:
    weights = r.surveys.weighting(_panel({"old": (60, 100), "young": (40, 100), "none": (0, 9)}))[
        "weights"
    ]
    assert len(weights) == 100 and weights["weight"].mean() == pytest.approx(1.0)


def test_the_weighted_mean_is_the_mean_when_all_count_one() -> None:
    mean, low, high = weighted_mean(pd.Series([1.0, 2.0, 3.0, 6.0]), pd.Series(1.0, range(4)))
    half = 3.182446 * np.std([1, 2, 3, 6], ddof=1) / 2
    assert (mean, low, high) == pytest.approx((3.0, 3 - half, 3 + half), abs=1e-5)


def _scores(waves: dict[str, tuple[int, int, int]]) -> pd.DataFrame:
    rows = []
    for place, (wave, counts) in enumerate(waves.items()):
        for score, n in zip((10, 8, 3), counts, strict=True):
            rows += [(wave, pd.Timestamp(2024 + place, 6, 1), float(score))] * n
    frame = pd.DataFrame(rows, columns=["wave", "answered_at", "value"])
    frame["response_id"] = [f"R{i:04d}" for i in range(len(frame))]
    return frame.assign(
        customer_id=frame["response_id"],
        country="SE",
        age_band="35 to 49",
        customer_type="private",
        market_segment="A",
        question_id="nps",
        kind="nps",
    )


def test_promoters_by_wave_give_score_and_change() -> None:
    none = r.surveys.weights_of(Missing("none"))
    scores = _scores({"2024": (180, 140, 80), "2025": (80, 140, 180)})
    answer = r.promoters.by_wave(scores, none)
    assert answer.table["nps"].tolist() == pytest.approx([25.0, -25.0])
    first = answer.table.iloc[0]
    assert (first["high"] - first["low"]) / 2 == pytest.approx(
        7.51, abs=0.01
    )  # p = 45 %, d = 20 %, n = 400
    assert answer.table["q"].iloc[1] < 0.05 and "2025" in answer.so_what
    wrong = pd.concat([scores, scores.head(3).assign(value=11.0)])
    assert "3 answers outside their scale" in r.promoters.by_wave(wrong, none).so_what
    moved = r.promoters.by_group(scores, none, pd.Timestamp("2024-12-31")).table
    assert moved["change"].tolist() == pytest.approx([-50.0] * 4)


def test_silence_moves_the_score_by_its_share() -> None:
    scores = _scores({"2025": (50, 0, 50)})
    panel = _panel({"R00": (100, 400)}).assign(customer_id=[f"R{i:04d}" for i in range(400)])
    table = r.promoters.unobserved(panel, scores, r.surveys.weights_of(Missing("none"))).table
    assert table.set_index("assumed_gap")["nps"].to_dict() == pytest.approx(
        {-30: -22.5, -20: -15, -10: -7.5, 0: 0, 10: 7.5}
    )


def test_words_of_each_language() -> None:
    assert texts.tokens("The driver was 2 days late.", "en") == ["driver", "days", "late"]
    assert texts.tokens("Die Lieferung kam zu spät", "de") == ["lieferung", "spät"]
    assert texts.tokens("送货晚了一个星期", "zh") == ["送货", "晚", "星期"]


def _reviews(language: str, good: str, bad: str, n: int = 40) -> pd.DataFrame:
    rows = [(f"V{i:03d}", good if i % 2 else bad, 5.0 if i % 2 else 1.0) for i in range(2 * n)]
    frame = pd.DataFrame(rows, columns=["review_id", "text", "rating"])
    at = pd.date_range("2024-07-01", periods=2 * n, freq="6D")
    return frame.assign(language=language, created_at=at, product_id="1", customer_id=None)


def test_topics_and_sentiment_find_the_two_things_said() -> None:
    reviews = _reviews("sv", "Fint trä och vacker färg.", "Leveransen kom för sent.")
    topics, assigned = texts.topics(reviews["text"], "sv", 2)
    assert topics["texts"].tolist() == [40, 40] and assigned.nunique() == 2
    score = sentiment(reviews, "sv")
    assert (score[reviews["rating"] == 5] > 0).all() and (score[reviews["rating"] == 1] < 0).all()
    again, _ = texts.topics(reviews["text"].sample(frac=1, random_state=3).sort_index(), "sv", 2)
    pd.testing.assert_frame_equal(topics, again)


def test_needs_are_coded_in_every_language() -> None:
    frame = pd.DataFrame({"review_id": list("abcd"), "language": ["en", "de", "sv", "zh"],
                          "text": ["The parcel was late. Nice colour!", "Viel zu teuer.", "Kundtjänst svarade aldrig.", "质量很好。送货很快！"]})  # fmt: skip
    coded = code(sentences(frame))
    found = coded.groupby("review_id")["need"].agg(set).to_dict()
    assert found == {
        "a": {"delivery", "style"},
        "b": {"price"},
        "c": {"service"},
        "d": {"quality", "delivery"},
    }
    assert need_of("late deliveries") == "delivery" and need_of("parking") == "parking"


def test_reviews_that_complain_are_found_and_quoted_without_addresses() -> None:
    reviews = _reviews("en", "Lovely design.", "The parcel never arrived.")
    reviews.loc[0, "text"] = "Parcel lost, write to me at ada@example.org."
    themes = r.reviews.themes(reviews).table
    assert themes.loc[0, "need"] == "delivery" and themes.loc[0, "difference_high"] < 0
    found = r.voices.gather(reviews)
    quoted = r.quoting.quotes(found, r.voices.heard(found)).table
    assert quoted["quote"].tolist() == ["The parcel never arrived."]


def test_the_change_of_stars_is_welchs() -> None:
    first, second = pd.Series([4.0, 5, 3, 5, 4]), pd.Series([2.0, 3, 3, 5])
    step, published = (
        r.reviews._welch(first, second),
        stats.ttest_ind(first, second, equal_var=False),
    )
    assert step.p_value == pytest.approx(published.pvalue)
    assert (step.low, step.high) == pytest.approx(tuple(published.confidence_interval(0.95)))
    assert r.reviews._welch(first * 0, second * 0).p_value == 1.0


def test_focus_groups_count_people_and_not_quotes() -> None:
    quotes = pd.DataFrame({"session": "1", "participant": ["a", "a", "a", "b", "c"] * 2, "group": "g", "theme": ["price"] * 3 + ["range"] * 2 + ["price"] * 3 + ["range"] * 2,
                           "sentiment": "negative", "quote": [f"quote {i}" for i in range(10)]})  # fmt: skip
    table = r.focus_groups.themes_by_group(quotes).table
    assert table[["theme", "participants", "of"]].values.tolist() == [
        ["range", 2, 3],
        ["price", 1, 3],
    ]


def _market(year: int, ours: float, theirs: float) -> list[dict]:
    common = {
        "market_segment": "A",
        "year": year,
        "market_revenue": 1000.0 * 1.1 ** (year - 2023),
        "our_revenue": 0.0,
        "customers_in_market": 50,
    }
    return [
        common | {"brand": "Us", "brand_share": ours},
        common | {"brand": "Them", "brand_share": theirs},
    ]


def test_the_market_of_a_year_that_has_not_ended_is_not_used() -> None:
    market = pd.DataFrame(
        _market(2023, 0.2, 0.3) + _market(2024, 0.15, 0.4) + _market(2025, 0.9, 0.1)
    )
    customers = pd.DataFrame({"market_segment": ["A"], "customers": [20], "buying_customers": [10]})
    row = r.market_position.position(market, customers, "Us", date(2025, 6, 30)).table.iloc[0]
    assert row[
        ["share", "share_change", "growth", "relative_share", "reach"]
    ].tolist() == pytest.approx([0.15, -5.0, 0.1, 0.375, 0.2])


def test_cohorts_leave_out_the_quarter_under_way() -> None:
    rows = [
        (c, c + a, a, 100, 100 if a == 0 else 30 - a)
        for c in range(8096, 8104)
        for a in range(8104 - c)
    ]
    activity = pd.DataFrame(rows, columns=["cohort", "quarter", "age", "customers", "active"])
    whole = r.behaviour.cohorts(activity, AS_OF).table
    assert whole["quarters_later"].max() == 7 and whole.loc[0, ["cohort", "share"]].tolist() == [
        "2024 Q1",
        0.29,
    ]
    assert r.behaviour.cohorts(activity, date(2025, 12, 30)).table["quarters_later"].max() == 6


def test_the_gini_interval_agrees_with_the_bootstrap() -> None:
    values = np.random.default_rng(4).lognormal(4, 1.2, 1500)
    value, low, high = gini_interval(pd.Series(values))
    drawn = bootstrap(values, gini, seed=1, draws=400)
    assert value == pytest.approx(drawn.value)
    assert high - low == pytest.approx(drawn.high - drawn.low, rel=0.15)


def test_seasons_are_found_from_two_years_and_weekdays_before() -> None:
    days = pd.DataFrame({"day": pd.date_range("2023-01-01", AS_OF)})
    days["revenue"] = np.where(days["day"].dt.month == 11, 200.0, 100.0)
    table = r.behaviour.seasonality(days, AS_OF).table
    assert (
        table.loc[table["factor"].idxmax(), "month"] == "November" and table["factor"].max() > 0.5
    )
    short = days.tail(200).assign(
        revenue=lambda d: np.where(d["day"].dt.day_of_week == 5, 0.0, 100.0)
    )
    short = short[short["revenue"] > 0]
    assert (
        r.behaviour.seasonality(short, AS_OF).table.set_index("weekday")["factor"].idxmin()
        == "Saturday"
    )


CELL = st.tuples(
    st.sampled_from("abc"),
    st.sampled_from(["before", "after"]),
    st.integers(-50, 500),
    st.integers(0, 80),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(CELL, min_size=1, max_size=14))
def test_mix_and_rate_sum_exactly_to_the_change(rows: list[tuple]) -> None:
    rows = [*rows, ("a", "before", 10, 3), ("b", "after", 20, 4)]
    cells = pd.DataFrame(rows, columns=["group", "window_name", "revenue", "orders"])
    parts = decompose(cells, "group", "revenue", "orders")
    sums = cells.groupby("window_name")[["revenue", "orders"]].sum()
    ratio = sums["revenue"] / sums["orders"]
    assert (parts["mix"] + parts["rate"]).sum() == pytest.approx(
        ratio["after"] - ratio["before"], abs=1e-9
    )


def _cells(rows: list[tuple]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["country", "window_name", "orders", "revenue"])
    same = dict.fromkeys(
        ["channel", "acquisition_channel", "market_segment", "customer_type", "tenure"], "not known"
    )
    return frame.assign(
        order_revenue=frame["revenue"],
        squares=frame["revenue"] ** 2 / frame["orders"] * 1.01,
        **same,
    )


def test_a_reversal_is_named() -> None:
    cells = _cells(
        [
            ("A", "before", 900, 9000.0),
            ("B", "before", 100, 5000.0),
            ("A", "after", 500, 4500.0),
            ("B", "after", 500, 24000.0),
        ]
    )
    answer = r.diagnosis.order_value(cells, date(2023, 12, 31), SINCE, AS_OF)
    assert (
        isinstance(answer, Answer)
        and answer.table.loc[0, "reversal"]
        and "Beware" in answer.so_what
    )
    assert answer["detail"]["end"] == pytest.approx(28.5) and answer["detail"][
        "start"
    ] == pytest.approx(14.0)


def test_windows_are_years_where_there_are_two() -> None:
    days = pd.DataFrame({"day": pd.date_range("2023-12-31", AS_OF)})
    assert windows(days, AS_OF) == {"start": date(2023, 12, 31), "cut": SINCE}
    half = windows(days[days["day"] > "2025-07-04"], AS_OF)
    assert (AS_OF - half["cut"]) == (half["cut"] - half["start"]) and half["start"] >= date(
        2025, 7, 4
    )


def test_kano_classes_follow_the_evaluation_table() -> None:
    rows = []
    for place, (w, o, n) in enumerate([(1, 5, 30), (2, 5, 10), (1, 3, 10), (3, 3, 10)]):
        for i in range(n):
            rows += [
                (f"R{place}{i}", "kano_slot_with", w),
                (f"R{place}{i}", "kano_slot_without", o),
            ]
    scores = pd.DataFrame(rows, columns=["response_id", "question_id", "value"])
    row = r.scales.expectations(
        scores.assign(kind="kano", construct="slot", question="How do you feel with a slot?")
    ).table.iloc[0]
    assert row[["feature", "expectation"]].tolist() == ["a slot", "one-dimensional"]
    assert row[["better", "worse"]].tolist() == pytest.approx([40 / 60, 40 / 60])


def test_needs_are_ranked_over_sources_and_disagreement_is_shown() -> None:
    rows = [("delivery", "reviews", 0.5), ("price", "reviews", 0.3), ("style", "reviews", 0.1),
            ("delivery", "service cases", 0.6), ("price", "service cases", 0.1), ("style", "service cases", 0.3)]  # fmt: skip
    strength = pd.DataFrame(rows, columns=["need", "source", "strength"]).assign(
        low=0.0, high=1.0, n=50
    )
    answer = r.needs.needs(strength)
    assert answer.table["need"].tolist() == ["delivery", "price", "style"]
    assert answer.table["disagreement"].tolist() == [0.0, 0.5, 0.5]
    assert list(answer["needs"].columns) == ["need", "source", "strength", "low", "high", "n"]
