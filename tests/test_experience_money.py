"""Step 5, experience and money: effects of incidents and of satisfaction, value at risk, backlog and trials."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook import experience
from playbook.answer import Answer, Missing
from playbook.errors import NotEnough
from playbook.experience.effects import (
    adjusted,
    expected,
    kinds_of,
    next_year,
    some_customers,
    with_incidents,
)
from playbook.experience.improvements import _grade, value_if_active
from playbook.experience.trials import owner_of
from playbook.warehouse import Warehouse

AS_OF = date(2025, 12, 31)
LATE, FAILED, SLOW = "late at delivery", "not solved at service", "slow resolution"


def panel(n: int, seed: int, loss: float, chance: float = 0.1) -> pd.DataFrame:
    """Occasions of customers who differ in how often they order; each late delivery takes ``loss`` off the share."""
    rng = np.random.default_rng(seed)
    eager = rng.gamma(1.5, 1.0, n)
    row = np.repeat(np.arange(n), 1 + rng.poisson(eager))
    m, mine = len(row), eager[row]
    late = (rng.random(m) < chance).astype(int)
    back = rng.random(m) < np.clip(0.55 + 0.08 * np.minimum(mine, 4) - loss * late, 0, 1)
    return pd.DataFrame({
        "customer_id": [f"{i:05d}" for i in row], "ordered_at": pd.Timestamp("2024-01-10") + pd.to_timedelta(np.arange(m) % 300, unit="D"),
        "month": pd.Timestamp("2024-01-01"), "channel": "web", "country": rng.choice(["SE", "DE"], m), "area_type": "urban", "age": 40.0,
        "tenure_days": rng.uniform(100, 2000, m), "days_since_order": 365 / (1 + mine), "orders_before": rng.poisson(mine),
        "revenue_before": 90.0 * mine, "revenue": 100.0, "orders_within": 0, "orders_after": back.astype(int),
        "revenue_after": back * rng.lognormal(4, 0.5, m), LATE: late, "met delivery": 1.0,
    })  # fmt: skip


def pains_of(frame: pd.DataFrame, names: dict[str, str], period: int = 200) -> Answer:
    """Pain points of the period: the first ``period`` occasions with each pain are this year's incidents."""
    parts = []
    for pain in names:
        hit = frame[frame[pain] > 0].head(period)
        parts.append(hit.groupby("customer_id").size().clip(upper=3).rename("count").reset_index().assign(pain=pain))  # fmt: skip
    affected = pd.concat(parts, ignore_index=True)
    by = affected.groupby("pain")["count"].agg(["sum", "size"])
    table = pd.DataFrame({"pain": list(names), "touchpoint": list(names.values()), "incidents": by["sum"].reindex(names).to_numpy(), "customers": by["size"].reindex(names).to_numpy()})  # fmt: skip
    return Answer(table, "h", "s", "descriptive", extra={"affected": affected, "events": None, "places": {}, "shopping": set()})  # fmt: skip


def effects_of(frame: pd.DataFrame, names: list[str]) -> Answer:
    found = next_year(frame, names)
    return Answer(found.table, "h", "s", "diagnostic", extra={"by_pain": found.table, "covariance": found.covariance, "base": 0.7})  # fmt: skip


def worth(frame: pd.DataFrame, sd: float = 0.0) -> pd.DataFrame:
    ids = frame["customer_id"].drop_duplicates()
    return pd.DataFrame({"customer_id": ids, "clv": 50.0, "p_alive": 0.5, "clv_sd": sd})


def test_the_adjusted_difference_finds_the_planted_loss_in_share_and_spend() -> None:
    row = next_year(panel(2500, 3, 0.15), [LATE]).table.iloc[0]
    assert row["difference_low"] < -0.15 < row["difference_high"] < 0
    planted = -0.15 * np.exp(4 + 0.125)
    assert row["spend_low"] < planted < row["spend_high"] < 0


def test_errors_are_those_of_statsmodels_clustered_by_customer() -> None:
    frame = panel(300, 5, 0.1)
    x = frame[[LATE, "orders_before"]].astype(float)
    found, covariance = adjusted(frame["orders_after"] > 0, x, [LATE], frame["customer_id"])
    fit = sm.OLS(frame["orders_after"].astype(float), sm.add_constant(x)).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(frame["customer_id"])[0]}
    )
    assert found.loc[LATE, "estimate"] == pytest.approx(fit.params[LATE])
    assert covariance.loc[LATE, LATE] == pytest.approx(fit.bse[LATE] ** 2)


