"""Every query gives on Spark what it gives on DuckDB (``make test-spark``; not part of ``make test``)."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import QUERY_EXAMPLES

from playbook.engagement.model import Engagement
from playbook.engagement.yaml_file import read_model
from playbook.intake import take_in
from playbook.warehouse import QUERIES, Warehouse

pytest.importorskip("pyspark", reason="the extra [spark] is not installed")
from playbook.spark import SparkWarehouse

ROOT = Path(__file__).resolve().parents[2]
AS_OF = date(2025, 12, 31)


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, SparkWarehouse]:
    folder = tmp_path_factory.mktemp("run")
    engagement = read_model(ROOT / "data" / "demo" / "engagement.yml", Engagement)
    take_in(ROOT / "data" / "demo" / "inbox", engagement, folder)
    return Warehouse(folder / "tables", AS_OF), SparkWarehouse(folder / "tables", AS_OF)


def _comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Return numbers as floats and all else as text, so that values are compared and not types."""
    return frame.apply(_column)


def _column(values: pd.Series) -> pd.Series:
    known = [value for value in values if not pd.isna(value)]
    if all(isinstance(value, (bool, np.bool_)) for value in known):
        return values.map(lambda value: "" if pd.isna(value) else str(bool(value)))
    if all(isinstance(value, (int, float, np.number, Decimal)) for value in known):
        return values.astype("float64")
    return values.map(lambda value: "" if pd.isna(value) else str(value).removesuffix(" 00:00:00"))


@pytest.mark.parametrize("name", sorted(path.stem for path in QUERIES.glob("*.sql")))
def test_the_query_gives_the_same_on_spark(
    name: str, engines: tuple[Warehouse, SparkWarehouse]
) -> None:
    wanted = set(re.findall(r"\$(\w+)", (QUERIES / f"{name}.sql").read_text(encoding="utf-8"))) - {
        "as_of"
    }
    parameters = {key: QUERY_EXAMPLES[key] for key in wanted}
    ours, theirs = (_comparable(engine.query(name, **parameters)) for engine in engines)
    assert list(ours.columns) == list(theirs.columns)
    assert len(ours) == len(theirs)
    for column in ours:
        if ours[column].dtype.kind == "f":
            np.testing.assert_allclose(
                ours[column].astype(float),
                theirs[column].astype(float),
                rtol=1e-9,
                atol=1e-9,
                err_msg=column,
            )
        else:
            assert ours[column].tolist() == theirs[column].tolist(), column
