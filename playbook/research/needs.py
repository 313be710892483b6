"""What customers need: every source beside the others, with strength, interval and disagreement in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, need
from playbook.errors import NotEnough
from playbook.research.need_sources import (
    BEHAVIOUR,
    SOURCES,
    changes,
    strengths,
    strengths_before,
    year_before,
)

__all__ = ["needs", "strengths", "strengths_before", "year_before"]

ASK = "importance questions in the survey, reviews, service cases with topic or focus group quotes"


@answers
def needs(strength: pd.DataFrame, before: pd.DataFrame | None = None) -> Answer:
    """Return every need with its strength in each source, where the sources disagree, and what that means.

    Parameters
    ----------
    strength, before
        Of `strengths` and `strengths_before`.

    Returns
    -------
    Answer
        Table: need, one column a source (strength), sources (how many speak of it), mean_rank (mean of rank ÷ number of needs in
        the source; 0 = strongest; behaviour not ranked), disagreement (highest − lowest of these), rising (sources in which it rose since
        the year before beyond chance); strongest first; needs of one source last. ``extra["reading"]`` is an answer with each need in
        words, ``extra["profile"]`` one in long form with interval, n, place and change, ``extra["needs"]`` the result handed on.
    """
    need(strength, "sources that speak of needs", ASK)
    strength = strength.sort_values(["source", "need"], ignore_index=True)
    names = [s for s in SOURCES if s in set(strength["source"])]
    ranked = [s for s in names if s != BEHAVIOUR]
    if len(ranked) < 2:
        only = f"only one source ({ranked[0]})" if ranked else "no source but behaviour"
        raise NotEnough(f"needs: {only} speaks of them, two needed to compare", ASK)
    placed = _placed(strength)
    moved = _changes(strength, before)
    table = _by_need(placed, names)
    compared = table[table["sources"] > 1]
    if compared.empty:
        raise NotEnough(
            "needs: no need is spoken of in two sources, so they cannot be compared", ASK
        )
    up = moved[(moved["q"].astype(float) < 0.05) & (moved["change"].astype(float) > 0)]
    table["rising"] = [", ".join(up.loc[up["need"] == name, "source"]) for name in table["need"]]
    asked = set(placed.loc[placed["source"] == SOURCES[0], "need"])
    table["reading"] = [_reading(placed[placed["need"] == name], asked, SOURCES[0] in names) for name in table["need"]]  # fmt: skip
    first = str(compared.iloc[0]["need"])
    apart = str(compared.sort_values(["disagreement", "need"], ascending=[False, True]).iloc[0]["need"])  # fmt: skip
    agreement = _agreement(placed)
    caption = "Share of respondents, texts, cases, participants, leavers and buyers who speak of a need or act on it, last 12 months (focus groups: all)"
    counts = strength.drop_duplicates("source").set_index("source")["n"]
    source = ", ".join(f"{s} (n = {int(counts[s]):,})" for s in names)
    both = f"{first.capitalize()} is what customers need most; sources divide on {apart}"
    return Answer(
        table=table.drop(columns="reading").rename(columns=lambda c: str(c).replace(" ", "_")),
        headline=f"{first.capitalize()} is what customers need most, over {len(ranked)} sources",
        so_what=_disagreement(table, apart, agreement)
        + _risen(up, len(moved))
        + f" Take {first} into every proposition.",
        kind="descriptive",
        caption=caption,
        units={c.replace(" ", "_"): "%" for c in names}
        | {"sources": "count", "mean_rank": "ratio", "disagreement": "ratio"},
        source=source + "; labels brought together by a fixed list of words",
        metrics=(Metric("needs_agreement", agreement, n=len(ranked), unit="ratio"),)
        if agreement == agreement
        else (),
        extra={
            "profile": _profile(_long(placed, moved, table), both, source),
            "reading": _readings(table, both, source),
            "needs": strength[["need", "source", "strength", "low", "high", "n"]],
        },
    )


def _risen(up: pd.DataFrame, compared: int) -> str:
    """What rose since the year before, where that can be compared."""
    if len(up):
        return f" Against the year before, {_moves(up)}."
    return " No source speaks of a need more than the year before beyond chance." if compared else ""  # fmt: skip


def _profile(table: pd.DataFrame, headline: str, source: str) -> Answer:
    shares = ["strength", "low", "high", "change", "change_low", "change_high"]
    return Answer(
        table=table, headline=headline, so_what="", kind="descriptive", units=dict.fromkeys(shares, "%"), source=source,
        caption="Share that speaks of a need or acts on it, with 95 % interval, last 12 months; dark: upper third of its source; ▲▼ beyond chance since the year before",
    )  # fmt: skip


def _readings(table: pd.DataFrame, headline: str, source: str) -> Answer:
    return Answer(
        table=table[["need", "reading", "sources", "rising"]], headline=headline, so_what="", kind="descriptive", units={"sources": "count"}, source=source,
        caption="What the sources say of each need together: strong is the upper third of a source, few the lower third",
    )  # fmt: skip


def _changes(strength: pd.DataFrame, before: pd.DataFrame | None) -> pd.DataFrame:
    if before is None or before.empty:
        return changes(strength, strength.iloc[:0])
    return changes(strength, before)


def _moves(up: pd.DataFrame) -> str:
    rows = up.sort_values(["change", "need"], ascending=[False, True]).head(3)
    return " and ".join(
        f"{r.need} rose in {r.source} ({100 * r.change:+.1f} points, {100 * r.change_low:+.1f} to {100 * r.change_high:+.1f})"
        for r in rows.itertuples()
    )


def _placed(strength: pd.DataFrame) -> pd.DataFrame:
    """Return the strengths with ``place``: rank in the source, 0 (strongest) to 1 (weakest); none for behaviour."""
    groups = strength.assign(rounded=strength["strength"].round(9)).groupby("source")["rounded"]
    place = (groups.rank(ascending=False) - 1) / (groups.transform("size") - 1).clip(lower=1)
    return strength.assign(place=place.where(strength["source"] != BEHAVIOUR))


def _by_need(placed: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return one row a need, those of several sources first, then by mean place."""
    wide = placed.pivot(index="need", columns="source", values="strength")[names]
    spread = placed.groupby("need")["place"].agg(["mean", "min", "max", "count"]).round(9)
    table = wide.assign(
        sources=spread["count"],
        mean_rank=spread["mean"],
        disagreement=(spread["max"] - spread["min"]).where(spread["count"] > 1),
    ).reset_index()
    table = table.assign(single=table["sources"] < 2)
    table = table.sort_values(["single", "mean_rank", "need"], ignore_index=True)
    return table.drop(columns="single")