def test_differences_do_not_depend_on_the_order_of_rows() -> None:
    frame = panel(300, 5, 0.1)
    shuffled = frame.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(next_year(frame, [LATE]).table, next_year(shuffled, [LATE]).table)


def test_names_of_one_incident_are_one_kind_and_share_its_value() -> None:
    frame = panel(1200, 7, 0.2)
    frame[FAILED] = (np.arange(len(frame)) % 9 == 0).astype(int)
    frame[SLOW] = frame[FAILED] * (np.arange(len(frame)) % 18 == 0)
    names = {LATE: "delivery", FAILED: "service", SLOW: "service"}
    assert kinds_of(frame, list(names)) == {LATE: LATE, FAILED: FAILED, SLOW: FAILED}
    both = experience.improvements(pains_of(frame, names), AS_OF, effects_of(frame, list(names)), worth(frame))  # fmt: skip
    one = experience.improvements(pains_of(frame, {LATE: "delivery", FAILED: "service"}), AS_OF, effects_of(frame, [LATE, FAILED]), worth(frame))  # fmt: skip
    split, whole = (a["details"].set_index("pain")["exposed_value"] for a in (both, one))
    assert 0 < split[SLOW] < split[FAILED] < whole[FAILED]
    together = both["details"]["effect"].clip(lower=0).sum()
    assert together == pytest.approx(both["together"][0])
    assert both["together"][0] <= one["together"][0] * 1.3


def test_value_at_risk_is_incidents_times_difference_times_value() -> None:
    frame = panel(1200, 7, 0.2)
    plan = [SimpleNamespace(id="on-time", budget=1000.0, owner="", raci={"logistics": "A"})]
    pains = pains_of(frame, {LATE: "delivery"})
    found = experience.improvements(pains, AS_OF, effects_of(frame, [LATE]), worth(frame), plan, "late-at-delivery:on-time, x:y")  # fmt: skip
    row = found["details"].iloc[0]
    assert row["exposed_value"] == pytest.approx(pains["affected"]["count"].sum() * 100)
    assert row["effect"] == pytest.approx(-row["difference"] * row["exposed_value"])
    assert row["low"] < row["effect"] < row["high"]
    assert (row["cost"], row["confidence"], row["owner"]) == (1000, "high", "logistics")
    assert row["saved_per_cost"] == pytest.approx(row["saved"] / 1000)
    assert 0.85 * row["effect"] < row["saved"] < row["effect"]  # drawn towards no effect
    assert row["break_even"] == pytest.approx(1000 / row["effect"])
    assert row["low"] > 0 and "at risk" in found.headline


def test_the_interval_carries_the_uncertainty_of_lifetime_values() -> None:
    frame = panel(600, 7, 0.2)
    pains, effects = pains_of(frame, {LATE: "delivery"}), effects_of(frame, [LATE])
    known, vague = (
        experience.improvements(pains, AS_OF, effects, worth(frame, sd))["details"].iloc[0]
        for sd in (0.0, 400.0)
    )
    assert known["effect"] == vague["effect"]
    assert vague["high"] - vague["low"] > known["high"] - known["low"]


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=20, max_size=20), st.integers(1, 50))
def test_doubling_incidents_doubles_value_at_risk(counts: list[int], seed: int) -> None:
    ids = [f"{i:05d}" for i in range(20)]
    rng = np.random.default_rng(seed)
    value = pd.DataFrame({"customer_id": ids, "clv": rng.uniform(0, 90, 20), "p_alive": rng.uniform(0, 1, 20)})  # fmt: skip
    known = pd.DataFrame({"pain": [LATE, FAILED], "kind": [LATE, FAILED], "met_before": 99, "difference": [-0.1, -0.05], "expected": -0.07,
                          "difference_low": -0.2, "difference_high": -0.01, "q_value": 0.01})  # fmt: skip
    cov = pd.DataFrame(np.diag([1e-4, 1e-4]), [LATE, FAILED], [LATE, FAILED])
    effects = Answer(known, "h", "s", "diagnostic", extra={"by_pain": known, "covariance": cov, "base": 0.7})  # fmt: skip
    table = pd.DataFrame({"pain": [LATE, FAILED], "touchpoint": ["delivery", "service"], "incidents": 20, "customers": 20})  # fmt: skip
    met = pd.DataFrame({"customer_id": ids * 2, "pain": [LATE] * 20 + [FAILED] * 20, "count": [*counts, *counts[::-1]]})  # fmt: skip
    pains = [Answer(table, "h", "s", "descriptive", extra={"shopping": set(), "affected": met.assign(count=times * met["count"])}) for times in (1, 2)]  # fmt: skip
    once, double = (experience.improvements(p, AS_OF, effects, value) for p in pains)
    effect = once["details"].set_index("pain")["effect"]
    assert double["details"].set_index("pain")["effect"].to_numpy() == pytest.approx(2 * effect.to_numpy())  # fmt: skip
    assert effect.sum() == pytest.approx(once["together"][0])


