"""Designs of the loyalty programme, simulated on the client's own members: cost, liability, break-even, tiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.crm.loyalty import ASK, _ready, uses_offers
from playbook.errors import NotEnough

__all__ = ["compare_designs"]

DRAWS = 1000
BLOCKS = 1000  # members are resampled in so many random blocks at most
GROUPS = 4  # members by how much they ever earned: breakage differs between them
Z95 = 1.959964
TOGETHER = (
    0.5  # correlation of the errors of two beliefs of one plan: the same people, not the same guess
)
CARRIED = 0.5  # how far the share of belief that holds for contacts may be off for the programme (standard deviation)
PRESENT = "as it is"
DIFFERENCES = [
    "issued", "believed_lift", "against_present", "difference_low", "difference_high", "chance_better",
]  # fmt: skip
VARIANTS: tuple[tuple[str, float, float, float], ...] = (
    ("half the points", 0.5, 1.0, 1.0),
    ("half as many points again", 1.5, 1.0, 1.0),
    ("double points in the top tier", 1.0, 2.0, 1.0),
    ("thresholds a quarter lower", 1.0, 1.0, 0.75),
    ("thresholds a quarter higher", 1.0, 1.0, 1.25),
)
"""Name, factor on points, further factor on points of the highest tier, factor on thresholds."""


@dataclass(frozen=True)
class _Rules:
    """One design: what a point is worth, tiers from the lowest, and the lift believed (none: scaled)."""

    name: str
    point_value: float
    names: list[str]
    thresholds: np.ndarray
    rates: np.ndarray
    offers: np.ndarray
    belief: tuple[float, float, float] | None

    @classmethod
    def of(cls, name: str, programme: Any) -> _Rules:
        tiers = sorted(programme.tiers, key=lambda tier: tier.from_revenue)
        lift = programme.believed_lift
        return cls(
            name, float(programme.point_value), [t.name for t in tiers],
            np.array([float(t.from_revenue) for t in tiers]), np.array([float(t.points_per_unit) for t in tiers]),
            np.array([float(t.offer_cost) for t in tiers]),
            None if lift is None else (lift, programme.believed_lift_low, programme.believed_lift_high),
        )  # fmt: skip

    def varied(self, name: str, points: float, top: float, thresholds: float) -> _Rules:
        rates = self.rates * points
        rates[-1] *= top
        return _Rules(
            name,
            self.point_value,
            self.names,
            self.thresholds * thresholds,
            rates,
            self.offers,
            None,
        )

    def place(self, revenue: np.ndarray) -> np.ndarray:
        """Number of each member's tier by yearly revenue."""
        return np.maximum(np.searchsorted(self.thresholds, revenue, side="right") - 1, 0)


def _designs(programme: Any) -> list[_Rules]:
    """The present rules, then the plan's designs, or the stated variants of the present rules."""
    present = _Rules.of(PRESENT, programme)
    if programme.designs:
        return [present, *(_Rules.of(d.name, d) for d in programme.designs)]
    some = [v for v in VARIANTS if len(present.names) > 1 or (v[2] == 1 and v[3] == 1)]
    return [present, *(present.varied(*v) for v in some)]


