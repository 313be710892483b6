"""What customers need: every source beside the others, with strength, interval and disagreement."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from playbook.answer import Answer, Metric, answers, need
from playbook.errors import NotEnough
from playbook.research.coding import code, need_of, sentences
from playbook.research.surveys import with_weights
from playbook.stats import effective_sample_size, wilson

__all__ = ["needs", "strengths"]

ASK = "importance questions in the survey, reviews, service cases with topic or focus group quotes"
SOURCES = ("survey importance", "reviews", "service cases", "focus groups", "reasons to leave")
TOP = 2
"""A need is among the most important of a respondent when it is one of their two highest ratings."""


def _shares(counts: pd.Series, total: float, source: str, n: float | None = None) -> pd.DataFrame:
    """Return need, source, strength, low, high, n for counts out of ``total``."""
    size = float(total if n is None else n)
    rows = []
    for name, count in counts.sort_index().items():
        share = wilson(min(float(count) / total, 1.0) * size, size)
        rows.append({"need": str(name), "source": source, "strength": share.value, "low": share.low, "high": share.high, "n": round(size)})  # fmt: skip
    return pd.DataFrame(rows)


def _importance(scores: pd.DataFrame, weights: pd.DataFrame) -> pd.DataFrame:
    asked = scores[scores["kind"] == "importance"].dropna(subset=["construct"])
    asked = with_weights(asked.assign(need=asked["construct"].map(need_of)), weights)
    asked = asked[asked.groupby("response_id")["value"].transform("size") > TOP]
    if asked["response_id"].nunique() < 30:
        return pd.DataFrame()
    above = asked.groupby("response_id")["value"].rank(ascending=False, method="min")
    ties = asked.groupby(["response_id", "value"])["value"].transform("size")
    chance = ((TOP + 1 - above) / ties).clip(0, 1).where(above <= TOP, 0.0)
    asked = asked.assign(top=chance * asked["weight"])
    people = asked.drop_duplicates("response_id")["weight"]
    return _shares(
        asked.groupby("need")["top"].sum(),
        float(people.sum()),
        SOURCES[0],
        effective_sample_size(people),
    )


def strengths(
    scores: pd.DataFrame, weights: pd.DataFrame, reviews: pd.DataFrame, cases: pd.DataFrame, quotes: pd.DataFrame,
    switching: pd.DataFrame, brand: str, since: date,
) -> pd.DataFrame:  # fmt: skip
    """Return how strongly each source speaks of each need.

    Parameters
    ----------
    scores, weights
        Survey answers (kind, construct, response_id, customer_id, wave, value) and weights (customer_id, wave, weight).
    reviews
        review_id, created_at, language, text.
    cases
        topic, cases.
    quotes
        theme, participant.
    switching
        moved_at, from_brand, reason.
    since
        The day before the year begins.

    Returns
    -------
    pandas.DataFrame
        need, source, strength (0 to 1), low, high, n. Strength is the share of respondents with the need among their two most
        important ones, of reviews that mention it, of cases about it, of participants who raised it, of moves away with that reason.
    """
    parts = [_importance(scores, weights)]
    edge = pd.Timestamp(since) + pd.Timedelta(days=1)
    recent = reviews[reviews["created_at"] >= edge].dropna(subset=["text"])
    if len(recent) >= 30:
        coded = code(sentences(recent)).drop_duplicates(["review_id", "need"])
        parts.append(_shares(coded.groupby("need").size(), len(recent), SOURCES[1]))
    if len(cases) and cases["cases"].sum() >= 30:
        topics = cases.assign(need=cases["topic"].map(need_of)).groupby("need")["cases"].sum()
        parts.append(_shares(topics, float(topics.sum()), SOURCES[2]))
    if len(quotes) and quotes["participant"].nunique() >= 10:
        raised = (
            quotes.assign(need=quotes["theme"].map(need_of))
            .groupby("need")["participant"]
            .nunique()
        )
        parts.append(_shares(raised, quotes["participant"].nunique(), SOURCES[3]))
    left = switching[(switching["from_brand"] == brand) & (switching["moved_at"] >= edge)].dropna(
        subset=["reason"]
    )
    if len(left) >= 30:
        reasons = left.assign(need=left["reason"].map(need_of)).groupby("need").size()
        parts.append(_shares(reasons, len(left), SOURCES[4]))
    filled = [part for part in parts if len(part)]
    empty = pd.DataFrame(columns=["need", "source", "strength", "low", "high", "n"])
    return pd.concat(filled, ignore_index=True) if filled else empty


@answers
def needs(strength: pd.DataFrame) -> Answer:
    """Return every need with its strength in each source, its mean rank and how far the sources disagree.

    Parameters
    ----------
    strength
        Of `strengths`.

    Returns
    -------
    Answer
        Table: need, one column a source (strength), sources (how many speak of it), mean_rank (mean of rank ÷ number of needs in
        the source; 0 = strongest) and disagreement (highest − lowest of these); strongest first; needs of one source last.
        ``extra["long"]`` is an answer in long form, ``extra["needs"]`` the result handed on.
    """
    need(strength, "sources that speak of needs", ASK, rows=3)
    strength = strength.sort_values(["source", "need"], ignore_index=True)
    names = [s for s in SOURCES if s in set(strength["source"])]
    if len(names) < 2:
        raise NotEnough(
            f"needs: only one source ({names[0]}) speaks of them, two needed to compare", ASK
        )
    placed = _placed(strength)
    table = _by_need(placed, names)
    compared = table[table["sources"] > 1]
    if compared.empty:
        raise NotEnough(
            "needs: no need is spoken of in two sources, so they cannot be compared", ASK
        )
    first = str(compared.iloc[0]["need"])
    apart = str(
        compared.sort_values(["disagreement", "need"], ascending=[False, True]).iloc[0]["need"]
    )
    agreement = _agreement(placed)
    long = Answer(
        table=_ordered(strength, list(table["need"]), names),
        headline=f"{first.capitalize()} leads over all sources; {apart} divides them",
        so_what="",
        kind="descriptive",
        units={"strength": "%"},
        caption="Strength of each need by source (share that speaks of it)",
        source=", ".join(names),
    )
    table.columns = [str(c).replace(" ", "_") for c in table.columns]
    return Answer(
        table=table,
        headline=f"{first.capitalize()} is what customers need most, over {len(names)} sources",
        so_what=_disagreement(placed, apart, agreement) + f" Take {first} into every proposition.",
        kind="descriptive",
        caption="Share of respondents, reviews, cases, participants and leavers who speak of a need, last 12 months (focus groups: all)",
        units={c.replace(" ", "_"): "%" for c in names}
        | {"sources": "count", "mean_rank": "ratio", "disagreement": "ratio"},
        source=", ".join(names) + "; labels brought together by a fixed list of words",
        metrics=(Metric("needs_agreement", agreement, n=len(names), unit="ratio"),)
        if agreement == agreement
        else (),
        extra={
            "long": long,
            "needs": strength[["need", "source", "strength", "low", "high", "n"]],
        },
    )


def _placed(strength: pd.DataFrame) -> pd.DataFrame:
    """Return the strengths with ``place``: rank in the source, 0 (strongest) to 1 (weakest)."""
    groups = strength.assign(rounded=strength["strength"].round(9)).groupby("source")["rounded"]
    place = (groups.rank(ascending=False) - 1) / (groups.transform("size") - 1).clip(lower=1)
    return strength.assign(place=place)


def _by_need(placed: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Return one row a need, those of several sources first, then by mean place."""
    wide = placed.pivot(index="need", columns="source", values="strength")[names]
    spread = placed.groupby("need")["place"].agg(["mean", "min", "max", "size"]).round(9)
    table = wide.assign(
        sources=spread["size"],
        mean_rank=spread["mean"],
        disagreement=(spread["max"] - spread["min"]).where(spread["size"] > 1),
    ).reset_index()
    table = table.assign(single=table["sources"] < 2)
    table = table.sort_values(["single", "mean_rank", "need"], ignore_index=True)
    return table.drop(columns="single")


def _disagreement(placed: pd.DataFrame, apart: str, agreement: float) -> str:
    marks = placed[placed["need"] == apart].sort_values(["place", "source"])["source"]
    said = f"Sources disagree most about {apart}: strong in {marks.iloc[0]}, weak in {marks.iloc[-1]}. "
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


def _ordered(strength: pd.DataFrame, order: list[str], names: list[str]) -> pd.DataFrame:
    full = pd.MultiIndex.from_product([order, names], names=["need", "source"])
    return strength.set_index(["need", "source"])["strength"].reindex(full).reset_index()


def _agreement(placed: pd.DataFrame) -> float:
    """Return the mean rank correlation of pairs of sources with at least four needs in common."""
    wide = placed.pivot(index="need", columns="source", values="place")
    found = []
    for i, left in enumerate(wide):
        for right in list(wide)[i + 1 :]:
            both = wide[[left, right]].dropna().rank()
            if len(both) >= 4 and both[left].std() > 0 and both[right].std() > 0:
                found.append(float(np.corrcoef(both[left], both[right])[0, 1]))
    return float(np.mean(found)) if found else float("nan")
