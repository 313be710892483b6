"""Target lists: who said no, died or is unknown is on none of them; a promised list that is missing stops the run."""

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

from playbook import crm
from playbook.answer import Answer, Missing
from playbook.cli import main
from playbook.engagement import Engagement
from playbook.engagement.model import Action
from playbook.engagement.yaml_file import read_model
from playbook.errors import ConsentError, PlanError
from playbook.intake import examine, take_in
from playbook.stats import power_two_proportions, smallest_detectable_effect
from playbook.tables import TABLES
from playbook.warehouse import Warehouse

AS_OF = date(2025, 12, 31)
CONSENTS = ("consent_email", "consent_sms", "consent_phone", "consent_social")
ADDRESS = {"email": "a@b.example", "phone": "070 123", "postcode": "111 22", "city": "Lund"}


def warehouse(folder: Path, **tables: list[dict[str, Any]]) -> Warehouse:
    """Return a warehouse over a few rows of standard tables."""
    kinds = {"id": "str", "text": "str", "choice": "str", "flag": "boolean", "time": "datetime64[us]", "day": "datetime64[us]",
             "whole": "Int64"}  # fmt: skip
    for name, rows in tables.items():
        columns = TABLES[name].columns
        frame = pd.DataFrame(rows, columns=list(columns))
        frame = frame.astype({c: kinds.get(columns[c].kind, "float64") for c in columns})
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    return Warehouse(folder, AS_OF)


def lists_of(data: Warehouse, **changes: Any) -> Answer:
    values: dict[str, Any] = {"contact_cap": 2, "holdout_share": 0.0, "seed": 1}
    found = crm.target_lists(
        data.query("contact_flags"), data.query("suppressed_contacts"), data.query("recent_contacts"), **values | changes
    )  # fmt: skip
    assert isinstance(found, Answer)
    return found


def reached(lists: Answer) -> dict[str, set[str]]:
    frame = lists["reachable"].set_index("customer_id")
    return {channel: set(frame.index[frame[channel]]) for channel in frame}


def test_one_no_among_ten_yes_is_a_no_and_the_dead_are_left_alone(tmp_path: Path) -> None:
    """Ten systems hold a yes for both A and B, an eleventh a no of B; C is deceased in one system; D never answered."""
    yes = dict.fromkeys(CONSENTS, True)
    people = [{"customer_id": key, **ADDRESS, **yes} for key in "ABC"] + [{"customer_id": "D", **ADDRESS}]  # fmt: skip
    keys, records = [], []
    for key in "ABC":
        for number in range(11):
            link = {"system": f"s{number}", "system_id": f"{key}{number}"}
            said: dict[str, Any] = dict(yes)
            if number == 10:
                said = {"A": {}, "B": {"consent_email": False}, "C": {"is_deceased_or_closed": True}}[key]  # fmt: skip
            keys.append({"customer_id": key, **link})
            records.append({**link, **said})
    data = warehouse(tmp_path, customers=people, customer_keys=keys, customer_records=records)
    lists = lists_of(data)
    found = reached(lists)
    assert found["email"] == {"A"} and found["sms"] == {"A", "B"}
    assert found["letter"] == {"A", "B", "D"}
    out = lists["opt_outs"].set_index("customer_id")
    assert out.loc["C"].all() and bool(out.loc["B", "opted_out_email"]) and not out.loc["A"].any()


def test_a_suppression_by_the_number_of_any_system_reaches_the_customer(tmp_path: Path) -> None:
    yes = dict.fromkeys(CONSENTS, True)
    data = warehouse(
        tmp_path,
        customers=[{"customer_id": key, **ADDRESS, **yes} for key in "AB"],
        customer_keys=[{"customer_id": key, "system": "Shop", "system_id": f"9{key}"} for key in "AB"],
        suppressions=[{"system": "shop", "system_id": "9A", "channel": " E-Mail "}, {"customer_id": "B", "channel": "all"}],
    )  # fmt: skip
    found = reached(lists_of(data))
    assert found == {"email": set(), "sms": {"A"}, "phone": {"A"}, "social": {"A"}, "letter": {"A"}}


