"""Step 1 on public data sets: what a year of orders without costs, surveys or days of winning can tell, and what not."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import real_inboxes
from test_objectives_odd import answers_of

from playbook.answer import Missing
from playbook.engagement import Engagement, read_model
from playbook.intake import take_in
from playbook.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.real_data


def _tenth(source: Path, inbox: Path) -> None:
    """Copy the invoices whose number ends in 7; `test_intake` reads them all."""
    inbox.mkdir()
    for path in source.glob("*.csv.gz"):
        lines = pd.read_csv(path, dtype=str, keep_default_na=False)
        lines[lines["InvoiceNo"].str.endswith("7")].to_csv(inbox / path.name, index=False)


def _found(name: str, source: Path, target: Path, as_of: date) -> dict[str, Any]:
    inbox = target / "inbox"
    if name == "online_retail":
        _tenth(source / name, inbox)
    else:
        getattr(real_inboxes, name)(source / name, inbox)
    engagement = read_model(ROOT / "data" / name / "engagement.yml", Engagement)
    take_in(inbox, engagement, target, as_of)
    return answers_of(Warehouse(target / "tables", as_of))


@pytest.mark.parametrize(
    ("name", "as_of"), [("online_retail", date(2011, 12, 9)), ("complete_journey", date(2017, 12, 31))]
)  # fmt: skip
def test_one_year_of_orders_is_a_starting_line(
    name: str, as_of: date, real_data: Path, tmp_path: Path
) -> None:
    found = _found(name, real_data, tmp_path, as_of)
    known = found["baselines"]["figures"].set_index("metric")["value"]
    told = {"active_customers", "repeat_rate", "orders_per_customer", "average_order_value", "revenue"}  # fmt: skip
    assert set(known.dropna().index) == told
    words = found["baselines"].so_what
    assert "old customers cannot be told from new ones" in words and "Net Promoter Score" in words
    assert isinstance(found["moved"], Missing) and isinstance(found["backtest"], Missing)
    assert "season and growth cannot be told apart" in found["usual"].so_what
    assert (found["usual"].table["low"] >= 0).all()
    chances = found["reach"]["forecasts"].set_index("metric")["probability"]
    assert chances.drop("orders_per_customer").isna().all()


def test_a_bank_with_one_deposit_a_client_learns_nothing_about_coming_back(
    real_data: Path, tmp_path: Path
) -> None:
    found = _found("bank_marketing", real_data, tmp_path, date(2010, 12, 31))
    known = found["baselines"]["figures"].set_index("metric")["value"]
    assert known["orders_per_customer"] == 1 and np.isnan(known["gross_margin"])
    assert "exactly one order" in found["baselines"].so_what
    assert found["moved"]["measure"] == "revenue"
