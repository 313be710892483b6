"""Step 5, journeys: who a contact belongs to, sessions, stages, times, paths, the change of a year."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook import experience, figures
from playbook.answer import Answer, Missing
from playbook.bench_journeys import _rows
from playbook.clv import fit_kaplan_meier
from playbook.experience.journey_change import _by_channel, _cells, _redrawn
from playbook.experience.journey_times import ENDED, MOVED, OPEN, incidence, waits
from playbook.experience.stages import people_of, step
from playbook.report.dependence import tables_of_query
from playbook.research.diagnosis import decompose
from playbook.tables import SQL_TYPE, TABLES
from playbook.warehouse import PREPARED, Warehouse, prepared_for

AS_OF, SINCE = date(2025, 12, 31), date(2024, 12, 31)
FOLLOW = {"since": SINCE, "follow_days": 60}


def warehouse(**tables: list[dict[str, Any]]) -> Warehouse:
    """Return a warehouse over rows in memory (orders and tickets are empty unless given)."""
    db = duckdb.connect(":memory:")
    for name in ("interactions", "orders", "tickets"):
        columns = {label: SQL_TYPE[column.kind] for label, column in TABLES[name].columns.items()}
        db.execute(f"create table {name} ({', '.join(f'{c} {t}' for c, t in columns.items())})")
        rows = tables.get(name, [])
        if rows:
            frame = pd.DataFrame(rows, dtype="object")  # noqa: F841 - read by name in the next statement
            db.execute(f"insert into {name} by name select * from frame")
    found = Warehouse(Path(), AS_OF)
    found.__dict__["_connection"] = db
    return found


def contact(at: str, touchpoint: str | None = "product page", stage: str = "consideration", customer: str | None = None,
            visitor: str | None = None, channel: str | None = "web", cost: float = 0.0) -> dict[str, Any]:  # fmt: skip
    contact.count = getattr(contact, "count", 0) + 1
    return {"interaction_id": f"{contact.count:06d}", "customer_id": customer, "visitor_id": visitor, "occurred_at": at,
            "touchpoint": touchpoint, "channel": channel, "stage": stage, "cost": cost}  # fmt: skip


def order(at: str, customer: str) -> dict[str, Any]:
    order.count = getattr(order, "count", 0) + 1
    return {"order_id": f"o{order.count:05d}", "customer_id": customer, "ordered_at": at, "revenue": 10}  # fmt: skip


def test_a_session_ends_after_thirty_minutes_and_not_at_midnight_or_when_the_clock_changes() -> (
    None
):
    rows = [
        contact("2025-03-01 23:50:00", visitor="v1"), contact("2025-03-02 00:10:00", visitor="v1"),
        # the clock goes back at 01:00 UTC: 02:50 and 02:10 in Stockholm are 20 minutes apart
        contact("2025-10-26 00:50:00", visitor="v2"), contact("2025-10-26 01:10:00", visitor="v2"),
        # 30 minutes is no gap, one second more is
        contact("2025-05-01 10:00:00", visitor="v3"), contact("2025-05-01 10:30:00", visitor="v3"), contact("2025-05-01 11:00:01", visitor="v3"),
        # the same person in another channel, and twice the same instant
        contact("2025-05-01 10:05:00", visitor="v3", channel="app"), contact("2025-05-01 10:05:00", "advice page", visitor="v3", channel="app"),
        # by telephone: no device, no session
        contact("2025-05-01 10:06:00", customer="c3", channel="phone"),
    ]  # fmt: skip
    found = warehouse(interactions=rows).query("sessions", since=SINCE).set_index("channel")
    assert found["sessions"].to_dict() == {"app": 1, "web": 4}
    assert found["contacts"].to_dict() == {"app": 1, "web": 7}
    assert found["single"].to_dict() == {"app": 1, "web": 1}
    assert found.loc["web", "minutes"] == pytest.approx(20 + 20 + 30)


def test_an_order_belongs_to_a_session_within_thirty_minutes() -> None:
    rows = [contact(f"2025-05-01 1{h}:00:00", customer="c1", visitor="v1") for h in range(3)]
    found = warehouse(interactions=rows, orders=[order("2025-05-01 11:20:00", "c1"), order("2025-05-01 12:31:00", "c1")])  # fmt: skip
    assert found.query("sessions", since=SINCE)[["sessions", "orders"]].iloc[0].tolist() == [3, 1]


def test_a_visitor_is_a_customer_only_where_no_other_used_the_device() -> None:
    rows = [
        contact("2025-02-01 10:00:00", "search ad", "awareness", visitor="own"),
        contact("2025-02-02 10:00:00", "checkout", "purchase", visitor="own", customer="c1"),
        contact("2025-02-01 10:00:00", "search ad", "awareness", visitor="shared"),
        contact("2025-02-02 10:00:00", "checkout", "purchase", visitor="shared", customer="c2"),
        contact("2025-02-03 10:00:00", "checkout", "purchase", visitor="shared", customer="c3"),
        contact("2025-02-01 10:00:00", "search ad", "awareness", visitor="never"),
        contact("2025-02-01 10:00:00", "search ad", "awareness"),
    ]  # fmt: skip
    found = warehouse(interactions=rows, orders=[order("2025-02-02 10:00:00", c) for c in ("c1", "c2", "c3")])  # fmt: skip
    journeys = found.query("journeys").set_index("person")
    assert set(journeys.index) == {
        "c1",
        "~never",
    }  # nobody's first contact is given to c2 or c3
    assert journeys.loc["c1", "ordered_at"] == pd.Timestamp("2025-02-02 10:00")
    links = found.query("contact_links", since=SINCE).iloc[0]
    assert (links["of_shared_devices"], links["shared_devices"], links["of_visitors"], links["of_nobody"]) == (1, 1, 1, 1)  # fmt: skip
    assert found.query("stage_volumes", since=SINCE).set_index("stage").loc["awareness", "persons"] == 3  # fmt: skip


def test_the_same_contact_twice_counts_once_and_is_told() -> None:
    twice = [contact("2025-02-01 10:00:00", "call centre", "support", customer="c1", cost=5) for _ in range(2)]  # fmt: skip
    apart = [contact("2025-02-01 10:00:00", "call centre", "support", cost=5) for _ in range(2)]
    unnamed = [contact("2025-02-01 10:00:00", None, "loyalty", customer="c1") for _ in range(2)]
    found = warehouse(interactions=[*twice, *apart, *unnamed])
    assert found.query("stage_volumes", since=SINCE)["contacts"].tolist() == [
        2,
        3,
    ]  # what is not named is not the same
    row = found.query("stage_volumes", since=SINCE).iloc[1]
    assert (row["contacts"], row["repeated"], row["persons"], row["cost"]) == (3, 1, 1, 15)
    row = found.query("touchpoint_contacts", since=SINCE).iloc[0]
    assert (row["volume"], row["reach"], row["customers"], row["cost"]) == (3, 1, 1, 15)


def test_events_in_any_order_of_rows_and_time_give_stages_in_order() -> None:
    rows = [
        contact("2025-02-05 10:00:00", visitor="v"),
        contact("2025-02-03 10:00:00", "search ad", "awareness", visitor="v", channel=None),
        contact("2025-02-01 10:00:00", visitor="v"),  # looked before the first contact is not considering after it
        contact("2025-02-07 10:00:00", "checkout", "purchase", visitor="v", customer="c"),
        contact("2025-02-06 10:00:00", "call centre", "support", customer="c"),  # before the order
        contact("2025-02-07 12:00:00", "newsletter", "loyalty", customer="c"),  # the day of the order
    ]  # fmt: skip
    row = warehouse(interactions=rows, orders=[order("2025-02-07 10:00:00", "c")]).query("journeys").iloc[0]  # fmt: skip
    assert row["consideration_at"] == pd.Timestamp("2025-02-05 10:00")
    assert (
        pd.isna(row["support_at"]) and pd.isna(row["loyalty_at"]) and pd.isna(row["entry_channel"])
    )


def test_a_touchpoint_without_name_and_a_stage_outside_the_five_are_told() -> None:
    rows = [contact(f"2025-02-{d:02d} 10:00:00", None, "awareness", visitor=f"v{d}") for d in range(1, 29)]  # fmt: skip
    rows += [contact("2025-02-01 10:00:00", "x", "awareness", visitor=f"w{i}") for i in range(5)]
    rows += [contact("2025-02-01 10:00:00", "x", "mystery", visitor="v1"), contact("2025-02-02 10:00:00", visitor="w1", customer="c")]  # fmt: skip
    found = warehouse(interactions=rows, orders=[order("2025-02-03 10:00:00", "c")])
    journeys = found.query("journeys")
    assert (journeys["entry_touchpoint"] == "unknown").sum() == 28
    told = experience.journey(journeys, found.query("stage_volumes", since=SINCE), AS_OF, links=found.query("contact_links", since=SINCE))  # fmt: skip
    assert "28 name no touchpoint." in told.so_what and "1 name a stage outside the five" in told.so_what  # fmt: skip
    assert "No contact is recorded for support" in told.so_what


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 9), st.sampled_from(["ad", "mail", "page", "search", "desk"]), st.integers(0, 5),
        st.integers(0, 5), st.booleans(), st.integers(0, 120),
    ),
    min_size=10, max_size=60,
)  # fmt: skip
STAGE = {"ad": "awareness", "mail": "awareness", "page": "consideration", "search": "consideration", "desk": "support"}  # fmt: skip


def _drawn(events: list[tuple]) -> tuple[list[dict], list[dict]]:
    """Contacts of some customers on some devices (shared ones too), and orders."""
    rows, orders = [], []
    for place, (day, touchpoint, customer, visitor, logged, minute) in enumerate(events):
        at = str(pd.Timestamp("2025-06-01") + pd.Timedelta(days=day, minutes=minute))
        rows.append(contact(at, touchpoint, STAGE[touchpoint], f"c{customer}" if logged else None, f"v{visitor}" if visitor else None))  # fmt: skip
        rows[-1]["interaction_id"] = f"{place:04d}"
        if minute % 5 == 0:
            orders.append(order(at, f"c{customer}") | {"order_id": f"o{place}"})
    return rows, orders


@settings(max_examples=4, deadline=None)
@given(EVENTS, st.randoms(use_true_random=False))
def test_flows_are_conserved_and_rows_may_come_in_any_order(events: list[tuple], random: Any) -> None:  # fmt: skip
    rows, orders = _drawn(events)
    found = warehouse(interactions=rows, orders=orders)
    names = ("journeys", "touch_transitions", "touch_credit", "touch_paths", "stage_volumes", "touchpoint_contacts", "sessions")  # fmt: skip
    results = {name: found.query(name, **FOLLOW) for name in names}
    moves = results["touch_transitions"]
    into = moves.groupby("to_touchpoint")["moves"].sum()
    out = moves.groupby("from_touchpoint")["moves"].sum()
    for touchpoint in set(into.index) | set(out.index) - {"(start)"}:
        if touchpoint not in ("(order)", "(no order)", "(start)"):
            assert into.get(touchpoint, 0) == out.get(touchpoint, 0)
    begun, ended = out.get("(start)", 0), into.get("(order)", 0) + into.get("(no order)", 0)
    credit, paths = results["touch_credit"], results["touch_paths"]
    assert begun == ended == len(results["journeys"]) == paths["journeys"].sum()
    assert into.get("(order)", 0) == credit["orders_first"].sum() == credit["orders_last"].sum() == paths["orders"].sum()  # fmt: skip
    assert into.get("(no order)", 0) == credit["lost_last"].sum()
    people = results["journeys"]
    reached = people[["awareness_at", "consideration_at", "ordered_at"]].notna()
    assert not (reached["ordered_at"] & ~reached["consideration_at"]).any()
    assert not (people[["support_at", "loyalty_at"]].notna().any(axis=1) & ~reached["ordered_at"]).any()  # fmt: skip
    random.shuffle(rows)
    random.shuffle(orders)
    again = warehouse(interactions=rows, orders=orders)
    for name in names:
        pd.testing.assert_frame_equal(results[name], again.query(name, **FOLLOW))


MOVES = st.dictionaries(
    st.tuples(st.sampled_from(["(start)", "a", "b", "c"]), st.sampled_from(["a", "b", "c", "(order)", "(no order)"])),
    st.integers(1, 50), min_size=1,
)  # fmt: skip


@settings(max_examples=8, deadline=None)
@given(MOVES)
def test_removal_effects_lie_in_0_to_1_and_an_unused_touchpoint_changes_nothing(moves: dict) -> None:  # fmt: skip
    # every touchpoint is met, and may end both ways, so that the chain is a chain of journeys
    full = {("(start)", t): 1 for t in "abc"} | {(t, end): 1 for t in "abc" for end in ("(order)", "(no order)")}  # fmt: skip
    moves = full | {k: v for k, v in moves.items() if k[0] != "(start)" or k[1] in "abc"}
    frame = pd.DataFrame([(a, b, n) for (a, b), n in moves.items()], columns=["from_touchpoint", "to_touchpoint", "moves"])  # fmt: skip
    credit = pd.DataFrame({"touchpoint": list("abc"), "stage": "awareness", "journeys": 9, "orders": 4, "orders_first": 2, "orders_last": 2})  # fmt: skip
    found = experience.removal_effects(frame, credit, AS_OF, seed=1, draws=5).table
    assert found[["removal_effect", "low", "high"]].stack().between(0, 1).all()
    unused = pd.DataFrame([("(start)", "0", 0), ("0", "(order)", 0)], columns=frame.columns)
    more = credit.head(1).assign(touchpoint="0", journeys=0, orders=0, orders_first=0, orders_last=0)  # fmt: skip
    again = experience.removal_effects(pd.concat([unused, frame]), pd.concat([more, credit]), AS_OF, seed=1, draws=5).table  # fmt: skip
    pd.testing.assert_frame_equal(found, again)
    ends = credit.assign(last_of_stage=8, lost_last=[4, 5, 6], came_back=0, came_back_orders=0)
    none = ends.head(1).assign(touchpoint="0", journeys=0, orders=0, last_of_stage=0, lost_last=0)
    found, again = (experience.loops_and_dead_ends(c, AS_OF).table for c in (ends, pd.concat([none, ends])))  # fmt: skip
    pd.testing.assert_frame_equal(found, again)


def people(n: int = 200, seed: int = 3, year: int = 2025, rate: float = 0.4, channel: str = "") -> pd.DataFrame:  # fmt: skip
    """Journeys of one year: some consider, some of those order, all as query ``journeys`` gives them."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp(f"{year}-01-01") + pd.to_timedelta(rng.uniform(-50, 300, n), unit="D")
    considers, orders = rng.random(n) < 0.7, rng.random(n) < rate
    look = start + pd.to_timedelta(rng.exponential(3, n), unit="D")
    bought = look + pd.to_timedelta(rng.exponential(6, n), unit="D")
    later = bought + pd.to_timedelta(rng.exponential(40, n) + 1, unit="D")
    return pd.DataFrame({
        "person": [f"{year}{i:05d}" for i in range(n)], "customer_id": None, "entry_touchpoint": "ad",
        "entry_channel": channel or np.where(rng.random(n) < 0.5, "web", "store"), "awareness_at": start,
        "consideration_at": pd.Series(look).where(considers), "ordered_at": pd.Series(bought).where(considers & orders),
        "support_at": pd.Series(later).where(considers & orders & (rng.random(n) < 0.8)),
        "loyalty_at": pd.Series(later + pd.Timedelta(days=9)).where(considers & orders),
    })  # fmt: skip


