"""Whose taste decides in a simulated market: a segment's typical chooser, or each respondent by an own taste."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logsumexp, softmax

from playbook.answer import Answer, answers, format_value
from playbook.choice import choice_probabilities, evaluate_holdout
from playbook.choice.individual import IndividualResult, individual_part_worths
from playbook.choice.quality import usable_tasks
from playbook.proposition.experiment import Experiment, read_attributes

__all__ = ["Taste", "individual_tastes", "segment_tastes"]

DRAWS = 1000
EARLIER = 0.75
"""What an answer of an earlier year counts, against one of this year: on 26 development worlds, where few tastes drift,
shares of unseen offers erred by 1 % less with it than with a half."""
MOST = 3000
"""Respondents whose own tastes are drawn, by lot where there are more: shares need no more of them."""
MEMBERS = 150
"""Simulated members of a segment in which too few were asked."""


@dataclass(frozen=True)
class Taste:
    """Part-worths of the people of one segment, drawn: draw by person by column of the coding.

    ``weights`` (draw by person) says how many customers a person stands for; ``center`` the one
    taste at which shares are stated, none when they are averages over draws. ``sure_of_price`` is
    true when the 95 % interval of the mean price coefficient lies below zero.
    """

    betas: np.ndarray
    weights: np.ndarray
    center: np.ndarray | None
    sure_of_price: bool

    def choices(self, design: np.ndarray) -> np.ndarray:
        """Return the chance of each offer (last axis), by draw and person."""
        return softmax(self.betas @ design.T, axis=2)

    def average(self, values: np.ndarray) -> np.ndarray:
        """Return the mean over persons of values by draw, person and any further axis."""
        return np.einsum("dn,dn...->d...", self.weights, values)

    def shares(self, design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the stated share of each offer, and its draws (draw by offer)."""
        drawn = self.average(self.choices(design))
        stated = drawn.mean(axis=0) if self.center is None else softmax(design @ self.center)
        return stated, drawn

    def share_against(self, mine: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the stated share of each of our designs, one at a time against the others, and its draws."""
        drawn = self.average(_alone(self.betas @ mine.T, self.betas @ others.T))
        if self.center is None:
            return drawn.mean(axis=0), drawn
        return _alone(mine @ self.center, others @ self.center), drawn

    def first_choice(self, design: np.ndarray) -> np.ndarray:
        """Return draws of the share of people who like each offer best; not for one taste of all."""
        utility = self.betas @ design.T
        best = utility.argmax(axis=2)[:, :, None] == np.arange(len(design))
        return self.average(best.astype(float))


def _alone(mine: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Chance of each of our offers (last axis) when it alone stands against all others."""
    return np.asarray(expit(mine - logsumexp(others, axis=-1, keepdims=True)))


def segment_tastes(
    experiment: Experiment, individual: Answer | None = None, seed: int = 1
) -> dict[str, Taste]:
    """Return the taste of each segment: of its respondents one by one, or of its typical chooser.

    Notes
    -----
    With individual part-worths (see `individual_tastes`) a segment is its respondents, weighted
    anew in each draw (Bayesian bootstrap, Rubin, 1981), so intervals hold both what is unknown about
    each taste and who happened to be asked. Where too few were asked, members are drawn from the
    estimated law of tastes. Without them all members of a segment choose alike: its conditional
    logit, with draws of its part-worths.
    """
    if individual is None or not individual["use"]:
        return {name: _typical(m.result, experiment, seed) for name, m in experiment.models.items()}
    found: IndividualResult = individual["individual"]
    people: pd.DataFrame = individual["people"]
    rng = np.random.default_rng([seed, 2])
    tastes = {}
    for name, model in sorted(experiment.models.items()):
        member = (people["segment"] == name).to_numpy()
        if model.own and member.any():
            betas = found.draws[:, member]
            weight = rng.exponential(size=betas.shape[:2]) * people["weight"].to_numpy()[member]
        else:
            betas = found.members(name, MEMBERS, seed)
            weight = np.ones(betas.shape[:2])
        weight = weight / weight.sum(axis=1, keepdims=True)
        tastes[name] = Taste(betas, weight, None, _sure(betas, weight, experiment))
    return tastes


def _typical(result, experiment: Experiment, seed: int) -> Taste:
    columns = experiment.coding.columns
    betas = result.draws(seed, DRAWS)[columns].to_numpy()[:, None]
    weight = np.ones(betas.shape[:2])
    center = result.params[columns].to_numpy(float)
    return Taste(betas, weight, center, _sure(betas, weight, experiment))


def _sure(betas: np.ndarray, weight: np.ndarray, experiment: Experiment) -> bool:
    if "price" not in experiment.coding.numeric:
        return False
    price = betas[:, :, experiment.coding.columns.index("price")]
    return bool(np.quantile((weight * price).sum(axis=1), 0.975) < 0)


def _answers(experiment: Experiment, choices: pd.DataFrame | None) -> pd.DataFrame:
    """Tasks to learn from with the ``weight`` of each: those of the models, and earlier ones."""
    train = experiment.train.assign(weight=1.0)
    if choices is None:
        return train
    frame, _ = read_attributes(choices)
    if not set(experiment.coding.attributes) <= set(frame):
        return train
    frame, _ = usable_tasks(frame, experiment.coding.attributes)
    held = frame["is_holdout"].astype("boolean").fillna(False).to_numpy(bool)
    known = frame["respondent_id"].isin(set(train["respondent_id"])).to_numpy(bool)
    earlier = frame[~held & ~known]
    try:
        experiment.coding.matrix(earlier)
    except ValueError:  # asked with other attributes or levels
        return train
    return pd.concat([train, earlier.assign(weight=EARLIER)], ignore_index=True)


def _by_lot(answered: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Answers of at most 3,000 respondents."""
    ids = np.sort(answered["respondent_id"].unique())
    if len(ids) <= MOST:
        return answered
    kept = np.random.default_rng([seed, 3]).choice(ids, MOST, replace=False)
    return answered[answered["respondent_id"].isin(set(kept))].reset_index(drop=True)


def _chances(
    answered: pd.DataFrame,
    segments: pd.DataFrame,
    memberships: pd.DataFrame | None,
    names: list[str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Respondents with segment and weight, and their chance of each segment."""
    people = answered.drop_duplicates("respondent_id").set_index("respondent_id").sort_index()
    placed = segments.drop_duplicates("customer_id").set_index("customer_id")["segment"]
    people = people[["customer_id", "weight"]].assign(segment=people["customer_id"].map(placed))
    hard = pd.get_dummies(people["segment"]).reindex(columns=names, fill_value=0).astype(float)
    hard[people["segment"].isna().to_numpy()] = np.nan
    if memberships is None or memberships.empty:
        return people, hard
    wide = memberships.pivot_table(
        index="customer_id", columns="segment", values="probability", aggfunc="sum", fill_value=0.0
    ).reindex(columns=names, fill_value=0.0)
    wide = wide.div(wide.sum(axis=1).where(lambda total: total > 0), axis=0)
    soft = wide.reindex(people["customer_id"]).set_axis(people.index)
    return people, soft.fillna(hard)


@answers
def individual_tastes(
    experiment: Answer,
    segments: pd.DataFrame,
    choices: pd.DataFrame | None = None,
    memberships: pd.DataFrame | None = None,
    seed: int = 1,
) -> Answer:
    """Return whether part-worths of each respondent foresee unseen choices better than segments do.

    Parameters
    ----------
    experiment
        From `choice_experiment`.
    segments
        ``customer_id``, ``segment``.
    choices
        Standard table ``choice_tasks``: answers of earlier years count three quarters.
    memberships
        Result ``memberships``: chance of each segment per customer.
    seed
        Seed of the chain.

    Returns
    -------
    Answer
        ``model``, ``hit_rate`` with ``low`` and ``high``, ``log_likelihood_per_task``, ``tasks``,
        best first; ``extra["individual"]`` an `IndividualResult`, ``extra["people"]`` respondents
        with segment and weight, ``extra["use"]`` whether simulations should use them: unless
        segments foresee the held-out tasks better.
    """
    read: Experiment = experiment["experiment"]
    answered = _by_lot(_answers(read, choices), seed)
    people, chances = _chances(answered, segments, memberships, sorted(read.models))
    found = individual_part_worths(
        answered, read.coding.matrix(answered), chances, seed=seed, weights="weight"
    )
    table = _holdout(read, found)
    scores = table.set_index("model")["log_likelihood_per_task"] if len(table) else pd.Series()
    use = bool(len(table) == 0 or scores["individual tastes"] > scores["segments, partly pooled"])
    within, between = _spreads(found, people)
    return Answer(
        table=table if len(table) else pd.DataFrame({"respondents": [len(people)]}),
        headline=_headline(table, len(people)),
        so_what=(
            f"{format_value(within / (within + between), '%')} of how tastes differ lies between people of one segment. "
            + ("The simulations below let each respondent choose by an own taste: an offer then takes most from the offers "
               "that the same people like." if use else
               "Segments foresee unseen choices as well, so the simulations below take a segment as one taste.")
        ),
        kind="predictive",
        caption=f"Held-out tasks predicted by segment and by person, 95 % interval (n = {len(people):,} respondents)",
        units={"hit_rate": "%", "low": "%", "high": "%", "tasks": "count", "respondents": "count"},
        source="choice experiment; hierarchical Bayes, answers of earlier years count three quarters",
        extra={"individual": found, "people": people, "use": use, "within": within, "between": between},
    )  # fmt: skip


def _holdout(read: Experiment, found: IndividualResult) -> pd.DataFrame:
    held = read.held_out[read.held_out["respondent_id"].isin(found.people)]
    if held.empty:
        return pd.DataFrame()
    design = read.coding.matrix(held)
    by_segment = choice_probabilities(read.everybody, held, design)
    for name, model in read.models.items():
        rows = held["segment"] == name
        if rows.any():
            by_segment[rows] = choice_probabilities(model.result, held[rows], design[rows])
    table = evaluate_holdout(held, {
        "individual tastes": found.probabilities(held, design), "segments, partly pooled": by_segment,
    })  # fmt: skip
    table = table.rename(columns={"per_task": "log_likelihood_per_task", "n": "tasks"})
    columns = ["model", "hit_rate", "low", "high", "log_likelihood_per_task", "tasks"]
    order = np.lexsort((table["model"], -table["log_likelihood_per_task"]))
    return table.iloc[order][columns].reset_index(drop=True)


def _spreads(found: IndividualResult, people: pd.DataFrame) -> tuple[float, float]:
    """Variance of tastes within segments and between them, in units of the error of a choice."""
    within = found.within.mean(axis=0)
    means = found.means.mean(axis=0)
    share = people["segment"].value_counts().reindex(found.groups).fillna(0).to_numpy(float)
    share = share / share.sum() if share.sum() else np.full(len(share), 1 / len(share))
    gaps = means - share @ means
    scale = 1 / np.maximum(np.diag(within) + share @ gaps**2, 1e-12)
    return float(np.diag(within) @ scale), float((share @ gaps**2) @ scale)


def _headline(table: pd.DataFrame, n: int) -> str:
    if table.empty:
        return f"Each of {n:,} respondents has a taste of their own; no task was held out to check"
    rate = table.set_index("model")["hit_rate"]
    own, segment = rate["individual tastes"], rate["segments, partly pooled"]
    return (
        f"By own taste {format_value(own, '%')} of unseen choices are foreseen, by segment "
        f"{format_value(segment, '%')}"
    )
