"""The same queries on Spark, for data beyond one machine: DuckDB's SQL carried over by SQLGlot.

Needs the extra ``[spark]`` and Java 17. Steps and notebooks do not know the difference.
"""

from __future__ import annotations

from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import sqlglot
from sqlglot import exp

from playbook.tables import SQL_TYPE, TABLES
from playbook.warehouse import Warehouse, quoted, view_sql

__all__ = ["SparkWarehouse", "carried_over"]


def carried_over(sql: str) -> str:
    """Return a DuckDB query in Spark's dialect; bound parameters keep their names.

    Numbers with a point become doubles: Spark would divide by them as decimals and round.
    """
    tree = sqlglot.parse_one(sql, read="duckdb")
    for number in list(tree.find_all(exp.Literal)):
        if not number.is_string and "." in number.name:
            number.replace(exp.cast(number.copy(), "double"))
    return tree.sql(dialect="spark")


class SparkWarehouse(Warehouse):
    """The tables of one run, as of a day, on a local or given Spark session.

    Parameters
    ----------
    tables
        Folder of the standard tables (Parquet).
    as_of
        Last day whose rows may be seen.
    """

    def __init__(self, tables: Path, as_of: date) -> None:
        super().__init__(tables, as_of)

    @cached_property
    def _spark(self) -> Any:
        from pyspark.sql import SparkSession

        builder = SparkSession.builder.appName("playbook").config("spark.ui.enabled", "false")
        builder = builder.config("spark.sql.session.timeZone", "UTC").config(
            "spark.sql.shuffle.partitions", "4"
        )
        builder = builder.config("spark.sql.ansi.enabled", "true").config(
            "spark.sql.parquet.inferTimestampNTZ.enabled", "true"
        )
        spark = builder.config("spark.sql.timestampType", "TIMESTAMP_NTZ").getOrCreate()
        for name in TABLES:
            self._show(spark, name)
        return spark

    def _show(self, spark: Any, name: str) -> None:
        path = self._tables / f"{name}.parquet"
        if path.is_file():
            frame = spark.read.parquet(str(path))
            frame.createOrReplaceTempView(f"delivered_{name}")
            select = view_sql(name, frame.columns, f"delivered_{name}", self.as_of)
        else:
            typed = ", ".join(
                f"cast(null as {SQL_TYPE[column.kind]}) as {quoted(label)}"
                for label, column in TABLES[name].columns.items()
            )
            select = f"select {typed} where false"
        spark.sql(carried_over(select)).createOrReplaceTempView(name)

    def count(self, name: str) -> int:
        """Return the number of visible rows of a standard table."""
        return int(self._spark.table(name).count())

    def _prepare(self, name: str, sql: str) -> None:
        self._spark.sql(carried_over(sql)).cache().createOrReplaceTempView(name)

    def _frame(self, sql: str, parameters: dict[str, Any]) -> pd.DataFrame:
        frame = self._spark.sql(carried_over(sql), args=parameters)
        return frame.toArrow().to_pandas()
