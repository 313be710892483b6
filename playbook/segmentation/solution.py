"""The strategic segments: candidates compared, one chosen by a rule, named, and ready for next year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.errors import NotEnough
from playbook.segmentation.basis import basis_of, fit_basis, standardise
from playbook.segmentation.candidates import (
    CLASS_RESAMPLES,
    MEANS,
    NEEDS,
    RESAMPLES,
    RULES,
    Candidate,
    by_classes,
    by_means,
    by_rules,
)
from playbook.segmentation.frozen import (
    NO_ANSWERS,
    NO_HABITS,
    class_model,
    everyone,
    memberships,
    method_of,
    wide_memberships,
)
from playbook.segmentation.latent_class import Evidence
from playbook.segmentation.naming import final_names, kept_names
from playbook.segmentation.needs import evidence_of, fit_coding, fit_levels, needs_of, respondents

__all__ = ["choose_segments"]

NUMBERS = range(3, 8)
STABLE = {MEANS: 0.80, NEEDS: 0.65, RULES: 0.0}
NEAR_BEST = 0.98
PATIENCE = 0.10
"""What last year's number of segments may lack in stability, so that chance does not redraw the segments each year."""
LEAST_CUSTOMERS = 100
LEAST_TOLD = 150
"""Respondents from which needs can make segments: thirty for each of five."""


@dataclass(frozen=True)
class Told:
    """What customers want and how they buy, coded for latent classes."""

    coding: pd.DataFrame
    evidence: Evidence
    figures: pd.DataFrame
    answered: np.ndarray


def choose_segments(
    customers: pd.DataFrame,
    mix: pd.DataFrame,
    previous: pd.DataFrame | Missing | None = None,
    names: Mapping[str, str] | None = None,
    smallest_share: float = 0.05,
    *,
    seed: int,
    habits: pd.DataFrame | None = None,
    attitudes: pd.DataFrame | None = None,
) -> Answer | Missing:
    """Compare candidate solutions and choose one by a stated rule.

    Candidates are the rules on recency, frequency and money, k-means with 3 to 7 segments on
    purchases, and latent classes (3 to 7) of needs and habits where at least 150 customers told their needs.
    Who did not answer is placed by habits, and by who they are, with a probability.

    The rule: no segment under ``smallest_share`` of the customers and stability at least 0.80 (latent classes,
    whose members are only probable, 0.65). Of the latent classes that pass, the fewest that explain 98 % of
    what the best number explains (gain in BIC over one class) and are at least as stable as it; without needs, of k-means the most segments.
    Last year's number of segments stays if it passes, or misses stability by less than 0.10. If none passes, the most stable one with no segment too
    small, else the rules.

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
    habits, attitudes
        Queries ``buying_habits`` and ``customer_attitudes``.

    Returns
    -------
    Answer
        One row per candidate; extras ``chosen`` (name), ``method``, ``segments`` (customer_id, segment: every customer),
        ``memberships`` (customer_id, segment, probability, known_from), ``model`` (``segment_model``, `Missing` for the
        rules), ``deviations`` (segment, feature, deviation in standard deviations) and ``stability`` (segment,
        stability as mean best Jaccard overlap).

    References
    ----------
    Wedel & Kamakura (2000), Market Segmentation, 2nd ed., ch. 1 and 7. Hubert & Arabie (1985), Comparing
    partitions, J. of Classification 2. Dolnicar & Leisch (2010), Evaluation of structure and reproducibility of
    cluster solutions, Marketing Letters 21(1). Hennig (2007), Cluster-wise assessment of cluster stability, Comp.
    Statistics & Data Analysis 52.
    """
    before = previous if isinstance(previous, pd.DataFrame) else None
    ways = habits if isinstance(habits, pd.DataFrame) else NO_HABITS
    asked = attitudes if isinstance(attitudes, pd.DataFrame) else NO_ANSWERS
    return _choose(customers, mix, ways, asked, smallest_share, seed, before, dict(names or {}))


