"""Customer value: the model that predicts best is used, contracts and purchases add up, odd data get a sound answer."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook import figures
from playbook import segmentation as sg
from playbook.answer import Answer, Missing
from playbook.bench_value import _steps
from playbook.clv import (
    customer_lifetime_value,
    fit_gamma_gamma,
    fit_mbg_nbd,
)
from playbook.engagement.model import Costs
from playbook.segmentation.money import BASIS
from playbook.segmentation.purchase_models import season_clock
from playbook.segmentation.segment_error import segment_error
from playbook.warehouse import Warehouse

AS_OF = dt.date(2025, 12, 31)
CUT = dt.date(2025, 6, 30)


def histories(n: int = 400, seed: int = 3) -> pd.DataFrame:
    """Customers who buy at gamma rates and leave after a purchase with a beta chance; a hold-out of 26 weeks."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(30, 120, n)
    rate, leave = rng.gamma(0.9, 0.12, n), rng.beta(1.0, 3.0, n)
    rows = []
    for i in range(n):
        time, x, last, gone, later = 0.0, 0, 0.0, rng.random() < leave[i], 0
        while not gone:
            time += rng.exponential(1 / rate[i])
            if time > age[i] + 26:
                break
            if time <= age[i]:
                x, last = x + 1, time
            else:
                later += 1
            gone = rng.random() < leave[i]
        rows.append((x, last, later))
    x, last, later = (np.array(v, dtype=float) for v in zip(*rows, strict=True))
    money = np.where(x > 0, rng.gamma(4.0, 1 / rng.gamma(5.0, 0.02, n)) * 10, 0.0)
    return pd.DataFrame(
        {
            "customer_id": [f"{i:05d}" for i in range(n)], "won_before_record": False, "frequency": x,
            "recency": last, "age": age, "monetary": money, "weeks_to_first": 0.0,
            "later_purchases": later, "later_spend": later * np.where(x > 0, money, 80.0),
        }
    )  # fmt: skip


def customers(n: int = 400, margin: float = 0.4, cost_known: bool = True) -> pd.DataFrame:
    revenue = np.linspace(1, 500, n)
    frame = pd.DataFrame(
        {
            "customer_id": [f"{i:05d}" for i in range(n)], "tenure_days": 100 + np.arange(n) * 2,
            "days_since_first_order": 100 + np.arange(n) * 2, "acquisition_channel": np.where(np.arange(n) % 2, "Shop", "Ads"),
            "turnover_12m": revenue, "revenue_12m": revenue, "margin_12m": revenue * margin if cost_known else np.nan,
            "revenue_with_cost_12m": revenue if cost_known else 0.0, "orders_12m": 2, "tickets_12m": 0,
            "interaction_cost_12m": 0.0, "campaign_cost_12m": 1.0,
        }
    )  # fmt: skip
    return sg.add_contribution(frame, Costs())


@pytest.fixture(scope="module")
def checked() -> Answer:
    found = sg.check_purchase_models(histories(), AS_OF, CUT)
    assert isinstance(found, Answer)
    return found


@pytest.fixture(scope="module")
def lifetime(checked: Answer) -> Answer:
    found = sg.lifetime_value(histories(), customers(), checked, 0.10, seed=1)
    assert isinstance(found, Answer)
    return found


def test_the_model_that_predicts_best_is_used_and_said(checked: Answer) -> None:
    best = checked.table.sort_values("poisson_deviance").iloc[0]["model"]
    assert checked["best"] == best == checked["model"]
    assert best in checked.headline and "it is used" in checked.headline
    assert checked["calibration"].table["n"].sum() == 400
    spend = checked["spend"].table
    assert list(spend["model"]) == [best, "trailing spend"]
    assert spend["poisson_deviance"].iloc[0] < spend["poisson_deviance"].iloc[1]


def test_the_spread_of_a_right_model_is_even_and_of_a_wrong_one_is_not(checked: Answer) -> None:
    even = checked["spread"]
    assert even["p_value"] > 0.01 and even.table["share"].sum() == pytest.approx(1)
    wild = histories()
    wild["later_purchases"] = np.where(np.arange(len(wild)) % 3 == 0, 30.0, 0.0)
    found = sg.check_purchase_models(wild, AS_OF, CUT)
    assert found["spread"]["p_value"] < 1e-6 and "do not fall evenly" in found["spread"].headline


