"""The typing tool: which segment a new customer belongs to, by at most six questions."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.feature_selection import SelectFromModel
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from playbook.answer import Answer, Metric, Missing, answers, format_value
from playbook.contract import NO_PURCHASE
from playbook.errors import NotEnough
from playbook.segmentation.frozen import NO_ANSWERS
from playbook.segmentation.needs import needs_of, respondents
from playbook.stats import wilson

__all__ = ["typing_table", "typing_tool"]

QUESTIONS_MOST = 6
ASKING = "by asking"
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
def typing_tool(
    segments: pd.DataFrame, customers: pd.DataFrame, mix: pd.DataFrame,
    attitudes: pd.DataFrame | None = None, *, seed: int,
) -> Answer:  # fmt: skip
    """Return how well at most six questions tell a customer's segment: asked, before, and after the first orders.

    Trees with at most ten leaves; accuracy is that of five-fold cross-validation (the choice of questions is made
    anew in each fold), beside the share one is right by always naming the largest segment among the same customers.

    Parameters
    ----------
    segments, customers, mix
        As before; customers without any order are not typed.
    attitudes
        Query ``customer_attitudes``: the questions on needs that can be asked.
    seed
        Seed of the folds.

    Returns
    -------
    Answer
        One row per tool, with ``majority``; extra ``rules``: an `Answer` with one row per leaf of the better tool
        (``typing_table``).

    References
    ----------
    Breiman, Friedman, Olshen & Stone (1984), Classification and Regression Trees.
    """
    asked = attitudes if isinstance(attitudes, pd.DataFrame) else NO_ANSWERS
    questions = _questions(customers, mix)
    needs = needs_of(customers, asked)
    told = needs[respondents(needs)]
    tools = {tool: (questions, list(names)) for tool, names in TOOLS.items()}
    if len(told):
        both = questions.merge(told.reset_index(), on="customer_id")
        tools = {ASKING: (both, [*told.columns, *TOOLS["at first contact"]]), **tools}
    table, trees = _compared(tools, segments, seed)
    best = table.iloc[0]
    return Answer(
        table=table,
        headline=f"{int(best['questions'])} questions place {format_value(best['accuracy'], '%')} of customers {best['tool']}",
        so_what=_advice(table),
        kind="predictive",
        caption=f"Accuracy of the typing tools, {FOLDS}-fold cross-validation with 95 % interval; majority: always naming the largest segment",
        units={
            "questions": "count",
            "accuracy": "%",
            "low": "%",
            "high": "%",
            "majority": "%",
            "n": "count",
        },
        source="survey answers, customers, orders; decision trees with at most ten leaves",
        metrics=(
            Metric(
                "typing_accuracy",
                best["accuracy"],
                best["low"],
                best["high"],
                int(best["n"]),
                "%",
                "predictive",
            ),
        ),
        extra={"rules": _rules(*trees[best["tool"]], str(best["tool"]))},
    )


def typing_table(tool: Answer | Missing) -> pd.DataFrame | Missing:
    """Return the result ``typing_table``: the decision table of the better tool."""
    return tool if isinstance(tool, Missing) else tool["rules"].table


def _compared(
    tools: dict[str, tuple[pd.DataFrame, list[str]]], segments: pd.DataFrame, seed: int
) -> tuple[pd.DataFrame, dict[str, tuple[DecisionTreeClassifier, pd.DataFrame, pd.Series]]]:
    """Return how sure each tool is, best first, and by tool its tree, with the segments it was grown on."""
    rows: list[dict] = []
    trees: dict[str, tuple[DecisionTreeClassifier, pd.DataFrame, pd.Series]] = {}
    for tool, (frame, names) in tools.items():
        typed = segments[segments["segment"] != NO_PURCHASE].merge(frame, on="customer_id")
        counts = typed["segment"].value_counts()
        typed = typed[typed["segment"].map(counts) >= FOLDS].reset_index(drop=True)
        coded = _coded(typed[[q for q in names if len(typed[q].dropna().unique()) > 1]])
        if typed["segment"].nunique() < 2 or coded.shape[1] == 0:
            continue
        found, fitted = _grown(coded, typed["segment"], seed)
        rows.append(
            {"tool": tool, **found, "majority": float(counts.max() / counts.sum()), "n": len(typed)}
        )
        trees[tool] = (*fitted, typed["segment"])
    if not rows:
        raise NotEnough(
            "no two segments that known answers could tell apart",
            "customer attributes, and more orders with a customer number",
        )
    table = pd.DataFrame(rows).sort_values(
        ["accuracy", "tool"], ascending=[False, True], ignore_index=True
    )
    return table, trees


def _grown(
    coded: pd.DataFrame, segment: pd.Series, seed: int
) -> tuple[dict[str, float], tuple[DecisionTreeClassifier, pd.DataFrame]]:
    """Return accuracy on customers not seen, and the tree with the columns it asks for."""
    least = max(5, len(coded) // 100)
    tree = DecisionTreeClassifier(max_leaf_nodes=LEAVES, min_samples_leaf=least, random_state=seed)
    picker = SelectFromModel(
        DecisionTreeClassifier(
            max_leaf_nodes=2 * LEAVES, min_samples_leaf=least, random_state=seed
        ),
        max_features=QUESTIONS_MOST,
        threshold=-np.inf,
    )
    both = Pipeline([("questions", picker), ("tree", tree)])
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    said = cross_val_predict(both, coded.to_numpy(), segment.to_numpy(), cv=folds)
    ends = wilson(int((said == segment.to_numpy()).sum()), len(segment))
    both.fit(coded.to_numpy(), segment.to_numpy())
    kept = coded.loc[:, both["questions"].get_support()]
    fitted = both["tree"]
    used = {kept.columns[i].partition("=")[0] for i in fitted.tree_.feature if i >= 0}
    found = {"questions": len(used), "accuracy": ends.value, "low": ends.low, "high": ends.high}
    return found, (fitted, kept)


def _advice(table: pd.DataFrame) -> str:
    best = table.iloc[0]
    parts = [
        f"Naming the largest segment every time would be right for {format_value(best['majority'], '%')}."
    ]
    early = table[table["tool"] == "at first contact"]
    if early.empty or float(early["low"].iloc[0]) <= float(early["majority"].iloc[0]):
        parts.append(
            "At first contact nobody can be placed better than that: treat new customers alike until they have ordered or answered."
        )
    else:
        parts.append(
            f"What is known at first contact reaches {format_value(early['accuracy'].iloc[0], '%')}: use it for a first greeting."
        )
    if (table["tool"] == ASKING).any():
        parts.append(
            "The call centre asks the questions of the decision table, enters the segment, and asks nothing more."
        )
    return " ".join(parts)


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
    if name.startswith(("importance: ", "psychographic: ")):
        kind, _, what = name.partition(": ")
        label = f"importance of {what}" if kind == "importance" else what
    if value:
        return f"{label} {value}" if np.isfinite(low) else f"{label} not {value}"
    unit = "%" if name == "discount_share" else "currency" if name == "order_value" else ""
    if not np.isfinite(low):
        return f"{label} up to {format_value(high, unit)}"
    if not np.isfinite(high):
        return f"{label} over {format_value(low, unit)}"
    return f"{label} {format_value(low, unit)} to {format_value(high, unit)}"
