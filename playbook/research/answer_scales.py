"""Are answers given on the scale that the questionnaire states, and on one scale over all waves?

Glossary
--------
stated scale
    Lowest and highest answer of the question in the questionnaire.
another scale
    A wave whose answers cannot come from the stated scale: a tenth or more lie outside it, or a scale of ten steps
    is answered from 1 to 5 only. Such a wave is set aside whole, never averaged with the others.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, format_value, need

__all__ = ["answer_scales", "measure_names", "on_stated_scale"]

ASK = "the questionnaire with the lowest and highest answer of each question"
MANY = 0.10
"""Share of answers outside the stated scale from which the wave is on another one."""
LEAST = 20
"""Fewest answers that show a scale was not used to its end."""
USUAL = ((1.0, 5.0), (1.0, 7.0), (0.0, 10.0), (0.0, 100.0))
"""Scales in use, shortest first; the first that holds all answers stands in where none is stated."""


def _stated(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the answers with ``scale_min`` and ``scale_max``, taken from the answers where not stated."""
    frame = scores.copy()
    for column in ("scale_min", "scale_max"):
        frame[column] = frame[column].astype(float) if column in frame else np.nan
    unknown = frame["scale_min"].isna() | frame["scale_max"].isna()
    frame["assumed"] = unknown
    for question, part in frame[unknown].groupby("question_id"):
        kind = part["kind"].iloc[0]
        low, high = float(part["value"].min()), float(part["value"].max())
        fits = [s for s in USUAL if s[0] <= low and high <= s[1]]
        chosen = (0.0, 10.0) if kind == "nps" else fits[0] if fits else (low, high)
        rows = unknown & frame["question_id"].eq(question)
        frame.loc[rows, ["scale_min", "scale_max"]] = chosen
    return frame


