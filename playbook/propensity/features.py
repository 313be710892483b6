"""Customer features as models take them: checked, typed, encoded, free of leakage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

KNOWN_AFTER_OUTCOME = (
    "churned_at", "clicked", "closed_at", "cancelled_at", "converted_at", "end_reason", "ended_at",
    "is_deceased_or_closed", "is_won", "loss_reason", "opened", "responded_at", "unsubscribed",
)  # fmt: skip
SUSPICIOUS_AUC = 0.95
SKEWED = 4.0
MISSING = "(missing)"


def keyed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame indexed by customer_id (text), sorted by it, one row per customer.

    Parameters
    ----------
    frame
        One row per customer; `customer_id` is a column or the index.

    Raises
    ------
    ValueError
        A customer has no id, or more than one row.
    """
    if "customer_id" in frame.columns:
        frame = frame.set_index("customer_id")
    if frame.index.hasnans:
        raise ValueError(f"{int(frame.index.isna().sum())} rows have no customer_id; give each one")
    frame = frame.set_axis(frame.index.astype(str).rename("customer_id"), axis=0)
    if not frame.index.is_unique:
        key = frame.index[frame.index.duplicated()].min()
        raise ValueError(f"expected one row per customer, got several for {key!r}; aggregate first")
    return frame.sort_index()


