"""Control groups of the lists, tasks of rules and call backs, and the first page: who gets what, and who is left alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from types import SimpleNamespace as Thing
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook import crm
from playbook.answer import Answer, Missing
from playbook.display import Sentence, Shown, Told
from playbook.engagement import Engagement
from playbook.engagement.model import Action, AutomationRule, Role
from playbook.errors import ConsentError
from playbook.intake import take_in
from playbook.run import Run

AS_OF = date(2025, 12, 31)
KEYS = [f"shop-{i:05d}" for i in range(4000)]


def action(id_: str = "mail", channel: str = "email", **changes: Any) -> Action:
    values = {
        "purpose": "retention", "unit_cost": 1.0, "believed_effect": 0.06, "believed_effect_low": 0.05, "believed_effect_high": 0.07,
    }  # fmt: skip
    return Action(id=id_, name=id_.title(), channel=channel, **(values | changes))  # type: ignore[arg-type]


def chosen(keys: list[str], name: str = "mail") -> pd.DataFrame:
    return pd.DataFrame({"customer_id": keys, "segment": "S", "action": name, "expected_margin": 2.0, "cost": 1.0})  # fmt: skip


def lists_over(
    keys: list[str], *, held: float = 0.0, seed: int = 1, cap: int = 2, gone: tuple[str, ...] = ()
) -> Answer:
    flags = pd.DataFrame({"customer_id": keys, "is_gone": [k in gone for k in keys]})
    for name in ("has_email", "has_phone", "has_address", "consent_email", "consent_sms", "consent_phone", "consent_social"):  # fmt: skip
        flags[name] = True
    none = pd.DataFrame({"customer_id": [], "channel": []}, dtype="str")
    lists = crm.target_lists(
        flags, none, pd.DataFrame(), contact_cap=cap, holdout_share=held, seed=seed
    )
    assert isinstance(lists, Answer)
    return lists


def made(
    choice: pd.DataFrame, keys: list[str], lists: Answer | None = None, **more: Any
) -> dict[str, Any]:
    scores = pd.DataFrame({"customer_id": keys, "churn_probability": 0.5, "purchase_probability": 0.5})  # fmt: skip
    worth = pd.DataFrame({"customer_id": keys, "clv": 10.0})
    found = crm.crm_contents(choice, worth, scores, lists or lists_over(keys), [action()], AS_OF, **more)  # fmt: skip
    assert isinstance(found, dict)
    return found


# ---------------------------------------------------------------- the draw


def test_the_arm_of_a_customer_depends_on_nobody_else_and_not_on_the_universal_holdout() -> None:
    drawn = crm.draw_arms(chosen(KEYS), {"mail": 0.2}, 7, "2025")
    control = (drawn["arm"] == "control").to_numpy()
    assert set(drawn["assignment_probability"]) == {0.8}
    assert abs(control.mean() - 0.2) < 4 * np.sqrt(0.2 * 0.8 / len(KEYS))
    some = crm.draw_arms(chosen(KEYS[::-3]), {"mail": 0.2}, 7, "2025").set_index("customer_id")
    assert some["arm"].equals(drawn.set_index("customer_id")["arm"].reindex(some.index))
    other = crm.draw_arms(chosen(KEYS, "call"), {"call": 0.2}, 7, "2025")["arm"] == "control"
    held = crm.universal_holdout(KEYS, 7, 0.2)
    for second in (other.to_numpy(), held):  # neither another list nor the holdout tells the arm
        assert 100 < (control & second).sum() < 220 and not (control == second).all()
    none = crm.draw_arms(chosen(KEYS[:3], "none"), {"mail": 0.2}, 7, "2025")
    assert none["arm"].isna().all() and none["assignment_probability"].isna().all()


def test_more_are_held_back_only_when_the_share_rises() -> None:
    """A larger control holds everybody of the smaller one, so a longer list changes few arms."""
    small, large = (
        crm.draw_arms(chosen(KEYS), {"mail": share}, 7, "2025")["arm"] == "control"
        for share in (0.1, 0.3)
    )
    assert small.sum() > 300 and (large | ~small).all() and large.sum() > small.sum()


def test_the_plan_says_who_is_held_back_and_a_list_too_small_gives_a_tenth() -> None:
    keys = KEYS[:3012]
    people = pd.DataFrame({
        "customer_id": keys, "segment": "S", "alive": 1.0, "expected_orders": 1.0, "purchase_probability": 0.4, "margin_given_order": 50.0,
    })  # fmt: skip
    choice = chosen(keys).assign(action=["mail"] * 3000 + ["call"] * 12)
    effects = Thing(
        table=pd.DataFrame({"action_id": ["mail", "call"], "segment": "S", "effect": 0.18})
    )
    plan = Answer(
        pd.DataFrame(), "", "", "prescriptive", extra={"choice": choice, "effects": effects}
    )
    tests = crm.list_tests(plan, people, [action(), action("call", "phone")], seed=3, period="2025")
    assert isinstance(tests, Answer)
    drawn, table = tests["choice"], tests.table.set_index("action_id")
    mail = drawn[drawn["action"] == "mail"]
    share = 1 - mail["assignment_probability"].iloc[0]
    assert table.loc["mail", "hold_back"] / 3000 <= share < table.loc["mail", "hold_back"] / 3000 + 0.01  # fmt: skip
    assert table.loc["mail", "held_back"] == (mail["arm"] == "control").sum() > 0
    assert set(drawn.loc[drawn["action"] == "call", "assignment_probability"]) == {0.9}
    assert isinstance(crm.drawn_choice(plan, Missing("no list")), pd.DataFrame)
    assert isinstance(crm.drawn_choice(Missing("no plan"), Missing("no list")), Missing)


# ---------------------------------------------------------------- what leaves, and what is kept


@settings(max_examples=8, deadline=None)
@given(share=st.sampled_from([0.0, 0.3, 0.5]), seed=st.integers(0, 50), held=st.sampled_from([0.0, 0.3]))  # fmt: skip
def test_only_the_treated_leave_and_nobody_of_either_control_is_named(
    share: float, seed: int, held: float
) -> None:
    keys = KEYS[:40]
    lists = lists_over(keys, held=held, seed=seed)
    holdout = set(lists["holdout"].query("holdout")["customer_id"])
    choice = chosen(keys)
    choice.loc[choice["customer_id"].isin(holdout), "action"] = "none"
    found = made(crm.draw_arms(choice, {"mail": share}, seed, "2025"), keys, lists)
    members, targets = found["members"], set(found["targets"]["customer_id"])
    control = set(members.loc[members["arm"] == "control", "customer_id"])
    assert targets | control == set(keys) - holdout and not targets & control
    acted = found["scores"].loc[found["scores"]["action"] != "none", "customer_id"]
    assert set(acted) == targets  # no seller is told of an action for a control customer
    for system in crm.SYSTEMS:
        mapping = crm.read_mapping(system)
        if targets:
            [(_, _, rows, content)] = crm.checked_files(mapping, {"targets": found["targets"]}, control)  # fmt: skip
            assert rows == len(targets)
            assert set(crm.read_file(mapping, "targets", content)["customer_id"]) == targets
    if share and control:
        bad = found | {"targets": members.assign(valid_until=AS_OF)}
        with pytest.raises(ConsentError, match="must not be contacted"):
            crm.checked_files(crm.read_mapping("zoho"), {"targets": bad["targets"]}, crm.held_back(bad))  # fmt: skip


def test_next_years_intake_reads_the_lists_back_with_arm_and_probability(tmp_path: Path) -> None:
    keys = [f"shop-{i:03d}" for i in range(14)] + [f"crm-{i:03d}" for i in range(100, 106)]
    drawn = crm.draw_arms(chosen(keys), {"mail": 0.3}, 7, "2025")
    known = pd.DataFrame({"customer_id": keys, "system": [k.split("-")[0] for k in keys], "system_id": [k.split("-")[1] for k in keys]})  # fmt: skip
    also = pd.DataFrame({"customer_id": ["shop-000"], "system": ["desk"], "system_id": ["77"]})
    files = crm.list_files(made(drawn, keys), [action()], pd.concat([known, also]), AS_OF)
    assert isinstance(files, dict)
    run = Run.__new__(Run)
    run.folder, run.period = Thing(run=lambda period: tmp_path / "run"), "2025"  # type: ignore[assignment]
    assert "20 members" in str(run.write_lists(files))
    folder = tmp_path / "run" / "crm" / "lists"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o600}
    records = "system,system_id,email,acquired_at\n" + "".join(
        f"{s},{i},{chr(97 + int(i) % 23) * 6}{i}@{s}.example,2024-01-01\n" for s, i in zip(known["system"], known["system_id"], strict=True)
    )  # fmt: skip
    (folder / "people.csv").write_text(records, encoding="utf-8")
    (folder / "orders.csv").write_text("order_id,customer_id,ordered_at,revenue\n1,000,2026-02-01,10\n", encoding="utf-8")  # fmt: skip
    inbox = [{"files": "orders.csv", "table": "orders", "system": "shop"}, {"files": "people.csv", "table": "customer_records"}, {"files": "campaigns.csv", "table": "campaigns", "system": "crm"}]  # fmt: skip
    inbox += [{"files": f"campaign_members_{s}.csv", "table": "campaign_members", "system": s} for s in ("shop", "crm")]  # fmt: skip
    for entry in inbox[2:]:
        assert entry["files"] in str(files["read-me.md"])
    engagement = Engagement.model_validate({"client": "a", "brand": "a", "currency": "EUR", "inbox": inbox, "data_until": date(2026, 12, 31)})  # fmt: skip
    take_in(folder, engagement, tmp_path / "next")
    back = pd.read_parquet(tmp_path / "next" / "tables" / "campaign_members.parquet").set_index("customer_id")  # fmt: skip
    sent = drawn.set_index("customer_id").reindex(back.index)
    assert len(back) == 20 and (back["arm"] == sent["arm"]).all() and set(back["arm"]) == {"treated", "control"}  # fmt: skip
    assert back["assignment_probability"].tolist() == pytest.approx([0.7] * 20)
    assert set(back["campaign_id"]) == {"mail-2025-12-31"}
    ran = pd.read_parquet(tmp_path / "next" / "tables" / "campaigns.parquet")
    assert ran.loc[0, "campaign_id"] == "mail-2025-12-31" and float(ran.loc[0, "unit_cost"]) == 1.0
    gone = run.write_lists(Missing("no lists"))
    assert isinstance(gone, Missing) and not list(folder.glob("*"))


def test_a_client_without_systems_is_named_by_its_own_ids() -> None:
    files = crm.list_files(made(crm.draw_arms(chosen(KEYS[:5]), {"mail": 0.5}, 7, "2025"), KEYS[:5]), [action()], pd.DataFrame(), AS_OF)  # fmt: skip
    assert isinstance(files, dict) and set(files) == {"campaigns.csv", "campaign_members.csv", "read-me.md"}  # fmt: skip
    assert sorted(files["campaign_members.csv"]["customer_id"]) == KEYS[:5]


# ---------------------------------------------------------------- tasks


RULES = [
    AutomationRule(id="next-step", area="sales", trigger="deal without progress", then="Ask for the next step", owner="head-sales", due_days=5),
    AutomationRule(id="card", area="marketing", trigger="birthday", then="Send the card", owner="crm", due_days=0),
    AutomationRule(id="listen", area="service", trigger="detractor", then="Call back", owner="desk", due_days=2),
    AutomationRule(id="late", area="service", trigger="open case late", then="Escalate", owner="desk", due_days=1),
]  # fmt: skip


def events(**more: Any) -> pd.DataFrame:
    rows = [
        ("deal without progress", "D1", None, True), ("deal without progress", "D2", "a", True), ("birthday", "a", "a", False),
        ("birthday", "b", "b", False), ("detractor", "a", "a", False), ("detractor", "c", "c", True), ("open case late", "T9", "b", True),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["trigger", "subject", "customer_id", "owed"])


def calls(*causes: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame({
        "customer_id": [who for who, _ in causes], "cause": [cause for _, cause in causes], "owner": "desk",
        "due": pd.Timestamp("2026-01-02"), "by": "phone", "reference": "R1",
    })  # fmt: skip


def test_tasks_of_rules_and_call_backs_go_to_every_system_with_record_owner_and_day() -> None:
    lists = lists_over(["a", "b", "c"])
    found = crm.automation(RULES, events(), lists["reachable"], AS_OF, lists=lists)
    assert isinstance(found, Answer)
    contents = made(chosen([]), ["a", "b", "c"], lists, callbacks=calls(("c", "case reopened")), tasks=found["tasks"])  # fmt: skip
    tasks = contents["tasks"].set_index("task_key")
    assert set(tasks.index) == {
        "next-step 2025-12-31 D1", "next-step 2025-12-31 D2", "listen 2025-12-31 a", "late 2025-12-31 T9", "callback 2025-12-31 c",
    }  # fmt: skip
    assert tasks.loc["next-step 2025-12-31 D1", ["area", "owner", "related"]].tolist() == ["sales", "head-sales", "D1"]  # fmt: skip
    assert tasks.loc["late 2025-12-31 T9", ["customer_id", "related"]].tolist() == ["b", "T9"]
    assert tasks["due"].is_monotonic_increasing and tasks.index[0] == "late 2025-12-31 T9"
    assert tasks["title"].is_unique and tasks["title"].str.len().max() <= 100
    for system in crm.SYSTEMS:
        mapping = crm.read_mapping(system)
        [(_, _, rows, content)] = crm.checked_files(mapping, {"tasks": contents["tasks"]}, ())
        back = crm.read_file(mapping, "tasks", content)
        if (
            system == "fxiaoke"
        ):  # one task a customer, the most urgent; none for a deal without a customer
            assert back.set_index("customer_id")["subject"].to_dict() == {
                "a": "Call back", "b": "Escalate", "c": "Call back (phone): case reopened",
            }  # fmt: skip
            continue
        assert rows == 5 and back["customer_id"].tolist().count("") == 1
        assert set(back["due"]) == {date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 5)}


@settings(max_examples=8, deadline=None)
@given(then=st.text(max_size=120), subject=st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=18))  # fmt: skip
def test_whatever_a_rule_says_its_task_is_safe_in_every_system(then: str, subject: str) -> None:
    rule = AutomationRule(id="r", area="sales", trigger="deal without progress", then=then, owner="crm", due_days=1)  # fmt: skip
    event = pd.DataFrame({"trigger": [rule.trigger], "subject": [subject], "customer_id": ["a"], "owed": [True]})  # fmt: skip
    lists = lists_over(["a"])
    found = crm.automation([rule], event, lists["reachable"], AS_OF, lists=lists)
    assert isinstance(found, Answer)
    tasks = crm.rule_tasks(found["tasks"], (), AS_OF)
    for system in crm.SYSTEMS:
        [(_, _, rows, content)] = crm.checked_files(crm.read_mapping(system), {"tasks": tasks}, ())
        assert rows == 1
        for text in crm.read_file(crm.read_mapping(system), "tasks", content).iloc[0]:
            assert not isinstance(text, str) or not text.startswith(tuple("=+-@\t\r＝＋－＠"))


def test_the_holdout_gets_answers_to_its_cases_and_nothing_else() -> None:
    keys = [f"k{i:02d}" for i in range(30)]
    lists = lists_over(keys, held=0.3, seed=2)
    held = set(lists["holdout"].query("holdout")["customer_id"])
    assert 3 < len(held) < 20
    rows = [(k, "case reopened; detractor" if i % 2 else "detractor") for i, k in enumerate(keys)]
    unhappy = calls(*rows)
    owed = {k for k, cause in rows if "case" in cause}
    nothing = pd.DataFrame({"customer_id": [], "detractor": [], "promoter": [], "ticket_id": []}, dtype="str").astype({"detractor": bool, "promoter": bool})  # fmt: skip
    born = pd.DataFrame({"customer_id": keys, "birth_month": 1, "birth_day": 5})
    found = crm.trigger_events(Missing("none"), pd.DataFrame(), Missing("none"), unhappy, nothing, born, nothing,
                               churn_above=0.5, buy_above=0.5, as_of=AS_OF)  # fmt: skip
    dry = crm.automation(RULES, found, lists["reachable"], AS_OF, lists=lists)
    assert isinstance(dry, Answer)
    assert dry.table.set_index("rule").loc["card", "held_out"] == len(held)
    contents = made(chosen([]), keys, lists, callbacks=unhappy, tasks=dry["tasks"])
    got = set(contents["tasks"]["customer_id"])
    assert held & owed and held - owed  # both kinds are there
    assert got == (set(keys) - held) | (held & owed)
    of_held = contents["tasks"][contents["tasks"]["customer_id"].isin(held)]
    assert set(of_held["area"]) == {"service"} and not contents["members"]["customer_id"].isin(held).any()  # fmt: skip


# ---------------------------------------------------------------- the first page


def test_the_first_page_says_who_begins_with_what() -> None:
    lists = lists_over(["a", "b", "c"])
    dry = crm.automation(RULES, events(), lists["reachable"], AS_OF, lists=lists)
    assert isinstance(dry, Answer)
    contents = made(chosen([]), ["a", "b", "c"], lists, tasks=dry["tasks"])
    worth = pd.DataFrame({"customer_id": ["a", "b", "c"], "clv": [5.0, -7.0, 40.0]})
    deals = pd.DataFrame({"opportunity_id": ["D1", "D2"], "expected": [900.0, 100.0], "owner": ["Ann", None]})  # fmt: skip
    roles = [Role(id="desk", title="Head of service", department="Service", person_days_per_month=1.0)]  # fmt: skip
    page = crm.tasks_today(contents, roles, AS_OF, worth, deals)
    assert isinstance(page, Answer)
    deal_rows = page.table[page.table["task"] == "Ask for the next step"].set_index("owner")
    assert deal_rows.loc["head-sales: Ann", ["tasks", "at_stake", "start_with", "see"]].tolist() == [1, 900.0, "D1", "C3"]  # fmt: skip
    assert deal_rows.loc["head-sales", ["tasks", "at_stake"]].tolist() == [1, 100.0]
    rows = page.table.set_index("task")
    assert rows.loc["Call back", ["owner", "tasks", "at_stake", "start_with"]].tolist() == ["Head of service", 2, 45.0, "c"]  # fmt: skip
    assert rows.loc["Escalate", "at_stake"] == 0 and page.table["due"].is_monotonic_increasing
    assert page.headline == "5 of 5 tasks are due within 7 days"
    assert "Head of service: 3, the first by 2026-01-01 ('Escalate', b)" in page.so_what
    alone = crm.tasks_today(contents, [], AS_OF, Missing("none"), Missing("none"))
    assert isinstance(alone, Answer) and alone.table["at_stake"].eq(0).all()
    assert isinstance(crm.tasks_today(made(chosen([]), ["a"]), [], AS_OF), Missing)
    assert isinstance(crm.tasks_today(Missing("no lists"), [], AS_OF), Missing)  # type: ignore[arg-type]


def test_lists_of_the_month_cost_and_return_what_is_sent() -> None:
    keys = KEYS[:100]
    drawn = crm.draw_arms(chosen(keys), {"mail": 0.4}, 7, "2025")
    contents = made(drawn, keys)
    table = pd.DataFrame({"action": ["Mail"], "segment": ["S"], "customers": [100], "expected_margin": [200.0], "low": [50.0], "high": [400.0],
                          "cost": [100.0], "action_id": ["mail"]})  # fmt: skip
    plan = Answer(table, "", "", "prescriptive", extra={"choice": chosen(keys)})
    answer = crm.lists_today(plan, contents, [action(), action("unused")])
    assert isinstance(answer, Answer) and len(answer.table) == 1
    row, sent = answer.table.iloc[0], len(contents["targets"])
    assert 40 < sent < 80 and row["send"] == sent and row["hold_back"] == 100 - sent
    assert row["cost"] == sent and row["returns"] == pytest.approx(2.0 * sent)
    assert (row["low"], row["high"]) == (pytest.approx(0.5 * sent), pytest.approx(4.0 * sent))
    assert "do not pay themselves back" in answer.so_what and row["chance"] == 0.6
    empty = made(chosen([]), keys)
    assert isinstance(crm.lists_today(plan, empty, [action()]), Missing)


# ---------------------------------------------------------------- what is shown, and what the scores are for


def test_content_and_service_follow_strategy_consent_and_open_complaints() -> None:
    keys = list("abcdefgh")
    segments = pd.DataFrame({"customer_id": keys, "segment": ["Grow"] * 4 + ["Keep"] * 2 + ["Leave"] + ["Cheap"]})  # fmt: skip
    strategies = pd.DataFrame({"segment": ["Grow", "Keep", "Leave", "Cheap"], "strategy": ["grow share", "appreciate", "exit", "maintain at low cost"]})  # fmt: skip
    shown = pd.DataFrame({"customer_id": ["a", "b", "c", "h"], "rank": 1, "reason": ["similar", "similar", "popular", "popular"]})  # fmt: skip
    recommended = Answer(pd.DataFrame(), "", "", "predictive", extra={"lists": shown})
    reachable = lists_over(keys)["reachable"].copy()
    reachable.loc[reachable["customer_id"] == "c", "sms"] = False
    answer = crm.content_rules(recommended, reachable, segments, strategies, calls(("b", "case reopened")))  # fmt: skip
    assert isinstance(answer, Answer)
    rows = answer.table.set_index("segment")
    assert rows.loc["Grow", ["e-mail", "SMS", "call", "answer_first"]].tolist() == [3, 2, 3, 1]
    assert "33.3 %" in rows.loc["Grow", "first_place"] and "welcome series" in rows.loc["Grow", "first_place"]  # fmt: skip
    assert rows.loc["Keep", "first_place"] == "thanks and first access, no product" and rows.loc["Keep", "call"] == 2  # fmt: skip
    assert rows.loc["Leave", ["e-mail", "SMS", "social", "call"]].tolist() == [0, 0, 0, 0]
    assert rows.loc["Cheap", ["e-mail", "call"]].tolist() == [1, 0]
    assert answer.headline.startswith("2 of 4")
    none: Any = Missing("not made")
    assert isinstance(crm.content_rules(none, reachable, segments, strategies), Missing)
    assert isinstance(crm.content_rules(recommended, reachable, segments, none), Missing)


def test_the_model_card_says_what_was_left_out_and_where_the_test_is_weak() -> None:
    table = pd.DataFrame({"model": ["base rate", "recency only", "logistic"], "brier": [0.25, 0.22, 0.19], "brier_low": 0.18, "brier_high": 0.26,
                          "auc": [0.5, 0.7, 0.78], "auc_low": 0.76, "auc_high": 0.8})  # fmt: skip
    bins = pd.DataFrame({"predicted": [0.2, 0.8], "low": [0.1, 0.85], "high": [0.3, 0.95]})
    model = Thing(
        comparison=table, chosen="logistic", calibration=bins, n_train=900, n_test=800, beats_base_rate=True,
        effects=pd.DataFrame({"feature": ["recency_days", "tickets"]}), leakage=pd.DataFrame({"feature": ["tickets"], "suspicious": [True]}),
    )  # fmt: skip
    predicted = Answer(table, "", "", "predictive", extra={"model": model, "refused": ["closed_on"]})  # fmt: skip
    span = pd.DataFrame({"first_day": [pd.Timestamp("2024-01-01")]})
    card = crm.model_card(predicted, crm.snapshot_days(span, AS_OF))
    assert isinstance(card, Answer)
    says = card.table.set_index("about")["says"]
    assert says["order"] == "area under the curve 0.780 (0.760 to 0.800), 0.700 for recency alone"
    assert says["probabilities"].startswith("1 of 2") and says["fitted on"].startswith("900")
    assert "closed_on (filled in after the day)" in says["left out"] and "tickets" in says["left out"]  # fmt: skip
    assert "other customers" in says["judged on"] and "first real one" in card.so_what
    none: Any = Missing("too few orders")
    assert isinstance(crm.model_card(none, crm.snapshot_days(span, AS_OF)), Missing)


def test_a_told_answer_is_one_output_with_its_sentence_first() -> None:
    table = pd.DataFrame({"owner": ["<b>desk</b>"], "tasks": [3]})
    answer = Answer(table, "Three tasks", "Begin.", "prescriptive")
    told = Told(Sentence(answer), Shown(answer, "EUR"))
    assert repr(told).startswith("[prescriptive] Three tasks. Begin.") and "tasks" in repr(told)
    page = told._repr_html_()
    assert page.index('class="sowhat"') < page.index("<table") and "<b>desk" not in page
    none = Missing("no tasks", "rules")
    assert repr(Told(Sentence(none), Shown(none, "EUR"))) == repr(none)
    assert Told(Sentence(none), Shown(none, "EUR"))._repr_html_().count("Not answered") == 1


def test_the_number_of_a_record_stays_on_one_line() -> None:
    table = pd.DataFrame({"start_with": ["0065g0000000321AAA", "shop-00022254", "Ask for the next step 2025", "acquisition"]})  # fmt: skip
    shown = Shown(Answer(table, "", "", "prescriptive"), "EUR")._repr_html_()
    assert shown.count('<td class="record">') == 2
    assert "<td>acquisition</td>" in shown and "<td>Ask for" in shown
