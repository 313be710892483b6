"""Every query gives on Spark what it gives on DuckDB (``make test-spark``; not part of ``make test``)."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from playbook.engagement.model import Engagement
from playbook.engagement.yaml_file import read_model
from playbook.intake import take_in
from playbook.warehouse import QUERIES, Warehouse

pytest.importorskip("pyspark", reason="the extra [spark] is not installed")
from playbook.spark import SparkWarehouse

ROOT = Path(__file__).resolve().parents[2]
AS_OF, SINCE, DAY = date(2025, 12, 31), date(2024, 12, 31), date(2024, 6, 30)
PARAMETERS = {
    **dict.fromkeys(["bought_after", "bought_to", "cut", "cutoff", "landmark", "lookback_from", "outcome_to", "start", "until"], DAY),
    "customer": "000001", "follow_days": 90, "kind": "nps", "margin_rate": 0.4, "failures": "late,not solved", "since": SINCE,
}  # fmt: skip


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, SparkWarehouse]:
    folder = tmp_path_factory.mktemp("run")
    engagement = read_model(ROOT / "data" / "demo" / "engagement.yml", Engagement)
    take_in(ROOT / "data" / "demo" / "inbox", engagement, folder)
    return Warehouse(folder / "tables", AS_OF), SparkWarehouse(folder / "tables", AS_OF)


def _comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with numbers as floats and the rest as text, so that only values are compared."""
    shown = {}
    for name in frame.columns:
        numbers = (
            pd.to_numeric(frame[name], errors="coerce")
            if frame[name].dtype.kind not in "mM"
            else None
        )
        is_number = (
            numbers is not None
            and numbers.notna().sum() == frame[name].notna().sum()
            and frame[name].dtype.kind != "O"
        )
        decimals = frame[name].map(lambda v: type(v).__name__ == "Decimal").any()
        if is_number or decimals:
            shown[name] = frame[name].astype(float)
        else:
            shown[name] = (
                frame[name]
                .astype(object)
                .where(frame[name].notna(), "")
                .astype(str)
                .str.removesuffix(" 00:00:00")
            )
    return pd.DataFrame(shown)


@pytest.mark.parametrize("name", sorted(path.stem for path in QUERIES.glob("*.sql")))
def test_the_query_gives_the_same_on_spark(
    name: str, engines: tuple[Warehouse, SparkWarehouse]
) -> None:
    wanted = set(re.findall(r"\$(\w+)", (QUERIES / f"{name}.sql").read_text(encoding="utf-8"))) - {
        "as_of"
    }
    parameters = {key: PARAMETERS[key] for key in wanted}
    ours, theirs = (_comparable(engine.query(name, **parameters)) for engine in engines)
    assert list(ours.columns) == list(theirs.columns)
    assert len(ours) == len(theirs)
    for column in ours:
        if ours[column].dtype.kind == "f" or theirs[column].dtype.kind == "f":
            np.testing.assert_allclose(
                ours[column].astype(float),
                theirs[column].astype(float),
                rtol=1e-9,
                atol=1e-9,
                err_msg=column,
            )
        else:
            assert ours[column].tolist() == theirs[column].tolist(), column
