"""Odd deliveries through the functions of step 6: each gives a sound answer or says what is missing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from playbook import crm
from playbook.answer import Answer, Missing
from playbook.engagement.model import Action

AS_OF = date(2025, 12, 31)
CHANNELS = ["email", "sms", "phone", "social", "letter"]


def action(id_: str = "mail", channel: str = "email", **changes: Any) -> Action:
    values = {
        "purpose": "retention", "unit_cost": 1.0, "believed_effect": 0.1, "believed_effect_low": 0.08, "believed_effect_high": 0.12,
    }  # fmt: skip
    return Action(id=id_, name=id_.title(), channel=channel, **(values | changes))  # type: ignore[arg-type]


def pipeline(n: int = 60) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every deal enters Talk; two in three reach Offer; half of those are won; the last ten are open."""
    moves, deals = [], []
    for i in range(n):
        key, start = f"D{i:03d}", pd.Timestamp("2025-01-01") + pd.Timedelta(days=3 * i)
        moves.append((key, start, "Talk"))
        is_open, lost = i >= n - 10, i % 3 == 0
        if not lost:
            moves.append((key, start + pd.Timedelta(days=10 + i % 7), "Offer"))
        end = start + pd.Timedelta(days=25 + i % 11)
        if not is_open:
            moves.append((key, end, "Lost" if lost or i % 2 else "Won"))
        deals.append((key, None if is_open else end, None if is_open else not (lost or i % 2), start))  # fmt: skip
    history = pd.DataFrame(moves, columns=["opportunity_id", "changed_at", "to_stage"])
    table = pd.DataFrame(deals, columns=["opportunity_id", "closed_at", "is_won", "created_at"])
    table = table.assign(
        closed_at=pd.to_datetime(table["closed_at"]), is_won=table["is_won"].astype("boolean"), amount=100.0, customer_id="a", owner="Ann",
        expected_close=pd.Timestamp("2025-12-01"), stage="Talk", probability=0.3, source="web", competitor=None, loss_reason=None,
    )  # fmt: skip
    return history, table


# ---------------------------------------------------------------- pipeline


def test_no_pipeline_says_what_to_ask_for() -> None:
    history, deals = pipeline()
    for some in ((history.head(0), deals), (history, deals.head(0))):
        forecast = crm.pipeline_forecast(*some, AS_OF, 1)
        assert isinstance(forecast, Missing) and "history of their stages" in forecast.ask
        assert isinstance(crm.sales_coverage(forecast, deals, AS_OF, 1), Missing)
        assert isinstance(crm.ageing_deals(forecast), Missing)


def test_names_of_stages_do_not_matter_and_a_stage_of_one_deal_breaks_nothing() -> None:
    history, deals = pipeline()
    known, forecast = crm.stage_conversion(history, deals, AS_OF), crm.pipeline_forecast(history, deals, AS_OF, 1)  # fmt: skip
    assert isinstance(known, Answer) and isinstance(forecast, Answer)
    other = {"Talk": "Erstgespräch", "Offer": "方案", "Won": "Phase 7", "Lost": "zzz (old)"}
    renamed = history.assign(to_stage=history["to_stage"].map(other))
    again = crm.stage_conversion(renamed, deals.assign(stage="not mapped"), AS_OF)
    assert isinstance(again, Answer)
    assert again.table["stage"].tolist() == ["Erstgespräch", "方案"]
    pd.testing.assert_frame_equal(again.table.drop(columns="stage"), known.table.drop(columns="stage"))  # fmt: skip
    odd = pd.concat([history, pd.DataFrame({"opportunity_id": ["D059"], "changed_at": [pd.Timestamp("2025-12-20")], "to_stage": ["???"]})])  # fmt: skip
    with_odd = crm.stage_conversion(odd, deals, AS_OF)
    assert isinstance(with_odd, Answer) and "???" in set(with_odd.table["stage"])
    assert isinstance(crm.pipeline_forecast(odd, deals, AS_OF, 1), Answer)


def test_sellers_probabilities_on_two_scales_change_no_forecast() -> None:
    """Intake refuses a column that mixes 0-1 and 0-100 (tests of intake); the forecast learns from closed deals only."""
    history, deals = pipeline()
    mixed = deals.assign(probability=np.where(np.arange(len(deals)) % 2, 60.0, 0.6))
    first, second = (crm.pipeline_forecast(history, d, AS_OF, 1) for d in (deals, mixed))
    assert isinstance(first, Answer) and isinstance(second, Answer)
    pd.testing.assert_frame_equal(first.table, second.table)


def test_a_deal_won_in_the_future_counts_as_open() -> None:
    history, deals = pipeline()
    before = crm.pipeline_forecast(history, deals, AS_OF, 1)
    late = pd.Timestamp("2026-03-01")
    future = deals.assign(
        closed_at=deals["closed_at"].where(deals["closed_at"].notna(), late), is_won=deals["is_won"].fillna(True)
    )  # fmt: skip
    after = crm.pipeline_forecast(history, future, AS_OF, 1)
    assert isinstance(before, Answer) and isinstance(after, Answer)
    assert int(after.table["deals"].sum()) == 10
    pd.testing.assert_frame_equal(before.table, after.table)


