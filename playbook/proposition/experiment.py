"""The choice experiment read: one model per segment, and how well it predicts choices not seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.choice import (
    Coding,
    LogitResult,
    choice_probabilities,
    choose_classes,
    conditional_logit,
    counts_model,
    evaluate_holdout,
)
from playbook.choice.logit import SeparationError
from playbook.choice.screening import ASK, fit_everybody, read_attributes, screen
from playbook.proposition.pooling import partly_pooled
from playbook.proposition.words import join, plural

__all__ = [
    "ASK",
    "Experiment",
    "SegmentModel",
    "choice_experiment",
    "fit_experiment",
    "read_attributes",
]

EVERYBODY = "everybody"


@dataclass(frozen=True)
class SegmentModel:
    """Part-worths of one segment, partly pooled with those of all respondents.

    Attributes
    ----------
    result
        Estimates to use; their covariance holds what the segment does not tell.
    n
        Respondents of the segment.
    alone
        Estimates from the segment's own answers only; none when too few were asked.
    """

    segment: str
    result: LogitResult
    n: int
    alone: LogitResult | None = None

    @property
    def own(self) -> bool:
        """Whether the segment's own answers enter."""
        return self.alone is not None


@dataclass(frozen=True)
class Experiment:
    """Coding, tasks used and held out, segments, partly pooled (by name) and one for everybody.

    ``findings`` (``finding``, ``count``) names what was left out of the answers, and why.
    """

    coding: Coding
    train: pd.DataFrame
    held_out: pd.DataFrame
    models: dict[str, SegmentModel]
    everybody: LogitResult
    findings: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=["finding", "count"])
    )

    @property
    def features(self) -> list[str]:
        """Names of the attributes, price left out."""
        return [name for name in self.coding.attributes if name != "price"]


def fit_experiment(
    choices: pd.DataFrame,
    segments: pd.DataFrame,
    smallest_sample: int = 20,
    since: date | None = None,
) -> Experiment:
    """Fit a conditional logit for everybody and one for each segment, partly pooled.

    Parameters
    ----------
    choices
        Standard table ``choice_tasks``: one row an alternative, with its attributes.
    segments
        ``customer_id``, ``segment``.
    smallest_sample
        Respondents that a segment needs for its own answers to count.
    since
        Use only answers after this day when a hundred respondents gave some.

    Raises
    ------
    NotEnough
        No choices, or none that a model can be fitted to.
    """
    need(choices, "choice tasks", ASK, rows=30)
    need(segments, "customers with a segment", "orders with a customer number", columns=["segment"])
    frame, names = read_attributes(_recent(choices, since))
    home = segments[["customer_id", "segment"]].drop_duplicates("customer_id")
    frame = frame.merge(home, on="customer_id", how="left")
    screened, coding, everybody = fit_everybody(screen(frame, names))
    train = screened.train
    names = sorted(str(name) for name in segments["segment"].dropna().unique())
    parts = {name: train[train["segment"] == name] for name in names}
    people = {name: int(part["respondent_id"].nunique()) for name, part in parts.items()}
    fits = {n: _alone(part, coding, people[n], smallest_sample) for n, part in parts.items()}
    alone = {name: fit for name, fit in fits.items() if isinstance(fit, LogitResult)}
    pooled = partly_pooled(alone, everybody, people)
    models = {n: SegmentModel(n, pooled[n], people[n], alone.get(n)) for n in names}
    notes = [(f"{name}: {why}", people[name]) for name, why in fits.items() if isinstance(why, str)]
    findings = pd.DataFrame(screened.findings + notes, columns=["finding", "count"])
    return Experiment(coding, train, screened.held_out, models, everybody, findings)


def _recent(choices: pd.DataFrame, since: date | None) -> pd.DataFrame:
    """Choices of the year, so that years can be compared; all when the year has too few."""
    if since is None or "answered_at" not in choices:
        return choices
    recent = choices[choices["answered_at"] >= pd.Timestamp(since) + pd.Timedelta(days=1)]
    return recent if recent["respondent_id"].nunique() >= 100 else choices


def _alone(part: pd.DataFrame, coding: Coding, n: int, smallest_sample: int) -> LogitResult | str:
    """Estimates from one segment's answers, errors by respondent where there are enough; or why not."""
    if n < max(smallest_sample, 2):
        return f"{n} respondents are too few to count, everybody's answers stand in"
    try:
        return conditional_logit(part, coding.matrix(part), clustered=n >= 40)
    except SeparationError as error:
        return f"{join(error.columns)} decide the choices of so few without exception, everybody's answers stand in"
    except ValueError as error:
        return f"its own answers give no model ({error}), everybody's stand in"


def _predictions(experiment: Experiment, seed: int) -> tuple[dict[str, pd.Series], int]:
    """Probabilities of the held-out choices by four ways of predicting, and the hidden classes."""
    held, coding = experiment.held_out, experiment.coding
    design = coding.matrix(held)
    everybody = choice_probabilities(experiment.everybody, held, design)
    by_segment = everybody.copy()
    for name, model in experiment.models.items():
        rows = held["segment"] == name
        if rows.any():
            by_segment[rows] = choice_probabilities(model.result, held[rows], design[rows])
    train = experiment.train
    _, hidden = choose_classes(train, coding.matrix(train), seed=seed, starts=2)
    names = [*coding.levels, *coding.numeric]
    counted = counts_model(train, held, names, none=coding.none)
    return {
        "segments, partly pooled": by_segment,
        "one model for everybody": everybody,
        "hidden classes": choice_probabilities(hidden, held, design),
        "counting levels": counted,
    }, len(hidden.shares)


