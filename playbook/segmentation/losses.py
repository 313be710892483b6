"""Who will cost more than they bring next year: those who will not buy, and will be written to all the same.

The probability of a loss is taken apart as its causes are::

    P(loss) = P(no order) P(loss | no order) + P(order) P(loss | order)

P(no order) is that of the purchase model, set right by signs of life (`playbook.segmentation.signs`). What a silent customer
costs is decided by the client, who may write only to those who consented: P(loss | ...) is learned from the last year by
consent, by cost of contact the year before, and by whether the customer ever bought. Each part is learned on the last year
from what was known a year ago, and judged on customers it had not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm
from threadpoolctl import threadpool_limits

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.engagement.model import Costs
from playbook.errors import NotEnough
from playbook.segmentation.logit import FOLDS, Logit, folds_of
from playbook.segmentation.money import add_contribution
from playbook.segmentation.purchase_models import comparable, fit_models
from playbook.segmentation.signs import contact_signs

__all__ = ["foresee_losses"]

PRECISION = 0.80
SURE = 0.84
"""The precision on unseen customers must be at least ``PRECISION`` with this probability (less one standard error)."""
LEAST, LEAST_EACH, LEAST_NAMED = 200, 30, 20
WEEKS = 365 / 7
CONSENTS = ("consent_email", "consent_sms", "consent_phone")
"""What the client may write or call by, at a cost."""


@answers
def foresee_losses(
    years: pd.DataFrame,
    costs: Costs,
    seed: int,
    precision: float = PRECISION,
    *,
    histories: tuple[pd.DataFrame, pd.DataFrame] | None = None,
    permissions: pd.DataFrame | None = None,
) -> Answer:
    """Return the customers who will probably cost more than they bring in the next 12 months.

    So many are named that ``precision`` of those named did cost more in the last year, told from what was known
    before it, on customers the parts were not learned on; one standard error is taken off that share.

    Parameters
    ----------
    years
        Query ``contribution_years``.
    costs
        Unit costs of the engagement.
    seed
        Seed of the folds.
    precision
        Share of those named who must have cost more than they brought.
    histories
        Query ``purchase_histories`` with ``until`` a year before the end, and with the end. Without them last year's
        orders stand in for the purchase model, which names fewer.
    permissions
        Query ``contact_flags``. Without it, nothing is known of consents.

    Returns
    -------
    Answer
        One row per tenth of customers by foreseen probability; extra ``losers`` (``customer_id``, ``probability``, money of
        the last year). The baseline names everyone who lost money the year before.
    """
    need(years, "customers with orders or contacts", "orders and contacts with a customer number", rows=LEAST)  # fmt: skip
    money = _by_year(years, costs)
    if 0 not in money or 1 not in money or not _whole(years, 1):
        raise NotEnough("the record has no two whole years", "orders and contacts of two years or more")  # fmt: skip
    earlier, later = (None, None) if histories is None else histories
    then, now = _known(money, 1, earlier, permissions), _known(money, 0, later, permissions)
    came = _Outcome.of(money[0].reindex(then.silence.index))
    _enough(came)
    tried = np.zeros(len(came.lost))
    fold = folds_of(then.silence.index, seed)
    with threadpool_limits(1):
        for number in range(FOLDS):
            out = fold == number
            tried[out] = _Parts.learn(then.of_rows(~out), came.of_rows(~out)).chance(
                then.of_rows(out)
            )
        chance = _Parts.learn(then, came).chance(now)
    return _answer(now, chance, _Tried(tried, came.lost, then.contribution.to_numpy() < 0), money[0], precision)  # fmt: skip


def _answer(
    now: _Known, chance: np.ndarray, tried: _Tried, money: pd.DataFrame, precision: float
) -> Answer:
    line, right, found = _threshold(tried.chance, tried.lost, precision)
    ids = now.silence.index
    last = money[["revenue", "contribution"]].reindex(ids).fillna(0.0)
    named = last.assign(probability=np.round(chance, 6)).rename_axis("customer_id").reset_index()
    named = named[chance >= line].sort_values(["probability", "customer_id"], ascending=[False, True])  # fmt: skip
    base = _Base.of(tried)
    return Answer(
        table=_groups(tried.chance, tried.lost),
        headline=f"{len(named):,} of {len(ids):,} customers will probably cost more than they bring next year",
        so_what=_words(len(named), right, found, base, precision),
        kind="predictive",
        caption=f"Customers by foreseen probability of a loss in the last year, and how many made one (n = {len(tried.lost):,}; told by what was learned on others)",
        units={"customers": "count", "foreseen": "%", "lost": "%"},
        source="orders, tickets, interactions, campaigns, consents; purchase model and signs of life, logistic regression; baseline: a loss the year before",
        metrics=(Metric("losses_foreseen", float(len(named)), n=len(ids), unit="count", kind="predictive"),),
        extra={
            "losers": named[["customer_id", "probability", "revenue", "contribution"]].reset_index(drop=True),
            "precision": right, "found": found, "baseline": base.right, "baseline_found": base.found,
        },
    )  # fmt: skip


@dataclass(frozen=True)
class _Tried:
    """Hold-out of the last year: probability told, who lost money, and who had the year before."""

    chance: np.ndarray
    lost: np.ndarray
    already: np.ndarray


@dataclass(frozen=True)
class _Base:
    """The baseline, everyone with a loss the year before: share of them right, and share of all losses found."""

    right: float
    found: float

    @classmethod
    def of(cls, tried: _Tried) -> _Base:
        if not tried.already.any():
            return cls(np.nan, 0.0)
        hits = tried.lost[tried.already]
        return cls(float(hits.mean()), float(hits.sum() / tried.lost.sum()))


@dataclass(frozen=True)
class _Outcome:
    """Who bought nothing in a year, and who cost more than they brought."""

    silent: np.ndarray
    lost: np.ndarray

    @classmethod
    def of(cls, money: pd.DataFrame) -> _Outcome:
        return cls(~(money["orders"].to_numpy() > 0), money["contribution"].to_numpy() < 0)

    def of_rows(self, rows: np.ndarray) -> _Outcome:
        return _Outcome(self.silent[rows], self.lost[rows])


@dataclass(frozen=True)
class _Known:
    """What was known at the end of a year: ``silence`` (terms of P(no order)), ``contact`` (of a loss), its contribution."""

    silence: pd.DataFrame
    contact: pd.DataFrame
    contribution: pd.Series

    def of_rows(self, rows: np.ndarray) -> _Known:
        return _Known(self.silence[rows], self.contact[rows], self.contribution[rows])


@dataclass(frozen=True)
class _Parts:
    """The three parts of the probability of a loss."""

    silent: Logit
    lost_silent: Logit
    lost_buying: Logit

    @classmethod
    def learn(cls, known: _Known, came: _Outcome) -> _Parts:
        silent = came.silent
        return cls(
            Logit.fit(known.silence, silent),
            Logit.fit(known.contact[silent], came.lost[silent]),
            Logit.fit(known.contact[~silent], came.lost[~silent]),
        )

    def chance(self, known: _Known) -> np.ndarray:
        """Return the probability that each customer costs more than they bring."""
        silent = self.silent.chance(known.silence)
        return silent * self.lost_silent.chance(known.contact) + (1 - silent) * self.lost_buying.chance(known.contact)  # fmt: skip


def _enough(came: _Outcome) -> None:
    lost, n = int(came.lost.sum()), len(came.lost)
    if min(lost, n - lost) < LEAST_EACH:
        raise NotEnough(f"{lost:,} of {n:,} customers cost more than they brought in the last year; {LEAST_EACH} of each kind are needed", "costs of service, contacts and campaigns")  # fmt: skip


def _known(
    money: dict[int, pd.DataFrame], year: int, histories: pd.DataFrame | None, permissions: pd.DataFrame | None,
) -> _Known:  # fmt: skip
    """Return what was known at the end of ``year`` (0 is the last one) of each customer."""
    past = [frame for number, frame in sorted(money.items()) if number >= year]
    if histories is None:
        ids = past[0].index.union(past[1].index if len(past) > 1 else [])
        silence = _by_orders(past[0].reindex(ids.sort_values()))
    else:
        silence = _by_history(histories)
    ids = silence.index
    ever = pd.concat([frame["orders"] for frame in past]).groupby(level=0).sum().reindex(ids).fillna(0.0) > 0  # fmt: skip
    contact = pd.DataFrame({"ever": ever.astype(float)}, index=ids)
    own = past[0]["contact_cost"].reindex(ids).fillna(0.0)
    contact["own"], contact["any_own"] = np.log1p(own.clip(lower=0.0)), (own > 0).astype(float)
    for name, given in _consents(permissions, ids).items():
        for label, flag in ((f"{name}", given == 1), (f"{name}_unknown", given.isna())):
            contact[label] = flag.astype(float)
            contact[f"{label}_ever"] = contact[label] * contact["ever"]
    return _Known(silence, contact, past[0]["contribution"].reindex(ids).fillna(0.0))


def _consents(permissions: pd.DataFrame | None, ids: pd.Index) -> dict[str, pd.Series]:
    """Return the consents that tell customers apart: 1, 0 or not known."""
    if permissions is None:
        return {}
    flags = permissions.set_index("customer_id").reindex(ids)
    return {name: flags[name].astype(float) for name in CONSENTS if name in flags and flags[name].notna().any()}  # fmt: skip


def _by_history(histories: pd.DataFrame) -> pd.DataFrame:
    """Return the terms of P(no order): the purchase model's own logit, and signs of life."""
    frame = comparable(histories)
    need(frame.reset_index(), "customers with a purchase before the last year", "a longer record of orders", rows=100)  # fmt: skip
    try:
        models = fit_models("MBG/NBD", frame)
    except ValueError as error:
        raise NotEnough(f"purchase model: {error}", "a longer record of orders") from error
    none = models.chance_of_none(frame, WEEKS).clip(1e-4, 1 - 1e-4)
    signs = contact_signs(frame)
    terms = pd.DataFrame({"model": np.log(none / (1 - none))})
    return (terms if signs is None else terms.join(signs)).sort_index()


