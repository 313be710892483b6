"""Strategic segments: the latent class model finds what is planted, places who did not answer, and stays itself."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.metrics import adjusted_rand_score
from test_segmentation import ATTITUDES, clients, mix_of

from playbook import segmentation as sg
from playbook.answer import Answer, Missing
from playbook.engagement.model import Costs, Plan, StrategyRule
from playbook.figures import strategy_cards
from playbook.segmentation import candidates, solution
from playbook.segmentation.frozen import ANSWERED, memberships, wide_memberships
from playbook.segmentation.latent_class import Evidence, fit_latent_class, one_class, same_customer
from playbook.segmentation.needs import fit_coding, fit_levels, needs_of, respondents
from playbook.segmentation.portfolio import first_rule
from playbook.segmentation.strategy import FACTS
from playbook.truth.study import Study

HABITS = ["customer_id", "habit", "way", "amount"]
STOUFFER_TOBY = [42, 23, 6, 25, 6, 24, 7, 38, 1, 4, 1, 6, 2, 9, 2, 20]


def panel(n: int = 900, told: float = 0.4, seed: int = 3) -> dict:
    """Three kinds of people with needs of their own, of whom a part answered; channels follow the needs."""
    rng = np.random.default_rng(seed)
    customers = sg.add_contribution(clients(n), Costs(cost_per_ticket=5.0))
    kind = rng.integers(0, 3, n)
    customers["age"] = 30.0 + 15 * kind + rng.normal(0, 5, n)
    ids = customers["customer_id"].to_numpy()
    answered = np.flatnonzero(rng.random(n) < told)
    rows = []
    for j, need in enumerate(("price", "style", "service")):
        value = np.clip(
            np.rint(4 + 2 * (kind[answered] == j) + rng.normal(0, 0.8, len(answered))), 1, 7
        )
        rows.append(
            pd.DataFrame(
                {
                    "customer_id": ids[answered],
                    "kind": "importance",
                    "construct": need,
                    "value": value,
                }
            )
        )
    attitudes = pd.concat(rows, ignore_index=True).assign(
        answered_at=pd.Timestamp("2025-10-01"), scale_min=1, scale_max=7
    )
    ways = np.array(["App", "Web", "Store"])
    way = np.where(rng.random(n) < 0.8, ways[kind], rng.choice(ways, n))
    habits = pd.DataFrame(
        {
            "customer_id": ids,
            "habit": "channel",
            "way": way,
            "amount": customers["orders"].astype(float),
        }
    )
    habits = habits[habits["amount"] > 0]
    return {"customers": customers, "mix": mix_of(customers), "habits": habits, "attitudes": attitudes[ATTITUDES],
            "kind": pd.Series(kind, ids)}  # fmt: skip


def chosen(data: dict, **more: object) -> Answer:
    found = sg.choose_segments(
        data["customers"], data["mix"], habits=data["habits"], attitudes=data["attitudes"], seed=1, **more
    )  # fmt: skip
    assert isinstance(found, Answer)
    return found


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Few resamples and numbers of segments: what is tested here does not rest on them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solution, "NUMBERS", range(3, 5))
        patch.setattr(candidates, "RESAMPLES", 3)
        patch.setattr(candidates, "CLASS_RESAMPLES", 4)
        yield


@pytest.fixture(scope="module")
def solved(quick: None) -> dict:
    data = panel()
    return data | {"solution": chosen(data)}


@pytest.mark.parametrize(("k", "loglik"), [(1, -543.6498), (2, -504.4677)])
def test_the_published_likelihood_of_role_conflict_is_reached(k: int, loglik: float) -> None:
    """Stouffer & Toby (1951), four questions to 216 students; Goodman (1974), R package poLCA."""
    patterns = np.array(list(itertools.product([1, 0], repeat=4)))
    answers = np.repeat(patterns, STOUFFER_TOBY, axis=0)
    counts = [np.column_stack([column, 1 - column]).astype(float) for column in answers.T]
    evidence = Evidence.of(np.empty((216, 0)), np.empty((216, 0)), counts)
    rows = np.arange(216)
    starts = [(rows, np.random.default_rng(i).integers(0, k, 216)) for i in range(6)]
    found = fit_latent_class(evidence, starts, k, tolerance=1e-10, prior=0.0)
    assert found.loglik == pytest.approx(loglik, abs=0.001)
    assert found.parameters == 5 * k - 1


def test_what_is_not_known_does_not_count() -> None:
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, 2000)
    values = rng.normal(3.0 * kind[:, None], 1.0, (2000, 2))
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    values[rng.random(values.shape) < 0.4] = np.nan
    evidence = Evidence.of(values, np.ones_like(values), [])
    full = np.flatnonzero(np.isfinite(values).all(axis=1))
    found = fit_latent_class(evidence, [(full, (values[full, 0] > 0).astype(int))], 2)
    posterior = found.posterior(evidence)
    nothing = ~np.isfinite(values).any(axis=1)
    assert adjusted_rand_score(kind[full], posterior[full].argmax(axis=1)) > 0.75
    assert np.allclose(posterior[nothing], found.sizes, atol=0.02)
    assert found.sizes == pytest.approx([0.5, 0.5], abs=0.05)


def test_shuffled_figures_hold_no_classes() -> None:
    data = panel(told=1.0)
    coding = fit_coding(data["customers"], data["habits"], data["attitudes"])
    from playbook.segmentation.needs import evidence_of

    evidence, _ = evidence_of(data["customers"], data["habits"], data["attitudes"], coding)
    mixed = evidence.apart(np.random.default_rng(0))
    assert np.allclose(mixed.statistics.sum(axis=0), evidence.statistics.sum(axis=0))
    rows = np.arange(len(mixed.statistics))
    starts = [(rows, np.random.default_rng(i).integers(0, 3, len(rows))) for i in range(4)]
    gains = [fit_latent_class(e, starts, 3).loglik - one_class(e).loglik for e in (evidence, mixed)]
    assert gains[1] < 0.4 * gains[0]


def test_orders_of_one_customer_tell_less_than_those_of_many() -> None:
    assert same_customer(np.tile([5.0, 5.0], (50, 1))) == 0.0
    assert same_customer(np.array([[8.0, 0.0], [0.0, 8.0]] * 20)) == pytest.approx(1.0)
    rng = np.random.default_rng(1)
    drawn = rng.beta(2, 2, 4000)  # correlation of two draws: 1 / (2 + 2 + 1)
    hits = rng.binomial(6, drawn).astype(float)
    assert same_customer(np.column_stack([hits, 6 - hits])) == pytest.approx(0.2, abs=0.02)


def test_needs_make_the_segments_and_place_who_did_not_answer(solved: dict) -> None:
    found = solved["solution"]
    assert found["method"] == "latent class"
    assert found.table.loc[found.table["chosen"], "candidate"].tolist() == ["Latent class, 3"]
    named = found["segments"].set_index("customer_id")["segment"]
    told = respondents(needs_of(solved["customers"], solved["attitudes"]))
    buyers = solved["customers"].query("orders > 0")["customer_id"].sort_values().to_numpy()
    for part, least in ((buyers[told], 0.8), (buyers[~told], 0.5)):
        assert adjusted_rand_score(solved["kind"][part], named[part]) > least
    assert {name.partition("-minded")[0] for name in named.unique() if "minded" in name} == {
        "Price",
        "Style",
        "Service",
    }
    assert "treat them as groups of their own" in found.so_what


def test_memberships_are_probabilities_and_agree_with_the_named_segment(solved: dict) -> None:
    chances = solved["solution"]["memberships"]
    assert np.allclose(chances.groupby("customer_id")["probability"].sum(), 1.0)
    assert set(chances["customer_id"]) == set(solved["customers"]["customer_id"])
    first = chances.drop_duplicates("customer_id").set_index("customer_id")["segment"]
    named = solved["solution"]["segments"].set_index("customer_id")["segment"]
    assert (first.loc[named.index] == named).all()
    sure = chances.groupby("known_from")["probability"].max()
    means = chances.drop_duplicates("customer_id").groupby("known_from")["probability"].mean()
    assert means[ANSWERED] > means["purchases"]
    assert (sure <= 1 + 1e-12).all()


def test_the_order_of_rows_changes_nothing(solved: dict, quick: None) -> None:
    rng = np.random.default_rng(5)
    mixed = {
        k: v.iloc[rng.permutation(len(v))] for k, v in solved.items() if isinstance(v, pd.DataFrame)
    }
    again = chosen(mixed)
    pd.testing.assert_frame_equal(again["segments"], solved["solution"]["segments"])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 7), st.integers(0, 40))
def test_under_a_frozen_model_a_new_customer_moves_nobody(
    seed: int, answer: int, orders: int
) -> None:
    data = DATA
    model, customers = data["solution"]["model"], data["customers"]
    before = sg.assign_segments(customers, data["mix"], model, data["habits"], data["attitudes"])
    pd.testing.assert_frame_equal(before, data["solution"]["segments"])
    new = customers.iloc[[seed % len(customers)]].assign(customer_id="zz", orders=orders)
    asked = data["attitudes"].head(3).assign(customer_id="zz", value=float(answer))
    ways = pd.DataFrame([["zz", "channel", "A channel nobody used", 1.0 + orders]], columns=HABITS)
    after = sg.assign_segments(
        pd.concat([customers, new], ignore_index=True), data["mix"], model,
        pd.concat([data["habits"], ways]), pd.concat([data["attitudes"], asked]),
    )  # fmt: skip
    pd.testing.assert_frame_equal(
        after[after["customer_id"] != "zz"].reset_index(drop=True), before
    )


DATA: dict = {}


@pytest.fixture(autouse=True, scope="module")
def _shared(solved: dict) -> None:
    DATA.update(solved)


def test_last_years_names_stay_and_the_plan_may_rename(solved: dict, quick: None) -> None:
    first = solved["solution"]["model"]
    old = sorted(first["segment"].unique())[0]
    wished = chosen(solved, names={old: "Our best"})
    kept = chosen(solved, previous=wished["model"])
    assert set(kept["model"]["segment"]) == set(wished["model"]["segment"])
    assert "Our best" in set(kept["segments"]["segment"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return Study(108, 2500, Path(tmp_path_factory.mktemp("world")))


def test_unchanged_customers_keep_their_segment_from_year_to_year(world: Study) -> None:
    """A year later on all data, fitted anew: who neither bought, answered nor complained since is where they were.

    Takes some seconds, as a whole world is drawn and segmented twice.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solution, "NUMBERS", range(5, 6))
        patch.setattr(candidates, "RESAMPLES", 2)
        patch.setattr(candidates, "CLASS_RESAMPLES", 2)
        patch.setattr(solution, "LEAST_TOLD", 100)
        before = world.earlier.solution
        sight = world.sight
        now = sg.choose_segments(sight.customers, sight.mix, before["model"], seed=1,
                                 habits=sight.query("buying_habits"), attitudes=sight.attitudes)  # fmt: skip
    assert isinstance(now, Answer)
    old, new = (s["segments"].set_index("customer_id")["segment"] for s in (before, now))
    past, present = (s.customers.set_index("customer_id") for s in (world.earlier, sight))
    ids = past.index[past["orders"] > 0]
    same = (past.loc[ids, ["orders", "tickets"]] == present.loc[ids, ["orders", "tickets"]]).all(
        axis=1
    )
    spoke = set(
        sight.attitudes.loc[
            sight.attitudes["answered_at"] > pd.Timestamp("2025-01-01"), "customer_id"
        ]
    )
    still = [i for i in ids[same] if i not in spoke]
    assert len(still) > 500
    assert (old[still] == new[still]).mean() >= 0.90