def volumes() -> pd.DataFrame:
    return pd.DataFrame({"stage": ["awareness"], "contacts": [100], "persons": [100], "customers": [0], "cost": [1.0], "repeated": [2]})  # fmt: skip


def test_who_enters_a_stage_moves_on_ends_otherwise_or_is_under_way() -> None:
    frame = people()
    direct = frame["ordered_at"].notna() & (frame.index % 3 == 0)
    frame.loc[direct, "consideration_at"] = frame.loc[direct, "ordered_at"]
    table = experience.journey_times(frame, AS_OF).table.set_index("step")
    assert (table["entered"] == table["moved_on"] + table["ended_otherwise"] + table["under_way"]).all()  # fmt: skip
    assert table.loc["awareness to consideration", "ended_otherwise"] > 0
    assert (table["median_days"].dropna() >= table["movers_median_days"][table["median_days"].notna()]).all()  # fmt: skip
    answer = experience.journey(frame, volumes(), AS_OF)
    assert (answer.table["entered"] >= answer.table["moved_on"]).all()
    assert "2 rows repeat a contact" in answer.so_what


def test_without_other_ends_the_share_moved_is_one_minus_kaplan_meier() -> None:
    rng = np.random.default_rng(5)
    days, seen = rng.exponential(10, 300).round(1), rng.random(300) < 0.6
    ours = incidence(days, np.where(seen, MOVED, OPEN))
    theirs = fit_kaplan_meier(days, seen)
    np.testing.assert_allclose(ours.table["share"], 1 - theirs.table["survival"], atol=1e-12)
    np.testing.assert_allclose(ours.table["std_err"], theirs.table["std_err"], atol=1e-9)
    np.testing.assert_allclose(ours.conf_int()["low"], 1 - theirs.conf_int()["high"], atol=1e-9)
    assert ours.quantile(0.5)[0] == theirs.quantile(0.5)


