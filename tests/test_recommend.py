from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook.recommend import association_rules, evaluate, fit_item_similarity, recommend


def pairs_of(bought: dict[str, str]) -> pd.DataFrame:
    rows = [(customer, product) for customer, products in bought.items() for product in products]
    return pd.DataFrame(rows, columns=["customer_id", "product_id"])


TINY = pairs_of({"1": "ab", "2": "ab", "3": "abc", "4": "cd", "5": "a"})


def test_cosine_and_lift_agree_with_hand_calculation():
    cosine = fit_item_similarity(TINY, shrinkage=0).similarity.toarray()
    assert cosine[0, 1] == pytest.approx(3 / np.sqrt(4 * 3))
    assert cosine[2, 3] == pytest.approx(1 / np.sqrt(2))
    assert np.allclose(cosine, cosine.T)
    assert (np.diag(cosine) == 0).all()
    lift = fit_item_similarity(TINY, method="lift", shrinkage=0).similarity.toarray()
    assert lift[0, 1] == pytest.approx(3 * 5 / (4 * 3))


def test_recommendations_leave_out_what_is_owned_and_fill_up_with_popular():
    model = fit_item_similarity(TINY, shrinkage=0)
    listed = recommend(model, pairs_of({"x": "ab", "y": "d", "z": "q"}), k=2)
    got = listed.groupby("customer_id")["product_id"].agg(list).to_dict()
    assert got == {"x": ["c", "d"], "y": ["c", "a"], "z": ["a", "b"]}
    assert listed["reason"].tolist() == ["similar", "popular"] * 2 + ["popular"] * 2
    with_owned = recommend(model, pairs_of({"x": "ab"}), k=2, exclude_owned=False)
    assert with_owned["product_id"].tolist() == ["a", "b"]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 7)), min_size=1, max_size=40),
    st.integers(1, 9),
)
def test_each_customer_gets_k_new_products_whatever_the_row_order(rows, k):
    pairs = pd.DataFrame(rows, columns=["customer_id", "product_id"]).astype(str)
    model = fit_item_similarity(pairs, n=3)
    listed = recommend(model, pairs, k)
    owned = pairs.groupby("customer_id")["product_id"].agg(set)
    free = (len(model.products) - owned.str.len()).clip(upper=k)
    sizes = listed.groupby("customer_id").size().reindex(owned.index, fill_value=0)
    assert (sizes == free).all()
    assert not listed.duplicated(["customer_id", "product_id"]).any()
    assert listed.merge(pairs, on=["customer_id", "product_id"]).empty
    turned = recommend(fit_item_similarity(pairs[::-1], n=3), pairs[::-1], k)
    pd.testing.assert_frame_equal(listed, turned)


def planted(seed: int, taste: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Five groups of six products each; with `taste` a customer stays within one group."""
    rng = np.random.default_rng(seed)
    own = rng.integers(0, 5, 3_000)
    periods = []
    for _ in range(2):
        group = np.where(
            rng.random((3_000, 3)) < taste, own[:, None], rng.integers(0, 5, (3_000, 3))
        )
        product = group * 6 + rng.integers(0, 6, (3_000, 3))
        customer = np.repeat(np.arange(3_000), 3)
        frame = pd.DataFrame({"customer_id": customer, "product_id": product.ravel()})
        periods.append(frame.astype(str))
    return periods[0], periods[1]


def test_planted_tastes_beat_popularity_and_pure_chance_does_not():
    found = evaluate(*planted(1, 0.9), k=5)
    assert found.beats_popularity
    assert found.gain > 0.3
    assert found.table.set_index("model").loc["item similarity", "coverage"] == 1.0
    assert not evaluate(*planted(2, 0.0), k=5).beats_popularity


def test_new_customers_are_counted_not_judged():
    later = pairs_of({"1": "c", "9": "a"})
    found = evaluate(TINY, later, k=1)
    assert found.n_unknown == 1
    assert (found.table["n"] == 1).all()
    with pytest.raises(ValueError, match="bought again"):
        evaluate(TINY, pairs_of({"9": "a"}), k=1)


def test_association_rules_agree_with_hand_calculation():
    bought = ["bread butter"] * 6 + ["bread"] * 2 + ["milk"] * 4
    rows = [(str(i), product) for i, basket in enumerate(bought) for product in basket.split()]
    rules = association_rules(pd.DataFrame(rows, columns=["order_id", "product_id"]), 0.1, 0.5)
    assert rules["antecedent"].tolist() == ["bread", "butter"]
    first = rules.iloc[0]
    assert (first["support"], first["confidence"], first["n"]) == (0.5, 0.75, 6)
    assert first["lift"] == pytest.approx(0.75 / 0.5)
    assert first["low"] < 0.75 < first["high"]
    rare = association_rules(pd.DataFrame(rows[:8], columns=["order_id", "product_id"]), 0.0, 0.0)
    assert rare.empty  # four baskets: suppressed


def test_bad_input_is_refused_with_the_reason():
    with pytest.raises(ValueError, match="lack customer_id or product_id"):
        fit_item_similarity(pd.DataFrame({"customer_id": ["1", None], "product_id": ["a", "b"]}))
    with pytest.raises(ValueError, match="missing"):
        fit_item_similarity(pd.DataFrame({"customer": ["1"], "product_id": ["a"]}))
    with pytest.raises(ValueError, match="nothing can be learned"):
        fit_item_similarity(TINY.iloc[:0])
    with pytest.raises(ValueError, match="1 or more"):
        recommend(fit_item_similarity(TINY), TINY, 0)
