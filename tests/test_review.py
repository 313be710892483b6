"""The annual review: who decides what, what is kept over the years, and what comes out next."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from reviews import BEFORE, DAY, NONE, effects_of, movement_of, override, plan_of

from playbook import monitoring, results
from playbook.answer import Answer, Missing
from playbook.engagement import Plan, model_text
from playbook.engagement.review import CELLS, ReviewNotes, ReviewRule, ReviewRules, first_rule
from playbook.monitoring.review import NotDue, decide
from playbook.report.review_page import ten_lines
from playbook.results import _checked

SIDES = st.lists(st.sampled_from(["good", "between", "bad"]), unique=True, max_size=3)
RULE = st.builds(
    ReviewRule,
    decision=st.sampled_from(["keep", "adjust", "stop"]),
    kind=st.lists(st.sampled_from(["initiative", "strategy"]), unique=True, max_size=1),
    evidence=st.lists(st.sampled_from(["measured", "too few", "none", "gone"]), unique=True, max_size=2),
    value=SIDES, low=SIDES, high=SIDES, because=st.just("so"),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(RULE, max_size=5))
def test_any_table_that_is_accepted_is_a_partition_of_everything_that_can_be_the_case(
    rules: list[ReviewRule],
) -> None:
    table = [*rules, ReviewRule(decision="adjust", because="else")]
    deciding = [{n for n, rule in enumerate(table) if rule.holds(cell)} for cell in CELLS]
    never = set(range(len(table))) - {min(numbers) for numbers in deciding}
    if never or any(rule.is_open for rule in rules):
        with pytest.raises(ValidationError, match=r"never hold|without conditions"):
            ReviewRules(rules=table)
        return
    accepted = ReviewRules(rules=table).rules
    assert [first_rule(accepted, cell) for cell in CELLS] == [min(numbers) for numbers in deciding]


@settings(max_examples=100, deadline=None)
@given(
    st.floats(-5, 5) | st.sampled_from([0.0, -0.5, -0.25]), st.floats(0, 5), st.floats(0, 5), st.integers(0, 400),
    st.sampled_from(["initiative", "strategy"]), st.booleans(), st.sampled_from(["", "no control group"]),
)  # fmt: skip
def test_every_figure_interval_and_number_of_customers_falls_into_exactly_one_decision(
    value: float, down: float, up: float, n: int, kind: str, gone: bool, why: str
) -> None:
    rules = ReviewRules()
    upper, lower = (0.0, -0.5) if kind == "initiative" else (0.0, -0.25)
    low, high = value - down, value + up
    told = not gone and not why and n >= 100
    expected = {
        "keep": told and value > upper and low >= lower,
        "stop": gone or (told and value < lower and high <= upper),
    }
    expected["adjust"] = not any(expected.values())
    assert sum(expected.values()) == 1
    found = decide(value, low, high, n, rules, kind, why, gone)
    assert expected[found["decision"]]
    assert (
        decide(np.nan, np.nan, np.nan, n, rules, kind, "", gone)["decision"] == "stop"
        if gone
        else True
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"keep_if_return_above": -1.0}, "good and bad"),
        ({"stop_if_change_below": 0.5}, "good and bad"),
        ({"rules": []}, "exactly one line without conditions"),
        ({"rules": [ReviewRule(decision="keep", because="x")] * 2}, "exactly one line without"),
        ({"rules": [ReviewRule(decision="keep", value=["bad"], low=["good"], because="x"), ReviewRule(decision="adjust", because="x")]}, "line 1 .* can never hold"),
    ],
)  # fmt: skip
def test_a_rule_table_with_a_hole_or_a_dead_line_is_refused(changes: dict, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ReviewRules(**changes)


def test_a_person_decides_beside_the_rule_and_never_instead_of_it() -> None:
    review = monitoring.annual_review(
        plan_of(), effects_of(), NONE, NONE, DAY, BEFORE, overrides=[override(), override("gone")]
    )
    _checked("review", review.table)
    row = review.table.set_index("id").loc["bad"]
    assert (row["decision"], row["by_rule"], row["decided_by"]) == ("keep", "stop", "ceo")
    assert "the rule says stop" in row["sentence"] and "It opens the market" in row["sentence"]
    assert "not under review, so not used: initiative gone" in review.so_what
    assert "1 of 3 were decided by a person against the rule" in review.so_what
    shown = review["initiatives"].table.set_index("name").loc["Bad"]
    assert shown["by_rule"] == "stop" and shown["decided_by"].startswith("ceo, 2025-12-31: It")
    draft = monitoring.next_plan(plan_of(DAY), NONE, review)
    assert "bad" in [i.id for i in draft["plan"].initiatives]
    assert "initiative bad: keep, decided by ceo (the rule: stop)" in draft["notes"]


def test_a_roll_out_measures_what_no_campaign_does_and_a_control_group_goes_before_it() -> None:
    rows = [
        {"initiative_id": "blind", "return": 2.0, "return_low": 1.0, "return_high": 3.0, "incremental_margin": 90.0, "treated": 400, "control": 300, "cost": 30.0, "reason": ""},
        {"initiative_id": "good", "return": -9.0, "return_low": -9.5, "return_high": -8.0, "incremental_margin": 0.0, "treated": 400, "control": 300, "cost": 30.0, "reason": ""},
    ]  # fmt: skip
    numbers = pd.DataFrame(rows)
    rollouts = Answer(numbers, "", "", "diagnostic", extra={"numbers": numbers})
    blind = monitoring.annual_review(plan_of(), effects_of(), NONE, NONE, DAY, BEFORE)
    assert blind.table.set_index("id").loc["blind", "evidence"] == "none"
    review = monitoring.annual_review(plan_of(), effects_of(), NONE, NONE, DAY, BEFORE, rollouts=rollouts)  # fmt: skip
    table = review.table.set_index("id")
    assert list(table.loc[["blind", "good"], "decision"]) == ["keep", "keep"]
    assert "difference-in-differences" in table.loc["blind", "figures"]
    assert "random control group" in table.loc["good", "figures"]
    numbers["reason"] = "the places moved apart before the start"
    review = monitoring.annual_review(plan_of(), effects_of(), NONE, NONE, DAY, BEFORE, rollouts=rollouts)  # fmt: skip
    assert "moved apart" in review.table.set_index("id").loc["blind", "rule"]


def test_a_segment_that_vanished_ends_its_strategy_and_a_plan_without_initiatives_is_reviewed() -> (
    None
):
    movement = movement_of(("here", 480, 0.2), ("empty", 0, -1.0))
    review = monitoring.annual_review(Plan(as_of=BEFORE), NONE, movement, NONE, DAY, BEFORE)
    table = review.table.set_index("id")
    assert dict(table["decision"]) == {"here": "keep", "empty": "stop"}
    assert "nobody is left" in table.loc["empty", "rule"]
    assert isinstance(review["initiatives"], Missing)
    rule = {"strategy": "grow share", "do": "x", "avoid": "y"}
    draft = monitoring.next_plan(Plan.model_validate({"as_of": DAY, "strategies": [rule]}), NONE, review)  # fmt: skip
    assert draft.table.iloc[-1]["reason"] == "carried on; choose another for empty"
    assert "strategy empty: stop" in draft["notes"]


def test_until_it_is_due_there_is_no_review_and_no_draft_and_the_log_stands() -> None:
    early = monitoring.annual_review(plan_of(), effects_of(), NONE, NONE, date(2025, 12, 30), BEFORE)  # fmt: skip
    assert isinstance(early, NotDue) and "once a year" in early.reason
    assert monitoring.next_plan(plan_of(DAY), NONE, early) is early
    review = monitoring.annual_review(plan_of(), effects_of(), NONE, NONE, DAY, BEFORE)
    log = monitoring.decision_log("2025", review, NONE)
    kept = monitoring.decision_log("2026-06", early, log.table)
    pd.testing.assert_frame_equal(kept.table, log.table)


def test_the_log_keeps_every_decision_and_says_what_became_of_it() -> None:
    first = monitoring.annual_review(
        plan_of(), effects_of(), movement_of(("a", 400, 0.2), ("b", 400, -0.9)), NONE, DAY, BEFORE,
        overrides=[override("blind", "stop")],
    )  # fmt: skip
    log = monitoring.decision_log("2025", first, NONE)
    assert set(log.table["outcome"]) == {""} and len(log.table) == 5
    later = plan_of(DAY)
    kept = [i for i in later.initiatives if i.id == "good"]
    later = later.model_copy(update={"initiatives": kept})
    second = monitoring.annual_review(
        later, effects_of(a=-3.0), movement_of(("a", 400, 0.2)), NONE, date(2026, 12, 31), DAY
    )
    log = monitoring.decision_log("2026", second, log.table)
    _checked("decision_log", log.table)
    old = log.table[log.table["period"] == "2025"].set_index("id")
    assert dict(old["outcome"]) == {"good": "stop", "bad": "ended", "blind": "ended", "a": "keep", "b": "gone"}  # fmt: skip
    assert old.loc["good", "a_year_later"].startswith("stop now: return")
    assert list(log.table["period"]) == ["2026"] * 2 + ["2025"] * 5
    assert old.loc["blind", "decided_by"] == "ceo" and old.loc["blind", "by_rule"] == "adjust"
    third = monitoring.decision_log("2027", second, log.table)
    assert third.headline.startswith("9 decisions in 3 reviews, 1 of them")
    again = third.table[third.table["period"] == "2025"].set_index("id")
    assert dict(again["a_year_later"]) == dict(old["a_year_later"]), "what is known stays"


def test_ten_lines_say_what_to_stop_keep_and_adjust_and_why() -> None:
    plan = plan_of()
    review = monitoring.annual_review(
        plan, effects_of(), movement_of(("a", 400, 0.2), ("b", 400, -0.9)), NONE, DAY, BEFORE,
        overrides=[override("blind", "keep")],
    )  # fmt: skip
    lines = ten_lines(review.table, pd.DataFrame(), plan, "EUR")
    assert lines[0].startswith("Stop Bad: bad, and chance does not reach up to good; returned −4.0")
    assert any("Keep Blind: It opens the market (ceo, 2025-12-31; the rule says adjust" in line for line in lines)  # fmt: skip
    assert lines[-1].startswith("Stopping frees the 20.00 EUR")
    many = plan.model_copy(update={"initiatives": [
        plan.initiatives[2].model_copy(update={"id": f"i{n}", "name": f"Work {n}"}) for n in range(30)
    ]})  # fmt: skip
    persons = [override(f"i{n}", "keep").model_copy(update={"reason": f"Reason {n}"}) for n in range(30)]  # fmt: skip
    review = monitoring.annual_review(many, NONE, NONE, NONE, date(2025, 6, 30), BEFORE, "sold", persons)  # fmt: skip
    lines = ten_lines(review.table, pd.DataFrame(), many, "EUR", "sold")
    assert len(lines) == 10 and "came before twelve months were over: sold" in lines[0]
    told = sum("Keep Work" in line for line in lines)
    assert f"{30 - told} more decisions (keep)" in lines[-2]


def test_reviewing_the_same_data_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    def bytes_of(folder: Path, order: int) -> dict[str, bytes]:
        movement = movement_of(("a", 400, 0.2), ("b", 400, -0.9))
        effects = effects_of()
        for answer in (movement, effects):
            mixed = answer.table.sample(frac=1, random_state=order)
            answer.table.iloc[:] = mixed.to_numpy() if order else answer.table.to_numpy()
        review = monitoring.annual_review(plan_of(), effects, movement, NONE, DAY, BEFORE)
        log = monitoring.decision_log("2025", review, NONE)
        results.save(folder, "07", "review", review.table)
        results.save(folder, "07", "decision_log", log.table)
        draft = monitoring.next_plan(plan_of(DAY), NONE, review)
        (folder / "next-plan.yml").write_text(model_text(draft["plan"], draft["notes"]))
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    assert bytes_of(tmp_path / "a", 0) == bytes_of(tmp_path / "b", 0) == bytes_of(tmp_path / "c", 5)


def test_the_same_thing_is_decided_once() -> None:
    with pytest.raises(ValidationError, match="stands more than once"):
        ReviewNotes(overrides=[override(), override()])
