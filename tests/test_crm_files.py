"""CRM files: what goes out comes back, nothing in them calculates, erases or gives consent, and limits hold."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date
from pathlib import Path
from types import SimpleNamespace as Thing
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from playbook import crm
from playbook.answer import Answer, Missing
from playbook.crm.mapping import KINDS, Mapping
from playbook.crm.template import xlsx_bytes
from playbook.engagement import open_folder
from playbook.engagement.model import Action
from playbook.errors import ConsentError, DataError, PlanError
from playbook.run import Run

AS_OF = date(2025, 12, 31)
CHANNELS = ["email", "sms", "phone", "social", "letter"]


def callbacks(**changes: Any) -> pd.DataFrame:
    return pd.DataFrame({
        "customer_id": ["0001", "0002", "0001"], "cause": ["detractor", "case reopened; detractor", "dissatisfied with a case"],
        "owner": "head-service", "due": pd.to_datetime(["2026-01-05", "2026-01-02", "2026-01-03"]), "by": ["phone", "e-mail", "phone"],
    }).assign(**changes)  # fmt: skip


def contents(segment: str = "Gärna hemma") -> dict[str, pd.DataFrame]:
    return {
        "scores": pd.DataFrame({
            "customer_id": ["0002", "0001"], "segment": [segment, None], "clv": [-3.456, np.nan], "churn_probability": [0.25, 1.0],
            "purchase_probability": [0.75, 0.0], "action": ["mail", "none"], "valid_until": AS_OF,
        }),
        "targets": pd.DataFrame({"customer_id": ["0002"], "segment": [segment], "channel": ["email"], "action": ["mail"], "valid_until": AS_OF}),
        "opt_outs": pd.DataFrame({"customer_id": ["0001"], "opted_out_email": [True], "opted_out_sms": [False], "opted_out_phone": [False]}),
        "tasks": crm.callback_tasks(callbacks(), (), AS_OF),
    }  # fmt: skip


def with_limits(mapping: Mapping, **limits: Any) -> Mapping:
    return mapping.model_copy(update={"dialect": mapping.dialect.model_copy(update=limits)})


def plain_rows(mapping: Mapping, content: bytes) -> list[list[str]]:
    """Read a file with nothing of ours."""
    if mapping.dialect.format == "csv":
        return list(csv.reader(io.StringIO(content.decode("utf-8"))))
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    return [[str(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]


# ---------------------------------------------------------------- there and back


@pytest.mark.parametrize("system", crm.SYSTEMS)
def test_files_come_back_as_they_went_out(system: str) -> None:
    mapping = crm.read_mapping(system)
    files = crm.checked_files(mapping, contents(), refused={"0001"})
    assert [(kind, rows) for kind, _, rows, _ in files] == [
        ("scores", 2), ("targets", 1), ("opt_outs", 1), ("tasks", 2)
    ]  # fmt: skip
    rows = plain_rows(mapping, files[0][3])
    assert rows[0] == [mapping.key, *mapping.files["scores"].fields]
    assert rows[1] == ["0001", "", "", "1.0000", "0.0000", "none", "2025-12-31"]
    assert rows[2] == ["0002", "Gärna hemma", "-3.46", "0.2500", "0.7500", "mail", "2025-12-31"]
    again = crm.checked_files(mapping, {k: f.iloc[::-1] for k, f in contents().items()}, refused=())
    assert [c for *_, c in again] == [c for *_, c in files]


@pytest.mark.parametrize("system", crm.SYSTEMS)
def test_every_kind_of_file_opens_in_a_plain_reader_and_keeps_the_rules_of_its_system(
    system: str,
) -> None:
    """What docs/crm.md says was opened and checked; nothing of the writer or of the strict reader is used here."""
    mapping = crm.read_mapping(system)
    opened = {kind: (rows, raw) for kind, _, rows, raw in crm.checked_files(mapping, contents(), {"0001"})}  # fmt: skip
    assert set(opened) == set(KINDS) == set(mapping.files)
    for kind, (count, raw) in opened.items():
        rows = plain_rows(mapping, raw)
        file, width = mapping.files[kind], len(mapping.files[kind].fields) + 1
        assert len(rows) == count + 1 <= mapping.dialect.max_rows and len(raw) <= mapping.dialect.max_bytes  # fmt: skip
        assert rows[0] == [file.key or mapping.key, *file.fields] and {len(row) for row in rows} == {width}  # fmt: skip
        assert len({row[0] for row in rows[1:]}) == count and all(row[0] for row in rows[1:])
        for row in rows[1:]:
            for text, rule in zip(row[1:], file.fields.values(), strict=True):
                assert len(text) <= max(rule.max, 20) and not set(text) & set(mapping.dialect.forbidden_signs)  # fmt: skip
                assert not text or rule.kind != "date" or re.fullmatch(r"20\d\d-[01]\d-[0-3]\d", text)  # fmt: skip
                assert not text or rule.kind != "opt_out" or text == mapping.dialect.is_true
                assert not text or not rule.values or text in rule.values
        if mapping.dialect.format == "csv":
            assert not raw.startswith(b"\xef\xbb\xbf") and b"\r" not in raw and raw.endswith(b"\n")


NAME = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp", "Zs", "Co", "Cn"), exclude_characters="=+-@＝＋－＠﹢﹣﹦﹫⁺⁻⁼₊₋₌\"|<>#"),
    min_size=1, max_size=30,
)  # fmt: skip
MAYBE = st.none()
SHARE = st.floats(0, 1) | MAYBE
ROW = st.tuples(NAME | MAYBE, st.floats(-1e9, 1e9) | MAYBE, SHARE, SHARE, st.sampled_from(["mail", "none", "kart-1"]),
                st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(CHANNELS), st.booleans(), st.booleans(), st.booleans())  # fmt: skip
COLUMNS = ["segment", "clv", "churn_probability", "purchase_probability", "action", "valid_until", "channel",
           "opted_out_email", "opted_out_sms", "opted_out_phone"]  # fmt: skip
ERASING = {"nan", "none", "null", "nat"}


@settings(max_examples=15, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=4), per_file=st.integers(1, 3))
def test_what_the_strict_reader_finds_is_what_was_exported(rows: list[Any], per_file: int) -> None:
    frame = pd.DataFrame(rows, columns=COLUMNS).astype({"segment": "object"})
    frame["segment"] = [
        s if isinstance(s, str) and s.lower() not in ERASING else None for s in frame["segment"]
    ]
    frame.insert(0, "customer_id", [f"{i:04d}" for i in range(len(frame))])
    for system in crm.SYSTEMS:
        mapping = with_limits(crm.read_mapping(system), max_rows=per_file)
        for kind in ("scores", "targets", "opt_outs"):
            made = crm.make_files(mapping, kind, frame)
            assert len(made) == -(-len(frame) // per_file)
            back = pd.concat([crm.read_file(mapping, kind, c) for _, c in made], ignore_index=True)
            assert back["customer_id"].tolist() == frame["customer_id"].tolist()
            for rule in mapping.files[kind].fields.values():
                sent, got = frame[rule.column], back[rule.column]
                if rule.kind == "text":
                    assert got.tolist() == [s if isinstance(s, str) else "" for s in sent]
                elif rule.kind in ("decimal", "share"):
                    places = 2 if rule.kind == "decimal" else 4
                    assert np.allclose(sent.astype(float), got.astype(float), atol=0.51 * 10**-places, rtol=0, equal_nan=True)  # fmt: skip
                else:
                    assert got.tolist() == sent.tolist()


DANGER = st.sampled_from(["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", " =", "　=", "﹢", '"=', "|@", "#N/A", ""])  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(start=DANGER, rest=st.text(max_size=300))
def test_no_text_that_leaves_calculates_or_erases(start: str, rest: str) -> None:
    """A suggested response may hold anything a client's system holds; what is written is safe and short enough."""
    tasks = crm.callback_tasks(callbacks(response=start + rest), (), AS_OF)
    for system in crm.SYSTEMS:
        mapping = crm.read_mapping(system)
        [(_, _, _, content)] = crm.checked_files(mapping, {"tasks": tasks}, ())
        rules = list(mapping.files["tasks"].fields.values())
        for row in plain_rows(mapping, content)[1:]:
            for text in row:
                assert not text.lstrip()[:1] or text.lstrip()[0] not in "=+-@\t\r＝＋－＠"
                assert text.upper() != "#N/A" and "\n" not in text
            assert all(len(t) <= rule.max for t, rule in zip(row[1:], rules, strict=True) if t)


