"""Step 2 at depth: market growth, weights, scales, scores of every kind, and totals that mislead."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy.stats import norm
from scipy.stats import t as t_distribution
from statsmodels.genmod.families import Poisson
from statsmodels.stats.contingency_tables import StratifiedTable

from playbook import figures
from playbook import research as r
from playbook.answer import Missing
from playbook.engagement.delivery import Identity
from playbook.identity import resolve
from playbook.research.omega import omega
from playbook.research.raking import rake_wave
from playbook.research.satisfaction import share, share_difference
from playbook.stats import net_promoter_from_shares, rake, wilson
from playbook.validation.research import FITTED, MARGINS, ROUNDS, SAMPLE, berkeley, raked_example

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
    for segment in sizes:
        slope = fit.params[f"C(segment)[{segment}]:year"]
        assert found.loc[segment, "growth"] == pytest.approx(np.expm1(slope))
        assert found.loc[segment, "low"] < found.loc[segment, "growth"] < found.loc[segment, "high"]


def test_the_interval_of_growth_rests_on_how_much_yearly_growth_differs() -> None:
    alone = r.market_position.growth(_sizes({"A": [100.0, 118.0, 121.0]}), AS_OF).loc["A"]
    steps = np.diff(np.log([100.0, 118.0, 121.0]))
    ends = t_distribution.interval(0.95, 1, steps.mean(), steps.std(ddof=1) / np.sqrt(2))
    assert alone[["low", "high"]].tolist() == pytest.approx(np.expm1(ends).tolist())
    # a year that was good for both tells of chance once; segments with years of their own tell more
    together = r.market_position.growth(_sizes({"A": [100.0, 118.0, 121.0], "B": [50.0, 59.0, 60.5]}), AS_OF)  # fmt: skip
    assert together.loc["A", ["low", "high"]].tolist() == pytest.approx(np.expm1(ends).tolist())
    others = {"B": [50.0, 52.0, 60.0], "C": [30.0, 33.0, 34.0], "D": [20.0, 19.5, 21.0]}
    apart = r.market_position.growth(_sizes({"A": [100.0, 118.0, 121.0], **others}), AS_OF)
    assert apart.loc["A", "low"] > together.loc["A", "low"]
    assert apart.loc["A", "high"] < together.loc["A", "high"]


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


@pytest.mark.parametrize("common", [0.0, 0.03])
def test_the_interval_of_growth_covers_as_often_as_it_says(common: float) -> None:
    rng, truth, hits = np.random.default_rng(20), np.array([-0.02, 0.0, 0.03, 0.05, 0.09]), []
    for _ in range(400):
        chance = rng.normal(0, 0.03, (5, 3)) + rng.normal(
            0, common, (1, 3)
        )  # stays, as markets wander
        logs = truth[:, None] * np.arange(3) + chance.cumsum(axis=1)
        sizes = {name: list(np.exp(row)) for name, row in zip("ABCDE", logs, strict=True)}
        found = r.market_position.growth(_sizes(sizes, 2023), AS_OF)
        hits.append((found["low"] <= np.expm1(truth)) & (found["high"] >= np.expm1(truth)))
    assert np.mean(hits) == pytest.approx(0.95, abs=0.03)


def _market(named: bool = True, revenue: bool = True) -> pd.DataFrame:
    rows = []
    for year, size in ((2023, 1000.0), (2024, 1050.0), (2025, 1100.0)):
        for brand, part in (("Them", 0.3), ("Us", 0.1 + 0.01 * (year - 2023)))[: 2 if named else 1]:
            rows.append({"market_segment": "A", "year": year, "market_revenue": size, "our_revenue": 120.0 if revenue else np.nan,
                         "customers_in_market": 50, "brand": brand, "brand_share": part})  # fmt: skip
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
    assert (
        answer.headline == "Customers won by Fair seem loyal; among like it is the other way round"
    )
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


def test_the_admissions_of_berkeley_are_only_the_mix() -> None:
    answer = r.reversals.reversals(berkeley(), ["sex", "department"])
    row = answer.table.query("attribute == 'sex'").iloc[0]
    assert row["verdict"] == "only the mix" and abs(row["total_gap"]) == pytest.approx(14.2, abs=0.1)  # fmt: skip
    assert row["low"] < 0 < row["high"]


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


def test_raking_gives_the_published_example_and_the_loglinear_model_of_statsmodels() -> None:
    # the worked example stops after three rounds, when rows are met within 0.2 of 1,000
    assert raked_example(ROUNDS) == pytest.approx(FITTED, abs=0.006)
    ours = raked_example(1e-10)
    # raking keeps the odds ratios of the sample: Poisson with the sample as offset (Bishop, Fienberg & Holland 1975)
    cells = pd.DataFrame({"row": np.repeat(range(4), 4), "column": np.tile(range(4), 4), "seed": SAMPLE.ravel()})  # fmt: skip
    cells["known"] = np.outer(*MARGINS).ravel() / 1000  # any table with the known margins
    fit = smf.glm("known ~ C(row) + C(column)", cells, family=Poisson(), offset=np.log(cells["seed"])).fit()  # fmt: skip
    assert ours.ravel() == pytest.approx(fit.fittedvalues.to_numpy(), rel=1e-6)


def test_raking_from_weights_begins_where_they_are() -> None:
    frame = pd.DataFrame([(f"r{i}", f"c{j}") for i in range(2) for j in range(2) for _ in range(10)], columns=["row", "column"])  # fmt: skip
    start = pd.Series(np.where(frame["row"].eq("r0"), 3.0, 1.0), frame.index)
    weight = rake(frame, {"column": {"c0": 1, "c1": 3}}, start=start)
    total = weight.groupby([frame["row"], frame["column"]]).sum().unstack()
    assert (total.loc["r0"] / total.loc["r1"]).tolist() == pytest.approx([3.0, 3.0])
    assert (total.sum() / 40).tolist() == pytest.approx([0.25, 0.75])
    with pytest.raises(ValueError, match="starting weights must be positive"):
        rake(frame, {"column": {"c0": 1, "c1": 3}}, start=start * 0)


def _invited(cells: list[tuple], wave: str = "2025") -> pd.DataFrame:
    """Return a panel from rows of country, age band, answered, silent."""
    rows = []
    for country, age, yes, no in cells:
        for i in range(yes + no):
            rows.append({"customer_id": f"{country}{age}{i}", "survey": "s", "wave": wave, "invited_at": pd.Timestamp("2025-05-01"),
                         "answered": i < yes, "answered_at": pd.Timestamp("2025-05-03"), "country": country, "age_band": age,
                         "customer_type": "private", "activity": "one order"})  # fmt: skip
    return pd.DataFrame(rows).astype({"answered": "boolean"})


def test_large_weights_are_cut_and_the_gap_that_is_left_is_said() -> None:
    panel = _invited([("SE", "old", 90, 10), ("SE", "young", 6, 394)])
    raw = r.surveys.weighting(panel, largest=100.0).table.iloc[0]
    assert raw["trimmed"] == 0 and raw["margin_gap"] == pytest.approx(0, abs=1e-6) and raw["largest_weight"] > 10  # fmt: skip
    answer = r.surveys.weighting(panel, largest=5.0)
    row = answer.table.iloc[0]
    assert row["trimmed"] == 6 and row["effective"] > raw["effective"]
    # six answers of five times the mean are 30 of 96, and the young are 80 % of the invited
    assert row["margin_gap"] == pytest.approx(0.8 - 30 / 96, abs=1e-6)
    assert (
        row["largest_weight"] == pytest.approx(5) and "6 weights above 5 were cut" in answer.so_what
    )


def test_cutting_one_cell_still_meets_the_margins_where_they_can_be_met() -> None:
    panel = _invited([("SE", "old", 60, 60), ("SE", "young", 20, 100), ("DE", "old", 20, 60), ("DE", "young", 5, 100)])  # fmt: skip
    cut = rake_wave(panel, 3.0)
    weight = cut.weights["weight"]
    assert cut.trimmed == 5 and weight.max() <= 3.0 + 1e-6 and cut.gap < 0.001
    assert weight.mean() == pytest.approx(1)


def test_margins_that_contradict_each_other_are_left_out_by_name() -> None:
    # all who answered in Germany are old and all in Sweden young, and the invited are not like that
    panel = _invited([("SE", "young", 30, 10), ("SE", "old", 0, 80), ("DE", "old", 30, 10), ("DE", "young", 0, 20)])  # fmt: skip
    answer = r.surveys.weighting(panel)
    assert "Not weighted for age band in 2025" in answer.so_what
    weights = panel.merge(answer["weights"], on=["customer_id", "wave"])
    share = weights.groupby("country")["weight"].sum() / weights["weight"].sum()
    assert share["SE"] == pytest.approx(120 / 180)


def test_a_wave_without_answers_and_a_thin_one_are_named() -> None:
    full, empty = _invited([("SE", "old", 60, 40)]), _invited([("SE", "old", 0, 40)], "2026")
    thin = _invited([("SE", "old", 3, 40)], "2027").assign(invited_at=pd.Timestamp("2025-09-01"))
    panel = pd.concat([full, empty.assign(invited_at=pd.Timestamp("2025-08-01")), thin])
    answer = r.surveys.response(panel)
    assert "Nobody answered in 2026" in answer.so_what
    assert answer.table["rate"].tolist() == pytest.approx([0.6, 0, 3 / 43])
    weighting = r.surveys.weighting(panel)
    assert weighting.table["wave"].tolist() == ["2025"]
    assert "Too few answers to weight (all count one): 2026 (0), 2027 (3)" in weighting.so_what


NONE = r.surveys.weights_of(Missing("none"))


def _asked(
    values: dict[str, list[float]], kind: str = "csat", low: float = 1, high: float = 5, touchpoint: str | None = None
) -> pd.DataFrame:  # fmt: skip
    """Return one question's answers by wave, each of another customer."""
    rows = [(wave, v, i) for wave, list_ in values.items() for i, v in enumerate(list_)]
    frame = pd.DataFrame(rows, columns=["wave", "value", "n"])
    year = frame["wave"].astype("str").str[:4].astype(int)
    at = pd.to_datetime(year.astype(str) + "-06-01")
    name = frame["wave"] + "-" + frame["n"].astype(str) + (touchpoint or "")
    touchpoints = pd.Series(touchpoint, frame.index, dtype="str")
    return frame.assign(
        answered_at=at, question_id=f"{kind}_{touchpoint or 'overall'}", question="How satisfied are you?", kind=kind, touchpoint=touchpoints,
        scale_min=float(low), scale_max=float(high), customer_id=name, response_id=name, survey="s", country="SE",
        age_band="35 to 49", customer_type="private", market_segment="A", construct=f"{kind} construct",
    )  # fmt: skip


