"""How customers rate us against named competitors: parity, difference, weakness, and the map."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from playbook.answer import Answer, Metric, answers, format_value, need
from playbook.errors import NotEnough
from playbook.proposition.positioning import ideal_directions
from playbook.proposition.words import fitting, join, people_needed, plural
from playbook.stats import false_discovery, mean_interval

__all__ = ["brand_differences", "correspondence", "perceptual_map", "positions"]

ASK = "survey ratings of the own brand and of named competitors on the same items"
FEWEST = 20
"""Fewest respondents who rated both brands."""


def _pairs(ratings: pd.DataFrame, brand: str) -> pd.DataFrame:
    """Own rating and competitor's rating by the same respondent, per item."""
    need(ratings, "ratings of brands", ASK)
    keys = ["respondent", "item"]
    ours = ratings[ratings["brand"] == brand].set_index(keys)["value"]
    if ours.empty:
        seen = join(sorted(ratings["brand"].dropna().unique()), 5)
        raise NotEnough(f"no ratings of {brand}; rated are {seen or 'no brands'}", ASK)
    theirs = ratings[ratings["brand"].notna() & (ratings["brand"] != brand)]
    pairs = theirs.join(ours.groupby(level=keys).mean().rename("ours"), on=keys, how="inner")
    return pairs[["respondent", "item", "brand", "value", "ours"]]


def _status(value: float, low: float, high: float, q_value: float, least: float) -> str:
    if q_value <= 0.05 and value >= least:
        return "difference"
    if q_value <= 0.05 and value <= -least:
        return "weakness"
    if low > -least and high < least:
        return "parity"
    return "open"


def _difference_table(pairs: pd.DataFrame, least: float) -> pd.DataFrame:
    rows = []
    for (item, rival), part in pairs.groupby(["item", "brand"], sort=True):
        if len(part) < FEWEST:
            continue
        gap = (part["ours"] - part["value"]).to_numpy(float)
        mean = mean_interval(gap)
        error = stats.sem(gap)
        p_value = (
            float(2 * stats.t.sf(abs(mean.value) / error, len(gap) - 1))
            if error > 0
            else float(mean.value == 0)
        )
        rows.append({"item": item, "competitor": rival, "ours": float(part["ours"].mean()),
                     "theirs": float(part["value"].mean()), "difference": mean.value,
                     "low": mean.low, "high": mean.high, "p_value": p_value, "n": mean.n})  # fmt: skip
    table = pd.DataFrame(rows)
    need(table, f"items on which {FEWEST} respondents rated us and a competitor", ASK)
    table["q_value"] = false_discovery(table["p_value"])
    table["status"] = [
        _status(r.difference, r.low, r.high, r.q_value, least) for r in table.itertuples()
    ]
    return table.drop(columns="p_value")


