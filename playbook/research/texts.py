"""Words, topics and sentiment of customer texts in several languages."""

from __future__ import annotations

import logging
import re
import warnings
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline

__all__ = ["sentiment", "tokens", "topics"]

_WORDS = {
    "de": """aber alle alles als also am an auch auf aus bei bin bis das dass dem den der des die dies diese dieser doch ein
        eine einem einen einer eines er es für habe haben hat hatte ich ihr im in ist ja jetzt kam kann kein keine man mein
        meine mich mir mit nach nicht noch nun nur ob obwohl oder ohne schon sehr sein seine sich sie sind so trotzdem über
        um und uns unser unserem unter vom von vor war waren was wenn werden wie wieder wird wirklich wo wurde zu zum zur mal""",
    "sv": """alla allt att av blev bli den denna det detta dig din där efter ej eller en ett fick från för ha hade han har hela
        hon i in inte jag ju kan kom kunde man med men mig min mina mitt mycket ni nu när någon något och om på precis redan
        sedan sig sin sina sitt ska som så till under upp ur ut utan var vara verkligen vi vid vårt är även år tog fast""",
    "zh": "的 了 我 在 是 和 也 就 都 还 很 不过 没有 一个 一 上 把 被 有 到 又 但是 这 那 你 他 她 它 们 吗 呢 啊 用 来 去 以后 之内",
}
STOP_WORDS = {"en": frozenset(ENGLISH_STOP_WORDS)} | {
    language: frozenset(words.split()) for language, words in _WORDS.items()
}


@cache
def _chinese() -> Any:
    """Return the Chinese segmenter, with its word list loaded in memory and no cache file written."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba
    logging.getLogger("jieba").setLevel(logging.ERROR)
    segmenter = jieba.Tokenizer()
    segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
    segmenter.initialized = True
    return segmenter


def tokens(text: str, language: str) -> list[str]:
    """Return the content words of a text: lower case, no numbers, no stop words; Chinese by jieba.

    Examples
    --------
    >>> tokens("The driver was 2 days late.", "en")
    ['driver', 'days', 'late']
    """
    stop = STOP_WORDS.get(language, frozenset())
    if language == "zh":
        words = [w for w in _chinese().lcut(str(text)) if re.search(r"[一-鿿]", w)]
    else:
        words = re.findall(r"[^\W\d_]{3,}", str(text).lower())
    return [w for w in words if w not in stop]


def _vectorizer(language: str, least: int) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer=lambda text: tokens(text, language), min_df=least, sublinear_tf=True
    )


def topics(texts: pd.Series, language: str, number: int = 12) -> tuple[pd.DataFrame, pd.Series]:
    """Return topics of texts by non-negative matrix factorisation of TF-IDF (Lee & Seung 1999).

    Parameters
    ----------
    texts
        One text (a sentence) a row; the result does not depend on their order when sorted by key before.
    number
        Most topics; fewer where there are fewer than 15 texts a topic.

    Returns
    -------
    tuple
        Topics, most frequent first (``topic`` = top three words, ``texts``, ``share``), and the topic of each text
        (missing where no known word occurs), on the index of ``texts``.

    Raises
    ------
    ValueError
        Too few texts for two topics.
    """
    if len(texts) < 30:
        raise ValueError(f"not enough data for topics: {len(texts)} texts, 30 needed")
    vectorizer = _vectorizer(language, 2)
    matrix = vectorizer.fit_transform(texts.astype(str))
    words = vectorizer.get_feature_names_out()
    k = min(number, len(texts) // 15, len(words) - 1)
    if k < 2:
        raise ValueError(f"not enough data for topics: {len(words)} words occur twice")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = NMF(k, init="nndsvd", random_state=0, max_iter=500)
        load = model.fit_transform(matrix)
    load = load * model.components_.sum(axis=1)
    best = np.where(load.max(axis=1) > 1e-9, load.round(9).argmax(axis=1), -1)
    labels = {i: " · ".join(_top_words(row, words)) for i, row in enumerate(model.components_)}
    assigned = pd.Series(best, index=texts.index).map(labels)
    counts = assigned.value_counts().rename_axis("topic").rename("texts").reset_index()
    counts = counts.sort_values(["texts", "topic"], ascending=[False, True], ignore_index=True)
    return counts.assign(share=counts["texts"] / len(texts)), assigned


def _top_words(weights: np.ndarray, words: np.ndarray) -> list[str]:
    order = np.lexsort((words, -weights.round(9)))
    return [str(words[i]) for i in order[:3] if weights[i] > 0]


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
    if language == "en":
        return _lexicon(reviews["text"])
    trained = reviews[reviews["rating"].ne(3) & reviews["rating"].notna()]
    good = trained["rating"] > 3
    folds = min(5, int(good.sum()), int((~good).sum()))
    if folds < 3 or len(trained) < 40:
        raise ValueError(
            f"not enough data for sentiment: {int(good.sum())} good and {int((~good).sum())} bad reviews"
        )
    model = make_pipeline(
        _vectorizer(language, 1), LogisticRegression(class_weight="balanced", max_iter=500)
    )
    split = StratifiedKFold(folds, shuffle=True, random_state=0)
    unseen = cross_val_predict(model, trained["text"], good, cv=split, method="predict_proba")[:, 1]
    result = pd.Series(2 * unseen - 1, index=trained.index)
    rest = reviews.index.difference(trained.index)
    if len(rest):
        model.fit(trained["text"], good)
        scores = 2 * model.predict_proba(reviews.loc[rest, "text"])[:, 1] - 1
        result = pd.concat([result, pd.Series(scores, index=rest)])
    return result.reindex(reviews.index)


@cache
def _analyzer() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


def _lexicon(texts: pd.Series) -> pd.Series:
    analyzer = _analyzer()
    return (
        texts.astype(str).map(lambda text: analyzer.polarity_scores(text)["compound"]).astype(float)
    )
