"""Personalised marketing: recommendations judged out of time, cross-selling pairs, up-selling lists."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
from scipy.stats import binom

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.errors import NotEnough
from playbook.recommend import association_rules, evaluate, fit_item_similarity, recommend
from playbook.stats import false_discovery

__all__ = [
    "bought_between",
    "cross_selling",
    "personal_content",
    "recommendations",
    "up_selling",
]

TEST_SHARE = 4  # a quarter of the look-back is kept for the test
SUPPORT = 0.002  # share of baskets a pair must stand in
LOOK_BACK = 730
DEARER = (1.15, 1.80)  # price of the better product, as a multiple of what was paid
ASK = "order lines with customer and product numbers"


def bought_between(span: pd.DataFrame, as_of: date) -> dict[str, dict[str, date]]:
    """Return parameters of the query ``customer_products`` for learning, testing and today.

    The last quarter of the order history (of at most two years) is the test.
    """
    first = span["first_day"].iloc[0] if len(span) else pd.NaT
    days = LOOK_BACK if pd.isna(first) else min((as_of - first.date()).days + 1, LOOK_BACK)
    start, cut = as_of - timedelta(days=days), as_of - timedelta(days=days // TEST_SHARE)
    return {
        "train": {"bought_after": start, "bought_to": cut},
        "test": {"bought_after": cut, "bought_to": as_of},
        "all": {"bought_after": start, "bought_to": as_of},
    }


@answers
def recommendations(
    train: pd.DataFrame, test: pd.DataFrame, bought: pd.DataFrame, k: int = 3
) -> Answer:
    """Return whether similarity of products recommends better than popularity, and the lists.

    Parameters
    ----------
    train, test
        Query ``customer_products`` of the days before and after the cut.
    bought
        The same up to today.
    k
        Products per customer.

    Returns
    -------
    Answer
        Table model, hit_rate, low, high, coverage, n. Extra ``lists``: customer_id, rank, product_id, score,
        reason, from the better method (popularity unless similarity clearly wins).
    """
    need(train, "products bought before the test", ASK, rows=20)
    need(bought, "products bought", ASK, rows=20)
    try:
        judged = evaluate(train, test, k)
    except ValueError as error:
        if "not enough data" in str(error):
            raise NotEnough(str(error), ASK) from None
        raise
    model = fit_item_similarity(bought)
    lists = recommend(model, bought, k)
    best = judged.table.set_index("model")
    item, popular = best.loc["item similarity"], best.loc["popularity"]
    per_thousand = 1000 * judged.gain
    return Answer(
        table=judged.table,
        headline=(
            f"Personal lists hit {format_value(item.hit_rate, '%')}, best-sellers {format_value(popular.hit_rate, '%')}"
        ),
        so_what=(
            f"{per_thousand:+.0f} hits per 1,000 customers ({1000 * judged.gain_low:+.0f} to {1000 * judged.gain_high:+.0f}). "
            + (
                "Use the personal lists in e-mail, shop and app, and test the gain in sales on a random half."
                if judged.beats_popularity
                else "Similarity does not clearly beat best-sellers: show best-sellers the customer does not own, "
                "and spend nothing on a recommender yet."
            )
        ),
        kind="predictive",
        caption=f"Customers who later bought one of {k} recommended new products (n = {int(item.n):,}; 95 % intervals)",
        units={"hit_rate": "%", "low": "%", "high": "%", "coverage": "%", "n": "count"},
        source="orders, order_lines; item-item cosine, judged on the last quarter of the history",
        metrics=(
            Metric("recommendation_hit_rate", item.hit_rate, item.low, item.high, int(item.n), "%", "predictive"),
            Metric("recommendation_gain", judged.gain, judged.gain_low, judged.gain_high, int(item.n), "%", "predictive"),
        ),
        extra={"lists": lists, "beats_popularity": judged.beats_popularity},
    )  # fmt: skip


@answers
def personal_content(
    recommended: Answer, reachable: pd.DataFrame, products: pd.DataFrame
) -> Answer:
    """Return what each channel would show: personal lists by channel and the first products in them.

    Parameters
    ----------
    recommended
        From `recommendations`.
    reachable
        Of the target lists.
    products
        Table ``products``: product_id, name.

    Returns
    -------
    Answer
        Table channel, customers (on the list), personal (at least one similar product), best_sellers (only those),
        no_history, most_shown.
    """
    lists = recommended["lists"]
    first = lists[lists["rank"] == 1].set_index("customer_id")
    names = products.set_index("product_id")["name"] if len(products) else pd.Series(dtype="str")
    rows = []
    for channel in [c for c in reachable.columns if c != "customer_id"]:
        members = reachable.loc[reachable[channel], "customer_id"]
        shown = first.reindex(members)
        top = (
            shown["product_id"]
            .dropna()
            .value_counts()
            .sort_index()
            .sort_values(ascending=False, kind="stable")
        )
        leading = names.get(top.index[0], top.index[0]) if len(top) else "–"
        rows.append({
            "channel": channel, "customers": len(members), "personal": int((shown["reason"] == "similar").sum()),
            "best_sellers": int((shown["reason"] == "popular").sum()), "no_history": int(shown["reason"].isna().sum()),
            "most_shown": leading if pd.notna(leading) else top.index[0],
        })  # fmt: skip
    table = pd.DataFrame(rows).sort_values(
        ["customers", "channel"], ascending=[False, True], ignore_index=True
    )
    table = table.sort_values(
        "channel", key=lambda c: c == "letter", kind="stable", ignore_index=True
    )
    best = table.iloc[0]
    share = best.personal / best.customers if best.customers else 0.0
    return Answer(
        table=table,
        headline=(
            f"{best.personal:,} of {best.customers:,} customers on the {best.channel} list get a personal product"
            if best.customers else "No channel has a list yet, so nobody gets personal content"
        ),
        so_what=(
            f"Fill the first place of the {best.channel} with the personal product ({format_value(share, '%')}) and best-sellers for the rest; "
            "new customers see the welcome series instead."
            if best.customers else
            "Personal content in the shop needs no contact consent when the customer is logged in: start there, and ask for consent."
        ),
        kind="prescriptive",
        caption="Content of the next mailing by channel: customers with a personal product, with best-sellers only, or without purchases",
        units={"customers": "count", "personal": "count", "best_sellers": "count", "no_history": "count"},
        source="recommendations, target lists, products",
    )  # fmt: skip


def _names(ids: pd.Series, products: pd.DataFrame) -> pd.Series:
    known = (
        products.set_index("product_id")["name"].dropna()
        if len(products)
        else pd.Series(dtype="str")
    )
    return ids.map(known).fillna(ids).astype("str")


@answers
def cross_selling(baskets: pd.DataFrame, products: pd.DataFrame) -> Answer:
    """Return pairs of products bought together more often than chance makes them meet.

    Parameters
    ----------
    baskets
        Query ``baskets``: order_id, product_id of the last 12 months.
    products
        Table ``products``.

    Returns
    -------
    Answer
        Table pair (buys → also buys), baskets, confidence, low, high, lift; pairs that pass false-discovery control
        at 5 % over all pairs of frequent products (Benjamini and Hochberg 1995), one direction each.
    """
    need(baskets, "baskets", ASK, rows=50)
    orders = baskets["order_id"].nunique()
    least = max(5, int(np.ceil(SUPPORT * orders)))
    rules = association_rules(baskets, SUPPORT, 0.0)
    if rules.empty:
        raise NotEnough(f"no two products stand together in {least} of the {orders:,} baskets", ASK)
    frequent = int((baskets.drop_duplicates()["product_id"].value_counts() >= least).sum())
    tested = frequent * (frequent - 1)
    counts = np.rint(rules["n"] / rules["confidence"])
    chance = binom.sf(rules["n"] - 1, counts, rules["confidence"] / rules["lift"])
    rules["q"] = false_discovery(np.append(chance, np.ones(tested - len(rules))))[: len(rules)]
    found = rules[(rules["q"] < 0.05) & (rules["lift"] > 1)].copy()
    low, high = (
        found[["antecedent", "consequent"]].min(axis=1),
        found[["antecedent", "consequent"]].max(axis=1),
    )
    found["pair"] = low + "|" + high
    found = found.sort_values(["pair", "confidence", "antecedent"], ascending=[True, False, True])
    found = found.drop_duplicates("pair").sort_values(
        ["n", "lift", "pair"], ascending=[False, False, True]
    )
    buys, also = _names(found["antecedent"], products), _names(found["consequent"], products)
    table = pd.DataFrame({
        "pair": buys + " → " + also, "baskets": found["n"], "confidence": found["confidence"], "low": found["low"],
        "high": found["high"], "lift": found["lift"],
    }).reset_index(drop=True)  # fmt: skip
    return Answer(
        table=table,
        headline=(
            f"{len(table):,} pairs of products meet in a basket more often than chance" if len(table)
            else "No pair of products meets in a basket more often than chance"
        ),
        so_what=_cross_advice(table, tested // 2, orders),
        kind="diagnostic",
        caption=f"Products in one basket, last 12 months (n = {orders:,} baskets; confidence with 95 % interval; pairs in fewer than {least} left out)",
        units={"baskets": "count", "confidence": "%", "low": "%", "high": "%", "lift": "ratio"},
        source="orders, order_lines; association rules with false-discovery control",
        metrics=(Metric("cross_selling_pairs", float(len(table)), n=orders, unit="count"),),
        extra={"pairs": found[["antecedent", "consequent", "n", "lift"]].reset_index(drop=True)},
    )  # fmt: skip


def _cross_advice(table: pd.DataFrame, tested: int, orders: int) -> str:
    if table.empty:
        return (
            f"None of {tested:,} possible pairs passes the test on {orders:,} baskets. Do not build bundles on this; "
            "let the personal lists choose, or test bundles in a random half of the shop."
        )
    first = table.iloc[0]
    return (
        f"Most common: {first.pair}, in {format_value(first.confidence, '%')} of baskets with the first, "
        f"{first.lift:.1f} times the usual. Show the partner on the product page and in the basket, and price no bundle below "
        "what these customers pay anyway."
    )


def _step_up(last: pd.DataFrame, priced: pd.DataFrame) -> pd.DataFrame:
    """Most bought product of the same category at 15 to 80 % above the price paid, one per customer and category."""
    sold = last["product_id"].value_counts()
    priced = priced.assign(
        sold=priced["product_id"].map(sold).fillna(0), list_price=priced["list_price"].astype(float)
    )
    pairs = last.merge(
        priced[["product_id", "category", "list_price", "sold"]],
        on="category",
        suffixes=("", "_better"),
    )
    ratio = pairs["list_price"] / pairs["unit_price"].where(pairs["unit_price"] > 0)
    pairs = pairs[ratio.between(*DEARER)]
    pairs = pairs.sort_values(
        ["customer_id", "category", "sold", "product_id_better"],
        ascending=[True, True, False, True],
    )
    best = pairs.drop_duplicates(["customer_id", "category"]).rename(
        columns={"product_id_better": "better_id"}
    )
    best["step"] = best["list_price"] - best["unit_price"].astype(float)
    return best


@answers
def up_selling(
    last: pd.DataFrame, products: pd.DataFrame, reachable: pd.DataFrame | Missing
) -> Answer:
    """Return for each category how many customers could be shown a better product than their last.

    Parameters
    ----------
    last
        Query ``last_purchases``: customer_id, category, product_id, unit_price (currency).
    products
        Table ``products`` with category and list_price.
    reachable
        Of the target lists.

    Returns
    -------
    Answer
        Table category, customers, contactable, last_price, better_price (medians), step, stake (contactable ×
        step; currency). Extra ``list``:
        customer_id, category, product_id (bought), better_id, step. The better product is the most bought of
        the same category at 15 to 80 % above the price paid.
    """
    need(last, "purchases with a category", "products with category and list price", rows=20)
    priced = products.dropna(subset=["category", "list_price"])
    need(
        priced,
        "products with category and list price",
        "the product list with categories and prices",
    )
    assert isinstance(reachable, pd.DataFrame)
    best = _step_up(last, priced)
    need(best, "customers with a better product to show", "products with category and list price")
    channels = [c for c in reachable.columns if c != "customer_id"]
    open_to = set(reachable.loc[reachable[channels].any(axis=1), "customer_id"])
    best["contactable"] = best["customer_id"].isin(open_to)
    table = best.groupby("category").agg(
        customers=("customer_id", "nunique"), contactable=("contactable", "sum"), last_price=("unit_price", "median"),
        better_price=("list_price", "median"), step=("step", "median"),
    ).reset_index()  # fmt: skip
    table["stake"] = table["contactable"] * table["step"]
    table = table.sort_values(["stake", "category"], ascending=[False, True], ignore_index=True)
    top = table.iloc[0]
    return Answer(
        table=table,
        headline=f"{best.loc[best['contactable'], 'customer_id'].nunique():,} contactable customers have a better product one step up",
        so_what=(
            f"Most is at stake in '{top.category}': {top.contactable:,} contactable customers, half of them with a step of "
            f"{format_value(top.step, 'currency')} or more; few will take it. Show the better product when they replace or complete, not as a mailing of its own; leave out segments to be appreciated."
        ),
        kind="prescriptive",
        caption="Customers whose last purchase in a category has a well-sold product 15 to 80 % dearer (medians; stake if all took it)",
        units={"customers": "count", "contactable": "count", "last_price": "currency", "better_price": "currency", "step": "currency", "stake": "currency"},
        source="orders, order_lines, products, target lists",
        extra={"list": best[["customer_id", "category", "product_id", "better_id", "step"]].reset_index(drop=True)},
    )  # fmt: skip
