"""Step 7: what changed between two years, found where it is planted and quiet where it is not."""

from __future__ import annotations

from functools import lru_cache

import pandas as pd
from scipy.optimize import linear_sum_assignment

from playbook import monitoring, segmentation
from playbook.answer import Answer
from playbook.truth.rows import Found, NotHere, row
from playbook.truth.rules import Covers, FalseAlarms, Progress, Share
from playbook.truth.sight import given
from playbook.truth.step07 import drifted
from playbook.truth.step07_moves import told_moves
from playbook.truth.study import Study

NO_PURCHASE = "No purchase on record"
PLANTED = "delivery"
"""Attribute of the choice experiment whose worth rises in the last year, for one segment."""
LEVEL = "next day"
EVERYBODY = "everybody"


@lru_cache(maxsize=1)
def _frozen(study: Study) -> pd.DataFrame:
    """Return this year's customers under the model of a year before, as the notebook does."""
    sight = study.sight
    return segmentation.assign_segments(
        sight.customers, sight.mix, study.earlier.solution["model"], sight.query("buying_habits"), sight.attitudes
    )  # fmt: skip


@lru_cache(maxsize=1)
def _tastes(study: Study) -> Answer:
    """Return what the notebook says of choices in two years."""
    sight = study.sight
    return given(monitoring.choice_shift(sight.table("choice_tasks"), _frozen(study), sight.since))


@row(
    "07.preference_shift",
    "next-day delivery, which one segment wants more in the last year: the change found in each segment holds the true one",
    Covers(0.95),
)
def preference_shift(study: Study) -> Found | NotHere:
    """Planted, ours: change in the found segment that holds most of those who want it more; naive: in all respondents.

    The true change of a found segment is that of the mean part-worth of its respondents: few of them are of the latent
    segment, and other people answered a year before.
    """
    planted = study.settings.worth_shift.max(axis=1)
    if not planted.max() > 0:
        return NotHere("preferences do not shift in this world")
    told = _tastes(study)["changes"]
    told = told[(told["attribute"] == PLANTED) & (told["level"] == LEVEL)].set_index("segment")
    true = _true_changes(study)
    known = [name for name in told.index if name != EVERYBODY]
    covered = [told.loc[name, "low"] <= true["change"][name] <= told.loc[name, "high"] for name in known]  # fmt: skip
    most = true["share"].reindex(known).idxmax()
    return Found(
        planted=float(true["change"][most]),
        ours=float(told.loc[most, "change"]),
        naive=float(told.loc[EVERYBODY, "change"]),
        hits=int(sum(covered)),
        trials=len(covered),
    )


def _true_changes(study: Study) -> pd.DataFrame:
    """Return by found segment the true change of the level's part-worth (against the mean of levels), and the share it is planted in."""
    people = study.world.tables["choice_tasks"].drop_duplicates("respondent_id")
    worth = study.truth["choice_part_worths"].set_index("respondent_id")
    levels = worth[[c for c in worth if c.startswith(f"{PLANTED}: ")]]
    effect = levels[f"{PLANTED}: {LEVEL}"] - levels.sum(axis=1) / (levels.shape[1] + 1)
    home = _frozen(study).set_index("customer_id")["segment"]
    frame = pd.DataFrame({
        "segment": people["customer_id"].map(home).to_numpy(),
        "now": (people["answered_at"] > pd.Timestamp(study.sight.since) + pd.Timedelta(days=1)).to_numpy(),
        "worth": people["respondent_id"].map(effect).to_numpy(),
        "planted": (people["respondent_id"].map(worth["segment"]) == study.settings.worth_shift.max(axis=1).idxmax()).to_numpy(),
    })  # fmt: skip
    mean = frame.groupby(["segment", "now"])["worth"].mean().unstack()
    return pd.DataFrame({"change": mean[True] - mean[False], "share": frame.groupby("segment")["planted"].mean()})  # fmt: skip


@row(
    "07.taste_alarms",
    "choices of two years: some taste that did not shift is said to have",
    FalseAlarms(0.10),
)
def taste_alarms(study: Study) -> Found:
    """Every attribute where nothing shifts at all; else every attribute but the planted one."""
    table = _tastes(study).table
    shifts = bool(study.settings.worth_shift.to_numpy().max() > 0)
    still = table[table["attribute"] != PLANTED] if shifts else table
    return Found(hits=int((still["verdict"] == "shifted").any()), trials=1)


@row(
    "07.drift_outcomes",
    "late deliveries by kind of area: more are found in cities where a new carrier is planted, and nowhere else",
    Share(0.90, "tests at a false discovery rate of 5 %, and a planted rise of 30 % may be missed"),
)
def drift_outcomes(study: Study) -> Found:
    """Ours and planted: late deliveries in cities this year over those of last year; naive: over all areas."""
    table = drifted(study.sight).table
    table = table[table["figure"].str.startswith("delivery, ")]
    places = table["figure"].str.extract(r"delivery, (\w+)")[0]
    said = table["verdict"].isin(["shifted", "slight"]) & (table["now"] < table["before"])
    planted = (places == "urban") & (study.settings.carrier > 1)
    late = (1 - table["now"]) / (1 - table["before"])
    whole = ((1 - table["now"]) * table["n_now"]).sum() / table["n_now"].sum() / (
        ((1 - table["before"]) * table["n_before"]).sum() / table["n_before"].sum()
    )  # fmt: skip
    return Found(
        planted=float(study.settings.carrier),
        ours=float(late[places == "urban"].iloc[0]),
        naive=float(whole),
        hits=int((said == planted).sum()),
        trials=len(table),
    )


@row(
    "07.false_moves",
    "customers said to have moved between segments within a year (share); nobody truly moves",
    Progress(higher_is_better=False),
)
def false_moves(study: Study) -> Found:
    """Naive: segments found anew each year and matched by their customers; benchmark: the truth, nobody.

    The latent segment of a customer never changes, so whatever is measured is new evidence about old
    customers and chance.
    """
    before = study.earlier.solution["segments"]
    before = before[before["segment"] != NO_PURCHASE]
    anew = before.merge(study.sight.solution["segments"], on="customer_id", suffixes=("_before", "_now"))  # fmt: skip
    said, placed = told_moves(study, study.sight)
    counts = pd.crosstab(anew["segment_before"], anew["segment_now"]).to_numpy()
    matched = linear_sum_assignment(counts, maximize=True)
    return Found(
        planted=0.0,
        ours=len(said["moved"]) / len(placed),
        naive=float(1 - counts[matched].sum() / counts.sum()),
        bayes=0.0,
    )
