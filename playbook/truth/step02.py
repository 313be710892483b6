"""Step 2: identities, uneven response, and totals that mislead."""

from __future__ import annotations

import pandas as pd

from playbook import research
from playbook.identity import pair_scores
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import FalseAlarms, Progress, Share
from playbook.truth.sight import given
from playbook.truth.study import Study

KEYS = ["system", "system_id"]
TRAITS = ["country", "age_band", "customer_type", "activity"]


@row(
    "02.identity_precision",
    "linked pairs of records that are one person",
    Share(0.99, "set by the method; there is no benchmark between people"),
)
def precision(study: Study) -> Found:
    """Naive: records that share an e-mail address or a telephone number, as written."""
    found = pair_scores(study.sight.resolution.keys, study.truth["identities"])
    naive = pair_scores(_as_written(study), study.truth["identities"])
    return Found(1.0, found.precision, naive.precision)


@row(
    "02.identity_recall",
    "pairs of records of one person that are linked",
    Share(0.95, "set by the method; exact keys reach at most 85 %"),
)
def recall(study: Study) -> Found:
    """Naive as for precision."""
    found = pair_scores(study.sight.resolution.keys, study.truth["identities"])
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
    "bias of the score caused by what is known of people (points)",
    Progress(
        0.60, "weights see each trait by itself, not their combinations", higher_is_better=False
    ),
)
def nonresponse(study: Study) -> Found:
    """Mean over waves; naive: every answer counts the same.

    People with the same traits count as their mean planted score, so that neither chance nor
    satisfaction itself, which no weight sees, is in it.
    """
    panel = study.sight.query("survey_panel")
    weights = given(research.surveys.weighting(panel))["weights"]
    frame = panel.merge(study.truth["invited_scores"], on=["customer_id", "wave"])
    frame = frame.merge(weights, on=["customer_id", "wave"], how="left")
    frame["alike"] = frame.groupby(["wave", *TRAITS])["expected"].transform("mean")
    heard = frame[frame["weight"].notna()]
    all_ = frame[frame["wave"].isin(heard["wave"])].groupby("wave")["alike"].mean()
    raw = heard.groupby("wave")["alike"].mean() - all_
    product = (heard["alike"] * heard["weight"]).groupby(heard["wave"]).sum()
    ours = product / heard.groupby("wave")["weight"].sum() - all_
    side = 1.0 if raw.mean() >= 0 else -1.0  # bias counts in the direction it has without weights
    return Found(0.0, side * float(ours.mean()), side * float(raw.mean()), 0.0)


FAIRS = "Trade fairs"


@row(
    "02.simpson",
    "retention of customers won at trade fairs against others (points): sign within groups found",
    Share(0.80, "a sign in a few hundred customers; chance may hide it in one world of five"),
)
def simpson(study: Study) -> Found | NotHere:
    """The split into mix and rate, between two channels instead of two years; naive: the pooled gap."""
    if FAIRS not in study.settings.channel_dropout or study.kind == "no segments":
        return NotHere("the channel makes no difference in this world")
    cells = study.sight.query("kept_by_group")
    channel = cells["acquisition_channel"].eq(FAIRS)
    cells = cells.assign(
        window_name=channel.map({True: "after", False: "before"}), kept=100.0 * cells["kept"]
    )
    parts = research.diagnosis.decompose(cells, "customer_type", "kept", "customers")
    return Found(
        planted=-1.0,
        ours=float(parts["rate"].sum()),
        naive=float(parts["total"].sum()),
        hits=int(parts["rate"].sum() < 0),
        trials=1,
    )


CLAIMS = ("reversed", "hidden by the mix")
"""Verdicts that say a channel itself wins better or worse customers."""


@row(
    "02.misleading_totals",
    "worlds where the channel makes no difference: a channel is said to win better or worse customers among like",
    FalseAlarms(0.05),
)
def misleading_totals(study: Study) -> Found | NotHere:
    """Two tables a world: ordering again within a year of being won, and in the year after a year with orders."""
    if not study.null:
        return NotHere("channels make a difference in this world")
    called = 0
    for query in ("stayed_by_group", "kept_by_group"):
        table = given(research.reversals.reversals(study.sight.query(query))).table
        channel = table["attribute"].eq("acquisition channel")
        called += int((channel & table["verdict"].isin(CLAIMS)).any())
    return Found(hits=called, trials=2)
