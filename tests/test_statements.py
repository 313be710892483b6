"""Claims and their evidence: true words stay and lead to their proof, false ones are refused and listed to test."""

from __future__ import annotations

import html
import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from statsmodels.stats.power import TTestPower

from playbook import figures
from playbook import proposition as step
from playbook.answer import Answer, Missing
from playbook.engagement.model import Plan
from playbook.engagement.propositions import Proposition, Wording
from playbook.engagement.yaml_file import model_text, read_model
from playbook.errors import PlanError
from playbook.proposition.evidence import Evidence
from playbook.proposition.wordings import judge
from playbook.report.page import render
from playbook.report.step_page import read_step_page

SEGMENTS = ("Families", "Singles")
PEOPLE = {name: [f"{name}-{i}" for i in range(200)] for name in SEGMENTS}
MEMBERS = pd.DataFrame([(c, name) for name, ids in PEOPLE.items() for c in ids], columns=["customer_id", "segment"])  # fmt: skip
RATED = {"service": 0.8, "price": -0.8, "style": 0.02, "range": 0.5}
"""Planted lead of our brand over Cheap by item; Posh is rated half a point better than Cheap."""


def _profiles() -> Answer:
    rng = np.random.default_rng(5)
    customers = MEMBERS[["customer_id"]].assign(
        orders_12m=2, revenue_12m=90.0, ordered_12m=90.0,
        country=np.where(MEMBERS["segment"] == "Families", "SE", rng.choice(["SE", "DE"], len(MEMBERS))),
        main_channel=np.where(MEMBERS["segment"] == "Singles", "App", rng.choice(["Shop", "App"], len(MEMBERS))),
    )  # fmt: skip
    answer = step.target_profiles(customers, MEMBERS)
    assert isinstance(answer, Answer)
    return answer


def _rivalry() -> Answer:
    rng, rows = np.random.default_rng(2), []
    for person in range(120):
        for item, gap in RATED.items():
            base = rng.normal(4.5, 0.4)
            for brand, value in (("Us", base + gap), ("Cheap", base), ("Posh", base + 0.5)):
                rows.append({"respondent": f"{person}", "item": item, "brand": brand, "value": value + rng.normal(0, 0.3)})  # fmt: skip
    answer = step.brand_differences(pd.DataFrame(rows), "Us")
    assert isinstance(answer, Answer)
    return answer


def _said(important: str = "service") -> Answer:
    rng, rows = np.random.default_rng(3), []
    for ids in PEOPLE.values():
        for person in ids[:40]:
            rows += [{"respondent": person, "customer_id": person, "item": item,
                      "value": (6.3 if item == important else 4.5) + rng.normal(0, 0.5)} for item in RATED]  # fmt: skip
    answer = step.stated_importance(pd.DataFrame(rows), MEMBERS)
    assert isinstance(answer, Answer)
    return answer


def _bought() -> Answer:
    rows = [
        {"customer_id": c, "product_group": group, "kind": "product", "quantity": 1.0, "revenue": 30.0, "margin": 10.0}
        for name, ids in PEOPLE.items()
        for group, share in (("Beds", 0.9 if name == "Families" else 0.3), ("Lamps", 0.5))
        for c in ids[: int(200 * share)]
    ]  # fmt: skip
    answer = step.demand(pd.DataFrame(rows), MEMBERS)
    assert isinstance(answer, Answer)
    return answer


PROFILES, RIVALRY, SAID, BOUGHT = _profiles(), _rivalry(), _said(), _bought()


def _written(*planned: Proposition, **given: object) -> Answer:
    answers = {"differences": RIVALRY, "importance": SAID, "bought": BOUGHT} | given
    answer = step.value_propositions(
        PROFILES, brand="Us", currency="EUR", wordings=planned, **answers
    )  # type: ignore[arg-type]
    assert isinstance(answer, Answer)
    return answer


def _plan(clause: str, text: str, *ids: str) -> Proposition:
    return Proposition(segment="families", clauses={clause: Wording(text=text, evidence=list(ids))})  # type: ignore[dict-item]


def _row(answer: Answer, clause: str) -> pd.Series:
    own = answer["clauses"]
    return own[(own["segment"] == "Families") & (own["clause"] == clause)].iloc[0]


# --- words of the plan ----------------------------------------------------------------------


