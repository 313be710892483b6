"""Latent class model of mixed indicators, of which any may be missing: estimated by the EM algorithm.

Glossary
--------
indicator
    A figure that depends on the class: a number (normal within a class, one spread for all classes) or the
    counts of a choice among ways (multinomial within a class).
design effect
    Orders of one customer resemble each other, so ten orders tell less than ten customers. Counts are divided
    by 1 + (n - 1) × rho, where rho is the correlation of two orders of a customer.
posterior
    Probability of each class given the indicators of a customer; unknown indicators simply do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

__all__ = ["Evidence", "LatentClass", "fit_latent_class", "one_class", "prior_by", "same_customer"]

PRIOR_NORMAL, PRIOR_COUNTS = 2.0, 10.0
"""Customers with average figures that are added to each class, so that no class rests on a handful."""
LEAST_VARIANCE = 0.02
FIRST, MOST_STEPS = 1e-4, 300
"""Gain at which a first climb ends (the best goes on), and steps of one climb at most."""


@dataclass(frozen=True)
class Evidence:
    """The indicators of customers as sufficient statistics: one row each.

    Attributes
    ----------
    statistics
        Columns: for each number weight × value, weight × value², weight, known (0 or 1); then counts.
    numbers
        How many numbers there are.
    ways
        Number of ways of each multinomial indicator, in order of its columns.
    """

    statistics: np.ndarray
    numbers: int
    ways: tuple[int, ...]

    @classmethod
    def of(cls, values: np.ndarray, weights: np.ndarray, counts: Sequence[np.ndarray]) -> Evidence:
        """Return the evidence of standardised ``values`` (none: unknown), their weights, and counts."""
        known = np.isfinite(values)
        weight = np.where(known, weights, 0.0)
        filled = np.where(known, values, 0.0)
        parts = [weight * filled, weight * filled**2, weight, known.astype(float), *counts]
        return cls(np.hstack(parts), values.shape[1], tuple(c.shape[1] for c in counts))

    def rows(self, picked: np.ndarray) -> Evidence:
        """Return the evidence of some rows (again where a row is picked twice)."""
        return replace(self, statistics=self.statistics[picked])

    def apart(self, rng: np.random.Generator) -> Evidence:
        """Return the same figures with every indicator shuffled among those who have it: no class is left."""
        mixed = self.statistics.copy()
        p = self.numbers
        groups = [[j, p + j, 2 * p + j, 3 * p + j] for j in range(p)]
        groups += [list(range(start, end)) for start, end in self._bounds()]
        for columns in groups:
            rows = np.flatnonzero(mixed[:, columns].any(axis=1))
            mixed[rows[:, None], columns] = mixed[rng.permutation(rows)[:, None], columns]
        return replace(self, statistics=mixed)

    def _bounds(self) -> list[tuple[int, int]]:
        ends = 4 * self.numbers + np.cumsum(self.ways, dtype=int)
        return [(int(end - n), int(end)) for end, n in zip(ends, self.ways, strict=True)]


@dataclass(frozen=True)
class LatentClass:
    """A fitted model.

    Attributes
    ----------
    sizes
        Share of each class.
    means, variances
        Mean of each number by class (rows), and its variance within classes.
    shares
        Share of each way by class (rows), all multinomial indicators side by side.
    loglik, n, parameters
        Log-likelihood, customers and free parameters.
    """

    sizes: np.ndarray
    means: np.ndarray
    variances: np.ndarray
    shares: np.ndarray
    loglik: float
    n: float
    parameters: int

    @property
    def bic(self) -> float:
        """Bayesian information criterion (Schwarz 1978); smaller is better."""
        return -2 * self.loglik + self.parameters * float(np.log(max(self.n, 2.0)))

    @property
    def weights(self) -> np.ndarray:
        """Return what each statistic adds to the log-likelihood of each class (rows)."""
        means, spread = self.means, self.variances
        ones = np.ones_like(means)
        return np.hstack(
            [means / spread, -0.5 * ones / spread, -0.5 * means**2 / spread, -0.5 * np.log(spread) * ones, np.log(np.maximum(self.shares, 1e-12))]
        )  # fmt: skip

    def scores(self, evidence: Evidence) -> np.ndarray:
        """Return the log-likelihood of each customer's indicators under each class (up to a constant)."""
        return np.asarray(evidence.statistics @ self.weights.T)

    def posterior(self, evidence: Evidence, prior: np.ndarray | None = None) -> np.ndarray:
        """Return the probability of each class; ``prior`` replaces the shares of classes by customer."""
        start = np.log(self.sizes) if prior is None else np.log(np.maximum(prior, 1e-12))
        return np.asarray(softmax(start + self.scores(evidence), axis=1))


def same_customer(counts: np.ndarray) -> float:
    """Return the correlation of two orders of one customer in a choice among ways (moment estimate, 0 to 1).

    References
    ----------
    Rao & Scott (1992), A simple method for the analysis of clustered binary data, Biometrics 48(2).
    """
    total = counts.sum(axis=1)
    counts, total = counts[total > 0], total[total > 0]
    if not len(total):
        return 0.0
    share = counts.sum(axis=0) / counts.sum()
    room = 1 - float((share**2).sum())
    several = total >= 2
    if room < 1e-9 or not several.any():
        return 0.0
    apart = ((counts / total[:, None] - share) ** 2).sum(axis=1) / room
    excess = apart[several] - 1 / total[several]
    return float(np.clip(excess.sum() / (1 - 1 / total[several]).sum(), 0.0, 1.0))


