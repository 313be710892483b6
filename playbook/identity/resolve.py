"""Finds the people and companies behind the records of several systems."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import duckdb
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from playbook.errors import PlanError
from playbook.identity.clusters import BY_HAND, Clusters, join_links, neighbours
from playbook.identity.keys import define_comparisons, drop_shared, exact_links
from playbook.identity.normalise import normalise
from playbook.identity.probability import NotTrained, match_probabilities
from playbook.identity.survivorship import anchor_ids, survivors, system_order

if TYPE_CHECKING:
    from playbook.engagement.delivery import Identity

__all__ = ["MINIMUM_RECORDS", "Resolution", "exact_groups", "resolve"]

MINIMUM_RECORDS = 50
"""With fewer records nothing can be learned: exact keys only."""
CERTAINTY = {"tax id": 0.9999, "e-mail and name": 0.9995, "name, birth date and place": 0.9993, "telephone and name": 0.999}  # fmt: skip
"""Order of trust in links by exact keys; they stand above links by probability."""


SHOWN = ["name", "email", "phone", "tax_id", "birth", "street", "house", "postcode", "city"]
"""What the review list says two records agree or differ in."""


@dataclass(frozen=True)
class Resolution:
    """Who the records are.

    Attributes
    ----------
    keys
        ``customer_id, system, system_id, match_probability``: one row per record.
    customers
        One row per customer, columns of the standard table.
    review
        Doubtful pairs: ``left, right`` (as ``system:id``), ``probability``, ``why``.
    evidence
        ``kind``, ``links``: joins by kind of evidence.
    pairs
        ``left, right, probability, kind``: all pairs found, followed or not.
    notes
        What a reader must know, such as that only exact keys were used.
    """

    keys: pd.DataFrame
    customers: pd.DataFrame
    review: pd.DataFrame
    evidence: pd.DataFrame
    pairs: pd.DataFrame
    notes: tuple[str, ...] = field(default=())


def resolve(
    records: pd.DataFrame,
    settings: Identity,
    *,
    as_of: date | None,
    seed: int,
    exact_only: bool = False,
) -> Resolution:
    """Return the customers behind the records.

    Records are linked by exact keys first (see `playbook.identity.keys`), then by the probability that
    two records are one person. Links are followed from the strongest down; a link that would put two
    records of one system with clearly different first names or birth dates together is not.
    A record known only after ``as_of`` (``acquired_at``) is a customer of its own and changes nothing
    about the others; it is linked once a run's ``as_of`` includes it.

    Parameters
    ----------
    records
        Rows of ``customer_records``, unique in ``system`` and ``system_id``.
    settings
        The engagement's block ``identity``.
    as_of
        Last day that counts; none for all.
    seed
        Seed of the random pairs the model learns chance agreement from.
    exact_only
        Whether to stop after the exact keys.
    """
    records = records.sort_values(["system", "system_id"], ignore_index=True)
    uid = records["system"].astype(str) + ":" + records["system_id"].astype(str)
    later = _after(records, as_of)
    order = system_order(records[~later], settings.systems)
    with duckdb.connect(":memory:") as db:
        db.execute("set threads = 1; set timezone = 'UTC'")
        known = records[~later].reset_index(drop=True)
        found = _find(db, known, settings, seed, exact_only)
    group = uid.map(found.clusters.member_of).fillna(uid)
    ids = anchor_ids(records, group, order)
    strength = uid.map(found.clusters.strength).fillna(1.0).round(4)
    keys = pd.DataFrame(
        {
            "customer_id": ids,
            "system": records["system"],
            "system_id": records["system_id"],
            "match_probability": strength,
        }
    )
    evidence = pd.DataFrame(sorted(found.clusters.evidence.items()), columns=["kind", "links"])
    return Resolution(
        keys, survivors(records, ids, settings.trust, order), found.review, evidence, found.pairs, found.notes
    )  # fmt: skip


def exact_groups(records: pd.DataFrame, settings: Identity) -> tuple[pd.Series, pd.DataFrame]:
    """Return whom the exact keys alone put together, by the same rules as `resolve`, and the pairs they found.

    Parameters
    ----------
    records, settings
        As for `resolve`; what was confirmed or rejected by hand is no exact key and is not used.

    Returns
    -------
    group : pandas.Series
        The first record of each record's group (``system:id``), on the index of ``records``.
    pairs : pandas.DataFrame
        ``left, right, kind``: pairs an exact key links directly.
    """
    uid = records["system"].astype(str) + ":" + records["system_id"].astype(str)
    plain = settings.model_copy(update={"confirm": [], "reject": []})
    with duckdb.connect(":memory:") as db:
        db.execute("set threads = 1; set timezone = 'UTC'")
        found = _find(db, records.assign(uid=uid).sort_values("uid"), plain, 0, exact_only=True)
    return uid.map(found.clusters.member_of).fillna(uid), found.pairs[["left", "right", "kind"]]


@dataclass(frozen=True)
class _Found:
    clusters: Clusters
    pairs: pd.DataFrame
    review: pd.DataFrame
    notes: tuple[str, ...]


def _after(records: pd.DataFrame, as_of: date | None) -> pd.Series:
    if as_of is None or "acquired_at" not in records:
        return pd.Series(False, index=records.index)
    return pd.to_datetime(records["acquired_at"]) >= pd.Timestamp(as_of) + pd.Timedelta(days=1)


def _find(
    db: duckdb.DuckDBPyConnection,
    records: pd.DataFrame,
    settings: Identity,
    seed: int,
    exact_only: bool,
) -> _Found:
    plain = normalise(records)
    confirmed, rejected = by_hand(settings.confirm, "confirm"), by_hand(settings.reject, "reject")
    define_comparisons(db)
    db.register("plain", plain)
    db.execute("create table record as select * from plain order by uid")
    db.unregister("plain")
    notes = [
        f"{count:,} values of {column} are shared by many different people and identify nobody"
        for column, count in drop_shared(db).items()
    ]
    pairs = exact_links(db)
    pairs["probability"] = pairs["kind"].map(CERTAINTY).astype(float)
    if len(records) < MINIMUM_RECORDS:
        notes.append(
            f"{len(records)} records are too few to learn from (at least {MINIMUM_RECORDS}): linked by exact keys only"
        )
    elif not exact_only:
        try:
            pairs = _with_probable(db, plain["uid"], pairs, settings, seed)
        except NotTrained as error:
            notes.append(f"linked by exact keys only, since {error}")
    known = set(plain["uid"])
    hand = pd.DataFrame(
        [(a, b, 1.0, "confirmed by hand") for a, b in confirmed if a in known and b in known],
        columns=["left", "right", "probability", "kind"],
    )
    pairs = pd.concat([pairs, hand], ignore_index=True)
    pairs["by_hand"] = pairs["kind"] == "confirmed by hand"
    links = pairs[pairs["probability"] >= settings.link_above]
    clusters = join_links(
        plain["uid"], links, neighbours(rejected), _conflicts(db, plain["uid"], links)
    )
    review = _review(pairs, clusters, settings, rejected, plain)
    return _Found(clusters, pairs.drop(columns="by_hand"), review, tuple(notes))


def _with_probable(
    db: duckdb.DuckDBPyConnection,
    uid: pd.Series,
    exact: pd.DataFrame,
    settings: Identity,
    seed: int,
) -> pd.DataFrame:
    """Return the exact links and, below them, pairs by probability."""
    linked = pd.DataFrame({"uid": uid, "person": components(uid, exact)})
    above = min(settings.review_above, settings.link_above)
    probable = match_probabilities(db, linked, seed=seed, above=above).assign(kind="probability")
    probable = _hold_back(db, probable, settings.link_above)
    both = pd.concat([exact, probable], ignore_index=True)
    return both.drop_duplicates(["left", "right"], keep="first").reset_index(drop=True)


def _hold_back(
    db: duckdb.DuckDBPyConnection, probable: pd.DataFrame, link_above: float
) -> pd.DataFrame:
    """Keep pairs below ``link_above`` whose first names clearly differ, unless birth date or a personal tax id vouches for them.

    Members of a household agree in nearly everything else.
    """
    db.register("probable", probable[["left", "right"]].assign(place=range(len(probable))))
    held = db.execute(
        "select other_first(l, r) and not vouched(l, r) "
        'as held from probable p join record l on l.uid = p."left" join record r on r.uid = p."right" order by p.place'
    ).df()["held"]
    db.unregister("probable")
    capped = probable["probability"].clip(upper=link_above - 0.01)
    return probable.assign(probability=probable["probability"].mask(held.to_numpy(bool), capped))


def components(uid: pd.Series, links: pd.DataFrame) -> pd.Series:
    """Return the number of the group that links put each record in."""
    index = pd.Index(uid)
    left, right = index.get_indexer(links["left"]), index.get_indexer(links["right"])
    graph = coo_matrix(([1] * len(left), (left, right)), shape=(len(index), len(index)))
    return pd.Series(connected_components(graph, directed=False)[1], index=uid.index)


def _conflicts(
    db: duckdb.DuckDBPyConnection, uid: pd.Series, links: pd.DataFrame
) -> dict[str, set[str]]:
    """Return for each record those it contradicts, among the records that links lead to.

    These are records of one system with clearly different birth dates, and records with clearly
    different first names, no birth date and no personal tax id in common.
    """
    group = pd.DataFrame({"uid": uid, "person": components(uid, links)})
    group = group[group["person"].duplicated(keep=False)]
    db.register("grouped", group)
    pairs = db.execute(
        "with r as (select record.*, person from record join grouped using (uid)) "
        "select l.uid, r.uid from r l join r on l.person = r.person and l.uid < r.uid "
        "where ((other_first(l, r) and not vouched(l, r)) or (l.system = r.system and other_birth(l, r))) "
    ).fetchall()
    db.unregister("grouped")
    return neighbours(pairs)


def by_hand(lines: list[str], word: str) -> list[tuple[str, str]]:
    """Return the pairs of ``confirm`` or ``reject``, each line ``system:id = system:id``."""
    pairs = []
    for line in lines:
        left, equal, right = (part.strip() for part in line.partition("="))
        if not equal or ":" not in left or ":" not in right or left == right:
            raise PlanError(
                f"engagement.yml: identity: {word}: {line!r} is no pair; expected two records, such as 'shop:S0001 = crm:C-17'"
            )
        pairs.append((min(left, right), max(left, right)))
    return pairs


def _review(
    pairs: pd.DataFrame,
    clusters: Clusters,
    settings: Identity,
    rejected: list[tuple[str, str]],
    plain: pd.DataFrame,
) -> pd.DataFrame:
    """Return pairs that a person should look at: doubtful ones and links that were not followed.

    Of several pairs between two customers the most probable is shown.
    """
    doubtful = pairs[
        pairs["probability"].between(settings.review_above, settings.link_above, inclusive="left")
    ]
    rows = [
        (left, right, probability, "not sure enough to link")
        for left, right, probability in doubtful[["left", "right", "probability"]].itertuples(index=False)
        if clusters.member_of[left] != clusters.member_of[right]
    ] + [row for row in clusters.refused if row[3] != BY_HAND]  # fmt: skip
    settled = set(rejected)
    frame = pd.DataFrame(
        [row for row in rows if row[:2] not in settled],
        columns=["left", "right", "probability", "why"],
    )
    frame = frame.astype({"left": "str", "right": "str", "probability": "float64", "why": "str"})
    order = ["probability", "left", "right"]
    frame = frame.sort_values(order, ascending=[False, True, True], ignore_index=True)
    groups = frame[["left", "right"]].apply(lambda side: side.map(clusters.member_of))
    between = pd.DataFrame({"low": groups.min(axis=1), "high": groups.max(axis=1)})
    frame = frame[~between.duplicated()].reset_index(drop=True)
    frame["why"] = frame["why"] + _agreement(frame, plain.set_index("uid"))
    return frame


def _agreement(review: pd.DataFrame, plain: pd.DataFrame) -> pd.Series:
    """Return in words what the records of each pair agree and differ in."""
    left, right = plain.loc[review["left"], SHOWN], plain.loc[review["right"], SHOWN]
    words = []
    for one, other in zip(left.to_numpy(), right.to_numpy(), strict=True):
        both = [
            (label, a == b)
            for label, a, b in zip(SHOWN, one, other, strict=True)
            if isinstance(a, str) and isinstance(b, str)
        ]
        agree = ", ".join(label for label, equal in both if equal) or "nothing"
        differ = ", ".join(label for label, equal in both if not equal) or "nothing"
        words.append(f"; equal: {agree}; different: {differ}")
    return pd.Series(words, index=review.index, dtype="str")