@answers
def choice_experiment(
    choices: pd.DataFrame,
    segments: pd.DataFrame,
    smallest_sample: int = 20,
    since: date | None = None,
    seed: int = 1,
) -> Answer:
    """Return how well the choice models predict tasks they have not seen, and the models.

    Parameters
    ----------
    choices
        Standard table ``choice_tasks``; attributes as text columns.
    segments
        ``customer_id``, ``segment``.
    smallest_sample
        Respondents a segment needs for its own answers to count; smaller ones borrow everybody's.
    since
        Use only answers after this day when a hundred respondents gave some.
    seed
        Seed of the latent-class model it is compared with.

    Returns
    -------
    Answer
        ``model``, ``hit_rate`` with ``low`` and ``high``, ``log_likelihood_per_task``, ``tasks``,
        best predicting first; ``extra["experiment"]`` is the `Experiment` for the sections after,
        ``extra["respondents"]`` counts respondents per segment.

    Notes
    -----
    Conditional logit (McFadden, 1974), effects coding, errors clustered by respondent from 40 on. A
    segment's part-worths are pulled toward everybody's, the more the fewer were asked and the less
    segments differ: see `playbook.proposition.pooling`.
    """
    experiment = fit_experiment(choices, segments, smallest_sample, since)
    table, classes = _scores(experiment, seed)
    return _told(experiment, table, classes, smallest_sample)


def _told(
    experiment: Experiment, table: pd.DataFrame, classes: int, smallest_sample: int
) -> Answer:
    people = _respondents(experiment)
    borrowed = people[~people["own_answers"]]["segment"].tolist()
    n = experiment.everybody.n_respondents
    extra = {"experiment": experiment, "respondents": people}
    kind = _whose(borrowed, smallest_sample, len(experiment.findings))
    if table.empty:
        return Answer(
            table=people,
            headline=f"{n:,} customers chose among complete offers; no task was held out to check",
            so_what=kind + "Hold out two tasks a respondent next time, so that the model can fail.",
            kind="predictive",
            caption=f"Respondents of the choice experiment by segment (n = {n:,})",
            source="choice experiment",
            extra=extra,
        )
    by = table.set_index("model")
    ours = by.loc["segments, partly pooled"]
    chance = float(by.loc["chance", "hit_rate"])
    best = str(table.iloc[0]["model"])
    return Answer(
        table=table,
        headline=(
            f"The models foresee {format_value(ours['hit_rate'], '%')} of unseen choices; "
            f"chance alone {format_value(chance, '%')}"
        ),
        so_what=(
            f"{_verdict(ours, by.loc['counting levels'], chance)} {kind}"
            f"Best on held-out tasks: {best}"
            + (", so read differences between segments with care" if best == "one model for everybody" else "")
            + "; beyond segments the data show "
            + ("no further hidden groups of taste." if classes == 1
               else f"{classes} hidden groups of taste.")
        ),
        kind="predictive",
        caption=f"Held-out tasks predicted by each model, 95 % interval (n = {n:,} respondents)",
        units={"hit_rate": "%", "low": "%", "high": "%", "tasks": "count"},
        source="choice experiment; conditional logit per segment, partly pooled with everybody",
        metrics=(
            Metric("choice_hit_rate", float(ours["hit_rate"]), float(ours["low"]),
                   float(ours["high"]), n, "%", "predictive"),
        ),
        extra=extra,
    )  # fmt: skip


def _whose(borrowed: list[str], smallest_sample: int, findings: int) -> str:
    """Whose answers count for each segment, and that some were found wanting."""
    text = (
        "Every segment's own answers count. "
        if not borrowed
        else f"Everybody's answers stand in for {join(borrowed, 6)} (under {smallest_sample} respondents, or no model of their own). "
    )
    if findings:
        text += f"{plural(findings, 'finding')} on the answers {'is' if findings == 1 else 'are'} listed below. "
    return text


def _verdict(ours: pd.Series, counted: pd.Series, chance: float) -> str:
    """What the models are good for, against chance and against counting."""
    if ours["low"] <= chance:
        return "That is no better than chance: do not decide on it; ask the experiment again."
    times = f"It is {format_value(ours['hit_rate'] / chance)} times chance"
    if ours["log_likelihood_per_task"] <= counted["log_likelihood_per_task"]:
        return f"{times}, but counting levels foresees as well: use the counts."
    return f"{times} and more likely than by counting levels: good enough to rank features."


def _respondents(experiment: Experiment) -> pd.DataFrame:
    counted = experiment.train.groupby("segment")["respondent_id"].nunique()
    rows = [
        {"segment": name, "respondents": int(counted.get(name, 0)), "own_answers": model.own}
        for name, model in experiment.models.items()
    ]
    return pd.DataFrame(rows, columns=["segment", "respondents", "own_answers"])


def _scores(experiment: Experiment, seed: int) -> tuple[pd.DataFrame, int]:
    if experiment.held_out.empty:
        return pd.DataFrame(), 0
    predictions, classes = _predictions(experiment, seed)
    table = evaluate_holdout(experiment.held_out, predictions)
    table = table.rename(columns={"per_task": "log_likelihood_per_task", "n": "tasks"})
    order = np.lexsort((table["model"], -table["log_likelihood_per_task"]))
    columns = ["model", "hit_rate", "low", "high", "log_likelihood_per_task", "tasks"]
    return table.iloc[order][columns].reset_index(drop=True), classes
