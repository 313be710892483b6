"""Step 2 at depth: market growth, weights, scales, scores of every kind, and totals that mislead."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy.stats import norm
from statsmodels.stats.contingency_tables import StratifiedTable

from playbook import figures
from playbook import research as r
from playbook.answer import Missing
from playbook.engagement.model import Identity
from playbook.identity import resolve

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


def _market(named: bool = True, revenue: bool = True) -> pd.DataFrame:
    rows = []
    for year, size in ((2023, 1000.0), (2024, 1050.0), (2025, 1100.0)):
        for brand, share in (("Them", 0.3), ("Us", 0.1 + 0.01 * (year - 2023)))[
            : 2 if named else 1
        ]:
            rows.append({"market_segment": "A", "year": year, "market_revenue": size, "our_revenue": 120.0 if revenue else np.nan,
                         "customers_in_market": 50, "brand": brand, "brand_share": share})  # fmt: skip
    return pd.DataFrame(rows)


BUYERS = pd.DataFrame({"market_segment": ["A"], "customers": [20], "buying_customers": [10]})


def test_a_market_report_without_our_brand_is_read_from_our_revenue_and_said() -> None:
    answer = r.market_position.position(_market(named=False), BUYERS, "Us", AS_OF)
    assert answer.table.loc[0, "share"] == pytest.approx(120 / 1100)
    assert "does not name Us; its share is our revenue divided by that of the market" in answer.so_what  # fmt: skip
    brands = r.market_position.brand_shares(_market(named=False), "Us", AS_OF).table
    assert set(brands["brand"]) == {"Us", "Them"}
    named = r.market_position.position(_market(), BUYERS, "Us", AS_OF)
    assert "does not name" not in named.so_what and named.table.loc[0, "share"] == pytest.approx(0.12)  # fmt: skip


def test_a_market_report_without_brand_and_revenue_says_what_is_missing() -> None:
    market = _market(named=False, revenue=False)
    answer = r.market_position.position(market, BUYERS, "Us", AS_OF)
    assert answer.headline == "The market is worth 0.0 million; the share of Us in it is not known"
    assert "names Them but not Us" in answer.so_what and [m.id for m in answer.metrics] == ["market_size"]  # fmt: skip
    brands = r.market_position.brand_shares(market, "Us", AS_OF)
    assert set(brands.table["brand"]) == {"Them"} and "nan" not in brands.so_what
    assert figures.brand_moves(brands, "Us").png().startswith(b"\x89PNG")


def test_a_market_report_of_one_or_two_years_does_not_pretend_to_know_growth() -> None:
    one = r.market_position.position(_market().query("year == 2025"), BUYERS, "Us", AS_OF)
    assert "One year is known, so growth is not" in one.so_what
    two = r.market_position.position(_market().query("year >= 2024"), BUYERS, "Us", AS_OF)
    assert "has no interval" in two.so_what and two.table["growth_low"].isna().all()


def _won(rows: list[tuple]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["acquisition_channel", "customer_type", "customers", "kept"])  # fmt: skip
    return frame.assign(country="SE")


PARADOX = _won([("Fair", "business", 150, 105), ("Fair", "private", 50, 20), ("Web", "business", 100, 85), ("Web", "private", 1900, 950)])  # fmt: skip


def test_a_reversal_names_the_group_and_the_reason() -> None:
    answer = r.reversals.reversals(PARADOX)
    first = answer.table.iloc[0]
    assert first[["group", "within", "verdict"]].tolist() == ["Fair", "customer type", "reversed"]
    # in total 125/200 against 1035/2000; among firms .70 against .85, among others .40 against .50
    assert first["total_gap"] == pytest.approx(62.5 - 51.75)
    weights = np.array([150 * 100 / 250, 50 * 1900 / 1950])
    assert first["like_gap"] == pytest.approx(100 * np.average([-0.15, -0.10], weights=weights))
    assert "within the same customer type it is the reverse" in answer.so_what
    assert "75.0 % of them are business customers, of the others 5.0 %" in answer.so_what
    detail = answer["detail"].table
    assert detail["within"].tolist() == ["business", "private", "all customers"]
    assert np.sign(detail["gap"]).tolist() == [-1, -1, 1]
    assert figures.side_by_side(answer["detail"], y="within").png().startswith(b"\x89PNG")


def test_the_gap_among_like_is_the_mantel_haenszel_difference_of_statsmodels() -> None:
    tables = [[[105, 45], [85, 15]], [[20, 30], [950, 950]]]
    stratified = StratifiedTable([np.array(t, dtype=float) for t in tables])
    found = r.reversals._gap(r.reversals.gaps(PARADOX, "acquisition_channel", "Fair", "customer_type"))  # fmt: skip
    # the test of no association points the same way and is as sure as ours
    assert found["within"] < 0 and stratified.logodds_pooled < 0
    ours = 2 * norm.sf(abs(found["within"]) / found["within_se"])
    assert ours == pytest.approx(stratified.test_null_odds().pvalue, abs=0.02)


def test_mix_without_reversal_and_no_difference_are_told_apart() -> None:
    mix = _won([("Fair", "business", 150, 120), ("Fair", "private", 50, 25), ("Web", "business", 100, 80), ("Web", "private", 1900, 950)])  # fmt: skip
    answer = r.reversals.reversals(mix)
    assert answer.table.iloc[0][["group", "verdict"]].tolist() == ["Fair", "only the mix"]
    hidden = _won([("Fair", "business", 150, 90), ("Fair", "private", 50, 10), ("Web", "business", 100, 85), ("Web", "private", 1900, 950)])  # fmt: skip
    assert r.reversals.reversals(hidden).table.iloc[0]["verdict"] == "hidden by the mix"
    even = _won([("Fair", "business", 100, 50), ("Fair", "private", 100, 50), ("Web", "business", 900, 450), ("Web", "private", 900, 450)])  # fmt: skip
    assert r.reversals.reversals(even).headline.startswith("No total misleads")
    assert isinstance(r.reversals.reversals(even.assign(customers=3, kept=1)), Missing)


def test_reversals_are_seldom_called_where_mix_and_channel_make_no_difference() -> None:
    rng, called = np.random.default_rng(3), 0
    for _ in range(60):
        sizes = rng.integers(40, 800, (4, 3))
        rows = [(f"c{i}", f"t{j}", int(n), int(rng.binomial(n, 0.5))) for (i, j), n in np.ndenumerate(sizes)]  # fmt: skip
        called += r.reversals.reversals(_won(rows)).table["verdict"].ne("no difference").any()
    assert called <= 6  # one in ten


def _records(rows: list[tuple]) -> pd.DataFrame:
    columns = ["system", "system_id", "name", "email", "phone", "tax_id", "birth_date", "postcode", "city"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    frame["birth_date"] = pd.to_datetime(frame["birth_date"])
    absent = ("company", "street", "country", "acquired_at")
    return frame.assign(**{c: pd.Series(None, index=frame.index, dtype="str") for c in absent})


def _people() -> pd.DataFrame:
    """Twenty people in two systems; e-mail joins fifteen, the others only look alike."""
    rows = []
    for i in range(20):
        name, mail = f"{'ABCDEFGHIJKLMNOPQRST'[i]}nna Berg{i:02d}", f"p{i}@x.se"
        rows.append(("crm", f"{i}", name, mail, None, None, None, "11122", "Lund"))
        rows.append(("shop", f"{i}", name, mail if i < 15 else f"other{i}@y.se", None, None, None, "11122", "Lund"))  # fmt: skip
    rows.append(("shop", "third", "Bnna Berg01", "p1@x.se", "+46 40 628 04 73", None, None, None, None))  # fmt: skip
    rows.append(("desk", "9", "Bnna Berg01", None, "040-628 04 73", None, None, None, None))
    return _records(rows).assign(country="SE")


def test_the_exact_keys_of_research_are_those_of_intake() -> None:
    records = _people()
    in_use = resolve(records, Identity(), as_of=None, seed=1, exact_only=True).keys
    linked = r.integration.integration(records, in_use)["linked"]
    pairs = linked.groupby("group")["customer_id"].nunique(), linked.groupby("customer_id")["group"].nunique()  # fmt: skip
    assert pairs[0].eq(1).all() and pairs[1].eq(1).all()  # the same partition of the records


def test_what_exact_keys_prove_is_told_from_other_evidence() -> None:
    records = _people()
    person = records["system_id"].replace({"third": "1"}).mask(records["system"] == "desk", "1")
    keys = records[["system", "system_id"]].assign(customer_id="K" + person, match_probability=1.0)
    answer = r.integration.integration(records, keys)
    table = answer["evidence"].table.set_index("evidence")
    # 15 pairs by e-mail and two more of the third record, one by telephone, two over the third record, five by likeness alone
    assert table["pairs"].tolist() == [17, 1, 2, 5] and table["share"].sum() == pytest.approx(1)
    assert table.index.tolist() == ["e-mail and name", "telephone and name", "exact keys over a third record", "likeness, or the client's own link"]  # fmt: skip
    assert "72.0 % of the pairs directly and 80.0 %" in answer.so_what
    effect = r.integration.duplicate_effect(
        answer["linked"], keys[["customer_id"]].drop_duplicates().assign(revenue=100.0)
    ).table.set_index("counting")
    assert effect.loc["customers by exact keys alone", "customers"] == 25
    assert effect.loc["the links in use", "customers"] == 20
