"""Makes customers out of the records of several systems."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import duckdb
import pandas as pd

from playbook.engagement.model import Engagement

__all__ = ["resolve_people"]


def resolve_people(
    db: duckdb.DuckDBPyConnection,
    engagement: Engagement,
    files: dict[str, list[str]],
    find: Callable,
    as_of: date | None,
) -> pd.DataFrame:
    """Return the doubtful pairs; until identity resolution is there, nothing is changed."""
    return pd.DataFrame()
