"""The figures of the needs-based segments: what customers want, how they buy, and who they are beside it.

Glossary
--------
need
    An answer on importance or on a psychographic construct.
habit
    How a customer buys: channel, price level, discount, extra services, returns, service cases.
descriptor
    Who a customer is. It tells which segment is likely and never what a segment is.
"""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from playbook.segmentation.latent_class import Evidence, same_customer

__all__ = [
    "design_of",
    "evidence_of",
    "fit_coding",
    "fit_levels",
    "habit_tables",
    "needs_of",
    "respondents",
]

KINDS = ("importance", "psychographic")
DESCRIPTORS = ("age", "household", "income", "gender", "education", "country", "area_type", "customer_type",
               "acquisition_channel", "market_segment")  # fmt: skip
BANDS = {"age": 8, "household": 5, "income": 4}
LEAST_LEVEL = 0.02
MOST_LEVELS = 20
LEAST_WAY = 0.01
ALIKE = 0.15
"""Mean correlation of importance answers from which people are taken to use the scale differently."""
UNITS_RHO = 0.3
BASKET = "units per order"
CODING = ["feature", "block", "kind", "mean", "spread", "rho", "own_level"]


def needs_of(customers: pd.DataFrame, attitudes: pd.DataFrame) -> pd.DataFrame:
    """Return the needs of customers with an order (index ``customer_id``): "importance: price" and so on.

    Parameters
    ----------
    customers
        Query ``customer_features``.
    attitudes
        Query ``customer_attitudes``: latest answers.
    """
    ids = customers.loc[customers["orders"] > 0, "customer_id"].sort_values()
    asked = attitudes[attitudes["kind"].isin(KINDS)]
    name = asked["kind"].astype("str") + ": " + asked["construct"].astype("str")
    wide = asked.assign(name=name).pivot_table(index="customer_id", columns="name", values="value")
    return wide.reindex(ids.to_numpy()).astype(float).rename_axis("customer_id")


def respondents(needs: pd.DataFrame) -> np.ndarray:
    """Return who answered at least half of the questions on needs."""
    if not needs.shape[1]:
        return np.zeros(len(needs), dtype=bool)
    return needs.notna().mean(axis=1).to_numpy() >= 0.5


def fit_coding(
    customers: pd.DataFrame, habits: pd.DataFrame, attitudes: pd.DataFrame
) -> pd.DataFrame:
    """Return how each figure is coded, learned from these customers.

    Returns
    -------
    pandas.DataFrame
        One row per figure: ``feature``, ``block``, ``kind`` (number or way), ``mean`` and ``spread`` (numbers are
        standardised; of a way: the overall share and the standard deviation of shrunken shares), ``rho`` (the
        correlation of two orders of a customer) and ``own_level`` (whether answers count against the
        respondent's own mean, because people use the scale differently). Constant figures are left out.
    """
    rows = []
    for name, block, values, own in _numbers(customers, attitudes, None):
        known = values[np.isfinite(values)]
        if len(known) >= 2 and known.std() > 1e-9:
            rho = UNITS_RHO if name == BASKET else np.nan
            rows.append((name, block, "number", known.mean(), known.std(), rho, own))
    for habit, wide in habit_tables(customers, habits).items():
        share = wide.sum() / max(float(wide.to_numpy().sum()), 1e-9)
        kept = wide.loc[:, share >= LEAST_WAY]
        if kept.shape[1] < 2:
            continue
        rho = same_customer(kept.to_numpy())
        share = kept.sum() / float(kept.to_numpy().sum())
        spread = shrunken(kept.to_numpy(), share.to_numpy()).std(axis=0)
        rows += [
            (f"{habit}: {way}", habit, "way", share[way], sd, rho, False)
            for way, sd in zip(kept.columns, spread, strict=True)
        ]
    return pd.DataFrame(rows, columns=CODING)


