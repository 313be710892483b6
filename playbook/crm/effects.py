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

TOGETHER = 0.5
"""How far the beliefs of a plan may be off together before campaigns speak (relative standard deviation)."""

LARGEST = 5.0
"""Largest response that a belief can stand for."""

SAMPLE = 20_000
"""Customers that a belief is translated on."""

COLUMNS = ["action_id", "segment", "effect", "standard_error", "believed", "believed_error", "measured", "measured_error",
           "customers", "campaigns"]  # fmt: skip

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
    held
        What campaigns measured as a share of what was believed of their actions, shrunken; none without campaigns.
    unheard
        Campaigns named by actions of which nothing with a random control is known.
    """

    table: pd.DataFrame
    segments: tuple[str, ...]
    weights: np.ndarray
    mean: dict[str, np.ndarray]
    covariance: dict[str, np.ndarray]
    held: float | None
    unheard: tuple[str, ...] = ()

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
    """Powers × customers: margin at response one, less the discount on the extra orders and the orders lost to leaving."""
    orders = np.maximum(people["expected_orders"].to_numpy(float), 1e-9)
    margin = people["expected_margin"].to_numpy(float).clip(0) / orders
    revenue = people["expected_revenue"].to_numpy(float).clip(0) / orders
    shapes, rate = _shapes(people)
    lost = np.minimum(people["leaves"].to_numpy(float) * rate / 2, 1.0)
    return np.asarray(shapes * (margin * (1 - lost) - discount * revenue))


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


def _optimism(
    prior: dict[str, np.ndarray], doubt: dict[str, float], own: dict[str, list[pd.DataFrame]], power: int, left_out: str = ""
) -> tuple[float, float]:  # fmt: skip
    """Return by what beliefs of the plan are to be multiplied, and its standard error, from campaigns of the other actions.

    Plans are optimistic together (Kahneman & Tversky 1979), which the class of measured campaigns tells (reference class
    forecasting, Flyvbjerg 2008): what they measured is regressed through the origin on what was believed, with a
    normal prior around one. Never below zero; one, without error, where no campaign tells.
    """
    precision, total, heard = 1 / TOGETHER**2, 1 / TOGETHER**2, False
    for name, measured in own.items():
        rows, believed = measured[power], float(prior[name][power])
        if name == left_out or rows.empty or believed == 0:
            continue
        weight = 1 / rows["standard_error"].to_numpy(float) ** 2
        seen = float((weight * rows["response"].to_numpy(float)).sum() / weight.sum())
        share = 1 / (1 / weight.sum() + (doubt[name] * believed) ** 2)
        precision += share * believed**2
        total += share * believed * seen
        heard = True
    return (max(total / precision, 0.0), precision**-0.5) if heard else (1.0, 0.0)


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
    Beliefs are scaled by how the other actions' campaigns turned out (`_optimism`) before an action's own campaigns count.
    """
    segments = tuple(sorted(people["segment"].unique()))
    weights = power_weights(outcomes, POWERS)
    found = measured_responses(outcomes, people[["customer_id", "segment"]], POWERS)
    order = sorted(actions, key=lambda a: a.id)
    beliefs = shrunken_beliefs(order)
    doubt = {k: abs(error / points) if points else 0.0 for k, (points, error) in beliefs.items()}
    prior = {a.id: _response(beliefs[a.id][0], people[applies(people, a)]) for a in order}
    own = {a.id: [m[m["campaign_id"].isin(a.measured_by)] for m in found] for a in order}
    between = [spread_between_segments(m) for m in found]
    posterior = {a.id: _posterior(a.id, prior, doubt, own, segments, between) for a in order}
    means = {name: np.array([p[0] for p in parts]) for name, parts in posterior.items()}
    covariances = {name: np.array([p[1] for p in parts]) for name, parts in posterior.items()}
    parts = [
        _told(people, segments, weights, means[k], covariances[k], prior[k], doubt[k], own[k])
        .assign(action_id=k, campaigns=own[k][0]["campaign_id"].nunique())
        for k in means
    ]  # fmt: skip
    table = pd.concat(parts, ignore_index=True)[COLUMNS] if parts else pd.DataFrame(columns=COLUMNS)
    held = [_optimism(prior, doubt, own, g)[0] for g in range(len(POWERS))]
    heard = any(len(v[0]) for v in own.values())
    named = {key for a in order for key in a.measured_by}
    return Effects(
        table, segments, weights, means, covariances, held=float(weights @ held) if heard else None,
        unheard=tuple(sorted(named - set(found[0]["campaign_id"]))),
    )  # fmt: skip


def _posterior(
    name: str, prior: dict[str, np.ndarray], doubt: dict[str, float], own: dict[str, list[pd.DataFrame]],
    segments: Sequence[str], between: Sequence[float],
) -> list[tuple[np.ndarray, np.ndarray]]:  # fmt: skip
    """Mean and covariance of an action's responses under each power."""
    made = []
    for g, rows in enumerate(own[name]):
        factor, error = _optimism(prior, doubt, own, g, left_out=name)
        belief = float(prior[name][g])
        spread = abs(belief) * float(np.hypot(factor * doubt[name], error))
        apart = between[g] if len(rows) else 0.0
        made.append(combine(factor * belief, spread, rows, segments, apart, _repeats(rows)))
    return made


def _repeats(measured: pd.DataFrame) -> float:
    """Variance between campaigns of one kind, from the segments they share."""
    if measured["campaign_id"].nunique() < 2:
        return 0.0
    return spread_between_segments(measured.rename(columns={"campaign_id": "segment", "segment": "campaign_id"}))  # fmt: skip


def _told(
    people: pd.DataFrame, segments: Sequence[str], weights: np.ndarray, mean: np.ndarray, covariance: np.ndarray,
    prior: np.ndarray, doubt: float, own: list[pd.DataFrame],
) -> pd.DataFrame:  # fmt: skip
    """Per segment: responses as relative changes of its orders, averaged over the powers."""
    place = pd.Index(segments).get_indexer(people["segment"])
    n = len(segments)
    orders = np.bincount(place, people["expected_orders"].to_numpy(float), n)
    shapes = np.array([np.bincount(place, row, n) for row in _shapes(people)[0]])
    scale = shapes / np.maximum(orders, 1e-9)
    variance = np.diagonal(covariance, axis1=1, axis2=2).clip(0)
    effect, belief = weights @ (mean * scale), weights @ (prior[:, None] * scale)
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
    order, R the expected revenue of the next 12 months, d the discount and p the probability that an order is the last:
    k a r^g (m (1 - p r/2) - d v) - d R 30/365. The discount is given on all extra orders, and on those which would
    have come anyway in the 30 days after the contact. Who leaves after the extra order takes the orders of the rest of the year
    along, half a year's on average as contacts are spread over the year: a buy-till-you-die model says so of any order.
    """
    index = pd.Index(people["customer_id"], name="customer_id")
    return pd.DataFrame({a.id: effects.margins(people, a) for a in actions}, index=index)
