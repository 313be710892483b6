"""The strategic segments: candidates compared, one chosen by a rule, named, and ready for next year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from threadpoolctl import threadpool_limits

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.errors import NotEnough
from playbook.segmentation.basis import basis_of, fit_basis, standardise
from playbook.segmentation.naming import final_names, kept_names
from playbook.segmentation.rfm import NO_PURCHASE, rfm_segment, score_rfm

__all__ = ["assign_segments", "choose_segments"]

NUMBERS = range(3, 8)
RULES = "RFM rules"
STABLE = 0.80
RESAMPLES = 20
SILHOUETTE_ROWS = 2000
LEAST_CUSTOMERS = 100


@dataclass(frozen=True)
class Candidate:
    """One way to segment: its labels (0, 1, ...) and how they do."""

    name: str
    labels: np.ndarray
    centers: np.ndarray | None
    figures: dict[str, float]
    stability_of: np.ndarray
    rules: tuple[str, ...] = ()


def choose_segments(
    customers: pd.DataFrame,
    mix: pd.DataFrame,
    previous: pd.DataFrame | Missing | None = None,
    names: Mapping[str, str] | None = None,
    smallest_share: float = 0.05,
    *,
    seed: int,
) -> Answer | Missing:
    """Compare candidate solutions and choose one by a stated rule.

    Candidates are the rules on recency, frequency and money, and k-means with 3 to 7 segments on
    the basis. *Stability* is the mean adjusted Rand index between the solution and the solutions of 20
    bootstrap samples; *separation* is the mean silhouette, *separation by chance* that of the same
    number of segments in data whose columns are shuffled apart.

    The rule: of the k-means solutions whose smallest segment has at least ``smallest_share`` of the
    customers and whose stability is at least 0.80, last year's number of segments if it is among them,
    else the most segments. If none passes, the most stable one with no segment too small, else the
    rules.

    Parameters
    ----------
    customers
        Frame of `add_contribution`.
    mix
        Query ``purchase_mix``.
    previous
        Last year's ``segment_model``; its names stay with segments that are the same.
    names
        Names the plan wants: computed name -> wanted name.
    smallest_share
        Smallest share of customers a segment may have.
    seed
        Seed of starts and resamples.

    Returns
    -------
    Answer
        One row per candidate; extras ``chosen`` (name), ``segments`` (customer_id, segment: every customer), ``model``
        (``segment_model``, `Missing` for the rules), ``deviations`` (segment, feature, deviation in
        standard deviations) and ``stability`` (segment, stability as mean best Jaccard overlap).

    References
    ----------
    Hubert & Arabie (1985), Comparing partitions, J. of Classification 2. Dolnicar & Leisch (2010),
    Evaluation of structure and reproducibility of cluster solutions, Marketing Letters 21(1).
    Hennig (2007), Cluster-wise assessment of cluster stability, Comp. Statistics & Data Analysis 52.
    """
    before = previous if isinstance(previous, pd.DataFrame) else None
    return _choose(customers, mix, smallest_share, seed, before, dict(names or {}))


def assign_segments(
    customers: pd.DataFrame, mix: pd.DataFrame, model: pd.DataFrame
) -> pd.DataFrame:
    """Return the segment of each customer under a saved ``segment_model``: the nearest centre.

    Parameters
    ----------
    customers, mix
        Queries ``customer_features`` and ``purchase_mix``, of any year.
    model
        Result ``segment_model``. Nothing is estimated anew.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``segment``; customers without any order are in "No purchase on record".
    """
    features = model.drop_duplicates("feature")
    order = list(features["feature"])
    centers = model.pivot_table(index="segment", columns="feature", values="center")[order]
    scale = features["scale"].to_numpy()
    values = basis_of(customers, mix, features).to_numpy() / scale
    nearest = _nearest(values, centers.to_numpy() / scale)
    buyers = customers.loc[customers["orders"] > 0, "customer_id"].sort_values()
    found = pd.Series(centers.index.to_numpy()[nearest], index=buyers.to_numpy())
    return _everyone(customers, found)


@answers
def _choose(
    customers: pd.DataFrame, mix: pd.DataFrame, smallest_share: float, seed: int,
    previous: pd.DataFrame | None, wanted: dict[str, str],
) -> Answer:  # fmt: skip
    buyers = customers[customers["orders"] > 0].sort_values("customer_id", ignore_index=True)
    need(buyers, "customers with an order", "orders with a customer number", rows=LEAST_CUSTOMERS)
    basis = fit_basis(customers, mix)
    if len(basis) < 2:
        raise NotEnough("customers do not differ in what they buy", "orders with dates and values")
    values = basis_of(customers, mix, basis)
    space = standardise(values, basis).to_numpy()
    different = len(np.unique(space.round(9), axis=0))
    with threadpool_limits(1):
        candidates = [_rules(buyers, space, seed)]
        candidates += [_kmeans(space, k, seed) for k in NUMBERS if different >= 2 * k]
    number = previous["segment"].nunique() if previous is not None else None
    chosen, why = _pick(candidates, smallest_share, number)
    table = pd.DataFrame(
        [{"candidate": c.name, **c.figures, "chosen": c is chosen} for c in candidates]
    )
    worth = pd.Series(buyers["margin_12m"].to_numpy()).groupby(chosen.labels).mean()
    label, model = _finish(chosen, values, basis, worth, previous, wanted)
    found = pd.Series(
        np.array([label[i] for i in chosen.labels], dtype=object), index=buyers["customer_id"]
    )
    deviations = _deviations(values, basis, chosen.labels).rename(index=label)
    return Answer(
        table=table,
        headline=_headline(chosen, table),
        so_what=why + " " + _structure(chosen),
        kind="diagnostic",
        caption=f"Candidate solutions on {len(basis)} figures in {basis['block'].nunique()} blocks (n = {len(buyers):,} buyers, {RESAMPLES} resamples)",
        units={"segments": "count", "stability": "ratio", "separation": "ratio", "separation_by_chance": "ratio", "smallest_share": "%"},
        source="orders, order lines, tickets; k-means on block-weighted standardised figures",
        metrics=(
            Metric("segments", float(len(label)), n=len(buyers), unit="count", kind="diagnostic"),
            Metric("segment_stability", chosen.figures["stability"], n=RESAMPLES, unit="ratio", kind="diagnostic"),
        ),
        extra={
            "chosen": chosen.name,
            "segments": _everyone(customers, found),
            "model": model,
            "deviations": deviations.rename_axis("segment").reset_index().melt("segment", var_name="feature", value_name="deviation"),
            "stability": pd.DataFrame({"segment": [label[i] for i in sorted(label)], "stability": chosen.stability_of}),
        },
    )  # fmt: skip


def _headline(chosen: Candidate, table: pd.DataFrame) -> str:
    stability = format_value(chosen.figures["stability"], "ratio")
    passed = chosen.figures["stability"] >= STABLE
    return (
        f"{chosen.name} chosen: {int(chosen.figures['segments'])} segments, "
        f"{'found again' if passed else 'only loosely found again'} in resamples (agreement {stability})"
    )


def _structure(chosen: Candidate) -> str:
    gain = chosen.figures["separation"] - chosen.figures["separation_by_chance"]
    if not np.isfinite(gain):
        return (
            "The rules are drawn by hand, so look for better data before building offers on them."
        )
    if gain > 0.15:
        return "The segments stand clearly apart from what chance would give: treat them as groups of their own."
    if gain > 0.02:
        return (
            "They stand apart more than chance would give, but their edges are soft: steer offers by segment, "
            "and do not argue about customers at the border."
        )
    return "They are lines drawn through a continuum and not natural groups: use them to organise work, not as a fact about people."  # fmt: skip


def _pick(
    candidates: list[Candidate], smallest: float, number: int | None
) -> tuple[Candidate, str]:
    means = [c for c in candidates if c.centers is not None]
    big = [c for c in means if c.figures["smallest_share"] >= smallest]
    good = [c for c in big if c.figures["stability"] >= STABLE]
    rule = f"stability at least {STABLE:.2f} and no segment under {format_value(smallest, '%')} of customers"
    same = [c for c in good if c.figures["segments"] == number]
    if same:
        return same[0], f"Rule: {rule}, then last year's number of segments, so that years compare; {same[0].name} keeps it."  # fmt: skip
    if good:
        best = max(good, key=lambda c: c.figures["segments"])
        return best, f"Rule: {rule}, then the most segments, so that strategies can differ; {best.name} is picked."  # fmt: skip
    if big:
        best = max(big, key=lambda c: c.figures["stability"])
        return best, f"No candidate has {rule}; {best.name} is the most stable one left."
    return candidates[0], f"No solution by k-means has {rule}; the rules stand in."


def _rules(buyers: pd.DataFrame, space: np.ndarray, seed: int) -> Candidate:
    labels, names = pd.factorize(rfm_segment(score_rfm(buyers)), sort=True)
    rng = np.random.default_rng(seed)
    agreement, overlap = [], []
    for _ in range(RESAMPLES):
        rows = np.unique(rng.integers(0, len(buyers), len(buyers)))
        again = pd.factorize(rfm_segment(score_rfm(buyers.iloc[rows])), sort=True)[0]
        agreement.append(adjusted_rand_score(labels[rows], again))
        overlap.append(_overlap(labels[rows], again, labels.max() + 1))
    found = _candidate(RULES, labels, None, space, agreement, overlap, seed)
    return replace(found, rules=tuple(names))


def _kmeans(space: np.ndarray, k: int, seed: int) -> Candidate:
    fitted = KMeans(k, n_init=10, random_state=seed).fit(space)
    rng = np.random.default_rng(seed)
    agreement, overlap = [], []
    for draw in range(RESAMPLES):
        rows = rng.integers(0, len(space), len(space))
        again = KMeans(k, n_init=3, random_state=seed + draw).fit(space[rows]).predict(space)
        agreement.append(adjusted_rand_score(fitted.labels_, again))
        overlap.append(_overlap(fitted.labels_, again, k))
    labels = _nearest(space, fitted.cluster_centers_)
    return _candidate(f"K-means, {k}", labels, fitted.cluster_centers_, space, agreement, overlap, seed)  # fmt: skip


def _candidate(
    name: str, labels: np.ndarray, centers: np.ndarray | None, space: np.ndarray,
    agreement: list[float], overlap: list[np.ndarray], seed: int,
) -> Candidate:  # fmt: skip
    shares = np.bincount(labels) / len(labels)
    figures = {
        "segments": float(len(shares)),
        "stability": float(np.mean(agreement)),
        "separation": _separation(space, labels, seed),
        "separation_by_chance": np.nan if centers is None else _chance(space, len(shares), seed),
        "smallest_share": float(shares.min()),
    }
    return Candidate(name, labels, centers, figures, np.mean(overlap, axis=0))


def _overlap(labels: np.ndarray, again: np.ndarray, k: int) -> np.ndarray:
    """Best Jaccard overlap of each of the ``k`` segments with a segment of another solution."""
    both = np.zeros((k, int(again.max()) + 1))
    np.add.at(both, (labels, again), 1)
    union = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    return (both / np.maximum(union, 1)).max(axis=1)


def _separation(space: np.ndarray, labels: np.ndarray, seed: int) -> float:
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
    return _separation(mixed, KMeans(k, n_init=3, random_state=seed).fit(mixed).labels_, seed)


def _nearest(values: np.ndarray, centers: np.ndarray) -> np.ndarray:
    distance = ((values[:, None, :] - centers[None, :, :]) ** 2).sum(axis=2)
    return distance.argmin(axis=1)


def _deviations(values: pd.DataFrame, basis: pd.DataFrame, labels: np.ndarray) -> pd.DataFrame:
    standard = (values - basis["mean"].to_numpy()) / basis["spread"].to_numpy()
    return standard.groupby(labels).mean()


def _finish(
    chosen: Candidate, values: pd.DataFrame, basis: pd.DataFrame, worth: pd.Series,
    previous: pd.DataFrame | None, wanted: dict[str, str],
) -> tuple[dict[int, str], pd.DataFrame | Missing]:  # fmt: skip
    """Return the name of each label (named in order of worth) and the model to keep."""
    order = worth.sort_values(ascending=False, kind="stable").index
    if chosen.centers is None:
        return dict(enumerate(chosen.rules)), Missing("the rules on recency, frequency and money have no centres to keep")  # fmt: skip
    centers = pd.DataFrame(
        chosen.centers * basis["scale"].to_numpy() + basis["mean"].to_numpy(), columns=list(basis["feature"])
    )  # fmt: skip
    kept = kept_names(centers, previous) if previous is not None else {}
    deviations = _deviations(values, basis, chosen.labels).loc[order]
    label = final_names(deviations, kept, wanted)
    rows = [
        basis.assign(segment=label[int(i)], center=centers.loc[i].to_numpy(), place=place)
        for place, i in enumerate(order, start=1)
    ]
    columns = ["segment", "feature", "center", "scale", "place", *basis.columns.drop(["feature", "scale"])]  # fmt: skip
    return label, pd.concat(rows, ignore_index=True)[columns]


def _everyone(customers: pd.DataFrame, found: pd.Series) -> pd.DataFrame:
    ids = customers["customer_id"].sort_values()
    segment = ids.map(found).astype("str").fillna(NO_PURCHASE)
    return pd.DataFrame({"customer_id": ids, "segment": segment}).reset_index(drop=True)
