"""Did the campaigns work? Customers who were contacted against customers left out at random.

Glossary
--------
increment
    Margin of the treated minus that of the control group: what would not have come without the campaign.
before and after
    The same customers' margin before and after the contact; it counts as effect what would have happened anyway.
not attributable
    No random control group, so nobody can tell what the campaign added.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.propensity import TreatmentEffect, treatment_effect
from playbook.stats import false_discovery, mean_interval

__all__ = ["NO_CONTROL", "campaign_effects"]

NO_CONTROL = "not attributable"
FEWEST = 10
"""Fewest customers an arm needs."""

BROKEN = 0.001
"""p-value of the sample ratio below which the assignment did not work as recorded."""

ASK = "members of campaigns with the arm and the probability each was assigned with"


@dataclass(frozen=True)
class Effect:
    """One campaign's figures; money in currency, per treated customer where it is not a sum."""

    campaign_id: str
    name: str
    treated: int
    control: int
    effect: float
    low: float
    high: float
    standard_error: float
    bought_effect: float
    bought_low: float
    bought_high: float
    before_after: float
    before_after_low: float
    before_after_high: float
    cost: float
    days: int
    reason: str


def _with_probability(part: pd.DataFrame) -> pd.DataFrame:
    """Return the members that could have been in either arm."""
    p = part["assignment_probability"].astype(float)
    return part[(p > 0) & (p < 1)]


def _reason(part: pd.DataFrame, random: pd.DataFrame) -> str:
    """Return why the campaign cannot be measured, or nothing."""
    if not (part["arm"] == "control").any():
        return "no control group"
    if part["assignment_probability"].isna().any():
        return "control group not drawn at random"
    counts = random["arm"].value_counts()
    if min(counts.get("treated", 0), counts.get("control", 0)) < FEWEST:
        return f"fewer than {FEWEST} customers in an arm"
    return ""


def _effect_of(random: pd.DataFrame, outcome: str) -> TreatmentEffect:
    frame = random.assign(
        is_treated=(random["arm"] == "treated").astype(int),
        **{outcome: random[outcome].astype(float), "before": random["revenue_year_before"].astype(float)},
        chance=random["assignment_probability"].astype(float),
    )  # fmt: skip
    covariate = "before" if frame["before"].std() > 0 else None
    return treatment_effect(frame, "is_treated", outcome, "chance", covariate)


def _campaign(key: str, name: str, part: pd.DataFrame, costs: pd.Series) -> Effect:
    part = part.sort_values("customer_id")
    treated = part[part["arm"] == "treated"]
    random = _with_probability(part)
    reason = _reason(part, random)
    margin = bought = None
    if not reason:
        margin, bought = _effect_of(random, "margin_after"), _effect_of(random, "bought")
        if margin.ratio_p is not None and margin.ratio_p < BROKEN:
            margin, reason = None, "arms are not of the size the probabilities say"
    change = (treated["margin_after"] - treated["margin_before"]).astype(float)
    naive = mean_interval(change) if len(change) > 1 else None
    return Effect(
        key, name, len(treated), int((part["arm"] == "control").sum()),
        *((margin.effect, margin.low, margin.high, margin.standard_error) if margin else (np.nan,) * 4),
        *((bought.effect, bought.low, bought.high) if margin and bought else (np.nan,) * 3),
        *((naive.value, naive.low, naive.high) if naive else (np.nan,) * 3),
        float(np.nan_to_num(costs["fixed_cost"]) + np.nan_to_num(costs["unit_cost"]) * len(treated)),
        int(part["window_days"].min()), reason,
    )  # fmt: skip


