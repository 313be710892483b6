"""The arena: rules of the game, policies on a tiny world, the score, and a student's own strategy."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from playbook import arena, crm, figures, market
from playbook.allocation import fit_elasticity, split_by_elasticity
from playbook.arena import consultant, game, readings, rounds, sold_terms
from playbook.arena.oracle import oracle
from playbook.arena.policies import SIMPLE
from playbook.arena.report import answer_of, as_json, as_text
from playbook.arena.score import score
from playbook.arena.student import homework, read_homework
from playbook.engagement import open_folder
from playbook.errors import PlanError

SEEDS = {"regular": 171, "null": 103}
"""Seeds of the two tiny worlds, none of those the command plays by default."""
MODELS = {"churn scores"}
"""Policies that fit a model, too slow to run here."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Both worlds with what a client knows at the start."""
    found = {}
    for kind, seed in SEEDS.items():
        world = market.simulate(200, 2024, 2, seed, market.draw_settings(seed))
        budget, usual = rounds._budget(world)
        sight = game.sight_of(
            world, tmp_path_factory.mktemp(kind), date(2025, 12, 31), open_folder("demo").engagement()
        )  # fmt: skip
        menu = market.beliefs(world.settings, seed, 200)
        found[kind] = world, game.Client(sight, 2026, 2, budget, usual, menu, seed)
    return found


@pytest.fixture(scope="module")
def best(tiny):
    """The oracle's strategy in both worlds."""
    return {kind: oracle(world, client) for kind, (world, client) in tiny.items()}


@pytest.mark.parametrize("kind", SEEDS)
def test_policies_keep_to_money_consent_and_caps(tiny, best, kind):
    _, client = tiny[kind]
    plans = {name: policy(client) for name, policy in SIMPLE.items() if name not in MODELS}
    plans["oracle"] = best[kind]
    for name, plan in plans.items():
        game.checked(plan, client, name)
    assert plans["random"].actions is not None and len(plans["random"].actions) > 10
    assert game.money_spent(plans["nothing"], client) == pytest.approx(sum(client.usual.values()))
    assert game.money_spent(plans["oracle"], client) > 0.9 * client.budget or kind == "null"


def test_a_strategy_against_the_rules_is_refused(tiny):
    _, client = tiny["regular"]
    allowed = client.permitted["care call"]
    someone, nobody = allowed.index[allowed][0], allowed.index[~allowed][0]

    def plan(*rows):
        return market.Strategy(pd.DataFrame(rows, columns=["customer_id", "action", "month"]))

    for wrong, said in (
        (plan((nobody, "care call", 3)), "without consent"),
        (plan(*[(someone, "care call", m) for m in range(1, 6)]), "4 are allowed"),
        (plan((someone, "care call", 3), (someone, "account visit", 3)), "in a month"),
        (market.Strategy(channel_spend={"Trade fairs": 2 * client.budget}), "the budget is"),
    ):
        with pytest.raises(ValueError, match=said):
            game.checked(wrong, client, "test")
    mixed = plan((someone, "care call", 3), (someone, "care call", 7))
    mixed.actions["arm"] = ["treated", "control"]
    assert game.money_spent(mixed, client) == pytest.approx(
        sum(client.usual.values()) + client.unit_cost["care call"]
    )


def test_the_oracle_earns_more_than_nothing(tiny, best):
    world, client = tiny["regular"]
    earned, usual = (
        market.lived(world, 2026, plan).profit.total for plan in (best["regular"], None)
    )
    assert earned - usual > 0.05 * client.budget


def test_a_lever_alone_leaves_the_rest_as_it_is(tiny, best):
    world, _ = tiny["regular"]
    best = best["regular"]
    known = world.memory.crowd.customer_id[:100]
    parts = {lever: game.only(best, lever, known) for lever in game.LEVERS}
    assert parts["acquisition"] == market.Strategy(channel_spend=best.channel_spend)
    assert set(parts["targeting"].actions["customer_id"]) <= set(known)
    assert parts["targeting"].channel_spend is None and parts["targeting"].fixes == ()


