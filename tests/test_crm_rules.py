"""Automation rules keep every gate, and what names people stays in the restricted part of a run."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace as Thing
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook import crm
from playbook.answer import Answer, Missing
from playbook.crm.record import CHECKS, MEND
from playbook.engagement.model import Action, AutomationRule
from playbook.run import Run

AS_OF = date(2025, 12, 31)
TRIGGERS = [
    "high churn risk",
    "detractor",
    "birthday",
    "promoter",
    "open case late",
    "competitor offers more",
]
BEGAN = {"detractor", "open case late"}


def rule(id_: str, trigger: str, area: str = "marketing", **changes: Any) -> AutomationRule:
    return AutomationRule(
        id=id_, area=area, trigger=trigger, then="do", owner="crm", due_days=3, **changes
    )  # type: ignore[arg-type]


def event(trigger: str, *customers: str) -> pd.DataFrame:
    return pd.DataFrame({"trigger": trigger, "subject": list(customers), "customer_id": list(customers)})  # fmt: skip


def target_lists(
    keys: str, *, gone: str = "", silent: str = "", made: int = 0, cap: int = 2, held: float = 0.0
) -> Answer:
    """Lists in which ``gone`` are dead and ``silent`` agreed to nothing."""
    n = len(keys)
    flags = pd.DataFrame({
        "customer_id": list(keys), "is_gone": [k in gone for k in keys],
        **{name: [k not in silent for k in keys] for name in ("has_email", "has_phone", "has_address")},
        **{f"consent_{c}": pd.array([k not in silent for k in keys], dtype="boolean") for c in ("email", "sms", "phone", "social")},
    })  # fmt: skip
    recent = pd.DataFrame({"customer_id": list(keys), "contacts": [made] * n})
    none = pd.DataFrame({"customer_id": [], "channel": []}, dtype="str")
    lists = crm.target_lists(flags, none, recent, contact_cap=cap, holdout_share=held, seed=1)
    assert isinstance(lists, Answer)
    return lists


def dry_run(
    rules: list[AutomationRule], events: list[pd.DataFrame], lists: Answer, **more: Any
) -> Answer:
    found = crm.automation(rules, pd.concat(events), lists["reachable"], AS_OF, lists=lists, **more)
    assert isinstance(found, Answer)
    table = found.table
    parts = table[
        ["closed", "held_out", "other_strategy", "blocked", "complaint_first", "over_cap", "tasks"]
    ]
    assert (parts.sum(axis=1) == table["met"]).all()
    return found


def made(found: Answer) -> set[tuple[str, str]]:
    return set(found["tasks"][["rule", "customer_id"]].itertuples(index=False, name=None))


def test_each_gate_stops_what_it_should_and_says_so() -> None:
    rules = [
        rule("call", "detractor", "service"),
        rule("card", "birthday"),
        rule("keep", "high churn risk", "sales"),
    ]
    events = [
        event("detractor", "a", "b", "c"),
        event("birthday", "a", "b", "c", "d", "e"),
        event("high churn risk", "c", "e"),
    ]
    found = dry_run(rules, events, target_lists("abcde", gone="b", silent="c", cap=1))
    assert made(found) == {("call", "a"), ("call", "c"), ("card", "d"), ("card", "e")}
    table = found.table.set_index("rule")
    assert table.loc["call", ["closed", "tasks"]].tolist() == [1, 2]
    assert table.loc["card", ["closed", "blocked", "complaint_first", "tasks"]].tolist() == [
        1,
        1,
        1,
        2,
    ]
    assert table.loc["keep", ["blocked", "over_cap", "tasks"]].tolist() == [1, 1, 0]
    pairs = crm.rule_conflicts(found)
    assert isinstance(pairs, Answer)
    rows = pairs.table.set_index("rules")
    assert rows.loc["call and card", ["customers", "both", "one", "none"]].tolist() == [3, 0, 2, 1]
    assert rows.loc["card and keep", ["customers", "one"]].tolist() == [2, 1]
    alone = dry_run(rules[:1], events[:1], target_lists("abc"))
    assert isinstance(crm.rule_conflicts(alone), Missing)


def test_rules_keep_to_the_strategy_of_the_segment() -> None:
    rules = [
        rule("offer", "competitor offers more", strategies=["grow share"]),
        rule("card", "birthday"),
        rule("call", "detractor", "service"),
    ]
    events = [event(r.trigger, "a", "b", "c") for r in rules[:2]] + [event("detractor", "c")]
    segments = pd.DataFrame({"customer_id": list("abc"), "segment": ["S1", "S2", "S3"]})
    strategies = pd.DataFrame(
        {"segment": ["S1", "S2", "S3"], "strategy": ["grow share", "develop", "exit"]}
    )
    found = dry_run(rules, events, target_lists("abc"), segments=segments, strategies=strategies)
    assert made(found) == {("offer", "a"), ("card", "a"), ("card", "b"), ("call", "c")}


def test_customers_whom_a_competitor_offers_more_meet_their_trigger() -> None:
    now = pd.DataFrame({"customer_id": list("abc"), "orders": [1, 1, 0]})
    exposed = pd.DataFrame({"customer_id": list("abc"), "exposure": [0.8, 0.4, 0.9]})
    nothing = pd.DataFrame(
        {"customer_id": [], "detractor": [], "promoter": [], "ticket_id": []}, dtype="str"
    ).astype({"detractor": bool, "promoter": bool})
    care = pd.DataFrame({"customer_id": [], "birth_month": [], "birth_day": []})
    events = crm.trigger_events(
        Missing("none"), now, Missing("none"), Missing("none"), nothing, care, nothing, churn_above=0.6, buy_above=0.8, as_of=AS_OF,
        exposed=exposed, exposed_above=0.5,
    )  # fmt: skip
    assert events.to_numpy().tolist() == [["competitor offers more", "a", "a", False]]


@settings(max_examples=15, deadline=None)
@given(
    chosen=st.lists(st.tuples(st.sampled_from(TRIGGERS), st.sampled_from(["marketing", "sales", "service"])), min_size=1, max_size=5),
    met=st.lists(st.tuples(st.sampled_from(TRIGGERS), st.sampled_from("abcd")), min_size=1, max_size=12, unique=True),
    before=st.integers(0, 3), cap=st.integers(0, 3), acted=st.sets(st.sampled_from("abcd")),
)  # fmt: skip
def test_nobody_gets_more_contacts_than_the_cap_over_rules_and_lists(
    chosen: list[tuple[str, str]],
    met: list[tuple[str, str]],
    before: int,
    cap: int,
    acted: set[str],
) -> None:
    """Contacts of the last 30 days, tasks of the rules and the month's list together."""
    lists = target_lists("abcd", gone="d", made=before, cap=cap, held=0.4)
    held = set(lists["holdout"].query("holdout")["customer_id"])
    assert held & set("abc") and set("abc") - held  # the seed holds some of them, not all
    rules = [rule(f"r{i}", trigger, area) for i, (trigger, area) in enumerate(chosen)]
    found = dry_run(rules, [event(trigger, who) for trigger, who in met], lists)
    tasks = found["tasks"]
    assert "d" not in set(tasks["customer_id"])
    ours = tasks[tasks["contact"]]
    assert not held & set(ours["customer_id"])
    keys = sorted(acted - {"d"} - held)
    frame = pd.DataFrame({"customer_id": list("abcd"), "churn_probability": 0.5, "purchase_probability": 0.5, "clv": 1.0})  # fmt: skip
    choice = pd.DataFrame({"customer_id": keys, "segment": "S", "action": "mail"})
    mail = Action(id="mail", name="Mail", channel="email", purpose="retention", unit_cost=1.0, believed_effect=0.1, believed_effect_low=0.0, believed_effect_high=0.2)  # fmt: skip
    contents = crm.crm_contents(choice, frame, frame.drop(columns="clv"), lists, [mail], AS_OF, tasks=tasks)  # fmt: skip
    assert isinstance(contents, dict)
    count = pd.concat([ours["customer_id"], contents["targets"]["customer_id"]]).value_counts()
    assert (count + before <= cap).all()
    for key in keys:
        if before + (ours["customer_id"] == key).sum() < cap:
            assert key in set(contents["targets"]["customer_id"])