def test_competing_ends_are_counted_as_by_hand() -> None:
    # of four: one moves at 1, one ends otherwise at 2, one moves at 3, one is open at 4
    found = incidence(np.array([1.0, 2, 3, 4]), np.array([MOVED, ENDED, MOVED, OPEN])).table
    assert found["share"].tolist() == pytest.approx([0.25, 0.25, 0.5])
    # where all ends are seen the share is a plain share, and so is its error
    rng = np.random.default_rng(1)
    full = incidence(rng.exponential(1, 500), np.where(rng.random(500) < 0.3, MOVED, ENDED)).table.iloc[-2]  # fmt: skip
    assert full["std_err"] == pytest.approx(np.sqrt(full["share"] * (1 - full["share"]) / 500), rel=0.02)  # fmt: skip


def test_late_entrants_are_under_way_and_not_lost() -> None:
    late = people(50, year=2025).assign(awareness_at=pd.Timestamp("2025-12-30"), consideration_at=pd.NaT)  # fmt: skip
    seen = waits(people_of(pd.concat([people(), late])), "awareness", "consideration", AS_OF)
    assert (seen["end"].tail(50) == OPEN).all() and (seen["days"].tail(50) == 2).all()


def test_the_step_that_moved_is_named_and_a_quiet_year_names_none() -> None:
    worse = pd.concat([people(2000, 1, 2024, 0.5), people(2000, 2, 2025, 0.3)])
    found = experience.journey_change(worse, AS_OF)
    assert set(found.table.loc[found.table["moved"], "step"]) == {"consideration to purchase", "first contact to order (all)"}  # fmt: skip
    assert "Consideration to purchase fell" in found.headline
    same = experience.journey_change(pd.concat([people(2000, 1, 2024), people(2000, 2, 2025)]), AS_OF)  # fmt: skip
    assert not same.table["moved"].any() and "No step" in same.headline
    short = experience.journey_change(people(2000, 1, 2025), AS_OF)
    assert isinstance(short, Missing) and "recorded from 2024-11" in short.reason


