"""Probabilities that two records are one person, by the model of Fellegi and Sunter, fitted by splink."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pandas as pd

__all__ = ["NotTrained", "match_probabilities"]

MINIMUM_TRAINING_PAIRS = 30
"""Fewer pairs than this in one block teach the model nothing."""
LARGEST_BLOCK = 60
"""A blocking value held by more records than this is too common to be worth comparing its holders."""
SAMPLED_PAIRS = 300_000
ROUNDS = (12, 5, 3, 2)
"""Rounds of expectation maximisation: the most, and how many where it does not settle."""
KEY_RECALL = 0.7
"""Share of all true links that exact keys are taken to find; it sets the prior only."""


class NotTrained(Exception):
    """The records do not teach the model what it needs; its probabilities would be made up."""


def _level(label: str, condition: str, tf: str = "") -> dict[str, Any]:
    level: dict[str, Any] = {"sql_condition": condition, "label_for_charts": label}
    if tf:
        level |= {"tf_adjustment_column": tf, "tf_adjustment_weight": 1.0}
    return level


def _comparison(name: str, null: str, *levels: dict[str, Any]) -> dict[str, Any]:
    absent = {"sql_condition": null, "label_for_charts": "absent", "is_null_level": True}
    return {
        "output_column_name": name,
        "comparison_levels": [absent, *levels, _level("different", "ELSE")],
    }


def _absent(column: str) -> str:
    return f"{column}_l is null or {column}_r is null"


def _distance(column: str, most: int) -> str:
    return f"damerau_levenshtein({column}_l, {column}_r) <= {most}"


def _alike(a: str, b: str) -> str:
    close = f"jaro_winkler_similarity({a}, {b}) >= 0.9 or ({_close(a, b)})"
    return f"({close} or starts_with({a}, {b} || '-') or starts_with({b}, {a} || '-') or ends_with({a}, '-' || {b}) or ends_with({b}, '-' || {a}))"


def _close(a: str, b: str) -> str:
    return f"length({a}) >= 4 and length({b}) >= 4 and damerau_levenshtein({a}, {b}) <= 1"


_TURNED = (
    "birth_l[1:4] = birth_r[1:4] and birth_l[5:6] = birth_r[7:8] and birth_l[7:8] = birth_r[5:6]"
)
_EMAIL_MISTYPED = (
    "case when email_digits_l = email_digits_r and abs(length(email_l) - length(email_r)) <= 2 "
    "then damerau_levenshtein(email_l, email_r) <= 2 else false end"
)

COMPARISONS: dict[str, dict[str, Any]] = {
    "first": _comparison(
        "first", _absent("first"),
        _level("equal", "first_l = first_r", "first"),
        _level("alike", _alike("first_l", "first_r") + " or ((length(first_l) = 1 or length(first_r) = 1) and first_l[1] = first_r[1])"),
        _level("somewhat alike", "jaro_winkler_similarity(first_l, first_r) >= 0.75"),
    ),
    "last": _comparison(
        "last", _absent("last"),
        _level("equal", "last_l = last_r", "last"),
        _level("alike", _alike("last_l", "last_r")),
        _level("somewhat alike", "jaro_winkler_similarity(last_l, last_r) >= 0.75"),
    ),
    "email": _comparison(
        "email", _absent("email"),
        _level("equal", "email_l = email_r"),
        _level("mistyped", _EMAIL_MISTYPED),
    ),
    "phone": _comparison(
        "phone", _absent("phone"), _level("equal", "phone_l = phone_r"), _level("mistyped", _distance("phone", 1)),
    ),
    "tax_id": _comparison(
        "tax_id", _absent("tax_id"), _level("equal", "tax_id_l = tax_id_r"), _level("mistyped", _distance("tax_id", 1)),
    ),
    "birth": _comparison(
        "birth", _absent("birth"),
        _level("equal", "birth_l = birth_r"),
        _level("mistyped", f"{_distance('birth', 1)} or ({_TURNED})"),
        _level("two digits differ", _distance("birth", 2)),
    ),
    "street": _comparison(
        "street", _absent("street"),
        _level("equal", "address_l = address_r", "address"),
        _level("alike", "jaro_winkler_similarity(street_l, street_r) >= 0.88 and house_l is not distinct from house_r"),
        _level("other number", "jaro_winkler_similarity(street_l, street_r) >= 0.95"),
    ),
    "postcode": _comparison(
        "postcode", _absent("postcode"),
        _level("equal", "postcode_l = postcode_r", "postcode"), _level("mistyped", _distance("postcode", 1)),
    ),
    "city": _comparison(
        "city", f"{_absent('city')} or coalesce(postcode_l = postcode_r, false)",
        _level("equal", "city_l = city_r", "city"), _level("mistyped", "jaro_winkler_similarity(city_l, city_r) >= 0.93"),
    ),
}  # fmt: skip
"""What is compared, from most to least alike."""

FREQUENCIES = ("first", "last", "address", "postcode", "city")
"""Columns in which agreeing on a rare value counts more than on a common one; counted within a country."""

BLOCKS = {
    "b_email": "email",
    "b_phone": "phone",
    "b_tax": "tax_id",
    "b_birth": "birth",
    "b_name": "name",
    "b_address": "street || '|' || coalesce(house, '') || '|' || coalesce(postcode, city)",
    "b_last": "last || '|' || postcode",
    "b_first": "first || '|' || postcode",
    "b_last_city": "last || '|' || city",
    "b_first_street": "first || '|' || street || '|' || coalesce(house, '')",
    "b_last_street": "last || '|' || street || '|' || coalesce(house, '')",
    "b_name_city": "name || '|' || city",
    "b_birth_part": "first[1:3] || '|' || last[1:3] || '|' || birth[1:4]",
}
"""Two records are compared when they agree in one of these."""

TRAINING = {
    "b_email": ("email",),
    "b_phone": ("phone",),
    "b_tax": ("tax_id",),
    "b_birth": ("birth",),
    "b_name": ("first", "last"),
}
"""Blocks that the model learns from, and the comparisons each cannot teach since it presumes them."""


def match_probabilities(
    db: duckdb.DuckDBPyConnection, linked: pd.DataFrame, *, seed: int, above: float
) -> pd.DataFrame:
    """Return pairs of table ``record`` with the probability that they are one person.

    The share of chance agreement is learned from random pairs in which exact keys have left one record
    per person, the share of agreement of one person with itself by expectation maximisation. No known
    identity is used.

    Parameters
    ----------
    db
        Holds table ``record``, normalised.
    linked
        ``uid``, ``person``: groups that exact keys made.
    seed
        Of the random pairs.
    above
        Smallest probability returned.

    Returns
    -------
    pandas.DataFrame
        ``left``, ``right``, ``probability``.

    Raises
    ------
    NotTrained
        When a comparison cannot be learned from these records.
    """
    _prepare(db, linked)
    comparisons = _usable(db)
    sessions = _sessions(db, comparisons)
    pairs = _linked_pairs(linked)
    prior = _prior(db, pairs)
    with _quiet():
        settings = _settings([COMPARISONS[name] for name in comparisons], prior)
        settings = _learn_chance(db, settings, seed)
        settings = _learn_agreement(db, settings, sessions, pairs)
        return _score(db, settings, above)


def _prepare(db: duckdb.DuckDBPyConnection, linked: pd.DataFrame) -> None:
    db.register("linked", linked)
    blocks = ", ".join(
        f"case when count(*) over (partition by {text}) <= {LARGEST_BLOCK} then {text} end as {name}"
        for name, text in BLOCKS.items()
    )
    frequencies = ", ".join(
        f"count({name}) over (partition by country, {name}) / nullif(count({name}) over (partition by country), 0) as tf_{name}"
        for name in FREQUENCIES
    )
    db.execute(
        f"create or replace table compared as select *, uid as unique_id, {blocks}, {frequencies}, "
        "min(uid) over (partition by person) = uid as alone from "
        "(select record.*, street || '|' || coalesce(house, '') as address, regexp_replace(email, '[^0-9]', '', 'g') as email_digits, person from record join linked using (uid)) order by uid"
    )
    db.unregister("linked")


def _usable(db: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the comparisons that enough records of one person, as exact keys see it, allow."""
    counts = ", ".join(
        f"count(*) filter (l.{name} is not null and r.{name} is not null)" for name in COMPARISONS
    )
    filled = db.execute(
        f"select {counts} from compared l join compared r on l.person = r.person and l.uid < r.uid"
    ).fetchall()[0]
    usable = [
        name
        for name, count in zip(COMPARISONS, filled or (), strict=True)
        if count >= MINIMUM_TRAINING_PAIRS
    ]
    if len(usable) < 3:
        raise NotTrained(
            f"only {', '.join(usable) or 'nothing'} can be compared; three of {', '.join(COMPARISONS)} are needed"
        )
    return usable