@pytest.mark.parametrize("system", crm.SYSTEMS)
@pytest.mark.parametrize("segment", ["=1+1", "@SUM(A1)", "-2", "+46", "＝1", "＠a", "－2", " =1", "#N/A", "#n/a", "null", "a\nb", "x" * 81])  # fmt: skip
def test_dangerous_names_are_refused_and_found_by_the_reader_too(system: str, segment: str) -> None:
    mapping = crm.read_mapping(system)
    with pytest.raises(DataError, match="rename it in the plan"):
        crm.make_files(mapping, "scores", contents(segment)["scores"])
    if mapping.dialect.format == "csv":
        [(_, good)] = crm.make_files(mapping, "scores", contents("SEGMENT")["scores"])
        stream = io.StringIO(newline="")
        csv.writer(stream, lineterminator="\n").writerow([segment])
        bad = good.replace(b"SEGMENT", stream.getvalue().removesuffix("\n").encode())
        assert crm.lint_file(mapping, "scores", good) == []
        assert len(crm.lint_file(mapping, "scores", bad)) == 1


@pytest.mark.parametrize(
    "segment", ["家居　爱好者", "Maison\u00a0douce", "A & B (50+)", 'naïve; "x", y']
)
def test_names_people_use_come_back_as_they_are(segment: str) -> None:
    for system in crm.SYSTEMS:
        mapping = crm.read_mapping(system)
        if set(segment) & set(mapping.dialect.forbidden_signs):
            continue
        [(_, content)] = crm.make_files(mapping, "scores", contents(segment)["scores"])
        assert crm.read_file(mapping, "scores", content)["segment"].tolist() == ["", segment]


