"""Net Promoter Score by wave and group, its changes tested, and what silence could hide."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.research.answer_scales import on_stated_scale
from playbook.research.surveys import shown_p, with_weights
from playbook.stats import (
    NetPromoter,
    net_promoter,
    net_promoter_difference,
)

__all__ = ["by_group", "by_touchpoint", "by_wave", "unobserved"]

ASK = "answers to the question how likely customers are to recommend (0 to 10), by wave"
GROUPS = ("country", "age_band", "customer_type", "market_segment")
LEAST = 30
"""Fewest answers a group needs in both years."""


def _valid(scores: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Return the answers that are whole numbers on a scale from 0 to 10, waves in order of time, and what was set aside."""
    kept, note = on_stated_scale(scores)
    ten = kept["scale_min"].eq(0) & kept["scale_max"].eq(10)
    if (~ten).any():
        other = sorted({f"{a:g} to {b:g}" for a, b in kept.loc[~ten, ["scale_min", "scale_max"]].drop_duplicates().to_numpy()})  # fmt: skip
        note += f" {int((~ten).sum()):,} answers on a scale of {', '.join(other)} have no promoters and are read with satisfaction, not here."  # fmt: skip
    good = kept[ten & (kept["value"] % 1 == 0)]
    broken = int((ten & (kept["value"] % 1 != 0)).sum())
    if broken:
        note += f" {broken} answers that are no whole number were left out."
    begin = good.groupby("wave")["answered_at"].min()
    ordered = good.assign(begin=good["wave"].map(begin)).sort_values(["begin", "wave", "response_id"], ignore_index=True)  # fmt: skip
    return ordered, note


def _score(part: pd.DataFrame) -> NetPromoter:
    return net_promoter(part["value"], part["weight"])


def _moved(table: pd.DataFrame) -> str:
    """The changes from one wave to the next that are beyond chance."""
    moves = table[table["q"] < 0.05]
    if moves.empty:
        return "No change from one wave to the next is beyond chance"
    return "Changes beyond chance: " + ", ".join(
        f"{r.wave} {format_value(r.change, 'points')} points" for r in moves.itertuples()
    )


@answers
def by_wave(scores: pd.DataFrame, weights: pd.DataFrame) -> Answer:
    """Return the score of each wave, raw and weighted, and the change from the wave before.

    Standard error 100·√((p + d − (p − d)²)/n) with Kish's effective n; changes are compared as independent
    samples (customers in both waves make the interval too wide, never too narrow) and their p-values
    adjusted for the number of changes (Benjamini & Hochberg 1995).

    Parameters
    ----------
    scores
        response_id, customer_id, question_id, kind, wave, answered_at, value, scale_min, scale_max.
    weights
        customer_id, wave, weight.

    Returns
    -------
    Answer
        Table: wave, answers, promoters, detractors, raw, nps (weighted), low, high, change, change_low,
        change_high, q.
    """
    valid, note = _valid(need(scores, "answers on recommendation", ASK, rows=20))
    frame = with_weights(need(valid, f"answers from 0 to 10.{note}", ASK, rows=20), weights)
    rows: list[dict] = []
    thin: list[str] = []
    before: NetPromoter | None = None
    for wave, part in frame.groupby("wave", sort=False):
        if len(part) < 10:
            thin.append(f"{wave} ({len(part)})")
            continue
        score, raw = _score(part), net_promoter(part["value"])
        step = net_promoter_difference(score, before) if before else None
        rows.append(
            {"wave": wave, "answers": len(part), "promoters": score.promoters, "detractors": score.detractors,
             "raw": raw.score, "nps": score.score, "low": score.low, "high": score.high,
             "change": step.value if step else np.nan, "change_low": step.low if step else np.nan,
             "change_high": step.high if step else np.nan, "p": step.p_value if step else np.nan}
        )  # fmt: skip
        before = score
    need(pd.DataFrame(rows), "waves with at least ten answers", ASK)
    table = pd.DataFrame(rows)
    table["q"] = shown_p(table["p"])
    last = table.iloc[-1]
    note += f" Waves with fewer than ten answers are left out: {', '.join(thin)}." if thin else ""
    if last["promoters"] == 1 or last["detractors"] == 1:
        note += (
            f" Everybody is a {'promoter' if last['promoters'] == 1 else 'detractor'}: the interval supposes that one more answer could "
            "differ; ask who was invited."
        )
    return Answer(
        table=table.drop(columns="p"),
        headline=f"Net Promoter Score in {last['wave']} is {last['nps']:.0f} ({last['low']:.0f} to {last['high']:.0f})",
        so_what=f"{_moved(table)}. The weighted score lies {format_value(abs(last['nps'] - last['raw']), 'points')} points "
        f"{'above' if last['nps'] >= last['raw'] else 'below'} the raw one. Judge it by its interval: a move of less than "
        f"{format_value(1.4 * (last['high'] - last['low']) / 2, 'points')} points between two such waves is noise."
        + note,
        kind="descriptive",
        caption=f"Net Promoter Score by wave in points, weighted, 95 % interval (n = {len(frame):,} answers)",
        units={"answers": "count", "promoters": "%", "detractors": "%", "raw": "points", "nps": "points", "low": "points",
               "high": "points", "change": "points", "change_low": "points", "change_high": "points", "q": "ratio"},
        source="survey answers on recommendation; weights by raking",
        metrics=(Metric("nps_last_wave_weighted", last["nps"], last["low"], last["high"], int(last["answers"]), "points"),),
    )  # fmt: skip


