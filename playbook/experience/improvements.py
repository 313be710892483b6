"""What to mend first: pain points ranked by what mending saves for its cost, with confidence and trial (E7)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.experience.common import per_cent
from playbook.experience.trials import answers_needed, owner_of, planned_trials

__all__ = ["improvement_trials", "improvements", "value_if_active"]

WORDS = {
    "slow first response": "Answer first in the promised hours",
    "slow resolution": "Resolve in the promised hours",
    "case reopened": "Solve at the first attempt",
    "dissatisfied with case": "Win back after a bad case",
}
GRADES = ("high", "medium", "low", "to be tested", "none found")
SURE = ("high", "medium")
Z = 1.96
SHOWN = ["rank", "improvement", "touchpoint", "owner", "customers", "effect", "low", "high", "cost", "saved_per_cost", "nps", "confidence"]  # fmt: skip
FALSE = 0.10
"""False-discovery rate of medium confidence; high confidence asks for half of it."""


def value_if_active(value: pd.DataFrame) -> pd.Series:
    """Return lifetime value by customer given that the customer is still active (currency).

    Expected value is divided by the probability of being active, which counts as at least 0.1.
    """
    return _worth(value)["worth"].rename("value_if_active")


def _worth(value: pd.DataFrame) -> pd.DataFrame:
    """Lifetime value given active and its standard deviation (0 where step 3 gives none), by customer."""
    alive = value["p_alive"].astype(float).fillna(1.0).clip(lower=0.1)
    worth = (value["clv"].astype(float) / alive).clip(lower=0)
    spread = value["clv_sd"].astype(float).fillna(0) / alive if "clv_sd" in value else 0.0 * worth
    return pd.DataFrame({"worth": worth.to_numpy(), "spread": spread.to_numpy()}, index=pd.Index(value["customer_id"]))  # fmt: skip


def _exposed(
    affected: pd.DataFrame, kind: dict[str, str], worth: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Incidents of the period times lifetime value: by pain with its spread, and by customer and kind.

    Names of one kind of incident share it out: a customer's incidents of the kind are the most that any
    of its names counts, divided in proportion to their counts.
    """
    rows = affected[affected["pain"].isin(kind)].assign(kind=lambda t: t["pain"].map(kind))
    group = rows.groupby(["customer_id", "kind"])["count"]
    rows["incidents"] = rows["count"] * group.transform("max") / group.transform("sum")
    known = worth.reindex(rows["customer_id"]).fillna(0.0)
    rows["value"] = rows["incidents"] * known["worth"].to_numpy()
    rows["variance"] = (rows["incidents"] * known["spread"].to_numpy()) ** 2
    total = rows.groupby("pain")[["value", "variance"]].sum()
    total["spread"] = np.sqrt(total.pop("variance"))
    return total, rows


def _product(
    estimate: pd.Series, sd: pd.Series, value: pd.Series, spread: pd.Series
) -> tuple[pd.Series, pd.Series]:
    """Product of two independent estimates and its standard deviation (Goodman, 1960)."""
    variance = estimate**2 * spread**2 + value**2 * sd**2 + sd**2 * spread**2
    return estimate * value, np.sqrt(variance)


def _together(
    affected: pd.DataFrame, effects: Answer | None, value: pd.DataFrame | None
) -> tuple[float, float, float]:
    """Value at risk of all kinds that harm together, with its interval: their covariance is in it."""
    if effects is None or value is None:
        return float("nan"), float("nan"), float("nan")
    known = effects["by_pain"].dropna(subset=["difference"])
    kind = dict(zip(known["pain"], known["kind"], strict=True))
    rows = _exposed(affected, kind, _worth(value))[1].groupby("kind")
    harm = -known.drop_duplicates("kind").set_index("kind")["difference"]
    harm = harm[harm > 0]
    kinds = list(harm.index)
    worth = rows["value"].sum().reindex(kinds, fill_value=0.0).to_numpy()
    vague = rows["variance"].sum().reindex(kinds, fill_value=0.0)
    shared = worth @ effects["covariance"].loc[kinds, kinds].to_numpy() @ worth
    total, sd = float(harm @ worth), float(np.sqrt((harm**2 * vague).sum() + shared))
    return total, total - Z * sd, total + Z * sd