def test_true_words_stand_in_the_sentence_with_the_figure_of_their_evidence() -> None:
    answer = _written(_plan("we", "answer faster and friendlier", "lead:service:Cheap"),)  # fmt: skip
    assert _row(answer, "we (plan)")["reason"].startswith("the evidence is against Cheap")
    answer = _written(
        Proposition(
            segment="Families",
            clauses={
                "unlike": Wording(text="Cheap and its kind", evidence=["lead:service:Cheap"]),
                "we": Wording(text="are friendlier", evidence=["LEAD:service:cheap"]),
            },
        )
    )
    row = _row(answer, "we")
    truth = RIVALRY.table.set_index(["item", "competitor"]).loc[("service", "Cheap")]
    assert (row["status"], row["text"]) == ("supported", "are friendlier")
    assert (row["value"], row["n"]) == (truth["difference"], truth["n"])
    sentence = answer.table.set_index("segment").loc["Families", "proposition"]
    assert sentence.endswith("; unlike Cheap and its kind, we are friendlier.")


@pytest.mark.parametrize(
    ("text", "ids", "reason"),
    [
        ("cheaper than Cheap", ["lead:price:Cheap"], "says the opposite"),
        ("nicer than Cheap", ["lead:style:Cheap"], "at parity"),
        ("kinder than Cheap", ["lead:kindness:Cheap"], "no evidence lead:kindness:Cheap"),
        ("kinder than Cheap", [], "no evidence is named"),
        ("kinder than Posh", ["lead:service:Cheap"], "the words name Posh"),
        ("better on style", ["lead:service:Cheap"], "the words speak of style"),
        ("a cheaper service", ["lead:service:Cheap"], "low price"),
        ("better on service than any competitor", ["lead:service:Cheap"], "over everybody"),
        ("better on service by 3 points", ["lead:service:Cheap"], "the number 3"),
        ("service worth EUR 20", ["lead:service:Cheap"], "needs choices"),
        ("twice as good a service", ["lead:service:Cheap"], "is a ratio"),
        ("both better and cheaper", ["lead:service:Cheap", "lead:price:Cheap"], "the opposite"),
        ("buy Beds", ["buys:Beds"], "not “we”"),
    ],
)
def test_words_that_go_beyond_their_evidence_are_refused(
    text: str, ids: list[str], reason: str
) -> None:
    plain, answer = _written(), _written(_plan("we", text, *ids))
    refused = _row(answer, "we (plan)")
    assert refused["status"] == "to test" and reason in refused["reason"], refused["reason"]
    assert _row(answer, "we")["text"] == _row(plain, "we")["text"]  # the assembled clause stands
    assert text not in " ".join(answer.table["proposition"])
    listed = step.claims_to_test(answer).table.set_index("text").loc[text]
    assert listed["people_needed"] >= 20
    wordings = step.plan_wordings(answer)
    assert isinstance(wordings, Answer) and wordings.table.loc[0, "verdict"] == "refused"


def test_words_within_their_evidence_are_kept() -> None:
    book = _written()["book"]["Families"]
    item = book["lead:service:Cheap"]
    for text in (
        f"by {item.value:.1f} points better on service", f"at least {item.low:.1f} points better",
        "at least 0.2 points better", "better for B2B", f"asked of {item.n} people, better than Cheap", "hjälper fortare",
    ):  # fmt: skip
        found = judge("we", Wording(text=text, evidence=[item.id]), book, "EUR", ("Cheap", "Posh"), tuple(RATED))  # fmt: skip
        assert found.holds, (text, found.reason)
    more = f"at least {item.high + 0.1:.1f} points better"
    assert not judge("we", Wording(text=more, evidence=[item.id]), book).holds


def test_a_claim_of_ones_own_is_kept_beside_the_six_clauses() -> None:
    claims = [Wording(text="Better loved for range", evidence=["lead:range:Cheap"]),
              Wording(text="Cheaper than Posh", evidence=["lead:price:Posh"])]  # fmt: skip
    answer = _written(Proposition(segment="Families", claims=claims))
    assert _row(answer, "claim 1")["status"] == "supported"
    assert _row(answer, "claim 2")["shown_false"]
    assert not answer["clauses"].duplicated(["segment", "clause"]).any()
    told = step.claims_to_test(answer)
    assert told.table.iloc[-1]["text"] == "Cheaper than Posh" and "shown false" in told.so_what