@answers
def by_group(
    scores: pd.DataFrame, weights: pd.DataFrame, since: pd.Timestamp, style: Answer | None = None
) -> Answer:
    """Return the score of each group over the year, and its change from the year before.

    Parameters
    ----------
    scores
        As for `by_wave`, with country, age_band, customer_type, market_segment.
    since
        The day before the year begins.
    style
        Answer of `scales.response_style`. Where countries use scales differently, their levels are shown but not judged
        (q_level is missing); changes within a country are.

    Returns
    -------
    Answer
        Table: dimension, group, answers, nps, low, high, change, change_low, change_high, q (of the change) and
        q_level (of the difference to all others); lowest first. Of a customer with several answers in a year the last one counts.
    """
    frame, note = _year_frame(scores, weights, since)
    rows = []
    for dimension in GROUPS:
        for group, part in frame.groupby(dimension):
            now, before = part[part["year"] == "now"], part[part["year"] == "before"]
            if len(now) >= LEAST and group != "not known":
                rest = frame[(frame["year"] == "now") & (frame[dimension] != group)]
                rows.append(_group_row(dimension, str(group), now, before, rest))
    need(pd.DataFrame(rows), f"groups with {LEAST} answers this year", ASK)
    table = pd.DataFrame(rows)
    if style is not None and style.extra.get("differs"):
        table.loc[table["dimension"] == "country", "p_level"] = np.nan
        note = " Countries use rating scales differently, so their levels are not judged against each other, only their changes." + note  # fmt: skip
    return _group_answer(table, "group", int((frame["year"] == "now").sum()), note)


def _year_frame(
    scores: pd.DataFrame, weights: pd.DataFrame, since: pd.Timestamp
) -> tuple[pd.DataFrame, str]:
    """Return the valid answers with year (now, before, earlier), the last of each customer and year."""
    valid, note = _valid(need(scores, "answers on recommendation", ASK, rows=50))
    frame = with_weights(need(valid, f"answers from 0 to 10.{note}", ASK, rows=50), weights)
    edge = pd.Timestamp(since) + pd.Timedelta(days=1)
    frame["year"] = np.select(
        [frame["answered_at"] >= edge, frame["answered_at"] >= edge - pd.DateOffset(years=1)],
        ["now", "before"],
        "earlier",
    )
    who = frame["customer_id"].fillna("anonymous " + frame["response_id"])
    frame = frame.assign(who=who).sort_values(["answered_at", "response_id"])
    return frame.drop_duplicates(["who", "year"], keep="last"), note


