"""The delivery report and the questions to the client: right numbers, plain words, no value of a person."""

from __future__ import annotations

import json
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest
from conftest import skip_or_fail
from messy import CANARY_MAIL, CANARY_NAME, CANARY_PHONE, write_messy
from test_report import _dangerous

from playbook.cli import main
from playbook.coverage import method
from playbook.engagement import Engagement
from playbook.intake.propose import Proposal
from playbook.intake.result import COLUMNS, READINGS, Intake
from playbook.report.delivery import Delivery, gather, write_delivery
from playbook.report.dependence import parts_of, tables_of_query
from playbook.report.effects import problems_of, without_values
from playbook.report.questions import MOST, as_text
from playbook.tables import TABLES

JARGON = re.compile(r"quarantin|\bnull\b|\bNaN\b|\bNone\b|pandas|regex|boolean|schema|\bUTF|_at\b|customer_id|engagement\.yml|\{|\}", re.I)  # fmt: skip
ANSWERS = {
    'table: customers\n': 'table: customers\n    encoding: cp1252\n',
    'table: products\n': 'table: products\n    decimal: "."\n',
    'table: campaigns\n': 'table: campaigns\n    dates: ["%d/%m/%Y"]\n',
    'table: channel_spend\n': 'table: channel_spend\n    constants: {purpose: acquisition}\n',
}  # fmt: skip


@dataclass
class Checked:
    code: int
    said: str
    folder: Path
    data: dict

    def text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


def _check(root: Path, *arguments: str) -> Checked:
    import contextlib
    import io

    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setenv("PLAYBOOK_DATA", str(root / "data"))
        patch.setenv("PLAYBOOK_RUNS", str(root / "runs"))
        code = main(["check", "nordholz", *arguments])
    folder = next((root / "runs" / "nordholz").rglob("check"))
    data = json.loads(printed.getvalue()) if "--json" in arguments else {}
    return Checked(code, printed.getvalue(), folder, data)


@pytest.fixture(scope="module")
def messy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("messy")
    write_messy(root / "data" / "nordholz", orders=2000)
    yield root


@pytest.fixture(scope="module")
def first(messy: Path) -> Checked:
    """The check of the delivery as it came, without a plan."""
    return _check(messy)


@pytest.fixture(scope="module")
def settled(messy: Path, tmp_path_factory: pytest.TempPathFactory) -> Checked:
    """The check after the open points were answered."""
    root = tmp_path_factory.mktemp("settled")
    shutil.copytree(messy / "data", root / "data")
    path = root / "data" / "nordholz" / "engagement.yml"
    text = path.read_text(encoding="utf-8")
    for old, new in ANSWERS.items():
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return _check(root, "--json")


def test_a_blocked_delivery_names_every_line_to_add(first: Checked) -> None:
    assert first.code == 3
    assert "The analysis cannot run yet: 2 points must be settled first." in first.said
    for line in ('decimal: ","', 'dates: ["%d/%m/%Y"]'):
        assert line in first.said and line.replace('"', "&#34;") in first.text("delivery.html")


def test_once_answered_the_delivery_can_be_used(settled: Checked) -> None:
    assert settled.code == 0 and settled.data["usable"] and settled.data["blocking"] == []
    assert settled.data["verdict"][0] == "The analysis can run on this delivery."


def test_totals_are_those_of_the_files(messy: Path, settled: Checked) -> None:
    shop = messy / "data" / "nordholz" / "inbox" / "shop"
    lines = [
        line.split(";")
        for path in sorted(shop.glob("bestellungen_*.csv"))
        for line in path.read_bytes().decode("cp1252").splitlines()[1:]
    ]
    money = [line[4].replace(".", "").replace(",", ".") for line in lines]
    total = sum(float(m) for m in money if re.fullmatch(r"-?[\d.]+", m))
    orders = next(row for row in settled.data["totals"] if row["table"] == "orders")
    rows = [int(n.replace(",", "")) for n in orders["rows"]]
    assert rows[0] == len(lines) == sum(rows[1:]) and orders["rows_add_up"]
    assert orders["money"][0] == f"{total:,.0f}" and orders["money_adds_up"]


def test_an_effect_counts_the_rows_and_money_that_are_lost(messy: Path, settled: Checked) -> None:
    shop = messy / "data" / "nordholz" / "inbox" / "shop"
    bad, worth = 0, 0.0
    for path in sorted(shop.glob("bestellungen_*.csv")):
        seen = [line.split(";") for line in path.read_bytes().decode("cp1252").splitlines()[1:]]
        for line in seen:
            if line[2] in ("00.00.2024", "31.02.2024"):
                bad += 1
                if re.fullmatch(r"-?[\d.]+,\d\d", line[4]):
                    worth += float(line[4].replace(".", "").replace(",", "."))
    problem = next(
        p for p in settled.data["problems"] if p["kind"] == "date" and p["table"] == "orders"
    )
    assert bad > 10 and problem["count"] == bad
    assert problem["money"] == pytest.approx(worth)
    assert f"{bad} orders" in problem["effect"] and f"EUR {worth:,.0f}" in problem["effect"]


