"""What the playbook buys in the arena besides contacts and channels: fixes, offers, and beliefs that hold only so far."""

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook import crm
from playbook.arena import game, readings, record, sold_terms
from playbook.arena.schedule import best_months

MENDS = {"carrier": {"late"}, "answers": {"slow", "failed"}, "first contact": {"failed"}}
SAVED = pd.Series({"late": 900.0, "slow": 100.0, "failed": 600.0})
money = st.floats(1.0, 2000.0)
share = st.floats(0.05, 0.95)


def fixes(costs: list[float], shares: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"fix": list(MENDS), "share": shares, "yearly_cost": costs})


def test_a_second_fix_saves_what_the_first_has_left():
    menu = fixes([1000.0, 100.0, 200.0], [0.5, 0.6, 0.6])
    # answers bring 420 for 100; of failed cases 240 are left, of which the other fix would save 144 for 200
    assert readings.best_fixes(menu, SAVED, MENDS, 1.0, 5000.0) == ("answers",)
    alone = menu[menu["fix"] != "answers"]
    assert readings.best_fixes(alone, SAVED, MENDS, 1.0, 5000.0) == ("first contact",)
    assert readings.best_fixes(alone, SAVED, MENDS, 2.0, 5000.0) == ()
    assert readings.best_fixes(alone, SAVED, MENDS, 1.0, 199.0) == ()
    assert readings.best_fixes(menu, -SAVED, MENDS, 1.0, 5000.0) == ()
    assert readings.best_fixes(menu, SAVED.iloc[:0], MENDS, 1.0, 5000.0) == ()


@settings(max_examples=20, deadline=None)
@given(
    st.lists(money, min_size=3, max_size=3),
    st.lists(share, min_size=3, max_size=3),
    st.integers(0, 2),
    st.floats(1.0, 3.0),
    money,
)
def test_a_dearer_fix_is_never_bought_where_the_cheaper_was_not(costs, shares, which, dearer, budget):  # fmt: skip
    name = list(MENDS)[which]
    cheap = readings.best_fixes(fixes(costs, shares), SAVED, MENDS, 1.0, budget)
    costs = [c * dearer if k == which else c for k, c in enumerate(costs)]
    dear = readings.best_fixes(fixes(costs, shares), SAVED, MENDS, 1.0, budget)
    assert name in cheap or name not in dear
    assert sum(c for f, c in zip(MENDS, costs, strict=True) if f in dear) <= budget + 1e-6


def people(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    orders = rng.gamma(1.0, 1.0, n) + 0.05
    margin = orders * rng.uniform(10, 60, n)
    return pd.DataFrame({
        "customer_id": [f"{i:05d}" for i in range(n)], "segment": np.repeat(["A", "B", "C", "D"], n // 4), "alive": 0.9,
        "expected_orders": orders, "expected_margin": margin, "expected_revenue": 2.2 * margin,
    })  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(-0.1, 0.3), min_size=8, max_size=8),
    st.floats(0.0, 5.0),
    st.floats(0.0, 5.0),
    st.floats(0.0, 4.0),
)
def test_an_offer_that_costs_more_is_never_chosen_for_more_people(lifts, first, second, more):
    lift = pd.DataFrame(np.reshape(lifts, (4, 2)), index=list("ABCD"), columns=["fast", "long"])
    menu = pd.DataFrame({"order_cost": [first, second], "price_change": [0.0, 0.005]}, index=["fast", "long"])  # fmt: skip
    cheap = sold_terms.best_offers(people(), lift, menu)
    menu.loc["fast", "order_cost"] += more
    dear = sold_terms.best_offers(people(), lift, menu)
    assert set(dear.index[dear == "fast"]) <= set(cheap.index[cheap == "fast"])


def test_an_offer_that_pays_in_no_segment_is_given_to_nobody():
    lift = pd.DataFrame({"fast": 0.0}, index=list("ABCD"))
    menu = pd.DataFrame({"order_cost": [1.0], "price_change": [0.0]}, index=["fast"])
    assert sold_terms.best_offers(people(), lift, menu).empty


@pytest.mark.parametrize("lift", [0.1, 0.2])
def test_customers_keep_todays_terms_only_where_that_measures_the_offer(lift):
    some, many = people(400), people(40_000)
    change = pd.DataFrame({"fast": lift}, index=list("ABCD")).stack()
    few, lots = (
        sold_terms._left_out(p[["customer_id", "segment"]].assign(offer="fast"), p, change)
        for p in (some, many)
    )
    assert few == 0.0 and 0 < lots <= 0.5
    alive, rate = 0.9, many["expected_orders"] / 0.9
    base, then = (float((alive * -np.expm1(-rate * k)).mean()) for k in (1.0, np.exp(lift)))
    assert lots * 40_000 == pytest.approx(crm.smallest_control(base, 40_000, then - base))
    assert sold_terms._left_out(some.iloc[:0].assign(offer="fast"), some, change) == 0.0


