"""Touchpoints, promises kept, the backlog and the queue of call backs on files that are not as they should be."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook import crm, experience
from playbook.answer import Missing
from playbook.engagement import Plan
from playbook.experience.callbacks import CAUSES, safe_text
from playbook.experience.service import backlog_limits
from playbook.warehouse import Warehouse

AS_OF = date(2025, 12, 31)
PROMISED = SimpleNamespace(
    first_response_hours={"high": 4.0, "low": 24.0}, resolution_hours={"high": 48.0, "low": 120.0}, share_within=0.9
)  # fmt: skip


def contacts(**more: list) -> pd.DataFrame:
    """Table interactions: 60 people on a page, 10 of whom call within a week; some by chat on the day after."""
    rows = [(f"v{i}", f"c{i}", "2025-06-02", "page", "web", "consideration") for i in range(60)]
    rows += [(None, f"c{i}", "2025-06-05", "call centre", "phone", "support") for i in range(10)]
    rows += [(None, f"c{i}", "2025-06-06", "live chat", "chat", "support") for i in range(4)]
    rows += more.get("rows", [])
    frame = pd.DataFrame(rows, columns=["visitor_id", "customer_id", "occurred_at", "touchpoint", "channel", "stage"])  # fmt: skip
    frame["occurred_at"] = pd.to_datetime(frame["occurred_at"])
    return frame.assign(interaction_id=[f"I{i}" for i in range(len(frame))], outcome=None, duration_s=1.0, cost=1.0)  # fmt: skip


def inventory(folder: Path, interactions: pd.DataFrame, answered: int = 3) -> Any:
    """The notebook's answer on touchpoints from these tables; ``answered`` people rated the call centre."""
    tickets = pd.DataFrame({"ticket_id": ["T1", "T2"], "opened_at": pd.Timestamp("2025-06-05"), "channel": ["phone", "chat"]})  # fmt: skip
    answers = pd.DataFrame({
        "response_id": [f"R{i}" for i in range(answered + 6)], "customer_id": [f"c{i}" for i in range(answered + 6)],
        "answered_at": pd.Timestamp("2025-09-01"), "touchpoint": ["call centre"] * answered + ["showroom"] * 6, "kind": "csat", "score": 0.5,
    })  # fmt: skip
    answers = answers.head(0) if answered == 0 else answers
    for name, table in {"interactions": interactions, "tickets": tickets}.items():
        folder.mkdir(exist_ok=True)
        table.to_parquet(folder / f"{name}.parquet", index=False)
    found = Warehouse(folder, AS_OF)
    since = {"since": date(2024, 12, 31)}
    return experience.touchpoint_table(
        found.query("touchpoint_contacts", **since), answers, found.query("contact_outcomes", **since), AS_OF
    )  # fmt: skip


def test_reach_is_a_share_of_all_people_and_switches_count_between_service_channels(
    tmp_path: Path,
) -> None:
    table = inventory(tmp_path, contacts())["inventory"].set_index("touchpoint")
    assert table.loc["page", ["volume", "reach", "persons"]].tolist() == [60, 60, 60]
    assert table.loc["call centre", "reach_share"] == pytest.approx(10 / 60)
    assert table.loc["call centre", "switch_7d"] == pytest.approx(0.4)
    assert np.isnan(table.loc["page", "switch_7d"])


def test_three_answers_are_not_shown_and_a_touchpoint_without_contact_is_told(
    tmp_path: Path,
) -> None:
    found = inventory(tmp_path, contacts(), answered=3)
    assert found["inventory"]["csat"].isna().all()
    assert "fewer than 5 people answered on call centre: not shown" in found.caption
    assert "asked about without any contact: showroom" in found.caption
    five = inventory(tmp_path, contacts(), answered=5)
    assert five["inventory"].set_index("touchpoint").loc["call centre", "csat"] == pytest.approx(3)