def test_a_key_no_system_could_keep_is_refused() -> None:
    for key in ("=1", "x" * 101, "a\tb"):
        with pytest.raises(DataError, match="key"):
            crm.make_files(crm.read_mapping("salesforce"), "opt_outs", contents()["opt_outs"].assign(customer_id=key))  # fmt: skip


def test_consent_can_only_be_withdrawn() -> None:
    for system in crm.SYSTEMS:
        mapping = crm.read_mapping(system)
        rules = mapping.files["opt_outs"].fields
        assert {rule.kind for rule in rules.values()} == {"opt_out"}
        elsewhere = {r.kind for kind in set(KINDS) - {"opt_outs"} for r in mapping.files[kind].fields.values()}  # fmt: skip
        assert "opt_out" not in elsewhere
        [(_, content)] = crm.make_files(mapping, "opt_outs", contents()["opt_outs"])
        assert crm.lint_file(mapping, "opt_outs", content) == []
        if mapping.dialect.format == "csv":
            back = content.replace(mapping.dialect.is_true.encode(), b"FALSE")
            assert "neither opted out nor empty" in crm.lint_file(mapping, "opt_outs", back)[0]


def test_the_reader_finds_what_was_tampered_with() -> None:
    mapping = crm.read_mapping("salesforce")
    [(_, content)] = crm.make_files(mapping, "scores", contents()["scores"])
    by_sms = contents()["opt_outs"].assign(opted_out_email=False, opted_out_sms=True)
    assert crm.checked_files(mapping, {"opt_outs": by_sms}, ()) == []  # no such field there
    for old, new, problem in (
        (b"0.2500", b"0,25", "cells"), (b"0001", b"0002", "stands twice"), (b"mail", b"=mail", "formula"), (b"0001", b"", "is empty"),
        (b"Playbook_Value__c", b"Email", "header"), (b"-3.46", b"n/a", "is no decimal"), (b"0.2500", b'"0.25', "cannot be read"),
        (b"2025-12-31", b"2025-02-30", "is no date"), (b"2025-12-31", b"31/12/2025", "is no date"), (b"0.2500", b"1.2500", "is no share"),
    ):  # fmt: skip
        assert any(
            problem in said
            for said in crm.lint_file(mapping, "scores", content.replace(old, new, 1))
        ), problem
    [(_, content)] = crm.make_files(mapping, "targets", contents()["targets"])
    assert (
        "is none of" in crm.lint_file(mapping, "targets", content.replace(b"email", b"pigeon"))[0]
    )


