"""The next choice survey: known optima are found, its errors are those of fitted models, bad input is named."""

from __future__ import annotations

from itertools import combinations, combinations_with_replacement, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from playbook import choice
from playbook import proposition as step
from playbook.answer import Answer, Missing
from playbook.choice.design import model_rows
from playbook.choice.search import information, spread_over_versions
from playbook.proposition.next_survey import needed, power_of

LEVELS = {
    "delivery": ["slot", "next day", "standard"],
    "returns": ["100 days", "30 days", "14 days"],
    "price": [100, 140, 180],
}
REFERENCE = {"delivery": "standard", "returns": "14 days"}
PRIOR = pd.Series(
    {"delivery: slot": 0.6, "delivery: next day": 0.1, "returns: 100 days": 0.5,
     "returns: 30 days": 0.1, "price": -0.012, "none": -2.5}
)  # fmt: skip


def answered(table: pd.DataFrame, people: int, prior: pd.Series, seed: int) -> pd.DataFrame:
    """Choices of people of one taste who answer a survey, version by version."""
    coding = choice.effects_code(table, list(LEVELS), REFERENCE, "is_none")
    utility = coding.matrix(table)[coding.columns] @ prior[coding.columns]
    person = np.arange(people)
    version = pd.DataFrame({"person": person, "version": 1 + person % table["version"].max()})
    rows = version.merge(table.assign(utility=utility), on="version")
    value = rows["utility"] + np.random.default_rng(seed).gumbel(size=len(rows))
    best = value.groupby([rows["person"], rows["task"]]).transform("max")
    name = rows["person"].astype(str).str.zfill(4)
    rows = rows.drop(columns=["person", "utility"])
    return rows.assign(respondent_id="R" + name, customer_id="C" + name, chosen=value == best)


@pytest.fixture(scope="module")
def design() -> choice.ChoiceDesign:
    return choice.d_efficient_design(LEVELS, 6, 3, versions=2, prior=PRIOR, seed=3)


def _best_error(prior: np.ndarray, pairs: list[np.ndarray]) -> float:
    """Smallest D-error of four tasks, by trying every set of four pairs."""
    each = np.array([information(pair[None], prior) for pair in pairs])
    sets = np.array(list(combinations_with_replacement(range(len(pairs)), 4)))
    determinant = np.linalg.det(each[sets].sum(axis=1))
    return float(determinant.max() ** (-1 / len(prior)))


def _profiles() -> dict[tuple[int, int], np.ndarray]:
    coded = [[1.0, 0], [0, 1.0], [-1.0, -1.0]]
    return {(a, b): np.array([*coded[a], *coded[b]]) for a, b in product(range(3), repeat=2)}


def test_the_published_optimum_is_reached() -> None:
    # 3^3/3/9 of Huber & Zwerina (1996, table 1), D-error .192 at zero part-worths: orthogonal and
    # without overlap each attribute has information 3 [[2, 1], [1, 2]], so it is 27^(-1/2)
    found = choice.d_efficient_design({a: list("123") for a in "abc"}, 9, 3, none=False, starts=10)
    assert found.d_error == pytest.approx(27**-0.5, rel=1e-9)
    assert found.d_error == pytest.approx(0.192, abs=5e-4)
    assert found.overlap == 0 and found.dominated == 0
    assert set(found.balance["shown"]) == {9}


def test_the_optimum_of_an_exhaustive_search_is_reached() -> None:
    profiles, levels = _profiles(), {"a": list("xyz"), "b": list("xyz")}
    pairs = [np.array([profiles[p], profiles[q]]) for p, q in combinations(profiles, 2)]
    found = choice.d_efficient_design(levels, 4, 2, none=False, starts=20)
    assert found.d_error == pytest.approx(_best_error(np.zeros(4), pairs), rel=1e-9)
    prior = np.array([0.8, 0.1, 1.2, 0.0])
    offers = [(p, q) for p, q in combinations(profiles, 2) if (p[0] - q[0]) * (p[1] - q[1]) < 0]
    pairs = [np.array([profiles[p], profiles[q]]) for p, q in offers]  # a better one at a price
    named = pd.Series(dict(zip(["a: x", "a: y", "b: x", "b: y"], prior, strict=True)))
    found = choice.d_efficient_design(levels, 4, 2, none=False, prior=named, starts=100)
    assert found.dominated == 0
    assert found.d_error == pytest.approx(_best_error(prior, pairs), rel=1e-9)


def test_the_design_beats_random_tasks_and_is_the_same_again(design: choice.ChoiceDesign) -> None:
    assert design.d_error < 0.8 * design.random_d_error
    assert design.dominated == 0
    again = choice.d_efficient_design(LEVELS, 6, 3, versions=2, prior=PRIOR, seed=3)
    pd.testing.assert_frame_equal(design.table, again.table)
    assert design.table.groupby(["version", "task"]).size().eq(4).all()
    assert (design.balance["most"] - design.balance["fewest"]).max() <= 2
    none = design.table[design.table["is_none"]]
    assert len(none) == 12 and none[list(LEVELS)].isna().all(axis=None)


def test_levels_can_be_kept_even_at_hardly_any_loss() -> None:
    prior = pd.Series({"price": -0.03, "delivery: slot": 1.5, "delivery: next day": 0.0, "none": -4.0})  # fmt: skip
    free = choice.d_efficient_design(LEVELS, 8, 3, versions=2, prior=prior, seed=1)
    even = choice.d_efficient_design(LEVELS, 8, 3, versions=2, prior=prior, seed=1, balance=1.0)
    spread = [d.balance.groupby("attribute")["shown"].agg(np.ptp).max() for d in (free, even)]
    assert spread[1] <= 3 < spread[0]
    assert even.d_error < 1.05 * free.d_error


