"""Answers as clients deliver them: what no model can use is named and counted, the rest still answers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from playbook import proposition as step
from playbook.answer import Answer, Missing

LEVELS = {"delivery": ["slot", "standard"], "returns": ["100 days", "30 days", "14 days"]}
TASTE = {"slot": 0.7, "standard": 0.0, "100 days": 0.8, "30 days": 0.3, "14 days": 0.0}


def choices(people: int = 90, tasks: int = 8, slope: float = -0.02, seed: int = 3) -> pd.DataFrame:
    """Choices among three offers and none by people of one taste; two tasks are held out."""
    rng = np.random.default_rng(seed)
    size = (people, tasks, 4)
    drawn = {name: rng.choice(found, size) for name, found in LEVELS.items()}
    price = rng.choice([100.0, 140.0, 180.0], size)
    utility = sum(np.vectorize(TASTE.get)(drawn[name]) for name in LEVELS) + slope * price
    utility[..., 3] = slope * 140 - 0.5
    chosen = (utility + rng.gumbel(size=size)).argmax(axis=2)
    person, task, place = (grid.ravel() for grid in np.indices(size))
    none = place == 3
    frame = pd.DataFrame({name: pd.Series(values.ravel(), dtype="str").mask(none) for name, values in drawn.items()})  # fmt: skip
    frame["price"] = pd.Series(price.ravel()).mask(none)
    return frame.assign(
        respondent_id=[f"R{i:03}" for i in person], customer_id=[f"C{i:03}" for i in person], task=task,
        alternative=place + 1, is_none=none, chosen=chosen[person, task] == place, is_holdout=task >= tasks - 2,
    )  # fmt: skip


def segments(frame: pd.DataFrame) -> pd.DataFrame:
    ids = frame["customer_id"].drop_duplicates()
    return pd.DataFrame({"customer_id": ids, "segment": np.where(ids.str[-1].astype(int) < 5, "A", "B")})  # fmt: skip


def read(frame: pd.DataFrame) -> Answer:
    answer = step.choice_experiment(frame, segments(frame))
    assert isinstance(answer, Answer), answer
    return answer


def found(answer: Answer) -> dict[str, int]:
    table = step.choice_quality(answer).table
    return dict(zip(table["finding"], table["count"], strict=True))


@pytest.fixture(scope="module")
def clean() -> pd.DataFrame:
    return choices()


@pytest.fixture(scope="module")
def plain(clean: pd.DataFrame) -> Answer:
    return read(clean)


def params(answer: Answer) -> pd.Series:
    return answer["experiment"].everybody.params


def test_clean_answers_have_no_findings(plain: Answer) -> None:
    assert found(plain) == {"respondents whose answers count": 90}
    assert "No task had to be left out" in step.choice_quality(plain).so_what


def test_the_models_stand_beside_counting_and_chance(plain: Answer) -> None:
    table = plain.table.set_index("model")
    assert {"counting levels", "chance", "one model for everybody", "hidden classes"} < set(table.index)  # fmt: skip
    ours = table.loc["segments, partly pooled", "log_likelihood_per_task"]
    assert ours > table.loc["counting levels", "log_likelihood_per_task"]
    assert table.loc["chance", "log_likelihood_per_task"] == pytest.approx(-np.log(4))
    assert "counting levels" in plain.so_what


def test_tasks_that_are_not_choices_are_left_out_and_counted(clean: pd.DataFrame, plain: Answer) -> None:  # fmt: skip
    frame = clean.copy()
    at = frame["task"]
    first = frame["respondent_id"].isin([f"R{i:03}" for i in range(4)]) & (at == 0)
    second = frame["respondent_id"].isin([f"R{i:03}" for i in range(4, 7)]) & (at == 1)
    frame.loc[first, "chosen"] = False
    frame.loc[second, "chosen"] = frame.loc[second, "alternative"] <= 2
    alone = (frame["respondent_id"] == "R010") & (at == 2) & ~frame["chosen"]
    twice = frame[(frame["respondent_id"] == "R011") & (at == 3)].assign(price=100.0)
    unknown = (frame["respondent_id"] == "R012") & (at == 4) & (frame["alternative"] == 1)
    frame.loc[unknown, "delivery"] = None
    frame = pd.concat([frame[~alone], twice, frame.tail(8)], ignore_index=True)
    answer = read(frame)
    notes = found(answer)
    assert notes["tasks without a choice"] == 4
    assert notes["tasks with two choices or more"] == 3
    assert notes["tasks with one alternative only"] == 1
    assert notes["tasks that hold one alternative twice"] == 1  # the whole copies at the end are dropped  # fmt: skip
    assert notes["tasks with an offer of which an attribute is not known"] == 1
    experiment = answer["experiment"]
    assert experiment.everybody.nobs == plain["experiment"].everybody.nobs - 10
    assert np.allclose(params(answer), params(plain), atol=3 * plain["experiment"].everybody.bse.max())  # fmt: skip


def test_a_level_never_chosen_is_taken_out_and_the_rest_is_not_bent(clean: pd.DataFrame) -> None:
    frame = clean.copy()
    lost = ~frame["is_none"] & ~frame["chosen"] & (frame["alternative"] == 2)
    frame.loc[lost & (frame.index % 3 == 0), "returns"] = "no returns"
    answer = read(frame)
    notes = " ".join(found(answer))
    assert "no returns returns: never chosen when shown" in notes
    assert "no returns" not in answer["experiment"].coding.levels["returns"]
    assert "offers of held-out tasks with a level that has no part-worth" in notes
    assert "none of the offers" not in notes and answer["experiment"].coding.none is not None
    assert answer.table.set_index("model").loc["chance", "hit_rate"] > 0.25  # fewer offers a task
    gap = params(answer)["price"]
    assert abs(gap + 0.02) < 4 * answer["experiment"].everybody.bse["price"]


def test_a_level_always_chosen_is_taken_out(clean: pd.DataFrame) -> None:
    frame = clean.copy()
    frame.loc[frame["chosen"] & ~frame["is_none"] & (frame["task"] < 2), "delivery"] = "today"
    answer = read(frame)
    assert "today delivery: always chosen when shown" in " ".join(found(answer))
    assert set(answer["experiment"].coding.levels["delivery"]) == {"slot", "standard"}


def test_an_attribute_that_decides_everything_is_left_out_and_said(clean: pd.DataFrame) -> None:
    offers = clean[~clean["is_none"]].copy()
    rng = np.random.default_rng(1)
    offers["price"] = rng.permuted(np.tile([100.0, 140.0, 180.0], (len(offers) // 3, 1)), axis=1).ravel()  # fmt: skip
    cheapest = offers.groupby(["respondent_id", "task"])["price"].transform("min")
    answer = read(offers.assign(chosen=offers["price"] == cheapest))
    assert "attribute price left out: it decides the choices without exception" in " ".join(found(answer))  # fmt: skip
    assert isinstance(step.willingness_to_pay(answer), Missing)


def test_attributes_that_cannot_be_told_apart_are_named(clean: pd.DataFrame, plain: Answer) -> None:
    twin = clean.assign(parcel=clean["delivery"].map({"slot": "big", "standard": "small"}))
    answer = read(twin.assign(country=np.where(twin["respondent_id"] < "R040", "SE", "DE")))
    notes = found(answer)
    assert "attribute parcel left out: it always changes together with delivery" in notes
    assert any(n.startswith("attribute country left out: it does not differ") for n in notes)
    pd.testing.assert_series_equal(params(answer), params(plain))


def test_respondents_who_never_choose_are_counted_with_their_effect(clean: pd.DataFrame) -> None:
    frame = clean.copy()
    never = frame["respondent_id"] < "R012"
    first = frame["respondent_id"].between("R012", "R019")
    frame.loc[never, "chosen"] = frame.loc[never, "is_none"]
    frame.loc[first, "chosen"] = frame.loc[first, "alternative"] == 1
    answer = read(frame)
    quality = step.choice_quality(answer)
    table = quality.table.set_index("finding")
    assert table.loc["always none, in every task", "count"] == 12
    assert table.loc["always offer 1, in every task", "count"] == 8
    assert table.loc["always none, in every task", "share"] == pytest.approx(12 / 90)
    # without those who always choose none, none is worth less: by more than two errors
    assert table.loc["always none, in every task", "largest_shift"] > 2
    assert "report both" in quality.so_what
    assert answer["experiment"].everybody.n_respondents == 90  # they are kept


def test_a_segment_that_likes_high_prices_is_named_and_refused() -> None:
    frame = choices(people=160)
    odd = choices(people=160, slope=0.02)
    mine = frame["customer_id"].str[-1].astype(int) < 5
    mixed = pd.concat([odd[mine], frame[~mine]], ignore_index=True)
    answer = read(mixed)
    check = step.price_check(answer)
    assert list(check["rising"]) == ["A"] and "A (" in check.so_what
    assert (check.table.loc[check.table["segment"] == "B", "change"] < 0).all()
    worth = step.willingness_to_pay(answer)
    assert worth.table["segment"].unique().tolist() == ["B"]
    assert "Refused for A" in worth.so_what
    offers = pd.DataFrame({"offer_id": ["A1", "X"], "brand": ["Us", "Them"], "is_ours": [True, False], "price": [140.0, 120.0],
                           "unit_cost": [80.0, np.nan], "delivery": ["slot", "standard"], "returns": ["30 days", "14 days"]})  # fmt: skip
    best = step.best_offers(answer, offers)
    price = step.margin_price(best, answer, offers).table.set_index("segment")
    assert price.loc["A", "verdict"].startswith("refused") and np.isnan(price.loc["A", "best_price"])  # fmt: skip
    assert price.loc["B", "best_price"] > 80


def test_prices_that_deter_are_not_said_to_rise(plain: Answer) -> None:
    check = step.price_check(plain)
    assert check["rising"] == {} and not (check.table["verdict"] == "rises").any()
    everybody = check.table[check.table["segment"] == "everybody"]
    assert everybody["step"].tolist() == ["100 to 140", "140 to 180"]
    assert (everybody["change"] - 40 * -0.02).abs().max() < 0.35


def test_twelve_respondents_get_a_count_and_no_model() -> None:
    few = choices(people=12)
    answer = step.choice_experiment(few, segments(few))
    assert isinstance(answer, Missing)
    assert "12 respondents, 30 needed" in answer.reason and "by counting only" in answer.reason
    assert isinstance(step.benefits(answer), Missing)


def test_nobody_chooses_anything(clean: pd.DataFrame) -> None:
    nothing = step.choice_experiment(clean.assign(chosen=clean["is_none"]), segments(clean))
    assert isinstance(nothing, Missing) and "every respondent chose none" in nothing.reason
    unanswered = step.choice_experiment(clean.assign(chosen=False), segments(clean))
    assert isinstance(unanswered, Missing) and "tasks without a choice" in unanswered.reason


def test_none_that_nobody_chooses_is_taken_out(clean: pd.DataFrame) -> None:
    frame = clean.copy()
    none = frame[frame["is_none"] & frame["chosen"]].set_index(["respondent_id", "task"]).index
    took = frame.set_index(["respondent_id", "task"]).index.isin(none)
    frame.loc[took, "chosen"] = frame.loc[took, "alternative"] == 2
    answer = read(frame)
    assert "none of the offers: never chosen; taken out" in found(answer)
    assert answer["experiment"].coding.none is None


def test_an_attribute_mostly_unknown_is_left_out(clean: pd.DataFrame, plain: Answer) -> None:
    answer = read(clean.assign(warranty=np.where(clean.index % 2, None, "long")))
    assert "warranty" not in answer["experiment"].coding.attributes
    holes = clean.assign(returns=clean["returns"].where(clean.index % 3 > 0))
    assert any("attribute returns left out: not known" in note for note in found(read(holes)))


def test_unusable_tasks_of_earlier_years_do_no_harm(clean: pd.DataFrame, plain: Answer) -> None:
    earlier = choices(people=10, seed=9)
    earlier = earlier.assign(respondent_id="old" + earlier["respondent_id"])
    bad = earlier["respondent_id"] == "oldR003"
    earlier.loc[bad, "chosen"] = False
    both = pd.concat([clean, earlier], ignore_index=True)
    tastes = step.individual_tastes(plain, segments(clean), both)
    assert isinstance(tastes, Answer)
    assert "oldR003" not in set(tastes["people"].index)
