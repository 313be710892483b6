"""Calibrated propensity models, fitted on one snapshot and judged on a later one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from statsmodels.stats.proportion import proportion_confint

from playbook.propensity.features import (
    auc,
    binary,
    feature_kinds,
    keyed,
    leakage_check,
    linear_encoder,
    prepare,
    require,
    tree_encoder,
)

MINIMUM_CUSTOMERS = 100
MINIMUM_CASES = 10  # of each class: two per fold
FIT_ROWS = 200_000  # more training rows than this are sampled
IMPORTANCE_ROWS = 20_000
CHUNK = 200_000
FOLDS = 5
Z95 = float(norm.ppf(0.975))


@dataclass(frozen=True)
class _Calibrated:
    """A classifier with Platt's scaling; without a pipeline it is the base rate."""

    kinds: dict[str, str]
    pipeline: Pipeline | None
    slope: float
    intercept: float

    def predict(self, prepared: pd.DataFrame) -> np.ndarray:
        if self.pipeline is None:
            return np.full(len(prepared), expit(self.intercept))
        margin = _margin(self.pipeline.predict_proba(prepared[list(self.kinds)])[:, 1])
        return expit(self.intercept + self.slope * margin)


@dataclass(frozen=True)
class Propensity:
    """A calibrated probability of an outcome and how well it did out of time.

    Attributes
    ----------
    outcome
        Name of the outcome.
    chosen
        Model chosen by cross-validated log loss on the training snapshot: the simplest
        one within one standard error of the best.
    comparison
        Row per model on the test snapshot: model, brier, brier_low, brier_high, auc, auc_low,
        auc_high, log_loss, top_decile_lift, n. Intervals are 95 %.
    calibration
        Chosen model on the test snapshot: bin, predicted, observed, low, high, n.
    effects
        Row per feature: feature, importance (rise of the test log loss when shuffled), low, high,
        standardised_effect (log odds per standard deviation in the logistic model;
        missing for categories). They describe the model, not causes.
    gain, gain_low, gain_high
        Brier score of the base rate minus that of the chosen model, 95 % interval, test snapshot.
    leakage
        From `leakage_check` on the training snapshot.
    n_train, n_test
        Customers.
    """

    outcome: str
    chosen: str
    comparison: pd.DataFrame
    calibration: pd.DataFrame
    effects: pd.DataFrame
    gain: float
    gain_low: float
    gain_high: float
    leakage: pd.DataFrame
    n_train: int
    n_test: int
    _kinds: dict[str, str] = field(repr=False)
    _model: _Calibrated = field(repr=False)

    @property
    def beats_base_rate(self) -> bool:
        """Whether the interval of the gain over the base rate lies above zero."""
        return self.gain_low > 0

    def score(self, frame: pd.DataFrame) -> pd.Series:
        """Return the probability per customer (0 to 1), index customer_id, sorted by it.

        Parameters
        ----------
        frame
            One row per customer with the features of the fit.
        """
        frame = keyed(frame)
        require(frame, list(self._kinds))
        starts = range(0, len(frame), CHUNK)
        parts = [
            self._model.predict(prepare(frame.iloc[s : s + CHUNK], self._kinds)) for s in starts
        ]
        values = np.round(np.concatenate(parts), 9) if parts else np.empty(0)
        return pd.Series(values, frame.index, float, name="probability")


def _margin(probability: np.ndarray) -> np.ndarray:
    return np.clip(logit(np.clip(probability, 1e-9, 1 - 1e-9)), -10, 10)