FIVE = [5.0, 4.0, 4.0, 3.0, 2.0] * 20


def test_satisfaction_is_the_top_third_of_its_scale_with_wilson() -> None:
    row = r.satisfaction.by_wave(_asked({"2025": FIVE}), NONE).table.iloc[0]
    exact = wilson(60, 100)
    # the linearised variance has n - 1 where Wilson has n
    assert row["satisfied"] == pytest.approx(0.6) and row["mean"] == pytest.approx(3.6)
    assert (row["low"], row["high"]) == pytest.approx((exact.low, exact.high), abs=1e-3)
    for high, top in ((7, {5, 6, 7}), (10, {7, 8, 9, 10})):
        scale = _asked({"2025": [float(v) for v in range(0 if high == 10 else 1, high + 1)] * 10}, low=0 if high == 10 else 1, high=high)  # fmt: skip
        kept = r.satisfaction._prepared(scale, NONE)[0]
        assert set(kept.loc[kept["top"] == 1, "value"]) == top


def test_the_difference_of_shares_is_weighted_least_squares_with_cluster_errors() -> None:
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"who": rng.integers(0, 90, 300).astype(str), "weight": rng.uniform(0.5, 2, 300), "top": rng.integers(0, 2, 300).astype(float)})  # fmt: skip
    own = rng.random(300) < 0.4
    ours = share_difference(frame[own], frame[~own])
    fit = sm.WLS(frame["top"], sm.add_constant(own.astype(float)), weights=frame["weight"]).fit(
        cov_type="cluster", cov_kwds={"groups": pd.factorize(frame["who"])[0], "df_correction": False, "use_correction": False}
    )  # fmt: skip
    groups = frame["who"].nunique()
    assert ours.value == pytest.approx(fit.params.iloc[1])
    error = fit.bse.iloc[1] * np.sqrt(groups / (groups - 1))
    assert (ours.high - ours.value) / norm.ppf(0.975) == pytest.approx(error)


