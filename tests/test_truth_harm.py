"""The judge of the harmed group: who could rank it last, and how the playbook does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from playbook import crm
from playbook.truth.step06_harm import Trial, _best, _raw

GROUPS = {"likes": 0.4, "neutral": 0.0, "leaves": -0.9}


def trial(size: int, spread: float = 0.6) -> Trial:
    rng = np.random.default_rng(3)
    n = size * len(GROUPS)
    group = np.repeat(list(GROUPS), size)
    usual = rng.gamma(1.0, spread, n)
    before = rng.poisson(12 * usual)
    members = pd.DataFrame({
        "campaign_id": "C1", "customer_id": [f"c{i:05d}" for i in range(n)], "assignment_probability": 0.6, "group": group,
        "usual": usual, "log_lift": [GROUPS[g] for g in group], "orders_year_before": before, "revenue_year_before": 30.0 * before,
    })  # fmt: skip
    more = np.exp(-usual) - np.exp(-usual * np.exp(members["log_lift"]))
    return Trial(members, more.groupby(members["group"]).mean())


def _share(made: Trial, times: int) -> dict[str, float]:
    rng = np.random.default_rng(1)
    hits = np.zeros(3)
    for _ in range(times):
        month, later = made.lived(rng)
        last = crm.group_effects(month)["group"].iloc[-1]
        hits += [last == "leaves", _raw(later) == "leaves", _best(made, month) == "leaves"]
    return dict(zip(("ours", "naive", "bayes"), hits / times, strict=True))


def test_with_many_members_everybody_finds_the_harmed_group() -> None:
    assert trial(40).effects.idxmin() == "leaves"
    found = _share(trial(50).larger(30), 3)
    assert found["ours"] == found["bayes"] == 1.0


def test_with_few_members_nobody_does_and_the_best_is_no_worse_than_naive() -> None:
    found = _share(trial(35), 40)
    assert found["naive"] <= found["bayes"] + 0.1 and found["ours"] >= found["bayes"] - 0.15
    assert found["bayes"] < 1.0


def test_the_same_customers_many_times_are_others() -> None:
    made = trial(40).larger(3)
    assert made.members["customer_id"].is_unique and len(made.members) == 360
    month, later = made.lived(np.random.default_rng(1))
    assert (later["bought"] >= month["bought"]).all()
    assert month["arm"].eq("treated").mean() == pytest.approx(0.6, abs=0.1)
