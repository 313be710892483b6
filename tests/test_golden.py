"""Key figures of the demo against those of the last accepted run: the drift that rounding hides.

``python -m playbook metrics demo --period 2025 --json > tests/golden/metrics.json`` accepts a new run; say in
the commit why the figures moved.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from playbook.results import load_metrics

GOLDEN = Path(__file__).parent / "golden" / "metrics.json"
TOLERANCE = {"descriptive": 1e-9}
"""Relative tolerance by kind of analytics; models may move a little between machines."""


def test_key_figures_stay_where_they_were(demo: Path) -> None:
    wanted = {row["id"]: row for row in json.loads(GOLDEN.read_text(encoding="utf-8"))}
    found = load_metrics(demo / "2025" / "results").set_index("id")
    assert found.index.is_unique
    assert sorted(found.index) == sorted(wanted)
    moved = [
        f"{id_}: {row['value']} is now {found.value[id_]}"
        for id_, row in wanted.items()
        if found.value[id_]
        != pytest.approx(row["value"], rel=TOLERANCE.get(row["kind"], 1e-3), abs=1e-9)
    ]
    assert moved == []


def test_figures_for_decisions_carry_an_interval_that_holds_them(demo: Path) -> None:
    found = load_metrics(demo / "2025" / "results").dropna(subset=["low", "high"])
    assert len(found) >= 40
    assert ((found.low <= found.value) & (found.value <= found.high)).all()