def _judged(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row a question, scale and wave: what is stated, what was answered and the finding."""
    out = (frame["value"] < frame["scale_min"]) | (frame["value"] > frame["scale_max"])
    count = frame["answers"].astype("int64") if "answers" in frame else pd.Series(1, frame.index)
    by = ["question_id", "scale_min", "scale_max", "wave"]
    table = (
        frame.assign(out=out * count, count=count)
        .groupby(by, dropna=False)
        .agg(kind=("kind", "first"), answers=("count", "sum"), lowest=("value", "min"), highest=("value", "max"),
             outside=("out", "sum"), steps=("value", "nunique"), assumed=("assumed", "any"))
        .reset_index()
    )  # fmt: skip
    share = table["outside"] / table["answers"]
    long_scale = table["scale_max"] - table["scale_min"] >= 8
    five = (table["lowest"] >= 1) & (table["highest"] == 5) & (table["steps"] >= 3)
    short = long_scale & five & (table["answers"] >= LEAST)  # fmt: skip
    scales = table.groupby("question_id")["scale_max"].transform("nunique") > 1
    table["finding"] = np.select(
        [share >= MANY, short, table["outside"] > 0, scales, table["assumed"]],
        ["another scale", "answered from 1 to 5 only", "some answers outside", "scale differs between waves", "scale not stated"],
        "as stated",
    )  # fmt: skip
    table["used"] = ~(share.ge(MANY) | short)
    return table


def on_stated_scale(scores: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the answers that lie on their stated scale, and in words what was set aside.

    Parameters
    ----------
    scores
        question_id, kind, wave, value, scale_min, scale_max.
    """
    if scores.empty:
        return scores, ""
    frame = _stated(scores)
    table = _judged(frame)
    keys = ["question_id", "scale_min", "scale_max", "wave"]
    used = frame.merge(table[[*keys, "used"]], on=keys, how="left")["used"].to_numpy(bool)
    inside = frame["value"].between(frame["scale_min"], frame["scale_max"]).to_numpy(bool)
    kept = frame[used & inside].drop(columns="assumed")
    waves = sorted(set(table.loc[~table["used"], "wave"].astype(str)))
    odd = int((used & ~inside).sum())
    told = ""
    if waves:
        told += f" Set aside because it was answered on another scale than stated: {', '.join(waves[:4])} ({int((~used).sum()):,} answers)."  # fmt: skip
    if odd:
        told += f" {odd:,} answers outside their scale were left out."
    return kept, told


def measure_names(scores: pd.DataFrame, names: dict[str, str]) -> pd.Series:
    """Return the name of what each answer measures; kinds asked on several scales are told apart by their scale."""
    several = scores.groupby("kind")["scale_max"].transform("nunique") > 1
    scale = scores["scale_min"].map("{:.0f}".format) + " to " + scores["scale_max"].map("{:.0f}".format)  # fmt: skip
    name = scores["kind"].map(names).astype("str")
    return name.where(~several, name + " (" + scale + ")")


@answers
def answer_scales(scores: pd.DataFrame) -> Answer:
    """Return for each kind of question whether its answers lie on the stated scale, wave by wave.

    Parameters
    ----------
    scores
        As for `on_stated_scale`; ``answers`` counts them where a row stands for several.

    Returns
    -------
    Answer
        Table: kind, wave, scale, questions, answers, lowest, highest, outside, finding, used; what is wrong first.
    """
    need(scores, "numeric survey answers", ASK)
    table = _judged(_stated(scores))
    table["scale"] = table["scale_min"].map("{:g}".format) + " to " + table["scale_max"].map("{:g}".format)  # fmt: skip
    grouped = (
        table.groupby(["kind", "wave", "scale", "finding", "used"], dropna=False)
        .agg(questions=("question_id", "nunique"), answers=("answers", "sum"), lowest=("lowest", "min"), highest=("highest", "max"),
             outside=("outside", "sum"))
        .reset_index()
    )  # fmt: skip
    order = grouped["used"].astype(int) * 2 + grouped["finding"].eq("as stated")
    grouped = grouped.assign(order=order).sort_values(["order", "kind", "scale", "wave", "finding"], ignore_index=True)  # fmt: skip
    bad, odd = grouped[~grouped["used"]], int(grouped.loc[grouped["used"], "outside"].sum())
    differ = grouped[grouped["finding"].eq("scale differs between waves")]
    assumed = grouped[grouped["finding"].eq("scale not stated")]
    told = []
    if len(bad):
        first = bad.iloc[0]
        told.append(
            f"In {first['wave']} the {first['kind']} question stated from {first['scale']} was answered from {first['lowest']:g} to {first['highest']:g}: "
            f"{int(bad['answers'].sum()):,} answers are set aside. Ask which scale was shown; do not rescale by guess."
        )
    if len(differ):
        scales = ", ".join(dict.fromkeys(differ["scale"]))
        told.append(f"{differ.iloc[0]['kind']} questions were asked on several scales ({scales}): they are read apart, never averaged together.")  # fmt: skip
    if len(assumed):
        told.append(f"The scale of {int(assumed['questions'].max())} questions is not stated and is taken from their answers.")  # fmt: skip
    if odd:
        told.append(f"{odd:,} answers lie outside their scale and are left out.")
    n = int(grouped["answers"].sum())
    return Answer(
        table=grouped[["kind", "wave", "scale", "questions", "answers", "lowest", "highest", "outside", "finding", "used"]],
        headline=f"{format_value(grouped.loc[grouped['used'], 'answers'].sum() / n - odd / n, '%')} of {n:,} answers lie on their stated scale",
        so_what=" ".join(told) or "Every question keeps one scale over all waves, so its answers may be averaged and compared.",
        kind="descriptive",
        caption="Answers by kind of question and wave against the scale that the questionnaire states",
        units={"questions": "count", "answers": "count", "lowest": "ratio", "highest": "ratio", "outside": "count"},
        source="survey answers and questionnaire",
    )  # fmt: skip