def _by_orders(money: pd.DataFrame) -> pd.DataFrame:
    """Return the terms of P(no order) without purchase histories: the orders and contacts of the year."""
    orders, contacts = money["orders"].fillna(0.0), money["contact_cost"].fillna(0.0).clip(lower=0.0)  # fmt: skip
    return pd.DataFrame({"none": (orders == 0).astype(float), "orders": np.log1p(orders), "contacts": np.log1p(contacts)})  # fmt: skip


def _words(named: int, right: float, found: float, base: _Base, precision: float) -> str:
    if not named:
        return f"Nobody can be named with {format_value(precision, '%')} certainty; cut the cost of contact for all who bought nothing."
    usual = (
        f" (naming everyone with a loss the year before: {format_value(base.right, '%')} right, {format_value(base.found, '%')} found)"
        if np.isfinite(base.right)
        else ""
    )
    return (
        f"In the last year, {format_value(right, '%')} of those named so did, and {format_value(found, '%')} of all such customers were among them{usual}. "
        "Take them out of paid mailings and calls before the money is spent; keep what they may ask for themselves."
    )


def _by_year(years: pd.DataFrame, costs: Costs) -> dict[int, pd.DataFrame]:
    """Return the money of each year by customer, costs and margin booked as `add_contribution` does."""
    found = {}
    for year, part in years.groupby("year"):
        frame = part.rename(
            columns={
                "revenue": "revenue_12m", "turnover": "turnover_12m", "revenue_with_cost": "revenue_with_cost_12m",
                "margin": "margin_12m", "tickets": "tickets_12m", "contact_cost": "interaction_cost_12m",
                "campaign_cost": "campaign_cost_12m",
            }
        )  # fmt: skip
        booked = add_contribution(frame.sort_values("customer_id"), costs)
        found[int(year)] = pd.DataFrame(
            {
                "revenue": booked["revenue_12m"], "margin": booked["margin_12m"], "orders": booked["orders"],
                "tickets": booked["tickets_12m"], "contact_cost": booked["interaction_cost_12m"],
                "campaign_cost": booked["campaign_cost_12m"], "contribution": booked["contribution_12m"],
                "days_since_order": booked["days_since_order"] - 365 * int(year),
            }
        ).astype(float).set_axis(booked["customer_id"])  # fmt: skip
    return found


