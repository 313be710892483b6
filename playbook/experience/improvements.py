"""What to mend first: pain points ranked by value at risk, with cost and confidence (E7)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.experience.common import per_cent, varies
from playbook.stats import false_discovery

__all__ = ["improvements", "value_if_active"]

ORDERS = "table orders over at least two years and table interactions with outcomes"
FEWEST_HIT = 20
"""Customer-years with the pain that an adjusted difference needs."""
COLLINEAR = 1e8
"""Largest condition number of the correlations of the columns."""

WORDS = {
    "slow first response": "Answer first in the promised hours",
    "slow resolution": "Resolve in the promised hours",
    "case reopened": "Solve at the first attempt",
    "dissatisfied with case": "Win back after a bad case",
}
GRADES = ("high", "medium", "low", "to be tested", "none found")


def value_if_active(value: pd.DataFrame) -> pd.Series:
    """Return lifetime value by customer given that the customer is still active (currency).

    Expected value is divided by the probability of being active, which counts as at least 0.1.
    """
    alive = value["p_alive"].astype(float).fillna(1.0).clip(lower=0.1)
    worth = (value["clv"].astype(float) / alive).clip(lower=0)
    return pd.Series(worth.to_numpy(), index=value["customer_id"], name="value_if_active")


def _controls(panel: pd.DataFrame) -> pd.DataFrame:
    numbers = {
        "orders": np.log(panel["orders"].astype(float)),
        "revenue": np.log1p(panel["revenue"].astype(float).clip(lower=0)),
        "recency": panel["recency_days"].astype(float) / 365,
        "recency_squared": (panel["recency_days"].astype(float) / 365) ** 2,
        "tenure": np.log1p(panel["tenure_days"].astype(float).fillna(0).clip(lower=0)),
        "purchase_contacts": np.log1p(panel["purchase_contacts"].astype(float)),
        "support_contacts": np.log1p(panel["support_contacts"].astype(float)),
    }
    country = panel["country"].fillna("unknown").astype("str")
    country = country.where(country.map(country.value_counts()) >= 20, "other")
    dummies = [
        pd.get_dummies(country, prefix="country", dtype=float).iloc[:, 1:],
        pd.get_dummies(panel["landmark"].astype("str"), prefix="year", dtype=float).iloc[:, 1:],
    ]
    return pd.concat([pd.DataFrame(numbers), *dummies], axis=1)


def _independent(x: pd.DataFrame) -> list[str]:
    """Columns that vary and that the columns before them do not repeat."""
    kept: list[str] = []
    for column in [c for c in x.columns if varies(x[c])]:
        part = x[[*kept, column]]
        scaled = ((part - part.mean()) / part.std()).to_numpy()
        if np.linalg.cond(scaled.T @ scaled) < COLLINEAR:
            kept.append(column)
    return kept


def _differences(panel: pd.DataFrame, pains: Sequence[str]) -> pd.DataFrame:
    """Adjusted difference in the share ordering again per incident, all pains in one model."""
    panel = panel.sort_values(["landmark", "customer_id"], ignore_index=True)
    used = [p for p in pains if p in panel and (panel[p] > 0).sum() >= FEWEST_HIT]
    need(panel if used else panel.head(0), "customers with a pain point in an earlier year", ORDERS, rows=200)  # fmt: skip
    x = pd.concat([panel[used].astype(float), _controls(panel)], axis=1)
    x = x[_independent(x)]
    used = [p for p in used if p in x]
    groups = pd.factorize(panel["customer_id"], sort=True)[0]
    fit = sm.OLS((panel["orders_after"] > 0).astype(float), sm.add_constant(x)).fit(
        cov_type="cluster", cov_kwds={"groups": groups}
    )
    ends = fit.conf_int()
    return pd.DataFrame({
        "pain": used, "difference": fit.params[used].to_numpy(), "difference_low": ends.loc[used, 0].to_numpy(),
        "difference_high": ends.loc[used, 1].to_numpy(), "q_value": false_discovery(fit.pvalues[used]),
        "met_before": [int((panel[p] > 0).sum()) for p in used],
    })  # fmt: skip


def _grade(row: pd.Series) -> str:
    """High: surely below zero after false-discovery control, 100 customers or more; see `improvements`."""
    if np.isnan(row["difference"]):
        return "to be tested"
    if row["difference"] >= 0:
        return "none found"
    if row["difference_high"] >= 0:
        return "low"
    return "high" if row["q_value"] <= 0.05 and row["customers"] >= 100 else "medium"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _named(pain: str) -> str:
    outcome, _, place = pain.partition(" at ")
    return WORDS.get(pain, f"Avoid '{outcome}' at {place}")


def _costs(ids: Sequence[str], initiatives: Sequence[Any], links: str) -> pd.DataFrame:
    """Initiative and its budget for each improvement id that ``links`` (id=initiative, ...) names."""
    named_by = (part.partition(":") for part in links.replace(" ", "").split(","))
    pairs = {id_: initiative for id_, _, initiative in named_by}
    budget = {i.id: float(i.budget) for i in initiatives}
    named = [pairs.get(id_) if pairs.get(id_) in budget else None for id_ in ids]
    cost = [budget[n] if n else np.nan for n in named]
    return pd.DataFrame({"initiative": [n or "to be estimated" for n in named], "cost": cost})


@answers
def improvements(
    pains: Answer,
    value: pd.DataFrame,
    as_of: date,
    initiatives: Sequence[Any] = (),
    links: str = "",
    journey: Answer | None = None,
    moments: Answer | None = None,
) -> Answer:
    """Return the ranked list of improvements.

    Value at risk = over affected customers of the period: incidents x lower share ordering again per
    incident x lifetime value given active. All pains stand in one linear model beside orders, revenue,
    recency, tenure, contacts, country and year, so overlaps are shared out.

    Parameters
    ----------
    pains
        Answer of `customer_incidents`.
    value
        Result ``customer_value``.
    as_of
        Last day of the period.
    initiatives, links
        Initiatives of the plan, and which improvement each pays for ("late-at-delivery:on-time, ...").
    journey, moments
        Answers of `journey` and `touchpoint_drivers`: they add candidates without a measured effect.

    Returns
    -------
    Answer
        Table of result ``improvements``. Confidence by rule: *high* the interval excludes zero, q <= 0.05
        and at least 100 customers are affected; *medium* the interval excludes zero; *low* it does
        not; *to be tested* nothing is measured (or too few met it before); *none found* those affected do not return less.
    """
    need(pains["panel"], "customers of an earlier year", ORDERS, rows=200)
    table = pains.table[["pain", "touchpoint", "customers", "incidents"]]
    table = table.merge(_differences(pains["panel"], list(table["pain"])), how="left", on="pain")
    affected = pains["affected"].assign(
        worth=lambda t: t["customer_id"].map(value_if_active(value))
    )
    exposed = (affected["count"] * affected["worth"].fillna(0)).groupby(affected["pain"]).sum()
    table["exposed_value"] = table["pain"].map(exposed).fillna(0.0)
    for end, by in (
        ("effect", "difference"),
        ("low", "difference_high"),
        ("high", "difference_low"),
    ):
        table[end] = -table[by] * table["exposed_value"]
    table["confidence"] = table.apply(_grade, axis=1)
    table["id"] = table["pain"].map(_slug)
    table["improvement"] = table["pain"].map(_named)
    table = pd.concat([table, _candidates(journey, moments, table, value)], ignore_index=True)
    table = pd.concat([table, _costs(list(table["id"]), initiatives, links)], axis=1)
    table["break_even"] = (table["cost"] / table["effect"]).where(
        table["confidence"].isin(GRADES[:3])
    )
    order = table["confidence"].map({g: i for i, g in enumerate(GRADES)})
    table = table.assign(order=order).sort_values(
        ["order", "effect", "id"], ascending=[True, False, True], ignore_index=True
    )
    table["rank"] = np.arange(1, len(table) + 1)
    return _told(table, as_of)


def _candidates(
    journey: Answer | None, moments: Answer | None, known: pd.DataFrame, value: pd.DataFrame
) -> pd.DataFrame:
    """Improvements whose effect is not measured yet."""
    rows: list[dict[str, Any]] = []
    if journey is not None:
        steps = journey.table[journey.table["stage"].isin(["consideration", "purchase", "loyalty"])]
        worst = steps.loc[steps["share"].idxmin()]
        worth = float(value["clv"].astype(float).mean())
        rows.append({
            "id": f"step-to-{worst['stage']}", "touchpoint": worst["stage"],
            "improvement": f"More from {worst['of']} to {worst['stage']}",
            "note": f"One point more from {worst['of']} to {worst['stage']} would be {0.01 * worst['entered']:.0f} people a year, {format_value(0.01 * worst['entered'] * worth, 'currency')} at the mean lifetime value",
        })  # fmt: skip
    if moments is not None:
        places = set(known.loc[known["confidence"] != "none found", "touchpoint"])
        found = moments.table[moments.table["is_driver"] & (moments.table["coefficient"] > 0)]
        for name in found["driver"]:
            if name not in places:
                rows.append({
                    "id": f"satisfaction-{_slug(name)}", "touchpoint": name,
                    "improvement": f"Better {name}",
                })  # fmt: skip
    return pd.DataFrame(rows).assign(confidence="to be tested") if rows else pd.DataFrame()


def _told(table: pd.DataFrame, as_of: date) -> Answer:
    first = table.iloc[0]
    sure = table[table["confidence"].isin(["high", "medium"])]
    if sure.empty:
        headline = "No pain point is surely tied to customers staying away"
        text = "No interval of the adjusted differences excludes zero: mend what customers complain about, but do not promise money from it; run a trial at the first item of the list."
    else:
        value = f"{format_value(first['effect'], 'currency')} ({format_value(first['low'], 'currency')} to {format_value(first['high'], 'currency')})"
        headline = f"{first['improvement']}: {format_value(first['effect'], 'currency')} of lifetime value at risk"
        text = (
            f"{first['customers']:,.0f} customers met it in the year; at equal buying, each incident goes with {100 * -first['difference']:.1f} points fewer who order again "
            f"({100 * -first['difference_high']:.1f} to {100 * -first['difference_low']:.1f}), {value} at risk. {_worth_it(first)} "
            f"{len(table) - len(sure)} of {len(table)} items have no sure effect: test them before paying for them.{_first_test(table)}"
        )
    return Answer(
        table=table[["rank", "improvement", "id", "touchpoint", "customers", "difference", "effect", "low", "high", "initiative", "cost", "break_even", "confidence"]],
        headline=headline if len(headline) <= 90 else headline[:89].rstrip() + "…",
        so_what=text,
        kind="diagnostic",
        caption=f"Lifetime value at risk with 95 % interval (of the difference; lifetime value taken as known), customers affected in the 12 months to {as_of:%Y-%m-%d}, "
        "difference in the share ordering again per incident at equal buying",
        units={"customers": "count", "difference": "%", "effect": "currency", "low": "currency", "high": "currency",
               "cost": "currency", "break_even": "%"},
        source="interactions, tickets, orders, customer value of step 3; linear probability model, errors clustered by customer",
        extra={"details": table},
        metrics=() if sure.empty else (Metric("value_at_risk_first", float(first["effect"]), float(first["low"]), float(first["high"]), int(first["customers"]), "currency"),),
    )  # fmt: skip


def _first_test(table: pd.DataFrame) -> str:
    """What a point more would mean at the narrowest step, where that is known."""
    notes = table["note"].dropna() if "note" in table else pd.Series(dtype=str)
    return f" {notes.iloc[0]}." if len(notes) else ""


def _worth_it(first: pd.Series) -> str:
    if not np.isfinite(first["cost"]):
        return "Estimate its cost next."
    if first["break_even"] >= 1:
        return (
            f"Initiative '{first['initiative']}' ({format_value(first['cost'], 'currency')}) costs more than one year's incidents put at risk: "
            "it must work for more than a year, or cost less."
        )
    return (
        f"Initiative '{first['initiative']}' ({format_value(first['cost'], 'currency')}) pays if it saves {per_cent(first['break_even'])} of that, "
        "if the association is causal: measure it with a staggered start."
    )