def test_without_surveys_or_costs_the_inventory_asks_for_them(tmp_path: Path) -> None:
    found = inventory(tmp_path, contacts().assign(cost=np.nan), answered=0)
    assert found.headline == "3 touchpoints, none of them rated by customers"
    assert "Add one question on satisfaction" in found.so_what
    assert "What a contact costs is not known" in found.so_what
    assert found.metrics == ()


def test_failures_in_one_channel_only_are_told() -> None:
    outcomes = pd.DataFrame({"stage": "support", "touchpoint": "call centre", "channel": "phone",
                             "outcome": ["late", "solved"], "contacts": [20, 80]})  # fmt: skip
    found = experience.failures_by_channel(outcomes, AS_OF)
    assert "No failing touchpoint exists in more than one channel" in found.so_what
    none = experience.failures_by_channel(outcomes.assign(outcome="solved"), AS_OF)
    assert isinstance(none, Missing) and none.ask


def test_contacts_without_touchpoint_are_one_unknown_row_that_is_told(tmp_path: Path) -> None:
    odd = [(None, "c1", f"2025-07-0{day}", name, "web", "purchase") for day, name in enumerate((None, " ", ""), 1)]  # fmt: skip
    found = inventory(tmp_path, contacts(rows=odd))
    table = found["inventory"].set_index("touchpoint")
    assert table.loc["unknown", "volume"] == 3 and table["volume"].sum() == 77
    assert "3 contacts name no touchpoint" in found.caption


def test_a_touchpoint_under_two_stages_is_one_row_that_is_told(tmp_path: Path) -> None:
    odd = [("w1", None, "2025-07-01", "page", "web", "purchase")]
    found = inventory(tmp_path, contacts(rows=odd))
    table = found["inventory"]
    assert table["touchpoint"].is_unique
    assert table.set_index("touchpoint").loc["page", ["stage", "volume"]].tolist() == ["consideration", 61]  # fmt: skip
    assert "under several stages, counted under the most frequent: page" in found.caption


def test_a_touchpoint_nobody_uses_changes_nothing(tmp_path: Path) -> None:
    old = [("w9", None, "2023-01-01", "old page", "web", "awareness")]
    one, two = (
        inventory(tmp_path / name, rows)
        for name, rows in (("a", contacts()), ("b", contacts(rows=old)))
    )
    pd.testing.assert_frame_equal(one.table, two.table)
    assert (one.so_what, one.caption) == (two.so_what, two.caption)


def cases(hours: list[tuple], priority: str | None = "high") -> pd.DataFrame:
    table = pd.DataFrame(hours, columns=["first_response_hours", "resolution_hours"], dtype=float)
    n = len(table)
    return table.assign(
        ticket_id=[f"T{i:03d}" for i in range(n)], customer_id=pd.Series([f"c{i}" for i in range(n)], dtype="str"),
        opened_at=pd.Timestamp("2025-12-01"), age_hours=744.0, channel="phone", priority=priority,
        topic=pd.Series("delivery", index=range(n), dtype="str"), reopened=pd.array([False] * n, dtype="boolean"), csat=np.nan,
    )  # fmt: skip


def test_no_case_is_resolved_before_it_was_opened() -> None:
    found = experience.service_levels(cases([(1, 20)] * 6 + [(-5, 20), (1, -900)]), PROMISED, AS_OF)
    assert found.table["cases"].tolist() == [6, 6]
    assert (found.table["median_resolution_hours"] == 20).all()
    assert "2 cases are answered or resolved before they were opened" in found.so_what
    assert isinstance(experience.service_levels(cases([(-1, -1)] * 9), PROMISED, AS_OF), Missing)


def test_cases_all_open_and_cases_without_priority() -> None:
    still = experience.service_levels(cases([(np.nan, np.nan)] * 8), PROMISED, AS_OF)
    assert still.table["resolved_in_time"].tolist() == [0, 0]
    assert "8 cases of the year are open, 8 of them beyond the promise" in still.so_what
    none = experience.service_levels(cases([(1, 20)] * 8, None), PROMISED, AS_OF)
    assert isinstance(none, Missing) and "priority" in none.reason


