"""Response to campaigns: whom a contact changes, and whether choosing among customers beats contacting everybody."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from playbook.answer import Answer, answers, format_value, need
from playbook.crm.measured import excess_variance
from playbook.errors import NotEnough
from playbook.propensity import Uplift, treatment_effect, uplift
from playbook.stats import false_discovery

__all__ = ["campaign_uplift", "effect_by_group", "group_effects"]

ASK = "members of campaigns with the arm and the probability each was assigned with"
LEAST = 100  # customers of each arm
LEAST_GROUP, LEAST_ARM = 30, 10
MASTER = ("market_segment", "area_type")
KNOWN = (
    "tenure_days", "recency_days", "orders", "revenue", "largest_order", "categories", "sales_channels", "tickets", "contacts",
    "visits", "country", "acquisition_channel", "is_company",
)  # fmt: skip


def _random(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Members who could have been in either arm, by draw."""
    chance = outcomes["assignment_probability"].astype(float)
    return outcomes[(chance > 0) & (chance < 1) & outcomes["arm"].isin(["treated", "control"])]


def _frame(part: pd.DataFrame, known: pd.DataFrame, customers: pd.DataFrame) -> pd.DataFrame:
    """One campaign's members with what was known of them before, the arm and the margin afterwards."""
    master = [c for c in MASTER if c in customers]
    frame = part[
        ["customer_id", "arm", "assignment_probability", "margin_after", "revenue_year_before"]
    ]
    frame = frame.merge(customers[["customer_id", *master]], on="customer_id", how="left")
    frame = frame.merge(
        known[["customer_id", *(c for c in KNOWN if c in known)]], on="customer_id", how="left"
    )
    frame = frame.assign(
        treated=(frame["arm"] == "treated").astype(int), margin_after=frame["margin_after"].astype(float),
        revenue_year_before=frame["revenue_year_before"].astype(float), chance=frame["assignment_probability"].astype(float),
    ).drop(columns=["arm", "assignment_probability"])  # fmt: skip
    return frame.sort_values("customer_id", ignore_index=True)


def _features(frame: pd.DataFrame) -> list[str]:
    names = [c for c in (*MASTER, *KNOWN, "revenue_year_before") if c in frame]
    return [
        c for c in names
        if frame[c].notna().sum() >= LEAST and len(frame[c].drop_duplicates()) > 1
    ]  # fmt: skip


def _by_group(found: Uplift, frame: pd.DataFrame) -> pd.DataFrame:
    """Mean cross-fitted score by market segment, lowest last."""
    if "market_segment" not in frame:
        return pd.DataFrame(columns=["group", "customers", "uplift"])
    score = found.scores.reindex(frame["customer_id"].astype(str)).to_numpy()
    table = pd.DataFrame({"group": frame["market_segment"].fillna("not known"), "uplift": score})
    table = table.groupby("group").agg(customers=("uplift", "size"), uplift=("uplift", "mean"))
    table = table[table["customers"] >= LEAST_GROUP].reset_index()
    return table.sort_values(["uplift", "group"], ascending=[False, True], ignore_index=True)