@answers
def campaign_effects(outcomes: pd.DataFrame, campaigns: pd.DataFrame) -> Answer:
    """Return what each campaign of the year added: margin of treated minus control, its cost and return.

    Customers are weighted by the inverse of their assignment probability, and the margin is adjusted for the revenue
    of the year before (CUPED), which narrows the interval. Everybody assigned counts, whether or not the
    message arrived. p-values are adjusted for the number of campaigns.

    Parameters
    ----------
    outcomes
        Query ``campaign_outcomes``: one row per campaign and customer.
    campaigns
        Table ``campaigns``: campaign_id, name, fixed_cost, unit_cost.

    Returns
    -------
    Answer
        Table: the result ``campaign_effects`` (effect per treated customer with low and high, incremental margin, cost,
        return = (increment - cost) / cost) with return_low, return_high, bought_effect, q, verdict. Extra
        ``numbers`` with all figures, ``comparison`` (an `Answer`: control group against before and after).

    References
    ----------
    Deng, A., Xu, Y., Kohavi, R. & Walker, T. (2013). Improving the sensitivity of online controlled experiments by
    utilizing pre-experiment data. WSDM.
    """
    need(outcomes, "customers in campaigns of the last 12 months", ASK)
    if (outcomes["bought"] > 0).any() and not (outcomes["margin_after"] != 0).any():
        raise NotEnough(
            "the cost of goods is not known", "the cost of each order, or a margin rate"
        )
    known = campaigns.drop_duplicates("campaign_id").set_index("campaign_id")
    blank = pd.Series({"name": np.nan, "fixed_cost": np.nan, "unit_cost": np.nan})
    effects = []
    for key, part in outcomes.groupby("campaign_id"):
        costs = known.loc[key] if key in known.index else blank
        name = str(costs["name"]) if isinstance(costs["name"], str) else str(key)
        effects.append(_campaign(str(key), name, part, costs))
    numbers = _returns(pd.DataFrame([asdict(e) for e in effects]))
    measured = numbers[numbers["reason"] == ""]
    shown = numbers.sort_values(
        ["return", "campaign_id"], ascending=[False, True], na_position="last"
    )
    columns = ["campaign_id", "name", "treated", "control", "effect", "low", "high", "incremental_margin", "cost",
               "return", "return_low", "return_high", "bought_effect", "bought_low", "bought_high", "verdict"]  # fmt: skip
    days = int(numbers["days"].max())
    short = numbers[numbers["days"] < days]
    return Answer(
        table=shown[columns].reset_index(drop=True),
        headline=_headline(numbers, measured),
        so_what=_so_what(numbers, measured),
        kind="diagnostic",
        caption=(
            f"Margin per treated customer in {days} days, treated minus control, 95 % interval (campaigns of 12 months, "
            f"n = {len(outcomes):,} members)"
            + (f"; {', '.join(short['name'])}: {int(short['days'].min())} days so far" if len(short) else "")
        ),
        units={"treated": "count", "control": "count", **dict.fromkeys(["effect", "low", "high", "incremental_margin", "cost"], "currency"),
               **dict.fromkeys(["return", "return_low", "return_high"], "ratio"),
               **dict.fromkeys(["bought_effect", "bought_low", "bought_high"], "%")},
        source="campaign members and orders; weighted by assignment probability, adjusted for earlier revenue",
        metrics=_metrics(measured),
        extra={"numbers": numbers, "comparison": _comparison(numbers, days)},
    )  # fmt: skip


def _returns(numbers: pd.DataFrame) -> pd.DataFrame:
    frame = numbers.copy()
    frame["incremental_margin"] = frame["effect"] * frame["treated"]
    paid = frame["cost"].where(frame["cost"] > 0)
    for name, effect in (("return", "effect"), ("return_low", "low"), ("return_high", "high")):
        frame[name] = (frame[effect] * frame["treated"] - frame["cost"]) / paid
    error = frame["standard_error"].where(frame["standard_error"] > 0)
    frame["q"] = false_discovery((2 * norm.sf((frame["effect"] / error).abs())).astype(float))
    sure = frame["q"] < 0.05
    frame["verdict"] = np.select(
        [frame["reason"] != "", sure & (frame["effect"] > 0), sure],
        [NO_CONTROL, "gained", "lost"],
        "no effect shown",
    )
    return frame


