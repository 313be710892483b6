"""The levers of a continued world: contacts, spend, fixes, offers, programme; and what they earn."""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from playbook import market
from playbook.market import Strategy, levers, terms, worlds

NESTED = tuple(
    levers.Fix(f"late {share}", "late at delivery", "late", share, 0.1) for share in (0.3, 0.9)
)


def _simulated(customers, seed, start=2024, fixes=()):
    settings = market.draw_settings(seed)
    settings = replace(settings, fixes=(*settings.fixes, *fixes))
    return market.simulate(customers, start, 2026 - start, seed, settings)


@pytest.fixture(scope="module")
def world():
    return _simulated(300, 101, fixes=NESTED)


@pytest.fixture(scope="module")
def usual(world):
    return market.advance(world, 2026)


@pytest.fixture(scope="module")
def null():
    seeds = (s for s in range(100, 200) if market.draw_settings(s).kind == "null")
    return _simulated(200, next(seeds), start=2025)


def _everybody(world, **columns):
    return pd.DataFrame({"customer_id": world.tables["customers"]["customer_id"], **columns})


def _whole(world):
    """A strategy that pulls every lever."""
    return Strategy(
        actions=_everybody(world, action="care call", month=3),
        channel_spend={"Social ads": 2_000.0, "Catalogue": 0.0},
        fixes=("second carrier", "first-contact resolution"),
        offers=_everybody(world, offer="free assembly"),
        programme="care tiers",
    )


@pytest.fixture(scope="module")
def continued(world):
    return market.advance(world, 2026, _whole(world), chance=2)


def test_the_year_without_tables_earns_the_same(world, continued):
    lived = market.lived(world, 2026, _whole(world), chance=2)
    assert asdict(market.profit(continued, 2026)) == pytest.approx(asdict(lived.profit))
    told = continued.truth["margin"].query("year == 2026").set_index("customer_id")
    mine = lived.customers.set_index("customer_id")
    assert set(mine.index) == set(told.index)
    before = mine["margin"] + mine["offers"] + mine["programme"]
    assert (before - told["margin"]).abs().max() < 0.02


def test_every_part_of_the_profit_is_in_the_tables(world, continued):
    profit, tables = market.profit(continued, 2026), continued.tables
    orders = tables["orders"][tables["orders"]["ordered_at"].dt.year == 2026]
    assert profit.goods == pytest.approx((orders["revenue"] - orders["cost"]).sum())
    assert profit.service == 6 * (tables["tickets"]["opened_at"].dt.year == 2026).sum()
    members = tables["campaign_members"]
    assert profit.contacts == pytest.approx(4.5 * (members["assigned_at"].dt.year == 2026).sum())
    spend = tables["channel_spend"].query("month >= '2026-01-01' and purpose == 'acquisition'")
    assert profit.acquisition == pytest.approx(spend["spend"].sum(), abs=1)
    assert spend.groupby("channel")["spend"].sum()["Social ads"] == pytest.approx(2_000, abs=0.1)
    menu = market.menu(world.settings, len(world.tables["customers"]))
    paid = menu.fixes.set_index("fix")["yearly_cost"][
        ["second carrier", "first-contact resolution"]
    ]
    assert profit.fixes == pytest.approx(paid.sum(), abs=0.01)
    known = world.tables["customers"]["customer_id"]
    bought = orders["customer_id"].isin(known) & (orders["revenue"] > 0)
    cost = menu.offers.set_index("offer")["order_cost"]["free assembly"]
    assert profit.offers == pytest.approx(cost * bought.sum())
    events = tables["loyalty_events"].query("occurred_at >= '2026-01-01'")
    issued = events.loc[events["kind"].isin(["earn", "adjust"]), "points"].sum()
    care = profit.programme - issued * 10 / 500 * 0.6
    unit = menu.programmes.set_index("programme")["unit_cost"]["care tiers"]
    assert 0 < care <= unit * len(tables["customers"])
    costs = [v for k, v in asdict(profit).items() if k not in ("year", "goods")]
    assert profit.total == pytest.approx(profit.goods - sum(costs))


