"""Recommendation: which product next, from what other customers bought.

Glossary
--------
item–item similarity
    How much the buyers of two products overlap (cosine, or lift over chance).
lift
    How many times more often two products meet than if bought independently.
hit rate at k
    Share of customers who, later, bought at least one of the k products recommended.
coverage
    Share of the catalogue that is recommended to anybody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, vstack
from statsmodels.stats.proportion import proportion_confint

SHRINKAGE = 10.0  # joint buyers that chance alone might bring together
BLOCK = 2_000  # customers or products worked on at once
METHODS = ("cosine", "lift")
MINIMUM_TOGETHER = 5  # rules from fewer baskets are suppressed


@dataclass(frozen=True)
class ItemSimilarity:
    """The nearest products of each product.

    Attributes
    ----------
    products
        Product ids, sorted; the order of the matrix.
    similarity
        products × products, sparse, at most n entries per row.
    buyers
        Customers per product.
    method
        'cosine' or 'lift'.
    n_customers
        Customers fitted on.
    """

    products: pd.Index
    similarity: csr_array
    buyers: np.ndarray
    method: str
    n_customers: int


@dataclass(frozen=True)
class Evaluation:
    """Recommendations judged by what customers bought afterwards.

    Attributes
    ----------
    table
        model, hit_rate, low, high (Wilson, 95 %), coverage, n (customers).
    gain, gain_low, gain_high
        Hit rate of item similarity minus that of popularity, paired, 95 % interval.
    n_unknown
        Later customers who bought nothing before and so cannot be judged here.
    """

    table: pd.DataFrame
    gain: float
    gain_low: float
    gain_high: float
    n_unknown: int

    @property
    def beats_popularity(self) -> bool:
        """Whether the interval of the gain lies above zero."""
        return self.gain_low > 0


def _pairs(frame: pd.DataFrame, row: str = "customer_id") -> pd.DataFrame:
    """Distinct pairs as text, sorted; missing ids are refused."""
    absent = [name for name in (row, "product_id") if name not in frame.columns]
    if absent:
        raise ValueError(f"columns {absent} are missing; expected {row} and product_id")
    pairs = frame[[row, "product_id"]]
    if pairs.isna().to_numpy().any():
        count = int(pairs.isna().any(axis=1).sum())
        raise ValueError(f"{count} rows lack {row} or product_id; leave guests out or name them")
    pairs = pairs.astype("str").drop_duplicates()
    return pairs.sort_values([row, "product_id"], ignore_index=True)


def _matrix(pairs: pd.DataFrame, rows: pd.Index, products: pd.Index, row: str) -> csr_array:
    """0/1 matrix rows × products; products outside the catalogue are passed over."""
    i, j = rows.get_indexer(pairs[row]), products.get_indexer(pairs["product_id"])
    known = (i >= 0) & (j >= 0)
    ones = np.ones(int(known.sum()))
    return csr_array((ones, (i[known], j[known])), (len(rows), len(products)))


def _index(values: pd.Series) -> pd.Index:
    return pd.Index(values.drop_duplicates().sort_values())


def _best_per_row(matrix: csr_array, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and values of the k largest entries per row; ties by column."""
    matrix = csr_array(matrix)
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    value = np.round(matrix.data, 9)
    keep = value > 0
    row, column, value = row[keep], matrix.indices[keep], value[keep]
    order = np.lexsort((column, -value, row))
    row, column, value = row[order], column[order], value[order]
    first = np.searchsorted(row, row, side="left")
    top = np.arange(len(row)) - first < k
    return row[top], column[top], value[top]


def fit_item_similarity(
    pairs: pd.DataFrame, n: int = 50, method: str = "cosine", shrinkage: float = SHRINKAGE
) -> ItemSimilarity:
    """Find each product's n most similar products from who bought what.

    Parameters
    ----------
    pairs
        customer_id, product_id; repeated purchases count once.
    n
        Neighbours kept per product.
    method
        'cosine' (Sarwar, Karypis, Konstan, Riedl 2001): joint / (√(a·b) + shrinkage); or 'lift':
        joint·N / (a·b) × joint / (joint + shrinkage).
    shrinkage
        In customers; pulls similarities that rest on few joint buyers towards zero.

    Raises
    ------
    ValueError
        No pairs, missing ids, an unknown method, n below 1 or a negative shrinkage.
    """
    if method not in METHODS or n < 1 or shrinkage < 0:
        raise ValueError(f"expected a method of {METHODS}, n of 1 or more, shrinkage of 0 or more")
    pairs = _pairs(pairs)
    if pairs.empty:
        raise ValueError("no pairs of customer and product; nothing can be learned")
    customers, products = _index(pairs["customer_id"]), _index(pairs["product_id"])
    matrix = _matrix(pairs, customers, products, "customer_id")
    buyers = np.asarray(matrix.sum(axis=0)).ravel()
    transposed = csr_array(matrix.T)
    blocks = []
    for start in range(0, len(products), BLOCK):
        joint = (transposed[start : start + BLOCK] @ matrix).tocoo()
        a, b, both = joint.row + start, joint.col, joint.data
        if method == "cosine":
            score = both / (np.sqrt(buyers[a] * buyers[b]) + shrinkage)
        else:
            score = both * len(customers) / (buyers[a] * buyers[b]) * both / (both + shrinkage)
        score[a == b] = 0.0
        row, column, value = _best_per_row(csr_array((score, (joint.row, b)), joint.shape), n)
        blocks.append(csr_array((value, (row, column)), joint.shape))
    similarity = csr_array(vstack(blocks, format="csr"))
    return ItemSimilarity(products, similarity, buyers, method, len(customers))


