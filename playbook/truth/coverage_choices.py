"""Design cells of choice models: do intervals of part-worths and of willingness to pay cover?

Choices are drawn here from the textbook law (utility plus a Gumbel error), not from the simulated client.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.choice import LogitResult, conditional_logit, willingness_to_pay
from playbook.proposition.pooling import partly_pooled
from playbook.truth.coverage import Cell, Draw

__all__ = ["CELLS", "part_worth", "pooled_part_worth", "worth_in_money"]

TASTE = pd.Series({"fast": 0.8, "free": 0.5, "green": 0.2, "price": -1.5, "none": -1.0})
"""Part-worths of the designs; price in hundreds."""
TASKS, OFFERS = 6, 3


def _answers(
    rng: np.random.Generator, people: int, tastes: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Choices of people with these tastes (one row each, or one row for all): frame and design."""
    shape = (people, TASKS, OFFERS)
    x = np.zeros((people, TASKS, OFFERS + 1, len(TASTE)))
    x[:, :, :OFFERS, :3] = rng.integers(0, 2, (*shape, 3))
    x[:, :, :OFFERS, 3] = rng.choice([1.0, 1.5, 2.0], shape)
    x[:, :, OFFERS, 4] = 1.0
    own = np.broadcast_to(tastes, (people, len(TASTE)))
    utility = np.einsum("ptak,pk->pta", x, own) + rng.gumbel(size=x.shape[:3])
    person, task, alternative = (part.ravel() for part in np.indices(x.shape[:3]))
    chosen = (utility.argmax(axis=2)[..., None] == np.arange(OFFERS + 1)).ravel()
    frame = pd.DataFrame({"respondent_id": person, "task": task, "alternative": alternative, "chosen": chosen})  # fmt: skip
    return frame, pd.DataFrame(x.reshape(-1, len(TASTE)), columns=list(TASTE.index))


def _ends(result: LogitResult, column: str) -> tuple[float, float]:
    low, high = result.conf_int().loc[column]
    return float(low), float(high)


def part_worth(people: int) -> Draw:
    """One taste for all; a part-worth drawn at random among all columns."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        column = str(rng.choice(list(TASTE.index)))
        result = conditional_logit(*_answers(rng, people, TASTE.to_numpy()))
        return *_ends(result, column), float(TASTE[column])

    return draw


def pooled_part_worth(people: int, segments: int, spread: float) -> Draw:
    """Segments whose tastes are drawn anew around everybody's; the partly pooled part-worth of one."""

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        tastes = TASTE.to_numpy() + spread * rng.standard_normal((segments, len(TASTE)))
        parts = [_answers(rng, people, taste) for taste in tastes]
        alone = {f"{i}": conditional_logit(*part) for i, part in enumerate(parts)}
        frames = [f.assign(respondent_id=f["respondent_id"] + 1000 * i) for i, (f, _) in enumerate(parts)]  # fmt: skip
        everybody = conditional_logit(
            pd.concat(frames, ignore_index=True),
            pd.concat([d for _, d in parts], ignore_index=True),
        )
        pooled = partly_pooled(alone, everybody, dict.fromkeys(alone, people))
        segment, column = int(rng.integers(segments)), int(rng.integers(len(TASTE)))
        found = _ends(pooled[f"{segment}"], str(TASTE.index[column]))
        return *found, float(tastes[segment, column])

    return draw


def worth_in_money(people: int) -> Draw:
    """What a feature is worth (Krinsky and Robb), one taste for all; a feature drawn at random.

    A sample whose price coefficient is not surely negative gives no interval: it is drawn again, as
    the playbook states no worth then.
    """

    def draw(rng: np.random.Generator) -> tuple[float, float, float]:
        column = str(rng.choice(["fast", "free", "green"]))
        while True:
            result = conditional_logit(*_answers(rng, people, TASTE.to_numpy()))
            if result.conf_int().loc["price", "high"] < 0:
                break
        worth = willingness_to_pay(result, seed=int(rng.integers(2**31)), draws=1000)
        row = worth.set_index("attribute").loc[column]
        return float(row["low"]), float(row["high"]), float(-TASTE[column] / TASTE["price"])

    return draw


CELLS = (
    Cell("04.coverage_part_worths", "one taste, 100 people, six tasks of three offers and none", part_worth(100)),
    Cell("04.coverage_part_worths", "five segments of 50 whose tastes differ by 0.3, partly pooled", pooled_part_worth(50, 5, 0.3)),
    Cell("04.coverage_worth", "willingness to pay, one taste, 60 people", worth_in_money(60)),
)  # fmt: skip
"""Each sample is a fit or several: some minutes in all."""
