"""Reviews and open answers: rating over time, what they speak of in each language, and whether sentiment agrees."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats as distributions

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.research import sentiment as moods
from playbook.research import texts
from playbook.research.coding import code, sentences
from playbook.research.surveys import shown_p
from playbook.research.texts import named as _named
from playbook.research.voices import gather
from playbook.stats import Difference, mean_interval, wilson

__all__ = ["rating_trend", "review_topics", "sentiment_agreement", "themes"]

ASK = "public reviews with date, stars, language and text"


def _read(frame: pd.DataFrame) -> pd.DataFrame:
    """Return texts as `gather` gives them, from plain reviews too."""
    return frame if "text_id" in frame else gather(frame)


@answers
def rating_trend(reviews: pd.DataFrame, since: pd.Timestamp) -> Answer:
    """Return the mean stars by quarter with intervals, and the change of the year, tested by language.

    Parameters
    ----------
    reviews
        review_id, created_at, language, rating.
    since
        The day before the year begins.

    Returns
    -------
    Answer
        Table: quarter, reviews, rating, low, high (quarters of at least five reviews). ``extra["languages"]`` is an
        answer by language: language, reviews, rating, before, change, low, high, q (Welch, adjusted).
    """
    rated = need(reviews.dropna(subset=["rating"]), "reviews with stars", ASK, rows=20)
    quarter = rated["created_at"].dt.to_period("Q")
    rows = []
    for period, part in rated.groupby(quarter):
        if len(part) >= 5:
            mean = mean_interval(part["rating"])
            rows.append({"quarter": f"{period.year} Q{period.quarter}", "reviews": len(part), "rating": mean.value,
                         "low": mean.low, "high": mean.high})  # fmt: skip
    need(pd.DataFrame(rows), "quarters with five reviews", ASK)
    edge = pd.Timestamp(since) + pd.Timedelta(days=1)
    now = rated[rated["created_at"] >= edge]
    before = rated[
        (rated["created_at"] < edge) & (rated["created_at"] >= edge - pd.DateOffset(years=1))
    ]
    need(now, "reviews of the last 12 months", ASK, rows=5)
    languages = _by_language(now, before)
    level, total = mean_interval(now["rating"]), languages[languages["language"] == "all"].iloc[0]
    known, certain = pd.notna(total["change"]), bool(total["q"] < 0.05)
    fell = languages[(languages["q"] < 0.05) & (languages["language"] != "all")]
    caption = f"Mean stars of public reviews (1 to 5), 95 % interval (n = {len(rated):,} reviews)"
    units = {"reviews": "count", "rating": "ratio", "before": "ratio", "change": "ratio", "low": "ratio", "high": "ratio", "q": "ratio"}  # fmt: skip
    told = (
        f"Against the year before the mean {'moved' if certain else 'did not move beyond chance:'} "
        f"{total['change']:+.2f} ({total['low']:+.2f} to {total['high']:+.2f})".replace("-", "−")
        if known
        else "There is no year before to compare with"
    )
    by_language = Answer(
        table=languages, headline=_language_headline(fell), so_what="", kind="descriptive", units=units,
        caption="Mean stars of the last 12 months and change from the year before, 95 % interval, q adjusted", source="public reviews",
    )  # fmt: skip
    return Answer(
        table=pd.DataFrame(rows),
        headline=f"Reviews give {level.value:.2f} stars this year ({level.low:.2f} to {level.high:.2f})",
        so_what=f"{told}. "
        + (
            f"The fall is clear in {', '.join(fell['language'])} reviews; read their topics below before answering in public."
            if len(fell) and (fell["change"] < 0).all()
            else "No language moved against the others beyond chance; look at topics instead of countries."
        ),
        kind="descriptive",
        caption=caption,
        units=units,
        source="public reviews",
        metrics=(Metric("review_rating", level.value, level.low, level.high, len(now), "ratio"),),
        extra={"languages": by_language},
    )


def _language_headline(moved: pd.DataFrame) -> str:
    if len(moved):
        return f"Stars changed beyond chance in {', '.join(moved['language'])} reviews"
    return "In no language did stars change beyond chance"


def _by_language(now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    rows = []
    groups = [("all", now, before)] + [
        (_named(str(language)), part, before[before["language"] == language])
        for language, part in now.groupby("language")
        if len(part) >= 10
    ]
    for name, part, past in groups:
        row: dict[str, Any] = {"language": name, "reviews": len(part), "rating": float(part["rating"].mean()),
               "before": np.nan, "change": np.nan, "low": np.nan, "high": np.nan, "p": np.nan}  # fmt: skip
        if len(past) >= 10:
            step = _welch(part["rating"], past["rating"])
            row |= {"before": float(past["rating"].mean()), "change": step.value, "low": step.low,
                    "high": step.high, "p": step.p_value}  # fmt: skip
        rows.append(row)
    table = pd.DataFrame(rows).assign(q=lambda t: shown_p(t["p"]))
    return table.drop(columns="p")


def _welch(first: pd.Series, second: pd.Series) -> Difference:
    """Return the difference of two means, first minus second, with Welch's 95 % interval (Welch 1947).

    Ratings that never vary in either group leave no error to judge by; their p-value is 1.
    """
    sides = [np.sort(side.to_numpy(float)) for side in (first, second)]
    errors = [float(side.var(ddof=1)) / len(side) for side in sides]
    value, error = float(sides[0].mean() - sides[1].mean()), sum(errors)
    if error <= 0:
        return Difference(value, value, value, 1.0, len(first), len(second))
    freedom = error**2 / sum(e**2 / (len(side) - 1) for e, side in zip(errors, sides, strict=True))
    half = float(distributions.t.ppf(0.975, freedom)) * error**0.5
    p_value = float(2 * distributions.t.sf(abs(value) / error**0.5, freedom))
    return Difference(value, value - half, value + half, p_value, len(first), len(second))


@answers
def review_topics(
    reviews: pd.DataFrame, number: int = 12, said: pd.DataFrame | None = None
) -> Answer:
    """Return the topics of the sentences in each language, named by their top words.

    Topics are found in each language by itself (TF-IDF and NMF on sentences); the need a topic speaks of is the
    most frequent code of its sentences.

    Parameters
    ----------
    reviews
        Texts of `voices.gather`, or plain reviews.
    said
        Of `voices.heard`, for the share of complaints.

    Returns
    -------
    Answer
        Table: language, topic, need, sentences, share (of the language's sentences), complaints (share of its sentences that complain,
        with ``said``), rating (mean stars of their reviews), stars_lost (rated sentences × how far the rating lies below the mean);
        most lost first. ``extra["drawn"]`` is the same with the language and need in the topic's name, for a figure.
    """
    read = _read(reviews)
    need(read, "reviews or open answers with text", ASK, rows=20)
    pieces = sentences(read.rename(columns={"text_id": "review_id"})).merge(
        read[["text_id", "rating"]].rename(columns={"text_id": "review_id"}), on="review_id"
    )
    parts, skipped = [], []
    for language, part in pieces.groupby("language"):
        try:
            parts.append(_topics_of(part, str(language), number, said))
        except ValueError:
            skipped.append(f"{_named(str(language))} ({len(part)} sentences)")
    if not parts:
        raise NotEnough("reviews: no language has 30 sentences with words that repeat", ASK)
    table = pd.concat(parts, ignore_index=True)
    level = float(pieces["rating"].mean())
    table["stars_lost"] = ((level - table["rating"]) * table.pop("rated")).round(6)
    table = table.sort_values(
        ["stars_lost", "language", "topic"], ascending=[False, True, True], ignore_index=True
    )
    columns = ["language", "topic", "need", "sentences", "share", "complaints", "rating", "stars_lost"]  # fmt: skip
    if said is None:
        columns.remove("complaints")
    worst = table.iloc[0]
    about = worst["need"] if worst["need"] not in ("mixed", None) and worst["need"] == worst["need"] else worst["topic"]  # fmt: skip
    few = f" Too few texts for topics in {', '.join(skipped)}." if skipped else ""
    stars = pd.notna(worst["stars_lost"]) and worst["stars_lost"] > 0
    answer = Answer(
        table=table[columns],
        headline=f"Most stars are lost in {worst['language']} reviews about {about}" if stars else f"{_most(table)} is spoken of most",
        so_what=(f"“{worst['topic']}” stands in {worst['sentences']} sentences whose reviews give {worst['rating']:.1f} stars, against {level:.1f} over "
        "all topics. Answer such reviews first, in the customer's language." if stars else "No topic goes with fewer stars than the others.") + few,
        kind="descriptive",
        caption=f"Topics of sentences by language (n = {len(pieces):,} sentences of {len(read):,} texts); stars lost = sentences × stars below the mean of all topics",
        units={"sentences": "count", "share": "%", "complaints": "%", "rating": "ratio", "stars_lost": "count"},
        source="public reviews and open answers; TF-IDF and non-negative matrix factorisation",
    )  # fmt: skip
    short = table["topic"].str.split(" · ").str[:2].str.join(", ")
    label = table["language"] + ", " + table["need"] + ": " + short
    drawn = replace(
        answer,
        table=answer.table.assign(
            topic=label.where(
                ~table["need"].isin(["mixed", "none coded"]), table["language"] + ": " + short
            )
        ),
    )
    return replace(answer, extra={"drawn": drawn})


def _most(table: pd.DataFrame) -> str:
    return str(table.sort_values(["sentences", "topic"], ascending=[False, True]).iloc[0]["topic"])


def _topics_of(
    part: pd.DataFrame, language: str, number: int, said: pd.DataFrame | None
) -> pd.DataFrame:
    """Return the topics of one language with need, complaints, rating and number of rated sentences."""
    found, assigned = texts.topics(part["sentence"], language, number)
    topic = part.assign(topic=assigned)
    main = code(part).assign(topic=assigned).groupby("topic")["need"].agg(_main_need)
    rated = topic.groupby("topic")["rating"]
    found = found.rename(columns={"texts": "sentences"}).assign(
        language=_named(language), need=found["topic"].map(main).fillna("none coded"),
        rating=found["topic"].map(rated.mean()), rated=found["topic"].map(rated.count()),
    )  # fmt: skip
    if said is not None:
        tone = said.drop_duplicates(["text_id", "sentence"]).rename(columns={"text_id": "review_id"})  # fmt: skip
        joined = topic.merge(tone[["review_id", "sentence", "complaint"]], on=["review_id", "sentence"])  # fmt: skip
        share = joined.astype({"complaint": float}).groupby("topic")["complaint"].mean()
        found["complaints"] = found["topic"].map(share)
    return found


def _main_need(codes: pd.Series) -> str:
    """Return the need most sentences of a topic speak of, or ``mixed`` where it has less than half of the codes."""
    counts = codes.value_counts().sort_index()
    return str(counts.idxmax()) if counts.max() >= 0.5 * counts.sum() else "mixed"


@answers
def themes(reviews: pd.DataFrame) -> Answer:
    """Return how often reviews speak of each need, in all languages, and the stars that go with it.

    Returns
    -------
    Answer
        Table: need, reviews, share with low and high, rating (mean stars when mentioned), difference (to reviews that
        do not mention it) with difference_low and difference_high; lowest difference first.
    """
    texted = _rated(reviews, 30)
    coded = code(sentences(texted)).drop_duplicates(["review_id", "need"])
    rows = []
    for name, part in coded.groupby("need"):
        inside = texted["review_id"].isin(part["review_id"])
        if inside.sum() < 10 or (~inside).sum() < 10:
            continue
        share = wilson(int(inside.sum()), len(texted))
        step = _welch(texted.loc[inside, "rating"], texted.loc[~inside, "rating"])
        rows.append(
            {"need": name, "reviews": int(inside.sum()), "share": share.value, "low": share.low, "high": share.high,
             "rating": float(texted.loc[inside, "rating"].mean()),
             "difference": step.value, "difference_low": step.low, "difference_high": step.high}
        )  # fmt: skip
    need(pd.DataFrame(rows), "needs that ten reviews speak of", ASK)
    table = (
        pd.DataFrame(rows)
        .round({"difference": 9})
        .sort_values(["difference", "need"], ignore_index=True)
    )
    uncoded = 1 - coded["review_id"].nunique() / len(texted)
    low, most = (
        table.iloc[0],
        table.sort_values(["reviews", "need"], ascending=[False, True]).iloc[0],
    )
    return Answer(
        table=table,
        headline=f"Reviews that mention {low['need']} give {abs(low['difference']):.1f} stars {'less' if low['difference'] < 0 else 'more'}",
        so_what=f"Most often reviews speak of {most['need']} ({format_value(most['share'], '%')}). A mention goes along with the stars and need "
        f"not cause them; start where mention is frequent and stars are low. {format_value(uncoded, '%')} of reviews speak of none of the coded needs.",
        kind="diagnostic",
        caption=f"Stars of reviews that mention a need against all others, difference with 95 % interval (n = {len(texted):,})",
        units={"reviews": "count", "share": "%", "low": "%", "high": "%", "rating": "ratio", "difference": "ratio",
               "difference_low": "ratio", "difference_high": "ratio"},
        source="public reviews in all languages, coded by a fixed list of words",
    )  # fmt: skip


def _rated(reviews: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Return the texts with stars, their key as ``review_id``."""
    read = _read(reviews)
    rated = read.dropna(subset=["rating"]).rename(columns={"text_id": "review_id"})
    return need(rated, "reviews with text and stars", ASK, rows=rows)


