"""Where importance meets performance, and which way each segment pulls on the map of brands."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook.answer import Answer, answers, need
from playbook.errors import NotEnough
from playbook.proposition.words import fitting, join

__all__ = ["QUADRANTS", "ideal_directions", "importance_performance"]

QUADRANTS = {
    (True, True): "claim it",
    (True, False): "mend first",
    (False, True): "do not overdo",
    (False, False): "let be",
}
"""Name by whether an item is more important than the average, and whether we are ahead."""

FIT = 0.5
"""Least share of a segment's leanings that a direction must explain to be drawn."""


def _overall(importance: pd.DataFrame) -> pd.DataFrame:
    """Importance of each item over all segments, weighted by respondents, with its interval."""
    part = importance.assign(
        total=importance["importance"] * importance["n"],
        spread=((importance["high"] - importance["low"]) / 2 * importance["n"]) ** 2,
    )
    sums = part.groupby("item")[["total", "spread", "n"]].sum()
    half = np.sqrt(sums["spread"]) / sums["n"]
    mean = sums["total"] / sums["n"]
    return pd.DataFrame({"importance": mean, "importance_low": mean - half, "importance_high": mean + half})  # fmt: skip


@answers
def importance_performance(
    differences: Answer, importance: Answer, offers: pd.DataFrame | None = None
) -> Answer:
    """Return importance against our lead or lag, item by item, for each named competitor.

    Parameters
    ----------
    differences
        From `brand_differences`.
    importance
        From `stated_importance`.
    offers
        Standard table ``offers``: its competitors that nobody rated are named.

    Returns
    -------
    Answer
        ``competitor``, ``item``, ``importance`` with ``importance_low`` and ``importance_high``,
        ``difference`` with ``low`` and ``high`` (points of the scale), ``n``, ``quadrant`` (*claim
        it*, *mend first*, *do not overdo*, *let be*) and ``sure`` (the interval of the difference
        leaves out zero); ``extra["middle"]`` the average importance.

    References
    ----------
    Martilla, J. & James, J. (1977). Importance-performance analysis. Journal of Marketing 41.
    """
    overall = _overall(importance.table)
    table = differences.table.merge(overall, left_on="item", right_index=True, how="inner")
    need(table, "items rated both for importance and for brands", "importance of the same items that brands are rated on")  # fmt: skip
    middle = float(overall.loc[sorted(table["item"].unique()), "importance"].mean())
    table["quadrant"] = [
        QUADRANTS[r.importance >= middle, r.difference >= 0] for r in table.itertuples()
    ]
    table["sure"] = (table["low"] > 0) | (table["high"] < 0)
    table = table.sort_values(["competitor", "importance", "item"], ascending=[True, False, True])
    columns = ["competitor", "item", "importance", "importance_low", "importance_high", "difference",
               "low", "high", "n", "quadrant", "sure"]  # fmt: skip
    table = table[columns].reset_index(drop=True)
    surely = table[table["sure"]]
    claim, mend = (surely[surely["quadrant"] == name] for name in ("claim it", "mend first"))
    worst = mend.sort_values(["difference", "item"]).head(1)
    brand, unrated = differences["brand"], _unrated(offers, table)
    return Answer(
        table=table,
        headline=(
            fitting(
                f"What customers call important is to be mended against {join(sorted(mend['competitor'].unique()))}: "
                f"{join(sorted(mend['item'].unique()))}",
                f"{len(mend)} important items are surely behind a competitor",
            ) if len(mend) else f"On nothing important is {brand} surely behind a competitor"
        ),
        so_what=(
            (f"The largest lag on an important item is {-worst.iloc[0]['difference']:.1f} points on {worst.iloc[0]['item']} "
             f"against {worst.iloc[0]['competitor']}. " if len(worst) else "")
            + (f"Surely ahead on important items: {_pairs(claim)}. " if len(claim) else "Surely ahead on no important item. ")
            + "A lead below the line of importance is good to have and not worth more money."
            + (f" Nobody rated {join(unrated)}, whose offers compete with ours: ask for ratings of them next time."
               if unrated else "")
        ),
        kind="diagnostic",
        caption=(
            f"{brand} less competitor against importance, 95 % intervals "
            f"(n = {int(table['n'].min()):,} to {int(table['n'].max()):,} respondents)"
        ),
        units={"importance": "points", "importance_low": "points", "importance_high": "points",
               "difference": "points", "low": "points", "high": "points", "n": "count"},
        source="survey of our customers; stated importance and paired ratings",
        extra={"middle": middle, "brand": brand},
    )  # fmt: skip


def _unrated(offers: pd.DataFrame | None, table: pd.DataFrame) -> list[str]:
    """Competitors with an offer that the survey has no ratings of."""
    if offers is None or offers.empty or not {"brand", "is_ours"} <= set(offers.columns):
        return []
    theirs = ~offers["is_ours"].astype("boolean").fillna(False).to_numpy(bool)
    named = set(offers.loc[theirs, "brand"].dropna().astype(str))
    return sorted(named - set(table["competitor"].astype(str)))


def _pairs(part: pd.DataFrame) -> str:
    by_item = part.groupby("item", sort=True)["competitor"].apply(lambda names: join(sorted(names)))
    return join([f"{item} (against {names})" for item, names in by_item.items()], 4)


def ideal_directions(places: pd.DataFrame, importance: pd.DataFrame) -> pd.DataFrame:
    """Return the way each segment pulls on a map: the vector model, fitted to what it finds important.

    Parameters
    ----------
    places
        Coordinates of the items on two axes, indexed by item.
    importance
        ``item``, ``segment``, ``importance``.

    Returns
    -------
    pandas.DataFrame
        ``segment``, ``axis_1``, ``axis_2`` (direction of length 1), ``fit`` (R squared), ``items``,
        ``drawn`` (the fit is at least 0.5).

    Notes
    -----
    What counts is how a segment leans: its importance of an item less that of all segments, each
    less its own mean over items, so that people who call everything important do not count more.
    These leanings are regressed on the items' coordinates, without a constant.

    References
    ----------
    Carroll, J. D. (1972). Individual differences and multidimensional scaling (PREFMAP, vector
    model). In Multidimensional Scaling, vol. 1.
    """
    wide = importance.pivot_table(index="item", columns="segment", values="importance")
    wide = wide.reindex(places.index).dropna()
    if len(wide) < 4 or wide.shape[1] < 2:
        raise NotEnough(
            f"{len(wide)} items of the map with an importance in every segment, 4 needed",
            "importance of the same items that brands are rated on",
        )
    level = wide - wide.mean()
    leaning = level.sub(level.mean(axis=1), axis=0)
    x = places.loc[wide.index].to_numpy(float)
    x = x - x.mean(axis=0)
    rows = []
    for segment in sorted(leaning.columns):
        y = leaning[segment].to_numpy(float)
        slope = np.linalg.lstsq(x, y)[0]
        total = float(y @ y)
        fit = 1 - float(((y - x @ slope) ** 2).sum()) / total if total > 1e-12 else 0.0
        length = float(np.linalg.norm(slope)) or 1.0
        rows.append({"segment": segment, "axis_1": slope[0] / length, "axis_2": slope[1] / length,
                     "fit": fit, "items": len(wide), "drawn": fit >= FIT})  # fmt: skip
    return pd.DataFrame(rows)