def test_who_mends_an_incident_saves_the_parts_of_all_its_names() -> None:
    ids, slow = [f"{i:05d}" for i in range(20)], "slow resolution"
    value = pd.DataFrame({"customer_id": ids, "clv": 50.0, "p_alive": 0.5})
    known = pd.DataFrame({"pain": [LATE, FAILED, slow], "kind": [LATE, FAILED, FAILED], "met_before": 99, "difference": [-0.1, -0.05, -0.05], "expected": [-0.08, -0.04, -0.04],
                          "difference_low": -0.2, "difference_high": -0.01, "q_value": 0.01})  # fmt: skip
    cov = pd.DataFrame(np.diag([1e-4, 1e-4]), [LATE, FAILED], [LATE, FAILED])
    effects = Answer(known, "h", "s", "diagnostic", extra={"by_pain": known, "covariance": cov, "base": 0.7})  # fmt: skip
    table = pd.DataFrame({"pain": [LATE, FAILED, slow], "touchpoint": ["delivery", "service", "service"], "incidents": [2, 20, 10], "customers": 20})  # fmt: skip
    met = pd.DataFrame({"customer_id": [*ids[:2], *ids, *ids[:10]], "pain": [LATE] * 2 + [FAILED] * 20 + [slow] * 10, "count": 1})  # fmt: skip
    pains = Answer(table, "h", "s", "descriptive", extra={"shopping": set(), "affected": met})
    answer = experience.improvements(pains, AS_OF, effects, value)
    kinds = answer["by_kind"].set_index("kind")
    # a customer met one incident, whether it stands under one name or two; lifetime value given active is 100
    assert kinds.loc[FAILED, "saved"] == pytest.approx(0.04 * 20 * 100)
    assert kinds.loc[LATE, "saved"] == pytest.approx(0.08 * 2 * 100)
    assert set(kinds.loc[FAILED, "names"]) == {FAILED, slow}
    saved = answer["details"].set_index("pain")["saved"]
    assert saved[FAILED] + saved[slow] == pytest.approx(kinds.loc[FAILED, "saved"])
    assert "are names of one incident" in answer.so_what
    unknown = experience.improvements(pains, AS_OF)
    assert unknown["by_kind"].empty and "names of one incident" not in unknown.so_what


def _expected(estimates: list[float], errors: list[float], correlation: float = 0.0) -> np.ndarray:
    sd = np.array(errors)
    alike = np.where(np.eye(len(sd)) > 0, 1.0, correlation)
    return expected(pd.Series(estimates), pd.DataFrame(alike * np.outer(sd, sd))).to_numpy()


def test_noisy_estimates_are_drawn_to_no_effect_and_sure_ones_are_kept() -> None:
    vague = _expected([-0.10], [0.10])
    assert -0.07 < vague[0] < -0.02
    assert _expected([-0.10, 0.05], [0.005, 0.005]) == pytest.approx([-0.10, 0.05], abs=0.001)
    assert _expected([0.0, 0.0], [0.03, 0.03]) == pytest.approx([0.0, 0.0])


def test_a_harmless_kind_is_not_given_the_harm_of_the_others() -> None:
    late, failed, slow = _expected([-0.033, -0.046, -0.010], [0.020, 0.023, 0.033])
    assert failed < late < 3 * slow < 0
    alone = _expected([-0.04, -0.01], [0.02, 0.02])
    together = _expected([-0.04, -0.01], [0.02, 0.02], correlation=-0.7)
    assert together.sum() < 0 and together[1] < alone[1]


