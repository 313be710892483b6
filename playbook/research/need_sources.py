"""How strongly each source speaks of each need: what is asked for, written, reported, raised, done, and left for."""

from __future__ import annotations

from datetime import date

import pandas as pd

from playbook.research.coding import code, need_of, sentences
from playbook.research.surveys import shown_p, with_weights
from playbook.stats import effective_sample_size, two_proportion_difference, wilson

__all__ = ["BEHAVIOUR", "SOURCES", "changes", "strengths", "strengths_before", "year_before"]

SOURCES = (
    "survey importance", "open answers", "reviews", "service cases", "focus groups", "reasons to leave", "behaviour",
)  # fmt: skip
BEHAVIOUR = "behaviour"
"""What buyers do shows use and not wish: it stands beside the other sources and is not ranked with them."""
TOP = 2
"""A need is among the most important of a respondent when it is one of their two highest ratings."""
DOINGS = {
    "price": "discount",
    "returns": "refunds",
    "loyalty programme": "points_earned",
    "service": "cases",
}
"""Need → what buyers do about it: the column of the customer metrics that is above zero."""


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
    switching: pd.DataFrame, brand: str, since: date, metrics: pd.DataFrame | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return how strongly each source speaks of each need.

    Parameters
    ----------
    scores, weights
        Survey answers (kind, construct, response_id, customer_id, wave, value) and weights (customer_id, wave, weight).
    reviews
        Texts of `voices.gather`, or plain reviews (review_id, created_at, language, text).
    cases
        topic, cases.
    quotes
        theme, participant.
    switching
        moved_at, from_brand, reason.
    since
        The day before the year begins.
    metrics
        Customer metrics of the 12 months: orders and the columns of `DOINGS`.

    Returns
    -------
    pandas.DataFrame
        need, source, strength (0 to 1), low, high, n. Strength is the share of respondents with the need among their two most
        important ones, of reviews that mention it, of cases about it, of participants who raised it, of moves away with that reason, of buyers who did something about it.
    """
    edge = pd.Timestamp(since) + pd.Timedelta(days=1)
    parts = [_importance(scores, weights), *_texts(reviews, edge, None)]
    parts += [_cases(cases), _focus(quotes), _reasons(switching, brand, edge, None), _done(metrics)]
    return _joined(parts)


def strengths_before(
    scores: pd.DataFrame, scores_two_years: pd.DataFrame, weights: pd.DataFrame, reviews: pd.DataFrame, cases: pd.DataFrame,
    cases_two_years: pd.DataFrame, switching: pd.DataFrame, brand: str, since: date,
) -> pd.DataFrame:  # fmt: skip
    """Return the strengths of the year before, of the sources that have dates (see `strengths`).

    Parameters
    ----------
    scores, scores_two_years, cases, cases_two_years
        As of the last year, and the same counted from a year earlier on; the year before is what only the longer one has.
    """
    edge = pd.Timestamp(since) + pd.Timedelta(days=1)
    start = edge - pd.DateOffset(years=1)
    earlier = scores_two_years[~scores_two_years["response_id"].isin(set(scores["response_id"]))]
    total = cases_two_years.groupby("topic")["cases"].sum() if len(cases_two_years) else pd.Series(dtype=float)  # fmt: skip
    now = cases.groupby("topic")["cases"].sum() if len(cases) else pd.Series(dtype=float)
    past = total.sub(now, fill_value=0).rename("cases").rename_axis("topic").reset_index()
    parts = [
        _importance(earlier, weights),
        *_texts(reviews, start, edge),
        _cases(past[past["cases"] > 0]),
    ]
    return _joined([*parts, _reasons(switching, brand, start, edge)])


def year_before(day: date) -> date:
    """Return the same day a year earlier."""
    return (pd.Timestamp(day) - pd.DateOffset(years=1)).date()


def changes(strength: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Return how each strength changed since the year before.

    A need that a source did not speak of in one of the years counts as zero there, if the source spoke of others.

    Returns
    -------
    pandas.DataFrame
        need, source, before, change, change_low, change_high (Newcombe), q (adjusted over all of them).
    """
    keys = ["need", "source"]
    sizes = [
        frame.drop_duplicates("source").set_index("source")["n"] for frame in (strength, before)
    ]
    both = strength[keys].merge(before[keys], how="outer")
    both = both[both["source"].isin(sizes[0].index) & both["source"].isin(sizes[1].index)]
    values = [frame.set_index(keys)["strength"] for frame in (strength, before)]
    rows = []
    for name, source in both.sort_values(keys).itertuples(index=False):
        now, past = (float(v.get((name, source), 0.0)) for v in values)
        n_now, n_past = (int(size[source]) for size in sizes)
        step = two_proportion_difference(now * n_now, n_now, past * n_past, n_past)
        rows.append({"need": name, "source": source, "before": past, "change": step.value, "change_low": step.low, "change_high": step.high, "p": step.p_value})  # fmt: skip
    if not rows:
        return pd.DataFrame(columns=[*keys, "before", "change", "change_low", "change_high", "q"])
    table = pd.DataFrame(rows)
    return table.assign(q=shown_p(table["p"])).drop(columns="p")