def test_mix_and_rate_sum_to_the_change_and_each_is_found() -> None:
    then = pd.concat([people(1500, 1, 2024, 0.6, "store"), people(500, 2, 2024, 0.2, "web")])
    now = pd.concat([people(500, 3, 2025, 0.6, "store"), people(1500, 4, 2025, 0.2, "web")])
    frame = pd.concat([then, now]).assign(person=lambda t: range(len(t)))
    found = experience.entry_mix(frame, AS_OF, seed=1).table
    assert found["effect"].iloc[:2].sum() == pytest.approx(found["effect"].iloc[2], abs=1e-12)
    assert found["sure"].tolist() == [True, False, True] and "who comes" in experience.entry_mix(frame, AS_OF, seed=1).headline  # fmt: skip
    cells = _cells(people_of(frame), AS_OF, 60)
    parts = decompose(cells, "channel", "orders", "people")
    ours = _by_channel(cells).set_index("channel")
    pd.testing.assert_frame_equal(ours, parts[ours.columns], check_names=False, check_index_type=False)  # fmt: skip
    drawn = _redrawn(cells, 1, 4000)
    np.testing.assert_allclose(drawn.mean(axis=0), [parts[n].sum() for n in ("mix", "rate", "total")], atol=0.003)  # fmt: skip


