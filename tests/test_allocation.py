from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from playbook.allocation import allocate, optimal_acquisition_spend
from playbook.validation import allocation as published

COSTS = [0.05, 0.1, 0.5, 1, 3, 5, 12]


def random_case(n: int, seed: int, actions: int = 5) -> tuple:
    rng = np.random.default_rng(seed)
    names = [f"a{i}" for i in range(actions)]
    cost = pd.Series(rng.choice(COSTS, actions), names)
    value = rng.lognormal(0, 1, (n, actions)) * np.sqrt(cost.to_numpy() + 0.1) * 2
    value -= cost.to_numpy() * rng.uniform(0.2, 1)
    keys = [f"c{i:07d}" for i in range(n)]
    group = pd.Series([f"g{i % 3}" for i in range(actions)], names)
    capacity = {f"g{i}": int(n * rng.uniform(0.05, 0.3)) for i in range(3)}
    eligible = pd.DataFrame(rng.random((n, actions)) < 0.8, keys, names)
    budget = float(n * rng.uniform(0.05, 0.6))
    return pd.DataFrame(value, keys, names), cost, budget, capacity, group, eligible


def exact_value(value, cost, budget, capacity, group, eligible) -> float:
    n, m = value.shape
    rows = [np.kron(np.eye(n), np.ones(m)), np.tile(cost, n)[None, :]]
    rows += [np.tile(group == name, n)[None, :].astype(float) for name in capacity]
    limit = np.concatenate([np.ones(n), [budget], list(capacity.values())])
    solved = milp(
        -value.to_numpy().ravel(),
        integrality=np.ones(n * m),
        bounds=Bounds(0, eligible.to_numpy().ravel().astype(float)),
        constraints=LinearConstraint(np.vstack(rows), -np.inf, limit),
        options={"mip_rel_gap": 1e-6},
    )
    return -solved.fun


def assert_feasible(result, value, cost, budget, capacity, group, eligible) -> None:
    taken = result.choice[result.choice != "none"]
    assert result.choice.index.tolist() == sorted(value.index)
    assert all(eligible.loc[key, action] for key, action in taken.items())
    assert cost[taken].sum() == pytest.approx(result.spent, abs=1e-9)
    assert result.spent <= budget + 1e-6
    counts = group[taken].value_counts()
    assert all(counts.get(name, 0) <= limit for name, limit in capacity.items())
    worth = sum(value.loc[key, action] for key, action in taken.items())
    assert worth == pytest.approx(result.value)


@pytest.mark.parametrize("n", [8, 30, 80, 160])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_value_is_within_a_thousandth_of_the_exact_optimum(n, seed):
    case = random_case(n, seed)
    result = allocate(*case)
    assert_feasible(result, *case)
    exact = exact_value(*case)
    assert result.value >= exact * 0.999
    assert result.bound >= exact * (1 - 1e-6)
    assert result.gap <= 0.001


@pytest.mark.parametrize("decimals", [0, 6])
def test_many_customers_leave_a_small_gap(decimals):
    value, *rest = random_case(30_000, 4, actions=6)
    result = allocate(value.round(decimals), *rest)
    assert_feasible(result, value.round(decimals), *rest)
    assert result.gap <= 0.001


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 12),
    seed=st.integers(0, 10_000),
    budget=st.sampled_from([0.0, 0.5, 4.0, np.inf]),
)
def test_limits_and_consent_hold_and_row_order_is_immaterial(n, seed, budget):
    value, cost, _, capacity, group, eligible = random_case(n, seed)
    value = value.round(0)
    result = allocate(value, cost, budget, capacity, group, eligible)
    assert_feasible(result, value, cost, budget, capacity, group, eligible)
    rows = np.random.default_rng(seed).permutation(n)
    again = allocate(
        value.iloc[rows, ::-1], cost[::-1], budget, capacity, group, eligible.iloc[rows]
    )
    pd.testing.assert_series_equal(result.choice, again.choice)


