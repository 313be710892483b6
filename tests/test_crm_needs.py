"""Needs that actions speak to: weights, what campaigns teach about them, businesses, and customers who stay."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from playbook import crm
from playbook.answer import Answer, Missing
from playbook.crm.effects import POWERS, applies
from playbook.crm.measured import power_weights
from playbook.crm.need_fit import EXPONENTS, weigh_needs
from playbook.crm.weighing import combine
from playbook.engagement.model import Action

SEGMENTS = ("x", "y", "z")
OLD = ["effect", "standard_error", "believed", "believed_error", "measured", "measured_error"]
weights = st.lists(st.floats(0.2, 4.0), min_size=3, max_size=3)
NEEDS = pd.DataFrame({"price": [2.0, 0.8, 0.5], "style": [0.5, 1.0, 1.6]}, index=list(SEGMENTS))


def action(id_: str = "mail", **changes: Any) -> Action:
    return Action.model_validate({
        "id": id_, "name": id_, "channel": "email", "purpose": "retention", "unit_cost": 0.1, "believed_effect": 0.03,
        "believed_effect_low": 0.01, "believed_effect_high": 0.05,
    } | changes)  # fmt: skip


def crowd(n: int = 300, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rate, alive = rng.gamma(1.5, 1.2, n), rng.uniform(0.3, 1.0, n)
    return pd.DataFrame({
        "customer_id": [f"c{i:05d}" for i in range(n)], "segment": rng.choice(SEGMENTS, n), "strategy": None, "active": True,
        "business": rng.random(n) < 0.1, "at_risk": False, "lapsed": False, "detractor": False, "promoter": False, "alive": alive,
        "expected_orders": alive * rate, "expected_margin": 20 * alive * rate, "expected_revenue": 50 * alive * rate, "leaves": 0.0,
    })  # fmt: skip


def campaign(people: pd.DataFrame, lift: dict[str, float], seed: int, key: str) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rate = (people["expected_orders"] / people["alive"]).to_numpy()
    treated = rng.random(len(people)) < 0.5
    more = treated * people["segment"].map(lift).to_numpy() * rate
    return pd.DataFrame({
        "campaign_id": key, "customer_id": people["customer_id"], "arm": np.where(treated, "treated", "control"),
        "assignment_probability": 0.5, "window_days": 30, "orders_after": rng.poisson(np.maximum(rate * 30 / 365 + more, 0)),
        "orders_year_before": rng.poisson(rate),
    })  # fmt: skip


def planned(people: pd.DataFrame, actions: list[Action], needs: pd.DataFrame | None) -> Answer:
    effects = crm.expected_effects(people, actions, None, needs)
    return Answer(pd.DataFrame(), "", "", "prescriptive", extra={"effects": effects, "gains": crm.expected_margins(people, actions, effects)})  # fmt: skip


@given(raw=weights, count=st.lists(st.integers(0, 50), min_size=3, max_size=3))
def test_weights_average_to_one_and_without_a_need_are_one(
    raw: list[float], count: list[int]
) -> None:
    needs = pd.DataFrame({"price": raw}, index=list(SEGMENTS))
    mail, plain = action(need="price"), action("plain")
    customers = {"mail": np.array(count), "plain": np.array(count)}
    found = weigh_needs([mail, plain], SEGMENTS, needs, customers)
    assert found.probability.sum() == pytest.approx(1) and found.exponent == pytest.approx(1)
    each = np.array(count) if sum(count) else np.ones(3)
    assert found.by_action["mail"] @ each / each.sum() == pytest.approx(np.ones(len(EXPONENTS)))
    assert found.by_action["mail"][0] == pytest.approx(np.ones(3))  # power 0: the need says nothing
    assert (np.argsort(found.mean("mail"), kind="stable") == np.argsort(raw, kind="stable")).all()
    assert (found.by_action["plain"] == 1).all() and np.allclose(found.covariance("plain"), 0)


@settings(max_examples=25)
@given(seen=st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=3), weight=weights, more=st.floats(0.01, 0.5))  # fmt: skip
def test_a_higher_figure_in_one_segment_lifts_the_others_and_weight_one_changes_nothing(
    seen: list[float], weight: list[float], more: float
) -> None:
    rows = pd.DataFrame({"campaign_id": "C1", "segment": list(SEGMENTS), "response": seen, "standard_error": 0.05})  # fmt: skip
    w = np.array(weight)
    before, _ = combine(0.05, 0.03, rows, SEGMENTS, 0.001, weight=w)
    higher = rows.assign(response=rows["response"] + more * (rows["segment"] == "x"))
    after, _ = combine(0.05, 0.03, higher, SEGMENTS, 0.001, weight=w)
    assert (after > before).all()
    alone, _ = combine(0.05, 0.03, rows[rows["segment"] == "x"], SEGMENTS, 0.0, weight=w)
    assert alone[1] / alone[0] == pytest.approx(w[1] / w[0])  # nobody measured: in proportion
    plain, same = combine(0.05, 0.03, rows, SEGMENTS, 0.001), combine(0.05, 0.03, rows, SEGMENTS, 0.001, weight=np.ones(3), doubt=np.zeros((3, 3)))  # fmt: skip
    assert np.allclose(plain[0], same[0]) and np.allclose(plain[1], same[1])


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 100))
def test_actions_that_name_no_need_work_as_if_nobody_had_been_asked(seed: int) -> None:
    people = crowd(400, seed)
    actions = [action(measured_by=["C1"]), action("letter", channel="letter", unit_cost=1.0)]
    outcomes = campaign(people, dict.fromkeys(SEGMENTS, 0.1), seed, "C1")
    without, asked = (crm.expected_effects(people, actions, outcomes, n) for n in (None, NEEDS))
    pd.testing.assert_frame_equal(without.table, asked.table)
    assert np.allclose(asked.table["weight"], 1) and not asked.needs.told()
    before, after = (crm.expected_margins(people, actions, e) for e in (without, asked))
    pd.testing.assert_frame_equal(before, after)


def test_a_need_turns_contacts_to_those_who_hold_it_and_keeps_the_belief() -> None:
    people = crowd(500)
    plain, priced = planned(people, [action()], NEEDS), planned(people, [action(need="price")], NEEDS)  # fmt: skip
    table = priced["effects"].table.set_index("segment")
    assert list(table["weight"].sort_values().index) == ["z", "y", "x"]
    assert table.loc["x", "effect"] > 1.4 * plain["effects"].table.set_index("segment").loc["x", "effect"]  # fmt: skip
    share = people["segment"].value_counts(normalize=True)
    assert share @ table["weight"].reindex(share.index) == pytest.approx(1)
    one, other = plain["gains"]["mail"].sum(), priced["gains"]["mail"].sum()
    assert other == pytest.approx(one, rel=0.1)
    told = crm.needs_of_actions(priced, [action(need="price")])
    assert isinstance(told, Answer) and told.table["segment"].iloc[0] == "x"
    assert told.metrics[0].value == pytest.approx(1.0) and "No campaign" in told.so_what


@pytest.mark.parametrize(("power", "low", "high"), [(0.0, 0.0, 0.6), (2.0, 1.4, 2.0)])
def test_campaigns_tell_how_far_responses_follow_stated_needs(
    power: float, low: float, high: float
) -> None:
    people = crowd(9000)
    actions, parts = [], []
    for k, need in enumerate(("price", "style", "price")):
        weight = NEEDS[need] ** power
        lift = 0.08 * weight / (people["segment"].map(weight)).mean()
        actions.append(action(f"m{k}", need=need, measured_by=[f"C{k}"]))
        parts.append(campaign(people, lift.to_dict(), k, f"C{k}"))
    effects = crm.expected_effects(people, actions, pd.concat(parts), NEEDS)
    assert low <= effects.needs.exponent <= high
    shuffled = crm.expected_effects(people, actions[::-1], pd.concat(parts[::-1]), NEEDS)
    pd.testing.assert_frame_equal(effects.table, shuffled.table)


def test_a_need_that_no_survey_knows_is_told_with_line_and_mend() -> None:
    people = crowd()
    for needs, mend in ((NEEDS, "write one of price, style"), (None, "ask for the importance"), (crm.need_weights(pd.DataFrame(), Missing("x", "y")), "ask for")):  # fmt: skip
        plan = planned(people, [action(need="prise")], needs)
        told = plan["effects"].needs.told()
        assert "need 'prise' of mail (plan, actions)" in told and mend in told
        assert np.allclose(plan["effects"].table["weight"], 1)
        assert isinstance(crm.needs_of_actions(plan, [action(need="prise")]), Missing)


def test_an_action_for_businesses_is_for_no_one_else_and_so_is_its_belief() -> None:
    people = crowd(600)
    visit, mail = action("visit", applies_to="businesses"), action(applies_to="active")
    assert (applies(people, visit) == people["business"]).all() and applies(people, mail).all()
    effects = crm.expected_effects(people, [visit, mail])
    only = crm.expected_effects(people[people["business"]], [visit, action(applies_to="active")])
    assert effects.mean["visit"][:, 0] == pytest.approx(only.mean["visit"][:, 0])
    assert effects.mean["visit"][0, 0] != pytest.approx(effects.mean["mail"][0, 0])


def test_who_stays_brings_in_proportion_to_what_they_buy_and_no_campaign_shows_it() -> None:
    people = crowd(4000)
    kept = {"believed_staying": 0.04, "believed_staying_low": 0.02, "believed_staying_high": 0.06}
    plain, caring = action(measured_by=["C1"]), action(measured_by=["C1"], **kept)
    outcomes = campaign(people, dict.fromkeys(SEGMENTS, 0.05), 3, "C1")
    effects = crm.expected_effects(people, [caring], outcomes)
    less, more = (crm.expected_margins(people, [a], crm.expected_effects(people, [a], outcomes))["mail"] for a in (plain, caring))  # fmt: skip
    ratio = (more - less).to_numpy() / people["expected_margin"].to_numpy()
    assert ratio == pytest.approx(np.full(len(people), ratio[0])) and 0.03 < ratio[0] <= 0.04
    draws = effects.drawn_margins(people, caring, effects.drawn_powers(4000, np.random.default_rng(1)), np.random.default_rng(2))  # fmt: skip
    total = draws.sum(axis=1)
    assert total.mean() == pytest.approx(more.sum(), abs=4 * total.std() / 60)
    with pytest.raises(ValidationError, match="give all three"):
        action(believed_staying=0.1)


def test_campaigns_that_changed_nothing_tell_no_power() -> None:
    people = crowd(3000)
    found = [
        power_weights(campaign(people, dict.fromkeys(SEGMENTS, 0.0), seed, "C1"), POWERS)
        for seed in range(12)
    ]
    assert np.mean(found, axis=0) == pytest.approx(np.full(len(POWERS), 0.2), abs=0.08)