@answers
def brand_differences(
    ratings: pd.DataFrame, brand: str, smallest_difference: float = 0.3
) -> Answer:
    """Return our rating less each competitor's, per item, by the same respondents.

    Parameters
    ----------
    ratings
        Query ``survey_ratings`` with kind brand: ``respondent``, ``item``, ``brand``, ``value``.
    brand
        Our brand as it stands in the survey.
    smallest_difference
        Smallest difference worth naming (points of the scale).

    Returns
    -------
    Answer
        ``item``, ``competitor``, ``ours``, ``theirs``, ``difference`` with ``low`` and ``high``,
        ``n``, ``q_value``, ``status``: *difference* or *weakness* (5 % false discovery rate and at
        least the smallest difference), *parity* (interval within the smallest difference), else
        *open*.
    """
    table = _difference_table(_pairs(ratings, brand), smallest_difference)
    size = table.groupby("item")["difference"].mean().rename("mean")
    table = table.join(size, on="item").sort_values(
        ["mean", "item", "competitor"], ascending=[False, True, True]
    )
    counts = table["status"].value_counts()
    lead = table.sort_values(["difference", "item"], ascending=[False, True]).iloc[0]
    trail = table.sort_values(["difference", "item"]).iloc[0]
    if lead["status"] != "difference":
        headline = f"No item shows {brand} ahead of a competitor"
    elif trail["status"] == "weakness":
        headline = fitting(
            f"{brand} leads {lead['competitor']} by {lead['difference']:.1f} on {lead['item']}, trails "
            f"{trail['competitor']} by {-trail['difference']:.1f} on {trail['item']}",
            f"{brand} leads most on {lead['item']} and trails most on {trail['item']}",
        )
    else:
        headline = f"{brand} leads {lead['competitor']} by {lead['difference']:.1f} points on {lead['item']}"  # fmt: skip
    everywhere = _against_all(table, "difference")
    nowhere = _against_all(table, "weakness")
    return Answer(
        table=table.drop(columns="mean").reset_index(drop=True),
        headline=headline,
        so_what=(
            f"{counts.get('difference', 0):,} points of difference, {counts.get('parity', 0):,} of parity, "
            f"{counts.get('weakness', 0):,} weaknesses, {counts.get('open', 0):,} open. "
            + (f"Ahead of every competitor on {join(everywhere)}: claim it. " if everywhere
               else "On no item ahead of every competitor: claim against one at a time. ")
            + (f"Behind every competitor on {join(nowhere)}: mend it or avoid the comparison."
               if nowhere else "On no item behind every competitor.")
        ),
        kind="diagnostic",
        caption=(
            f"{brand} less competitor, points of the scale, by respondents who rated both "
            f"(n = {int(table['n'].min()):,} to {int(table['n'].max()):,})"
        ),
        units={"ours": "points", "theirs": "points", "n": "count", "difference": "points", "low": "points", "high": "points"},
        source="survey of our customers, paired ratings; t intervals, false discovery rate of 5 %",
        metrics=(
            Metric("points_of_difference", float(counts.get("difference", 0)), unit="count", n=int(table["n"].max()), kind="diagnostic"),
            Metric("points_of_weakness", float(counts.get("weakness", 0)), unit="count", n=int(table["n"].max()), kind="diagnostic"),
        ),
        extra={"least": smallest_difference, "brand": brand},
    )  # fmt: skip


def _against_all(table: pd.DataFrame, status: str) -> list[str]:
    rivals = table["competitor"].nunique()
    hits = table[table["status"] == status].groupby("item")["competitor"].nunique()
    return sorted(hits[hits == rivals].index)


@answers
def positions(differences: Answer, importance: Answer | None = None) -> Answer:
    """Return each item against the strongest competitor on it, beside its importance.

    Parameters
    ----------
    differences
        From `brand_differences`.
    importance
        From `stated_importance`, if asked.

    Returns
    -------
    Answer
        ``item``, ``importance``, ``strongest``, ``difference`` with ``low`` and ``high``, ``status``,
        ``n``, ``people_needed`` (for open items, to tell the difference from zero); most important
        item first. Taking the strongest of several competitors is strict on our claims.
    """
    table = differences.table.sort_values(
        ["item", "theirs", "competitor"], ascending=[True, False, True]
    )
    table = table.groupby("item").head(1).rename(columns={"competitor": "strongest"})
    least = differences["least"]
    needed = [
        people_needed(abs(r.difference), r.low, r.high, int(r.n), least, int(r.n) + 1)
        if r.status == "open"
        else None
        for r in table.itertuples()
    ]
    table["people_needed"] = pd.array(needed, dtype="Int64")
    table["importance"] = np.nan
    if importance is not None:
        asked = importance.table
        mean = (asked["importance"] * asked["n"]).groupby(asked["item"]).sum() / asked.groupby("item")["n"].sum()  # fmt: skip
        table["importance"] = table["item"].map(mean)
    table = table.sort_values(["importance", "difference", "item"], ascending=[False, False, True])
    columns = ["item", "importance", "strongest", "difference", "low", "high", "status", "n", "people_needed"]  # fmt: skip
    table = table[columns].reset_index(drop=True)
    claim = table[table["status"] == "difference"]["item"].tolist()
    mend = table[table["status"] == "weakness"]
    brand = differences["brand"]
    return Answer(
        table=table,
        headline=(
            f"{brand} is ahead of the best competitor on {join(claim)}" if claim
            else f"On no item is {brand} ahead of the best competitor"
        ),
        so_what=(
            (f"Put {claim[0]} into every message. " if claim else "Claim parity, not leadership. ")
            + (f"The most important weakness is {mend.iloc[0]['item']} against {mend.iloc[0]['strongest']} "
               f"({format_value(mend.iloc[0]['difference'], 'points')} points): fix it or choose segments that care less. " if len(mend) else "")
            + f"{plural(int((table['status'] == 'parity').sum()), 'item')} at parity: no claim, only upkeep."
        ),
        kind="diagnostic",
        caption="Each item against the strongest competitor on it, most important first",
        units={"importance": "points", "difference": "points", "low": "points", "high": "points",
               "n": "count", "people_needed": "count"},
        source="survey of our customers; paired differences",
    )  # fmt: skip