@settings(max_examples=15, deadline=None)
@given(n=st.integers(1, 25), seed=st.integers(0, 10_000), more=st.floats(1, 4))
def test_the_bound_never_falls_with_more_budget_and_the_gap_holds(n, seed, more):
    value, cost, budget, *rest = random_case(n, seed, actions=4)
    less = allocate(value, cost, budget, *rest)
    ample = allocate(value, cost, budget * more, *rest)
    assert ample.bound >= less.bound * (1 - 1e-9)
    for result, money in ((less, budget), (ample, budget * more)):
        assert result.spent <= money + 1e-9
        assert result.value <= result.bound
        assert result.value >= result.bound * (1 - result.gap) - 1e-9
        assert 0 <= result.gap <= 0.001
        assert (result.shadow_prices >= 0).all()


@settings(max_examples=15, deadline=None)
@given(
    n=st.integers(1, 25), seed=st.integers(0, 10_000), budget=st.sampled_from([0.0, 5.0, np.inf])
)
def test_what_costs_more_than_it_returns_is_never_chosen(n, seed, budget):
    gain, cost, _, *rest = random_case(n, seed, actions=4)
    net = gain - cost
    result = allocate(net, cost, budget, *rest)
    taken = result.choice[result.choice != "none"]
    assert all(gain.loc[key, action] > cost[action] for key, action in taken.items())
    if budget == 0:
        assert result.spent == 0
        assert (cost[taken] == 0).all()


def test_a_budget_of_zero_still_allows_what_is_free():
    value = pd.DataFrame({"free": [2.0, -1.0], "paid": [9.0, 9.0]}, ["x", "y"])
    cost = pd.Series({"free": 0.0, "paid": 1.0})
    result = allocate(value, cost, 0.0, {}, pd.Series({"free": "a", "paid": "b"}))
    assert result.choice.to_dict() == {"x": "free", "y": "none"}
    assert (result.spent, result.gap) == (0.0, 0.0)


def test_equal_customers_are_served_by_key_and_the_price_is_the_marginal_margin():
    keys = ["d", "b", "a", "c"]
    value = pd.DataFrame({"letter": 5.0}, keys)
    cost, group = pd.Series({"letter": 2.0}), pd.Series({"letter": "post"})
    result = allocate(value, cost, 4.0, {"post": 3}, group)
    assert result.choice.to_dict() == {"a": "letter", "b": "letter", "c": "none", "d": "none"}
    assert result.shadow_prices["budget"] == pytest.approx(2.5)
    assert result.used["post"] == 2
    assert result.value == 10.0


def test_a_fixed_budget_is_split_between_two_actions_of_identical_customers():
    value = pd.DataFrame({"a": 10.0, "b": 6.0}, [f"{i:05d}" for i in range(10_000)])
    cost = pd.Series({"a": 10.0, "b": 5.0})
    result = allocate(value, cost, 75_000, {}, pd.Series({"a": "x", "b": "x"}))
    assert result.value == pytest.approx(80_000)


def test_an_unprofitable_action_is_never_chosen():
    value = pd.DataFrame({"a": [-1.0, 0.0]}, ["x", "y"])
    result = allocate(value, pd.Series({"a": 0.0}), np.inf, {}, pd.Series({"a": "g"}))
    assert (result.choice == "none").all()
    assert (result.value, result.gap) == (0.0, 0.0)


def test_bad_input_is_refused_with_the_reason():
    value, cost, budget, capacity, group, eligible = random_case(5, 0)
    with pytest.raises(ValueError, match="more than once"):
        allocate(pd.concat([value, value]), cost, budget, capacity, group)
    with pytest.raises(ValueError, match="missing or infinite"):
        allocate(value.where(value > value.min().min()), cost, budget, capacity, group)
    with pytest.raises(ValueError, match="no group"):
        allocate(value, cost, budget, {"fax": 3}, group)
    with pytest.raises(ValueError, match="same customers"):
        allocate(value, cost, budget, capacity, group, eligible.iloc[1:])
    with pytest.raises(ValueError, match="none called 'none'"):
        allocate(value.rename(columns={"a0": "none"}), cost, budget, capacity, group)


def test_blattberg_deighton_closed_form():
    closed_form, every_choice = published.rows()
    assert closed_form.ok
    assert every_choice.ok
    assert optimal_acquisition_spend(0.4, 0.25, 5.0) == 0.0
