"""Names that say what stands out, and that stay with their segment from year to year."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

__all__ = ["NEEDS", "SILENT", "final_names", "kept_names", "label_of", "name_segments"]

LONGEST = 40
NOTICEABLE = 0.3
TEMPO = {
    ("days since last order", -1): "Recent",
    ("days since last order", 1): "Lapsed",
    ("orders per year", 1): "Frequent",
    ("orders per year", -1): "Occasional",
    ("order value", 1): "Big-ticket",
    ("order value", -1): "Small-ticket",
}
KIND = {
    ("discount share", 1): "bargain hunters",
    ("discount share", -1): "full-price buyers",
    ("cases per order", 1): "service seekers",
    ("units per order", 1): "large-basket buyers",
    ("units per order", -1): "small-basket buyers",
    ("discount: reduced", 1): "bargain hunters",
    ("discount: full price", 1): "full-price buyers",
    ("price level: high", 1): "premium buyers",
    ("price level: low", 1): "low-price buyers",
    ("extra service: bought", 1): "extra-service buyers",
    ("returns: sent back", 1): "frequent returners",
    ("service case: opened", 1): "help seekers",
}
SILENT = ("price level: middle", "extra service: none", "returns: kept", "service case: none")
"""Ways that say nothing worth a name."""
NEEDS = ("importance: ", "psychographic: ")
ATTITUDE = (" consciousness", " orientation", " interest", " involvement", " awareness", " seeking")
"""Last words of constructs that the word "-minded" says already."""


def name_segments(deviations: pd.DataFrame) -> dict[int, str]:
    """Return a unique name of at most 40 characters for each segment, from its strongest deviations.

    The first word tells the strongest need, activity or order value, the rest what, where or how the segment buys.

    Parameters
    ----------
    deviations
        Segments in rows, figures of the basis in columns: difference from the mean of all customers in
        standard deviations.
    """
    names: dict[int, str] = {}
    for segment, row in deviations.iterrows():
        ordered = row.reindex(row.abs().sort_values(ascending=False, kind="stable").index)
        tempo = [word for f, z in ordered.items() if (word := _first(str(f), float(z)))]
        kind = [word for f, z in ordered.items() if (word := _kind(str(f), float(z)))]
        tries = [
            _short(first, second) for second in [*kind, "customers"] for first in tempo or [""]
        ]
        free = [name for name in tries if name not in names.values()]
        names[int(str(segment))] = free[0] if free else f"{tries[0][:37]} {segment}"
    return names


def kept_names(centers: pd.DataFrame, previous: pd.DataFrame) -> dict[int, str]:
    """Return last year's name of each segment that is recognisably the same one.

    Profiles are matched one to one at the smallest total distance (Hungarian method); a name is kept
    when its segment moved less than half the way to the nearest other segment of last year.

    Parameters
    ----------
    centers
        Segments in rows, figures in columns, in the units of ``previous``.
    previous
        Result ``segment_model`` of last year: ``segment``, ``feature``, ``center``, ``scale``.

    References
    ----------
    Kuhn (1955), The Hungarian method for the assignment problem, Naval Research Logistics 2.
    """
    old = previous.pivot_table(index="segment", columns="feature", values="center")
    scale = previous.groupby("feature")["scale"].first()
    shared = [f for f in centers.columns if f in old.columns]
    if not shared:
        return {}
    before = old[shared].to_numpy() / scale[shared].to_numpy()
    now = centers[shared].to_numpy() / scale[shared].to_numpy()
    apart = np.sqrt(((now[:, None, :] - before[None, :, :]) ** 2).sum(axis=2))
    among = np.sqrt(((before[:, None, :] - before[None, :, :]) ** 2).sum(axis=2))
    np.fill_diagonal(among, np.inf)
    rows, columns = linear_sum_assignment(apart)
    return {
        int(centers.index[i]): str(old.index[j])
        for i, j in zip(rows, columns, strict=True)
        if apart[i, j] < 0.5 * among[j].min()
    }


def final_names(
    deviations: pd.DataFrame, kept: Mapping[int, str], wanted: Mapping[str, str]
) -> dict[int, str]:
    """Return kept names, computed names for the rest, and what the plan wants instead; all unique."""
    computed = name_segments(deviations)
    taken = set(kept.values())
    fresh = {k: v for k, v in computed.items() if k not in kept}
    names = dict(kept)
    for segment, name in fresh.items():
        names[segment] = name if name not in taken else f"{name[:35]} new"
    result: dict[int, str] = {}
    for segment in sorted(names):
        name = wanted.get(names[segment], names[segment])[:LONGEST]
        result[segment] = name if name not in result.values() else f"{name[:37]} {segment + 1}"
    return result


def label_of(feature: str) -> str:
    """Return a figure of the basis in the words of a table or figure: "style", "App", "discount reduced"."""
    kind, _, name = feature.partition(": ")
    if not name:
        return kind.replace("days since last order", "days since order")
    return name if kind in ("importance", "psychographic", "channel", "category") else f"{kind} {name}"  # fmt: skip


def _sign(z: float) -> int:
    return 0 if abs(z) < NOTICEABLE else int(np.sign(z))


def _first(feature: str, z: float) -> str:
    if not feature.startswith(NEEDS):
        return TEMPO.get((feature, _sign(z)), "")
    if _sign(z) < 1:
        return ""
    need = feature.partition(": ")[2]
    for last in ATTITUDE:
        need = need.removesuffix(last)
    return f"{need[:1].upper()}{need[1:20].strip()}-minded"


def _kind(feature: str, z: float) -> str:
    if (feature, _sign(z)) in KIND:
        return KIND[feature, _sign(z)]
    _, _, name = feature.partition(": ")
    if not name or z < NOTICEABLE or feature in SILENT or feature.startswith(NEEDS):
        return ""
    return f"{name} buyers"


def _short(first: str, second: str) -> str:
    words, _, last = second.rpartition(" ")
    room = LONGEST - len(first) - len(last) - 2
    name = " ".join(part for part in (first, words[: max(room, 0)].strip(), last) if part)
    return name[0].upper() + name[1:]
