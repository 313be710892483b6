"""What the judge knows of the harm of incidents: planted, in sign and size, and nothing where none is planted."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from playbook import market
from playbook.truth.coverage_money import CELLS, PAIN, per_incident
from playbook.truth.planted_harm import PlantedHarm


@pytest.fixture(scope="module")
def world() -> market.World:
    return market.simulate(150, 2023, 2, 11)


def harm(world: market.World, **changed: float) -> PlantedHarm:
    return PlantedHarm(SimpleNamespace(world=world, settings=replace(world.settings, **changed)))  # type: ignore[arg-type]


def test_an_incident_costs_orders_and_a_failed_case_costs_more(world: market.World) -> None:
    planted = harm(world)
    rows = planted.incidents[planted.incidents["kind"] == "late"]
    late, failed = (planted.of(rows, np.ones(len(rows)), kind) for kind in ("late", "failed"))
    assert -0.3 < failed.again < late.again < -0.01
    assert (late.orders <= 1e-12).all()


def test_nothing_is_lost_where_failures_do_no_harm(world: market.World) -> None:
    planted = harm(world, service_effect=0.0)
    found = planted.of(planted.incidents, np.ones(len(planted.incidents)), "late")
    assert found.again == 0 and not found.orders.any()


def test_incidents_are_those_that_were_planted(world: market.World) -> None:
    planted = harm(world)
    kinds = planted.incidents["kind"].value_counts()
    assert kinds["late"] == planted.orders["late"].sum()
    assert kinds["failed"] == planted.past.cases["failed"].sum()


def test_a_design_cell_draws_anew_and_knows_its_truth() -> None:
    draw = per_incident(250, 0.08)
    first, again, other = (draw(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert first[0] < first[1] and first[2] == -0.08
    assert {cell.id for cell in CELLS} == {"05.coverage_incident"} and PAIN == "late"