def _stub(seed, **options):
    return [
        {"seed": seed, "kind": "null" if seed % 2 else "regular", "policy": policy, "source": "all", "year": year,
         "profit": 100.0 * k + seed % 5 * k + year % 2, "budget": 1000.0}
        for k, policy in enumerate(["nothing", "random", "playbook", "oracle"]) for year in (2026, 2027)
    ]  # fmt: skip


def test_the_score_is_the_same_for_any_order_and_number_of_processes(monkeypatch):
    monkeypatch.setattr(rounds, "play_world", _stub)
    monkeypatch.setattr(rounds, "get_context", lambda _: get_context("fork"))
    alone = arena.play(6, 50, processes=1)
    both = arena.play(6, 50, processes=2)
    assert as_json(alone) == as_json(both)
    mixed = alone.sample(frac=1, random_state=2)
    assert as_text(score(alone)) == as_text(score(mixed))


def test_the_same_call_twice_gives_the_same_bytes(tiny, best, tmp_path):
    """The second time without what the market keeps of the first."""
    world, client = tiny["null"]
    said = []
    for _ in range(2):
        fresh = replace(world, memory=replace(world.memory, drawn={}, lives={}))
        table = rounds._Table(client.seed, fresh, tmp_path, *rounds._budget(fresh))
        years = rounds._lever(table, "acquisition", [(best["null"], best["null"])])
        said.append(as_json(pd.DataFrame(rounds._rows(table, "oracle", "acquisition", years))))
    assert said[0] == said[1] and json.loads(said[0])[0]["source"] == "acquisition"


def _rows(gains, kind="regular"):
    """Profits of worlds (rows) by policy (keys), all in the first year."""
    count = len(next(iter(gains.values())))
    return pd.DataFrame([
        {"seed": s, "kind": kind, "policy": p, "source": "all", "year": y, "profit": 1000.0 + (g[s] if y == 2026 else 0), "budget": 500.0}
        for s in range(count) for p, g in ({"nothing": [0] * count} | gains).items() for y in (2026, 2027)
    ])  # fmt: skip


def test_the_score_by_hand():
    found = score(
        _rows({"playbook": [70, 80, 90], "random": [10, 30, 20], "oracle": [100, 100, 100]})
    )
    ours = found.policies.set_index("policy").loc["playbook"]
    assert (ours["gain"], ours["share"]) == (80.0, pytest.approx(0.8))
    behind = found.policies.set_index("policy").loc["random"]
    # differences 60, 50, 70: mean 60, standard error 10 / sqrt(3), t = 4.303
    assert behind["behind"] == 60.0
    assert behind["behind_low"] == pytest.approx(60 - 4.3027 * 10 / 3**0.5, abs=0.01)
    assert found.passed and "not judged" in as_text(found)


def test_missed_targets_are_told():
    found = score(
        _rows({"playbook": [60, 50, 70], "random": [61, 20, 80], "oracle": [100, 90, 110]})
    )
    assert [v.passed for v in found.verdicts] == [False, False, None, True]
    assert "random" in found.verdicts[1].reached
    lost = score(_rows({"playbook": [-60, -55], "oracle": [1, 1]}, kind="null"))
    assert lost.verdicts[2].passed is False and "11.5%" in lost.verdicts[2].reached
    beaten = score(_rows({"playbook": [3, 4], "oracle": [1, 1]}))
    assert beaten.verdicts[3].passed is False


def test_the_figure_draws():
    rows = _rows({"playbook": [70, 80, 90], "random": [10, -30, 20], "oracle": [100, 100, 100]})
    assert figures.arena(answer_of(score(rows), rows)).png().startswith(b"\x89PNG")