# ---------------------------------------------------------------- what names people


def record() -> pd.DataFrame:
    frame = pd.DataFrame({"customer_id": ["a", "b", "c"], "revenue_12m": [10.0, 90.0, 90.0]} | {name: [0, 0, 0] for name in CHECKS})  # fmt: skip
    frame["no_address"] = [1, 1, 0]
    frame["shared_email"] = pd.array([1, None, None], dtype="Int64")
    return frame


def test_the_cleaning_list_names_record_and_mend_dearest_first() -> None:
    assert set(MEND) == set(CHECKS)
    listed = crm.cleaning_list(record())
    assert listed[["customer_id", "check"]].to_numpy().tolist() == [
        ["b", "no postcode or city"], ["a", "e-mail of another customer"], ["a", "no postcode or city"]
    ]  # fmt: skip
    assert "ask for postcode" in listed["mend"].iloc[0]
    assert crm.cleaning_list(record().assign(no_address=0, shared_email=0)).empty
    assert crm.cleaning_list(record().head(0)).empty


def test_pages_of_customers_are_harmless_and_for_their_owner_only(tmp_path: Path) -> None:
    calls = pd.DataFrame({"customer_id": ["b", "a", "b"], "value_at_risk": [5.0, 1.0, None]})
    assert crm.chosen_customers(calls, Missing("none"), 5) == ["b", "a"]
    values = pd.DataFrame({"customer_id": ["a", "b"], "clv": [1.0, 2.0]})
    assert crm.chosen_customers(calls.head(0), values, 1) == ["b"]
    people = pd.DataFrame({"customer_id": ["a"], "name": ["Ada | <script>x</script>\nB"], "email": ["ada@b.example"], "phone": [None]})  # fmt: skip
    events = pd.DataFrame({
        "happened_at": pd.to_datetime(["2025-05-02"] * 61), "kind": "order", "what": "O1", "channel": None, "amount": 1234.5,
    })  # fmt: skip
    page = crm.customer_page(
        "a", people, record(), events, pd.DataFrame({"customer_id": ["a"], "email": [True], "sms": [False]}),
        {"call back": calls, "scores": Missing("none")}, "EUR",
    )  # fmt: skip
    assert (
        "| name | Ada / ‹script>x‹/script> B |" in page
        and "| may be contacted by | email |" in page
    )
    assert "2025-05-02 | order | O1 | – | 1,23" in page and "1 earlier events" in page
    assert "ask for postcode" in page and "call back | value at risk 1" in page
    run = Run.__new__(Run)
    run.folder, run.period = Thing(run=lambda period: tmp_path), "2025"  # type: ignore[assignment]
    said = run.write_records(crm.cleaning_list(record()).assign(customer_id="=1"), {"../a b": page})
    folder = tmp_path / "crm" / "records"
    assert said == "crm/records: a cleaning list of 3 lines and pages of 1 customers"
    assert {p.name for p in folder.iterdir()} == {"cleaning_list.csv", "01--a-b.md"}
    assert folder.stat().st_mode & 0o777 == 0o700 and {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o600}  # fmt: skip
    assert "\n'=1," in (folder / "cleaning_list.csv").read_text(encoding="utf-8-sig")
    assert isinstance(run.write_records(Missing("none"), {}), Missing) and not list(
        folder.iterdir()
    )
