"""The next choice survey: which offers to ask, and how many respondents tell what."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.choice import ChoiceDesign, LogitResult, conditional_logit, d_efficient_design
from playbook.choice.design import model_rows
from playbook.choice.search import information
from playbook.choice.tasks import read_tasks
from playbook.errors import NotEnough
from playbook.proposition.experiment import ASK, Experiment
from playbook.proposition.margin_price import WIDER
from playbook.proposition.words import feature, join, money, plural

__all__ = ["next_survey", "survey_power"]

POWER, ALPHA = 0.8, 0.05
VERSIONS = 4
MOST_LEVELS = 5
"""Levels of a number that are asked again; more are thinned to this many, ends included."""

MOST_PEOPLE = 100_000
SMALLEST_UTILITY = 0.2
"""Smallest gap of part-worths worth finding where price does not work: ten per cent of the odds at par."""


def _levels(experiment: Experiment, price: Answer | None) -> tuple[dict[str, list], list[float]]:
    """Levels to ask: those asked last time, and prices beyond where the best one may lie there.

    Numbers are thinned to a few when there were many. The second value holds the prices added.
    """
    coding, shown = experiment.coding, experiment.train[~experiment.train["is_none"]]
    levels: dict[str, list] = {name: list(coding.levels[name]) for name in coding.levels}
    added: list[float] = []
    for name in coding.numeric:
        values = np.unique(shown[name].to_numpy(float))
        if len(values) > MOST_LEVELS:
            place = np.linspace(0, len(values) - 1, MOST_LEVELS).round().astype(int)
            values = values[place]
        if name == "price" and price is not None:
            added = _beyond(values, price.table)
            values = np.unique([*values, *added])
        whole = (values == values.round()).all()
        levels[name] = [int(v) for v in values] if whole else [float(v) for v in values]
    return levels, added


def _beyond(prices: np.ndarray, found: pd.DataFrame) -> list[float]:
    """One price more at each end of those asked at which a segment's interval of the best price ends."""
    edge = found[(found["verdict"] == WIDER) & (found["source"] == "choices")]
    step = float(np.median(np.diff(prices)).round(0 if np.ptp(prices) > 10 else 2))
    above = [prices[-1] + step] if (edge["high"] >= prices[-1]).any() else []
    below = [prices[0] - step] if (edge["low"] <= prices[0]).any() and prices[0] > step else []
    return [*below, *above]


def _shape(experiment: Experiment) -> tuple[int, int, int]:
    """Tasks a respondent, tasks held out among them, and offers a task: as asked last time."""

    def usual(frame: pd.DataFrame) -> int:
        each = frame.groupby("respondent_id")["task"].nunique()
        return int(each.mode().iloc[0]) if len(each) else 0

    train, held = usual(experiment.train), usual(experiment.held_out)
    offers = experiment.train[~experiment.train["is_none"]]
    each = offers.groupby(["respondent_id", "task"]).size()
    return train, held, max(int(each.mode().iloc[0]), 2)


def _last_error(experiment: Experiment, design: ChoiceDesign, levels: dict[str, list]) -> float:
    """D-error of one respondent of the last survey, on the same coding; missing when not comparable."""
    frame = experiment.train
    for name in experiment.coding.numeric:
        if not frame.loc[~frame["is_none"], name].isin(levels[name]).all():
            return float("nan")
        text = {float(v): str(v) for v in levels[name]}
        frame = frame.assign(**{name: frame[name].map(text)})
    tasks = read_tasks(frame, design.coding.matrix(frame))
    info = tasks.likelihood(design.prior, tasks.weight)[2] / len(tasks.people)
    sign, log = np.linalg.slogdet(info)
    return float(np.exp(-log / len(info))) if sign > 0 else float("nan")


