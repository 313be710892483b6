"""Step 1 on odd deliveries, from the queries to the figures: an answer that holds, or words that say what is missing."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from playbook import figures
from playbook import objectives as step
from playbook.answer import Answer, Missing
from playbook.engagement import Engagement, Plan
from playbook.engagement.model import Objective
from playbook.tables import SQL_TYPE, TABLES
from playbook.warehouse import Warehouse

AS_OF = date(2025, 12, 31)
METRICS = {"gross_margin": 1e6, "new_customers": 50.0, "orders_per_customer": 9.0, "nps": 60.0, "retention_rate": 0.9}  # fmt: skip


def _plan(as_of: date) -> Plan:
    goals = [
        Objective(id=m.replace("_", "-"), name=m, area="value", metric=m, target=t, due=as_of.replace(year=as_of.year + 1),
                  owner="boss", serves="purpose", because="b")
        for m, t in METRICS.items()
    ]  # fmt: skip
    return Plan(as_of=as_of, objectives=goals)


CLIENT = Engagement(client="c", brand="b", currency="EUR", inbox=[], purpose="p")


def _orders(
    months: int, customers: int = 40, size: float = 100.0, cost: float = 0.6
) -> pd.DataFrame:
    """One order a customer and month, ending with the last month before ``AS_OF``."""
    last = pd.period_range(end="2025-12", periods=months, freq="M")
    noise = np.random.default_rng(100).uniform(0.8, 1.2, months * customers)
    rows = [(f"K{c:03d}", month.to_timestamp()) for month in last for c in range(customers)]
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at"])
    frame["revenue"] = (size * noise).round(2)
    return frame.assign(order_id=[f"o{i}" for i in range(len(frame))], cost=cost * frame["revenue"])


def _customers(orders: pd.DataFrame, won: str | None = "2020-01-01") -> pd.DataFrame:
    ids = sorted(orders["customer_id"].dropna().unique()) or ["K000"]
    return pd.DataFrame({"customer_id": ids, "acquired_at": won})


def _survey(values: list[float], kind: str = "nps", top: float = 10) -> dict[str, pd.DataFrame]:
    n = len(values)
    return {
        "survey_questions": pd.DataFrame({"survey": ["s"], "question_id": ["q"], "kind": [kind], "scale_max": [top]}),
        "survey_answers": pd.DataFrame(
            {"survey": "s", "wave": "1", "response_id": [f"r{i}" for i in range(n)], "customer_id": [f"K{i:03d}" for i in range(n)],
             "question_id": "q", "answered_at": "2025-06-01", "value": values}
        ),
    }  # fmt: skip


def _warehouse(folder: Path, tables: dict[str, pd.DataFrame]) -> Warehouse:
    db = duckdb.connect()
    for name, frame in tables.items():
        columns = TABLES[name].columns
        whole = frame.reindex(columns=list(columns)).astype(object).where(lambda f: f.notna(), None)  # noqa: F841
        casts = ", ".join(f"cast({c} as {SQL_TYPE[col.kind]}) as {c}" for c, col in columns.items())
        db.execute(f"copy (select {casts} from whole) to '{folder / name}.parquet'")
    return Warehouse(folder, AS_OF)


def answers_of(data: Warehouse) -> dict[str, Any]:
    """Every answer of notebook 01 that needs data, with its figures drawn."""
    plan, since = _plan(data.as_of), data.as_of.replace(year=data.as_of.year - 1)
    headline, monthly, branches = (
        data.query(name, since=since, margin_rate=None)
        for name in ("headline_figures", "monthly_figures", "branch_figures")
    )
    rolling, waves = data.query("rolling_figures"), data.query("wave_answers")
    base = step.baselines(headline, data.query("satisfaction_answers", since=since))
    known = base["figures"]
    moved = step.what_moved(branches)
    usual = step.business_as_usual(monthly, known, seed=1)
    reach = step.reachability(plan.objectives, known, monthly, rolling, waves, data.as_of, 1)
    found = {
        "baselines": base, "moved": moved, "tree": step.metric_tree(moved, branches), "usual": usual,
        "backtest": step.backtest(usual), "goals": step.targets(plan.objectives, known, ()), "reach": reach,
        "levers": step.levers(moved, reach), "capability": step.capability(data.query("capability_scores", since=since)),
        "findings": step.plan_findings(plan, CLIENT, known), "roadmap": step.roadmap([], plan.objectives, []),
        "budget": step.budget([], plan.objectives, None),
    }  # fmt: skip
    for draw, name in ((figures.metric_tree, "tree"), (figures.forecast, "usual"), (figures.targets, "reach")):  # fmt: skip
        draw(found[name])._repr_png_()
    for name, answer in found.items():
        if isinstance(answer, Missing):
            assert answer.reason and answer.ask, name
        else:
            text = f"{answer.headline} {answer.so_what} {answer.caption}".lower()
            assert (
                isinstance(answer, Answer) and " nan" not in text and "inf" not in text.split()
            ), name
    return found


def test_without_orders_every_question_says_what_to_ask_for(tmp_path: Path) -> None:
    found = answers_of(_warehouse(tmp_path, {"customers": pd.DataFrame({"customer_id": ["K000"]})}))
    given = {name for name, answer in found.items() if isinstance(answer, Answer)}
    assert given == {"goals", "findings"}
    assert "baseline" in found["goals"].headline
    assert (found["findings"].table["rule"] == "every objective has a baseline").sum() == len(
        METRICS
    )


def test_three_months_are_no_year(tmp_path: Path) -> None:
    orders = _orders(3)
    found = answers_of(_warehouse(tmp_path, {"orders": orders, "customers": _customers(orders)}))
    assert "12 months" in found["baselines"].ask and isinstance(found["usual"], Missing)


def test_fourteen_months_give_a_starting_line_and_a_wide_forecast_that_says_so(tmp_path: Path) -> None:  # fmt: skip
    orders = _orders(14)
    found = answers_of(_warehouse(tmp_path, {"orders": orders, "customers": _customers(orders)}))
    assert "no whole year before" in found["baselines"].headline
    assert "season and growth cannot be told apart" in found["usual"].so_what
    assert isinstance(found["moved"], Missing) and "24 months" in found["moved"].ask


def test_one_customer_and_a_flat_series_have_no_false_precision(tmp_path: Path) -> None:
    orders = _orders(36, customers=1)
    found = answers_of(_warehouse(tmp_path, {"orders": orders, "customers": _customers(orders)}))
    known = found["baselines"]["figures"].set_index("metric")
    assert known.loc["active_customers", "value"] == 1
    assert np.isnan(known.loc["orders_per_customer", "value"])  # no spread from one customer
    kept = known.loc["retention_rate"]
    assert kept["value"] == 1 and kept["low"] < 0.5


def test_months_of_refunds_and_a_zero_base_stay_exact(tmp_path: Path) -> None:
    orders = _orders(36)
    orders.loc[orders["ordered_at"].dt.month == 1, ["revenue", "cost"]] *= -3
    orders.loc[orders["ordered_at"].dt.year == 2024, ["revenue", "cost"]] = 0.0
    found = answers_of(_warehouse(tmp_path, {"orders": orders, "customers": _customers(orders)}))
    moved = found["moved"]
    assert moved.table["effect"].sum() == pytest.approx(moved["end"] - moved["start"], rel=1e-9)
    assert found["usual"].table["low"].min() < 0  # a month has been negative before
    assert isinstance(found["tree"], Answer) and isinstance(found["reach"], Answer)


def test_all_promoters_still_have_a_range(tmp_path: Path) -> None:
    orders = _orders(24)
    tables = {"orders": orders, "customers": _customers(orders)} | _survey([10.0] * 30)
    found = answers_of(_warehouse(tmp_path, tables))
    nps = found["baselines"]["figures"].set_index("metric").loc["nps"]
    assert nps["value"] == 100 and nps["low"] < 100 and nps["high"] == 100
    reach = found["reach"]["forecasts"].set_index("metric").loc["nps"]
    assert 0.5 < reach["probability"] <= 1 and reach["high"] <= 100


@pytest.mark.parametrize("values", [[9.0], [9.0, 3.0, 10.0]])
def test_a_question_with_few_answers_gives_no_score(tmp_path: Path, values: list[float]) -> None:
    orders = _orders(24)
    tables = {"orders": orders, "customers": _customers(orders)} | _survey(values)
    found = answers_of(_warehouse(tmp_path, tables))
    assert np.isnan(found["baselines"]["figures"].set_index("metric").loc["nps", "value"])
    assert "Net Promoter Score" in found["baselines"].so_what


def test_without_costs_the_result_is_revenue(tmp_path: Path) -> None:
    orders = _orders(30).assign(cost=None)
    found = answers_of(_warehouse(tmp_path, {"orders": orders, "customers": _customers(orders)}))
    assert found["moved"]["measure"] == "revenue" and found["tree"]["measure"] == "revenue"
    assert "cost" not in set(found["tree"]["nodes"]["id"])


def test_days_of_winning_read_off_the_orders_are_no_days_of_winning(tmp_path: Path) -> None:
    orders = _orders(12)
    tables = {"orders": orders, "customers": _customers(orders, "2025-01-01")}
    known = answers_of(_warehouse(tmp_path, tables))["baselines"]["figures"].set_index("metric")
    assert np.isnan(known.loc["new_customers", "value"])


def test_an_employee_survey_of_small_groups_names_them_but_shows_no_score(tmp_path: Path) -> None:
    orders = _orders(24)
    n = 14
    staff = pd.DataFrame(
        {"response_id": [f"e{i}" for i in range(n)], "department": ["Sales"] * 10 + ["Board"] * 4, "capability": "Listens",
         "score": [3, 4] * 7, "answered_at": "2025-03-01"}
    )  # fmt: skip
    tables = {"orders": orders, "customers": _customers(orders), "employee_survey": staff}
    capability = answers_of(_warehouse(tmp_path, tables))["capability"]
    assert list(capability.table["department"]) == ["Sales"] and "Board" in capability.so_what
