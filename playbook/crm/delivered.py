"""Promise and delivery: what the choice of actions would have promised and brought in past campaigns with random control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value
from playbook.crm.effects import expected_effects, expected_margins
from playbook.errors import NotEnough

__all__ = ["promise_and_delivery"]

FOLDS = 5
FEWEST = 10
"""Fewest chosen customers of each arm that show a figure."""

Z95 = 1.959964
ASK = "past campaigns of the actions' kind in the plan (measured_by), with a control group drawn at random"


def robust_effects(part: pd.DataFrame, fold: np.ndarray) -> np.ndarray:
    """Doubly robust effect of the contact on each member's margin, from regressions blind to the member's fold."""
    y, arm = part["margin_after"].to_numpy(float), part["is_treated"].to_numpy(float)
    chance = part["chance"].to_numpy(float)
    design = np.column_stack([np.ones(len(part)), part["revenue_year_before"].to_numpy(float)])
    expected = np.zeros((2, len(part)))
    for k in range(FOLDS):
        held = fold == k
        for side in (0, 1):
            rows = ~held & (arm == side)
            if rows.any():
                fit = np.linalg.lstsq(design[rows], y[rows], rcond=None)[0]
                expected[side, held] = design[held] @ fit
    m0, m1 = expected
    return np.asarray(m1 - m0 + arm * (y - m1) / chance - (1 - arm) * (y - m0) / (1 - chance))


def _judged(
    eligible: pd.DataFrame, people: pd.DataFrame, actions: Sequence[Any], outcomes: pd.DataFrame, seed: int,
    needs: pd.DataFrame | None,
) -> pd.DataFrame:  # fmt: skip
    """One row per member of a measured campaign: the promise of its action, whether it is chosen, the doubly robust effect."""
    chance = outcomes["assignment_probability"].astype(float)
    drawn = (chance > 0) & (chance < 1) & outcomes["arm"].isin(["treated", "control"])
    members = outcomes[drawn & outcomes["customer_id"].isin(people["customer_id"])].copy()
    members = members.assign(is_treated=(members["arm"] == "treated").astype(int), chance=chance)
    people = people.sort_values("customer_id", ignore_index=True)
    fold = np.random.default_rng(seed).permutation(len(people)) % FOLDS
    of = pd.Series(fold, people["customer_id"])
    cost = np.array([float(a.unit_cost) for a in actions])
    promise, best = np.zeros((len(people), len(actions))), np.full(len(people), -1)
    fits = eligible.reindex(people["customer_id"])[[a.id for a in actions]].to_numpy(bool)
    for k in range(FOLDS):
        others = outcomes[(outcomes["customer_id"].map(of) != k).to_numpy()]
        effects = expected_effects(people, actions, others, needs)
        held = fold == k
        whole = expected_margins(people[held], actions, effects).to_numpy()
        later = np.column_stack([effects.staying(people[held], a) for a in actions])
        promise[held] = whole - later
        net = np.where(fits[held], whole - cost, -np.inf)
        best[held] = np.where(net.max(axis=1) > 0, net.argmax(axis=1), -1)
    place = pd.Index(people["customer_id"])
    rows = []
    for j, action in enumerate(actions):
        for key in sorted(set(action.measured_by)):
            part = members[members["campaign_id"] == key].sort_values("customer_id")
            if part["is_treated"].value_counts().reindex([0, 1], fill_value=0).min() < FEWEST:
                continue
            at = place.get_indexer(part["customer_id"])
            rows.append(part[["campaign_id", "is_treated", "window_days"]].assign(
                action=action.name, action_id=action.id, promised=promise[at, j], chosen=best[at] == j,
                delivered=robust_effects(part, fold[at]),
            ))  # fmt: skip
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["action"])


def mean_delivery(part: pd.DataFrame) -> dict[str, Any]:
    """Means over chosen members, with the interval of what was delivered."""
    mean, half = (
        float(part["delivered"].mean()),
        Z95 * float(part["delivered"].std(ddof=1)) / np.sqrt(len(part)),
    )
    return {
        "customers": len(part), "promised": float(part["promised"].mean()), "delivered": mean, "low": mean - half, "high": mean + half,
    }  # fmt: skip


@answers
def promise_and_delivery(
    plan: Answer, people: pd.DataFrame, actions: Sequence[Any], outcomes: pd.DataFrame, seed: int,
    needs: pd.DataFrame | None = None,
) -> Answer:  # fmt: skip
    """Return what the choice of actions promised and what it brought, among members of past campaigns with random control.

    Parameters
    ----------
    plan
        From `next_best_action`: whom each action may be used on.
    people
        From `candidates`.
    actions
        ``plan.actions``, with the past campaigns of their kind (measured_by).
    outcomes
        Query ``campaign_outcomes``.
    seed
        Of the folds.
    needs
        From `need_weights`, as for the plan.

    Returns
    -------
    Answer
        Table action, members (of its campaigns), customers (those for whom it is the best action), promised, delivered, low, high
        (margin per contact, before its cost).

    Notes
    -----
    The best of several uncertain figures disappoints (winner's curse; Smith & Winkler 2006). So each customer's action is
    chosen by effects estimated without that customer's fold, and judged by doubly robust effects of the campaign on the margin,
    m1 - m0 + t(y-m1)/p - (1-t)(y-m0)/(1-p) (Robins, Rotnitzky & Zhao 1994; Athey & Wager 2021), unbiased as the arms
    were drawn at random. Budget and capacity are left out; the margin counts for the campaign's window only. The promise is
    today's: whoever is thought to have left since counts less in it than in what was delivered. What comes later because customers
    stay is not in it, as no window of some weeks shows it.
    """
    if outcomes.empty or people.empty or not actions:
        raise NotEnough("no past campaign of the plan's actions is known", ASK)
    judged = _judged(plan["eligible"], people, actions, outcomes, seed, needs)
    rows = []
    kept = []
    for name, part in judged.groupby("action"):
        chosen = part[part["chosen"].astype(bool)]
        if chosen["is_treated"].value_counts().reindex([0, 1], fill_value=0).min() < FEWEST:
            continue
        kept.append(chosen)
        rows.append({"action": name, "members": len(part), **mean_delivery(chosen)})
    if not rows:
        raise NotEnough(
            f"no action is chosen for {FEWEST} treated and {FEWEST} control customers of a past campaign of its kind", ASK
        )  # fmt: skip
    table = pd.DataFrame(rows).sort_values(
        ["customers", "action"], ascending=[False, True], ignore_index=True
    )
    total = mean_delivery(pd.concat(kept))
    days = int(judged["window_days"].max())
    return Answer(
        table=table,
        headline=_headline(total),
        so_what=_advice(total, table),
        kind="diagnostic",
        caption=(
            f"Margin per contact before its cost, promised by the plan and delivered in past campaigns within {days} days, customers for whom the "
            f"action is the best (n = {total['customers']:,}; 95 % intervals)"
        ),
        units={"members": "count", "customers": "count", **dict.fromkeys(["promised", "delivered", "low", "high"], "currency")},
        source="campaign members, orders, plan; choice cross-fitted, delivery doubly robust",
        metrics=(
            Metric("promise_per_contact", total["promised"], n=total["customers"], unit="currency", kind="predictive"),
            Metric("delivered_per_contact", total["delivered"], total["low"], total["high"], total["customers"], "currency", "diagnostic"),
        ),
    )  # fmt: skip


def _headline(total: dict[str, Any]) -> str:
    promised = format_value(total["promised"], "currency")
    if total["low"] <= total["promised"] <= total["high"]:
        return f"Past campaigns do not contradict the promise of {promised} a contact"
    less = "less" if total["high"] < total["promised"] else "more"
    return f"Past campaigns brought {less} than the {promised} promised a contact"


def _advice(total: dict[str, Any], table: pd.DataFrame) -> str:
    told = (
        f"Where the plan would choose the action of a past campaign, it promises {format_value(total['promised'], 'currency')} a contact; "
        f"those campaigns delivered {format_value(total['delivered'], 'currency')} ({format_value(total['low'], 'currency')} to "
        f"{format_value(total['high'], 'currency')}). "
    )
    short = table[table["high"] < table["promised"]]
    if len(short):
        return told + f"Lower the belief of {', '.join(repr(a) for a in short['action'])}, which brought surely less than promised."  # fmt: skip
    wide = total["high"] - total["low"] > 2 * abs(total["promised"])
    return told + (
        "So few customers cannot confirm the promise: take it as a belief, and keep random controls."
        if wide else "The promise may be budgeted with."
    )  # fmt: skip
