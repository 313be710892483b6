"""Times step 6 on a million customers: actions, recommendations, scores; and the allocation against HiGHS.

Every timing runs in a process of its own, on one core, without imports, and tells the most memory it held.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from playbook.engagement import ROOT
from playbook.errors import StepError

__all__ = ["bench_crm"]

CUSTOMERS, COMPARED, PRODUCTS = 1_000_000, 20_000, 5_000
SECONDS, MEMORY = 30.0, 4.0
"""Seconds and gigabytes that the allocation of a million customers may take."""
GAP = 0.001
"""Largest duality gap, and largest difference of the value from that of HiGHS (shares)."""
FASTER = 100.0
"""How many times faster than ``scipy.optimize.milp`` (HiGHS) the allocation must be."""
PATIENCE = 240.0
"""Seconds after which HiGHS is stopped; the ratio is then a lower bound."""
LISTS_SECONDS, SCORES_SECONDS, LISTS_MEMORY = 300.0, 60.0, 6.0

_CLOCK = """
import json, sys, time
import numpy as np, pandas as pd
from playbook.bench_memory import peak_gigabytes
count = int(sys.argv[1])
def end(**said):
    print(json.dumps(said | {"gigabytes": peak_gigabytes()}))
"""
_CASE = """
from playbook.allocation import allocate
def case(n, seed=1):
    rng = np.random.default_rng(seed)
    cost = pd.Series([0.1, 0.5, 1.0, 3.0, 5.0, 12.0], [f"a{i}" for i in range(6)])
    gain = rng.lognormal(0, 1, (n, 6)) * np.sqrt(cost.to_numpy() + 0.1) * 2
    value = pd.DataFrame(gain - cost.to_numpy(), [f"c{i:07d}" for i in range(n)], cost.index)
    group = pd.Series(["email", "sms", "phone", "email", "sms", "phone"], cost.index)
    room = {"email": int(0.3 * n), "sms": int(0.2 * n), "phone": int(0.1 * n)}
    consent = pd.DataFrame(rng.random((n, 6)) < 0.8, value.index, value.columns)
    return value, cost, 0.5 * n, room, group, consent
allocate(*case(400))
given = case(count)
started = time.perf_counter()
result = allocate(*given)
seconds = time.perf_counter() - started
binding = int((result.shadow_prices > 0).sum())
"""
_ALLOCATION = (
    _CASE
    + """
end(seconds=seconds, gap=result.gap, value=result.value, binding=binding)
"""
)
_HIGHS = (
    _CASE
    + """
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, eye_array, kron, vstack
value, cost, budget, room, group, consent = given
n, m = value.shape
each = np.ones((1, n))
rows = vstack([kron(eye_array(n), np.ones((1, m))), kron(each, cost.to_numpy()[None, :])]
              + [kron(each, (group == name).to_numpy(float)[None, :]) for name in room])
limit = np.concatenate([np.ones(n), [budget], list(room.values())])
started = time.perf_counter()
solved = milp(-value.to_numpy().ravel(), integrality=np.ones(n * m), bounds=Bounds(0, consent.to_numpy(float).ravel()),
              constraints=LinearConstraint(csr_array(rows), -np.inf, limit), options={"time_limit": float(sys.argv[2])})
theirs = time.perf_counter() - started
found = solved.x is not None
end(seconds=seconds, theirs=theirs, value=result.value, value_theirs=-solved.fun if found else float("nan"),
    bound_theirs=-solved.mip_dual_bound if solved.mip_dual_bound is not None else float("nan"),
    stopped=solved.status == 1, gap=result.gap)