@settings(max_examples=10, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 60),
            st.one_of(st.none(), st.floats(0, 300)),
            st.sampled_from(["high", "low"]),
        ),
        min_size=12,
        max_size=60,
    )
)
def test_the_priorities_add_up_to_all(rows: list[tuple]) -> None:
    table = cases([row[:2] for row in rows]).assign(priority=[row[2] for row in rows])
    found = experience.service_levels(table, PROMISED, AS_OF)
    by = found.table.set_index("priority")
    parts, total = by.drop("all"), by.loc["all"]
    if parts["cases"].sum() == len(table):
        for name in ("first_in_time", "resolved_in_time"):
            assert parts[f"{name}_n"].sum() == total[f"{name}_n"]
            kept = (parts[name] * parts[f"{name}_n"]).sum()
            assert kept == pytest.approx(total[name] * total[f"{name}_n"])


def month_rows(backlog: np.ndarray, first: str = "2023-01-02") -> pd.DataFrame:
    month = pd.date_range("2023-01-01", periods=len(backlog), freq="MS")
    return pd.DataFrame({"month": month, "opened": 10, "resolved": 10, "backlog": backlog, "first_opened": pd.Timestamp(first)})  # fmt: skip


def test_the_season_is_no_signal_but_a_month_beyond_it_is() -> None:
    rng = np.random.default_rng(4)
    alarms, moved, found, risen = [], [], [], []
    for _ in range(40):
        usual = 30 * np.exp(0.6 * np.sin(np.arange(36) * np.pi / 6))
        drawn = rng.poisson(usual).astype(float)
        still = backlog_limits(month_rows(drawn))
        alarms.append(still.table["outside"].tail(12).any())
        moved.append(still.moved != "")
        drawn[30] *= 6
        found.append(bool(backlog_limits(month_rows(drawn)).table["outside"].iloc[30]))
        risen.append(backlog_limits(month_rows(np.where(np.arange(36) > 23, 1.7, 1) * usual)).moved)
    assert np.mean(alarms) < 0.22 and np.mean(moved) < 0.08
    assert np.mean(found) > 0.9 and set(risen) == {"up"}


def test_a_short_backlog_says_that_the_season_is_not_taken_out() -> None:
    found = experience.backlog(month_rows(np.arange(20) % 4 + 3.0))
    assert "season not taken out" in found.caption and "Two whole years" in found.so_what
    assert isinstance(experience.backlog(month_rows(np.ones(9))), Missing)
    within = experience.backlog(month_rows(np.arange(20) % 4 + 3.0, "2023-01-20"))
    assert len(within.table) == 19


def queue(responses: list | tuple = (), topics: list[str] | None = None) -> Any:
    """Four customers with one bad case each, and one who is a detractor besides."""
    table = cases([(1, 20), (1, None), (1, 20), (1, 20)])
    table["csat"] = [1.0, np.nan, 5.0, 2.0]
    table["reopened"] = pd.array([False, None, True, False], dtype="boolean")
    table["topic"] = pd.Series(topics or ["delivery", "delivery", "return", None], dtype="str")
    table["customer_id"] = pd.Series(["c0", "c1", "c2", "c0"], dtype="str")
    low = pd.DataFrame({"response_id": ["R1"], "customer_id": pd.Series(["c4"], dtype="str"), "wave": "H2",
                        "answered_at": pd.Timestamp("2025-11-01"), "nps": [3.0]})  # fmt: skip
    allowed = pd.DataFrame({"customer_id": [f"c{i}" for i in range(5)], "may_phone": True, "may_email": True, "is_closed": False})  # fmt: skip
    rules = [SimpleNamespace(trigger="detractor", owner="care", due_days=2, then="Call and listen"),
             SimpleNamespace(trigger="open case late", owner="desk", due_days=1, then="Escalate")]  # fmt: skip
    return experience.callbacks(low, table, allowed, AS_OF, None, rules, [], PROMISED, responses=responses)  # fmt: skip


