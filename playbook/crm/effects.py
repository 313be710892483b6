"""What an action changes: the plan's beliefs weighed against what campaigns with random control measured.

Glossary
--------
rate
    Orders a year of a customer who is still one.
response
    Extra orders of the next 12 months that one contact brings to a customer with a rate of one.
measured campaign
    A past campaign of the same kind (``measured_by`` of the action) with a control group drawn at random.
shrinkage
    Pulling noisy figures towards what is known besides; the noisier, the further.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from playbook.crm.beliefs import shrunken_beliefs, staying_of
from playbook.crm.measured import measured_responses, power_weights, spread_between_segments
from playbook.crm.need_fit import NeedWeights, weigh_needs
from playbook.crm.weighing import combine, learnt_needs, optimism, repeats, with_weights

__all__ = ["OFFER_DAYS", "POWERS", "Effects", "applies", "combine", "expected_effects", "expected_margins"]  # fmt: skip

YEAR = 365.0
OFFER_DAYS = 30
"""Days after the contact in which an order gets the action's discount."""

POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Extra orders go with this power of a customer's rate: 0 the same for all, 1 in proportion."""

LARGEST = 5.0
"""Largest response that a belief can stand for."""

MOST_LOST = 0.95
"""Largest share of a customer's orders that leaving may have cost."""

SAMPLE = 20_000
"""Customers that a belief is translated on."""

COLUMNS = ["action_id", "segment", "effect", "standard_error", "believed", "believed_error", "measured", "measured_error",
           "customers", "campaigns", "weight", "staying"]  # fmt: skip

STATES = {"active": "active", "at risk": "at_risk", "lapsed": "lapsed", "detractors": "detractor", "promoters": "promoter",
          "businesses": "business"}  # fmt: skip
"""Column of `candidates` that says to whom an action applies."""