def require(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise a ValueError that names the columns which the frame lacks."""
    absent = [column for column in columns if column not in frame.columns]
    if absent:
        raise ValueError(f"columns {absent} are not in the frame; it has {list(frame.columns)}")


def numbers(column: pd.Series) -> np.ndarray:
    """Return a column as float64, missing as nan (booleans, nullable types and Decimal too)."""
    return pd.to_numeric(column.astype(object), errors="raise").to_numpy(float, na_value=np.nan)


def binary(frame: pd.DataFrame, column: str) -> np.ndarray:
    """Return a 0/1 or boolean column as float; refuse missing or other values.

    Raises
    ------
    ValueError
        The column is absent, has missing values or values other than 0 and 1.
    """
    require(frame, [column])
    try:
        values = numbers(frame[column])
    except (TypeError, ValueError):
        values = np.full(len(frame), 2.0)
    if not np.isin(values, (0.0, 1.0)).all():
        raise ValueError(f"{column}: expected only 0/1 or true/false, without missing values")
    return values


def feature_kinds(frame: pd.DataFrame, features: Sequence[str]) -> dict[str, str]:
    """Classify each feature as 'numeric', 'log' (numeric, strongly skewed) or 'category'.

    Raises
    ------
    ValueError
        No features, an absent or repeated one, a date, or infinite values.
    """
    if not features or len(set(features)) != len(features):
        raise ValueError(f"features: expected distinct column names, at least one; got {features}")
    require(frame, features)
    kinds = {}
    for name in features:
        column = frame[name].dropna()
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            raise ValueError(f"{name}: is a date; give days before the snapshot instead")
        decimal = pd.api.types.infer_dtype(column, skipna=True) == "decimal"
        if not (pd.api.types.is_numeric_dtype(column.dtype) or decimal):
            kinds[name] = "category"
            continue
        values = numbers(column)
        if not np.isfinite(values).all():
            raise ValueError(f"{name}: has infinite values; replace them by missing or a bound")
        spread = values.std() if len(values) else 0.0
        skew = np.mean(((values - values.mean()) / spread) ** 3) if spread > 0 else 0.0
        kinds[name] = "log" if abs(skew) > SKEWED else "numeric"
    return kinds


def prepare(frame: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    """Return the features as float (signed log1p for skewed ones) and plain text columns.

    Parameters
    ----------
    frame
        One row per customer, with every feature in `kinds`.
    kinds
        From `feature_kinds` of the training frame.
    """
    require(frame, list(kinds))
    columns: dict[str, np.ndarray] = {}
    for name, kind in kinds.items():
        if kind == "category":
            text = frame[name].astype(object)
            columns[name] = text.where(text.notna(), MISSING).map(str).to_numpy(object)
            continue
        try:
            values = numbers(frame[name])
        except (TypeError, ValueError):
            raise ValueError(f"{name}: was numeric in training but holds text here") from None
        columns[name] = np.sign(values) * np.log1p(np.abs(values)) if kind == "log" else values
    return pd.DataFrame({k: pd.Series(v, frame.index, v.dtype) for k, v in columns.items()})


def linear_encoder(kinds: dict[str, str]) -> ColumnTransformer:
    """Impute by the median, mark missing, standardise; one column per category level."""
    text = [name for name, kind in kinds.items() if kind == "category"]
    numeric = [name for name in kinds if name not in text]
    scale: Pipeline = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
    )
    levels = OneHotEncoder(handle_unknown="ignore", max_categories=30, sparse_output=False)
    return ColumnTransformer([("numeric", scale, numeric), ("category", levels, text)])


def tree_encoder(kinds: dict[str, str]) -> tuple[ColumnTransformer, list[int]]:
    """Leave numbers as they are, code categories; also the positions of the latter."""
    text = [name for name, kind in kinds.items() if kind == "category"]
    numeric = [name for name in kinds if name not in text]
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=60
    )
    encoder = ColumnTransformer([("numeric", "passthrough", numeric), ("category", codes, text)])
    return encoder, list(range(len(numeric), len(kinds)))


def auc(outcome: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve: chance that a case outranks a non-case, ties count half."""
    cases = outcome.sum()
    others = len(outcome) - cases
    if cases == 0 or others == 0:
        return float("nan")
    ranks = rankdata(score)
    return float((ranks[outcome == 1].sum() - cases * (cases + 1) / 2) / (cases * others))


def _single_auc(column: pd.Series, kind: str, outcome: np.ndarray) -> float:
    """AUC of one feature, or of whether it is missing, whichever separates better."""
    absent = column.isna().to_numpy(float)
    if kind == "category":
        text = column.astype(object).where(column.notna(), MISSING).map(str)
        half = np.arange(len(text)) % 2  # levels are scored on the other half, never on themselves
        score = np.full(len(text), outcome.mean())
        for part in (0, 1):
            rates = pd.Series(outcome[half != part]).groupby(text[half != part].to_numpy()).mean()
            score[half == part] = text[half == part].map(rates).fillna(outcome.mean()).astype(float)
        return auc(outcome, score)
    values = numbers(column)
    filled = np.where(np.isnan(values), np.nanmedian(values) if absent.mean() < 1 else 0.0, values)
    areas = [auc(outcome, filled), auc(outcome, absent)]
    return max(max(area, 1 - area) for area in areas)


def leakage_check(
    frame: pd.DataFrame,
    outcome: str,
    features: Sequence[str],
    known_after: Sequence[str] = KNOWN_AFTER_OUTCOME,
) -> pd.DataFrame:
    """Refuse features known only after the outcome; flag those that predict it too well.

    Parameters
    ----------
    frame
        One row per customer.
    outcome
        Name of the 0/1 outcome column.
    features
        Names of the feature columns.
    known_after
        Columns that exist only once the outcome is known.

    Returns
    -------
    DataFrame
        feature, auc (of that feature alone, folded to .5 to 1), suspicious (auc above .95),
        sorted by auc, highest first.

    Raises
    ------
    ValueError
        A feature is the outcome itself or is listed in `known_after`.
    """
    late = sorted(set(features) & {*known_after, outcome, "customer_id"})
    if late:
        raise ValueError(
            f"features {late} are keys or known only after the outcome {outcome!r}; leave them out"
        )
    frame = keyed(frame)
    values = binary(frame, outcome)
    kinds = feature_kinds(frame, features)
    areas = [_single_auc(frame[name], kind, values) for name, kind in kinds.items()]
    table = pd.DataFrame({"feature": list(kinds), "auc": np.round(areas, 6)})
    table["suspicious"] = table["auc"] > SUSPICIOUS_AUC
    return table.sort_values(["auc", "feature"], ascending=[False, True], ignore_index=True)