def test_a_year_of_the_past_is_counted_as_well(world):
    orders = world.tables["orders"]
    orders = orders[orders["ordered_at"].dt.year == 2024]
    past = market.profit(world, 2024)
    assert past.goods == pytest.approx((orders["revenue"] - orders["cost"]).sum())
    assert past.fixes == past.offers == 0 < past.programme
    with pytest.raises(ValueError, match="not of 2026"):
        market.profit(world, 2026)


def test_a_second_year_goes_on_from_the_first(world, continued, usual):
    strategy = Strategy(fixes=("second carrier",), programme="none")
    second = market.lived(continued, 2027, strategy).profit
    everybody = len(continued.tables["customers"])
    assert second.fixes == pytest.approx(world.settings.fixes[0].unit_cost * everybody, abs=0.01)
    assert second.offers == second.contacts == second.programme == 0
    later = market.advance(continued, 2027, strategy)
    assert market.profit(later, 2027) == second
    assert market.profit(later, 2026) == market.profit(continued, 2026)
    # without a programme there are no points
    events = later.tables["loyalty_events"].query("occurred_at >= '2027-01-01'")
    assert set(events["kind"]) <= {"expire"}
    # nothing is done that is not named again, but what was done is not forgotten
    idle, other = (market.lived(first, 2027).profit for first in (continued, usual))
    assert idle.fixes == idle.offers == idle.contacts == 0
    assert idle.goods != other.goods


def test_a_lever_that_is_not_used_changes_nothing(world, usual):
    nothing = Strategy(
        actions=pd.DataFrame(columns=["customer_id", "action", "month"]),
        channel_spend={},
        offers=pd.DataFrame(columns=["customer_id", "offer"]),
    )
    assert market.lived(world, 2026, nothing).profit == market.profit(usual, 2026)


def test_offers_and_the_programme_touch_only_those_whom_they_concern(world):
    idle = market.lived(world, 2026).customers.set_index("customer_id")
    some = _everybody(world, offer="next day").head(100)
    offered = market.lived(world, 2026, Strategy(offers=some)).customers.set_index("customer_id")
    others = idle.index.difference(some["customer_id"])
    pd.testing.assert_frame_equal(offered.loc[others], idle.loc[others])
    assert offered["offers"].sum() > 0
    crowd = world.memory.crowd
    cared = market.lived(world, 2026, Strategy(programme="care tiers")).customers
    cared = cared.set_index("customer_id")
    outside = crowd.customer_id[~crowd.member]
    pd.testing.assert_frame_equal(cared.loc[outside], idle.loc[outside])
    inside = crowd.customer_id[crowd.member]
    assert (cared.loc[inside, "goods"] != idle.loc[inside, "goods"]).any()


def test_the_same_chance_is_the_same_world_and_another_is_not(world, usual):
    one = market.lived(world, 2026, chance=3).profit
    assert market.lived(world, 2026, chance=3).profit == one
    # spend is decided, not luck
    assert one.acquisition == market.profit(usual, 2026).acquisition
    assert one.goods != market.profit(usual, 2026).goods


@pytest.fixture(scope="module")
def mended(world):
    """Little is mended, and much."""
    little = Strategy(fixes=("late 0.3",))
    much = Strategy(fixes=("late 0.9", "first-contact resolution", "faster answers"))
    return [market.advance(world, 2026, strategy) for strategy in (little, much)]


def test_a_year_without_spend_on_referral_wins_nobody_by_it(world):
    after = market.advance(world, 2026, market.Strategy(channel_spend={"Referral": 0.0}))
    assert not (after.tables["referrals"]["referred_at"].dt.year == 2026).any()


def test_mending_more_makes_no_delivery_late(usual, mended):
    late, placed = [], []
    for world in (usual, *mended):
        orders = world.memory.past.orders
        own = orders[(orders["time"] >= "2026-01-01") & ~orders["refund"].astype(bool)]
        late.append(set(own.loc[own["late"].astype(bool), "number"]))
        placed.append(set(own["number"]))
    for less, more, before in zip(late, late[1:], placed, strict=False):
        assert more & before <= less
    assert len(late[0]) > len(late[1]) > 2 * len(late[2])