@answers
def campaign_uplift(
    outcomes: pd.DataFrame,
    known: pd.DataFrame,
    customers: pd.DataFrame,
    campaigns: pd.DataFrame,
    seed: int,
) -> Answer:
    """Return for each campaign with a random control whether contacting by expected gain beats contacting everybody.

    Parameters
    ----------
    outcomes
        Query ``campaign_outcomes``: campaign_id, customer_id, arm, assignment_probability, margin_after (currency),
        revenue_year_before.
    known
        Query ``customer_snapshot`` at a day before all of these campaigns; who was won later has none of its features.
    customers
        Table ``customers``: market_segment, area_type.
    campaigns
        Table ``campaigns``: campaign_id, name, unit_cost.
    seed
        Of folds and bootstrap.

    Returns
    -------
    Answer
        Table campaign, customers, effect, low, high (margin per customer less the contact's cost, if all were contacted),
        chosen (share of customers whose expected gain beats the cost), targeted (margin per customer if only they were
        contacted), qini, qini_low, qini_high, verdict. Extra ``groups`` (campaign_id, group, customers, uplift by market
        segment), ``models`` (with the Qini curves) and ``verdicts`` by campaign, ``policies`` (targeted with its interval).

    Notes
    -----
    Cross-fitted two-model uplift with doubly robust values (see `playbook.propensity.uplift`). "target by
    ranking" is said only if the lower ends of its value and of its lead over contacting everybody are above zero.
    """
    random = _random(outcomes)
    need(random, "customers of campaigns with a control group drawn at random", ASK)
    names = campaigns.set_index("campaign_id")
    rows, groups, models = [], [], {}
    for key, part in random.groupby("campaign_id"):
        if part["arm"].value_counts().reindex(["treated", "control"], fill_value=0).min() < LEAST:
            continue
        frame = _frame(part, known, customers)
        cost = float(np.nan_to_num(float(names["unit_cost"].get(key, 0.0) or 0.0)))
        found = uplift(frame, _features(frame), "treated", "margin_after", seed, "chance", cost)
        models[key] = found
        rows.append(_row(key, str(names["name"].get(key, key)), found))
        groups.append(_by_group(found, frame).assign(campaign_id=key))
    if not rows:
        raise NotEnough(
            f"no campaign has {LEAST} treated and {LEAST} control customers drawn at random", ASK
        )
    table = pd.DataFrame(rows).sort_values(
        ["effect", "campaign"], ascending=[False, True], ignore_index=True
    )
    return Answer(
        table=table.drop(columns=["campaign_id", "targeted_low", "targeted_high"]),
        headline=_headline(table),
        so_what=_advice(table, pd.concat(groups, ignore_index=True)),
        kind="prescriptive",
        caption=f"Margin per customer after the contact's cost, campaigns with a random control (n = {int(table['customers'].sum()):,}; 95 % intervals)",
        units={"customers": "count", "effect": "currency", "low": "currency", "high": "currency", "chosen": "%", "targeted": "currency", "qini": "currency", "qini_low": "currency", "qini_high": "currency"},
        source="campaign_members, orders; cross-fitted uplift, doubly robust",
        extra={"groups": pd.concat(groups, ignore_index=True), "models": models, "verdicts": table.set_index("campaign_id")["verdict"],
               "policies": table[["campaign_id", "targeted", "targeted_low", "targeted_high"]]},
    )  # fmt: skip


def _row(key: str, name: str, found: Uplift) -> dict[str, object]:
    value = found.policies.set_index("policy")
    everybody, chosen = value.loc["treat all"], value.loc["target by ranking"]
    return {
        "campaign_id": key, "campaign": name, "customers": found.n_treated + found.n_control, "effect": everybody["value"],
        "low": everybody["low"], "high": everybody["high"], "chosen": chosen["share_treated"], "targeted": chosen["value"],
        "targeted_low": chosen["low"], "targeted_high": chosen["high"], "qini": found.qini, "qini_low": found.qini_low,
        "qini_high": found.qini_high, "verdict": found.verdict,
    }  # fmt: skip


def _headline(table: pd.DataFrame) -> str:
    ranked = table[table["verdict"] == "target by ranking"]
    if len(ranked):
        return f"In {len(ranked)} of {len(table)} campaigns choosing customers beats contacting everybody"
    return f"In none of {len(table)} campaigns is choosing customers surely better than everyone or no one"


def _advice(table: pd.DataFrame, groups: pd.DataFrame) -> str:
    by = {name: part["campaign"].tolist() for name, part in table.groupby("verdict")}

    def named(verdict: str) -> str:
        return ", ".join(f"'{name}'" for name in by[verdict])

    parts = []
    if "target by ranking" in by:
        best = table[table["verdict"] == "target by ranking"].iloc[0]
        parts.append(
            f"Contact by expected gain for {named('target by ranking')}: for the first, {format_value(best.chosen, '%')} of customers would "
            f"bring {format_value(best.targeted, 'currency')} each against {format_value(best.effect, 'currency')} if all were contacted."
        )  # fmt: skip
        worst = groups[groups["campaign_id"] == best.campaign_id]
        if len(worst) and worst["uplift"].iloc[-1] < 0:
            parts.append(f"Leave out '{worst['group'].iloc[-1]}', which it drives away.")
    if "treat all" in by:
        parts.append(
            f"Contact everybody for {named('treat all')}: a ranking is no better than that."
        )
    if "treat none" in by:
        parts.append(f"Stop {named('treat none')}.")
    if "no effect shown" in by:
        parts.append(
            f"No effect shown by {named('no effect shown')}: repeat only with a larger control group."
        )
    return " ".join(parts)


def _without_habit(part: pd.DataFrame) -> np.ndarray:
    """Whether each member bought, less what the orders and revenue of the year before lead to expect.

    One regression over all groups and both arms (with the arm in it), so that small groups share it; habit was there
    before the assignment, so that no effect is taken out (Lin 2013).
    """
    known = [c for c in ("orders_year_before", "revenue_year_before") if c in part]
    habit = np.column_stack([np.log1p(part[c].astype(float).clip(lower=0)) for c in known])
    habit = habit - habit.mean(axis=0)
    bought = part["bought"].to_numpy(float)
    design = np.column_stack([np.ones(len(part)), part["is_treated"], habit])
    fit = np.linalg.lstsq(design, bought, rcond=None)[0]
    return np.asarray(bought - habit @ fit[2:])


