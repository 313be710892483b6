"""Words, languages and topics of customer texts; sentiment is in `sentiment`."""

from __future__ import annotations

import logging
import re
import warnings
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

from playbook.research.masking import MASK

__all__ = [
    "LANGUAGES",
    "UNKNOWN",
    "language_code",
    "languages",
    "named",
    "stemmed",
    "tokens",
    "topics",
    "vectorizer",
]

LANGUAGES = {"en": "English", "de": "German", "sv": "Swedish", "zh": "Chinese", "fr": "French", "nl": "Dutch", "da": "Danish", "no": "Norwegian", "fi": "Finnish", "es": "Spanish", "it": "Italian", "ja": "Japanese"}  # fmt: skip
UNKNOWN = "unknown"
LARGE = 20_000
"""Texts that topics are fitted on at most; the rest are assigned to the topics found."""

_WORDS = {
    "de": """aber alle alles als also am an auch auf aus bei bin bis das dass dem den der des die dies diese dieser doch ein
        eine einem einen einer eines er es für habe haben hat hatte ich ihr im in ist ja jetzt kam kann kein keine man mein
        meine mich mir mit nach nicht noch nun nur ob obwohl oder ohne schon sehr sein seine sich sie sind so trotzdem über
        um und uns unser unserem unter vom von vor war waren was wenn werden wie wieder wird wirklich wo wurde zu zum zur mal""",
    "sv": """alla allt att av blev bli den denna det detta dig din där efter ej eller en ett fick från för ha hade han har hela
        hon i in inte jag ju kan kom kunde man med men mig min mina mitt mycket ni nu när någon något och om på precis redan
        sedan sig sin sina sitt ska som så till under upp ur ut utan var vara verkligen vi vid vårt är även år tog fast""",
    "zh": "的 了 我 在 是 和 也 就 都 还 很 不过 没有 没 一个 一 上 把 被 有 到 又 但是 这 那 你 他 她 它 们 吗 呢 啊 用 来 去 以后 之内 人 不 到 还是 就是 我们 你们 他们 自己 每次",
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
    text = MASK.sub(" ", str(text))
    if language == "zh":
        words = [w for w in _chinese().lcut(text, HMM=False) if re.search(r"[一-鿿]", w)]
    else:
        words = re.findall(r"[^\W\d_]{3,}", text.lower())
    return [w for w in words if w not in stop]


_ENDINGS = {
    "sv": "heterna heten ningarna ningen ningar arna erna orna ades andet ande aren aste ade are ats ast ad ar er or en et at na te a e t s n",
    "de": "ungen ungs ern em en er es st e s n",
    "en": "ings ing edly ed ies es ly s",
}
"""Inflections, longest first, taken off words of which at least four letters stay (after Savoy 2006, light stemming)."""


@cache
def _stem(word: str, language: str) -> str:
    for ending in _ENDINGS.get(language, "").split():
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word.removesuffix(ending)
    return word


@cache
def language_code(name: object) -> str:
    """Return a language as its ISO 639 code of two letters, or ``unknown``.

    Examples
    --------
    >>> language_code("en-GB"), language_code("Deutsch"), language_code("ZH_cn"), language_code(None)
    ('en', 'de', 'zh', 'unknown')
    """
    if name is None or name != name or name is pd.NA:
        return UNKNOWN
    text = re.split(r"[-_ ]", str(name).strip().casefold())[0]
    known = {"deu": "de", "ger": "de", "deutsch": "de", "eng": "en", "englisch": "en", "engelska": "en", "swe": "sv", "se": "sv", "svenska": "sv",
             "schwedisch": "sv", "zho": "zh", "chi": "zh", "cn": "zh", "中文": "zh", "chinesisch": "zh", "tyska": "de"}  # fmt: skip
    known |= {full.casefold(): code for code, full in LANGUAGES.items()}
    return known.get(text, text if re.fullmatch(r"[a-z]{2}", text) else UNKNOWN)


def languages(texts: pd.Series, said: pd.Series | None = None) -> pd.Series:
    """Return the language of each text: as said, else by its signs and most frequent small words, else ``unknown``.

    A language that is said but does not fit the signs (Chinese without a Chinese sign, or the other way round) is not believed.
    """
    stated = pd.Series(UNKNOWN, texts.index) if said is None else said.map(language_code)
    chinese = texts.str.contains(r"[一-鿿]", na=False)
    latin = texts.str.contains(r"[^\W\d_一-鿿]{2}", na=False)
    wrong = (stated.eq("zh") & ~chinese & latin) | (stated.isin(["en", "de", "sv"]) & chinese & ~latin)  # fmt: skip
    open_ = stated.eq(UNKNOWN) | wrong
    guessed = texts[open_].map(_guess)
    return stated.where(~open_, guessed.reindex(texts.index)).astype("str")


def _guess(text: str) -> str:
    if re.search(r"[぀-ヿ]", text):
        return "ja"
    if re.search(r"[一-鿿]", text):
        return "zh"
    words = re.findall(r"[^\W\d_]+", text.casefold())
    signs = {"sv": "å", "de": "[üß]", "en": "(?!)"}
    votes = {language: sum(w in _SMALL[language] for w in words) + 2 * bool(re.search(sign, text.casefold())) for language, sign in signs.items()}  # fmt: skip
    best, second = sorted(votes.values(), reverse=True)[:2]
    return max(votes, key=lambda name: votes[name]) if best > second else UNKNOWN


_FREQUENT = {
    "en": "the was is a not delivery late with very good",
    "de": "lieferung gut schnell zu viel kein mehr genau guten einfach etwas beratung am",
    "sv": "leverans leveransen bra mer fin aldrig mitt ett den ser så för kom dagar alls",
}
_SMALL = {name: STOP_WORDS[name] | frozenset(words.split()) for name, words in _FREQUENT.items()}


def named(language: object) -> str:
    """Return the English name of a language, for readers."""
    if language == UNKNOWN:
        return "language not known"
    return LANGUAGES.get(str(language), str(language))


def stemmed(texts: pd.Series, language: str) -> pd.Series:
    """Return each text as the stems of its content words, joined by spaces."""
    return texts.astype(str).map(
        lambda text: " ".join(_stem(word, language) for word in tokens(text, language))
    )


def vectorizer(least: int) -> TfidfVectorizer:
    """Return TF-IDF of stems (see `stemmed`) that at least ``least`` texts hold."""
    return TfidfVectorizer(analyzer=str.split, min_df=least, sublinear_tf=True, max_features=5000)


def topics(texts: pd.Series, language: str, number: int = 12) -> tuple[pd.DataFrame, pd.Series]:
    """Return topics of texts by non-negative matrix factorisation of TF-IDF (Lee & Seung 1999).

    Parameters
    ----------
    texts
        One text (a sentence) a row; the result does not depend on their order when sorted by key before. Of more than 20,000
        texts every n-th is used to find the topics, and all are assigned to them.
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
    words_of, known = vectorizer(2), stemmed(texts, language)
    every = -(-len(texts) // LARGE)
    matrix = _known_words(words_of, known.iloc[::every])
    stems = words_of.get_feature_names_out()
    k = min(number, matrix.shape[0] // 15, len(stems) - 1)
    if k < 2:
        raise ValueError(f"not enough data for topics: {len(stems)} words occur twice")
    with (
        warnings.catch_warnings(),
        np.errstate(invalid="ignore"),
    ):  # an exact fit has an error of -0
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = NMF(k, init="nndsvd", random_state=0, max_iter=500)
        load = model.fit_transform(matrix)
        if every > 1:
            load = model.transform(words_of.transform(known))
    load = load * model.components_.sum(axis=1)
    best = np.where(load.max(axis=1) > 1e-9, load.round(9).argmax(axis=1), -1)
    surface = _surface(texts.iloc[::every], language)
    labels = {i: " · ".join(surface[w] for w in _top_words(row, stems)) for i, row in enumerate(model.components_)}  # fmt: skip
    assigned = pd.Series(best, index=texts.index).map(labels)
    counts = assigned.value_counts().rename_axis("topic").rename("texts").reset_index()
    counts = counts.sort_values(["texts", "topic"], ascending=[False, True], ignore_index=True)
    return counts.assign(share=counts["texts"] / len(texts)), assigned


def _known_words(words_of: TfidfVectorizer, texts: pd.Series) -> Any:
    try:
        return words_of.fit_transform(texts)
    except ValueError as error:  # no word is left
        raise ValueError("not enough data for topics: no word occurs twice") from error


def _surface(texts: pd.Series, language: str) -> dict[str, str]:
    """Return the most frequent form of each stem."""
    counts = Counter(word for text in texts.astype(str) for word in tokens(text, language))
    forms: dict[str, str] = {}
    for word, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        forms.setdefault(_stem(word, language), word)
    return forms


def _top_words(weights: np.ndarray, words: np.ndarray) -> list[str]:
    order = np.lexsort((words, -weights.round(9)))
    return [str(words[i]) for i in order[:3] if weights[i] > 0]