def _texts(
    frame: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp | None
) -> list[pd.DataFrame]:
    """Return the strengths in open answers and in reviews written from ``start`` to before ``end``."""
    plain = frame if "text_id" in frame else frame.rename(columns={"review_id": "text_id"}).assign(source="review")  # fmt: skip
    inside = plain["created_at"] >= start
    if end is not None:
        inside &= plain["created_at"] < end
    recent, parts = plain[inside].dropna(subset=["text"]), []
    for source, label in (("open answer", SOURCES[1]), ("review", SOURCES[2])):
        part = recent[recent["source"] == source].rename(columns={"text_id": "review_id"})
        if len(part) >= 30:
            coded = code(sentences(part)).drop_duplicates(["review_id", "need"])
            parts.append(_shares(coded.groupby("need").size(), len(part), label))
    return parts


def _cases(cases: pd.DataFrame) -> pd.DataFrame:
    if not len(cases) or cases["cases"].sum() < 30:
        return pd.DataFrame()
    topics = cases.assign(need=cases["topic"].map(need_of)).groupby("need")["cases"].sum()
    return _shares(topics, float(topics.sum()), SOURCES[3])


def _focus(quotes: pd.DataFrame) -> pd.DataFrame:
    if not len(quotes):
        return pd.DataFrame()
    person = quotes["session"].astype("str") + "/" + quotes["participant"].astype("str") if "session" in quotes else quotes["participant"]  # fmt: skip
    if person.nunique() < 10:
        return pd.DataFrame()
    raised = quotes.assign(need=quotes["theme"].map(need_of), person=person)
    return _shares(raised.groupby("need")["person"].nunique(), person.nunique(), SOURCES[4])


def _reasons(
    switching: pd.DataFrame, brand: str, start: pd.Timestamp, end: pd.Timestamp | None
) -> pd.DataFrame:
    inside = (switching["from_brand"] == brand) & (switching["moved_at"] >= start)
    if end is not None:
        inside &= switching["moved_at"] < end
    left = switching[inside].dropna(subset=["reason"])
    if len(left) < 30:
        return pd.DataFrame()
    reasons = left.assign(need=left["reason"].map(need_of)).groupby("need").size()
    return _shares(reasons, len(left), SOURCES[5])


def _done(metrics: pd.DataFrame | None) -> pd.DataFrame:
    if metrics is None or "orders" not in metrics:
        return pd.DataFrame()
    buyers = metrics[pd.to_numeric(metrics["orders"]) > 0]
    if len(buyers) < 30:
        return pd.DataFrame()
    known = {name: column for name, column in DOINGS.items() if column in buyers and buyers[column].notna().any()}  # fmt: skip
    counts = {name: int((pd.to_numeric(buyers[column]).fillna(0) > 0).sum()) for name, column in known.items()}  # fmt: skip
    counts = {name: count for name, count in counts.items() if count}
    return _shares(pd.Series(counts, dtype=float), len(buyers), BEHAVIOUR) if counts else pd.DataFrame()  # fmt: skip


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    empty = pd.DataFrame(columns=["need", "source", "strength", "low", "high", "n"])
    return pd.concat(filled, ignore_index=True) if filled else empty
