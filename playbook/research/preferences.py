"""What customers prefer and do: what they choose when they may choose, and where and what they buy."""

from __future__ import annotations

import pandas as pd

from playbook.answer import Answer, answers, format_value, need
from playbook.stats import ratio_interval, wilson

__all__ = ["chosen", "habits"]

ASK = "the tasks of a choice experiment (respondent, task, alternative, chosen and its attributes)"
KEYS = {"respondent_id", "customer_id", "task", "alternative", "chosen", "is_none", "version", "is_holdout", "answered_at"}  # fmt: skip


@answers
def chosen(tasks: pd.DataFrame) -> Answer:
    """Return how often an alternative with each level was chosen when it was shown.

    A count without a model: the design shows levels in balance, so shares of one attribute can be compared; what a level is
    worth beside a price is estimated in step 4. Intervals count respondents, who chose several times (delta method).

    Parameters
    ----------
    tasks
        One row an alternative: respondent_id, task, alternative, chosen, is_none and one column an attribute.

    Returns
    -------
    Answer
        Table: attribute, level, choice (both in words), respondents, shown, share chosen with low and high, spread (highest − lowest share of
        the attribute); attributes that divide most first.
    """
    need(tasks, "choice tasks", ASK, rows=30)
    offers = tasks[~tasks["is_none"].fillna(False).astype(bool)]
    attributes = [c for c in offers if c not in KEYS and 2 <= offers[c].nunique() <= 9]
    need(pd.DataFrame(attributes), "attributes with two to nine levels", ASK)
    rows = []
    for attribute in attributes:
        for level, part in offers.dropna(subset=[attribute]).groupby(attribute):
            people = part.groupby("respondent_id")["chosen"].agg(["sum", "size"]).astype(float)
            if len(people) >= 30:
                share = ratio_interval(people["sum"], people["size"])
                rows.append({"attribute": attribute.replace("_", " "), "level": str(level), "respondents": len(people), "shown": len(part),
                             "share": share.value, "low": max(share.low, 0.0), "high": share.high})  # fmt: skip
    table = need(pd.DataFrame(rows), "levels that 30 respondents were shown", ASK)
    spread = table.groupby("attribute")["share"].agg(lambda s: float(s.max() - s.min()))
    table = table.assign(spread=table["attribute"].map(spread).round(9), choice=table["attribute"] + ": " + table["level"])  # fmt: skip
    table = table.sort_values(["spread", "attribute", "share", "level"], ascending=[False, True, False, True], ignore_index=True)  # fmt: skip
    first = table.iloc[0]
    part = table[table["attribute"] == first["attribute"]]
    last = part.iloc[-1]
    people = int(tasks["respondent_id"].nunique())
    return Answer(
        table=table[["attribute", "level", "choice", "respondents", "shown", "share", "low", "high", "spread"]],
        headline=_headline(first, last),
        so_what=f"Given the choice, {first['attribute']} {first['level']} was taken in {format_value(first['share'], '%')} of the times it was shown ({format_value(first['low'], '%')} to {format_value(first['high'], '%')}), "
        f"{last['level']} in {format_value(last['share'], '%')}. {_besides(table)}These are choices and not words; what each level is worth in money is estimated in step 4.",
        kind="descriptive",
        caption=f"Share of offers with a level that were chosen when shown, 95 % interval ({people:,} respondents)",
        units={"respondents": "count", "shown": "count", "share": "%", "low": "%", "high": "%", "spread": "%"},
        source="choice experiment, counts without a model",
    )  # fmt: skip


def _headline(first: pd.Series, last: pd.Series) -> str:
    attribute = str(first["attribute"]).capitalize()
    return f"{attribute} divides choices most: from {format_value(last['share'], '%')} ({last['level']}) to {format_value(first['share'], '%')} ({first['level']})"


def _besides(table: pd.DataFrame) -> str:
    """Return the best level of the attribute that divides most besides price."""
    others = table[~table["attribute"].str.contains("price", case=False)]
    if others.empty or str(table.iloc[0]["attribute"]) == str(others.iloc[0]["attribute"]):
        return ""
    best = others.iloc[0]
    return f"Besides price {best['attribute']} divides most: {best['level']} {format_value(best['share'], '%')}. "


@answers
def habits(mix: pd.DataFrame) -> Answer:
    """Return where and what customers buy: how many ever do, and for how many it is first.

    Parameters
    ----------
    mix
        customer_id, dimension (channel or category), name, amount (orders or spend).

    Returns
    -------
    Answer
        Table: dimension, name, customers, share (of buyers) with low and high, main (share for whom it is first); channels and categories by
        share.
    """
    ask = "orders with channel, and order lines with product categories"
    need(mix, "purchases with a channel or category", ask, rows=30)
    rows = []
    for dimension, part in mix.groupby("dimension", sort=True):
        total = part["customer_id"].nunique()
        ordered = part.sort_values(["customer_id", "amount", "name"], ascending=[True, False, True])
        first = ordered.drop_duplicates("customer_id")["name"].value_counts()
        for name, count in part.groupby("name")["customer_id"].nunique().items():
            share = wilson(int(count), total)
            rows.append({"dimension": dimension, "name": str(name), "customers": int(count), "share": share.value, "low": share.low, "high": share.high,
                         "main": float(first.get(name, 0)) / total})  # fmt: skip
    table = pd.DataFrame(rows).sort_values(["dimension", "share", "name"], ascending=[False, False, True], ignore_index=True)  # fmt: skip
    tops = table.sort_values(["main", "name"], ascending=[False, True]).drop_duplicates("dimension").sort_values("dimension", ascending=False)  # fmt: skip
    told = ", ".join(
        f"{r.name} for {format_value(r.main, '%')}" for r in tops.itertuples(index=False)
    )
    rare = table.sort_values(["main", "name"]).iloc[0]
    return Answer(
        table=table,
        headline=f"First choice of buyers: {told}",
        so_what=f"{str(rare['name']).capitalize()} is first for fewest ({format_value(rare['main'], '%')}), though {format_value(rare['share'], '%')} of buyers use it. Serve needs where customers already buy; a need met in a channel "
        "they do not use is not met.",
        kind="descriptive",
        caption=f"Share of buyers who use a channel or buy a category, with 95 % interval, and for whom it is first (n = {mix['customer_id'].nunique():,} buyers, whole record)",
        units={"customers": "count", "share": "%", "low": "%", "high": "%", "main": "%"},
        source="orders and order lines",
    )  # fmt: skip