def test_without_enough_answers_purchases_make_the_segments_and_it_says_so(quick: None) -> None:
    few = panel(n=300, told=0.1)
    found = chosen(few)
    assert found["method"] != "latent class"
    assert "ask them" in found.so_what
    assert isinstance(
        sg.trace_customer(few["customers"], found, few["habits"], few["attitudes"]), Missing
    )


def test_odd_input_gives_an_answer_or_says_what_is_missing(quick: None) -> None:
    data = panel(n=500)
    one = {k: v.head(1) if k == "customers" else v for k, v in data.items()}
    assert isinstance(
        sg.choose_segments(
            one["customers"], one["mix"], seed=1, habits=one["habits"], attitudes=one["attitudes"]
        ),
        Missing,
    )
    alike = data | {"attitudes": data["attitudes"].assign(value=4.0)}
    assert chosen(alike)["method"] != "latent class"
    many = data["customers"].assign(
        acquisition_channel=[f"c{i}" for i in range(500)], region=[f"r{i}" for i in range(500)]
    )
    assert "acquisition_channel" not in set(fit_levels(many)["descriptor"])
    assert isinstance(chosen(data | {"customers": many}), Answer)
    once = data["customers"].assign(orders=lambda d: d["orders"].clip(upper=1))
    assert isinstance(
        chosen(data | {"customers": once, "habits": data["habits"].assign(amount=1.0)}), Answer
    )
    gaps = data["attitudes"].sample(frac=0.7, random_state=1)
    assert isinstance(chosen(data | {"attitudes": gaps}), Answer)
    none = data | {"habits": data["habits"].head(0)}
    assert chosen(none)["method"] == "latent class"


