"""How texts sound: by a lexicon where there is one for the language, and by a model trained on stars."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline

from playbook.research.texts import stemmed, vectorizer

__all__ = ["lexicon", "sentiment", "tone", "trained"]

LEAST = 3
"""Good and bad reviews, each, without which no model is trained."""
LARGE = 20_000
"""Reviews a model is trained on at most."""


def sentiment(reviews: pd.DataFrame, language: str) -> pd.Series:
    """Return the sentiment of each review, −1 (negative) to 1 (positive).

    English by the VADER lexicon (Hutto & Gilbert 2014); other languages by a logistic model on TF-IDF
    words, trained on the stars (4 and 5 against 1 and 2) and predicted for folds it has not seen.

    Parameters
    ----------
    reviews
        text and rating, sorted by key.

    Raises
    ------
    ValueError
        Too few good or bad reviews to train on.
    """
    return lexicon(reviews["text"]) if language == "en" else trained(reviews, language)


def trained(reviews: pd.DataFrame, language: str) -> pd.Series:
    """Return the sentiment of each review by models trained on the stars of other reviews.

    Raises
    ------
    ValueError
        Too few good or bad reviews to train on.
    """
    rated = reviews[reviews["rating"].notna()]
    units = rated[["text", "rating"]].assign(review=rated.index)
    seen = _cross_fitted(units, units, language)
    rest = reviews.index.difference(rated.index)
    if len(rest):
        words = units.assign(text=stemmed(units["text"], language))
        seen = pd.concat(
            [seen, _score(_model(words), stemmed(reviews.loc[rest, "text"], language))]
        )
    return seen.reindex(reviews.index)


def tone(pieces: pd.DataFrame, reviews: pd.DataFrame, language: str) -> pd.Series:
    """Return the sentiment of each sentence by models trained on the stars of whole reviews it is not part of.

    Parameters
    ----------
    pieces
        sentence and review (the index of its review in ``reviews``; another value for texts that are no review).
    reviews
        text and rating.

    Raises
    ------
    ValueError
        Too few good or bad reviews to train on.
    """
    units = reviews.loc[reviews["rating"].notna(), ["text", "rating"]]
    units = units.assign(review=units.index)
    return _cross_fitted(units, pieces.rename(columns={"sentence": "text"}), language)


def _cross_fitted(units: pd.DataFrame, asked: pd.DataFrame, language: str) -> pd.Series:
    """Return scores of ``asked`` (text, review) by models that have not seen the review they belong to."""
    good = units["rating"] > 3
    usable = units["rating"].ne(3)
    n_good, n_bad = int((good & usable).sum()), int((~good & usable).sum())
    folds = min(5, n_good, n_bad)
    if folds < LEAST or n_good + n_bad < 40:
        raise ValueError(
            f"not enough data for sentiment: {n_good} good and {n_bad} bad reviews, 40 in all and {LEAST} of each needed"
        )
    units = units.assign(text=stemmed(units["text"], language))
    asked = asked.assign(text=stemmed(asked["text"], language))
    split = StratifiedKFold(folds, shuffle=True, random_state=0)
    fold = pd.Series(-1, units.index)
    for number, (_, held) in enumerate(split.split(units["text"], good)):
        fold.iloc[held] = number
    fold = fold.set_axis(pd.Index(units["review"]))
    place = asked["review"].map(fold)
    parts = []
    for number in range(folds):
        part = asked[place == number]
        if len(part):
            kept = units[(fold != number).to_numpy() & usable.to_numpy()]
            parts.append(_score(_model(kept), part["text"]))
    outside = asked[place.isna()]
    if len(outside):
        parts.append(_score(_model(units[usable]), outside["text"]))
    return pd.concat(parts).reindex(asked.index)


def _model(units: pd.DataFrame) -> Pipeline:
    usable = units[units["rating"].ne(3)]
    usable = usable.iloc[:: -(-len(usable) // LARGE)]
    model = make_pipeline(vectorizer(1), LogisticRegression(class_weight="balanced", max_iter=500))
    try:
        return model.fit(usable["text"], usable["rating"] > 3)
    except ValueError as error:  # no word in any text, or stars of one side only
        raise ValueError(f"not enough data for sentiment: {error}") from error


def _score(model: Pipeline, texts: pd.Series) -> pd.Series:
    chances = model.predict_proba(texts)[:, 1]
    return pd.Series(np.round(2 * chances - 1, 9), index=texts.index)


@cache
def _analyzer() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


def lexicon(texts: pd.Series) -> pd.Series:
    """Return VADER's compound score of English texts, −1 to 1."""
    analyzer = _analyzer()
    return (
        texts.astype(str).map(lambda text: analyzer.polarity_scores(text)["compound"]).astype(float)
    )