@answers
def by_touchpoint(
    scores: pd.DataFrame, touched: pd.DataFrame, weights: pd.DataFrame, since: pd.Timestamp
) -> Answer:
    """Return the score of those who rated each touchpoint in the same questionnaire, against those who did not.

    Parameters
    ----------
    scores, weights, since
        As for `by_group`.
    touched
        response_id, touchpoint: answers on satisfaction or effort.

    Returns
    -------
    Answer
        As `by_group`, with the touchpoint as group.
    """
    frame, note = _year_frame(scores, weights, since)
    rated = touched.dropna(subset=["touchpoint"]).drop_duplicates(["response_id", "touchpoint"])
    need(rated, "questionnaires with a rated touchpoint", ASK)
    rows = []
    for touchpoint, part in rated.groupby("touchpoint"):
        used = frame["response_id"].isin(part["response_id"])
        year = frame["year"]
        now, before = frame[used & year.eq("now")], frame[used & year.eq("before")]
        if len(now) >= LEAST:
            rows.append(_group_row("touchpoint", str(touchpoint), now, before, frame[~used & year.eq("now")]))  # fmt: skip
    need(pd.DataFrame(rows), f"touchpoints rated by {LEAST} customers this year", ASK)
    note = " Who uses a touchpoint differs in other ways, too: this is where to look, not a cause." + note  # fmt: skip
    return _group_answer(pd.DataFrame(rows), "touchpoint", int((frame["year"] == "now").sum()), note)  # fmt: skip


def _group_answer(table: pd.DataFrame, what: str, n: int, note: str) -> Answer:
    table["q"] = shown_p(table["p"])
    table["q_level"] = shown_p(table["p_level"])
    table["place"] = table["nps"].round(9)
    table = table.sort_values(["place", "dimension", "group"], ignore_index=True)
    table = table.drop(columns=["p", "p_level", "place"])
    apart = table[table["q_level"] < 0.05]
    return Answer(
        table=table,
        headline=(
            f"{_member(apart.iloc[0])} score {apart.iloc[0]['nps']:.0f}, {'less' if _below(apart.iloc[0], table) else 'more'} than the others"
            if len(apart)
            else f"No {what} goes with more or fewer promoters beyond chance"
        ),
        so_what=f"{_moves(table)} {_levels(table, apart)}{note}",
        kind="descriptive",
        caption=f"Net Promoter Score by {what} in points, last 12 months, weighted, 95 % interval (n = {n:,})",
        units={"answers": "count", "nps": "points", "low": "points", "high": "points", "change": "points",
               "change_low": "points", "change_high": "points", "q": "ratio", "q_level": "ratio"},
        source="survey answers on recommendation; levels and changes adjusted for the number of groups",
    )  # fmt: skip


def _below(row: pd.Series, table: pd.DataFrame) -> bool:
    return bool(row["nps"] < table["nps"].median())


def _member(row: pd.Series) -> str:
    """Return the members of a group as a sentence begins with them."""
    if row["dimension"] == "touchpoint":
        return f"Those who used {row['group']}"
    place = {"country": "Customers in {}", "market segment": "Customers in {}", "customer type": "{} customers",
             "age band": "Customers aged {}"}  # fmt: skip
    return _cap(place.get(row["dimension"], "Customers of {}").format(row["group"]))


def _moves(table: pd.DataFrame) -> str:
    moved, tested = table[table["q"] < 0.05], int(table["q"].notna().sum())
    if not tested:
        return "There is no year before to compare with."
    if moved.empty:
        return f"None of {tested} tested changes since the year before is beyond chance; do not act on them."
    named = ", ".join(
        f"{r.group} ({format_value(r.change, 'points')} points)" for r in moved.itertuples()
    )
    return f"Changed beyond chance since the year before: {named}. Look there for the cause first."


