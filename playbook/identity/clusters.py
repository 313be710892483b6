"""Joins linked records to customers, strongest link first, and keeps apart what must not be joined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

__all__ = ["BY_HAND", "Clusters", "join_links", "neighbours"]


BY_HAND = "kept apart by hand"
"""Why a link was refused that a person had rejected."""


@dataclass
class Clusters:
    """Groups of records.

    Attributes
    ----------
    member_of
        Record to the first record (by text) of its group.
    strength
        Record to the strongest link that holds it in its group; records alone are left out.
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
    """Follow the links from the strongest to the weakest, and refuse those that would join what must stay apart.

    A link is refused when it would bring a rejected pair together, however connected; and when the two
    groups hold as many pairs of records that contradict each other as pairs that are linked, unless
    the link joins two such records itself and so has weighed the contradiction. Thus a chain
    breaks at its weakest link.

    Parameters
    ----------
    records
        All records.
    links
        ``left``, ``right``, ``probability``, ``kind``, ``by_hand``.
    rejected, conflicts
        Record to the records it must not be joined with by hand, and to those it contradicts. A link
        made by hand overrules the latter, not the former.
    """
    groups = {record: [record] for record in sorted(records)}
    clusters = Clusters({record: record for record in groups}, {})
    member_of = clusters.member_of
    near = neighbours(links[["left", "right"]].itertuples(index=False))
    ordered = links.sort_values(
        ["by_hand", "probability", "left", "right"], ascending=[False, False, True, True]
    )
    for left, right, probability, kind, by_hand in ordered[
        ["left", "right", "probability", "kind", "by_hand"]
    ].itertuples(index=False):
        one, two = sorted((member_of[left], member_of[right]))
        if one != two:
            why = ""
            if _between(groups[one], groups[two], rejected):
                why = BY_HAND
            elif not by_hand and right not in conflicts.get(left, ()):
                clash = _between(groups[one], groups[two], conflicts)
                if clash and len(clash) >= len(_between(groups[one], groups[two], near)):
                    why = f"{clash[0][0]} and {clash[0][1]} differ clearly"
            if why:
                clusters.refused.append((left, right, probability, why))
                continue
            clusters.evidence[kind] = clusters.evidence.get(kind, 0) + 1
            for record in groups[two]:
                member_of[record] = one
            groups[one] += groups.pop(two)
        for record in (left, right):
            clusters.strength[record] = max(clusters.strength.get(record, 0.0), probability)
    return clusters


def neighbours(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Return for each record the records it is paired with."""
    near: dict[str, set[str]] = {}
    for left, right in pairs:
        near.setdefault(left, set()).add(right)
        near.setdefault(right, set()).add(left)
    return near


def _between(one: list[str], two: list[str], pairs: dict[str, set[str]]) -> list[tuple[str, str]]:
    """Return the pairs of a record of one group and one of the other."""
    others = set(two)
    return sorted(
        (record, other) if record < other else (other, record)
        for record in one
        if record in pairs
        for other in pairs[record] & others
    )
