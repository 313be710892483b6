"""Public reviews: rating over time, what they speak of in each language, and whether sentiment agrees."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats as distributions

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.research import texts
from playbook.research.coding import code, sentences
from playbook.research.surveys import shown_p
from playbook.stats import Difference, mean_interval, wilson

__all__ = ["quotes", "rating_trend", "review_topics", "sentiment_agreement", "themes"]

ASK = "public reviews with date, stars, language and text"
LANGUAGES = {"en": "English", "de": "German", "sv": "Swedish", "zh": "Chinese", "fr": "French", "nl": "Dutch"}  # fmt: skip


def _named(language: str) -> str:
    return LANGUAGES.get(str(language), str(language))


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
def review_topics(reviews: pd.DataFrame, number: int = 12) -> Answer:
    """Return the topics of the reviews' sentences in each language, named by their top words.

    Topics are found in each language by itself (TF-IDF and NMF on sentences); the need a topic speaks of is the
    most frequent code of its sentences.

    Returns
    -------
    Answer
        Table: language, topic, need, sentences, share (of the language's sentences), rating (mean stars of their reviews),
        stars_lost (sentences × how far the rating lies below the mean); most lost first.
    """
    need(reviews.dropna(subset=["text"]), "reviews with text", ASK, rows=20)
    pieces = sentences(reviews).merge(reviews[["review_id", "rating"]], on="review_id")
    rows, skipped = [], []
    for language, part in pieces.groupby("language"):
        try:
            found, assigned = texts.topics(part["sentence"], str(language), number)
        except ValueError:
            skipped.append(_named(str(language)))
            continue
        coded = code(part).assign(topic=assigned)
        main = coded.groupby("topic")["need"].agg(_main_need)
        stars = part.assign(topic=assigned).groupby("topic")["rating"].mean()
        found = found.assign(
            language=_named(str(language)),
            rating=found["topic"].map(stars),
            need=found["topic"].map(main),
        )
        rows.append(found)
    if not rows:
        raise NotEnough("reviews: no language has 30 sentences", ASK)
    table = pd.concat(rows, ignore_index=True).rename(columns={"texts": "sentences"})
    level = float(pieces["rating"].mean())
    table["stars_lost"] = ((level - table["rating"]) * table["sentences"]).round(6)
    table = table.sort_values(
        ["stars_lost", "language", "topic"], ascending=[False, True, True], ignore_index=True
    )
    columns = ["language", "topic", "need", "sentences", "share", "rating", "stars_lost"]
    worst = table.iloc[0]
    return Answer(
        table=table[columns],
        headline=f"Most stars are lost in {worst['language']} reviews about {worst['need'] if worst['need'] != 'mixed' else worst['topic']}",
        so_what=f"“{worst['topic']}” stands in {worst['sentences']} sentences whose reviews give {worst['rating']:.1f} stars, against {level:.1f} over "
        "all topics. Answer such reviews first, in the customer's language." + (f" Too few texts for topics in {', '.join(skipped)}." if skipped else ""),
        kind="descriptive",
        caption=f"Topics of review sentences by language (n = {len(pieces):,} sentences), words in the language of the review",
        units={"sentences": "count", "share": "%", "rating": "ratio", "stars_lost": "count"},
        source="public reviews; TF-IDF and non-negative matrix factorisation",
    )  # fmt: skip


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
    texted = need(
        reviews.dropna(subset=["text", "rating"]), "reviews with text and stars", ASK, rows=30
    )
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


@answers
def sentiment_agreement(reviews: pd.DataFrame) -> Answer:
    """Return how well the sentiment of the words agrees with the stars, by language.

    Returns
    -------
    Answer
        Table: language, method, reviews, bad (1 or 2 stars), correlation (Spearman with stars), agree (share of 1–2 and 4–5 star reviews
        on the right side of zero, mean of both sides) with low and high. ``extra["sentiment"]`` has review_id, sentiment.
    """
    texted = need(
        reviews.dropna(subset=["text", "rating"]), "reviews with text and stars", ASK, rows=20
    )
    rows, parts, skipped = [], [], []
    for language, part in texted.sort_values("review_id").groupby("language"):
        try:
            score = texts.sentiment(part, str(language))
        except ValueError:
            skipped.append(_named(str(language)))
            continue
        parts.append(part[["review_id"]].assign(sentiment=score))
        if len(part) >= 20 and part["rating"].std() > 0:
            rows.append(_agreement(str(language), part["rating"], score))
    if not rows:
        raise NotEnough("reviews: no language has enough good and bad reviews", ASK)
    table = pd.DataFrame(rows).sort_values("language", ignore_index=True)
    weak = table.sort_values(["agree", "language"]).iloc[0]
    return Answer(
        table=table,
        headline=f"Words and stars agree least in {weak['language']} ({format_value(weak['agree'], '%')}; chance 50 %)",
        so_what="Stars stay the measure; use sentiment for texts without stars, "
        + (f"and not for {weak['language']} alone." if weak["low"] < 0.6 else "in every language shown.")
        + (f" Too few good or bad reviews to train on: {', '.join(skipped)}." if skipped else ""),
        kind="descriptive",
        caption="Agreement of sentiment with stars, mean of good and bad reviews; models are judged on reviews they have not seen",
        units={"reviews": "count", "bad": "count", "correlation": "ratio", "agree": "%", "low": "%", "high": "%"},
        source="public reviews; VADER lexicon (English), logistic models trained on stars (others)",
        extra={"sentiment": pd.concat(parts, ignore_index=True)},
    )  # fmt: skip


def _agreement(language: str, rating: pd.Series, score: pd.Series) -> dict:
    sides = []
    for good in (True, False):
        side = score[(rating > 3) if good else (rating < 3)]
        right = int((side > 0).sum()) if good else int((side <= 0).sum())
        sides.append((right / len(side), len(side)) if len(side) else (np.nan, 0))
    share = float(np.nanmean([s for s, _ in sides]))
    variance = sum(s * (1 - s) / n for s, n in sides if n) / len(sides) ** 2
    half = 1.96 * float(np.sqrt(variance))
    rank = distributions.spearmanr(rating, score).statistic if score.std() > 0 else np.nan
    return {"language": _named(language), "method": "lexicon" if language == "en" else "trained on stars", "reviews": len(rating), "bad": int((rating < 3).sum()),
            "correlation": float(rank), "agree": share, "low": max(share - half, 0.0), "high": min(share + half, 1.0)}  # fmt: skip


@answers
def quotes(reviews: pd.DataFrame, number: int = 8) -> Answer:
    """Return a sentence for each need that speaks for its reviews, chosen by rule and not by taste.

    The rule: of the sentences coded with one need only, the one said most often this year; the shortest, then the
    first by alphabet where several are. Sentences with digits runs, @ or outside 25 to 140 characters are not used.

    Returns
    -------
    Answer
        Table: need, stars (median of its reviews), said (times), language, quote.
    """
    texted = need(
        reviews.dropna(subset=["text", "rating"]), "reviews with text and stars", ASK, rows=20
    )
    pieces = code(sentences(texted)).merge(texted[["review_id", "rating"]], on="review_id")
    pieces = pieces[~pieces.duplicated(["review_id", "sentence"], keep=False)]
    quotable = pieces["sentence"].str.len().between(8, 140) & ~pieces["sentence"].map(_private)
    need(pieces[quotable], "sentences about one need", ASK)
    said = (
        pieces[quotable]
        .groupby(["need", "language", "sentence"])
        .agg(said=("review_id", "nunique"), stars=("rating", "median"))
        .reset_index()
    )
    low = said[said["stars"] <= 3]
    said = low if len(low) else said
    said["length"] = said["sentence"].str.len()
    said = said.sort_values(["said", "length", "sentence"], ascending=[False, True, True])
    best = said.drop_duplicates("need").head(number)
    table = best[["need", "stars", "said", "language", "sentence"]].rename(
        columns={"sentence": "quote"}
    )
    first = table.iloc[0]
    return Answer(
        table=table.reset_index(drop=True),
        headline=f"The complaint heard most is about {first['need']}",
        so_what=f"“{first['quote']}” stands in {first['said']} reviews. Read the quotes aloud in the next meeting of the team concerned.",
        kind="descriptive",
        caption="Most frequent critical sentence for each need (median stars of its reviews 3 or less), chosen by rule",
        units={"stars": "ratio", "said": "count"},
        source="public reviews",
    )


def _private(sentence: str) -> bool:
    """Whether a sentence may hold an address or a number of a person."""
    return "@" in sentence or bool(re.search(r"\d[\d \-/]{4,}", sentence))
