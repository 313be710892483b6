"""The saved model of the segments, and how it places customers of any year without estimating anything anew."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import softmax

from playbook.contract import NO_PURCHASE
from playbook.segmentation.basis import basis_of
from playbook.segmentation.candidates import MEANS, NEEDS, nearest
from playbook.segmentation.latent_class import LatentClass, prior_by
from playbook.segmentation.needs import design_of, evidence_of, needs_of, respondents

__all__ = ["ANSWERED", "BOUGHT", "assign_segments", "class_model", "memberships", "method_of", "read_classes", "wide_memberships"]  # fmt: skip

ANSWERED, BOUGHT = "answers and purchases", "purchases"
SIZE = "size of the segment"
LEARN_ROWS = 20_000
NO_HABITS = pd.DataFrame({c: pd.Series(dtype="str") for c in ("customer_id", "habit", "way")} | {"amount": pd.Series(dtype=float)})  # fmt: skip
NO_ANSWERS = pd.DataFrame({c: pd.Series(dtype="str") for c in ("customer_id", "kind", "construct")} | {"value": pd.Series(dtype=float)})  # fmt: skip


def method_of(model: pd.DataFrame) -> str:
    """Return how a saved model places customers: nearest centre or latent class."""
    return str(model["method"].iloc[0]) if "method" in model else MEANS


def class_model(
    classes: LatentClass, coding: pd.DataFrame, figures: pd.DataFrame, levels: pd.DataFrame, customers: pd.DataFrame,
    scores: np.ndarray, seed: int,
) -> tuple[pd.DataFrame, np.ndarray]:  # fmt: skip
    """Return the saved model of latent classes (``segment`` holds the class number), and the memberships.

    One row per segment and figure: ``center`` (the segment's mean, or share of a level), ``scale`` (what a
    difference is measured in), ``parameter`` (mean, share or coefficient) and how the figure is coded.
    """
    design = design_of(customers, levels)
    rows = np.random.default_rng(seed).permutation(len(design))[:LEARN_ROWS]
    coefficients = prior_by(scores[rows], design[rows], classes.sizes)
    chance = softmax(_prior(design, coefficients) + scores, axis=1)
    block_size = coding["block"].map(coding["block"].value_counts()).to_numpy(float)
    numbers = (coding["kind"] == "number").to_numpy()
    parts = []
    for k in range(len(classes.sizes)):
        weight = chance[:, k]
        center = [_mean(figures[f].to_numpy(float), weight) for f in coding["feature"]]
        parameter = np.where(numbers, 0.0, 0.0)
        parameter[numbers], parameter[~numbers] = classes.means[k], classes.shares[k]
        variance = np.full(len(coding), np.nan)
        variance[numbers] = classes.variances
        parts.append(coding.assign(segment=k, center=center, scale=coding["spread"].to_numpy() * np.sqrt(block_size),
                                   parameter=parameter, variance=variance))  # fmt: skip
        share = (design * weight[:, None]).sum(axis=0) / weight.sum()
        parts.append(levels.assign(segment=k, block="descriptor", kind="level", center=share, parameter=coefficients[1:, k]))  # fmt: skip
        parts.append(pd.DataFrame({"segment": [k], "feature": [SIZE], "block": ["size"], "kind": ["size"],
                                   "center": [weight.mean()], "parameter": [coefficients[0, k]]}))  # fmt: skip
    model = pd.concat(parts, ignore_index=True).assign(method=NEEDS)
    return model, chance


def _mean(values: np.ndarray, weight: np.ndarray) -> float:
    known = np.isfinite(values)
    total = float(weight[known].sum())
    return float(values[known] @ weight[known]) / total if total > 0 else np.nan


def _prior(design: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    return np.asarray(np.column_stack([np.ones(len(design)), design]) @ coefficients)


def read_classes(model: pd.DataFrame) -> tuple[list[str], pd.DataFrame, pd.DataFrame, LatentClass, np.ndarray]:  # fmt: skip
    """Return names, coding, levels, measurement and coefficients of a saved latent class model."""
    ordered = model.drop_duplicates("segment").sort_values("place")
    names = [str(n) for n in ordered["segment"]]
    first = model[model["segment"] == names[0]].reset_index(drop=True)
    coding = first[first["kind"].isin(["number", "way"])].reset_index(drop=True)
    levels = first[first["kind"] == "level"].reset_index(drop=True)
    wide = model.pivot_table(index="segment", columns="feature", values="parameter").loc[names]
    numbers = coding.loc[coding["kind"] == "number", "feature"]
    ways = coding.loc[coding["kind"] == "way", "feature"]
    variance = coding.loc[coding["kind"] == "number", "variance"].to_numpy(float)
    classes = LatentClass(np.ones(len(names)) / len(names), wide[list(numbers)].to_numpy(),
                          variance, wide[list(ways)].to_numpy(), np.nan, np.nan, 0)  # fmt: skip
    coefficients = wide[[SIZE, *levels["feature"]]].to_numpy().T
    return names, coding, levels, classes, coefficients


def wide_memberships(
    customers: pd.DataFrame, mix: pd.DataFrame, model: pd.DataFrame,
    habits: pd.DataFrame | None = None, attitudes: pd.DataFrame | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return the probability of each segment (columns) for customers with an order (index ``customer_id``).

    Under a model of centres the nearest one has probability 1.
    """
    ids = customers.loc[customers["orders"] > 0, "customer_id"].sort_values().to_numpy()
    if method_of(model) == NEEDS:
        habits, attitudes = _given(habits, NO_HABITS), _given(attitudes, NO_ANSWERS)
        names, coding, levels, classes, coefficients = read_classes(model)
        evidence, _ = evidence_of(customers, habits, attitudes, coding)
        prior = _prior(design_of(customers, levels), coefficients)
        chance = softmax(prior + classes.scores(evidence), axis=1)
        return pd.DataFrame(chance, index=ids, columns=names)
    features = model.drop_duplicates("feature")
    order = list(features["feature"])
    centers = model.pivot_table(index="segment", columns="feature", values="center")[order]
    scale = features["scale"].to_numpy()
    values = basis_of(customers, mix, features).to_numpy() / scale
    chosen = nearest(values, centers.to_numpy() / scale)
    return pd.DataFrame(np.eye(len(centers))[chosen], index=ids, columns=[str(s) for s in centers.index])  # fmt: skip


