"""Moves between segments: a latent Markov model of two years, and what a single year tells of a segment."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_segmentation_strategic import panel

from playbook import figures, monitoring
from playbook import segmentation as sg
from playbook.answer import Missing
from playbook.contract import NO_PURCHASE
from playbook.monitoring.transitions import Moves, latent_moves
from playbook.results import _checked
from playbook.segmentation import candidates, solution
from playbook.warehouse import Warehouse

NAMES = ("a", "b", "c")
SINCE = date(2024, 12, 31)


def years(
    move: float, clear: float = 3.0, n: int = 1500, seed: int = 3
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Draw customers of three segments whose two years are each seen through normal noise: memberships, year, true moves."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, 3, n)
    moved = rng.random(n) < move
    second = np.where(moved, (first + rng.integers(1, 3, n)) % 3, first)
    logs = [clear * (clear * np.eye(3)[s] + rng.normal(size=(n, 3))) for s in (first, second)]
    before = np.exp(logs[0] - logs[0].max(axis=1, keepdims=True))
    before /= before.sum(axis=1, keepdims=True)
    ids = np.repeat([f"{i:05d}" for i in range(n)], 3)
    places = pd.DataFrame({"customer_id": ids, "segment": NAMES * n})
    return places.assign(probability=before.ravel()), places.assign(stayed=logs[1].ravel(), came=logs[1].ravel()), moved  # fmt: skip


def found(move: float, clear: float = 3.0, **more: int) -> tuple[Moves, np.ndarray]:
    memberships, year, moved = years(move, clear, **more)
    told = latent_moves(memberships, year, seed=1)
    assert told is not None
    return told, moved


@settings(max_examples=3, deadline=None)
@given(st.floats(0, 0.4), st.floats(0.3, 3.0), st.integers(0, 1000))
def test_transitions_are_shares_within_their_intervals(
    move: float, clear: float, seed: int
) -> None:
    told, _ = found(move, clear, n=120, seed=seed)
    matrix = told.transitions.pivot_table(index="from_segment", columns="to_segment", values="share")  # fmt: skip
    assert matrix.shape == (3, 3) and np.allclose(matrix.sum(axis=1), 1)
    for part in (told.transitions, pd.DataFrame([vars(told)])):
        assert (part["low"] >= 0).all() and (part["high"] <= 1).all()
        assert (part["low"] <= part["share"]).all() and (part["share"] <= part["high"]).all()
    assert told.customers["moved"].between(0, 1).all()


def test_the_share_of_moves_is_found_where_counting_is_wrong() -> None:
    """Segments that are told apart badly: counting takes its own errors for moves."""
    inside = []
    for seed in range(5):
        memberships, year, moved = years(0.1, 1.5, n=500, seed=seed)
        told = latent_moves(memberships, year, seed=1)
        assert told is not None
        inside.append(told.low <= moved.mean() <= told.high)
        best = [part.pivot_table(index="customer_id", columns="segment", values=value).idxmax(axis=1)
                for part, value in ((memberships, "probability"), (year, "came"))]  # fmt: skip
        assert (best[0] != best[1]).mean() > told.high
    assert sum(inside) >= 4


def test_those_named_as_moved_have_moved_as_often_as_is_said() -> None:
    told, moved = found(0.1, 1.7, n=4000)
    named = (told.customers["moved"] > 0.5).to_numpy()
    assert named.sum() > 60
    assert abs(moved[named].mean() - told.customers.loc[named, "moved"].mean()) < 0.06
    assert moved[named].mean() > 0.6


def test_a_year_like_the_one_before_gives_no_move() -> None:
    memberships, year, _ = years(0.0)
    same = year.assign(stayed=np.log(memberships["probability"]), came=np.log(memberships["probability"]))  # fmt: skip
    told = latent_moves(memberships, same, seed=1)
    assert told is not None and told.share < 0.002 and told.customers["moved"].max() < 0.5


def test_fewer_moves_are_claimed_where_segments_are_less_apart() -> None:
    claims = [int((found(0.15, clear, n=400)[0].customers["moved"] > 0.5).sum()) for clear in (3.0, 1.2, 0.0)]  # fmt: skip
    assert claims == sorted(claims, reverse=True) and claims[0] > 40 and claims[-1] == 0


def test_names_of_segments_change_nothing_but_names() -> None:
    memberships, year, _ = years(0.1, 2.0, n=400)
    other = {"a": "z", "b": "y", "c": "x"}
    first = latent_moves(memberships, year, seed=1)
    second = latent_moves(*(f.assign(segment=f["segment"].map(other)) for f in (memberships, year)), seed=1)  # fmt: skip
    assert first is not None and second is not None
    assert first.share == pytest.approx(second.share) and first.high == pytest.approx(second.high)
    renamed = first.transitions.replace(other).sort_values(["from_segment", "to_segment"], ignore_index=True)  # fmt: skip
    pd.testing.assert_frame_equal(renamed, second.transitions)
    assert list(first.customers["to_segment"].map(other)) == list(second.customers["to_segment"])


def test_moves_are_told_from_better_knowledge() -> None:
    memberships, year, _ = years(0.1, 2.0)
    best = memberships.sort_values("probability").drop_duplicates("customer_id", keep="last")
    before = pd.concat([best[["customer_id", "segment"]], pd.DataFrame({"customer_id": ["n1", "n2"], "segment": NO_PURCHASE})])  # fmt: skip
    now = year.sort_values("came").drop_duplicates("customer_id", keep="last")[["customer_id", "segment"]]  # fmt: skip
    now = pd.concat([now, pd.DataFrame({"customer_id": ["n1", "n2", "new"], "segment": ["a", NO_PURCHASE, "b"]})])  # fmt: skip
    moves = monitoring.migration(before, now, memberships, year, seed=1)
    _checked("migration", moves["flows"])
    table, flows = moves.table.set_index("segment"), moves["flows"]
    assert flows["customers"].sum() == len(now) and table["now"].sum() == len(now)
    for name in ("flows", "estimated"):
        sizes = moves[name].groupby("from_segment")["customers"].sum()
        assert np.allclose(sizes[table.index], table["last_year"])
    crossed = before.merge(now, on="customer_id").query("segment_x != segment_y and segment_x != @NO_PURCHASE")  # fmt: skip
    assert len(crossed) == table["moved"].sum() + table["known_better"].sum()
    assert set(moves["moved"]["customer_id"]) < set(crossed["customer_id"])
    held = moves["segments"].set_index("customer_id")["segment"]
    assert held["n1"] == "a" and held["n2"] == NO_PURCHASE and held["new"] == "b"
    left = table.dropna(subset=["left_low"])
    assert len(left) and (left["left_low"] < left["share_left_to"]).all()
    metric = moves.metrics[0]
    assert metric.low is not None and 0 < metric.low < 0.1 < (metric.high or 0)
    assert "more likely than not" in moves.so_what and "better knowledge" in moves.so_what
    assert figures.migration(moves)._repr_png_()


def test_without_probabilities_every_crossing_counts_and_the_sentence_says_so() -> None:
    before = pd.DataFrame({"customer_id": [f"{i:03d}" for i in range(100)], "segment": ["a"] * 60 + ["b"] * 40})  # fmt: skip
    now = before.assign(segment=["a"] * 40 + ["b"] * 60)
    moves = monitoring.migration(before, now, before.assign(probability=1.0), Missing("no answers"))
    assert len(moves["moved"]) == 20 and "chance included" in moves.so_what
    assert not {"moved", "known_better"} & set(moves.table)


@pytest.fixture(scope="module")
def client() -> dict:
    """The panel of the segmentation tests, a year later: half of the orders of everybody are of the year."""
    data = panel(n=400, told=0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solution, "NUMBERS", range(3, 4))
        patch.setattr(candidates, "RESAMPLES", 2)
        patch.setattr(candidates, "CLASS_RESAMPLES", 2)
        found = sg.choose_segments(data["customers"], data["mix"], seed=1, habits=data["habits"], attitudes=data["attitudes"])  # fmt: skip
    habits = data["habits"].assign(amount_12m=np.floor(data["habits"]["amount"] / 2))
    orders = habits[habits["habit"] == "channel"].groupby("customer_id")["amount_12m"].sum()
    customers = data["customers"].assign(
        orders_12m=data["customers"]["customer_id"].map(orders).fillna(0.0), units_12m=data["customers"]["units"]
    )  # fmt: skip
    return data | {"habits": habits, "customers": customers, "solution": found}


def _evidence(data: dict, since: date, **changed: pd.DataFrame) -> pd.DataFrame:
    given = data | changed
    return sg.year_evidence(given["customers"], data["mix"], data["solution"]["model"], given["habits"], given["attitudes"], since)  # fmt: skip


def test_only_those_who_did_something_in_the_year_have_evidence_of_it(client: dict) -> None:
    told = _evidence(client, date(2025, 12, 31))
    segments = set(client["solution"]["model"]["segment"])
    bought = client["customers"].query("orders > 0 and orders_12m > 0")["customer_id"]
    assert set(told["customer_id"]) == set(bought)
    assert set(told["segment"]) == segments and len(told) == len(segments) * len(bought)
    top = told.groupby("customer_id")[["stayed", "came"]].max().max(axis=1)
    assert np.allclose(top, 0)
    answered = _evidence(client, date(2024, 12, 31))
    asked = client["attitudes"]["customer_id"]
    assert set(answered["customer_id"]) - set(told["customer_id"]) <= set(asked)
    silent = _evidence(
        client, date(2025, 12, 31), customers=client["customers"].assign(orders_12m=0.0)
    )
    assert silent.empty


def test_who_keeps_an_odd_habit_is_no_mover_and_who_changes_it_may_be(client: dict) -> None:
    """The same year speaks for a move after other habits, and for staying after the same ones."""
    ids = client["customers"].query("orders > 0")["customer_id"].iloc[:2].to_list()
    ways = sorted(client["habits"].query("habit == 'channel'")["way"].unique())
    rest = client["habits"][~client["habits"]["customer_id"].isin(ids)]

    def habit(who: str, way: str, amount: float, lately: float) -> dict:
        return {"customer_id": who, "habit": "channel", "way": way, "amount": amount, "amount_12m": lately}  # fmt: skip

    odd = pd.DataFrame([habit(ids[0], ways[0], 12.0, 6.0), habit(ids[1], ways[0], 6.0, 6.0), habit(ids[1], ways[1], 6.0, 0.0)])  # fmt: skip
    customers = client["customers"].copy()
    customers.loc[customers["customer_id"].isin(ids), ["orders", "orders_12m", "units", "units_12m"]] = [12, 6.0, 12.0, 6.0]  # fmt: skip
    told = _evidence(client, date(2025, 12, 31), habits=pd.concat([rest, odd]), customers=customers)
    gain = (told["stayed"] - told["came"]).groupby(told["customer_id"]).min()
    assert gain[ids[0]] > 0.2 > -0.2 > gain[ids[1]]


def test_segments_of_the_nearest_centre_have_no_evidence(client: dict) -> None:
    model = pd.DataFrame({"segment": ["a"], "feature": ["x"], "center": [0.0]})
    told = client["customers"], client["mix"], model, client["habits"], client["attitudes"], SINCE
    answer = monitoring.frozen_segments(sg.year_evidence, *told)
    assert isinstance(answer, Missing) and "no probabilities" in answer.reason


def test_habits_of_the_year_are_part_of_those_of_the_whole_record(tmp_path: Path) -> None:
    orders = pd.DataFrame({
        "order_id": ["1", "2", "3", "4"], "customer_id": "k", "channel": ["shop", "app", "app", "app"], "discount": [0.0, 2.0, None, 0.0],
        "revenue": [10.0, 20.0, 30.0, -5.0], "ordered_at": pd.to_datetime(["2024-12-31", "2025-01-01", "2025-06-01", "2025-07-01"]),
    })  # fmt: skip
    orders.to_parquet(tmp_path / "orders.parquet")
    found = Warehouse(tmp_path, date(2025, 12, 31)).query("buying_habits", since=SINCE)
    amounts = found.set_index(["habit", "way"])[["amount", "amount_12m"]].apply(tuple, axis=1)
    assert amounts["channel", "shop"] == (1, 0) and amounts["channel", "app"] == (2, 2)
    assert amounts["discount", "reduced"] == (1, 1) and amounts["discount", "full price"] == (1, 0)
    assert amounts["returns", "sent back"] == (1, 1) and amounts["returns", "kept"] == (2, 1)
    assert amounts["extra service", "none"] == (3, 2)