"""
)
_LISTS = """
from playbook.recommend import fit_item_similarity, recommend
products = int(sys.argv[2])
rng = np.random.default_rng(1)
taste = rng.integers(0, 100, count)
many = rng.poisson(4, count) + 1
who = np.repeat(np.arange(count), many)
near = (taste[who] * (products // 100) + rng.integers(0, products // 100, len(who))) % products
any_one = (rng.pareto(1.2, len(who)) * 20).astype(int) % products
bought = pd.DataFrame({"customer_id": pd.Series(who).astype("str").str.zfill(7),
                       "product_id": pd.Series(np.where(rng.random(len(who)) < 0.7, near, any_one)).astype("str").str.zfill(4)})
fit_item_similarity(bought[:2000])
started = time.perf_counter()
model = fit_item_similarity(bought)
fitted = time.perf_counter() - started
lists = recommend(model, bought, 3)
end(seconds=time.perf_counter() - started, fitted=fitted, lists=int(lists["customer_id"].nunique()), products=len(model.products),
    purchases=len(bought))
"""
_SCORES = """
from playbook.propensity import fit_propensity
def snapshot(n, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"x{i}": rng.gamma(1.0, 2.0, n) for i in range(12)})
    frame["recency_days"], frame["country"] = rng.integers(0, 365, n), rng.choice(["SE", "DE", "CN"], n)
    odds = 0.012 * (frame["recency_days"] - 180) - 0.2 * (frame["x0"] - 2) + 0.1 * (frame["x1"] - 2)
    frame["churned"] = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(int)
    frame.insert(0, "customer_id", pd.Series(np.arange(n)).astype("str").str.zfill(7))
    return frame
train, test, now = snapshot(200_000, 1), snapshot(50_000, 2), snapshot(count, 3)
features = [c for c in train.columns if c not in ("customer_id", "churned")]
started = time.perf_counter()
model = fit_propensity(train, test, "churned", features, 1)
fitted = time.perf_counter() - started
started = time.perf_counter()
scores = model.score(now)
seconds = time.perf_counter() - started
assert len(scores) == count and scores.between(0, 1).all()
end(seconds=seconds, fitted=fitted, chosen=model.chosen)
"""


def bench_crm(
    customers: int = CUSTOMERS, compared: int = COMPARED, products: int = PRODUCTS, patience: float = PATIENCE
) -> list[dict[str, Any]]:  # fmt: skip
    """Return rows of id, seconds, ratio, peak memory, the limit and ok.

    Parameters
    ----------
    customers
        Of the allocation, the recommendation lists and the scores.
    compared
        Customers that HiGHS allocates as well.
    products
        Of the recommendation lists.
    patience
        Seconds after which HiGHS is stopped.
    """
    large = _child(_ALLOCATION, customers)
    both = _child(_HIGHS, compared, patience)
    lists = _child(_LISTS, customers, products)
    scores = _child(_SCORES, customers)
    return [
        *_allocations(customers, compared, large, both),
        _row(f"recommendations-{customers}", lists["seconds"], None, lists["gigabytes"],
             lists["seconds"] <= LISTS_SECONDS and lists["gigabytes"] <= LISTS_MEMORY,
             f"lists for {lists['lists']:,} customers × {lists['products']:,} products from {lists['purchases']:,} purchases (learning {lists['fitted']:.1f} s), "
             f"at most {LISTS_SECONDS:g} s and {LISTS_MEMORY:g} GB"),
        _row(f"propensity-scores-{customers}", scores["seconds"], None, scores["gigabytes"],
             scores["seconds"] <= SCORES_SECONDS and scores["gigabytes"] <= LISTS_MEMORY,
             f"scoring by the chosen model ({scores['chosen']}; all models fitted on 200,000 in {scores['fitted']:.1f} s), "
             f"at most {SCORES_SECONDS:g} s and {LISTS_MEMORY:g} GB"),
    ]  # fmt: skip


def _allocations(
    customers: int, compared: int, large: dict[str, Any], both: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the rows of the allocation: alone on many customers, and against HiGHS on fewer."""
    ratio = both["theirs"] / both["seconds"]
    short = 1 - both["value"] / both["value_theirs"]
    fine = large["seconds"] <= SECONDS and large["gigabytes"] <= MEMORY and large["gap"] <= GAP
    ended = "stopped by its time limit, so the ratio is a lower bound" if both["stopped"] else "optimal within its own tolerance"  # fmt: skip
    return [
        _row(f"allocation-{customers}", large["seconds"], None, large["gigabytes"], fine,
             f"6 actions, 4 limits ({large['binding']} bind), gap {large['gap']:.5%}: at most {GAP:.1%}, {SECONDS:g} s and {MEMORY:g} GB"),
        _row(f"highs-{compared}", both["theirs"], 1.0, both["gigabytes"], True,
             f"scipy.optimize.milp on the same case: {ended}, value {both['value_theirs']:,.2f}"),
        _row(f"allocation-{compared}", both["seconds"], ratio, both["gigabytes"], ratio >= FASTER,
             f"at least {FASTER:g} times as fast as HiGHS (ratio)"),
        _row(f"allocation-value-{compared}", both["seconds"], short, both["gigabytes"], short <= GAP,
             f"value at most {GAP:.1%} below that of HiGHS (ratio: share below), gap of its own {both['gap']:.5%}"),
    ]  # fmt: skip


def _row(id_: str, seconds: float, ratio: float | None, gigabytes: float, ok: bool, limit: str) -> dict[str, Any]:  # fmt: skip
    return {
        "id": id_, "seconds": round(seconds, 3), "ratio": None if ratio is None else round(ratio, 6),
        "peak_gigabytes": round(gigabytes, 2), "limit": limit, "ok": bool(ok),
    }  # fmt: skip


def _child(work: str, *arguments: float) -> dict[str, Any]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", _CLOCK + work, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode:
        raise StepError(f"bench: step 6 ended with {done.returncode}: {done.stderr[-500:]}")
    measured: dict[str, Any] = json.loads(done.stdout[done.stdout.rindex("{") :])
    return measured