@answers
def sentiment_agreement(reviews: pd.DataFrame) -> Answer:
    """Return how well the sentiment of the words agrees with the stars, by language and method.

    Returns
    -------
    Answer
        Table: language, method, reviews (with 1–2 or 4–5 stars), bad (1 or 2 stars), right (share on the right side of zero) with
        low and high, majority (right by always saying the more frequent side), both_sides (mean of the shares right of good and of bad
        reviews; chance 50 %), correlation (Spearman with all stars). ``extra["sentiment"]`` has review_id, sentiment.
    """
    texted = _rated(reviews, 20)
    rows, parts, skipped = [], [], []
    for language, part in texted.sort_values("review_id").groupby("language"):
        found = _by_method(part.reset_index(drop=True), str(language))
        if not found or part["rating"].std() == 0:
            skipped.append(_named(str(language)))
            continue
        parts.append(part[["review_id"]].assign(sentiment=next(iter(found.values())).to_numpy()))
        rated = part["rating"].reset_index(drop=True)
        rows += [row for method, score in found.items() if (row := _agreement(str(language), method, rated, score))]  # fmt: skip
    if not rows:
        raise NotEnough("reviews: no language has enough good and bad reviews", ASK)
    table = pd.DataFrame(rows).sort_values(["language", "method"], ignore_index=True)
    best = table.sort_values("both_sides", ascending=False, kind="stable").drop_duplicates("language")  # fmt: skip
    weak = best.sort_values(["both_sides", "language"]).iloc[0]
    behind = sorted(best.loc[best["right"] <= best["majority"], "language"])
    return Answer(
        table=table,
        headline=f"Words tell good from bad reviews least in {weak['language']} ({format_value(weak['both_sides'], '%')}; chance 50 %)",
        so_what="Stars stay the measure; sentiment serves texts without stars. "
        + (f"In {', '.join(behind)} always saying “good” is right as often: there use it to find complaints, not to count them." if behind else "It is right more often than always saying the more frequent side, in every language shown.")
        + (" In English the model learned from stars is nearer to them than the lexicon: it tells the tone of sentences here." if _model_leads(table) else "")
        + (f" Too few good or bad reviews to judge: {', '.join(skipped)}." if skipped else ""),
        kind="descriptive",
        caption="Sentiment against stars (1–2 bad, 4–5 good) with 95 % interval; models are judged on reviews they have not seen",
        units={"reviews": "count", "bad": "count", "right": "%", "low": "%", "high": "%", "majority": "%", "both_sides": "%", "correlation": "ratio"},
        source="public reviews; VADER lexicon (English), logistic models trained on stars",
        extra={"sentiment": pd.concat(parts, ignore_index=True)},
    )  # fmt: skip


