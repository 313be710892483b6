"""Drawn worlds, their bands of difficulty, worlds of any size, and one more year of a world."""

import datetime

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import adjusted_rand_score, roc_auc_score

from playbook import market
from playbook.market import Strategy, benchmarks, scale, worlds
from playbook.market.world import common, shard
from playbook.tables import TABLES, validate


@pytest.fixture(scope="module")
def world():
    return market.simulate(customers=1500, seed=11)


def _margin(world, who=None, year=2026):
    rows = world.truth["margin"]
    rows = rows[rows["year"] == year].set_index("customer_id")["margin"]
    return rows if who is None else rows.reindex(who)


def test_worlds_are_drawn_in_the_stated_shares():
    kinds = pd.Series([market.draw_settings(seed).kind for seed in range(600)])
    share = kinds.value_counts(normalize=True)
    assert set(share.index) == set(worlds.KINDS)
    assert abs(share["null"] - 1 / 5) < 0.05
    assert abs(share.drop(["null", "regular"]).sum() - 1 / 3) < 0.06


def test_the_same_seed_draws_the_same_world():
    one, two = market.draw_settings(4), market.draw_settings(4)
    pd.testing.assert_frame_equal(one.traits, two.traits)
    assert (one.kind, one.campaigns, one.actions) == (two.kind, two.campaigns, two.actions)


def _of_kind(kind):
    return next(d for d in map(market.draw_settings, range(200)) if d.kind == kind)


def test_in_a_null_world_nothing_that_is_done_has_an_effect():
    settings = _of_kind("null")
    for item in (*settings.campaigns, *settings.actions):
        assert not any(item.lift) and not any(item.care) and not item.cut
    assert settings.part_worths.nunique().max() == 1
    assert not settings.importance_drift.any() and not settings.worth_shift.to_numpy().any()
    world = market.simulate(customers=3000, seed=1, settings=settings)
    tickets = world.tables["tickets"].dropna(subset=["csat", "reopened"])
    again = tickets["reopened"].astype(bool)
    gap = tickets.loc[~again, "csat"].mean() - tickets.loc[again, "csat"].mean()
    assert abs(gap) < 0.25


def test_regular_buying_is_more_even_than_chance():
    spread = {}
    for regularity in (0.0, 0.95):
        settings = market.Settings(regularity=regularity)
        world = market.simulate(customers=4000, seed=2, settings=settings)
        orders = world.tables["orders"].dropna(subset="customer_id").query("revenue > 0")
        orders = orders.sort_values("ordered_at")
        gaps = orders.groupby("customer_id")["ordered_at"].diff().dt.days
        many = orders.groupby("customer_id")["order_id"].transform("size") >= 8
        by = gaps[many].groupby(orders["customer_id"])
        spread[regularity] = (by.std() / by.mean()).mean()
    assert spread[0.95] < spread[0.0] - 0.1


def test_spend_goes_with_frequency_only_where_it_is_planted():
    found = []
    for slope in (0.0, 0.6):
        settings = market.Settings(spend_frequency=slope)
        truth = market.simulate(customers=2000, seed=3, settings=settings).truth["customers"]
        here = truth[truth["segment"] == "Price-driven families"]
        found.append(np.corrcoef(np.log(here["order_rate_year"] + 0.05), here["price_tier"])[0, 1])
    assert abs(found[0]) < 0.1
    assert found[1] > 0.5


def test_drop_out_can_rise_over_time():
    left = [
        market.simulate(customers=2000, seed=3, settings=market.Settings(dropout_trend=trend))
        .truth["customers"]["active_at_end"]
        .mean()
        for trend in (-0.6, 0.0, 0.6)
    ]
    assert left[0] > left[1] > left[2]


REGULAR = [seed for seed in range(900, 915) if market.draw_settings(seed).kind == "regular"][:4]


def test_the_demo_client_stays_in_the_band_of_segments():
    world = market.simulate()
    chance = benchmarks.bayes_segments(world).set_index("customer_id")
    truth = world.truth["customers"].set_index("customer_id")["segment"]
    assert 0.75 <= adjusted_rand_score(truth[chance.index], chance.idxmax(axis=1)) <= 0.92


