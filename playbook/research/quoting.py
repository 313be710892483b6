"""Quotes chosen by rule: typical and not sensational, masked, nobody twice."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, need
from playbook.research.masking import is_masked
from playbook.research.texts import named, stemmed, vectorizer

__all__ = ["choose", "nearness", "quotable", "quotes"]

ASK = "public reviews or open survey answers with date, stars, language and text"

SHORT, SHORT_CHINESE, LONG = 15, 5, 160


def quotable(quotes: pd.Series) -> pd.Series:
    """Return whether each sentence may be quoted.

    Not quoted: what had to be masked, shorter than 15 (Chinese: 5) or longer than 160 signs, what shouts (two words in capitals,
    repeated exclamation or question marks) and what does not begin like a sentence (a formula, a list).
    """
    chinese = quotes.str.contains(r"[一-鿿]")
    length = quotes.str.len()
    fits = length.between(SHORT, LONG) | (chinese & length.between(SHORT_CHINESE, LONG))
    loud = quotes.str.contains(r"[!?！？]{2,}") | quotes.str.count(r"\b[A-ZÄÖÜÅ]{3,}\b").ge(2)
    begins = quotes.str.contains(r"^[\"“„«'‘(]?[^\W_]")
    return fits & ~loud & begins & ~is_masked(quotes) & ~quotes.str.contains(r"[<>{}=|\\@]")


def nearness(quotes: pd.Series, language: str) -> pd.Series:
    """Return how near each sentence is to the centre of all: cosine with the mean of their TF-IDF vectors."""
    try:
        matrix = vectorizer(1).fit_transform(stemmed(quotes, language))
    except ValueError:  # no content word
        return pd.Series(0.0, index=quotes.index)
    centre = np.asarray(matrix.mean(axis=0)).ravel()
    length = float(np.linalg.norm(centre)) or 1.0
    return pd.Series(np.round(matrix @ centre / length, 9), index=quotes.index)


def choose(cells: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return one row a cell: the quotable sentence nearest to the cell's centre, of a person not quoted before.

    Parameters
    ----------
    cells
        Frames with quote, language and person, one a cell, in the order in which they choose.

    Returns
    -------
    pandas.DataFrame
        The rows chosen, with ``stands_for`` (sentences of the cell). A cell without a quotable sentence gives none.
    """
    rows: list[dict] = []
    people: set[str] = set()
    said: set[str] = set()
    for cell in cells:
        language = str(cell["language"].iloc[0])
        near = nearness(cell["quote"], language)
        order = cell.assign(near=near, length=cell["quote"].str.len())[quotable(cell["quote"])]
        order = order.sort_values(["near", "length", "quote", "person"], ascending=[False, True, True, True])  # fmt: skip
        free = order[~order["person"].isin(people) & ~order["quote"].isin(said)]
        if len(free):
            row = free.iloc[0]
            people.add(row["person"])
            said.add(row["quote"])
            rows.append(row.drop(["near", "length"]).to_dict() | {"stands_for": len(cell)})
    return pd.DataFrame(rows)


@answers
def quotes(reviews: pd.DataFrame, said: pd.DataFrame, number: int = 6) -> Answer:
    """Return a critical and an approving sentence for each need, chosen by rule and not by taste.

    The rule: of the sentences about one need only, of one language and one side (critical: they complain, and their review gives
    at most three stars; approving: neither, at least four), the quotable one (`quotable`) nearest to the centre of them all.
    Languages take turns, most texts first; nobody is quoted twice.

    Parameters
    ----------
    reviews, said
        Of `voices.gather` and `voices.heard`.

    Returns
    -------
    Answer
        Table: need, side, stars (of its review), language, quote, stands_for (sentences it was chosen from).
    """
    need(reviews, "reviews or open answers with text", ASK, rows=20)
    pieces = said.dropna(subset=["need"])
    pieces = pieces[~pieces.duplicated(["text_id", "sentence"], keep=False)]
    critical = pieces["complaint"].astype(bool) & ~(pieces["rating"] > 3)
    approving = pieces["praise"].astype(bool) & ~(pieces["rating"] < 4)
    pieces = pieces.assign(
        side=np.select([critical, approving], ["critical", "approving"], ""),
        person=pieces["person"].fillna(pieces["text_id"]), quote=pieces["sentence"],
    )  # fmt: skip
    pieces = need(pieces[pieces["side"] != ""], "sentences about one need", ASK)
    order = list(pieces["need"].value_counts().rename_axis("n").reset_index().sort_values(["count", "n"], ascending=[False, True])["n"])[:number]  # fmt: skip
    table = choose(_turns(pieces, order))
    need(table, "sentences fit to be quoted", ASK)
    table = table[["need", "side", "rating", "language", "quote", "stands_for"]].rename(columns={"rating": "stars"})  # fmt: skip
    table["language"] = table["language"].map(named)
    table = table.astype({"need": "str", "side": "str", "quote": "str", "language": "str"})
    first = table.iloc[0]
    return Answer(
        table=table,
        headline=f"Customers in their own words on {len(table['need'].unique())} needs, chosen by rule",
        so_what=f"“{first['quote']}” is typical of {first['stands_for']} {first['side']} {first['language']} sentences about {first['need']}. Quote these and not the loudest ones.",
        kind="descriptive",
        caption="Sentence nearest to the centre of its need, side and language; names, numbers and addresses masked, nobody quoted twice",
        units={"stars": "ratio", "stands_for": "count"},
        source="public reviews and open answers",
    )  # fmt: skip


def _turns(pieces: pd.DataFrame, order: list[str]) -> list[pd.DataFrame]:
    """Return the cells of need and side; languages take turns, those with most sentences first."""
    counts = pieces["language"].value_counts()
    languages = sorted(counts.index, key=lambda name: (-counts[name], name))
    cells = []
    for place, (name, side) in enumerate((n, s) for n in order for s in ("critical", "approving")):
        cell = pieces[(pieces["need"] == name) & (pieces["side"] == side)]
        turn = languages[place % len(languages) :] + languages[: place % len(languages)]
        enough = [x for x in turn if (cell["language"] == x).sum() >= 3] or [x for x in turn if (cell["language"] == x).any()]  # fmt: skip
        if enough:
            cells.append(cell[cell["language"] == enough[0]])
    return cells