def _model_leads(table: pd.DataFrame) -> bool:
    """Whether the trained model is right more often than the lexicon, their intervals apart."""
    by = table[table["language"] == "English"].set_index("method")
    return len(by) == 2 and bool(by.loc["trained on stars", "low"] > by.loc["lexicon", "high"])


def _by_method(part: pd.DataFrame, language: str) -> dict[str, pd.Series]:
    """Return the sentiment of reviews by each method there is for a language."""
    if len(part) < 20:
        return {}
    found = {"lexicon": moods.lexicon(part["text"])} if language == "en" else {}
    with suppress(ValueError):  # too few good or bad reviews
        found["trained on stars"] = moods.trained(part, language)
    return found


def _agreement(language: str, method: str, rating: pd.Series, score: pd.Series) -> dict[str, Any]:
    good, bad = rating > 3, rating < 3
    n, right = int((good | bad).sum()), int((good & (score > 0)).sum() + (bad & (score <= 0)).sum())
    if not good.any() or not bad.any():
        return {}
    share = wilson(right, n)
    sides = [float((score[good] > 0).mean()), float((score[bad] <= 0).mean())]
    rank = distributions.spearmanr(rating, score).statistic if score.std() > 0 else np.nan
    return {"language": _named(language), "method": method, "reviews": n, "bad": int(bad.sum()), "right": share.value, "low": share.low, "high": share.high,
            "majority": max(int(good.sum()), int(bad.sum())) / n, "both_sides": sum(sides) / 2, "correlation": float(rank)}  # fmt: skip