@answers
def _choose(
    customers: pd.DataFrame, mix: pd.DataFrame, habits: pd.DataFrame, attitudes: pd.DataFrame, smallest_share: float,
    seed: int, previous: pd.DataFrame | None, wanted: dict[str, str],
) -> Answer:  # fmt: skip
    buyers = customers[customers["orders"] > 0].sort_values("customer_id", ignore_index=True)
    need(buyers, "customers with an order", "orders with a customer number", rows=LEAST_CUSTOMERS)
    basis = fit_basis(customers, mix)
    told = _told(customers, habits, attitudes)
    if len(basis) < 2:
        raise NotEnough("customers do not differ in what they buy", "orders with dates and values")
    values = basis_of(customers, mix, basis)
    with threadpool_limits(1):
        candidates = _by_purchases(buyers, standardise(values, basis).to_numpy(), seed)
        if told is not None:
            candidates += _classes(told, customers, mix, habits, attitudes, previous, seed)
    number = previous["segment"].nunique() if previous is not None else None
    chosen, why = _pick(
        candidates, smallest_share, number, method_of(previous) if previous is not None else ""
    )
    table = pd.DataFrame(
        [{"candidate": c.name, **c.figures, "chosen": c is chosen} for c in candidates]
    )
    if told is None:
        table = table.drop(columns="bic_gain")
    parts = _Parts(customers, mix, habits, attitudes, values, basis, told)
    with threadpool_limits(1):
        label, model, wide, deviations = _finish(chosen, parts, previous, wanted, seed)
    segment = everyone(customers, wide.idxmax(axis=1))
    return Answer(
        table=table,
        headline=_headline(chosen),
        so_what=why + " " + _structure(chosen) + _told_by(told, wide),
        kind="diagnostic",
        caption=_caption(len(buyers)),
        units={"segments": "count", "stability": "ratio", "separation": "ratio", "separation_by_chance": "ratio", "smallest_share": "%", "bic_gain": "ratio"},
        source="survey answers, orders, order lines, tickets; latent classes, k-means and rules" if told else "orders, order lines, tickets; k-means on block-weighted standardised figures",
        metrics=(
            Metric("segments", float(len(label)), n=len(buyers), unit="count", kind="diagnostic"),
            Metric("segment_stability", chosen.figures["stability"], n=CLASS_RESAMPLES if chosen.method == NEEDS else RESAMPLES, unit="ratio", kind="diagnostic"),
        ),
        extra={
            "chosen": chosen.name,
            "method": chosen.method,
            "segments": segment,
            "memberships": memberships(wide, customers, attitudes),
            "model": model,
            "deviations": deviations.rename_axis("segment").reset_index().melt("segment", var_name="feature", value_name="deviation"),
            "stability": pd.DataFrame({"segment": [label[i] for i in sorted(label)], "stability": chosen.stability_of}),
        },
    )  # fmt: skip


def _by_purchases(buyers: pd.DataFrame, space: np.ndarray, seed: int) -> list[Candidate]:
    """Return the candidates made of purchases alone: rules, and k-means where enough customers differ."""
    different = len(np.unique(space.round(9), axis=0))
    means = [by_means(space, k, seed) for k in NUMBERS if different >= 2 * k]
    return [by_rules(buyers, space, seed), *means]


def _told(customers: pd.DataFrame, habits: pd.DataFrame, attitudes: pd.DataFrame) -> Told | None:
    """Return coded needs and habits, or none where too few told their needs or all answered alike."""
    answered = respondents(needs_of(customers, attitudes))
    if answered.sum() < LEAST_TOLD:
        return None
    coding = fit_coding(customers, habits, attitudes)
    if coding["block"].isin(["importance", "psychographic"]).sum() < 2:
        return None
    evidence, figures = evidence_of(customers, habits, attitudes, coding)
    return Told(coding, evidence, figures, answered)


def _classes(
    told: Told, customers: pd.DataFrame, mix: pd.DataFrame, habits: pd.DataFrame, attitudes: pd.DataFrame,
    previous: pd.DataFrame | None, seed: int,
) -> list[Candidate]:  # fmt: skip
    p = told.evidence.numbers
    seen = np.unique(told.evidence.statistics[told.answered, :p].round(9), axis=0)
    before, number = None, 0
    if previous is not None and method_of(previous) == NEEDS:
        wide = wide_memberships(customers, mix, previous, habits, attitudes)
        before, number = wide.to_numpy().argmax(axis=1), wide.shape[1]
    return [
        by_classes(told.evidence, told.answered, k, seed, before if k == number else None)
        for k in NUMBERS
        if len(seen) >= 2 * k
    ]