def _by_earning(worth: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.searchsorted(edges, worth, side="right")


def _breakage_groups(members: pd.DataFrame, point_value: float) -> np.ndarray:
    """Edges of the worth of all points a member ever earned, by which members differ in breakage."""
    worth = members["earned"].to_numpy(float) * point_value
    if not (worth > 0).any():
        return np.empty(0)
    return np.unique(np.quantile(worth[worth > 0], np.arange(1, GROUPS) / GROUPS))


def _ratio(top: np.ndarray, below: np.ndarray, otherwise: float) -> np.ndarray:
    """Quotients, and ``otherwise`` where there is nothing to divide by."""
    return np.where(below > 0, top / np.where(below > 0, below, 1.0), otherwise)


def _sums(block: np.ndarray, values: Sequence[np.ndarray]) -> np.ndarray:
    """Sums of each array (rows) by block (columns)."""
    return np.array([np.bincount(block, v, block.max() + 1) for v in values])


@dataclass(frozen=True)
class _Drawn:
    """What resampled members and beliefs make of one design; arrays over draws, the first the plain estimate."""

    issued: np.ndarray
    breakage: np.ndarray
    cost: np.ndarray
    liability: np.ndarray
    needed: np.ndarray
    lift: np.ndarray
    net: np.ndarray


class _Simulation:
    """Members, resampled in blocks, under any design; all designs meet the same draws."""

    def __init__(
        self, members: pd.DataFrame, present: _Rules, seed: int, held: float | None
    ) -> None:
        rng = np.random.default_rng(seed)
        self.present = present
        self.uses = uses_offers(members).to_numpy(float)
        self.before = members["revenue_year_before"].to_numpy(float)
        self.revenue = members["revenue_12m"].to_numpy(float).clip(0)
        self.earned = members["earned"].to_numpy(float) * present.point_value
        self.usual = present.rates[present.place(self.before)] * present.point_value
        self.block = rng.permutation(len(members)) % min(len(members), BLOCKS)
        blocks = int(self.block.max()) + 1
        drawn = rng.multinomial(blocks, np.full(blocks, 1 / blocks), DRAWS)
        self.weights = np.vstack([np.ones(blocks), drawn])
        self.rng, self.noise = rng, np.append(0.0, rng.standard_normal(DRAWS))
        self.response = np.append(0.5, rng.uniform(0, 1, DRAWS))
        middle, spread = (1.0, 0.0) if held is None else (held, CARRIED)
        self.held = np.append(middle, (middle + spread * rng.standard_normal(DRAWS)).clip(0.0))
        self.margin = self._drawn([members["margin_12m"].to_numpy(float)])[0]
        owed, earned = self._drawn(
            [members[c].clip(lower=0).to_numpy(float) for c in ("balance", "earned_12m")]
        )
        self.holding = _ratio(owed, earned, 0.0)
        self._set_breakage(members)
        _, redeemed, offers = self._costs(present)
        self.given = redeemed + offers

    def _drawn(self, values: Sequence[np.ndarray]) -> np.ndarray:
        return _sums(self.block, values) @ self.weights.T

    def _set_breakage(self, members: pd.DataFrame) -> None:
        """Breakage by group (rows) and draw, so that the present rules lose what the client's points did."""
        self.edges = _breakage_groups(members, self.present.point_value)
        self.groups = len(self.edges) + 1
        lost, spent = (members[c].to_numpy(float) for c in ("expired", "redeemed"))
        group = _by_earning(self.earned, self.edges)
        parts = [(group == g).astype(float) for g in range(self.groups)]
        top = self._drawn([p * lost for p in parts])
        below = self._drawn([p * (lost + spent) for p in parts])
        whole = _ratio(top.sum(axis=0), below.sum(axis=0), 0.0)
        self.broken = np.where(below > 0, _ratio(top, below, 0.0), whole)
        issued, redeemed, _ = self._costs(self.present)
        mean = 1 - _ratio(redeemed, issued, 1.0)
        self.broken = np.minimum(self.broken * _ratio(whole, mean, 1.0), 1.0)

    def _costs(self, rules: _Rules) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Worth of points issued, of those that will be redeemed, and cost of offers, at this year's revenue."""
        tier = rules.place(self.before)
        rate = rules.rates[tier] * rules.point_value
        group = _by_earning(self.earned * _ratio(rate, self.usual, 1.0), self.edges)
        worth = self.revenue * rate
        by_group = self._drawn([worth * (group == g) for g in range(self.groups)])
        redeemed = (by_group * (1 - self.broken)).sum(axis=0)
        return by_group.sum(axis=0), redeemed, self._drawn([self.uses * rules.offers[tier]])[0]

    def run(self, rules: _Rules) -> _Drawn:
        """Let the members live a year under the rules."""
        issued, redeemed, offers = self._costs(rules)
        now = self._lift(self.present, 1.0)
        lift = self._lift(rules, _ratio(redeemed + offers, self.given, 1.0))
        scale = (1 + lift) / (1 + now)
        cost = scale * redeemed + offers
        return _Drawn(
            scale * issued, 1 - _ratio(redeemed, issued, 1.0), cost, scale * redeemed * self.holding,
            _ratio(cost, self.margin - cost, np.nan), lift, self.margin / (1 + now) * lift - cost,
        )  # fmt: skip

    def _error(self, rules: _Rules) -> np.ndarray:
        """Draws of the error of a belief: the present rules' one, of which a design's own belief shares a part."""
        if rules.belief is None or rules is self.present:
            return self.noise
        own = np.append(0.0, self.rng.standard_normal(DRAWS))
        mixed: np.ndarray = TOGETHER * self.noise + (1 - TOGETHER**2) ** 0.5 * own
        return mixed

    def _lift(self, rules: _Rules, more: np.ndarray | float) -> np.ndarray:
        """Believed lift: the design's own, else the programme's times generosity to the power of the response.

        All are multiplied by what beliefs of this client came to where campaigns measured them.
        """
        belief = rules.belief or self.present.belief
        assert belief is not None
        mean, low, high = belief
        drawn = self.held * (mean + self._error(rules) * (high - low) / (2 * Z95))
        factor = 1.0 if rules.belief else np.power(more, self.response)
        return np.maximum(drawn * factor, -0.9)


@answers
def compare_designs(
    members: pd.DataFrame, programme: Any, seed: int, held: float | None = None
) -> Answer:
    """Return what each design of the programme would have cost, owed and brought with this year's members.

    Parameters
    ----------
    members
        Query ``loyalty_members``.
    programme
        ``plan.loyalty_programme`` with ``designs`` to compare; without any, the stated variants of its rules:
        half the points or half as many again, double points in the top tier, thresholds a quarter lower or higher.
    seed
        Of the draws.
    held
        What campaigns with a random control brought as a share of what was believed of them (`Effects.held`). Nobody has
        measured the programme, so its beliefs are taken to hold as far as those that were measured did (reference class
        forecasting, Flyvbjerg 2008), but never for more than they say. None: no campaign tells, and beliefs stand as they are.

    Returns
    -------
    Answer
        Table design, breakage, cost, liability (at year end), needed_lift (to break even), net, low, high (95 %), rise, fall
        (members whose tier would be another). Extra ``recommended``; ``expected_best`` (the design with the highest net,
        the present one at a tie: best for who must decide without a trial); ``differences``: design, issued,
        believed_lift, against_present, difference_low, difference_high, chance_better (than the present one).

    Notes
    -----
    Status of the year before sets what a member earns; this year's revenue sets the next status. Offers cost for members who bought. Breakage of the
    present rules is that of all points that left an account; between designs it moves as it differs between members who
    earned little and much, so a richer design loses fewer points unused. Liability keeps
    the present relation of points held to points earned in a year. The programme's believed lift L is scaled to
    a design without a belief of its own as L·g^e, g = how generous it is against the present rules, e between 0
    (generosity does not matter) and 1. Intervals span members (bootstrap in blocks), L, e and, as contacts
    are no programme, the share of belief that holds (± one half, never below none); designs are paired. Errors
    of a design's own belief and the programme's are correlated by one half.
    """
    members = _ready(members, programme)
    if not programme.tiers:
        raise NotEnough("the programme has no tiers, so nothing says how points are earned", ASK)
    margin = members["margin_12m"].astype(float)
    need(
        margin.dropna().to_frame(),
        "members with a known margin",
        "the cost of goods of each order line",
        rows=30,
    )
    members = members.assign(margin_12m=margin.fillna(0.0))
    held = None if held is None else min(held, 1.0)
    designs = _designs(programme)
    world = _Simulation(members, designs[0], seed, held)
    drawn = {rules.name: world.run(rules) for rules in designs}
    table = pd.DataFrame(
        [_row(rules, drawn) | _moves(rules, designs[0], world.revenue) for rules in designs]
    )
    best, sure = _recommended(table)
    return Answer(
        table=table.drop(columns=DIFFERENCES),
        headline=_headline(best, sure),
        so_what=_advice(table, best, sure, bool(programme.designs)) + _record(held) + _free_offers(programme),
        kind="prescriptive",
        caption=f"A year of {len(members):,} members under each design (believed lift; 95 % over members, belief and response to generosity)",
        units={"breakage": "%", "cost": "currency", "liability": "currency", "needed_lift": "%", "net": "currency", "low": "currency",
               "high": "currency", "rise": "count", "fall": "count"},
        source="loyalty_events, orders, plan; members resampled",
        metrics=(
            Metric("loyalty_best_design_gain", float(best.against_present), float(best.difference_low), float(best.difference_high), len(members), "currency", "prescriptive"),
        ),
        extra={
            "recommended": best.design if sure else PRESENT, "expected_best": best.design,
            "differences": table[["design", *DIFFERENCES]],
        },
    )  # fmt: skip


def _row(rules: _Rules, drawn: dict[str, _Drawn]) -> dict[str, Any]:
    found, present = drawn[rules.name], drawn[PRESENT]
    low, high = np.quantile(found.net, [0.025, 0.975])
    gain = found.net - present.net
    below, above = np.quantile(gain, [0.025, 0.975])
    return {
        "design": rules.name, "issued": found.issued[0], "breakage": found.breakage[0], "cost": found.cost[0],
        "liability": found.liability[0], "needed_lift": found.needed[0], "believed_lift": found.lift[0], "net": found.net[0],
        "low": low, "high": high, "against_present": gain[0], "difference_low": below, "difference_high": above,
        "chance_better": float((gain[1:] > 0).mean()),
    }  # fmt: skip


def _moves(rules: _Rules, present: _Rules, revenue: np.ndarray) -> dict[str, int]:
    """Members whom this year's revenue gives a higher or lower tier (counted from the lowest) than the present rules."""
    step = rules.place(revenue) - present.place(revenue)
    return {"rise": int((step > 0).sum()), "fall": int((step < 0).sum())}


def _recommended(table: pd.DataFrame) -> tuple[Any, bool]:
    """The design with the highest net return, and whether it is surely better than the present one."""
    best = table.loc[table["net"].idxmax()]
    return best, bool(best["design"] != PRESENT and best["difference_low"] > 0)


def _record(held: float | None) -> str:
    """Remark on how far the client's beliefs held where they were measured."""
    if held is None:
        return ""
    return f" Beliefs about the programme count for {format_value(held, '%')}: that is what campaigns with a random control brought of what was believed of them."


def _free_offers(programme: Any) -> str:
    """Remark on tiers whose offers are promised without a cost."""
    free = [tier.name for tier in programme.tiers if tier.offer and not tier.offer_cost]
    if not free:
        return ""
    return f" The offers of {' and '.join(free)} count as free: give their `offer_cost` in the plan, or thresholds seem to cost nothing."


def _headline(best: Any, sure: bool) -> str:
    if sure:
        return f"'{best.design}' would bring {format_value(best.against_present, 'currency')} more a year than the present rules"
    if best.design == PRESENT:
        return "No design is expected to bring more than the present rules"
    return f"'{best.design}' may bring {format_value(best.against_present, 'currency')} more a year, but that is not sure"


def _advice(table: pd.DataFrame, best: Any, sure: bool, own: bool) -> str:
    present = table.iloc[0]
    said = f"{format_value(best.difference_low, 'currency')} to {format_value(best.difference_high, 'currency')}"
    if sure:
        first = f"Change to it ({said}) for a random half of new members first: {int(best.rise):,} members would rise and {int(best.fall):,} fall a tier. "
    elif best.design == PRESENT:
        first = "Keep the rules. "
    else:
        first = (
            f"Its gain lies between {said} and is above zero with a chance of {format_value(best.chance_better, '%')}: keep the rules, "
            "and try it on a random part of new members before changing them for all. "
        )
    even = (
        f"The present rules break even at a lift of {format_value(present.needed_lift, '%')}, '{best.design}' at {format_value(best.needed_lift, '%')}; "
        if best.design != PRESENT and present.needed_lift == present.needed_lift else
        f"The present rules break even at a lift of {format_value(present.needed_lift, '%')}; " if present.needed_lift == present.needed_lift else ""
    )  # fmt: skip
    return (
        f"{first}{even}{format_value(best.liability, 'currency')} would be owed at year end. "
        + ("" if own else "The plan names no designs, so stated variants of its rules were compared; the lift is a belief, scaled by how generous each is.")
    ).rstrip()  # fmt: skip
