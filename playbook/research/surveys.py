"""Surveys: who answered, weights that undo uneven response, results with intervals, reliability.

Glossary
--------
panel
    One row an invited customer and wave, with whether they answered and what was known of them.
weight
    What a respondent counts for, mean one in each wave.
effective answers
    Equally weighted answers of the same precision (Kish).
non-response bias
    Error that remains because those who do not answer think otherwise.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats as distributions

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.research.answer_scales import on_stated_scale
from playbook.research.raking import MARGINS, rake_wave
from playbook.stats import (
    effective_sample_size,
    false_discovery,
    two_proportion_difference,
    wilson,
)

__all__ = [
    "nonresponse",
    "response",
    "results",
    "weighting",
    "weights_of",
]

ASK_PANEL = "the list of invited customers for each wave"
ASK_ANSWERS = "survey answers with their questions"
SCALE_KINDS = ("csat", "ces", "nps", "rating")


def _main(panel: pd.DataFrame) -> pd.DataFrame:
    """Return the panel of the survey with the most invitations, waves in order of time."""
    sizes = panel.groupby("survey").size().sort_index()
    chosen = panel[panel["survey"] == sizes.idxmax()]
    begin = chosen.groupby("wave")["invited_at"].min()
    return chosen.assign(begin=chosen["wave"].map(begin)).sort_values(
        ["begin", "wave", "customer_id"], ignore_index=True
    )


@answers
def response(panel: pd.DataFrame) -> Answer:
    """Return the response rate of each wave, with Wilson intervals.

    Parameters
    ----------
    panel
        survey, wave, customer_id, invited_at, answered.

    Returns
    -------
    Answer
        Table: wave, invited, answered, rate, low, high.
    """
    need(panel, "survey invitations", ASK_PANEL, rows=20)
    frame = _main(panel)
    rows = []
    for wave, part in frame.groupby("wave", sort=False):
        share = wilson(int(part["answered"].sum()), len(part))
        rows.append(
            {"wave": wave, "invited": len(part), "answered": int(part["answered"].sum()),
             "rate": share.value, "low": share.low, "high": share.high}
        )  # fmt: skip
    table = pd.DataFrame(rows)
    first, last = table.iloc[0], table.iloc[-1]
    change = two_proportion_difference(
        last["answered"], last["invited"], first["answered"], first["invited"]
    )
    moved = (
        f"{'Up' if change.value > 0 else 'Down'} {format_value(abs(change.value), '%')} since {first['wave']}"
        if len(table) > 1 and change.p_value < 0.05
        else "No change beyond chance since the first wave"
        if len(table) > 1
        else "One wave so far"
    )
    silent = table.loc[table["answered"] == 0, "wave"]
    gap = (
        f" Nobody answered in {', '.join(silent)}: ask whether its answers were exported before it is read as silence."
        if len(silent)
        else ""
    )
    return Answer(
        table=table,
        headline=f"{format_value(last['rate'], '%')} of invited customers answered in {last['wave']}",
        so_what=f"{moved}.{gap} The {format_value(1 - last['rate'], '%')} who stayed silent are the risk of every survey figure: "
        "compare who they are, weight for it, and say what weighting cannot mend.",
        kind="descriptive",
        caption=f"Share of invited customers who answered, by wave, with 95 % interval (n = {len(frame):,} invitations)",
        units={"invited": "count", "answered": "count", "rate": "%", "low": "%", "high": "%"},
        source="survey invitations and answers",
        metrics=(
            Metric(
                "response_rate", last["rate"], last["low"], last["high"], int(last["invited"]), "%"
            ),
        ),
    )


@answers
def nonresponse(panel: pd.DataFrame) -> Answer:
    """Return in what those who answered differ from those who did not, over the last two waves.

    Parameters
    ----------
    panel
        As for `response`, with country, age_band, customer_type, activity, cases_12m, case_csat.

    Returns
    -------
    Answer
        Table: what, group, invited, rate (response), low, high, q (false-discovery adjusted p of the
        difference to all others); sorted by distance from the overall rate.
    """
    need(panel, "survey invitations", ASK_PANEL, rows=50)
    frame = _main(panel)
    frame = frame[frame["wave"].isin(list(dict.fromkeys(frame["wave"]))[-2:])].copy()
    frame["service"] = np.select(
        [frame["cases_12m"] == 0, frame["case_csat"] <= 2, frame["case_csat"] > 2],
        ["no service case", "case rated 1 or 2", "case rated 3 to 5"],
        "case not rated",
    )
    rows = []
    for column in (*MARGINS, "service"):
        for group, part in frame.groupby(column):
            rest = frame[frame[column] != group]
            if len(part) < 20 or len(rest) < 20:
                continue
            yes, others = int(part["answered"].sum()), int(rest["answered"].sum())
            share = wilson(yes, len(part))
            test = two_proportion_difference(yes, len(part), others, len(rest))
            rows.append(
                {"what": column.replace("_", " "), "group": group, "invited": len(part), "rate": share.value,
                 "low": share.low, "high": share.high, "p": test.p_value}
            )  # fmt: skip
    need(pd.DataFrame(rows), "groups of at least 20 invited customers", ASK_PANEL)
    table = pd.DataFrame(rows).assign(q=lambda t: shown_p(t["p"]))
    overall = float(frame["answered"].mean())
    table["distance"] = (table["rate"] - overall).abs().round(6)
    table = table.sort_values(["distance", "what", "group"], ascending=[False, True, True])
    table = table.drop(columns=["distance", "p"]).reset_index(drop=True)
    uneven = table[table["q"] < 0.05]
    if len(uneven):
        top = uneven.iloc[0]
        told = f"{top['group']} ({top['what']}) answer {format_value(top['rate'], '%')}, against {format_value(overall, '%')} overall"
        headline = f"Response is uneven: {top['group']} answer {format_value(top['rate'], '%')}"
    else:
        told = "No group's response differs from the others beyond chance"
        headline = "No group answers more or less than the others beyond chance"
    return Answer(
        table=table,
        headline=headline,
        so_what=f"{told}. Weight on country, age, customer type and activity, and read results of groups that answer rarely with care.",
        kind="diagnostic",
        caption=f"Response rate by group, last two waves (n = {len(frame):,} invitations), q = adjusted for {len(table)} comparisons",
        units={"invited": "count", "rate": "%", "low": "%", "high": "%", "q": "ratio"},
        source="survey invitations, answers, orders and service cases before the invitation",
        extra={"labelled": _labelled(table, headline, len(frame), overall)},
    )


def _labelled(table: pd.DataFrame, headline: str, n: int, overall: float) -> Answer:
    """Return the groups under names that say what they are of, kept together by attribute, for a figure."""
    names = table["what"].str.capitalize() + ": " + table["group"].astype("str")
    order = table.assign(name=names, place=table.groupby("what")["rate"].transform("max").round(9))
    order = order.assign(level=order["rate"].round(9))
    order = order.sort_values(["place", "what", "level", "name"], ascending=[False, True, False, True])  # fmt: skip
    return Answer(
        table=order[["name", "invited", "rate", "low", "high", "q"]].reset_index(drop=True),
        headline=headline,
        so_what="",
        kind="diagnostic",
        caption=f"Response rate by group, last two waves, 95 % interval (n = {n:,} invitations; overall {format_value(overall, '%')})",
        units={"invited": "count", "rate": "%", "low": "%", "high": "%", "q": "ratio"},
        source="survey invitations, answers, orders and service cases before the invitation",
    )


@answers
def weighting(panel: pd.DataFrame, largest: float = 5.0) -> Answer:
    """Return weights that give respondents the make-up of all invited customers, and their cost.

    Raking (Deming & Stephan 1940) on country, age band, customer type and activity, wave by wave;
    groups of fewer than five respondents are pooled, a margin that contradicts the others is left out, and weights above
    ``largest`` are cut and the rest raked again (Potter 1990). What is left out or cut is said.

    Parameters
    ----------
    panel
        As for `response`, with country, age_band, customer_type, activity.
    largest
        Largest weight (a multiple of the mean).

    Returns
    -------
    Answer
        Table by wave: answered, effective (Kish), loss (share of precision lost), largest_weight, trimmed (weights that were
        cut) and margin_gap (largest difference to a known margin that remains). ``extra["weights"]`` has customer_id,
        wave, weight.
    """
    need(panel, "survey invitations", ASK_PANEL, rows=50)
    frame = _main(panel)
    parts, rows, thin, unmet = [], [], [], []
    for wave, part in frame.groupby("wave", sort=False):
        if int(part["answered"].sum()) < 20:
            thin.append(f"{wave} ({int(part['answered'].sum())})")
            continue
        raked = rake_wave(part, largest)
        weights = raked.weights["weight"]
        unmet += [f"{c.replace('_', ' ')} in {wave}" for c in raked.left_out]
        effective = effective_sample_size(weights)
        parts.append(raked.weights)
        rows.append({"wave": wave, "answered": len(weights), "effective": effective, "loss": 1 - effective / len(weights),
                     "largest_weight": float(weights.max()), "trimmed": raked.trimmed, "margin_gap": raked.gap})  # fmt: skip
    need(pd.DataFrame(rows), "waves with at least 20 answers", ASK_ANSWERS)
    table, last = pd.DataFrame(rows), rows[-1]
    return Answer(
        table=table,
        headline=f"Weighting costs {format_value(last['loss'], '%')} of precision in {last['wave']}",
        so_what=f"{last['answered']:,} answers are worth {last['effective']:,.0f} equally weighted ones; the largest weight is "
        f"{last['largest_weight']:.1f}. {_weights_told(table, largest, thin, unmet)}",
        kind="descriptive",
        caption="Respondents raked to all invited customers by country, age, customer type and activity",
        units={"answered": "count", "effective": "count", "loss": "%", "largest_weight": "ratio", "trimmed": "count", "margin_gap": "%"},
        source="survey invitations and answers; raking (Deming and Stephan 1940)",
        metrics=(Metric("effective_answers", last["effective"], n=last["answered"], unit="count"),),
        extra={"weights": pd.concat(parts, ignore_index=True)},
    )  # fmt: skip


def _weights_told(table: pd.DataFrame, largest: float, thin: list[str], unmet: list[str]) -> str:
    """Return what the weights can be used for, and what was cut, left out or not weighted."""
    cut = int(table["trimmed"].sum())
    told = "No answer dominates, so use the weighted figures."
    if cut:
        told = (
            f"{cut} weights above {largest:g} were cut; margins are then missed by at most {format_value(table['margin_gap'].max(), '%')}. "
            "Show raw figures beside weighted ones and invite more of those who rarely answer."
        )
    if unmet:
        told += f" Not weighted for {', '.join(unmet[:3])}: these margins contradict the others among so few answers."  # fmt: skip
    if thin:
        told += f" Too few answers to weight (all count one): {', '.join(thin[:4])}."
    return told


def shown_p(p_values: pd.Series) -> pd.Series:
    """Return p-values adjusted for false discoveries, for a table: 0.001 stands for 0.001 or less."""
    return pd.Series(false_discovery(p_values), index=p_values.index).clip(lower=0.001).round(4)


def weights_of(weighting: Answer | Missing) -> pd.DataFrame:
    """Return the weights of `weighting`; an empty frame (all count one) where none can be made."""
    if isinstance(weighting, Missing):
        return pd.DataFrame(
            {
                "customer_id": pd.Series(dtype="str"),
                "wave": pd.Series(dtype="str"),
                "weight": pd.Series(dtype=float),
            }
        )
    return weighting["weights"]


def weighted_mean(values: pd.Series, weights: pd.Series) -> tuple[float, float, float]:
    """Return the weighted mean and its 95 % interval (linearised variance, t on n − 1)."""
    value, weight = values.to_numpy(float), weights.to_numpy(float)
    mean = float((weight * value).sum() / weight.sum())
    n = len(value)
    variance = n / max(n - 1, 1) * ((weight * (value - mean)) ** 2).sum() / weight.sum() ** 2
    half = float(distributions.t.ppf(0.975, max(n - 1, 1)) * np.sqrt(variance))
    return mean, mean - half, mean + half


def with_weights(scores: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    """Return the answers with their ``weight``; answers that cannot be weighted count one."""
    joined = scores.merge(weights, on=["customer_id", "wave"], how="left")
    return joined.assign(weight=joined["weight"].fillna(1.0))


@answers
def results(scores: pd.DataFrame, weights: pd.DataFrame) -> Answer:
    """Return the mean of each satisfaction, effort and intention question, weighted beside raw.

    Parameters
    ----------
    scores
        One row an answer: customer_id, wave, question_id, question, kind, touchpoint, value, scale_min, scale_max.
    weights
        customer_id, wave, weight.

    Returns
    -------
    Answer
        Table: question, answers, raw, weighted, low, high (weighted, 95 %), of (top of the scale), on_scale (0 to 1:
        place of the weighted mean on its scale); lowest place first.
    """
    asked, note = on_stated_scale(scores[scores["kind"].isin(SCALE_KINDS)])
    need(asked, "answers on satisfaction, effort or recommendation", ASK_ANSWERS, rows=20)
    rows = []
    for (identifier, text, kind, *_), part in with_weights(asked, weights).groupby(
        ["question_id", "question", "kind", "scale_min", "scale_max"]
    ):
        if len(part) < 20:
            continue
        mean, low, high = weighted_mean(part["value"], part["weight"])
        span = part["scale_max"].iloc[0] - part["scale_min"].iloc[0]
        rows.append(
            {"question": _label(kind, text, part["touchpoint"].iloc[0]), "asked": text, "of": part["scale_max"].iloc[0], "answers": len(part), "raw": float(part["value"].mean()),
             "weighted": mean, "low": low, "high": high,
             "on_scale": (mean - part["scale_min"].iloc[0]) / span if span > 0 else np.nan, "id": identifier, "kind": kind}
        )  # fmt: skip
    need(pd.DataFrame(rows), "questions with at least 20 answers", ASK_ANSWERS)
    table = (
        pd.DataFrame(rows).round({"on_scale": 9}).sort_values(["on_scale", "id"], ignore_index=True)
    )
    moved = table.assign(shift=(table["weighted"] - table["raw"]).abs().round(9))
    most = moved.sort_values(["shift", "id"], ascending=[False, True]).iloc[0]
    lowest, highest = table.iloc[0], table.iloc[-1]
    return Answer(
        table=table[["question", "answers", "raw", "weighted", "low", "high", "of", "on_scale"]],
        headline=f"Lowest on its scale: {lowest['question']} ({lowest['weighted']:.1f} of {lowest['of']:.0f})",
        so_what=f"Best is {highest['question']} ({highest['weighted']:.1f} of {highest['of']:.0f}). Weighting moves no mean by more than "
        f"{most['shift']:.2f} points. Put the lowest first when experience is improved, and check there whether it drives recommendation.{note}",
        kind="descriptive",
        caption="Place of the weighted mean between the lowest (0 %) and highest answer (100 %), last 12 months, 95 % interval of the mean in "
        f"the table (n = {asked['response_id'].nunique():,} questionnaires)",
        units={"answers": "count", "raw": "ratio", "weighted": "ratio", "low": "ratio", "high": "ratio", "of": "count", "on_scale": "%"},
        source="survey answers; weights by raking",
        metrics=_overall(table),
    )  # fmt: skip


def _overall(table: pd.DataFrame) -> tuple[Metric, ...]:
    found = table[table["id"].str.contains("overall") & table["kind"].eq("csat")]
    if found.empty:
        return ()
    row = found.iloc[0]
    return (
        Metric(
            "csat_weighted", row["weighted"], row["low"], row["high"], int(row["answers"]), "ratio"
        ),
    )


_KIND = {"csat": "Satisfaction", "ces": "Ease", "nps": "Recommendation", "rating": "Intention"}


def _label(kind: str, question: str, touchpoint: str) -> str:
    """Return a short name of a question: its kind and what it is about."""
    if kind == "nps":
        return "Recommendation"
    about = touchpoint if isinstance(touchpoint, str) and touchpoint else question
    for opening in ("How satisfied are you with ", "How likely are you to ", "us "):
        about = about.removeprefix(opening)
    return f"{_KIND.get(kind, kind)}: {about.rstrip('?.')[:36]}"