def test_problems_stand_by_their_effect(settled: Checked) -> None:
    scores = [p["score"] for p in settled.data["problems"]]
    assert scores == sorted(scores, reverse=True) and scores[0] > 0
    for problem in settled.data["problems"]:
        expected = len(parts_of()[problem["table"]]) if problem["table"] else 0
        assert problem["score"] <= 2 * expected + 1e-9


@pytest.mark.parametrize("name", ["delivery.html", "questions.md", "questions.txt"])
def test_no_value_of_a_person_is_shown(first: Checked, settled: Checked, name: str) -> None:
    for checked in (first, settled):
        for canary in (CANARY_NAME, CANARY_MAIL, CANARY_PHONE, "canaria", "5550199", "Testmann"):
            assert canary not in checked.text(name)
            assert canary not in checked.said


def test_a_misplaced_value_is_shown_by_its_form_only(settled: Checked) -> None:
    forms = [p["example"] for p in settled.data["problems"] if p["kind"] == "number"]
    assert forms == ["x.x@x.x"]
    said = without_values("orders.csv row 3: revenue 'O'Neil 12' is not a number (decimal comma) as expected (4 of 9 rows of orders cannot be used, more)")  # fmt: skip
    assert "Neil" not in said and "x'x 99" in said and said.startswith("orders.csv row 3: ")
    key = without_values("orders.csv row 3: order_id A7 stands more than once with different content (first: orders.csv row 2); one row per order_id expected (4 of 9 rows of orders cannot be used, more)")  # fmt: skip
    assert "A7" not in key


def test_only_the_owner_may_open_the_folder(first: Checked) -> None:
    assert stat.S_IMODE(first.folder.stat().st_mode) == 0o700
    assert {p.name for p in first.folder.iterdir()} == {"delivery.html", "questions.md", "questions.txt"}  # fmt: skip


def test_questions_read_like_a_letter(first: Checked, settled: Checked) -> None:
    for checked in (first, settled):
        text = checked.text("questions.txt")
        questions = re.findall(r"^\d+\. (.+)$", text, re.M)
        assert 5 <= len(questions) <= MOST and len(set(questions)) == len(questions)
        assert [int(n) for n in re.findall(r"^(\d+)\. ", text, re.M)] == list(range(1, len(questions) + 1))  # fmt: skip
        for question in questions:
            assert not JARGON.search(re.sub("“[^”]*”", "", question)), question
            assert "?" in question and question.endswith((".", "?")), question
            assert "  " not in question and " ," not in question and "()" not in question, question
            assert len(question) < 520, question
        assert not re.match(r"(?i)\s*(dear|hello|hi)\b", text)


def test_page_and_text_ask_the_same(first: Checked) -> None:
    import html

    page = html.unescape(first.text("delivery.html"))
    for question in re.findall(r"^\d+\. (.+)$", first.text("questions.txt"), re.M):
        assert question in page


def test_what_blocks_is_asked_first(first: Checked) -> None:
    asked = re.findall(r"^\d+\. (.+)$", first.text("questions.txt"), re.M)
    waits = ["the analysis waits for this answer" in question for question in asked]
    assert sum(waits) == 2 and waits[0]


def test_a_question_goes_to_who_can_answer_it(settled: Checked) -> None:
    whom = {q["text"]: q["whom"] for q in settled.data["questions"]}
    for file, team in (
        ("bestellungen_2023.csv", "Online shop and orders"),
        ("tickets.jsonl", "Customer service"),
        ("mitglieder.csv", "Marketing"),
        ("lager.csv", "Project lead"),
    ):
        assert {w for t, w in whom.items() if file in t} == {team}


def test_unmapped_files_come_with_their_entry(first: Checked) -> None:
    assert '- files: "crm/Opportunity_*.csv"' in first.said
    assert "lager.csv: no standard table fits" in first.said


def test_the_plan_gives_the_last_day(messy: Path, tmp_path: Path) -> None:
    shutil.copytree(messy / "data", tmp_path / "data")
    folder = tmp_path / "data" / "nordholz"
    text = (folder / "engagement.yml").read_text(encoding="utf-8")
    (folder / "engagement.yml").write_text(text.replace("data_until: 2024-12-31\n", ""), encoding="utf-8")  # fmt: skip
    (folder / "plans").mkdir()
    for year in (2023, 2024):
        (folder / "plans" / f"{year}.yml").write_text(f"as_of: {year}-12-31\n", encoding="utf-8")
    checked = _check(tmp_path)
    assert checked.folder == tmp_path / "runs" / "nordholz" / "2024" / "check"
    assert "data up to 2024-12-31" in checked.text("delivery.html")
    _check(tmp_path, "--period", "2023")
    page = tmp_path / "runs" / "nordholz" / "2023" / "check" / "delivery.html"
    assert "data up to 2023-12-31" in page.read_text(encoding="utf-8")


