"""Recommendation and satisfaction by wave and year, with the change tested."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, Missing, answers, format_value, need
from playbook.stats import (
    effective_sample_size,
    false_discovery,
    net_promoter,
    net_promoter_difference,
    two_proportion_difference,
    wilson,
)

__all__ = ["answers_of_years", "feedback_by_wave", "feedback_by_year", "score", "step"]

ASK = "survey answers on recommendation or satisfaction, by wave, or scores of service cases"
FEWEST = 30
"""Fewest answers a wave or year needs."""

NAMES = {
    "nps": ("Recommendation (Net Promoter Score)", "points"),
    "csat": ("Satisfied customers (two best grades)", "%"),
    "case": ("Satisfied with the service case", "%"),
}


@dataclass(frozen=True)
class Step:
    """Change between two groups of answers with its interval and p-value."""

    value: float
    low: float
    high: float
    p_value: float


def _usable(frame: pd.DataFrame, weights: pd.DataFrame | None) -> pd.DataFrame:
    """Return valid answers with their weight (1 where none is known)."""
    nps = frame["kind"] == "nps"
    valid = frame[~nps | (frame["value"].between(0, 10) & (frame["value"] % 1 == 0))].copy()
    valid["weight"] = 1.0
    if weights is not None and len(weights):
        keys = ["customer_id", "wave"]
        found = valid[keys].merge(weights.drop_duplicates(keys)[[*keys, "weight"]], on=keys, how="left")  # fmt: skip
        valid["weight"] = found["weight"].fillna(1.0).to_numpy()
    return valid


def _share(part: pd.DataFrame) -> tuple[float, float]:
    top = (part["value"] >= part["scale_max"].fillna(5.0) - 1).to_numpy()
    weight = part["weight"].to_numpy()
    return float(weight[top].sum() / weight.sum()), effective_sample_size(weight)


def score(kind: str, part: pd.DataFrame) -> tuple[float, float, float]:
    """Return score, low and high of answers of one kind with their weight."""
    if kind == "nps":
        found = net_promoter(part["value"], part["weight"])
        return found.score, found.low, found.high
    share, size = _share(part)
    ends = wilson(share * size, size)
    return share, ends.low, ends.high


def step(kind: str, now: pd.DataFrame, before: pd.DataFrame) -> Step:
    """Return the change of the score between two groups of answers; the weights count in its error (Kish)."""
    if kind == "nps":
        found = net_promoter_difference(
            net_promoter(now["value"], now["weight"]), net_promoter(before["value"], before["weight"])
        )  # fmt: skip
    else:
        (share, size), (old, old_size) = _share(now), _share(before)
        found = two_proportion_difference(share * size, size, old * old_size, old_size)  # type: ignore[arg-type]
    return Step(found.value, found.low, found.high, found.p_value)


def _compare(
    kind: str, label: str, now: pd.DataFrame, before: pd.DataFrame | None
) -> dict[str, object]:
    value, low, high = score(kind, now)
    row: dict[str, object] = {
        "kind": kind, "period": label, "answers": len(now), "score": value, "low": low, "high": high,
        "before": np.nan, "change": np.nan, "change_low": np.nan, "change_high": np.nan, "p": np.nan,
    }  # fmt: skip
    if before is not None and len(before) >= FEWEST:
        found = step(kind, now, before)
        row |= {"before": score(kind, before)[0], "change": found.value, "change_low": found.low,
                "change_high": found.high, "p": found.p_value}  # fmt: skip
    return row


def answers_of_years(
    frame: pd.DataFrame, weights: pd.DataFrame | None, since: date
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the answers of the 12 months after ``since`` and of the 12 before, with their weight.

    Of several answers of one customer, kind and year the last counts.
    """
    valid = _usable(frame, weights)
    edge = pd.Timestamp(since) + pd.Timedelta(days=1)
    valid["who"] = valid["customer_id"].fillna("anonymous " + valid["response_id"].astype("str"))
    valid = valid.sort_values(["answered_at", "response_id"])
    year = valid[valid["answered_at"] >= edge]
    old = valid[(valid["answered_at"] < edge) & (valid["answered_at"] >= edge - pd.DateOffset(years=1))]  # fmt: skip
    now, before = (part.drop_duplicates(["kind", "who"], keep="last") for part in (year, old))
    return now, before


