"""What the segments are like, whether each passes the five checks, and how to type a new customer."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.segmentation.rfm import NO_PURCHASE
from playbook.stats import wilson

__all__ = ["check_segments", "describe_segments", "typing_tool"]

FOUND_AGAIN = 0.6
REACHABLE = 0.5
NOTICEABLE = 0.5
LEAST_SHARE = 0.05
FOLDS = 5
LEAVES = 10
TOOLS = {
    "at first contact": ["age", "household", "customer_type", "area_type", "country", "acquisition_channel"],
    "after the first year": ["recency_days", "orders_12m", "order_value", "main_category", "main_channel", "discount_share"],
}  # fmt: skip
QUESTIONS = {
    "recency_days": "days since last order",
    "orders_12m": "orders in 12 months",
    "order_value": "average order value",
    "main_category": "main category",
    "main_channel": "main channel",
    "discount_share": "discount share",
    "customer_type": "customer type",
    "area_type": "area",
    "acquisition_channel": "won by",
}


@answers
def describe_segments(
    segments: pd.DataFrame, customers: pd.DataFrame, deviations: pd.DataFrame
) -> Answer:
    """Return size, money and character of each segment, most valuable customers first.

    Parameters
    ----------
    segments
        ``customer_id``, ``segment``.
    customers
        Frame of `add_contribution`.
    deviations
        ``segment``, ``feature``, ``deviation`` (standard deviations from the mean of all buyers).

    Returns
    -------
    Answer
        One row per segment; extra ``character``: an `Answer` with the ten figures that differ most.
    """
    joined = need(segments, "customers with a segment", "orders with a customer number").merge(customers, on="customer_id")  # fmt: skip
    groups = joined.groupby("segment")
    table = pd.DataFrame(
        {
            "customers": groups.size(),
            "share_customers": groups.size() / len(joined),
            "revenue_12m": groups["revenue_12m"].sum().astype(float),
            "contribution_12m": groups["contribution_12m"].sum().astype(float),
        }
    )
    total = float(table["revenue_12m"].sum())
    table.insert(3, "share_revenue", table["revenue_12m"] / total if total else np.nan)
    table["margin_per_customer"] = groups["margin_12m"].mean().astype(float)
    table["description"] = _descriptions(deviations).reindex(table.index).fillna("no order in the data delivered")  # fmt: skip
    table = table.reset_index().sort_values(["margin_per_customer", "segment"], ascending=[False, True], ignore_index=True)  # fmt: skip
    top = table.loc[table["share_revenue"].idxmax()] if total else table.iloc[0]
    low = table.loc[table["share_revenue"].idxmin()] if total else table.iloc[-1]
    best = table.iloc[0]
    word = "revenue" if str(joined["margin_basis"].iloc[0]) == "revenue" else "margin"
    return Answer(
        table=table,
        headline=f"{top['segment']}: {format_value(top['share_customers'], '%')} of customers, {format_value(top['share_revenue'], '%')} of revenue",
        so_what=(
            f"Most {word} per customer and year: {format_value(best['margin_per_customer'], 'currency')} in the segment {best['segment']}. "
            f"The other end, {low['segment']}: {format_value(low['share_customers'], '%')} of customers and "
            f"{format_value(low['share_revenue'], '%')} of revenue. Let budget and service follow value and not head count."
        ),
        kind="descriptive",
        caption=f"Segments by margin per customer (n = {len(joined):,} customers, 12 months)",
        units={"customers": "count", "share_customers": "%", "revenue_12m": "currency", "share_revenue": "%",
               "contribution_12m": "currency", "margin_per_customer": "currency"},
        source="segments chosen above; orders, tickets, interactions",
        extra={"character": _character(deviations, table["segment"])},
    )  # fmt: skip


def _descriptions(deviations: pd.DataFrame) -> pd.Series:
    ordered = deviations.assign(size=deviations["deviation"].abs()).sort_values(["segment", "size", "feature"], ascending=[True, False, True])  # fmt: skip
    strong = ordered.groupby("segment").head(4)
    words = strong["feature"].str.replace(": ", " ", regex=False) + np.where(strong["deviation"] > 0, " high", " low")  # fmt: skip
    return words.groupby(strong["segment"]).agg(", ".join)


def _character(deviations: pd.DataFrame, order: pd.Series) -> Answer:
    table = _heat(deviations, order)
    strong = table.loc[table["deviation"].abs().idxmax()]
    side = "above" if strong["deviation"] > 0 else "below"
    return Answer(
        table=table,
        headline=f"{strong['segment']} stand out most: {strong['feature'].replace(': ', ' ')} far {side} average",
        so_what="Read a row to see what to offer a segment and where; pale cells are no reason to treat it differently.",
        kind="descriptive",
        caption="Difference from the average buyer in standard deviations, the ten figures that differ most between segments",
        units={"deviation": "points"},
        source="orders, order lines, tickets; shrunken shares",
    )  # fmt: skip


def _heat(deviations: pd.DataFrame, order: pd.Series) -> pd.DataFrame:
    spread = deviations.groupby("feature")["deviation"].agg(lambda d: d.max() - d.min())
    keep = list(spread.sort_values(ascending=False, kind="stable").head(10).index)
    shown = deviations[deviations["feature"].isin(keep)]
    rank = {name: i for i, name in enumerate(order)}
    columns = {name: i for i, name in enumerate(keep)}
    shown = shown.assign(r=shown["segment"].map(rank), c=shown["feature"].map(columns))
    shown = shown.sort_values(["r", "c"]).drop(columns=["r", "c"]).reset_index(drop=True)
    label = shown["feature"].str.replace("^.*: ", "", regex=True)
    return shown.assign(feature=label.str.replace("days since last order", "days since order"))


@answers
def check_segments(
    segments: pd.DataFrame, customers: pd.DataFrame, deviations: pd.DataFrame, stability: pd.DataFrame
) -> Answer:  # fmt: skip
    """Return the five checks of each segment, each with the figure that decides it.

    *Measurable*: found again in resamples (mean best Jaccard overlap at least 0.6). *Substantial*: at
    least 5 % of customers or of revenue. *Accessible*: at least half may be contacted. *Differentiable*:
    its strongest difference from the average is at least 0.5 standard deviations. *Actionable*:
    so is a difference the client can act on: price terms, channel, category, basket or service.

    Parameters
    ----------
    segments, customers, deviations
        As in `describe_segments`.
    stability
        ``segment``, ``stability``.

    References
    ----------
    Kotler & Keller (2016), Marketing Management, 15th ed., ch. 9 (the five criteria).
    """
    need(stability, "segments with an order", "orders with a customer number")
    table = _check_figures(segments, customers, deviations, stability)
    passes = pd.DataFrame(
        {
            "measurable": table["found_again"] >= FOUND_AGAIN,
            "substantial": table["share"] >= LEAST_SHARE,
            "accessible": table["reachable"] >= REACHABLE,
            "differentiable": table["strongest"] >= NOTICEABLE,
            "actionable": table["lever"] >= NOTICEABLE,
        }
    )  # fmt: skip
    known = pd.DataFrame({"accessible": table["reachable"].notna()}).reindex(
        columns=passes.columns, fill_value=True
    )
    table["passed"] = (
        (passes & known).sum(axis=1).astype(str) + " of " + known.sum(axis=1).astype(str)
    )
    table["fails"] = [
        ", ".join(name for name in passes if known.loc[i, name] and not passes.loc[i, name]) or "nothing" for i in passes.index
    ]  # fmt: skip
    whole = int((table["fails"] == "nothing").sum())
    failing = table[table["fails"] != "nothing"]
    named = "; ".join(f"{row.segment} (not {row.fails})" for row in failing.itertuples())
    unknown = (
        ""
        if known.to_numpy().all()
        else " Contact permissions are not delivered, so access is not judged."
    )
    return Answer(
        table=table,
        headline=f"{whole} of {len(table)} segments pass every check",
        so_what=(
            ("Each segment can carry a strategy of its own." if failing.empty else f"Watch {named}: keep what is aimed at them simple and test it first.")
            + unknown
        ),
        kind="diagnostic",
        caption="Five checks per segment; found again = overlap in resamples, strongest and lever = standard deviations from the average",
        units={"found_again": "ratio", "share": "%", "reachable": "%", "strongest": "ratio", "lever": "ratio"},
        source="resamples of the solution, orders, consents; thresholds 0.6, 5 %, 50 %, 0.5, 0.5",
        metrics=(Metric("segments_passing_checks", float(whole), n=len(table), unit="count", kind="diagnostic"),),
    )  # fmt: skip


def _check_figures(
    segments: pd.DataFrame,
    customers: pd.DataFrame,
    deviations: pd.DataFrame,
    stability: pd.DataFrame,
) -> pd.DataFrame:
    """One row per segment with the figure behind each check."""
    joined = segments.merge(customers, on="customer_id")
    groups = joined.groupby("segment")
    revenue = groups["revenue_12m"].sum().astype(float)
    size = np.maximum(groups.size() / len(joined), revenue / max(float(revenue.sum()), 1e-9))
    strongest = (
        deviations.assign(size=deviations["deviation"].abs()).groupby("segment")["size"].max()
    )
    levers = deviations[
        ~deviations["feature"].isin(["days since last order", "orders per year", "order value"])
    ]
    lever = levers.assign(size=levers["deviation"].abs()).groupby("segment")["size"].max()
    reach = groups["may_be_contacted"].mean()
    table = pd.DataFrame({"segment": sorted(stability["segment"])})
    table["found_again"] = table["segment"].map(stability.set_index("segment")["stability"])
    for column, values in (
        ("share", size),
        ("reachable", reach),
        ("strongest", strongest),
        ("lever", lever),
    ):
        table[column] = table["segment"].map(values).astype(float)
    return table


@answers
def typing_tool(
    segments: pd.DataFrame, customers: pd.DataFrame, mix: pd.DataFrame, *, seed: int
) -> Answer:
    """Return how well at most six questions tell a customer's segment, before and after the first orders.

    Two trees with at most ten leaves; accuracy is that of five-fold cross-validation, beside the share
    one is right by always naming the largest segment.

    Parameters
    ----------
    segments, customers, mix
        As before; customers without any order are not typed.
    seed
        Seed of the folds.

    Returns
    -------
    Answer
        One row per tool and one for always naming the largest segment; extra ``rules``: an `Answer` with one row per leaf of the better tool.

    References
    ----------
    Breiman, Friedman, Olshen & Stone (1984), Classification and Regression Trees.
    """
    typed = segments[segments["segment"] != NO_PURCHASE].merge(_questions(customers, mix), on="customer_id")  # fmt: skip
    counts = typed["segment"].value_counts()
    typed = typed[typed["segment"].map(counts) >= FOLDS]
    if typed["segment"].nunique() < 2:
        raise NotEnough(
            "fewer than two segments to tell apart", "more orders with a customer number"
        )
    majority = float(typed["segment"].value_counts(normalize=True).iloc[0])
    rows, trees = [], {}
    for tool, asked in TOOLS.items():
        usable = [q for q in asked if len(typed[q].dropna().unique()) > 1]
        coded = _coded(typed[usable])
        if coded.shape[1] == 0:
            continue
        tree = DecisionTreeClassifier(max_leaf_nodes=LEAVES, min_samples_leaf=max(5, len(typed) // 100), random_state=seed)  # fmt: skip
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
        said = cross_val_predict(tree, coded.to_numpy(), typed["segment"].to_numpy(), cv=folds)
        right = int((said == typed["segment"].to_numpy()).sum())
        ends = wilson(right, len(typed))
        rows.append({"tool": tool, "questions": len(usable),
                     "accuracy": ends.value, "low": ends.low, "high": ends.high})  # fmt: skip
        trees[tool] = (tree.fit(coded.to_numpy(), typed["segment"].to_numpy()), coded)
    if not rows:
        raise NotEnough("nothing is known that could type a customer", "customer attributes")
    table = pd.DataFrame(rows).sort_values("accuracy", ascending=False, ignore_index=True)
    best, worst = table.iloc[0], table.iloc[-1]
    table.loc[len(table)] = ["always the largest segment", 0, majority, majority, majority]
    early = table[table["tool"] == "at first contact"]
    weak = early.empty or float(early["low"].iloc[0]) <= majority
    return Answer(
        table=table,
        headline=f"{int(best['questions'])} questions place {format_value(best['accuracy'], '%')} of customers {best['tool']}",
        so_what=(
            f"Naming the largest segment every time would be right for {format_value(majority, '%')}. "
            + ("At first contact nobody can be placed better than that: treat new customers alike until they have ordered."
               if weak else
               f"The tool {worst['tool']} reaches {format_value(worst['accuracy'], '%')}: use it for a first greeting and place customers again after their orders.")
        ),
        kind="predictive",
        caption=f"Accuracy of the typing tools, {FOLDS}-fold cross-validation with 95 % interval (n = {len(typed):,} customers with an order)",
        units={"questions": "count", "accuracy": "%", "low": "%", "high": "%"},
        source="customers, orders; decision trees with at most ten leaves",
        metrics=(Metric("typing_accuracy", best["accuracy"], best["low"], best["high"], len(typed), "%", "predictive"),),
        extra={"rules": _rules(*trees[best["tool"]], typed["segment"], str(best["tool"]))},
    )  # fmt: skip


def _questions(customers: pd.DataFrame, mix: pd.DataFrame) -> pd.DataFrame:
    ordered = mix.sort_values(["amount", "name"], ascending=[False, True])
    table = customers.assign(
        order_value=customers["purchases_value"].astype(float) / customers["orders"].where(customers["orders"] > 0).astype(float),
        discount_share=customers["discount"].astype(float)
        / (customers["purchases_value"] + customers["discount"]).where(lambda v: v > 0).astype(float),
    )  # fmt: skip
    for dimension in ("channel", "category"):
        first = ordered[ordered["dimension"] == dimension].drop_duplicates("customer_id")
        table[f"main_{dimension}"] = table["customer_id"].map(first.set_index("customer_id")["name"]).astype("str")  # fmt: skip
    return table[["customer_id", *dict.fromkeys(q for asked in TOOLS.values() for q in asked)]]


def _coded(frame: pd.DataFrame) -> pd.DataFrame:
    """Numbers as they are (unknown: none), names as one yes/no column for each of the ten most frequent."""
    columns = {}
    for name in frame.columns:
        if pd.api.types.is_numeric_dtype(frame[name]):
            columns[name] = frame[name].astype("Float64").astype(float)
        else:
            for value in frame[name].value_counts().head(10).sort_index().index:
                columns[f"{name}={value}"] = (frame[name] == value).astype(float)
    return pd.DataFrame(columns, index=frame.index)


def _rules(
    tree: DecisionTreeClassifier, coded: pd.DataFrame, segment: pd.Series, tool: str
) -> Answer:
    leaf = tree.apply(coded.to_numpy())
    said = pd.Series(tree.predict(coded.to_numpy()), index=segment.index)
    frame = pd.DataFrame({"leaf": leaf, "segment": said, "right": (said == segment).astype(float)})
    table = frame.groupby("leaf").agg(segment=("segment", "first"), customers=("right", "size"), right=("right", "mean"))  # fmt: skip
    paths = _paths(tree.tree_, list(coded.columns))
    table.insert(0, "rule", [" and ".join(paths[int(i)]) or "everyone" for i in table.index])
    table = table.sort_values(["customers", "rule"], ascending=[False, True], ignore_index=True)
    top, sure = table.iloc[0], table.loc[table["right"].idxmax()]
    return Answer(
        table=table,
        headline=f"{len(table)} rules place every customer {tool}",
        so_what=(
            f"The widest rule holds for {int(top['customers']):,} customers and is right for {format_value(top['right'], '%')} of them; "
            f"the surest one, {sure['rule']}, for {format_value(sure['right'], '%')}. Give the list to sales and service staff."
        ),
        kind="predictive",
        caption=f"Rules of the typing tool {tool}, as fitted (n = {len(segment):,})",
        units={"customers": "count", "right": "%"},
        source="decision tree on all typed customers",
    )  # fmt: skip


def _paths(tree: object, columns: list[str]) -> dict[int, list[str]]:
    left, right = tree.children_left, tree.children_right  # type: ignore[attr-defined]
    feature, threshold = tree.feature, tree.threshold  # type: ignore[attr-defined]
    bounds: dict[int, dict[str, tuple[float, float]]] = {0: {}}
    for node in range(len(left)):
        if left[node] < 0:
            continue
        column, cut = columns[feature[node]], float(threshold[node])
        low, high = bounds[node].get(column, (-np.inf, np.inf))
        bounds[int(left[node])] = bounds[node] | {column: (low, min(high, cut))}
        bounds[int(right[node])] = bounds[node] | {column: (max(low, cut), high)}
    return {
        node: [_condition(column, *ends) for column, ends in found.items()]
        for node, found in bounds.items()
        if left[node] < 0
    }


def _condition(column: str, low: float, high: float) -> str:
    name, _, value = column.partition("=")
    label = QUESTIONS.get(name, name)
    if value:
        return f"{label} {value}" if np.isfinite(low) else f"{label} not {value}"
    unit = "%" if name == "discount_share" else "currency" if name == "order_value" else ""
    if not np.isfinite(low):
        return f"{label} up to {format_value(high, unit)}"
    if not np.isfinite(high):
        return f"{label} over {format_value(low, unit)}"
    return f"{label} {format_value(low, unit)} to {format_value(high, unit)}"