def test_failed_cases_and_slow_answers_become_fewer(usual, mended):
    before, after = (
        w.tables["tickets"].query("opened_at >= '2026-02-01'") for w in (usual, mended[1])
    )
    assert after["reopened"].mean() < before["reopened"].mean()
    wait = [(t["first_response_at"] - t["opened_at"]).mean() for t in (before, after)]
    assert wait[1] < wait[0]


def test_in_a_null_world_a_lever_earns_what_it_costs(null):
    idle = market.lived(null, 2026).profit
    who, menu = _everybody(null), null.settings
    actions = who.assign(action=_dealt(menu.actions, "action", len(who)), month=5)
    offers = who.assign(offer=_dealt(menu.offers, "offer", len(who)))
    strategies = {
        "actions": Strategy(actions=actions),
        "fixes": Strategy(fixes=tuple(fix.fix for fix in menu.fixes)),
        "offers": Strategy(offers=offers),
    } | {p.programme: Strategy(programme=p.programme) for p in menu.programmes}
    for name, strategy in strategies.items():
        done = market.lived(null, 2026, strategy).profit
        for part in ("goods", "service", "acquisition"):
            assert getattr(done, part) == getattr(idle, part), (name, part)
        # only to end the programme saves something there: its points do nothing
        assert (done.total > idle.total) == (name == "none"), name


def _dealt(menu, label, count):
    """Names of the menu, to one customer after another."""
    return [getattr(menu[k % len(menu)], label) for k in range(count)]


def test_the_order_rate_follows_the_choice_share():
    settings = market.Settings(carry_over=1.0)
    ours = levers.Offer("as today", (), 0.0, 0.0)
    assert terms.log_lift(settings, ours) == pytest.approx(0)
    dearer = terms.log_lift(settings, replace(ours, price_change=0.05))
    assert (dearer < 0).all() and dearer.argmin() == 0  # the price-driven mind most
    # by hand: three of ours and three others, one segment that minds nothing but assembly
    flat = settings.part_worths * 0.0
    flat["assembly_service", "free"] = 1.0
    settings = replace(settings, part_worths=flat, carry_over=0.5)
    free = replace(ours, levels=(("assembly_service", "free"),))
    before, after = (2 + np.e) / (6 + np.e), 3 * np.e / (4 + 3 * np.e)
    assert terms.log_lift(settings, free) == pytest.approx(0.5 * np.log(after / before))


def test_a_dearer_offer_is_charged(world, usual):
    dear = replace(world.settings.offers[0], price_change=0.5, levels=(), order_cost=0.0)
    settings = replace(world.settings, offers=(dear,), carry_over=0.0)
    memory = replace(
        world.memory,
        frame=replace(world.memory.frame, settings=settings),
        crowd=replace(world.memory.crowd, settings=settings),
    )
    who = _everybody(world, offer=dear.offer)
    charged = market.advance(replace(world, memory=memory), 2026, Strategy(offers=who))
    keys, suffixes = ["customer_id", "ordered_at"], ("", "_usual")
    both = charged.tables["orders"].merge(usual.tables["orders"], on=keys, suffixes=suffixes)
    both = both[(both["ordered_at"] >= "2026-02-01") & both["customer_id"].isin(who["customer_id"])]
    ratio = both["revenue"] / both["revenue_usual"]
    assert (ratio > 1.2).all()
    assert ratio.median() == pytest.approx(1.5, abs=0.02)
    assert both["cost"].to_numpy() == pytest.approx(both["cost_usual"].to_numpy())


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (Strategy(fixes=("prayer",)), "fixes: 'prayer' is not one of second carrier"),
        (Strategy(fixes=("second carrier",) * 2), "name each once"),
        (Strategy(programme="gold"), "programme: 'gold' is not one of none"),
        (Strategy(offers=pd.DataFrame({"customer_id": ["x"]})), "no column 'offer'"),
        (Strategy(offers=pd.DataFrame({"customer_id": ["x"], "offer": ["next day"]})), "row 0: customer_id 'x' is not a customer"),
    ],
)  # fmt: skip
def test_what_the_menu_does_not_have_is_refused(world, strategy, message):
    with pytest.raises(ValueError, match=message):
        market.lived(world, 2026, strategy)


