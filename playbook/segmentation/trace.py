"""From raw figures to the segment of one customer: how figures are coded, and what each one says."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, format_value, need
from playbook.errors import NotEnough
from playbook.segmentation.candidates import NEEDS
from playbook.segmentation.frozen import NO_ANSWERS, NO_HABITS, SIZE, method_of, read_classes
from playbook.segmentation.needs import design_of, evidence_of, fit_coding, fit_levels, needs_of

__all__ = ["basis_table", "trace_customer"]

WHY = {
    "importance": "standardised; a question left open does not count, it is not filled in",
    "psychographic": "mean of the items of a construct, standardised; open ones do not count",
    "basket": "log, because few buy very much; an order of a customer tells less than the first",
}
HABIT = "counts of orders, not shares, so that one order does not make a habit; orders of a customer resemble each other and are discounted"
PERSON = "not part of the basis: tells only which segment is likely"


@answers
def basis_table(customers: pd.DataFrame, habits: pd.DataFrame, attitudes: pd.DataFrame) -> Answer:
    """Return how each block of figures enters the strategic segments: figures, who is known, coding and why.

    Parameters
    ----------
    customers, habits, attitudes
        Queries ``customer_features``, ``buying_habits`` and ``customer_attitudes``.

    References
    ----------
    Wedel & Kamakura (2000), Market Segmentation, 2nd ed., ch. 2 (bases and descriptors).
    """
    buyers = need(customers[customers["orders"] > 0], "customers with an order", "orders with a customer number", rows=20)  # fmt: skip
    coding = need(fit_coding(customers, habits, attitudes), "figures in which customers differ", "orders by channel, discount or product, or a survey on needs")  # fmt: skip
    _, figures = evidence_of(customers, habits, attitudes, coding)
    rows = []
    for block, part in coding.groupby("block", sort=False):
        names = [str(f).partition(": ")[2] or str(f) for f in part["feature"]]
        how = WHY.get(str(block), HABIT)
        if bool(part["own_level"].iloc[0]):
            how += "; against the respondent's own mean, as people use the scale differently"
        rows.append({
            "block": block, "role": "basis", "figures": len(part), "which": ", ".join(names),
            "known_of": float(figures[list(part["feature"])].notna().any(axis=1).mean()),
            "alike_within_customer": float(part["rho"].iloc[0]), "coding": how,
        })  # fmt: skip
    levels = fit_levels(customers)
    for name, part in levels.groupby("descriptor", sort=False):
        rows.append({
            "block": str(name).replace("_", " "), "role": "descriptor", "figures": len(part), "which": ", ".join(f.partition(": ")[2] for f in part["feature"]),
            "known_of": float(buyers[name].notna().mean()), "alike_within_customer": np.nan, "coding": PERSON,
        })  # fmt: skip
    table = pd.DataFrame(rows)
    basis = table[table["role"] == "basis"]
    told = basis[basis["block"].isin(["importance", "psychographic"])]
    share = float(told["known_of"].max()) if len(told) else 0.0
    return Answer(
        table=table,
        headline=f"{int(basis['figures'].sum())} figures in {len(basis)} blocks make the segments; {len(table) - len(basis)} descriptors do not",
        so_what=(
            f"Needs are known of {format_value(share, '%')} of the buyers. The model uses what is known of each customer and fills nothing in, so "
            "ask more customers what they want before you refine anything else."
        ),
        kind="descriptive",
        caption=f"What the segments are made of (n = {len(buyers):,} buyers); alike within customer: correlation of two orders of one customer, 0 to 1",
        units={"figures": "count", "known_of": "%", "alike_within_customer": "ratio"},
        source="survey answers, orders, order lines, tickets, customers",
    )  # fmt: skip


@answers
def trace_customer(
    customers: pd.DataFrame, solution: Answer, habits: pd.DataFrame | None = None, attitudes: pd.DataFrame | None = None,
    customer_id: str = "",
) -> Answer:  # fmt: skip
    """Return what each known figure of one customer says for the named segment against the runner-up.

    Parameters
    ----------
    customers
        Query ``customer_features``.
    solution
        Answer of `choose_segments`.
    habits, attitudes
        Queries ``buying_habits`` and ``customer_attitudes``.
    customer_id
        The customer; by default the respondent whose place is about as sure as the middle respondent's.

    Returns
    -------
    Answer
        One row per known figure: ``figure``, ``value``, ``says`` (difference in log-likelihood; above 0 for the named
        segment), strongest first; extras ``customer_id``, ``segment``, ``runner_up``.
    """
    model = solution["model"]
    if not isinstance(model, pd.DataFrame) or method_of(model) != NEEDS:
        raise NotEnough("segments are not made of needs, so no figure can be weighed", "a survey on needs")  # fmt: skip
    habits = habits if isinstance(habits, pd.DataFrame) else NO_HABITS
    attitudes = attitudes if isinstance(attitudes, pd.DataFrame) else NO_ANSWERS
    places = solution["memberships"]
    chosen = customer_id or _typical(places)
    one = customers[customers["customer_id"] == chosen]
    need(one[one["orders"] > 0], f"an order of customer {chosen}", "a customer number that has orders", rows=1)  # fmt: skip
    own = places[places["customer_id"] == chosen].set_index("segment")["probability"]
    names, coding, levels, classes, coefficients = read_classes(model)
    first = str(own.index[0])
    second = str(own.index[1]) if len(own) > 1 else next(n for n in names if n != first)
    a, b = names.index(first), names.index(second)
    evidence, figures = evidence_of(one, habits, attitudes, coding)
    said = evidence.statistics[0] * (classes.weights[a] - classes.weights[b])
    rows = _said(said, evidence.numbers, coding, figures, needs_of(one, attitudes))  # fmt: skip
    design = design_of(one, levels)[0]
    who = coefficients[1:, a] - coefficients[1:, b]
    rows += [
        {"figure": str(r.feature).replace("_", " "), "role": "descriptor", "value": "yes", "says": float(who[i])}
        for i, r in enumerate(levels.itertuples()) if design[i] > 0
    ]  # fmt: skip
    rows.append({"figure": SIZE, "role": "descriptor", "value": "", "says": float(coefficients[0, a] - coefficients[0, b])})  # fmt: skip
    table = pd.DataFrame(rows)
    table = table.iloc[table["says"].abs().sort_values(ascending=False, kind="stable").index].reset_index(drop=True)  # fmt: skip
    top = table.iloc[0]
    probability = format_value(own.iloc[0], "%") if own.iloc[0] < 0.9995 else "over 99.9 %"
    return Answer(
        table=table,
        headline=f"Customer {chosen} is in {first} with a probability of {probability}",
        so_what=(
            f"What speaks most: {top['figure']}{' ' + top['value'] if top['value'] not in ('', 'yes') else ''}. The sum of all lines is the logarithm of how many times "
            f"{first} is more likely than {second}. Follow the customer on to the card of the segment."
        ),
        kind="diagnostic",
        caption=f"What each known figure of customer {chosen} says: above 0 for {first}, below for {second} (difference in log-likelihood)",
        units={"says": "ratio"},
        source="answers, orders and descriptors of one customer; latent class model",
        extra={"customer_id": chosen, "segment": first, "runner_up": second, "sum": float(table["says"].sum())},
    )  # fmt: skip


def _typical(places: pd.DataFrame) -> str:
    told = places[places["known_from"] == "answers and purchases"].drop_duplicates("customer_id")
    need(told, "a customer who told needs", "a survey on needs", rows=1)
    ordered = told.sort_values(["probability", "customer_id"], ignore_index=True)
    return str(ordered["customer_id"].iloc[len(ordered) // 2])


def _said(
    said: np.ndarray, numbers: int, coding: pd.DataFrame, figures: pd.DataFrame,
    answers_given: pd.DataFrame,
) -> list[dict[str, object]]:  # fmt: skip
    rows: list[dict[str, object]] = []
    names = list(coding.loc[coding["kind"] == "number", "feature"])
    for j, name in enumerate(names):
        raw = float(figures[name].iloc[0])
        if not np.isfinite(raw):
            continue
        value = float(answers_given[name].iloc[0]) if name in answers_given else float(np.expm1(raw))  # fmt: skip
        total = float(said[[j, numbers + j, 2 * numbers + j, 3 * numbers + j]].sum())
        rows.append({"figure": name, "role": "basis", "value": f"{value:.1f}", "says": total})
    start = 4 * numbers
    for habit, part in coding[coding["kind"] == "way"].groupby("block", sort=False):
        total = float(said[start : start + len(part)].sum())
        start += len(part)
        shares = figures[list(part["feature"])].iloc[0]
        if shares.notna().any():
            most = str(shares.astype(float).idxmax()).partition(": ")[2]
            rows.append({"figure": str(habit), "role": "basis", "value": f"mostly {most}", "says": total})  # fmt: skip
    return rows