@settings(max_examples=12, deadline=None)
@given(rows=st.integers(1, 60), most=st.integers(1, 40), room=st.integers(250, 2000))
def test_files_are_split_at_the_limits_of_the_system(rows: int, most: int, room: int) -> None:
    mapping = with_limits(crm.read_mapping("zoho"), max_rows=most, max_bytes=room)
    one = contents()["scores"].tail(1)
    frame = pd.concat([one.assign(customer_id=f"{i:04d}") for i in range(rows)])
    files = crm.make_files(mapping, "scores", frame)
    assert all(len(content) <= room for _, content in files)
    back = pd.concat([crm.read_file(mapping, "scores", content) for _, content in files])
    assert back["customer_id"].tolist() == sorted(frame["customer_id"])
    assert len({name for name, _ in files}) == len(files)


def test_nobody_to_contact_gives_no_list_and_no_error() -> None:
    empty = {kind: frame.head(0) for kind, frame in contents().items()}
    for system in crm.SYSTEMS:
        assert crm.checked_files(crm.read_mapping(system), empty, ()) == []


# ---------------------------------------------------------------- tasks


def test_call_backs_become_one_task_a_customer_with_all_that_is_needed() -> None:
    tasks = crm.callback_tasks(callbacks(), (), AS_OF).set_index("customer_id")
    assert tasks.index.tolist() == ["0002", "0001"] and tasks["task_key"].is_unique
    assert tasks.loc["0001", "due"] == pd.Timestamp("2026-01-03")  # the more urgent of two
    assert tasks.loc["0002", "subject"] == "Call back (e-mail): case reopened"
    assert "one person" in tasks.loc["0002", "response"] and tasks.loc["0002", "note"].endswith("Owner: head-service")  # fmt: skip
    said = crm.callback_tasks(callbacks(response=["Send flowers", "", None]), ["0002"], AS_OF)
    assert said["customer_id"].tolist() == ["0001"]
    assert "what was missing" in said["response"].iloc[0]
    for nothing in (None, callbacks().head(0)):
        assert crm.callback_tasks(nothing, (), AS_OF).empty


def test_nobody_who_died_or_refused_all_gets_a_task() -> None:
    mapping = crm.read_mapping("salesforce")
    with pytest.raises(ConsentError, match="must not be contacted"):
        crm.checked_files(mapping, {"tasks": contents()["tasks"]}, (), closed={"0002"})


def test_who_waits_for_a_call_back_gets_no_offer_this_month() -> None:
    keys = ["0001", "0002", "0003"]
    frame = pd.DataFrame(
        {"customer_id": keys, "churn_probability": 0.5, "purchase_probability": 0.5}
    )
    values = pd.DataFrame({"customer_id": keys, "clv": 1.0})
    choice = pd.DataFrame({"customer_id": keys, "segment": "S", "action": ["mail", "care", "mail"]})
    out = pd.DataFrame({"customer_id": keys} | {f"opted_out_{c}": False for c in CHANNELS})
    lists = Answer(pd.DataFrame(), "", "", "prescriptive", extra={"opt_outs": out})
    shared: dict[str, Any] = {
        "channel": "email",
        "unit_cost": 1.0,
        "believed_effect": 0.1,
        "believed_effect_low": 0.0,
        "believed_effect_high": 0.2,
    }
    actions = [
        Action(id="mail", name="Mail", purpose="retention", **shared),
        Action(id="care", name="Care", purpose="service", **shared),
    ]
    found = crm.crm_contents(choice, values, frame, lists, actions, AS_OF, callbacks=callbacks())
    assert isinstance(found, dict)
    assert found["targets"]["customer_id"].tolist() == ["0003"]
    assert found["tasks"]["customer_id"].tolist() == ["0002", "0001"]
    gone = Missing("too few orders")
    alone = crm.crm_contents(gone, gone, gone, lists, actions, AS_OF, callbacks=callbacks())
    assert (
        isinstance(alone, dict)
        and alone["scores"].empty
        and alone["targets"].empty
        and len(alone["tasks"]) == 2
    )
    without = crm.crm_contents(choice, values, frame, lists, actions, AS_OF)
    assert isinstance(without, dict) and len(without["targets"]) == 3 and without["tasks"].empty