def test_the_response_is_the_plans_for_cause_and_topic_else_the_rules() -> None:
    plan = Plan.model_validate({
        "as_of": AS_OF,
        "responses": [
            {"cause": "dissatisfied with a case", "then": "Say sorry"},
            {"cause": "dissatisfied with a case", "topic": "Delivery", "then": "Offer free delivery"},
        ],
    })  # fmt: skip
    found = queue(plan.responses)
    table = found.table.set_index("customer_id")
    assert table.index.is_unique and set(table.index) == {"c0", "c1", "c2", "c4"}
    assert table["response"].to_dict() == {"c0": "Offer free delivery", "c1": "Escalate", "c2": "Escalate", "c4": "Call and listen"}  # fmt: skip
    assert table.loc["c0", "owner"] == "care" and table.loc["c2", "owner"] == "desk"
    returned = queue(plan.responses, ["return", "return", "return", "return"])
    assert returned.table.set_index("customer_id").loc["c0", "response"] == "Say sorry"


def test_a_cause_without_response_asks_for_one() -> None:
    found = experience.callbacks(
        pd.DataFrame({"response_id": ["R1"], "customer_id": pd.Series(["c4"], dtype="str"), "wave": "H2", "answered_at": pd.Timestamp("2025-11-01"), "nps": [3.0]}),
        cases([(1, 20)]), pd.DataFrame({"customer_id": ["c4"], "may_phone": True, "may_email": True, "is_closed": False}), AS_OF,
    )  # fmt: skip
    assert found.table["response"].tolist() == [""]
    assert "No response is planned for detractor" in found.so_what


@pytest.mark.parametrize(
    "text",
    [
        "=HYPERLINK(1)",
        "\t@SUM(A1)",
        "＝1+1",
        '<script>x</script> "say" | hello',
        "a\u202eb\x00c" + "x" * 300,
        "'=1",
    ],
)
def test_a_response_is_only_words(text: str) -> None:
    plain = safe_text(text)
    assert len(plain) <= 200 and plain.isprintable() and not set(plain) & set('"|<>')
    assert plain[:1] not in set("=+-@'＝＋－＠ \t")


def test_the_queue_goes_to_every_crm_system() -> None:
    said = [SimpleNamespace(cause="dissatisfied with a case", topic="", then='=cmd|"x"')]
    for name in crm.SYSTEMS:
        mapping = crm.read_mapping(name)
        [(kind, file, rows, content)] = crm.checked_files(
            mapping, {"tasks": crm.callback_tasks(queue(said).table, (), AS_OF)}, ()
        )
        assert (kind, rows) == ("tasks", 4) and file.startswith("tasks.")
        assert crm.lint_file(mapping, "tasks", content) == []


@settings(max_examples=8, deadline=None)
@given(st.lists(st.sampled_from(["c0", "c1", "c2", "c3"]), min_size=1, max_size=12), st.integers(0, 2**16))  # fmt: skip
def test_each_customer_stands_once_in_the_queue(who: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = cases([(1, h if h > 0 else None) for h in rng.integers(-50, 100, len(who))])
    table["customer_id"] = pd.Series(who, dtype="str")
    table["csat"] = rng.integers(1, 6, len(who)).astype(float)
    low = pd.DataFrame({"response_id": ["R1", "R2"], "customer_id": pd.Series(["c0", "c1"], dtype="str"), "wave": "H2",
                        "answered_at": pd.Timestamp("2025-11-01"), "nps": [3.0, 9.0]})  # fmt: skip
    allowed = pd.DataFrame({"customer_id": ["c0", "c1", "c2", "c3"], "may_phone": True, "may_email": True, "is_closed": False})  # fmt: skip
    found = experience.callbacks(low, table, allowed, AS_OF, promised=PROMISED)
    assert found.table["customer_id"].is_unique and "c0" in set(found.table["customer_id"])
    assert set(found.table["cause"].str.split("; ").explode()) <= set(CAUSES)