def _caption(n: int) -> str:
    rows = f"n = {n:,} buyers; {RESAMPLES} resamples, {CLASS_RESAMPLES} of latent classes"
    return f"Candidate solutions ({rows}). Separation: silhouette; of latent classes, log-likelihood gained per customer, as is the gain in BIC"


def _headline(chosen: Candidate) -> str:
    stability = format_value(chosen.figures["stability"], "ratio")
    passed = chosen.figures["stability"] >= max(STABLE[chosen.method], 0.5)
    return (
        f"{chosen.name} chosen: {int(chosen.figures['segments'])} segments, "
        f"{'found again' if passed else 'only loosely found again'} in resamples (agreement {stability})"
    )


GROUPS = "The segments stand clearly apart from what chance would give: treat them as groups of their own."
LINES = "They are lines drawn through a continuum and not natural groups: use them to organise work, not as a fact about people."
SOFT = (
    "They stand apart more than chance would give, but their edges are soft: steer offers by segment, "
    "and do not argue about customers at the border."
)


def _structure(chosen: Candidate) -> str:
    """Say whether segments are more than shuffled figures would give."""
    found, chance = chosen.figures["separation"], chosen.figures["separation_by_chance"]
    if not np.isfinite(found - chance):
        return (
            "The rules are drawn by hand, so look for better data before building offers on them."
        )
    if chosen.method == NEEDS:
        beyond = 1 - chance / found if found > 0 else 0.0
        return GROUPS if beyond > 0.4 else SOFT if beyond > 0.1 else LINES
    return GROUPS if found - chance > 0.15 else SOFT if found - chance > 0.02 else LINES


def _told_by(told: Told | None, wide: pd.DataFrame) -> str:
    if told is None:
        return f" Needs are unknown (fewer than {LEAST_TOLD} customers answered questions on them), so these segments tell what customers do and not why: ask them."
    sure = float(wide.max(axis=1).mean())
    return (
        f" Needs are known of {format_value(float(told.answered.mean()), '%')} of the buyers; the others are placed by how they buy and "
        f"who they are, so a customer is in the named segment with a probability of {format_value(sure, '%')} on average."
    )


def _pick(
    candidates: list[Candidate], smallest: float, number: int | None, method: str
) -> tuple[Candidate, str]:
    able = [c for c in candidates if c.method == NEEDS] or [c for c in candidates if c.method == MEANS]  # fmt: skip
    big = [c for c in able if c.figures["smallest_share"] >= smallest]
    good = [c for c in big if c.figures["stability"] >= STABLE[c.method]]
    stable = STABLE[able[0].method] if able else 0.8
    rule = f"stability at least {stable:.2f} and no segment under {format_value(smallest, '%')} of customers"
    near = [c for c in big if c.figures["stability"] >= STABLE[c.method] - PATIENCE]
    same = [c for c in near if c.figures["segments"] == number and c.method == method]
    if same:
        return same[0], f"Rule: {rule}, then last year's number of segments, so that years compare; {same[0].name} keeps it."  # fmt: skip
    if good and good[0].method == NEEDS:
        top = max(good, key=lambda c: c.figures["bic_gain"])
        near = [c for c in good if c.figures["bic_gain"] >= NEAR_BEST * top.figures["bic_gain"]]
        firm = [c for c in near if c.figures["stability"] >= top.figures["stability"]]
        best = min(firm, key=lambda c: c.figures["segments"])
        return best, (
            f"Rule: needs count where they are known; {rule}, then the fewest segments that explain {NEAR_BEST:.0%} of "
            f"what the best number does and are found again as surely; {best.name} is picked."
        )
    if good:
        best = max(good, key=lambda c: c.figures["segments"])
        return best, f"Rule: {rule}, then the most segments, so that strategies can differ; {best.name} is picked."  # fmt: skip
    if big:
        best = max(big, key=lambda c: c.figures["stability"])
        return best, f"No candidate has {rule}; {best.name} is the most stable one left."
    return candidates[0], f"No computed solution has {rule}; the rules stand in."