def test_a_segment_that_is_gone_is_told_and_stops_nothing() -> None:
    answer = _written(Proposition(segment="Famillies", claims=[Wording(text="x", evidence=["size"])]))  # fmt: skip
    assert answer.table["proposition"].tolist() == _written().table["proposition"].tolist()
    assert "Famillies of the plan is no segment this year" in answer.so_what
    row = step.plan_wordings(answer).table.iloc[0]
    assert row["verdict"] == "no such segment" and "Families" in row["reason"]


def test_without_words_in_the_plan_the_list_of_them_is_not_empty_but_missing() -> None:
    assert isinstance(step.plan_wordings(_written()), Missing)


def test_every_id_is_shown_and_can_be_written() -> None:
    answer = _written()
    ids = step.evidence_ids(answer, "all").table
    assert not ids.duplicated(["segment", "id"]).any() and len(ids) == sum(map(len, answer["book"].values()))  # fmt: skip
    for clause, row in answer["clauses"].groupby("clause").head(1).set_index("clause").iterrows():
        if row["status"] == "supported":
            held = answer["book"][row["segment"]][row["evidence_id"]]
            assert judge(clause, Wording(text="x", evidence=[held.id]), answer["book"][row["segment"]]).holds  # fmt: skip


# --- the report -----------------------------------------------------------------------------


def _page(answer: Answer, folder: Path) -> str:
    """Return the step page of a notebook whose sections are those of step 4."""
    cells = [new_markdown_cell("# 4 Value proposition")]
    for name in ("target-profile", "benefits", "differentiation", "demand", "statements"):
        shown = step.statements(answer) if name == "statements" else step.evidence_of(answer)
        data = {"text/html": shown._repr_html_()} if name == "statements" else {"text/html": f"<p>{name}</p>"}  # fmt: skip
        cells += [new_markdown_cell(f"## {name}", metadata={"tags": [f"section:{name}"]}),
                  new_code_cell("x", outputs=[new_output("execute_result", data)])]  # fmt: skip
    path = folder / "04_proposition.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    shared = {"client": "C", "period": "2025", "as_of": "2025-12-31", "currency": "EUR", "steps": [], "here": "x"}  # fmt: skip
    return render("04_proposition.html", "step.html", "", page=read_step_page(path), appendix="a.html", title="t", **shared)  # fmt: skip


def test_a_true_clause_leads_to_its_proof_in_the_report_and_a_false_one_is_shown_refused(
    tmp_path: Path,
) -> None:
    attack = "cheaper than Cheap <script>alert(1)</script>"
    answer = _written(
        Proposition(
            segment="Families",
            clauses={
                "unlike": Wording(text="Cheap", evidence=["lead:service:Cheap"]),
                "we": Wording(text="help <b>faster</b>", evidence=["lead:service:Cheap"]),
            },
            claims=[Wording(text=attack, evidence=["lead:price:Cheap"])],
        )
    )
    page = _page(answer, tmp_path)
    link = re.search(r'<a href="#([\w-]+)">help &lt;b&gt;faster&lt;/b&gt;</a>', page)
    assert link and link[1] == "differentiation" and f'id="{link[1]}"' in page
    for anchor in re.findall(r'href="#([\w-]+)"', page):
        assert f'id="{anchor}"' in page
    assert "<script" not in page and html.escape(attack) in page
    refused = re.search(r'<p class="missing">Refused.*?</p>', page, re.S)
    assert refused and "the evidence says the opposite" in refused[0]


# --- the plan file --------------------------------------------------------------------------


def _read(tmp_path: Path, text: str) -> Plan:
    path = tmp_path / "2025.yml"
    path.write_text("as_of: 2025-12-31\n" + text, encoding="utf-8")
    return read_model(path, Plan)


