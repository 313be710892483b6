"""Step 2: identities, uneven response, and totals that mislead."""

from __future__ import annotations

import numpy as np
import pandas as pd

from playbook import research
from playbook.identity import Resolution, pair_scores, resolve
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import Share
from playbook.truth.study import Study, given

KEYS = ["system", "system_id"]


def _resolution(study: Study, exact_only: bool = False) -> Resolution:
    sight = study.sight
    return resolve(
        sight.table("customer_records"), sight.engagement.identity, as_of=sight.as_of,
        seed=sight.engagement.seed, exact_only=exact_only,
    )  # fmt: skip


@row(
    "02.identity_precision",
    "linked pairs of records that are one person",
    Share(0.99, "set by the method; there is no benchmark between people"),
)
def precision(study: Study) -> Found:
    """Naive: records that share an e-mail address or a telephone number, as written."""
    found = pair_scores(_resolution(study).keys, study.truth["identities"])
    naive = pair_scores(_as_written(study), study.truth["identities"])
    return Found(1.0, found.precision, naive.precision)


@row(
    "02.identity_recall",
    "pairs of records of one person that are linked",
    Share(0.95, "set by the method; exact keys reach at most 85 %"),
)
def recall(study: Study) -> Found:
    """Naive as for precision."""
    found = pair_scores(_resolution(study).keys, study.truth["identities"])
    naive = pair_scores(_as_written(study), study.truth["identities"])
    return Found(1.0, found.recall, naive.recall)


def _as_written(study: Study) -> pd.DataFrame:
    """Return one customer per e-mail address, else telephone number, else record."""
    records = study.sight.table("customer_records")
    own = records["system"] + ":" + records["system_id"]
    key = records["email"].fillna(records["phone"]).fillna(own)
    return records[KEYS].assign(customer_id=key)


@row(
    "02.nonresponse",
    "share of the bias of the score removed by weighting",
    Share(0.60, "the rest comes from satisfaction itself, which no weight sees"),
)
def nonresponse(study: Study) -> Found:
    """Mean error of the score over all waves; the bias that what is known of people causes is the whole."""
    sight = study.sight
    weights = given(research.surveys.weighting(sight.query("survey_panel")))["weights"]
    waves = given(research.promoters.by_wave(sight.query("promoter_answers"), weights)).table
    raise NotImplementedError(waves, np)


@row(
    "02.simpson",
    "groups whose retention moves against the total: sign within groups found",
    Share(0.80, "a sign in a sample of customers; chance may hide it in one world of five"),
)
def simpson(study: Study) -> Found | NotHere:
    """Naive: the sign of the pooled figure, which is wrong by construction."""
    raise NotImplementedError(study)
