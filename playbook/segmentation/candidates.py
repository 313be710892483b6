"""Candidate segmentations: rules, k-means on purchases, latent classes of needs and habits; each with its figures.

Glossary
--------
stability
    Agreement (adjusted Rand index) of a solution with those of bootstrap samples; of one segment: its best overlap.
separation
    For k-means the mean silhouette; for latent classes what the classes explain, the gain in log-likelihood per
    customer over no classes. *By chance* is the same in data whose figures are shuffled apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

from playbook.segmentation.latent_class import Evidence, LatentClass, fit_latent_class, one_class
from playbook.segmentation.rfm import rfm_segment, score_rfm

__all__ = ["MEANS", "NEEDS", "RESAMPLES", "RULES", "Candidate", "by_classes", "by_means", "by_rules", "nearest", "sample"]  # fmt: skip

RULES, MEANS, NEEDS = "RFM rules", "k-means", "latent class"
RESAMPLES, CLASS_RESAMPLES = 20, 10
STARTS, RESTARTS = 8, 2
SILHOUETTE_ROWS = 2000
FIT_ROWS = 20_000
"""Customers a solution is fitted on at most; all are then assigned."""


@dataclass(frozen=True)
class Candidate:
    """One way to segment: its labels (0, 1, ...) and how they do."""

    name: str
    method: str
    labels: np.ndarray
    figures: dict[str, float]
    stability_of: np.ndarray
    centers: np.ndarray | None = None
    classes: LatentClass | None = None
    rules: tuple[str, ...] = ()

    def with_separation(self, found: float, by_chance: float) -> Candidate:
        """Return the candidate with its separation, and that of shuffled data."""
        return replace(
            self, figures=self.figures | {"separation": found, "separation_by_chance": by_chance}
        )


def sample(n: int, seed: int, must: np.ndarray | None = None) -> np.ndarray:
    """Return the rows a solution is fitted on: all up to a limit, else a random part with the rows ``must`` first."""
    if n <= FIT_ROWS:
        return np.arange(n)
    rng = np.random.default_rng(seed)
    first = np.flatnonzero(must) if must is not None else np.array([], dtype=int)
    if len(first) * FIT_ROWS / n >= 2_000:
        first = first[:0]  # a random sample holds enough of them
    first = rng.permutation(first)[: FIT_ROWS // 2]
    rest = np.setdiff1d(np.arange(n), first)
    return np.sort(np.append(first, rng.permutation(rest)[: FIT_ROWS - len(first)]))


def by_rules(buyers: pd.DataFrame, space: np.ndarray, seed: int) -> Candidate:
    """Return the rules on recency, frequency and money as a candidate."""
    labels, names = pd.factorize(rfm_segment(score_rfm(buyers)), sort=True)
    agreement, overlap = [], []
    for rows in _resamples(len(buyers), RESAMPLES, seed):
        rows = np.unique(rows)
        again = pd.factorize(rfm_segment(score_rfm(buyers.iloc[rows])), sort=True)[0]
        agreement.append(adjusted_rand_score(labels[rows], again))
        overlap.append(_overlap(labels[rows], again, labels.max() + 1))
    found = _candidate(RULES, RULES, labels, agreement, overlap)
    return replace(found, rules=tuple(names)).with_separation(_silhouette(space, labels, seed), np.nan)  # fmt: skip


def by_means(space: np.ndarray, k: int, seed: int) -> Candidate:
    """Return k-means with ``k`` segments on block-weighted figures as a candidate."""
    part = space[sample(len(space), seed)]
    fitted = KMeans(k, n_init=10, random_state=seed).fit(part)
    agreement, overlap = [], []
    for draw, rows in enumerate(_resamples(len(part), RESAMPLES, seed)):
        again = KMeans(k, n_init=3, random_state=seed + draw).fit(part[rows]).predict(part)
        agreement.append(adjusted_rand_score(fitted.labels_, again))
        overlap.append(_overlap(fitted.labels_, again, k))
    labels = nearest(space, fitted.cluster_centers_)
    found = _candidate(f"K-means, {k}", MEANS, labels, agreement, overlap)
    found = replace(found, centers=fitted.cluster_centers_)
    return found.with_separation(_silhouette(space, labels, seed), _chance(part, k, seed))


def by_classes(
    evidence: Evidence, answered: np.ndarray, k: int, seed: int, before: np.ndarray | None = None
) -> Candidate:
    """Return latent classes of needs and habits as a candidate; labels are by needs and habits alone.

    Parameters
    ----------
    evidence
        All customers.
    answered
        Who told their needs; the climbs start from k-means of these.
    k
        Number of classes.
    before
        Each customer's class under last year's model, one more start.
    """
    rows = sample(len(answered), seed, answered)
    part, told = evidence.rows(rows), answered[rows]
    starts = list(_starts(part, told, k, seed, STARTS))
    if before is not None:
        starts.append((np.arange(len(rows)), before[rows]))
    fitted = fit_latent_class(part, starts, k, 1e-7)
    usual = fitted.posterior(part).argmax(axis=1)
    agreement, overlap = [], []
    for draw, drawn in enumerate(_resamples(len(rows), CLASS_RESAMPLES, seed)):
        some = part.rows(drawn)
        again = fit_latent_class(some, list(_starts(some, told[drawn], k, seed + 100 * draw, RESTARTS)), k, 5e-6)  # fmt: skip
        found = again.posterior(part).argmax(axis=1)
        agreement.append(adjusted_rand_score(usual, found))
        overlap.append(_overlap(usual, found, k))
    candidate = _candidate(f"Latent class, {k}", NEEDS, usual, agreement, overlap)
    alone = one_class(part)
    mixed = part.apart(np.random.default_rng(seed))
    shuffled = fit_latent_class(mixed, list(_starts(mixed, told, k, seed, RESTARTS)), k)
    n = len(rows)
    candidate = candidate.with_separation(
        (fitted.loglik - alone.loglik) / n, (shuffled.loglik - one_class(mixed).loglik) / n
    )
    figures = candidate.figures | {"bic_gain": (alone.bic - fitted.bic) / n}
    labels = usual if n == len(answered) else fitted.posterior(evidence).argmax(axis=1)
    return replace(candidate, labels=labels, classes=fitted, figures=figures)


def _starts(
    evidence: Evidence, told: np.ndarray, k: int, seed: int, count: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    rows = np.flatnonzero(told)
    p = evidence.numbers
    known = evidence.statistics[rows, 2 * p : 3 * p]
    values = evidence.statistics[rows, :p] / np.maximum(known, 1.0)
    for draw in range(count):
        yield rows, KMeans(k, n_init=1, random_state=seed + draw).fit_predict(values)


def _resamples(n: int, count: int, seed: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        yield rng.integers(0, n, n)


def _candidate(
    name: str, method: str, labels: np.ndarray, agreement: list[float], overlap: list[np.ndarray]
) -> Candidate:
    shares = np.bincount(labels) / len(labels)
    figures = {
        "segments": float(len(shares)),
        "stability": float(np.mean(agreement)),
        "separation": np.nan,
        "separation_by_chance": np.nan,
        "smallest_share": float(shares.min()),
        "bic_gain": np.nan,
    }
    return Candidate(name, method, labels, figures, np.mean(overlap, axis=0))


def _overlap(labels: np.ndarray, again: np.ndarray, k: int) -> np.ndarray:
    """Best Jaccard overlap of each of the ``k`` segments with a segment of another solution."""
    both = np.zeros((k, int(again.max()) + 1))
    np.add.at(both, (labels, again), 1)
    union = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    return (both / np.maximum(union, 1)).max(axis=1)


def _silhouette(space: np.ndarray, labels: np.ndarray, seed: int) -> float:
    if len(np.unique(labels)) < 2:
        return 0.0
    rows = min(SILHOUETTE_ROWS, len(space))
    picked = np.random.default_rng(seed).permutation(len(space))[:rows]
    if len(np.unique(labels[picked])) < 2:
        return 0.0
    return float(silhouette_score(space[picked], labels[picked]))


def _chance(space: np.ndarray, k: int, seed: int) -> float:
    rng = np.random.default_rng(seed)
    mixed = np.column_stack([rng.permutation(column) for column in space.T])
    return _silhouette(mixed, KMeans(k, n_init=3, random_state=seed).fit(mixed).labels_, seed)


def nearest(values: np.ndarray, centers: np.ndarray) -> np.ndarray:
    """Return the row number of the nearest centre of each row of ``values``."""
    distance = (values**2).sum(axis=1)[:, None] - 2 * values @ centers.T + (centers**2).sum(axis=1)
    return np.asarray(distance.argmin(axis=1))