HAND = Engagement.model_validate(
    {"client": "<b>Hand & Co</b>", "brand": "H", "currency": "SEK",
     "inbox": [{"files": "o.csv", "table": "orders"}, {"files": "c.csv", "table": "customers"}]},
)  # fmt: skip


def _hand(**changes: object) -> Intake:
    """A delivery one can check by hand: 100 orders worth 1,000, ten of them set aside."""
    ledger = pd.DataFrame(
        [("orders", "o.csv", 100, 88, 10, 2, 1000.0, 870.0, 100.0, 30.0), ("customers", "c.csv", 50, 50, 0, 0, None, None, None, None)],
        columns=["table", "file", "rows_in", "kept", "quarantined", "merged", "money_in", "money_kept", "money_quarantined", "money_merged"],
    )  # fmt: skip
    readings = pd.DataFrame([("o.csv", "text", 9000, "utf-8", ";", 1, "", "orders", "shop", "")], columns=READINGS)  # fmt: skip
    columns = pd.DataFrame([("o.csv", "orders", "ordered_at", "When <i>", "synonym", "day, month, year", "9 of 9")], columns=COLUMNS)  # fmt: skip
    return replace(Intake(ledger, [], readings, columns), **changes)


def _aside(*rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["table", "file", "kind", "column", "rows", "money"])


def _finding(message: str, count: int, level: str = "problem", table: str = "orders") -> dict:
    return {"level": level, "table": table, "file": "o.csv", "row": 7, "count": count, "message": message, "mend": "mend it; the rows are in quarantine"}  # fmt: skip


def _shown(intake: Intake, aside: pd.DataFrame, proposals: tuple[Proposal, ...] = ()) -> Delivery:
    return gather(intake, aside, proposals, HAND)


def test_a_clean_delivery_leaves_no_question_but_what_else_there_is() -> None:
    shown = _shown(_hand(), _aside())
    assert shown.usable and shown.problems == []
    assert shown.verdict[2] == "Nothing that was found changes a result."
    assert "90.0 % can be used" not in shown.verdict[1] and "93.3 %" in shown.verdict[1]
    assert [q.whom for q in shown.questions] == ["Project lead"]
    assert as_text([], markdown=False).startswith("We have no questions")


def test_effect_share_and_rank_are_those_of_hand_count() -> None:
    bad = _finding("ordered_at '31.02.2024' is not a date as expected (x)", 4)
    lost = _finding("customer_id is not in table customers; the row is kept without it (as a guest in all totals)", 50)  # fmt: skip
    aside = _aside(("orders", "o.csv", "date", "ordered_at", 4, 300.0))
    problems = problems_of(_hand(findings=[bad, lost]), aside)
    parts = len(parts_of()["orders"])
    assert [(p.kind, p.share, p.score) for p in problems] == [
        ("date", 0.3, pytest.approx(0.3 * parts)),
        ("unlinked", 0.5, pytest.approx(0.25 * parts)),
    ]
    assert problems[0].effect("SEK") == "4 orders (4.0 %, SEK 300) lie outside the analysis"
    assert "belong to no known customer" in problems[1].effect("SEK")
    assert problems[0].what == "“When <i>” (ordered_at): “31.02.2024” is not a date as expected (x)"


def test_rows_the_intake_made_are_not_counted_as_delivered() -> None:
    intake = _hand()
    made = pd.DataFrame([("customer_keys", "made by identity", 500, 500, 0, 0, None, None, None, None)], columns=intake.ledger.columns)  # fmt: skip
    shown = _shown(replace(intake, ledger=pd.concat([intake.ledger, made])), _aside())
    assert "Of 150 rows" in shown.verdict[1]
    assert next(row for row in shown.totals if row["table"] == "customer keys")["files"] == "made"


def test_an_open_system_is_asked_once_and_not_what_follows_from_it() -> None:
    found = [
        _finding("customer_id names customers, but not of which system", 80),
        _finding("customer_id is not in table customers; the row is kept without it (as a guest in all totals)", 80),
    ]  # fmt: skip
    shown = _shown(_hand(findings=found), _aside())
    assert [p.kind for p in shown.problems] == ["no system"]
    assert "Which system do the customer numbers in o.csv come from" in shown.questions[0].text


