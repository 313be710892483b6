from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from statsmodels.discrete.conditional_models import ConditionalLogit

from playbook import choice
from playbook.bench_choice import _judged
from playbook.validation.choice import greene, rows

ATTRIBUTES = ["brand", "service", "price"]
SEGMENTS = [
    (0.6, {"A": 0.8, "B": -0.2, "C": -0.6, "fast": 0.3, "slow": -0.3}, -0.05, -1.5),
    (0.4, {"A": -0.5, "B": 0.7, "C": -0.2, "fast": 1.2, "slow": -1.2}, -0.02, -0.5),
]


def survey(seed: int, people: int = 200, tasks: int = 10, segments=SEGMENTS) -> pd.DataFrame:
    """Choices among three offers and none; each person has the part-worths of a segment."""
    rng = np.random.default_rng(seed)
    size = (people, tasks, 4)
    who = np.repeat(np.arange(len(segments)), [round(people * s[0]) for s in segments])
    brand, service = rng.choice(list("ABC"), size), rng.choice(["fast", "slow"], size)
    price = rng.choice([20.0, 30, 40, 50], size)
    utility = np.empty(size)
    for number, (_, worth, slope, none) in enumerate(segments):
        mine = who == number
        levels = np.vectorize(worth.get)
        utility[mine] = levels(brand[mine]) + levels(service[mine]) + slope * price[mine]
        utility[mine, :, 3] = none
    chosen = (utility + rng.gumbel(size=size)).argmax(axis=2)
    person, task, alternative = (grid.ravel() for grid in np.indices(size))
    is_none = alternative == 3
    return pd.DataFrame(
        {
            "respondent_id": [f"r{i:04d}" for i in person],
            "task": task,
            "alternative": alternative,
            "brand": pd.Series(brand.ravel()).mask(is_none),
            "service": pd.Series(service.ravel()).mask(is_none),
            "price": pd.Series(price.ravel()).mask(is_none),
            "is_none": is_none,
            "chosen": chosen[person, task] == alternative,
            "segment": who[person],
        }
    )


OFFERS = pd.DataFrame(
    {
        "offer_id": ["ours", "theirs", "nothing"],
        "brand": ["A", "B", None],
        "service": ["fast", "slow", None],
        "price": [30.0, 20, np.nan],
        "is_none": [False, False, True],
    }
)


@pytest.fixture(scope="module")
def study():
    frame = survey(1)
    coding = choice.effects_code(frame, ATTRIBUTES, none="is_none")
    table, model = choice.choose_classes(frame, coding.matrix(frame), (1, 2, 3))
    return frame, coding, table, model


def test_published_logits():
    assert [check.id for check in rows() if not check.ok] == []


def test_published_standard_errors():
    errors = greene().bse
    assert errors["gc"] == pytest.approx(0.004408, abs=5e-6)
    assert errors["ttme"] == pytest.approx(0.010440, abs=5e-6)


def test_results_speak_the_language_of_statsmodels(study):
    frame, coding, _, model = study
    fit = choice.conditional_logit(frame, coding.matrix(frame))
    table = fit.summary()
    assert fit.tvalues.equals(table["z"]) and fit.pvalues.equals(table["p_value"])
    assert fit.cov_params().equals(fit.cov)
    assert fit.bic - fit.aic == pytest.approx(len(fit.params) * (np.log(200) - 2))
    classes = model.summary()
    assert classes.loc[(1, "price"), "coefficient"] == model.params.loc["price", 1]
    assert classes.loc[(2, "share"), "se"] == pytest.approx(model.shares_se[2])
    assert model.conf_int().loc[(1, "price"), "low"] < model.params.loc["price", 1]