def test_the_saved_model_places_customers_without_answers_or_habits(solved: dict) -> None:
    wide = wide_memberships(solved["customers"], solved["mix"], solved["solution"]["model"])
    assert np.allclose(wide.sum(axis=1), 1.0)
    places = memberships(wide, solved["customers"])
    assert ANSWERED not in set(places["known_from"])


def test_yea_sayers_count_against_their_own_mean() -> None:
    data = panel(told=1.0)
    rng = np.random.default_rng(2)
    tone = pd.Series(rng.normal(0, 2.5, len(data["customers"])), data["customers"]["customer_id"])
    loud = data["attitudes"].assign(value=lambda d: d["value"] + d["customer_id"].map(tone))
    coding = fit_coding(data["customers"], data["habits"], loud).set_index("feature")
    assert bool(coding.loc["importance: price", "own_level"])
    assert not fit_coding(data["customers"], data["habits"], data["attitudes"])["own_level"].any()
    found = chosen(data | {"attitudes": loud})
    named = found["segments"].set_index("customer_id")["segment"]
    buyers = data["customers"].query("orders > 0")["customer_id"]
    assert adjusted_rand_score(data["kind"][buyers], named[buyers]) > 0.6


def test_a_customer_can_be_followed_from_raw_figures(solved: dict) -> None:
    table = sg.basis_table(solved["customers"], solved["habits"], solved["attitudes"]).table
    assert set(table["role"]) == {"basis", "descriptor"}
    assert table.set_index("block").loc["importance", "known_of"] == pytest.approx(0.4, abs=0.1)
    traced = sg.trace_customer(
        solved["customers"], solved["solution"], solved["habits"], solved["attitudes"]
    )
    assert isinstance(traced, Answer)
    wide = wide_memberships(
        solved["customers"],
        solved["mix"],
        solved["solution"]["model"],
        solved["habits"],
        solved["attitudes"],
    )
    row = wide.loc[traced["customer_id"]]
    odds = np.log(row[traced["segment"]] / row[traced["runner_up"]])
    assert traced.table["says"].sum() == pytest.approx(odds, abs=1e-6)