def test_the_interval_of_a_share_counts_customers_and_not_answers() -> None:
    top = pd.Series([1.0, 0.0] * 30 + [1.0] * 40)
    once = share(top, pd.Series(1.0, top.index), pd.Series(range(100)).astype(str))
    thrice = share(pd.concat([top] * 3), pd.Series(1.0, range(300)), pd.Series(list(range(100)) * 3).astype(str))  # fmt: skip
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))


def test_a_change_of_satisfaction_is_found_and_chance_is_not() -> None:
    answer = r.satisfaction.by_wave(_asked({"2024": FIVE, "2025": [5.0, 3, 3, 3, 2] * 20}), NONE)
    assert answer.table["change"].iloc[1] == pytest.approx(-40) and "2025 −40.0 points" in answer.so_what  # fmt: skip
    same = r.satisfaction.by_wave(_asked({"2024": FIVE, "2025": FIVE}), NONE)
    assert "None of 1 changes" in same.so_what and same.table["q"].iloc[1] == pytest.approx(1)


def test_touchpoints_and_groups_are_compared_with_the_others() -> None:
    parts = [_asked({"2025": FIVE}, touchpoint=t) for t in ("shop", "desk", "post")]
    parts.append(_asked({"2025": [2.0, 2, 3, 3, 5] * 20}, touchpoint="chat"))
    answers = pd.concat(parts, ignore_index=True)
    table = r.satisfaction.by_touchpoint(answers, NONE, pd.Timestamp("2024-12-31"))
    assert table.headline.startswith("Lowest beyond chance is chat: satisfaction 20.0 %")
    assert table.table.iloc[0]["q_level"] < 0.01
    groups = answers.assign(country=np.where(answers["touchpoint"].eq("chat"), "DE", "SE"))
    found = r.satisfaction.by_group(groups, NONE, pd.Timestamp("2024-12-31")).table
    row = found[found["group"] == "DE"].iloc[0]
    assert row["satisfied"] == pytest.approx(0.2) and row["q_level"] < 0.01