# ---------------------------------------------------------------- a tenant's own names and template


def tenant_file(folder: Path, text: str, system: str = "salesforce") -> Path:
    (folder / f"{system}.yml").write_text(text, encoding="utf-8")
    return folder


def test_a_tenant_names_fields_and_limits_of_its_own(tmp_path: Path) -> None:
    assert crm.tenant_mapping("zoho", tmp_path) == crm.read_mapping("zoho")
    text = "key: Kundennr__c\nheaders: {Playbook_Segment__c: Segment__c}\nleave_out: [tasks]\nmax_rows: 1\n"
    mapping = crm.tenant_mapping("salesforce", tenant_file(tmp_path, text))
    files = crm.checked_files(mapping, contents(), ())
    assert [name for _, name, *_ in files] == ["scores_001.csv", "scores_002.csv", "targets.csv", "opt_outs.csv"]  # fmt: skip
    assert files[0][3].decode().startswith("Kundennr__c,Segment__c,Playbook_Value__c")


@pytest.mark.parametrize(("text", "said"), [
    ("headers: {Segment: X}", "we write no field 'Segment'"), ("max_rows: 0", "max_rows"), ("colour: red", "colour"), ("- a", "the file"),
    ("headers: {Playbook_Churn__c: Same__c, Playbook_Purchase__c: Same__c}", "one name"), ("key: [", "not valid YAML"),
])  # fmt: skip
def test_a_tenant_file_that_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        crm.tenant_mapping("salesforce", tenant_file(tmp_path, text))


def template(*extra: str, drop: str = "") -> bytes:
    """An import template as a tenant's dialog gives it out: hints above, required marks, a list of choices."""
    mapping = crm.read_mapping("fxiaoke")
    ours = dict.fromkeys(
        name for kind in KINDS for name in mapping.files[kind].fields if name != drop
    )
    header = ["备注", "*客户编号", *ours, *extra]
    return xlsx_bytes({"客户": [["请勿修改表头"], header, ["例", "C-1"]], "选项": [["是"], ["否"]]})


def test_the_template_of_the_tenant_is_filled_by_header() -> None:
    mapping, blank = crm.read_mapping("fxiaoke"), template()
    files = crm.checked_files(mapping, contents(), (), template=blank)
    assert {kind for kind, *_ in files} == set(KINDS)
    rows = plain_rows(mapping, files[0][3])
    assert rows[0][0] == "请勿修改表头" and rows[1][1] == "*客户编号" and len(rows) == 4
    assert rows[3][:4] == ["", "0002", "Gärna hemma", "-3.46"]
    book = CalamineWorkbook.from_filelike(io.BytesIO(files[0][3]))
    assert book.sheet_names == ["客户", "选项"]
    back = crm.read_file(mapping, "scores", files[0][3], template=True)
    assert back["clv"].tolist()[1] == -3.46


@pytest.mark.parametrize(("blank", "said"), [
    (template(drop="流失概率"), "no column '流失概率'"), (template("*客户名称"), "'客户名称' is required"), (template("客户分群"), "stands twice"),
    (xlsx_bytes({"a": [["x"]]}), "no row of sheet 'a' holds the key"), (b"no workbook", "cannot be read"), (xlsx_bytes({"a": []}), "no row"),
])  # fmt: skip
def test_a_template_that_does_not_fit_stops_the_export(blank: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said.replace("(", r"\(")):
        crm.make_files(crm.read_mapping("fxiaoke"), "scores", contents()["scores"], blank)


