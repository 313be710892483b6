"""Step 2, texts: do complaints that rose stand out in each language, and is nothing found where nothing rose?

Late deliveries rise in cities from February of the last year, in every language. How surely that shows hangs on how many texts
there are: the rows print how often even the true coding of every sentence puts the planted complaint among the first two.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pandas as pd

from playbook import research
from playbook.answer import Answer
from playbook.market.phrases import PHRASES
from playbook.research.coding import sentences
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import FalseAlarms, Progress, Share
from playbook.truth.sight import given
from playbook.truth.study import Study

__all__: list[str] = []

PLANTED = "delivery"
TOP = 2
"""A topic is among the top movers of a language when it rose most or second most, of six."""
_BEFORE = r"^(?:Still|Trotzdem|Men): |^不过，"
_SAID = {
    phrase: (topic, bool(side))
    for topics in PHRASES.values()
    for topic, sides in topics.items()
    for side, phrases in enumerate(sides)
    for phrase in phrases
}
"""Sentence → topic, and whether it complains."""


@row(
    "02.risen_complaint",
    "late deliveries among the two complaints that rose most, in each language",
    Share(0.85, "the planted complaint is among the top movers in each language"),
    misses="a language has some 50 (Chinese) to 400 (German) texts a year; with the true coding of every "
    "sentence the planted complaint is among the first two no more often; three times as many texts are enough (35 of 40)",
)
def risen(study: Study) -> Found | NotHere:
    """Naive: the need whose mentions, in praise or blame, rose; Bayes: the true topic and sign of each sentence."""
    if study.settings.carrier <= 1:
        return NotHere("nothing rises in this world")
    ours, naive, true = (_places(answer) for answer in _movers(study))
    texts = _movers(study)[0].table.groupby("language")["texts"].first()
    return Found(
        planted=1.0,
        ours=float((ours <= TOP).mean()),
        naive=float((naive <= TOP).mean()),
        bayes=float((true <= TOP).mean()),
        hits=int((ours <= TOP).sum()),
        trials=len(ours),
        note=f"{int(texts.min())} to {int(texts.max())} texts a year and language",
    )


@row(
    "02.risen_complaint_overall",
    "late deliveries among the two complaints that rose most, over all languages",
    Share(0.85, "the planted complaint is among the top movers"),
)
def risen_overall(study: Study) -> Found | NotHere:
    """The same texts with languages taken together."""
    if study.settings.carrier <= 1:
        return NotHere("nothing rises in this world")
    ours, naive, true = (
        int(_of(answer["all"], "place").iloc[0] <= TOP) for answer in _movers(study)
    )
    return Found(planted=1.0, ours=ours, naive=naive, bayes=true, hits=ours, trials=1)


@row(
    "02.risen_complaint_measured",
    "change of the share that complains of late deliveries (points): distance from the true coding",
    Progress(
        0.60,
        "tone is learned from stars of whole reviews, not from sentences",
        higher_is_better=False,
    ),
    misses="with fewer than some 30 bad reviews in a language its tone is hardly learned: in small worlds (3,000 customers) "
    "one such language can outweigh the others",
)
def measured(study: Study) -> Found | NotHere:
    """Mean over languages, so that the number of texts does not matter; naive: complaint or praise, a mention counts."""
    if study.settings.carrier <= 1:
        return NotHere("nothing rises in this world")
    ours, naive, true = (_changes(answer) for answer in _movers(study))
    return Found(
        planted=float(true.mean()),
        ours=float(np.abs(ours - true).mean()),
        naive=float(np.abs(naive - true).mean()),
        bayes=0.0,
    )


@row(
    "02.risen_complaint_false",
    "worlds in which no complaint changes: one called beyond chance (over all languages; within them)",
    FalseAlarms(),
)
def false_alarms(study: Study) -> Found | NotHere:
    """Two families of tests a world, each adjusted for false discoveries: one alarm at most is counted in each."""
    if not study.null:
        return NotHere("something changes in this world")
    answer = _movers(study)[0]
    families = (answer["all"].table["q"], answer.table["q"])
    return Found(hits=sum(bool((q < 0.05).any()) for q in families), trials=len(families))


@lru_cache(maxsize=1)
def _movers(study: Study) -> tuple[Answer, Answer, Answer]:
    """Return the movers by the playbook, by mentions, and by the true coding of the same texts."""
    sight = study.sight
    texts = research.voices.gather(
        sight.table("reviews"), sight.query("open_answers"), sight.table("customer_records")
    )
    said = research.voices.heard(texts)
    versions = (said, said.assign(complaint=True), _truly(texts))
    since = pd.Timestamp(sight.since)
    ours, naive, true = (given(research.voices.movers(texts, each, since)) for each in versions)
    return ours, naive, true


def _truly(texts: pd.DataFrame) -> pd.DataFrame:
    """Return sentences with their planted topic and sign."""
    pieces = sentences(texts.rename(columns={"text_id": "review_id"}))
    plain = pieces["sentence"].str.replace(_BEFORE, "", regex=True)
    known = [_SAID.get(text, (None, False)) for text in plain]
    return pieces.rename(columns={"review_id": "text_id"}).assign(
        need=[topic for topic, _ in known], complaint=[bad for _, bad in known], judged="model"
    )


def _of(answer: Answer, column: str) -> pd.Series:
    table = answer.table[answer.table["need"] == PLANTED]
    return table.set_index("language")[column].sort_index()


def _places(answer: Answer) -> pd.Series:
    return _of(answer, "place")


def _changes(answer: Answer) -> pd.Series:
    return _of(answer, "change")