def _pipelines(
    kinds: dict[str, str], recency: str, rows: int, seed: int
) -> dict[str, tuple[dict[str, str], Pipeline]]:
    """Candidates above the base rate, simplest first."""
    candidates = {}
    if recency in kinds:
        alone = {recency: kinds[recency]}
        candidates["recency only"] = (
            alone, make_pipeline(linear_encoder(alone), LogisticRegression(max_iter=2000)),
        )  # fmt: skip
    candidates["logistic"] = (
        kinds, make_pipeline(linear_encoder(kinds), LogisticRegression(max_iter=2000)),
    )  # fmt: skip
    encoder, positions = tree_encoder(kinds)
    trees = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=150, max_leaf_nodes=15, l2_regularization=1.0,
        min_samples_leaf=max(5, min(50, rows // 40)), early_stopping=False,
        categorical_features=positions or None, random_state=seed,
    )  # fmt: skip
    candidates["boosting"] = (kinds, make_pipeline(encoder, trees))
    return candidates


def _calibrate(
    kinds: dict[str, str], pipeline: Pipeline, data: pd.DataFrame, outcome: np.ndarray, seed: int
) -> tuple[_Calibrated, np.ndarray]:
    """Fit, and learn Platt's (1999) scaling on out-of-fold margins; also those predictions."""
    data = data[list(kinds)]
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    held_out = cross_val_predict(pipeline, data, outcome, cv=folds, method="predict_proba")[:, 1]
    margin = _margin(held_out)
    platt = LogisticRegression(C=1e6, max_iter=1000).fit(margin[:, None], outcome)
    slope, intercept = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    if slope <= 0:  # the ranking is no better than chance: fall back on the base rate
        slope, intercept = 0.0, float(logit(outcome.mean()))
    model = _Calibrated(kinds, pipeline.fit(data, outcome), slope, intercept)
    return model, expit(intercept + slope * margin)


def _loss(outcome: np.ndarray, probability: np.ndarray) -> np.ndarray:
    p = np.clip(probability, 1e-9, 1 - 1e-9)
    return -(outcome * np.log(p) + (1 - outcome) * np.log1p(-p))


def _choose(losses: dict[str, np.ndarray]) -> str:
    """Take the simplest model (given first) within one standard error of the lowest mean loss."""
    best = min(losses, key=lambda name: losses[name].mean())
    for name, loss in losses.items():
        excess = loss - losses[best]
        if excess.mean() <= excess.std() / np.sqrt(len(excess)):
            return name
    return best


def _auc_interval(outcome: np.ndarray, score: np.ndarray) -> tuple[float, float, float]:
    """AUC with DeLong's (1988) 95 % interval."""
    area = auc(outcome, score)
    positive, negative = np.sort(score[outcome == 1]), np.sort(score[outcome == 0])

    def below(values: np.ndarray, reference: np.ndarray) -> np.ndarray:
        sides = [np.searchsorted(reference, values, side) for side in ("left", "right")]
        return (sides[0] + sides[1]) / 2 / len(reference)

    variance = below(positive, negative).var() / len(positive)
    variance += below(negative, positive).var() / len(negative)
    half = Z95 * np.sqrt(variance)
    return area, max(0.0, area - half), min(1.0, area + half)


def _top_decile_lift(outcome: np.ndarray, score: np.ndarray) -> float:
    """Outcome rate of the best tenth over the overall rate; ties at the cut share the places."""
    places = max(1, len(score) // 10)
    cut = np.sort(score)[-places]
    above, level = score > cut, score == cut
    hits = outcome[above].sum() + (places - above.sum()) * outcome[level].mean()
    return float(hits / places / outcome.mean())


def _compare(outcome: np.ndarray, scores: dict[str, np.ndarray]) -> pd.DataFrame:
    rows = []
    for name, raw in scores.items():
        score = np.round(raw, 9)
        squared = (outcome - score) ** 2
        half = Z95 * squared.std(ddof=1) / np.sqrt(len(squared))
        area, low, high = _auc_interval(outcome, score)
        rows.append({
            "model": name, "brier": squared.mean(), "brier_low": squared.mean() - half,
            "brier_high": squared.mean() + half, "auc": area, "auc_low": low, "auc_high": high,
            "log_loss": _loss(outcome, score).mean(),
            "top_decile_lift": _top_decile_lift(outcome, score), "n": len(outcome),
        })  # fmt: skip
    return pd.DataFrame(rows)


def _calibration(outcome: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """Up to ten bins of equal size, equal scores kept together; observed with Wilson interval."""
    probability = np.round(probability, 9)
    bins = int(np.clip(len(outcome) // 50, 2, 10))
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1]))
    groups = pd.DataFrame({"predicted": probability, "observed": outcome}).groupby(
        np.searchsorted(edges, probability)
    )
    table = groups.mean()
    table["n"] = groups.size()
    cases = np.rint(table["observed"] * table["n"])
    table["low"], table["high"] = proportion_confint(cases, table["n"], method="wilson")
    table.insert(0, "bin", np.arange(1, len(table) + 1))
    columns = ["bin", "predicted", "observed", "low", "high", "n"]
    return table[columns].reset_index(drop=True)


def _importance(
    model: _Calibrated, data: pd.DataFrame, outcome: np.ndarray, seed: int
) -> pd.DataFrame:
    """Breiman's (2001) permutation importance: rise of the log loss, ten shuffles."""
    rng = np.random.default_rng(seed)
    if len(data) > IMPORTANCE_ROWS:
        rows = np.sort(rng.choice(len(data), IMPORTANCE_ROWS, replace=False))
        data, outcome = data.iloc[rows], outcome[rows]
    before = _loss(outcome, model.predict(data))
    table = []
    for name in data.columns:
        rises = np.zeros(len(data))
        for _ in range(10 if name in model.kinds and model.pipeline is not None else 0):
            shuffled = data.assign(**{name: rng.permutation(data[name].to_numpy())})
            rises += (_loss(outcome, model.predict(shuffled)) - before) / 10
        half = Z95 * rises.std(ddof=1) / np.sqrt(len(rises))
        mean = rises.mean()
        table.append({"feature": name, "importance": mean, "low": mean - half, "high": mean + half})
    return pd.DataFrame(table)


def _standardised_effects(model: _Calibrated) -> dict[str, float]:
    """Log odds per standard deviation of the numeric features in the logistic model."""
    if model.pipeline is None:
        return {}
    names = [name for name, kind in model.kinds.items() if kind != "category"]
    return dict(zip(names, model.pipeline[-1].coef_[0], strict=False))


def _snapshot(frame: pd.DataFrame, outcome: str, which: str) -> tuple[pd.DataFrame, np.ndarray]:
    frame = keyed(frame)
    values = binary(frame, outcome)
    cases = int(min(values.sum(), len(values) - values.sum()))
    if len(frame) < MINIMUM_CUSTOMERS or cases < MINIMUM_CASES:
        raise ValueError(
            f"not enough data to model {outcome!r}: the {which} snapshot has {len(frame)} customers"
            f" and {cases} of the rarer outcome; {MINIMUM_CUSTOMERS} and {MINIMUM_CASES} are needed"
        )
    return frame, values


def fit_propensity(
    train: pd.DataFrame,
    test: pd.DataFrame,
    outcome: str,
    features: Sequence[str],
    seed: int,
    recency: str = "recency_days",
) -> Propensity:
    """Fit base rate, recency only, logistic and boosting; calibrate, choose, judge out of time.

    Parameters
    ----------
    train
        Earlier snapshot: one row per customer, `customer_id` as column or index, the features as
        known at the snapshot and the 0/1 outcome of the period after it. Above 200,000 rows
        a sample of that size is fitted.
    test
        Later snapshot of the same form. It is not used for fitting or choosing.
    outcome
        Name of the 0/1 column, for instance churned, bought, responded.
    features
        Numeric or categorical columns; missing values are allowed.
    seed
        Of folds, samples and shuffles.
    recency
        Feature of the 'recency only' baseline, which is left out when there is no such feature.

    Raises
    ------
    ValueError
        Not enough data (fewer than 100 customers or 10 of the rarer outcome), leakage,
        or unusable columns.

    Notes
    -----
    Calibration is Platt's (1999) scaling on out-of-fold predictions. The choice uses out-of-fold
    log loss with the one-standard-error rule (Breiman et al. 1984), so that 'base rate' is
    what remains where nothing predicts.
    """
    leakage = leakage_check(train, outcome, features)
    train, y_train = _snapshot(train, outcome, "training")
    test, y_test = _snapshot(test, outcome, "test")
    n_train = len(train)
    if n_train > FIT_ROWS:
        rows = np.random.default_rng(seed).choice(n_train, FIT_ROWS, replace=False)
        train, y_train = train.iloc[np.sort(rows)], y_train[np.sort(rows)]
    kinds = feature_kinds(train, features)
    data, later = prepare(train, kinds), prepare(test, kinds)
    base = float(logit(y_train.mean()))
    models = {"base rate": _Calibrated({}, None, 0.0, base)}
    losses = {"base rate": _loss(y_train, np.full(len(y_train), expit(base)))}
    for name, (used, pipeline) in _pipelines(kinds, recency, len(train), seed).items():
        models[name], held_out = _calibrate(used, pipeline, data, y_train, seed)
        losses[name] = _loss(y_train, held_out)
    chosen = _choose(losses)
    scores = {name: model.predict(later) for name, model in models.items()}
    effects = _importance(models[chosen], later, y_test, seed)
    standardised = _standardised_effects(models["logistic"])
    effects["standardised_effect"] = effects["feature"].map(standardised).astype(float)
    gains = (y_test - scores["base rate"]) ** 2 - (y_test - scores[chosen]) ** 2
    half = Z95 * gains.std(ddof=1) / np.sqrt(len(gains))
    return Propensity(
        outcome=outcome, chosen=chosen, comparison=_compare(y_test, scores),
        calibration=_calibration(y_test, scores[chosen]),
        effects=effects.sort_values(
            ["importance", "feature"], ascending=[False, True], ignore_index=True),
        gain=float(gains.mean()), gain_low=float(gains.mean() - half),
        gain_high=float(gains.mean() + half), leakage=leakage, n_train=n_train, n_test=len(test),
        _kinds=kinds, _model=models[chosen],
    )  # fmt: skip
