"""The choice experiment on an armchair: planted part-worths, choices by utility."""

from __future__ import annotations

import numpy as np
import pandas as pd

from . import settings as s
from .frames import codes, table
from .people import People

LEVELS = {
    "price": ("149", "179", "209", "249"),
    "delivery": ("standard", "next day", "slot"),
    "returns_window": ("14 days", "30 days", "100 days"),
    "assembly_service": ("none", "paid", "free"),
    "sustainability": ("none", "certified"),
}
TASKS, HOLDOUT, ALTERNATIVES, VERSIONS = 8, 2, 3, 12


def choice_table(
    rng: np.random.Generator,
    people: People,
    active: np.ndarray,
    respondents: int,
    end: np.datetime64,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return ``choice_tasks`` and the truth: each respondent's own part-worths.

    Business buyers are asked twice as often as others, as they are few. Half of those who were
    customers by then answered in the October before the last one.
    """
    last, before = (end.astype("datetime64[us]") - np.timedelta64(d, "D") for d in (77, 442))
    pool = np.flatnonzero(active & (people.acquired_at < last))
    quota = np.where(people.segment[pool] == len(s.SEGMENTS) - 1, 2.0, 1.0)
    size = min(respondents, len(pool))
    who = np.sort(rng.choice(pool, size, replace=False, p=quota / quota.sum()))
    n, version = len(who), rng.integers(0, VERSIONS, len(who))
    early = _early(people.acquired_at[who], before)
    own = _own_worths(rng, people, who, early)
    design = _designs(rng)[version]
    utility = _utility(design, own)
    none = np.broadcast_to(own[:, -1][:, None, None], (n, TASKS, 1))
    total = np.concatenate([utility, none], axis=2) + rng.gumbel(size=(n, TASKS, ALTERNATIVES + 1))
    chosen = total.argmax(axis=2)
    task = np.tile(np.repeat(np.arange(TASKS), ALTERNATIVES + 1), n)
    alternative = np.tile(np.arange(ALTERNATIVES + 1), n * TASKS)
    respondent = np.repeat(np.arange(n), TASKS * (ALTERNATIVES + 1))
    is_none = alternative == ALTERNATIVES
    columns = {
        "respondent_id": codes(respondent + 1, 4, "P"),
        "customer_id": people.customer_id[who][respondent],
        "task": task + 1,
        "alternative": alternative + 1,
        "chosen": chosen[respondent, task] == alternative,
        "is_none": is_none,
        "version": codes(version[respondent] + 1, 2),
        "is_holdout": task >= TASKS - HOLDOUT,
        "answered_at": np.where(early, before, last)[respondent],
    }
    for k, (attribute, levels) in enumerate(LEVELS.items()):
        values = np.full(len(task), None, dtype=object)
        shown = design[respondent[~is_none], task[~is_none], alternative[~is_none], k]
        values[~is_none] = np.array(levels, dtype=object)[shown]
        columns[attribute] = values
    labels = [f"{a}: {b}" for a, b in people.settings.part_worths.columns]
    truth = pd.DataFrame(own, columns=labels)
    truth.insert(0, "respondent_id", codes(np.arange(n) + 1, 4, "P"))
    truth.insert(1, "segment", np.array(s.SEGMENTS)[people.segment[who]])
    return table("choice_tasks", columns), truth


def _own_worths(
    rng: np.random.Generator, people: People, who: np.ndarray, early: np.ndarray
) -> np.ndarray:
    """Draw each respondent's part-worths around the segment's at that time."""
    settings, segment = people.settings, people.segment[who]
    worth = settings.part_worths.to_numpy()[segment]
    worth = worth - early[:, None] * settings.worth_shift.to_numpy()[segment]
    own = worth + settings.part_worth_sd * rng.normal(size=worth.shape)
    own[:, 0] = worth[:, 0] * np.exp(0.25 * rng.normal(size=len(who)))
    # none is taken relative to the price level, so that its attraction keeps its meaning
    own[:, -1] += 179 * (own[:, 0] - worth[:, 0])
    return own


def _early(acquired_at: np.ndarray, before: np.datetime64) -> np.ndarray:
    """Return who answered a year before the others: every second one."""
    return (np.arange(len(acquired_at)) % 2 == 0) & (acquired_at < before)


def _designs(rng: np.random.Generator) -> np.ndarray:
    """Return level numbers (version, task, alternative, attribute): balanced, little overlap.

    Each attribute's levels are dealt so that alternatives of one task differ where they can; the
    held-out tasks are the same in every version.
    """
    design = np.empty((VERSIONS, TASKS, ALTERNATIVES, len(LEVELS)), dtype=int)
    for k, levels in enumerate(LEVELS.values()):
        order = rng.permuted(np.tile(np.arange(max(3, len(levels))), (VERSIONS * TASKS, 1)), axis=1)
        design[..., k] = order[:, :ALTERNATIVES].reshape(VERSIONS, TASKS, ALTERNATIVES) % len(
            levels
        )
    design[:, TASKS - HOLDOUT :] = design[0, TASKS - HOLDOUT :]
    return design


def _utility(design: np.ndarray, own: np.ndarray) -> np.ndarray:
    price = np.array([float(p) for p in LEVELS["price"]])[design[..., 0]]
    utility = own[:, 0][:, None, None] * price
    column = 1
    for k, levels in enumerate(list(LEVELS.values())[1:], start=1):
        for level in range(1, len(levels)):
            utility = utility + own[:, column][:, None, None] * (design[..., k] == level)
            column += 1
    return utility
