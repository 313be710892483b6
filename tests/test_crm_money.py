"""Step 6, money: budgets tried, open deals against what must be won, designs of the loyalty programme, referrals."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook import crm
from playbook.answer import Answer, Missing
from playbook.engagement.model import (
    Action,
    BelievedCurve,
    Budget,
    LoyaltyDesign,
    LoyaltyProgramme,
    Tier,
)
from playbook.propensity import filled_in_later

AS_OF = date(2025, 12, 31)


# ---------------------------------------------------------------- budgets tried


def buyers(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({
        "customer_id": [f"c{i:03d}" for i in range(n)], "segment": rng.choice(["x", "y"], n), "strategy": "develop", "active": True,
        "at_risk": False, "lapsed": False, "detractor": False, "promoter": False,
        "purchase_probability": rng.uniform(0, 0.9, n), "margin_given_order": rng.lognormal(3, 1, n), "alive": 1.0, "expected_orders": 1.0, "leaves": 0.0,
    }).assign(expected_margin=lambda f: f["margin_given_order"], expected_revenue=lambda f: 2 * f["margin_given_order"])  # fmt: skip


def letter(unit_cost: float = 1.0, effect: float = 0.1) -> Action:
    return Action(
        id="letter", name="Letter", channel="letter", purpose="retention", unit_cost=unit_cost, believed_effect=effect,
        believed_effect_low=effect / 2, believed_effect_high=1.5 * effect,
    )  # fmt: skip


def tried(people: pd.DataFrame, budget: float, actions: list[Action]) -> Any:
    reach = pd.DataFrame({"customer_id": people["customer_id"], "letter": True})
    free = pd.DataFrame({"customer_id": people["customer_id"], "holdout": False})
    plan = crm.next_best_action(
        people, actions, reach, free, budget=budget, capacity_per_month={}, months=1, seed=1
    )
    return crm.budget_what_if(plan, people, actions, reach, 1), crm.limits(plan)


@pytest.mark.parametrize(("seed", "budget"), [(1, 3.0), (2, 8.0), (3, 40.0)])
def test_more_money_never_earns_less_and_is_never_overspent(seed: int, budget: float) -> None:
    answer, _ = tried(buyers(30, seed), budget, [letter()])
    assert isinstance(answer, Answer)
    table = answer.table
    assert (table["spent"] <= table["budget"] + 1e-9).all()
    assert (table["net"].diff().dropna() >= -1e-9).all()
    assert table.loc[table["change"] == 0, "difference"].tolist() == [0.0]


def test_the_shadow_price_says_what_one_more_unit_returns() -> None:
    people = buyers(3, 1).assign(purchase_probability=0.1, expected_margin=[100.0, 80.0, 60.0])
    effect = -np.log1p(-np.e * crm.shrunken_effect(letter())[0])  # all order once a year
    answer, limits = tried(people, 2.0, [letter()])
    net = np.sort(effect * people["expected_margin"] - 1)[::-1]
    assert answer["base"] == "budget"
    assert answer.table["net"].tolist() == pytest.approx(
        [net[0], net[0], sum(net[:2]), sum(net[:2]), sum(net)]
    )
    money = limits.table.set_index("limit").loc["money"]
    assert net[2] - 1e-6 <= money["shadow_price"] <= net[1] + 1e-6
    assert money["in_words"].startswith("one more unit of money returns")


def test_a_budget_of_zero_and_actions_that_cost_more_than_they_return_are_said_in_words() -> None:
    for budget, action in ((0.0, letter()), (50.0, letter(unit_cost=500.0))):
        answer, _ = tried(buyers(10, 1), budget, [action])
        assert (
            isinstance(answer, Missing) and "believed to earn more than it costs" in answer.reason
        )


# ---------------------------------------------------------------- what must be won


def sales(lost_reasons: list[str], rivals: list[str]) -> pd.DataFrame:
    n = len(lost_reasons)
    day = pd.Timestamp("2025-06-01")
    return pd.DataFrame({
        "opportunity_id": [f"L{i}" for i in range(n)], "created_at": day, "closed_at": day + pd.Timedelta(days=30), "amount": 10.0,
        "is_won": pd.array([False] * n, dtype="boolean"), "loss_reason": lost_reasons, "competitor": rivals,
    })  # fmt: skip


def test_reasons_that_depend_on_the_competitor_are_told_from_chance() -> None:
    tied = crm.loss_reasons(
        sales(["price"] * 15 + ["service"] * 15, ["Cheap"] * 15 + ["Near"] * 15), 1
    )
    assert tied["p_value"] < 0.01 and "against" in tied.so_what
    assert tied.table["lost"].sum() == 60
    loose = crm.loss_reasons(
        sales(["price", "service"] * 15, ["Cheap", "Cheap", "Near", "Near", "Cheap"] * 6), 1
    )
    assert loose["p_value"] > 0.5 and "do not differ" in loose.so_what
    spread = crm.loss_reasons(sales(["price"] * 20, [f"Rival {i}" for i in range(20)]), 1)
    assert list(spread.table["competitor"]) == ["all deals"], "no competitor has five of them"


def deals(won: int, lost: int, still_open: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Deals of 100 each, created on one day of 2025, all through one stage."""
    n = won + lost + still_open
    key = [f"D{i:03d}" for i in range(n)]
    start, end = pd.Timestamp("2025-03-01"), pd.Timestamp("2025-05-01")
    is_won = pd.array([True] * won + [False] * lost + [None] * still_open, dtype="boolean")
    closed = pd.Series([end] * (won + lost) + [pd.NaT] * still_open)
    frame = pd.DataFrame({
        "opportunity_id": key, "customer_id": None, "owner": "A", "amount": 100.0, "created_at": start, "closed_at": closed,
        "expected_close": end, "is_won": is_won,
    })  # fmt: skip
    moves = pd.DataFrame(
        {"opportunity_id": key, "changed_at": start, "from_stage": None, "to_stage": "Offer"}
    )
    last = pd.DataFrame({
        "opportunity_id": key[: won + lost], "changed_at": end, "from_stage": "Offer",
        "to_stage": ["Signed"] * won + ["Gone"] * lost,
    })  # fmt: skip
    return pd.concat([moves, last], ignore_index=True), frame


