"""Step 5, drivers: weights, channels as candidates, importance against performance, odd deliveries."""

from __future__ import annotations

import warnings
from datetime import date
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from playbook import experience, figures
from playbook.answer import Answer, Missing
from playbook.experience.drivers import weighted
from playbook.experience.importance import performance

AS_OF = date(2025, 12, 31)
PROMISED = SimpleNamespace(
    first_response_hours={"normal": 8.0}, resolution_hours={"normal": 72.0}, share_within=0.9
)
PLACES = ("delivery", "checkout", "chat")


def respondents(n: int = 400, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    place = np.arange(n)
    return pd.DataFrame({
        "response_id": [f"R{i:05d}" for i in place], "customer_id": [f"c{i:05d}" for i in place],
        "wave": np.where(place % 2, "2025-H1", "2025-H2"), "answered_at": pd.Timestamp("2025-06-01") + pd.to_timedelta(place % 200, "D"),
        "nps": 7.0, "country": np.where(place % 3, "DE", "SE"), "age": rng.uniform(20, 70, n), "tenure_days": rng.uniform(30, 2000, n),
        "orders_before": rng.poisson(2, n), "orders_after": 0.0, "is_followed": True,
    })  # fmt: skip


def ratings(who: pd.DataFrame, values: dict[str, np.ndarray]) -> pd.DataFrame:
    """Answers on satisfaction from 1 to 5; missing ones are not there."""
    parts = [
        who[["response_id", "customer_id", "wave", "answered_at"]].assign(touchpoint=name, kind="csat", value=value, scale_min=1.0,
                                                                        scale_max=5.0, score=(value - 1) / 4)
        for name, value in values.items()
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True).dropna(subset=["value"])


def rated(n: int = 400, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Delivery decides and is rated low; checkout does not matter; few met the chat, which decides for them."""
    rng = np.random.default_rng(seed)
    who = respondents(n, seed)
    delivery, checkout, chat = (
        np.clip(np.round(level + rng.normal(0, 0.9, n)), 1, 5) for level in (3.0, 4.2, 3.6)
    )
    chat = np.where(rng.random(n) < 0.3, chat, np.nan)
    score = 7 + 1.0 * (delivery - 3) + np.nan_to_num(1.0 * (chat - 3.6)) + rng.normal(0, 1.2, n)
    who = who.assign(nps=np.clip(np.round(score), 0, 10))
    return who, ratings(who, dict(zip(PLACES, (delivery, checkout, chat), strict=True)))


@cache
def moments_of_truth() -> Answer:
    """Drivers among the touchpoints of `rated`, unweighted: several tests read it, none changes it."""
    return experience.touchpoint_drivers(*rated(), AS_OF)


def cases(n: int = 900, seed: int = 0, effect: float = 1.0) -> pd.DataFrame:
    """Chat gets the delivery cases, which are rated low; slow answers and reopening lower the rating."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n) < 0.4
    channel = np.where(rng.random(n) < np.where(hard, 0.7, 0.15), "chat", rng.choice(["phone", "e-mail"], n))  # fmt: skip
    slow, again = rng.random(n) < 0.25, rng.random(n) < 0.15
    further = rng.poisson(0.2 + 0.9 * again)
    csat = 4.3 - 0.9 * hard - effect * (0.6 * slow + 0.9 * again) + rng.normal(0, 0.6, n)
    return pd.DataFrame({
        "ticket_id": [f"T{i:05d}" for i in range(n)], "customer_id": [f"c{i:05d}" for i in range(n)],
        "opened_at": pd.Timestamp("2025-02-01") + pd.to_timedelta(np.arange(n) % 300, "D"), "resolved_at": pd.Timestamp("2025-12-30"),
        "channel": channel, "topic": np.where(hard, "delivery", "question"), "priority": "normal", "country": "DE",
        "first_response_hours": np.where(slow, 12.0, 2.0) + rng.random(n), "resolution_hours": 20 + rng.random(n), "age_hours": 9000.0,
        "reopened": again, "csat": np.clip(np.round(csat), 1, 5), "further_contacts": further, "elsewhere": (further > 1).astype(int),
    })  # fmt: skip


def test_weights_of_step_2_are_used_and_those_missing_are_counted() -> None:
    who, scores = rated()
    weights = who[["customer_id", "wave"]].assign(weight=np.where(who["country"] == "DE", 0.5, 2.0))
    plain = moments_of_truth()
    ours = experience.touchpoint_drivers(who, scores, AS_OF, weights)
    holes = experience.touchpoint_drivers(who, scores, AS_OF, weights.iloc[40:])
    assert "unweighted" in plain.source
    assert "weighted to all invited customers;" in ours.source
    assert "(40 of 400 without a weight count one)" in holes.source
    assert plain["numbers"]["coefficient"].tolist() != ours["numbers"]["coefficient"].tolist()
    frame, words = weighted(who, Missing("no invitations") and None)
    assert (frame["weight"] == 1).all()
    assert words.startswith("unweighted")
    missing = experience.touchpoint_drivers(who, scores, AS_OF, Missing("no invitations"))
    assert missing.table.equals(plain.table)


def test_a_touchpoint_that_few_met_is_compared_with_the_others() -> None:
    found = moments_of_truth()
    table = found["numbers"].set_index("driver")
    assert table["is_driver"].to_dict() == {"delivery": True, "chat": True, "checkout": False}
    assert (table["n"] == 400).all()
    assert (table["share_low"] <= table["share"]).all()
    assert table.loc["checkout", "share"] < 0.02 < table.loc["chat", "share"]


def test_a_channel_that_gets_the_worse_cases_looks_like_a_driver_before_and_not_after() -> None:
    found = experience.case_drivers(cases(), AS_OF, PROMISED, seed=1)
    table = found["numbers"].set_index("driver")
    assert table.loc["first answer later than promised", "important"] == "yes"
    assert table.loc["case reopened", "important"] == "yes"
    assert table.loc["asked by chat" if "asked by chat" in table.index else "asked by phone", "important"] == "before only"  # fmt: skip
    assert table.loc["further contacts", "important"] == "before only"
    assert "would have been named too" in found.so_what
    assert "only a trial shows" in found.so_what


def test_nothing_is_named_where_service_does_not_matter() -> None:
    named = [
        experience.case_drivers(cases(500, seed, effect=0.0), AS_OF, PROMISED)["numbers"]["is_driver"].any()
        for seed in range(4)
    ]  # fmt: skip
    assert sum(named) <= 1  # at 5 %, two of four have a chance of 1 %


def test_without_promised_hours_the_hours_are_compared() -> None:
    found = experience.case_drivers(cases(), AS_OF)
    names = set(found["numbers"]["driver"])
    assert "hours to first answer (log)" in names
    assert "first answer later than promised" not in names


def test_importance_against_performance_goes_by_test() -> None:
    _, scores = rated()
    found = experience.importance_performance(moments_of_truth(), scores, AS_OF)
    verdicts = found.table.set_index("touchpoint")["verdict"].to_dict()
    assert verdicts["delivery"] == "mend first"
    assert verdicts["checkout"] == "do not overdo"
    assert found.headline == "Mend first: delivery"
    assert figures.importance_performance(found).png(dpi=40)[:4] == b"\x89PNG"


def test_a_service_channel_with_ordinary_cases_is_not_blamed() -> None:
    who, scores = rated(900, 2)
    scores.loc[scores["touchpoint"] == "chat", ["value", "score"]] -= [0.8, 0.2]
    moments = experience.touchpoint_drivers(who, scores, AS_OF)
    outcomes = pd.DataFrame({"stage": ["support"], "touchpoint": ["chat"], "channel": ["chat"], "contacts": [50]})  # fmt: skip
    channels = pd.DataFrame({
        "channel": ["chat", "phone"], "adjusted_csat": [3.8, 3.8], "adjusted_low": [3.7, 3.7], "adjusted_high": [3.9, 3.9], "rated": [90, 90],
    })  # fmt: skip
    alike = Answer(channels, "", "", "diagnostic")
    worse = Answer(channels.assign(adjusted_csat=[3.2, 3.8], adjusted_high=[3.3, 3.9]), "", "", "diagnostic")  # fmt: skip
    verdicts = [
        experience.importance_performance(moments, scores, AS_OF, None, answer, outcomes).table.set_index("touchpoint").loc["chat", "verdict"]
        for answer in (None, alike, worse)
    ]  # fmt: skip
    assert verdicts == ["mend first", "mend its cases", "mend first"]


def test_performance_is_a_weighted_mean_with_errors_by_customer() -> None:
    frame = pd.DataFrame({
        "touchpoint": ["a"] * 40 + ["b"] * 40, "who": [f"c{i}" for i in range(40)] * 2,
        "value": np.r_[np.tile([2.0, 4.0], 20), np.tile([3.0, 5.0], 20)], "weight": np.tile([1.0, 3.0], 40),
    })  # fmt: skip
    table, average = performance(frame)
    assert table["csat"].tolist() == pytest.approx([3.5, 4.5])
    assert average == pytest.approx(4.0)
    assert table["difference"].tolist() == pytest.approx([-0.5, 0.5])
    assert (table["csat_high"] - table["csat_low"] > 0.1).all()
    gap = table["high"] - table["low"]
    assert (
        gap < 1e-9
    ).all()  # every customer rates b exactly one point above a: the difference has no error


def test_figures_show_before_and_after() -> None:
    found = experience.case_drivers(cases(), AS_OF, PROMISED)
    assert figures.before_after(found).png(dpi=40)[:4] == b"\x89PNG"
    missing = experience.case_drivers(cases(20), AS_OF, PROMISED)
    assert repr(figures.before_after(missing)).startswith("No figure")


def test_too_few_equal_or_no_answers_are_said() -> None:
    who, scores = rated()
    few = experience.touchpoint_drivers(who.head(59), scores, AS_OF)
    equal = experience.touchpoint_drivers(who.assign(nps=9.0), scores, AS_OF)
    none = experience.touchpoint_drivers(who.head(0), scores.head(0), AS_OF)
    unrated = experience.touchpoint_drivers(who, scores.head(0), AS_OF)
    assert all(isinstance(found, Missing) and found.ask for found in (few, equal, none, unrated))
    assert "all 400 answers are the same" in equal.reason
    assert "59 rows, 60 needed" in few.reason
    flat = experience.case_drivers(cases().assign(csat=4.0), AS_OF, PROMISED)
    assert "are the same" in flat.reason
    assert isinstance(experience.case_drivers(cases().head(0), AS_OF, PROMISED), Missing)
    assert isinstance(experience.importance_performance(none, scores, AS_OF), Missing)
    assert isinstance(experience.importance_performance(moments_of_truth(), scores.head(0), AS_OF), Missing)  # fmt: skip


def test_no_tickets_leave_the_drivers_of_what_is_there() -> None:
    who, _ = rated()
    failed = pd.DataFrame({
        "customer_id": who["customer_id"].head(120), "occurred_at": who["answered_at"].head(120) - pd.Timedelta(days=30),
        "outcome": "late", "touchpoint": "delivery", "stage": "purchase",
    })  # fmt: skip
    early = failed.head(1).assign(customer_id="someone else", occurred_at=pd.Timestamp("2023-01-01"))  # fmt: skip
    failed = pd.concat([failed, early], ignore_index=True)
    late = who["customer_id"].isin(failed["customer_id"])
    who = who.assign(nps=(who["nps"] - 2.0 * late).clip(0, 10))
    found = experience.incident_drivers(who, failed, cases().head(0), PROMISED, AS_OF)
    assert found["numbers"]["driver"].tolist() == ["late at delivery"]
    assert found["numbers"]["is_driver"].all()


def test_a_touchpoint_with_three_answers_is_left_out_and_said() -> None:
    who, scores = rated()
    three = ratings(who.head(3), {"fax": np.array([1.0, 5.0, 3.0])})
    moments = experience.touchpoint_drivers(who, pd.concat([scores, three]), AS_OF)
    assert "fax" not in set(moments["numbers"]["driver"])
    assert "1 touchpoints more are rated by too few" in moments.caption
    found = experience.importance_performance(moments, pd.concat([scores, three]), AS_OF)
    assert "fax" not in set(found.table["touchpoint"])


def test_a_touchpoint_rated_exactly_like_another_is_left_out_and_said() -> None:
    who, scores = rated()
    copy = scores[scores["touchpoint"] == "delivery"].assign(touchpoint="doorstep")
    found = experience.touchpoint_drivers(who, pd.concat([scores, copy]), AS_OF)
    assert "doorstep repeats delivery and is left out" in found.caption
    assert found["numbers"].set_index("driver").loc["delivery", "is_driver"]


def test_of_forty_touchpoints_the_twelve_most_rated_are_compared() -> None:
    rng = np.random.default_rng(3)
    who = respondents(500)
    values = {f"place {i:02d}": np.where(rng.random(500) < 0.95 - 0.01 * i, rng.integers(1, 6, 500), np.nan) for i in range(40)}  # fmt: skip
    who = who.assign(nps=np.clip(5 + np.nan_to_num(values["place 00"] - 3) + rng.integers(-1, 2, 500), 0, 10))  # fmt: skip
    found = experience.touchpoint_drivers(who, ratings(who, values), AS_OF)
    assert len(found["numbers"]) == 12
    assert found["numbers"]["driver"].iloc[0] == "place 00"
    assert "28 touchpoints more are rated by fewer" in found.caption


def test_one_channel_one_topic_and_one_rare_reopening() -> None:
    frame = cases(200).assign(channel="chat", topic="delivery")
    frame["reopened"] = np.arange(200) == 7
    found = experience.case_drivers(frame, AS_OF, PROMISED)
    names = set(found["numbers"]["driver"])
    assert "case reopened" not in names
    assert not any(name.startswith("asked by") for name in names)
    assert np.isfinite(found["numbers"]["p_value"]).all()


def test_names_of_clients_are_data() -> None:
    hostile = {"delivery": "\u914d\u9001 $x$ <b>", "checkout": "=cmd|!A0", "chat": "\u202eevil"}
    who, scores = rated()
    scores = scores.assign(touchpoint=scores["touchpoint"].map(hostile))
    moments = experience.touchpoint_drivers(who, scores, AS_OF)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = experience.importance_performance(moments, scores, AS_OF)
        assert figures.before_after(moments).png(dpi=30)
        assert figures.importance_performance(found).png(dpi=30)
