"""Satisfaction (CSAT) and ease (CES) by wave, touchpoint and group, with tests for many comparisons.

Glossary
--------
satisfied (CSAT), easy (CES)
    Weighted share of answers in the top third of the scale: 4 and 5 of 5, 5 to 7 of 7, 7 to 10 of 10.
cluster
    All answers of one customer; they are alike, so intervals count customers and not answers.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats as distributions

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.research.answer_scales import measure_names, on_stated_scale
from playbook.research.surveys import shown_p, with_weights
from playbook.stats import Difference, Interval, two_proportion_difference, wilson

__all__ = ["by_group", "by_touchpoint", "by_wave", "share", "share_difference"]

ASK = "answers on satisfaction or effort, with their touchpoint and wave"
NAMES = {"csat": "satisfaction", "ces": "ease"}
GROUPS = ("country", "age_band", "customer_type", "market_segment")
TOP = 2 / 3
"""Place on the scale (0 to 1) from which an answer counts as satisfied or easy."""
LEAST = 30
"""Fewest customers behind a figure."""
SHOWN = ["answers", "mean", "raw", "satisfied", "low", "high", "change", "change_low", "change_high"]  # fmt: skip
UNITS = {"answers": "count", "mean": "ratio", "raw": "%", "satisfied": "%", "low": "%", "high": "%", "change": "points",
         "change_low": "points", "change_high": "points", "q": "ratio", "q_level": "ratio"}  # fmt: skip


def share(top: pd.Series, weight: pd.Series, who: pd.Series) -> Interval:
    """Return a weighted share with a Wilson interval on the answers it is worth (Korn & Graubard 1998).

    Parameters
    ----------
    top, weight, who
        Whether an answer counts, what it weighs, and whose it is; the variance is linearised over customers.
    """
    value, error, n = _linear(top, weight, who)
    worth = value * (1 - value) / error**2 if error > 0 else float(n)
    found = wilson(value * worth, worth)
    return Interval(value, found.low, found.high, len(top))


def _linear(top: pd.Series, weight: pd.Series, who: pd.Series) -> tuple[float, float, int]:
    y, w = top.to_numpy(float), weight.to_numpy(float)
    value = float((w * y).sum() / w.sum())
    parts = pd.Series(w * (y - value) / w.sum()).groupby(who.to_numpy()).sum()
    n = len(parts)
    return value, float(np.sqrt(n / max(n - 1, 1) * (parts**2).sum())), n


def share_difference(first: pd.DataFrame, second: pd.DataFrame) -> Difference:
    """Return the difference of two weighted shares; a customer in both counts as one cluster.

    Parameters
    ----------
    first, second
        top, weight, who.

    Notes
    -----
    The same as weighted least squares on a dummy with cluster-robust errors (times clusters ÷ (clusters − 1)). Where no
    answer differs from its share, that error is zero; there customers count as one answer each (Newcombe 1998).
    """
    pieces, values = [], []
    for part, sign in ((first, 1.0), (second, -1.0)):
        y, w = part["top"].to_numpy(float), part["weight"].to_numpy(float)
        values.append(float((w * y).sum() / w.sum()))
        pieces.append(pd.Series(sign * w * (y - values[-1]) / w.sum(), part["who"].to_numpy()))
    moves = pd.concat(pieces).groupby(level=0).sum()
    error = float(np.sqrt(len(moves) / max(len(moves) - 1, 1) * (moves**2).sum()))
    people = [int(p["who"].nunique()) for p in (first, second)]
    if error <= 1e-12:
        return two_proportion_difference(values[0] * people[0], people[0], values[1] * people[1], people[1])  # fmt: skip
    value = values[0] - values[1]
    p = float(2 * distributions.norm.sf(abs(value) / error))
    half = float(distributions.norm.ppf(0.975)) * error
    return Difference(value, value - half, value + half, p, len(first), len(second))


def _prepared(scores: pd.DataFrame, weights: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the answers on their stated scales with measure, top, weight and who."""
    kept, note = on_stated_scale(need(scores, "answers on satisfaction or effort", ASK, rows=20))
    frame = with_weights(need(kept, "answers on their stated scale", ASK, rows=20), weights)
    span = frame["scale_max"] - frame["scale_min"]
    place = (frame["value"] - frame["scale_min"]) / span.where(span > 0)
    frame = frame[place.notna()].assign(top=(place[place.notna()] >= TOP - 1e-9).astype(float))
    begin = frame.groupby("wave")["answered_at"].min()
    return (
        frame.assign(
            measure=measure_names(frame, NAMES),
            who=frame["customer_id"].fillna("anonymous " + frame["response_id"]),
            begin=frame["wave"].map(begin),
        ).sort_values(["begin", "wave", "response_id", "question_id"], ignore_index=True),
        note,
    )


