"""All that customers write, in one frame: reviews and open answers, masked, with language, needs and tone."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats as distributions

from playbook.answer import Answer, answers, format_value, need
from playbook.errors import NotEnough
from playbook.research.coding import code, sentences
from playbook.research.masking import cleaned, known_names, masked
from playbook.research.sentiment import tone
from playbook.research.surveys import shown_p
from playbook.research.texts import UNKNOWN, languages, named

__all__ = ["gather", "heard", "movers", "sources"]

ASK = "public reviews or open survey answers with date, stars and text"
COLUMNS = ["text_id", "source", "person", "product_id", "created_at", "language", "rating", "text"]
BAD_STARS = 3
"""Without a model of tone a sentence counts as a complaint when its review has at most so many stars."""
LEAST = 10
"""Texts of a language, in each of the two years, from which its movers are shown."""
ALL = "all languages"
FEW = 100
"""Texts of a language below which a share has an interval of more than ten points to each side."""


def gather(
    reviews: pd.DataFrame, opened: pd.DataFrame | None = None, records: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return one row a text that a customer wrote, fit to be read by anybody.

    Parameters
    ----------
    reviews
        review_id, customer_id, created_at, language, rating, text.
    opened
        Open answers: response_id, customer_id, question_id, answered_at, text.
    records
        Customer records with ``name``, to mask the client's own customers.

    Returns
    -------
    pandas.DataFrame
        text_id, source (review or open answer), person (of the writer, where known), product_id, created_at, language (ISO code or ``unknown``), rating, text
        (without mark-up, masked), sorted by text_id. Texts without a letter (empty, emoji only) are left out.
    """
    parts = [
        reviews.assign(text_id="review " + reviews["review_id"].astype("str"), source="review")
    ]
    if opened is not None and len(opened):
        key = "answer " + opened["response_id"].astype("str") + " " + opened["question_id"].astype("str")  # fmt: skip
        parts.append(opened.assign(text_id=key, source="open answer", created_at=opened["answered_at"], rating=np.nan))  # fmt: skip
    frame = pd.concat([p.rename(columns={"customer_id": "person"}).reindex(columns=COLUMNS) for p in parts if len(p)] or [pd.DataFrame(columns=COLUMNS)])  # fmt: skip
    frame = frame.dropna(subset=["text"]).sort_values("text_id", ignore_index=True)
    frame["text"] = frame["text"].map(cleaned).astype("str")
    frame = frame[frame["text"].str.contains(r"[^\W\d_]", na=False)].reset_index(drop=True)
    stated = None if frame["language"].isna().all() else frame["language"]
    frame["language"] = languages(frame["text"], stated)
    frame["text"] = masked(frame["text"], known_names(records))
    frame["rating"] = pd.to_numeric(frame["rating"])
    return frame.assign(created_at=pd.to_datetime(frame["created_at"]))


@answers
def sources(texts: pd.DataFrame) -> Answer:
    """Return how many texts there are, by source and language.

    Parameters
    ----------
    texts
        Of `gather`.

    Returns
    -------
    Answer
        Table: source, language, texts, with stars, first and latest; most texts first.
    """
    need(texts, "texts that customers wrote", ASK)
    groups = texts.groupby(["source", "language"])
    table = groups.agg(texts=("text_id", "size"), with_stars=("rating", "count"), first=("created_at", "min"), latest=("created_at", "max")).reset_index()  # fmt: skip
    table["language"] = table["language"].map(named)
    table = table.sort_values(["texts", "source", "language"], ascending=[False, True, True], ignore_index=True)  # fmt: skip
    counts = texts["language"].value_counts()
    few = sorted(named(name) for name, count in counts.items() if count < FEW)
    known = int((counts.index != UNKNOWN).sum())
    return Answer(
        table=table,
        headline=f"Customers wrote {len(texts):,} texts in {known} known language{'' if known == 1 else 's'}",
        so_what=f"{format_value(counts.iloc[0] / len(texts), '%')} are {named(counts.index[0])}. "
        + (f"Few texts ({', '.join(few)}, under {FEW}): read them whole, do not count them." if few else "Each language has enough texts to count."),
        kind="descriptive",
        caption="Texts with at least one word, by source and language (as stated, else guessed from small words)",
        units={"texts": "count", "with_stars": "count", "first": "date", "latest": "date"},
        source="public reviews and open survey answers; names, numbers and addresses masked",
    )  # fmt: skip