# ---------------------------------------------------------------- the folder that is handed over


def run_over(tmp_path: Path, *systems: str) -> Run:
    run = Run.__new__(Run)
    run.folder = Thing(run=lambda period: tmp_path / "run", inputs=tmp_path / "data", name="acme")  # type: ignore[assignment]
    run.period, run.as_of = "2025", AS_OF
    run.engagement = Thing(crm_systems=list(systems))  # type: ignore[assignment]
    return run


def reachable(**changes: Any) -> Answer:
    frame = pd.DataFrame({"customer_id": ["0001", "0002"], "email": [False, True], "letter": [True, True]})  # fmt: skip
    return Answer(
        pd.DataFrame(), "", "", "prescriptive", extra={"reachable": frame.assign(**changes)}
    )


def test_the_folder_holds_files_pages_and_a_manifest_for_its_owner_only(tmp_path: Path) -> None:
    (tmp_path / "data" / "crm").mkdir(parents=True)
    (tmp_path / "data" / "crm" / "fxiaoke.xlsx").write_bytes(template())
    written = run_over(tmp_path, "hubspot", "fxiaoke").write_crm(contents(), reachable())
    assert isinstance(written, pd.DataFrame) and set(written["system"]) == {"hubspot", "fxiaoke"}
    folder = tmp_path / "run" / "crm" / "hubspot"
    assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o600}
    assert {p.name for p in folder.iterdir()} >= {"scores.csv", "tasks.csv", "set-up.md", "acceptance.md", "manifest.json"}  # fmt: skip
    said = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert said["run"] == {"engagement": "acme", "period": "2025", "as_of": "2025-12-31"}
    assert [f["rows"] for f in said["files"]] == [2, 1, 1, 2] and all(len(f["sha256"]) == 64 for f in said["files"])  # fmt: skip
    filled = json.loads((folder.parent / "fxiaoke" / "manifest.json").read_text(encoding="utf-8"))
    assert filled["template_filled"] is True and said["template_filled"] is False
    members = pd.DataFrame({"customer_id": ["0001", "0002"], "arm": ["control", "treated"]})
    choice = pd.DataFrame({"customer_id": ["0001", "0002", "0003"], "action": "mail"})
    answer = crm.crm_files(written, contents() | {"members": members}, choice)
    assert isinstance(answer, Answer) and "1 contacts to make and 2 tasks" in answer.headline
    assert "1 customers are the lists' control groups" in answer.so_what and "1 wait for the next list" in answer.so_what  # fmt: skip
    with pytest.raises(ConsentError, match="must not be contacted"):
        run_over(tmp_path, "zoho").write_crm(contents(), reachable(email=False))
    assert not (tmp_path / "run" / "crm" / "zoho").exists()


@pytest.mark.parametrize("system", crm.SYSTEMS)
def test_the_set_up_page_lists_every_field_to_create_once_and_the_trial_is_clean(
    system: str,
) -> None:
    mapping = crm.read_mapping(system)
    page = crm.setup_page(mapping)
    table = page.split("## Fields to create")[1].split("Fields that exist")[0]
    for kind in KINDS:
        for name, rule in mapping.files[kind].fields.items():
            assert table.count(f"`{name}`") == (
                0 if rule.standard and name != mapping.key else 1
            ), name
    assert f"`{mapping.key}`" in table and "{max}" not in page
    trial = crm.acceptance_files(mapping, AS_OF)
    acceptance = crm.acceptance_page(mapping, AS_OF)
    for name, kind, content in trial:
        assert name in acceptance and crm.lint_file(mapping, kind, content) == []
        assert set(crm.read_file(mapping, kind, content)["customer_id"]) <= {f"PLAYBOOK-TEST-{n:02d}" for n in range(1, 11)}  # fmt: skip
    assert len(trial) == 3 and mapping.rules and mapping.rules_of in page


def test_the_demo_names_only_systems_we_can_write() -> None:
    assert set(open_folder("demo").engagement().crm_systems) <= set(crm.SYSTEMS)