def test_an_offer_is_refused_that_is_unknown_or_given_twice(world):
    for offers, message in (
        (_everybody(world, offer="a gift"), "offer 'a gift' is not one of next day"),
        (pd.concat([_everybody(world, offer="next day")] * 2), "is not there once"),
    ):
        with pytest.raises(ValueError, match=message):
            market.lived(world, 2026, Strategy(offers=offers))
    with pytest.raises(ValueError, match="chance is a whole number from 0"):
        market.lived(world, 2026, chance=-1)
    with pytest.raises(TypeError, match="give a Strategy"):
        market.advance(world, 2026, _everybody(world, action="voucher", month=1))


def test_the_menu_tells_costs_and_no_effects(world):
    menu = market.menu(world.settings, 1000)
    for name, frame in vars(menu).items():
        assert not {"log_lift", "care", "share", "lift"} & set(frame.columns), name
        assert len(frame) >= 3
    assert menu.fixes["yearly_cost"].tolist() == (1000 * menu.fixes["unit_cost"]).tolist()
    campaigns = set(world.tables["campaigns"]["campaign_id"])
    past = [campaign for cell in menu.actions["past_campaigns"] for campaign in cell]
    assert past and set(past) <= campaigns


def test_beliefs_err_by_half_a_log_point_and_do_not_tell_a_null_world(world, null):
    settings = world.settings
    weight = settings.traits["share"].to_numpy()
    truth = {
        "actions": [np.dot(a.lift, weight) for a in settings.actions],
        "offers": [float(terms.log_lift(settings, o) @ weight) for o in settings.offers],
        "programmes": [0.0, *(np.dot(p.lift, weight) for p in settings.programmes)],
    }
    told = [market.beliefs(settings, seed) for seed in range(8)]
    errors = []
    for name, effects in truth.items():
        believed = np.array([getattr(b, name)["log_lift"] for b in told])
        real = np.array(effects) != 0
        assert (np.sign(believed) == np.sign(effects)).all()
        errors.append(np.log(believed[:, real] / np.array(effects)[real]).ravel())
    error = np.concatenate(errors)
    assert abs(error.mean()) < 4 * 0.5 / np.sqrt(len(error))
    assert error.std() == pytest.approx(0.5, abs=0.1)
    thought = market.beliefs(null.settings, 1)
    assert (thought.actions["log_lift"] > 0).all()
    assert thought.fixes["share"].between(0.01, 0.95).all()
    assert (thought.offers["log_lift"] != 0).all()
    assert (thought.programmes["log_lift"].iloc[1:] != 0).all()
    assert market.beliefs(settings, 1).fixes["share"].between(0, 0.95).all()


def test_the_truth_tells_what_the_levers_do(world):
    truth, settings = world.truth, world.settings
    assert dict(truth["fix_effects"][["fix", "share"]].to_numpy()) == {f.fix: f.share for f in settings.fixes}  # fmt: skip
    told = truth["offer_effects"].set_index(["offer", "segment"])["log_lift"]
    # a business buyer minds the price least and assembly most but for the seniors
    assert told["free assembly"].idxmax() in ("Business buyers", "Service-sensitive seniors")
    lifts = truth["programme_effects"].groupby("programme", sort=False)["log_lift"].agg(tuple)
    assert lifts.to_dict() == {p.programme: p.lift for p in settings.programmes}


def test_levers_are_drawn_within_their_ranges():
    low, high, _ = worlds.RANGES["carry_over"]
    drawn = [market.draw_settings(seed) for seed in range(100, 115)]
    for settings in drawn:
        works = settings.kind != "null"
        assert (low <= settings.carry_over <= high) if works else settings.carry_over == 0
        assert all((fix.share > 0) == works for fix in settings.fixes)
        assert all(any(p.lift) == works for p in settings.programmes)
        assert all(o.order_cost > 0 for o in settings.offers)
    assert len({settings.fixes[0].unit_cost for settings in drawn}) == len(drawn)
