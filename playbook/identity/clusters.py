"""Joins linked records to customers, strongest link first, and keeps apart what must not be joined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

__all__ = ["Clusters", "join_links"]


@dataclass
class Clusters:
    """Groups of records.

    Attributes
    ----------
    member_of
        Record to the first record (by text) of its group.
    strength
        Record to the strongest link that holds it in its group; 1 for a record alone.
    evidence
        Kind of link to the number of joins it made.
    refused
        Links that were not followed: left, right, probability, why.
    """

    member_of: dict[str, str]
    strength: dict[str, float]
    evidence: dict[str, int] = field(default_factory=dict)
    refused: list[tuple[str, str, float, str]] = field(default_factory=list)


def join_links(
    records: Iterable[str],
    links: pd.DataFrame,
    rejected: dict[str, set[str]],
    conflicts: dict[str, set[str]],
) -> Clusters:
    """Follow the links from the strongest to the weakest; a link that would join two records to be kept apart is refused.

    So a chain breaks at its weakest link, and a rejected pair stays apart however it is connected.

    Parameters
    ----------
    records
        All records.
    links
        ``left``, ``right``, ``probability``, ``kind``, ``by_hand``.
    rejected, conflicts
        Record to the records it must not be joined with: by hand, and by their birth dates and
        names. A link made by hand overrules the latter, not the former.
    """
    groups = {record: [record] for record in sorted(records)}
    member_of = {record: record for record in groups}
    strength: dict[str, float] = {}
    clusters = Clusters(member_of, strength)
    ordered = links.sort_values(
        ["by_hand", "probability", "left", "right"], ascending=[False, False, True, True]
    )
    for left, right, probability, kind, by_hand in ordered[
        ["left", "right", "probability", "kind", "by_hand"]
    ].itertuples(index=False):
        one, two = sorted((member_of[left], member_of[right]))
        if one == two:
            _hold(strength, left, right, probability)
            continue
        clash = _clash(groups[one], groups[two], rejected)
        why = "kept apart by hand" if clash else ""
        if not clash and not by_hand:
            clash = _clash(groups[one], groups[two], conflicts)
            why = f"{clash[0]} and {clash[1]} differ clearly" if clash else ""
        if clash:
            clusters.refused.append((left, right, probability, why))
            continue
        _hold(strength, left, right, probability)
        clusters.evidence[kind] = clusters.evidence.get(kind, 0) + 1
        for record in groups[two]:
            member_of[record] = one
        groups[one] += groups.pop(two)
    for record in member_of:
        strength.setdefault(record, 1.0)
    return clusters


def _hold(strength: dict[str, float], left: str, right: str, probability: float) -> None:
    for record in (left, right):
        strength[record] = max(strength.get(record, 0.0), probability)


def _clash(one: list[str], two: list[str], apart: dict[str, set[str]]) -> tuple[str, str] | None:
    """Return two records, one of each group, that must stay apart."""
    if len(two) < len(one):
        one, two = two, one
    for record in one:
        foes = apart.get(record)
        if foes:
            for other in two:
                if other in foes:
                    return (record, other) if record < other else (other, record)
    return None
