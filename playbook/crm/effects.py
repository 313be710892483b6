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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from playbook.crm.beliefs import shrunken_beliefs
from playbook.crm.measured import measured_responses, power_weights, spread_between_segments

__all__ = ["OFFER_DAYS", "POWERS", "Effects", "applies", "combine", "expected_effects", "expected_margins"]  # fmt: skip

YEAR = 365.0
OFFER_DAYS = 30
"""Days after the contact in which an order gets the action's discount."""

POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Extra orders go with this power of a customer's rate: 0 the same for all, 1 in proportion."""

LARGEST = 5.0
"""Largest response that a belief can stand for."""

SAMPLE = 20_000
"""Customers that a belief is translated on."""

STATES = {"active": "active", "at risk": "at_risk", "lapsed": "lapsed", "detractors": "detractor", "promoters": "promoter"}  # fmt: skip
"""Column of `candidates` that says to whom an action applies."""


@dataclass(frozen=True)
class Effects:
    """Expected response to each action in each segment.

    Attributes
    ----------
    table
        Per action_id × segment: effect, standard_error (relative change of the segment's orders in 12 months, 0.03 is three
        in a hundred); believed, believed_error (the shrunken belief alone); measured, measured_error (campaigns alone,
        before shrinkage), customers measured, campaigns.
    segments
        In the order of the arrays.
    weights
        Probability of each of `POWERS`.
    mean, covariance
        Responses by action_id: powers × segments, powers × segments × segments.
    """

    table: pd.DataFrame
    segments: tuple[str, ...]
    weights: np.ndarray
    mean: dict[str, np.ndarray]
    covariance: dict[str, np.ndarray]

    def margins(self, people: pd.DataFrame, action: Any) -> np.ndarray:
        """Return the margin (currency, before its cost) that an action is expected to add to each customer."""
        place = pd.Index(self.segments).get_indexer(people["segment"])
        each = _per_response(people, float(action.discount))
        response = self.mean[action.id][:, place]
        return np.asarray(self.weights @ (each * response)) - _given_away(people, action)

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
        each = _per_response(people, float(action.discount))
        sums = np.array([np.bincount(place, row, len(self.segments)) for row in each])
        given = np.bincount(place, _given_away(people, action), len(self.segments))
        return pd.DataFrame(response * sums[power] - given, columns=list(self.segments))


def applies(people: pd.DataFrame, action: Any) -> np.ndarray:
    """Return which customers are in the state that an action is for."""
    flag = STATES.get(action.applies_to)
    return people[flag].to_numpy(bool) if flag else np.ones(len(people), bool)