def _grade(row: pd.Series) -> str:
    """Confidence by rule; see `improvements`."""
    if np.isnan(row["difference"]):
        return "to be tested"
    if row["difference"] >= 0:
        return "none found"
    if row["difference_high"] >= 0 or row["q_value"] > FALSE:
        return "low"
    return "high" if row["q_value"] <= FALSE / 2 and row["customers"] >= 100 else "medium"


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
    as_of: date,
    effects: Answer | None = None,
    value: pd.DataFrame | None = None,
    initiatives: Sequence[Any] = (),
    links: str = "",
    journey: Answer | None = None,
    moments: Answer | None = None,
    recommendation: Answer | None = None,
    roles: Sequence[Any] = (),
) -> Answer:
    """Return the ranked list of improvements.

    Value at risk = over affected customers of the period: incidents x lower share ordering again per
    incident x lifetime value given active. Overlaps are shared out: kinds of incidents stand in one model,
    and names of one kind share its value.

    Parameters
    ----------
    pains, effects
        Answers of `customer_incidents` and `incident_effects`; without effects every item is to be tested.
    as_of
        Last day of the period.
    value
        Result ``customer_value``; its ``clv_sd`` widens the interval. Without it no money is stated.
    initiatives, links
        Initiatives of the plan, and which improvement each pays for ("late-at-delivery:on-time, ...").
    journey, moments
        Answers of `journey` and `touchpoint_drivers`: they add candidates without a measured effect.
    recommendation
        Answer of `incident_nps`: what the score would gain.
    roles
        Roles of the engagement: who owns what no initiative mends.

    Returns
    -------
    Answer
        Table of result ``improvements``. Confidence by rule: *high* the interval excludes zero, q <= 0.05
        and at least 100 customers are affected; *medium* the interval excludes zero and q <= 0.10; *low* it is
        below zero but not surely; *to be tested* nothing is measured, or an opinion; *none found* those affected do not return less.
        Rank: what is measured by expected value saved per unit of cost, then (cost unknown) by expected value
        saved; then what is to be tested, then where none is found. ``saved`` is the value at risk at the
        `expected` difference, which the luck of the draw has been taken off.
        ``answer["details"]`` has every column, ``answer["together"]`` all pain points' value and interval,
        ``answer["by_kind"]`` kind, names, saved: what mending a kind of incident saves, under whatever names it stands.
    """
    table = _measured(pains, effects, value)
    table = pd.concat([table, _candidates(journey, moments, table, value)], ignore_index=True)
    table = table.join(_costs(list(table["id"]), initiatives, links))
    table["owner"] = [owner_of(t, i, initiatives, roles) for t, i in zip(table["touchpoint"], table["initiative"], strict=True)]  # fmt: skip
    if recommendation is None:
        table = table.assign(nps=np.nan, nps_low=np.nan, nps_high=np.nan)
    else:
        table = table.merge(recommendation.table[["pain", "nps", "nps_low", "nps_high"]], how="left", on="pain")  # fmt: skip
    table = _ranked(table)
    table = table.join(planned_trials(table, np.nan if effects is None else float(effects["base"])))
    return _told(table, as_of, _together(pains["affected"], effects, value))


def _measured(pains: Answer, effects: Answer | None, value: pd.DataFrame | None) -> pd.DataFrame:
    """One row a pain point, with difference, value at risk and confidence where they are known."""
    table = need(pains.table, "pain points of the period", "table interactions with outcomes")
    table = table[["pain", "touchpoint", "customers", "incidents"]]
    table = table.assign(kind_of_row=np.where(table["pain"].isin(pains["shopping"]), "shopping", "pain"))  # fmt: skip
    if effects is None:
        known = pd.DataFrame(columns=["pain", "kind", "difference", "difference_low", "difference_high", "q_value", "expected"], dtype=float)  # fmt: skip
    else:
        known = effects["by_pain"]
    table = table.merge(known.astype({"pain": "str"}), how="left", on="pain")
    table = table.join(_value_at_risk(table, pains["affected"], value))
    return table.assign(
        confidence=table.apply(_grade, axis=1),
        id=table["pain"].map(_slug),
        improvement=table["pain"].map(_named),
    )