def heard(texts: pd.DataFrame) -> pd.DataFrame:
    """Return one row a sentence and need it speaks of, with its tone.

    The tone of a sentence is told by a model trained on the stars of reviews it is not part of; where a language has
    too few good or bad reviews for that, a sentence of a review with at most three stars counts as a complaint.

    Parameters
    ----------
    texts
        Of `gather`.

    Returns
    -------
    pandas.DataFrame
        The columns of ``texts`` without text, and sentence, need (none where no need is coded), complaint, praise,
        judged (``model`` or ``stars``).
    """
    pieces = sentences(texts.rename(columns={"text_id": "review_id"}))
    pieces = pieces.rename(columns={"review_id": "text_id"})
    pieces = pieces.merge(texts.drop(columns=["text", "language"]), on="text_id")
    pieces = pieces.assign(complaint=pieces["rating"] <= BAD_STARS, praise=pieces["rating"] > BAD_STARS, judged="stars")  # fmt: skip
    reviews = texts[texts["source"] == "review"].set_index("text_id")
    for language, part in pieces.groupby("language", sort=True):
        try:
            own = reviews[reviews["language"] == language]
            score = tone(part[["sentence"]].assign(review=part["text_id"]), own, str(language))
        except ValueError:
            continue
        pieces.loc[part.index, ["complaint", "praise"]] = np.column_stack([score < 0, score >= 0])
        pieces.loc[part.index, "judged"] = "model"
    coded = code(pieces[["sentence", "language"]])
    return pieces.join(coded["need"], how="left").reset_index(drop=True)


@answers
def movers(texts: pd.DataFrame, said: pd.DataFrame, since: pd.Timestamp) -> Answer:
    """Return which complaints are raised more often in the last year than in the year before, by language.

    The unit is a text (review or open answer); it complains of a need when one of its sentences does. Shares are compared
    within source and language (Mantel–Haenszel risk difference), so that more open answers in one year do not look like
    a change. The tests over all languages are one family and those
    within languages another, each adjusted for false discoveries (Benjamini & Hochberg 1995).

    Parameters
    ----------
    texts, said
        Of `gather` and `heard`.
    since
        The day before the last year begins.

    Returns
    -------
    Answer
        Table: language, need, texts (this year), before and now (share that complains), change with low and high (points), place (1 = rose
        most in the language), q; languages with most texts first, then by place. ``extra["all"]`` is an answer over all languages.
    """
    now, before = _windows(texts, since)
    need(now, "texts of the last 12 months", ASK, rows=LEAST)
    need(before, "texts of the year before", ASK, rows=LEAST)
    complaints = said[said["complaint"].astype(bool)].dropna(subset=["need"])
    names = sorted(complaints["need"].unique())
    if not names:
        raise NotEnough("movers: no text complains of a coded need", ASK)
    kept = pd.concat([now.assign(late=True), before.assign(late=False)])
    kept = kept.assign(stratum=kept["language"] + "/" + kept["source"])
    counts = kept.groupby(["language", "late"]).size().unstack(fill_value=0)
    counts = counts[(counts.reindex(columns=[True, False], fill_value=0) >= LEAST).all(axis=1)]
    if counts.empty:
        raise NotEnough(f"movers: no language has {LEAST} texts in each of the last two years", ASK)
    sizes = kept.groupby(["stratum", "late"]).size().unstack(fill_value=0)
    hits = kept.merge(complaints[["text_id", "need"]].drop_duplicates(), on="text_id")
    hits = hits.groupby(["need", "stratum", "late"]).size().unstack(fill_value=0)
    shown = list(counts.sum(axis=1).sort_values(ascending=False, kind="stable").index)
    rows = []
    for language in [ALL, *shown]:
        own = sizes if language == ALL else sizes[sizes.index.str.startswith(f"{language}/")]
        for name in names:
            complained = hits.loc[name].reindex(own.index, fill_value=0)
            row = {"language": language if language == ALL else named(language), "need": name}
            rows.append(row | _risk_difference(complained, own))
    table = pd.DataFrame(rows)
    family = table["language"].eq(ALL)
    table["q"] = pd.concat([shown_p(part) for _, part in table["p"].groupby(family)])
    table = table.drop(columns="p")
    table["place"] = table.groupby("language")["change"].rank(ascending=False, method="first").astype(int)  # fmt: skip
    table = table.assign(order=table["language"].map({n: i for i, n in enumerate(dict.fromkeys(table["language"]))}))  # fmt: skip
    table = table.sort_values(["order", "place"], ignore_index=True).drop(columns="order")
    return _movers_answer(table, said, len(now), len(before))


