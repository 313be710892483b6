"""Results: a contract that is checked when saved and when loaded, written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from playbook import results
from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.contract import CONTRACT
from playbook.errors import DataError, PlaybookError
from playbook.run import STEPS

SEGMENTS = pd.DataFrame({"customer_id": ["1", "2"], "segment": ["A", "B"]})


def test_a_result_comes_back_as_saved(tmp_path: Path) -> None:
    results.save(tmp_path, "03", "segments", SEGMENTS)
    pd.testing.assert_frame_equal(results.load(tmp_path, "segments"), SEGMENTS)


def test_a_result_that_breaks_its_contract_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column segment"):
        results.save(tmp_path, "03", "segments", SEGMENTS[["customer_id"]])
    with pytest.raises(DataError, match="stands twice"):
        results.save(tmp_path, "03", "segments", pd.concat([SEGMENTS, SEGMENTS]))
    with pytest.raises(PlaybookError, match="is made by step 03"):
        results.save(tmp_path, "04", "segments", SEGMENTS)
    assert not list(tmp_path.iterdir())


def test_an_absent_result_names_the_step_and_the_command(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="step 03 makes it; run 'make run'"):
        results.load(tmp_path, "segments")


def test_a_missing_answer_is_handed_on_and_replaces_an_older_result(tmp_path: Path) -> None:
    results.save(tmp_path, "03", "segments", SEGMENTS)
    results.save(tmp_path, "03", "segments", Missing("no orders", "the order export"))
    loaded = results.load(tmp_path, "segments")
    assert isinstance(loaded, Missing) and loaded.ask == "the order export"


def test_every_contract_belongs_to_a_step() -> None:
    assert {contract.step for contract in CONTRACT.values()} <= set(STEPS)


def test_a_missing_part_makes_what_is_made_from_it_missing() -> None:
    @answers
    def share(frame: pd.DataFrame) -> Answer:
        need(frame, "orders", "the order export", rows=2)
        return Answer(frame, "h", "s", "descriptive")

    nothing = share(pd.DataFrame())
    assert isinstance(nothing, Missing)
    assert "Ask the client for the order export" in repr(nothing)
    assert isinstance(share(nothing.table), Missing)
    assert isinstance(nothing["curve"].head(3), Missing)
    assert isinstance(share(SEGMENTS), Answer)


def test_key_figures_are_sorted_and_complete(tmp_path: Path) -> None:
    results.save_metrics(
        tmp_path / "03_metrics.json",
        [Metric("b", 2.0), Metric("a", 1.0, 0.5, 1.5, 10, "%")],
        "03",
        "2025",
    )
    frame = results.load_metrics(tmp_path)
    assert frame.id.tolist() == ["a", "b"] and frame.period.unique().tolist() == ["2025"]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.1234, "%", "12.3 %"), (-0.0001, "%", "0.0 %"), (1234567.8, "currency", "1,234,568"), (-12.345, "currency", "−12.35"),
     (None, "", "–"), (float("nan"), "%", "–"), (5, "", "5"), (12345.678, "", "12,346"), (True, "", "yes"), (pd.Timestamp("2025-01-02"), "", "2025-01-02")],
)  # fmt: skip
def test_values_are_written_for_readers(value: object, unit: str, text: str) -> None:
    assert format_value(value, unit) == text


def test_a_damaged_file_is_named_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "segments.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(
        DataError, match=r"segments\.parquet is damaged .* run 'make run' to make it again"
    ):
        results.load(tmp_path, "segments")