def test_versions_are_balanced_better_than_by_turns() -> None:
    levels = np.repeat(np.arange(3), 4)[:, None, None] * np.ones((12, 2, 1), dtype=int)
    label = spread_over_versions(levels, 4)
    assert [sorted(levels[label == v, 0, 0]) for v in range(4)] == [[0, 1, 2]] * 4


def test_errors_before_the_survey_are_those_of_a_fit_after_it(design: choice.ChoiceDesign) -> None:
    choices = answered(design.table, 400, PRIOR, 1)
    coding = choice.effects_code(choices, list(LEVELS), REFERENCE, "is_none")  # fmt: skip
    fit = choice.conditional_logit(choices, coding.matrix(choices), clustered=False)
    one = np.linalg.inv(information(model_rows(design.table, coding), PRIOR[coding.columns].to_numpy()) / 2)  # fmt: skip
    assert fit.bse.to_numpy() == pytest.approx(np.sqrt(np.diag(one) / 400), rel=0.1)


def test_the_power_promised_is_the_power_met(design: choice.ChoiceDesign) -> None:
    coding = choice.effects_code(design.table, list(LEVELS), REFERENCE, "is_none")  # fmt: skip
    one = np.linalg.inv(information(model_rows(design.table, coding), PRIOR[coding.columns].to_numpy()) / 2)  # fmt: skip
    place = coding.columns.index("delivery: slot")
    error = np.sqrt(one[place, place])
    people = int(needed(np.array([0.6]), np.array([error]))[0])
    hits = []
    for seed in range(60):
        choices = answered(design.table, people, PRIOR, seed)
        fit = choice.conditional_logit(choices, coding.matrix(choices), clustered=False)
        hits.append(fit.params["delivery: slot"] / fit.bse["delivery: slot"] > stats.norm.ppf(0.975))  # fmt: skip
    assert 0.67 <= np.mean(hits) <= 0.93  # 80 %, and 60 trials


def test_people_needed_and_power_by_hand() -> None:
    assert needed(np.array([1.0]), np.array([10.0])).tolist() == [785]  # (1.960 + 0.842)^2 100
    assert power_of(np.array([1.0]), np.array([10 / 785**0.5]))[0] == pytest.approx(0.8, abs=1e-3)
    assert power_of(np.zeros(1), np.ones(1))[0] == pytest.approx(0.05)


def test_bad_designs_are_named() -> None:
    with pytest.raises(ValueError, match="two levels of each attribute"):
        choice.d_efficient_design({"a": ["x"]}, 3, 2)
    with pytest.raises(ValueError, match="cannot tell 7 part-worths"):
        choice.d_efficient_design(LEVELS, 2, 2)
    with pytest.raises(ValueError, match=r"the prior names \['colour: red'\]"):
        choice.d_efficient_design(LEVELS, 6, 3, prior=pd.Series({"colour: red": 1.0}))


@pytest.fixture(scope="module")
def experiment(design: choice.ChoiceDesign) -> Answer:
    choices = answered(design.table, 160, PRIOR, 2)
    choices["is_holdout"] = choices["task"] > 5
    ids = choices["customer_id"].drop_duplicates()
    segments = pd.DataFrame({"customer_id": ids, "segment": ["A", "B"] * 80})
    answer = step.choice_experiment(choices, segments)
    assert isinstance(answer, Answer)
    return answer


def test_the_next_survey_keeps_the_shape_of_the_last(experiment: Answer) -> None:
    survey = step.next_survey(experiment, versions=3)
    table = survey.table
    assert table.groupby("version")["task"].nunique().tolist() == [6, 6, 6]
    assert table.groupby(["version", "task"]).size().eq(4).all()
    assert table[table["is_holdout"]]["task"].eq(6).all()
    assert {name: set(table[name].dropna()) for name in LEVELS} == {n: set(v) for n, v in LEVELS.items()}  # fmt: skip
    error = survey["compared"].set_index("design")["d_error"]
    assert error["next survey"] < error["random tasks"]
    # the last survey was such a design itself: as good, on the same scale
    assert error["next survey"] == pytest.approx(error["last survey"], rel=0.12)


def test_a_best_price_at_the_edge_adds_a_price(experiment: Answer) -> None:
    asked = pd.DataFrame({"verdict": ["ask wider prices", "keep"], "source": "choices", "low": [150.0, 120.0], "high": [180.0, 130.0]})  # fmt: skip
    wider = Answer(asked, "", "", "prescriptive")
    survey = step.next_survey(experiment, wider)
    assert set(survey.table["price"].dropna()) == {100, 140, 180, 220}
    assert "price 220 is new" in survey.so_what
    firm = step.next_survey(
        experiment, Answer(asked.assign(verdict="keep"), "", "", "prescriptive")
    )
    assert set(firm.table["price"].dropna()) == {100, 140, 180}


def test_more_is_needed_for_a_smaller_effect(experiment: Answer) -> None:
    survey = step.next_survey(experiment)
    fine, rough = (step.survey_power(survey, experiment, worth) for worth in (1.0, 60.0))
    keys = ["feature", "segment"]
    both = fine.table.merge(rough.table, on=keys, suffixes=("", "_rough"))
    assert (both["people_needed"] >= both["people_needed_rough"]).all()
    assert (both["power"] <= both["power_rough"] + 1e-12).all()
    assert len(fine.table) == 8  # four levels against the least liked ones, two segments
    assert fine["segments"]["people_needed"].sum() >= rough["segments"]["people_needed"].sum()
    assert isinstance(step.survey_power(Missing("no survey"), experiment), Missing)