def _row(now: pd.DataFrame, before: pd.DataFrame, rest: pd.DataFrame | None = None) -> dict:
    found = share(now["top"], now["weight"], now["who"])
    row = {"answers": len(now), "mean": float(np.average(now["value"], weights=now["weight"])), "raw": float(now["top"].mean()),
           "satisfied": found.value, "low": found.low, "high": found.high,
           "change": np.nan, "change_low": np.nan, "change_high": np.nan, "p": np.nan, "p_level": np.nan}  # fmt: skip
    if before["who"].nunique() >= LEAST:
        step = share_difference(now, before)
        row |= {"change": 100 * step.value, "change_low": 100 * step.low, "change_high": 100 * step.high, "p": step.p_value}  # fmt: skip
    if rest is not None and rest["who"].nunique() >= LEAST:
        row["p_level"] = share_difference(now, rest).p_value
    return row


def _tested(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(q=shown_p(table["p"]), q_level=shown_p(table["p_level"])).drop(columns=["p", "p_level"])  # fmt: skip


@answers
def by_wave(scores: pd.DataFrame, weights: pd.DataFrame) -> Answer:
    """Return the share of satisfied customers and of easy contacts in each wave, with the change from the wave before.

    Satisfaction is the question on the whole where there is one, else (as for ease) all touchpoints together.

    Parameters
    ----------
    scores
        response_id, customer_id, wave, answered_at, question_id, kind, touchpoint, value, scale_min, scale_max.
    weights
        customer_id, wave, weight.

    Returns
    -------
    Answer
        Table: measure, wave, answers, mean, raw and satisfied (shares; satisfied is weighted, with low, high), change
        (points) with change_low, change_high and q (Benjamini & Hochberg 1995).
    """
    frame, note = _prepared(scores, weights)
    whole = frame["touchpoint"].isna()
    overall = frame.loc[whole, "measure"].unique()
    frame = frame[whole | ~frame["measure"].isin(overall)]
    rows, thin = [], []
    for measure, part in frame.groupby("measure"):
        before = part.iloc[:0]
        for wave, now in part.groupby("wave", sort=False):
            if now["who"].nunique() < LEAST:
                thin.append(f"{wave} ({now['who'].nunique()})")
                continue
            rows.append({"measure": measure, "wave": wave} | _row(now, before))
            before = now
    need(pd.DataFrame(rows), f"waves with {LEAST} customers", ASK)
    table = _tested(pd.DataFrame(rows)).drop(columns="q_level")
    last = table.groupby("measure", sort=True).tail(1)
    said = "; ".join(f"{r.measure} {format_value(r.satisfied, '%')}" for r in last.itertuples())
    moved = table[table["q"] < 0.05]
    told = (
        "Changes beyond chance: "
        + ", ".join(f"{r.measure} {r.wave} {format_value(r.change, 'points')} points" for r in moved.itertuples())
        if len(moved)
        else f"None of {int(table['q'].notna().sum())} changes from one wave to the next is beyond chance"
    )  # fmt: skip
    left = f" Waves with fewer than {LEAST} customers are left out: {', '.join(dict.fromkeys(thin))}." if thin else ""  # fmt: skip
    return Answer(
        table=table[["measure", "wave", *SHOWN, "q"]],
        headline=_cap(f"{said} in {last['wave'].iloc[-1]}"),
        so_what=f"{told}. Compare a wave with its interval, not with the last figure alone.{left}{note}{_all_satisfied(last)}",
        kind="descriptive",
        caption=f"Weighted share of answers in the top third of the scale by wave, 95 % interval (n = {len(frame):,} answers)",
        units=UNITS,
        source="survey answers on satisfaction (CSAT) and ease (CES); weights by raking",
        metrics=tuple(
            Metric(f"{r.measure.split(' ')[0]}_share_last_wave", r.satisfied, r.low, r.high, int(r.answers), "%")
            for r in last.itertuples() if " " not in r.measure
        ),
    )  # fmt: skip


def _cap(text: str) -> str:
    return text[:1].upper() + text[1:]


def _all_satisfied(table: pd.DataFrame) -> str:
    full = table[table["raw"] >= 1.0]
    if full.empty:
        return ""
    return f" Every answer on {', '.join(full['measure'])} is in the top third: ask whether only satisfied customers were invited."  # fmt: skip


def _years(frame: pd.DataFrame, since: pd.Timestamp) -> pd.DataFrame:
    """Return the answers with ``year`` (now, before, earlier), the last of a customer and question in each year."""
    edge = pd.Timestamp(since) + pd.Timedelta(days=1)
    year = np.select(
        [frame["answered_at"] >= edge, frame["answered_at"] >= edge - pd.DateOffset(years=1)],
        ["now", "before"],
        "earlier",
    )
    ordered = frame.assign(year=year).sort_values(["answered_at", "response_id", "question_id"])
    return ordered.drop_duplicates(["who", "question_id", "year"], keep="last")


@answers
def by_touchpoint(scores: pd.DataFrame, weights: pd.DataFrame, since: pd.Timestamp) -> Answer:
    """Return how many are satisfied with, or find easy, each touchpoint this year, and the change from the year before.

    A touchpoint is compared with all others of the same measure; customers who rated several count once in the error.

    Parameters
    ----------
    scores, weights
        As for `by_wave`.
    since
        The day before the year begins.

    Returns
    -------
    Answer
        Table: measure, touchpoint and the columns of `by_wave`, with q (of the change) and q_level (of the difference to the other
        touchpoints); lowest first.
    """
    prepared, note = _prepared(scores, weights)
    frame = _years(prepared[prepared["touchpoint"].notna()], since)
    rows = []
    for (measure, touchpoint), part in frame.groupby(["measure", "touchpoint"]):
        now, before = part[part["year"] == "now"], part[part["year"] == "before"]
        if now["who"].nunique() < LEAST:
            continue
        others = frame["measure"].eq(measure) & frame["touchpoint"].ne(touchpoint)
        rest = frame[others & frame["year"].eq("now")]
        rows.append({"measure": measure, "touchpoint": touchpoint} | _row(now, before, rest))
    need(pd.DataFrame(rows), f"touchpoints rated by {LEAST} customers this year", ASK)
    table = _tested(pd.DataFrame(rows)).assign(place=lambda t: t["satisfied"].round(9))
    table = table.sort_values(["place", "measure", "touchpoint"], ignore_index=True)
    note = " A touchpoint may score low for the cases that come to it and not for its work: step 5 adjusts for that." + note  # fmt: skip
    return _read(
        table.drop(columns="place"),
        ["measure", "touchpoint"],
        "touchpoint",
        note,
        f"Share of customers satisfied with (or finding easy) a touchpoint, last 12 months, weighted, 95 % interval (n = {int(table['answers'].sum()):,} answers)",
    )


@answers
def by_group(
    scores: pd.DataFrame, weights: pd.DataFrame, since: pd.Timestamp, style: Answer | None = None
) -> Answer:
    """Return satisfaction and ease of each group of customers this year, and the change from the year before.

    Parameters
    ----------
    scores
        As for `by_wave`, with country, age_band, customer_type, market_segment.
    weights, since
        As for `by_touchpoint`.
    style
        Answer of `scales.response_style`: where countries use scales differently, their levels are not judged.

    Returns
    -------
    Answer
        Table: measure, dimension, group and the columns of `by_wave`, with q (of the change) and q_level (of the difference to all other
        customers); lowest first. Ease is taken over all touchpoints.
    """
    prepared, note = _prepared(scores, weights)
    whole = prepared["touchpoint"].isna()
    prepared = prepared[whole | ~prepared["measure"].isin(prepared.loc[whole, "measure"].unique())]
    frame = _years(prepared, since)
    rows = []
    for measure, part in frame.groupby("measure"):
        for dimension in GROUPS:
            for group, own in part.groupby(dimension):
                now, before = own[own["year"] == "now"], own[own["year"] == "before"]
                if group == "not known" or now["who"].nunique() < LEAST:
                    continue
                rest = part[part["year"].eq("now") & part[dimension].ne(group)]
                rows.append({"measure": measure, "dimension": dimension.replace("_", " "), "group": str(group)} | _row(now, before, rest))  # fmt: skip
    need(pd.DataFrame(rows), f"groups of {LEAST} customers this year", ASK)
    frame_rows = pd.DataFrame(rows)
    if style is not None and style.extra.get("differs"):
        frame_rows.loc[frame_rows["dimension"] == "country", "p_level"] = np.nan
        note = " Countries use rating scales differently, so their levels are not judged against each other." + note  # fmt: skip
    table = _tested(frame_rows).assign(place=lambda t: t["satisfied"].round(9))
    table = table.sort_values(["place", "measure", "dimension", "group"], ignore_index=True)
    return _read(
        table.drop(columns="place"),
        ["measure", "dimension", "group"],
        "group",
        note,
        f"Satisfied customers and easy contacts by group, last 12 months, weighted share, 95 % interval (n = {int((frame['year'] == 'now').sum()):,} answers)",
    )


def _read(table: pd.DataFrame, first: list[str], what: str, note: str, caption: str) -> Answer:
    """Return the answer of a table by touchpoint or group: the lowest that is not chance, and what changed."""
    low = table[(table["q_level"] < 0.05)]
    below = [r for r in low.itertuples() if r.satisfied < table.loc[table["measure"] == r.measure, "satisfied"].median()]  # fmt: skip
    moved = table[table["q"] < 0.05]
    if below:
        worst = below[0]
        name = f"{getattr(worst, what)}: {worst.measure} {format_value(worst.satisfied, '%')}"
        headline = f"Lowest beyond chance is {name} ({format_value(worst.low, '%')} to {format_value(worst.high, '%')})"
        named = ", ".join(f"{getattr(r, what)} ({r.measure})" for r in below[:4])
        told = f"Below the other {what}s beyond chance: {named}."
    else:
        headline = f"No {what} lies below the others beyond chance"
        told = f"The spread between {what}s can be chance with samples of this size."
    tested = int(table["q"].notna().sum())
    changed = (
        "Changed beyond chance since the year before: "
        + ", ".join(f"{getattr(r, what)} ({r.measure} {format_value(r.change, 'points')} points)" for r in moved.itertuples())
        if len(moved)
        else f"None of {tested} changes since the year before is beyond chance"
        if tested
        else "There is no year before to compare with"
    )  # fmt: skip
    return Answer(
        table=table[[*first, *SHOWN, "q", "q_level"]],
        headline=headline,
        so_what=f"{told} {changed}.{note}",
        kind="descriptive",
        caption=caption,
        units=UNITS,
        source=f"survey answers; {len(table)} levels and {tested} changes adjusted for their number; errors by customer",
    )  # fmt: skip