def group_effects(members: pd.DataFrame) -> pd.DataFrame:
    """Return the effect of a campaign on the share that bought by group, lowest last.

    Parameters
    ----------
    members
        Drawn at random: group, arm, assignment_probability, bought, orders_year_before, revenue_year_before.

    Returns
    -------
    DataFrame
        group, customers, effect (adjusted for habit), standard_error, low, high, p, expected (the effect shrunken towards
        the mean of the groups). Groups with fewer than 30 members, or 10 in an arm, are left out.

    Notes
    -----
    Differences between groups are shrunk by their errors, with the variance between groups of DerSimonian & Laird (1986)
    (Efron & Morris 1975). Where that variance is zero, groups are ranked by the limit of the shrunken figures, (effect - mean) / variance.
    """
    members = members.assign(
        is_treated=(members["arm"] == "treated").astype(int), chance=members["assignment_probability"].astype(float)
    ).sort_values("customer_id")  # fmt: skip
    members = members.assign(adjusted=_without_habit(members))
    rows = []
    for name, part in members.groupby("group"):
        arms = part["is_treated"].value_counts().reindex([0, 1], fill_value=0)
        if arms.min() < LEAST_ARM or len(part) < LEAST_GROUP:
            continue
        found = treatment_effect(part, "is_treated", "adjusted", "chance")
        error = found.standard_error
        p = 2 * norm.sf(abs(found.effect) / error) if error > 0 else 1.0
        rows.append({"group": name, "customers": len(part), "effect": found.effect, "standard_error": error,
                     "low": found.low, "high": found.high, "p": p})  # fmt: skip
    table = pd.DataFrame(rows)
    if table.empty:
        return table
    effect, noise = table["effect"].to_numpy(), np.maximum(table["standard_error"] ** 2, 1e-12)
    excess, scale = excess_variance(effect, noise.to_numpy())
    between = max(excess / scale, 0.0) if scale > 0 else 0.0
    weight = 1 / (noise + between)
    mean = float((weight * effect).sum() / weight.sum())
    table["expected"] = mean + between / (between + noise) * (effect - mean)
    order = table.assign(lead=(effect - mean) / (noise + between))
    return order.sort_values(["lead", "group"], ascending=[False, True], ignore_index=True).drop(
        columns="lead"
    )


@answers
def effect_by_group(outcomes: pd.DataFrame, customers: pd.DataFrame, campaign_id: str) -> Answer:
    """Return by market segment what a campaign changed in the share of customers who bought, lowest last.

    Parameters
    ----------
    outcomes
        Query ``campaign_outcomes`` with ``bought``; few days after the contact have less chance in them than many.
    customers
        Table ``customers``: market_segment.
    campaign_id
        One with a random control group.

    Returns
    -------
    Answer
        Table group, customers, effect (share of customers, adjusted for habit), low, high (95 %), expected (shrunken), q
        (false-discovery rate over groups). Groups are in the order of `group_effects`; one is said to be driven away
        only if its interval and the false-discovery rate say so.
    """
    part = _random(outcomes[outcomes["campaign_id"] == campaign_id])
    need(part, "customers of the campaign with a control group drawn at random", ASK)
    named = part["customer_id"].map(customers.set_index("customer_id")["market_segment"])
    table = group_effects(part.assign(group=named.fillna("not known")))
    need(table, f"market segments with {LEAST_GROUP} members of the campaign", ASK)
    table["q"] = false_discovery(table.pop("p").to_numpy())
    table = table.drop(columns="standard_error")
    last = table.iloc[-1]
    driven = table[(table["high"] < 0) & (table["q"] < 0.05)]
    return Answer(
        table=table,
        headline=f"'{driven['group'].iloc[-1]}' is driven away" if len(driven) else "The groups cannot be told apart: none is surely driven away",
        so_what=(
            f"Leave out '{driven['group'].iloc[-1]}': {format_value(-driven['effect'].iloc[-1], '%')} fewer bought ({format_value(driven['low'].iloc[-1], '%')} to {format_value(driven['high'].iloc[-1], '%')})."
            if len(driven) else
            f"Lowest is '{last.group}' with {format_value(last.effect, '%')} ({format_value(last.low, '%')} to {format_value(last.high, '%')}), "
            f"which chance can bring about: the best estimate of its effect is {format_value(last.expected, '%')}. Do not leave out a group on this."
        ),
        kind="diagnostic",
        caption=f"Change of the share of customers who bought, treated less control, by market segment (n = {int(table['customers'].sum()):,}; 95 % intervals)",
        units={"customers": "count", "effect": "%", "low": "%", "high": "%", "expected": "%", "q": "ratio"},
        source="campaign_members, orders, customers",
    )  # fmt: skip