@pytest.mark.parametrize("seed", REGULAR)
def test_regular_worlds_stay_in_their_band_of_difficulty(seed):
    world = market.simulate(customers=8000, seed=seed, settings=market.draw_settings(seed))
    chance = benchmarks.bayes_segments(world).set_index("customer_id")
    truth = world.truth["customers"].set_index("customer_id")["segment"]
    assert 0.75 <= adjusted_rand_score(truth[chance.index], chance.idxmax(axis=1)) <= 0.92
    day = datetime.date(2024, 12, 31)
    activity = benchmarks.bayes_activity(world, day).set_index("customer_id")
    again = benchmarks.orders_again(world, day).reindex(activity.index)
    assert 0.68 <= roc_auc_score(again, activity["orders_again"]) <= 0.82
    # true parameters are calibrated
    assert abs(activity["orders_again"].mean() - again.mean()) < 0.03


def test_one_shard_is_the_simulated_world(world, tmp_path):
    written = market.write_parquet(tmp_path, 1500, seed=11, processes=1)
    for name, frame in world.tables.items():
        stored = pq.read_table(tmp_path / "tables" / name).to_pandas()
        assert len(stored) == written.rows[name] == len(frame)
        assert (
            stored[list(TABLES[name].key)]
            .astype(str)
            .equals(frame[list(TABLES[name].key)].astype(str))
        )
    assert {p.name for p in (tmp_path / "truth").iterdir()} == set(world.truth)


def test_shards_make_one_world_and_the_same_bytes_in_any_number_of_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(scale, "_sizes", lambda customers: [400, 300])
    found = []
    for processes, folder in enumerate(("one", "two"), start=1):
        written = market.write_parquet(tmp_path / folder, 700, years=2, seed=3, processes=processes)
        files = sorted(p for p in (tmp_path / folder).rglob("*.parquet"))
        found.append({str(p.relative_to(tmp_path / folder)): p.read_bytes() for p in files})
    assert found[0] == found[1]
    tables = {name: pq.read_table(tmp_path / "one" / "tables" / name) for name in TABLES}
    frames = {name: table.to_pandas() for name, table in tables.items()}
    for name, declared in TABLES.items():
        assert len(frames[name]) == written.rows[name] > 0, name
        if declared.key:
            assert not frames[name].duplicated(list(declared.key)).any(), name
        for column, target in declared.links.items():
            known = frames[target][TABLES[target].key[0]]
            assert frames[name][column].dropna().isin(known).all(), (name, column)
    emails = frames["customers"]["email"].dropna()
    assert not emails.duplicated().any()
    won = frames["channel_spend"].query("purpose == 'acquisition'")["new_customers"].sum()
    assert won == (frames["customers"]["acquired_at"] >= "2023-01-01").sum()


def test_shards_differ():
    frame = common(700, 2023, 1, 3, market.Settings())
    one, two = (shard(frame, number, 300) for number in (0, 1))
    assert not one.tables["customers"]["name"].equals(two.tables["customers"]["name"])
    assert set(one.tables["orders"]["order_id"]).isdisjoint(two.tables["orders"]["order_id"])


def test_sizes_add_up():
    for customers in (100, 50_000, 50_300, 100_000, 1_000_000, 1_020_000):
        sizes = scale._sizes(customers)
        assert sum(sizes) == customers
        assert max(sizes) <= market.SHARD
        assert min(sizes) >= 100


def test_a_large_world_needs_a_folder():
    with pytest.raises(ValueError, match="write_parquet"):
        market.simulate(customers=60_000)


def test_the_next_year_is_the_same_each_time_and_valid(world):
    one = market.advance(world, 2026)
    again = market.advance(market.simulate(customers=1500, seed=11), 2026)
    assert set(one.tables) == set(TABLES)
    for name, frame in one.tables.items():
        pd.testing.assert_frame_equal(frame, again.tables[name])
        validate(name, frame)
        key = list(TABLES[name].key)
        assert not key or not frame.duplicated(key).any(), name
        for column, target in TABLES[name].links.items():
            known = one.tables[target][TABLES[target].key[0]]
            assert frame[column].dropna().isin(known).all(), (name, column)


def test_the_past_stays_as_it_was(world):
    then = market.advance(world, 2026).tables
    for name in ("orders", "reviews", "survey_answers", "interactions", "campaign_members"):
        before = world.tables[name]
        key = list(TABLES[name].key) or list(before.columns)
        same = then[name].merge(before[key], on=key)
        assert len(same) == len(before), name
    orders = then["orders"]
    assert (orders["ordered_at"] >= "2026-01-01").sum() > 300
    # goods bought in December come back in January
    early = orders[(orders["ordered_at"] > "2026-01-01") & (orders["ordered_at"] < "2026-01-20")]
    assert (early["revenue"] < 0).any()