def test_mixed_scales_are_found_explained_and_never_averaged() -> None:
    ten = [9.0, 8.0, 7.0, 6.0, 2.0] * 20
    mixed = pd.concat([_asked({"2024": FIVE}), _asked({"2025": ten})], ignore_index=True)
    checked = r.answer_scales.answer_scales(mixed)
    assert checked.table.loc[0, ["wave", "finding", "used"]].tolist() == ["2025", "another scale", False]  # fmt: skip
    assert "stated from 1 to 5 was answered from 2 to 9" in checked.so_what
    waves = r.satisfaction.by_wave(mixed, NONE)
    assert waves.table["wave"].tolist() == ["2024"] and "another scale than stated: 2025 (100 answers)" in waves.so_what  # fmt: skip
    # the same kind asked on two stated scales is read apart
    apart = pd.concat([_asked({"2024": FIVE}), _asked({"2025": ten}, low=0, high=10)], ignore_index=True)  # fmt: skip
    assert set(r.satisfaction.by_wave(apart, NONE).table["measure"]) == {"satisfaction (1 to 5)", "satisfaction (0 to 10)"}  # fmt: skip
    results = r.surveys.results(apart, NONE).table
    assert results["of"].tolist() == [5, 10] or results["of"].tolist() == [10, 5]
    assert "never averaged together" in r.answer_scales.answer_scales(apart).so_what
    few = mixed.assign(value=mixed["value"].clip(upper=5)).replace({"value": {2.0: 4.0}})
    few.loc[0, "value"] = 11.0
    assert "1 answers lie outside" in r.answer_scales.answer_scales(few).so_what