def _given(frame: pd.DataFrame | None, empty: pd.DataFrame) -> pd.DataFrame:
    return frame if isinstance(frame, pd.DataFrame) else empty


def assign_segments(
    customers: pd.DataFrame, mix: pd.DataFrame, model: pd.DataFrame,
    habits: pd.DataFrame | None = None, attitudes: pd.DataFrame | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return the segment of each customer under a saved ``segment_model``: the most probable one.

    Parameters
    ----------
    customers, mix
        Queries ``customer_features`` and ``purchase_mix``, of any year.
    model
        Result ``segment_model``. Nothing is estimated anew, so a new customer changes nobody else's segment.
    habits, attitudes
        Queries ``buying_habits`` and ``customer_attitudes``; what is absent counts as not known.

    Returns
    -------
    pandas.DataFrame
        ``customer_id``, ``segment``; customers without any order are in "No purchase on record".
    """
    wide = wide_memberships(customers, mix, model, habits, attitudes)
    return everyone(customers, wide.idxmax(axis=1) if len(wide) else pd.Series(dtype="str"))


def everyone(customers: pd.DataFrame, found: pd.Series) -> pd.DataFrame:
    """Return ``customer_id`` and ``segment`` of every customer; those not in ``found`` have no purchase."""
    ids = customers["customer_id"].sort_values()
    segment = ids.map(found).astype("str").fillna(NO_PURCHASE)
    return pd.DataFrame({"customer_id": ids, "segment": segment}).reset_index(drop=True)


def memberships(
    wide: pd.DataFrame, customers: pd.DataFrame, attitudes: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the result ``memberships``: one row per customer and segment that is at least 0.1 % probable.

    Parameters
    ----------
    wide
        Probability of each segment by customer.
    customers
        All customers; those without an order belong to "No purchase on record".
    attitudes
        Tells whether a place rests on answers or on purchases only (``known_from``).
    """
    told = respondents(needs_of(customers, _given(attitudes, NO_ANSWERS)))
    source = pd.Series(np.where(told, ANSWERED, BOUGHT), index=wide.index)
    kept = wide.where(wide >= 0.001, 0.0)
    kept = kept.div(kept.sum(axis=1), axis=0)
    long = kept.rename_axis("customer_id").reset_index().melt("customer_id", var_name="segment", value_name="probability")  # fmt: skip
    long = long[long["probability"] > 0]
    long["known_from"] = long["customer_id"].map(source)
    rest = customers.loc[~customers["customer_id"].isin(wide.index), ["customer_id"]]
    rest = rest.assign(segment=NO_PURCHASE, probability=1.0, known_from="no purchase")
    both = pd.concat([long, rest], ignore_index=True)
    return both.sort_values(["customer_id", "probability", "segment"], ascending=[True, False, True], ignore_index=True)  # fmt: skip
