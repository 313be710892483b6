"""Step 7: planted moves between segments. Pairs of customers of different segments change places in the last year.

What each of a pair ordered, sent back, complained of and answered in the last year is booked to the other, in the tables and
nowhere else. So each goes on as a customer of another segment does, with habits of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from playbook import monitoring, segmentation
from playbook.answer import Answer
from playbook.contract import NO_PURCHASE
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import Covers, Share
from playbook.truth.sight import Sight, given
from playbook.truth.study import END, YEAR_BEFORE, Study

__all__ = ["told_moves"]

MOVERS = 0.10
"""Share of the customers who change places."""
DATED = {"orders": "ordered_at", "tickets": "opened_at", "survey_answers": "answered_at"}


@dataclass(frozen=True)
class PlantedMoves:
    """A year in which some customers moved: what is said of it, who moved, and the true share of moves."""

    said: Answer
    crossed: pd.DataFrame
    movers: pd.Index
    share: float


def told_moves(study: Study, sight: Sight) -> tuple[Answer, pd.DataFrame]:
    """Return what the notebook says of moves in the last year of a sight, and who is on the other side of a border."""
    before, model = study.earlier.solution["segments"], study.earlier.solution["model"]
    told = sight.customers, sight.mix, model, sight.query("buying_habits"), sight.attitudes
    frozen = given(monitoring.frozen_segments(segmentation.assign_segments, *told))
    year = monitoring.frozen_segments(segmentation.year_evidence, *told, YEAR_BEFORE)
    said = monitoring.migration(
        before, frozen, study.earlier.solution["memberships"], year, sight.engagement.seed
    )
    both = before.merge(frozen, on="customer_id", suffixes=("_before", "_now"))
    both = both[both["segment_before"] != NO_PURCHASE]
    return given(said), both.assign(crossed=both["segment_before"] != both["segment_now"])


@lru_cache(maxsize=1)
def _planted(study: Study) -> PlantedMoves:
    """Return the world with moves.

    A found segment holds customers of several latent ones, so a pair differs in its found segment only with the chance
    that last year's memberships tell: that is the true share of moves.
    """
    chances = study.earlier.solution["memberships"]
    wide = chances[chances["segment"] != NO_PURCHASE].pivot_table(index="customer_id", columns="segment", values="probability").fillna(0.0)  # fmt: skip
    latent = study.people["segment"].loc[wide.index]
    home = latent.map(wide.groupby(latent).mean().idxmax(axis=1))
    places = _pairs(home, int(MOVERS * len(wide) / 2), np.random.default_rng([study.seed, 7, 2]))
    folder = study.folder / "moved"
    folder.mkdir()
    for name, frame in study.world.tables.items():
        if name in DATED:
            late = frame[DATED[name]] >= pd.Timestamp(YEAR_BEFORE) + pd.Timedelta(days=1)
            other = frame["customer_id"].map(places)
            frame = frame.assign(customer_id=frame["customer_id"].mask(late & other.notna(), other))
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    said, crossed = told_moves(study, Sight(folder, END, study.sight.engagement))
    same = (wide.loc[places.index].to_numpy() * wide.loc[places].to_numpy()).sum(axis=1)
    return PlantedMoves(said, crossed, places.index, float((1 - same).sum() / len(wide)))


def _pairs(home: pd.Series, number: int, rng: np.random.Generator) -> pd.Series:
    """Return for each customer of ``number`` pairs from different segments the other one."""
    waiting = list(rng.permutation(home.index.to_numpy()))
    pairs: list[tuple[str, str]] = []
    while len(pairs) < number and waiting:
        one = waiting.pop(0)
        other = next((o for o in waiting if home[o] != home[one]), None)
        if other is not None:
            waiting.remove(other)
            pairs.append((one, other))
    both = pairs + [(b, a) for a, b in pairs]
    return pd.Series([b for _, b in both], index=[a for a, _ in both], dtype="str")


@row(
    "07.moved_share",
    "planted moves of a tenth of the customers: the share said to have changed segment holds the true one",
    Covers(0.95),
)
def moved_share(study: Study) -> Found | NotHere:
    """Naive: customers whose most probable segment is another one than a year before."""
    if study.alike:
        return NotHere("customers of this world do not differ by segment")
    planted = _planted(study)
    metric = next(m for m in planted.said.metrics if m.id == "moved_between_segments")
    low, high = float(metric.low or 0.0), float(metric.high or 0.0)
    return Found(
        planted=planted.share,
        ours=float(metric.value),
        naive=float(planted.crossed["crossed"].mean()),
        hits=int(low <= planted.share <= high),
        trials=1,
    )


@row(
    "07.movers_named",
    "planted moves of a tenth of the customers: of those said to have moved, the share who truly have",
    Share(0.75, "a move is said from even odds on, and most are surer"),
)
def movers_named(study: Study) -> Found | NotHere:
    """Naive: customers whose most probable segment is another one than a year before; planted: all of them are right."""
    if study.alike:
        return NotHere("customers of this world do not differ by segment")
    planted = _planted(study)
    named = planted.said["moved"]["customer_id"]
    crossed = planted.crossed[planted.crossed["crossed"]]["customer_id"]
    right = named.isin(planted.movers)
    return Found(
        planted=1.0,
        ours=float(right.mean()) if len(named) else 0.0,
        naive=float(crossed.isin(planted.movers).mean()),
        hits=int(right.sum()),
        trials=len(named),
    )