def _sessions(db: duckdb.DuckDBPyConnection, comparisons: list[str]) -> list[str]:
    """Return the blocks to learn from; every comparison is learned in at least one."""
    chosen, learned = [], set()
    for block, presumed in TRAINING.items():
        pairs = db.execute(
            f"select coalesce(sum(n * (n - 1) / 2), 0) from (select count(*) as n from compared where {block} is not null group by {block})"
        ).fetchall()[0]
        if pairs and pairs[0] >= MINIMUM_TRAINING_PAIRS:
            chosen.append(block)
            learned |= set(comparisons) - set(presumed)
    missing = [name for name in comparisons if name not in learned]
    if missing:
        raise NotTrained(
            f"too few pairs of records agree in anything to learn from: {', '.join(missing)}"
        )
    return chosen


def _linked_pairs(linked: pd.DataFrame) -> float:
    """Return the number of pairs within the groups of exact keys; too few teach nothing."""
    size = linked.groupby("person").size()
    pairs = float((size * (size - 1) / 2).sum())
    if pairs < MINIMUM_TRAINING_PAIRS:
        raise NotTrained(f"exact keys link {pairs:.0f} pairs; {MINIMUM_TRAINING_PAIRS} are needed")
    return pairs


def _prior(db: duckdb.DuckDBPyConnection, pairs: float) -> float:
    """Return the share of pairs of one country that are one person."""
    compared = db.execute(
        "select sum(n * (n - 1) / 2) from (select count(*) as n from compared group by country)"
    ).fetchall()[0][0]
    return min(0.5, pairs / KEY_RECALL / float(compared))


