"""Step 2 at depth: market growth, weights, scales, scores of every kind, and totals that mislead."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from playbook import research as r

AS_OF = date(2025, 12, 31)


def _sizes(sizes: dict[str, list[float]], first: int = 2022) -> pd.DataFrame:
    """Return market rows of two brands for each segment and its revenues from ``first`` on."""
    rows = [
        (segment, first + place, size, brand)
        for segment, list_ in sizes.items()
        for place, size in enumerate(list_)
        for brand in ("Them", "Us")
    ]
    return pd.DataFrame(rows, columns=["market_segment", "year", "market_revenue", "brand"])


def test_the_growth_of_a_market_is_the_trend_of_all_years_as_in_statsmodels() -> None:
    sizes = {"A": [100.0, 118.0, 121.0, 140.0], "B": [50.0, 47.0, 49.0, 44.0], "C": [10.0, 11.0]}
    found = r.market_position.growth(_sizes(sizes), AS_OF)
    rows = [(s, 2022 + i, np.log(v)) for s, list_ in sizes.items() for i, v in enumerate(list_)]
    frame = pd.DataFrame(rows, columns=["segment", "year", "log"])
    fit = smf.ols("log ~ 0 + C(segment) + C(segment):year", frame).fit()
    ends = fit.conf_int()
    for segment in sizes:
        name = f"C(segment)[{segment}]:year"
        wanted = np.expm1([fit.params[name], *ends.loc[name]])
        assert found.loc[segment, ["growth", "low", "high"]].tolist() == pytest.approx(wanted)


def test_one_odd_figure_does_not_turn_the_growth_and_a_later_year_is_not_read() -> None:
    market = _sizes({"A": [100.0, 109.0, 130.0, 128.0]})
    found = r.market_position.growth(market, AS_OF).loc["A"]
    assert found["growth"] > 0.08  # the last two figures alone say that it shrinks
    earlier = r.market_position.growth(market, date(2024, 6, 30)).loc["A"]
    assert (earlier["years"], earlier["growth"]) == (2, pytest.approx(0.09))
    assert np.isnan(earlier["low"])  # two years fit any line: no interval
    single = r.market_position.growth(market, date(2023, 6, 30)).loc["A"]
    assert single["years"] == 1 and np.isnan(single["growth"])
    assert r.market_position.growth(market.iloc[:0], AS_OF).empty


def test_the_interval_of_growth_covers_as_often_as_it_says() -> None:
    rng, truth, hits = np.random.default_rng(20), np.array([-0.02, 0.0, 0.03, 0.05, 0.09]), []
    for _ in range(400):
        logs = truth[:, None] * np.arange(3) + rng.normal(0, 0.04, (5, 3))
        sizes = {name: list(np.exp(row)) for name, row in zip("ABCDE", logs, strict=True)}
        found = r.market_position.growth(_sizes(sizes, 2023), AS_OF)
        hits.append((found["low"] <= np.expm1(truth)) & (found["high"] >= np.expm1(truth)))
    assert np.mean(hits) == pytest.approx(0.95, abs=0.03)
