"""The calendar is data: the same client 28 years later (same weekdays, same leap years) gives the same answers.

Here every query, and the monitoring and the review on them, with a year before. The models of all steps stand the test in
test_runner.py, where a whole run 28 years later says the same. No holiday calendar is used anywhere, so there is none to switch off.
"""

from __future__ import annotations

import re
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pandas as pd
import pytest
from conftest import QUERY_EXAMPLES

from playbook import monitoring
from playbook.answer import Answer, Missing
from playbook.engagement import Plan, model_text, open_folder
from playbook.market import simulate
from playbook.tables import SQL_TYPE, TABLES
from playbook.warehouse import QUERIES, Warehouse, quoted

YEARS = 28
DAYS = timedelta(days=10_227)
DAY = date(2025, 12, 31)
SHIFTED = re.compile(r"\b20(4[89]|5\d)\b")
PER_YEAR = {"year": 1, "won_in": 1, "cohort": 4, "quarter": 4}
"""Columns that count years or quarters of the calendar."""
NAMES = sorted(path.stem for path in QUERIES.glob("*.sql"))


class Client(NamedTuple):
    """The tables and plans of a client, and the days that its periods end."""

    house: Warehouse
    plan: Plan
    last_plan: Plan
    as_of: date
    moved: timedelta

    def ask(self, name: str, **given: Any) -> pd.DataFrame:
        text = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
        wanted = set(re.findall(r"\$(\w+)", text)) - {"as_of", "since"}
        examples = {key: given.get(key, QUERY_EXAMPLES[key]) for key in wanted}
        days = {k: v + self.moved if isinstance(v, date) else v for k, v in examples.items()}
        return self.house.query(name, since=date(2024, 12, 31) + self.moved, **days)


def later(value: Any) -> Any:
    """Return a plan's content with every day 28 years later."""
    if isinstance(value, dict):
        return {key: later(one) for key, one in value.items()}
    if isinstance(value, list):
        return [later(one) for one in value]
    return value + DAYS if isinstance(value, date) else value


def written(folder: Path, tables: dict[str, pd.DataFrame], moved: timedelta) -> None:
    folder.mkdir()
    with duckdb.connect() as db:
        for name, frame in tables.items():
            frame = frame.copy()
            for column in frame.select_dtypes("datetime"):
                frame[column] += moved
            if "year" in frame:
                frame["year"] += YEARS if moved else 0
            db.register("given", frame)
            columns = ", ".join(
                f"cast({quoted(label) if label in frame else 'null'} as {SQL_TYPE[column.kind]}) as {quoted(label)}"
                for label, column in TABLES[name].columns.items()
            )
            db.execute(f"copy (select {columns} from given) to '{folder / name}.parquet'")


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> tuple[Client, Client]:
    """One small client, now and 28 years later."""
    tables = simulate(customers=120, seed=7).tables
    folder, demo = tmp_path_factory.mktemp("shifted"), open_folder("demo")
    plan, last = demo.plan("2025"), demo.plan("2024")
    found = []
    for name, moved in (("now", timedelta()), ("later", DAYS)):
        written(folder / name, tables, moved)
        plans = [Plan.model_validate(later(p.model_dump())) if moved else p for p in (plan, last)]
        found.append(Client(Warehouse(folder / name, DAY + moved), *plans, DAY + moved, moved))
    return found[0], found[1]


