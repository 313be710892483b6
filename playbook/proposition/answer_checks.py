"""Can the choices be trusted? Who did not choose, what was left out, and whether dearer is ever liked more."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.choice import (  # fmt: skip
    LogitResult,
    choice_probabilities,
    conditional_logit,
    effects_code,
    evaluate_holdout,
)
from playbook.choice.quality import straight_liners
from playbook.errors import NotEnough
from playbook.proposition.experiment import ASK, EVERYBODY, Experiment
from playbook.proposition.words import join, plural

__all__ = ["choice_quality", "price_check", "price_steps", "rising_prices"]

MOST_PRICES = 8
"""Different prices up to which each is a level of its own; more are put into five classes."""
FEWEST = 40
"""Respondents a segment needs for a check of its own."""


def _hit_rate(experiment: Experiment, model: LogitResult) -> float:
    held = experiment.held_out
    if held.empty:
        return float("nan")
    found = choice_probabilities(model, held, experiment.coding.matrix(held))
    return float(evaluate_holdout(held, {"model": found}).set_index("model").loc["model", "hit_rate"])  # fmt: skip


def _left_out(experiment: Experiment, people: pd.Series) -> dict[str, float]:
    """How far everybody's part-worths and the hit rate move when some respondents are left out."""
    part = experiment.train[~experiment.train["respondent_id"].isin(people)]
    try:
        without = conditional_logit(part, experiment.coding.matrix(part))
    except ValueError:
        return {"largest_shift": np.nan, "price_effect": np.nan, "hit_rate": np.nan}
    everybody = experiment.everybody
    shift = ((without.params - everybody.params) / everybody.bse).abs()
    price = without.params.get("price", np.nan) / everybody.params.get("price", np.nan) - 1
    hits = _hit_rate(experiment, without) - _hit_rate(experiment, everybody)
    return {"largest_shift": float(shift.max()), "price_effect": float(price), "hit_rate": hits}


@answers
def choice_quality(experiment: Answer) -> Answer:
    """Return what was left out of the choice answers, and who gave the same answer every time.

    Parameters
    ----------
    experiment
        From `choice_experiment`.

    Returns
    -------
    Answer
        ``finding``, ``count``, ``share`` of respondents (of those who always gave one answer), and
        what changes without them: ``largest_shift`` of a part-worth (in its standard errors),
        ``price_effect`` and ``hit_rate`` (relative change, and change). They are kept in the models:
        always choosing none can be an honest answer.
    """
    read: Experiment = experiment["experiment"]
    n = read.everybody.n_respondents
    rows = [{"finding": "respondents whose answers count", "count": n}]
    found = straight_liners(read.train)
    for pattern, people in found.groupby("pattern")["respondent_id"]:
        rows.append(
            {"finding": f"{pattern}, in every task", "count": len(people), "share": len(people) / n}
            | _left_out(read, people)
        )
    rows += read.findings.to_dict("records")
    columns = ["finding", "count", "share", "largest_shift", "price_effect", "hit_rate"]
    table = pd.DataFrame(rows, columns=columns)
    shift = float(table["largest_shift"].max())
    who = (
        f"{plural(len(found), 'respondent')} ({format_value(len(found) / n, '%')}) gave one answer every time; "
        + (f"without them no part-worth moves by more than {format_value(shift)} standard errors: "
           + ("keep them. " if shift < 1 else "report both. ") if shift == shift else "")
        if len(found) else "Nobody gave one answer every time. "
    )  # fmt: skip
    notes = [f"{what} ({count:,})" for what, count in read.findings.itertuples(index=False)]
    more = f"; and {len(notes) - 3} more" if len(notes) > 3 else ""
    return Answer(
        table=table,
        headline=(
            f"The answers of {n:,} respondents can be used"
            + (f"; {plural(len(notes), 'finding')} on the rest" if notes else " as they are")
        ),
        so_what=who
        + (
            f"Left out or changed: {'; '.join(notes[:3])}{more}."
            if notes
            else "No task had to be left out."
        ),
        kind="descriptive",
        caption=f"What was left out of the choice answers, and the effect of one-sided respondents (n = {n:,})",
        units={"count": "count", "share": "%", "price_effect": "%", "hit_rate": "%"},
        source="choice experiment; refit without these respondents",
        metrics=(Metric("one_sided_respondents", len(found) / n, n=n, unit="%"),),
    )


def price_steps(experiment: Experiment) -> pd.DataFrame:
    """Change of part-worth from each price to the next, price coded by level.

    Returns
    -------
    pandas.DataFrame
        ``segment`` (``everybody`` first), ``from``, ``to`` (currency), ``change`` with ``low`` and
        ``high`` (95 % over all steps of the segment together, Bonferroni), ``n``.
    """
    parts = {EVERYBODY: experiment.train} | {
        name: experiment.train[experiment.train["segment"] == name]
        for name, model in sorted(experiment.models.items())
        if model.own and model.n >= FEWEST
    }
    tables = [_steps_of(part, experiment).assign(segment=name) for name, part in parts.items()]
    return pd.concat(tables, ignore_index=True)