def _windows(texts: pd.DataFrame, since: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    edge = pd.Timestamp(since) + pd.Timedelta(days=1)
    now = texts[texts["created_at"] >= edge]
    past = (texts["created_at"] < edge) & (texts["created_at"] >= edge - pd.DateOffset(years=1))
    return now, texts[past]


def _risk_difference(hits: pd.DataFrame, sizes: pd.DataFrame) -> dict[str, float]:
    """Return the change of a share over strata, with a 95 % interval.

    Mantel–Haenszel weights (Greenland & Robins 1985); each stratum's variance adds a hit and a miss to both
    years (Agresti & Caffo 2000), so that shares of 0 and 1 have an error too.

    Parameters
    ----------
    hits, sizes
        One row a stratum; columns True (last year) and False (the year before).
    """
    years = [True, False]
    size1, size0 = sizes.reindex(columns=years, fill_value=0).to_numpy(float).T
    hit1, hit0 = hits.reindex(columns=years, fill_value=0).to_numpy(float).T
    both = (size1 > 0) & (size0 > 0)
    size1, size0, hit1, hit0 = size1[both], size0[both], hit1[both], hit0[both]
    weight = size1 * size0 / (size1 + size0)
    weight = weight / weight.sum()
    change = float((weight * (hit1 / size1 - hit0 / size0)).sum())
    soft1, soft0 = (hit1 + 1) / (size1 + 2), (hit0 + 1) / (size0 + 2)
    variance = soft1 * (1 - soft1) / (size1 + 2) + soft0 * (1 - soft0) / (size0 + 2)
    error = float(np.sqrt((weight**2 * variance).sum()))
    return {
        "texts": int(size1.sum()), "before": float((weight * hit0 / size0).sum()), "now": float((weight * hit1 / size1).sum()),
        "change": round(100 * change, 7), "low": 100 * (change - 1.96 * error), "high": 100 * (change + 1.96 * error),
        "p": float(2 * distributions.norm.sf(abs(change) / error)),
    }  # fmt: skip


def _movers_answer(table: pd.DataFrame, said: pd.DataFrame, now: int, before: int) -> Answer:
    single, whole = table[table["language"] != ALL], table[table["language"] == ALL]
    first = whole.iloc[0]
    leads = single[(single["need"] == first["need"]) & (single["place"] <= 2)]["language"]
    count = single["language"].nunique()
    rose = bool(first["q"] < 0.05 and first["change"] > 0)
    certain = single[(single["q"] < 0.05) & (single["change"] > 0)]
    by_stars = sorted({named(x) for x in said.loc[said["judged"] == "stars", "language"]} & set(single["language"]))  # fmt: skip
    where = f"it is first or second among {single['need'].nunique()} complaints in {len(leads)} of {count} languages"
    told = (
        f"Complaints about {first['need']} went from {format_value(first['before'], '%')} to {format_value(first['now'], '%')} of texts "
        f"({_points(first['change'])} points, {_points(first['low'])} to {_points(first['high'])})"
    )
    by_itself = f"Beyond chance by itself in {', '.join(certain['language'] + ' (' + certain['need'] + ')')}." if len(certain) else "In no single language is a rise beyond chance: read the languages together."  # fmt: skip
    caption = f"Change of the share of texts that complain of a need, in points against the year before, 95 % interval ({now:,} and {before:,} texts); most: rose most"
    headline = f"Complaints about {first['need']} rose most, {_points(first['change'])} points of all texts" + ("" if rose else ", not beyond chance")  # fmt: skip
    if first["change"] <= 0:
        headline = "No complaint is raised more often than the year before"
    act = (
        f"Find what changed in {first['need']} before anything is promised about it." if rose
        else f"Corrected for {len(whole)} complaints it may be luck (q = {first['q']:.2f}): look for it in other sources before acting."
    )  # fmt: skip
    few = f" Too few reviews to learn a tone in {', '.join(by_stars)}: there up to three stars count as a complaint." if by_stars else ""  # fmt: skip
    over_all = _answer(whole, headline, "", caption, {})
    return _answer(single, headline, f"{told}; {where}. {act} {by_itself}{few}", caption, {"all": over_all})  # fmt: skip


def _answer(
    table: pd.DataFrame, headline: str, so_what: str, caption: str, extra: dict[str, Answer]
) -> Answer:
    shares, points = ["before", "now"], ["change", "low", "high"]
    units = {"texts": "count", "place": "count", "q": "ratio"} | dict.fromkeys(shares, "%") | dict.fromkeys(points, "points")  # fmt: skip
    return Answer(
        table=table.reset_index(drop=True), headline=headline, so_what=so_what, kind="diagnostic", caption=caption, units=units,
        source="public reviews and open survey answers; needs by a fixed list of words, tone by models trained on stars", extra=extra,
    )  # fmt: skip


def _points(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")