def test_recommendation_answered_from_1_to_5_is_no_wave_of_detractors() -> None:
    rng = np.random.default_rng(2)
    good = list(rng.integers(0, 11, 100).astype(float))
    short = list(rng.integers(1, 6, 100).astype(float))
    scores = _asked({"2024": good, "2025": short}, "nps", 0, 10)
    answer = r.promoters.by_wave(scores, NONE)
    assert answer.table["wave"].tolist() == ["2024"] and "another scale than stated: 2025" in answer.so_what  # fmt: skip
    stated = scores.assign(scale_max=scores["wave"].map({"2024": 10.0, "2025": 5.0}), scale_min=scores["wave"].map({"2024": 0.0, "2025": 1.0}))  # fmt: skip
    assert "have no promoters" in r.promoters.by_wave(stated, NONE).so_what


def test_a_scale_that_is_not_stated_is_taken_from_the_answers_and_said() -> None:
    unknown = _asked({"2025": FIVE}).assign(scale_min=np.nan, scale_max=np.nan)
    assert "is not stated and is taken from their answers" in r.answer_scales.answer_scales(unknown).so_what  # fmt: skip
    assert r.satisfaction.by_wave(unknown, NONE).table.loc[0, "satisfied"] == pytest.approx(0.6)


def test_everybody_a_promoter_keeps_an_interval_and_is_questioned() -> None:
    scores = _asked({"2024": [10.0] * 60, "2025": [9.0] * 60}, "nps", 0, 10)  # fmt: skip
    answer = r.promoters.by_wave(scores, NONE)
    last = answer.table.iloc[-1]
    assert last["nps"] == 100 and 90 < last["low"] < 100 and "Everybody is a promoter" in answer.so_what  # fmt: skip
    assert last["q"] == pytest.approx(1) and not answer.table.drop(columns=["wave"]).iloc[-1].isna().any()  # fmt: skip
    groups = r.promoters.by_group(scores, NONE, pd.Timestamp("2024-12-31"))
    assert groups.table["nps"].eq(100).all()
    full = r.satisfaction.by_wave(_asked({"2024": [5.0] * 60, "2025": [5.0] * 60}), NONE)
    assert full.table["low"].between(0.9, 0.99).all() and "Every answer on satisfaction" in full.so_what  # fmt: skip


@pytest.mark.parametrize("answer", [
    lambda one: r.satisfaction.by_wave(one, NONE), lambda one: r.satisfaction.by_touchpoint(one, NONE, pd.Timestamp("2024-12-31")),
    lambda one: r.satisfaction.by_group(one, NONE, pd.Timestamp("2024-12-31")), lambda one: r.surveys.results(one, NONE),
    lambda one: r.promoters.by_wave(one, NONE), lambda one: r.scales.reliability(one),
    lambda one: r.promoters.by_group(one, NONE, pd.Timestamp("2024-12-31")),
    lambda one: r.promoters.by_touchpoint(one, one, NONE, pd.Timestamp("2024-12-31")),
    lambda one: r.scales.response_style(one), lambda one: r.scales.expectations(one),
])  # fmt: skip
def test_one_respondent_gives_no_figure(answer) -> None:
    found = answer(_asked({"2025": [5.0]}))
    assert isinstance(found, Missing) and "needed" in found.reason