def test_the_past_rate_is_used_where_it_predicts_better() -> None:
    frame = histories()
    weeks = (AS_OF - CUT).days / 7
    frame["later_purchases"] = frame["frequency"] / frame["age"] * weeks
    found = sg.check_purchase_models(frame, AS_OF, CUT)
    assert found["best"] == "trailing frequency" and "Past rates" in found.headline
    value = sg.lifetime_value(frame, customers(), found, 0.0, 12, seed=1)
    values = value["values"].set_index("customer_id")
    rate = (frame.set_index("customer_id")["frequency"] / frame.set_index("customer_id")["age"]) * 365.25 / 7  # fmt: skip
    pd.testing.assert_series_equal(values["expected_orders_12m"], rate, check_names=False)
    np.testing.assert_allclose(values["clv"], values["expected_margin_12m"])
    assert (values["clv_low"] <= values["clv_high"]).all() and "trailing" in value.caption


def months(
    season: np.ndarray, years: int = 3, growth: float = 1.0, level: float = 1000.0
) -> pd.DataFrame:
    first = pd.date_range(f"{2025 - years + 1}-01-01", periods=12 * years, freq="MS")
    count = level * season[first.month - 1] * first.days_in_month / 30 * growth ** (np.arange(12 * years) / 12)  # fmt: skip
    return pd.DataFrame({"month": first, "purchases": np.round(count)})


def test_the_season_clock_finds_the_season_and_takes_the_trend_out() -> None:
    season = 1 + 0.5 * np.cos(2 * np.pi * np.arange(12) / 12)
    clock = season_clock(months(season, growth=1.3), AS_OF)
    assert clock is not None
    np.testing.assert_allclose(clock.season, season, atol=0.08)
    assert clock.ahead(365 / 7) == pytest.approx(365 / 7, rel=0.02)
    assert clock.ahead(8) > 8 * 1.3
    frame = histories()
    warped = clock.warp(frame)
    assert (warped["recency"] <= warped["age"]).all()
    assert ((warped["recency"] > 0) == (frame["frequency"] > 0)).all()


def test_a_short_record_has_no_season_and_noise_makes_none() -> None:
    assert season_clock(months(np.ones(12)).tail(8), AS_OF) is None
    rng = np.random.default_rng(1)
    noise = months(np.ones(12))
    noise["purchases"] = rng.poisson(40, len(noise))
    clock = season_clock(noise, AS_OF)
    assert clock is not None and np.ptp(clock.season) < 0.5 * np.ptp(
        noise.groupby(noise["month"].dt.month)["purchases"].mean() / noise["purchases"].mean()
    )


@pytest.fixture(scope="module")
def fitted() -> tuple:
    frame = histories().set_index("customer_id")
    return fit_mbg_nbd(frame), fit_gamma_gamma(frame), frame


@settings(max_examples=15, deadline=None)
@given(
    rate=st.floats(0.01, 0.4), more=st.floats(0.02, 0.5), margin=st.floats(0.05, 0.8),
    step=st.floats(0.02, 0.2),
)  # fmt: skip
def test_value_falls_with_the_discount_and_rises_with_the_margin(fitted: tuple, rate: float, more: float, margin: float, step: float) -> None:  # fmt: skip
    model, spend, frame = fitted
    part = frame.iloc[:40]

    def value(discount: float, share: float, years: float = 2.0) -> np.ndarray:
        return customer_lifetime_value(
            model, spend, part, margin_rate=share, horizon=52.18 * years, discount_rate_year=discount,
            periods_per_year=52.18, draws=20, seed=1,
        )["clv"].to_numpy()  # fmt: skip

    base = value(rate, margin)
    assert (value(rate + more, margin) < base).all()
    assert (value(rate, margin + step) > base).all()
    assert (base < 2 * value(rate, margin, 1.0)).all()


def test_a_loss_on_each_order_makes_value_negative_and_says_so(checked: Answer) -> None:
    found = sg.lifetime_value(histories(), customers(margin=-0.2), checked, 0.10, seed=1)
    values = found["values"]
    assert (values["clv"] <= 0).all() and (values["clv_low"] <= values["clv_high"]).all()
    assert "loses money" in found.headline and "Mend prices" in found.so_what
    zero = sg.lifetime_value(histories(), customers(margin=0.0), checked, 0.10, seed=1)
    assert (zero["values"]["clv"] == 0).all() and "earn nothing" in zero.headline


