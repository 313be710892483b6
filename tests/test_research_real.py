"""Step 2 on public data sets: what their data can tell is told, what they cannot is said, nothing breaks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import real_inboxes

from playbook import figures
from playbook import research as r
from playbook.answer import Answer, Missing
from playbook.engagement import Engagement, read_model
from playbook.intake import take_in
from playbook.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.real_data


def _warehouse(name: str, write: Callable, source: Path, target: Path, as_of: date) -> Warehouse:
    write(source / name, target / "inbox")
    engagement = read_model(ROOT / "data" / name / "engagement.yml", Engagement)
    take_in(target / "inbox", engagement, target, as_of)
    return Warehouse(target / "tables", as_of)


def _answers(data: Warehouse, as_of: date) -> dict[str, Any]:
    """Return every answer of the sections on data without texts."""
    since = (pd.Timestamp(as_of) - pd.DateOffset(years=1)).date()
    days, metrics = data.query("daily_sales"), data.query("customer_metrics", since=since)
    windows = r.diagnosis.windows(days, as_of)
    panel, feelings = data.query("survey_panel"), data.query("opinion_answers", kinds="csat,ces")
    weights = r.surveys.weights_of(r.surveys.weighting(panel))
    scores, promoters = (
        data.query("survey_scores", since=since),
        data.query("opinion_answers", kinds="nps"),
    )
    market, buyers = data.table("market"), data.query("customers_by_market_segment", since=since)
    return {
        "continuity": r.audit.continuity(data.query("rows_by_quarter"), as_of),
        "integration": r.integration.integration(data.table("customer_records"), data.table("customer_keys")),
        "redundancy": r.redundancy.redundancy(metrics), "response": r.surveys.response(panel), "results": r.surveys.results(scores, weights),
        "scales": r.answer_scales.answer_scales(data.query("answers_by_value")), "reliability": r.scales.reliability(scores),
        "touchpoints": r.satisfaction.by_touchpoint(feelings, weights, pd.Timestamp(since)),
        "promoters": r.promoters.by_wave(promoters, weights), "position": r.market_position.position(market, buyers, "us", as_of),
        "cohorts": r.behaviour.cohorts(data.query("cohort_activity"), as_of), "concentration": r.behaviour.concentration(metrics),
        "seasonality": r.behaviour.seasonality(days, as_of),
        "order value": r.diagnosis.order_value(data.query("sales_by_group", **windows), **windows, as_of=as_of),
        "retention": r.diagnosis.retention(data.query("kept_by_group", since=since)),
        "reversals": r.reversals.reversals(data.query("stayed_by_group")),
    }  # fmt: skip


def _told(answers: dict[str, Any]) -> set[str]:
    for answer in answers.values():
        if isinstance(answer, Missing):
            assert answer.reason and answer.ask
        else:
            assert isinstance(answer, Answer) and len(answer.table)
            assert "nan" not in f"{answer.headline} {answer.so_what}".lower()
    return {name for name, answer in answers.items() if isinstance(answer, Answer)}


def test_the_grocery_households_tell_behaviour_and_say_what_is_missing(
    real_data: Path, tmp_path: Path
) -> None:
    as_of = date(2017, 12, 31)
    data = _warehouse("complete_journey", real_inboxes.complete_journey, real_data, tmp_path, as_of)
    # 233,935.24 in all; some orders of New Year's Eve are of 2018 in UTC, one number was lost to a spreadsheet
    revenue = data.table("orders")["revenue"].astype(float).sum()
    assert 0 <= 233_935.24 - revenue < 150
    answers = _answers(data, as_of)
    assert _told(answers) == {"continuity", "redundancy", "cohorts", "concentration", "seasonality"}
    # nobody knows when these households first came, and the answer says so
    assert "may hold customers won before the data began" in answers["cohorts"].caption
    assert "weekday" in answers["seasonality"].table
    assert "channel" in answers["order value"].ask
    curve = answers["concentration"]["curve"]
    assert figures.lorenz(curve, x="share_of_customers", y="revenue").png().startswith(b"\x89PNG")


def test_the_bank_calls_have_no_value_and_no_repeat_and_that_is_said(
    real_data: Path, tmp_path: Path
) -> None:
    as_of = date(2010, 12, 31)
    data = _warehouse("bank_marketing", real_inboxes.bank_marketing, real_data, tmp_path, as_of)
    answers = _answers(data, as_of)
    assert len(data.table("orders")) == 451 and len(data.table("campaign_members")) == 4119
    assert _told(answers) == {"continuity", "redundancy"}
    assert "none of 451 newly won customers ordered in a later quarter" in answers["cohorts"].reason
    assert "customers brings 1.00" in answers["concentration"].reason
    assert "1.00 in every order of both windows" in answers["order value"].reason
