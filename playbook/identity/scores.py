"""Scores a resolution against known identities."""

from __future__ import annotations

import pandas as pd

__all__ = ["PairScores", "pair_scores"]

from typing import NamedTuple


class PairScores(NamedTuple):
    """Share of linked pairs that are right, share of true pairs that are linked, and their mean.

    References
    ----------
    Christen, P. (2012). Data Matching, section 7.2. Springer.
    """

    precision: float
    recall: float
    f1: float


def pair_scores(keys: pd.DataFrame, truth: pd.DataFrame) -> PairScores:
    """Return precision, recall and F1 over pairs of records.

    Parameters
    ----------
    keys, truth
        ``customer_id``, ``system``, ``system_id``: what was found, and who each record is. Records
        that are not in both are left out.
    """
    on = ["system", "system_id"]
    both = keys[[*on, "customer_id"]].merge(
        truth[[*on, "customer_id"]], on=on, suffixes=("", "_true")
    )
    linked = _pairs(both, ["customer_id"])
    true = _pairs(both, ["customer_id_true"])
    right = _pairs(both, ["customer_id", "customer_id_true"])
    precision = right / linked if linked else 1.0
    recall = right / true if true else 1.0
    return PairScores(precision, recall, 2 * right / (linked + true) if linked + true else 1.0)


def _pairs(frame: pd.DataFrame, by: list[str]) -> int:
    size = frame.groupby(by).size()
    return int((size * (size - 1) // 2).sum())