def test_open_and_new_deals_are_set_against_what_must_be_won() -> None:
    history, frame = deals(20, 20, 10)
    forecast = crm.pipeline_forecast(history, frame, AS_OF, 1)
    answer = crm.sales_coverage(forecast, frame, AS_OF, 1)
    amount = answer.table["amount"].tolist()
    assert amount == pytest.approx([1000.0, 500.0, 2000.0, 2500.0, 2000.0])
    low, high = answer.table.loc[3, ["low", "high"]]
    assert 1800 < low < 2500 < high < 3400
    assert crm.sales_coverage(forecast, frame, AS_OF, 1, target=1e6).metrics[1].value == 0.0
    nothing = frame.assign(is_won=frame["is_won"].mask(frame["is_won"].fillna(False), False))
    assert isinstance(crm.sales_coverage(forecast, nothing, AS_OF, 1), Missing)


def test_a_deal_closed_in_the_future_is_still_open_and_a_reopened_one_makes_no_stage() -> None:
    history, frame = deals(20, 20, 10)
    frame.loc[frame.index[-1], ["closed_at", "is_won"]] = [pd.Timestamp("2062-01-01"), True]
    back = pd.DataFrame({"opportunity_id": ["D025"], "changed_at": [pd.Timestamp("2025-05-02")], "from_stage": ["Gone"], "to_stage": ["Offer"]})  # fmt: skip
    again = back.assign(changed_at=pd.Timestamp("2025-05-20"), from_stage="Offer", to_stage="Gone")
    history = pd.concat([history, back, again], ignore_index=True)
    frame.loc[25, "closed_at"] = pd.Timestamp("2025-05-20")
    assert crm.stage_conversion(history, frame, AS_OF).table["stage"].tolist() == ["Offer"]
    forecast = crm.pipeline_forecast(history, frame, AS_OF, 1)
    assert len(forecast["deals"]) == 10


def test_a_system_that_writes_no_move_at_closing_keeps_its_last_stage() -> None:
    history, frame = deals(20, 20, 10)
    history = history[history["to_stage"] == "Offer"]
    table = crm.stage_conversion(history, frame, AS_OF).table
    assert table[["stage", "entered", "moved_on", "lost", "still_there"]].iloc[0].tolist() == [
        "Offer",
        50,
        20,
        20,
        10,
    ]