@dataclass(frozen=True)
class _Parts:
    customers: pd.DataFrame
    mix: pd.DataFrame
    habits: pd.DataFrame
    attitudes: pd.DataFrame
    values: pd.DataFrame
    basis: pd.DataFrame
    told: Told | None


def _finish(
    chosen: Candidate, parts: _Parts, previous: pd.DataFrame | None, wanted: dict[str, str], seed: int
) -> tuple[dict[int, str], pd.DataFrame | Missing, pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Return the name of each label, the model to keep, memberships (wide) and deviations from the mean."""
    ids = parts.values.index
    margin = parts.customers.set_index("customer_id")["margin_12m"].reindex(ids).to_numpy(float)
    if chosen.method == NEEDS:
        return _finish_classes(chosen, parts, previous, wanted, seed, margin)
    standard = (parts.values - parts.basis["mean"].to_numpy()) / parts.basis["spread"].to_numpy()
    deviations = standard.groupby(chosen.labels).mean()
    if chosen.centers is None:
        label = dict(enumerate(chosen.rules))
        wide = pd.DataFrame(np.eye(len(label))[chosen.labels], ids, list(label.values()))
        missing = Missing("the rules on recency, frequency and money have no centres to keep")
        return label, missing, wide, deviations.rename(index=label)
    order = pd.Series(margin).groupby(chosen.labels).mean().sort_values(ascending=False, kind="stable").index  # fmt: skip
    basis = parts.basis
    centers = pd.DataFrame(
        chosen.centers * basis["scale"].to_numpy() + basis["mean"].to_numpy(), columns=list(basis["feature"])
    )  # fmt: skip
    same = previous is not None and method_of(previous) == MEANS
    kept = kept_names(centers, previous) if previous is not None and same else {}
    label = final_names(deviations.loc[order], kept, wanted)
    rows = [
        basis.assign(segment=label[int(i)], center=centers.loc[i].to_numpy(), place=place, method=MEANS)
        for place, i in enumerate(order, start=1)
    ]  # fmt: skip
    columns = ["segment", "feature", "center", "scale", "place", "method", *basis.columns.drop(["feature", "scale"])]  # fmt: skip
    wide = pd.DataFrame(np.eye(len(label))[chosen.labels], ids, [label[i] for i in range(len(label))])  # fmt: skip
    model = pd.concat(rows, ignore_index=True)[columns]
    return label, model, wide, deviations.rename(index=label)


def _finish_classes(
    chosen: Candidate, parts: _Parts, previous: pd.DataFrame | None, wanted: dict[str, str], seed: int,
    margin: np.ndarray,
) -> tuple[dict[int, str], pd.DataFrame, pd.DataFrame, pd.DataFrame]:  # fmt: skip
    told, classes = parts.told, chosen.classes
    assert told is not None and classes is not None
    scores = classes.scores(told.evidence)
    levels = fit_levels(parts.customers)
    model, chance = class_model(classes, told.coding, told.figures, levels, parts.customers, scores, seed)  # fmt: skip
    figure_rows = model[model["kind"].isin(["number", "way"])]
    centers = figure_rows.pivot_table(index="segment", columns="feature", values="center")
    centers = centers[list(told.coding["feature"])]
    spread = told.figures.std(ddof=0)
    deviations = (centers - told.figures.mean()) / spread.where(spread > 1e-9)
    worth = pd.Series((chance * margin[:, None]).sum(axis=0) / chance.sum(axis=0))
    order = worth.sort_values(ascending=False, kind="stable").index
    same = previous is not None and method_of(previous) == NEEDS
    earlier = previous[previous["kind"].isin(["number", "way"])] if previous is not None and same else None  # fmt: skip
    kept = kept_names(centers, earlier) if earlier is not None else {}
    label = final_names(deviations.loc[order], kept, wanted)
    place = {int(i): n for n, i in enumerate(order, start=1)}
    model = model.assign(place=model["segment"].map(place), segment=model["segment"].map(label))
    model = model.sort_values("place", kind="stable", ignore_index=True)
    names = [label[int(i)] for i in order]
    wide = pd.DataFrame(chance[:, order.to_numpy(int)], parts.values.index, names)
    return label, model, wide, deviations.rename(index=label)