def paths() -> pd.DataFrame:
    rows = [("ad", "page", None, None, None, "page", 2, 60, 20), ("ad", None, None, None, None, "ad", 1, 80, 0),
            ("ad", "page", "search", "page", "search", "page", 8, 10, 4), ("ad", "page", "search", "page", "search", "page", 6, 3, 1)]  # fmt: skip
    columns = [f"{n}_touchpoint" for n in ("first", "second", "third", "fourth", "fifth", "last")]
    return pd.DataFrame(rows, columns=[*columns, "steps", "journeys", "orders"])


def test_typical_paths_share_out_all_journeys_and_hide_the_few() -> None:
    table = experience.typical_paths(paths(), AS_OF).table
    assert table["share"].sum() == pytest.approx(1) and table["share_of_orders"].sum() == pytest.approx(1)  # fmt: skip
    assert list(table["path"]) == ["ad", "ad → page", "ad → page → search → page → search → … → page", "all 1 other ways"]  # fmt: skip
    assert table.loc[1, "order_rate"] == pytest.approx(20 / 60) and table.loc[1, "low"] < 20 / 60


def test_a_dead_end_and_a_loop_are_found_and_chance_is_not() -> None:
    credit = pd.DataFrame({
        "touchpoint": ["good", "dead", "same", "loop"], "stage": "consideration", "journeys": [400, 400, 400, 400],
        "orders": [200, 100, 190, 160], "orders_first": 0, "orders_last": [200, 100, 190, 160], "last_of_stage": [400] * 4,
        "lost_last": [200, 300, 210, 240], "came_back": [100, 0, 100, 200], "came_back_orders": [50, 0, 52, 40],
    })  # fmt: skip
    table = experience.loops_and_dead_ends(credit, AS_OF).table.set_index("touchpoint")
    assert table["verdict"].to_dict() == {"dead": "dead end", "loop": "loop", "same": "–", "good": "–"}  # fmt: skip