@answers
def next_survey(
    experiment: Answer, price: Answer | None = None, versions: int = VERSIONS, seed: int = 1
) -> Answer:
    """Return the next choice survey, made from what this one taught.

    Parameters
    ----------
    experiment
        From `choice_experiment`: levels, number of tasks and offers, and part-worths to expect.
    price
        From `margin_price`: where the best price may lie beyond those asked, one price more is.
    versions
        Questionnaires that differ; respondents are spread evenly over them.
    seed
        Seed of the search.

    Returns
    -------
    Answer
        The questionnaire, one row an alternative: ``version``, ``task``, ``alternative``,
        ``is_none``, ``is_holdout`` and one column an attribute. ``extra["design"]`` is the
        `ChoiceDesign`; ``extra["compared"]`` the D-error of this design, of the last survey and of
        random ones; ``extra["balance"]`` how often each level is shown.

    Notes
    -----
    Coordinate exchange on the D-error of a conditional logit (Huber & Zwerina, 1996), with everybody's
    part-worths as expected ones. Numbers are coded by level, so that no price is left out.
    """
    read: Experiment = experiment["experiment"]
    train, held, offers = _shape(read)
    (levels, added), none = _levels(read, price), read.coding.none is not None
    prior = read.everybody.params.rename({read.coding.none: "none"} if none else {})
    try:
        design = d_efficient_design(levels, train + held, offers, versions, none, prior, seed, balance=1.0)  # fmt: skip
    except ValueError as error:
        raise NotEnough(f"a design for the next survey: {error}", ASK) from error
    table = design.table
    table.insert(4, "is_holdout", table["task"] > train)
    scale = (train + held) / max(train, 1)  # tasks held out tell nothing to the model
    compared = pd.DataFrame(
        {
            "design": ["next survey", "last survey", "random tasks"],
            "d_error": [
                design.d_error * scale,
                np.nan if added else _last_error(read, design, levels),
                design.random_d_error * scale,
            ],
        }
    )
    return _survey_told(table, design, compared, read, added)


def _survey_told(
    table: pd.DataFrame, design: ChoiceDesign, compared: pd.DataFrame, read: Experiment, added: list[float]
) -> Answer:  # fmt: skip
    error = compared.set_index("design")["d_error"]
    saved = 1 - error["next survey"] / error["random tasks"]
    last = error["last survey"]
    uneven = design.balance.groupby("attribute")["shown"].agg(lambda s: s.max() / max(s.min(), 1))
    tasks, versions = int(table["task"].max()), int(table["version"].max())
    return Answer(
        table=table,
        headline=f"The next survey needs {format_value(saved, '%')} fewer answers than random tasks for the same errors",
        so_what=(
            f"{plural(versions, 'questionnaire')} of {tasks} tasks, levels and task size as last time"
            + (f"; price {join([format_value(v, 'currency') for v in added])} is new, for the best price may lie there" if added else "")
            + f". D-error {format_value(error['next survey'])} against {format_value(error['random tasks'])} of random tasks"
            + (f" and {format_value(last)} of the last survey. " if last == last else ". ")
            + f"Two offers of a task share {format_value(design.overlap, '%')} of their levels; "
            + ("no task holds an offer that loses in everything. " if not design.dominated
               else f"{plural(design.dominated, 'task')} could not avoid an offer that loses in everything. ")
            + ("Every level is shown about equally often." if uneven.max() < 1.25
               else f"Levels of {join(uneven[uneven >= 1.25].index)} are not shown equally often.")
        ),
        kind="prescriptive",
        caption=f"Next choice survey, first tasks of {len(table):,} rows; expected part-worths from this one (n = {read.everybody.n_respondents:,})",
        units={"version": "count", "task": "count", "alternative": "count"},
        source="choice experiment; coordinate exchange on the D-error of the conditional logit (Huber & Zwerina, 1996)",
        metrics=(Metric("next_survey_d_error", float(error["next survey"]), unit="ratio", kind="prescriptive"),),
        extra={"design": design, "compared": compared, "balance": design.balance},
    )  # fmt: skip