def test_words_in_a_plan_are_read_and_written_again(tmp_path: Path) -> None:
    plan = _read(
        tmp_path,
        "propositions:\n  - segment: Families\n    clauses:\n"
        "      we: {text: help faster, evidence: lead:service:Cheap}\n"
        "    claims:\n      - {text: a, evidence: [size, 'trait:country=SE']}\n",
    )
    assert plan.propositions[0].clauses["we"].evidence == ["lead:service:Cheap"]
    (tmp_path / "next.yml").write_text(model_text(plan), encoding="utf-8")
    assert read_model(tmp_path / "next.yml", Plan) == plan


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("propositions:\n  - segment: A\n    clauses:\n      gvies: {text: a}\n", r"line 5: .*'gives'.*found 'gvies'"),
        ("propositions:\n  - segment: A\n    clauses:\n      we: {txt: a}\n", r"line 5: .*did you mean 'text'"),
        ("propositions:\n  - segment: A\n    clauses:\n      we: {text: a}\n      we: {text: b}\n", r"line 6: the key 'we' stands twice"),
        ("propositions:\n  - segment: Big  buyers\n  - segment: big buyers\n", r"line 2: propositions: segment 'big buyers' stands more than once"),
        ("propositions:\n  - clauses: {}\n", r"line 3: propositions → 0 → segment"),
    ],
)  # fmt: skip
def test_a_slip_in_the_plan_names_line_and_mend(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        _read(tmp_path, text)


def test_the_plan_of_the_demo_holds_a_true_wording_and_a_false_claim() -> None:
    path = Path(__file__).parents[1] / "data" / "demo" / "plans" / "2025.yml"
    words = {w.text: w.evidence for p in read_model(path, Plan).propositions for w in [*p.clauses.values(), *p.claims]}  # fmt: skip
    assert ["lead:price:Homely Direct"] in words.values() and len(words) >= 2


# --- less and less data ---------------------------------------------------------------------


def _clauses(answer: Answer) -> pd.DataFrame:
    return answer["clauses"].set_index(["segment", "clause"])


def test_without_choices_the_benefit_is_an_important_item_on_which_nobody_is_ahead() -> None:
    own = _clauses(_written()).loc["Families"]
    assert own.loc["gives", ["level", "evidence_id", "status"]].tolist() == ["said", "fit:service", "supported"]  # fmt: skip
    assert own.loc["who", "evidence_id"] == "says:service"
    behind = _clauses(_written(importance=_said("price"))).loc["Families"]
    assert behind.loc["who", "evidence_id"] == "says:price"  # they want it, but we are behind on it
    assert behind.loc["gives", "status"] == "to test"


def test_without_choices_and_importance_a_clause_rests_on_what_they_do() -> None:
    own = _clauses(_written(importance=None, differences=Missing("no survey")))
    assert set(own[own["status"] == "supported"]["level"]) == {"done"}
    gives = own.loc[("Families", "gives")]
    assert gives["evidence_id"] == "buys:Beds" and gives["value"] == pytest.approx(0.6)
    assert own.loc[("Singles", "gives"), "status"] == "to test"  # they buy nothing more than others
    assert own.loc[("Families", "our"), "evidence_id"] == "range:Beds"
    answer = _written(importance=None, differences=None)
    who = answer["clauses"].set_index(["segment", "clause"]).loc[("Families", "who")]
    assert who["text"] == "buy Beds more often than others (90 % against 30 %)"
    assert " gives just that" in answer.table.set_index("segment").loc["Families", "proposition"]


@pytest.mark.parametrize("given", [{}, {"importance": None}, {"importance": None, "differences": None}])  # fmt: skip
def test_a_weaker_level_claims_no_willingness_to_pay_and_says_its_limits(given: dict) -> None:
    answer = _written(**given)
    assert not re.search(r"EUR|worth|pay", " ".join(answer.table["proposition"]))
    assert "nothing here claims a willingness to pay" in answer.so_what
    evidence = step.evidence_of(answer, "Families")
    assert set(evidence.table["rests_on"]) <= {"said", "done", ""}
    assert "Done rests on orders and records" in evidence.so_what


def test_with_nothing_to_rest_on_the_answer_says_what_is_needed() -> None:
    bare = MEMBERS[["customer_id"]].assign(orders_12m=1, revenue_12m=9.0, ordered_12m=9.0)
    profiles = step.target_profiles(bare, MEMBERS)
    answer = step.value_propositions(profiles, brand="Us")
    assert isinstance(answer, Missing) and "order lines with products" in answer.ask
    assert isinstance(step.value_propositions(Missing("no orders")), Missing)
    assert isinstance(step.statements(answer), Missing)


def test_without_choices_each_segment_still_has_a_canvas_that_says_what_is_missing() -> None:
    cases = pd.DataFrame({"customer_id": PEOPLE["Families"][:9], "topic": "late", "cases": 2})
    canvases = step.proposition_canvases(_written(), cases=cases, segments=MEMBERS, importance=SAID)
    assert isinstance(canvases, Answer) and set(canvases["canvases"]) == set(SEGMENTS)
    table = step.canvas_of(canvases, "Families").table.set_index(["box", "text"])
    assert table.loc[("needs", "service"), "met"] and not table.loc[("needs", "price"), "met"]
    assert table.loc[("gains", "Beds"), "figure"] == "90 % of buyers, 30 % of others"
    assert table.loc[("pains", "late"), "figure"] == "9 cases per 100 customers"
    other = step.canvas_of(canvases, "Singles")
    assert (
        "no topic of service cases"
        in other.table.loc[other.table["box"] == "pains", "text"].iloc[0]
    )
    assert "needs a choice experiment" in other.so_what and other["fit"] is None


# --- the target customer --------------------------------------------------------------------


def _flags() -> pd.DataFrame:
    ids = [*PEOPLE["Families"][:10], *PEOPLE["Singles"][:10]]
    frame = pd.DataFrame({"customer_id": ids, "is_gone": False, "has_email": True, "has_phone": True, "has_address": True,
                          "consent_email": True, "consent_sms": None, "consent_phone": False, "consent_social": None})  # fmt: skip
    frame = frame.astype({"consent_email": object})
    frame.loc[:2, "is_gone"] = True
    frame.loc[3, "consent_email"] = None
    frame.loc[4, "has_email"] = False
    return frame


def test_who_may_be_contacted_by_hand() -> None:
    stopped = pd.DataFrame({"customer_id": ["Families-5", "Families-6", None, "Families-7"], "channel": ["email", "letter", "all", "pigeon"]})  # fmt: skip
    found = step.reach(_flags(), MEMBERS, stopped).table.set_index(["segment", "way"])["share"]
    # of ten: three are gone, one gave no consent, one has no address, one is stopped by e-mail, one everywhere
    assert found[("Families", "e-mail")] == pytest.approx(0.3)
    assert found[("Families", "letter")] == pytest.approx(0.5)
    assert found[("Families", "SMS")] == found[("Families", "phone")] == 0
    assert found[("Singles", "e-mail")] == found[("Singles", "any but a letter")] == 1
    nobody = _flags().assign(consent_email=None, has_address=False)
    assert isinstance(step.reach(nobody, MEMBERS), Missing)


def test_a_card_tells_all_that_is_known_and_names_what_is_not() -> None:
    values = pd.DataFrame({"segment": ["Families"], "clv_mean": [120.0], "clv_total": [24_000.0]})
    rows = [{"respondent": c, "customer_id": c, "item": "service", "value": 6.0 + i % 2} for i, c in enumerate(PEOPLE["Families"][:30])]  # fmt: skip
    card = step.profile_cards(PROFILES, None, step.reach(_flags(), MEMBERS), pd.DataFrame(rows), MEMBERS, values, "EUR")  # fmt: skip
    own = card.table.set_index("segment")
    assert own.loc["Families", "size"].startswith("200 customers, 50.0 % of all")
    assert "EUR 120 value ahead each, EUR 24,000 in all" in own.loc["Families", "value"]
    assert "country: SE 100 % (index" in own.loc["Families", "where"]
    assert own.loc["Families", "needs"] == "service 6.5 (6.3 to 6.7)"
    assert own.loc["Families", "who"] == own.loc["Singles", "needs"] == "not known"
    assert "Not known of some: who and needs" in card.so_what
    assert len(figures.profile_cards(card).png()) > 20_000


# --- the sample a test needs ----------------------------------------------------------------


@pytest.mark.parametrize(("effect", "spread", "n"), [(0.2, 1.0, 150), (0.5, 1.0, 90), (3.0, 20.0, 400)])  # fmt: skip
def test_the_sample_of_a_test_has_the_power_it_promises(
    effect: float, spread: float, n: int
) -> None:
    half = 1.959964 * spread / np.sqrt(n)
    item = Evidence("A", "x", "lead", "said", "", "", effect, effect - half, effect + half, n, "points", 0.01)  # fmt: skip
    wanted = TTestPower().solve_power(effect / spread, alpha=0.05, power=0.8)
    assert wanted - 3 <= item.people_needed <= wanted + 1  # normal against t distribution
    assert TTestPower().power(effect / spread, item.people_needed, 0.05) == pytest.approx(0.8, abs=0.02)  # fmt: skip


def test_what_a_test_costs_follows_from_the_plan() -> None:
    answer = _written(_plan("we", "kinder than Cheap", "lead:style:Cheap"))
    table = step.claims_to_test(answer, cost_per_respondent=8.0).table.dropna(subset=["people_needed"])  # fmt: skip
    assert (table["cost"] == 8 * table["people_needed"]).all() and len(table)
    assert "cost" not in step.claims_to_test(answer).table
