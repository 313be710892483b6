"""Step 7: what changed, what it is made of, and what work without a campaign added."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook import figures, monitoring
from playbook.answer import Answer, Missing
from playbook.engagement.model import Initiative
from playbook.errors import NotEnough
from playbook.monitoring.rollout import NEVER, Panel, rollout_effect, smallest_effect

DAY, BEFORE = date(2025, 12, 31), date(2024, 12, 31)
EMPTY = pd.DataFrame()


# then and now


def _windows(then: dict, now: dict) -> pd.DataFrame:
    blank = {"first_order": pd.Timestamp("2023-12-01"), "guest_orders": 0, "previous_customers": None, "retained_customers": None}  # fmt: skip
    rows = []
    for ago, given_ in ((0, now), (1, then)):
        row = blank | {"years_ago": ago, "after_day": pd.Timestamp(BEFORE) - pd.DateOffset(years=ago)} | given_  # fmt: skip
        row |= {"customer_revenue": row.get("customer_revenue", row["revenue"]), "priced_revenue": row["revenue"]}  # fmt: skip
        row |= {f"{n}_squared": 1.0 for n in ("revenue", "margin", "orders", "customer_revenue")}
        rows.append(row)
    return pd.DataFrame(rows)


def _year(customers: int, orders: int, revenue: float, margin: float, **more: float) -> dict:
    return {"active_customers": customers, "orders": orders, "revenue": revenue, "margin": margin} | more  # fmt: skip


def test_each_cause_gets_what_it_moved() -> None:
    windows = _windows(_year(100, 200, 4000.0, 2000.0), _year(150, 300, 6000.0, 3000.0))
    answer = monitoring.then_and_now(windows, EMPTY, BEFORE)
    parts = answer["parts"].set_index(["metric", "cause"])["part"]
    assert dict(parts["Revenue"]) == {"active customers": 2000.0}
    assert dict(parts["Gross margin"]) == {"active customers": 1000.0}
    assert dict(parts["Orders"].round(9)) == {"active customers": 100.0}


money = st.floats(0, 1e6).map(lambda v: round(v, 2))
year = st.tuples(st.integers(0, 500), st.integers(0, 900), money, st.floats(0, 1), st.integers(0, 50), money)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(year, year, st.integers(0, 500))
def test_the_parts_of_every_figure_add_up_to_its_change(then: tuple, now: tuple, kept: int) -> None:
    rows = []
    for customers, orders, revenue, rate, guests, guest_revenue in (then, now):
        customers, orders = (customers, orders) if customers and orders else (0, 0)
        sold = revenue if orders else 0.0
        total = round(sold + (guest_revenue if guests else 0.0), 2)
        rows.append(_year(customers, orders, total, round(total * rate, 2), guest_orders=guests, customer_revenue=sold))  # fmt: skip
    rows[1] |= {"previous_customers": rows[0]["active_customers"], "retained_customers": min(kept, rows[0]["active_customers"], rows[1]["active_customers"])}  # fmt: skip
    answer = monitoring.then_and_now(_windows(*rows), EMPTY, BEFORE)
    assert isinstance(answer, Answer)
    parts = answer["parts"]
    for _, own in parts.groupby("metric"):
        exact = 0.0051 if own["unit"].iloc[0] == "currency" else 1e-9
        assert math.isclose(own["part"].sum(), own["change"].iloc[0], rel_tol=1e-12, abs_tol=exact)
    euros = parts[(parts["metric"] == "Revenue")]
    assert math.isclose(euros["part"].sum(), rows[1]["revenue"] - rows[0]["revenue"], abs_tol=0.0051) or euros.empty  # fmt: skip


def test_equity_retention_and_answers_are_split_as_well() -> None:
    windows = _windows(_year(100, 200, 4000.0, 2000.0), _year(100, 200, 4000.0, 2000.0))
    ids = [f"{i:03d}" for i in range(100)]
    value = {"revenue_12m": 10.0, "margin_12m": 5.0}
    old = pd.DataFrame({"customer_id": ids, "p_alive": 0.5, "clv": 10.0, **value})
    new = pd.DataFrame({"customer_id": [*ids, "new"], "p_alive": 0.5, "clv": 10.0, **value})
    kept = pd.DataFrame(
        {"window_name": ["before", "before", "after", "after"], "tenure": ["won in the base year", "won earlier"] * 2,
         "customers": [50, 50, 80, 20], "kept": [10, 40, 16, 16]}
    )  # fmt: skip
    asked = pd.DataFrame(
        [{"response_id": f"{y}{i}", "customer_id": str(i), "wave": str(y), "answered_at": pd.Timestamp(year=y, month=6, day=1),
          "kind": "nps", "value": 10.0 if i < promoters else 0.0, "scale_max": 10.0}
         for y, promoters in ((2024, 50), (2025, 60)) for i in range(100)]
    )  # fmt: skip
    args = windows, kept, BEFORE, old, new, asked
    answer = monitoring.then_and_now(*args)
    parts = answer["parts"].set_index(["metric", "cause"])["part"]
    assert dict(parts["Customer equity"]) == {"customers on record": 10.0}
    assert parts["Retention rate"].index.tolist() == ["more newcomers among them"]
    assert math.isclose(
        parts["Retention rate"].iloc[0], -0.18
    )  # 30 points more newcomers, of whom 60 points fewer stay
    assert dict(parts["Net Promoter Score"].round(9)) == {"promoters": 10.0, "detractors": 10.0}
    assert figures.then_and_now(answer)._repr_png_()
    shuffled = (windows[::-1], kept[::-1], BEFORE, old[::-1], new[::-1], asked[::-1])
    pd.testing.assert_frame_equal(answer.table, monitoring.then_and_now(*shuffled).table)


def test_without_a_second_year_nothing_is_compared() -> None:
    windows = _windows(_year(1, 1, 1.0, 1.0), _year(1, 1, 1.0, 1.0))
    late = windows.assign(first_order=pd.Timestamp("2024-11-01"))
    assert isinstance(monitoring.then_and_now(late, EMPTY, BEFORE), Missing)
    assert isinstance(monitoring.then_and_now(windows[windows["years_ago"] == 0], EMPTY, BEFORE), Missing)  # fmt: skip


# capability


def _scores(change: float, answers: int = 40) -> pd.DataFrame:
    return pd.DataFrame(
        [{"years_ago": ago, "department": d, "capability": c, "answers": answers,
          "score": 3.0 + (change if ago == 0 and d == "Sales" else 0.0), "deviation": 0.8}
         for ago in (0, 1) for d in ("Sales", "Service", "Stores") for c in ("knows", "acts")]
    )  # fmt: skip


def test_progress_of_capability_is_tested_and_noise_is_not_praised() -> None:
    moved = monitoring.capability_progress(_scores(1.0)).table.set_index("name")
    assert moved.loc["Sales", "verdict"] == "rose" and math.isclose(moved.loc["Sales", "change"], 1)
    assert moved.loc["Stores", "verdict"] == "within chance"
    assert math.isclose(moved.loc["all departments", "change"], 1 / 3)
    still = monitoring.capability_progress(_scores(0.1))
    assert set(still.table["verdict"]) == {"within chance"} and "not move" in still.headline
    one_year = _scores(0.0).query("years_ago == 0")
    assert isinstance(monitoring.capability_progress(one_year), Missing)
    assert isinstance(monitoring.capability_progress(_scores(1.0, answers=4)), Missing)


# initiatives without a campaign

PLACES = [f"place {i:02d}" for i in range(12)]


def _places(effect: float = 0.0, trend: float = 0.0, treated: int = 4, months: int = 36) -> pd.DataFrame:  # fmt: skip
    """Monthly margin of twelve places; the first ones gain ``effect`` a customer and month from June 2025 (month 29)."""
    rng = np.random.default_rng(4)
    dates = pd.date_range("2023-01-01", periods=months, freq="MS")
    rows = []
    for i, place in enumerate(PLACES):
        size = 100 + 20 * i
        mine = i < treated
        per = 10 + 3 * np.sin(np.arange(months) / 12 * 2 * np.pi) + rng.normal(0, 0.5, months)
        per = per + mine * (effect * (np.arange(months) >= 29) + trend * np.arange(months))
        rows.append(pd.DataFrame({"kind": "region", "place": place, "month": dates, "revenue": 2 * per * size,
                                  "margin": per * size, "new_customers": 0, "customers": float(size)}))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def _initiative(**changes: object) -> Initiative:
    data = {
        "id": "work", "name": "Work", "objectives": [], "start": date(2025, 6, 1), "end": date(2025, 12, 1), "budget": 1000.0,
        "rollout": {"by": "region", "starts": dict.fromkeys(PLACES[:4], date(2025, 6, 1))},
    }  # fmt: skip
    return Initiative.model_validate(data | changes)


def test_a_staggered_start_shows_what_the_work_added() -> None:
    answer = monitoring.initiative_effects([_initiative()], _places(2.0), DAY, 1)
    row = answer["numbers"].iloc[0]
    assert row["low"] < 14 < row["high"] and row["low"] > 0 and row["verdict"] == "gained"
    assert (row["treated"], row["control"], row["months"]) == (520, 2000, 7)
    assert math.isclose(row["incremental_margin"], row["effect"] * 520)
    assert math.isclose(row["return"], row["incremental_margin"] / 1000 - 1)
    assert math.isclose(1.96 * row["standard_error"], (row["high"] - row["low"]) / 2)
    months = answer["months"].table
    assert list(months["begun"]).index(True) == 29 and math.isclose(months["gap"][17:29].mean(), 0, abs_tol=1e-9)  # fmt: skip
    assert (months["low"][29:] > 0).all() and ((months["low"] < 0) & (months["high"] > 0))[:29].mean() > 0.8  # fmt: skip
    drawn = figures.lines(answer["months"], x="month", y="gap", group="initiative", low="low", high="high", mark="begun")  # fmt: skip
    assert drawn._repr_png_()
    idle = monitoring.initiative_effects([_initiative()], _places(0.0), DAY, 1)["numbers"].iloc[0]
    assert idle["low"] < 0 < idle["high"] and idle["verdict"] == "no effect shown"
    assert "campaign" in repr(monitoring.initiative_effects([_initiative(campaigns=["A"])], _places(), DAY, 1))  # fmt: skip


def test_the_order_of_places_and_months_does_not_matter_and_twice_gives_the_same() -> None:
    places = _places(1.0)
    first, again, shuffled = (
        monitoring.initiative_effects([_initiative()], f, DAY, 1)["numbers"]
        for f in (places, places, places.sample(frac=1, random_state=1))
    )
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    pd.testing.assert_frame_equal(first, shuffled, check_exact=True)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rollout": None}, "does not say where"),
        ({"rollout": {"by": "region", "starts": {"Atlantis": date(2025, 6, 1)}}}, "no such place"),
        ({"rollout": {"by": "region", "starts": dict.fromkeys(PLACES, date(2025, 6, 1))}}, "everywhere at once"),
        ({"rollout": {"by": "region", "starts": {PLACES[0]: date(2025, 6, 1)}}}, "12 ways"),
        ({"rollout": {"by": "region", "starts": {PLACES[0]: date(2023, 6, 1)}}}, "months of orders before"),
        ({"rollout": {"by": "region", "starts": {PLACES[0]: date(2025, 11, 1)}}}, "fewer than 3"),
        ({"rollout": {"by": "region", "starts": {PLACES[0]: date(2026, 6, 1)}}}, "begun nowhere"),
        ({"rollout": {"by": "country", "starts": {PLACES[0]: date(2025, 6, 1)}}}, "country"),
    ],
)  # fmt: skip
def test_what_cannot_be_attributed_says_why(changes: dict, reason: str) -> None:
    answer = monitoring.initiative_effects([_initiative(**changes)], _places(2.0), DAY, 1)
    row = answer["numbers"].iloc[0]
    assert row["verdict"] == "not attributable" and reason in row["reason"]
    assert math.isnan(row["effect"]) and row["cost"] == 1000 and "half of the 12 regions" in answer.so_what  # fmt: skip


def test_places_that_moved_apart_before_are_not_attributable() -> None:
    row = monitoring.initiative_effects([_initiative()], _places(2.0, trend=0.2), DAY, 1)["numbers"].iloc[0]  # fmt: skip
    assert "moved apart before" in row["reason"] and math.isnan(row["effect"])
    assert row["pretrend_p"] < 0.05


def test_staggered_starts_compare_only_with_places_not_yet_treated() -> None:
    values = np.zeros((6, 36))
    starts = np.array([20, 20, 24, 24, NEVER, NEVER])
    for place, start in enumerate(starts):
        values[place, start:] = 1.0
    panel = Panel(values, np.full(6, 50.0), list("abcdef"), pd.date_range("2023-01-01", periods=36, freq="MS"))  # fmt: skip
    found = rollout_effect(panel, starts, 1)
    assert math.isclose(found.effect, (16 + 12) / 2) and found.low <= found.effect <= found.high
    with pytest.raises(NotEnough, match="at once"):
        rollout_effect(panel, np.full(6, 20), 1)
    assert math.isnan(smallest_effect(panel, 30, 1))


# choices of two years


def _choices(shift: float, people: int = 128, seed: int = 2) -> pd.DataFrame:
    """Two attributes; the second half answers this year, when ``fast`` is worth ``shift`` more."""
    rng = np.random.default_rng(seed)
    person, task, alternative = (x.ravel() for x in np.indices((people, 6, 2)))
    now = person >= people // 2
    fast, price = rng.integers(0, 2, len(person)), rng.choice([10.0, 20.0, 30.0], len(person))
    utility = (0.3 + shift * now) * fast - 0.05 * price + rng.gumbel(size=len(person))
    chosen = utility.reshape(-1, 2).argmax(axis=1)
    return pd.DataFrame(
        {"respondent_id": [f"P{i:03d}" for i in person], "customer_id": [f"{i:03d}" for i in person], "task": task + 1,
         "alternative": alternative + 1, "chosen": alternative == np.repeat(chosen, 2), "is_none": False, "version": "1",
         "is_holdout": False, "answered_at": np.where(now, pd.Timestamp("2025-10-15"), pd.Timestamp("2024-10-15")),
         "speed": np.where(fast == 1, "next day", "standard"), "price": [f"{p:g}" for p in price]}
    )  # fmt: skip


SEGMENTS = pd.DataFrame({"customer_id": [f"{i:03d}" for i in range(128)], "segment": ["a", "b"] * 64})  # fmt: skip


def test_a_shift_of_taste_is_found_and_none_is_quiet() -> None:
    moved = monitoring.choice_shift(_choices(1.5), SEGMENTS, BEFORE)
    table = moved.table.set_index(["segment", "attribute"])
    assert set(table.xs("speed", level=1)["verdict"]) == {"shifted"}
    assert set(table.xs("price", level=1)["verdict"]) == {"stable"}
    assert table.loc[("a", "speed"), "n_before"] == 32 and "next day" in moved.so_what
    still = monitoring.choice_shift(_choices(0.0), SEGMENTS, BEFORE)
    assert set(still.table["verdict"]) == {"stable"} and "keep last year's offers" in still.so_what
    shuffled = monitoring.choice_shift(_choices(1.5).sample(frac=1, random_state=3), SEGMENTS[::-1], BEFORE)  # fmt: skip
    pd.testing.assert_frame_equal(moved.table, shuffled.table, rtol=1e-6)


def test_a_vanished_segment_and_one_year_of_choices_give_no_verdict() -> None:
    few = SEGMENTS.assign(segment=["a"] * 118 + ["gone"] * 10)
    table = monitoring.choice_shift(_choices(0.0), few, BEFORE).table
    assert list(table.loc[table["segment"] == "gone", "verdict"]) == ["not enough data"]
    later = monitoring.choice_shift(_choices(0.0), SEGMENTS, DAY)
    assert isinstance(later, Missing) and "last year" in later.reason


# what may vanish or appear between two years


def test_a_vanished_segment_is_counted_and_a_new_channel_is_compared() -> None:
    ids = [f"{i:03d}" for i in range(200)]
    before = pd.DataFrame({"customer_id": ids, "segment": ["a"] * 150 + ["gone"] * 50})
    moves = monitoring.migration(before, before.assign(segment="a")).table.set_index("segment")
    assert tuple(moves.loc["gone", ["last_year", "now", "stayed"]]) == (50, 0, 0.0)
    favourites = pd.DataFrame(
        [{"customer_id": i, "years_ago": ago, "dimension": "channel", "name": "new app" if ago == 0 and n < 80 else "shop"}
         for ago in (0, 1) for n, i in enumerate(ids)]
    )  # fmt: skip
    span = pd.DataFrame({"first_day": [pd.Timestamp("2023-01-02")]})
    found = monitoring.drift(EMPTY, EMPTY, favourites, EMPTY, span, BEFORE)
    assert list(found.table["verdict"]) == ["shifted"] and "from 100.0 % to 60.0 %" in found.so_what


def test_missing_surveys_campaigns_and_outcomes_leave_the_rest_standing() -> None:
    missing = Missing("not delivered")
    span = pd.DataFrame({"first_day": [pd.Timestamp("2023-01-02")]})
    snapshot = pd.DataFrame({"customer_id": [f"{i}" for i in range(300)], "orders": 1 + np.arange(300) % 3, "revenue": 1.0 + np.arange(300)})  # fmt: skip
    found = monitoring.drift(snapshot, snapshot, EMPTY, EMPTY, span, BEFORE, outcomes=missing)
    assert set(found.table["verdict"]) == {"stable"}
    windows = _windows(_year(100, 200, 4000.0, 2000.0), _year(150, 300, 6000.0, 3000.0))
    changes = monitoring.then_and_now(windows, EMPTY, BEFORE, missing, missing, EMPTY, missing)
    assert list(changes.table["figure"]) == ["Revenue", "Gross margin", "Orders"]
    assert monitoring.initiative_effects(missing, EMPTY, DAY, 1) is missing
    no_orders = monitoring.initiative_effects([_initiative()], EMPTY, DAY, 1)["numbers"].iloc[0]
    assert no_orders["verdict"] == "not attributable" and "orders by place" in no_orders["reason"]
    no_costs = _places().assign(margin=np.nan)
    row = monitoring.initiative_effects([_initiative()], no_costs, DAY, 1)["numbers"].iloc[0]
    assert "cost of goods" in row["reason"]