def _contrasts(experiment: Experiment) -> pd.DataFrame:
    """Each level against the least liked one, as rows of the coding, by attribute and level."""
    coding, rows = experiment.coding, experiment.coding.level_rows()
    found = {}
    for name, levels in coding.levels.items():
        for level in levels[:-1]:
            found[(name, level)] = rows.loc[(name, level)] - rows.loc[(name, levels[-1])]
    table = pd.DataFrame(found).T if found else pd.DataFrame(columns=coding.columns)
    return table.reindex(columns=coding.columns).astype(float)


def _mixture(experiment: Experiment, contrasts: np.ndarray) -> np.ndarray:
    """How much respondents' own tastes widen the variance of each contrast (at least 1)."""
    design = experiment.coding.matrix(experiment.train)
    try:
        plain = conditional_logit(experiment.train, design, clustered=False).cov.to_numpy()
    except ValueError:
        return np.ones(len(contrasts))
    robust = experiment.everybody.cov.to_numpy()
    ratio = _variance(contrasts, robust) / _variance(contrasts, plain)
    return np.asarray(np.maximum(ratio, 1.0))


def _variance(contrasts: np.ndarray, cov: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("ij,jk,ik->i", contrasts, cov, contrasts))


def power_of(effect: np.ndarray, error: np.ndarray, alpha: float = ALPHA) -> np.ndarray:
    """Power of the two-sided test that tells an effect from zero."""
    limit = stats.norm.ppf(1 - alpha / 2)
    ratio = np.abs(effect) / error
    return np.asarray(stats.norm.cdf(ratio - limit) + stats.norm.cdf(-ratio - limit))


def needed(effect: np.ndarray, error: np.ndarray, power: float = POWER) -> np.ndarray:
    """Respondents that tell an effect with this power, from the error of a single respondent.

    References
    ----------
    De Bekker-Grob, E. W., Donkers, B., Jonker, M. F. & Stolk, E. A. (2015). Sample size requirements
    for discrete-choice experiments in healthcare: a practical guide. The Patient 8, 373-384.
    """
    limit = stats.norm.ppf(1 - ALPHA / 2) + stats.norm.ppf(power)
    with np.errstate(divide="ignore"):
        people = (limit * error / np.abs(effect)) ** 2
    return np.asarray(np.ceil(np.minimum(people, MOST_PEOPLE)))


@answers
def survey_power(
    survey: Answer, experiment: Answer, smallest_worth: float = 5.0, currency: str = ""
) -> Answer:
    """Return how surely the next survey tells what each feature is worth to each segment.

    Parameters
    ----------
    survey
        From `next_survey`.
    experiment
        From `choice_experiment`: part-worths to expect.
    smallest_worth
        Smallest difference worth finding (currency); smaller expected ones are planned with it.
    currency
        Written before amounts.

    Returns
    -------
    Answer
        ``feature`` (against the least liked level), ``segment``, ``part_worth`` expected, ``respondents``
        (as many as last time), ``error`` of the part-worth with that many, ``power`` (0 to 1),
        ``smallest_told`` (currency, found with 80 % power) and ``people_needed`` for 80 % power.
        ``extra["segments"]``: ``segment``, ``respondents``, ``people_needed`` so that 80 % of the
        differences worth finding are found.

    Notes
    -----
    Asymptotic covariance of the conditional logit under the expected part-worths (de Bekker-Grob et
    al., 2015), widened by how much this year's errors by respondent exceed those of the model.
    """
    read: Experiment = experiment["experiment"]
    need(pd.DataFrame({"model": list(read.models)}), "segments", "orders with a customer number")
    contrasts = _contrasts(read)
    need(contrasts, "attributes with levels", ASK)
    rows = model_rows(survey.table[~survey.table["is_holdout"]], read.coding)
    wider = _mixture(read, contrasts.to_numpy())
    versions = survey["design"].table["version"].nunique()
    table, plans = [], []
    for name, model in sorted(read.models.items()):
        found = _segment_power(model.result, contrasts, rows, versions, wider, read, smallest_worth)
        respondents = model.n if model.n else int(read.everybody.n_respondents)
        found = found.assign(segment=name, respondents=respondents)
        found["error"] = found["error_of_one"] / np.sqrt(respondents)
        found["power"] = power_of(found["effect"], found["error"])
        found["smallest_told"] = found["money"] * (stats.norm.ppf(1 - ALPHA / 2) + stats.norm.ppf(POWER)) * found["error"]  # fmt: skip
        table.append(found)
        plans.append({"segment": name, "respondents": model.n, "people_needed": _enough(found)})
    return _power_told(pd.concat(table, ignore_index=True), pd.DataFrame(plans), smallest_worth, currency)  # fmt: skip