def back(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table of the later client with its days, years and dated words 28 years earlier."""
    frame = frame.copy()
    for column in frame:
        values = frame[column]
        if str(values.dtype).startswith("datetime"):
            frame[column] = values - DAYS
        elif column in PER_YEAR and values.min() > 1900:
            frame[column] = values - YEARS * PER_YEAR[column]
        elif values.map(lambda v: isinstance(v, date | str)).any():
            frame[column] = values.map(earlier)
    return frame


def earlier(value: Any) -> Any:
    if isinstance(value, str):
        return SHIFTED.sub(lambda m: str(int(m[0]) - YEARS), value)
    if isinstance(value, date) and not pd.isna(value):
        return value - DAYS
    return value


@pytest.mark.parametrize("part", range(4))
def test_every_query_gives_the_same_rows_28_years_later(
    clients: tuple[Client, Client], part: int
) -> None:
    differing = []
    for name in NAMES[part::4]:
        ours, theirs = (client.ask(name) for client in clients)
        if not ours.equals(back(theirs)):
            differing.append(name)
    assert differing == []


def review_of(client: Client) -> dict[str, Answer | Missing]:
    """Return what the seventh notebook says of a client, from the scorecard to the draft of the next plan."""
    since, year = client.as_of - timedelta(days=365), timedelta(days=365)
    monthly = client.ask("monthly_figures", margin_rate=0.4)
    told = client.ask("feedback_answers")
    crowd = [
        told.assign(**{c: told[c] + f"-{n}" for c in ("response_id", "customer_id")})
        for n in range(5)
    ]
    feedback = pd.concat(crowd)
    before, now = (
        client.house.query("customer_snapshot", since=since, cutoff=day, lookback_from=day - year, outcome_to=client.as_of)
        for day in (since, client.as_of)
    )  # fmt: skip
    outcomes = client.house.query("campaign_outcomes", since=since, days=90, margin_rate=0.4)
    effects = monitoring.campaign_effects(outcomes, client.house.table("campaigns"))
    metrics = pd.DataFrame([
        {"id": o.metric, "value": o.target, "low": 0.9 * o.target, "high": 1.1 * o.target, "n": 99, "unit": "count"}
        for o in client.plan.objectives
    ])  # fmt: skip
    card = monitoring.scorecard(client.plan.objectives, client.last_plan.objectives, metrics, Missing("none"), client.as_of)  # fmt: skip
    value = client.house.query("customer_features", since=since)[["customer_id", "revenue_12m"]]
    value = value.rename(columns={"revenue_12m": "contribution_12m"})
    groups = value[["customer_id"]].assign(segment=["a", "b"] * 60)
    strategies = pd.DataFrame({"segment": ["a", "b"], "strategy": "grow share"})
    movement = monitoring.segment_movement(strategies, groups, value, groups, value)
    review = monitoring.annual_review(
        client.last_plan, effects, movement, card, client.as_of, client.last_plan.as_of
    )
    return {
        "charts": monitoring.control_charts(monthly, seed=1),
        "by year": monitoring.feedback_by_year(feedback, Missing("none"), since),
        "waves": monitoring.feedback_by_wave(feedback, Missing("none"), "nps"),
        "drift": monitoring.drift(before, now, client.ask("favourites_by_year"), client.ask("ratings_by_year", kind="importance"), client.ask("order_history_span"), since, 20),
        "effects": effects,
        "scorecard": card,
        "movement": movement,
        "review": review,
        "log": monitoring.decision_log("this", review, Missing("none")),
        "draft": monitoring.next_plan(client.plan, card, review),
    }  # fmt: skip


def test_monitoring_and_review_say_the_same_28_years_later(
    clients: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    charts = sys.modules[monitoring.control_charts.__module__]
    monkeypatch.setattr(charts, "false_alarms", lambda *_: 0.1, raising=False)  # no date in it
    ours, theirs = (review_of(client) for client in clients)
    assert {name for name, answer in ours.items() if isinstance(answer, Missing)} == set()
    for name, answer in ours.items():
        other = theirs[name]
        pd.testing.assert_frame_equal(answer.table, back(other.table), check_exact=True, obj=name)
        for words in ("headline", "so_what", "caption", "source"):
            assert getattr(answer, words) == earlier(getattr(other, words)), f"{name}: {words}"
        assert answer.metrics == other.metrics
    drafts = [model_text(found["draft"]["plan"], found["draft"]["notes"]) for found in (ours, theirs)]  # fmt: skip
    assert drafts[0] != drafts[1] and drafts[0] == earlier(drafts[1])
