"""What features are worth in money, and which prices customers find acceptable."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from playbook import choice
from playbook.answer import Answer, Metric, answers, need
from playbook.errors import NotEnough
from playbook.proposition.answer_checks import rising_prices
from playbook.proposition.experiment import ASK, Experiment
from playbook.proposition.words import feature, join, money, named
from playbook.stats import bootstrap

__all__ = ["acceptable_prices", "willingness_to_pay"]


SHOWN = ["feature", "segment", "worth", "low", "high", "instead_of", "n", "own_answers"]


def _segment_worth(
    experiment: Experiment, seed: int
) -> tuple[list[pd.DataFrame], list[str], list[str]]:
    """Tables of willingness to pay, segments refused, and segments that borrow."""
    parts, refused, borrowed = [], [], []
    rising = rising_prices(experiment)
    for name, model in experiment.models.items():
        if name in rising:
            refused.append(f"{name} (price {rising[name]} is liked)")
            continue
        try:
            table = choice.willingness_to_pay(model.result, "price", experiment.coding, seed)
        except ValueError:
            refused.append(name)
            continue
        parts.append(table.assign(segment=name, n=model.n, own_answers=model.own))
        if not model.own:
            borrowed.append(name)
    return parts, refused, borrowed


@answers
def willingness_to_pay(experiment: Answer, currency: str = "", seed: int = 1) -> Answer:
    """Return what each feature is worth to each segment, in money.

    Parameters
    ----------
    experiment
        From `choice_experiment`; needs a numeric attribute ``price``.
    currency
        Written before amounts.
    seed
        Seed of the simulated intervals.

    Returns
    -------
    Answer
        ``feature``, ``segment``, ``worth`` (currency) with ``low`` and ``high``, ``instead_of``, ``n``,
        ``own_answers``; worthiest features first. Segments whose price effect is not surely negative
        are refused and named. ``extra["all"]`` adds ``attribute`` and ``level``.

    Notes
    -----
    Minus the part-worth difference over the price coefficient; interval by Krinsky & Robb (1986).
    """
    read: Experiment = experiment["experiment"]
    if "price" not in read.coding.numeric:
        raise NotEnough("the choice tasks have no price", ASK + " with a price in each offer")
    parts, refused, borrowed = _segment_worth(read, seed)
    if not parts:
        raise NotEnough(
            "the effect of price is not surely negative in any segment, so no willingness to pay",
            "a choice experiment with more respondents or wider prices",
        )
    table = pd.concat(parts, ignore_index=True)
    table = table[table["attribute"].isin(read.coding.levels)]
    split = table["level"].str.split(" instead of ", n=1, expand=True)
    table = table.assign(level=split[0], instead_of=split[1]).rename(columns={"value": "worth"})
    table["feature"] = [feature(a, v) for a, v in zip(table["attribute"], table["level"], strict=True)]  # fmt: skip
    table["mean"] = table.groupby("feature")["worth"].transform("mean")
    table = table.sort_values(["mean", "feature", "segment"], ascending=[False, True, True])
    return _worth_told(table, read, currency, refused, borrowed)


def _worth_told(
    table: pd.DataFrame, read: Experiment, currency: str, refused: list[str], borrowed: list[str]
) -> Answer:
    sure = table[(table["low"] > 0) & table["own_answers"]]
    sure = sure.sort_values(["low", "feature", "segment"], ascending=[False, True, True])
    paid = table[table["low"] > 0]["feature"]
    idle = table[~table["feature"].isin(paid)].drop_duplicates("feature")
    free = [named(a, v) for a, v in zip(idle["attribute"], idle["level"], strict=True)]
    n = read.everybody.n_respondents
    if sure.empty:
        headline = "No segment is shown to pay extra for a feature"
        so_what = "Compete on price and service, and ask more respondents before adding features."
    else:
        top = sure.iloc[0]
        headline = (
            f"{top['segment']} would pay {money(top['worth'], currency)} more for "
            f"{named(top['attribute'], top['level'])}"
        )
        so_what = (
            f"The interval is {money(top['low'], currency)} to {money(top['high'])}, against "
            f"{named(top['attribute'], top['instead_of'])}. In {len(sure):,} of {int(table['own_answers'].sum()):,} cases a feature is "
            "surely worth money to a segment: offer it only where it is worth more than it costs"
            + (f"; nobody is shown to pay for {join(free)}." if free else ".")
        )
    if refused:
        so_what += f" Refused for {join(refused)}: their answers do not surely fall with price."
    return Answer(
        table=table[SHOWN].reset_index(drop=True),
        headline=headline,
        so_what=so_what,
        kind="diagnostic",
        caption=(
            f"Willingness to pay by segment, against the least liked level, 95 % interval (n = {n:,})"
            + ("; grey: too few asked, all respondents" if borrowed else "")
        ),
        units={"worth": "currency", "low": "currency", "high": "currency", "n": "count"},
        source="choice experiment; ratio of part-worth and price effect, Krinsky–Robb intervals",
        metrics=(Metric("features_worth_money", float(len(sure)), n=n, unit="count", kind="diagnostic"),),
        extra={"refused": refused, "all": table.drop(columns="mean").reset_index(drop=True)},
    )  # fmt: skip


QUESTIONS = ("too_cheap", "bargain", "expensive", "too_expensive")
"""Endings of the ids of the four questions of the price sensitivity meter."""


def _four_prices(ratings: pd.DataFrame) -> pd.DataFrame:
    """One row a respondent with the four prices in a possible order."""
    ending = pd.Series("", index=ratings.index, dtype="object")
    for name in sorted(QUESTIONS, key=len):  # the longer ending last: too_expensive over expensive
        ending[ratings["question_id"].str.endswith(name)] = name
    rows = ratings.assign(question=ending)[ending != ""]
    wide = rows.pivot_table(index="respondent", columns="question", values="value", aggfunc="mean")
    wide = wide.reindex(columns=list(QUESTIONS)).dropna()
    ordered = (np.diff(wide.to_numpy(float), axis=1) >= 0).all(axis=1)
    return wide[ordered]


def _crossing(falling: pd.Series, rising: pd.Series) -> float:
    """Price at which the share that falls with price meets the share that rises with it."""
    grid = np.unique(np.concatenate([falling.to_numpy(float), rising.to_numpy(float)]))
    down = 1 - np.searchsorted(np.sort(falling.to_numpy(float)), grid, "left") / len(falling)
    up = np.searchsorted(np.sort(rising.to_numpy(float)), grid, "right") / len(rising)
    after = int(np.argmax(up >= down))
    if after == 0:
        return float(grid[0])
    gap0, gap1 = down[after - 1] - up[after - 1], down[after] - up[after]
    step = gap0 / (gap0 - gap1) if gap0 != gap1 else 0.0
    return float(grid[after - 1] + step * (grid[after] - grid[after - 1]))


def _meeting(falling: str, rising: str, wide: pd.DataFrame) -> float:
    return _crossing(wide[falling], wide[rising])


POINTS = {
    "lowest acceptable": ("too_cheap", "expensive"),
    "least resisted": ("too_cheap", "too_expensive"),
    "neither cheap nor expensive": ("bargain", "expensive"),
    "highest acceptable": ("bargain", "too_expensive"),
}


@answers
def acceptable_prices(ratings: pd.DataFrame, currency: str = "", seed: int = 1) -> Answer:
    """Return the range of acceptable prices from the four questions of Van Westendorp.

    Parameters
    ----------
    ratings
        Query ``survey_ratings`` with kind price: ``respondent``, ``question_id`` (ending in
        too_cheap, bargain, expensive, too_expensive), ``item`` (product), ``value`` (currency).
    currency
        Written before amounts.
    seed
        Seed of the bootstrap.

    Returns
    -------
    Answer
        ``point``, ``price`` (currency) with ``low`` and ``high``, ``n``.

    Notes
    -----
    Van Westendorp (1976), price sensitivity meter: crossings of the cumulative curves. Answers in
    an impossible order are left out and counted in the caption. It asks for opinions, not choices.
    """
    ask = (
        "the four price questions (too cheap, bargain, expensive, too expensive) for a key product"
    )
    ending = f"({'|'.join(QUESTIONS)})$"
    asked = ratings["question_id"].astype("str").str.contains(ending.replace("(", "(?:", 1))
    ratings = need(ratings[asked], "answers to price questions", ask)
    wide = need(_four_prices(ratings), "respondents with four prices in order", ask, rows=30)
    rows = []
    for point, (falling, rising) in POINTS.items():
        found = bootstrap(wide, partial(_meeting, falling, rising), seed, draws=200)
        rows.append({"point": point, "price": found.value, "low": found.low, "high": found.high, "n": found.n})  # fmt: skip
    table = pd.DataFrame(rows)
    price = table.set_index("point")["price"]
    left_out = ratings["respondent"].nunique() - len(wide)
    product = join(sorted(ratings["item"].dropna().unique()))
    lowest, highest = price["lowest acceptable"], price["highest acceptable"]
    return Answer(
        table=table,
        headline=(
            f"Customers accept {money(lowest, currency)} to {money(highest)} "
            f"for this {product}"
        ),
        so_what=(
            f"Resistance is least at {money(price['least resisted'], currency)}. Use it to check the prices "
            "of the simulation: a best price outside this range needs a test in the shop before it is set."
        ),
        kind="descriptive",
        caption=f"Van Westendorp price points, 95 % interval (n = {len(wide):,}; {left_out:,} left out: incomplete or in impossible order)",
        units={"price": "currency", "low": "currency", "high": "currency", "n": "count"},
        source="survey; crossings of cumulative price curves (Van Westendorp, 1976), bootstrap",
        extra={"lowest": float(lowest), "highest": float(highest)},
    )  # fmt: skip