def _popular(owned: csr_array, taken: csr_array, buyers: np.ndarray, k: int) -> csr_array:
    """Fill each row of `taken` up to k with the most bought products not owned; values 1."""
    order = np.lexsort((np.arange(len(buyers)), -buyers))
    blocked = csr_array(owned + taken)
    have = np.diff(taken.indptr)
    rows = np.flatnonzero(have < k)
    depth = min(len(buyers), k + int(np.diff(blocked.indptr)[rows].max(initial=0)))
    place = np.full(len(buyers), depth)
    place[order[:depth]] = np.arange(depth)
    free = np.ones((len(rows), depth + 1), dtype=bool)
    part = csr_array(blocked[rows])
    free[np.repeat(np.arange(len(rows)), np.diff(part.indptr)), place[part.indices]] = False
    free = free[:, :depth]
    free &= np.cumsum(free, axis=1) <= (k - have[rows])[:, None]
    i, j = np.nonzero(free)
    return csr_array((np.ones(len(i)), (rows[i], order[j])), taken.shape)


def _block(
    owned: csr_array, similarity: csr_array | None, buyers: np.ndarray, k: int, exclude: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Row, product, score and whether by similarity, for one block of customers."""
    out = csr_array(owned.shape) if not exclude else owned
    if similarity is None:
        row = column = np.empty(0, int)
        value = np.empty(0)
    else:
        scores = csr_array(owned @ similarity)
        if exclude:
            scores = csr_array(scores - scores.multiply(owned))
        row, column, value = _best_per_row(scores, k)
    taken = csr_array((np.ones(len(row)), (row, column)), owned.shape)
    more = _popular(out, taken, buyers, k).tocoo()
    fill = np.lexsort((more.col, -buyers[more.col], more.row))
    rows = np.concatenate([row, more.row[fill]])
    columns = np.concatenate([column, more.col[fill]])
    values = np.concatenate([value, np.zeros(len(fill))])
    similar = np.arange(len(rows)) < len(row)
    order = np.lexsort((~similar, rows))  # stable: the order within each part stays
    return rows[order], columns[order], values[order], similar[order]


def recommend(
    model: ItemSimilarity, pairs: pd.DataFrame, k: int, exclude_owned: bool = True
) -> pd.DataFrame:
    """Recommend k products to each customer in `pairs`.

    Parameters
    ----------
    model
        From `fit_item_similarity`.
    pairs
        customer_id, product_id of what each customer has bought so far; products
        unknown to the model are passed over.
    k
        Products per customer (fewer where the catalogue has no more).
    exclude_owned
        Leave out what the customer already has; set False for consumables.

    Returns
    -------
    DataFrame
        customer_id, rank (from 1), product_id, score (summed similarity, 0 for fillers), reason
        ('similar', or 'popular' where similarity had nothing more to say).
        Ties by product_id.
    """
    pairs = _pairs(pairs)
    return _recommend(model, model.similarity, pairs, k, exclude_owned)


def _recommend(
    model: ItemSimilarity, similarity: csr_array | None, pairs: pd.DataFrame, k: int, exclude: bool
) -> pd.DataFrame:
    if k < 1:
        raise ValueError(f"k: expected 1 or more products per customer, got {k}")
    customers = _index(pairs["customer_id"])
    owned = _matrix(pairs, customers, model.products, "customer_id")
    parts: list[tuple[np.ndarray, ...]] = []
    for start in range(0, len(customers), BLOCK):
        rows, *rest = _block(owned[start : start + BLOCK], similarity, model.buyers, k, exclude)
        parts.append((rows + start, *rest))
    if not parts:
        return pd.DataFrame(columns=["customer_id", "rank", "product_id", "score", "reason"])
    row, column, score, similar = (np.concatenate(each) for each in zip(*parts, strict=True))
    rank = np.arange(len(row)) - np.searchsorted(row, row, side="left") + 1
    return pd.DataFrame({
        "customer_id": customers.take(row), "rank": rank,
        "product_id": model.products.take(column), "score": score,
        "reason": pd.Series(np.where(similar, "similar", "popular"), dtype="str"),
    })  # fmt: skip


def _hits(recommended: pd.DataFrame, later: pd.DataFrame, customers: pd.Index) -> np.ndarray:
    """Whether each customer later bought one of the products recommended."""
    met = recommended.merge(later, on=["customer_id", "product_id"])["customer_id"]
    return customers.isin(met).astype(float)


def evaluate(
    train_pairs: pd.DataFrame,
    test_pairs: pd.DataFrame,
    k: int,
    n: int = 50,
    method: str = "cosine",
    exclude_owned: bool = True,
) -> Evaluation:
    """Judge item similarity out of time, beside recommending what is popular.

    Parameters
    ----------
    train_pairs
        customer_id, product_id of the earlier period.
    test_pairs
        The same of the later period.
    k
        Products recommended per customer.
    n, method
        As in `fit_item_similarity`.
    exclude_owned
        Count only products that are new to the customer, and recommend only such.

    Raises
    ------
    ValueError
        No customer bought in both periods (something new, when owned products are excluded).
    """
    earlier, later = _pairs(train_pairs), _pairs(test_pairs)
    model = fit_item_similarity(earlier, n, method)
    known = later["customer_id"].isin(earlier["customer_id"])
    n_unknown = int(later.loc[~known, "customer_id"].nunique())
    later = later[known]
    if exclude_owned:
        both = later.merge(earlier, how="left", indicator=True)
        later = both.loc[both["_merge"] == "left_only", ["customer_id", "product_id"]]
    customers = _index(later["customer_id"])
    if customers.empty:
        raise ValueError("not enough data: no customer of the earlier period bought again later")
    history = earlier[earlier["customer_id"].isin(customers)]
    rows, hits = [], {}
    for name, similarity in (("item similarity", model.similarity), ("popularity", None)):
        listed = _recommend(model, similarity, history, k, exclude_owned)
        hits[name] = _hits(listed, later, customers)
        low, high = proportion_confint(hits[name].sum(), len(customers), method="wilson")
        rows.append({
            "model": name, "hit_rate": hits[name].mean(), "low": low, "high": high,
            "coverage": listed["product_id"].nunique() / len(model.products), "n": len(customers),
        })  # fmt: skip
    difference = hits["item similarity"] - hits["popularity"]
    gain = float(difference.mean())
    half = 1.959964 * float(difference.std()) / np.sqrt(len(difference))
    return Evaluation(pd.DataFrame(rows), gain, gain - half, gain + half, n_unknown)


def association_rules(
    baskets: pd.DataFrame, minimum_support: float, minimum_confidence: float
) -> pd.DataFrame:
    """Find rules 'who buys A also buys B in the same basket' (Agrawal, Imieliński, Swami 1993).

    Parameters
    ----------
    baskets
        order_id, product_id; repeated lines count once.
    minimum_support
        Smallest share of baskets that hold both products (0 to 1).
    minimum_confidence
        Smallest share of A's baskets that also hold B (0 to 1).

    Returns
    -------
    DataFrame
        antecedent, consequent, support, confidence, low, high (Wilson 95 % of the confidence), lift,
        n (baskets with both; below 5 suppressed), sorted by lift, n and products.
        One product on each side.

    Raises
    ------
    ValueError
        Missing ids, or thresholds outside 0 to 1.
    """
    if not (0 <= minimum_support <= 1 and 0 <= minimum_confidence <= 1):
        raise ValueError("minimum_support and minimum_confidence are shares: 0 to 1")
    pairs = _pairs(baskets, "order_id")
    orders, products = _index(pairs["order_id"]), _index(pairs["product_id"])
    matrix = _matrix(pairs, orders, products, "order_id")
    counts = np.asarray(matrix.sum(axis=0)).ravel()
    least = max(MINIMUM_TOGETHER, minimum_support * len(orders))
    frequent = np.flatnonzero(counts >= least - 1e-9)
    matrix = csr_array(matrix[:, frequent])
    transposed = csr_array(matrix.T)
    found = [(np.empty(0, int), np.empty(0, int), np.empty(0))]
    for start in range(0, len(frequent), BLOCK):
        joint = (transposed[start : start + BLOCK] @ matrix).tocoo()
        keep = (joint.data >= least - 1e-9) & (joint.row + start != joint.col)
        found.append((joint.row[keep] + start, joint.col[keep], joint.data[keep]))
    i, j, n = (np.concatenate(each) for each in zip(*found, strict=True))
    a, b = frequent[i], frequent[j]
    confidence = n / counts[a]
    low, high = proportion_confint(n, counts[a], method="wilson") if len(n) else (n, n)
    table = pd.DataFrame({
        "antecedent": products.take(a), "consequent": products.take(b),
        "support": n / max(len(orders), 1), "confidence": confidence, "low": low, "high": high,
        "lift": np.round(confidence * len(orders) / counts[b], 9), "n": n.astype(int),
    })  # fmt: skip
    table = table[table["confidence"] >= minimum_confidence - 1e-12]
    keys = ["lift", "n", "antecedent", "consequent"]
    return table.sort_values(keys, ascending=[False, False, True, True], ignore_index=True)
