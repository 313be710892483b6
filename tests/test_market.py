from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from playbook import market
from playbook.market import conjoint, settings
from playbook.tables import TABLES, validate


@pytest.fixture(scope="module")
def world():
    return market.simulate(customers=300, seed=7)


@pytest.fixture(scope="module")
def inbox(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    market.write_inbox(world, folder)
    return folder


def test_same_seed_same_bytes(inbox, tmp_path):
    market.write_inbox(market.simulate(customers=300, seed=7), tmp_path)
    first = {p.name: p.read_bytes() for p in inbox.iterdir()}
    assert len(first) > 25
    assert first == {p.name: p.read_bytes() for p in tmp_path.iterdir()}


def test_another_seed_is_another_world(world):
    other = market.simulate(customers=100, seed=8)
    assert not world.tables["orders"].equals(other.tables["orders"])


def test_every_standard_table_is_there_and_valid(world):
    assert set(world.tables) == set(TABLES)
    for name, frame in world.tables.items():
        assert len(frame) > 0, name
        validate(name, frame)


def test_orders_are_their_lines_to_the_cent(world):
    orders, lines = world.tables["orders"], world.tables["order_lines"]
    for total, price in (("revenue", "unit_price"), ("cost", "unit_cost")):
        cents = (lines["quantity"] * (lines[price] * 100).round()).groupby(lines["order_id"]).sum()
        expected = (orders.set_index("order_id")[total] * 100).round()
        pd.testing.assert_series_equal(cents, expected, check_names=False)


def test_every_line_sells_at_most_at_list_price(world):
    lines = world.tables["order_lines"].merge(world.tables["products"], on="product_id")
    assert len(lines) == len(world.tables["order_lines"])
    assert (lines["unit_price"] <= lines["list_price"]).all()


@pytest.mark.parametrize("name", [n for n, t in TABLES.items() if t.links])
def test_links_resolve(world, name):
    for column, target in TABLES[name].links.items():
        known = world.tables[target][TABLES[target].key[0]]
        assert world.tables[name][column].dropna().isin(known).all()


TIMED = [
    n
    for n, t in TABLES.items()
    if t.known_at and "customer_id" in t.columns and n not in ("customers", "leads")
]


@pytest.mark.parametrize("name", TIMED)
def test_no_event_before_acquisition_or_after_the_end(world, name):
    frame = world.tables[name].dropna(subset="customer_id")
    time = frame[TABLES[name].known_at]
    won = frame["customer_id"].map(
        world.tables["customers"].set_index("customer_id")["acquired_at"]
    )
    assert (time >= won.dt.floor("s")).all()
    assert time.max() < pd.Timestamp("2026-01-01")
    for column in TABLES[name].later:
        assert not (frame[column] >= pd.Timestamp("2026-01-01")).any()


def test_the_small_tables_do_not_grow_with_customers(world):
    tables = market.simulate(customers=600, seed=7).tables
    for name in ("market", "offers", "products", "employee_survey", "campaigns", "channel_spend"):
        assert len(tables[name]) == len(world.tables[name])
    assert 1.4 < len(tables["orders"]) / len(world.tables["orders"]) < 2.9


def test_the_plain_mapping_names_every_file(inbox):
    text = (Path(__file__).parent / "plain_inbox.yml").read_text()
    entries = yaml.safe_load(text)["inbox"]
    found = {path for entry in entries for path in inbox.glob(entry["files"])}
    assert found == set(inbox.iterdir())
    assert {entry["table"] for entry in entries} == set(TABLES)


def test_contact_data_is_fictional(world):
    people = pd.concat([world.tables["customers"], world.tables["customer_records"]])
    hosts = people["email"].dropna().str.split("@").str[1]
    assert set(hosts) <= {"example.com", "example.org"}
    digits = world.tables["customers"]["phone"].dropna()
    assert not digits.duplicated().any()
    assert digits.str.match(r"\+(49 (30 23125|40 66969)|46 |44 7700 900)").all()


def test_one_alternative_is_chosen_in_each_task(world):
    tasks = world.tables["choice_tasks"]
    chosen = tasks.groupby(["respondent_id", "task"])["chosen"].sum()
    assert (chosen == 1).all()
    shown = tasks[~tasks["is_none"]]
    for attribute, levels in conjoint.LEVELS.items():
        assert set(shown[attribute]) == set(levels)


def test_the_truth_covers_every_customer(world):
    truth = world.truth["customers"]
    assert set(truth["customer_id"]) == set(world.tables["customers"]["customer_id"])
    assert set(truth["segment"]) == set(settings.SEGMENTS)
    assert len(world.truth["identities"]) == len(world.tables["customer_records"])


def test_a_service_failure_costs_satisfaction():
    world = market.simulate(customers=1500, seed=3)
    tickets = world.tables["tickets"].dropna(subset=["resolved_at", "csat"])
    again = tickets["reopened"].astype(bool)
    assert tickets.loc[~again, "csat"].mean() - tickets.loc[again, "csat"].mean() > 0.6


def test_a_random_campaign_is_assigned_as_stated(world):
    members = world.tables["campaign_members"].dropna(subset="assignment_probability")
    treated = (members["arm"] == "treated").astype(float)
    z = (treated - members["assignment_probability"]).sum() / np.sqrt(
        (members["assignment_probability"] * (1 - members["assignment_probability"])).sum()
    )
    assert abs(z) < 4


def test_too_few_customers_are_refused():
    with pytest.raises(ValueError, match="at least 100 customers"):
        market.simulate(customers=10)
