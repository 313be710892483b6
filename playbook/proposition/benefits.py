"""What each segment values: part-worths and importance from choices, ratings from the survey."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.choice import attribute_importance
from playbook.proposition.experiment import Experiment, SegmentModel
from playbook.proposition.words import feature, join, named, with_segment
from playbook.stats import false_discovery, mean_interval

__all__ = ["benefits", "part_worths", "preference_differences", "stated_importance", "what_decides"]


def part_worths(experiment: Experiment, model: SegmentModel) -> pd.DataFrame:
    """Part-worth of every level with its 95 % interval; numbers per unit, and choosing none.

    Returns
    -------
    pandas.DataFrame
        ``segment``, ``attribute``, ``level``, ``part_worth``, ``low``, ``high``, ``n``,
        ``own_answers``.
    """
    coding, columns = experiment.coding, experiment.coding.columns
    rows = coding.level_rows().loc[list(coding.levels)] if coding.levels else coding.level_rows()
    keys = list(rows.index) if coding.levels else []
    matrix = [rows.to_numpy()] if coding.levels else []
    unit = np.eye(len(columns))
    for name in [*coding.numeric, *(["none"] if coding.none else [])]:
        keys.append((name, "one unit more" if name in coding.numeric else "none of the offers"))
        matrix.append(unit[[columns.index(name)]])
    contrasts = np.vstack(matrix)
    params = model.result.params[columns].to_numpy()
    cov = model.result.cov.loc[columns, columns].to_numpy()
    worth = contrasts @ params
    half = stats.norm.ppf(0.975) * np.sqrt(np.einsum("ij,jk,ik->i", contrasts, cov, contrasts))
    table = pd.DataFrame(keys, columns=["attribute", "level"])
    table.insert(0, "segment", model.segment)
    return table.assign(
        part_worth=worth, low=worth - half, high=worth + half, n=model.n, own_answers=model.own
    )


def _of(experiment: Answer | Experiment) -> Experiment:
    return experiment if isinstance(experiment, Experiment) else experiment["experiment"]


@answers
def benefits(experiment: Answer) -> Answer:
    """Return the part-worths of every level for every segment.

    Parameters
    ----------
    experiment
        From `choice_experiment`.

    Returns
    -------
    Answer
        ``feature``, ``segment``, ``part_worth``, ``low``, ``high``, ``n``, ``own_answers``: levels of
        features only, most liked first. ``extra["part_worths"]`` names ``attribute`` and ``level``
        and adds price (per unit) and choosing none.
    """
    read = _of(experiment)
    need(pd.DataFrame({"model": list(read.models)}), "segments", "orders with a customer number")
    full = pd.concat([part_worths(read, model) for model in read.models.values()])
    table = full[full["attribute"].isin(read.coding.levels)].copy()
    table.insert(0, "feature", [feature(a, v) for a, v in zip(table["attribute"], table["level"], strict=True)])  # fmt: skip
    everybody = part_worths(read, SegmentModel("", read.everybody, 0))
    spread = everybody.set_index(["attribute", "level"])["part_worth"]
    table["liked"] = [spread[key] for key in zip(table["attribute"], table["level"], strict=True)]
    table["reach"] = table.groupby("attribute")["liked"].transform("max")
    table = table.sort_values(
        ["reach", "attribute", "liked", "segment"], ascending=[False, True, False, True]
    ).drop(columns=["liked", "reach"])
    sure = table[(table["low"] > 0) & table["own_answers"]]
    own = [name for name, model in read.models.items() if model.own]
    best = sure.sort_values(["part_worth", "segment"], ascending=[False, True], kind="stable")
    top = best.groupby("segment").head(1)
    words = [f"{row.segment}: {named(row.attribute, row.level)}" for row in top.itertuples()]
    common = sure.groupby(["attribute", "level"])["segment"].nunique()
    shared = [named(*key) for key in common[common == len(own)].index]
    headline = (
        f"Every segment with enough answers values {join(shared, 2)}" if shared
        else f"{top.iloc[0]['segment']} value {named(top.iloc[0]['attribute'], top.iloc[0]['level'])} most of all" if words
        else "No single feature is surely valued by any segment"
    )  # fmt: skip
    so_what = (
        f"{len(sure):,} of {int(table['own_answers'].sum()):,} part-worths are surely above average. "
        + (f"Most valued by segment: {'; '.join(words[:6])}. " if words else "")
        + "Build the promise of each segment on its own surest feature; leave out what no segment values."
    )
    n = read.everybody.n_respondents
    return Answer(
        table=table.drop(columns=["attribute", "level"]).reset_index(drop=True),
        headline=headline,
        so_what=so_what,
        kind="diagnostic",
        caption=f"Part-worth of each level by segment, 0 = average of the levels, 95 % interval (n = {n:,})",
        units={"n": "count"},
        source="choice experiment; conditional logit per segment, partly pooled, effects coding",
        metrics=(Metric("sure_benefits", float(len(sure)), n=n, unit="count", kind="diagnostic"),),
        extra={"part_worths": full.reset_index(drop=True)},
    )


@answers
def what_decides(experiment: Answer, seed: int = 1) -> Answer:
    """Return how much each attribute decides the choice, per segment.

    Returns
    -------
    Answer
        ``attribute``, ``segment``, ``importance`` with ``low`` and ``high`` (0 to 1, one in sum per
        segment), ``n``, ``own_answers``; most deciding attribute first. Importance depends on the
        levels that were asked.
    """
    read = _of(experiment)
    need(pd.DataFrame({"model": list(read.models)}), "segments", "orders with a customer number")
    parts = []
    for name, model in read.models.items():
        part = attribute_importance(model.result, read.coding, seed=seed)
        parts.append(part.assign(segment=name, n=model.n, own_answers=model.own))
    table = pd.concat(parts, ignore_index=True)
    mean = table.groupby("attribute")["importance"].mean()
    table["mean"] = table["attribute"].map(mean)
    table["attribute"] = table["attribute"].str.replace("_", " ")
    table = table.sort_values(["mean", "attribute", "segment"], ascending=[False, True, True])
    columns = ["attribute", "segment", "importance", "low", "high", "n", "own_answers"]
    ranked = table.drop_duplicates("attribute")
    features = table[table["attribute"] != "price"]
    second = (
        features.sort_values("importance", ascending=False, kind="stable")
        .groupby("segment")
        .head(1)
    )
    second = second.sort_values("segment")
    second = second[second["own_answers"]]
    said = "; ".join(f"{row.segment}: {row.attribute} ({100 * row.importance:.0f} %)" for row in second.itertuples())  # fmt: skip
    first = ranked.iloc[0]
    return Answer(
        table=table[columns].reset_index(drop=True),
        headline=(
            f"{str(first['attribute']).capitalize()} decides most: {format_value(first['mean'], '%')} of a choice, "
            "averaged over segments"
        ),
        so_what=(
            f"Beside price, what decides is: {said}. Speak of it first, and keep the range of prices in "
            "mind: importance counts only the levels that were asked."
        ),
        kind="diagnostic",
        caption=f"Share of the range of utility per attribute and segment (n = {read.everybody.n_respondents:,})",
        units={"importance": "%", "low": "%", "high": "%", "n": "count"},
        source="choice experiment; range of part-worths over the sum of ranges",
    )  # fmt: skip


@answers
def preference_differences(experiment: Answer) -> Answer:
    """Test per attribute whether segments differ in taste.

    Returns
    -------
    Answer
        ``attribute``, ``statistic`` (Cochran's Q), ``degrees``, ``p_value``, ``q_value``,
        ``differs``; strongest difference first.

    Notes
    -----
    Segments are independent samples, so Q = sum (b_s - b)' V_s^-1 (b_s - b) with the precision-weighted
    mean b is chi-squared with (S - 1) k degrees of freedom under equal tastes (Cochran, 1954).
    """
    read = _of(experiment)
    own = [m for m in read.models.values() if m.alone is not None and m.n >= 40]
    need(pd.DataFrame({"model": own}), "segments with 40 respondents in the choice experiment",
         "more respondents per segment in the choice experiment", rows=2)  # fmt: skip
    rows = []
    for name in read.coding.attributes:
        columns = [c for c in read.coding.columns if c == name or c.startswith(f"{name}: ")]
        statistic, degrees = _heterogeneity(own, columns)
        rows.append({"attribute": name.replace("_", " "), "statistic": statistic, "degrees": degrees,
                     "p_value": float(stats.chi2.sf(statistic, degrees))})  # fmt: skip
    table = pd.DataFrame(rows)
    table["q_value"] = false_discovery(table["p_value"])
    table["differs"] = table["q_value"] <= 0.05
    table = table.sort_values(["p_value", "attribute"]).reset_index(drop=True)
    found = table[table["differs"]]["attribute"].tolist()
    if found:
        headline = f"Segments differ in taste for {join(found, 5)}"
        alike = table[~table["differs"]]["attribute"].tolist()
        so_what = f"Tailor {join(found, 5)} to each segment. " + (
            f"For {join(alike, 5)} no difference is shown: one standard serves all and costs less."
            if alike
            else "No attribute can be standardised safely."
        )
    else:
        headline = "No difference of taste between segments is shown"
        so_what = (
            "One offer may serve all segments: tell them apart by message, channel and service, "
            "and ask more respondents before building separate offers."
        )
    n = sum(model.n for model in own)
    return Answer(
        table=table,
        headline=headline,
        so_what=so_what,
        kind="diagnostic",
        caption=f"Do segments want different things? Test by attribute over {len(own)} segments (n = {n:,})",
        units={"degrees": "count"},
        source="choice experiment; Cochran's Q of part-worths, false discovery rate of 5 %",
        metrics=(Metric("attributes_that_differ", float(len(found)), n=n, unit="count", kind="diagnostic"),),
    )  # fmt: skip


def _heterogeneity(models: list[SegmentModel], columns: list[str]) -> tuple[float, int]:
    precision: Any = 0.0
    weighted: Any = 0.0
    parts = []
    for result in (model.alone for model in models if model.alone is not None):
        estimate = result.params[columns].to_numpy()
        inverse = np.linalg.inv(result.cov.loc[columns, columns].to_numpy())
        parts.append((estimate, inverse))
        precision, weighted = precision + inverse, weighted + inverse @ estimate
    mean = np.linalg.solve(precision, weighted)
    statistic = sum(float((b - mean) @ inverse @ (b - mean)) for b, inverse in parts)
    return statistic, (len(models) - 1) * len(columns)


@answers
def stated_importance(ratings: pd.DataFrame, segments: pd.DataFrame) -> Answer:
    """Return what customers say is important to them, per segment.

    Parameters
    ----------
    ratings
        Query ``survey_ratings`` with kind importance: ``respondent``, ``customer_id``, ``item``,
        ``value``.
    segments
        ``customer_id``, ``segment``.

    Returns
    -------
    Answer
        ``item``, ``segment``, ``importance`` (mean), ``low``, ``high``, ``n``; most important item
        first. Cells of fewer than five answers are left out.
    """
    ask = "a survey question on the importance of service, price, range and so on"
    need(ratings, "importance ratings", ask)
    joined = need(with_segment(ratings, segments), "importance ratings of known customers", ask, 10)
    rows = []
    for (item, segment), part in joined.groupby(["item", "segment"], sort=True):
        if len(part) >= 5:
            mean = mean_interval(part["value"])
            rows.append({"item": item, "segment": segment, "importance": mean.value, "low": mean.low,
                         "high": mean.high, "n": mean.n})  # fmt: skip
    table = need(pd.DataFrame(rows), "importance ratings, five a segment", ask)
    overall = joined.groupby("item")["value"].mean()
    table["overall"] = table["item"].map(overall)
    table = table.sort_values(["overall", "item", "segment"], ascending=[False, True, True])
    first = table.drop_duplicates("item")
    apart = table.assign(lead=table["importance"] - table["overall"])
    apart = apart[(apart["low"] > apart["overall"]) & (apart["n"] >= 20)]
    apart = apart.sort_values(["lead", "item"], ascending=[False, True])
    people = joined["respondent"].nunique()
    return Answer(
        table=table.drop(columns="overall").reset_index(drop=True),
        headline=(
            f"Asked directly, customers put {first.iloc[0]['item']} first "
            f"({first.iloc[0]['overall']:.1f}) and {first.iloc[-1]['item']} last ({first.iloc[-1]['overall']:.1f})"
        ),
        so_what=(
            (f"{apart.iloc[0]['segment']} care most beyond the average, about {apart.iloc[0]['item']} "
             f"({apart.iloc[0]['importance']:.1f} against {apart.iloc[0]['overall']:.1f}). "
             if len(apart) else "No segment stands out from the average. ")
            + "Trust choices over ratings where both exist: people call almost everything important."
        ),
        kind="descriptive",
        caption=f"Mean importance by segment, latest answer in the year (n = {people:,} respondents)",
        units={"importance": "points", "low": "points", "high": "points", "n": "count"},
        source="relationship survey; mean with t interval, cells with fewer than 5 left out",
    )  # fmt: skip
