"""Views of the customers by one criterion: demographic, geographic, psychographic."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import f_oneway

from playbook.answer import Answer, answers, format_value, need
from playbook.errors import NotEnough
from playbook.segmentation.money import tells_kept
from playbook.stats import false_discovery, net_promoter

__all__ = ["demographic", "geographic", "psychographic"]

SMALL = 5
LEAST_FOR_TEST = 30
PLURAL = {"region": "regions", "country": "countries"}
ATTRIBUTES = {
    "age": "Age",
    "gender": "Gender",
    "income": "Income",
    "education": "Education",
    "household": "Household",
    "customer_type": "Customer type",
    "industry": "Industry",
    "area_type": "Area",
}
AGES = ([0, 25, 35, 50, 65, 200], ["under 25", "25 to 34", "35 to 49", "50 to 64", "65 and over"])
UNITS = {
    "customers": "count", "share_customers": "%", "revenue_per_customer": "currency", "low": "currency",
    "high": "currency", "bought_again": "%", "share_revenue": "%", "recommend": "points", "wallet_share": "%",
    "explained": "%",
}  # fmt: skip


@answers
def demographic(customers: pd.DataFrame) -> Answer:
    """Return revenue and return of customers by demographic group, strongest attribute first.

    Strength is the share of variance of revenue (12 months) between the groups; attributes
    that do not pass a false-discovery rate of 5 % are named as not telling customers apart.

    Parameters
    ----------
    customers
        ``age``, ``gender``, ``income`` and further demographics with ``revenue_12m``, ``orders_12m``,
        ``orders_before``; an attribute known of fewer than 30 customers is left out.
    """
    grouped = {label: _groups_of(customers, column) for column, label in ATTRIBUTES.items()}
    told = {k: v for k, v in grouped.items() if v.notna().sum() >= LEAST_FOR_TEST and len(v.dropna().unique()) > 1}  # fmt: skip
    if not told:
        raise NotEnough("no demographic attribute is known of 30 customers in two groups",
                        "age, household, income or company data of customers")  # fmt: skip
    strength = pd.DataFrame([{"attribute": k, **_explained(customers, v)} for k, v in told.items()])
    strength["real"] = false_discovery(strength["p_value"]) <= 0.05
    strength = strength.sort_values(["explained", "attribute"], ascending=[False, True], ignore_index=True)  # fmt: skip
    shown = list(strength.loc[strength["real"], "attribute"].head(3)) or [
        str(strength["attribute"].iloc[0])
    ]
    parts = []
    for name in shown:
        part = _money_by(customers, told[name]).rename(columns={"group": "label"})
        parts.append(part.assign(attribute=name, label=name + ": " + part["label"].astype(str)))
    table = pd.concat(parts, ignore_index=True)
    best, weak = strength.iloc[0], list(strength.loc[~strength["real"], "attribute"])
    first = table[table["attribute"] == best["attribute"]]
    top, bottom = first.iloc[0], first.iloc[-1]
    return Answer(
        table=table[["label", "customers", "share_customers", "revenue_per_customer", "low", "high", "bought_again"]],
        headline=f"{best['attribute']} separates revenue most" if best["real"] else "No demographic attribute separates revenue beyond chance",
        so_what=(
            f"{str(top['label']).partition(': ')[2]}: {format_value(top['revenue_per_customer'], 'currency')} a customer; {str(bottom['label']).partition(': ')[2]}: "
            f"{format_value(bottom['revenue_per_customer'], 'currency')}. "
            + (f"No difference beyond chance by {', '.join(weak).lower()}. " if weak else "")
            + _advice(top, bottom, bool(best["real"]))
        ),
        kind="descriptive",
        caption=f"Revenue per customer in 12 months with 95 % interval, by attributes that differ beyond chance (n = {len(customers):,})",
        units=UNITS,
        source="customers and orders; groups under 5 customers left out",
        extra={"strength": strength},
    )  # fmt: skip


def _advice(top: pd.Series, bottom: pd.Series, real: bool) -> str:
    low = float(bottom["revenue_per_customer"])
    if real and low > 0 and float(top["revenue_per_customer"]) >= 2 * low:
        return "Treat these two groups apart in service and offers; leave the other attributes for finding and addressing people."
    return "Use demographics to find and address people, not to decide who is worth what."


@answers
def geographic(customers: pd.DataFrame) -> Answer:
    """Return customers, revenue and place of each region (of each country where regions are unknown).

    Parameters
    ----------
    customers
        ``country``, ``region``, ``latitude``, ``longitude`` (degrees), ``revenue_12m``, ``orders_12m``,
        ``orders_before``.
    """
    level = "region" if customers["region"].notna().sum() >= LEAST_FOR_TEST else "country"
    need(
        customers,
        f"customers with a {level}",
        "the region or country of customers",
        rows=20,
        columns=[level],
    )
    place = customers[level]
    table = _money_by(customers, place).rename(columns={"group": level})
    total = float(customers["revenue_12m"].sum())
    groups = customers.groupby(level)
    extra = pd.DataFrame(
        {
            "share_revenue": groups["revenue_12m"].sum().astype(float) / total if total else np.nan,
            "latitude": groups["latitude"].mean().astype(float),
            "longitude": groups["longitude"].mean().astype(float),
        }
    )
    table = table.merge(extra, left_on=level, right_index=True)
    table = table.sort_values(["share_revenue", level], ascending=[False, True], ignore_index=True)
    half = int((table["share_revenue"].cumsum() < 0.5).sum()) + 1
    differs = _explained(customers, place)
    names = ", ".join(table[level].head(min(half, 3)))
    return Answer(
        table=table[[level, "customers", "share_revenue", "revenue_per_customer", "low", "high", "bought_again",
                     "latitude", "longitude"]],
        headline=_half(table, level, half),
        so_what=_where(differs, names, level),
        kind="descriptive",
        caption=f"Revenue by {level}, 12 months: circle = share of revenue, number = revenue per customer (n = {len(customers):,} customers)",
        units=UNITS | {"latitude": "number", "longitude": "number"},
        source="customers and orders",
        extra={"differs": differs},
    )  # fmt: skip


def _half(table: pd.DataFrame, level: str, half: int) -> str:
    first, share = table[level].iloc[0], format_value(table["share_revenue"].iloc[0], "%")
    if half == 1:
        return f"{first} alone brings {share} of the revenue"
    return (
        f"{half} of {len(table)} {PLURAL[level]} bring half of the revenue, {first} most ({share})"
    )


def _where(differs: dict[str, float], names: str, level: str) -> str:
    if differs["p_value"] <= 0.05:
        return (
            f"Revenue per customer differs between {PLURAL[level]} beyond chance, though place explains only "
            f"{format_value(differs['explained'], '%')}. Concentrate stores, trade fairs and outdoor spend on {names}."
        )
    return (
        f"Revenue per customer does not differ between {PLURAL[level]} beyond chance: the big ones have more customers, not "
        f"better ones. Use {names} for local activity and leave offers the same everywhere."
    )


@answers
def psychographic(
    attitudes: pd.DataFrame, customers: pd.DataFrame, minimum: int = LEAST_FOR_TEST
) -> Answer:
    """Return respondents grouped by the construct that stands out most in their own answers.

    Each construct is standardised over respondents; a respondent belongs to the construct with the
    highest score if that is above the average, else to "nothing stands out".

    Parameters
    ----------
    attitudes
        Query ``customer_attitudes``: ``customer_id``, ``kind``, ``construct``, ``value``, ``scale_max``.
    customers
        Frame of `add_contribution`.
    minimum
        Fewest respondents that make sense.
    """
    asked = attitudes[attitudes["kind"] == "psychographic"]
    need(
        asked,
        "answers on lifestyle and values",
        "a survey with psychographic questions",
        rows=minimum,
    )
    wide = asked.pivot_table(index="customer_id", columns="construct", values="value").dropna()
    need(wide, "respondents with every construct", "complete psychographic answers", rows=minimum)
    spread = wide.std(ddof=0).replace(0, np.nan)
    scores = ((wide - wide.mean()) / spread).fillna(0.0)
    group = (
        scores.idxmax(axis=1).where(scores.max(axis=1) > 0, "nothing stands out").str.capitalize()
    )
    known = customers.set_index("customer_id")
    respondents = known.loc[known.index.isin(group.index)].reset_index()
    belongs = respondents["customer_id"].map(group)
    table = _money_by(respondents, belongs).rename(columns={"group": "orientation"})
    table["recommend"] = table["orientation"].map(_promoters(attitudes, group))
    table = table.sort_values(
        ["customers", "orientation"], ascending=[False, True], ignore_index=True
    )
    top = table.iloc[0]
    p_value = _explained(respondents, belongs)["p_value"]
    ranked = table.sort_values("revenue_per_customer", ascending=False)
    money = (
        f"Their revenue differs beyond chance and is highest with {ranked['orientation'].iloc[0].lower()}; "
        if p_value <= 0.05
        else "Their revenue does not differ beyond chance, so these groups tell what to say, not whom to prefer; "
    )
    return Answer(
        table=table,
        headline=f"{top['orientation']} is the most common orientation: {format_value(top['share_customers'], '%')} of respondents",
        so_what=money
        + f"known for {format_value(len(respondents) / max(len(customers), 1), '%')} of customers. "
        "Write each segment's message in the words of its strongest orientation.",
        kind="descriptive",
        caption=f"Respondents by strongest orientation (n = {len(respondents):,}, latest answers; revenue of 12 months with 95 % interval)",
        units=UNITS,
        source="survey answers and orders; not weighted for non-response",
        extra={"orientation": group.rename("orientation").reset_index(), "p_value": p_value},
    )  # fmt: skip


def _promoters(attitudes: pd.DataFrame, group: pd.Series) -> pd.Series:
    given = attitudes[attitudes["kind"] == "nps"].set_index("customer_id")["value"]
    given = given[given.index.isin(group.index)]
    by_group = given.groupby(given.index.map(group))
    return pd.Series({name: net_promoter(part).score for name, part in by_group if len(part) >= SMALL}, dtype=float)  # fmt: skip


def _groups_of(customers: pd.DataFrame, column: str) -> pd.Series:
    values = customers[column]
    if column == "age":
        return pd.cut(values.astype(float), AGES[0], right=False, labels=AGES[1]).astype("str")
    if column == "income":
        return _thirds(values.astype(float))
    if column == "household":
        sizes = values.astype("Float64").clip(upper=4)
        return sizes.map({1: "1 person", 2: "2 people", 3: "3 people", 4: "4 or more"}).astype("str")  # fmt: skip
    return values.astype("str").str.capitalize()


def _thirds(values: pd.Series) -> pd.Series:
    if values.nunique() < 3:
        return values.map(lambda v: f"{v:,.0f}", na_action="ignore").astype("str")
    low, high = values.quantile([1 / 3, 2 / 3])
    names = [f"up to {low:,.0f}", f"{low:,.0f} to {high:,.0f}", f"over {high:,.0f}"]
    third = np.where(values <= low, names[0], np.where(values <= high, names[1], names[2]))
    return pd.Series(third, index=values.index, dtype="str").where(values.notna())


def _money_by(customers: pd.DataFrame, group: pd.Series) -> pd.DataFrame:
    """Size, revenue per customer (interval from 30 customers on) and share that bought again, by group of 5 or more."""
    revenue = customers["revenue_12m"].astype(float)
    before = (customers["orders_before"] > 0) & tells_kept(customers)
    groups = revenue.groupby(group)
    size, mean = groups.size(), groups.mean()
    half = (1.96 * groups.std() / np.sqrt(size)).where(size >= LEAST_FOR_TEST)
    again = (customers["orders_12m"] > 0)[before].groupby(group[before])
    table = pd.DataFrame(
        {
            "customers": size,
            "share_customers": size / max(int(group.notna().sum()), 1),
            "revenue_per_customer": mean,
            "low": mean - half,
            "high": mean + half,
            "bought_again": again.mean().where(again.size() >= SMALL),
        }
    )
    table = table[table["customers"] >= SMALL].rename_axis("group").reset_index()
    return table.sort_values(["revenue_per_customer", "group"], ascending=[False, True], ignore_index=True)  # fmt: skip


def _explained(customers: pd.DataFrame, group: pd.Series) -> dict[str, float]:
    """Share of variance of revenue between groups (eta squared), and the p-value of Welch's F-test."""
    value = customers["revenue_12m"].astype(float)
    parts = [part.to_numpy() for _, part in value.groupby(group) if len(part) >= SMALL]
    if len(parts) < 2 or np.ptp(np.concatenate(parts)) == 0:
        return {"explained": 0.0, "p_value": 1.0}
    together = np.concatenate(parts)
    between = sum(len(part) * (part.mean() - together.mean()) ** 2 for part in parts)
    explained = float(between / ((together - together.mean()) ** 2).sum())
    if explained > 1 - 1e-9:
        return {"explained": 1.0, "p_value": 0.0}
    varied = all(np.ptp(part) > 0 for part in parts)
    return {"explained": explained, "p_value": float(f_oneway(*parts, equal_var=not varied).pvalue)}