def _whole(years: pd.DataFrame, year: int) -> bool:
    """Whether orders go back to within a month of the start of the year."""
    first = years.loc[years["year"] == year, "days_since_order"].max()
    oldest = years["year"].max()
    return bool(oldest > year or (pd.notna(first) and first >= 365 * (year + 1) - 60))


def _threshold(
    chance: np.ndarray, lost: np.ndarray, precision: float
) -> tuple[float, float, float]:
    """Return the lowest probability above which ``precision`` is kept, surely enough, the precision there and the share found."""
    order = np.argsort(-chance, kind="stable")
    hits = np.cumsum(lost[order])
    right = hits / np.arange(1, len(order) + 1)
    error = np.sqrt(right * (1 - right) / np.arange(1, len(order) + 1))
    enough = np.flatnonzero(
        (right - norm.ppf(SURE) * error >= precision) & (np.arange(len(order)) >= LEAST_NAMED - 1)
    )
    if not len(enough):
        return np.inf, np.nan, 0.0
    last = int(enough[-1])
    return float(chance[order][last]), float(right[last]), float(hits[last] / lost.sum())


def _groups(chance: np.ndarray, lost: np.ndarray) -> pd.DataFrame:
    tenth = pd.Series(np.argsort(np.argsort(-chance, kind="stable")) * 10 // len(chance) + 1)
    groups = pd.DataFrame({"foreseen": chance, "lost": lost.astype(float)}).groupby(tenth)
    table = groups.mean()
    table.insert(0, "customers", groups.size())
    return table.rename_axis("tenth").reset_index()