def test_elasticity_is_found_and_refused():
    rng = np.random.default_rng(4)
    months = pd.date_range("2023-01-01", periods=36, freq="MS")
    parts = []
    for channel, level in {"Fairs": 40.0, "Ads": 400.0}.items():
        spend = 1000 * np.exp(rng.normal(0, 0.5, 36))
        won = rng.poisson(level * (spend / 1000) ** 0.5)
        parts.append(pd.DataFrame({"month": months, "channel": channel, "purpose": "acquisition", "spend": spend, "new_customers": won}))  # fmt: skip
    table = pd.concat(parts)
    found = fit_elasticity(table)
    assert found.low < 0.5 < found.high and found.high - found.low < 0.15
    usual = found.channels.set_index("channel")["usual"]
    value, wide = pd.Series({"Fairs": 500.0, "Ads": 50.0}), pd.Series(1e6, usual.index)
    spend = split_by_elasticity(found, value, 2.0, wide)
    level = found.channels.set_index("channel")["level"]
    last_unit = found.elasticity * level * value / usual * (spend / usual) ** (found.elasticity - 1)
    assert last_unit.to_numpy() == pytest.approx([2.0, 2.0])
    with pytest.raises(ValueError, match="vary"):
        fit_elasticity(table.assign(spend=1000.0))


def test_newcomers_of_a_channel_lean_on_their_mix_of_segments():
    rng = np.random.default_rng(5)
    segments = pd.DataFrame({"customer_id": [f"{i:04}" for i in range(900)]})
    business = np.arange(900) % 9 == 0
    segments["segment"] = np.where(business, "Business", "Homes")
    margin = np.where(business, 900.0, 100.0) + rng.normal(0, 150, 900)
    channel = np.where(business | (np.arange(900) % 30 == 1), "Fairs", "Ads")
    rows = segments.assign(channel=channel, margin=margin)
    found = crm.newcomer_values(rows, segments).set_index("channel")
    true = {c: np.where(business, 900.0, 100.0)[channel == c].mean() for c in ("Fairs", "Ads")}
    for name, value in true.items():
        assert found.loc[name, "low"] < value < found.loc[name, "high"]
        assert abs(found.loc[name, "value"] - value) <= abs(found.loc[name, "mean"] - value) + 1


def _answers(shift):
    """Answers of three segments on four needs; the first wants style by ``shift`` standard deviations more."""
    rng = np.random.default_rng(6)
    ids = [f"{i:04}" for i in range(600)]
    segments = pd.DataFrame({"customer_id": ids, "segment": np.repeat(["A", "B", "C"], 200)})
    parts = []
    for need in ("price", "style", "service", "delivery"):
        more = shift * ((segments["segment"] == "A") & (need == "style"))
        parts.append(segments.assign(kind="importance", construct=need, value=4 + more + rng.normal(0, 1, 600)))  # fmt: skip
    return pd.concat(parts), segments


def test_beliefs_spread_by_need_and_keep_their_mean():
    answers, segments = _answers(2.0)
    weights = crm.need_weights(answers, segments)
    share = segments["segment"].value_counts(normalize=True)
    assert (share.reindex(weights.index) @ weights).to_numpy() == pytest.approx(np.ones(4))
    assert weights["style"].idxmax() == "A" and weights.loc["A", "style"] > 1.6
    alike = crm.need_weights(*_answers(0.0))
    assert alike.to_numpy() == pytest.approx(np.ones((3, 4)), abs=0.25)
    assert crm.need_weights(answers.iloc[:0], segments).empty