_VERBS = {
    "survey importance": "ask for it",
    "open answers": "give it as their reason",
    "reviews": "write about it",
    "service cases": "call service about it",
    "focus groups": "raise it in groups",
    "reasons to leave": "leave for it",
}
"""What customers do in a source when it speaks of a need."""


def _reading(rows: pd.DataFrame, asked: set[str], survey: bool) -> str:
    """Return in words where a need is strong (upper third of a source) and weak (lower third)."""
    rows = rows.dropna(subset=["place"])
    order = {name: i for i, name in enumerate(SOURCES)}
    rows = rows.sort_values("source", key=lambda s: s.map(order))
    said = list(rows["source"])
    strong = [_VERBS[s] for s in rows.loc[rows["place"] <= 0.34, "source"]]
    weak = [_VERBS[s] for s in rows.loc[rows["place"] >= 0.66, "source"]]
    if not said:
        return "Seen in what buyers do only."
    if len(said) == 1:
        return f"Heard in {said[0]} only: ask for it in the next survey."
    name = str(rows["need"].iloc[0])
    unasked = " Not asked in the survey." if survey and name not in asked else ""
    if strong and not weak:
        return f"Customers {_list(strong)}.{unasked}"
    if strong:
        return f"Customers {_list(strong)}, but few {_list(weak, 'or')}.{unasked}"
    if weak:
        return f"Few {_list(weak, 'or')}; nowhere strong.{unasked}"
    return f"In the middle of every source.{unasked}"


def _list(words: list[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _disagreement(table: pd.DataFrame, apart: str, agreement: float) -> str:
    reading = str(table.set_index("need").loc[apart, "reading"])
    said = f"Sources disagree most about {apart}: {reading[0].lower()}{reading[1:]} "
    if agreement != agreement:
        return said + "They share too few needs to compare their rankings."
    if agreement >= 0.5:
        return (
            said
            + f"Their rankings agree (mean rank correlation {agreement:.2f}), so the order can be relied on."
        )
    return (
        said
        + f"Their rankings agree little (mean rank correlation {agreement:.2f}), so no single source may speak for the customer: "
        "what is asked, what breaks and what drives away are different things."
    )


def _long(placed: pd.DataFrame, moved: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a need and source, needs in the order of ``table``, with the need's reading and disagreement."""
    columns = ["need", "source", "change", "change_low", "change_high", "q"]
    frame = placed.merge(moved[columns], on=["need", "source"], how="left")
    frame = frame.merge(table[["need", "disagreement", "reading"]], on="need")
    order = {name: i for i, name in enumerate(table["need"])}
    sources = {name: i for i, name in enumerate(SOURCES)}
    keys = frame.assign(a=frame["need"].map(order), b=frame["source"].map(sources))
    return frame.loc[keys.sort_values(["a", "b"]).index].reset_index(drop=True)


def _agreement(placed: pd.DataFrame) -> float:
    """Return the mean rank correlation of pairs of sources with at least four needs in common."""
    ranked = placed.dropna(subset=["place"])
    wide = ranked.pivot(index="need", columns="source", values="place")
    found = []
    for i, left in enumerate(wide):
        for right in list(wide)[i + 1 :]:
            both = wide[[left, right]].dropna().rank()
            if len(both) >= 4 and both[left].std() > 0 and both[right].std() > 0:
                found.append(float(np.corrcoef(both[left], both[right])[0, 1]))
    return float(np.mean(found)) if found else float("nan")
