"""Published figures of research: raking, and a total that misleads."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook import stats
from playbook.research.reversals import gaps
from playbook.validation import Check

__all__ = ["berkeley", "raked_example", "rows"]

SAMPLE = np.array([[40, 30, 20, 10], [35, 50, 100, 75], [30, 80, 70, 120], [20, 30, 40, 50]])
MARGINS = ((150, 300, 400, 150), (200, 300, 400, 100))
FITTED = np.array(
    [
        [64.61, 46.28, 35.42, 3.83],
        [49.95, 68.15, 156.49, 25.37],
        [56.70, 144.40, 145.06, 53.76],
        [28.74, 41.18, 63.03, 17.03],
    ]
)
ROUNDS = 2e-4
"""The published fit stops after three rounds, when rows are met within 0.2 of 1,000."""

ADMITTED = (
    ("A", 825, 512, 108, 89), ("B", 560, 353, 25, 17), ("C", 325, 120, 593, 202),
    ("D", 417, 138, 375, 131), ("E", 191, 53, 393, 94), ("F", 373, 22, 341, 24),
)  # fmt: skip
"""Department, men who applied and were admitted, women who applied and were admitted."""


def raked_example(tolerance: float) -> np.ndarray:
    """Return the sample of the worked example, raked to its margins."""
    people = pd.DataFrame(
        [(f"r{i}", f"c{j}") for (i, j), n in np.ndenumerate(SAMPLE) for _ in range(int(n))],
        columns=["a row", "b column"],
    )
    margins = {
        "a row": {f"r{i}": n for i, n in enumerate(MARGINS[0])},
        "b column": {f"c{j}": n for j, n in enumerate(MARGINS[1])},
    }
    weight = stats.rake(people, margins, tol=tolerance) * sum(MARGINS[0]) / len(people)
    return weight.groupby([people["a row"], people["b column"]]).sum().unstack().to_numpy()


def berkeley() -> pd.DataFrame:
    """Return applications to six departments of the University of California, Berkeley, 1973."""
    rows = [
        (sex, department, customers, kept)
        for department, men, men_in, women, women_in in ADMITTED
        for sex, customers, kept in (("men", men, men_in), ("women", women, women_in))
    ]
    return pd.DataFrame(rows, columns=["sex", "department", "customers", "kept"])


def rows() -> list[Check]:
    """Published figures beside ours.

    Returns
    -------
    list of Check
        Four corners of the raked table; admission of women and men in two departments.
    """
    source = "Iterative proportional fitting, worked example (Wikipedia), after Deming & Stephan (1940)"  # fmt: skip
    ours = raked_example(ROUNDS)
    checks = [
        Check(f"rake.ipf.{i + 1}_{j + 1}", f"raked cell {i + 1}, {j + 1}", float(FITTED[i, j]), float(ours[i, j]), 6e-3, False, source)
        for i, j in ((0, 0), (1, 2), (2, 1), (3, 3))
    ]  # fmt: skip
    found = gaps(berkeley(), "sex", "women", "department")
    book = "Freedman, Pisani & Purves, Statistics, ch. 2, table 2, after Bickel, Hammel & O'Connell (1975), Science 187"  # fmt: skip
    figures = (
        ("a_women", "women admitted, department A", 0.82, found.loc["A", "rate"]),
        ("a_men", "men admitted, department A", 0.62, found.loc["A", "rate_others"]),
        ("f_women", "women admitted, department F", 0.07, found.loc["F", "rate"]),
        ("f_men", "men admitted, department F", 0.06, found.loc["F", "rate_others"]),
    )
    return checks + [
        Check(f"simpson.berkeley.{name}", what, published, float(value), 5.5e-3, False, book)
        for name, what, published, value in figures
    ]
