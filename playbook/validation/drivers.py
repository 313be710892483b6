"""Published shares of explained variance."""

from __future__ import annotations

import pandas as pd

from playbook.drivers import lmg_shares
from playbook.validation import Check

__all__ = ["rows", "swiss_correlation"]

NAMES = ("Fertility", "Agriculture", "Examination", "Education", "Catholic", "Infant.Mortality")

UPPER = (
    (1.0, 0.353079, -0.645883, -0.663789, 0.463685, 0.416556),
    (1.0, -0.686542, -0.639523, 0.401095, -0.060859),
    (1.0, 0.698415, -0.572742, -0.114022),
    (1.0, -0.153859, -0.099322),
    (1.0, 0.175496),
    (1.0,),
)
"""Upper triangle of the correlations; R squared and LMG depend on nothing else."""


def swiss_correlation() -> pd.DataFrame:
    """Correlations of R's ``swiss`` (47 provinces, 1888; Mosteller & Tukey, 1977)."""
    table = pd.DataFrame(1.0, index=list(NAMES), columns=list(NAMES))
    for first, row in enumerate(UPPER):
        for step, value in enumerate(row):
            table.iloc[first, first + step] = table.iloc[first + step, first] = value
    return table


def rows() -> list[Check]:
    """R squared and LMG shares of R's ``swiss`` beside ours.

    Returns
    -------
    list of Check
        One row a driver and one for R squared.
    """
    published = {
        "Agriculture": 0.0571,
        "Examination": 0.1712,
        "Education": 0.2601,
        "Catholic": 0.1056,
        "Infant.Mortality": 0.1128,
    }
    shares = lmg_shares(swiss_correlation(), "Fertility")
    source = "R package relaimpo, calc.relimp(lm(Fertility ~ ., swiss), type = 'lmg')"
    total = float(shares.sum())
    return [
        Check("lmg.swiss.r2", "R squared", 0.7067, total, 5e-5, False, source),
        *(
            Check(f"lmg.swiss.{name}", "LMG share", value, float(shares[name]), 5e-5, False, source)
            for name, value in published.items()
        ),
    ]