@pytest.mark.parametrize(("held", "factor"), [(None, 1.0), (0.4, 0.4), (0.0, 0.0)])
def test_believed_strength_counts_as_far_as_other_beliefs_held(monkeypatch, held, factor):
    changes = pd.DataFrame({"fast": 0.2, "long": 0.1}, index=list("ABCD"))
    menu = pd.DataFrame({"offer": ["fast", "long"], "log_lift": [0.06, 0.03]})
    client = SimpleNamespace(menu=SimpleNamespace(offers=menu))
    monkeypatch.setattr(sold_terms, "_changes", lambda _: changes)
    monkeypatch.setattr(sold_terms, "prospects", lambda _: people())
    monkeypatch.setattr(sold_terms, "beliefs_held", lambda _: held)
    strength, error = sold_terms._strength(client)
    assert strength == pytest.approx(sold_terms.WORKS * 0.3 * factor)
    assert error == pytest.approx(sold_terms.BELIEF * strength)


@pytest.mark.parametrize(("found", "held"), [(None, None), (0.4, 0.4), (1.6, 1.0)])
def test_beliefs_never_count_for_more_than_they_say(monkeypatch, found, held):
    for name in ("prospects", "planned_actions"):
        monkeypatch.setattr(record, name, lambda _: None)
    monkeypatch.setattr(crm, "expected_effects", lambda *_: SimpleNamespace(held=found))
    assert record.beliefs_held.__wrapped__(SimpleNamespace(outcomes=None)) == held


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_no_other_months_of_contact_are_worth_more(seed, most):
    """Against all ways to contact a customer in six months."""
    rng = np.random.default_rng(seed)
    full = rng.normal(0.3, 1.0, (6, 3))
    value = np.stack([full * 0.5**k for k in range(4)], axis=1)
    recent = rng.random((3, 3)) < 0.3
    found = best_months(value, most, recent)
    worth = pd.Series(value[found["month"], found["recent"], found["place"]]).groupby(found["place"].to_numpy()).sum()  # fmt: skip
    for person in range(3):
        best = 0.0
        for goes in itertools.product((0, 1), repeat=6):
            if sum(goes) <= most:
                seen = [*recent[:, person], *goes]
                best = max(best, sum(value[m, int(sum(seen[m : m + 3])), person] for m in range(6) if goes[m]))  # fmt: skip
        assert worth.get(person, 0.0) == pytest.approx(best)


def test_a_channel_grows_until_it_may_be_full():
    rows = pd.DataFrame({"channel": ["fairs"], "usual": [100.0], "level": [50.0]})

    def most(error: float, price: float, elasticity: float = 0.5) -> float:
        told = crm.ChannelResponse(
            SimpleNamespace(elasticity=elasticity, error=error, channels=rows),
            pd.DataFrame({"channel": ["fairs"], "value": [100.0]}),
        )
        usual = pd.Series({"fairs": 100.0})
        return float(readings.Channels(told, {"fairs": 100.0})._most(price, usual)["fairs"]) / 100.0

    # known for sure, it is full at 2.5 times the customers; unsure, it is left earlier the more the money must bring
    assert most(0.0, 1.0) == pytest.approx(game.MOST_WON**2, abs=0.06)
    assert most(0.1, 8.0) < most(0.1, 4.0) < most(0.1, 1.0) and most(0.1, 8.0) < most(0.0, 8.0)
    assert most(0.1, 50.0) == 1.0
    told = crm.ChannelResponse(
        SimpleNamespace(elasticity=0.5, error=0.1, channels=rows), pd.DataFrame({"channel": ["fairs"], "value": [100.0]})
    )  # fmt: skip
    assert told.brings(pd.Series({"fairs": 400.0})) == pytest.approx(2 * 50.0 * 100.0)


@pytest.mark.parametrize(("newcomers", "bought"), [(0.0, ()), (2400.0, ("carrier",))])
def test_fixes_count_what_goes_wrong_with_customers_yet_to_be_won(monkeypatch, newcomers, bought):
    menu = fixes([500.0, 900.0, 900.0], [0.5, 0.1, 0.1])
    monkeypatch.setattr(readings, "saved_by_kind", lambda _: SAVED)
    monkeypatch.setattr(readings, "kinds_mended", lambda _: MENDS)
    values = pd.DataFrame({"expected_margin_12m": [1500.0, 1500.0]})
    client = SimpleNamespace(
        sight=SimpleNamespace(values=values), years_left=2, budget=9000.0, menu=SimpleNamespace(fixes=menu)
    )  # fmt: skip
    paths = SimpleNamespace(brings=lambda price: newcomers)
    assert readings.fixes(client, paths, 1.0) == bought