def test_expected_effects_miss_less_than_the_estimates_and_so_do_the_worst_of_them() -> None:
    rng, sd = np.random.default_rng(5), np.array([0.02, 0.025, 0.035])
    raw, drawn = [], []
    for _ in range(150):
        harm = np.array([-0.06, -0.05, 0.0])
        found = harm + rng.normal(0, sd)
        first = int(np.argmin(found / sd))
        raw.append([*(found - harm) ** 2, harm[first] - found[first]])
        ours = _expected(list(found), list(sd))
        drawn.append([*(ours - harm) ** 2, harm[first] - ours[first]])
    raw_mean, drawn_mean = np.mean(raw, axis=0), np.mean(drawn, axis=0)
    assert drawn_mean[:3].sum() < 0.95 * raw_mean[:3].sum()
    assert drawn_mean[2] < 0.8 * raw_mean[2]  # the harmless kind above all
    assert abs(drawn_mean[3]) < raw_mean[3]  # and the largest no longer disappoints


@given(st.lists(st.tuples(st.floats(-0.3, 0.3), st.floats(0.005, 0.2)), min_size=1, max_size=5))
def test_expected_effects_are_no_larger_than_found_and_of_the_same_sign(
    kinds: list[tuple[float, float]],
) -> None:
    found = np.array([estimate for estimate, _ in kinds])
    drawn = _expected(list(found), [sd for _, sd in kinds])
    assert (np.abs(drawn) <= np.abs(found) + 1e-12).all()
    assert (drawn * found >= -1e-12).all()


def test_a_pain_nobody_met_changes_nothing() -> None:
    frame = panel(300, 9, 0.2)
    alone = next_year(frame, [LATE]).table
    beside = next_year(frame.assign(**{FAILED: 0}), [LATE, FAILED]).table.set_index("pain")
    assert beside.loc[LATE, "difference"] == pytest.approx(alone["difference"].iloc[0])
    assert np.isnan(beside.loc[FAILED, "difference"])


@given(st.floats(-0.5, 0.5), st.floats(0.001, 0.3), st.floats(0, 1), st.integers(0, 500))
def test_confidence_is_given_only_when_harm_is_sure(
    difference: float, half: float, q: float, n: int
) -> None:
    row = pd.Series({"difference": difference, "difference_high": difference + half, "q_value": q, "customers": n})  # fmt: skip
    grade = _grade(row)
    assert (grade == "none found") == (difference >= 0)
    if grade in ("high", "medium"):
        assert difference + half < 0 and q <= 0.10
    assert grade != "high" or (q <= 0.05 and n >= 100)


def test_items_are_ranked_by_what_their_cost_saves_and_the_cost_counts_once() -> None:
    frame = panel(1500, 7, 0.2)
    extra = panel(1500, 7, 0.2)[LATE].sample(frac=1, random_state=3).to_numpy()
    frame[FAILED] = extra
    frame["orders_after"] = frame["orders_after"] * (1 - extra * (np.arange(len(frame)) % 2))
    names = {LATE: "delivery", FAILED: "service"}
    plan = [SimpleNamespace(id="cheap", budget=10.0), SimpleNamespace(id="dear", budget=10_000.0)]
    given_ = (pains_of(frame, names), AS_OF, effects_of(frame, list(names)), worth(frame))
    for links, first in (("late-at-delivery:cheap,not-solved-at-service:dear", LATE), ("late-at-delivery:dear,not-solved-at-service:cheap", FAILED)):  # fmt: skip
        details = experience.improvements(*given_, plan, links)["details"]
        assert details["pain"].iloc[0] == first
    details = experience.improvements(*given_, plan, "late-at-delivery:dear,not-solved-at-service:dear")["details"]  # fmt: skip
    assert details["saved_per_cost"].tolist() == pytest.approx([details["saved"].sum() / 10_000] * 2)  # fmt: skip


def test_an_unlinked_improvement_has_no_invented_cost_and_nobody_is_made_its_owner() -> None:
    frame = panel(400, 7, 0.2)
    row = experience.improvements(pains_of(frame, {LATE: "delivery"}), AS_OF, effects_of(frame, [LATE]), worth(frame))["details"].iloc[0]  # fmt: skip
    assert np.isnan(row["cost"]) and row["initiative"] == "to be estimated"
    assert row["owner"] == "to be named"


def test_the_department_of_the_touchpoint_owns_what_no_initiative_mends() -> None:
    roles = [SimpleNamespace(id="host", department="Hospitality"), SimpleNamespace(id="desk", department="Customer service"), SimpleNamespace(id="dev", department="IT")]  # fmt: skip
    assert owner_of("service", "to be estimated", [], roles) == "desk"
    assert owner_of("checkout", "to be estimated", [], roles) == "dev"
    assert owner_of("delivery", "to be estimated", [], roles) == "to be named"


