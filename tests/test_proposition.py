"""Value proposition: planted tastes are found, weak claims are refused, thin data is no error."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook import figures
from playbook import proposition as step
from playbook.answer import Answer, Missing
from playbook.choice import LogitResult
from playbook.choice.individual import individual_part_worths
from playbook.proposition.differentiation import correspondence
from playbook.proposition.experiment import fit_experiment
from playbook.proposition.pooling import partly_pooled, spread_between
from playbook.proposition.positioning import ideal_directions
from playbook.proposition.words import join, named, people_needed
from playbook.truth.coverage import Cell
from playbook.truth.coverage_choices import CELLS
from playbook.truth.rows import Found
from playbook.truth.rules import Reaches

LEVELS = {"delivery": ["slot", "standard"], "returns": ["100 days", "30 days", "14 days"]}
TASTE = {
    "Families": {"slot": 0.2, "100 days": 1.0, "30 days": 0.4, "price": -0.03},
    "Singles": {"slot": 1.2, "100 days": 0.1, "30 days": 0.0, "price": -0.015},
}


def _choices(people: dict[str, int], seed: int = 3, priced: bool = True) -> pd.DataFrame:
    """Choices of people whose tastes are known, three offers and none a task."""
    rng, rows, number = np.random.default_rng(seed), [], 0
    for segment, count in people.items():
        taste = TASTE[segment]
        for _ in range(count):
            number += 1
            for task in range(8):
                offers = [
                    {name: str(rng.choice(levels)) for name, levels in LEVELS.items()}
                    | {"price": str(rng.choice([100, 140, 180]))}
                    for _ in range(3)
                ]
                value = [
                    sum(taste.get(v, 0.0) for v in o.values())
                    + (taste["price"] * float(o["price"]) if priced else 0.0)
                    for o in offers
                ]
                utility = np.array([*value, -3.0 if priced else 0.0]) + rng.gumbel(size=4)
                for i, offer in enumerate([*offers, dict.fromkeys([*LEVELS, "price"])]):
                    rows.append(
                        {"respondent_id": f"R{number:03}", "customer_id": f"{segment}-{number}",
                         "task": task, "alternative": i, "chosen": i == utility.argmax(),
                         "is_none": i == 3, "is_holdout": task >= 6} | offer
                    )  # fmt: skip
    return pd.DataFrame(rows)


def _segments(choices: pd.DataFrame) -> pd.DataFrame:
    ids = choices["customer_id"].drop_duplicates()
    return pd.DataFrame({"customer_id": ids, "segment": ids.str.split("-").str[0]})


OFFERS = pd.DataFrame(
    {
        "offer_id": ["A", "B", "X", "Y"],
        "brand": ["Us", "Us", "Cheap", "Posh"],
        "is_ours": [True, True, False, False],
        "price": [140.0, 140.0, 100.0, 180.0],
        "unit_cost": [70.0, 70.0, np.nan, np.nan],
        "delivery": ["slot", "standard", "standard", "slot"],
        "returns": ["14 days", "100 days", "14 days", "100 days"],
    }
)


@pytest.fixture(scope="module")
def choices() -> pd.DataFrame:
    return _choices({"Families": 120, "Singles": 120})


@pytest.fixture(scope="module")
def experiment(choices: pd.DataFrame) -> Answer:
    answer = step.choice_experiment(choices, _segments(choices))
    assert isinstance(answer, Answer)
    return answer


def _brands(lead: float, n: int = 80, seed: int = 1) -> pd.DataFrame:
    rng, rows = np.random.default_rng(seed), []
    for person in range(n):
        for item, gap in (("service", lead), ("price", -lead), ("range", 0.0), ("style", 0.0)):
            base = rng.normal(4.5, 0.4)
            for brand, value in (("Us", base + gap), ("Cheap", base), ("Posh", base + 0.5)):
                rows.append({"respondent": f"{person}", "customer_id": f"Families-{person + 1}", "item": item,
                             "brand": brand, "value": value + rng.normal(0, 0.3), "scale_min": 1.0})  # fmt: skip
    return pd.DataFrame(rows)


# --- thin and absent data -------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(step.__all__))
def test_an_empty_frame_is_missing_and_not_an_error(name: str) -> None:
    function: Any = getattr(step, name)
    needed = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    empty = pd.DataFrame(
        columns=["customer_id", "segment", "question_id", "brand", "item", "value"]
    )
    given_ = ["Us" if p.name == "brand" else empty for p in needed]
    if any(p.annotation == "Answer" for p in needed):
        given_ = [Missing("nothing")] * len(needed)
    assert isinstance(function(*given_), Missing)


def test_what_is_optional_may_be_missing() -> None:
    customers = pd.DataFrame({"customer_id": [f"{i}" for i in range(80)], "orders_12m": 2,
                              "revenue_12m": 10.0, "ordered_12m": 12.0, "country": ["SE", "DE"] * 40})  # fmt: skip
    segments = customers[["customer_id"]].assign(segment=["A"] * 40 + ["B"] * 40)
    answer = step.target_profiles(customers, segments, Missing("no strategies"))
    assert isinstance(answer, Answer) and "strategy" not in answer.table
    assert answer.table["share_customers"].sum() == pytest.approx(1)
    assert answer.table["average_order"].tolist() == [6.0, 6.0]


# --- choices --------------------------------------------------------------------------------


def test_planted_part_worths_are_within_their_intervals(experiment: Answer) -> None:
    worths = step.benefits(experiment)["part_worths"]
    for segment, taste in TASTE.items():
        own = worths[worths["segment"] == segment].set_index(["attribute", "level"])
        slot, standard = own.loc[("delivery", "slot")], own.loc[("delivery", "standard")]
        gap, width = slot["part_worth"] - standard["part_worth"], slot["high"] - slot["low"]
        assert abs(gap - taste["slot"]) < 1.5 * width  # the interval of the gap is twice as wide
        price = own.loc[("price", "one unit more")]
        assert price["low"] - 0.005 < taste["price"] < price["high"] + 0.005
    assert not worths.duplicated(["segment", "attribute", "level"]).any()


def test_tastes_that_differ_are_named_and_chance_is_beaten(experiment: Answer) -> None:
    found = step.preference_differences(experiment).table.set_index("attribute")["differs"]
    assert found["delivery"] and found["returns"] and found["price"]
    score = experiment.table.set_index("model")
    assert score.loc["segments, partly pooled", "low"] > score.loc["chance", "hit_rate"]


def test_equal_tastes_are_not_told_apart() -> None:
    choices = _choices({"Families": 200}, seed=8)
    segments = _segments(choices).assign(segment=["A", "B"] * 100)
    found = step.preference_differences(fit_experiment(choices, segments)).table
    assert not found["differs"].any()


def test_a_small_segment_borrows_the_model_of_everybody() -> None:
    choices = _choices({"Families": 60, "Singles": 12})
    models = fit_experiment(choices, _segments(choices)).models
    assert {name: model.own for name, model in models.items()} == {
        "Families": True,
        "Singles": False,
    }


def test_the_order_of_rows_does_not_matter(choices: pd.DataFrame, experiment: Answer) -> None:
    mixed = fit_experiment(choices.sample(frac=1, random_state=4), _segments(choices))
    first, second = (step.benefits(e)["part_worths"] for e in (experiment, mixed))
    keys = ["segment", "attribute", "level"]
    first, second = (f.sort_values(keys, ignore_index=True) for f in (first, second))
    assert np.allclose(first["part_worth"], second["part_worth"], atol=1e-6)


def test_willingness_to_pay_is_found_and_refused_without_a_reaction_to_price(
    experiment: Answer,
) -> None:
    worth = step.willingness_to_pay(experiment, "EUR")
    row = worth["all"].set_index(["segment", "level"]).loc[("Singles", "slot")]
    assert row["low"] < 80 < row["high"]  # 1.2 / 0.015
    blind = _choices({"Families": 60}, priced=False)
    refused = step.willingness_to_pay(step.choice_experiment(blind, _segments(blind)))
    assert isinstance(refused, Missing) and "price" in refused.reason


def test_the_best_offer_fits_the_taste_and_stays_within_the_prices_asked(
    experiment: Answer,
) -> None:
    best = step.best_offers(experiment, OFFERS)["all"].set_index("segment")
    assert best.loc["Singles", "offer"] == "A" and best.loc["Families", "offer"] == "B"
    assert (
        best["price"].between(100, 180).all() and (best["margin_low"] <= best["margin_high"]).all()
    )
    assert best["chance_best"].between(0, 1).all() and (best["gain"] >= 0).all()
    curve = step.price_response(step.best_offers(experiment, OFFERS)).table
    for _, part in curve.groupby("segment"):
        assert (np.diff(part.sort_values("price")["share"]) < 0).all()


def test_shares_of_the_line_up_add_up(experiment: Answer) -> None:
    table = step.line_up(experiment, OFFERS).table
    assert np.allclose(table.groupby("segment")["share"].sum(), 1)


# --- brands ---------------------------------------------------------------------------------


def test_difference_parity_and_weakness_are_told_apart() -> None:
    table = step.brand_differences(_brands(1.0), "Us").table
    status = table.set_index(["item", "competitor"])["status"]
    assert status[("service", "Cheap")] == "difference"
    assert status[("price", "Cheap")] == "weakness"
    assert status[("range", "Cheap")] == "parity"


def test_a_sure_but_small_lead_is_no_difference() -> None:
    table = step.brand_differences(_brands(0.15, n=400), "Us", smallest_difference=0.3).table
    row = table.set_index(["item", "competitor"]).loc[("service", "Cheap")]
    assert row["low"] > 0 and row["status"] == "parity"


def test_correspondence_gives_the_published_inertias() -> None:
    # smoking habits by staff group (Greenacre, 1984, table 3.1): inertia .0748, .0100, .0004
    counts = pd.DataFrame([[4, 2, 3, 2], [4, 3, 7, 4], [25, 10, 12, 4], [18, 24, 33, 13], [10, 6, 7, 2]])  # fmt: skip
    rows, columns, inertia = correspondence(counts)
    assert inertia == pytest.approx([0.074759, 0.010017, 0.000414], abs=1e-6)
    mass = counts.sum(axis=1) / counts.to_numpy().sum()
    assert np.allclose((rows.T**2 * mass.to_numpy()).T.sum(), inertia)
    assert abs(rows.loc[0, 1]) == pytest.approx(0.066, abs=1e-3)
    assert columns.shape == (4, 3)


def test_the_map_needs_three_brands() -> None:
    two = _brands(1.0).query("brand != 'Posh'")
    assert isinstance(step.perceptual_map(two, "Us"), Missing)
    assert isinstance(step.perceptual_map(_brands(1.0), "Us"), Answer)


# --- demand, prices, words ------------------------------------------------------------------


def test_demand_by_hand() -> None:
    lines = pd.DataFrame(
        [{"customer_id": f"{s}{i}", "product_group": g, "kind": "product", "quantity": 1.0,
          "revenue": r, "margin": r / 2}
         for s, g, r, n in (("a", "Beds", 30.0, 5), ("a", "Lamps", 10.0, 5), ("b", "Beds", 10.0, 5), ("b", "Lamps", 30.0, 4))
         for i in range(n)]
    )  # fmt: skip
    segments = pd.DataFrame({"customer_id": [f"{s}{i}" for s in "ab" for i in range(5)],
                             "segment": ["A"] * 5 + ["B"] * 5})  # fmt: skip
    cell = step.demand(lines, segments).table.set_index(["product_group", "segment"])
    assert cell.loc[("Beds", "A"), "share"] == pytest.approx(0.75)
    assert cell.loc[("Beds", "A"), "index"] == pytest.approx(100 * 0.75 / (200 / 370))
    assert cell.loc[("Lamps", "B"), "suppressed"] and np.isnan(cell.loc[("Lamps", "B"), "revenue"])
    assert cell.loc[("Lamps", "B"), "buyers"] == 4


def test_acceptable_prices_by_hand() -> None:
    steps = {"vw_too_cheap": 0, "vw_bargain": 10, "vw_expensive": 20, "vw_too_expensive": 30}
    ratings = pd.DataFrame(
        [{"respondent": f"{i}", "question_id": q, "item": "chair", "value": 80.0 + i + add}
         for i in range(41) for q, add in steps.items()]
    )  # fmt: skip
    point = step.acceptable_prices(ratings).table.set_index("point")["price"]
    assert point["lowest acceptable"] == pytest.approx(110, abs=1)  # 80..120 falls, 100..140 rises
    assert point["highest acceptable"] == pytest.approx(120, abs=1)
    backwards = ratings.assign(value=200 - ratings["value"])
    assert isinstance(step.acceptable_prices(backwards), Missing)


@given(st.floats(0.05, 5), st.floats(0.05, 5), st.integers(30, 5000))
@settings(max_examples=50, deadline=None)
def test_a_wider_interval_or_a_smaller_effect_needs_more_people(
    value: float, half: float, n: int
) -> None:
    needed = people_needed(value, value - half, value + half, n, 0.01)
    assert people_needed(value, value - 2 * half, value + 2 * half, n, 0.01) >= needed
    assert people_needed(value / 2, value / 2 - half, value / 2 + half, n, 0.01) >= needed


def test_people_needed_by_hand() -> None:
    # standard error 1 from 100 people, effect 1: n' = 100 (1.96 + 0.84)^2 = 785
    assert people_needed(1.0, 1 - 1.959964, 1 + 1.959964, 100, 0.0) == 785


def test_words() -> None:
    assert (
        join(["a"]) == "a" and join("abc") == "a, b and c" and join("abcd", 2) == "a, b and 2 more"
    )
    assert named("assembly_service", "none") == "no assembly service"


# --- statements -----------------------------------------------------------------------------


def _propositions(experiment: Answer, lead: float) -> Answer:
    names = [
        f"{s}-{i}"
        for s, first in (("Families", 1), ("Singles", 121))
        for i in range(first, first + 120)
    ]
    customers = pd.DataFrame({"customer_id": names, "orders_12m": 2, "revenue_12m": 90.0, "ordered_12m": 90.0,
                              "country": ["SE"] * 120 + ["DE"] * 120})  # fmt: skip
    segments = pd.DataFrame(
        {"customer_id": names, "segment": ["Families"] * 120 + ["Singles"] * 120}
    )
    return step.value_propositions(
        step.target_profiles(customers, segments), step.willingness_to_pay(experiment),
        step.best_offers(experiment, OFFERS), OFFERS, step.brand_differences(_brands(lead), "Us"), "Us",
    )  # fmt: skip


def test_a_claim_without_evidence_is_left_out_and_listed(experiment: Answer) -> None:
    weak = _propositions(experiment, lead=0.0)
    assert not any("points better" in text for text in weak.table["proposition"])
    clauses = weak["clauses"]
    assert (clauses.loc[clauses["clause"] == "we", "status"] == "to test").all()
    tests = step.claims_to_test(weak).table
    assert len(tests) == int((clauses["status"] == "to test").sum())
    strong = _propositions(experiment, lead=1.5)
    assert all("points better on service" in text for text in strong.table["proposition"])


def test_every_clause_names_its_evidence_and_the_refused_one_its_sample(experiment: Answer) -> None:
    clauses = _propositions(experiment, lead=1.5)["clauses"]
    assert not clauses.duplicated(["segment", "clause"]).any() and len(clauses) == 12
    assert clauses["evidence"].str.match(r"V\d ").all()
    supported = clauses[clauses["status"] == "supported"]
    assert (supported["n"] >= 30).all() and supported["people_needed"].isna().all()
    assert clauses.loc[clauses["status"] == "to test", "people_needed"].notna().all()


def test_the_canvas_says_what_the_offer_answers(experiment: Answer) -> None:
    cases = pd.DataFrame(
        {"customer_id": [f"Singles-{i}" for i in range(121, 140)], "topic": "delivery", "cases": 1}
    )
    segments = pd.DataFrame(
        {"customer_id": [f"Singles-{i}" for i in range(121, 241)], "segment": "Singles"}
    )
    worth, best = step.willingness_to_pay(experiment), step.best_offers(experiment, OFFERS)
    answer = step.proposition_canvas(
        experiment, worth, best, OFFERS, cases, segments, segment="Singles"
    )
    pain = answer.table.set_index("box").loc["pains"]
    assert bool(pain["met"]) and 0 <= answer["fit"] <= 1


# --- partial pooling ------------------------------------------------------------------------


def _estimates(values: list[float], error: float) -> dict[str, LogitResult]:
    return {
        f"S{i}": LogitResult(
            pd.Series([value], index=["x"]), pd.DataFrame([[error**2]], index=["x"], columns=["x"]),
            0.0, 0.0, 100, 30, "hessian",
        )
        for i, value in enumerate(values)
    }  # fmt: skip


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=8), st.floats(0.02, 1))
@settings(max_examples=40, deadline=None)
def test_pooling_pulls_toward_everybody_and_never_past(values: list[float], error: float) -> None:
    alone, people = _estimates(values, error), {f"S{i}": 30 for i in range(len(values))}
    everybody = _estimates([float(np.mean(values))], error / len(values) ** 0.5)["S0"]
    pooled = partly_pooled(alone, everybody, people | {"unasked": 0})
    center = everybody.params["x"]
    for name, fit in alone.items():
        ends = sorted((fit.params["x"], center))
        assert ends[0] - 1e-9 <= pooled[name].params["x"] <= ends[1] + 1e-9
    assert pooled["unasked"].params["x"] == center
    assert pooled["unasked"].bse["x"] >= everybody.bse["x"]


def test_alike_segments_are_pulled_more_than_different_ones() -> None:
    error, center = np.full((4, 1), 0.2), np.zeros(1)
    alike = spread_between(np.array([[0.1], [-0.1], [0.05], [-0.05]]), error, center)
    apart = spread_between(np.array([[1.0], [-1.0], [0.5], [-0.5]]), error, center)
    assert 0 < alike[0] < 0.3 < 0.6 < apart[0]


# --- individual tastes, cannibalisation, exposure -------------------------------------------


@pytest.fixture(scope="module")
def tastes(choices: pd.DataFrame, experiment: Answer) -> Answer:
    answer = step.individual_tastes(experiment, _segments(choices), choices)
    assert isinstance(answer, Answer)
    return answer


def test_the_mean_of_individual_tastes_is_the_planted_one(tastes: Answer) -> None:
    found = tastes["individual"]
    assert 0.15 < found.acceptance < 0.5
    for place, segment in enumerate(found.groups):
        price = found.means[:, place, found.columns.index("price")]
        low, high = np.quantile(price, [0.005, 0.995])
        assert low < TASTE[segment]["price"] < high
    assert found.individual.shape == (240, len(found.columns))


def test_a_copy_of_an_offer_takes_from_its_twin_first() -> None:
    rng, rows = np.random.default_rng(5), []
    for person in range(120):  # half want red, half want blue, in one group
        want = 3.0 if person % 2 else -3.0
        for task in range(8):
            red, cost = rng.integers(0, 2, 3), rng.choice([1.0, 2.0], 3)
            chosen = int(np.argmax(want * red - cost + rng.gumbel(size=3)))
            rows += [{"respondent_id": person, "task": task, "alternative": i, "chosen": i == chosen,
                      "red": float(red[i]), "cost": cost[i]} for i in range(3)]  # fmt: skip
    frame = pd.DataFrame(rows)
    found = individual_part_worths(frame, frame[["red", "cost"]], rounds=900, burn=300, kept=100)
    before = found.shares(np.array([[1.0, 1.0], [0.0, 1.0]])).mean(axis=0)
    after = found.shares(np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 1.0]])).mean(axis=0)
    assert before[0] == pytest.approx(0.5, abs=0.06)
    assert after[0] > 0.44 and after[1] < 0.28  # in proportion the red one would keep a third
    first = found.shares(np.array([[1.0, 1.0], [0.0, 1.0]]), rule="first")
    assert np.allclose(first.sum(axis=1), 1)


def test_aimed_moves_and_shifts_leave_the_law_of_tastes_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng, rows = np.random.default_rng(6), []
    for person in range(60):
        own = np.array([1.0, -1.5]) + 0.8 * rng.standard_normal(2)
        for task in range(5):
            x = rng.integers(0, 2, (3, 2)).astype(float)
            chosen = int(np.argmax(x @ own + rng.gumbel(size=3)))
            rows += [{"respondent_id": person, "task": task, "alternative": i, "chosen": i == chosen, "red": x[i, 0], "cost": x[i, 1]} for i in range(3)]  # fmt: skip
    frame = pd.DataFrame(rows)
    aimed = individual_part_worths(frame, frame[["red", "cost"]], rounds=5000, burn=500)
    monkeypatch.setattr("playbook.choice.individual.RANDOM", 1)
    monkeypatch.setattr("playbook.choice.individual.SHIFT", 10**9)
    plain = individual_part_worths(frame, frame[["red", "cost"]], rounds=12_000, burn=2000)
    for name, of in (("means", lambda f: f.means[:, 0]), ("one person", lambda f: f.draws[:, 7])):
        first, second = of(aimed), of(plain)
        assert np.abs(first.mean(axis=0) - second.mean(axis=0)).max() < 0.35 * second.std(axis=0).min(), name  # fmt: skip
        assert np.allclose(first.std(axis=0), second.std(axis=0), rtol=0.25), name
    assert np.allclose(aimed.within.mean(axis=0), plain.within.mean(axis=0), atol=0.25)


def test_tastes_that_foresee_no_better_are_not_used(experiment: Answer, tastes: Answer) -> None:
    unused = replace(tastes, extra=tastes.extra | {"use": False})
    plain, same = (step.line_up(experiment, OFFERS, 1, t).table for t in (None, unused))
    used = replace(tastes, extra=tastes.extra | {"use": True})
    other = step.line_up(experiment, OFFERS, 1, used).table
    pd.testing.assert_frame_equal(plain, same)
    assert plain["first_choice"].isna().all() and not np.allclose(plain["share"], other["share"])
    assert np.allclose(other.groupby("segment")["first_choice"].sum(), 1)


def test_respondents_without_a_segment_and_very_many_are_no_obstacle(
    choices: pd.DataFrame, experiment: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playbook.proposition.tastes.MOST", 60)
    nobody = pd.DataFrame({"customer_id": ["else"], "segment": ["Families"]})
    answer = step.individual_tastes(experiment, nobody, choices)
    assert len(answer["people"]) == 60 and answer["people"]["segment"].isna().all()
    assert np.isfinite(answer["individual"].draws).all()
    assert np.allclose(step.line_up(experiment, OFFERS, 1, answer).table.groupby("segment")["share"].sum(), 1)  # fmt: skip


def test_where_all_choose_alike_an_offer_takes_in_proportion() -> None:
    choices = _choices({"Families": 60})
    experiment = step.choice_experiment(choices, _segments(choices))
    table = step.cannibalisation(experiment, OFFERS, _segments(choices), "EUR").table
    parts = table[["from_ours", "from_competitors", "from_none"]]
    assert np.allclose(parts.sum(axis=1), 1) and (parts >= 0).all(axis=None)
    on_sale = table[table["offer"].str.endswith("on sale")]
    assert on_sale["from_ours"].to_numpy() == pytest.approx(on_sale["in_proportion"], abs=0.02)
    assert (table["low"] <= table["from_ours"]).all() and (
        table["from_ours"] <= table["high"]
    ).all()


def test_thin_markets_are_missing_and_say_what_to_ask(experiment: Answer, choices: pd.DataFrame) -> None:  # fmt: skip
    segments = _segments(choices)
    one = OFFERS[OFFERS["offer_id"] != "B"]
    assert "no other" in step.cannibalisation(experiment, one, segments).reason
    assert isinstance(step.best_offers(experiment, one), Answer)
    alone = OFFERS[OFFERS["is_ours"]]
    for function in (step.cannibalisation, step.exposed_customers):
        assert "competitors" in function(experiment, alone, segments).reason
        assert isinstance(function(experiment, OFFERS.iloc[:0], segments), Missing)
        assert isinstance(function(experiment, OFFERS, segments.iloc[:0]), Missing)
    strange = OFFERS.assign(returns=["14 days", "7 days", "14 days", "100 days"])
    assert "7 days" in step.exposed_customers(experiment, strange, segments).reason


def test_no_price_is_recommended_to_who_does_not_react_to_it() -> None:
    blind = _choices({"Families": 60}, priced=False)
    best = step.best_offers(step.choice_experiment(blind, _segments(blind)), OFFERS)
    assert isinstance(best, Missing) and "price" in best.reason


def test_exposure_counts_people_and_their_margin(
    experiment: Answer, choices: pd.DataFrame, tastes: Answer
) -> None:
    segments = _segments(choices)
    values = segments[["customer_id"]].assign(expected_margin_12m=[10.0] * 200 + [-5.0] * 40)
    answer = step.exposed_customers(
        experiment, OFFERS, segments, values, currency="EUR", tastes=tastes
    )
    table, people = answer.table.set_index("segment"), answer["customers"]
    assert people["exposure"].between(0, 1).all() and people["customer_id"].is_unique
    assert set(people) == {"customer_id", "segment", "exposure", "competitor", "offer", "value_at_stake"}  # fmt: skip
    assert set(people["competitor"]) <= {"Cheap", "Posh"}
    by_segment = people.groupby("segment")
    assert table["exposed_customers"].to_dict() == pytest.approx(by_segment["exposure"].sum().to_dict())  # fmt: skip
    assert table["at_stake"].to_dict() == pytest.approx(
        by_segment["value_at_stake"].sum().to_dict()
    )
    assert (people["value_at_stake"] >= 0).all()
    assert table["low"].le(table["exposed_customers"]).all() and table["high"].le(120).all()
    better = OFFERS.assign(price=np.where(OFFERS["is_ours"], OFFERS["price"], 300.0))
    fewer = step.exposed_customers(experiment, better, segments, tastes=tastes).table
    assert fewer["exposed_customers"].sum() < table["exposed_customers"].sum()
    assert fewer["at_stake"].isna().all()


def test_memberships_mix_the_exposure_of_segments(
    experiment: Answer, choices: pd.DataFrame
) -> None:
    segments = _segments(choices)
    plain = step.exposed_customers(experiment, OFFERS, segments)["customers"]
    by_segment = plain.groupby("segment")["exposure"].first()
    half = pd.DataFrame([{"customer_id": "Families-1", "segment": s, "probability": 0.5} for s in by_segment.index])  # fmt: skip
    mixed = step.exposed_customers(experiment, OFFERS, segments, memberships=half)["customers"]
    one = mixed.set_index("customer_id").loc["Families-1", "exposure"]
    assert one == pytest.approx(by_segment.mean())


# --- importance against performance, directions on the map ----------------------------------


def _importance(levels: dict[str, dict[str, float]]) -> Answer:
    rows = [
        {"item": item, "segment": segment, "importance": value, "low": value - 0.1, "high": value + 0.1, "n": 50}
        for segment, items in levels.items() for item, value in items.items()
    ]  # fmt: skip
    return Answer(table=pd.DataFrame(rows), headline="Importance", so_what="", kind="descriptive")


def test_items_fall_into_the_right_quadrant() -> None:
    stated = _importance({"Families": {"service": 6.0, "price": 6.0, "range": 3.0, "style": 3.0}})
    answer = step.importance_performance(step.brand_differences(_brands(1.0), "Us"), stated)
    cell = answer.table.set_index(["competitor", "item"])
    assert cell.loc[("Cheap", "service"), "quadrant"] == "claim it"
    assert cell.loc[("Cheap", "price"), "quadrant"] == "mend first"
    assert cell.loc[("Posh", "style"), "quadrant"] == "let be"
    assert bool(cell.loc[("Cheap", "price"), "sure"]) and "price" in answer.headline
    assert "Nobody rated" not in answer.so_what
    new = pd.DataFrame({"brand": ["Us", "Cheap", "Newcomer"], "is_ours": [True, False, False]})
    rivalry = step.brand_differences(_brands(1.0), "Us")
    assert "Nobody rated Newcomer" in step.importance_performance(rivalry, stated, new).so_what
    other = _importance({"Families": {"parking": 6.0, "music": 3.0}})
    assert isinstance(step.importance_performance(step.brand_differences(_brands(1.0), "Us"), other), Missing)  # fmt: skip


def test_grid_and_map_are_drawn_with_any_names_and_one_competitor() -> None:
    brands = _brands(1.0).replace({"item": {"service": "<b>$service_1$</b> & 'more' " + "x" * 60}})
    one = brands[brands["brand"] != "Posh"]
    levels = {item: 3.0 + 0.5 * i for i, item in enumerate(sorted(brands["item"].unique()))}
    stated = _importance({"A $x$": levels, "B": {k: 8 - v for k, v in levels.items()}})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        grid = step.importance_performance(step.brand_differences(one, "Us"), stated)
        pictures = [figures.importance_grid(grid), figures.perceptual_map(step.perceptual_map(brands, "Us", stated))]  # fmt: skip
        assert all(len(picture.png()) > 5000 for picture in pictures)


def test_directions_that_are_there_are_found_and_others_left_out() -> None:
    rng = np.random.default_rng(2)
    places = pd.DataFrame(rng.normal(size=(8, 2)), index=[f"i{k}" for k in range(8)])
    pull = np.array([0.6, 0.8])
    levels = {
        "Up": dict(zip(places.index, 4 + places.to_numpy() @ pull, strict=True)),
        "Down": dict(zip(places.index, 5 - places.to_numpy() @ pull, strict=True)),
    }
    found = ideal_directions(places, _importance(levels).table).set_index("segment")
    assert found.loc["Up", ["axis_1", "axis_2"]].tolist() == pytest.approx(pull, abs=1e-6)
    assert found.loc["Down", "axis_2"] == pytest.approx(-0.8, abs=1e-6) and found["drawn"].all()
    assert found["fit"].tolist() == pytest.approx([1, 1])
    across = np.linalg.svd(places.to_numpy() - places.to_numpy().mean(axis=0))[0][:, -1]
    across = across - across.mean()
    flat = {"A": dict(zip(places.index, 4 + across, strict=True)), "B": dict.fromkeys(places.index, 4.0)}  # fmt: skip
    assert not ideal_directions(places, _importance(flat).table)["drawn"].any()


def test_the_map_shows_directions_and_stands_without_them() -> None:
    stated = _importance({
        "A": {"service": 6.0, "price": 3.0, "range": 4.0, "style": 4.0},
        "B": {"service": 3.0, "price": 6.0, "range": 4.0, "style": 4.0},
    })  # fmt: skip
    shown = step.perceptual_map(_brands(1.0), "Us", stated)
    assert set(shown.table.loc[shown.table["kind"] == "segment", "name"]) == {"A", "B"}
    assert "Arrows" in shown.so_what
    other = _importance({"A": {"music": 1.0}, "B": {"music": 2.0}})
    assert "Arrows" not in step.perceptual_map(_brands(1.0), "Us", other).so_what


# --- how offers are judged ------------------------------------------------------------------


def test_a_bar_on_the_median_and_the_worst_world_needs_both() -> None:
    rule = Reaches(0.95, 0.85)
    verdicts = [[0.97, 0.96, 0.90], [0.97, 0.96, 0.80], [0.97, 0.90, 0.90]]
    passed = [rule.judge([Found(ours=value) for value in values]).passed for values in verdicts]
    assert passed == [True, False, False]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.design)
def test_designs_of_choices_draw_sound_intervals(cell: Cell) -> None:
    rng = np.random.default_rng(4)
    low, high, truth = np.array([cell.draw(rng) for _ in range(25)]).T
    assert (low < high).all() and ((low <= truth) & (truth <= high)).mean() > 0.75
