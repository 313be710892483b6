"""The judge of forecasts judges: ranges too narrow, chances too sure and too few series are caught."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from playbook.truth import futures


def _said(chance: np.ndarray, reached: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"kind": "k", "low": -1.28, "high": 1.28, "came": 0.0, "chance": chance, "reached": reached})  # fmt: skip


def test_chances_that_come_true_as_often_as_said_pass_and_overstated_ones_fail() -> None:
    rng = np.random.default_rng(100)
    chance = rng.uniform(0, 1, 2000)
    honest = futures.calibration_lines(_said(chance, rng.random(2000) < chance))
    assert len(honest) == futures.BINS + 1 and all(line.passed for line in honest)
    pulled = 0.5 + 0.6 * (chance - 0.5)  # what really happens is less sure than said
    wrong = futures.calibration_lines(_said(chance, rng.random(2000) < pulled))
    assert not wrong[-1].passed and not wrong[0].passed and not wrong[4].passed


def test_ranges_of_the_wrong_width_fail() -> None:
    came = np.random.default_rng(101).normal(0, 1, 420)
    frame = _said(np.full(420, 0.5), came > 0).assign(came=came)
    design = "01.coverage_survey_waves"
    assert futures.coverage_lines(design, frame).passed
    for factor in (0.7, 1.4):
        other = frame.assign(low=factor * frame["low"], high=factor * frame["high"])
        assert not futures.coverage_lines(design, other).passed


def test_the_same_seed_draws_the_same_series_and_400_are_asked() -> None:
    design = "01.coverage_12_month_figure"
    first, again, other = (futures.drawn_futures(design, 12, seed) for seed in (100, 100, 101))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other) and set(first["kind"]) == {"steady", "wandering", "growing"}
    with pytest.raises(ValueError, match="at least 400"):
        futures.lines("01", series=100)