def test_a_trial_is_sized_at_the_base_rate_for_what_pays_the_cost() -> None:
    frame = panel(1200, 7, 0.2)
    found = experience.improvements(pains_of(frame, {LATE: "delivery"}), AS_OF, effects_of(frame, [LATE]), worth(frame))  # fmt: skip
    row = found["details"].iloc[0]
    assert row["base_rate"] == pytest.approx(0.7 + row["difference"])
    assert row["smallest"] == pytest.approx(-row["difference"] / 2)
    assert row["weeks"] == pytest.approx(2 * row["n_per_arm"] / row["incidents"] * 52)
    trials = experience.improvement_trials(found)
    assert "in each arm" in trials.headline and trials.kind == "prescriptive"


def test_without_effects_or_value_the_list_still_stands() -> None:
    frame = panel(400, 7, 0.2)
    pains = pains_of(frame, {LATE: "delivery"})
    bare = experience.improvements(pains, AS_OF, Missing("one year of orders only"), worth(frame))
    assert bare["details"]["confidence"].tolist() == ["to be tested"]
    assert isinstance(experience.improvement_trials(bare), Answer)
    unpaid = experience.improvements(pains, AS_OF, effects_of(frame, [LATE]), Missing("no value"))
    assert unpaid["details"]["confidence"].iloc[0] in ("high", "medium") and unpaid["details"]["effect"].isna().all()  # fmt: skip
    assert "no money is stated" in unpaid.so_what and not unpaid.metrics


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_a_pain_that_met_nobody_or_everybody_gives_a_clear_answer(chance: float) -> None:
    frame = panel(300, 2, 0.1, chance).drop_duplicates("customer_id", ignore_index=True)
    events = frame.loc[frame[LATE] > 0, ["customer_id", "ordered_at"]]
    events = events.rename(columns={"ordered_at": "occurred_at"}).assign(pain=LATE)
    frame = frame.drop(columns=[LATE, "met delivery"])
    contacts = pd.DataFrame({"customer_id": pd.Series(dtype="str"), "ordered_at": pd.Series(dtype="datetime64[us]"), "touchpoint": pd.Series(dtype="str"), "contacts": []})  # fmt: skip
    table = pd.DataFrame({"pain": [LATE], "touchpoint": "delivery", "incidents": 1, "customers": 1})
    pains = Answer(table, "h", "s", "descriptive", extra={"events": events, "places": {}, "shopping": set(), "affected": None})  # fmt: skip
    found = experience.incident_effects(pains, frame, contacts, AS_OF)
    assert isinstance(found, Missing) and found.ask


def test_incidents_are_counted_in_the_month_after_the_order_and_places_are_marked() -> None:
    at = pd.to_datetime(["2024-03-01 10:00", "2024-05-01 10:00"])
    occasions = panel(2, 1, 0.0).head(2).drop(columns=[LATE, "met delivery"]).assign(customer_id=["a", "a"], ordered_at=at)  # fmt: skip
    events = pd.DataFrame({"customer_id": ["a", "a"], "occurred_at": pd.to_datetime(["2024-01-05", "2024-03-31"]), "pain": LATE})  # fmt: skip
    contacts = pd.DataFrame({"customer_id": ["a"], "ordered_at": at[:1], "touchpoint": ["parcel"], "contacts": [2]})  # fmt: skip
    rows = with_incidents(occasions, contacts, events, {"parcel": "delivery"})
    assert rows[LATE].tolist() == [1, 0]
    assert rows["met delivery"].tolist() == [1, 0]


