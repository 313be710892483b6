"""CRM usage: gates only ever close, files hold nothing they should not, figures agree with small cases."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace as Thing
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbook import crm
from playbook.answer import Answer, Missing
from playbook.crm.automation import care_days_due
from playbook.crm.record import CHECKS
from playbook.engagement.model import Action, AutomationRule, Budget, LoyaltyProgramme, Tier
from playbook.warehouse import Warehouse

AS_OF = date(2025, 12, 31)
DAYS = {"cutoff": AS_OF, "lookback_from": date(2024, 12, 31), "outcome_to": date(2026, 12, 31)}
SPAN = {"bought_after": date(2024, 12, 31), "bought_to": AS_OF}


def action(**changes: Any) -> Action:
    values = {
        "id": "mail", "name": "Mail", "channel": "email", "purpose": "retention", "unit_cost": 1.0, "believed_effect": 0.1,
        "believed_effect_low": 0.1, "believed_effect_high": 0.1,
    }  # fmt: skip
    return Action(**(values | changes))


# ---------------------------------------------------------------- nothing delivered


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Queries over a run without a single table."""
    warehouse = Warehouse(tmp_path_factory.mktemp("tables"), AS_OF)

    def query(name: str, **parameters: Any) -> pd.DataFrame:
        return warehouse.query(name, since=date(2024, 12, 31), **parameters)

    return Thing(query=query, table=warehouse.table)


def test_without_data_every_section_says_what_is_missing(nothing: Any) -> None:
    q, t = nothing.query, nothing.table
    gone = Missing("step 03 has not made it")
    record, now, span = (
        q("customer_record"),
        q("customer_snapshot", **DAYS),
        q("order_history_span"),
    )
    days = crm.snapshot_days(span, AS_OF)
    deals = (t("opportunity_history"), t("opportunities"))
    forecast, scores = (
        crm.pipeline_forecast(*deals, AS_OF, 1),
        crm.propensity(now, now, now, days, 1),
    )
    lists = crm.target_lists(
        q("contact_flags"),
        q("suppressed_contacts"),
        q("recent_contacts"),
        contact_cap=2,
        holdout_share=0.05,
        seed=1,
    )
    products = q("customer_products", **SPAN)
    plan = crm.next_best_action(
        crm.candidates(now, scores["scores"], gone, gone, gone, pd.DataFrame(), churn_above=0.6), [], gone, gone,
        budget=0, capacity_per_month={}, months=12, seed=1,
    )  # fmt: skip
    answered = [
        crm.customer_record(record), crm.timeline(q("customer_timeline", customer=crm.example_customer(record)), record),
        crm.contacts_tracked(q("contacts_by_channel")), crm.stage_conversion(*deals, AS_OF), crm.win_rates(deals[1]), forecast,
        crm.ageing_deals(forecast), scores, crm.calibration(scores), crm.what_predicts(scores), crm.lapsed_customers(scores),
        lists, crm.gate_shares(lists), crm.list_sizes(lists, gone), crm.programme_return(q("loyalty_members"), None),
        crm.tier_changes(q("loyalty_members"), None, AS_OF), crm.care_calendar(q("care_days"), None, gone),
        crm.recommendations(products, products, products), crm.cross_selling(q("baskets"), t("products")),
        crm.up_selling(q("last_purchases"), t("products"), gone), crm.referral_value(q("referral_values"), t("referrals"), 1),
        crm.who_recommends(q("referrers"), gone), plan, crm.limits(plan), crm.money_and_margin(plan),
        crm.budget_what_if(plan, gone, [], gone, 1), crm.sales_coverage(forecast, deals[1], AS_OF, 1), crm.loss_reasons(deals[1], 1),
        crm.compare_designs(q("loyalty_members"), None, 1), crm.campaign_uplift(q("campaign_outcomes", days=90, margin_rate=0.3), now, t("customers"), t("campaigns"), 1),
        crm.ambassadors(q("referrers"), crm.recent_answers(q("latest_recommendation"), AS_OF), gone), crm.referral_break_even(gone, gone),
        crm.acquisition_channels(t("channel_spend"), q("newcomer_margins", days=365, start=crm.newcomers_since(q("order_history_span")), margin_rate=0.3), gone), crm.channel_plan(gone, None, 1), crm.budget_split(None, gone, gone, now, gone, plan, gone, seed=1),
        crm.automation([], crm.trigger_events(gone, now, gone, gone, crm.recent_answers(q("latest_recommendation"), AS_OF),
                       q("care_days"), crm.late_cases(q("open_cases"), None, AS_OF), churn_above=0.5, buy_above=0.5, as_of=AS_OF),
                       pd.DataFrame({"customer_id": []}), AS_OF),
        crm.personal_content(crm.recommendations(products, products, products), gone, t("products")),
        crm.action_plan(plan, [], [], [], [], AS_OF), crm.crm_contents(gone, gone, gone, lists, [], AS_OF),
    ]  # fmt: skip
    assert [item for item in answered if not isinstance(item, Missing)] == []