def correspondence(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Correspondence analysis of a table of non-negative numbers, by singular values.

    Parameters
    ----------
    table
        Rows by columns, no negative numbers, no empty row or column.

    Returns
    -------
    rows, columns : pandas.DataFrame
        Principal coordinates, one column an axis (``1``, ``2`` ...); the sign of an axis is such
        that its largest coordinate of a row is positive.
    inertia : numpy.ndarray
        Principal inertias, largest first; their sum is chi-squared over the grand total.

    Raises
    ------
    ValueError
        Negative or missing numbers, or fewer than two rows or columns.

    References
    ----------
    Greenacre, M. (2007). Correspondence Analysis in Practice, appendix A.
    """
    values = table.to_numpy(float)
    if min(values.shape) < 2 or not (
        np.isfinite(values).all() and values.sum() > 0 <= values.min()
    ):
        raise ValueError("not enough data: two rows and columns of non-negative numbers needed")
    share = values / values.sum()
    row, column = share.sum(axis=1), share.sum(axis=0)
    if min(row.min(), column.min()) <= 0:
        raise ValueError("not enough data: a row or column holds only zeros")
    residual = (share - np.outer(row, column)) / np.sqrt(np.outer(row, column))
    left, singular, right = np.linalg.svd(residual, full_matrices=False)
    kept = min(values.shape) - 1
    sign = np.sign(left[np.abs(left[:, :kept]).argmax(axis=0), np.arange(kept)])
    names = range(1, kept + 1)
    scale = singular[:kept] * np.where(sign == 0, 1.0, sign)
    rows = pd.DataFrame(left[:, :kept] * scale / np.sqrt(row)[:, None], table.index, names)
    columns = pd.DataFrame(right[:kept].T * scale / np.sqrt(column)[:, None], table.columns, names)
    return rows, columns, singular[:kept] ** 2


@answers
def perceptual_map(ratings: pd.DataFrame, brand: str, importance: Answer | None = None) -> Answer:
    """Return the places of brands and items on two axes, and the way each segment pulls.

    Parameters
    ----------
    ratings
        ``item``, ``brand``, ``value``, ``scale_min``.
    brand
        Our brand.
    importance
        From `stated_importance`: the directions of segments rest on it.

    Returns
    -------
    Answer
        ``name``, ``kind`` (our brand, competitor, item, segment), ``axis_1``, ``axis_2`` (of a
        segment: a direction of length 1), ``fit`` (R squared, of segments);
        ``extra["inertia"]``: share of the differences each axis shows, ``extra["directions"]``: all
        segments, the weak fits included that the table leaves out (see
        `playbook.proposition.positioning.ideal_directions`).

    Notes
    -----
    Correspondence analysis of mean ratings above the lowest answer. It shows profiles: a brand
    rated higher on everything has the same place as one rated lower on everything.
    """
    need(ratings, "ratings of brands", ASK)
    lowest = ratings["scale_min"].fillna(ratings["value"].min())
    above = ratings.assign(value=ratings["value"] - lowest)
    means = above.pivot_table(index="brand", columns="item", values="value", aggfunc="mean")
    means = means.dropna(axis=1).sort_index()
    if brand not in means.index or min(means.shape) < 3:
        raise NotEnough("fewer than three brands, ours among them, rated on three items", ASK)
    try:
        rows, columns, inertia = correspondence(means)
    except ValueError as error:
        raise NotEnough("the ratings of brands do not vary", ASK) from error
    shares = inertia / inertia.sum() if inertia.sum() > 0 else inertia
    if not shares.sum() > 0:
        raise NotEnough("the ratings of brands do not vary", ASK)
    directions = _directions(columns, importance)
    table = _places(rows, columns, brand, directions)
    ours = rows.loc[brand, [1, 2]].to_numpy(float)
    apart = {other: float(np.linalg.norm(rows.loc[other, [1, 2]].to_numpy(float) - ours))
             for other in rows.index if other != brand}  # fmt: skip
    nearest = min(apart, key=lambda name: (round(apart[name], 9), name))
    expected = np.outer(means.sum(axis=1), means.sum()) / means.to_numpy().sum()
    lean = (means / expected).loc[brand].sort_values(ascending=False, kind="stable")
    strongest = [str(item) for item in lean.index[:2]]
    shown = float(shares[:2].sum())
    return Answer(
        table=table,
        headline=f"{brand} stands for {join(strongest)}; its nearest rival is {nearest}",
        so_what=(
            f"The two axes show {format_value(shown, '%')} of how the profiles differ. A brand that leans toward an "
            f"item is known for it: say {strongest[0]} where {nearest} cannot follow, and expect {nearest} to answer."
            + _pull(directions)
        ),
        kind="diagnostic",
        caption=(
            f"Profiles of brands and items: axis 1 shows {100 * shares[0]:.0f} %, axis 2 {100 * shares[1]:.0f} % "
            f"of inertia (n = {ratings['respondent'].nunique():,} respondents)"
        ),
        source="survey of our customers; correspondence analysis of mean ratings"
               + ("; arrows: vector model on importance against all segments" if len(directions) else ""),
        extra={"inertia": shares, "brand": brand, "directions": directions},
    )  # fmt: skip


def _places(
    rows: pd.DataFrame, columns: pd.DataFrame, brand: str, directions: pd.DataFrame
) -> pd.DataFrame:
    """Places of brands and items, and the directions that are drawn."""
    brands = rows[[1, 2]].set_axis(["axis_1", "axis_2"], axis=1).rename_axis("name").reset_index()
    brands.insert(1, "kind", np.where(brands["name"] == brand, "our brand", "competitor"))
    items = columns[[1, 2]].set_axis(["axis_1", "axis_2"], axis=1).rename_axis("name").reset_index()
    items.insert(1, "kind", "item")
    table = pd.concat([brands, items], ignore_index=True)
    if not len(directions):
        return table
    drawn = directions[directions["drawn"]].rename(columns={"segment": "name"})
    drawn = drawn.assign(kind="segment")[["name", "kind", "axis_1", "axis_2", "fit"]]
    return pd.concat([table, drawn], ignore_index=True)


def _directions(columns: pd.DataFrame, importance: Answer | None) -> pd.DataFrame:
    """Directions of segments on the first two axes; none without importance of the same items."""
    if importance is None:
        return pd.DataFrame()
    try:
        return ideal_directions(columns[[1, 2]], importance.table)
    except NotEnough:
        return pd.DataFrame()


def _pull(directions: pd.DataFrame) -> str:
    """What the arrows say, and which segments have none."""
    if not len(directions):
        return ""
    drawn = directions[directions["drawn"]].sort_values(["fit", "segment"], ascending=[False, True])
    weak = directions[~directions["drawn"]].sort_values("segment")
    left = [f"{r.segment} ({100 * r.fit:.0f} %)" for r in weak.itertuples()]
    said = [f"{r.segment} ({100 * r.fit:.0f} %)" for r in drawn.itertuples()]
    return (
        (f" Arrows: the way a segment's importance leans, with the share of its leanings explained: {join(said, 6)}." if said else "")
        + (f" No arrow, as two axes explain too little: {join(left, 6)}." if left else "")
    )  # fmt: skip
