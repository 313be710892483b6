"""What a single year tells of the segment of each customer, under a saved model and apart from the years before.

Orders of one customer resemble each other more than those of different customers of one segment. So the counts of the year
are Dirichlet-multinomial: who stays goes on from the habits of before, who has newly come to a segment starts from the
shares of that segment. Whoever keeps odd habits is thus no mover.

References
----------
Minka (2000), Estimating a Dirichlet distribution, for the distribution. Rao & Scott (1992), A simple method for the
analysis of clustered binary data, Biometrics 48(2), for the moment estimate of the correlation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
from scipy.special import gammaln

from playbook.errors import NotEnough
from playbook.segmentation.candidates import NEEDS
from playbook.segmentation.frozen import (
    NO_ANSWERS,
    NO_HABITS,
    method_of,
    read_classes,
    wide_memberships,
)
from playbook.segmentation.latent_class import LatentClass
from playbook.segmentation.needs import evidence_of, habit_tables

__all__ = ["year_evidence"]

LEAST_RHO, MOST_RHO = 0.005, 0.95
"""Correlation of two orders of a customer within a segment: no smaller or larger one is believed."""


def year_evidence(
    customers: pd.DataFrame, mix: pd.DataFrame, model: pd.DataFrame,
    habits: pd.DataFrame | None, attitudes: pd.DataFrame | None, since: date,
) -> pd.DataFrame:  # fmt: skip
    """Return how well each segment of a saved model explains what a customer did and answered since a day.

    Membership probabilities of two years share the older orders and answers, so they cannot tell a change from better
    knowledge; the evidence of the year alone can.

    Parameters
    ----------
    customers, mix
        Queries ``customer_features`` and ``purchase_mix``.
    model
        Result ``segment_model`` of an earlier year.
    habits, attitudes
        Queries ``buying_habits`` and ``customer_attitudes``.
    since
        Only what came after this day counts as the year.

    Returns
    -------
    pandas.DataFrame
        customer_id, segment, stayed and came (log-likelihood of the year of a customer who was in the segment before, and
        of one who is new to it; 0 for the largest of all); only customers who bought or answered in the year.
    """
    if method_of(model) != NEEDS:
        raise NotEnough("segments of the nearest centre carry no probabilities", "answers on needs")
    ways = habits if isinstance(habits, pd.DataFrame) else NO_HABITS.assign(amount_12m=0.0)
    asked = attitudes if isinstance(attitudes, pd.DataFrame) else NO_ANSWERS
    recent = asked[pd.to_datetime(asked["answered_at"]).dt.date > since] if len(asked) else asked
    known = customers["orders"].to_numpy(float) > 0
    bought = customers["orders_12m"].to_numpy(float) > 0
    answered = customers["customer_id"].isin(recent["customer_id"]).to_numpy()
    chosen = customers[known & (bought | answered)]
    names, coding, _, classes, _ = read_classes(model)
    places = wide_memberships(chosen, mix, model, ways, asked)
    came = _numbers(chosen, recent, coding, classes)
    stayed = came.copy()
    for before, year, shares in _habits(chosen, ways, coding, classes.shares):
        rho = _alike_within(before + year, shares, places.to_numpy(float))
        weight = (1 - rho) / rho
        came += np.column_stack(
            [_chance(year, np.broadcast_to(weight * s, year.shape)) for s in shares]
        )
        stayed += np.column_stack([_chance(year, weight * s + before) for s in shares])
    top = np.maximum(came, stayed).max(axis=1)
    parts = [
        pd.DataFrame({"customer_id": places.index, "segment": name, "stayed": stayed[:, k] - top, "came": came[:, k] - top})
        for k, name in enumerate(names)
    ]  # fmt: skip
    return pd.concat(parts).sort_values(["customer_id", "segment"], ignore_index=True)


def _numbers(
    chosen: pd.DataFrame, recent: pd.DataFrame, coding: pd.DataFrame, classes: LatentClass
) -> np.ndarray:
    """Return the log-likelihood of answers and basket of the year under each segment."""
    orders = chosen["orders_12m"].astype(float)
    lately = chosen.assign(
        orders=orders.clip(lower=1), units=chosen["units_12m"].astype(float).where(orders > 0)
    )
    evidence, _ = evidence_of(lately, NO_HABITS, recent, coding[coding["kind"] == "number"])
    without_ways = replace(classes, shares=np.empty((len(classes.sizes), 0)))
    return without_ways.scores(evidence)


def _habits(
    chosen: pd.DataFrame, ways: pd.DataFrame, coding: pd.DataFrame, shares: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield for each habit the counts before the year and of it, and the shares by segment (rows)."""
    year = ways.assign(amount=ways["amount_12m"])
    before = ways.assign(amount=(ways["amount"] - ways["amount_12m"]).clip(lower=0.0))
    tables = [habit_tables(chosen, part) for part in (before, year)]
    ids, end = chosen["customer_id"].sort_values().to_numpy(), 0
    for habit, rows in coding[coding["kind"] == "way"].groupby("block", sort=False):
        names = [str(f).partition(": ")[2] for f in rows["feature"]]
        start, end = end, end + len(names)
        both = [t.get(str(habit), pd.DataFrame(index=ids)).reindex(index=ids, columns=names) for t in tables]  # fmt: skip
        first, second = (part.fillna(0.0).to_numpy(float) for part in both)
        yield first, second, np.maximum(shares[:, start:end], 1e-6)


def _chance(counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the Dirichlet-multinomial log-likelihood of each row of counts, up to a constant of the counts."""
    whole, n = weights.sum(axis=1), counts.sum(axis=1)
    return np.asarray(
        gammaln(whole) - gammaln(whole + n)
        + (gammaln(weights + counts) - gammaln(weights)).sum(axis=1)
    )  # fmt: skip


def _alike_within(counts: np.ndarray, shares: np.ndarray, places: np.ndarray) -> float:
    """Return the correlation of two orders of one customer within a segment (moment estimate)."""
    total = counts.sum(axis=1)
    several = total >= 2
    part = counts[several] / total[several][:, None]
    room = np.maximum(1 - (shares**2).sum(axis=1), 1e-9)
    apart = np.column_stack([((part - s) ** 2).sum(axis=1) for s in shares]) / room
    once = (1 / total[several])[:, None]
    excess, possible = (places[several] * (apart - once)).sum(), (places[several] * (1 - once)).sum()  # fmt: skip
    return float(np.clip(excess / possible if possible > 0 else MOST_RHO, LEAST_RHO, MOST_RHO))