def test_a_client_with_one_channel_or_few_stages_gets_a_sound_answer_or_a_clear_word() -> None:
    one = experience.journey_by_channel(people(channel="web"), AS_OF)
    assert isinstance(one, Answer) and "only channel" in one.headline
    bare = people().assign(support_at=pd.NaT)
    bare["consideration_at"] = bare[
        "ordered_at"
    ]  # nobody records looking: an order counts as having considered
    found = experience.journey(bare, volumes(), AS_OF)
    assert list(found.table["stage"]) == ["purchase", "loyalty"] and "consideration and support" in found.so_what  # fmt: skip
    assert figures.funnel(found).png(dpi=40).startswith(b"\x89PNG")
    assert isinstance(experience.journey_times(bare, AS_OF), Answer)
    none = people().assign(ordered_at=pd.NaT)
    for answer in (experience.journey(none, volumes(), AS_OF), experience.journey_times(none, AS_OF), experience.journey_by_channel(none, AS_OF)):  # fmt: skip
        assert isinstance(answer, Missing) and "orders" in answer.ask
    late = experience.journey(people().head(5), volumes(), AS_OF)
    assert isinstance(late, Missing) and "awareness" in late.reason


def test_every_new_answer_of_a_client_without_data_says_what_is_missing(tmp_path: Path) -> None:
    empty = Warehouse(tmp_path, AS_OF)
    journeys = empty.query("journeys")
    found = [
        experience.journey_times(journeys, AS_OF), experience.journey_change(journeys, AS_OF), experience.entry_mix(journeys, AS_OF, 1),
        experience.typical_paths(empty.query("touch_paths", **FOLLOW), AS_OF), experience.visits(empty.query("sessions", since=SINCE), AS_OF),
        experience.loops_and_dead_ends(empty.query("touch_credit", **FOLLOW), AS_OF),
    ]  # fmt: skip
    assert all(isinstance(answer, Missing) and answer.ask for answer in found)


