"""How many latent classes of taste there are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.choice.latent import LatentClassResult, latent_class_logit

__all__ = ["choose_classes"]


def choose_classes(
    frame: pd.DataFrame,
    design: pd.DataFrame,
    candidates: Sequence[int] = (1, 2, 3, 4, 5),
    seed: int = 0,
    starts: int = 5,
    weights: str | None = None,
) -> tuple[pd.DataFrame, LatentClassResult]:
    """Fit several numbers of classes and take the one with the smallest BIC.

    Numbers with fewer than 10 respondents a class are not tried, nor those after BIC has risen
    twice in a row.

    Returns
    -------
    table : pandas.DataFrame
        ``classes``, ``log_likelihood``, ``bic``, ``aic``, ``entropy``, ``smallest_share``,
        ``converged``, ``chosen``.
    result : LatentClassResult
        Of the chosen number; the smaller number on a tie.
    """
    people = frame["respondent_id"].nunique()
    tried = sorted({c for c in candidates if c == 1 or people >= 10 * c})
    fits: list[LatentClassResult] = []
    for number in tried:
        fits.append(latent_class_logit(frame, design, number, seed, starts, weights))
        if len(fits) > 2 and fits[-1].bic > fits[-2].bic > fits[-3].bic:
            break
    best = int(np.argmin([round(fit.bic, 6) for fit in fits]))
    table = pd.DataFrame(
        {
            "classes": tried[: len(fits)],
            "log_likelihood": [fit.llf for fit in fits],
            "bic": [fit.bic for fit in fits],
            "aic": [fit.aic for fit in fits],
            "entropy": [fit.entropy for fit in fits],
            "smallest_share": [float(fit.shares.min()) for fit in fits],
            "converged": [fit.converged for fit in fits],
            "chosen": [position == best for position in range(len(fits))],
        }
    )
    return table, fits[best]