def feedback_by_year(
    frame: pd.DataFrame, weights: pd.DataFrame | Missing, since: date
) -> Answer | Missing:
    """Compare the last 12 months with the 12 months before, for each kind of feedback.

    Of several answers of one customer in a year the last counts. Answers of the two years are treated as
    independent, which makes the interval of the change too wide rather than too narrow. p-values are adjusted for
    the number of kinds (Benjamini & Hochberg 1995).

    Parameters
    ----------
    frame
        Query ``feedback_answers``: response_id, customer_id, wave, answered_at, kind, value, scale_max.
    weights
        Result ``survey_weights`` (customer_id, wave, weight); equal weights where it is missing.
    since
        Last day before the year.

    Returns
    -------
    Answer
        In words: feedback, answers, now, chance_range, year_before, change, change_range, verdict. ``numbers`` holds
        the figures: kind, answers, score, low, high, before, change, change_low, change_high, q.
    """
    return _by_year(frame, weights if isinstance(weights, pd.DataFrame) else None, since)


@answers
def _by_year(frame: pd.DataFrame, weights: pd.DataFrame | None, since: date) -> Answer:
    need(frame, "answers on satisfaction", ASK, rows=FEWEST)
    year, old = answers_of_years(frame, weights, since)
    rows = []
    for kind in NAMES:
        now, before = (part[part["kind"] == kind] for part in (year, old))
        if len(now) >= FEWEST:
            rows.append(_compare(kind, "last 12 months", now, before))
    numbers = need(pd.DataFrame(rows), f"kinds of feedback with {FEWEST} answers this year", ASK)
    numbers = numbers.assign(q=false_discovery(numbers["p"].to_numpy(dtype=float)))
    return Answer(
        table=pd.DataFrame([_words(row) for row in numbers.itertuples(index=False)]),
        headline=_headline(numbers),
        so_what=_so_what(numbers),
        kind="descriptive",
        caption=f"Feedback of the last 12 months against the 12 before, 95 % intervals ({'weighted' if weights is not None else 'unweighted'})",
        units={"answers": "count"},
        source="survey answers and scores of service cases; last answer of each customer and year",
        metrics=tuple(
            Metric(f"{row.kind}_change", row.change, row.change_low, row.change_high, row.answers, NAMES[row.kind][1])
            for row in numbers.itertuples(index=False)
            if row.change == row.change
        ),
        extra={"numbers": numbers.drop(columns=["p", "period"])},
    )  # fmt: skip


def _points(value: float, unit: str) -> str:
    """Return a change: of a share in percentage points."""
    size = 100 * value if unit == "%" else value
    return ("+" if size > 0 else "") + format_value(size, "points")


def _verdict(q: float, change: float) -> str:
    if np.isnan(q):
        return "no year before"
    return ("rose" if change > 0 else "fell") if q < 0.05 else "within chance"


def _words(row) -> dict[str, object]:
    name, unit = NAMES[row.kind]
    compared = row.change == row.change
    return {
        "feedback": name,
        "answers": row.answers,
        "now": format_value(row.score, unit),
        "chance_range": f"{format_value(row.low, unit)} to {format_value(row.high, unit)}",
        "year_before": format_value(row.before, unit),
        "change_in_points": _points(row.change, unit) if compared else "–",
        "change_range": f"{_points(row.change_low, unit)} to {_points(row.change_high, unit)}" if compared else "–",
        "verdict": _verdict(row.q, row.change),
    }  # fmt: skip


def _headline(numbers: pd.DataFrame) -> str:
    known = numbers["q"].fillna(1.0)
    first = numbers.loc[known.idxmin()] if known.min() < 0.05 else numbers.iloc[0]
    name, unit = NAMES[str(first["kind"])]
    name = name.split(" (")[0]
    if np.isnan(first["change"]):
        return f"{name} stands at {format_value(first['score'], unit)}; there is no year to compare with"
    verdict = _verdict(first["q"], first["change"])
    told = "did not move beyond chance" if verdict == "within chance" else verdict
    return f"{name} {told}: {format_value(first['before'], unit)} to {format_value(first['score'], unit)}"