def test_countries_with_another_response_style_are_not_judged_by_their_level() -> None:
    scores = _asked({"2025": [10.0, 9.0, 8.0, 3.0] * 30}, "nps", 0, 10)  # fmt: skip
    scores["country"] = np.where(scores["value"] >= 8, "GB", "DE")
    loose = r.promoters.by_group(scores, NONE, pd.Timestamp("2024-12-31"))
    assert "Customers in DE score -100" in loose.headline or "Customers in DE" in loose.headline
    style = r.scales.response_style(_style())
    assert style["differs"]
    strict = r.promoters.by_group(scores, NONE, pd.Timestamp("2024-12-31"), style)
    assert strict.table.loc[strict.table["dimension"] == "country", "q_level"].isna().all()
    assert "not judged against each other" in strict.so_what


def _style() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = [
        (f"{country}{i}", f"imp_{q}", float(np.clip(round(rng.normal(mean, 1)), 1, 7)), country)
        for country, mean in (("DE", 3.0), ("GB", 5.0)) for i in range(40) for q in range(12)
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["response_id", "question_id", "value", "country"])
    return frame.assign(kind="importance", wave="2025", scale_min=1.0, scale_max=7.0)


def _items(loadings: list[float], n: int = 4000, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=n)
    return pd.DataFrame({f"q{i}": a * factor + np.sqrt(1 - a**2) * rng.normal(size=n) for i, a in enumerate(loadings)})  # fmt: skip


def test_omega_is_the_closed_form_of_three_items_and_the_planted_value_of_five() -> None:
    items = _items([0.8, 0.6, 0.4])
    cov = items.cov().to_numpy()
    load = np.sqrt([cov[0, 1] * cov[0, 2] / cov[1, 2], cov[0, 1] * cov[1, 2] / cov[0, 2], cov[0, 2] * cov[1, 2] / cov[0, 1]])  # fmt: skip
    exact = load.sum() ** 2 / (load.sum() ** 2 + (np.diag(cov) - load**2).sum())
    assert omega(items) == pytest.approx(exact, abs=1e-4)
    loadings = np.array([0.9, 0.8, 0.7, 0.5, 0.3])
    planted = loadings.sum() ** 2 / (loadings.sum() ** 2 + (1 - loadings**2).sum())
    assert omega(_items(list(loadings), 20000)) == pytest.approx(planted, abs=0.01)
    assert np.isnan(omega(items[["q0", "q1"]]))


def _construct(items: pd.DataFrame, name: str = "price") -> pd.DataFrame:
    long = (5 + 1.5 * items).round().clip(1, 9).rename_axis("n").reset_index().melt("n", var_name="question_id")  # fmt: skip
    return long.assign(response_id="R" + long["n"].astype(str), kind="psychographic", construct=name, wave="2025", scale_min=1.0, scale_max=9.0)  # fmt: skip


def test_an_item_that_hurts_and_one_that_never_varies_are_named() -> None:
    hurt = r.scales.reliability(_construct(_items([0.9, 0.9, 0.1], 300)))
    assert hurt.table.loc[0, "weakest"] == "q2" and "Q2 hurts price" in hurt.so_what
    assert hurt.table.loc[0, "omega"] > hurt.table.loc[0, "alpha"]
    constant = r.scales.reliability(_construct(_items([0.9, 0.8, 0.8], 300).assign(q9=0.0)))
    assert constant.table.loc[0, "questions"] == 3 and "measure nothing: price: q9" in constant.so_what  # fmt: skip
    only = r.scales.reliability(_construct(_items([0.9], 300).assign(q9=0.0)))
    assert isinstance(only, Missing) and "same answer to q9" in only.reason


def test_the_published_score_keeps_its_standard_error() -> None:
    score = net_promoter_from_shares(0.45, 0.20, 400)
    assert (score.score, score.se) == pytest.approx((25.0, 3.832), abs=5e-4)


