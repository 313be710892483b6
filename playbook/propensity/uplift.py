"""Uplift: which customers a contact changes, and whether choosing among them pays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline

from playbook.propensity.effect import assignment_probability, numeric_outcome
from playbook.propensity.features import (
    binary,
    feature_kinds,
    keyed,
    linear_encoder,
    prepare,
    tree_encoder,
)

MINIMUM_PER_ARM = 100
FOLDS = 5
BOOTSTRAPS = 400
BOOTSTRAP_GROUPS = 2_000
FRACTIONS = np.linspace(0, 1, 21)
Z95 = float(norm.ppf(0.975))


@dataclass(frozen=True)
class Uplift:
    """Cross-fitted uplift and the worth of targeting by it.

    Attributes
    ----------
    scores
        Uplift per customer of the experiment in units of the outcome, shrunken, predicted
        by models that did not see that customer.
    curve
        Qini curve: fraction (contacted, best first), gain (per customer of the whole
        list), low, high, random (gain when the same number is drawn at random).
    qini, qini_low, qini_high
        Area between the curve and the random line, with bootstrap 95 % interval.
    policies
        Row per policy: policy, share_treated, value (per customer, cost of contacts taken off),
        low, high; 95 %.
    verdict
        'target by ranking', 'treat all', 'treat none' or 'no effect shown'.
    shrinkage
        Factor (0 to 1) by which differences between customers were shrunk towards the mean effect.
    effect
        Mean effect per customer (doubly robust).
    n_treated, n_control
        Customers.
    """

    scores: pd.Series
    curve: pd.DataFrame
    qini: float
    qini_low: float
    qini_high: float
    policies: pd.DataFrame
    verdict: str
    shrinkage: float
    effect: float
    n_treated: int
    n_control: int
    _kinds: dict[str, str] = field(repr=False)
    _arms: tuple[list[Pipeline], list[Pipeline]] = field(repr=False)
    _centre: float = field(repr=False)

    def score(self, frame: pd.DataFrame) -> pd.Series:
        """Return the shrunken uplift per customer outside the experiment, sorted by customer_id."""
        frame = keyed(frame)
        data = prepare(frame, self._kinds)
        raw = _predict(self._arms[0], data) - _predict(self._arms[1], data)
        values = self.effect + self.shrinkage * (raw - self._centre)
        return pd.Series(np.round(values, 9), frame.index, float, name="uplift")


def _learners(kinds: dict[str, str], is_binary: bool, rows: int, seed: int) -> list[Pipeline]:
    """A linear and a boosted model, whose predictions are averaged."""
    encoder, positions = tree_encoder(kinds)
    boosting = HistGradientBoostingClassifier if is_binary else HistGradientBoostingRegressor
    trees = boosting(
        learning_rate=0.05, max_iter=60, max_leaf_nodes=8, l2_regularization=5.0,
        min_samples_leaf=max(10, min(100, rows // 20)), early_stopping=False,
        categorical_features=positions or None, random_state=seed,
    )  # fmt: skip
    linear = LogisticRegression(max_iter=2000) if is_binary else Ridge(alpha=1.0)
    return [make_pipeline(linear_encoder(kinds), linear), make_pipeline(encoder, trees)]


def _fit(kinds: dict[str, str], data: pd.DataFrame, y: np.ndarray, seed: int) -> list[Pipeline]:
    is_binary = bool(np.isin(y, (0.0, 1.0)).all() and 0 < y.mean() < 1)
    return [model.fit(data, y) for model in _learners(kinds, is_binary, len(y), seed)]


def _predict(models: list[Pipeline], data: pd.DataFrame) -> np.ndarray:
    parts = [
        m.predict_proba(data)[:, 1] if hasattr(m, "predict_proba") else m.predict(data)
        for m in models
    ]
    return np.mean(parts, axis=0)


def _cross_fit(
    kinds: dict[str, str], data: pd.DataFrame, arm: np.ndarray, y: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Expected outcome with and without contact, from models blind to the customer.

    Also the mean uplift of each customer's fold: a fold with a high effect leaves the others
    low, so that ranking across folds without taking it out is biased against the model.
    """
    with_contact, without, level = np.empty(len(y)), np.empty(len(y)), np.empty(len(y))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    strata = arm * 2 + (y > np.median(y))
    if np.unique(strata, return_counts=True)[1].min() < FOLDS:
        strata = arm
    for fit, held in folds.split(data, strata):
        for side, out in ((1.0, with_contact), (0.0, without)):
            rows = fit[arm[fit] == side]
            out[held] = _predict(_fit(kinds, data.iloc[rows], y[rows], seed), data.iloc[held])
        level[held] = (with_contact - without)[held].mean()
    return with_contact, without, level


def _shrinkage(raw: np.ndarray, robust: np.ndarray) -> float:
    """Slope of the doubly robust effects on the predicted ones, shrunk for its own error.

    The best linear predictor of Chernozhukov, Demirer, Duflo, Fernández-Val (2018), times
    the positive-part James–Stein factor 1 - se²/slope², held within 0 to 1.
    """
    centred = raw - raw.mean()
    spread = (centred**2).sum()
    if spread <= 1e-18 * len(raw):
        return 0.0
    slope = (centred * robust).sum() / spread
    residual = robust - robust.mean() - slope * centred
    variance = (centred**2 * residual**2).sum() / spread**2
    return float(np.clip(slope * (1 - variance / slope**2), 0, 1)) if slope > 0 else 0.0