# ---------------------------------------------------------------- record and pipeline


def test_hygiene_counts_only_what_can_be_checked() -> None:
    checks = {name: [0, 0] for name in CHECKS}
    record = pd.DataFrame({"customer_id": ["1", "2"], "revenue_12m": [10.0, 90.0]} | checks)
    record["no_email_or_phone"] = [0, 1]
    record["shared_email"] = pd.array([0, None], dtype="Int64")
    answer = crm.customer_record(record)
    rows = answer.table.set_index("check")
    assert rows.loc["neither e-mail nor telephone", ["failing", "revenue_12m"]].tolist() == [
        1,
        90.0,
    ]
    assert rows.loc["e-mail of another customer", "checked"] == 1
    assert answer["hygiene"]["hygiene"].tolist() == [1.0, pytest.approx(1 - 1 / 10)]
    assert answer.headline.startswith("50.0 %")


def pipeline() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Ten deals: all enter Talk; four lost there after 10 days, six move to Offer; three of those won, two lost, one open."""
    moves, deals = [], []
    for n in range(10):
        key = f"D{n}"
        moves.append((key, "2025-01-01", None, "Talk"))
        lost_early, won, is_open = n < 4, 4 <= n < 7, n == 9
        if lost_early:
            moves.append((key, "2025-01-11", "Talk", "Lost"))
        else:
            moves.append((key, "2025-01-21", "Talk", "Offer"))
            if not is_open:
                moves.append((key, "2025-02-20", "Offer", "Won" if won else "Lost"))
        closed = None if is_open else ("2025-01-11" if lost_early else "2025-02-20")
        deals.append(
            (
                key,
                None,
                "Ann",
                "Web",
                None,
                100.0,
                "2025-03-01",
                "2025-01-01",
                closed,
                None if is_open else won,
            )
        )
    history = pd.DataFrame(
        moves, columns=["opportunity_id", "changed_at", "from_stage", "to_stage"]
    )
    history["changed_at"] = pd.to_datetime(history["changed_at"])
    columns = [
        "opportunity_id",
        "customer_id",
        "owner",
        "source",
        "competitor",
        "amount",
        "expected_close",
        "created_at",
        "closed_at",
        "is_won",
    ]
    frame = pd.DataFrame(deals, columns=columns)
    for name in ("expected_close", "created_at", "closed_at"):
        frame[name] = pd.to_datetime(frame[name])
    return history, frame.astype({"is_won": "boolean"})


def test_stage_conversion_by_hand() -> None:
    table = crm.stage_conversion(*pipeline(), AS_OF).table.set_index("stage")
    assert list(table.index) == ["Talk", "Offer"]
    assert table.loc["Talk", ["entered", "moved_on", "lost", "still_there"]].tolist() == [
        10,
        6,
        4,
        0,
    ]
    assert table.loc["Offer", ["entered", "moved_on", "lost", "still_there"]].tolist() == [
        6,
        3,
        2,
        1,
    ]
    assert table.loc["Talk", "median_days"] == 20 and table.loc["Offer", "median_days"] == 30


def test_a_deal_that_outstays_all_others_has_the_rate_of_its_stage_and_is_slow() -> None:
    history, deals = pipeline()
    extra = [
        f"E{n}" for n in range(20)
    ]  # more closed deals of the same course: half won, half lost
    more = pd.concat(
        [
            history[history["opportunity_id"] == f"D{4 if n % 2 else 8}"].assign(opportunity_id=key)
            for n, key in enumerate(extra)
        ]
    )
    also = pd.concat(
        [
            deals[deals["opportunity_id"] == f"D{4 if n % 2 else 8}"].assign(opportunity_id=key)
            for n, key in enumerate(extra)
        ]
    )
    answer = crm.pipeline_forecast(
        pd.concat([history, more]), pd.concat([deals, also]), AS_OF, seed=3
    )
    deal = answer["deals"].iloc[0]
    assert deal["opportunity_id"] == "D9" and bool(deal["slow"]) and bool(deal["slipped"])
    assert deal["win_probability"] == pytest.approx((3 + 10 + 0.5) / (25 + 1))
    expected = next(m for m in answer.metrics if m.id == "pipeline_expected")
    assert (expected.low, expected.high) == (0.0, 100.0)
    assert crm.ageing_deals(answer).table["opportunity_id"].tolist() == ["D9"]


# ---------------------------------------------------------------- propensity


@pytest.mark.parametrize(
    ("first", "horizon", "out_of_time"),
    [("2023-01-01", 365, True), ("2024-01-01", 365, False), ("2025-01-01", 121, True)],
)
def test_days_of_learning_never_see_the_days_of_the_test(
    first: str, horizon: int, out_of_time: bool
) -> None:
    days = crm.snapshot_days(pd.DataFrame({"first_day": [pd.Timestamp(first)]}), AS_OF)
    assert (days.horizon_days, days.out_of_time) == (horizon, out_of_time)
    assert days.test["outcome_to"] == AS_OF == days.now["cutoff"]
    assert not out_of_time or days.train["outcome_to"] <= days.test["cutoff"]


def snapshot(rng: np.random.Generator, n: int = 400) -> pd.DataFrame:
    recency = rng.integers(0, 365, n)
    return pd.DataFrame({
        "customer_id": [f"{i:04d}" for i in range(n)], "recency_days": recency, "tenure_days": rng.integers(400, 900, n),
        "orders": np.where(np.arange(n) % 8 == 0, 0, 2), "days_since_order": recency, "revenue": 50.0,
        "churned": (rng.random(n) < recency / 365).astype(float),
    })  # fmt: skip


def test_scores_are_probabilities_for_everybody_and_lapsed_customers_get_their_rate() -> None:
    rng = np.random.default_rng(5)
    days = crm.snapshot_days(pd.DataFrame({"first_day": [pd.Timestamp("2023-01-01")]}), AS_OF)
    train, test, now = snapshot(rng), snapshot(rng), snapshot(rng).assign(churned=np.nan)
    answer = crm.propensity(train, test, now, days, seed=1)
    scores = answer["scores"].set_index("customer_id")
    assert len(scores) == 400 and scores["churn_probability"].between(0, 1).all()
    assert np.allclose(scores["churn_probability"] + scores["purchase_probability"], 1)
    lapsed = test[test["orders"] == 0]["churned"].mean()
    assert scores.loc["0000", "churn_probability"] == pytest.approx(lapsed)
    shuffled = crm.propensity(
        train.sample(frac=1, random_state=1), test, now.iloc[::-1], days, seed=1
    )
    pd.testing.assert_frame_equal(answer["scores"], shuffled["scores"])


# ---------------------------------------------------------------- target lists


def test_the_holdout_of_a_customer_depends_on_nobody_else() -> None:
    keys = [f"{i:06d}" for i in range(20_000)]
    drawn = crm.universal_holdout(keys, 2025, 0.05)
    assert 0.045 < drawn.mean() < 0.055
    assert (crm.universal_holdout(keys[::-1], 2025, 0.05)[::-1] == drawn).all()
    assert crm.universal_holdout(keys[:7], 2025, 0.05).tolist() == drawn[:7].tolist()
    assert (crm.universal_holdout(keys, 2026, 0.05) != drawn).any()


def test_promised_but_missing_suppressions_are_said_aloud() -> None:
    flags = pd.DataFrame({"customer_id": ["a"], "is_gone": [False]} | {
        name: pd.array([True], dtype="boolean") for name in
        ("has_email", "has_phone", "has_address", "consent_email", "consent_sms", "consent_phone", "consent_social")
    })  # fmt: skip
    none = pd.DataFrame({"customer_id": [], "channel": [], "contacts": []})
    given_ = {"contact_cap": 2, "holdout_share": 0.0, "seed": 1}
    assert (
        "mapped but empty"
        in crm.target_lists(flags, none, none, **given_, suppressions_promised=True).so_what
    )
    lost = pd.DataFrame({"customer_id": pd.array([None], dtype="str"), "channel": ["all"]})
    assert "1 suppressions name a key" in crm.target_lists(flags, lost, none, **given_).so_what


# ---------------------------------------------------------------- automation and loyalty


def test_marketing_tasks_need_a_channel_and_service_tasks_do_not() -> None:
    rules = [
        AutomationRule(
            id="m", area="marketing", trigger="promoter", then="ask", owner="crm", due_days=3
        ),
        AutomationRule(
            id="s", area="service", trigger="detractor", then="call", owner="desk", due_days=1
        ),
    ]
    events = pd.DataFrame(
        {
            "trigger": ["promoter", "promoter", "detractor"],
            "subject": list("abb"),
            "customer_id": list("abb"),
        }
    )
    reachable = pd.DataFrame({"customer_id": ["a", "b"], "email": [True, False]})
    answer = crm.automation(rules, events, reachable, AS_OF)
    table = answer.table.set_index("rule")
    assert table.loc["m", ["met", "blocked", "tasks", "due"]].tolist() == [2, 1, 1, "2026-01-03"]
    assert table.loc["s", ["met", "blocked", "tasks", "due"]].tolist() == [1, 0, 1, "2026-01-01"]
    assert answer["tasks"]["owner"].tolist() == ["crm", "desk"]


def test_birthdays_are_found_across_the_turn_of_the_year() -> None:
    care = pd.DataFrame(
        {"customer_id": list("abc"), "birth_month": [1, 12, 3], "birth_day": [4, 31, 1]}
    )
    assert care_days_due(care, AS_OF, "birth")["customer_id"].tolist() == ["a"]


PROGRAMME = LoyaltyProgramme(
    point_value=0.01, tiers=[Tier(name="Basic", from_revenue=0, points_per_unit=1.0), Tier(name="Gold", from_revenue=100, points_per_unit=2.0)],
    believed_lift=0.25, believed_lift_low=0.0, believed_lift_high=0.25,
)  # fmt: skip


def members() -> pd.DataFrame:
    return pd.DataFrame({
        "customer_id": ["a", "b"], "joined_at": pd.to_datetime(["2023-01-01", "2025-06-01"]), "balance": [1000.0, 0.0],
        "earned": [2000.0, 100.0], "redeemed": [600.0, 60.0], "expired": [200.0, 20.0], "earned_12m": [1000.0, 0.0],
        "redeemed_12m": [600.0, 0.0], "expired_12m": [0.0, 0.0], "adjusted_12m": [0.0, 0.0], "revenue_12m": [80.0, 200.0],
        "margin_12m": [25.0, 75.0], "revenue_year_before": [150.0, 0.0],
    })  # fmt: skip


def test_points_by_hand() -> None:
    table = crm.programme_return(members(), PROGRAMME).table.set_index("figure")["amount"]
    assert table["issued in the year"] == pytest.approx(10.0)
    assert table["owed to members (liability)"] == pytest.approx(10 * 0.75)
    assert table["cost of the year's points"] == pytest.approx(10 * 0.75)
    assert table["extra margin, as believed"] == pytest.approx(100 * 0.25 / 1.25)
    paid = PROGRAMME.model_copy(
        update={"tiers": [PROGRAMME.tiers[0], PROGRAMME.tiers[1].model_copy(update={"offer_cost": 3.0})]}
    )  # fmt: skip
    with_offers = crm.programme_return(members(), paid)
    rows = with_offers.table.set_index("figure")["amount"]
    assert (
        rows["cost of the tiers' offers"] == 3.0
    )  # one member reached Gold by last year's revenue
    assert rows["net return of the year"] == pytest.approx(table["net return of the year"] - 3.0)
    assert with_offers.metrics[-1].value == pytest.approx(10.5)
    moves = crm.tier_changes(members(), PROGRAMME, date(2024, 12, 31)).table.set_index(
        ["from_tier", "to_tier"]
    )["members"]
    assert (
        moves["Gold", "Basic"] == 1
        and moves["not a member a year ago", "Gold"] == 1
        and moves.sum() == 2
    )


# ---------------------------------------------------------------- products and referrals


def test_a_planted_pair_is_found_and_chance_is_not() -> None:
    rng = np.random.default_rng(1)
    baskets = [(f"o{i}", f"p{j}") for i in range(600) for j in rng.choice(12, 2, replace=False)]
    baskets += [(f"o{i}", product) for i in range(80) for product in ("tea", "cup")]
    frame = pd.DataFrame(baskets, columns=["order_id", "product_id"])
    products = pd.DataFrame({"product_id": ["tea", "cup"], "name": ["Tea", "Cup"]})
    found = crm.cross_selling(frame, products)["pairs"]
    assert found[["antecedent", "consequent"]].to_numpy().tolist()[0] == ["cup", "tea"]
    assert len(found) <= 3


def test_referred_customers_are_compared_within_the_year_they_were_won() -> None:
    rows = [(f"{year}{kind}{i}", year, kind, base, base, 1) for year, base in ((2023, 100.0), (2024, 300.0))
            for kind, n in ((1, 10 if year == 2023 else 90), (0, 90 if year == 2023 else 10)) for i in range(n)]  # fmt: skip
    columns = [
        "customer_id",
        "won_in",
        "referred",
        "revenue_first_year",
        "margin_first_year",
        "orders_with_cost",
    ]
    values = pd.DataFrame(rows, columns=columns)
    referrals = pd.DataFrame({"converted": pd.array([True] * 3 + [False] * 7, dtype="boolean")})
    table = crm.referral_value(values, referrals, seed=1).table.set_index("group")["mean"]
    assert table["referred"] - table["won otherwise"] == pytest.approx(160)
    assert table["difference, same years"] == pytest.approx(0)


# ---------------------------------------------------------------- next best action


@given(mean=st.floats(-0.2, 0.2), half=st.floats(0, 0.3))
def test_a_belief_is_pulled_to_zero_and_never_past_it(mean: float, half: float) -> None:
    shrunk, spread = crm.shrunken_effect(
        action(
            believed_effect=mean, believed_effect_low=mean - half, believed_effect_high=mean + half
        )
    )
    assert 0 <= shrunk * np.sign(mean) <= abs(mean) + 1e-12 and 0 <= spread <= half / 1.959 + 1e-12


def four_people(**changes: Any) -> pd.DataFrame:
    frame = pd.DataFrame({
        "customer_id": list("abcd"), "segment": ["x", "x", "y", "y"], "strategy": ["develop", "develop", "exit", "appreciate"],
        "active": True, "at_risk": False, "lapsed": False, "detractor": False, "promoter": False,
        "purchase_probability": [0.5, 0.95, 0.5, 0.5], "margin_given_order": [100.0, 100.0, 100.0, 100.0],
        "alive": 1.0, "expected_orders": 1.0, "expected_margin": [100.0, 300.0, 100.0, 100.0], "expected_revenue": [200.0, 600.0, 200.0, 200.0], "leaves": 0.0,
    })  # fmt: skip
    return frame.assign(**changes)


def plan_for(
    frame: pd.DataFrame, actions: list[Action], budget: float = 100.0, **changes: Any
) -> Answer:
    lists = pd.DataFrame(
        {"customer_id": list("abcd"), "email": True, "letter": True, "phone": True} | changes
    )
    holdout = pd.DataFrame({"customer_id": list("abcd"), "holdout": False})
    return crm.next_best_action(
        frame,
        actions,
        lists,
        holdout,
        budget=budget,
        capacity_per_month={"phone": 1},
        months=1,
        seed=1,
    )


def test_actions_keep_consent_and_strategy() -> None:
    choice = plan_for(four_people(), [action()], email=[True, True, True, False])[
        "choice"
    ].set_index("customer_id")
    assert choice["action"].to_dict() == {"a": "mail", "b": "mail", "c": "none", "d": "none"}
    more = -np.log1p(-0.1 * np.e)  # orders that move the share by ten points where e^-1 buy nothing
    assert choice["expected_margin"].to_dict() == pytest.approx(
        {"a": 100 * more, "b": 300 * more, "c": 0.0, "d": 0.0}
    )
    selling = plan_for(four_people(), [action(purpose="cross-sell")])["choice"].set_index(
        "customer_id"
    )["action"]
    assert selling["d"] == "none" and selling["a"] == "mail"


def test_scarce_capacity_goes_to_the_best_and_has_a_price() -> None:
    frame = four_people(
        strategy="develop",
        expected_margin=[100.0, 50.0, 70.0, 80.0],
    )
    plan = plan_for(frame, [action(id="call", channel="phone", unit_cost=2.0)])
    assert plan["choice"].query("action == 'call'")["customer_id"].tolist() == ["a"]
    tight = crm.limits(plan).table.set_index("limit")
    assert tight.loc["contacts by phone", "used"] == 1
    second, best = (-np.log1p(-0.1 * np.e) * worth - 2 for worth in (80, 100))
    price = tight.loc["contacts by phone", "shadow_price"]
    assert second - 1e-6 <= price <= best + 1e-6
    owner = [
        AutomationRule(
            id="r", area="marketing", trigger="high churn risk", then="x", owner="crm", due_days=7
        )
    ]
    made = crm.action_plan(plan, [action(id="call", channel="phone")], owner, [], [], AS_OF)
    assert made[["owner", "due"]].iloc[0].tolist() == ["crm", "2026-01-07"]


def test_the_split_hands_out_the_whole_budget() -> None:
    plan = plan_for(four_people(), [action()])
    values = pd.DataFrame(
        {"customer_id": list("abcd"), "clv": [10.0, 20.0, 30.0, 40.0], "expected_margin_12m": 5.0}
    )
    segments = pd.DataFrame({"customer_id": list("abcd"), "segment": ["x", "x", "y", "y"]})
    strategies = pd.DataFrame({"segment": ["x", "y"], "strategy": ["develop", "exit"]})
    now = pd.DataFrame({"customer_id": list("abcd"), "tenure_days": [10, 500, 500, 500]})
    budget = Budget(total=300.0, acquisition=100.0, retention=200.0)
    table = crm.budget_split(
        budget, values, segments, now, Missing("no spend"), plan, strategies, seed=1
    ).table
    sums = table.groupby("purpose")["amount"].sum()
    assert sums.to_dict() == pytest.approx({"acquisition": 100.0, "retention": 200.0})
    assert table.set_index(["purpose", "segment"]).loc[
        ("retention", "y"), "amount"
    ] == pytest.approx(1.0)


def test_a_customer_who_never_bought_is_worth_a_middling_order_and_not_nothing_known():
    ids = ["a", "b"]
    people = crm.candidates(
        pd.DataFrame({"customer_id": ids, "orders": [2, 0]}),
        pd.DataFrame({"customer_id": ids, "churn_probability": [0.2, 0.9], "purchase_probability": [0.8, 0.1]}),
        pd.DataFrame({"customer_id": ids, "p_alive": [0.9, None], "expected_orders_12m": [1.8, 0.0], "expected_margin_12m": [90.0, 0.0],
                      "margin_12m": [80.0, 0.0], "revenue_12m": [200.0, 0.0]}),
        pd.DataFrame({"customer_id": ids, "segment": ["S1", "S1"]}),
        Missing("no strategies", "none"),
        pd.DataFrame({"customer_id": ["a"], "detractor": [False], "promoter": [True]}),
        churn_above=0.6,
    )  # fmt: skip
    worth = people.set_index("customer_id")["margin_given_order"]
    assert worth["b"] == pytest.approx(50.0, rel=1e-4)
    assert worth["a"] > worth["b"]
    ahead = people.set_index("customer_id").loc["b"]
    assert ahead["expected_orders"] == pytest.approx(-np.log(0.9))
    assert ahead["expected_margin"] == pytest.approx(-50 * np.log(0.9))
    assert ahead["expected_revenue"] == pytest.approx(2.5 * ahead["expected_margin"])
