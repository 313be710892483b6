"""Step 5: stage conversion, removal effects, promises, incidents, value at risk and call backs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from playbook import experience, figures
from playbook.answer import Answer, Missing
from playbook.experience.callbacks import CAUSES
from playbook.experience.incidents import counted, incident_events
from playbook.experience.service import against_promise
from playbook.warehouse import Warehouse

AS_OF = date(2025, 12, 31)
PROMISED = SimpleNamespace(
    first_response_hours={"high": 6.0, "low": 24.0},
    resolution_hours={"high": 48.0, "low": 120.0},
    share_within=0.9,
)
QUERIES: dict[str, dict[str, Any]] = {
    "journeys": {}, "stage_volumes": {}, "customer_stages": {}, "touchpoint_contacts": {}, "contact_outcomes": {},
    "touch_transitions": {"follow_days": 60}, "touch_credit": {"follow_days": 60}, "service_cases": {}, "service_months": {},
    "touchpoint_answers": {}, "respondents": {}, "failed_contacts": {"failures": "late"}, "customer_years": {},
    "purchase_occasions": {"days": 30}, "occasion_contacts": {"days": 30, "failures": "late"}, "satisfaction_followed": {},
    "contact_permissions": {}, "customer_touchpoints": {"failures": "late"},
}  # fmt: skip


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """Every query of this step over a client without a single table."""
    empty = Warehouse(tmp_path_factory.mktemp("tables"), AS_OF)
    since = {"since": date(2024, 12, 31)}
    return {name: empty.query(name, **(since | more)) for name, more in QUERIES.items()}


def people(n: int, considered: int, ordered: int) -> pd.DataFrame:
    """Persons first met on 2025-06-01, who consider after two days and order after four more."""
    start = pd.Timestamp("2025-06-01")
    place = np.arange(n)
    never = pd.Series(pd.NaT, index=place, dtype="datetime64[us]")
    at = never.where(place < 0)
    return pd.DataFrame({
        "person": [f"p{i:04d}" for i in place],
        "customer_id": pd.Series([f"{i:04d}" if i < ordered else None for i in place], dtype="str"),
        "entry_touchpoint": "search ad",
        "entry_channel": ["web" if i % 2 else "store" for i in place],
        "awareness_at": at.fillna(start),
        "consideration_at": at.where(place >= considered, start + pd.Timedelta(days=2)),
        "ordered_at": at.where(place >= ordered, start + pd.Timedelta(days=6)),
        "support_at": at,
        "loyalty_at": at,
    })  # fmt: skip


def volumes() -> pd.DataFrame:
    return pd.DataFrame({"stage": ["awareness"], "contacts": [100], "persons": [100], "customers": [0], "cost": [1.0]})  # fmt: skip


def test_the_journey_counts_who_moves_on_and_how_fast() -> None:
    found = experience.journey(people(100, 60, 30), volumes(), AS_OF)
    by = found.table.set_index("stage")
    assert by.loc["consideration", "share"] == pytest.approx(0.6)
    assert by.loc["purchase", "share"] == pytest.approx(0.5)
    assert by.loc["purchase", "median_days"] == pytest.approx(4)
    assert by.loc["purchase", "per_1000"] == pytest.approx(300)
    assert found["overall"]["share"] == pytest.approx(0.3)
    assert (by["low"].dropna() <= by["share"].dropna()).all()


def test_people_who_cannot_be_followed_do_not_count_as_lost() -> None:
    late = people(50, 0, 0).assign(awareness_at=pd.Timestamp("2025-12-20"), person=[f"q{i}" for i in range(50)])  # fmt: skip
    both = pd.concat([people(100, 60, 30), late], ignore_index=True)
    assert experience.journey(both, volumes(), AS_OF).table["entered"].iloc[0] == 100


def test_channels_of_first_contact_are_sorted_by_share_ordering() -> None:
    table = experience.journey_by_channel(people(100, 60, 31), AS_OF).table
    assert list(table["first_channel"]) == ["store", "web"]
    assert table["ordered"].tolist() == pytest.approx([16 / 50, 15 / 50])


def test_removal_effects_of_a_chain_solved_by_hand() -> None:
    # start -> a (60) or b (40); a -> b (30) or order (30); b -> order (35) or lost (35)
    moves = [("(start)", "a", 60), ("(start)", "b", 40), ("a", "b", 30), ("a", "(order)", 30), ("b", "(order)", 35), ("b", "(no order)", 35)]  # fmt: skip
    transitions = pd.DataFrame(moves, columns=["from_touchpoint", "to_touchpoint", "moves"])
    credit = pd.DataFrame({"touchpoint": ["a", "b"], "stage": "awareness", "journeys": [60, 70], "orders": [45, 35],
                           "orders_first": [45, 20], "orders_last": [30, 35]})  # fmt: skip
    table = experience.removal_effects(transitions, credit, AS_OF, seed=1).table.set_index(
        "touchpoint"
    )
    # base 0.65; without a 0.4 x 0.5 = 0.2; without b 0.6 x 0.5 = 0.3
    assert table.loc["a", "removal_effect"] == pytest.approx(1 - 0.2 / 0.65)
    assert table.loc["b", "removal_effect"] == pytest.approx(1 - 0.3 / 0.65)
    assert table.loc["a", "low"] < table.loc["a", "removal_effect"] < table.loc["a", "high"]
    assert table["first_touch"].sum() == pytest.approx(1)


def cases() -> pd.DataFrame:
    """Six cases: in time, first answer late, resolved late, open and overdue, open and not due, of no priority."""
    hours = [(1, 20, 500), (10, 20, 500), (1, 60, 500), (1, None, 100), (None, None, 3), (1, 1, 500)]  # fmt: skip
    table = pd.DataFrame(hours, columns=["first_response_hours", "resolution_hours", "age_hours"], dtype=float)  # fmt: skip
    opened = pd.Timestamp("2026-01-01") - pd.to_timedelta(table["age_hours"], unit="h")
    return table.assign(
        ticket_id=[f"T{i}" for i in range(6)], customer_id=pd.Series([f"c{i}" for i in range(6)], dtype="str"),
        opened_at=opened, channel="phone", topic="delivery", priority=pd.Series([*["high"] * 5, None], dtype="str"), country="SE",
        reopened=pd.array([False, True, False, None, None, False], dtype="boolean"), csat=[5, 2, 4, None, None, 5],
        further_contacts=0, elsewhere=0,
    )  # fmt: skip


def test_a_promise_is_missed_kept_or_not_yet_due() -> None:
    judged = against_promise(cases(), PROMISED)
    assert judged["slow_first"].tolist() == [False, True, False, False, pd.NA, pd.NA]
    assert judged["slow_resolution"].tolist() == [False, False, True, True, pd.NA, pd.NA]


def test_service_levels_count_overdue_cases_as_missed() -> None:
    found = experience.service_levels(cases(), PROMISED, AS_OF)
    total = found.table.set_index("priority").loc["all"]
    assert (total["first_in_time"], total["resolved_in_time"]) == (3 / 4, 2 / 4)
    assert total["reopened"] == 1 / 4
    assert "for sure" not in found.so_what or total["resolved_in_time_high"] < 0.9


def test_service_levels_without_a_promise_ask_for_one() -> None:
    missing = experience.service_levels(cases(), None, AS_OF)
    assert isinstance(missing, Missing) and "engagement.yml" in missing.ask


def test_backlog_finds_the_month_outside_the_limits() -> None:
    months = pd.DataFrame({"month": pd.date_range("2024-01-01", periods=24, freq="MS"), "opened": 10, "resolved": 10,
                           "backlog": [5.0, *[5.0, 6.0] * 11, 40.0], "first_opened": pd.Timestamp("2024-01-02")})  # fmt: skip
    found = experience.backlog(months)
    assert found["chart"]["outside"].sum() == 1 and bool(found.table["outside"].iloc[0])
    assert "December most with 40" in found.so_what


def failed_contacts() -> pd.DataFrame:
    return pd.DataFrame({
        "interaction_id": ["1", "2", "3", "4"],
        "customer_id": pd.Series(["c1", "c1", "c1", "c2"], dtype="str"),
        "occurred_at": pd.to_datetime(["2025-03-01", "2025-04-01", "2023-01-01", "2025-05-01"]),
        "stage": "support",
        "touchpoint": pd.Series(["delivery", "delivery", "chat", "phone"], dtype="str"),
        "outcome": pd.Series(["late", "late", "not solved", "not solved"], dtype="str"),
    })  # fmt: skip


def test_an_outcome_at_several_touchpoints_is_one_pain_of_its_stage() -> None:
    events = incident_events(failed_contacts(), cases().head(0), PROMISED)
    assert sorted(set(events["pain"])) == ["late at delivery", "not solved at service"]


def test_incidents_count_in_the_window_before_a_time_only() -> None:
    events = incident_events(failed_contacts(), cases().head(0), PROMISED)
    rows = pd.DataFrame({"row": [0, 1], "customer_id": pd.Series(["c1", "c2"], dtype="str"), "until": pd.to_datetime(["2025-03-15", "2025-12-31"])})  # fmt: skip
    found = counted(rows, events, "row", "until")
    assert found["late at delivery"].tolist() == [1, 0]
    assert found["not solved at service"].tolist() == [0, 1]


def respondents() -> pd.DataFrame:
    return pd.DataFrame({
        "response_id": ["R1", "R2", "R3", "R4"],
        "customer_id": pd.Series(["c1", "c7", "c8", "c9"], dtype="str"),
        "wave": pd.Series(["H2", "H2", "H1", "H2"], dtype="str"),
        "answered_at": pd.to_datetime(["2025-10-20", "2025-10-21", "2025-05-20", "2025-10-22"]),
        "nps": [3.0, 6.0, 2.0, 9.0],
    })  # fmt: skip


def permissions(**barred: str) -> pd.DataFrame:
    ids = [f"c{i}" for i in range(10)]
    return pd.DataFrame({
        "customer_id": pd.Series(ids, dtype="str"),
        "may_phone": pd.array([i != "c7" for i in ids], dtype="boolean"),
        "may_email": pd.array([barred.get(i) != "silent" for i in ids], dtype="boolean"),
        "is_closed": pd.array([barred.get(i) == "closed" for i in ids], dtype="boolean"),
    })  # fmt: skip


def test_each_customer_is_called_back_once_with_every_cause() -> None:
    rules = [SimpleNamespace(trigger="detractor", owner="care", due_days=2, then="Call")]
    roles = [SimpleNamespace(id="desk", department="Service")]
    value = pd.DataFrame({"customer_id": [f"c{i}" for i in range(10)], "clv": 10.0})
    found = experience.callbacks(respondents(), cases(), permissions(), AS_OF, value, rules, roles, PROMISED)  # fmt: skip
    table = found.table.set_index("customer_id")
    assert table.index.is_unique and set(table.index) == {"c1", "c3", "c7"}
    assert (
        table.loc["c1", "cause"] == "detractor; case reopened; dissatisfied with a case"
    )  # last wave, case T1
    assert table.loc["c3", "cause"] == "open case beyond the promise"
    assert (table.loc["c3", "owner"], table.loc["c7", "owner"]) == ("desk", "care")
    assert table.loc["c7", "by"] == "e-mail"
    assert (table["due"] == pd.Timestamp("2026-01-02")).all()  # two working days after Wednesday


def test_nobody_closed_or_silent_is_called_back() -> None:
    found = experience.callbacks(respondents(), cases(), permissions(c3="closed", c7="silent"), AS_OF, Missing("no value"), [], [], PROMISED)  # fmt: skip
    assert list(found.table["customer_id"]) == ["c1"]
    assert "2 left out" in found.caption
    assert found.table["owner"].tolist() == ["to be named"]


@settings(max_examples=10, deadline=None)
@example(date(2025, 1, 4), 0)  # a Saturday
@example(date(2024, 12, 31), 1)
@given(st.dates(date(2024, 1, 1), date(2026, 12, 31)), st.integers(0, 10))
def test_due_dates_are_working_days_not_before_the_period_ends(day: date, days: int) -> None:
    rules = [
        SimpleNamespace(trigger=t, owner="x", due_days=days, then="Call")
        for t in set(CAUSES.values())
    ]
    stamp = pd.Timestamp(day.isoformat()) - pd.Timedelta("3D")
    low = respondents().head(1).assign(answered_at=stamp)
    found = experience.callbacks(low, cases().head(0), permissions(), day, Missing("no value"), rules, [], PROMISED)  # fmt: skip
    due = found.table["due"].iloc[0]
    assert due.date() >= day and due.day_of_week < 5


def test_every_function_answers_a_client_without_data(nothing: dict[str, pd.DataFrame]) -> None:
    q, asked = nothing, Missing("no segments")
    value = pd.DataFrame({"customer_id": pd.Series(dtype="str"), "clv": pd.Series(dtype=float), "p_alive": pd.Series(dtype=float)})  # fmt: skip
    segments = pd.DataFrame({"customer_id": pd.Series(dtype="str"), "segment": pd.Series(dtype="str")})  # fmt: skip
    journey = experience.journey(q["journeys"], q["stage_volumes"], AS_OF)
    touchpoints = experience.touchpoint_table(q["touchpoint_contacts"], q["touchpoint_answers"], q["contact_outcomes"], AS_OF)  # fmt: skip
    pains = experience.customer_incidents(q["customer_years"], q["failed_contacts"], q["service_cases"], PROMISED, AS_OF)  # fmt: skip
    found = [
        journey,
        experience.journey_by_channel(q["journeys"], AS_OF),
        experience.journey_by_segment(q["customer_stages"], q["journeys"], segments, AS_OF),
        experience.journey_by_segment(q["customer_stages"], q["journeys"], asked, AS_OF),
        touchpoints,
        experience.experience_by_segment(q["customer_touchpoints"], q["touchpoint_answers"], segments, AS_OF),
        experience.removal_effects(q["touch_transitions"], q["touch_credit"], AS_OF, seed=1),
        experience.cases_by_channel(q["service_cases"], AS_OF),
        experience.failures_by_channel(q["contact_outcomes"], AS_OF),
        experience.incident_drivers(q["respondents"], q["failed_contacts"], q["service_cases"], PROMISED, AS_OF),
        experience.touchpoint_drivers(q["respondents"], q["touchpoint_answers"], AS_OF),
        experience.case_drivers(q["service_cases"], AS_OF),
        experience.service_levels(q["service_cases"], PROMISED, AS_OF),
        experience.backlog(q["service_months"]),
        experience.case_forecast(q["service_months"], AS_OF, seed=1),
        experience.repeated_contacts(q["service_cases"], AS_OF, asked),
        pains,
        experience.incident_effects(pains, q["purchase_occasions"], q["occasion_contacts"], AS_OF),
        experience.incident_nps(q["respondents"], pains, AS_OF),
        experience.improvements(pains, AS_OF, value=value, journey=journey),
        experience.satisfaction_effects(q["satisfaction_followed"], AS_OF),
        experience.journey_map(touchpoints, AS_OF, journey),
        experience.callbacks(q["respondents"], q["service_cases"], q["contact_permissions"], AS_OF, value),
    ]  # fmt: skip
    assert all(isinstance(answer, Missing) and answer.ask for answer in found[:3] + found[4:])


def inventory() -> Answer:
    table = pd.DataFrame({
        "touchpoint": ["search ad", "recommendation by a friend", "delivery"], "stage": ["awareness", "awareness", "support"],
        "volume": [10, 5, 7], "reach": [9, 5, 6], "customers": [0, 0, 6], "cost": [1.0, 0.0, 9.0], "csat": [np.nan, np.nan, 3.0],
        "csat_low": [np.nan, np.nan, 2.5], "csat_high": [np.nan, np.nan, 3.5], "csat_n": [np.nan, np.nan, 20], "ces": [np.nan, np.nan, 5.0],
        "failure_share": [0.0, np.nan, 0.2], "repeat_7d": [np.nan, np.nan, 0.1], "unit_cost": [0.1, 0.0, 1.2],
    })  # fmt: skip
    return Answer(table, "h", "s", "descriptive", extra={"inventory": table})


def test_the_map_marks_what_fails_and_is_drawn_on_a3() -> None:
    journey = experience.journey(people(100, 60, 30), volumes(), AS_OF)
    found = experience.journey_map(inventory(), AS_OF, journey)
    assert found.table.set_index("touchpoint")["is_pain"].to_dict() == {"search ad": False, "recommendation by a friend": False, "delivery": True}  # fmt: skip
    png = figures.journey_map(found).png(dpi=40)
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") > int.from_bytes(png[20:24], "big")  # landscape
    assert figures.funnel(journey).png(dpi=40).startswith(b"\x89PNG")


def test_the_queries_say_what_a_row_is_and_end_in_order() -> None:
    folder = Path(experience.__file__).parents[1] / "queries"
    for name in QUERIES:
        text = (folder / f"{name}.sql").read_text(encoding="utf-8")
        assert text.startswith("-- one row: ") and "order by" in text.rstrip().splitlines()[-1]