def test_figures_of_the_new_answers_are_drawn() -> None:
    times = experience.journey_times(people(), AS_OF)
    assert figures.waiting(times).png(dpi=40).startswith(b"\x89PNG")


def test_a_share_within_the_window_is_not_the_share_ever() -> None:
    frame = people_of(people())
    short, long = (step(frame, "consideration", "purchase", w, AS_OF)["share"] for w in (2, 60))
    assert short < long


def test_growth_memory_and_scans_of_the_bench_are_judged() -> None:
    small = {"rows": 1e6, "sum": 0.1, "scan": 1.0, "journeys": 1.0, "wall": 1.0, "gigabytes": 1.0}
    good = {row["id"]: row for row in _rows(small, small | {"rows": 1e7, "journeys": 10.0})}
    assert all(row["ok"] for row in good.values()) and good["journeys-growth"]["ratio"] == 1.0
    bad = small | {"rows": 1e7, "journeys": 16.0, "gigabytes": 7.0}
    worse = {row["id"] for row in _rows(small, bad) if not row["ok"]}
    assert worse == {"journeys-growth", "journeys-memory", "journeys-scans"}


def test_segments_are_compared_with_intervals_at_every_step() -> None:
    stages = pd.DataFrame({
        "customer_id": [f"c{i:03d}" for i in range(200)], "consideration": [int(i % 4 > 0) for i in range(200)],
        "orders": [int(i % 2 if i < 100 else i % 5 == 1) for i in range(200)], "support": 0, "loyalty": [i % 3 for i in range(200)],
    })  # fmt: skip
    segments = pd.DataFrame({"customer_id": stages["customer_id"], "segment": ["A"] * 100 + ["B"] * 100})  # fmt: skip
    found = experience.journey_by_segment(stages, people(), segments, AS_OF)
    for name, ends in (("considered", "considered_"), ("ordered", ""), ("in_touch", "in_touch_")):
        assert (found.table[f"{ends}low"] < found.table[name]).all() and (found.table[name] < found.table[f"{ends}high"]).all()  # fmt: skip
    assert "do not touch (B" in found.so_what


def test_answers_do_not_depend_on_the_order_of_rows() -> None:
    frame = pd.concat([people(300, 1, 2024), people(300, 2, 2025)], ignore_index=True)
    credit = pd.DataFrame({
        "touchpoint": list("abc"), "stage": "awareness", "journeys": 90, "orders": 40, "orders_first": 20, "orders_last": 20,
        "last_of_stage": 80, "lost_last": [40, 50, 60], "came_back": [30, 20, 30], "came_back_orders": 10,
    })  # fmt: skip

    def all_tables(journeys: pd.DataFrame, ways: pd.DataFrame, touch: pd.DataFrame) -> list[pd.DataFrame]:  # fmt: skip
        return [
            experience.journey(journeys, volumes(), AS_OF).table, experience.journey_by_channel(journeys, AS_OF).table,
            experience.journey_times(journeys, AS_OF).table, experience.journey_change(journeys, AS_OF).table,
            experience.entry_mix(journeys, AS_OF, 1, draws=20).table, experience.typical_paths(ways, AS_OF).table,
            experience.loops_and_dead_ends(touch, AS_OF).table,
        ]  # fmt: skip

    shuffled = [t.sample(frac=1, random_state=4) for t in (frame, paths(), credit)]
    for ours, theirs in zip(all_tables(frame, paths(), credit), all_tables(*shuffled), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)


def test_prepared_tables_say_what_a_row_is_and_take_no_parameter() -> None:
    for path in PREPARED.values():
        text = path.read_text(encoding="utf-8")
        assert text.startswith("-- one row: ") and "$" not in text
    assert prepared_for("select * from first_contacts") == ["first_contacts"]
    assert tables_of_query("journeys") == {"interactions", "orders"}
