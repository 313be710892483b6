"""What an action is expected to change: beliefs, measured campaigns, and how the two meet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook import crm
from playbook.answer import Answer, Missing
from playbook.crm.actions import _leaves
from playbook.crm.beliefs import shrunken_beliefs, shrunken_effect
from playbook.crm.effects import OFFER_DAYS, POWERS, combine, expected_effects, expected_margins
from playbook.crm.measured import measured_responses, power_weights, spread_between_segments
from playbook.engagement.model import Action

SEGMENTS = ("x", "y", "z")
numbers = st.floats(-0.2, 0.2)
errors = st.floats(0.005, 0.3)


def action(id_: str = "mail", belief: float = 0.03, half: float = 0.02, **changes: Any) -> Action:
    return Action(
        id=id_, name=id_, channel="email", purpose="retention", unit_cost=0.1, believed_effect=belief,
        believed_effect_low=belief - half, believed_effect_high=belief + half, **changes,
    )  # fmt: skip


def crowd(n: int = 300, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rate, alive = rng.gamma(1.5, 1.2, n), rng.uniform(0.3, 1.0, n)
    return pd.DataFrame({
        "customer_id": [f"c{i:04d}" for i in range(n)], "segment": rng.choice(SEGMENTS, n), "active": True, "at_risk": False,
        "lapsed": False, "detractor": False, "promoter": False, "alive": alive, "expected_orders": alive * rate,
        "expected_margin": 20 * alive * rate, "expected_revenue": 50 * alive * rate, "leaves": 0.0,
    })  # fmt: skip


def campaign(people: pd.DataFrame, lift: dict[str, float], power: float = 1.0, seed: int = 2, key: str = "C1") -> pd.DataFrame:  # fmt: skip
    """Members half treated, with Poisson orders and extra ones in proportion to a power of the rate."""
    rng = np.random.default_rng(seed)
    rate = (people["expected_orders"] / people["alive"]).to_numpy()
    treated = rng.random(len(people)) < 0.5
    more = treated * people["segment"].map(lift).to_numpy() * rate**power
    return pd.DataFrame({
        "campaign_id": key, "customer_id": people["customer_id"], "arm": np.where(treated, "treated", "control"),
        "assignment_probability": 0.5, "window_days": 30, "orders_after": rng.poisson(np.maximum(rate * 30 / 365 + more, 0)),
        "orders_year_before": rng.poisson(rate),
    })  # fmt: skip


def measured(values: list[float], error: list[float]) -> pd.DataFrame:
    return pd.DataFrame({
        "campaign_id": "C1", "segment": list(SEGMENTS[: len(values)]), "customers": 100, "response": values, "standard_error": error,
    })  # fmt: skip


@given(belief=numbers, doubt=errors, seen=st.lists(numbers, min_size=3, max_size=3), error=st.lists(errors, min_size=3, max_size=3), between=st.floats(0, 0.05))  # fmt: skip
def test_the_posterior_lies_between_belief_and_measurements_and_is_surer(
    belief: float, doubt: float, seen: list[float], error: list[float], between: float
) -> None:
    mean, covariance = combine(belief, doubt, measured(seen, error), SEGMENTS, between)
    low, high = min(belief, *seen), max(belief, *seen)
    assert ((mean >= low - 1e-9) & (mean <= high + 1e-9)).all()
    assert (np.diag(covariance) <= doubt**2 + between + 1e-12).all()
    shuffled = combine(belief, doubt, measured(seen, error).iloc[::-1], SEGMENTS, between)
    assert np.allclose(mean, shuffled[0]) and np.allclose(covariance, shuffled[1])


@given(belief=numbers, doubt=errors, seen=numbers, error=errors)
def test_one_segment_is_the_precision_weighted_mean_and_noise_shrinks_it(
    belief: float, doubt: float, seen: float, error: float
) -> None:
    mean, covariance = combine(belief, doubt, measured([seen], [error]), ["x"], 0.0)
    weight = doubt**2 / (doubt**2 + error**2)
    assert mean[0] == pytest.approx(belief + weight * (seen - belief), abs=1e-9)
    assert covariance[0, 0] == pytest.approx(doubt**2 * error**2 / (doubt**2 + error**2))
    noisier, _ = combine(belief, doubt, measured([seen], [2 * error]), ["x"], 0.0)
    assert abs(noisier[0] - belief) <= abs(mean[0] - belief) + 1e-12
    repeats, _ = combine(belief, doubt, measured([seen], [error]), ["x"], 0.0, campaigns=0.01)
    assert abs(repeats[0] - belief) <= abs(mean[0] - belief) + 1e-12


@given(beliefs=st.lists(st.floats(0.005, 0.2), min_size=3, max_size=6), relative=st.floats(0.1, 0.9))  # fmt: skip
def test_beliefs_of_a_menu_keep_their_order_and_move_to_their_middle(
    beliefs: list[float], relative: float
) -> None:
    menu = [action(f"a{i}", b, relative * b) for i, b in enumerate(beliefs)]
    found = shrunken_beliefs(menu)
    assert found == shrunken_beliefs(menu[::-1])
    after = np.array([found[a.id][0] for a in menu])
    assert (np.diff(after[np.argsort(beliefs, kind="stable")]) >= -1e-12).all()
    assert np.ptp(np.log(after)) <= np.ptp(np.log(beliefs)) + 1e-9
    vaguer = shrunken_beliefs([action(f"a{i}", b, 2 * relative * b) for i, b in enumerate(beliefs)])
    assert np.ptp([np.log(vaguer[a.id][0]) for a in menu]) <= np.ptp(np.log(after)) + 1e-9


def test_without_a_campaign_the_belief_alone_is_used_and_moves_the_share_it_says() -> None:
    people = crowd()
    effects = crm.expected_effects(people, [action()])
    assert effects.table["measured"].isna().all() and (effects.table["campaigns"] == 0).all()
    assert np.allclose(effects.table["effect"], effects.table["believed"])
    assert np.allclose(effects.weights, 1 / len(POWERS))
    points, _ = crm.shrunken_effect(action())
    rate = (people["expected_orders"] / people["alive"]).to_numpy()
    for g, power in enumerate(POWERS):
        more = effects.mean["mail"][g][0] * rate**power
        moved = people["alive"] * np.exp(-rate) * (1 - np.exp(-more))
        assert moved.mean() == pytest.approx(points, rel=1e-6)


@settings(max_examples=10)
@given(lift=st.floats(0.02, 0.8), measured_lift=st.floats(-0.3, 0.9))
def test_a_belief_on_orders_is_a_share_of_them_for_everybody_alike(
    lift: float, measured_lift: float
) -> None:
    people = crowd()
    mail = action("mail", lift, lift / 4, effect_on="orders", measured_by=["C1"])
    effects = expected_effects(people, [mail])
    margins = expected_margins(people, [mail], effects)["mail"].to_numpy()
    usual = people["expected_margin"].to_numpy() * OFFER_DAYS / 365
    kept = shrunken_effect(mail)[0]
    assert margins == pytest.approx(kept * usual)
    # a campaign of any size keeps the relative change the same within a segment
    lifts = dict.fromkeys(SEGMENTS, measured_lift * OFFER_DAYS / 365)
    told = expected_effects(people, [mail], campaign(people, lifts))
    ratio = pd.Series(expected_margins(people, [mail], told)["mail"].to_numpy() / usual)
    assert (ratio.groupby(people["segment"]).std() < 1e-9).all()


def test_a_discount_is_given_on_extra_orders_and_on_those_that_come_anyway() -> None:
    people = crowd()
    plain, dear = action(), action(discount=0.2)
    effects = crm.expected_effects(people, [plain])
    before, after = (crm.expected_margins(people, [a], effects)["mail"].to_numpy() for a in (plain, dear))  # fmt: skip
    extra = before / 20  # margin of an order
    lost = 0.2 * (50 * extra + people["expected_revenue"] * 30 / 365)
    assert np.allclose(before - after, lost)
    draws = effects.drawn_margins(people, dear, effects.drawn_powers(4000, np.random.default_rng(1)), np.random.default_rng(2))  # fmt: skip
    assert draws.sum(axis=1).mean() == pytest.approx(after.sum(), abs=4 * draws.sum(axis=1).std() / 60)  # fmt: skip


def test_who_may_leave_with_an_order_brings_less_and_never_below_nothing() -> None:
    people = crowd()
    p, rate = 0.2, np.random.default_rng(4).gamma(2.0, 1.0, len(people))
    # those who leave with an order with probability p place (1 - exp(-p r)) / p orders a year
    people["expected_orders"] = people["alive"] * -np.expm1(-p * rate) / p
    people["expected_margin"] = 20 * people["expected_orders"]
    effects = crm.expected_effects(people.assign(leaves=p), [action()])
    points, _ = crm.shrunken_effect(action())
    k = effects.mean["mail"][-1][0]  # in proportion to the rate
    moved = people["alive"] * np.exp(-rate) * (1 - np.exp(-k * rate))
    assert moved.mean() == pytest.approx(points, rel=1e-6)
    certain = replace(effects, weights=np.eye(len(POWERS))[-1])
    leaves = crm.expected_margins(people.assign(leaves=p), [action()], certain)["mail"]
    assert leaves.to_numpy() == pytest.approx(k * people["expected_margin"] * np.exp(-p * rate / 2))
    all_leave = crm.expected_margins(people.assign(leaves=1.0), [action()], effects)["mail"]
    assert (all_leave >= 0).all() and np.isfinite(all_leave).all()


def test_a_large_campaign_overrules_the_belief_and_tells_the_segments_apart() -> None:
    people = crowd(6000)
    lift = {"x": 0.0, "y": 0.05, "z": 0.10}
    outcomes = campaign(people, lift)
    mail, other = action(measured_by=["C1", "absent"]), action("other", 0.03)
    effects = crm.expected_effects(people, [mail, other], outcomes)
    table = effects.table.set_index(["action_id", "segment"])
    own = table.loc["mail"]
    assert (own["campaigns"] == 1).all() and own["customers"].sum() == 6000
    assert own["effect"].is_monotonic_increasing
    assert ((own["effect"] - pd.Series(lift)).abs() < 4 * own["standard_error"]).all()
    assert (table.loc["other", "campaigns"] == 0).all()
    again = crm.expected_effects(people.sample(frac=1, random_state=3), [other, mail], outcomes.sample(frac=1, random_state=4))  # fmt: skip
    pd.testing.assert_frame_equal(effects.table, again.table)


def test_responses_are_recovered_and_the_power_is_learnt() -> None:
    people = crowd(8000)
    for power in (0.0, 1.0):
        outcomes = campaign(people, dict.fromkeys(SEGMENTS, 0.08), power)
        found = measured_responses(outcomes, people[["customer_id", "segment"]], POWERS)
        rows = found[POWERS.index(power)]
        assert ((rows["response"] - 0.08).abs() < 4 * rows["standard_error"]).all()
        weights = power_weights(outcomes, POWERS)
        assert weights.sum() == pytest.approx(1)
        assert np.dot(weights, POWERS) == pytest.approx(power, abs=0.35)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_where_nothing_differs_little_is_found_between_segments(seed: int) -> None:
    rng = np.random.default_rng(seed)
    error = 0.05
    frames = [
        measured(list(0.02 + error * rng.standard_normal(3)), [error] * 3).assign(campaign_id=f"C{i}")
        for i in range(60)
    ]  # fmt: skip
    assert spread_between_segments(pd.concat(frames)) < error**2 / 2


@pytest.mark.parametrize("truth", [0.1, 1.0])
def test_a_plan_that_promised_too_much_is_believed_less_where_nothing_was_measured(
    truth: float,
) -> None:
    people = crowd(8000)
    mails = [action(f"m{i}", 0.03, 0.01, measured_by=[f"C{i}"]) for i in range(3)]
    unmeasured = action("letter", 0.03, 0.01)
    before = crm.expected_effects(people, [*mails, unmeasured])
    lift = truth * float(before.weights @ before.mean["letter"][:, 0])
    outcomes = pd.concat(
        [
            campaign(people, dict.fromkeys(SEGMENTS, lift), 0.5, seed=i, key=f"C{i}")
            for i in range(3)
        ]
    )
    after = crm.expected_effects(people, [*mails, unmeasured], outcomes)
    share = (after.table["effect"] / before.table["effect"])[after.table["action_id"] == "letter"]
    assert share.to_numpy() == pytest.approx(truth, abs=0.3)


def test_campaigns_without_a_random_control_measure_nothing() -> None:
    people = crowd(400)
    outcomes = campaign(people, dict.fromkeys(SEGMENTS, 0.1))
    for broken in (outcomes.assign(assignment_probability=np.nan), outcomes.assign(arm="treated"), outcomes.assign(orders_after=0, orders_year_before=0), outcomes.iloc[:0]):  # fmt: skip
        effects = crm.expected_effects(people, [action(measured_by=["C1"])], broken)
        assert np.allclose(effects.table["effect"], effects.table["believed"])
        assert np.isfinite(effects.table[["effect", "standard_error"]]).all().all()


# ---------------------------------------------------------------- promise and delivery


def tried(people: pd.DataFrame, lift: float, margin: float, actions: list[Action]) -> Any:
    """Promise and delivery where every extra order brings 20, and the campaign ``margin`` per treated customer on top."""
    outcomes = campaign(people, dict.fromkeys(SEGMENTS, lift))
    rng = np.random.default_rng(6)
    treated = outcomes["arm"] == "treated"
    outcomes["margin_after"] = (
        20.0 * outcomes["orders_after"] + margin * treated + rng.normal(0, 2, len(outcomes))
    )
    outcomes["revenue_year_before"] = 50.0 * outcomes["orders_year_before"]
    plan = Answer(pd.DataFrame(), "", "", "prescriptive", extra={
        "eligible": pd.DataFrame(True, index=people["customer_id"], columns=[a.id for a in actions]),
    })  # fmt: skip
    return crm.promise_and_delivery(plan, people, actions, outcomes, 1), outcomes


def test_delivery_is_what_the_campaign_brought_and_is_held_against_the_promise() -> None:
    people = crowd(4000).assign(alive=1.0)  # nobody has left since
    mail = action(measured_by=["C1"])
    kept, _ = tried(people, 0.1, 0.0, [mail, action("other", 0.001, 0.0005)])
    row = kept.table.iloc[0]
    rate = people["expected_orders"] / people["alive"]
    assert row["action"] == "mail" and row["members"] == 4000 and row["customers"] > 3500
    assert row["low"] <= 20 * 0.1 * rate.mean() <= row["high"]
    assert "do not contradict" in kept.headline
    lost, _ = tried(people, 0.1, -30.0, [mail])
    assert "less than" in lost.headline and "Lower the belief of 'mail'" in lost.so_what
    assert lost.metrics[1].value == pytest.approx(kept.table["delivered"].iloc[0] - 30, abs=1.0)


def test_promise_and_delivery_say_what_is_missing() -> None:
    people = crowd(200)
    for actions in ([action()], [action(measured_by=["C9"])], []):
        assert isinstance(tried(people, 0.1, 0.0, actions)[0], Missing)
    hopeless = action(measured_by=["C1"], discount=0.9)
    assert isinstance(tried(people, 0.0, 0.0, [hopeless])[0], Missing)  # chosen for nobody


@pytest.mark.parametrize(
    ("told", "leaves"),
    [
        ([0.1, None, 0.3], [0.1, 0.3, 0.3]),
        ([None, None, None], [0.0, 0.0, 0.0]),
        (None, [0.0, 0.0, 0.0]),
    ],
)
def test_who_has_no_history_leaves_like_somebody_new(told: list[float | None] | None, leaves: list[float]) -> None:  # fmt: skip
    frame = pd.DataFrame({"customer_id": ["a", "b", "c"]})
    if told is not None:
        frame["p_last_order"] = told
    assert _leaves(frame).tolist() == leaves