# ---------------------------------------------------------------- designs of the loyalty programme


def programme(**changes: Any) -> LoyaltyProgramme:
    given = {
        "point_value": 0.01, "believed_lift": 0.25, "believed_lift_low": 0.15, "believed_lift_high": 0.35,
        "tiers": [Tier(name="Basic", from_revenue=0, points_per_unit=1.0), Tier(name="Gold", from_revenue=100, points_per_unit=2.0)],
    }  # fmt: skip
    return LoyaltyProgramme(**(given | changes))


def members(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    revenue, before = rng.gamma(1.0, 90.0, n), rng.gamma(1.0, 90.0, n)
    earned = np.round(revenue + before)
    lost = np.round(earned * rng.uniform(0, 0.5, n))
    return pd.DataFrame({
        "customer_id": [f"m{i:03d}" for i in range(n)], "joined_at": pd.Timestamp("2023-01-01"), "balance": np.round(0.3 * earned),
        "earned": earned, "redeemed": np.round(0.5 * earned), "expired": lost, "earned_12m": np.round(revenue), "redeemed_12m": 0.0,
        "expired_12m": 0.0, "adjusted_12m": 0.0, "revenue_12m": revenue, "margin_12m": 0.4 * revenue, "revenue_year_before": before,
    })  # fmt: skip


def test_designs_are_costed_on_the_members_by_the_stated_formula() -> None:
    people = members()
    answer = crm.compare_designs(people, programme(), 1)
    table = answer.table.merge(answer["differences"], on="design").set_index("design")
    now = table.loc["as it is"]
    rate = np.where(people["revenue_year_before"] >= 100, 2.0, 1.0)
    issued = float((people["revenue_12m"] * rate).sum()) * 0.01
    lost = people["expired"].sum() / (people["expired"] + people["redeemed"]).sum()
    margin = float(people["margin_12m"].sum())
    assert now["issued"] == pytest.approx(issued)
    assert now["breakage"] == pytest.approx(lost)
    assert now["cost"] == pytest.approx(issued * (1 - lost))
    assert now["needed_lift"] == pytest.approx(now["cost"] / (margin - now["cost"]))
    assert now["net"] == pytest.approx(margin * 0.25 / 1.25 - now["cost"])
    assert now[["against_present", "difference_low", "difference_high", "rise", "fall"]].eq(0).all()
    half, lower = table.loc["half the points"], table.loc["thresholds a quarter lower"]
    assert half["cost"] < now["cost"] and half["believed_lift"] < now["believed_lift"]
    assert (
        lower["rise"] == int(people["revenue_12m"].between(75, 100, inclusive="left").sum())
        and lower["fall"] == 0
    )


def test_a_design_with_a_better_belief_is_recommended_and_a_tie_is_not() -> None:
    tiers = programme().tiers
    better = LoyaltyDesign(name="Free assembly", point_value=0.01, tiers=tiers, believed_lift=0.9, believed_lift_low=0.85, believed_lift_high=0.95)  # fmt: skip
    same = LoyaltyDesign(name="New names", point_value=0.01, tiers=tiers)
    answer = crm.compare_designs(members(), programme(designs=[same, better]), 1)
    assert answer["recommended"] == "Free assembly"
    twin = answer["differences"].set_index("design").loc["New names"]
    assert twin[["against_present", "difference_low", "difference_high"]].tolist() == pytest.approx(
        [0, 0, 0]
    )
    assert crm.compare_designs(members(), programme(designs=[same]), 1)["recommended"] == "as it is"
    with pytest.raises(ValueError, match="believed_lift with its low and high"):
        LoyaltyDesign(name="Half a belief", point_value=0.01, tiers=tiers, believed_lift=0.1)


def rich(name: str, cost: float, lift: float = 0.3) -> LoyaltyDesign:
    tiers = [Tier(name="All", from_revenue=0, points_per_unit=1.0, offer="care", offer_cost=cost)]
    return LoyaltyDesign(name=name, point_value=0.01, tiers=tiers, believed_lift=lift, believed_lift_low=lift - 0.1, believed_lift_high=lift + 0.1)  # fmt: skip


def test_offers_cost_for_members_who_buy_and_not_for_those_who_left() -> None:
    people = members()
    people.loc[people.index[:80], ["revenue_12m", "margin_12m", "earned_12m"]] = 0.0
    table = crm.compare_designs(people, programme(designs=[rich("Free", 0.0), rich("Paid", 2.0)]), 1).table  # fmt: skip
    cost = table.set_index("design")["cost"]
    assert cost["Paid"] - cost["Free"] == pytest.approx(2.0 * 120)
    paid = programme(tiers=rich("Paid", 2.0).tiers)
    booked = crm.programme_return(people, paid).table.set_index("figure")["amount"]
    assert booked["cost of the tiers' offers"] == pytest.approx(2.0 * 120)


def test_beliefs_about_the_programme_count_as_far_as_others_held() -> None:
    designs = [rich("Generous", 0.5, lift=0.6), rich("Nothing", 0.0, lift=0.0)]
    designs[1] = designs[1].model_copy(update={"tiers": [Tier(name="All", from_revenue=0, points_per_unit=0.0)]})  # fmt: skip
    whole, half, none, full, beyond = (crm.compare_designs(members(), programme(designs=designs), 1, held) for held in (None, 0.5, 0.0, 1.0, 1.7))  # fmt: skip
    assert beyond.table.equals(full.table)  # never for more than they say
    lifts = [a["differences"].set_index("design")["believed_lift"] for a in (whole, half, none)]
    assert lifts[1].to_numpy() == pytest.approx(0.5 * lifts[0].to_numpy())
    assert (lifts[2] == 0).all()
    assert [a["expected_best"] for a in (whole, none)] == ["Generous", "Nothing"]
    wide = [
        a.table.set_index("design")["high"] - a.table.set_index("design")["low"]
        for a in (whole, half)
    ]
    assert wide[1]["Generous"] > wide[0]["Generous"]  # contacts are no programme
    assert "count for 50.0 %" in half.so_what.replace("\N{NO-BREAK SPACE}", " ") and "count for" not in whole.so_what  # fmt: skip


def test_two_beliefs_as_wide_as_each_other_do_not_make_a_sure_difference() -> None:
    now = programme(tiers=rich("", 0.0).tiers, believed_lift=0.30, believed_lift_low=0.20, believed_lift_high=0.40)  # fmt: skip
    near, far = rich("Near", 0.0, 0.32), rich("Far", 0.0, 0.70)
    answer = crm.compare_designs(members(), now.model_copy(update={"designs": [near, far]}), 1)
    chance = answer["differences"].set_index("design")["chance_better"]
    assert 0.5 < chance["Near"] < 0.8 and chance["Far"] > 0.99
    assert answer["recommended"] == "Far"
    alone = crm.compare_designs(members(), now.model_copy(update={"designs": [near]}), 1)
    assert alone["recommended"] == "as it is" and alone["expected_best"] == "Near"
    assert "above zero with a chance of" in alone.so_what


@settings(max_examples=8, deadline=None)
@given(st.floats(-0.3, 0.6), st.floats(0.0, 5.0), st.floats(0.01, 5.0), st.floats(0.0, 1.2))
def test_a_design_with_the_same_belief_and_a_higher_cost_is_never_the_best(
    lift: float, cost: float, more: float, held: float
) -> None:
    designs = [rich("Dear", cost + more, lift), rich("Cheap", cost, lift)]
    answer = crm.compare_designs(members(60), programme(designs=designs), 1, held)
    assert answer["expected_best"] != "Dear" and answer["recommended"] != "Dear"


def test_no_programme_no_tiers_and_no_margin_are_said_in_words() -> None:
    assert isinstance(crm.compare_designs(members(), None, 1), Missing)
    assert isinstance(crm.compare_designs(members(), programme(tiers=[]), 1), Missing)
    assert isinstance(
        crm.compare_designs(members().assign(margin_12m=np.nan), programme(), 1), Missing
    )


# ---------------------------------------------------------------- whom a contact changes


def campaign(effect_in: dict[str, float], n: int = 600, seed: int = 1) -> tuple[pd.DataFrame, ...]:
    """One campaign with half of the customers in the control group; margin 20, plus the group's effect when contacted."""
    rng = np.random.default_rng(seed)
    group, treated = rng.choice(list(effect_in), n), rng.random(n) < 0.5
    gain = np.array([effect_in[g] for g in group])
    key = [f"c{i:04d}" for i in range(n)]
    outcomes = pd.DataFrame({
        "campaign_id": "C1", "customer_id": key, "arm": np.where(treated, "treated", "control"), "assignment_probability": 0.5,
        "margin_after": 20 + rng.normal(0, 3, n) + gain * treated, "revenue_year_before": rng.gamma(2.0, 50.0, n),
        "bought": (rng.random(n) < 0.5 + np.sign(gain) * 0.4 * treated).astype(int),
    })  # fmt: skip
    customers = pd.DataFrame({"customer_id": key, "market_segment": group})
    known = pd.DataFrame({"customer_id": key, "orders": rng.poisson(2, n)})
    campaigns = pd.DataFrame({"campaign_id": ["C1"], "name": ["Sale"], "unit_cost": [1.0]})
    return outcomes, known, customers, campaigns


def test_choosing_beats_everybody_where_a_campaign_drives_a_group_away() -> None:
    outcomes, known, customers, campaigns = campaign({"like": 10.0, "loathe": -10.0})
    answer = crm.campaign_uplift(outcomes, known, customers, campaigns, 1)
    row = answer.table.iloc[0]
    assert row["verdict"] == "target by ranking" and row["qini_low"] > 0
    assert row["chosen"] == pytest.approx((customers["market_segment"] == "like").mean(), abs=0.02)
    assert row["targeted"] == pytest.approx(9 * row["chosen"], abs=0.8)
    assert answer["groups"]["group"].tolist() == ["like", "loathe"]
    assert "Leave out 'loathe'" in answer.so_what
    groups = crm.effect_by_group(outcomes, customers, "C1")
    assert groups.table["group"].tolist() == ["like", "loathe"]
    assert groups.headline == "'loathe' is driven away" and "Leave out 'loathe'" in groups.so_what


def test_no_ranking_is_sold_where_nobody_differs() -> None:
    outcomes, known, customers, campaigns = campaign({"a": 0.0, "b": 0.0})
    answer = crm.campaign_uplift(outcomes, known, customers, campaigns, 1)
    assert answer.table["verdict"].tolist() == ["treat none"]  # it costs 1 and brings nothing
    alone = outcomes.assign(arm="treated", assignment_probability=1.0)
    assert isinstance(crm.campaign_uplift(alone, known, customers, campaigns, 1), Missing)
    assert isinstance(crm.effect_by_group(outcomes, customers, "C9"), Missing)
    told = crm.effect_by_group(outcomes, customers, "C1")
    assert told.headline.startswith("The groups cannot be told apart")
    assert told.table["expected"].abs().max() <= told.table["effect"].abs().max() + 1e-12


def test_habit_is_taken_out_of_a_groups_effect_and_rows_may_come_in_any_order() -> None:
    rng = np.random.default_rng(5)
    n = 1200
    before = rng.poisson(2.0, n)
    frame = pd.DataFrame({
        "customer_id": [f"c{i:04d}" for i in range(n)], "group": rng.choice(["a", "b", "c"], n), "assignment_probability": 0.5,
        "arm": rng.choice(["treated", "control"], n), "orders_year_before": before, "revenue_year_before": 40.0 * before,
        "bought": (rng.random(n) < np.minimum(0.15 * before, 0.95)).astype(int),
    })  # fmt: skip
    found = crm.group_effects(frame)
    pd.testing.assert_frame_equal(found, crm.group_effects(frame.sample(frac=1, random_state=1)))
    blind = crm.group_effects(frame.assign(orders_year_before=0, revenue_year_before=0.0))
    errors = [f.set_index("group").sort_index()["standard_error"] for f in (found, blind)]
    assert (errors[0] < 0.95 * errors[1]).all()
    assert np.ptp(found["expected"]) <= np.ptp(found["effect"]) + 1e-12
    assert crm.group_effects(frame.iloc[:50]).empty


def test_a_column_filled_in_later_is_refused_and_one_known_at_the_day_is_not() -> None:
    rng = np.random.default_rng(2)

    def snapshot(filled: float) -> pd.DataFrame:
        churned = rng.random(1500) < 0.4
        status = np.where(rng.random(1500) < filled * np.where(churned, 1.2, 0.9), "closed", None)
        return pd.DataFrame({"churned": churned.astype(int), "status": status, "country": rng.choice(["SE", "DE"], 1500), "orders": rng.poisson(2, 1500)})  # fmt: skip

    old, middle, new = (snapshot(filled) for filled in (0.4, 0.25, 0.1))
    names = ["status", "country", "orders"]
    assert filled_in_later(old, new, names, middle)["refused"].tolist() == [
        True,
        False,
        False,
    ]
    assert not filled_in_later(old, snapshot(0.4), names)["refused"].any()
    assert not filled_in_later(new, old, names)["refused"].any()  # recorded only since lately
    keys = [frame.assign(key=[f"k{i}" for i in range(1500)]) for frame in (old, new)]
    assert filled_in_later(*keys, ["key"]).empty


# ---------------------------------------------------------------- referrals


def test_a_referral_programme_breaks_even_by_the_stated_formula() -> None:
    answered = pd.DataFrame(
        {"customer_id": ["a", "b", "c", "d"], "promoter": [True, True, False, True]}
    )
    referrers = pd.DataFrame({"customer_id": ["a", "c"], "referrals": [2, 1], "converted": [1, 1]})
    reach = pd.DataFrame({"customer_id": list("abcd"), "email": [True, True, True, False]})
    who = crm.ambassadors(referrers, answered, reach)
    assert who.table[["customers", "contactable", "converted"]].to_numpy().tolist() == [
        [1, 1, 1],
        [2, 1, 0],
        [1, 1, 1],
    ]
    assert who["list"]["customer_id"].tolist() == ["a", "b", "d", "c"]
    rows = [(f"r{i}", 2024, 1, 100.0, 100.0, 1) for i in range(20)] + [(f"o{i}", 2024, 0, 80.0, 80.0, 1) for i in range(20)]  # fmt: skip
    columns = [
        "customer_id",
        "won_in",
        "referred",
        "revenue_first_year",
        "margin_first_year",
        "orders_with_cost",
    ]
    values = pd.DataFrame(rows, columns=columns)
    made = pd.DataFrame({"converted": pd.array([True] * 5, dtype="boolean")})
    table = crm.referral_break_even(crm.referral_value(values, made, 1), who).table
    usual, value = 1 / 3, 100.0
    for row in table.itertuples():
        extra = row.extra_needed / 100
        assert extra * value - (usual + extra) * row.reward == pytest.approx(0.0, abs=1e-9)
    without_cost = crm.referral_value(values.assign(orders_with_cost=0), made, 1)
    assert isinstance(crm.referral_break_even(without_cost, who), Missing)


# ---------------------------------------------------------------- winning against keeping


def test_the_plans_curve_stands_in_where_the_months_show_none_and_is_said() -> None:
    months = pd.date_range("2025-01-01", periods=12, freq="MS")
    spend = pd.DataFrame(
        {
            "month": months,
            "channel": "Search",
            "purpose": "acquisition",
            "spend": 100.0,
            "new_customers": 10,
        }
    )
    channels = crm.acquisition_channels(spend)
    assert channels["reading"] is None and "vary" in channels.so_what
    key = [f"c{i}" for i in range(10)]
    values = pd.DataFrame({"customer_id": key, "clv": 50.0, "expected_margin_12m": 50.0})
    segments = pd.DataFrame({"customer_id": key, "segment": "x"})
    now = pd.DataFrame({"customer_id": key, "tenure_days": 100})
    curve = BelievedCurve(prospects=100, ceiling=0.4, k=0.25)
    plain = Budget(total=600, acquisition=300, retention=300)
    for budget, basis, back in (
        (plain, "on average", 50.0 / 10.0),
        (plain.model_copy(update={"acquisition_curve": curve}), "at the margin, by the plan's curve", 50 * 0.4 * 0.25 * np.exp(-0.25 * 3)),
    ):  # fmt: skip
        answer = crm.budget_split(budget, values, segments, now, channels, seed=1)
        row = answer["returns"].set_index("purpose").loc["acquisition"]
        assert (row["basis"], row["marginal_return"]) == (basis, pytest.approx(back))
    assert "winning pays up to 644 a year" in answer.so_what  # 100 prospects, A* = 6.43775 each