def test_a_deal_is_overdue_by_the_date_it_has_now_and_the_text_says_that_moves_are_not_seen() -> None:  # fmt: skip
    history, deals = pipeline()
    deals["expected_close"] = pd.Timestamp("2026-02-01")
    deals.loc[deals["opportunity_id"] == "D055", "expected_close"] = pd.Timestamp("2025-11-01")
    forecast = crm.pipeline_forecast(history, deals, AS_OF, 1)
    assert isinstance(forecast, Answer)
    ageing = crm.ageing_deals(forecast)
    assert isinstance(ageing, Answer)
    rows = ageing.table.set_index("opportunity_id")
    assert rows.index[rows["overdue"]].tolist() == ["D055"] and "slipped" not in rows
    assert rows.loc["D055", "age"] == (pd.Timestamp(AS_OF) - pd.Timestamp("2025-01-01")).days - 165
    assert "leave no trace" in ageing.so_what


# ---------------------------------------------------------------- campaigns


@pytest.mark.parametrize("change", [
    {"arm": "treated"}, {"assignment_probability": np.nan}, {"assignment_probability": 1.0}, {"campaign_id": None},
])  # fmt: skip
def test_campaigns_without_a_random_control_prove_nothing_and_say_so(change: dict[str, Any]) -> None:  # fmt: skip
    n = 400
    outcomes = pd.DataFrame({
        "campaign_id": "C1", "customer_id": [f"c{i}" for i in range(n)], "arm": ["treated", "control"] * (n // 2), "assignment_probability": 0.5,
        "margin_after": 1.0, "revenue_year_before": 5.0,
    }).assign(**change)  # fmt: skip
    known = pd.DataFrame({"customer_id": outcomes["customer_id"], "orders": 1})
    masters = pd.DataFrame({"customer_id": outcomes["customer_id"], "market_segment": "m", "area_type": "a"})  # fmt: skip
    campaigns = pd.DataFrame({"campaign_id": ["C1"], "name": ["One"], "unit_cost": [0.1]})
    found = crm.campaign_uplift(outcomes, known, masters, campaigns, 1)
    assert isinstance(found, Missing) and "arm" in found.ask
    assert isinstance(crm.campaign_uplift(outcomes.head(0), known, masters, campaigns, 1), Missing)


# ---------------------------------------------------------------- nobody to contact, nothing worth it


def world(n: int, suppressed: list[tuple[str, str]], **flags: Any) -> tuple[Answer, pd.DataFrame]:
    """Lists over n customers, and what the choice of an action needs of them."""
    keys = [f"c{i:02d}" for i in range(n)]
    yes = dict.fromkeys(("has_email", "has_phone", "has_address", *(f"consent_{c}" for c in CHANNELS[:4])), True)  # fmt: skip
    frame = pd.DataFrame({"customer_id": keys, "is_gone": False} | yes | flags)
    named = pd.DataFrame(suppressed, columns=["customer_id", "channel"], dtype="str")
    lists = crm.target_lists(frame, named, pd.DataFrame(), contact_cap=2, holdout_share=0.0, seed=1)
    assert isinstance(lists, Answer)
    worth = pd.DataFrame({
        "customer_id": keys, "p_alive": 0.8, "expected_orders_12m": 1.0, "expected_margin_12m": 50.0 + np.arange(n), "margin_12m": 50.0,
        "revenue_12m": 120.0, "clv": 200.0,
    })  # fmt: skip
    now = pd.DataFrame({"customer_id": keys, "orders": 2, "recency_days": 40.0})
    scores = pd.DataFrame({"customer_id": keys, "purchase_probability": 0.4, "churn_probability": 0.6})  # fmt: skip
    answered = pd.DataFrame({"customer_id": keys, "detractor": False, "promoter": False})
    people = crm.candidates(
        now, scores, worth, pd.DataFrame({"customer_id": keys, "segment": "S"}), pd.DataFrame({"segment": ["S"], "strategy": ["develop"]}),
        answered, churn_above=0.9,
    )  # fmt: skip
    assert isinstance(people, pd.DataFrame)
    return lists, people


def month(lists: Answer, people: pd.DataFrame, actions: list[Action], budget: float = 1e6) -> tuple[Any, Any, Any]:  # fmt: skip
    plan = crm.next_best_action(
        people, actions, lists["reachable"], lists["holdout"], budget=budget, capacity_per_month={}, months=1, seed=1
    )  # fmt: skip
    tests = crm.list_tests(plan, people, actions, seed=1, period="2025")
    scores = people[["customer_id", "purchase_probability"]].assign(churn_probability=0.6)
    worth = people[["customer_id"]].assign(clv=10.0)
    contents = crm.crm_contents(crm.drawn_choice(plan, tests), worth, scores, lists, actions, AS_OF)
    assert isinstance(contents, dict)
    return plan, tests, contents


@pytest.mark.parametrize(("case", "actions", "budget"), [
    ("nobody may be contacted", [action()], 1e6), ("no money", [action()], 0.0), ("dearer than its return", [action(unit_cost=1e5)], 1e6),
    ("no actions in the plan", [], 1e6),
])  # fmt: skip
def test_an_empty_target_list_is_said_in_words_and_the_rest_is_still_written(
    case: str, actions: list[Action], budget: float
) -> None:
    closed = {"consent_email": False} if case == "nobody may be contacted" else {}
    lists, people = world(20, [], **closed)
    plan, tests, contents = month(lists, people, actions, budget)
    assert isinstance(tests, Missing)
    if isinstance(plan, Answer):
        assert (plan["choice"]["action"] == "none").all() and plan["allocation"].spent == 0
        assert "Do nothing" in plan.so_what
    assert contents["targets"].empty and contents["members"].empty and len(contents["scores"]) == 20
    assert isinstance(crm.lists_today(plan, contents, actions), Missing)
    for system in crm.SYSTEMS:
        made = crm.checked_files(crm.read_mapping(system), contents, ())
        assert "targets" not in {kind for kind, *_ in made} and "scores" in {k for k, *_ in made}
    files = crm.list_files(contents, actions, pd.DataFrame(), AS_OF)
    assert isinstance(files, dict) and len(files["campaigns.csv"]) == 0


KEYS = [f"c{i:02d}" for i in range(8)]
STOPS = st.lists(st.tuples(st.sampled_from([*KEYS, "nobody"]), st.sampled_from(["all", *CHANNELS])), max_size=6)  # fmt: skip
MENU = [action("mail", "email"), action("letter", "letter", unit_cost=2.0), action("call", "phone", unit_cost=4.0, believed_effect=0.2,
        believed_effect_low=0.15, believed_effect_high=0.25)]  # fmt: skip


def by_hand(lists: Answer, people: pd.DataFrame) -> pd.DataFrame:
    """The dearest action each customer may get: a chooser that knows nothing but the lists."""
    open_to = lists["reachable"].set_index("customer_id")
    menu = {a.id: a.channel for a in sorted(MENU, key=lambda a: a.unit_cost)}
    picked = [next((i for i, c in reversed(menu.items()) if open_to.loc[key, c]), "none") for key in people["customer_id"]]  # fmt: skip
    return people[["customer_id", "segment"]].assign(action=picked)


def check_suppressed(
    stops: list[tuple[str, str]], one_more: tuple[str, str], choose: Callable[[Answer, pd.DataFrame], pd.DataFrame]
) -> None:  # fmt: skip
    """Nobody suppressed is named in a list's files; one suppression more changes nobody else's eligibility."""
    named = []
    for stopped in (stops, [*stops, one_more]):
        lists, people = world(8, stopped)
        scores = people[["customer_id", "purchase_probability"]].assign(churn_probability=0.6)
        worth = people[["customer_id"]].assign(clv=10.0)
        contents = crm.crm_contents(choose(lists, people), worth, scores, lists, MENU, AS_OF)
        assert isinstance(contents, dict)
        members = contents["members"]
        for key, channel in stopped:
            theirs = members[members["customer_id"] == key]
            assert theirs.empty if channel == "all" else channel not in set(theirs["channel"])
        assert crm.refused_contacts(contents["targets"], lists["reachable"]).isdisjoint(contents["targets"]["customer_id"])  # fmt: skip
        free = set(people["customer_id"]) - {key for key, _ in stopped}
        assert free <= set(members["customer_id"])  # so it cannot pass because nobody was listed
        named.append((lists["reachable"], members))
    (before, first), (after, second) = named
    other = one_more[0]
    for left, right in ((before, after), (first, second)):
        pd.testing.assert_frame_equal(
            *(f[f["customer_id"] != other].reset_index(drop=True) for f in (left, right))
        )


@settings(max_examples=5, deadline=None)
@given(stops=STOPS, one_more=st.tuples(st.sampled_from(KEYS), st.sampled_from(["all", *CHANNELS])))
@example(stops=[("c01", "all"), ("c02", "phone")], one_more=("c03", "all"))
def test_from_the_lists_to_the_files_nobody_suppressed_is_named_and_nobody_else_is_touched(
    stops: list[tuple[str, str]], one_more: tuple[str, str]
) -> None:
    check_suppressed(stops, one_more, by_hand)


def test_the_best_choice_of_actions_keeps_to_it_too() -> None:
    def best(lists: Answer, people: pd.DataFrame) -> pd.DataFrame:
        plan = crm.next_best_action(
            people, MENU, lists["reachable"], lists["holdout"], budget=1e6, capacity_per_month={}, months=1, seed=1
        )  # fmt: skip
        assert isinstance(plan, Answer)
        return plan["choice"]

    check_suppressed([("c01", "all"), ("c02", "phone")], ("c03", "all"), best)