def one_class(evidence: Evidence) -> LatentClass:
    """Return the model of a single class: no segments."""
    turned = np.ascontiguousarray(evidence.statistics.T)
    return _climb(evidence, turned, np.ones((1, len(evidence.statistics))), 1e-9)[0]


def fit_latent_class(
    evidence: Evidence, starts: Sequence[tuple[np.ndarray, np.ndarray]], k: int, tolerance: float = 2e-6, prior: float = 1.0
) -> LatentClass:  # fmt: skip
    """Return the model of ``k`` classes with the highest likelihood over several starts.

    Parameters
    ----------
    evidence
        Indicators of all customers.
    starts
        Row numbers and the class (0 to k - 1) each of these starts in; all other rows start between the classes.
    tolerance
        Relative gain in likelihood below which a climb ends.
    prior
        Strength of the weak prior; 0 is plain maximum likelihood.

    References
    ----------
    Dempster, Laird & Rubin (1977), Maximum likelihood from incomplete data via the EM algorithm, JRSS B 39(1).
    Vermunt & Magidson (2002), Latent class cluster analysis, in: Applied Latent Class Analysis.
    """
    turned = np.ascontiguousarray(evidence.statistics.T)
    best: tuple[LatentClass, np.ndarray] | None = None
    for rows, first in starts:
        chance = np.full((k, len(evidence.statistics)), 1 / k)
        chance[:, rows] = 0.9 * np.eye(k)[:, first] + 0.1 / k
        found = _climb(evidence, turned, chance, max(tolerance, FIRST), prior)
        if best is None or found[0].loglik > best[0].loglik:
            best = found
    assert best is not None
    return _climb(evidence, turned, best[1], tolerance, prior)[0]


def _climb(
    evidence: Evidence, turned: np.ndarray, chance: np.ndarray, tolerance: float, prior: float = 1.0
) -> tuple[LatentClass, np.ndarray]:
    """Alternate E- and M-steps; classes are rows of ``chance``, customers columns of ``turned``, which is faster."""
    model, old = _maximise(evidence, chance, prior), -np.inf
    for _ in range(MOST_STEPS):
        joint = model.weights @ turned + np.log(model.sizes)[:, None]
        top = joint.max(axis=0)
        joint -= top
        np.exp(joint, out=joint)
        total = joint.sum(axis=0)
        loglik = float(top.sum() + np.log(total).sum())
        joint /= total
        chance = joint
        model = replace(_maximise(evidence, chance, prior), loglik=loglik)
        if loglik - old < tolerance * abs(loglik):
            break
        old = loglik
    return model, chance


def _maximise(evidence: Evidence, chance: np.ndarray, prior: float = 1.0) -> LatentClass:
    """Return the parameters given the probability of each class by customer (M-step, with a weak prior)."""
    k, n = chance.shape
    p = evidence.numbers
    sums = chance @ evidence.statistics
    first, second, weight, known = (sums[:, i * p : (i + 1) * p] for i in range(4))
    means = first / np.maximum(weight + PRIOR_NORMAL * prior, 1e-9)
    left = (second - 2 * means * first + means**2 * weight).sum(axis=0)
    variances = np.maximum(
        (left + prior) / np.maximum(known.sum(axis=0) + prior, 1e-9), LEAST_VARIANCE
    )
    parts, free = [], k - 1 + k * p + p
    for start, end in evidence._bounds():
        part = sums[:, start:end]
        average = (part.sum(axis=0) + 1e-6) / (part.sum() + 1e-6 * (end - start))
        parts.append((part + PRIOR_COUNTS * prior * average) / (part.sum(axis=1, keepdims=True) + PRIOR_COUNTS * prior))  # fmt: skip
        free += k * (end - start - 1)
    shares = np.hstack(parts) if parts else np.empty((k, 0))
    sizes = (chance.sum(axis=1) + prior) / (n + k * prior)
    return LatentClass(sizes, means, variances, shares, -np.inf, float(n), free)


def prior_by(
    scores: np.ndarray, design: np.ndarray, sizes: np.ndarray, ridge: float = 5.0, steps: int = 80
) -> np.ndarray:
    """Return how descriptors shift the chances of the classes: coefficients (first row: all alike).

    The second of two steps: what a class is stays as measured by the indicators, and a multinomial logit tells
    how likely each class is for a kind of person. Descriptors so never define a class.

    Parameters
    ----------
    scores
        Of `LatentClass.scores`.
    design
        One column per level of a descriptor (0 or 1; unknown: all 0).
    sizes
        Share of each class.

    References
    ----------
    Bakk & Kuha (2018), Two-step estimation of models between latent classes and external variables,
    Psychometrika 83(4). Böhning (1992), Multinomial logistic regression algorithm, Ann. Inst. Stat. Math. 44.
    """
    whole = np.column_stack([np.ones(len(design)), design])
    penalty = np.full(whole.shape[1], ridge)
    penalty[0] = 1e-6
    turn = np.linalg.inv(whole.T @ whole + np.diag(penalty))
    found = np.zeros((whole.shape[1], len(sizes)))
    found[0] = np.log(sizes)
    turned, lifted = np.ascontiguousarray(whole.T), scores.T - scores.max(axis=1)
    for _ in range(steps):
        expected = _softmax(found.T @ turned)
        now = _softmax(np.log(np.maximum(expected, 1e-12)) + lifted)
        slope = turned @ (now - expected).T
        slope[1:] -= ridge * found[1:]
        found = found + 2 * turn @ slope
    return found


def _softmax(joint: np.ndarray) -> np.ndarray:
    raised = np.exp(joint - joint.max(axis=0))
    return np.asarray(raised / raised.sum(axis=0))