FLAG = st.sampled_from([True, False, None])
CHANNEL = st.sampled_from(["all", "email", "E-mail", "sms", "post", "call", "pigeon", None])
KEYS = [f"c{i}" for i in range(12)]
SUPPRESSIONS = st.lists(st.tuples(st.sampled_from([*KEYS, "nobody"]), CHANNEL), max_size=8)
MEANT = {"email": "email", "E-mail": "email", "sms": "sms", "post": "letter", "call": "phone"}


@st.composite
def people(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame]:
    n = draw(st.integers(1, 12))
    columns: dict[str, Any] = {"customer_id": KEYS[:n]}
    for name in ("is_gone", "has_email", "has_phone", "has_address", *CONSENTS):
        columns[name] = pd.array(draw(st.lists(FLAG, min_size=n, max_size=n)), dtype="boolean")
    made = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    return pd.DataFrame(columns), pd.DataFrame({"customer_id": KEYS[:n], "contacts": made})


def everybody() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Twelve customers whom every channel may reach, so that a suppression has somebody to stop."""
    names = ("is_gone", "has_email", "has_phone", "has_address", *CONSENTS)
    columns = {name: pd.array([name != "is_gone"] * 12, dtype="boolean") for name in names}
    return pd.DataFrame({"customer_id": KEYS} | columns), pd.DataFrame({"customer_id": KEYS, "contacts": 0})  # fmt: skip


def drawn(who: tuple[pd.DataFrame, pd.DataFrame], rows: list[tuple[str, str]]) -> Answer:
    named = pd.DataFrame(rows, columns=["customer_id", "channel"], dtype="str")
    named["channel"] = named["channel"].str.lower()
    lists = crm.target_lists(who[0], named, who[1], contact_cap=2, holdout_share=0.2, seed=7)
    assert isinstance(lists, Answer)
    return lists


@settings(max_examples=15, deadline=None)
@given(who=people(), rows=SUPPRESSIONS, one_more=st.tuples(st.sampled_from(KEYS), CHANNEL))
@example(who=everybody(), rows=[("c0", "all"), ("c1", "post")], one_more=("c2", "E-mail"))
@example(who=everybody(), rows=[], one_more=("c2", None))
def test_no_list_holds_anybody_suppressed_and_a_suppression_touches_nobody_else(
    who: tuple[pd.DataFrame, pd.DataFrame], rows: list[tuple[str, str]], one_more: tuple[str, str]
) -> None:
    before = drawn(who, rows)
    found = reached(before)
    for channel, keys in found.items():
        stopped = {key for key, said in rows if MEANT.get(said, channel) == channel}
        assert not keys & stopped
    flags, made = who
    often = set(made.loc[made["contacts"] >= 2, "customer_id"])
    alive = set(flags.loc[flags["is_gone"].eq(False).fillna(False), "customer_id"])
    for channel, keys in found.items():
        assert not keys & often and keys <= alive
        if channel != "letter":
            assert keys <= set(flags.loc[flags[f"consent_{channel}"].fillna(False), "customer_id"])
    after, (key, said) = reached(drawn(who, [*rows, one_more])), one_more
    for channel in found:
        hit = {key} if MEANT.get(said, channel) == channel else set()
        assert after[channel] == found[channel] - hit
    held = set(before["holdout"].query("holdout")["customer_id"])
    assert not held & set().union(*found.values())
    table = before.table
    assert (table.drop(columns=["channel", "customers"]).sum(axis=1) == table["customers"]).all()


def test_suppression_is_the_last_gate() -> None:
    flags = pd.DataFrame({"customer_id": ["c0"]} | {
        name: pd.array([name != "is_gone"], dtype="boolean") for name in ("is_gone", "has_email", "has_phone", "has_address", *CONSENTS)
    })  # fmt: skip
    lists = drawn((flags, pd.DataFrame({"customer_id": [], "contacts": []})), [("c0", "all")])
    assert list(lists.table.columns)[-2:] == ["suppressed", "target"]
    assert "Nobody" in lists.headline and "no list is written" in lists.so_what


# ---------------------------------------------------------------- a list that was promised and is missing

ENTRY = '  - {files: "stop*.csv", table: suppressions}\n'


def promise(delivery: Path) -> Path:
    path = delivery / "acme" / "engagement.yml"
    path.write_text(path.read_text(encoding="utf-8") + ENTRY, encoding="utf-8")
    return path


def test_a_named_list_of_suppressions_that_did_not_come_stops_the_run_with_4(
    delivery: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    promise(delivery)
    monkeypatch.setenv("PLAYBOOK_DATA", str(delivery))
    monkeypatch.setenv("PLAYBOOK_RUNS", str(delivery / "runs"))
    for command in ("run", "check"):
        assert main([command, "acme", "--period", "2025"]) == ConsentError.exit_code == 4
        said = "".join(capsys.readouterr())
        assert "stop*.csv" in said and "must not be contacted" in said
    assert not (delivery / "runs" / "acme" / "2025" / "tables").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no workbook", b"\x00\x01\x02"])
def test_a_list_of_suppressions_that_cannot_be_read_stops_too(
    delivery: Path, content: bytes, tmp_path: Path
) -> None:
    engagement = read_model(promise(delivery), Engagement)
    (delivery / "acme" / "inbox" / "stop.csv").write_bytes(content)
    with pytest.raises(ConsentError, match="must not be contacted"):
        take_in(delivery / "acme" / "inbox", engagement, tmp_path / "run")


def test_a_list_of_suppressions_with_nobody_on_it_is_read(delivery: Path, tmp_path: Path) -> None:
    engagement = read_model(promise(delivery), Engagement)
    (delivery / "acme" / "inbox" / "stop.csv").write_text("customer_id,channel\n", encoding="utf-8")
    assert take_in(delivery / "acme" / "inbox", engagement, tmp_path / "run").unsafe == ()


@pytest.mark.parametrize(
    "header",
    [
        "HasOptedOutOfEmail",
        "Email Opt Out",
        "Unsubscribed from all email",
        "Do Not Call",
        "Werbesperre",
        "拒收邮件",
    ],
)
def test_a_column_of_refusals_is_never_read_as_consent_nor_passed_over(
    delivery: Path, header: str, tmp_path: Path
) -> None:
    path, people = (
        delivery / "acme" / "engagement.yml",
        delivery / "acme" / "inbox" / "customers.csv",
    )
    people.write_text(
        f"customer_id,name,{header}\n001,Ada,TRUE\n002,Grace,FALSE\n", encoding="utf-8"
    )
    said = examine(
        delivery / "acme" / "inbox", read_model(path, Engagement), tmp_path / "a"
    ).findings
    [found] = [f for f in said if header in f["message"]]
    assert found["level"] == "problem" and "refused" in found["message"]
    entry = '{files: "customers.csv", table: customers'
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace(entry, f'{entry}, columns: {{consent_email: "{header}"}}'), encoding="utf-8"
    )
    with pytest.raises(PlanError, match="true for those who refused"):
        examine(delivery / "acme" / "inbox", read_model(path, Engagement), tmp_path / "b")
    right = f'{entry}, columns: {{consent_email: "{header}"}}, values: {{consent_email: {{"TRUE": "false"}}}}, nulls: ["FALSE"]'
    path.write_text(text.replace(entry, right), encoding="utf-8")
    take_in(delivery / "acme" / "inbox", read_model(path, Engagement), tmp_path / "c")
    consent = pd.read_parquet(tmp_path / "c" / "tables" / "customers.parquet").set_index(
        "customer_id"
    )["consent_email"]
    assert consent["001"] == False and pd.isna(consent["002"])  # noqa: E712


# ---------------------------------------------------------------- what a list can show


@settings(max_examples=20, deadline=None)
@given(
    base=st.floats(0.05, 0.9), listed=st.integers(4, 50_000), effect=st.floats(0.003, 0.3)
)  # fmt: skip
def test_the_control_is_the_smallest_that_finds_the_effect(
    base: float, listed: int, effect: float
) -> None:
    control = crm.smallest_control(base, listed, effect)
    if control is None:
        best = smallest_detectable_effect(base, listed - listed // 2, listed // 2)
        assert not best <= effect or effect >= 1 - base
        return
    assert 2 <= control <= listed // 2
    assert smallest_detectable_effect(base, listed - control, control) <= effect
    if control > 2:
        assert not smallest_detectable_effect(base, listed - control + 1, control - 1) <= effect


def test_a_control_of_that_size_finds_the_effect_four_times_in_five() -> None:
    """Drawn outcomes, tested with a plain comparison of two shares: power 80 % as promised."""
    base, listed, effect = 0.3, 4000, 0.06
    control = crm.smallest_control(base, listed, effect)
    assert control is not None
    rng, draws = np.random.default_rng(11), 4000
    treated, kept = (
        rng.binomial(listed - control, base + effect, draws),
        rng.binomial(control, base, draws),
    )
    first, second = treated / (listed - control), kept / control
    pooled = (treated + kept) / listed
    z = (first - second) / np.sqrt(pooled * (1 - pooled) * (1 / control + 1 / (listed - control)))
    assert 0.78 <= (z > 1.959964).mean() <= 0.83


def test_lists_speak_of_the_effect_that_the_plan_expects() -> None:
    """Everybody orders at rate one: 16.3 % more orders for all is an effect of e^-1 (1 - e^-.163) = 5.5 points."""
    big, small = 3000, 12
    keys = [f"{i:05d}" for i in range(big + small)]
    people = pd.DataFrame({
        "customer_id": keys, "purchase_probability": 0.4, "margin_given_order": 50.0, "segment": "s", "alive": 1.0, "expected_orders": 1.0,
    })  # fmt: skip
    choice = pd.DataFrame({"customer_id": keys, "action": ["mail"] * big + ["call"] * small})
    effects = pd.DataFrame({"action_id": ["mail", "call"], "segment": "s", "effect": 0.163, "standard_error": 0.01})  # fmt: skip

    def with_effects(table: pd.DataFrame, chosen: pd.DataFrame = choice) -> Answer:
        extra = {"choice": chosen, "effects": SimpleNamespace(table=table)}
        return Answer(pd.DataFrame(), "", "", "prescriptive", extra=extra)

    plan = with_effects(effects)
    made = [
        Action(id=name, name=name.title(), channel=channel, purpose="retention", unit_cost=cost, believed_effect=0.3,
               believed_effect_low=0.2, believed_effect_high=0.4)
        for name, channel, cost in (("mail", "email", 0.5), ("call", "phone", 5.0))
    ]  # fmt: skip
    answer = crm.list_tests(plan, people, made, seed=1, period="2025")
    assert isinstance(answer, Answer)
    table = answer.table.set_index("action_id")
    assert table.loc["mail", "pays_from"] == pytest.approx(0.01)
    assert table.loc["call", "pays_from"] == pytest.approx(0.1)
    assert table["expected"].to_numpy() == pytest.approx(np.exp(-1) * (1 - np.exp(-0.163)))
    assert 300 < table.loc["mail", "hold_back"] < 1000 and np.isnan(table.loc["call", "hold_back"])
    assert 0.75 <= table.loc["mail", "chance"] < 0.85 and not table.loc["call", "chance"] > 0.1
    assert (
        answer.headline.startswith("1 of 2")
        and "'Call' (12 customers) cannot prove" in answer.so_what
    )
    weak = crm.list_tests(with_effects(effects.assign(effect=0.0)), people, made, seed=1, period="2025")  # fmt: skip
    assert weak.table["hold_back"].isna().all() and weak.headline.startswith("0 of 2")
    assert "believed" not in weak.so_what and "nothing to show" in weak.so_what
    nobody = with_effects(effects, choice.assign(action="none"))
    assert isinstance(crm.list_tests(nobody, people, made, seed=1, period="2025"), Missing)


def test_the_chance_to_show_an_effect_is_that_of_drawn_outcomes() -> None:
    base, effect, treated, control = 0.3, 0.03, 2500, 400
    rng, draws = np.random.default_rng(12), 4000
    first, second = (
        rng.binomial(treated, base + effect, draws) / treated,
        rng.binomial(control, base, draws) / control,
    )
    pooled = (treated * first + control * second) / (treated + control)
    z = (first - second) / np.sqrt(pooled * (1 - pooled) * (1 / treated + 1 / control))
    said = power_two_proportions(base, effect, treated, control)
    assert abs((z > 1.959964).mean() - said) < 0.025
    least = smallest_detectable_effect(base, treated, control)
    assert power_two_proportions(base, least, treated, control) == pytest.approx(0.8)