def _total(measured: pd.DataFrame) -> tuple[float, float]:
    """Return the summed increment and half its 95 % interval."""
    spread = (measured["standard_error"] * measured["treated"]) ** 2
    return float(measured["incremental_margin"].sum()), 1.96 * float(np.sqrt(spread.sum()))


def _metrics(measured: pd.DataFrame) -> tuple[Metric, ...]:
    if measured.empty:
        return ()
    gain, half = _total(measured)
    n, cost = int(measured["treated"].sum()), float(measured["cost"].sum())
    found = [
        Metric("campaign_increment", gain, gain - half, gain + half, n, "currency", "diagnostic")
    ]
    if cost > 0:
        value, low, high = ((g - cost) / cost for g in (gain, gain - half, gain + half))
        found.append(Metric("campaign_return", value, low, high, n, "ratio", "diagnostic"))
    return tuple(found)


def _headline(numbers: pd.DataFrame, measured: pd.DataFrame) -> str:
    if measured.empty:
        return f"None of {len(numbers)} campaigns kept a random control group: nothing is known"
    gained = int((measured["verdict"] == "gained").sum())
    lost = int((measured["verdict"] == "lost").sum())
    return (
        f"{gained} of {len(measured)} measured campaigns added margin beyond chance"
        + (f", {lost} lost some" if lost else "")
    )  # fmt: skip


def _so_what(numbers: pd.DataFrame, measured: pd.DataFrame) -> str:
    parts = []
    if len(measured):
        gain, half = _total(measured)
        cost = float(measured["cost"].sum())
        parts.append(
            f"Together they added {format_value(gain, 'currency')} margin ({format_value(gain - half, 'currency')} to "
            f"{format_value(gain + half, 'currency')}) for {format_value(cost, 'currency')} of campaign cost."
        )
        unclear = measured[(measured["return_low"] < 0) & (measured["return_high"] > 0)]
        if len(unclear):
            parts.append(
                f"For {len(unclear)} of them chance alone decides whether they paid: run these again with a larger control group."
            )
    blind = numbers[numbers["reason"] != ""]
    if len(blind):
        told = "; ".join(f"{r.name}: {r.reason}" for r in blind.itertuples(index=False))
        parts.append(f"Not attributable ({told}): keep a random control group next time.")
    return (
        " ".join(parts)
        or "Every campaign is measured and clear: move money from the worst return to the best."
    )


def _comparison(numbers: pd.DataFrame, days: int) -> Answer:
    parts = [
        numbers.assign(measure=label, change=numbers[c], change_low=numbers[low], change_high=numbers[high])
        for label, c, low, high in (
            ("against control", "effect", "low", "high"),
            ("before and after", "before_after", "before_after_low", "before_after_high"),
        )
    ]  # fmt: skip
    table = pd.concat(parts, ignore_index=True).sort_values(["campaign_id", "measure"], ignore_index=True)  # fmt: skip
    both = numbers.dropna(subset=["effect", "before_after"])
    wrong = both[(both["before_after"] < both["low"]) | (both["before_after"] > both["high"])]
    blind = numbers[(numbers["reason"] != "") & (numbers["before_after_low"] > 0)]
    worst = (
        both.assign(miss=(both["before_after"] - both["effect"]).abs()).nlargest(1, "miss").iloc[0]
        if len(both)
        else None
    )
    told = (
        f"{worst['name']}: before and after says {format_value(worst['before_after'], 'currency')} a customer, the control group "
        f"{format_value(worst['effect'], 'currency')}. " if worst is not None else ""
    )  # fmt: skip
    return Answer(
        table=table[["name", "measure", "change", "change_low", "change_high"]],
        headline=f"Before and after misleads for {len(wrong)} of {len(both)} campaigns",
        so_what=told
        + (f"{', '.join(blind['name'])} would look like a success without any proof. " if len(blind) else "")
        + "Season and habit move customers too: believe the control group only.",
        kind="diagnostic",
        caption=f"Change of margin per treated customer ({days} days) by two measures, 95 % interval",
        units={"change": "currency", "change_low": "currency", "change_high": "currency"},
        source="campaign members and orders",
    )  # fmt: skip