def _shapes(people: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Powers × customers: extra orders at response one; and the rate of those still customers."""
    alive = people["alive"].to_numpy(float)
    rate = people["expected_orders"].to_numpy(float).clip(0) / np.maximum(alive, 0.01)
    return np.array([alive * rate**power for power in POWERS]), rate


def _per_response(people: pd.DataFrame, discount: float) -> np.ndarray:
    """Powers × customers: margin at response one, the discount on the extra orders taken off."""
    orders = np.maximum(people["expected_orders"].to_numpy(float), 1e-9)
    margin = people["expected_margin"].to_numpy(float).clip(0) / orders
    revenue = people["expected_revenue"].to_numpy(float).clip(0) / orders
    return np.asarray(_shapes(people)[0] * (margin - discount * revenue))


def _given_away(people: pd.DataFrame, action: Any) -> np.ndarray:
    """Discount on the orders that would have come anyway in the days it counts."""
    revenue = people["expected_revenue"].to_numpy(float).clip(0)
    return np.asarray(float(action.discount) * revenue * OFFER_DAYS / YEAR)


def _response(points: float, people: pd.DataFrame) -> np.ndarray:
    """Return the response under each power that moves the share with an order by ``points``.

    A customer still alive with probability a buys at rate r, so that e^-r of those alive buy nothing; k r^power extra
    orders move the share by mean a e^-r (1 - exp(-k r^power)), which is solved for k.
    """
    some = people.iloc[:: max(len(people) // SAMPLE, 1)]
    shapes, rate = _shapes(some)
    alive = some["alive"].to_numpy(float)
    none = alive * np.exp(-rate)
    found = np.zeros(len(POWERS))
    for g, shape in enumerate(shapes):
        each = shape / np.maximum(alive, 1e-9)

        def miss(k: float, each: np.ndarray = each) -> float:
            return float((none * -np.expm1(-k * each)).mean()) - points

        if points and len(some) and (none * each).any():
            low, high = (0.0, LARGEST) if points > 0 else (-LARGEST, 0.0)
            beyond = miss(high) <= 0 if points > 0 else miss(low) >= 0
            found[g] = (
                np.copysign(LARGEST, points) if beyond else brentq(miss, low, high, xtol=1e-9)
            )
    return found


def combine(
    belief: float, belief_error: float, measured: pd.DataFrame, segments: Sequence[str], between: float, campaigns: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return mean and covariance of an action's responses by segment, given belief and measurements.

    Parameters
    ----------
    belief, belief_error
        Mean and standard deviation of the response over all segments before anything was measured.
    measured
        campaign_id, segment, response, standard_error of campaigns of the action's kind.
    segments
        Wanted, in this order.
    between, campaigns
        Variance of the responses between segments, and between campaigns of one kind.

    Notes
    -----
    Normal hierarchical model: response of segment s θ_s = μ + δ_s with μ ~ N(belief, belief_error²), δ_s ~ N(0, between);
    a measured figure is θ_s + u_c + e with its standard error, u_c ~ N(0, campaigns). The answer is its posterior in closed
    form. A segment nobody measured gets μ (Efron & Morris 1975; Gelman & Hill 2007, chapter 12).
    """
    names = list(segments)
    mean = np.full(len(names), belief)
    covariance = np.full((len(names), len(names)), belief_error**2) + between * np.eye(len(names))
    rows = measured[measured["segment"].isin(names)].sort_values(["campaign_id", "segment"])
    if rows.empty:
        return mean, covariance
    pick = (rows["segment"].to_numpy()[:, None] == np.array(names)[None, :]).astype(float)
    campaign = rows["campaign_id"].to_numpy()
    noise = np.diag(rows["standard_error"].to_numpy(float) ** 2)
    noise += campaigns * (campaign[:, None] == campaign[None, :])
    gain = np.linalg.solve(pick @ covariance @ pick.T + noise, pick @ covariance).T
    mean = mean + gain @ (rows["response"].to_numpy(float) - pick @ mean)
    left = covariance - gain @ pick @ covariance
    return mean, (left + left.T) / 2


def expected_effects(
    people: pd.DataFrame, actions: Sequence[Any], outcomes: pd.DataFrame | None = None
) -> Effects:
    """Return the expected response to each action in each segment.

    Parameters
    ----------
    people
        From `candidates`: customer_id, segment, alive, expected_orders, and the states that actions apply to.
    actions
        ``plan.actions``: believed effect with range, applies_to, measured_by.
    outcomes
        Query ``campaign_outcomes``; without it, or without a measured campaign, beliefs only.

    Notes
    -----
    A belief speaks of the share that buys at all, which says nothing of those who buy often. Two assumptions are usual:
    a contact brings everybody the same number of orders, or more orders in proportion (a homogeneous rate difference or
    rate ratio; Rothman, Greenland & Lash 2008, chapter 4). Neither is known, so extra orders go with a power of the rate between 0
    and 1, and results are averaged over `POWERS` (Hoeting et al. 1999), equally likely until campaigns speak (`power_weights`).
    """
    segments = tuple(sorted(people["segment"].unique()))
    beliefs = shrunken_beliefs(actions)
    found = measured_responses(outcomes, people[["customer_id", "segment"]], POWERS)
    weights = power_weights(outcomes, POWERS)
    between = [spread_between_segments(m) for m in found]
    parts, means, covariances = [], {}, {}
    for action in sorted(actions, key=lambda a: a.id):
        points, error = beliefs[action.id]
        prior = _response(points, people[applies(people, action)])
        own = [m[m["campaign_id"].isin(action.measured_by)] for m in found]
        posterior = [
            combine(k, abs(k / points) * error if points else 0.0, m, segments, b if len(m) else 0.0, _repeats(m))
            for k, m, b in zip(prior, own, between, strict=True)
        ]  # fmt: skip
        means[action.id] = np.array([p[0] for p in posterior])
        covariances[action.id] = np.array([p[1] for p in posterior])
        believed = np.repeat(prior[:, None], len(segments), axis=1)
        doubt = abs(error / points) if points else 0.0
        parts.append(
            _told(people, segments, weights, means[action.id], covariances[action.id], believed, doubt, own)
            .assign(action_id=action.id, campaigns=own[0]["campaign_id"].nunique())
        )  # fmt: skip
    columns = ["action_id", "segment", "effect", "standard_error", "believed", "believed_error", "measured",
               "measured_error", "customers", "campaigns"]  # fmt: skip
    table = pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)
    return Effects(table, segments, weights, means, covariances)