def test_without_margin_value_is_revenue_and_it_says_so(checked: Answer) -> None:
    found = sg.lifetime_value(histories(), customers(cost_known=False), checked, 0.10, seed=1)
    assert found["margin_rate"] == pytest.approx(1.0)
    assert "revenue, as neither cost nor margin rate is known" in found.so_what


def segments(n: int = 400) -> pd.DataFrame:
    return pd.DataFrame(
        {"customer_id": [f"{i:05d}" for i in range(n)], "segment": np.where(np.arange(n) < 100, "A", "B")}
    )  # fmt: skip


def test_totals_of_segments_add_up_and_are_surer_than_their_members(checked: Answer, lifetime: Answer) -> None:  # fmt: skip
    values = lifetime["values"]
    found = sg.value_by_segment(segments(), values, checked).table
    assert found["clv_total"].sum() == pytest.approx(values["clv"].sum())
    assert (found["clv_low"] < found["clv_total"]).all()
    assert (found["clv_high"] > found["clv_total"]).all()
    summed = (values["clv_high"] - values["clv_low"]).sum()
    assert (found["clv_high"] - found["clv_low"]).sum() < summed
    alone = sg.value_by_segment(segments(), values, Missing("too short"))
    assert "chance only" in alone.caption


def held_out(lasting: dict[str, float], year: float, rng: np.random.Generator, n: int = 300) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Segments, and a hold-out of ``n`` customers in each who are told alike but buy by a factor of their segment."""
    names = np.repeat(list(lasting), n)
    ids = [f"{i:05d}" for i in range(len(names))]
    mean = 1.2 * np.exp(np.repeat(list(lasting.values()), n) + year)
    bought = rng.poisson(mean).astype(float)
    told = pd.DataFrame({"customer_id": ids, "silent": False, "told": 120.0, "came": 100.0 * bought, "purchases": bought})  # fmt: skip
    return pd.DataFrame({"customer_id": ids, "segment": names}), told


def test_the_lasting_error_of_a_segment_is_found_and_the_whole_stays() -> None:
    planted = {"A": np.log(1.5), "B": 0.0, "C": np.log(0.7)}
    found = segment_error(*held_out(planted, 0.0, np.random.default_rng(1)))
    told = pd.Series({"A": 1000.0, "B": 2000.0, "C": 1000.0})
    corrected = found.corrected(told)
    assert corrected.sum() == pytest.approx(told.sum())
    assert corrected["A"] / corrected["B"] == pytest.approx(0.75, rel=0.15)
    assert corrected["C"] / corrected["B"] == pytest.approx(0.35, rel=0.15)
    alike = segment_error(*held_out(dict.fromkeys("ABC", 0.0), 0.0, np.random.default_rng(1)))
    assert alike.unlike < found.unlike
    assert alike.corrected(told)["A"] == pytest.approx(1000, rel=0.1)


def test_intervals_of_segments_cover_where_the_errors_are_as_derived() -> None:
    """300 clients of four segments: lasting errors of 25 %, years of 11 %, chance of 8 %; the prior is right."""
    rng, hits, names = np.random.default_rng(5), [], list("ABCD")
    for _ in range(300):
        lasting = dict(zip(names, rng.normal(0, 0.25, 4), strict=True))
        found = segment_error(*held_out(lasting, rng.normal(0, 0.11), rng, n=150))
        told = pd.Series(1000.0, index=names)
        middle = found.corrected(told)
        true = pd.Series(np.exp(list(lasting.values())), index=names)
        came = (
            1000 * true * 4 / true.sum() * np.exp(rng.normal(0, 0.11, 4) + rng.normal(0, 0.08, 4))
        )
        low, high = found.ends(middle, (0.08 * middle) ** 2, 0.80)
        hits.append((came >= middle * low) & (came <= middle * high))
    assert 0.75 < np.mean(hits) < 0.87, np.mean(hits)


def test_those_silent_at_the_cut_are_judged_together_whatever_they_bought_since() -> None:
    segment, told = held_out(
        {"A": 0.0, "No purchase on record": 0.0}, 0.0, np.random.default_rng(2)
    )
    nothing = segment["segment"] == "No purchase on record"
    later = nothing & (told["came"] > 0)
    told["silent"] = nothing
    outcome = segment.assign(segment=segment["segment"].mask(later, "A"))
    pd.testing.assert_frame_equal(segment_error(outcome, told).lasting, segment_error(segment, told).lasting)  # fmt: skip


def test_fees_of_contracts_are_not_set_right_by_the_error_of_purchases(checked: Answer, lifetime: Answer) -> None:  # fmt: skip
    both = sg.add_contract_value(
        lifetime, sg.contract_value(contracts(), AS_OF, 0.10, 0.5), customers()
    )
    plain = sg.value_by_segment(segments(), lifetime["values"], checked).table.set_index("segment")
    added = sg.value_by_segment(segments(), both["values"], checked).table.set_index("segment")
    fees = (
        both["values"]
        .merge(segments(), on="customer_id")
        .groupby("segment")["contract_value"]
        .sum()
    )
    assert (added["clv_total"] - plain["clv_total"]).to_numpy() == pytest.approx(fees.reindex(plain.index).to_numpy())  # fmt: skip
    assert (added["clv_low"] < added["clv_total"]).all()


def test_values_of_customers_are_set_right_as_their_segment_is(lifetime: Answer, checked: Answer) -> None:  # fmt: skip
    fees = np.where(np.arange(len(lifetime["values"])) % 7 == 0, 50.0, 0.0)
    values = lifetime["values"].assign(contract_value=fees, contract_margin_12m=fees / 2)
    values["clv"] += fees
    values["expected_margin_12m"] += fees / 2
    totals = sg.value_by_segment(segments(), values, checked)
    right = sg.set_right(values, totals)
    by_segment = right.merge(segments(), on="customer_id").groupby("segment")
    table = totals.table.set_index("segment")
    for column, total in (("clv", "clv_total"), ("expected_margin_12m", "expected_margin_12m")):
        assert by_segment[column].sum().to_dict() == pytest.approx(table[total].to_dict())
        assert right[column].sum() == pytest.approx(values[column].sum())
    assert (table["clv_total"] - values.merge(segments(), on="customer_id").groupby("segment")["clv"].sum()).abs().max() > 1  # fmt: skip
    own = (right["clv"] - fees) / (values["clv"] - fees)
    assert ((right["clv_high"] - right["clv"]) / (values["clv_high"] - values["clv"])).to_numpy() == pytest.approx(own.to_numpy(), nan_ok=True)  # fmt: skip
    assert sg.set_right(values, Missing("no segments")) is values


def test_without_a_hold_out_the_totals_say_that_their_intervals_are_too_narrow(lifetime: Answer) -> None:  # fmt: skip
    alone = sg.value_by_segment(segments(), lifetime["values"], Missing("too short"))
    assert "too narrow" in alone.so_what
    raw = lifetime["values"].merge(segments(), on="customer_id").groupby("segment")["clv"].sum()
    assert alone.table.set_index("segment")["clv_total"].to_dict() == pytest.approx(raw.to_dict())


def contracts(n: int = 1500, seed: int = 2, alpha: float = 0.9, beta: float = 9.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    lasts = rng.geometric(rng.beta(alpha, beta, n))
    age = rng.integers(30, 1100, n)
    days = np.minimum(np.round(lasts * 30.4375), age)
    return pd.DataFrame(
        {
            "subscription_id": [f"S{i}" for i in range(n)], "customer_id": [f"{i % 400:05d}" for i in range(n)],
            "plan": "basic", "monthly_fee": 10.0, "started_on": pd.Timestamp(AS_OF) - pd.to_timedelta(age, unit="D"),
            "days": days, "lost": (days < age).astype(int),
        }
    )  # fmt: skip


def test_contracts_recover_what_was_planted_and_predict_a_hold_out() -> None:
    found = sg.contract_value(contracts(), AS_OF, 0.10, 0.5)
    model = found["model"]
    within = model.conf_int(0.99)
    assert within.loc["alpha", "low"] < 0.9 < within.loc["alpha", "high"]
    assert within.loc["beta", "low"] < 9.0 < within.loc["beta", "high"]
    held = found["holdout"]
    assert held["model"] == pytest.approx(held["kept"], rel=0.1)
    assert abs(held["model"] - held["kept"]) < abs(held["baseline"] - held["kept"])
    values = found["values"]
    assert (values["contract_low"] <= values["contract_value"]).all()
    assert (values["contract_value"] <= values["contract_high"]).all()
    dearer = sg.contract_value(contracts(), AS_OF, 0.30, 0.5)["values"]
    assert (dearer["contract_value"] < values["contract_value"]).all()
    assert "in fees: no margin is known" in sg.contract_value(contracts(), AS_OF, 0.10).so_what


def test_a_client_with_both_gets_both_and_one_with_either_gets_that(lifetime: Answer) -> None:
    worth = sg.contract_value(contracts(), AS_OF, 0.10, 0.5)
    both = sg.add_contract_value(lifetime, worth, customers())
    alone = worth["values"]["contract_value"].sum()
    assert both["values"]["clv"].sum() == pytest.approx(lifetime["values"]["clv"].sum() + alone)
    assert (both["values"].loc[both["values"]["contract_value"] > 0, "p_alive"] == 1).all()
    assert sg.add_contract_value(lifetime, Missing("none"), customers()) is lifetime
    only = sg.add_contract_value(Missing("no orders"), worth, customers())
    assert only["values"]["clv"].sum() == pytest.approx(alone)
    assert set(lifetime["values"]) - {"orders_low"} <= set(only["values"])
    assert isinstance(sg.add_contract_value(Missing("no"), Missing("no"), customers()), Missing)


@pytest.mark.parametrize("frame", [contracts(5), contracts(60).assign(lost=0), contracts(0)])
def test_too_few_contracts_say_what_is_needed(frame: pd.DataFrame) -> None:
    found = sg.contract_value(frame, AS_OF, 0.10)
    assert isinstance(found, Missing) and "contracts" in found.ask


def test_the_ceiling_of_a_new_customer_is_its_value_over_the_hurdle(lifetime: Answer) -> None:
    spend = pd.DataFrame(
        {"channel": ["Ads", "Shop"], "purpose": "acquisition", "spend": [1e7, 10.0], "new_customers": [10, 10]}
    )  # fmt: skip
    found = sg.acquisition_ceiling(customers(), lifetime["values"], spend, 0.25).table
    joined = customers().merge(lifetime["values"][["customer_id", "clv"]], on="customer_id")
    won = joined[joined["tenure_days"] < 365]
    mean = (won["contribution_12m"] + won["clv"]).mean()
    assert found["ceiling"].iloc[0] == pytest.approx(mean / 1.25)
    verdict = found.set_index("channel")["verdict"]
    assert verdict["Ads"] == "too dear" and verdict["Shop"] == "room"
    unpaid = sg.acquisition_ceiling(customers(), lifetime["values"], spend.iloc[:0], 0.25)
    assert set(unpaid.table["verdict"]) == {"cost not known"}
    revenue = sg.acquisition_ceiling(customers(), lifetime["values"], spend, 0.25, BASIS["revenue"])
    assert isinstance(revenue, Missing) and "margin rate" in str(revenue)


def money_years(n: int = 1500, years: int = 3, seed: int = 4) -> pd.DataFrame:
    """A third of customers always cost more than they bring; the others rarely do."""
    rng = np.random.default_rng(seed)
    parts = []
    for year in range(years):
        bad = np.arange(n) % 3 == 0
        revenue = np.where(bad, 0.0, rng.gamma(3, 50, n)) * (rng.random(n) < 0.9)
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": [f"{i:05d}" for i in range(n)], "year": year, "revenue": revenue, "turnover": revenue,
                    "revenue_with_cost": revenue, "margin": 0.4 * revenue, "orders": (revenue > 0).astype(int),
                    "tickets": 0, "contact_cost": np.where(bad, 9.0, 0.0), "campaign_cost": 0.5,
                    "days_since_order": np.where(revenue > 0, 365.0 * year + rng.integers(1, 360, n), np.nan),
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_next_years_losses_are_named_with_the_precision_promised() -> None:
    found = sg.foresee_losses(money_years(), Costs(), seed=1)
    named = found["losers"]["customer_id"].astype(int)
    sure = named % 3 == 0  # the others lose money in one year of ten
    assert sure.mean() + 0.1 * (1 - sure.mean()) >= 0.80 and sure.sum() >= 450
    assert found["precision"] >= 0.80
    shuffled = sg.foresee_losses(money_years().sample(frac=1, random_state=1), Costs(), seed=1)
    assert list(shuffled["losers"]["customer_id"]) == list(found["losers"]["customer_id"])


def test_losses_need_two_years_and_say_so() -> None:
    found = sg.foresee_losses(money_years(years=1), Costs(), seed=1)
    assert isinstance(found, Missing) and "two years" in found.ask


def test_the_money_of_the_last_year_is_that_of_the_features(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    day = pd.Timestamp(AS_OF) - pd.to_timedelta(rng.integers(0, 364, 50), unit="D")
    orders = pd.DataFrame(
        {"order_id": [f"o{i}" for i in range(50)], "customer_id": [f"c{i % 9}" for i in range(50)],
         "ordered_at": day, "revenue": rng.integers(-20, 80, 50).astype(float), "cost": 3.0}
    )  # fmt: skip
    orders.to_parquet(tmp_path / "orders.parquet")
    people = pd.DataFrame(
        {"customer_id": [f"c{i}" for i in range(9)], "acquired_at": pd.Timestamp("2024-01-01")}
    )
    people.to_parquet(tmp_path / "customers.parquet")
    warehouse = Warehouse(tmp_path, AS_OF)
    years = warehouse.query("contribution_years").query("year == 0")
    now = orders.groupby("customer_id")["revenue"].sum()
    np.testing.assert_allclose(years["revenue"], now)
    np.testing.assert_allclose(years["margin"], now - 3 * orders.groupby("customer_id").size())


def moves(n: int = 60) -> pd.DataFrame:
    out = np.arange(n) % 3 > 0
    return pd.DataFrame(
        {
            "customer_id": [f"{i:05d}" for i in range(n)], "moved_at": pd.Timestamp("2025-05-01"),
            "from_brand": np.where(out, "Us", "Rival"), "to_brand": np.where(out, "Rival", "Us"),
            "reason": "price", "revenue_before": np.where(out, np.arange(n), 0.0),
            "revenue_since": np.where(out, 0.0, np.arange(n)),
        }
    )  # fmt: skip


def test_flows_count_every_move_once_and_are_drawn(lifetime: Answer) -> None:
    found = sg.customer_competition(moves(), "Us", segments(), lifetime["values"])
    flows = found["flows"]
    assert flows["customers"].sum() == 60
    assert flows.groupby("direction")["customers"].sum().to_dict() == {"lost": 40, "won": 20}
    who = found["who"].table
    assert who["lost"].sum() == 40 and who["won"].sum() == 20
    assert figures.switching_flows(found, "Us").png()[:4] == b"\x89PNG"
    nobody = sg.customer_competition(moves().assign(customer_id=pd.NA), "Us", segments())
    assert set(nobody["flows"]["worth"]) == {"not known"} and isinstance(nobody["who"], Missing)
    assert figures.switching_flows(nobody, "Us").png()[:4] == b"\x89PNG"


ODD = {
    "one customer": histories().iloc[:1],
    "no customer": histories().iloc[:0],
    "one order each": histories().assign(frequency=0.0, recency=0.0, monetary=0.0),
    "all equal": histories().assign(frequency=2.0, recency=10.0, age=50.0, monetary=5.0),
    "free orders": histories().assign(monetary=0.0),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_histories_get_a_sound_answer_or_say_what_is_needed(name: str) -> None:
    frame = ODD[name]
    check = sg.check_purchase_models(frame, AS_OF, CUT)
    found = sg.lifetime_value(frame, customers(), check, 0.10, seed=1)
    for answer in (check, found):
        if isinstance(answer, Missing):
            assert answer.ask and len(answer.reason) > 10
    assert isinstance(found, Missing)
    assert "orders" in found.ask
    assert isinstance(sg.add_contract_value(found, Missing("none"), customers()), Missing)


@pytest.mark.parametrize("revenue", [-50.0, 0.0])
def test_refunds_above_purchases_do_not_break_money(revenue: float, checked: Answer) -> None:
    base = customers()
    worse = base.assign(revenue_12m=revenue, margin_12m=0.4 * revenue, turnover_12m=abs(revenue))
    worse["contribution_12m"] = worse["margin_12m"] - 1.0
    found = sg.profit_contribution(worse)
    assert isinstance(found, Answer) and len(found["losers"]) == len(worse)
    value = sg.lifetime_value(histories(), worse, checked, 0.10, seed=1)
    assert isinstance(value, Missing) and "no purchases" in value.reason


def test_growth_and_memory_of_the_bench_are_judged() -> None:
    small, big = ({"features": s, "gigabytes": g} for s, g in ((1.0, 1.0), (10.0, 5.0)))
    rows = {row["id"]: row for row in _steps({1000: small, 10_000: big})}
    assert rows["value-features-10000"]["ok"] and rows["value-features-10000"]["ratio"] == 1.0
    worse = {
        row["id"]: row
        for row in _steps({1000: small, 10_000: {"features": 20.0, "gigabytes": 7.0}})
    }
    assert not worse["value-features-10000"]["ok"] and not worse["value-memory-10000"]["ok"]