def test_the_same_maximum_as_statsmodels():
    frame = survey(11, people=50)
    design = choice.dummy_code(frame, ATTRIBUTES, none="is_none").matrix(frame)
    ours = choice.conditional_logit(frame, design, clustered=False)
    groups = frame.groupby(["respondent_id", "task"]).ngroup().to_numpy()
    theirs = ConditionalLogit(frame["chosen"].to_numpy(int), design.to_numpy(), groups=groups).fit(disp=0)  # fmt: skip
    assert ours.llf == pytest.approx(theirs.llf, rel=1e-7)
    assert ours.params.tolist() == pytest.approx(theirs.params.tolist(), abs=1e-3)
    assert ours.bse.tolist() == pytest.approx(theirs.bse.tolist(), rel=1e-2)


def test_tasks_of_different_width_are_one_likelihood():
    frame = survey(12, people=60)
    dropped = (frame["task"] % 3 == 0) & (frame["alternative"] == 1) & ~frame["chosen"]
    mixed = frame[~dropped]
    coding = choice.effects_code(mixed, ATTRIBUTES, none="is_none")
    design = coding.matrix(mixed)
    fit = choice.conditional_logit(mixed, design, clustered=False)
    utility = np.exp(design @ fit.params)
    total = utility.groupby([mixed["respondent_id"], mixed["task"]]).transform("sum")
    assert fit.llf == pytest.approx(np.log(utility / total)[mixed["chosen"]].sum())
    share = choice.choice_probabilities(fit, mixed, design)
    assert np.allclose(share, utility / total)
    residual = design.mul(mixed["chosen"] - share, axis=0).sum()  # first-order condition
    assert np.abs(residual).max() < 1e-6


def test_the_bench_judges_speed_and_likelihood():
    both = {"ours": 0.1, "theirs": 20.0, "llf": -100.0, "llf_theirs": -100.00001}
    good = _judged(10, 5, 5, {"seconds": 1.0}, both, {"seconds": 9.0, "converged": True})
    assert all(row["ok"] for row in good)
    slow = both | {"theirs": 5.0, "llf": -101.0}
    bad = _judged(10, 5, 5, {"seconds": 9.0}, slow, {"seconds": 9.0, "converged": False})
    assert [row["id"] for row in bad if row["ok"]] == ["statsmodels-logit-5"]


@pytest.mark.real_data
def test_mode_canada(real_data):
    checks = rows(real_data)
    assert any(check.id.startswith("logit.canada") for check in checks)
    assert [check.id for check in checks if not check.ok] == []


def test_effects_sum_to_zero_and_none_is_apart():
    frame = pd.DataFrame({"brand": ["A", "B", "C", None], "is_none": [False] * 3 + [True]})
    coding = choice.effects_code(frame, ["brand"], {"brand": "C"}, none="is_none")
    design = coding.matrix(frame)
    assert list(design) == ["brand: A", "brand: B", "none"]
    assert design.to_numpy().tolist() == [[1, 0, 0], [0, 1, 0], [-1, -1, 0], [0, 0, 1]]
    dummy = choice.dummy_code(frame, ["brand"], {"brand": "C"}, none="is_none").matrix(frame)
    assert dummy.iloc[2].tolist() == [0, 0, 0]


def test_coding_names_unknown_levels_and_missing_numbers():
    frame = survey(0, people=10, tasks=2)
    coding = choice.effects_code(frame, ATTRIBUTES, none="is_none")
    with pytest.raises(ValueError, match=r"brand: 1 rows hold \['D'\]"):
        coding.matrix(OFFERS.assign(brand=["A", "D", None]))
    with pytest.raises(ValueError, match="price: 1 rows hold"):
        coding.matrix(OFFERS.assign(price=[30, np.nan, np.nan]))
    with pytest.raises(ValueError, match="at least 2 levels"):
        choice.effects_code(frame.assign(brand="A"), ["brand"])


