"""Does the model predict tasks that it has not seen? Against chance and against counting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from playbook.choice.latent import LatentClassResult
from playbook.choice.logit import LogitResult
from playbook.choice.tasks import Tasks, read_tasks
from playbook.stats import ratio_interval

__all__ = ["choice_probabilities", "counts_model", "evaluate_holdout"]


def choice_probabilities(
    model: LogitResult | LatentClassResult, frame: pd.DataFrame, design: pd.DataFrame
) -> pd.Series:
    """Predicted probability of each alternative.

    Parameters
    ----------
    model
        Fitted model. Of a latent-class model, classes are weighted by the respondent's posterior
        from the tasks it was fitted on, and by class sizes for people it has not seen.
    frame, design
        As for `conditional_logit`.

    Returns
    -------
    pandas.Series
        ``probability`` on the frame's index; sums to one within a task.
    """
    tasks = read_tasks(frame, design)
    if isinstance(model, LogitResult):
        probability = np.exp(tasks.log_probability(model.params[tasks.columns].to_numpy()))
    else:
        betas = model.params.loc[tasks.columns].to_numpy().T
        each = np.column_stack([np.exp(tasks.log_probability(beta)) for beta in betas])
        known = model.posterior.reindex(tasks.people)
        member = known.fillna(model.shares).to_numpy()[tasks.person][tasks.task]
        probability = (member * each).sum(axis=1)
    return _on_index(probability, frame)


def _on_index(values: np.ndarray, frame: pd.DataFrame) -> pd.Series:
    """Values in task order back on the frame's own order."""
    order = frame.reset_index(drop=True).sort_values(["respondent_id", "task", "alternative"]).index
    result = np.empty(len(frame))
    result[order.to_numpy()] = values
    return pd.Series(result, index=frame.index, name="probability")


def counts_model(
    train: pd.DataFrame, test: pd.DataFrame, attributes: Sequence[str], none: str | None = None
) -> pd.Series:
    """Predict by counting: how often each level was chosen when it was shown.

    The simple analysis that a choice model has to beat. An alternative's weight is the product of
    its levels' odds of being chosen (half a choice added); levels not seen in ``train`` count as
    average.

    Returns
    -------
    pandas.Series
        ``probability`` on the index of ``test``.
    """
    columns = [*attributes, *([none] if none else [])]
    weight = np.zeros(len(test))
    for column in columns:
        shown = train[column].astype("string").fillna("(none)")
        chosen = train["chosen"].astype(bool).groupby(shown)
        share = (chosen.sum() + 0.5) / (chosen.size() + 1)
        average = (train["chosen"].astype(bool).sum() + 0.5) / (len(train) + 1)
        odds = np.log(share / (1 - share)) - np.log(average / (1 - average))
        weight += test[column].astype("string").fillna("(none)").map(odds).fillna(0).to_numpy(float)
    part = pd.Series(np.exp(weight), index=test.index)
    keys = [test["respondent_id"], test["task"]]
    return (part / part.groupby(keys).transform("sum")).rename("probability")


def evaluate_holdout(
    test: pd.DataFrame, predictions: dict[str, pd.Series], level: float = 0.95
) -> pd.DataFrame:
    """Hit rate and log-likelihood of predictions on held-out tasks, beside chance.

    Parameters
    ----------
    test
        Choices of the held-out tasks.
    predictions
        Name -> probability of each alternative, on the index of ``test``.
    level
        Confidence level.

    Returns
    -------
    pandas.DataFrame
        ``model`` (the names, then ``chance``), ``hit_rate`` with ``low`` and ``high`` (respondents
        are the independent units; ties share the hit), ``log_likelihood``, ``per_task``, ``n``
        (tasks) and ``n_respondents``.
    """
    tasks = read_tasks(test, pd.DataFrame({"constant": 0.0}, index=test.index))
    size = np.bincount(tasks.task)[tasks.task]
    rows = {name: _in_order(p, test) for name, p in sorted(predictions.items())}
    rows["chance"] = 1 / size
    table = []
    for name, probability in rows.items():
        hits = tasks.by_person(_hits(tasks, probability))
        count = tasks.by_person(np.ones(len(tasks.start)))
        rate = ratio_interval(hits, count, level)
        value = float(np.log(np.clip(probability[tasks.chosen == 1], 1e-12, None)).sum())
        table.append(
            {
                "model": name,
                "hit_rate": rate.value,
                "low": max(rate.low, 0.0),
                "high": min(rate.high, 1.0),
                "log_likelihood": value,
                "per_task": value / len(tasks.start),
                "n": len(tasks.start),
                "n_respondents": len(tasks.people),
            }
        )
    return pd.DataFrame(table)


def _in_order(probability: pd.Series, test: pd.DataFrame) -> np.ndarray:
    if not probability.index.equals(test.index) or not np.isfinite(probability).all():
        raise ValueError("predictions must be known for every row of the held-out tasks")
    order = test.reset_index(drop=True).sort_values(["respondent_id", "task", "alternative"]).index
    return probability.to_numpy()[order.to_numpy()]


def _hits(tasks: Tasks, probability: np.ndarray) -> np.ndarray:
    """Whether the likeliest alternative was chosen, by task; ties share the hit."""
    best = probability >= np.maximum.reduceat(probability, tasks.start)[tasks.task] - 1e-12
    return np.add.reduceat(best * tasks.chosen, tasks.start) / np.add.reduceat(best, tasks.start)