def test_damaged_characters_are_not_counted_as_rows() -> None:
    message = "250 characters were lost before they reached us and stand as �; they are kept as they are"  # fmt: skip
    shown = _shown(_hand(findings=[_finding(message, 250)]), _aside())
    assert shown.problems[0].effect("SEK") == "250 characters are damaged; the rows stay in the analysis"  # fmt: skip
    assert "250" not in shown.questions[0].text


def test_notes_of_the_intake_are_no_questions() -> None:
    found = [
        {"level": "note", "table": "customers", "file": "made by identity", "row": None, "count": 40, "message": "40 customers were found in 50 records", "mend": "look"},
        _finding("3 blank lines were skipped", 3, "note"),
    ]  # fmt: skip
    shown = _shown(_hand(findings=found), _aside())
    assert [q.whom for q in shown.questions] == ["Project lead"]
    assert "could not be read" not in shown.verdict[1]


def test_one_row_is_told_in_the_singular() -> None:
    aside = _aside(("orders", "o.csv", "empty", "ordered_at", 1, 5.0))
    intake = _hand(findings=[_finding("ordered_at is empty; every row needs one", 1)])
    shown = _shown(intake, aside)
    assert shown.problems[0].effect("SEK") == "1 order (1.0 %, SEK 5.00) lies outside the analysis"
    assert "1 order (1.0 %, worth SEK 5.00) has no entry" in shown.questions[0].text
    assert "it is left out" in shown.questions[0].text


def test_totals_that_do_not_add_up_are_marked(tmp_path: Path) -> None:
    intake = _hand()
    intake.ledger.loc[0, "kept"] = 87
    intake.ledger.loc[0, "money_kept"] = 869.0
    shown = _shown(intake, _aside())
    assert not shown.totals[1]["rows_add_up"] and not shown.totals[1]["money_adds_up"]
    write_delivery(tmp_path / "check", shown, "", "")
    assert (tmp_path / "check" / "delivery.html").read_text().count("does not add up") == 2


def test_markup_from_outside_is_text(tmp_path: Path) -> None:
    bad = _finding("ordered_at is empty; every row needs one", 3)
    proposal = Proposal("<script>x</script>.csv", ("<script>x</script>.csv",), problem="<img src=x onerror=y>")  # fmt: skip
    shown = _shown(_hand(findings=[bad]), _aside(), (proposal,))
    write_delivery(tmp_path / "check", shown, "2024-12-31", "2024")
    page = (tmp_path / "check" / "delivery.html").read_text(encoding="utf-8")
    assert _dangerous(page) == [] and "<b>Hand" not in page and "<i>" not in page
    assert "Content-Security-Policy" in page and "&lt;b&gt;Hand" in page
    assert r"\<script\>" not in page


def test_doubtful_pairs_are_counted(tmp_path: Path) -> None:
    review = pd.DataFrame({"left": ["a:1", "a:2"], "right": ["b:1", "b:2"], "probability": [0.6, 0.7], "why": ["", ""]})  # fmt: skip
    assert _shown(_hand(review=review), _aside()).pairs.startswith("2 pairs of customer records")


def test_absent_tables_name_what_rests_on_them() -> None:
    shown = _shown(_hand(), _aside())
    absent = {row["table"]: row for row in shown.absent}
    assert "orders" not in absent and "customers" not in absent
    assert "(V3)" in absent["choice tasks"]["open"] and "(C11)" in absent["referrals"]["open"]
    counts = [row["parts"] for row in shown.absent]
    assert counts == sorted(counts, reverse=True)


def test_dependence_is_read_from_notebooks_and_queries() -> None:
    parts = parts_of()
    ids = {part["id"] for part in method()}
    assert set(parts) == set(TABLES) and all(set(p) <= ids for p in parts.values())
    assert len(parts["orders"]) > len(parts["tickets"]) > len(parts["referrals"]) > 0
    assert all(parts[name] for name in TABLES)
    assert "orders" in tables_of_query("customer_features")


@pytest.mark.browser
def test_a_browser_shows_the_report_without_error_or_request(
    first: Checked, settled: Checked
) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        skip_or_fail("browser", "no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    said: list[str] = []
    asked: list[str] = []
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])  # fmt: skip
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: asked.append(request.url))
        for checked in (first, settled):
            path = checked.folder / "delivery.html"
            asked.clear()
            page.goto(path.as_uri())
            assert [u[:80] for u in asked if not u.startswith(("data:", path.as_uri()))] == []
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")  # fmt: skip
            assert said == [] and wide <= 1
            for anchor in page.evaluate("[...document.querySelectorAll('nav a')].map(a => a.getAttribute('href'))"):  # fmt: skip
                assert page.evaluate(f"document.querySelectorAll('{anchor}').length") == 1
        browser.close()
