"""The page each role is handed: made from plan and results, whole where both are, short where they are not."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from playbook.engagement.model import (
    Engagement,
    Initiative,
    Objective,
    Plan,
    Risk,
    Role,
    Stakeholder,
)
from playbook.report.page import render
from playbook.report.role_page import NEEDED, RolePage, role_page

NOTHING = {name: pd.DataFrame() for name in NEEDED}
BOSS = Role(id="boss", title="Boss", department="Top", person_days_per_month=4, guidance="Lead")
TEAM = Role(id="team", title="<b>Team</b>", department="Shop", person_days_per_month=3)
ENGAGEMENT = Engagement(
    client="c", brand="b", currency="EUR", roles=[BOSS, TEAM], inbox=[],
    stakeholders=[Stakeholder(name="Board", message="m", channel="talk", cadence="weekly", owner="boss")],
)  # fmt: skip


def _initiative(id_: str, **changed: Any) -> Initiative:
    return Initiative(
        **{"id": id_, "name": f"Initiative {id_}", "objectives": ["grow"], "start": date(2026, 1, 1),
           "end": date(2026, 3, 31), "budget": 100.0, "person_days": {"team": 12.0},
           "raci": {"boss": "A", "team": "R"}} | changed
    )  # fmt: skip


PLAN = Plan(
    as_of=date(2025, 12, 31),
    objectives=[
        Objective(id="grow", name="Grow", area="value", metric="revenue", target=120.0, due=date(2026, 12, 31),
                  owner="boss", serves="purpose", because="why"),
    ],
    initiatives=[_initiative("one"), _initiative("two", start=date(2026, 4, 1), end=date(2026, 5, 31), depends_on=["one"], segments=["Loyal"])],
    risks=[Risk(id="r", description="Rain", likelihood=3, impact=4, mitigation="Roof", owner="boss", residual_likelihood=1, residual_impact=4)],
)  # fmt: skip
RESULTS = NOTHING | {
    "objectives": pd.DataFrame(
        {"id": ["grow"], "unit": "currency", "baseline": 100.0, "expected": 104.0, "probability": 0.12}
    ),
    "strategies": pd.DataFrame(
        {"segment": ["Loyal", "Rare"], "strategy": ["appreciate", "exit"], "do": ["Thank", "Let go"], "avoid": ["Selling more", "Paid calls"]}
    ),
    "action_plan": pd.DataFrame(
        {"action": ["Call", "Call"], "segment": ["Loyal", "Rare"], "customers": [3, 40], "expected_margin": [9.0, 100.0],
         "low": [-1.0, 50.0], "high": [20.0, 150.0], "cost": [1.0, 10.0], "owner": "boss", "due": "2026-01-31"}
    ),
    "improvements": pd.DataFrame(
        {"improvement": ["Avoid late"], "touchpoint": "delivery", "effect": 500.0, "low": 100.0, "high": 900.0, "confidence": "high", "rank": 1, "initiative": "one"}
    ),
    "review": pd.DataFrame({"kind": ["initiative"], "id": ["two"], "name": "Initiative two", "decision": "stop", "rule": "below 0"}),
}  # fmt: skip


def _html(page: RolePage) -> str:
    return render(
        page.href, "role.html", "", role=page, title=page.title, client="c", period="2025",
        as_of=PLAN.as_of, currency="EUR", steps=[], here=page.href,
    )  # fmt: skip


def test_a_page_says_what_is_asked_of_the_role_with_its_figures_and_dates() -> None:
    page = role_page(BOSS, PLAN, ENGAGEMENT, RESULTS)
    assert (
        page.goals[0]["Expected without new action"] == "104" and page.goals[0]["Target"] == "120"
    )
    assert [row["Initiative"] for row in page.work] == ["Initiative one", "Initiative two"]
    assert page.work[1]["Waits for"] == "Initiative one" and "none" in page.work[1]["Time to spare"]
    assert "You answer for 2 initiatives (200 EUR of budget)" in page.meaning[0]
    assert page.risks[0]["Left after it"] == "4" and page.tell[0]["Whom"] == "Board"


def test_contacts_are_one_row_an_action_so_that_no_small_group_shows() -> None:
    rows = role_page(BOSS, PLAN, ENGAGEMENT, RESULTS).actions
    assert [row["Customers"] for row in rows] == ["43"] and rows[0]["To"] == "Rare, Loyal"


def test_what_to_stop_comes_from_review_strategies_and_calendar() -> None:
    team = role_page(TEAM, PLAN, ENGAGEMENT, RESULTS)
    assert any("review says stop" in line for line in team.stop)
    assert any(line.startswith("Selling more (Loyal)") for line in team.stop)
    assert not any(
        "Paid calls" in line for line in team.stop
    )  # no work of this role for that segment
    assert any("days you do not have in" in line and "January 2026" in line for line in team.stop)
    assert sum(float(row["Days asked"]) for row in team.days) == pytest.approx(24, abs=0.2)


def test_without_results_the_page_still_holds_the_plan() -> None:
    page = role_page(BOSS, PLAN, ENGAGEMENT, NOTHING)
    assert page.goals[0]["Today"] == "–" and page.work and not page.actions and not page.stop


def test_a_role_the_plan_does_not_name_is_told_so() -> None:
    page = role_page(TEAM, Plan(as_of=PLAN.as_of), ENGAGEMENT, NOTHING)
    assert "gives you no initiative" in page.meaning[0] and "written down" in page.meaning[-1]
    circle = [_initiative("one", depends_on=["two"]), _initiative("two", depends_on=["one"])]
    waits = role_page(TEAM, Plan(as_of=PLAN.as_of, initiatives=circle), ENGAGEMENT, NOTHING)
    assert [row["Time to spare"] for row in waits.work] == ["–", "–"]


def test_pages_render_whole_and_client_text_is_data() -> None:
    for role in (BOSS, TEAM):
        text = _html(role_page(role, PLAN, ENGAGEMENT, RESULTS))
        assert "Your initiatives and dates" in text and "What to stop doing" in text
        assert "<b>Team" not in text


def test_the_demo_has_a_page_for_every_role_reachable_from_the_start(demo: Path) -> None:
    report = demo / "2025" / "report"
    pages = sorted(path.name for path in report.glob("role_*.html"))
    start = (report / "index.html").read_text(encoding="utf-8")
    assert len(pages) == 9 and all(f'href="{name}"' in start for name in pages)
