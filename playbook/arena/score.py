"""From profits per world to the score: gain over nothing, share of the oracle's, paired differences, targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t

from playbook.arena.game import LEVERS

__all__ = ["ALL", "NOTHING", "ORACLE", "OURS", "Score", "Verdict", "score"]

NOTHING, OURS, ORACLE = "nothing", "playbook", "oracle"
ALL = "all"
"""Source of a policy's whole strategy, where a row is not about one lever alone."""
SHARE, LOSS = 0.70, 0.10
"""Targets: share of the oracle's pooled gain, and median loss in null worlds as a share of the budget."""
RESAMPLES = 2000


@dataclass(frozen=True)
class Verdict:
    """One target, what was reached, and whether that is enough (none: no world to judge it on)."""

    target: str
    reached: str
    passed: bool | None


@dataclass(frozen=True)
class Score:
    """The score table, by policy and by source of gain, and the verdicts.

    Attributes
    ----------
    policies
        policy, gain (mean a world, over both years), share (of the oracle's pooled gain), low, high (95 %, bootstrap
        over worlds), behind (mean of the playbook's gain less the policy's), behind_low, behind_high (95 %, paired, t).
    sources
        lever, playbook, oracle (pooled gain of the lever alone, mean a world), share, low, high.
    verdicts
        One for each target.
    worlds, nulls
        Number of worlds, and of null worlds among them.
    """

    policies: pd.DataFrame
    sources: pd.DataFrame
    verdicts: tuple[Verdict, ...]
    worlds: int
    nulls: int

    @property
    def passed(self) -> bool:
        """Whether no target is missed."""
        return all(v.passed is not False for v in self.verdicts)


def _gains(rows: pd.DataFrame) -> pd.DataFrame:
    """Worlds × (source, policy): gain over nothing, both years together."""
    profit = rows.pivot_table(index="seed", columns=["source", "policy"], values="profit", aggfunc="sum")  # fmt: skip
    return profit.sub(profit[(ALL, NOTHING)], axis=0).sort_index().sort_index(axis=1)


def _share(ours: np.ndarray, best: np.ndarray) -> tuple[float, float, float]:
    """Ratio of sums with a 95 % interval from resampled worlds."""
    if not best.sum() > 0:
        return (np.nan,) * 3
    drawn = np.random.default_rng(1).integers(0, len(ours), (RESAMPLES, len(ours)))
    below = best[drawn].sum(axis=1)
    ratio = ours[drawn].sum(axis=1)[below > 0] / below[below > 0]
    low, high = np.quantile(ratio, [0.025, 0.975])
    return float(ours.sum() / best.sum()), float(low), float(high)


def _paired(difference: np.ndarray) -> tuple[float, float, float]:
    """Mean with a 95 % interval (Student)."""
    n, mean = len(difference), float(difference.mean())
    if n < 2:
        return mean, np.nan, np.nan
    half = float(t.ppf(0.975, n - 1) * difference.std(ddof=1) / np.sqrt(n))
    return mean, mean - half, mean + half


def score(rows: pd.DataFrame) -> Score:
    """Return the score of all policies.

    Parameters
    ----------
    rows
        One row a world, policy, source and year: seed, kind, policy, source, year, profit, budget.
    """
    gains = _gains(rows)
    whole = gains[ALL]
    best = whole[ORACLE].to_numpy()
    ours = whole[OURS].to_numpy()
    table = []
    for policy in whole.columns:
        own = whole[policy].to_numpy()
        share, low, high = _share(own, best)
        behind = _paired(ours - own) if policy != OURS else (np.nan,) * 3
        table.append((policy, own.mean(), share, low, high, *behind))
    columns = ["policy", "gain", "share", "low", "high", "behind", "behind_low", "behind_high"]
    policies = pd.DataFrame(table, columns=columns).sort_values(
        ["gain", "policy"], ascending=[False, True], ignore_index=True
    )
    sources = pd.DataFrame(
        [
            (lever, gains[lever][OURS].mean(), gains[lever][ORACLE].mean(),
             *_share(gains[lever][OURS].to_numpy(), gains[lever][ORACLE].to_numpy()))
            for lever in LEVERS if lever in gains.columns.get_level_values(0)
        ],
        columns=["lever", OURS, ORACLE, "share", "low", "high"],
    )  # fmt: skip
    kinds = rows.drop_duplicates("seed").set_index("seed").sort_index()
    null = (kinds["kind"] == "null").to_numpy()
    loss = -whole[OURS].to_numpy()[null] / kinds["budget"].to_numpy()[null]
    return Score(policies, sources, _verdicts(policies, loss), len(kinds), int(null.sum()))


def _lost(share: float) -> str:
    return f"{share:.1%} of it" if share > 0 else f"no loss, a gain of {-share:.1%} of it"


def _verdicts(policies: pd.DataFrame, loss: np.ndarray) -> tuple[Verdict, ...]:
    by = policies.set_index("policy")
    reached = by.loc[OURS]
    rivals = by.drop(index=[OURS, ORACLE]).drop(index=["yours"], errors="ignore")
    short = rivals[~(rivals["behind_low"] > 0)].index.tolist()
    median = float(np.median(loss)) if len(loss) else np.nan
    leader = str(by["gain"].idxmax())
    return (
        Verdict(
            f"the playbook reaches {SHARE:.0%} of the oracle's pooled gain",
            f"{reached['share']:.0%} ({reached['low']:.0%} to {reached['high']:.0%})",
            bool(reached["share"] >= SHARE),
        ),
        Verdict(
            "the playbook earns more than every other policy (paired 95 % interval above zero)",
            "above all of them" if not short else f"not surely above {', '.join(short)}",
            not short,
        ),
        Verdict(
            f"in null worlds the playbook's median loss is at most {LOSS:.0%} of a year's budget",
            _lost(median) if len(loss) else "no null world was drawn",
            bool(median <= LOSS) if len(loss) else None,
        ),
        Verdict(
            "no policy earns more than the oracle in the mean",
            "none does" if leader == ORACLE else f"{leader} does",
            leader == ORACLE,
        ),
    )