def test_log_likelihood_of_two_alternatives_by_hand():
    frame = pd.DataFrame(
        {
            "respondent_id": np.repeat(["a", "b", "c", "d"], 2),
            "task": 1,
            "alternative": [1, 2] * 4,
            "chosen": [True, False] * 3 + [False, True],
        }
    )
    design = pd.DataFrame({"first": [1.0, 0] * 4})
    ours = choice.conditional_logit(frame, design)
    assert ours.params["first"] == pytest.approx(np.log(3))  # three of four chose the first
    assert ours.llf == pytest.approx(3 * np.log(0.75) + np.log(0.25))
    assert ours.llnull == pytest.approx(4 * np.log(0.5))


def test_dummy_and_effects_coding_are_the_same_model_in_any_row_order():
    frame = survey(2, people=60)
    effects = choice.effects_code(frame, ATTRIBUTES, none="is_none")
    dummy = choice.dummy_code(frame, ATTRIBUTES, none="is_none")
    first = choice.conditional_logit(frame, effects.matrix(frame))
    second = choice.conditional_logit(frame, dummy.matrix(frame))
    assert first.llf == pytest.approx(second.llf)
    pay = [
        choice.willingness_to_pay(fit, coding=coding, draws=200)["value"].tolist()
        for fit, coding in ((first, effects), (second, dummy))
    ]
    assert pay[0] == pytest.approx(pay[1], rel=1e-5)
    shuffled = frame.sample(frac=1, random_state=0)
    again = choice.conditional_logit(shuffled, effects.matrix(shuffled))
    assert again.params.equals(first.params)
    assert again.cov.equals(first.cov)


def test_whole_weights_count_as_repeated_tasks():
    frame = survey(3, people=40).assign(weight=1.0)
    again = frame.assign(respondent_id=frame["respondent_id"] + "x")
    coding = choice.effects_code(frame, ATTRIBUTES, none="is_none")
    both = pd.concat([frame, again], ignore_index=True)
    doubled = choice.conditional_logit(both, coding.matrix(both), clustered=False)
    frame["weight"] = 2.0
    ours = choice.conditional_logit(frame, coding.matrix(frame), "weight", clustered=False)
    assert ours.params.tolist() == pytest.approx(doubled.params.tolist())
    assert ours.bse.tolist() == pytest.approx(doubled.bse.tolist())


def test_clustered_errors_grow_when_people_differ():
    frame = survey(4)
    design = choice.effects_code(frame, ATTRIBUTES, none="is_none").matrix(frame)
    clustered = choice.conditional_logit(frame, design)
    plain = choice.conditional_logit(frame, design, clustered=False)
    assert clustered.bse["service: slow"] > 1.1 * plain.bse["service: slow"]


def test_intervals_cover_the_truth():
    one = [(1.0, SEGMENTS[0][1], -0.05, -1.5)]
    inside = []
    for seed in range(60):
        frame = survey(seed, people=60, tasks=6, segments=one)
        design = choice.effects_code(frame, ATTRIBUTES, none="is_none").matrix(frame)
        ends = choice.conditional_logit(frame, design).conf_int()
        inside += [ends.loc["price", "low"] <= -0.05 <= ends.loc["price", "high"]]
        inside += [ends.loc["brand: B", "low"] <= -0.2 <= ends.loc["brand: B", "high"]]
    assert 0.88 <= np.mean(inside) <= 0.99


def test_bad_choices_are_named():
    frame = survey(5, people=20, tasks=2).reset_index(drop=True)
    design = choice.effects_code(frame, ATTRIBUTES, none="is_none").matrix(frame)
    with pytest.raises(ValueError, match="40 tasks do not have exactly one choice"):
        choice.conditional_logit(frame.assign(chosen=False), design)
    with pytest.raises(ValueError, match="never differ between the alternatives"):
        choice.conditional_logit(frame, design.assign(age=frame["task"]))
    with pytest.raises(ValueError, match="repeat each other"):
        choice.conditional_logit(frame, design.assign(twice=2 * design["price"]))
    with pytest.raises(ValueError, match="separate the choices"):
        choice.conditional_logit(frame, design.assign(told=frame["chosen"].astype(float)))
    with pytest.raises(ValueError, match="there twice"):
        choice.conditional_logit(frame.assign(alternative=1), design)
    with pytest.raises(ValueError, match="no column"):
        choice.conditional_logit(frame.drop(columns="task"), design)


