"""Signs of life beside the purchase models, and the losses of next year they help to name."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from playbook import segmentation as sg
from playbook.answer import Answer, Missing
from playbook.clv import fit_gamma_gamma, fit_mbg_nbd
from playbook.clv.evidence import chance_of_none, evidence_intervals, evidence_sd, split_factor
from playbook.engagement.model import Costs
from playbook.segmentation.signs import ContactEffect, contact_signs, learn_contact_effect
from playbook.warehouse import Warehouse

AS_OF, WEEKS = date(2024, 12, 31), 365 / 7


@pytest.fixture(scope="module")
def world() -> pd.DataFrame:
    """Customers who buy and look around while they stay, and stop both when they leave."""
    rng = np.random.default_rng(5)
    n, end = 1500, 104.0
    start = rng.uniform(0, 50, n)
    rate = rng.gamma(2.0, 0.03, n)
    leaves = start + rng.exponential(90, n)
    rows = []
    for i in range(n):
        days = start[i] + np.cumsum(rng.exponential(1 / rate[i], 60))
        days = days[days < leaves[i]]
        looks = rng.uniform(start[i], leaves[i], rng.poisson(0.12 * (leaves[i] - start[i])))
        looks = looks[looks < end]
        seen, later = days[days < end], days[(days >= end) & (days < end + WEEKS)]
        rows.append(
            (f"{i:05d}", False, len(seen), seen.max() - start[i] if len(seen) else 0.0, end - start[i], 50.0 * (len(seen) > 0),
             len(later), 50.0 * len(later), float((looks > end - 26).sum()), end - looks.max() if len(looks) else np.nan, end)
        )  # fmt: skip
    names = ["customer_id", "won_before_record", "frequency", "recency", "age", "monetary", "later_purchases", "later_spend",
             "contacts", "weeks_since_contact", "weeks_of_contacts"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=names)
    frame["monetary"] *= np.where(frame["frequency"] > 0, rng.gamma(6, 1 / 6, n), 0.0)
    return frame.assign(weeks_to_first=0.0)


@pytest.fixture(scope="module")
def learned(world: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series, ContactEffect, pd.Series]:
    frame = world.set_index("customer_id")
    model = fit_mbg_nbd(frame)
    ahead, none = model.expected_purchases(frame, WEEKS), chance_of_none(model, frame, WEEKS)
    frame["chance_of_none"] = none
    found = learn_contact_effect(frame, none, ahead, frame["later_purchases"].astype(float), 1)
    assert found is not None
    return frame, ahead, *found


def test_signs_of_life_rank_customers_better_on_others_than_they_were_learned_on(
    learned: tuple[pd.DataFrame, pd.Series, ContactEffect, pd.Series],
) -> None:
    frame, ahead, _, told = learned
    came = frame["later_purchases"]
    assert spearmanr(told, came)[0] > spearmanr(ahead, came)[0] + 0.03


def test_signs_tell_who_buys_and_not_how_much_the_client_sells(
    learned: tuple[pd.DataFrame, pd.Series, ContactEffect, pd.Series],
) -> None:
    frame, ahead, effect, told = learned
    factor = effect.factors(frame, frame["chance_of_none"], ahead)
    assert (factor * ahead).sum() == pytest.approx(ahead.sum())
    assert told.sum() == pytest.approx(ahead.sum())
    assert (factor > 0).all()
    one = frame.assign(frequency=1.0, recency=4.0, age=60.0, contacts=0.0, weeks_since_contact=56.0)
    seen = one.assign(contacts=3.0, weeks_since_contact=1.0)
    both = pd.concat([one.head(1), seen.tail(1)])
    same = pd.Series(0.5, both.index)
    low, high = effect.factors(both, same, same)
    assert high > 2 * low


def test_order_of_rows_does_not_matter(
    learned: tuple[pd.DataFrame, pd.Series, ContactEffect, pd.Series],
) -> None:
    frame, ahead, effect, told = learned
    mixed = frame.sample(frac=1, random_state=2)
    other, again = learn_contact_effect(mixed, mixed["chance_of_none"], ahead.loc[mixed.index], mixed["later_purchases"].astype(float), 1)  # type: ignore[misc]  # fmt: skip
    np.testing.assert_allclose(again.loc[frame.index], told, rtol=1e-3)
    np.testing.assert_allclose(
        other.factors(frame, frame["chance_of_none"], ahead),
        effect.factors(frame, frame["chance_of_none"], ahead),
        rtol=1e-3,
    )


@pytest.mark.parametrize("reach", [np.nan, 20.0])
def test_without_half_a_year_of_contacts_nothing_is_learned(
    world: pd.DataFrame, reach: float
) -> None:
    frame = world.set_index("customer_id").assign(weeks_of_contacts=reach)
    ahead = pd.Series(1.0, frame.index)
    assert contact_signs(frame) is None
    assert learn_contact_effect(frame, ahead / 2, ahead, frame["later_purchases"], 1) is None
    assert contact_signs(frame.drop(columns="weeks_of_contacts")) is None


def test_the_hold_out_uses_signs_where_they_foretell_better_and_says_so(
    world: pd.DataFrame,
) -> None:
    cut = date(2024, 1, 1)
    found = sg.check_purchase_models(world, AS_OF, cut, seed=1)
    assert isinstance(found, Answer) and found["contacts"] is not None
    assert found["best"].endswith("with contacts") and "with contacts" in found.headline
    table = found.table.set_index("model")
    plain = found["best"].removesuffix(", with contacts")
    assert table.loc[found["best"], "poisson_deviance"] < table.loc[plain, "poisson_deviance"]
    assert table.loc[found["best"], "predicted_total"] == pytest.approx(table.loc[plain, "predicted_total"])  # fmt: skip
    bare = sg.check_purchase_models(world.assign(weeks_of_contacts=np.nan), AS_OF, cut, seed=1)
    assert bare["contacts"] is None and bare["best"] == plain


def test_evidence_thins_the_draws_of_a_customer(world: pd.DataFrame) -> None:
    frame = world.set_index("customer_id").iloc[:40]
    model = fit_mbg_nbd(world.set_index("customer_id"))
    drawn = model.simulate(frame, WEEKS, draws=40_000, seed=3)
    np.testing.assert_allclose(chance_of_none(model, frame, WEEKS), (drawn == 0).mean(axis=1), atol=0.012)  # fmt: skip
    factor = pd.Series(np.linspace(0.2, 0.95, len(frame)), frame.index)
    stays, rate = split_factor(model.p_alive(frame), factor)
    np.testing.assert_allclose(rate, 1.0)
    kept = np.where(np.random.default_rng(1).random(drawn.shape) < factor.to_numpy()[:, None], drawn, 0.0)  # fmt: skip
    mean, sd = pd.Series(drawn.mean(axis=1), frame.index), pd.Series(drawn.std(axis=1), frame.index)
    np.testing.assert_allclose(evidence_sd(mean, sd, stays, rate), kept.std(axis=1), rtol=0.04, atol=0.01)  # fmt: skip
    spend = fit_gamma_gamma(world.set_index("customer_id"))
    ends = evidence_intervals(model, spend, frame, factor, margin_rate=0.4, horizon=156.0, year=WEEKS, discount=0.002, draws=4000, seed=3)  # fmt: skip
    high = np.quantile(kept, 0.9, axis=1)
    assert (np.abs(ends["orders_high"] - high) <= 1).all() and (ends["orders_high"] == high).mean() > 0.8  # fmt: skip
    assert (ends["low"] <= ends["high"]).all() and (ends["low"] >= 0).all()


def test_more_than_certain_activity_becomes_a_higher_rate() -> None:
    p = pd.Series([0.5, 0.5, 0.9])
    stays, rate = split_factor(p, pd.Series([0.6, 1.5, 1.8]))
    np.testing.assert_allclose(stays, [0.6, 1.5, 1 / 0.9])
    np.testing.assert_allclose(rate, [1.0, 1.0, 1.62])


def test_contacts_are_those_the_customer_sought_up_to_the_day(tmp_path: Path) -> None:
    pd.DataFrame(
        {"order_id": ["a", "b"], "customer_id": ["c1", "c2"], "ordered_at": pd.to_datetime(["2024-01-05", "2024-02-05"]), "revenue": [9.0, 8.0]}
    ).to_parquet(tmp_path / "orders.parquet")  # fmt: skip
    pd.DataFrame(
        {"customer_id": ["c1", "c2"], "acquired_at": pd.to_datetime(["2024-01-05", "2024-02-05"])}
    ).to_parquet(tmp_path / "customers.parquet")
    found = Warehouse(tmp_path, AS_OF).query("purchase_histories", until=date(2024, 9, 1))
    assert found["weeks_of_contacts"].isna().all() and (found["contacts"] == 0).all()
    seen = [("c1", "2024-02-01", "consideration"), ("c1", "2024-08-25", "loyalty"), ("c1", "2024-08-31", "support"),
            ("c1", "2024-09-02", "loyalty"), ("c2", "2024-08-20", "support"), (None, "2023-01-01", "awareness")]  # fmt: skip
    pd.DataFrame(
        {
            "interaction_id": [f"i{k}" for k in range(len(seen))], "customer_id": [s[0] for s in seen],
            "occurred_at": pd.to_datetime([s[1] for s in seen]), "stage": [s[2] for s in seen], "cost": 0.1,
        }
    ).to_parquet(tmp_path / "interactions.parquet")  # fmt: skip
    found = Warehouse(tmp_path, AS_OF).query("purchase_histories", until=date(2024, 9, 1))
    found = found.set_index("customer_id")
    assert found["contacts"].to_dict() == {"c1": 1.0, "c2": 0.0}
    assert found.loc["c1", "weeks_since_contact"] == pytest.approx(1.0)
    assert pd.isna(found.loc["c2", "weeks_since_contact"])
    assert found["weeks_of_contacts"].iloc[0] == pytest.approx(213 / 7)


@pytest.fixture(scope="module")
def loss_inputs(world: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """A client that writes to all who consented, who then cost money in a year without an order."""
    rng = np.random.default_rng(2)
    consent = pd.Series(rng.random(len(world)) < 0.6)
    past = (world["frequency"] > 0).astype(float)
    years = []
    for year, orders in enumerate((world["later_purchases"].astype(float), past, past)):
        revenue = 60.0 * orders
        years.append(
            pd.DataFrame(
                {
                    "customer_id": world["customer_id"], "year": year, "revenue": revenue, "turnover": revenue, "revenue_with_cost": revenue,
                    "margin": 0.4 * revenue, "orders": orders, "tickets": 0, "contact_cost": 0.0,
                    "campaign_cost": np.where(consent & (year < 2), 0.3, 0.0),
                    "days_since_order": np.where(orders > 0, 365.0 * year + 200, np.nan),
                }
            )
        )  # fmt: skip
    flags = pd.DataFrame({"customer_id": world["customer_id"], "consent_email": consent.astype("boolean")})  # fmt: skip
    return {"years": pd.concat(years, ignore_index=True), "flags": flags}


def test_losses_are_the_silent_who_may_be_written_to(
    world: pd.DataFrame, loss_inputs: dict[str, pd.DataFrame]
) -> None:
    years, flags = loss_inputs["years"], loss_inputs["flags"]
    found = sg.foresee_losses(years, Costs(), seed=1, histories=(world, world), permissions=flags)
    assert isinstance(found, Answer)
    consent = flags.set_index("customer_id")["consent_email"]
    named = found["losers"]["customer_id"]
    lost = (world.set_index("customer_id")["later_purchases"] == 0) & consent
    assert len(named) > 100 and consent.loc[named].all()
    assert lost.loc[named].mean() >= 0.8 and found["precision"] >= 0.8
    assert (
        lost.loc[named].sum() > 0.5 * lost.sum() and found["found"] > 1.2 * found["baseline_found"]
    )
    mixed = sg.foresee_losses(
        years.sample(frac=1, random_state=1), Costs(), seed=1,
        histories=(world.sample(frac=1, random_state=1), world), permissions=flags.iloc[::-1],
    )  # fmt: skip
    assert set(mixed["losers"]["customer_id"]) == set(named)


def test_without_consents_few_or_nobody_is_named_and_it_says_what_was_kept(
    world: pd.DataFrame, loss_inputs: dict[str, pd.DataFrame]
) -> None:
    found = sg.foresee_losses(loss_inputs["years"], Costs(), seed=1, histories=(world, world))
    assert isinstance(found, Answer)
    assert len(found["losers"]) < 100
    if found["losers"].empty:
        assert found.so_what.startswith("Nobody can be named with 80.0 %")


def test_nobody_with_a_loss_and_no_history_say_what_is_needed(
    world: pd.DataFrame, loss_inputs: dict[str, pd.DataFrame]
) -> None:
    years = loss_inputs["years"]
    free = sg.foresee_losses(years.assign(campaign_cost=0.0), Costs(), seed=1, histories=(world, world))  # fmt: skip
    assert isinstance(free, Missing) and "costs of service" in free.ask
    empty = sg.foresee_losses(years, Costs(), seed=1, histories=(world.iloc[:5], world.iloc[:5]))
    assert isinstance(empty, Missing)