def test_customers_who_buy_once_and_alike_are_said_and_not_analysed() -> None:
    rows = [(c, c, 0, 40, 40) for c in range(8096, 8102)]
    once = pd.DataFrame(rows, columns=["cohort", "quarter", "age", "customers", "active"])
    cohorts = r.behaviour.cohorts(once, AS_OF)
    assert isinstance(cohorts, Missing) and "ordered in a later quarter" in cohorts.reason
    same = pd.DataFrame({"customer_id": [f"C{i:03d}" for i in range(60)], "revenue": 1.0})
    flat = r.behaviour.concentration(same)
    assert isinstance(flat, Missing) and "each of 60 customers brings 1.00" in flat.reason
    cells = pd.DataFrame([("before", 50, 50.0), ("after", 60, 60.0)], columns=["window_name", "orders", "revenue"])  # fmt: skip
    cells = cells.assign(order_revenue=cells["revenue"], squares=cells["revenue"], country="SE", channel="a",
                         acquisition_channel="a", market_segment="a", customer_type="a", tenure="guest")  # fmt: skip
    value = r.diagnosis.order_value(cells, date(2023, 12, 31), date(2024, 12, 31), AS_OF)
    assert isinstance(value, Missing) and "1.00 in every order" in value.reason


def test_tenure_explains_nothing_where_the_record_begins_with_the_first_window() -> None:
    rows = [("before", "new customer", 500, 5000.0), ("after", "new customer", 100, 1000.0), ("after", "existing customer", 400, 8000.0)]  # fmt: skip
    cells = pd.DataFrame(rows, columns=["window_name", "tenure", "orders", "revenue"])
    cells = cells.assign(country=["SE", "SE", "DE"], channel="a", acquisition_channel="a", market_segment="a", customer_type="a",
                         order_revenue=cells["revenue"], squares=cells["revenue"] ** 2 / cells["orders"] * 1.3)  # fmt: skip
    seen = r.diagnosis.order_value(cells, date(2023, 12, 31), date(2024, 12, 31), AS_OF).table
    assert seen["seen_by"].tolist() == ["country"]
    known = pd.concat([cells, cells.tail(1).assign(window_name="before")])
    seen = r.diagnosis.order_value(known, date(2023, 12, 31), date(2024, 12, 31), AS_OF).table
    assert set(seen["seen_by"]) == {"country", "tenure"}


def test_the_steps_of_a_change_begin_with_the_mix_and_sum_to_it() -> None:
    rng = np.random.default_rng(1)
    rows = [(w, c, int(rng.integers(50, 400)), float(rng.uniform(5, 50))) for w in ("before", "after") for c in "abcdefgh"]  # fmt: skip
    cells = pd.DataFrame(rows, columns=["window_name", "country", "orders", "rate"])
    cells = cells.assign(revenue=cells["orders"] * cells["rate"], channel="a", acquisition_channel="a", market_segment="a", customer_type="a", tenure="guest")  # fmt: skip
    cells = cells.assign(order_revenue=cells["revenue"], squares=cells["orders"] * cells["rate"] ** 2 * 1.2)  # fmt: skip
    detail = r.diagnosis.order_value(cells, date(2023, 12, 31), date(2024, 12, 31), AS_OF)["detail"]
    assert detail.table["step"].iloc[0] == "mix of country"
    assert detail.table["step"].iloc[-1] == "3 other groups"
    assert detail["start"] + detail.table["effect"].sum() == pytest.approx(detail["end"], abs=1e-9)


def test_few_metrics_that_carry_the_rest_are_found_and_beat_chance() -> None:
    rng = np.random.default_rng(4)
    base = rng.normal(size=(500, 3))
    frame = pd.DataFrame({f"m{i}{j}": base[:, i] + 0.1 * rng.normal(size=500) for i in range(3) for j in range(4)})  # fmt: skip
    answer = r.redundancy.redundancy(frame)
    assert answer.headline.startswith("These 3 of 12 metrics carry 9")
    assert answer.table["keep"].str[:2].tolist() != ["m0"] * 3 and len(answer["short"].table) == 3
    assert answer.table["carried"].is_monotonic_increasing and "as many taken at random carry" in answer.so_what  # fmt: skip