def _repeats(measured: pd.DataFrame) -> float:
    """Variance between campaigns of one kind, from the segments they share."""
    if measured["campaign_id"].nunique() < 2:
        return 0.0
    return spread_between_segments(measured.rename(columns={"campaign_id": "segment", "segment": "campaign_id"}))  # fmt: skip


def _told(
    people: pd.DataFrame, segments: Sequence[str], weights: np.ndarray, mean: np.ndarray, covariance: np.ndarray,
    believed: np.ndarray, doubt: float, own: list[pd.DataFrame],
) -> pd.DataFrame:  # fmt: skip
    """Per segment: responses as relative changes of its orders, averaged over the powers."""
    place = pd.Index(segments).get_indexer(people["segment"])
    n = len(segments)
    orders = np.bincount(place, people["expected_orders"].to_numpy(float), n)
    shapes = np.array([np.bincount(place, row, n) for row in _shapes(people)[0]])
    scale = shapes / np.maximum(orders, 1e-9)
    variance = np.diagonal(covariance, axis1=1, axis2=2).clip(0)
    effect, belief = weights @ (mean * scale), weights @ (believed * scale)
    spread = weights @ (scale**2 * variance + (mean * scale - effect) ** 2)
    middle = len(POWERS) // 2
    figures = own[middle].assign(weight=lambda f: 1 / f["standard_error"] ** 2)
    figures = figures.assign(weighted=lambda f: f["weight"] * f["response"])
    sums = figures.groupby("segment")[["weight", "weighted", "customers"]].sum().reindex(segments)
    return pd.DataFrame({
        "segment": list(segments), "effect": effect, "standard_error": np.sqrt(spread), "believed": belief,
        "believed_error": np.abs(belief) * doubt,
        "measured": scale[middle] * (sums["weighted"] / sums["weight"]).to_numpy(float),
        "measured_error": scale[middle] / np.sqrt(sums["weight"].to_numpy(float)),
        "customers": sums["customers"].fillna(0).astype(int).to_numpy(),
    })  # fmt: skip


def expected_margins(
    people: pd.DataFrame, actions: Sequence[Any], effects: Effects
) -> pd.DataFrame:
    """Return customers × actions: margin of the next 12 months that an action is expected to add (currency, before its cost).

    With k the response, g the power, a and r a customer's probability of still being one and rate, m and v margin and revenue of an
    order, R the expected revenue of the next 12 months and d the discount: k a r^g (m - d v) - d R 30/365. The
    discount is given on all extra orders, and on those which would have come anyway in the 30 days after the contact.
    """
    index = pd.Index(people["customer_id"], name="customer_id")
    return pd.DataFrame({a.id: effects.margins(people, a) for a in actions}, index=index)