def test_the_typing_tool_asks_six_questions_and_beats_the_majority(solved: dict) -> None:
    tool = sg.typing_tool(
        solved["solution"]["segments"],
        solved["customers"],
        solved["mix"],
        solved["attitudes"],
        seed=1,
    )
    asking = tool.table.set_index("tool").loc["by asking"]
    assert asking["questions"] <= 6
    assert asking["low"] > asking["majority"]
    rules = sg.typing_table(tool)
    assert isinstance(rules, pd.DataFrame)
    assert rules["rule"].is_unique
    assert rules["customers"].sum() <= len(solved["customers"])


RULE = st.builds(
    StrategyRule,
    strategy=st.sampled_from(["appreciate", "grow share", "develop", "maintain at low cost", "win back", "exit"]),
    value=st.sampled_from([None, "high", "low"]), potential=st.sampled_from([None, "high", "low"]),
    contribution=st.sampled_from([None, "positive", "negative"]), activity=st.sampled_from([None, "active", "lapsed"]),
    do=st.just("x"), avoid=st.just("y"),
)  # fmt: skip
LAST = StrategyRule(strategy="maintain at low cost", do="x", avoid="y")


@settings(max_examples=60, deadline=None)
@given(st.lists(RULE, max_size=5))
def test_a_valid_rule_table_is_a_partition_with_every_rule_reached(rules: list) -> None:
    table = [*rules, LAST]
    try:
        Plan.model_validate({**PLAN, "strategies": [r.model_dump() for r in table]})
    except ValidationError as error:
        assert "can never hold" in str(error) or "without conditions" in str(error)
        return
    cells = [dict(zip(FACTS, c, strict=True)) for c in itertools.product(*FACTS.values())]
    reached = [first_rule(cell, table) for cell in cells]
    assert set(reached) == set(range(len(table)))
    shown = sg.rule_table(table).table
    assert len(shown) == len(cells) == len(shown.drop_duplicates(list(FACTS)))