def _levels(table: pd.DataFrame, apart: pd.DataFrame) -> str:
    low, high = table.iloc[0], table.iloc[-1]
    if len(apart):
        below = apart[[_below(row, table) for _, row in apart.iterrows()]]
        if len(below):
            first = _member(below.iloc[0])
            return f"Ask {first[:1].lower() + first[1:]} for their reasons first."
        return "Find out what those above the others like, and offer it to the rest."
    return (
        f"The range from {low['group']} ({low['nps']:.0f}) to {high['group']} ({high['nps']:.0f}) can be chance with groups of this "
        "size: ask more customers of a group before a plan is made for it."
    )


def _cap(text: str) -> str:
    return text[:1].upper() + text[1:]


def _group_row(
    dimension: str, group: str, now: pd.DataFrame, before: pd.DataFrame, rest: pd.DataFrame
) -> dict:
    score = _score(now)
    row = {"dimension": dimension.replace("_", " "), "group": group, "answers": len(now), "nps": score.score,
           "low": score.low, "high": score.high, "change": np.nan, "change_low": np.nan, "change_high": np.nan, "p": np.nan, "p_level": np.nan}  # fmt: skip
    if len(rest) >= LEAST:
        row["p_level"] = net_promoter_difference(score, _score(rest)).p_value
    if len(before) >= LEAST:
        step = net_promoter_difference(score, _score(before))
        row |= {
            "change": step.value,
            "change_low": step.low,
            "change_high": step.high,
            "p": step.p_value,
        }
    return row


@answers
def unobserved(panel: pd.DataFrame, scores: pd.DataFrame, weights: pd.DataFrame) -> Answer:
    """Return what the score of all invited customers would be if the silent ones thought otherwise.

    A sensitivity table: weighting cannot see opinions that go with silence itself. Late answers stand
    next to it, since people who almost did not answer resemble those who did not (Filion 1976).

    Parameters
    ----------
    panel
        As for `surveys.response`, with answered_at.
    scores, weights
        As for `by_wave`.

    Returns
    -------
    Answer
        Table: assumed_gap (points the silent lie from the respondents), nps (of all invited).
    """
    valid, _ = _valid(need(scores, "answers on recommendation", ASK, rows=50))
    frame = with_weights(need(valid, "answers from 0 to 10", ASK, rows=50), weights)
    need(panel, "survey invitations", "the list of invited customers for each wave", rows=50)
    wave = frame["wave"].iloc[-1]
    last = frame[frame["wave"] == wave]
    invited = panel[panel["wave"] == wave]
    need(
        invited,
        f"invitations of wave {wave}",
        "the list of invited customers for each wave",
        rows=20,
    )
    rate, score = float(invited["answered"].mean()), _score(last)
    gaps = [-30.0, -20.0, -10.0, 0.0, 10.0]
    table = pd.DataFrame(
        {"assumed_gap": gaps, "nps": [score.score + (1 - rate) * gap for gap in gaps]}
    )
    delay = frame.merge(panel[["customer_id", "wave", "invited_at"]], on=["customer_id", "wave"])
    days = (delay["answered_at"] - delay["invited_at"]).dt.total_seconds() / 86400
    late = days > days.median()
    step = (
        net_promoter_difference(_score(delay[late]), _score(delay[~late])) if late.any() else None
    )
    told = (
        f"Those who answered late score {format_value(step.value, 'points')} points against the early ones "
        f"({format_value(step.low, 'points')} to {format_value(step.high, 'points')}, all waves), "
        + (
            "a sign that the silent differ too"
            if step.low > 0 or step.high < 0
            else "no sign of a difference"
        )
        if step
        else "Answer times are not known"
    )
    return Answer(
        table=table,
        headline=f"Ten points between silent and heard customers would move the score by {10 * (1 - rate):.0f}",
        so_what=f"{told}. Weighting does not mend this: call a small random sample of those who did not answer before the score "
        "becomes a target for pay or strategy.",
        kind="diagnostic",
        caption=f"Net Promoter Score of all invited customers under assumed gaps in points, {wave} ({format_value(rate, '%')} answered)",
        units={"assumed_gap": "points", "nps": "points"},
        source="survey invitations and answers on recommendation; assumption, not estimate",
    )