def test_planted_segments_are_found(study):
    frame, _, table, model = study
    assert table.loc[table["chosen"], "classes"].tolist() == [2]
    truth = frame.groupby("respondent_id")["segment"].first()
    assert (model.posterior.idxmax(axis=1) == truth + 1).mean() > 0.85
    planted = {"brand: B": (-0.2, 0.7), "brand: C": (-0.6, -0.2), "service: slow": (-0.3, -1.2)}
    planted |= {"price": (-0.05, -0.02), "none": (-1.5, -0.5)}
    for column, values in planted.items():
        off = (model.params.loc[column] - np.array(values)) / model.bse.loc[column]
        assert np.abs(off).max() < 3.5, column
    assert model.shares.loc[1] == pytest.approx(0.6, abs=3 * model.shares_se.loc[1])


def test_one_class_where_all_are_alike():
    frame = survey(6, segments=[(1.0, *SEGMENTS[0][1:])])
    design = choice.effects_code(frame, ATTRIBUTES, none="is_none").matrix(frame)
    table, model = choice.choose_classes(frame, design, (1, 2))
    assert table.loc[table["chosen"], "classes"].tolist() == [1]
    plain = choice.conditional_logit(frame, design)
    assert model.params[1].tolist() == pytest.approx(plain.params.tolist(), rel=0.02)


def test_latent_classes_do_not_depend_on_row_order():
    frame = survey(7, people=80, tasks=6)
    coding = choice.effects_code(frame, ATTRIBUTES, none="is_none")
    shuffled = frame.sample(frac=1, random_state=2)
    first = choice.latent_class_logit(frame, coding.matrix(frame), 2, starts=2)
    again = choice.latent_class_logit(shuffled, coding.matrix(shuffled), 2, starts=2)
    assert first.individual.equals(again.individual)
    assert np.allclose(first.posterior.sum(axis=1), 1)
    with pytest.raises(ValueError, match="at least 10 respondents each"):
        choice.latent_class_logit(frame, coding.matrix(frame), 9)


def test_importance_sums_to_one_within_segments(study):
    _, coding, _, model = study
    ours = choice.attribute_importance(model, coding, draws=300)
    assert ours.groupby("segment")["importance"].sum().tolist() == pytest.approx([1, 1, 1])
    assert ((ours["low"] <= ours["importance"]) & (ours["importance"] <= ours["high"])).all()
    second = ours[ours["segment"] == "2"].set_index("attribute")["importance"]
    assert second.idxmax() == "service"


def test_willingness_to_pay_recovers_the_truth(study):
    _, coding, _, model = study
    pay = choice.willingness_to_pay(model.class_result(1), coding=coding)
    pay = pay.set_index("level").loc["slow instead of fast"]
    assert pay["low"] < -0.6 / 0.05 < pay["high"]
    assert pay["low"] < pay["value"] < pay["high"]


def test_willingness_to_pay_is_refused_without_a_price_effect():
    no_price = [(1.0, SEGMENTS[0][1], 0.0, -1.5)]
    frame = survey(8, people=60, segments=no_price)
    coding = choice.effects_code(frame, ATTRIBUTES, none="is_none")
    fit = choice.conditional_logit(frame, coding.matrix(frame))
    with pytest.raises(ValueError, match="willingness to pay is not defined"):
        choice.willingness_to_pay(fit, coding=coding)