def _steps_of(part: pd.DataFrame, experiment: Experiment) -> pd.DataFrame:
    columns = ["from", "to", "change", "low", "high", "n"]
    none = part["is_none"].to_numpy(bool)
    price = part["price"].where(~none).astype(float)
    values = np.unique(price.dropna())
    if len(values) > MOST_PRICES:
        ends = np.unique(np.quantile(values, np.linspace(0, 1, 6)))
        price = pd.Series(ends[np.clip(np.searchsorted(ends, price, "right") - 1, 0, len(ends) - 2)], part.index).where(~none)  # fmt: skip
        values = np.unique(price.dropna())
    names = {value: f"p{place}" for place, value in enumerate(values)}
    frame = part.assign(price=price.map(names))
    try:
        coding = effects_code(frame, [*experiment.coding.levels, *experiment.coding.numeric], none=experiment.coding.none)  # fmt: skip
        fit = conditional_logit(frame, coding.matrix(frame))
    except ValueError:  # a price that so few people always or never chose
        return pd.DataFrame(columns=columns)
    rows = coding.level_rows().loc["price"].loc[list(names.values()), list(fit.params.index)]
    steps = np.diff(rows.to_numpy(), axis=0)
    change = steps @ fit.params.to_numpy()
    error = np.sqrt(np.einsum("ij,jk,ik->i", steps, fit.cov.to_numpy(), steps))
    half = stats.norm.ppf(1 - 0.025 / len(steps)) * error
    table = pd.DataFrame({"from": values[:-1], "to": values[1:], "change": change})
    return table.assign(low=change - half, high=change + half, n=fit.n_respondents)


def rising_prices(experiment: Experiment) -> dict[str, str]:
    """Segment -> the first step of price at which it surely likes the dearer offer more."""
    steps = price_steps(experiment)
    rises = steps[(steps["low"] > 0) & (steps["segment"] != EVERYBODY)].drop_duplicates("segment")
    found = {r["segment"]: f"{r['from']:g} to {r['to']:g}" for _, r in rises.iterrows()}
    for name, model in experiment.models.items():
        if model.own and float(model.result.params["price"]) >= 0:
            found.setdefault(name, "overall")
    return found


@answers
def price_check(experiment: Answer) -> Answer:
    """Test whether choices fall with price at every step, for everybody and each segment.

    Returns
    -------
    Answer
        ``segment``, ``step``, ``change`` of part-worth with ``low`` and ``high``, ``verdict``
        (falls, unsure, rises), ``n``. ``extra["rising"]``: segments that surely like a dearer offer
        more, which are refused a willingness to pay and a best price.
    """
    read: Experiment = experiment["experiment"]
    if "price" not in read.coding.numeric:
        raise NotEnough("the choice tasks have no price", ASK + " with a price in each offer")
    steps = need(price_steps(read), "prices that a model can be fitted to", ASK)
    verdict = np.select([steps["high"] < 0, steps["low"] > 0], ["falls", "rises"], "unsure")
    steps = steps.assign(
        verdict=verdict, step=[f"{a:g} to {b:g}" for a, b in zip(steps["from"], steps["to"], strict=True)]
    )  # fmt: skip
    rising = rising_prices(read)
    count = steps["verdict"].value_counts()
    odd = join([f"{name} ({step})" for name, step in sorted(rising.items())])
    return Answer(
        table=steps[["segment", "step", "change", "low", "high", "verdict", "n"]],
        headline=(
            f"{len(rising)} of {plural(len(read.models), 'segment')} like a dearer offer more"
            if rising
            else f"Choices fall with price: surely in {count.get('falls', 0)} of {plural(len(steps), 'step')}, rising in none"
        ),
        so_what=(
            f"No willingness to pay and no best price is stated for {odd}: there price stands for quality or was not read. "
            if rising
            else "A higher price never surely attracts, so price can be weighed against features. "
        )
        + "Where a step is unsure, more respondents must be asked before a price is moved across it.",
        kind="diagnostic",
        caption=f"Change of part-worth from one price to the next, 95 % interval over a segment's steps (n = {read.everybody.n_respondents:,})",
        units={"n": "count"},
        source="choice experiment; conditional logit with price by level, segments of 40 respondents or more",
        metrics=(Metric("segments_price_rises", float(len(rising)), n=read.everybody.n_respondents, unit="count", kind="diagnostic"),),
        extra={"rising": rising},
    )  # fmt: skip