def _segment_power(
    result: LogitResult, contrasts: pd.DataFrame, rows: np.ndarray, versions: int,
    wider: np.ndarray, read: Experiment, smallest_worth: float,
) -> pd.DataFrame:  # fmt: skip
    """Expected gap, error of one respondent, effect planned with, and people needed, by contrast."""
    beta = result.params[read.coding.columns].to_numpy()
    one = np.linalg.inv(information(rows, beta) / versions)
    matrix = contrasts.to_numpy()
    error = np.sqrt(_variance(matrix, one) * wider)
    gap = matrix @ beta
    slope = -float(result.params["price"]) if "price" in read.coding.numeric else 0.0
    least = smallest_worth * slope if slope > 0 else SMALLEST_UTILITY
    effect = np.maximum(np.abs(gap), least)
    keys = [feature(a, v) for a, v in contrasts.index]
    return pd.DataFrame(
        {"feature": keys, "part_worth": gap, "effect": effect, "error_of_one": error,
         "money": 1 / slope if slope > 0 else np.nan,
         "people_needed": needed(effect, error)}
    )  # fmt: skip


def _enough(found: pd.DataFrame) -> int:
    """Fewest people with whom, on average, 80 % of the differences are found."""
    effect, error = found["effect"].to_numpy(), found["error_of_one"].to_numpy()
    low, high = 1, MOST_PEOPLE
    while low < high:
        middle = (low + high) // 2
        if power_of(effect, error / np.sqrt(middle)).mean() >= POWER:
            high = middle
        else:
            low = middle + 1
    return low


def _power_told(
    table: pd.DataFrame, plans: pd.DataFrame, smallest_worth: float, currency: str
) -> Answer:
    hardest = plans.sort_values(["people_needed", "segment"], ascending=[False, True]).iloc[0]
    short = plans[plans["respondents"] < plans["people_needed"]]
    found = int((table["power"] >= POWER).sum())
    each = [f"{row.segment} {row.people_needed:,}" for row in plans.itertuples()]
    mean = table.groupby("feature", sort=False)["people_needed"].median()
    table = table.assign(order=table["feature"].map(mean))
    table = table.sort_values(["order", "feature", "segment"])
    columns = ["feature", "segment", "part_worth", "respondents", "error", "power", "smallest_told", "people_needed"]  # fmt: skip
    planned = money(smallest_worth, currency)
    return Answer(
        table=table[columns].reset_index(drop=True),
        headline=f"With as many respondents as last time {found:,} of {len(table):,} differences would be found",
        so_what=(
            f"Respondents needed to find 80 % of them: {join(each, 9)}; in all {int(plans['people_needed'].sum()):,}. "
            + ("Last time's number is enough in every segment. " if short.empty
               else "Last time too few were asked in every segment. " if len(short) == len(plans)
               else f"Last time too few were asked in {join(short['segment'], 4)}. ")
            + f"{hardest['segment']} decide: draw the sample by segment, not at random. "
            f"Differences expected below {planned} are planned with {planned}."
        ),
        kind="prescriptive",
        caption="Respondents of a segment needed to tell each feature from the least liked level with 80 % power",
        units={"respondents": "count", "power": "%", "smallest_told": "currency", "people_needed": "count"},
        source="next survey's design; asymptotic errors (de Bekker-Grob et al., 2015), widened by this year's errors by respondent",
        metrics=(Metric("next_survey_respondents", float(plans["people_needed"].sum()), unit="count", kind="prescriptive"),),
        extra={"segments": plans},
    )  # fmt: skip