def test_preference_shares_are_near_the_truth(study):
    _, coding, _, model = study
    ours = choice.preference_shares(model, OFFERS, coding).set_index("offer_id")
    truth = np.zeros(3)
    for size, worth, slope, none in SEGMENTS:
        utility = [worth["A"] + worth["fast"] + 30 * slope, worth["B"] + worth["slow"] + 20 * slope]
        weight = np.exp([*utility, none])
        truth += size * weight / weight.sum()
    truth = pd.Series(truth, index=["ours", "theirs", "nothing"])
    assert ours["share"].sum() == pytest.approx(1)
    assert np.abs(ours["share"] - truth).max() < 0.06
    assert (ours["low"] < ours["share"]).all() and (ours["share"] < ours["high"]).all()
    alone = choice.preference_shares(model.individual, OFFERS, coding).set_index("offer_id")
    assert np.abs(alone["share"] - ours["share"]).max() < 0.03
    assert alone["low"].isna().all()


def test_a_new_offer_takes_most_from_its_like(study):
    _, coding, _, model = study
    extra = OFFERS.iloc[[1]].assign(offer_id="copy")
    before = choice.preference_shares(model, OFFERS, coding).set_index("offer_id")["share"]
    after = choice.preference_shares(model, pd.concat([OFFERS, extra]), coding)
    kept = after.set_index("offer_id")["share"].reindex(before.index) / before
    assert kept["theirs"] < kept["ours"]


def test_first_choice_extrapolation_and_segments(study):
    frame, coding, _, model = study
    people = pd.Index(frame.loc[frame["segment"] == 1, "respondent_id"].unique())
    first = choice.preference_shares(model.individual, OFFERS, coding, "first", people=people)
    assert set(first["share"]) <= set(np.arange(len(people) + 1) / len(people))
    dear = OFFERS.assign(price=[90, 20, np.nan])
    ours = choice.preference_shares(model, dear, coding, people=people).set_index("offer_id")
    assert ours["extrapolated"].to_dict() == {"ours": True, "theirs": False, "nothing": False}
    assert ours["n"].iloc[0] == len(people)


def test_calibrated_shares_equal_the_actual_ones(study):
    _, coding, _, model = study
    actual = pd.Series({"ours": 0.5, "theirs": 0.3, "nothing": 0.2})
    offsets = choice.calibrate_offsets(model, OFFERS, coding, actual)
    ours = choice.preference_shares(model, OFFERS, coding, offsets=offsets).set_index("offer_id")
    assert np.abs(ours["share"] - actual).max() < 1e-6
    with pytest.raises(ValueError, match="positive actual share"):
        choice.calibrate_offsets(model, OFFERS, coding, actual.drop("ours"))


def test_holdout_ranks_the_models():
    frame = survey(9, people=150)
    coding = choice.effects_code(frame, ATTRIBUTES, none="is_none")
    design = coding.matrix(frame)
    held = frame["task"] >= 8
    train, test = frame[~held], frame[held]
    classes = choice.latent_class_logit(train, design[~held], 2, starts=2)
    plain = choice.conditional_logit(train, design[~held])
    predictions = {
        "latent class": choice.choice_probabilities(classes, test, design[held]),
        "logit": choice.choice_probabilities(plain, test, design[held]),
        "counts": choice.counts_model(train, test, ATTRIBUTES, none="is_none"),
    }
    ours = choice.evaluate_holdout(test, predictions).set_index("model")
    assert ours.loc["chance", "hit_rate"] == pytest.approx(0.25)
    assert ours.loc["latent class", "log_likelihood"] > ours.loc["logit", "log_likelihood"]
    assert ours.loc["logit", "log_likelihood"] > ours.loc["chance", "log_likelihood"]
    assert ours.loc["counts", "low"] > 0.25
    sums = predictions["counts"].groupby([test["respondent_id"], test["task"]]).sum()
    assert np.allclose(sums, 1)
    back = choice.choice_probabilities(plain, test.iloc[::-1], design[held].iloc[::-1])
    assert back.sort_index().equals(predictions["logit"])