def _value_at_risk(
    table: pd.DataFrame, affected: pd.DataFrame, value: pd.DataFrame | None
) -> pd.DataFrame:
    """Columns exposed_value, effect, low, high and saved; missing where no effect or no value is known."""
    empty = pd.DataFrame(np.nan, table.index, ["exposed_value", "effect", "low", "high", "saved"])
    if value is None or table["difference"].isna().all():
        return empty
    measured = table.dropna(subset=["difference"])
    kind = dict(zip(measured["pain"], measured["kind"], strict=True))
    total = _exposed(affected, kind, _worth(value))[0].reindex(table["pain"])
    total = total.fillna(0.0).set_axis(table.index)
    sd = (table["difference_high"] - table["difference_low"]) / (2 * Z)
    effect, error = _product(-table["difference"], sd, total["value"], total["spread"])
    return empty.assign(exposed_value=total["value"], effect=effect, low=effect - Z * error, high=effect + Z * error, saved=-table["expected"] * total["value"])  # fmt: skip


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of the decision; what one initiative mends is set against its cost once."""
    harmful = table["confidence"].isin(GRADES[:3])
    saved = table["saved"].where(harmful).clip(lower=0)
    whole = saved.groupby(table["initiative"]).transform("sum")
    table["saved_per_cost"] = (whole / table["cost"]).where(harmful & (table["cost"] > 0))
    table["break_even"] = (table["cost"] / table["effect"]).where(harmful)
    order = table["confidence"].map(dict(zip(GRADES, (0, 0, 0, 1, 2), strict=True)))
    table = table.assign(order=order).sort_values(
        ["order", "saved_per_cost", "saved", "customers", "id"],
        ascending=[True, False, False, False, True],
        ignore_index=True,
    )
    return table.assign(rank=np.arange(1, len(table) + 1))


def _candidates(
    journey: Answer | None, moments: Answer | None, known: pd.DataFrame, value: pd.DataFrame | None
) -> pd.DataFrame:
    """Improvements whose effect is not measured yet."""
    rows: list[dict[str, Any]] = []
    if journey is not None:
        steps = journey.table[journey.table["stage"].isin(["consideration", "purchase", "loyalty"])]
        worst = steps.loc[steps["share"].idxmin()]
        people = f"One point more from {worst['of']} to {worst['stage']} would be {0.01 * worst['entered']:.0f} people a year"
        if value is not None:
            worth = float(value["clv"].astype(float).mean())
            people += f", {format_value(0.01 * worst['entered'] * worth, 'currency')} at the mean lifetime value"
        rows.append({
            "id": f"step-to-{worst['stage']}", "touchpoint": worst["stage"], "kind_of_row": "step",
            "improvement": f"More from {worst['of']} to {worst['stage']}", "note": people,
            "step_share": float(worst["share"]), "step_people": float(worst["entered"]),
        })  # fmt: skip
    if moments is not None:
        places = set(known.loc[known["confidence"] != "none found", "touchpoint"])
        found = moments.table[moments.table["is_driver"] & (moments.table["coefficient"] > 0)]
        for name in found["driver"]:
            if name not in places:
                rows.append({
                    "id": f"satisfaction-{_slug(name)}", "touchpoint": name, "kind_of_row": "moment",
                    "improvement": f"Better {name}",
                })  # fmt: skip
    blank = {"step_share": np.nan, "step_people": np.nan}
    return pd.DataFrame([blank | row for row in rows]).assign(confidence="to be tested") if rows else pd.DataFrame(columns=list(blank), dtype=float)  # fmt: skip


def _range(low: float, high: float) -> str:
    return f"{format_value(low, 'currency')} to {format_value(high, 'currency')}"


def _words(table: pd.DataFrame, sure: pd.DataFrame, together: tuple[float, ...]) -> tuple[str, str]:
    """Headline and sentences."""
    if table["difference"].isna().all():
        return "What the pain points cost is not measured yet", (
            "Their effect on ordering again needs orders that are followed for a year after incidents. "
            "Until then mend what most customers meet or complain of, and read satisfaction as the measure."
        )
    if sure.empty:
        return "No pain point is surely tied to customers staying away", (
            "No interval of the adjusted differences excludes zero: mend what customers complain about, "
            "but do not promise money from it; run the trial of the first item of the list."
        )
    first = sure.iloc[0]
    fewer = f"{-100 * first['difference']:.1f} points fewer"
    text = (
        f"{first['customers']:,.0f} customers met it in the year; at equal buying, each incident goes with {fewer} who order again "
        f"({100 * -first['difference_high']:.1f} to {100 * -first['difference_low']:.1f})"
    )
    if np.isfinite(first["effect"]):
        money = format_value(first["effect"], "currency")
        headline = f"{first['improvement']}: {money} of lifetime value at risk"
        text += f", {money} ({_range(first['low'], first['high'])}) at risk. {_worth_it(first)} "
        text += f"All pain points together: {format_value(together[0], 'currency')} ({_range(*together[1:])}). {_one_incident(table, sure)}"
    else:
        headline = f"{first['improvement']}: {fewer} order again"
        text += "; step 3 gives no lifetime value, so no money is stated. "
    return (
        headline,
        f"{text}{len(table) - len(sure)} of {len(table)} items have no sure effect: test them before paying for them.",
    )


def _by_kind(table: pd.DataFrame) -> pd.DataFrame:
    """What mending a kind of incident saves: the parts of all its names, among which its value is shared out."""
    known = table.dropna(subset=["saved"])
    parts = known.sort_values(["saved", "pain"], ascending=[False, True]).groupby("kind")
    return parts.agg(names=("pain", tuple), saved=("saved", "sum")).reset_index()


def _one_incident(table: pd.DataFrame, sure: pd.DataFrame) -> str:
    """Remark on the dearest sure incident that stands in the list under more names than one."""
    kinds = _by_kind(table)
    same = kinds[kinds["kind"].isin(sure["kind"]) & (kinds["names"].map(len) > 1)]
    same = same.sort_values(["saved", "kind"], ascending=[False, True])
    if same.empty:
        return ""
    names = [f"'{name}'" for name in same["names"].iloc[0]]
    return (
        f"{', '.join(names[:-1])} and {names[-1]} are names of one incident, among which its value is shared out: "
        f"who mends the incident itself is expected to save {format_value(same['saved'].iloc[0], 'currency')}. "
    )


def _told(table: pd.DataFrame, as_of: date, together: tuple[float, float, float]) -> Answer:
    sure = table[table["confidence"].isin(SURE)]
    headline, text = _words(table, sure, together)
    first = table.iloc[0] if sure.empty else sure.iloc[0]
    return Answer(
        table=table[SHOWN].assign(**{c: table[c].where(table["confidence"].isin(GRADES[:3])) for c in ("effect", "low", "high")}),
        headline=headline if len(headline) <= 90 else headline[:89].rstrip() + "…",
        so_what=text,
        kind="diagnostic",
        caption=f"Lifetime value at risk with 95 % interval (of difference and lifetime values); customers affected in the 12 months to {as_of:%Y-%m-%d}",
        units={"customers": "count", "effect": "currency", "low": "currency", "high": "currency",
               "cost": "currency", "saved_per_cost": "ratio", "nps": "points"},
        source="interactions, tickets, orders, customer value of step 3; linear probability model, errors clustered by customer",
        extra={"details": table, "together": together, "by_kind": _by_kind(table)},
        metrics=() if sure.empty or not np.isfinite(first["effect"]) else (Metric("value_at_risk_first", float(first["effect"]), float(first["low"]), float(first["high"]), int(first["customers"]), "currency"),),
    )  # fmt: skip


def _first_test(table: pd.DataFrame) -> str:
    """What a point more would mean at the narrowest step, where that is known."""
    notes = table["note"].dropna() if "note" in table else pd.Series(dtype=str)
    return f" {notes.iloc[0]}." if len(notes) else ""


def _worth_it(first: pd.Series) -> str:
    if not np.isfinite(first["saved_per_cost"]):
        return "Estimate its cost next."
    if first["saved_per_cost"] <= 1:
        return (
            f"Initiative '{first['initiative']}' ({format_value(first['cost'], 'currency')}) costs more than one year's incidents put at risk: "
            "it must work for more than a year, or cost less."
        )
    return (
        f"Initiative '{first['initiative']}' ({format_value(first['cost'], 'currency')}) pays if it saves {per_cent(1 / first['saved_per_cost'])} of what it mends, "
        "if the association is causal: measure it with a staggered start."
    )


@answers
def improvement_trials(found: Answer) -> Answer:
    """Return the trial that would prove each improvement, from an answer of `improvements`."""
    table = found["details"]
    sized = table[table["n_per_arm"].notna() & (table["kind_of_row"] == "pain")]
    if sized.empty:
        headline = "No base rate is known yet: begin with satisfaction as the measure"
        text = f"Ask for orders of two years to size trials on orders.{_first_test(table)}"
    else:
        first = sized.iloc[0]
        headline = (
            f"{first['improvement']}: {first['n_per_arm']:,.0f} in each arm prove it on orders"
        )
        text = (
            f"That many tell {100 * first['smallest']:.1f} points more who order again from chance; last year's inflow fills both arms in {first['weeks']:,.0f} weeks, and orders are counted for a year after. "
            f"Half a point of satisfaction (of five) shows with {answers_needed()} in each arm: read that first, and let orders confirm it.{_first_test(table)}"
        )
    return replace(
        found,
        table=table[["rank", "improvement", "owner", "test", "base_rate", "smallest", "n_per_arm", "weeks", "judged_by"]],
        headline=headline if len(headline) <= 90 else headline[:89].rstrip() + "…",
        so_what=text,
        kind="prescriptive",
        caption="Share expected without the trial, smallest rise worth finding (what pays the cost, else half of the harm), people in each arm (80 % power, two-sided 5 %), weeks to fill both",
        units={"base_rate": "%", "smallest": "%", "n_per_arm": "count", "weeks": "count"},
        source="incidents and orders of the period; sample size of two proportions (Fleiss, 1981)",
        metrics=(),
    )  # fmt: skip
