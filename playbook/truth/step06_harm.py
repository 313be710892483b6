"""Step 6: is the group that a campaign drives away ranked last, as often as anybody could?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd

from playbook import crm
from playbook.answer import Missing
from playbook.crm.response import LEAST_ARM, LEAST_GROUP
from playbook.truth.increments import orders_a_month
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import FalseAlarms, Progress
from playbook.truth.step06 import NEGATIVE
from playbook.truth.study import START, Study

TIMES, FEW, COPIES = 300, 40, 16
"""Times that the same campaign is lived with other luck; how many times larger the larger one is, and its times."""
LARGE = 4000
"""Customers from which a campaign has groups that are worth ranking."""


@dataclass(frozen=True)
class Trial:
    """The planted campaign, ready to be lived again.

    Attributes
    ----------
    members
        With group, usual (expected orders a month without the campaign), log_lift, treated probability.
    effects
        Planted change of the share that buys in the month, by group.
    """

    members: pd.DataFrame
    effects: pd.Series

    def larger(self, copies: int) -> Trial:
        """Return the trial with so many customers for each."""
        parts = [
            self.members.assign(customer_id=self.members["customer_id"] + f"-{i}")
            for i in range(copies)
        ]
        return Trial(pd.concat(parts, ignore_index=True), self.effects)

    def lived(self, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return outcomes within a month and within three, with arms and orders drawn anew."""
        frame = self.members
        treated = rng.random(len(frame)) < frame["assignment_probability"].to_numpy(float)
        usual = frame["usual"].to_numpy()
        month = rng.poisson(usual * np.exp(np.where(treated, frame["log_lift"], 0.0))) > 0
        later = rng.poisson(2 * usual) > 0
        frame = frame.assign(arm=np.where(treated, "treated", "control"))
        return frame.assign(bought=month.astype(int)), frame.assign(
            bought=(month | later).astype(int)
        )


def _trial(study: Study) -> Trial | NotHere:
    planted = (
        study.truth["campaign_effects"].set_index("campaign_id").loc[NEGATIVE].set_index("segment")
    )
    outcomes = study.sight.outcomes
    members = outcomes[outcomes["campaign_id"] == NEGATIVE].sort_values(
        "customer_id", ignore_index=True
    )
    truth = study.people.loc[members["customer_id"]]
    started = study.world.tables["campaigns"].set_index("campaign_id").loc[NEGATIVE, "started_at"]
    month = 12 * (pd.Timestamp(started).year - START) + pd.Timestamp(started).month - 1
    group = study.sight.table("customers").set_index("customer_id")["market_segment"]
    members = members.assign(
        group=members["customer_id"].map(group).fillna("not known"), usual=orders_a_month(study, truth, month),
        log_lift=planted["log_lift"].loc[truth["segment"]].to_numpy(),
    )  # fmt: skip
    sizes = members["group"].value_counts()
    members = members[members["group"].isin(sizes[sizes >= 2 * LEAST_GROUP].index)]
    more = np.exp(-members["usual"]) - np.exp(-members["usual"] * np.exp(members["log_lift"]))
    return Trial(members, more.groupby(members["group"]).mean())


def _harmed(study: Study) -> Trial | NotHere:
    if study.alike:
        return NotHere("customers of this world differ in what they want by no group")
    trial = _trial(study)
    if isinstance(trial, NotHere):
        return trial
    if trial.effects.min() >= 0 or len(trial.effects) < 3:
        return NotHere("no group that is large enough is driven away")
    return trial


def _raw(outcomes: pd.DataFrame) -> str:
    """The group with the lowest share of buyers among treated less control."""
    shares = outcomes.groupby(["group", "arm"])["bought"].mean().unstack()
    return str((shares["treated"] - shares["control"]).idxmin())