PLAN = {"as_of": dt.date(2025, 12, 31)}


def market(by_segment: dict[str, float], share: float) -> pd.DataFrame:
    rows = [
        (name, year, 1000.0 * (1 + pace) ** (year - 2023), share * 1000.0 * (1 + pace) ** (year - 2023), brand, part)
        for name, pace in by_segment.items() for year in (2023, 2024, 2025)
        for brand, part in (("us", share), ("them", 0.3))
    ]  # fmt: skip
    return pd.DataFrame(
        rows,
        columns=["market_segment", "year", "market_revenue", "our_revenue", "brand", "brand_share"],
    )


def test_a_small_share_is_grown_where_the_market_grows_and_kept_where_it_does_not() -> None:
    data = market({"Rising": 0.09, "Falling": -0.02, "Usual": 0.03}, share=0.05)
    position = sg.market_position(data, "us", 2025)
    found = sg.market_strategies(position, 0.4, 0.1).table.set_index("market_segment")
    assert found["strategy"].to_dict() == {
        "Rising": "grow share",
        "Falling": "maintain at low cost",
        "Usual": "maintain at low cost",
    }
    big = market({"Rising": 0.09, "Falling": -0.02}, share=0.25)
    defended = sg.market_strategies(sg.market_position(big, "us", 2025), None, 0.1)
    assert set(defended.table["strategy"]) == {"defend"}
    assert isinstance(
        sg.market_strategies(Missing("no market"), 0.4, 0.1),
        Missing,
    )


def test_cards_count_customers_by_probability(solved: dict) -> None:
    segments, places = solved["solution"]["segments"], solved["solution"]["memberships"]
    customers = solved["customers"]
    described = sg.describe_segments(segments, customers, solved["solution"]["deviations"])
    values = pd.DataFrame({"customer_id": customers["customer_id"], "clv": 10.0, "p_alive": 0.8})
    board = sg.portfolio(segments, customers, values, solved["attitudes"], market({}, 0.1), "us")
    strategies = sg.strategies(board, values, places, [LAST])
    cards = sg.strategy_cards(strategies, described, places, values, solved["solution"], customers)
    assert isinstance(cards, Answer)
    assert cards.table["expected_customers"].sum() == pytest.approx(len(customers))
    assert cards.table["value"].sum() == pytest.approx(10.0 * len(customers))
    assert cards.table["budget_share"].sum() == pytest.approx(1.0)
    assert (cards.table[["who", "needs", "buys", "why", "do", "avoid", "risks"]] != "").all().all()
    assert len(strategy_cards(cards).png()) > 20_000


def test_the_same_rules_send_customers_their_own_way(solved: dict) -> None:
    segments, customers = solved["solution"]["segments"], solved["customers"]
    alive = np.where(np.arange(len(customers)) % 4 == 0, 0.1, 0.9)
    values = pd.DataFrame({"customer_id": customers["customer_id"], "clv": 10.0, "p_alive": alive})
    rules = [StrategyRule(strategy="win back", activity="lapsed", do="x", avoid="y"), LAST]
    board = sg.portfolio(segments, customers, values, solved["attitudes"], market({}, 0.1), "us")
    named = sg.strategies(board, values, segments, rules)
    within = sg.strategies_within(named, board, segments, values, customers, rules)
    assert np.allclose(within.table[list(within["parts"])].sum(axis=1), 1.0)
    counts = within["customers"]["strategy"].value_counts()
    assert counts["win back"] == (alive < 0.5).sum()
    assert isinstance(
        sg.strategies_within(Missing("no plan"), board, segments, values, customers, rules), Missing
    )