def test_two_more_years(world):
    later = market.advance(market.advance(world, 2026), 2027)
    assert later.tables["orders"]["ordered_at"].dt.year.max() == 2027
    assert later.tables["orders"]["order_id"].is_unique
    with pytest.raises(ValueError, match="year after its last"):
        market.advance(later, 2027)


def _plan(world, segment, action, months):
    truth = world.truth["customers"]
    who = truth.loc[(truth["segment"] == segment) & truth["active_at_end"], "customer_id"]
    return pd.concat(
        [pd.DataFrame({"customer_id": who, "action": action, "month": m}) for m in months]
    )


def test_a_good_action_for_the_right_segment_raises_margin_and_none_changes_nothing(world):
    nothing = market.advance(world, 2026)
    empty = market.advance(
        world, 2026, Strategy(actions=pd.DataFrame(columns=["customer_id", "action", "month"]))
    )
    pd.testing.assert_frame_equal(nothing.truth["margin"], empty.truth["margin"])
    plan = _plan(world, "Style seekers", "lookbook", (3, 7, 11))
    who = plan["customer_id"].unique()
    acted = market.advance(world, 2026, Strategy(actions=plan))
    gain = _margin(acted, who) - _margin(nothing, who)
    assert gain.mean() > 2.6 * gain.std() / np.sqrt(len(gain)) > 0
    # whoever was not contacted lives the same year
    others = _margin(nothing).index.difference(who)
    pd.testing.assert_series_equal(_margin(acted, others), _margin(nothing, others))
    members = acted.tables["campaign_members"]
    assert members["campaign_id"].str.startswith("A26").sum() == len(plan)
    spent = acted.truth["margin"].query("year == 2026")["contact_cost"].sum()
    assert spent == pytest.approx(1.10 * len(plan))


def test_the_wrong_action_costs_margin(world):
    plan = _plan(world, "Service-sensitive seniors", "clearance text", (2, 5, 8, 11))
    who = plan["customer_id"].unique()
    loss = _margin(market.advance(world, 2026, Strategy(actions=plan)), who) - _margin(
        market.advance(world, 2026), who
    )
    assert loss.mean() < 0


def test_a_control_group_is_recorded_and_left_alone(world):
    plan = _plan(world, "Style seekers", "lookbook", (3,)).assign(arm="control", probability=0.5)
    acted = market.advance(world, 2026, Strategy(actions=plan))
    pd.testing.assert_frame_equal(
        acted.truth["margin"], market.advance(world, 2026).truth["margin"]
    )
    arms = acted.tables["campaign_members"].query("campaign_id == 'A2603-lookbook'")["arm"]
    assert set(arms) == {"control"}


def test_many_contacts_wear_off(world):
    gains = []
    for months in ((3,), tuple(range(1, 13))):
        plan = _plan(world, "Price-driven families", "early access", months)
        who = plan["customer_id"].unique()
        gain = _margin(market.advance(world, 2026, Strategy(actions=plan)), who) - _margin(
            market.advance(world, 2026), who
        )
        gains.append(gain.mean() / len(months))
    assert gains[1] < gains[0]


def test_more_spend_wins_more_of_the_same_customers(world):
    usual = market.advance(world, 2026).tables["customers"]
    more = market.advance(world, 2026, Strategy(channel_spend={"Social ads": 30_000.0})).tables[
        "customers"
    ]
    fewer = market.advance(world, 2026, Strategy(channel_spend={"Social ads": 0.0})).tables[
        "customers"
    ]
    assert set(fewer["customer_id"]) < set(usual["customer_id"]) < set(more["customer_id"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action": "hypnosis"}, "action 'hypnosis' is not one of voucher"),
        ({"month": 13}, "month 13 is not 1 to 12"),
        ({"customer_id": "nobody"}, "customer_id 'nobody' is not a customer"),
    ],
)
def test_an_impossible_action_is_refused(world, change, message):
    row = {"customer_id": world.tables["customers"]["customer_id"][0], "action": "voucher"}
    with pytest.raises(ValueError, match=message):
        market.advance(world, 2026, Strategy(actions=pd.DataFrame([row | {"month": 1} | change])))


def test_a_channel_without_spend_is_refused(world):
    with pytest.raises(ValueError, match="not a channel with spend"):
        market.advance(world, 2026, Strategy(channel_spend={"Organic search": 100.0}))
