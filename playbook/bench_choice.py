"""Times the choice models: a million rows, statsmodels on the same rows, and five latent classes.

Every timing runs in a process of its own, on one core, without imports.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from playbook.engagement import ROOT
from playbook.errors import StepError

__all__ = ["bench_choice"]

ROWS, COMPARED, CLASS_ROWS = 1_000_000, 40_000, 100_000
SECONDS = 1.5
"""Seconds that a conditional logit on a million rows may take."""
FASTER = 100.0
"""How many times faster than ``ConditionalLogit`` of statsmodels the fit must be."""
CLASSES = 5

_DATA = """
import json, sys, time
import numpy as np, pandas as pd
from playbook.choice import conditional_logit, latent_class_logit
def survey(rows, classes=1, seed=1, offers=4, tasks=10):
    rng = np.random.default_rng(seed)
    count = rows // offers
    x = rng.integers(0, 2, (rows, 6)).astype(float)
    x[:, 0] = rng.choice([20.0, 30.0, 40.0, 50.0], rows)
    beta = rng.normal(0, 1, (classes, 6)) * ([0] + [1] * 5) + [-0.04, 0.5, -0.3, 0.8, 0.1, -0.6]
    task = np.repeat(np.arange(count), offers)
    who = task // tasks
    utility = (x * beta[who % classes]).sum(axis=1).reshape(count, offers) + rng.gumbel(size=(count, offers))
    chosen = np.arange(offers) == utility.argmax(axis=1)[:, None]
    frame = pd.DataFrame({"respondent_id": pd.Series(who).astype("str").str.zfill(6), "task": task % tasks,
                          "alternative": np.tile(np.arange(offers), count), "chosen": chosen.ravel()})
    return frame, pd.DataFrame(x, columns=["price", "b", "c", "d", "e", "f"])
def clock(work, times=1):
    best = float("inf")
    for _ in range(times):
        started = time.perf_counter()
        fit = work()
        best = min(best, time.perf_counter() - started)
    return best, fit
rows = int(sys.argv[1])
"""
_LOGIT = """
frame, design = survey(rows)
conditional_logit(frame[:400], design[:400])
seconds, fit = clock(lambda: conditional_logit(frame, design), 3)
print(json.dumps({"seconds": seconds, "llf": fit.llf, "people": fit.n_respondents}))
"""
_THEIRS = """
from statsmodels.discrete.conditional_models import ConditionalLogit
frame, design = survey(rows)
conditional_logit(frame[:400], design[:400])
ours, fit = clock(lambda: conditional_logit(frame, design), 5)
group = frame.groupby(["respondent_id", "task"]).ngroup().to_numpy()
model = lambda: ConditionalLogit(frame["chosen"].to_numpy(int), design.to_numpy(), groups=group).fit(disp=0)
theirs, other = clock(model)
print(json.dumps({"ours": ours, "theirs": theirs, "llf": fit.llf, "llf_theirs": float(other.llf)}))
"""
_CLASSES = """
frame, design = survey(rows, classes=5)
seconds, fit = clock(lambda: latent_class_logit(frame, design, 5))
print(json.dumps({"seconds": seconds, "converged": bool(fit.converged), "llf": fit.llf, "entropy": fit.entropy}))
"""


def bench_choice(
    rows: int = ROWS, compared: int = COMPARED, class_rows: int = CLASS_ROWS
) -> list[dict[str, Any]]:
    """Return rows of id, seconds, ratio, the limit and ok.

    Parameters
    ----------
    rows
        Alternatives of the large conditional logit.
    compared
        Alternatives that statsmodels fits as well.
    class_rows
        Alternatives of the latent-class logit.
    """
    large, both = _child(_LOGIT, rows), _child(_THEIRS, compared)
    classes = _child(_CLASSES, class_rows)
    return _judged(rows, compared, class_rows, large, both, classes)


def _judged(
    rows: int, compared: int, class_rows: int,
    large: dict[str, float], both: dict[str, float], classes: dict[str, float],
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the bench's rows; equal log-likelihood is relative 1e-6, for theirs stops a little early."""
    ratio = both["theirs"] / both["ours"]
    gap = both["llf"] - both["llf_theirs"]
    equal = abs(gap) <= 1e-6 * abs(both["llf_theirs"])
    return [
        _row(f"logit-{rows}", large["seconds"], None, large["seconds"] <= SECONDS, f"conditional logit on {rows:,} choice rows, at most {SECONDS:g} s"),
        _row(f"statsmodels-logit-{compared}", both["theirs"], 1.0, True, f"ConditionalLogit on {compared:,} rows, log-likelihood {both['llf_theirs']:,.4f}"),
        _row(f"logit-{compared}", both["ours"], ratio, ratio >= FASTER, f"at least {FASTER:g} times as fast as statsmodels (ratio)"),
        _row(f"logit-likelihood-{compared}", both["ours"], gap, equal, "log-likelihood equal to that of statsmodels (ratio: difference)"),
        _row(f"latent-class-{class_rows}", classes["seconds"], None, bool(classes["converged"]), f"{CLASSES} classes on {class_rows:,} rows, 5 starts, converged"),
    ]  # fmt: skip


def _row(id_: str, seconds: float, ratio: float | None, ok: bool, limit: str) -> dict[str, Any]:
    return {
        "id": id_, "seconds": round(seconds, 3), "ratio": None if ratio is None else round(ratio, 5),
        "limit": limit, "ok": bool(ok),
    }  # fmt: skip


def _child(work: str, rows: int) -> dict[str, float]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "ignore", "-c", _DATA + work, str(rows)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode:
        raise StepError(f"bench: choice models ended with {done.returncode}: {done.stderr[-500:]}")
    measured: dict[str, float] = json.loads(done.stdout[done.stdout.rindex("{") :])
    return measured
