"""Scales: are constructs measured reliably, do countries answer alike, what do customers expect (Kano)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats as distributions

from playbook.answer import Answer, answers, format_value, need
from playbook.research.answer_scales import on_stated_scale
from playbook.research.omega import omega
from playbook.research.surveys import ASK_ANSWERS, weighted_mean
from playbook.stats import cronbach_alpha, false_discovery, wilson

__all__ = ["expectations", "reliability", "response_style"]

ITEM_KINDS = ("psychographic", "rating", "csat", "ces")
STYLE_KINDS = ("importance", "brand", "psychographic")


HURTS = 0.02
"""How much alpha must rise without an item for it to be called harmful."""


@answers
def reliability(scores: pd.DataFrame) -> Answer:
    """Return how consistent the questions of each construct are: Cronbach's alpha and McDonald's omega.

    Items that everybody answers alike measure nothing and are left out; so are questions of a construct that were asked on another
    scale. What cannot be judged is named with its reason.

    Parameters
    ----------
    scores
        response_id, question_id, kind, construct, wave, value, scale_min, scale_max.

    Returns
    -------
    Answer
        Table: construct, questions, answers, alpha with low and high (Feldt), omega (none for two questions), weakest (question whose
        removal helps most) and alpha_without it; lowest alpha first.
    """
    kept, note = on_stated_scale(scores[scores["kind"].isin(ITEM_KINDS)].dropna(subset=["construct"]))  # fmt: skip
    need(kept, "answers on constructs of several questions", "psychographic survey questions", rows=30)  # fmt: skip
    rows: list[dict] = []
    left: list[str] = []
    for (_, construct), part in kept.groupby(["kind", "construct"]):
        found = _construct(str(construct), part)
        if isinstance(found, str):
            left.append(found)
        else:
            rows.append(found)
    told = " Not judged: " + "; ".join(left[:4]) + "." if left else ""
    need(pd.DataFrame(rows), f"constructs with two questions and 30 full answers.{told}", "constructs of three or more questions")  # fmt: skip
    table = pd.DataFrame(rows).assign(place=lambda t: t["alpha"].round(9))
    constant = "; ".join(f"{r.construct}: {r.constant}" for r in table.itertuples() if r.constant)
    table = table.sort_values(["place", "construct"], ignore_index=True).drop(columns=["place", "constant"])  # fmt: skip
    weak = table[table["alpha"] < 0.7]
    if constant:
        told += f" Everybody gives the same answer to these questions, which therefore measure nothing: {constant}."
    return Answer(
        table=table,
        headline=f"{len(table) - len(weak)} of {len(table)} constructs are measured reliably",
        so_what=f"{_alpha_told(table, weak)}{told}{note}",
        kind="descriptive",
        caption="Cronbach's alpha with Feldt's 95 % interval and McDonald's omega, last 12 months; 0.7 is the usual least",
        units={"questions": "count", "answers": "count", "alpha": "ratio", "low": "ratio", "high": "ratio", "omega": "ratio", "alpha_without": "ratio"},
        source="survey answers; Cronbach (1951), Feldt (1965), McDonald (1999)",
    )  # fmt: skip


def _construct(construct: str, part: pd.DataFrame) -> dict | str:
    """Return the row of one construct, or in words why it cannot be judged."""
    scale = part.groupby(["scale_min", "scale_max"])["question_id"].nunique()
    if len(scale) > 1:
        low, high = scale.sort_values(kind="stable").index[-1]
        part = part[part["scale_min"].eq(low) & part["scale_max"].eq(high)]
    wide = part.pivot_table(index="response_id", columns="question_id", values="value", observed=True)  # fmt: skip
    full = wide.dropna()
    if wide.shape[1] < 2:
        return f"{construct} (one question{' on this scale' if len(scale) > 1 else ''})"
    if full.empty:
        return f"{construct} (nobody answered all its {wide.shape[1]} questions)"
    if len(full) < 30:
        return f"{construct} ({len(full)} full answers, 30 needed)"
    constant = [str(c) for c in full if full[c].std() <= 1e-12]
    full = full.drop(columns=constant)
    if full.shape[1] < 2:
        return f"{construct} (everybody gives the same answer to {', '.join(constant)})"
    try:
        alpha = cronbach_alpha(full)
    except ValueError as error:
        return f"{construct} ({error})"
    worst = alpha.items.assign(place=alpha.items["alpha_if_dropped"].round(9)).sort_values(
        ["place", "item"], ascending=[False, True]
    ).iloc[0]  # fmt: skip
    return {"construct": construct, "questions": full.shape[1], "answers": alpha.n, "alpha": alpha.value, "low": alpha.low, "high": alpha.high,
            "omega": omega(full), "weakest": worst["item"], "alpha_without": worst["alpha_if_dropped"],
            "constant": ", ".join(constant)}  # fmt: skip


def _alpha_told(table: pd.DataFrame, weak: pd.DataFrame) -> str:
    """Return which constructs may be used and which questions hurt theirs."""
    hurt = table[table["alpha_without"] > table["alpha"] + HURTS]
    harm = "".join(
        f" {str(r.weakest).replace('_', ' ').capitalize()} hurts {r.construct}: without it alpha is {r.alpha_without:.2f} instead of {r.alpha:.2f}, "
        "so leave it out of the score and reword it."
        for r in hurt.itertuples()
    )
    if len(weak):
        several = len(weak) > 1
        return (
            f"{', '.join(weak['construct']).capitalize()} {'stay' if several else 'stays'} below 0.7: do not segment on "
            f"{'them' if several else 'it'} before the questions are mended.{harm}"
        )
    first = table.iloc[0]
    return f"All reach 0.7, the lowest is {first['construct']} ({first['alpha']:.2f}); their mean scores may be used to segment.{harm}"  # fmt: skip


@answers
def response_style(scores: pd.DataFrame, kinds: Sequence[str] = STYLE_KINDS) -> Answer:
    """Return whether countries use rating scales differently, which would fake differences of opinion.

    Each respondent's share of end-of-scale answers and mean place on the scale, over at least ten
    ratings; countries are compared by Kruskal–Wallis.

    Returns
    -------
    Answer
        Table by country: respondents, ends_of_scale with low and high, mean_place (0 to 1).
    """
    rated, note = on_stated_scale(scores[scores["kind"].isin(kinds)])
    need(rated, "ratings on scales", ASK_ANSWERS, rows=50)
    rated = rated[rated["scale_max"] > rated["scale_min"]]
    need(rated, "ratings on scales", ASK_ANSWERS, rows=50)
    place = (rated["value"] - rated["scale_min"]) / (rated["scale_max"] - rated["scale_min"])
    people = (
        rated.assign(place=place, end=place.isin([0.0, 1.0]).astype(float))
        .groupby(["response_id", "country"])
        .agg(ends=("end", "mean"), place=("place", "mean"), n=("end", "size"))
        .reset_index()
    )
    people = people[(people["n"] >= 10) & people["country"].ne("not known")]
    sizes = people.groupby("country").size()
    people = people[people["country"].isin(sizes[sizes >= 20].index)]
    groups = [part for _, part in people.groupby("country")]
    need(
        pd.DataFrame(index=range(len(groups))),
        "countries with 20 respondents",
        "the customers' country",
        rows=2,
    )
    rows = []
    for part in groups:
        mean, low, high = weighted_mean(part["ends"], pd.Series(1.0, part.index))
        rows.append({"country": part["country"].iloc[0], "respondents": len(part), "ends_of_scale": mean,
                     "low": low, "high": high, "mean_place": float(part["place"].mean())})  # fmt: skip
    table = pd.DataFrame(rows).sort_values("country", ignore_index=True)
    p = [_kruskal([part[c].to_numpy() for part in groups]) for c in ("ends", "place")]
    q = false_discovery(p)
    differs = bool((q < 0.05).any())
    return Answer(
        table=table,
        headline="Countries use the scales differently" if differs else "Countries use the rating scales alike",
        so_what=(
            "Compare ranks or changes between countries, not levels: part of a difference is habit of answering."
            if differs
            else "Scores may be compared between countries without correction for habits of answering."
        )
        + f" (Adjusted p: ends of the scale {max(q[0], 0.001):.3f}, level {max(q[1], 0.001):.3f}.){note}",
        kind="diagnostic",
        caption=f"Use of rating scales by country (n = {len(people):,} respondents with at least ten ratings)",
        units={"respondents": "count", "ends_of_scale": "%", "low": "%", "high": "%", "mean_place": "%"},
        source="survey ratings of importance, brands and attitudes",
        extra={"differs": differs},
    )  # fmt: skip


def _kruskal(groups: list[np.ndarray]) -> float:
    if len(np.unique(np.concatenate(groups))) < 2:
        return 1.0
    return float(distributions.kruskal(*groups).pvalue)


_KANO = ("QAAAO", "RIIIM", "RIIIM", "RIIIM", "RRRRQ")
_CLASS = {
    "A": "attractive",
    "O": "one-dimensional",
    "M": "must-be",
    "I": "indifferent",
    "R": "reverse",
    "Q": "questionable",
}


@answers
def expectations(scores: pd.DataFrame) -> Answer:
    """Return what customers expect of each feature, by Kano's questions with and without it.

    Answers 1 (I like it) to 5 (I dislike it) to "with" and "without" are read off the evaluation table (Berger et al. 1993).

    Parameters
    ----------
    scores
        response_id, question_id (ending in _with or _without), construct, kind, value.

    Returns
    -------
    Answer
        Table: feature, answers, expectation (most frequent class), share with low and high, better (gain in satisfaction with it) and
        worse (loss without it), each 0 to 1; largest loss first.
    """
    asked = scores[(scores["kind"] == "kano") & scores["construct"].notna()]
    ask = "pairs of questions how customers feel with and without a feature"
    need(asked, "answers to Kano questions", ask, rows=30)
    table = pd.DataFrame(_kano_rows(asked))
    need(table, "features with 20 complete pairs of Kano answers", ask)
    table = table.round({"better": 9, "worse": 9})
    gain = table.sort_values(["better", "feature"], ascending=[False, True]).iloc[0]
    table = table.sort_values(["worse", "feature"], ascending=[False, True], ignore_index=True)
    first = table.iloc[0]
    return Answer(
        table=table,
        headline=f"Customers would miss {first['feature']} most"[:90],
        so_what=f"Without {first['feature']} {format_value(first['worse'], '%')} would be less satisfied: keep it before anything is added. "
        f"{str(gain['feature']).capitalize()} can raise satisfaction for {format_value(gain['better'], '%')} (most call it {gain['expectation']}).",
        kind="descriptive",
        caption="Expectation of each feature: most frequent class with 95 % interval, gain with it and loss without it",
        units={"answers": "count", "share": "%", "low": "%", "high": "%", "better": "%", "worse": "%"},
        source="survey, pairs of Kano questions; Berger et al. (1993)",
    )  # fmt: skip


def _kano_rows(asked: pd.DataFrame) -> list[dict]:
    """Return one row a feature that at least 20 respondents judged with and without it."""
    wording = asked[asked["question_id"].str.endswith("_with")].drop_duplicates("construct")
    named = wording.set_index("construct")["question"].str.extract(r" with (.+?)\??$")[0].dropna()
    side = asked["question_id"].str.extract(r"_(with|without)$")[0]
    pairs = asked.assign(side=side).pivot_table(
        index=["construct", "response_id"], columns="side", values="value"
    )
    pairs = pairs.reindex(columns=["with", "without"]).dropna()
    pairs = pairs[pairs.isin([1, 2, 3, 4, 5]).all(axis=1)]
    letters = [
        _KANO[int(w) - 1][int(o) - 1] for w, o in zip(pairs["with"], pairs["without"], strict=True)
    ]
    classes = pd.Series(letters, pairs.index.get_level_values("construct"), dtype="str")
    rows = []
    for feature, part in classes.groupby(level=0):
        counts = part.value_counts().reindex(list("MOAIRQ"), fill_value=0)
        valid = float(counts[list("MOAI")].sum())
        if valid < 20:
            continue
        main = str(counts.idxmax())
        share = wilson(float(counts[main]), len(part))
        rows.append(
            {"feature": named.get(feature, str(feature).replace("_", " ")), "answers": len(part), "expectation": _CLASS[main],
             "share": share.value, "low": share.low, "high": share.high,
             "better": (counts["A"] + counts["O"]) / valid, "worse": (counts["O"] + counts["M"]) / valid}
        )  # fmt: skip
    return rows
