"""The basis of the segments: what customers buy, how often, where and on what terms, in comparable figures.

Glossary
--------
basis
    The figures customers are grouped on. Who they are (age, place) describes segments but never makes them.
block
    Figures of one topic. Each block has the same weight, however many figures it holds.
shrunken share
    A share pulled towards that of all customers as if two more average orders had been seen, so that
    one order does not make a "100 % garden" customer.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["MODEL_COLUMNS", "basis_of", "fit_basis", "standardise"]

PRIOR_ORDERS = 2.0
LEAST_SHARE = 0.04
CLIP = (0.01, 0.99)
MODEL_COLUMNS = ["feature", "block", "prior", "prior_weight", "clip_low", "clip_high", "mean", "spread", "scale"]  # fmt: skip


def fit_basis(customers: pd.DataFrame, mix: pd.DataFrame) -> pd.DataFrame:
    """Return how each figure of the basis is computed and scaled, learned from these customers.

    Parameters
    ----------
    customers
        Query ``customer_features``; only customers with an order are used.
    mix
        Query ``purchase_mix``: ``customer_id``, ``dimension``, ``name``, ``amount``.

    Returns
    -------
    pandas.DataFrame
        One row per figure: ``feature``, ``block``, ``prior`` and ``prior_weight`` of a shrunken share
        (none for others), ``clip_low`` and ``clip_high``, ``mean`` and ``spread`` after clipping, and
        ``scale``, the divisor that gives every block the same weight. Constant figures are left out.
    """
    buyers = _buyers(customers)
    parts = _parts(buyers, mix)
    orders = float(buyers["orders"].sum())
    rows = [
        {"feature": name, "block": block, "prior": np.nan, "prior_weight": np.nan}
        for name, (block, _) in _plain(buyers).items()
    ] + [
        {
            "feature": name,
            "block": block,
            "prior": float(top.sum() / whole.sum()),
            "prior_weight": PRIOR_ORDERS * float(whole.sum()) / orders,
        }
        for name, (block, top, whole) in parts.items()
        if whole.sum() > 0 and top.sum() / whole.sum() >= (LEAST_SHARE if block in mix["dimension"].array else 1e-9)
    ]  # fmt: skip
    model = pd.DataFrame(rows, columns=["feature", "block", "prior", "prior_weight"])
    values = _values(buyers, parts, model)
    model["clip_low"], model["clip_high"] = (values.quantile(q).to_numpy() for q in CLIP)
    clipped = values.clip(model["clip_low"].to_numpy(), model["clip_high"].to_numpy(), axis=1)
    model["mean"], model["spread"] = clipped.mean().to_numpy(), clipped.std(ddof=0).to_numpy()
    model = model[model["spread"] > 1e-9].reset_index(drop=True)
    size = model["block"].map(model["block"].value_counts()).astype(float)
    return model.assign(scale=model["spread"] * np.sqrt(size))[MODEL_COLUMNS]


def basis_of(customers: pd.DataFrame, mix: pd.DataFrame, model: pd.DataFrame) -> pd.DataFrame:
    """Return the figures of ``model`` for customers with an order (index ``customer_id``), clipped.

    Parameters
    ----------
    model
        Frame of `fit_basis`, perhaps of an earlier year: a figure the data no longer holds is zero
        orders of that kind.
    """
    buyers = _buyers(customers)
    values = _values(buyers, _parts(buyers, mix), model)
    return values.clip(model["clip_low"].to_numpy(), model["clip_high"].to_numpy(), axis=1)


def standardise(values: pd.DataFrame, model: pd.DataFrame) -> pd.DataFrame:
    """Return figures as distances from the mean in block-weighted standard deviations."""
    return (values - model["mean"].to_numpy()) / model["scale"].to_numpy()


def _buyers(customers: pd.DataFrame) -> pd.DataFrame:
    return customers[customers["orders"] > 0].set_index("customer_id").sort_index()


def _plain(buyers: pd.DataFrame) -> dict[str, tuple[str, pd.Series]]:
    orders = buyers["orders"].astype(float)
    years = (buyers["days_since_first_order"].astype(float) / 365.25).clip(lower=1.0)
    value = buyers["purchases_value"].astype(float) / orders
    plain = {
        "days since last order": ("activity", np.log1p(buyers["recency_days"].astype(float))),
        "orders per year": ("activity", np.log1p(orders / years)),
        "order value": ("activity", np.log(value.clip(lower=0.01))),
    }
    if buyers["units"].notna().any():
        units = buyers["units"].astype(float).fillna(0.0).clip(lower=0.0)
        plain["units per order"] = ("basket", np.log1p(units / orders))
    return plain


def _parts(buyers: pd.DataFrame, mix: pd.DataFrame) -> dict[str, tuple[str, pd.Series, pd.Series]]:
    """Name -> block, part and whole of each share."""
    orders = buyers["orders"].astype(float)
    discount = buyers["discount"].astype(float).clip(lower=0)
    parts = {
        "discount share": ("price", discount, discount + buyers["purchases_value"].astype(float)),
        "cases per order": ("service", buyers["tickets"].astype(float), orders),
    }
    for dimension, rows in mix.groupby("dimension"):
        wide = rows.pivot_table(index="customer_id", columns="name", values="amount", aggfunc="sum")
        wide = wide.reindex(buyers.index).fillna(0.0).astype(float)
        whole = wide.sum(axis=1)
        for name in wide.columns:
            parts[f"{dimension}: {name}"] = (str(dimension), wide[name], whole)
    return parts


def _values(buyers: pd.DataFrame, parts: dict, model: pd.DataFrame) -> pd.DataFrame:
    plain, none = _plain(buyers), pd.Series(0.0, index=buyers.index)
    columns = {}
    for row in model.itertuples(index=False):
        if pd.isna(row.prior):
            columns[row.feature] = plain[row.feature][1] if row.feature in plain else none
        else:
            _, top, whole = parts.get(row.feature, ("", none, none))
            columns[row.feature] = (top + row.prior_weight * row.prior) / (whole + row.prior_weight)
    return pd.DataFrame(columns, index=buyers.index)