def _best(trial: Trial, outcomes: pd.DataFrame) -> str:
    """The group that is most likely harmed for who knows the planted effects, but not whose they are.

    What habit leads to expect is the regression of the planted chance to buy on what is seen; errors are the planted ones.
    """
    chance = -np.expm1(-outcomes["usual"].to_numpy())
    habit = np.column_stack([
        np.ones(len(outcomes)), np.log1p(outcomes["orders_year_before"].astype(float)),
        np.log1p(outcomes["revenue_year_before"].astype(float).clip(lower=0)), pd.get_dummies(outcomes["group"]).iloc[:, 1:].astype(float),
    ])  # fmt: skip
    expected = habit @ np.linalg.lstsq(habit, chance, rcond=None)[0]
    left = outcomes["bought"].to_numpy(float) - expected
    noise = chance * (1 - chance) + (chance - expected) ** 2
    frame = pd.DataFrame(
        {
            "group": outcomes["group"],
            "treated": outcomes["arm"] == "treated",
            "left": left,
            "noise": noise,
        }
    )
    means = frame.groupby(["group", "treated"])["left"].mean().unstack()
    sizes = frame.groupby(["group", "treated"]).size().unstack()
    variance = frame.groupby("group")["noise"].mean() * (1 / sizes[True] + 1 / sizes[False])
    seen, error = (means[True] - means[False]).to_numpy(), np.sqrt(variance.to_numpy())
    names, known = list(means.index), trial.effects.reindex(means.index).to_numpy()
    chances = dict.fromkeys(names, 0.0)
    orders = np.array(list(permutations(range(len(names)))))
    score = -(((seen - known[orders]) / error) ** 2).sum(axis=1) / 2
    weight = np.exp(score - score.max())
    lowest = int(np.argmin(known))
    for place, name in enumerate(names):
        chances[name] = float(weight[orders[:, place] == lowest].sum())
    return max(names, key=lambda name: chances[name])


def _usable(outcomes: pd.DataFrame) -> bool:
    return bool(
        outcomes.groupby(["group", "arm"]).size().unstack(fill_value=0).min().min() >= LEAST_ARM
    )


def _ranked(study: Study, copies: int, times: int) -> Found | NotHere:
    if study.customers < LARGE:
        return NotHere(f"judged in worlds of {LARGE:,} customers")
    trial = _harmed(study)
    if isinstance(trial, NotHere):
        return trial
    trial = trial.larger(copies)
    rng = np.random.default_rng([study.seed, 66, copies])
    harmed = str(trial.effects.idxmin())
    hits, lived = np.zeros(3), 0
    while lived < times:
        month, later = trial.lived(rng)
        if not _usable(month):
            continue
        lived += 1
        last = str(crm.group_effects(month)["group"].iloc[-1])
        hits += [last == harmed, _raw(later) == harmed, _best(trial, month) == harmed]
    ours, naive, bayes = (float(h) / times for h in hits)
    return Found(planted=float(trial.effects.min()), ours=ours, naive=naive, bayes=bayes)


@row(
    "06.uplift_last",
    "share of times that the market segment which a campaign drives away is ranked last (planted: its change of the share that buys)",
    Progress(),
)
def uplift_last(study: Study) -> Found | NotHere:
    """The planted campaign with its members, lived again and again: one world's outcome is one draw, mostly of luck.

    The harm is one to three points in the month, and a group has about 130 members, whose share is known to 14 points: nobody can rank
    it last in nine worlds of ten (the Bayes benchmark says how often). Naive: lowest difference of the
    shares that bought within three months. Bayes: who knows the planted effects, but not which group has which, and the planted regression on habit. Judged on buying: in margin other
    groups lose more, as they are given a discount on dearer orders.
    """
    return _ranked(study, 1, TIMES)


@row(
    "06.uplift_last_large",
    f"the same for the campaign with {COPIES} times its members",
    Progress(),
)
def uplift_last_large(study: Study) -> Found | NotHere:
    """Where the data can say more, the ranking must say it: the same customers many times, each with luck of its own."""
    return _ranked(study, COPIES, FEW)


@row(
    "06.uplift_harm_claims",
    "market segments said to be driven away by a campaign that does not drive them away",
    FalseAlarms(0.05),
)
def harm_claims(study: Study) -> Found | NotHere:
    """The same lives, in all worlds: a claim is false where the planted change of the share that buys is not negative."""
    trial = _trial(study)
    if isinstance(trial, NotHere):
        return trial
    rng = np.random.default_rng([study.seed, 67])
    customers = trial.members[["customer_id", "group"]].rename(columns={"group": "market_segment"})
    innocent = set(trial.effects[trial.effects >= 0].index)
    hits = trials = 0
    for _ in range(FEW // 2):
        answer = crm.effect_by_group(trial.lived(rng)[0], customers, NEGATIVE)
        if isinstance(answer, Missing):
            continue
        table = answer.table
        claimed = set(table.loc[(table["high"] < 0) & (table["q"] < 0.05), "group"])
        hits += bool(claimed & innocent)
        trials += 1
    return Found(hits=hits, trials=trials) if trials else NotHere("no group is large enough")