def _qini(rank: np.ndarray, robust: np.ndarray, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Curve with interval, and the coefficient with its two bounds (bootstrap of customers).

    Customers are resampled within up to 2,000 random groups, so that a million cost no more.
    """
    n = len(robust)
    rng = np.random.default_rng(seed)
    group = rng.permutation(n) % min(n, BOOTSTRAP_GROUPS)
    count = int(group.max()) + 1
    sums = np.zeros((count, len(FRACTIONS)))
    for j, fraction in enumerate(FRACTIONS):
        sums[:, j] = np.bincount(group, robust * (rank < fraction), count)
    area = np.bincount(group, robust * (0.5 - rank), count)
    sizes = np.bincount(group, minlength=count)
    draws = rng.multinomial(count, np.full(count, 1 / count), BOOTSTRAPS)
    total = draws @ sizes
    low, high = np.quantile(draws @ sums / total[:, None], [0.025, 0.975], axis=0)
    gain = sums.sum(axis=0) / n
    curve = pd.DataFrame(
        {
            "fraction": FRACTIONS,
            "gain": gain,
            "low": low,
            "high": high,
            "random": FRACTIONS * gain[-1],
        }
    )
    bounds = np.quantile(draws @ area / total, [0.025, 0.975])
    return curve, np.array([area.sum() / n, *bounds])


def _policies(chosen: np.ndarray, robust: np.ndarray, cost: float) -> tuple[pd.DataFrame, str]:
    """Value per customer of each policy and of the choice against treating all."""
    net = robust - cost
    cases = {
        "treat none": (0.0, np.zeros(len(net))),
        "treat all": (1.0, net),
        "target by ranking": (chosen.mean(), net * chosen),
        "ranking minus all": (np.nan, net * (chosen - 1.0)),
    }
    rows = []
    for name, (share, values) in cases.items():
        half = Z95 * values.std(ddof=1) / np.sqrt(len(values))
        mean = values.mean()
        rows.append({
            "policy": name, "share_treated": share, "value": mean,
            "low": mean - half, "high": mean + half,
        })  # fmt: skip
    table = pd.DataFrame(rows)
    low, high = table.set_index("policy")["low"], table.set_index("policy")["high"]
    if low["target by ranking"] > 0 and low["ranking minus all"] > 0:
        return table, "target by ranking"
    if low["treat all"] > 0:
        return table, "treat all"
    return table, "treat none" if high["treat all"] < 0 else "no effect shown"


def uplift(
    frame: pd.DataFrame,
    features: Sequence[str],
    treated: str,
    outcome: str,
    seed: int,
    probability: str | None = None,
    cost: float = 0.0,
) -> Uplift:
    """Estimate who is changed by a randomly assigned contact; judge targeting by it.

    Parameters
    ----------
    frame
        One row per customer of a campaign with a random control group.
    features
        Numeric or categorical columns known before the assignment.
    treated
        Name of the 0/1 column of the assigned arm.
    outcome
        Name of the 0/1 or money outcome, complete.
    seed
        Of folds and bootstrap.
    probability
        Name of the column with each customer's assignment probability, where it differs.
    cost
        Cost of one contact in units of the outcome: whoever is expected to bring
        more than this is contacted under 'target by ranking'.

    Raises
    ------
    ValueError
        Fewer than 100 customers in an arm, missing values, unusable columns.

    Notes
    -----
    Two models (one per arm), cross-fitted; gains, Qini (Radcliffe 2007) and policy values are means
    of doubly robust effects m1 - m0 + t(y-m1)/p - (1-t)(y-m0)/(1-p) (Robins, Rotnitzky,
    Zhao 1994), unbiased under random assignment whatever the models do. Where no customer
    differs, cross-fitting leans the Qini coefficient slightly below zero: a positive lower bound
    is as rare as stated (3 % of 200 simulations at 600 customers), a negative upper one is
    not (11 %) and is no finding.
    """
    frame = keyed(frame)
    arm, y = binary(frame, treated), numeric_outcome(frame, outcome)
    sizes = int(arm.sum()), int(len(arm) - arm.sum())
    if min(sizes) < MINIMUM_PER_ARM:
        raise ValueError(
            f"not enough data for uplift: {sizes[0]} treated and {sizes[1]} control customers;"
            f" {MINIMUM_PER_ARM} of each are needed"
        )
    if {treated, outcome} & set(features):
        raise ValueError(f"features: leave out {treated!r} and {outcome!r}")
    chance = assignment_probability(frame, probability, arm)
    kinds = feature_kinds(frame, features)
    data = prepare(frame, kinds)
    m1, m0, level = _cross_fit(kinds, data, arm, y, seed)
    robust = m1 - m0 + arm * (y - m1) / chance - (1 - arm) * (y - m0) / (1 - chance)
    raw = np.round(m1 - m0 - level + (m1 - m0).mean(), 9)
    order = np.argsort(-raw, kind="stable")
    rank = np.empty(len(raw))
    rank[order] = (np.arange(len(raw)) + 0.5) / len(raw)
    factor, effect = _shrinkage(raw, robust), float(robust.mean())
    scores = effect + factor * (raw - raw.mean())
    curve, (qini, low, high) = _qini(rank, robust, seed)
    policies, verdict = _policies((scores > cost).astype(float), robust, cost)
    arms = tuple(_fit(kinds, data[arm == side], y[arm == side], seed) for side in (1.0, 0.0))
    return Uplift(
        scores=pd.Series(np.round(scores, 9), frame.index, float, name="uplift"), curve=curve,
        qini=float(qini), qini_low=float(low), qini_high=float(high), policies=policies,
        verdict=verdict, shrinkage=factor, effect=effect, n_treated=sizes[0], n_control=sizes[1],
        _kinds=kinds, _arms=(arms[0], arms[1]), _centre=float(raw.mean()),
    )  # fmt: skip