def test_of_very_many_orders_whole_customers_are_kept() -> None:
    frame = panel(600, 4, 0.1)
    some = some_customers(frame, most=len(frame) // 3)
    assert 0.15 < len(some) / len(frame) < 0.45 and some_customers(frame) is frame
    whole = frame[frame["customer_id"].isin(some["customer_id"])]
    pd.testing.assert_frame_equal(some, whole)


def test_where_everybody_orders_again_nothing_is_claimed() -> None:
    with pytest.raises(NotEnough, match="all do within the year"):
        next_year(panel(300, 2, 0.1).assign(orders_after=4), [LATE])


def answers(n: int, seed: int, slope: float) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    score = rng.integers(1, 6, n).astype(float)
    back = rng.random(n) < 0.4 + slope * (score - 3)
    frame = panel(n, seed, 0.0).head(n).drop(columns=[LATE, "met delivery", "channel", "revenue", "orders_within", "ordered_at"])  # fmt: skip
    return frame.assign(
        kind="case satisfaction", answer_id=[f"T{i:05d}" for i in range(n)], answered_at=pd.Timestamp("2024-01-10"), score=score,
        topic=rng.choice(["delivery", "invoice"], n), orders_after=back.astype(int), revenue_after=back * 100.0,
    )  # fmt: skip


def test_a_point_of_satisfaction_is_followed_to_orders_and_spend() -> None:
    found = experience.satisfaction_effects(answers(1500, 4, 0.08), AS_OF)
    row = found.table.iloc[0]
    assert row["again_low"] < 0.08 < row["again_high"] and row["again_low"] > 0
    assert row["spend_low"] < 8 < row["spend_high"]
    assert (row["n"], row["scale"]) == (1500, "1 to 5")
    assert "Only those who answered" in found.so_what


def test_too_few_answers_or_equal_ones_ask_for_more() -> None:
    few = experience.satisfaction_effects(answers(60, 4, 0.1), AS_OF)
    same = experience.satisfaction_effects(answers(200, 4, 0.1).assign(score=5.0), AS_OF)
    assert isinstance(few, Missing) and "60 of one kind" in few.reason
    assert isinstance(same, Missing)


def test_points_off_the_score_are_per_incident_and_shared_over_respondents() -> None:
    rng = np.random.default_rng(8)
    n = 900
    hit = rng.random(n) < 0.3
    ids = pd.Series([f"{i:05d}" for i in range(n)], dtype="str")
    respondents = pd.DataFrame({
        "response_id": ids, "customer_id": ids, "wave": "H2", "answered_at": pd.Timestamp("2025-10-01"), "country": "SE", "age": 40.0,
        "tenure_days": 500.0, "orders_before": rng.poisson(2, n), "nps": np.where(rng.random(n) < 0.6 - 0.4 * hit, 10.0, 7.0),
    })  # fmt: skip
    events = pd.DataFrame({"customer_id": ids[hit], "occurred_at": pd.Timestamp("2025-08-01"), "pain": LATE})  # fmt: skip
    events = pd.concat([events, pd.DataFrame({"customer_id": ["x"], "occurred_at": [pd.Timestamp("2023-01-01")], "pain": [LATE]})], ignore_index=True)  # fmt: skip
    table = pd.DataFrame({"pain": [LATE], "touchpoint": "delivery", "incidents": 1, "customers": 1})
    pains = Answer(table, "h", "s", "descriptive", extra={"events": events})
    row = experience.incident_nps(respondents, pains, AS_OF).table.iloc[0]
    assert row["points_low"] < -40 < row["points_high"] < 0
    assert row["per_respondent"] == pytest.approx(hit.mean())
    assert row["nps"] == pytest.approx(-row["points"] * hit.mean())


def test_value_given_active_never_divides_by_almost_nothing() -> None:
    value = pd.DataFrame({"customer_id": ["a", "b"], "clv": [10.0, -5.0], "p_alive": [0.0001, 1.0]})
    assert value_if_active(value).tolist() == [100.0, 0.0]


def followed_orders(folder: Path) -> Any:
    """One customer with orders on either side of every limit."""
    days = ["2023-06-01", "2024-02-10", "2024-02-20", "2024-03-11", "2024-03-12", "2025-03-11", "2025-03-12"]  # fmt: skip
    orders = pd.DataFrame({
        "order_id": [str(i) for i in range(7)], "customer_id": "a", "ordered_at": pd.to_datetime(days) + pd.Timedelta(hours=12),
        "channel": "web", "revenue": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0],
    })  # fmt: skip
    orders.to_parquet(folder / "orders.parquet", index=False)
    return Warehouse(folder, AS_OF)


def test_an_occasion_sees_the_year_before_and_the_year_after_its_month(tmp_path: Path) -> None:
    rows = followed_orders(tmp_path).query("purchase_occasions", days=30)
    row = rows.set_index("month").loc["2024-02-01"]
    assert (row["orders_before"], row["revenue_before"]) == (1, 10)
    assert row["orders_within"] == 2  # 20 February and 11 March, day 30
    assert (row["orders_after"], row["revenue_after"]) == (2, 110)  # 12 March to 11 March a year on
    assert rows["month"].max() == pd.Timestamp(
        "2024-03-01"
    )  # later ones are not followed to the end