def shrunken(counts: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return shares pulled towards ``share`` as if two more average orders had been seen."""
    return (counts + 2 * share) / (counts.sum(axis=1, keepdims=True) + 2)


def evidence_of(
    customers: pd.DataFrame, habits: pd.DataFrame, attitudes: pd.DataFrame, coding: pd.DataFrame
) -> tuple[Evidence, pd.DataFrame]:
    """Return the evidence under a coding, and the figures themselves (index ``customer_id``; ways as shrunken shares)."""
    numbers = coding[coding["kind"] == "number"]
    own = dict(zip(numbers["block"], numbers["own_level"].astype(bool), strict=True))
    found = {name: values for name, _, values, _ in _numbers(customers, attitudes, own)}
    buyers = _buyers(customers)
    unknown = np.full(len(buyers), np.nan)
    raw = np.column_stack([found.get(f, unknown) for f in numbers["feature"]]) if len(numbers) else np.empty((len(buyers), 0))  # fmt: skip
    standard = (raw - numbers["mean"].to_numpy()) / numbers["spread"].to_numpy()
    standard = np.clip(standard, -4, 4)
    orders = buyers["orders"].to_numpy(float)[:, None]
    rho = numbers["rho"].to_numpy(float)
    weights = np.where(np.isnan(rho), 1.0, orders / (1 + (orders - 1) * np.nan_to_num(rho)))
    figures = dict(zip(numbers["feature"], raw.T, strict=True))
    counts = []
    tables = habit_tables(customers, habits)
    for habit, rows in coding[coding["kind"] == "way"].groupby("block", sort=False):
        ways = [str(f).partition(": ")[2] for f in rows["feature"]]
        wide = tables.get(str(habit), pd.DataFrame(index=buyers.index)).reindex(columns=ways)
        seen = wide.fillna(0.0).to_numpy(float)
        total = seen.sum(axis=1, keepdims=True)
        counts.append(seen / (1 + np.maximum(total - 1, 0) * float(rows["rho"].iloc[0])))
        shares = shrunken(seen, rows["mean"].to_numpy())
        figures |= dict(zip(rows["feature"], np.where(total > 0, shares, np.nan).T, strict=True))
    frame = pd.DataFrame(figures, index=buyers.index)[list(coding["feature"])]
    return Evidence.of(standard, weights, counts), frame


def _buyers(customers: pd.DataFrame) -> pd.DataFrame:
    return customers[customers["orders"] > 0].set_index("customer_id").sort_index()


def _numbers(
    customers: pd.DataFrame, attitudes: pd.DataFrame, own: dict[str, bool] | None
) -> list[tuple[str, str, np.ndarray, bool]]:
    """Name, block, values and whether they count against the respondent's own mean."""
    needs = needs_of(customers, attitudes)
    block_of = pd.Series([c.partition(": ")[0] for c in needs.columns], index=needs.columns)
    found = []
    for block, columns in block_of.groupby(block_of).groups.items():
        part = needs[list(columns)]
        centred = (own or {}).get(str(block), False) if own is not None else _differ_in_use(str(block), part)  # fmt: skip
        if centred:
            part = part.sub(part.mean(axis=1), axis=0)
        found += [(str(c), str(block), part[c].to_numpy(float), bool(centred)) for c in part]
    buyers = _buyers(customers)
    if buyers["units"].notna().any():
        units = buyers["units"].astype(float).clip(lower=0.0) / buyers["orders"].astype(float)
        found.append((BASKET, "basket", np.log1p(units).to_numpy(float), False))
    return found


def _differ_in_use(block: str, part: pd.DataFrame) -> bool:
    """Whether answers on importance all move together: a habit of answering and no need."""
    if block != "importance" or part.shape[1] < 3 or part.dropna().shape[0] < 30:
        return False
    together = part.corr().to_numpy()
    pairs = together[np.triu_indices_from(together, 1)]
    return bool(np.nanmean(pairs) > ALIKE) if np.isfinite(pairs).any() else False


def habit_tables(customers: pd.DataFrame, habits: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return for each habit how often customers with an order (index ``customer_id``) buy each way (columns)."""
    ids = _buyers(customers).index
    tables = {}
    for habit, rows in habits[habits["customer_id"].isin(ids)].groupby("habit"):
        wide = rows.pivot_table(index="customer_id", columns="way", values="amount", aggfunc="sum")
        tables[str(habit)] = wide.reindex(ids).fillna(0.0).astype(float)
    return tables


def fit_levels(customers: pd.DataFrame) -> pd.DataFrame:
    """Return the levels of the descriptors: ``feature``, ``descriptor``, ``level``, ``low`` and ``high`` of numbers.

    Rare levels (under 2 % of customers, or beyond the twenty most frequent) and unknown values have none.
    """
    buyers = _buyers(customers)
    rows: list[tuple[str, str, str, float, float]] = []
    for name in DESCRIPTORS:
        values = buyers[name]
        if name in BANDS:
            known = values.astype(float).dropna()
            if known.nunique() < 2:
                continue
            inner = known.quantile(np.linspace(0, 1, BANDS[name] + 1)[1:-1]).round(6)
            ends = [-np.inf, *np.unique(inner), np.inf]
            for low, high in itertools.pairwise(ends):
                rows.append((f"{name}: {_band(low, high)}", name, "", low, high))
        else:
            share = values.dropna().astype("str").value_counts() / max(len(values), 1)
            levels = sorted(share[share >= LEAST_LEVEL].head(MOST_LEVELS).index)
            if len(levels) >= 2:
                rows += [(f"{name}: {level}", name, level, np.nan, np.nan) for level in levels]
    return pd.DataFrame(rows, columns=["feature", "descriptor", "level", "low", "high"])


def _band(low: float, high: float) -> str:
    if not np.isfinite(low):
        return f"under {high:,.0f}" if high == round(high) else f"up to {high:,.1f}"
    return f"from {low:,.0f}" if not np.isfinite(high) else f"{low:,.0f} to {high:,.0f}"


def design_of(customers: pd.DataFrame, levels: pd.DataFrame) -> np.ndarray:
    """Return one column per level (0 or 1) for customers with an order."""
    buyers = _buyers(customers)
    columns = []
    for row in levels.itertuples(index=False):
        values = buyers[row.descriptor]
        if np.isnan(row.low) and np.isnan(row.high):
            columns.append((values.astype("str") == row.level) & values.notna())
        else:
            number = values.astype(float)
            columns.append((number >= row.low) & (number < row.high))
    return np.column_stack([c.to_numpy(float) for c in columns]) if columns else np.empty((len(buyers), 0))  # fmt: skip
