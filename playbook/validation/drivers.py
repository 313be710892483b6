"""Published shares of explained variance and proportional-odds coefficients."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.drivers import lmg_shares, proportional_odds
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


HOUSING = """
21 21 28 34 22 36 10 11 36 61 23 17 43 35 40 26 18 54 13 9 10 8 8 12 6 7 9 18 6 7 15 13 13 7 5 11
14 19 37 17 23 40 3 5 23 78 46 43 48 45 86 15 25 62 20 23 20 10 22 24 7 10 21 57 23 13 31 21 13 5 6 13
"""
"""Tenants of Copenhagen (Madsen, 1976; ``housing`` of MASS) by satisfaction (fastest), influence, type and contact."""

POLR = {
    "InflMedium": (0.5663937, 0.1046528),
    "InflHigh": (1.2888191, 0.1271561),
    "TypeApartment": (-0.5723501, 0.1192380),
    "TypeAtrium": (-0.3661866, 0.1551733),
    "TypeTerrace": (-1.0910149, 0.1514860),
    "ContHigh": (0.3602841, 0.0955358),
}
"""Coefficient and standard error that R prints."""


def _polr() -> list[Check]:
    """Weighted proportional odds beside R's: coefficients, errors, deviance."""
    count = np.array(HOUSING.split(), float)
    cell = np.arange(len(count))
    influence, kind, contact = cell // 3 % 3, cell // 9 % 4, cell // 36
    columns = [influence == 1, influence == 2, kind == 1, kind == 2, kind == 3, contact == 1]
    fit = proportional_odds(cell % 3, np.column_stack(columns).astype(float), count)
    source = (
        "Venables & Ripley (2002), R package MASS, polr(Sat ~ Infl + Type + Cont, housing, Freq)"
    )
    if fit is None:
        return [Check("polr.housing.fit", "fitted (1)", 1.0, 0.0, 0.0, False, source)]
    found = [Check("polr.housing.deviance", "deviance", 3479.149, -2 * fit.loglike, 5e-4, False, source)]  # fmt: skip
    for place, (name, (value, error)) in enumerate(POLR.items()):
        found.append(Check(f"polr.housing.{name}", "log odds", value, float(fit.coefficient[place]), 1e-5, False, source))  # fmt: skip
        found.append(Check(f"polr.housing.{name}.error", "standard error", error, float(fit.error[place]), 1e-5, False, source))  # fmt: skip
    return found


def rows() -> list[Check]:
    """R squared and LMG shares of R's ``swiss``, and polr on ``housing``, beside ours.

    Returns
    -------
    list of Check
        One row a figure.
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
        *_polr(),
    ]