@dataclass(frozen=True)
class Effects:
    """Expected response to each action in each segment.

    Attributes
    ----------
    table
        Per action_id × segment: effect, standard_error (relative change of the segment's orders in 12 months, 0.03 is three
        in a hundred); believed, believed_error (the shrunken belief alone); measured, measured_error (campaigns alone,
        before shrinkage), customers measured, campaigns; weight (of the need that the action speaks to, mean one), staying
        (relative change of all orders because customers stay).
    segments
        In the order of the arrays.
    weights
        Probability of each of `POWERS`.
    mean, covariance
        Responses by action_id: powers × segments, powers × segments × segments.
    held
        What campaigns measured as a share of what was believed of their actions, shrunken; none without campaigns.
    stays, stays_error
        By action_id: relative change of the margin of each segment's customers because they stay; its relative error.
    unheard
        Campaigns named by actions of which nothing with a random control is known.
    needs
        Weights of the needs that actions speak to, and how far responses follow them.
    """

    table: pd.DataFrame
    segments: tuple[str, ...]
    weights: np.ndarray
    mean: dict[str, np.ndarray]
    covariance: dict[str, np.ndarray]
    held: float | None
    stays: dict[str, np.ndarray]
    stays_error: dict[str, float]
    needs: NeedWeights
    unheard: tuple[str, ...] = ()

    def margins(self, people: pd.DataFrame, action: Any) -> np.ndarray:
        """Return the margin (currency, before its cost) that an action is expected to add to each customer."""
        place = pd.Index(self.segments).get_indexer(people["segment"])
        each = _per_response(people, action)
        response = self.mean[action.id][:, place]
        own = np.asarray(self.weights @ (each * response))
        return own + self.staying(people, action) - _given_away(people, action)

    def staying(self, people: pd.DataFrame, action: Any) -> np.ndarray:
        """Return the part of `margins` that comes from customers who stay longer."""
        place = pd.Index(self.segments).get_indexer(people["segment"])
        worth = people["expected_margin"].to_numpy(float).clip(0)
        return np.asarray(self.stays[action.id][place] * worth)

    def drawn_powers(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return places in `POWERS`, one a draw; all actions share it."""
        return rng.choice(len(POWERS), count, p=self.weights)

    def drawn_margins(
        self, people: pd.DataFrame, action: Any, power: np.ndarray, rng: np.random.Generator
    ) -> pd.DataFrame:
        """Return draws × segments: margin that an action adds to these customers together."""
        normal = rng.standard_normal((len(power), len(self.segments)))
        response = np.empty_like(normal)
        for g in range(len(POWERS)):
            values, vectors = np.linalg.eigh(self.covariance[action.id][g])
            root = vectors * np.sqrt(values.clip(0))
            response[power == g] = self.mean[action.id][g] + normal[power == g] @ root.T
        place = pd.Index(self.segments).get_indexer(people["segment"])
        each = _per_response(people, action)
        sums = np.array([np.bincount(place, row, len(self.segments)) for row in each])
        given = np.bincount(place, _given_away(people, action), len(self.segments))
        stay = np.bincount(place, self.staying(people, action), len(self.segments))
        sure = 1 + self.stays_error[action.id] * rng.standard_normal((len(power), 1))
        return pd.DataFrame(response * sums[power] + sure * stay - given, columns=list(self.segments))  # fmt: skip


def applies(people: pd.DataFrame, action: Any) -> np.ndarray:
    """Return which customers are in the state that an action is for."""
    flag = STATES.get(action.applies_to)
    return people[flag].to_numpy(bool) if flag else np.ones(len(people), bool)


def _powers(action: Any) -> tuple[float, ...]:
    """Powers of the rate that an action's extra orders may go with, one for each of `POWERS`.

    A belief on orders is a relative change: it says itself that extra orders go with the rate.
    """
    return (1.0,) * len(POWERS) if _on_orders(action) else POWERS


def _on_orders(action: Any) -> bool:
    return getattr(action, "effect_on", "buyers") == "orders"


def _shapes(people: pd.DataFrame, powers: Sequence[float] = POWERS) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Powers × customers: extra orders at response one; and the rate of those still customers.

    Who orders at rate r and leaves with each order with probability p places (1 - e^-pr) / p orders in a year,
    which is solved for r; at a random time of the year (1 - e^-pr) / pr of those alive now still are.
    """
    alive = people["alive"].to_numpy(float)
    orders = people["expected_orders"].to_numpy(float).clip(0) / np.maximum(alive, 0.01)
    leaves = people["leaves"].to_numpy(float)
    lost = np.minimum(leaves * orders, MOST_LOST)
    rate = np.where(lost > 0, orders * -np.log1p(-lost) / np.maximum(lost, 1e-12), orders)
    still = np.where(rate > 0, np.minimum(orders / np.maximum(rate, 1e-12), 1.0), 1.0)
    return np.array([alive * still * rate**power for power in powers]), rate


def _per_response(people: pd.DataFrame, action: Any) -> np.ndarray:
    """Powers × customers: margin at response one, less the discount on the extra orders and the orders lost to leaving."""
    orders = np.maximum(people["expected_orders"].to_numpy(float), 1e-9)
    margin = people["expected_margin"].to_numpy(float).clip(0) / orders
    revenue = people["expected_revenue"].to_numpy(float).clip(0) / orders
    shapes, rate = _shapes(people, _powers(action))
    kept = np.exp(-people["leaves"].to_numpy(float) * rate / 2)
    return np.asarray(shapes * (margin * kept - float(action.discount) * revenue))


def _given_away(people: pd.DataFrame, action: Any) -> np.ndarray:
    """Discount on the orders that would have come anyway in the days it counts."""
    revenue = people["expected_revenue"].to_numpy(float).clip(0)
    return np.asarray(float(action.discount) * revenue * OFFER_DAYS / YEAR)


def _response(points: float, people: pd.DataFrame, weight: np.ndarray) -> np.ndarray:
    """Return the response under each power that moves the share with an order by ``points``.

    A customer still alive with probability a buys at rate r, so that e^-r of those alive buy nothing; k w r^power extra
    orders move the share by mean a e^-r (1 - exp(-k w r^power)), which is solved for k; w weighs the customer's need.
    """
    step = max(len(people) // SAMPLE, 1)
    some, weight = people.iloc[::step], weight[::step]
    rate = _shapes(some)[1]
    none = some["alive"].to_numpy(float) * np.exp(-rate)
    found = np.zeros(len(POWERS))
    for g, power in enumerate(POWERS):
        each = weight * rate**power

        def miss(k: float, each: np.ndarray = each) -> float:
            return float((none * -np.expm1(-k * each)).mean()) - points

        if points and len(some) and (none * each).any():
            low, high = (0.0, LARGEST) if points > 0 else (-LARGEST, 0.0)
            beyond = miss(high) <= 0 if points > 0 else miss(low) >= 0
            found[g] = (
                np.copysign(LARGEST, points) if beyond else brentq(miss, low, high, xtol=1e-9)
            )
    return found


def _response_of_orders(lift: float, people: pd.DataFrame, weight: np.ndarray) -> np.ndarray:
    """Return the response that raises the orders of the `OFFER_DAYS` after the contact by a share, whatever the power.

    A year's share of the days is ordered as usual, so that k = lift × days / year where needs do not differ.
    """
    usual = _shapes(people, (1.0,))[0][0]
    each = float((weight * usual).sum())
    found = lift * float(usual.sum()) / each * OFFER_DAYS / YEAR if each > 0 else 0.0
    return np.full(len(POWERS), np.clip(found, -LARGEST, LARGEST))


def expected_effects(
    people: pd.DataFrame, actions: Sequence[Any], outcomes: pd.DataFrame | None = None, needs: pd.DataFrame | None = None
) -> Effects:  # fmt: skip
    """Return the expected response to each action in each segment.

    Parameters
    ----------
    people
        From `candidates`: customer_id, segment, alive, expected_orders, and the states that actions apply to.
    actions
        ``plan.actions``: believed effect with range, applies_to, need, measured_by.
    outcomes
        Query ``campaign_outcomes``; without it, or without a measured campaign, beliefs only.
    needs
        From `need_weights`: how much more a need is held in each segment; without it actions work alike everywhere.

    Notes
    -----
    A belief speaks of the share that buys at all, which says nothing of those who buy often. Two assumptions are usual:
    a contact brings everybody the same number of orders, or more orders in proportion (a homogeneous rate difference or
    rate ratio; Rothman, Greenland & Lash 2008, chapter 4). Neither is known, so extra orders go with a power of the rate between 0
    and 1, and results are averaged over `POWERS` (Hoeting et al. 1999), equally likely until campaigns speak (`power_weights`).
    A belief on orders (``effect_on``) states a rate ratio itself, so that its extra orders go with the rate.
    Beliefs are scaled by how the other actions' campaigns turned out (`optimism`) before an action's own campaigns count.
    Responses differ between segments as the need does that an action speaks to, to a power that all campaigns tell
    (`learnt_needs`); what is known of customers pays where it turns contacts to those who answer (Rossi, McCulloch & Allenby 1996).
    """
    segments = tuple(sorted(people["segment"].unique()))
    weights = power_weights(outcomes, POWERS)
    order = sorted(actions, key=lambda a: a.id)
    of_orders = {a.id for a in order if _on_orders(a)}
    beliefs = shrunken_beliefs([a for a in order if a.id not in of_orders])
    beliefs |= shrunken_beliefs([a for a in order if a.id in of_orders])
    doubt = {k: abs(error / points) if points else 0.0 for k, (points, error) in beliefs.items()}
    fits = {a.id: applies(people, a) for a in order}
    place = pd.Index(segments).get_indexer(people["segment"])
    count = {k: np.bincount(place[fit], minlength=len(segments)) for k, fit in fits.items()}
    speaks = weigh_needs(order, segments, needs, count)
    found = measured_responses(outcomes, people[["customer_id", "segment"]], POWERS)

    def response(name: str, weight: np.ndarray) -> np.ndarray:
        fit, solve = fits[name], _response_of_orders if name in of_orders else _response
        return solve(beliefs[name][0], people[fit], weight[place[fit]])

    alike = {a.id: response(a.id, np.ones(len(segments))) for a in order}
    last = {a.id: found[-1:] * len(POWERS) if a.id in of_orders else found for a in order}
    raw = {a.id: [m[m["campaign_id"].isin(a.measured_by)] for m in last[a.id]] for a in order}
    speaks = replace(speaks, probability=learnt_needs(speaks, segments, alike, doubt, raw, weights))
    by_segment = {a.id: speaks.mean(a.id) for a in order}
    own = {
        k: [with_weights(m, segments, by_segment[k]) for m in frames] for k, frames in raw.items()
    }
    prior = {a.id: response(a.id, by_segment[a.id]) for a in order}
    between = [_between(m, own, g) for g, m in enumerate(found)]
    posterior = {a.id: _posterior(a.id, prior, doubt, own, segments, between, speaks) for a in order}  # fmt: skip
    means = {name: np.array([p[0] for p in parts]) for name, parts in posterior.items()}
    covariances = {name: np.array([p[1] for p in parts]) for name, parts in posterior.items()}
    keeps = shrunken_beliefs(staying_of(order))
    stays = {k: keeps.get(k, (0.0, 0.0))[0] * w for k, w in by_segment.items()}
    parts = [
        _told(people, segments, weights, a, means[a.id], covariances[a.id], prior[a.id], doubt[a.id], own[a.id], by_segment[a.id])
        .assign(campaigns=own[a.id][0]["campaign_id"].nunique(), weight=by_segment[a.id], staying=stays[a.id])
        for a in order
    ]  # fmt: skip
    table = pd.concat(parts, ignore_index=True)[COLUMNS] if parts else pd.DataFrame(columns=COLUMNS)
    held = [optimism(prior, doubt, own, g)[0] for g in range(len(POWERS))]
    heard = any(len(v[0]) for v in own.values())
    named = {key for a in order for key in a.measured_by}
    return Effects(
        table, segments, weights, means, covariances, held=float(weights @ held) if heard else None, stays=stays,
        stays_error={k: abs(keeps[k][1] / keeps[k][0]) if keeps.get(k, (0.0,))[0] else 0.0 for k in stays},
        needs=speaks, unheard=tuple(sorted(named - set(found[0]["campaign_id"]))),
    )  # fmt: skip


def _between(found: pd.DataFrame, own: Mapping[str, Sequence[pd.DataFrame]], power: int) -> float:
    """Variance between segments beyond chance and need: campaigns that no action names are expected alike everywhere."""
    named = pd.concat([frames[power] for frames in own.values()]) if own else found.iloc[:0]
    named = named.drop_duplicates(["campaign_id", "segment"])
    rest = found[~found["campaign_id"].isin(named["campaign_id"])].assign(weight=1.0)
    return spread_between_segments(pd.concat([named, rest]))


def _posterior(
    name: str, prior: dict[str, np.ndarray], doubt: dict[str, float], own: dict[str, list[pd.DataFrame]],
    segments: Sequence[str], between: Sequence[float], needs: NeedWeights,
) -> list[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """Mean and covariance of an action's responses under each power."""
    made = []
    for g, rows in enumerate(own[name]):
        factor, error = optimism(prior, doubt, own, g, left_out=name)
        belief = float(prior[name][g])
        spread = abs(belief) * float(np.hypot(factor * doubt[name], error))
        apart = between[g] if len(rows) else 0.0
        made.append(combine(
            factor * belief, spread, rows, segments, apart, repeats(rows), needs.mean(name), needs.covariance(name)
        ))  # fmt: skip
    return made


def _told(
    people: pd.DataFrame, segments: Sequence[str], weights: np.ndarray, action: Any, mean: np.ndarray, covariance: np.ndarray,
    prior: np.ndarray, doubt: float, own: list[pd.DataFrame], need: np.ndarray,
) -> pd.DataFrame:  # fmt: skip
    """Per segment: responses as relative changes of its orders, averaged over the powers."""
    place = pd.Index(segments).get_indexer(people["segment"])
    n = len(segments)
    orders = np.bincount(place, people["expected_orders"].to_numpy(float), n)
    shapes = np.array([np.bincount(place, row, n) for row in _shapes(people, _powers(action))[0]])
    scale = shapes / np.maximum(orders, 1e-9)
    variance = np.diagonal(covariance, axis1=1, axis2=2).clip(0)
    effect, belief = weights @ (mean * scale), weights @ (prior[:, None] * need * scale)
    spread = weights @ (scale**2 * variance + (mean * scale - effect) ** 2)
    middle = len(POWERS) // 2
    figures = own[middle].assign(weight=lambda f: 1 / f["standard_error"] ** 2)
    figures = figures.assign(weighted=lambda f: f["weight"] * f["response"])
    sums = figures.groupby("segment")[["weight", "weighted", "customers"]].sum().reindex(segments)
    return pd.DataFrame({
        "action_id": action.id, "segment": list(segments), "effect": effect, "standard_error": np.sqrt(spread), "believed": belief,
        "believed_error": np.abs(belief) * doubt,
        "measured": scale[middle] * (sums["weighted"] / sums["weight"]).to_numpy(float),
        "measured_error": scale[middle] / np.sqrt(sums["weight"].to_numpy(float)),
        "customers": sums["customers"].fillna(0).astype(int).to_numpy(),
    })  # fmt: skip


def expected_margins(
    people: pd.DataFrame, actions: Sequence[Any], effects: Effects
) -> pd.DataFrame:
    """Return customers × actions: margin of the next 12 months that an action is expected to add (currency, before its cost).

    With k the response, g the power, a the probability of still being a customer when the contact comes, r the rate, m and v margin
    and revenue of an order, R the expected revenue of the next 12 months, d the discount and p the probability that an
    order is the last: k a r^g (m e^(-pr/2) - d v) - d R 30/365 + s M, s being the part of the expected margin M that comes because
    customers stay. The discount is given on all extra orders, and on those
    which would have come anyway in the 30 days after the contact. Who leaves with the extra order takes the orders of the rest of
    the year along, half a year's on average as contacts are spread over the year: a buy-till-you-die model (Schmittlein, Morrison &
    Colombo 1987; Fader, Hardie & Lee 2005) says so of any order.
    """
    index = pd.Index(people["customer_id"], name="customer_id")
    return pd.DataFrame({a.id: effects.margins(people, a) for a in actions}, index=index)