def test_the_playbook_plans_by_its_own_rules(tiny, monkeypatch):
    """Segments, values and scores are given here, so that no model is fitted; all rules that read them are run."""
    _, client = tiny["regular"]
    ids = client.lists["customer_id"]
    bought = client.sight.customers.set_index("customer_id").reindex(ids)
    spent = bought["margin_12m"].astype(float).fillna(0.0).clip(lower=0).to_numpy()
    orders = bought["orders_12m"].astype(float).fillna(0.0).to_numpy()
    segments = pd.DataFrame({"customer_id": ids, "segment": np.where(spent > np.median(spent), "Big", "Small")})  # fmt: skip
    values = pd.DataFrame({
        "customer_id": ids, "segment": segments["segment"], "clv": 2 * spent, "clv_sd": 1.0, "p_alive": np.where(orders > 0, 0.9, 0.1),
        "expected_orders_12m": orders + 0.1, "expected_margin_12m": spent + 5.0, "margin_12m": spent + 5.0, "revenue_12m": 2.2 * spent + 11.0,
    })  # fmt: skip
    scores = pd.DataFrame(
        {"customer_id": ids, "churn_probability": 0.5, "purchase_probability": 0.5}
    )
    known = {"solution": {"segments": segments}, "values": values, "propensity": {"scores": scores}}
    for name, value in known.items():
        monkeypatch.setitem(client.sight.__dict__, name, value)
    changes = pd.DataFrame({"free assembly": [0.3, 0.0]}, index=["Big", "Small"])
    changes = changes.reindex(columns=client.menu.offers["offer"], fill_value=0.0)
    monkeypatch.setattr(sold_terms, "_changes", lambda _: changes)
    plan = game.checked(consultant.playbook(client), client, "playbook")
    assert len(plan.actions) and plan.actions.groupby("customer_id").size().max() <= game.CONTACTS
    business = set(bought.index[bought["customer_type"] == "business"])
    visits = plan.actions[plan.actions["action"] == "account visit"]
    assert set(visits["customer_id"]) <= business
    assert game.money_spent(plan, client) <= client.budget + 0.01
    last, far = client.usual, readings.FURTHEST
    assert all(readings.LEAST * last[c] - 1 <= s <= far * last[c] + 1 for c, s in plan.channel_spend.items())  # fmt: skip
    if plan.offers is not None:
        assert set(plan.offers["offer"]) == {"free assembly"}


def test_the_example_for_students_plays(tiny):
    _, client = tiny["regular"]
    work = read_homework(str(ROOT / "data" / "demo" / "arena.yml"))
    assert work is not None and work.programme == "care tiers"
    simple = work.model_copy(update={"contacts": work.contacts[:2], "offers": []})
    plan = game.checked(homework(simple, client), client, "yours")
    assert set(plan.actions["action"]) == {"refill reminder", "delivery promise"}
    assert read_homework("") is None


def test_any_valid_strategy_keeps_the_rules(tiny):
    _, client = tiny["regular"]
    rng = np.random.default_rng(8)
    for _ in range(6):
        months = sorted(set(rng.integers(1, 13, rng.integers(1, 13)).tolist()))
        work = arena.Homework.model_validate({
            "contacts": [{"action": "account visit", "months": months}, {"action": "refill reminder", "months": [6]}],
            "channels": {"Search ads": float(rng.uniform(0, 10)), "Trade fairs": 3.0}, "fixes": ["second carrier", "faster answers"],
        })  # fmt: skip
        game.checked(homework(work, client), client, "yours")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("contacts: [{action: free beer, months: [1]}]", "'free beer' is not on the menu; expected one of voucher"),
        ("contacts: [{action: voucher, months: [13]}]", "months"),
        ("channels: {Search ads: -1.0}", "greater than or equal to 0"),
        ("channels: {Television: 2.0}", "'Television' is not on the menu"),
        ("contact: []", "did you mean 'contacts'"),
        ("contacts: [{to: {rfm: [Heroes]}, action: voucher, months: [1]}]", "Champions"),
        ("programme: gold", "'gold' is not on the menu"),
    ],
)  # fmt: skip
def test_a_bad_strategy_names_the_line_and_the_mend(tmp_path: Path, text, said):
    file = tmp_path / "mine.yml"
    file.write_text(text)
    with pytest.raises(PlanError, match=r"mine\.yml: line 1") as error:
        read_homework(str(file))
    assert said in str(error.value)


def test_the_command_refuses_nonsense(capsys):
    from playbook.cli import main

    for arguments in (
        ["--seeds", "0"],
        ["--customers", "5"],
        ["--strategy", "mine.txt"],
        ["--strategy", "nowhere.yml"],
    ):
        assert main(["arena", *arguments]) == 2
        assert capsys.readouterr().err.startswith("playbook: ")