def _so_what(numbers: pd.DataFrame) -> str:
    compared = numbers.dropna(subset=["change"])
    if compared.empty:
        return "Keep asking the same question in the same way, so that next year has something to compare with."
    moved = compared[compared["q"] < 0.05]
    fell = moved[moved["change"] < 0]
    half = float((compared["change_high"].iloc[0] - compared["change_low"].iloc[0]) / 2)
    name, unit = NAMES[str(compared["kind"].iloc[0])]
    noise = (
        f"{name}: with so many answers a change under {_points(half, unit).removeprefix('+')} points "
        "cannot be told from chance. "
    )
    if len(fell):
        names = ", ".join(NAMES[k][0] for k in fell["kind"])
        return f"{names}: fell beyond chance. {noise}Find out where first: look at waves, groups and touchpoints."  # fmt: skip
    if len(moved):
        names = ", ".join(NAMES[k][0] for k in moved["kind"])
        return f"{names}: rose beyond chance. {noise}Keep what was changed, and name it before the memory fades."  # fmt: skip
    return f"No kind of feedback moved beyond chance. {noise}Do not reward or blame anybody for these moves."


def feedback_by_wave(
    frame: pd.DataFrame, weights: pd.DataFrame | Missing, kind: str
) -> Answer | Missing:
    """Return one kind of feedback wave by wave, each change from the wave before tested.

    Parameters
    ----------
    frame, weights
        As for `feedback_by_year`.
    kind
        ``nps``, ``csat`` or ``case``.

    Returns
    -------
    Answer
        Table: wave, answers, score, low, high, change, change_low, change_high, q; waves in order of time.
    """
    return _by_wave(frame, weights if isinstance(weights, pd.DataFrame) else None, kind)


@answers
def _by_wave(frame: pd.DataFrame, weights: pd.DataFrame | None, kind: str) -> Answer:
    name, unit = NAMES[kind]
    asked = frame[frame["kind"] == kind] if len(frame) else frame
    valid = _usable(need(asked, f"answers: {name}", ASK, rows=FEWEST), weights)
    begin = valid.groupby("wave")["answered_at"].transform("min")
    valid = valid.assign(begin=begin).sort_values(["begin", "wave", "response_id"])
    groups = [
        (str(w), part) for w, part in valid.groupby("wave", sort=False) if len(part) >= FEWEST
    ]
    need(pd.DataFrame({"wave": [w for w, _ in groups]}), f"waves with {FEWEST} answers", ASK)
    rows = [
        _compare(kind, wave, part, groups[i - 1][1] if i else None)
        for i, (wave, part) in enumerate(groups)
    ]
    table = pd.DataFrame(rows).rename(columns={"period": "wave"})
    table["q"] = false_discovery(table["p"].to_numpy(dtype=float))
    last, moves = table.iloc[-1], table[table["q"] < 0.05]
    return Answer(
        table=table.drop(columns=["kind", "p", "before"]),
        headline=f"{name.split(' (')[0]} in {last['wave']}: {format_value(last['score'], unit)}, "
        + (f"{len(moves)} of {len(table) - 1} changes beyond chance" if len(table) > 1 else "the first wave"),
        so_what=(
            "Changes beyond chance: " + ", ".join(f"{r.wave} ({_points(r.change, unit)} points)" for r in moves.itertuples())
            + ". Look for what was different in these waves first."
            if len(moves)
            else "No wave differs from the one before beyond chance: report the year, not the wave, and ask the same question again."
        ),
        kind="descriptive",
        caption=f"{name} by wave with 95 % interval (n = {len(valid):,} answers, {'weighted' if weights is not None else 'unweighted'})",
        units={"answers": "count", "q": "ratio", **dict.fromkeys(["score", "low", "high", "change", "change_low", "change_high"], unit)},
        source="survey answers; changes adjusted for their number" if kind != "case" else "scores of service cases by quarter",
    )  # fmt: skip
