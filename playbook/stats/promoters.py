"""Net promoter score with its multinomial standard error, and the test of a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from playbook.stats.intervals import Difference, finite, normal_quantile
from playbook.stats.samples import effective_sample_size

__all__ = ["NetPromoter", "net_promoter", "net_promoter_difference", "net_promoter_from_shares"]


@dataclass(frozen=True)
class NetPromoter:
    """Net promoter score in points (-100 to 100), with shares in 0 to 1.

    ``n`` counts the answers, ``effective_n`` what they are worth when weighted (Kish).
    """

    score: float
    se: float
    low: float
    high: float
    n: int
    effective_n: float
    promoters: float
    passives: float
    detractors: float


def _variance(promoters: float, detractors: float) -> float:
    return max(promoters + detractors - (promoters - detractors) ** 2, 0.0)


def net_promoter_from_shares(
    promoters: float,
    detractors: float,
    n: int,
    level: float = 0.95,
    effective_n: float | None = None,
) -> NetPromoter:
    """Net promoter score from the shares of promoters and detractors.

    Parameters
    ----------
    promoters, detractors
        Shares in 0 to 1, together at most 1.
    n
        Number of answers.
    level
        Confidence level.
    effective_n
        Effective number of answers when they are weighted; ``n`` when absent.

    Returns
    -------
    NetPromoter
        SE = 100 sqrt((p + d - (p - d)^2) / n). Where all answers fall into one group that formula
        gives zero; there half an answer is added at either end and one in the middle.

    Raises
    ------
    ValueError
        Shares outside 0 to 1 or no answers.

    References
    ----------
    Rocks, B. (2016). Interval estimation for the "net promoter score". The American Statistician.
    """
    size = float(n if effective_n is None else effective_n)
    if min(promoters, detractors) < 0 or promoters + detractors > 1 + 1e-9 or not size > 0:
        raise ValueError(
            f"shares must lie in 0 to 1 and n must be positive; got promoters {promoters}, "
            f"detractors {detractors}, n {n}"
        )
    variance = _variance(promoters, detractors) / size
    if variance < 1e-15:
        wider = size + 2
        variance = (
            _variance((promoters * size + 0.5) / wider, (detractors * size + 0.5) / wider) / wider
        )
    score, se = 100 * (promoters - detractors), 100 * float(np.sqrt(variance))
    half = normal_quantile(level) * se
    low, high = max(score - half, -100.0), min(score + half, 100.0)
    passives = max(1 - promoters - detractors, 0.0)
    return NetPromoter(score, se, low, high, int(n), size, promoters, passives, detractors)


def net_promoter(scores: Any, weights: Any = None, level: float = 0.95) -> NetPromoter:
    """Net promoter score of answers from 0 to 10.

    Parameters
    ----------
    scores
        Whole answers from 0 to 10; missing ones left out before.
    weights
        One survey weight an answer; equal when absent.
    level
        Confidence level.

    Raises
    ------
    ValueError
        No answers, an answer that is missing or not 0 to 10, or weights that do not fit.
    """
    answers = finite(scores, "scores")
    wrong = int(((answers < 0) | (answers > 10) | (answers % 1 != 0)).sum())
    if answers.size == 0 or wrong:
        raise ValueError(
            f"answers must be whole numbers from 0 to 10; {wrong} of {answers.size} are not"
        )
    weight = np.ones(answers.size) if weights is None else finite(weights, "weights")
    if weight.size != answers.size:
        raise ValueError(f"{answers.size} answers but {weight.size} weights")
    size = effective_sample_size(weight)
    total = np.sort(weight).sum()
    promoters = float(np.sort(weight[answers >= 9]).sum() / total)
    detractors = float(np.sort(weight[answers <= 6]).sum() / total)
    return net_promoter_from_shares(promoters, detractors, answers.size, level, size)


def net_promoter_difference(
    first: NetPromoter, second: NetPromoter, level: float = 0.95
) -> Difference:
    """Difference of two independent net promoter scores in points, first minus second."""
    value = first.score - second.score
    se = float(np.hypot(first.se, second.se))
    half = normal_quantile(level) * se
    p_value = float(2 * stats.norm.sf(abs(value) / se))
    return Difference(value, value - half, value + half, p_value, first.n, second.n)