def _settings(comparisons: list[dict], prior: float) -> dict[str, Any]:
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "unique_id",
        "comparisons": comparisons,
        "blocking_rules_to_generate_predictions": [f"l.{name} = r.{name}" for name in BLOCKS],
        "probability_two_random_records_match": prior,
        "retain_matching_columns": False,
        "em_convergence": 0.001,
    }


def _linker(db: duckdb.DuckDBPyConnection, table: str, settings: dict) -> Any:
    from splink import DuckDBAPI, Linker

    return Linker(
        DuckDBAPI(connection=db).register(table), settings, validate_settings=False, log_level=None
    )


def _learn_chance(db: duckdb.DuckDBPyConnection, settings: dict, seed: int) -> dict:
    """Return the settings with the chance of agreement between different people."""
    db.execute(
        "create or replace table different as select * exclude (alone) from compared where alone order by uid"
    )
    linker = _linker(db, "different", settings)
    linker.training.estimate_u_using_random_sampling(
        SAMPLED_PAIRS, seed=seed, min_count_per_level=None, num_chunks=1
    )
    comparisons = linker.misc.save_model_to_json()["comparisons"]
    for comparison in comparisons:
        _count_equals(db, comparison)
    return settings | {"comparisons": comparisons}


def _count_equals(db: duckdb.DuckDBPyConnection, comparison: dict) -> None:
    """Replace the sampled chance of equal values, which is small, by its count over all pairs of different people of a country."""
    level = comparison["comparison_levels"][1]
    column = level["sql_condition"].partition("_l ")[0]
    if level["label_for_charts"] != "equal":
        return
    equal, pairs = db.execute(
        "select sum(equal), sum(n * (n - 1)) from (select sum(n * (n - 1)) as equal, sum(n) as n from "
        f"(select country, count(*) as n from different where {column} is not null group by country, {column}) group by country)"
    ).fetchall()[0]
    if pairs:
        level["u_probability"] = max(float(equal), 1.0) / float(pairs)


def _learn_agreement(
    db: duckdb.DuckDBPyConnection, settings: dict, sessions: list[str], pairs: float
) -> dict:
    """Return the settings with the share of agreement of one person with itself.

    A level that one person never shows loses weight from round to round until splink, whose
    probabilities must not reach 0, gives up; then fewer rounds are made.
    """
    for rounds in ROUNDS:
        linker = _linker(db, "compared", settings | {"max_iterations": rounds})
        try:
            for block in sessions:
                same = [f"l.{column} = r.{column}" for column in (*TRAINING[block], block)]
                linker.training.estimate_parameters_using_expectation_maximisation(
                    " and ".join(same)
                )
        except ValueError as error:
            if "minimum allowed value" not in str(error):
                raise
            continue
        comparisons = linker.misc.save_model_to_json()["comparisons"]
        check_and_smooth(comparisons, pairs)
        return settings | {"comparisons": comparisons}
    raise NotTrained("expectation maximisation does not settle on these records")


def _score(db: duckdb.DuckDBPyConnection, settings: dict, above: float) -> pd.DataFrame:
    linker = _linker(db, "compared", settings)
    scored = linker.inference.predict(threshold_match_probability=above, warning_mode="never")
    return db.execute(
        'select least(unique_id_l, unique_id_r) as "left", greatest(unique_id_l, unique_id_r) as "right", '
        f'round(match_probability, 6) as probability from {scored.physical_name} order by "left", "right"'
    ).df()


def check_and_smooth(comparisons: list[dict], pairs: float) -> None:
    """Refuse a comparison that taught nothing; give a level that was never seen half a pair, since it may come.

    ``pairs`` is the number of pairs of one person that the exact keys link.
    """
    for comparison in comparisons:
        levels = [
            level for level in comparison["comparison_levels"] if not level.get("is_null_level")
        ]
        for kind in ("m_probability", "u_probability"):
            seen = [level[kind] for level in levels if kind in level]
            if not seen or (kind == "m_probability" and sum(seen) < 0.5):
                raise NotTrained(
                    f"the records do not show how {comparison['output_column_name']} agrees ({kind} unknown)"
                )
        for level in levels:
            level["m_probability"] = max(level.get("m_probability", 0.0), 0.5 / pairs)
            level.setdefault("u_probability", 1e-6)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep splink's log and warnings off the output; what matters is raised."""
    import splink  # noqa: F401  (its import sets up a log to the screen)

    logging.getLogger("splink").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
